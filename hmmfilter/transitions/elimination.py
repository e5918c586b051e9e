"""Where a chain of listed moves settles, without a matrix of all pairs of states where there are many.

States are taken out one by one, as in `hmmfilter.stationarity`. Where each leads only to states that are near by, new
moves do so, too: they stay within a band.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, StateArray
from hmmfilter.stationarity import Wide, settled

FEW_STATES = 200  # whose full matrix is the quickest way
MOST_NUMBERS = 2 * 10**8  # that are computed in a band


def settled_moves(
    kind: str, n_states: int, rows: StateArray, columns: StateArray, probabilities: FloatArray
) -> FloatArray:
    """Where a chain settles, of which it is known how probable moves are."""
    others = np.flatnonzero((rows != columns) & (probabilities > 0))
    rows, columns, probabilities = rows[others], columns[others], probabilities[others]
    if n_states <= FEW_STATES:
        matrix = np.zeros((n_states, n_states))
        matrix[rows, columns] = probabilities
        return settled(matrix)
    states = _checks.single_closed_class(_closed_classes(n_states, rows, columns))
    places = np.full(n_states, -1)
    places[states] = np.arange(len(states))
    within = np.flatnonzero(places[rows] >= 0)
    rows, columns, probabilities = places[rows[within]], places[columns[within]], probabilities[within]
    order = _order(len(states), rows, columns)
    ranks = np.argsort(order)
    weights = _in_band(kind, len(states), ranks[rows], ranks[columns], probabilities)
    distribution = np.zeros(n_states)
    distribution[states[order]] = _checks.representable(weights, states[order])
    return distribution


def _graph(n_states: int, rows: StateArray, columns: StateArray) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n_states, n_states))


def _closed_classes(n_states: int, rows: StateArray, columns: StateArray) -> list[IntArray]:
    """The sets of states that reach each other and nothing else."""
    from scipy.sparse.csgraph import connected_components

    n_classes, label = connected_components(_graph(n_states, rows, columns), directed=True, connection="strong")
    is_closed = np.ones(n_classes, dtype=np.bool_)
    is_closed[label[rows[label[rows] != label[columns]]]] = False
    order = np.argsort(label, kind="stable")
    sets = np.split(order, np.cumsum(np.bincount(label))[:-1])
    return [states for states, closed in zip(sets, is_closed, strict=True) if closed]


def _order(n_states: int, rows: StateArray, columns: StateArray) -> IntArray:
    """An order of states in which moves lead to near ones, if there is any."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    order: IntArray = reverse_cuthill_mckee(_graph(n_states, rows, columns), symmetric_mode=False).astype(np.int64)
    return order


def _in_band(kind: str, n_states: int, rows: StateArray, columns: StateArray, probabilities: FloatArray) -> FloatArray:
    """The shares of states that all reach each other, of moves that lead to others."""
    below, above = int((rows - columns).max(initial=1)), int((columns - rows).max(initial=1))
    _checks.few_fill_ins(kind, n_states * below * above, MOST_NUMBERS)
    band = np.zeros((n_states, below + above + 1))
    band[rows, columns - rows + below] = probabilities
    watched, leaving = Wide.of(band), Wide.of(np.ones(n_states))
    for k in range(n_states - 1, 0, -1):
        to, since = np.arange(max(0, k - below), k), np.arange(max(0, k - above), k)[:, np.newaxis]
        away = watched[k, to - k + below]
        leaving[k] = away.sum()
        around = watched[since, k - since + below] * (away / leaving[k])
        watched[since, to - since + below] = watched[since, to - since + below] + around
    weights = Wide.of(np.ones(n_states))
    for k in range(1, n_states):
        since = np.arange(max(0, k - above), k)
        weights[k] = (weights[since] * watched[since, k - since + below]).sum() / leaving[k]
    return (weights / weights.sum()).doubles()


def rhythm(chain: Any, states: IntArray) -> int:
    """What the lengths of all ways back to one of some states have in common, which reach each other and no others."""
    from scipy.sparse.csgraph import dijkstra

    rows, columns = chain.rows, chain.columns
    steps = dijkstra(_graph(chain.n_states, rows, columns), indices=states[0], unweighted=True)
    within = np.isin(rows, states)
    return int(np.gcd.reduce((steps[rows[within]] + 1 - steps[columns[within]]).astype(np.int64), initial=0))
