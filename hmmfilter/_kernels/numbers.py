"""Numbers and vectors of them: sums and products of which no digit is lost, powers of two, the largest of many.

References
----------
.. [1] Knuth, *The Art of Computer Programming*, volume 2, 3rd edition, section 4.2.2, theorem B (``two_sum``).
.. [2] Ogita, Rump, Oishi, "Accurate sum and dot product", SIAM Journal on Scientific Computing 26 (2005), algorithms
   3.5 (``two_product``) and 4.4 (``tally``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import compiled
from .lanes import Lanes, add, fma, lane, larger, multiply, negative, subtract
from .limits import FEW_STATES, NEVER, ROUNDER, VANISHED

MAGNITUDE, INFINITY = 0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000  # all bits of a double but its sign; of inf


@compiled
def two_sum(x: float, y: float) -> tuple[float, float]:
    """x + y, rounded, and what the rounding lost: the two add up to x + y exactly [1]_."""
    total = x + y
    if total == NEVER:
        return NEVER, 0.0
    y_kept = total - x
    return total, (x - (total - y_kept)) + (y - y_kept)


@compiled
def plus(head: float, tail: float, y: float) -> tuple[float, float]:
    """(head + tail) + y, again in two parts."""
    total, lost = two_sum(head, y)
    return two_sum(total, lost + tail)


@compiled
def exceeds(head: float, tail: float, other_head: float, other_tail: float) -> bool:
    """head + tail > other_head + other_tail."""
    return head > other_head or (head == other_head and tail > other_tail)


@compiled
def times(x: float, x_tail: float, y: float, y_tail: float) -> tuple[float, float]:
    """(x + x_tail)(y + y_tail), again in two parts."""
    product, lost = two_product(x, y)
    return two_sum(product, lost + (x * y_tail + x_tail * y))


@compiled
def power_of_two(k: float) -> float:
    """2^k for a whole k from −1022 to 1023: k is put where a double keeps its exponent."""
    bits = np.int64(np.float64(k + ROUNDER).view(np.int64))
    return np.int64((bits + 1023) << 52).view(np.float64)


@compiled
def largest(x: FloatArray) -> float:
    """max_i x_i, in four chains that the processor follows side by side; −inf of nothing."""
    a = b = c = d = NEVER
    last = x.size - x.size % 4
    for i in range(0, last, 4):
        a, b, c, d = larger(a, x[i]), larger(b, x[i + 1]), larger(c, x[i + 2]), larger(d, x[i + 3])
    for i in range(last, x.size):
        a = larger(a, x[i])
    return larger(larger(a, b), larger(c, d))


@compiled
def sum_of(x: FloatArray) -> float:
    """Σ_i x_i: of few states one after the other, as `total_of` adds them up, of many in four chains."""
    a = b = c = d = 0.0
    last = x.size - x.size % 4 if x.size > FEW_STATES else 0
    for i in range(0, last, 4):
        a, b, c, d = a + x[i], b + x[i + 1], c + x[i + 2], d + x[i + 3]
    for i in range(last, x.size):
        a += x[i]
    return (a + b) + (c + d)


@compiled
def dot(x: FloatArray, y: FloatArray) -> float:
    """Σ_i x_i y_i, in two chains, of no order that others keep to."""
    a = b = 0.0
    last = x.size - x.size % 2
    for i in range(0, last, 2):
        a, b = fma(x[i], y[i], a), fma(x[i + 1], y[i + 1], b)
    return fma(x[last], y[last], a) + b if last < x.size else a + b


@compiled
def spread(x: FloatArray) -> float:
    """max x_i − min x_i over those that are not −inf; 0 where there are none."""
    top = largest(x)
    bottom = top
    for i in range(x.size):
        bottom = x[i] if NEVER < x[i] < bottom else bottom
    return top - bottom if top > NEVER else 0.0


@compiled
def shifted(x: float, k: float) -> float:
    """x 2^k, or zero where k is below `VANISHED`."""
    return x * (power_of_two(k) if k > VANISHED else 0.0)


@compiled
def divided(x: Any, y: Any, one_over_y: Any) -> Any:
    """x / y by its reciprocal, and a step of Newton's that corrects the last digit."""
    quotient = multiply(x, one_over_y)
    return fma(fma(negative(quotient), y, x), one_over_y, quotient)


@compiled
def lanes_two_sum(x: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    """`two_sum`, entry by entry."""
    total = add(x, y)
    y_kept = subtract(total, x)
    return total, add(subtract(x, subtract(total, y_kept)), subtract(y, y_kept))


@compiled
def two_product(x: Any, y: Any) -> tuple[Any, Any]:
    """x y, rounded, and what the rounding lost [2]_; of tuples, entry by entry."""
    product = multiply(x, y)
    return product, fma(x, y, negative(product))


@compiled
def is_faint(row: FloatArray, limit: float) -> bool:
    """Whether an entry, other than zero, is below a limit."""
    faint = False
    for k in range(row.size):
        faint |= (row[k] < limit) & (row[k] != 0.0)
    return faint


@compiled
def total_of(p: Lanes, like: Lanes) -> float:
    """Σ_k p_k."""
    total = lane(p, 0)
    for k in range(1, len(like)):
        total += lane(p, k)
    return total


@compiled
def largest_of(p: Lanes, like: Lanes) -> float:
    """max_k p_k."""
    top = lane(p, 0)
    for k in range(1, len(like)):
        top = larger(top, lane(p, k))
    return top


@compiled
def multiply_rows(x: FloatArray, y: FloatArray, product: FloatArray) -> None:
    """The product of vectors, entry by entry."""
    for k in range(x.size):
        product[k] = x[k] * y[k]


@compiled
def multiply_row(x: FloatArray, y: float, product: FloatArray) -> None:
    """A vector multiplied by a number."""
    for k in range(x.size):
        product[k] = x[k] * y


@compiled
def divide_row(x: FloatArray, y: float, quotient: FloatArray) -> None:
    """A vector divided by a number."""
    one_over_y = 1.0 / y
    for k in range(x.size):
        quotient[k] = divided(x[k], y, one_over_y)


@compiled
def mark(x: FloatArray) -> None:
    """Put NaN where nothing is known, as the evidence is impossible."""
    for k in range(x.size):
        x[k] = math.nan


@compiled
def fill_table(x: FloatArray, value: float) -> None:
    """Put a number everywhere."""
    for k in range(x.size):
        x[k] = value


@compiled
def largest_magnitude(x: FloatArray) -> float:
    """max_i |x_i| over the finite x_i, by their bits: the compiler makes vectors of integers alone."""
    bits = x.view(np.int64)
    largest = 0
    for k in range(bits.size):
        magnitude = bits[k] & MAGNITUDE
        largest = max(largest, magnitude if magnitude < INFINITY else 0)
    return float(np.int64(largest).view(np.float64))


@compiled
def tally(total: float, lost: float, x: float) -> tuple[float, float]:
    """Add to a running total, and what the addition loses to a total of its own [2]_."""
    total, lost_now = two_sum(total, x)
    return total, lost + lost_now


@compiled
def copy(x: FloatArray, y: FloatArray) -> None:
    """Put x into y: an assignment would allocate, in case they are the same."""
    for k in range(x.size):
        y[k] = x[k]


@compiled
def surpasses(head: float, tail: float, other_head: float, other_tail: float) -> bool:
    """`exceeds`, of tails that may have grown beyond the last digit of their heads."""
    return head > NEVER and (head - other_head) + (tail - other_tail) > 0.0
