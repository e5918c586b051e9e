"""Both recursions by plain doubles, for what a fit asks of all steps, and why nothing is lost that counts.

Both recursions run over likelihoods as doubles, each row divided by its largest. α and ω = b β are scaled by powers of
two, so that the largest is between `LOW` and 1. Forwards, all is rounded down: a likelihood below exp(`LOST`) counts as
zero, and what is small underflows. Backwards, what is not zero is rounded up to `FLOOR`, so that nothing is lost. Of

    Σ_i α_t(i) β_t(i) = Σ_j (α_t+1(j) + ε(j)) β_t+1(j) + Σ_ij α_t(i) A_ij φ(j),

with ε what α_t+1 is short of and φ what ω_t+1 has too much, the left side is the likelihood or more where t = 1, and
Σ α_T is the likelihood or less. ε is below 2^-995 and φ below 2^-750; both may have been scaled by 1 / `LEAST`, 2^300.
As long as each Σ α_t β_t is `SHALLOW` or more, 2^-340, its neighbours are within K 2^-109 of it. The likelihood is then
between the two ends, which are within T K 2^-109 of each other; and all paths that are lost or added have no more than
that share in it, so that no γ and no Σ ξ is further off.

A sequence with a step beyond that is left to `run_forward` and its kin. If each state leads to each, by 2^-250 or more,
none has one: what follows the largest α or ω is 2^-290 or more, and so is what meets it.
"""

from __future__ import annotations

import math

import numpy as np

from hmmfilter._arrays import FloatArray

from .chain import Chain, tiled
from .choosing import chosen_by_chain, chosen_by_lanes
from .compiling import apart, compiled
from .counts import add_products, chunk_in, room_for_pairs
from .flows import add_at_nodes, keep_at_nodes
from .lanes import (
    Lanes,
    add,
    chosen,
    fma,
    is_any_faint,
    lane,
    larger,
    load,
    multiply,
    negative,
    splat,
    store,
    subtract,
    unsigned,
)
from .limits import FEW_STATES, NEVER
from .numbers import (
    copy,
    dot,
    fill_table,
    largest,
    largest_of,
    multiply_row,
    multiply_rows,
    power_of_two,
    sum_of,
    total_of,
)
from .pairs import CHUNK
from .update import predict_for
from .wide import HEAD, exp_parts

LOST = -690.0  # in nats: likelihoods below exp(`LOST`), 2^-995, of the largest of their row are `BELOW`
BELOW = -1.0
FLOOR = 2.0**-750  # times 2^-250, the least that A may be, it is no less than 2^-1000
LEAST = 2.0**-300  # of the largest α or ω after a step
SHALLOW = 2.0**-340  # Σ α β at least
LOW = 2.0**-40  # where α and ω are scaled again
# What is carried over from piece to piece: α or ω, and after it the exponent of α, and the logs that were taken out of
# the rows, in two parts
CARRIED = 3
OUT, OUT_LOST, SHARED = 0, 1, 2


def room_for_expectations(n_states: int) -> FloatArray:
    """Room for what is added up of some rows: Σ α ω / z of few states, or a `Chunk` of many."""
    if n_states <= FEW_STATES:
        return np.zeros(n_states * n_states)
    return np.concatenate([np.zeros(2 * tiled(n_states)), room_for_pairs(n_states)])


@apart
def take_likelihoods(log_b: FloatArray, like: Lanes | None, tops: FloatArray) -> None:
    """Make doubles of rows of logs, each divided by its largest, whose log is kept."""
    n_rows, n_states = log_b.shape
    divide_by_largest_for(like)(log_b, like, tops)
    flat = log_b.reshape(-1)
    for n in range(n_rows * n_states):
        x = flat[n]
        is_near = x >= LOST
        head, _, k = exp_parts(x if is_near else 0.0, 0.0)
        flat[n] = head * power_of_two(k) if is_near else (0.0 if x == NEVER else BELOW)


