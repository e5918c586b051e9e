"""Where learning starts: degrees of belonging, and the models that are guessed from them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from hmmfilter import _checks, guessing
from hmmfilter.emissions import registry
from hmmfilter.learning import starts

ROUNDING = 1e-12


def groups_of(kind, observed, n_states, seed=0):
    belongs = starts.degrees(kind, np.asarray(observed, dtype=float), n_states, np.random.default_rng(seed))
    assert belongs.shape == (len(observed), n_states)
    assert np.abs(belongs.sum(axis=1) - 1).max() <= ROUNDING
    assert belongs.min() > 0
    return belongs.argmax(axis=1)


@pytest.mark.parametrize("kind", starts.KINDS)
@given(
    observed=st.lists(st.floats(-1e300, 1e300) | st.integers(0, 3) | st.just(np.nan), min_size=1, max_size=30),
    n_states=st.integers(1, 5),
)
def test_degrees_are_positive_and_sum_to_one_whatever_comes(kind, observed, n_states):
    groups_of(kind, observed, n_states)


@pytest.mark.parametrize("kind", starts.KINDS)
@pytest.mark.parametrize("observed", [[0.0, 1.0, 1e300, -1e300], [0.0, 1e-200, 2e-200, 1.0]])
def test_what_differs_by_less_than_counts_beside_the_rest_is_still_put_into_groups(kind, observed):
    for seed in range(3):
        groups_of(kind, observed, 4, seed)


@pytest.mark.parametrize("kind", starts.KINDS)
def test_degrees_repeat_for_a_seed(kind):
    observed = np.random.default_rng(0).normal(size=(50, 3))
    first, second, other = (starts.degrees(kind, observed, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first == other).all() == (kind == "quantiles")


def test_quantiles_are_even_and_keep_equal_numbers_together():
    assert groups_of("quantiles", [5, 1, 3, 2, 6, 4], 3).tolist() == [2, 0, 1, 0, 2, 1]
    assert groups_of("quantiles", [0, 0, 0, 0, 0, 1, 2], 3).tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert groups_of("quantiles", [2, 2, 2, 2, 2, 1, 0], 3).tolist() == [2, 2, 2, 2, 2, 1, 0]


def test_quantiles_of_vectors_are_along_the_direction_of_most_variance():
    along = np.array([3.0, -2.0, 1.0, -1.0, 2.0, -3.0])
    observed = np.column_stack([1e8 + along, 1e-3 * along, np.tile([0.1, -0.1], 3)])  # units do not matter
    assert groups_of("quantiles", observed, 2).tolist() == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("kind", ["k-means", "points"])
def test_groups_lie_around_their_centres_and_ascend(kind):
    observed = np.array([0.0, 50.0, 100.0])[[2, 0, 1, 0, 2, 1]] + np.linspace(0, 1, 6)
    found = [tuple(groups_of(kind, observed, 3, seed)) for seed in range(30)]
    assert (2, 0, 1, 0, 2, 1) in found
    if kind == "k-means":
        assert found.count((2, 0, 1, 0, 2, 1)) >= 28


def test_k_means_keeps_a_centre_to_which_nothing_is_near():
    centres = starts._settled(np.array([[0.0], [1.0]]), np.array([[0.4], [0.6], [9.0]]))
    assert centres.tolist() == [[0.0], [1.0], [9.0]]


def test_k_means_gives_up_in_the_end(monkeypatch):
    monkeypatch.setattr(starts, "MOST_ROUNDS", 1)
    x = np.array([[0.0], [1.0], [2.0], [9.0]])
    assert starts._settled(x, np.array([[0.0], [1.0]])).tolist() == [[0.0], [4.0]]


def test_k_means_of_many_are_those_of_some(monkeypatch):
    monkeypatch.setattr(starts, "MOST_ROWS", 50)
    observed = np.repeat([0.0, 9.0], 200) + np.tile(np.linspace(0, 1, 50), 8)
    assert groups_of("k-means", observed, 2).tolist() == np.repeat([0, 1], 200).tolist()


@pytest.mark.parametrize("kind", ["quantiles", "k-means", "points"])
def test_a_missing_row_belongs_to_all_states_and_a_missing_entry_is_the_mean(kind):
    whole = np.repeat([[0.0, 0.0], [9.0, 9.0]], 20, axis=0)
    observed = np.array([[0.0, 0.0], [np.nan, np.nan], [9.0, 9.0], [np.nan, 9.0], [0.0, np.nan], *whole])
    belongs = starts.degrees(kind, observed, 2, np.random.default_rng(0))
    assert belongs[1].tolist() == [0.5, 0.5]
    own = belongs[[0, 2, 3, 4]].argmax(axis=1)
    if kind != "points":  # which may lie near the means
        assert own.tolist() == [0, 1, 1, 0]
    nothing = starts.degrees(kind, np.full((3, 2), np.nan), 2, np.random.default_rng(0))
    assert nothing.shape == (3, 2)


def test_responsibilities_last_for_a_while():
    belongs = starts.degrees("responsibilities", np.arange(4000.0), 2, np.random.default_rng(0))
    changes = np.flatnonzero((np.diff(belongs, axis=0) != 0).any(axis=1))
    assert (np.diff(changes) == 4000 // (2 * starts.STRETCHES)).all()


def test_what_cannot_tell_states_apart():
    bits = np.array([0.0, 1.0, 1.0, np.nan])
    assert starts.are_told_apart(bits, 2)
    assert not starts.are_told_apart(bits, 3)
    late = np.append(np.zeros(2 * starts.FIRST_ROWS), 1.0)
    assert starts.are_told_apart(late, 2)
    groups_of("quantiles", bits, 3)  # which are at random, then


COUNTS = [0, 1, 2, None, 9, 7, 8, 1]
LETTERS = ["a", "b", None, "a", "c", "b"]


@pytest.mark.parametrize("name", ["poisson", "Poisson", "POISSON", hf.emissions.Poisson])
def test_an_emission_is_called_by_its_name_or_is_its_class(name):
    model = hf.guess(name, 2, COUNTS)
    assert isinstance(model.emission, hf.emissions.Poisson)
    assert model.initial.tolist() == [0.5, 0.5]
    assert model.transition.tolist() == [[0.9, 1 - 0.9], [1 - 0.9, 0.9]]
    low, high = [0, 1, 2, 1], [9, 7, 8]  # of which nine tenths are of a state, and half of the last tenth of each
    expected = [(0.95 * sum(low) + 0.05 * sum(high)) / (0.95 * 4 + 0.05 * 3)]
    expected += [(0.05 * sum(low) + 0.95 * sum(high)) / (0.05 * 4 + 0.95 * 3)]
    np.testing.assert_allclose(model.emission.rate, expected, rtol=ROUNDING)


@pytest.mark.parametrize("method", starts.KINDS)
@pytest.mark.parametrize("n_states", [1, 2, 3])
def test_every_method_makes_a_model_from_which_a_fit_climbs(method, n_states):
    model = hf.guess("poisson", n_states, COUNTS, method=method)
    assert model.n_states == n_states
    assert np.abs(model.transition.sum(axis=1) - 1).max() <= ROUNDING
    fitted = model.fit(COUNTS, max_iterations=5)
    assert fitted.log_likelihood >= model.log_likelihood(COUNTS) - ROUNDING


@pytest.mark.parametrize("method", ["k-means", "points", "responsibilities"])
def test_a_guess_repeats_for_a_seed(method):
    counts = np.random.default_rng(0).poisson([[1], [9]] * 20, (40, 1))
    assert hf.guess("poisson", 2, counts, method=method) == hf.guess("poisson", 2, counts, method=method, rng=0)
    generator = np.random.default_rng(0)
    assert hf.guess("poisson", 2, counts, method=method) == hf.guess("poisson", 2, counts, method=method, rng=generator)
    others = [hf.guess("poisson", 2, counts, method=method, rng=seed) for seed in range(1, 20)]
    assert any(other != hf.guess("poisson", 2, counts, method=method) for other in others)


def test_several_sequences_are_guessed_as_one_table():
    whole = hf.guess("poisson", 2, COUNTS)
    frame = pd.DataFrame({"who": ["a"] * 3 + ["b"] * 5, "count": pd.array(COUNTS, dtype="Int64")})
    for several in [
        [COUNTS[:3], COUNTS[3:]],
        [COUNTS[:3], [], COUNTS[3:]],
        {"a": COUNTS[:3], "b": COUNTS[3:]},
        [[count] for count in COUNTS],  # a column
        frame.groupby("who"),
        frame.groupby("who")["count"],
    ]:
        assert hf.guess("poisson", 2, several) == whole
    assert hf.guess("poisson", 2, COUNTS, lengths=[3, 5]) == whole


def test_symbols_are_those_that_occur_or_those_that_are_given():
    model = hf.guess("categorical", 2, LETTERS)
    assert model.emission.symbols == ("a", "b", "c")
    assert model.emission.probabilities.min() > 0
    assert model.emission.probabilities.argmax(axis=1).tolist() == [0, 1]
    assert hf.guess("categorical", 2, [LETTERS[:2], LETTERS[2:]]) == model
    given = hf.guess("categorical", 2, LETTERS, symbols=["c", "a", "b", "d"])
    assert given.emission.symbols == ("c", "a", "b", "d")
    np.testing.assert_allclose(given.emission.probabilities[:, 3], 0.1 / 4)  # as what starts at 0 stays there
    np.testing.assert_allclose(given.emission.probabilities.sum(axis=1), 1)
    assert given.fit(LETTERS).model.emission.probabilities[:, 3].tolist() == [0.0, 0.0]
    assert hf.guess("categorical", 2, [0, 1, 2, 2, None, 0]).emission.symbols is None


class Waiting:
    """Exponential waiting times; or of a table, of the sums of rows."""

    def __init__(self, mean):
        self.mean = np.asarray(mean, dtype=float)
        self.n_states = self.n_parameters = len(self.mean)

    def log_likelihoods(self, observations):
        return -np.asarray(observations)[:, None] / self.mean - np.log(self.mean)

    def sample(self, states, rng):
        return rng.exponential(self.mean[states])

    def estimated(self, observations, weights, prior=None):
        return Waiting(observations @ weights / weights.sum(axis=0))

    @classmethod
    def guessed(cls, observations, weights, scale=1.0):
        values = np.asarray(observations, dtype=float).reshape(len(observations), -1).sum(axis=1)
        return cls(scale * (values @ weights / weights.sum(axis=0)))


def test_a_class_of_ones_own_is_guessed():
    times = np.array([0.3, 1.2, 0.5, 7.0, 19.0, 22.0])
    model = hf.guess(Waiting, 2, times)
    assert model.emission.mean[0] < 5
    assert model.emission.mean[1] > 10
    np.testing.assert_allclose(hf.guess(Waiting, 2, times, scale=2.0).emission.mean, 2 * model.emission.mean)
    grouped = pd.DataFrame({"who": list("aaabbb"), "time": times}).groupby("who")["time"]
    np.testing.assert_allclose(hf.guess(Waiting, 2, grouped).emission.mean, model.emission.mean)
    assert hf.guess(Waiting, 2, times, lengths=[2, 4]).emission.mean.tolist() == model.emission.mean.tolist()


class OfWords:
    n_states = 2

    def __init__(self, weights):
        self.weights = weights

    def log_likelihoods(self, observations):
        raise AssertionError("nobody asks")

    sample = None

    @classmethod
    def guessed(cls, observations, weights):
        return cls(weights)


def test_words_of_a_class_of_ones_own_are_told_apart_by_the_alphabet():
    belongs = hf.guess(OfWords, 2, ["wet", "dry", None, "wet"]).emission.weights
    assert belongs.argmax(axis=1).tolist() == [1, 0, 0, 1]
    assert belongs[2].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (("poison", 2, COUNTS), ValueError, "emission must be one of autoregressive, bernoulli, "),
        ((hf.emissions.Poisson([1.0]), 2, COUNTS), TypeError, "emission must be the name of a kind, or a class, got P"),
        ((int, 2, COUNTS), TypeError, "emission must have guessed, as those of hmmfilter.emissions do, got int"),
        (("poisson", 0, COUNTS), ValueError, "n_states must be at least 1, got 0"),
        (("poisson", 2.0, COUNTS), TypeError, "n_states must be an integer, got 2.0"),
        (
            ("bernoulli", 3, [0, 1, 1, 0]),
            ValueError,
            "must have 3 different values at least for 3 states by method='qu",
        ),
        (
            (["gamma", "vonmises"], 2, [[1.0, 0.1]]),
            TypeError,
            r"or a class, got \['gamma', 'vonmises'\]: several columns are a 'product', with channels=",
        ),
        (("poisson", 2, [None, None]), ValueError, "observations must have a step that is not missing, got none"),
        (("poisson", 2, [[0, 1], [2, -1]]), ValueError, r"sequence 1: observations\[1\] must be a whole number from 0"),
        (("poisson", 2, {"a": [0, 1], "b": [2, 0.5]}), ValueError, r"sequence 'b': observations\[1\] must be a whole"),
        (("poisson", 2, {"a": [], "b": [2, 0.5]}), ValueError, r"sequence 'b': observations\[1\] must be a whole"),
    ],
)
def test_what_cannot_be_guessed_is_refused_in_words(given, error, words):
    with pytest.raises(error, match=words):
        hf.guess(*given)


def test_options_are_checked():
    with pytest.raises(
        ValueError, match="method must be one of quantiles, k-means, responsibilities, points, got 'best'"
    ):
        hf.guess("poisson", 2, COUNTS, method="best")
    with pytest.raises(TypeError, match=r"what is said of Poisson must be of exposure, got covariance"):
        hf.guess("poisson", 2, COUNTS, covariance="full")
    with pytest.raises(TypeError, match=r"what is said of Laplace must be left out, got covariance, order"):
        hf.guess("laplace", 2, COUNTS, covariance="full", order=2)
    with pytest.raises(TypeError, match=r"what is said of Product must have channels, got columns"):
        hf.guess("product", 2, np.zeros((8, 2)), columns=[1, 0])
    with pytest.raises(TypeError, match=r"what is said of Gaussian must be of covariance, got of"):
        hf.guess("mixture", 2, COUNTS, of="gaussian")
    with pytest.raises(TypeError, match=r"what is said of FromScipy must have distribution, got nothing"):
        hf.guess("mixture", 2, COUNTS, component="fromscipy")
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        hf.guess("poisson", 2, COUNTS, rng="seed")
    with pytest.raises(ValueError, match="lengths must sum to the 8 rows"):
        hf.guess("poisson", 2, COUNTS, lengths=[3, 4])


def test_a_method_that_looks_at_nothing_needs_no_different_observations():
    assert hf.guess("bernoulli", 3, [0, 1, 1, 0], method="responsibilities").n_states == 3


@pytest.mark.parametrize(
    ("observations", "lengths", "width"),
    [
        ([1.0, 2.0], None, None),
        (np.zeros(3), None, None),
        (np.zeros((3, 1)), None, None),
        (np.zeros((3, 2)), None, 2),
        (pd.DataFrame({"x": [1.0], "y": [2.0]}), None, 2),
        (pd.Series([1.0, 2.0]), None, None),
        ([[1.0], [2.0]], None, None),
        ([[1.0, 2.0], [3.0, 4.0]], None, 2),
        ([[1.0, 2.0], None], None, 2),
        ([[1.0, 2.0], [3.0]], None, None),  # sequences
        ([np.zeros(2), np.zeros(2)], None, None),
        ([np.zeros(2), np.zeros(2)], [2], 2),
        ([np.zeros((2, 3)), np.zeros((4, 3))], None, 3),
        ([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], None, 2),
        ([[], [[3.0, 4.0]]], None, 2),
        ({"a": [], "b": [[3.0, 4.0]]}, None, 2),
        ({"a": []}, None, None),
        (pd.DataFrame({"who": [0, 1], "x": [1.0, 2.0]}).groupby("who"), None, None),
        (pd.DataFrame({"who": [0, 1], "x": [1.0, 2.0]}).groupby("who")["x"], None, None),
        (pd.DataFrame({"who": [0, 1], "x": [1.0, 2.0], "y": [1.0, 2.0]}).groupby("who"), None, 2),
        (7.0, None, None),
    ],
)
def test_what_looks_like_vectors(observations, lengths, width):
    assert _checks.vector_width(observations, lengths) == width


@pytest.mark.parametrize(
    ("observations", "shape"),
    [
        ([0.5, None, 2.0], (3,)),
        ([[0.5, 1.0], [None, 2.0], None], (3, 2)),
        ([np.zeros((2, 3)), np.ones((1, 3))], (3, 3)),
        ([[1.0, 2.0], [3.0]], (3,)),
    ],
)
def test_numbers_or_vectors_of_a_gaussian_are_let_in_by_their_looks(observations, shape):
    assert guessing._evidence(hf.emissions.Gaussian, observations, None, None, {}).observed[0].shape == shape


POINTS = np.random.default_rng(0).normal([[0.0, 5.0], [9.0, -5.0]] * 20, 1.0, (40, 2))


@pytest.mark.parametrize("covariance", ["variances", "full", "tied", "spherical"])
@pytest.mark.parametrize("method", starts.KINDS)
def test_gaussians_of_all_kinds_are_guessed(covariance, method):
    holed = POINTS.copy()
    holed[3, 0] = holed[7] = np.nan
    numbers = [POINTS[:, 0]] if covariance != "full" else []
    for observations in (holed, [POINTS[:10], POINTS[10:]], *numbers):
        model = hf.guess("gaussian", 2, observations, method=method, covariance=covariance)
        assert model.emission.kind == covariance
        assert (
            model.fit(observations, max_iterations=2).log_likelihood
            >= np.sum(model.log_likelihood(observations)) - 1e-9
        )


def test_a_group_of_one_does_not_collapse():
    alone = hf.guess("gaussian", 2, [0.0, 0.1, 0.2, 0.3, 99.0], method="k-means")
    assert alone.emission.covariance.min() > 0
    with pytest.raises(hf.DegenerateFitError):
        hf.guess("gaussian", 1, [1.0, 1.0, 1.0])


def test_gaussian_sequences_are_guessed_as_one_table():
    whole = hf.guess("gaussian", 2, POINTS, covariance="full")
    frame = pd.DataFrame(POINTS, columns=["x", "y"])
    grouped = frame.assign(who=np.repeat(["a", "b"], 20)).groupby("who")
    for several in [[POINTS[:3], POINTS[3:]], POINTS.tolist(), {"a": POINTS[:20], "b": POINTS[20:]}, frame, grouped]:
        assert hf.guess("gaussian", 2, several, covariance="full") == whole
    rows = list(POINTS)  # arrays: sequences of numbers, unless lengths say that they are rows of one table
    assert hf.guess("gaussian", 2, rows, lengths=[20, 20], covariance="full") == whole
    assert hf.guess("gaussian", 2, rows).emission.n_dimensions is None


def two_states_of(rng, n_rows):
    """The states of some rows, in two stretches, and what each emission of the library is guessed from."""
    k = np.repeat([0, 1], n_rows // 2)
    numbers, counts = rng.normal(5.0 * k, 1.0), rng.poisson(1 + 6 * k)
    positive, angles = rng.gamma(2 + 3 * k, 1 + 2 * k), rng.vonmises(3.0 * k - 1.5, 4.0)
    return {
        "autoregressive": (numbers, {"order": 1}),
        "bernoulli": (rng.random(n_rows) < 0.2 + 0.6 * k, {}),
        "beta": (rng.beta(2 + 5 * k, 5 - 3 * k), {}),
        "binomial": (rng.binomial(10, 0.2 + 0.5 * k), {"n": 10}),
        "categorical": (k, {"symbols": [0, 1, 2]}),
        "exponential": (positive, {}),
        "fromscipy": (numbers, {"distribution": stats.norm()}),
        "gamma": (positive, {}),
        "gaussian": (numbers, {}),
        "geometric": (rng.geometric(0.8 - 0.6 * k), {}),
        "inversegaussian": (positive, {}),
        "laplace": (numbers, {}),
        "lognormal": (positive, {}),
        "mixture": (numbers, {"component": "gaussian", "n_components": 2}),
        "multinomial": (rng.multinomial(5, [0.2, 0.3, 0.5], n_rows), {}),
        "negativebinomial": (counts, {}),
        "poisson": (counts, {}),
        "product": (np.column_stack([numbers, counts]), {"channels": ["gaussian", "poisson"]}),
        "regression": (numbers, {"covariates": rng.normal(size=(n_rows, 1))}),
        "skewnormal": (numbers, {}),
        "studentt": (numbers, {}),
        "tiedmixture": (numbers, {"n_components": 3}),
        "vonmises": (angles, {}),
        "weibull": (positive, {}),
        "wrappedcauchy": (angles, {}),
        "zeroinflated": (counts * (rng.random(n_rows) < 0.7), {"of": "poisson"}),
    }


def test_every_emission_of_the_library_is_guessed_by_name_and_class():
    known = two_states_of(np.random.default_rng(1), 60)
    for name, kind in registry.known().items():
        if not kind.__module__.startswith("hmmfilter."):
            continue
        observations, options = known[name]
        model = hf.guess(name, 2, observations, **options)
        assert type(model.emission) is kind
        assert model == hf.guess(kind, 2, observations, **options)
        beside = {key: value for key, value in options.items() if key == "covariates"}
        assert np.isfinite(model.log_likelihood(observations, **beside))
        fitted = model.fit(observations, max_iterations=2, restarts=1, rng=0, **beside)
        assert fitted.objective >= fitted.history[0]


@pytest.mark.parametrize("kind", ["poisson", "bernoulli"])
def test_lists_of_counts_are_sequences_and_tables_are_vectors(kind):
    lists = [[0, 1, 0, 1], [1, 1, 0, 0]]
    assert hf.guess(kind, 2, lists) == hf.guess(kind, 2, [*lists[0], *lists[1]], lengths=[4, 4])
    assert hf.guess(kind, 2, np.array(lists).T).emission.n_dimensions == 2
    assert hf.guess(kind, 2, [[[0, 1], [1, 0]], [[1, 1]]]).emission.n_dimensions == 2


def test_a_transition_may_be_given():
    counts, even = [1, 0, 2, 9, 7, 8, 1], [[0.5, 0.5], [0.5, 0.5]]
    assert hf.guess("poisson", 2, counts, transition=even).transition.tolist() == even
    rates = hf.transitions.Rates([[0.0, 0.1], [0.2, 0.0]])
    assert hf.guess("poisson", 2, counts, transition=rates).chain == rates


@pytest.mark.parametrize("kind", ["regression", "autoregressive"])
def test_what_depends_on_covariates_is_guessed_of_several_sequences_and_knows_their_names(kind):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"who": ["a"] * 20 + ["b"] * 12, "price": rng.normal(size=32), "promo": rng.normal(size=32)})
    frame["y"] = frame.price * np.repeat([1.0, -2.0], 16) + rng.normal(size=32)
    known, groups = frame[["price", "promo"]], frame.groupby("who")
    of_rows = hf.guess(kind, 2, frame.y, covariates=known, lengths=[20, 12])
    assert of_rows.emission.covariates == ("price", "promo")
    assert hf.guess(kind, 2, groups.y, covariates=groups[["price", "promo"]]) == of_rows
    parts = [known[:20], known[20:]]
    assert hf.guess(kind, 2, [frame.y[:20], frame.y[20:]], covariates=parts) == of_rows
    assert hf.guess(kind, 2, [[], frame.y[:20], frame.y[20:]], covariates=[known[:0], *parts]) == of_rows
    fitted = of_rows.fit(frame.y, covariates=frame[["promo", "price"]], max_iterations=2)
    other = of_rows.fit(frame.y, covariates=known, max_iterations=2)
    assert fitted.model == other.model
    unnamed = hf.guess(kind, 2, frame.y, covariates=known.to_numpy(), lengths=[20, 12]).emission
    assert unnamed.covariates is None
    assert np.array_equal(unnamed.coefficients, of_rows.emission.coefficients)
    mixture = hf.guess("mixture", 2, groups.y, component=kind, covariates=groups[["price", "promo"]])
    assert mixture.emission.components[0].covariates == ("price", "promo")


def test_covariates_may_be_for_the_chain_alone():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"heat": rng.normal(size=60), "rain": rng.normal(size=60)})
    logits = hf.transitions.Logistic(np.zeros((2, 2, 2)), ["heat"])
    counts = rng.poisson([1.0, 6.0], (30, 2)).ravel()
    given = {"covariates": frame, "transition": logits}
    assert hf.guess("poisson", 2, counts, **given) == hf.guess("poisson", 2, counts, transition=logits)
    both = hf.guess("regression", 2, counts, family="poisson", **given)
    assert both.emission.coefficients.shape == (2, 3)

    def moves(n_states):
        return hf.transitions.Logistic(np.zeros((n_states, n_states, 2)), ["heat"])

    selected = hf.select("poisson", [1, 2], counts, covariates=frame, transition=moves, restarts=1, max_iterations=3)
    assert selected.fits[2].model.chain.covariates == ("heat",)
    with pytest.raises(ValueError, match="covariates must be left out: neither Dense nor Gamma depends on any"):
        hf.guess("gamma", 2, counts + 1.0, covariates=frame)
    with pytest.raises(ValueError, match="neither Dense nor Poisson"):
        hf.guess("poisson", 2, counts, covariates=frame, transition=np.full((2, 2), 0.5))


def test_the_number_of_states_of_any_family_is_selected():
    rng = np.random.default_rng(3)
    waits = np.concatenate([rng.gamma(2.0, 1.0, 40), rng.gamma(9.0, 3.0, 40)])
    assert hf.select("gamma", [1, 2], waits, restarts=1).best.model.n_states == 2
