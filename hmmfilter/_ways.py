"""Moves listed both ways, for chains that are networks: see `hmmfilter._kernels.network`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._kernels.limits import FEW_STATES, NEAR_UNIT, NEVER, TRANSITION_SPREAD
from hmmfilter._kernels.network import ALIKE, FEWEST, LISTED, SUM, KindArray, Network, Ways
from hmmfilter._kernels.wide import LOG_2


def ways_of(
    n_states: int,
    n_between: int,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    log_values: npt.ArrayLike,
    *,
    kinds: npt.ArrayLike | None = None,
    log_shares: npt.ArrayLike | None = None,
) -> Ways:
    """List moves, each from a node to a higher one, in the order of either way; none must be there twice.

    Backwards, nodes between have the same order where no move leads from one of them to another, else the opposite one.
    """
    source, target = np.asarray(sources, dtype=np.int64), np.asarray(targets, dtype=np.int64)
    logs, turned = np.asarray(log_values, dtype=np.float64), _turned(source, target, n_states, n_between)
    number_back = np.empty_like(turned)
    number_back[turned] = np.arange(len(turned))
    chosen = np.zeros(0, dtype=np.int8) if kinds is None else np.asarray(kinds, dtype=np.int8)
    shares = np.zeros((1, 0)) if log_shares is None else np.asarray(log_shares, dtype=np.float64)
    return Ways(
        _listed(n_states, n_between, source, target, logs, chosen, shares),
        _listed(n_states, n_between, number_back[target], number_back[source], logs, chosen, shares),
    )


def _turned(source: IntArray, target: IntArray, n_states: int, n_between: int) -> IntArray:
    """The numbers of nodes, in the order in which they are when a network leads back."""
    places = np.arange(2 * n_states + n_between)
    before, between, after = np.split(places, [n_states, n_states + n_between])
    are_chained = bool(np.any((source >= n_states) & (target < n_states + n_between)))
    turned: IntArray = np.concatenate([after, between[::-1] if are_chained else between, before])
    return turned


def _listed(
    n_states: int,
    n_between: int,
    source: IntArray,
    target: IntArray,
    logs: FloatArray,
    kinds: KindArray,
    log_shares: FloatArray,
) -> Network:
    order = np.lexsort((source, target))
    counts = np.bincount(target - n_states, minlength=n_between + n_states)
    into = np.concatenate([[0], np.cumsum(counts)])
    runs = _runs(source[order], into, n_between)
    its_kinds = kinds[order] if kinds.size > 0 else kinds
    return Network(
        frozen(source[order].astype(np.int32)),
        frozen(into),
        frozen(logs[order]),
        frozen(its_kinds),
        frozen(np.ascontiguousarray(log_shares)),
        frozen(runs),
        frozen(_changing(logs[order], its_kinds, log_shares, into, runs)),
        n_between,
    )


def _changing(logs: FloatArray, kinds: KindArray, log_shares: FloatArray, into: IntArray, runs: IntArray) -> IntArray:
    """Which entries of the table of exponentials change from matrix to matrix, neighbours that are alike at once."""
    if kinds.size == 0:
        return np.zeros((0, 3), dtype=np.int64)
    moves = np.arange(len(logs))  # in the order of the table
    for _, first, end in runs[runs[:, 0] == ALIKE]:
        its = slice(into[first], into[end])
        moves[its] = moves[its].reshape(end - first, -1).T.ravel()
    does_change = np.any(log_shares != 0, axis=0)[kinds[moves]]
    is_new = np.append(True, (kinds[moves[1:]] != kinds[moves[:-1]]) | (logs[moves[1:]] != logs[moves[:-1]]))
    firsts = np.flatnonzero(is_new)
    stretches = np.column_stack([moves[firsts], firsts, np.append(firsts[1:], len(logs))])
    changing: IntArray = stretches[does_change[firsts]]
    return changing


def ends_of(network: Network) -> tuple[IntArray, IntArray]:
    """From which node each move leads, and to which."""
    n_states = len(network.into) - 1 - network.n_between
    targets = np.repeat(np.arange(len(network.into) - 1), np.diff(network.into)) + n_states
    return network.sources.astype(np.int64), targets


def order_of_back(ways: Ways) -> IntArray:
    """For each move as the network that leads on lists it, its place in the one that leads back."""
    source, target = ends_of(ways.onward)
    source_back, target_back = ends_of(ways.back)
    turned = _turned(source, target, len(ways.onward.into) - 1 - ways.onward.n_between, ways.onward.n_between)
    order: IntArray = np.lexsort((turned[target_back], turned[source_back]))
    return order


def is_narrow(network: Network) -> bool:
    """Whether doubles have room for all that two moves come to, without an exponent in common."""
    logs = network.log_values
    least = logs.min(initial=0.0) + network.log_shares.min(initial=0.0)
    return bool(least >= -TRANSITION_SPREAD * LOG_2 / (2 if network.n_between > 0 else 1)) and bool(
        logs.max(initial=0.0) + network.log_shares.max(initial=0.0) <= NEAR_UNIT
    )


def _runs(sources: IntArray, into: IntArray, n_between: int) -> IntArray:
    """Cut nodes into stretches, each of one kind: see `hmmfilter._kernels.network`."""
    n_nodes, counts = len(into) - 1, np.diff(into)
    nodes = np.repeat(np.arange(n_nodes), counts)
    goes_on = np.append(False, counts[1:] == counts[:-1])  # as the node before it
    goes_on[n_between] = False
    goes_on[nodes[(sources >= n_nodes - n_between) & (nodes < n_between)]] = False  # that may come from the one before
    steps = _from_node_before(sources, goes_on, nodes, counts)
    goes_on[nodes[(steps < 0) | (steps > 1)]] = False
    changes = _from_node_before(steps, goes_on & np.append(False, goes_on[:-1]), nodes, counts)
    goes_on[nodes[changes != 0]] = False
    firsts = np.flatnonzero(~goes_on)
    ends = np.append(firsts[1:], n_nodes)
    are_neighbours = np.bincount(nodes[1:], (np.diff(sources) != 1) & (np.diff(nodes) == 0), n_nodes)[firsts] == 0
    is_sum = (ends == firsts + 1) & (firsts < n_between) & (counts[firsts] >= FEWEST) & are_neighbours
    kinds = np.where(is_sum, SUM, np.where(ends - firsts >= FEWEST, ALIKE, LISTED))
    is_new = np.append(True, (kinds[1:] != LISTED) | (kinds[:-1] != LISTED) | (firsts[1:] == n_between))
    starts = np.flatnonzero(is_new)
    return np.column_stack([kinds[starts], firsts[starts], np.append(firsts[starts[1:]], n_nodes)])


def _from_node_before(values: IntArray, goes_on: BoolArray, nodes: IntArray, counts: IntArray) -> IntArray:
    """By how much a value of each move differs from that of the same move into the node before; 0 where none does."""
    moves = np.flatnonzero(goes_on[nodes])
    differences = np.zeros_like(values)
    differences[moves] = values[moves] - values[moves - counts[nodes[moves]]]
    return differences


def staying(like: Any, n_states: int) -> Any:
    """Logs of moves that lead from each state to itself for sure: a matrix, or a network, as another chain has it."""
    if not isinstance(like, Ways):
        return frozen(np.where(np.eye(n_states) == 1, 0.0, NEVER))
    states = np.arange(n_states)
    return ways_of(n_states, 0, states, states + n_states, np.zeros(n_states))


def matrix_if_few(ways: Ways) -> FloatArray | Ways:
    """Natural logs of the matrix, (K, K), where moves lead from state to state and these are few; else the ways.

    Up to so many, kernels of matrices carry tails, and results are to have the same bits.
    """
    onward = ways.onward
    return dense_logs(onward)[0] if onward.n_between == 0 and len(onward.into) - 1 <= FEW_STATES else ways


def dense_logs(network: Network) -> FloatArray:
    """Natural logs of the matrices, (M, K, K), of a network: of sums over all ways, where it has nodes between."""
    if network.n_between > 0:
        return _dense_sums(network)
    n_states = len(network.into) - 1
    targets = np.repeat(np.arange(n_states), np.diff(network.into))
    logs = np.full((len(network.log_shares), n_states, n_states), NEVER)
    shares = network.log_shares[:, network.kinds] if network.kinds.size > 0 else 0.0
    logs[:, network.sources, targets] = network.log_values + shares
    dense: FloatArray = frozen(logs)
    return dense


def _dense_sums(network: Network) -> FloatArray:
    """`dense_logs` along all moves, for all states before a step at once."""
    n_nodes = len(network.into) - 1
    n_states, (n_matrices, _) = n_nodes - network.n_between, network.log_shares.shape
    reached = np.full((n_matrices, n_states + n_nodes, n_states), NEVER)
    reached[:, range(n_states), range(n_states)] = 0.0
    logs = np.broadcast_to(network.log_values, (n_matrices, len(network.log_values)))
    if network.kinds.size > 0:
        logs = logs + network.log_shares[:, network.kinds]
    for node, (begin, end) in enumerate(zip(network.into[:-1], network.into[1:], strict=True)):
        terms = reached[:, network.sources[begin:end]] + logs[:, begin:end, None]
        np.logaddexp.reduce(terms, axis=1, initial=NEVER, out=reached[:, n_states + node])
    dense: FloatArray = frozen(reached[:, n_nodes:].transpose(0, 2, 1).copy())
    return dense


class Counted(NamedTuple):
    """How often each move of a network is expected, listed as the one that leads on is."""

    n_states: int
    n_between: int
    sources: IntArray  # (moves,), nodes
    targets: IntArray  # (moves,), nodes
    counts: FloatArray  # (moves,)

    @property
    def entered(self) -> FloatArray:
        """How often each state is entered, (K,)."""
        first = self.n_states + self.n_between
        last = self.targets >= first
        return tallied(self.targets[last] - first, self.counts[last], self.n_states)

    @property
    def left(self) -> FloatArray:
        """How often each state is left for another step, (K,)."""
        begins = self.sources < self.n_states
        return tallied(self.sources[begins], self.counts[begins], self.n_states)


def tallied(numbers: IntArray, counts: FloatArray, size: int) -> FloatArray:
    """The sum of all counts with each number."""
    return np.bincount(numbers, counts, size).astype(np.float64)


def counted(network: Network, counts: FloatArray) -> Counted:
    """Counts of all moves, (moves,), or as the dense kernels have them, (K, K); with what they are of."""
    sources, targets = ends_of(network)
    n_states = len(network.into) - 1 - network.n_between
    if counts.ndim > 1:
        counts = counts[sources, targets - n_states]
    return Counted(n_states, network.n_between, sources, targets, counts)
