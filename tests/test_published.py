"""Published fits: textbooks, papers and manuals, and what other libraries' own tests say, to the digits they print."""

from __future__ import annotations

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.emissions import Categorical, Gaussian, Poisson
from tests.series import EARTHQUAKES, FEDERAL_FUNDS, MOVEMENTS

STARTS = {  # of the earthquakes, by the number of states
    1: hf.HMM([1.0], [[1.0]], Poisson([10.0])),
    2: hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Poisson([10.0, 30.0])),
    3: hf.HMM(np.full(3, 1 / 3), 0.1 + 0.7 * np.eye(3), Poisson([10.0, 20.0, 30.0])),
    4: hf.HMM(np.full(4, 1 / 4), 0.05 + 0.8 * np.eye(4), Poisson([10.0, 15.0, 20.0, 30.0])),
}

# Zucchini, MacDonald and Langrock, "Hidden Markov Models for Time Series" (2nd edition, 2016), chapters 3 and 4,
# carried on to more digits.
STATIONARY = {1: -391.91892817, 2: -342.31826679, 3: -329.46027626, 4: -327.83158534}
FREE = {2: -341.8787010119, 3: -328.5274833802}
BY_ITERATIONS = {  # of plain EM
    2: {0: -413.27541962291346, 1: -343.76023411193627, 2: -343.13618141661305, 30: -341.87870617775728},
    3: {0: -342.9078075572505, 1: -332.12142978997272, 2: -330.63688835255662, 30: -328.52748338021871},
}
EIGHT, TWELVE = 5e-9, 1e-12  # digits after the point; digits


@pytest.mark.parametrize("n_states", STATIONARY)
def test_earthquakes_of_a_chain_that_has_settled(n_states):
    fitted = hf.fit(STARTS[n_states], EARTHQUAKES, initial="stationary")
    assert fitted.converged
    assert fitted.log_likelihood == pytest.approx(STATIONARY[n_states], abs=EIGHT)
    assert fitted.n_parameters == n_states**2
    assert fitted.model.initial @ fitted.model.transition == pytest.approx(fitted.model.initial, abs=1e-12)


def test_the_three_states_of_the_earthquakes():
    """Section 3.2.2 and table 4.1 (the book counts all entries of the transition, and δ not at all)."""
    fitted = hf.fit(STARTS[3], EARTHQUAKES, initial="stationary")
    assert fitted.aic == pytest.approx(676.9206, abs=1e-4)
    assert fitted.bic == pytest.approx(700.976, abs=1e-3)
    assert fitted.model.emission.rate == pytest.approx([13.146, 19.721, 29.714], abs=1e-3)
    transition = [[0.955, 0.024, 0.021], [0.050, 0.899, 0.051], [0.000, 0.197, 0.803]]
    assert fitted.model.transition == pytest.approx(np.array(transition), abs=1e-3)
    assert fitted.model.initial == pytest.approx([0.4436, 0.4045, 0.1519], abs=1e-3)


@pytest.mark.parametrize("n_states", FREE)
def test_earthquakes_from_any_state(n_states):
    fitted = hf.fit(STARTS[n_states], EARTHQUAKES, tolerance=1e-12)
    assert fitted.converged
    assert fitted.log_likelihood == pytest.approx(FREE[n_states], abs=1e-9)


@pytest.mark.parametrize("n_states", BY_ITERATIONS)
def test_every_iteration_of_plain_steps(n_states):
    fitted = hf.fit(STARTS[n_states], EARTHQUAKES, accelerate=False, max_iterations=30, tolerance=0)
    for n, log_likelihood in BY_ITERATIONS[n_states].items():
        assert fitted.history[n] == pytest.approx(log_likelihood, rel=TWELVE)


def test_standard_errors_of_two_states():
    fitted = hf.fit(STARTS[2], EARTHQUAKES, initial="stationary", tolerance=1e-12)
    errors = fitted.standard_errors()
    assert fitted.model.emission.rate == pytest.approx([15.47227699, 26.12543851], abs=5e-6)
    assert errors.emission["rate"] == pytest.approx([0.70256086, 1.36011996], abs=5e-6)
    moves = [0, 1], [1, 0]
    assert fitted.model.transition[moves] == pytest.approx([0.06595936, 0.12850915], abs=5e-6)
    assert errors.transition[moves] == pytest.approx([0.03542229, 0.06377305], abs=5e-6)


def test_the_federal_funds_rate():
    """Stata's manual of time series, "mswitch", example 1: means that switch, one variance.

    The expectation steps of statsmodels end at −508.65852.
    """
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Gaussian([3.0, 10.0], 4.0, kind="tied"))
    fitted = hf.fit(start, FEDERAL_FUNDS, initial="stationary", tolerance=1e-12)
    assert fitted.log_likelihood == pytest.approx(-508.63592, abs=5e-6)
    assert fitted.model.transition[:, 0] == pytest.approx([0.9820939, 0.0503587], abs=5e-7)
    assert fitted.model.emission.mean == pytest.approx([3.70877, 9.556793], abs=5e-6)
    assert np.sqrt(fitted.model.emission.covariance) == pytest.approx(2.107562, abs=5e-7)
    errors = fitted.standard_errors()
    assert errors.transition[:, 0] == pytest.approx([0.0104002, 0.0268434], abs=5e-7)
    assert errors.emission["mean"] == pytest.approx([0.1767083, 0.2999889], abs=5e-7)


