"""Emissions of numbers above 0, and of shares, against mpmath and textbooks."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import (
    Beta,
    Exponential,
    Gamma,
    InverseGaussian,
    LogNormal,
    Weibull,
    lifetimes,
    stirling,
    tails,
)
from hmmfilter.emissions.learning import Kept
from hmmfilter.emissions.positive import shape_of
from tests import oracle
from tests.conftest import COMPILED, needs_exact_betas

FAMILIES = [
    Exponential([0.7, 12.0]),
    Gamma([0.8, 6.0], [1.5, 4.0]),
    LogNormal([-0.5, 2.0], [0.8, 0.4]),
    Weibull([0.9, 3.0], [1.5, 20.0]),
    InverseGaussian([1.0, 9.0], [2.0, 50.0]),
    Beta([0.8, 9.0], [3.0, 4.0]),
]

EPS = 2.0**-52
DENSITY = 8.0  # units in the last place of the largest term of a log-density that cannot be avoided
TAIL = 5e-13  # of the log of a probability on one side, relative to itself or to 1
TOP = 1e-9  # of an estimate, as a share


def exact(function):
    """A log-density, and its largest term."""

    def term(x, *parameters):
        terms = function(*map(mpmath.mpf, (x, *parameters)))
        return mpmath.fsum(terms), max(abs(each) for each in terms)

    return term


log, log_gamma = mpmath.log, mpmath.loggamma


@exact
def exponential(x, mean):
    return -x / mean, -log(mean)


@exact
def gamma(x, a, b):
    """By the deviance from the mean, whose terms are the largest that cannot be avoided."""
    mean = a * b
    away = -a * (x / mean - 1 - log(x / mean))
    return away, -log(x), a * log(a) - a - log_gamma(a)


@exact
def log_normal(x, mean, deviation):
    return -(((log(x) - mean) / deviation) ** 2) / 2, -log(deviation), -log(x), -log(2 * mpmath.pi) / 2


@exact
def weibull(x, k, scale):
    return log(k / scale), (k - 1) * log(x / scale), -((x / scale) ** k)


@exact
def inverse_gaussian(x, mean, shape):
    return log(shape) / 2, -log(2 * mpmath.pi) / 2, -3 * log(x) / 2, -shape * (x - mean) ** 2 / (2 * mean**2 * x)


@exact
def beta(x, a, b):
    mean = a / (a + b)
    away = -(a + b) * (mean * log(mean / x) + (1 - mean) * log((1 - mean) / (1 - x)))
    rest = [c * log(c) - c - log_gamma(c) for c in (a, b, a + b)]
    return away, -log(x), -log(1 - x), rest[0] + rest[1] - rest[2]


SCALES = [1e-100, 0.37, 1.0, 1e8]
EXTREMES = [
    *[(Exponential, exponential, (mean,)) for mean in (1e-300, 0.3, 1e300)],
    *[(Gamma, gamma, (a, b)) for a in (1e-8, 0.3, 1.0, 1.0000001, 3.9, 4.1, 15.9, 16.1, 1e4, 1e8) for b in SCALES],
    *[(LogNormal, log_normal, (m, s)) for m in (-600.0, -1.0, 0.0, 7.0, 500.0) for s in (0.01, 1.0, 100.0)],
    *[(Weibull, weibull, (k, s)) for k in (1e-3, 0.3, 1.0, 2.5, 30.0) for s in SCALES],
    *[(InverseGaussian, inverse_gaussian, (m, s)) for m in (1e-50, 0.37, 1e8) for s in (1e-30, 1.0, 1e8)],
    *[(Beta, beta, (a, b)) for a in (1e-3, 1.0, 2.5, 1e4, 1e8) for b in (1e-10, 0.5, 1.0, 3.3, 1e8)],
]


def near_and_far(emission, ends):
    """Observations at the mean, near it, some deviations away, and at all ends."""
    mean, variance = (float(each[0]) for each in emission.moments())
    mean = mean if 0 < mean < np.inf else 1.0
    deviation = np.sqrt(variance) if 0 < variance < np.inf else mean
    x = [mean, mean * (1 + 1e-8), mean * 0.7, mean * 1.4, mean * 1.42]
    x += [mean + n * deviation for n in (-5.0, -1.0, 1.0, 6.0, 40.0)]
    return np.array([each for each in [*x, *ends] if 0 < each < ends[-1]])


@pytest.mark.parametrize(
    ("family", "term", "parameters"), EXTREMES, ids=lambda each: str(getattr(each, "__name__", each))
)
def test_densities_are_exact_near_and_far(family, term, parameters):
    emission = family(*([each] for each in parameters))
    ends = [1e-300, 1e-10, 0.5, 1 - 2.0**-53, 1.0] if family is Beta else [5e-324, 1e-310, 1e-300, 0.1, 1e100, 1e301]
    x = near_and_far(emission, ends)
    table = emission.log_likelihoods(x)[:, 0]
    with mpmath.workdps(oracle.DIGITS):
        for each, got in zip(x, table, strict=True):
            whole, largest = term(float(each), *parameters)
            if whole < -(mpmath.mpf(2) ** 1023):
                assert got == -np.inf
            else:
                unknown = max(1.0, float(largest)) if np.isfinite(float(largest)) else float(abs(whole))
                unknown *= max(1.0, abs(float(log(each)))) if family is Weibull else 1.0  # as (x / λ)^k has
                assert abs(float(mpmath.mpf(float(got)) - whole)) <= DENSITY * EPS * unknown, float(each)


def at_zero(emission):
    return emission.log_likelihoods([0.0])[0].tolist()


def test_what_is_at_an_end_is_impossible_or_has_a_density_there():
    assert at_zero(Exponential([4.0])) == [-np.log(4.0)]
    assert at_zero(Gamma([1.0, 1.5], [4.0, 4.0])) == [-np.log(4.0), -np.inf]
    assert at_zero(Weibull([1.0, 1.5], [4.0, 4.0])) == [-np.log(4.0), -np.inf]
    assert at_zero(LogNormal([0.0], [1.0])) == at_zero(InverseGaussian([1.0], [1.0])) == [-np.inf]
    assert Beta([1.0, 3.0], [4.0, 1.0]).log_likelihoods([0.0, 1.0]).tolist() == [
        [np.log(4.0), -np.inf],
        [-np.inf, np.log(3.0)],
    ]


@pytest.mark.parametrize(
    ("emission", "x"),
    [
        (Gamma([2.0, 0.9], [1.0, 1.0]), 0),
        (Weibull([2.0, 0.9], [1.0, 1.0]), 0),
        (Beta([2.0, 0.9], [1.0, 1.0]), 0),
        (Beta([1.0, 1.0], [2.0, 0.9]), 1),
    ],
)
def test_what_is_at_a_pole_is_refused(emission, x):
    with pytest.raises(ValueError, match=rf"observations\[1\] is {x}, where the density of state 1 is infinite"):
        emission.log_likelihoods([0.5, x])
    model = hf.HMM([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], emission)
    with pytest.raises(ValueError, match=rf"observations\[1\] is {x}"):
        model.fit([0.5, x, 0.2])


@pytest.mark.parametrize("emission", FAMILIES, ids=lambda emission: type(emission).__name__)
def test_what_no_state_shows_is_refused(emission):
    with pytest.raises(ValueError, match=r"observations\[1\] must be from 0 (up|to 1), or missing, got -0.5"):
        emission.log_likelihoods([None, -0.5])
    with pytest.raises(ValueError, match=r"must have shape|must be above 0"):
        type(emission)(*([0.0] for _ in emission.DOMAINS))
    if isinstance(emission, Beta):
        with pytest.raises(ValueError, match=r"must be from 0 to 1, or missing, got 2\.0"):
            emission.log_likelihoods([2.0])


def test_means_that_are_no_doubles_are_refused():
    with pytest.raises(ValueError, match=r"mean\[1\] must be (finite|above 0)"):
        Gamma([1.0, 1e200], [1.0, 1e200])
    with pytest.raises(ValueError, match=r"mean\[0\] must be above 0"):
        Gamma([1e-200], [1e-200])


def sides_of(emission, x):
    below, at, above = emission.log_sides(x)
    assert (at == -np.inf).all()
    return zip(x, below[:, 0], above[:, 0], strict=True)


def assert_side(got, probability):
    whole = log(probability)
    assert abs(float(mpmath.mpf(float(got)) - whole)) <= TAIL * max(1.0, abs(float(whole)))


@pytest.mark.parametrize("shape", [0.01, 0.7, 1.0, 4.5, 300.0, 1e5])
def test_tails_of_gamma(shape):
    x = [shape * each for each in (1e-250, 1e-30, 0.01, 0.3, 0.99, 1.0, 1.01, 1.5, 4.0, 60.0)] + [700.0]
    with mpmath.workdps(oracle.DIGITS):
        for each, below, above in sides_of(Gamma([shape], [1.0]), np.array(x)):
            y, a = mpmath.mpf(float(each)), mpmath.mpf(shape)
            density = mpmath.exp(a * log(y) - y - log_gamma(a + 1))
            lower = density * mpmath.hyp1f1(1, a + 1, y, maxterms=10**6)
            upper = 1 - lower if y < a else mpmath.gammainc(a, y, regularized=True)
            assert_side(above, upper)
            assert_side(below, lower if y < a else 1 - upper)
    assert Gamma([shape], [1.0]).log_sides([0.0])[0][0] == -np.inf


@pytest.mark.parametrize(
    ("a", "b"), [(0.3, 0.6), (1.0, 1.0), (7.5, 2.0), (300.0, 40.0), pytest.param(5e4, 1e5, marks=needs_exact_betas)]
)
def test_tails_of_beta(a, b):
    mean = a / (a + b)
    x = np.array(
        [1e-300, mean * 1e-6, mean * 0.3, mean * 0.95, mean, 1 - (1 - mean) * 0.9, 1 - (1 - mean) / 3, 1 - 1e-9]
    )
    with mpmath.workdps(oracle.DIGITS):
        for each, below, above in sides_of(Beta([a], [b]), x):
            y = mpmath.mpf(float(each))
            is_below = each <= mean
            small = fraction_of_beta(y, a, b) if is_below else fraction_of_beta(1 - y, b, a)
            assert_side(below, small if is_below else 1 - small)
            assert_side(above, 1 - small if is_below else small)
    below, _, above = Beta([a], [b]).log_sides([0.0, 1.0])
    assert below.ravel().tolist() == [-np.inf, 0.0]
    assert above.ravel().tolist() == [0.0, -np.inf]


def fraction_of_beta(x, a, b):
    """I_x(a, b), by its power series with terms of one sign."""
    a, b = mpmath.mpf(a), mpmath.mpf(b)
    front = a * log(x) + b * log(1 - x) - log(a) - mpmath.log(mpmath.beta(a, b))
    term = total = mpmath.mpf(1)
    n = 0
    while term > total * mpmath.mpf(10) ** -30:
        term *= (a + b + n) / (a + 1 + n) * x
        total += term
        n += 1
    return mpmath.exp(front) * total


@pytest.mark.parametrize(("mean", "shape"), [(1.0, 0.01), (1.0, 1.0), (2.0, 50.0), (1.0, 1e4), (1e3, 1.0)])
def test_tails_of_the_inverse_gaussian(mean, shape):
    x = np.array([1e-4, 0.05, 0.4, 0.9, 1.0, 1.05, 1.5, 3.0, 20.0, 400.0, 1e5]) * mean
    with mpmath.workdps(10 * oracle.DIGITS):
        for each, below, above in sides_of(InverseGaussian([mean], [shape]), x):
            y, m = mpmath.mpf(float(each)), mpmath.mpf(mean)
            r = mpmath.sqrt(shape / y)
            near, far = (
                mpmath.erfc(r * (y / m - 1) / mpmath.sqrt(2)) / 2,
                mpmath.erfc(r * (y / m + 1) / mpmath.sqrt(2)) / 2,
            )
            upper = near - mpmath.exp(2 * shape / m) * far
            assert_side(above, upper)
            assert_side(below, mpmath.erfc(r * (1 - y / m) / mpmath.sqrt(2)) / 2 + mpmath.exp(2 * shape / m) * far)
    assert InverseGaussian([mean], [shape]).log_sides([0.0])[0][0] == -np.inf


def test_tails_of_lifetimes():
    with mpmath.workdps(oracle.DIGITS):
        for k, scale, x in [(0.5, 2.0, 1e-300), (3.0, 1.0, 1e-100), (2.0, 5.0, 4.0), (1.5, 1.0, 90.0)]:
            hazard = (mpmath.mpf(x) / scale) ** mpmath.mpf(k)
            below, _, above = Weibull([k], [scale]).log_sides([x])
            assert_side(below[0, 0], -mpmath.expm1(-hazard))
            assert_side(above[0, 0], mpmath.exp(-hazard))
        for x in (1e-40, 0.3, 1e30):
            z = (log(mpmath.mpf(x)) - 1) / 2
            below, _, above = LogNormal([1.0], [2.0]).log_sides([x])
            assert_side(below[0, 0], mpmath.ncdf(z))
            assert_side(above[0, 0], mpmath.ncdf(-z))
    below, _, above = Exponential([1e200]).log_sides([1e-200])
    assert below[0, 0] == pytest.approx(-400 * np.log(10.0), rel=1e-15)
    assert above[0, 0] == 0.0


@pytest.mark.parametrize("a", [1e-300, 1e-8, 0.4, 1.0, 3.0, 15.9, 16.0, 40.0, 1e8, 1e15])
def test_what_stirling_leaves(a):
    numbers = np.array([a])
    with mpmath.workdps(oracle.DIGITS):
        exactly = mpmath.mpf(a)
        rest = exactly * log(exactly) - exactly - log_gamma(exactly)
        assert float(abs(stirling.log_gamma_rest(numbers)[0] - rest)) <= 4 * EPS * max(1, abs(rest))
        slope = log(exactly) - mpmath.digamma(exactly)
        assert float(stirling.log_less_digamma(numbers)[0] / slope - 1) == pytest.approx(0.0, abs=1e-13)
        if a > 1e-100:
            curvature = mpmath.psi(1, exactly) - 1 / exactly
            assert float(stirling.trigamma_less_inverse(numbers)[0] / curvature - 1) == pytest.approx(0.0, abs=1e-12)
            assert shape_of(np.array([float(slope)]))[0] == pytest.approx(a, rel=1e-12)
            assert float(stirling.log_less_log1p(numbers)[0] / (exactly - log(1 + exactly)) - 1) == pytest.approx(
                0, abs=1e-14
            )


@pytest.mark.parametrize("shape", [1e-3, 0.5, 30.0, 1e4, 1e8, 1e12])
def test_a_gamma_of_any_shape_is_found_again(shape):
    """From the start of a guess, and from one that is far away, as far as that can be told."""
    x = stats.gamma(shape).ppf((np.arange(200) + 0.5) / 200) if shape < 1e3 else shape + np.sqrt(shape) * normal(200)
    x = x[x > 0]
    ones = np.ones((len(x), 1))
    found = Gamma.guessed(x, ones)
    with mpmath.workdps(oracle.DIGITS):
        numbers = [mpmath.mpf(float(each)) for each in x]
        gap = log(mpmath.fsum(numbers) / len(numbers)) - mpmath.fsum(map(log, numbers)) / len(numbers)
        got = mpmath.mpf(float(found.shape[0]))
        assert float((log(got) - mpmath.digamma(got)) / gap - 1) == pytest.approx(0.0, abs=1e-9)
        assert float(found.shape[0] * found.scale[0]) == pytest.approx(x.mean(), rel=1e-14)
    far = Gamma([1.0], [3 * x.mean()])
    if shape < 1e10:
        for _ in range(3):
            far = far.estimated(x, ones)
        assert far.shape[0] == pytest.approx(found.shape[0], rel=1e-7)


def normal(n):
    return stats.norm.ppf((np.arange(n) + 0.5) / n)


@pytest.mark.parametrize(
    ("emission", "fitted"),
    [
        (Exponential([1.0]), lambda x: [stats.expon.fit(x, floc=0)[1]]),
        (Gamma([1.0], [1.0]), lambda x: list(stats.gamma.fit(x, floc=0)[::2])),
        (LogNormal([0.0], [1.0]), lambda x: [np.log(stats.lognorm.fit(x, floc=0)[2]), stats.lognorm.fit(x, floc=0)[0]]),
        (InverseGaussian([1.0], [1.0]), lambda x: [x.mean(), 1 / (np.mean(1 / x) - 1 / x.mean())]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_estimates_are_those_of_others(emission, fitted):
    x = np.random.default_rng(0).gamma(3.0, 2.0, 200)
    found = emission.estimated(x, np.ones((200, 1)))
    np.testing.assert_allclose([each[0] for each in found._parameters().values()], fitted(x), rtol=TOP)


def test_published_estimates():
    """Weibull's of ball bearings: 2.102 and 81.88 (Lawless, "Statistical Models and Methods for Lifetime Data")."""
    bearings = [17.88, 28.92, 33.0, 41.52, 42.12, 45.6, 48.48, 51.84, 51.96, 54.12, 55.56, 67.8]
    bearings += [68.64, 68.64, 68.88, 84.12, 93.12, 98.64, 105.12, 105.84, 127.92, 128.04, 173.4]
    found = Weibull([1.0], [1.0]).estimated(bearings, np.ones((23, 1)))
    assert found.shape.round(3).tolist() == [2.102]
    assert found.scale.round(2).tolist() == [81.88]


