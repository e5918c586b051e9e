"""Filters of chains that list their moves, beside dense ones, and beside lshmm's of Li and Stephens' model."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np

import hmmfilter as hf
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import is_installed
from tests.benchmarks.problems import Array
from tests.benchmarks.report import Section, Target, brief, markdown, progress, times
from tests.benchmarks.timing import affordable_medians

MOVES, STAY = 10, 0.95
JUMPS, SPARSE = "stays or jumps", f"{MOVES} moves from each state"
LEAST_OVER_DENSE = {JUMPS: 100, SPARSE: 6}
LEAST_OVER_LSHMM = 5
MOST_A_MOVE, MOST_OF_MOST, MOST_BYTES = 10, 20, 50  # nanoseconds; of the largest chain; in memory
LONGER = 5  # how many times as many steps: what is done once a call is no part of a step

Filter = Callable[[int], object]  # of so many steps


def panel(n_states: int, n_steps: int) -> tuple[Array, Array, Array]:
    """Alleles of haplotypes, (T, K), and of one that copies them, (T,); how probable it is to stay at each place."""
    rng = np.random.default_rng(0)
    haplotypes = rng.integers(2, size=(n_steps, n_states))
    copied = haplotypes[np.arange(n_steps), rng.integers(n_states, size=n_steps // 50 + 1).repeat(50)[:n_steps]]
    return haplotypes, copied, np.exp(-rng.exponential(0.05, n_steps - 1))


def sparse_chain(n_states: int) -> hf.transitions.Sparse:
    """Moves from each state to any others."""
    rng = np.random.default_rng(1)
    columns = (np.arange(n_states)[:, np.newaxis] + rng.choice(n_states, MOVES, replace=False)) % n_states
    logs = np.log(rng.dirichlet(np.ones(MOVES), n_states))
    rows = np.repeat(np.arange(n_states), MOVES)
    return hf.transitions.Sparse.from_logs(rows, columns.ravel(), logs.ravel(), n_states)


def ours(chain: object, log_likelihoods: Array) -> Filter:
    log_initial = np.full(log_likelihoods.shape[1], -np.log(log_likelihoods.shape[1]))
    return lambda n: hf.forward_filter(log_initial, _of_steps(chain, n), log_likelihoods[:n]).probabilities


def _of_steps(chain: object, n_steps: int) -> object:
    if not getattr(chain, "by_step", False):
        return chain
    return hf.transitions.StayOrJump(chain.stay[: n_steps - 1], chain.jump, by_step=True)


def lshmm(haplotypes: Array, copied: Array, stay: Array, mutation: float) -> Filter:
    """The compiled loop alone, with all that it takes made ready."""
    from lshmm.fb_haploid import forwards_ls_hap

    alleles, query = haplotypes.astype(np.int8), copied.astype(np.int8)[np.newaxis]
    recombination = np.append(0.0, 1 - stay)
    emission = np.tile([mutation, 1 - mutation], (len(copied), 1))
    return lambda n: forwards_ls_hap(alleles.shape[1], n, alleles[:n], query[:, :n], emission[:n], recombination[:n])[0]


def a_step(filters: dict[str, Filter], n_steps: dict[str, int], effort: Effort) -> dict[str, float]:
    """Microseconds of a step of each, from calls of two lengths."""
    calls = {
        (name, n): lambda run=run, n=n: run(n)
        for name, run in filters.items()
        for n in (n_steps[name], LONGER * n_steps[name])
    }
    seconds = affordable_medians({f"{name} {n}": call for (name, n), call in calls.items()}, effort, patience=10)
    return {
        name: 1e6
        * (seconds[f"{name} {LONGER * n_steps[name]}"] - seconds[f"{name} {n_steps[name]}"])
        / ((LONGER - 1) * n_steps[name])
        for name in filters
    }


def bytes_a_move(n_states: int) -> float:
    """What a chain, what it is made ready as, and a filter that keeps no table take, for each move."""
    log_initial, rows = np.full(n_states, -np.log(n_states)), np.zeros((20, n_states))
    hf.log_likelihood(log_initial[:MOVES], sparse_chain(MOVES), rows[:2, :MOVES])  # what is imported is not counted
    tracemalloc.start()
    chain = sparse_chain(n_states)
    chain._ways()
    tracemalloc.reset_peak()
    hf.log_likelihood(log_initial, chain, rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / (MOVES * n_states)


def _jumping(effort: Effort) -> tuple[str, list[Target]]:
    n_states, mutation = effort.jumping_states, 0.01
    n_steps = {"constant": 400, "by step": 400, "dense": 10, "lshmm": 400}
    progress(f"stays or jumps, {n_states} states")
    haplotypes, copied, stay = panel(n_states, LONGER * n_steps["lshmm"])
    log_likelihoods = np.where(haplotypes == copied[:, np.newaxis], np.log1p(-mutation), np.log(mutation))
    jump = np.full(n_states, 1 / n_states)
    constant = hf.transitions.StayOrJump(STAY, jump)
    by_step = hf.transitions.StayOrJump(stay, jump, by_step=True)
    filters = {
        "constant": ours(constant, log_likelihoods),
        "by step": ours(by_step, log_likelihoods),
        "dense": ours(np.log(constant.to_dense()), log_likelihoods),
    }
    if is_installed("lshmm"):
        filters["lshmm"] = lshmm(haplotypes, copied, stay, mutation)
        np.testing.assert_allclose(filters["lshmm"](50), filters["by step"](50), rtol=1e-8, atol=1e-12)
    took = a_step(filters, n_steps, effort)
    over_dense = took["dense"] / took["constant"]
    targets = [Target(f"{JUMPS}, K = {n_states}: over dense", over_dense, LEAST_OVER_DENSE[JUMPS], at_least=True)]
    rows = [[f"{JUMPS}, K = {n_states}", brief(took["constant"]), brief(took["dense"]), times(over_dense)]]
    text = markdown(["", "µs a step", "dense", "dense over ours"], rows)
    if "lshmm" in took:
        ratio = took["lshmm"] / took["by step"]
        targets.append(Target(f"a stay a step, K = {n_states}: over lshmm", ratio, LEAST_OVER_LSHMM, at_least=True))
        text += (
            f"\n\nWith a probability to stay for each step, {brief(took['by step'])} µs, exponentials of the "
            f"likelihoods included; lshmm's loop, which looks these up, {brief(took['lshmm'])} µs, {times(ratio)}."
        )
    return text, targets


def _sparse(effort: Effort) -> tuple[str, list[Target]]:
    rows, targets = [], []
    for n_states in effort.sparse_states:
        progress(f"sparse, {n_states} states")
        chain, is_large = sparse_chain(n_states), n_states > 4096
        n_steps = max(4, 200_000 // n_states)
        log_likelihoods = np.random.default_rng(2).normal(size=(LONGER * n_steps, n_states))
        filters = {"sparse": ours(chain, log_likelihoods)}
        if not is_large:
            with np.errstate(divide="ignore"):
                filters["dense"] = ours(np.log(chain.to_dense()), log_likelihoods)
        took = a_step(filters, dict.fromkeys(filters, n_steps), effort)
        of_move, held = 1e3 * took["sparse"] / chain.n_moves, bytes_a_move(n_states)
        name, ratio = f"{SPARSE}, K = {n_states}", None
        if is_large:
            most = MOST_OF_MOST if n_states == max(effort.sparse_states) else MOST_A_MOVE
            targets.append(Target(f"{name}: of a move", of_move, most, at_least=False, unit="ns"))
            targets.append(Target(f"{name}: memory of a move", held, MOST_BYTES, at_least=False, unit="bytes"))
        else:
            ratio = took["dense"] / took["sparse"]
            targets.append(Target(f"{name}: over dense", ratio, LEAST_OVER_DENSE[SPARSE], at_least=True))
        rows.append([name, brief(took["sparse"]), brief(of_move), brief(held), times(ratio)])
    return markdown(["", "µs a step", "ns a move", "bytes a move", "dense over ours"], rows), targets


def section(effort: Effort) -> Section:
    parts = [_jumping(effort), _sparse(effort)]
    return Section(
        "Structures",
        "`forward_filter` with its table of probabilities, of the step alone: from calls of two lengths. Bytes are "
        "those of the chain, of its moves listed both ways, and of a call of `log_likelihood`.\n\n"
        + "\n\n".join(text for text, _ in parts),
        [target for _, targets in parts for target in targets],
    )
