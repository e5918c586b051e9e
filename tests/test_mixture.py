"""Mixtures: log-densities, learning against all paths and beside hmmlearn, and pools that all states share."""

import itertools
import warnings

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import (
    Bernoulli,
    Categorical,
    FromScipy,
    Gaussian,
    Mixture,
    Poisson,
    Product,
    TiedMixture,
    VonMises,
)
from hmmfilter.emissions.learning import Kept
from tests import learning_oracle as oracle
from tests.test_learning_oracle import assert_near

INITIAL, TRANSITION = [0.6, 0.4], [[0.9, 0.1], [0.2, 0.8]]
WEIGHTS = [[0.3, 0.7], [0.6, 0.4]]
RELATIVE = 1e-15  # of log-densities against mpmath
COUNTS = [0, 3, None, 12, 7, 1, 25]


def counts():
    return Mixture([Poisson([1.0, 5.0]), Poisson([9.0, 20.0])], WEIGHTS)


def pooled():
    return TiedMixture(Poisson([1.0, 6.0, 20.0]), [[0.5, 0.4, 0.1], [0.1, 0.2, 0.7]])


def numbers():
    return Mixture([Gaussian([0.0, 5.0], [1.0, 2.0]), Gaussian([1.0, 4.0], [100.0, 0.5])], WEIGHTS)


def vectors():
    first = Gaussian([[0.0, 0.0], [3.0, 1.0]], [[[1.0, 0.3], [0.3, 1.0]], [[2.0, 0.0], [0.0, 1.0]]])
    return Mixture([first, Gaussian([[1.0, 2.0], [5.0, 5.0]], [2.0, 3.0], "spherical")], WEIGHTS)


def angles():
    return Mixture([VonMises([0.0, 1.0], [1.0, 4.0]), VonMises([2.0, -1.0], [0.5, 2.0])], WEIGHTS)


def rows():
    return Mixture([Product([Poisson([1.0, 5.0]), Gaussian([0.0, 1.0], [1.0, 1.0])]) for _ in range(2)], WEIGHTS)


MANY = {"counts": counts, "pooled": pooled, "numbers": numbers, "vectors": vectors, "angles": angles, "rows": rows}


def model_of(emission):
    return hf.HMM(INITIAL, TRANSITION, emission)


def drawn(emission, n=40):
    """Observations of a model, some of them missing."""
    x = np.array(model_of(emission).simulate(n, rng=3)[1], dtype=float)
    x[::7] = np.nan
    return x


ALONE = [
    (Poisson([1.0, 5.0]), COUNTS),
    (Gaussian([0.0, 5.0], [1.0, 2.0]), [0.5, None, -1e160, 3.0]),
    (vectors().components[0], [[0.5, 1.0], [None, 1e9], [3.0, None], [None, None]]),
    (Bernoulli([0.0, 0.3]), [0, 1, None]),
    (Product([Poisson([1.0, 0.0]), Bernoulli([0.1, 0.3])]), [(1, 0), (None, 1), (None, None)]),
]


@pytest.mark.parametrize(("emission", "x"), ALONE, ids=lambda it: type(it).__name__)
def test_a_mixture_of_one_component_is_the_component(emission, x):
    """To the bit, whatever it says."""
    mixture, pool = Mixture([emission], [[1.0], [1.0]]), TiedMixture(emission, np.eye(2))
    for one in (mixture, pool):
        assert np.array_equal(one.log_likelihoods(x), emission.log_likelihoods(x))
        assert all(
            np.array_equal(*pair, equal_nan=True) for pair in zip(one.log_sides(x), emission.log_sides(x), strict=True)
        )
        assert one.n_dimensions == emission.n_dimensions
        assert np.array_equal(one.moments()[0], emission.moments()[0])


@pytest.mark.parametrize("emission", [counts().components[0], vectors().components[0], angles().components[0]])
def test_it_learns_what_the_component_learns(emission):
    x = np.array(emission.sample(np.repeat([0, 1], 20), rng=0), dtype=float)
    degrees = np.random.default_rng(0).random((len(x), 2))
    assert Mixture([emission], [[1.0], [1.0]]).estimated(x, degrees).components[0] == emission.estimated(x, degrees)


