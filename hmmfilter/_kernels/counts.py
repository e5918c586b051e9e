"""Counts: how often one state follows another on average, Σ_t ξ_t(i, j); and the entry that runs through the rows.

Σ_t f_t(i) A(i, j) r_t(j) = A(i, j) Σ_t f_t(i) r_t(j) [1]_: what is multiplied by A is added up before, over a chunk of
rows at a time. With few states (`add_few`) a SIMD vector has a state of all rows, with many (`add_many`) some states of
a row.

References
----------
.. [1] Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C, equations
   (38) to (40).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .block import block_rows
from .chain import Chain, chain_at, place_in_tiles, tiled
from .coded import take_numbers
from .compiling import apart, compiled
from .lanes import TILE, divide, fma, larger, load, splat, store
from .limits import FEW_STATES
from .numbers import copy, fill_table, sum_of, tally
from .pairs import CHUNK, Columns, Rows, columns_in, fill_columns, keep_pairs, pair_rows, size_of_columns
from .tables import Given, Tables, first_sequence, is_possible, matrix_count, stretch_before
from .wide import HEAD

ADDED_PLAINLY = 16 * CHUNK  # so many rows lose little enough where they are added, by chunks, without a second part

# What is added up are doubles: f and γ, also where they are stored as logs, to the smallest there is. Below 2^-900 they
# have lost digits, and below 2^-1074 all. That does not count where s is `CLEAR`, as ξ is no larger then than 2^-700;
# nor where s is `TOLD`, of which underflow has taken 2^-100 at most, and what is below cannot have had a larger share.
CLEAR, TOLD, SHARE = 2.0**-100, 2.0**-960, 2.0**-100


class Chunk(NamedTuple):
    """Rows that are added up at once. Few states have a row each, of all rows' entries; many, rows as they come."""

    f: FloatArray  # (K, `CHUNK`), or (`CHUNK`, `tiled` K), as
    r: FloatArray  # γ of the rows after them, and then r
    s: FloatArray
    doubts: FloatArray  # (`CHUNK`,): of each row, how many sums are too small
    table: FloatArray  # (K K, `CHUNK`), or (`tiled` K, `tiled` K): Σ_t f_t(i) r_t(j)


def room_for_pairs(n_states: int) -> FloatArray:
    """Room for `Columns` and a `Chunk`, all of it in one vector; nothing is added up yet."""
    n = tiled(n_states)
    return np.zeros(size_of_columns(n_states) + (3 * n + 1) * CHUNK + n * max(n, CHUNK * n_states))


@apart
def chunk_in(room: FloatArray, n_states: int) -> Chunk:
    """The second part of a room."""
    n, is_few = tiled(n_states), n_states <= FEW_STATES
    shape, table = ((n, CHUNK), (n * n, CHUNK)) if is_few else ((CHUNK, n), (n, n))
    size = n * CHUNK
    x = room[size_of_columns(n_states) :]
    rows = x[3 * size : 3 * size + CHUNK]
    sums = x[3 * size + CHUNK : 3 * size + CHUNK + table[0] * table[1]]
    f, r, s = x[:size], x[size : 2 * size], x[2 * size : 3 * size]
    return Chunk(f.reshape(shape), r.reshape(shape), s.reshape(shape), rows, sums.reshape(table))


@compiled
def fill_chunk(rows: FloatArray, x: FloatArray) -> None:
    """Fill a part of a chunk with the numbers of rows, and with zeros where there are no more."""
    n_rows, n_states = rows.shape
    if n_states <= FEW_STATES:
        has_logs = fill_columns(rows, x)
    else:
        has_logs = True
        if n_rows < CHUNK:
            fill_table(x.reshape(-1), 0.0)
        for t in range(n_rows):
            for k in range(n_states):
                x[t, k] = rows[t, k]
    if has_logs:
        take_numbers(x.reshape(-1))


