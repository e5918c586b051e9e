"""The maximisation step: the most probable model for what is expected, with what is held, tied and believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hmmfilter._distributions import most_likely
from hmmfilter._drivers.expectations import Expectations
from hmmfilter.learning.evidence import Model, learns_from_sums
from hmmfilter.learning.parameters import EMISSION

if TYPE_CHECKING:
    from hmmfilter.learning.problem import Problem


def maximised(problem: Problem, model: Model, expectations: Expectations) -> Model:
    """The most probable model."""
    parts = problem.by_name
    initial = most_likely(expectations.initial, model.initial, parts["initial"].groups)
    transition = most_likely(expectations.transition, model.transition, parts["transition"].groups)
    return model._with(initial, transition, emission_maximised(problem, model, expectations))


def emission_maximised(problem: Problem, model: Model, expectations: Expectations) -> Any:
    """Its emission."""
    emission = model.emission
    groups = {part.of_emission: part.groups for part in problem.parts if part.name.startswith(EMISSION)}
    if learns_from_sums(emission):
        return emission._maximised(expectations.emission, None, groups)
    if problem.by_name["emission"].groups < 0:
        return emission
    return emission.estimated(problem.evidence.observations, expectations.emission)
