"""What is climbed: the log-probability of the evidence, and of the parameters where there is a prior; its slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._distributions import most_likely, without_traces
from hmmfilter._drivers.expectations import Expectations, expect
from hmmfilter.emissions.learning import Kept, keeps, shown_by
from hmmfilter.learning import moving, settling
from hmmfilter.learning.evidence import (
    Ending,
    Evidence,
    KeptSource,
    Model,
    SumSource,
    TableSource,
    learns_from_sums,
    split,
)
from hmmfilter.learning.parameters import EMISSION, FINAL, TRANSITION, Block, Part, Values, of_chain, values_of
from hmmfilter.learning.uncertainty import Uncertainty, uncertainty_of

if TYPE_CHECKING:
    from hmmfilter.learning.climbing import Point

TRACE = 1e-60  # a share of what is expected that is nothing, and would take exact recursions

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
    sizes: Values = field(default_factory=dict)  # of the changes that count, of parameters of which they are known

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
        for part in self.parts:
            if part.are_rates:
                moves = matrix[spans[part.name]].reshape(*part.groups.shape, -1)
                k = np.arange(len(moves))
                moves[k, k] = -moves.sum(axis=1)
        if self.is_stationary:
            (moves,) = (matrix[spans[part.name]] for part in self.parts if part.is_of_chain)
            of_chain = settling.Settled(self.model.initial, self.model.chain)
            matrix[spans["initial"]] = of_chain.moved(moves)
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
    emission, chain = before.emission, before.chain
    if learns_from_sums(emission):
        own = {name.removeprefix(EMISSION): value for name, value in values.items() if name.startswith(EMISSION)}
        emission = emission._with(own)
    names = of_chain({name: name for name in chain._parameters()})
    chain = moving.chain_of(chain, {own: values[name] for name, own in names.items()})
    initial = settling.stationary(chain) if is_stationary else values["initial"]
    return before._with(initial, chain, emission, final=values.get(FINAL))


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
        final = model.final
        expectations = expect(
            model.log_initial,
            moving.log_moves(model, evidence.told),
            evidence.starts,
            evidence.weights,
            source if final is None else Ending(source, evidence, final),
            self.workers,
            False,
            evidence.told.which,
        )
        if final is not None:
            shown, ends = split(expectations.emission, len(final))
            expectations = expectations._replace(emission=shown, ends=ends)
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
        values = values_of(model)
        believed = [(self.chain_prior(part.name), part.name) for part in self.parts if part.name in values]
        terms = [
            prior.log_density(table, is_free)
            for prior, name in believed
            if prior is not None
            for table, is_free in _tables(values[name], self.by_name[name].groups >= 0)
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
        """What is believed of the initial distribution or the transition, as far as they are free; None for nothing.

        Of a transition of several parts, all are believed to be alike.
        """
        field = name.split(".", maxsplit=1)[0]
        if self.prior is None or field not in ("initial", TRANSITION):
            return None
        named = [part for part in self.parts if part.name == name or part.name.startswith(f"{name}.")]
        rows = [part for part in named if part.are_rows]
        return getattr(self.prior, field) if any((part.groups >= 0).any() for part in rows) else None

    @property
    def emission_prior(self) -> Any:
        """What is believed of the emission, as far as it is free; None where nothing is."""
        return self.prior.emission if self.prior is not None and self.learns_emission else None

    @cached_property
    def emission_groups(self) -> dict[str, IntArray]:
        """Which entries of the emission's parameters are one number, by the names that it has for them."""
        return {part.own_name: part.groups for part in self.parts if part.name.startswith(EMISSION)}

    @cached_property
    def chain_groups(self) -> dict[str, IntArray]:
        """The same of the chain's."""
        return {part.own_name: part.groups for part in self.parts if part.is_of_chain}

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
        firsts, first = self._counts("initial", expectations.initial), self.by_name["initial"].groups
        moved = moving.moved(model, self.evidence.told, expectations)
        chain: Any = model.chain
        if moving.is_one_matrix(chain):
            moves, counts = self.by_name[TRANSITION].groups, self._counts(TRANSITION, moved.counts)
            if self.is_stationary:
                chain = settling.most_likely(counts, firsts, model.transition, moves)
            else:
                chain = without_traces(most_likely(counts, model.transition, moves), moves)
        elif self.learns_chain:
            firsts_too = (settling.of_firsts(firsts, chain),) if self.is_stationary else ()
            chain = chain._maximised(moved, self.chain_prior(TRANSITION), self.chain_groups, *firsts_too)
        if self.is_stationary:
            initial = settling.stationary(chain)
        else:
            initial = without_traces(most_likely(firsts, model.initial, first), first, TRACE)
        final = model.final
        if final is not None:
            final = moving.most_likely_ends(model, expectations, self.by_name[FINAL].groups)
        return model._with(initial, chain, self._emission(model.emission, expectations.emission), final=final)

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
    def learns_chain(self) -> bool:
        """Whether anything of how the chain moves is free."""
        return any((part.groups >= 0).any() for part in self.parts if part.is_of_chain)

    @cached_property
    def learns_emission(self) -> bool:
        """Whether anything of the emission is free."""
        return any((part.groups >= 0).any() for part in self.parts if part.name.startswith("emission"))

    def slopes(self, model: Model, expectations: Expectations) -> Values:
        """The derivatives of the objective with respect to each entry of the parameters, all taken as free."""
        values, told = values_of(model), self.evidence.told
        initial = self._scored("initial", model.initial, _over(expectations.initial, model.initial))
        moved = moving.moved(model, told, expectations)
        own = {"": moved.slopes} if moving.is_one_matrix(model.chain) else model.chain._score(moved)
        of_moves = {name: self._scored(name, values[name], score) for name, score in of_chain(own).items()}
        if self.is_stationary:
            settled = settling.Settled(model.initial, model.chain)
            of_moves = {name: score + settled.slopes(initial) for name, score in of_moves.items()}
        slopes = {"initial": initial, **of_moves}
        if model.final is not None:
            slopes[FINAL] = moving.slopes_of_ends(model, expectations)
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
        return Coordinates(model, parts, self.is_stationary, self._sizes(model))

    def _sizes(self, model: Model) -> Values:
        """How far coefficients of covariates may move, for what they say of the data to move by about 1."""
        sizes: Values = of_chain(moving.sizes(model.chain, self.evidence.told))
        if self.evidence.observed is not None and hasattr(model.emission, "_sizes"):
            own = model.emission._sizes(self.evidence.observed)
            sizes |= {EMISSION + name: size for name, size in own.items()}
        return sizes

    def visits(self, model: Model) -> FloatArray:
        """How often each state is expected to be entered, (K,), by each sequence as often as it counts."""
        return moving.visits(model, self.expect(model))

    def uncertainty(self, model: Model, has_converged: bool) -> Uncertainty:
        """How far off the parameters of the most probable model may be."""
        return uncertainty_of(self, model, has_converged)


def _tables(values: FloatArray, is_free: BoolArray) -> list[tuple[FloatArray, BoolArray]]:
    """A distribution, a matrix, or each of several matrices, and which of its entries are free."""
    return list(zip(values, is_free, strict=True)) if values.ndim == 3 else [(values, is_free)]


def _over(counts: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Counts over probabilities; 0 over 0 is 0."""
    return np.divide(counts, probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