@compiled
def predict_rows_of_few(transition: FloatArray, chunk: Chunk) -> int:
    """s_t(j) of a chunk of few states, and how many of its entries are not `CLEAR`."""
    f, s = chunk.f, chunk.s
    n_states = len(f)
    for j in range(n_states):
        total = splat(TILE, 0.0)
        for i in range(n_states):
            total = fma(load(TILE, f, i * CHUNK), splat(TILE, transition[0, i, j]), total)
        store(total, s, j * CHUNK)
    n_doubts = 0
    fill_table(chunk.doubts, 0.0)
    for j in range(n_states):
        for t in range(CHUNK):
            is_doubtful = (s[j, t] < CLEAR) & (chunk.r[j, t] > 0.0)
            chunk.doubts[t] += 1.0 if is_doubtful else 0.0
            n_doubts += is_doubtful
            s[j, t] = larger(s[j, t], TOLD)
    return n_doubts


@apart
def predict_rows_of_many(transition: FloatArray, n_states: int, chunk: Chunk) -> int:
    """The same of many states, four rows at a time."""
    f, s = chunk.f, chunk.s
    n = f.shape[1]
    for j in range(0, n, len(TILE)):
        first = j * n_states  # of the tile
        for t in range(0, CHUNK, 4):
            a = b = c = d = splat(TILE, 0.0)
            for i in range(n_states):
                row = load(TILE, transition, first + i * len(TILE))
                a, b = fma(splat(TILE, f[t, i]), row, a), fma(splat(TILE, f[t + 1, i]), row, b)
                c, d = fma(splat(TILE, f[t + 2, i]), row, c), fma(splat(TILE, f[t + 3, i]), row, d)
            store(a, s, t * n + j)
            store(b, s, (t + 1) * n + j)
            store(c, s, (t + 2) * n + j)
            store(d, s, (t + 3) * n + j)
    n_doubts = 0
    for t in range(CHUNK):
        its_doubts = 0
        for j in range(n):
            its_doubts += (s[t, j] < CLEAR) & (chunk.r[t, j] > 0.0)
            s[t, j] = larger(s[t, j], TOLD)
        chunk.doubts[t] = its_doubts
        n_doubts += its_doubts
    return n_doubts


@compiled
def add_few(chunk: Chunk) -> None:
    """Add f_t(i) r_t(j) of all rows of a chunk to the table, each to a sum of its own."""
    f, r, s, table = chunk.f, chunk.r, chunk.s, chunk.table
    n_states = len(f)
    for j in range(n_states):
        ratio = divide(load(TILE, r, j * CHUNK), load(TILE, s, j * CHUNK))
        for i in range(n_states):
            n = (i * n_states + j) * CHUNK
            store(fma(load(TILE, f, i * CHUNK), ratio, load(TILE, table, n)), table, n)


@compiled
def add_many(n_states: int, chunk: Chunk) -> None:
    """Add f_t(i) r_t(j) of all rows of a chunk to the table, of r = γ / s."""
    r, s = chunk.r, chunk.s
    for k in range(0, r.size, len(TILE)):
        store(divide(load(TILE, r, k), load(TILE, s, k)), r, k)
    add_products(n_states, chunk)


@apart
def add_products(n_states: int, chunk: Chunk) -> None:
    """Add f_t(i) r_t(j) of all rows of a chunk of many states to the table, four rows of it at a time."""
    f, r, table = chunk.f, chunk.r, chunk.table
    n = f.shape[1]
    for j in range(0, n, len(TILE)):
        for i in range(0, n_states, 4):
            m = i * n + j
            a, b = load(TILE, table, m), load(TILE, table, m + n)
            c, d = load(TILE, table, m + 2 * n), load(TILE, table, m + 3 * n)
            for t in range(CHUNK):
                row = load(TILE, r, t * n + j)
                a, b = fma(splat(TILE, f[t, i]), row, a), fma(splat(TILE, f[t, i + 1]), row, b)
                c, d = fma(splat(TILE, f[t, i + 2]), row, c), fma(splat(TILE, f[t, i + 3]), row, d)
            store(a, table, m)
            store(b, table, m + n)
            store(c, table, m + 2 * n)
            store(d, table, m + 3 * n)


