"""The base of all estimators that climb to the most probable parameters.

What a class of this library defines:

- ``_emission``, a property: the object of `hmmfilter.emissions` that its attributes make,
- ``_check()``: insists on its attributes, after ``super()._check()``,
- ``_init(X, lengths)``: sets those that a fit begins with, after ``super()._init(X, lengths)``; `_needs_init` says
  whether one is wanted,
- ``_maximise(stats)``: sets them to the most probable ones, as far as ``params`` lets it. ``stats`` has what is
  expected of the emission by the names of `hmmfilter.expected_statistics`,
- ``_log_prior()``: adds to ``super()._log_prior()`` the log-density of its priors, up to a constant,
- ``_get_n_fit_scalars_per_param()``: adds to ``super()``'s how many numbers of its own are free,
- ``_generate_sample_from_state(state, random_state)``: a row.

What a class of anybody may define, with hmmlearn's names: `_compute_log_likelihood`, and any of
`_initialize_sufficient_statistics`, `_accumulate_sufficient_statistics`, `_do_mstep`. A fit keeps tables of all rows
only where one of the first three is somebody's own.
"""

from __future__ import annotations

import string
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions.learning import shown_by
from hmmfilter.filtering import forward_filter
from hmmfilter.learning import expected_statistics
from hmmfilter.model import HMM
from hmmfilter.predicting import log_likelihoods_to_come
from hmmfilter.sklearn import signatures
from hmmfilter.sklearn.asking import DECODER_ALGORITHMS, Asking
from hmmfilter.sklearn.monitor import ConvergenceMonitor, log
from hmmfilter.smoothing import expected_transitions, smooth

__all__ = ["DECODER_ALGORITHMS", "BaseHMM"]

Stats = dict[str, Any]
OWN = ("_compute_log_likelihood", "_initialize_sufficient_statistics", "_accumulate_sufficient_statistics")


