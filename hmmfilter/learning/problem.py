"""What is climbed: the log-probability of the evidence, and of the parameters where there is a prior; its slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._distributions import most_likely
from hmmfilter._drivers.expectations import Expectations, expect
from hmmfilter.emissions.learning import Kept, keeps, shown_by
from hmmfilter.learning import settling
from hmmfilter.learning.evidence import Evidence, KeptSource, Model, SumSource, TableSource, learns_from_sums
from hmmfilter.learning.parameters import EMISSION, Block, Part, Values, values_of
from hmmfilter.learning.uncertainty import Uncertainty, uncertainty_of

if TYPE_CHECKING:
    from hmmfilter.learning.climbing import Point

TRACE, TRACE_OF_MOVES = 1e-60, 1e-100  # a share of what is expected that is nothing, and would take exact recursions

Name = tuple[str, tuple[int, ...]]  # of a parameter, and the index of an entry


@dataclass(frozen=True, eq=False)
class Coordinates:
    """How a model can move, to first order: steps along orthonormal directions of its parameters.

    Entries are those of all parameters, in a row; of symmetric matrices, those of the lower triangle. A direction
    leaves the sums of rows as they are, moves tied entries together, and none that is held or at a bound. Where the
    initial distribution is the stationary one, it follows the transition.
    """

    model: Model
    parts: tuple[Part, ...]
    is_stationary: bool

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """What each entry is."""
        return tuple(
            (part.name, tuple(map(int, index))) for part in self.parts for index in zip(*part.entries, strict=True)
        )

    @cached_property
    def blocks(self) -> tuple[tuple[Block, ...], ...]:
        """Of each parameter, directions by blocks."""
        values = values_of(self.model)
        return tuple(tuple(part.directions(values[part.name])) for part in self.parts)

    @property
    def n_parameters(self) -> int:
        """p, the number of directions."""
        return sum(directions.shape[1] for blocks in self.blocks for _, directions in blocks)

    @cached_property
    def basis(self) -> FloatArray:
        """How all entries change along each direction, (entries, p)."""
        matrix = np.zeros((len(self.names), self.n_parameters))
        first_entry = first = 0
        spans = {}
        for part, blocks in zip(self.parts, self.blocks, strict=True):
            n_entries = len(part.entries[0])
            spans[part.name] = slice(first_entry, first_entry + n_entries)
            for entries, directions in blocks:
                matrix[first_entry + entries, first : (first := first + directions.shape[1])] = directions
            first_entry += n_entries
        if self.is_stationary:
            moves = matrix[spans["transition"]].reshape(*self.model.transition.shape, -1)
            matrix[spans["initial"]] = settling.moved(self.model.initial, self.model.transition, moves)
        return matrix

    def shaped(self, row: FloatArray) -> Values:
        """Numbers of all entries, each in the array of its parameter."""
        stops = np.cumsum([len(part.entries[0]) for part in self.parts])[:-1]
        return {part.name: part.whole(share) for part, share in zip(self.parts, np.split(row, stops), strict=True)}

    def along(self, slopes: Values) -> FloatArray:
        """The derivatives along each direction, of those with respect to all entries."""
        rows = (part.lower(slopes[part.name]) for part in self.parts)
        shares = [
            row[entries] @ directions
            for row, blocks in zip(rows, self.blocks, strict=True)
            for entries, directions in blocks
        ]
        return np.concatenate([np.zeros(0), *shares])

    def moved(self, steps: FloatArray) -> Model:
        """The model that so many steps along each direction lead to."""
        changes = self.shaped(self.basis @ steps)
        values = {name: value + changes[name] for name, value in values_of(self.model).items()}
        return model_of(self.model, values, self.is_stationary)


def model_of(before: Model, values: Values, is_stationary: bool) -> Model:
    """A model of such parameters, otherwise as before."""
    emission = before.emission
    if learns_from_sums(emission):
        own = {name.removeprefix(EMISSION): value for name, value in values.items() if name.startswith(EMISSION)}
        emission = emission._with(own)
    initial = settling.stationary(values["transition"]) if is_stationary else values["initial"]
    return before._with(initial, values["transition"], emission)


@dataclass(frozen=True, eq=False)
class Problem:
    """Evidence, what is free to explain it, and what was believed before."""

    evidence: Evidence
    parts: tuple[Part, ...]
    is_stationary: bool
    prior: Any = None
    workers: int = 1

    @cached_property
    def by_name(self) -> dict[str, Part]:
        """The parameters by their names."""
        return {part.name: part for part in self.parts}

    @property
    def are_scored(self) -> bool:
        """Whether derivatives are known with respect to all that is learnt."""
        return self.evidence.observed is not None or not self.learns_emission

    def n_parameters(self, model: Model) -> int:
        """How many free numbers there are: given zeros are none, zeros reached are."""
        known = sum(part.n_free() for part in self.parts if part.name != "emission")
        whole = self.by_name.get("emission")
        return known + (model.emission.n_parameters if whole is not None and self.learns_emission else 0)

    def expect(self, model: Model) -> Expectations:
        """The expectation step; of an emission that learns as a whole, it keeps a table of posteriors."""
        evidence, emission = self.evidence, model.emission
        of_this_house = KeptSource if keeps(emission) else SumSource
        source: Any = (TableSource if evidence.observed is None else of_this_house)(emission, evidence)
        expectations = expect(
            model.log_initial,
            model.log_transition,
            evidence.starts,
            evidence.weights,
            source,
            self.workers,
            False,
        )
        if evidence.observed is None:
            return expectations._replace(emission=source.posteriors)
        if keeps(emission):
            return expectations._replace(emission=Kept(evidence.observed, source.posteriors))
        return expectations

    def log_likelihood(self, expectations: Expectations) -> float:
        """Of all sequences, each as often as it counts."""
        return math.fsum(self._of_sequences(expectations))

    def _of_sequences(self, expectations: Expectations) -> FloatArray:
        """The log-likelihoods of those that count, as often as they do."""
        counts = self.evidence.weights
        return counts[counts > 0] * expectations.log_likelihood[counts > 0]

    def log_prior(self, model: Model) -> float:
        """The log-density of all that is free, with its constants; 0 where there is no prior."""
        values = {"initial": model.initial, "transition": model.transition}
        believed = [(self.chain_prior(name), name) for name in values]
        terms = [
            prior.log_density(values[name], self.by_name[name].groups >= 0)
            for prior, name in believed
            if prior is not None
        ]
        if self.emission_prior is not None:
            of_sums = self.evidence.observed is not None
            terms.append(
                model.emission._log_prior(self.emission_prior, self.emission_groups)
                if of_sums
                else self.emission_prior.log_density(model.emission)
            )
        return math.fsum(terms)

    def chain_prior(self, name: str) -> Any:
        """What is believed of the initial distribution or the transition, as far as they are free; None for nothing."""
        is_free = bool((self.by_name[name].groups >= 0).any())
        return getattr(self.prior, name) if self.prior is not None and is_free else None

    @property
    def emission_prior(self) -> Any:
        """What is believed of the emission, as far as it is free; None where nothing is."""
        return self.prior.emission if self.prior is not None and self.learns_emission else None

    @cached_property
    def emission_groups(self) -> dict[str, IntArray]:
        """Which entries of the emission's parameters are one number, by the names that it has for them."""
        return {part.of_emission: part.groups for part in self.parts if part.name.startswith(EMISSION)}

    def objective(self, model: Model, expectations: Expectations) -> float:
        """What is climbed."""
        return math.fsum([self.log_likelihood(expectations), self.log_prior(model)])

    def resolution(self, model: Model, expectations: Expectations) -> float:
        """Four units in the last place of the sum that the objective is, a term of each step at least 1."""
        terms = np.abs(self._of_sequences(expectations)).sum() + self.evidence.n_observations
        terms += abs(self.log_prior(model))
        return 4.0 * float(np.spacing(terms)) if np.isfinite(terms) else 0.0

    def maximised(self, model: Model, expectations: Expectations) -> Model:
        """The maximisation step: the most probable model for what is expected."""
        transition = self._counts("transition", expectations.transition)
        initial = self._counts("initial", expectations.initial)
        moves, first = self.by_name["transition"].groups, self.by_name["initial"].groups
        if self.is_stationary:
            matrix = settling.most_likely(transition, initial, model.transition, moves)
            distribution = settling.stationary(matrix)
        else:
            matrix = _without_traces(most_likely(transition, model.transition, moves), moves, TRACE_OF_MOVES)
            distribution = _without_traces(most_likely(initial, model.initial, first), first, TRACE)
        return model._with(distribution, matrix, self._emission(model.emission, expectations.emission))

    def emission_by(self, emission: Any, degrees: FloatArray) -> Any:
        """The emission that is most probable for rows that belong to states to such degrees, (T, K)."""
        observed = self.evidence.observed
        if observed is None:
            return self._emission(emission, degrees)
        return self._emission(emission, shown_by(emission, observed, degrees))

    def _counts(self, name: str, counts: FloatArray) -> FloatArray:
        """What is expected, and what a prior adds."""
        prior = self.chain_prior(name)
        return counts if prior is None else counts + prior._added(counts.shape)

    def _emission(self, emission: Any, expected: Any) -> Any:
        if not self.learns_emission:
            return emission
        if self.evidence.observed is not None:
            return emission._maximised(expected, self.emission_prior, self.emission_groups)
        prior = self.emission_prior
        given = (self.evidence.observations, expected)
        return emission.estimated(*given) if prior is None else emission.estimated(*given, prior)

    @cached_property
    def learns_emission(self) -> bool:
        """Whether anything of the emission is free."""
        return any((part.groups >= 0).any() for part in self.parts if part.name.startswith("emission"))

    def slopes(self, model: Model, expectations: Expectations) -> Values:
        """The derivatives of the objective with respect to each entry of the parameters, all taken as free."""
        initial = self._scored("initial", model.initial, _over(expectations.initial, model.initial))
        transition = self._scored("transition", model.transition, expectations.slopes)
        if self.is_stationary:
            transition = transition + settling.slopes(model.initial, model.transition, initial)
        slopes = {"initial": initial, "transition": transition}
        if self.evidence.observed is not None:
            emission = model.emission
            score = emission._score(expectations.emission)
            if self.emission_prior is not None:
                beliefs = emission._prior_score(self.emission_prior, self.emission_groups)
                score = {name: slope + beliefs[name] for name, slope in score.items()}
            slopes |= {EMISSION + name: slope for name, slope in score.items()}
        return slopes

    def _scored(self, name: str, values: FloatArray, slopes: FloatArray) -> FloatArray:
        """Slopes, and those of a prior."""
        prior = self.chain_prior(name)
        return slopes if prior is None else slopes + prior._score(values, self.by_name[name].groups >= 0)

    def rise(self, point: Point, before: Model, after: Model) -> float:
        """By how much the objective rises from one model to another, as the slopes at a point have it.

        What slopes along a row of probabilities have in common cancels, and is left out, or its rounding would stay.
        """
        slopes, values = self.slopes(point.model, point.expectations), values_of(point.model)
        old, new = values_of(before), values_of(after)
        terms: list[float] = []
        for part in self.parts:
            if part.name in slopes and (part.groups >= 0).any():
                slope = part.uncommon(slopes[part.name], values[part.name])
                change = part.lower(new[part.name] - old[part.name])
                moved = change != 0
                terms += (part.lower(slope)[moved] * change[moved]).tolist()
        return math.fsum(terms)

    def gradient(self, model: Model, expectations: Expectations) -> FloatArray:
        """The derivatives of the objective in local coordinates."""
        return self.coordinates(model).along(self.slopes(model, expectations))

    def coordinates(self, model: Model) -> Coordinates:
        """The directions in which a model can move."""
        parts = tuple(part for part in self.parts if part.name != "emission")
        return Coordinates(model, parts, self.is_stationary)

    def visits(self, model: Model) -> FloatArray:
        """How often each state is expected to be entered, (K,), by each sequence as often as it counts."""
        expectations = self.expect(model)
        entered: FloatArray = expectations.initial + expectations.transition.sum(axis=0)
        return entered

    def uncertainty(self, model: Model, has_converged: bool) -> Uncertainty:
        """How far off the parameters of the most probable model may be."""
        return uncertainty_of(self, model, has_converged)


def _over(counts: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Counts over probabilities; 0 over 0 is 0."""
    return np.divide(counts, probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)


def _without_traces(probabilities: FloatArray, groups: IntArray, trace: float) -> FloatArray:
    """Probabilities of which those that are learnt to be next to nothing are 0, which the objective does not notice."""
    kept: FloatArray = np.where((groups >= 0) & (probabilities < trace), 0.0, probabilities)
    return kept