def test_logs_are_exact_far_out_and_everywhere():
    wide, narrow = Gaussian([0.0], [1.0]), Gaussian([1.0], [1e6])
    mixture = Mixture([wide, narrow], [[1 - 1e-9, 1e-9]])
    x = np.array([0.0, 6.0, 7.0, 40.0, 1e5, -1e150])
    with mpmath.workdps(60):
        for got, value in zip(mixture.log_likelihoods(x)[:, 0], x.tolist(), strict=True):
            of_each = [
                mpmath.log(mpmath.mpf(float(w))) + mpmath.log(mpmath.npdf(value, mean, mpmath.sqrt(variance)))
                if abs(value) < 1e6
                else mpmath.log(mpmath.mpf(float(w))) - (mpmath.mpf(value) - mean) ** 2 / 2 / variance
                for w, mean, variance in zip(mixture.weights[0], (0, 1), (1, mpmath.mpf(1e6)), strict=True)
            ]
            exact = max(of_each) + mpmath.log(mpmath.fsum(mpmath.exp(each - max(of_each)) for each in of_each))
            assert abs(got - exact) <= RELATIVE * max(1, abs(exact)), value


def test_what_no_component_can_show_is_impossible():
    mixture = Mixture([Poisson([0.0, 1.0]), Bernoulli([0.0, 1.0])], WEIGHTS)
    table = mixture.log_likelihoods([0, 1])
    assert table[1, 0] == -np.inf
    assert np.isfinite(table[:, 1]).all()
    learnt = mixture.estimated([0, 1, 1], [[1.0, 0.5], [0.0, 1.0], [0.0, 1.0]])
    assert np.isfinite(learnt.weights).all()
    with pytest.raises(hf.ImpossibleEvidenceError):
        hf.HMM([1.0, 0.0], np.eye(2), mixture).filter([0, 1])


def exact_tables(mixture, x):
    """w_km p_m(x | k) of Poisson's counts, [k][m]; 1 where nothing is seen."""
    if isinstance(mixture, TiedMixture):
        rates = [mixture.pool.rate.tolist()] * 2
    else:
        rates = [[float(part.rate[k]) for part in mixture.components] for k in range(2)]
    density = oracle.poisson([mpmath.mpf(rate) for rate in itertools.chain(*rates)])
    n = len(rates[0])
    return [[mpmath.mpf(float(mixture.weights[k, m])) * density(x, k * n + m) for m in range(n)] for k in range(2)]


@pytest.mark.parametrize("emission", [counts(), pooled()], ids=["Mixture", "TiedMixture"])
@mpmath.workdps(oracle.DIGITS)
def test_one_step_against_all_paths_and_components(emission):
    model, sequences = model_of(emission), [COUNTS[:4], COUNTS[4:]]
    tables = {x: exact_tables(emission, x) for x in COUNTS}

    def density(x, k):
        return mpmath.mpf(1) if x is None else mpmath.fsum(tables[x][k])

    chain = oracle.Chain(oracle.exactly(INITIAL), oracle.exactly(TRANSITION))
    exact = oracle.expected(chain, density, sequences, [mpmath.mpf(1)] * 2)
    assert_near(model.log_likelihood(sequences), exact.log_likelihoods)
    shares = [
        (x, [[row[k] * each / mpmath.fsum(tables[x][k]) for each in tables[x][k]] for k in range(2)])
        for x, row in exact.degrees
        if x is not None
    ]
    n = emission.n_components
    sums = [[mpmath.fsum(share[k][m] for _, share in shares) for m in range(n)] for k in range(2)]
    totals = [[mpmath.fsum(x * share[k][m] for x, share in shares) for m in range(n)] for k in range(2)]
    learnt = model.fit(sequences, max_iterations=1, accelerate=False).model.emission
    assert_near(learnt.weights, [oracle.shares(row) for row in sums])
    if isinstance(emission, TiedMixture):
        rates = [mpmath.fsum(t[m] for t in totals) / mpmath.fsum(s[m] for s in sums) for m in range(n)]
        assert_near(learnt.pool.rate, rates)
    else:
        for m, part in enumerate(learnt.components):
            assert_near(part.rate, [totals[k][m] / sums[k][m] for k in range(2)])


