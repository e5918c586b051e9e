"""Viterbi decoding on a network: the same way back as by matrices, move by move, with the same proof.

Where several ways stay too near each other to tell beyond the first step of a block of scores, what is known of them
is kept with the scores of that step: once they are told, the way on is found as it was lost, block by block.
"""

from __future__ import annotations

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import apart, compiled
from .decoding import list_best
from .lanes import EIGHT, add, lane, load, splat
from .limits import NEVER
from .network import Network, node_count
from .numbers import exceeds, fill_table, lanes_two_sum, plus, tally
from .routes import PAD, best_to_node, hold_moves, move_from
from .scoring import BLOCK
from .stages import REST, REST_TAIL, Retracer, count_possible_on, fill_scores_by_moves, length_of, row_in, score_block
from .tables import Given, Tables, initial_at, matrix_at


@apart
def follow_moves(
    network: Network,
    values: FloatArray,
    log_b: FloatArray,
    tolerance: float,
    t: int,
    j: int,
    row: int,
    rows: FloatArray,
) -> int:
    """The one state that may come before state j at step t, or −1 where several may."""
    n_states = log_b.size
    n_nodes = node_count(network)
    at = PAD + row * n_nodes
    place, node = at - n_states, n_nodes - n_states + j
    best = rows[at + node] - log_b[j]
    if (t + 1) % BLOCK == 0:  # a maximum has been subtracted from this row
        best = best_to_node(network, values, node, rows, place)
    while True:
        n_ways, way = 0, -1
        for move in range(network.into[node], network.into[node + 1]):
            may_lead = rows[place + network.sources[move]] + values[move] > best - tolerance
            n_ways += may_lead
            way = network.sources[move] if may_lead else way
        if n_ways != 1:
            return -1
        if way < n_states:
            return way
        node = way - n_states
        best = rows[at + node]


@compiled
def follow_in_block(
    tables: Tables, n: int, block: int, tolerance: float, t: int, j: int, retracer: Retracer, path: IntArray
) -> tuple[int, int]:
    """Walk back from state j at step t, in a block, for as long as one state alone can come before."""
    first, network, begin = tables.starts[n], tables.log_transition.onward, block * length_of(retracer)
    while t > begin:
        hold_moves(network, matrix_at(tables, first + t - 1), retracer.live.size, False, retracer.routes)
        values, log_b = retracer.routes.values, tables.log_likelihoods[first + t]
        way = follow_moves(network, values, log_b, tolerance, t, j, t - begin, retracer.rows)
        if way < 0:
            break
        path[t] = j
        t, j = t - 1, way
    path[t] = j
    return t, j


@compiled
def spread_back(
    network: Network,
    values: FloatArray,
    node: int,
    least: float,
    head: float,
    tail: float,
    state: int,
    place: int,
    retracer: Retracer,
) -> None:
    """log ρ(x) = max_y( log A(x, y) + log ρ(y) ) in two parts, over the moves into one of the y that may be the best.

    Of equal ones, the one that leads to the lowest state counts.
    """
    rest, rest_tail, ahead = retracer.rest, retracer.rest_tail, retracer.ahead
    for move in range(network.into[node], network.into[node + 1]):
        x = network.sources[move]
        if retracer.rows[place + x] + values[move] > least:
            score, score_tail = plus(head, tail, values[move])
            is_tied = score == rest[x] and score_tail == rest_tail[x]
            if ahead[x] < 0 or exceeds(score, score_tail, rest[x], rest_tail[x]) or (is_tied and state < ahead[x]):
                rest[x], rest_tail[x], ahead[x] = score, score_tail, state


@apart
def step_back_on(
    network: Network, values: FloatArray, log_b: FloatArray, n_live: int, tolerance: float, row: int, retracer: Retracer
) -> int:
    """`step_back` on a network: of how many states are live before a step; where each leads stands in the row then."""
    n_states, n_nodes, rows, live = log_b.size, retracer.rest.size, retracer.rows, retracer.live
    at, n_between = PAD + row * n_nodes, n_nodes - n_states
    place = at - n_states
    for n in range(n_live):
        j = live[n]
        retracer.head[n], retracer.tail[n] = plus(retracer.rest[j], retracer.rest_tail[j], log_b[j])
    for x in range(n_nodes):
        retracer.ahead[x] = -1
    for n in range(n_live):
        node = n_between + live[n]
        least = best_to_node(network, values, node, rows, place) - tolerance
        spread_back(network, values, node, least, retracer.head[n], retracer.tail[n], live[n], place, retracer)
    for node in range(n_between - 1, -1, -1):
        x = n_states + node
        if retracer.ahead[x] >= 0:
            least, head, tail = rows[at + node] - tolerance, retracer.rest[x], retracer.rest_tail[x]
            spread_back(network, values, node, least, head, tail, retracer.ahead[x], place, retracer)
    n_came = 0
    for i in range(n_states):
        if retracer.ahead[i] >= 0:
            live[n_came] = i
            n_came += 1
        rows[at + n_between + i] = retracer.ahead[i]
    return n_came


