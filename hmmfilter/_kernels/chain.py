"""A transition matrix made ready for the recursion, in a slot that holds it for as long as it is used."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .compiling import apart, compiled
from .lanes import TILE
from .limits import EXP_REACH, FEW_STATES, NARROW_LOG, NEAR_ONE, NEVER, TRANSITION_SPREAD, VANISHED
from .numbers import largest, largest_magnitude, power_of_two, shifted
from .wide import EXPONENT, HEAD, REST, TAIL, exp_parts, far_exp_parts, widen

UNLISTED = -1.0


class Chain(NamedTuple):
    """One matrix of a transition, or its transpose, ready for the recursion. All tables have `tiled` K columns."""

    log_transition: FloatArray  # (K, ·)
    linear: FloatArray  # (2, K, ·): heads and, for few states, tails as doubles, divided by 2^exponent
    exponent: float
    is_narrow: bool  # its positive entries lie within `TRANSITION_SPREAD`, and their logs within `NARROW_LOG`
    has_large_logs: bool  # beyond `NARROW_LOG`
    wide: FloatArray  # (4, K, ·), and
    sources: FloatArray  # (2, K, ·), in a row for each state, how many lead to it and which, once they are listed


@compiled
def tiled(n_states: int) -> int:
    """How many columns a matrix has in whole tiles; few states need none."""
    return n_states if n_states <= FEW_STATES else -(-n_states // len(TILE)) * len(TILE)


LOGS, LINEAR, WIDE, SOURCES = 0, 1, 3, 7  # the tables of a slot for a chain, and as single numbers,
HELD, SHARED_EXPONENT, NARROW, LARGE, TABLES = 9, 10, 11, 12, 13  # the matrix that it holds, from 1, and its facts


def slots_for_chains(n_slots: int, n_states: int) -> FloatArray:
    """Room for as many chains; as yet, none is held."""
    return np.zeros((n_slots, TABLES, n_states, tiled(n_states)))


@compiled
def held_chain(slot: FloatArray) -> Chain:
    """The chain that a slot holds."""
    return Chain(
        slot[LOGS],
        slot[LINEAR:WIDE],
        slot[SHARED_EXPONENT, 0, 0],
        slot[NARROW, 0, 0] == 1.0,
        slot[LARGE, 0, 0] == 1.0,
        slot[WIDE:SOURCES],
        slot[SOURCES:HELD],
    )


@apart
def hold_chain(log_transition: FloatArray, m: int, is_backward: bool, slot: FloatArray) -> None:
    """Make a slot hold matrix m of a transition, or its transpose; until then, for whoever interrupts this, none."""
    slot[HELD, 0, 0] = 0.0
    chain = held_chain(slot)
    n_states, n_columns = chain.log_transition.shape
    for i in range(n_states):
        for j in range(n_states):
            chain.log_transition[i, j] = log_transition[m, j, i] if is_backward else log_transition[m, i, j]
        for j in range(n_states, n_columns):
            chain.log_transition[i, j] = NEVER
    has_large_logs = largest_magnitude(chain.log_transition) > NARROW_LOG
    slot[SHARED_EXPONENT, 0, 0], is_narrow = take_exponentials(chain)
    slot[NARROW, 0, 0] = 1.0 if is_narrow and not has_large_logs else 0.0
    slot[LARGE, 0, 0] = 1.0 if has_large_logs else 0.0
    chain.sources[0, 0, 0] = UNLISTED
    slot[HELD, 0, 0] = m + 1.0


@compiled
def chain_at(log_transition: FloatArray, m: int, is_backward: bool, slots: FloatArray) -> Chain:
    """Matrix m of a transition, or its transpose, from the slot that holds it, or is made to hold it."""
    slot = slots[m % len(slots)]
    if slot[HELD, 0, 0] != m + 1.0:
        hold_chain(log_transition, m, is_backward, slot)
    return held_chain(slot)


@compiled
def take_exponentials(chain: Chain) -> tuple[float, bool]:
    """Fill the linear table of a chain; return its exponent, and whether it is narrow."""
    log_transition, linear = chain.log_transition, chain.linear
    n_states, n_columns = log_transition.shape
    top = largest(log_transition.reshape(-1))
    _, _, exponent, rest = far_exp_parts(top) if NEAR_ONE < abs(top) < math.inf else (0.0, 0.0, 0.0, 0.0)
    n_outside, n_small = 0, 0
    for i in range(n_states):
        head, tail = linear[HEAD, i], linear[TAIL, i]
        for j in range(n_states):
            near = abs(log_transition[i, j]) <= EXP_REACH
            x_head, x_tail, k = exp_parts(log_transition[i, j] if near else 0.0, 0.0)
            scale = power_of_two(k - exponent) if k - exponent > VANISHED else 0.0
            head[j] = x_head * scale
            if n_states <= FEW_STATES:
                tail[j] = x_tail * scale
            n_outside += not near
            n_small += near and k - exponent < -TRANSITION_SPREAD
        for j in range(n_states, n_columns):
            head[j] = 0.0
    if n_outside > 0:
        for i in range(n_states):
            for j in range(n_states):
                if not abs(log_transition[i, j]) <= EXP_REACH:
                    x_head, x_tail, k, k_rest = far_exp_parts(log_transition[i, j])
                    down = (k - exponent) + (k_rest - rest)
                    linear[HEAD, i, j], linear[TAIL, i, j] = shifted(x_head, down), shifted(x_tail, down)
                    n_small += NEVER < down < -TRANSITION_SPREAD
    return exponent, n_small == 0


@apart
def widen_chain(chain: Chain) -> None:
    """Fill what only exact steps need: A in wide numbers, which states lead to each, and last, what says that it is."""
    wide, (n_sources, sources) = chain.wide, (chain.sources[0], chain.sources[1])
    widen(
        chain.log_transition.reshape(-1),
        wide[HEAD].reshape(-1),
        wide[TAIL].reshape(-1),
        wide[EXPONENT].reshape(-1),
        wide[REST].reshape(-1),
    )
    for j in range(len(sources) - 1, -1, -1):
        n_listed = 0
        for i in range(len(sources)):
            if chain.log_transition[i, j] > NEVER:
                sources[j, n_listed] = i
                n_listed += 1
        n_sources[j, 0] = n_listed
