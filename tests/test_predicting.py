"""Predictions of many steps, against powers of a matrix in mpmath."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _powers, _predictions
from hmmfilter._kernels.wide import PLANES
from hmmfilter._tiers import kernels
from tests import cases, oracle

NEVER = -np.inf
STEPS = (257, 1000, 10**6 + 1, 10**10, 10**12)


@mpmath.workdps(oracle.DIGITS)
def predicted(log_x, log_transition, n_steps):
    """x A^n."""
    (x,), a = oracle.exp_table([log_x]), oracle.exp_table(log_transition)
    return (mpmath.matrix([x]) * mpmath.matrix(a) ** n_steps).tolist()[0]


def leaking(rng, n_states):
    """A state that is never left, and others that lead on to it, rarely or often."""
    transition = np.diag(1 - 10.0 ** -np.arange(1, n_states + 1)) + np.diag(10.0 ** -np.arange(1, n_states), 1)
    transition[-1] = np.eye(n_states)[-1]
    return cases.logs(rng.dirichlet(np.ones(n_states))), cases.logs(transition)


def turning(rng, n_states):
    """A cycle, with a weight at each turn: only one state in turn is possible."""
    return cases.logs(np.eye(n_states)[0]), cases.logs(np.roll(np.eye(n_states), 1, axis=1)) + rng.normal()


def far_apart(rng, n_states):
    """Logs of all sizes."""
    return rng.normal(0, 1e3, n_states), rng.choice([1e17, -1e17, 1.0, -1e5, NEVER], (n_states, n_states))


def of_family(family):
    return lambda rng, n_states: family(rng, 2, n_states)[:2]


CHAINS = {"leaking": leaking, "turning": turning, "far apart": far_apart} | {
    family.__name__: of_family(family) for family in (cases.ordinary, cases.rare, cases.blocks, cases.potentials)
}


@pytest.mark.parametrize("n_steps", STEPS)
@pytest.mark.parametrize("n_states", [1, 2, 5])
@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_the_contract_holds_for_any_number_of_steps(chain, n_states, n_steps):
    log_x, log_transition = chain(np.random.default_rng(n_states), n_states)
    got = hf.predict(log_x, log_transition, n_steps)
    assert oracle.log_share((log_x, log_transition), [got], [predicted(log_x, log_transition, n_steps)]) <= 1.0


def test_rows_of_many_steps_are_those_of_single_predictions(monkeypatch):
    monkeypatch.setattr(_powers, "MOST_TERMS", 9 * 70)  # seventy rows at a time
    log_x, log_transition = leaking(np.random.default_rng(1), 3)
    rows = _predictions.last_predictions(log_x, log_transition, 300, 300)
    for s in (1, 2, 69, 70, 71, 256, 257, 300):
        exact = predicted(log_x, log_transition, s)
        assert oracle.log_share((log_x, log_transition), [rows[s - 1]], [exact]) <= 1.0
    assert np.array_equal(rows[-1:], _predictions.last_predictions(log_x, log_transition, 300, 1))


def test_many_states_go_step_by_step_and_by_powers():
    log_x, log_transition, _ = cases.draw(cases.ordinary, 1, 2, 11)
    step_by_step = hf.predict(log_x, log_transition, 300)
    x = np.empty((1, PLANES, 11))
    kernels.widen_row(log_x, x[0])
    by_powers = np.empty((1, 11))
    kernels.take_wide_logs(_powers._times_power(x, _powers.exponentials(log_transition), 300), by_powers)
    assert step_by_step == pytest.approx(by_powers[0], rel=1e-15, abs=4e-16)


def test_all_doors_take_many_steps():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.3, 0.7]], hf.emissions.Poisson([1.0, 5.0]))
    stream = model.online()
    assert np.exp(stream.predict(10**10)) == pytest.approx([0.75, 0.25], rel=1e-5)  # the logs of rows do not sum to 1
    stream.observe(3)
    assert np.exp(stream.predict(10**9)) == pytest.approx([0.75, 0.25], rel=1e-6)
    forecast = model.forecast([3], 1000)
    assert forecast.probabilities[-1] == pytest.approx([0.75, 0.25], rel=1e-12)
    for steps in (1, 256, 257, 1000):
        expected = stream.predict(steps)
        assert forecast.log_probabilities[steps - 1] == pytest.approx(expected, rel=1e-14, abs=1e-14)


def test_too_many_steps():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.3, 0.7]], hf.emissions.Poisson([1.0, 5.0]))
    words = r"^steps must be at most 10\*\*12, got 10+: stationary_distribution says where a chain settles$"
    for predict in (
        lambda steps: hf.predict([0.0], [[0.0]], steps),
        model.online().predict,
        lambda steps: model.forecast([3], steps),
    ):
        with pytest.raises(ValueError, match=words):
            predict(10**30)
    with pytest.raises(ValueError, match=r"^steps must leave room in memory for a row each, got 10+: they take .* GB"):
        model.forecast([3], 10**12)
    with pytest.raises(ValueError, match="steps must leave room in memory"):
        model.forecast([[3], [1, 2]], 10**12)


def test_an_interruption_is_heard_between_parts(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels, "run_products", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hf.predict([0.0, NEVER], [[-1.0, -0.5], [-0.5, -1.0]], 10**10)
