"""Columns: whole vectors at once in Python, by NumPy, and one number after the other in machine code.

What is worked out for each number alone is written once, for either. Sums, products, quotients and roots are rounded
the same by NumPy and by the compiler, and so the bits are the same. NumPy has no `fma`, and its logarithm is not that
of the C library: neither is used for columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling import IS_PLAIN, compiled
from .lanes import instruction
from .wide import FRACTION_BITS, LOG_2_LONG, LOG_2_SHORT

ONE_BITS = 0x3FF0_0000_0000_0000
TO_ROOT = ONE_BITS - 0x3FE6_A09E_6000_0000  # from the bits of a number near √(1/2) to those of 1

# 2 atanh(s) / s − 2 = z G(z) with z = s², G at its 7 Chebyshev nodes of |s| ≤ 0.1716: s z G(z) is 1.6e-18 off
G0, G1, G2, G3, G4, G5, G6 = (
    0.666666666666667,
    0.39999999999899444,
    0.2857142862600327,
    0.22222211130259878,
    0.18182889455674947,
    0.15331710618210773,
    0.14616585424888623,
)
SERIES_REACH = 0.17  # up to which |s| may be


def slices(begin: int, end: int) -> tuple[slice]:
    """What a loop goes through in Python: once, through all at once."""
    return (slice(begin, end),)


each = slices if IS_PLAIN else range
where = instruction("where", np.where)
divide = instruction("divide", np.divide)  # which is no error where it is by zero


@compiled
def atanh_rest(s: Any) -> Any:
    """2 atanh(s) / s − 2, for |s| ≤ `SERIES_REACH`."""
    z = s * s
    z2 = z * z
    return z * ((G0 + z * G1) + z2 * ((G2 + z * G3) + z2 * ((G4 + z * G5) + z2 * G6)))


@compiled
def log_parts(x: Any) -> tuple[Any, Any]:
    """log x as a sum, to 2e-17, for positive x that have all their digits.

    x = 2^k (1 + f) with 1 + f from √(1/2) to √2, and log(1 + f) = 2 atanh(s) = f − s (f − r), where s = f / (2 + f) and
    r is `atanh_rest`.
    """
    bits = np.float64(x).view(np.int64) + TO_ROOT
    k = np.float64((bits >> 52) - 1023)
    f = np.int64((bits & FRACTION_BITS) + (ONE_BITS - TO_ROOT)).view(np.float64) - 1.0
    s = divide(f, 2.0 + f)
    whole = k * LOG_2_SHORT
    head = whole + f
    return head, (f - (head - whole)) + (k * LOG_2_LONG - s * (f - atanh_rest(s)))
