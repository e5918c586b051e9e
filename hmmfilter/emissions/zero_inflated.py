"""Emissions with more zeros than they would show by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import guesses
from hmmfilter.emissions.composite import Composite, Values, fill_part, sides_of
from hmmfilter.emissions.learning import Groups, Learner, Observed, Shown
from hmmfilter.emissions.mixing import responsibilities
from hmmfilter.emissions.outcomes import Bernoulli
from hmmfilter.emissions.protocol import Column, Emission, log_of
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.priors import Dirichlet

HALF = -0.5  # a log above which what is lacking of 1 is told


@dataclass(frozen=True, eq=False, init=False)
class ZeroInflated(Composite):
    """An emission with more zeros: 0 with some probability, and else what another emission shows.

    A zero of counts may come from either: p(0) = π + (1 − π) f(0), and learning finds out which, as it does for states.
    Where the other emission is one of numbers that are 0 with probability 0, as lengths of steps are, all zeros are
    excess ones, and the others are left to it: its density at 0 is never asked for. So it is with counts from 1, which
    makes a hurdle.

    Parameters
    ----------
    emission : emission
        What is shown else, any emission of numbers, or of counts with exposures or numbers of trials.
    probability : array_like, (K,)
        π, the probability of an excess zero in each state.

    Raises
    ------
    ValueError, TypeError
        Where an entry is no probability, or `emission` is none.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = hf.emissions.ZeroInflated(hf.emissions.Poisson([1.0, 5.0]), [0.0, 0.5])
    >>> counts.log_likelihoods([0, 7]).round(4)
    array([[-1.    , -0.6864],
           [-9.5252, -2.9522]])
    >>> steps = hf.emissions.ZeroInflated(hf.emissions.Exponential([10.0]), [0.25])
    >>> steps.log_likelihoods([0.0, 20.0]).round(4)
    array([[-1.3863],
           [-4.5903]])
    """

    PART: ClassVar[str] = "part"

    emission: Any
    probability: FloatArray

    def __init__(self, emission: Any, probability: npt.ArrayLike) -> None:
        _checks.one_emission("emission", emission)
        given = _checks.probabilities("probability", probability, (emission.n_states,))
        self._freeze(emission=emission, probability=given)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probability)

    @property
    def n_dimensions(self) -> int | None:
        """D, the number of entries of a row, of which a zero is the first; None where observations are numbers."""
        n: int | None = getattr(self.emission, "n_dimensions", None)
        return n

    @property
    def n_parameters(self) -> int:
        """Those of the other emission, and the probabilities, but for those of 0 and 1."""
        return self._excess.n_parameters + int(self.emission.n_parameters)

    @cached_property
    def _excess(self) -> Bernoulli:
        """Whether a zero is an excess one."""
        return Bernoulli(self.probability)

    @cached_property
    def _parts(self) -> dict[str, Any]:
        return {"emission": self.emission}

    @property
    def _weights(self) -> FloatArray:
        """1 − π and π, (K, 2)."""
        return self._excess._outcomes

    def _made(self, parts: list[Any], weights: FloatArray) -> ZeroInflated:
        return ZeroInflated(parts[0], weights[:, 1])

    def _reordered(self, order: IntArray) -> ZeroInflated:
        _checks.reorderable(self.emission)
        return ZeroInflated(self.emission._reordered(order), self.probability[order])

    def _columns(self) -> list[Column]:
        return [("p(excess)", self.probability, ".4f"), *getattr(self.emission, "_columns", list)()]

    # What the other emission is shown.

    @cached_property
    def _sides_of_zero(self) -> FloatArray:
        """log P(V < 0), log P(V = 0) and log P(V > 0) of the other emission, (3, K), which may let no zeros in."""
        _checks.has_sides(self.emission)
        try:
            sides = self.emission.log_sides(np.zeros(1))
        except ValueError:
            nowhere = np.full(self.n_states, -np.inf)
            return np.array([nowhere, nowhere, np.zeros(self.n_states)])
        return np.array(sides)[:, 0]

    @cached_property
    def _hides_zeros(self) -> bool:
        """Whether no zero can be one of the other emission."""
        if self._needs or self.n_dimensions is not None or not hasattr(self.emission, "log_sides"):
            return False
        return bool((self._sides_of_zero[1] == -np.inf).all())

    def _as_rows(self, observations: Any) -> FloatArray:
        return _checks.observations(observations, self.n_dimensions)

    def _by_part(self, observations: Any) -> list[Any]:
        x = self._as_rows(observations)
        return [frozen(np.where(x == 0, np.nan, x)) if self._hides_zeros else x]

    def _rows(self, of_parts: list[FloatArray]) -> FloatArray:
        return of_parts[0]

    def _observed(self, observations: Any, beside: Beside | None = None) -> Observed:
        return (self._as_rows(observations), *super()._observed(observations, beside)[1:])

    # Both together.

    @cached_property
    def _logs(self) -> tuple[FloatArray, FloatArray]:
        """log (1 − π) and log π."""
        with np.errstate(divide="ignore"):
            return np.log1p(-self.probability), log_of(self.probability)

    def _zeros(self, observed: Observed, begin: int, end: int) -> tuple[BoolArray, BoolArray, FloatArray]:
        """Which rows are zeros, which are missing, and how probable the other emission finds them, (rows, K)."""
        x, own = observed
        first = x[begin:end] if x.ndim == 1 else x[begin:end, 0]
        table = np.empty((end - begin, self.n_states))
        fill_part(self.emission, own, begin, end, table)
        if self._hides_zeros:
            table[first == 0] = -np.inf
        return first == 0, np.isnan(first), table

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        are_zero, are_missing, own = self._zeros(observed, begin, end)
        table[:] = own + self._logs[0]
        table[are_zero] = self._with_excess(own[are_zero])
        table[are_missing] = 0.0

    def _with_excess(self, own: FloatArray) -> FloatArray:
        """log(π + (1 − π) f); where that is nearly certain, by what it lacks: (1 − π) (1 − f)."""
        log_rest, log_excess = self._logs
        with np.errstate(divide="ignore", invalid="ignore"):
            together: FloatArray = np.logaddexp(log_excess, log_rest + own)
            nearly = np.log1p((1 - self.probability) * np.expm1(np.minimum(own, 0.0))) + 0.0
        return np.where((together > HALF) & (self.probability > 0), nearly, together)

    def _degrees(self, observed: Observed, begin: int, end: int, weights: FloatArray) -> tuple[FloatArray, list[Any]]:
        """How often there is no excess, and an excess; of the rows, how much belongs to the other emission."""
        are_zero, are_missing, own = self._zeros(observed, begin, end)
        log_rest, log_excess = self._logs
        joint = np.array(np.broadcast_arrays(log_rest + own[are_zero], log_excess))
        share, excess = responsibilities(joint)
        rest = weights.copy()
        rest[are_zero] *= share
        counts = np.array([rest[~are_missing].sum(axis=0), (weights[are_zero] * excess).sum(axis=0)])
        return counts.T, [rest]

    # The probability in place of weights.

    def _beliefs(self, prior: Any) -> tuple[Any, list[Any]]:
        name = "the prior of a ZeroInflated emission"
        of_probability, of_emission = _checks.priors_by_part(name, prior, ("probability", "emission"))
        return of_probability, [of_emission]

    def _admit(self, prior: Any) -> None:
        of_probability, _ = self._beliefs(prior)
        if of_probability is not None:
            _checks.prior_of_kind("the prior of probability", of_probability, Dirichlet)
        super()._admit(prior)

    def _likely_weights(self, counts: FloatArray, prior: Any, groups: Any) -> FloatArray:
        given = {} if groups is None else {"probability": groups}
        return self._excess._maximised(counts.reshape(-1), prior, given)._outcomes

    def _maximised(self, shown: Shown, prior: Any, groups: Groups) -> ZeroInflated:
        return super()._maximised(shown, prior, _renamed(groups, "probability", "weights"))

    def _are_free(self, groups: Groups) -> Any:
        return self._excess._are_free(groups)

    def _score(self, shown: Shown) -> Values:
        return _as_slopes(super()._score(shown))

    def _prior_score(self, prior: Any, groups: Groups) -> Values:
        return _as_slopes(super()._prior_score(prior, groups))

    def _statistics(self, shown: Shown) -> Values:
        return _renamed(super()._statistics(shown), "weights", "counts")

    def _parameters(self) -> Values:
        return {name: each[:, 1] if name == "probability" else each for name, each in self._renamed_parameters()}

    def _renamed_parameters(self) -> Any:
        return _renamed(super()._parameters(), "weights", "probability").items()

    def _with(self, parameters: Values) -> ZeroInflated:
        made: ZeroInflated = super()._with({name: each for name, each in parameters.items() if name != "probability"})
        return ZeroInflated(made.emission, parameters["probability"])

    @property
    def DISTRIBUTIONS(self) -> frozenset[str]:  # noqa: N802
        """The parameters whose rows sum to 1."""
        return super().DISTRIBUTIONS - {"weights"}

    @property
    def BOUNDS(self) -> dict[str, tuple[float, float]]:  # noqa: N802
        """Of other parameters that may end at one."""
        return {"probability": (0.0, 1.0), **super().BOUNDS}

    def _natural(self) -> FloatArray:
        return np.concatenate([self._excess._natural(), self.emission._natural()])

    def _of_natural(self, vector: FloatArray) -> ZeroInflated | None:
        excess = self._excess._of_natural(vector[: self.n_states])
        emission = self.emission._of_natural(vector[self.n_states :])
        return None if excess is None or emission is None else ZeroInflated(emission, excess.probability)

    def log_likelihoods(
        self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Compute the log-likelihoods of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D)
            What the other emission takes, and zeros; NaN or None where missing.
        covariates : array_like, (T, C), optional
            What the other emission depends on, if it does.
        lengths : array_like of int, (N,), optional
            How long sequences are that come one after the other.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For what the other emission cannot show, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.ZeroInflated(hf.emissions.Poisson([2.0]), [1.0]).log_likelihoods([0, 3, None]).tolist()
        [[0.0], [-inf], [0.0]]
        """
        return self._table(observations, covariates, lengths)

    @as_in(Learner.estimated, log_likelihoods)
    def estimated(
        self,
        observations: Any,
        weights: npt.ArrayLike,
        prior: Any = None,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> ZeroInflated:
        """Estimate the probabilities and the other emission: a step of the EM algorithm, from what these were.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : dict, optional
            What is known beforehand of ``"probability"``, a Dirichlet over no excess and an excess, and of
            ``"emission"``.
        covariates, lengths
            As in `ZeroInflated.log_likelihoods`.

        Returns
        -------
        ZeroInflated
            No less probable than this one.

        Raises
        ------
        DegenerateFitError, ValueError, TypeError
            As the other emission says.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.ZeroInflated(hf.emissions.Exponential([1.0]), [0.5])
        >>> start.estimated([0.0, 3.0, 5.0, 0.0], [[1.0], [1.0], [1.0], [2.0]])
        ZeroInflated(emission=Exponential(mean=array([4.])), probability=array([0.6]))
        """
        return self._estimated(observations, weights, prior, covariates, lengths)

    @classmethod
    def _stand_in(
        cls, observations: Any, *, of: Any = "poisson", covariates: Any = None, **options: Any
    ) -> ZeroInflated:
        """One of a single state that lets such observations in."""
        kind, more = guesses.kind_of("of", of)
        return cls(guesses.stand_in(kind, observations, {**more, **options}, covariates), [0.5])

    @classmethod
    @as_in(Learner.guessed, log_likelihoods)
    def guessed(
        cls,
        observations: Any,
        weights: npt.ArrayLike,
        of: Any = "poisson",
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
        **options: Any,
    ) -> ZeroInflated:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        of : str or type
            What the other emission is like: the name of a kind of emission, in capitals or not, or a class.
        covariates, lengths
            As in `ZeroInflated.log_likelihoods`.
        options : any
            What ``guessed`` of that kind takes.

        Returns
        -------
        ZeroInflated
            Half of all zeros are excess ones, or all, where the other emission has none.

        Raises
        ------
        DegenerateFitError, ValueError, TypeError
            As the other emission says.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> x, weights = [0.0, 3.0, 5.0, 0.0], [[1.0], [1.0], [1.0], [2.0]]
        >>> hf.emissions.ZeroInflated.guessed(x, weights, of="exponential")
        ZeroInflated(emission=Exponential(mean=array([4.])), probability=array([0.6]))
        """
        kind, more = guesses.kind_of("of", of)
        one = cls._stand_in(observations, of=of, covariates=covariates, **options)
        x = one._as_rows(observations)
        degrees = _checks.degrees(weights, len(x))
        first = x if x.ndim == 1 else x[:, 0]
        share = 1.0 if one._hides_zeros else 0.5
        own = np.where((first == 0)[:, np.newaxis], (1 - share) * degrees, degrees)
        taken = guesses.taken_by(kind, covariates=covariates, lengths=lengths)
        shown = kind.guessed(one._by_part(x)[0], own, **taken, **more, **options)
        excess = Bernoulli.guessed(np.where(np.isnan(first), np.nan, first == 0), degrees)
        return cls(shown, share * excess.probability)

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `ZeroInflated.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        TypeError
            Also where the other emission has no ``log_sides``.
        ValueError
            As for `log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> steps = hf.emissions.ZeroInflated(hf.emissions.Exponential([10.0]), [0.25])
        >>> log_below, log_at, log_above = steps.log_sides([0.0, 20.0])
        >>> log_below.round(4).tolist(), log_above.round(4).tolist()
        ([[-inf], [-0.107]], [[-0.2877], [-2.2877]])
        """
        return self._sides_alone(observations)

    def _sides_beside(self, observations: Any, beside: Beside | None) -> Sides:
        """The same of observations beside which there is more."""
        _checks.has_sides(self.emission)
        x = self._as_rows(observations)
        first = (x if x.ndim == 1 else x[:, 0])[:, np.newaxis]
        own = np.array(sides_of(self.emission, self._by_part(x)[0], *self._besides(beside)))
        if self._hides_zeros:
            own = np.where(first == 0, self._sides_of_zero[:, np.newaxis], own)
        log_rest, _ = self._logs
        where_excess = np.array([first > 0, first == 0, first < 0])
        together = [
            np.where(is_there, self._with_excess(side), log_rest + side)
            for is_there, side in zip(where_excess, own, strict=True)
        ]
        below, at, above = together
        return below, at, above

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,) or (K, D)
            E(v | h = k).
        variance : ndarray, (K,) or (K, D, D)
            Var(v | h = k).

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.ZeroInflated(hf.emissions.Poisson([4.0]), [0.5]).moments()
        (array([2.]), array([6.]))
        """
        mean, variance = self.emission.moments()
        if mean.ndim == 1:
            return (1 - self.probability) * mean, (1 - self.probability) * (variance + self.probability * mean**2)
        mean, variance = mean.copy(), variance.copy()
        excess, counted = self.probability, mean[:, 0].copy()
        mean[:, 0] = (1 - excess) * counted
        variance[:, 0, 0] = (1 - excess) * (variance[:, 0, 0] + excess * counted**2)
        return mean, variance

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> npt.NDArray[Any]:
        """Draw one observation for each entry of `states`.

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
        >>> import hmmfilter as hf
        >>> hf.emissions.ZeroInflated(hf.emissions.Poisson([9.0]), [0.5]).sample([0, 0, 0, 0], rng=1)
        array([9, 9, 0, 8])
        """
        known, generator = _checks.states(states, self.n_states), _checks.generator(rng)
        drawn = np.array(self.emission.sample(known, generator))
        is_excess = generator.random(len(known)) < self.probability[known]
        (drawn if drawn.ndim == 1 else drawn[:, 0])[is_excess] = 0
        return drawn


def _renamed(values: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in values.items()}


def _as_slopes(values: Values) -> Values:
    """Slopes along 1 − π and π as those along π."""
    of_rest, of_excess = values["weights"].T
    return {"probability": of_excess - of_rest, **{name: each for name, each in values.items() if name != "weights"}}
