"""The same task by every library on the same harmless input: first whether they agree, then how long they take."""

from __future__ import annotations

from tests.benchmarks import limits, machine
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import (
    FILTER,
    OURS,
    OURS_IN_LOGS,
    SMOOTH,
    TOLERANCE,
    VITERBI,
    Answer,
    agree,
    installed_peers,
    ours,
    ours_in_logs,
)
from tests.benchmarks.problems import Problem, benign
from tests.benchmarks.report import (
    NOTHING,
    Section,
    Speeds,
    Target,
    brief,
    markdown,
    progress,
    times,
    times_fastest,
)
from tests.benchmarks.timing import affordable_medians

TASKS = (FILTER, SMOOTH, VITERBI)

TIMES_FASTEST = {
    FILTER: {2: 1.5, 4: 1.5, 16: 2.5, 64: 4, 256: 6, 1024: 7},
    SMOOTH: {2: 2, 4: 2, 16: 2, 64: 2, 128: 2, 256: 2, 512: 2, 1024: 3},
    VITERBI: {2: 1.5, 4: 2, 16: 3, 64: 6, 256: 8, 1024: 3},
}
OVER_LIMITS = {  # for each limit its task, and the most that we may take over it
    limits.EXP: (FILTER, {2: 8, 4: 8}),
    limits.PRODUCT: (FILTER, dict.fromkeys((64, 128, 256, 512, 1024), 1.5)),
    limits.MAX_PLUS: (VITERBI, dict.fromkeys((64, 128, 256, 512, 1024), 1.5)),
}


class DisagreementError(Exception):
    """Two libraries say different things about a harmless input, so that their speeds are not worth comparing."""


def check_agreement(problem: Problem, task: str, name: str, expected: Answer, answer: Answer) -> None:
    if not agree(problem, task, expected, answer):
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
            progress(f"{task}: {n_states} states, {n_steps} steps")
            calls = {name: by_task[task] for name, by_task in prepared.items() if task in by_task}
            expected = calls[OURS]()
            for name in peers.keys() & calls.keys():
                check_agreement(problem, task, name, expected, calls[name]())
            timed = {**calls, **limits.calls(problem, task)}
            seconds = affordable_medians(timed, effort)
            if limits.BY_BLAS in seconds:
                seconds[limits.PRODUCT] = min(seconds[limits.PRODUCT], seconds.pop(limits.BY_BLAS))
            speeds[task][n_states] = {name: 1e9 * time / n_steps for name, time in seconds.items()}
    return speeds


def _task_table(by_states: dict[int, dict[str, float]], effort: Effort) -> str:
    names = list(dict.fromkeys(name for speeds in by_states.values() for name in speeds))
    rows = []
    for n_states, speeds in by_states.items():
        cells = [brief(speeds[name]) if name in speeds else NOTHING for name in names]
        rows.append([f"{n_states}", f"{effort.steps[n_states]:,}", *cells, times(times_fastest(speeds))])
    return markdown(["K", "T", *names, "fastest peer over hmmfilter"], rows)


def _targets(speeds: Speeds) -> list[Target]:
    targets = []
    for task, wanted_by_states in TIMES_FASTEST.items():
        for n_states, wanted in wanted_by_states.items():
            if ratio := times_fastest(speeds[task].get(n_states, {})):
                what = f"{task}, K = {n_states}: faster than the fastest peer"
                targets.append(Target(what, ratio, wanted, at_least=True))
    for limit, (task, wanted_by_states) in OVER_LIMITS.items():
        for n_states, wanted in wanted_by_states.items():
            found = speeds[task].get(n_states, {})
            if limit in found:
                what = f"{task}, K = {n_states}: over {limit}"
                targets.append(Target(what, found[OURS] / found[limit], wanted, at_least=False))
    return targets


def section(effort: Effort) -> Section:
    speeds = measure(effort)
    tables = "\n\n".join(f"### {task}\n\n{_task_table(speeds[task], effort)}" for task in TASKS)
    return Section(
        "Speed",
        "Nanoseconds a step; T steps of one sequence, K states, a harmless input on which all agree to "
        f"{TOLERANCE:g}. A dash: there is no such routine, or a call takes more than {effort.longest_call:g} s. "
        "np.exp is that of the table of log-likelihoods; vector-matrix (the faster of compiled code, the matrix packed "
        "in tiles of columns whose sums stay in registers, and BLAS) and max-plus (packed alike) are bare products of "
        "a vector and the transition matrix, one a step, and two for the smoother.\n\n"
        f"![Nanoseconds a step against the number of states]({machine.picture()})\n\n{tables}",
        _targets(speeds),
        speeds,
    )