@pytest.mark.parametrize("name", MANY)
def test_slopes_are_those_of_the_log_likelihood(name):
    """Fisher's identity, against differences."""
    emission = MANY[name]()
    x = drawn(emission)
    weights = np.random.default_rng(0).random((len(x), 2))
    observed = emission._observed(x)
    shown = Kept(observed, weights)
    if not emission._keeps:
        sums = emission._sums(observed)
        emission._add(observed, 0, len(x), weights, sums)
        for one, other in zip(emission._score(sums.sum(axis=0)).values(), emission._score(shown).values(), strict=True):
            assert np.allclose(one, other, rtol=1e-12, atol=1e-12)
        shown = sums.sum(axis=0)
    score, parameters = emission._score(shown), emission._parameters()
    for key, values in parameters.items():
        if key in emission._symmetric:
            continue
        for index in np.ndindex(values.shape):
            ends = []
            for way in (-1e-5, 1e-5):
                moved = values.copy()
                moved[index] += way
                if key == "weights":
                    log_w = np.log(moved).T[:, None]
                    table = hf.emissions.mixing.log_mixed(
                        emission._joint(observed, 0, len(x)) - emission._log_weights[:, None] + log_w
                    )
                    table[np.isnan(observed[0].reshape(len(x), -1)).all(axis=1)] = 0.0
                else:
                    table = emission._with({**parameters, key: moved}).log_likelihoods(x)
                ends.append((weights * table).sum())
            assert np.isclose((ends[1] - ends[0]) / 2e-5, score[key][index], rtol=1e-6, atol=1e-6), (key, index)


@pytest.mark.parametrize("name", MANY)
def test_learning_never_falls_and_comes_to_a_top(name):
    start = model_of(MANY[name]())
    fitted = start.fit(drawn(start.emission, 60), max_iterations=8)
    assert (np.diff(fitted.history) >= -1e-9).all()
    assert fitted.history[-1] > fitted.history[0]
    assert fitted.n_parameters == start.emission.n_parameters + 3
    assert str(fitted)
    both = start.fit([drawn(start.emission)[:20], drawn(start.emission)[20:]], max_iterations=1, workers=2)
    assert both.log_likelihood == start.fit(drawn(start.emission), lengths=[20, 20], max_iterations=1).log_likelihood


KINDS = {"full": "full", "diag": "variances", "spherical": "spherical"}


@pytest.mark.parametrize("theirs", KINDS)
def test_a_step_is_that_of_hmmlearn(theirs):
    """But for its covariances: they are about the means before the step, which adds how far these move, squared."""
    hmmlearn = pytest.importorskip("hmmlearn.hmm")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2)) + np.repeat(rng.normal(size=(4, 2)) * 3, 30, axis=0)
    means = rng.normal(size=(2, 2, 2)) * 2
    spread = {
        "full": np.array([[np.eye(2) * 2] * 2] * 2),
        "diag": np.full((2, 2, 2), 2.0),
        "spherical": np.full((2, 2), 2.0),
    }
    other = hmmlearn.GMMHMM(2, 2, covariance_type=theirs, n_iter=1, params="stmcw", init_params="")
    other.n_features, other.startprob_, other.transmat_ = 2, np.array(INITIAL), np.array(TRANSITION)
    other.weights_, other.means_, other.covars_ = np.array(WEIGHTS), means.copy(), spread[theirs]
    components = [Gaussian(means[:, m], spread[theirs][:, m], KINDS[theirs]) for m in range(2)]
    start = model_of(Mixture(components, WEIGHTS))
    assert np.isclose(start.log_likelihood(x), other.score(x), rtol=1e-13)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other.fit(x)
    learnt = start.fit(x, max_iterations=1, accelerate=False).model
    assert np.allclose(learnt.transition, other.transmat_, rtol=0, atol=1e-12)
    assert np.allclose(learnt.emission.weights, other.weights_, rtol=0, atol=1e-12)
    for m, component in enumerate(learnt.emission.components):
        assert np.allclose(component.mean, other.means_[:, m], rtol=0, atol=1e-11)
        moved = component.mean - means[:, m]
        added = {"full": moved[:, :, None] * moved[:, None], "diag": moved**2, "spherical": (moved**2).mean(axis=1)}
        assert np.allclose(component.covariance + added[theirs], other.covars_[:, m], rtol=0, atol=1e-9)


