"""Emissions of angles, in radians: directions and turns, on a circle that has no ends.

Any real number is an angle, and numbers that are whole turns apart are the same one.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.angles import room_for_angles
from hmmfilter._kernels.densities import LOG_2_PI
from hmmfilter._tiers import kernels
from hmmfilter.emissions import circles, climbing
from hmmfilter.emissions.families import FROM_ZERO, REAL, SHARE, Domain, Family
from hmmfilter.emissions.learning import ROWS, Groups, Kept, Learner, Observed, add_in_two_parts, pooled
from hmmfilter.emissions.sides import Sides

MOST_AT_FIRST = 0.99  # of a concentration that is searched for
MOST_STEPS, MOST_STEP, SMALL = 200, 0.9, 1e-13  # of Newton's method, in a frame in which a law is uniform
EPSILON, TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)
LAST_DIGITS = 4.0  # of an angle, in units of επ: how far angles may be apart that are the same but for rounding
RESOLVED_WIDTH = LAST_DIGITS * EPSILON * np.pi
RESOLVED = RESOLVED_WIDTH**2
FAR = 64.0 * EPSILON  # of 1 − cos about the old mean: what is less about the new one has lost its digits
Self = TypeVar("Self", bound="Angles")


class Angles(Family):
    """A family of angles about a mean direction, the more concentrated, the larger a number from 0.

    The sides of an angle are those of the way from −π to it, and from it to π. The mean is the direction of the mean of
    all angles as points of the circle, and the variance −2 log R, where R is the length of that mean: the square of the
    circular standard deviation [1]_.

    .. [1] Mardia and Jupp, "Directional Statistics" (2000), section 2.3.
    """

    mean_direction: FloatArray
    concentration: FloatArray

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations(observations)

    @abstractmethod
    def _fill_wrapped(self, x: FloatArray, x_rest: FloatArray, table: FloatArray) -> None:
        """Fill (T, K) with the log-densities of angles in two parts."""

    @property
    @abstractmethod
    def _log_resultant(self) -> FloatArray:
        """log R, where R is the length of the mean of all angles as points of the circle."""

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        self._fill_wrapped(*circles.wrapped(x), table)

    def _observed(self, observations: Any) -> Observed:
        return circles.wrapped(self._let_in(observations))

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        self._fill_wrapped(observed[0][begin:end], observed[1][begin:end], table)

    @cached_property
    def _mean(self) -> FloatArray:
        """The mean directions, in two parts, (2, K)."""
        parts: FloatArray = frozen(np.stack(circles.wrapped(self.mean_direction)))
        return parts

    def _away(self, x: FloatArray, x_rest: FloatArray) -> circles.Parts:
        """How far angles in two parts are from the mean directions, (T, K) in two parts, from −2π to 2π."""
        return circles.apart(x[:, None], x_rest[:, None], *self._mean)

    def _ways(
        self, x: FloatArray, x_rest: FloatArray
    ) -> tuple[circles.Parts, circles.Parts, circles.Parts, FloatArray, FloatArray]:
        """How far −π, angles, and π are from the mean directions, and how long it is from the one to the next."""
        pi = frozen(np.array(circles.PI[0])), frozen(np.array(circles.PI[1]))
        begin, end = circles.apart(-pi[0], -pi[1], *self._mean), circles.apart(*pi, *self._mean)
        since, left = circles.apart(x, x_rest, -pi[0], -pi[1]), circles.apart(*pi, x, x_rest)
        return begin, self._away(x, x_rest), end, (since[0] + since[1])[:, None], (left[0] + left[1])[:, None]

    @staticmethod
    def _mixed_moments(
        log_probabilities: FloatArray, mean: FloatArray, variance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        return circles.mixed_directions(log_probabilities, mean, variance)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self._mean[0], circles.variance_of(self._log_resultant)


@dataclass(frozen=True, eq=False, init=False)
class VonMises(Angles):
    """Angles, distributed as von Mises did it: what the normal distribution is for numbers.

    ``moments()`` are the mean direction and −2 log R, the square of the circular standard deviation, where R is the
    length of the mean of all angles as points of the circle; it is infinite where all directions are equally probable.
    So are those of a forecast. ``log_sides()`` are those of the way from −π to an angle, and from it to π.

    Parameters
    ----------
    mean_direction : array_like, (K,)
        The mean direction in each state, in radians; any real number.
    concentration : array_like, (K,)
        κ, from 0, where all directions are equally probable; where it is large, 1 / κ is the variance.

    Raises
    ------
    ValueError, TypeError
        Where a number is not finite, or a concentration negative.

    References
    ----------
    Mardia and Jupp, "Directional Statistics" (2000), section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> hf.emissions.VonMises([0.0, 0.0], [0.0, 2.0]).log_likelihoods([0.1, np.pi, 0.1 + 2 * np.pi]).round(4)
    array([[-1.8379, -0.6719],
           [-1.8379, -4.6619],
           [-1.8379, -0.6719]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"mean_direction": REAL, "concentration": FROM_ZERO}

    mean_direction: FloatArray
    concentration: FloatArray

    def __init__(self, mean_direction: npt.ArrayLike, concentration: npt.ArrayLike) -> None:
        means = _checks.real_parameters("mean_direction", mean_direction, ("K",))
        self._freeze(
            mean_direction=means, concentration=_checks.non_negative("concentration", concentration, means.shape)
        )

    @cached_property
    def _log_norm(self) -> FloatArray:
        """log 2π e^−κ I₀(κ)."""
        from scipy.special import i0e

        logs: FloatArray = frozen(np.log(2 * np.pi * i0e(self.concentration)))
        return logs

    @property
    def _log_resultant(self) -> FloatArray:
        ratio, excess = circles.resultant(self.concentration)
        with np.errstate(divide="ignore"):
            return np.where(excess < 0.5, np.log1p(-np.minimum(excess, 0.5)), np.log(ratio))

    def _fill_wrapped(self, x: FloatArray, x_rest: FloatArray, table: FloatArray) -> None:
        kappa, room = self.concentration, room_for_angles(len(x))
        kernels.fill_von_mises(x, x_rest, self._mean, kappa, self._log_norm, room, table)

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        sine, cosine = circles.half_waves(*self._away(*circles.wrapped(x)))
        _, excess = circles.resultant(self.concentration)
        return {"mean_direction": 2 * self.concentration * sine * cosine, "concentration": excess - 2 * sine**2}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> VonMises:
        direction = np.arctan2(np.sin(x) @ weights, np.cos(x) @ weights)
        return cls(direction, np.ones(len(direction)))

    @property
    def _keeps(self) -> bool:
        return False

    def _sums(self, observed: Observed) -> FloatArray:
        return np.zeros((2, 3 * self.n_states))

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        """Add Σ w, Σ w sin d and Σ w (1 − cos d), of angles d from the mean directions."""
        for first in range(begin, end, ROWS):
            rows = slice(first, min(first + ROWS, end))
            is_seen = ~np.isnan(observed[0][rows])
            sine, cosine = circles.half_waves(*self._away(*(part[rows][is_seen] for part in observed)))
            seen = weights[first - begin : rows.stop - begin][is_seen]
            terms = np.stack([seen, 2 * seen * sine * cosine, 2 * seen * sine**2]).transpose(0, 2, 1)
            add_in_two_parts(np.ascontiguousarray(terms).sum(axis=2).reshape(-1), sums)

    @as_in(Learner.estimated)
    def estimated(self, observations: Any, weights: npt.ArrayLike, prior: Any = None) -> VonMises:
        """Estimate the parameters from angles that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : None
            There is none for these.

        Returns
        -------
        VonMises
            The most probable one; a state to which nothing belongs keeps its parameters.

        Raises
        ------
        DegenerateFitError
            Where all angles of a state are one.
        ValueError, TypeError
            For what is no number or no weight, with its index, or a prior.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> start = hf.emissions.VonMises([0.0], [1.0])
        >>> found = start.estimated([3.0, 3.2, 3.1 - 2 * np.pi], np.ones((3, 1)))  # on both sides of π
        >>> found.mean_direction.round(4), found.concentration.round(1)
        (array([3.1]), array([150.4]))
        """
        about_mean: VonMises = super().estimated(observations, weights, prior)
        found: VonMises = super(VonMises, about_mean).estimated(observations, weights, prior)
        return found

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> VonMises:
        """The direction of all angles, and the concentration that has their length; by slopes where means are tied."""
        own = np.arange(self.n_states)
        mean_groups, kappa_groups = groups.get("mean_direction", own), groups.get("concentration", own)
        is_free = mean_groups >= 0
        if len(np.unique(mean_groups[is_free])) < is_free.sum():
            climbed: VonMises = climbing.climbed(self, self._told(shown), groups)
            return climbed
        weight, sine, excess = shown.reshape(3, -1)
        shift = np.where(is_free & (weight > TINY), np.arctan2(sine, weight - excess), 0.0)
        left = excess * np.cos(shift) - sine * np.sin(shift) + 2 * weight * np.sin(shift / 2) ** 2
        total, left, before = pooled(kappa_groups, weight, left, excess)
        is_known = total > TINY
        share = left / np.where(is_known, total, 1.0)
        is_sure = (left > FAR * before) | (before <= RESOLVED * total)  # or else sums about the new mean will tell
        for k in np.flatnonzero(is_known & is_sure & (share <= RESOLVED))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))
        is_known &= is_sure
        kappa = np.where(is_known, circles.concentration_of(np.where(is_known, share, 1.0)), self.concentration)
        moved, _ = circles.wrapped(self._mean[0] + shift)
        return VonMises(np.where(shift == 0, self.mean_direction, moved), kappa)

    def _told(self, shown: FloatArray) -> FloatArray:
        """Sums with the mean directions that they are about, (5, K)."""
        told: FloatArray = np.vstack([shown.reshape(3, -1), self._mean])
        return told

    def _about_own(self, told: FloatArray) -> FloatArray:
        """Such sums about the mean directions of this one, (3, K)."""
        weight, sine, excess, *about = told
        half_sine, half_cosine = circles.half_waves(*circles.apart(*self._mean, *about))
        across, bend = 2 * half_sine * half_cosine, 2 * half_sine**2  # the sine of what they differ by, and 1 − cos
        return np.array(
            [
                weight,
                sine * (1 - bend) - (weight - excess) * across,
                excess * (1 - bend) - sine * across + weight * bend,
            ]
        )

    def _weight(self, shown: Any) -> FloatArray:
        weight: FloatArray = shown[0]
        return weight

    def _expected(self, shown: Any) -> FloatArray:
        weight, _, excess = self._about_own(shown)
        heights: FloatArray = -(self.concentration * excess + weight * self._log_norm)
        return heights

    def _rises(self, shown: Any) -> dict[str, FloatArray]:
        weight, sine, excess = self._about_own(shown)
        _, expected = circles.resultant(self.concentration)
        return {"mean_direction": self.concentration * sine, "concentration": weight * expected - excess}

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        return self._rises(self._told(shown))

    def _statistics(self, shown: Any) -> dict[str, FloatArray]:
        weight, sine, excess = shown.reshape(3, -1)
        return {"weight": weight, "sine": sine, "one_minus_cosine": excess, "about": self.mean_direction}

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.vonmises(self._mean[0, states], self.concentration[states])

    def _sides(self, x: FloatArray) -> Sides:
        begin, away, end, since_begin, to_end = self._ways(*circles.wrapped(x))
        below = circles.log_arc(begin, away, since_begin, self.concentration) - self._log_norm
        above = circles.log_arc(away, end, to_end, self.concentration) - self._log_norm
        return below, np.full(below.shape, -np.inf), above


