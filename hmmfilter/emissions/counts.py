"""Emissions of counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.protocol import LOG_2_PI, Column, Emission, OfNumbers


@dataclass(frozen=True, eq=False, init=False)
class Poisson(OfNumbers):
    """Counts: 0, 1, 2, ...

    The log-probability is computed in Loader's form, which keeps its digits where the textbook's
    ``k log λ − λ − log k!`` cancels (at counts of a million that form is off by 1e-9).

    Parameters
    ----------
    rate : array_like, (K,)
        The mean count λ in each state, from 0.

    Raises
    ------
    ValueError, TypeError
        Where a rate is negative or not finite.

    References
    ----------
    Loader, "Fast and accurate computation of binomial probabilities" (2000), section 2.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Poisson([1.0, 5.0]).log_likelihoods([0, 7]).round(4)
    array([[-1.    , -5.    ],
           [-9.5252, -2.2591]])
    """

    rate: FloatArray

    def __init__(self, rate: npt.ArrayLike) -> None:
        self._freeze(rate=_checks.non_negative("rate", rate, ("K",)))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.rate)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            Whole numbers from 0; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For a negative or fractional count, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Poisson([0.0, 2.0]).log_likelihoods([0, 1]).round(4).tolist()
        [[0.0, -2.0], [-inf, -1.3069]]
        """
        counts = _checks.whole_observations(observations)
        table = np.zeros((len(counts), self.n_states))
        seen = ~np.isnan(counts)
        for k, rate in enumerate(self.rate):
            table[seen, k] = _log_poisson(counts[seen], rate)
        return table

    def _columns(self) -> list[Column]:
        return [("rate", self.rate, ".5g")]

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
        >>> hf.emissions.Poisson([0.0, 9.0]).moments()
        (array([0., 9.]), array([0., 9.]))
        """
        return self.rate, self.rate

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> IntArray:
        """Draw one count for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, the rate is above 9e18, or `rng` is neither a generator nor a
            seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Poisson([0.0, 9.0]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 3, 9])
        """
        generator = _checks.generator(rng)
        rates = self.rate[_checks.states(states, self.n_states)]
        _checks.drawable_rates(rates)
        return generator.poisson(rates)


# log n! − log(√(2πn) (n/e)^n) for n = 1 to 15; from 16 on its asymptotic series is exact to a double.
STIRLING_ERRORS = np.array(
    [
        np.nan,
        0.08106146679532726,
        0.0413406959554093,
        0.02767792568499834,
        0.020790672103765093,
        0.016644691189821193,
        0.013876128823070748,
        0.01189670994589177,
        0.010411265261972096,
        0.009255462182712733,
        0.00833056343336287,
        0.007573675487951841,
        0.00694284010720953,
        0.006408994188004207,
        0.0059513701127588475,
        0.005554733551962801,
    ]
)


def _stirling_error(n: FloatArray) -> FloatArray:
    u = (1 / n) ** 2
    series = (1 / 12 - u * (1 / 360 - u * (1 / 1260 - u * (1 / 1680 - u / 1188)))) / n
    return np.where(n < 16, STIRLING_ERRORS[np.minimum(n, 15).astype(np.int64)], series)


def _deviance(x: FloatArray, mean: float) -> FloatArray:
    """x log(x / mean) + mean − x, by a series where x is near the mean and the terms would cancel."""
    v = (x / 2 - mean / 2) / (x / 2 + mean / 2)  # halves are exact, and their sum fits into a double
    near = np.abs(v) < 0.1
    deviance = np.empty_like(x)

    x_near, v_near = x[near], v[near]
    v2 = v_near * v_near
    atanh_tail = np.zeros_like(v_near)  # (atanh(v) − v) / v = v²/3 + v⁴/5 + ...
    for n in range(19, 1, -2):
        atanh_tail = v2 * (1 / n + atanh_tail)
    deviance[near] = (x_near - mean) * v_near + x_near * v_near * (2 * atanh_tail)

    x_far = x[~near]
    log_ratio = np.log(x_far / mean) if mean >= 1 else np.log(x_far) - math.log(mean)  # x / mean may overflow
    with np.errstate(over="ignore"):  # a log-probability below −1.8e308 is −inf
        deviance[~near] = x_far * log_ratio + mean - x_far
    return deviance


def _log_poisson(counts: FloatArray, rate: float) -> FloatArray:
    if rate == 0:
        return np.where(counts == 0, 0.0, -np.inf)
    at_least_one = np.maximum(counts, 1.0)
    log_p = -_stirling_error(at_least_one) - _deviance(at_least_one, rate) - 0.5 * (LOG_2_PI + np.log(at_least_one))
    return np.where(counts == 0, -rate, log_p)
