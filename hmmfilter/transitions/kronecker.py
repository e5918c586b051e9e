"""Two chains side by side, that move independently of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._ways import Counted, tallied
from hmmfilter.emissions.protocol import log_of
from hmmfilter.priors import Dirichlet
from hmmfilter.results.moves import KroneckerCounts
from hmmfilter.transitions.banded import Banded
from hmmfilter.transitions.dense import Dense
from hmmfilter.transitions.elimination import rhythm
from hmmfilter.transitions.learnt import (
    InRows,
    Learning,
    Moves,
    at_random,
    normalised,
    over,
    rows_by,
    table_of,
    table_of_counts,
)
from hmmfilter.transitions.protocol import Moved, Transitions
from hmmfilter.transitions.sparse import Sparse
from hmmfilter.transitions.structure import Listed, Mapped, Structured, dense_of

FACTORS = (Dense, Sparse, Banded)


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Kronecker(Learning, Mapped):
    """Two chains side by side, that move independently of each other: first the one takes a step, then the other.

    A state is a pair (s, r) of states of both, with the number s n_b + r, and p(s', r' | s, r) = a[s, s'] b[r, r'].
    A step costs n_b times the moves of a and n_a times those of b, where a matrix would have their product.

    Parameters
    ----------
    a, b : array_like, scipy.sparse array, Dense, Sparse or Banded
        How each moves; rows sum to 1.
    normalize : bool
        Whether to divide each row of an array by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution, or a factor none of these.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> voiced = [[0.99, 0.01], [0.01, 0.99]]
    >>> pitch = hf.transitions.local(601, width=25)
    >>> hf.transitions.Kronecker(voiced, pitch)
    Kronecker: 1202 states, 2 x 601
      state  leads to    stay
          0        26  0.1414
          1        28  0.1250
          2        30  0.1129
       ...
       1200        28  0.1250
       1201        26  0.1414
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset({"a", "b"})

    a: Any
    b: Any

    def __init__(
        self,
        a: npt.ArrayLike | Transitions | Dense | Structured,
        b: npt.ArrayLike | Transitions | Dense | Structured,
        *,
        normalize: bool = False,
    ) -> None:
        self._freeze(a=_factor("a", a, normalize), b=_factor("b", b, normalize))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return int(self.a.n_states * self.b.n_states)

    @cached_property
    def _factors(self) -> tuple[Sparse, Sparse]:
        """Both by their moves."""
        return _by_moves(self.a), _by_moves(self.b)

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
        >>> hf.transitions.Kronecker([[1.0]], [[0.5, 0.5], [0.0, 1.0]]).to_dense()
        array([[0.5, 0.5],
               [0. , 1. ]])
        """
        _checks.dense_in_memory(self.n_states)
        dense: FloatArray = frozen(np.kron(*(factor.to_dense() for factor in self._factors)))
        return dense

    def stationary(self) -> FloatArray:
        """Compute where the chain settles in the long run: each of both where it does alone.

        Returns
        -------
        ndarray, (K,)
            Probabilities that a step leaves as they are.

        Raises
        ------
        ValueError
            Where there is more than one such distribution, or one that doubles cannot hold.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Kronecker([[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.5, 0.5]]).stationary()
        array([0.375, 0.375, 0.125, 0.125])
        """
        first, second = self.a.stationary(), self.b.stationary()
        settled_in = [np.flatnonzero(first), np.flatnonzero(second)]
        _checks.one_rhythm(math.gcd(*map(rhythm, self._factors, settled_in)))
        states = self.b.n_states * settled_in[0][:, np.newaxis] + settled_in[1]
        together: FloatArray = np.kron(first, second).astype(np.float64)
        _checks.representable(together[states.ravel()], states.ravel())
        return together

    def _listed(self) -> Listed:
        """From (s, r) by b to (s, r') between, and from there by a to (s', r')."""
        a, b = self._factors
        n_states, n_second = self.n_states, b.n_states
        begins = n_second * np.arange(a.n_states)[:, np.newaxis]
        beside = np.arange(n_second)
        since = n_second * a.rows[:, np.newaxis].astype(np.int64) + beside
        to = n_second * a.columns[:, np.newaxis].astype(np.int64) + beside
        return Listed(
            n_states,
            np.concatenate([(begins + b.rows).ravel(), since.ravel() + n_states]),
            np.concatenate([(begins + b.columns).ravel() + n_states, to.ravel() + 2 * n_states]),
            np.concatenate([np.tile(b.log_values, a.n_states), np.repeat(a.log_values, n_second)]),
        )

    def _moves_of_each(self, found: Counted) -> dict[str, Moves]:
        """How often each of both made each of its moves; the first after the second, by a state between."""
        n_states, n_second = self.n_states, self.b.n_states
        is_second = found.sources < n_states
        source, target = found.sources - n_states, found.targets - 2 * n_states
        first = Moves(source // n_second, target // n_second, found.counts)
        second = Moves(found.sources % n_second, (found.targets - n_states) % n_second, found.counts)
        return {
            "a": first.chosen(~is_second),
            "b": second.chosen(is_second),
        }

    def _shaped(self, found: Counted) -> tuple[KroneckerCounts, dict[str, Any]]:
        shaped = [
            _shaped_factor(factor, moves)
            for factor, moves in zip((self.a, self.b), self._moves_of_each(found).values(), strict=True)
        ]
        counts, columns = zip(*shaped, strict=True)
        names = np.repeat(["a", "b"], [len(part["from"]) for part in columns])
        heads = {head: np.concatenate([part[head] for part in columns]) for head in ("from", "to", "count")}
        return KroneckerCounts(*counts), {"chain": names, **heads}

    @property
    def _each(self) -> dict[str, Any]:
        return {"a": self.a, "b": self.b}

    def _parameters(self) -> dict[str, FloatArray]:
        return {name: table_of(factor) for name, factor in self._each.items()}

    def _with(self, parameters: dict[str, FloatArray]) -> Kronecker:
        return Kronecker(_of_table(self.a, parameters["a"]), _of_table(self.b, parameters["b"]))

    def _maximised(self, moved: Moved, prior: Dirichlet | None, groups: dict[str, IntArray]) -> Kronecker:
        before, moves = self._parameters(), self._moves_of_each(moved.counts)
        return self._with(
            {
                name: rows_by(table_of_counts(factor, moves[name], before[name]), before[name], prior, groups[name])
                for name, factor in self._each.items()
            }
        )

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        tables, moves = self._parameters(), self._moves_of_each(moved.counts)
        return {
            name: over(table_of_counts(factor, moves[name], tables[name]), tables[name])
            for name, factor in self._each.items()
        }

    def _natural(self) -> FloatArray:
        return log_of(np.concatenate([table.ravel() for table in self._parameters().values()]))

    def _of_natural(self, vector: FloatArray) -> Kronecker | None:
        first, second = self._parameters().values()
        parts = vector[: first.size].reshape(first.shape), vector[first.size :].reshape(second.shape)
        return self._with(dict(zip("ab", map(normalised, parts), strict=True)))

    def _at_random(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        return {name: at_random(factor, table_of(factor), rng) for name, factor in self._each.items()}

    def _counted(self) -> IntArray:
        counts: IntArray = np.kron(*(factor._counted() for factor in self._factors))
        return counts

    def _stays(self) -> FloatArray:
        first, second = (factor._stays() for factor in self._factors)
        stays: FloatArray = np.kron(first, second).astype(np.float64)
        return stays

    def _reordered(self, order: IntArray) -> Kronecker:
        _checks.same_numbers("Kronecker", order)
        return self

    def _draw_many(self, ax: Any, initial: FloatArray, final: FloatArray | None) -> None:
        plotting.draw_factors(ax, {name: factor._map() for name, factor in zip("ab", self._factors, strict=True)})

    def _title(self) -> str:
        return f"{super()._title()}, {self.a.n_states} x {self.b.n_states}"


def _factor(name: str, value: Any, normalize: bool) -> Any:
    """A factor as it is, or one of a matrix."""
    if _checks.is_sparse(value):
        return Sparse._of(_checks.listed_moves(name, value, normalize))
    if not hasattr(value, "n_states"):
        return Dense(_checks.transition_matrix(value, normalize, name))
    _checks.factor(name, value, FACTORS)
    return value


def _of_table(factor: Dense | Sparse | Banded, table: FloatArray) -> Dense | Sparse | Banded:
    """A factor of the same moves with other probabilities."""
    if isinstance(factor, InRows):
        its: Sparse | Banded = factor._of_table(table)
        return its
    return Dense(table)


def _shaped_factor(factor: Dense | Sparse | Banded, moves: Moves) -> tuple[Any, dict[str, Any]]:
    """Counts of the moves of one, in its own shape; states between are many, and so are counts of each of its moves."""
    listed = _by_moves(factor)
    totals = tallied(listed._numbers_of(moves.rows, moves.columns), moves.counts, listed.n_moves)
    sources, targets = listed.rows.astype(np.int64), listed.columns + np.int64(listed.n_states)
    if isinstance(factor, InRows):
        return factor._shaped(Counted(factor.n_states, 0, sources, targets, totals))
    columns = {"from": listed.rows, "to": listed.columns, "count": totals}
    return dense_of(factor.n_states, listed.rows, listed.columns, totals), columns


def _by_moves(factor: Dense | Sparse | Banded) -> Sparse:
    if isinstance(factor, Sparse):
        return factor
    return Sparse(factor.matrix) if isinstance(factor, Dense) else factor._sparse()
