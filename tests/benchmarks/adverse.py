"""The filter on inputs that force it off the easy path, beside hmmlearn's implementation in logs."""

from __future__ import annotations

from tests import cases
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import FILTER, HMMLEARN_LOG, OURS, installed_peers, ours
from tests.benchmarks.problems import Problem, benign
from tests.benchmarks.report import NOTHING, Section, Target, brief, markdown, progress
from tests.benchmarks.timing import affordable_medians

FAMILIES = {
    "gaps": cases.gaps,  # every second state 1,000 nats down, in turn
    "rare": cases.rare,  # one transition in 1e300 steps
    "chain": cases.chain,  # left to right, later states 40 nats down each
}
BENIGN = "benign"
TIMES_HMMLEARN_LOG = 5
GAPS_OVER_BENIGN = 3


def section(effort: Effort) -> Section:
    rows, targets = [], []
    theirs = installed_peers().get(HMMLEARN_LOG)
    for n_states, n_steps in effort.adverse_steps.items():
        progress(f"adverse inputs: {n_states} states, {n_steps} steps")
        problems = {BENIGN: benign(n_steps, n_states)}
        for name, family in FAMILIES.items():
            problems[name] = Problem(cases.draw(family, 0, n_steps, n_states))
        ours_by_input = {}
        for name, problem in problems.items():
            calls = {OURS: ours(problem)[FILTER]}
            if theirs:
                calls[HMMLEARN_LOG] = theirs(problem)[FILTER]
            seconds = affordable_medians(calls, effort.longest_call, effort.budget, effort.most_rounds)
            speeds = {library: 1e9 * time / n_steps for library, time in seconds.items()}
            ours_by_input[name] = speeds[OURS]
            row = [name, f"{n_states}", brief(speeds[OURS]), NOTHING, NOTHING]
            if HMMLEARN_LOG in speeds:
                ratio = speeds[HMMLEARN_LOG] / speeds[OURS]
                row[3:] = [brief(speeds[HMMLEARN_LOG]), f"{brief(ratio)} ×"]
                if name != BENIGN:
                    what = f"{name}, K = {n_states}: faster than {HMMLEARN_LOG}"
                    targets.append(Target(what, ratio, TIMES_HMMLEARN_LOG, at_least=True))
            rows.append(row)
        over_benign = ours_by_input["gaps"] / ours_by_input[BENIGN]
        what = f"gaps, K = {n_states}: over benign, both ours"
        targets.append(Target(what, over_benign, GAPS_OVER_BENIGN, at_least=False))
    return Section(
        "Adverse inputs",
        "The filter, nanoseconds a step. Benign: as above. Gaps: every second state 1,000 nats down, in turn. Rare: "
        "a chain that moves on once in 1e300 steps. Chain: left to right, later states 40 nats down each.\n\n"
        + markdown(["input", "K", OURS, HMMLEARN_LOG, "ratio"], rows),
        targets,
    )
