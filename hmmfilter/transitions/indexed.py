"""Several matrices, of which each step says which leads on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._distributions import most_likely
from hmmfilter.emissions.protocol import log_of
from hmmfilter.priors import Dirichlet
from hmmfilter.results.outline import Column
from hmmfilter.transitions.protocol import Moved, Printed, Told, steps_that_lead_on


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Indexed(Printed):
    """Several matrices, of which each step says which leads on to the next: weekdays, treatments, regimes.

    At each question, ``transition_index=`` says of each observation by which matrix the chain moves on from there; what
    it says of the last one of a sequence is not asked for.

    Parameters
    ----------
    matrices : array_like, (M, K, K)
        p(h_{t+1} = j | h_t = i) at [m, i, j], where step t has index m; rows sum to 1.
    names : list of str, optional
        M different names, by which an index may call the matrices, instead of by their numbers.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution, or names are not as above.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.transitions.Indexed([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.0, 1.0]]], names=["work", "rest"])
    Indexed: 2 states, 2 matrices
      state  work: to 0  work: to 1  rest: to 0  rest: to 1
          0      0.9000      0.1000      0.5000      0.5000
          1      0.2000      0.8000      0.0000      1.0000

    In a model, each observation says what leads on from it:

    >>> week = hf.transitions.Indexed([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.0, 1.0]]], names=["work", "rest"])
    >>> model = hf.HMM([0.5, 0.5], week, hf.emissions.Poisson([1.0, 5.0]))
    >>> model.viterbi([0, 1, 4, 6], transition_index=["work", "work", "rest", "rest"]).path
    array([0, 0, 1, 1])
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset({""})
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    matrices: FloatArray
    names: tuple[str, ...] | None = None

    def __init__(self, matrices: npt.ArrayLike, names: Sequence[str] | None = None, *, normalize: bool = False) -> None:
        given = _checks.transition_matrices(matrices, normalize)
        self._freeze(matrices=given, names=_checks.matrix_names(names, len(given)))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return int(self.matrices.shape[1])

    @property
    def n_matrices(self) -> int:
        """M, the number of matrices."""
        return len(self.matrices)

    @cached_property
    def log_matrices(self) -> FloatArray:
        """Natural logs of the matrices, (M, K, K)."""
        return log_of(self.matrices)

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset({"transition_index"})

    def _told(self, beside: Beside) -> Told:
        steps = steps_that_lead_on(beside.starts)
        index = _checks.given_index(beside.transition_index)
        numbers = _checks.numbers_of_matrices(index, self.names)
        _checks.matrices_known(numbers, steps, self.n_matrices)
        which = np.zeros(len(numbers), dtype=np.int64)
        which[steps] = numbers[steps]
        return Told(np.arange(float(self.n_matrices)), which if self.n_matrices > 1 else None)

    def _log_matrices(self, of: FloatArray) -> FloatArray:
        return self.log_matrices[of.astype(np.int64)]

    def stationary(self) -> FloatArray:
        """Refuse: the chain moves otherwise from step to step, and settles nowhere.

        Raises
        ------
        ValueError
            Always.
        """
        _checks.one_stationary("Indexed")

    def _given(self) -> dict[str, BoolArray]:
        return {}

    def _admit(self, prior: Any) -> None:
        _checks.prior_of_kind("the prior of the transition", prior, Dirichlet)
        prior._admitted("the prior of the transition", self.matrices.shape)

    def _parameters(self) -> dict[str, FloatArray]:
        return {"": self.matrices}

    def _with(self, parameters: dict[str, FloatArray]) -> Indexed:
        return Indexed(parameters[""], self.names)

    def _reordered(self, order: IntArray) -> Indexed:
        return Indexed(self.matrices[:, order[:, np.newaxis], order], self.names)

    def _maximised(self, moved: Moved, prior: Any, groups: dict[str, IntArray]) -> Indexed:
        counts = self._by_matrix(moved.of, moved.counts)
        if prior is not None:
            counts = counts + prior._added(counts.shape)
        rows = (-1, self.n_states)
        group = groups[""].reshape(rows) if "" in groups else None
        matrices = most_likely(counts.reshape(rows), self.matrices.reshape(rows), group)
        return self._with({"": matrices.reshape(self.matrices.shape)})

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        return {"": self._by_matrix(moved.of, moved.slopes)}

    def _by_matrix(self, of: FloatArray, sums: FloatArray) -> FloatArray:
        """Sums of all matrices, 0 of those by which nothing moved."""
        of_all = np.zeros(self.matrices.shape)
        of_all[of.astype(np.int64)] = sums
        return of_all

    def _natural(self) -> FloatArray:
        return self.log_matrices.ravel()

    def _of_natural(self, vector: FloatArray) -> Indexed | None:
        with np.errstate(over="ignore", invalid="ignore"):
            weights = np.exp(vector).reshape(self.matrices.shape)
            matrices = weights / weights.sum(axis=-1, keepdims=True)
        return self._with({"": matrices}) if np.isfinite(matrices).all() else None

    def _called(self) -> tuple[str, ...]:
        return self.names or tuple(map(str, range(self.n_matrices)))

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        plotting.draw_matrices(ax, self.matrices, self._called(), names)

    def _title(self) -> str:
        return f"{super()._title()}, {self.n_matrices} matrices"

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        return [
            (f"{called}: to {name}", column, ".4f")
            for called, matrix in zip(self._called(), self.matrices, strict=True)
            for name, column in zip(names, matrix.T, strict=True)
        ]
