"""What one expectation step comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.results import frames
from hmmfilter.results.base import Previewed
from hmmfilter.results.printing import Preview, four_decimals, preview_of_states

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpectedStatistics(Previewed):
    """What is expected of the states, given all observations; returned by `expected_statistics`.

    All of it is added up over sequences, each as often as its weight says; those of parts of the data may be added.

    Attributes
    ----------
    initial : ndarray, (K,)
        How often each state is expected to be the first.
    transition : ndarray, (K, K)
        How often each move is expected; of several matrices (M, K, K), by each; of a chain that lists its moves, in
        the shape that `ExpectedMoves` says.
    final : ndarray, (K,), or None
        How often each state is expected to be the last, of a model that says where sequences end.
    emission : dict of ndarray
        What the emission is learnt from, by name: numbers of steps, sums of observations, and the like. Empty for an
        emission that learns as a whole.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> statistics = hf.expected_statistics(model, [0, 2, 7, 4])
    >>> statistics
    ExpectedStatistics: 2 states, log-likelihood -9.6085
      state  initial    to 0    to 1
          0   0.9567  0.6816  0.9591
          1   0.0433  0.0241  1.3352
    >>> statistics.emission["weight"].round(4)
    array([1.6624, 2.3376])
    """

    initial: FloatArray
    transition: Any  # (K, K), or in the shape of a chain that lists its moves
    final: FloatArray | None = None
    emission: dict[str, FloatArray]
    log_likelihood: Any  # a float; of several sequences, (N,)
    _has_own_shape: bool = False  # the transition

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of the chain's part, with a row for each state.

        Parameters
        ----------
        index : array_like or pandas.Index, (K,), optional
            The labels of the rows, instead of the names of the states.

        Returns
        -------
        pandas.DataFrame
            A column "initial", and one for each state to which a move leads, unless the chain lists its moves.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not K.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> hf.expected_statistics(model, [0, 2, 7, 4]).to_frame().round(4)
              initial  to calm  to busy
        calm   0.9567   0.6816   0.9591
        busy   0.0433   0.0241   1.3352
        """
        names, heads, table = self._chain()
        labels = frames.single_labels(names) if index is None else index
        return frames.frame(table, heads, labels)

    def _chain(self) -> tuple[Sequence[str], list[str], FloatArray]:
        """The names of the states, and columns with their heads; of several matrices, all moves together."""
        names = self._names(len(self.initial))
        heads, columns = ["initial"], [self.initial]
        if not self._has_own_shape:
            heads, columns = [*heads, *(f"to {name}" for name in names)], [*columns, _of_all(self.transition)]
        if self.final is not None:
            heads, columns = [*heads, "end"], [*columns, self.final]
        return names, heads, np.column_stack(columns)

    def _preview(self) -> Preview:
        names, heads, table = self._chain()
        rows = [[name, *map(four_decimals, row)] for name, row in zip(names, table, strict=True)]
        total = four_decimals(float(np.sum(self.log_likelihood)))
        title = f"ExpectedStatistics: {len(names)} states, log-likelihood {total}"
        return preview_of_states(title, ["state", *heads], rows)


def _of_all(moves: FloatArray) -> FloatArray:
    """How often each move is expected, (K, K), by whatever matrix."""
    together: FloatArray = moves.reshape(-1, *moves.shape[-2:]).sum(axis=0)
    return together