def test_what_is_held_tied_and_believed():
    x = drawn(counts(), 80)
    start = model_of(counts())
    held = start.fit(x, fixed=["emission.weights", "emission.1"], max_iterations=3).model.emission
    assert held.components[1] == start.emission.components[1]
    assert np.array_equal(held.weights, start.emission.weights)
    tied = start.fit(x, tied={"emission.0.rate": "all"}, max_iterations=3).model.emission
    assert len(set(tied.components[0].rate.tolist())) == 1
    dirichlet, gamma = hf.priors.Dirichlet(3.0), hf.priors.Gamma(2.0, 0.5)
    for prior in ({"weights": dirichlet, "components": gamma}, {"weights": dirichlet, "components": [gamma, gamma]}):
        fitted = start.fit(x, prior=hf.Prior(emission=prior), max_iterations=3)
        assert (np.diff(fitted.history) > 0).all()
        emission = fitted.model.emission
        own = sum(gamma.log_density(part.rate) for part in emission.components)
        assert np.isclose(fitted.log_prior, dirichlet.log_density(emission.weights) + own, rtol=1e-13)
    top = start.fit(x, prior=hf.Prior(emission=prior), max_iterations=500)
    assert top.gradient_norm < 1e-4
    alone = start.emission.estimated(x, np.ones((len(x), 2)), {"weights": dirichlet})
    assert (np.abs(alone.weights - 0.5) < np.abs(start.emission.estimated(x, np.ones((len(x), 2))).weights - 0.5)).all()
    of_pool = model_of(pooled()).fit(x, prior=hf.Prior(emission={"pool": gamma}), max_iterations=3)
    assert np.isclose(of_pool.log_prior, gamma.log_density(of_pool.model.emission.pool.rate), rtol=1e-13)
    of_weights = model_of(pooled()).fit(
        x, prior=hf.Prior(emission={"weights": dirichlet}), fixed="emission.pool", max_iterations=2
    )
    assert of_weights.model.emission.pool == pooled().pool
    assert hash(hf.Prior(emission=prior)) == hash(hf.Prior(emission=prior))


def test_a_weight_of_zero_stays():
    start = model_of(Mixture([Poisson([1.0, 5.0]), Poisson([9.0, 20.0])], [[1.0, 0.0], [0.5, 0.5]]))
    fitted = start.fit(drawn(counts()), max_iterations=5)
    assert fitted.model.emission.weights[0].tolist() == [1.0, 0.0]
    assert fitted.n_parameters == 4 + 1 + 3
    assert np.isfinite(start.emission.moments()[0]).all()


def test_a_collapse_names_state_and_component():
    x = np.concatenate([np.random.default_rng(0).normal(size=30), [50.0] * 5])
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses in component 1: its") as caught:
        hf.HMM([1.0], [[1.0]], Mixture([Gaussian([0.0], [1.0]), Gaussian([50.0], [1.0])], [[0.5, 0.5]])).fit(x)
    assert caught.value.part == "component 1"
    pool = TiedMixture(Gaussian([0.0, 50.0], [1.0, 1.0]), [[0.9, 0.1], [0.4, 0.6]])
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses in component 1: its"):
        model_of(pool).fit(x)


def test_components_that_learn_as_a_whole():
    x = drawn(numbers(), 60)
    whole = Mixture([FromScipy([stats.norm(0, 1), stats.norm(5, 1.4)]), Gaussian([1.0, 4.0], [100.0, 0.5])], WEIGHTS)
    usual = Mixture([Gaussian([0.0, 5.0], [1.0, 1.96]), Gaussian([1.0, 4.0], [100.0, 0.5])], WEIGHTS)
    learnt = model_of(whole).fit(x, max_iterations=1, accelerate=False)
    other = model_of(usual).fit(x, max_iterations=1, accelerate=False)
    assert np.isclose(learnt.log_likelihood, other.log_likelihood, rtol=1e-6)
    with pytest.raises(
        TypeError, match="the prior of a Mixture emission must be None, since a component of it has none"
    ):
        whole.estimated(x, np.ones((60, 2)), {"weights": hf.priors.Dirichlet(2.0)})


@pytest.mark.parametrize("name", MANY)
def test_draws_have_the_moments_that_it_says(name):
    emission = MANY[name]()
    mean, variance = emission.moments()
    x = np.asarray(emission.sample(np.repeat([0, 1], 4000), rng=1), dtype=float).reshape(2, 4000, -1)
    if name == "angles":
        assert np.allclose(np.angle(np.exp(1j * x).mean(axis=1))[:, 0], mean, rtol=0, atol=0.15)
        return
    own = variance if variance.ndim == 1 else np.diagonal(variance, axis1=1, axis2=2)
    spread = np.sqrt(own.reshape(2, -1))
    assert (np.abs(x.mean(axis=1) - mean.reshape(2, -1)) < 5 * spread / np.sqrt(4000)).all()
    assert np.allclose(x.std(axis=1), spread, rtol=0.1)


