"""Mixtures of emissions in each state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import guesses
from hmmfilter.emissions.composite import Composite, draw, fill_part, moments_of, sides_of
from hmmfilter.emissions.learning import ROWS, Learner, Observed
from hmmfilter.emissions.mixing import log_mixed, mixture_moments, responsibilities
from hmmfilter.emissions.protocol import Column, Emission, log_of
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.priors import Dirichlet
from hmmfilter.sampling import draw_categories


class Mixed(Composite):
    """What mixtures have in common: M components, and weights, (K, M)."""

    PART: ClassVar[str] = "component"

    weights: FloatArray

    @property
    @abstractmethod
    def _like(self) -> Any:
        """An emission that takes the same observations."""

    @abstractmethod
    def _by_component(self, tables: list[FloatArray]) -> FloatArray:
        """Tables of all parts, with a column for each of their states, as tables of all components, (M, ..., K)."""

    @abstractmethod
    def _by_parts(self, shares: FloatArray) -> list[FloatArray]:
        """How much rows belong to the states of each part, of how much to each component and state, (M, T, K)."""

    @abstractmethod
    def _moments_by_component(self) -> tuple[FloatArray, FloatArray]:
        """Means, (K, M) or (K, M, D), and variances."""

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.weights)

    @property
    def n_components(self) -> int:
        """M, the number of components."""
        return int(self.weights.shape[1])

    @property
    def n_dimensions(self) -> int | None:
        """D, the number of entries of a vector; None where observations are numbers."""
        n: int | None = getattr(self._like, "n_dimensions", None)
        return n

    @property
    def _weights(self) -> FloatArray:
        return self.weights

    @cached_property
    def _log_weights(self) -> FloatArray:
        """(M, K)."""
        return log_of(self.weights.T)

    def _without_names(self, observations: Any) -> Any:
        by_name = getattr(self._like, "_without_names", None)
        return observations if by_name is None else by_name(observations)

    def _by_part(self, observations: Any) -> list[Any]:
        return [observations] * len(self._parts)

    def _rows(self, of_parts: list[FloatArray]) -> FloatArray:
        return of_parts[0]

    def _joint(self, observed: Observed, begin: int, end: int) -> FloatArray:
        """Log-probabilities of each component together with some rows, (M, rows, K)."""
        tables = []
        for part, own in zip(self._parts.values(), observed[1:], strict=True):
            table = np.empty((end - begin, part.n_states))
            fill_part(part, own, begin, end, table)
            tables.append(table)
        joint: FloatArray = self._by_component(tables) + self._log_weights[:, np.newaxis]
        return joint

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        for first in range(begin, end, ROWS):
            last = min(first + ROWS, end)
            table[first - begin : last - begin] = log_mixed(self._joint(observed, first, last))
        table[_are_missing(observed, begin, end)] = 0.0

    def _degrees(self, observed: Observed, begin: int, end: int, weights: FloatArray) -> tuple[FloatArray, list[Any]]:
        """What is missing is of no component."""
        shares = responsibilities(self._joint(observed, begin, end)) * weights
        shares[:, _are_missing(observed, begin, end)] = 0.0
        return shares.sum(axis=1).T, self._by_parts(shares)

    def _columns(self) -> list[Column]:
        return [(f"weight {m}", column, ".4f") for m, column in enumerate(self.weights.T)]

    def _admit(self, prior: Any) -> None:
        of_weights, _ = self._beliefs(prior)
        if of_weights is not None:
            _checks.prior_of_kind("the prior of the weights", of_weights, Dirichlet)
        super()._admit(prior)

    def _sides_beside(self, observations: Any, beside: Beside | None) -> Sides:
        """What lies on either side of observations beside which there is more."""
        for part in self._parts.values():
            _checks.has_sides(part)
        besides = zip(self._parts.values(), self._besides(beside), strict=True)
        sides = [sides_of(part, observations, known) for part, known in besides]
        mixed = []
        for tables in zip(*sides, strict=True):
            by_component = self._by_component(list(tables))
            log_weights = self._log_weights.reshape(-1, *[1] * (by_component.ndim - 2), self.n_states)
            mixed.append(log_mixed(by_component + log_weights))
        below, at, above = mixed
        return below, at, above

    @property
    def _mixed_moments(self) -> Any:
        """How moments of such observations mix."""
        return getattr(self._like, "_mixed_moments", mixture_moments)

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,) or (K, D)
            E(v | h = k).
        variance : ndarray, (K,) or (K, D, D)
            Var(v | h = k), or the covariance matrices of vectors: what is within the components and between them.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> parts = [hf.emissions.Poisson([1.0]), hf.emissions.Poisson([9.0])]
        >>> hf.emissions.Mixture(parts, [[0.5, 0.5]]).moments()
        (array([5.]), array([21.]))
        """
        each = zip(self._log_weights.T, *self._moments_by_component(), strict=True)
        mixed = [self._mixed_moments(logs[np.newaxis], mean, variance) for logs, mean, variance in each]
        mean, variance = (np.concatenate(each) for each in zip(*mixed, strict=True))
        return mean, variance


