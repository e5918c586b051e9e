"""Gaussian states that a good fit has: some standard deviations apart, beside states that overlap."""

from __future__ import annotations

import warnings

import numpy as np

from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import (
    DYNAMAX,
    EXPECTED,
    FILTER,
    HMMLEARN_LOG,
    HMMLEARN_SCALING,
    OURS,
    SMOOTH,
    installed_peers,
    ours,
    right_ones,
)
from tests.benchmarks.problems import Problem
from tests.benchmarks.report import Section, Speeds, Target, brief, markdown, progress, times, times_fastest
from tests.benchmarks.timing import affordable_medians

OVERLAPPING = 0.1  # standard deviations between neighbours, so that a fit would have to be told of them
DISTANCES = (OVERLAPPING, 1, 3, 10, 20, 40)
STAYS = 0.98  # the probability of a state that follows itself
TASKS = (FILTER, SMOOTH, EXPECTED)
RIVALS = (HMMLEARN_LOG, HMMLEARN_SCALING, DYNAMAX)
MOST_OVER_OVERLAPPING, TIMES_FASTEST = 1.5, 1
ALONGSIDE = "ours, of states that overlap"


def gaussian(n_steps: int, n_states: int, distance: float) -> Problem:
    """Drawn from a model, and given its own log-densities; the same path for every distance."""
    rng = np.random.default_rng(0)
    moves = rng.random(n_steps) > STAYS
    path = np.cumsum(moves * rng.integers(1, n_states, n_steps)) % n_states
    means = distance * np.arange(n_states)
    from_means = (means[path] + rng.normal(size=n_steps))[:, None] - means
    transition = np.full((n_states, n_states), (1 - STAYS) / (n_states - 1))
    np.fill_diagonal(transition, STAYS)
    log_densities = -(from_means**2) / 2 - np.log(2 * np.pi) / 2
    return Problem((np.full(n_states, -np.log(n_states)), np.log(transition), log_densities))


def label(task: str, distance: float) -> str:
    return f"{task}, states {distance:g} sd apart"


def measure(effort: Effort) -> tuple[Speeds, dict[str, dict[int, float]]]:
    """Nanoseconds a step, and how many times the time of states that overlap, in turn with them."""
    libraries = {OURS: ours, **{name: make for name, make in installed_peers().items() if name in RIVALS}}
    speeds: Speeds = {label(task, distance): {} for task in TASKS for distance in DISTANCES}
    over_overlapping: dict[str, dict[int, float]] = {name: {} for name in speeds}
    for n_states, n_steps in effort.separated_steps.items():
        progress(f"separated states: {n_states} states, {n_steps} steps")
        alongside = ours(gaussian(n_steps, n_states, OVERLAPPING))
        for distance in DISTANCES:
            problem = gaussian(n_steps, n_states, distance)
            prepared = {name: prepare(problem) for name, prepare in libraries.items()}
            for task in TASKS:
                calls = {ALONGSIDE: alongside[task], **right_ones(problem, task, prepared)}
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    seconds = affordable_medians(calls, effort)
                name = label(task, distance)
                over_overlapping[name][n_states] = seconds[OURS] / seconds.pop(ALONGSIDE)
                speeds[name][n_states] = {library: 1e9 * time / n_steps for library, time in seconds.items()}
    return speeds, over_overlapping


def _table(task: str, speeds: Speeds, effort: Effort) -> str:
    rows = []
    for n_states in effort.separated_steps:
        found = [speeds[label(task, distance)][n_states] for distance in DISTANCES]
        cells = [f"{brief(by_name[OURS])} ({times(times_fastest(by_name))})" for by_name in found]
        rows.append([f"{n_states}", *cells])
    return markdown(["K", *(f"{distance:g} sd" for distance in DISTANCES)], rows)


def _targets(speeds: Speeds, over_overlapping: dict[str, dict[int, float]], effort: Effort) -> list[Target]:
    targets = []
    for n_states in effort.separated_steps:
        for task in TASKS:
            names = [label(task, distance) for distance in DISTANCES if distance != OVERLAPPING]
            span = f"{task}, states {DISTANCES[1]} to {DISTANCES[-1]} sd apart, K = {n_states}"
            most = max(over_overlapping[name][n_states] for name in names)
            targets.append(Target(f"{span}: over overlapping", most, MOST_OVER_OVERLAPPING, at_least=False))
            ratios = [ratio for name in names if (ratio := times_fastest(speeds[name][n_states]))]
            if ratios:
                what = f"{span}: faster than the fastest peer"
                targets.append(Target(what, min(ratios), TIMES_FASTEST, at_least=True))
    return targets


def section(effort: Effort) -> Section:
    speeds, over_overlapping = measure(effort)
    tables = "\n\n".join(f"### {task}\n\n{_table(task, speeds, effort)}" for task in TASKS)
    return Section(
        "Separated states",
        "Nanoseconds a step, and in brackets how many times faster than the fastest peer that is right (hmmlearn by "
        "logs or scaling, dynamax). K normal states in a row, so many standard deviations (sd) from one to the next, "
        f"each followed by itself with probability {STAYS:g}; at {OVERLAPPING:g} sd they overlap.\n\n{tables}",
        targets=_targets(speeds, over_overlapping, effort),
        speeds=speeds,
    )
