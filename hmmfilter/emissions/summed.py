"""Families that learn from short sums: of what few features of the observations say."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter.emissions import climbing
from hmmfilter.emissions.families import Family, seen
from hmmfilter.emissions.learning import ROWS, Groups, Observed, add_in_two_parts, pooled

Self = TypeVar("Self", bound="Summed")
ROUNDING = 2.0**-47  # of a sum of squares about a number, as a share: about the mean nothing is left but that


def mean_of(sums: FloatArray, weight: FloatArray) -> FloatArray:
    """Sums over weights; 0 where nothing has any."""
    return np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)


def _total(by_state: FloatArray, feature: FloatArray) -> FloatArray:
    """Σ w f, (K,), of (K, T) weights; what counts nothing may have infinite features."""
    terms = by_state * feature
    total: FloatArray = terms.sum(axis=1)
    return total if np.isfinite(total).all() else np.where(by_state > 0, terms, 0.0).sum(axis=1)


class Summed(Family):
    """A family that learns from sums of a few features of the observations, and of how much they count."""

    FEATURES: ClassVar[tuple[str, ...]]

    # What each family says, besides what all do but for `_slopes`.

    @abstractmethod
    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        """The features of observations, (T,) each, or (T, K) where they are about what a state is; x is never missing.

        Together with the weights, which come first, their sums are (1 + F, K).
        """

    @abstractmethod
    def _expected(self, sums: Any) -> FloatArray:
        """Σ w log p(v | h), of each state, by sums that `_told` has made; as far as it depends on the parameters."""

    @abstractmethod
    def _rises(self, sums: Any) -> dict[str, FloatArray]:
        """The derivatives of that with respect to each parameter."""

    @abstractmethod
    def _most_probable(self, sums: Any) -> dict[str, FloatArray]:
        """The parameters at the top of that; a state without weight may have any."""

    def _told(self, sums: FloatArray) -> FloatArray:
        """Sums of features that are about the parameters of this one, as any other one can read them."""
        return sums

    def _believed(self, prior: Any) -> FloatArray:
        """What a conjugate prior, if there is one, adds to such sums."""
        return np.zeros((1 + len(self.FEATURES), self.n_states))

    # What follows.

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        """Of each observation by itself: those of sums of one."""
        ones = np.ones((len(x), self.n_states))
        sums = np.array([ones, *(ones * (each if each.ndim == 2 else each[:, None]) for each in self._features(x))])
        return self._rises(self._told(sums))

    @property
    def _keeps(self) -> bool:
        return False

    def _sums(self, observed: Observed) -> FloatArray:
        return np.zeros((2, (1 + len(self.FEATURES)) * self.n_states))

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        for first in range(begin, end, ROWS):
            x = observed[0][first : min(first + ROWS, end)]
            counted, are_seen = weights[first - begin : first - begin + len(x)], seen(x)
            if not are_seen.all():
                x, counted = frozen(x[are_seen]), counted[are_seen]
            by_state = np.ascontiguousarray(counted.T)
            with np.errstate(invalid="ignore"):  # of features that are infinite, whose sums have no second part
                terms = [by_state.sum(axis=1), *(_total(by_state, each.T) for each in self._features(x))]
                add_in_two_parts(np.concatenate(terms), sums)

    def _maximised(self: Self, shown: Any, prior: Any, groups: Groups) -> Self:
        sums = shown.reshape(-1, self.n_states)
        whole = self._tied_as_wholes(groups)
        if whole is None:
            best: Self = climbing.climbed(self, self._told(sums) + self._believed(prior), groups)
            return best
        sums = self._told(np.array(pooled(whole, *sums)))
        sums = sums + np.array(pooled(whole, *self._believed(prior)))
        values = self._parameters()
        is_learnt = (whole >= 0) & (sums[0] > 0)
        return self._with(
            {name: np.where(is_learnt, best, values[name]) for name, best in self._most_probable(sums).items()}
        )

    def _tied_as_wholes(self, groups: Groups) -> IntArray | None:
        """Which states are one, −1 where held, if each is free or held as a whole, and those that are one are equal."""
        values, alone = self._parameters(), np.arange(self.n_states)
        each = [groups.get(name, alone) for name in self.DOMAINS]
        firsts = np.array([[np.flatnonzero(group == n)[0] if n >= 0 else -1 for n in group] for group in each])
        whole: IntArray = firsts[0]
        if (firsts != whole).any():
            return None
        free = np.flatnonzero(whole >= 0)
        are_equal = all((value[free] == value[whole[free]]).all() for value in values.values())
        return whole if are_equal else None

    def _weight(self, shown: Any) -> FloatArray:
        weight: FloatArray = shown[0]
        return weight

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        return self._rises(self._told(shown.reshape(-1, self.n_states)))

    def _statistics(self, shown: Any) -> dict[str, FloatArray]:
        return dict(zip(("weight", *self.FEATURES), shown.reshape(-1, self.n_states), strict=True))
