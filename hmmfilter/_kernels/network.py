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
from .lanes import fma, larger, unsigned
from .limits import BEYOND_TAIL, EXP_REACH, FADED, NARROW_LOG, NEAR_UNIT, NEVER, TRANSITION_SPREAD
from .numbers import exceeds, power_of_two, shifted, two_product, two_sum
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


class Network(NamedTuple):
    """The moves of a step of K states by B nodes between, listed by where they lead; none of them is impossible."""

    sources: NodeArray  # (moves,): from which node each leads, ascending among those that lead to the same
    into: IntArray  # (B + K + 1,): those into node K + n are from into[n] to into[n + 1]
    log_values: FloatArray  # (moves,)
    kinds: KindArray  # (moves,): which of the shares is added to the log of a move; (0,) where there are none
    log_shares: FloatArray  # (M, kinds): what is different from matrix to matrix; (1, 0) where nothing is
    bands: IntArray  # (bands, 5): stretches of nodes whose sources are neighbours, see `Band`
    n_between: int  # B


class Band(NamedTuple):
    """So many nodes from a first one on: node n + j comes from source + j + lowest, and the next ones, up to as many.

    Sources are within as many as there are nodes, from the first source on; what is not listed is impossible.
    """

    first: int  # the node, of those that moves lead to: 0 is node K
    n_nodes: int
    source: int
    lowest: int
    n_diagonals: int


class Ways(NamedTuple):
    """The moves of a chain both ways, which stand in the place of matrices."""

    onward: Network
    back: Network  # of the transpose: from the states after a step to those before it


class HeldNetwork(NamedTuple):
    """A network ready for the recursion; it has what `Chain` has, as far as the recursion asks."""

    network: Network
    linear: FloatArray  # (moves,), divided by 2^exponent
    values: FloatArray  # (K + B,): room for v
    wide: FloatArray  # (4, K + B): room for it in wide numbers
    exponent: float  # 0 where there are nodes between, as not all ways have as many moves
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


@apart
def hold_network(network: Network, m: int, slot: FloatArray) -> None:
    """Make a slot hold matrix m of a network; until then, for whoever interrupts this, none."""
    slot[HELD] = 0.0
    linear = held_network(network, slot).linear
    top, magnitude = NEVER, 0.0
    for n in range(linear.size):
        log_x = log_value(network, m, n)
        top = larger(top, log_x)
        magnitude = larger(magnitude, abs(log_x) if log_x > NEVER else 0.0)
    n_between = network.n_between
    exponent, rest = 0.0, 0.0
    if n_between == 0 and NEAR_UNIT < abs(top) < math.inf:
        _, _, exponent, rest = far_exp_parts(top)
    most, n_small = TRANSITION_SPREAD if n_between == 0 else TRANSITION_SPREAD / 2.0, 0
    for n in range(linear.size):
        log_x = log_value(network, m, n)
        linear[n], _, down = near_exponential(log_x, exponent)
        if EXP_REACH < abs(log_x) < math.inf:
            x_head, _, k, k_rest = far_exp_parts(log_x)
            down = (k - exponent) + (k_rest - rest)
            linear[n] = shifted(x_head, down)
        n_small += NEVER < down < -most
    has_large_logs = magnitude > NARROW_LOG
    slot[SHARED_EXPONENT] = exponent
    slot[NARROW] = 1.0 if n_small == 0 and not has_large_logs and (n_between == 0 or top <= NEAR_UNIT) else 0.0
    slot[LARGE] = 1.0 if has_large_logs else 0.0
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


@apart
def predict_by_network(p: FloatArray, chain: HeldNetwork, s: FloatArray) -> None:
    """s_j = Σ_i p_i A_ij, along all moves; s may be longer."""
    network, linear, v, n_states = chain.network, chain.linear, chain.values, p.size
    n_between = network.n_between
    for i in range(n_states):
        v[i] = p[i]
    for node in range(n_between):
        v[n_states + node] = sum_into(network, linear, v, node)
    for j in range(n_states):
        s[j] = sum_into(network, linear, v, n_between + j)


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
