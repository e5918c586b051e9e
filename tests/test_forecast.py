"""Forecasts: all paths added up, moments of every emission, and what they tend to."""

import itertools
import pickle

import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson

INITIAL = np.array([0.6, 0.4, 0.0])
TRANSITION = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.3, 0.0, 0.7]])
STEPS = 3
RTOL = 1e-13

MEANS = np.array([[0.0, 1.0], [-3.0, 2.0], [5.0, 5.0]])
MATRICES = np.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.3], [-0.3, 0.2]], [[4.0, 0.0], [0.0, 9.0]]])
VARIANCES = np.array([[2.0, 1.0], [1.0, 0.2], [4.0, 9.0]])

# An emission, observations, and the moments in each state as textbooks have them.
SHOWN = {
    "Bernoulli": (Bernoulli([0.1, 0.5, 1.0]), [1, 0, None, 1], [0.1, 0.5, 1.0], [0.09, 0.25, 0.0]),
    "Poisson": (Poisson([1.0, 5.0, 0.0]), [0, 3, None, 2], [1.0, 5.0, 0.0], [1.0, 5.0, 0.0]),
    "Gaussian": (Gaussian([0.0, 3.0, -8.0], [1.0, 4.0, 0.1]), [0.5, None, 2.0], [0.0, 3.0, -8.0], [1.0, 4.0, 0.1]),
    "full": (Gaussian(MEANS, MATRICES), [[0.1, 2.0], [None, 1.0], [4.0, None]], MEANS, MATRICES),
    "tied": (Gaussian(MEANS, MATRICES[0]), [[0.1, 2.0], [None, 1.0]], MEANS, MATRICES[[0, 0, 0]]),
    "spherical": (
        Gaussian(MEANS, [1.0, 2.0, 3.0]),
        [[0.1, 2.0], None],
        MEANS,
        [s * np.eye(2) for s in (1.0, 2.0, 3.0)],
    ),
    "diagonal": (Gaussian(MEANS, VARIANCES), [[0.1, 2.0], None], MEANS, [np.diag(row) for row in VARIANCES]),
    "continuous": (
        FromScipy([stats.gamma(2.0), stats.uniform(1.0, 3.0), stats.expon(scale=4.0)]),
        [1.5, 2.0, None, 0.3],
        [2.0, 2.5, 4.0],
        [2.0, 0.75, 16.0],
    ),
    "discrete": (
        FromScipy([stats.poisson(2.0), stats.binom(10, 0.3), stats.geom(0.5)]),
        [1, None, 3],
        [2.0, 3.0, 2.0],
        [2.0, 2.1, 2.0],
    ),
}
SYMBOLS = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.9, 0.05, 0.05]])


def model_of(emission):
    return hf.HMM(INITIAL, TRANSITION, emission)


def states_to_come(emission, observations):
    """p(h_{T+s} | v_1:T), all paths added up."""
    likelihoods = np.exp(emission.log_likelihoods(observations))
    n_seen = len(likelihoods)
    table = np.zeros((STEPS, 3))
    for path in itertools.product(range(3), repeat=n_seen + STEPS):
        joint = INITIAL[path[0]] * likelihoods[range(n_seen), path[:n_seen]].prod()
        joint *= TRANSITION[path[:-1], path[1:]].prod()
        table[range(STEPS), path[n_seen:]] += joint
    return table / table.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("emission", "observations", "means", "variances"), SHOWN.values(), ids=SHOWN)
def test_against_all_paths(emission, observations, means, variances):
    forecast = model_of(emission).forecast(observations, STEPS)
    p = states_to_come(emission, observations)
    np.testing.assert_allclose(forecast.probabilities, p, rtol=RTOL)
    np.testing.assert_allclose(np.exp(forecast.log_probabilities), p, rtol=RTOL)
    means, variances = np.array(means), np.array(variances)
    squares = variances + (means**2 if means.ndim == 1 else means[:, :, None] * means[:, None, :])
    mean = p @ means
    np.testing.assert_allclose(forecast.mean, mean, rtol=RTOL, atol=RTOL)
    variance = np.tensordot(p, squares, 1) - (mean**2 if means.ndim == 1 else mean[:, :, None] * mean[:, None, :])
    np.testing.assert_allclose(forecast.variance, variance, rtol=RTOL, atol=10 * RTOL)
    assert forecast.symbol_probabilities is None


