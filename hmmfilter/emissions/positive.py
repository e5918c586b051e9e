"""Emissions of numbers above 0: waiting times, lengths, amounts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, priors
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.amounts import GammaOf
from hmmfilter._tiers import kernels
from hmmfilter.emissions import sides, stirling, tails
from hmmfilter.emissions.families import POSITIVE, Domain
from hmmfilter.emissions.learning import Groups
from hmmfilter.emissions.parts import log_parts_of, parts_of, room_for
from hmmfilter.emissions.sides import Sides
from hmmfilter.emissions.summed import ROUNDING, Summed, mean_of


@dataclass(frozen=True, eq=False, init=False)
class Exponential(Summed):
    """Waiting times without a memory, from 0.

    A `hmmfilter.priors.Gamma` as the prior is that of the rate, 1 / mean: its ``shape − 1`` more times were seen, which
    took its ``rate`` together. The mean is then that of the most probable rate.

    Parameters
    ----------
    mean : array_like, (K,)
        The mean in each state, above 0; 1 / mean is the rate.

    Raises
    ------
    ValueError, TypeError
        Where a mean is not above 0 or not finite.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Exponential([1.0, 10.0]).log_likelihoods([5.0]).round(4)
    array([[-5.    , -2.8026]])
    >>> start = hf.emissions.Exponential([1.0])
    >>> start.estimated([2.0, 4.0], [[1.0], [1.0]], hf.priors.Gamma(3.0, 2.0))
    Exponential(mean=array([2.]))
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"mean": POSITIVE}
    FEATURES: ClassVar[tuple[str, ...]] = ("sum",)
    PRIOR: ClassVar[type | None] = priors.Gamma

    mean: FloatArray

    def __init__(self, mean: npt.ArrayLike) -> None:
        self._freeze(mean=_checks.positive("mean", mean, ("K",)))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, np.inf)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        with np.errstate(over="ignore"):
            np.divide(x[:, None], -self.mean, out=table)
        table -= np.log(self.mean)
        table[np.isnan(x)] = 0.0

    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        return (x,)

    def _expected(self, sums: FloatArray) -> FloatArray:
        weight, total = sums
        heights: FloatArray = -total / self.mean - weight * np.log(self.mean)
        return heights

    def _rises(self, sums: FloatArray) -> dict[str, FloatArray]:
        weight, total = sums
        return {"mean": (total / self.mean - weight) / self.mean}

    def _most_probable(self, sums: FloatArray) -> dict[str, FloatArray]:
        weight, total = sums
        for k in np.flatnonzero((weight > 0) & (total == 0))[:1]:  # the only number at which it has no bound
            _checks.refuse_collapse(int(k), np.ones(1))
        return {"mean": mean_of(total, weight)}

    def _believed(self, prior: priors.Gamma | None) -> FloatArray:
        if prior is None:
            return np.zeros((2, self.n_states))
        took, seen = prior._added(self.mean.shape)
        return np.array([seen, took])

    def _admit(self, prior: Any) -> None:
        super()._admit(prior)
        prior._admitted("the prior of the emission", self.mean.shape)

    def _log_prior(self, prior: priors.Gamma, groups: Groups) -> float:
        return prior.log_density(1 / self.mean, self._are_free(groups))

    def _prior_score(self, prior: priors.Gamma, groups: Groups) -> dict[str, FloatArray]:
        return {"mean": -prior._score(1 / self.mean, self._are_free(groups)) / self.mean**2}

    def _are_free(self, groups: Groups) -> Any:
        return groups.get("mean", np.arange(self.n_states)) >= 0

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Exponential:
        mean = x @ weights / weights.sum(axis=0)
        return cls(np.where(mean > 0, mean, 1.0))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.exponential(self.mean[states])

    def _sides(self, x: FloatArray) -> Sides:
        with np.errstate(divide="ignore"):
            return sides.of_density(*tails.of_hazard(np.log(x)[:, None] - np.log(self.mean), x[:, None] / self.mean))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        with np.errstate(over="ignore"):
            return self.mean, self.mean**2


