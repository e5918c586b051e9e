"""How an emission learns: what `hmmfilter.fit` asks of one of your own, and what those of this house do besides.

An emission of your own learns by three: ``estimated`` makes the one that is most probable for observations of which
each belongs to each state to some degree, ``guessed`` does so from nothing but those degrees, and ``n_parameters`` says
how many free numbers it has. Those of this house do the same in two steps, so that no table of all degrees is needed:
observations are let in once, `_observed`, and what they show is added up, `_add`, block by block; of the sums comes the
emission, `_maximised`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.emissions.protocol import Emission

Observed = tuple[Any, ...]  # observations as they are let in: arrays; the first has a row of each, NaN where missing
Groups = dict[str, IntArray]  # by the names of parameters: which of their entries are one number; −1 where one is held
HELD = -1
Self = TypeVar("Self")


class Learner(Emission, Protocol):
    """An emission that learns."""

    @property
    def n_parameters(self) -> int:
        """How many free numbers it has; zeros of a distribution are none."""
        ...

    def estimated(self: Self, observations: Any, weights: FloatArray, prior: Any = None) -> Self:
        """Estimate the parameters from observations that belong to the states as much as (T, K) weights say."""
        ...

    @classmethod
    def guessed(cls: type[Self], observations: Any, weights: FloatArray, **options: Any) -> Self:
        """Make an emission of such observations without having one."""
        ...


class Sums(Learner, Protocol):
    """An emission that learns from sums, as all of this house do."""

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset()  # the parameters whose rows sum to 1
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}  # of other parameters that may end at one

    def _observed(self, observations: Any) -> Observed:
        """Let observations in: the checks of `log_likelihoods`, once for many steps of learning."""
        ...

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows."""
        ...

    def _sums(self, observed: Observed) -> FloatArray:
        """Zeros, (2, n): room for sums in two parts."""
        ...

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show, each as often as (rows, K) weights say, compensated, to sums in two parts."""
        ...

    def _maximised(self: Self, sums: FloatArray, prior: Any, groups: Groups) -> Self:
        """The emission that is most probable for such sums, (n,), and a prior, if there is one.

        Entries of one group are one number; groups are those of `_parameters`, and a name that they lack is all free. A
        state of which nothing was seen keeps its parameters.
        """
        ...

    def _score(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The derivatives of Σ w log p(v | h) with respect to each entry of the parameters, all taken as free."""
        ...

    @property
    def _symmetric(self) -> frozenset[str]:
        """The parameters that are symmetric matrices; their scores count each entry of the lower triangle twice."""
        return frozenset()

    def _statistics(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The sums by their names, for `hmmfilter.expected_statistics`."""
        ...

    def _parameters(self) -> dict[str, FloatArray]:
        """All numbers that are learnt, by their names."""
        ...

    def _with(self: Self, parameters: dict[str, FloatArray]) -> Self:
        """An emission of the same kind with these parameters."""
        ...

    def _natural(self) -> FloatArray:
        """The parameters as a vector in which steps are extrapolated: natural ones, or logs; infinite where at 0."""
        ...

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        """The emission of such a vector, or None where there is none."""
        ...


def pooled(groups: IntArray, *sums: FloatArray) -> list[FloatArray]:
    """Sums of all entries of a group, at each of its entries."""
    chosen = groups >= 0
    totals = []
    for each in sums:
        total = np.zeros_like(each)
        by_group = np.bincount(groups[chosen], weights=each[chosen])
        total[chosen] = by_group[groups[chosen]]
        totals.append(total)
    return totals
