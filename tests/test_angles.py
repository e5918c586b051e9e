"""Emissions of angles against mpmath, and what is true of the circle."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._kernels import angles as plain
from hmmfilter.emissions import VonMises, WrappedCauchy, circles
from hmmfilter.emissions.learning import shown_by
from tests.conftest import COMPILED
from tests.wing import room

FAMILIES = [VonMises([0.4, -2.0], [60.0, 90.0]), WrappedCauchy([0.5, -2.0], [0.7, 0.9])]

DENSITY_RTOL = 1e-15  # of a log-density, or of 1
SIDE_RTOL = 4e-15  # of the log of a side, plus 1
INVERSE_RTOL = 2e-14  # of 1 − R where a concentration comes of it
DIGITS = 40
CENTRES = [0.0, 3.0, -np.pi, 1e5]


def angles_about(mean):
    return [0.0, mean, np.nextafter(mean, 9e9), mean + 1e-5, mean - 1.0, np.pi, -np.pi, 3.1, 12345.678, -5e6]


def assert_density(got, exact):
    assert abs(mpmath.mpf(float(got)) - exact) <= DENSITY_RTOL * max(1, abs(exact))


@pytest.mark.parametrize("kappa", [0.0, 1e-10, 0.3, 50.0, 1e4, 1e10])
@pytest.mark.parametrize("mean", CENTRES)
def test_no_concentration_cancels(kappa, mean):
    with mpmath.workdps(DIGITS):
        k = mpmath.mpf(kappa)
        log_norm = mpmath.log(2 * mpmath.pi * mpmath.exp(-k) * mpmath.besseli(0, k))
        for x, (got,) in zip(
            angles_about(mean), VonMises([mean], [kappa]).log_likelihoods(angles_about(mean)), strict=True
        ):
            assert_density(got, k * (mpmath.cos(mpmath.mpf(x) - mpmath.mpf(mean)) - 1) - log_norm)


@pytest.mark.parametrize("rho", [0.0, 1e-10, 0.3, 0.999, 1 - 1e-12])
@pytest.mark.parametrize("mean", CENTRES)
def test_no_peak_cancels(rho, mean):
    with mpmath.workdps(DIGITS):
        r = mpmath.mpf(rho)
        table = WrappedCauchy([mean], [rho]).log_likelihoods(angles_about(mean))
        for x, (got,) in zip(angles_about(mean), table, strict=True):
            bend = 2 * r * mpmath.cos(mpmath.mpf(x) - mpmath.mpf(mean))
            assert_density(got, mpmath.log((1 - r * r) / (2 * mpmath.pi * (1 + r * r - bend))))


def test_angles_beyond_a_million_turns_are_what_they_are_to_a_double():
    x = np.array([1e9, -3e15, 1e300])
    angle, rest = circles.wrapped(x)
    with mpmath.workdps(350):
        for a, b, given in zip(angle, rest, x, strict=True):
            turns = mpmath.nint(mpmath.mpf(given) / (2 * mpmath.pi))
            assert abs(mpmath.mpf(a) + mpmath.mpf(b) - (mpmath.mpf(given) - 2 * mpmath.pi * turns)) < 5e-16


@mpmath.workdps(25)
def arc(density, low, high, mean, pace):
    """The integral of a density, cut where it turns, each piece in steps that grow from its higher end on."""
    cuts = [low, *(c for j in range(-4, 5) if low < (c := mean + j * mpmath.pi) < high), high]
    total = mpmath.mpf(0)
    for a, b in itertools.pairwise(cuts):
        top, sign = (a, 1) if density(a) >= density(b) else (b, -1)
        steps = [pace(top) * 2**j for j in range(-1, 9)]
        points = [0, *(s for s in steps if s < b - a), b - a]
        total += mpmath.quad(lambda y, top=top, sign=sign: density(top + sign * y) / density(top), points) * density(
            top
        )
    return total


@pytest.mark.parametrize(("kappa", "mean"), [(0.0, np.pi), (30.0, -3.1), (1e4, 1.0)])
def test_sides_of_angles_are_exact_on_the_way_from_minus_pi(kappa, mean):
    emission, x = VonMises([mean], [kappa]), np.array([-3.14159, 3.1])
    below, at, above = emission.log_sides(x)
    assert (at == -np.inf).all()
    with mpmath.workdps(DIGITS):
        k, m = mpmath.mpf(kappa), mpmath.mpf(mean)
        norm = 2 * mpmath.pi * mpmath.besseli(0, k) * mpmath.exp(-k)

        def density(t):
            return mpmath.exp(k * (mpmath.cos(t - m) - 1)) / norm

        def pace(t):
            return 1 / (1 + k * abs(mpmath.sin(t - m)) + mpmath.sqrt(k))

        for t, angle in enumerate(x):
            for got, ends in ((below, (-mpmath.pi, mpmath.mpf(angle))), (above, (mpmath.mpf(angle), mpmath.pi))):
                log = mpmath.log(arc(density, *ends, m, pace))
                assert abs(mpmath.mpf(float(got[t, 0])) - log) <= SIDE_RTOL * (1 + abs(log))


@pytest.mark.parametrize("rho", [0.0, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("mean", [0.3, 3.0, -3.1])
def test_sides_of_wrapped_numbers_are_exact(rho, mean):
    x = np.array([-3.14159, -2.0, mean, 1.001, 3.1415])
    below, _, above = WrappedCauchy([mean], [rho]).log_sides(x)
    with mpmath.workdps(DIGITS):
        r, m = mpmath.mpf(rho), mpmath.mpf(mean)

        def function(angle):
            away = angle - m
            turns = mpmath.floor((away + mpmath.pi) / (2 * mpmath.pi))
            return mpmath.atan((1 + r) / (1 - r) * mpmath.tan(away / 2)) / mpmath.pi + turns

        for t, angle in enumerate(map(mpmath.mpf, x)):
            for got, share in (
                (below, function(angle) - function(-mpmath.pi)),
                (above, function(mpmath.pi) - function(angle)),
            ):
                assert abs(mpmath.mpf(float(got[t, 0])) - mpmath.log(share)) <= SIDE_RTOL * (1 + abs(mpmath.log(share)))


@pytest.mark.parametrize("excess", [1e-25, 1e-10, 1e-3, 0.0166, 0.017, 0.3, 0.5, 0.9, 0.999999, 1.0])
def test_concentrations_have_the_length_that_they_came_from(excess):
    kappa = circles.concentration_of(np.array([excess]))
    assert circles.resultant(kappa)[1] == pytest.approx(excess, rel=INVERSE_RTOL)
    with mpmath.workdps(DIGITS):
        if 0 < kappa[0] < 1e6:
            k = mpmath.mpf(kappa[0])
            exact = 1 - mpmath.besseli(1, k) / mpmath.besseli(0, k)
            assert abs(exact / mpmath.mpf(excess) - 1) <= INVERSE_RTOL


@pytest.mark.parametrize(("length", "kappa"), [(0.1, 0.20101), (0.5, 1.15932), (0.9, 5.3047)])
def test_concentrations_are_those_of_textbook_tables(length, kappa):
    """Mardia and Jupp, "Directional Statistics" (2000), appendix 2.2."""
    half = np.arccos(length)
    found = VonMises([0.0], [1.0]).estimated([3.0 - half, 3.0 + half], [[1.0], [1.0]])
    assert found.mean_direction[0] == pytest.approx(3.0)
    assert found.concentration[0] == pytest.approx(kappa, rel=1e-4)


def test_concentrated_angles_are_learnt_to_the_last_digits_from_afar():
    x = 3.14159 + 1e-6 * np.array([-1.0, 0.3, 2.0, 7.0])  # on both sides of the cut
    found = VonMises([0.0], [1.0]).estimated(x, np.ones((4, 1)))
    with mpmath.workdps(DIGITS):
        points = [mpmath.expj(mpmath.mpf(each)) for each in x]
        length = abs(mpmath.fsum(points)) / 4
    assert found.concentration[0] == pytest.approx(float(1 / (2 * (1 - length))), rel=1e-9)
    again = found.estimated(x, np.ones((4, 1)))
    assert again.concentration[0] == pytest.approx(found.concentration[0], rel=1e-12)


def test_the_top_of_wrapped_numbers_is_where_they_are_uniform():
    """In the frame in which the law is uniform, their mean is 0: McCullagh (1996), section 4."""
    rng = np.random.default_rng(0)
    x, weights = FAMILIES[1].sample(np.zeros(50, dtype=int), rng), rng.uniform(size=(50, 1))
    found = WrappedCauchy([2.5], [0.05]).estimated(x, weights)
    psi, points = found.concentration * np.exp(1j * found.mean_direction), np.exp(1j * x)
    assert abs(weights[:, 0] @ ((points - psi) / (1 - psi.conj() * points))) < 1e-12


@pytest.mark.parametrize("start", [VonMises([0.0], [1.0]), WrappedCauchy([0.0], [0.5])], ids=lambda e: type(e).__name__)
def test_one_direction_alone_has_no_bound(start):
    for x in ([3.0, 3.0 + 2 * np.pi, 3.0], [0.0], [-np.pi, np.pi]):
        with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):
            start.estimated(x, np.ones((len(x), 1)))


def test_half_of_all_angles_in_one_direction_are_too_many_for_a_wrapped_cauchy():
    """Kent and Tyler, "Maximum likelihood estimation for the wrapped Cauchy distribution" (1988)."""
    x = [1.0, 1.0, 1.0, -2.0, 0.5]
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):
        WrappedCauchy([0.0], [0.5]).estimated(x, np.ones((5, 1)))
    assert WrappedCauchy([0.0], [0.5]).estimated(x, [[1.0], [0.0], [0.0], [1.0], [1.0]]).concentration[0] < 1


def test_a_fit_crosses_the_cut():
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], VonMises([3.1, 0.5], [1e8, 3.0]))
    _, x = truth.simulate(60, rng=1)
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], VonMises([-3.0, 0.5], [10.0, 3.0]))
    fitted = start.fit(x)
    assert abs(fitted.model.emission.mean_direction[0] - 3.1) < 1e-4
    assert (np.diff(fitted.history) >= 0).all()
    moved = start.fit(x + 2 * np.pi)
    np.testing.assert_allclose(moved.model.emission.concentration, fitted.model.emission.concentration, rtol=1e-5)


def test_a_forecast_is_mixed_on_the_circle():
    """E e^iv = Σ p_k R_k e^iμ_k; the mean is its direction, and the variance −2 log of its length."""
    emission = VonMises([3.0, -3.0], [50.0, 2.0])
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission)
    forecast = model.forecast([3.1, -3.0, 2.9], steps=4)
    lengths = np.exp(-emission.moments()[1] / 2)
    mixed = forecast.probabilities @ (lengths * np.exp(1j * emission.mean_direction))
    np.testing.assert_allclose(forecast.mean, np.angle(mixed), rtol=1e-14)
    np.testing.assert_allclose(forecast.variance, -2 * np.log(np.abs(mixed)), rtol=1e-14)


def test_a_forecast_of_concentrated_angles_keeps_its_digits():
    emission = VonMises([np.pi - 1e-6, -np.pi + 1e-6], [1e12, 1e12])
    mean, variance = emission._mixed_moments(np.log([[0.25, 0.75]]), *emission.moments())
    assert variance[0] == pytest.approx(1e-12 + 0.25 * 0.75 * 4e-12, rel=1e-9)
    assert abs(mean[0]) == pytest.approx(np.pi, rel=1e-6)


def test_where_all_directions_are_equally_probable_there_is_no_mean():
    uniform = VonMises([1.0, 2.0], [0.0, 0.0])
    mean, variance = uniform._mixed_moments(np.log([[0.5, 0.5]]), *uniform.moments())
    assert np.isnan(mean[0])
    assert variance[0] == np.inf
    assert uniform.n_parameters == 2
    np.testing.assert_allclose(uniform.log_likelihoods([0.3]), -np.log(2 * np.pi))
    flat = VonMises([0.0], [1.0])._maximised(np.array([4.0, 0.0, 4.0]), None, {"mean_direction": np.array([-1])})
    assert flat.concentration[0] == 0.0


def test_slopes_of_angles_by_themselves_add_up_to_those_of_their_sums():
    x, weights = FAMILIES[0].sample([0, 1, 1, 0], 0), np.ones((4, 2))
    score = FAMILIES[0]._score(shown_by(FAMILIES[0], FAMILIES[0]._observed(x), weights))
    for name, slopes in FAMILIES[0]._slopes(x).items():
        np.testing.assert_allclose(slopes.sum(axis=0), score[name], rtol=1e-12, atol=1e-12)


def test_each_step_to_the_top_leads_up(monkeypatch):
    x, weights = FAMILIES[1].sample(np.zeros(50, dtype=int), 0), np.ones((50, 1))
    heights, start = [], WrappedCauchy([2.5], [0.05])
    for n in (1, 2, 3):
        monkeypatch.setattr("hmmfilter.emissions.angles.MOST_STEPS", n)
        heights.append(start.estimated(x, weights).log_likelihoods(x).sum())
    assert start.log_likelihoods(x).sum() < heights[0] < heights[1] < heights[2]


def test_sums_of_angles_have_names():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], FAMILIES[0])
    told = hf.expected_statistics(model, [0.3, -2.0, 0.4])
    assert set(told.emission) == {"weight", "sine", "one_minus_cosine", "about"}


def test_what_is_no_concentration_is_refused():
    with pytest.raises(ValueError, match=r"concentration\[1\] must be below 1, got 1.0"):
        WrappedCauchy([0.0, 0.0], [0.5, 1.0])
    with pytest.raises(ValueError, match=r"concentration\[0\] must be at least 0"):
        VonMises([0.0], [-1.0])


@pytest.mark.skipif(not COMPILED, reason="compares with machine code")
@pytest.mark.parametrize("n_rows", [1, 63, 700])
def test_angles_have_the_bits_of_python(n_rows):
    x = circles.wrapped(np.random.default_rng(0).uniform(-100, 100, n_rows))
    mean, spread, log_norm = np.array([[0.1, 3.0], [0.0, 1e-17]]), np.array([0.5, 0.9]), np.zeros(2)
    for name in ("fill_von_mises", "fill_wrapped_cauchy"):
        tables = np.empty((2, n_rows, 2))
        for table, kernels in zip(tables, (plain, room("angles")), strict=True):
            getattr(kernels, name)(*x, mean, spread, log_norm, plain.room_for_angles(n_rows), table)
        np.testing.assert_array_equal(*tables)
