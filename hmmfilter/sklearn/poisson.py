"""Chains of states that show counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Poisson, Product
from hmmfilter.sklearn.base import BaseHMM, Stats
from hmmfilter.sklearn.manners import OfRows, OfWholeNumbers


@as_in(BaseHMM)
class PoissonHMM(OfWholeNumbers, OfRows, BaseHMM):
    """A hidden Markov model of counts, several a row, which are independent given the state.

    Parameters
    ----------
    n_components
        As in `BaseHMM`.
    startprob_prior, transmat_prior
        As in `BaseHMM`.
    lambdas_prior, lambdas_weight : array_like
        What is known of rates beforehand, as α events in β rows would tell it: a number, (K,) or (K, D). A fit comes
        to rates of (α + events) / (β + rows): these have the most probable logs, where rates have the gamma prior of
        shape α and rate β.
    algorithm, random_state, n_iter, tol, verbose
        As in `BaseHMM`.
    params, init_params : str
        As in `BaseHMM`. Here "l" is for ``lambdas_``.
    implementation
        As in `BaseHMM`.

    Attributes
    ----------
    startprob_, transmat_, monitor_
        As in `BaseHMM`.
    lambdas_ : ndarray, (K, D)
        The mean counts in each state.
    n_features : int
        D, how many counts a row has.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import PoissonHMM
    >>> model = PoissonHMM(n_components=2, init_params="")
    >>> model.startprob_ = np.array([0.5, 0.5])
    >>> model.transmat_ = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> model.lambdas_ = np.array([[1.0], [5.0]])
    >>> model.fit([[0], [2], [1], [7], [9], [8], [1], [0]]).lambdas_.round(2)
    array([[0.8 ],
           [7.94]])
    """

    lambdas_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        startprob_prior: npt.ArrayLike = 1.0,
        transmat_prior: npt.ArrayLike = 1.0,
        lambdas_prior: npt.ArrayLike = 0.0,
        lambdas_weight: npt.ArrayLike = 0.0,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
        verbose: bool = False,
        params: str = "stl",
        init_params: str = "stl",
        implementation: str = "log",
    ) -> None:
        super().__init__(
            n_components,
            startprob_prior,
            transmat_prior,
            algorithm,
            random_state,
            n_iter,
            tol,
            verbose,
            params,
            init_params,
            implementation,
        )
        self.lambdas_prior = lambdas_prior
        self.lambdas_weight = lambdas_weight

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        _checks.counts_alone(cls.__name__, _channels(emission), getattr(emission, "columns", None), Poisson)
        return {}

    def _take(self, emission: Any) -> None:
        self.lambdas_ = np.column_stack([channel.rate for channel in _channels(emission)])

    @property
    def _emission(self) -> Any:
        return Poisson(self.lambdas_[:, 0] if self.n_features == 1 else self.lambdas_)  # of several, a product

    def _check_and_set_n_features(self, X: Any) -> None:
        self.n_features = X.shape[1]

    def _init(self, X: Any, lengths: Any = None) -> None:
        super()._init(X, lengths)
        if self._needs_init("l", "lambdas_"):
            mean, variance, shape = X.mean(), X.var(), (self.n_components, self.n_features)
            self.lambdas_ = np.full(shape, mean, dtype=float)  # where all counts are the same
            if variance > 0:
                rng = check_random_state(self.random_state)
                self.lambdas_ = rng.gamma(mean**2 / variance, variance / mean, size=shape)

    def _check(self) -> None:
        super()._check()
        self.lambdas_ = np.array(_checks.rates_of_estimator(self.lambdas_, self.n_components))
        self.n_features = self.lambdas_.shape[1]

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        return super()._get_n_fit_scalars_per_param() | {"l": self.n_components * self.n_features}

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> Any:
        return random_state.poisson(self.lambdas_[state])

    def _beliefs(self) -> tuple[FloatArray, FloatArray]:
        """How many events the prior is worth, and how many rows, (K, D)."""
        given = {"lambdas_prior": self.lambdas_prior, "lambdas_weight": self.lambdas_weight}
        events, rows = (_checks.worth_of_estimator(name, value, self.lambdas_.shape) for name, value in given.items())
        return events, rows

    def _maximise(self, stats: Stats) -> None:
        if "l" in self.params:
            events, rows = self._beliefs()
            names = [""] if self.n_features == 1 else [f"{d}." for d in range(self.n_features)]
            events = events + np.column_stack([stats[f"{name}sum"] for name in names])
            rows = rows + np.column_stack([stats[f"{name}weight"] for name in names])
            self.lambdas_ = np.divide(events, rows, out=self.lambdas_.copy(), where=rows > 0)

    def _log_prior(self) -> float:
        density = super()._log_prior()
        if "l" in self.params:
            events, rows = self._beliefs()
            density += float(np.sum(xlogy(events, self.lambdas_) - rows * self.lambdas_))
        return density


def _channels(emission: Any) -> tuple[Any, ...]:
    """The emissions of each column."""
    return emission.channels if isinstance(emission, Product) else (emission,)
