"""Autoregressions: numbers that follow those before them, in each state otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import guesses
from hmmfilter.emissions.learning import Learner
from hmmfilter.emissions.linear import Linear, columns_given, typical_variance
from hmmfilter.emissions.numbers_ahead import moments_ahead
from hmmfilter.emissions.protocol import Emission
from hmmfilter.emissions.regression import Regression
from hmmfilter.emissions.responses import RESPONSES, Response
from hmmfilter.emissions.sides import Ordered, Sides


@dataclass(frozen=True, eq=False, init=False)
class Autoregressive(Linear):
    """Numbers that follow the p before them, by coefficients of each state.

    In state k a number v_t is normally distributed with mean c_k + φ_k1 v_{t−1} + ... + φ_kp v_{t−p}, and with terms of
    covariates after these where there are coefficients for them, and with the variance of the state.

    The first p steps of each sequence are given: nothing before them is known, so that their log-likelihoods are 0, and
    what a model says is conditional on them. So it is with a step that is missing, or one of whose p before it is:
    nothing of it counts. A stream keeps the last p numbers, and no sequence looks back into the one before it.

    Parameters
    ----------
    coefficients : array_like, (K, 1 + p + C)
        c, then φ_1 to φ_p, then those of covariates.
    variance : array_like, (K,)
        How numbers vary around their mean in each state.
    order : int, optional
        p, from 1; without it, no coefficients are of covariates unless `covariates` says so.
    covariates : list of str or int, optional
        The columns that the last C coefficients are of, by name or number; without it, all columns in their order.

    Raises
    ------
    ValueError, TypeError
        Where the shapes do not fit, a number is not finite, or a variance is not above 0.

    References
    ----------
    Hamilton, "Time Series Analysis" (1994), chapter 22.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> emission = hf.emissions.Autoregressive([[0.0, 0.9], [0.0, -0.9]], [1.0, 1.0])
    >>> emission.order
    1
    >>> emission.log_likelihoods([2.0, 1.5, 1.8]).round(4)
    array([[ 0.    ,  0.    ],
           [-0.9639, -6.3639],
           [-1.0202, -5.8802]])
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission)
    """

    coefficients: FloatArray
    variance: FloatArray | None
    order: int
    covariates: tuple[str | int, ...] | None = None

    def __init__(
        self,
        coefficients: npt.ArrayLike,
        variance: npt.ArrayLike,
        order: int | None = None,
        *,
        covariates: Sequence[str | int] | None = None,
    ) -> None:
        given = _checks.real_parameters("coefficients", coefficients, ("K", "1 + p + C"))
        p = _checks.order_of(order, given.shape[1], len(covariates) if isinstance(covariates, (list, tuple)) else None)
        columns = _checks.chosen_covariates(covariates, given.shape[1] - 1 - p)
        spread = _checks.spread_around(variance, len(given), True, "an autoregression")
        self._freeze(coefficients=given, variance=spread, order=p, covariates=columns)

    @property
    def _response(self) -> Response:
        return RESPONSES["gaussian"]

    @property
    def _n_covariates(self) -> int:
        n_covariates: int = self.coefficients.shape[1] - 1 - self.order
        return n_covariates

    @property
    def _phi(self) -> FloatArray:
        """φ of each state, the newest first, (K, p)."""
        return self.coefficients[:, 1 : self.order + 1]

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset({"past", "covariates"} if self._n_covariates > 0 else {"past"})

    @property
    def _past(self) -> int:
        """How many observations before a row it needs."""
        return self.order

    def _known(self, y: FloatArray, beside: Beside) -> FloatArray:
        return np.column_stack([self._lags(y, beside), self._covariate_rows(len(y), beside)])

    def _lags(self, y: FloatArray, beside: Beside) -> FloatArray:
        """The p numbers before each row, the last one first, (T, p); NaN before the first of a sequence."""
        starts = np.repeat(beside.starts[:-1], np.diff(beside.starts))
        rows = np.arange(len(y))
        extended = np.concatenate([self._before(beside), y])
        lags = np.empty((len(y), self.order))
        for lag in range(1, self.order + 1):
            is_own = (rows - lag >= starts) | (starts == 0)  # what a stream has seen comes before its first row
            lags[:, lag - 1] = np.where(is_own, extended[self.order + rows - lag], np.nan)
        return lags

    def _before(self, beside: Beside) -> FloatArray:
        """The p numbers before the first row, NaN where there are none."""
        before = np.full(self.order, np.nan)
        if beside.before is not None and len(beside.before) > 0:
            last = self._let_in(beside.before)[-self.order :]
            before[self.order - len(last) :] = last
        return before

    def _with(self, parameters: dict[str, FloatArray]) -> Autoregressive:
        return Autoregressive(**parameters, order=self.order, covariates=self.covariates)

    def _terms(self) -> list[str]:
        names = range(self._n_covariates) if self.covariates is None else self.covariates
        covariates = [name if isinstance(name, str) else f"x[{name}]" for name in names]
        return ["intercept", *(f"φ[{lag}]" for lag in range(1, self.order + 1)), *covariates]

    @property
    def _called(self) -> str:
        """What a model that is printed says of it."""
        first = "step" if self.order == 1 else f"{self.order} steps"
        return f"Autoregressive emission given the first {first}"

    def _sampled(self, states: IntArray, rng: np.random.Generator, beside: Beside) -> FloatArray:
        phi, rows = self._phi, self._covariate_rows(len(states), beside)
        shift = self.coefficients[states, 0] + (self.coefficients[states, self.order + 1 :] * rows).sum(axis=1)
        noise = np.sqrt(self._variances)[states] * rng.standard_normal(len(states))
        drawn = np.empty(len(states))
        for begin, end in zip(beside.starts[:-1].tolist(), beside.starts[1:].tolist(), strict=True):
            past = self._before(beside) if begin == 0 else np.full(self.order, np.nan)
            if begin < end:
                past = np.where(np.isnan(past), _settled(float(shift[begin]), phi[states[begin]]), past)[::-1]
            for t in range(begin, end):
                drawn[t] = shift[t] + phi[states[t]] @ past + noise[t]
                past = np.concatenate([drawn[t : t + 1], past[:-1]])
        return drawn

    def _covariate_rows(self, n_rows: int, beside: Beside) -> FloatArray:
        if self._n_covariates == 0:
            return np.zeros((n_rows, 0))
        return _checks.columns_of(beside.covariates, beside.names, self.covariates, self._n_covariates)

    def _moments_ahead(
        self, first: FloatArray, matrices: FloatArray, beside: Beside
    ) -> tuple[FloatArray, FloatArray] | None:
        """The mean and the variance of each number to come, (S,): exact, whatever states there are on the way.

        `first` is the distribution of the state of the first of these steps, (K,), and `matrices` lead on from each to
        the next, (S − 1, K, K). None where the last p numbers are not all known.
        """
        past = self._before(beside)[::-1]
        if np.isnan(past).any():
            return None
        rows = self._covariate_rows(int(beside.starts[-1]), beside)
        shifts = self.coefficients[:, 0] + rows @ self.coefficients[:, self.order + 1 :].T
        return moments_ahead(first, matrices, shifts, self._phi, self._variances, past)

    def log_likelihoods(
        self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Compute the log-densities of numbers in each state, given those before them.

        Parameters
        ----------
        observations : array_like, (T,)
            Finite numbers; NaN or None where missing.
        covariates : array_like, (T, C), optional
            What is known of each step, finite, where there are coefficients for it; a frame has names of columns.
        lengths : array_like of int, (N,), optional
            The lengths of sequences that come one after the other; without it, there is one.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | v_{t−1}, ..., v_{t−p}, h_t = k), natural logs; rows of 0 for the first p steps of a sequence,
            and where the number is missing, or one of the p before it.

        Raises
        ------
        ValueError, TypeError
            For what is no number, with its index, or covariates that are no such table.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> emission = hf.emissions.Autoregressive([[1.0, 0.5]], [1.0])
        >>> emission.log_likelihoods([2.0, 2.0, None, 2.0, 2.0, 9.0], lengths=[5, 1]).round(4).T
        array([[ 0.    , -0.9189,  0.    ,  0.    , -0.9189,  0.    ]])
        """
        return self._table(observations, covariates, lengths)

    @as_in(Learner.estimated, log_likelihoods)
    def estimated(
        self,
        observations: Any,
        weights: npt.ArrayLike,
        prior: Any = None,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> Autoregressive:
        """Estimate the coefficients from numbers that belong to each state to some degree: by weighted least squares.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : None
            There is none that is conjugate.
        covariates, lengths
            As in `Autoregressive.log_likelihoods`.

        Returns
        -------
        Autoregressive
            The most probable one, given the first p steps of each sequence; what nothing is known of stays.

        Raises
        ------
        DegenerateFitError
            Where numbers do not vary around their mean in a state.
        ValueError, TypeError
            For what is no number or no weight, with its index, or a prior.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Autoregressive([[0.0, 0.0]], [1.0])
        >>> start.estimated([1.0, 2.0, 2.5, 3.0], [[1.0]] * 4).coefficients.round(3)
        array([[1.321, 0.643]])
        """
        return self._estimated(observations, weights, prior, covariates, lengths)

    @classmethod
    @as_in(Learner.guessed, log_likelihoods)
    def guessed(
        cls,
        observations: Any,
        weights: npt.ArrayLike,
        *,
        order: int = 1,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> Autoregressive:
        """Make one of numbers that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        order : int
            p, from 1.
        covariates, lengths
            As in `Autoregressive.log_likelihoods`.

        Returns
        -------
        Autoregressive
            The most probable one; a state to which nothing belongs gets the coefficients of all numbers.

        Raises
        ------
        DegenerateFitError, ValueError, TypeError
            As for `estimated`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Autoregressive.guessed([1.0, 2.0, 2.5, 3.0], [[1.0]] * 4).coefficients.round(3)
        array([[1.321, 0.643]])
        """
        alone = cls._stand_in(observations, order=order, covariates=covariates)
        return alone._of_degrees(observations, weights, covariates, lengths)

    @classmethod
    def _stand_in(cls, observations: Any, *, order: int = 1, covariates: Any = None) -> Autoregressive:
        """One of a single state that lets such observations in."""
        y = _checks.observations(guesses.joined(observations, None))
        n_covariates, names = columns_given(covariates, len(y))
        width = 1 + _checks.whole_count("order", order) + n_covariates
        return cls(np.zeros((1, width)), [typical_variance(y)], order, covariates=names)

    @as_in(Emission.sample, log_likelihoods, Regression.sample)
    def sample(
        self,
        states: npt.ArrayLike,
        rng: np.random.Generator | int | None = None,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Draw one number for each entry of `states`, each following those before it.

        Those before the first are the mean to which it would come if its state stayed, or 0 where it has none.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.
        covariates, lengths
            As in `Autoregressive.log_likelihoods`.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            As in `Regression.sample`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Autoregressive([[5.0, 0.5], [0.0, -1.0]], [1.0, 1.0]).sample([0, 0, 1, 1], rng=0).round(2)
        array([10.13,  9.93, -9.29,  9.4 ])
        """
        return np.asarray(self._drawn_beside(states, rng, covariates, lengths))

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None) -> Sides:
        """Compute how probable it is, in each state, to be below a number, and above it, given those before it.

        Parameters
        ----------
        observations, covariates, lengths
            As in `Autoregressive.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Autoregressive.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.Autoregressive([[0.0, 1.0]], [1.0]).log_sides([0.0, 30.0])
        >>> log_above[1].round(4)
        array([-454.3212])
        """
        return self._sides(self._let_in_beside(observations, covariates, lengths))


def _settled(shift: float, phi: FloatArray) -> float:
    """The mean to which numbers come if nothing changes; 0 where they come to none."""
    companion = np.eye(len(phi), k=-1)
    companion[0] = phi
    comes = np.abs(np.linalg.eigvals(companion)).max() < 1
    return shift / (1 - float(phi.sum())) if comes else 0.0
