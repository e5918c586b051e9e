"""How an emission learns: what `hmmfilter.fit` asks of one of your own, and what those of this house do besides.

An emission of your own learns by the three of `Learner`. Those of this house do the same in two steps, so that no table
of all degrees is needed: observations are let in once, `_observed`, and what they show is added up, `_add`, block by
block; of the sums comes the emission, `_maximised`.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter.emissions.protocol import Emission

Observed = tuple[Any, ...]  # observations as they are let in: arrays; the first has a row of each, NaN where missing
Groups = dict[str, IntArray]  # by the names of parameters: which of their entries are one number; −1 where one is held
HELD = -1
ROWS = 2**14  # whose sums are plain ones
Self = TypeVar("Self")


class Kept(NamedTuple):
    """What an emission learns from that no short sums are enough for: all observations, and how much each counts."""

    observed: Observed
    weights: FloatArray  # (T, K)


Shown = FloatArray | Kept  # sums, (n,), or where an emission `keeps` all of it


class Learner(Emission, Protocol):
    """What `hmmfilter.fit` asks of an emission, besides what a model does: three things more.

    ``estimated`` makes the emission that is most probable for observations that belong to each state to some degree,
    ``guessed`` makes one of nothing but such degrees, and ``n_parameters`` says how many free numbers it has. A fit
    keeps a table of all degrees for an emission of your own; those of this house do without it.

    Examples
    --------
    Waiting times, exponential in each state:

    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> class Waiting:
    ...     def __init__(self, mean):
    ...         self.mean = np.asarray(mean, dtype=float)
    ...         self.n_states = self.n_parameters = len(self.mean)
    ...
    ...     def log_likelihoods(self, observations):
    ...         return -np.asarray(observations)[:, None] / self.mean - np.log(self.mean)
    ...
    ...     def sample(self, states, rng):
    ...         return rng.exponential(self.mean[states])
    ...
    ...     def estimated(self, observations, weights, prior=None):
    ...         return Waiting(observations @ weights / weights.sum(axis=0))
    ...
    ...     @classmethod
    ...     def guessed(cls, observations, weights):
    ...         return cls(observations @ weights / weights.sum(axis=0))
    >>> start: hf.emissions.Learner = Waiting([1.0, 10.0])
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], start)
    >>> times = np.array([0.3, 1.2, 0.5, 7.0, 19.0, 22.0])
    >>> step = start.estimated(times, model.smooth(times).probabilities)  # one step of Baum and Welch
    >>> step.mean.round(3)
    array([ 0.705, 14.462])
    >>> hf.fit(model, times).model.emission.mean.round(3)  # all steps
    array([ 0.669, 14.997])
    >>> hf.guess(Waiting, 2, times).emission.mean.round(3)  # by `guessed`
    array([ 1.433, 15.233])
    """

    @property
    def n_parameters(self) -> int:
        """How many free numbers it has; zeros of a distribution are none."""
        ...

    def estimated(self: Self, observations: Any, weights: npt.ArrayLike, prior: Any = None) -> Self:
        """Estimate the parameters from observations that belong to each state to some degree.

        Parameters
        ----------
        observations : array_like
            T of them, as for `log_likelihoods`.
        weights : array_like, (T, K)
            How much each belongs to each state, or how often it counts there, from 0.
        prior : prior of `hmmfilter.priors`, optional
            What is known of the parameters beforehand; without it, the likelihood alone decides.

        Returns
        -------
        emission
            The most probable one of its kind, Σ w log p(v_t | h_t = k) and the log-density of the prior at their
            maximum; a state to which nothing belongs keeps its parameters, but for what a prior says.
        """
        ...

    @classmethod
    def guessed(cls: type[Self], observations: Any, weights: npt.ArrayLike, **options: Any) -> Self:
        """Make an emission of observations that belong to each state to some degree, and of nothing else.

        Parameters
        ----------
        observations : array_like
            T of them, as for `log_likelihoods`.
        weights : array_like, (T, K)
            How much each belongs to each state, from 0.
        options : any
            What its kind leaves open.

        Returns
        -------
        emission
            Of this class; a state to which nothing belongs gets the parameters of all observations together.
        """
        ...


class Sums(Learner, Protocol):
    """An emission that learns from sums, as all of this house do."""

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset()  # the parameters whose rows sum to 1
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}  # of other parameters that may end at one
    POSITIVE: ClassVar[frozenset[str]] = frozenset()  # the parameters that are above 0 and end at no bound

    @property
    def _keeps(self) -> bool:
        """Whether no short sums are enough to learn from, and `Kept` comes in their place."""
        ...

    @property
    def _needs(self) -> frozenset[str]:
        """What it must have beside observations: "covariates", "past"; nothing, where there is no such property."""
        ...

    def _observed(self, observations: Any, beside: Beside | None = None) -> Observed:
        """Let observations in: the checks of `log_likelihoods`, once for many steps of learning.

        Each row then stands alone, whatever lies beside it: only an emission that needs something takes `beside`.
        """
        ...

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows."""
        ...

    def _sums(self, observed: Observed) -> FloatArray:
        """Zeros, (2, n): room for sums in two parts."""
        ...

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show, each as often as (rows, K) weights say, compensated, to sums in two parts."""
        ...

    def _admit(self, prior: Any) -> None:
        """Insist on a prior of its kind, of a shape that fits its parameters."""
        ...

    def _log_prior(self, prior: Any, groups: Groups) -> float:
        """The log-density of such a prior at the parameters that are not held, with all constants."""
        ...

    def _prior_score(self, prior: Any, groups: Groups) -> dict[str, FloatArray]:
        """The derivatives of that, as those of `_score`; 0 where held."""
        ...

    def _maximised(self: Self, shown: Shown, prior: Any, groups: Groups) -> Self:
        """The emission that is most probable for what is shown, and a prior, if there is one.

        Entries of one group are one number; groups are those of `_parameters`, and a name that they lack is all free. A
        state of which nothing was seen keeps its parameters.
        """
        ...

    def _score(self, shown: Shown) -> dict[str, FloatArray]:
        """The derivatives of Σ w log p(v | h) with respect to each entry of the parameters, all taken as free."""
        ...

    @property
    def _symmetric(self) -> frozenset[str]:
        """The parameters that are symmetric matrices; their scores count each entry of the lower triangle twice."""
        ...

    @property
    def _of_all(self) -> frozenset[str]:
        """The parameters that all states share; none where there is no such property."""
        ...

    def _statistics(self, shown: Shown) -> dict[str, FloatArray]:
        """The sums by their names, for `hmmfilter.expected_statistics`."""
        ...

    def _parameters(self) -> dict[str, FloatArray]:
        """All numbers that are learnt, by their names."""
        ...

    def _with(self: Self, parameters: dict[str, FloatArray]) -> Self:
        """An emission of the same kind with these parameters."""
        ...

    def _natural(self) -> FloatArray:
        """The parameters as a vector in which steps are extrapolated: natural ones, or logs; infinite where at 0."""
        ...

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        """The emission of such a vector, or None where there is none."""
        ...


def keeps(emission: Any) -> bool:
    """Whether an emission learns from all observations, and not from short sums of them."""
    return bool(getattr(emission, "_keeps", False))


def shown_by(emission: Any, observed: Observed, weights: FloatArray) -> Shown:
    """What an emission learns from rows that count as much as (T, K) weights say."""
    if keeps(emission):
        return Kept(observed, weights)
    sums = emission._sums(observed)
    emission._add(observed, 0, len(weights), weights, sums)
    total: FloatArray = sums.sum(axis=0)
    return total


def estimated_from_sums(emission: Any, observations: Any, weights: npt.ArrayLike, prior: Any) -> Any:
    """What `Learner.estimated` promises, of an emission of this house."""
    observed = emission._observed(observations)
    degrees = _checks.degrees(weights, len(observed[0]), emission.n_states)
    if prior is not None:
        emission._admit(prior)
    return emission._maximised(shown_by(emission, observed, degrees), prior, {})


def add_in_two_parts(terms: FloatArray, sums: FloatArray) -> None:
    """Add terms, (n,), to sums in two parts, (2, n), of which the second takes what rounding loses from the first."""
    before = sums[0].copy()
    sums[0] += terms
    share = sums[0] - before
    sums[1] += (before - (sums[0] - share)) + (terms - share)


def pooled(groups: IntArray, *sums: FloatArray) -> list[FloatArray]:
    """Sums of all entries of a group, at each of its entries."""
    chosen = groups >= 0
    totals = []
    for each in sums:
        total = np.zeros_like(each)
        by_group = np.bincount(groups[chosen], weights=each[chosen])
        total[chosen] = by_group[groups[chosen]]
        totals.append(total)
    return totals


def over(sums: FloatArray, parameters: FloatArray) -> FloatArray:
    """Sums over parameters, 0 where a sum is: what was never seen has no slope, also where it has probability 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums > 0, sums / parameters, 0.0)
