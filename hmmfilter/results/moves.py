"""Counts of moves in the shape of the chain's own structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter._ways import Counted
from hmmfilter.results import frames
from hmmfilter.results.base import Previewed
from hmmfilter.results.printing import Preview, four_decimals, shown_steps
from hmmfilter.results.sums import ExpectedTransitions

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self


class KroneckerCounts(NamedTuple):
    """How often each of two chains side by side made each of its moves, each in its own shape."""

    a: Any
    b: Any


class StayOrJumpCounts(NamedTuple):
    """How often the chain stayed in each state, jumped from it, and jumped to it, maybe from itself; (K,) each."""

    stayed: FloatArray
    jumped_from: FloatArray
    jumped_to: FloatArray


class ListedCounts(NamedTuple):
    """How often each move of a network was made, between nodes as it numbers them."""

    sources: Any  # (moves,)
    targets: Any  # (moves,)
    counts: FloatArray  # (moves,)


Shape = Callable[[Counted], tuple[Any, dict[str, Any]]]  # what counts become, and the columns of a table of them


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(ExpectedTransitions)
class ExpectedMoves(Previewed):
    """How often each move was made, on average over all paths, in the shape that the chain has.

    `expected_transitions` returns it where the chain is no matrix: there are as many numbers as moves are possible.

    Attributes
    ----------
    counts
        Of `hmmfilter.transitions.Sparse` a ``scipy.sparse.csr_array``, (K, K), in which each possible move is stored;
        of `Banded` an array of the shape of its diagonals, (bandwidth, K); of `Kronecker` the counts of ``a`` and
        ``b``; of `StayOrJump` how often it ``stayed``, ``jumped_from`` and ``jumped_to`` each state, where staying and
        jumping back to the same state are told apart. Of each sequence alone, a tuple of these.
    log_likelihood, state_names
        As in `ExpectedTransitions`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> chain = hf.transitions.StayOrJump(stay=[0.9, 0.9, 0.5], jump=[0.5, 0.25, 0.25])
    >>> model = hf.HMM([0.4, 0.3, 0.3], chain, hf.emissions.Poisson([1.0, 5.0, 20.0]))
    >>> model.expected_transitions([0, 1, 2, 18, 25])
    ExpectedMoves: 3 states, 4.0000 moves in all
      state  stayed  jumped_from  jumped_to
          0  1.8794       1.1040     0.1053
          1  0.0021       0.0145     0.0131
          2  0.8000       0.2000     1.2000
    """

    counts: Any
    log_likelihood: Any  # a float; of several sequences, (N,)
    _columns: dict[str, Any]  # what is printed, and made a frame of; states by their numbers
    _found: Sequence[Counted]  # by the moves of a network: of all sequences, or of each
    _is_split: bool

    @classmethod
    def _of(cls, found: Sequence[Counted], is_split: bool, log_likelihood: Any, shape: Shape | None = None) -> Self:
        """What was found of all sequences, or of each, in the shape that a chain gives it, if one is known."""
        shaped = list(map(shape or _as_listed, found))
        counts, columns = zip(*shaped, strict=True)
        joined = {head: np.concatenate([part[head] for part in columns]) for head in columns[0]}
        if is_split:
            numbers = np.repeat(np.arange(len(found)), [len(next(iter(part.values()))) for part in columns])
            joined = {"sequence": numbers, **joined}
        return cls(
            counts=counts if is_split else counts[0],
            log_likelihood=log_likelihood,
            _columns=joined,
            _found=found,
            _is_split=is_split,
        )

    def _shaped_by(self, shape: Shape) -> Self:
        """The same in the shape that a chain gives it."""
        return replace(self, **vars(self._of(self._found, self._is_split, self.log_likelihood, shape)) | self._told())

    def _told(self) -> dict[str, Any]:
        return {"state_names": self.state_names, "_labels": self._labels}

    @as_in(ExpectedTransitions.to_frame)
    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of all counts.

        Parameters
        ----------
        index : array_like or pandas.Index, optional
            The labels of the rows, instead of the names of the states that a move leads from, and to.

        Returns
        -------
        pandas.DataFrame
            Of `StayOrJump` a row for each state; else a row for each move, with its count, of two chains side by side
            those of one before those of the other.

        Raises
        ------
        ImportError, ValueError
            As in `ExpectedTransitions.to_frame`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> chain = hf.transitions.Sparse([[0.9, 0.1], [0.0, 1.0]])
        >>> model = hf.HMM([1.0, 0.0], chain, hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.expected_transitions([0, 2, 7, 4]).to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
           from    to   count
        0  calm  calm  0.6641
        1  calm  busy  0.9997
        2  busy  busy  1.3362
        """
        columns = self._named()
        rows = range(len(next(iter(columns.values())))) if index is None else index
        return frames.frame_of_columns(columns, rows)

    def _named(self) -> dict[str, Any]:
        """The columns, with the names of states, if these have any."""
        if self.state_names is None or "chain" in self._columns:
            return self._columns
        names = np.array(self.state_names, dtype=object)
        are_states = self._columns.keys() & {"from", "to", "state"}
        return {head: names[column] if head in are_states else column for head, column in self._columns.items()}

    def _preview(self) -> Preview:
        n_moves = four_decimals(sum(float(part.left.sum()) for part in self._found))
        title = f"ExpectedMoves: {self._found[0].n_states} states, {n_moves} moves in all"
        columns = self._named()
        n_rows = len(next(iter(columns.values())))
        rows = shown_steps(n_rows)
        cells = [map(_cell, column[rows].tolist()) for column in columns.values()]
        return Preview(title, [[*columns], *map(list, zip(*cells, strict=True))], len(rows) < n_rows)


def _cell(value: Any) -> str:
    return four_decimals(value) if isinstance(value, float) else str(value)


def _as_listed(found: Counted) -> tuple[ListedCounts, dict[str, Any]]:
    listed = ListedCounts(found.sources, found.targets, found.counts)
    return listed, {"from node": found.sources, "to node": found.targets, "count": found.counts}
