"""Pairs: the probabilities of two states, one after the other, of each step.

ξ_t(i, j) = f_t(i) A(i, j) r_t(j), r_t(j) = γ_t+1(j) / s_t(j), s_t(j) = Σ_i f_t(i) A(i, j) [1]_.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C, equations
   (36) and (37).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray

from .chain import Chain, is_widened, place_in_tiles, widen_chain
from .coded import coded, has_logs, log_of, take_logs, take_numbers
from .compiling import apart, compiled
from .lanes import TILE, divide, fma, larger, load, splat, store
from .limits import FADED, NEVER
from .numbers import copy, exceeds, fill_table, shifted, sum_of, tally
from .update import term_exponent
from .wide import HEAD, LOG_2, PLANES, TAIL, far_exp_parts, sum_exponents, widen_linear

CHUNK = len(TILE)  # rows of a sequence that are worked on at once
LEAST = 2.0**-960  # of a product: below, it is worked out in logs
MODERATE = 1024.0  # powers of two that all logs of A may have in common there


class Rows(NamedTuple):
    """What is known of rows: `coded`, the posteriors of both directions, and wide α, if there are any."""

    alphas: FloatArray  # (n, 4, K), or (0, 4, K)
    filtered: FloatArray  # (n, K)
    smoothed: FloatArray  # (n, K), of the rows after them; of all rows, with the first one before these


class Columns(NamedTuple):
    """Rows that are worked out one by one, though at the same time: tables have a row for each state, (K, `CHUNK`)."""

    f: FloatArray  # `coded`, as
    gamma: FloatArray  # of the rows after them
    s: FloatArray  # or zero, where it has faded
    ratio: FloatArray  # r, or zero
    log_f: FloatArray
    log_r: FloatArray
    xi: FloatArray  # of all states j after one state i
    n_faded: FloatArray  # (`CHUNK`,): of each row, how many sums have that should not
    wide: FloatArray  # (4, K): of a single row, as
    terms: FloatArray  # (3, K)
    table: FloatArray  # (K, K)


TABLES = 7  # of columns, before the rest


@compiled
def size_of_columns(n_states: int) -> int:
    """How long they are as one vector."""
    return (TABLES * n_states + 1) * CHUNK + (PLANES + 3 + n_states) * n_states


@apart
def columns_in(room: FloatArray, n_states: int) -> Columns:
    """The first part of a room."""
    end = TABLES * n_states * CHUNK
    x = room[:end].reshape(TABLES, n_states, CHUNK)
    n_rows = PLANES + 3 + n_states
    y = room[end + CHUNK : end + CHUNK + n_rows * n_states].reshape(n_rows, n_states)
    wide, terms, table = y[:PLANES], y[PLANES : PLANES + 3], y[PLANES + 3 :]
    return Columns(x[0], x[1], x[2], x[3], x[4], x[5], x[6], room[end : end + CHUNK], wide, terms, table)


@compiled
def fill_columns(rows: FloatArray, x: FloatArray) -> bool:
    """Turn rows into columns, and put zeros where there are no more; whether there are logs among them."""
    n_rows, n_states = rows.shape
    if n_rows < CHUNK:
        fill_table(x.reshape(-1), 0.0)
    signs = np.int64(0)
    for t in range(n_rows):
        for k in range(n_states):
            x[k, t] = rows[t, k]
            signs |= np.int64(np.float64(rows[t, k]).view(np.int64))
    return signs < 0


@apart
def predict_columns(chain: Chain, columns: Columns) -> int:
    """Fill s and the ratio, and count where s has faded: for each row, and for all of them."""
    transition, f, s = chain.linear[HEAD], columns.xi, columns.s
    n_states = len(s)
    for i in range(n_states):
        for t in range(CHUNK):
            f[i, t] = larger(columns.f[i, t], 0.0)
    fill_table(columns.n_faded, 0.0)
    limit = FADED if abs(chain.exponent) <= MODERATE else math.inf
    n_faded = 0
    for j in range(n_states):
        tile, column = place_in_tiles(n_states, j)
        total = splat(TILE, 0.0)
        for i in range(n_states):
            total = fma(load(TILE, f, i * CHUNK), splat(TILE, transition[tile, i, column]), total)
        store(total, s, j * CHUNK)
        n_faded += note_faded(columns, j, limit)
    return n_faded


@compiled
def note_faded(columns: Columns, j: int, limit: float) -> int:
    """The ratio of a state, by s, which becomes zero where it has faded; and how many of its rows that counts in."""
    s, ratio = columns.s[j], columns.ratio[j]
    n_faded = 0
    for t in range(CHUNK):
        gamma, is_faded = columns.gamma[j, t], not s[t] >= limit
        counts = is_faded & (gamma != 0.0)
        columns.n_faded[t] += 1.0 if counts else 0.0
        n_faded += counts
        ratio[t] = divide(larger(gamma, 0.0), 1.0 if is_faded else s[t]) * (0.0 if is_faded else 1.0)
        s[t] = 0.0 if is_faded else s[t]
    return n_faded


@apart
def fill_products(chain: Chain, i: int, columns: Columns) -> int:
    """ξ_t(i, j) of all j where no digit is lost, else zero; and how many are that, and should not be."""
    transition, log_transition = chain.linear[HEAD], chain.log_transition
    f, gamma, ratio, xi = columns.f[i], columns.gamma, columns.ratio, columns.xi
    n_states = len(xi)
    n_low = 0
    for j in range(n_states):
        tile, column = place_in_tiles(n_states, j)
        a, is_never = transition[tile, i, column], log_transition[tile, i, column] == NEVER
        for t in range(CHUNK):
            product = larger(f[t], 0.0) * a
            x = product * ratio[j, t]
            is_low = not ((product >= LEAST) & (x >= LEAST))
            xi[j, t] = 0.0 if is_low else x
            n_low += is_low & (f[t] != 0.0) & (gamma[j, t] != 0.0) & (not is_never)
    return n_low


@apart
def take_logs_of_columns(exponent: float, columns: Columns) -> None:
    """log f_t(i), and log r_t(j) where s, divided by 2^exponent as A is, has not faded."""
    s, log_f, log_r = columns.s.reshape(-1), columns.log_f.reshape(-1), columns.log_r.reshape(-1)
    copy(columns.f.reshape(-1), log_f)
    take_logs(log_f)
    copy(columns.gamma.reshape(-1), log_r)
    take_logs(log_r)
    for n in range(s.size):
        log_s = log_of(s[n]) + exponent * LOG_2
        log_r[n] = log_r[n] - log_s if s[n] > 0.0 else NEVER


@apart
def fill_logs(chain: Chain, i: int, columns: Columns) -> None:
    """log ξ_t(i, j) = log f_t(i) + log A(i, j) + log r_t(j), where ξ is still zero."""
    log_f, log_r, xi = columns.log_f[i], columns.log_r, columns.xi
    for j in range(len(xi)):
        tile, column = place_in_tiles(len(xi), j)
        log_a = chain.log_transition[tile, i, column]
        for t in range(CHUNK):
            log_xi = (log_f[t] + log_a) + log_r[j, t]
            xi[j, t] = log_xi if (xi[j, t] == 0.0) & (log_xi > NEVER) else xi[j, t]


@apart
def add_wide_pairs(alpha: FloatArray, chain: Chain, gamma: float, j: int, terms: FloatArray, xi: FloatArray) -> None:
    """ξ_t(i, j) = α_t(i) A(i, j) / Σ_i α_t(i) A(i, j) · γ_t+1(j), `coded`, in wide numbers."""
    if not is_widened(chain):
        widen_chain(chain)
    x, exponent, rest = terms[0], terms[1], terms[2]
    tile, column = place_in_tiles(x.size, j)
    top, top_rest = NEVER, 0.0
    for i in range(x.size):
        a = chain.heads[tile, i, column] + (chain.tails[0, tile, i, column] if len(chain.tails) > 0 else 0.0)
        x[i] = (alpha[HEAD, i] + alpha[TAIL, i]) * a
        exponent[i], rest[i] = term_exponent(alpha, i, chain, j)
        if exceeds(exponent[i], rest[i], top, top_rest):
            top, top_rest = exponent[i], rest[i]
    s = 0.0
    for i in range(x.size):
        s += shifted(x[i], (exponent[i] - top) + (rest[i] - top_rest)) if x[i] > 0.0 else 0.0
    g, _, g_exponent, g_rest = far_exp_parts(gamma) if gamma < 0.0 else (gamma, 0.0, 0.0, 0.0)
    up, up_rest = sum_exponents(g_exponent, g_rest, -top, -top_rest)
    for i in range(x.size):
        xi[i, j] = coded(x[i] / s * g, sum_exponents(exponent[i], rest[i], up, up_rest)[0]) if x[i] > 0.0 else 0.0


@compiled
def tally_table(x: FloatArray, total: FloatArray, lost: FloatArray) -> None:
    """`tally`, entry by entry."""
    for k in range(x.size):
        total[k], lost[k] = tally(total[k], lost[k], x[k])


@compiled
def join_sums(part: FloatArray, total: FloatArray) -> None:
    """Add sums in two parts, (G, 2, K, K), to others."""
    for group in range(len(part)):
        head, tail = part[group, 0].reshape(-1), part[group, 1].reshape(-1)
        total_head, total_tail = total[group, 0].reshape(-1), total[group, 1].reshape(-1)
        tally_table(head, total_head, total_tail)
        tally_table(tail, total_head, total_tail)


@apart
def add_deep_pairs(chain: Chain, alpha: FloatArray, t: int, columns: Columns, xi: FloatArray) -> None:
    """What s has faded of, in a row."""
    for j in range(len(xi)):
        if columns.s[j, t] == 0.0 and columns.gamma[j, t] != 0.0:
            add_wide_pairs(alpha, chain, columns.gamma[j, t], j, columns.terms, xi)


@apart
def takes_alpha(filtered: FloatArray, columns: Columns) -> bool:
    """Whether there is a row, not all of it numbers, of which a sum has faded."""
    found = False
    for t in range(len(filtered)):
        found |= columns.n_faded[t] > 0.0 and has_logs(filtered[t])
    return found


@compiled
def alpha_of(row: FloatArray, alphas: FloatArray, t: int, wide: FloatArray) -> FloatArray:
    """What α is in proportion to: f, unless there are logs in it."""
    if has_logs(row):
        copy(alphas[t].reshape(-1), wide.reshape(-1))
    else:
        widen_linear(row, wide)
    return wide


@compiled
def keep_columns(xi: FloatArray, rows: FloatArray) -> None:
    """Turn columns back into rows."""
    n_rows, n_states = rows.shape
    for t in range(n_rows):
        for j in range(n_states):
            rows[t, j] = xi[j, t]


@compiled
def add_columns(xi: FloatArray, total: FloatArray, lost: FloatArray) -> None:
    """Add columns to sums in two parts, as numbers."""
    take_numbers(xi.reshape(-1))
    for j in range(len(xi)):
        total[j], lost[j] = tally(total[j], lost[j], sum_of(xi[j]))


@apart
def pair_rows(
    chain: Chain, alphas: FloatArray, filtered: FloatArray, columns: Columns, pairs: FloatArray, sums: FloatArray
) -> bool:
    """ξ_t(i, j) of some rows, given γ in columns: put it into pairs, `coded`, or add it to sums in two parts.

    False, and nothing is done, where a row takes wide α, and there is none.

    A sum s of `FADED` or more lacks nothing that counts, nor does a product of `LEAST`. What is below has a ξ of 2^-300
    or less where s has not faded, and a sum of logs has all the digits that such a log has.
    """
    fill_columns(filtered, columns.f)
    n_faded = predict_columns(chain, columns)
    if n_faded > 0 and len(alphas) == 0 and takes_alpha(filtered, columns):
        return False
    n_states, xi, has_logs_taken = len(columns.xi), columns.xi, False
    for i in range(n_states):
        if fill_products(chain, i, columns) > 0:
            if not has_logs_taken:
                take_logs_of_columns(chain.exponent, columns)
                has_logs_taken = True
            fill_logs(chain, i, columns)
        if len(pairs) > 0:
            keep_columns(xi, pairs[:, i])
        else:
            add_columns(xi, sums[0, i], sums[1, i])
    for t in range(len(filtered)):
        if columns.n_faded[t] > 0.0:
            alpha = alpha_of(filtered[t], alphas, t, columns.wide)
            if len(pairs) > 0:
                add_deep_pairs(chain, alpha, t, columns, pairs[t])
            else:
                fill_table(columns.table.reshape(-1), 0.0)
                add_deep_pairs(chain, alpha, t, columns, columns.table)
                take_numbers(columns.table.reshape(-1))
                tally_table(columns.table.reshape(-1), sums[0].reshape(-1), sums[1].reshape(-1))
    return True


@apart
def keep_pairs(chain: Chain, rows: Rows, columns: Columns, pairs: FloatArray) -> int:
    """Fill ξ_t(i, j) from the last row back; returns the row that it came to, as `pair_rows` does."""
    end = len(rows.filtered)
    while end > 0:
        begin = max(0, end - CHUNK)
        fill_columns(rows.smoothed[begin + 1 : end + 1], columns.gamma)
        some, its_pairs = rows.filtered[begin:end], pairs[begin:end]
        if not pair_rows(chain, rows.alphas[begin:end], some, columns, its_pairs, its_pairs):
            break
        end = begin
    return end
