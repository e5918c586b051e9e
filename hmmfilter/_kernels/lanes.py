"""Lanes: the state of the fast steps in registers, and the instructions that work on all of them at once.

Interpreted, lanes are tuples of numbers; compiled, SIMD vectors, and what works on them one instruction each. What
kernels call ``like`` are lanes whose number alone counts: so many states there are. Above `FEW_STATES` it is None, and
the state is in memory and without tails.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from hmmfilter._arrays import FloatArray

from .compiling import IS_PLAIN
from .fused import fma as one_fma
from .limits import FEW_STATES

if not IS_PLAIN:
    from . import instructions

SIGN = 2**63  # of a word of 64 bits
TILE = (0.0,) * 16  # as many columns of a matrix as add up in registers
EIGHT = (0.0,) * 8  # as many sequences, or terms of a sum, as are taken together
Lanes = tuple[float, ...]  # doubles that are worked on at once, mostly one for each state: compiled, a SIMD vector


def instruction(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is one instruction of the processor when compiled: its name there, and what it does in Python."""
    return plain if IS_PLAIN else getattr(instructions, name)


def lanewise(plain: Callable[..., float]) -> Callable[..., Any]:
    """An operation on doubles, or on lanes entry by entry."""
    return lambda *xs: tuple(map(plain, *xs)) if isinstance(xs[0], tuple) else plain(*xs)


def lanes_for(n_states: int) -> Lanes | None:
    """What tells the recursion to keep the state in registers; None where there are too many states."""
    return (0.0,) * n_states if n_states <= FEW_STATES else None


def plain_store(x: Lanes, array: FloatArray, n: int) -> None:
    """Put lanes into a C-ordered array, as if it were one row, from entry n on."""
    array.reshape(-1)[n : n + len(x)] = x


def plain_gather(like: Lanes, array: FloatArray, n: int, step: int) -> Lanes:
    """Lanes from entries of a C-ordered array, as if it were one row, from entry n on, so many from one to the next."""
    return tuple(array.reshape(-1)[n : n + (len(like) - 1) * step + 1 : step].tolist())


def plain_marked(word: int, i: int, x: Lanes, y: Lanes) -> int:
    """A word of 64 bits with a byte for each of up to eight i, in which bit j tells whether x_j > y_j."""
    leads = sum(int(x_j > y_j) << j for j, (x_j, y_j) in enumerate(zip(x, y, strict=True)))
    return ((word | leads << 8 * i) + SIGN) % (2 * SIGN) - SIGN


def plain_powers_above(k: Lanes, limit: float) -> Lanes:
    """2^k of whole k, which are normal doubles, or 0 where k is not above a limit."""
    return tuple(math.ldexp(1.0, int(n)) if n > limit else 0.0 for n in k)


add = instruction("add", lanewise(operator.add))
subtract = instruction("subtract", lanewise(operator.sub))
multiply = instruction("multiply", lanewise(operator.mul))
divide = instruction("divide", lanewise(operator.truediv))  # not looked at for whether it is by zero: it is not
negative = instruction("negative", lanewise(operator.neg))
fma = instruction("fma", lanewise(one_fma))
larger = instruction("larger", lanewise(lambda x, y: x if x > y else y))
marked = instruction("marked", plain_marked)
lowest_bit = instruction("lowest_bit", lambda n: (int(n) & -int(n)).bit_length() - 1)
powers_above = instruction("powers_above", plain_powers_above)
lane = instruction("lane", lambda x, k: x[k])
splat = instruction("splat", lambda like, x: (x,) * len(like))
is_any_faint = instruction("is_any_faint", lambda x, limit: any(0.0 != entry < limit for entry in x))
marked_below = instruction("marked_below", lanewise(lambda x, limit, mark: 1.0 if x < limit else mark))
marked_faint = instruction("marked_faint", lanewise(lambda x, limit, mark: 1.0 if 0.0 != x < limit else mark))
chosen = instruction("chosen", lanewise(lambda mark, x, y: x if mark != 0.0 else y))
transposed = instruction("transposed", lambda *rows: tuple(zip(*rows, strict=True)))
load = instruction("load", lambda like, array, n: tuple(array.reshape(-1)[n : n + len(like)].tolist()))
gather = instruction("gather", plain_gather)
store = instruction("store", plain_store)
unsigned = instruction("unsigned", lambda n: n)  # an index that is not looked at for whether it counts from the end
