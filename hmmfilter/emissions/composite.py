"""Emissions that are made of others: their parameters by the names of the parts, and learning part by part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, Valued, frozen
from hmmfilter._beside import Beside
from hmmfilter._distributions import most_likely
from hmmfilter.emissions.learning import (
    Groups,
    Kept,
    Observed,
    Shown,
    add_in_two_parts,
    keeps,
    over,
    shown_by,
)
from hmmfilter.emissions.protocol import log_of
from hmmfilter.emissions.sides import Sides

Self = TypeVar("Self", bound="Composite")
Values = dict[str, FloatArray]
WEIGHTS = "weights"


class Composite(Valued, ABC):
    """An emission made of parts, each with parameters of its own, which ``"part.parameter"`` names.

    Besides it may have weights, (K, M), whose rows sum to 1; without them there is a table of no columns.
    """

    PART: ClassVar[str]  # what a message calls a part

    # What each kind says.

    @property
    @abstractmethod
    def n_states(self) -> int:
        """K, the number of states."""

    @property
    @abstractmethod
    def _parts(self) -> dict[str, Any]:
        """The parts by their names."""

    @property
    def _weights(self) -> FloatArray:
        return np.empty((self.n_states, 0))

    @abstractmethod
    def _made(self: Self, parts: list[Any], weights: FloatArray) -> Self:
        """One of the same kind of such parts."""

    @abstractmethod
    def _by_part(self, observations: Any) -> list[Any]:
        """What each part is shown of observations as they came."""

    @abstractmethod
    def _rows(self, of_parts: list[FloatArray]) -> FloatArray:
        """Observations as numbers, (T,) or (T, D), NaN where missing, of those of the parts."""

    @abstractmethod
    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows."""

    @abstractmethod
    def _sides_beside(self, observations: Any, beside: Beside | None) -> Sides:
        """log P(V < v), log P(V = v) and log P(V > v) of observations beside which there may be more."""

    @abstractmethod
    def _degrees(self, observed: Observed, begin: int, end: int, weights: FloatArray) -> tuple[FloatArray, list[Any]]:
        """How often each weight counts in some rows, (K, M), and how much these belong to the states of each part."""

    @abstractmethod
    def _beliefs(self, prior: Any) -> tuple[Any, list[Any]]:
        """What is believed of the weights, and of each part; None for nothing."""

    # What follows.

    @property
    def _learns_from_sums(self) -> bool:
        return all(_learns_from_sums(part) for part in self._parts.values())

    @property
    def _keeps(self) -> bool:
        return any(keeps(part) for part in self._parts.values())

    @property
    def _needs(self) -> frozenset[str]:
        needs: frozenset[str] = frozenset()
        return needs.union(*(_needs(part) for part in self._parts.values()))

    @property
    def _past(self) -> int:
        return max(getattr(part, "_past", 0) for part in self._parts.values())

    @property
    def n_parameters(self) -> int:
        """How many free numbers there are, of all parts; zeros of a distribution are none."""
        own = int(np.count_nonzero(self._weights)) - (self.n_states if self._weights.size else 0)
        return own + sum(int(part.n_parameters) for part in self._parts.values())

    def _beside(self, n_rows: int, covariates: Any, lengths: npt.ArrayLike | None) -> Beside:
        """What lies beside observations, where nobody but their emission is asked."""
        return _checks.beside_of(None, self, _checks.starts(lengths, n_rows), None, {"covariates": covariates})

    def _let_in(self, observations: Any, covariates: Any, lengths: npt.ArrayLike | None) -> Observed:
        """Observations with what lies beside them, if anything does."""
        is_asked = bool(self._needs) or covariates is not None or lengths is not None
        return self._observed(observations, self._beside(len(observations), covariates, lengths) if is_asked else None)

    def _table(self, observations: Any, covariates: Any = None, lengths: npt.ArrayLike | None = None) -> FloatArray:
        observed = self._let_in(observations, covariates, lengths)
        table = np.empty((len(observed[0]), self.n_states))
        self._fill(observed, 0, len(table), table)
        return table

    def _observed(self, observations: Any, beside: Beside | None = None) -> Observed:
        found: list[Observed] = []
        besides = self._besides(beside)
        for (name, part), own, known in zip(self._parts.items(), self._by_part(observations), besides, strict=True):
            with _checks.blaming_part(self.PART, name):
                found.append(let_in(part, own, known))
        return (frozen(self._rows([each[0] for each in found])), *found)

    def _besides(self, beside: Beside | None) -> list[Beside | None]:
        """What lies beside that of each part: of the last observations, those that it is shown."""
        if beside is None or beside.before is None:
            return [beside] * len(self._parts)
        return [beside._replace(before=own) for own in self._by_part(beside.before)]

    def _sides_alone(self, observations: Any) -> Sides:
        """What lies on either side of observations that come alone."""
        return self._sides_beside(observations, self._beside(len(observations), None, None) if self._needs else None)

    def _estimated(
        self: Self,
        observations: Any,
        weights: npt.ArrayLike,
        prior: Any,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> Self:
        """A step of each part by itself, as each part estimates."""
        observed = self._let_in(observations, covariates, lengths)
        degrees = _checks.degrees(weights, len(observed[0]), self.n_states)
        if prior is not None:
            self._admit(prior)
        counts, of_parts = self._degrees(observed, 0, len(degrees), degrees)
        of_weights, beliefs = (None, [None] * len(of_parts)) if prior is None else self._beliefs(prior)
        shown = zip(self._parts.items(), self._by_part(observations), of_parts, beliefs, strict=True)
        estimates = []
        for (name, part), own, share, believed in shown:
            with self._collapsing(name):
                given = (own, share) if believed is None else (own, share, believed)
                estimates.append(part.estimated(*given, **_taken(part, covariates, lengths)))
        return self._made(estimates, self._likely_weights(counts, of_weights, None))

    def _collapsing(self, name: str) -> Any:
        return _checks.collapsing(f"{self.PART} {name}")

    def _likely_weights(self, counts: FloatArray, prior: Any, groups: Any) -> FloatArray:
        if self._weights.size == 0:
            return self._weights
        if prior is not None:
            is_free = self._weights > 0 if groups is None else groups >= 0
            counts = counts + np.where(is_free, prior._added(counts.shape), 0.0)
        return most_likely(counts, self._weights, groups)

    # Sums of all parts in a row, the counts of the weights before them.

    def _spans(self) -> list[slice]:
        sizes = [self._weights.size, *(part._sums(()).shape[1] for part in self._parts.values())]
        ends = np.cumsum(sizes).tolist()
        return [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]

    def _sums(self, observed: Observed) -> FloatArray:
        return np.zeros((2, self._spans()[-1].stop))

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        counts, of_parts = self._degrees(observed, begin, end, weights)
        first, *spans = self._spans()
        add_in_two_parts(counts.reshape(-1), sums[:, first])
        for part, own, share, span in zip(self._parts.values(), observed[1:], of_parts, spans, strict=True):
            mine = sums[:, span].copy()
            part._add(own, begin, end, share, mine)
            sums[:, span] = mine

    def _shown(self, shown: Shown) -> tuple[FloatArray, list[Shown]]:
        """How often each weight counts, (K, M), and what each part is shown."""
        if isinstance(shown, Kept):
            counts, of_parts = self._degrees(shown.observed, 0, len(shown.weights), shown.weights)
            each = zip(self._parts.values(), shown.observed[1:], of_parts, strict=True)
            return counts, [shown_by(part, own, share) for part, own, share in each]
        first, *spans = self._spans()
        return shown[first].reshape(self._weights.shape), [shown[span] for span in spans]

    def _maximised(self: Self, shown: Shown, prior: Any, groups: Groups) -> Self:
        counts, of_parts = self._shown(shown)
        of_weights, beliefs = (None, [None] * len(of_parts)) if prior is None else self._beliefs(prior)
        parts = []
        for (name, part), own, believed in zip(self._parts.items(), of_parts, beliefs, strict=True):
            own_groups = _of_part(name, part, groups)
            with self._collapsing(name):
                parts.append(part if _are_held(part, own_groups) else part._maximised(own, believed, own_groups))
        return self._made(parts, self._likely_weights(counts, of_weights, groups.get(WEIGHTS)))

    def _score(self, shown: Shown) -> Values:
        counts, of_parts = self._shown(shown)
        scores = [part._score(own) for part, own in zip(self._parts.values(), of_parts, strict=True)]
        return self._named(over(counts, self._weights), scores)

    def _statistics(self, shown: Shown) -> Values:
        counts, of_parts = self._shown(shown)
        each = [part._statistics(own) for part, own in zip(self._parts.values(), of_parts, strict=True)]
        return self._named(counts, each)

    # Parameters by the names of the parts.

    def _named(self, weights: FloatArray, of_parts: list[Values]) -> Values:
        named = {WEIGHTS: weights} if self._weights.size else {}
        for name, values in zip(self._parts, of_parts, strict=True):
            named |= {f"{name}.{own}": value for own, value in values.items()}
        return named

    def _names_of(self, names: Callable[[Any], Any]) -> frozenset[str]:
        if not self._learns_from_sums:
            return frozenset()
        return frozenset(f"{name}.{own}" for name, part in self._parts.items() for own in names(part))

    def _owner(self, name: str) -> tuple[str, Any, str]:
        """Where a parameter belongs: the name of its part and a dot, the part, and the name that it has there."""
        for part_name, part in self._parts.items():
            for own in part._parameters():
                if name == f"{part_name}.{own}":
                    return f"{part_name}.", part, own
        return "", None, name

    @property
    def DISTRIBUTIONS(self) -> frozenset[str]:  # noqa: N802
        """The parameters whose rows sum to 1."""
        own = {WEIGHTS} if self._weights.size and self._learns_from_sums else set()
        return self._names_of(lambda part: getattr(part, "DISTRIBUTIONS", ())) | own

    @property
    def POSITIVE(self) -> frozenset[str]:  # noqa: N802
        """The parameters that are above 0 and end at no bound."""
        return self._names_of(lambda part: getattr(part, "POSITIVE", ()))

    @property
    def BOUNDS(self) -> dict[str, tuple[float, float]]:  # noqa: N802
        """Of other parameters that may end at one."""
        each = self._parts.items()
        return {f"{name}.{own}": pair for name, part in each for own, pair in getattr(part, "BOUNDS", {}).items()}

    @property
    def _symmetric(self) -> frozenset[str]:
        return self._names_of(lambda part: getattr(part, "_symmetric", ()))

    @property
    def _of_all(self) -> frozenset[str]:
        return self._names_of(lambda part: getattr(part, "_of_all", ()))

    def _parameters(self) -> Values:
        if not self._learns_from_sums:
            return {}
        return self._named(self._weights, [part._parameters() for part in self._parts.values()])

    def _with(self: Self, parameters: Values) -> Self:
        parts = [part._with(_of_part(name, part, parameters)) for name, part in self._parts.items()]
        return self._made(parts, parameters.get(WEIGHTS, self._weights))

    def _natural(self) -> FloatArray:
        return np.concatenate([log_of(self._weights).reshape(-1), *(part._natural() for part in self._parts.values())])

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        sizes = [self._weights.size, *(part._natural().size for part in self._parts.values())]
        own, *vectors = np.split(vector, np.cumsum(sizes)[:-1])
        parts = [part._of_natural(each) for part, each in zip(self._parts.values(), vectors, strict=True)]
        logs = own.reshape(self._weights.shape)
        highest = logs.max(axis=1, keepdims=True, initial=-np.inf)
        if any(part is None for part in parts) or (own.size and not np.isfinite(highest).all()):
            return None
        weights = most_likely(np.exp(logs - highest), self._weights) if own.size else self._weights
        return self._made(parts, weights)

    # Priors.

    def _admit(self, prior: Any) -> None:
        if not self._learns_from_sums:
            name = f"the prior of a {type(self).__name__} emission"
            _checks.no_prior(name, prior, f"a {self.PART} of it has none")
        of_weights, beliefs = self._beliefs(prior)
        if of_weights is not None:
            of_weights._admitted("the prior of the weights", self._weights.shape)
        for (name, part), believed in zip(self._parts.items(), beliefs, strict=True):
            if believed is not None:
                with _checks.blaming_part(self.PART, name):
                    part._admit(believed)

    def _log_prior(self, prior: Any, groups: Groups) -> float:
        of_weights, beliefs = self._beliefs(prior)
        own = 0.0 if of_weights is None else of_weights.log_density(self._weights, self._are_free(groups))
        each = zip(self._parts.items(), beliefs, strict=True)
        believed = (
            part._log_prior(prior, _of_part(name, part, groups)) for (name, part), prior in each if prior is not None
        )
        return float(own + sum(believed))

    def _prior_score(self, prior: Any, groups: Groups) -> Values:
        of_weights, beliefs = self._beliefs(prior)
        slopes = np.zeros(self._weights.shape)
        if of_weights is not None:
            slopes = of_weights._score(self._weights, self._are_free(groups))
        scores = [
            {own: np.zeros(value.shape) for own, value in part._parameters().items()}
            if believed is None
            else part._prior_score(believed, _of_part(name, part, groups))
            for (name, part), believed in zip(self._parts.items(), beliefs, strict=True)
        ]
        return self._named(slopes, scores)

    def _are_free(self, groups: Groups) -> Any:
        return groups[WEIGHTS] >= 0 if WEIGHTS in groups else self._weights > 0


def _learns_from_sums(part: Any) -> bool:
    return bool(getattr(part, "_learns_from_sums", hasattr(part, "_maximised")))


def _needs(part: Any) -> frozenset[str]:
    needs: frozenset[str] = getattr(part, "_needs", frozenset())
    return needs


def _taken(part: Any, covariates: Any, lengths: Any) -> dict[str, Any]:
    """What a part takes besides, by name."""
    needs = _needs(part)
    taken = {"covariates": covariates} if "covariates" in needs else {}
    return taken | ({"lengths": lengths} if "past" in needs else {})


def draw(part: Any, states: IntArray, rng: np.random.Generator, beside: Beside | None) -> npt.NDArray[Any]:
    """What a part shows of these states."""
    drawn = part._sampled(states, rng, beside) if _needs(part) else part.sample(states, rng)
    return np.asarray(drawn)


def _of_part(name: str, part: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What is known of the parameters of a part, by the names that it has for them."""
    return {own: values[f"{name}.{own}"] for own in part._parameters() if f"{name}.{own}" in values}


def _are_held(part: Any, groups: Groups) -> bool:
    return len(groups) == len(part._parameters()) and all((each < 0).all() for each in groups.values())


def sides_of(part: Any, observations: Any, beside: Beside | None) -> FloatArray:
    """What lies on either side of what a part is shown, (3, T, K) or (3, T, D, K)."""
    if hasattr(part, "_sides_beside"):
        return np.asarray(part._sides_beside(observations, beside))
    if _needs(part):
        return np.asarray(part._sides(part._observed(observations, beside)))
    return np.asarray(part.log_sides(observations))


def let_in(part: Any, observations: Any, beside: Beside | None) -> Observed:
    """What a part lets in; of one without `_observed`, a mark of what is missing, and rows as they came."""
    if hasattr(part, "_observed"):
        observed: Observed = part._observed(observations, beside) if _needs(part) else part._observed(observations)
        return observed
    rows = observations if isinstance(observations, list) else np.asarray(observations)
    table = _checks.log_likelihoods(part, rows, part.n_states)
    return np.where((table != 0).any(axis=1), 0.0, np.nan), rows


def fill_part(part: Any, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
    """Fill (rows, K) with what a part says of some rows."""
    if hasattr(part, "_observed"):
        part._fill(observed, begin, end, table)
    else:
        table[:] = _checks.log_likelihoods(part, observed[1][begin:end], part.n_states)


def moments_of(part: Any) -> tuple[FloatArray, FloatArray]:
    """The means and the variances of a part; NaN of one that has none."""
    if hasattr(part, "moments"):
        mean, variance = part.moments()
        return mean, variance
    width = getattr(part, "n_dimensions", None)
    shape = () if width is None else (width,)
    return np.full((part.n_states, *shape), np.nan), np.full((part.n_states, *shape, *shape), np.nan)
