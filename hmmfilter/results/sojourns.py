"""Counts of sojourns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.results import frames
from hmmfilter.results.base import Previewed
from hmmfilter.results.printing import Preview, preview, shown_steps
from hmmfilter.results.sums import ExpectedTransitions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(ExpectedTransitions)
class ExpectedSojourns(Previewed):
    """How often sojourns ended at each age, and what followed them; returned by `expected_transitions` of `Durations`.

    All are expected numbers, on average over all paths, of all sequences together, or of each alone, with an axis more.

    Attributes
    ----------
    ended : ndarray, (K, D)
        How many sojourns of each state ended after d steps at [k, d − 1], as far as another one followed or, with
        ``cut=False``, the end.
    going_on : ndarray, (K, D)
        How many had lasted d steps with the last one, and may go on after it; 0 with ``cut=False``.
    begun : ndarray, (K, D)
        How many had lasted d steps with the first one.
    moves : ndarray, (K, K)
        How often each state was followed by each other one.
    log_likelihood, state_names
        As in `ExpectedTransitions`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> machine = hf.transitions.Durations([[0.1, 0.3, 0.6], [0.5, 0.0, 0.5]], [[0, 1], [1, 0]])
    >>> sojourns = hf.HMM([0.5, 0.5], machine, hf.emissions.Poisson([1.0, 5.0])).expected_transitions([0, 2, 7, 4, 1])
    >>> sojourns
    ExpectedSojourns: 2 states, 1.7169 ended, 1.0000 go on
      state   ended  going on    to 0    to 1
          0  0.9958    0.7170  0.0000  0.9958
          1  0.7211    0.2830  0.7211  0.0000
    >>> sojourns.ended.round(4)
    array([[0.4696, 0.5215, 0.0047],
           [0.2489, 0.    , 0.4722]])
    """

    ended: FloatArray
    going_on: FloatArray
    begun: FloatArray
    moves: FloatArray
    log_likelihood: Any  # a float; of several sequences, (N,)

    @as_in(ExpectedTransitions.to_frame)
    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame with a row for each state and age.

        Parameters
        ----------
        index : array_like or pandas.Index, (K D,) or (N K D,), optional
            The labels of the rows, instead of the names of the states and the ages.

        Returns
        -------
        pandas.DataFrame
            The columns ``ended``, ``going_on`` and ``begun``; labels are, of each sequence alone, its number first.

        Raises
        ------
        ImportError, ValueError
            As in `ExpectedTransitions.to_frame`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> machine = hf.transitions.Durations([[0.1, 0.9], [0.0, 1.0]], [[0, 1], [1, 0]])
        >>> model = hf.HMM([0.5, 0.5], machine, hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.expected_transitions([0, 2, 7, 4]).to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
                    ended  going_on  begun
        state age
        calm  1    0.0044    0.0044    1.0
              2    0.9956    0.0000    0.0
        busy  1    0.0000    0.0000    0.0
              2    0.0044    0.9956    0.0
        """
        shape = self.ended.shape
        names = self._names(shape[-2])
        if index is None:
            index = frames.labels_of_ages(names, shape[-1], shape[0] if len(shape) == 3 else None)
        columns = {"ended": self.ended, "going_on": self.going_on, "begun": self.begun}
        return frames.frame_of_columns({name: table.ravel() for name, table in columns.items()}, index)

    def _preview(self) -> Preview:
        n_states = self.moves.shape[-1]
        names = self._names(n_states)
        tables = self.ended, self.going_on, self.moves
        ended, going_on, moves = (x.reshape(-1, *x.shape[-2:]).sum(axis=0) for x in tables)
        table = np.column_stack([ended.sum(axis=1), going_on.sum(axis=1), moves])
        return preview(
            f"ExpectedSojourns: {n_states} states, {ended.sum():.4f} ended, {going_on.sum():.4f} go on",
            ["state", "ended", "going on", *(f"to {name}" for name in names)],
            n_states,
            ([f"{x:.4f}" for x in row] for row in table[shown_steps(n_states)]),
            label=lambda k: names[k],
        )
