"""Viterbi's recursion forwards: the scores log δ, and which states may have come before.

    log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) )

Scores are doubles, and off by what roundings add up to; a bound is kept of that. A state may have come before j if
its sum is within twice the bound of the largest: the best path comes from one of these. For up to `FEW_STATES` states,
scores stay in registers, and it is these ways alone that are kept, a word for each step. For more, scores are kept, by
which the ways into the few states that somebody asks for are found later.
"""

from __future__ import annotations

from typing import NamedTuple

from hmmfilter._arrays import FloatArray, IntArray

from .chain import LINE, empty_slots, pack, tiled
from .compiling import apart, compiled
from .lanes import TILE, Lanes, add, lane, larger, load, marked, splat, store, subtract, unsigned
from .limits import FEW_STATES, NEVER, ROUNDING
from .numbers import largest, largest_magnitude
from .tables import Tables, initial_at, matrix_at, place_of, steady_until

BLOCK = 256  # steps between two looks at the size of scores
HELD, LARGEST = 0, 1  # of a slot: which moves it holds, from 1, and their `largest`; tables come after a whole line
LEAST_ERROR = 2.0**-1000  # so that what is equal is within a tolerance, also where all scores are zero


def slots_for_moves(n_slots: int, n_states: int) -> FloatArray:
    """Room for as many moves; as yet, none are held."""
    return empty_slots(n_slots, LINE + tile_count(n_states) * n_states * len(TILE))


@compiled
def tile_count(n_states: int) -> int:
    """How many tiles a matrix has; none of few states, where rows of it are taken as they are."""
    return tiled(n_states) // len(TILE) if n_states > FEW_STATES else 0


class Moves(NamedTuple):
    """One matrix of a transition, ready for the decoder."""

    tiles: FloatArray  # (tiles, K, 16): of many states, columns of log A


@compiled
def moves_in(slots: FloatArray, slot: int, n_states: int) -> Moves:
    """The moves that a slot holds."""
    return Moves(slots[slot, LINE:].reshape(tile_count(n_states), n_states, len(TILE)))


@compiled
def slot_with(log_transition: FloatArray, m: int, slots: FloatArray) -> int:
    """Which slot holds matrix m of a transition, or is made to hold it."""
    n_states, slot = log_transition.shape[1], m % len(slots)
    if slots[slot, HELD] != m + 1.0:
        pack(log_transition[m], moves_in(slots, slot, n_states).tiles)
        slots[slot, HELD] = m + 1.0
        slots[slot, LARGEST] = largest_magnitude(log_transition[m].reshape(-1))
    return slot


@compiled
def sums_from(x: Lanes, i: int, log_moves: FloatArray, log_b: Lanes, like: Lanes) -> Lanes:
    """log δ(i) + log A(i, j) + log b(j), for all j; the last two first, so that nothing waits for them."""
    return add(splat(like, lane(x, i)), add(load(like, log_moves, i * len(like)), log_b))


@compiled
def best_of_four(x: Lanes, i: int, log_moves: FloatArray, log_b: Lanes, like: Lanes) -> Lanes:
    """The largest of `sums_from` four states, from i on; there may be fewer, some of which come twice."""
    n_states = len(like)
    one = sums_from(x, i, log_moves, log_b, like)
    two = sums_from(x, (i + 1) % n_states, log_moves, log_b, like)
    three = sums_from(x, (i + 2) % n_states, log_moves, log_b, like)
    four = sums_from(x, (i + 3) % n_states, log_moves, log_b, like)
    return larger(larger(one, two), larger(three, four))


@apart
def advance_few(
    log_moves: FloatArray,
    log_likelihoods: FloatArray,
    start: int,
    stop: int,
    like: Lanes,
    tolerance: float,
    scores: FloatArray,
    ways: IntArray,
) -> None:
    """From the scores before step start to those of step stop − 1; which ways may be the best, at each step.

    Byte i of a word has bit j where state i may come before state j. Where nothing leads to j, no bit is set.
    """
    x, most = load(like, scores, 0), splat(like, tolerance)
    for t in range(start, stop):
        log_b = load(like, log_likelihoods, unsigned(t) * unsigned(len(like)))
        best = best_of_four(x, 0, log_moves, log_b, like)
        if len(like) > 4:
            best = larger(best, best_of_four(x, 4, log_moves, log_b, like))
        least, word = subtract(best, most), 0
        for i in range(len(like)):
            word = marked(word, i, sums_from(x, i, log_moves, log_b, like), least)
        ways[t] = word
        x = best
    store(x, scores, 0)


