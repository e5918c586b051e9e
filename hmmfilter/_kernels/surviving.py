"""Viterbi decoding of a stream: the best path to each state, and how far back all of these are one.

Scores have two parts, so that roundings decide nothing. Of equal paths the lexicographically smallest survives: the
rank of a path among those to other states says which of two comes first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray

from .choosing import chosen_by_chain
from .compiling import compiled
from .limits import NEVER
from .network import Network
from .numbers import exceeds, largest, largest_magnitude, plus
from .routes import Routes, hold_moves, room_for_routes

FARTHEST = 2.0**16  # from 0, for the best score; what is beyond is taken out of all
SLACK = 2.0**-50  # of the largest term: what the rounding of sums of heads comes to


class Scores(NamedTuple):
    """The rows of a table of scores, (5, K): of a step in two parts, of the next one, and what these are near."""

    head: FloatArray
    tail: FloatArray
    next_head: FloatArray
    next_tail: FloatArray
    best: FloatArray  # max_i( log δ(i) + log A(i, j) ), rounded


@compiled
def scores_in(table: FloatArray) -> Scores:
    """The rows by their names."""
    return Scores(table[0], table[1], table[2], table[3], table[4])


@compiled
def comes_first(
    head: float, tail: float, rank: int, other_head: float, other_tail: float, other_rank: int, is_any: bool
) -> bool:
    """Whether a path is better than another one, if there is any, or as good and lexicographically smaller."""
    if not is_any or exceeds(head, tail, other_head, other_tail):
        return True
    return head == other_head and tail == other_tail and rank < other_rank


@compiled
def fill_best(scores: Scores, log_moves: FloatArray) -> float:
    """Fill max_i( log δ(i) + log A(i, j) ), rounded; returns by how much a sum may be off."""
    n_states = len(log_moves)
    for j in range(n_states):
        scores.best[j] = NEVER
    for i in range(n_states):
        before = scores.head[i]
        for j in range(n_states):
            scores.best[j] = max(scores.best[j], before + log_moves[i, j])
    return SLACK * (largest_magnitude(scores.head) + largest_magnitude(log_moves.reshape(-1)))


@compiled
def fill_ways(scores: Scores, ranks: IntArray, log_moves: FloatArray, tolerance: float, ways: IntArray) -> None:
    """log max_i( δ(i) A(i, j) ) in two parts, and the i of it, of those whose rounded sum is near the largest."""
    n_states = len(log_moves)
    for j in range(n_states):
        ways[j], scores.next_head[j], scores.next_tail[j] = -1, NEVER, 0.0
    for i in range(n_states):
        for j in range(n_states):
            if NEVER < scores.head[i] + log_moves[i, j] >= scores.best[j] - tolerance:
                head, tail = plus(scores.head[i], scores.tail[i], log_moves[i, j])
                way = ways[j]
                if comes_first(head, tail, ranks[i], scores.next_head[j], scores.next_tail[j], ranks[way], way >= 0):
                    ways[j], scores.next_head[j], scores.next_tail[j] = i, head, tail


class Branches(NamedTuple):
    """Moves of a network, and room for the scores of all nodes that they lead from."""

    onward: Network
    m: int  # of which matrix
    routes: Routes
    sums: FloatArray  # (2, K + B): scores in two parts
    origins: IntArray  # (K + B,): the state before the step that the best path to a node comes from, or −1


def room_for_branches(onward: Network, n_states: int) -> Branches:
    """Room for one step."""
    n_nodes = n_states + onward.n_between
    return Branches(onward, 0, room_for_routes(onward), np.empty((2, n_nodes)), np.empty(n_nodes, dtype=np.int64))


@compiled
def best_branch(branches: Branches, ranks: IntArray, node: int) -> tuple[int, float, float]:
    """The best way into a node: the state before the step that it comes from, or −1, and its score in two parts."""
    network, sums, values = branches.onward, branches.sums, branches.routes.values
    origin, head, tail = -1, NEVER, 0.0
    for n in range(network.into[node], network.into[node + 1]):
        source = network.sources[n]
        if sums[0, source] + values[n] > NEVER:
            its_head, its_tail = plus(sums[0, source], sums[1, source], values[n])
            its = branches.origins[source]
            if comes_first(its_head, its_tail, ranks[its], head, tail, ranks[origin], origin >= 0):
                origin, head, tail = its, its_head, its_tail
    return origin, head, tail


@compiled
def fill_next_by_network(scores: Scores, ranks: IntArray, branches: Branches, ways: IntArray) -> None:
    """`fill_next_by_matrix`, node by node."""
    n_states, n_between = len(ways), branches.onward.n_between
    hold_moves(branches.onward, branches.m, n_states, False, branches.routes)
    for i in range(n_states):
        branches.sums[0, i], branches.sums[1, i], branches.origins[i] = scores.head[i], scores.tail[i], i
    for node in range(n_between):
        k = n_states + node
        branches.origins[k], branches.sums[0, k], branches.sums[1, k] = best_branch(branches, ranks, node)
    for j in range(n_states):
        ways[j], scores.next_head[j], scores.next_tail[j] = best_branch(branches, ranks, n_between + j)


@compiled
def fill_next_by_matrix(scores: Scores, ranks: IntArray, log_moves: FloatArray, ways: IntArray) -> None:
    """log max_i( δ(i) A(i, j) ) in two parts, and the i of it."""
    fill_ways(scores, ranks, log_moves, fill_best(scores, log_moves), ways)


fill_next_for = chosen_by_chain(fill_next_by_matrix, fill_next_by_network)


@compiled
def renumber(ways: IntArray, ranks: IntArray, room: IntArray) -> None:
    """Rank paths by where they came from, and then by their last states."""
    n_states = len(ways)
    for k in range(n_states):
        room[k] = 0
    for j in range(n_states):
        if ways[j] >= 0:
            room[ranks[ways[j]]] += 1
    before = 0
    for rank in range(n_states):
        before, room[rank] = before + room[rank], before
    for j in range(n_states):
        if ways[j] >= 0:
            rank = ranks[ways[j]]
            ways[j] += n_states * room[rank]  # the rank is kept above the state until all are known
            room[rank] += 1
    for j in range(n_states):
        if ways[j] >= 0:
            ranks[j], ways[j] = ways[j] // n_states, ways[j] % n_states


@compiled
def run_survival(
    log_b: FloatArray,
    log_initial: FloatArray,
    log_moves: Any,
    is_first: bool,
    table: FloatArray,
    taken_out: FloatArray,
    ranks: IntArray,
    room: IntArray,
    ways: IntArray,
) -> int:
    """log δ'(j) = log b(j) + max_i( log δ(i) + log A(i, j) ): fills in the i of it, −1 where there is none.

    Moves are those of a matrix, or the `Branches` of a network.
    What is taken out of all scores, so that they stay near 0, is added up in two parts. Returns the state of the best
    path; −1, and nothing has changed, where no path is possible.
    """
    scores, n_states = scores_in(table), log_b.size
    if is_first:
        for j in range(n_states):
            scores.next_head[j], scores.next_tail[j], ways[j] = log_initial[j], 0.0, j
    else:
        fill_next_for(log_moves)(scores, ranks, log_moves, ways)
    for j in range(n_states):
        scores.next_head[j], scores.next_tail[j] = plus(scores.next_head[j], scores.next_tail[j], log_b[j])
        if scores.next_head[j] == NEVER:
            ways[j] = -1
    if largest(scores.next_head) == NEVER:
        return -1
    if is_first:
        for j in range(n_states):
            ranks[j] = j
    renumber(ways, ranks, room)
    top = -1
    for j in range(n_states):
        head, tail = scores.next_head[j], scores.next_tail[j]
        scores.head[j], scores.tail[j] = head, tail
        if ways[j] >= 0 and comes_first(head, tail, ranks[j], scores.head[top], scores.tail[top], ranks[top], top >= 0):
            top = j
    if abs(scores.head[top]) > FARTHEST:
        out = scores.head[top]
        for j in range(n_states):
            scores.head[j], scores.tail[j] = plus(scores.head[j], scores.tail[j], -out)
        taken_out[0], taken_out[1] = plus(taken_out[0], taken_out[1], out)
    return top


@compiled
def common(states: IntArray) -> int:
    """The state that all of these are, −1 standing for none; −1 where they are several."""
    only = -1
    for j in range(len(states)):
        if states[j] >= 0:
            if only >= 0 and states[j] != only:
                return -1
            only = states[j]
    return only


@compiled
def lead_back(ways: IntArray, after: IntArray, before: IntArray) -> None:
    """Where paths that lead to some states come from; −1 of none."""
    for j in range(len(ways)):
        before[j] = ways[after[j]] if after[j] >= 0 else -1


@compiled
def fill_way_back(ways: IntArray, state: int, states: IntArray) -> None:
    """The path that leads to a state at the last of some steps, (S, K)."""
    for t in range(len(ways) - 1, -1, -1):
        states[t] = state
        state = ways[t, state]


@compiled
def run_agreement(ways: IntArray, is_anew: bool, ancestors: IntArray, states: IntArray) -> int:
    """Find the steps on which the paths to all states at the last one agree, of some that are not settled, (S, K).

    Fills in the states of these steps and returns how many they are. Of the first step after them, the first row of
    (2, K) has the state through which each path leads, or −1; it is brought up to date from that of the step before,
    and found anew, from the end, only where that is asked for or paths do agree.
    """
    first, room, n_steps = ancestors[0], ancestors[1], len(ways)
    for j in range(len(first)):
        room[j] = first[j]
    for j in range(len(first)):
        first[j] = -1 if ways[n_steps - 1, j] < 0 else j if n_steps == 1 else room[ways[n_steps - 1, j]]
    if common(first) < 0 and not is_anew:
        return 0
    for j in range(len(first)):
        room[j] = j if ways[n_steps - 1, j] >= 0 else -1
    t, agreed = n_steps - 1, common(room)
    while agreed < 0 and t > 0:
        for j in range(len(first)):
            first[j] = room[j]
        lead_back(ways[t], first, room)
        t, agreed = t - 1, common(room)
    if agreed < 0:
        for j in range(len(first)):
            first[j] = room[j]
        return 0
    fill_way_back(ways[: t + 1], agreed, states)
    return t + 1
