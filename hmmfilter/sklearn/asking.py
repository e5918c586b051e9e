"""What a fitted estimator is asked: scores, posteriors, paths, samples, criteria."""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.decoding import viterbi
from hmmfilter.filtering import log_likelihood
from hmmfilter.sklearn import signatures
from hmmfilter.smoothing import smooth
from hmmfilter.stationarity import stationary_distribution

DECODER_ALGORITHMS = frozenset({"viterbi", "map"})


class Tables(NamedTuple):
    """What the functional core takes of a model and its observations."""

    log_initial: FloatArray
    log_transition: FloatArray
    log_likelihoods: FloatArray


class Asking(BaseEstimator):
    """Questions to a model of ``startprob_``, ``transmat_`` and `_compute_log_likelihood`."""

    __metadata_request__fit = signatures.WANTED
    __metadata_request__predict = signatures.WANTED
    __metadata_request__predict_proba = signatures.WANTED
    __metadata_request__score = signatures.OF_SCORES

    n_components: int
    algorithm: str
    random_state: Any
    startprob_: FloatArray
    transmat_: FloatArray

    def _check(self) -> None:
        """Insist on parameters that make a model."""
        n = self.n_components
        self.startprob_ = np.array(_checks.rows_of_estimator("startprob_", self.startprob_, (n,)))
        self.transmat_ = np.array(_checks.rows_of_estimator("transmat_", self.transmat_, (n, n)))

    def _compute_log_likelihood(self, X: Any) -> FloatArray:
        """Compute log p(row | state), (T, K)."""
        return _checks.no_log_likelihoods(type(self).__name__)

    @abstractmethod
    def _has_own_log_likelihoods(self) -> bool:
        """Whether `_compute_log_likelihood` is somebody's own, who may look at more than one row at a time."""
        ...

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> Any:
        """Draw one row in a state."""
        return ()

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        """Count the free numbers of each parameter, by its letter in ``params``; zeros of distributions are none."""
        return {"s": n_free(self.startprob_), "t": n_free(self.transmat_)}

    @abstractmethod
    def _n_learnt(self) -> int:
        """How many numbers the last fit was free to choose, or a fit would be."""
        ...

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "startprob_") and hasattr(self, "transmat_")

    def _settle(self) -> None:
        """Insist on a model that can be asked; arrays that are as they should be stay the same objects."""
        check_is_fitted(self)
        before = dict(vars(self))
        self._check()
        for name, value in before.items():
            now = self.__dict__[name]
            if isinstance(value, np.ndarray) and value.dtype == now.dtype and np.array_equal(value, now):
                self.__dict__[name] = value

    def _let_in(self, X: Any, lengths: Any, reset: bool = False) -> tuple[Any, IntArray]:
        """Rows as an array, and where sequences begin in them, and the end."""
        rows = validate_data(
            self,
            X,
            reset=reset,
            ensure_min_samples=2 if reset else 1,  # a move, to learn from
            ensure_non_negative=get_tags(self).input_tags.positive_only,
        )
        return rows, _checks.starts(
            None if lengths is None else _checks.sequence_lengths(lengths, len(rows)), len(rows)
        )

    def _ask(self, X: Any, lengths: Any) -> tuple[Tables, IntArray | None]:
        """What the functional core takes, and the lengths of several sequences."""
        self._settle()
        rows, starts = self._let_in(X, lengths)
        is_alone = len(starts) == 2
        if is_alone or not self._has_own_log_likelihoods():
            table = self._compute_log_likelihood(rows)
        else:
            table = np.concatenate([self._compute_log_likelihood(rows[begin:end]) for begin, end in pairwise(starts)])
        return Tables(*self._log_chain(), table), None if is_alone else np.diff(starts)

    def _log_chain(self) -> tuple[FloatArray, FloatArray]:
        """Logs of the chain's probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.startprob_), np.log(self.transmat_)

    def score(self, X: Any, y: Any = None, lengths: Any = None) -> float:
        """Compute the log-likelihood of all sequences together.

        Parameters
        ----------
        X : array_like, (T, D), or list of them
            A row a step; sequences come one after the other with `lengths`, or as a list of tables without.
        y : array_like of int, optional
            Lengths, if these are integers that sum to T, and fewer or more than T of them, or all 1. Anything else is
            left aside: there are no targets.
        lengths : array_like of int, (N,), optional
            How many rows each sequence has. Without it, all rows are one sequence.

        Returns
        -------
        float
            log p(X), natural log; −inf where X is impossible.

        Raises
        ------
        NotFittedError
            Where the model has no parameters yet, neither of a fit nor set by hand.
        ValueError, TypeError
            Where rows are none that the model knows of, parameters make no model, or lengths do not sum to T.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> emission = hf.emissions.Gaussian([[0.0], [3.0]], [[1.0], [1.0]])
        >>> model = GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission))
        >>> round(model.score([[0.1], [2.0], [3.5]]), 4)
        -6.1777
        """
        X, lengths = signatures.rows_and_lengths(X, y, lengths)
        tables, steps = self._ask(X, lengths)
        return float(np.sum(log_likelihood(*tables, lengths=steps)))

    @as_in(score)
    def score_samples(self, X: Any, lengths: Any = None) -> tuple[float, FloatArray]:
        """Compute the log-likelihood, and how probable each state is at each row.

        Parameters
        ----------
        X, lengths
            As in `score`.

        Returns
        -------
        log_prob : float
            log p(X).
        posteriors : ndarray, (T, K)
            p(state | all rows of its sequence).

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced a sequence.
        NotFittedError, ValueError, TypeError
            As in `score`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> emission = hf.emissions.Gaussian([[0.0], [3.0]], [[1.0], [1.0]])
        >>> model = GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission))
        >>> log_prob, posteriors = model.score_samples([[0.1], [2.0], [3.5]])
        >>> posteriors.round(4).tolist()
        [[0.9007, 0.0993], [0.1675, 0.8325], [0.0039, 0.9961]]
        """
        X, lengths = signatures.rows_and_lengths(X, None, lengths)
        tables, steps = self._ask(X, lengths)
        smoothed = smooth(*tables, lengths=steps)
        return float(np.sum(smoothed.log_likelihood)), np.array(smoothed.probabilities)

    @as_in(score, score_samples)
    def predict_proba(self, X: Any, lengths: Any = None) -> FloatArray:
        """Compute how probable each state is at each row.

        Parameters
        ----------
        X, lengths
            As in `score`.

        Returns
        -------
        ndarray, (T, K)
            p(state | all rows of its sequence).

        Raises
        ------
        ImpossibleEvidenceError, NotFittedError, ValueError, TypeError
            As in `score_samples`. It has an example.
        """
        return self.score_samples(X, lengths)[1]

    @as_in(score, score_samples)
    def decode(self, X: Any, lengths: Any = None, algorithm: str | None = None) -> tuple[float, IntArray]:
        """Find the states of all rows.

        Parameters
        ----------
        X, lengths
            As in `score`.
        algorithm : {"viterbi", "map"}, optional
            Instead of the estimator's own: the most probable path, or the most probable state of each row by itself.

        Returns
        -------
        log_prob : float
            Of "viterbi", log p(path, X). Of "map" it is no log: how many states are right, on average, as hmmlearn has
            it, too.
        state_sequence : ndarray, (T,)
            The states.

        Raises
        ------
        ImpossibleEvidenceError, NotFittedError, ValueError, TypeError
            As in `score_samples`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> emission = hf.emissions.Gaussian([[0.0], [3.0]], [[1.0], [1.0]])
        >>> model = GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission))
        >>> log_prob, states = model.decode([[0.1], [2.0], [3.5]])
        >>> round(log_prob, 4), states
        (-6.4879, array([0, 1, 1]))
        """
        name = _checks.decoder(self.algorithm if algorithm is None else algorithm, tuple(sorted(DECODER_ALGORITHMS)))
        if name == "map":
            posteriors = self.predict_proba(X, lengths)
            return float(posteriors.max(axis=1).sum()), posteriors.argmax(axis=1)
        X, lengths = signatures.rows_and_lengths(X, None, lengths)
        tables, steps = self._ask(X, lengths)
        decoded = viterbi(*tables, lengths=steps)
        return float(np.sum(decoded.log_joint)), np.array(decoded.path)

    @as_in(score, score_samples)
    def predict(self, X: Any, lengths: Any = None) -> IntArray:
        """Find the states of all rows, by the estimator's own ``algorithm``.

        Parameters
        ----------
        X, lengths
            As in `score`.

        Returns
        -------
        ndarray, (T,)
            The states.

        Raises
        ------
        ImpossibleEvidenceError, NotFittedError, ValueError, TypeError
            As in `score_samples`.
        """
        return self.decode(X, lengths)[1]

    @as_in(score)
    def sample(
        self, n_samples: int = 1, random_state: Any = None, currstate: int | None = None
    ) -> tuple[npt.NDArray[Any], IntArray]:
        """Draw a path through the states, and a row in each.

        Parameters
        ----------
        n_samples : int
            How many rows.
        random_state : int, RandomState or None
            Where randomness comes from, instead of the estimator's own.
        currstate : int, optional
            The first state; without it, it is drawn, too.

        Returns
        -------
        X : ndarray, (T, D)
            The rows.
        state_sequence : ndarray, (T,)
            The states.

        Raises
        ------
        ValueError, TypeError
            Where ``n_samples`` is no integer from 1 up, or ``currstate`` no state.
        NotFittedError
            As in `score`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> emission = hf.emissions.Gaussian([[0.0], [30.0]], [[1.0], [1.0]])
        >>> model = GaussianHMM.from_hmm(hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission))
        >>> rows, states = model.sample(4, random_state=0)
        >>> rows.shape, states
        ((4, 1), array([1, 1, 1, 1]))
        """
        self._settle()
        rng = check_random_state(self.random_state if random_state is None else random_state)
        moves = _cumulated(self.transmat_)
        if currstate is None:
            states = [_drawn(_cumulated(self.startprob_), rng)]
        else:
            states = [_checks.state_of_estimator("currstate", currstate, self.n_components)]
        rows = [self._generate_sample_from_state(states[0], rng)]
        for _ in range(_checks.step_count("n_samples", n_samples) - 1):
            states.append(_drawn(moves[states[-1]], rng))
            rows.append(self._generate_sample_from_state(states[-1], rng))
        return np.atleast_2d(rows), np.array(states, dtype=int)

    def get_stationary_distribution(self) -> FloatArray:
        """Compute where the chain settles.

        Returns
        -------
        ndarray, (K,)
            The distribution of states that a move leaves as it is.

        Raises
        ------
        NotFittedError
            Where there is no ``transmat_`` yet.
        ValueError
            Where there is more than one.

        Examples
        --------
        >>> from hmmfilter.sklearn import BaseHMM
        >>> model = BaseHMM(2)
        >>> model.transmat_ = [[0.9, 0.1], [0.3, 0.7]]
        >>> model.get_stationary_distribution()
        array([0.75, 0.25])
        """
        check_is_fitted(self, "transmat_")
        return np.array(stationary_distribution(self.transmat_))

    @as_in(score)
    def aic(self, X: Any, lengths: Any = None) -> float:
        """Compute Akaike's information criterion: 2 p − 2 log p(X).

        p is how many numbers the last fit was free to choose: those that ``params`` names, without zeros that were
        there when it began. Of a model that was never fitted, it is how many a fit would be free to choose.

        Parameters
        ----------
        X, lengths
            As in `score`.

        Returns
        -------
        float
            The lower, the better.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As in `score`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> emission = hf.emissions.Gaussian([[0.0], [3.0]], [[1.0], [1.0]])
        >>> model = GaussianHMM.from_hmm(hf.HMM([1.0, 0.0], [[0.9, 0.1], [0.1, 0.9]], emission))
        >>> rows = [[0.1], [2.0], [3.5]]
        >>> round(0.5 * model.aic(rows) + model.score(rows))  # 2 moves, 2 means, 2 variances
        6
        """
        return 2.0 * (self._n_learnt() - self.score(X, lengths=lengths))

    @as_in(score)
    def bic(self, X: Any, lengths: Any = None) -> float:
        """Compute the Bayesian information criterion: p log T − 2 log p(X), with p as in `aic`.

        Parameters
        ----------
        X, lengths
            As in `score`.

        Returns
        -------
        float
            The lower, the better.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As in `score`.
        """
        X, lengths = signatures.rows_and_lengths(X, None, lengths)
        return float(self._n_learnt() * np.log(len(X)) - 2.0 * self.score(X, lengths=lengths))


def n_free(rows: FloatArray) -> int:
    """How many numbers of distributions are free, where zeros stay zeros."""
    return int(np.maximum(np.count_nonzero(rows, axis=-1) - 1, 0).sum())


def _cumulated(rows: FloatArray) -> FloatArray:
    """Cumulative distributions, of which the last entry is 1."""
    sums: FloatArray = np.cumsum(rows, axis=-1)
    return sums / sums[..., -1:]


def _drawn(cumulated: FloatArray, rng: np.random.RandomState) -> int:
    """A state by one uniform number, never one of probability 0."""
    return int(np.searchsorted(cumulated, rng.rand(), side="right"))
