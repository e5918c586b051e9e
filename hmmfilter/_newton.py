"""Linear models: designs, coefficients of which some are held or one number, and Newton's method for the best ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray

Rows = IntArray | slice  # all of them are not copied
Curvature = Callable[[int, int], FloatArray]  # by two of the predictors, (S, n)

DEPENDENT = 1e-13  # of the largest information in any direction: what says less of a direction says nothing
FARTHEST = 4.0  # that a step may go, in what `Height.reach` measures; from farther out, half of where it is
MOST_STEPS, MOST_HALVES = 200, 60
ENOUGH = 1e-4  # of the rise that slopes promise, for a step to be taken
UNSETTLED = 0.1  # how far a next step leads that has nothing to gain, and ever another one after it
SHARPENING = 4.0  # by which slopes fall with each step that is taken to sharpen the last digits
EPSILON = float(np.finfo(float).eps)
LEAST = EPSILON**2  # information in a direction in which there is 1 to be had
NOTHING = 4 * EPSILON  # of the size of a sum, for it to have changed


class Terms(NamedTuple):
    """What S sources say of n rows, by J linear predictors of each: sums, and derivatives by the predictors."""

    height: float  # Σ w log p
    size: float  # the same without signs
    excess: FloatArray  # (S, n, J), its derivatives
    curvature: Curvature  # minus its second derivatives


class Law(Protocol):
    """What Σ w log p is by predictors; concave."""

    is_quadratic: bool  # so that one step leads to the top

    def at(self, moves: FloatArray) -> Terms:
        """Where predictors have moved by so much, (S, n, J), from those of the coefficients there were."""
        ...

    @property
    def plain(self) -> Curvature:
        """The curvature at predictors of 0."""
        ...


class Found(NamedTuple):
    """The most probable coefficients of S sources, and of which sources there are none.

    Where covariates tell without an error whether an outcome comes, coefficients would be infinite. They then end where
    rounding hides what is left to gain.
    """

    coefficients: FloatArray  # (S, J, P)
    are_endless: BoolArray  # (S,)


class Height(NamedTuple):
    """A function at a point, the size of its terms, and its first and second derivatives, the latter negated."""

    height: float
    size: float
    slopes: FloatArray  # (m,)
    information: FloatArray  # (m, m)


class Summit(NamedTuple):
    """Where a climb ends, and the step that might come next, next to nothing unless there is no maximum."""

    steps: FloatArray  # (m,)
    next: FloatArray  # (m,)


def with_ones(covariates: FloatArray) -> FloatArray:
    """The design: covariates, (n, C), behind a column of ones, (n, C + 1)."""
    return np.column_stack([np.ones(len(covariates)), covariates])


def linear(design: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Σ_c x_c β_c of each row, (n, ...), by coefficients (..., P); a row has the same bits whatever is beside it."""
    total = np.zeros((len(design), *coefficients.shape[:-1]))
    for x, beta in zip(design.T, np.moveaxis(coefficients, -1, 0), strict=True):
        total += np.multiply.outer(x, beta)
    return total


