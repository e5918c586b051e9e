"""Models of hmmlearn: theirs and ours say the same of observations, and what cannot be said is refused."""

import sys
import warnings

import numpy as np
import pytest

import hmmfilter as hf

hmm = pytest.importorskip("hmmlearn.hmm")
vhmm = pytest.importorskip("hmmlearn.vhmm")

ROUNDING = {"rtol": 1e-10, "atol": 1e-10}  # hmmlearn sums logs one after the other
START, MOVES = np.array([0.6, 0.3, 0.1]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]])
RNG = np.random.default_rng(5)
MEANS = np.array([[0.0, 1.0], [3.0, 0.0], [-2.0, -1.0]])
TILTED = np.array([[1.0, 0.3], [0.3, 0.5]])
PROBABILITIES = RNG.dirichlet(np.ones(4), 3)
VECTORS, SYMBOLS, COUNTS = RNG.normal(size=(60, 2)), RNG.integers(0, 4, (60, 1)), RNG.poisson(2.0, (60, 2))
ROWS = RNG.multinomial(7, np.full(4, 0.25), 60)


def made(kind, attributes, n_features, **options):
    estimator = kind(3, **options)
    estimator.n_features = n_features
    for name, value in {"startprob_": START, "transmat_": MOVES, **attributes}.items():
        setattr(estimator, name, value)
    return estimator


def gaussian(kind, covariances, means=MEANS):
    return made(hmm.GaussianHMM, {"means_": means, "covars_": covariances}, means.shape[1], covariance_type=kind)


def mixture(kind, covariances):
    means = np.stack([MEANS, MEANS + 1, MEANS * 2], axis=1)[:, :2]
    weights = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    attributes = {"weights_": weights, "means_": means, "covars_": covariances}
    return made(hmm.GMMHMM, attributes, 2, n_mix=2, covariance_type=kind)


MATRICES = np.stack([TILTED, TILTED * 2, np.eye(2)])
VARIANCES = np.array([[1.0, 2.0], [0.5, 0.5], [3.0, 1.0]])
ESTIMATORS = {
    "full": (gaussian("full", MATRICES), VECTORS),
    "diag": (gaussian("diag", VARIANCES), VECTORS),
    "spherical": (gaussian("spherical", np.array([1.0, 2.0, 0.5])), VECTORS),
    "tied": (gaussian("tied", TILTED), VECTORS),
    "one full": (gaussian("full", VARIANCES[:, :1, None], MEANS[:, :1]), VECTORS[:, :1]),
    "one diag": (gaussian("diag", VARIANCES[:, :1], MEANS[:, :1]), VECTORS[:, :1]),
    "one spherical": (gaussian("spherical", VARIANCES[:, 0], MEANS[:, :1]), VECTORS[:, :1]),
    "one tied": (gaussian("tied", np.array([[2.0]]), MEANS[:, :1]), VECTORS[:, :1]),
    "symbols": (made(hmm.CategoricalHMM, {"emissionprob_": PROBABILITIES}, 4), SYMBOLS),
    "counts": (made(hmm.PoissonHMM, {"lambdas_": np.array([[1.0, 3.0], [2.0, 0.5], [6.0, 6.0]])}, 2), COUNTS),
    "one count": (made(hmm.PoissonHMM, {"lambdas_": np.array([[1.0], [2.0], [6.0]])}, 1), COUNTS[:, :1]),
    "multinomial": (made(hmm.MultinomialHMM, {"emissionprob_": PROBABILITIES}, 4, n_trials=7), ROWS),
    "mixture full": (mixture("full", np.stack([MATRICES, MATRICES[::-1]], axis=1)), VECTORS),
    "mixture diag": (mixture("diag", np.stack([VARIANCES, VARIANCES[::-1]], axis=1)), VECTORS),
    "mixture spherical": (mixture("spherical", VARIANCES), VECTORS),
    "mixture tied": (mixture("tied", MATRICES), VECTORS),
}