@compiled
def step_back_in_block(
    tables: Tables, n: int, block: int, n_live: int, tolerance: float, t: int, retracer: Retracer
) -> int:
    """`step_back_on` from step t, in a block."""
    first, network = tables.starts[n], tables.log_transition.onward
    hold_moves(network, matrix_at(tables, first + t - 1), retracer.live.size, False, retracer.routes)
    log_b, row = tables.log_likelihoods[first + t], t - block * length_of(retracer)
    return step_back_on(network, retracer.routes.values, log_b, n_live, tolerance, row, retracer)


@compiled
def begin_with(state: int, retracer: Retracer) -> int:
    """One state is live, from which on log ρ is 0."""
    retracer.live[0], retracer.rest[state], retracer.rest_tail[state] = state, 0.0, 0.0
    return 1


@compiled
def begin_with_best(scores: FloatArray, tolerance: float, retracer: Retracer) -> int:
    """All states are live that may be the last of the best path."""
    n_live = list_best(scores, tolerance, retracer.live)
    for k in range(n_live):
        retracer.rest[retracer.live[k]], retracer.rest_tail[retracer.live[k]] = 0.0, 0.0
    return n_live


@compiled
def keep_live(n_live: int, checkpoint: FloatArray, retracer: Retracer) -> None:
    """Keep which states are live, and their log ρ."""
    fill_table(checkpoint[REST], NEVER)
    for k in range(n_live):
        j = retracer.live[k]
        checkpoint[REST, j], checkpoint[REST_TAIL, j] = retracer.rest[j], retracer.rest_tail[j]


@compiled
def bring_back_live(checkpoint: FloatArray, retracer: Retracer) -> int:
    """The same states are live again."""
    n_live = 0
    for j in range(retracer.live.size):
        if checkpoint[REST, j] > NEVER:
            retracer.live[n_live] = j
            retracer.rest[j], retracer.rest_tail[j] = checkpoint[REST, j], checkpoint[REST_TAIL, j]
            n_live += 1
    return n_live


@compiled
def walk_on(t: int, j: int, stop: int, block: int, retracer: Retracer, path: IntArray) -> int:
    """Walk on from state j at step t to step stop, in a block, by what steps back have kept; returns the state."""
    for s in range(t + 1, stop + 1):
        j = int(row_in(retracer, s - block * length_of(retracer)).states[j])
        path[s] = j
    return j


@compiled
def reveal_on(
    tables: Tables, n: int, tolerance: float, t: int, j: int, known: int, block: int, retracer: Retracer, path: IntArray
) -> None:
    """Walk on from state j at step t to where one state alone was live, or to the end; and come back to the block."""
    length, here = length_of(retracer), block
    stop = min(known, (block + 1) * length)
    j = walk_on(t, j, stop, block, retracer, path)
    while stop < known:
        begin, block = stop, block + 1
        stop = min(known, begin + length)
        score_block(tables, n, block, retracer)
        if stop < known:
            n_live = bring_back_live(retracer.checkpoints[block], retracer)
        elif known == len(path) - 1:
            n_live = begin_with_best(row_in(retracer, stop - begin).states, tolerance, retracer)
        else:
            n_live = begin_with(path[known], retracer)
        for s in range(stop, begin, -1):
            n_live = step_back_in_block(tables, n, block, n_live, tolerance, s, retracer)
        j = walk_on(begin, j, stop, block, retracer, path)
    if block > here:
        score_block(tables, n, here, retracer)


@compiled
def retrace(tables: Tables, n: int, tolerance: float, retracer: Retracer, path: IntArray) -> None:
    """`trace_back` on a network."""
    first, n_steps, length = tables.starts[n], len(path), length_of(retracer)
    rest, rest_tail, live = retracer.rest, retracer.rest_tail, retracer.live
    t = known = n_steps - 1
    block = max(0, n_steps - 2) // length
    n_live = begin_with_best(row_in(retracer, t - block * length).states, tolerance, retracer)
    while t > 0:
        if n_live == 1:
            j = live[0]
            reveal_on(tables, n, tolerance, t, j, known, block, retracer, path)
            begin_with(j, retracer)
        if t == block * length:
            block -= 1
            if n_live > 1:
                keep_live(n_live, retracer.checkpoints[block], retracer)
            score_block(tables, n, block, retracer)
        if n_live == 1:
            t, j = follow_in_block(tables, n, block, tolerance, t, live[0], retracer, path)
            known, n_live = t, begin_with(j, retracer)
        if t > block * length:
            n_live = step_back_in_block(tables, n, block, n_live, tolerance, t, retracer)
            t -= 1
    best, best_tail, state = NEVER, 0.0, 0
    log_initial = tables.log_initial[initial_at(tables, n)]
    for k in range(n_live):
        i = live[k]
        score, score_tail = plus(rest[i], rest_tail[i], log_initial[i])
        score, score_tail = plus(score, score_tail, tables.log_likelihoods[first, i])
        if exceeds(score, score_tail, best, best_tail):
            state, best, best_tail = i, score, score_tail
    reveal_on(tables, n, tolerance, 0, state, known, block, retracer, path)
    path[0] = state


