"""Many sequences in one call: beside other libraries, of lengths that differ, and for large matrices all together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hmmfilter as hf
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import (
    DYNAMAX,
    EXPECTED,
    FILTER,
    HMMLEARN_LOG,
    HMMLEARN_SCALING,
    LOG_LIKELIHOOD,
    OURS,
    SMOOTH,
    TOLERANCE,
    VITERBI,
    Answer,
    Calls,
    dynamax_on_many,
    hmmlearn_log,
    hmmlearn_scaling,
    is_installed,
)
from tests.benchmarks.problems import Array, Problem, benign
from tests.benchmarks.report import Section, Speeds, Target, brief, markdown, progress, times, times_fastest
from tests.benchmarks.timing import affordable_medians

STEPS = 100  # of each sequence; of ragged ones on average
SPREAD = 1.0  # of the logs of ragged lengths
RAGGED_STATES = 4
TOGETHER = 64
TASKS = (LOG_LIKELIHOOD, FILTER, SMOOTH, VITERBI, EXPECTED)
TIMES_FASTEST = {LOG_LIKELIHOOD: 4, SMOOTH: 5}
TIMES_ALONE = {16: 1.5, 64: 1.5, 128: 2.5, 256: 2, 512: 3, 1024: 3.5}
EQUAL, RAGGED = "equal lengths", "ragged lengths"

Call = Callable[[], object]


def ours_on_many(problem: Problem, lengths: Array) -> dict[str, Call]:
    tables = problem.tables
    return {
        LOG_LIKELIHOOD: lambda: hf.log_likelihood(*tables, lengths=lengths),
        FILTER: lambda: hf.forward_filter(*tables, lengths=lengths).probabilities,
        SMOOTH: lambda: hf.smooth(*tables, lengths=lengths).probabilities,
        VITERBI: lambda: hf.viterbi(*tables, lengths=lengths).path,
        EXPECTED: lambda: hf.expected_transitions(*tables, lengths=lengths).counts,
    }


def one_by_one(make: Callable[[Problem], Calls], problem: Problem, lengths: Array) -> dict[str, Call]:
    """All sequences in turn, with the calls of a library that knows one; its filter gives the log-likelihood."""
    parts = np.split(problem.log_likelihoods, np.cumsum(lengths)[:-1])
    calls = [make(Problem((*problem.tables[:2], part))) for part in parts]

    def on_all(task: str) -> Callable[[], list[Answer]]:
        return lambda: [call[task]() for call in calls]

    by_task: dict[str, Call] = {task: on_all(task) for task in calls[0]}
    return {LOG_LIKELIHOOD: by_task[FILTER], **by_task}


def _peers(problem: Problem, lengths: Array) -> dict[str, dict[str, Call]]:
    prepared: dict[str, dict[str, Call]] = {}
    if is_installed("hmmlearn"):
        prepared[HMMLEARN_SCALING] = one_by_one(hmmlearn_scaling, problem, lengths)
        decoder = one_by_one(hmmlearn_log, problem, lengths)[VITERBI]  # elsewhere its scaling is the faster of the two
        prepared[HMMLEARN_LOG] = {VITERBI: decoder}
    if is_installed("dynamax") and len(set(lengths)) == 1:
        prepared[DYNAMAX] = dict(dynamax_on_many(problem, len(lengths)))
    return prepared


def check_agreement(prepared: dict[str, dict[str, Call]]) -> None:
    """All give the same log-likelihood of each sequence."""
    expected: Any = prepared[OURS][LOG_LIKELIHOOD]()
    for by_task in prepared.values():
        if LOG_LIKELIHOOD in by_task:
            found: Any = by_task[LOG_LIKELIHOOD]()
            if isinstance(found, list):  # of one sequence at a time
                found = [log_likelihood for log_likelihood, _ in found]
            elif isinstance(found, tuple):  # of all together
                found, _ = found
            np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=0)


def _nanoseconds(calls: dict[str, Call], effort: Effort, n_steps: int) -> dict[str, float]:
    seconds = affordable_medians(calls, effort)
    return {name: 1e9 * time / n_steps for name, time in seconds.items()}


def _by_states(effort: Effort) -> tuple[Speeds, str, list[Target]]:
    n_sequences = effort.sequences
    lengths = np.full(n_sequences, STEPS)
    speeds: Speeds = {task: {} for task in TASKS}
    targets = []
    for n_states in effort.lane_states:
        problem = benign(n_sequences * STEPS, n_states)
        prepared = {OURS: ours_on_many(problem, lengths), **_peers(problem, lengths)}
        check_agreement(prepared)
        for task in TASKS:
            progress(f"{n_sequences} sequences, {task}, {n_states} states")
            calls = {name: by_task[task] for name, by_task in prepared.items() if task in by_task}
            found = speeds[task][n_states] = _nanoseconds(calls, effort, problem.n_steps)
            if task in TIMES_FASTEST and (ratio := times_fastest(found)):
                what = f"{task}, {n_sequences:,} × {STEPS}, K = {n_states}: faster than the fastest peer"
                targets.append(Target(what, ratio, TIMES_FASTEST[task], at_least=True))
    rows = [
        [task, *(f"{brief(found[OURS])} ({times(times_fastest(found))})" for found in by_states.values())]
        for task, by_states in speeds.items()
    ]
    text = (
        f"### {n_sequences:,} sequences of {STEPS} steps\n\nIn brackets, how many times faster than the fastest peer: "
        "hmmlearn sequence by sequence, dynamax through JAX's vectorising map.\n\n"
    )
    labelled = {f"{task}, {n_sequences:,} sequences": by_states for task, by_states in speeds.items()}
    return labelled, text + markdown(["", *(f"K = {n_states}" for n_states in effort.lane_states)], rows), targets


def ragged_lengths(n_steps: int) -> Array:
    """Of sequences that have so many steps in all, as they come."""
    mean = np.log(STEPS) - SPREAD**2 / 2
    lengths = np.maximum(np.random.default_rng(0).lognormal(mean, SPREAD, 2 * n_steps // STEPS + 1).astype(int), 1)
    ends = np.minimum(np.cumsum(lengths), n_steps)
    return np.diff(ends[: np.argmax(ends == n_steps) + 1], prepend=0)


def _ragged(effort: Effort) -> str:
    problem = benign(effort.sequences * STEPS, RAGGED_STATES)
    ragged = ragged_lengths(problem.n_steps)
    by_length = {
        EQUAL: ours_on_many(problem, np.full(effort.sequences, STEPS)),
        RAGGED: ours_on_many(problem, ragged),
        **_peers(problem, ragged),
    }
    rows = []
    for task in TASKS:
        progress(f"ragged lengths, {task}")
        calls = {name: by_task[task] for name, by_task in by_length.items() if task in by_task}
        found = _nanoseconds(calls, effort, problem.n_steps)
        ratio = times_fastest({OURS: found[RAGGED], **found})
        rows.append(
            [task, brief(found[EQUAL]), brief(found[RAGGED]), times(found[RAGGED] / found[EQUAL]), times(ratio)]
        )
    header = ["", EQUAL, RAGGED, "ragged over equal", "hmmlearn over hmmfilter, ragged"]
    return (
        f"### Lengths that differ\n\nThe same {problem.n_steps:,} rows as {effort.sequences:,} sequences of {STEPS}, "
        f"or as {len(ragged):,} whose lengths are log-normal with spread {SPREAD:g}, as they come: 1 to "
        f"{ragged.max():,}; K = {RAGGED_STATES}.\n\n" + markdown(header, rows)
    )


def _large(effort: Effort) -> tuple[str, list[Target]]:
    rows, targets = [], []
    for n_states, n_steps in effort.large_steps.items():
        progress(f"{TOGETHER} sequences together, {n_states} states")
        problem, lengths = benign(TOGETHER * n_steps, n_states), np.full(TOGETHER, n_steps)
        cells = []
        for task in (FILTER, SMOOTH):
            alone = hf.forward_filter if task == FILTER else hf.smooth
            calls: dict[str, Call] = {
                "alone": lambda alone=alone, problem=problem: alone(*problem.tables).probabilities,
                "together": ours_on_many(problem, lengths)[task],
            }
            found = _nanoseconds(calls, effort, problem.n_steps)
            ratio = found["alone"] / found["together"]
            cells += [brief(found["alone"]), brief(found["together"]), times(ratio)]
            if task == FILTER:
                what = f"{task}, {TOGETHER} sequences, K = {n_states}: over as many steps of one"
                targets.append(Target(what, ratio, TIMES_ALONE[n_states], at_least=True))
        rows.append([f"{n_states}", f"{n_steps}", *cells])
    header = ["K", "T", *(f"{task}, {how}" for task in (FILTER, SMOOTH) for how in ("one", f"{TOGETHER}", "ratio"))]
    return (
        f"### {TOGETHER} sequences, many states\n\nBeside one sequence of the same rows; T steps each.\n\n"
        + markdown(header, rows),
        targets,
    )


def section(effort: Effort) -> Section:
    speeds, by_states, targets = _by_states(effort)
    large, large_targets = _large(effort)
    return Section(
        "Many sequences",
        f"Nanoseconds a step, a harmless input.\n\n{by_states}\n\n{_ragged(effort)}\n\n{large}",
        [*targets, *large_targets],
        speeds,
    )
