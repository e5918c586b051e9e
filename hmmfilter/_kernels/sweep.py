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

from hmmfilter._arrays import FloatArray

from .block import BEYOND, SPREAD, Block, Origin, fill_log_factors
from .chain import Chain
from .choosing import chosen_by_lanes
from .coded import LOG_RAISED, RAISED, code_faint, coded, is_deep, is_product
from .compiling import apart, compiled
from .lanes import (
    Lanes,
    add,
    chosen,
    divide,
    fma,
    is_any_faint,
    lane,
    larger,
    load,
    marked_below,
    multiply,
    splat,
    store,
    unsigned,
)
from .limits import DEEP, DIM, FAINT, HIGHEST, LEAST, NEARBY, NEVER, SMALL, WIDEST
from .numbers import (
    copy,
    divide_row,
    divided,
    dot,
    is_faint,
    largest,
    largest_of,
    multiply_row,
    multiply_rows,
    power_of_two,
    sum_of,
    total_of,
    two_product,
)
from .update import Scratch, predict_few, predict_for
from .wide import (
    EXPONENT,
    HEAD,
    TAIL,
    has_depths,
    put_exponent_back,
    settled,
    take_down,
    take_exponent_out,
    top_of,
    weigh,
    widen_row,
)

VEIL = 2.0**-1000  # what is added to sums so that zeros are small, not nothing


