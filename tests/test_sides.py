"""Distribution functions of emissions: what is below an observation, at it, and above it, against mpmath."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from tests.conftest import note_share

DIGITS = 40
SIDE_RTOL = 4e-15  # of the log of a side, plus 1
SUM_ATOL = 1e-14


def share(got, exact):
    """The error of a log, as a share of what is allowed; infinite where only one of the two is that of 0."""
    if exact == 0 or got == -np.inf:
        return 0.0 if exact == 0 and got == -np.inf else float("inf")
    log = mpmath.log(exact)
    return float(abs(mpmath.mpf(float(got)) - log) / (SIDE_RTOL * (1 + abs(log))))


@mpmath.workdps(DIGITS)
def poisson_sides(count, rate):
    """Exactly, by adding up one tail, the one whose terms fall."""
    rate, count = mpmath.mpf(rate), int(count)
    at = mpmath.exp(count * mpmath.log(rate) - rate - mpmath.loggamma(count + 1)) if count else mpmath.exp(-rate)
    tail, term, n = mpmath.mpf(0), at, 0
    is_upper = rate < count + 1
    while term > tail * mpmath.mpf(10) ** -DIGITS:
        n += 1
        term *= rate / (count + n) if is_upper else (count - n + 1) / rate
        tail += term
    rest = 1 - tail - at if count or not is_upper else mpmath.mpf(0)
    return (rest, at, tail) if is_upper else (tail, at, rest)


NEAR, FAR = [-3, -2.9, -1, 0, 1, 2.9, 3], [-400, -37, -20, -10, -6, -5, -4, -3.1, 3.1, 4, 5, 6, 10, 20, 37, 100]


@pytest.mark.parametrize(
    ("rate", "deviations"),
    [(rate, NEAR + FAR) for rate in (1e-300, 1e-10, 0.01, 0.5, 1, 3, 20, 100, 1e3, 1e4)] + [(1e6, [*FAR[1:-1:2], 6])],
)
def test_sides_of_counts_are_exact_far_into_the_tails(rate, deviations):
    counts = np.unique(np.maximum(np.rint(rate + np.array(deviations) * np.sqrt(rate)), 0))
    sides = hf.emissions.Poisson([rate]).log_sides(counts)
    with mpmath.workdps(DIGITS):
        worst = max(
            share(table[t, 0], exact)
            for t, count in enumerate(counts)
            for table, exact in zip(sides, poisson_sides(count, rate), strict=True)
        )
    note_share("sides of counts", worst, f"rate {rate:g}")
    assert worst <= 1


def test_counts_of_rate_zero_are_zero():
    below, at, above = hf.emissions.Poisson([0.0, 2.0]).log_sides([0, 3, None])
    np.testing.assert_array_equal(below[:, 0], [-np.inf, 0.0, np.nan])
    np.testing.assert_array_equal(at[:, 0], [0.0, -np.inf, np.nan])
    np.testing.assert_array_equal(above[:, 0], [-np.inf, -np.inf, np.nan])


@mpmath.workdps(DIGITS)
def test_sides_of_normal_numbers_are_exact_far_into_the_tails():
    means, variances = np.array([0.0, 1e8, -3.0]), np.array([1.0, 4.0, 1e-6])
    x = np.concatenate([np.linspace(-40, 40, 33), [1e8 - 1, 1e8 + 64.5, -3.001, 1e3, -1e3]])
    below, at, above = hf.emissions.Gaussian(means, variances).log_sides(x)
    assert (at == -np.inf).all()
    for (t, k), got in np.ndenumerate(below):
        standard = (mpmath.mpf(x[t]) - mpmath.mpf(means[k])) / mpmath.sqrt(mpmath.mpf(variances[k]))
        assert share(got, mpmath.ncdf(standard)) <= 1
        assert share(above[t, k], mpmath.ncdf(-standard)) <= 1


def test_entries_of_vectors_are_taken_alone():
    mean, covariance = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[4.0, 1.0], [1.0, 9.0]])
    x = [[0.5, None], [1.0, -2.0], None]
    for emission in (
        hf.emissions.Gaussian(mean, covariance, kind="tied"),
        hf.emissions.Gaussian(mean, [covariance, covariance]),
        hf.emissions.Gaussian(mean, [[4.0, 9.0], [4.0, 9.0]], kind="variances"),
    ):
        sides = np.array(emission.log_sides(x))
        assert sides.shape == (3, 3, 2, 2)
        for d in range(2):
            alone = hf.emissions.Gaussian(mean[:, d], np.full(2, covariance[d, d]))
            column = [None if row is None else row[d] for row in x]
            np.testing.assert_array_equal(sides[:, :, d], alone.log_sides(column))


def test_spherical_variances_are_those_of_each_entry():
    emission = hf.emissions.Gaussian([[0.0, 1.0], [2.0, 3.0]], [4.0, 9.0], kind="spherical")
    below, _, _ = emission.log_sides([[1.0, 1.0]])
    np.testing.assert_allclose(below[0], stats.norm.logcdf([[0.5, -1 / 3], [0.0, -2 / 3]]), rtol=SIDE_RTOL)


def test_symbols_are_taken_in_the_order_of_the_columns():
    probabilities = np.array([[0.25, 0.0, 0.75], [0.5, 0.5, 0.0]])
    named = hf.emissions.Categorical(probabilities, symbols=["low", "middle", "high"])
    below, at, above = np.exp(named.log_sides(["low", None, "high", "middle"]))
    np.testing.assert_array_equal(at, [probabilities[:, 0], [np.nan] * 2, probabilities[:, 2], probabilities[:, 1]])
    np.testing.assert_array_equal(below, [[0, 0], [np.nan] * 2, [0.25, 1], [0.25, 0.5]])
    np.testing.assert_array_equal(above, [[0.75, 0.5], [np.nan] * 2, [0, 0], [0.75, 0]])
    plain = hf.emissions.Categorical(probabilities)
    np.testing.assert_array_equal(plain.log_sides([0, None, 2, 1]), named.log_sides(["low", None, "high", "middle"]))


def test_no_is_below_yes():
    below, at, above = np.exp(hf.emissions.Bernoulli([0.25, 1.0]).log_sides([True, False, None]))
    np.testing.assert_array_equal(below, [[0.75, 0.0], [0.0, 0.0], [np.nan] * 2])
    np.testing.assert_array_equal(at, [[0.25, 1.0], [0.75, 0.0], [np.nan] * 2])
    np.testing.assert_array_equal(above, [[0.0, 0.0], [0.25, 1.0], [np.nan] * 2])


def test_an_event_that_hardly_ever_is_keeps_its_logs():
    _, _, above = hf.emissions.Bernoulli([1e-300]).log_sides([0])
    assert above[0, 0] == np.log(1e-300)


def test_sides_of_distributions_of_scipy_are_theirs():
    frozen = [stats.expon(), stats.norm(1.0, 2.0)]
    below, at, above = hf.emissions.FromScipy(frozen).log_sides([700.0, None, 0.5])
    assert (at[[0, 2]] == -np.inf).all()
    assert np.isnan(np.stack([below, at, above])[:, 1]).all()
    for k, distribution in enumerate(frozen):
        np.testing.assert_array_equal(below[[0, 2], k], distribution.logcdf([700.0, 0.5]))
        np.testing.assert_array_equal(above[[0, 2], k], distribution.logsf([700.0, 0.5]))
    below, at, above = np.exp(hf.emissions.FromScipy([stats.randint(-1, 3)]).log_sides([-1, 0, 2]))
    np.testing.assert_allclose(np.hstack([below, at, above]), np.array([[0, 1, 3], [1, 1, 2], [3, 1, 0]]) / 4)


@pytest.mark.skipif(not hasattr(stats, "Normal"), reason="SciPy before 1.15 has frozen distributions only")
def test_sides_of_later_distributions_of_scipy_are_theirs():
    later = stats.Normal(mu=1.0, sigma=2.0)
    sides = hf.emissions.FromScipy([later]).log_sides([30.0])
    np.testing.assert_array_equal(np.ravel(sides), [later.logcdf(30.0), -np.inf, later.logccdf(30.0)])


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.lists(st.floats(0, 60), min_size=1, max_size=3))
def test_sides_sum_to_one(counts, rates):
    for emission in (
        hf.emissions.Poisson(rates),
        hf.emissions.Gaussian(rates, np.ones(len(rates))),
        hf.emissions.FromScipy([stats.geom(0.2)]),
    ):
        total = np.exp(emission.log_sides(counts)).sum(axis=0)
        np.testing.assert_allclose(total, 1.0, atol=SUM_ATOL)


@pytest.mark.parametrize(
    ("emission", "wrong"),
    [
        (hf.emissions.Poisson([1.0]), [0.5]),
        (hf.emissions.Bernoulli([0.5]), [2]),
        (hf.emissions.Categorical([[1.0]]), [1]),
        (hf.emissions.Categorical([[1.0]], symbols=["a"]), ["b"]),
        (hf.emissions.Gaussian([0.0], [1.0]), [np.inf]),
        (hf.emissions.FromScipy([stats.poisson(1.0)]), [0.5]),
    ],
)
def test_what_is_no_observation_has_no_sides(emission, wrong):
    with pytest.raises(ValueError, match=r"observations\[0\]"):
        emission.log_sides(wrong)