@pytest.mark.parametrize("observations", [[2, 0, None, 1], [None]])
def test_symbols_against_all_paths(observations):
    forecast = model_of(Categorical(SYMBOLS)).forecast(observations, STEPS)
    p = states_to_come(Categorical(SYMBOLS), observations)
    np.testing.assert_allclose(forecast.probabilities, p, rtol=RTOL)
    np.testing.assert_allclose(forecast.symbol_probabilities, p @ SYMBOLS, rtol=RTOL)
    assert forecast.mean is None
    assert forecast.variance is None


def test_a_symbol_to_come_is_a_ratio_of_likelihoods():
    model, seen = model_of(Categorical(SYMBOLS)), [2, 0, None, 1]
    forecast = model.forecast(seen, STEPS)
    for s, row in enumerate(forecast.symbol_probabilities):
        for m, p in enumerate(row):
            log_ratio = model.log_likelihood([*seen, *[None] * s, m]) - model.log_likelihood(seen)
            assert p == pytest.approx(np.exp(log_ratio), rel=RTOL)


def test_states_to_come_are_predictions_from_the_filter():
    model = model_of(Poisson([1.0, 5.0, 0.0]))
    log_probabilities = model.filter([0, 3]).log_probabilities[-1]
    for s, row in enumerate(model.forecast([0, 3], STEPS).log_probabilities):
        assert np.array_equal(row, hf.predict(log_probabilities, model.log_transition, s + 1))


def test_far_ahead_lies_the_stationary_distribution():
    forecast = model_of(Poisson([1.0, 5.0, 0.0])).forecast([0, 3], 300)
    stationary = hf.stationary_distribution(TRANSITION)
    np.testing.assert_allclose(forecast.probabilities[-1], stationary, rtol=RTOL)
    np.testing.assert_allclose(forecast.mean[-1], stationary @ [1.0, 5.0, 0.0], rtol=RTOL)


def test_the_variance_of_a_mixture_far_from_zero_keeps_its_digits():
    model = hf.HMM([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], Gaussian([1e9, 1e9 + 2], [1e-6, 3e-6]))
    forecast = model.forecast([None], 1)
    assert forecast.mean.tolist() == [1e9 + 1]
    assert forecast.variance == pytest.approx([1 + 2e-6], rel=RTOL)


NOWHERE = FromScipy([stats.norm(), stats.cauchy(), stats.levy()])  # the last two have neither mean nor variance


def test_an_impossible_state_adds_nothing_even_where_it_has_no_moments():
    forecast = hf.HMM([1.0, 0.0, 0.0], np.eye(3), NOWHERE).forecast([0.3], 2)
    assert forecast.mean.tolist() == [0.0, 0.0]
    assert forecast.variance.tolist() == [1.0, 1.0]


def test_an_improbable_state_without_moments_adds_them():
    """1e-600 times infinity, though 1e-600 is beyond every double."""
    transition = [[1.0, 1e-300, 0.0], [0.0, 1.0, 1e-300], [0.0, 0.0, 1.0]]
    tails = FromScipy([stats.norm(), stats.t(2), stats.levy()])
    forecast = hf.HMM([1.0, 0.0, 0.0], transition, tails).forecast([0.3], 2)
    assert forecast.probabilities[1, 2] == 0.0
    assert forecast.mean.tolist() == [0.0, np.inf]
    assert np.array_equal(forecast.variance, [np.inf, np.nan], equal_nan=True)


def test_impossible_observations():
    model = hf.HMM([1.0], [[1.0]], Bernoulli([1.0]))
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        model.forecast([1, 0, 1], 2)
    assert caught.value.step == 1


class Own:
    """An emission with the least that a model asks for."""

    n_states = 3

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 3))

    def sample(self, states, rng):
        return np.zeros(len(states))


def test_an_emission_of_ones_own_needs_no_moments():
    forecast = model_of(Own()).forecast([0, 0], 2)
    assert forecast.mean is None
    assert forecast.variance is None
    assert forecast.symbol_probabilities is None
    np.testing.assert_allclose(forecast.probabilities[1], INITIAL @ np.linalg.matrix_power(TRANSITION, 3), rtol=RTOL)
    assert repr(forecast) == (
        "Forecast: 2 steps, 3 states; probabilities\n"
        "  step       0       1       2\n"
        "    +1  0.3720  0.2440  0.3840\n"
        "    +2  0.3756  0.1964  0.4280"
    )


