"""What a fitted estimator is asked: scores, posteriors, paths, samples, criteria."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.decoding import viterbi
from hmmfilter.filtering import log_likelihood
from hmmfilter.sklearn import signatures
from hmmfilter.smoothing import smooth
from hmmfilter.stationarity import stationary_distribution

DECODER_ALGORITHMS = frozenset({"viterbi", "map"})


class Chain(NamedTuple):
    """What the functional core takes of a model and its observations."""

    log_initial: FloatArray
    log_transition: FloatArray
    log_likelihoods: FloatArray


class Asking(BaseEstimator):
    """Questions to a model of ``startprob_``, ``transmat_`` and `_compute_log_likelihood`."""

    n_components: int
    algorithm: str
    random_state: Any
    startprob_: FloatArray
    transmat_: FloatArray

    # ------------------------------------------------------------------------------------------------ for subclasses

    def _check(self) -> None:
        """Insist on parameters that make a model."""
        shape = self.n_components
        self.startprob_ = np.array(_checks.rows_of_estimator("startprob_", self.startprob_, (shape,)))
        self.transmat_ = np.array(_checks.rows_of_estimator("transmat_", self.transmat_, (shape, shape)))

    def _compute_log_likelihood(self, X: Any) -> FloatArray:
        """Compute log p(row | state), (n_samples, n_components)."""
        return _checks.no_log_likelihoods(type(self).__name__)

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> Any:
        """Draw one row in a state."""
        return ()

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        """Count the free numbers of each parameter, by its letter in ``params``; zeros of distributions are none."""
        return {"s": _n_free(self.startprob_), "t": _n_free(self.transmat_)}

    def _has_own_log_likelihoods(self) -> bool:
        """Whether `_compute_log_likelihood` is somebody's own, which may ask for sequences one by one."""
        return True

    # ------------------------------------------------------------------------------------------------------ questions

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "startprob_") and hasattr(self, "transmat_")

    def _let_in(self, X: Any, lengths: Any, reset: bool = False) -> tuple[Any, IntArray]:
        """Rows as an array, and where sequences begin in them, and the end."""
        rows = validate_data(self, X, reset=reset)
        return rows, signatures.first_rows(lengths, len(rows))

    def _ask(self, X: Any, lengths: Any) -> tuple[Chain, IntArray]:
        """What the functional core takes, and the lengths of sequences."""
        check_is_fitted(self)
        self._check()
        rows, starts = self._let_in(X, lengths)
        with np.errstate(divide="ignore"):
            log_initial, log_transition = np.log(self.startprob_), np.log(self.transmat_)
        return Chain(log_initial, log_transition, self._log_likelihoods(rows, starts)), np.diff(starts)

    def _log_likelihoods(self, rows: Any, starts: IntArray) -> FloatArray:
        """The log-likelihoods of all rows; those of sequences one by one where they are somebody's own."""
        if not self._has_own_log_likelihoods() or len(starts) == 2:
            return self._compute_log_likelihood(rows)
        return np.concatenate([self._compute_log_likelihood(rows[begin:end]) for begin, end in pairwise(starts)])

    def score(self, X: Any, y: Any = None, lengths: Any = None) -> float:
        """Compute the log-likelihood."""
        X, lengths = signatures.rows_and_lengths(X, y, lengths)
        tables, steps = self._ask(X, lengths)
        return float(np.sum(log_likelihood(*tables, lengths=steps)))

    def score_samples(self, X: Any, lengths: Any = None) -> tuple[float, FloatArray]:
        """Compute the log-likelihood, and the posterior probabilities of states at each row."""
        X, lengths = signatures.rows_and_lengths(X, None, lengths)
        tables, steps = self._ask(X, lengths)
        smoothed = smooth(*tables, lengths=steps)
        return float(np.sum(smoothed.log_likelihood)), np.array(smoothed.probabilities)

    def predict_proba(self, X: Any, lengths: Any = None) -> FloatArray:
        """Compute the posterior probabilities of states at each row."""
        return self.score_samples(X, lengths)[1]

    def decode(self, X: Any, lengths: Any = None, algorithm: str | None = None) -> tuple[float, IntArray]:
        """Find states for all rows."""
        name = _checks.decoder(self.algorithm if algorithm is None else algorithm, tuple(sorted(DECODER_ALGORITHMS)))
        if name == "map":
            posteriors = self.predict_proba(X, lengths)
            return float(posteriors.max(axis=1).sum()), posteriors.argmax(axis=1)
        X, lengths = signatures.rows_and_lengths(X, None, lengths)
        tables, steps = self._ask(X, lengths)
        decoded = viterbi(*tables, lengths=steps)
        return float(np.sum(decoded.log_joint)), np.array(decoded.path)

    def predict(self, X: Any, lengths: Any = None) -> IntArray:
        """Find states for all rows."""
        return self.decode(X, lengths)[1]

    def sample(
        self, n_samples: int = 1, random_state: Any = None, currstate: int | None = None
    ) -> tuple[npt.NDArray[Any], IntArray]:
        """Draw states and rows."""
        check_is_fitted(self)
        self._check()
        rng = check_random_state(self.random_state if random_state is None else random_state)
        states = []
        rows = []
        moves = _cumulated(self.transmat_)
        state = _drawn(_cumulated(self.startprob_), rng) if currstate is None else currstate
        for n in range(n_samples):
            if n > 0:
                state = _drawn(moves[state], rng)
            states.append(state)
            rows.append(self._generate_sample_from_state(state, rng))
        return np.atleast_2d(rows), np.array(states, dtype=int)

    def get_stationary_distribution(self) -> FloatArray:
        """Compute where the chain settles."""
        check_is_fitted(self, "transmat_")
        return np.array(stationary_distribution(self.transmat_))

    def _n_learnt(self) -> int:
        """How many numbers a fit was free to choose; of a model set by hand, how many it would be."""
        return sum(self._get_n_fit_scalars_per_param().values())

    def aic(self, X: Any, lengths: Any = None) -> float:
        """Compute Akaike's criterion."""
        return 2.0 * (self._n_learnt() - self.score(X, lengths=lengths))

    def bic(self, X: Any, lengths: Any = None) -> float:
        """Compute the Bayesian criterion."""
        X, lengths = signatures.rows_and_lengths(X, None, lengths)
        return float(self._n_learnt() * np.log(len(X)) - 2.0 * self.score(X, lengths=lengths))


def _n_free(rows: FloatArray) -> int:
    """How many numbers of distributions are free, where zeros stay zeros."""
    return int(np.maximum(np.count_nonzero(rows, axis=-1) - 1, 0).sum())


def _cumulated(rows: FloatArray) -> FloatArray:
    """Cumulative distributions, of which the last entry is 1."""
    sums: FloatArray = np.cumsum(rows, axis=-1)
    return sums / sums[..., -1:]


def _drawn(cumulated: FloatArray, rng: np.random.RandomState) -> int:
    """A state by one uniform number, never one of probability 0."""
    return int(np.searchsorted(cumulated, rng.rand(), side="right"))
