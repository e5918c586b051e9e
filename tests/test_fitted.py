"""What a fit says of itself: criteria, the table that it prints, frames, pages, and pictures."""

import math
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.stats

import hmmfilter as hf
from hmmfilter import plotting
from tests.test_fit import EARTHQUAKES, earthquake_start
from tests.test_html import HOSTILE, check_page, page_of, words_of

COUNTS = [1, 0, 2, 9, 7, None, 11, 8, 0, 1, 1, 0, 2, 10, 8, 7, 12, 1, 0, 3]
WEATHER = ["sun", "sun", "rain", "fog", "rain", "sun", "sun", "sun", "fog", "fog", "fog", "rain"]


def two_states(names=None, **options):
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Poisson([1.0, 8.0]), names)
    return start.fit(COUNTS, **options)


def many_states(n):
    emission = hf.emissions.Poisson(np.arange(1.0, n + 1))
    return hf.HMM(np.full(n, 1 / n), np.full((n, n), 1 / n), emission).fit(COUNTS, max_iterations=2)


def weather(names=None):
    emission = hf.emissions.Categorical([[0.5, 0.3, 0.2]], ["sun", "rain", "fog"])
    return hf.HMM([1.0], [[1.0]], emission, names).fit(WEATHER)


def test_criteria_count_observed_steps_and_the_likelihood_alone():
    prior = hf.Prior(emission=hf.priors.Gamma(2.0, 0.1))
    fitted = two_states(initial="stationary", prior=prior)
    assert fitted.n_observations == len(COUNTS) - 1
    assert fitted.n_parameters == 4
    assert fitted.log_prior != 0
    assert fitted.objective == pytest.approx(fitted.log_likelihood + fitted.log_prior, rel=1e-15)
    assert fitted.aic == -2 * fitted.log_likelihood + 2 * 4
    assert fitted.bic == -2 * fitted.log_likelihood + 4 * math.log(len(COUNTS) - 1)


def test_the_earthquakes_print_as_a_table():
    fitted = earthquake_start(2).fit(EARTHQUAKES, initial="stationary", tolerance=1e-12)
    n = fitted.n_iterations
    assert repr(fitted).split("\n") == [
        "Fitted: 2 states, Poisson emission, 107 observations, 4 parameters",
        "  log-likelihood -342.3183, AIC 692.6365, BIC 703.3278",
        f"  converged after {n} iterations: {fitted.reason}",
        "  state  initial    to 0    to 1    rate",
        "      0   0.6608  0.9340  0.0660  15.472",
        "      1   0.3392  0.1285  0.8715  26.125",
    ]
    fitted.standard_errors()
    assert repr(fitted).split("\n")[3:] == [
        "  state          initial             to 0             to 1            rate",
        "      0  0.6608 (0.1464)  0.9340 (0.0354)  0.0660 (0.0354)  15.472 (0.703)",
        "      1  0.3392 (0.1464)  0.1285 (0.0638)  0.8715 (0.0638)    26.13 (1.36)",
        "  standard errors in parentheses",
    ]


def test_bounds_priors_restarts_and_states_never_entered_are_told():
    fitted = two_states(max_iterations=0)
    assert "not converged after 0 iterations: max_iterations allows no more" in repr(fitted)
    flagged = repr(two_states(["calm", "busy"]))
    assert " 0.0000*" in flagged
    assert flagged.endswith("* at a bound, and without a standard error")
    assert "log-prior" not in flagged
    believed = two_states(prior=hf.Prior(emission=hf.priors.Gamma(2.0, 0.1)))
    assert f"log-prior {believed.log_prior:.4f}, objective {believed.objective:.4f}" in repr(believed)
    many = two_states(restarts=4, rng=0)
    outcomes = [start.outcome for start in many.restarts]
    told = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))
    assert f"  the best of 5 starts: {told}\n" in repr(many)
    start = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], hf.emissions.Poisson([2.0, 5.0]), ["here", "there"])
    lonely = start.fit(COUNTS)
    assert repr(lonely).endswith("state there is never entered, and keeps its parameters")
    n = 20
    here = hf.HMM(np.eye(n)[0], np.eye(n), hf.emissions.Poisson(np.arange(1.0, n + 1)))
    assert repr(here.fit(COUNTS)).endswith("\n  19 states are never entered, and keep their parameters")


