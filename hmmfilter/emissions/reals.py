"""Emissions of real numbers: with heavier tails than the normal distribution, or leaning to one side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.densities import HALF_LOG_2_PI
from hmmfilter._kernels.reals import room_for_reals
from hmmfilter._tiers import kernels
from hmmfilter.emissions import climbing
from hmmfilter.emissions.families import POSITIVE, REAL, Domain, Family
from hmmfilter.emissions.learning import ROWS, Groups, Kept, pooled
from hmmfilter.emissions.quadrature import log_falling
from hmmfilter.emissions.sides import Sides

EPSILON, TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)
LAST_DIGITS = 4.0  # of a number, in units of ε: how far numbers may be apart that are the same but for rounding
MOST_ROUNDS = 100  # of medians and distances that depend on each other; without ties there are two
LEVEL = 0.01  # a shape that is as good as 0
LEAST_SKEWNESS, MOST_SKEWNESS = 0.01, 0.99  # to begin with; a skew normal distribution has less than 0.9953


@dataclass(frozen=True, eq=False, init=False)
class Laplace(Family):
    """Real numbers with tails that fall exponentially on both sides of a sharp peak.

    The most probable location is a weighted median, so that single numbers far out move it little.

    Parameters
    ----------
    location : array_like, (K,)
        The median in each state, which is the mean, too.
    scale : array_like, (K,)
        The mean distance from it, above 0; the standard deviation is √2 times as large.

    Raises
    ------
    ValueError, TypeError
        Where a number is not finite, or a scale not above 0.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Laplace([0.0, 5.0], [1.0, 2.0]).log_likelihoods([1.0, 1000.0]).round(4)
    array([[   -1.6931,    -3.3863],
           [-1000.6931,  -498.8863]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"location": REAL, "scale": POSITIVE}

    location: FloatArray
    scale: FloatArray

    def __init__(self, location: npt.ArrayLike, scale: npt.ArrayLike) -> None:
        locations = _checks.real_parameters("location", location, ("K",))
        self._freeze(location=locations, scale=_checks.positive("scale", scale, locations.shape))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations(observations)

    @cached_property
    def _log_scale(self) -> FloatArray:
        logs: FloatArray = frozen(np.log(2.0) + np.log(self.scale))
        return logs

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        kernels.fill_laplace(x, self.location, self.scale, self._log_scale, room_for_reals(len(x)), table)

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        z = (x[:, None] - self.location) / self.scale
        return {"location": np.sign(z) / self.scale, "scale": (np.abs(z) - 1) / self.scale}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Laplace:
        n_states = weights.shape[1]
        return cls(np.full(n_states, np.median(x)), np.full(n_states, x.std() if np.ptp(x) > 0 else 1.0))

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> Laplace:
        """Weighted medians, and mean distances from them: the one given the other until they agree, never down.

        A median that states share counts what belongs to each of them by its precision, 1 / b.
        """
        kept: Kept = shown
        is_seen = ~np.isnan(kept.observed[0])
        x, weights = kept.observed[0][is_seen], kept.weights[is_seen]
        own, best = np.arange(self.n_states), self
        for _ in range(MOST_ROUNDS):
            location = _medians(x, weights, best.location, best.scale, groups.get("location", own))
            scale = best._mean_distances(x, weights, location, groups.get("scale", own))
            before, best = best, Laplace(location, scale)
            if best == before:
                break
        return best

    def _mean_distances(self, x: FloatArray, weights: FloatArray, location: FloatArray, groups: IntArray) -> FloatArray:
        total, distance = pooled(groups, weights.sum(axis=0), (weights * np.abs(x[:, None] - location)).sum(axis=0))
        scale = np.where(total > TINY, distance / np.where(total > TINY, total, 1.0), self.scale)
        resolved = LAST_DIGITS * EPSILON * np.abs(location) + TINY
        for k in np.flatnonzero((total > TINY) & (scale <= resolved))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))
        return scale

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.laplace(self.location[states], self.scale[states])

    def _sides(self, x: FloatArray) -> Sides:
        with np.errstate(over="ignore"):
            z = (x[:, None] - self.location) / self.scale
        log_tail = -np.log(2.0) - np.abs(z)
        log_rest = np.log1p(-np.exp(log_tail))
        return np.where(z < 0, log_tail, log_rest), np.full(z.shape, -np.inf), np.where(z < 0, log_rest, log_tail)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self.location, 2.0 * self.scale**2


