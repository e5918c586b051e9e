"""What emissions of few outcomes have in common: a row of log-likelihoods for each, taken by its number."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._tiers import kernels
from hmmfilter.emissions.learning import ROWS, Observed, add_in_two_parts


def numbered(numbers: FloatArray, n_symbols: int) -> Observed:
    """Numbers of symbols, NaN where missing, and the same as short integers, the next one after all symbols there."""
    whole = np.where(np.isnan(numbers), n_symbols, numbers)
    return numbers, whole.astype(np.min_scalar_type(n_symbols))


def fill_rows(table_of: FloatArray, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
    """Fill in the row of each symbol, and the last one where it is missing."""
    np.take(table_of, observed[1][begin:end], axis=0, out=table, mode="wrap")  # which asks least of those there are


def add_rows(n_symbols: int, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
    """Add the weights of the rows of each symbol, to sums that have a row for each state."""
    n_block = max(ROWS, 8 * n_symbols)
    for first in range(begin, end, n_block):
        numbers = observed[1][first : min(first + n_block, end)].astype(np.int64)
        rows = weights[first - begin : first - begin + len(numbers)]
        tallies = np.zeros((n_symbols + 1, weights.shape[1]))
        kernels.add_tallies(frozen(numbers), frozen(rows), tallies)
        add_in_two_parts(tallies[:-1].T.reshape(-1), sums)


def rows_of(table: FloatArray, numbers: FloatArray) -> FloatArray:
    """The rows with these numbers, and the last one where they are missing."""
    n_missing = table.shape[-2] - 1
    rows: FloatArray = table.take(np.where(np.isnan(numbers), n_missing, numbers).astype(np.int64), axis=-2)
    return rows


def row_of(table: FloatArray, observation: Any) -> FloatArray | None:
    """The row with this number, or None where `rows_of` has to be asked."""
    number, n_missing = _checks.plain_number(observation), len(table) - 1
    if number is None or not (0 <= number < n_missing and number % 1 == 0):
        return None
    row: FloatArray = table[int(number)].copy()
    return row