def test_priors_that_are_conjugate():
    x, ones = [2.0, 4.0], np.ones((2, 2))
    prior = hf.priors.Gamma([3.0, 1.0], 2.0)
    found = Exponential([1.0, 7.0]).estimated(x, ones, prior)
    np.testing.assert_allclose(found.mean, [8 / 4, 8 / 2])
    assert found._log_prior(prior, {}) == prior.log_density(1 / found.mean)
    believed = hf.priors.NormalInverseWishart(0.0, 1.0, 3.0, 2.0)
    by_logs = hf.emissions.Gaussian([0.0, 0.0], [1.0, 1.0]).estimated(np.log(x), ones, believed)
    logs = LogNormal([0.0, 0.0], [1.0, 1.0]).estimated(x, ones, believed)
    np.testing.assert_allclose(logs.log_mean, by_logs.mean)
    np.testing.assert_allclose(logs.log_deviation**2, by_logs.covariance)
    assert logs._log_prior(believed, {}) == pytest.approx(by_logs._log_prior(believed, {}))


@pytest.mark.parametrize(
    ("emission", "prior"),
    [
        (Exponential([1.0, 7.0]), hf.priors.Gamma(3.0, 2.0)),
        (LogNormal([0.5, 7.0], [1.0, 2.0]), hf.priors.NormalInverseWishart(0.0, 1.0, 3.0, 2.0)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_slopes_of_priors(emission, prior):
    held = {next(iter(emission.DOMAINS)): np.array([0, -1])}
    score = emission._prior_score(prior, held)
    for name, values in emission._parameters().items():
        for k in range(2):
            step = 1e-6 * (np.arange(2) == k)
            up, down = (emission._with({**emission._parameters(), name: values + s * step}) for s in (1, -1))
            slope = (up._log_prior(prior, held) - down._log_prior(prior, held)) / 2e-6
            is_held = name in held and k == 1
            assert score[name][k] == pytest.approx(0.0 if is_held else slope, rel=1e-6, abs=1e-8)


def test_a_wide_prior_has_its_shape():
    with pytest.raises(ValueError, match="prior of the emission"):
        Exponential([1.0, 7.0]).estimated([1.0], [[1.0, 1.0]], hf.priors.Gamma([1.0, 1.0, 1.0], 1.0))


def test_zeros_alone_have_no_mean_waiting_time():
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses"):
        Exponential([1.0, 1.0]).estimated([0.0, 0.0, 1.0], [[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])


def test_one_number_in_states_that_are_tied_has_no_bound_either():
    start = Weibull([1.0, 2.0], [3.0, 3.0])
    x, weights = np.array([3.0, 3.0, np.nan]), np.ones((3, 2))
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):
        start._maximised(Kept((x,), weights), None, {"scale": np.array([0, 0])})
    other = np.array([3.0, 4.0, np.nan])
    found = start._maximised(Kept((other,), weights), None, {"scale": np.array([0, 0])})
    assert found.scale[0] == found.scale[1]
    held = {"scale": np.array([-1, 1])}
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):  # at its own scale all the same
        start._maximised(Kept((x,), weights * [1.0, 0.0]), None, held)


@pytest.mark.parametrize("family", [Gamma, Weibull, InverseGaussian, LogNormal, Beta])
def test_zeros_alone_are_no_guess(family):
    with pytest.raises(ValueError, match="state 0 collapses"):
        family.guessed([0.0, 0.0], np.ones((2, 1)))


def test_a_step_that_falls_by_the_rounding_of_two_objectives_is_none_down():
    _, x = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Beta([2.0, 0.5], [3.0, 0.7])).simulate(100, rng=3)
    assert hf.guess(Beta, 1, x).fit(x).converged


def test_moments_may_be_infinite():
    assert Weibull([1e-3], [1.0]).moments()[1] == np.inf
    assert LogNormal([700.0], [30.0]).moments()[0] == np.inf


@pytest.mark.skipif(not COMPILED, reason="compares with machine code")
@pytest.mark.parametrize("n_rows", [1, 63, 65, 5000])
@pytest.mark.parametrize("emission", FAMILIES, ids=lambda emission: type(emission).__name__)
def test_blocks_of_any_length_have_the_bits_of_python(emission, n_rows, monkeypatch):
    from hmmfilter import _tiers
    from hmmfilter.emissions import lifetimes, positive, shares

    x = emission.sample(np.arange(n_rows) % 2, 1)
    compiled = emission.log_likelihoods(x)
    for room in (lifetimes, positive, shares):
        monkeypatch.setattr(room, "kernels", _tiers.Kernels(np.inf))
    np.testing.assert_array_equal(emission.log_likelihoods(x), compiled)


def test_a_hazard_that_underflows_is_told_by_its_log():
    below, above = tails.of_hazard(np.array([-800.0]), np.array([0.0]))
    assert (below[0], above[0]) == (-800.0, 0.0)


def test_each_of_newtons_steps_towards_a_weibull_leads_up(monkeypatch):
    x, heights = np.array([0.5, 1.0, 1.25, 2.0]), []
    for n_steps in range(5):
        monkeypatch.setattr(lifetimes, "N_NEWTON", n_steps)
        found = Weibull([0.25], [1.0]).estimated(x, np.ones((4, 1)))
        heights.append(found.log_likelihoods(x).sum())
    assert (np.diff(heights) > 0).all()
