"""Emissions of real numbers and vectors, normally distributed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, Valued
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.protocol import LOG_2_PI, Column, Emission


@dataclass(frozen=True, eq=False, init=False)
class Gaussian(Valued):
    """Real numbers, or vectors of D of them.

    Parameters
    ----------
    mean : array_like, (K,) or (K, D)
        The mean in each state.
    covariance : array_like
        How an observation varies, in the shape of its kind. It is an attribute, too, as given.
    kind : {"variances", "full", "tied", "spherical"}, optional
        What `covariance` holds. For means (K, D):

        - "variances", (K, D): of independent entries;
        - "full", (K, D, D): a matrix for each state;
        - "tied", (D, D): one matrix for all states;
        - "spherical", (K,): one variance for all entries, which are independent.

        For means (K,), "variances" or "spherical" are (K,), and "tied" is a single number. The shape alone tells the
        kind, but for (K, D) where K = D > 1: there it has to be said.

    Raises
    ------
    ValueError, TypeError
        Where a variance is not above 0, a matrix is not symmetric and positive definite, or it takes `kind` to say what
        is meant.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Gaussian([0.0, 1.0], [1.0, 4.0]).log_likelihoods([0.0, 1e4])
    array([[-9.18938533e-01, -1.73708571e+00],
           [-5.00000009e+07, -1.24975017e+07]])
    >>> tied = hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0]], [[1.0, 0.5], [0.5, 1.0]], kind="tied")
    >>> tied.log_likelihoods([[1.0, 1.0]]).round(4)
    array([[-2.3607, -4.3607]])
    """

    mean: FloatArray
    covariance: FloatArray
    kind: _checks.CovarianceKind

    def __init__(
        self, mean: npt.ArrayLike, covariance: npt.ArrayLike, kind: _checks.CovarianceKind | None = None
    ) -> None:
        means, covariances, kind = _checks.normal_parameters(mean, covariance, kind)
        self._freeze(mean=means, covariance=covariances, kind=kind)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.mean)

    @property
    def n_dimensions(self) -> int | None:
        """D, the number of entries of a vector; None where observations are numbers."""
        return self.mean.shape[1] if self.mean.ndim == 2 else None

    def _of_states(self) -> FloatArray:
        """What each state has of its own: a variance, (K,), one of each entry, (K, D), or a matrix, (K, D, D)."""
        if self.kind == "tied":
            return np.broadcast_to(self.covariance, (self.n_states, *self.covariance.shape))
        if self.kind == "spherical":
            variances: FloatArray = np.broadcast_to(self.covariance, self.mean.T.shape).T
            return variances
        return self.covariance

    def _columns(self) -> list[Column]:
        """Of each entry the mean and the standard deviation, and of matrices the correlations of each pair."""
        mean, variance = self.moments()
        if self.n_dimensions is None:
            return [("mean ± sd", _spreads(mean, variance), "")]
        n = self.n_dimensions
        columns: list[Column] = [(f"mean[{d}] ± sd", _spreads(mean[:, d], variance[:, d, d]), "") for d in range(n)]
        if self.kind in ("full", "tied"):
            sd = np.sqrt(np.diagonal(variance, axis1=1, axis2=2))
            pairs = itertools.combinations(range(n), 2)
            columns += [(f"corr[{i}, {j}]", variance[:, i, j] / sd[:, i] / sd[:, j], ".2f") for i, j in pairs]
        return columns

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
        covariances = self._of_states()
        if covariances.ndim == 3:
            for observed, rows in _by_pattern(~np.isnan(x)):
                for k in range(self.n_states):
                    matrix = covariances[k][np.ix_(observed, observed)]
                    table[rows, k] = _joint(x[rows][:, observed], self.mean[k, observed], matrix)
        else:
            for k, (mean, variance) in enumerate(zip(self.mean, covariances, strict=True)):
                with np.errstate(over="ignore"):  # a log-density below −1.8e308 is −inf
                    z = (x - mean) / np.sqrt(variance)
                    terms = np.where(np.isnan(x), 0.0, -0.5 * (z * z + LOG_2_PI + np.log(variance)))
                table[:, k] = terms if x.ndim == 1 else terms.sum(axis=1)
        return table

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
        covariances = self._of_states()
        if covariances.ndim == 2:
            covariances = covariances[:, :, None] * np.eye(covariances.shape[1])
        return self.mean, covariances

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw one number, or one vector, for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T,) or (T, D)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Gaussian([0.0, 100.0], [1.0, 1.0]).sample([0, 1, 1], np.random.default_rng(0)).round(2)
        array([  0.13,  99.87, 100.64])
        """
        states = _checks.states(states, self.n_states)
        noise = _checks.generator(rng).standard_normal((len(states), *self.mean.shape[1:]))
        covariances = self._of_states()
        if covariances.ndim == 3:
            for k, factor in enumerate(np.linalg.cholesky(covariances)):
                chosen = states == k
                noise[chosen] = noise[chosen] @ factor.T
        else:
            noise *= np.sqrt(covariances[states])
        return self.mean[states] + noise


def _spreads(mean: FloatArray, variance: FloatArray) -> list[str]:
    return [f"{m:.5g} ± {sd:.5g}" for m, sd in zip(mean, np.sqrt(variance), strict=True)]


def _joint(x: FloatArray, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """The log-density of some vectors, by a Cholesky factor.

    The triangle is solved entry by entry for all vectors: libraries round a vector differently in other company.
    """
    factor = np.linalg.cholesky(covariance)
    squares = np.zeros(len(x))
    with np.errstate(over="ignore", invalid="ignore"):  # a log-density below −1.8e308 is −inf
        z = (x - mean).T.copy()
        for d, column in enumerate(factor.T):
            z[d] /= column[d]
            z[d + 1 :] -= np.multiply.outer(column[d + 1 :], z[d])
            squares += z[d] * z[d]
    squares[~np.isfinite(z).all(axis=0)] = np.inf
    log_scale = np.log(np.diag(factor)).sum() + 0.5 * len(factor) * LOG_2_PI
    log_density: FloatArray = -0.5 * squares - log_scale
    return log_density


def _by_pattern(observed: BoolArray) -> list[tuple[BoolArray, BoolArray]]:
    """Each pattern of observed entries but the empty one, with the rows that have it."""
    patterns, label = np.unique(observed, axis=0, return_inverse=True)
    return [(pattern, label.ravel() == p) for p, pattern in enumerate(patterns) if pattern.any()]
