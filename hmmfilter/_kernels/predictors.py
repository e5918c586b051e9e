"""Linear predictors, β₀ + Σ_c x_c β_c, as if computed in twice the digits.

What is left of a value when its predictor is taken away may be small against either: then the roundings of products and
sums would be all of it. They are added up beside these, each found without an error [1]_. As in `densities`, rows are
gone through block by block, and a row has the same bits in any company.

References
----------
.. [1] Ogita, Rump, Oishi, "Accurate sum and dot product", SIAM Journal on Scientific Computing 26 (2005),
   algorithm 5.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray

from .columns import each, where
from .compiling import compiled
from .densities import block_of

SPLITTER = 2.0**27 + 1.0  # of a double into halves whose products are exact
FAR = 1e290  # from where on halves do not fit into doubles


def room_for_predictors(n_rows: int, n_columns: int) -> FloatArray:
    """Room for each column of a design, and for sums in two parts."""
    return np.empty((n_columns + 2, block_of(n_rows, n_columns + 2)))


@compiled
def leading_half(x: Any) -> Any:
    """The first 26 bits of a number."""
    scaled = SPLITTER * x
    return scaled - (scaled - x)


@compiled
def product_lost(x: Any, y: float, product: Any) -> Any:
    """x y less its rounded product."""
    x_high, y_high = leading_half(x), leading_half(y)
    x_low, y_low = x - x_high, y - y_high
    return x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low)


@compiled
def fill_predictors(
    design: FloatArray, coefficients: FloatArray, room: FloatArray, head: FloatArray, rest: FloatArray
) -> None:
    """Σ_c x_c β_rc for each row x of a design, (T, P), and each row of coefficients, (R, P), in two parts, (T, R).

    The first column of the design is of ones.
    """
    n_block, n_columns = room.shape[1], design.shape[1]
    total, lost = room[n_columns], room[n_columns + 1]
    for begin in range(0, len(design), n_block):
        block = design[begin : begin + n_block]
        for c in range(1, n_columns):
            for t in each(0, len(block)):
                room[c, t] = block[t, c]
        for r in range(len(coefficients)):
            for t in each(0, len(block)):
                total[t] = coefficients[r, 0]
                lost[t] = 0.0
            for c in range(1, n_columns):
                beta = coefficients[r, c]
                for t in each(0, len(block)):
                    product = room[c, t] * beta
                    now = total[t] + product
                    share = now - total[t]
                    of_sum = (total[t] - (now - share)) + (product - share)
                    lost[t] += of_sum + product_lost(room[c, t], beta, product)
                    total[t] = now
            for t in each(0, len(block)):
                is_known = (abs(total[t]) < FAR) & (abs(lost[t]) < FAR)
                head[begin : begin + n_block][t, r] = total[t]
                rest[begin : begin + n_block][t, r] = where(is_known, lost[t], 0.0)
