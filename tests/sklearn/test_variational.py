"""Variational estimators: the bound beside evidence in closed form, and hmmlearn's numbers where it is right."""

import numpy as np
import pytest
from hmmlearn import vhmm as theirs
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import gammaln

import hmmfilter as hf
from hmmfilter.sklearn import VariationalCategoricalHMM, VariationalGaussianHMM

TYPES = ("full", "tied", "diag", "spherical")
N_STATES, LENGTHS = 3, [30, 1, 19]
SAME = {"rtol": 1e-8, "atol": 1e-8}  # of parameters and bounds after some iterations, here and there
EXACT = {"rtol": 1e-11}  # of bounds and evidence
RISE = 1e-9  # by how much rounding may lower a bound of some hundred
RNG = np.random.RandomState(18)
SYMBOLS = RNG.randint(4, size=(50, 1))
VECTORS = RNG.normal(size=(50, 2)) + 3 * RNG.randint(3, size=(50, 1))
SPREAD = np.array([[1.5, 0.4], [0.4, 0.8]])
CHAIN = {
    "startprob_prior_": np.full(N_STATES, 0.5),
    "startprob_posterior_": RNG.gamma(2.0, size=N_STATES),
    "transmat_prior_": np.full((N_STATES, N_STATES), 0.5),
    "transmat_posterior_": RNG.gamma(2.0, size=(N_STATES, N_STATES)) * 5,
}
OF_SYMBOLS = {
    "emissionprob_prior_": np.full((N_STATES, 4), 0.25),
    "emissionprob_posterior_": RNG.gamma(2.0, size=(N_STATES, 4)) * 5,
}


def scales(covariance_type, n_states, n_entries):
    """A scale in the shape of each type."""
    matrix = SPREAD[:n_entries, :n_entries]
    return {
        "full": np.tile(matrix, (n_states, 1, 1)),
        "tied": matrix,
        "diag": np.tile(np.diag(matrix), (n_states, 1)),
        "spherical": np.full(n_states, 1.2),
    }[covariance_type]


def of_vectors(covariance_type, n_entries):
    """Beliefs that are no start of a fit by itself."""
    scale = scales(covariance_type, N_STATES, n_entries)
    dof = (
        (float(n_entries), 50.0) if covariance_type == "tied" else (np.full(N_STATES, n_entries), np.full(N_STATES, 17))
    )
    return {
        "means_prior_": np.zeros((N_STATES, n_entries)),
        "means_posterior_": VECTORS[:N_STATES, :n_entries],
        "beta_prior_": np.ones(N_STATES),
        "beta_posterior_": np.full(N_STATES, 15.0),
        "dof_prior_": dof[0],
        "dof_posterior_": dof[1],
        "scale_prior_": 0.1 * scale,
        "scale_posterior_": 15 * scale,
    }


def started(kind, beliefs, **arguments):
    """An estimator that begins with such beliefs."""
    model = kind(N_STATES, **{"n_iter": 6, "tol": -np.inf, "init_params": "", **arguments})
    for name, value in {**CHAIN, **beliefs}.items():
        setattr(model, name, np.array(value) if np.ndim(value) else value)
    return model


def log_evidence(covariance_type, rows, prior):
    """log p(rows) of one state, row by row: of each given those before it, which has a t distribution."""
    mean, beta, dof, scale = prior
    d, total = rows.shape[1], 0.0
    for row in rows:
        away, ratio = row - mean, (beta + 1) / beta
        if covariance_type in ("full", "tied"):
            total += stats.multivariate_t.logpdf(row, mean, scale * ratio / (dof - d + 1), dof - d + 1)
            scale = scale + np.outer(away, away) / ratio
        elif covariance_type == "diag":
            total += stats.t.logpdf(row, dof, mean, np.sqrt(scale * ratio / dof)).sum()
            scale = scale + away**2 / ratio
        else:
            total += stats.multivariate_t.logpdf(row, mean, scale * ratio / dof * np.eye(d), d * dof)
            scale = scale + away @ away / ratio / d
        mean, beta, dof = mean + away / (beta + 1), beta + 1, dof + 1
    return total


