"""Standard errors: published, of textbooks, of a Hessian of 50 digits; where there are none, and what is refused."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.learning import uncertainty
from hmmfilter.learning.evidence import evidence_of
from hmmfilter.learning.parameters import parts_of
from hmmfilter.learning.problem import Problem
from tests.test_fit import EARTHQUAKES, HALF_A_DIGIT, earthquake_start

TIGHT = 1e-20  # a tolerance that asks for all digits of the parameters
DIGITS = 1e-8  # of standard errors, relative
COUNTS = [3, 0, 1, 7, 9, None, 8, 1, 0, 2, 2, 12, 11, 6, 1, 0, 4, 1, 9, 10]
FACES = [0, 0, 1, 2, 1, 0, 0, 0, 2, 1, 0, 0]


def two_states(**options):
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Poisson([1.0, 8.0]))
    return start.fit(COUNTS, tolerance=TIGHT, **options)


def alone(emission):
    return hf.HMM([1.0], [[1.0]], emission)


# Zucchini, MacDonald, Langrock, Hidden Markov Models for Time Series (2nd edition, 2016), section 3.6.
RATES = [(15.47227699, 0.70256086), (26.12543851, 1.36011996)]
MOVES = {(0, 1): (0.06595936, 0.03542229), (1, 0): (0.12850915, 0.06377305)}


def test_published_standard_errors():
    fitted = earthquake_start(2).fit(EARTHQUAKES, initial="stationary", tolerance=TIGHT)
    errors = fitted.standard_errors()
    close = {"abs": HALF_A_DIGIT * 1e-8}
    for k, (rate, error) in enumerate(RATES):
        assert fitted.model.emission.rate[k] == pytest.approx(rate, **close)
        assert errors.emission["rate"][k] == pytest.approx(error, **close)
    for move, (probability, error) in MOVES.items():
        assert fitted.model.transition[move] == pytest.approx(probability, **close)
        assert errors.transition[move] == pytest.approx(error, **close)
        assert errors.transition[move[0], move[0]] == pytest.approx(error, **close)
    assert errors.initial[0] == pytest.approx(errors.initial[1])  # it moves with the transition


def known(counts):
    return [count for count in counts if count is not None]


def test_textbook_errors_of_one_state():
    counts = known(COUNTS)
    fitted = alone(hf.emissions.Poisson([1.0])).fit(COUNTS)
    assert fitted.standard_errors().emission["rate"] == pytest.approx(
        math.sqrt(np.mean(counts) / len(counts)), rel=DIGITS
    )
    errors = alone(hf.emissions.Bernoulli([0.5])).fit([1, 1, 0, 1, 1]).standard_errors()
    assert errors.emission["probability"] == pytest.approx(math.sqrt(0.8 * 0.2 / 5), rel=DIGITS)
    assert np.isnan(errors.initial).all()
    assert np.isnan(errors.transition).all()


def test_the_covariance_of_shares_is_the_multinomial_one():
    fitted = alone(hf.emissions.Categorical([[0.4, 0.3, 0.3]])).fit(FACES)
    p = np.bincount(FACES) / len(FACES)
    exact = (np.diag(p) - np.outer(p, p)) / len(FACES)
    covariance = fitted.covariance()
    assert covariance.names == ("emission.probabilities[0, 0]", "emission.probabilities[0, 1]")
    np.testing.assert_allclose(covariance.matrix, exact[:2, :2], rtol=DIGITS)
    np.testing.assert_allclose(
        fitted.standard_errors().emission["probabilities"][0], np.sqrt(np.diag(exact)), rtol=DIGITS
    )


def vectors():
    drawn = np.random.default_rng(3).normal(size=(40, 2))
    return drawn @ np.array([[1.0, 0.9], [0.0, 0.3]]) + [5.0, -1.0]


def test_textbook_errors_of_normal_numbers():
    x = vectors()[:, 0]
    fitted = alone(hf.emissions.Gaussian([0.0], [1.0])).fit(x, tolerance=TIGHT)
    errors, intervals = fitted.standard_errors().emission, fitted.confidence_intervals()
    assert errors["mean"] == pytest.approx(np.std(x) / math.sqrt(len(x)), rel=DIGITS)
    assert errors["covariance"] == pytest.approx(np.var(x) * math.sqrt(2 / len(x)), rel=DIGITS)
    lower, upper = intervals.lower.emission, intervals.upper.emission
    assert (lower["mean"] + upper["mean"]) / 2 == pytest.approx(x.mean(), rel=DIGITS)
    assert np.sqrt(lower["covariance"] * upper["covariance"]) == pytest.approx(np.var(x), rel=DIGITS)


@pytest.mark.parametrize("kind", ["variances", "spherical"])
def test_textbook_errors_of_variances(kind):
    x = vectors()
    start = np.ones((1, 2) if kind == "variances" else 1)
    fitted = alone(hf.emissions.Gaussian([[0.0, 0.0]], start, kind)).fit(x, tolerance=TIGHT)
    variance = x.var(axis=0)
    exact = variance * math.sqrt(2 / len(x)) if kind == "variances" else [variance.mean() * math.sqrt(1 / len(x))]
    np.testing.assert_allclose(fitted.standard_errors().emission["covariance"].ravel(), exact, rtol=DIGITS)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_textbook_errors_of_covariance_matrices(kind):
    """The variance of an entry is (s_ii s_jj + s_ij²) / n, as Wishart's distribution has it."""
    x = vectors()
    start = np.eye(2) if kind == "tied" else np.eye(2)[None]
    fitted = alone(hf.emissions.Gaussian([[0.0, 0.0]], start, kind)).fit(x, tolerance=TIGHT)
    s = np.cov(x.T, bias=True)
    errors, intervals = fitted.standard_errors().emission, fitted.confidence_intervals()
    exact = np.sqrt((np.outer(np.diag(s), np.diag(s)) + s**2) / len(x))
    np.testing.assert_allclose(errors["covariance"].reshape(2, 2), exact, rtol=DIGITS)
    np.testing.assert_allclose(errors["mean"][0], np.sqrt(np.diag(s) / len(x)), rtol=DIGITS)
    lower, upper = (end.emission["covariance"].reshape(2, 2) for end in (intervals.lower, intervals.upper))
    np.testing.assert_allclose(np.sqrt(lower * upper).diagonal(), s.diagonal(), rtol=DIGITS)
    assert (lower[0, 1] + upper[0, 1]) / 2 == pytest.approx(s[0, 1], rel=DIGITS)
    names = [name.removeprefix("emission.") for name in fitted.covariance().names]
    state = "" if kind == "tied" else "0, "
    assert names == ["mean[0, 0]", "mean[0, 1]", *(f"covariance[{state}{ij}]" for ij in ("0, 0", "1, 0", "1, 1"))]
    lines = repr(fitted).split("\n")
    assert lines[5].split()[2:] == ["mean[1]", "covariance[0,", "0]", "covariance[1,", "0]", "covariance[1,", "1]"]


