"""One matrix, the same at each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter.emissions.protocol import log_of
from hmmfilter.results.outline import Column
from hmmfilter.stationarity import periods
from hmmfilter.transitions.lasting import Lasting
from hmmfilter.transitions.protocol import Told


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Dense(Lasting):
    """One matrix of probabilities, the same at each step: what an array becomes.

    Parameters
    ----------
    matrix : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j]; rows sum to 1, as `hmmfilter.HMM` says.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.Dense([[0.9, 0.1], [0.2, 0.8]])
    Dense: 2 states
      state    to 0    to 1
          0  0.9000  0.1000
          1  0.2000  0.8000
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset({""})

    matrix: FloatArray

    def __init__(self, matrix: npt.ArrayLike, *, normalize: bool = False) -> None:
        self._freeze(matrix=_checks.transition_matrix(matrix, normalize))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.matrix)

    @cached_property
    def log_matrix(self) -> FloatArray:
        """Natural logs of the matrix, (K, K)."""
        return log_of(self.matrix)

    def periods(self) -> IntArray:
        """Compute in which rhythm the chain may come back to each state.

        Returns
        -------
        ndarray of int, (K,)
            The greatest number that divides the lengths of all ways back to a state, in steps; 0 where there is none.
            A chain forgets where it began where all are 1.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.cycle(3, stay=0.0).periods()
        array([3, 3, 3])
        """
        return periods(self.matrix > 0)

    @property
    def _moves(self) -> FloatArray:
        moves: FloatArray = np.where(np.eye(self.n_states, dtype=np.bool_), 0.0, self.matrix)
        return moves

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset()

    def _given(self) -> dict[str, BoolArray]:
        return {}

    def _admit(self, prior: Any) -> None:
        prior._admitted("the prior of transition", self.matrix.shape)

    def _told(self, beside: Beside) -> Told:
        return Told(np.zeros((1, 0)), None)

    def _log_matrices(self, of: FloatArray) -> FloatArray:
        return self.log_matrix[np.newaxis]

    def _parameters(self) -> dict[str, FloatArray]:
        return {"": self.matrix}

    def _with(self, parameters: dict[str, FloatArray]) -> Dense:
        return Dense(parameters[""])

    def _reordered(self, order: IntArray) -> Dense:
        return Dense(self.matrix[np.ix_(order, order)])

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        return [(f"to {name}", column, ".4f") for name, column in zip(names, self.matrix.T, strict=True)]