def own_moments(mean, variance):
    emission = Own()
    emission.moments = lambda: (mean, variance)
    return model_of(emission).forecast([0], 1)


def test_moments_of_ones_own():
    forecast = own_moments([1, 2, 3], [0, 0, 0])
    assert forecast.mean == pytest.approx([INITIAL @ TRANSITION @ [1, 2, 3]])
    vectors = own_moments(MEANS.tolist(), MATRICES.tolist())
    assert vectors.variance.shape == (1, 2, 2)


def test_bad_moments_of_ones_own_are_caught():
    with pytest.raises(ValueError, match=r"mean must have shape \(3,\), got \(2,\)"):
        own_moments([1, 2], [1, 2])
    with pytest.raises(ValueError, match=r"variance must have shape \(3, 2, 2\), got \(3, 2\)"):
        own_moments(MEANS, VARIANCES)
    emission = Own()
    emission.moments = lambda: np.zeros(3)
    with pytest.raises(TypeError, match="moments must return a tuple of the means and the variances, got array"):
        model_of(emission).forecast([0], 1)


def test_a_forecast_is_frozen_also_after_a_pickle():
    forecast = model_of(Gaussian(MEANS, MATRICES)).forecast([[0.1, 2.0]], 2)
    for twin in (forecast, pickle.loads(pickle.dumps(forecast))):
        assert repr(twin) == repr(forecast)
        assert twin.probabilities is twin.probabilities
        with pytest.raises(AttributeError):
            twin.mean = 0
        for name in ("log_probabilities", "probabilities", "mean", "variance"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(twin, name)[0] = 0


def test_numbers_print():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Poisson([1.0, 5.0]), ["calm", "busy"])
    assert repr(model.forecast([0, 2], 9)) == (
        "Forecast: 9 steps, 2 states; probabilities, mean ± standard deviation\n"
        "  step    calm    busy      observation\n"
        "    +1  0.8616  0.1384  1.5537 ± 1.8607\n"
        "    +2  0.8031  0.1969  1.7876 ± 2.0779\n"
        "    +3  0.7622  0.2378  1.9513 ± 2.2026\n"
        "   ...\n"
        "    +8  0.6827  0.3173  2.2691 ± 2.3948\n"
        "    +9  0.6779  0.3221  2.2884 ± 2.4046"
    )


def test_vectors_print():
    assert repr(hf.HMM([1.0], [[1.0]], Gaussian([[0.0, 1e6]], [[4.0, 1.0]])).forecast([None, None], 1)) == (
        "Forecast: 1 steps, 1 states; probabilities, mean ± standard deviation\n"
        "  step       0  observation[0]  observation[1]\n"
        "    +1  1.0000           0 ± 2       1e+06 ± 1"
    )


def test_channels_print_and_are_drawn_under_their_names():
    walk = hf.emissions.Product([Poisson([2.0]), Gaussian([1.0], [4.0])], columns=["step", "angle"])
    forecast = hf.HMM([1.0], [[1.0]], walk).forecast([(1, 2.0)], 1)
    assert repr(forecast).splitlines()[1] == "  step       0        step  angle"
    assert [panel.get_ylabel() for panel in forecast.plot().figure.axes[1:]] == ["step", "angle"]
    several = hf.HMM([1.0], [[1.0]], walk).forecast([[(1, 2.0)], []], 1)
    assert repr(several[1]).splitlines()[1] == repr(forecast).splitlines()[1]


def test_symbols_print():
    assert repr(hf.HMM([1.0], [[1.0]], Categorical([[0.25, 0.75]])).forecast([0], 1)) == (
        "Forecast: 1 steps, 1 states; probabilities, most probable symbol\n"
        "  step       0      symbol\n"
        "    +1  1.0000  1 (0.7500)"
    )


# Several sequences.


@pytest.mark.parametrize(
    ("emission", "observations"), [case[:2] for case in SHOWN.values()] + [(Categorical(SYMBOLS), [2, 0, None, 1])]
)
def test_several_sequences_are_looked_ahead_of_one_by_one(emission, observations):
    model = model_of(emission)
    cut = [observations, observations[:1], observations[1:]]
    rows, lengths = [entry for part in cut for entry in part], [*map(len, cut)]
    for forecast in (model.forecast(cut, STEPS), model.forecast(rows, STEPS, lengths=lengths)):
        assert len(forecast) == 3
        for part, alone in zip(forecast, (model.forecast(part, STEPS) for part in cut), strict=True):
            assert repr(part) == repr(alone)
            for name in ("log_probabilities", "probabilities", "mean", "variance", "symbol_probabilities"):
                np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))
        assert repr(forecast[-1]) == repr(forecast[2])
        with pytest.raises(IndexError):
            forecast[3]