def test_units_far_apart_do_not_matter():
    x = vectors()
    fits = [
        alone(hf.emissions.Gaussian([[0.0, 0.0]], [np.diag(unit**2)], "full")).fit(x * unit, tolerance=TIGHT)
        for unit in (np.ones(2), np.array([1e-6, 1e6]))
    ]
    plain, far = (fitted.standard_errors().emission["mean"][0] for fitted in fits)
    np.testing.assert_allclose(far, plain * [1e-6, 1e6], rtol=DIGITS)


def test_a_prior_has_its_share():
    counts = known(COUNTS)
    prior = hf.Prior(emission=hf.priors.Gamma(3.0, 0.5))
    fitted = alone(hf.emissions.Poisson([1.0])).fit(counts, prior=prior)
    (rate,) = fitted.model.emission.rate
    exact = rate / math.sqrt(sum(counts) + 3.0 - 1.0)
    assert fitted.standard_errors().emission["rate"] == pytest.approx(exact, rel=DIGITS)


def exact_log_likelihood(is_stationary, counts, parameters):
    leaving, coming, *rates = parameters
    matrix = [[1 - leaving, leaving], [coming, 1 - coming]]
    start = [coming / (leaving + coming), leaving / (leaving + coming)] if is_stationary else [mpmath.mpf(0.5)] * 2
    row = None
    for count in counts:
        ahead = start if row is None else [sum(row[i] * matrix[i][j] for i in range(2)) for j in range(2)]
        shown = [1 if count is None else rate**count * mpmath.exp(-rate) / mpmath.factorial(count) for rate in rates]
        row = [p * q for p, q in zip(ahead, shown, strict=True)]
    return mpmath.log(sum(row))


def exact_covariance(is_stationary, parameters):
    """Minus the inverse of second differences, with 50 digits."""
    n = len(parameters)
    with mpmath.workdps(50):
        h = mpmath.mpf(10) ** -12

        def at(*moves):
            there = [mpmath.mpf(float(parameter)) for parameter in parameters]
            for which, sign in moves:
                there[which] += sign * h
            return exact_log_likelihood(is_stationary, COUNTS, there)

        signs = list(itertools.product((1, -1), repeat=2))
        hessian = mpmath.matrix(n, n)
        for i, j in itertools.product(range(n), repeat=2):
            hessian[i, j] = sum(a * b * at((i, a), (j, b)) for a, b in signs) / (4 * h * h)
        inverse = -(hessian**-1)
        return np.array(inverse.tolist(), dtype=float)


