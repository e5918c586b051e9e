"""What normal distributions learn from: weighted moments about the means that there were.

Independent entries are cells of one dimension each, K D of them; vectors whose entries vary together make a cell of D
dimensions for each state. A cell has the sum of its weights, of its differences from the mean, and of their products.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._kernels.moments import room_for_moments
from hmmfilter._tiers import kernels
from hmmfilter.emissions.learning import add_in_two_parts


class Moments(NamedTuple):
    """Those of C cells of d dimensions; how often they count for a covariance may differ, as a prior adds to it."""

    weight: FloatArray  # (C,)
    first: FloatArray  # (C, d)
    second: FloatArray  # (C, d, d)
    of_covariance: FloatArray  # (C,)


def size_of(n_cells: int, n_dimensions: int) -> int:
    """How many numbers there are in a row: of a matrix, its lower triangle."""
    return n_cells * (1 + n_dimensions + n_dimensions * (n_dimensions + 1) // 2)


def unpacked(row: FloatArray, n_cells: int, n_dimensions: int) -> Moments:
    """Moments of a row of numbers, cell by cell, as kernels add them up."""
    cells = row.reshape(n_cells, -1)
    i, j = np.tril_indices(n_dimensions)
    second = np.empty((n_cells, n_dimensions, n_dimensions))
    second[:, i, j] = second[:, j, i] = cells[:, 1 + n_dimensions :]
    return Moments(cells[:, 0], cells[:, 1 : 1 + n_dimensions], second, cells[:, 0])


def packed(moments: Moments) -> FloatArray:
    """The row of numbers again."""
    i, j = np.tril_indices(moments.first.shape[1])
    return np.hstack([moments.weight[:, None], moments.first, moments.second[:, i, j]]).reshape(-1)


def add_complete(x: FloatArray, mean: FloatArray, weights: FloatArray, sums: FloatArray) -> None:
    """Add what vectors show that lack nothing."""
    kernels.add_joint(x, mean, _read_only(weights), room_for_moments(*x.shape), sums)


def add_entries(x: FloatArray, mean: FloatArray, weights: FloatArray, sums: FloatArray) -> None:
    """Add what entries of vectors show by themselves, those that are not missing."""
    kernels.add_independent(x, mean, _read_only(weights), room_for_moments(*x.shape), sums)


def add_with_gaps(
    x: FloatArray, patterns: IntArray, mean: FloatArray, covariance: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    """Add what vectors show that lack entries, those which lack the same at once; what lacks all shows nothing.

    What is missing is taken as it is expected given what is seen, and its covariance given that is added (Little and
    Rubin, "Statistical Analysis with Missing Data", 2nd edition (2002), section 11.2).
    """
    n_states = len(mean)
    for pattern in np.unique(patterns):
        rows = np.flatnonzero(patterns == pattern)
        is_seen = ~np.isnan(x[rows[0]])
        n_seen = int(np.count_nonzero(is_seen))
        if n_seen > 0:
            part = np.zeros((2, size_of(n_states, n_seen)))
            entries = np.ascontiguousarray(x[rows][:, is_seen])
            add_complete(frozen(entries), frozen(np.ascontiguousarray(mean[:, is_seen])), weights[rows], part)
            shown = unpacked(part.sum(axis=0), n_states, n_seen)
            add_in_two_parts(packed(completed(shown, covariance, is_seen)), sums)


def completed(shown: Moments, covariance: FloatArray, is_seen: BoolArray) -> Moments:
    """Moments of whole vectors, of those of the entries that are seen."""
    of_seen = covariance[:, is_seen]
    whole = np.linalg.solve(of_seen[:, :, is_seen], of_seen).transpose(0, 2, 1)  # what is expected, given what is seen
    whole[:, is_seen] = np.eye(len(shown.first[0]))
    left = covariance - whole @ of_seen
    left[:, is_seen], left[:, :, is_seen] = 0.0, 0.0
    first = (whole @ shown.first[:, :, None])[:, :, 0]
    second = whole @ shown.second @ whole.transpose(0, 2, 1) + shown.of_covariance[:, None, None] * left
    return Moments(shown.weight, first, second, shown.of_covariance)


def _read_only(weights: FloatArray) -> FloatArray:
    """A view, as machine code for what may be written to is another one."""
    view: FloatArray = frozen(np.ascontiguousarray(weights))
    return view


def typical(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean and the variance of each entry of vectors as far as they are seen; 0 and 1 where nothing is."""
    is_seen = ~np.isnan(x)
    n = np.maximum(is_seen.sum(axis=0), 1)
    mean = np.where(is_seen, x, 0.0).sum(axis=0) / n
    variance = np.square(np.where(is_seen, x - mean, 0.0)).sum(axis=0) / n
    return mean, np.where(variance > 0, variance, 1.0)
