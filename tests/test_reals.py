"""Emissions of real numbers with heavy or leaning tails, against mpmath and textbooks."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter._kernels import reals as plain
from hmmfilter.emissions import Laplace, SkewNormal
from hmmfilter.emissions.learning import shown_by
from tests.conftest import COMPILED
from tests.wing import room

FAMILIES = [Laplace([0.3, 5.0], [1.0, 2.0]), SkewNormal([0.3, 5.0], [1.0, 2.0], [3.0, -2.0])]

DENSITY_RTOL = 1e-15  # of a log-density, or of 1
SIDE_RTOL = 4e-15  # of the log of a side, plus 1
DIGITS = 40


@pytest.mark.parametrize(("location", "scale"), [(0.0, 1.0), (3.0, 1e-300), (1e8, 1e-4), (-1e300, 1e5)])
def test_laplace_at_any_scale(location, scale):
    x = [0.0, 1.0, location, location + scale, 1e300, -1e300]
    emission = Laplace([location], [scale])
    below, _, above = emission.log_sides(x)
    with mpmath.workdps(DIGITS):
        for t, (got,) in enumerate(emission.log_likelihoods(x)):
            z = (mpmath.mpf(x[t]) - mpmath.mpf(location)) / mpmath.mpf(scale)
            exact = -abs(z) - mpmath.log(2 * mpmath.mpf(scale))
            if exact < -np.finfo(float).max:
                assert got == -np.inf
                continue
            assert abs(mpmath.mpf(float(got)) - exact) <= DENSITY_RTOL * max(1, abs(exact))
            tail, rest = -abs(z) - mpmath.log(2), mpmath.log1p(-mpmath.exp(-abs(z)) / 2)
            for side, log in ((below, tail if z < 0 else rest), (above, rest if z < 0 else tail)):
                assert abs(mpmath.mpf(float(side[t, 0])) - log) <= SIDE_RTOL * (1 + abs(log))


@pytest.mark.parametrize(
    ("x", "weights", "median"),
    [
        ([3.0, 1.0, 2.0], [1.0, 1.0, 1.0], 2.0),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0], 2.5),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 1.0], 2.0),
        ([1.0, 2.0, 7.0], [1.0, 1.0, 1.9], 2.0),
        ([1.0, 2.0, 7.0], [1.0, 1.0, 2.0], 4.5),
        ([1.0, 2.0, 7.0], [1.0, 1.0, 2.5], 7.0),
    ],
)
def test_a_location_of_laplace_is_a_weighted_median(x, weights, median):
    found = Laplace([0.0], [1.0]).estimated(x, np.array(weights)[:, None])
    assert found.location[0] == median
    assert found.scale[0] == pytest.approx(np.average(np.abs(np.array(x) - median), weights=weights), rel=1e-15)


def test_a_median_that_states_share_counts_each_by_its_precision():
    x = np.random.default_rng(0).normal(size=(40, 1)) * [1.0, 50.0] + [0.0, 9.0]
    weights = np.repeat(np.eye(2), 40, axis=0)
    start, flat = Laplace([0.0, 0.0], [1.0, 1.0]), x.T.reshape(-1)
    given = shown_by(start, start._observed(flat), weights)
    found = start._maximised(given, None, {"location": np.array([0, 0])})
    top = found._expected(given).sum()
    assert found.location[0] == found.location[1]
    for value in np.linspace(-1.0, 9.0, 41):
        moved = found._with({"location": np.full(2, value), "scale": found.scale})
        assert moved._expected(given).sum() <= top


def test_each_round_of_medians_and_distances_leads_up(monkeypatch):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=80) * np.repeat([1.0, 50.0], 40), np.repeat(np.eye(2), 40, axis=0)
    start, heights = Laplace([20.0, 20.0], [1.0, 1.0]), []
    given = shown_by(start, start._observed(x), weights)
    for n in (1, 2):
        monkeypatch.setattr("hmmfilter.emissions.reals.MOST_ROUNDS", n)
        heights.append(start._maximised(given, None, {"location": np.array([0, 0])})._expected(given).sum())
    assert start._expected(given).sum() < heights[0] < heights[1]


def test_numbers_most_of_which_are_one_still_have_a_scale():
    assert Laplace([0.0], [1.0]).estimated([3.0, 3.0, 3.0, 5.0], np.ones((4, 1))).scale[0] == 0.5
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):
        Laplace([0.0], [1.0]).estimated([3.0, 3.0, np.nextafter(3.0, 4.0)], np.ones((3, 1)))


@pytest.mark.parametrize("shape", [0.0, 1e-3, 1.0, -5.0, 100.0, -1e8])
def test_skew_normal_far_into_its_light_tail(shape):
    x = [0.0, 1e-8, 1.0, -1.0, -30.0, 40.0, -1e5, 1e10]
    with mpmath.workdps(DIGITS):
        for value, (got,) in zip(x, SkewNormal([0.0], [1.0], [shape]).log_likelihoods(x), strict=True):
            z, a = mpmath.mpf(value), mpmath.mpf(shape) * mpmath.mpf(value)
            if a > -1e3:
                log_share = mpmath.log(mpmath.ncdf(a))
            else:
                series = 1 - 1 / a**2 + 3 / a**4 - 15 / a**6
                log_share = -a * a / 2 - mpmath.log(-a * mpmath.sqrt(2 * mpmath.pi)) + mpmath.log(series)
            exact = mpmath.log(2) - z * z / 2 - mpmath.log(2 * mpmath.pi) / 2 + log_share
            assert abs(mpmath.mpf(float(got)) - exact) <= DENSITY_RTOL * max(1, abs(exact))


@mpmath.workdps(25)
def light_tail(h, shape):
    """F(−h) = Φ(−h) − 2 T(h, α) by Craig's form, (1 / π) ∫ exp(−h² / (2 sin² φ)) dφ from 0 to arctan 1 / α."""
    h, a = mpmath.mpf(h), mpmath.mpf(shape)
    end = mpmath.atan(1 / a)
    base = h * h / (2 * mpmath.sin(end) ** 2)

    def density(angle):
        return mpmath.exp(base - h * h / (2 * mpmath.sin(angle) ** 2)) if angle > 0 else mpmath.mpf(0)

    points = [0, *(end * (1 - mpmath.mpf(t)) for t in (0.9999, 0.999, 0.99, 0.9, 0.5, 0.1, 0.01, 1e-3, 1e-5)), end]
    return mpmath.quad(density, points) * mpmath.exp(-base) / mpmath.pi


