"""What is climbed, and its derivatives along the directions in which a model can move."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.learning.evidence import evidence_of
from hmmfilter.learning.parameters import parts_of
from hmmfilter.learning.problem import Problem

COUNTS = [3, 0, 1, 7, 9, None, 8, 1, 0, 2, 2, 12, 11, 6, 1]
DIFFERENCE, TOLERANCE = 1e-5, 1e-7  # of a step, and of slopes from two steps


def problem_of(model, observations=COUNTS, initial="free", fixed=(), tied=None, **evidence):
    return Problem(
        evidence_of(model, observations, **evidence), parts_of(model, initial, fixed, tied), initial == "stationary"
    )


def three_states(initial=(0.2, 0.5, 0.3)):
    transition = [[0.7, 0.2, 0.1], [0.3, 0.7, 0.0], [0.1, 0.3, 0.6]]
    return hf.HMM(initial, transition, hf.emissions.Poisson([1.0, 4.0, 9.0]))


CASES = {
    "free": ({}, 2 + 5 + 3),
    "stationary": ({"initial": "stationary"}, 5 + 3),
    "fixed initial": ({"initial": "fixed"}, 5 + 3),
    "held rates": ({"fixed": "emission.rate"}, 2 + 5),
    "a held transition": ({"fixed": {"transition": np.eye(3, dtype=bool)}}, 2 + 2 + 3),
    "tied rates": ({"tied": {"emission.rate": [0, 0, 1]}, "start": [2.0, 2.0, 9.0]}, 2 + 5 + 2),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_what_small_steps_say(case):
    options, n_parameters = CASES[case]
    options = dict(options)
    initial = "stationary" if options.get("initial") == "stationary" else (0.2, 0.5, 0.3)
    model = three_states(initial)
    rates = options.pop("start", None)
    if rates is not None:
        model = model._with(model.initial, model.transition, hf.emissions.Poisson(rates))
    problem = problem_of(model, **options)
    coordinates = problem.coordinates(model)
    assert problem.n_parameters(model) == coordinates.n_parameters == n_parameters
    assert coordinates.basis.shape == (len(coordinates.names), n_parameters)

    def objective(steps):
        there = coordinates.moved(steps)
        return problem.objective(there, problem.expect(there))

    steps = DIFFERENCE * np.eye(n_parameters)
    slopes = [(objective(step) - objective(-step)) / (2 * DIFFERENCE) for step in steps]
    np.testing.assert_allclose(problem.gradient(model, problem.expect(model)), slopes, atol=TOLERANCE, rtol=TOLERANCE)
