"""A classifier of sequences: one hidden Markov model for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.classifying import classify
from hmmfilter.sklearn.sequences import LearnerOfSequences, Sequences
from hmmfilter.sklearn.signatures import OF_SCORES, WANTED


class HMMClassifier(ClassifierMixin, LearnerOfSequences):
    """Which class a sequence is of, by one hidden Markov model for each class, and Bayes.

    A sequence is a sample: ``X`` is a list of sequences, or a table of which each row is one of numbers; or with
    ``lengths``, a table of the rows of all sequences, one after the other.

    Parameters
    ----------
    n_states : int
        How many states the model of each class has.
    emission : str or type, or pair of one and a dict
        What observations are like, as `hmmfilter.guess` takes it: "gaussian", "poisson", "categorical", ...; with what
        else is said of it, as ``("gaussian", {"covariance": "full"})``.
    class_prior : array_like, optional
        How probable the classes are, in the order of ``classes_``; without it, their shares of the sequences.
    prior : {"weak"}, hmmfilter.Prior or None
        What is believed of each model before. "weak" keeps the states of a Gaussian from collapsing, as Fraley and
        Raftery do: each is spread as all observations are, which counts as little as a few of them; other emissions
        have none.
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
    classes_ : ndarray, (C,)
        The classes, ascending.
    models_ : list of hmmfilter.HMM
        The model of each.
    class_prior_ : ndarray, (C,)
        How probable each is, before a sequence is seen.
    n_iter_ : int
        How many iterations the longest climb took.
    n_features_in_ : int
        How many columns tables have.
    feature_names_in_ : ndarray
        How these are called, where all are.

    References
    ----------
    Fraley, Raftery, "Bayesian regularization for normal mixture estimation and model-based clustering", Journal of
    Classification 24 (2007).

    Examples
    --------
    >>> from hmmfilter.sklearn import HMMClassifier
    >>> weeks = [[0, 1, 0, 3], [9, 8, 4, 8, 7], [1, 4, 3, 1], [7, 4, 9, 9], [3, 3, 0, 1, 2], [4, 5, 8, 9]]
    >>> classifier = HMMClassifier(2, emission="poisson", random_state=0)
    >>> classifier.fit(weeks, ["calm", "busy", "calm", "busy", "calm", "busy"]).predict([[2, 0, 1], [6, 5, 9]])
    array(['calm', 'busy'], dtype='<U4')
    """

    __metadata_request__fit = WANTED
    __metadata_request__predict = WANTED
    __metadata_request__predict_proba = WANTED
    __metadata_request__predict_log_proba = WANTED
    __metadata_request__score = OF_SCORES

    def __init__(
        self,
        n_states: int = 2,
        *,
        emission: Any = "gaussian",
        class_prior: Any = None,
        prior: Any = "weak",
        restarts: int = 0,
        max_iter: int = 1000,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_states = n_states
        self.emission = emission
        self.class_prior = class_prior
        self.prior = prior
        self.restarts = restarts
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any, lengths: Any = None) -> HMMClassifier:
        """Learn a model of each class.

        Parameters
        ----------
        X : list of sequences, or array_like, (N, T) or (N, T, D); with lengths, (T, D)
            Sequences; NaN where an observation is missing, as at the end of the shorter rows of a table.
        y : array_like, (N,)
            The class of each sequence; with `lengths`, or that of each row.
        lengths : array_like of int, optional
            How long each sequence is; or of each row, how long its sequence is, as ``np.repeat(lengths, lengths)``.

        Returns
        -------
        HMMClassifier
            Itself.

        Raises
        ------
        DegenerateFitError
            Where a state collapses onto so few observations that its density has no bound.
        """
        classes = validate_data(self, y=y)
        check_classification_targets(classes)
        sequences = self._samples(X, lengths, reset=True)
        classes = _checks.classes_of_sequences(classes, sequences.lengths, by_row=lengths is not None)
        self.classes_, numbers = np.unique(classes, return_inverse=True)
        counts = np.bincount(numbers)
        self.class_prior_ = counts / counts.sum()
        if self.class_prior is not None:
            self.class_prior_ = _checks.distributions("class_prior", self.class_prior, counts.shape, False)
        prior, rng = self._prior(sequences), self._generator()
        sequences = self._with_symbols(sequences, rng)
        of_class = [sequences.chosen(np.flatnonzero(numbers == c)) for c in range(len(counts))]
        fits = [self._fitted(own, prior, rng) for own in of_class]
        self.models_ = [fitted.model for fitted in fits]
        n_iterations = max(len(fitted.history) - 1 for fitted in fits)
        self._told(n_iterations, has_converged=all(fitted.converged for fitted in fits))
        return self

    @as_in(fit)
    def predict(self, X: Any, lengths: Any = None) -> Any:
        """Say which class is most probable.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray, (N,)
            The class of each sequence.
        """
        most_probable = self.predict_log_proba(X, lengths).argmax(axis=1)
        return self.classes_[most_probable]

    @as_in(fit)
    def predict_proba(self, X: Any, lengths: Any = None) -> FloatArray:
        """Compute how probable each class is.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray, (N, C)
            A row for each sequence.
        """
        probabilities: FloatArray = np.exp(self.predict_log_proba(X, lengths))
        return probabilities

    @as_in(fit)
    def predict_log_proba(self, X: Any, lengths: Any = None) -> FloatArray:
        """Compute the logs of how probable each class is.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray, (N, C)
            A row for each sequence.

        Raises
        ------
        ImpossibleEvidenceError
            Where the models of all classes make a sequence impossible.
        """
        check_is_fitted(self)
        return self._log_probabilities(self._samples(X, lengths))

    @as_in(fit)
    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """Compute for how many sequences the most probable class is the right one.

        Parameters
        ----------
        X, y, lengths
            As in `fit`.

        Returns
        -------
        float
            A share, from 0 to 1.
        """
        check_is_fitted(self)
        sequences = self._samples(X, lengths)
        classes = _checks.classes_of_sequences(np.asarray(y), sequences.lengths, by_row=lengths is not None)
        return float(accuracy_score(classes, self.classes_[self._log_probabilities(sequences).argmax(axis=1)]))

    def _log_probabilities(self, sequences: Sequences) -> FloatArray:
        observations, lengths = sequences.of(self._kind)
        models = {str(c): model for c, model in enumerate(self.models_)}
        with np.errstate(divide="ignore"):
            log_prior = np.log(self.class_prior_)
        return classify(models, observations, log_prior, lengths=lengths).log_probabilities
