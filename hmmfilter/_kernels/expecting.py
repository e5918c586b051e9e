"""What a fit asks of all steps: expected moves and visits, by the plain doubles of `doubles`."""

from __future__ import annotations

import math

from hmmfilter._arrays import FloatArray, IntArray

from .chain import Chain
from .choosing import chosen_by_chain
from .compiling import apart, compiled
from .counts import chunk_in
from .doubles import CARRIED, FLOOR, LEAST, OUT, OUT_LOST, SHARED, backward_for, forward_for, take_likelihoods
from .flows import add_slopes_of_moves
from .lanes import Lanes, larger
from .limits import FEW_STATES
from .network import made_ready
from .numbers import copy, fill_table, multiply_row, sum_of, tally, two_product
from .pairs import CHUNK
from .tables import Given, Tables, matrix_at, steady_since, steady_until
from .wide import LOG_2, LOG_2_REST

ROOT_OF_HALF = 0.7071067811865476
ROWS_AT_A_TIME = 16 * CHUNK  # that are added up before sums have a second part


@apart
def begin_forward(initial: FloatArray, likelihoods: FloatArray, state: FloatArray, carried: FloatArray) -> bool:
    """α_1 = π b_1; whether that is not beyond what follows."""
    total = 0.0
    for k in range(initial.size):
        state[k] = initial[k] * larger(likelihoods[k], 0.0)
        total += state[k]
    carried[OUT], carried[OUT_LOST], carried[SHARED] = 0.0, 0.0, 0.0
    return total > LEAST


@apart
def take_out_tops(tops: FloatArray, carried: FloatArray) -> None:
    """Add up logs that were taken out of rows."""
    out, lost = carried[OUT], carried[OUT_LOST]
    for t in range(tops.size):
        out, lost = tally(out, lost, tops[t])
    carried[OUT], carried[OUT_LOST] = out, lost


@apart
def log_of_all(total: float, carried: FloatArray) -> float:
    """log Σ α_T, with what was taken out of it, k log 2 and logs, all of it to less than a unit in the last place."""
    mantissa, k = math.frexp(total)
    exponent = carried[SHARED] + k
    if mantissa < ROOT_OF_HALF:  # so that the logarithm of 1 is 0
        mantissa, exponent = 2.0 * mantissa, exponent - 1.0
    head, tail = two_product(exponent, LOG_2)
    out, lost = tally(carried[OUT], carried[OUT_LOST], head)
    out, lost = tally(out, lost, math.log(mantissa))
    return out + (lost + (tail + exponent * LOG_2_REST))


@compiled
def forward_by_matrices(
    state: FloatArray,
    carried: FloatArray,
    tables: Tables,
    slots: FloatArray,
    likelihoods: FloatArray,
    first: int,
    end: int,
    offset: int,
    like: Lanes | None,
    alphas: FloatArray,
) -> int:
    """α of rows from the first to the end, by the matrix that leads to each; returns the row that it comes to."""
    while first < end:
        led = offset + first - 1
        stop = steady_until(tables, led, offset + end) - offset
        chain = made_ready(tables.log_transition, matrix_at(tables, led), False, slots)
        reached = forward_for(like)(state, carried, chain, likelihoods, first, stop, like, alphas)
        if reached < stop:
            return reached
        first = stop
    return first


@compiled
def run_expecting_forward(
    given: Given,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    initial: FloatArray,
    slots: FloatArray,
    state: FloatArray,
    likelihoods: FloatArray,
    tops: FloatArray,
    alphas: FloatArray,
    are_left: IntArray,
    log_likelihood: FloatArray,
) -> None:
    """Fill α, each row to a power of two of its own, of rows from begin, in sequence n, to end; and log Σ α_T.

    Of the log-likelihoods that are given, likelihoods are made in place. A sequence with a step that is beyond doubles
    is marked as left, and what is filled of it is nothing. The state is carried over from piece to piece.
    """
    tables, n_states = Tables(*given), alphas.shape[1]
    starts = tables.starts
    carried = state[state.size - CARRIED :]
    p = state[: state.size - CARRIED]
    take_likelihoods(likelihoods, like, tops)
    t = begin
    while t < end:
        stop = min(starts[n + 1], end)
        first, last = t - begin, stop - begin
        if are_left[n] == 0:
            reached = first
            is_fit = True
            if t == starts[n]:
                is_fit = begin_forward(initial, likelihoods[first], p, carried)
                copy(p[:n_states], alphas[first])
                reached += 1
            if is_fit:
                reached = forward_by_matrices(
                    p, carried, tables, slots, likelihoods, reached, last, begin, like, alphas
                )
            if not is_fit or reached < last:
                are_left[n] = 1
            else:
                take_out_tops(tops[first:last], carried)
                if stop == starts[n + 1]:
                    log_likelihood[n] = log_of_all(sum_of(p[:n_states]), carried)
        n += stop == starts[n + 1]
        t = stop


