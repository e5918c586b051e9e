"""Pairs: the probabilities of two states, one after the other, and their sums, the expected transitions.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C, equations
   (36) to (40).
"""

from __future__ import annotations

import math

from hmmfilter._arrays import FloatArray, IntArray

from .chain import Chain, chain_at, place_in_tiles
from .coded import coded, take_numbers
from .compiling import apart, compiled
from .limits import FADED, LOWEST, NEVER
from .numbers import fill_table, is_faint, larger, tally
from .tables import Given, Tables, is_possible, stretch_before
from .update import exact_prediction, predict_any, term_exponent
from .wide import HEAD, TAIL, far_exp_parts, settled, sum_exponents

ADDED_PLAINLY = 16  # so many numbers lose little enough where they are added without a second part


@apart
def sweep_pairs(
    chain: Chain,
    filtered: FloatArray,
    smoothed: FloatArray,
    r: FloatArray,
    table: FloatArray,
    pairs: FloatArray,
    sums: FloatArray,
) -> int:
    """ξ_t(i, j) = f_t(i) A(i, j) r_t(j), r_t(j) = γ_t+1(j) / Σ_i f_t(i) A(i, j), in doubles from the last row back.

    Rows of pairs are filled or, where there are none, added to the sums, (2, K, K). Returns where it came to: the first
    row, or that after one where f or γ has positive entries below `LOWEST`; with none, and a narrow A, nothing
    underflows.
    """
    transition, n_states = chain.linear[HEAD], filtered.shape[1]
    is_kept = len(pairs) > 0
    fill_table(table.reshape(-1), 0.0)
    t = len(filtered) - 1
    while t >= 0 and not is_faint(filtered[t], LOWEST) and not is_faint(smoothed[t + 1], LOWEST):
        predict_any(filtered[t], transition, r)
        for j in range(n_states):
            r[j] = smoothed[t + 1, j] / r[j] if r[j] > 0.0 else 0.0
        for tile in range(len(transition)):
            first, columns = tile * transition.shape[2], transition[tile]
            for i in range(n_states):
                f = filtered[t, i]
                if is_kept:
                    for j in range(first, min(first + columns.shape[1], n_states)):
                        pairs[t, i, j] = f * columns[i, j - first] * r[j]
                else:
                    for j in range(first, min(first + columns.shape[1], n_states)):
                        table[i, j] += f * columns[i, j - first] * r[j]
        if t % ADDED_PLAINLY == 0:
            add_to_sums(table, sums)
        t -= 1
    add_to_sums(table, sums)
    return t + 1


@compiled
def tally_table(x: FloatArray, total: FloatArray, lost: FloatArray) -> None:
    """`tally`, entry by entry."""
    for k in range(x.size):
        total[k], lost[k] = tally(total[k], lost[k], x[k])


@compiled
def add_to_sums(table: FloatArray, sums: FloatArray) -> None:
    """Add a table to sums in two parts, (2, K, K), and begin a new one."""
    tally_table(table.reshape(-1), sums[0].reshape(-1), sums[1].reshape(-1))
    fill_table(table.reshape(-1), 0.0)


@compiled
def join_sums(part: FloatArray, total: FloatArray) -> None:
    """Add sums in two parts, (G, 2, K, K), to others."""
    for group in range(len(part)):
        head, tail = part[group, 0].reshape(-1), part[group, 1].reshape(-1)
        total_head, total_tail = total[group, 0].reshape(-1), total[group, 1].reshape(-1)
        tally_table(head, total_head, total_tail)
        tally_table(tail, total_head, total_tail)


@apart
def pair_exactly(
    alpha: FloatArray, chain: Chain, row: FloatArray, gamma: FloatArray, f: FloatArray, s: FloatArray, xi: FloatArray
) -> None:
    """ξ_t(i, j) as `sweep_pairs` has it, `coded`: in doubles where they do, else in wide numbers, with α in place of f.

    A sum of `FADED` or more lacks nothing that counts; nor does a product as large.
    """
    transition = chain.linear[HEAD]
    for i in range(f.size):
        f[i] = larger(row[i], 0.0)
    predict_any(f, transition, s)
    for j in range(f.size):
        is_near = s[j] >= FADED and gamma[j] >= LOWEST
        ratio = gamma[j] / s[j] if is_near else 0.0
        n_wide = 0
        tile, column = place_in_tiles(f.size, j)
        for i in range(f.size):
            product = f[i] * transition[tile, i, column]
            xi[i, j] = product * ratio if product >= FADED else 0.0
            n_wide += xi[i, j] == 0.0 and alpha[HEAD, i] > 0.0 and chain.log_transition[tile, i, column] > NEVER
        if n_wide > 0 and gamma[j] != 0.0:
            add_wide_pairs(alpha, chain, gamma[j], j, xi)


