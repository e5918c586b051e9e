"""Emissions of real numbers and vectors, normally distributed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.densities import LOG_2_PI, room_for_joint, room_for_vectors
from hmmfilter._tiers import kernels
from hmmfilter.emissions import sides
from hmmfilter.emissions.gaussian_learning import LearningGaussian, as_vectors, by_pattern, one_pattern
from hmmfilter.emissions.learning import Observed
from hmmfilter.emissions.protocol import Column, Emission
from hmmfilter.emissions.sides import Ordered, Sides


@dataclass(frozen=True, eq=False, init=False)
class Gaussian(LearningGaussian):
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

    def _reordered(self, order: IntArray) -> Gaussian:
        covariance = self.covariance if self.kind == "tied" else self.covariance[order]
        return Gaussian(self.mean[order], covariance, self.kind)

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
        return self._table(_checks.observations(observations, self.n_dimensions))

    def _table(self, x: FloatArray) -> FloatArray:
        table = np.empty((len(x), self.n_states))
        if self._has_matrices:
            self._fill_joint(x, *by_pattern(x), table)
        else:
            self._fill_independent(x, table)
        return table

    def _fill_joint(self, x: FloatArray, order: IntArray, ends: IntArray, table: FloatArray) -> None:
        room = room_for_joint(*x.shape)
        _checks.definite_parts(kernels.fill_joint(x, order, ends, self.mean, *self._matrices, room, table))

    def _fill_independent(self, x: FloatArray, table: FloatArray) -> None:
        vectors = as_vectors(x)
        kernels.fill_independent(vectors, *self._spreads, room_for_vectors(*vectors.shape), table)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        x, patterns = observed[0][begin:end], observed[1][begin:end]
        if not self._has_matrices:
            self._fill_independent(x, table)
        elif len(patterns) > 0:
            order = np.argsort(patterns, kind="stable")
            ends = np.append(np.flatnonzero(np.diff(patterns[order])) + 1, len(order))
            self._fill_joint(x, frozen(order), frozen(ends), table)
        else:
            self._fill_joint(x, *one_pattern(len(x)), table)

    def _quick_row(self, observation: Any) -> FloatArray | None:
        x = _checks.plain_vector(observation, self.n_dimensions)
        row = None if x is None else self._table(x)[0]
        return None if row is None or row[0] == -np.inf else row  # as it is of infinities, which are refused

    @cached_property
    def _matrices(self) -> tuple[FloatArray, FloatArray]:
        """The covariances, of each state or of all, (M, D, D), and Cholesky's factors of them, upper triangles."""
        covariances = self.covariance.reshape(-1, *self.covariance.shape[-2:])
        return covariances, frozen(np.linalg.cholesky(covariances).transpose(0, 2, 1).copy())

    @cached_property
    def _spreads(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The means, the standard deviations σ, and log 2πσ² of independent entries, all of them (K, D)."""
        mean, variance = self.mean.reshape(self.n_states, -1), self._of_states().reshape(self.n_states, -1)
        return mean, frozen(np.sqrt(variance)), frozen(LOG_2_PI + np.log(variance))

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, and above it.

        Parameters
        ----------
        observations
            As in `Gaussian.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Gaussian.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.Gaussian([0.0, 1.0], [1.0, 4.0]).log_sides([30.0])
        >>> log_above.round(4)
        array([[-454.3212, -108.7228]])
        """
        x = _checks.observations(observations, self.n_dimensions)
        mean, variance = self.moments()
        own = variance if variance.ndim == 1 else np.diagonal(variance, axis1=1, axis2=2)
        return sides.of_normal(x, mean, np.sqrt(own))

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
