"""A transition matrix made ready for the recursion, in a slot that holds it for as long as it is used."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled
from .lanes import TILE
from .limits import EXP_REACH, FAR, FEW_STATES, NARROW_LOG, NEAR_UNIT, NEVER, TRANSITION_SPREAD, VANISHED
from .numbers import largest, largest_magnitude, power_of_two, shifted
from .wide import HEAD, TAIL, exp_parts, far_exp_parts

LINE = 8  # doubles of a line of the processor's cache: lanes that lie across two of them take twice as long to load
# The facts of a slot: which matrix it holds, from 1, its common exponent, and whether it is narrow, is dense, has
# large logs, and is widened. Its tables come after them.
HELD, SHARED_EXPONENT, NARROW, DENSE, LARGE, WIDENED, FACTS = 0, 1, 2, 3, 4, 5, LINE


class Chain(NamedTuple):
    """One matrix of a transition, or its transpose, ready for the recursion.

    A table of it has the shape (tiles, K, columns): of few states, all columns are one tile; of many, `TILE` columns
    are, for the kernels have their sums in registers and read A from its first entry to its last. See `place_in_tiles`.
    """

    log_transition: FloatArray
    linear: FloatArray  # (2 or 1, tiles, K, ·): heads and, of few states, tails as doubles, divided by 2^exponent
    exponent: float
    is_narrow: bool  # its positive entries lie within `TRANSITION_SPREAD`, and their logs within `NARROW_LOG`
    is_dense: bool  # no zeros but for states that nothing leads to, and backwards none: what is predicted never fades
    has_large_logs: bool  # beyond `NARROW_LOG`
    heads: FloatArray  # of wide numbers, once it is widened,
    exponents: FloatArray  # without rests,
    tails: FloatArray  # (1 or 0, tiles, K, ·): and, of few states, with tails
    facts: FloatArray


@compiled
def tiled(n_states: int) -> int:
    """How many columns a matrix has in whole tiles; few states need none."""
    return n_states if n_states <= FEW_STATES else -(-n_states // len(TILE)) * len(TILE)


@compiled
def place_in_tiles(n_states: int, j: int) -> tuple[int, int]:
    """Where a column is in a table of tiles: the tile, and the column of it."""
    return (0, j) if n_states <= FEW_STATES else (j // len(TILE), j % len(TILE))


def slots_for_chains(n_slots: int, n_states: int) -> FloatArray:
    """Room for as many chains, in whole lines of the cache; as yet, none is held.

    Of many states, a slot takes four times as much as the matrix that is given, half of it for exact steps alone.
    """
    n_tables = 6 if n_states <= FEW_STATES else 4
    size = FACTS + n_tables * n_states * tiled(n_states)
    if n_states < LINE:  # shorter lanes are loaded as quickly from anywhere, and to ask where takes a microsecond
        return np.zeros((n_slots, size))
    return empty_slots(n_slots, size)


def empty_slots(n_slots: int, size: int) -> FloatArray:
    """Room for as many slots of whole lines of the cache, from a line on, all zeros."""
    room = np.zeros(n_slots * size + LINE)
    first = -(room.ctypes.data // room.itemsize) % LINE
    return room[first : first + n_slots * size].reshape(n_slots, size)


@compiled
def held_chain(slot: FloatArray, n_states: int) -> Chain:
    """The chain that a slot holds."""
    n_columns = n_states if n_states <= FEW_STATES else len(TILE)
    tables = slot[FACTS:].reshape(-1, tiled(n_states) // n_columns, n_states, n_columns)
    n_linear = 2 if n_states <= FEW_STATES else 1
    return Chain(
        tables[0],
        tables[1 : 1 + n_linear],
        slot[SHARED_EXPONENT],
        slot[NARROW] == 1.0,
        slot[DENSE] == 1.0,
        slot[LARGE] == 1.0,
        tables[1 + n_linear],
        tables[2 + n_linear],
        tables[3 + n_linear :],
        slot[:FACTS],
    )


@apart
def hold_chain(log_transition: FloatArray, m: int, is_backward: bool, slot: FloatArray) -> None:
    """Make a slot hold matrix m of a transition, or its transpose; until then, for whoever interrupts this, none."""
    slot[HELD] = 0.0
    chain = held_chain(slot, log_transition.shape[1])
    if is_backward:
        pack_transpose(log_transition[m], chain.log_transition)
    else:
        pack(log_transition[m], chain.log_transition)
    has_large_logs = largest_magnitude(chain.log_transition.reshape(-1)) > NARROW_LOG
    slot[SHARED_EXPONENT], is_narrow = take_exponentials(chain)
    slot[NARROW] = 1.0 if is_narrow and not has_large_logs else 0.0
    slot[DENSE] = 1.0 if is_dense(chain.log_transition, is_backward) else 0.0
    slot[LARGE] = 1.0 if has_large_logs else 0.0
    slot[WIDENED] = 0.0
    slot[HELD] = m + 1.0


@compiled
def pack(log_transition: FloatArray, packed: FloatArray) -> None:
    """Copy a matrix into tiles of columns; nothing leads to the columns that fill up the last one."""
    n_tiles, n_states, n_columns = packed.shape
    for i in range(n_states):
        for tile in range(n_tiles):
            first = tile * n_columns
            for j in range(n_columns):
                packed[tile, i, j] = log_transition[i, first + j] if first + j < n_states else NEVER


@compiled
def pack_transpose(log_transition: FloatArray, packed: FloatArray) -> None:
    """`pack` of the transpose: as many rows of a tile at a time as it has columns, for the cache."""
    n_tiles, n_states, n_columns = packed.shape
    for tile in range(n_tiles):
        first = tile * n_columns
        for start in range(0, n_states, n_columns):
            for j in range(n_columns):
                for i in range(start, min(start + n_columns, n_states)):
                    packed[tile, i, j] = log_transition[first + j, i] if first + j < n_states else NEVER


@compiled
def is_dense(packed: FloatArray, is_whole: bool) -> bool:
    """Whether each column of a packed matrix is −inf throughout, or nowhere, or nowhere alone."""
    n_tiles, n_states, n_columns = packed.shape
    n_mixed = 0
    for j in range(n_states if is_whole else 0):
        tile, column = place_in_tiles(n_states, j)
        n_mixed += packed[tile, 0, column] == NEVER
    for tile in range(n_tiles):
        first = packed[tile, 0]
        for i in range(1, n_states):
            for j in range(n_columns):
                n_mixed += (packed[tile, i, j] == NEVER) != (first[j] == NEVER)
    return n_mixed == 0


@compiled
def chain_at(log_transition: FloatArray, m: int, is_backward: bool, slots: FloatArray) -> Chain:
    """Matrix m of a transition, or its transpose, from the slot that holds it, or is made to hold it."""
    slot = slots[m % len(slots)]
    if slot[HELD] != m + 1.0:
        hold_chain(log_transition, m, is_backward, slot)
    return held_chain(slot, log_transition.shape[1])


@compiled
def near_exponential(log_x: float, exponent: float) -> tuple[float, float, float]:
    """exp(log x) / 2^exponent as head and tail, and how far its own exponent is; zeros beyond `EXP_REACH`."""
    near = abs(log_x) <= EXP_REACH
    head, tail, k = exp_parts(log_x if near else 0.0, 0.0)
    down = k - exponent if near else NEVER
    scale = power_of_two(down) if down > VANISHED else 0.0
    return head * scale, tail * scale, down


@compiled
def take_exponentials(chain: Chain) -> tuple[float, bool]:
    """Fill the linear tables of a chain; return its exponent, and whether it is narrow.

    Tails have a loop of their own: one in which they are stored or not, as may be, waits for memory that nobody uses.
    """
    logs, head, tail = chain.log_transition.reshape(-1), chain.linear[HEAD].reshape(-1), chain.linear[TAIL:].reshape(-1)
    top = largest(logs)
    _, _, exponent, rest = far_exp_parts(top) if NEAR_UNIT < abs(top) < math.inf else (0.0, 0.0, 0.0, 0.0)
    n_outside, n_small = 0, 0
    for n in range(logs.size):
        head[n], _, down = near_exponential(logs[n], exponent)
        n_outside += EXP_REACH < abs(logs[n]) < math.inf
        n_small += NEVER < down < -TRANSITION_SPREAD
    for n in range(tail.size):
        _, tail[n], _ = near_exponential(logs[n], exponent)
    if n_outside > 0:
        for n in range(logs.size):
            if EXP_REACH < abs(logs[n]) < math.inf:
                x_head, x_tail, k, k_rest = far_exp_parts(logs[n])
                down = (k - exponent) + (k_rest - rest)
                head[n] = shifted(x_head, down)
                if tail.size > 0:
                    tail[n] = shifted(x_tail, down)
                n_small += down < -TRANSITION_SPREAD
    return exponent, n_small == 0


@apart
def widen_chain(chain: Chain) -> None:
    """Fill what only exact steps need, A in wide numbers; and last, what says that it is there."""
    logs, tails = chain.log_transition.reshape(-1), chain.tails.reshape(-1)
    heads, exponents = chain.heads.reshape(-1), chain.exponents.reshape(-1)
    n_outside = 0
    for n in range(logs.size):
        near = abs(logs[n]) <= EXP_REACH
        heads[n], _, k = exp_parts(logs[n] if near else 0.0, 0.0)
        exponents[n] = k if near else NEVER
        n_outside += not near
    for n in range(tails.size):
        _, tails[n], _ = exp_parts(logs[n] if abs(logs[n]) <= EXP_REACH else 0.0, 0.0)
    if n_outside > 0:
        for n in range(logs.size):
            if not abs(logs[n]) <= EXP_REACH:
                heads[n], x_tail, exponents[n], _ = far_exp_parts(logs[n])
                if tails.size > 0:
                    tails[n] = x_tail
    chain.facts[WIDENED] = 1.0


@compiled
def is_widened(chain: Chain) -> bool:
    """Whether exact steps have what they need."""
    return chain.facts[WIDENED] == 1.0


@compiled
def step_exponent(chain: Chain, i: int, j: int) -> tuple[float, float]:
    """The exponent of A_ij in two parts; the second is worked out where there is one, which is rare."""
    tile, column = place_in_tiles(chain.heads.shape[1], j)
    exponent = chain.exponents[tile, i, column]
    rest = 0.0
    if FAR <= abs(exponent) < math.inf:
        _, _, _, rest = far_exp_parts(chain.log_transition[tile, i, column])
    return exponent, rest