def single(kind, covariance_type):
    """An estimator of one state, whose posterior is exact after one iteration."""
    dof = 3.5 if covariance_type == "tied" else [3.5]
    prior = {"means_prior": [[1.0, -1.0]], "beta_prior": [0.7], "dof_prior": dof}
    scale = scales(covariance_type, 1, 2)
    return kind(1, covariance_type, scale_prior=scale, **prior, n_iter=2, tol=-np.inf, random_state=0)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_the_bound_of_one_state_is_the_evidence(covariance_type):
    rows = VECTORS[:9]
    model = single(VariationalGaussianHMM, covariance_type).fit(rows)
    scale = np.squeeze(scales(covariance_type, 1, 2))
    exact = log_evidence(covariance_type, rows, (np.array([1.0, -1.0]), 0.7, 3.5, scale))
    assert_allclose(model.monitor_.history[-1], exact, **EXACT)
    assert model.monitor_.history[0] < exact


@pytest.mark.parametrize("covariance_type", ["diag", "spherical"])
def test_the_bound_of_hmmlearn_is_none_where_entries_are_independent(covariance_type):
    rows = VECTORS[:9]
    model = single(theirs.VariationalGaussianHMM, covariance_type).fit(rows)
    scale = np.squeeze(scales(covariance_type, 1, 2))
    exact = log_evidence(covariance_type, rows, (np.array([1.0, -1.0]), 0.7, 3.5, scale))
    assert abs(model.monitor_.history[-1] - rows.size / 2 * np.log(2 * np.pi) - exact) > 0.1


def test_the_bound_of_states_that_are_known_is_the_evidence():
    rows = np.array([0, 0, 1, 1, 1, 0, 1, 1, 0, 0])
    prior = np.array([[0.5, 2.0], [1.0, 3.0]])
    arguments = {"startprob_prior": [0.7, 1.1], "transmat_prior": prior, "emissionprob_prior": np.eye(2)}
    model = VariationalCategoricalHMM(2, **arguments, n_iter=2, tol=-np.inf, random_state=0).fit(rows.reshape(-1, 1))
    moves = np.zeros((2, 2))
    np.add.at(moves, (rows[:-1], rows[1:]), 1)
    of_moves = gammaln(prior + moves) - gammaln(prior)
    of_rows = gammaln(prior.sum(axis=1)) - gammaln((prior + moves).sum(axis=1))
    assert_allclose(model.monitor_.history[-1], np.log(0.7 / 1.8) + of_moves.sum() + of_rows.sum(), **EXACT)
    assert_array_equal(model.emissionprob_, np.eye(2))
    assert_allclose(model.transmat_posterior_, prior + moves, **EXACT)


def test_symbols_come_to_the_numbers_of_hmmlearn():
    mine, other = (
        started(module, OF_SYMBOLS).fit(SYMBOLS, lengths=LENGTHS)
        for module in (VariationalCategoricalHMM, theirs.VariationalCategoricalHMM)
    )
    for name in ("startprob_posterior_", "transmat_posterior_", "emissionprob_posterior_", "emissionprob_"):
        assert_allclose(getattr(mine, name), getattr(other, name), **SAME)
    assert_allclose(mine.monitor_.history, other.monitor_.history, **SAME)
    assert_allclose(mine.score(SYMBOLS, lengths=LENGTHS), other.score(SYMBOLS, LENGTHS), **SAME)


@pytest.mark.parametrize(("covariance_type", "n_entries"), [*((each, 1) for each in TYPES), ("full", 2), ("tied", 2)])
def test_vectors_come_to_the_numbers_of_hmmlearn(covariance_type, n_entries):
    """And to its bound, which lacks a constant."""
    beliefs, rows = of_vectors(covariance_type, n_entries), VECTORS[:, :n_entries]
    kinds = VariationalGaussianHMM, theirs.VariationalGaussianHMM
    mine, other = (started(kind, beliefs, covariance_type=covariance_type).fit(rows, lengths=LENGTHS) for kind in kinds)
    for name in (*CHAIN, *beliefs, "means_", "covars_"):
        assert_allclose(getattr(mine, name), getattr(other, name), **SAME)
    lacks = rows.size / 2 * np.log(2 * np.pi)
    assert_allclose(mine.monitor_.history, np.array(other.monitor_.history) - lacks, **SAME)
    assert_allclose(mine.predict_proba(rows, LENGTHS), other.predict_proba(rows, LENGTHS), **SAME)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("params", ["stmc", "m", "c", "t"])
