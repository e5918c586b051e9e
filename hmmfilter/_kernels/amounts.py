"""Densities of numbers above 0, and of shares: what of them takes logs of observations in two parts.

Rows are gone through as in `densities`. Means are in two parts, too, (2, K): what is left of an observation without its
mean then has all its digits, however near the two are.

References
----------
.. [1] Loader, "Fast and accurate computation of binomial probabilities" (2000), section 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray

from .columns import SERIES_REACH, atanh_rest, divide, each, log_parts, where
from .compiling import compiled
from .wide import LOG_2_LONG, LOG_2_SHORT

TINY, HUGE, HUGE_BITS = 2.0**-960, 2.0**60, 60.0  # numbers below the first are multiplied by the second
HIGH_BITS = 2.0**27 + 1.0  # a product with it has the upper half of the digits of a factor


@compiled
def log_of_any(x: Any) -> tuple[Any, Any]:
    """log x in two parts, for any positive x."""
    head, rest = log_parts(where(x < TINY, x * HUGE, x))
    n = where(x < TINY, HUGE_BITS, 0.0)
    less = head - n * LOG_2_SHORT
    return less, rest + (((head - less) - n * LOG_2_SHORT) - n * LOG_2_LONG)


@compiled
def deviance_of(mean: float, away: Any, both: Any, log_ratio: Any) -> Any:
    """x − μ − μ log(x / μ), of x − μ, x + μ and log(x / μ): by a series where x is near and the terms would cancel."""
    v = divide(away, both)
    return where(abs(v) < SERIES_REACH, away * v - mean * v * atanh_rest(v), away - mean * log_ratio)


class GammaOf(NamedTuple):
    """Parameters of gamma densities, (K,), or (2, K) in two parts."""

    shape: FloatArray
    scale: FloatArray
    log_scale: FloatArray
    mean: FloatArray
    log_mean: FloatArray
    constant: FloatArray  # a log a − a − log Γ(a), or of a small shape log θ Γ(a)
    at_zero: FloatArray  # the log-density there
    is_small: BoolArray  # where nothing cancels in the textbook's form


@compiled
def fill_gamma(x: FloatArray, of: GammaOf, room: FloatArray, table: FloatArray) -> None:
    """log p(x), 0 where missing: −(x − μ − μ log(x / μ)) / θ − log x + (a log a − a − log Γ(a)).

    Where shapes are small, (a − 1) log(x / θ) − x / θ − log θ Γ(a).
    """
    head, rest, log_x, log_p = room[0], room[1], room[2], room[3]
    for begin in range(0, len(x), room.shape[1]):
        block, rows = x[begin : begin + room.shape[1]], table[begin : begin + room.shape[1]]
        for t in each(0, len(block)):
            head[t], rest[t] = log_of_any(block[t])
            log_x[t] = head[t] + rest[t]
        for k in range(len(of.shape)):
            a, b, log_b, c = of.shape[k], of.scale[k], of.log_scale[k], of.constant[k]
            m, m_rest, log_m, log_m_rest = of.mean[0, k], of.mean[1, k], of.log_mean[0, k], of.log_mean[1, k]
            if of.is_small[k]:
                for t in each(0, len(block)):
                    log_p[t] = (a - 1.0) * (log_x[t] - log_b) - divide(block[t], b) - c
            else:
                for t in each(0, len(block)):
                    away, log_ratio = (block[t] - m) - m_rest, (head[t] - log_m) + (rest[t] - log_m_rest)
                    log_p[t] = c - divide(deviance_of(m, away, block[t] + m, log_ratio), b) - log_x[t]
            at_zero = of.at_zero[k]
            for t in each(0, len(block)):
                rows[t, k] = where(block[t] > 0.0, log_p[t], where(block[t] == 0.0, at_zero, 0.0))


@compiled
def fill_deviances(x: FloatArray, mean: FloatArray, log_mean: FloatArray, room: FloatArray, table: FloatArray) -> None:
    """x / μ − 1 − log(x / μ), (K, T), of which a gamma density has as many as its shape says; infinite at 0."""
    head, rest = room[0], room[1]
    for begin in range(0, len(x), room.shape[1]):
        block = x[begin : begin + room.shape[1]]
        for t in each(0, len(block)):
            head[t], rest[t] = log_of_any(block[t])
        for k in range(mean.shape[1]):
            m, m_rest, log_m, log_m_rest = mean[0, k], mean[1, k], log_mean[0, k], log_mean[1, k]
            column = table[k, begin : begin + room.shape[1]]
            for t in each(0, len(block)):
                away, log_ratio = (block[t] - m) - m_rest, (head[t] - log_m) + (rest[t] - log_m_rest)
                so_many = divide(deviance_of(m, away, block[t] + m, log_ratio), m)
                column[t] = where(block[t] > 0.0, so_many, np.inf)


@compiled
def fill_beta(
    x: FloatArray,
    mean: FloatArray,
    log_mean: FloatArray,
    log_other: FloatArray,
    room: FloatArray,
    logs: FloatArray,
    table: FloatArray,
) -> None:
    """μ log(μ / x) + (1 − μ) log((1 − μ) / (1 − x)), as two deviances [1]_; and log x + log(1 − x), (T,)."""
    head, rest, y_head, y_rest = room[0], room[1], room[2], room[3]
    for begin in range(0, len(x), room.shape[1]):
        block, rows = x[begin : begin + room.shape[1]], table[begin : begin + room.shape[1]]
        sums = logs[begin : begin + room.shape[1]]
        for t in each(0, len(block)):
            head[t], rest[t] = log_of_any(block[t])
            y_head[t], y_rest[t] = log_of_any(1.0 - block[t])
            sums[t] = (head[t] + rest[t]) + (y_head[t] + y_rest[t])
        for k in range(mean.shape[1]):
            m, m_rest, other = mean[0, k], mean[1, k], mean[2, k]
            for t in each(0, len(block)):
                away = (block[t] - m) - m_rest
                log_ratio = (head[t] - log_mean[0, k]) + (rest[t] - log_mean[1, k])
                log_other_ratio = (y_head[t] - log_other[0, k]) + (y_rest[t] - log_other[1, k])
                of_x = deviance_of(m, away, block[t] + m, log_ratio)
                of_rest = deviance_of(other, -away, (1.0 - block[t]) + other, log_other_ratio)
                rows[t, k] = of_x + of_rest


@compiled
def fill_log_normal(
    x: FloatArray, log_mean: FloatArray, log_deviation: FloatArray, room: FloatArray, log_x: FloatArray, z: FloatArray
) -> None:
    """(log x − μ) / σ, (T, K), and log x, (T,)."""
    head, rest = room[0], room[1]
    for begin in range(0, len(x), room.shape[1]):
        block, rows = x[begin : begin + room.shape[1]], z[begin : begin + room.shape[1]]
        logs = log_x[begin : begin + room.shape[1]]
        for t in each(0, len(block)):
            head[t], rest[t] = log_of_any(block[t])
            logs[t] = head[t] + rest[t]
        for k in range(len(log_mean)):
            mean, deviation = log_mean[k], log_deviation[k]
            for t in each(0, len(block)):
                rows[t, k] = divide((head[t] - mean) + rest[t], deviation)


@compiled
def fill_weibull(
    x: FloatArray, shape: FloatArray, scale: FloatArray, log_scale: FloatArray, room: FloatArray, powers: FloatArray
) -> None:
    """log(x / λ), and k times that in two parts, since (x / λ)^k is no better known than that: (3, T, K)."""
    head, rest = room[0], room[1]
    for begin in range(0, len(x), room.shape[1]):
        end = min(begin + room.shape[1], len(x))
        block, logs, rows, more = x[begin:end], powers[0, begin:end], powers[1, begin:end], powers[2, begin:end]
        for t in each(0, len(block)):
            head[t], rest[t] = log_of_any(block[t])
        for k in range(len(shape)):
            a, b = shape[k], scale[k]
            a_high = a * HIGH_BITS - (a * HIGH_BITS - a)
            for t in each(0, len(block)):
                v = divide(block[t] - b, block[t] + b)
                first = head[t] - log_scale[0, k]
                back = first - head[t]
                second = ((head[t] - (first - back)) - (log_scale[0, k] + back)) + (rest[t] - log_scale[1, k])
                is_near = abs(v) < SERIES_REACH
                first, second = where(is_near, 2.0 * v, first), where(is_near, v * atanh_rest(v), second)
                log_ratio = first + second
                log_rest = second - (log_ratio - first)
                high = log_ratio * HIGH_BITS - (log_ratio * HIGH_BITS - log_ratio)
                power = a * log_ratio
                lost = ((a_high * high - power) + a_high * (log_ratio - high)) + (a - a_high) * high
                logs[t, k], rows[t, k] = log_ratio, power
                more[t, k] = (lost + (a - a_high) * (log_ratio - high)) + a * log_rest
