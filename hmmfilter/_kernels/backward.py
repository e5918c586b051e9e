"""The backward recursion: smoothing what the forward one left.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equations
   (24) to (27).
"""

from __future__ import annotations

import math

from hmmfilter._arrays import FloatArray, IntArray

from .block import BEYOND, Block, Origin, block_in, block_rows, fill_block, origin_of, set_begins
from .chain import Chain
from .coded import store_posterior, store_smoothed
from .compiling import compiled
from .forward import Trace, fill_trace, trace_in
from .lanes import Lanes
from .network import made_ready
from .numbers import mark
from .sweep import sweep
from .tables import Given, Tables, block_before, is_possible, stretch_before
from .update import Scratch, lse_update, scratch_in, start_chain
from .wide import EXPONENT, HEAD, TAIL, copy_wide, weigh


@compiled
def backward_block(
    log_b: FloatArray,
    origin: Origin,
    chain: Chain,
    state: FloatArray,
    block: Block,
    like: Lanes | None,
    scratch: Scratch,
    trace: Trace,
    t: int,
    rows: FloatArray,
) -> None:
    """Smooth rows of a block in place: f_t becomes γ_t = f_t β_t / Σ f_t β_t, and ω after them ω before them.

    ω_t(i) = p(v_t:T | h_t = i) = b_t(i) β_t(i) follows the forward recursion on the transposed transition, from the
    end [1]_; what its step leaves as predicted is β_t(i) = Σ_j A(i, j) b_t+1(j) β_t+1(j). Where a row of the filter
    holds logs, which are rounded, and so little else is left of it that this could show, α is taken from a table.
    """
    fill_block(log_b, block, scratch.other)
    i = len(log_b) - 1
    while i >= 0:
        begins = block.begins[i] == 1.0
        if begins:
            copy_wide(origin.wide, state)
        if chain.is_narrow and block.kinds[i] != BEYOND:
            reached = sweep(state, origin, chain, block, log_b, i, like, scratch, rows, None)
            if reached < i:
                i = reached
                continue
        if begins:
            start_chain(log_b[i], like, scratch, state)
        else:
            lse_update(log_b[i], chain, like, scratch, state)
            shares = scratch.p[HEAD, : rows.shape[1]]
            if not store_smoothed(scratch.predicted, scratch.other, scratch.after, shares, rows[i]):
                copy_wide(scratch.predicted, scratch.after)
                if math.isnan(trace.table[0, HEAD, 0]):
                    fill_trace(trace, like, scratch)
                weigh(scratch.after, trace.table[t - trace.start + i], like, scratch.after)
                store_posterior(scratch.after, rows[i])
        i -= 1


@compiled
def origin_of_ones(scratch: Scratch) -> Origin:
    """What the recursion begins with at the end of a sequence: β_T = 1."""
    for k in range(scratch.origin.shape[1]):
        scratch.origin[HEAD, k], scratch.origin[TAIL, k], scratch.origin[EXPONENT, k] = 1.0, 0.0, 0.0
    return origin_of(scratch.origin, scratch.origin_linear)


@compiled
def run_backward(
    given: Given,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    backward_slots: FloatArray,
    room: FloatArray,
    state: FloatArray,
    checkpoints: FloatArray,
    rows: FloatArray,
    n_possible: IntArray,
) -> None:
    """Smooth in place what `run_forward` left of the rows from begin to end, in sequence n, and in checkpoints [1]_.

    The state goes from ω after to ω before these rows. Rows of impossible sequences are marked.
    """
    tables = Tables(*given)
    n_states = tables.log_likelihoods.shape[1]
    n_block = block_rows(n_states)
    n_rows = min(n_block, end - begin)
    scratch, block = scratch_in(room, n_states), block_in(room, n_rows, n_states)
    origin = origin_of_ones(scratch)
    n_checkpoints = len(checkpoints)
    while end > begin:
        first, start = block_before(tables, n, begin, end, n_block, n_possible)
        n_checkpoints -= start > tables.starts[first]
        its_rows = rows[start - begin : end - begin]
        if not is_possible(tables.starts, n_possible, n):
            mark(its_rows.reshape(-1))
        else:
            trace = trace_in(room, n_rows, tables, slots, checkpoints[n_checkpoints:], first, start, end)
            stop = end
            while stop > start:
                t, m = stretch_before(tables, n, start, stop)
                set_begins(tables, first, True, t, stop, block)
                chain = made_ready(tables.log_transition, m, True, backward_slots)
                log_b, some_rows = tables.log_likelihoods[t:stop], its_rows[t - start : stop - start]
                backward_block(log_b, origin, chain, state, block, like, scratch, trace, t, some_rows)
                stop = t
        end = start
        n = first - 1 if start == tables.starts[first] else first
