"""What lies on either side of counts with binomial distributions, negative ones too: incomplete beta functions.

On the side of a count that is away from the mean, by how much more all of that side has than the count itself: the
continued fraction of DiDonato and Morris [1]_. The other side is what is left, and where that is little, SciPy's.

References
----------
.. [1] DiDonato and Morris, "Significant digit computation of the incomplete beta function ratios", ACM Transactions on
   Mathematical Software 18 (1992), equation (9).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter._kernels.binomials import Spread, gap_of
from hmmfilter.emissions.sides import FAR, Sides

N_TERMS = 200  # of the fraction
SETTLED = 1e-9  # relative, between all of them and half of them: twice as many have twice the digits

Terms = Callable[[int], FloatArray]


def of_spread(counts: FloatArray, spread: Spread, log_at: FloatArray) -> Sides:
    """Of negative binomial counts, (T,) for (K,), with their log-probabilities, (T, K)."""
    betainc, betaincc = _incomplete_betas()

    v, mean = np.broadcast_arrays(counts[:, np.newaxis], spread.mean)
    a, p, q, low = spread.dispersion, spread.shrink, spread.share, spread.low
    with np.errstate(all="ignore"):
        r, grown = 1 / a, spread.base + spread.step * v
        rise = (mean - v) * p
        below = v * _fraction(
            lambda n: (1 + a * (n - 1)) * (1 + a * (v + n - 1)) * n * (v - n) * (p / (1 + a * (2 * n - 1))) ** 2,
            lambda n: n * (v - n) * spread.pull / (1 + a * (2 * n - 1)),
            lambda n: (1 + a * n) / (1 + a * (2 * n + 1)) * (rise + 1 + n * (2 - p)),
        )
        above = (mean * (grown / (spread.base + spread.step * mean))) * _fraction(
            lambda n: (v + n) * (1 + a * (v + n)) * n * (1 - a * n) * (low / (v + 2 * n)) ** 2,
            lambda n: n * (1 - a * n) * low / (v + 2 * n),
            lambda n: (v + 1 + n) / (v + 2 * n + 2) * (p - rise + 1 + n * (2 - q)),
        )
        is_rare = p < q
        plain_below = np.where(is_rare, betainc(r, v, p), betaincc(v, r, q))
        plain_above = np.where(is_rare, betaincc(r, v + 1, p), betainc(v + 1, r, q))
    return _sides(v, v < mean, (below, above), (plain_below, plain_above), log_at)


def of_trials(successes: FloatArray, trials: FloatArray, p: FloatArray, log_at: FloatArray) -> Sides:
    """Of successes in so many trials, (T,) for (K,), with their log-probabilities, (T, K)."""
    betainc, betaincc = _incomplete_betas()

    v, n, p = np.broadcast_arrays(successes[:, np.newaxis], trials[:, np.newaxis], p)
    gap = gap_of(v, n, p)
    with np.errstate(all="ignore"):
        below = v * (1 - p) * _beta_fraction(n - v + 1, v, 1 - p, p - gap)
        above = (n - v) * p * _beta_fraction(v + 1, n - v, p, gap + (1 - p))
    plain = betaincc(v, n - v + 1, p), betainc(v + 1, n - v, p)
    log_below, _, log_above = _sides(v, gap < 0, (below, above), plain, log_at)
    with np.errstate(divide="ignore"):
        at_most = np.log(-np.expm1(log_at))
    return np.where(v == n, np.where(v == 0, -np.inf, at_most), log_below), log_at, np.where(v == n, -np.inf, log_above)


def _incomplete_betas() -> tuple[Any, Any]:
    """I_x(a, b) and 1 − I_x(a, b), which older versions of SciPy lack."""
    from scipy import special

    return special.betainc, getattr(special, "betaincc", rest_of_beta)


def rest_of_beta(a: FloatArray, b: FloatArray, x: FloatArray) -> FloatArray:
    """1 − I_x(a, b), by the smaller of the two."""
    from scipy.special import betainc

    share = betainc(a, b, x)
    rest: FloatArray = np.where(share < 0.5, 1 - share, betainc(b, a, 1 - x))
    return rest


def _beta_fraction(a: FloatArray, b: FloatArray, x: FloatArray, rise: FloatArray) -> FloatArray:
    """The fraction of I_x(a, b), with a − (a + b) x, which may be small, given as it is."""
    return _fraction(
        lambda n: (a + n - 1) * (a + b + n - 1) * n * (b - n) * (x / (a + 2 * n - 1)) ** 2,
        lambda n: n * (b - n) * x / (a + 2 * n - 1),
        lambda n: (a + n) / (a + 2 * n + 1) * (rise + 1 + n * (2 - x)),
    )


def _fraction(alpha: Terms, first: Terms, second: Terms) -> FloatArray:
    """1 / (β(0) + α(1) / (β(1) + α(2) / (β(2) + ...))), β(n) = n + first(n) + second(n), where first(0) is nothing.

    NaN where that has not come to its end.
    """

    def cut_off(n_terms: int) -> FloatArray:
        rest = n_terms + first(n_terms) + second(n_terms)
        for n in range(n_terms - 1, -1, -1):
            rest = (n + first(n) if n else 0.0) + second(n) + alpha(n + 1) / rest
        return 1 / rest

    whole, half = cut_off(N_TERMS), cut_off(N_TERMS // 2)
    return np.where(np.abs(whole - half) <= SETTLED * whole, whole, np.nan)


def _sides(
    v: FloatArray,
    is_low: BoolArray,
    ratios: tuple[FloatArray, FloatArray],
    plain: tuple[FloatArray, FloatArray],
    log_at: FloatArray,
) -> Sides:
    """Both sides, by the ratio of what is outside of a count to the count itself, or plainly where there is none."""
    with np.errstate(all="ignore"):
        log_outside = log_at + np.log(np.where(is_low, *ratios))
        log_plain_outside, log_plain_inside = np.log(np.where(is_low, *plain)), np.log(np.where(is_low, *plain[::-1]))
        log_outside = np.where(np.isnan(log_outside), log_plain_outside, log_outside)
        taken = np.exp(log_outside) + np.exp(log_at)
        log_inside = np.where(taken < 1 - FAR, np.log1p(-taken), log_plain_inside)
        more = np.log(-np.expm1(log_at))
    log_below, log_above = np.where(is_low, log_outside, log_inside), np.where(is_low, log_inside, log_outside)
    return np.where(v == 0, -np.inf, log_below), log_at, np.where(v == 0, more, log_above)
