"""x y + z, rounded once: what the interpreter has in the place of an instruction, to the bits of machine code.

Python has it from 3.13 on; before, the C library's is asked for. Two roundings in its place would change last digits.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
from collections.abc import Callable, Iterator

Fma = Callable[[float, float, float], float]

LIBRARIES = ("ucrtbase", "msvcrt") if sys.platform == "win32" else (None, "libm.so.6")  # None: what is loaded already
# x, y, z, and what comes of them: something else where a product is rounded before it is added, where a sum is
# rounded to a long double before it is to a double, where a product overflows although the sum does not, and in Python
TELLING = (
    (1.0 + 2.0**-27, 1.0 + 2.0**-27, 2.0**-53, 1.0 + 2.0**-26 + 2.0**-52),
    (1.0 + 2.0**-52, 2.0**-53, 1.0, 1.0 + 2.0**-52),
    (2.0**600, 2.0**424, -(2.0**1023), 2.0**1023),
    (2.0**600, 2.0**600, 1.0, math.inf),
)


def of_python() -> Iterator[Fma]:
    """That of Python, if it has one; where it would rather raise, infinity or NaN."""
    if not hasattr(math, "fma"):
        return
    exactly: Fma = math.fma

    def fma(x: float, y: float, z: float) -> float:
        try:
            return exactly(x, y, z)
        except (OverflowError, ValueError):
            return x * y + z

    yield fma


def of_c() -> Iterator[Fma]:
    """Those of the C library; none of them lets go of the interpreter, which would take longer than the rest."""
    for name in LIBRARIES:
        with contextlib.suppress(OSError, AttributeError):
            fma = ctypes.PyDLL(name).fma
            fma.argtypes, fma.restype = (ctypes.c_double,) * 3, ctypes.c_double
            yield fma


def is_true(fma: Fma) -> bool:
    """Whether it rounds once."""
    return all(fma(x, y, z) == expected for x, y, z, expected in TELLING) and math.isnan(fma(math.inf, 0.0, 1.0))


def absent(x: float, y: float, z: float) -> float:
    """What stands in for it where there is none, and kernels have to be compiled."""
    raise NotImplementedError("kernels must be compiled here: Python has no fma before 3.13, nor has the C library")


fma: Fma = next((found for find in (of_python, of_c) for found in find() if is_true(found)), absent)
