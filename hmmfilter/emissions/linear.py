"""Emissions whose distribution follows linear predictors of what lies beside an observation, or before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._newton import with_ones
from hmmfilter.emissions.gaussian_estimates import EPSILON, LAST_DIGITS, TINY
from hmmfilter.emissions.learning import Groups, Kept, Observed, pooled, shown_by
from hmmfilter.emissions.predictors import Predictors, predictors
from hmmfilter.emissions.protocol import Column, OfNumbers
from hmmfilter.emissions.responses import Response
from hmmfilter.emissions.sides import Sides

Self = TypeVar("Self", bound="Linear")


class Linear(OfNumbers, ABC):
    """What `Regression` and `Autoregressive` have in common: coefficients of a design with a row a step."""

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset()
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}

    coefficients: FloatArray
    variance: FloatArray | None

    # What each says.

    @property
    @abstractmethod
    def _needs(self) -> frozenset[str]:
        """What must lie beside observations."""

    @property
    @abstractmethod
    def _response(self) -> Response:
        """What is observed."""

    @abstractmethod
    def _known(self, y: FloatArray, beside: Beside) -> FloatArray:
        """What each row knows but the column of ones, (T, P − 1); NaN where it is not known."""

    @abstractmethod
    def _sampled(self, states: IntArray, rng: np.random.Generator, beside: Beside) -> npt.NDArray[Any]:
        """Observations of these states."""

    @abstractmethod
    def _with(self: Self, parameters: dict[str, FloatArray]) -> Self:
        """One of the same kind with these parameters."""

    @abstractmethod
    def _terms(self) -> list[str]:
        """What each coefficient is of."""

    # What follows.

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.coefficients)

    @property
    def n_parameters(self) -> int:
        """How many coefficients there are, and variances."""
        return self.coefficients.size + (0 if self.variance is None else self.variance.size)

    @property
    def POSITIVE(self) -> frozenset[str]:  # noqa: N802
        """The parameters that are above 0."""
        return frozenset({"variance"}) if self._response.has_variance else frozenset()

    @property
    def _variances(self) -> FloatArray:
        """Those that there are."""
        return np.zeros(0) if self.variance is None else self.variance

    @property
    def _by_predictor(self) -> FloatArray:
        """The coefficients as (K, J, P)."""
        return self.coefficients.reshape(self.n_states, -1, self.coefficients.shape[-1])

    def _table(self, observations: Any, covariates: Any, lengths: npt.ArrayLike | None) -> FloatArray:
        """Log-likelihoods of observations with what lies beside them, (T, K)."""
        observed = self._let_in_beside(observations, covariates, lengths)
        table = np.empty((len(observed[0]), self.n_states))
        self._fill(observed, 0, len(table), table)
        return table

    def _let_in_beside(self, observations: Any, covariates: Any, lengths: npt.ArrayLike | None) -> Observed:
        """Observations with what lies beside them."""
        y = self._let_in(observations)
        return self._observed(y, self._beside(len(y), covariates, lengths))

    def _beside(self, n_rows: int, covariates: Any, lengths: npt.ArrayLike | None = None) -> Beside:
        """What lies beside observations, where nobody but their emission is asked."""
        starts = _checks.starts(lengths, n_rows)
        return _checks.beside_of(None, self, starts, None, {"covariates": covariates})

    def _let_in(self, observations: Any) -> FloatArray:
        return self._response.let_in(observations, self._by_predictor.shape[1])

    def _observed(self, observations: Any, beside: Beside | None = None) -> Observed:
        """Observations, NaN where they do not count, and the design: zeros there."""
        y = self._let_in(observations)
        known = self._known(y, beside if beside is not None else Beside(_checks.starts(None, len(y))))
        counts = ~(np.isnan(y) | np.isnan(known).any(axis=1))
        design = with_ones(np.where(counts[:, np.newaxis], known, 0.0))
        return np.where(counts, y, np.nan), design

    def _predicted(self, observed: Observed, begin: int, end: int) -> Predictors:
        return predictors(observed[1][begin:end], self._by_predictor)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        y = observed[0][begin:end]
        known = self._predicted(observed, begin, end)
        table[:] = np.where(np.isnan(y)[:, np.newaxis], 0.0, self._response.densities(y, known, self._variances))

    def _sides(self, observed: Observed) -> Sides:
        """What lies on either side of observations as they were let in."""
        return self._response.sides(observed[0], self._predicted(observed, 0, len(observed[0])), self._variances)

    def _moments(self, beside: Beside) -> tuple[FloatArray, FloatArray] | None:
        """The mean and the variance in each state of observations to come, (S, K); None where there are none."""
        known = self._known(np.full(int(beside.starts[-1]), np.nan), beside)
        return self._response.moments(predictors(with_ones(known), self._by_predictor), self._variances)

    @property
    def _keeps(self) -> bool:
        return True

    def _estimated(
        self: Self, observations: Any, weights: npt.ArrayLike, prior: Any, covariates: Any, lengths: Any
    ) -> Self:
        """What `Learner.estimated` promises, with what lies beside observations."""
        observed = self._let_in_beside(observations, covariates, lengths)
        degrees = _checks.degrees(weights, len(observed[0]), self.n_states)
        self._admit(prior)
        return self._maximised(shown_by(self, observed, degrees), None, {})

    def _of_degrees(self: Self, observations: Any, weights: npt.ArrayLike, covariates: Any, lengths: Any) -> Self:
        """What `Learner.guessed` promises, of one of a single state that lets such observations in."""
        observed = self._let_in_beside(observations, covariates, lengths)
        degrees = _checks.degrees(weights, len(observed[0])).copy()
        degrees[:, degrees[~np.isnan(observed[0])].sum(axis=0) == 0] = 1.0
        of_each = {name: np.repeat(values, degrees.shape[1], axis=0) for name, values in self._parameters().items()}
        many = self._with(of_each)
        return many._maximised(shown_by(many, observed, degrees), None, {})

    def _drawn_beside(
        self, states: npt.ArrayLike, rng: Any, covariates: Any, lengths: npt.ArrayLike | None = None
    ) -> npt.NDArray[Any]:
        """What `Emission.sample` promises, with what lies beside observations."""
        numbers = _checks.states(states, self.n_states)
        return self._sampled(numbers, _checks.generator(rng), self._beside(len(numbers), covariates, lengths))

    def _maximised(self: Self, shown: Any, prior: Any, groups: Groups) -> Self:
        y, design, weights = self._counted(shown)
        parameters = self._parameters()
        group = {name: groups.get(name, _alone(values)) for name, values in parameters.items()}
        of_coefficients = group["coefficients"].reshape(self._by_predictor.shape)
        found = self._response.most_likely(y, design, weights, self._by_predictor, of_coefficients, self._variances)
        for k in np.flatnonzero(found.are_endless)[:1]:
            _checks.refuse_endless(int(k))
        parameters["coefficients"] = found.coefficients.reshape(self.coefficients.shape)
        if self.variance is not None:
            known = predictors(design, found.coefficients)
            parameters["variance"] = self._spread(y, design, weights, known, group["variance"])
        return self._with(parameters)

    def _spread(
        self, y: FloatArray, design: FloatArray, weights: FloatArray, known: Predictors, groups: IntArray
    ) -> FloatArray:
        """The variances around predictors; a state collapses where they are nothing but rounding."""
        off = known.off(y[:, np.newaxis, np.newaxis])[:, :, 0]
        weight, squares = pooled(groups, weights.sum(axis=0), (weights * off * off).sum(axis=0))
        is_learnt = (groups >= 0) & (weight > TINY)
        variance: FloatArray = np.where(is_learnt, squares / np.where(is_learnt, weight, 1.0), self._variances)
        reach = np.abs(y) + (np.abs(design) @ np.abs(self.coefficients).T).T
        size = np.where(weights.T > 0, reach, 0.0).max(axis=1, initial=0.0)
        for k in np.flatnonzero(is_learnt & (variance <= (LAST_DIGITS * EPSILON * size) ** 2 + TINY))[:1]:
            _checks.refuse_collapse(int(k), np.ones(1))
        return variance

    def _counted(self, shown: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The rows that count for any state: observations, their design, and weights."""
        kept: Kept = shown
        y, design = kept.observed
        rows: BoolArray = ~np.isnan(y) & (kept.weights > 0).any(axis=1)
        return y[rows], design[rows], kept.weights[rows]

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        y, design, weights = self._counted(shown)
        known = predictors(design, self._by_predictor)
        excess = self._response.excess(y, known, self._variances)
        weighed = np.where(weights[:, :, np.newaxis] > 0, weights[:, :, np.newaxis] * excess, 0.0)
        score = {"coefficients": np.einsum("tkj, tp -> kjp", weighed, design).reshape(self.coefficients.shape)}
        if self.variance is not None:
            off = known.off(y[:, np.newaxis, np.newaxis])[:, :, 0]
            score["variance"] = (weights * (off * off / self.variance - 1)).sum(axis=0) / (2 * self.variance)
        return score

    def _sizes(self, observed: Observed) -> dict[str, FloatArray]:
        """How far a coefficient may move for predictors to move by 1, or by a standard deviation of numbers."""
        y, design = observed
        sizes = np.sqrt(np.square(design[~np.isnan(y)]).mean(axis=0))
        units = np.where(sizes > 0, 1 / np.where(sizes > 0, sizes, 1.0), 1.0)
        if self.variance is None:
            return {"coefficients": np.broadcast_to(units, self.coefficients.shape)}
        return {"coefficients": np.multiply.outer(np.sqrt(self.variance), units)}

    def _statistics(self, shown: Any) -> dict[str, FloatArray]:
        return {"weights": shown.weights}

    def _parameters(self) -> dict[str, FloatArray]:
        known = {"coefficients": self.coefficients}
        return known if self.variance is None else known | {"variance": self.variance}

    def _reordered(self: Self, order: IntArray) -> Self:
        return self._with({name: values[order] for name, values in self._parameters().items()})

    def _natural(self) -> FloatArray:
        logs = [] if self.variance is None else [np.log(self.variance)]
        return np.concatenate([self.coefficients.reshape(-1), *logs])

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        parameters = {"coefficients": vector[: self.coefficients.size].reshape(self.coefficients.shape)}
        if self.variance is not None:
            with np.errstate(over="ignore"):
                parameters["variance"] = np.exp(vector[self.coefficients.size :])
        are_known = all(np.isfinite(values).all() for values in parameters.values())
        return self._with(parameters) if are_known and (self.variance is None or parameters["variance"].all()) else None

    def _admit(self, prior: Any) -> None:
        _checks.no_prior(f"the prior of the emission, {type(self).__name__},", prior, "it has no conjugate one")

    def _columns(self) -> list[Column]:
        """A column of each coefficient, of many outcomes each, and the standard deviation."""
        rows = self._by_predictor
        columns: list[Column] = [
            (term if rows.shape[1] == 1 else f"{j + 1}: {term}", rows[:, j, c], ".5g")
            for j in range(rows.shape[1])
            for c, term in enumerate(self._terms())
        ]
        return columns if self.variance is None else [*columns, ("sd", np.sqrt(self.variance), ".5g")]


def _alone(values: FloatArray) -> IntArray:
    return np.arange(values.size).reshape(values.shape)


def typical_variance(y: FloatArray) -> float:
    """That of all numbers that are there; 1 where they do not vary."""
    seen = y[~np.isnan(y)]
    return float(seen.var()) if len(seen) > 0 and seen.var() > 0 else 1.0


class _Asking:
    """Who asks for covariates of any number of columns."""

    _needs = frozenset({"covariates"})


def columns_given(covariates: Any, n_rows: int) -> tuple[int, tuple[str, ...] | None]:
    """How many columns there are for so many rows, of one sequence or of several, and their names if they have some."""
    if covariates is None:
        return 0, None
    first, n_of_first = covariates, n_rows
    by_keys = _checks.by_key(covariates)
    parts = list(by_keys.values()) if isinstance(by_keys, Mapping) else covariates
    if isinstance(parts, (list, tuple)) and len(parts) != n_rows:  # a table for each sequence
        first = next((part for part in parts if len(part) > 0), parts)
        n_of_first = len(first)
    starts = _checks.starts(None, n_of_first)
    table = _checks.beside_of(None, _Asking(), starts, None, {"covariates": first})
    return 0 if table.covariates is None else table.covariates.shape[1], table.names