def test_a_sequence_of_no_steps_is_looked_ahead_of_from_the_beginning():
    forecast = model_of(Poisson([1.0, 5.0, 0.0])).forecast([[], [0, 3]], 2)
    np.testing.assert_allclose(forecast.probabilities[0], [INITIAL, INITIAL @ TRANSITION], rtol=RTOL)
    np.testing.assert_allclose(forecast.mean[0, 0], INITIAL @ [1.0, 5.0, 0.0], rtol=RTOL)


def test_one_sequence_with_a_length_is_a_sequence_among_others():
    model = model_of(Poisson([1.0, 5.0, 0.0]))
    assert model.forecast([0, 3], STEPS, lengths=[2]).mean.shape == (1, STEPS)


def test_a_forecast_of_one_sequence_is_its_table():
    forecast = model_of(Poisson([1.0, 5.0, 0.0])).forecast([0, 3], STEPS)
    assert len(forecast) == STEPS
    assert np.array_equal(forecast[-1], forecast.probabilities[-1])
    assert np.array_equal(list(forecast), forecast.probabilities)


def test_states_may_be_known_before():
    model = model_of(Poisson([1.0, 5.0, 0.0]))
    known = np.array([[True] * 3, [False, True, False]])
    forecast = model.forecast([0, 3], 1, allowed=known)
    np.testing.assert_allclose(forecast.probabilities, TRANSITION[1:2], rtol=RTOL, atol=RTOL)
    assert np.array_equal(model.forecast([[0, 3]], 1, allowed=[known])[0].probabilities, forecast.probabilities)


def test_an_impossible_sequence_spares_the_others():
    model = hf.HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], Categorical([[1.0, 0.0], [0.0, 1.0]]))
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        model.forecast([[0, 1], [0, 1, 0]], 2)
    assert (caught.value.sequence, caught.value.step) == (1, 2)
    forecast = model.forecast([[0, 1], [0, 1, 0]], 2, impossible="mark")
    assert forecast.symbol_probabilities[0].tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert np.isnan(forecast.symbol_probabilities[1]).all()
    assert np.isnan(forecast.probabilities[1]).all()
    counts = hf.HMM([1.0], [[1.0]], Poisson([0.0])).forecast([1], 2, impossible="mark")
    assert np.isnan([counts.mean, counts.variance]).all()


def test_several_print():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Poisson([1.0, 5.0]), ["calm", "busy"])
    assert repr(model.forecast([[0, 2]] * 8, 3)) == (
        "Forecast: 8 sequences, 3 steps, 2 states; at step +1: probabilities, mean ± standard deviation\n"
        "  sequence    calm    busy      observation\n"
        "         0  0.8616  0.1384  1.5537 ± 1.8607\n"
        "         1  0.8616  0.1384  1.5537 ± 1.8607\n"
        "         2  0.8616  0.1384  1.5537 ± 1.8607\n"
        "   ...\n"
        "         6  0.8616  0.1384  1.5537 ± 1.8607\n"
        "         7  0.8616  0.1384  1.5537 ± 1.8607"
    )


def test_no_symbol_is_the_most_probable_after_what_is_marked():
    emission = hf.emissions.Categorical(np.eye(2), symbols=["wet", "dry"])
    model = hf.HMM([1.0, 0.0], np.eye(2), emission)
    forecast = model.forecast([["wet", "dry"], ["wet"]], 1, impossible="mark")
    first, second = repr(forecast).splitlines()[-2:]
    assert first.split()[1:] == ["nan", "nan", "nan"]
    assert second.split()[1:] == ["1.0000", "0.0000", "wet", "(1.0000)"]


def channels_model():
    channels = {
        "sky": Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"]),
        "calls": Poisson([1.0, 5.0]),
        "turn": hf.emissions.VonMises([0.0, 3.0], [2.0, 1.0]),
        "place": Gaussian([[0.0, 1.0], [2.0, 3.0]], [np.eye(2), 2 * np.eye(2)]),
    }
    return hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Product(channels), ["calm", "busy"])