@pytest.mark.filterwarnings("ignore:MultinomialHMM has undergone")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_both_say_the_same(name):
    estimator, observations = ESTIMATORS[name]
    model = hf.from_hmmlearn(estimator, ["a", "b", "c"])
    assert model.state_names == ("a", "b", "c")
    lengths = [25, 35]
    log_likelihood, posteriors = estimator.score_samples(observations, lengths)
    smoothed = model.smooth(observations, lengths=lengths)
    np.testing.assert_allclose(smoothed.probabilities, posteriors, **ROUNDING)
    np.testing.assert_allclose(np.sum(smoothed.log_likelihood), log_likelihood, **ROUNDING)
    log_joint, path = estimator.decode(observations, lengths)
    decoded = model.viterbi(observations, lengths=lengths)
    np.testing.assert_array_equal(decoded.path, path)
    np.testing.assert_allclose(np.sum(decoded.log_joint), log_joint, **ROUNDING)


@pytest.mark.filterwarnings("ignore:MultinomialHMM has undergone")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_back_is_the_same_estimator(name):
    estimator, observations = ESTIMATORS[name]
    model = hf.from_hmmlearn(estimator)
    back = hf.to_hmmlearn(model)
    assert type(back) is type(estimator)
    np.testing.assert_allclose(back.predict_proba(observations), estimator.predict_proba(observations), **ROUNDING)
    assert back.score(observations) == pytest.approx(estimator.score(observations), rel=1e-10)
    again = hf.from_hmmlearn(back)
    if name != "mixture spherical":  # whose variances are those of each entry on the way back
        assert again == model


def test_kinds_of_covariances_stay():
    kinds = {
        name: hf.from_hmmlearn(ESTIMATORS[name][0]).emission.kind for name in ("full", "diag", "spherical", "tied")
    }
    assert kinds == {"full": "full", "diag": "variances", "spherical": "spherical", "tied": "tied"}
    assert hf.from_hmmlearn(ESTIMATORS["one tied"][0]).emission.kind == "tied"


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied"])
def test_both_say_the_same_after_a_fit(kind):
    rows = np.vstack([VECTORS[:30], VECTORS[30:] * 2 + 5])
    estimator = hmm.GaussianHMM(2, covariance_type=kind, n_iter=2, random_state=0).fit(rows)
    smoothed = hf.from_hmmlearn(estimator).smooth(rows)
    np.testing.assert_allclose(smoothed.probabilities, estimator.predict_proba(rows), **ROUNDING)
    assert smoothed.log_likelihood == pytest.approx(estimator.score(rows))


