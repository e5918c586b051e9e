"""Sequences in two threads, very short ones beside one of the same rows, and a stream's update."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numba
import numpy as np

import hmmfilter as hf
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import is_installed
from tests.benchmarks.problems import Array, Problem, benign
from tests.benchmarks.report import Section, Target, brief, markdown, progress
from tests.benchmarks.timing import affordable_medians, on_all_cores

STATES = 4
STEPS, FEW_STEPS = 100, 10  # of each sequence
TIMES_HMMLEARN, TIMES_ONE_WORKER, TIMES_ONE_SEQUENCE, MOST_MICROSECONDS = 10, 1.7, 1.5, 3
OURS, OURS_BY_TWO = "hmmfilter", "hmmfilter, two workers"
THEIRS, THEIRS_SCALING = "hmmlearn predict_proba, log (its default)", "hmmlearn predict_proba, scaling"
LOOP, LOOPS = "a bare loop", "two of them, a thread each"
TASKS: dict[str, Callable[..., object]] = {
    "filter": lambda *tables, **many: hf.forward_filter(*tables, **many).probabilities,
    "smooth": lambda *tables, **many: hf.smooth(*tables, **many).probabilities,
    "viterbi": lambda *tables, **many: hf.viterbi(*tables, **many).path,
    "log-likelihood": hf.log_likelihood,
}


def hmmlearn_smoother(problem: Problem, lengths: Array, implementation: str) -> Callable[[], Array]:
    """A model of hmmlearn's that takes log-likelihoods for observations."""
    from hmmlearn.base import BaseHMM

    class Given(BaseHMM):
        def _compute_log_likelihood(self, log_likelihoods: Array) -> Array:
            return log_likelihoods

        def _compute_likelihood(self, log_likelihoods: Array) -> Array:
            return np.exp(log_likelihoods)

    model = Given(problem.n_states, implementation=implementation)
    model.n_features = problem.n_states
    model.startprob_ = problem.initial / problem.initial.sum()
    model.transmat_ = problem.transition / problem.transition.sum(axis=1, keepdims=True)
    return lambda: model.predict_proba(problem.log_likelihoods, lengths)


@numba.njit(nogil=True)
def bare_loop(n: int) -> float:
    total = 0.0
    for i in range(n):
        total += np.sqrt(i * 1.0)
    return total


def two_loops(n: int) -> None:
    threads = [threading.Thread(target=bare_loop, args=(n,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _whole(effort: Effort) -> tuple[str, list[Target]]:
    n_sequences = effort.sequences
    progress(f"{n_sequences} sequences of {STEPS} steps")
    problem, lengths = benign(n_sequences * STEPS, STATES), np.full(n_sequences, STEPS)
    turns = 10_000 * n_sequences // 10
    calls: dict[str, Callable[[], object]] = {
        OURS: lambda: hf.smooth(*problem.tables, lengths=lengths).probabilities,
        OURS_BY_TWO: lambda: hf.smooth(*problem.tables, lengths=lengths, workers=2).probabilities,
        LOOP: lambda: bare_loop(turns),
        LOOPS: lambda: two_loops(turns),
    }
    if is_installed("hmmlearn"):
        calls[THEIRS] = hmmlearn_smoother(problem, lengths, "log")
        calls[THEIRS_SCALING] = hmmlearn_smoother(problem, lengths, "scaling")
        np.testing.assert_allclose(calls[OURS](), calls[THEIRS](), rtol=0, atol=1e-10)
    with on_all_cores():
        seconds = affordable_medians(calls, effort, time.perf_counter, patience=10)
    rows = [[name, brief(1e9 * time / len(problem.log_likelihoods))] for name, time in seconds.items() if name in calls]
    rows = [row for row in rows if row[0] not in (LOOP, LOOPS)]
    possible = 2 * seconds[LOOP] / seconds[LOOPS]
    what = f"smooth, {n_sequences:,} sequences of {STEPS} steps: "
    by_two = seconds[OURS] / seconds[OURS_BY_TWO]
    targets = [
        Target(f"{what}two workers over one (two bare loops: {brief(possible)} ×)", by_two, TIMES_ONE_WORKER, True)
    ]
    if THEIRS in seconds:
        ratio = seconds[THEIRS] / seconds[OURS_BY_TWO]
        targets.append(Target(f"{what}two workers over {THEIRS}", ratio, TIMES_HMMLEARN, at_least=True))
    return markdown([f"smooth, {n_sequences:,} sequences", "nanoseconds a step"], rows), targets


def _short(effort: Effort) -> tuple[str, list[Target]]:
    n_sequences = effort.short_sequences
    progress(f"{n_sequences} sequences of {FEW_STEPS} steps")
    problem, lengths = benign(n_sequences * FEW_STEPS, STATES), np.full(n_sequences, FEW_STEPS)
    rows, targets = [], []
    for task, run in TASKS.items():
        calls = {
            "one": lambda run=run: run(*problem.tables),
            "many": lambda run=run: run(*problem.tables, lengths=lengths),
        }
        seconds = affordable_medians(calls, effort)
        ratio = seconds["many"] / seconds["one"]
        rows.append(
            [task, *(brief(1e9 * seconds[name] / len(problem.log_likelihoods)) for name in calls), brief(ratio)]
        )
        what = f"{task}, {n_sequences:,} sequences of {FEW_STEPS} steps: over one of the same rows"
        targets.append(Target(what, ratio, TIMES_ONE_SEQUENCE, at_least=False))
    return markdown(["", "one sequence, ns a step", f"{n_sequences:,} sequences", "ratio"], rows), targets


def _stream(effort: Effort) -> tuple[str, list[Target]]:
    progress("a stream's update")
    log_initial, log_transition, log_likelihoods = benign(2, STATES).tables
    stream, row = hf.OnlineFilter(log_initial, log_transition), log_likelihoods[1]
    stream.update(log_likelihoods[0])
    update = 1e6 * affordable_medians({OURS: lambda: stream.update(row)}, effort)[OURS]
    target = Target(f"a stream's update, K = {STATES}", update, MOST_MICROSECONDS, at_least=False, unit="µs")
    return f"`OnlineFilter.update`, K = {STATES}: {brief(update)} µs.", [target]


def section(effort: Effort) -> Section:
    parts = [_whole(effort), _short(effort), _stream(effort)]
    return Section(
        "Sequences and streams",
        f"{STATES} states, a harmless input, rows of all sequences one after the other. Two workers, and what stands "
        "beside them, by the clock.\n\n" + "\n\n".join(text for text, _ in parts),
        [target for _, targets in parts for target in targets],
    )
