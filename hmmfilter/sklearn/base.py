"""The base of all estimators that climb to the most probable parameters.

What a class of this library defines:

- ``_emission``, a property: the object of `hmmfilter.emissions` that its attributes make,
- ``_check()``: insists on its attributes, after ``super()._check()``,
- ``_init(X, lengths)``: sets those that a fit begins with, after ``super()._init(X, lengths)``; ``_needs_init`` says
  whether one is wanted,
- ``_maximise(stats)``: sets them to the most probable ones, as far as ``params`` lets it. ``stats`` has what is
  expected of the emission by the names of `hmmfilter.expected_statistics`,
- ``_log_prior()``: adds to ``super()._log_prior()`` the log-density of its priors, up to a constant,
- ``_get_n_fit_scalars_per_param()``: adds to ``super()``'s how many numbers of its own are free,
- ``_generate_sample_from_state(state, random_state)``: a row,
- ``_arguments_of(emission)`` and ``_take(emission)``: what `BaseHMM.from_hmm` makes of an emission.

What a class of anybody may define, with hmmlearn's names: ``_compute_log_likelihood``, and any of
``_initialize_sufficient_statistics``, ``_accumulate_sufficient_statistics``, ``_do_mstep``. A fit keeps tables of all
rows only where one of the first three is somebody's own.
"""

from __future__ import annotations

import string
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.learning import shown_by
from hmmfilter.filtering import forward_filter
from hmmfilter.learning import expected_statistics
from hmmfilter.model import HMM
from hmmfilter.predicting import log_likelihoods_to_come
from hmmfilter.sklearn import signatures
from hmmfilter.sklearn.asking import DECODER_ALGORITHMS, Asking
from hmmfilter.sklearn.monitor import ConvergenceMonitor, log
from hmmfilter.smoothing import expected_transitions, smooth

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DECODER_ALGORITHMS", "BaseHMM"]

Stats = dict[str, Any]
EXACT = 1e-9  # how far sums of what was computed may be off 1
OWN = ("_compute_log_likelihood", "_initialize_sufficient_statistics", "_accumulate_sufficient_statistics")


