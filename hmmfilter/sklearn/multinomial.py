"""Chains of states that show how often each of several outcomes came."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Multinomial
from hmmfilter.sklearn.base import BaseHMM
from hmmfilter.sklearn.manners import OfRows, OfWholeNumbers
from hmmfilter.sklearn.outcomes import OfOutcomes, are_typed


@as_in(BaseHMM)
class MultinomialHMM(OfWholeNumbers, OfRows, OfOutcomes):
    """A hidden Markov model of rows of counts: how often each of M outcomes came in so many draws.

    Symbols, one a row, are for `CategoricalHMM`.

    Parameters
    ----------
    n_components
        As in `BaseHMM`.
    n_trials : int or array_like of int, optional
        What rows sum to: one number for all, or one for each row of those that a fit is given. Without it, a fit takes
        the sums that it sees. Where all are one number, rows of another sum are refused, and `sample` draws so many.
    startprob_prior, transmat_prior
        As in `BaseHMM`.
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
        p(outcome = m | state = k) of a single draw at [k, m].
    n_features : int
        M, the number of outcomes.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import MultinomialHMM
    >>> model = MultinomialHMM(n_components=2, n_trials=5, random_state=1, init_params="")
    >>> model.startprob_ = np.array([0.5, 0.5])
    >>> model.transmat_ = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> model.emissionprob_ = np.array([[0.4, 0.3, 0.3], [0.2, 0.3, 0.5]])
    >>> X = np.array([[4, 1, 0], [5, 0, 0], [3, 2, 0], [0, 1, 4], [1, 0, 4], [0, 2, 3]])
    >>> model.fit(X).predict(X)
    array([0, 0, 0, 1, 1, 1])
    >>> model.emissionprob_.round(3)
    array([[0.8  , 0.2  , 0.   ],
           [0.067, 0.2  , 0.733]])
    """

    def __init__(
        self,
        n_components: int = 1,
        n_trials: npt.ArrayLike | None = None,
        startprob_prior: npt.ArrayLike = 1.0,
        transmat_prior: npt.ArrayLike = 1.0,
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
        self.n_trials = n_trials

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        _checks.emission_of_estimator(cls.__name__, emission, Multinomial)
        return {"n_trials": emission.n}

    def _take(self, emission: Multinomial) -> None:
        self.emissionprob_ = np.array(emission.probabilities)

    @property
    def _emission(self) -> Multinomial:
        sums = [] if self.n_trials is None else np.unique(self.n_trials).tolist()
        return Multinomial(
            self.emissionprob_, sums[0] if len(sums) == 1 else None, normalize=are_typed(self.emissionprob_)
        )

    def _check_and_set_n_features(self, X: Any) -> None:
        self.n_features = X.shape[1]
        self.n_trials = _checks.trials_of_estimator(X, self.n_trials)

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> Any:
        row = self.emissionprob_[state]
        return random_state.multinomial(_checks.single_trials(self.n_trials), row / row.sum())
