"""Paths drawn at random through a network: back, given the evidence, and on, from the chain alone.

Of the moves into a node, or on from it, one is drawn, and where it passes a node between, another one there: what the
first leaves of its uniform number is one again. Where all moves lead from state to state, paths are those of
`drawing`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .block import block_rows
from .compiling import apart, compiled
from .drawing import pick
from .far_flows import far_share, fill_far_ahead
from .flows import in_order
from .lanes import larger
from .limits import FADED, FEW_STATES, NEVER
from .network import HeldNetwork, Network, NodeArray, network_at, node_count, sum_into
from .numbers import exceeds, fill_table, shifted, sum_of
from .tables import Given, Tables, is_possible, stretch_before
from .wide import PLANES

LEAST_LEVEL = 2.0**-60  # of a uniform number that is left, which has to be above zero


class Room(NamedTuple):
    """Room for a row at all nodes."""

    values: FloatArray  # (moves,): in their order
    v: FloatArray  # (N,): as numbers
    weights: FloatArray  # (N,): of moves into a node
    far: FloatArray  # (3, N): v as heads, and exponents in two parts
    wide: FloatArray  # (4, K): α


def room_for_walks(network: Network, n_states: int) -> FloatArray:
    """Room for a `Room`, in one vector."""
    return np.zeros(network.sources.size + 5 * (n_states + node_count(network)) + PLANES * n_states)


@compiled
def room_in(room: FloatArray, network: Network, n_states: int) -> Room:
    """What is in a room."""
    n, n_moves = n_states + node_count(network), network.sources.size
    x = room[n_moves:]
    far, wide = x[2 * n : 5 * n].reshape(3, n), x[5 * n :].reshape(PLANES, n_states)
    return Room(room[:n_moves], x[:n], x[n : 2 * n], far, wide)


@compiled
def fill_between(network: Network, values: FloatArray, n_states: int, v: FloatArray) -> None:
    """v at the nodes between, from that at the states, by values in the order of moves."""
    for node in range(network.n_between):
        v[n_states + node] = sum_into(network, values, v, node)


@compiled
def fill_weights(network: Network, values: FloatArray, node: int, v: FloatArray, weights: FloatArray) -> None:
    """How much each move into a node brings."""
    first = network.into[node]
    for n in range(first, network.into[node + 1]):
        weights[n - first] = v[network.sources[n]] * values[n]


@compiled
def fill_far_weights(moves: HeldNetwork, node: int, v: FloatArray, weights: FloatArray) -> None:
    """The same of wide numbers, up to the power of two of the largest."""
    first, end = moves.network.into[node], moves.network.into[node + 1]
    top, top_rest = NEVER, 0.0
    for n in range(first, end):
        _, k, k_rest = far_share(moves, n, v)
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    for n in range(first, end):
        x, k, k_rest = far_share(moves, n, v)
        weights[n - first] = shifted(x, (k - top) + (k_rest - top_rest)) if k > NEVER else 0.0


@compiled
def sum_of_some(numbers: NodeArray, x: FloatArray, n_states: int) -> float:
    """`sum_of` of as many as there are states, of which those that are left out are zeros."""
    a = b = c = d = 0.0
    last = n_states - n_states % 4 if n_states > FEW_STATES else 0
    for m in range(numbers.size):
        chain = numbers[m] % 4 if numbers[m] < last else 0
        a += x[m] if chain == 0 else 0.0
        b += x[m] if chain == 1 else 0.0
        c += x[m] if chain == 2 else 0.0
        d += x[m] if chain == 3 else 0.0
    return (a + b) + (c + d)


@compiled
def draw_way(moves: HeldNetwork, node: int, level: float, is_far: bool, room: Room) -> tuple[int, float]:
    """The state from which a way to a node is drawn, by a level above 0, up to 1; and the sum of all to that node."""
    network, n_states, sum_at_first = moves.network, room.wide.shape[1], -1.0
    while True:
        first, end = network.into[node], network.into[node + 1]
        if is_far:
            fill_far_weights(moves, node, room.far, room.weights)
        else:
            fill_weights(network, moves.linear, node, room.v, room.weights)
        weights, sources = room.weights[: end - first], network.sources[first:end]
        total = sum_of_some(sources, weights, n_states)
        sum_at_first = total if sum_at_first < 0.0 else sum_at_first
        if total == 0.0:
            return 0, sum_at_first
        m = pick(weights, level * total)
        if sources[m] < n_states:
            return sources[m], sum_at_first
        node = sources[m] - n_states
        level = larger((level * total - sum_of(weights[:m])) / weights[m], LEAST_LEVEL)
        level = min(level, 1.0)


@apart
def draw_rows(
    moves: HeldNetwork,
    begin: int,
    end: int,
    is_end: bool,
    alphas: FloatArray,
    filtered: FloatArray,
    room: Room,
    paths: IntArray,
) -> bool:
    """`drawing.draw_block`, step by step."""
    network, v, n_states = moves.network, room.v, filtered.shape[1]
    n_between = network.n_between
    for t in range(end - 1, begin - 1, -1):
        f, has_far = filtered[t - begin], False
        for k in range(n_states):
            v[k] = larger(f[k], 0.0)
        fill_between(network, moves.linear, n_states, v)
        for path in paths:
            if path[t] < n_states:
                continue
            level = np.int64(path[t]).view(np.float64)
            if is_end and t == end - 1:
                path[t] = pick(v[:n_states], level * sum_of(v[:n_states]))
                continue
            node = n_between + path[t + 1]
            i, total = draw_way(moves, node, level, False, room)
            if total < FADED:
                if len(alphas) == 0:
                    return False
                if not has_far:
                    fill_far_ahead(moves, alphas[t - begin], room.far)
                    has_far = True
                i, _ = draw_way(moves, node, level, True, room)
            path[t] = i
    return True


@compiled
def run_walks_back(
    given: Given,
    n: int,
    begin: int,
    end: int,
    slots: FloatArray,
    alphas: FloatArray,
    filtered: FloatArray,
    room: FloatArray,
    paths: IntArray,
    n_possible: IntArray,
) -> int:
    """`drawing.run_draws` of a network."""
    tables = Tables(*given)
    starts, n_states = tables.starts, filtered.shape[1]
    while end > begin:
        start = max(begin, starts[n], end - block_rows(n_states))
        if not is_possible(starts, n_possible, n):
            for path in paths:
                for t in range(start, end):
                    path[t] = -1
        else:
            is_end = end == starts[n + 1]
            start, m = stretch_before(tables, n, start, end)
            chain = network_at(tables.log_transition, m, False, slots)
            some_room, these = room_in(room, chain.network, n_states), slice(start - begin, end - begin)
            moves = in_order(chain, some_room.values)
            if not draw_rows(moves, start, end, is_end, alphas[these], filtered[these], some_room, paths):
                return end
        end = start
        n -= end == starts[n]
    return end


@compiled
def first_above(
    network: Network,
    values: FloatArray,
    v: FloatArray,
    node: int,
    going: float,
    ending: float,
    level: float,
    unit: float,
) -> tuple[int, float]:
    """Which move on from a node is drawn by a level from 0, below 1, and what it leaves of it; −1 for ending there.

    As `sampling.cumulate` has it, from the last running sum on all of them are 1. Levels are of the whole if there is
    a unit, else of the sum.
    """
    into, sources = network.into, network.sources
    total = 0.0
    for n in range(into[node], into[node + 1]):
        total += going * (v[sources[n]] * values[n])
    total += ending
    target, running = level * (unit if unit > 0.0 else total), 0.0
    for n in range(into[node], into[node + 1]):
        share = going * (v[sources[n]] * values[n])
        before, running = running, running + share
        if running > target or running >= total:
            return n, max(0.0, (target - before) / share)
    return -1, 0.0


@compiled
def fill_ways_on(network: Network, values: FloatArray, n_states: int, v: FloatArray) -> None:
    """v of `run_walk`: 1 at states, and at nodes between what all ways on from there come to."""
    fill_table(v[:n_states], 1.0)
    fill_between(network, values, n_states, v)


@compiled
def run_walk(
    network: Network, values: FloatArray, v: FloatArray, final: FloatArray, uniforms: FloatArray, states: IntArray
) -> None:
    """Walk the chain from the state at the first step, to a number that is no state's where it ends.

    Its network is that which leads back: ways on from a state lead into a node, and v sums up those from there.
    """
    n_states, sources = final.size, network.sources
    n_between = network.n_between
    for t in range(1, states.size):
        i = states[t - 1]
        if i == n_states:
            states[t] = n_states
            continue
        n, left = first_above(network, values, v, n_between + i, 1.0 - final[i], final[i], uniforms[t], 1.0)
        while n >= 0 and sources[n] >= n_states:
            n, left = first_above(network, values, v, sources[n] - n_states, 1.0, 0.0, left, 0.0)
        states[t] = sources[n] if n >= 0 else n_states
