"""Many sequences, eight at a time, one a lane: the fast steps of `sweep`, entry for entry, to the same bits.

A sequence with a step that is beyond the fast ones is left for `run_forward` and `run_backward`.
"""

from __future__ import annotations

import math

from hmmfilter._arrays import FloatArray, IntArray

from .abreast import (
    AT,
    END,
    ROW,
    SEQUENCE,
    Stretch,
    carry_over,
    deal_out,
    fill_stretch,
    gather,
    predict_abreast,
    rows_ahead,
    scatter,
    stretch_in,
    stretch_rows,
    sum_abreast,
)
from .backward import origin_of_ones
from .block import Origin
from .chain import Chain, chain_at
from .choosing import chosen_by_lanes
from .coded import coded, is_product
from .compiling import apart, compiled, inlined
from .forward import origin_at
from .lanes import (
    EIGHT,
    Lanes,
    add,
    chosen,
    divide,
    fma,
    is_any_faint,
    load,
    marked_below,
    marked_faint,
    multiply,
    negative,
    splat,
    store,
    subtract,
)
from .limits import (
    FADED,
    FEW_STATES,
    HIGHEST,
    LOWEST,
    LOWEST_OF_DENSE,
    NEVER_RARE,
    SPREAD_OF_ANY,
    SPREAD_OF_DENSE,
    UNLIKELY,
)
from .numbers import divided, fill_table, is_faint, lanes_two_sum, power_of_two, sum_of, two_product
from .tables import Given, Tables
from .update import scratch_in, scratch_size
from .wide import HEAD, TAIL, log_of_wide

DONE, LEFT, SPOILT = 0, 1, 2  # what becomes of a sequence: if it is left, its rows are as they were, or are not


@compiled
def predict_lanes(state: FloatArray, transition: FloatArray, j: int, like: Lanes) -> tuple[Lanes, Lanes]:
    """s_j = Σ_i p_i A_ij in each lane, as `predict_few` has it, with all that roundings lose collected in the tails."""
    n_states = len(like)
    p = load(EIGHT, state, 0)
    s, s_tail = two_product(p, splat(EIGHT, transition[HEAD, 0, 0, j]))
    s_tail = fma(p, splat(EIGHT, transition[TAIL, 0, 0, j]), s_tail)
    for i in range(1, n_states):
        p = load(EIGHT, state, i * len(EIGHT))
        term, term_tail = two_product(p, splat(EIGHT, transition[HEAD, 0, i, j]))
        s, lost = lanes_two_sum(s, term)
        s_tail = add(s_tail, add(lost, fma(p, splat(EIGHT, transition[TAIL, 0, i, j]), term_tail)))
    for i in range(n_states):
        p_tail = load(EIGHT, state, (n_states + i) * len(EIGHT))
        s_tail = fma(p_tail, splat(EIGHT, transition[HEAD, 0, i, j]), s_tail)
    return s, s_tail


@compiled
def reach_of(chain: Chain) -> tuple[float, float]:
    """How low a number may be, relative to its sum, for fast steps with a matrix, and how far b may spread."""
    transition, n_rare = chain.linear[HEAD].reshape(-1), 0
    for n in range(transition.size):
        n_rare += transition[n] < NEVER_RARE
    n_filled_up = transition.size - chain.linear.shape[2] ** 2  # with zeros, in the last tile
    return (LOWEST_OF_DENSE, SPREAD_OF_DENSE) if n_rare == n_filled_up else (LOWEST, SPREAD_OF_ANY)


