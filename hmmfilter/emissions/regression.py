"""Regressions: observations whose distribution follows covariates, in each state otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter._newton import with_ones
from hmmfilter.emissions import guesses
from hmmfilter.emissions.learning import Learner
from hmmfilter.emissions.linear import Linear, columns_given, typical_variance
from hmmfilter.emissions.predictors import predictors
from hmmfilter.emissions.protocol import Emission
from hmmfilter.emissions.responses import RESPONSES, Response
from hmmfilter.emissions.sides import Ordered, Sides


@dataclass(frozen=True, eq=False, init=False)
class Regression(Linear):
    """Observations whose distribution follows covariates, by coefficients of each state.

    With covariates x_t, in state k an observation follows the predictor η = β_k0 + Σ_c β_kc x_tc:

    - "gaussian": a number, normally distributed with mean η and the variance of the state;
    - "poisson": a count of mean exp(η);
    - "bernoulli": 0 or 1, with log-odds η of 1;
    - "categorical": one of M outcomes, numbered from 0, with log-odds η_j of outcome j against outcome 0, the base.

    A model takes covariates at each question, ``covariates=``, a row for each observation.

    Parameters
    ----------
    coefficients : array_like, (K, C + 1) or (K, M - 1, C + 1)
        β, the intercept first; of "categorical", those of outcomes 1 to M − 1 in each state.
    variance : array_like, (K,), optional
        How numbers vary around their mean in each state; of "gaussian" alone.
    family : {"gaussian", "poisson", "bernoulli", "categorical"}
        What is observed.
    covariates : list of str or int, optional
        The columns that the coefficients are of, by name or number; without it, all columns in their order.

    Raises
    ------
    ValueError, TypeError
        Where the shapes do not fit, a number is not finite, a variance is not above 0, or there is no such family.

    References
    ----------
    Zucchini, MacDonald, Langrock, "Hidden Markov Models for Time Series", 2nd edition (2016), chapter 10.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> line = hf.emissions.Regression([[0.0, 1.0], [10.0, -1.0]], [1.0, 4.0])
    >>> line.log_likelihoods([2.0, 7.0], covariates=[[2.0], [3.0]]).round(4)
    array([[-0.9189, -6.1121],
           [-8.9189, -1.6121]])
    >>> counts = hf.emissions.Regression([[0.0, 0.5], [2.0, 0.0]], family="poisson", covariates=["heat"])
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], counts)
    """

    coefficients: FloatArray
    variance: FloatArray | None = None
    family: str = "gaussian"
    covariates: tuple[str | int, ...] | None = None

    def __init__(
        self,
        coefficients: npt.ArrayLike,
        variance: npt.ArrayLike | None = None,
        *,
        family: str = "gaussian",
        covariates: Sequence[str | int] | None = None,
    ) -> None:
        word = _checks.family_word(family, RESPONSES)
        shape = ("K", "M - 1", "C + 1") if word == "categorical" else ("K", "C + 1")
        given = _checks.real_parameters("coefficients", coefficients, shape)
        columns = _checks.chosen_covariates(covariates, given.shape[-1] - 1)
        spread = _checks.spread_around(variance, len(given), RESPONSES[word].has_variance, f"family {word!r}")
        self._freeze(coefficients=given, variance=spread, family=word, covariates=columns)

    @property
    def _response(self) -> Response:
        return RESPONSES[self.family]

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset({"covariates"}) if self.coefficients.shape[-1] > 1 else frozenset()

    def _known(self, y: FloatArray, beside: Beside) -> FloatArray:
        if not self._needs:
            return np.zeros((len(y), 0))
        return _checks.columns_of(beside.covariates, beside.names, self.covariates, self.coefficients.shape[-1] - 1)

    def _with(self, parameters: dict[str, FloatArray]) -> Regression:
        return Regression(**parameters, family=self.family, covariates=self.covariates)

    def _terms(self) -> list[str]:
        n_covariates = self.coefficients.shape[-1] - 1
        names = range(n_covariates) if self.covariates is None else self.covariates
        return ["intercept", *(name if isinstance(name, str) else f"x[{name}]" for name in names)]

    def log_likelihoods(
        self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Compute the log-densities of observations in each state, or their log-probabilities.

        Parameters
        ----------
        observations : array_like, (T,)
            What the family shows; NaN or None where missing.
        covariates : array_like, (T, C)
            What is known of each step, finite; a frame has names of columns.
        lengths : array_like of int, (N,), optional
            The lengths of sequences that come one after the other; rows of a regression stand alone, whatever they are.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k, x_t), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For what the family cannot show, with its index, or covariates that are no such table.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> turns = hf.emissions.Regression([[0.0, 1.0], [0.0, -1.0]], family="bernoulli")
        >>> turns.log_likelihoods([1, 0], covariates=[0.0, 800.0]).round(4).tolist()
        [[-0.6931, -0.6931], [-800.0, 0.0]]
        """
        return self._table(observations, covariates, lengths)

    @as_in(Learner.estimated, log_likelihoods)
    def estimated(
        self, observations: Any, weights: npt.ArrayLike, prior: Any = None, *, covariates: Any = None
    ) -> Regression:
        """Estimate the coefficients from observations that belong to each state to some degree.

        Numbers by weighted least squares, all others by Newton's method.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : None
            There is none that is conjugate.
        covariates
            As in `Regression.log_likelihoods`.

        Returns
        -------
        Regression
            The most probable one of its kind; what nothing is known of stays: a state to which nothing belongs, and
            directions among the coefficients in which no covariates lie.

        Raises
        ------
        DegenerateFitError
            Where numbers do not vary around the predictor of a state, or covariates tell outcomes without an error.
        ValueError, TypeError
            For what the family cannot show, or what is no weight, with its index, or a prior.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Regression([[0.0, 0.0]], [1.0])
        >>> start.estimated([1.0, 3.0, 5.0, 9.0], [[1.0]] * 4, covariates=[0.0, 1.0, 2.0, 3.0]).coefficients.round(4)
        array([[0.6, 2.6]])
        """
        return self._estimated(observations, weights, prior, covariates, None)

    @classmethod
    @as_in(Learner.guessed, log_likelihoods)
    def guessed(
        cls, observations: Any, weights: npt.ArrayLike, *, covariates: Any = None, family: str = "gaussian"
    ) -> Regression:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        covariates
            As in `Regression.log_likelihoods`.
        family : {"gaussian", "poisson", "bernoulli", "categorical"}
            What is observed.

        Returns
        -------
        Regression
            The most probable one of its kind; a state to which nothing belongs gets the coefficients of all
            observations.

        Raises
        ------
        DegenerateFitError, ValueError, TypeError
            As for `estimated`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> x, groups = [0.0, 1.0, 2.0, 3.0] * 2, [[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4
        >>> y = [0.1, 0.9, 2.1, 2.9, 5.0, 4.1, 2.9, 2.0]
        >>> hf.emissions.Regression.guessed(y, groups, covariates=x).coefficients.round(2)
        array([[ 0.06,  0.96],
               [ 5.03, -1.02]])
        """
        return cls._stand_in(observations, covariates=covariates, family=family)._of_degrees(
            observations, weights, covariates, None
        )

    @classmethod
    def _stand_in(cls, observations: Any, *, covariates: Any = None, family: str = "gaussian") -> Regression:
        """One of a single state that lets such observations in."""
        response = RESPONSES[_checks.family_word(family, RESPONSES)]
        observations, n_predictors = guesses.joined(observations, None), 1
        if family == "categorical":
            n_predictors = int(np.nanmax(_checks.whole_observations(observations), initial=1.0))
        y = response.let_in(observations, n_predictors)
        n_covariates, names = columns_given(covariates, len(y))
        shape = (1, n_predictors, 1 + n_covariates) if family == "categorical" else (1, 1 + n_covariates)
        variance = [typical_variance(y)] if response.has_variance else None
        return cls(np.zeros(shape), variance, family=family, covariates=names)

    @as_in(Emission.sample, log_likelihoods)
    def sample(
        self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None, *, covariates: Any = None
    ) -> npt.NDArray[Any]:
        """Draw one observation for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.
        covariates
            As in `Regression.log_likelihoods`.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, covariates are no such table, or `rng` is neither a generator
            nor a seed.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> steep = hf.emissions.Regression([[0.0, 1.0], [0.0, 100.0]], [1.0, 1.0])
        >>> steep.sample([0, 1, 1], rng=0, covariates=[1.0, 1.0, 2.0]).round(2)
        array([  1.13,  99.87, 200.64])
        """
        return self._drawn_beside(states, rng, covariates)

    def _sampled(self, states: IntArray, rng: np.random.Generator, beside: Beside) -> npt.NDArray[Any]:
        """Observations of these states."""
        known = predictors(with_ones(self._known(np.full(len(states), np.nan), beside)), self._by_predictor)
        variance = np.zeros(0) if self.variance is None else self.variance[states]
        return self._response.drawn(known.plain()[np.arange(len(states)), states], variance, rng)

    @as_in(log_likelihoods)
    def moments_at(self, covariates: Any) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state, where covariates are known.

        Parameters
        ----------
        covariates
            As in `Regression.log_likelihoods`.

        Returns
        -------
        mean : ndarray, (T, K)
            E(v_t | h_t = k, x_t).
        variance : ndarray, (T, K)
            Var(v_t | h_t = k, x_t).

        Raises
        ------
        ValueError, TypeError
            Where covariates are no such table, or the family has no moments, as outcomes that are names.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> line = hf.emissions.Regression([[0.0, 1.0], [10.0, -1.0]], [1.0, 4.0])
        >>> line.moments_at([2.0, 3.0])
        (array([[2., 8.],
               [3., 7.]]), array([[1., 4.],
               [1., 4.]]))
        """
        return _checks.known_moments(
            self._moments(self._beside(_n_rows(covariates), covariates)), f"family {self.family!r}"
        )

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations, covariates, lengths
            As in `Regression.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Regression.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> line = hf.emissions.Regression([[0.0, 1.0], [10.0, -1.0]], [1.0, 4.0])
        >>> log_below, log_at, log_above = line.log_sides([30.0], covariates=[1.0])
        >>> log_above.round(4)
        array([[-424.7874,  -58.4042]])
        """
        return self._sides(self._let_in_beside(observations, covariates, lengths))


def _n_rows(covariates: Any) -> int:
    return len(covariates) if hasattr(covariates, "__len__") else 0
