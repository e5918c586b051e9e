"""Coded numbers: posteriors as they are stored, probabilities where a double holds them, logs elsewhere."""

from __future__ import annotations

import math

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled, inlined
from .lanes import divide, fma, larger
from .limits import CODED_LOG, FAINT, HIGHEST, NARROW_LOG, NEAR_BETA, NEVER, ROUNDER
from .numbers import divide_row, largest_magnitude, power_of_two
from .wide import (
    EXPONENT,
    HEAD,
    LOG_2,
    LOG_2_LONG,
    LOG_2_SHORT,
    REST,
    ROUNDER_BITS,
    TAIL,
    exp_parts,
    log_down,
    log_of_wide,
    shift_of,
    top_of,
    way_down,
    weigh,
    wide_sum,
    widen_linear,
)

PRODUCT = 300.0  # powers of two: the product of two numbers within it is far from `CODED_LOG`
RAISED = 500.0  # powers of two by which a share is raised, so that its product with another number is not too small
LOG_RAISED = -RAISED * LOG_2
AT_A_TIME = 1024  # entries of a table that stay in the processor's nearest cache
SQRT_HALF_BITS = 0x3FE6_A09E_667F_3BCD
SMALLEST_NORMAL, ENLARGED, ENLARGED_BY = 2.0**-1022, 2.0**100, 100.0
LOG_OF_NOTHING = -745.2  # below that of half the smallest double


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
def is_product(x: float, k: float) -> bool:
    """Whether x and k are so near 1 and 0 that the `coded` number is x times a power of two, and no more."""
    return (abs(k) < PRODUCT) & (x > 2.0**-PRODUCT) & (x < 2.0**PRODUCT)


@compiled
def has_logs(x: FloatArray) -> bool:
    """Whether there are logs among `coded` numbers."""
    found = False
    for k in range(x.size):
        found |= x[k] < 0.0
    return found


@compiled
def log_roughly(x: float, more: float) -> float:
    """log(x 2^more) = k log 2 + 2 artanh( (m − 1)/(m + 1) ), x 2^more = m 2^k, to 1e-13, for a share below `FAINT`."""
    bits = np.int64(np.float64(x * math.sqrt(2.0)).view(np.int64))
    k = np.float64(np.int64((bits >> 52) + ROUNDER_BITS - 1023).view(np.float64)) - ROUNDER
    m = x * power_of_two(-k)
    r = divide(m - 1.0, m + 1.0)
    r2 = r * r
    low = fma(fma(fma(1 / 7, r2, 1 / 5), r2, 1 / 3), r2, 1.0)
    high = fma(fma(fma(1 / 15, r2, 1 / 13), r2, 1 / 11), r2, 1 / 9)
    r4 = r2 * r2
    return 2.0 * r * fma(high, r4 * r4, low) + (k + more) * LOG_2


@apart
def code_faint(shares: FloatArray, ratio: FloatArray, log_factor: FloatArray) -> None:
    """Store shares that a double cannot hold `coded`, as their logs: log(ratio factor) = log ratio + log factor."""
    for n in range(shares.size):
        log_share = log_factor[n] + log_roughly(ratio[n], 0.0)
        is_faint = (shares[n] < FAINT) & (ratio[n] > 0.0) & (log_factor[n] > NEVER)
        shares[n] = log_share if is_faint else shares[n]


@compiled
def divide_by_sum(x: FloatArray, row: FloatArray) -> tuple[float, float, float, bool]:
    """Divide wide numbers by their sum; returns that, in three parts, and whether a share is below `FAINT`."""
    total, top, top_rest = wide_sum(x, row)
    divide_row(row, total, row)
    n_faint = 0
    for k in range(row.size):
        n_faint += (row[k] < FAINT) & (x[HEAD, k] > 0.0)
    return total, top, top_rest, n_faint > 0


@apart
def store_posterior(x: FloatArray, row: FloatArray) -> tuple[float, float, float]:
    """Divide wide numbers by their sum; the sum, as a double and an exponent in two parts, is returned.

    A share that a double cannot hold is stored `coded`, as its log.
    """
    total, top, top_rest, is_faint = divide_by_sum(x, row)
    if is_faint:
        for k in range(row.size):
            if row[k] < FAINT and x[HEAD, k] > 0.0:
                row[k] = log_roughly(x[HEAD, k] * (1.0 / total), way_down(x, k, top, top_rest))
    return total, top, top_rest


@inlined
def store_filtered(x: FloatArray, s: FloatArray, log_b: FloatArray, row: FloatArray) -> tuple[float, float, float]:
    """`store_posterior` of x = s b, with logs of faint shares from log b itself, which the fast steps have at hand."""
    total, top, top_rest, is_faint = divide_by_sum(x, row)
    if is_faint:
        if largest_magnitude(log_b) > NARROW_LOG:
            return store_posterior(x, row)
        shift = shift_of(log_b)
        for k in range(row.size):
            if row[k] < FAINT and x[HEAD, k] > 0.0:
                log_ratio = log_roughly(s[HEAD, k] * (1.0 / total), way_down(s, k, top, top_rest) + shift)
                row[k] = log_down(log_b[k], shift) + log_ratio
    return total, top, top_rest