def test_a_variance_of_all_states_is_printed_beside_each():
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Gaussian([1.0, 8.0], 4.0))
    fitted = start.fit(COUNTS, initial="fixed")
    head, *rows = repr(fitted).split("\n")[3:6]
    assert head.endswith("covariance[0]")
    assert [row.split()[-1] for row in rows] == [f"{fitted.model.emission.covariance:#.5g}"] * 2
    error = fitted.standard_errors().emission["covariance"][0]
    assert [line.split()[-1] for line in repr(fitted.standard_errors()).split("\n")[2:]] == [f"{error:#.5g}"] * 2
    assert fitted._repr_html_().count(f"({error:.3f})") == 2


def test_symbols_are_called_by_their_names():
    fitted = weather()
    assert "p(sun)  p(rain)  p(fog)" in repr(fitted)
    numbered = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[0.5, 0.5]])).fit([0, 1, 1])
    assert "p(0)    p(1)" in repr(numbered)


def test_errors_set_the_number_of_digits():
    start = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1e6]))
    fitted = start.fit(np.full(1000, 1_234_567))
    assert "1234567.0 (35.1)" in fitted_with_errors(fitted)
    few = hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([0.1])).fit([0, 0, 1, 0])
    assert "0.2500 (0.2165)" in fitted_with_errors(few)


def fitted_with_errors(fitted):
    fitted.standard_errors()
    return repr(fitted)


def test_frames_have_a_row_for_each_entry():
    fitted = two_states(initial="fixed")
    frame = fitted.to_frame()
    names = [f"{name}[{i}, {j}]" for name in ["transition"] for i in range(2) for j in range(2)]
    assert list(frame.index) == ["initial[0]", "initial[1]", *names, "emission.rate[0]", "emission.rate[1]"]
    assert list(frame.columns) == ["estimate"]
    errors = fitted.standard_errors()
    frame = fitted.to_frame()
    assert list(frame.columns) == ["estimate", "standard error"]
    assert frame.loc["transition[0, 1]", "standard error"] == errors.transition[0, 1]
    assert frame.loc["emission.rate[1]", "estimate"] == fitted.model.emission.rate[1]
    assert np.isnan(frame.loc["initial[0]", "standard error"])
    pd.testing.assert_series_equal(errors.to_frame()["standard error"], frame["standard error"])
    intervals = fitted.confidence_intervals()
    assert intervals.to_frame().loc["emission.rate[0]"].tolist() == [
        intervals.lower.emission["rate"][0],
        intervals.upper.emission["rate"][0],
    ]
    assert list(intervals.to_frame(index=list("abcdefgh")).index) == list("abcdefgh")
    covariance = fitted.covariance()
    assert list(covariance.to_frame().columns) == list(covariance.names) == list(covariance.to_frame().index)
    np.testing.assert_array_equal(np.asarray(covariance), covariance.matrix)


def test_what_is_not_known_is_a_dash():
    fitted = two_states(initial="fixed")
    assert "-" in repr(fitted.standard_errors()).split("\n")[2].split()
    assert "-" in repr(fitted.confidence_intervals(0.5)).split("\n")[2].split()
    assert repr(fitted.confidence_intervals(0.5)).startswith("ConfidenceIntervals: 50 %, 2 states, Poisson emission\n")
    assert repr(fitted.confidence_intervals().lower).startswith("ConfidenceLimits: 2 states, Poisson emission\n")


def test_covariances_of_many_are_cut():
    assert "..." not in repr(two_states(initial="fixed").covariance())
    counts = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([np.full(9, 1 / 9)])).fit([*range(9), 3, 4])
    lines = repr(counts.covariance()).split("\n")
    assert lines[0] == "ParameterCovariance: 8 free numbers"
    assert lines[1].count("emission.probabilities") == 5
    assert "..." in lines[1]
    assert len(lines) == 1 + 1 + 5 + 1


@pytest.mark.parametrize("names", [None, HOSTILE], ids=["ordinary names", "hostile names"])
def test_pages_are_safe_and_small(names):
    fitted = two_states(names, restarts=1, rng=0)
    check_page(fitted)
    check_page(fitted.standard_errors())
    check_page(fitted.confidence_intervals())
    check_page(fitted)
    words = words_of(page_of(fitted))
    assert "standard errors in parentheses" in words
    assert "the best of 2 starts" in words


