"""Negative binomial distributions: the numbers that their densities are made of, their slopes, and what is likeliest.

With a mean μ and a dispersion a, the variance is μ + a μ². All forms hold for a = 0, where counts are Poisson's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.binomials import Spread, log_grown_parts
from hmmfilter._kernels.columns import SERIES_REACH, atanh_rest
from hmmfilter._kernels.densities import stirling_series
from hmmfilter.emissions.counts import logs_in_parts
from hmmfilter.emissions.learning import pooled
from hmmfilter.emissions.protocol import log_of

N_ERRORS = 16  # from which Stirling's series is exact
LEAST = 1e-300  # of a product that has all its digits
MOST_ROUNDS = 200  # of means and dispersions in turn, where ties let one depend on the other
SETTLED = 1e-14  # relative, between two of them
FARTHER = 16.0  # the factor by which a root is looked for farther away


def spread_of(mean: FloatArray, dispersion: FloatArray) -> Spread:
    """What the kernel takes of distributions."""
    a, is_wide = dispersion, dispersion > 1
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        r = 1 / a
        base, step = np.where(is_wide, r, 1.0), np.where(is_wide, 1.0, a)
        grown = base + step * mean
        shrink, share = base / grown, step * mean / grown
        log_scale = np.where(is_wide, log_of(a), 0.0)
        product = a * mean
        log_own = np.where(np.isinf(product), log_scale + np.log(grown), np.log1p(product))
        at_zero = -np.where(is_wide, r * log_own, mean * np.where(product > LEAST, log_own / product, 1.0))
        parts = Spread(
            mean=mean,
            dispersion=a,
            shrink=shrink,
            pull=step / grown,
            low=mean * shrink,
            share=share,
            base=base,
            step=step,
            log_scale=log_scale,
            log_mean=logs_in_parts(mean),
            log_grown=np.array(log_grown_parts(base, step, mean)),
            at_zero=at_zero,
            errors=stirling_errors(r),
        )
    return Spread(*map(frozen, parts))


def stirling_errors(r: FloatArray) -> FloatArray:
    """log Γ(n + 1) − log(√(2πn) (n/e)^n) for n = r + x, x from 0 to 15, (K, 16); r is any number above 0, or infinite.

    Down from r + 16: the error of n is larger than that of n + 1 by atanh(s) / s − 1, s = 1 / (2n + 1).
    """
    n = r[:, np.newaxis] + np.arange(N_ERRORS)
    with np.errstate(invalid="ignore"):
        s = 1 / (2 * n + 1)
        by_logs = np.where(n < 1, (n + 0.5) * (np.log1p(n) - np.log(n)), np.arctanh(np.minimum(s, 0.5)) / s) - 1
    falls = np.where(s <= SERIES_REACH, 0.5 * atanh_rest(s), by_logs)
    errors: FloatArray = stirling_series(r + N_ERRORS)[:, np.newaxis] + np.cumsum(falls[:, ::-1], axis=1)[:, ::-1]
    return errors


def slopes_of_dispersion(x: FloatArray, spread: Spread) -> FloatArray:
    """The derivatives of log p(x) with respect to each dispersion, (T, K).

    They are those of the form in `hmmfilter._kernels.binomials`, term by term, so that none grows as a goes to 0, where
    they come to ½ ((x − μ)² − x).
    """
    counts = x[:, np.newaxis]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        r = 1 / spread.dispersion
        grown = spread.base + spread.step * counts
        own_shrink = spread.base / grown
        gap, w = (counts - spread.mean) * spread.shrink, (counts - spread.mean) * spread.pull
        v = w / (2 + w)
        near = 1 / (2 + w) - np.where(w == 0, 0.0, atanh_rest(v) / (w * (2 + w)))
        far = (w - (np.log(grown) - spread.log_grown.sum(axis=0))) / w**2
        of_deviances = gap**2 * np.where(np.abs(v) < SERIES_REACH, near, far)
        of_errors = _curve(r) - _curve(r + counts) * own_shrink**2
        slopes: FloatArray = of_deviances - 0.5 * counts * own_shrink + np.where(counts == 0, 0.0, of_errors)
    return slopes


def _curve(n: FloatArray) -> FloatArray:
    """n² times the derivative of Stirling's error of n."""
    from scipy.special import digamma

    u = 1 / (n * n)
    series = -1 / 12 + u * (1 / 120 - u * (1 / 252 - u * (1 / 240 - u / 132)))
    return np.where(n < N_ERRORS, n * n * (digamma(n) - np.log(n)) + n / 2, series)


def likeliest(
    x: FloatArray, weights: FloatArray, means: FloatArray, dispersions: FloatArray, groups: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """The means and dispersions of each state that are most probable for counts that weigh (U, K).

    A mean follows from its counts alone, and a dispersion then from its slope, which is 0 there or, where the counts
    vary less than Poisson's do, falls from a dispersion of 0 on. Only where ties give several dispersions one mean does
    that depend on these in turn.
    """
    of_means, of_dispersions = groups
    seen, total = weights.sum(axis=0), x @ weights
    for _ in range(MOST_ROUNDS):
        before = means, dispersions
        shares = spread_of(means, dispersions).shrink if _is_joint(of_means, dispersions) else np.ones(len(means))
        some, all_of_them = pooled(of_means, shares * seen, shares * total)
        means = np.where(some > 0, all_of_them / np.where(some > 0, some, 1.0), means)
        dispersions = dispersions.copy()
        for group in np.unique(of_dispersions[(of_dispersions >= 0) & (total > 0)]):
            states = of_dispersions == group
            dispersions[states] = _likeliest_dispersion(x, weights[:, states], means[states], dispersions[states][0])
        moved = max(np.abs(now - then).max() for now, then in zip((means, dispersions), before, strict=True))
        if not _is_joint(of_means, dispersions) or moved <= SETTLED * max(means.max(), dispersions.max()):
            break
    return means, dispersions


def _is_joint(of_means: IntArray, dispersions: FloatArray) -> bool:
    """Whether states with different dispersions share a mean."""
    return any(len(set(dispersions[of_means == group])) > 1 for group in np.unique(of_means[of_means >= 0]))


def _likeliest_dispersion(x: FloatArray, weights: FloatArray, means: FloatArray, dispersion: float) -> float:
    """The dispersion of states with these means, from where it was uphill."""

    def slope(a: float) -> float:
        each = slopes_of_dispersion(x, spread_of(means, np.full(len(means), a)))
        return float(np.where(weights > 0, weights * each, 0.0).sum())

    at_zero = slope(0.0)
    if dispersion == 0 and at_zero > 0:
        dispersion = 2 * at_zero / float((weights * means**2).sum())  # by moments
    if at_zero <= 0 and (dispersion == 0 or slope(dispersion) <= 0):
        return 0.0
    return _zero_between(slope, dispersion)


def _zero_between(slope: Callable[[float], float], start: float) -> float:
    """Where a slope that is above 0 at first, and below it at last, is 0: sought from a start."""
    from scipy.optimize import brentq

    low = high = start
    while slope(low) < 0:
        low /= FARTHER
    while slope(high) > 0:
        high *= FARTHER
    if low == high:
        return start
    log_root = brentq(lambda log_a: slope(float(np.exp(log_a))), np.log(low), np.log(high), xtol=1e-15, rtol=1e-15)
    return float(np.exp(log_root))
