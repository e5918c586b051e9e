"""The most probable means and covariances for moments of cells, where entries may be held, or be one number.

First the means, given the covariances that there were, and then the covariances, given these means: where the two
depend on each other (a mean that states of different variances share), neither step lowers the probability [1]_.

References
----------
.. [1] Meng and Rubin, "Maximum likelihood estimation via the ECM algorithm", Biometrika 80 (1993).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter.emissions.gaussian_moments import Moments
from hmmfilter.emissions.gaussian_structures import structured
from hmmfilter.emissions.learning import HELD

EPSILON = float(np.finfo(float).eps)
TINY = float(np.finfo(float).tiny)
LAST_DIGITS = 4.0  # of a number, in units of ε: how far numbers may be apart that are the same but for rounding
ROUNDINGS = 8.0  # of the sums of which a covariance is made: it is uncertain by so many ε for each dimension
FAR = 64.0 * EPSILON  # of squares about the old mean: a variance that is less has lost its digits
NEAR = 4.0  # variances, of these squares: what means lose that have moved by less does not count


class Cells(NamedTuple):
    """Normal distributions of d dimensions, C of them, and which of their numbers are one; −1 where held."""

    mean: FloatArray  # (C, d)
    covariance: FloatArray  # (C, d, d)
    mean_groups: IntArray  # (C, d)
    covariance_groups: IntArray  # (C, d, d), symmetric
    n_states: int


def most_probable(cells: Cells, moments: Moments) -> tuple[FloatArray, FloatArray]:
    """Means, (C, d), and covariances, (C, d, d)."""
    mean, shift = _means(cells, moments)
    half = moments.first - 0.5 * moments.weight[:, None] * shift
    scatter = moments.second - _outer(shift, half) - _outer(half, shift)
    return mean, _covariances(cells, moments, 0.5 * (scatter + scatter.transpose(0, 2, 1)), mean)


def _outer(x: FloatArray, y: FloatArray) -> FloatArray:
    products: FloatArray = np.einsum("ci, cj -> cij", x, y)
    return products


def _means(cells: Cells, moments: Moments) -> tuple[FloatArray, FloatArray]:
    """Means, and by how much they move: by Z θ, which leaves tied entries alike, Σ_k Zᵀ (W_k Λ_k Z θ − Λ_k m_k) = 0."""
    groups, weight = cells.mean_groups, moments.weight
    known = weight > TINY
    numbers, first_of = np.unique(groups, return_index=True)
    if len(numbers) == groups.size and numbers[0] != HELD:
        shift = np.where(known[:, None], moments.first / np.where(known, weight, 1.0)[:, None], 0.0)
        return cells.mean + shift, shift
    numbers, first_of = numbers[numbers != HELD], first_of[numbers != HELD]
    tying = (groups[:, :, None] == numbers).astype(np.float64)  # (C, d, G)
    precision = np.linalg.inv(cells.covariance)
    pulled = np.where(known[:, None, None], precision @ moments.first[:, :, None], 0.0)[:, :, 0]
    weighed = np.where(known, weight, 0.0)[:, None, None] * precision
    equations = np.einsum("cig, cij, cjh -> gh", tying, weighed, tying)
    equations += np.diag(np.where(np.diag(equations) == 0, 1.0, 0.0))  # of what was not seen, which stays
    steps = np.linalg.solve(equations, np.einsum("cig, ci -> g", tying, pulled))
    after = cells.mean.reshape(-1)[first_of] + steps  # one number for all of a group
    mean = np.where(groups == HELD, cells.mean, tying @ after)
    return mean, mean - cells.mean


class _Shared(NamedTuple):
    """What cells show together whose covariances are one, M kinds of them."""

    covariance: FloatArray  # (M, d, d), scatter over weights
    before: FloatArray  # (M, d), the same about the old means, of each entry
    size: FloatArray  # (M, d), how large observations are
    heaviest: IntArray  # (M,), the cell that counts most


def _covariances(cells: Cells, moments: Moments, scatter: FloatArray, mean: FloatArray) -> FloatArray:
    """Scatter over weights, of all cells together whose covariances are one; of other structures step by step."""
    kind_of, is_whole, is_held = _kinds(cells.covariance_groups.tobytes(), *mean.shape)
    weight = np.bincount(kind_of, weights=moments.of_covariance, minlength=len(is_whole))
    learnt = np.flatnonzero(is_whole & (weight > TINY))
    shared = _together(kind_of, moments, scatter, mean, np.where(weight > TINY, weight, 1.0))
    shared = _Shared(shared.covariance[learnt], shared.before[learnt], shared.size[learnt], shared.heaviest[learnt])
    is_known = _are_known(shared, cells)
    covariance: FloatArray = cells.covariance.copy()
    place = np.full(len(is_whole), -1)
    place[learnt[is_known]] = np.flatnonzero(is_known)
    found = place[kind_of] >= 0
    covariance[found] = shared.covariance[place[kind_of][found]]
    rest = np.flatnonzero(~(is_whole | is_held)[kind_of] & (moments.of_covariance > TINY))
    if len(rest) > 0:
        groups = cells.covariance_groups[rest]
        covariance[rest] = structured(covariance[rest], scatter[rest], moments.of_covariance[rest], groups)
        variance = np.diagonal(covariance[rest], axis1=1, axis2=2)
        _are_known(_Shared(covariance[rest], variance, np.abs(mean[rest]), rest), cells)  # or else collapse
    return covariance


@lru_cache(16)
def _kinds(groups: bytes, n_cells: int, n: int) -> tuple[IntArray, BoolArray, BoolArray]:
    """Of which kind each cell is, by (C, d, d) groups; which kinds have a matrix of their own, and which are held."""
    rows, kind_of = np.unique(np.frombuffer(groups, dtype=np.int64).reshape(n_cells, -1), axis=0, return_inverse=True)
    lower = rows[:, np.flatnonzero(np.tril(np.ones((n, n))))]
    _, number_of, counts = np.unique(lower, return_inverse=True, return_counts=True)
    is_whole = ((lower != HELD) & (counts[number_of.reshape(lower.shape)] == 1)).all(axis=1)
    return kind_of.reshape(-1), is_whole, (lower == HELD).all(axis=1)


def _together(
    kind_of: IntArray, moments: Moments, scatter: FloatArray, mean: FloatArray, weight: FloatArray
) -> _Shared:
    """Scatter over weights, and the like, of all cells of each kind; cells of one state come one after the other."""
    n_kinds, n = len(weight), mean.shape[1]
    total, before, size = np.zeros((n_kinds, n, n)), np.zeros((n_kinds, n)), np.zeros((n_kinds, n))
    np.add.at(total, kind_of, scatter)
    np.add.at(before, kind_of, np.diagonal(moments.second, axis1=1, axis2=2))
    np.maximum.at(size, kind_of, np.abs(mean))
    heaviest = np.zeros(n_kinds, dtype=np.int64)
    by_weight = np.argsort(-moments.weight, kind="stable")[::-1]  # of equal ones the first comes last
    heaviest[kind_of[by_weight]] = by_weight
    return _Shared(total / weight[:, None, None], before / weight[:, None], size, heaviest)


def _are_known(shared: _Shared, cells: Cells) -> BoolArray:
    """Which covariances are known; where the mean came from afar, they can wait until sums are about the new one.

    A state collapses where what its covariance says of some direction is nothing but rounding: of the observations,
    which are known to some ε |x|, or of sums, which are to some ε Σ_dd for each dimension. Directions are told in
    entries that are divided by their standard deviations, so that it does not matter in which unit each is measured.
    """
    variance = np.diagonal(shared.covariance, axis1=1, axis2=2)
    resolved = (LAST_DIGITS * EPSILON * shared.size) ** 2 + TINY
    is_far: BoolArray = np.any((variance < FAR * shared.before) & (shared.before > resolved), axis=1)
    width = len(cells.mean) // cells.n_states  # how many cells a state has
    n = variance.shape[1]
    for m, d in np.argwhere((variance <= resolved) & ~is_far[:, None])[:1]:
        state, entry = divmod(int(shared.heaviest[m]), width)
        _checks.refuse_collapse(state, np.eye(max(n, width))[max(d, entry)])
    which = np.flatnonzero(~is_far)
    if n > 1 and len(which) > 0:
        deviation = np.sqrt(variance[which])
        spreads, directions = np.linalg.eigh(shared.covariance[which] / _outer(deviation, deviation))
        of_data = np.einsum("mde, md -> me", np.abs(directions), shared.size[which] / deviation)
        loss = (shared.before[which] / variance[which]).max(axis=1)
        of_sums = ROUNDINGS * n * EPSILON * np.maximum(loss, 1.0)
        is_lost = spreads <= np.maximum(of_sums[:, None], (LAST_DIGITS * EPSILON * of_data) ** 2)
        for m, e in np.argwhere(is_lost & (loss <= NEAR)[:, None])[:1]:
            direction = directions[m, :, e] / deviation[m]
            _checks.refuse_collapse(int(shared.heaviest[which[m]]), direction / np.linalg.norm(direction))
        is_far[which] = is_lost.any(axis=1)
    return np.logical_not(is_far)


def slopes(cells: Cells, moments: Moments) -> tuple[FloatArray, FloatArray]:
    """The derivatives with respect to means, (C, d), and covariances, (C, d, d).

    They are Λ Σ w (x − μ), and ½ Λ (Σ w (x − μ) (x − μ)ᵀ − W Σ) Λ, of which each entry below the diagonal counts
    twice, as it stands in two places.
    """
    precision = np.linalg.inv(cells.covariance)
    of_mean = (precision @ moments.first[:, :, None])[:, :, 0]
    excess = moments.second - moments.of_covariance[:, None, None] * cells.covariance
    of_covariance = 0.5 * precision @ excess @ precision
    return of_mean, of_covariance * (2.0 - np.eye(of_mean.shape[1]))
