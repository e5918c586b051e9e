"""What chains have in common of which only the moves that are possible are listed."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, IntArray, StateArray, frozen
from hmmfilter._kernels.network import Ways
from hmmfilter._ways import Counted, ways_of
from hmmfilter.results.outline import MOST_SHOWN, Column
from hmmfilter.transitions.protocol import Printed


class Listed(NamedTuple):
    """All moves of a step, by numbers of nodes: states before it, nodes between, and states after it, in this order."""

    n_between: int
    sources: StateArray  # (M,)
    targets: StateArray  # (M,)
    log_values: FloatArray  # (M,)
    kinds: IntArray | None = None  # (M,): which column of the shares is added to a log
    log_shares: FloatArray | None = None  # (S, ·): what changes from step to step


class Structured(Printed):
    """A chain of which only the moves that are possible are listed."""

    @abstractmethod
    def to_dense(self) -> FloatArray:
        """Compute the probabilities of all moves."""

    @abstractmethod
    def stationary(self) -> FloatArray:
        """Where the chain settles, (K,); refuses where it does not, or where that takes K × K numbers."""

    @abstractmethod
    def _listed(self) -> Listed:
        """All moves."""

    @abstractmethod
    def _with(self, parameters: dict[str, FloatArray]) -> Any:
        """One of the same kind with these parameters."""

    @abstractmethod
    def _at_random(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Parameters at random, zeros as they are."""

    @property
    def _changes(self) -> bool:
        """Whether it is another one from step to step."""
        return len(self._ways().onward.log_shares) > 1

    def _values_back(self) -> FloatArray:
        """The probabilities of moves as the network that leads back lists them."""
        values: FloatArray = np.exp(self._ways().back.log_values)
        return values

    @abstractmethod
    def _shaped(self, found: Counted) -> tuple[Any, dict[str, Any]]:
        """Counts of moves in the shape that it has, and columns of a table of them; states by their numbers."""

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset()

    def _ways(self) -> Ways:
        """All moves, as the kernels take them."""
        return self._made_ways

    @cached_property
    def _made_ways(self) -> Ways:
        return self._ways_of(self._listed())

    def _ways_that_end(self, log_going_on: FloatArray) -> Ways:
        """The same where it is not sure that a sequence goes on: logs of how probable that is in each state, (K,)."""
        listed = self._listed()
        leaves = np.flatnonzero(listed.sources < self.n_states)
        logs = listed.log_values.copy()
        logs[leaves] += log_going_on[listed.sources[leaves]]
        kept = logs > -np.inf
        kinds = None if listed.kinds is None else listed.kinds[kept]
        return self._ways_of(
            listed._replace(
                sources=listed.sources[kept], targets=listed.targets[kept], log_values=logs[kept], kinds=kinds
            )
        )

    def _ways_of(self, listed: Listed) -> Ways:
        _checks.nodes(type(self).__name__, 2 * self.n_states + listed.n_between)
        return ways_of(
            self.n_states,
            listed.n_between,
            listed.sources,
            listed.targets,
            listed.log_values,
            kinds=listed.kinds,
            log_shares=listed.log_shares,
        )

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of: ways are quickly made again, and would be as much to send."""
        return {name: value for name, value in vars(self).items() if name != "_made_ways"}


class Mapped(Structured):
    """One that is printed, and drawn, as a matrix where its states are few."""

    @abstractmethod
    def _counted(self) -> IntArray:
        """To how many states each leads, (K,)."""

    @abstractmethod
    def _stays(self) -> FloatArray:
        """How probable it is to stay, (K,)."""

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        """All moves of few states; of many, to how many others each leads, and how probable it is to stay."""
        if self.n_states > MOST_SHOWN:
            return [("leads to", self._counted(), "d"), ("stay", self._stays(), ".4f")]
        return [(f"to {name}", column, ".4f") for name, column in zip(names, self.to_dense().T, strict=True)]

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        if self.n_states <= plotting.MOST_SQUARES:
            plotting.draw_chain(ax, initial, self.to_dense(), names, self.n_states <= MOST_SHOWN, final)
        else:
            self._draw_many(ax, initial, final)

    @abstractmethod
    def _draw_many(self, ax: Any, initial: FloatArray, final: FloatArray | None) -> None:
        """Draw many states, of which several share a place."""


def dense_of(n_states: int, rows: StateArray, columns: StateArray, probabilities: FloatArray) -> FloatArray:
    """A matrix of listed probabilities."""
    _checks.dense_in_memory(n_states)
    matrix = np.zeros((n_states, n_states))
    matrix[rows, columns] = probabilities
    dense: FloatArray = frozen(matrix)
    return dense
