"""Emissions of numbers above 0: waiting times, lengths, amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.emissions.families import POSITIVE, Domain, Family


@dataclass(frozen=True, eq=False, init=False)
class Exponential(Family):
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

    mean: FloatArray

    def __init__(self, mean: npt.ArrayLike) -> None:
        self._freeze(mean=_checks.positive("mean", mean, ("K",)))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.observations(observations)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        table[:] = np.where(np.isnan(x)[:, None], 0.0, -x[:, None] / self.mean - np.log(self.mean))

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        return {"mean": (x[:, None] / self.mean - 1) / self.mean}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Exponential:
        return cls(x @ weights / weights.sum(axis=0))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        return rng.exponential(self.mean[states])

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,)
            E(v | h = k).
        variance : ndarray, (K,)
            Var(v | h = k).

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Exponential([1.0, 10.0]).moments()
        (array([ 1., 10.]), array([  1., 100.]))
        """
        return self.mean, self.mean**2