def test_the_bound_of_vectors_never_falls(covariance_type, params):
    model = started(
        VariationalGaussianHMM, of_vectors(covariance_type, 2), covariance_type=covariance_type, params=params
    )
    model.fit(VECTORS, lengths=LENGTHS)
    assert np.diff(model.monitor_.history).min() > -RISE
    held = {"s": "startprob", "t": "transmat", "m": "means", "c": "scale"}
    for letter, name in held.items():
        learnt = getattr(model, f"{name}_posterior_")
        before = {**CHAIN, **of_vectors(covariance_type, 2)}[f"{name}_posterior_"]
        assert (learnt != before).any() == (letter in params)


@pytest.mark.parametrize("params", ["ste", "e", "s"])
def test_the_bound_of_symbols_never_falls(params):
    model = started(VariationalCategoricalHMM, OF_SYMBOLS, params=params).fit(SYMBOLS, lengths=LENGTHS)
    assert np.diff(model.monitor_.history).min() > -RISE
    are_learnt = (model.emissionprob_posterior_ != OF_SYMBOLS["emissionprob_posterior_"]).any()
    assert are_learnt == ("e" in params)


def test_no_digits_are_lost_far_from_zero():
    far, beliefs = 2.0**24, of_vectors("full", 2)
    there = {
        **beliefs,
        "means_prior_": beliefs["means_prior_"] + far,
        "means_posterior_": beliefs["means_posterior_"] + far,
    }
    here = started(VariationalGaussianHMM, beliefs).fit(VECTORS)
    moved = started(VariationalGaussianHMM, there).fit(VECTORS + far)
    assert_allclose(moved.scale_posterior_, here.scale_posterior_, rtol=1e-6)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
def test_starts_are_those_of_hmmlearn(covariance_type):
    arguments = {"covariance_type": covariance_type, "random_state": 3}
    mine, other = VariationalGaussianHMM(3, **arguments), theirs.VariationalGaussianHMM(3, **arguments)
    mine._init(VECTORS, LENGTHS)
    other._init(VECTORS, LENGTHS)
    for name in (*CHAIN, *of_vectors(covariance_type, 2)):
        assert_allclose(getattr(mine, name), getattr(other, name), **SAME)
    symbols, others = VariationalCategoricalHMM(3, random_state=3), theirs.VariationalCategoricalHMM(3, random_state=3)
    symbols._init(SYMBOLS, LENGTHS)
    others._init(SYMBOLS, LENGTHS)
    for name in (*CHAIN, *OF_SYMBOLS):
        assert_allclose(getattr(symbols, name), getattr(others, name), **SAME)


def test_a_start_in_part_and_of_few_rows():
    rows = np.array([[0.0], [5.0], [5.5]])
    means = {"means_prior_": np.zeros((2, 1)), "means_posterior_": np.array([[0.0], [5.0]])}
    means |= {"beta_prior_": np.ones(2), "beta_posterior_": np.ones(2)}
    precisions = {"dof_prior_": np.ones(2), "dof_posterior_": np.full(2, 1.5)}
    precisions |= {"scale_prior_": np.ones(2), "scale_posterior_": np.full(2, 1.5)}
    for given, letters in ((means, "stc"), (precisions, "stm"), (means | precisions, "st")):
        model = VariationalGaussianHMM(
            2, "spherical", beta_prior=7.0, dof_prior=9.0, init_params=letters, random_state=0
        )
        for name, value in given.items():
            setattr(model, name, value)
        model._init(rows)
        assert all(getattr(model, name) is value for name, value in given.items())
        assert model.startprob_posterior_.sum() == pytest.approx(1.0)
        assert (model.dof_posterior_ == (9.0 if "c" in letters else 1.5)).all()  # no less than before the data
        assert (model.beta_posterior_ == (7.0 if "m" in letters else 1.0)).all()


def test_states_that_are_not_needed_keep_their_priors():
    rows = np.tile([0, 1, 2], 20).reshape(-1, 1)
    model = VariationalCategoricalHMM(4, random_state=1).fit(rows)
    (spare,) = set(range(4)) - set(model.predict(rows).tolist())
    assert_allclose(model.emissionprob_posterior_[spare], 1 / 3, atol=1e-3)
    assert_allclose(model.transmat_[spare], 0.25, atol=1e-3)