@apart
def add_wide_pairs(alpha: FloatArray, chain: Chain, gamma: float, j: int, xi: FloatArray) -> None:
    """ξ_t(i, j) = α_t(i) A(i, j) / Σ_i α_t(i) A(i, j) · γ_t+1(j) in wide numbers, where it is still zero."""
    s, s_tail, s_exponent, s_rest = exact_prediction(alpha, chain, j, True)
    g, g_tail, g_exponent = settled(gamma, 0.0, 0.0)
    g_rest = 0.0
    if gamma < 0.0:
        g, g_tail, g_exponent, g_rest = far_exp_parts(gamma)
    up, up_rest = sum_exponents(g_exponent, g_rest, -s_exponent, -s_rest)
    tile, column = place_in_tiles(len(xi), j)
    for i in range(len(xi)):
        if xi[i, j] == 0.0 and alpha[HEAD, i] > 0.0 and chain.log_transition[tile, i, column] > NEVER:
            a = chain.heads[tile, i, column] + (chain.tails[0, tile, i, column] if len(chain.tails) > 0 else 0.0)
            x = (alpha[HEAD, i] + alpha[TAIL, i]) * a / (s + s_tail) * (g + g_tail)
            k, k_rest = term_exponent(alpha, i, chain, j)
            xi[i, j] = coded(x, sum_exponents(k, k_rest, up, up_rest)[0])


@compiled
def run_pairs(
    given: Given,
    n: int,
    begin: int,
    end: int,
    slots: FloatArray,
    alphas: FloatArray,
    filtered: FloatArray,
    smoothed: FloatArray,
    n_possible: IntArray,
    room: FloatArray,
    table: FloatArray,
    pairs: FloatArray,
    sums: FloatArray,
    is_by_sequence: bool,
) -> int:
    """Find ξ_t(i, j) = p(h_t = i, h_t+1 = j | v_1:T) from row end − 1, in sequence n, back to begin [1]_.

    Filtered rows are those from begin to end, smoothed ones one more. Either the pairs, (rows, K, K), are filled, with
    `coded` numbers, zeros where a sequence ends, and marks where it is impossible. Or, where there are no pairs, they
    are added to sums in two parts, (G, 2, K, K): of all, of each sequence, or of the moves by each matrix. A row that
    needs wide α, where there are none, ends it. Returns the row that it came to.
    """
    tables = Tables(*given)
    starts = tables.starts
    while end > begin:
        t = end - 1
        n -= t < starts[n]
        is_marked = not is_possible(starts, n_possible, n)
        if is_marked or end == starts[n + 1]:
            if len(pairs) > 0:
                fill_table(pairs[t - begin].reshape(-1), math.nan if is_marked else 0.0)
            end = t
            continue
        first, m = stretch_before(tables, n, max(begin, starts[n]), end)
        chain = chain_at(tables.log_transition, m, False, slots)
        its_sums = sums[n if is_by_sequence else m if len(sums) > 1 else 0]
        if chain.is_narrow:
            fs, gammas = filtered[first - begin : end - begin], smoothed[first - begin : end + 1 - begin]
            kept = pairs[first - begin : end - begin] if len(pairs) > 0 else pairs
            end = first + sweep_pairs(chain, fs, gammas, room[1], table, kept, its_sums)
        if end > t:
            if len(alphas) == 0:
                return end
            xi = pairs[t - begin] if len(pairs) > 0 else table
            f, gamma = filtered[t - begin], smoothed[t + 1 - begin]
            pair_exactly(alphas[t - begin], chain, f, gamma, room[0, : f.size], room[1], xi)
            if len(pairs) == 0:
                take_numbers(xi.reshape(-1), xi.reshape(-1))
                add_to_sums(xi, its_sums)
            end = t
    return begin