def centred(design: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Covariates about their means, in units of their deviations, and how coefficients turn into theirs, and back.

    Far from 0 they are next to the column of ones, and sums of their products would cancel.
    """
    shares = weights / weights.sum()
    means = shares @ design[:, 1:]
    off = design[:, 1:] - means
    spreads = np.sqrt(shares @ np.square(off))
    spreads = np.where(spreads > 0, spreads, 1.0)
    there, back = np.eye(design.shape[1]), np.eye(design.shape[1])
    there[0, 1:], there[1:, 1:] = means, np.diag(spreads)
    back[0, 1:], back[1:, 1:] = -means / spreads, np.diag(1 / spreads)
    return with_ones(off / spreads), there, back


def _tying(groups: IntArray) -> FloatArray:
    """How entries in a row follow free numbers, (n, free): those of a group are one, −1 where held."""
    free = groups.reshape(-1)
    return np.asarray(free[:, None] == np.unique(free[free >= 0]), dtype=np.float64)


def _settled(values: FloatArray, before: FloatArray, groups: IntArray) -> FloatArray:
    """The same with held entries as before, and those of a group the same to the bit."""
    after = np.where(groups < 0, before, values).reshape(-1)
    numbers, number_of = np.unique(groups.reshape(-1), return_inverse=True)
    first = np.full(len(numbers), groups.size)
    np.minimum.at(first, number_of, np.arange(groups.size))
    same: FloatArray = np.where(groups < 0, after.reshape(groups.shape), after[first][number_of].reshape(groups.shape))
    return same


def best(
    design: FloatArray,
    weights: FloatArray,
    coefficients: FloatArray,
    groups: IntArray,
    law_of: Callable[[IntArray, Rows], Law],
) -> Found:
    """Maximise Σ w log p over the coefficients of linear predictors, from those that there are.

    Parameters
    ----------
    design : ndarray, (n, P)
        What is known of each row; the first column is of ones.
    weights : ndarray, (S, n)
        How often a row counts for each source.
    coefficients : ndarray, (S, J, P)
        Where to begin.
    groups : ndarray of int, (S, J, P)
        Which of them are one number, −1 where one is held.
    law_of : callable
        The law of some sources at some rows.

    Returns
    -------
    Found
        What nothing is known of stays as it is: sources without weights, directions without covariates.
    """
    numbers = [set(np.unique(group[group >= 0]).tolist()) for group in groups]
    are_apart = len(set().union(*numbers)) == sum(map(len, numbers))
    together = [np.array([s]) for s in range(len(groups))] if are_apart else [np.arange(len(groups))]
    found, are_endless = coefficients.copy(), np.zeros(len(groups), dtype=np.bool_)
    for sources in together:
        counts = weights[sources].sum(axis=0) > 0
        rows = slice(None) if counts.all() else np.flatnonzero(counts)
        if counts.any() and (groups[sources] >= 0).any():
            given = design[rows], weights[sources][:, rows], coefficients[sources], groups[sources]
            found[sources], are_endless[sources] = _best(*given, law_of(sources, rows))
    return Found(found, are_endless)


def _best(design: FloatArray, weights: FloatArray, coefficients: FloatArray, groups: IntArray, law: Law) -> Found:
    """The same of sources that share numbers."""
    x, there, back = centred(design, weights.sum(axis=0))
    ways = (there @ _tying(groups).reshape(*groups.shape, -1)).reshape(groups.size, -1)
    ways = _known_directions(ways, lambda across: _information(x, law.plain, across, groups.shape))

    def coefficients_at(steps: FloatArray) -> FloatArray:
        return (ways @ steps).reshape(groups.shape)

    def moved(steps: FloatArray) -> FloatArray:
        return np.swapaxes(coefficients_at(steps) @ x.T, 1, 2)

    def reached(steps: FloatArray) -> FloatArray:
        if not steps.any():
            return np.zeros(len(groups))
        farthest = np.abs(coefficients_at(steps) @ x.T).max(axis=1)
        return np.asarray(np.where(weights > 0, farthest, 0.0).max(axis=1))

    def at(steps: FloatArray) -> Height:
        terms = law.at(moved(steps))
        with np.errstate(over="ignore", invalid="ignore"):  # as of a step too far
            slopes = ways.T @ (np.swapaxes(terms.excess, 1, 2) @ x).reshape(-1)
            return Height(terms.height, terms.size, slopes, _information(x, terms.curvature, ways, groups.shape))

    nowhere = np.zeros(ways.shape[1])
    if law.is_quadratic:
        summit = Summit(_step(at(nowhere)), nowhere)
    else:
        summit = climbed(at, lambda steps: float(reached(steps).max()), nowhere)
    after = coefficients + coefficients_at(summit.steps) @ back.T
    return Found(_settled(after, coefficients, groups), reached(summit.next) > UNSETTLED)


def _information(x: FloatArray, curvature: Curvature, ways: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Minus the second derivatives along ways of (S, J, P) coefficients: Σ_s Σ_jl waysᵀ (Σ curvature x xᵀ) ways."""
    by_entry = ways.reshape(*shape, -1)
    total = np.zeros((ways.shape[1], ways.shape[1]))
    for j, other in itertools.combinations_with_replacement(range(shape[1]), 2):
        for weight, way in zip(curvature(j, other), by_entry, strict=True):
            part = way[j].T @ ((x.T * weight) @ x) @ way[other]
            total += part if j == other else part + part.T
    return total


def _known_directions(ways: FloatArray, information: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Directions among ways, (n, m), of which something is known, such that the information is 1 along each."""
    sizes = np.sqrt(np.square(ways).sum(axis=0))
    across, _ = np.linalg.qr(ways / np.where(sizes > 0, sizes, 1.0))
    known = information(across)
    scale = np.sqrt(np.diag(known))
    scale = np.where(scale > 0, scale, np.inf)
    shares, directions = np.linalg.eigh(known / np.outer(scale, scale))
    is_known = shares > DEPENDENT * max(1.0, float(shares.max(initial=0.0)))
    best: FloatArray = (across / scale) @ (directions[:, is_known] / np.sqrt(shares[is_known]))
    return best


def climbed(at: Callable[[FloatArray], Height], reach: Callable[[FloatArray], float], steps: FloatArray) -> Summit:
    """Climb a concave function, in steps that are scaled so that information is about 1 in each direction.

    `reach` says how far a step, or all steps, move what the function depends on. The function never falls.
    """
    here = at(steps)
    for _ in range(MOST_STEPS):
        step = _step(here)
        if here.slopes @ step <= NOTHING * here.size:
            break
        farthest = FARTHEST + reach(steps) / 2
        step *= min(1.0, farthest / max(reach(step), farthest))
        there = _higher(at, steps, step, here)
        if there is None:
            break
        steps, here = there
    return _sharpened(at, steps, here)


def _higher(
    at: Callable[[FloatArray], Height], steps: FloatArray, step: FloatArray, here: Height
) -> tuple[FloatArray, Height] | None:
    """Where a step, or a half of it, or a quarter, leads that is higher."""
    for share in 0.5 ** np.arange(MOST_HALVES):
        there = at(steps + share * step)
        if there.height >= here.height + ENOUGH * share * float(here.slopes @ step):
            return steps + share * step, there
    return None


def _step(here: Height) -> FloatArray:
    """Newton's step, also where there is next to no information."""
    curvatures, directions = np.linalg.eigh(here.information)
    step: FloatArray = directions @ ((directions.T @ here.slopes) / np.maximum(curvatures, LEAST))
    return step


def _sharpened(at: Callable[[FloatArray], Height], steps: FloatArray, here: Height) -> Summit:
    """A few steps more, as long as slopes fall, which say more of the last digits than heights."""
    last = _step(here)
    while True:
        there = at(steps + last)
        further = _step(there)
        falls = SHARPENING * float(there.slopes @ further) < float(here.slopes @ last)
        if not falls or there.height < here.height - NOTHING * here.size:
            return Summit(steps, last)
        steps, here, last = steps + last, there, further
