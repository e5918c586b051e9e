"""What all families of numbers have in common: K sets of parameters, a density each, and learning by its slopes.

A family says which numbers are its parameters, what it lets in, its log-density and the slopes of that; a maximisation
step without a closed form climbs these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import climbing
from hmmfilter.emissions.learning import Groups, Kept, Learner, Observed, estimated_from_sums
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers

Self = TypeVar("Self", bound="Family")


class Domain(NamedTuple):
    """Where a parameter lives, open at both ends: steps are taken of the number, its log, or its log-odds."""

    low: float
    high: float

    def natural(self, values: FloatArray) -> FloatArray:
        """Where there are no bounds."""
        if np.isinf(self.low):
            return values
        return np.log(values) if np.isinf(self.high) else np.log(values) - np.log1p(-values)

    def of_natural(self, steps: FloatArray) -> FloatArray:
        """Back."""
        if np.isinf(self.low):
            return steps
        with np.errstate(over="ignore"):
            there: FloatArray = np.exp(steps) if np.isinf(self.high) else 1 / (1 + np.exp(-steps))
        return there

    def pace(self, values: FloatArray) -> FloatArray:
        """How fast the number moves with steps."""
        if np.isinf(self.low):
            return np.ones_like(values)
        return values if np.isinf(self.high) else values * (1 - values)


REAL, POSITIVE, SHARE = Domain(-np.inf, np.inf), Domain(0.0, np.inf), Domain(0.0, 1.0)


class Family(OfNumbers, ABC):
    """An emission of numbers whose density has K sets of parameters, (K,) each."""

    DOMAINS: ClassVar[dict[str, Domain]]
    POSITIVE: ClassVar[frozenset[str]]
    PRIOR: ClassVar[type | None] = None

    def __init_subclass__(cls) -> None:
        cls.POSITIVE = frozenset(name for name, domain in cls.DOMAINS.items() if domain == POSITIVE)

    # What each family says.

    @staticmethod
    @abstractmethod
    def _let_in(observations: Any) -> FloatArray:
        """Let observations in, (T,), NaN where missing; refuse what can have no density."""

    @abstractmethod
    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        """Fill (T, K) with log-densities, 0 where missing."""

    @abstractmethod
    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        """The derivatives of the log-densities with respect to each parameter, (T, K); of any number where missing."""

    @classmethod
    @abstractmethod
    def _begun(cls: type[Self], x: FloatArray, weights: FloatArray) -> Self:
        """One to begin with, by moments; x is never missing, and something of it belongs to each state."""

    @abstractmethod
    def _drawn(self, states: IntArray, rng: np.random.Generator) -> npt.NDArray[Any]:
        """An observation of each of these states."""

    # What follows.

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self._parameters()[next(iter(self.DOMAINS))])

    @property
    def n_parameters(self) -> int:
        """How many numbers there are."""
        return self.n_states * len(self.DOMAINS)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-densities of observations in each state, or log-probabilities of counts.

        Parameters
        ----------
        observations : array_like, (T,)
            Numbers; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For what the family cannot show, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Exponential([1.0, 10.0]).log_likelihoods([0.0, 5.0]).round(4)
        array([[-0.    , -2.3026],
               [-5.    , -2.8026]])
        """
        x = self._let_in(observations)
        table = np.empty((len(x), self.n_states))
        self._fill_densities(x, table)
        return table

    @as_in(Learner.estimated)
    def estimated(self: Self, observations: Any, weights: npt.ArrayLike, prior: Any = None) -> Self:
        """Estimate the parameters from observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : prior of `hmmfilter.priors`, optional
            What is known of the parameters beforehand, where the family has a conjugate one.

        Returns
        -------
        emission
            The most probable one of its kind; a state to which nothing belongs keeps its parameters, but for what a
            prior says.

        Raises
        ------
        DegenerateFitError
            Where the density of a state has no bound, as all that belongs to it is one number.
        ValueError, TypeError
            For what the family cannot show, or what is no weight, with its index, or a prior of another kind.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Exponential([1.0, 5.0])
        >>> start.estimated([0.0, 3.0, 9.0], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        Exponential(mean=array([1., 7.]))
        """
        estimate: Self = estimated_from_sums(self, observations, weights, prior)
        return estimate

    @classmethod
    @as_in(Learner.guessed)
    def guessed(cls: type[Self], observations: Any, weights: npt.ArrayLike) -> Self:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.

        Returns
        -------
        emission
            The most probable one of its kind; a state to which nothing belongs gets the parameters of all observations.

        Raises
        ------
        DegenerateFitError, ValueError, TypeError
            As for `estimated`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Exponential.guessed([0.0, 3.0, 9.0], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        Exponential(mean=array([1., 7.]))
        """
        x = cls._let_in(observations)
        degrees = _checks.degrees(weights, len(x)).copy()
        degrees[:, degrees[~np.isnan(x)].sum(axis=0) == 0] = 1.0
        is_seen = ~np.isnan(x)
        return cls._begun(x[is_seen], degrees[is_seen]).estimated(x, degrees)

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> npt.NDArray[Any]:
        """Draw one observation for each entry of `states`.

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
        >>> import hmmfilter as hf
        >>> hf.emissions.Exponential([1.0, 100.0]).sample([0, 1, 1], rng=0).round(2)
        array([  0.68, 101.96,   1.98])
        """
        return self._drawn(_checks.states(states, self.n_states), _checks.generator(rng))

    @property
    def _keeps(self) -> bool:
        return True

    def _observed(self, observations: Any) -> Observed:
        return (self._let_in(observations),)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        self._fill_densities(observed[0][begin:end], table)

    def _maximised(self: Self, shown: Any, prior: Any, groups: Groups) -> Self:
        best: Self = climbing.climbed(self, shown, prior, groups)
        return best

    def _expected(self, shown: Any) -> float:
        """Σ w log p(v | h) of what is shown, as far as it depends on the parameters."""
        kept: Kept = shown
        x, weights = kept.observed[0], kept.weights
        table = np.empty(weights.shape)
        self._fill_densities(x, table)
        return float(np.where(weights > 0, weights * table, 0.0).sum())

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        kept: Kept = shown
        weights = np.where(np.isnan(kept.observed[0])[:, None], 0.0, kept.weights)
        return {
            name: np.where(weights > 0, weights * slope, 0.0).sum(axis=0)
            for name, slope in self._slopes(kept.observed[0]).items()
        }

    def _statistics(self, shown: Any) -> dict[str, FloatArray]:
        return {"weights": shown.weights}

    def _parameters(self) -> dict[str, FloatArray]:
        return {name: getattr(self, name) for name in self.DOMAINS}

    def _with(self: Self, parameters: dict[str, FloatArray]) -> Self:
        kind: Any = type(self)
        made: Self = kind(**self._settings(), **parameters)
        return made

    def _settings(self) -> dict[str, Any]:
        """What else it was made of, that is not learnt."""
        known: Any = self
        return {each.name: getattr(self, each.name) for each in fields(known) if each.name not in self.DOMAINS}

    def _reordered(self: Self, order: IntArray) -> Self:
        return self._with({name: values[order] for name, values in self._parameters().items()})

    def _natural(self) -> FloatArray:
        values = self._parameters()
        return np.concatenate([domain.natural(values[name]) for name, domain in self.DOMAINS.items()])

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        parts = np.split(vector, len(self.DOMAINS))
        values = {
            name: domain.of_natural(part) for (name, domain), part in zip(self.DOMAINS.items(), parts, strict=True)
        }
        are_inside = all(
            (np.isfinite(values[name]) & (values[name] > domain.low) & (values[name] < domain.high)).all()
            for name, domain in self.DOMAINS.items()
        )
        return self._with(values) if are_inside else None

    def _admit(self, prior: Any) -> None:
        name = f"the prior of the emission, {type(self).__name__},"
        if self.PRIOR is None:
            _checks.no_prior(name, prior, "it has no conjugate one")
        else:
            _checks.prior_of_kind(name, prior, self.PRIOR)

    def _columns(self) -> list[Column]:
        return [(name, values, ".5g") for name, values in self._parameters().items()]
