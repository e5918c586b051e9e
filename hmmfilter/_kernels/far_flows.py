"""Flows of rows that doubles will not do for: by logs, and by numbers with exponents of their own.

Where all moves lead from state to state, what is added up has the bits of `pairs`. Else, a row is taken through all
nodes once more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from hmmfilter._arrays import FloatArray

from .chain import HELD
from .coded import coded, has_logs, take_numbers
from .compiling import apart, compiled
from .counts import leave_doubtful, note_doubts
from .lanes import TILE, fma, larger, load, splat, store
from .limits import FADED, NEVER
from .network import HeldNetwork, Network, log_value, node_count, step_parts
from .numbers import copy, exceeds, fill_table, shifted, sum_of, tally
from .pairs import (
    CHUNK,
    LEAST,
    MODERATE,
    Columns,
    Rows,
    alpha_of,
    fill_columns,
    note_faded,
    take_logs_of_columns,
    takes_alpha,
)
from .wide import EXPONENT, HEAD, PLANES, REST, TAIL, far_exp_parts, settled, sum_exponents

TABLES = 7  # of columns


class Far(NamedTuple):
    """A row at all nodes, where there are any between states; else `CHUNK` rows of states."""

    wide: FloatArray  # (4, K): α
    v: FloatArray  # (3, N): heads, and exponents in two parts, as
    rho: FloatArray
    columns: FloatArray  # room for `Columns`


H, E, R = 0, 1, 2  # the planes of v and ρ


@compiled
def size_of_far(network: Network, n_states: int) -> int:
    """How long it is as one vector."""
    n_nodes = n_states + node_count(network)
    rest = 6 * n_nodes if network.n_between > 0 else (TABLES * CHUNK + 3) * n_states + CHUNK
    return PLANES * n_states + rest


@apart
def far_in(room: FloatArray, network: Network, n_states: int) -> Far:
    """The last part of a room."""
    n_nodes, end = n_states + node_count(network), PLANES * n_states
    size = 3 * n_nodes if network.n_between > 0 else 0
    shape = (3, size // 3)
    v, rho = room[end : end + size], room[end + size : end + 2 * size]
    return Far(room[:end].reshape(PLANES, n_states), v.reshape(shape), rho.reshape(shape), room[end + 2 * size :])


@apart
def columns_of_far(far: Far) -> Columns:
    """Columns without tables of pairs."""
    n_states = far.wide.shape[1]
    end = TABLES * CHUNK * n_states
    x = far.columns[:end].reshape(TABLES, n_states, CHUNK)
    n_faded, terms = far.columns[end : end + CHUNK], far.columns[end + CHUNK : end + CHUNK + 3 * n_states]
    nothing = terms[:0].reshape(0, n_states)
    return Columns(x[0], x[1], x[2], x[3], x[4], x[5], x[6], n_faded, far.wide, terms.reshape(3, n_states), nothing)


@compiled
def log_of_move(moves: HeldNetwork, n: int) -> float:
    """The natural log of the value of a move."""
    return log_value(moves.network, int(moves.facts[HELD]) - 1, n)


@compiled
def parts_of_share(x: float) -> tuple[float, float, float]:
    """A `coded` share as a head, and an exponent in two parts."""
    if x < 0.0:
        head, _, k, k_rest = far_exp_parts(x)
        return head, k, k_rest
    return x, 0.0 if x > 0.0 else NEVER, 0.0


@apart
def keep_doubtful(moves: HeldNetwork, columns: Columns, doubts: FloatArray) -> int:
    """`counts.keep_doubts`, by moves."""
    into, sources, values = moves.network.into, moves.network.sources, moves.linear
    f, is_log = columns.xi, columns.log_f
    copy(columns.f.reshape(-1), f.reshape(-1))
    take_numbers(f.reshape(-1))
    for i in range(len(f)):
        for t in range(CHUNK):
            is_log[i, t] = 1.0 if columns.f[i, t] < 0.0 else 0.0
    fill_table(doubts, 0.0)
    n_doubts = 0
    for j in range(len(f)):
        total = share = splat(TILE, 0.0)
        for n in range(into[j], into[j + 1]):
            at, a = sources[n] * CHUNK, splat(TILE, values[n])
            total, share = fma(load(TILE, f, at), a, total), fma(load(TILE, is_log, at), a, share)
        store(total, columns.s, j * CHUNK)
        store(share, columns.ratio, j * CHUNK)
        n_doubts += note_doubts(columns, j, moves.is_narrow, doubts)
    return n_doubts


@apart
def predict_moves(moves: HeldNetwork, columns: Columns) -> int:
    """`pairs.predict_columns`, by moves."""
    into, sources, values, f = moves.network.into, moves.network.sources, moves.linear, columns.xi
    for i in range(len(f)):
        for t in range(CHUNK):
            f[i, t] = larger(columns.f[i, t], 0.0)
    fill_table(columns.n_faded, 0.0)
    limit = FADED if abs(moves.exponent) <= MODERATE else math.inf
    n_faded = 0
    for j in range(len(f)):
        total = splat(TILE, 0.0)
        for n in range(into[j], into[j + 1]):
            total = fma(load(TILE, f, sources[n] * CHUNK), splat(TILE, values[n]), total)
        store(total, columns.s, j * CHUNK)
        n_faded += note_faded(columns, j, limit)
    return n_faded


@apart
def fill_product_of_move(moves: HeldNetwork, n: int, j: int, columns: Columns, xi: FloatArray) -> int:
    """`pairs.fill_products` of one move."""
    f, gamma, ratio, a = columns.f[moves.network.sources[n]], columns.gamma[j], columns.ratio[j], moves.linear[n]
    n_low = 0
    for t in range(CHUNK):
        product = larger(f[t], 0.0) * a
        x = product * ratio[t]
        is_low = not ((product >= LEAST) & (x >= LEAST))
        xi[t] = 0.0 if is_low else x
        n_low += is_low & (f[t] != 0.0) & (gamma[t] != 0.0)
    return n_low


@apart
def fill_log(moves: HeldNetwork, n: int, j: int, columns: Columns, xi: FloatArray) -> None:
    """`pairs.fill_logs` of one move."""
    log_f, log_r, log_a = columns.log_f[moves.network.sources[n]], columns.log_r[j], log_of_move(moves, n)
    for t in range(CHUNK):
        log_xi = (log_f[t] + log_a) + log_r[t]
        xi[t] = log_xi if (xi[t] == 0.0) & (log_xi > NEVER) else xi[t]


@apart
def add_deep(moves: HeldNetwork, alpha: FloatArray, gamma: float, j: int, terms: FloatArray, sums: FloatArray) -> None:
    """`pairs.add_wide_pairs` of the moves that lead to a state, and as numbers they are added to the sums."""
    first, end, sources = moves.network.into[j], moves.network.into[j + 1], moves.network.sources
    x, exponent, rest = terms[0, : end - first], terms[1], terms[2]
    top, top_rest = NEVER, 0.0
    for m in range(x.size):
        i = sources[first + m]
        a, k, k_rest = step_parts(log_of_move(moves, first + m))
        x[m] = (alpha[HEAD, i] + alpha[TAIL, i]) * a
        exponent[m], rest[m] = sum_exponents(alpha[EXPONENT, i], alpha[REST, i], k, k_rest)
        if exceeds(exponent[m], rest[m], top, top_rest):
            top, top_rest = exponent[m], rest[m]
    s = 0.0
    for m in range(x.size):
        s += shifted(x[m], (exponent[m] - top) + (rest[m] - top_rest)) if x[m] > 0.0 else 0.0
    g, k, k_rest = parts_of_share(gamma)
    up, up_rest = sum_exponents(k, k_rest, -top, -top_rest)
    for m in range(x.size):
        x[m] = coded(x[m] / s * g, sum_exponents(exponent[m], rest[m], up, up_rest)[0]) if x[m] > 0.0 else 0.0
    take_numbers(x)
    for m in range(x.size):
        n = first + m
        sums[0, n], sums[1, n] = tally(sums[0, n], sums[1, n], x[m])


@apart
def add_rows_of_moves(moves: HeldNetwork, rows: Rows, columns: Columns, sums: FloatArray) -> bool:
    """`pairs.pair_rows`, by moves, given γ in columns; False, and nothing is added, where it lacks wide α."""
    network, xi = moves.network, columns.xi[0]
    if predict_moves(moves, columns) > 0 and len(rows.alphas) == 0 and takes_alpha(rows.filtered, columns):
        return False
    has_logs_taken = False
    for j in range(len(columns.f)):
        for n in range(network.into[j], network.into[j + 1]):
            if fill_product_of_move(moves, n, j, columns, xi) > 0:
                if not has_logs_taken:
                    take_logs_of_columns(moves.exponent, columns)
                    has_logs_taken = True
                fill_log(moves, n, j, columns, xi)
            take_numbers(xi)
            sums[0, n], sums[1, n] = tally(sums[0, n], sums[1, n], sum_of(xi))
    for t in range(len(rows.filtered)):
        if columns.n_faded[t] > 0.0:
            alpha = alpha_of(rows.filtered[t], rows.alphas, t, columns.wide)
            for j in range(len(columns.f)):
                if columns.s[j, t] == 0.0 and columns.gamma[j, t] != 0.0:
                    add_deep(moves, alpha, columns.gamma[j, t], j, columns.terms, sums)
    return True


@compiled
def add_to(node: int, x: float, k: float, k_rest: float, of_nodes: FloatArray) -> None:
    """Add x 2^(k + rest) to what a node has."""
    y, m, m_rest = of_nodes[H, node], of_nodes[E, node], of_nodes[R, node]
    if exceeds(m, m_rest, k, k_rest):
        x, k, k_rest, y, m, m_rest = y, m, m_rest, x, k, k_rest
    if k > NEVER:
        x, _, up = settled(x + shifted(y, (m - k) + (m_rest - k_rest)), 0.0, 0.0)
        k, k_rest = sum_exponents(k, k_rest, up, 0.0)
        of_nodes[H, node], of_nodes[E, node], of_nodes[R, node] = x, k, k_rest


@compiled
def clear_nodes(of_nodes: FloatArray, first: int) -> None:
    """Put zeros from a node on."""
    fill_table(of_nodes[H, first:], 0.0)
    fill_table(of_nodes[E, first:], NEVER)
    fill_table(of_nodes[R, first:], 0.0)


@apart
def fill_far_ahead(moves: HeldNetwork, alpha: FloatArray, v: FloatArray) -> None:
    """v at all nodes, from wide α."""
    into, n_states = moves.network.into, alpha.shape[1]
    clear_nodes(v, 0)
    for i in range(n_states):
        k, k_rest = sum_exponents(alpha[EXPONENT, i], alpha[REST, i], 0.0, 0.0)
        add_to(i, alpha[HEAD, i] + alpha[TAIL, i], k, k_rest, v)
    for node in range(node_count(moves.network)):
        for n in range(into[node], into[node + 1]):
            x, k, k_rest = far_share(moves, n, v)
            add_to(n_states + node, x, k, k_rest, v)


@compiled
def far_share(moves: HeldNetwork, n: int, v: FloatArray) -> tuple[float, float, float]:
    """What a move brings from its source."""
    i = moves.network.sources[n]
    a, k, k_rest = step_parts(log_of_move(moves, n))
    k, k_rest = sum_exponents(v[E, i], v[R, i], k, k_rest)
    return v[H, i] * a, k, k_rest


@apart
def fill_far_behind(moves: HeldNetwork, gamma: FloatArray, v: FloatArray, rho: FloatArray) -> None:
    """ρ at all nodes but the states before the step."""
    into, sources, n_states = moves.network.into, moves.network.sources, gamma.size
    first_after = node_count(moves.network)
    clear_nodes(rho, 0)
    for j in range(n_states):
        if gamma[j] != 0.0:
            node = first_after + j
            g, k, k_rest = parts_of_share(gamma[j])
            k, k_rest = sum_exponents(k, k_rest, -v[E, node], -v[R, node])
            add_to(node, g / v[H, node], k, k_rest, rho)
    for node in range(first_after - 1, -1, -1):
        for n in range(into[node], into[node + 1]):
            if sources[n] >= n_states:
                a, k, k_rest = step_parts(log_of_move(moves, n))
                y = n_states + node
                k, k_rest = sum_exponents(k, k_rest, rho[E, y], rho[R, y])
                add_to(sources[n], a * rho[H, y], k, k_rest, rho)


@apart
def add_far_row(moves: HeldNetwork, alpha: FloatArray, gamma: FloatArray, far: Far, sums: FloatArray) -> None:
    """Add what goes through all moves in a row to sums in two parts, (2, moves)."""
    into, n_states = moves.network.into, gamma.size
    fill_far_ahead(moves, alpha, far.v)
    fill_far_behind(moves, gamma, far.v, far.rho)
    for node in range(node_count(moves.network)):
        y = n_states + node
        for n in range(into[node], into[node + 1]):
            x, k, k_rest = far_share(moves, n, far.v)
            k, k_rest = sum_exponents(k, k_rest, far.rho[E, y], far.rho[R, y])
            if k > NEVER:
                sums[0, n], sums[1, n] = tally(sums[0, n], sums[1, n], shifted(x * far.rho[H, y], k + k_rest))


@compiled
def lacks_alpha(rows: Rows, doubts: FloatArray) -> bool:
    """Whether there is a doubtful row that is not all numbers, and no wide α."""
    lacks = False
    for t in range(len(rows.filtered)):
        lacks |= len(rows.alphas) == 0 and doubts[t] > 0.0 and has_logs(rows.filtered[t])
    return lacks


@apart
def add_doubtful_rows(moves: HeldNetwork, rows: Rows, far: Far, doubts: FloatArray, sums: FloatArray) -> bool:
    """Add those of some rows that doubles will not do for to sums in two parts; what is left in doubts is done.

    False, and nothing is added, where one takes wide α, and there is none.
    """
    if moves.network.n_between > 0:
        if lacks_alpha(rows, doubts):
            return False
        for t in range(len(rows.filtered)):
            if doubts[t] > 0.0:
                add_far_row(moves, alpha_of(rows.filtered[t], rows.alphas, t, far.wide), rows.smoothed[t], far, sums)
        return True
    columns = columns_of_far(far)
    fill_columns(rows.filtered, columns.f)
    fill_columns(rows.smoothed, columns.gamma)
    take_numbers(columns.gamma.reshape(-1))
    leave_doubtful(columns.gamma, doubts)
    if keep_doubtful(moves, columns, doubts) == 0:
        return True
    leave_doubtful(columns.gamma, doubts)
    return add_rows_of_moves(moves, rows, columns, sums)
