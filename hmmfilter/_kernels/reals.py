"""Log-densities of real numbers whose tails are heavier than those of the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .columns import divide, each, log_parts, where
from .compiling import compiled
from .densities import block_of, entries_seen, factor_of_seen, solve


def room_for_reals(n_rows: int) -> FloatArray:
    """Room for a column."""
    return np.empty((1, block_of(n_rows, 1)))


@compiled
def fill_laplace(
    x: FloatArray, location: FloatArray, scale: FloatArray, log_scale: FloatArray, room: FloatArray, table: FloatArray
) -> None:
    """−|x − μ| / b − log 2b, with log 2b given."""
    n_block, log_p = room.shape[1], room[0]
    for begin in range(0, len(x), n_block):
        block, rows = x[begin : begin + n_block], table[begin : begin + n_block]
        for k in range(len(scale)):
            for t in each(0, len(block)):
                z = divide(abs(block[t] - location[k]), scale[k])
                log_p[t] = where(np.isnan(z), 0.0, 0.0 - (z + log_scale[k]))
            for t in each(0, len(block)):
                rows[t, k] = log_p[t]


@compiled
def log_one_plus(u: Any) -> Any:
    """log(1 + u), for u from 0 to 1: of what rounding leaves of 1 + u, and of what it takes."""
    whole = 1.0 + u
    log_whole, rest = log_parts(whole)
    return log_whole + (rest + divide(u - (whole - 1.0), whole))


@compiled
def fill_student(
    x: FloatArray,
    location: FloatArray,
    scale: FloatArray,
    df: FloatArray,
    log_spread: FloatArray,
    log_norm: FloatArray,
    room: FloatArray,
    table: FloatArray,
) -> None:
    """−½ (ν + 1) log(1 + u) − log_norm, u = z² / ν, z = (x − μ) / σ.

    Where u is above 1, log(1 + u) is log u + log(1 + 1 / u), and log u = 2 log ½|x − μ| − 2 log ½σ√ν, of which the
    latter log is given in two parts, (2, K): neither z² nor σ√ν has to fit into a double. Halves are exact, and their
    difference fits.
    """
    n_block, log_p = room.shape[1], room[0]
    for begin in range(0, len(x), n_block):
        block, rows = x[begin : begin + n_block], table[begin : begin + n_block]
        for k in range(len(scale)):
            half_location, half_scale, power = 0.5 * location[k], 0.5 * scale[k], 0.5 * df[k] + 0.5
            for t in each(0, len(block)):
                half = abs(0.5 * block[t] - half_location)
                z = divide(half, half_scale)
                u = divide(z * z, df[k])
                log_half, log_half_rest = log_parts(where(u > 1.0, half, 1.0))
                log_u = 2.0 * ((log_half - log_spread[0, k]) + (log_half_rest - log_spread[1, k]))
                near_one = log_one_plus(where(u > 1.0, divide(1.0, u), where(np.isnan(u), 0.0, u)))
                log_total = near_one + where(u > 1.0, log_u, 0.0)
                log_p[t] = where(np.isnan(u), 0.0, 0.0 - (power * log_total + log_norm[k]))
            for t in each(0, len(block)):
                rows[t, k] = log_p[t]


@compiled
def fill_student_vectors(
    x: FloatArray,
    order: IntArray,
    ends: IntArray,
    location: FloatArray,
    scale: FloatArray,
    factor: FloatArray,
    tails: FloatArray,
    room: FloatArray,
    table: FloatArray,
) -> int:
    """−½ (ν + n) log(1 + |z|² / ν) − log √|2πΣ|, Uᵀ z = x − μ, over the n entries of x, (T, D), that are not missing.

    To that comes what few degrees of freedom take from the density in the middle, by n and states the first rows of
    `tails`, the last of which is ν. The order of the rows has those together, up to each end, that lack the same
    entries. Returns how often a matrix lost a positive definite part to rounding.
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
            for k in range(len(location)):
                log_norm = factor_of_seen(scale[k], factor[k], seen, u)
                n_failed += math.isnan(log_norm)
                z, df = columns[n_dimensions : n_dimensions + n_seen], tails[n_dimensions + 1, k]
                for i in range(n_seen):
                    location_i = location[k, int(seen[i])]
                    for t in each(0, rows.size):
                        z[i, t] = columns[i, t] - location_i
                solve(u, z, squares)
                log_norm -= tails[n_seen, k]
                for t in each(0, rows.size):
                    q = divide(squares[t], df)
                    log_q, log_q_rest = log_parts(where(q > 1.0, q, 1.0))
                    log_total = log_one_plus(where(q > 1.0, divide(1.0, q), q)) + (log_q + log_q_rest)
                    log_p = where(q < math.inf, 0.0 - (0.5 * (df + n_seen) * log_total + log_norm), -math.inf)
                    table[rows[t], k] = where(n_seen > 0, log_p, 0.0)
        begin = end
    return n_failed
