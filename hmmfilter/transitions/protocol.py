"""What `hmmfilter.HMM` asks of how a chain moves."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside


class Told(NamedTuple):
    """Which matrix leads on from each row, by what it depends on; parameters have no part in it."""

    of: FloatArray  # (M, ...): the number of a matrix, a gap in time, or covariates, each different one once
    which: IntArray | None  # (T,): which of them leads on from a row, those of last rows unused; None where M = 1


class Moved(NamedTuple):
    """What a chain learns from: how often each state is expected to follow each other one, by what that depends on."""

    of: FloatArray  # (M, ...)
    counts: FloatArray  # (M, K, K): Σ ξ
    slopes: FloatArray  # (M, K, K): Σ ξ / A, also where A is 0


class Transitions(Protocol):
    """How a chain moves: the second half of a model, as emissions are the first.

    One that learns says the same of its parameters as emissions do: ``_parameters``, ``_with``, ``_maximised`` and
    ``_score``, from `Moved` in place of sums.
    """

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        ...

    def _told(self, beside: Beside) -> Told:
        """What the move from each row depends on; refuses what is missing beside the observations, or not asked for."""
        ...

    def _log_matrices(self, of: FloatArray) -> FloatArray:
        """log p(h_{t+1} = j | h_t = i) for each of what moves depend on, (M, K, K)."""
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
