"""Coded numbers: posteriors as they are stored, probabilities where a double holds them, logs elsewhere."""

from __future__ import annotations

import math

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import compiled, inlined
from .lanes import fma
from .limits import CODED_LOG, FAINT_SHARE, FAR, HIGHEST, NEVER
from .numbers import ROUNDER, divide_row, power_of_two
from .wide import EXPONENT, HEAD, LOG_2, ROUNDER_BITS, log_of_wide, way_down, wide_sum


@compiled
def coded(x: float, k: float) -> float:
    """x 2^k where a double holds it; else its log, L as L where that is negative, and as −1/L where it is positive.

    The same number gives the same bits however it is split into x and k, as fast steps and exact ones do differently.
    """
    if k == 0.0 or x == 0.0:
        return x
    if abs(k) < 500.0 and 1.0 / HIGHEST < x < HIGHEST:
        return x * power_of_two(k)
    log_x = log_of_wide(x, k, 0.0)
    if abs(log_x) < CODED_LOG:
        return math.ldexp(x, int(k))
    return log_x if log_x < 0.0 else -1.0 / log_x


@compiled
def code_far_shares(x: FloatArray, top: float, top_rest: float, one_over_total: float, row: FloatArray) -> None:
    """What `store_posterior` does with shares that a double cannot hold, with exponents of two parts."""
    for k in range(row.size):
        down = way_down(x, k, top, top_rest)
        if down <= FAINT_SHARE and x[HEAD, k] > 0.0:
            row[k] = log_roughly(x[HEAD, k] * one_over_total) + down * LOG_2


@inlined
def store_posterior(x: FloatArray, row: FloatArray) -> tuple[float, float, float]:
    """Divide wide numbers by their sum; the sum, as a double and an exponent in two parts, is returned.

    A share that a double cannot hold is stored `coded`, as its log.
    """
    head, exponent = x[HEAD], x[EXPONENT]
    total, top, top_rest = wide_sum(x, row)
    divide_row(row, total, row)
    one_over_total = 1.0 / total
    if abs(top) >= FAR:
        code_far_shares(x, top, top_rest, one_over_total, row)
        return total, top, top_rest
    n_faint = 0
    for k in range(row.size):
        n_faint += (exponent[k] - top <= FAINT_SHARE) & (head[k] > 0.0)
    if n_faint > 0:
        for k in range(row.size):
            log_share = log_roughly(head[k] * one_over_total) + (exponent[k] - top) * LOG_2
            row[k] = log_share if (exponent[k] - top <= FAINT_SHARE) & (head[k] > 0.0) else row[k]
    return total, top, top_rest


@compiled
def log_roughly(x: float) -> float:
    """log x = k log 2 + 2 artanh( (m − 1)/(m + 1) ), x = m 2^k, to 1e-13: added to the log of 2^-900, that is exact."""
    bits = np.int64(np.float64(x * math.sqrt(2.0)).view(np.int64))
    k = np.float64(np.int64((bits >> 52) + ROUNDER_BITS - 1023).view(np.float64)) - ROUNDER
    m = x * power_of_two(-k)
    r = (m - 1.0) / (m + 1.0)
    r2 = r * r
    low = fma(fma(fma(1 / 7, r2, 1 / 5), r2, 1 / 3), r2, 1.0)
    high = fma(fma(fma(1 / 15, r2, 1 / 13), r2, 1 / 11), r2, 1 / 9)
    r4 = r2 * r2
    return 2.0 * r * fma(high, r4 * r4, low) + k * LOG_2


@compiled
def has_logs(x: FloatArray) -> bool:
    """Whether there are logs among `coded` numbers."""
    found = False
    for k in range(x.size):
        found |= x[k] < 0.0
    return found


@compiled
def take_logs(x: FloatArray, logs: FloatArray) -> None:
    """Logs of `coded` numbers."""
    for k in range(x.size):
        if x[k] > 0.0:
            logs[k] = math.log(x[k])
        elif x[k] == 0.0:
            logs[k] = NEVER
        else:  # or NaN, which stays
            logs[k] = -1.0 / x[k] if x[k] > -1.0 else x[k]


@compiled
def take_numbers(x: FloatArray, numbers: FloatArray) -> None:
    """Numbers of `coded` ones, none above 1; what is below 5e-324 rounds to 0."""
    for k in range(x.size):
        numbers[k] = math.exp(x[k]) if x[k] < 0.0 else x[k]
