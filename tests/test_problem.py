"""What is climbed, and its derivatives along the directions in which a model can move."""

from types import SimpleNamespace

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.learning.evidence import Given, evidence_of
from hmmfilter.learning.parameters import parts_of
from hmmfilter.learning.problem import Problem

COUNTS = [3, 0, 1, 7, 9, None, 8, 1, 0, 2, 2, 12, 11, 6, 1]
DIFFERENCE, TOLERANCE = 1e-5, 1e-7  # of a step, and of slopes from two steps


def problem_of(model, observations=COUNTS, initial="free", fixed=(), tied=None, **evidence):
    return Problem(
        evidence_of(model, observations, Given(**evidence)),
        parts_of(model, initial, fixed, tied),
        initial == "stationary",
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


class Matrices:
    """As much of an emission of symmetric matrices as is asked about parameters."""

    _symmetric = frozenset({"covariance"})

    def __init__(self, covariance):
        self.covariance = covariance

    def _maximised(self, sums, prior, groups):
        raise NotImplementedError

    def _parameters(self):
        return {"covariance": self.covariance}


@pytest.mark.parametrize(("tied", "n_free"), [(None, 6), ({"emission.covariance": "all"}, 3)])
def test_symmetric_matrices_are_their_lower_triangles(tied, n_free):
    covariance = np.array([[[2.0, 0.5], [0.5, 1.0]], [[3.0, -0.1], [-0.1, 4.0]]])
    model = SimpleNamespace(
        initial=np.array([0.5, 0.5]),
        chain=hf.transitions.Dense(np.full((2, 2), 0.5)),
        final=None,
        emission=Matrices(covariance),
        n_states=2,
    )
    (part,) = [part for part in parts_of(model, "free", (), tied) if part.name == "emission.covariance"]
    assert part.n_free() == n_free
    row = part.lower(covariance)
    assert row.tolist() == [2.0, 0.5, 1.0, 3.0, -0.1, 4.0]
    np.testing.assert_array_equal(part.whole(row), covariance)
    ((entries, directions),) = part.directions(covariance)
    assert entries.tolist() == list(range(6))
    np.testing.assert_allclose(directions.T @ directions, np.eye(n_free), atol=1e-15)
