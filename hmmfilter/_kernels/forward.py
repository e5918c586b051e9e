"""The forward recursion: filtering, block by block.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), sections III and V.A.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .block import Block, Origin, block_in, block_rows, fill_block, mistrust_begins, origin_of, set_begins
from .chain import Chain, chain_at
from .coded import coded, store_posterior
from .compiling import compiled
from .lanes import Lanes
from .limits import NEVER
from .numbers import largest, mark
from .sweep import sweep
from .tables import Tables, initial_at, last_together, matrix_at, steady_until
from .update import Scratch, lse_update, scratch_in, start_chain
from .wide import EXPONENT, PLANES, copy_wide, log_of_wide, wide_sum, widen_row


@compiled
def forward_block(
    log_b: FloatArray,
    origin: Origin,
    chain: Chain,
    state: FloatArray,
    block: Block,
    like: Lanes | None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray,
) -> int:
    """Filter a block: the rows are filled with f_t = α_t / Σ α_t, and the state goes from α before to α after it.

    Returns how many steps are possible.
    """
    fill_block(log_b, block, scratch.other)
    mistrust_begins(origin, len(log_b), block)
    i = np.int64(0)  # for a literal, all that it goes into would be compiled once more
    while i < len(log_b):
        begins = block.begins[i] == 1.0
        if begins:
            copy_wide(origin.wide, state)
        if largest(state[EXPONENT]) > NEVER and chain.is_narrow and block.is_narrow[i] == 1.0:
            reached = sweep(state, origin, chain, block, i, like, scratch, rows, increments)
            if reached > i:
                i = reached
                continue
        if largest(state[EXPONENT]) == NEVER:
            break
        before, before_exponent, before_rest = 1.0, 0.0, 0.0
        if begins:
            start_chain(log_b[i], like, scratch, state)
        else:
            before, before_exponent, before_rest = wide_sum(state, scratch.p[0, : state.shape[1]])
            lse_update(log_b[i], chain, like, scratch, state)
        if largest(state[EXPONENT]) == NEVER:
            break
        total, exponent, rest = store_posterior(state, rows[i])
        increments[i] = coded(total / before, (exponent - before_exponent) + (rest - before_rest))
        block.totals[i], block.exponents[i], block.rests[i] = total, exponent, rest
        i += 1
    return i


class Trace(NamedTuple):
    """α_t of a block as wide numbers, computed where they are asked for."""

    table: FloatArray  # (B, 4, K)
    tables: Tables
    slots: FloatArray  # for the chains


@compiled
def trace_in(room: FloatArray, n_rows: int, tables: Tables, slots: FloatArray) -> Trace:
    """The third part of a room."""
    n_states = tables.log_likelihoods.shape[1]
    return Trace(room[room.size - PLANES * n_rows * n_states :].reshape(n_rows, PLANES, n_states), tables, slots)


@compiled
def fill_trace(
    trace: Trace, n: int, start: int, end: int, checkpoints: FloatArray, like: Lanes | None, scratch: Scratch
) -> None:
    """Compute α_t from row start, in sequence n, to end again, from the state before them, the first checkpoint."""
    tables = trace.tables
    for t in range(start, end):
        state = trace.table[t - start]
        n += t == tables.starts[n + 1]
        if t == tables.starts[n]:
            widen_row(tables.log_initial[initial_at(tables, n)], state)
            start_chain(tables.log_likelihoods[t], like, scratch, state)
        else:
            copy_wide(checkpoints[0] if t == start else trace.table[t - start - 1], state)
            chain = chain_at(tables.log_transition, matrix_at(tables, t - 1), False, trace.slots)
            lse_update(tables.log_likelihoods[t], chain, like, scratch, state)


@compiled
def run_forward(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    room: FloatArray,
    state: FloatArray,
    checkpoints: FloatArray,
    rows: FloatArray,
    increments: FloatArray,
    n_possible: IntArray,
    log_likelihood: FloatArray,
) -> None:
    """Filter the rows of `Tables` from begin, in sequence n, to end.

    Fills rows, of this part alone, with f_t = α_t / Σ α_t, and increments with c_t = Σ α_t / Σ α_t−1, p(v_t | v_1:t−1),
    both `coded`; they may be as short as a block, if nobody reads them. Short sequences share a block. The state goes
    from α before to α after these rows, and the states before each block but the first of its sequence go into the
    checkpoints, a ring.
    Of each sequence that ends here, the log-likelihood log Σ α_T is kept, and of one that is impossible, how many steps
    of it are possible.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    n_rows = block_rows(n_states)
    scratch, block = scratch_in(room, n_states), block_in(room, min(n_rows, end - begin), n_states)
    widen_row(log_initial[0], scratch.origin)
    origin = origin_of(scratch.origin, scratch.origin_linear)
    is_kept = len(rows) >= end - begin, len(increments) >= end - begin
    n_checkpoints = 0
    t = begin
    while t < end:
        start, is_first = starts[n], t == starts[n]
        if is_first and len(log_initial) > 1:
            widen_row(log_initial[n], scratch.origin)
            origin = origin_of(scratch.origin, scratch.origin_linear)
        if not is_first and (t - start) % n_rows == 0:
            copy_wide(state, checkpoints[n_checkpoints % len(checkpoints)])
            n_checkpoints += 1
        last = last_together(tables, n, t, min(end, t + n_rows)) if is_first else n
        stop = min(starts[last + 1], end, t + n_rows - (t - start) % n_rows)
        led = t if is_first else t - 1
        m = matrix_at(tables, led) if led + 1 < stop else 0
        stop = steady_until(tables, led, stop)
        row, increment = t - begin if is_kept[0] else 0, t - begin if is_kept[1] else 0
        n_done = 0
        if is_first or largest(state[EXPONENT]) > NEVER:
            set_begins(tables, n, False, t, stop, block)
            n_done = forward_block(
                log_likelihoods[t:stop],
                origin,
                chain_at(log_transition, m, False, slots),
                state,
                block,
                like,
                scratch,
                rows[row : row + stop - t],
                increments[increment : increment + stop - t],
            )
            while n < len(starts) - 1 and starts[n + 1] <= t + n_done:
                i = starts[n + 1] - 1 - t
                log_likelihood[n] = log_of_wide(block.totals[i], block.exponents[i], block.rests[i])
                n += 1
            if t + n_done < stop:
                n_possible[n] = t + n_done - starts[n]
        if t + n_done < stop:
            stop = min(starts[n + 1], stop)
            mark(rows[row + n_done : row + stop - t].reshape(-1))
            mark(increments[increment + n_done : increment + stop - t])
            if n_possible[n] == t + n_done - starts[n]:
                increments[increment + n_done] = 0.0
            log_likelihood[n] = NEVER
            n += stop == starts[n + 1]
        t = stop


@compiled
def run_trace(
    log_initial: FloatArray,
    log_transition: FloatArray,
    transition_index: IntArray,
    log_likelihoods: FloatArray,
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    room: FloatArray,
    state: FloatArray,
    alphas: FloatArray,
) -> None:
    """Fill wide α_t, (rows, 4, K), of the rows from begin, in sequence n, to end, from the state before them.

    These are the numbers behind the rows of `run_forward`, which round where they are logs.
    """
    tables = Tables(log_initial, log_transition, transition_index, log_likelihoods, starts)
    n_states = log_likelihoods.shape[1]
    checkpoints = state.reshape(1, PLANES, n_states)
    fill_trace(Trace(alphas, tables, slots), n, begin, end, checkpoints, like, scratch_in(room, n_states))
