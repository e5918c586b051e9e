"""A matrix of which only the moves that are possible are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._kernels.network import NodeArray
from hmmfilter._ways import Counted, tallied
from hmmfilter.emissions.protocol import log_of
from hmmfilter.transitions.elimination import settled_moves
from hmmfilter.transitions.learnt import InRows, moves_of
from hmmfilter.transitions.structure import Listed, Mapped, dense_of

FAINT = 1e-300  # a probability below all doubles, where it is learnt


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Sparse(InRows, Mapped):
    """A matrix with few moves from each state: only those that are possible are kept, and a step costs as many.

    Results are those of the same matrix as an array, to the last bit.

    Parameters
    ----------
    probabilities : scipy.sparse array or matrix, or array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j]; rows sum to 1, as `hmmfilter.HMM` says. What is stored of one move several
        times is added up, and a 0 that is stored is no move.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution. A sparse matrix of logs cannot be taken: log 1 = 0 is not stored in it.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> from scipy import sparse
    >>> ring = sparse.diags([0.9, 0.1, 0.1], offsets=[0, 1, -999], shape=(1000, 1000))
    >>> chain = hf.transitions.Sparse(ring)
    >>> chain
    Sparse: 1000 states, 2000 moves
      state  leads to    stay
          0         2  0.9000
          1         2  0.9000
          2         2  0.9000
       ...
        998         2  0.9000
        999         2  0.9000
    >>> model = hf.HMM([1 / 1000] * 1000, chain, hf.emissions.Poisson(range(1000)))
    >>> model.smooth([500, 501, 502]).probabilities.argmax(axis=1)
    array([501, 501, 501])
    """

    starts: IntArray
    columns: NodeArray
    values: FloatArray
    are_logs: bool = False

    def __init__(self, probabilities: Any, *, normalize: bool = False) -> None:
        self._freeze(**_checks.listed_moves("probabilities", probabilities, normalize)._asdict(), are_logs=False)

    @classmethod
    def from_logs(cls, rows: npt.ArrayLike, columns: npt.ArrayLike, log_values: npt.ArrayLike, n_states: int) -> Sparse:
        """Make one of the logs of its moves, which are kept as they are: they may be of what is below all doubles.

        Parameters
        ----------
        rows, columns : array_like of int, (n,)
            Where each move comes from, and where it leads to.
        log_values : array_like, (n,)
            log p(h_{t+1} = columns[m] | h_t = rows[m]), natural logs; −inf is no move. What is told of one move several
            times is added up, as probabilities.
        n_states : int
            K.

        Returns
        -------
        Sparse
            The chain.

        Raises
        ------
        ValueError, TypeError
            Where these are not as above, or the probabilities of the moves from a state do not sum to 1.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> chain = hf.transitions.Sparse.from_logs([0, 0, 1], [0, 1, 0], [0.0, -1000.0, 0.0], n_states=2)
        >>> chain.log_values
        array([    0., -1000.,     0.])
        >>> chain.to_dense()
        array([[1., 0.],
               [1., 0.]])
        """
        return cls._of(_checks.listed_logs(rows, columns, log_values, n_states), are_logs=True)

    @classmethod
    def _of(cls, moves: _checks.ListedMoves, are_logs: bool = False) -> Sparse:
        """One of moves that are in order."""
        made = cls.__new__(cls)
        made._freeze(**moves._asdict(), are_logs=are_logs)
        return made

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.starts) - 1

    @property
    def n_moves(self) -> int:
        """How many moves are possible."""
        return len(self.columns)

    @property
    def rows(self) -> NodeArray:
        """Where each move comes from, (n_moves,)."""
        return np.repeat(np.arange(self.n_states, dtype=np.int32), np.diff(self.starts))

    @property
    def probabilities(self) -> FloatArray:
        """The probability of each move, (n_moves,); 0 where its log is below those of all doubles."""
        return np.exp(self.values) if self.are_logs else self.values

    @property
    def log_values(self) -> FloatArray:
        """The natural log of the probability of each move, (n_moves,)."""
        return self.values if self.are_logs else log_of(self.values)

    def to_dense(self) -> FloatArray:
        """Make a matrix of all moves, also of those that never happen.

        Returns
        -------
        ndarray, (K, K)
            p(h_{t+1} = j | h_t = i) at [i, j].

        Raises
        ------
        ValueError
            Where it does not fit into memory.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Sparse([[0.9, 0.1], [0.0, 1.0]]).to_dense()
        array([[0.9, 0.1],
               [0. , 1. ]])
        """
        return dense_of(self.n_states, self.rows, self.columns, self.probabilities)

    def stationary(self) -> FloatArray:
        """Compute where the chain settles in the long run.

        Returns
        -------
        ndarray, (K,)
            Probabilities that a step leaves as they are.

        Raises
        ------
        ValueError
            Where there is more than one such distribution, or one that doubles cannot hold; or where it would take a
            full matrix of many states, since theirs are not in any order in which moves lead to near ones.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Sparse([[0.9, 0.1], [0.3, 0.7]]).stationary()
        array([0.75, 0.25])
        """
        return settled_moves("Sparse", self.n_states, self.rows, self.columns, self.probabilities)

    def _listed(self) -> Listed:
        logs = self.log_values
        kept = logs > -np.inf  # one that is learnt to be impossible stays in its place
        return Listed(0, self.rows[kept], self.columns[kept] + np.int32(self.n_states), logs[kept])

    def _values_back(self) -> FloatArray:
        return self.probabilities[self.log_values > -np.inf]

    def _numbers_of(self, rows: IntArray, columns: IntArray) -> IntArray:
        """Which moves lead from these states to those."""
        wanted = rows.astype(np.int64) * self.n_states + columns
        return np.searchsorted(self.rows.astype(np.int64) * self.n_states + self.columns, wanted)

    def _shaped(self, found: Counted) -> tuple[Any, dict[str, Any]]:
        from scipy.sparse import csr_array

        moves = moves_of(found)
        counts = tallied(self._numbers_of(moves.rows, moves.columns), moves.counts, self.n_moves)
        table = csr_array((counts, self.columns, self.starts), shape=(self.n_states, self.n_states))
        return table, {"from": self.rows, "to": self.columns, "count": counts}

    @property
    def _own_places(self) -> IntArray:
        """Where its moves are in a table with a row for each state."""
        width = int(np.diff(self.starts).max())
        _checks.room_for_rows(self.n_states, width, self.n_moves)
        within = np.arange(self.n_moves) - self.starts[self.rows]
        places: IntArray = self.rows.astype(np.int64) * width + within
        return places

    def _rows_listed(self) -> FloatArray:
        places = self._own_places
        table = np.zeros((self.n_states, int(np.diff(self.starts).max())))
        table.ravel()[places] = self._shares
        return table

    @property
    def _shares(self) -> FloatArray:
        """Probabilities as they are learnt from: those below all doubles are no zeros, which would stay."""
        if not self.are_logs:
            return self.values
        return np.where(self.values > -np.inf, np.maximum(self.probabilities, FAINT), 0.0)

    def _places(self, rows: IntArray, columns: IntArray) -> IntArray:
        numbers = np.minimum(self._numbers_of(rows, columns), self.n_moves - 1)
        is_listed = (self.rows[numbers] == rows) & (self.columns[numbers] == columns)
        return np.where(is_listed, self._own_places[numbers], -1)

    def _of_table(self, table: FloatArray) -> Sparse:
        values = table.ravel()[self._own_places]
        if self.are_logs:  # what is held stays as it is
            values = np.where(values == self._shares, self.values, log_of(values))
        return self._of(_checks.ListedMoves(self.starts, self.columns, values), self.are_logs)

    def _counted(self) -> IntArray:
        return np.diff(self.starts)

    def _stays(self) -> FloatArray:
        stays = np.zeros(self.n_states)
        at = np.flatnonzero(self.rows == self.columns)
        stays[self.columns[at]] = self.probabilities[at]
        return stays

    def _reordered(self, order: IntArray) -> Sparse:
        places = np.argsort(order)
        moves = _checks.ordered_moves(places[self.rows], places[self.columns], self.values, self.n_states)
        return self._of(moves, self.are_logs)

    def _stored(self) -> dict[str, Any]:
        return {
            "n_states": self.n_states,
            "rows": self.rows,
            "columns": self.columns,
            "log_values" if self.are_logs else "probabilities": self.values,
        }

    @classmethod
    def _restored(
        cls,
        n_states: int,
        rows: npt.ArrayLike,
        columns: npt.ArrayLike,
        probabilities: Any = None,
        log_values: Any = None,
        normalize: bool = False,
    ) -> Sparse:
        """One of what is stored: probabilities or logs."""
        if _checks.are_logs_given(probabilities, log_values):
            return cls.from_logs(rows, columns, log_values, n_states)
        return cls._of(_checks.listed_entries("probabilities", rows, columns, probabilities, n_states, normalize))

    def _draw_many(self, ax: Any, initial: FloatArray, final: FloatArray | None) -> None:
        plotting.draw_moves(ax, initial, self._map(), final)

    def _map(self) -> plotting.Map:
        return plotting.Map(self.n_states, self.rows, self.columns, self.probabilities)

    def _title(self) -> str:
        return f"{super()._title()}, {self.n_moves} moves"
