"""Rows that sum to 1, as learnt from counts: free entries, entries that are held, and entries that are one number.

References
----------
.. [1] Boyd and Vandenberghe, "Convex Optimization" (2004), chapter 11.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray

FARTHEST = 50.0  # the factor by which a product of a number and its slack may change in a step
SHARE = 0.95  # of the way to where a number or its slack would be 0
IS_NEAR, IS_NOTHING = 1e-6, 1e-14  # when products are near the counts, relatively; and near 0
LEAST = 1e-300  # of numbers, and of slacks, on their way to 0, which they may not come to
TRACE_OF_MOVES = 1e-100  # of a move that is learnt: nothing, and would take exact recursions
MOST_STEPS = 400  # some 30 are taken; where counts span all doubles, 200


def most_likely(counts: FloatArray, before: FloatArray, groups: IntArray | None = None) -> FloatArray:
    """Maximise Σ counts log p over rows p that each sum to 1.

    Without groups all entries are free. Entries of one group are one number, those of group −1 stay as they are
    `before`, and so does what no counts decide: a row of which nothing is counted, or zeros of rows that share numbers.
    """
    n, p = np.atleast_2d(counts), np.atleast_2d(before)
    if groups is None:
        filled = _shares(n, p, np.ones(n.shape, dtype=np.bool_))
    else:
        group_of = np.atleast_2d(groups)
        means, are_shared = _pooled(n, group_of)
        filled = _shares(means, p, group_of >= 0)
        if are_shared.any():
            filled[are_shared] = _shared_rows(means[are_shared], p[are_shared], group_of[are_shared])
    rows: FloatArray = filled.reshape(before.shape)
    return rows


def without_traces(probabilities: FloatArray, groups: IntArray, trace: float = TRACE_OF_MOVES) -> FloatArray:
    """Probabilities of which those that are learnt to be next to nothing are 0, which the objective does not notice."""
    kept: FloatArray = np.where((groups >= 0) & (probabilities < trace), 0.0, probabilities)
    return kept


def _shares(counts: FloatArray, before: FloatArray, free: BoolArray) -> FloatArray:
    """Rows in which the free entries share what the others leave, as they are counted."""
    counted = np.where(free, counts, 0.0)
    _, exponents = np.frexp(counted.max(axis=1))
    counted = np.ldexp(counted, -exponents[:, np.newaxis])  # the sums of which fit into doubles
    totals, left = _sums(counted), np.ones(len(counts))
    if not free.all():
        left = _sums(np.column_stack([left, -np.where(free, 0.0, before)]))
    is_decided = (totals > 0) & (left > 0)
    shares = counted / np.where(is_decided, totals, 1.0)[:, np.newaxis]
    return np.where(free & is_decided[:, np.newaxis], left[:, np.newaxis] * shares, before)


def _sums(rows: FloatArray) -> FloatArray:
    """The sum of each row, rounded once."""
    return np.array(list(map(math.fsum, rows.tolist())))


def _pooled(counts: FloatArray, group_of: IntArray) -> tuple[FloatArray, BoolArray]:
    """The mean counts of each entry's group, and which rows have a number in common with another one."""
    free = group_of >= 0
    names, numbers = np.unique(group_of[free], return_inverse=True)
    sizes = np.bincount(numbers)
    means = np.zeros(counts.shape)
    means[free] = (np.bincount(numbers, weights=counts[free]) / sizes)[numbers]
    row_of = np.nonzero(free)[0]
    first, last = np.full(len(names), len(counts)), np.zeros(len(names), dtype=np.int64)
    np.minimum.at(first, numbers, row_of)
    np.maximum.at(last, numbers, row_of)
    are_shared = np.zeros(len(counts), dtype=np.bool_)
    are_shared[row_of[(first < last)[numbers]]] = True
    return means, are_shared


