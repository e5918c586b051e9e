"""Any univariate distribution of SciPy as an emission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import scipy_distributions, scipy_learning
from hmmfilter.emissions.learning import Learner
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers
from hmmfilter.emissions.sides import Ordered, Sides


@dataclass(frozen=True, eq=False, init=False, repr=False)
class FromScipy(OfNumbers):
    """One univariate distribution of `scipy.stats` for each state.

    The densities are SciPy's, and some of them are weaker than those of this house. Those of ``laplace`` and
    ``hypsecant`` underflow some 745 scales away from the centre, that of ``rice(1)`` at 40; ``nbinom`` at a count of
    1e8 is off by some 3e-7. A density that underflows to 0 inside the support, or is NaN or infinite, as at the pole of
    a ``gamma(0.5)``, is an error at its observation, whatever ``impossible`` says: the evidence is not impossible, its
    probability is not known. Where a distribution has probability on both sides of an observation, or only one value,
    a density of 0 is believed.

    Two of these are equal where the names and parameters of their distributions are; distributions that SciPy has no
    name for, such as your own, equal themselves only, and cannot be written as JSON.

    Parameters
    ----------
    distributions : sequence of distributions, K
        Frozen, such as ``scipy.stats.gamma(a=2.0)``, or of the kind that SciPy has from 1.15 on, such as
        ``scipy.stats.Normal(mu=1.0, sigma=2.0)``, mixtures of them, and what ``scipy.stats.make_distribution`` makes:
        all continuous, or all discrete.

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
        known = _checks.univariate_distributions(distributions)
        _checks.all_of_one_kind([scipy_distributions.is_discrete(distribution) for distribution in known])
        self._freeze(distributions=known)

    def __repr__(self) -> str:
        return f"FromScipy([{', '.join(scipy_distributions.words(each, '') for each in self.distributions)}])"

    def _value(self) -> tuple[Any, ...]:
        return (type(self), *map(scipy_distributions.value_of, self.distributions))

    def _columns(self) -> list[Column]:
        return [("distribution", [scipy_distributions.words(each) for each in self.distributions], "")]

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.distributions)

    def _reordered(self, order: IntArray) -> FromScipy:
        return FromScipy([self.distributions[k] for k in order])

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
        x = self._let_in(observations)
        table = self._log_densities(x)
        for k in np.flatnonzero(~np.isfinite(table).all(axis=0)):
            self._require_densities(int(k), x, table[:, k])
        return table

    def _let_in(self, observations: Any) -> FloatArray:
        if scipy_distributions.is_discrete(self.distributions[0]):  # and so are all the others
            return _checks.whole_observations(observations, at_least=-np.inf)
        return _checks.observations(observations)

    def _require_densities(self, k: int, x: FloatArray, log_density: FloatArray) -> None:
        """Insist that SciPy got the densities in a state right, as far as it can be told."""
        zeros = np.flatnonzero(log_density == -np.inf)
        are_lost = np.zeros(len(x), dtype=np.bool_)
        are_lost[zeros] = scipy_distributions.lost(self.distributions[k], x[zeros])
        whose = f"{scipy_distributions.words(self.distributions[k])} in state {k}"
        _checks.log_densities(log_density, are_lost, x, whose)

    def _log_densities(self, x: FloatArray) -> FloatArray:
        """What SciPy makes of numbers, be it right or wrong; 0 where they are missing."""
        table = np.zeros((len(x), self.n_states))
        seen = ~np.isnan(x)
        for k, distribution in enumerate(self.distributions):
            table[seen, k] = scipy_distributions.log_density(distribution, x[seen])
        return table

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        The distribution functions are SciPy's: many of them underflow some 37 standard deviations out.

        Parameters
        ----------
        observations
            As in `FromScipy.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `FromScipy.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> log_below, log_at, log_above = hf.emissions.FromScipy([stats.expon()]).log_sides([700.0])
        >>> log_above
        array([[-700.]])
        """
        x = self._let_in(observations)
        tables = np.full((3, len(x), self.n_states), np.nan)
        seen = ~np.isnan(x)
        for k, distribution in enumerate(self.distributions):
            tables[:, seen, k] = scipy_distributions.log_sides(distribution, x[seen])
        below, at, above = tables
        return below, at, above

    @property
    def n_parameters(self) -> int:
        """How many numbers of the distributions are learnt: those that they were given, but for whole ones."""
        return sum(len(scipy_learning.learnt(distribution)) for distribution in self.distributions)

    @as_in(Learner.estimated)
    def estimated(self, observations: Any, weights: npt.ArrayLike, prior: None = None) -> FromScipy:
        """Estimate the parameters that the distributions were given, from observations that belong to each to a degree.

        What was given by name or by position is learnt, nothing else: of ``gamma(2.0, scale=3.0)`` the shape and the
        scale, while the location stays at 0. Numbers that have to be whole stay, such as the ``n`` of ``binom``, and so
        does what is at one of its bounds. The maximum is searched for from the old parameters, and where nothing better
        is found, they stay.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : None
            There is none for these.

        Returns
        -------
        FromScipy
            Its distributions are of the same kinds.

        Raises
        ------
        ValueError, TypeError
            For what is no observation or no weight, with its index, for a prior, and for mixtures and distributions
            made of others, whose parameters are not their own.
        DegenerateFitError
            Where a density grows without bound, as that of a normal distribution does for observations that are equal.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> start = hf.emissions.FromScipy([stats.expon(scale=1.0), stats.norm(0.0, 1.0)])
        >>> found = start.estimated([1.0, 3.0, 8.0], [[1.0, 0.0], [1.0, 0.5], [0.0, 0.5]])
        >>> print(*(distribution.std().round(4) for distribution in found.distributions))
        2.0 2.5
        """
        self._admit(prior)
        for k, distribution in enumerate(self.distributions):
            _checks.learning_distribution(k, distribution, scipy_learning.has_parameters(distribution))
        x = self._let_in(observations)
        degrees = _checks.degrees(weights, len(x), self.n_states)
        found = []
        for k, (distribution, column) in enumerate(zip(self.distributions, degrees.T, strict=True)):
            counts = ~np.isnan(x) & (column > 0)
            found.append(scipy_learning.estimated(distribution, x[counts], column[counts]))
            if scipy_learning.has_collapsed(found[k], x[counts]):
                _checks.refuse_collapse(k, np.ones(1))
        return FromScipy(found)

    def _admit(self, prior: Any) -> None:
        _checks.no_prior("the prior of the emission", prior, "there is none for distributions of SciPy")

    @classmethod
    @as_in(estimated, Learner.guessed)
    def guessed(cls, observations: Any, weights: npt.ArrayLike, distribution: Any) -> FromScipy:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        distribution : distribution
            What each state has, with parameters from which those of the states are searched for.

        Returns
        -------
        FromScipy
            Distributions of this kind; a state to which nothing belongs gets that of all observations.

        Raises
        ------
        ValueError, TypeError, DegenerateFitError
            As in `FromScipy.estimated`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> waiting = stats.expon(scale=1.0)
        >>> guess = hf.emissions.FromScipy.guessed([1.0, 3.0, 8.0], [[1, 0], [1, 0], [0, 1]], waiting)
        >>> guess.moments()[0].round(4)
        array([2., 8.])
        """
        start = cls([distribution])
        degrees = _checks.degrees(weights, len(start._let_in(observations)))
        of_all = start.estimated(observations, np.ones((len(degrees), 1)))
        return cls(of_all.distributions * degrees.shape[1]).estimated(observations, degrees)

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        A continuous distribution whose class does not state them, as most of your own, is integrated: to some 8 digits,
        by a few thousand densities at most.

        Returns
        -------
        mean : ndarray, (K,)
            E(v | h = k); infinite or NaN where the distribution has none, NaN also where none was found.
        variance : ndarray, (K,)
            Var(v | h = k); infinite or NaN where the distribution has none, NaN also where none was found.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> from scipy import stats
        >>> hf.emissions.FromScipy([stats.norm(1.0, 2.0), stats.t(df=2)]).moments()
        (array([1., 0.]), array([ 4., inf]))
        """
        mean, variance = np.array([scipy_distributions.moments(distribution) for distribution in self.distributions]).T
        return mean, variance

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw one number for each entry of `states`.

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
        >>> from scipy import stats
        >>> hf.emissions.FromScipy([stats.norm(), stats.norm(100)]).sample([0, 1], np.random.default_rng(0)).round(2)
        array([ 0.13, 99.87])
        """
        states = _checks.states(states, self.n_states)
        generator = _checks.generator(rng)
        drawn = np.empty(len(states))
        for k, distribution in enumerate(self.distributions):
            chosen = states == k
            drawn[chosen] = scipy_distributions.draw(distribution, int(chosen.sum()), generator)
        return drawn
