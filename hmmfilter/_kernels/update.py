"""The prediction and the LSE update: log α'(j) = log b(j) + log Σ_i exp( log α(i) + log A(i, j) ).

This is the step of every sum over paths, in wide numbers. Where the numbers of a row lie near each other, `sweep` takes
it faster, to the same bits.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (20).
.. [2] Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of Numerical
   Analysis 41 (2021), equation (1.3) and section 4.
"""

from __future__ import annotations

from typing import NamedTuple

from hmmfilter._arrays import FloatArray

from .chain import Chain, is_widened, place_in_tiles, step_exponent, tiled, widen_chain
from .choosing import chosen_by_chain
from .coded import store_filtered, take_logs
from .compiling import apart, compiled, inlined
from .lanes import (
    TILE,
    Lanes,
    add,
    fma,
    is_any_faint,
    lane,
    larger,
    load,
    multiply,
    negative,
    powers_above,
    splat,
    store,
    subtract,
    unsigned,
)
from .limits import BEYOND_TAIL, FADED, NEARBY, NEVER
from .network import held_for, predict_by_network, predict_by_network_exactly
from .numbers import copy, exceeds, lanes_two_sum, largest, power_of_two, two_product, two_sum
from .wide import (
    EXPONENT,
    HEAD,
    PLANES,
    POSTERIOR,
    REST,
    TAIL,
    copy_wide,
    has_far,
    log_of_wide,
    settled,
    sum_exponents,
    take_down,
    take_wide_logs,
    top_of,
    weigh,
    widen_row,
)


@compiled
def predict_few(p: Lanes, p_tail: Lanes, transition: FloatArray, like: Lanes) -> tuple[Lanes, Lanes]:
    """s_j = Σ_i p_i A_ij, with all that roundings lose collected in the tails."""
    n_states = len(like)
    p_i = splat(like, lane(p, 0))
    s, s_tail = two_product(p_i, load(like, transition[HEAD], 0))
    s_tail = fma(p_i, load(like, transition[TAIL], 0), s_tail)
    for i in range(1, n_states):
        p_i = splat(like, lane(p, i))
        term, term_tail = two_product(p_i, load(like, transition[HEAD], i * n_states))
        s, lost = lanes_two_sum(s, term)
        s_tail = add(s_tail, add(lost, fma(p_i, load(like, transition[TAIL], i * n_states), term_tail)))
    for i in range(n_states):  # last, since each step waits for the tails of the one before
        s_tail = fma(splat(like, lane(p_tail, i)), load(like, transition[HEAD], i * n_states), s_tail)
    return s, s_tail


@compiled
def predict_many(p: FloatArray, transition: FloatArray, s: FloatArray) -> None:
    """s_j = Σ_i p_i A_ij, for A and s of whole tiles: two at a time in registers, i ascending."""
    n_tiles, n_states, n_columns = transition.shape
    last = n_tiles - n_tiles % 2
    for tile in range(0, last, 2):
        one = other = splat(TILE, 0.0)
        at_one = unsigned(tile * n_states * len(TILE))
        at_other = at_one + unsigned(n_states * len(TILE))
        for i in range(n_states):
            p_i, row = splat(TILE, p[i]), unsigned(i * len(TILE))
            one = fma(p_i, load(TILE, transition, at_one + row), one)
            other = fma(p_i, load(TILE, transition, at_other + row), other)
        store(one, s, tile * n_columns)
        store(other, s, (tile + 1) * n_columns)
    if last < n_tiles:
        one = splat(TILE, 0.0)
        at_one = unsigned(last * n_states * len(TILE))
        for i in range(n_states):
            one = fma(splat(TILE, p[i]), load(TILE, transition, at_one + unsigned(i * len(TILE))), one)
        store(one, s, last * n_columns)


@compiled
def predict_by_matrix(p: FloatArray, chain: Chain, s: FloatArray) -> None:
    """`predict_many` by a chain of a matrix."""
    predict_many(p, chain.linear[HEAD], s)


