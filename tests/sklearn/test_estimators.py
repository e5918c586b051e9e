"""`GaussianHMM` and its base: hmmlearn's numbers where hmmlearn is right, and ours, shown, where it is not."""

import pickle
import runpy
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import hmmfilter as hf
from hmmfilter import sklearn as estimators
from hmmfilter.sklearn import BaseHMM, ConvergenceMonitor, GaussianHMM

hmmlearn = pytest.importorskip("hmmlearn.hmm")

TYPES = ("spherical", "diag", "full", "tied")
LENGTHS = [60, 89, 1]
SAME = 1e-10  # how far the same numbers may be apart that were computed in another order
EVERY_ITERATION = {"tol": -np.inf, "n_iter": 5, "random_state": 3}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    parts = [rng.normal([0, 0], 1, (60, 2)), rng.normal([3, -1], [1, 2], (50, 2)), rng.normal([-2, 4], 1, (40, 2))]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def by_hmmlearn(quiet_hmmlearn):
    return hmmlearn.GaussianHMM


def beliefs(covariance_type):
    """Arguments of a prior of everything, in shapes that both libraries understand alike."""
    rng = np.random.default_rng(1)
    scales = {"full": np.array([np.eye(2), np.eye(2) + 0.2, 2 * np.eye(2)]), "tied": np.eye(2) + 0.1}
    return {
        "startprob_prior": np.array([2.0, 1.5, 3.0]),
        "transmat_prior": 1.0 + rng.random((3, 3)),
        "means_prior": rng.normal(size=(3, 2)),
        "means_weight": 0.7,
        "covars_prior": scales.get(covariance_type, 0.5 + rng.random((3, 2))),
        "covars_weight": 5.0,
    }


def parameters(model):
    covars = np.array(model._covars_)
    is_wide = model.covariance_type == "spherical" and covars.ndim == 2  # hmmlearn's, after a fit
    return [model.startprob_, model.transmat_, model.means_, covars[:, 0] if is_wide else covars]


PARAMS = {"spherical": ["stmc"], "diag": ["stmc", "st"], "full": ["stmc", "mc"], "tied": ["stmc", "m"]}


@pytest.mark.parametrize(("covariance_type", "params"), [(kind, some) for kind in TYPES for some in PARAMS[kind]])
@pytest.mark.parametrize("has_prior", [False, True])
def test_fits_are_those_of_hmmlearn(rows, by_hmmlearn, covariance_type, params, has_prior):
    no_prior = {"covars_prior": 0.01 * np.eye(2)} if covariance_type in ("full", "tied") else {}
    given = {**(beliefs(covariance_type) if has_prior else no_prior), "params": params, **EVERY_ITERATION}
    theirs = by_hmmlearn(3, covariance_type, **given).fit(rows, LENGTHS)
    ours = GaussianHMM(3, covariance_type, **given).fit(rows, LENGTHS)
    for a, b in zip(parameters(theirs), parameters(ours), strict=True):
        assert_allclose(b, a, rtol=SAME, atol=SAME)
    assert ours.monitor_.iter == theirs.monitor_.iter == 5
    assert_allclose(ours.score(rows, LENGTHS), theirs.score(rows, LENGTHS), rtol=SAME)
    assert_allclose(ours.predict_proba(rows, LENGTHS), theirs.predict_proba(rows, LENGTHS), atol=SAME)
    for algorithm in ("viterbi", "map"):
        score, states = ours.decode(rows, LENGTHS, algorithm)
        expected = theirs.decode(rows, LENGTHS, algorithm)
        assert_allclose(score, expected[0], rtol=SAME)
        assert_array_equal(states, expected[1])
    assert np.diff(ours.monitor_.history).min() > -1e-11


@pytest.mark.parametrize("covariance_type", TYPES)
def test_samples_and_starts_are_those_of_hmmlearn(rows, by_hmmlearn, covariance_type):
    theirs, ours = (kind(3, covariance_type, n_iter=0, random_state=5).fit(rows) for kind in (by_hmmlearn, GaussianHMM))
    for a, b in zip(parameters(theirs), parameters(ours), strict=True):
        assert_allclose(b, a, rtol=1e-15)
    theirs._covars_ = parameters(theirs)[-1]
    for a, b in zip(theirs.sample(20, 7), ours.sample(20, 7), strict=True):
        assert_allclose(b, a, rtol=1e-14)
    assert ours.sample(3, 7, currstate=2)[1][0] == 2


