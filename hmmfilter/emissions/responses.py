"""What a regression may show: numbers, counts, and outcomes, each with its law by linear predictors.

Of T rows and K states there are J predictors each: one, or of M outcomes M − 1, the log-odds of each against outcome 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, _logits, _newton
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._kernels.columns import log_parts
from hmmfilter._kernels.densities import LOG_2_PI, stirling_error
from hmmfilter._newton import Curvature, Found, Law, Rows, Terms
from hmmfilter.emissions import sides
from hmmfilter.emissions.predictors import Predictors, predictors
from hmmfilter.emissions.sides import Sides

FAR = 1e3  # by how much smaller squares are worth to be added up anew
NEAR = 0.5  # where exp(d) − 1 − d is had by its series
N_TERMS = 18  # of it


class Response(ABC):
    """A kind of observation, and what is probable of it, where predictors are known."""

    has_variance = False

    @abstractmethod
    def let_in(self, observations: Any, n_predictors: int) -> FloatArray:
        """Let observations in, (T,), NaN where missing."""

    @abstractmethod
    def densities(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """log p(y | h), (T, K); of any number where missing."""

    @abstractmethod
    def most_likely(
        self,
        y: FloatArray,
        design: FloatArray,
        weights: FloatArray,
        coefficients: FloatArray,
        groups: IntArray,
        variance: FloatArray,
    ) -> Found:
        """The coefficients, (K, J, P), that are most probable for rows that count as (T, K) weights say."""

    @abstractmethod
    def excess(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """The derivatives of log p by the predictors, (T, K, J)."""

    def moments(self, known: Predictors, variance: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """The mean and the variance in each state, (T, K); None where there are none."""
        return None

    @abstractmethod
    def sides(self, y: FloatArray, known: Predictors, variance: FloatArray) -> Sides:
        """log P(V < y), log P(V = y) and log P(V > y), (T, K)."""

    @abstractmethod
    def drawn(self, known: FloatArray, variance: FloatArray, rng: np.random.Generator) -> npt.NDArray[Any]:
        """An observation for each row of predictors, (T, J), and variances, (T,)."""


class Numbers(Response):
    """Numbers, normally distributed around their predictor."""

    has_variance = True

    def let_in(self, observations: Any, n_predictors: int) -> FloatArray:
        """Any numbers."""
        return _checks.observations(observations)

    def densities(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """−½ (z² + log 2πσ²)."""
        z = _off(y, known) / np.sqrt(variance)
        with np.errstate(over="ignore"):
            table: FloatArray = -0.5 * (z * z + (LOG_2_PI + np.log(variance)))
        return table

    def most_likely(
        self,
        y: FloatArray,
        design: FloatArray,
        weights: FloatArray,
        coefficients: FloatArray,
        groups: IntArray,
        variance: FloatArray,
    ) -> Found:
        """Weighted least squares about the predictors that there were, or nearer ones, where sums lose less."""
        found = Found(coefficients, np.zeros(len(coefficients), dtype=np.bool_))
        size = np.inf
        while True:
            off = np.where(weights > 0, _off(y, predictors(design, found.coefficients)), 0.0)
            squares = float((weights * off * off).sum())
            if not squares * FAR < size:
                return found
            law_of = _laws(_Squares, weights, off.T, variance)
            found, size = _newton.best(design, weights.T, found.coefficients, groups, law_of), squares

    def excess(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """(y − η) / σ²."""
        each: FloatArray = (_off(y, known) / variance)[:, :, np.newaxis]
        return each

    def moments(self, known: Predictors, variance: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """η and σ²."""
        mean = known.plain()[:, :, 0]
        return mean, np.broadcast_to(variance, mean.shape).copy()

    def sides(self, y: FloatArray, known: Predictors, variance: FloatArray) -> Sides:
        """Of standard normal numbers."""
        z = _off(y, known).T / np.sqrt(variance)[:, np.newaxis]
        return sides.of_normal(np.where(np.isnan(y), np.nan, 0.0), -z, np.ones_like(z))

    def drawn(self, known: FloatArray, variance: FloatArray, rng: np.random.Generator) -> npt.NDArray[Any]:
        """η + σ z."""
        numbers: FloatArray = known[:, 0] + np.sqrt(variance) * rng.standard_normal(len(known))
        return numbers


class Counts(Response):
    """Poisson's counts, whose log-rate is the predictor."""

    def let_in(self, observations: Any, n_predictors: int) -> FloatArray:
        """Whole numbers from 0."""
        return _checks.whole_observations(observations)

    def densities(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """−δ(y) − y (e^d − 1 − d) − log √(2πy) with d = η − log y, in Loader's form."""
        counts = np.where(y >= 1, y, 1.0)[:, np.newaxis]
        log_y, log_y_rest = log_parts(counts)
        d = (known.head[:, :, 0] - log_y) + (known.rest[:, :, 0] - log_y_rest)
        fixed = stirling_error(counts) + 0.5 * (LOG_2_PI + (log_y + log_y_rest))
        with np.errstate(over="ignore"):
            of_positive = -counts * _exp_beyond_line(d) - fixed
            return np.where(y[:, np.newaxis] == 0, -np.exp(known.plain()[:, :, 0]), of_positive)

    def most_likely(
        self,
        y: FloatArray,
        design: FloatArray,
        weights: FloatArray,
        coefficients: FloatArray,
        groups: IntArray,
        variance: FloatArray,
    ) -> Found:
        """By Newton's method."""
        log_rate = predictors(design, coefficients).plain()[:, :, 0].T
        counts = np.broadcast_to(y, log_rate.shape)
        return _newton.best(design, weights.T, coefficients, groups, _laws(_Events, weights, counts, log_rate))

    def excess(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """y − λ."""
        each: FloatArray = y[:, np.newaxis, np.newaxis] - np.exp(known.plain())
        return each

    def moments(self, known: Predictors, variance: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """λ and λ."""
        rate = np.exp(known.plain()[:, :, 0])
        return rate, rate

    def sides(self, y: FloatArray, known: Predictors, variance: FloatArray) -> Sides:
        """Of counts."""
        return sides.of_counts(y, np.exp(known.plain()[:, :, 0]), self.densities(y, known, variance))

    def drawn(self, known: FloatArray, variance: FloatArray, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Counts."""
        rates = np.exp(known[:, 0])
        _checks.drawable_rates(rates)
        return rng.poisson(rates)


class Outcomes(Response):
    """One of M outcomes, numbered from 0, whose log-odds against outcome 0 are the predictors."""

    def let_in(self, observations: Any, n_predictors: int) -> FloatArray:
        """Whole numbers from 0 to M − 1."""
        return _checks.whole_observations(observations, at_most=n_predictors)

    def densities(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """The log-probability of the outcome that came."""
        logs = _logs_of_all(known)
        came = np.where(np.isnan(y), 0.0, y).astype(np.int64)
        return np.take_along_axis(logs, came[:, np.newaxis, np.newaxis], axis=2)[:, :, 0]

    def most_likely(
        self,
        y: FloatArray,
        design: FloatArray,
        weights: FloatArray,
        coefficients: FloatArray,
        groups: IntArray,
        variance: FloatArray,
    ) -> Found:
        """A multinomial logit, in which the coefficients of outcome 0 are held at 0."""
        n_outcomes = coefficients.shape[1] + 1
        targets = weights.T[:, :, np.newaxis] * (y[:, np.newaxis] == np.arange(n_outcomes))
        all_groups = np.pad(groups, [(0, 0), (1, 0), (0, 0)], constant_values=-1)
        with_base = np.pad(coefficients, [(0, 0), (1, 0), (0, 0)])
        found = _logits.most_likely(design, targets, with_base, all_groups)
        return Found(found.coefficients[:, 1:], found.are_endless)

    def excess(self, y: FloatArray, known: Predictors, variance: FloatArray) -> FloatArray:
        """1 − p of what came, −p of what did not."""
        shares = np.exp(_logs_of_all(known))
        came = y[:, np.newaxis, np.newaxis] == np.arange(shares.shape[2])
        each: FloatArray = (came - shares)[:, :, 1:]
        return each

    def sides(self, y: FloatArray, known: Predictors, variance: FloatArray) -> Sides:
        """Sums over outcomes below, and above, in the order of their numbers."""
        logs = _logs_of_all(known)
        number = np.arange(logs.shape[2])
        came = y[:, np.newaxis, np.newaxis]
        with np.errstate(divide="ignore"):
            below, above = (
                np.log(np.where(side, np.exp(logs), 0.0).sum(axis=2)) for side in (number < came, number > came)
            )
        missing = np.isnan(y)[:, np.newaxis]
        parts = below, self.densities(y, known, variance), above
        low, at, high = (np.where(missing, np.nan, part) for part in parts)
        return low, at, high

    def drawn(self, known: FloatArray, variance: FloatArray, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Numbers of outcomes."""
        shares = np.exp(_logits.log_probabilities(np.pad(known, [(0, 0), (1, 0)])))
        below = np.cumsum(shares, axis=1)[:, :-1]
        drawn: IntArray = (rng.random(len(known))[:, np.newaxis] >= below).sum(axis=1)
        return drawn


class Either(Outcomes):
    """0 or 1, whose log-odds are the predictor."""

    def moments(self, known: Predictors, variance: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """p and p (1 − p)."""
        logs = _logs_of_all(known)
        return np.exp(logs[:, :, 1]), np.exp(logs.sum(axis=2))


RESPONSES: dict[str, Response] = {
    "gaussian": Numbers(),
    "poisson": Counts(),
    "bernoulli": Either(),
    "categorical": Outcomes(),
}


def _off(y: FloatArray, known: Predictors) -> FloatArray:
    """What numbers are more than their only predictor, (T, K)."""
    return known.off(y[:, np.newaxis, np.newaxis])[:, :, 0]


def _logs_of_all(known: Predictors) -> FloatArray:
    """The log-probabilities of all outcomes, (T, K, M)."""
    return _logits.log_probabilities(np.pad(known.plain(), [(0, 0), (0, 0), (1, 0)]))


def _exp_beyond_line(d: FloatArray) -> FloatArray:
    """exp(d) − 1 − d, which nothing is lost of."""
    series = np.zeros_like(d)
    near = np.where(np.abs(d) < NEAR, d, 0.0)
    for n in range(N_TERMS, 1, -1):
        series = near / n * (1.0 + series)
    return np.where(np.abs(d) < NEAR, near * series, np.expm1(d) - d)


def _laws(kind: Any, weights: FloatArray, *of_sources: FloatArray) -> Any:
    """The law of some sources at some rows, of what there is of each source, (K, ...), and each row, (K, T)."""

    def law_of(sources: IntArray, rows: Rows) -> Law:
        parts = (part[sources] if part.ndim == 1 else part[sources][:, rows] for part in of_sources)
        law: Law = kind(weights.T[sources][:, rows], *parts)
        return law

    return law_of


class _Squares:
    """−½ Σ w (y − η)² / σ²."""

    is_quadratic = True

    def __init__(self, weights: FloatArray, off: FloatArray, variance: FloatArray) -> None:
        self._shares, self._off = weights / variance[:, np.newaxis], np.where(weights > 0, off, 0.0)

    def at(self, moves: FloatArray) -> Terms:
        """The sum, and its derivatives."""
        off = self._off - moves[:, :, 0]
        excess = self._shares * off
        height = -0.5 * float((excess * off).sum())
        return Terms(height, -height, excess[:, :, np.newaxis], self.plain)

    @property
    def plain(self) -> Curvature:
        """w / σ², everywhere."""
        return lambda j, other: self._shares


class _Events:
    """Σ w (y η − e^η)."""

    is_quadratic = False

    def __init__(self, weights: FloatArray, counts: FloatArray, log_rate: FloatArray) -> None:
        self._weights, self._log_rate = weights, log_rate
        self._counts = np.where(weights > 0, counts, 0.0)

    def at(self, moves: FloatArray) -> Terms:
        """The sum, and its derivatives."""
        log_rate = np.where(self._weights > 0, self._log_rate + moves[:, :, 0], 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            expected, seen = self._weights * np.exp(log_rate), self._weights * self._counts
            terms = seen * log_rate - expected
            size = float((self._weights + np.abs(seen * log_rate) + expected).sum())
        return Terms(float(terms.sum()), size, (seen - expected)[:, :, np.newaxis], lambda j, other: expected)

    @property
    def plain(self) -> Curvature:
        """w, where rates are 1."""
        return lambda j, other: self._weights
