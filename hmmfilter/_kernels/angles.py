"""Log-densities of angles from −π to π, in two parts each: what lies between two of them has all its digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray

from .columns import each, log_parts, where
from .compiling import compiled
from .densities import block_of

HALF_PI, HALF_PI_REST = 1.5707963267948966, 6.123233995736766e-17
QUARTER_PI, THREE_QUARTERS_PI = 0.5 * HALF_PI, 1.5 * HALF_PI

# sin r = r + r z S(z) and cos r = 1 − z / 2 + z² C(z), z = r², at the Chebyshev nodes of |r| ≤ π / 4: 6e-18 off
S0, S1, S2, S3, S4, S5, S6 = (
    -0.16666666666666666,
    0.008333333333333331,
    -0.0001984126984126457,
    2.755731921895673e-06,
    -2.5052106100926675e-08,
    1.605851097953535e-10,
    -7.58549250782124e-13,
)
C0, C1, C2, C3, C4, C5 = (
    0.041666666666666664,
    -0.0013888888888887241,
    2.4801587298533456e-05,
    -2.755731715246704e-07,
    2.087612165887116e-09,
    -1.1380876948169717e-11,
)


def room_for_angles(n_rows: int) -> FloatArray:
    """Room for a column."""
    return np.empty((1, block_of(n_rows, 1)))


@compiled
def sine_of_half(x: Any, x_rest: Any, mean: float, mean_rest: float) -> Any:
    """|sin ½(x − μ)|, to the last digits also where x is near μ, or 2π away."""
    difference = x - mean
    back = difference - x
    lost = (x - (difference - back)) - (mean + back)
    half, rest = 0.5 * difference, 0.5 * (lost + (x_rest - mean_rest))
    size = abs(half)
    n = where(size > THREE_QUARTERS_PI, 2.0, where(size > QUARTER_PI, 1.0, 0.0))
    r = (size - n * HALF_PI) + (where(half < 0.0, -rest, rest) - n * HALF_PI_REST)
    z = r * r
    z2 = z * z
    sine = r + r * z * ((S0 + z * S1) + z2 * ((S2 + z * S3) + z2 * (S4 + z * S5 + z2 * S6)))
    cosine = 1.0 - (0.5 * z - z2 * ((C0 + z * C1) + z2 * ((C2 + z * C3) + z2 * (C4 + z * C5))))
    return abs(where(n == 1.0, cosine, sine))


@compiled
def fill_von_mises(
    x: FloatArray,
    x_rest: FloatArray,
    mean: FloatArray,
    concentration: FloatArray,
    log_norm: FloatArray,
    room: FloatArray,
    table: FloatArray,
) -> None:
    """κ (cos(x − μ) − 1) − log 2πe^−κ I₀(κ), with the latter log given, and 1 − cos d = 2 sin² ½d.

    The means are in two parts, (2, K), as the angles are.
    """
    n_block, log_p = room.shape[1], room[0]
    for begin in range(0, len(x), n_block):
        block, rest = x[begin : begin + n_block], x_rest[begin : begin + n_block]
        rows = table[begin : begin + n_block]
        for k in range(len(concentration)):
            for t in each(0, len(block)):
                s = sine_of_half(block[t], rest[t], mean[0, k], mean[1, k])
                log_p[t] = where(np.isnan(s), 0.0, 0.0 - (2.0 * concentration[k] * (s * s) + log_norm[k]))
            for t in each(0, len(block)):
                rows[t, k] = log_p[t]


@compiled
def fill_wrapped_cauchy(
    x: FloatArray,
    x_rest: FloatArray,
    mean: FloatArray,
    concentration: FloatArray,
    log_norm: FloatArray,
    room: FloatArray,
    table: FloatArray,
) -> None:
    """log_norm − log((1 − ρ)² + 4ρ sin² ½(x − μ)), the latter sum being 1 + ρ² − 2ρ cos(x − μ)."""
    n_block, log_p = room.shape[1], room[0]
    for begin in range(0, len(x), n_block):
        block, rest = x[begin : begin + n_block], x_rest[begin : begin + n_block]
        rows = table[begin : begin + n_block]
        for k in range(len(concentration)):
            least = (1.0 - concentration[k]) * (1.0 - concentration[k])
            for t in each(0, len(block)):
                s = sine_of_half(block[t], rest[t], mean[0, k], mean[1, k])
                log_total, log_total_rest = log_parts(where(np.isnan(s), 1.0, least + 4.0 * concentration[k] * (s * s)))
                log_p[t] = where(np.isnan(s), 0.0, log_norm[k] - (log_total + log_total_rest))
            for t in each(0, len(block)):
                rows[t, k] = log_p[t]
