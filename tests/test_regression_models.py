"""Models of regressions and autoregressions: streams, sequences, simulated paths, residuals."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from hmmfilter.emissions import Autoregressive, Product, Regression

CHAIN = [0.4, 0.6], [[0.9, 0.1], [0.2, 0.8]]
RNG = np.random.default_rng(21)
X = RNG.normal(size=(24, 1))
MODELS = {
    "order two": (hf.HMM(*CHAIN, Autoregressive([[0.5, 0.6, -0.2], [-1.0, -0.5, 0.3]], [0.5, 2.0])), None),
    "covariates, too": (hf.HMM(*CHAIN, Autoregressive([[0.5, 0.6, 1.0], [-1.0, -0.5, 0.0]], [0.5, 2.0], 1)), X),
    "regression": (hf.HMM(*CHAIN, Regression([[0.5, 1.0], [-1.0, 0.0]], [0.5, 2.0])), X),
    "counts": (hf.HMM(*CHAIN, Regression([[0.5, 1.0], [2.0, 0.0]], family="poisson")), X),
}


def drawn(name):
    """A path of observations of which two are missing, and what lies beside them."""
    model, covariates = MODELS[name]
    _, y = model.simulate(24, 4, **given(covariates, 0, 24))
    seen = np.array(y, dtype=float)
    seen[[9, 16]] = np.nan
    return model, seen, covariates


def given(covariates, begin, end):
    return {} if covariates is None else {"covariates": covariates[begin:end]}


@pytest.mark.parametrize("name", MODELS)
def test_streams_are_the_whole_to_the_bit(name):
    """Also where they are written down, and go on from there."""
    model, y, covariates = drawn(name)
    whole = model.filter(y, **given(covariates, 0, 24)).log_probabilities
    stream = model.online()
    for t in range(24):
        row = stream.observe(None if np.isnan(y[t]) else y[t], **({} if covariates is None else {"covariates": X[t]}))
        assert row.tobytes() == whole[t].tobytes()
        if t % 5 == 0:
            stream = model.online(json.loads(json.dumps(stream.snapshot(), allow_nan=False)))
    stream, blocks = model.online(), []
    for begin, end in ((0, 1), (1, 4), (4, 17), (17, 24)):
        blocks.append(stream.observe_block(y[begin:end], **given(covariates, begin, end)).log_probabilities)
    assert np.concatenate(blocks).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_sequences_are_each_by_itself(name):
    model, y, covariates = drawn(name)
    beside = {} if covariates is None else {"covariates": [covariates[:10], covariates[10:]]}
    together = model.smooth([y[:10], y[10:]], **beside)
    by_lengths = model.smooth(y, lengths=[10, 14], **given(covariates, 0, 24))
    alone = [model.smooth(y[a:b], **given(covariates, a, b)).log_probabilities for a, b in ((0, 10), (10, 24))]
    assert together.log_probabilities.tobytes() == np.concatenate(alone).tobytes()
    assert by_lengths.log_probabilities.tobytes() == np.concatenate(alone).tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_many_simulated_paths(name):
    """What the most probable parameters of a long path are near is what it was drawn by."""
    model, covariates = MODELS[name]
    long = None if covariates is None else np.tile(covariates, (80, 1))
    states, y = model.simulate(24 * 80, 1, **({} if long is None else {"covariates": long}))
    belongs = np.eye(2)[states]
    best = model.emission.estimated(y, belongs, **({} if long is None else {"covariates": long}))
    assert best.coefficients == pytest.approx(model.emission.coefficients, abs=0.2)


def test_forecasts_of_a_regression_know_the_covariates_to_come():
    model, y, _ = drawn("regression")
    forecast = model.forecast(y[:20], 4, covariates=X)
    shares = np.exp(forecast.log_probabilities)
    mean, variance = model.emission.moments_at(X[20:])
    expected = (shares * mean).sum(axis=1)
    assert forecast.mean == pytest.approx(expected, rel=1e-12)
    assert forecast.variance == pytest.approx((shares * (variance + mean**2)).sum(axis=1) - expected**2, rel=1e-12)


@pytest.mark.parametrize("name", ["order two", "covariates, too"])
def test_forecasts_of_an_autoregression_are_those_of_many_paths(name):
    """From what is known after the last step, paths are drawn on; their mean is the forecast, within its noise."""
    model, y, covariates = drawn(name)
    forecast = model.forecast(y[:20], 3, **given(covariates, 0, 23))
    n_paths, order = 20_000, model.emission.order
    rng = np.random.default_rng(2)
    now = rng.choice(2, n_paths, p=model.filter(y[:20], **given(covariates, 0, 20)).probabilities[-1])
    past = np.tile(y[20 - order : 20][::-1], (n_paths, 1))
    for s in range(3):
        now = (rng.random(n_paths) < model.transition[now, 1]).astype(int)
        rows = model.emission.coefficients[now]
        newest = rows[:, 0] + (rows[:, 1 : order + 1] * past).sum(axis=1)
        if covariates is not None:
            newest += rows[:, -1] * X[20 + s, 0]
        newest += np.sqrt(model.emission.variance[now]) * rng.standard_normal(n_paths)
        past = np.column_stack([newest, past[:, :-1]])
        noise = 4 * np.sqrt(forecast.variance[s] / n_paths)
        assert forecast.mean[s] == pytest.approx(newest.mean(), abs=noise)
        assert forecast.variance[s] == pytest.approx(newest.var(), rel=0.06)


def test_nothing_is_forecast_of_numbers_where_the_last_ones_are_missing():
    model, y, _ = drawn("order two")
    assert model.forecast(y[:17], 2).mean is None


def test_residuals_are_those_of_the_emission():
    """Of one state they are what is left of a number, in standard deviations; none of the first steps."""
    model = hf.HMM([1.0], [[1.0]], Autoregressive([[0.5, 0.6]], [0.25]))
    y = np.array([1.0, 1.3, 0.2, np.nan, 1.0, 1.2])
    residuals = model.pseudo_residuals(y).residuals
    expected = (y[1:] - 0.5 - 0.6 * y[:-1]) / 0.5
    assert residuals == pytest.approx(np.append(np.nan, expected), nan_ok=True, rel=1e-12)


def test_a_channel_of_a_product():
    """A product needs what its channels need, and each is as if it were alone."""
    _, y, _ = drawn("order two")
    waiting = hf.emissions.Exponential([1.0, 3.0])
    other = RNG.exponential(size=24)
    channels = Product([MODELS["order two"][0].emission, waiting])
    alone = MODELS["order two"][0].emission.log_likelihoods(y) + waiting.log_likelihoods(other)
    model, plain = hf.HMM(*CHAIN, channels), hf.HMM(*CHAIN, waiting)
    filtered = model.filter(np.column_stack([y, other]))
    table = hf.forward_filter(plain.log_initial, plain.log_transition, alone)
    assert filtered.log_probabilities.tobytes() == table.log_probabilities.tobytes()


def test_a_model_says_that_the_first_steps_are_given():
    assert str(MODELS["order two"][0]).startswith("HMM: 2 states, Autoregressive emission given the first 2 steps\n")


def test_what_is_missing_or_not_asked_for():
    model, y, _ = drawn("regression")
    with pytest.raises(ValueError, match="covariates must be given, for Regression, got None"):
        model.filter(y)
    with pytest.raises(ValueError, match="covariates must have 1 columns"):
        model.filter(y, covariates=np.ones((24, 2)))
    model, y, _ = drawn("order two")
    with pytest.raises(ValueError, match="covariates must be left out"):
        model.filter(y, covariates=X)


def test_a_fit_calls_coefficients_as_the_model_does():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"price": rng.normal(size=60), "promo": rng.normal(size=60)})
    known = frame["price"] * np.repeat([1.0, -2.0], 30) + rng.normal(size=60)
    start = hf.guess("regression", 2, known, covariates=frame)
    assert re.search(" intercept +price +promo +sd", repr(start))
    fitted = start.fit(known, covariates=frame)
    assert re.search(" intercept +price +promo +variance", repr(fitted))
    fitted.standard_errors()
    assert re.search(" intercept +price +promo +variance", repr(fitted.confidence_intervals()))
    walk = hf.guess("autoregressive", 2, known, order=1).fit(known)
    assert re.search(r" intercept +φ\[1\] +variance", repr(walk))
    classes = hf.guess("regression", 2, rng.integers(0, 3, 60), covariates=frame.price.array, family="categorical")
    found = classes.fit([0, 1, 2] * 20, covariates=frame.price.array, max_iterations=1)
    assert re.search(r"1: intercept +1: x\[0\] +2: intercept +2: x\[0\]", repr(found))


def test_outcomes_to_come_have_no_mean():
    outcomes = Regression([[[0.5, 1.0], [0.0, -1.0]]], family="categorical")
    forecast = hf.HMM([1.0], [[1.0]], outcomes).forecast([0, 2], 2, covariates=X[:4])
    assert forecast.mean is None
    assert forecast.variance is None