@pytest.mark.parametrize("initial", ["fixed", "stationary"])
def test_the_covariance_is_that_of_an_exact_hessian(initial):
    fitted = two_states(initial=initial)
    covariance = fitted.covariance()
    transition, rate = fitted.model.transition, fitted.model.emission.rate
    exact = exact_covariance(initial == "stationary", [transition[0, 1], transition[1, 0], *rate])
    assert covariance.names == ("transition[0, 1]", "transition[1, 0]", "emission.rate[0]", "emission.rate[1]")
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    np.testing.assert_allclose(covariance.matrix / scale, exact / scale, atol=DIGITS)


def test_states_in_another_order_have_the_same_errors():
    errors = two_states(initial="stationary").standard_errors()
    start = hf.HMM([0.5, 0.5], [[0.7, 0.3], [0.2, 0.8]], hf.emissions.Poisson([8.0, 1.0]))
    swapped = start.fit(COUNTS, tolerance=TIGHT, initial="stationary").standard_errors()
    np.testing.assert_allclose(swapped.initial, errors.initial[::-1], rtol=DIGITS)
    np.testing.assert_allclose(swapped.transition, errors.transition[::-1, ::-1], rtol=DIGITS)
    np.testing.assert_allclose(swapped.emission["rate"], errors.emission["rate"][::-1], rtol=DIGITS)


def test_data_that_count_four_times_halve_errors():
    errors = two_states(initial="fixed").standard_errors()
    halved = two_states(initial="fixed", weights=[4.0]).standard_errors()
    np.testing.assert_allclose(halved.transition, errors.transition / 2, rtol=1e-6)
    np.testing.assert_allclose(halved.emission["rate"], errors.emission["rate"] / 2, rtol=1e-6)


def test_what_is_held_or_at_a_bound_has_none():
    fitted = two_states(fixed={"emission.rate": [True, False], "transition": [[False, False], [True, True]]})
    errors = fitted.standard_errors()
    np.testing.assert_array_equal(np.isnan(errors.emission["rate"]), [True, False])
    np.testing.assert_array_equal(np.isnan(errors.transition), [[False, False], [True, True]])
    assert fitted.at_boundary["initial"].any()
    assert np.isnan(errors.initial).all()
    assert fitted.covariance().names == ("transition[0, 1]", "emission.rate[1]")
    intervals = fitted.confidence_intervals()
    np.testing.assert_array_equal(np.isnan(intervals.upper.transition), np.isnan(errors.transition))


def test_tied_entries_have_one():
    fitted = two_states(initial="fixed", tied={"transition": [[0, 1], [1, 0]]})
    errors = fitted.standard_errors().transition
    np.testing.assert_allclose(errors, errors[0, 0], rtol=DIGITS)
    assert fitted.covariance().names == ("transition[0, 1]", "emission.rate[0]", "emission.rate[1]")


def test_a_state_that_is_never_entered_has_none():
    start = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], hf.emissions.Poisson([2.0, 5.0]))
    fitted = start.fit([3, 1, 4, 1, 5, 9])
    assert fitted.unvisited == (1,)
    errors = fitted.standard_errors()
    assert errors.emission["rate"] == pytest.approx([math.sqrt(23 / 36), np.nan], rel=DIGITS, nan_ok=True)
    assert np.isnan(errors.transition).all()
    assert fitted.covariance().names == ("emission.rate[0]",)


def test_entries_all_but_at_a_bound_are_taken_as_there():
    fitted = two_states(initial="fixed")
    (a, b), (c, d) = fitted.model.transition
    three = hf.HMM(
        [0.5, 0.5, 0.0],
        [[a, b, 1e-13], [c, d, 1e-13], [0.0, 0.0, 1.0]],
        hf.emissions.Poisson([*fitted.model.emission.rate, 30.0]),
        normalize=True,
    )
    problem = Problem(
        evidence_of(three, COUNTS), parts_of(three, "fixed", {"emission.rate": [False, False, True]}, None), False
    )
    errors = problem.uncertainty(three, True).standard_errors()
    np.testing.assert_allclose(errors["transition"][:2, :2], fitted.standard_errors().transition, rtol=1e-6)
    assert np.isnan(errors["transition"][:, 2]).all()


