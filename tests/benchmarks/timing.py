"""Medians of calls taken in turn, so that a machine whose speed drifts is fair to all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

LEAST_ROUNDS = 3


def medians(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds that each call takes, in the median of as many rounds, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for counted in range(-1, rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if counted >= 0:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def affordable_medians(
    calls: dict[str, Callable[[], object]], longest: float, budget: float, most_rounds: int
) -> dict[str, float]:
    """The medians of the calls that take no longer than so many seconds each, in as many rounds as the budget pays."""
    once = medians(calls, 1)
    affordable = {name: call for name, call in calls.items() if once[name] <= longest}
    rounds = int(budget / sum(once[name] for name in affordable))
    return medians(affordable, min(max(rounds, min(LEAST_ROUNDS, most_rounds)), most_rounds))
