"""Paths drawn at random: from the chain alone, and given the evidence.

References
----------
.. [1] Scott, "Bayesian methods for hidden Markov models", Journal of the American Statistical Association 97 (2002).
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .block import block_rows
from .chain import Chain, chain_at, is_widened, place_in_tiles, step_exponent, widen_chain
from .compiling import allocating, apart, compiled
from .lanes import larger
from .limits import FADED, FEW_STATES, NEVER
from .numbers import exceeds, shifted, sum_of
from .tables import Given, Tables, is_possible, stretch_before
from .wide import EXPONENT, HEAD, REST, sum_exponents


@compiled
def pick(weights: FloatArray, level: float) -> int:
    """The first state at which the running sum of the weights comes up to a level above zero: one that has a weight.

    Where the level is the sum of all, and rounding lets the running sum end below it, the last such state.
    """
    running = 0.0
    for i in range(weights.size):
        running += weights[i]
        if running >= level:
            return i
    i = weights.size - 1
    while weights[i] == 0.0:
        i -= 1
    return i


@compiled
def draw_few(f: FloatArray, into: FloatArray, level: float) -> tuple[int, float]:
    """`draw_many` for few states, without a table: their sum is the last of the running ones.

    To count all that are below the level takes less time than to guess wrongly where they are no more.
    """
    total = 0.0
    for i in range(f.size):
        total += larger(f[i], 0.0) * into[i]
    running, n_below = 0.0, 0
    for i in range(f.size):
        running += larger(f[i], 0.0) * into[i]
        n_below += running < level * total
    return n_below, total


@compiled
def draw_many(f: FloatArray, transpose: FloatArray, j: int, level: float, weights: FloatArray) -> tuple[int, float]:
    """Draw a state i by its weight f_t(i) A_ij, given the transpose of A; the sum of the weights is returned, too.

    Logs in f count as zero, as a sum of `FADED` or more may do without what doubles lack.
    """
    n_tiles, n_states, n_columns = transpose.shape
    for tile in range(n_tiles):
        first = tile * n_columns
        for i in range(first, min(first + n_columns, n_states)):
            weights[i] = larger(f[i], 0.0) * transpose[tile, j, i - first]
    total = sum_of(weights)
    return pick(weights, level * total), total


@compiled
def exponent_into(alpha: FloatArray, i: int, backward_chain: Chain, j: int) -> tuple[float, float]:
    """The exponent of α_i A_ij in two parts, given the transpose of A."""
    k, k_rest = step_exponent(backward_chain, j, i)
    return sum_exponents(alpha[EXPONENT, i], alpha[REST, i], k, k_rest)


@compiled
def fill_weights_exactly(alpha: FloatArray, backward_chain: Chain, j: int, weights: FloatArray) -> float:
    """Fill α_t(i) A_ij, given the transpose of A, up to the power of two of the largest; and return their sum."""
    if not is_widened(backward_chain):
        widen_chain(backward_chain)
    top, top_rest = NEVER, 0.0
    for i in range(weights.size):
        k, k_rest = exponent_into(alpha, i, backward_chain, j)
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    for i in range(weights.size):
        k, k_rest = exponent_into(alpha, i, backward_chain, j)
        tile, column = place_in_tiles(weights.size, i)
        weights[i] = shifted(alpha[HEAD, i] * backward_chain.heads[tile, j, column], (k - top) + (k_rest - top_rest))
    return sum_of(weights)


@apart
def draw_block(
    begin: int,
    end: int,
    is_end: bool,
    backward_chain: Chain,
    alphas: FloatArray,
    filtered: FloatArray,
    weights: FloatArray,
    paths: IntArray,
) -> bool:
    """Draw the steps from end down to begin of each path, h_t = i with a probability ∝ f_t(i) A_ij, j = h_t+1.

    At the end of a sequence nothing comes after. Before it is drawn, an entry of a path holds a uniform number from
    above 0 up to 1, by the bits of its double, which are no state's number; what is drawn already stays. Returns False
    where a step needs α, and there is none.
    """
    n_states = weights.size
    for n in range(len(paths)):
        path = paths[n]
        j = 0 if is_end else path[end]
        for t in range(end - 1, begin - 1, -1):
            if path[t] < n_states:
                j = path[t]
                continue
            f, level = filtered[t - begin], np.int64(path[t]).view(np.float64)
            if is_end and t == end - 1:
                for i in range(n_states):
                    weights[i] = larger(f[i], 0.0)
                j = pick(weights, level * sum_of(weights))
            else:
                transpose = backward_chain.linear[HEAD]
                if n_states <= FEW_STATES:
                    i, total = draw_few(f, transpose[0, j], level)
                else:
                    i, total = draw_many(f, transpose, j, level, weights)
                if total < FADED:
                    if len(alphas) == 0:
                        return False
                    total = fill_weights_exactly(alphas[t - begin], backward_chain, j, weights)
                    i = pick(weights, level * total)
                j = i
            path[t] = j
    return True


@compiled
def run_draws(
    given: Given,
    n: int,
    begin: int,
    end: int,
    backward_slots: FloatArray,
    alphas: FloatArray,
    filtered: FloatArray,
    weights: FloatArray,
    paths: IntArray,
    n_possible: IntArray,
) -> int:
    """Draw paths through the rows from end − 1, in sequence n, back to begin, as `draw_block` does [1]_.

    The paths are (size, all rows), and where a sequence goes on at row end, its state there is drawn. Filtered rows are
    those from begin to end. Impossible sequences are marked by −1. Where a row needs wide α, and there are none, it
    stops; a row from which on all is drawn is returned, else the first.
    """
    tables = Tables(*given)
    starts, n_states = tables.starts, tables.log_likelihoods.shape[1]
    while end > begin:
        start = max(begin, starts[n], end - block_rows(n_states))
        if not is_possible(starts, n_possible, n):
            for path in paths:
                for t in range(start, end):
                    path[t] = -1
        else:
            is_end = end == starts[n + 1]
            start, m = stretch_before(tables, n, start, end)
            chain = chain_at(tables.log_transition, m, True, backward_slots)
            rows = slice(start - begin, end - begin)
            if not draw_block(start, end, is_end, chain, alphas[rows], filtered[rows], weights, paths):
                return end
        end = start
        n -= end == starts[n]
    return end


@allocating
def draw_path(
    cumulative_initial: FloatArray, cumulative_transition: FloatArray, uniforms: FloatArray, states: IntArray
) -> None:
    """Walk the chain by inversion: at each step the first state whose cumulative probability exceeds the uniform."""
    cumulative = cumulative_initial
    for t in range(states.size):
        states[t] = np.searchsorted(cumulative, uniforms[t], side="right")
        cumulative = cumulative_transition[states[t]]
