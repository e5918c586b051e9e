"""Flows: how often each move of a network is made on average; and the entry that runs through the rows.

A move from node x to node y is expected Σ_t v_t(x) a ρ_t(y) times: a is its value, v are sums over the ways to a node,
f_t at the states before a step, and ρ over those on from it, r_t(j) = γ_t+1(j) / s_t(j) at the states after it. Where
all moves lead from state to state, sums have the order of `counts`, and the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .block import block_rows
from .coded import take_numbers
from .compiling import apart, compiled
from .counts import ADDED_PLAINLY, CLEAR, TOLD
from .far_flows import Far, add_doubtful_rows, far_in, size_of_far
from .lanes import TILE, divide, fma, larger, load, splat, store
from .network import HeldNetwork, Network, network_at, node_count, place_in_linear
from .numbers import fill_table, tally
from .pairs import CHUNK, Rows, fill_columns
from .tables import Given, Tables, first_sequence, is_possible, matrix_count, stretch_before


class Flow(NamedTuple):
    """Rows that are added up at once, at all nodes: states before a step, nodes between, states after it."""

    v: FloatArray  # (N, `CHUNK`), as
    rho: FloatArray  # but for states before a step, where nothing is kept
    doubts: FloatArray  # (`CHUNK`,): of each row, how many sums are too small
    table: FloatArray  # (moves,): Σ_t v_t(x) ρ_t(y)
    values: FloatArray  # (moves,): of moves as doubles, in their order
    far: Far


def room_for_flow(network: Network, n_states: int) -> FloatArray:
    """Room for a `Flow`, in one vector; nothing is added up yet."""
    n_nodes = n_states + node_count(network)
    return np.zeros((2 * n_nodes + 1) * CHUNK + 2 * network.sources.size + size_of_far(network, n_states))


@apart
def flow_in(room: FloatArray, network: Network, n_states: int) -> Flow:
    """What is in a room."""
    shape = n_states + node_count(network), CHUNK
    size, n_moves = shape[0] * CHUNK, network.sources.size
    v, rho, rest = room[:size].reshape(shape), room[size : 2 * size].reshape(shape), room[2 * size :]
    end = CHUNK + 2 * n_moves
    far = far_in(rest[end:], network, n_states)
    return Flow(v, rho, rest[:CHUNK], rest[CHUNK : end - n_moves], rest[end - n_moves : end], far)


@apart
def in_order(chain: HeldNetwork, values: FloatArray) -> HeldNetwork:
    """A network whose values are in the order of its moves, and are kept in such an array."""
    network = chain.network
    for run in range(len(network.runs)):
        for node in range(network.runs[run, 1], network.runs[run, 2]):
            for n in range(network.into[node], network.into[node + 1]):
                values[n] = chain.linear[place_in_linear(network, run, node, n)]
    return HeldNetwork(
        network,
        values,
        chain.values,
        chain.wide,
        chain.exponent,
        chain.is_narrow,
        chain.is_dense,
        chain.has_large_logs,
        chain.facts,
    )


@apart
def fill_ahead(network: Network, values: FloatArray, first: int, end: int, v: FloatArray) -> None:
    """v at some of the nodes after the states before a step, by number from 0; sources ascend."""
    into, sources = network.into, network.sources
    n_states = len(v) - node_count(network)
    for node in range(first, end):
        total = splat(TILE, 0.0)
        for n in range(into[node], into[node + 1]):
            total = fma(load(TILE, v, sources[n] * CHUNK), splat(TILE, values[n]), total)
        store(total, v, (n_states + node) * CHUNK)


@apart
def fill_behind(network: Network, values: FloatArray, rho: FloatArray) -> None:
    """ρ at the nodes between, from that at the states after a step."""
    into, sources = network.into, network.sources
    n_after = node_count(network)
    n_states = len(rho) - n_after
    if n_after == n_states:
        return
    fill_table(rho[n_states:n_after].reshape(-1), 0.0)
    for node in range(n_after - 1, -1, -1):
        for n in range(into[node], into[node + 1]):
            if sources[n] >= n_states:
                at = sources[n] * CHUNK
                ratio = load(TILE, rho, (n_states + node) * CHUNK)
                store(fma(ratio, splat(TILE, values[n]), load(TILE, rho, at)), rho, at)


@apart
def add_flow(network: Network, flow: Flow) -> None:
    """Add v_t(x) ρ_t(y) of all rows of a chunk to the table, one after the other."""
    into, sources, v, rho, table = network.into, network.sources, flow.v, flow.rho, flow.table
    n_states = len(v) - node_count(network)
    for node in range(node_count(network)):
        ratio = rho[n_states + node]
        for n in range(into[node], into[node + 1]):
            share, total = v[sources[n]], table[n]
            for t in range(CHUNK):
                total = fma(share[t], ratio[t], total)
            table[n] = total


@compiled
def keep_at_nodes(
    chain: HeldNetwork, room: FloatArray, t: int, alpha: FloatArray, share: float, omega: FloatArray
) -> None:
    """`doubles.keep_chunk_row`, at the nodes of a network that leads back: there, ω is ahead, and α behind."""
    n_states = alpha.size
    flow = flow_in(room, chain.network, n_states)
    ahead, behind = flow.v[:n_states], flow.rho[node_count(chain.network) :]
    for k in range(n_states):
        alpha[k] *= share
        ahead[k, t], behind[k, t] = omega[k], alpha[k]


@compiled
def add_at_nodes(chain: HeldNetwork, room: FloatArray, n: int, n_states: int) -> None:
    """`doubles.add_rows`, by moves."""
    network = chain.network
    flow = flow_in(room, network, n_states)
    for t in range(n, CHUNK):
        leave_out(flow, n_states, t)
    if network.n_between > 0:
        moves = in_order(chain, flow.values)
        fill_ahead(network, moves.linear, 0, network.n_between, flow.v)
        fill_behind(network, moves.linear, flow.rho)
    add_flow(network, flow)


@apart
def add_slopes_of_moves(chain: HeldNetwork, room: FloatArray, n_states: int, sums: FloatArray) -> None:
    """Add what there is to sums in two parts, (2, moves), of ξ / A; or of ξ, where moves have shares of A."""
    flow = flow_in(room, chain.network, n_states)
    if chain.network.kinds.size == 0:
        fill_table(flow.values, 1.0)
        take_table(flow.values, flow, sums)
    else:
        take_table(in_order(chain, flow.values).linear, flow, sums)


@apart
def take_table(values: FloatArray, flow: Flow, sums: FloatArray) -> None:
    """Multiply the table by the values of moves, add it to sums in two parts, (2, moves), and begin a new one."""
    total, lost, table = sums[0], sums[1], flow.table
    for n in range(table.size):
        total[n], lost[n] = tally(total[n], lost[n], table[n] * values[n])
    fill_table(table, 0.0)


@compiled
def fill_rows(rows: FloatArray, x: FloatArray) -> None:
    """The numbers of rows, in columns, and zeros where there are no more."""
    fill_columns(rows, x)
    take_numbers(x.reshape(-1))


@compiled
def leave_out(flow: Flow, n_states: int, t: int) -> None:
    """Put zeros in the place of a row."""
    n_after = len(flow.v) - n_states
    for k in range(n_states):
        flow.v[k, t] = flow.rho[n_after + k, t] = 0.0


@compiled
def leave_ends_out(
    starts: IntArray, n_possible: IntArray, n: int, begin: int, end: int, n_states: int, flow: Flow
) -> int:
    """`counts.take_ends_out`: the last rows of sequences, and all of an impossible one."""
    while starts[n + 1] > begin:
        is_marked = not is_possible(starts, n_possible, n)
        for t in range(max(begin, starts[n]) if is_marked else starts[n + 1] - 1, min(starts[n + 1], end)):
            leave_out(flow, n_states, t - begin)
        if starts[n] < begin:
            break
        n -= 1
    return n


@apart
def note_small(flow: Flow, n_states: int) -> int:
    """Count which sums at the states after a step are not `CLEAR`, of those that have a γ: of each row, and in all."""
    n_doubts, doubts, n_after = 0, flow.doubts, len(flow.v) - n_states
    fill_table(doubts, 0.0)
    for node in range(n_after, len(flow.v)):
        s, gamma = flow.v[node], flow.rho[node]
        for t in range(CHUNK):
            is_doubtful = (s[t] < CLEAR) & (gamma[t] > 0.0)
            doubts[t] += 1.0 if is_doubtful else 0.0
            n_doubts += is_doubtful
            s[t] = larger(s[t], TOLD)
    return n_doubts


@apart
def divide_by_sums(flow: Flow, n_states: int) -> None:
    """r = γ / s, in place of γ."""
    for node in range(len(flow.v) - n_states, len(flow.v)):
        at = node * CHUNK
        store(divide(load(TILE, flow.rho, at), load(TILE, flow.v, at)), flow.rho, at)


@apart
def sum_flows(
    chain: HeldNetwork,
    rows: Rows,
    starts: IntArray,
    n_possible: IntArray,
    n: int,
    first: int,
    offset: int,
    room: FloatArray,
    sums: FloatArray,
) -> int:
    """`counts.sum_pairs`, by moves: add what goes through them to sums in two parts, (2, moves)."""
    network, n_states = chain.network, rows.filtered.shape[1]
    flow, n_block, n_nodes = flow_in(room, network, n_states), block_rows(n_states), node_count(network)
    moves, values = in_order(chain, flow.values), flow.values
    end, is_empty = len(rows.filtered), True
    while end > 0:
        begin = max(0, end - 1 - (offset + end - 1) % n_block % CHUNK)
        some = Rows(rows.alphas[begin:end], rows.filtered[begin:end], rows.smoothed[begin + 1 : end + 1])
        fill_rows(some.filtered, flow.v[:n_states])
        fill_rows(some.smoothed, flow.rho[n_nodes:])
        n_of_rows_before = leave_ends_out(starts, n_possible, n, first + begin, first + end, n_states, flow)
        fill_ahead(network, values, 0, n_nodes, flow.v)
        if note_small(flow, n_states) > 0:
            if not is_empty:
                take_table(values, flow, sums)
                is_empty = True
            if not add_doubtful_rows(moves, some, flow.far, flow.doubts, sums):
                break
            for t in range(end - begin):
                if flow.doubts[t] > 0.0:
                    leave_out(flow, n_states, t)
        divide_by_sums(flow, n_states)
        fill_behind(network, values, flow.rho)
        add_flow(network, flow)
        end, n, is_empty = begin, n_of_rows_before, False
        if (offset + begin) % n_block % ADDED_PLAINLY == 0 or begin == 0:
            take_table(values, flow, sums)
            is_empty = True
    return first + end


@compiled
def run_flows(
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
    sums: FloatArray,
    is_by_sequence: bool,
) -> int:
    """`counts.run_pairs` of a network, whose moves are added to sums in two parts, (1 or N, 2, moves)."""
    tables = Tables(*given)
    starts, has_one_matrix = tables.starts, matrix_count(tables) == 1
    while end > begin:
        t = end - 1
        n -= t < starts[n]
        if not is_possible(starts, n_possible, n) or end == starts[n + 1]:
            end = t
            continue
        first, m = stretch_before(tables, n, max(begin, starts[n]), end)
        start = starts[n]
        if has_one_matrix and not is_by_sequence:  # a chunk may have rows of several sequences
            first, start = begin, starts[first_sequence(starts, n, begin)]
        chain = network_at(tables.log_transition, m, False, slots)
        these = slice(first - begin, end - begin)
        rows = Rows(alphas[these], filtered[these], smoothed[first - begin : end + 1 - begin])
        its_sums = sums[n if is_by_sequence else 0]
        end = sum_flows(chain, rows, starts, n_possible, n, first, first - start, room, its_sums)
        if end > first:
            return end
    return begin