def _shared_rows(means: FloatArray, before: FloatArray, group_of: IntArray) -> FloatArray:
    """Rows that have numbers in common."""
    is_number = (group_of >= 0) & (before > 0)
    left = _sums(np.column_stack([np.ones(len(before)), -np.where(is_number, 0.0, before)]))
    if not (means[is_number] > 0).any() or (left <= 0).any():
        return before
    _, firsts, numbers = np.unique(group_of[is_number], return_index=True, return_inverse=True)
    incidence = np.zeros((len(before), len(firsts)))
    np.add.at(incidence, (np.nonzero(is_number)[0], numbers), 1.0)
    n = means[is_number][firsts] * incidence.sum(axis=0)
    n = n / n.max()
    p, slack, multipliers = _near_maximum(incidence, left, n, before[is_number][firsts])
    rows = before.copy()

    def lacking(p: FloatArray) -> FloatArray:
        """What the rows lack of 1, to the last digit."""
        rows[is_number] = p[numbers]
        return _sums(np.column_stack([np.ones(len(rows)), -rows]))

    n = np.where(slack < IS_NOTHING, 0.0, n)  # beside which the counts of other rows are nothing
    is_zero = (n == 0) & (p < slack)
    while True:
        p = _maximum(incidence, lacking, n, np.where(is_zero, 0.0, p), multipliers)
        if (p >= 0).all():
            break
        is_zero |= p < 0
    rows[is_number] = p[numbers]
    filled: FloatArray = rows
    return filled


def _near_maximum(
    incidence: FloatArray, left: FloatArray, n: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Numbers p near the maximum of Σ n log p, how far they are from 0 by their slacks, and multipliers λ.

    C says how often each number is in each row, and C p is what is left for them. At the maximum p_g s_g = n_g, where
    s = Cᵀ λ, also where n is 0: p or s is. Both stay above 0, and Newton's steps go to products that differ by a
    bounded factor from those before: an interior-point method [1]_.
    """
    p, multipliers = np.maximum(start, LEAST), incidence @ n / left
    multipliers[multipliers == 0] = multipliers.max()
    slack, n_left = np.maximum(incidence.T @ multipliers, LEAST), MOST_STEPS
    scale, tolerance = slack, np.where(n > 0, IS_NEAR * n, IS_NOTHING * slack)
    while (np.abs(p * slack - n) > tolerance).any() and n_left > 0:
        product = p * slack
        target = np.clip(n, product / FARTHEST, product * FARTHEST)
        change = _solved((incidence * (p / slack)) @ incidence.T, incidence @ (target / slack) - left)
        slack_change = incidence.T @ change
        p_change = (target - product - p * slack_change) / slack
        lowest = min((p_change / p).min(), (slack_change / slack).min())
        share = min(1.0, SHARE / max(-lowest, SHARE))
        p, slack, multipliers = p + share * p_change, slack + share * slack_change, multipliers + share * change
        p, slack = np.maximum(p, LEAST), np.maximum(slack, LEAST)
        n_left -= 1
    return p, slack / scale, multipliers


def _maximum(
    incidence: FloatArray,
    lacking: Callable[[FloatArray], FloatArray],
    n: FloatArray,
    p: FloatArray,
    multipliers: FloatArray,
) -> FloatArray:
    """The same to the last digit, by Newton's method, where it is known which numbers without counts are 0."""
    are_counted, are_rest = n > 0, (n == 0) & (p > 0)
    counted, rest = incidence[:, are_counted], incidence[:, are_rest]
    n_rows, n_rest = rest.shape
    best, least = p, np.inf
    while True:
        slack = counted.T @ multipliers
        p = p.copy()
        p[are_counted] = n[are_counted] / slack
        lacks = lacking(p)
        if (error := float(np.abs(lacks).max())) >= least:
            return best
        slopes = p[are_counted] / slack
        system = np.block([[(counted * slopes) @ counted.T, -rest], [-rest.T, np.zeros((n_rest, n_rest))]])
        change = _solved(system, np.concatenate([-lacks, rest.T @ multipliers]))
        multipliers = multipliers + change[:n_rows]
        p[are_counted] -= slopes * (counted.T @ change[:n_rows])
        p[are_rest] += change[n_rows:]
        best, least = p, error


def _solved(system: FloatArray, right: FloatArray) -> FloatArray:
    """Solve symmetric equations of any scales, of which some may follow from others."""
    scale = np.sqrt(np.abs(np.diag(system)))
    scale[scale == 0] = 1.0
    solution: FloatArray = np.linalg.lstsq(system / np.outer(scale, scale), right / scale, rcond=None)[0] / scale
    return solution
