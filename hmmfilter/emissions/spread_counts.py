"""Emissions of counts that vary more than Poisson's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.binomials import Spread, room_for_spread
from hmmfilter._tiers import kernels
from hmmfilter.emissions import binomial_sides, dispersion
from hmmfilter.emissions.counts import SHARE
from hmmfilter.emissions.families import FROM_ZERO, Domain, Family
from hmmfilter.emissions.learning import Groups, Kept, Observed, over
from hmmfilter.emissions.rows import fill_rows
from hmmfilter.emissions.sides import Sides


@dataclass(frozen=True, eq=False, init=False)
class NegativeBinomial(Family):
    """Counts that vary more than Poisson's: with mean μ and dispersion a, the variance is μ + a μ².

    The dispersion is statsmodels' ``alpha``; R's ``size`` is 1 / a, and so is SciPy's ``n``, whose ``p`` is
    1 / (1 + a μ). With a dispersion of 0 counts are Poisson's, and counts that vary no more than these lead a fit
    there. With one of 1 they are geometric, from 0.

    The log-probability is computed in Loader's form, for dispersions of any size: it has all digits also at counts of
    1e12, where the textbook's differences of log Γ are off by 1e-3.

    Parameters
    ----------
    mean : array_like, (K,)
        The mean count μ in each state, from 0.
    dispersion : array_like, (K,)
        The dispersion a in each state, from 0.

    Raises
    ------
    ValueError, TypeError
        Where a number is negative or not finite.

    References
    ----------
    Loader, "Fast and accurate computation of binomial probabilities" (2000), section 3.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = hf.emissions.NegativeBinomial(mean=[1.0, 5.0], dispersion=[0.0, 0.5])
    >>> counts.log_likelihoods([0, 7]).round(4)
    array([[-1.    , -2.5055],
           [-9.5252, -2.7814]])
    >>> counts.moments()
    (array([1., 5.]), array([ 1. , 17.5]))
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"mean": FROM_ZERO, "dispersion": FROM_ZERO}

    mean: FloatArray
    dispersion: FloatArray

    def __init__(self, mean: npt.ArrayLike, dispersion: npt.ArrayLike) -> None:
        means = _checks.non_negative("mean", mean, ("K",))
        self._freeze(mean=means, dispersion=_checks.non_negative("dispersion", dispersion, means.shape))

    @cached_property
    def _spread(self) -> Spread:
        return dispersion.spread_of(self.mean, self.dispersion)

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.whole_observations(observations)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        kernels.fill_spread(x, self._spread, room_for_spread(len(x)), table)

    def _observed(self, observations: Any) -> Observed:
        """Counts, and the number of each among the different ones, the last of which is a missing one."""
        counts = self._let_in(observations)
        different, numbers = np.unique(counts[~np.isnan(counts)], return_inverse=True)
        which = np.full(len(counts), len(different))
        which[~np.isnan(counts)] = numbers
        return counts, which, frozen(np.append(different, np.nan))

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        counts, _, different = observed
        if SHARE * len(different) < end - begin:
            rows = np.empty((len(different), self.n_states))
            self._fill_densities(different, rows)
            fill_rows(rows, observed, begin, end, table)
        else:
            self._fill_densities(counts[begin:end], table)

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        counts, spread = x[:, np.newaxis], self._spread
        return {
            "mean": spread.shrink * (over(counts, self.mean) - 1),
            "dispersion": dispersion.slopes_of_dispersion(x, spread),
        }

    def _tallied(self, shown: Kept) -> Kept:
        """The different counts, and how much each weighs."""
        _, which, different = shown.observed
        tallies = np.zeros((len(different), self.n_states))
        kernels.add_tallies(frozen(which), frozen(shown.weights), tallies)
        return Kept((different[:-1],), tallies[:-1])

    def _rises(self, shown: Kept) -> dict[str, FloatArray]:
        return super()._rises(self._tallied(shown))

    def _maximised(self, shown: Kept, prior: None, groups: Groups) -> NegativeBinomial:
        (counts,), weights = self._tallied(shown)
        alone = np.arange(self.n_states)
        each = groups.get("mean", alone), groups.get("dispersion", alone)
        return NegativeBinomial(*dispersion.likeliest(counts, weights, self.mean, self.dispersion, each))

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> NegativeBinomial:
        seen = weights.sum(axis=0)
        mean = x @ weights / seen
        squares = (weights * (x[:, np.newaxis] - mean) ** 2).sum(axis=0) / seen
        return cls(mean, np.maximum(over(squares - mean, mean**2), 0.0))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> IntArray:
        mean, a = self.mean[states], self.dispersion[states]
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            r = 1 / a
            is_spread = np.isfinite(r) & (a > 0)
            rates = np.where(is_spread, rng.gamma(np.where(is_spread, r, 1.0)) * a * mean, mean)
        _checks.drawable_rates(rates)
        return rng.poisson(rates)

    def _sides(self, x: FloatArray) -> Sides:
        table = np.empty((len(x), self.n_states))
        self._fill_densities(x, table)
        return binomial_sides.of_spread(x, self._spread, table)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self.mean, self.mean + self.dispersion * self.mean**2
