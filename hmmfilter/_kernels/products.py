"""Products of wide numbers to twice the digits of a double, for powers of a matrix: see `hmmfilter._powers`."""

from __future__ import annotations

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled
from .limits import BEYOND_TAIL, NEVER
from .numbers import exceeds, power_of_two, two_product, two_sum
from .wide import EXPONENT, HEAD, REST, TAIL, has_far, settled, sum_exponents


@compiled
def exponent_of(x: FloatArray, i: int, matrix: FloatArray, j: int, is_far: bool) -> tuple[float, float]:
    """The exponent of x_i A_ij, in two parts."""
    if is_far:
        return sum_exponents(x[EXPONENT, i], x[REST, i], matrix[EXPONENT, i, j], matrix[REST, i, j])
    return x[EXPONENT, i] + matrix[EXPONENT, i, j], 0.0


@apart
def fill_product(x: FloatArray, matrix: FloatArray, j: int, is_far: bool, product: FloatArray) -> None:
    """Σ_i x_i A_ij, shifted by the largest of its terms, of which both parts keep all their digits."""
    top, top_rest = NEVER, 0.0
    for i in range(x.shape[1]):
        k, k_rest = exponent_of(x, i, matrix, j, is_far)
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    total, tail = 0.0, 0.0
    for i in range(x.shape[1]):
        k, k_rest = exponent_of(x, i, matrix, j, is_far)
        if k > NEVER and (k - top) + (k_rest - top_rest) > BEYOND_TAIL:
            scale = power_of_two((k - top) + (k_rest - top_rest))
            head, a = x[HEAD, i] * scale, matrix[HEAD, i, j]
            term, term_tail = two_product(head, a)
            term_tail += head * matrix[TAIL, i, j] + x[TAIL, i] * scale * a
            total, lost = two_sum(total, term)
            tail += lost + term_tail
    total, tail = two_sum(total, tail)
    product[HEAD, j], product[TAIL, j], k = settled(total, tail, 0.0)
    product[EXPONENT, j], product[REST, j] = sum_exponents(top, top_rest, k, 0.0)


@compiled
def run_products(rows: FloatArray, matrix: FloatArray, products: FloatArray) -> None:
    """Multiply rows of wide numbers, (n, 4, K), with a wide matrix, (4, K, K), and lose no digit of either part.

    The products may be the rows from the second on: then each is the one before it, a step on.
    """
    has_far_steps = has_far(matrix[EXPONENT].reshape(-1))
    for n in range(len(rows)):
        is_far = has_far_steps or has_far(rows[n, EXPONENT])
        for j in range(matrix.shape[2]):
            fill_product(rows[n], matrix, j, is_far, products[n])