def test_what_is_climbed_is_the_likelihood_and_the_prior(rows, by_hmmlearn):
    """From where the likelihood is highest, a prior leads down: hmmlearn's history falls, and its fit is at its end."""
    iterations = {}
    for kind in (by_hmmlearn, GaussianHMM):
        model = by_hand(kind, n_iter=99, tol=1e-6).fit(rows[:, :1])
        model.means_prior, model.means_weight = 9.0, 30.0
        history = model.fit(rows[:, :1]).monitor_.history
        iterations[kind], falls = len(history), np.diff(history).min() < -1.0
        assert falls == (kind is by_hmmlearn)
    assert iterations[by_hmmlearn] == 2
    assert iterations[GaussianHMM] > 5


@pytest.mark.parametrize("covariance_type", TYPES)
def test_no_parameters_are_likelier_than_those_of_the_end(rows, covariance_type):
    """Neither with the prior: the objective falls whichever parameter is moved."""
    fitted = GaussianHMM(2, covariance_type, n_iter=3000, tol=1e-13, random_state=0, means_prior=1.0, means_weight=3.0)
    fitted.set_params(transmat_prior=2.0, covars_prior=0.5, covars_weight=6.0).fit(rows)
    top = fitted._compute_lower_bound(fitted.score(rows))
    for name in ("means_", "_covars_"):
        best = getattr(fitted, name)
        for step in (0.99, 1.01):
            setattr(fitted, name, best * step)
            assert fitted._compute_lower_bound(fitted.score(rows)) < top - 1e-5
        setattr(fitted, name, best)
    moves = fitted.transmat_
    fitted.transmat_ = moves + 0.01 * np.array([[1, -1], [0, 0]]) * np.sign(0.5 - moves[0, 0])
    assert fitted._compute_lower_bound(fitted.score(rows)) < top - 1e-5


def by_hand(kind, *, width=1, covariance_type="diag", n=2, **given):
    model = kind(n, covariance_type, init_params="", **given)
    model.startprob_, model.transmat_ = np.full(n, 1 / n), np.full((n, n), 1 / n)
    model.means_, model.n_features = 4.0 * np.arange(n)[:, None] * np.ones(width), width
    own = {"spherical": np.ones(n), "diag": np.ones((n, width)), "full": np.tile(np.eye(width), (n, 1, 1))}
    model.covars_ = own[covariance_type]
    return model


def test_states_that_are_never_left_or_visited_stay_as_they_were(rows, by_hmmlearn):
    theirs, ours = by_hand(by_hmmlearn), by_hand(GaussianHMM)
    for model in (theirs, ours):
        model.startprob_, model.transmat_ = np.array([1.0, 0.0]), np.eye(2)
        with np.errstate(all="ignore"):
            model.fit(rows[:, :1])
    assert np.isnan(theirs.means_).any()
    assert not theirs.transmat_[1].any()
    assert_array_equal(ours.transmat_, np.eye(2))
    assert_array_equal(ours.means_[1], 4.0)
    assert_array_equal(ours.covars_[1], 1.0)
    assert np.isfinite(ours.score(rows[:, :1]))


def test_impossible_rows_are_named(by_hmmlearn):
    theirs, ours = by_hand(by_hmmlearn), by_hand(GaussianHMM)
    for model in (theirs, ours):
        model.startprob_, model.transmat_ = np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
        model.means_ = np.array([[0.0], [1e200]])
    with np.errstate(all="ignore"):
        assert np.isnan(theirs.predict_proba([[0.0], [1.0], [2.0]])).all()
        assert theirs.decode([[0.0], [1.0], [2.0]])[0] == -np.inf
    assert ours.score([[0.0], [1.0], [2.0]]) == -np.inf
    for question in (ours.predict_proba, ours.decode):
        with pytest.raises(hf.ImpossibleEvidenceError, match="impossible from step 1 on"):
            question([[0.0], [1.0], [2.0]])


