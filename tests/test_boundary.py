"""Entries that come to a bound, those that may not, and those that leave one; leaps that lead nowhere."""

from dataclasses import dataclass

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.learning import boundary
from hmmfilter.learning.climbing import Rates, climb, point_at
from hmmfilter.learning.leaping import Leaps
from hmmfilter.learning.problem import Problem
from tests.test_problem import problem_of

STATES = [0] * 200 + [1] * 100  # one move from 0 to 1, and none back
SMALL = [[0.991, 0.009], [0.005, 0.995]]


def known_chain(transition=SMALL, initial="fixed"):
    start = "stationary" if initial == "stationary" else [0.5, 0.5]
    model = hf.HMM(start, transition, hf.emissions.Poisson([1.0, 5.0]))
    problem = problem_of(model, [1, 0, 2] * 100, initial=initial, labels=STATES)
    return problem, point_at(problem, model)


def test_an_entry_that_is_needed_is_not_set_to_zero():
    problem, point = known_chain()
    there = boundary.at_bounds(problem, point)
    assert there.model.transition[1].tolist() == [0.0, 1.0]
    assert there.model.transition[0, 1] == 0.009
    assert there.objective > point.objective
    assert boundary.reached(problem, there.model)["transition"].tolist() == [[False, False], [True, False]]


def test_a_chain_that_would_settle_nowhere_is_no_model():
    problem, point = known_chain([[0.995, 0.005], [0.005, 0.995]], "stationary")
    there = boundary.at_bounds(problem, point)
    assert there is None or there.model.transition[0, 1] > 0


def test_where_no_entry_may_go_none_does():
    problem, point = known_chain([[0.991, 0.009], [0.5, 0.5]])
    assert boundary.at_bounds(problem, point) is None


@dataclass(frozen=True, eq=False)
class Wanting(Problem):
    """A problem whose transitions would all rather not be 0."""

    def slopes(self, model, expectations):
        slopes = super().slopes(model, expectations)
        return slopes | {"transition": np.where(model.transition == 0, 1e9, slopes["transition"])}


def test_a_zero_that_does_not_want_to_stay_is_none():
    problem, point = known_chain()
    wanting = Wanting(problem.evidence, problem.parts, problem.is_stationary)
    assert boundary.at_bounds(wanting, point) is None


def test_the_nearest_half():
    values = {"a": np.array([0.004, 0.003, 0.5]), "b": np.array([[0.002, 0.001]])}
    bounds = {"a": np.array([0.0, 0.0, np.nan]), "b": np.zeros((1, 2))}
    half = boundary._nearest_half(bounds, values)
    assert np.isnan(half["a"]).all()
    assert half["b"].tolist() == [[0.0, 0.0]]
    alike = boundary._nearest_half({"a": np.zeros(3)}, {"a": np.full(3, 0.004)})
    assert np.isnan(alike["a"]).all()
    most = boundary._nearest_half({"a": np.zeros(4)}, {"a": np.array([0.001, 0.002, 0.002, 0.002])})
    assert most["a"][0] == 0.0
    assert np.isnan(most["a"][1:]).all()


def test_an_entry_that_leaves_a_bound_is_lifted():
    problem, point = known_chain([[1 - 1e-200, 1e-200], [0.5, 0.5]])
    there = boundary.off_bounds(problem, point)
    assert there.model.transition[0, 1] == 1e-2
    assert there.objective > point.objective
    settled = climb(problem, there, True, 1e-12, 100)
    assert settled.point.model.transition[0, 1] == pytest.approx(1 / 200, rel=1e-9)
    assert boundary.off_bounds(problem, settled.point) is None


@dataclass(frozen=True, eq=False)
class Sinking(Problem):
    """A problem in which every other model is worse."""

    best: object = None

    def objective(self, model, expectations):
        return super().objective(model, expectations) - 1e3 * (model is not self.best)


def test_an_entry_that_is_lifted_in_vain():
    problem, point = known_chain([[1 - 0.0049, 0.0049], [0.0, 1.0]])  # of which half of no level is above
    assert boundary.off_bounds(problem, point) is None
    problem, point = known_chain([[1 - 1e-200, 1e-200], [0.5, 0.5]])
    sinking = Sinking(problem.evidence, problem.parts, problem.is_stationary, best=point.model)
    assert boundary.off_bounds(sinking, point) is None


class Landless(hf.emissions.Poisson):
    """An emission in whose parameters nothing can be extrapolated."""

    def _maximised(self, sums, prior, groups):
        return Landless(super()._maximised(sums, prior, groups).rate)

    def _of_natural(self, vector):
        return None


class CollapsingOnce(hf.emissions.Poisson):
    """An emission that collapses in the step from where the first leap leads."""

    calls = 0

    def _maximised(self, sums, prior, groups):
        CollapsingOnce.calls += 1
        if CollapsingOnce.calls == 3:
            raise hf.DegenerateFitError(0, (1.0,))
        return CollapsingOnce(super()._maximised(sums, prior, groups).rate)

    def _of_natural(self, vector):
        return CollapsingOnce(np.exp(vector))


COUNTS = [3, 0, 1, 7, 9, None, 8, 1, 0, 2, 2, 12, 11, 6, 1, 0, 4, 8, 10, 7, 2, 1, 0, 0, 9, 12]


def start_of(emission):
    return hf.HMM([0.6, 0.4], [[0.8, 0.2], [0.3, 0.7]], emission)


def test_where_no_leap_lands_steps_do():
    start = start_of(Landless([1.5, 6.0]))
    landless, plain = start.fit(COUNTS), start.fit(COUNTS, accelerate=False)
    assert landless.model == plain.model
    assert landless.history.tobytes() == plain.history.tobytes()


def test_a_leap_to_a_collapse_is_none():
    fitted = start_of(CollapsingOnce([1.5, 6.0])).fit(COUNTS)
    assert CollapsingOnce.calls > 3
    same = start_of(hf.emissions.Poisson([1.5, 6.0])).fit(COUNTS)
    assert fitted.objective == pytest.approx(same.objective, abs=2e-8)


def test_a_leap_to_a_chain_that_comes_apart_is_none():
    start = start_of(hf.emissions.Poisson([1.5, 6.0]))
    leaps = Leaps(problem_of(start, COUNTS, initial="stationary"))
    models = [
        start._with(np.array([0.5, 0.5]), np.array([[1.0, little], [little, 1.0]]), start.emission)
        for little in (1e-310, 1e-317, 5e-324)
    ]
    assert leaps.landing(tuple(models), 2.0) is None


def test_a_leap_to_rates_without_end_is_none():
    fast = [hf.transitions.Rates([[0.0, rate], [rate, 0.0]]) for rate in (1e300, 1e304, 1e308)]
    models = [hf.HMM([0.5, 0.5], chain, hf.emissions.Poisson([1.5, 6.0])) for chain in fast]
    leaps = Leaps(problem_of(models[0], COUNTS, times=np.arange(len(COUNTS))))
    assert leaps.landing(tuple(models), 2.0) is None


def test_rates_say_what_is_to_come():
    rates = Rates()
    assert rates.to_come(1.0) == np.inf
    rates.note(0.0, 1.0)  # from where nothing moved, nothing is known
    assert rates.to_come(1.0) == np.inf
    for n in range(3):
        rates.note(4.0**-n, 4.0 ** -(n + 1))
    assert rates.to_come(3.0) == 4.0
    rates.note(1.0, 2.0)
    assert rates.to_come(3.0) == np.inf
    assert rates.to_come(0.0) == 0.0
