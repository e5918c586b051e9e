"""Emissions of real numbers and vectors, normally distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, Frozen
from hmmfilter.emissions.protocol import LOG_2_PI


@dataclass(frozen=True, eq=False, init=False)
class Gaussian(Frozen):
    """Real numbers, or vectors of D of them.

    Parameters
    ----------
    mean : array_like, (K,) or (K, D)
        The mean in each state.
    covariance : array_like
        For means (K,), the variances (K,); for means (K, D), the variances (K, D) of independent entries, or the full
        covariance matrices (K, D, D).

    Raises
    ------
    ValueError, TypeError
        Where a variance is not above 0, or a matrix is not symmetric and positive definite.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Gaussian([0.0, 1.0], [1.0, 4.0]).log_likelihoods([0.0, 1e4])
    array([[-9.18938533e-01, -1.73708571e+00],
           [-5.00000009e+07, -1.24975017e+07]])
    """

    mean: FloatArray
    covariance: FloatArray

    def __init__(self, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> None:
        is_vector = _checks.float_array("mean", mean).ndim == 2
        means = _checks.real_parameters("mean", mean, ("K", "D") if is_vector else ("K",))
        if is_vector and _checks.float_array("covariance", covariance).ndim == 3:
            checked = _checks.covariances(covariance, *means.shape)
        else:
            checked = _checks.positive("covariance", covariance, means.shape)
        self._freeze(mean=means, covariance=checked)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.mean)

    @property
    def n_dimensions(self) -> int | None:
        """D, the number of entries of a vector; None where observations are numbers."""
        return self.mean.shape[1] if self.mean.ndim == 2 else None

    @property
    def _is_full(self) -> bool:
        return self.covariance.ndim == 3

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-densities of observations in each state; a vector is marginalised over its missing entries.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D)
            Finite numbers; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For a wrong dimension, an infinite number or anything else, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> vectors = hf.emissions.Gaussian([[0.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]]])
        >>> vectors.log_likelihoods([[1.0, 1.0], [1.0, None]]).round(4).tolist()
        [[-2.3607], [-1.4189]]
        """
        x = _checks.observations(observations, self.n_dimensions)
        table = np.zeros((len(x), self.n_states))
        if self._is_full:
            for observed, rows in _by_pattern(~np.isnan(x)):
                for k in range(self.n_states):
                    table[rows, k] = self._joint(k, x[rows][:, observed], observed)
        else:
            for k, (mean, variance) in enumerate(zip(self.mean, self.covariance, strict=True)):
                with np.errstate(over="ignore"):  # a log-density below −1.8e308 is −inf
                    z = (x - mean) / np.sqrt(variance)
                    terms = np.where(np.isnan(x), 0.0, -0.5 * (z * z + LOG_2_PI + np.log(variance)))
                table[:, k] = terms if x.ndim == 1 else terms.sum(axis=1)
        return table

    def _joint(self, k: int, x: FloatArray, observed: BoolArray) -> FloatArray:
        """The log-density of the observed entries of some vectors in state k, by a Cholesky factor.

        The triangle is solved entry by entry for all vectors: libraries round a vector differently in other company.
        """
        factor = np.linalg.cholesky(self.covariance[k][np.ix_(observed, observed)])
        squares = np.zeros(len(x))
        with np.errstate(over="ignore", invalid="ignore"):  # a log-density below −1.8e308 is −inf
            z = (x - self.mean[k, observed]).T.copy()
            for d, column in enumerate(factor.T):
                z[d] /= column[d]
                z[d + 1 :] -= np.multiply.outer(column[d + 1 :], z[d])
                squares += z[d] * z[d]
        squares[~np.isfinite(z).all(axis=0)] = np.inf
        log_scale = np.log(np.diag(factor)).sum() + 0.5 * len(factor) * LOG_2_PI
        log_density: FloatArray = -0.5 * squares - log_scale
        return log_density

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,) or (K, D)
            E(v | h = k).
        variance : ndarray, (K,) or (K, D, D)
            Var(v | h = k), or the covariance matrices of vectors, also where their entries are independent.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> mean, variance = hf.emissions.Gaussian([[0.0, 1.0]], [[4.0, 9.0]]).moments()
        >>> variance
        array([[[4., 0.],
                [0., 9.]]])
        """
        if self.n_dimensions is None or self._is_full:
            return self.mean, self.covariance
        return self.mean, self.covariance[:, :, None] * np.eye(self.n_dimensions)

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> FloatArray:
        """Draw one number, or one vector, for each entry of `states`.

        Parameters
        ----------
        states : array_like of int, (T,)
            Numbers of states, from 0.
        rng : numpy.random.Generator
            Where the randomness comes from.

        Returns
        -------
        ndarray, (T,) or (T, D)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Gaussian([0.0, 100.0], [1.0, 1.0]).sample([0, 1, 1], np.random.default_rng(0)).round(2)
        array([  0.13,  99.87, 100.64])
        """
        states = _checks.states(states, self.n_states)
        noise = rng.standard_normal((len(states), *self.mean.shape[1:]))
        if self._is_full:
            for k, factor in enumerate(np.linalg.cholesky(self.covariance)):
                chosen = states == k
                noise[chosen] = noise[chosen] @ factor.T
        else:
            noise *= np.sqrt(self.covariance[states])
        return self.mean[states] + noise


def _by_pattern(observed: BoolArray) -> list[tuple[BoolArray, BoolArray]]:
    """Each pattern of observed entries but the empty one, with the rows that have it."""
    patterns, label = np.unique(observed, axis=0, return_inverse=True)
    return [(pattern, label.ravel() == p) for p, pattern in enumerate(patterns) if pattern.any()]
