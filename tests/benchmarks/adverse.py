"""Inputs that force the recursions off the easy path, beside a harmless one and hmmlearn's implementation in logs."""

from __future__ import annotations

from tests import cases
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import FILTER, HMMLEARN_LOG, OURS, SMOOTH, installed_peers, ours
from tests.benchmarks.problems import Problem, benign
from tests.benchmarks.report import Section, Speeds, Target, brief, markdown, progress, times
from tests.benchmarks.timing import affordable_medians

FAMILIES = {
    "gaps": cases.gaps,  # every second state 1,000 nats down, in turn
    "rare": cases.rare,  # one transition in 1e300 steps
    "chain": cases.chain,  # left to right, later states 40 nats down each
}
TASKS = (FILTER, SMOOTH)
BENIGN = "benign"
TIMES_HMMLEARN_LOG = {4: 2, 16: 5, 64: 5}
MOST_OVER_BENIGN = {4: 2.5, 16: 2.5, 64: 2}


def label(task: str, name: str) -> str:
    return f"{task}, {name}"


def section(effort: Effort) -> Section:
    rows, targets = [], []
    speeds: Speeds = {label(task, name): {} for task in TASKS for name in FAMILIES}
    theirs = installed_peers().get(HMMLEARN_LOG)
    for n_states, n_steps in effort.adverse_steps.items():
        harmless = benign(n_steps, n_states)
        for task in TASKS:
            for name, family in FAMILIES.items():
                progress(f"{name}, {task}: {n_states} states, {n_steps} steps")
                problem = Problem(cases.draw(family, 0, n_steps, n_states))
                calls = {OURS: ours(problem)[task], BENIGN: ours(harmless)[task]}
                if theirs:
                    calls[HMMLEARN_LOG] = theirs(problem)[task]
                seconds = affordable_medians(calls, effort)
                what = f"{label(task, name)}, K = {n_states}"
                over_benign = seconds[OURS] / seconds[BENIGN]
                targets.append(Target(f"{what}: over benign", over_benign, MOST_OVER_BENIGN[n_states], at_least=False))
                faster = seconds[HMMLEARN_LOG] / seconds[OURS] if HMMLEARN_LOG in seconds else None
                if faster:
                    wanted = TIMES_HMMLEARN_LOG[n_states]
                    targets.append(Target(f"{what}: faster than {HMMLEARN_LOG}", faster, wanted, at_least=True))
                found = {library: 1e9 * time / n_steps for library, time in seconds.items()}
                cells = [brief(found.pop(BENIGN)), brief(found[OURS]), times(over_benign), times(faster)]
                rows.append([label(task, name), f"{n_states}", *cells])
                speeds[label(task, name)][n_states] = found
    header = ["", "K", "benign", "this", "over benign", f"{HMMLEARN_LOG} over hmmfilter"]
    return Section(
        "Adverse inputs",
        "Nanoseconds a step. Benign: as above, in turn with each. Gaps: every second state 1,000 nats down, in turn. "
        "Rare: a chain that moves on once in 1e300 steps. Chain: left to right, later states 40 nats down each.\n\n"
        + markdown(header, rows),
        targets,
        speeds,
    )
