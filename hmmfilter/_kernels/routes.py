"""Viterbi's recursion on a network: its moves made ready, and the scores of its nodes.

    log δ(y) = max_x( log δ(x) + log A(x, y) ), over the moves into each node y, in the order of nodes;
    log δ_t(j) = log b_t(j) + log δ(j), of the states after a step

A row of scores has those of the nodes between that lead to a step, and then those of its states. Rows follow each
other, so that from the states of one on, all that takes part in a step stands in the order of nodes.

Nodes are taken up to sixteen at a time, a tile, none of which leads to another. Where moves into a tile come from
neighbours of each other, as in bands, or from one node, they are packed: a line of them has a move into each node, or
none. Moves into other tiles are taken one by one. It is the largest sum that counts, in whichever order they come.

A path is one of states. Where a state leads to another one both by itself and over a node between, as where a chain
stays or jumps back, the direct move takes in the other way: its probability is the sum of both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray

from .chain import empty_slots
from .compiling import apart, compiled
from .lanes import TILE, Lanes, add, larger, load, splat, store, unsigned
from .limits import NEVER
from .network import Network, log_value, node_count
from .numbers import largest_magnitude, power_of_two, two_sum
from .wide import exp_parts

PAD = len(TILE)  # entries before and after a table of rows: a line may reach beyond it, with moves that are none
HELD, IS_PACKED, LARGEST, DEPTH, N_TILES, N_JOINED, FACTS = 0, 1, 2, 3, 4, 5, 6
SEVERAL = 4  # moves that a line has to have, on average, to be worth it
BEYOND_EXP = -700.0  # nats, below which a share of a sum is none


class Routes(NamedTuple):
    """The moves of one matrix of a network, ready for the decoder."""

    values: FloatArray  # (n_moves,): log A of each move
    tiles: IntArray  # (nodes + 1,): the first node of each tile, and the end
    lines: IntArray  # (nodes + 1,): the first line of each tile, and the end
    line_sources: IntArray  # (lines,): where the move into the first node of the tile comes from, those into the others
    #                         from the nodes after it; or −PAD less the one node from which all come
    line_moves: npt.NDArray[np.int32]  # (lines, 16): which moves these are, or −1
    packed: FloatArray  # (lines, 16): log A of them, or −inf
    joined: npt.NDArray[np.int32]  # (pairs, 3): a direct move, and the two that lead the same way over a node between
    facts: FloatArray  # which matrix it holds, from 1, and so on; 0 where nothing has been made ready
    room: IntArray  # (nodes + kinds,)


def room_for_routes(network: Network) -> Routes:
    """Room for the moves of a network; as yet, none are held."""
    n_moves, n_nodes = len(network.sources), node_count(network)
    n_lines = n_moves // SEVERAL
    return Routes(
        np.empty(n_moves),
        np.empty(n_nodes + 1, dtype=np.int64),
        np.empty(n_nodes + 1, dtype=np.int64),
        np.empty(n_lines, dtype=np.int64),
        np.empty((n_lines, len(TILE)), dtype=np.int32),
        empty_slots(n_lines, len(TILE)),
        np.empty((n_moves if network.n_between > 0 else 0, 3), dtype=np.int32),
        np.zeros(FACTS),
        np.empty(n_nodes + network.log_shares.shape[1], dtype=np.int64),
    )


@compiled
def lay_tiles(network: Network, n_states: int, tiles: IntArray) -> int:
    """Cut the nodes into tiles; the states after a step begin one. Returns how many there are."""
    n_nodes = node_count(network)
    n_tiles, first = 0, 0
    for node in range(n_nodes):
        end = network.into[node + 1]
        depends = end > network.into[node] and network.sources[end - 1] >= n_states + first
        if node == 0 or depends or node - first == len(TILE) or node == n_nodes - n_states:
            tiles[n_tiles], first = node, node
            n_tiles += 1
    tiles[n_tiles] = n_nodes
    return n_tiles


@compiled
def next_line(network: Network, first: int, n: int, heads: IntArray) -> tuple[int, int]:
    """Of the moves that head the lists into so many nodes: where most come from, as a line has it; how many are left.

    The lists being in order, the lowest source, of each or less its place in the tile, is one that others wait for.
    """
    lowest = lowest_start = np.int64(2**62)
    n_left = n_from_one = n_from_start = 0
    for j in range(n):
        if heads[j] < network.into[first + j + 1]:
            source = np.int64(network.sources[heads[j]])
            lowest, lowest_start = min(lowest, source), min(lowest_start, source - j)
            n_left += 1
    for j in range(n):
        if heads[j] < network.into[first + j + 1]:
            source = np.int64(network.sources[heads[j]])
            n_from_one += source == lowest
            n_from_start += source - j == lowest_start
    return lowest_start if n_from_start >= n_from_one else -PAD - lowest, n_left


@compiled
def pack_tile(network: Network, first: int, end: int, line: int, heads: IntArray, routes: Routes) -> int:
    """Pack the moves into a tile, from a line on; returns the line after them: the same, if that is not worth it."""
    n, most = end - first, line + (network.into[end] - network.into[first]) // SEVERAL
    begin = line
    for j in range(n):
        heads[j] = network.into[first + j]
    start, n_left = next_line(network, first, n, heads)
    while n_left > 0:
        if line == most:
            return begin
        for j in range(len(TILE)):
            routes.line_moves[line, j] = -1
            if j < n and heads[j] < network.into[first + j + 1]:
                source = np.int64(network.sources[heads[j]])
                if source == (start + j if start > -PAD else -PAD - start):
                    routes.line_moves[line, j] = heads[j]
                    heads[j] += 1
        routes.line_sources[line] = start
        line += 1
        start, n_left = next_line(network, first, n, heads)
    return line


@compiled
def move_from(network: Network, node: int, source: int) -> int:
    """The move from a source into a node, or −1."""
    low, high = network.into[node], network.into[node + 1]
    while low < high:
        middle = (low + high) // 2
        if network.sources[middle] < source:
            low = middle + 1
        else:
            high = middle
    return low if low < network.into[node + 1] and network.sources[low] == source else -1


@compiled
def find_joined(network: Network, n_states: int, joined: npt.NDArray[np.int32]) -> int:
    """List the direct moves beside which there is a way over a node between; returns how many."""
    n_joined, n_nodes = 0, node_count(network)
    for node in range(n_nodes - n_states, n_nodes):
        end = network.into[node + 1]
        for direct in range(network.into[node], end):
            on = end - 1
            while network.sources[direct] < n_states <= network.sources[on]:
                onto = move_from(network, network.sources[on] - n_states, network.sources[direct])
                if onto >= 0:
                    joined[n_joined, 0], joined[n_joined, 1], joined[n_joined, 2] = direct, onto, on
                    n_joined += 1
                on -= 1
    return n_joined


@compiled
def depth_of(network: Network, n_states: int, room: IntArray) -> int:
    """How many additions of moves that are rounded a score goes through in a step, at most."""
    n_nodes, n_kinds, deepest = node_count(network), network.log_shares.shape[1], 1
    depths, changes = room[:n_nodes], room[n_nodes:]
    for kind in range(n_kinds):
        changes[kind] = 0
        for m in range(len(network.log_shares)):
            changes[kind] |= network.log_shares[m, kind] != 0.0
    for node in range(n_nodes):
        depths[node] = 0
        for move in range(network.into[node], network.into[node + 1]):
            source, is_rounded = network.sources[move], np.int64(network.log_values[move] != 0.0)
            if network.kinds.size > 0:
                is_rounded += changes[network.kinds[move]]
            depths[node] = max(depths[node], is_rounded + (depths[source - n_states] if source >= n_states else 0))
        deepest = max(deepest, depths[node])
    return deepest


@apart
def make_ready(network: Network, n_states: int, routes: Routes) -> None:
    """Find out which moves belong together, whatever their logs are."""
    n_tiles, line = lay_tiles(network, n_states, routes.tiles), 0
    for tile in range(n_tiles):
        routes.lines[tile] = line
        line = pack_tile(network, routes.tiles[tile], routes.tiles[tile + 1], line, routes.room, routes)
    routes.lines[n_tiles] = line
    n_between = node_count(network) - n_states
    routes.facts[N_JOINED] = find_joined(network, n_states, routes.joined) if n_between > 0 else 0.0
    routes.facts[DEPTH] = depth_of(network, n_states, routes.room)
    routes.facts[N_TILES] = n_tiles


@compiled
def log_of_both(x: float, y: float) -> float:
    """log(exp(x) + exp(y))."""
    top, below = (x, y - x) if x > y else (y, x - y)
    if not below > BEYOND_EXP:
        return top
    share, _, k = exp_parts(below, 0.0)
    total, lost = two_sum(1.0, share * power_of_two(k))
    return top + (math.log(total) + lost / total)


@apart
def hold_moves(network: Network, m: int, n_states: int, is_packed: bool, routes: Routes) -> None:
    """Have log A of matrix m, of all moves, and packed if that is wanted."""
    facts, values, joined = routes.facts, routes.values, routes.joined
    if facts[HELD] != m + 1.0:
        if facts[HELD] == 0.0:
            make_ready(network, n_states, routes)
        for move in range(values.size):
            values[move] = log_value(network, m, move)
        direct, around, both = NEVER, NEVER, NEVER
        for n in range(int(facts[N_JOINED])):
            one, other = values[joined[n, 0]], values[joined[n, 1]] + values[joined[n, 2]]
            if one != direct or other != around:
                direct, around, both = one, other, log_of_both(one, other)
            values[joined[n, 0]] = both
        facts[LARGEST], facts[IS_PACKED], facts[HELD] = largest_magnitude(values), 0.0, m + 1.0
    if is_packed and facts[IS_PACKED] == 0.0:
        for line in range(routes.lines[int(facts[N_TILES])]):
            for j in range(len(TILE)):
                move = routes.line_moves[line, j]
                routes.packed[line, j] = values[move] if move >= 0 else NEVER
        facts[IS_PACKED] = 1.0


@compiled
def sums_of_line(rows: FloatArray, place: int, line: int, routes: Routes) -> Lanes:
    """log δ(x) + log A(x, y) of a line of moves, of which node 0 of the network stands at a place."""
    start = routes.line_sources[line]
    moves = load(TILE, routes.packed, unsigned(line) * unsigned(len(TILE)))
    if start > -PAD:
        return add(load(TILE, rows, unsigned(place + start)), moves)
    return add(splat(TILE, rows[unsigned(place - PAD - start)]), moves)


@compiled
def best_by_lines(rows: FloatArray, place: int, begin: int, end: int, routes: Routes) -> Lanes:
    """max_x( log δ(x) + log A(x, y) ), for the nodes y of a tile, by its lines."""
    best, line = splat(TILE, NEVER), begin
    while line + 3 < end:
        one, two = sums_of_line(rows, place, line, routes), sums_of_line(rows, place, line + 1, routes)
        three, four = sums_of_line(rows, place, line + 2, routes), sums_of_line(rows, place, line + 3, routes)
        best = larger(best, larger(larger(one, two), larger(three, four)))
        line += 4
    while line < end:
        best = larger(best, sums_of_line(rows, place, line, routes))
        line += 1
    return best


@compiled
def best_to_node(network: Network, values: FloatArray, node: int, rows: FloatArray, place: int) -> float:
    """max_x( log δ(x) + log A(x, y) ) of one node y, move by move, in four chains."""
    a = b = c = d = NEVER
    begin, end = network.into[node], network.into[node + 1]
    last = end - (end - begin) % 4
    for n in range(begin, last, 4):
        a = larger(a, rows[unsigned(place + network.sources[n])] + values[n])
        b = larger(b, rows[unsigned(place + network.sources[n + 1])] + values[n + 1])
        c = larger(c, rows[unsigned(place + network.sources[n + 2])] + values[n + 2])
        d = larger(d, rows[unsigned(place + network.sources[n + 3])] + values[n + 3])
    for n in range(last, end):
        a = larger(a, rows[unsigned(place + network.sources[n])] + values[n])
    return larger(larger(a, b), larger(c, d))


@apart
def advance_by_moves(
    network: Network, routes: Routes, log_likelihoods: FloatArray, start: int, stop: int, row: int, rows: FloatArray
) -> None:
    """Scores of steps start to stop, in rows from a given one on; the row before it has those that come before."""
    n_states, n_nodes = log_likelihoods.shape[1], node_count(network)
    n_between, n_tiles = n_nodes - n_states, int(routes.facts[N_TILES])
    for t in range(start, stop):
        at = PAD + (row + t - start) * n_nodes
        place = at - n_states
        for tile in range(n_tiles):
            first, end = routes.tiles[tile], routes.tiles[tile + 1]
            begin_line, end_line = routes.lines[tile], routes.lines[tile + 1]
            if begin_line == end_line:
                for node in range(first, end):
                    best = best_to_node(network, routes.values, node, rows, place)
                    rows[unsigned(at + node)] = (
                        best + log_likelihoods[t, node - n_between] if node >= n_between else best
                    )
            else:
                sums = best_by_lines(rows, place, begin_line, end_line, routes)
                if first >= n_between and first + len(TILE) <= n_nodes:
                    log_b = load(TILE, log_likelihoods, unsigned(t) * unsigned(n_states) + unsigned(first - n_between))
                    store(add(sums, log_b), rows, unsigned(at + first))
                else:  # what the lanes have beyond the tile is overwritten, as nodes come in order
                    store(sums, rows, unsigned(at + first))
                    for node in range(max(first, n_between), end):
                        rows[unsigned(at + node)] += log_likelihoods[t, node - n_between]