def test_implementation_has_no_meaning(rows, by_hmmlearn):
    far = np.concatenate([rows[:, :1], [[1e4]]])
    with pytest.raises(ValueError, match="underflow"):
        by_hand(by_hmmlearn, implementation="scaling").score(far)
    exact = by_hand(by_hmmlearn, implementation="log").score(far)
    assert by_hand(GaussianHMM, implementation="scaling").score(far) == pytest.approx(exact, rel=1e-14)


def test_a_collapse_is_an_error_which_a_prior_prevents(rows, by_hmmlearn):
    data = np.concatenate([rows[:, :1], np.full((5, 1), 40.0)])
    assert by_hand(by_hmmlearn, covars_prior=0.0, n_iter=50).fit(data)._covars_[1] == 0
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses"):
        by_hand(GaussianHMM, covars_prior=0.0, n_iter=50).fit(data)
    assert by_hand(GaussianHMM, n_iter=50).fit(data).covars_[1, 0, 0] == pytest.approx(0.01 / 5)


def test_concentrations_below_1_are_refused(rows):
    with pytest.raises(ValueError, match=r"startprob_prior must be at least 1 \(below it"):
        by_hand(GaussianHMM, startprob_prior=0.5).fit(rows[:, :1])
    with pytest.raises(
        ValueError, match=r"transmat_prior must be a number, or fit into shape \(2, 2\), got shape \(3,\)"
    ):
        by_hand(GaussianHMM, transmat_prior=[1, 1, 1]).fit(rows[:, :1])


def test_covariances_about_means_that_are_held(rows, by_hmmlearn):
    given = {"params": "c", "n_iter": 6, "tol": -1.0}
    theirs, ours = (by_hand(kind, width=2, **given).fit(rows) for kind in (by_hmmlearn, GaussianHMM))
    assert np.diff(theirs.monitor_.history).min() < -100
    assert np.diff(ours.monitor_.history).min() > -1e-11


def test_the_sign_of_a_column_makes_no_difference(rows, by_hmmlearn):
    """A scale that is a number is so many times the unit matrix, and no matrix of it."""
    turned = {}
    for kind in (by_hmmlearn, GaussianHMM):
        models = [by_hand(kind, width=2, covariance_type="full", covars_prior=10.0, n_iter=1) for _ in range(2)]
        models[1].means_ = models[1].means_ * [1, -1]
        turned[kind] = [model.fit(rows * sign).covars_ for model, sign in zip(models, ([1, 1], [1, -1]), strict=True)]
    signs = np.array([[1, -1], [-1, 1]])
    assert_allclose(turned[GaussianHMM][1], turned[GaussianHMM][0] * signs, rtol=SAME)
    assert abs(turned[by_hmmlearn][1] - turned[by_hmmlearn][0] * signs).max() > 0.1
    equal = by_hand(GaussianHMM, width=2, covariance_type="full", covars_prior=10 * np.eye(2), n_iter=1).fit(rows)
    assert_array_equal(equal.covars_, turned[GaussianHMM][0])


def test_a_prior_for_each_state(rows):
    """As many numbers as there are states are one for each, also where there are as many entries."""
    one, both = (
        by_hand(GaussianHMM, width=2, covars_prior=prior, n_iter=1) for prior in ([0.0, 50.0], [[0, 0], [50, 50]])
    )
    assert_array_equal(one.fit(rows).covars_, both.fit(rows).covars_)
    means = by_hand(GaussianHMM, width=2, means_prior=[0.0, 9.0], means_weight=[0.0, 1e9], n_iter=1).fit(rows).means_
    assert_allclose(means[1], 9.0, atol=1e-5)
    assert abs(means[0]).max() < 4


def test_covariances_are_matrices(rows, by_hmmlearn):
    assert by_hmmlearn(3, "spherical", random_state=0).fit(rows).covars_.shape == (6, 2, 2)
    for covariance_type in TYPES:
        assert GaussianHMM(3, covariance_type, random_state=0).fit(rows).covars_.shape == (3, 2, 2)


