"""Fast steps: a product of a vector and a matrix, as long as the positive entries of a row lie near each other.

Then they have one exponent in common, and the step is a log-sum-exp whose shift is the power of two that is taken out
now and then: in registers for up to `FEW_STATES` states (`sweep_few`), in memory for more (`sweep_many`). Fast steps
and `lse_update` do the same operations on the same numbers, up to powers of two, so that where both will do, they agree
to the bit: a sequence may be cut anywhere, and a step that comes alone may take the exact way.

Both directions have the same steps. Backwards there are no increments: where they are None, the compiler leaves the
other direction's lines out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from hmmfilter._arrays import FloatArray

from .block import Block, Origin
from .chain import Chain
from .coded import coded
from .compiling import IS_PLAIN, apart, compiled
from .lanes import Lanes, add, fma, is_any_faint, lane, load, multiply, splat, store, unsigned
from .limits import HIGHEST, LOWEST, NEARBY, WIDEST
from .numbers import (
    divide_row,
    divided,
    is_faint,
    largest,
    multiply_rows,
    power_of_two,
    shifted,
    spread,
    sum_of,
    total_of,
    two_product,
)
from .update import Scratch, predict_few, predict_many
from .wide import EXPONENT, HEAD, TAIL, has_depths, put_exponent_back, settled, take_exponent_out, top_of


@apart
def sweep_few(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: Lanes,
    pair: FloatArray,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps from row i of a block on, with the state in registers: p'_j = (Σ_i p_i A_ij) b_j, and its tail.

    Where it begins, the origin is in place of the sum. Likelihoods are overwritten by what the posteriors
    are made of: forwards, p; backwards, without increments, the sum in brackets, which is β. Returns where it came to:
    the end, or a row that is beyond the fast steps.
    """
    n_states = len(like)
    exponent = largest(state[EXPONENT])
    for k in range(n_states):
        scale = shifted(1.0, state[EXPONENT, k] - exponent)
        pair[HEAD, k], pair[TAIL, k] = state[HEAD, k] * scale, state[TAIL, k] * scale
    p, p_tail = load(like, pair, 0), load(like, pair, n_states)
    before, before_exponent = total_of(add(p, p_tail), like), exponent
    way = -1 if increments is None else 1
    t = i
    while t != end:
        row = unsigned(t)
        n = row * unsigned(n_states)
        if increments is None and is_any_faint(load(like, rows, n), LOWEST):
            break
        if block.begins[row] == 1.0:
            s, s_tail, exponent = load(like, origin.linear, 0), load(like, origin.linear, n_states), origin.exponent
        else:
            s, s_tail = predict_few(p, p_tail, chain.linear, like)
            exponent += chain.exponent
        b, b_tail = load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n)
        p, lost = two_product(s, b)
        p_tail = fma(s_tail, b, fma(s, b_tail, lost))
        exponent += block.exponents[row]
        store(p if increments is not None else s, block.linear[HEAD], n)
        store(p_tail if increments is not None else s_tail, block.linear[TAIL], n)
        block.exponents[row] = exponent
        total = total_of(p, like)
        if total == 0.0:
            break
        t += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            p, p_tail = multiply(p, splat(like, scale)), multiply(p_tail, splat(like, scale))
            exponent += down
            total *= scale
        if is_any_faint(p, LOWEST * total):
            break
    for k in range(n_states):
        state[HEAD, k], state[TAIL, k], state[EXPONENT, k] = settled(lane(p, k), lane(p_tail, k), exponent)
    normalise_few(block, i, t, before, before_exponent, like, rows, increments)
    return t


