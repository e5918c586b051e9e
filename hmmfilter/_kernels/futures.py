"""Sojourns: the backward recursion, smoothing and expected counts, over the entries that `ages` left of some steps.

With N_t(j), the probability of all that is seen from step t on if a sojourn of j begins there, and
ρ_t(k) = c_t(k) Σ_j p(j after k) N_t+1(j), what a sojourn of k that begins at s and has come to t may still show is

    Γ_t(k, s) = Σ_{u ≥ t} p(it lasts u − s + 1) ρ_u(k),    so that    p(h_t = k | v_1:T) ∝ Σ_s w(k, s) Γ_t(k, s),

and N_t(k) = Γ_t(k, t) / c_t−1(k). From step to step back, each Γ grows by one term; nothing is subtracted.

References
----------
.. [1] Guédon, "Estimating hidden semi-Markov chains from discrete sequences", Journal of Computational and Graphical
   Statistics 12 (2003), section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .ages import LAST, LASTS, Ages, Window, lead_on
from .coded import store_posterior
from .compiling import apart, compiled, inlined
from .lanes import EIGHT, add, fma, larger, load, multiply, powers_above, splat, store, subtract
from .limits import BEYOND_TAIL, NEVER
from .numbers import largest, largest_of, shifted, total_of
from .wide import EXPONENT, HEAD, PLANES, TAIL, settled, wide_sum

LOWEST = -1e300  # an exponent from which zeros can be subtracted


class Future(NamedTuple):
    """What sojourns may still show, by where they begin, in the places of a `Window`."""

    heads: FloatArray  # (K, D + n): Γ
    exponents: FloatArray
    next: FloatArray  # (4, K): N of the step after
    ends: FloatArray  # (4, K): ρ
    sums: FloatArray  # (4, K): γ
    shares: FloatArray  # (K,)


class Counts(NamedTuple):
    """How often what is expected: of ages from the longest to the shortest, as in `Ages`; or nothing, of no states."""

    ended: FloatArray  # (K, D): sojourns that ended at an age
    going_on: FloatArray  # (K, D): that were so old at the end
    begun: FloatArray  # (K, D): that were so old at the beginning
    moves: FloatArray  # (K, K): that another one followed


def room_for_future(n_states: int, n_ages: int, n_rows: int) -> Future:
    """Room for so many rows."""
    heads, exponents = np.zeros((2, n_states, n_ages + n_rows))
    following, ends, sums = np.zeros((3, PLANES, n_states))
    return Future(heads, exponents, following, ends, sums, np.zeros(n_states))


def room_for_ends(n_states: int, n_ages: int) -> Counts:
    """Zeros, to be added to."""
    ended, going_on, begun = np.zeros((3, n_states, n_ages))
    return Counts(ended, going_on, begun, np.zeros((n_states, n_states)))


@compiled
def run_ending(ages: Ages, window: Window, n_rows: int, future: Future) -> None:
    """What sojourns show at the end of a sequence, the last of so many rows: whether they may last so long, or do."""
    n_ages = ages.heads.shape[2]
    factor = window.factors[n_rows]
    for k in range(future.heads.shape[0]):
        for n in range(future.heads.shape[1]):
            future.heads[k, n], future.exponents[k, n] = 0.0, NEVER
        for r in range(n_ages):
            future.heads[k, n_rows + r] = ages.heads[LAST, k, r] * factor[HEAD, k]
            future.exponents[k, n_rows + r] = ages.exponents[LAST, k, r] + factor[EXPONENT, k]
        future.next[HEAD, k], future.next[EXPONENT, k] = 0.0, NEVER


@compiled
def run_carrying_back(window: Window, n_rows: int, future: Future) -> None:
    """Go back to the so many rows of a window, from those after it, in whose first places Γ is."""
    n_states, n_ages = window.heads.shape[0], window.heads.shape[1] + 1 - len(window.factors)
    top = largest(future.next[EXPONENT])
    for k in range(n_states):
        shift = window.factors[n_rows, EXPONENT, k]
        for r in range(n_ages - 1, -1, -1):
            future.heads[k, n_rows + r] = future.heads[k, r]
            future.exponents[k, n_rows + r] = future.exponents[k, r] + shift
        for n in range(n_rows):
            future.heads[k, n], future.exponents[k, n] = 0.0, NEVER
        top = larger(top, largest(future.exponents[k, n_rows : n_rows + n_ages]))
    for k in range(n_states if top > NEVER else 0):
        future.next[EXPONENT, k] -= top
        for n in range(n_rows, n_rows + n_ages):
            future.exponents[k, n] -= top


@inlined
def add_ends(ages: Ages, k: int, t: int, future: Future) -> None:
    """Γ_t(k, s) = Γ_t+1(k, s) + p(a sojourn lasts t − s + 1) ρ_t(k), of all s that may be."""
    n_ages = ages.heads.shape[2]
    n, m = k * future.heads.shape[1] + t + 1, (LASTS * future.heads.shape[0] + k) * n_ages
    head, exponent = splat(EIGHT, future.ends[HEAD, k]), splat(EIGHT, future.ends[EXPONENT, k])
    for r in range(0, n_ages, len(EIGHT)):
        old, new = load(EIGHT, future.exponents, n + r), add(load(EIGHT, ages.exponents, m + r), exponent)
        top = larger(larger(old, new), splat(EIGHT, LOWEST))
        term = multiply(multiply(load(EIGHT, ages.heads, m + r), head), powers_above(subtract(new, top), BEYOND_TAIL))
        kept = powers_above(subtract(old, top), BEYOND_TAIL)
        store(fma(load(EIGHT, future.heads, n + r), kept, term), future.heads, n + r)
        store(top, future.exponents, n + r)


@apart
def come_back(log_b: FloatArray, window: Window, future: Future, k: int, t: int) -> None:
    """Before a step that a state does not outlive, sojourns are alive that did not come through it."""
    n_ages = window.live.shape[1] + 1 - len(window.factors)
    for n in range(t + 1, t + 1 + n_ages):
        future.heads[k, n], future.exponents[k, n] = 0.0, NEVER
    for s in range(t - 1, max(t - n_ages, -n_ages), -1):
        if s >= 0 and log_b[s, k] == NEVER:
            break
        window.live[k, n_ages + s] = window.exponents[k, n_ages + s]


@inlined
def join(window: Window, future: Future, k: int, t: int, n_ages: int) -> tuple[float, float]:
    """Σ_s w(k, s) Γ_t(k, s) as a wide number, shifted by its largest term."""
    n, top = k * future.heads.shape[1] + t + 1, splat(EIGHT, NEVER)
    for r in range(0, n_ages, len(EIGHT)):
        top = larger(top, add(load(EIGHT, window.live, n + r), load(EIGHT, future.exponents, n + r)))
    peak = largest_of(top, EIGHT)
    if peak == NEVER:
        return 0.0, NEVER
    total, peaks = splat(EIGHT, 0.0), splat(EIGHT, peak)
    for r in range(0, n_ages, len(EIGHT)):
        exponents = add(load(EIGHT, window.live, n + r), load(EIGHT, future.exponents, n + r))
        scaled = multiply(load(EIGHT, window.heads, n + r), powers_above(subtract(exponents, peaks), BEYOND_TAIL))
        total = fma(scaled, load(EIGHT, future.heads, n + r), total)
    return total_of(total, EIGHT), peak


@apart
def count_ends(ages: Ages, window: Window, future: Future, t: int, total: float, top: float, counts: Counts) -> None:
    """Add the probabilities that sojourns end with step t, by their ages, and where they lead."""
    n_states, n_ages = counts.ended.shape
    for k in range(n_states):
        head, exponent, ended = future.ends[HEAD, k] / total, future.ends[EXPONENT, k] - top, 0.0
        for r in range(n_ages if head > 0.0 else 0):
            down = window.live[k, t + 1 + r] + ages.exponents[LASTS, k, r] + exponent
            if down > BEYOND_TAIL:
                share = shifted(window.heads[k, t + 1 + r] * ages.heads[LASTS, k, r] * head, down)
                counts.ended[k, r] += share
                ended += share
        # of what ends, so much leads to each state: p(j after k) N_t+1(j), divided by its sum
        ahead, peak = future.ends[HEAD, k] / window.factors[t + 1, HEAD, k], future.ends[EXPONENT, k]
        peak -= window.factors[t + 1, EXPONENT, k]
        for j in range(n_states if ended > 0.0 else 0):
            down = ages.move_exponents[k, j] + future.next[EXPONENT, j] - peak
            if down > BEYOND_TAIL:
                counts.moves[k, j] += ended * shifted(ages.move_heads[k, j] * future.next[HEAD, j] / ahead, down)


@apart
def count_ages(window: Window, future: Future, t: int, total: float, top: float, counted: FloatArray) -> None:
    """Add the probabilities of all ages at step t."""
    n_states, n_ages = counted.shape
    for k in range(n_states):
        for r in range(n_ages):
            down = window.live[k, t + 1 + r] + future.exponents[k, t + 1 + r] - top
            if down > BEYOND_TAIL:
                counted[k, r] += shifted(window.heads[k, t + 1 + r] * future.heads[k, t + 1 + r] / total, down)


@compiled
def run_rejuvenating(
    log_b: FloatArray,
    ages: Ages,
    window: Window,
    future: Future,
    is_begin: bool,
    is_end: bool,
    rows: FloatArray,
    counts: Counts,
) -> None:
    """Smooth some steps, of which rows has what the filter knows, from the last one back [1]_.

    The first step may be that of a sequence, and the last one its end, whose row stays as it is. Counts are added to,
    where there is room for any.
    """
    n_states, n_ages = log_b.shape[1], ages.heads.shape[2]
    for t in range(len(log_b) - 1, -1, -1):
        is_last = is_end and t == len(log_b) - 1
        lead_on(future.next, ages, True, future.ends)
        for k in range(n_states):
            head, exponent = future.ends[HEAD, k], future.ends[EXPONENT, k]
            head, _, exponent = settled(
                head * window.factors[t + 1, HEAD, k], 0.0, exponent + window.factors[t + 1, EXPONENT, k]
            )
            future.ends[HEAD, k], future.ends[TAIL, k], future.ends[EXPONENT, k] = head, 0.0, exponent
            if log_b[t, k] == NEVER:
                future.ends[HEAD, k], future.ends[EXPONENT, k] = 0.0, NEVER
                come_back(log_b, window, future, k, t)
            elif head > 0.0:
                add_ends(ages, k, t, future)
            total, peak = join(window, future, k, t, n_ages)
            future.sums[HEAD, k], future.sums[TAIL, k], future.sums[EXPONENT, k] = settled(total, 0.0, peak)
        total, top, _ = wide_sum(future.sums, future.shares)
        if not is_last:
            store_posterior(future.sums, rows[t])
        if counts.ended.shape[0] > 0:
            if is_last:
                count_ages(window, future, t, total, top, counts.going_on)
            else:
                count_ends(ages, window, future, t, total, top, counts)
            if is_begin and t == 0:
                count_ages(window, future, t, total, top, counts.begun)
        for k in range(n_states):
            before = window.factors[t]
            head, place = future.heads[k, n_ages + t] / before[HEAD, k], n_ages + t
            future.next[HEAD, k], future.next[TAIL, k], future.next[EXPONENT, k] = settled(
                head, 0.0, future.exponents[k, place] - before[EXPONENT, k]
            )