@compiled
def divide_few_by_largest(log_b: FloatArray, like: Lanes, tops: FloatArray) -> None:
    """Subtract from each row its largest log, if it has any."""
    for t in range(len(log_b)):
        n = unsigned(t * len(like))
        row = load(like, log_b, n)
        top = largest_of(row, like)
        tops[t] = top
        store(subtract(row, splat(like, top if top > NEVER else 0.0)), log_b, n)


@compiled
def divide_many_by_largest(log_b: FloatArray, like: None, tops: FloatArray) -> None:
    """The same of many states."""
    for t in range(len(log_b)):
        row = log_b[t]
        top = largest(row)
        tops[t] = top
        shift = top if top > NEVER else 0.0
        for k in range(row.size):
            row[k] -= shift


@compiled
def predict(p: Lanes, transition: FloatArray, like: Lanes) -> Lanes:
    """s_j = Σ_i p_i A_ij, in two chains that the processor follows side by side."""
    n_states = len(like)
    s = multiply(splat(like, lane(p, 0)), load(like, transition, 0))
    if n_states == 1:
        return s
    other = multiply(splat(like, lane(p, 1)), load(like, transition, n_states))
    for i in range(2, n_states, 2):
        s = fma(splat(like, lane(p, i)), load(like, transition, i * n_states), s)
    for i in range(3, n_states, 2):
        other = fma(splat(like, lane(p, i)), load(like, transition, i * n_states), other)
    return add(s, other)


@compiled
def is_any_above(x: Lanes, limit: float) -> bool:
    """Whether a lane is above a limit."""
    return is_any_faint(negative(x), -limit)


@apart
def forward_few(
    state: FloatArray,
    carried: FloatArray,
    chain: Chain,
    likelihoods: FloatArray,
    first: int,
    end: int,
    like: Lanes,
    alphas: FloatArray,
) -> int:
    """α_t(j) = (Σ_i α_t−1(i) A_ij) b_t(j) of rows from the first to the end; returns the row that it comes to."""
    transition, p, exponent = chain.linear[HEAD], load(like, state, 0), carried[SHARED]
    t = first
    while t < end:
        n = unsigned(t * len(like))
        p = multiply(predict(p, transition, like), larger(load(like, likelihoods, n), splat(like, 0.0)))
        if not is_any_above(p, LOW):
            if not is_any_above(p, LEAST):
                break
            down = float(math.frexp(largest_of(p, like))[1])
            p = multiply(p, splat(like, power_of_two(-down)))
            exponent += down
        store(p, alphas, n)
        t += 1
    store(p, state, 0)
    carried[SHARED] = exponent
    return t


