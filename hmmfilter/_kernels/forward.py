"""The forward recursion: filtering, block by block.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equations
   (19) to (21), and section V.A, equations (91) to (103), where c_t stands for what is 1 / c_t here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .block import BEYOND, Block, Origin, block_in, block_rows, fill_block, mistrust_begins, origin_of, set_begins
from .chain import Chain
from .coded import coded, store_filtered
from .compiling import apart, compiled
from .lanes import Lanes
from .limits import NEVER
from .network import made_ready
from .numbers import largest, mark
from .sweep import sweep
from .tables import Given, Tables, initial_at, matrix_at, place_of, stretch_from
from .update import Scratch, lse_update, scratch_in, start_chain
from .wide import EXPONENT, HEAD, PLANES, copy_wide, log_of_wide, wide_sum, widen_row


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
        if largest(state[EXPONENT]) > NEVER and chain.is_narrow and block.kinds[i] != BEYOND:
            reached = sweep(state, origin, chain, block, log_b, i, like, scratch, rows, increments)
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
        total, exponent, rest = store_filtered(state, scratch.predicted, log_b[i], rows[i])
        increments[i] = coded(total / before, (exponent - before_exponent) + (rest - before_rest))
        block.totals[i], block.exponents[i], block.rests[i] = total, exponent, rest
        i += 1
    return i


class Trace(NamedTuple):
    """α_t of a block as wide numbers, computed where they are asked for."""

    table: FloatArray  # (B, 4, K); NaN first, until it is filled
    tables: Tables
    slots: FloatArray  # for the chains
    checkpoints: FloatArray  # the first of which is the state before
    n: int  # the sequence of the first row,
    start: int  # which this is
    end: int


@compiled
def trace_in(
    room: FloatArray,
    n_rows: int,
    tables: Tables,
    slots: FloatArray,
    checkpoints: FloatArray,
    n: int,
    start: int,
    end: int,
) -> Trace:
    """The third part of a room, for rows from start, in sequence n, to end, of so many at most; as yet, it is empty."""
    n_states = tables.log_likelihoods.shape[1]
    table = room[room.size - PLANES * n_rows * n_states :].reshape(n_rows, PLANES, n_states)
    table[0, HEAD, 0] = math.nan
    return Trace(table, tables, slots, checkpoints, n, start, end)


@apart
def fill_trace(trace: Trace, like: Lanes | None, scratch: Scratch) -> None:
    """Compute α_t of all rows again, from the state before them."""
    tables, start, n = trace.tables, trace.start, trace.n
    for t in range(start, trace.end):
        state = trace.table[t - start]
        n += t == tables.starts[n + 1]
        if t == tables.starts[n]:
            widen_row(tables.log_initial[initial_at(tables, n)], state)
            start_chain(tables.log_likelihoods[t], like, scratch, state)
        else:
            copy_wide(trace.checkpoints[0] if t == start else trace.table[t - start - 1], state)
            chain = made_ready(tables.log_transition, matrix_at(tables, t - 1), False, trace.slots)
            lse_update(tables.log_likelihoods[t], chain, like, scratch, state)


@compiled
def origin_at(tables: Tables, n: int, scratch: Scratch) -> Origin:
    """What sequence n begins with: its initial distribution."""
    widen_row(tables.log_initial[initial_at(tables, n)], scratch.origin)
    return origin_of(scratch.origin, scratch.origin_linear)


@compiled
def keep_log_likelihoods(
    starts: IntArray, n: int, t: int, reached: int, block: Block, log_likelihood: FloatArray
) -> int:
    """Keep log Σ α_T of the sequences, from n on, that end with a block from row t to the one reached; the next n."""
    while n < len(starts) - 1 and starts[n + 1] <= reached:
        i = starts[n + 1] - 1 - t
        log_likelihood[n] = log_of_wide(block.totals[i], block.exponents[i], block.rests[i])
        n += 1
    return n


@compiled
def run_forward(
    given: Given,
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
    """Filter the rows of `Tables` from begin, in sequence n, to end, by log α_t = `lse_update` of log α_t−1 [1]_.

    Fills rows, of this part alone, with f_t = α_t / Σ α_t, and increments with c_t = Σ α_t / Σ α_t−1, p(v_t | v_1:t−1),
    both `coded`; they may be as short as a block, if nobody reads them. The state goes from α before to α after these
    rows, and the states before each block but the first of its sequence go into the checkpoints, a ring.
    Of each sequence that ends here, the log-likelihood log Σ α_T is kept, and of one that is impossible, how many steps
    of it are possible.
    """
    tables = Tables(*given)
    starts, n_states = tables.starts, tables.log_likelihoods.shape[1]
    n_rows, n_block = end - begin, block_rows(n_states)
    scratch, block = scratch_in(room, n_states), block_in(room, min(n_block, n_rows), n_states)
    origin = origin_at(tables, n, scratch)
    n_checkpoints = 0
    t = begin
    while t < end:
        if t == starts[n] and len(tables.log_initial) > 1:
            origin = origin_at(tables, n, scratch)
        if t > starts[n] and (t - starts[n]) % n_block == 0:
            copy_wide(state, checkpoints[n_checkpoints % len(checkpoints)])
            n_checkpoints += 1
        stop, m = stretch_from(tables, n, t, end, n_block)
        row, increment = place_of(t - begin, n_rows, len(rows)), place_of(t - begin, n_rows, len(increments))
        its_rows, its_increments = rows[row : row + stop - t], increments[increment : increment + stop - t]
        reached = t
        if t == starts[n] or largest(state[EXPONENT]) > NEVER:
            set_begins(tables, n, False, t, stop, block)
            chain = made_ready(tables.log_transition, m, False, slots)
            log_b = tables.log_likelihoods[t:stop]
            reached += forward_block(log_b, origin, chain, state, block, like, scratch, its_rows, its_increments)
            n = keep_log_likelihoods(starts, n, t, reached, block, log_likelihood)
            if reached < stop:
                n_possible[n] = reached - starts[n]
        if reached < stop:
            stop = min(starts[n + 1], stop)
            mark(its_rows[reached - t : stop - t].reshape(-1))
            mark(its_increments[reached - t : stop - t])
            if n_possible[n] == reached - starts[n]:  # the first that is impossible: c_t = 0
                its_increments[reached - t] = 0.0
            log_likelihood[n] = NEVER
            n += stop == starts[n + 1]
        t = stop


@compiled
def run_trace(
    given: Given,
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
    tables = Tables(*given)
    n_states = tables.log_likelihoods.shape[1]
    trace = Trace(alphas, tables, slots, state.reshape(1, PLANES, n_states), n, begin, end)
    fill_trace(trace, like, scratch_in(room, n_states))
