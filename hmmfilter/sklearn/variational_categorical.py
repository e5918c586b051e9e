"""Chains of states that show symbols, learnt as distributions of their parameters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.rows import fill_rows
from hmmfilter.sklearn.base import BaseHMM, Stats
from hmmfilter.sklearn.outcomes import OfSymbols
from hmmfilter.sklearn.variational import Fill, VariationalHMM, admitted, mean_of, prior_of
from hmmfilter.sklearn.variational_beliefs import dirichlet_divergence, expected_logs


@as_in(BaseHMM, VariationalHMM)
class VariationalCategoricalHMM(OfSymbols, VariationalHMM):
    """A hidden Markov model of symbols, whole numbers from 0, one a row; its parameters have distributions.

    What is asked of it, scores, paths and samples, is of the expected probabilities. States that the data do not need
    keep their priors, and are hardly visited. The highest lower bound of several starts is the one to keep.

    Parameters
    ----------
    n_components, startprob_prior, transmat_prior
        As in `VariationalHMM`.
    emissionprob_prior : array_like, optional
        The same of each row of ``emissionprob_``.
    n_features : int, optional
        M, the number of symbols. Without it, a fit takes those up to the largest that it sees.
    algorithm, random_state, n_iter, tol, verbose
        As in `BaseHMM`.
    params, init_params : str
        As in `BaseHMM`. Here "e" is for symbols.
    implementation
        As in `BaseHMM`.

    Attributes
    ----------
    startprob_prior_, startprob_posterior_, transmat_prior_, transmat_posterior_, monitor_
        As in `VariationalHMM`.
    emissionprob_prior_, emissionprob_posterior_ : ndarray, (K, M)
        The same of symbols.
    startprob_, transmat_, emissionprob_ : ndarray
        The expected probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import VariationalCategoricalHMM
    >>> X = np.tile([0, 1, 2], 20).reshape(-1, 1)
    >>> model = VariationalCategoricalHMM(4, random_state=1).fit(X)
    >>> len(np.unique(model.predict(X)))  # of four states
    3
    """

    emissionprob_prior_: FloatArray
    emissionprob_posterior_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        startprob_prior: Any = None,
        transmat_prior: Any = None,
        emissionprob_prior: npt.ArrayLike | None = None,
        n_features: int | None = None,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 100,
        tol: float = 1e-6,
        verbose: bool = False,
        params: str = "ste",
        init_params: str = "ste",
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
        self.emissionprob_prior = emissionprob_prior
        self.n_features = n_features

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        n = self.n_components
        return {"s": n - 1, "t": n * (n - 1), "e": n * (self.n_features - 1)}

    def _init(self, X: Any, lengths: Any = None) -> None:
        super()._init(X, lengths)
        if self._needs_beliefs("e", "emissionprob_posterior_", "emissionprob_prior_"):
            rng, shape = check_random_state(self.random_state), (self.n_components, self.n_features)
            self.emissionprob_prior_ = prior_of("emissionprob_prior", self.emissionprob_prior, shape)
            drawn = np.zeros(shape)
            for row, prior in zip(drawn, self.emissionprob_prior_, strict=True):
                row[prior > 0] = rng.dirichlet(prior[prior > 0])
            share = len(X) / self.n_components
            self.emissionprob_posterior_ = admitted(drawn * share, self.emissionprob_prior_)

    def _check(self) -> None:
        self.emissionprob_prior_, self.emissionprob_posterior_ = _checks.concentrations(
            "emissionprob",
            self.emissionprob_prior_,
            self.emissionprob_posterior_,
            (self.n_components, self.n_features),
        )
        super()._check()

    def _set_means(self) -> None:
        super()._set_means()
        self.emissionprob_ = mean_of(self.emissionprob_posterior_)

    def _fill_expected_logs(self, emission: Any) -> Fill:
        logs = expected_logs(self.emissionprob_posterior_).T
        return partial(fill_rows, frozen(np.vstack([logs, np.zeros(self.n_components)])))

    def _divergence(self) -> float:
        return dirichlet_divergence(self.emissionprob_posterior_, self.emissionprob_prior_)

    def _maximise(self, stats: Stats) -> None:
        if "e" in self.params:
            counts = stats["shown"].reshape(self.emissionprob_prior_.shape)
            self.emissionprob_posterior_ = self.emissionprob_prior_ + counts
