"""A matrix whose moves lead to states nearby."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._ways import Counted, tallied
from hmmfilter.emissions.protocol import log_of
from hmmfilter.transitions.elimination import settled_moves
from hmmfilter.transitions.learnt import InRows, moves_of
from hmmfilter.transitions.sparse import Sparse
from hmmfilter.transitions.structure import Listed, Mapped, dense_of


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Banded(InRows, Mapped):
    """A matrix whose moves lead to states nearby, given by its diagonals: a step costs as much as these have numbers.

    Results are those of the same matrix as an array, to the last bit.

    Parameters
    ----------
    diagonals : array_like, (bandwidth, K)
        p(h_{t+1} = i + d − lower | h_t = i) at [d, i], so that columns sum to 1; 0 where that is no state.
    lower : int
        How many of the diagonals are below the middle one: at ``diagonals[lower]`` is how probable it is to stay.
    normalize : bool
        Whether to divide each column by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a column is no distribution, or leads out of the matrix.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.Banded([[0, 0.1, 0.1], [0.8, 0.8, 0.9], [0.2, 0.1, 0]], lower=1)
    Banded: 3 states, 3 diagonals
      state    to 0    to 1    to 2
          0  0.8000  0.2000  0.0000
          1  0.1000  0.8000  0.1000
          2  0.0000  0.1000  0.9000

    One to two states up or down from each of 500, the nearer the likelier, as far as there are states:

    >>> import numpy as np
    >>> steps = np.arange(-2, 3)[:, np.newaxis]
    >>> to = np.arange(500) + steps
    >>> near = np.where((to >= 0) & (to < 500), 3 - abs(steps), 0)
    >>> hf.transitions.Banded(near, lower=2, normalize=True)
    Banded: 500 states, 5 diagonals
      state  leads to    stay
          0         3  0.5000
          1         4  0.3750
          2         5  0.3333
       ...
        498         4  0.3750
        499         3  0.5000
    """

    diagonals: FloatArray
    lower: int

    def __init__(self, diagonals: npt.ArrayLike, lower: int, *, normalize: bool = False) -> None:
        array, n_below = _checks.band(diagonals, lower, normalize)
        self._freeze(diagonals=array, lower=n_below)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return int(self.diagonals.shape[1])

    @property
    def bandwidth(self) -> int:
        """How many diagonals there are."""
        return len(self.diagonals)

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
        >>> hf.transitions.Banded([[0.9, 1.0], [0.1, 0.0]], lower=0).to_dense()
        array([[0.9, 0.1],
               [0. , 1. ]])
        """
        return dense_of(self.n_states, *self._entries())

    def stationary(self) -> FloatArray:
        """Compute where the chain settles in the long run, as `Sparse.stationary` does.

        Returns
        -------
        ndarray, (K,)
            Probabilities that a step leaves as they are.

        Raises
        ------
        ValueError
            As there.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Banded([[0, 0.3], [0.9, 0.7], [0.1, 0]], lower=1).stationary()
        array([0.75, 0.25])
        """
        return settled_moves("Banded", self.n_states, *self._entries())

    def _entries(self) -> tuple[IntArray, IntArray, FloatArray]:
        """The moves that are possible: where from, where to, and how probable each is; state by state."""
        rows, diagonals = np.nonzero(self.diagonals.T)
        return rows, rows + diagonals - self.lower, self.diagonals[diagonals, rows]

    def _listed(self) -> Listed:
        rows, columns, probabilities = self._entries()
        return Listed(0, rows, columns + self.n_states, log_of(probabilities))

    def _values_back(self) -> FloatArray:
        return self._entries()[2]

    def _shaped(self, found: Counted) -> tuple[FloatArray, dict[str, Any]]:
        moves = moves_of(found)
        counts = tallied(self._places(moves.rows, moves.columns), moves.counts, self.diagonals.size)
        columns = {"from": moves.rows, "to": moves.columns, "count": moves.counts}
        order = np.lexsort((moves.columns, moves.rows))
        return counts.reshape(self.n_states, -1).T, {head: column[order] for head, column in columns.items()}

    def _rows_listed(self) -> FloatArray:
        return np.ascontiguousarray(self.diagonals.T)

    def _places(self, rows: IntArray, columns: IntArray) -> IntArray:
        return rows * self.bandwidth + columns - rows + self.lower

    def _of_table(self, table: FloatArray) -> Banded:
        return Banded(table.T, self.lower)

    def _counted(self) -> IntArray:
        counts: IntArray = np.count_nonzero(self.diagonals, axis=0)
        return counts

    def _stays(self) -> FloatArray:
        stays: FloatArray = self.diagonals[self.lower]
        return stays

    def _sparse(self) -> Sparse:
        """The same without diagonals."""
        return Sparse._of(_checks.ordered_moves(*self._entries(), self.n_states))

    def _reordered(self, order: IntArray) -> Sparse | Banded:
        return self._sparse()._reordered(order) if (np.diff(order) < 0).any() else self

    def _draw_many(self, ax: Any, initial: FloatArray, final: FloatArray | None) -> None:
        plotting.draw_moves(ax, initial, plotting.Map(self.n_states, *self._entries()), final)

    def _title(self) -> str:
        return f"{super()._title()}, {self.bandwidth} diagonals"