@apart
def sweep_lanes(
    stretch: Stretch, origin: Origin, chain: Chain, n_rows: int, is_backward: bool, lowest: float, like: Lanes
) -> None:
    """`sweep_few` in eight lanes: p'_j = (Σ_i p_i A_ij) b_j, and its tail.

    Where a step is beyond the fast ones, it is marked, and ones are in place of what it would come to.
    """
    n_states, half = len(like), len(stretch.state) // 2
    exponent = load(EIGHT, stretch.carried, 0)
    for n in range(n_rows):
        t = n_rows - 1 - n if is_backward else n
        before, after = stretch.state[:half], stretch.state[half:]
        if n % 2 == 1:
            before, after = after, before
        begins = load(EIGHT, stretch.begins, t * len(EIGHT))
        is_beginning = is_any_faint(begins, 2.0)
        exponent = add(exponent, splat(EIGHT, chain.exponent))
        if is_beginning:
            exponent = chosen(begins, splat(EIGHT, origin.exponent), exponent)
        total = splat(EIGHT, 0.0)
        for j in range(n_states):
            s, s_tail = predict_lanes(before, chain.linear, j, like)
            if is_beginning:
                s = chosen(begins, splat(EIGHT, origin.linear[HEAD, j]), s)
                s_tail = chosen(begins, splat(EIGHT, origin.linear[TAIL, j]), s_tail)
            at = (t * n_states + j) * len(EIGHT)
            b, b_tail = load(EIGHT, stretch.heads, at), load(EIGHT, stretch.tails, at)
            p, lost = two_product(s, b)
            p_tail = fma(s_tail, b, fma(s, b_tail, lost))
            store(p, after, j * len(EIGHT))
            store(p_tail, after, (n_states + j) * len(EIGHT))
            store(s if is_backward else p, stretch.heads, at)
            store(s_tail if is_backward else p_tail, stretch.tails, at)
            total = add(total, p)
        exponent = end_step(stretch, t, after, total, exponent, lowest)
    store(exponent, stretch.carried, 0)
    if n_rows % 2 == 1:
        for i in range(half):
            stretch.state[i] = stretch.state[half + i]


@apart
def sweep_many_lanes(
    stretch: Stretch, origin: Origin, chain: Chain, n_rows: int, is_backward: bool, lowest: float, like: None
) -> None:
    """`sweep_lanes` of many states, which have no tails, as `sweep_many` has it."""
    n_states = origin.wide.shape[1]
    size = n_states * len(EIGHT)
    state, s = stretch.state[: 2 * size], stretch.state[size:]
    exponent = load(EIGHT, stretch.carried, 0)
    for n in range(n_rows):
        t = n_rows - 1 - n if is_backward else n
        begins = load(EIGHT, stretch.begins, t * len(EIGHT))
        is_beginning = is_any_faint(begins, 2.0)
        exponent = add(exponent, splat(EIGHT, chain.exponent))
        predict_abreast(state, chain.linear[HEAD], s)
        if is_beginning:
            exponent = chosen(begins, splat(EIGHT, origin.exponent), exponent)
            for j in range(n_states):
                s_j = load(EIGHT, s, j * len(EIGHT))
                store(chosen(begins, splat(EIGHT, origin.linear[HEAD, j]), s_j), s, j * len(EIGHT))
        for j in range(n_states):
            i, at = j * len(EIGHT), (t * n_states + j) * len(EIGHT)
            s_j = load(EIGHT, s, i)
            p_j = multiply(s_j, load(EIGHT, stretch.heads, at))
            store(p_j, state, i)
            store(s_j if is_backward else p_j, stretch.heads, at)
            store(splat(EIGHT, 0.0), stretch.tails, at)
        exponent = end_step(stretch, t, state, sum_abreast(state, n_states), exponent, lowest)
    store(exponent, stretch.carried, 0)


sweep_lanes_for = chosen_by_lanes(sweep_lanes, sweep_many_lanes)