@apart
def add_table(chunk: Chunk, transition: FloatArray, sums: FloatArray) -> None:
    """Multiply the table by A, add it to sums in two parts, (2, K, K), and begin a new one."""
    table, n_states = chunk.table, sums.shape[1]
    for i in range(n_states):
        total, lost = sums[0, i], sums[1, i]
        for j in range(n_states):
            x = sum_of(table[i * n_states + j]) if n_states <= FEW_STATES else table[i, j]
            tile, column = place_in_tiles(n_states, j)
            total[j], lost[j] = tally(total[j], lost[j], x * transition[tile, i, column])
    fill_table(table.reshape(-1), 0.0)


@apart
def keep_doubts(chain: Chain, columns: Columns, doubts: FloatArray) -> int:
    """Count which sums of each row, of those that have a γ, are too small for ξ to be added up in doubles."""
    transition, f, is_log, n_states = chain.linear[HEAD], columns.xi, columns.log_f, len(columns.f)
    copy(columns.f.reshape(-1), f.reshape(-1))
    take_numbers(f.reshape(-1))
    for i in range(n_states):
        for t in range(CHUNK):
            is_log[i, t] = 1.0 if columns.f[i, t] < 0.0 else 0.0
    fill_table(doubts, 0.0)
    n_doubts = 0
    for j in range(n_states):
        tile, column = place_in_tiles(n_states, j)
        total = share = splat(TILE, 0.0)
        for i in range(n_states):
            a = splat(TILE, transition[tile, i, column])
            total = fma(load(TILE, f, i * CHUNK), a, total)
            share = fma(load(TILE, is_log, i * CHUNK), a, share)
        store(total, columns.s, j * CHUNK)
        store(share, columns.ratio, j * CHUNK)
        n_doubts += note_doubts(columns, j, chain.is_narrow, doubts)
    return n_doubts


@compiled
def note_doubts(columns: Columns, j: int, is_narrow: bool, doubts: FloatArray) -> int:
    """Count the rows in which the sum of a state is too small, by s and the share of logs in it."""
    n_doubts = 0
    for t in range(CHUNK):
        s, logs = columns.s[j, t], columns.ratio[j, t]
        is_told = is_narrow & (s >= TOLD) & (s >= SHARE * logs)
        is_doubtful = (columns.gamma[j, t] > 0.0) & (s < CLEAR) & (not is_told)
        doubts[t] += 1.0 if is_doubtful else 0.0
        n_doubts += is_doubtful
    return n_doubts


@compiled
def take_out(chunk: Chunk, t: int, n_states: int) -> None:
    """Put zeros in the place of a row."""
    for k in range(n_states):
        if n_states <= FEW_STATES:
            chunk.f[k, t] = chunk.r[k, t] = 0.0
        else:
            chunk.f[t, k] = chunk.r[t, k] = 0.0


@compiled
def take_ends_out(starts: IntArray, n_possible: IntArray, n: int, begin: int, end: int, chunk: Chunk) -> int:
    """Take out the last row of each sequence, and all of one that is impossible; the sequence before them is returned.

    A chunk has the rows from begin to end, the last of them in sequence n.
    """
    n_states = len(chunk.f) if len(chunk.f) <= FEW_STATES else chunk.f.shape[1]
    while starts[n + 1] > begin:
        is_marked = not is_possible(starts, n_possible, n)
        for t in range(max(begin, starts[n]) if is_marked else starts[n + 1] - 1, min(starts[n + 1], end)):
            take_out(chunk, t - begin, n_states)
        if starts[n] < begin:
            break
        n -= 1
    return n


@compiled
def leave_doubtful(gamma: FloatArray, doubts: FloatArray) -> None:
    """Put zeros in the place of all others, which need nothing more."""
    for k in range(len(gamma)):
        for t in range(CHUNK):
            gamma[k, t] = gamma[k, t] if doubts[t] > 0.0 else 0.0


