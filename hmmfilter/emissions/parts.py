"""Parameters in two parts, which together have twice the digits, and room for the kernels that take them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._kernels.amounts import log_of_any
from hmmfilter._kernels.densities import block_of


def parts_of(numbers: Iterable[Fraction]) -> FloatArray:
    """Numbers in two parts, (2, K)."""
    heads = [(number, float(number)) for number in numbers]
    parts = np.array([[head for _, head in heads], [float(number - Fraction(head)) for number, head in heads]])
    two: FloatArray = frozen(parts)
    return two


def log_parts_of(parts: FloatArray) -> FloatArray:
    """The logs of numbers in two parts, in two parts."""
    head, rest = log_of_any(parts[0])
    logs: FloatArray = frozen(np.array([head, rest + parts[1] / parts[0]]))
    return logs


def room_for(n_rows: int, n_columns: int) -> FloatArray:
    """Room for columns of a block."""
    return np.empty((n_columns, max(1, block_of(n_rows, n_columns))))