class BaseHMM(Asking):
    """A chain of hidden states whose observations a subclass knows of."""

    def __init__(
        self,
        n_components: int = 1,
        startprob_prior: npt.ArrayLike = 1.0,
        transmat_prior: npt.ArrayLike = 1.0,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
        verbose: bool = False,
        params: str = string.ascii_letters,
        init_params: str = string.ascii_letters,
        implementation: str = "log",
    ) -> None:
        self.n_components = n_components
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.algorithm = algorithm
        self.random_state = random_state
        self.n_iter = n_iter
        self.tol = tol
        self.verbose = verbose
        self.params = params
        self.init_params = init_params
        self.implementation = implementation

    # -------------------------------------------------------------------------------------------------------- a fit

    @property
    def monitor_(self) -> ConvergenceMonitor:
        """What watches over fits: a `ConvergenceMonitor`, or what was set in its place."""
        if not hasattr(self, "_monitor"):
            return ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
        return self._monitor

    @monitor_.setter
    def monitor_(self, monitor: ConvergenceMonitor) -> None:
        self._monitor, self._has_own_monitor = monitor, True

    def fit(self, X: Any, y: Any = None, lengths: Any = None) -> Any:
        """Climb to the most probable parameters."""
        X, lengths = signatures.rows_and_lengths(X, y, lengths)
        rows, starts = self._let_in(X, lengths, reset=True)
        steps = np.diff(starts)
        self._init(rows, steps)
        self._check()
        self._n_fitted = self._n_learnt_of(self._get_n_fit_scalars_per_param())
        if not getattr(self, "_has_own_monitor", False):
            self._monitor = ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
        self.monitor_._reset()
        for _ in range(self.n_iter):
            stats, log_likelihood = self._do_estep(rows, steps)
            objective = self._compute_lower_bound(log_likelihood)
            self._do_mstep(stats)
            self.monitor_.report(objective)
            if self.monitor_.converged:
                break
        return self

    def _n_learnt_of(self, n_of_each: dict[str, int]) -> int:
        return sum(number for letter, number in n_of_each.items() if letter in self.params)

    def _n_learnt(self) -> int:
        if not hasattr(self, "_n_fitted"):
            return self._n_learnt_of(self._get_n_fit_scalars_per_param())
        return self._n_fitted

    def _compute_lower_bound(self, log_likelihood: float) -> float:
        """What a fit climbs: the log-likelihood, and the log-prior."""
        return log_likelihood + self._log_prior()

    def _do_estep(self, X: Any, lengths: Any) -> tuple[Stats, float]:
        """What is expected of states and rows, and the log-likelihood."""
        stats = self._initialize_sufficient_statistics()
        if not self._is_somebodys_own(*OWN):
            expected = expected_statistics(self.to_hmm(), X, lengths=lengths)
            stats |= {"nobs": len(lengths), "start": expected.initial, "trans": expected.transition}
            return stats | expected.emission, float(np.sum(expected.log_likelihood))
        with np.errstate(divide="ignore"):
            log_initial, log_transition = np.log(self.startprob_), np.log(self.transmat_)
        log_likelihood = 0.0
        for begin, end in pairwise(np.concatenate([[0], np.cumsum(lengths)])):
            if begin < end:
                rows = X[begin:end]
                table = self._compute_log_likelihood(rows)
                smoothed = smooth(log_initial, log_transition, table)
                log_likelihood += smoothed.log_likelihood
                self._accumulate_sufficient_statistics(
                    stats,
                    rows,
                    table,
                    smoothed.probabilities,
                    forward_filter(log_initial, log_transition, table).log_joint_probabilities,
                    log_likelihoods_to_come(log_transition, table),
                )
        return stats, log_likelihood

    def _is_somebodys_own(self, *names: str) -> bool:
        """Whether a class defines one of these by itself, or has no emission of this library."""
        return type(self)._emission is BaseHMM._emission or any(
            getattr(type(self), name) is not getattr(BaseHMM, name) for name in names
        )

    def _has_own_log_likelihoods(self) -> bool:
        return self._is_somebodys_own("_compute_log_likelihood")

    # ------------------------------------------------------------------------------------------------ for subclasses

    @property
    def _emission(self) -> Any:
        """What the states show."""
        return _checks.no_emission(type(self).__name__)

    def _compute_log_likelihood(self, X: Any) -> FloatArray:
        if type(self)._emission is BaseHMM._emission:
            return super()._compute_log_likelihood(X)
        table: FloatArray = self._emission.log_likelihoods(X)
        return table

    def _check_and_set_n_features(self, X: Any) -> None:
        """Insist on rows that the model can have, and take note of their width."""

    def _needs_init(self, code: str, name: str) -> bool:
        """Whether an attribute is to be set before a fit: ``init_params`` says so, or there is none."""
        if code in self.init_params and hasattr(self, name):
            log.warning("%s was set, and will be overwritten by the start, as init_params has %r.", name, code)
        return code in self.init_params or not hasattr(self, name)

    def _init(self, X: Any, lengths: Any = None) -> None:
        """Set what a fit begins with."""
        self._check_and_set_n_features(X)
        alpha = np.full(self.n_components, 1.0 / self.n_components)
        rng = check_random_state(self.random_state)
        if self._needs_init("s", "startprob_"):
            self.startprob_ = rng.dirichlet(alpha)
        if self._needs_init("t", "transmat_"):
            self.transmat_ = rng.dirichlet(alpha, size=self.n_components)
        n_numbers = self._n_learnt_of(self._get_n_fit_scalars_per_param())
        if X.size < n_numbers:
            log.warning(
                "A fit of %d free numbers to %d numbers of data will come to a degenerate solution.", n_numbers, X.size
            )

    def _initialize_sufficient_statistics(self) -> Stats:
        """Begin sums of what is expected: of sequences, first states, and moves."""
        n = self.n_components
        return {"nobs": 0, "start": np.zeros(n), "trans": np.zeros((n, n))}

    def _accumulate_sufficient_statistics(
        self,
        stats: Stats,
        X: Any,
        lattice: FloatArray,
        posteriors: FloatArray,
        fwdlattice: FloatArray,
        bwdlattice: FloatArray,
    ) -> None:
        """Add what is expected of one sequence: of its log-likelihoods, posteriors, log α and log β, (n, K)."""
        with np.errstate(divide="ignore"):
            log_initial, log_transition = np.log(self.startprob_), np.log(self.transmat_)
        stats["nobs"] += 1
        stats["start"] += posteriors[0]
        stats["trans"] += expected_transitions(log_initial, log_transition, lattice).counts
        if type(self)._emission is not BaseHMM._emission:
            emission = self._emission
            shown = emission._statistics(shown_by(emission, emission._observed(X), posteriors))
            for name, value in shown.items():
                stats[name] = value if name == "about" else stats.get(name, 0.0) + value

    def _do_mstep(self, stats: Stats) -> None:
        """Set all that ``params`` names to what is most probable for what is expected."""
        if "s" in self.params:
            self.startprob_ = most_probable_rows(
                "startprob_prior", self.startprob_prior, stats["start"], self.startprob_
            )
        if "t" in self.params:
            self.transmat_ = most_probable_rows("transmat_prior", self.transmat_prior, stats["trans"], self.transmat_)
        self._maximise(stats)

    def _maximise(self, stats: Stats) -> None:
        """Set the parameters of the emission to what is most probable for what is expected."""

    def _log_prior(self) -> float:
        """The log-density of the priors of all that ``params`` names, up to a constant."""
        density = 0.0
        if "s" in self.params:
            density += log_density_of_rows("startprob_prior", self.startprob_prior, self.startprob_)
        if "t" in self.params:
            density += log_density_of_rows("transmat_prior", self.transmat_prior, self.transmat_)
        return density

    # ------------------------------------------------------------------------------------------------------ the model

    def to_hmm(self) -> HMM:
        """Make the frozen model of the parameters as they stand."""
        sums = np.append(self.transmat_.sum(axis=1), np.sum(self.startprob_))
        return HMM(self.startprob_, self.transmat_, self._emission, normalize=bool((abs(sums - 1.0) > 1e-9).any()))


def most_probable_rows(name: str, prior: npt.ArrayLike, counts: FloatArray, before: FloatArray) -> FloatArray:
    """The most probable distributions, by a Dirichlet prior of that name and expected counts, along the last axis.

    Zeros stay zeros, and a row of which nothing is known stays as it was.
    """
    known = np.where(before > 0, counts + (_concentration(name, prior, before.shape) - 1.0), 0.0)
    sums = known.sum(axis=-1, keepdims=True)
    rows: FloatArray = np.divide(known, sums, out=np.array(before, dtype=float), where=sums > 0)
    return rows


def log_density_of_rows(name: str, prior: npt.ArrayLike, rows: FloatArray) -> float:
    """The log-density of distributions under that prior, up to a constant; zeros are given, and count for nothing."""
    more = _concentration(name, prior, rows.shape) - 1.0
    return float(np.sum(more[rows > 0] * np.log(rows[rows > 0])))


def _concentration(name: str, prior: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    return _checks.concentration_of_estimator(name, prior, shape)
