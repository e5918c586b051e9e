"""Starts of several kinds, as each alone misses the top of some problem: all a little way, the best to the end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._distributions import most_likely
from hmmfilter.emissions.learning import HELD
from hmmfilter.learning import moving, starts
from hmmfilter.learning.climbing import Climbed
from hmmfilter.learning.evidence import Evidence, Model
from hmmfilter.learning.leaping import kept
from hmmfilter.learning.parameters import TRANSITION, Part
from hmmfilter.learning.problem import Problem
from hmmfilter.learning.settling import stationary
from hmmfilter.results.restarts import Restart, Restarts
from hmmfilter.transitions import Durations, Structured

N_EARLY = 20  # iterations from each start
EARLY_TOLERANCE = 1e-3  # at which they end, at least
ALIKE = 2 * EARLY_TOLERANCE  # of objectives at the same top
N_FINISHED = 3  # of all starts, to the end
AT_RANDOM = ("k-means", "responsibilities", "points")
STAYING = 0.5  # of the transition from which all but the first begin: what is no chance


def climb_from_many(
    models: Iterator[tuple[str, Callable[[], Model]]],
    begin: Callable[[Model], Climbed],
    finish: Callable[[Climbed], Climbed],
    tolerance: float,
) -> tuple[Climbed, Restarts]:
    """Begin to climb from all models, finish where it is highest, and return the highest end and what each came to.

    Of ends that are alike, to the tolerance, it is that of the first: states keep the order, and the names, of the
    start where that is as good as any. Where all collapse, so does this.
    """
    kinds, begun = zip(
        *((kind, _unless_degenerate(lambda made: begin(made()), made)) for kind, made in models), strict=True
    )
    climbs = {n: climbed for n, climbed in enumerate(begun) if isinstance(climbed, Climbed)}
    finished = dict(_finished(top, climbs, finish, tolerance) for top in _tops(climbs))
    ends = {n: climbed for n, climbed in finished.items() if isinstance(climbed, Climbed)}
    if not ends:
        collapses = [end for end in (*finished.values(), *begun) if isinstance(end, _checks.DegenerateFitError)]
        raise collapses[0]
    came_to = []
    for n, kind in enumerate(kinds):
        early = climbs[n].point.objective if n in climbs else math.nan
        late = ends[n].point.objective if n in ends else math.nan
        has_collapsed = n not in climbs or (n in finished and n not in ends)
        outcome = "collapsed" if has_collapsed else "finished" if n in ends else "stopped"
        came_to.append(Restart(kind, early, late, outcome))
    highest = max(end.point.objective for end in ends.values())
    first = min(n for n, end in ends.items() if end.point.objective >= highest - tolerance)
    return ends[first], Restarts(came_to)


def _unless_degenerate(climb: Callable[[Any], Climbed], begin: Any) -> Climbed | _checks.DegenerateFitError:
    """What a climb comes to, or the error where it collapses."""
    try:
        return climb(begin)
    except _checks.DegenerateFitError as collapse:
        return collapse


def _tops(climbs: dict[int, Climbed]) -> list[list[int]]:
    """The numbers of the climbs to each of the highest tops, the highest climb before the others."""
    tops: list[list[int]] = []
    for n in sorted(climbs, key=lambda n: -climbs[n].point.objective):
        for top in tops:
            if _are_at_one_top(climbs[n], climbs[top[0]]):
                top.append(n)
                break
        else:
            tops.append([n])
    return tops[:N_FINISHED]


def _finished(
    top: list[int], climbs: dict[int, Climbed], finish: Callable[[Climbed], Climbed], tolerance: float
) -> tuple[int, Climbed | _checks.DegenerateFitError]:
    """The end of the first climb to a top; where it was another, lower top, that of the highest."""
    first, highest = min(top), top[0]
    end = _unless_degenerate(finish, climbs[first])
    if isinstance(end, Climbed) and end.point.objective >= climbs[highest].point.objective - tolerance:
        return first, end
    return (first, end) if first == highest else (highest, _unless_degenerate(finish, climbs[highest]))


def _are_at_one_top(first: Climbed, second: Climbed) -> bool:
    apart = abs(first.point.objective - second.point.objective)
    return apart == 0 or (apart <= ALIKE and first.has_converged and second.has_converged)


def starts_of(
    problem: Problem, start: Model, restarts: int, rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[], Model]]]:
    """What makes the start, and so many others, with what they are called; what is held stays as it is."""
    yield "start", lambda: start
    kinds = itertools.chain(["quantiles"], itertools.cycle(AT_RANDOM))
    evidence = problem.evidence
    rows = _counted(evidence)
    for kind in itertools.islice(kinds, restarts):
        named = AT_RANDOM[1] if evidence.observed is None else kind  # where only the number of rows is known
        degrees = _weighted(problem, starts.degrees(named, rows, start.n_states, rng))
        yield named, partial(_start_by, problem, start, degrees, _moves(start, rng))


def _moves(start: Model, rng: np.random.Generator) -> Any:
    """Moves at random, (K, K), or what a chain that has no matrix of its own is to differ by, in its own numbers.

    A chain that lists its moves has parameters at random.
    """
    n_states = start.n_states
    if isinstance(start.chain, Structured):
        return start.chain._at_random(rng)
    if "" in start.chain._parameters():
        return STAYING * np.eye(n_states) + (1.0 - STAYING) * rng.dirichlet(np.ones(n_states), n_states)
    return rng.normal(size=(n_states, n_states))


def _counted(evidence: Evidence) -> FloatArray:
    """The observations as numbers, without those of sequences that do not count."""
    rows: FloatArray = evidence.observed[0] if evidence.observed is not None else np.zeros(evidence.n_rows)
    if evidence.weights.all():
        return rows
    is_counted = np.repeat(evidence.weights > 0, np.diff(evidence.starts))
    return np.where(is_counted.reshape(-1, *[1] * (rows.ndim - 1)), rows, np.nan)


def _weighted(problem: Problem, degrees: FloatArray) -> FloatArray:
    """Degrees among the states that are allowed, each as often as its sequence counts."""
    evidence = problem.evidence
    if evidence.is_allowed is not None:
        degrees = np.where(evidence.is_allowed, degrees, 0.0)
        total = degrees.sum(axis=1, keepdims=True)
        degrees = degrees / np.where(total > 0, total, 1.0)
    return degrees * np.repeat(evidence.weights, np.diff(evidence.starts))[:, None]


def _start_by(problem: Problem, start: Model, degrees: FloatArray, moves: Any) -> Model:
    """The model of such moves, as far as they are free, and of an emission of such degrees."""
    n_states, parts = start.n_states, problem.by_name
    own = start.chain._parameters()
    if isinstance(start.chain, Durations):
        chain: Any = start.chain
    elif isinstance(start.chain, Structured):
        by_own_name = {part.own_name: part for part in problem.parts if part.is_of_chain}
        chain = start.chain._with({name: kept(by_own_name[name], moves[name], values) for name, values in own.items()})
    elif "" in own:
        chain = moving.chain_of(start.chain, {"": moving.rows_most_likely(moves, own[""], parts[TRANSITION].groups)})
    else:
        (part,) = (part for part in problem.parts if part.is_of_chain)
        ((name, values),) = own.items()
        chain = start.chain._with({name: _shaken(part, values, moves)})
    if problem.is_stationary:
        initial = stationary(chain)
    else:
        initial = most_likely(np.ones(n_states), start.initial, parts["initial"].groups)
    return start._with(initial, chain, problem.emission_by(start.emission, degrees))


def _shaken(part: Part, values: FloatArray, moves: FloatArray) -> FloatArray:
    """Rates times factors, or coefficients with other intercepts, at random; what is one number stays one."""
    numbers, first, group = np.unique(part.groups, return_index=True, return_inverse=True)
    by = moves if part.are_rates else np.where(np.arange(values.shape[-1]) == 0, moves[..., np.newaxis], 0.0)
    of_group = np.where(numbers == HELD, 0.0, by.ravel()[first])
    steps = of_group[group].reshape(values.shape)
    return values * np.exp(steps) if part.are_rates else values + steps