CHANNEL_ROWS = [("wet", 3, 0.1, 1.0, 2.0), ("dry", None, 2.0, 1.0, 2.0)]


def test_each_channel_has_the_forecast_of_its_own_emission():
    model = channels_model()
    forecast = model.forecast(CHANNEL_ROWS, STEPS)
    assert list(forecast.channels) == ["sky", "calls", "turn", "place"]
    for name, channel in forecast.channels.items():
        alone = hf.HMM(model.initial, model.transition, model.emission._parts[name])
        blind = hf.HMM(np.exp(forecast.log_probabilities[0]), model.transition, alone.emission).forecast([], STEPS)
        assert np.array_equal(channel.log_probabilities, forecast.log_probabilities)
        assert channel.channels is None
        for part in ("mean", "variance", "symbol_probabilities"):
            expected, got = getattr(blind, part), getattr(channel, part)
            assert (got is None) == (expected is None)
            if got is not None:
                np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(forecast.mean[:, 3:], forecast.channels["place"].mean, rtol=RTOL)
    np.testing.assert_allclose(forecast.mean[:, 2], forecast.channels["turn"].mean, rtol=RTOL)
    assert model_of(Poisson([1.0, 5.0, 0.0])).forecast([0], 1).channels is None


def test_channels_of_several_sequences_are_told_by_name():
    model = channels_model()
    several = model.forecast({"u": CHANNEL_ROWS, "v": CHANNEL_ROWS[:1]}, 2)
    alone = model.forecast(CHANNEL_ROWS, 2)
    assert repr(several["u"]) == repr(alone)
    assert repr(several.channels["sky"]["u"]) == repr(several["u"].channels["sky"])
    head, *rows = repr(several).splitlines()
    assert head.endswith(" at step +1: probabilities, most probable symbol, mean ± standard deviation")
    assert rows[0].split() == ["sequence", "calm", "busy", "sky", "calls", "turn", "place[0]", "place[1]"]
    assert rows[1].split()[0] == "u"
    assert several._repr_html_().count("place[1]") == 1
    frame, whole = several.to_frame(), alone.to_frame()
    assert alone.to_frame(-whole.index).index.tolist() == (-whole.index).tolist()
    assert frame.index.tolist() == [("u", 1), ("u", 2), ("v", 1), ("v", 2)]
    assert frame.loc["u"].equals(whole)
    assert list(whole)[2:6] == ["sky wet", "sky dry", "calls mean", "calls standard deviation"]
    assert whole["sky dry"].tolist() == alone.channels["sky"].symbol_probabilities[:, 1].tolist()
    assert whole["place[1] standard deviation"].tolist() == np.sqrt(alone.channels["place"].variance[:, 1, 1]).tolist()
    assert whole["turn mean"].tolist() == alone.channels["turn"].mean.tolist()


class OwnOfTwo(Own):
    n_states = 2

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 2))


def test_channels_that_depend_on_more():
    emission = hf.emissions.Product(
        [
            hf.emissions.Regression([[0.1, 0.2], [0.5, 0.1]], [1.0, 1.0]),
            hf.emissions.Autoregressive([[0.0, 0.9], [5.0, -0.1]], [1.0, 2.0]),
            OwnOfTwo(),
        ]
    )
    model, rows = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission), [(2.0, 3.0, 0), (3.0, 4.0, 0)]
    forecast = model.forecast(rows, 2, covariates=[1.0, 2.0, 3.0, 4.0])
    stream = model.online()
    for row, covariate in zip(rows, [1.0, 2.0], strict=True):
        stream.observe(row, covariates=[covariate])
    assert repr(stream.forecast(2, covariates=[3.0, 4.0])) == repr(forecast)
    p = forecast.probabilities
    np.testing.assert_allclose(forecast.channels["0"].mean, p[:, 0] * [0.7, 0.9] + p[:, 1] * [0.8, 0.9], rtol=RTOL)
    np.testing.assert_allclose(forecast.channels["1"].mean[0], p[0] @ [3.6, 4.6], rtol=RTOL)
    assert forecast.channels["2"].mean is None
    assert "observation 2" not in repr(forecast)
    assert list(forecast.to_frame())[-2:] == ["observation 1 mean", "observation 1 standard deviation"]
