"""Multinomial logits: probabilities without loss, and the most probable coefficients, against mpmath."""

import mpmath
import numpy as np
import pytest

from hmmfilter import _logits, _newton
from tests import oracle

DIGITS = 1e-14  # of a log-probability, relative
OPTIMUM = 1e-11  # of coefficients, relative to the largest
FROM_AFAR = 1e-7  # of log-odds, which as a sum of thousands round to 1e-12, where heights tell no more


def free(n_sources, n_outcomes, n_columns):
    """Groups in which the first outcome is the base of each source."""
    groups = np.arange(n_sources * n_outcomes * n_columns).reshape(n_sources, n_outcomes, n_columns)
    groups[:, 0] = -1
    return groups


def some(seed=0, n_rows=16, n_sources=2, n_outcomes=3, n_covariates=2):
    """A design, and targets."""
    rng = np.random.default_rng(seed)
    design = _newton.with_ones(rng.normal(size=(n_rows, n_covariates)))
    return design, rng.uniform(size=(n_sources, n_rows, n_outcomes))


def exactly(design, targets, groups, start):
    """The most probable coefficients of one source by Newton's method in many digits."""
    with mpmath.workdps(oracle.DIGITS):
        free = np.argwhere(groups >= 0)
        x = [[mpmath.mpf(float(entry)) for entry in row] for row in design]
        t = [[mpmath.mpf(float(entry)) for entry in row] for row in targets]
        beta = [[mpmath.mpf(float(entry)) for entry in row] for row in start]
        n_outcomes = range(len(beta))
        for _ in range(9):
            slope, curvature = mpmath.zeros(len(free), 1), mpmath.zeros(len(free))
            for row, target in zip(x, t, strict=True):
                odds = [mpmath.exp(mpmath.fdot(row, beta[j])) for j in n_outcomes]
                p, total = [each / mpmath.fsum(odds) for each in odds], mpmath.fsum(target)
                for a, (j, c) in enumerate(free):
                    slope[a] += (target[j] - total * p[j]) * row[c]
                    for b, (i, d) in enumerate(free):
                        curvature[a, b] += total * p[j] * ((i == j) - p[i]) * row[c] * row[d]
            step = mpmath.lu_solve(curvature, slope)
            for a, (j, c) in enumerate(free):
                beta[j][c] += step[a]
        return np.array(beta, dtype=float), np.array(mpmath.inverse(curvature).tolist(), dtype=float)


def test_log_probabilities_lose_nothing():
    odds = np.array([[0.0, 800.0, -40.0], [0.0, -1e-17, 1e5], [-745.5, 0.0, -50.0], [3.0, 3.0, 3.0]])
    with mpmath.workdps(oracle.DIGITS):
        for row, logs in zip(odds, _logits.log_probabilities(odds), strict=True):
            total = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(each)) for each in row))
            for each, log in zip(row, logs, strict=True):
                exact = mpmath.mpf(each) - total
                assert abs(mpmath.mpf(float(log)) - exact) <= DIGITS * abs(exact)


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_the_optimum_in_many_digits(far):
    design, targets = some()
    design[:, 1] += far
    groups = free(*targets.shape[::2], 3)
    found = _logits.most_likely(design, targets, np.zeros((2, 3, 3)), groups)
    assert not found.are_endless.any()
    for source in range(2):
        exact, _ = exactly(design, targets[source], groups[source], np.zeros((3, 3)))
        assert found.coefficients[source] == pytest.approx(exact, rel=OPTIMUM, abs=OPTIMUM * np.abs(exact).max())
    assert not found.coefficients[:, 0].any()


def test_from_afar_it_is_the_same():
    design, targets = some(1, n_sources=1)
    groups = free(1, 3, 3)
    near = _logits.most_likely(design, targets, np.zeros((1, 3, 3)), groups).coefficients
    start = np.array([[[0.0, 0.0, 0.0], [5000.0, 1000.0, 3.0], [-300.0, 0.0, -1.0]]])
    assert _logits.most_likely(design, targets, start, groups).coefficients == pytest.approx(near, abs=FROM_AFAR)