@apart
def add_doubtful(chain: Chain, rows: Rows, chunk: Chunk, columns: Columns, sums: FloatArray) -> bool:
    """Add those rows of a chunk to the sums that doubles will not do for, and take them out of it.

    False, and nothing is added, where one takes wide α, and there is none.
    """
    fill_columns(rows.filtered, columns.f)
    fill_columns(rows.smoothed, columns.gamma)
    take_numbers(columns.gamma.reshape(-1))
    n_states = len(columns.f)
    leave_doubtful(columns.gamma, chunk.doubts)
    if keep_doubts(chain, columns, chunk.doubts) == 0:
        return True
    leave_doubtful(columns.gamma, chunk.doubts)
    for t in range(len(rows.filtered)):
        if chunk.doubts[t] > 0.0:
            take_out(chunk, t, n_states)
    nothing_kept = columns.table[:0].reshape(0, n_states, n_states)
    return pair_rows(chain, rows.alphas, rows.filtered, columns, nothing_kept, sums)


@apart
def sum_pairs(
    chain: Chain,
    rows: Rows,
    starts: IntArray,
    n_possible: IntArray,
    n: int,
    first: int,
    offset: int,
    room: FloatArray,
    sums: FloatArray,
) -> int:
    """Add ξ_t(i, j) to sums in two parts, (2, K, K), from the last of some rows, in sequence n, back to the first.

    Chunks are counted from where blocks begin, so far before the first, so that it does not matter how a sequence is
    cut into pieces. Returns the row that it came to: not the first where one takes wide α, and there is none.
    """
    n_states = sums.shape[1]
    n_block, is_few = block_rows(n_states), n_states <= FEW_STATES
    chunk, columns, transition = chunk_in(room, n_states), columns_in(room, n_states), chain.linear[HEAD]
    end, is_empty = len(rows.filtered), True
    while end > 0:
        begin = max(0, end - 1 - (offset + end - 1) % n_block % CHUNK)
        some = Rows(rows.alphas[begin:end], rows.filtered[begin:end], rows.smoothed[begin + 1 : end + 1])
        fill_chunk(some.filtered, chunk.f)
        fill_chunk(some.smoothed, chunk.r)
        n_of_rows_before = take_ends_out(starts, n_possible, n, first + begin, first + end, chunk)
        if is_few:
            n_doubts = predict_rows_of_few(transition, chunk)
        else:
            n_doubts = predict_rows_of_many(transition, n_states, chunk)
        if n_doubts > 0:
            if not is_empty:
                add_table(chunk, transition, sums)
                is_empty = True
            if not add_doubtful(chain, some, chunk, columns, sums):
                break
        if is_few:
            add_few(chunk)
        else:
            add_many(n_states, chunk)
        end, n, is_empty = begin, n_of_rows_before, False
        if (offset + begin) % n_block % ADDED_PLAINLY == 0 or begin == 0:
            add_table(chunk, transition, sums)
            is_empty = True
    return first + end


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
    is_kept, is_one_sum = len(pairs) > 0, not is_by_sequence and matrix_count(tables) == 1
    while end > begin:
        t = end - 1
        n -= t < starts[n]
        is_marked = not is_possible(starts, n_possible, n)
        if is_marked or end == starts[n + 1]:
            if is_kept:
                fill_table(pairs[t - begin].reshape(-1), math.nan if is_marked else 0.0)
            end = t
            continue
        first, m = stretch_before(tables, n, max(begin, starts[n]), end)
        start = starts[n]
        if is_one_sum and not is_kept:  # a chunk may have rows of several sequences
            first, start = begin, starts[first_sequence(starts, n, begin)]
        chain = chain_at(tables.log_transition, m, False, slots)
        these = slice(first - begin, end - begin)
        rows = Rows(alphas[these], filtered[these], smoothed[first - begin : end + 1 - begin])
        if is_kept:
            end = first + keep_pairs(chain, rows, columns_in(room, filtered.shape[1]), pairs[these])
        else:
            its_sums = sums[n if is_by_sequence else m if len(sums) > 1 else 0]
            end = sum_pairs(chain, rows, starts, n_possible, n, first, first - start, room, its_sums)
        if end > first:
            return end
    return begin
