"""What is true of every family of numbers; whoever adds one adds a line to `CASES`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import climbing
from hmmfilter.emissions.angles import Angles
from hmmfilter.emissions.learning import Kept, shown_by

from . import test_angles, test_count_families, test_positive, test_reals, test_student

# Two states each, whose parameters are all different.
ROOMS = [test_positive, test_count_families, test_reals, test_student, test_angles]
CASES = {type(emission).__name__: emission for room in ROOMS for emission in room.FAMILIES}
BOUNDED = {
    "Exponential",
    "NegativeBinomial",
    "Binomial",
    "Geometric",
}  # whose densities of a number have an upper bound
KINKED = {("Laplace", "location")}  # parameters along which the height has no slope where it is highest

INTEGRAL = 1e-10  # of what a quadrature of a smooth density is off
DIFFERENCE = 1e-6  # of what a difference of heights is off as a slope, as a share of the largest term
SLOPE = 1e-8  # of the log-density of an observation by standard deviations of its parameters, at a top
N = 60
TURNS = 60  # of steps that may be shorter than to the top where ties are partial
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(24)


@pytest.fixture(params=CASES)
def emission(request):
    return CASES[request.param]


@pytest.fixture
def drawn(emission):
    """Observations of both states, the second of which has two thirds, one that is missing, and weights."""
    rng = np.random.default_rng(7)
    states = np.arange(N) % 3 > 0
    x = emission.sample(states.astype(int), rng).astype(float)
    weights = rng.uniform(size=(N, 2)) * (np.arange(N) % 7 > 0)[:, None]
    x[5] = np.nan
    return x, weights


def is_discrete(emission, x):
    return (emission.log_sides(x[:1])[1] > -np.inf).any()


def height(emission, x, weights):
    """Σ w log p(v | h)."""
    table = emission.log_likelihoods(x)
    return np.where(weights > 0, weights * table, 0.0).sum()


def shown(emission, x, weights):
    return shown_by(emission, emission._observed(x), weights)


def test_a_density_is_the_slope_of_its_distribution_function(emission, drawn):
    x = np.unique(drawn[0][~np.isnan(drawn[0])])
    if not is_discrete(emission, x):
        x = np.unique([*x, *emission.moments()[0]])
    log_below, log_at, log_above = emission.log_sides(x)
    np.testing.assert_allclose(np.exp([log_below, log_at, log_above]).sum(axis=0), 1.0, rtol=1e-13)
    if is_discrete(emission, x):
        np.testing.assert_array_equal(log_at, emission.log_likelihoods(x))
        counts = np.arange(x.min(), x.max() + 1)
        below, at, _ = np.exp(emission.log_sides(counts))
        np.testing.assert_allclose(below[1:] - below[:-1], at[:-1], atol=1e-13)
        return
    middle, half = (x[1:] + x[:-1]) / 2, np.diff(x) / 2
    nodes = (middle[:, None] + half[:, None] * NODES).reshape(-1)
    density = np.exp(emission.log_likelihoods(nodes)).reshape(len(middle), len(NODES), 2)
    integrals = half[:, None] * np.einsum("n, mnk -> mk", NODE_WEIGHTS, density)
    np.testing.assert_allclose(integrals, np.diff(np.exp(log_below), axis=0), atol=INTEGRAL)
    np.testing.assert_allclose(integrals, -np.diff(np.exp(log_above), axis=0), atol=INTEGRAL)


def test_rows_that_are_missing_say_nothing(emission):
    assert not emission.log_likelihoods([None, np.nan]).any()
    assert np.isnan(emission.log_sides([None])).all()


def test_a_row_has_the_same_bits_in_any_company(emission, drawn):
    whole = emission.log_likelihoods(drawn[0])
    for t in range(N):
        np.testing.assert_array_equal(emission.log_likelihoods(drawn[0][t : t + 1])[0], whole[t])


def test_a_stream_is_the_whole(emission, drawn):
    model = hf.HMM([0.3, 0.7], [[0.9, 0.1], [0.2, 0.8]], emission)
    stream, x = model.online(), drawn[0]
    rows = [stream.observe(each) for each in x.tolist()]
    np.testing.assert_array_equal(rows, model.filter(x).log_probabilities)


def test_states_in_another_order(emission, drawn):
    turned = emission._reordered(np.array([1, 0]))
    np.testing.assert_array_equal(turned.log_likelihoods(drawn[0]), emission.log_likelihoods(drawn[0])[:, ::-1])
    assert turned._reordered(np.array([1, 0])) == emission


@pytest.mark.parametrize("k", [0, 1])
def test_samples_are_spread_as_the_distribution_function_says(emission, k):
    rng = np.random.default_rng(k)
    x = emission.sample(np.full(2000, k), rng)
    below, at, _ = np.exp(emission.log_sides(x))[:, :, k]
    assert stats.kstest(below + rng.uniform(size=len(x)) * at, "uniform").pvalue > 1e-3
    mean, variance = (each[k] for each in emission.moments())
    if isinstance(emission, Angles):
        points = np.exp(1j * (x - mean))
        assert abs(points.mean() - np.exp(-variance / 2)) < 5 * points.std() / np.sqrt(len(x))
        return
    deviations = np.abs(x - mean) ** 2
    assert abs(x.mean() - mean) < 4 * np.sqrt(variance / len(x))
    assert abs(deviations.mean() - variance) < 5 * deviations.std() / np.sqrt(len(x))


def test_slopes_are_those_of_the_height(emission, drawn):
    x, weights = drawn
    score = emission._score(shown(emission, x, weights))
    for name, values in emission._parameters().items():
        for k in range(2):
            step = 1e-5 * np.abs(values[k]) * (np.arange(2) == k)
            ends = [
                height(emission._with({**emission._parameters(), name: values + sign * step}), x, weights)
                for sign in (1, -1)
            ]
            slope = (ends[0] - ends[1]) / (2 * step[k])
            assert score[name][k] == pytest.approx(slope, rel=DIFFERENCE, abs=DIFFERENCE * N / abs(values[k]))


def assert_top(emission, x, weights, groups):
    """No slope is left along any free number."""
    climb = climbing.Climb(emission, None, groups)
    score = emission._score(shown(emission, x, weights))
    for name, numbers in climb.numbers.items():
        along = score[name] * emission.DOMAINS[name].pace(emission._parameters()[name])
        free = numbers >= 0
        if (type(emission).__name__, name) in KINKED:
            continue
        slopes = np.bincount(numbers[free], weights=along[free])
        np.testing.assert_allclose(slopes / weights.sum(), 0.0, atol=SLOPE * max(1.0, np.abs(x[~np.isnan(x)]).max()))


def test_an_estimate_is_the_top_and_nothing_nearby_is_higher(emission, drawn):
    x, weights = drawn
    found = emission.estimated(x, weights)
    assert_top(found, x, weights, {})
    top = height(found, x, weights)
    assert top >= height(emission, x, weights)
    for n, size in enumerate(found._natural()):
        for step in (-1e-3, 1e-3):
            near = found._natural()
            near[n] = size + step * max(1.0, abs(size))
            assert height(found._of_natural(near), x, weights) < top


def test_weights_count_how_often_an_observation_is(emission, drawn):
    x = drawn[0]
    times = np.arange(len(x)) % 3
    weights = np.column_stack([times, 2 * times]).astype(float)
    found = emission.estimated(x, weights)
    repeated = emission.estimated(np.repeat(x, times), np.repeat([[1.0, 2.0]], times.sum(), axis=0))
    np.testing.assert_allclose(found._natural(), repeated._natural(), rtol=1e-7, atol=1e-9)


def test_a_state_to_which_nothing_belongs_keeps_what_it_has(emission, drawn):
    x, weights = drawn
    found = emission.estimated(x, weights * [0.0, 1.0])
    for name, values in emission._parameters().items():
        assert found._parameters()[name][0] == values[0]
        assert found._parameters()[name][1] == emission.estimated(x, weights)._parameters()[name][1]
    assert emission.estimated([None], [[1.0, 1.0]]) == emission


@pytest.mark.parametrize("held", [0, -1])
@pytest.mark.parametrize("tied", [0, -1])
def test_what_is_held_stays_and_what_is_tied_is_one_number(emission, drawn, held, tied):
    x, weights = drawn
    names = list(emission.DOMAINS)
    groups = {name: np.array([0, 1]) for name in names}
    groups[names[tied]] = np.array([0, 0])
    groups[names[held]] = np.array([0, -1]) if held != tied else np.array([-1, -1])
    found = emission
    for turn in range(TURNS):
        before, found = found, found._maximised(shown(found, x, weights), None, groups)
        assert turn == 0 or height(found, x, weights) >= height(before, x, weights) - 1e-10  # one number, from then on
        if found == before:
            break
    for name, group in groups.items():
        before, after = emission._parameters()[name], found._parameters()[name]
        np.testing.assert_array_equal(after[group < 0], before[group < 0])
        assert group[0] != group[1] or group[0] < 0 or after[0] == after[1]
    assert_top(found, x, weights, groups)


def test_states_that_are_one_learn_from_all(emission, drawn):
    x, weights = drawn
    one = emission._reordered(np.array([0, 0]))
    groups = {name: np.array([0, 0]) for name in emission.DOMAINS}
    found = one._maximised(shown(one, x, weights), None, groups)
    alone = emission._reordered(np.array([0])).estimated(x, weights.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found._natural(), np.repeat(alone._natural(), 2), rtol=1e-6, atol=1e-9)
    assert found == found._reordered(np.array([1, 0]))


def test_one_number_alone_has_no_bound(emission, drawn):
    x, weights = np.full(5, drawn[0][0]), np.ones((5, 2))
    if type(emission).__name__ in BOUNDED:
        assert np.isfinite(height(emission.estimated(x, weights), x, weights))
    else:
        with pytest.raises(hf.DegenerateFitError, match="collapses") as caught:
            emission.estimated(x, weights)
        assert caught.value.state == 0


def test_a_guess_needs_nothing_but_observations(emission, drawn):
    x, weights = drawn
    guessed = type(emission).guessed(x, weights, **emission._settings())
    top = emission.estimated(x, weights)
    np.testing.assert_allclose(guessed._natural(), top._natural(), rtol=1e-6, atol=1e-6)


def test_a_fit_climbs_above_the_truth_and_knows_its_errors(emission):
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission)
    _, x = truth.simulate(150, rng=3)
    fitted = truth.fit(x, max_iterations=500, tolerance=1e-11)
    assert fitted.log_likelihood > truth.log_likelihood(x)
    assert (np.diff(fitted.history) >= -1e-10).all()
    if any(type(emission).__name__ == kind for kind, _ in KINKED):
        return
    errors = fitted.standard_errors()
    for name, values in emission._parameters().items():
        off = getattr(fitted.model.emission, name) - values
        assert (np.abs(off) < 5 * errors.emission[name]).all()


def test_what_is_no_number_is_refused(emission):
    with pytest.raises(TypeError, match=r"observations\[1\] must be a number"):
        emission.log_likelihoods([None, "a"])
    with pytest.raises(TypeError, match="prior of the emission"):
        emission.estimated([1.0], [[1.0, 1.0]], object())


def test_json_has_all_of_it(emission, tmp_path):
    model = hf.HMM([0.3, 0.7], [[0.9, 0.1], [0.2, 0.8]], emission)
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json").emission == emission


def test_a_model_is_guessed_by_the_name_of_the_class(emission, drawn):
    guess = hf.guess(type(emission).__name__.lower(), 2, drawn[0], **emission._settings())
    assert type(guess.emission) is type(emission)
    assert guess.log_likelihood(drawn[0]) > -np.inf


def test_what_is_printed_and_counted(emission):
    table = str(hf.HMM([0.3, 0.7], [[0.9, 0.1], [0.2, 0.8]], emission))
    assert all(f" {name}" in table for name in emission.DOMAINS)
    assert emission.n_parameters == 2 * len(emission.DOMAINS)


def test_what_a_stream_has_to_look_at(emission, drawn):
    model = hf.HMM([0.3, 0.7], [[0.9, 0.1], [0.2, 0.8]], emission)
    x = float(drawn[0][0])
    assert model.online().observe([x]).tolist() == model.online().observe(x).tolist()


def test_slopes_of_rows_add_up_to_those_of_all(emission, drawn):
    x, weights = drawn
    are_seen = ~np.isnan(x)
    score = emission._score(shown(emission, x, weights))
    for name, slope in emission._slopes(emission._observed(x[are_seen])[0]).items():
        np.testing.assert_allclose((weights[are_seen] * slope).sum(axis=0), score[name], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", [hf.emissions.Exponential, hf.emissions.Geometric])
def test_states_that_are_one_may_begin_apart(kind):
    x, weights = np.array([1.0, 2.0, 6.0]), np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    (name,) = kind.DOMAINS
    apart = kind([0.2, 0.4])
    found = apart._maximised(shown(apart, x, weights), None, {name: np.array([0, 0])})
    alone = kind([0.2]).estimated(x, weights.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(getattr(found, name), np.repeat(getattr(alone, name), 2), rtol=1e-12)


def test_what_another_class_makes_of_a_family_streams_by_what_it_says():
    class Halved(hf.emissions.Gamma):
        def log_likelihoods(self, observations):
            return super().log_likelihoods(observations) - np.log(2)

    model = hf.HMM([1.0], [[1.0]], Halved([2.0], [1.0]))
    stream = model.online()
    stream.observe(3.0)
    assert stream.log_likelihood == model.log_likelihood([3.0])
    assert stream.log_likelihood == pytest.approx(np.log(1.5) - 3.0)


def test_what_is_expected_has_names(emission, drawn):
    x, weights = drawn
    assert {len(each) for each in emission._statistics(shown(emission, x, weights)).values()} <= {2, N}


def test_no_step_leads_out_of_what_parameters_can_be():
    x, weights = np.array([1.0, 2.0]), np.ones((2, 1))
    large = hf.emissions.Weibull([np.finfo(float).max], [1.0])
    climb = climbing.Climb(large, Kept((x,), weights), {})
    assert climb.moved(large, np.array([1.0, 0.0])) is None
    assert np.isnan(climb.curvature(large)).all()
    assert np.abs(climb.steps(large, np.array([1.0, -4.0]))).tolist() == [0.25, 1.0]
    gamma = hf.emissions.Gamma([1e154], [1e154])
    assert climbing.Climb(gamma, None, {}).moved(gamma, np.array([2.0, 1.0])) is None
