"""`GMMHMM`: hmmlearn's numbers where hmmlearn is right, and ours, shown, where it is not."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import hmmfilter as hf
from hmmfilter.sklearn import GMMHMM, gmm_estimates

hmmlearn = pytest.importorskip("hmmlearn.hmm")

TYPES = ("spherical", "diag", "full", "tied")
K, M, D = 2, 3, 2
LENGTHS = [60, 89, 1]
SAME = 1e-10  # how far the same numbers may be apart that were computed in another order
EVERY_ITERATION = {"tol": -np.inf, "n_iter": 8}
OF_VARIANCES, OF_MATRICES = {"covars_prior": 2.0, "covars_weight": 1.5}, {"covars_prior": np.eye(2), "covars_weight": 4}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    parts = [rng.normal(mean, sd, (30, 2)) for mean in ([0, 0], [6, -1], [-2, 4], [8, 7], [1, 1]) for sd in (1,)]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def by_hmmlearn(quiet_hmmlearn):
    return hmmlearn.GMMHMM


def started(model, n_mix=M):
    """The same start for every kind, all variances 4."""
    rng = np.random.default_rng(1)
    model.startprob_, model.transmat_ = np.array([0.5, 0.5]), np.array([[0.8, 0.2], [0.3, 0.7]])
    model.weights_, model.means_ = np.full((K, n_mix), 1 / n_mix), rng.normal(2, 3, (K, n_mix, D))
    shape = gmm_estimates.shapes_of_covars((K, n_mix, D))[model.covariance_type]
    is_matrix = model.covariance_type in gmm_estimates.HAS_MATRICES
    model.covars_ = np.array(np.broadcast_to(4 * np.eye(D) if is_matrix else 4.0, shape))
    return model


def of_type(covariance_type):
    return OF_MATRICES if covariance_type in gmm_estimates.HAS_MATRICES else OF_VARIANCES


def parameters(model):
    return [model.startprob_, model.transmat_, model.weights_, model.means_, model.covars_]


PRIORS = {
    "nothing": lambda kind: {} if kind != "spherical" else {"covars_prior": -0.5 * D - 1},
    "weights": lambda kind: {"weights_prior": [2.0, 1.5, 3.0], **of_type(kind)},
    "means": lambda kind: {"means_prior": 1.0, "means_weight": [2.0, 0.5, 1.0], "params": "stmw"},
    "covariances alone": lambda kind: {**of_type(kind), "means_prior": 1.0, "means_weight": 2.0, "params": "c"},
}


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("prior", PRIORS)
def test_fits_are_those_of_hmmlearn(rows, by_hmmlearn, covariance_type, prior):
    given = {**EVERY_ITERATION, "init_params": "", "covariance_type": covariance_type}
    given |= PRIORS[prior](covariance_type)
    theirs = started(by_hmmlearn(K, M, **given)).fit(rows, LENGTHS)
    ours = started(GMMHMM(K, M, **given)).fit(rows, LENGTHS)
    for a, b in zip(parameters(theirs), parameters(ours), strict=True):
        assert_allclose(b, a, rtol=SAME, atol=SAME)
    assert_allclose(ours.score(rows, LENGTHS), theirs.score(rows, LENGTHS), rtol=SAME)
    assert_allclose(ours.predict_proba(rows, LENGTHS), theirs.predict_proba(rows, LENGTHS), atol=SAME)
    assert_array_equal(ours.predict(rows, LENGTHS), theirs.predict(rows, LENGTHS))
    assert_array_equal(ours.sample(9, random_state=4)[0].shape, theirs.sample(9, random_state=4)[0].shape)


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
def test_starts_are_those_of_hmmlearn(rows, by_hmmlearn, covariance_type):
    given = {"covariance_type": covariance_type, "random_state": 5, **EVERY_ITERATION}
    theirs, ours = by_hmmlearn(K, M, **given).fit(rows), GMMHMM(K, M, **given).fit(rows)
    for a, b in zip(parameters(theirs), parameters(ours), strict=True):
        assert_allclose(b, a, rtol=1e-8, atol=1e-8)
    assert_allclose(ours.sample(5, 2)[0], theirs.sample(5, 2)[0], rtol=1e-6)


def objectives(model, parameters_of, rows):
    """What a fit of a model climbs, at the parameters of others."""
    found = []
    for other in parameters_of:
        judge = clone(model).set_params(n_iter=1, init_params="")
        for name in ("startprob_", "transmat_", "weights_", "means_", "covars_"):
            setattr(judge, name, np.array(getattr(other, name)))
        found.append(judge.fit(rows, LENGTHS).monitor_.history[0])
    return np.array(found)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_objectives_never_fall(rows, covariance_type):
    """And no small change of where a fit ends is better."""
    given = {"means_prior": 3.0, "means_weight": 5.0, "weights_prior": 2.0, **of_type(covariance_type)}
    given |= {"covariance_type": covariance_type, "init_params": ""}
    ours = started(GMMHMM(K, M, tol=1e-6, n_iter=500, **given)).fit(rows, LENGTHS)
    assert ours.monitor_.iter < 500
    assert np.diff(ours.monitor_.history).min() > -1e-10  # of some thousand
    near = [started(clone(ours)) for _ in range(3)]
    rng = np.random.default_rng(2)
    for each in near:
        each.startprob_, each.transmat_, each.weights_ = ours.startprob_, ours.transmat_, ours.weights_
        each.means_ = ours.means_ + 1e-2 * rng.normal(size=ours.means_.shape)
        each.covars_ = ours.covars_ * (1 + 1e-2 * rng.normal())
    best, *others = objectives(ours, [ours, *near], rows)
    assert max(others) < best


@pytest.mark.parametrize("covariance_type", TYPES)
def test_what_is_believed_of_means_is_about_those_that_there_were(rows, by_hmmlearn, covariance_type):
    """As what was seen is: of some squares about old means and others about new ones, hmmlearn's objective falls."""
    given = {"means_prior": 30.0, "means_weight": 1e4, "covariance_type": covariance_type, "init_params": ""}
    changes = []
    for kind in (by_hmmlearn, GMMHMM):
        steps = [started(kind(K, M, n_iter=n, tol=-np.inf, **given)) for n in (0, 1)]
        for each in steps:
            each.covars_ *= 1e5
            each.fit(rows, LENGTHS)
        changes.append(float(np.diff(objectives(GMMHMM(K, M, **given), steps, rows))[0]))
    assert changes[0] < -100 < 0 < changes[1]


