"""What a step of the filter is made of where states are few: each part alone, as bare as it can be, and all of it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numba
import numpy as np
from hmmfilter._compiled.instructions import fma, lane, load, multiply, splat, store

from hmmfilter import _checks
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import FILTER, OURS, installed_peers, ours
from tests.benchmarks.problems import Array, Problem, benign
from tests.benchmarks.report import Section, brief, markdown, progress
from tests.benchmarks.timing import affordable_medians

MOST_STATES = 16
CACHED_STEPS = 1000  # of the tables that parts work on, so that no part pays for memory but the one that is about it
CHECKS, PAGES, EXPONENTIALS = "checks of the tables", "memory for the rows", "exponentials"
RECURSION, NORMALISING, LOGS = "the bare recursion", "normalising the rows", "logs of the increments"
PARTS = (CHECKS, PAGES, EXPONENTIALS, RECURSION, NORMALISING, LOGS)
FASTEST = "the fastest peer"


@functools.cache
def recursion(n_states: int) -> Callable[[Array, Array, Array, Array], None]:
    """p'(j) = Σ_i p(i) matrix(i, j) likelihood(j), in registers: nothing is scaled, compensated or looked at."""
    like = (0.0,) * n_states

    @numba.njit
    def run(initial: Array, matrix: Array, likelihoods: Array, rows: Array) -> None:
        p = load(like, initial, 0)
        for t in range(len(rows)):
            total = splat(like, 0.0)
            for i in range(n_states):
                total = fma(splat(like, lane(p, i)), load(like, matrix, i * n_states), total)
            p = multiply(total, load(like, likelihoods, t * n_states))
            store(p, rows, t * n_states)

    return run


@functools.cache
def normalising(n_states: int) -> Callable[[Array, Array], None]:
    """Each row times the reciprocal of its sum."""
    like = (0.0,) * n_states

    @numba.njit
    def run(rows: Array, totals: Array) -> None:
        for t in range(len(rows)):
            row = load(like, rows, t * n_states)
            total = lane(row, 0)
            for k in range(1, n_states):
                total += lane(row, k)
            totals[t] = total
            store(multiply(row, splat(like, 1 / total)), rows, t * n_states)

    return run


def parts(problem: Problem) -> dict[str, Callable[[], object]]:
    """A call of each; the first two are of all steps, the others of some that stay in the cache."""
    logs = problem.log_likelihoods[:CACHED_STEPS].copy()
    likelihoods, shares, filtered = np.ones_like(logs), np.ones_like(logs), np.empty_like(logs)
    increments, totals = np.ones(len(logs)), np.empty(len(logs))
    run, normalise = recursion(problem.n_states), normalising(problem.n_states)
    return {
        CHECKS: lambda: _checks.chain(*problem.tables),
        PAGES: lambda: np.empty_like(problem.log_likelihoods).fill(0.0),
        EXPONENTIALS: lambda: np.exp(logs, out=filtered),
        RECURSION: lambda: run(problem.initial, problem.transition, likelihoods, filtered),
        NORMALISING: lambda: normalise(shares, totals),
        LOGS: lambda: np.log(increments, out=totals),
    }


def section(effort: Effort) -> Section:
    columns = []
    states = [n_states for n_states in effort.steps if n_states <= MOST_STATES]
    for n_states in states:
        progress(f"what a step is made of, K = {n_states}")
        problem = benign(effort.steps[n_states], n_states)
        peers = {name: prepare(problem).get(FILTER) for name, prepare in installed_peers().items()}
        calls = {**parts(problem), OURS: ours(problem)[FILTER], **{name: call for name, call in peers.items() if call}}
        seconds = affordable_medians(calls, effort)
        steps = {name: min(CACHED_STEPS, problem.n_steps) for name in PARTS[2:]}
        nanoseconds = {name: 1e9 * time / steps.get(name, problem.n_steps) for name, time in seconds.items()}
        fastest = min((nanoseconds[name] for name in peers if name in nanoseconds), default=np.nan)
        made_of = [nanoseconds[name] for name in PARTS]
        columns.append([*made_of, sum(made_of), nanoseconds[OURS], fastest])
    names = [*PARTS, "sum", OURS, FASTEST]
    rows = [[name, *map(brief, row)] for name, row in zip(names, zip(*columns, strict=True), strict=True)]
    return Section(
        "What a step is made of",
        "The filter, nanoseconds a step. Each part by itself, as bare as it can be: the recursion in registers, with "
        "no scaling, compensation or look for what fades. Parts that overlap may take less together than their sum.\n\n"
        + markdown(["", *(f"K = {n_states}" for n_states in states)], rows),
    )
