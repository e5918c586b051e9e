"""Sojourns whose lengths have distributions of their own: the forward recursion, by where a sojourn begins.

The hidden state is a state k and how long its sojourn has lasted, its age d. With what all of a sojourn shows,

    α_t(k, d) = w(k, t − d + 1) c_t(k) p(a sojourn of k lasts d or longer),

where c_t(k) = b_1(k) ··· b_t(k) is the product of all likelihoods of a state, and w(k, s) is the probability that a
sojourn begins at step s, with what was seen before, divided by c_s−1(k). So nothing changes from step to step but that
an entry w comes and one goes, and all that is asked of a state is a sum over its entries: times p(it lasts d), of those
that end here; times p(it lasts d or longer), of all. Nothing is subtracted.

Entries are wide numbers, and of each state doubles as well, up to a power of two, by which the sums are taken. Where
such a sum is so small that underflow may have taken a share, it is taken anew from the wide numbers, to the same bits
where both will do.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section IV.D, equations (68) to
   (71).
.. [2] Guédon, "Estimating hidden semi-Markov chains from discrete sequences", Journal of Computational and Graphical
   Statistics 12 (2003): sojourns that go on after the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .coded import coded, store_posterior
from .compiling import apart, compiled, inlined
from .lanes import EIGHT, add, fma, larger, load, multiply, powers_above, splat, subtract, unsigned
from .limits import BEYOND_TAIL, FADED, NEVER, VANISHED
from .numbers import largest, largest_of, shifted, total_of
from .wide import EXPONENT, HEAD, PLANES, TAIL, copy_wide, log_of_wide, settled, weigh, widen_row

LASTS, REACHES, LAST = 0, 1, 2  # kinds of weights of an age: p(a sojourn lasts so long), or longer, and that of the end
TALL, LOW = 400.0, 300.0  # powers of two: how far an entry may be above the common one, or all of them below it
ORIGIN, BEFORE, BEFORE_EXPONENT, FACTS = 0, 1, 2, 3  # the facts of a window


class Ages(NamedTuple):
    """A chain whose sojourns have distributions: in `Tables` in place of a matrix.

    Ages go from the longest to a single step, after as many impossible ones as make them a multiple of eight.
    """

    linear: FloatArray  # (3, K, D): the weights `LASTS`, `REACHES` and `LAST` of ages
    heads: FloatArray  # the same as wide numbers,
    exponents: FloatArray  # −inf where there is none
    logs: FloatArray  # and as logs
    move_heads: FloatArray  # (K, K), where a chain goes that leaves a state,
    move_exponents: FloatArray
    log_moves: FloatArray
    n_ages: int  # without those in front


class Window(NamedTuple):
    """The entries of some steps, from D steps before the first of them on, and what else there is of each state."""

    heads: FloatArray  # (K, D + n): w,
    exponents: FloatArray
    live: FloatArray  # the same, but −inf for sojourns that cannot have reached the last step,
    linear: FloatArray  # and those that can as doubles, divided by
    scales: FloatArray  # (K,): 2^scale
    factors: FloatArray  # (n + 1, 4, K): c, first that of the step before; likelihoods of zero are left out
    ended: FloatArray  # (4, K): α of what ends at a step,
    entering: FloatArray  # (4, K): what a step begins with, before its likelihoods
    sums: FloatArray  # (4, K): α of all that is at a step
    facts: FloatArray  # the power of two that all has in common, the last Σ α, and its exponent


def room_for_window(n_states: int, n_ages: int, n_rows: int) -> Window:
    """Room for the entries of so many rows."""
    heads, exponents, live, linear = np.zeros((4, n_states, n_ages + n_rows))
    ended, entering, sums = np.zeros((3, PLANES, n_states))
    factors = np.zeros((n_rows + 1, PLANES, n_states))
    return Window(heads, exponents, live, linear, np.zeros(n_states), factors, ended, entering, sums, np.zeros(FACTS))


@compiled
def run_beginning(log_initial: FloatArray, ages: Ages, window: Window) -> None:
    """Begin a sequence: by logs of the states, (K,), all of age 1, or of states and ages, (K D), ages ascending."""
    n_states, n_ages = ages.move_heads.shape[0], ages.heads.shape[2]
    n_given = log_initial.size // n_states
    first, begins = log_initial.reshape(n_states, n_given), window.factors[0]
    for k in range(n_states):
        for r in range(n_ages):
            window.heads[k, r], window.exponents[k, r], window.live[k, r] = 0.0, NEVER, NEVER
        window.entering[HEAD, k] = first[k, 0]
        begins[HEAD, k], begins[TAIL, k], begins[EXPONENT, k] = 1.0, 0.0, 0.0
    for d in range(n_given - 1, -1, -1):
        for k in range(n_states):
            window.ended[HEAD, k] = first[k, d]
        widen_row(window.ended[HEAD], window.entering)
        for k in range(n_states) if d > 0 else range(0):
            enter(window, k, n_ages - d, window.entering[HEAD, k], window.entering[EXPONENT, k], ages, d)
    window.facts[ORIGIN], window.facts[BEFORE], window.facts[BEFORE_EXPONENT] = 0.0, 1.0, 0.0


@compiled
def enter(window: Window, k: int, place: int, head: float, exponent: float, ages: Ages, d: int) -> None:
    """Let a sojourn in that is of age d + 1 as yet: its weight does not count that it came to be so old."""
    n_ages = ages.heads.shape[2]
    reached, reached_exponent = ages.heads[REACHES, k, n_ages - 1 - d], ages.exponents[REACHES, k, n_ages - 1 - d]
    if head == 0.0 or reached == 0.0:
        head, exponent = 0.0, NEVER
    else:
        head, _, exponent = settled(head / reached, 0.0, exponent - reached_exponent)
    window.heads[k, place], window.exponents[k, place], window.live[k, place] = head, exponent, exponent


@compiled
def run_carrying(window: Window, n_rows: int) -> None:
    """Go on with a window after so many rows: what is before them comes first, with exponents near 0."""
    n_states, n_ages = window.heads.shape[0], window.heads.shape[1] + 1 - len(window.factors)
    top = largest(window.entering[EXPONENT])
    for k in range(n_states):
        shift = window.factors[n_rows, EXPONENT, k]
        for r in range(n_ages):
            window.heads[k, r], window.live[k, r] = window.heads[k, n_rows + r], window.live[k, n_rows + r] + shift
        top = larger(top, largest(window.live[k, :n_ages]))
    copy_wide(window.factors[n_rows], window.factors[0])
    top = top if top > NEVER else 0.0
    for k in range(n_states):
        window.factors[0, EXPONENT, k] = 0.0
        window.entering[EXPONENT, k] -= top
        for r in range(n_ages):
            window.live[k, r] -= top
            window.exponents[k, r] = window.live[k, r]
    window.facts[ORIGIN] += top
    window.facts[BEFORE_EXPONENT] -= top


@apart
def rescale_entries(window: Window, k: int, first: int, last: int, scale: float) -> None:
    """Make doubles of the entries of a state, from a first to a last place, by another power of two."""
    window.scales[k] = scale
    for n in range(first, last + 1):
        down = window.live[k, n] - scale
        window.linear[k, n] = shifted(window.heads[k, n], down) if down > NEVER else 0.0


@inlined
def push(window: Window, t: int, n_ages: int) -> None:
    """Let the sojourns in that begin at step t: w = what enters, divided by c before."""
    last, before = n_ages + t, window.factors[t]
    for k in range(window.heads.shape[0]):
        head, exponent = window.entering[HEAD, k], NEVER
        if head > 0.0:
            head, _, exponent = settled(head / before[HEAD, k], 0.0, window.entering[EXPONENT, k] - before[EXPONENT, k])
        window.heads[k, last], window.exponents[k, last], window.live[k, last] = head, exponent, exponent
        if exponent - window.scales[k] > TALL:
            rescale_entries(window, k, t + 1, last, exponent)
        else:
            down = exponent - window.scales[k]
            window.linear[k, last] = shifted(head, down) if down > NEVER else 0.0


@inlined
def multiply_factors(log_b: FloatArray, window: Window, t: int, n_ages: int) -> None:
    """c_t = c_t−1 b_t; where that is zero, no sojourn outlives it, and c stays as it is."""
    before, after = window.factors[t], window.factors[t + 1]
    widen_row(log_b, window.sums)
    weigh(before, window.sums, EIGHT, after)
    for k in range(log_b.size):
        if log_b[k] == NEVER:
            for plane in range(PLANES):
                after[plane, k] = before[plane, k]
            for n in range(t + 1, n_ages + t + 1):
                window.live[k, n], window.linear[k, n] = NEVER, 0.0


@inlined
def linear_sums(ages: Ages, kind: int, window: Window, k: int, t: int) -> tuple[float, float]:
    """Σ_d w(k, t − d + 1) and the weight of d, as doubles: of a kind of weights, and of those of what ends."""
    n_states, n_ages = ages.linear.shape[1:]
    n, total, ended = k * window.linear.shape[1] + t + 1, splat(EIGHT, 0.0), splat(EIGHT, 0.0)
    m, m_ended = (kind * n_states + k) * n_ages, (LASTS * n_states + k) * n_ages
    for r in range(0, n_ages, len(EIGHT)):
        entries = load(EIGHT, window.linear, unsigned(n + r))
        total = fma(entries, load(EIGHT, ages.linear, unsigned(m + r)), total)
        ended = fma(entries, load(EIGHT, ages.linear, unsigned(m_ended + r)), ended)
    return total_of(total, EIGHT), total_of(ended, EIGHT)


@compiled
def wide_window_sum(ages: Ages, kind: int, window: Window, k: int, t: int) -> tuple[float, float]:
    """The same sum as a wide number, shifted by its largest term."""
    n_states, n_ages = ages.linear.shape[1:]
    n, m, top = k * window.live.shape[1] + t + 1, (kind * n_states + k) * n_ages, splat(EIGHT, NEVER)
    for r in range(0, n_ages, len(EIGHT)):
        top = larger(top, add(load(EIGHT, window.live, n + r), load(EIGHT, ages.exponents, m + r)))
    peak = largest_of(top, EIGHT)
    if peak == NEVER:
        return 0.0, NEVER
    total, peaks = splat(EIGHT, 0.0), splat(EIGHT, peak)
    for r in range(0, n_ages, len(EIGHT)):
        exponents = add(load(EIGHT, window.live, n + r), load(EIGHT, ages.exponents, m + r))
        scaled = multiply(load(EIGHT, window.heads, n + r), powers_above(subtract(exponents, peaks), BEYOND_TAIL))
        total = fma(scaled, load(EIGHT, ages.heads, m + r), total)
    return total_of(total, EIGHT), peak


@apart
def faded_sum(ages: Ages, kind: int, window: Window, k: int, t: int) -> tuple[float, float]:
    """A sum whose doubles have faded, from the wide numbers."""
    n_ages = ages.linear.shape[2]
    top = largest(window.live[k, t + 1 : n_ages + t + 1])
    if top == NEVER:
        return 0.0, NEVER
    if window.scales[k] - top > LOW:
        rescale_entries(window, k, t + 1, n_ages + t, top)
    return wide_window_sum(ages, kind, window, k, t)


@inlined
def fill_sums(ages: Ages, kind: int, window: Window, t: int) -> None:
    """c_t(k) Σ_d w(k, t − d + 1) and the weight of d, of all states, as wide numbers; and the same of what ends."""
    factor, sums, ended = window.factors[t + 1], window.sums, window.ended
    for k in range(sums.shape[1]):
        total, ends = linear_sums(ages, kind, window, k, t)
        exponent = ends_exponent = window.scales[k]
        if total < FADED:
            total, exponent = faded_sum(ages, kind, window, k, t)
        if ends < FADED:
            ends, ends_exponent = faded_sum(ages, LASTS, window, k, t)
        head, more = factor[HEAD, k], factor[EXPONENT, k]
        sums[HEAD, k], sums[TAIL, k], sums[EXPONENT, k] = settled(total * head, 0.0, exponent + more)
        ended[HEAD, k], ended[TAIL, k], ended[EXPONENT, k] = settled(ends * head, 0.0, ends_exponent + more)


@inlined
def lead_on(x: FloatArray, ages: Ages, is_backward: bool, moved: FloatArray) -> None:
    """Σ_k x_k A_kj or, backwards, Σ_j A_kj x_j of wide numbers, (4, K)."""
    n_states = x.shape[1]
    for j in range(n_states):
        top, total = NEVER, 0.0
        for k in range(n_states):
            more = ages.move_exponents[j, k] if is_backward else ages.move_exponents[k, j]
            top = larger(top, x[EXPONENT, k] + more)
        for k in range(n_states if top > NEVER else 0):
            a, b = (j, k) if is_backward else (k, j)
            down = x[EXPONENT, k] + ages.move_exponents[a, b] - top
            if down > VANISHED:
                total = fma(shifted(x[HEAD, k], down), ages.move_heads[a, b], total)
        moved[HEAD, j], moved[TAIL, j], moved[EXPONENT, j] = settled(total, 0.0, top)


@compiled
def run_ageing(
    log_b: FloatArray, ages: Ages, window: Window, is_end: bool, rows: FloatArray, increments: FloatArray
) -> int:
    """Filter some steps, the last of which may be the end: rows are p(h_t | v_1:t), and increments, both `coded` [1]_.

    Returns how many steps are possible.
    """
    n_ages = ages.linear.shape[2]
    for k in range(log_b.shape[1]):
        rescale_entries(window, k, 0, n_ages - 1, larger(largest(window.live[k, :n_ages]), -(VANISHED**2)))
    for t in range(len(log_b)):
        push(window, t, n_ages)
        multiply_factors(log_b[t], window, t, n_ages)
        kind = LAST if is_end and t == len(log_b) - 1 else REACHES
        fill_sums(ages, kind, window, t)
        if largest(window.sums[EXPONENT]) == NEVER:
            return t
        total, exponent, _ = store_posterior(window.sums, rows[t])
        increments[t] = coded(total / window.facts[BEFORE], exponent - window.facts[BEFORE_EXPONENT])
        window.facts[BEFORE], window.facts[BEFORE_EXPONENT] = total, exponent
        lead_on(window.ended, ages, False, window.entering)
    return len(log_b)


@compiled
def run_likelihood(window: Window) -> float:
    """log Σ α of the last step."""
    return log_of_wide(window.facts[BEFORE], window.facts[BEFORE_EXPONENT] + window.facts[ORIGIN], 0.0)
