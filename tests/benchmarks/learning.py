"""Learning: one iteration beside other libraries, its memory and its workers; and where whole fits end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np

from hmmfilter.emissions import Categorical, Gaussian, Poisson
from tests.benchmarks import fits, learners
from tests.benchmarks.effort import Effort
from tests.benchmarks.learners import ITERATION, Task, agree
from tests.benchmarks.memory import can_measure
from tests.benchmarks.peers import OURS
from tests.benchmarks.problems import Array
from tests.benchmarks.processes import MEGABYTE, run_python
from tests.benchmarks.report import Section, Speeds, Target, brief, markdown, progress, times, times_fastest
from tests.benchmarks.sequences import LOOP, LOOPS, bare_loop, two_loops
from tests.benchmarks.timing import affordable_medians, on_all_cores

SYMBOLS, APART = 10, 20
LONG, SHORT = 100_000, 100
FASTER = {"normal": 2.5, "variances": 5, "full": 3, "counts": 2.5, "apart": 1.5}
MOST_OVER_SMOOTH, SMOOTH_STATES = 1.3, 16
MOST_MEGABYTES, MEMORY_STATES = 16, 4
TIMES_ONE_WORKER, MANY = 1.7, 10_000
SMOOTH, OURS_BY_TWO = "smooth", "hmmfilter, two workers"

Make = Callable[[int], Task]


def _matrices(rng: np.random.Generator, n_states: int, n_dimensions: int) -> Array:
    """Symmetric and positive definite, with eigenvalues of about 1."""
    factors = rng.normal(size=(n_states, n_dimensions, 2 * n_dimensions))
    return factors @ factors.transpose(0, 2, 1) / (2 * n_dimensions)


def normal(n_states: int, distance: float = 2.0) -> Make:
    """Numbers, from states in a row; learning begins a little beside the truth."""
    means, ones = distance * np.arange(n_states), np.ones(n_states)
    return lambda n_steps: learners.task(Gaussian(means, ones), Gaussian(means + 0.3, 1.5 * ones), n_steps)


def vectors(n_states: int, n_dimensions: int, kind: str, length: int | None = None) -> Make:
    """Vectors, from states about one standard deviation apart in each entry; many sequences where a length is given."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(n_states, n_dimensions))
    spread = _matrices(rng, n_states, n_dimensions) if kind == "full" else rng.uniform(0.5, 2, means.shape)

    def make(n_steps: int) -> Task:
        truth, start = (Gaussian(means + aside, spread, kind=kind) for aside in (0.0, 0.2))
        return learners.task(truth, start, n_steps, n_steps // length if length else 1)

    return make


def symbols(n_states: int) -> Make:
    chances, others = np.random.default_rng(0).dirichlet(np.ones(SYMBOLS), (2, n_states))
    return lambda n_steps: learners.task(Categorical(chances), Categorical((chances + others) / 2), n_steps)


def counts(n_states: int) -> Make:
    rates = 2.0 * 2.0 ** np.arange(n_states)
    return lambda n_steps: learners.task(Poisson(rates), Poisson(1.2 * rates), n_steps)


CASES: dict[str, tuple[Make, int, str]] = {  # what is made, of how many steps, and what is wanted of it
    **{f"normal, K = {k}": (normal(k), LONG, "normal") for k in (2, 4)},
    **{
        f"normal, {kind}, K = {k}, D = {d}": (vectors(k, d, kind), n_steps, kind)
        for kind, k, n_steps, d in (
            ("variances", 4, LONG, 4),
            ("variances", 16, 20_000, 8),
            ("variances", 64, 3000, 8),
            ("full", 4, LONG, 4),
            ("full", 16, 20_000, 8),
        )
    },
    f"normal, variances, K = 4, D = 2, sequences of {SHORT}": (vectors(4, 2, "variances", SHORT), LONG, "variances"),
    **{f"categorical, {SYMBOLS} symbols, K = {k}": (symbols(k), LONG, "counts") for k in (2, 4)},
    **{f"Poisson, K = {k}": (counts(k), LONG, "counts") for k in (2, 4)},
    **{f"normal, {APART} sd apart, K = {k}": (normal(k, APART), LONG, "apart") for k in (2, 4)},
    f"normal, {APART} sd apart, K = 16": (normal(16, APART), 20_000, "apart"),
}


def _iterations(effort: Effort) -> tuple[Speeds, str, list[Target]]:
    """Nanoseconds a step of all libraries that come to the same parameters, and an iteration over a smoother."""
    speeds: Speeds = {}
    rows, targets = [], []
    names = [OURS, *learners.PEERS]
    for name, (make, n_steps, wanted) in list(CASES.items())[: effort.learning_cases]:
        progress(f"{ITERATION}: {name}")
        task = make(min(n_steps, effort.learning_steps))
        n_states, lengths = task.start.n_states, task.lengths
        calls: dict[str, Callable[[], object]] = {
            OURS: learners.ours(task),
            SMOOTH: lambda task=task, lengths=lengths: (
                task.start.smooth(task.observations, lengths=lengths).probabilities
            ),
            **right_ones(task),
        }
        seconds = affordable_medians(calls, effort, patience=10)
        found = {library: 1e9 * taken / task.n_steps for library, taken in seconds.items()}
        smooth = found.pop(SMOOTH)
        speeds[f"{ITERATION}, {name}"] = {n_states: found}
        ratio, over_smooth = times_fastest(found), found[OURS] / smooth
        cells = [brief(found[library]) if library in found else times(None) for library in names]
        rows.append([name, f"{task.n_steps:,}", *cells, times(ratio), times(over_smooth)])
        if ratio:
            what = f"{ITERATION}, {name}: faster than the fastest peer"
            targets.append(Target(what, ratio, FASTER[wanted], at_least=True))
        if n_states <= SMOOTH_STATES:
            targets.append(Target(f"{ITERATION}, {name}: over smooth", over_smooth, MOST_OVER_SMOOTH, at_least=False))
    header = ["", "T", *names, "fastest peer over hmmfilter", f"hmmfilter's over its {SMOOTH}"]
    return speeds, f"### One iteration\n\n{markdown(header, rows)}", targets


def right_ones(task: Task) -> dict[str, Callable[[], object]]:
    """The others that come to the same log-likelihood and parameters."""
    expected, right = learners.ours(task)(), {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, iterate in learners.peers(task).items():
            try:
                is_right = agree(expected, iterate())
            except ValueError:  # as hmmlearn says that it underflowed
                is_right = False
            if is_right:
                right[name] = iterate
    return right


def _memory(effort: Effort) -> tuple[str, list[Target]]:
    if not can_measure():
        return "Memory is not measured: this needs /proc/self/clear_refs of Linux.", []
    rows, targets = [], []
    for name in (OURS, *learners.installed()):
        progress(f"memory of {ITERATION}: {name}")
        printed = run_python("-m", "tests.benchmarks.learning_memory", name, str(effort.learning_memory_steps))
        rows.append([name, f"{int(printed) / MEGABYTE:.1f}"])
        if name == OURS:
            what = f"{ITERATION}: memory beyond the data"
            targets.append(Target(what, int(printed) / MEGABYTE, MOST_MEGABYTES, at_least=False, unit="MB"))
    return (
        f"### Memory\n\nPeak resident memory of an iteration beyond the data, in MB: {MEMORY_STATES} normal states, "
        f"{effort.learning_memory_steps:,} steps, in a fresh process; observations are let in within it.\n\n"
        + markdown(["", "MB"], rows),
        targets,
    )


def _workers(effort: Effort) -> tuple[str, list[Target]]:
    progress(f"{ITERATION}: two workers")
    n_sequences = min(MANY, effort.learning_steps // SHORT)
    task = vectors(4, 2, "variances", SHORT)(n_sequences * SHORT)
    turns = 10 * task.n_steps
    calls: dict[str, Callable[[], object]] = {
        OURS: learners.ours(task),
        OURS_BY_TWO: learners.ours(task, workers=2),
        LOOP: lambda: bare_loop(turns),
        LOOPS: lambda: two_loops(turns),
    }
    with on_all_cores():
        seconds = affordable_medians(calls, effort, time.perf_counter, patience=10)
    ratio, possible = seconds[OURS] / seconds[OURS_BY_TWO], 2 * seconds[LOOP] / seconds[LOOPS]
    what = f"{ITERATION}, {n_sequences:,} sequences of {SHORT}: "
    return (
        f"Two workers, by the clock, {n_sequences:,} sequences of {SHORT} steps: {times(ratio)} as fast as one, where "
        f"two bare loops are {times(possible)} as fast as one.",
        [Target(f"{what}two workers over one (two bare loops: {brief(possible)} ×)", ratio, TIMES_ONE_WORKER, True)],
    )


def section(effort: Effort) -> Section:
    speeds, iterations, targets = _iterations(effort)
    memory, memory_targets = _memory(effort)
    workers, worker_targets = _workers(effort)
    text = "\n\n".join([iterations, workers, memory, fits.convergence(effort), fits.ends(effort)])
    return Section(
        "Learning",
        "Nanoseconds a step of one whole iteration, from the data to new parameters: `problem.expect` and "
        "`problem.maximised` of `hmmfilter.learning`, which `hmmfilter.fit` runs in turn, once observations are let "
        "in; `_do_estep` and `_do_mstep` of hmmlearn; `e_step` and `m_step` of dynamax, compiled together in double "
        "precision. All without priors, from the same start; a library is timed where its log-likelihood, its "
        f"transition and its means agree to {learners.TOLERANCE:g}.\n\n{text}",
        [*targets, *memory_targets, *worker_targets],
        speeds,
    )