def n_counted(model, rows):
    return round(0.5 * model.aic(rows) + model.score(rows))


def test_criteria_count_what_a_fit_was_free_to_choose(rows):
    expected = {"spherical": 3, "diag": 6, "full": 9, "tied": 3}
    for covariance_type, number in expected.items():
        model = GaussianHMM(3, covariance_type, random_state=0).fit(rows)
        assert n_counted(model, rows) == 2 + 6 + 6 + number
        assert model.bic(rows) == pytest.approx((14 + number) * np.log(150) - 2 * model.score(rows))
    held = GaussianHMM(3, params="m", random_state=0).fit(rows)
    assert n_counted(held, rows) == 6
    left_to_right = GaussianHMM(3, init_params="mc", random_state=0)
    left_to_right.startprob_ = [1.0, 0.0, 0.0]
    left_to_right.transmat_ = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    assert n_counted(left_to_right.fit(rows), rows) == 2 + 12


def test_several_stationary_distributions_are_refused(by_hmmlearn):
    theirs, ours = by_hand(by_hmmlearn), by_hand(GaussianHMM)
    theirs.transmat_ = ours.transmat_ = np.eye(2)
    assert_array_equal(theirs.get_stationary_distribution(), [1, 0])
    with pytest.raises(ValueError, match="more than one stationary distribution"):
        ours.get_stationary_distribution()


def test_n_iter_and_tol_are_heeded(rows, by_hmmlearn):
    models = [kind(2, n_iter=3, random_state=0) for kind in (by_hmmlearn, GaussianHMM)]
    iterations = [model.set_params(n_iter=9, tol=-1.0).fit(rows).monitor_.iter for model in models]
    assert iterations == [3, 9]


class AtOnce(ConvergenceMonitor):
    """Stops after two."""

    @property
    def converged(self):
        return self.iter == 2


def test_a_monitor_of_ones_own(rows, capsys):
    model = GaussianHMM(2, random_state=0, verbose=True)
    model.monitor_ = AtOnce(model.monitor_.tol, model.monitor_.n_iter, model.monitor_.verbose)
    assert model.fit(rows).fit(rows).monitor_.iter == 2
    printed = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in printed] == ["1", "2", "1", "2"]
    assert repr(model.monitor_).startswith("AtOnce(tol=0.01, n_iter=10, verbose=True, iter=2, history=[-")


def test_a_fall_is_logged(caplog):
    monitor = ConvergenceMonitor(1e-3, 10, False)
    for objective in (-5.0, -5.0 - 1e-9, -5.5):
        monitor.report(objective)
    assert [record.getMessage() for record in caplog.records] == [
        "Model is not converging: the objective fell by 0.5, to -5.5."
    ]


def test_what_a_second_argument_is(rows):
    model = GaussianHMM(2, n_iter=1, random_state=0)
    by_name = model.fit(rows, lengths=LENGTHS).to_hmm()
    parts = np.split(rows, np.cumsum(LENGTHS)[:-1])
    assert by_name == model.fit(rows, LENGTHS).to_hmm() == model.fit(rows, np.array(LENGTHS)).to_hmm()
    assert by_name == model.fit(rows, None, LENGTHS).to_hmm() == model.fit(parts).to_hmm()
    assert by_name == model.fit([part.tolist() for part in parts]).to_hmm()
    frames = [pd.DataFrame(part, columns=["a", "b"]) for part in parts]
    for a, b in zip(parameters(clone(model).fit(parts)), parameters(model.fit(frames)), strict=True):
        assert_allclose(b, a, rtol=SAME)
    assert list(model.feature_names_in_) == ["a", "b"]
    del model.feature_names_in_
    together = model.fit(rows).to_hmm()
    assert by_name != together
    for y in (np.arange(150), np.full(150, 0.5), ["a"] * 150, "words", [[150]], [-1, 151]):
        assert model.fit(rows, y).to_hmm() == together
    assert model.score(rows, LENGTHS) == model.score(parts) == model.score(rows, lengths=LENGTHS) != model.score(rows)
    assert model.score(rows, [1] * 150) == model.score(rows, lengths=[1] * 150) != model.score(rows)
    assert model.score(rows, [0, 1, 2] * 50) == model.score(rows)
    assert model.aic(rows, LENGTHS) == model.aic(parts)
    assert model.bic(rows, LENGTHS) == model.bic(parts)
    for question in (model.predict, model.predict_proba):
        assert_array_equal(question(rows, LENGTHS), question(parts))
    assert_array_equal(model.decode(rows, LENGTHS)[1], model.decode(parts)[1])
    with pytest.raises(ValueError, match="lengths must be left out of a list of sequences"):
        model.fit(parts, lengths=LENGTHS)
    with pytest.raises(ValueError, match="lengths must sum to the 150 rows"):
        model.fit(rows, lengths=[100])