@compiled
def is_deep(total: float, largest_beta: float, down: float) -> bool:
    """Whether Σ f β is so far below the largest β that logs lack much; they may differ by powers of two more."""
    return total == 0.0 or math.frexp(total)[1] - math.frexp(largest_beta)[1] + down < -NEAR_BETA


@apart
def store_smoothed(
    beta: FloatArray, room: FloatArray, product: FloatArray, shares: FloatArray, row: FloatArray
) -> bool:
    """`store_posterior` of f β, from f as it is stored in the row; not where that has logs, and Σ f β `is_deep`."""
    for k in range(row.size):
        product[HEAD, k], product[TAIL, k] = beta[HEAD, k] + beta[TAIL, k], 0.0
        product[EXPONENT, k], product[REST, k] = beta[EXPONENT, k], beta[REST, k]
        shares[k] = larger(row[k], 0.0)
    widen_linear(shares, room)
    weigh(product, room, None, product)
    beta_top, beta_rest = top_of(beta)
    total, top, top_rest = wide_sum(product, shares)
    if has_logs(row) and is_deep(total, 0.5, (top - beta_top) + (top_rest - beta_rest)):
        return False
    divide_row(shares, total, shares)
    for k in range(row.size):
        ratio = (beta[HEAD, k] + beta[TAIL, k]) * (1.0 / total)
        down = way_down(beta, k, top, top_rest)
        if row[k] < 0.0 < ratio:
            row[k] = row[k] + log_roughly(ratio, down)
        elif shares[k] < FAINT and row[k] > 0.0 and ratio > 0.0:
            row[k] = LOG_RAISED + log_roughly(row[k] * power_of_two(RAISED) * ratio, down)
        else:
            row[k] = shares[k]
    return True


@compiled
def log_of(x: float) -> float:
    """log x to less than a unit in the last place; −inf of zero, and what is below it, or NaN, as it is.

    log x = k log 2 + log(1 + f), 1 + f = x 2^-k from √½ to √2, and log(1 + f) = 2 artanh r, r = f / (2 + f), is f less
    what is small beside it: f − h + r (h + 2r²/3 + 2r⁴/5 + ...), h = f²/2. It has no branch, either.
    """
    is_small = x < SMALLEST_NORMAL
    bits = np.int64(np.float64((x * ENLARGED if is_small else x) if x > 0.0 else 1.0).view(np.int64))
    k_bits = (bits - SQRT_HALF_BITS) >> 52
    k = np.float64(np.int64(k_bits + ROUNDER_BITS).view(np.float64)) - ROUNDER
    f = np.float64(np.int64(bits - (k_bits << 52)).view(np.float64)) - 1.0
    k -= ENLARGED_BY if is_small else 0.0
    r = divide(f, 2.0 + f)
    r2 = r * r
    r4 = r2 * r2
    r8 = r4 * r4
    low = fma(fma(2 / 9, r2, 2 / 7), r4, fma(2 / 5, r2, 2 / 3))
    high = fma(fma(2 / 21, r2, 2 / 19), r8, fma(fma(2 / 17, r2, 2 / 15), r4, fma(2 / 13, r2, 2 / 11)))
    half = 0.5 * f * f
    log_x = fma(k, LOG_2_SHORT, f - (half - fma(k, LOG_2_LONG, r * fma(r2, fma(high, r8, low), half))))
    return log_x if x > 0.0 else (NEVER if x == 0.0 else x)


@compiled
def has_large(x: FloatArray) -> bool:
    """Whether there are logs above zero among `coded` numbers."""
    found = False
    for k in range(x.size):
        found |= -1.0 < x[k] < 0.0
    return found


@apart
def take_logs(x: FloatArray) -> None:
    """Put the logs of `coded` numbers in their place."""
    for begin in range(0, x.size, AT_A_TIME):
        some = x[begin : begin + AT_A_TIME]
        if has_large(some):
            for k in range(some.size):
                some[k] = -1.0 / some[k] if -1.0 < some[k] < 0.0 else log_of(some[k])
        else:
            for k in range(some.size):
                some[k] = log_of(some[k])


@compiled
def number_of(log_x: float) -> float:
    """exp(log x), log x ≤ 0, rounded once; what is below 5e-324 rounds to 0."""
    head, _, k = exp_parts(log_x if log_x > LOG_OF_NOTHING else 0.0, 0.0)
    return head * power_of_two(k + ENLARGED_BY) * (1.0 / ENLARGED) if log_x > LOG_OF_NOTHING else 0.0


@apart
def take_numbers(x: FloatArray) -> None:
    """Put numbers in the place of `coded` ones, none of them above 1."""
    for begin in range(0, x.size, AT_A_TIME):
        some = x[begin : begin + AT_A_TIME]
        n_between = 0
        for k in range(some.size):
            n_between += LOG_OF_NOTHING < some[k] < 0.0
        if n_between > 0:
            for k in range(some.size):
                some[k] = number_of(some[k]) if some[k] < 0.0 else some[k]
        else:
            for k in range(some.size):
                some[k] = 0.0 if some[k] < 0.0 else some[k]
