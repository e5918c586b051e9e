"""Emissions of trials that succeed or fail: how many succeed, and how many it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.binomials import Trials, room_for_trials
from hmmfilter._tiers import kernels
from hmmfilter.emissions import binomial_sides, tails
from hmmfilter.emissions.counts import logs_in_parts, with_ones
from hmmfilter.emissions.families import PROBABILITY, Domain, seen
from hmmfilter.emissions.learning import Groups, Learner, over
from hmmfilter.emissions.protocol import log_of
from hmmfilter.emissions.sides import Sides
from hmmfilter.emissions.summed import Summed
from hmmfilter.priors import Dirichlet


class OfTrials(Summed):
    """A family that learns a probability from how many trials succeed and how many fail."""

    DOMAINS: ClassVar[dict[str, Domain]] = {"probability": PROBABILITY}
    FEATURES: ClassVar[tuple[str, ...]] = ("successes", "failures")
    PRIOR: ClassVar[type | None] = Dirichlet

    probability: FloatArray

    def _expected(self, sums: FloatArray) -> FloatArray:
        from scipy.special import xlog1py, xlogy

        heights: FloatArray = xlogy(sums[1], self.probability) + xlog1py(sums[2], -self.probability)
        return heights

    def _rises(self, sums: FloatArray) -> dict[str, FloatArray]:
        return {"probability": over(sums[1], self.probability) - over(sums[2], 1 - self.probability)}

    def _most_probable(self, sums: FloatArray) -> dict[str, FloatArray]:
        trials = sums[1] + sums[2]
        return {"probability": np.where(trials > 0, sums[1] / np.where(trials > 0, trials, 1.0), self.probability)}

    @property
    def _outcomes(self) -> FloatArray:
        """p(failure) and p(success) in each state, (K, 2)."""
        return np.column_stack([1 - self.probability, self.probability])

    def _admit(self, prior: Any) -> None:
        super()._admit(prior)
        prior._admitted("the prior of the emission, over failure and success,", (self.n_states, 2))

    def _believed(self, prior: Dirichlet | None) -> FloatArray:
        if prior is None:
            return super()._believed(prior)
        failures, successes = prior._added((self.n_states, 2)).T
        return np.array([failures + successes, successes, failures])

    def _log_prior(self, prior: Dirichlet, groups: Groups) -> float:
        return prior.log_density(self._outcomes, self._are_free(groups))

    def _prior_score(self, prior: Dirichlet, groups: Groups) -> dict[str, FloatArray]:
        failures, successes = prior._score(self._outcomes, self._are_free(groups)).T
        return {"probability": successes - failures}

    def _are_free(self, groups: Groups) -> BoolArray:
        group = groups.get("probability", np.arange(self.n_states))
        return np.repeat(group[:, np.newaxis] >= 0, 2, axis=1)


@dataclass(frozen=True, eq=False, init=False)
class Binomial(OfTrials):
    """How many of n trials succeed.

    With one n for all, observations are numbers of successes. Where trials differ from step to step, n is None, and
    each observation is a row of successes and trials: what is drawn, forecast and told of moments is then of a single
    trial.

    The log-probability is computed in Loader's form, which has all digits at counts of any size.

    Parameters
    ----------
    n : int, optional
        How many trials there are at each step, from 1; None where observations say that.
    probability : array_like, (K,)
        The probability of success in each state.

    Raises
    ------
    ValueError, TypeError
        Where an entry is no probability, or n is no whole number.

    References
    ----------
    Loader, "Fast and accurate computation of binomial probabilities" (2000), section 3.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Binomial(10, [0.5, 0.9]).log_likelihoods([5, 10]).round(4)
    array([[-1.402 , -6.5103],
           [-6.9315, -1.0536]])
    >>> hf.emissions.Binomial(None, [0.5, 0.9]).log_likelihoods([(5, 10), (3, 3)]).round(4)
    array([[-1.402 , -6.5103],
           [-2.0794, -0.3161]])
    """

    probability: FloatArray
    n: int | None = None

    def __init__(self, n: int | None = None, probability: npt.ArrayLike = ()) -> None:
        n_trials = None if n is None else _checks.step_count("n", n)
        self._freeze(n=n_trials, probability=_checks.probabilities("probability", probability, ("K",)))

    @property
    def n_dimensions(self) -> int | None:
        """None: an observation is a number; 2 where it is a row of successes and trials."""
        return 2 if self.n is None else None

    def _let_in(self, observations: Any) -> FloatArray:  # type: ignore[override]  # it depends on n
        if self.n is None:
            return _checks.trials(observations)
        return _checks.whole_observations(observations, at_most=self.n)

    def _both(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Successes and trials."""
        successes, trials = x.T if self.n is None else (x, np.full(len(x), float(self.n)))
        return frozen(np.ascontiguousarray(successes)), frozen(np.ascontiguousarray(trials))

    @cached_property
    def _trials(self) -> Trials:
        p, q = self.probability, 1 - self.probability
        parts_of_q = logs_in_parts(q).copy()
        parts_of_q[1] += over((1 - q) - p, q) - over(p - (1 - q), q)  # what rounding took from q
        with np.errstate(divide="ignore"):
            log_q = np.log1p(-p)
        return Trials(*map(frozen, (p, q, log_of(p), log_q, logs_in_parts(p), parts_of_q)))

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        kernels.fill_trials(*self._both(x), self._trials, room_for_trials(len(x)), table)

    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        successes, trials = self._both(x)
        return successes, trials - successes

    @classmethod
    def _stand_in(cls, observations: Any, **options: Any) -> Binomial:
        return cls(options.get("n"), [0.5])

    @classmethod
    @as_in(Learner.guessed)
    def guessed(cls, observations: Any, weights: npt.ArrayLike, n: int | None = None) -> Binomial:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        n : int, optional
            How many trials there are at each step; without it, observations are rows of successes and trials.

        Returns
        -------
        emission
            The most probable one of its kind; a state to which nothing belongs gets the parameters of all observations.

        Raises
        ------
        ValueError, TypeError
            As for `estimated`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Binomial.guessed([1, 3, 4], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], n=4)
        Binomial(probability=array([0.41666667, 0.91666667]), n=4)
        """
        x = cls(n, [0.5])._let_in(observations)
        degrees = _checks.degrees(weights, len(x)).copy()
        degrees[:, degrees[seen(x)].sum(axis=0) == 0] = 1.0
        return cls(n, cls._begun(x, degrees).probability).estimated(x, degrees)

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Binomial:
        return cls(None, np.full(weights.shape[1], 0.5))  # what follows does not depend on it

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> IntArray:
        successes = rng.binomial(self.n or 1, self.probability[states])
        return np.column_stack([successes, np.ones_like(successes)]) if self.n is None else successes

    def _sides(self, x: FloatArray) -> Sides:
        table = np.empty((len(x), self.n_states))
        self._fill_densities(x, table)
        return binomial_sides.of_trials(*self._both(x), self.probability, table)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        n = self.n or 1
        mean, variance = n * self.probability, n * (self.probability * (1 - self.probability))
        return with_ones(mean, variance) if self.n is None else (mean, variance)


@dataclass(frozen=True, eq=False, init=False)
class Geometric(OfTrials):
    """How many trials it takes until one succeeds: 1, 2, 3, ...

    So are the times that a Markov chain stays in a state, and SciPy's and NumPy's geometric counts. R's are the
    failures before the success, one fewer, from 0: these are ``NegativeBinomial(mean, 1)``.

    Parameters
    ----------
    probability : array_like, (K,)
        The probability of success in each state, above 0; the mean count is 1 / probability.

    Raises
    ------
    ValueError, TypeError
        Where an entry is no probability above 0.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Geometric([0.5, 0.1]).log_likelihoods([1, 4]).round(4)
    array([[-0.6931, -2.3026],
           [-2.7726, -2.6187]])
    """

    probability: FloatArray

    def __init__(self, probability: npt.ArrayLike) -> None:
        given = _checks.probabilities("probability", probability, ("K",))
        self._freeze(probability=_checks.positive("probability", given, ("K",)))

    @staticmethod
    def _let_in(observations: Any) -> FloatArray:
        return _checks.whole_observations(observations, at_least=1)

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        from scipy.special import xlog1py

        failures = np.where(np.isnan(x), 0.0, x - 1)[:, np.newaxis]
        table[:] = np.where(np.isnan(x)[:, np.newaxis], 0.0, xlog1py(failures, -self.probability) + self._log_success)

    @cached_property
    def _log_success(self) -> FloatArray:
        return log_of(self.probability)

    def _features(self, x: FloatArray) -> tuple[FloatArray, ...]:
        return np.ones_like(x), x - 1

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> Geometric:
        return cls(weights.sum(axis=0) / (x @ weights))

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> IntArray:
        return rng.geometric(self.probability[states])

    def _sides(self, x: FloatArray) -> Sides:
        table = np.empty((len(x), self.n_states))
        self._fill_densities(x, table)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = -np.log1p(-self.probability)
            before, up_to = (np.where(n == 0, 0.0, n * each) for n in (x[:, np.newaxis] - 1, x[:, np.newaxis]))
            log_below, _ = tails.of_hazard(np.log(before), before)
        return log_below, table, -up_to

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return 1 / self.probability, (1 - self.probability) / self.probability / self.probability
