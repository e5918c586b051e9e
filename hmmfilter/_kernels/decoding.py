"""Viterbi's recursion: the best path, with a proof that no rounding has decided; and the best state of each step.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equations
   (29), and (32) to (35) in logs.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import apart, compiled
from .limits import NEVER, ROUNDING
from .numbers import exceeds, larger, largest, largest_magnitude, plus, tally
from .tables import Given, Tables, initial_at, is_possible, matrix_at, steady_since, steady_until

BLOCK = 256  # steps of a decoder between two looks at the size of its scores


@compiled
def best_sum(x: FloatArray, y: FloatArray) -> float:
    """max_i( x_i + y_i )."""
    best = NEVER
    for i in range(x.size):
        best = larger(best, x[i] + y[i])
    return best


@apart
def advance_two(
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int
) -> None:
    """`advance_many` for two states, which stay in registers."""
    a, b = log_transition[0, 0], log_transition[0, 1]
    c, d = log_transition[1, 0], log_transition[1, 1]
    x, y = log_delta[start - 1, 0], log_delta[start - 1, 1]
    for t in range(start, stop):
        x, y = larger(x + a, y + c) + log_likelihoods[t, 0], larger(x + b, y + d) + log_likelihoods[t, 1]
        log_delta[t, 0], log_delta[t, 1] = x, y


@compiled
def best_of_four(x: float, y: float, z: float, w: float, log_transition: FloatArray, j: int) -> float:
    """max_i( log δ(i) + log A(i, j) ) over four states."""
    return larger(
        larger(x + log_transition[0, j], y + log_transition[1, j]),
        larger(z + log_transition[2, j], w + log_transition[3, j]),
    )


@apart
def advance_four(
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int
) -> None:
    """`advance_many` for three or four states, which stay in registers; of three, the fourth remains at −inf."""
    last = log_delta.shape[1] - 1
    x, y, z = log_delta[start - 1, 0], log_delta[start - 1, 1], log_delta[start - 1, 2]
    w = log_delta[start - 1, 3] if last == 3 else NEVER
    for t in range(start, stop):
        x, y, z, w = (
            best_of_four(x, y, z, w, log_transition, 0) + log_likelihoods[t, 0],
            best_of_four(x, y, z, w, log_transition, 1) + log_likelihoods[t, 1],
            best_of_four(x, y, z, w, log_transition, 2) + log_likelihoods[t, 2],
            best_of_four(x, y, z, w, log_transition, 3) + log_likelihoods[t, last],
        )
        log_delta[t, 0], log_delta[t, 1], log_delta[t, last], log_delta[t, 2] = x, y, w, z


@apart
def advance_many(
    log_transition: FloatArray, log_likelihoods: FloatArray, log_delta: FloatArray, start: int, stop: int, decoder: Any
) -> None:
    """Fill log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ), given log A padded, from start to stop.

    Four rows of log A are taken at a time, and every other step begins with the last of them, still in the cache.
    """
    n_padded, n_states = len(log_transition), log_delta.shape[1]
    x, top = decoder.x, decoder.top
    for j in range(n_padded):
        x[j] = log_delta[start - 1, j] if j < n_states else NEVER
    for t in range(start, stop):
        for j in range(n_padded):
            top[j] = NEVER
        for group in range(0, n_padded, 4):
            i = group if t % 2 else n_padded - 4 - group
            a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
            for j in range(n_padded):
                one = larger(larger(top[j], a + log_transition[i, j]), b + log_transition[i + 1, j])
                two = larger(c + log_transition[i + 2, j], d + log_transition[i + 3, j])
                top[j] = larger(one, two)
        for j in range(n_states):
            x[j] = top[j] + log_likelihoods[t, j]
            log_delta[t, j] = x[j]


@compiled
def first_impossible(log_delta: FloatArray, start: int, stop: int) -> int:
    """The first of the rows from start to stop that is −inf throughout."""
    t = stop
    while t > start and largest(log_delta[t - 1]) == NEVER:
        t -= 1
    return t


class Moves(NamedTuple):
    """One matrix of a transition, ready for the decoder."""

    padded: FloatArray  # with states that are never reached, up to a multiple of four
    into: FloatArray  # transposed: a row has the ways into a state
    largest: float  # `largest_magnitude`


@compiled
def padded_size(n_states: int) -> int:
    """The next multiple of four."""
    return -(-n_states // 4) * 4


PADDED, INTO, HELD_MOVES, LARGEST, MOVES = 0, 1, 2, 3, 4  # the tables of a slot for moves; of the last two, a number


def slots_for_moves(n_slots: int, n_states: int) -> FloatArray:
    """Room for as many moves; as yet, none are held."""
    return np.zeros((n_slots, MOVES, padded_size(n_states), padded_size(n_states)))


@compiled
def moves_at(log_transition: FloatArray, m: int, slots: FloatArray) -> Moves:
    """Matrix m of a transition, from the slot that holds it, or is made to hold it."""
    n_states = log_transition.shape[1]
    slot = slots[m % len(slots)]
    padded, into = slot[PADDED], slot[INTO]
    if slot[HELD_MOVES, 0, 0] != m + 1.0:
        for i in range(len(padded)):
            for j in range(len(padded)):
                padded[i, j] = log_transition[m, i, j] if max(i, j) < n_states else NEVER
                into[j, i] = padded[i, j]
        slot[HELD_MOVES, 0, 0], slot[LARGEST, 0, 0] = m + 1.0, largest_magnitude(padded)
    return Moves(padded, into, slot[LARGEST, 0, 0])


class Decoder(NamedTuple):
    """Room for decoding one sequence after the other."""

    slots: FloatArray  # for moves
    x: FloatArray  # (padded K,)
    top: FloatArray  # (padded K,)
    live: IntArray  # (K,)
    log_rest: FloatArray  # (4, K)


def room_for_decoding(n_states: int) -> FloatArray:
    """Room for a `Decoder`, all of it in one vector."""
    return np.empty(2 * padded_size(n_states) + 5 * n_states)


@compiled
def decoder_in(room: FloatArray, slots: FloatArray, n_states: int) -> Decoder:
    """A decoder in a room."""
    end_of_x = padded_size(n_states)
    end_of_top, end_of_live = 2 * end_of_x, 2 * end_of_x + n_states
    live = room[end_of_top:end_of_live].view(np.int64)
    return Decoder(slots, room[:end_of_x], room[end_of_x:end_of_top], live, room[end_of_live:].reshape(4, n_states))


@apart
def fill_log_delta(tables: Tables, n: int, decoder: Decoder, log_delta: FloatArray) -> tuple[int, float]:
    """log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ) [1]_, less its maximum after every block.

    Returns how many steps are possible, and how far an entry may be off: an addition is rounded by at most
    u = 2**-53 of its result, max loses nothing, and of a row's two additions neither comes to more than D + A, where
    D and A are the largest finite magnitudes in the block and in log A. The bound is four times their sum, so that it
    covers the subtraction as well, and all that is rounded when scores are compared on the way back.
    """
    first, end = tables.starts[n], tables.starts[n + 1]
    log_initial, log_likelihoods = tables.log_initial[initial_at(tables, n)], tables.log_likelihoods[first:end]
    n_steps, n_states = log_likelihoods.shape
    error = 0.0
    for k in range(n_states):
        log_delta[0, k] = log_initial[k] + log_likelihoods[0, k]
    start = 0
    while start < n_steps:
        stop = min(n_steps, start + BLOCK - start % BLOCK)
        largest_move = 0.0
        if n_steps > 1:
            led = first + max(start, 1) - 1
            stop = steady_until(tables, led, first + stop) - first
            moves = moves_at(tables.log_transition, matrix_at(tables, led), decoder.slots)
            largest_move = moves.largest
            if n_states == 2:
                advance_two(moves.padded, log_likelihoods, log_delta, max(start, 1), stop)
            elif n_states in (3, 4):
                advance_four(moves.padded, log_likelihoods, log_delta, max(start, 1), stop)
            else:
                advance_many(moves.padded, log_likelihoods, log_delta, max(start, 1), stop, decoder)
        top = largest(log_delta[stop - 1])
        if top == NEVER:
            return first_impossible(log_delta, start, stop), error
        largest_score = largest_magnitude(log_delta[max(start - 1, 0) : stop])
        error += (stop - start) * 8.0 * ROUNDING * (largest_score + largest_move)
        if stop % BLOCK == 0:
            for k in range(n_states):
                log_delta[stop - 1, k] -= top
        start = stop
    return n_steps, error


@compiled
def lead(x: float, y: float, tolerance: float) -> int:
    """1 where x is above y by more than the tolerance, −1 where y is above x, 0 where neither is."""
    return int(x > y + tolerance) - int(y > x + tolerance)


@compiled
def live_of_two(log_into: FloatArray, log_delta: FloatArray, tolerance: float, t: int, j: int) -> tuple[int, int]:
    """How many of two states may come before j at step t, and which; for either j, so that little waits for j."""
    x, y = log_delta[t - 1, 0], log_delta[t - 1, 1]
    lead_into_0 = lead(x + log_into[0, 0], y + log_into[0, 1], tolerance)
    lead_into_1 = lead(x + log_into[1, 0], y + log_into[1, 1], tolerance)
    lead_into_j = lead_into_1 if j else lead_into_0
    return 2 - abs(lead_into_j), int(lead_into_j < 0)


@compiled
def follow(
    log_into: FloatArray,
    log_likelihoods: FloatArray,
    log_delta: FloatArray,
    tolerance: float,
    t: int,
    last: int,
    path: IntArray,
    total: float,
    lost: float,
) -> tuple[int, float, float]:
    """Walk back from path[t] to step last for as long as one state alone can come before.

    Returns where that ends, and the tally.
    """
    n_states = log_delta.shape[1]
    j = path[t]
    while t > last:
        if n_states == 2:
            n_live, i_live = live_of_two(log_into, log_delta, tolerance, t, j)
        else:
            best = log_delta[t, j] - log_likelihoods[t, j]
            if (t + 1) % BLOCK == 0:  # a maximum has been subtracted from this row
                best = best_sum(log_delta[t - 1], log_into[j])
            least = best - tolerance
            n_live, i_live = 0, 0
            for i in range(n_states):
                if log_delta[t - 1, i] + log_into[j, i] >= least:
                    n_live += 1
                    i_live += i
        if n_live != 1:
            break
        total, lost = tally(total, lost, log_likelihoods[t, j])
        total, lost = tally(total, lost, log_into[j, i_live])
        t, j = t - 1, i_live
        path[t] = j
    return t, total, lost


@compiled
def reveal(
    tables: Tables,
    first: int,
    best_next: FloatArray,
    t: int,
    stop: int,
    path: IntArray,
    total: float,
    lost: float,
) -> tuple[float, float]:
    """Walk on from path[t] to stop, by the table of the states that come next; return the tally."""
    for s in range(t + 1, stop + 1):
        path[s] = int(best_next[s, path[s - 1]])
        total, lost = tally(total, lost, tables.log_likelihoods[first + s, path[s]])
        m = matrix_at(tables, first + s - 1)
        total, lost = tally(total, lost, tables.log_transition[m, path[s - 1], path[s]])
    return total, lost


@compiled
def keep_live(log_delta: FloatArray, log_rest: FloatArray, tolerance: float, live: IntArray) -> int:
    """List the states through which the best path may lead, those within the tolerance of the best sum."""
    best = best_sum(log_delta, log_rest)
    least = best - tolerance - 8.0 * ROUNDING * abs(best)
    n_live = 0
    for i in range(live.size):
        if log_delta[i] + log_rest[i] >= least:
            live[n_live] = i
            n_live += 1
    return n_live


@compiled
def step_back(
    log_into: FloatArray, log_b: FloatArray, live: IntArray, log_rest: FloatArray, best_next: FloatArray
) -> None:
    """log ρ_{t−1}(i) = max_j( log A(i, j) + log b_t(j) + log ρ_t(j) ) over the live j, in two parts; and its j."""
    n_live = live.size
    rest, rest_tail, head, tail = log_rest[0], log_rest[1], log_rest[2], log_rest[3]
    for n in range(n_live):
        head[n], tail[n] = plus(rest[live[n]], rest_tail[live[n]], log_b[live[n]])
    for i in range(log_b.size):
        rest[i], rest_tail[i], best_next[i] = NEVER, 0.0, live[0]
        for n in range(n_live):
            score, score_tail = plus(head[n], tail[n], log_into[live[n], i])
            if exceeds(score, score_tail, rest[i], rest_tail[i]):
                rest[i], rest_tail[i], best_next[i] = score, score_tail, live[n]


@apart
def trace_back(
    tables: Tables, n: int, decoder: Decoder, log_delta: FloatArray, tolerance: float, path: IntArray
) -> float:
    """Fill the best path from its end, and return its log-probability; two parts only within the tolerance.

    ρ_t(j) is what the best path has from j at step t on, j's own b_t aside, up to a factor. As long as a single state
    is live, every path of interest leads through it, and ρ may begin anew there at 1. The row of log δ that has been
    left behind then holds the next state of each live one.
    """
    first = tables.starts[n]
    log_initial, log_likelihoods = (
        tables.log_initial[initial_at(tables, n)],
        tables.log_likelihoods[first : tables.starts[n + 1]],
    )
    live, log_rest = decoder.live, decoder.log_rest
    rest, rest_tail = log_rest[0], log_rest[1]
    for k in range(live.size):
        rest[k], rest_tail[k] = 0.0, 0.0
    total, lost = 0.0, 0.0
    t = known = len(path) - 1
    n_live = keep_live(log_delta[t], rest, tolerance, live)
    while t > 0:
        moves = moves_at(tables.log_transition, matrix_at(tables, first + t - 1), decoder.slots)
        if n_live == 1:
            path[t] = live[0]
            total, lost = reveal(tables, first, log_delta, t, known, path, total, lost)
            last = steady_since(tables, first + t - 1, first) - first
            t, total, lost = follow(moves.into, log_likelihoods, log_delta, tolerance, t, last, path, total, lost)
            known, live[0] = t, path[t]
            rest[path[t]], rest_tail[path[t]] = 0.0, 0.0
            if t == last:
                continue
        step_back(moves.into, log_likelihoods[t], live[:n_live], log_rest, log_delta[t])
        t -= 1
        n_live = keep_live(log_delta[t], rest, tolerance, live)
    best, best_tail = NEVER, 0.0
    for i in live[:n_live]:
        score, score_tail = plus(rest[i], rest_tail[i], log_initial[i])
        score, score_tail = plus(score, score_tail, log_likelihoods[0, i])
        if exceeds(score, score_tail, best, best_tail):
            path[0], best, best_tail = i, score, score_tail
    total, lost = reveal(tables, first, log_delta, 0, known, path, total, lost)
    total, lost = tally(total, lost, log_likelihoods[0, path[0]])
    total, lost = tally(total, lost, log_initial[path[0]])
    return total + lost


@compiled
def run_viterbi(
    given: Given,
    n: int,
    begin: int,
    end: int,
    slots: FloatArray,
    room: FloatArray,
    log_delta: FloatArray,
    path: IntArray,
    n_possible: IntArray,
    log_joint: FloatArray,
) -> None:
    """Decode the sequences of `Tables` from row begin, where n begins, to end: log δ forwards, then the path back [1]_.

    Fills the path, with −1 where a sequence is impossible; log δ has room for the longest. Of each sequence, the best
    path's log-probability is kept, and of an impossible one, how many steps of it are possible. Of equal paths the
    lexicographically smallest wins.
    """
    tables = Tables(*given)
    starts, decoder = tables.starts, decoder_in(room, slots, tables.log_likelihoods.shape[1])
    while begin < end:
        stop = starts[n + 1]
        n_possible[n], error = fill_log_delta(tables, n, decoder, log_delta[: stop - begin])
        if n_possible[n] == stop - begin:
            log_joint[n] = trace_back(tables, n, decoder, log_delta[: stop - begin], 2.0 * error, path[begin:stop])
        else:
            log_joint[n] = NEVER
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
