"""The same task by every library on the same harmless input: first whether they agree, then how long they take."""

from __future__ import annotations

import numpy as np

from tests.benchmarks import limits
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import (
    FILTER,
    HMMLEARN_LOG,
    OURS,
    OURS_IN_LOGS,
    PEERS,
    SMOOTH,
    VITERBI,
    Answer,
    installed_peers,
    ours,
    ours_in_logs,
)
from tests.benchmarks.problems import Problem, benign
from tests.benchmarks.report import NOTHING, Section, Target, brief, markdown, progress
from tests.benchmarks.timing import affordable_medians

TASKS = (FILTER, SMOOTH, VITERBI)
ONLY_FILTER_FROM = 1024
TOLERANCE = 1e-8

TIMES_FASTEST = {
    FILTER: {2: 2, 4: 2, 16: 2.5, 64: 4, 256: 6, 1024: 7},
    SMOOTH: {2: 2, 4: 2, 16: 2, 64: 4, 256: 4},
    VITERBI: {2: 1.5, 4: 2, 16: 3, 64: 8, 256: 8},
}
TIMES_HMMLEARN_LOG = {2: 4, 4: 8, 16: 20, 64: 40, 256: 40}
OVER_LIMITS = {  # for each limit its task, and the most that we may take over it
    limits.EXP: (FILTER, {2: 8, 4: 8}),
    limits.PRODUCT: (FILTER, {64: 1.5, 256: 1.5, 1024: 1.5}),
    limits.MAX_PLUS: (VITERBI, {64: 1.5, 256: 1.5}),
}

Speeds = dict[str, dict[int, dict[str, float]]]  # by task, by K, by name: nanoseconds a step


class DisagreementError(Exception):
    """Two libraries say different things about a harmless input, so that their speeds are not worth comparing."""


def check_agreement(problem: Problem, task: str, name: str, expected: Answer, answer: Answer) -> None:
    """Compare log-likelihoods and posteriors; of Viterbi paths, as there may be several best ones, the log-joints."""
    if task == VITERBI:
        agree = np.isclose(problem.log_joint(expected[1]), problem.log_joint(np.asarray(answer[1])), TOLERANCE, 0)
    else:
        agree = np.isclose(expected[0], answer[0], TOLERANCE, 0)
        agree &= np.allclose(expected[1], answer[1], 0, TOLERANCE)
    if not agree:
        raise DisagreementError(f"{name} disagrees with us: {task}, {problem.n_steps} steps, {problem.n_states} states")


def measure(effort: Effort) -> Speeds:
    """Check and time all tasks, for every number of states."""
    peers = installed_peers()
    libraries = {OURS: ours, OURS_IN_LOGS: ours_in_logs, **peers}
    speeds: Speeds = {task: {} for task in TASKS}
    for n_states, n_steps in effort.steps.items():
        problem = benign(n_steps, n_states)
        prepared = {name: prepare(problem) for name, prepare in libraries.items()}
        for task in TASKS:
            if task != FILTER and n_states >= ONLY_FILTER_FROM:
                continue
            progress(f"{task}: {n_states} states, {n_steps} steps")
            calls = {name: by_task[task] for name, by_task in prepared.items() if task in by_task}
            expected = calls[OURS]()
            for name in peers.keys() & calls.keys():
                check_agreement(problem, task, name, expected, calls[name]())
            timed = {**calls, **limits.calls(problem, task)}
            seconds = affordable_medians(timed, effort.longest_call, effort.budget, effort.most_rounds)
            if limits.BY_BLAS in seconds:
                seconds[limits.PRODUCT] = min(seconds[limits.PRODUCT], seconds.pop(limits.BY_BLAS))
            speeds[task][n_states] = {name: 1e9 * time / n_steps for name, time in seconds.items()}
    return speeds


def fastest_peer(speeds: dict[str, float]) -> float | None:
    return min((speeds[name] for name in PEERS if name in speeds), default=None)


def _task_table(by_states: dict[int, dict[str, float]], effort: Effort) -> str:
    names = list(dict.fromkeys(name for speeds in by_states.values() for name in speeds))
    rows = []
    for n_states, speeds in by_states.items():
        fastest = fastest_peer(speeds)
        cells = [brief(speeds[name]) if name in speeds else NOTHING for name in names]
        ratio = f"{brief(fastest / speeds[OURS])} ×" if fastest else NOTHING
        rows.append([f"{n_states}", f"{effort.steps[n_states]:,}", *cells, ratio])
    return markdown(["K", "T", *names, "fastest peer over hmmfilter"], rows)


def _targets(speeds: Speeds) -> list[Target]:
    targets = []
    for task, wanted_by_states in TIMES_FASTEST.items():
        for n_states, wanted in wanted_by_states.items():
            found = speeds[task].get(n_states, {})
            if fastest := fastest_peer(found):
                what = f"{task}, K = {n_states}: faster than the fastest peer"
                targets.append(Target(what, fastest / found[OURS], wanted, at_least=True))
    for n_states, wanted in TIMES_HMMLEARN_LOG.items():
        found = speeds[FILTER].get(n_states, {})
        if HMMLEARN_LOG in found:
            what = f"{FILTER}, K = {n_states}: faster than {HMMLEARN_LOG}"
            targets.append(Target(what, found[HMMLEARN_LOG] / found[OURS], wanted, at_least=True))
    for limit, (task, wanted_by_states) in OVER_LIMITS.items():
        for n_states, wanted in wanted_by_states.items():
            found = speeds[task].get(n_states, {})
            if limit in found:
                what = f"{task}, K = {n_states}: over {limit}"
                targets.append(Target(what, found[OURS] / found[limit], wanted, at_least=False))
    return targets


def section(speeds: Speeds, effort: Effort) -> Section:
    tables = "\n\n".join(f"### {task}\n\n{_task_table(speeds[task], effort)}" for task in TASKS)
    return Section(
        "Speed",
        "Nanoseconds a step, the median of calls taken in turn; T steps, K states, a harmless input on which all agree "
        f"to {TOLERANCE:g}. A dash: there is no such routine, or a call takes more than {effort.longest_call:g} s. "
        "np.exp is that of the table of log-likelihoods; vector-matrix (the faster of compiled code and BLAS) and "
        "max-plus are bare products of a vector and the transition matrix, one a step, and two for the smoother.\n\n"
        f"![Nanoseconds a step against the number of states](speed.png)\n\n{tables}",
        _targets(speeds),
    )