@pytest.mark.parametrize("covariance_type", TYPES)
def test_models_and_back(rows, covariance_type):
    fitted = GaussianHMM(3, covariance_type, random_state=0).fit(rows, LENGTHS)
    model = fitted.to_hmm()
    assert model.log_likelihood(rows, lengths=LENGTHS).sum() == pytest.approx(fitted.score(rows, LENGTHS), rel=1e-14)
    back = GaussianHMM.from_hmm(model, n_iter=7)
    assert (back.covariance_type, back.n_iter, back.n_features) == (covariance_type, 7, 2)
    assert back.to_hmm() == model
    assert_array_equal(back.predict_proba(rows), fitted.predict_proba(rows))


def test_models_of_numbers():
    numbers = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([0.0, 3.0], [1.0, 2.0]))
    assert GaussianHMM.from_hmm(numbers).score([[0.0], [2.0]]) == numbers.log_likelihood([0.0, 2.0])
    tied = hf.HMM(numbers.initial, numbers.transition, hf.emissions.Gaussian([0.0, 3.0], 2.0, "tied"))
    assert GaussianHMM.from_hmm(tied).covars_.tolist() == [[[2.0]], [[2.0]]]


def test_models_that_an_estimator_cannot_be():
    gaussian, matrix = hf.emissions.Gaussian([0.0, 3.0], [1.0, 2.0]), [[0.9, 0.1], [0.2, 0.8]]
    with pytest.raises(TypeError, match="the emission of a GaussianHMM must be Gaussian, got Poisson"):
        GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], matrix, hf.emissions.Poisson([1.0, 2.0])))
    with pytest.raises(ValueError, match="model must have no end probabilities"):
        GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], matrix, gaussian, final=[0.1, 0.1]))
    with pytest.raises(TypeError, match="must move by one matrix, as GaussianHMM does, got Rates transitions"):
        GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], hf.transitions.Rates([[0, 1.0], [1.0, 0]]), gaussian))
    with pytest.raises(TypeError, match="model must be an HMM"):
        GaussianHMM.from_hmm(gaussian)
    with pytest.raises(NotImplementedError, match="BaseHMM has no `_emission`"):
        BaseHMM.from_hmm(hf.HMM([0.5, 0.5], matrix, gaussian))


class Coins(BaseHMM):
    """Somebody's own."""

    def _compute_log_likelihood(self, X):
        return np.log(np.where(X == 1, [0.5, 0.9], [0.5, 0.1]))


def test_a_class_of_ones_own_asks_and_learns_its_chain():
    tosses = hf.emissions.Categorical([[0.5, 0.5], [0.1, 0.9]]).sample([0] * 30 + [1] * 30, 0)[:, None]
    coins = Coins(2, n_iter=4, tol=-1.0)
    coins.init_params = ""
    coins.startprob_, coins.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    model = hf.HMM(coins.startprob_, coins.transmat_, hf.emissions.Categorical([[0.5, 0.5], [0.1, 0.9]]))
    lengths = [25, 0, 35]
    assert coins.score(tosses, lengths) == pytest.approx(model.log_likelihood(tosses[:, 0], lengths=lengths).sum())
    fixed = {"fixed": ["emission.probabilities"], "max_iterations": 4, "accelerate": False, "tolerance": 0.0}
    expected = hf.fit(model, tosses[:, 0], lengths=lengths, **fixed).model
    coins.fit(tosses, lengths=lengths)
    assert_allclose(coins.transmat_, expected.transition, rtol=SAME)
    assert_allclose(coins.startprob_, expected.initial, rtol=SAME)
    assert coins.sample(3, 0)[0].shape == (3, 0)
    assert n_counted(coins, tosses) == 3
    with pytest.raises(NotImplementedError, match="Coins has no `_emission`"):
        coins.to_hmm()
    with pytest.raises(NotImplementedError, match="BaseHMM must define `_compute_log_likelihood"):
        BaseHMM(2).fit(tosses)


