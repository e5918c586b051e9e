"""The rest of the posterior: pairs of steps, drawn paths, the n best, each beside the smoother on the same table."""

from __future__ import annotations

from collections.abc import Callable

import hmmfilter as hf
from tests.benchmarks.effort import Effort
from tests.benchmarks.problems import Problem, benign
from tests.benchmarks.report import Section, Target, brief, markdown, progress
from tests.benchmarks.timing import affordable_medians

MOST_STATES = 64
PATHS, BEST = 100, 5
PATH_STEPS, MOST_SECONDS = 10**6, 0.5
MAX_MARGINALS_OVER_VITERBI = 4

Task = Callable[..., object]
TASKS: dict[str, Task] = {
    "smooth": lambda *tables: hf.smooth(*tables).probabilities,
    "expected_transitions": hf.expected_transitions,
    "log_likelihood_gradient": hf.log_likelihood_gradient,
    "pairwise_marginals": hf.pairwise_marginals,
    "posterior_decode": hf.posterior_decode,
    f"sample_paths, {PATHS} paths, a step of one": lambda *tables: hf.sample_paths(*tables, PATHS, 0),
    "viterbi": hf.viterbi,
    "max_marginals": hf.max_marginals,
    f"viterbi_n_best, n = {BEST}": lambda *tables: hf.viterbi_n_best(*tables, BEST),
}


def _nanoseconds(problem: Problem, effort: Effort) -> list[float]:
    calls = {name: lambda task=task: task(*problem.tables) for name, task in TASKS.items()}
    seconds = affordable_medians(calls, effort, patience=10)
    steps = [problem.n_steps * (PATHS if name.startswith("sample") else 1) for name in TASKS]
    return [1e9 * seconds[name] / n for name, n in zip(TASKS, steps, strict=True)]


def section(effort: Effort) -> Section:
    columns, targets = [], []
    states = [n_states for n_states in effort.steps if n_states <= MOST_STATES]
    for n_states in states:
        progress(f"the rest of the posterior, K = {n_states}")
        n_steps = effort.steps[n_states]
        columns.append(_nanoseconds(benign(n_steps, n_states), effort))
        found = dict(zip(TASKS, columns[-1], strict=True))
        ratio = found["max_marginals"] / found["viterbi"]
        what = f"max_marginals, K = {n_states}: over viterbi"
        targets.append(Target(what, ratio, MAX_MARGINALS_OVER_VITERBI, at_least=False))
        size = PATH_STEPS // n_steps
        tables = benign(n_steps, n_states).tables
        draw = {"draw": lambda tables=tables, size=size: hf.sample_paths(*tables, size, 0)}
        seconds = affordable_medians(draw, effort)["draw"]
        what = f"sample_paths, K = {n_states}: {size:,} paths of {n_steps:,} steps"
        targets.append(Target(what, seconds, MOST_SECONDS, at_least=False, unit="s"))
    rows = [[name, *map(brief, row)] for name, row in zip(TASKS, zip(*columns, strict=True), strict=True)]
    header = ["nanoseconds a step", *(f"K = {n_states}" for n_states in states)]
    return Section("The rest of the posterior", "One sequence, a harmless input.\n\n" + markdown(header, rows), targets)