def test_what_is_ruled_out_stays_out():
    model = VariationalCategoricalHMM(2, transmat_prior=[[1.0, 1.0], [0.0, 1.0]], random_state=0).fit(SYMBOLS)
    assert model.transmat_[1, 0] == model.transmat_posterior_[1, 0] == 0.0
    assert np.isfinite(model.monitor_.history).all()
    assert np.diff(model.monitor_.history).min() > -RISE


def test_symbols_that_are_ruled_out_everywhere_are_impossible():
    model = VariationalCategoricalHMM(2, emissionprob_prior=[1.0, 1.0, 0.0, 1.0], random_state=0)
    first = int(np.flatnonzero(SYMBOLS == 2)[0])
    with pytest.raises(hf.ImpossibleEvidenceError, match=f"from step {first} of sequence 0 on"):
        model.fit(SYMBOLS, lengths=[49, 1])


def test_answers_are_of_the_expected_parameters():
    model = started(VariationalGaussianHMM, of_vectors("diag", 2), covariance_type="diag").fit(VECTORS)
    expected = hf.emissions.Gaussian(
        model.means_posterior_, model.scale_posterior_ / model.dof_posterior_[:, None], "variances"
    )
    assert model.to_hmm().emission == expected
    assert_array_equal(model._covars_, expected.covariance)  # which hmmlearn has, too
    assert_allclose(model.to_hmm().log_likelihood(VECTORS), model.score(VECTORS), **EXACT)
    assert_allclose(model.transmat_.sum(axis=1), 1.0, **EXACT)
    drawn, states = model.sample(50, random_state=0)
    assert drawn.shape == (50, 2)
    assert set(states) <= {0, 1, 2}
    assert model.aic(VECTORS) == pytest.approx(2 * (2 + 6 + 6 + 6 - model.score(VECTORS)))
    symbols = started(VariationalCategoricalHMM, OF_SYMBOLS).fit(SYMBOLS)
    assert symbols.aic(SYMBOLS) == pytest.approx(2 * (2 + 6 + 9 - symbols.score(SYMBOLS)))
    with pytest.raises(TypeError, match="VariationalGaussianHMM cannot be made of a model, which has parameters"):
        VariationalGaussianHMM.from_hmm(model.to_hmm())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("startprob_prior_", [0.5, 0.5], r"startprob_prior_ must have shape \(3,\), got \(2,\)"),
        ("startprob_prior_", [0.5, -0.5, 0.5], r"startprob_prior_\[1\] must be at least 0"),
        ("startprob_posterior_", [0.5, 0.0, 0.5], r"startprob_posterior_\[1\] must be above 0, as the other one is"),
        ("means_prior_", [[0.0, 0.0]], r"means_prior_ must have shape \(3, 2\)"),
        ("beta_posterior_", [1.0, 0.0, 1.0], r"beta_posterior_\[1\] must be above 0"),
        ("dof_prior_", [1.0, 2.0, 2.0], r"dof_prior_\[0\] must be above 1"),
        ("scale_prior_", np.ones((3, 2)), r"scale_prior_ must have shape \(3, 2, 2\)"),
        ("scale_posterior_", -scales("full", 3, 2), "scale_posterior_ 0 must be"),
    ],
)
def test_beliefs_that_are_none_are_refused(name, value, message):
    model = started(VariationalGaussianHMM, of_vectors("full", 2))
    setattr(model, name, np.array(value))
    with pytest.raises(ValueError, match=message):
        model.fit(VECTORS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"covariance_type": "round"}, "covariance_type must be"),
        ({"covariance_type": "diag", "scale_prior": -1.0}, r"scale_prior_\[0, 0\] must be above 0"),
        ({"transmat_prior": np.ones(4)}, r"transmat_prior must be a number, or fit into shape \(3, 3\)"),
        ({"startprob_prior": -1.0}, "startprob_prior.* must be at least 0"),
        ({"startprob_prior": 0.0}, "startprob_prior_ must be above 0 somewhere in each row"),
    ],
)
def test_priors_that_are_none_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        VariationalGaussianHMM(3, random_state=0, **arguments).fit(VECTORS)