def test_moments_of_what_has_none():
    words = Mixture([Categorical([[0.5, 0.5]] * 2), Categorical([[0.1, 0.9]] * 2)], WEIGHTS)
    assert np.isnan(words.moments()[0]).all()
    assert np.allclose(np.exp(words.log_likelihoods([0])), [[0.3 * 0.5 + 0.7 * 0.1, 0.6 * 0.5 + 0.4 * 0.1]])
    assert words.sample([0, 1], rng=0).dtype == np.int64


def test_sides_are_mixed():
    below, at, above = counts().log_sides(COUNTS)
    whole = np.exp(below) + np.exp(at) + np.exp(above)
    assert np.allclose(whole[[0, 1, 3]], 1.0, rtol=1e-14)
    assert np.isnan(below[2]).all()
    assert np.allclose(np.exp(at[0]), np.exp(counts().log_likelihoods(COUNTS)[0]), rtol=1e-14)
    entries = vectors().log_sides([[0.0, 1.0], [None, 2.0]])
    assert entries[0].shape == (2, 2, 2)
    of_pool = TiedMixture(vectors().components[0], WEIGHTS).log_sides([[0.0, 1.0], [None, 2.0]])
    by_hand = np.log(np.exp(vectors().components[0].log_sides([[0.0, 1.0]])[0]) @ np.array(WEIGHTS).T)
    assert np.allclose(of_pool[0][:1], by_hand, rtol=1e-13)
    assert model_of(counts()).pseudo_residuals(COUNTS).residuals.shape == (7,)


@pytest.mark.parametrize("name", MANY)
def test_it_is_an_emission_as_any(name, tmp_path):
    emission = MANY[name]()
    model, x = model_of(emission), drawn(emission)
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json") == model
    assert np.array_equal(
        emission._reordered(np.array([1, 0])).log_likelihoods(x), emission.log_likelihoods(x)[:, ::-1]
    )
    stream = model.online()
    filtered = model.filter(x)
    assert all(np.array_equal(stream.observe(v), row) for v, row in zip(x, filtered.log_probabilities, strict=True))
    forecast = model.forecast(x, 2)
    assert np.isfinite(forecast.mean).all()
    assert "weight 0" in str(model)
    assert repr(emission).startswith(type(emission).__name__)


def test_frames_are_joined_by_name():
    import pandas as pd

    by_name = Mixture([Product({"n": Poisson([1.0, 5.0]), "m": Poisson([2.0, 3.0])}) for _ in range(2)], WEIGHTS)
    frame = pd.DataFrame({"m": [1, 2, 3], "n": [4, 5, 6]})
    model = model_of(by_name)
    both = model.filter([frame[["n", "m"]], frame]).log_likelihood
    assert both[0] == both[1] == model.log_likelihood([(4, 1), (5, 2), (6, 3)])
    numbered = model_of(Product([by_name.components[0], Gaussian([0.0, 1.0], [1.0, 1.0])]))
    assert np.isfinite(numbered.log_likelihood([(4, 1, 0.5)]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Mixture([], [[1.0]]), "components must be a list of emissions"),
        (lambda: Mixture([Poisson([1.0])], [[0.5, 0.5]]), r"weights must have shape \(1, 1\), got \(1, 2\)"),
        (lambda: Mixture([Poisson([1.0])], [[0.5]]), "weights row 0 must sum to 1, got 0.5: normalize=True"),
        (lambda: Mixture([Poisson([1.0]), vectors()._reordered([1, 0])], [[0.5, 0.5]]), "the same states"),
        (
            lambda: Mixture([counts(), vectors()], WEIGHTS),
            r"the same, got numbers in the first and vectors of 2 in \[1\]",
        ),
        (lambda: TiedMixture(3, WEIGHTS), "pool must be an emission, got 3"),
        (lambda: TiedMixture(Poisson([1.0]), WEIGHTS), r"weights must have shape \(K, 1\), got \(2, 2\)"),
        (lambda: counts()._admit([None, None, None]), "prior of a Mixture emission must be a list of 2 priors"),
        (lambda: counts()._admit({"weights": hf.priors.Gamma(2.0, 1.0)}), "prior of the weights must be a Dirichlet"),
        (lambda: counts()._admit({"weights": hf.priors.Dirichlet([2.0, 1.0, 1.0])}), "prior of the weights must fit"),
        (lambda: counts()._admit({"components": [None]}), "of components, must be a list of 2 priors"),
        (lambda: counts().log_likelihoods([0.5]), r"component 0: observations\[0\] must be a whole number from 0 up"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()
