"""A block of steps: likelihoods as doubles, each row divided by a power of two, for the fast steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled
from .limits import LEAST_LOG, LIKELIHOOD_SPREAD, NARROW_LOG, NEAR_ONE, NEARBY, NEVER, WIDEST
from .numbers import copy, largest, largest_magnitude, power_of_two, shifted, spread
from .tables import Tables
from .update import scratch_size
from .wide import EXPONENT, HEAD, PLANES, TAIL, exp_parts, log_down, shift_of, widen_row

BEYOND, NEAR, SPREAD = 0.0, 1.0, 2.0  # kinds of rows: beyond the fast steps; with positive entries near each other; not
FACTS = 7  # of a row of a block


class Block(NamedTuple):
    """Likelihoods of a block of steps as doubles, each row divided by a power of two."""

    linear: FloatArray  # (2, B K): heads and tails, row after row
    exponents: FloatArray  # (B,): the powers; of a row that is done, that of its state
    shifts: FloatArray  # (B,): the same, but for a row that is done, too
    kinds: FloatArray  # (B,): `NEAR`, `SPREAD` or `BEYOND`
    is_faint: FloatArray  # (B,): 1 where fast steps have left shares of the row to be stored as logs, else 0
    begins: FloatArray  # (B,): 1 where the recursion begins, with the first row of a sequence or, backwards, the last
    totals: FloatArray  # (B,): Σ α of a row that is done, to be multiplied by 2^(exponent + rest)
    rests: FloatArray  # (B,): of these exponents


class Origin(NamedTuple):
    """What the recursion begins with: the initial distribution or, backwards, ones."""

    wide: FloatArray  # (4, K)
    linear: FloatArray  # (2, K), divided by 2^exponent
    exponent: float
    is_narrow: bool  # its positive entries lie within `WIDEST`, their exponents are `NEARBY`


@apart
def origin_of(wide: FloatArray, linear: FloatArray) -> Origin:
    """Make an origin of wide numbers; fills the linear ones."""
    exponent = largest(wide[EXPONENT])
    is_narrow = abs(exponent) < NEARBY and spread(wide[EXPONENT]) <= WIDEST
    if is_narrow:
        for k in range(wide.shape[1]):
            scale = shifted(1.0, wide[EXPONENT, k] - exponent)
            linear[HEAD, k], linear[TAIL, k] = wide[HEAD, k] * scale, wide[TAIL, k] * scale
    return Origin(wide, linear, exponent, is_narrow)


@compiled
def set_begins(tables: Tables, n: int, is_backward: bool, t: int, stop: int, block: Block) -> None:
    """Mark the rows from t to stop, of sequence n and those after it, with which the recursion begins."""
    for i in range(stop - t):
        block.begins[i] = 0.0
    while n < len(tables.starts) - 1 and tables.starts[n] < stop:
        row = tables.starts[n + 1] - 1 if is_backward else tables.starts[n]
        if t <= row < stop:
            block.begins[row - t] = 1.0
        n += 1


@compiled
def mistrust_begins(origin: Origin, n_rows: int, block: Block) -> None:
    """Where the origin is beyond the fast steps, so are the rows that begin with it."""
    if not origin.is_narrow:
        for i in range(n_rows):
            block.kinds[i] = BEYOND if block.begins[i] == 1.0 else block.kinds[i]


@apart
def fill_block(log_b: FloatArray, block: Block, wide: FloatArray) -> None:
    """Take the exponentials of rows of log-likelihoods, (n, K)."""
    n_rows = len(log_b)
    flat, head, tail = log_b.reshape(-1), block.linear[HEAD], block.linear[TAIL]
    n_outside = 0
    for n in range(flat.size):
        x = flat[n]
        near = (x >= LEAST_LOG) & (x <= NEAR_ONE)
        x_head, x_tail, k = exp_parts(x if near else 0.0, 0.0)
        scale = power_of_two(k) if near else 0.0
        head[n], tail[n] = x_head * scale, x_tail * scale
        n_outside += not abs(x) <= NEAR_ONE
    for i in range(n_rows):
        block.exponents[i], block.shifts[i], block.kinds[i], block.rests[i] = 0.0, 0.0, NEAR, 0.0
    if n_outside > 0:
        for i in range(n_rows):
            if not is_as_it_is(log_b[i], block, i):
                fill_row(log_b[i], block, i, wide)


@compiled
def is_as_it_is(log_b: FloatArray, block: Block, i: int) -> bool:
    """Whether one row of a block needs no shift; its kind."""
    n_high, n_near, n_low, n_lowest = 0, 0, 0, 0
    for k in range(log_b.size):
        x = log_b[k]
        n_high += x > NEAR_ONE
        n_near += abs(x) <= NEAR_ONE
        n_low += (x < -LIKELIHOOD_SPREAD) & (x != NEVER)
        n_lowest += (x < -NARROW_LOG) & (x != NEVER)
    block.kinds[i] = BEYOND if n_lowest > 0 else SPREAD if n_low > 0 else NEAR
    return (n_high == 0) & (n_near > 0)


@apart
def fill_row(log_b: FloatArray, block: Block, i: int, wide: FloatArray) -> None:
    """One row of a block, divided by a power of two near its largest entry."""
    is_beyond = largest_magnitude(log_b) > NARROW_LOG
    block.kinds[i] = BEYOND if is_beyond else NEAR if spread(log_b) <= LIKELIHOOD_SPREAD else SPREAD
    if is_beyond:
        return
    widen_row(log_b, wide)
    block.exponents[i] = block.shifts[i] = shift_of(log_b)
    n_states = log_b.size
    for k in range(n_states):
        scale = shifted(1.0, wide[EXPONENT, k] - block.exponents[i])
        n = i * n_states + k
        block.linear[HEAD, n], block.linear[TAIL, n] = wide[HEAD, k] * scale, wide[TAIL, k] * scale


@compiled
def fill_log_factors(log_b: FloatArray, block: Block, i: int, end: int) -> None:
    """Put logs of rows, each divided by its power of two, where the tails of their likelihoods were."""
    n_states = log_b.shape[1]
    copy(log_b[i:end].reshape(-1), block.linear[TAIL, i * n_states : end * n_states])
    for row in range(i, end):
        if block.shifts[row] != 0.0:
            for k in range(n_states):
                block.linear[TAIL, row * n_states + k] = log_down(log_b[row, k], block.shifts[row])


def room_for_steps(n_rows: int, n_states: int) -> FloatArray:
    """Room for `Scratch`, and for a `Block` of so many rows and its α, all of it in one vector."""
    return np.empty(scratch_size(n_states) + n_rows * ((PLANES + 2) * n_states + FACTS))


@apart
def block_in(room: FloatArray, n_rows: int, n_states: int) -> Block:
    """The second part of a room."""
    start = scratch_size(n_states)
    end = start + 2 * n_rows * n_states
    facts = room[end : end + FACTS * n_rows].reshape(FACTS, n_rows)
    linear = room[start:end].reshape(2, n_rows * n_states)
    return Block(linear, facts[0], facts[1], facts[2], facts[3], facts[4], facts[5], facts[6])


BLOCK_ROWS, BLOCK_ENTRIES = 64, 2048  # of a block, at least
MOST_STATES, MOST_ENTRIES = 4096, 2**15  # up to which it has these rows; of a block of more states than that


@compiled
def block_rows(n_states: int) -> int:
    """How many steps make a block: their likelihoods stay in the nearest cache, or else take little room."""
    if n_states > MOST_STATES:
        return max(1, MOST_ENTRIES // n_states)
    return max(BLOCK_ROWS, BLOCK_ENTRIES // n_states)
