"""Emissions of counts of several outcomes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.binomials import Shares, room_for_shares
from hmmfilter._tiers import kernels
from hmmfilter.emissions.counts import logs_in_parts
from hmmfilter.emissions.distributions import OfDistributions
from hmmfilter.emissions.learning import (
    ROWS,
    Learner,
    Observed,
    add_in_two_parts,
    estimated_from_sums,
)
from hmmfilter.emissions.protocol import Column, Emission, log_of
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.emissions.trials import Binomial
from hmmfilter.priors import Dirichlet


@dataclass(frozen=True, eq=False, init=False)
class Multinomial(OfDistributions):
    """Rows of counts: how often each of M outcomes came in n draws.

    A row of which one entry is 1, and all others are 0, is a symbol: its probabilities are those of `Categorical`. A
    row that lacks an entry is missing, as nobody knows then what the others are a part of.

    The log-probability is computed in Loader's form, which has all digits at counts of any size.

    Parameters
    ----------
    probabilities : array_like, (K, M)
        p(outcome m | h = k) at [k, m]; rows sum to 1 within 1e-8 and are used as given, or divided by their sums where
        they come as float32 or float16.
    n : int, optional
        What each row sums to, from 1; others are refused. Without it, a row may have any sum, and what is drawn, and
        forecast and told of moments, is a single draw.
    normalize : bool
        Whether to divide each row of probabilities by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution, or n is no whole number.

    References
    ----------
    Loader, "Fast and accurate computation of binomial probabilities" (2000), section 3.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Multinomial([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]).log_likelihoods([[2, 1, 0], [0, 0, 1]]).round(4)
    array([[-1.4917, -5.8091],
           [-1.6094, -0.2231]])
    """

    probabilities: FloatArray
    n: int | None = None

    def __init__(self, probabilities: npt.ArrayLike, n: int | None = None, *, normalize: bool = False) -> None:
        table = _checks.distributions("probabilities", probabilities, ("K", "M"), normalize)
        self._freeze(probabilities=table, n=None if n is None else _checks.step_count("n", n))

    @property
    def n_dimensions(self) -> int:
        """M, the number of outcomes."""
        return int(self.probabilities.shape[1])

    def _columns(self) -> list[Column]:
        return [(f"p({m})", column, ".4f") for m, column in enumerate(self.probabilities.T)]

    def _let_in(self, observations: Any) -> FloatArray:
        return _checks.count_rows(observations, self.n_dimensions, self.n)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T, M)
            Rows of whole numbers from 0; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where an entry is missing.

        Raises
        ------
        ValueError, TypeError
            For a negative or fractional count, or another sum, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Multinomial([[0.5, 0.5], [0.9, 0.1]]).log_likelihoods([[1, 1], [2, None]]).round(4)
        array([[-0.6931, -1.7148],
               [ 0.    ,  0.    ]])
        """
        return self._table(self._let_in(observations))

    def _table(self, counts: FloatArray) -> FloatArray:
        table = np.empty((len(counts), self.n_states))
        self._fill_table(counts, table)
        return table

    def _fill_table(self, counts: FloatArray, table: FloatArray) -> None:
        kernels.fill_shares(counts, self._shares, room_for_shares(len(counts), self.n_dimensions), table)

    @cached_property
    def _shares(self) -> Shares:
        p = self.probabilities
        parts = logs_in_parts(p.reshape(-1)).reshape(2, *p.shape)
        excess = np.array([math.fsum([*row, -1.0]) for row in p.tolist()])
        return Shares(*map(frozen, (p, log_of(p), parts, excess)))

    def _quick_row(self, observation: Any) -> FloatArray | None:
        counts = _checks.plain_vector(observation, self.n_dimensions)
        return None if counts is None else self.log_likelihoods(counts)[0]

    @as_in(Learner.estimated)
    def estimated(self, observations: Any, weights: npt.ArrayLike, prior: Dirichlet | None = None) -> Multinomial:
        """Estimate the probabilities from rows that belong to each state to some degree: their shares of all counts.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : Dirichlet, optional
            What is known of the probabilities beforehand, of those that are 0 nothing.

        Returns
        -------
        Multinomial
            The most probable one; a state to which nothing belongs keeps its row, but for what a prior says.

        Raises
        ------
        ValueError, TypeError
            For what is no row of counts or no weight, with its index, or a prior of another kind.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Multinomial([[0.5, 0.5]])
        >>> start.estimated([[3, 1], [0, 4]], [[1.0], [1.0]])
        Multinomial(probabilities=array([[0.375, 0.625]]), n=None)
        """
        estimate: Multinomial = estimated_from_sums(self, observations, weights, prior)
        return estimate

    @classmethod
    def _stand_in(cls, observations: Any, n: int | None = None) -> Multinomial:
        """One of a single state that lets observations in."""
        width = _checks.vector_width(observations, None)
        return cls(np.full((1, width or 1), 1 / (width or 1)), n)

    @classmethod
    @as_in(Learner.guessed)
    def guessed(cls, observations: Any, weights: npt.ArrayLike, n: int | None = None) -> Multinomial:
        """Make one of rows of counts that belong to each state to some degree.

        An outcome of which nothing belongs to a state has probability 0 there, and a fit keeps it at that.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        n : int, optional
            What each row sums to.

        Returns
        -------
        Multinomial
            Its probabilities are the weighted shares; a state to which nothing belongs gets the shares of all counts.

        Raises
        ------
        ValueError, TypeError
            For what is no row of counts or no weight, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Multinomial.guessed([[3, 1], [0, 4]], [[1.0, 0.5], [0.0, 0.5]]).probabilities
        array([[0.75 , 0.25 ],
               [0.375, 0.625]])
        """
        one = cls._stand_in(observations, n)
        counts = one._let_in(observations)
        degrees = _checks.degrees(weights, len(counts))
        of_all = one.estimated(counts, np.ones((len(counts), 1))).probabilities
        return cls(np.repeat(of_all, degrees.shape[1], axis=0), n).estimated(counts, degrees)

    def _observed(self, observations: Any) -> Observed:
        return (self._let_in(observations),)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        self._fill_table(observed[0][begin:end], table)

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        for first in range(begin, end, ROWS):
            counts = observed[0][first : min(first + ROWS, end)]
            own = weights[first - begin : first - begin + len(counts)]
            add_in_two_parts((own.T @ np.where(np.isnan(counts), 0.0, counts)).reshape(-1), sums)

    def _with(self, parameters: dict[str, FloatArray]) -> Multinomial:
        return Multinomial(parameters["probabilities"], self.n)

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below each count of a row, at it, and above it.

        A count is binomial, whatever the others are.

        Parameters
        ----------
        observations
            As in `Multinomial.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Multinomial.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.Multinomial([[0.5, 0.5]]).log_sides([[2, 0]])
        >>> log_at.round(4).tolist()
        [[[-1.3863], [-1.3863]]]
        """
        rows = self._let_in(observations)
        are_seen = ~np.isnan(rows[:, 0])
        counts, totals = rows[are_seen], rows[are_seen].sum(axis=1)
        tables = np.full((3, *rows.shape, self.n_states), np.nan)
        for m, p in enumerate(np.minimum(self.probabilities.T, 1.0)):  # rounding may leave more
            tables[:, are_seen, m] = Binomial(None, p)._sides(np.column_stack([counts[:, m], totals]))
        log_below, log_at, log_above = tables
        return log_below, log_at, log_above

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the covariance matrix of an observation in each state.

        Returns
        -------
        mean : ndarray, (K, M)
            E(v | h = k).
        variance : ndarray, (K, M, M)
            The covariances.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> mean, variance = hf.emissions.Multinomial([[0.5, 0.5]], n=4).moments()
        >>> mean.tolist(), variance.tolist()
        ([[2.0, 2.0]], [[[1.0, -1.0], [-1.0, 1.0]]])
        """
        n, p = self.n or 1, self.probabilities
        return n * p, n * (p[:, :, np.newaxis] * (np.eye(p.shape[1]) - p[:, np.newaxis, :]))

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> IntArray:
        """Draw one row of counts for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T, M)
            The observations, of sum n, or of a single draw each.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Multinomial([[1.0, 0.0], [0.5, 0.5]], n=4).sample([0, 1], rng=0)
        array([[4, 0],
               [1, 3]])
        """
        known, generator = _checks.states(states, self.n_states), _checks.generator(rng)
        p = self.probabilities / self.probabilities.sum(axis=1, keepdims=True)
        return generator.multinomial(self.n or 1, p[known])
