"""Emissions of counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.columns import log_parts
from hmmfilter._kernels.densities import room_for_counts
from hmmfilter._tiers import kernels
from hmmfilter.emissions import sides
from hmmfilter.emissions.learning import (
    ROWS,
    Groups,
    Learner,
    Observed,
    add_in_two_parts,
    estimated_from_sums,
    over,
    pooled,
)
from hmmfilter.emissions.product import guessed_columns, of_columns
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers, log_of
from hmmfilter.emissions.rows import fill_rows, numbered
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.priors import Gamma

TINY, HUGE = 2.0**-1000, 2.0**60  # numbers below the first are multiplied by the second, as they may lack digits
MOST_COUNTS = 2**16  # for which rows of log-probabilities may be made beforehand
SHARE = 4  # so many rows, at least, for each of them


def logs_in_parts(numbers: FloatArray) -> FloatArray:
    """The logs of numbers from 0, each in two parts, (2, K)."""
    scale = np.where(numbers < TINY, HUGE, 1.0)
    with np.errstate(all="ignore"):
        parts = np.subtract(log_parts(numbers * scale), log_parts(scale))
    parts[:, numbers == 0] = [[-np.inf], [0.0]]
    logs: FloatArray = frozen(parts)
    return logs


def with_ones(mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The moments, (K,), of rows of what has them and of a 1, (K, 2) and (K, 2, 2)."""
    return np.column_stack([mean, np.ones_like(mean)]), variance[:, np.newaxis, np.newaxis] * np.diag([1.0, 0.0])


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Poisson(OfNumbers):
    """Counts: 0, 1, 2, ...

    Where counts come out of unequal times, areas or populations, each observation is a row of a count and its exposure,
    by which the rate is multiplied. What is drawn, forecast and told of moments is per unit of exposure.

    The log-probability is computed in Loader's form, which keeps its digits where the textbook's
    ``k log λ − λ − log k!`` cancels (at counts of a million that form is off by 1e-9).

    Parameters
    ----------
    rate : array_like, (K,)
        The mean count λ in each state, from 0, or per unit of exposure. Rates (K, D), of vectors of D counts, are short
        for a `Product` of D channels, which is what they make.
    exposure : bool
        Whether each observation comes with an exposure, from 0, in a second column.

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
    >>> hf.emissions.Poisson([1.0, 5.0], exposure=True).log_likelihoods([(0, 0.5), (7, 2.0)]).round(4)
    array([[-0.5   , -2.5   ],
           [-5.6731, -2.4071]])
    >>> hf.emissions.Poisson([[1.0, 5.0]])
    Product([Poisson(rate=array([1.])), Poisson(rate=array([5.]))])
    """

    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {"rate": (0.0, np.inf)}

    rate: FloatArray
    exposure: bool = False

    def __new__(cls, rate: npt.ArrayLike = (), *, exposure: bool = False) -> Any:
        """One of counts, or a product of several."""
        if not _checks.has_columns(rate):
            return super().__new__(cls)
        return of_columns(cls, _checks.non_negative("rate", rate, ("K", "D")), exposure=exposure)

    def __init__(self, rate: npt.ArrayLike, *, exposure: bool = False) -> None:
        has_exposure = _checks.flag("exposure", exposure)
        self._freeze(rate=_checks.non_negative("rate", rate, ("K",)), exposure=has_exposure)

    def __repr__(self) -> str:
        return f"Poisson(rate={self.rate!r}{', exposure=True' if self.exposure else ''})"

    @property
    def n_dimensions(self) -> int | None:
        """None: an observation is a number; 2 where it is a row of a count and an exposure."""
        return 2 if self.exposure else None

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.rate)

    def _reordered(self, order: IntArray) -> Poisson:
        return self._with({"rate": self.rate[order]})

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            Whole numbers from 0, or rows of one and an exposure, (T, 2); NaN or None where missing.

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
        return self._table(self._let_in(observations))

    def _let_in(self, observations: Any) -> FloatArray:
        return (_checks.exposed_counts if self.exposure else _checks.whole_observations)(observations)

    def _table(self, counts: FloatArray) -> FloatArray:
        table = np.empty((len(counts), self.n_states))
        self._fill_table(counts, table)
        return table

    def _fill_table(self, counts: FloatArray, table: FloatArray) -> None:
        room = room_for_counts(len(counts))
        if self.exposure:
            alone, exposure = np.ascontiguousarray(counts.T)
            logs = logs_in_parts(exposure)
            kernels.fill_exposed(frozen(alone), frozen(exposure), logs, self.rate, self._log_rate, room, table)
        else:
            kernels.fill_poisson(counts, self.rate, self._log_rate, room, table)

    def _observed(self, observations: Any) -> Observed:
        counts = self._let_in(observations)
        if self.exposure:
            return counts, np.empty(0), np.empty(0)
        most = int(counts.max(initial=0.0, where=~np.isnan(counts)))
        if most >= MOST_COUNTS:
            return counts, np.empty(0), np.empty(0)
        return *numbered(counts, most + 1), np.append(np.arange(most + 1.0), np.nan)

    @property
    def n_parameters(self) -> int:
        """K, but for rates of 0."""
        return int(np.count_nonzero(self.rate))

    @as_in(Learner.estimated)
    def estimated(self, observations: Any, weights: npt.ArrayLike, prior: Gamma | None = None) -> Poisson:
        """Estimate the rates from counts that belong to each state to some degree: their weighted means.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : Gamma, optional
            What is known of the rates beforehand.

        Returns
        -------
        Poisson
            The most probable one; a state to which nothing belongs keeps its rate, but for what a prior says.

        Raises
        ------
        ValueError, TypeError
            For what is no count or no weight, with its index, or a prior of another kind.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Poisson([1.0, 5.0])
        >>> start.estimated([0, 3, 9], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        Poisson(rate=array([1., 7.]))
        >>> start.estimated([0, 3, 9], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], hf.priors.Gamma(3.0, 0.5))
        Poisson(rate=array([1.75, 6.25]))
        """
        estimate: Poisson = estimated_from_sums(self, observations, weights, prior)
        return estimate

    @classmethod
    def _stand_in(cls, observations: Any, *, exposure: bool = False, **_: Any) -> Poisson:
        """One of a single state that lets observations in."""
        width = None if exposure else _checks.vector_width(observations, None, lists_are_vectors=False)
        return cls([1.0] if width is None else [[1.0] * width], exposure=exposure)

    @classmethod
    @as_in(Learner.guessed)
    def guessed(cls, observations: Any, weights: npt.ArrayLike, *, exposure: bool = False) -> Poisson:
        """Make one of counts that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        exposure : bool
            Whether each observation comes with an exposure.

        Returns
        -------
        Poisson
            Its rates are the weighted means; a state to which nothing belongs gets the mean of all counts. Vectors of
            counts make a `Product`.

        Raises
        ------
        ValueError, TypeError
            For what is no count or no weight, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Poisson.guessed([0, 3, 9], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        Poisson(rate=array([1., 7.]))
        """
        width = None if exposure else _checks.vector_width(observations, True)
        if width is not None:
            several: Poisson = guessed_columns(cls, observations, weights, width)
            return several
        one = cls([1.0], exposure=exposure)
        counts = one._let_in(observations)
        degrees = _checks.degrees(weights, len(counts))
        of_all = one.estimated(counts, np.ones((len(counts), 1))).rate
        return cls(np.repeat(of_all, degrees.shape[1]), exposure=exposure).estimated(counts, degrees)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        counts, numbers, possible = observed
        if 0 < SHARE * len(possible) < end - begin:
            fill_rows(self._table(possible), (counts, numbers), begin, end, table)
        else:
            self._fill_table(counts[begin:end], table)

    def _sums(self, observed: Observed) -> FloatArray:
        return np.zeros((2, 2 * self.n_states))

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        for first in range(begin, end, ROWS):
            counts = observed[0][first : min(first + ROWS, end)]
            shown, own = np.zeros((2, self.n_states)), frozen(weights[first - begin : first - begin + len(counts)])
            if self.exposure:
                shown = np.where(np.isnan(counts), 0.0, counts).T[::-1] @ own
            else:
                kernels.add_counts(counts, own, shown)
            add_in_two_parts(shown.reshape(-1), sums)

    def _admit(self, prior: Any) -> None:
        _checks.prior_of_kind("the prior of a Poisson emission", prior, Gamma)
        prior._admitted("the prior of the emission", self.rate.shape)

    def _log_prior(self, prior: Gamma, groups: Groups) -> float:
        return prior.log_density(self.rate, self._groups(groups) >= 0)

    def _prior_score(self, prior: Gamma, groups: Groups) -> dict[str, FloatArray]:
        return {"rate": prior._score(self.rate, self._groups(groups) >= 0)}

    def _groups(self, groups: Groups) -> IntArray:
        return groups.get("rate", np.arange(self.n_states))

    def _maximised(self, sums: FloatArray, prior: Gamma | None, groups: Groups) -> Poisson:
        seen, total = sums.reshape(2, -1)
        if prior is not None:
            more_seen, more = prior._added(self.rate.shape)
            seen, total = seen + more_seen, total + more
        group = self._groups(groups)
        seen, total = pooled(group, seen, total)
        is_learnt = (group >= 0) & (seen > 0)
        return self._with({"rate": np.where(is_learnt, total / np.where(is_learnt, seen, 1.0), self.rate)})

    def _score(self, sums: FloatArray) -> dict[str, FloatArray]:
        seen, total = sums.reshape(2, -1)
        return {"rate": over(total, self.rate) - seen}

    def _statistics(self, sums: FloatArray) -> dict[str, FloatArray]:
        seen, total = sums.reshape(2, -1)
        return {"weight": seen, "sum": total}

    def _parameters(self) -> dict[str, FloatArray]:
        return {"rate": self.rate}

    def _with(self, parameters: dict[str, FloatArray]) -> Poisson:
        return Poisson(parameters["rate"], exposure=self.exposure)

    def _natural(self) -> FloatArray:
        return log_of(self.rate)

    def _of_natural(self, vector: FloatArray) -> Poisson | None:
        with np.errstate(over="ignore"):
            rate = np.exp(vector)
        return self._with({"rate": rate}) if np.isfinite(rate).all() else None

    def _quick_row(self, observation: Any) -> FloatArray | None:
        count = None if self.exposure else _checks.plain_vector(observation, None)
        return None if count is None or count[0] < 0 or count[0] % 1 != 0 else self._table(count)[0]

    @cached_property
    def _log_rate(self) -> FloatArray:
        return logs_in_parts(self.rate)

    def _columns(self) -> list[Column]:
        return [("rate", self.rate, ".5g")]

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `Poisson.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Poisson.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.Poisson([1.0, 5.0]).log_sides([0, 7])
        >>> log_above.round(4).tolist()
        [[-0.4587, -0.0068], [-11.4883, -2.0146]]
        """
        rows = self._let_in(observations)
        counts, exposure = rows.T if self.exposure else (rows, np.ones(len(rows)))
        with np.errstate(over="ignore"):
            rates = exposure[:, np.newaxis] * self.rate
        return sides.of_counts(counts, rates, self._table(rows))

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,)
            E(v | h = k); (K, 2), of rows with an exposure of 1, where there are exposures.
        variance : ndarray, (K,)
            Var(v | h = k), or their covariance matrices, (K, 2, 2).

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Poisson([0.0, 9.0]).moments()
        (array([0., 9.]), array([0., 9.]))
        """
        return with_ones(self.rate, self.rate) if self.exposure else (self.rate, self.rate)

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> IntArray:
        """Draw one count for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T,)
            The observations; rows with an exposure of 1, (T, 2), where there are exposures.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, the rate is above 9e18, or `rng` is neither a generator nor a
            seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Poisson([0.0, 9.0]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 3, 9])
        """
        generator = _checks.generator(rng)
        rates = self.rate[_checks.states(states, self.n_states)]
        _checks.drawable_rates(rates)
        counts = generator.poisson(rates)
        return np.column_stack([counts, np.ones_like(counts)]) if self.exposure else counts
