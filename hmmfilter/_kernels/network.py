"""A chain as a network of moves between nodes: sparse matrices, and products of them, of which no matrix is made.

Nodes are numbered: the K states before a step, then nodes between, and the K states after it. Moves only lead to
higher numbers. A step takes α along all moves, node by node,

    v(y) = Σ_x v(x) A(x, y),

from the states before, where v is α, to the states after, where it is what is predicted. Without nodes between, this
is the product with a sparse matrix, whose sums add up in the order of a dense one, to the same bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray

from .chain import (
    FACTS,
    HELD,
    LARGE,
    NARROW,
    SHARED_EXPONENT,
    chain_at,
    empty_slots,
    held_chain,
    near_exponential,
)
from .choosing import chosen_by_chain
from .compiling import apart, compiled
from .lanes import TILE, Lanes, add, fma, larger, load, splat, store, unsigned
from .limits import BEYOND_TAIL, EXP_REACH, FADED, NARROW_LOG, NEAR_UNIT, NEARBY, NEVER, TRANSITION_SPREAD
from .numbers import exceeds, fill_table, power_of_two, shifted, total_of, two_product, two_sum
from .wide import (
    EXPONENT,
    HEAD,
    PLANES,
    REST,
    TAIL,
    copy_wide,
    exp_parts,
    far_exp_parts,
    has_far,
    settled,
    sum_exponents,
)

NodeArray = npt.NDArray[np.int32]
KindArray = npt.NDArray[np.int8]


# Stretches of nodes, which together are all of them. LISTED: no two alike. ALIKE: as many moves lead to each, and where
# the r-th comes from is the same node for all, or from node to node the next one: diagonals of a band, what comes from
# one node to all. A SUM: one node with many moves, which come from neighbours.
LISTED, ALIKE, SUM = 0, 1, 2
FEWEST = len(TILE)  # nodes, or moves, that make a stretch of their own


class Network(NamedTuple):
    """The moves of a step of K states by B nodes between, listed by where they lead; none of them is impossible."""

    sources: NodeArray  # (moves,): from which node each leads, ascending among those that lead to the same
    into: IntArray  # (B + K + 1,): those into node K + n are from into[n] to into[n + 1]
    log_values: FloatArray  # (moves,)
    kinds: KindArray  # (moves,): which of the shares is added to the log of a move; (0,) where there are none
    log_shares: FloatArray  # (M, kinds): what is different from matrix to matrix; (1, 0) where nothing is
    runs: IntArray  # (runs, 3): the kind of a stretch of nodes, its first node, and the end
    changing: IntArray  # (·, 3): stretches of the table in `HeldNetwork` that are all one number and change with the
    #                     matrix: a move that has it, the first entry, and the end
    n_between: int  # B


class Ways(NamedTuple):
    """The moves of a chain both ways, which stand in the place of matrices."""

    onward: Network
    back: Network  # of the transpose: from the states after a step to those before it

    def _ways(self) -> Ways:
        """As chains say that they are networks."""
        return self


class HeldNetwork(NamedTuple):
    """A network ready for the recursion; it has what `Chain` has, as far as the recursion asks."""

    network: Network
    linear: FloatArray  # (moves,), divided by 2^exponent; of a stretch that is ALIKE, all first moves, all second ones
    values: FloatArray  # (K + B,): room for v
    wide: FloatArray  # (4, K + B): room for it in wide numbers
    exponent: float  # 0 where there are nodes between, as not all ways have as many moves, or `BEYOND_SUMS`
    is_narrow: bool  # as of a `Chain`; where there are nodes between, what two moves come to is
    is_dense: bool  # never: nobody has looked
    has_large_logs: bool
    facts: FloatArray


@compiled
def node_count(network: Network) -> int:
    """How many nodes moves lead to: those between, and all states."""
    return network.into.size - 1


def slots_for_networks(n_slots: int, network: Network) -> FloatArray:
    """Room for as many networks; as yet, none is held."""
    return empty_slots(n_slots, FACTS + network.sources.size + (1 + PLANES) * (network.into.size - 1))


@compiled
def held_network(network: Network, slot: FloatArray) -> HeldNetwork:
    """The network that a slot holds."""
    n_moves, n_nodes = network.sources.size, node_count(network)
    end = FACTS + n_moves
    return HeldNetwork(
        network,
        slot[FACTS:end],
        slot[end : end + n_nodes],
        slot[end + n_nodes : end + (1 + PLANES) * n_nodes].reshape(PLANES, n_nodes),
        slot[SHARED_EXPONENT],
        slot[NARROW] == 1.0,
        False,
        slot[LARGE] == 1.0,
        slot[:FACTS],
    )


@compiled
def log_value(network: Network, m: int, n: int) -> float:
    """The log of move n at matrix m."""
    log_x = network.log_values[n]
    return log_x + network.log_shares[m, network.kinds[n]] if network.kinds.size > 0 else log_x


BEYOND_SUMS = NEARBY  # the exponent of a network between whose nodes doubles might overflow: all sums are taken exactly
IS_NARROW_SO_FAR = FACTS - 1  # a fact of a slot: whether all moves are narrow that do not change, once they are there


@compiled
def place_in_linear(network: Network, run: int, node: int, n: int) -> int:
    """Where the exponential of move n, into a node of a stretch, is in the table of a `HeldNetwork`."""
    kind, first, end = network.runs[run, 0], network.runs[run, 1], network.runs[run, 2]
    if kind != ALIKE:
        return n
    return network.into[first] + (n - network.into[node]) * (end - first) + node - first


@compiled
def greatest_logs(network: Network, m: int) -> tuple[float, float]:
    """The largest log of a move, and the largest magnitude."""
    top, magnitude = NEVER, 0.0
    for n in range(network.sources.size):
        log_x = log_value(network, m, n)
        top = larger(top, log_x)
        magnitude = larger(magnitude, abs(log_x) if log_x > NEVER else 0.0)
    return top, magnitude


@compiled
def far_exponential(log_x: float, exponent: float, rest: float) -> tuple[float, float]:
    """`near_exponential` of any log, by an exponent in two parts, without a tail."""
    x, _, down = near_exponential(log_x, exponent)
    if EXP_REACH < abs(log_x) < math.inf:
        head, _, k, k_rest = far_exp_parts(log_x)
        down = (k - exponent) + (k_rest - rest)
        x = shifted(head, down)
    return x, down


@apart
def hold_network(network: Network, m: int, slot: FloatArray) -> None:
    """Make a slot hold matrix m of a network; until then, for whoever interrupts this, none."""
    if slot[HELD] > 0.0 and network.n_between > 0:
        hold_changes(network, m, slot)
        return
    slot[HELD] = 0.0
    linear, has_between = held_network(network, slot).linear, network.n_between > 0
    top, magnitude = greatest_logs(network, m)
    exponent, rest = 0.0, 0.0
    if not has_between and NEAR_UNIT < abs(top) < math.inf:
        _, _, exponent, rest = far_exp_parts(top)
    most, n_small = TRANSITION_SPREAD / 2.0 if has_between else TRANSITION_SPREAD, 0
    for run in range(len(network.runs)):
        for node in range(network.runs[run, 1], network.runs[run, 2]):
            for n in range(network.into[node], network.into[node + 1]):
                x, down = far_exponential(log_value(network, m, n), exponent, rest)
                linear[place_in_linear(network, run, node, n)] = x
                n_small += NEVER < down < -most
    if has_between and top > NEAR_UNIT:
        exponent = BEYOND_SUMS
    may_be_narrow = magnitude <= NARROW_LOG and exponent != BEYOND_SUMS
    n_changing = 0
    for n in range(len(network.changing)):
        _, down = far_exponential(log_value(network, m, network.changing[n, 0]), exponent, rest)
        n_changing += (network.changing[n, 2] - network.changing[n, 1]) * (NEVER < down < -most)
    slot[IS_NARROW_SO_FAR] = 1.0 if may_be_narrow and n_small == n_changing else 0.0
    slot[SHARED_EXPONENT] = exponent
    slot[NARROW] = 1.0 if may_be_narrow and n_small == 0 else 0.0
    slot[LARGE] = 1.0 if magnitude > NARROW_LOG else 0.0
    slot[HELD] = m + 1.0


@apart
def hold_changes(network: Network, m: int, slot: FloatArray) -> None:
    """Make a slot hold another matrix of the network that it holds, which has nodes between."""
    linear, n_small = held_network(network, slot).linear, 0
    slot[HELD] = 0.0
    for n in range(len(network.changing)):
        move, begin, end = network.changing[n, 0], network.changing[n, 1], network.changing[n, 2]
        x, down = far_exponential(log_value(network, m, move), 0.0, 0.0)
        fill_table(linear[begin:end], x)
        n_small += NEVER < down < -TRANSITION_SPREAD / 2.0
        if log_value(network, m, move) > NEAR_UNIT:
            slot[SHARED_EXPONENT] = BEYOND_SUMS
            n_small += 1
    slot[NARROW] = slot[IS_NARROW_SO_FAR] if n_small == 0 else 0.0
    slot[HELD] = m + 1.0


@compiled
def network_at(ways: Ways, m: int, is_backward: bool, slots: FloatArray) -> HeldNetwork:
    """Matrix m of a network, one way or the other, from the slot that holds it, or is made to hold it."""
    network, slot = ways.back if is_backward else ways.onward, slots[m % len(slots)]
    if slot[HELD] != m + 1.0:
        hold_network(network, m, slot)
    return held_network(network, slot)


class NetworkSlot(NamedTuple):
    """A slot, and the network that it holds; of matrices, a slot is all that there is."""

    onward: Network
    slot: FloatArray


@compiled
def network_in(held: NetworkSlot, n_states: int) -> HeldNetwork:
    """The network that a slot holds."""
    return held_network(held.onward, held.slot)


ready_for = chosen_by_chain(chain_at, network_at)


@compiled
def made_ready(log_transition: Any, m: int, is_backward: bool, slots: FloatArray) -> Any:
    """`chain_at` of matrices, `network_at` of a network."""
    return ready_for(log_transition)(log_transition, m, is_backward, slots)


held_for = chosen_by_chain(held_chain, network_in)


@compiled
def sum_into(network: Network, linear: FloatArray, v: FloatArray, node: int) -> float:
    """Σ_x v(x) A(x, y), x ascending."""
    total = 0.0
    for n in range(network.into[node], network.into[node + 1]):
        k = unsigned(n)
        total = fma(v[unsigned(network.sources[k])], linear[k], total)
    return total


@compiled
def sum_of_neighbours(network: Network, linear: FloatArray, v: FloatArray, node: int) -> float:
    """The same where sources are neighbours, many at once."""
    begin, end = network.into[node], network.into[node + 1]
    source, last = network.sources[begin], end - (end - begin) % (2 * len(TILE))
    one = other = splat(TILE, 0.0)
    for n in range(begin, last, 2 * len(TILE)):
        one = fma(load(TILE, v, source + n - begin), load(TILE, linear, n), one)
        k = n + len(TILE)
        other = fma(load(TILE, v, source + k - begin), load(TILE, linear, k), other)
    total = total_of(add(one, other), TILE)
    for n in range(last, end):
        total = fma(v[source + n - begin], linear[n], total)
    return total


@compiled
def sums_into_tile(network: Network, linear: FloatArray, v: FloatArray, first: int, end: int, at: int) -> Lanes:
    """`sum_into` so many nodes of a stretch that is ALIKE, from a node on, to the same bits."""
    begin, n_nodes = network.into[first], end - first
    n_rows, sums = network.into[first + 1] - begin, splat(TILE, 0.0)
    for r in range(n_rows):
        source, step = network.sources[begin + r], network.sources[begin + n_rows + r] - network.sources[begin + r]
        weights = load(TILE, linear, begin + r * n_nodes + at - first)
        if step == 0:
            sums = fma(splat(TILE, v[source]), weights, sums)
        else:
            sums = fma(load(TILE, v, source + at - first), weights, sums)
    return sums


@compiled
def sum_alike(network: Network, linear: FloatArray, v: FloatArray, first: int, end: int, s: FloatArray) -> None:
    """`sum_into` all nodes of a stretch that is ALIKE; what is left of the last tile is done once more with it."""
    for at in range(first, end, len(TILE)):
        start = min(at, end - len(TILE))
        store(sums_into_tile(network, linear, v, first, end, start), s, start - first)


@apart
def predict_by_network(p: FloatArray, chain: HeldNetwork, s: FloatArray) -> None:
    """s_j = Σ_i p_i A_ij, along all moves; s may be longer."""
    network, linear, v, n_states = chain.network, chain.linear, chain.values, p.size
    n_between = network.n_between
    for i in range(n_states):
        v[i] = p[i]
    for run in range(len(network.runs)):
        kind, first, end = network.runs[run, 0], network.runs[run, 1], network.runs[run, 2]
        is_last = first >= n_between
        its = s[first - n_between : end - n_between] if is_last else v[n_states + first : n_states + end]
        if kind == ALIKE:
            sum_alike(network, linear, v, first, end, its)
        elif kind == SUM:
            its[0] = sum_of_neighbours(network, linear, v, first)
        else:
            for node in range(first, end):
                its[node - first] = sum_into(network, linear, v, node)


@compiled
def step_parts(log_x: float) -> tuple[float, float, float]:
    """exp(log x) as a head and an exponent in two parts."""
    near = abs(log_x) <= EXP_REACH
    head, _, k = exp_parts(log_x if near else 0.0, 0.0)
    rest = 0.0
    if not near:
        head, _, k, rest = far_exp_parts(log_x)
    return head, k, rest


@compiled
def exact_sum_into(chain: HeldNetwork, v: FloatArray, node: int, is_far: bool) -> tuple[float, float, float]:
    """The sum into a node of wide numbers v, (4, K + B), shifted by the largest of its terms; its exponent's two parts.

    As `exact_sums` and `far_prediction` have it, to the same bits.
    """
    network, m = chain.network, int(chain.facts[HELD]) - 1
    begin, end = network.into[node], network.into[node + 1]
    top, top_rest = NEVER, 0.0
    for n in range(begin, end):
        k, k_rest = move_exponent(network, m, n, v, is_far)
        top, top_rest = (k, k_rest) if exceeds(k, k_rest, top, top_rest) else (top, top_rest)
    total, tail = 0.0, 0.0
    for n in range(begin, end):
        k, k_rest = move_exponent(network, m, n, v, is_far)
        if k > NEVER and (k - top) + (k_rest - top_rest) > BEYOND_TAIL:
            head, _, _ = step_parts(log_value(network, m, n))
            scale = power_of_two((k - top) + (k_rest - top_rest))
            term, term_tail = two_product(v[HEAD, network.sources[n]] * scale, head)
            total, lost = two_sum(total, term)
            tail += lost + term_tail
    return total + tail, top, top_rest


@compiled
def move_exponent(network: Network, m: int, n: int, v: FloatArray, is_far: bool) -> tuple[float, float]:
    """The exponent of v(x) A(x, y), in two parts."""
    _, k, rest = step_parts(log_value(network, m, n))
    i = network.sources[n]
    return sum_exponents(v[EXPONENT, i], v[REST, i], k, rest) if is_far else (v[EXPONENT, i] + k, 0.0)


@compiled
def keep_sum(total: float, top: float, rest: float, is_far: bool, x: FloatArray, j: int) -> None:
    """Make a wide number of a sum."""
    if is_far:
        x[HEAD, j], x[TAIL, j], k = settled(total, 0.0, 0.0)
        x[EXPONENT, j], x[REST, j] = sum_exponents(top, rest, k, 0.0)
    else:
        x[HEAD, j], x[TAIL, j], x[EXPONENT, j] = settled(total, 0.0, top)


@apart
def predict_by_network_exactly(state: FloatArray, chain: HeldNetwork, p: FloatArray, predicted: FloatArray) -> None:
    """Take the sums anew that have faded among those in p; all that are between are taken in wide numbers before."""
    v, n_states, n_between = chain.wide, p.size, chain.network.n_between
    copy_wide(state, v[:, :n_states])
    is_far = chain.has_large_logs or has_far(state[EXPONENT])
    for node in range(n_between):
        total, top, rest = exact_sum_into(chain, v, node, is_far)
        keep_sum(total, top, rest, is_far, v, n_states + node)
    for j in range(n_states):
        if p[j] < FADED:
            total, top, rest = exact_sum_into(chain, v, n_between + j, is_far)
            keep_sum(total, top, rest, is_far, predicted, j)
