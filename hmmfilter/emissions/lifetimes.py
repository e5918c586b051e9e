"""Emissions of lifetimes: powers of exponential times, and numbers whose logs are normal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.amounts import log_of_any
from hmmfilter._tiers import kernels
from hmmfilter.emissions import sides, stirling, tails
from hmmfilter.emissions.families import POSITIVE, REAL, Domain, Family
from hmmfilter.emissions.gaussian import Gaussian
from hmmfilter.emissions.learning import Groups, Kept, Observed
from hmmfilter.emissions.parts import room_for
from hmmfilter.emissions.sides import Sides
from hmmfilter.emissions.summed import ROUNDING, mean_of
from hmmfilter.priors import NormalInverseWishart

N_NEWTON, NEWTON_ENDS, FARTHEST = 100, 1e-14, 2.0  # steps; how short the last one is, and how long each may be


@dataclass(frozen=True, eq=False, init=False)
class Weibull(Family):
    """Lifetimes: a shape above 1 is wear, below 1 failures at the beginning.

    Below a shape of 1 the density is infinite at 0: an observation of exactly 0 is refused there; above 1 it is
    impossible.

    Parameters
    ----------
    shape : array_like, (K,)
        The shape k in each state, above 0; 1 is the exponential distribution.
    scale : array_like, (K,)
        The scale λ in each state, above 0: 37 % last longer.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is not above 0 or not finite.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Weibull(shape=[1.0, 2.0], scale=[2.0, 5.0]).log_likelihoods([2.0, 5.0]).round(4)
    array([[-1.6931, -1.9926],
           [-3.1931, -1.9163]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"shape": POSITIVE, "scale": POSITIVE}
    POLES: ClassVar[tuple[float, ...]] = (0.0,)

    shape: FloatArray
    scale: FloatArray

    def __init__(self, shape: npt.ArrayLike, scale: npt.ArrayLike) -> None:
        self._freeze(shape=_checks.positive("shape", shape, ("K",)))
        self._freeze(scale=_checks.positive("scale", scale, self.shape.shape))

    @cached_property
    def _log_scale(self) -> FloatArray:
        """In two parts, (2, K)."""
        logs: FloatArray = frozen(np.array(log_of_any(self.scale)))
        return logs

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, np.inf)

    def _powers(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log(x / λ), k log(x / λ) and (x / λ)^k, (T, K)."""
        powers = np.empty((3, len(x), self.n_states))
        kernels.fill_weibull(x, self.shape, self.scale, self._log_scale, room_for(len(x), 2), powers)
        powers[:2, x == 0], powers[2, x == 0] = -np.inf, 0.0
        log_ratio, power, rest = powers
        with np.errstate(over="ignore", invalid="ignore"):
            hazard = np.exp(power)
            return log_ratio, power, np.where(np.isinf(hazard), hazard, hazard + hazard * rest)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        """log k / λ + (k − 1) log(x / λ) − (x / λ)^k."""
        log_ratio, _, hazard = self._powers(x)
        with np.errstate(invalid="ignore"):
            np.multiply(log_ratio, self.shape - 1, out=table)
        table -= hazard
        table += np.log(self.shape) - np.log(self.scale)
        table[x == 0] = np.where(self.shape < 1, np.inf, np.where(self.shape > 1, -np.inf, -np.log(self.scale)))
        table[np.isnan(x)] = 0.0

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        _, power, hazard = self._powers(x)
        with np.errstate(invalid="ignore"):
            of_shape = np.where(np.isfinite(power), 1 + power * (1 - hazard), np.nan)
        return {"shape": of_shape / self.shape, "scale": self.shape * (hazard - 1) / self.scale}

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> Weibull:
        kept: Kept = shown
        x = kept.observed[0]
        is_apart = all((each >= 0).all() and len(np.unique(each)) == len(each) for each in groups.values())
        if not is_apart or (kept.weights[x == 0] > 0).any():
            return super()._maximised(shown, prior, groups)
        self._refuse_single_numbers(kept, groups)
        with np.errstate(divide="ignore"):
            log_x = np.log(x)
        shape, scale = self.shape.copy(), self.scale.copy()
        for k in range(self.n_states):
            counts = (kept.weights[:, k] > 0) & ~np.isnan(x)
            if counts.any():
                shape[k], scale[k] = most_probable(log_x[counts], kept.weights[counts, k], float(shape[k]))
        return Weibull(shape, scale)

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Weibull:
        """By the moments of logs, which are those of Gumbel's distribution."""
        logs, weights = _positive_ones(x, weights)
        mean = logs @ weights / weights.sum(axis=0)
        spread = np.sqrt((weights * (logs[:, None] - mean) ** 2).sum(axis=0) / weights.sum(axis=0))
        shape = np.pi / np.sqrt(6) / np.where(spread > 0, spread, 1.0)
        return cls(shape, np.exp(mean + np.euler_gamma / shape))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return self.scale[states] * rng.weibull(self.shape[states])

    def _sides(self, x: FloatArray) -> Sides:
        _, power, hazard = self._powers(x)
        return sides.of_density(*tails.of_hazard(power, hazard))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        from scipy.special import gammaln

        r = 1 / self.shape
        once, twice = gammaln(1 + r), gammaln(1 + 2 * r)
        with np.errstate(over="ignore", invalid="ignore"):
            variance = self.scale**2 * np.exp(2 * once) * np.expm1(twice - 2 * once)
            return self.scale * np.exp(once), np.where(np.isnan(variance), np.inf, variance)


def most_probable(log_x: FloatArray, weights: FloatArray, shape: float) -> tuple[float, float]:
    """The most probable shape k and scale, by Newton's method along log k, from a shape.

    At the top k (Σ w x^k log x / Σ w x^k − Σ w log x / Σ w) is 1; it rises with k.
    """
    furthest, total = float(log_x.max()), float(weights.sum())
    u = log_x - furthest  # at most 0: no power is too large
    first = float((weights * u).sum()) / total
    for _ in range(N_NEWTON):
        powers = weights * np.exp(shape * u)
        sum_of_powers, about = float(powers.sum()), u - first
        mean = float((powers * about).sum()) / sum_of_powers
        variance = float((powers * about * about).sum()) / sum_of_powers - mean * mean
        step = (1 - shape * mean) / (shape * mean + shape * shape * variance)
        shape *= float(np.exp(np.clip(step, -FARTHEST, FARTHEST)))
        if abs(step) <= NEWTON_ENDS:
            break
    powers = weights * np.exp(shape * u)
    return shape, float(np.exp(furthest + np.log(float(powers.sum()) / total) / shape))


@dataclass(frozen=True, eq=False, init=False)
class LogNormal(Family):
    """Amounts that come of many factors: their logs are normal.

    A `hmmfilter.priors.NormalInverseWishart` as the prior is that of the mean and the variance of the logs.

    Parameters
    ----------
    log_mean : array_like, (K,)
        The mean of the logs in each state; its exponential is the median.
    log_deviation : array_like, (K,)
        The standard deviation of the logs in each state, above 0.

    Raises
    ------
    ValueError, TypeError
        Where a parameter is not finite, or a deviation not above 0, or its square not a double above 0.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.LogNormal(log_mean=[0.0, 3.0], log_deviation=[1.0, 0.5]).log_likelihoods([0.0, 1.0]).round(4)
    array([[    -inf,     -inf],
           [ -0.9189, -18.2258]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"log_mean": REAL, "log_deviation": POSITIVE}
    PRIOR: ClassVar[type | None] = NormalInverseWishart

    log_mean: FloatArray
    log_deviation: FloatArray

    def __init__(self, log_mean: npt.ArrayLike, log_deviation: npt.ArrayLike) -> None:
        self._freeze(log_mean=_checks.real_parameters("log_mean", log_mean, ("K",)))
        self._freeze(log_deviation=_checks.positive("log_deviation", log_deviation, self.log_mean.shape))
        _checks.positive("log_deviation squared", self.log_deviation**2, ("K",))

    @cached_property
    def _of_logs(self) -> Gaussian:
        """What the logs have."""
        return Gaussian(self.log_mean, self.log_deviation**2)

    @classmethod
    def _of(cls, gaussian: Gaussian) -> LogNormal:
        return cls(gaussian.mean, np.sqrt(gaussian.covariance))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, np.inf)

    def _standard(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(log x − μ) / σ, (T, K), and log x, (T,)."""
        z, log_x = np.empty((len(x), self.n_states)), np.empty(len(x))
        kernels.fill_log_normal(x, self.log_mean, self.log_deviation, room_for(len(x), 2), log_x, z)
        z[x == 0] = -np.inf
        return z, log_x

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        """−½ z² − log σ √2π − log x."""
        z, log_x = self._standard(x)
        with np.errstate(over="ignore"):
            np.multiply(-0.5 * z, z, out=table)
        table -= np.log(self.log_deviation) + stirling.HALF_LOG_2_PI
        table -= log_x[:, None]
        table[x == 0] = -np.inf
        table[np.isnan(x)] = 0.0

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        z, _ = self._standard(x)
        return {"log_mean": z / self.log_deviation, "log_deviation": (z * z - 1) / self.log_deviation}

    @property
    def _keeps(self) -> bool:
        return False

    def _observed(self, observations: Any) -> Observed:
        x = self._let_in(observations)
        with np.errstate(divide="ignore"):
            return x, np.where(x > 0, np.log(x), np.nan)

    def _sums(self, observed: Observed) -> FloatArray:
        return self._of_logs._sums(observed[1:])

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        self._of_logs._add((observed[1], np.empty(0, dtype=np.int64)), begin, end, weights, sums)

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> LogNormal:
        if prior is None:
            self._refuse_one_number(shown, groups)
        found = self._of_logs._maximised(shown, prior, _of_the_logs(groups))
        return self._of(found) if found != self._of_logs else self

    def _refuse_one_number(self, shown: Any, groups: Groups) -> None:
        """Insist that what belongs to a state that is free has more spread than rounding has."""
        alone = np.arange(self.n_states)
        weight, first, squares = shown.reshape(-1, 3).T
        away, squares = mean_of(first, weight), mean_of(squares, weight)
        has_none = (weight > 0) & (squares - away**2 <= ROUNDING * squares)
        for group in (groups.get(name, alone) for name in self.DOMAINS):
            has_none &= [n >= 0 and (group == n).sum() == 1 for n in group]
        for k in np.flatnonzero(has_none)[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        return self._from_logs(self._of_logs._score(shown))

    def _statistics(self, shown: Any) -> dict[str, FloatArray]:
        return self._of_logs._statistics(shown)

    def _admit(self, prior: Any) -> None:
        super()._admit(prior)
        self._of_logs._admit(prior)

    def _log_prior(self, prior: Any, groups: Groups) -> float:
        return self._of_logs._log_prior(prior, _of_the_logs(groups))

    def _prior_score(self, prior: Any, groups: Groups) -> dict[str, FloatArray]:
        return self._from_logs(self._of_logs._prior_score(prior, _of_the_logs(groups)))

    def _from_logs(self, score: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """Slopes along deviations, from those along variances."""
        return {"log_mean": score["mean"], "log_deviation": score["covariance"] * (2 * self.log_deviation)}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> LogNormal:
        logs, weights = _positive_ones(x, weights)
        return cls(logs @ weights / weights.sum(axis=0), np.ones(weights.shape[1]))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.lognormal(self.log_mean[states], self.log_deviation[states])

    def _sides(self, x: FloatArray) -> Sides:
        from scipy.special import log_ndtr

        z, _ = self._standard(x)
        return sides.of_density(log_ndtr(z), log_ndtr(-z))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        variance = self.log_deviation**2
        with np.errstate(over="ignore"):
            mean = np.exp(self.log_mean + variance / 2)
            return mean, np.exp(2 * self.log_mean + variance) * np.expm1(variance)


def _of_the_logs(groups: Groups) -> Groups:
    """Which entries of what the logs have are one number."""
    names = {"log_mean": "mean", "log_deviation": "covariance"}
    return {names[name]: group for name, group in groups.items()}


def _positive_ones(x: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The logs of those above 0, and their weights; insists that such belong to each state."""
    is_positive = x > 0
    for k in np.flatnonzero(weights[is_positive].sum(axis=0) == 0)[:1]:
        _checks.refuse_collapse(int(k), np.ones(1))
    return np.log(x[is_positive]), weights[is_positive]