def test_intervals_are_symmetric_on_scales_that_stay_inside():
    fitted = two_states(initial="stationary")
    errors, intervals = fitted.standard_errors(), fitted.confidence_intervals(0.9)
    half = 1.6448536269514722  # standard deviations
    p, error = fitted.model.transition, errors.transition
    logits = [np.log(end.transition / (1 - end.transition)) for end in (intervals.lower, intervals.upper)]
    np.testing.assert_allclose(np.mean(logits, axis=0), np.log(p / (1 - p)), rtol=DIGITS)
    np.testing.assert_allclose((logits[1] - logits[0]) / 2, half * error / (p * (1 - p)), rtol=DIGITS)
    rate, error = fitted.model.emission.rate, errors.emission["rate"]
    logs = [np.log(end.emission["rate"]) for end in (intervals.lower, intervals.upper)]
    np.testing.assert_allclose(np.mean(logs, axis=0), np.log(rate), rtol=DIGITS)
    np.testing.assert_allclose((logs[1] - logs[0]) / 2, half * error / rate, rtol=DIGITS)
    wide = fitted.confidence_intervals(1 - 1e-12)
    assert (wide.lower.transition >= 0).all()
    assert (wide.upper.transition <= 1).all()
    assert (wide.lower.emission["rate"] >= 0).all()


@pytest.mark.parametrize("level", [0, 1, 1.5, "0.95", True, np.nan])
def test_levels_are_probabilities(level):
    with pytest.raises(ValueError, match="level must be a number between 0 and 1"):
        two_states(initial="fixed").confidence_intervals(level)


def test_a_fit_far_from_the_top_is_refused():
    fitted = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Poisson([2.0, 6.0])).fit(
        COUNTS, initial="fixed", max_iterations=1, accelerate=False
    )
    with pytest.raises(ValueError, match=r"at the top of the objective, which is .* of them away.*max_iterations"):
        fitted.standard_errors()


def twins(**options):
    return hf.HMM([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], hf.emissions.Poisson([2.0, 2.0])).fit(
        COUNTS, initial="fixed", **options
    )


def test_what_the_data_do_not_tell_is_refused_by_name():
    with pytest.raises(ValueError, match=r"falls on all sides.*(transition|emission.rate)\[.*do not tell them"):
        twins().standard_errors()
    with pytest.raises(ValueError, match="has not converged: give it more iterations"):
        twins(max_iterations=0).standard_errors()
    with pytest.raises(ValueError, match="falls on all sides"):
        twins(fixed="emission").covariance()


def test_errors_need_derivatives():
    class Waiting:
        n_states = n_parameters = 2

        def __init__(self, mean):
            self.mean = np.asarray(mean, dtype=float)

        def log_likelihoods(self, observations):
            return -np.asarray(observations)[:, None] / self.mean - np.log(self.mean)

        def sample(self, states, rng):
            return rng.exponential(self.mean[states])

        def estimated(self, observations, weights, prior=None):
            return Waiting(observations @ weights / weights.sum(axis=0))

        @classmethod
        def guessed(cls, observations, weights):
            return cls(observations @ weights / weights.sum(axis=0))

    times = np.array([0.3, 1.2, 0.5, 7.0, 19.0, 22.0, 0.4, 0.9, 15.0])
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], Waiting([1.0, 10.0]))
    with pytest.raises(ValueError, match=r"need exact derivatives.*hold it, with fixed"):
        start.fit(times).standard_errors()
    errors = start.fit(times, fixed="emission", initial="fixed", tolerance=TIGHT).standard_errors()
    assert errors.emission == {}
    assert np.isfinite(errors.transition).all()


def test_the_first_of_rows_that_depend_are_kept():
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    assert uncertainty._independent_rows(rows) == [0, 3]


def test_an_entry_that_is_never_observed_is_named():
    x = vectors()
    x[:, 1] = np.nan
    start = alone(hf.emissions.Gaussian([[0.0, 0.0]], [[[2.0, 0.5], [0.5, 1.0]]], "full"))
    fitted = start.fit(x, fixed="emission.covariance", tolerance=TIGHT)
    with pytest.raises(ValueError, match=r"not where emission.mean\[0, 1\] changes; the data do not tell"):
        fitted.standard_errors()


def test_an_entry_that_moves_also_along_a_flat_direction_has_none(monkeypatch):
    fitted = alone(hf.emissions.Categorical([[0.4, 0.3, 0.3]])).fit(FACES)
    monkeypatch.setattr(uncertainty, "_information", lambda *_: np.diag([5.0, 0.0]))
    assert np.isnan(fitted.standard_errors().emission["probabilities"]).sum() >= 2  # of a row that sums to 1
