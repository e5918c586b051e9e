"""Posteriors as features: how probable each state is at each step."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.model import HMM
from hmmfilter.sklearn.classifier import HMMClassifier
from hmmfilter.sklearn.sequences import LearnerOfSequences, Sequences, are_tables
from hmmfilter.sklearn.signatures import WANTED, lengths_of

POSTERIORS = {"smoothed": HMM.smooth, "filtered": HMM.filter}


@as_in(HMMClassifier)
class HMMTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, LearnerOfSequences):
    """Posteriors as features: how probable each state of a hidden Markov model is at each step.

    A row is a sample. ``X`` is a table, which is one sequence, or with ``lengths`` several; or a list of tables, each
    of which is one.

    Parameters
    ----------
    n_states : int
        K, how many features there are.
    emission
        As in `HMMClassifier`.
    posterior : {"smoothed", "filtered"}
        Given which observations: all of the sequence, or those up to the step, so that no feature looks ahead.
    prior
        As in `HMMClassifier`.
    restarts : int
        From how many other starts `hmmfilter.fit` climbs, too.
    max_iter : int
        How many iterations a climb may have.
    tol : float
        By how much the objective may still rise, as `hmmfilter.fit` says.
    random_state : int, RandomState instance or None
        For what restarts draw.

    Attributes
    ----------
    model_ : hmmfilter.HMM
        The model.
    n_iter_ : int
        How many iterations it took.
    n_features_in_, feature_names_in_
        As in `HMMClassifier`.

    Raises
    ------
    DegenerateFitError
        Where a state collapses onto so few observations that its density has no bound.

    Examples
    --------
    >>> from hmmfilter.sklearn import HMMTransformer
    >>> counts = [[1], [0], [2], [9], [7], [11], [8], [0], [1], [1], [0], [2], [10], [8]]
    >>> features = HMMTransformer(2, emission="poisson", random_state=0).fit_transform(counts)
    >>> features[:4].round(4)
    array([[1.    , 0.    ],
           [1.    , 0.    ],
           [0.9599, 0.0401],
           [0.    , 1.    ]])
    """

    __metadata_request__fit = WANTED
    __metadata_request__transform = WANTED

    def __init__(
        self,
        n_states: int = 2,
        *,
        emission: Any = "gaussian",
        posterior: str = "smoothed",
        prior: Any = "weak",
        restarts: int = 0,
        max_iter: int = 1000,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_states = n_states
        self.emission = emission
        self.posterior = posterior
        self.prior = prior
        self.restarts = restarts
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, lengths: Any = None) -> HMMTransformer:
        """Learn a model.

        Parameters
        ----------
        X : array_like, (T, D), or list of these
            Observations, a row for each step.
        y : None
            Not used. Where it has integers that sum to the rows of `X`, these are the lengths.
        lengths : array_like of int, optional
            How long each sequence is; or of each row, how long its sequence is, as ``np.repeat(lengths, lengths)``.

        Returns
        -------
        HMMTransformer
            Itself.
        """
        self._learn(X, lengths_of(X, y, lengths))
        return self

    @as_in(fit)
    def transform(self, X: Any, lengths: Any = None) -> Any:
        """Compute how probable each state is at each step.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray, (T, K), or list of these
            A row for each step, or of a list of tables a table for each. ``set_output`` makes a frame of the former.
        """
        check_is_fitted(self)
        return self._posteriors(X, self._rows(X, lengths))

    @as_in(fit)
    def fit_transform(self, X: Any, y: Any = None, lengths: Any = None) -> Any:
        """Learn a model, and compute how probable each state is at each step.

        Parameters
        ----------
        X, y, lengths
            As in `fit`.

        Returns
        -------
        ndarray, (T, K), or list of these
            As of `transform`.
        """
        return self._posteriors(X, self._learn(X, lengths_of(X, y, lengths)))

    def _learn(self, X: Any, lengths: Any) -> Sequences:
        _checks.one_of("posterior", self.posterior, tuple(POSTERIORS))
        sequences = self._rows(X, lengths, reset=True)
        fitted = self._fitted(sequences, self._prior(sequences), self._generator())
        self.model_ = fitted.model
        self._n_features_out = self.n_states
        self._told(len(fitted.history) - 1, has_converged=fitted.converged)
        return sequences

    def _posteriors(self, X: Any, sequences: Sequences) -> Any:
        observations, lengths = sequences.of(self._kind)
        table = POSTERIORS[self.posterior](self.model_, observations, lengths=lengths).probabilities
        return np.split(table, np.cumsum(sequences.lengths)[:-1]) if are_tables(X) else table