@inlined
def end_step(stretch: Stretch, t: int, state: FloatArray, total: Lanes, exponent: Lanes, lowest: float) -> Lanes:
    """Mark the lanes whose step is beyond the fast ones, and take a power of two out of large and small ones.

    The state has heads and tails. Returns its exponents.
    """
    exponent = add(exponent, load(EIGHT, stretch.exponents, (t + 1) * len(EIGHT)))
    store(exponent, stretch.exponents, (t + 1) * len(EIGHT))
    marks = marked_below(total, splat(EIGHT, FADED), load(EIGHT, stretch.marks, t * len(EIGHT)))
    limit = multiply(total, splat(EIGHT, lowest))
    for i in range(0, len(state) // 2, len(EIGHT)):
        marks = marked_faint(load(EIGHT, state, i), limit, marks)
    if is_any_faint(marks, 2.0):
        total = set_aside(stretch, t, marks, state, total)
    if is_any_faint(total, 1.0 / HIGHEST) or is_any_faint(negative(total), -HIGHEST):
        exponent = add(exponent, rescale(total, state, stretch.increments))
    return exponent


@apart
def rescale(total: Lanes, state: FloatArray, room: FloatArray) -> Lanes:
    """Divide the state of each lane by a power of two near its sum, and return which one."""
    store(total, room, 0)
    for lane in range(len(EIGHT)):
        _, down = math.frexp(room[lane])
        room[lane], room[len(EIGHT) + lane] = power_of_two(float(-down)), float(down)
    scale = load(EIGHT, room, 0)
    for i in range(0, len(state), len(EIGHT)):
        store(multiply(load(EIGHT, state, i), scale), state, i)
    return load(EIGHT, room, len(EIGHT))


@apart
def set_aside(stretch: Stretch, t: int, marks: Lanes, state: FloatArray, total: Lanes) -> Lanes:
    """Keep the marks of a step, and let nothing strange come of what nobody reads; the new sum is returned."""
    n_lanes = len(state) // 2
    ones, zeros = splat(EIGHT, 1.0), splat(EIGHT, 0.0)
    store(marks, stretch.marks, t * len(EIGHT))
    for j in range(0, n_lanes, len(EIGHT)):
        at = t * n_lanes + j
        store(chosen(marks, ones, load(EIGHT, state, j)), state, j)
        store(chosen(marks, zeros, load(EIGHT, state, n_lanes + j)), state, n_lanes + j)
        store(chosen(marks, ones, load(EIGHT, stretch.heads, at)), stretch.heads, at)
        store(chosen(marks, zeros, load(EIGHT, stretch.tails, at)), stretch.tails, at)
    return chosen(marks, ones, total)


@apart
def normalise_lanes(stretch: Stretch, n_rows: int, n_states: int) -> None:
    """Make posteriors of what `sweep_lanes` left, as `normalise_few` does: p / Σ p."""
    heads, tails, ones = stretch.heads, stretch.tails, splat(EIGHT, 1.0)
    for t in range(n_rows):
        begin, end = t * n_states * len(EIGHT), (t + 1) * n_states * len(EIGHT)
        total = splat(EIGHT, 0.0)
        for i in range(begin, end, len(EIGHT)):
            posterior = add(load(EIGHT, heads, i), load(EIGHT, tails, i))
            store(posterior, heads, i)
            total = add(total, posterior)
        if n_states > FEW_STATES:
            total = sum_abreast(heads[begin:end], n_states)
        store(total, stretch.totals, (t + 1) * len(EIGHT))
        one_over_total = divide(ones, total)
        for i in range(begin, end, len(EIGHT)):
            store(divided(load(EIGHT, heads, i), total, one_over_total), heads, i)


@apart
def smooth_lanes(stretch: Stretch, n_rows: int, n_states: int) -> None:
    """The same backwards: f β / Σ f β; where β is 1, or nothing is known of it, the filtered row stays."""
    heads, tails, filtered, ones = stretch.heads, stretch.tails, stretch.others, splat(EIGHT, 1.0)
    for t in range(n_rows):
        begin, end = t * n_states * len(EIGHT), (t + 1) * n_states * len(EIGHT)
        total = splat(EIGHT, 0.0)
        for i in range(begin, end, len(EIGHT)):
            posterior = multiply(add(load(EIGHT, heads, i), load(EIGHT, tails, i)), load(EIGHT, filtered, i))
            store(posterior, heads, i)
            total = add(total, posterior)
        if n_states > FEW_STATES:
            total = sum_abreast(heads[begin:end], n_states)
        stays = add(load(EIGHT, stretch.marks, t * len(EIGHT)), load(EIGHT, stretch.begins, t * len(EIGHT)))
        total = chosen(stays, ones, total)
        one_over_total = divide(ones, total)
        for i in range(begin, end, len(EIGHT)):
            posterior = divided(load(EIGHT, heads, i), total, one_over_total)
            store(chosen(stays, load(EIGHT, filtered, i), posterior), heads, i)


@apart
def take_increments(stretch: Stretch, n_rows: int) -> None:
    """Σ α_t / Σ α_t−1 of all steps and lanes, `coded`, which is no more than to multiply where all is near 1."""
    increments, exponents = stretch.increments, stretch.tails
    ones, zeros = splat(EIGHT, 1.0), splat(EIGHT, 0.0)
    for n in range(0, n_rows * len(EIGHT), len(EIGHT)):
        begins = load(EIGHT, stretch.begins, n)
        before = chosen(begins, ones, load(EIGHT, stretch.totals, n))
        before_exponent = chosen(begins, zeros, load(EIGHT, stretch.exponents, n))
        store(divide(load(EIGHT, stretch.totals, n + len(EIGHT)), before), increments, n)
        store(subtract(load(EIGHT, stretch.exponents, n + len(EIGHT)), before_exponent), exponents, n)
    n_far = 0
    for n in range(n_rows * len(EIGHT)):
        n_far += not is_product(increments[n], exponents[n])
    for n in range(n_rows * len(EIGHT)):
        if n_far == 0:
            increments[n] *= power_of_two(exponents[n])
        else:
            increments[n] = coded(increments[n], exponents[n])


@apart
def mark_begins(starts: IntArray, places: IntArray, n_rows: int, is_backward: bool, stretch: Stretch) -> None:
    """Mark where the recursion begins: with the first row of a sequence or, backwards, the last."""
    fill_table(stretch.begins[: n_rows * len(EIGHT)], 0.0)
    for lane in range(len(EIGHT)):
        n = places[SEQUENCE, lane]
        if is_backward:
            row = places[END, lane] - n_rows
            while n >= 0 and starts[n + 1] > row:
                if starts[n + 1] <= row + n_rows:
                    stretch.begins[(starts[n + 1] - 1 - row) * len(EIGHT) + lane] = 1.0
                n -= 1
        else:
            row = places[ROW, lane]
            while starts[n] < row + n_rows:
                if starts[n] >= row:
                    stretch.begins[(starts[n] - row) * len(EIGHT) + lane] = 1.0
                n += 1


@compiled
def has_marks(stretch: Stretch, n_rows: int) -> bool:
    """Whether any step of a stretch is marked."""
    n_marked = 0
    for i in range(n_rows * len(EIGHT)):
        n_marked += stretch.marks[i] != 0.0
    return n_marked > 0


@compiled
def is_marked(starts: IntArray, n: int, lane: int, row: int, n_rows: int, stretch: Stretch) -> bool:
    """Whether sequence n has marks among some rows of a lane."""
    n_marked = 0
    for t in range(max(0, starts[n] - row), min(n_rows, starts[n + 1] - row)):
        n_marked += stretch.marks[t * len(EIGHT) + lane] != 0.0
    return n_marked > 0


@apart
def end_forward(
    starts: IntArray,
    places: IntArray,
    n_rows: int,
    stretch: Stretch,
    first: int,
    log_likelihood: FloatArray,
    fates: IntArray,
) -> None:
    """Keep the log-likelihoods of sequences that end in a stretch, and which ones are marked."""
    n_states, any_marks = len(stretch.state) // (4 * len(EIGHT)), has_marks(stretch, n_rows)
    for lane in range(len(EIGHT)):
        n, row = places[SEQUENCE, lane], places[ROW, lane]
        m = n
        while any_marks and starts[m] < row + n_rows:
            if is_marked(starts, m, lane, row, n_rows, stretch):
                fates[m - first] = LEFT
            m += 1
        while n < len(starts) - 1 and starts[n + 1] <= row + n_rows:
            t, total = starts[n + 1] - 1 - row, 0.0
            at, stop = t * n_states * len(EIGHT) + lane, (t + 1) * n_states * len(EIGHT)
            if n_states > FEW_STATES:
                total = sum_of(stretch.heads[at : stop : len(EIGHT)])
            else:
                for i in range(at, stop, len(EIGHT)):
                    total += stretch.heads[i] + stretch.tails[i]
            log_likelihood[n] = log_of_wide(total, stretch.exponents[(t + 1) * len(EIGHT) + lane], 0.0)
            n += 1
        places[ROW, lane], places[SEQUENCE, lane] = row + n_rows, n


@compiled
def run_forward_together(
    given: Given,
    first: int,
    last: int,
    like: Lanes | None,
    slots: FloatArray,
    room: FloatArray,
    places: IntArray,
    rows: FloatArray,
    increments: FloatArray,
    log_likelihood: FloatArray,
    fates: IntArray,
) -> None:
    """Do for whole sequences, from the first to the last, what `run_forward` does, or mark them as left.

    They have one initial distribution and one matrix, which come as there, and whose room is as there.
    """
    tables = Tables(*given)
    starts, n_states = tables.starts, tables.log_likelihoods.shape[1]
    stretch, scratch = stretch_in(room, n_states), scratch_in(room[room.size - scratch_size(n_states) :], n_states)
    origin, chain = origin_at(tables, first, scratch), chain_at(tables.log_transition, 0, False, slots)
    if not (chain.is_narrow and origin.is_narrow):
        for n in range(len(fates)):
            fates[n] = LEFT
        return
    lowest, most_spread = reach_of(chain)
    deal_out(starts, first, last, places, stretch)
    begin, end = starts[first], starts[last + 1]
    log_b = tables.log_likelihoods[begin:end]
    while True:
        n_rows = rows_ahead(stretch, places, stretch_rows(n_states))
        if n_rows == 0:
            break
        for lane in range(len(EIGHT)):
            places[AT, lane] = places[ROW, lane] - begin
        fill_stretch(log_b, places[AT], n_rows, most_spread, stretch)
        mark_begins(starts, places, n_rows, False, stretch)
        sweep_lanes_for(like)(stretch, origin, chain, n_rows, False, lowest, like)
        end_forward(starts, places, n_rows, stretch, first, log_likelihood, fates)
        if len(rows) >= end - begin:
            normalise_lanes(stretch, n_rows, n_states)
            scatter(stretch.heads, places[AT], n_rows, rows)
            if len(increments) >= end - begin:
                take_increments(stretch, n_rows)
                scatter(stretch.increments, places[AT], n_rows, increments.reshape(-1, 1))
        carry_over(stretch, n_rows)


@apart
def leave_unlikely(starts: IntArray, first: int, rows: FloatArray, fates: IntArray) -> None:
    """Leave sequences whose filter has entries that may be beyond the fast steps, before anything is overwritten."""
    for n in range(len(fates)):
        begin, end = starts[first + n] - starts[first], starts[first + n + 1] - starts[first]
        if is_faint(rows[begin:end].reshape(-1), UNLIKELY):
            fates[n] = LEFT


@apart
def mark_left(starts: IntArray, places: IntArray, n_rows: int, first: int, fates: IntArray, stretch: Stretch) -> None:
    """Mark rows of sequences that are left."""
    for lane in range(len(EIGHT)):
        n, row = places[SEQUENCE, lane], places[END, lane] - n_rows
        while n >= first and starts[n + 1] > row:
            if fates[n - first] == LEFT:
                for t in range(max(0, starts[n] - row), min(n_rows, starts[n + 1] - row)):
                    stretch.marks[t * len(EIGHT) + lane] = 1.0
            n -= 1


@apart
def end_backward(
    starts: IntArray, places: IntArray, n_rows: int, stretch: Stretch, first: int, fates: IntArray
) -> None:
    """Keep which sequences are marked."""
    any_marks = has_marks(stretch, n_rows)
    for lane in range(len(EIGHT)):
        n, row = places[SEQUENCE, lane], places[END, lane] - n_rows
        while n >= first and starts[n + 1] > row:
            if any_marks and fates[n - first] == DONE and is_marked(starts, n, lane, row, n_rows, stretch):
                fates[n - first] = SPOILT
            if starts[n] < row:
                break
            n -= 1
        places[END, lane], places[SEQUENCE, lane] = row, n


@compiled
def run_backward_together(
    given: Given,
    first: int,
    last: int,
    like: Lanes | None,
    backward_slots: FloatArray,
    room: FloatArray,
    places: IntArray,
    rows: FloatArray,
    fates: IntArray,
) -> None:
    """Do for whole sequences what `run_backward` does, but for those that are left, or are spoilt by this."""
    tables = Tables(*given)
    starts, n_states = tables.starts, tables.log_likelihoods.shape[1]
    stretch, scratch = stretch_in(room, n_states), scratch_in(room[room.size - scratch_size(n_states) :], n_states)
    origin, chain = origin_of_ones(scratch), chain_at(tables.log_transition, 0, True, backward_slots)
    leave_unlikely(starts, first, rows, fates)
    deal_out(starts, first, last, places, stretch)
    for lane in range(len(EIGHT)):
        places[SEQUENCE, lane] = (places[SEQUENCE, lane + 1] if lane + 1 < len(EIGHT) else last + 1) - 1
    begin = starts[first]
    log_b = tables.log_likelihoods[begin : starts[last + 1]]
    while True:
        n_rows = rows_ahead(stretch, places, stretch_rows(n_states))
        if n_rows == 0:
            break
        for lane in range(len(EIGHT)):
            places[AT, lane] = places[END, lane] - n_rows - begin
        fill_stretch(log_b, places[AT], n_rows, SPREAD_OF_ANY, stretch)
        mark_left(starts, places, n_rows, first, fates, stretch)
        gather(rows, places[AT], n_rows, stretch.others)
        mark_begins(starts, places, n_rows, True, stretch)
        sweep_lanes_for(like)(stretch, origin, chain, n_rows, True, LOWEST, like)
        smooth_lanes(stretch, n_rows, n_states)
        scatter(stretch.heads, places[AT], n_rows, rows)
        end_backward(starts, places, n_rows, stretch, first, fates)
