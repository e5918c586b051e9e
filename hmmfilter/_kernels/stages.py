"""Scores of the nodes of a network: of a sequence, all at once or block by block.

Where there is no room for the scores of all steps, those of every so many steps are kept, and the others computed again
on the way back, block by block: twice the time, in room that grows with √T.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import compiled
from .limits import NEVER, ROUNDING
from .network import Network, node_count
from .numbers import copy, largest, largest_magnitude
from .routes import DEPTH, LARGEST, PAD, Routes, advance_by_moves, hold_moves
from .scoring import BLOCK, LEAST_ERROR
from .tables import Tables, initial_at, matrix_at, steady_until

SCORES, REST, REST_TAIL = 0, 1, 2  # of a checkpoint
MOST_SCORES = 2**22  # 32 MB, up to which all scores are kept


class Retracer(NamedTuple):
    """Room for decoding one sequence after the other on a network."""

    routes: Routes
    rows: FloatArray  # scores of the nodes of so many steps, and of the step before, as one vector
    checkpoints: FloatArray  # (blocks, 3, K): of the step before each block, scores; and log ρ at its end, where asked
    head: FloatArray  # (K,)
    tail: FloatArray  # (K,)
    rest: FloatArray  # (nodes,): log ρ of states before a step and of nodes between
    rest_tail: FloatArray  # (nodes,)
    ahead: IntArray  # (nodes,): to which state after the step these lead, or −1
    live: IntArray  # (K,)
    terms: FloatArray  # (3 BLOCK,)


def block_length(n_steps: int, n_nodes: int) -> int:
    """Of how many moves scores are kept at once: all, or so many that they need as much room as the checkpoints."""
    length = n_steps if n_steps * n_nodes <= MOST_SCORES else math.isqrt(3 * n_steps)
    return max(1, min(n_steps - 1, length))


def room_for_retracing(routes: Routes, network: Network, n_steps: int) -> Retracer:
    """Room for sequences of so many steps at most; what a line of moves reaches beyond has to be finite."""
    n_nodes = node_count(network)
    n_states = n_nodes - network.n_between
    length = block_length(n_steps, n_nodes)
    n_blocks = -(-(n_steps - 1) // length)
    return Retracer(
        routes,
        np.zeros((length + 1) * n_nodes + 2 * PAD),
        np.empty((n_blocks, 3, n_states)),
        np.empty(n_states),
        np.empty(n_states),
        np.empty(n_nodes),
        np.empty(n_nodes),
        np.empty(n_nodes, dtype=np.int64),
        np.empty(n_states, dtype=np.int64),
        np.empty(3 * BLOCK),
    )


@compiled
def length_of(retracer: Retracer) -> int:
    """Of how many moves there are rows."""
    n_nodes = retracer.rest.size
    return (retracer.rows.size - 2 * PAD) // n_nodes - 1


class Row(NamedTuple):
    """A row of the scores that a room has."""

    states: FloatArray  # (K,)


@compiled
def row_in(retracer: Retracer, row: int) -> Row:
    """A row by its number."""
    end = PAD + (row + 1) * retracer.rest.size
    return Row(retracer.rows[end - retracer.live.size : end])


@compiled
def lower(scores: FloatArray, top: float) -> None:
    """Take a maximum out of scores."""
    for k in range(scores.size):
        scores[k] -= top


@compiled
def next_stop(tables: Tables, first: int, start: int, end: int) -> int:
    """How far the step before start leads by one matrix, up to an end and to where a maximum is taken out."""
    return steady_until(tables, first + start - 1, first + min(end, start - start % BLOCK + BLOCK)) - first


@compiled
def advance_by(tables: Tables, n: int, start: int, stop: int, block: int, retracer: Retracer) -> None:
    """Scores of steps start to stop, to which one matrix leads, in a block."""
    first, network = tables.starts[n], tables.log_transition.onward
    log_likelihoods = tables.log_likelihoods[first : tables.starts[n + 1]]
    m, row = matrix_at(tables, first + start - 1), start - block * length_of(retracer)
    hold_moves(network, m, log_likelihoods.shape[1], True, retracer.routes)
    advance_by_moves(network, retracer.routes, log_likelihoods, start, stop, row, retracer.rows)


@compiled
def score_first_step(tables: Tables, n: int, scores: FloatArray) -> None:
    """log δ_0(k) = log p(h_0 = k) + log b_0(k)."""
    log_initial, log_b = tables.log_initial[initial_at(tables, n)], tables.log_likelihoods[tables.starts[n]]
    for k in range(scores.size):
        scores[k] = log_initial[k] + log_b[k]


@compiled
def fill_scores_by_moves(tables: Tables, n: int, retracer: Retracer) -> tuple[float, float]:
    """Scores of a sequence, less their maximum after every so many steps: those of the last block are there in the end.

    Returns the largest score at the end, and how far one may be off: the bound of `fill_scores`, for as many moves in a
    step as there may be one after the other.
    """
    first, end = tables.starts[n], tables.starts[n + 1]
    network, log_likelihoods = tables.log_transition.onward, tables.log_likelihoods[first:end]
    routes, length, block = retracer.routes, length_of(retracer), 0
    scores = row_in(retracer, 0).states
    score_first_step(tables, n, scores)
    start, top, n_steps = 1, largest(scores), end - first
    log_initial = tables.log_initial[initial_at(tables, n)]
    error = LEAST_ERROR + 8.0 * ROUNDING * (largest_magnitude(log_initial) + largest_magnitude(log_likelihoods[0]))
    while start < n_steps and top > NEVER:
        stop = next_stop(tables, first, start, n_steps)
        hold_moves(network, matrix_at(tables, first + start - 1), scores.size, True, routes)
        n_more, depth = stop - start, routes.facts[DEPTH]
        growth = depth * routes.facts[LARGEST] + largest_magnitude(log_likelihoods[start:stop].reshape(-1))
        error += 8.0 * ROUNDING * n_more * depth * (largest_magnitude(scores) + n_more * growth)
        while start < stop:
            if start - 1 == (block + 1) * length or start == 1:
                block = (start - 1) // length
                copy(scores, retracer.checkpoints[block, SCORES])
                copy(retracer.checkpoints[block, SCORES], row_in(retracer, 0).states)
            until = min(stop, (block + 1) * length + 1)
            advance_by(tables, n, start, until, block, retracer)
            scores = row_in(retracer, until - 1 - block * length).states
            start = until
        top = largest(scores)
        if stop % BLOCK == 0 and top > NEVER:
            lower(scores, top)
    return top, error


@compiled
def score_block(tables: Tables, n: int, block: int, retracer: Retracer) -> None:
    """Compute the scores of a block again, from its checkpoint."""
    first, length = tables.starts[n], length_of(retracer)
    start, end = block * length + 1, min((block + 1) * length + 1, tables.starts[n + 1] - first)
    copy(retracer.checkpoints[block, SCORES], row_in(retracer, 0).states)
    while start < end:
        stop = next_stop(tables, first, start, end)
        advance_by(tables, n, start, stop, block, retracer)
        if stop % BLOCK == 0:
            scores = row_in(retracer, stop - 1 - block * length).states
            lower(scores, largest(scores))
        start = stop


@compiled
def count_possible_on(tables: Tables, n: int, retracer: Retracer) -> int:
    """How many steps of an impossible sequence are possible."""
    first, network = tables.starts[n], tables.log_transition.onward
    log_likelihoods = tables.log_likelihoods[first : tables.starts[n + 1]]
    before, after, t = row_in(retracer, 0).states, row_in(retracer, 1).states, 0
    score_first_step(tables, n, before)
    while largest(before) > NEVER:
        t += 1
        hold_moves(network, matrix_at(tables, first + t - 1), before.size, True, retracer.routes)
        advance_by_moves(network, retracer.routes, log_likelihoods, t, t + 1, 1, retracer.rows)
        copy(after, before)
    return t
