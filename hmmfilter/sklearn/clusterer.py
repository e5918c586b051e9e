"""A clusterer of sequences: a mixture of hidden Markov models."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import ClusterMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from hmmfilter import _checks, lse
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.classifying import classify
from hmmfilter.emissions.guesses import OWN
from hmmfilter.learning import fit
from hmmfilter.mixing import fit_mixture
from hmmfilter.sklearn.classifier import HMMClassifier
from hmmfilter.sklearn.sequences import SEEDS, LearnerOfSequences, Sequences
from hmmfilter.sklearn.signatures import OF_SCORES, WANTED, lengths_of

FIRST_ITERATIONS = 20  # as many as `hmmfilter.fit` gives to each start; the best goes on


@as_in(HMMClassifier)
class HMMClusterer(ClusterMixin, LearnerOfSequences):
    """Clusters of sequences, each of which is of one of some hidden Markov models: `hmmfilter.fit_mixture`.

    A sequence is a sample, and has a label: ``X`` is a list of sequences, or a table of which each row is one of
    numbers; or with ``lengths``, a table of the rows of all sequences, one after the other. Where steps are to be
    clustered, `GaussianHMM` and its like say in which state each of them is.

    It begins with groups of sequences that move alike among the states of one model of all of them, by k-means; each
    start climbs for 20 iterations, and the best to the end.

    Parameters
    ----------
    n_clusters : int
        How many clusters there are.
    n_states : int
        How many states the model of each has.
    emission, prior
        As in `HMMClassifier`.
    restarts : int
        How many more starts there are.
    max_iter : int
        How many iterations a climb may have.
    tol : float
        By how much the objective may still rise, as `hmmfilter.fit_mixture` says.
    random_state : int, RandomState instance or None
        For where k-means begins.

    Attributes
    ----------
    labels_ : ndarray of int, (N,)
        The cluster of each sequence that was learnt from.
    models_ : list of hmmfilter.HMM
        The model of each cluster.
    shares_ : ndarray, (n_clusters,)
        How probable each cluster is, before a sequence is seen.
    n_iter_ : int
        How many iterations the best climb took.
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
    >>> from hmmfilter.sklearn import HMMClusterer
    >>> weeks = [[0, 1, 0, 3], [9, 8, 4, 8, 7], [1, 4, 3, 1], [7, 4, 9, 9], [3, 3, 0, 1, 2], [4, 5, 8, 9]]
    >>> clusterer = HMMClusterer(2, n_states=1, emission="poisson", random_state=0).fit(weeks)
    >>> clusterer.labels_
    array([0, 1, 0, 1, 0, 1])
    >>> clusterer.predict([[2, 0, 1], [6, 5, 9]])
    array([0, 1])
    """

    __metadata_request__fit = WANTED
    __metadata_request__predict = WANTED
    __metadata_request__predict_proba = WANTED
    __metadata_request__score = OF_SCORES

    def __init__(
        self,
        n_clusters: int = 2,
        *,
        n_states: int = 2,
        emission: Any = "gaussian",
        prior: Any = "weak",
        restarts: int = 0,
        max_iter: int = 1000,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_states = n_states
        self.emission = emission
        self.prior = prior
        self.restarts = restarts
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, lengths: Any = None) -> HMMClusterer:
        """Learn the models of the clusters, and their shares.

        Parameters
        ----------
        X : list of sequences, or array_like, (N, T) or (N, T, D); with lengths, (T, D)
            Sequences; NaN where an observation is missing, as at the end of the shorter rows of a table.
        y : None
            Not used. Where it has integers that sum to the rows of `X`, these are the lengths.
        lengths : array_like of int, optional
            How long each sequence is; or of each row, how long its sequence is, as ``np.repeat(lengths, lengths)``.

        Returns
        -------
        HMMClusterer
            Itself.

        Raises
        ------
        DegenerateFitError
            Where from all starts a state collapses onto so few observations that its density has no bound.
        """
        sequences = self._samples(X, lengths_of(X, y, lengths), reset=True)
        n_clusters = _checks.cluster_count(self.n_clusters, len(sequences.lengths))
        prior, rng = self._prior(sequences), self._generator()
        sequences = self._with_symbols(sequences, rng)
        features = self._features(sequences, n_clusters, rng)
        n_starts = 1 + _checks.whole_count("restarts", self.restarts)
        begun = [self._begun(sequences, _grouped(features, n_clusters, rng), prior, rng) for _ in range(n_starts)]
        climbs = [climbed for climbed in begun if not isinstance(climbed, _checks.DegenerateFitError)]
        _checks.some_fit(len(climbs), dict(enumerate(begun)))
        first = max(climbs, key=lambda climbed: climbed.history[-1])
        best, n_iterations = first, len(first.history) - 1
        if not first.converged and n_iterations < self.max_iter:
            models, n_left = list(first.models.values()), self.max_iter - n_iterations
            best = self._climbed(sequences, models, first.shares, prior, n_left)
            n_iterations += len(best.history) - 1
        self.models_ = list(best.models.values())
        self.shares_ = best.shares
        self.labels_ = best.responsibilities.argmax(axis=1)
        self._told(n_iterations, has_converged=best.converged)
        return self

    @as_in(fit)
    def fit_predict(self, X: Any, y: Any = None, lengths: Any = None) -> IntArray:
        """Learn the models of the clusters, and say of which cluster each sequence is.

        Parameters
        ----------
        X, y, lengths
            As in `fit`.

        Returns
        -------
        ndarray of int, (N,)
            ``labels_``.
        """
        labels: IntArray = self.fit(X, y, lengths).labels_
        return labels

    @as_in(fit)
    def predict(self, X: Any, lengths: Any = None) -> IntArray:
        """Say of which cluster each sequence most probably is.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray of int, (N,)
            A cluster for each sequence.
        """
        labels: IntArray = self.predict_proba(X, lengths).argmax(axis=1)
        return labels

    @as_in(fit)
    def predict_proba(self, X: Any, lengths: Any = None) -> FloatArray:
        """Compute how probable it is that each sequence is of each cluster.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray, (N, n_clusters)
            A row for each sequence.

        Raises
        ------
        ImpossibleEvidenceError
            Where the models of all clusters make a sequence impossible.
        """
        check_is_fitted(self)
        probabilities: FloatArray = self._classified(self._samples(X, lengths), "raise").probabilities
        return probabilities

    @as_in(fit)
    def score(self, X: Any, y: Any = None, lengths: Any = None) -> float:
        """Compute the log-probability of sequences.

        Parameters
        ----------
        X, y, lengths
            As in `fit`.

        Returns
        -------
        float
            Σ log p(sequence), natural log; −inf where all clusters make a sequence impossible.
        """
        check_is_fitted(self)
        classified = self._classified(self._samples(X, lengths_of(X, y, lengths)), "mark")
        return float(lse.logsumexp(classified.log_likelihoods + self._log_shares(), axis=1).sum())

    def _classified(self, sequences: Sequences, impossible: Any) -> Any:
        observations, lengths = sequences.of(self._kind)
        models = {str(m): model for m, model in enumerate(self.models_)}
        return classify(models, observations, self._log_shares(), lengths=lengths, impossible=impossible)

    def _log_shares(self) -> FloatArray:
        with np.errstate(divide="ignore"):
            logs: FloatArray = np.log(self.shares_)
        return logs

    def _features(self, sequences: Sequences, n_clusters: int, rng: np.random.Generator) -> FloatArray:
        """How often each sequence moves from each state to each, in a model of all sequences, (N, pairs)."""
        observations, lengths = sequences.of(self._kind)
        model = self._guessed(sequences, self.n_states * n_clusters, rng)
        counts = model.expected_transitions(observations, lengths=lengths, per_sequence=True).counts
        probabilities = model.smooth(observations, lengths=lengths).probabilities
        ends = np.cumsum(sequences.lengths)
        sums = np.concatenate([np.zeros((1, probabilities.shape[1])), np.cumsum(probabilities, axis=0)])
        visits = sums[ends] - sums[ends - sequences.lengths]
        steps = np.maximum(sequences.lengths, 1)[:, np.newaxis]
        shares: FloatArray = np.hstack([visits, counts.reshape(len(ends), -1)]) / steps
        has_steps = sequences.lengths > 0
        shares[~has_steps] = shares[has_steps].mean(axis=0)  # no group of their own, which shows nothing
        return shares

    def _begun(self, sequences: Sequences, belongs: FloatArray, prior: Any, rng: np.random.Generator) -> Any:
        """The first climb from groups, to which sequences belong so much, or the error where a state collapses."""
        n_iterations = min(FIRST_ITERATIONS, self.max_iter)
        try:
            models = [self._start(sequences, column, prior, rng, n_iterations) for column in belongs.T]
            return self._climbed(sequences, models, None, prior, n_iterations)
        except _checks.DegenerateFitError as error:
            return error

    def _start(
        self, sequences: Sequences, weights: FloatArray, prior: Any, rng: np.random.Generator, n_iterations: int
    ) -> Any:
        """A model of a group: all sequences count, as much as they belong to it."""
        observations, lengths = sequences.of(self._kind)
        own = sequences.chosen(np.flatnonzero(weights == weights.max()))
        return fit(
            self._guessed(own, self.n_states, rng),
            observations,
            lengths=lengths,
            weights=weights,
            prior=prior,
            max_iterations=n_iterations,
            tolerance=self.tol,
        ).model

    def _climbed(
        self, sequences: Sequences, models: list[Any], shares: FloatArray | None, prior: Any, n_iterations: int
    ) -> Any:
        observations, lengths = sequences.of(self._kind)
        return fit_mixture(
            models,
            observations,
            shares=shares,
            lengths=lengths,
            prior=prior,
            max_iterations=n_iterations,
            tolerance=self.tol,
        )


def _grouped(features: FloatArray, n_groups: int, rng: np.random.Generator) -> FloatArray:
    """How much each sequence belongs to each group, (N, groups): mostly to its own, so that nothing begins with few."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where sequences are alike, and there are fewer groups
        own = KMeans(n_groups, n_init=1, random_state=int(rng.integers(SEEDS))).fit_predict(features)
    belongs = np.full((len(own), n_groups), (1 - OWN) / n_groups)
    belongs[np.arange(len(own)), own] += OWN
    return belongs