@compiled
def log_of_way(network: Network, values: FloatArray, i: int, j: int, retracer: Retracer) -> tuple[float, float]:
    """log A(i, j) in two parts: of the move from state i to j, or of the one way over nodes between if that is more.

    No node is marked as one that leads to j, before or after.
    """
    n_states, n_nodes = retracer.live.size, retracer.rest.size
    rest, rest_tail, ahead = retracer.rest, retracer.rest_tail, retracer.ahead
    node, lowest, best, best_tail = n_nodes - n_states + j, n_nodes, NEVER, 0.0
    head, tail, highest = 0.0, 0.0, -1
    while node >= 0:
        direct = move_from(network, node, i)
        if direct >= 0:
            score, score_tail = plus(head, tail, values[direct])
            if exceeds(score, score_tail, best, best_tail):
                best, best_tail = score, score_tail
        move = network.into[node + 1] - 1
        while move >= network.into[node] and network.sources[move] >= n_states:
            x, move = network.sources[move], move - 1
            rest[x], rest_tail[x] = plus(head, tail, values[move + 1])
            ahead[x], lowest, highest = j, min(lowest, x), max(highest, x)
        while highest >= lowest and ahead[highest] < 0:
            highest -= 1
        node = highest - n_states if highest >= lowest else -1
        if node >= 0:
            head, tail, ahead[highest] = rest[highest], rest_tail[highest], -1
    return best, best_tail


@compiled
def joint_on(tables: Tables, n: int, retracer: Retracer, path: IntArray) -> float:
    """`joint_of` on a network; what rounding loses of a move that is several follows the moves."""
    first, n_steps, terms, network = tables.starts[n], len(path), retracer.terms, tables.log_transition.onward
    total, lost = splat(EIGHT, 0.0), splat(EIGHT, 0.0)
    for x in range(retracer.ahead.size):
        retracer.ahead[x] = -1
    for begin in range(0, n_steps, BLOCK):
        end = min(n_steps, begin + BLOCK)
        n_evidence, n_moves = end - begin, min(end, n_steps - 1) - begin
        n_terms = n_evidence + (n_moves if retracer.rest.size == retracer.live.size else 2 * n_moves)
        for i in range(n_evidence):
            terms[i] = tables.log_likelihoods[first + begin + i, path[begin + i]]
        for i in range(n_moves):
            t = begin + i
            hold_moves(network, matrix_at(tables, first + t), retracer.live.size, False, retracer.routes)
            head, tail = log_of_way(network, retracer.routes.values, path[t], path[t + 1], retracer)
            terms[n_evidence + i] = head
            if n_terms > n_evidence + n_moves:
                terms[n_evidence + n_moves + i] = tail
        while n_terms % len(EIGHT) != 0:
            terms[n_terms] = 0.0
            n_terms += 1
        for i in range(0, n_terms, len(EIGHT)):
            total, lost_now = lanes_two_sum(total, load(EIGHT, terms, i))
            lost = add(lost, lost_now)
    joint, joint_lost = tables.log_initial[initial_at(tables, n), path[0]], 0.0
    for k in range(len(EIGHT)):
        joint, joint_lost = tally(joint, joint_lost + lane(lost, k), lane(total, k))
    return joint + joint_lost


@compiled
def run_viterbi_network(
    given: Given,
    n: int,
    begin: int,
    end: int,
    retracer: Retracer,
    path: IntArray,
    n_possible: IntArray,
    log_joint: FloatArray,
) -> None:
    """`run_viterbi` on a network."""
    tables = Tables(*given)
    while begin < end:
        stop = tables.starts[n + 1]
        part = path[begin:stop]
        top, error = fill_scores_by_moves(tables, n, retracer)
        if top > NEVER:
            retrace(tables, n, 2.0 * error, retracer, part)
            log_joint[n] = joint_on(tables, n, retracer, part)
        else:
            n_possible[n], log_joint[n] = count_possible_on(tables, n, retracer), NEVER
            for t in range(begin, stop):
                path[t] = -1
        begin, n = stop, n + 1
