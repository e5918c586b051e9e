"""Pseudo-residuals: where observations lie given others, against all paths, and whether true models pass."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from hmmfilter.plotting.residuals import Entry, _masses, correlations_of
from tests.conftest import note_share

DIGITS = 60
RESIDUAL_RTOL = 2e-15  # of a residual's size, plus 1
KINDS = ("ordinary", "forecast")
TOWARDS_ONE = 0.01  # least share of samples of a true model that are further from normal

COUNTS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
NUMBERS = hf.HMM([0.3, 0.7], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Gaussian([0.0, 5.0], [1.0, 4.0]))
VECTORS = hf.HMM(
    [0.3, 0.7],
    [[0.8, 0.2], [0.3, 0.7]],
    hf.emissions.Gaussian([[0.0, 1.0], [5.0, -2.0]], [[[1.0, 0.5], [0.5, 2.0]], [[4.0, 0.0], [0.0, 1.0]]]),
)
DIE = hf.HMM(
    [0.5, 0.5], [[0.95, 0.05], [0.1, 0.9]], hf.emissions.Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]], list("abcdef"))
)
COIN = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Bernoulli([0.3, 0.9]))
ZEROS = hf.HMM(  # of the start, of moves, and of symbols: each state is impossible at some step
    [1.0, 0.0, 0.0],
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.25, 0.75, 0.0]],
    hf.emissions.Categorical([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]]),
)
RATES_OF_ZERO = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([0.0, 3.0]))
CASES = {
    "counts": (COUNTS, [0, 2, None, 7, 30, 1]),
    "numbers": (NUMBERS, [0.0, 5.0, 40.0, None, -3.0]),
    "vectors": (VECTORS, [[0.0, 1.0], [5.0, None], None, [9.0, 9.0]]),
    "symbols": (DIE, ["f", "f", None, "a", "c"]),
    "yes and no": (COIN, [1, 0, 0, None, 1]),
    "zeros": (ZEROS, [0, 1, 2, 0, 2]),
    "rates of zero": (RATES_OF_ZERO, [0, 4, 0, 0, 1]),
    "one step": (COUNTS, [3]),
}


def normal_step(z, below, above):
    """How far a residual is from the exact one: a step of Newton's, on the log of the smaller side."""
    z = mpmath.mpf(float(z))
    if below <= above:
        return (mpmath.log(mpmath.ncdf(z)) - mpmath.log(below)) * mpmath.ncdf(z) / mpmath.npdf(z)
    return (mpmath.log(above) - mpmath.log(mpmath.ncdf(-z))) * mpmath.ncdf(-z) / mpmath.npdf(z)


def share(z, below, above):
    """The error of a residual, as a share of what is allowed; infinite where it should be infinite and is not."""
    if below == 0 or above == 0:
        return 0.0 if z == (-np.inf if below == 0 else np.inf) else float("inf")
    return float(abs(normal_step(z, below, above)) / (RESIDUAL_RTOL * (1 + abs(z))))


@mpmath.workdps(DIGITS)
def weights_of_paths(model, log_likelihoods, t, n_steps):
    """p(h_t | the first n observations but v_t), by adding up all paths."""
    exp = np.vectorize(lambda log: mpmath.exp(mpmath.mpf(float(log))) if log > -np.inf else mpmath.mpf(0), otypes="O")
    start, moves, rows = exp(model.log_initial), exp(model.log_transition), exp(log_likelihoods)
    weights = [mpmath.mpf(0)] * model.n_states
    for path in itertools.product(range(model.n_states), repeat=max(n_steps, t + 1)):
        joint = start[path[0]]
        for i, j in itertools.pairwise(path):
            joint *= moves[i, j]
        for s in range(n_steps):
            if s != t:
                joint *= rows[s, path[s]]
        weights[path[t]] += joint
    total = mpmath.fsum(weights)
    return [weight / total for weight in weights]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
