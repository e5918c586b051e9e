"""Linear models: designs, coefficients of which some are held or one number, and Newton's method for the best ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

DEPENDENT = 1e-13  # of the largest information in any direction: what says less of a direction says nothing
FARTHEST = 4.0  # that a step may go, in what `Height.reach` measures; from farther out, half of where it is
MOST_STEPS, MOST_HALVES = 200, 60
ENOUGH = 1e-4  # of the rise that slopes promise, for a step to be taken
UNSETTLED = 0.1  # what a last step may be that has nothing to gain, and leads ever on
SHARPENING = 4.0  # by which slopes fall with each step that is taken to sharpen the last digits
EPSILON = float(np.finfo(float).eps)
LEAST = EPSILON**2  # information in a direction in which there is 1 to be had
NOTHING = 4 * EPSILON  # of the size of a sum, for it to have changed


class Height(NamedTuple):
    """A function at a point: its terms' sum and size, and its first and second derivatives, the latter negated."""

    height: float
    size: float  # what the terms sum up to without their signs
    slopes: FloatArray  # (n,)
    information: FloatArray  # (n, n)


class Summit(NamedTuple):
    """Where a climb ends, and the last step that it might have taken, next to nothing unless there is no maximum."""

    steps: FloatArray  # (n,), from where it began
    last: FloatArray  # (n,)


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


def tying(groups: IntArray) -> FloatArray:
    """How entries in a row follow free numbers, (n, free): those of a group are one, −1 where held."""
    free = groups.reshape(-1)
    return np.asarray(free[:, None] == np.unique(free[free >= 0]), dtype=np.float64)


def settled(values: FloatArray, before: FloatArray, groups: IntArray) -> FloatArray:
    """The same with held entries as before, and those of a group the same to the bit."""
    after = np.where(groups < 0, before, values).reshape(-1)
    numbers, number_of = np.unique(groups.reshape(-1), return_inverse=True)
    first = np.full(len(numbers), groups.size)
    np.minimum.at(first, number_of, np.arange(groups.size))
    same: FloatArray = np.where(groups < 0, after.reshape(groups.shape), after[first][number_of].reshape(groups.shape))
    return same


def known_directions(ways: FloatArray, information: Callable[[FloatArray], FloatArray]) -> FloatArray:
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


def climbed(at: Callable[[FloatArray], Height], reach: Callable[[FloatArray], float], n: int) -> Summit:
    """Climb a concave function from 0, in steps that are scaled so that information is about 1 in each direction.

    `reach` says how far a step, or all steps, move what the function depends on. The function never falls.
    """
    steps = np.zeros(n)
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
    for _ in range(MOST_HALVES):
        there = at(steps + last)
        further = _step(there)
        falls = SHARPENING * float(there.slopes @ further) < float(here.slopes @ last)
        if not falls or there.height < here.height - NOTHING * here.size:
            break
        steps, here, last = steps + last, there, further
    return Summit(steps, last)
