"""The best path through each state of each step (max-marginals), in sums of two parts.

References
----------
.. [1] Wainwright, Jordan, *Graphical Models, Exponential Families, and Variational Inference* (2008), section 2.5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .chain import LINE, empty_slots, pack_transpose, tiled
from .compiling import apart, compiled
from .lanes import TILE, Lanes, add, chosen, lane, larger, load, marked, marked_below, splat, store, subtract, unsigned
from .limits import NEVER, ROUNDING
from .numbers import (
    lanes_two_sum,
    largest,
    largest_magnitude,
    mark,
    surpasses,
    tally,
    two_sum,
)
from .scoring import (
    BLOCK,
    HELD,
    LEAST_ERROR,
    best_into_tile,
    best_of_four,
    count_possible,
    moves_in,
    slot_with,
    tile_count,
)
from .tables import Given, Tables, initial_at, matrix_at, steady_since, steady_until

ONE_MORE = 2.0**30  # of a mark, beside which the number of a state has room: a double holds the sum of 2^22 of both
MARKS = 7  # the row where they are


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


def slots_for_transposed(n_slots: int, n_states: int) -> FloatArray:
    """Room for so many matrices, each with its number, counted from 1, before it."""
    return empty_slots(n_slots, LINE + n_states * tiled(n_states))


def room_for_rests(n_states: int) -> FloatArray:
    """Room for log ρ and what is ahead, heads and tails, and for what is picked of a tile; and the marks of ways."""
    rests = np.empty((8, tiled(n_states)))
    rests[MARKS] = ONE_MORE + np.arange(tiled(n_states))
    return rests


class Transposed(NamedTuple):
    """A matrix of a transition, transposed, as a `Chain` has tables of it."""

    tiles: FloatArray  # (tiles, K, columns): a row has the ways into a state


@compiled
def transposed_at(log_transition: FloatArray, m: int, slots: FloatArray) -> Transposed:
    """Matrix m of a transition, transposed, in the slot that holds it, or is made to hold it."""
    n_states, slot = log_transition.shape[1], slots[m % len(slots)]
    tiles = slot[LINE:].reshape(max(tile_count(n_states), 1), n_states, min(tiled(n_states), len(TILE)))
    if slot[HELD] != m + 1.0:
        pack_transpose(log_transition[m], tiles)
        slot[HELD] = m + 1.0
    return Transposed(tiles)


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
def told_near(x: FloatArray, i: int, tile_rows: FloatArray, marks: FloatArray, least: Lanes, told: Lanes) -> Lanes:
    """Add its mark where way i is near."""
    score = add(splat(TILE, x[i]), load(TILE, tile_rows, i * len(TILE)))
    is_near = marked_below(least, score, splat(TILE, 0.0))
    return chosen(is_near, add(told, splat(TILE, marks[i])), told)


@compiled
def near_in_tile(x: FloatArray, tile_rows: FloatArray, marks: FloatArray, difference: float) -> Lanes:
    """The sum of the marks of all ways whose heads are as near to the largest as the difference."""
    least = subtract(best_into_tile(x, tile_rows), splat(TILE, difference))
    even = odd = splat(TILE, 0.0)
    for i in range(0, x.size - 1, 2):
        even = told_near(x, i, tile_rows, marks, least, even)
        odd = told_near(x, i + 1, tile_rows, marks, least, odd)
    if x.size % 2 == 1:
        even = told_near(x, x.size - 1, tile_rows, marks, least, even)
    return add(even, odd)


@compiled
def taken_in_tile(
    x: FloatArray, x_tail: FloatArray, tile_rows: FloatArray, near: Lanes, picked: FloatArray
) -> tuple[Lanes, Lanes]:
    """The sums of which `near_in_tile` has told that nothing else is near; where nothing is, −inf, as of any way."""
    store(near, picked, 0)
    flat, n_columns = tile_rows.reshape(-1), len(TILE)
    for j in range(n_columns):
        i = unsigned(int(picked[j]) & (int(ONE_MORE) - 1))
        picked[j] = x[i]
        picked[n_columns + j] = x_tail[i]
        picked[2 * n_columns + j] = flat[i * unsigned(n_columns) + unsigned(j)]
    head, tail = load(TILE, picked, 0), load(TILE, picked, n_columns)
    return lanes_plus(head, tail, load(TILE, picked, 2 * n_columns), TILE)


@compiled
def compared_in_tile(x: FloatArray, x_tail: FloatArray, tile_rows: FloatArray) -> tuple[Lanes, Lanes]:
    """`best_into` for the states of a tile; what −inf loses is not a number, and never better."""
    zero = splat(TILE, 0.0)
    best, best_tail = splat(TILE, NEVER), zero
    for i in range(x.size):
        score, lost = lanes_two_sum(load(TILE, tile_rows, i * len(TILE)), splat(TILE, x[i]))
        score_tail = add(splat(TILE, x_tail[i]), lost)
        by = add(subtract(score, best), subtract(score_tail, best_tail))
        is_better = marked_below(zero, by, zero)
        best, best_tail = chosen(is_better, score, best), chosen(is_better, score_tail, best_tail)
    return best, best_tail


@apart
def best_into_tiles(tiles: FloatArray, x: FloatArray, x_tail: FloatArray, difference: float, rests: FloatArray) -> None:
    """`best_into` of many states, for the first two rows: by heads alone where that will do."""
    picked, marks = rests[4:].reshape(-1), rests[MARKS]
    for tile in range(len(tiles)):
        near = near_in_tile(x, tiles[tile], marks, difference)
        if marked(0, 0, near, splat(TILE, 1.5 * ONE_MORE)) == 0:
            head, tail = taken_in_tile(x, x_tail, tiles[tile], near, picked)
        else:
            head, tail = compared_in_tile(x, x_tail, tiles[tile])
        store(head, rests, tile * len(TILE))
        store(tail, rests, (len(tiles) + tile) * len(TILE))


@apart
def advance_many_in_parts(
    tiles: FloatArray,
    log_likelihoods: FloatArray,
    start: int,
    stop: int,
    rests: FloatArray,
    head: FloatArray,
    tail: FloatArray,
) -> None:
    """`advance_in_parts` of many states."""
    settle(head[start - 1], tail[start - 1])
    difference = telling_difference(head[start - 1], tiles, log_likelihoods[start:stop])
    for t in range(start, stop):
        best_into_tiles(tiles, head[t - 1], tail[t - 1], difference, rests)
        row, row_tail, log_b = head[t], tail[t], log_likelihoods[t]
        for k in range(row.size):
            row[k], row_tail[k] = tally(rests[0, k], rests[1, k], log_b[k])


@apart
def join_many_in_parts(
    tiles: FloatArray,
    log_likelihoods: FloatArray,
    start: int,
    stop: int,
    rests: FloatArray,
    head: FloatArray,
    tail: FloatArray,
) -> None:
    """`join_in_parts` of many states."""
    n_states = head.shape[1]
    rest, rest_tail, ahead, ahead_tail = rests[0], rests[1], rests[2, :n_states], rests[3, :n_states]
    settle(rest[:n_states], rest_tail[:n_states])
    difference = telling_difference(rest[:n_states], tiles, log_likelihoods[start + 1 : stop + 1])
    for t in range(stop - 1, start - 1, -1):
        log_b, row, row_tail = log_likelihoods[t + 1], head[t], tail[t]
        for k in range(n_states):
            ahead[k], ahead_tail[k] = tally(rest[k], rest_tail[k], log_b[k])
        best_into_tiles(tiles, ahead, ahead_tail, difference, rests)
        for k in range(n_states):
            joint, lost = two_sum(row[k], rest[k])
            row[k] = joint + (lost + (row_tail[k] + rest_tail[k]))


@compiled
def fill_delta_in_parts(
    tables: Tables, n: int, like: Lanes | None, slots: FloatArray, rests: FloatArray, head: FloatArray, tail: FloatArray
) -> bool:
    """log δ_t(j) = log b_t(j) + max_i( log δ_{t−1}(i) + log A(i, j) ) in two parts; whether all is possible."""
    first, n_steps = tables.starts[n], len(head)
    log_likelihoods = tables.log_likelihoods[first : first + n_steps]
    for k in range(head.shape[1]):
        head[0, k], tail[0, k] = two_sum(tables.log_initial[initial_at(tables, n), k], log_likelihoods[0, k])
    start = 1
    while start < n_steps:
        led = first + start - 1
        stop = steady_until(tables, led, first + min(n_steps, start + BLOCK)) - first
        m = matrix_at(tables, led)
        if like is not None:
            advance_in_parts(tables.log_transition[m], log_likelihoods, start, stop, like, head, tail)
        else:
            tiles = moves_in(slots, slot_with(tables.log_transition, m, slots), head.shape[1]).tiles
            advance_many_in_parts(tiles, log_likelihoods, start, stop, rests, head, tail)
        start = stop
    return largest(head[n_steps - 1]) > NEVER


@compiled
def join_rests(
    tables: Tables, n: int, like: Lanes | None, slots: FloatArray, rests: FloatArray, head: FloatArray, tail: FloatArray
) -> None:
    """Add log ρ_t(i) = max_j( log A(i, j) + log b_{t+1}(j) + log ρ_{t+1}(j) ) to log δ_t(i), and round once."""
    first, stop = tables.starts[n], len(head) - 1
    log_likelihoods = tables.log_likelihoods[first : first + len(head)]
    for k in range(head.shape[1]):
        rests[0, k], rests[1, k] = 0.0, 0.0
        head[stop, k] += tail[stop, k]
    while stop > 0:
        led = first + stop - 1
        start = max(steady_since(tables, led, first) - first, stop - BLOCK)
        tiles = transposed_at(tables.log_transition, matrix_at(tables, led), slots).tiles
        if like is not None:
            join_in_parts(tiles[0], log_likelihoods, start, stop, like, rests, head, tail)
        else:
            join_many_in_parts(tiles, log_likelihoods, start, stop, rests, head, tail)
        stop = start


@compiled
def run_max_marginals(
    given: Given,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: tuple[FloatArray, FloatArray],
    rests: FloatArray,
    tails: FloatArray,
    rows: FloatArray,
    n_possible: IntArray,
) -> None:
    """The best log-joint through each state [1]_, of the sequences of `Tables` from row begin, where n begins, to end.

    Fills the rows, with NaN where a sequence is impossible; there are tails for the longest. Slots are for moves, as
    of `slots_for_moves`, and for transposed ones.
    """
    tables, (moves, transposed) = Tables(*given), slots
    starts = tables.starts
    while begin < end:
        stop = starts[n + 1]
        head, tail = rows[begin:stop], tails[: stop - begin]
        if fill_delta_in_parts(tables, n, like, moves, rests, head, tail):
            join_rests(tables, n, like, transposed, rests, head, tail)
        else:
            scores = rests.reshape(-1)[: 2 * head.shape[1]].reshape(2, head.shape[1])
            n_possible[n] = count_possible(tables, n, scores)
            mark(head.reshape(-1))
        begin, n = stop, n + 1
