"""Viterbi decoding: the way back to the best path, with a proof that no rounding has decided; best states of each step.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equations
   (29), and (32) to (35) in logs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import apart, compiled, inlined
from .lanes import EIGHT, TILE, Lanes, add, gather, lane, larger, load, lowest_bit, marked, splat, unsigned
from .limits import NEVER
from .numbers import exceeds, lanes_two_sum, largest, plus, tally
from .scoring import BLOCK, count_possible, fill_scores, moves_in, slot_with
from .tables import Given, Tables, initial_at, is_possible, matrix_at, place_of, steady_since

FROM_EACH = 0x0101_0101_0101_0101  # in a word of ways, bit 0 of each byte


class Decoder(NamedTuple):
    """Room for decoding one sequence after the other."""

    slots: FloatArray  # for moves
    terms: FloatArray  # (2 BLOCK,)
    log_rest: FloatArray  # (4, K)
    least: FloatArray  # (K,)
    live: IntArray  # (K,)
    came: IntArray  # (K,)


def room_for_decoding(n_states: int) -> FloatArray:
    """Room for a `Decoder`, all of it in one vector."""
    return np.empty(2 * BLOCK + 7 * n_states)


@compiled
def decoder_in(room: FloatArray, slots: FloatArray, n_states: int) -> Decoder:
    """A decoder in a room."""
    rows = room[2 * BLOCK :].reshape(7, n_states)
    return Decoder(slots, room[: 2 * BLOCK], rows[:4], rows[4], rows[5].view(np.int64), rows[6].view(np.int64))


@apart
def follow_few(t: int, j: int, path: IntArray) -> tuple[int, int]:
    """Walk back from state j at step t by the words of ways, for as long as one state alone can come before."""
    while t > 0:
        ways = (path[t] >> j) & FROM_EACH
        if ways & (ways - 1) != 0:
            break
        path[t] = j
        t, j = t - 1, lowest_bit(ways) >> 3
    return t, j


@compiled
def best_sum_into(before: FloatArray, log_moves: FloatArray, j: int) -> float:
    """max_i( log δ(i) + log A(i, j) )."""
    best = NEVER
    for i in range(before.size):
        best = larger(best, before[i] + log_moves[i, j])
    return best


@apart
def follow_many(
    tiles: FloatArray,
    log_moves: FloatArray,
    log_likelihoods: FloatArray,
    log_delta: FloatArray,
    tolerance: float,
    last: int,
    t: int,
    j: int,
    path: IntArray,
) -> tuple[int, int]:
    """The same by scores, to step last at most, where one matrix leads."""
    n_states, width = log_delta.shape[1], len(TILE)
    n_by_lanes = n_states - n_states % len(EIGHT)
    while t > last:
        best = log_delta[t, j] - log_likelihoods[t, j]
        if (t + 1) % BLOCK == 0:  # a maximum has been subtracted from this row
            best = best_sum_into(log_delta[t - 1], log_moves, j)
        least, first_into = best - tolerance, j // width * width * n_states + j % width
        n_ways, way = 0, 0
        for i in range(0, n_by_lanes, len(EIGHT)):
            into = gather(EIGHT, tiles, first_into + i * width, width)
            sums = add(load(EIGHT, log_delta, (t - 1) * n_states + i), into)
            ways = marked(0, 0, sums, splat(EIGHT, least))
            n_ways += (ways != 0) + (ways & (ways - 1) != 0)
            way += i + lowest_bit(ways) if ways != 0 else 0
        for i in range(n_by_lanes, n_states):
            may_lead = log_delta[t - 1, i] + log_moves[i, j] > least
            n_ways += may_lead
            way += i if may_lead else 0
        if n_ways != 1:
            break
        path[t] = j
        t, j = t - 1, way
    return t, j


@compiled
def follow(
    tables: Tables,
    n: int,
    like: Lanes | None,
    slots: FloatArray,
    tolerance: float,
    log_delta: FloatArray,
    t: int,
    j: int,
    path: IntArray,
) -> tuple[int, int]:
    """Walk back from state j at step t for as long as one state alone can come before; return where that ends."""
    if like is not None:
        return follow_few(t, j, path)
    first, last = tables.starts[n], t
    log_likelihoods = tables.log_likelihoods[first : first + len(path)]
    while t == last and t > 0:
        led = first + t - 1
        m, last = matrix_at(tables, led), steady_since(tables, led, first) - first
        slot = slot_with(tables.log_transition, m, slots)
        tiles, log_moves = moves_in(slots, slot, log_delta.shape[1]).tiles, tables.log_transition[m]
        t, j = follow_many(tiles, log_moves, log_likelihoods, log_delta, tolerance, last, t, j, path)
    return t, j


@compiled
def list_best(scores: FloatArray, tolerance: float, live: IntArray) -> int:
    """List the states whose scores are within a tolerance of the best."""
    least, n_live = largest(scores) - tolerance, 0
    for k in range(scores.size):
        if scores[k] > least:
            live[n_live] = k
            n_live += 1
    return n_live


@apart
def step_back(
    log_moves: FloatArray,
    log_b: FloatArray,
    like: Lanes | None,
    decoder: Decoder,
    n_live: int,
    tolerance: float,
    before: FloatArray,
    ways: int,
    next_row: FloatArray,
) -> tuple[int, int]:
    """log ρ_{t−1}(i) = max_j( log A(i, j) + log b_t(j) + log ρ_t(j) ) over live j, in two parts.

    The i that may lead there are live then. Which j is best for each, is kept in a word, a byte for each i or, of more
    states, in a row. Returns how many are live, and the word.
    """
    live, came, least, log_rest = decoder.live, decoder.came, decoder.least, decoder.log_rest
    rest, rest_tail, head, tail = log_rest[0], log_rest[1], log_rest[2], log_rest[3]
    for n in range(n_live):
        head[n], tail[n] = plus(rest[live[n]], rest_tail[live[n]], log_b[live[n]])
        least[n] = NEVER if like is not None else best_sum_into(before, log_moves, live[n]) - tolerance
    n_came, word = 0, 0
    for i in range(log_b.size):
        best, best_tail, best_next = NEVER, 0.0, -1
        for n in range(n_live):
            j = live[n]
            if (before[i] + log_moves[i, j] > least[n]) if like is None else (ways >> (8 * i + j)) & 1 != 0:
                score, score_tail = plus(head[n], tail[n], log_moves[i, j])
                if exceeds(score, score_tail, best, best_tail):
                    best, best_tail, best_next = score, score_tail, j
        if best_next >= 0:
            came[n_came], rest[i], rest_tail[i] = i, best, best_tail
            n_came += 1
            if like is not None:
                word |= best_next << (8 * i)
            else:
                next_row[i] = best_next
    for n in range(n_came):
        live[n] = came[n]
    return n_came, word


@compiled
def reveal(t: int, j: int, stop: int, like: Lanes | None, log_delta: FloatArray, path: IntArray) -> None:
    """Walk on from state j at step t to step stop, by what steps back have kept."""
    for s in range(t + 1, stop + 1):
        j = int(log_delta[s, j]) if like is None else (path[s] >> (8 * j)) & 7
        path[s] = j


@inlined
def trace_back(
    tables: Tables,
    n: int,
    like: Lanes | None,
    decoder: Decoder,
    tolerance: float,
    log_delta: FloatArray,
    path: IntArray,
) -> None:
    """Fill the best path from its end; sums have two parts only where some ways are within the tolerance.

    ρ_t(j) is what the best path has from j at step t on, j's own b_t aside, up to a factor. As long as a single state
    is live, every path of interest leads through it, and ρ may begin anew there at 1. What has told the ways to a step,
    the row of log δ or the word in the path, then holds which states come next.
    """
    first, n_steps, n_held = tables.starts[n], len(path), len(log_delta)
    log_initial = tables.log_initial[initial_at(tables, n)]
    live, rest, rest_tail = decoder.live, decoder.log_rest[0], decoder.log_rest[1]
    t = known = n_steps - 1
    n_live = list_best(log_delta[place_of(t, n_steps, n_held)], tolerance, live)
    for k in range(n_live):
        rest[live[k]], rest_tail[live[k]] = 0.0, 0.0
    while t > 0:
        if n_live == 1:
            reveal(t, live[0], known, like, log_delta, path)
            t, live[0] = follow(tables, n, like, decoder.slots, tolerance, log_delta, t, live[0], path)
            known, rest[live[0]], rest_tail[live[0]] = t, 0.0, 0.0
        if t > 0:
            log_moves, log_b = (
                tables.log_transition[matrix_at(tables, first + t - 1)],
                tables.log_likelihoods[first + t],
            )
            before, row = log_delta[place_of(t - 1, n_steps, n_held)], log_delta[place_of(t, n_steps, n_held)]
            n_live, word = step_back(log_moves, log_b, like, decoder, n_live, tolerance, before, path[t], row)
            if like is not None:
                path[t] = word
            t -= 1
    best, best_tail = NEVER, 0.0
    for k in range(n_live):
        i = live[k]
        score, score_tail = plus(rest[i], rest_tail[i], log_initial[i])
        score, score_tail = plus(score, score_tail, tables.log_likelihoods[first, i])
        if exceeds(score, score_tail, best, best_tail):
            path[0], best, best_tail = i, score, score_tail
    reveal(0, path[0], known, like, log_delta, path)


@inlined
def joint_of(
    tables: Tables, n: int, log_likelihoods: FloatArray, log_moves: FloatArray, path: IntArray, terms: FloatArray
) -> float:
    """The log-probability of a path: log p(h_1), log A of all moves and log b of all steps, added in two parts.

    Evidence and moves are each given as one vector.
    """
    first, n_steps, n_states = tables.starts[n], len(path), tables.log_likelihoods.shape[1]
    total, lost = splat(EIGHT, 0.0), splat(EIGHT, 0.0)
    for begin in range(0, n_steps, BLOCK):
        end = min(n_steps, begin + BLOCK)
        n_evidence, n_moves = end - begin, min(end, n_steps - 1) - begin
        for i in range(n_evidence):
            t = begin + i
            terms[unsigned(i)] = log_likelihoods[unsigned((first + t) * n_states + path[unsigned(t)])]
        for i in range(n_moves):
            t = begin + i
            m = matrix_at(tables, first + t)
            way = (m * n_states + path[unsigned(t)]) * n_states + path[unsigned(t + 1)]
            terms[unsigned(n_evidence + i)] = log_moves[unsigned(way)]
        n_terms = n_evidence + n_moves
        while n_terms % len(EIGHT) != 0:
            terms[n_terms] = 0.0
            n_terms += 1
        for i in range(0, n_terms, len(EIGHT)):
            total, lost_now = lanes_two_sum(total, load(EIGHT, terms, i))
            lost = add(lost, lost_now)
    joint, joint_lost = tables.log_initial[initial_at(tables, n), path[0]], 0.0
    for k in range(len(EIGHT)):
        joint, joint_lost = tally(joint, joint_lost + lane(lost, k), lane(total, k))
    return joint + joint_lost


@compiled
def run_viterbi(
    given: Given,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    room: FloatArray,
    log_delta: FloatArray,
    path: IntArray,
    n_possible: IntArray,
    log_joint: FloatArray,
) -> None:
    """Decode the sequences of `Tables` from row begin, where n begins, to end: log δ forwards, then the path back [1]_.

    Fills the path, with −1 where a sequence is impossible; log δ has room for the longest or, of few states, for one
    row. Of each sequence, the best path's log-probability is kept, and of an impossible one, how many steps of it are
    possible. Of equal paths the lexicographically smallest wins.
    """
    tables = Tables(*given)
    starts, decoder = tables.starts, decoder_in(room, slots, tables.log_likelihoods.shape[1])
    flat_b, flat_moves = tables.log_likelihoods.reshape(-1), tables.log_transition.reshape(-1)
    while begin < end:
        stop = starts[n + 1]
        part = path[begin:stop]
        top, error = fill_scores(tables, n, like, flat_b, slots, decoder.terms, log_delta, part)
        if top > NEVER:
            trace_back(tables, n, like, decoder, 2.0 * error, log_delta, part)
            log_joint[n] = joint_of(tables, n, flat_b, flat_moves, part, decoder.terms)
        else:
            n_possible[n], log_joint[n] = count_possible(tables, n, decoder.log_rest), NEVER
            for t in range(begin, stop):
                path[t] = -1
        begin, n = stop, n + 1


@compiled
def run_best_states(
    starts: IntArray,
    n: int,
    begin: int,
    end: int,
    smoothed: FloatArray,
    n_possible: IntArray,
    path: IntArray,
    n_correct: FloatArray,
) -> None:
    """Find arg max_k γ_t(k) [1]_ from row end − 1, in sequence n, back to begin; add up max_k γ_t(k).

    The sums are in two parts, (2, N). Where a sequence is impossible, the path is −1, and NaN is added.
    """
    for t in range(end - 1, begin - 1, -1):
        n -= t < starts[n]
        path[t], best = -1, math.nan
        if is_possible(starts, n_possible, n):
            row = smoothed[t - begin]
            best = largest(row)
            path[t] = 0
            while row[path[t]] < best:
                path[t] += 1
        n_correct[0, n], n_correct[1, n] = tally(n_correct[0, n], n_correct[1, n], best)
