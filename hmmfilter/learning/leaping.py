"""Leaps: where steps would lead that go on in the same direction, in logs and natural parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._distributions import most_likely
from hmmfilter.learning.evidence import Model
from hmmfilter.learning.parameters import EMISSION, Part
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
        vectors = [model.log_initial, model.log_transition]
        is_learnt = self._problem.learns_emission
        return [*vectors, model.emission._natural()] if is_learnt else vectors

    def _model(self, before: Model, vectors: list[FloatArray]) -> Model | None:
        parts = self._problem.by_name
        transition = _rows(vectors[1], before.transition, parts["transition"].groups)
        if self._problem.is_stationary:
            try:
                initial = stationary(transition)
            except ValueError:  # moves have become 0, and it settles nowhere
                return None
        else:
            initial = _rows(vectors[0], before.initial, parts["initial"].groups)
        emission = before.emission
        if len(vectors) == 3:
            emission = emission._of_natural(vectors[2])
            if emission is None or self._is_far(emission, before.emission):
                return None
            own = [part for part in self._problem.parts if part.name.startswith(EMISSION)]
            if any((part.groups < 0).any() or (part.are_rows and part.is_tied) for part in own):
                there, known = emission._parameters(), before.emission._parameters()
                by_name = {part.of_emission: part for part in own}
                emission = emission._with({name: _kept(by_name[name], there[name], known[name]) for name in there})
        return before._with(initial, transition, emission)

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
    return most_likely(np.exp(shifted), before, groups)


def _kept(part: Part, values: FloatArray, before: FloatArray) -> FloatArray:
    """Values of a parameter, but for entries that are held: these stay, and rows sum to 1 with them, or with ties."""
    if part.are_rows:
        return most_likely(values, before, part.groups)
    return np.where(part.groups < 0, before, values)