@mpmath.workdps(DIGITS)
def test_residuals_are_those_of_all_paths(name, kind):
    model, observations = CASES[name]
    found = model.pseudo_residuals(observations, kind)
    log_likelihoods = model.emission.log_likelihoods(observations)
    sides = np.array(model.emission.log_sides(observations))
    ends = np.stack([found.lower, found.residuals, found.upper])
    if ends.ndim == 2:
        ends, sides = ends[:, :, None], sides[:, :, None]
    worst = 0.0
    for t, d in np.ndindex(ends.shape[1:]):
        if np.isnan(sides[:, t, d]).any():
            assert np.isnan(ends[:, t, d]).all()
            continue
        weights = weights_of_paths(model, log_likelihoods, t, len(observations) if kind == "ordinary" else t)
        below, at, above = (
            mpmath.fsum(
                w * mpmath.exp(mpmath.mpf(float(log))) for w, log in zip(weights, row, strict=True) if log > -np.inf
            )
            for row in sides[:, t, d]
        )
        for z, share_below in zip(ends[:, t, d], (0, mpmath.mpf("0.5"), 1), strict=True):
            worst = max(worst, share(z, below + share_below * at, above + (1 - share_below) * at))
    note_share("residuals", worst, f"{name}, {kind}")
    assert worst <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_observation_a_step_is_missing(kind):
    """Longer than paths can be added up: each step is left out by hand, and for a forecast all after it."""
    _, x = NUMBERS.simulate(40, rng=3)
    log_sides = np.array(NUMBERS.emission.log_sides(x))
    found = NUMBERS.pseudo_residuals(x, kind).residuals
    for t in range(len(x)):
        rest = np.where(np.arange(len(x)) == t, np.nan, x)[: None if kind == "ordinary" else t + 1]
        known = NUMBERS.smooth(rest).log_probabilities[t]
        below, _, above = np.logaddexp.reduce(known + log_sides[:, t], axis=-1)
        assert stats.norm.logcdf(found[t]) == pytest.approx(below, rel=1e-12)
        assert stats.norm.logsf(found[t]) == pytest.approx(above, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_single_state_they_are_standard_scores(kind):
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([2.0], [4.0]))
    scores = np.array([-40.0, -30.0, -8.0, -1.0, -1e-3, 0.0, 0.5, 6.0, 30.0, 38.5])
    found = model.pseudo_residuals(2.0 + 2.0 * scores, kind)
    np.testing.assert_allclose(found.residuals, scores, rtol=RESIDUAL_RTOL, atol=1e-15)
    np.testing.assert_array_equal(found.lower, found.residuals)
    np.testing.assert_array_equal(found.upper, found.residuals)


def test_what_is_far_out_is_told_from_what_is_farther():
    """One state is 1e-300 likely, and still decides where its tail is the heavier one."""
    model = hf.HMM(
        [1.0, 1e-300], [[1.0, 0.0], [0.0, 1.0]], hf.emissions.Gaussian([0.0, 100.0], [1.0, 1.0]), normalize=True
    )
    near, far = (model.pseudo_residuals([x], "forecast").residuals[0] for x in (38.0, 99.0))
    exact_near, exact_far = np.log(1e-300) + np.array([0.0, stats.norm.logsf(-1.0)])
    assert stats.norm.logsf(near) == pytest.approx(exact_near, rel=1e-13)
    assert stats.norm.logsf(far) == pytest.approx(exact_far, rel=1e-13)


def is_normal(residuals):
    return stats.kstest(residuals, "norm").pvalue > TOWARDS_ONE


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_a_true_model_are_normal_and_those_of_a_wrong_one_are_not(kind):
    _, x = NUMBERS.simulate(2000, rng=5)
    assert is_normal(NUMBERS.pseudo_residuals(x, kind).residuals)
    wrong = hf.HMM([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], hf.emissions.Gaussian([0.0, 5.0], [2.0, 2.0]))
    assert not is_normal(wrong.pseudo_residuals(x, kind).residuals)
    _, vectors = VECTORS.simulate(2000, rng=5)
    for column in VECTORS.pseudo_residuals(vectors, kind).residuals.T:
        assert is_normal(column)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", [COUNTS, DIE, COIN], ids=["counts", "symbols", "yes and no"])