def test_held_and_tied_numbers():
    """Two sources that share a slope; an intercept is held."""
    design, targets = some(2)
    groups = free(2, 3, 3)
    groups[1, 1, 1] = groups[0, 1, 1]
    groups[0, 2, 0] = -1
    start = np.zeros((2, 3, 3))
    start[0, 2, 0] = 0.3
    start[:, 1, 1] = 0.1
    best = _logits.most_likely(design, targets, start, groups).coefficients
    assert best[0, 2, 0] == 0.3
    assert best[0, 1, 1] == best[1, 1, 1] != 0.1
    slopes = _logits.slopes(design, targets, best)
    is_alone = groups >= 0
    is_alone[:, 1, 1] = False
    assert slopes[is_alone] == pytest.approx(0.0, abs=1e-12)
    assert slopes[:, 1, 1].sum() == pytest.approx(0.0, abs=1e-12)
    assert abs(slopes[0, 1, 1]) > 1e-3


def test_slopes_are_differences():
    design, targets = some(3)
    beta = np.random.default_rng(3).normal(size=(2, 3, 3))
    step = 1e-6

    def height(beta):
        logs = _logits.log_probabilities(np.moveaxis(_newton.linear(design, beta), 0, 1))
        return (targets * logs).sum()

    slopes = _logits.slopes(design, targets, beta)
    for index in np.ndindex(beta.shape):
        up, down = beta.copy(), beta.copy()
        up[index] += step
        down[index] -= step
        assert slopes[index] == pytest.approx((height(up) - height(down)) / (2 * step), abs=1e-7)


def test_what_nothing_is_known_of_stays():
    design, targets = some(4)
    design = np.column_stack([design, 2 * design[:, 1] + 1])  # says the same as another one
    targets[1] = 0.0
    start = np.zeros((2, 3, 4))
    start[1, 1] = 1.0, 2.0, 3.0, 4.0
    groups = free(2, 3, 4)
    found = _logits.most_likely(design, targets, start, groups)
    assert (found.coefficients[1] == start[1]).all()
    assert np.abs(_logits.slopes(design, targets, found.coefficients)).max() < 1e-12
    assert not found.are_endless.any()
    nothing = _logits.most_likely(design, 0 * targets, start, groups)
    assert (nothing.coefficients == start).all()


def test_outcomes_that_are_endless():
    """Whether they come is known from the covariate without an error, but for a single one in the second source."""
    x = np.linspace(-1.0, 1.0, 12)
    targets = np.stack([np.eye(2)[(x > 0).astype(int)], np.eye(2)[(x > 0).astype(int)]])
    targets[1, 0] = 0.5, 0.5
    found = _logits.most_likely(_newton.with_ones(x[:, None]), targets, np.zeros((2, 2, 2)), free(2, 2, 2))
    assert found.are_endless.tolist() == [True, False]
    logs = _logits.log_probabilities(_newton.linear(_newton.with_ones(x[:, None]), found.coefficients[0]))
    assert (targets[0] * logs).sum() > -1e-12


def test_an_outcome_that_never_comes():
    design, targets = some(5, n_sources=1)
    targets[0, :, 2] = 0.0
    found = _logits.most_likely(design, targets, np.zeros((1, 3, 3)), free(1, 3, 3))
    assert found.are_endless.tolist() == [True]
    two = _logits.most_likely(design, targets[:, :, :2], np.zeros((1, 2, 3)), free(1, 2, 3)).coefficients
    assert found.coefficients[:, :2] == pytest.approx(two, abs=1e-9)


def parabola(top, slope):
    """−½ (x − top)², whose slopes promise more or less than there is."""

    def at(x):
        height = -0.5 * float(((x - top) ** 2).sum())
        return _newton.Height(height, 1.0, slope * (top - x), np.eye(len(x)))

    return at


def reach(steps):
    return float(np.abs(steps).max())


def test_a_climb_that_runs_out_of_steps_ends_where_it_is(monkeypatch):
    top = np.array([100.0, -50.0])
    whole = _newton.climbed(parabola(top, 1.0), reach, np.zeros(2))
    assert whole.steps == pytest.approx(top)
    assert reach(whole.next) < 1e-12
    monkeypatch.setattr(_newton, "MOST_STEPS", 2)
    short = _newton.climbed(parabola(top, 0.25), reach, np.zeros(2))
    assert 0 < reach(short.steps) < 20


def test_a_climb_before_a_cliff_stays():
    """Slopes promise what no step keeps."""

    def at(x):
        return _newton.Height(-float(x.any()), 1.0, np.ones(1), np.eye(1))

    assert _newton.climbed(at, reach, np.zeros(1)).steps.tolist() == [0.0]