@dataclass(frozen=True, eq=False, init=False)
class WrappedCauchy(Angles):
    """Angles of a Cauchy distribution that is wrapped around the circle: a peak, and tails of all directions.

    ``moments()`` are the mean direction and −2 log R, the square of the circular standard deviation, where R is the
    length of the mean of all angles as points of the circle; it is infinite where all directions are equally probable.
    So are those of a forecast. ``log_sides()`` are those of the way from −π to an angle, and from it to π.

    Parameters
    ----------
    mean_direction : array_like, (K,)
        The mean direction in each state, in radians; any real number.
    concentration : array_like, (K,)
        ρ, from 0, where all directions are equally probable, to below 1: the length of the mean of all angles as points
        of the circle.

    Raises
    ------
    ValueError, TypeError
        Where a number is not finite, or a concentration negative, or 1 or more.

    References
    ----------
    .. [1] McCullagh, "Möbius transformation and Cauchy parameter estimation", Annals of Statistics 24 (1996).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> hf.emissions.WrappedCauchy([0.0, 0.0], [0.0, 0.8]).log_likelihoods([0.1, np.pi, 0.1 + 2 * np.pi]).round(4)
    array([[-1.8379,  0.1772],
           [-1.8379, -4.0351],
           [-1.8379,  0.1772]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"mean_direction": REAL, "concentration": SHARE}

    mean_direction: FloatArray
    concentration: FloatArray

    def __init__(self, mean_direction: npt.ArrayLike, concentration: npt.ArrayLike) -> None:
        means = _checks.real_parameters("mean_direction", mean_direction, ("K",))
        self._freeze(mean_direction=means, concentration=_checks.below_one("concentration", concentration, means.shape))

    @cached_property
    def _log_norm(self) -> FloatArray:
        """log (1 − ρ²) / 2π."""
        logs: FloatArray = frozen(np.log1p(-self.concentration) + np.log1p(self.concentration) - LOG_2_PI)
        return logs

    @property
    def _log_resultant(self) -> FloatArray:
        with np.errstate(divide="ignore"):
            log_length: FloatArray = np.log(self.concentration)
        return log_length

    def _fill_wrapped(self, x: FloatArray, x_rest: FloatArray, table: FloatArray) -> None:
        rho, room = self.concentration, room_for_angles(len(x))
        kernels.fill_wrapped_cauchy(x, x_rest, self._mean, rho, self._log_norm, room, table)

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        rho, (sine, cosine) = self.concentration, circles.half_waves(*self._away(*circles.wrapped(x)))
        bend = 2 * sine**2  # 1 − cos
        total = (1 - rho) ** 2 + 2 * rho * bend
        of_norm = -2 * rho / ((1 - rho) * (1 + rho))
        return {
            "mean_direction": 4 * rho * sine * cosine / total,
            "concentration": of_norm + 2 * (1 - rho - bend) / total,
        }

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> WrappedCauchy:
        across, along = np.sin(x) @ weights, np.cos(x) @ weights
        length = np.hypot(across, along) / weights.sum(axis=0)
        return cls(np.arctan2(across, along), np.minimum(length, MOST_AT_FIRST))

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> WrappedCauchy:
        """By Newton's steps in the frame in which the old law is uniform [1]_; what is held or tied, by slopes."""
        if groups:
            climbed: WrappedCauchy = climbing.climbed(self, shown, groups)
            return climbed
        kept: Kept = shown
        is_seen = ~np.isnan(kept.observed[0])
        (x, x_rest), weights = (part[is_seen] for part in kept.observed), kept.weights[is_seen]
        found = [
            _most_probable(k, x, x_rest, column, self._mean[:, k], self.concentration[k])
            if column.sum() > TINY
            else (self.mean_direction[k], self.concentration[k])
            for k, column in enumerate(weights.T)
        ]
        return WrappedCauchy(*np.array(found).T)

    def _units(self) -> dict[str, FloatArray]:
        return {"mean_direction": 1 - self.concentration}

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        rho = self.concentration[states]
        away: FloatArray = 2 * np.arctan((1 - rho) / (1 + rho) * np.tan(np.pi * (rng.random(len(states)) - 0.5)))
        drawn: FloatArray = circles.wrapped(self._mean[0, states] + away)[0].copy()
        return drawn

    def _sides(self, x: FloatArray) -> Sides:
        begin, away, end, since_begin, to_end = self._ways(*circles.wrapped(x))
        below, above = self._share(begin, away, since_begin), self._share(away, end, to_end)
        with np.errstate(divide="ignore"):
            log_below = np.where(below < above, np.log(below), np.log1p(-above))
            log_above = np.where(below < above, np.log1p(-below), np.log(above))
        return log_below, np.full(below.shape, -np.inf), log_above

    def _share(self, begin: circles.Parts, end: circles.Parts, length: FloatArray) -> FloatArray:
        """What lies between two angles so far from the mean directions, and so far from each other.

        With r = (1 + ρ) / (1 − ρ), the probability from 0 to d is arctan(r tan ½d) / π: this is the difference of two.
        """
        ratio = (1 + self.concentration) / (1 - self.concentration)
        (sine, cosine), (to_sine, to_cosine) = circles.half_waves(*begin), circles.half_waves(*end)
        across = ratio * np.sin(length / 2)
        share: FloatArray = np.arctan2(across, cosine * to_cosine + ratio * sine * ratio * to_sine) / np.pi
        return share