def test_segments_of_a_true_model_cover_as_normal_numbers_would(model, kind):
    """A normal number drawn from each segment: together they are a sample of the normal distribution."""
    _, x = model.simulate(2000, rng=7)
    found = model.pseudo_residuals(x, kind)
    assert (found.lower < found.residuals).all()
    assert (found.residuals < found.upper).all()
    drawn = np.random.default_rng(0).uniform(stats.norm.cdf(found.lower), stats.norm.cdf(found.upper))
    assert stats.kstest(drawn, "uniform").pvalue > TOWARDS_ONE


def test_forecasts_of_a_true_model_are_independent():
    _, x = NUMBERS.simulate(5000, rng=9)
    z = NUMBERS.pseudo_residuals(x, "forecast").residuals
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 3 / np.sqrt(len(z))
    one = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([x.mean()], [x.var()]))
    z = one.pseudo_residuals(x, "forecast").residuals
    assert np.corrcoef(z[1:], z[:-1])[0, 1] > 0.2


@given(st.lists(st.integers(0, 12), min_size=1, max_size=20), st.sampled_from(KINDS))
def test_segments_are_in_order(counts, kind):
    found = COUNTS.pseudo_residuals(counts, kind)
    assert (found.lower <= found.residuals).all()
    assert (found.residuals <= found.upper).all()
    assert ((found.lower == -np.inf) == (np.array(counts) == 0)).all()
    assert np.isfinite(found.upper).all()


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_are_taken_each_alone_to_the_same_bits(kind):
    sequences = [[0, 2, 7], [], [4], [1, None, 0, 9]]
    together = COUNTS.pseudo_residuals(sequences, kind)
    for name in ("residuals", "lower", "upper"):
        alone = [getattr(COUNTS.pseudo_residuals(each, kind), name) for each in sequences if each]
        np.testing.assert_array_equal(getattr(together, name), np.concatenate(alone))
        joined = COUNTS.pseudo_residuals([0, 2, 7, 4, 1, None, 0, 9], kind, lengths=[3, 0, 1, 4], workers=2)
        np.testing.assert_array_equal(getattr(together, name), getattr(joined, name))
    assert len(together) == 4
    np.testing.assert_array_equal(together[2].residuals, COUNTS.pseudo_residuals([4], kind))
    assert together[2].kind == kind


def test_what_is_known_of_the_states_counts():
    known = np.ones((3, 2), dtype=bool)
    known[1] = [False, True]
    for kind in KINDS:
        found = COUNTS.pseudo_residuals([0, 2, 1], kind, allowed=known)
        assert stats.norm.cdf(found.upper[1]) == pytest.approx(stats.poisson.cdf(2, 5.0), rel=1e-13)
    forecast = COUNTS.pseudo_residuals([0, 2, 1], "forecast", allowed=known)
    from_busy = 0.2 * stats.poisson.cdf(1, 1.0) + 0.8 * stats.poisson.cdf(1, 5.0)
    assert stats.norm.cdf(forecast.upper[2]) == pytest.approx(from_busy, rel=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_impossible_evidence_is_told_at_its_step(kind):
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 1 on") as caught:
        ZEROS.pseudo_residuals([0, 0, 0, 0], kind, allowed=[[True, False, False]] * 4)
    assert (caught.value.step, caught.value.sequence) == (1, None)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        ZEROS.pseudo_residuals([[0, 1], [2, 1]], kind)
    assert (caught.value.step, caught.value.sequence) == (0, 1)
    with pytest.raises(hf.ImpossibleEvidenceError, match="of sequence 'ben'"):
        ZEROS.pseudo_residuals({"anna": [0, 1], "ben": [2, 1]}, kind)


def test_without_steps_there_are_none():
    for found in (COUNTS.pseudo_residuals([[], []]), COUNTS.pseudo_residuals([], lengths=[0, 0])):
        assert found.residuals.shape == (0,)
        assert len(found) == 2
        assert "nan" in repr(found)
        with pytest.raises(ValueError, match="at least one step"):
            found.plot()


class Exponential:
    """An emission of one's own."""

    n_states, rate = 2, np.array([1.0, 10.0])

    def log_likelihoods(self, observations):
        x = np.asarray(observations, dtype=float)[:, None]
        return np.log(self.rate) - self.rate * x

    def sample(self, states, rng):
        return rng.exponential(1 / self.rate[states])

    def log_sides(self, observations):
        x = np.asarray(observations, dtype=float)[:, None]
        return np.log(-np.expm1(-self.rate * x)), np.full((len(x), 2), -np.inf), -self.rate * x


def with_sides(log_sides):
    own = Exponential()
    own.log_sides = log_sides
    return hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], own)


