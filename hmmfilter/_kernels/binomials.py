"""Log-probabilities of counts that are spread wider than Poisson's, that come out of trials, or that had more time.

All are in the form of Loader [1]_: Stirling's errors, and deviances D(x, m) = x log(x / m) + m − x, none of which is
negative. How far a count is from its mean is worked out without rounding the mean, since near it D grows with that.

References
----------
.. [1] Loader, "Fast and accurate computation of binomial probabilities" (2000), sections 2 and 3.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .columns import SERIES_REACH, atanh_rest, divide, each, log_parts, where
from .compiling import compiled
from .densities import LOG_2_PI, block_of, deviance_by, stirling_error, stirling_series

UPPER_BITS = -(1 << 27)  # of a double, all but so many of its fraction


@compiled
def upper_half(x: Any) -> Any:
    """x without the lower 27 bits of its fraction."""
    return np.int64(np.float64(x).view(np.int64) & UPPER_BITS).view(np.float64)


@compiled
def gap_of(x: Any, n: Any, p: Any) -> Any:
    """x − n p, where it is small as exact as where it is large: products of halves are not rounded."""
    n_upper, p_upper = upper_half(n), upper_half(p)
    n_lower, p_lower = n - n_upper, p - p_upper
    return (((x - n_upper * p_upper) - n_upper * p_lower) - n_lower * p_upper) - n_lower * p_lower


@compiled
def less(a: Any, a_rest: Any, b: Any, b_rest: Any) -> tuple[Any, Any]:
    """a − b, of numbers in two parts, with what rounding loses of the first ones."""
    difference = a - b
    taken = difference - a
    lost = (a - (difference - taken)) - (b + taken)
    return difference, where(abs(difference) < math.inf, lost, 0.0) + (a_rest - b_rest)


@compiled
def log_grown_parts(base: Any, step: Any, x: Any) -> tuple[Any, Any]:
    """log(base + step x), in two parts, with what rounding loses of the product and of the sum."""
    product = step * x
    grown = base + product
    lost = where(base >= product, product - (grown - base), base - (grown - product)) - gap_of(product, x, step)
    log_grown, rest = log_parts(grown)
    return log_grown, rest + divide(lost, grown)


class Spread(NamedTuple):
    """Negative binomial distributions with means μ and dispersions a, in numbers that are finite for any of them.

    1 + a x is base + step x, times a scale that is 1, or a where a is above 1.
    """

    mean: FloatArray  # (K,), as all others
    dispersion: FloatArray
    shrink: FloatArray  # 1 / (1 + a μ)
    pull: FloatArray  # a / (1 + a μ)
    low: FloatArray  # μ / (1 + a μ)
    share: FloatArray  # a μ / (1 + a μ)
    base: FloatArray
    step: FloatArray
    log_scale: FloatArray
    log_mean: FloatArray  # (2, K), in two parts
    log_grown: FloatArray  # (2, K): log (base + step μ)
    at_zero: FloatArray  # log p(0) = −log(1 + a μ) / a
    errors: FloatArray  # (K, 16): Stirling's errors of 1/a + x, for x from 0


def room_for_spread(n_rows: int) -> FloatArray:
    """Room for five columns."""
    return np.empty((5, max(1, block_of(n_rows, 5))))


@compiled
def fill_spread(counts: FloatArray, spread: Spread, room: FloatArray, table: FloatArray) -> None:
    """log p(x) = log Γ(x + r) / (Γ(r) x!) − (x + r) log(1 + a μ) + x log(a μ), r = 1/a, NaN where missing.

    With n = x + r and p = 1 / (1 + a μ) that is δ(n) − δ(r) − δ(x) − ½ log 2πx(1 + a x) − D(r, n p) − D(x, n − n p).
    Both deviances follow from g = (x − μ) / (1 + a μ), as n p = r + g.
    """
    x, log_x, log_x_rest, fixed, log_p = room[0], room[1], room[2], room[3], room[4]
    for begin in range(0, len(counts), room.shape[1]):
        count, rows = counts[begin : begin + room.shape[1]], table[begin : begin + room.shape[1]]
        for t in each(0, len(count)):
            x[t] = where(count[t] >= 1.0, count[t], 1.0)
            log_x[t], log_x_rest[t] = log_parts(x[t])
            fixed[t] = stirling_error(x[t]) + 0.5 * (LOG_2_PI + (log_x[t] + log_x_rest[t]))
        for k in range(len(spread.mean)):
            mean, a, shrink, pull = spread.mean[k], spread.dispersion[k], spread.shrink[k], spread.pull[k]
            low, share, base, step = spread.low[k], spread.share[k], spread.base[k], spread.step[k]
            log_mean, log_mean_rest = spread.log_mean[0, k], spread.log_mean[1, k]
            log_grown, log_grown_rest = spread.log_grown[0, k], spread.log_grown[1, k]
            log_scale, at_zero, errors = spread.log_scale[k], spread.at_zero[k], spread.errors[k]
            for t in each(0, len(count)):
                log_own, log_own_rest = log_grown_parts(base, step, x[t])
                growth, growth_rest = less(log_own, log_own_rest, log_grown, log_grown_rest)
                ratio, ratio_rest = less(log_x[t], log_x_rest[t], log_mean, log_mean_rest)
                ratio, ratio_rest = less(ratio, ratio_rest, growth, growth_rest)
                gap, w = (x[t] - mean) * shrink, (x[t] - mean) * pull
                v = divide(0.0 - w, 2.0 + w)
                near = divide(gap, 2.0 + w) * (w - atanh_rest(v))
                of_failures = where(abs(v) < SERIES_REACH, near, gap - divide(growth + growth_rest, a))
                of_counts = deviance_by(x[t], low + share * x[t], gap, ratio + ratio_rest)
                n = divide(1.0, a) + x[t]
                error = where(n < 16.0, errors[np.int64(where(n < 16.0, x[t], 0.0))], stirling_series(n))
                widths = fixed[t] + 0.5 * (log_scale + (log_own + log_own_rest))
                of_positive = ((error - errors[0]) - widths) - of_failures - of_counts
                log_p[t] = where(count[t] >= 1.0, of_positive, where(count[t] == 0.0, at_zero, 0.0))
            for t in each(0, len(count)):
                rows[t, k] = log_p[t]


class Trials(NamedTuple):
    """Probabilities p of success, and logs of them and of q = 1 − p."""

    p: FloatArray  # (K,), as the next three
    q: FloatArray
    log_p: FloatArray
    log_q: FloatArray
    parts_of_p: FloatArray  # (2, K): of log p
    parts_of_q: FloatArray  # (2, K)


def room_for_trials(n_rows: int) -> FloatArray:
    """Room for nine columns."""
    return np.empty((9, max(1, block_of(n_rows, 9))))


@compiled
def fill_trials(successes: FloatArray, trials: FloatArray, of: Trials, room: FloatArray, table: FloatArray) -> None:
    """log n! / (x! (n − x)!) + x log p + (n − x) log q, for x successes in n trials, NaN where missing.

    With y = n − x that is δ(n) − δ(x) − δ(y) + ½ log(n / 2πxy) − D(x, n p) − D(y, n q) where neither x nor y is 0.
    """
    x, y, n, share, share_rest = room[0], room[1], room[2], room[3], room[4]
    left, left_rest, fixed, log_p = room[5], room[6], room[7], room[8]
    for begin in range(0, len(successes), room.shape[1]):
        count, total = successes[begin : begin + room.shape[1]], trials[begin : begin + room.shape[1]]
        rows = table[begin : begin + room.shape[1]]
        for t in each(0, len(count)):
            is_inside = (count[t] >= 1.0) & (count[t] < total[t])
            x[t], n[t] = where(is_inside, count[t], 1.0), where(is_inside, total[t], 2.0)
            y[t] = n[t] - x[t]
            (log_x, log_x_rest), (log_y, log_y_rest), (log_n, log_n_rest) = (
                log_parts(x[t]),
                log_parts(y[t]),
                log_parts(n[t]),
            )
            share[t], share_rest[t] = log_x - log_n, log_x_rest - log_n_rest
            left[t], left_rest[t] = log_y - log_n, log_y_rest - log_n_rest
            width = LOG_2_PI + ((share[t] + log_y) + (share_rest[t] + log_y_rest))
            fixed[t] = ((stirling_error(n[t]) - stirling_error(x[t])) - stirling_error(y[t])) - 0.5 * width
        for k in range(len(of.p)):
            p, q, log_of_p, log_of_q = of.p[k], of.q[k], of.log_p[k], of.log_q[k]
            head_p, rest_p, head_q, rest_q = (
                of.parts_of_p[0, k],
                of.parts_of_p[1, k],
                of.parts_of_q[0, k],
                of.parts_of_q[1, k],
            )
            for t in each(0, len(count)):
                gap = gap_of(x[t], n[t], p)
                of_successes = deviance_by(x[t], n[t] * p, gap, (share[t] - head_p) + (share_rest[t] - rest_p))
                of_failures = deviance_by(y[t], n[t] * q, 0.0 - gap, (left[t] - head_q) + (left_rest[t] - rest_q))
                inside = fixed[t] - of_successes - of_failures
                at_end = where(count[t] == 0.0, total[t] * log_of_q, where(count[t] >= 1.0, total[t] * log_of_p, 0.0))
                is_inside = (count[t] >= 1.0) & (count[t] < total[t])
                log_p[t] = where(is_inside, inside, where(total[t] == 0.0, 0.0, at_end))
            for t in each(0, len(count)):
                rows[t, k] = log_p[t]


@compiled
def fill_exposed(
    counts: FloatArray,
    exposure: FloatArray,
    log_exposure: FloatArray,
    rate: FloatArray,
    log_rate: FloatArray,
    room: FloatArray,
    table: FloatArray,
) -> None:
    """Poisson's log p(x), as `fill_poisson` has it, with the mean λ e for an exposure e; logs are in two parts."""
    x, log_x, log_x_rest, fixed, log_p = room[0], room[1], room[2], room[3], room[4]
    for begin in range(0, len(counts), room.shape[1]):
        end = begin + room.shape[1]
        count, rows, time = counts[begin:end], table[begin:end], exposure[begin:end]
        log_time, log_time_rest = log_exposure[0, begin:end], log_exposure[1, begin:end]
        for t in each(0, len(count)):
            x[t] = where(count[t] >= 1.0, count[t], 1.0)
            log_x[t], log_x_rest[t] = log_parts(x[t])
            fixed[t] = stirling_error(x[t]) + 0.5 * (LOG_2_PI + (log_x[t] + log_x_rest[t]))
        for k in range(len(rate)):
            own, log_own, log_own_rest = rate[k], log_rate[0, k], log_rate[1, k]
            for t in each(0, len(count)):
                log_mean, log_mean_rest = log_time[t] + log_own, log_time_rest[t] + log_own_rest
                log_ratio = (log_x[t] - log_mean) + (log_x_rest[t] - log_mean_rest)
                mean = time[t] * own
                of_positive = -deviance_by(x[t], mean, gap_of(x[t], time[t], own), log_ratio) - fixed[t]
                log_p[t] = where(count[t] >= 1.0, of_positive, where(count[t] == 0.0, 0.0 - mean, 0.0))
            for t in each(0, len(count)):
                rows[t, k] = log_p[t]