def test_hooks_of_ones_own(rows):
    """Sums that somebody adds to, and steps that somebody takes: tables of all rows come to the same fit."""
    seen = []

    class Watching(GaussianHMM):
        def _accumulate_sufficient_statistics(self, stats, X, lattice, posteriors, fwdlattice, bwdlattice):
            super()._accumulate_sufficient_statistics(stats, X, lattice, posteriors, fwdlattice, bwdlattice)
            joint = np.logaddexp.reduce(fwdlattice + bwdlattice, axis=1)
            assert_allclose(np.exp(fwdlattice + bwdlattice - joint[:, None]), posteriors, atol=SAME)
            assert_allclose(lattice, self._compute_log_likelihood(X))
            seen.append(len(X))

    class Still(GaussianHMM):
        def _do_mstep(self, stats):
            super()._do_mstep(stats)
            self.means_[0] = 0.0

    few, lengths = rows[::5], [12, 18]
    for covariance_type in ("spherical", "full"):
        given = {"covariance_type": covariance_type, "n_iter": 2, "tol": -1.0, "random_state": 0}
        watching, plain = (kind(2, **given).fit(few, lengths) for kind in (Watching, GaussianHMM))
        for a, b in zip(parameters(watching), parameters(plain), strict=True):
            assert_allclose(b, a, rtol=1e-8)
        assert_allclose(watching.monitor_.history, plain.monitor_.history, rtol=SAME)
    assert seen == lengths * 4
    assert_array_equal(Still(2, random_state=0).fit(few).means_[0], 0.0)


def asked_with(model, rows, **attributes):
    for name, value in attributes.items():
        setattr(model, name, value)
    model.predict(rows)