def test_an_emission_of_ones_own_says_what_is_on_either_side():
    x = [0.5, 0.1, 3.0]
    own = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Exponential())
    of_scipy = hf.HMM(own.initial, own.transition, hf.emissions.FromScipy([stats.expon(), stats.expon(scale=0.1)]))
    np.testing.assert_allclose(own.pseudo_residuals(x), of_scipy.pseudo_residuals(x), rtol=1e-13)
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([*x, 0.2], name="waiting")
    found = own.pseudo_residuals(series.groupby(["a", "a", "a", "b"]))
    np.testing.assert_array_equal(found["a"].residuals, own.pseudo_residuals(x))


def test_an_emission_without_sides_is_refused():
    class Plain:
        n_states, log_likelihoods, sample = 2, Exponential.log_likelihoods, Exponential.sample

    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Plain())
    with pytest.raises(TypeError, match=r"need an emission with a method log_sides.*, got Plain"):
        model.pseudo_residuals([1.0])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((2, 3, 2)), r"three tables with 2 columns.*got shape \(2, 3, 2\)"),
        (np.zeros((3, 3, 3)), r"got shape \(3, 3, 3\)"),
        (np.zeros((3, 2, 2)), r"a row for each observation.*got shape \(3, 2, 2\)"),
        (np.zeros(3), r"got shape \(3,\)"),
        (np.full((3, 3, 2), 0.5), "at most 0, got 0.5"),
    ],
)
def test_wrong_sides_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        with_sides(lambda observations: wrong).pseudo_residuals([0.5, 0.1, 3.0])


@pytest.mark.parametrize("kind", ["past", None, 1])
def test_there_are_two_kinds(kind):
    with pytest.raises(ValueError, match="kind must be 'ordinary' or 'forecast', got"):
        COUNTS.pseudo_residuals([1], kind)


def test_an_observation_is_refused_in_its_sequence():
    with pytest.raises(ValueError, match=r"sequence 1: observations\[0\]"):
        COUNTS.pseudo_residuals([[0, 1], [-1]])


def test_they_print():
    assert repr(COUNTS.pseudo_residuals({"anna": [0, 2, None], "ben": [4]}, "forecast")) == (
        "PseudoResiduals: 2 sequences, 4 steps, forecast\n"
        "  sequence  steps     mean      sd\n"
        "      anna      3  -0.3317  0.9869\n"
        "       ben      1   0.4419  0.0000"
    )
    assert "step  residual\n" in repr(NUMBERS.pseudo_residuals([0.0, 5.0]))


def test_they_are_a_frame():
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2026-01-01", periods=3)
    frame = COUNTS.pseudo_residuals(pandas.Series([0, 2, 7], index=days)).to_frame()
    assert list(frame.columns) == ["lower", "residual", "upper"]
    assert (frame.index == days).all()
    x = pandas.DataFrame({"height": [0.0, 5.0], "weight": [1.0, -2.0]})
    found = VECTORS.pseudo_residuals(x)
    assert list(found.to_frame().columns) == ["height", "weight"]
    assert "step   height   weight" in repr(found)
    np.testing.assert_array_equal(found.to_frame(), found.residuals)
    assert list(NUMBERS.pseudo_residuals([[0.0], [5.0, 1.0]]).to_frame(index=list("abc")).columns) == ["residual"]


def test_the_picture_has_what_is_to_be_seen():
    axes = COUNTS.pseudo_residuals([0, 2, None, 7, 30]).plot()
    assert [ax.get_xlabel() for ax in axes] == ["step", "normal quantile", "residual", "steps apart"]
    (dots,) = axes[0].lines[1:]
    assert np.isnan(dots.get_ydata()[2])
    assert axes[0].get_ylim()[1] > dots.get_ydata()[4]
    assert len(axes[1].lines[0].get_ydata()) == 4
    axes[0].figure.canvas.draw()


