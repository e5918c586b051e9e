"""What `hmmfilter.HMM` asks of how a chain moves, and what those of this house share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, Valued
from hmmfilter._beside import Beside
from hmmfilter.results import html
from hmmfilter.results.outline import Column, outline


class Told(NamedTuple):
    """Which matrix leads on from each row, by what it depends on; parameters have no part in it."""

    of: FloatArray  # (M, ...): the number of a matrix, a gap in time, or covariates, each different one once
    which: IntArray | None  # (T,): which of them leads on from a row, those of last rows unused; None where M = 1


class Moved(NamedTuple):
    """What a chain learns from: how often each state is expected to follow each other one, by what that depends on."""

    of: FloatArray  # (M, ...)
    counts: Any  # (M, K, K): Σ ξ; of a chain that lists its moves, a `Counted` of them
    slopes: Any  # (M, K, K): Σ ξ / A, also where A is 0; of a chain that lists its moves, or has durations, all counts


class Transitions(Protocol):
    """How a chain moves: the second half of a model, as emissions are the first.

    One that learns says the same of its parameters as emissions do: ``_parameters``, ``_with``, ``_maximised``,
    ``_score``, ``_natural`` and ``_of_natural``, from ``Moved`` in place of sums.
    """

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        ...

    @property
    def _needs(self) -> frozenset[str]:
        """What it must have beside observations, by the name of the keyword."""
        ...

    def _given(self) -> dict[str, BoolArray]:
        """Which entries of parameters are none, as the diagonal of rates, by name; all are, of a name that it lacks."""
        ...

    def _admit(self, prior: Any) -> None:
        """Insist on a prior of a kind that it has."""
        ...

    def _told(self, beside: Beside) -> Told:
        """What the move from each row depends on; refuses what is missing beside the observations."""
        ...

    def _log_matrices(self, of: FloatArray) -> FloatArray:
        """log p(h_{t+1} = j | h_t = i) for each of what moves depend on, (M, K, K)."""
        ...

    def stationary(self) -> FloatArray:
        """Where the chain settles, (K,); refuses where it does not."""
        ...

    def _parameters(self) -> dict[str, FloatArray]:
        """All numbers that are learnt, by their names; of the matrix, or the matrices, themselves, the name is ""."""
        ...

    def _with(self, parameters: dict[str, FloatArray]) -> Any:
        """One of the same kind with these parameters."""
        ...

    def _reordered(self, order: IntArray) -> Any:
        """The same of states that are numbered anew."""
        ...

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        """Columns of a table with a row for each state, of states with such names."""
        ...

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        """Draw it on the axes of a model's picture."""
        ...


class Printed(Valued, ABC):
    """Transitions that are printed as a table with a row for each state."""

    @property
    @abstractmethod
    def n_states(self) -> int:
        """K, the number of states."""

    def _title(self) -> str:
        return f"{type(self).__name__}: {self.n_states} states"

    @abstractmethod
    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        """Columns of a table with a row for each state, of states with such names."""

    def _table(self) -> tuple[str, tuple[str, ...], list[Column]]:
        """What rows are of, which they are, and their columns."""
        names = tuple(map(str, range(self.n_states)))
        return "state", names, self._columns(names)

    def __repr__(self) -> str:
        head, names, columns = self._table()
        return outline(self._title(), names, columns, [], head)

    def _repr_html_(self) -> str:
        head, names, columns = self._table()
        return html.of_states(self._title(), (head, names, ""), [], 1.0, columns)


def steps_that_lead_on(starts: IntArray) -> IntArray:
    """The rows that another one of the same sequence follows."""
    leads = np.ones(int(starts[-1]), dtype=np.bool_)
    ends = starts[1:][starts[1:] > starts[:-1]]
    leads[ends - 1] = False
    return np.flatnonzero(leads)


def told_by(values: FloatArray, steps: IntArray, n_rows: int) -> Told:
    """What moves from some of so many rows depend on, each different value, or row of values, once."""
    different, places = np.unique(values, axis=0, return_inverse=True)
    if len(different) == 0:
        return Told(np.zeros((1, *values.shape[1:]), dtype=values.dtype), None)
    if len(different) == 1:
        return Told(different, None)
    which = np.zeros(n_rows, dtype=np.int64)
    which[steps] = places.reshape(-1)
    return Told(different, which)
