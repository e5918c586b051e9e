"""What emissions with a distribution over outcomes in each state have in common: how these learn from counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, Valued
from hmmfilter._distributions import most_likely
from hmmfilter.emissions.learning import Groups, Observed, over
from hmmfilter.emissions.protocol import log_of
from hmmfilter.priors import Dirichlet

Self = TypeVar("Self", bound="OfDistributions")


class OfDistributions(Valued, ABC):
    """An emission with the probabilities of M outcomes in each of K states, whose sums are counts of these."""

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    probabilities: FloatArray

    @abstractmethod
    def _with(self: Self, parameters: dict[str, FloatArray]) -> Self:
        """One of the same kind with these probabilities."""

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probabilities)

    @property
    def n_parameters(self) -> int:
        """K (M − 1), less one for each probability of 0."""
        return int(np.count_nonzero(self.probabilities)) - self.n_states

    def _reordered(self: Self, order: IntArray) -> Self:
        return self._with({"probabilities": self.probabilities[order]})

    def _sums(self, observed: Observed) -> FloatArray:
        return np.zeros((2, self.probabilities.size))

    def _admit(self, prior: Any) -> None:
        _checks.prior_of_kind(f"the prior of a {type(self).__name__} emission", prior, Dirichlet)
        prior._admitted("the prior of the emission", self.probabilities.shape)

    def _log_prior(self, prior: Dirichlet, groups: Groups) -> float:
        return prior.log_density(self.probabilities, self._are_free(groups))

    def _prior_score(self, prior: Dirichlet, groups: Groups) -> dict[str, FloatArray]:
        return {"probabilities": prior._score(self.probabilities, self._are_free(groups))}

    def _are_free(self, groups: Groups) -> BoolArray:
        return groups["probabilities"] >= 0 if "probabilities" in groups else self.probabilities > 0

    def _maximised(self: Self, sums: FloatArray, prior: Dirichlet | None, groups: Groups) -> Self:
        counts = sums.reshape(self.probabilities.shape)
        if prior is not None:
            counts = counts + np.where(self._are_free(groups), prior._added(counts.shape), 0.0)
        return self._with({"probabilities": most_likely(counts, self.probabilities, groups.get("probabilities"))})

    def _score(self, sums: FloatArray) -> dict[str, FloatArray]:
        return {"probabilities": over(sums.reshape(self.probabilities.shape), self.probabilities)}

    def _statistics(self, sums: FloatArray) -> dict[str, FloatArray]:
        return {"counts": sums.reshape(self.probabilities.shape)}

    def _parameters(self) -> dict[str, FloatArray]:
        return {"probabilities": self.probabilities}

    def _natural(self) -> FloatArray:
        return log_of(self.probabilities).reshape(-1)

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        logs = vector.reshape(self.probabilities.shape)
        highest = logs.max(axis=1, keepdims=True)
        if not np.isfinite(highest).all():
            return None
        return self._with({"probabilities": most_likely(np.exp(logs - highest), self.probabilities)})
