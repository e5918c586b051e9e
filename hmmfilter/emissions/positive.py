"""Emissions of numbers above 0: waiting times, lengths, amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.emissions import sides
from hmmfilter.emissions.families import POSITIVE, Domain
from hmmfilter.emissions.sides import Sides
from hmmfilter.emissions.summed import Summed


@dataclass(frozen=True, eq=False, init=False)
class Exponential(Summed):
    """Waiting times without a memory, from 0.

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
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"mean": POSITIVE}
    FEATURES: ClassVar[tuple[str, ...]] = ("sum",)
    HAS_BOUND: ClassVar[bool] = True

    mean: FloatArray

    def __init__(self, mean: npt.ArrayLike) -> None:
        self._freeze(mean=_checks.positive("mean", mean, ("K",)))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations_between(observations, 0.0, np.inf)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        table[:] = np.where(np.isnan(x)[:, None], 0.0, -x[:, None] / self.mean - np.log(self.mean))

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
        return {"mean": np.divide(total, weight, out=np.ones_like(total), where=weight > 0)}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Exponential:
        return cls(x @ weights / weights.sum(axis=0))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.exponential(self.mean[states])

    def _sides(self, x: FloatArray) -> Sides:
        return sides.of_density(*sides.of_exponent(x[:, None] / self.mean))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self.mean, self.mean**2
