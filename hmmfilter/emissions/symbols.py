"""Emissions of symbols: a few of them, or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.emissions.protocol import OfNumbers, log_of
from hmmfilter.sampling import draw_categories


@dataclass(frozen=True, eq=False, init=False)
class Categorical(OfNumbers):
    """Symbols 0 to M − 1, such as the faces of a die.

    Parameters
    ----------
    probabilities : array_like, (K, M)
        p(v = m | h = k) at [k, m]; rows sum to 1 within 1e-8 and are used as given, or divided by their sums where they
        come as float32 or float16.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]]).log_likelihoods([0, None, 1]).round(4)
    array([[-0.6931, -0.1054],
           [ 0.    ,  0.    ],
           [-0.6931, -2.3026]])
    """

    probabilities: FloatArray

    def __init__(self, probabilities: npt.ArrayLike, *, normalize: bool = False) -> None:
        self._freeze(probabilities=_checks.distributions("probabilities", probabilities, ("K", "M"), normalize))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probabilities)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            Whole numbers from 0 to M − 1; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For a symbol that the model does not know, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]]).log_likelihoods([None]).tolist()
        [[0.0, 0.0]]
        """
        n_symbols = self.probabilities.shape[1]
        symbols = _checks.whole_observations(observations, at_most=n_symbols - 1)
        by_symbol = np.vstack([log_of(self.probabilities.T), np.zeros(self.n_states)])
        return by_symbol[np.where(np.isnan(symbols), n_symbols, symbols).astype(np.int64)]

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> IntArray:
        """Draw one symbol for each entry of `states`.

        Parameters
        ----------
        states : array_like of int, (T,)
            Numbers of states, from 0.
        rng : numpy.random.Generator
            Where the randomness comes from.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Categorical([[1.0, 0.0], [0.0, 1.0]]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 1, 1])
        """
        return draw_categories(self.probabilities, _checks.states(states, self.n_states), rng)


@dataclass(frozen=True, eq=False, init=False)
class Bernoulli(OfNumbers):
    """Yes or no: observations 1 and 0.

    Parameters
    ----------
    probability : array_like, (K,)
        p(v = 1 | h = k).

    Raises
    ------
    ValueError, TypeError
        Where an entry is no probability.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Bernoulli([0.5, 0.1]).log_likelihoods([True, False]).round(4)
    array([[-0.6931, -2.3026],
           [-0.6931, -0.1054]])
    """

    probability: FloatArray

    def __init__(self, probability: npt.ArrayLike) -> None:
        self._freeze(probability=_checks.probabilities("probability", probability, ("K",)))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probability)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            0 or 1, False or True; NaN or None where missing.

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
        >>> hf.emissions.Bernoulli([0.5, 1.0]).log_likelihoods([0]).round(4).tolist()
        [[-0.6931, -inf]]
        """
        outcomes = _checks.whole_observations(observations, at_most=1)
        with np.errstate(divide="ignore"):
            by_outcome = np.stack([np.log1p(-self.probability), np.log(self.probability), np.zeros(self.n_states)])
        return by_outcome[np.where(np.isnan(outcomes), 2, outcomes).astype(np.int64)]

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
        >>> hf.emissions.Bernoulli([0.5, 1.0]).moments()
        (array([0.5, 1. ]), array([0.25, 0.  ]))
        """
        return self.probability, self.probability * (1 - self.probability)

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> IntArray:
        """Draw 0 or 1 for each entry of `states`.

        Parameters
        ----------
        states : array_like of int, (T,)
            Numbers of states, from 0.
        rng : numpy.random.Generator
            Where the randomness comes from.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Bernoulli([0.0, 1.0]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 1, 1])
        """
        probability = self.probability[_checks.states(states, self.n_states)]
        return (rng.random(len(probability)) < probability).astype(np.int64)
