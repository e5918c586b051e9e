"""Steps of eight sequences side by side, one a lane.

A piece of whole sequences is dealt out to eight lanes, to each a run of them, one after the other, and of about as many
rows. A stretch of steps is taken at a time, entries of all lanes next to each other. A lane that has come to its end
does once more what another one does, so that there are always eight.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import apart, compiled
from .lanes import EIGHT, TILE, Lanes, add, fma, larger, load, splat, store, transposed, unsigned
from .limits import EXP_REACH, NEAR_ONE, NEVER, VANISHED
from .numbers import copy, fill_table, power_of_two
from .update import scratch_size
from .wide import exp_parts

STRETCH_ENTRIES = 128  # of each lane, about: all of them stay in the processor's nearest cache
ROW, END, SEQUENCE, AT = 0, 1, 2, 3  # of each lane: which rows are left, the sequence of the next one, and where in the
PLACES = 4  #                          tables of the piece the stretch begins; forwards, END stays, and backwards, ROW


class Stretch(NamedTuple):
    """Some steps of eight lanes; of what there is a number a step, the lanes' last ones before come first."""

    heads: FloatArray  # (B K 8,): log b, b, and what comes of it: p or β, and posteriors
    tails: FloatArray  # (B K 8,)
    others: FloatArray  # (B K 8,): backwards, the rows of the filter
    state: FloatArray  # (2 · 2 K 8,): heads and tails, before and after a step, in turn
    exponents: FloatArray  # ((1 + B) 8,): of b, and then of the state
    totals: FloatArray  # ((1 + B) 8,)
    begins: FloatArray  # (B 8,): 1 where the recursion begins, else 0
    marks: FloatArray  # (B 8,): 1 where a step is beyond the fast ones, else 0
    increments: FloatArray  # (B 8,)
    carried: FloatArray  # (8,): the exponent of the state


