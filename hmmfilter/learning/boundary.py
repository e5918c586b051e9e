"""Zeros that are optima, and entries near a bound that are none: what steps bring nearer to it, or away from it."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter.emissions.learning import HELD
from hmmfilter.learning.climbing import Point, point_at
from hmmfilter.learning.evidence import Model
from hmmfilter.learning.moving import rows_most_likely
from hmmfilter.learning.parameters import Part, Values, values_of
from hmmfilter.learning.problem import Problem, model_of

NEAR = 1e-2  # of a bound, for an entry that may be set to it
SHRINKING, GROWING = 1 - 1e-5, 1 + 1e-3  # what a step leaves of the distance of such an entry, at most, and at least
TOUCHING = 64.0  # units in the last place of a bound, between which nothing moves
LEVELS = (1e-2, 1e-4, 1e-6, 1e-8)  # to which entries are lifted, the first that is higher
SLACK = 1e-9  # of slopes, where a zero wants to stay


def at_bounds(problem: Problem, point: Point) -> Point | None:
    """The point where entries that come nearer and nearer to a bound are there; None where none does, or may.

    That must not lower the objective by more than rounding explains, and the slopes there must say that transitions
    want to stay at 0 (the condition of Karush, Kuhn and Tucker). Where not all may go, the nearest half is tried.
    """
    bounds = _bounds_nearby(problem, point, are_left=False)
    while _is_any(bounds):
        trial = _point_at_bounds(problem, point, bounds, 0.0)
        if trial is None or trial.objective < point.objective - point.resolution:
            bounds = _nearest_half(bounds, values_of(point.model))
            continue
        leaving = {name: wants & np.isfinite(bounds[name]) for name, wants in _leaving(problem, trial).items()}
        if not any(wants.any() for wants in leaving.values()):
            return trial
        for name, wants in leaving.items():
            bounds[name][wants] = np.nan
    return None


def off_bounds(problem: Problem, point: Point) -> Point | None:
    """The point where entries near a bound that steps lead away from are farther; None where that is not higher.

    So are transitions at 0 that would rather not be. Steps multiply what is left of a distance, and
    would take very long from where a leap, or steps before others came to their place, have brought such an entry.
    """
    bounds = _bounds_nearby(problem, point, are_left=True)
    for name, wants in _leaving(problem, point).items():
        bounds[name][wants] = 0.0
    values = values_of(point.model)
    distances = {
        name: distance / problem.by_name[name].unit(values[name])
        for name, distance in _distances(bounds, values).items()
    }
    for level in LEVELS:
        far = {name: np.where(distances[name] < level / 2, bounds[name], np.nan) for name in bounds}
        if not _is_any(far):
            return None
        trial = _point_at_bounds(problem, point, far, level)
        if trial is not None and trial.objective > point.objective + point.resolution:
            return trial
    return None


def reached(problem: Problem, model: Model) -> dict[str, BoolArray]:
    """Which entries of each parameter have come to a bound."""
    values = values_of(model)
    return {part.name: part.at_bound(values[part.name]) for part in problem.parts if part.name in values}


def _bounds_nearby(problem: Problem, point: Point, are_left: bool) -> Values:
    """The bound that each entry comes nearer and nearer to, or that it leaves; NaN for all others.

    Steps of rates end where nothing is to be gained: of these, slopes say where they would go.
    """
    values, ahead = values_of(point.model), values_of(point.ahead)
    for part in problem.parts:
        if part.are_rates:
            slopes = problem.slopes(point.model, point.expectations)[part.name]
            ahead[part.name] = np.where(slopes < 0, 0.0, 2.0) * values[part.name]
    return {
        part.name: _bound_nearby(part, values[part.name], ahead[part.name], are_left)
        for part in problem.parts
        if part.name in values
    }


def _bound_nearby(part: Part, values: FloatArray, ahead: FloatArray, is_left: bool) -> FloatArray:
    bounds = np.full(values.shape, np.nan)
    for bound in part.bounds:
        if np.isfinite(bound):
            distance, distance_ahead = np.abs(values - bound), np.abs(ahead - bound)
            near = NEAR * part.unit(values)
            touches = distance <= TOUCHING * np.spacing(np.abs(bound))
            comes_nearer = touches | (distance_ahead < SHRINKING * distance)
            moves = distance_ahead > GROWING * distance if is_left else comes_nearer
            bounds[part.is_free(values) & (distance < near) & moves] = bound
    return bounds


def _distances(bounds: Values, values: Values) -> Values:
    return {name: np.abs(values[name] - chosen) for name, chosen in bounds.items()}


def _is_any(bounds: Values) -> bool:
    return any(np.isfinite(chosen).any() for chosen in bounds.values())


def _point_at_bounds(problem: Problem, point: Point, bounds: Values, distance: float) -> Point | None:
    """The point where such entries are at their bounds, or at a distance; None where there is no such model."""
    values = values_of(point.model)
    for name, chosen in bounds.items():
        part, is_chosen = problem.by_name[name], np.isfinite(chosen)
        inside = np.where(chosen == part.bounds[0], distance, -distance) * part.unit(values[name])
        there = np.where(is_chosen, chosen + inside, values[name])
        if part.are_rows:
            there = rows_most_likely(values[name], there, np.where(is_chosen, HELD, part.groups))
        values[name] = there
    try:
        return point_at(problem, model_of(point.model, values, problem.is_stationary))
    except ValueError:  # as of a chain that would settle nowhere
        return None


def _leaving(problem: Problem, point: Point) -> dict[str, BoolArray]:
    """Which transitions, or rates of them, at 0 would rather not be."""
    slopes, values = problem.slopes(point.model, point.expectations), values_of(point.model)
    wants_up = {}
    for part in problem.parts:
        if part.is_of_chain and (part.are_rows or part.are_rates):
            own, value = slopes[part.name], values[part.name]
            size = np.abs(np.where(value > 0, own, 0.0) * value).sum(axis=-1, keepdims=True)
            wants_up[part.name] = part.at_bound(value) & (part.uncommon(own, value) * part.unit(value) > SLACK * size)
    return wants_up


def _nearest_half(bounds: Values, values: Values) -> Values:
    """Those of the entries that are nearest to their bounds, half as many."""
    distances = _distances(bounds, values)
    known = np.sort(np.concatenate([each[np.isfinite(each)] for each in distances.values()]))
    nearer = known[known < known[-1]]
    farthest = nearer[min(len(known) // 2, len(nearer)) - 1] if len(nearer) > 0 else -1.0
    return {name: np.where(distances[name] <= farthest, chosen, np.nan) for name, chosen in bounds.items()}
