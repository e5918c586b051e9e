"""How chains learn of which only the moves that are possible are listed: rows of as many numbers as may be free.

A matrix has a table, (K, W), of what its rows list, with zeros after those of a shorter one: these stay, as zeros that
are given do.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._distributions import most_likely, without_traces
from hmmfilter._ways import Counted, tallied
from hmmfilter.priors import Dirichlet
from hmmfilter.transitions.protocol import Moved, Told

STAYING = 0.5  # of moves at random: what is no chance, where a state may be followed by itself


class Moves(NamedTuple):
    """Moves from state to state, and how often each is expected; some may be there several times."""

    rows: IntArray
    columns: IntArray
    counts: FloatArray

    def chosen(self, these: BoolArray) -> Moves:
        """Some of them."""
        return Moves(self.rows[these], self.columns[these], self.counts[these])


def moves_of(found: Counted) -> Moves:
    """Counts of a network without nodes between."""
    return Moves(found.sources, found.targets - found.n_states, found.counts)


class Learning:
    """What those have in common that learn: nothing is given but zeros, and nothing beside observations is needed."""

    DISTRIBUTIONS: ClassVar[frozenset[str]]
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    def _given(self) -> dict[str, BoolArray]:
        return {}

    def _admit(self, prior: Any) -> None:
        _checks.prior_of_kind("the prior of the transition", prior, Dirichlet)
        _checks.one_for_all_moves("the prior of the transition", prior.concentration.shape, prior.diagonal)

    def _told(self, beside: Beside) -> Told:
        return Told(np.zeros((1, 0)), None)


class InRows(Learning):
    """A matrix that is learnt row by row."""

    DISTRIBUTIONS = frozenset({""})

    @abstractmethod
    def _rows_listed(self) -> FloatArray:
        """The probabilities of moves, (K, W)."""

    @abstractmethod
    def _places(self, rows: IntArray, columns: IntArray) -> IntArray:
        """Where moves are in that table, as if it were one row."""

    @abstractmethod
    def _of_table(self, table: FloatArray) -> Any:
        """One of the same moves with such probabilities."""

    def _parameters(self) -> dict[str, FloatArray]:
        return {"": self._rows_listed()}

    def _with(self, parameters: dict[str, FloatArray]) -> Any:
        return self._of_table(parameters[""])

    def _maximised(self, moved: Moved, prior: Any, groups: dict[str, IntArray]) -> Any:
        before = self._rows_listed()
        return self._of_table(rows_by(table_of_counts(self, moves_of(moved.counts), before), before, prior, groups[""]))

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        table = self._rows_listed()
        return {"": over(table_of_counts(self, moves_of(moved.counts), table), table)}

    def _at_random(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        return {"": at_random(self, self._rows_listed(), rng)}


def table_of_counts(matrix: Any, moves: Moves, table: FloatArray) -> FloatArray:
    """How often each move is expected, in the table of a matrix, which is given."""
    places = places_of(matrix, moves.rows, moves.columns)
    counts: FloatArray = tallied(places, moves.counts, table.size).reshape(table.shape)
    return counts


def table_of(matrix: Any) -> FloatArray:
    """The table of a matrix; that of a dense one is itself."""
    table: FloatArray = matrix._rows_listed() if isinstance(matrix, InRows) else matrix.matrix
    return table


def places_of(matrix: Any, rows: IntArray, columns: IntArray) -> IntArray:
    """Where moves are in the table of a matrix."""
    places: IntArray = matrix._places(rows, columns) if isinstance(matrix, InRows) else rows * matrix.n_states + columns
    return places


def rows_by(counts: FloatArray, before: FloatArray, prior: Any, groups: IntArray) -> FloatArray:
    """The rows that are most probable."""
    if prior is not None:
        counts = counts + prior._added(counts.shape)
    return without_traces(most_likely(counts, before, groups), groups)


def over(counts: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Counts over probabilities; 0 where there is no probability."""
    return np.divide(counts, probabilities, out=np.zeros(counts.shape), where=probabilities > 0)


def at_random(matrix: Any, table: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Rows at random of the moves that a table has, half of each for staying where that is one of them."""
    shares = rng.exponential(size=table.shape) * (table > 0)
    states = np.arange(len(table))
    places = places_of(matrix, states, states)
    is_listed = table.ravel()[places] > 0
    shares.ravel()[places[is_listed]] = 0.0
    total = shares.sum(axis=1)
    shares /= np.where(total > 0, total, 1.0)[:, np.newaxis]
    shares[is_listed] *= 1.0 - STAYING
    shares.ravel()[places[is_listed]] = np.where(total > 0, STAYING, 1.0)[is_listed]
    return shares


def normalised(logs: FloatArray) -> FloatArray:
    """Rows of probabilities in proportion to such logs."""
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    rows: FloatArray = weights / weights.sum(axis=-1, keepdims=True)
    return rows
