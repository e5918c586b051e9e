"""Paths made of sojourns: the best one, and paths at random, from the end back.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section IV.D.
.. [2] Guédon, "Estimating hidden semi-Markov chains from discrete sequences", Journal of Computational and Graphical
   Statistics 12 (2003): with the last sojourn cut.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray

from .ages import LAST, LASTS, REACHES, Ages, Window
from .compiling import compiled
from .lanes import larger
from .limits import BEYOND_TAIL, NEVER
from .numbers import plus, shifted, surpasses, two_sum
from .wide import EXPONENT, HEAD

ShortArray = npt.NDArray[np.int32]


class Scores(NamedTuple):
    """What the best paths are found by; sums of logs have two parts."""

    entries: FloatArray  # (2, K, 2 D): log δ of what begins at a step, without its likelihoods, in a ring
    factors: FloatArray  # (2, K): the sum of the log-likelihoods of a state,
    alive: IntArray  # (K,): the first step from which on none of them is −inf
    ended: FloatArray  # (2, K): log δ of what ends at a step
    lasted: ShortArray  # (T, K): how long the best sojourn lasts that ends at a step,
    sources: ShortArray  # (T, K): and which state the best one that begins there comes from


def room_for_scores(n_states: int, n_ages: int, n_rows: int) -> Scores:
    """Room for a sequence of so many rows."""
    entries, factors, ended = np.empty((2, n_states, 2 * n_ages)), np.zeros((2, n_states)), np.empty((2, n_states))
    lasted, sources = np.zeros((2, n_rows, n_states), dtype=np.int32)
    return Scores(entries, factors, np.zeros(n_states, dtype=np.int64), ended, lasted, sources)


@compiled
def begin_sojourn_scores(log_initial: FloatArray, ages: Ages, scores: Scores) -> None:
    """What a sequence begins with, by states, or by states and ages, whose entries come before the first step."""
    n_states, n_ring = scores.entries.shape[1:]
    n_given, n_ages = log_initial.size // n_states, ages.logs.shape[2]
    first = log_initial.reshape(n_states, n_given)
    for k in range(n_states):
        scores.factors[0, k], scores.factors[1, k], scores.alive[k] = 0.0, 0.0, -n_ages
        for n in range(n_ring):
            scores.entries[0, k, n], scores.entries[1, k, n] = NEVER, 0.0
        for d in range(n_given):
            if first[k, d] > NEVER:
                place = -d % n_ring
                reached = ages.logs[REACHES, k, n_ages - 1 - d]
                scores.entries[0, k, place], scores.entries[1, k, place] = two_sum(first[k, d], -reached)


@compiled
def best_age(ages: Ages, kind: int, scores: Scores, k: int, t: int) -> tuple[float, float, int]:
    """The largest log δ of the sojourns of a state that end at a step, or are there at the end, and its age."""
    n_ring, n_ages = scores.entries.shape[2], ages.logs.shape[2]
    best, best_tail, best_age = NEVER, 0.0, 0
    for d in range(1, min(n_ages, t - scores.alive[k] + 1) + 1):
        entry, log_weight = scores.entries[0, k, (t - d + 1) % n_ring], ages.logs[kind, k, n_ages - d]
        if entry > NEVER and log_weight > NEVER:
            total, tail = plus(entry, scores.entries[1, k, (t - d + 1) % n_ring], log_weight)
            if best_age == 0 or surpasses(total, tail, best, best_tail):
                best, best_tail, best_age = total, tail, d
    if best_age > 0:
        best, best_tail = plus(best, best_tail, scores.factors[0, k])
        best_tail += scores.factors[1, k]
    return best, best_tail, best_age


@compiled
def enter_scores(ages: Ages, scores: Scores, t: int) -> None:
    """The best way to begin a sojourn at step t."""
    n_states, n_ring = scores.entries.shape[1:]
    for j in range(n_states):
        best, best_tail, source = NEVER, 0.0, -1
        for k in range(n_states):
            if scores.ended[0, k] > NEVER and ages.log_moves[k, j] > NEVER:
                total, tail = plus(scores.ended[0, k], scores.ended[1, k], ages.log_moves[k, j])
                if source < 0 or surpasses(total, tail, best, best_tail):
                    best, best_tail, source = total, tail, k
        if source >= 0:
            best, best_tail = plus(best, best_tail, -scores.factors[0, j])
            best_tail -= scores.factors[1, j]
        place = t % n_ring
        scores.entries[0, j, place], scores.entries[1, j, place], scores.sources[t, j] = best, best_tail, source


@compiled
def run_lasting(
    log_initial: FloatArray, log_b: FloatArray, ages: Ages, scores: Scores, path: IntArray, lasted: IntArray
) -> float:
    """Find the best path of a sequence, and how long each sojourn has lasted at each step; returns its log δ [2]_.

    Where there is none, −inf, and the path is left as it is.
    """
    n_rows, n_states = log_b.shape
    begin_sojourn_scores(log_initial, ages, scores)
    for t in range(n_rows):
        if t > 0:
            enter_scores(ages, scores, t)
        for k in range(n_states):
            if log_b[t, k] == NEVER:
                scores.alive[k] = t + 1
            else:
                scores.factors[0, k], scores.factors[1, k] = plus(
                    scores.factors[0, k], scores.factors[1, k], log_b[t, k]
                )
            kind = LAST if t == n_rows - 1 else LASTS
            scores.ended[0, k], scores.ended[1, k], scores.lasted[t, k] = best_age(ages, kind, scores, k, t)
    best, best_tail, state = NEVER, 0.0, -1
    for k in range(n_states):
        if surpasses(scores.ended[0, k], scores.ended[1, k], best, best_tail):
            best, best_tail, state = scores.ended[0, k], scores.ended[1, k], k
    t = n_rows - 1 if state >= 0 else -1
    while t >= 0:
        age = scores.lasted[t, state]
        for s in range(max(0, t - age + 1), t + 1):
            path[s], lasted[s] = state, s - (t - age)
        t -= age
        state = scores.sources[t + 1, state] if t >= 0 else -1
    return best + best_tail


@compiled
def draw_sojourn(
    log_b: FloatArray, ages: Ages, window: Window, kind: int, t: int, after: int, level: float
) -> tuple[int, int]:
    """A state and an age of the sojourn that ends at step t of a window, and that another state comes after.

    By a level from above 0 up to 1; of two passes, the first has the sum of all weights.
    """
    n_states, n_ages = ages.heads.shape[1:]
    top, total, running, state, age = NEVER, 0.0, 0.0, 0, 0
    for number in range(3):
        for k in range(n_states):
            factor, exponent = window.factors[t + 1, HEAD, k], window.factors[t + 1, EXPONENT, k]
            if after >= 0:
                factor, exponent = factor * ages.move_heads[k, after], exponent + ages.move_exponents[k, after]
            for d in range(1, n_ages + 1):
                if t - d + 1 >= 0 and log_b[t - d + 1, k] == NEVER:
                    break
                place = n_ages + t - d + 1
                down = window.exponents[k, place] + ages.exponents[kind, k, n_ages - d] + exponent
                if number == 0:
                    top = larger(top, down)
                elif down - top > BEYOND_TAIL:
                    weight = shifted(window.heads[k, place] * ages.heads[kind, k, n_ages - d] * factor, down - top)
                    if number == 1:
                        total += weight
                    elif running < level * total:
                        running, state, age = running + weight, k, d
    return state, age


@compiled
def run_drawing_back(
    log_b: FloatArray, ages: Ages, window: Window, begin: int, end: int, cursors: IntArray, paths: IntArray
) -> None:
    """Draw sojourns from the end of a sequence back, those that end in a window, whose first row is that of begin.

    The paths, (size, rows), hold uniform numbers as in `drawing`. A cursor, (size, 3), has the row that a path has come
    to, the state after it, or −1, and the first row of the sequence.
    """
    for n in range(len(paths)):
        path = paths[n]
        while cursors[n, 0] >= begin:
            row = cursors[n, 0]
            level = np.int64(path[row]).view(np.float64)
            kind = LAST if row == end - 1 else LASTS
            state, age = draw_sojourn(log_b, ages, window, kind, row - begin, cursors[n, 1], level)
            for r in range(max(row - age + 1, cursors[n, 2]), row + 1):
                path[r] = state
            cursors[n, 0], cursors[n, 1] = row - age, state