def _are_missing(observed: Observed, begin: int, end: int) -> npt.NDArray[np.bool_]:
    rows = observed[0][begin:end].reshape(end - begin, -1)
    missing: npt.NDArray[np.bool_] = np.isnan(rows).all(axis=1)
    return missing


@dataclass(frozen=True, eq=False, init=False)
class Mixture(Mixed):
    """A mixture of distributions in each state, of any of `hmmfilter.emissions` or your own.

    Component m of state k has the weight ``weights[k, m]`` and is what ``components[m]`` says of state k. Learning
    finds out which component each observation may come from, as it does for states. Log-densities are exact far into
    the tails, where the component with the widest one decides, however small its weight is.

    A mixture of ``Gaussian(mean, covariance, kind)`` is hmmlearn's ``GMMHMM``: its ``covariance_type`` "full", "diag"
    and "spherical" are the kinds "full", "variances" and "spherical". Its "tied", one matrix for all components of a
    state, is none of these: the kind "tied" is one matrix for all states, of each component.

    Parameters
    ----------
    components : list of emissions, M
        All of the same states and the same kind of observation.
    weights : array_like, (K, M)
        p(component m | h = k) at [k, m]; rows sum to 1.
    normalize : bool
        Whether to divide each row of weights by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row of weights is no distribution, or components have different states or dimensions.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> calm, wild = hf.emissions.Gaussian([0.0, 5.0], [1.0, 1.0]), hf.emissions.Gaussian([0.0, 5.0], [100.0, 100.0])
    >>> mixture = hf.emissions.Mixture([calm, wild], [[0.9, 0.1], [0.5, 0.5]])
    >>> mixture.log_likelihoods([0.0, 50.0]).round(4)
    array([[ -1.0132,  -4.0396],
           [-18.0241, -14.0397]])
    """

    components: tuple[Any, ...]
    weights: FloatArray

    def __init__(self, components: Sequence[Any], weights: npt.ArrayLike, *, normalize: bool = False) -> None:
        parts, _ = _checks.parts("components", components)
        _checks.same_observations("components", parts)
        shape = (parts[0].n_states, len(parts))
        self._freeze(components=parts, weights=_checks.distributions("weights", weights, shape, normalize))

    @property
    def _like(self) -> Any:
        return self.components[0]

    @cached_property
    def _parts(self) -> dict[str, Any]:
        return {str(m): component for m, component in enumerate(self.components)}

    def _made(self, parts: list[Any], weights: FloatArray) -> Mixture:
        return Mixture(parts, weights)

    def _reordered(self, order: IntArray) -> Mixture:
        for component in self.components:
            _checks.reorderable(component)
        return Mixture([component._reordered(order) for component in self.components], self.weights[order])

    def _by_component(self, tables: list[FloatArray]) -> FloatArray:
        return np.stack(tables)

    def _by_parts(self, shares: FloatArray) -> list[FloatArray]:
        return list(shares)

    def _beliefs(self, prior: Any) -> tuple[Any, list[Any]]:
        name, n = "the prior of a Mixture emission", self.n_components
        of_weights, of_components = _checks.priors_by_part(name, prior, ("weights", "components"))
        if not isinstance(of_components, (list, tuple)):
            return of_weights, [of_components] * n
        return of_weights, _checks.priors_by_part(f"{name}, of components,", of_components, tuple(self._parts))

    def _columns(self) -> list[Column]:
        own = [
            (f"{name} {head}", *rest)
            for name, part in self._parts.items()
            for head, *rest in getattr(part, "_columns", list)()
        ]
        return [*super()._columns(), *own]

    def _moments_by_component(self) -> tuple[FloatArray, FloatArray]:
        each = [moments_of(component) for component in self.components]
        means, variances = (np.stack(which, axis=1) for which in zip(*each, strict=True))
        return means, variances

    def log_likelihoods(
        self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Compute the log-densities of observations in each state: log Σ_m w_km p_m(v | h = k).

        Parameters
        ----------
        observations : array_like, (T,) or (T, D)
            What the components take.
        covariates, lengths : array_like, optional
            What a component takes besides observations, where it does.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For what a component cannot show, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> parts = [hf.emissions.Poisson([1.0]), hf.emissions.Poisson([9.0])]
        >>> hf.emissions.Mixture(parts, [[0.5, 0.5]]).log_likelihoods([0, 9]).round(4)
        array([[-1.6928],
               [-2.7199]])
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
    ) -> Mixture:
        """Estimate weights and components: a step of the EM algorithm, from what these were.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : dict, optional
            What is known beforehand of ``"weights"``, a Dirichlet, and of ``"components"``: one prior for each of them,
            or a list.
        covariates, lengths
            As in `Mixture.log_likelihoods`.

        Returns
        -------
        Mixture
            No less probable than this one.

        Raises
        ------
        DegenerateFitError
            Where a component of a state collapses, as its density grows without bound.
        ValueError, TypeError
            As the components say.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Mixture([hf.emissions.Poisson([1.0]), hf.emissions.Poisson([9.0])], [[0.5, 0.5]])
        >>> learnt = start.estimated([0, 1, 8, 10], [[1.0], [1.0], [1.0], [1.0]])
        >>> learnt.weights.round(4), learnt.components[1].rate.round(4)
        (array([[0.4992, 0.5008]]), array([8.9865]))
        """
        return self._estimated(observations, weights, prior, covariates, lengths)

    @classmethod
    @as_in(Learner.guessed, log_likelihoods)
    def guessed(
        cls,
        observations: Any,
        weights: npt.ArrayLike,
        component: Any = "gaussian",
        n_components: int = 2,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
        **options: Any,
    ) -> Mixture:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        component : str or type
            What components are like: the name of a kind of emission, in capitals or not, or a class.
        n_components : int
            M. The observations of each state are put into as many groups, along their principal direction.
        covariates, lengths
            As in `Mixture.log_likelihoods`.
        options : any
            What ``guessed`` of that kind takes.

        Returns
        -------
        Mixture
            Its components are what their kind guesses of the groups.

        Raises
        ------
        ValueError, TypeError
            Where the kind is not known, or as it says.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> x, all_of_one = [0.0, 1.0, 8.0, 9.0], [[1.0]] * 4
        >>> guess = hf.emissions.Mixture.guessed(x, all_of_one, "gaussian", 2)
        >>> [component.mean.round(2).tolist() for component in guess.components]
        [[0.9], [8.1]]
        """
        kind, more = guesses.kind_of("component", component)
        n = _checks.step_count("n_components", n_components)
        own = {**more, **options}
        like = guesses.stand_in(kind, observations, own, covariates)
        x = guesses.numbers_of(like, observations, covariates, lengths)
        own |= guesses.taken_by(kind, covariates=covariates, lengths=lengths)
        shares = guesses.grouped(x, _checks.degrees(weights, len(x)), n)
        return cls([kind.guessed(observations, each, **own) for each in shares], guesses.weights_of(shares, x))

    @classmethod
    def _stand_in(
        cls,
        observations: Any,
        *,
        component: Any = "gaussian",
        n_components: int = 2,
        covariates: Any = None,
        **options: Any,
    ) -> Mixture:
        """One of a single state that lets such observations in."""
        kind, more = guesses.kind_of("component", component)
        return cls([guesses.stand_in(kind, observations, {**more, **options}, covariates)], [[1.0]])

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `Mixture.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        TypeError
            Also where a component has no ``log_sides``.
        ValueError
            As for `log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> parts = [hf.emissions.Poisson([1.0]), hf.emissions.Poisson([9.0])]
        >>> log_below, log_at, log_above = hf.emissions.Mixture(parts, [[0.5, 0.5]]).log_sides([40])
        >>> log_above.round(4)
        array([[-33.4017]])
        """
        return self._sides_alone(observations)

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> npt.NDArray[Any]:
        """Draw one observation for each entry of `states`: a component first, and then what it shows.

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
        >>> parts = [hf.emissions.Gaussian([0.0], [1.0]), hf.emissions.Gaussian([100.0], [1.0])]
        >>> hf.emissions.Mixture(parts, [[0.5, 0.5]]).sample([0, 0, 0], rng=1).round(2)
        array([ 99.46, 100.58,   0.45])
        """
        return self._sampled(_checks.states(states, self.n_states), _checks.generator(rng), None)

    def _sampled(self, known: IntArray, rng: np.random.Generator, beside: Beside | None) -> npt.NDArray[Any]:
        """Observations of these states."""
        _checks.drawable_mixture(self._needs)
        drawn = draw_categories(self.weights, known, rng)
        each = [draw(part, known, rng, beside) for part in self.components]
        rows = np.empty((len(known), *each[0].shape[1:]), dtype=np.result_type(*each))
        for m, own in enumerate(each):
            rows[drawn == m] = own[drawn == m]
        return rows
