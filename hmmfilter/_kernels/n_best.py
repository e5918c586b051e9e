"""The n best paths, in sums of two parts.

References
----------
.. [1] Seshadri, Sundberg, "List Viterbi decoding algorithms with applications", IEEE Transactions on Communications 42
   (1994), section II: the parallel algorithm, here from the end to the beginning.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import apart, compiled
from .limits import NEVER
from .numbers import copy, exceeds, plus
from .scoring import count_possible
from .tables import Given, Tables, initial_at, matrix_at


class Lists(NamedTuple):
    """Room for the n best ways on from each state; way r from state j is number j n + r."""

    log_rest: FloatArray  # (2, K, n): log ρ of each, the best first, heads and tails; −inf where there are fewer
    log_ahead: FloatArray  # (2, K, n + 1): the same and the evidence that they begin with; the last is never taken
    log_next: FloatArray  # (2, K): what the best of each list comes to that has not been taken yet
    taken: IntArray  # (K,): how many of each list have been
    log_best: FloatArray  # (2, n): of whole paths
    way: IntArray  # (n,): that each path is on
    next_way: IntArray  # (B, K, n): which one each goes on with, for the moves of a block
    checkpoints: FloatArray  # (blocks, 2, K, n): log ρ where the moves of a block end


MOST_WAYS = 2**20  # up to so many, 8 MB, are kept from all steps; of more, those of one block at a time


def room_for_lists(n_steps: int, n_states: int, n_best: int) -> Lists:
    """Room for sequences of so many steps or fewer, in one block, or in blocks of the square root of that."""
    n_moves = n_steps - 1
    n_block = max(1, n_moves if n_moves * n_states * n_best <= MOST_WAYS else math.isqrt(n_moves) + 1)
    return Lists(
        np.empty((2, n_states, n_best)),
        np.full((2, n_states, n_best + 1), NEVER),
        np.empty((2, n_states)),
        np.empty(n_states, dtype=np.int64),
        np.empty((2, n_best)),
        np.empty(n_best, dtype=np.int64),
        np.empty((n_block, n_states, n_best), dtype=np.int64),
        np.empty((-(-n_moves // n_block), 2, n_states, n_best)),
    )


@compiled
def look_ahead(log_b: FloatArray, lists: Lists) -> None:
    """log b_t(j) + log ρ_t^r(j), for all r."""
    rest, rest_tail = lists.log_rest[0], lists.log_rest[1]
    ahead, ahead_tail = lists.log_ahead[0], lists.log_ahead[1]
    for j in range(rest.shape[0]):
        for r in range(rest.shape[1]):
            ahead[j, r], ahead_tail[j, r] = plus(rest[j, r], rest_tail[j, r], log_b[j])


@compiled
def merge(log_move: FloatArray, lists: Lists, best: FloatArray, best_tail: FloatArray, way: IntArray) -> None:
    """The n best of log A(j) + log b_t(j) + log ρ_t^r(j) over all j and r; of equal ones, the lower j, then r, first.

    Each list is sorted, so that the next best is the first that has not been taken, of one of them.
    """
    ahead, ahead_tail = lists.log_ahead[0], lists.log_ahead[1]
    score, score_tail = lists.log_next[0], lists.log_next[1]
    taken = lists.taken
    for j in range(log_move.size):
        taken[j] = 0
        score[j], score_tail[j] = plus(ahead[j, 0], ahead_tail[j, 0], log_move[j])
    for r in range(way.size):
        top = 0
        for j in range(1, log_move.size):
            if exceeds(score[j], score_tail[j], score[top], score_tail[top]):
                top = j
        best[r], best_tail[r], way[r] = score[top], score_tail[top], top * way.size + taken[top]
        taken[top] += 1
        score[top], score_tail[top] = plus(ahead[top, taken[top]], ahead_tail[top, taken[top]], log_move[top])


@apart
def rank_ways(tables: Tables, first: int, begin: int, stop: int, lists: Lists) -> None:
    """From log ρ at step stop to log ρ at step begin, and which way each goes on with from the steps between."""
    rest, rest_tail = lists.log_rest[0], lists.log_rest[1]
    for t in range(stop - 1, begin - 1, -1):
        look_ahead(tables.log_likelihoods[first + t + 1], lists)
        log_transition = tables.log_transition[matrix_at(tables, first + t)]
        for i in range(len(rest)):
            merge(log_transition[i], lists, rest[i], rest_tail[i], lists.next_way[t - begin, i])


@compiled
def rank_paths(tables: Tables, n: int, lists: Lists) -> None:
    """The n best paths, each as the way that it is on at the first step: log ρ backwards, and a look at the start."""
    first, n_moves, n_block = tables.starts[n], tables.starts[n + 1] - tables.starts[n] - 1, len(lists.next_way)
    rest = lists.log_rest
    rest[:], rest[0, :, 0], rest[1] = NEVER, 0.0, 0.0
    for block in range((n_moves - 1) // n_block, -1, -1):
        copy(rest.reshape(-1), lists.checkpoints[block].reshape(-1))
        rank_ways(tables, first, block * n_block, min(n_moves, (block + 1) * n_block), lists)
    look_ahead(tables.log_likelihoods[first], lists)
    merge(tables.log_initial[initial_at(tables, n)], lists, lists.log_best[0], lists.log_best[1], lists.way)


@apart
def read_paths(tables: Tables, n: int, lists: Lists, paths: IntArray) -> None:
    """Walk along the ways forwards, block by block; those of the first block are still there."""
    first, n_moves, n_block = tables.starts[n], paths.shape[1] - 1, len(lists.next_way)
    n_best = lists.way.size
    for begin in range(0, n_moves, n_block):
        stop = min(n_moves, begin + n_block)
        if begin > 0:
            copy(lists.checkpoints[begin // n_block].reshape(-1), lists.log_rest.reshape(-1))
            rank_ways(tables, first, begin, stop, lists)
        for m in range(len(paths)):
            way = lists.way[m]
            for t in range(begin, stop):
                paths[m, t] = way // n_best
                way = lists.next_way[t - begin, way // n_best, way % n_best]
            lists.way[m] = way
    for m in range(len(paths)):
        paths[m, n_moves] = lists.way[m] // n_best


@compiled
def run_viterbi_n_best(
    given: Given,
    n: int,
    begin: int,
    end: int,
    lists: Lists,
    scores: FloatArray,
    paths: IntArray,
    n_possible: IntArray,
    log_joints: FloatArray,
) -> None:
    """`run_viterbi` for the n best paths of each sequence: the ways on are ranked backwards [1]_, and read forwards.

    Where there are fewer paths, the others, and their log-probabilities, are left as they are.
    """
    tables = Tables(*given)
    starts = tables.starts
    while begin < end:
        stop = starts[n + 1]
        rank_paths(tables, n, lists)
        n_found = 0
        while n_found < lists.way.size and lists.log_best[0, n_found] > NEVER:
            log_joints[n, n_found] = lists.log_best[0, n_found]
            n_found += 1
        if n_found > 0:
            n_possible[n] = stop - begin
            read_paths(tables, n, lists, paths[:n_found, begin:stop])
        else:
            n_possible[n] = count_possible(tables, n, scores)
        begin, n = stop, n + 1