@compiled
def best_into_tile(scores: FloatArray, tile_rows: FloatArray) -> Lanes:
    """max_i( log δ(i) + log A(i, j) ), for the states j of a tile."""
    n_states, width = len(tile_rows), len(TILE)
    best = splat(TILE, NEVER)
    for i in range(0, n_states - n_states % 4, 4):
        one = add(splat(TILE, scores[i]), load(TILE, tile_rows, i * width))
        two = add(splat(TILE, scores[i + 1]), load(TILE, tile_rows, (i + 1) * width))
        three = add(splat(TILE, scores[i + 2]), load(TILE, tile_rows, (i + 2) * width))
        four = add(splat(TILE, scores[i + 3]), load(TILE, tile_rows, (i + 3) * width))
        best = larger(best, larger(larger(one, two), larger(three, four)))
    for i in range(n_states - n_states % 4, n_states):
        best = larger(best, add(splat(TILE, scores[i]), load(TILE, tile_rows, i * width)))
    return best


@apart
def advance_many(
    tiles: FloatArray, log_likelihoods: FloatArray, start: int, stop: int, scratch: FloatArray, log_delta: FloatArray
) -> None:
    """Rows of log δ from step start to stop."""
    n_states = log_delta.shape[1]
    for t in range(start, stop):
        for tile in range(len(tiles)):
            best, j = best_into_tile(log_delta[t - 1], tiles[tile]), tile * len(TILE)
            n = unsigned(t) * unsigned(n_states) + unsigned(j)
            if j + len(TILE) <= n_states:
                store(add(best, load(TILE, log_likelihoods, n)), log_delta, n)
            else:
                store(best, scratch, 0)
                for k in range(j, n_states):
                    log_delta[t, k] = scratch[k - j] + log_likelihoods[t, k]


@compiled
def fill_scores(
    tables: Tables,
    n: int,
    like: Lanes | None,
    flat: FloatArray,
    slots: FloatArray,
    scratch: FloatArray,
    log_delta: FloatArray,
    ways: IntArray,
) -> tuple[float, float]:
    """Scores of a sequence, less their maximum after every block; of few states, the last ones, and ways to them.

    All log-likelihoods are there as one vector, too, which takes longer to make of them than a short sequence does.
    Returns the largest score at the end, and how far one may be off: an addition is rounded by at most u = 2**-53 of
    its result, max loses nothing, and nothing that is added at a step comes to more than S, what the largest finite
    score can have grown to, and the largest finite logs of a move and of the evidence. The bound for a step is eight
    times u S, several times what its additions lose, so that it covers the subtraction as well, and all that is rounded
    when scores are compared.
    """
    first, end = tables.starts[n], tables.starts[n + 1]
    log_initial, log_likelihoods = tables.log_initial[initial_at(tables, n)], tables.log_likelihoods[first:end]
    n_steps, n_states = log_likelihoods.shape
    for k in range(n_states):
        log_delta[0, k] = log_initial[k] + log_likelihoods[0, k]
    start, top = 1, largest(log_delta[0])
    error = LEAST_ERROR + 8.0 * ROUNDING * (largest_magnitude(log_initial) + largest_magnitude(log_likelihoods[0]))
    while start < n_steps and top > NEVER:
        led = first + start - 1
        stop = steady_until(tables, led, first + min(n_steps, start - start % BLOCK + BLOCK)) - first
        slot = slot_with(tables.log_transition, matrix_at(tables, led), slots)
        before = log_delta[place_of(start - 1, n_steps, len(log_delta))]
        growth = slots[slot, LARGEST] + largest_magnitude(flat[(first + start) * n_states : (first + stop) * n_states])
        n_more = stop - start
        error += 8.0 * ROUNDING * n_more * (largest_magnitude(before) + n_more * growth)
        if like is not None:
            log_moves = tables.log_transition[matrix_at(tables, led)]
            advance_few(log_moves, log_likelihoods, start, stop, like, 2.0 * error, log_delta[0], ways)
        else:
            tiles = moves_in(slots, slot, n_states).tiles
            advance_many(tiles, log_likelihoods, start, stop, scratch, log_delta)
        after = log_delta[place_of(stop - 1, n_steps, len(log_delta))]
        top = largest(after)
        if stop % BLOCK == 0 and top > NEVER:
            for k in range(n_states):
                after[k] -= top
        start = stop
    return top, error


@apart
def count_possible(tables: Tables, n: int, scores: FloatArray) -> int:
    """How many steps of an impossible sequence are possible, by scores, (2, K), however far they are off."""
    first, t, top = tables.starts[n], -1, 0.0
    before, after = scores[0], scores[1]
    while top > NEVER:
        t += 1
        log_b = tables.log_likelihoods[first + t]
        for k in range(log_b.size):
            before[k], after[k] = after[k], NEVER if t > 0 else tables.log_initial[initial_at(tables, n), k]
        if t > 0:
            log_moves = tables.log_transition[matrix_at(tables, first + t - 1)]
            for i in range(log_b.size):
                for j in range(log_b.size):
                    after[j] = larger(after[j], before[i] + log_moves[i, j])
        for k in range(log_b.size):
            after[k] += log_b[k]
        top = largest(after)
    return t
