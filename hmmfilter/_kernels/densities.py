"""Log-densities of observations in each state.

Rows are gone through block by block, and column by column within a block, see `columns`. A row has the same bits in any
company.

References
----------
.. [1] Loader, "Fast and accurate computation of binomial probabilities" (2000), section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .columns import SERIES_REACH, atanh_rest, divide, each, log_parts, where
from .compiling import compiled

BLOCK_ROWS, BLOCK_ENTRIES = 64, 8192  # of a block: at least, and about
LOG_2_PI = math.log(2 * math.pi)
HALF_LOG_2_PI = 0.5 * LOG_2_PI

# log n! − log(√(2πn) (n/e)^n) for n = 1 to 15; from 16 on its asymptotic series is exact to a double.
STIRLING_ERRORS = np.array(
    [
        np.nan,
        0.08106146679532726,
        0.0413406959554093,
        0.02767792568499834,
        0.020790672103765093,
        0.016644691189821193,
        0.013876128823070748,
        0.01189670994589177,
        0.010411265261972096,
        0.009255462182712733,
        0.00833056343336287,
        0.007573675487951841,
        0.00694284010720953,
        0.006408994188004207,
        0.0059513701127588475,
        0.005554733551962801,
    ]
)
S0, S1, S2, S3, S4 = 1.0 / 12.0, 1.0 / 360.0, 1.0 / 1260.0, 1.0 / 1680.0, 1.0 / 1188.0  # of the series


def block_of(n_rows: int, n_columns: int) -> int:
    """How many rows make a block: their columns stay in the processor's nearer caches."""
    return n_rows if n_rows <= BLOCK_ROWS else min(n_rows, max(BLOCK_ROWS, BLOCK_ENTRIES // n_columns))


def room_for_counts(n_rows: int) -> FloatArray:
    """Room for five columns."""
    return np.empty((5, block_of(n_rows, 5)))


@compiled
def stirling_series(n: Any) -> Any:
    """log Γ(n + 1) − log(√(2πn) (n/e)^n), for n from 16."""
    r = divide(1.0, n)
    u = r * r
    return r * (S0 - u * (S1 - u * (S2 - u * (S3 - u * S4))))


@compiled
def stirling_error(n: Any) -> Any:
    """The same for whole n from 1."""
    return where(n < 16.0, STIRLING_ERRORS[np.int64(where(n < 16.0, n, 1.0))], stirling_series(n))


@compiled
def deviance_by(x: Any, mean: Any, gap: Any, log_ratio: Any) -> Any:
    """x log(x / mean) + mean − x, by a series where x is near the mean and the terms would cancel [1]_.

    The gap, x − mean, comes with it, as it may be known better than a rounded mean tells.
    """
    v = divide(0.5 * gap, 0.5 * x + 0.5 * mean)  # halves are exact, and their sum fits into a double
    near = gap * v + x * v * atanh_rest(v)
    return where(abs(v) < SERIES_REACH, near, x * log_ratio + mean - x)


@compiled
def deviance(x: Any, mean: float, log_ratio: Any) -> Any:
    """The same for a mean that is no rounded one."""
    return deviance_by(x, mean, x - mean, log_ratio)


@compiled
def fill_poisson(
    counts: FloatArray, rate: FloatArray, log_rate: FloatArray, room: FloatArray, table: FloatArray
) -> None:
    """log p(x) = −λ + x log λ − log x!, for counts x, NaN where missing, in the form of Loader [1]_.

    That is −δ(x) − D(x, λ) − log √(2πx), where δ is Stirling's error and D the deviance. The logs of the rates are in
    two parts, (2, K).
    """
    x, log_x, log_x_rest, fixed, log_p = room[0], room[1], room[2], room[3], room[4]
    for begin in range(0, len(counts), room.shape[1]):
        count, rows = counts[begin : begin + room.shape[1]], table[begin : begin + room.shape[1]]
        for t in each(0, len(count)):
            x[t] = where(count[t] >= 1.0, count[t], 1.0)
            log_x[t], log_x_rest[t] = log_parts(x[t])
            fixed[t] = stirling_error(x[t]) + 0.5 * (LOG_2_PI + (log_x[t] + log_x_rest[t]))
        for k in range(len(rate)):
            mean, log_mean, log_mean_rest = rate[k], log_rate[0, k], log_rate[1, k]
            for t in each(0, len(count)):
                log_ratio = (log_x[t] - log_mean) + (log_x_rest[t] - log_mean_rest)
                of_positive = -deviance(x[t], mean, log_ratio) - fixed[t]
                log_p[t] = where(count[t] >= 1.0, of_positive, where(count[t] == 0.0, 0.0 - mean, 0.0))
            for t in each(0, len(count)):
                rows[t, k] = log_p[t]


def room_for_vectors(n_rows: int, n_dimensions: int) -> FloatArray:
    """Room for a column of each entry, and one for sums."""
    return np.empty((n_dimensions + 1, block_of(n_rows, n_dimensions + 1)))


@compiled
def fill_independent(
    x: FloatArray, mean: FloatArray, deviation: FloatArray, log_scale: FloatArray, room: FloatArray, table: FloatArray
) -> None:
    """−½ Σ_d (z_d² + log 2πσ_d²), z_d = (x_d − μ_d) / σ_d, over the entries of x, (T, D), that are not missing."""
    n_block, n_dimensions = room.shape[1], x.shape[1]
    total = room[n_dimensions]
    for begin in range(0, len(x), n_block):
        block, rows = x[begin : begin + n_block], table[begin : begin + n_block]
        for d in range(n_dimensions):
            for t in each(0, len(block)):
                room[d, t] = block[t, d]
        for k in range(len(mean)):
            for t in each(0, len(block)):
                total[t] = 0.0
            for d in range(n_dimensions):
                for t in each(0, len(block)):
                    z = divide(room[d, t] - mean[k, d], deviation[k, d])
                    total[t] += where(np.isnan(z), 0.0, z * z + log_scale[k, d])
            for t in each(0, len(block)):
                rows[t, k] = 0.0 - 0.5 * total[t]


def room_for_joint(n_rows: int, n_dimensions: int) -> FloatArray:
    """Room for a factor, for the numbers of the entries seen, and for columns: of x, of z, and of |z|²."""
    n_columns = 2 * n_dimensions + 1
    return np.empty(n_dimensions * (n_dimensions + 1) + n_columns * block_of(n_rows, n_columns))


@compiled
def entries_seen(x: FloatArray, seen: FloatArray) -> int:
    """Which entries of a vector are not missing; returns how many they are."""
    n_seen = 0
    for d in range(x.size):
        if not math.isnan(x[d]):
            seen[n_seen] = d
            n_seen += 1
    return n_seen


@compiled
def factorise(u: FloatArray) -> None:
    """Fill the upper triangle of Σ with U, where Σ = Uᵀ U; NaN where Σ is not positive definite."""
    for i in range(len(u)):
        pivot = np.sqrt(u[i, i])
        for c in each(i, len(u)):
            u[i, c] = divide(u[i, c], pivot)
        for j in range(i + 1, len(u)):
            u_ij = u[i, j]
            for c in each(j, len(u)):
                u[j, c] -= u_ij * u[i, c]


@compiled
def factor_of_seen(covariance: FloatArray, factor: FloatArray, seen: FloatArray, u: FloatArray) -> float:
    """Fill U of the entries seen, by the factor of all where all are; returns log √|2πΣ|."""
    n_seen = len(u)
    if n_seen == len(factor):
        for i in range(n_seen):
            for c in each(i, n_seen):
                u[i, c] = factor[i, c]
    else:
        for i in range(n_seen):
            for j in range(i, n_seen):
                u[i, j] = covariance[int(seen[j]), int(seen[i])]
        factorise(u)
    log_scale = 0.0
    for i in range(n_seen):
        log_scale += math.log(u[i, i]) + HALF_LOG_2_PI
    return log_scale


@compiled
def solve(u: FloatArray, z: FloatArray, squares: FloatArray) -> None:
    """Solve Uᵀ z = x − μ for columns of x − μ, (D, n), in their place; fills in |z|², which is infinite where z is."""
    n_rows = squares.size
    for t in each(0, n_rows):
        squares[t] = 0.0
    for i in range(len(u)):
        pivot, z_i = u[i, i], z[i]
        for t in each(0, n_rows):
            z_i[t] = divide(z_i[t], pivot)
            squares[t] += z_i[t] * z_i[t]
        for j in range(i + 1, len(u)):
            u_ij, z_j = u[i, j], z[j]
            for t in each(0, n_rows):
                z_j[t] -= u_ij * z_i[t]
    for t in each(0, n_rows):
        squares[t] = where(squares[t] < math.inf, squares[t], math.inf)


@compiled
def fill_joint(
    x: FloatArray,
    order: IntArray,
    ends: IntArray,
    mean: FloatArray,
    covariance: FloatArray,
    factor: FloatArray,
    room: FloatArray,
    table: FloatArray,
) -> int:
    """−½ |z|² − log √|2πΣ|, Uᵀ z = x − μ, over the entries of x, (T, D), that are not missing.

    The order of the rows has those together, up to each end, that lack the same entries. There is a covariance for each
    state or, where they share it, one. Returns how often one lost a positive definite part to rounding.
    """
    n_dimensions, n_failed, begin = x.shape[1], 0, 0
    seen = room[n_dimensions * n_dimensions : n_dimensions * (n_dimensions + 1)]
    columns = room[n_dimensions * (n_dimensions + 1) :].reshape(2 * n_dimensions + 1, -1)
    n_block = columns.shape[1]
    for end in ends:
        n_seen = entries_seen(x[order[begin]], seen)
        u = room[: n_seen * n_seen].reshape(n_seen, n_seen)
        for first in range(begin, end, n_block):
            rows = order[first : min(first + n_block, end)]
            squares = columns[2 * n_dimensions, : rows.size]
            for i in range(n_seen):
                for t in each(0, rows.size):
                    columns[i, t] = x[rows[t], int(seen[i])]
            log_scale = 0.0
            for k in range(len(mean)):
                if k < len(covariance):
                    log_scale = factor_of_seen(covariance[k], factor[k], seen, u)
                    n_failed += math.isnan(log_scale)
                z = columns[n_dimensions : n_dimensions + n_seen]
                for i in range(n_seen):
                    mean_i = mean[k, int(seen[i])]
                    for t in each(0, rows.size):
                        z[i, t] = columns[i, t] - mean_i
                solve(u, z, squares)
                for t in each(0, rows.size):
                    table[rows[t], k] = 0.0 - (0.5 * squares[t] + log_scale)
        begin = end
    return n_failed
