"""Any univariate distribution of SciPy as an emission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions.protocol import OfNumbers


@dataclass(frozen=True, eq=False, init=False)
class FromScipy(OfNumbers):
    """One frozen distribution of `scipy.stats` for each state.

    Parameters
    ----------
    distributions : sequence of frozen univariate distributions, K
        Such as ``scipy.stats.gamma(a=2.0)``: all continuous, or all discrete.

    Raises
    ------
    ValueError, TypeError
        For anything else, with its index.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> from scipy import stats
    >>> hf.emissions.FromScipy([stats.t(df=3), stats.norm(2.0)]).log_likelihoods([1.0]).round(4)
    array([[-1.5763, -1.4189]])
    """

    distributions: tuple[Any, ...]

    def __init__(self, distributions: Sequence[Any]) -> None:
        self._freeze(distributions=_checks.frozen_distributions(distributions))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.distributions)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            Finite numbers, and whole ones where the distributions are discrete; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For anything else, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> hf.emissions.FromScipy([stats.poisson(2.0)]).log_likelihoods([1]).round(4).tolist()
        [[-1.3069]]
        """
        is_discrete = hasattr(self.distributions[0], "logpmf")  # and so are all the others
        if is_discrete:
            x = _checks.whole_observations(observations, at_least=-np.inf)
        else:
            x = _checks.observations(observations)
        table = np.zeros((len(x), self.n_states))
        seen = ~np.isnan(x)
        for k, distribution in enumerate(self.distributions):
            log_density = distribution.logpmf if is_discrete else distribution.logpdf
            table[seen, k] = log_density(x[seen])
        return table

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,)
            E(v | h = k); infinite or NaN where the distribution has none.
        variance : ndarray, (K,)
            Var(v | h = k); infinite or NaN where the distribution has none.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> hf.emissions.FromScipy([stats.norm(1.0, 2.0), stats.t(df=2)]).moments()
        (array([1., 0.]), array([ 4., inf]))
        """
        mean, variance = np.array([distribution.stats(moments="mv") for distribution in self.distributions]).T
        return mean, variance

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw one number for each entry of `states`.

        Parameters
        ----------
        states : array_like of int, (T,)
            Numbers of states, from 0.
        rng : numpy.random.Generator or int, optional
            A generator, or a seed for one; without it, fresh randomness.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> hf.emissions.FromScipy([stats.norm(), stats.norm(100)]).sample([0, 1], np.random.default_rng(0)).round(2)
        array([ 0.13, 99.87])
        """
        states = _checks.states(states, self.n_states)
        generator = _checks.generator(rng)
        drawn = np.empty(len(states))
        for k, distribution in enumerate(self.distributions):
            chosen = states == k
            drawn[chosen] = distribution.rvs(size=int(chosen.sum()), random_state=generator)
        return drawn