def test_spherical_variances_have_no_prior_of_themselves(rows, by_hmmlearn):
    """hmmlearn's default is one unless there are as many components as entries."""
    given = {"covariance_type": "spherical", "init_params": "", "tol": -np.inf, "n_iter": 25}
    theirs, ours = started(by_hmmlearn(K, M, **given)).fit(rows), started(GMMHMM(K, M, **given)).fit(rows)
    assert ours.score(rows) > theirs.score(rows) + 0.01


def test_components_that_show_nothing_stay_as_they_were(rows):
    """Also one of weight 0, and a state that is never visited."""
    model = started(GMMHMM(K, M, init_params="", **EVERY_ITERATION))
    model.weights_[0] = [0.5, 0.5, 0.0]
    before = model.means_[0, 2].copy()
    model.fit(rows)
    assert_array_equal(model.means_[0, 2], before)
    assert model.weights_[0, 2] == 0
    assert model._get_n_fit_scalars_per_param()["w"] == 3
    model = started(GMMHMM(K, M, init_params="", **EVERY_ITERATION))
    model.startprob_, model.transmat_ = [1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]]
    before = [each[1].copy() for each in (model.weights_, model.means_, model.covars_)]
    model.fit(rows)
    for now, then in zip((model.weights_, model.means_, model.covars_), before, strict=True):
        assert_array_equal(now[1], then)
        assert np.isfinite(now).all()


@pytest.mark.parametrize("covariance_type", TYPES)
def test_a_component_that_collapses_is_named(covariance_type):
    rows = np.array([[0.0, 1.0]] * 20 + [[3.0, 2.0]] * 20)
    part = "state 1 collapses:" if covariance_type == "tied" else "state 1 collapses in component 0:"
    given = {"covariance_type": covariance_type, "init_params": "", "n_iter": 50, "tol": -np.inf}
    model = started(GMMHMM(K, 1, **given), 1)
    model.means_ = np.array([[[0.0, 1.0]], [[3.0, 2.0]]])
    model.params = "c"
    model.startprob_, model.transmat_ = [0.0, 1.0], np.eye(2)
    with pytest.raises(hf.DegenerateFitError, match=part):
        model.fit(np.tile(rows[20:], (2, 1)))
    model = started(GMMHMM(K, 1, **given, **of_type(covariance_type)), 1).fit(rows)
    assert np.isfinite(model.score(rows))


