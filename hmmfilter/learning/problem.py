"""What is climbed: the log-probability of the evidence, and of the parameters where there is a prior; its slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._drivers.expectations import Expectations, expect
from hmmfilter.learning import settling
from hmmfilter.learning.evidence import Evidence, Model, SumSource, TableSource, learns_from_sums
from hmmfilter.learning.maximising import maximised
from hmmfilter.learning.parameters import EMISSION, Block, Part, Values, values_of

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
        return self.evidence.observed is not None or bool((self.by_name["emission"].groups < 0).all())

    def n_parameters(self, model: Model) -> int:
        """How many free numbers there are: given zeros are none, zeros reached are."""
        known = sum(part.n_free() for part in self.parts if part.name != "emission")
        whole = self.by_name.get("emission")
        return known + (model.emission.n_parameters if whole is not None and whole.groups >= 0 else 0)

    def expect(self, model: Model) -> Expectations:
        """The expectation step; of an emission that learns as a whole, it keeps a table of posteriors."""
        evidence = self.evidence
        source: Any = (TableSource if evidence.observed is None else SumSource)(model.emission, evidence)
        expectations = expect(
            model.log_initial,
            model.log_transition,
            evidence.starts,
            evidence.weights,
            source,
            self.workers,
            False,
        )
        return expectations if evidence.observed is not None else expectations._replace(emission=source.posteriors)

    def log_likelihood(self, expectations: Expectations) -> float:
        """Of all sequences, each as often as it counts."""
        counts = self.evidence.weights
        return math.fsum((counts * expectations.log_likelihood)[counts > 0])

    def log_prior(self, model: Model) -> float:
        """The log-density of what is free, with all constants; 0 where there is no prior."""
        return math.fsum(
            prior.log_density(values_of(model)[name], self.by_name[name].groups >= 0)
            for name, prior in self._priors.items()
        )

    @cached_property
    def _priors(self) -> dict[str, Any]:
        return {}

    def objective(self, model: Model, expectations: Expectations) -> float:
        """What is climbed."""
        return math.fsum([self.log_likelihood(expectations), self.log_prior(model)])

    def resolution(self, expectations: Expectations) -> float:
        """Four units in the last place of the sum that the objective is, a term of each step at least 1."""
        counts = self.evidence.weights
        terms = np.abs((counts * expectations.log_likelihood)[counts > 0]).sum() + self.evidence.n_observations
        return 4.0 * float(np.spacing(terms)) if np.isfinite(terms) else 0.0

    def maximised(self, model: Model, expectations: Expectations) -> Model:
        """The maximisation step."""
        return maximised(self, model, expectations)

    def slopes(self, model: Model, expectations: Expectations) -> Values:
        """The derivatives of the objective with respect to each entry of the parameters, all taken as free."""
        initial = np.divide(
            expectations.initial, model.initial, out=np.zeros_like(model.initial), where=model.initial > 0
        )
        transition = expectations.slopes
        if self.is_stationary:
            transition = transition + settling.slopes(model.initial, model.transition, initial)
        slopes = {"initial": initial, "transition": transition}
        if self.evidence.observed is not None:
            score = model.emission._score(expectations.emission)
            slopes |= {EMISSION + name: slope for name, slope in score.items()}
        return slopes

    def gradient(self, model: Model, expectations: Expectations) -> FloatArray:
        """The derivatives of the objective in local coordinates."""
        return self.coordinates(model).along(self.slopes(model, expectations))

    def coordinates(self, model: Model) -> Coordinates:
        """The directions in which a model can move."""
        parts = tuple(part for part in self.parts if part.name != "emission")
        return Coordinates(model, parts, self.is_stationary)