def _medians(
    x: FloatArray, weights: FloatArray, location: FloatArray, scale: FloatArray, groups: IntArray
) -> FloatArray:
    """Weighted medians of what belongs to all states of a group; as they were where held, or where nothing belongs."""
    order = np.argsort(x, kind="stable")
    medians: FloatArray = location.copy()
    for group in np.unique(groups[groups >= 0]):
        members = groups == group
        precision = scale[members].min() / scale[members]
        counts = weights[order][:, members] @ precision
        if counts.sum() > TINY:
            medians[members] = _median(x[order], counts)
    return medians


def _median(x: FloatArray, weights: FloatArray) -> float:
    """Of sorted numbers: where half of the weight lies on either side, in the middle where that is a whole range."""
    is_counted = weights > 0
    x, weights = x[is_counted], weights[is_counted]
    below, above = np.cumsum(weights), np.cumsum(weights[::-1])[::-1]  # with each itself
    first, last = x[below >= np.append(above[1:], 0.0)][0], x[above >= np.append(0.0, below[:-1])][-1]
    return float(first / 2 + last / 2)


@dataclass(frozen=True, eq=False, init=False)
class SkewNormal(Family):
    """Real numbers, normal but that they lean to one side: 2 φ(z) Φ(αz) / σ, z = (v − ξ) / σ.

    Its likelihood has a peculiarity: where all that belongs to a state lies as on one side of a normal distribution,
    the shape that is most probable may have no bound (a half-normal distribution). A fit then ends at a shape beyond
    which nothing is to be gained but rounding.

    Parameters
    ----------
    location : array_like, (K,)
        ξ in each state, from which it leans; the mean where the shape is 0.
    scale : array_like, (K,)
        σ, above 0; the standard deviation where the shape is 0.
    shape : array_like, (K,)
        α: to which side it leans, and how much; 0 for a normal distribution.

    Raises
    ------
    ValueError, TypeError
        Where a number is not finite, or a scale not above 0.

    References
    ----------
    Azzalini, "A class of distributions which includes the normal ones", Scandinavian Journal of Statistics 12 (1985).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.SkewNormal([0.0, 0.0], [1.0, 1.0], [0.0, 5.0]).log_likelihoods([-1.0, 1.0]).round(4)
    array([[ -1.4189, -15.7908],
           [ -1.4189,  -0.7258]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"location": REAL, "scale": POSITIVE, "shape": REAL}

    location: FloatArray
    scale: FloatArray
    shape: FloatArray

    def __init__(self, location: npt.ArrayLike, scale: npt.ArrayLike, shape: npt.ArrayLike) -> None:
        locations = _checks.real_parameters("location", location, ("K",))
        self._freeze(
            location=locations,
            scale=_checks.positive("scale", scale, locations.shape),
            shape=_checks.real_parameters("shape", shape, locations.shape),
        )

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations(observations)

    def _standard(self, x: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            standard: FloatArray = (x[:, None] - self.location) / self.scale
        return standard

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        from scipy.special import log_ndtr

        for begin in range(0, len(x), ROWS):
            z = self._standard(x[begin : begin + ROWS])
            with np.errstate(over="ignore"):
                log_p = (log_ndtr(self.shape * z) + np.log(2.0)) - (0.5 * z * z + (HALF_LOG_2_PI + np.log(self.scale)))
            table[begin : begin + ROWS] = np.where(np.isnan(z), 0.0, log_p)

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        z = self._standard(x)
        pull = _mills(self.shape * z)
        along = z - self.shape * pull  # the slope of −log p along z
        return {"location": along / self.scale, "scale": (z * along - 1) / self.scale, "shape": z * pull}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> SkewNormal:
        """By moments: the skewness tells the shape, as far as there is one for it."""
        total = weights.sum(axis=0)
        mean = (x @ weights) / total
        away = x[:, None] - mean
        deviation = np.sqrt((weights * away**2).sum(axis=0) / total)
        deviation = np.where(deviation > 0, deviation, 1.0)
        skewness = (weights * (away / deviation) ** 3).sum(axis=0) / total
        size = np.clip(np.abs(skewness), LEAST_SKEWNESS, MOST_SKEWNESS) ** (2 / 3)
        lean = np.copysign(np.sqrt(np.pi / 2 * size / (size + (2 - np.pi / 2) ** (2 / 3))), skewness)
        scale = deviation / np.sqrt(1 - 2 * lean**2 / np.pi)
        return cls(mean - scale * lean * np.sqrt(2 / np.pi), scale, lean / np.sqrt(1 - lean**2))

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> SkewNormal:
        """Along slopes; from moments, too, where that ends at a normal distribution.

        There all slopes are 0 whatever was seen, but it is a top only for what does not lean.
        """
        best = super()._maximised(shown, prior, groups)
        kept: Kept = shown
        is_seen = ~np.isnan(kept.observed[0])
        x, weights = kept.observed[0][is_seen], kept.weights[is_seen]
        is_level = (np.abs(best.shape) < LEVEL) & (weights.sum(axis=0) > 0)
        if groups or not is_level.any():
            return best
        begun = self._begun(x, np.where(is_level, weights, 1.0))
        start = self._with(
            {name: np.where(is_level, own, best._parameters()[name]) for name, own in begun._parameters().items()}
        )
        other = climbing.climbed(start, shown, groups)
        is_better = is_level & (other._expected(shown) > best._expected(shown))
        return best._with(
            {name: np.where(is_better, own, best._parameters()[name]) for name, own in other._parameters().items()}
        )

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        size, rest = rng.standard_normal((2, len(states)))
        z = self._lean[states] * np.abs(size) + rest / np.hypot(1.0, self.shape[states])
        drawn: FloatArray = self.location[states] + self.scale[states] * z
        return drawn

    def _units(self) -> dict[str, FloatArray]:
        return {"location": self.scale, "shape": np.hypot(1.0, self.shape)}

    @property
    def _lean(self) -> FloatArray:
        """δ = α / √(1 + α²)."""
        return self.shape / np.hypot(1.0, self.shape)

    def _sides(self, x: FloatArray) -> Sides:
        z, is_turned = self._standard(x), self.shape < 0
        below, above = _skew_sides(np.where(is_turned, -z, z), np.abs(self.shape))
        return np.where(is_turned, above, below), np.full(z.shape, -np.inf), np.where(is_turned, below, above)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        lean = self._lean
        return self.location + self.scale * lean * np.sqrt(2 / np.pi), self.scale**2 * (1 - 2 * lean**2 / np.pi)


def _mills(x: FloatArray) -> FloatArray:
    """φ(x) / Φ(x)."""
    from scipy.special import erfcx

    with np.errstate(over="ignore"):
        ratio: FloatArray = np.sqrt(2 / np.pi) / erfcx(-x / np.sqrt(2.0))
    return ratio


def _skew_sides(z: FloatArray, shape: FloatArray) -> tuple[FloatArray, FloatArray]:
    """log P(Z < z) and log P(Z > z), of a shape from 0: of terms that are all positive, or take no more than half away.

    F(−h) = L(h) for h ≥ 0, the integral in `_log_light_tail`, and as |Z| is half-normal, F(h) = L(h) + erf(h / √2).
    """
    from scipy.special import erf, log_ndtr

    h = np.abs(z)
    log_light, log_both = _log_light_tail(h, shape), np.log(2.0) + log_ndtr(-h)
    with np.errstate(divide="ignore"):
        log_within = np.log(erf(h / np.sqrt(2.0)))
    with np.errstate(invalid="ignore"):  # where both are −∞
        of_heavy = log_both + np.log1p(-np.exp(np.where(log_light == -np.inf, -np.inf, log_light - log_both)))
    of_light = np.log1p(-np.exp(log_light))
    return np.where(z > 0, np.logaddexp(log_light, log_within), log_light), np.where(z > 0, of_heavy, of_light)


def _log_light_tail(h: FloatArray, shape: FloatArray) -> FloatArray:
    """log F(−h) = log (1 / π) ∫ exp(−½ h² (1 + x²)) / (1 + x²) dx from the shape on, for h ≥ 0 and shapes from 0.

    It is Φ(−h) − 2 T(h, α), of which Owen's T is the same integral from 0 to α.
    """
    length = np.hypot(1.0, shape)  # of x, in units of which it goes on from the shape
    lean = shape / length
    with np.errstate(over="ignore", invalid="ignore"):  # where the tail is not to be had, its log being below −1e308
        height = np.square(h * length)
        log_rest = log_falling(
            lambda y: height * (lean * y + y * y / 2) + np.log1p(y * (2 * lean + y)),
            1 / (height * lean + h * length + 1),
        )
    return np.where(np.isinf(height), -np.inf, log_rest - height / 2 - np.log(np.pi * length))