predict_for = chosen_by_chain(predict_by_matrix, predict_by_network)


@compiled
def term_exponent(state: FloatArray, i: int, chain: Chain, j: int) -> tuple[float, float]:
    """The exponent of α_i A_ij, in two parts."""
    k, k_rest = step_exponent(chain, i, j)
    return sum_exponents(state[EXPONENT, i], state[REST, i], k, k_rest)


@inlined
def exact_sums(state: FloatArray, chain: Chain, tile: int, like: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """log Σ_i exp( log α_i + log A_ij ) of the states j of a tile, each shifted by the largest of its terms [2]_.

    A sum has two parts, and an exponent. Sources that count for none of the states are passed by.
    """
    n_states, exponents, top = state.shape[1], state[EXPONENT], splat(like, NEVER)
    first = tile * n_states * len(like)
    for i in range(n_states):
        top = larger(top, add(splat(like, exponents[i]), load(like, chain.exponents, first + i * len(like))))
    total = tail = splat(like, 0.0)
    for i in range(n_states):
        n = first + i * len(like)
        k = add(splat(like, exponents[i]), load(like, chain.exponents, n))
        scale = powers_above(subtract(k, top), BEYOND_TAIL)
        if is_any_faint(negative(scale), 0.0):
            head, step_head = multiply(splat(like, state[HEAD, i]), scale), load(like, chain.heads, n)
            term, term_tail = two_product(head, step_head)
            if len(chain.tails) > 0:
                state_tail = multiply(splat(like, state[TAIL, i]), scale)
                term_tail = add(
                    term_tail, add(multiply(head, load(like, chain.tails, n)), multiply(state_tail, step_head))
                )
            total, lost = lanes_two_sum(total, term)
            tail = add(tail, add(lost, term_tail))
    return total, tail, top


@compiled
def far_prediction(state: FloatArray, chain: Chain, j: int) -> tuple[float, float, float, float]:
    """`exact_sums` of one state, with exponents of two parts."""
    top, top_rest = NEVER, 0.0
    for i in range(state.shape[1]):
        k, k_rest = term_exponent(state, i, chain, j)
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    total, tail = 0.0, 0.0
    for i in range(state.shape[1]):
        k, k_rest = term_exponent(state, i, chain, j)
        if k > NEVER and (k - top) + (k_rest - top_rest) > BEYOND_TAIL:
            total, tail = add_term(state, chain, i, j, (k - top) + (k_rest - top_rest), total, tail)
    return total, tail, top, top_rest


@compiled
def add_term(
    state: FloatArray, chain: Chain, i: int, j: int, down: float, total: float, tail: float
) -> tuple[float, float]:
    """Add α_i A_ij to a sum in two parts, where its exponent is so far from that of the sum."""
    scale = power_of_two(down)
    tile, column = place_in_tiles(state.shape[1], j)
    head, step_head = state[HEAD, i] * scale, chain.heads[tile, i, column]
    term, term_tail = two_product(head, step_head)
    if len(chain.tails) > 0:
        term_tail += head * chain.tails[0, tile, i, column] + state[TAIL, i] * scale * step_head
    total, lost = two_sum(total, term)
    return total, tail + (lost + term_tail)


@compiled
def set_far_exponents(p: FloatArray, top: float, top_rest: float, exponent: float, predicted: FloatArray) -> None:
    """The exponents of a prediction p in two parts, where p is above zero; what it is divided by has two exponents."""
    for j in range(p.size):
        if p[j] > 0.0:
            _, _, k = settled(p[j], 0.0, exponent)
            predicted[EXPONENT, j], predicted[REST, j] = sum_exponents(top, top_rest, k, 0.0)


@apart
def predict_far(state: FloatArray, chain: Chain, p: FloatArray, predicted: FloatArray) -> None:
    """`predict_exactly`, with exponents of two parts."""
    for j in range(p.size):
        if p[j] < FADED:
            total, tail, top, rest = far_prediction(state, chain, j)
            if len(chain.tails) == 0:
                total, tail = total + tail, 0.0
            predicted[HEAD, j], predicted[TAIL, j], k = settled(total, tail, 0.0)
            predicted[EXPONENT, j], predicted[REST, j] = sum_exponents(top, rest, k, 0.0)


@apart
def predict_exactly(state: FloatArray, chain: Chain, p: FloatArray, like: Lanes, predicted: FloatArray) -> None:
    """Take the sums anew that have faded among those in p, tile by tile, each as wide as the lanes."""
    if not is_widened(chain):
        widen_chain(chain)
    if chain.has_large_logs or has_far(state[EXPONENT]):
        predict_far(state, chain, p, predicted)
        return
    for tile in range(len(chain.exponents)):
        first = tile * len(like)
        end, n_faded = min(first + len(like), p.size), 0
        for j in range(first, end):
            n_faded += p[j] < FADED
        if n_faded > 0:
            totals, tails, tops = exact_sums(state, chain, tile, like)
            if len(chain.tails) == 0:
                totals, tails = add(totals, tails), splat(like, 0.0)
            for j in range(first, end):
                if p[j] < FADED:
                    total, tail, top = lane(totals, j - first), lane(tails, j - first), lane(tops, j - first)
                    predicted[HEAD, j], predicted[TAIL, j], predicted[EXPONENT, j] = settled(total, tail, top)


@compiled
def predict_by_matrix_exactly(state: FloatArray, chain: Chain, p: FloatArray, predicted: FloatArray) -> None:
    """`predict_exactly`, of many states."""
    predict_exactly(state, chain, p, TILE, predicted)


exactly_for = chosen_by_chain(predict_by_matrix_exactly, predict_by_network_exactly)


@inlined
def lse_prediction(
    state: FloatArray, chain: Chain, like: Lanes | None, scratch: FloatArray, predicted: FloatArray
) -> None:
    """log s_j = LSE_i( log α_i + log A_ij ) = a + log Σ_i exp( log α_i − a ) A_ij [2]_.

    The shift a is the largest power of two in α. Where a sum is so small that underflow may have taken a share, or the
    exponent that A has in common is not `NEARBY`, the shift is the sum's own largest term instead.
    """
    n_states = state.shape[1]
    p, p_tail = scratch[HEAD, :n_states], scratch[TAIL, :n_states]
    s, s_tail, s_exponent = predicted[HEAD], predicted[TAIL], predicted[EXPONENT]
    top, top_rest = top_of(state)
    take_down(state, top, top_rest, p, p_tail)
    if like is None:
        sums = scratch[TAIL]  # of whole tiles; there are no tails to be kept there
        predict_for(chain)(p, chain, sums)
        for j in range(n_states):
            s[j], s_tail[j] = sums[j], 0.0
    else:
        lanes, lanes_tail = predict_few(load(like, p, 0), load(like, p_tail, 0), chain.linear, like)
        store(lanes, s, 0)
        store(lanes_tail, s_tail, 0)
    is_shared = abs(chain.exponent) < NEARBY
    n_faded = 0
    for j in range(n_states):
        p[j] = s[j] if is_shared else 0.0  # p is done with, and keeps the sums as they were
        s[j], s_tail[j], s_exponent[j] = settled(s[j], s_tail[j], top + chain.exponent)
        n_faded += p[j] < FADED
    if abs(top) >= NEARBY:
        set_far_exponents(p, top, top_rest, chain.exponent, predicted)
    if n_faded > 0:
        if like is None:
            exactly_for(chain)(state, chain, p, predicted)
        else:
            predict_exactly(state, chain, p, like, predicted)


class Scratch(NamedTuple):
    """Room for one step."""

    predicted: FloatArray  # (4, K)
    other: FloatArray  # (4, K)
    after: FloatArray  # (4, K)
    p: FloatArray  # (2, `tiled` K)
    origin: FloatArray  # (4, K), and
    origin_linear: FloatArray  # (2, K)


@compiled
def scratch_size(n_states: int) -> int:
    """How long it is as one vector."""
    return (4 * PLANES + 2) * n_states + 2 * tiled(n_states)


@apart
def scratch_in(room: FloatArray, n_states: int) -> Scratch:
    """The first part of a room."""
    end = (4 * PLANES + 2) * n_states
    wide = room[:end].reshape(4 * PLANES + 2, n_states)
    p = room[end : scratch_size(n_states)].reshape(2, tiled(n_states))
    return Scratch(wide[:4], wide[4:8], wide[8:12], p, wide[12:16], wide[16:])


@inlined
def lse_update(log_b: FloatArray, chain: Chain, like: Lanes | None, scratch: Scratch, state: FloatArray) -> None:
    """log α'(j) = log b(j) + log Σ_i exp( log α(i) + log A(i, j) ), the recursion of every sum over paths [1]_.

    α, α', A and b are wide numbers m 2^e, that is, logs whose whole part e and fraction log2 m are kept apart: adding
    logs adds e and multiplies m, and the shift of the log-sum-exp is a power of two. The size of logs costs no digit.
    The sum alone is left in the scratch, as what is predicted: backwards, it is β.
    """
    lse_prediction(state, chain, like, scratch.p, scratch.predicted)
    widen_row(log_b, scratch.other)
    weigh(scratch.predicted, scratch.other, like, state)


@apart
def start_chain(log_b: FloatArray, like: Lanes | None, scratch: Scratch, state: FloatArray) -> None:
    """log α_1(k) = log p(h_1 = k) + log b_1(k), the first step of all; the state is the initial one before it.

    That is left as what is predicted.
    """
    copy_wide(state, scratch.predicted)
    widen_row(log_b, scratch.other)
    weigh(scratch.predicted, scratch.other, like, state)


@compiled
def run_update(
    log_b: FloatArray,
    is_first: bool,
    slot: FloatArray,
    like: Lanes | None,
    room: FloatArray,
    state: FloatArray,
    log_posterior: FloatArray,
) -> float:
    """Take a single step of `run_forward`, to the same bits, by a chain that a slot holds.

    The state goes from α before to α after the step, and has a fifth plane, for the `coded` posterior, whose logs are
    filled in. Returns the log-likelihood log Σ α; where that is −inf, all is left as it was.
    """
    scratch = scratch_in(room, log_b.size)
    after = scratch.after
    copy_wide(state, after)
    if is_first:
        start_chain(log_b, like, scratch, after)
    else:
        lse_update(log_b, held_for(slot)(slot, log_b.size), like, scratch, after)
    if largest(after[EXPONENT]) == NEVER:
        return NEVER
    copy_wide(after, state)
    total, exponent, rest = store_filtered(state, scratch.predicted, log_b, state[POSTERIOR])
    copy(state[POSTERIOR], log_posterior)
    take_logs(log_posterior)
    return log_of_wide(total, exponent, rest)


@compiled
def run_prediction(
    log_x: FloatArray, slot: FloatArray, like: Lanes | None, room: FloatArray, steps: int, log_predicted: FloatArray
) -> None:
    """Fill the rows with log(x A), log(x A A), ..., up to so many steps, by a held chain; nothing is normalised.

    The rows are a ring, and hold the last steps where there are fewer of them than steps.
    """
    n_states = log_x.size
    scratch, chain = scratch_in(room, n_states), held_for(slot)(slot, n_states)
    state = scratch.after
    widen_row(log_x, state)
    for s in range(steps):
        lse_prediction(state, chain, like, scratch.p, scratch.predicted)
        copy_wide(scratch.predicted, state)
        if steps - s <= len(log_predicted):
            row = s % len(log_predicted)
            take_wide_logs(state.reshape(1, PLANES, n_states), log_predicted[row : row + 1])