@apart
def sweep_few(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: Lanes,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps from row i of a block on, with the state in registers: p'_j = (Σ_i p_i A_ij) b_j, and its tail.

    Where it begins, the origin is in place of the sum. Likelihoods are overwritten by what the posteriors
    are made of: forwards, p, and in place of a spread row the sum in brackets; backwards, without increments, that sum,
    which is β. The last one is left in the scratch. Returns where it came to: the end, or a row that is beyond the fast
    steps.
    """
    n_states, pair = len(like), scratch.p
    top = largest(state[EXPONENT])
    take_down(state, top, 0.0, pair[HEAD], pair[TAIL])
    p, p_tail, exponent = load(like, pair[HEAD], 0), load(like, pair[TAIL], 0), top
    before = total_of(add(p, p_tail), like)
    sums, sums_tail, sums_exponent = p, p_tail, exponent
    veil = veil_of(is_wider(state[EXPONENT], WIDEST))
    way = -1 if increments is None else 1
    t = i
    while t != end:
        row = unsigned(t)
        n = row * unsigned(n_states)
        if block.begins[row] == 1.0:
            s, s_tail = load(like, origin.linear, 0), load(like, origin.linear, n_states)
            s_exponent = origin.exponent
        else:
            s, s_tail = predict_few(p, p_tail, chain.linear, like)
            s_exponent = exponent + chain.exponent
            if not chain.is_dense and is_any_faint(add(s, splat(like, veil)), DIM):
                break
            if increments is None and not chain.is_dense and is_any_faint(load(like, rows, n), SMALL):
                f = load(like, rows, n)
                total = total_of(multiply(add(s, s_tail), larger(f, splat(like, 0.0))), like)
                if is_deep(total, largest_of(s, like), 0.0):
                    break
        b, b_tail = load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n)
        product, lost = two_product(s, b)
        total = total_of(product, like)
        is_spread = block.kinds[row] == SPREAD
        if total == 0.0 or (is_spread and total < LEAST):
            break
        p, p_tail = product, fma(s_tail, b, fma(s, b_tail, lost))
        exponent = s_exponent + block.exponents[row]
        store(p if increments is not None else s, block.linear[HEAD], n)
        store(p_tail if increments is not None else s_tail, block.linear[TAIL], n)
        if increments is not None and is_spread:
            store(s, rows, n)
        block.exponents[row] = exponent
        sums, sums_tail, sums_exponent, veil = s, s_tail, s_exponent, veil_of(is_spread)
        t += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            _, down = math.frexp(total)
            scale = power_of_two(float(-down))
            p, p_tail = multiply(p, splat(like, scale)), multiply(p_tail, splat(like, scale))
            exponent += down
    if t != i:
        keep_lanes(p, p_tail, exponent, like, state)
        keep_lanes(sums, sums_tail, sums_exponent, like, scratch.predicted)
        normalise_few(block, i, t, before, top, like, rows, increments)
    return t


@compiled
def keep_lanes(x: Lanes, x_tail: Lanes, exponent: float, like: Lanes, kept: FloatArray) -> None:
    """Make wide numbers of lanes."""
    for k in range(len(like)):
        kept[HEAD, k], kept[TAIL, k], kept[EXPONENT, k] = settled(lane(x, k), lane(x_tail, k), exponent)


@compiled
def veil_of(is_spread: bool) -> float:
    """What makes zeros visible as such that have faded, where they may have underflowed."""
    return VEIL if is_spread else 0.0


@compiled
def is_wider(x: FloatArray, most: float) -> bool:
    """Whether `spread` is above that, counted: the compiler makes vectors of this, and none of a smallest number."""
    top, n_below = largest(x), 0
    for k in range(x.size):
        n_below += (top - x[k] > most) & (x[k] != NEVER)
    return n_below > 0


@compiled
def is_beyond(f: FloatArray, beta: FloatArray, product: FloatArray) -> bool:
    """Whether f has small entries, and Σ f β `is_deep`."""
    if not is_faint(f, SMALL):
        return False
    for k in range(f.size):
        product[k] = larger(f[k], 0.0) * beta[k]
    return is_deep(sum_of(product), largest(beta), 0.0)


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
    first, stop = (end + 1, i + 1) if increments is None else (i, end)
    for t in range(first, stop):
        row = unsigned(t)
        n = row * unsigned(len(like))
        block.is_faint[row] = 0.0
        if increments is None and block.begins[row] == 1.0:  # β is 1, and the filtered row is the smoothed one
            continue
        posterior = add(load(like, block.linear[HEAD], n), load(like, block.linear[TAIL], n))
        if increments is None:
            f = load(like, rows, n)
            if is_any_faint(f, SMALL):
                smooth_faint(posterior, f, n, block, like, rows)
                block.is_faint[row] = 1.0
                continue
            posterior = multiply(posterior, f)
        total = total_of(posterior, like)
        one_over_total = splat(like, 1.0 / total)
        shares = divided(posterior, splat(like, total), one_over_total)
        if increments is not None:
            block.totals[row] = total
            if block.kinds[row] == SPREAD and is_any_faint(add(shares, splat(like, VEIL)), FAINT):
                store(multiply(load(like, rows, n), one_over_total), block.linear[HEAD], n)
                block.is_faint[row] = 1.0
        store(shares, rows, n)
    if increments is not None and i < end:
        fill_increments(block, i, end, before, before_exponent, increments)


@compiled
def fill_increments(
    block: Block, i: int, end: int, before: float, before_exponent: float, increments: FloatArray
) -> None:
    """Divide each total by the one before it, `coded`: by vectors, as few of these numbers are far from 1."""
    if block.begins[i] == 1.0:
        before, before_exponent = 1.0, 0.0
    increments[i] = coded(block.totals[i] / before, block.exponents[i] - before_exponent)
    n_far = 0
    for t in range(i + 1, end):
        ratio, k = increment_at(block, t)
        is_near = is_product(ratio, k)
        increments[unsigned(t)] = ratio * power_of_two(k if is_near else 0.0)
        n_far += not is_near
    if n_far > 0:
        for t in range(i + 1, end):
            ratio, k = increment_at(block, t)
            increments[t] = coded(ratio, k)


@compiled
def increment_at(block: Block, t: int) -> tuple[float, float]:
    """Σ α_t / Σ α_t−1, as a double and a power of two; where the recursion begins, Σ α_t."""
    row, last = unsigned(t), unsigned(t - 1)
    before, before_exponent = block.totals[last], block.exponents[last]
    begins = block.begins[row] == 1.0
    ratio = divide(block.totals[row], 1.0 if begins else before)
    return ratio, block.exponents[row] - (0.0 if begins else before_exponent)


@compiled
def smooth_faint(beta: Lanes, f: Lanes, n: int, block: Block, like: Lanes, rows: FloatArray) -> None:
    """f β / Σ f β where f has small entries or logs, as `store_smoothed` has it; logs are left to `code_faint`."""
    zeros = splat(like, 0.0)
    numbers, logs = larger(f, zeros), marked_below(f, zeros, zeros)
    _, down = math.frexp(total_of(multiply(beta, numbers), like))
    beta = multiply(beta, splat(like, power_of_two(float(-down))))
    product = multiply(beta, numbers)
    total = total_of(product, like)
    one_over_total = splat(like, 1.0 / total)
    ratio = multiply(beta, one_over_total)
    raised = multiply(multiply(f, splat(like, power_of_two(RAISED))), ratio)
    store(divided(product, splat(like, total), one_over_total), rows, n)
    store(chosen(logs, ratio, raised), block.linear[HEAD], n)
    store(chosen(logs, f, splat(like, LOG_RAISED)), block.linear[TAIL], n)


@apart
def sweep_many(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    i: int,
    end: int,
    like: None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """`sweep_few` for many states, without tails: vectors in memory, and posteriors at once."""
    n_states, predicted = state.shape[1], scratch.predicted
    p, s, total = scratch.p[0, :n_states], scratch.p[1, :n_states], 1.0
    exponent = largest(state[EXPONENT])
    take_down(state, exponent, 0.0, p, s)
    before, before_exponent, sums_exponent = sum_of(p), exponent, exponent
    veil = veil_of(is_wider(state[EXPONENT], WIDEST))
    way = -1 if increments is None else 1
    t = i
    while t != end:
        row = unsigned(t)
        share, begins, is_spread = rows[row], block.begins[row] == 1.0, block.kinds[row] == SPREAD
        b = block.linear[HEAD, t * n_states : (t + 1) * n_states]
        if begins:
            copy(origin.linear[HEAD], s)
            s_exponent, before, before_exponent = origin.exponent, 1.0, 0.0
        else:
            predict_for(chain)(p, chain, scratch.p[1])
            s_exponent = exponent + chain.exponent
            if not chain.is_dense and (
                is_faded(s, veil) or (increments is None and is_beyond(share, s, scratch.after[HEAD]))
            ):
                break
        if is_spread and dot(s, b) < LEAST:
            break
        multiply_rows(s, b, p)
        total = sum_of(p)
        if total == 0.0:
            break
        exponent, sums_exponent, veil = s_exponent + block.exponents[row], s_exponent, veil_of(is_spread)
        block.is_faint[row] = 0.0
        if is_spread:
            copy(s, predicted[HEAD])
        if increments is not None:
            increments[row] = coded(total / before, exponent - before_exponent)
            divide_row(p, total, share)
            block.totals[row], block.exponents[row] = total, exponent
            if is_spread:
                multiply_row(s, 1.0 / total, b)
                block.is_faint[row] = 1.0
        elif not begins:
            smooth_row(s, block, row, share)
        t += way
        if not 1.0 / HIGHEST < total < HIGHEST:
            down = float(math.frexp(total)[1])
            multiply_row(p, power_of_two(-down), p)
            exponent, total = exponent + down, total * power_of_two(-down)
        before, before_exponent = total, exponent
    if t != i or total == 0.0:
        keep_row(p, exponent, state)
        keep_row(predicted[HEAD], sums_exponent, predicted)
    return t


@compiled
def keep_row(x: FloatArray, exponent: float, kept: FloatArray) -> None:
    """Make wide numbers of a row; it may be their heads."""
    for k in range(x.size):
        kept[HEAD, k], kept[TAIL, k], kept[EXPONENT, k] = settled(x[k], 0.0, exponent)


@compiled
def is_faded(s: FloatArray, veil: float) -> bool:
    """Whether a sum is so small that what underflowed may count."""
    faded = False
    for k in range(s.size):
        faded |= (s[k] + veil < DIM) & (s[k] + veil != 0.0)
    return faded


@apart
def smooth_row(beta: FloatArray, block: Block, row: int, f: FloatArray) -> None:
    """f β / Σ f β of many states, in place of f; where that has small entries or logs, as in `smooth_faint`."""
    if not is_faint(f, SMALL):
        multiply_rows(beta, f, beta)
        divide_row(beta, sum_of(beta), f)
        return
    n = row * f.size
    ratio, log_factor = block.linear[HEAD, n : n + f.size], block.linear[TAIL, n : n + f.size]
    for k in range(f.size):
        ratio[k] = larger(f[k], 0.0) * beta[k]
    _, down = math.frexp(sum_of(ratio))
    multiply_row(beta, power_of_two(float(-down)), beta)
    for k in range(f.size):
        ratio[k] = larger(f[k], 0.0) * beta[k]
    total = sum_of(ratio)
    one_over_total, raise_by = 1.0 / total, power_of_two(RAISED)
    for k in range(f.size):
        share = divided(ratio[k], total, one_over_total)
        ratio_k = beta[k] * one_over_total
        ratio[k] = ratio_k if f[k] < 0.0 else f[k] * raise_by * ratio_k
        log_factor[k] = f[k] if f[k] < 0.0 else LOG_RAISED
        f[k] = share
    block.is_faint[row] = 1.0


sweep_for = chosen_by_lanes(sweep_few, sweep_many)


@compiled
def code_runs(log_b: FloatArray, block: Block, i: int, end: int, rows: FloatArray, is_backward: bool) -> None:
    """Turn faint shares of rows into logs, as many rows at once as follow each other."""
    n_states, n_faint = rows.shape[1], 0
    for row in range(i, end):
        n_faint += block.is_faint[row] == 1.0
    row = i if n_faint > 0 else end
    while row < end:
        start = row
        while row < end and block.is_faint[row] == 1.0:
            row += 1
        if row > start:
            if not is_backward:
                fill_log_factors(log_b, block, start, row)
            n, n_end = start * n_states, row * n_states
            code_faint(rows[start:row].reshape(-1), block.linear[HEAD, n:n_end], block.linear[TAIL, n:n_end])
        row += 1


@compiled
def sweep(
    state: FloatArray,
    origin: Origin,
    chain: Chain,
    block: Block,
    log_b: FloatArray,
    i: int,
    like: Lanes | None,
    scratch: Scratch,
    rows: FloatArray,
    increments: FloatArray | None,
) -> int:
    """Fast steps as far as they are safe.

    What a far exponent has in common is taken out before, and put back after; up to where the recursion begins anew.
    """
    top, top_rest = top_of(state)
    is_far = abs(top) >= NEARBY
    if is_far and has_depths(state, top, top_rest):
        return i
    if not chain.is_dense and is_wider(scratch.predicted[EXPONENT], DEEP):  # then sums will have faded again, mostly
        return i
    way = -1 if increments is None else 1
    end = i
    while 0 <= end < len(rows) and block.kinds[end] != BEYOND and not (is_far and block.begins[end] == 1.0):
        end += way
    if is_far:
        take_exponent_out(state, top, top_rest)
    reached = sweep_for(like)(state, origin, chain, block, i, end, like, scratch, rows, increments)
    if reached != i and block.kinds[reached - way] == SPREAD:  # what underflowed there
        widen_row(log_b[reached - way], scratch.other)
        weigh(scratch.predicted, scratch.other, like, state)
    if is_far:
        last = i if increments is None else reached  # backwards, nobody asks for the sums
        put_exponent_back(state, top, top_rest, block.exponents[i:last], block.rests[i:last])
    first, last = (i, reached) if increments is not None else (reached + 1, i + 1)
    code_runs(log_b, block, first, last, rows, increments is None)
    return reached
