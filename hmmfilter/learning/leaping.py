"""Leaps: where steps would lead that go on in the same direction, in logs and natural parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._distributions import most_likely
from hmmfilter.emissions.protocol import log_of
from hmmfilter.learning import moving
from hmmfilter.learning.evidence import Model
from hmmfilter.learning.parameters import EMISSION, FINAL, TRANSITION, Part
from hmmfilter.learning.problem import Problem
from hmmfilter.learning.settling import stationary

FARTHEST = 4.0  # that the first leaps may go, in steps
GROWTH = 4.0  # by which they may go farther after one that went as far as it might, and less after one that failed
DEEPEST = 7.0  # by which a leap may lower the log of a probability, or change that of a variance


class Leaps:
    """Leaps over two steps, which learn how far they may go; one of length 1 leads where the steps do."""

    def __init__(self, problem: Problem) -> None:
        self._problem, self._farthest = problem, FARTHEST

    def length(self, first: float, across: float, second: float) -> float:
        """How far to go, from the squares of two steps and their product: |r| / |r' − r|."""
        bend = first - 2.0 * across + second
        wanted = math.sqrt(first / bend) if bend > 0 and first > 0 else math.inf
        return min(wanted, self._farthest)

    def note(self, length: float, has_landed: bool) -> None:
        """A leap of this length has landed no lower than the steps, or it has not."""
        if not has_landed:
            self._farthest = max(length / GROWTH, 1.0 + 1.0 / GROWTH)
        elif length >= self._farthest:
            self._farthest *= GROWTH

    def landing(self, models: tuple[Model, Model, Model], length: float) -> Model | None:
        """Where a leap of some length leads from the first of three models in a row, if there is a model."""
        first, second, third = (self._vectors(model) for model in models)
        vectors = [_leapt(*of_all, length) for of_all in zip(first, second, third, strict=True)]
        vectors[:2] = [np.maximum(logs, before - DEEPEST) for logs, before in zip(vectors, third[:2], strict=False)]
        return self._model(models[2], vectors)

    def _vectors(self, model: Model) -> list[FloatArray]:
        """Logs of the initial distribution, what is natural to the chain, to where it ends, and to the emission."""
        vectors = [model.log_initial, self._natural(model.chain)]
        if model.final is not None:
            with np.errstate(divide="ignore"):
                vectors.append(np.log(model.final) - np.log1p(-model.final))
        return [*vectors, model.emission._natural()] if self._problem.learns_emission else vectors

    def _natural(self, chain: Any) -> FloatArray:
        """The logs of all matrices, or what the chain calls natural."""
        own: dict[str, FloatArray] = chain._parameters()
        return log_of(own[""]) if "" in own else chain._natural()

    def _model(self, before: Model, vectors: list[FloatArray]) -> Model | None:
        parts, left = self._problem.by_name, iter(vectors)
        logs, natural = next(left), next(left)
        chain = self._chain(before.chain, natural)
        if chain is None:
            return None
        if self._problem.is_stationary:
            try:
                initial = stationary(chain)
            except ValueError:  # moves have become 0, and it settles nowhere
                return None
        elif before.initial.ndim > 1:  # of states and ages, which is not learnt
            initial = before.initial
        else:
            initial = _rows(logs, before.initial, parts["initial"].groups)
        final = before.final
        if final is not None:
            with np.errstate(over="ignore"):
                final = kept(parts[FINAL], 1.0 / (1.0 + np.exp(-next(left))), final)
        emission = before.emission
        for natural in left:
            emission = emission._of_natural(natural)
            if emission is None or self._is_far(emission, before.emission):
                return None
            emission = self._with_held(
                emission, before.emission, [part for part in parts.values() if part.is_of_emission]
            )
        return before._with(initial, chain, emission, final=final)

    def _chain(self, before: Any, natural: FloatArray) -> Any:
        """The chain of such logs, or natural parameters, as a model takes it; None where there is none."""
        own: dict[str, FloatArray] = before._parameters()
        if "" in own:
            rows = _rows(natural, own[""], self._problem.by_name[TRANSITION].groups)
            return moving.chain_of(before, {"": rows})
        chain = before._of_natural(np.minimum(natural, before._natural() + DEEPEST))
        own_parts = [part for part in self._problem.parts if part.is_of_chain]
        return None if chain is None else self._with_held(chain, before, own_parts)

    @staticmethod
    def _with_held(there: Any, before: Any, own: list[Part]) -> Any:
        """An emission, or a chain, with what is held as it was."""
        if not any((part.groups < 0).any() or (part.are_rows and part.is_tied) for part in own):
            return there
        values, known = there._parameters(), before._parameters()
        by_name = {part.own_name: part for part in own}
        return there._with({name: kept(by_name[name], values[name], known[name]) for name in values})

    def _is_far(self, emission: Any, before: Any) -> bool:
        """Whether a leap has changed a variance, or the like, by more than leaps are to be believed."""
        after, known = emission._parameters(), before._parameters()
        for name in getattr(emission, "POSITIVE", ()):
            is_matrix = self._problem.by_name[EMISSION + name].is_symmetric
            pair = (after[name], known[name])
            new, old = (np.diagonal(values, axis1=-2, axis2=-1) for values in pair) if is_matrix else pair
            if (np.abs(np.log(new) - np.log(old)) > DEEPEST).any():
                return True
        return False


def _leapt(first: FloatArray, second: FloatArray, third: FloatArray, length: float) -> FloatArray:
    """The parabola through three points in a row, so far from the first; what is infinite stays where it came to."""
    with np.errstate(invalid="ignore"):
        step = second - first
        bend = (third - second) - step
        there: FloatArray = first + 2.0 * length * step + length**2 * bend
    return np.where(np.isfinite(there), there, third)


def _rows(logs: FloatArray, before: FloatArray, groups: IntArray) -> FloatArray:
    """Rows of probabilities in proportion to such logs."""
    shifted = logs - logs.max(axis=-1, keepdims=True)
    return moving.rows_most_likely(np.exp(shifted), before, groups)


def kept(part: Part, values: FloatArray, before: FloatArray) -> FloatArray:
    """Values of a parameter, but for entries that are held: these stay, and rows sum to 1 with them, or with ties."""
    if part.are_rows:
        return most_likely(values, before, part.groups)
    return np.where(part.groups < 0, before, values)