def test_many_states_are_left_out_of_pages():
    fitted = many_states(20)
    check_page(fitted)
    assert max(map(len, repr(fitted).split("\n"))) <= 100


def test_fits_are_frozen_and_can_be_pickled():
    fitted = two_states(initial="fixed")
    errors = fitted.standard_errors()
    with pytest.raises(ValueError, match="read-only"):
        errors.emission["rate"][0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        fitted.history[0] = 0.0
    again = pickle.loads(pickle.dumps(fitted))
    assert repr(again) == repr(fitted)
    np.testing.assert_array_equal(again.covariance().matrix, fitted.covariance().matrix)


def test_the_picture_shows_the_climb_the_chain_and_the_data():
    fitted = two_states(["calm", "$\\foo$"], initial="stationary")
    climb, chain, panel = fitted.plot()
    (line,) = climb.lines
    to_gain = fitted.history[-1] - fitted.history
    np.testing.assert_array_equal(line.get_ydata(), to_gain[to_gain > 0])
    assert climb.get_yscale() == "log"
    bars, dots = chain.lines[::2], chain.lines[1::2]
    intervals = fitted.confidence_intervals()
    ends = [[*bound.initial, *bound.transition.ravel()] for bound in (intervals.lower, intervals.upper)]
    np.testing.assert_array_equal([bar.get_xdata() for bar in bars], np.transpose(ends))
    assert {bar.get_solid_capstyle() for bar in bars} == {"butt"}  # any other would leave [0, 1]
    np.testing.assert_array_equal(
        [float(dot.get_xdata()[0]) for dot in dots], [*fitted.model.initial, *fitted.model.transition.ravel()]
    )
    assert chain.get_xlabel() == "probability, and its 95 % interval"
    assert chain.get_yticklabels()[3].get_text() == "calm → \\$\\foo\\$"
    bands = panel.patches[-2:]
    lower, upper = intervals.lower.emission["rate"], intervals.upper.emission["rate"]
    np.testing.assert_allclose([band.get_x() for band in bands], lower)
    np.testing.assert_allclose([band.get_x() + band.get_width() for band in bands], upper)
    climb.figure.canvas.draw()


def test_pictures_have_intervals_of_any_level_or_none():
    fitted = two_states(initial="fixed")
    assert fitted.plot(level=0.5)[1].get_xlabel() == "probability, and its 50 % interval"
    with pytest.raises(ValueError, match="level must be"):
        fitted.plot(level=2.0)
    early = two_states(max_iterations=0)
    _, chain, _ = early.plot()
    assert chain.get_xlabel() == "probability"
    assert {dot.get_markerfacecolor() for dot in chain.lines[1::2]} == {"white"}
    with pytest.raises(ValueError, match="standard errors need"):
        early.plot(level=0.5)


def test_pictures_of_symbols_of_many_states_and_of_emissions_of_ones_own():
    _, _, panel = weather().plot()
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["sun", "rain", "fog"]
    fitted = many_states(7)
    _, chain, _ = fitted.plot()
    assert chain.get_xlabel() == "to"
    assert not chain.texts

    class Waiting:
        n_states = n_parameters = 1

        def log_likelihoods(self, observations):
            return -np.asarray(observations, dtype=float)[:, None]

        def sample(self, states, rng):
            return rng.exponential(size=len(states))

        def estimated(self, observations, weights, prior=None):
            return self

        @classmethod
        def guessed(cls, observations, weights):
            return cls()

    own = hf.HMM([1.0], [[1.0]], Waiting()).fit([0.5, 2.0, 1.0])
    assert repr(own).startswith("Fitted: 1 state, Waiting emission, 3 observations, 1 parameter\n")
    assert len(own.plot()) == 3


def test_a_picture_is_saved_without_a_screen(tmp_path):
    path = tmp_path / "fit.png"
    plotting.save_fit(two_states(initial="fixed"), str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    assert plt.get_fignums() == []


def test_what_is_no_mean_has_no_band():
    emission = hf.emissions.FromScipy([scipy.stats.gamma(2.0, scale=1.5)])
    fitted = hf.HMM([1.0], [[1.0]], emission).fit([1.0, 2.5, 0.7, 3.1, 4.0, 2.2], max_iterations=0)
    _, _, panel = fitted.plot()
    assert len(panel.lines) == 1
    assert "gamma" in repr(fitted).split("\n")[-1]  # as the model prints it
    check_page(fitted)