def test_fitting_goes_on_from_the_numbers_there():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 6.0]))
    counts = np.random.default_rng(2).poisson(np.repeat([1.0, 6.0, 1.0], 30))
    estimator = hf.to_hmmlearn(model)
    first = estimator.score(counts[:, None])
    estimator.set_params(n_iter=3).fit(counts[:, None])
    assert estimator.monitor_.history[0] == pytest.approx(first)
    fitted = hf.from_hmmlearn(estimator)
    assert fitted.log_likelihood(counts) > first


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied"])
def test_variational_ones_are_their_posterior_means(kind):
    estimator = vhmm.VariationalGaussianHMM(2, covariance_type=kind, n_iter=3, random_state=0)
    rows = np.vstack([VECTORS[:30], VECTORS[30:] * 2 + 5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(rows)
    smoothed = hf.from_hmmlearn(estimator).smooth(rows)
    log_likelihood, posteriors = estimator.score_samples(rows)
    np.testing.assert_allclose(smoothed.probabilities, posteriors, **ROUNDING)
    assert smoothed.log_likelihood == pytest.approx(log_likelihood)


def test_variational_symbols():
    estimator = vhmm.VariationalCategoricalHMM(2, n_iter=3, random_state=0).fit(SYMBOLS)
    smoothed = hf.from_hmmlearn(estimator).smooth(SYMBOLS)
    np.testing.assert_allclose(smoothed.probabilities, estimator.predict_proba(SYMBOLS), **ROUNDING)


def test_trials_that_differ_are_of_any_sum():
    estimator = made(hmm.MultinomialHMM, {"emissionprob_": PROBABILITIES}, 4, n_trials=[5, 7])
    assert hf.from_hmmlearn(estimator).emission.n is None


@pytest.mark.parametrize(
    ("emission", "kind", "observations"),
    [
        (hf.emissions.Bernoulli([0.1, 0.5, 0.9]), "CategoricalHMM", [[0], [1], [1]]),
        (hf.emissions.Categorical(PROBABILITIES, symbols=list("abcd")), "CategoricalHMM", None),
        (hf.emissions.Poisson([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), "PoissonHMM", [[0, 1], [2, 3]]),
        (
            hf.emissions.Mixture(
                [hf.emissions.Gaussian(MEANS, TILTED, "tied"), hf.emissions.Gaussian(MEANS, VARIANCES)],
                [[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]],
            ),
            "GMMHMM",
            VECTORS,
        ),
    ],
)
def test_what_came_from_elsewhere_is_said_too(emission, kind, observations):
    model = hf.HMM(START, MOVES, emission)
    estimator = hf.to_hmmlearn(model)
    assert type(estimator).__name__ == kind
    if observations is not None:
        np.testing.assert_allclose(
            estimator.predict_proba(observations), model.smooth(np.squeeze(observations)).probabilities, **ROUNDING
        )


WAY_ON = (
    "it has Bernoulli, Categorical, Gaussian, mixtures of Gaussian, Poisson, and Multinomial of an n; "
    "hmmfilter.sklearn.BaseHMM takes a _compute_log_likelihood of your own"
)


@pytest.mark.parametrize(
    ("emission", "name"),
    [
        (hf.emissions.Exponential([1.0, 2.0, 3.0]), "Exponential"),
        (hf.emissions.Multinomial(PROBABILITIES), "Multinomial"),
        (hf.emissions.Poisson([1.0, 2.0, 3.0], exposure=True), "Poisson"),
        (hf.emissions.Mixture([hf.emissions.Poisson([1.0, 2.0, 3.0])], [[1.0]] * 3), "Mixture"),
        (hf.emissions.Product([hf.emissions.Poisson([1.0, 2.0, 3.0]), hf.emissions.Bernoulli([0.1] * 3)]), "Product"),
    ],
)
def test_emissions_that_hmmlearn_has_not_are_refused(emission, name):
    with pytest.raises(ValueError, match="hmmlearn cannot say") as caught:
        hf.to_hmmlearn(hf.HMM(START, MOVES, emission))
    assert str(caught.value) == f"hmmlearn cannot say this {name} emission: {WAY_ON}"


def test_chains_that_hmmlearn_has_not_are_refused():
    emission = hf.emissions.Poisson([1.0, 2.0])
    with pytest.raises(ValueError, match="hmmlearn has no probabilities of ends, got a model with final="):
        hf.to_hmmlearn(hf.HMM([0.5, 0.5], np.eye(2), emission, final=[0.1, 0.1]))
    with pytest.raises(ValueError, match="hmmlearn has chains of one matrix only, got a model whose transitions"):
        hf.to_hmmlearn(hf.HMM([0.5, 0.5], hf.transitions.Rates([[0, 1], [1, 0]]), emission))
    with pytest.raises(TypeError, match="model must be an HMM, got 3"):
        hf.to_hmmlearn(3)


def test_what_is_no_estimator_is_refused():
    with pytest.raises(TypeError, match=r"estimator must be one of CategoricalHMM, .*, got int 3"):
        hf.from_hmmlearn(3)
    with pytest.raises(
        TypeError, match="estimator must have startprob_, got GaussianHMM without it: fit it, or set it"
    ):
        hf.from_hmmlearn(hmm.GaussianHMM(2))


def test_derived_classes_are_as_what_they_derive_from():
    class Named(hmm.PoissonHMM):
        pass

    class Own(hmm.PoissonHMM):
        def _compute_log_likelihood(self, X):  # noqa: N803
            return np.zeros((len(X), 3))

    attributes = {"lambdas_": np.array([[1.0], [2.0], [6.0]])}
    assert hf.from_hmmlearn(made(Named, attributes, 1)) == hf.from_hmmlearn(ESTIMATORS["one count"][0])
    with pytest.raises(
        TypeError, match="as PoissonHMM does, got Own, which has _compute_log_likelihood of its own: give"
    ):
        hf.from_hmmlearn(made(Own, attributes, 1))


def test_estimators_of_this_library_are_read_as_well():
    ours = pytest.importorskip("hmmfilter.sklearn")
    rows = np.vstack([VECTORS[:30], VECTORS[30:] * 2 + 5])
    estimator = ours.GaussianHMM(2, n_iter=2, random_state=0).fit(rows)
    assert hf.from_hmmlearn(estimator) == estimator.to_hmm()


def test_without_hmmlearn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hmmlearn.hmm", None)
    with pytest.raises(ImportError, match=r"hmmfilter\.to_hmmlearn needs hmmlearn: pip install hmmlearn"):
        hf.to_hmmlearn(hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0])))
