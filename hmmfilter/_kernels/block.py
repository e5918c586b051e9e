"""A block of steps: likelihoods as doubles, each row divided by a power of two, for the fast steps."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled
from .limits import LIKELIHOOD_SPREAD, NARROW_LOG, NEAR_ONE, NEARBY, NEVER, WIDEST
from .numbers import largest, power_of_two, shifted, spread
from .tables import Tables
from .update import scratch_size
from .wide import EXPONENT, HEAD, PLANES, TAIL, exp_parts, widen_row


class Block(NamedTuple):
    """Likelihoods of a block of steps as doubles, each row divided by a power of two."""

    linear: FloatArray  # (2, B K): heads and tails, row after row
    exponents: FloatArray  # (B,): the powers; of a row that is done, that of its state
    is_narrow: FloatArray  # (B,): 1 where the row's positive entries lie within `LIKELIHOOD_SPREAD`, else 0
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
            block.is_narrow[i] = 0.0 if block.begins[i] == 1.0 else block.is_narrow[i]


@apart
def fill_block(log_b: FloatArray, block: Block, wide: FloatArray) -> None:
    """Take the exponentials of rows of log-likelihoods, (n, K)."""
    n_rows = len(log_b)
    flat, head, tail = log_b.reshape(-1), block.linear[HEAD], block.linear[TAIL]
    n_outside = 0
    for n in range(flat.size):
        x = flat[n]
        near = abs(x) <= NEAR_ONE
        x_head, x_tail, k = exp_parts(x if near else 0.0, 0.0)
        scale = power_of_two(k) if near else 0.0
        head[n], tail[n] = x_head * scale, x_tail * scale
        n_outside += not near
    for i in range(n_rows):
        block.exponents[i], block.is_narrow[i], block.rests[i] = 0.0, 1.0, 0.0
    if n_outside > 0:
        for i in range(n_rows):
            fill_row(log_b[i], block, i, wide)


@apart
def fill_row(log_b: FloatArray, block: Block, i: int, wide: FloatArray) -> None:
    """One row of a block, divided by a power of two near its largest entry."""
    is_narrow = spread(log_b) <= LIKELIHOOD_SPREAD and not NARROW_LOG < abs(largest(log_b)) < math.inf
    block.is_narrow[i] = 1.0 if is_narrow else 0.0
    if block.is_narrow[i] == 0.0:
        return
    widen_row(log_b, wide)
    top = largest(wide[EXPONENT])
    block.exponents[i] = top if top > NEVER else 0.0
    n_states = log_b.size
    for k in range(n_states):
        scale = shifted(1.0, wide[EXPONENT, k] - block.exponents[i])
        n = i * n_states + k
        block.linear[HEAD, n], block.linear[TAIL, n] = wide[HEAD, k] * scale, wide[TAIL, k] * scale


def room_for_steps(n_rows: int, n_states: int) -> FloatArray:
    """Room for `Scratch`, and for a `Block` of so many rows and its α, all of it in one vector."""
    return np.empty(scratch_size(n_states) + n_rows * ((PLANES + 2) * n_states + 5))


@apart
def block_in(room: FloatArray, n_rows: int, n_states: int) -> Block:
    """The second part of a room."""
    start = scratch_size(n_states)
    end = start + 2 * n_rows * n_states
    facts = room[end : end + 5 * n_rows].reshape(5, n_rows)
    return Block(room[start:end].reshape(2, n_rows * n_states), facts[0], facts[1], facts[2], facts[3], facts[4])


BLOCK_ROWS, BLOCK_ENTRIES = 64, 2048  # of a block, at least


@compiled
def block_rows(n_states: int) -> int:
    """How many steps make a block: their likelihoods stay in the processor's nearest cache."""
    return max(BLOCK_ROWS, BLOCK_ENTRIES // n_states)
