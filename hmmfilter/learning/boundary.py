"""Zeros that are optima: entries that steps bring nearer and nearer to a bound are set to it."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter._distributions import most_likely
from hmmfilter.emissions.learning import HELD
from hmmfilter.learning.climbing import Point, point_at
from hmmfilter.learning.evidence import Model
from hmmfilter.learning.parameters import Part, Values, values_of
from hmmfilter.learning.problem import Problem, model_of

NEAR = 1e-2  # of a bound, for an entry that may be set to it
SHRINKING = 0.999  # what a step leaves of the distance, at most
SLACK = 1e-9  # of slopes, where a zero wants to stay


def at_bounds(problem: Problem, point: Point) -> Point | None:
    """The point where entries that come nearer and nearer to a bound are there; None where none does, or may.

    That must not lower the objective by more than rounding explains, and the slopes there must say that transitions
    want to stay at 0 (the condition of Karush, Kuhn and Tucker). Where not all may go, the nearest half is tried.
    """
    bounds = _bounds_ahead(problem, point)
    while any(np.isfinite(chosen).any() for chosen in bounds.values()):
        trial = _point_at_bounds(problem, point, bounds)
        if trial is None or trial.objective < point.objective - point.resolution:
            bounds = _nearest_half(bounds, values_of(point.model))
            continue
        leaving = _leaving(problem, trial) & np.isfinite(bounds["transition"])
        if not leaving.any():
            return trial
        bounds["transition"][leaving] = np.nan
    return None


def reached(problem: Problem, model: Model) -> dict[str, BoolArray]:
    """Which entries of each parameter have come to a bound."""
    values = values_of(model)
    return {part.name: part.at_bound(values[part.name]) for part in problem.parts if part.name in values}


def _bounds_ahead(problem: Problem, point: Point) -> Values:
    """The bound that each entry comes nearer and nearer to; NaN for all others."""
    values, ahead = values_of(point.model), values_of(point.ahead)
    return {
        part.name: _bound_ahead(part, values[part.name], ahead[part.name])
        for part in problem.parts
        if part.name in values
    }


def _bound_ahead(part: Part, values: FloatArray, ahead: FloatArray) -> FloatArray:
    bounds = np.full(values.shape, np.nan)
    for bound in part.bounds:
        if np.isfinite(bound):
            distance = np.abs(values - bound)
            comes_near = (distance < NEAR) & (np.abs(ahead - bound) < SHRINKING * distance)
            bounds[part.is_free(values) & comes_near] = bound
    return bounds


def _point_at_bounds(problem: Problem, point: Point, bounds: Values) -> Point | None:
    """The point where such entries are at their bounds; None where there is no such model."""
    values = values_of(point.model)
    for name, chosen in bounds.items():
        part, is_chosen = problem.by_name[name], np.isfinite(chosen)
        there = np.where(is_chosen, chosen, values[name])
        if part.are_rows:
            there = most_likely(values[name], there, np.where(is_chosen, HELD, part.groups))
        values[name] = there
    try:
        return point_at(problem, model_of(point.model, values, problem.is_stationary))
    except ValueError:  # as of a chain that would settle nowhere
        return None


def _leaving(problem: Problem, point: Point) -> BoolArray:
    """Which transitions at 0 would rather not be."""
    slopes = problem.slopes(point.model, point.expectations)["transition"]
    part, transition = problem.by_name["transition"], point.model.transition
    size = np.abs(np.where(transition > 0, slopes, 0.0) * transition).sum(axis=1, keepdims=True)
    wants_up: BoolArray = part.at_bound(transition) & (part.uncommon(slopes, transition) > SLACK * size)
    return wants_up


def _nearest_half(bounds: Values, values: Values) -> Values:
    """Those of the entries that are nearest to their bounds, half as many."""
    distances = {name: np.abs(values[name] - chosen) for name, chosen in bounds.items()}
    known = np.sort(np.concatenate([each[np.isfinite(each)] for each in distances.values()]))
    nearer = known[known < known[-1]]
    farthest = nearer[min(len(known) // 2, len(nearer)) - 1] if len(nearer) > 0 else -1.0
    return {name: np.where(distances[name] <= farthest, chosen, np.nan) for name, chosen in bounds.items()}
