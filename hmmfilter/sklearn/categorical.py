"""Chains of states that show symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Categorical
from hmmfilter.sklearn.base import BaseHMM
from hmmfilter.sklearn.outcomes import OfOutcomes, OfSymbols


@as_in(BaseHMM)
class CategoricalHMM(OfSymbols, OfOutcomes):
    """A hidden Markov model of symbols: whole numbers from 0, one a row.

    Parameters
    ----------
    n_components
        As in `BaseHMM`.
    startprob_prior, transmat_prior
        As in `BaseHMM`.
    emissionprob_prior : array_like
        Concentrations of the Dirichlet prior of each row of ``emissionprob_``, from 1: a number, or (K, M).
    n_features : int, optional
        M, the number of symbols. Without it, a fit takes those up to the largest that it sees.
    algorithm, random_state, n_iter, tol, verbose
        As in `BaseHMM`.
    params, init_params : str
        As in `BaseHMM`. Here "e" is for ``emissionprob_``.
    implementation
        As in `BaseHMM`.

    Attributes
    ----------
    startprob_, transmat_, monitor_
        As in `BaseHMM`.
    emissionprob_ : ndarray, (K, M)
        p(symbol = m | state = k) at [k, m].

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import CategoricalHMM
    >>> model = CategoricalHMM(n_components=2)
    >>> model.startprob_ = np.array([0.6, 0.4])  # rainy, sunny
    >>> model.transmat_ = np.array([[0.7, 0.3], [0.4, 0.6]])
    >>> model.emissionprob_ = np.array([[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]])  # walk, shop, clean
    >>> log_prob, states = model.decode([[0], [1], [2]])
    >>> round(float(np.exp(log_prob)), 5), states.tolist()
    (0.01344, [1, 0, 0])
    """

    def __init__(
        self,
        n_components: int = 1,
        startprob_prior: npt.ArrayLike = 1.0,
        transmat_prior: npt.ArrayLike = 1.0,
        *,
        emissionprob_prior: npt.ArrayLike = 1.0,
        n_features: int | None = None,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
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

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        _checks.emission_of_estimator(cls.__name__, emission, Categorical)
        _checks.numbered_symbols(cls.__name__, emission.symbols)
        return {"n_features": emission.probabilities.shape[1]}

    def _take(self, emission: Categorical) -> None:
        self.emissionprob_ = np.array(emission.probabilities)