@apart
def normalise_few(
    block: Block,
    i: int,
    end: int,
    before: float,
    before_exponent: float,
    like: Lanes,
    rows: FloatArray,
    increments: FloatArray | None,
) -> None:
    """Make posteriors of what `sweep_few` left in a block: p / Σ p, or f β / Σ f β. No row waits for another here."""
    way = -1 if increments is None else 1
    while i != end:
        row = unsigned(i)
        n = row * unsigned(len(like))
        i += way
        begins = block.begins[row] == 1.0
        if increments is None and begins:  # β is 1, and the filtered row is the smoothed one
            continue
        posterior = add(load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n))
        if increments is None:
            posterior = multiply(posterior, load(like, rows, n))
        total = total_of(posterior, like)
        if increments is not None:
            if begins:
                before, before_exponent = 1.0, 0.0
            increments[row] = coded(total / before, block.exponents[row] - before_exponent)
            before, before_exponent = total, block.exponents[row]
            block.totals[row] = total
        store(divided(posterior, splat(like, total), splat(like, 1.0 / total)), rows, n)


@apart
def sweep_many(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: None,
    pair: FloatArray,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """`sweep_few` for many states, without tails: vectors in memory, and posteriors at once."""
    p, s = pair[0, : state.shape[1]], pair[1, : state.shape[1]]
    exponent = largest(state[EXPONENT])
    for k in range(p.size):
        p[k] = state[HEAD, k] * shifted(1.0, state[EXPONENT, k] - exponent)
    before, before_exponent = sum_of(p), exponent
    way = -1 if increments is None else 1
    while i != end:
        t = unsigned(i)
        row = rows[t]
        if increments is None and is_faint(row, LOWEST):
            break
        b = block.linear[HEAD, i * p.size : (i + 1) * p.size]
        if block.begins[t] == 1.0:
            multiply_rows(origin.linear[HEAD], b, p)
            exponent, before, before_exponent = origin.exponent, 1.0, 0.0
        else:
            predict_many(p, chain.linear[HEAD], pair[1])
            multiply_rows(s, b, p)
            exponent += chain.exponent
        total = sum_of(p)
        if total == 0.0:
            break
        exponent += block.exponents[t]
        if increments is not None:
            increments[t] = coded(total / before, exponent - before_exponent)
            divide_row(p, total, row)
            block.totals[t], block.exponents[t] = total, exponent
        elif block.begins[t] == 0.0:
            multiply_rows(s, row, s)
            divide_row(s, sum_of(s), row)
        i += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            for k in range(p.size):
                p[k] *= scale
            exponent += down
            total *= scale
        before, before_exponent = total, exponent
        if is_faint(p, LOWEST * total):
            break
    for k in range(p.size):
        state[HEAD, k], state[TAIL, k], state[EXPONENT, k] = settled(p[k], 0.0, exponent)
    return i


def sweep_for(like: Lanes | None) -> Callable[..., int]:
    """`sweep_few` or `sweep_many`, which is known when this is compiled."""
    return sweep_many if like is None else sweep_few


if not IS_PLAIN:
    from .instructions import chosen_by_lanes

    sweep_for = chosen_by_lanes(sweep_few, sweep_many)


@compiled
def sweep(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    like: Lanes | None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps as far as they are safe, from where the positive entries of the state are near each other.

    What a far exponent has in common is taken out before, and put back after; up to where the recursion begins anew.
    """
    top, top_rest = top_of(state)
    is_far = abs(top) >= NEARBY
    if not (is_far or spread(state[EXPONENT]) <= WIDEST) or (is_far and has_depths(state, top, top_rest)):
        return i
    way = -1 if increments is None else 1
    end = i
    while 0 <= end < len(rows) and block.is_narrow[end] == 1.0 and not (is_far and block.begins[end] == 1.0):
        end += way
    if is_far:
        take_exponent_out(state, top, top_rest)
    reached = sweep_for(like)(state, origin, chain, block, i, end, like, scratch.p, rows, increments)
    if is_far:
        last = i if increments is None else reached  # backwards, nobody asks for the sums
        put_exponent_back(state, top, top_rest, block.exponents[i:last], block.rests[i:last])
    return reached
