"""A fit from its beginning to its end: what is climbed, the climbs, zeros that are optima, and what is reported."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._drivers.jobs import progress_bar
from hmmfilter.learning import boundary, moving
from hmmfilter.learning.climbing import Climbed, Watch, climb, point_at
from hmmfilter.learning.evidence import Given, Model, evidence_of, learns_from_sums
from hmmfilter.learning.parameters import Part, parts_of, values_of
from hmmfilter.learning.problem import Problem, model_of
from hmmfilter.learning.restarting import EARLY_TOLERANCE, N_EARLY, climb_from_many, starts_of
from hmmfilter.results import Fitted
from hmmfilter.results.restarts import Restarts
from hmmfilter.transitions import Structured


class Settings(NamedTuple):
    """How to climb, as `hmmfilter.fit` says."""

    n_steps: int
    tolerance: float
    accelerate: bool
    restarts: int
    rng: np.random.Generator
    progress: bool
    callback: Callable[[int, Any, float], Any] | None


def fitted(problem: Problem, start: Model, settings: Settings) -> Fitted:
    """Climb from a start, and from others where wanted, to the end."""
    model = feasible(problem, start)
    with progress_bar(settings.n_steps, settings.progress, " iterations") as bar:

        def watch(n: int, model: Model, objective: float) -> bool:
            bar.update(1)
            answer = None if settings.callback is None else settings.callback(n, model, objective)
            return isinstance(answer, (bool, np.bool_)) and bool(answer)

        finish = partial(_finish, problem, settings, watch)
        if settings.restarts == 0:
            begun = _begin(problem, settings, 0, model)
            problem.evidence.possible(begun.point.expectations.n_possible)
            return _reported(problem, finish(begun), Restarts())
        problem.evidence.possible(problem.expect(model).n_possible)
        models = starts_of(problem, model, settings.restarts, settings.rng)
        begin = partial(_begin, problem, settings, N_EARLY)
        return _reported(problem, *climb_from_many(models, begin, finish, settings.tolerance))


def problem_of(
    start: Model, observations: Any, given: Given, initial: str, fixed: Any, tied: Any, prior: Any, workers: int
) -> Problem:
    """What is to be climbed, from what the door is given."""
    if isinstance(start.chain, Structured):
        _checks.not_stationary(type(start.chain).__name__, initial)
    parts = parts_of(start, initial, fixed, tied)
    evidence = evidence_of(start, observations, given)
    believed = _checks.prior_of_model(prior, start)
    problem = Problem(evidence, parts, initial == "stationary", believed, workers)
    if problem.learns_emission and not learns_from_sums(start.emission):
        _checks.learning_emission(start.emission)
    return problem


def feasible(problem: Problem, start: Model) -> Model:
    """The start, with tied entries at their mean, and the initial distribution where the chain settles if it must."""
    values = values_of(start)
    tied = {part.name: _pooled(part, values[part.name]) for part in problem.parts if part.is_tied}
    return model_of(start, values | tied, problem.is_stationary) if tied or problem.is_stationary else start


def _pooled(part: Part, values: FloatArray) -> FloatArray:
    if part.are_rows:
        return moving.rows_most_likely(values, values, part.groups)
    free = part.groups >= 0
    numbers = part.groups[free]
    pooled: FloatArray = values.copy()
    pooled[free] = (np.bincount(numbers, values[free]) / np.maximum(np.bincount(numbers), 1))[numbers]
    return pooled


def _begin(problem: Problem, settings: Settings, n_steps: int, model: Model) -> Climbed:
    """The beginning of a climb, of so many steps at most."""
    n_early, tolerance = min(n_steps, settings.n_steps), max(settings.tolerance, EARLY_TOLERANCE)
    return climb(problem, point_at(problem, model), settings.accelerate, tolerance, n_early)


def _finish(problem: Problem, settings: Settings, watch: Watch, begun: Climbed) -> Climbed:
    """The rest of it, to where nothing is to be gained, also by zeros."""
    history, point = begun.history, begun.point
    while True:
        n_before = len(history) - 1
        n_left = max(settings.n_steps - n_before, 0)
        climbed = climb(problem, point, settings.accelerate, settings.tolerance, n_left, watch, n_before)
        history = history + climbed.history[1:]
        there = None
        if climbed.has_converged:
            there = boundary.off_bounds(problem, climbed.point) or boundary.at_bounds(problem, climbed.point)
        if there is None:
            return climbed._replace(history=history)
        history, point = [*history, there.objective], there


def _reported(problem: Problem, climbed: Climbed, restarts: Restarts) -> Fitted:
    """What is reported of the end of a climb."""
    model, expectations = climbed.point.model, climbed.point.expectations
    n_observations = problem.evidence.n_observations
    gradient = problem.gradient(model, expectations) if problem.are_scored else np.array([np.nan])
    visits = moving.visits(model, expectations)
    return Fitted(
        model=model,
        log_likelihood=problem.log_likelihood(expectations),
        log_prior=problem.log_prior(model),
        objective=climbed.point.objective,
        history=np.array(climbed.history),
        n_iterations=len(climbed.history) - 1,
        converged=climbed.has_converged,
        reason=climbed.reason,
        gradient_norm=math.hypot(*(gradient / n_observations)),
        n_parameters=problem.n_parameters(model),
        n_observations=int(n_observations) if n_observations.is_integer() else n_observations,
        restarts=restarts,
        unvisited=tuple(np.flatnonzero(visits == 0).tolist()),
        at_boundary=boundary.reached(problem, model),
        state_names=model.state_names,
        _labels=problem.evidence.labels,
        _problem=problem,
    )
