"""The best path through each state of each step (max-marginals), and the n best paths, in sums of two parts.

References
----------
.. [1] Wainwright, Jordan, *Graphical Models, Exponential Families, and Variational Inference* (2008), section 2.5.
.. [2] Seshadri, Sundberg, "List Viterbi decoding algorithms with applications", IEEE Transactions on Communications 42
   (1994), section II: the parallel algorithm, here from the end to the beginning.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import apart, compiled
from .lanes import Lanes, add, chosen, lane, larger, load, marked, marked_below, splat, store, subtract
from .limits import NEVER, ROUNDING
from .numbers import (
    copy,
    exceeds,
    lanes_two_sum,
    largest,
    largest_magnitude,
    mark,
    plus,
    surpasses,
    tally,
    two_sum,
)
from .scoring import BLOCK, LEAST_ERROR, best_of_four, count_possible
from .tables import Given, Tables, initial_at, matrix_at, steady_since, steady_until


@apart
def best_into(
    log_transition: FloatArray, head: FloatArray, tail: FloatArray, best: FloatArray, best_tail: FloatArray
) -> None:
    """max_i( log x(i) + log A(i, j) ) in two parts, without a branch and row after row, so that it vectorises."""
    n_states = head.size
    for j in range(n_states):
        best[j], best_tail[j] = NEVER, 0.0
    for i in range(n_states):
        for j in range(n_states):
            score, lost = two_sum(head[i], log_transition[i, j])
            score_tail = tail[i] + lost
            is_better = surpasses(score, score_tail, best[j], best_tail[j])
            best[j] = score if is_better else best[j]
            best_tail[j] = score_tail if is_better else best_tail[j]


@apart
def fill_delta_in_parts(tables: Tables, n: int, head: FloatArray, tail: FloatArray) -> int:
    """log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ) in two parts, and how many steps are possible."""
    first = tables.starts[n]
    for t in range(len(head)):
        row, row_tail, log_b = head[t], tail[t], tables.log_likelihoods[first + t]
        if t == 0:
            copy(tables.log_initial[initial_at(tables, n)], row)
            row_tail[:] = 0.0
        else:
            log_transition = tables.log_transition[matrix_at(tables, first + t - 1)]
            best_into(log_transition, head[t - 1], tail[t - 1], row, row_tail)
        highest = NEVER
        for j in range(row.size):
            row[j], row_tail[j] = tally(row[j], row_tail[j], log_b[j])
            highest = larger(highest, row[j])
        if highest == NEVER:
            return t
    return len(head)


def slots_for_transposed(n_slots: int, n_states: int) -> FloatArray:
    """Room for so many matrices, each with its number behind it, counted from 1."""
    return np.zeros((n_slots, n_states * n_states + 1))


class Transposed(NamedTuple):
    """A matrix of a transition, transposed."""

    into: FloatArray  # (K, K): a row has the ways into a state


@compiled
def transposed_at(log_transition: FloatArray, m: int, slots: FloatArray) -> Transposed:
    """Matrix m of a transition, transposed, in the slot that holds it, or is made to hold it."""
    n_states, slot = log_transition.shape[1], slots[m % len(slots)]
    into = slot[:-1].reshape(n_states, n_states)
    if slot[-1] != m + 1.0:
        for i in range(n_states):
            for j in range(n_states):
                into[j, i] = log_transition[m, i, j]
        slot[-1] = m + 1.0
    return Transposed(into)


@apart
def join_rests(
    tables: Tables, n: int, slots: FloatArray, rests: FloatArray, head: FloatArray, tail: FloatArray
) -> None:
    """Add log ρ_t(i) = max_j( log A(i, j) + log b_{t+1}(j) + log ρ_{t+1}(j) ) to log δ_t(i), and round once."""
    first, n_steps = tables.starts[n], len(head)
    rest, rest_tail, ahead, ahead_tail = rests[0], rests[1], rests[2], rests[3]
    rests[:] = 0.0
    for t in range(n_steps - 1, -1, -1):
        if t < n_steps - 1:
            log_b = tables.log_likelihoods[first + t + 1]
            for j in range(log_b.size):
                ahead[j], ahead_tail[j] = tally(rest[j], rest_tail[j], log_b[j])
            into = transposed_at(tables.log_transition, matrix_at(tables, first + t), slots).into
            best_into(into, ahead, ahead_tail, rest, rest_tail)
        for k in range(rest.size):
            joint, lost = two_sum(head[t, k], rest[k])
            head[t, k] = joint + (lost + (tail[t, k] + rest_tail[k]))


@compiled
def settle(head: FloatArray, tail: FloatArray) -> None:
    """Take into heads what tails have come to."""
    for k in range(head.size):
        head[k], tail[k] = two_sum(head[k], tail[k])


@compiled
def telling_difference(head: FloatArray, log_moves: FloatArray, log_likelihoods: FloatArray) -> float:
    """By how much a head must exceed another one, during some steps from settled ones on, for tails not to matter."""
    n_steps, most = len(log_likelihoods), largest_magnitude(head)
    growth = largest_magnitude(log_moves.reshape(-1)) + largest_magnitude(log_likelihoods.reshape(-1))
    return LEAST_ERROR + 8.0 * ROUNDING * (n_steps + 1) * (most + n_steps * growth)


@compiled
def best_by_heads(
    x: Lanes, x_tail: Lanes, log_moves: FloatArray, difference: float, like: Lanes
) -> tuple[Lanes, Lanes, bool]:
    """`best_into` by heads alone, and whether that will do: where no other head is as near as the difference."""
    zero = splat(like, 0.0)
    best = best_of_four(x, 0, log_moves, zero, like)
    if len(like) > 4:
        best = larger(best, best_of_four(x, 4, log_moves, zero, like))
    best_tail, n_near, least = zero, zero, subtract(best, splat(like, difference))
    for i in range(len(like)):
        score, lost = lanes_two_sum(splat(like, lane(x, i)), load(like, log_moves, i * len(like)))
        is_near = marked_below(least, score, zero)
        best_tail = chosen(is_near, add(splat(like, lane(x_tail, i)), lost), best_tail)
        n_near = add(n_near, is_near)
    return best, best_tail, marked(0, 0, n_near, splat(like, 1.5)) == 0


@compiled
def lanes_plus(x: Lanes, x_tail: Lanes, y: Lanes, like: Lanes) -> tuple[Lanes, Lanes]:
    """Add to numbers in two parts; −inf has no tail."""
    total, lost = lanes_two_sum(x, y)
    zero = splat(like, 0.0)
    return total, chosen(marked_below(splat(like, NEVER), total, zero), add(x_tail, lost), zero)


@apart
def advance_in_parts(
    log_moves: FloatArray,
    log_likelihoods: FloatArray,
    start: int,
    stop: int,
    like: Lanes,
    head: FloatArray,
    tail: FloatArray,
) -> None:
    """Rows of log δ in two parts, from step start to stop."""
    settle(head[start - 1], tail[start - 1])
    difference = telling_difference(head[start - 1], log_moves, log_likelihoods[start:stop])
    at = (start - 1) * len(like)
    x, x_tail = load(like, head, at), load(like, tail, at)
    for t in range(start, stop):
        best, best_tail, is_told = best_by_heads(x, x_tail, log_moves, difference, like)
        if not is_told:
            best_into(log_moves, head[t - 1], tail[t - 1], head[t], tail[t])
            best, best_tail = load(like, head, t * len(like)), load(like, tail, t * len(like))
        x, x_tail = lanes_plus(best, best_tail, load(like, log_likelihoods, t * len(like)), like)
        store(x, head, t * len(like))
        store(x_tail, tail, t * len(like))


@apart
def join_in_parts(
    log_into: FloatArray,
    log_likelihoods: FloatArray,
    start: int,
    stop: int,
    like: Lanes,
    rests: FloatArray,
    head: FloatArray,
    tail: FloatArray,
) -> None:
    """Steps of `join_rests` from step stop, of which log ρ is there, back to start."""
    settle(rests[0], rests[1])
    difference = telling_difference(rests[0], log_into, log_likelihoods[start + 1 : stop + 1])
    n_states, never = len(like), splat(like, NEVER)
    rest, rest_tail = load(like, rests, 0), load(like, rests, n_states)
    for t in range(stop - 1, start - 1, -1):
        log_b = load(like, log_likelihoods, (t + 1) * n_states)
        ahead, ahead_tail = lanes_plus(rest, rest_tail, log_b, like)
        rest, rest_tail, is_told = best_by_heads(ahead, ahead_tail, log_into, difference, like)
        if not is_told:
            store(ahead, rests, 2 * n_states)
            store(ahead_tail, rests, 3 * n_states)
            best_into(log_into, rests[2], rests[3], rests[0], rests[1])
            rest, rest_tail = load(like, rests, 0), load(like, rests, n_states)
        tails = add(load(like, tail, t * n_states), rest_tail)
        joint, lost = lanes_two_sum(load(like, head, t * n_states), rest)
        rounded = add(joint, add(lost, tails))
        store(chosen(marked_below(never, joint, splat(like, 0.0)), rounded, never), head, t * n_states)
    store(rest, rests, 0)
    store(rest_tail, rests, n_states)


@compiled
def fill_delta_by_lanes(tables: Tables, n: int, like: Lanes, head: FloatArray, tail: FloatArray) -> bool:
    """`fill_delta_in_parts` of few states; returns whether the sequence is possible."""
    first, n_steps = tables.starts[n], len(head)
    log_likelihoods = tables.log_likelihoods[first : first + n_steps]
    for k in range(len(like)):
        head[0, k], tail[0, k] = two_sum(tables.log_initial[initial_at(tables, n), k], log_likelihoods[0, k])
    start = 1
    while start < n_steps:
        led = first + start - 1
        stop = steady_until(tables, led, first + min(n_steps, start + BLOCK)) - first
        advance_in_parts(tables.log_transition[matrix_at(tables, led)], log_likelihoods, start, stop, like, head, tail)
        start = stop
    return largest(head[n_steps - 1]) > NEVER


@compiled
def join_rests_by_lanes(
    tables: Tables, n: int, like: Lanes, slots: FloatArray, rests: FloatArray, head: FloatArray, tail: FloatArray
) -> None:
    """`join_rests` of few states."""
    first, stop = tables.starts[n], len(head) - 1
    log_likelihoods = tables.log_likelihoods[first : first + len(head)]
    for k in range(len(like)):
        rests[0, k], rests[1, k] = 0.0, 0.0
        head[stop, k] += tail[stop, k]
    while stop > 0:
        led = first + stop - 1
        start = max(steady_since(tables, led, first) - first, stop - BLOCK)
        log_into = transposed_at(tables.log_transition, matrix_at(tables, led), slots).into
        join_in_parts(log_into, log_likelihoods, start, stop, like, rests, head, tail)
        stop = start


@compiled
def run_max_marginals(
    given: Given,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    rests: FloatArray,
    tails: FloatArray,
    rows: FloatArray,
    n_possible: IntArray,
) -> None:
    """The best log-joint through each state [1]_, of the sequences of `Tables` from row begin, where n begins, to end.

    Fills the rows, with NaN where a sequence is impossible; there are tails for the longest.
    """
    tables = Tables(*given)
    starts = tables.starts
    while begin < end:
        stop = starts[n + 1]
        head, tail = rows[begin:stop], tails[: stop - begin]
        if like is not None:
            if fill_delta_by_lanes(tables, n, like, head, tail):
                join_rests_by_lanes(tables, n, like, slots, rests, head, tail)
            else:
                n_possible[n] = count_possible(tables, n, rests)
        else:
            n_possible[n] = fill_delta_in_parts(tables, n, head, tail)
            if n_possible[n] == stop - begin:
                join_rests(tables, n, slots, rests, head, tail)
        if n_possible[n] < stop - begin:
            mark(head.reshape(-1))
        begin, n = stop, n + 1


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
    """`run_viterbi` for the n best paths of each sequence: the ways on are ranked backwards [2]_, and read forwards.

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
