"""Emissions of shares: numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._tiers import kernels
from hmmfilter.emissions import climbing, sides, stirling, tails
from hmmfilter.emissions.families import POSITIVE, Domain
from hmmfilter.emissions.parts import log_parts_of, parts_of, room_for
from hmmfilter.emissions.sides import Sides
from hmmfilter.emissions.summed import Summed, mean_of

CERTAIN = 2.0**-44  # of how far geometric means are from 1 together, what is but rounding


@dataclass(frozen=True, eq=False, init=False)
class Beta(Summed):
    """Shares: of cover, of time, of what is right; probabilities.

    The density is computed in a form of Loader's, by how far an observation is from the mean, which keeps its digits
    where those of the textbook cancel. Where a parameter is below 1, the density is infinite at its end: an observation
    of exactly 0, or 1, is refused there; where it is above 1, it is impossible.

    Parameters
    ----------
    a : array_like, (K,)
        The first parameter in each state, above 0.
    b : array_like, (K,)
        The second one, above 0: the mean is a / (a + b).

    Raises
    ------
    ValueError, TypeError
        Where a parameter is not above 0 or not finite.

    References
    ----------
    Loader, "Fast and accurate computation of binomial probabilities" (2000).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Beta(a=[2.0, 8.0], b=[2.0, 2.0]).log_likelihoods([0.5, 0.9]).round(4)
    array([[ 0.4055, -1.2685],
           [-0.6162,  1.2366]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"a": POSITIVE, "b": POSITIVE}
    FEATURES: ClassVar[tuple[str, ...]] = ("logs", "logs_of_rest")
    POLES: ClassVar[tuple[float, ...]] = (0.0, 1.0)

    a: FloatArray
    b: FloatArray

    def __init__(self, a: npt.ArrayLike, b: npt.ArrayLike) -> None:
        self._freeze(a=_checks.positive("a", a, ("K",)))
        self._freeze(b=_checks.positive("b", b, self.a.shape))

    @cached_property
    def _mean(self) -> FloatArray:
        """In two parts, and what is left of 1, in one more, (3, K)."""
        pairs = [(Fraction(a), Fraction(b)) for a, b in zip(self.a, self.b, strict=True)]
        return np.vstack([parts_of([a / (a + b) for a, b in pairs]), [float(b / (a + b)) for a, b in pairs]])

    @cached_property
    def _log_mean(self) -> FloatArray:
        """In two parts, (2, K)."""
        return log_parts_of(self._mean[:2])

    @cached_property
    def _log_other(self) -> FloatArray:
        """Of what the mean leaves of 1, in two parts, (2, K)."""
        pairs = [(Fraction(a), Fraction(b)) for a, b in zip(self.a, self.b, strict=True)]
        return log_parts_of(parts_of([b / (a + b) for a, b in pairs]))

    @cached_property
    def _log_scale(self) -> FloatArray:
        """log Γ(a + b) / Γ(a) Γ(b), and a log μ + b log(1 − μ)."""
        rest = stirling.log_gamma_rest
        log_scale: FloatArray = rest(self.a) + rest(self.b) - rest(self.a + self.b)
        return log_scale

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, 1.0)

    def _without_measure(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """log x^a (1 − x)^b / B(a, b), (T, K), and log x + log(1 − x), (T,)."""
        table, logs = np.empty((len(x), self.n_states)), np.empty(len(x))
        kernels.fill_beta(x, self._mean, self._log_mean, self._log_other, room_for(len(x), 4), logs, table)
        table *= -(self.a + self.b)
        table += self._log_scale
        return table, logs

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        table[:], logs = self._without_measure(x)
        table -= logs[:, None]
        for end, power, other in ((0.0, self.a, self.b), (1.0, self.b, self.a)):
            table[x == end] = np.where(power < 1, np.inf, np.where(power > 1, -np.inf, np.log(other)))
        table[np.isnan(x)] = 0.0

    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        with np.errstate(divide="ignore"):
            return np.log(x), np.log1p(-x)

    def _expected(self, sums: FloatArray) -> FloatArray:
        from scipy.special import betaln

        weight, logs, logs_of_rest = sums
        heights: FloatArray = self.a * logs + self.b * logs_of_rest - weight * betaln(self.a, self.b)
        return heights

    def _rises(self, sums: FloatArray) -> dict[str, FloatArray]:
        """By log less ψ of each, since logs of means are all that is left where parameters are large."""
        weight, logs, logs_of_rest = sums
        whole = stirling.log_less_digamma(self.a + self.b)
        log_mean, log_other = self._log_mean.sum(axis=0), self._log_other.sum(axis=0)
        return {
            "a": logs - weight * (log_mean - stirling.log_less_digamma(self.a) + whole),
            "b": logs_of_rest - weight * (log_other - stirling.log_less_digamma(self.b) + whole),
        }

    def _most_probable(self, sums: FloatArray) -> dict[str, FloatArray]:
        weight = sums[0]
        log_x, log_rest = mean_of(sums[1], weight), mean_of(sums[2], weight)
        gap = 1 - np.exp(log_x) - np.exp(log_rest)
        for k in np.flatnonzero((weight > 0) & ~((gap > CERTAIN) & np.isfinite(log_x + log_rest)))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))
        best: Beta = climbing.climbed(self, sums, {})
        return best._parameters()

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Beta:
        """By moments."""
        total = weights.sum(axis=0)
        mean = x @ weights / total
        variance = (weights * (x[:, None] - mean) ** 2).sum(axis=0) / total
        is_spread = (variance > 0) & (variance < mean * (1 - mean))
        size = np.where(is_spread, mean * (1 - mean) / np.where(is_spread, variance, 1.0) - 1, 1.0)
        mean = np.where(is_spread, mean, 0.5)
        return cls(mean * size, (1 - mean) * size)

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.beta(self.a[states], self.b[states])

    def _sides(self, x: FloatArray) -> Sides:
        log_at, _ = self._without_measure(x)
        return sides.of_density(*tails.of_beta(x[:, None], 1 - x[:, None], self.a, self.b, log_at))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        mean, _, other = self._mean
        return mean, mean * other / (self.a + self.b + 1)