class Shares(NamedTuple):
    """Distributions over M outcomes."""

    p: FloatArray  # (K, M)
    log_p: FloatArray  # (K, M)
    parts: FloatArray  # (2, K, M): of log p
    excess: FloatArray  # (K,): by how much p sums to more than 1


def room_for_shares(n_rows: int, n_outcomes: int) -> FloatArray:
    """Room for three columns of each outcome, and for seven more."""
    n_columns = 3 * n_outcomes + 7
    return np.empty((n_columns, max(1, block_of(n_rows, n_columns))))


@compiled
def fill_shares(counts: FloatArray, of: Shares, room: FloatArray, table: FloatArray) -> None:
    """log n! + Σ_m (x_m log p_m − log x_m!) for rows of counts, (T, M), of sum n, NaN all along where missing.

    That is δ(n) + ½ log 2πn − Σ (δ(x) + ½ log 2πx + D(x, n p)) − n (1 − Σ p) over all m with an x above 0, where there
    are two of them or more.
    """
    n_outcomes = counts.shape[1]
    n, n_kinds, fixed = room[3 * n_outcomes], room[3 * n_outcomes + 1], room[3 * n_outcomes + 2]
    log_n, log_n_rest = room[3 * n_outcomes + 3], room[3 * n_outcomes + 4]
    inside, alone = room[3 * n_outcomes + 5], room[3 * n_outcomes + 6]
    for begin in range(0, len(counts), room.shape[1]):
        block, rows = counts[begin : begin + room.shape[1]], table[begin : begin + room.shape[1]]
        sum_up_outcomes(block, room)
        for t in each(0, len(block)):
            total = where(n[t] >= 1.0, n[t], 1.0)
            log_n[t], log_n_rest[t] = log_parts(total)
            fixed[t] += stirling_error(total) + 0.5 * (LOG_2_PI + (log_n[t] + log_n_rest[t]))
        for k in range(len(of.p)):
            excess = of.excess[k]
            for t in each(0, len(block)):
                inside[t], alone[t] = fixed[t] + excess * n[t], 0.0
            for m in range(n_outcomes):
                p, log_p, log_p_rest, plain = of.p[k, m], of.parts[0, k, m], of.parts[1, k, m], of.log_p[k, m]
                x, log_x, log_x_rest = room[3 * m], room[3 * m + 1], room[3 * m + 2]
                for t in each(0, len(block)):
                    is_seen = x[t] >= 1.0
                    count = where(is_seen, x[t], 1.0)
                    log_ratio = ((log_x[t] - log_n[t]) - log_p) + ((log_x_rest[t] - log_n_rest[t]) - log_p_rest)
                    of_seen = deviance_by(count, n[t] * p, gap_of(count, n[t], p), log_ratio)
                    inside[t] -= where(is_seen, of_seen, n[t] * p)
                    alone[t] += where(is_seen, count * plain, 0.0)
            for t in each(0, len(block)):
                rows[t, k] = where(n_kinds[t] >= 2.0, inside[t], alone[t])


@compiled
def sum_up_outcomes(block: FloatArray, room: FloatArray) -> None:
    """The counts of each outcome and their logs, n, how many outcomes there are, and what is fixed of those above 0."""
    n_outcomes = block.shape[1]
    n, n_kinds, fixed = room[3 * n_outcomes], room[3 * n_outcomes + 1], room[3 * n_outcomes + 2]
    for t in each(0, len(block)):
        n[t], n_kinds[t], fixed[t] = 0.0, 0.0, 0.0
    for m in range(n_outcomes):
        x, log_x, log_x_rest = room[3 * m], room[3 * m + 1], room[3 * m + 2]
        for t in each(0, len(block)):
            is_seen = block[t, m] >= 1.0
            x[t] = where(is_seen, block[t, m], 0.0)
            count = where(is_seen, block[t, m], 1.0)
            log_x[t], log_x_rest[t] = log_parts(count)
            n[t] += x[t]
            n_kinds[t] += where(is_seen, 1.0, 0.0)
            width = stirling_error(count) + 0.5 * (LOG_2_PI + (log_x[t] + log_x_rest[t]))
            fixed[t] -= where(is_seen, width, 0.0)