@apart
def forward_many(
    state: FloatArray,
    carried: FloatArray,
    chain: Chain,
    likelihoods: FloatArray,
    first: int,
    end: int,
    like: None,
    alphas: FloatArray,
) -> int:
    """`forward_few` of many states, in memory; the state has whole tiles, and after them as much room."""
    n_states = alphas.shape[1]
    p, s = state[:n_states], state[state.size // 2 :]
    t = first
    while t < end:
        predict_for(chain)(p, chain, s)
        b = likelihoods[t]
        for k in range(n_states):
            p[k] = s[k] * larger(b[k], 0.0)
        total = sum_of(p)
        if not total > LOW:
            if not total > LEAST:
                break
            down = float(math.frexp(total)[1])
            multiply_row(p, power_of_two(-down), p)
            carried[SHARED] += down
        copy(p, alphas[t])
        t += 1
    return t


@compiled
def floored_lanes(beta: Lanes, b: Lanes, like: Lanes) -> Lanes:
    """ω = b β, rounded up to `FLOOR` where neither is zero."""
    zeros = splat(like, 0.0)
    omega = larger(multiply(beta, b), chosen(b, splat(like, FLOOR), zeros))
    return chosen(beta, omega, zeros)


@compiled
def fill_floored(beta: FloatArray, b: FloatArray, omega: FloatArray) -> None:
    """`floored_lanes` of many states."""
    for k in range(beta.size):
        floor = FLOOR if b[k] != 0.0 else 0.0
        omega[k] = larger(beta[k] * b[k], floor) if beta[k] != 0.0 else 0.0


@apart
def backward_few(
    state: FloatArray,
    chain: Chain,
    likelihoods: FloatArray,
    first: int,
    end: int,
    like: Lanes,
    alphas: FloatArray,
    room: FloatArray,
    weight: float,
) -> int:
    """β_t(i) = Σ_j A_ij ω_t+1(j) of rows from the end back to the first, with ω = b β; α becomes γ = α β / Σ α β.

    Both have their weight; Σ_t (α_t(i) / Σ α_t β_t) ω_t+1(j) is added to the room at [j, i]. Returns the row that it
    came to, and the first if that is done.
    """
    transition, omega, n_states = chain.linear[HEAD], load(like, state, 0), len(like)
    t = end - 1
    while t >= first:
        n = unsigned(t * n_states)
        beta, alpha = predict(omega, transition, like), load(like, alphas, n)
        both = multiply(alpha, beta)
        total = total_of(both, like)
        if not total > SHALLOW:
            break
        share = splat(like, weight / total)
        store(multiply(both, share), alphas, n)
        alpha = multiply(alpha, share)
        for j in range(n_states):
            m = j * n_states
            store(fma(splat(like, lane(omega, j)), alpha, load(like, room, m)), room, m)
        omega = floored_lanes(beta, load(like, likelihoods, n), like)
        if not is_any_above(omega, LOW):
            if not is_any_above(omega, LEAST):
                break
            omega = multiply(omega, splat(like, power_of_two(-float(math.frexp(largest_of(omega, like))[1]))))
        t -= 1
    store(omega, state, 0)
    return t + 1


@compiled
def keep_chunk_row(chain: Chain, room: FloatArray, n: int, alpha: FloatArray, share: float, omega: FloatArray) -> None:
    """Keep α divided by Σ α β, and ω after it, as row n of a chunk; α becomes what is kept of it."""
    n_states = alpha.size
    chunk = chunk_in(room, n_states)
    multiply_row(alpha, share, alpha)
    copy(alpha, chunk.f[n, :n_states])
    copy(omega, chunk.r[n, :n_states])


@compiled
def add_rows(chain: Chain, room: FloatArray, n: int, n_states: int) -> None:
    """Add the first n rows of a chunk to its table."""
    chunk = chunk_in(room, n_states)
    if n < CHUNK:
        fill_table(chunk.f[n:].reshape(-1), 0.0)
    add_products(n_states, chunk)


keep_row_for = chosen_by_chain(keep_chunk_row, keep_at_nodes)
add_rows_for = chosen_by_chain(add_rows, add_at_nodes)


@apart
def backward_many(
    state: FloatArray,
    chain: Chain,
    likelihoods: FloatArray,
    first: int,
    end: int,
    like: None,
    alphas: FloatArray,
    room: FloatArray,
    weight: float,
) -> int:
    """`backward_few` of many states: a chunk of rows is added to a table in the room, at [i, j]."""
    n_states = alphas.shape[1]
    omega, s = state[:n_states], state[state.size // 2 :]
    beta = s[:n_states]
    n, t = 0, end - 1
    while t >= first:
        alpha = alphas[t]
        predict_for(chain)(omega, chain, s)
        total = dot(alpha, beta)
        if not total > SHALLOW:
            break
        keep_row_for(chain)(chain, room, n, alpha, weight / total, omega)
        multiply_rows(alpha, beta, alpha)
        n += 1
        if n == CHUNK:
            add_rows_for(chain)(chain, room, n, n_states)
            n = 0
        fill_floored(beta, likelihoods[t], omega)
        total = sum_of(omega)
        if not total > LOW:
            if not total > LEAST:
                break
            multiply_row(omega, power_of_two(-float(math.frexp(total)[1])), omega)
        t -= 1
    if n > 0:
        add_rows_for(chain)(chain, room, n, n_states)
    return t + 1


divide_by_largest_for = chosen_by_lanes(divide_few_by_largest, divide_many_by_largest)
forward_for = chosen_by_lanes(forward_few, forward_many)
backward_for = chosen_by_lanes(backward_few, backward_many)