class BaseHMM(Asking):
    """A hidden Markov model whose observations a subclass knows of.

    A subclass that defines ``_compute_log_likelihood(X)``, the log-likelihoods of rows in each state, can score,
    decode, and learn its chain.

    Parameters
    ----------
    n_components : int
        K, the number of states.
    startprob_prior, transmat_prior : array_like
        Concentrations of the Dirichlet priors of ``startprob_`` and of each row of ``transmat_``, from 1, which says
        nothing.
    algorithm : {"viterbi", "map"}
        What `predict` and `decode` look for: the most probable path, or the most probable state of each row by itself.
    random_state : int, RandomState or None
        Where the randomness of a start, or of a sample, comes from.
    n_iter : int
        How many iterations a fit has at most.
    tol : float
        A fit has converged when an iteration gains less.
    verbose : bool
        Whether to print the objective of each iteration to the standard error.
    params, init_params : str
        What a fit learns, and what it sets beforehand: "s" for ``startprob_``, "t" for ``transmat_``, and other letters
        for what a subclass has. Attributes that are not set beforehand have to be there.
    implementation : {"log", "scaling"}
        Taken for the sake of hmmlearn, and without meaning: all is exact.

    Attributes
    ----------
    startprob_ : ndarray, (K,)
        p(first state).
    transmat_ : ndarray, (K, K)
        p(next state = j | state = i) at [i, j].
    monitor_ : ConvergenceMonitor
        The objective at each iteration. One that is set before `fit` is used.

    Examples
    --------
    Waiting times, exponential in each state:

    >>> import numpy as np
    >>> from hmmfilter.sklearn import BaseHMM
    >>> class WaitingHMM(BaseHMM):
    ...     def _compute_log_likelihood(self, X):
    ...         return -X / self.means_ - np.log(self.means_)
    >>> model = WaitingHMM(2, random_state=0)
    >>> model.means_ = np.array([1.0, 10.0])
    >>> model.fit([[0.3], [1.2], [0.5], [7.0], [19.0], [22.0]]).predict([[0.5], [0.1], [8.0]])
    array([0, 0, 1])
    """

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

    @property
    def monitor_(self) -> ConvergenceMonitor:
        """What watches over a fit, or has watched: what was set, or else a `ConvergenceMonitor`."""
        if not hasattr(self, "_monitor"):
            return ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
        return self._monitor

    @monitor_.setter
    def monitor_(self, monitor: ConvergenceMonitor) -> None:
        self._monitor, self._has_own_monitor = monitor, True

    @as_in(Asking.score)
    def fit(self, X: Any, y: Any = None, lengths: Any = None) -> Self:
        """Climb to the most probable parameters, by expectation and maximisation in turn.

        What is climbed is the log-likelihood, and the log-density of the priors where there are any.

        Parameters
        ----------
        X, y, lengths
            As in `Asking.score`.

        Returns
        -------
        BaseHMM
            The estimator itself, with its parameters.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced a sequence, with the parameters of the start.
        DegenerateFitError
            Where a state collapses onto rows that do not vary.
        ValueError, TypeError
            Where rows are none that the model knows of, attributes that were set make no model, or lengths do not sum
            to T.
        """
        _checks.step_count("n_components", self.n_components)
        X, lengths = signatures.rows_and_lengths(X, y, lengths)
        rows, starts = self._let_in(X, lengths, reset=True)
        steps = np.diff(starts)
        self._init(rows, steps)
        self._check()
        self._n_fitted = self._n_free_numbers()
        if not hasattr(self, "_has_own_monitor"):
            self._monitor = ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
        self.monitor_._reset()
        for _ in range(_checks.whole_count("n_iter", self.n_iter)):
            stats, log_likelihood = self._do_estep(rows, steps)
            objective = self._compute_lower_bound(log_likelihood)
            self._do_mstep(stats)
            self.monitor_.report(objective)
            if self.monitor_.converged:
                break
        return self

    def _n_free_numbers(self) -> int:
        """How many numbers of the parameters that ``params`` names are free, as they stand."""
        return sum(number for letter, number in self._get_n_fit_scalars_per_param().items() if letter in self.params)

    def _n_learnt(self) -> int:
        return self._n_fitted if hasattr(self, "_n_fitted") else self._n_free_numbers()

    def _compute_lower_bound(self, log_likelihood: float) -> float:
        """What a fit climbs: the log-likelihood, and the log-prior."""
        return log_likelihood + self._log_prior()

    def _do_estep(self, X: Any, lengths: Any) -> tuple[Stats, float]:
        """What is expected of states and rows, and the log-likelihood."""
        stats = self._initialize_sufficient_statistics()
        if not self._is_somebodys_own(*OWN):
            expected = expected_statistics(self._model(), X, lengths=lengths if len(lengths) > 1 else None)
            stats |= {"nobs": len(lengths), "start": expected.initial, "trans": expected.transition}
            return stats | expected.emission, float(np.sum(expected.log_likelihood))
        log_initial, log_transition = self._log_chain()
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
        n_numbers = self._n_free_numbers()
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
        stats["nobs"] += 1
        stats["start"] += posteriors[0]
        stats["trans"] += expected_transitions(*self._log_chain(), lattice).counts
        if type(self)._emission is not BaseHMM._emission:
            emission = self._emission
            shown = emission._statistics(shown_by(emission, emission._observed(X), posteriors))
            for name, value in shown.items():
                stats[name] = value if name.endswith("about") else stats.get(name, 0.0) + value

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

    def to_hmm(self) -> HMM:
        """Make the frozen model of the parameters as they stand.

        Returns
        -------
        HMM
            The model; all that `hmmfilter.HMM` can do, it can.

        Raises
        ------
        NotFittedError
            Where there are no parameters yet.
        NotImplementedError
            Of a class of one's own that says how probable rows are, and has no emission.

        Examples
        --------
        >>> import numpy as np
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> rows = np.array([[0.1], [0.4], [-0.2], [5.1], [4.8], [5.3], [5.0], [0.0], [0.3]])
        >>> GaussianHMM(1).fit(rows).to_hmm()
        HMM: 1 states, Gaussian emission
          state  initial    to 0     mean[0] ± sd
              0   1.0000  1.0000  2.3111 ± 2.4581
        """
        self._settle()
        return self._model()

    def _model(self) -> HMM:
        """The frozen model of parameters that were checked; divided by their sums where these were typed in."""
        sums = np.append(self.transmat_.sum(axis=1), self.startprob_.sum())
        is_typed = bool((np.abs(sums - 1.0) > EXACT).any())
        return HMM(self.startprob_, self.transmat_, self._emission, normalize=is_typed)

    @classmethod
    def from_hmm(cls, model: HMM, **parameters: Any) -> Self:
        """Make an estimator with the parameters of a frozen model.

        Parameters
        ----------
        model : HMM
            One whose emission is that of this class, and whose chain moves by one matrix, without end probabilities.
        **parameters : any
            Arguments of the constructor, but for those that the model tells.

        Returns
        -------
        BaseHMM
            The estimator, which can be asked, or fitted from there with ``init_params=""``.

        Raises
        ------
        ValueError, TypeError
            Where the model is none that this class can be.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from hmmfilter.sklearn import GaussianHMM
        >>> emission = hf.emissions.Gaussian([[0.0], [3.0]], [[1.0], [1.0]])
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission)
        >>> estimator = GaussianHMM.from_hmm(model, n_iter=100)
        >>> estimator
        GaussianHMM(n_components=2, n_iter=100)
        >>> estimator.to_hmm() == model
        True
        """
        _checks.model_of_estimator(cls.__name__, model)
        estimator = cls(**{"n_components": model.n_states, **cls._arguments_of(model.emission), **parameters})
        estimator.startprob_, estimator.transmat_ = np.array(model.initial), np.array(model.transition)
        estimator._take(model.emission)
        estimator._settle()
        return estimator

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        """Arguments of the constructor that an emission tells; a refusal where it is of another kind."""
        return _checks.no_emission(cls.__name__)

    def _take(self, emission: Any) -> None:
        """Set the attributes that an emission tells."""


def most_probable_rows(name: str, prior: npt.ArrayLike, counts: FloatArray, before: FloatArray) -> FloatArray:
    """The most probable distributions, by a Dirichlet prior of that name and expected counts, along the last axis.

    Zeros stay zeros, and a row of which nothing is known stays as it was.
    """
    known = np.where(before > 0, counts + (_checks.concentration_of_estimator(name, prior, before.shape) - 1.0), 0.0)
    sums = known.sum(axis=-1, keepdims=True)
    rows: FloatArray = np.divide(known, sums, out=np.array(before), where=sums > 0)
    return rows


def log_density_of_rows(name: str, prior: npt.ArrayLike, rows: FloatArray) -> float:
    """The log-density of distributions under that prior, up to a constant; zeros are given, and count for nothing."""
    more = _checks.concentration_of_estimator(name, prior, rows.shape) - 1.0
    return float(np.sum(more[rows > 0] * np.log(rows[rows > 0])))
