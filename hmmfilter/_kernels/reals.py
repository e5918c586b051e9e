"""Log-densities of real numbers whose tails are heavier than those of the normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray

from .columns import divide, each, log_parts, where
from .compiling import compiled
from .densities import block_of


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