@pytest.mark.parametrize("covariance_type", TYPES)
def test_models_go_to_the_library_and_back(rows, covariance_type):
    model = started(GMMHMM(K, M, covariance_type=covariance_type, init_params="")).fit(rows)
    frozen = model.to_hmm()
    more = {"covariance_type": "tied"} if covariance_type == "tied" else {}
    again = GMMHMM.from_hmm(frozen, n_iter=3, **more)
    assert (again.n_mix, again.covariance_type, again.n_iter) == (M, covariance_type, 3)
    for a, b in zip(parameters(model), parameters(again), strict=True):
        assert_array_equal(a, b)
    assert again.to_hmm() == frozen
    assert pickle.loads(pickle.dumps(model)).score(rows) == model.score(rows)
    with pytest.raises(ValueError, match=r"covariance_type must fit the covariances of the model, got 'spherical' for"):
        GMMHMM.from_hmm(hf.HMM([1.0], [[1.0]], of_one([[[2.0, 1.0], [1.0, 2.0]]])), covariance_type="spherical")


def of_one(covariance, kind="full"):
    return hf.emissions.Mixture([hf.emissions.Gaussian([[0.0, 0.0]], covariance, kind)], [[1.0]])


def test_models_of_other_kinds():
    numbers = hf.emissions.Mixture(
        [hf.emissions.Gaussian([0.0], [2.0]), hf.emissions.Gaussian([3.0], [1.0])], [[0.5, 0.5]]
    )
    model = GMMHMM.from_hmm(hf.HMM([1.0], [[1.0]], numbers))
    assert_array_equal(model.covars_, [[[2.0], [1.0]]])
    shared = GMMHMM.from_hmm(hf.HMM([1.0], [[1.0]], of_one([[2.0, 1.0], [1.0, 2.0]], "tied")))
    assert shared.covariance_type == "full"
    counts = hf.emissions.Mixture([hf.emissions.Poisson([1.0])], [[1.0]])
    with pytest.raises(TypeError, match="the emission of a component of a GMMHMM must be Gaussian, got Poisson"):
        GMMHMM.from_hmm(hf.HMM([1.0], [[1.0]], counts))


def test_few_rows_of_a_state_begin_at_random_places():
    """Which are the same for the same seed."""
    rows = np.concatenate([np.random.default_rng(0).normal(0, 1, (40, 2)), [[30.0, 30.0], [31.0, 30.0]]])
    fits = [GMMHMM(2, 4, random_state=3, n_iter=1).fit(rows).means_ for _ in range(2)]
    assert_array_equal(*fits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"covariance_type": "round"}, "covariance_type must be one of"),
        ({"weights_": [[0.5, 0.2, 0.2]] * 2}, "weights_ row 0 must sum to 1, got 0.9"),
        ({"means_": np.zeros((K, D))}, "means_ must have shape"),
        ({"covars_": -np.ones((K, M, D))}, r"covars_\[0, 0, 0\] must be above 0"),
        ({"covars_": np.ones((K, M))}, "covars_ must have shape"),
        ({"covariance_type": "full", "covars_": -np.ones((K, M, D, D))}, r"covars_\[0, 0\]"),
        (
            {"means_prior": np.zeros(5)},
            r"means_prior must be a number, or fit into shape \(2, 3, 2\), got shape \(5,\)",
        ),
        ({"means_weight": -1.0}, "means_weight must be at least 0"),
        ({"covars_weight": -1.0}, "covars_weight must be at least 0"),
    ],
)
def test_refusals(rows, change, message):
    model = started(GMMHMM(K, M, init_params=""))
    for name, value in change.items():
        setattr(model, name, value)
    with pytest.raises(ValueError, match=message):
        model.fit(rows)


def test_a_class_of_ones_own_may_weigh_rows(rows):
    """Sums by its own hook are those of the library."""

    class Own(GMMHMM):
        def _accumulate_sufficient_statistics(self, *arguments):
            super()._accumulate_sufficient_statistics(*arguments)

    given = EVERY_ITERATION | {"n_iter": 3, "init_params": ""}
    fits = [started(kind(K, M, **given)).fit(rows, LENGTHS) for kind in (GMMHMM, Own)]
    for a, b in zip(*map(parameters, fits), strict=True):
        assert_allclose(a, b, rtol=SAME, atol=SAME)
