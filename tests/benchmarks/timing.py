"""Medians of calls taken in turn, so that a machine whose speed drifts is fair to all of them.

Seconds are those of the processor in all threads of this process, pinned to one core: what else runs beside it on a
shared machine takes its time, and hardly counts.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator

from tests.benchmarks.effort import Effort

SHORTEST = 1e-6  # seconds that a clock can tell from none

Clock = Callable[[], float]
Calls = dict[str, Callable[[], object]]


def cpu_of_children() -> float:
    """The seconds of processes that have ended; those by the clock where nobody counts them."""
    times = os.times()
    return times.children_user + times.children_system if os.name == "posix" else time.perf_counter()


def pin() -> None:
    """Keep to one core, where that can be asked for."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextlib.contextmanager
def on_all_cores() -> Iterator[None]:
    """Let threads that start now run beside each other."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    yield
    os.sched_setaffinity(0, pinned)


def medians(
    calls: Calls, rounds: int, clock: Clock = time.process_time, repeats: dict[str, int] | None = None
) -> dict[str, float]:
    """Seconds that each call takes, in the median of as many rounds, after one that does not count.

    In each round a call may be repeated: what the others leave of the caches is no news to it then. Every other round
    is in the opposite order, as no call should always come after the same one.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for counted in range(-1, rounds):
        for name, call in list(calls.items())[:: -1 if counted % 2 else 1]:
            n = repeats[name] if repeats else 1
            start = clock()
            for _ in range(n):
                call()
            if counted >= 0:
                seconds[name].append((clock() - start) / n)
    return {name: statistics.median(times) for name, times in seconds.items()}


def affordable_medians(
    calls: Calls, effort: Effort, clock: Clock = time.process_time, patience: float = 1.0
) -> dict[str, float]:
    """The medians of the calls that do not take too long, in as many rounds as the budget pays."""
    once = medians(calls, 1, clock)
    affordable = {name: call for name, call in calls.items() if once[name] <= patience * effort.longest_call}
    repeats = {name: 1 + int(effort.turn / max(once[name], SHORTEST)) for name in affordable}
    round_takes = sum(once[name] * repeats[name] for name in affordable)
    rounds = int(effort.budget / max(round_takes, SHORTEST))
    return medians(affordable, min(max(rounds, effort.least_rounds), effort.most_rounds), clock, repeats)
