"""Emissions of one of two outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.learning import Groups, Learner, Observed, estimated_from_sums, over, pooled
from hmmfilter.emissions.product import guessed_columns, of_columns
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers
from hmmfilter.emissions.rows import add_rows, fill_rows, numbered, row_of, rows_of
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.priors import Dirichlet


@dataclass(frozen=True, eq=False, init=False)
class Bernoulli(OfNumbers):
    """Yes or no: observations 1 and 0.

    Parameters
    ----------
    probability : array_like, (K,)
        p(v = 1 | h = k). Probabilities (K, D), of vectors of D outcomes, are short for a `Product` of D channels, which
        is what they make.

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

    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {"probability": (0.0, 1.0)}

    probability: FloatArray

    def __new__(cls, probability: npt.ArrayLike = ()) -> Any:
        """One of outcomes, or a product of several."""
        if not _checks.has_columns(probability):
            return super().__new__(cls)
        return of_columns(cls, _checks.probabilities("probability", probability, ("K", "D")))

    def __init__(self, probability: npt.ArrayLike) -> None:
        self._freeze(probability=_checks.probabilities("probability", probability, ("K",)))

    def _columns(self) -> list[Column]:
        return [("p(1)", self.probability, ".4f")]

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probability)

    def _reordered(self, order: IntArray) -> Bernoulli:
        return Bernoulli(self.probability[order])

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
        return rows_of(self._by_outcome, _checks.whole_observations(observations, at_most=1))

    def _quick_row(self, observation: Any) -> FloatArray | None:
        return row_of(self._by_outcome, observation)

    @cached_property
    def _by_outcome(self) -> FloatArray:
        """A row of log-likelihoods for 0, one for 1, and one for what is missing."""
        with np.errstate(divide="ignore"):
            logs = [np.log1p(-self.probability), np.log(self.probability)]
        table: FloatArray = frozen(np.stack([*logs, np.zeros(self.n_states)]))
        return table

    @property
    def n_parameters(self) -> int:
        """K, but for probabilities of 0 and 1."""
        return int(((self.probability > 0) & (self.probability < 1)).sum())

    @as_in(Learner.estimated)
    def estimated(self, observations: Any, weights: npt.ArrayLike, prior: Dirichlet | None = None) -> Bernoulli:
        """Estimate the probabilities from outcomes that belong to each state to some degree: their weighted means.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : Dirichlet, optional
            What is known beforehand of p(v = 0) and p(v = 1), in this order.

        Returns
        -------
        Bernoulli
            The most probable one; a state to which nothing belongs keeps its probability, but for what a prior says.

        Raises
        ------
        ValueError, TypeError
            For what is neither 0 nor 1, or no weight, with its index, or a prior of another kind.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Bernoulli([0.5, 0.1])
        >>> start.estimated([0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
        Bernoulli(probability=array([0.75, 0.5 ]))
        >>> start.estimated([0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]], hf.priors.Dirichlet([1.0, 3.0]))
        Bernoulli(probability=array([0.875     , 0.83333333]))
        """
        estimate: Bernoulli = estimated_from_sums(self, observations, weights, prior)
        return estimate

    @classmethod
    def _stand_in(cls, observations: Any, **_: Any) -> Bernoulli:
        """One of a single state that lets observations in."""
        width = _checks.vector_width(observations, None, lists_are_vectors=False)
        return cls([0.5] if width is None else [[0.5] * width])

    @classmethod
    @as_in(Learner.guessed)
    def guessed(cls, observations: Any, weights: npt.ArrayLike) -> Bernoulli:
        """Make one of outcomes that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.

        Returns
        -------
        Bernoulli
            Its probabilities are the weighted means; a state to which nothing belongs gets the mean of all outcomes.
            Vectors of outcomes make a `Product`.

        Raises
        ------
        ValueError, TypeError
            For what is neither 0 nor 1, or no weight, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Bernoulli.guessed([0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
        Bernoulli(probability=array([0.75, 0.5 ]))
        """
        width = _checks.vector_width(observations, True)
        if width is not None:
            several: Bernoulli = guessed_columns(cls, observations, weights, width)
            return several
        outcomes = _checks.whole_observations(observations, at_most=1)
        degrees = _checks.degrees(weights, len(outcomes))
        of_all = cls([0.5]).estimated(outcomes, np.ones((len(outcomes), 1)))
        return cls(np.repeat(of_all.probability, degrees.shape[1])).estimated(outcomes, degrees)

    def _observed(self, observations: Any) -> Observed:
        return numbered(_checks.whole_observations(observations, at_most=1), 2)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        fill_rows(self._by_outcome, observed, begin, end, table)

    def _sums(self, observed: Observed) -> FloatArray:
        return np.zeros((2, 2 * self.n_states))

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        add_rows(2, observed, begin, end, weights, sums)

    def _admit(self, prior: Any) -> None:
        _checks.prior_of_kind("the prior of a Bernoulli emission", prior, Dirichlet)
        prior._admitted("the prior of the emission, over p(0) and p(1),", (self.n_states, 2))

    def _log_prior(self, prior: Dirichlet, groups: Groups) -> float:
        return prior.log_density(self._outcomes, self._are_free(groups))

    def _prior_score(self, prior: Dirichlet, groups: Groups) -> dict[str, FloatArray]:
        of_zero, of_one = prior._score(self._outcomes, self._are_free(groups)).T
        return {"probability": of_one - of_zero}

    def _groups(self, groups: Groups) -> IntArray:
        return groups.get("probability", np.arange(self.n_states))

    def _are_free(self, groups: Groups) -> BoolArray:
        return np.repeat(self._groups(groups)[:, np.newaxis] >= 0, 2, axis=1)

    @property
    def _outcomes(self) -> FloatArray:
        """p(0) and p(1) in each state, (K, 2)."""
        return np.column_stack([1 - self.probability, self.probability])

    def _maximised(self, sums: FloatArray, prior: Dirichlet | None, groups: Groups) -> Bernoulli:
        counts = sums.reshape(-1, 2)
        if prior is not None:
            counts = counts + prior._added(counts.shape)
        group = self._groups(groups)
        of_zero, of_one = pooled(group, *counts.T)
        seen = of_zero + of_one
        is_learnt = (group >= 0) & (seen > 0)
        return Bernoulli(np.where(is_learnt, of_one / np.where(is_learnt, seen, 1.0), self.probability))

    def _score(self, sums: FloatArray) -> dict[str, FloatArray]:
        of_zero, of_one = over(sums.reshape(-1, 2), self._outcomes).T
        return {"probability": of_one - of_zero}

    def _statistics(self, sums: FloatArray) -> dict[str, FloatArray]:
        return {"counts": sums.reshape(-1, 2)}

    def _parameters(self) -> dict[str, FloatArray]:
        return {"probability": self.probability}

    def _with(self, parameters: dict[str, FloatArray]) -> Bernoulli:
        return Bernoulli(parameters["probability"])

    def _natural(self) -> FloatArray:
        of_zero, of_one, _ = self._by_outcome
        log_odds: FloatArray = of_one - of_zero
        return log_odds

    def _of_natural(self, vector: FloatArray) -> Bernoulli | None:
        with np.errstate(over="ignore"):
            probability: FloatArray = 1 / (1 + np.exp(-vector))
        return None if np.isnan(probability).any() else Bernoulli(probability)

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `Bernoulli.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Bernoulli.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.Bernoulli([0.5, 1e-300]).log_sides([0])
        >>> log_above.round(4)
        array([[  -0.6931, -690.7755]])
        """
        below, at, above = rows_of(self._sides_by_outcome, _checks.whole_observations(observations, at_most=1))
        return below, at, above

    @cached_property
    def _sides_by_outcome(self) -> FloatArray:
        no, yes, _ = self._by_outcome
        never, missing = np.full_like(no, -np.inf), np.full_like(no, np.nan)
        table: FloatArray = frozen(np.array([[never, no, missing], [no, yes, missing], [yes, never, missing]]))
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
        >>> hf.emissions.Bernoulli([0.5, 1.0]).moments()
        (array([0.5, 1. ]), array([0.25, 0.  ]))
        """
        return self.probability, self.probability * (1 - self.probability)

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> IntArray:
        """Draw 0 or 1 for each entry of `states`.

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
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Bernoulli([0.0, 1.0]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 1, 1])
        """
        probability = self.probability[_checks.states(states, self.n_states)]
        return (_checks.generator(rng).random(len(probability)) < probability).astype(np.int64)
