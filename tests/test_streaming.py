"""Streams: the bits of the whole, however it is cut; what is impossible leaves no trace; forecasts."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._tiers import kernels
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.test_filtering import FAMILY

STATES = pytest.mark.parametrize("n_states", [1, 2, 3, 9])
PREDICTION_TOLERANCE = 1e-13


def through_json(stream, log_transition):
    return hf.OnlineFilter.restore(json.loads(json.dumps(stream.snapshot(), allow_nan=False)), log_transition)


def steps_of(stream, log_likelihoods, cuts):
    """Rows in blocks that end at the cuts, a block of one as a row or as a block, with a snapshot after some."""
    rows, increments, start = [], [], 0
    for n, end in enumerate([*sorted(cuts), len(log_likelihoods)]):
        part = log_likelihoods[start:end]
        if len(part) == 1 and n % 2:
            rows.append(stream.update(part[0])[None])
            increments.append([np.nan])
        elif len(part):
            block = stream.update_block(part)
            rows.append(block.log_probabilities)
            increments.append(block.log_increments)
        if n % 3 == 0:
            stream = through_json(stream, stream._log_transition)
        start = end
    return stream, np.concatenate(rows), np.concatenate(increments)


@FAMILY
@STATES
def test_a_stream_gives_the_bits_of_the_whole(family, n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 1, 40, n_states)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream = hf.OnlineFilter(log_initial, log_transition)
    for t, row in enumerate(log_likelihoods):
        assert np.array_equal(stream.update(row), whole.log_probabilities[t])
        assert np.array_equal(stream.log_probabilities, whole.log_probabilities[t])
        assert stream.n_observed == t + 1
        if t % 7 == 0:
            stream = through_json(stream, log_transition)
    assert stream.log_likelihood == whole.log_likelihood


@given(st.sampled_from(cases.FAMILIES), st.integers(0, 10**6), st.sampled_from([2, 3, 9]), st.data())
def test_however_it_is_cut(family, seed, n_states, data):
    n_steps = data.draw(st.integers(2, 30))
    log_initial, log_transition, log_likelihoods = cases.draw(family, seed, n_steps, n_states)
    cuts = data.draw(st.lists(st.integers(0, n_steps), max_size=8))
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream, rows, increments = steps_of(hf.OnlineFilter(log_initial, log_transition), log_likelihoods, cuts)
    assert np.array_equal(rows, whole.log_probabilities)
    said = ~np.isnan(increments)
    assert np.array_equal(increments[said], whole.log_increments[said])
    assert stream.log_likelihood == whole.log_likelihood
    assert stream.n_observed == n_steps


@needs_compiled
def test_over_long_blocks():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 1, 5000, 2)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream, rows, increments = steps_of(hf.OnlineFilter(log_initial, log_transition), log_likelihoods, [1, 1500, 1501])
    assert np.array_equal(rows, whole.log_probabilities)
    said = ~np.isnan(increments)
    assert np.array_equal(increments[said], whole.log_increments[said])
    assert stream.log_likelihood == whole.log_likelihood


@needs_compiled
@pytest.mark.parametrize("nats", [700, -700])
@pytest.mark.parametrize("n_states", [2, 9])
def test_increments_that_no_double_holds(nats, n_states):
    """Long enough for fast steps to take powers of two out, which falls on other steps where a block begins anew."""
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 1, 1200, n_states)
    log_likelihoods += nats
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream = hf.OnlineFilter(log_initial, log_transition)
    increments = [stream.update_block(log_likelihoods[t : t + 50]).log_increments for t in range(0, 1200, 50)]
    assert np.array_equal(np.concatenate(increments), whole.log_increments)


def test_a_block_has_its_own_log_likelihood():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 1, 40, 3)
    stream = hf.OnlineFilter(log_initial, log_transition)
    first, second = stream.update_block(log_likelihoods[:30]), stream.update_block(log_likelihoods[30:])
    assert first.log_likelihood == hf.log_likelihood(log_initial, log_transition, log_likelihoods[:30])
    assert first.log_likelihood + second.log_likelihood == pytest.approx(stream.log_likelihood, rel=1e-14)
    assert second.log_likelihood == pytest.approx(second.log_increments.sum(), rel=1e-15)


@pytest.mark.parametrize("family", [cases.ordinary, cases.gaps], ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_states", [2, 9])
@pytest.mark.parametrize("step", [0, 1, 5])
def test_what_is_impossible_leaves_no_trace(family, n_states, step):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 0, 10, n_states)
    never = np.full(n_states, -np.inf)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream = hf.OnlineFilter(log_initial, log_transition)
    for row in log_likelihoods[:step]:
        stream.update(row)
    before = stream.snapshot()
    with pytest.raises(hf.ImpossibleEvidenceError, match=f"from step {step} on") as caught:
        stream.update(never)
    assert caught.value.step == step
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        stream.update_block([*log_likelihoods[step : step + 3], never])
    assert caught.value.step == step + 3
    assert stream.snapshot() == before
    for t, row in enumerate(log_likelihoods[step:], step):
        assert np.array_equal(stream.update(row), whole.log_probabilities[t])


@needs_compiled
def test_a_long_block_is_taken_as_a_whole_or_not_at_all():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 1, 5000, 2)
    stream = hf.OnlineFilter(log_initial, log_transition)
    stream.update(log_likelihoods[0])
    before = stream.snapshot()
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        stream.update_block([*log_likelihoods[1:], [-np.inf, -np.inf]])
    assert caught.value.step == 5000
    assert stream.snapshot() == before


def test_a_dead_start_stays_impossible():
    stream = hf.OnlineFilter([-np.inf, -np.inf], np.zeros((2, 2)))
    for _ in range(2):
        with pytest.raises(hf.ImpossibleEvidenceError):
            stream.update([0.0, 0.0])
    assert stream.n_observed == 0


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.rarer], ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_states", [2, 3, 9])
def test_a_transition_for_one_step(family, n_states):
    log_initial, log_transition, log_likelihoods = cases.changing(family, 3, 12, n_states)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream = hf.OnlineFilter(log_initial, log_transition[4])
    for t, row in enumerate(log_likelihoods):
        own = None if t == 5 else log_transition[t - 1] if t else np.full((n_states, n_states), -np.inf)
        assert np.array_equal(stream.update(row, log_transition=own), whole.log_probabilities[t])
    assert stream.log_likelihood == whole.log_likelihood


def test_allowed_states():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 12, 3)
    allowed = np.random.default_rng(1).random((12, 3)) < 0.7
    allowed[:, 1] |= ~allowed.any(axis=1)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods, allowed=allowed)
    stream = hf.OnlineFilter(log_initial, log_transition)
    for t in range(5):
        log_probabilities = stream.update(log_likelihoods[t], allowed=allowed[t])
        assert np.array_equal(log_probabilities, whole.log_probabilities[t])
    block = stream.update_block(log_likelihoods[5:], allowed=allowed[5:].tolist())
    assert np.array_equal(block.log_probabilities, whole.log_probabilities[5:])


@FAMILY
@pytest.mark.parametrize("n_states", [2, 9])
def test_predictions_keep_the_contract(family, n_states):
    case = log_initial, log_transition, log_likelihoods = cases.draw(family, 1, 8, n_states)
    stream = hf.OnlineFilter(log_initial, log_transition)
    stream.update_block(log_likelihoods)
    filtered = oracle.recursions(*case).filtered[-1]
    with oracle.mpmath.workdps(oracle.DIGITS):
        a = oracle.exp_table(log_transition)
        for steps in (1, 2, 3):
            filtered = [
                oracle.mpmath.fsum(p * row[j] for p, row in zip(filtered, a, strict=True)) for j in range(n_states)
            ]
            share = oracle.log_share(case[:2], [stream.predict(steps)], [filtered])
            note_share("prediction", share, f"stream, {family.__name__}, K={n_states}")
            assert share <= 1
    assert np.array_equal(stream.predict(), stream.predict(1))


def test_predictions_before_any_step():
    log_initial, log_transition, _ = cases.draw(cases.zeros, 3, 12, 3)
    stream = hf.OnlineFilter(log_initial, log_transition)
    assert np.array_equal(stream.predict(1), log_initial)
    assert np.array_equal(stream.predict(3), hf.predict(log_initial, log_transition, 2))
    assert np.array_equal(through_json(stream, log_transition).predict(), log_initial)
    stream.predict()[0] = 7.0
    assert np.array_equal(stream.predict(1), log_initial)


def test_a_stream_keeps_what_it_began_with():
    """Whatever the caller does with the tables afterwards."""
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 8, 3)
    expected = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    tables = log_initial.copy(), log_transition.copy()
    stream = hf.OnlineFilter(*tables)
    for table in tables:
        table[:] = 0.0
    block = stream.update_block(log_likelihoods)
    assert np.array_equal(block.log_probabilities, expected.log_probabilities)
    assert np.array_equal(stream.predict(), hf.predict(expected.log_probabilities[-1], log_transition))
    assert stream.snapshot()["log_initial"] == log_initial.tolist()


def test_the_caller_keeps_what_an_update_returns():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 2, 3)
    stream = hf.OnlineFilter(log_initial, log_transition)
    first = stream.update(log_likelihoods[0])
    kept, before = first.copy(), stream.snapshot()
    first[:] = 7.0
    assert stream.snapshot() == before
    first[:] = kept
    stream.update(log_likelihoods[1])
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    "row",
    [
        [0.5, -1.0],
        np.array([0.5, -1.0], np.float32),
        np.array([0.5, 9.0, -1.0, 9.0])[::2],
        np.array([0.5, -1.0], ">f8"),
        np.frombuffer(np.array([0.5, -1.0]).tobytes()),
    ],
    ids=["list", "float32", "strided", "big-endian", "read-only"],
)
def test_rows_of_any_layout(row):
    log_transition = np.log([[0.7, 0.3], [0.2, 0.8]])
    expected = hf.OnlineFilter([0.0, -1.0], log_transition).update(np.array([0.5, -1.0]))
    signatures = len(getattr(kernels.run_update, "signatures", ()))
    assert np.array_equal(hf.OnlineFilter([0.0, -1.0], log_transition).update(row), expected)
    assert len(getattr(kernels.run_update, "signatures", ())) == signatures  # the same machine code


COUNTS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
PAIRS = hf.HMM(
    [0.5, 0.5],
    [[0.9, 0.1], [0.2, 0.8]],
    hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0]], [[1, 1], [1, 1]], kind="variances"),
)


@pytest.mark.parametrize(
    ("model", "observations"),
    [(COUNTS, [0, None, 7, np.nan, 4]), (PAIRS, [[0.0, 1.0], None, [3.0, np.nan], [None, 2.0]])],
    ids=["numbers", "vectors"],
)
def test_a_models_stream_observes(model, observations):
    whole = model.filter(observations)
    stream = model.online()
    for t, observation in enumerate(observations):
        assert np.array_equal(stream.observe(observation), whole.log_probabilities[t])
        stream = model.online(json.loads(json.dumps(stream.snapshot())))
    assert stream.log_likelihood == whole.log_likelihood


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
@pytest.mark.parametrize("kind", [hf.OnlineFilter, lambda *tables: hf.FixedLagSmoother(*tables, 2)])
def test_a_copy_goes_its_own_way(kind, twin_of):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 8, 3)
    stream, undisturbed = kind(log_initial, log_transition), kind(log_initial, log_transition)
    for row in log_likelihoods[:4]:
        stream.update(row)
        undisturbed.update(row)
    runs = kernels.run_update, kernels.run_backward
    compiled = [len(getattr(kernel, "signatures", ())) for kernel in runs]
    twin = twin_of(stream)
    twin.update(log_likelihoods[7])
    for row in log_likelihoods[4:]:
        assert np.array_equal(stream.update(row), undisturbed.update(row))
    assert (stream.n_observed, twin.n_observed) == (8, 5)
    assert [len(getattr(kernel, "signatures", ())) for kernel in runs] == compiled  # the same machine code


def test_forecasts_are_those_of_the_model():
    for model, observations in ((COUNTS, [0, None, 7]), (PAIRS, [[0.0, 1.0], None])):
        stream = model.online()
        for observation in observations:
            stream.observe(observation)
        got, expected = stream.forecast(4), model.forecast(observations, 4)
        assert repr(got) == repr(expected)
        for name in ("log_probabilities", "mean", "variance"):
            assert np.array_equal(getattr(got, name), getattr(expected, name))


def test_a_forecast_before_any_step_begins_at_the_beginning():
    named = hf.HMM([0.2, 0.8], COUNTS.transition, hf.emissions.Categorical([[0.9, 0.1], [0.5, 0.5]]), ["calm", "busy"])
    forecast = named.online().forecast(3)
    np.testing.assert_allclose(forecast.probabilities[0], [0.2, 0.8], rtol=1e-15)
    np.testing.assert_allclose(forecast.symbol_probabilities[0], [0.58, 0.42], rtol=1e-15)
    assert np.array_equal(forecast.log_probabilities[2], named.online().predict(3))
    assert named.online().forecast(1).log_probabilities.shape == (1, 2)
    assert "calm" in repr(forecast)


def test_a_forecast_without_an_emission_is_of_states_alone():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 8, 3)
    stream = hf.OnlineFilter(log_initial, log_transition)
    stream.update_block(log_likelihoods)
    forecast = stream.forecast(2)
    assert np.array_equal(forecast.log_probabilities[1], stream.predict(2))
    assert forecast.mean is None
    assert forecast.symbol_probabilities is None


def test_blocks_of_a_models_stream_have_its_names():
    named = hf.HMM([0.2, 0.8], COUNTS.transition, COUNTS.emission, ["calm", "busy"])
    assert named.online().update_block([[0.0, -1.0]]).state_names == ("calm", "busy")


def test_a_stream_prints_and_begins_with_nothing():
    stream = COUNTS.online()
    assert repr(stream) == "OnlineFilter: 0 steps so far, 2 states, log-likelihood 0.0000"
    assert (stream.n_observed, stream.log_likelihood) == (0, 0.0)
    with pytest.raises(ValueError, match="log_probabilities must wait for a first update, got none yet"):
        _ = stream.log_probabilities
    stream.observe(3)
    assert repr(stream).startswith("OnlineFilter: 1 steps so far, 2 states, log-likelihood -")


REFUSED = [
    (lambda: COUNTS.online().update([0.0]), ValueError, "log_likelihood_row must have shape (2,), got (1,)"),
    (
        lambda: COUNTS.online().update([0.0, np.nan]),
        ValueError,
        "log_likelihood_row[1] must be -inf or finite, got nan",
    ),
    (
        lambda: COUNTS.online().update(np.array([0.0, np.inf])),
        ValueError,
        "log_likelihood_row[1] must be -inf or finite, got inf",
    ),
    (lambda: COUNTS.online().update(["a", "b"]), TypeError, "log_likelihood_row must hold real numbers, got dtype <U1"),
    (lambda: COUNTS.online().update([0, 0], allowed=[True]), ValueError, "allowed must have shape (2,), got (1,)"),
    (
        lambda: COUNTS.online().update([0, 0], log_transition=[[0]]),
        ValueError,
        "log_transition must have shape (2, 2), got (1, 1)",
    ),
    (lambda: COUNTS.online().update_block([[0.0]]), ValueError, "rows must have shape (B, 2), got (1, 1)"),
    (
        lambda: COUNTS.online().update_block(np.zeros((0, 2))),
        ValueError,
        "rows must have shape (B, 2) with no length of 0, got (0, 2)",
    ),
    (lambda: COUNTS.online().predict(0), ValueError, "steps must be at least 1, got 0"),
    (lambda: COUNTS.online().forecast(0), ValueError, "steps must be at least 1, got 0"),
    (
        lambda: COUNTS.online().observe("x"),
        TypeError,
        "observations[0] must be a number, or NaN or None where missing, got 'x'",
    ),
    (
        lambda: hf.OnlineFilter([0.0], [[0.0]]).observe(1),
        ValueError,
        "observe must have an emission, as from model.online(), got None: update takes log-likelihoods",
    ),
    (
        lambda: hf.OnlineFilter([0.0], [[0.0]], emission=COUNTS.emission),
        ValueError,
        "emission must have the 1 states of transition, got 2",
    ),
    (lambda: hf.OnlineFilter([0.0, 0.0], [[0.0]]), ValueError, "log_transition must have shape (2, 2), got (1, 1)"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_a_stream_observes_what_is_allowed():
    counts, allowed = [0, 4, None], [[True, False], [True, True], [False, True]]
    streams = COUNTS.online(), COUNTS.fixed_lag(0)
    for count, mask in zip(counts, allowed, strict=True):
        filtered, smoothed = (stream.observe(count, allowed=mask) for stream in streams)
    whole = COUNTS.filter(counts, allowed=allowed)
    assert filtered.tolist() == whole.log_probabilities[-1].tolist() == smoothed.tolist()
    with pytest.raises(ValueError, match=r"allowed must have shape \(2,\), got \(1,\)"):
        streams[0].observe(0, allowed=[True])