def test_attributes_that_make_no_model(rows):
    model = GaussianHMM(3, random_state=0)
    with pytest.raises(NotFittedError):
        model.predict(rows)
    with pytest.raises(NotFittedError):
        model.sample()
    model.fit(rows)
    for name, value, message in (
        ("startprob_", [0.5, 0.5, 0.1], "startprob_ must sum to 1, got 1.1"),
        ("startprob_", [1.5, -0.5, 0.0], r"startprob_\[1\] must be at least 0"),
        ("transmat_", np.eye(2), r"transmat_ must have shape \(3, 3\)"),
        ("transmat_", 0.5 * np.eye(3), "transmat_ row 0 must sum to 1, got 0.5"),
        ("means_", np.zeros((2, 2)), r"means_ must have shape \(3, D\)"),
        ("covars_", np.zeros((3, 2)), r"covars_\[0, 0\] must be above 0"),
        ("algorithm", "best", "algorithm must be one of map, viterbi, got 'best'"),
        ("covariance_type", "round", "covariance_type must be one of spherical, diag, full, tied, got 'round'"),
    ):
        with pytest.raises(ValueError, match=message):
            asked_with(pickle.loads(pickle.dumps(model)), rows, **{name: value})
    typed = clone(model).set_params(init_params="mc", params="mc")
    typed.startprob_, typed.transmat_ = [0.333333, 0.333333, 0.333333], np.full((3, 3), 0.333333)
    assert_allclose(typed.fit(rows).to_hmm().transition, 1 / 3)
    for covariance_type, value, message in (
        ("full", np.ones((3, 2, 2)), "covars_ 0 must be positive definite"),
        ("tied", [[1, 0.5], [0, 1]], "covars_ 0 must be symmetric"),
        ("spherical", [[1, 2], [1, 1], [1, 1]], "covars_ must be one number for each of 3 states"),
        ("spherical", 1.0, "covars_ must be one number for each of 3 states"),
    ):
        with pytest.raises(ValueError, match=message):
            GaussianHMM(3, covariance_type).covars_ = value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"n_components": "2"}, "n_components must be an integer, got '2'"),
        ({"n_components": 2.0}, "n_components must be an integer, got 2.0"),
        ({"covariance_type": "round"}, "covariance_type must be one of spherical, diag, full, tied, got 'round'"),
        ({"n_iter": "all"}, "n_iter must be an integer from 0 up, got 'all'"),
    ],
)
def test_arguments_that_no_fit_can_have(rows, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GaussianHMM(**arguments).fit(rows)


def test_starts_are_learnt_however_small(by_hmmlearn):
    rows = np.repeat([[0.0], [20.0]], 20, axis=0) + np.tile([[-1.0], [1.0]], (20, 1))
    ours, theirs = (kind(2, **EVERY_ITERATION | {"n_iter": 4}).fit(rows) for kind in (GaussianHMM, by_hmmlearn))
    assert 0 < theirs.startprob_.min() < 1e-60
    assert ours.startprob_ == pytest.approx(theirs.startprob_, rel=SAME, abs=0)


def test_nan_is_refused_and_is_missing_for_the_model(rows):
    with_gap = np.where(np.arange(len(rows))[:, np.newaxis] == 7, np.nan, rows)
    model = GaussianHMM(2, random_state=0, n_iter=2).fit(rows)
    with pytest.raises(ValueError, match="NaN"):
        model.score(with_gap)
    assert np.isfinite(hf.fit(model.to_hmm(), with_gap, max_iterations=2).log_likelihood)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1, got 0"),
        ({"n_samples": 2.0}, TypeError, r"n_samples must be an integer, got 2\.0"),
        ({"currstate": 1}, ValueError, "currstate must be a state, from 0 to 0, got 1"),
        ({"currstate": -1}, ValueError, "currstate must be a state, from 0 to 0, got -1"),
    ],
)
def test_samples_that_cannot_be(rows, arguments, error, message):
    model = GaussianHMM().fit(rows)
    assert model.sample(2, currstate=np.int64(0))[1].tolist() == [0, 0]
    with pytest.raises(error, match=message):
        model.sample(**arguments)


def test_few_numbers_for_many_parameters_are_logged(rows, caplog):
    GaussianHMM(3, random_state=0).fit(rows[:6])
    assert [record.getMessage() for record in caplog.records] == [
        "A fit of 20 free numbers to 12 numbers of data will come to a degenerate solution."
    ]


def test_attributes_that_were_set_are_told_of_when_they_go(rows, caplog):
    model = GaussianHMM(2, random_state=0, init_params="s")
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    model.fit(rows)
    assert [record.getMessage() for record in caplog.records] == [
        "startprob_ was set, and will be overwritten by the start, as init_params has 's'."
    ]


def test_a_state_of_probability_0_is_never_drawn():
    """Also where probabilities sum to less than 1 by rounding, and the number that is drawn lies between."""

    class Last:
        def rand(self):
            return np.nextafter(1.0, 0.0)

    from hmmfilter.sklearn.asking import _cumulated, _drawn

    tenths = np.array([0.0, *[0.1] * 10])
    assert np.cumsum(tenths)[-1] < 1
    assert _drawn(_cumulated(tenths), Last()) == 10


def test_estimators_travel(rows):
    model = GaussianHMM(3, "full", random_state=0).fit(pd.DataFrame(rows, columns=["x", "y"]))
    there = pickle.loads(pickle.dumps(model))
    frame = pd.DataFrame(rows, columns=["x", "y"])
    assert there.to_hmm() == model.to_hmm()
    assert_array_equal(there.predict_proba(frame), model.predict_proba(frame))
    assert repr(clone(model)) == "GaussianHMM(covariance_type='full', n_components=3, random_state=0)"
    assert not hasattr(clone(model), "startprob_")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"x": "z"}))
    before = dict(vars(model))
    model.predict(frame)
    assert all(vars(model)[name] is value for name, value in before.items())


def test_without_scikit_learn_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"hmmfilter.sklearn needs scikit-learn: pip install 'hmmfilter\[sklearn\]'"):
        runpy.run_path(estimators.__file__)