@compiled
def stretch_rows(n_states: int) -> int:
    """How many steps make a stretch, at most."""
    return max(2, STRETCH_ENTRIES // n_states)


def room_for_lanes(n_states: int) -> FloatArray:
    """Room for a `Stretch` and a `Scratch`, in one vector; lanes begin where the lines of the processor's caches do."""
    n_rows = stretch_rows(n_states)
    size = len(EIGHT) * ((3 * n_rows + 4) * n_states + 5 * n_rows + 3) + scratch_size(n_states)
    room = np.empty(size + len(EIGHT))
    ahead = -(room.ctypes.data // room.itemsize) % len(EIGHT)
    return room[ahead : ahead + size]


@apart
def stretch_in(room: FloatArray, n_states: int) -> Stretch:
    """The first part of a room."""
    n = len(EIGHT) * stretch_rows(n_states)
    a = 3 * n * n_states
    b = a + 4 * len(EIGHT) * n_states
    c = b + 2 * (n + len(EIGHT))
    d = c + 3 * n
    planes, sums, facts = (
        room[:a].reshape(3, n * n_states),
        room[b:c].reshape(2, n + len(EIGHT)),
        room[c:d].reshape(3, n),
    )
    return Stretch(
        planes[0],
        planes[1],
        planes[2],
        room[a:b],
        sums[0],
        sums[1],
        facts[0],
        facts[1],
        facts[2],
        room[d : d + len(EIGHT)],
    )


@apart
def deal_out(starts: IntArray, first: int, last: int, places: IntArray, stretch: Stretch) -> None:
    """Give each lane its run of sequences, and a state that is of none of them."""
    n, end = first, starts[last + 1]
    for lane in range(len(EIGHT)):
        places[ROW, lane], places[SEQUENCE, lane] = starts[n], n
        goal = starts[n] + (end - starts[n]) / (len(EIGHT) - lane)
        while n <= last and starts[n] + starts[n + 1] <= 2.0 * goal:
            n += 1
        places[END, lane] = starts[n]
    fill_table(stretch.state, 1.0)
    fill_table(stretch.carried, 0.0)
    fill_table(stretch.totals, 1.0)
    fill_table(stretch.exponents, 0.0)


@apart
def rows_ahead(stretch: Stretch, places: IntArray, n_most: int) -> int:
    """How many steps all lanes take next; one that is at its end does what the one does that has most left."""
    leader = 0
    for lane in range(1, len(EIGHT)):
        if places[END, lane] - places[ROW, lane] > places[END, leader] - places[ROW, leader]:
            leader = lane
    n_rows = n_most
    for lane in range(len(EIGHT)):
        if places[END, lane] == places[ROW, lane]:
            for fact in range(PLACES):
                places[fact, lane] = places[fact, leader]
            for i in range(0, len(stretch.state), len(EIGHT)):
                stretch.state[i + lane] = stretch.state[i + leader]
            for each in (stretch.carried, stretch.exponents, stretch.totals):
                each[lane] = each[leader]
        n_rows = min(n_rows, places[END, lane] - places[ROW, lane])
    return n_rows


@apart
def gather(table: FloatArray, at: IntArray, n_rows: int, side_by_side: FloatArray) -> None:
    """Put rows of a table, from one on in each lane, side by side."""
    n_states, flat = table.shape[1], table.reshape(-1)
    n = n_rows * n_states
    last = n - n % len(EIGHT)
    a, b, c, d = at[0] * n_states, at[1] * n_states, at[2] * n_states, at[3] * n_states
    e, f, g, h = at[4] * n_states, at[5] * n_states, at[6] * n_states, at[7] * n_states
    for i in range(0, last, len(EIGHT)):
        columns = transposed(
            load(EIGHT, flat, a + i),
            load(EIGHT, flat, b + i),
            load(EIGHT, flat, c + i),
            load(EIGHT, flat, d + i),
            load(EIGHT, flat, e + i),
            load(EIGHT, flat, f + i),
            load(EIGHT, flat, g + i),
            load(EIGHT, flat, h + i),
        )
        for k in range(len(EIGHT)):
            store(columns[k], side_by_side, (i + k) * len(EIGHT))
    for lane in range(len(EIGHT)):
        for i in range(last, n):
            side_by_side[i * len(EIGHT) + lane] = flat[at[lane] * n_states + i]


@apart
def scatter(side_by_side: FloatArray, at: IntArray, n_rows: int, table: FloatArray) -> None:
    """Put what stands side by side back into rows of a table, from one on in each lane."""
    n_states, flat = table.shape[1], table.reshape(-1)
    n = n_rows * n_states
    last = n - n % len(EIGHT)
    for i in range(0, last, len(EIGHT)):
        m = i * len(EIGHT)
        a, b, c, d, e, f, g, h = transposed(
            load(EIGHT, side_by_side, m),
            load(EIGHT, side_by_side, m + 1 * len(EIGHT)),
            load(EIGHT, side_by_side, m + 2 * len(EIGHT)),
            load(EIGHT, side_by_side, m + 3 * len(EIGHT)),
            load(EIGHT, side_by_side, m + 4 * len(EIGHT)),
            load(EIGHT, side_by_side, m + 5 * len(EIGHT)),
            load(EIGHT, side_by_side, m + 6 * len(EIGHT)),
            load(EIGHT, side_by_side, m + 7 * len(EIGHT)),
        )
        store(a, flat, at[0] * n_states + i)
        store(b, flat, at[1] * n_states + i)
        store(c, flat, at[2] * n_states + i)
        store(d, flat, at[3] * n_states + i)
        store(e, flat, at[4] * n_states + i)
        store(f, flat, at[5] * n_states + i)
        store(g, flat, at[6] * n_states + i)
        store(h, flat, at[7] * n_states + i)
    for lane in range(len(EIGHT)):
        for i in range(last, n):
            flat[at[lane] * n_states + i] = side_by_side[i * len(EIGHT) + lane]


@apart
def fill_stretch(log_b: FloatArray, at: IntArray, n_rows: int, most_spread: float, stretch: Stretch) -> None:
    """Take the exponentials of rows of log-likelihoods, from one on in each lane; mark those that spread too far."""
    heads, tails, n = stretch.heads, stretch.tails, n_rows * log_b.shape[1] * len(EIGHT)
    gather(log_b, at, n_rows, heads)
    fill_table(stretch.exponents[len(EIGHT) : (1 + n_rows) * len(EIGHT)], 0.0)
    fill_table(stretch.marks[: n_rows * len(EIGHT)], 0.0)
    n_outside = 0
    for i in range(n):
        n_outside += not abs(heads[i]) <= NEAR_ONE
    if n_outside > 0:
        fill_far_stretch(stretch, n_rows, log_b.shape[1], most_spread)
        return
    for i in range(n):
        head, tail, k = exp_parts(heads[i], 0.0)
        scale = power_of_two(k)
        heads[i], tails[i] = head * scale, tail * scale


@apart
def fill_far_stretch(stretch: Stretch, n_rows: int, n_states: int, most_spread: float) -> None:
    """The same of logs that are far from 0, with each row divided by the power of two of its largest entry."""
    heads, tails, powers = stretch.heads, stretch.tails, stretch.others
    for i in range(n_rows * n_states * len(EIGHT)):
        x = heads[i]
        near = abs(x) <= EXP_REACH
        head, tail, k = exp_parts(x if near else 0.0, 0.0)
        heads[i], tails[i] = head if near else 0.0, tail if near else 0.0
        powers[i] = k if near else NEVER if x == NEVER else math.inf
    tops, bottoms = stretch.exponents[len(EIGHT) :], stretch.increments
    for n in range(n_rows * len(EIGHT)):
        tops[n], bottoms[n] = NEVER, math.inf
    for t in range(n_rows):
        top, bottom = tops[t * len(EIGHT) : (t + 1) * len(EIGHT)], bottoms[t * len(EIGHT) : (t + 1) * len(EIGHT)]
        for j in range(t * n_states, (t + 1) * n_states):
            for lane in range(len(EIGHT)):
                k = powers[j * len(EIGHT) + lane]
                top[lane], bottom[lane] = larger(top[lane], k), k if NEVER < k < bottom[lane] else bottom[lane]
        for j in range(t * n_states, (t + 1) * n_states):
            for lane in range(len(EIGHT)):
                i = j * len(EIGHT) + lane
                down = powers[i] - top[lane]
                scale = power_of_two(down) if down > VANISHED else 0.0
                heads[i], tails[i] = heads[i] * scale, tails[i] * scale
    for n in range(n_rows * len(EIGHT)):
        is_narrow = (tops[n] - bottoms[n] <= most_spread) | (tops[n] == NEVER)
        stretch.marks[n] = 0.0 if is_narrow else 1.0
        tops[n] = tops[n] if abs(tops[n]) < math.inf else 0.0


@compiled
def carry_over(stretch: Stretch, n_rows: int) -> None:
    """Let the last totals and exponents of a stretch be those before the next one."""
    end = n_rows * len(EIGHT)
    copy(stretch.totals[end : end + len(EIGHT)], stretch.totals)
    copy(stretch.exponents[end : end + len(EIGHT)], stretch.exponents)


@compiled
def predict_abreast(p: FloatArray, transition: FloatArray, s: FloatArray) -> None:
    """`predict_many` in each lane: the sums of four columns at a time in registers, over ascending i."""
    _, n_states, n_columns = transition.shape
    flat = transition.reshape(-1)
    for j in range(0, n_states, 4):
        a = b = c = d = splat(EIGHT, 0.0)
        at = unsigned(j // n_columns * n_columns * n_states + j % n_columns)
        for i in range(n_states):
            p_i, n = load(EIGHT, p, unsigned(i * len(EIGHT))), at + unsigned(i * len(TILE))
            a = fma(p_i, splat(EIGHT, flat[n]), a)
            b = fma(p_i, splat(EIGHT, flat[n + unsigned(1)]), b)
            c = fma(p_i, splat(EIGHT, flat[n + unsigned(2)]), c)
            d = fma(p_i, splat(EIGHT, flat[n + unsigned(3)]), d)
        store(a, s, j * len(EIGHT))
        store(b, s, (j + 1) * len(EIGHT))
        store(c, s, (j + 2) * len(EIGHT))
        store(d, s, (j + 3) * len(EIGHT))


@compiled
def sum_abreast(x: FloatArray, n_states: int) -> Lanes:
    """`sum_of` in each lane, of many states."""
    a = b = c = d = splat(EIGHT, 0.0)
    last = n_states - n_states % 4
    for k in range(0, last, 4):
        a = add(a, load(EIGHT, x, k * len(EIGHT)))
        b = add(b, load(EIGHT, x, (k + 1) * len(EIGHT)))
        c = add(c, load(EIGHT, x, (k + 2) * len(EIGHT)))
        d = add(d, load(EIGHT, x, (k + 3) * len(EIGHT)))
    for k in range(last, n_states):
        a = add(a, load(EIGHT, x, k * len(EIGHT)))
    return add(add(a, b), add(c, d))