def test_the_federal_funds_rate_of_ten_quarters():
    """A regression test of statsmodels, whose optimiser ends at −7.8553370."""
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Gaussian([3.0, 0.2], 0.1, kind="tied"))
    fitted = hf.fit(start, FEDERAL_FUNDS[-10:], initial="stationary")
    assert fitted.log_likelihood >= -7.8553370


def test_the_movements_of_a_fetal_lamb():
    """Leroux and Puterman, table 2: the rates, and how long the restless state lasts."""
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Poisson([0.2, 3.0]))
    fitted = hf.fit(start, MOVEMENTS)
    assert len(MOVEMENTS) == 240
    assert fitted.log_likelihood == pytest.approx(-177.48, abs=5e-3)
    assert fitted.model.emission.rate == pytest.approx([0.256, 3.101], abs=5e-4)
    assert fitted.model.transition[1] == pytest.approx([0.308, 0.692], abs=5e-4)


# Eisner, "An interactive spreadsheet for teaching the forward-backward algorithm" (2002): ices eaten on 33 days,
# cold or hot, and then the diary stops. The stop is a state of its own here, and has a symbol of its own.
ICES = [2, 3, 3, 2, 3, 2, 3, 2, 2, 3, 1, 3, 3, 1, 1, 1, 2, 1, 1, 1, 3, 1, 2, 1, 1, 1, 2, 3, 3, 2, 3, 2, 2, "stop"]
DIARY = hf.HMM(
    [0.5, 0.5, 0.0],
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.0, 0.0, 1.0]],
    Categorical([[0.7, 0.2, 0.1, 0.0], [0.1, 0.2, 0.7, 0.0], [0.0, 0.0, 0.0, 1.0]], symbols=[1, 2, 3, "stop"]),
)


def test_the_diary_of_ices():
    once = hf.fit(DIARY, ICES, accelerate=False, max_iterations=1).model
    transition = [[0.8757, 0.1090, 0.0153], [0.0925, 0.8652, 0.0423], [0.0, 0.0, 1.0]]
    symbols = [[0.6765, 0.2188, 0.1047], [0.0584, 0.4251, 0.5165]]
    assert once.initial == pytest.approx([0.1291, 0.8709, 0.0], abs=5e-5)
    assert once.transition == pytest.approx(np.array(transition), abs=5e-5)
    assert once.emission.probabilities[:2, :3] == pytest.approx(np.array(symbols), abs=5e-5)
    fitted = hf.fit(DIARY, ICES, accelerate=False, max_iterations=10, tolerance=0)
    perplexities = [3.393, 2.947, 2.879, 2.854, 2.840, 2.833, 2.830, 2.828, 2.828, 2.827, 2.827]
    assert np.exp(-fitted.history / len(ICES)) == pytest.approx(perplexities, abs=5e-4)
    symbols = [[0.6407, 0.1481, 0.2112], [0.0002, 0.5341, 0.4657]]
    assert fitted.model.emission.probabilities[:2, :3] == pytest.approx(np.array(symbols), abs=5e-5)


def test_words_of_which_some_come_more_often():
    """Moss, "Example of the Baum-Welch algorithm" (2008): ABBA ten times and BAB twenty times."""
    start = hf.HMM([0.85, 0.15], [[0.3, 0.7], [0.1, 0.9]], Categorical([[0.4, 0.6], [0.5, 0.5]], symbols=["A", "B"]))
    words = [list("ABBA"), list("BAB")]
    fitted = hf.fit(start, words, weights=[10, 20], accelerate=False, max_iterations=1)
    assert fitted.history[0] == pytest.approx(-68.03804999063703, rel=TWELVE)
    transition = [[0.298, 0.702], [0.106, 0.894]]
    assert fitted.model.transition == pytest.approx(np.array(transition), abs=5e-4)


def test_hens_and_eggs():
    """Wikipedia's chain and eggs of the Baum–Welch algorithm; the end is that of a test of another library."""
    start = hf.HMM([0.2, 0.8], [[0.5, 0.5], [0.3, 0.7]], Categorical([[0.3, 0.7], [0.8, 0.2]]))
    nights = [[0, 0], [0, 0], [0, 0], [0, 0], [0, 1], [1, 1], [1, 0], [0, 0], [0, 0]]
    fitted = hf.fit(start, nights)
    assert fitted.history[0] == pytest.approx(-10.024586720876568, rel=TWELVE)
    assert fitted.log_likelihood == pytest.approx(-9.024464380657642, abs=1e-7)
