"""Fits: published numbers, what may not happen on the way, and what is held, tied, known and weighted."""

import csv
from pathlib import Path

import numpy as np
import pytest

import hmmfilter as hf

EARTHQUAKES = np.array(
    [float(row["count"]) for row in csv.DictReader(Path("data/earthquakes.csv").read_text("utf-8").splitlines())]
)
RATES = {1: [19.0], 2: [10.0, 30.0], 3: [10.0, 20.0, 30.0], 4: [10.0, 15.0, 25.0, 35.0]}
HALF_A_DIGIT = 0.6  # of the last published digit
TIGHT = 1e-15  # a tolerance that asks for all digits of the parameters


def earthquake_start(n_states):
    matrix = np.full((n_states, n_states), 0.1) + (1 - 0.1 * n_states) * np.eye(n_states)
    return hf.HMM(np.full(n_states, 1 / n_states), matrix, hf.emissions.Poisson(RATES[n_states]))


def assert_never_falls(fitted):
    assert np.diff(fitted.history).min(initial=0.0) >= 0.0


# Zucchini, MacDonald, Langrock, Hidden Markov Models for Time Series (2nd edition, 2016), chapters 3 and 4.
STATIONARY = {1: 391.91892817, 2: 342.31826679, 3: 329.46027626, 4: 327.83158534}
FREE = {2: 341.8787010119, 3: 328.5274833802}


@pytest.mark.parametrize("n_states", STATIONARY)
def test_earthquakes_with_a_stationary_start(n_states):
    fitted = earthquake_start(n_states).fit(EARTHQUAKES, initial="stationary", tolerance=1e-11)
    assert fitted.converged
    assert -fitted.log_likelihood == pytest.approx(STATIONARY[n_states], abs=HALF_A_DIGIT * 1e-8)
    model = fitted.model
    np.testing.assert_allclose(model.initial, hf.stationary_distribution(model.transition), atol=1e-15)
    if n_states == 3:
        assert (round(fitted.aic, 4), round(fitted.bic, 3)) == (676.9206, 700.976)


@pytest.mark.parametrize("n_states", FREE)
@pytest.mark.parametrize("accelerate", [True, False])
def test_earthquakes_with_a_free_start(n_states, accelerate):
    fitted = earthquake_start(n_states).fit(EARTHQUAKES, accelerate=accelerate)
    assert fitted.converged
    assert -fitted.log_likelihood == pytest.approx(FREE[n_states], abs=1e-8)
    assert -fitted.log_likelihood >= FREE[n_states] - 3e-10  # which stopped a little below the top
    assert fitted.at_boundary["initial"].sum() == n_states - 1
    assert fitted.n_parameters == n_states**2 + n_states - 1


def test_earthquakes_with_a_stationary_start_end_at_the_published_parameters():
    fitted = earthquake_start(2).fit(EARTHQUAKES, initial="stationary", tolerance=TIGHT)
    np.testing.assert_allclose(fitted.model.emission.rate, [15.47227699, 26.12543851], atol=1e-8)
    off_diagonal = fitted.model.transition[[0, 1], [1, 0]]
    np.testing.assert_allclose(off_diagonal, [0.06595936, 0.12850915], atol=HALF_A_DIGIT * 1e-8)
    assert fitted.gradient_norm < 1e-8


PLAIN = {
    2: {0: 413.27541962291346, 1: 343.76023411193627, 2: 343.13618141661305, 30: 341.87870617775728},
    3: {0: 342.9078075572505, 1: 332.12142978997272, 2: 330.63688835255662, 30: 328.52748338021871},
}


@pytest.mark.parametrize("n_states", PLAIN)
def test_plain_steps_to_twelve_digits(n_states):
    fitted = earthquake_start(n_states).fit(EARTHQUAKES, accelerate=False, tolerance=0.0, max_iterations=30)
    assert (fitted.n_iterations, len(fitted.history), fitted.converged) == (30, 31, False)
    for n, value in PLAIN[n_states].items():
        assert -fitted.history[n] == pytest.approx(value, rel=1e-13)


def test_leaps_save_most_of_the_steps():
    counts = []
    for n_states in (2, 3, 4):
        start = earthquake_start(n_states)
        plain, leapt = (start.fit(EARTHQUAKES, initial="stationary", accelerate=leaps) for leaps in (False, True))
        assert leapt.log_likelihood == pytest.approx(plain.log_likelihood, abs=3e-8)
        assert_never_falls(plain)
        assert_never_falls(leapt)
        counts.append((leapt.n_iterations, plain.n_iterations))
    assert all(leapt < 0.7 * plain for leapt, plain in counts), counts
