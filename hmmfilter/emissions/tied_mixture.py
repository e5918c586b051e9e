"""Mixtures of one pool of components, which all states share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import guesses
from hmmfilter.emissions.composite import draw, moments_of
from hmmfilter.emissions.learning import Learner
from hmmfilter.emissions.mixture import Mixed
from hmmfilter.emissions.protocol import Emission
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.sampling import draw_categories


@dataclass(frozen=True, eq=False, init=False)
class TiedMixture(Mixed):
    """One pool of components that all states share, and weights of each state: a semi-continuous model.

    States differ in how often they show what there is in the pool. The parameters of the pool learn from all states
    together; the K M weights alone tell states apart. PMTK calls it ``mixGaussTied``.

    Parameters
    ----------
    pool : emission
        One whose M states are the components.
    weights : array_like, (K, M)
        p(component m | h = k) at [k, m]; rows sum to 1.
    normalize : bool
        Whether to divide each row of weights by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row of weights is no distribution, or the pool no emission of as many states.

    References
    ----------
    Huang, Jack, "Semi-continuous hidden Markov models for speech signals", Computer Speech and Language 3 (1989).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> pool = hf.emissions.Poisson([1.0, 5.0, 20.0])
    >>> hf.emissions.TiedMixture(pool, [[0.5, 0.5, 0.0], [0.1, 0.3, 0.6]]).log_likelihoods([0, 30]).round(4)
    array([[ -1.675 ,  -3.2491],
           [-32.0682,  -5.2971]])
    """

    pool: Any
    weights: FloatArray

    def __init__(self, pool: Any, weights: npt.ArrayLike, *, normalize: bool = False) -> None:
        _checks.one_emission("pool", pool)
        self._freeze(pool=pool, weights=_checks.distributions("weights", weights, ("K", pool.n_states), normalize))

    @property
    def _like(self) -> Any:
        return self.pool

    @cached_property
    def _parts(self) -> dict[str, Any]:
        return {"pool": self.pool}

    @property
    def _of_all(self) -> frozenset[str]:
        return self._names_of(lambda part: part._parameters())

    def _made(self, parts: list[Any], weights: FloatArray) -> TiedMixture:
        return TiedMixture(parts[0], weights)

    def _reordered(self, order: IntArray) -> TiedMixture:
        return TiedMixture(self.pool, self.weights[order])

    def _by_component(self, tables: list[FloatArray]) -> FloatArray:
        return np.moveaxis(tables[0], -1, 0)[..., np.newaxis]

    def _by_parts(self, shares: FloatArray) -> list[FloatArray]:
        return [np.ascontiguousarray(shares.sum(axis=2).T)]

    def _beliefs(self, prior: Any) -> tuple[Any, list[Any]]:
        of_weights, of_pool = _checks.priors_by_part("the prior of a TiedMixture emission", prior, ("weights", "pool"))
        return of_weights, [of_pool]

    def _collapsing(self, name: str) -> Any:
        return _checks.collapsing_component(self.weights.argmax(axis=0))

    def _moments_by_component(self) -> tuple[FloatArray, FloatArray]:
        means, variances = (np.broadcast_to(each, (self.n_states, *each.shape)) for each in moments_of(self.pool))
        return means, variances

    def log_likelihoods(
        self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Compute the log-densities of observations in each state: log Σ_m w_km p_m(v).

        Parameters
        ----------
        observations : array_like, (T,) or (T, D)
            What the pool takes.
        covariates, lengths : array_like, optional
            What the pool takes besides observations, where it does.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For what the pool cannot show, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> pool = hf.emissions.Gaussian([0.0, 5.0], [1.0, 1.0])
        >>> hf.emissions.TiedMixture(pool, [[1.0, 0.0], [0.5, 0.5]]).log_likelihoods([0.0, None]).round(4)
        array([[-0.9189, -1.6121],
               [ 0.    ,  0.    ]])
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
    ) -> TiedMixture:
        """Estimate weights and the pool: a step of the EM algorithm, from what these were.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : dict, optional
            What is known beforehand of ``"weights"``, a Dirichlet, and of ``"pool"``.
        covariates, lengths
            As in `TiedMixture.log_likelihoods`.

        Returns
        -------
        TiedMixture
            No less probable than this one.

        Raises
        ------
        DegenerateFitError
            Where a component collapses, as its density grows without bound.
        ValueError, TypeError
            As the pool says.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.TiedMixture(hf.emissions.Poisson([1.0, 9.0]), [[0.9, 0.1], [0.1, 0.9]])
        >>> start.estimated([0, 9], [[1.0, 0.0], [0.0, 1.0]]).weights.round(4)
        array([[1., 0.],
               [0., 1.]])
        """
        return self._estimated(observations, weights, prior, covariates, lengths)

    @classmethod
    @as_in(Learner.guessed, log_likelihoods)
    def guessed(
        cls,
        observations: Any,
        weights: npt.ArrayLike,
        pool: Any = "gaussian",
        n_components: int = 4,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
        **options: Any,
    ) -> TiedMixture:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        pool : str or type
            What components are like: the name of a kind of emission, in capitals or not, or a class.
        n_components : int
            M. All observations are put into as many groups, along their principal direction.
        covariates, lengths
            As in `TiedMixture.log_likelihoods`.
        options : any
            What ``guessed`` of that kind takes.

        Returns
        -------
        TiedMixture
            Its pool is what that kind guesses of the groups.

        Raises
        ------
        ValueError, TypeError
            Where the kind is not known, or as it says.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> x, groups = [0.0, 1.0, 8.0, 9.0], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> hf.emissions.TiedMixture.guessed(x, groups, "gaussian", 2).weights.round(2)
        array([[0.65, 0.35],
               [0.05, 0.95]])
        """
        kind, more = guesses.kind_of("pool", pool)
        n = _checks.step_count("n_components", n_components)
        own = {**more, **options}
        like = guesses.stand_in(kind, observations, own, covariates)
        x = guesses.numbers_of(like, observations, covariates, lengths)
        own |= guesses.taken_by(kind, covariates=covariates, lengths=lengths)
        groups = guesses.grouped(x, np.ones((len(x), 1)), n)[:, :, 0]
        degrees = _checks.degrees(weights, len(x))
        shares = groups[:, :, np.newaxis] * degrees
        return cls(kind.guessed(observations, groups.T, **own), guesses.weights_of(shares, x))

    @classmethod
    def _stand_in(
        cls,
        observations: Any,
        *,
        pool: Any = "gaussian",
        n_components: int = 4,
        covariates: Any = None,
        **options: Any,
    ) -> TiedMixture:
        """One of a single state that lets such observations in."""
        kind, more = guesses.kind_of("pool", pool)
        return cls(guesses.stand_in(kind, observations, {**more, **options}, covariates), [[1.0]])

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `TiedMixture.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        TypeError, ValueError
            As the pool says.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> pool = hf.emissions.Gaussian([0.0, 5.0], [1.0, 1.0])
        >>> log_below, log_at, log_above = hf.emissions.TiedMixture(pool, [[1.0, 0.0]]).log_sides([30.0])
        >>> log_above.round(4)
        array([[-454.3212]])
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
        >>> pool = hf.emissions.Gaussian([0.0, 100.0], [1.0, 1.0])
        >>> hf.emissions.TiedMixture(pool, [[1.0, 0.0], [0.5, 0.5]]).sample([0, 1, 1], rng=1).round(2)
        array([ -1.3 , 100.91,   0.45])
        """
        return self._sampled(_checks.states(states, self.n_states), _checks.generator(rng), None)

    def _sampled(self, known: IntArray, rng: np.random.Generator, beside: Beside | None) -> npt.NDArray[Any]:
        """Observations of these states: what looks back, looks back at these."""
        return draw(self.pool, draw_categories(self.weights, known, rng), rng, beside)