def test_the_picture_of_vectors_has_a_row_of_panels_for_each_entry():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame({"height": [0.0, 5.0, np.nan], "weight": [1.0, -2.0, 3.0]})
    axes = VECTORS.pseudo_residuals([x, x]).plot()
    assert axes.shape == (2, 4)
    assert [row[0].get_title(loc="left") for row in axes] == ["height", "weight"]
    assert sum(str(line.get_color()) == "0.6" for line in axes[0, 0].lines) == 1  # between the sequences


def test_a_long_series_is_drawn_as_a_line_and_its_quantiles_as_some_dots():
    _, x = NUMBERS.simulate(3000, rng=1)
    axes = NUMBERS.pseudo_residuals(x).plot()
    assert len(axes[0].lines[-1].get_xdata()) == 1000
    dots = axes[1].lines[0].get_xdata()
    assert len(dots) == 600
    assert dots[0] == stats.norm.ppf(0.5 / 3000)
    assert dots[-1] == pytest.approx(-dots[0])


def test_many_sequences_are_not_marked():
    axes = COUNTS.pseudo_residuals([[1, 2]] * 60).plot()
    assert len(axes[0].lines) == 2


@pytest.mark.parametrize("observations", [[None, None], [0.0], [0.0, 0.0, 0.0]])
def test_pictures_of_little_can_be_drawn(observations):
    axes = NUMBERS.pseudo_residuals(observations).plot()
    axes[0].figure.canvas.draw()


def test_an_infinite_residual_is_left_out_of_the_picture():
    never = np.full((3, 2), -np.inf)
    log_below = np.log([[0.0, 0.0], [0.3, 0.3], [0.6, 0.6]], out=never.copy(), where=[[False], [True], [True]])
    model = with_sides(lambda observations: (log_below, never, np.log1p(-np.exp(log_below))))
    found = model.pseudo_residuals([0.1, 0.2, 0.3])
    assert found.residuals[0] == -np.inf
    assert "mean -inf, standard deviation nan" in repr(found)
    axes = found.plot()
    axes[0].figure.canvas.draw()
    assert np.isfinite(axes[2].get_ylim()).all()


def entry_of(lower, middle, upper, starts=None):
    starts = [0, len(middle)] if starts is None else starts
    return Entry("x", *(np.array(z, dtype=float) for z in (lower, middle, upper)), np.array(starts))


def test_segments_are_spread_over_the_histogram_as_normal_numbers_are():
    edges = np.array([-4.0, -1.0, 0.0, 1.0, 4.0])
    entry = entry_of([-np.inf, 0.5, np.nan, 2.0], [-0.7, 0.5, np.nan, 2.2], [0.0, 0.5, np.nan, 2.4])
    below = stats.norm.cdf(edges)
    masses = np.array([below[1] - below[0], below[2] - below[1], 0.0, 0.0]) / 0.5 + [0, 0, 1, 1]
    np.testing.assert_allclose(_masses(entry, edges), masses, rtol=1e-14)


def test_correlations_are_those_of_pairs_within_sequences():
    z = np.random.default_rng(0).normal(size=40)
    z[[3, 17]] = np.nan, np.inf
    starts = [0, 12, 12, 40]
    lags, correlations, n_pairs = correlations_of(entry_of(z, z, z, starts))
    seen = np.isfinite(z)
    about = z - z[seen].mean()
    assert lags.tolist() == list(range(1, int(10 * np.log10(38)) + 1))
    for lag, correlation, n in zip(lags, correlations, n_pairs, strict=True):
        pairs = [
            (s, s + lag) for a, b in itertools.pairwise(starts) for s in range(a, b - lag) if seen[s] and seen[s + lag]
        ]
        assert n == len(pairs)
        assert correlation == pytest.approx(np.mean([about[s] * about[t] for s, t in pairs]) / z[seen].var(), rel=1e-12)
