"""What estimators with the probabilities of some outcomes in each state have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Categorical
from hmmfilter.sklearn.base import BaseHMM, Stats, log_density_of_rows, most_probable_rows
from hmmfilter.sklearn.manners import OfWholeNumbers

ROUNDED = 1e-9  # rows whose sums are farther from 1 were typed in, and are divided by them


def are_typed(rows: FloatArray) -> bool:
    """Whether rows of probabilities have to be divided by their sums."""
    return bool((abs(rows.sum(axis=1) - 1.0) > ROUNDED).any())


class OfOutcomes(BaseHMM):
    """An estimator with ``emissionprob_``, (n_components, n_features)."""

    n_features: Any
    emissionprob_: FloatArray
    emissionprob_prior: npt.ArrayLike = 1.0

    def _init(self, X: Any, lengths: Any = None) -> None:
        super()._init(X, lengths)
        if self._needs_init("e", "emissionprob_"):
            rows = check_random_state(self.random_state).rand(self.n_components, self.n_features)
            self.emissionprob_ = rows / rows.sum(axis=1, keepdims=True)

    def _check(self) -> None:
        super()._check()
        width = "M" if getattr(self, "n_features", None) is None else self.n_features
        rows = _checks.rows_of_estimator("emissionprob_", self.emissionprob_, (self.n_components, width))
        self.emissionprob_, self.n_features = np.array(rows), rows.shape[1]

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        n_zeros = np.count_nonzero(self.emissionprob_ == 0) if hasattr(self, "emissionprob_") else 0
        n_free = self.n_components * (self.n_features - 1) - int(n_zeros)
        return super()._get_n_fit_scalars_per_param() | {"e": n_free}

    def _maximise(self, stats: Stats) -> None:
        if "e" in self.params:
            self.emissionprob_ = most_probable_rows(
                "emissionprob_prior", self.emissionprob_prior, stats["counts"], self.emissionprob_
            )

    def _log_prior(self) -> float:
        density = super()._log_prior()
        if "e" in self.params:
            density += log_density_of_rows("emissionprob_prior", self.emissionprob_prior, self.emissionprob_)
        return density


class OfSymbols(OfWholeNumbers):
    """An estimator whose rows are single symbols, numbers from 0, with probabilities ``emissionprob_``."""

    n_features: Any
    emissionprob_: FloatArray

    @property
    def _emission(self) -> Categorical:
        return Categorical(self.emissionprob_, normalize=are_typed(self.emissionprob_))

    def _let_in(self, X: Any, lengths: Any, reset: bool = False) -> Any:
        rows, starts = super()._let_in(X, lengths, reset)  # type: ignore[misc]
        _checks.single_column(rows)
        return rows, starts

    def _check_and_set_n_features(self, X: Any) -> None:
        self.n_features = _checks.n_symbols_of_estimator(X, self.n_features)

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> list[int]:
        cumulated = np.cumsum(self.emissionprob_[state])
        return [int(np.searchsorted(cumulated / cumulated[-1], random_state.rand(), side="right"))]