@dataclass(frozen=True, eq=False, init=False)
class Gamma(Summed):
    """Amounts and waiting times: of several steps, where the shape is above 1, or in bursts, where it is below.

    The density is computed in a form of Loader's, by how far an observation is from the mean, which keeps its digits
    where those of the textbook cancel: at a shape of 1e8, too. Below a shape of 1 it is infinite at 0: an observation
    of exactly 0 is refused there; above 1 it is impossible.

    Parameters
    ----------
    shape : array_like, (K,)
        The shape a in each state, above 0; 1 is the exponential distribution.
    scale : array_like, (K,)
        The scale θ in each state, above 0: the mean is a θ, the variance a θ².

    Raises
    ------
    ValueError, TypeError
        Where a parameter is not above 0 or not finite, or the mean does not fit into a double.

    References
    ----------
    Loader, "Fast and accurate computation of binomial probabilities" (2000). Minka, "Estimating a Gamma distribution"
    (2002).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> steps = hf.emissions.Gamma(shape=[1.0, 4.0], scale=[2.0, 5.0])
    >>> steps.log_likelihoods([2.0, 20.0]).round(4)
    array([[ -1.6931,  -6.5501],
           [-10.6931,  -3.2423]])
    >>> steps.moments()
    (array([ 2., 20.]), array([  4., 100.]))
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"shape": POSITIVE, "scale": POSITIVE}
    FEATURES: ClassVar[tuple[str, ...]] = ("away", "deviance")
    POLES: ClassVar[tuple[float, ...]] = (0.0,)

    shape: FloatArray
    scale: FloatArray

    def __init__(self, shape: npt.ArrayLike, scale: npt.ArrayLike) -> None:
        self._freeze(shape=_checks.positive("shape", shape, ("K",)))
        self._freeze(scale=_checks.positive("scale", scale, self.shape.shape))
        with np.errstate(over="ignore", under="ignore"):
            _checks.positive("mean", self.shape * self.scale, ("K",))

    @cached_property
    def _mean(self) -> FloatArray:
        """In two parts, (2, K)."""
        return parts_of([Fraction(a) * Fraction(b) for a, b in zip(self.shape, self.scale, strict=True)])

    @cached_property
    def _log_mean(self) -> FloatArray:
        """In two parts, (2, K)."""
        return log_parts_of(self._mean)

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, np.inf)

    @cached_property
    def _known(self) -> GammaOf:
        from scipy.special import gammaln

        log_scale, is_small = np.log(self.scale), self.shape < SMALL
        constant = np.where(is_small, log_scale + gammaln(self.shape), stirling.log_gamma_rest(self.shape))
        at_zero = np.where(self.shape < 1, np.inf, np.where(self.shape > 1, -np.inf, -log_scale))
        parts = (log_scale, self._mean, self._log_mean, constant, at_zero, is_small)
        return GammaOf(self.shape, self.scale, *map(frozen, parts))

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        kernels.fill_gamma(x, self._known, room_for(len(x), 4), table)

    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        deviances, (mean, rest) = np.empty((self.n_states, len(x))), self._mean[:, :, None]
        kernels.fill_deviances(x, self._mean, self._log_mean, room_for(len(x), 2), deviances)
        return (((x - mean) - rest) / mean).T, deviances.T

    def _told(self, sums: FloatArray) -> FloatArray:
        """The weight, the mean, and the log of it less the mean of logs: 0 where that is but rounding."""
        weight, away, deviance = sums
        away, deviance = mean_of(away, weight), mean_of(deviance, weight)
        with np.errstate(invalid="ignore"):  # where all are 0
            gap = deviance - stirling.log_less_log1p(away)
        gap = np.where(gap > ROUNDING * deviance + ROUNDING**2, gap, 0.0)
        return np.array([weight, self._mean[0] * (1 + away), gap])

    def _off(self, mean: FloatArray) -> FloatArray:
        """By how much other means are larger than its own, as a share of these."""
        away: FloatArray = ((mean - self._mean[0]) - self._mean[1]) / self._mean[0]
        return away

    def _expected(self, told: FloatArray) -> FloatArray:
        weight, mean, gap = told
        deviance = stirling.log_less_log1p(self._off(mean)) + gap
        heights: FloatArray = weight * (stirling.log_gamma_rest(self.shape) - self.shape * deviance)
        return heights

    def _rises(self, told: FloatArray) -> dict[str, FloatArray]:
        weight, mean, gap = told
        away = self._off(mean)
        of_shape = stirling.log_less_digamma(self.shape) - gap + np.log1p(away)
        return {"shape": weight * of_shape, "scale": weight * self.shape * away / self.scale}

    def _most_probable(self, told: FloatArray) -> dict[str, FloatArray]:
        weight, mean, gap = told
        for k in np.flatnonzero((weight > 0) & ~((gap > 0) & (gap < np.inf)))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))
        shape = shape_of(np.where(weight > 0, gap, 1.0))
        return {"shape": shape, "scale": np.where(weight > 0, mean / shape, 1.0)}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Gamma:
        mean = x @ weights / weights.sum(axis=0)
        return cls(np.ones(len(mean)), np.where(mean > 0, mean, 1.0))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.gamma(self.shape[states], self.scale[states])

    def _sides(self, x: FloatArray) -> Sides:
        table = np.empty((len(x), self.n_states))
        self._fill_densities(x, table)
        log_at = table + np.log(self.scale)
        return sides.of_density(*tails.of_gamma(x[:, None] / self.scale, self.shape, log_at))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self._mean[0], self._mean[0] * self.scale


SMALL = 4.0  # a shape whose gamma function has lost nothing yet
N_NEWTON, NEWTON_ENDS = 60, 1e-15  # more steps than it ever takes, and how short the last one may be


def shape_of(gap: FloatArray) -> FloatArray:
    """The shape a at which log a − ψ(a) is what the log of a mean is more than the mean of logs, by Newton's method.

    Both sides are all but straight lines in each other's logs, along which steps are.
    """
    log_gap, log_shape, is_moving = np.log(gap), -np.log(gap), np.ones(len(gap), dtype=np.bool_)
    for _ in range(N_NEWTON):
        shape = np.exp(log_shape)
        there = stirling.log_less_digamma(shape)
        step = (np.log(there) - log_gap) * there / (shape * stirling.trigamma_less_inverse(shape))
        log_shape = np.where(is_moving, log_shape + step, log_shape)
        is_moving &= np.abs(step) > NEWTON_ENDS * np.maximum(1.0, np.abs(log_shape))
        if not is_moving.any():
            break
    best: FloatArray = np.exp(log_shape)
    return best


@dataclass(frozen=True, eq=False, init=False)
class InverseGaussian(Summed):
    """Times until something that drifts has come to a place: durations with a long tail, never all but 0.

    Parameters
    ----------
    mean : array_like, (K,)
        The mean μ in each state, above 0.
    shape : array_like, (K,)
        The shape λ in each state, above 0: the variance is μ³ / λ.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is not above 0 or not finite.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.InverseGaussian(mean=[1.0, 3.0], shape=[2.0, 9.0]).log_likelihoods([0.0, 1.0]).round(4)
    array([[   -inf,    -inf],
           [-0.5724, -1.8203]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"mean": POSITIVE, "shape": POSITIVE}
    FEATURES: ClassVar[tuple[str, ...]] = ("away", "squares")

    mean: FloatArray
    shape: FloatArray

    def __init__(self, mean: npt.ArrayLike, shape: npt.ArrayLike) -> None:
        self._freeze(mean=_checks.positive("mean", mean, ("K",)))
        self._freeze(shape=_checks.positive("shape", shape, self.mean.shape))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, np.inf)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        """½ log(λ / 2π x³) − λ (x − μ)² / 2 μ² x."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (x[:, None] - self.mean) / self.mean * (np.sqrt(self.shape) / np.sqrt(x[:, None]))
            np.multiply(-0.5 * z, z, out=table)
            table += 0.5 * np.log(self.shape) - stirling.HALF_LOG_2_PI
            table -= 1.5 * np.log(x)[:, None]
        table[x == 0] = -np.inf
        table[np.isnan(x)] = 0.0

    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        mean = self.mean[:, None]
        with np.errstate(divide="ignore"):
            away = (x - mean) / mean
            return away.T, (away * ((x - mean) / x)).T

    def _told(self, sums: FloatArray) -> FloatArray:
        """The weight, the mean, and the mean of (x − mean)² / x mean² about that: 0 where it is but rounding."""
        weight, away, squares = sums
        away, squares = mean_of(away, weight), mean_of(squares, weight)
        with np.errstate(divide="ignore", invalid="ignore"):  # where all are 0
            spread = squares - away * (away / (1 + away))
        spread = np.where(spread > ROUNDING * squares + ROUNDING**2, spread, 0.0)
        return np.array([weight, self.mean * (1 + away), spread / self.mean])

    def _expected(self, told: FloatArray) -> FloatArray:
        weight, mean, spread = told
        squares = (mean - self.mean) / self.mean * ((mean - self.mean) / self.mean) / mean + spread
        heights: FloatArray = weight / 2 * (np.log(self.shape) - self.shape * squares)
        return heights

    def _rises(self, told: FloatArray) -> dict[str, FloatArray]:
        weight, mean, spread = told
        away = (mean - self.mean) / self.mean
        squares = away * away / mean + spread
        return {
            "mean": weight * self.shape / self.mean * (away / self.mean),
            "shape": weight / 2 * (1 / self.shape - squares),
        }

    def _most_probable(self, told: FloatArray) -> dict[str, FloatArray]:
        weight, mean, spread = told
        for k in np.flatnonzero((weight > 0) & ~((spread > 0) & (spread < np.inf)))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))
        return {"mean": np.where(weight > 0, mean, 1.0), "shape": 1 / np.where(weight > 0, spread, 1.0)}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> InverseGaussian:
        mean = x @ weights / weights.sum(axis=0)
        return cls(np.where(mean > 0, mean, 1.0), np.where(mean > 0, mean, 1.0))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.wald(self.mean[states], self.shape[states])

    def _sides(self, x: FloatArray) -> Sides:
        return sides.of_density(*tails.of_inverse_gaussian(x[:, None], self.mean, self.shape))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self.mean, self.mean**2 * (self.mean / self.shape)
