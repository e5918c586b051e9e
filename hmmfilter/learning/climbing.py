"""The climb: expectation and maximisation in turn, and leaps ahead where they would go on in the same direction.

Near the top, a step r is I⁻¹ g, where I is the information that there were if the states were known: slopes g times
the step are its length squared. Steps shrink by the same share, and lengths say by which: squares by q, so that
r² / (1 − q) bounds what is still to be gained. None of this is a difference of objectives, and it resolves gains far
below their rounding.

References
----------
Varadhan, Roland, "Simple and globally convergent methods for accelerating the convergence of any EM algorithm",
Scandinavian Journal of Statistics 35 (2008), scheme S3. Böhning et al., "The distribution of the likelihood ratio for
mixtures of densities from the one-parameter exponential family", Annals of the Institute of Statistical Mathematics 46
(1994), for Aitken's bound.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

from hmmfilter import _checks
from hmmfilter._drivers.expectations import Expectations
from hmmfilter.learning.evidence import Model
from hmmfilter.learning.leaping import Leaps
from hmmfilter.learning.problem import Problem

N_RATES = 5  # of the last steps, of which the slowest counts
N_TRIALS = 2  # of leaps over the same two steps
N_UNRESOLVED = 12  # looks in a row, without a gain that is above rounding, or a step that promises one

Watch = Callable[[int, Model, float], bool]


class Point(NamedTuple):
    """A model, what is expected there, and where the next step leads."""

    model: Model
    expectations: Expectations
    objective: float
    resolution: float
    ahead: Any = None
    length: float = math.inf  # of the step, squared


class Look(NamedTuple):
    """A point that was looked at, and a bound of what is still to be gained from there."""

    point: Point
    to_come: float = math.inf


class Climbed(NamedTuple):
    """Where a climb ended, and how it went."""

    point: Point
    history: list[float]  # the objective of the best point so far, after each expectation step
    reason: str
    has_converged: bool


def point_at(problem: Problem, model: Model, lowest: float = -math.inf) -> Point:
    """Look at a model; below the lowest objective, nobody goes on from there."""
    expectations = problem.expect(model)
    objective, resolution = problem.objective(model, expectations), problem.resolution(model, expectations)
    point = Point(model, expectations, objective, resolution)
    if not math.isfinite(objective) or objective < lowest:
        return point
    ahead = problem.maximised(model, expectations)
    length = problem.rise(point, model, ahead) if problem.are_scored else math.nan
    return point._replace(ahead=ahead, length=length)


def climb(
    problem: Problem,
    start: Point,
    accelerate: bool,
    tolerance: float,
    n_steps: int,
    watch: Watch | None = None,
    n_before: int = 0,
) -> Climbed:
    """Climb from a point, in so many expectation steps at most, until no more than the tolerance is to be gained."""
    kept, history, lengths = start, [start.objective], deque([math.inf], maxlen=N_UNRESOLVED)
    looks = steps(problem, start, accelerate and problem.are_scored)
    while len(history) <= n_steps:
        point, to_come = next(looks)
        if point.objective >= kept.objective:
            kept = point
        history.append(kept.objective)
        if watch is not None and watch(n_before + len(history) - 1, kept.model, kept.objective):
            return Climbed(kept, history, "the callback said so", False)
        if to_come <= tolerance and kept is point:
            return Climbed(kept, history, f"no more than {tolerance:g} is to be gained", True)
        lengths.append(abs(point.length) if point.ahead is not None else 0.0)
        risen = kept.objective - history[-len(lengths)]
        if max(lengths) <= point.resolution and risen <= point.resolution:
            return Climbed(kept, history, "no gain can be resolved any more", True)
    return Climbed(kept, history, "max_iterations allows no more", False)


def steps(problem: Problem, here: Point, accelerate: bool) -> Iterator[Look]:
    """Look at one point after the other, without end: after each step, and where leaps lead."""
    rates, leaps = Rates(), Leaps(problem)
    while True:
        there = point_at(problem, here.ahead)
        _checks.objective_rises(here.objective, there.objective, here.resolution + there.resolution)
        if not problem.are_scored:  # what was gained stands for what would be
            there = there._replace(length=max(there.objective - here.objective, 0.0))
        rates.note(here.length, there.length)
        yield Look(there, rates.to_come(there.length))
        here = (yield from leap(problem, here, there, leaps, rates)) if accelerate else there


def leap(problem: Problem, here: Point, there: Point, leaps: Leaps, rates: Rates) -> Generator[Look, None, Point]:
    """Look where leaps over two steps lead, and return where the climb goes on: no lower than the first step led."""
    is_resolved = rates.to_come(there.length) > there.resolution
    lowest = there.objective if is_resolved else there.objective - there.resolution
    across = problem.rise(here, there.model, there.ahead)
    length = leaps.length(here.length, across, there.length)
    for _ in range(N_TRIALS):
        model = leaps.landing((here.model, there.model, there.ahead), length)
        try:
            trial = None if model is None else point_at(problem, model, lowest)
        except _checks.DegenerateFitError:  # which steps may not come to
            trial = None
        has_landed = trial is not None and trial.objective >= lowest
        leaps.note(length, has_landed)
        if trial is not None:
            yield Look(trial)  # steps alone tell what is still to come
            if has_landed:
                return trial
        length = (1.0 + length) / 2.0
    return there


class Rates:
    """By which share steps shrink, squared."""

    def __init__(self) -> None:
        self._rates: deque[float] = deque(maxlen=N_RATES)

    def note(self, before: float, after: float) -> None:
        """Two steps, one after the other, are so long, squared."""
        if before > 0:
            self._rates.append(after / before)

    def to_come(self, length: float) -> float:
        """A bound of what all steps gain from the one of this length on.

        A length is below 0 by rounding, or where a step is so long that slopes at its beginning say nothing of it.
        """
        slowest = max(self._rates, default=math.inf)
        if length == 0:
            return 0.0
        return abs(length) / (1.0 - slowest) if slowest < 1 else math.inf
