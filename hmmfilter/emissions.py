"""Emissions: from observations to the table log p(v_t | h_t = k) that every recursion runs on.

Each emission is frozen, checks its parameters once, and has ``n_states``, ``log_likelihoods(observations)`` and
``sample(states, rng)``; an object of your own with these three serves `hmmfilter.HMM` as well. Observations that are
NaN, None or masked are missing: they are no evidence, and their row of the table is 0. An observation that a state
cannot produce has log-likelihood −inf; one that no model of the kind can produce is an error.

Each says with ``n_dimensions`` whether it shows numbers (None) or vectors (of so many entries), and all but
`Categorical`, whose symbols are names and no quantities, know the mean and the variance in each state, ``moments()``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, Frozen, IntArray
from hmmfilter.sampling import draw_categories

__all__ = ["Bernoulli", "Categorical", "Emission", "FromScipy", "Gaussian", "Poisson"]


LOG_2_PI = math.log(2 * math.pi)


class Emission(Protocol):
    """What `hmmfilter.HMM` asks of an emission.

    Where it also has a method ``moments()``, that returns a tuple of the means, (K,) or (K, D), and the variances, (K,)
    or (K, D, D), a forecast has a mean and a variance, too.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> emission: hf.emissions.Emission = hf.emissions.Poisson([1.0, 5.0])
    >>> emission.n_states
    2
    """

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        ...

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute log p(v_t | h_t = k), natural logs, (T, K), for T observations; rows of 0 where missing."""
        ...

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Draw one observation, (T,) or (T, D), for each entry of `states`, (T,)."""
        ...


def log_of(probabilities: FloatArray) -> FloatArray:
    """Take natural logs, −inf of 0, without a warning; the result is read-only."""
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    logs.flags.writeable = False
    return logs


class _OfNumbers(Frozen):
    @property
    def n_dimensions(self) -> None:
        """None: an observation is a number and no vector."""


@dataclass(frozen=True, eq=False, init=False)
class Categorical(_OfNumbers):
    """Symbols 0 to M − 1, such as the faces of a die.

    Parameters
    ----------
    probabilities : array_like, (K, M)
        p(v = m | h = k) at [k, m]; rows sum to 1 within 1e-8 and are used as given.

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

    def __init__(self, probabilities: npt.ArrayLike) -> None:
        self._freeze(probabilities=_checks.distributions("probabilities", probabilities, ("K", "M")))

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
class Bernoulli(_OfNumbers):
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


@dataclass(frozen=True, eq=False, init=False)
class Poisson(_OfNumbers):
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

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> IntArray:
        """Draw one count for each entry of `states`.

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
        >>> hf.emissions.Poisson([0.0, 9.0]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 3, 9])
        """
        return rng.poisson(self.rate[_checks.states(states, self.n_states)])


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
    v = (x - mean) / (x + mean)
    near = np.abs(v) < 0.1
    deviance = np.empty_like(x)

    x_near, v_near = x[near], v[near]
    v2 = v_near * v_near
    atanh_tail = np.zeros_like(v_near)  # (atanh(v) − v) / v = v²/3 + v⁴/5 + ...
    for n in range(19, 1, -2):
        atanh_tail = v2 * (1 / n + atanh_tail)
    deviance[near] = (x_near - mean) * v_near + 2 * x_near * v_near * atanh_tail

    x_far = x[~near]
    log_ratio = np.log(x_far / mean) if mean >= 1 else np.log(x_far) - math.log(mean)  # x / mean may overflow
    deviance[~near] = x_far * log_ratio + mean - x_far
    return deviance


def _log_poisson(counts: FloatArray, rate: float) -> FloatArray:
    if rate == 0:
        return np.where(counts == 0, 0.0, -np.inf)
    at_least_one = np.maximum(counts, 1.0)
    log_p = -_stirling_error(at_least_one) - _deviance(at_least_one, rate) - 0.5 * (LOG_2_PI + np.log(at_least_one))
    return np.where(counts == 0, -rate, log_p)


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


@dataclass(frozen=True, eq=False, init=False)
class FromScipy(_OfNumbers):
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

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> FloatArray:
        """Draw one number for each entry of `states`.

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
        >>> from scipy import stats
        >>> hf.emissions.FromScipy([stats.norm(), stats.norm(100)]).sample([0, 1], np.random.default_rng(0)).round(2)
        array([ 0.13, 99.87])
        """
        states = _checks.states(states, self.n_states)
        drawn = np.empty(len(states))
        for k, distribution in enumerate(self.distributions):
            chosen = states == k
            drawn[chosen] = distribution.rvs(size=int(chosen.sum()), random_state=rng)
        return drawn


def mixture_moments(
    log_probabilities: FloatArray, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The mean m = Σ p_k μ_k and the variance Σ p_k (σ²_k + (μ_k − m)²) for each row of log p_k, (S, K).

    In this form nothing cancels. A moment that is infinite or NaN counts in full, however improbable the state, unless
    the state is impossible. Where the mean is infinite, the variance is NaN.
    """
    mixed_mean = np.zeros((len(log_probabilities), *mean.shape[1:]))
    mixed_variance = np.zeros((len(log_probabilities), *variance.shape[1:]))
    with np.errstate(over="ignore", invalid="ignore"):
        for log_p, mu in zip(log_probabilities.T, mean, strict=True):
            possible = log_p > -np.inf
            mixed_mean[possible] += _share(log_p[possible], mu)
        for log_p, mu, own in zip(log_probabilities.T, mean, variance, strict=True):
            possible = log_p > -np.inf
            away = ((mu - mixed_mean[possible]).T * np.exp(log_p[possible] / 2)).T
            square = away * away if mean.ndim == 1 else away[:, :, None] * away[:, None, :]
            mixed_variance[possible] += _share(log_p[possible], own) + square
    return mixed_mean, mixed_variance


def _share(log_p: FloatArray, moment: FloatArray) -> FloatArray:
    """p x for each p, which may round to 0 where x is infinite."""
    return np.where(np.isfinite(moment), np.multiply.outer(np.exp(log_p), moment), moment)