@apart
def begin_backward(likelihoods: FloatArray, alpha: FloatArray, weight: float, omega: FloatArray) -> None:
    """γ_T = α_T / Σ α_T, in place of α_T, and ω_T = b_T."""
    multiply_row(alpha, weight / sum_of(alpha), alpha)
    for k in range(alpha.size):
        omega[k] = larger(likelihoods[k], FLOOR) if likelihoods[k] != 0.0 else 0.0


@apart
def add_slopes(chain: Chain, room: FloatArray, n_states: int, slopes: FloatArray) -> None:
    """Add what is in the room to sums in two parts, (2, K, K), and begin anew."""
    is_few = n_states <= FEW_STATES
    table = room.reshape(n_states, n_states) if is_few else chunk_in(room, n_states).table
    for i in range(n_states):
        total, lost = slopes[0, i], slopes[1, i]
        for j in range(n_states):
            total[j], lost[j] = tally(total[j], lost[j], table[j, i] if is_few else table[i, j])
    fill_table(table.reshape(-1), 0.0)


add_slopes_for = chosen_by_chain(add_slopes, add_slopes_of_moves)


@compiled
def add_slopes_at(tables: Tables, m: int, slots: FloatArray, room: FloatArray, slopes: FloatArray) -> None:
    """Add what has been kept of the moves by matrix m to its sums; a network has sums of all of them together."""
    chain = made_ready(tables.log_transition, m, True, slots)
    add_slopes_for(chain)(chain, room, tables.log_likelihoods.shape[1], slopes[m if len(slopes) > 1 else 0])


@compiled
def run_expecting_backward(
    given: Given,
    n: int,
    begin: int,
    end: int,
    like: Lanes | None,
    slots: FloatArray,
    state: FloatArray,
    likelihoods: FloatArray,
    alphas: FloatArray,
    weights: FloatArray,
    are_left: IntArray,
    room: FloatArray,
    firsts: FloatArray,
    slopes: FloatArray,
) -> int:
    """Make γ of α, of rows from end, in sequence n, back to begin, and add to the sums of γ_1, and of ξ / A by matrix.

    All of it is weighted. Rows of sequences that are left are zeros. More of them may be found, and marked as such; how
    many is returned, and if there are any, all that this came to is of no use.
    """
    tables, n_states = Tables(*given), alphas.shape[1]
    starts = tables.starts
    omega = state[: state.size - CARRIED]
    n_added, n_found, m, t = 0, 0, 0, end
    while t > begin:
        n -= t == starts[n]
        stop = max(starts[n], begin)
        if are_left[n] != 0:
            fill_table(alphas[stop - begin : t - begin].reshape(-1), 0.0)
            t = stop
            continue
        if t == starts[n + 1]:
            t -= 1
            last = t - begin
            begin_backward(likelihoods[last], alphas[last], weights[n], omega)
        while t > stop:
            leading = matrix_at(tables, t - 1)
            if leading != m and n_added > 0:
                add_slopes_at(tables, m, slots, room, slopes)
                n_added = 0
            m = leading
            chain = made_ready(tables.log_transition, m, True, slots)
            first = max(steady_since(tables, t - 1, stop) - begin, t - begin - ROWS_AT_A_TIME)
            reached = backward_for(like)(omega, chain, likelihoods, first, t - begin, like, alphas, room, weights[n])
            if reached > first:
                are_left[n] = 1
                n_found += 1
                t = stop
                break
            n_added += t - begin - first
            t = first + begin
            if n_added >= ROWS_AT_A_TIME:
                add_slopes_at(tables, m, slots, room, slopes)
                n_added = 0
        if t == starts[n]:
            gamma = alphas[t - begin]
            for k in range(n_states):
                firsts[0, k], firsts[1, k] = tally(firsts[0, k], firsts[1, k], gamma[k])
    if n_added > 0:
        add_slopes_at(tables, m, slots, room, slopes)
    return n_found