def _most_probable(
    state: int, x: FloatArray, x_rest: FloatArray, weights: FloatArray, mean: FloatArray, rho: float
) -> tuple[float, float]:
    """The mean direction and the concentration that are most probable for angles, from old ones.

    In coordinates φ with tan ½φ = r tan ½(x − μ), the log-density of a law ψ = ρ' e^iμ' is, but for third powers of ψ,
    2 Re ψ̄m − |ψ|² + Re ψ̄²m₂, where m and m₂ are the means of e^iφ and of its square: Newton's step from ψ = 0.
    """
    share = weights / weights.sum()
    direction, rest, width = float(mean[0]), float(mean[1]), (1 - rho) / (1 + rho)
    for _ in range(MOST_STEPS):
        sine, cosine = circles.half_waves(*circles.apart(x, x_rest, np.array(direction), np.array(rest)))
        wave = (width * cosine + 1j * sine) ** 2 / ((width * cosine) ** 2 + sine**2)
        first, second = share @ wave, share @ wave**2
        step = (first + first.conjugate() * second) / max(1 - abs(second) ** 2, EPSILON)
        while abs(step) > MOST_STEP or (abs(step) > SMALL and _gain(step, wave, share) <= 0):
            step /= 2
        centre = 1j * width * (1 - step) / (1 + step)  # of a Cauchy distribution of tan ½(x − μ), and how wide
        shift = np.arctan2(2 * centre.real, 1 - abs(centre) ** 2)
        turned, turned_rest = circles.wrapped(np.array(direction + shift))
        direction, rest = float(turned), float(turned_rest + rest)
        spread = 4 * centre.imag / (centre.real**2 + (1 + centre.imag) ** 2)  # 1 − ρ²
        rho = np.sqrt(1 - spread)
        width = spread / (1 + rho) ** 2
        if width <= RESOLVED_WIDTH:
            _checks.refuse_collapse(state, np.ones(1))
        if abs(step) <= SMALL:
            break
    return direction, float(1 - spread / (1 + rho))


def _gain(step: complex, wave: npt.NDArray[Any], share: FloatArray) -> float:
    """How much more probable a step makes angles, on average, in the frame in which they were uniform."""
    near = np.log1p(-(abs(step) ** 2))
    return float(near - share @ np.log(np.abs(1 - np.conj(step) * wave) ** 2))
