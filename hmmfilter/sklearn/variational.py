"""Variational estimators: they learn distributions of parameters, and not only the most probable ones.

States and parameters are taken as independent of each other, given the data. A step of expectation then is that of any
model whose logs of probabilities are replaced by what is expected of them, which need not sum to 1; a step of learning
adds what is expected of states to the prior. Both raise a lower bound of the log-probability of the data.

References
----------
Beal, "Variational algorithms for approximate Bayesian inference", thesis, University of London (2003), chapter 3.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._drivers.expectations import expect
from hmmfilter.emissions.learning import Observed
from hmmfilter.sklearn.base import BaseHMM, Stats
from hmmfilter.sklearn.variational_beliefs import dirichlet_divergence, expected_logs

Fill = Callable[[Observed, int, int, FloatArray], None]


class VariationalHMM(BaseHMM):
    """A chain whose probabilities have Dirichlet distributions, and whose observations a subclass knows of.

    What is asked of it, scores, paths and samples, is of the expected parameters. States that the data do not need keep
    their priors, and are hardly visited.

    A subclass has, besides what `BaseHMM` asks for, ``_fill_expected_logs(emission)``, what is expected of the
    log-likelihoods of rows, and ``_divergence()``, how far beliefs about its emission are from the prior.

    Parameters
    ----------
    n_components : int
        K, the number of states that there may be.
    startprob_prior, transmat_prior : array_like, optional
        Concentrations of the Dirichlet priors of ``startprob_`` and of each row of ``transmat_``: a number, or one for
        each entry, of which those that are 0 rule out what they are of. Without them, the ones of each row sum to 1.

    Attributes
    ----------
    startprob_prior_, startprob_posterior_ : ndarray, (K,)
        Concentrations before the data, and after them.
    transmat_prior_, transmat_posterior_ : ndarray, (K, K)
        The same of moves.
    monitor_ : ConvergenceMonitor
        The lower bound at each iteration. One that is set before `fit` is used.
    """

    startprob_prior_: FloatArray
    startprob_posterior_: FloatArray
    transmat_prior_: FloatArray
    transmat_posterior_: FloatArray

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        return _checks.no_beliefs(cls.__name__)

    @abstractmethod
    def _fill_expected_logs(self, emission: Any) -> Fill:
        """What fills (rows, K) with E(log p(v | h)) of some rows, by the emission of the expected parameters."""

    @abstractmethod
    def _divergence(self) -> float:
        """KL of what is believed of the emission, from its prior."""

    def _needs_beliefs(self, code: str, *names: str) -> bool:
        """Whether one of these attributes is to be set before a fit, and so all of them."""
        return any(self._needs_init(code, name) for name in names)

    def _init(self, X: Any, lengths: Any = None) -> None:
        self._check_and_set_n_features(X)
        n, rng = self.n_components, check_random_state(self.random_state)
        even, n_rows, n_sequences = np.full(n, 1.0 / n), len(X), 1 if lengths is None else len(lengths)
        if self._needs_beliefs("s", "startprob_posterior_", "startprob_prior_"):
            self.startprob_prior_ = prior_of("startprob_prior", self.startprob_prior, (n,))
            self.startprob_posterior_ = admitted(rng.dirichlet(even) * n_sequences, self.startprob_prior_)
        if self._needs_beliefs("t", "transmat_posterior_", "transmat_prior_"):
            self.transmat_prior_ = prior_of("transmat_prior", self.transmat_prior, (n, n))
            self.transmat_posterior_ = admitted(rng.dirichlet(even, size=n) * n_rows / n, self.transmat_prior_)

    def _check(self) -> None:
        n = self.n_components
        self.startprob_prior_, self.startprob_posterior_ = _checks.concentrations(
            "startprob", self.startprob_prior_, self.startprob_posterior_, (n,)
        )
        self.transmat_prior_, self.transmat_posterior_ = _checks.concentrations(
            "transmat", self.transmat_prior_, self.transmat_posterior_, (n, n)
        )
        self._set_means()

    def _set_means(self) -> None:
        """Set the parameters that scores, paths and samples are of: what is expected of each."""
        self.startprob_ = mean_of(self.startprob_posterior_)
        self.transmat_ = mean_of(self.transmat_posterior_)

    def _do_estep(self, X: Any, lengths: Any) -> tuple[Stats, float]:
        emission = self._emission
        source = _Source(emission, emission._observed(X), self._fill_expected_logs(emission))
        starts = frozen(np.concatenate([[0], np.cumsum(lengths)]))
        expected = expect(
            frozen(expected_logs(self.startprob_posterior_)),
            frozen(expected_logs(self.transmat_posterior_)),
            starts,
            np.ones(len(lengths)),
            source,
            1,
            False,
        )
        _checks.possible_evidence(expected.n_possible, starts, lengths)
        stats = {"start": expected.initial, "trans": expected.transition, "shown": expected.emission}
        return stats, math.fsum(expected.log_likelihood)

    def _do_mstep(self, stats: Stats) -> None:
        if "s" in self.params:
            self.startprob_posterior_ = self.startprob_prior_ + stats["start"]
        if "t" in self.params:
            self.transmat_posterior_ = self.transmat_prior_ + stats["trans"]
        self._maximise(stats)
        self._set_means()

    def _compute_lower_bound(self, log_likelihood: float) -> float:
        return log_likelihood - (
            dirichlet_divergence(self.startprob_posterior_, self.startprob_prior_)
            + dirichlet_divergence(self.transmat_posterior_, self.transmat_prior_)
            + self._divergence()
        )


class _Source:
    """What the recursions ask; see `hmmfilter._drivers.expectations.Source`."""

    def __init__(self, emission: Any, observed: Observed, fill: Fill) -> None:
        self._emission, self._observed, self._fill = emission, observed, fill

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with what is expected of the log-likelihoods of some rows."""
        self._fill(self._observed, begin, end, table)

    def sums(self) -> FloatArray:
        """Zeros, (2, n)."""
        zeros: FloatArray = self._emission._sums(self._observed)
        return zeros

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show."""
        self._emission._add(self._observed, begin, end, posteriors, sums)


def prior_of(name: str, given: npt.ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    """The concentrations of a prior; those of each row sum to 1 where nothing is given."""
    return _checks.prior_concentrations(name, 1.0 / shape[-1] if given is None else given, shape)


def admitted(drawn: FloatArray, prior: FloatArray) -> FloatArray:
    """Concentrations that were drawn, but 0 where the prior is; and what was drawn as 0, as the prior has it."""
    return np.where((prior > 0) & (drawn > 0), drawn, prior)


def mean_of(concentrations: FloatArray) -> FloatArray:
    """The expected distributions."""
    rows: FloatArray = concentrations / concentrations.sum(axis=-1, keepdims=True)
    return rows
