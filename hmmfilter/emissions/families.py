"""What all families of numbers have in common: K sets of parameters, a density each, and learning by its slopes.

A family says which numbers are its parameters, what it lets in, its log-density and the slopes of that; a maximisation
step without a closed form climbs these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import climbing
from hmmfilter.emissions.learning import Groups, Kept, Learner, Observed, estimated_from_sums
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers
from hmmfilter.emissions.sides import Ordered, Sides

Self = TypeVar("Self", bound="Family")


class Domain(NamedTuple):
    """Where a parameter lives: steps are taken of the number, its log, or its log-odds.

    It is open at both ends, or else the number may be at a bound, which steps do not lead to, nor away from.
    """

    low: float
    high: float
    is_closed: bool = False

    def natural(self, values: FloatArray) -> FloatArray:
        """Where there are no bounds."""
        if np.isinf(self.low):
            return values
        with np.errstate(divide="ignore"):
            return np.log(values) if np.isinf(self.high) else np.log(values) - np.log1p(-values)

    def of_natural(self, steps: FloatArray) -> FloatArray:
        """Back."""
        if np.isinf(self.low):
            return steps
        with np.errstate(over="ignore"):
            there: FloatArray = np.exp(steps) if np.isinf(self.high) else 1 / (1 + np.exp(-steps))
        return there

    def moved(self, values: FloatArray, steps: FloatArray) -> FloatArray:
        """Numbers, so many steps away; of no step, the same to the bit."""
        if np.isinf(self.low):
            return values + steps
        with np.errstate(over="ignore", invalid="ignore"):
            factors = np.exp(steps)
            there = values * factors if np.isinf(self.high) else values * factors / (1 - values + values * factors)
        return np.where(steps == 0, values, there)

    def holds(self, values: FloatArray) -> bool:
        """Whether all of them are inside, or at a bound that belongs to it."""
        are_inside = (values > self.low) & (values < self.high)
        return bool((np.isfinite(values) & (are_inside | (self.is_closed & self.at_bound(values)))).all())

    def at_bound(self, values: FloatArray) -> BoolArray:
        """Which of them are at a bound."""
        at_bound: BoolArray = (values == self.low) | (values == self.high)
        return at_bound

    def pace(self, values: FloatArray) -> FloatArray:
        """How fast the number moves with steps."""
        if np.isinf(self.low):
            return np.ones_like(values)
        return values if np.isinf(self.high) else values * (1 - values)


LAST_DIGITS = 8.0  # units in the last place of an observation, within which nothing is known of it
TINY = 1e-300  # and of one that is 0
REAL, POSITIVE, SHARE = Domain(-np.inf, np.inf), Domain(0.0, np.inf), Domain(0.0, 1.0)
FROM_ZERO, PROBABILITY = Domain(0.0, np.inf, is_closed=True), Domain(0.0, 1.0, is_closed=True)


def seen(x: FloatArray) -> BoolArray:
    """Which observations are not missing: numbers, or rows, that are missing as a whole."""
    are_seen: BoolArray = ~np.isnan(x if x.ndim == 1 else x[:, 0])
    return are_seen


class Family(OfNumbers, ABC):
    """An emission of numbers whose density has K sets of parameters, (K,) each."""

    DOMAINS: ClassVar[dict[str, Domain]]
    PRIOR: ClassVar[type | None] = None  # the kind of the conjugate one
    POLES: ClassVar[tuple[float, ...]] = ()  # observations at which a density may be infinite
    POSITIVE: ClassVar[frozenset[str]]
    BOUNDS: ClassVar[dict[str, tuple[float, float]]]
    _quick_row: ClassVar[Callable[[Any, Any], FloatArray | None]]

    def __init_subclass__(cls) -> None:
        domains: dict[str, Domain] = getattr(cls, "DOMAINS", {})
        cls.POSITIVE = frozenset(name for name, domain in domains.items() if domain == POSITIVE)
        cls.BOUNDS = {name: (domain.low, domain.high) for name, domain in domains.items() if domain.is_closed}
        if cls.__module__.startswith(__name__.split(".")[0] + "."):  # another may change what it says
            cls._quick_row = cls._row_of

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

    @abstractmethod
    def _sides(self, x: FloatArray) -> Sides:
        """log P(V < x), log P(V = x) and log P(V > x), (T, K) each, each by itself; x is never missing."""

    @abstractmethod
    def _moments(self) -> tuple[FloatArray, FloatArray]:
        """The means and the variances, (K,) each; infinite or NaN where there is none."""

    def _units(self) -> dict[str, FloatArray]:
        """How far parameters without bounds may move until densities change much, where it is not a deviation."""
        variance = self.moments()[1]
        unit = np.sqrt(np.where(np.isfinite(variance) & (variance > 0), variance, 1.0))
        return {name: unit for name, domain in self.DOMAINS.items() if domain == REAL}

    # What follows.

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self._parameters()[next(iter(self.DOMAINS))])

    @property
    def n_parameters(self) -> int:
        """How many numbers there are, but for those at a bound."""
        values = self._parameters()
        return sum(int((~domain.at_bound(values[name])).sum()) for name, domain in self.DOMAINS.items())

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
        self._refuse_poles(x, table, 0)
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
            The most probable one; a state to which nothing belongs keeps what it has, but for what a prior says.

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
    def _stand_in(cls: type[Self], observations: Any, **options: Any) -> Self:
        """One of a single state, whatever its parameters, that lets such observations in."""
        kind: Any = cls
        made: Self = kind(**{name: domain.of_natural(np.zeros(1)) for name, domain in cls.DOMAINS.items()}, **options)
        return made

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
        degrees, are_seen = _checks.degrees(weights, len(x)).copy(), seen(x)
        degrees[:, degrees[are_seen].sum(axis=0) == 0] = 1.0
        return cls._begun(x[are_seen], degrees[are_seen]).estimated(x, degrees)

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

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.Exponential([1.0]).log_sides([1e-20, 30.0])
        >>> log_below.tolist(), log_above.tolist()
        ([[-46.051701859880914], [-9.357622968840613e-14]], [[-1e-20], [-30.0]])
        """
        x = self._let_in(observations)
        are_seen = seen(x)
        tables = np.full((3, len(x), self.n_states), np.nan)
        tables[:, are_seen] = self._sides(frozen(x[are_seen]))
        log_below, log_at, log_above = tables
        return log_below, log_at, log_above

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,)
            E(v | h = k); infinite or NaN where there is none.
        variance : ndarray, (K,)
            Var(v | h = k); infinite or NaN where there is none.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Exponential([1.0, 10.0]).moments()
        (array([ 1., 10.]), array([  1., 100.]))
        """
        with np.errstate(over="ignore"):
            return self._moments()

    @property
    def _keeps(self) -> bool:
        return True

    def _row_of(self, observation: Any) -> FloatArray | None:
        """The row of one observation, quickly; None where it has to be looked at."""
        x = _checks.plain_vector(observation, self.n_dimensions)
        if x is None:
            return None
        row: FloatArray = self.log_likelihoods(x)[0]
        return row

    def _observed(self, observations: Any) -> Observed:
        return (self._let_in(observations),)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        x = observed[0][begin:end]
        self._fill_densities(x, table)
        self._refuse_poles(x, table, begin)

    def _refuse_poles(self, x: FloatArray, table: FloatArray, first: int) -> None:
        """Insist on densities that are finite, of observations from a first one on."""
        for pole in self.POLES:
            (rows,) = np.nonzero(x == pole)
            _checks.finite_densities(table[rows], rows + first, pole)

    def _maximised(self: Self, shown: Any, prior: Any, groups: Groups) -> Self:
        self._refuse_single_numbers(shown, groups)
        best: Self = climbing.climbed(self, shown, groups)
        best._refuse_collapse(shown)
        return best

    def _refuse_single_numbers(self, shown: Kept, groups: Groups) -> None:
        """Insist that more than one number belongs to states that are free, together with those they are tied to."""
        x, climb = shown.observed[0], climbing.Climb(self, shown, groups)
        is_free = np.all([numbers >= 0 for numbers in climb.numbers.values()], axis=0)
        for first in np.unique(climb.sets_of_states):
            states = climb.sets_of_states == first
            their_own = x[(shown.weights[:, states] > 0).any(axis=1) & ~np.isnan(x)]
            if is_free[states].all() and len(their_own) > 0 and their_own.min() == their_own.max():
                _checks.refuse_collapse(int(first), np.ones(1))

    def _refuse_collapse(self, shown: Kept) -> None:
        """Insist that no observation is more than certain: that its density, over what it is known to, is at most 1."""
        x, weights = shown.observed[0], shown.weights
        table = np.empty(weights.shape)
        self._fill_densities(x, table)
        spans = np.where(x == 0, TINY, LAST_DIGITS * np.spacing(np.abs(x)))
        for k in np.flatnonzero(((table > -np.log(spans)[:, None]) & (weights > 0)).any(axis=0))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))

    def _weight(self, shown: Any) -> FloatArray:
        """How much belongs to each state, (K,)."""
        weight: FloatArray = shown.weights.sum(axis=0)
        return weight

    def _expected(self, shown: Any) -> FloatArray:
        """Σ w log p(v | h) of what is shown, of each state, as far as it depends on the parameters."""
        kept: Kept = shown
        x, weights = kept.observed[0], kept.weights
        table = np.empty(weights.shape)
        self._fill_densities(x, table)
        heights: FloatArray = np.where(weights > 0, weights * table, 0.0).sum(axis=0)
        return heights

    def _rises(self, shown: Any) -> dict[str, FloatArray]:
        """The derivatives of that with respect to each parameter."""
        kept: Kept = shown
        weights = np.where(seen(kept.observed[0])[:, None], kept.weights, 0.0)
        return {
            name: np.where(weights > 0, weights * slope, 0.0).sum(axis=0)
            for name, slope in self._slopes(kept.observed[0]).items()
        }

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        return self._rises(shown)

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
        are_inside = all(domain.holds(values[name]) for name, domain in self.DOMAINS.items())
        return self._with(values) if are_inside else None

    def _admit(self, prior: Any) -> None:
        name = f"the prior of the emission, {type(self).__name__},"
        if self.PRIOR is None:
            _checks.no_prior(name, prior, "it has no conjugate one")
        else:
            _checks.prior_of_kind(name, prior, self.PRIOR)

    def _columns(self) -> list[Column]:
        return [(name, values, ".5g") for name, values in self._parameters().items()]