@pytest.mark.parametrize("shape", [1e-9, 0.1, 3.0, 1e3])
def test_sides_of_skew_normal_numbers_are_exact_far_into_the_tails(shape):
    z = [-30.0, -3.0, -1e-4, 0.0, 1e-9, 0.1, 3.0, 30.0]
    below, _, above = SkewNormal([0.0], [1.0], [shape]).log_sides(z)
    turned_below, _, turned_above = SkewNormal([0.0], [1.0], [-shape]).log_sides(np.negative(z))
    np.testing.assert_array_equal(turned_above, below)
    np.testing.assert_array_equal(turned_below, above)
    with mpmath.workdps(DIGITS):
        for t, value in enumerate(z):
            h = abs(mpmath.mpf(value))
            light, both = light_tail(h, shape), mpmath.erfc(h / mpmath.sqrt(2))
            exact = (light + 1 - both, both - light) if value > 0 else (light, 1 - light)
            for got, share in zip((below[t, 0], above[t, 0]), exact, strict=True):
                log = mpmath.log(share)
                assert abs(mpmath.mpf(float(got)) - log) <= SIDE_RTOL * (1 + abs(log))


def test_a_tail_that_no_log_can_hold_is_impossible():
    assert SkewNormal([0.0], [1.0], [1e200]).log_sides([-1e100])[0] == -np.inf


def test_skew_normal_is_learnt_as_scipy_does():
    x = SkewNormal([0.5], [2.0], [4.0]).sample(np.zeros(200, dtype=int), 0)
    found = SkewNormal.guessed(x, np.ones((200, 1)))
    shape, location, scale = stats.skewnorm.fit(x)
    assert found.log_likelihoods(x).sum() >= stats.skewnorm.logpdf(x, shape, location, scale).sum()
    np.testing.assert_allclose([found.location[0], found.scale[0]], [location, scale], rtol=1e-3)


def test_a_shape_of_nothing_is_left_for_one_that_leans():
    """At 0 all slopes vanish."""
    x = SkewNormal([0.5], [2.0], [4.0]).sample(np.zeros(200, dtype=int), 0)
    moments = SkewNormal([x.mean()], [x.std()], [0.0])
    assert (
        max(abs(float(slope[0])) for slope in moments._score(shown_by(moments, (x,), np.ones((200, 1)))).values())
        < 1e-9
    )
    found = moments.estimated(x, np.ones((200, 1)))
    assert found.shape[0] > 1
    assert found.log_likelihoods(x).sum() > moments.log_likelihoods(x).sum() + 1


@pytest.mark.skipif(not COMPILED, reason="compares with machine code")
@pytest.mark.parametrize("n_rows", [1, 63, 9000])
def test_heavy_tails_have_the_bits_of_python(n_rows):
    x = np.random.default_rng(0).standard_cauchy(n_rows) * 1e3
    location, scale, df, log_spread, log_norm = (
        np.array([0.1, 3.0]),
        np.array([0.5, 9e2]),
        *np.ones((2, 2, 2)),
        np.ones(2),
    )
    for name, parameters in (
        ("fill_laplace", (location, scale, log_norm)),
        ("fill_student", (location, scale, df[0], log_spread, log_norm)),
    ):
        tables = np.empty((2, n_rows, 2))
        for table, kernels in zip(tables, (plain, room("reals")), strict=True):
            with np.errstate(all="ignore"):
                getattr(kernels, name)(x, *parameters, plain.room_for_reals(n_rows), table)
        np.testing.assert_array_equal(*tables)
