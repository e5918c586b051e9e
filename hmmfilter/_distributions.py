"""Rows that sum to 1, as learnt from counts: free entries, entries that are held, and entries that are one number."""

from __future__ import annotations

import math

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray


def most_likely(counts: FloatArray, before: FloatArray, groups: IntArray | None = None) -> FloatArray:
    """Maximise Σ counts log p over rows p that each sum to 1.

    Without groups all entries are free. Entries of one group are one number, those of group −1 stay as they are
    `before`. A row of which nothing is counted stays, too.
    """
    n, p = np.atleast_2d(counts), np.atleast_2d(before).copy()
    free = np.ones(n.shape, dtype=np.bool_) if groups is None else np.atleast_2d(groups) >= 0
    for row, total_of, is_free in zip(p, n, free, strict=True):
        _fill_row(row, total_of, is_free)
    rows: FloatArray = p.reshape(before.shape)
    return rows


def _fill_row(row: FloatArray, counts: FloatArray, is_free: BoolArray) -> None:
    """Share what the held entries leave among the others, as they are counted."""
    left = math.fsum([1.0, *(-row[~is_free])])
    _, exponent = np.frexp(counts[is_free].max(initial=0.0))
    shares = np.ldexp(counts[is_free], -exponent)  # whose sum fits into a double
    total = math.fsum(shares)
    if total > 0 and left > 0:
        row[is_free] = left * (shares / total)
