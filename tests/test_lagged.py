"""A lagged smoother: what a smoother says of the steps so far, some steps behind; snapshots of a constant size."""

import json

import numpy as np
import pytest

import hmmfilter as hf
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.test_filtering import FAMILY

LAG_TOLERANCE = 1e-13  # of a log, relative and absolute: a lagged smoother and one that runs over all


@pytest.mark.parametrize("lag", [0, 1, 4, 30])
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.frozen, cases.zeros], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n_states", [2, pytest.param(9, marks=needs_compiled)])
def test_a_lagged_smoother_is_the_smoother_of_what_has_come(family, lag, n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 2, 20, n_states)
    lagged = hf.FixedLagSmoother(log_initial, log_transition, lag)
    assert lagged.flush().shape == (0, n_states)
    for t, row in enumerate(log_likelihoods):
        got = lagged.update(row)
        expected = hf.smooth(log_initial, log_transition, log_likelihoods[: t + 1]).log_probabilities
        if t < lag:
            assert got is None
        else:
            np.testing.assert_allclose(got, expected[t - lag], rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)
        last = expected[max(t + 1 - lag, 0) :] if lag else expected[:0]
        np.testing.assert_allclose(lagged.flush(), last, rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)
    assert (lagged.lag, lagged.n_observed) == (lag, 20)
    assert lagged.log_likelihood == hf.log_likelihood(log_initial, log_transition, log_likelihoods)
    assert repr(lagged) == f"FixedLagSmoother: 20 steps so far, {n_states} states, lag {lag}"


@FAMILY
def test_a_lagged_smoother_keeps_the_contract(family):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 4, 24, 3)
    lagged = hf.FixedLagSmoother(log_initial, log_transition, 6)
    for row in log_likelihoods:
        got = lagged.update(row)
    case = log_initial, log_transition, log_likelihoods
    exact = oracle.recursions(*case).smoothed
    table = np.vstack([got, lagged.flush()])
    share = oracle.posterior_share(case, table, np.exp(table), exact[-7:])
    note_share("lagged smoother", share, family.__name__)
    assert share <= 1


def test_a_lag_longer_than_a_block(short_blocks):
    """The window starts anywhere among the blocks."""
    n_states, n_rows = short_blocks
    lag = n_rows + 6
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 2, lag + 3, n_states)
    lagged = hf.FixedLagSmoother(log_initial, log_transition, lag)
    for row in log_likelihoods:
        got = lagged.update(row)
    expected = hf.smooth(log_initial, log_transition, log_likelihoods).log_probabilities
    np.testing.assert_allclose(got, expected[-lag - 1], rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)
    np.testing.assert_allclose(lagged.flush(), expected[-lag:], rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)


def test_a_lagged_smoother_is_as_it_was_after_an_impossible_row():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 2, 8, 3)
    lagged, undisturbed = (hf.FixedLagSmoother(log_initial, log_transition, 2) for _ in range(2))
    for row in log_likelihoods:
        with pytest.raises(hf.ImpossibleEvidenceError):
            lagged.update([-np.inf] * 3)
        got, expected = lagged.update(row), undisturbed.update(row)
        assert (got is None) == (expected is None)
        assert got is None or np.array_equal(got, expected)


COUNTS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
COUNTED = [0, 2, None, 7, 4, 5, 0, 1]


def same(got, expected):
    return expected is None if got is None else np.array_equal(got, expected)


def through_json(stream):
    return json.loads(json.dumps(stream.snapshot(), allow_nan=False))


def test_what_it_began_with_stays():
    """Whatever the caller does with the tables, and with the rows, afterwards."""
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 8, 3)
    smoothed = hf.smooth(log_initial, log_transition, log_likelihoods)
    tables = log_initial.copy(), log_transition.copy()
    lagged = hf.FixedLagSmoother(*tables, 8)
    for table in tables:
        table[:] = 0.0
    for row in log_likelihoods:
        own = row.copy()
        lagged.update(own)
        own[:] = 0.0
    np.testing.assert_allclose(lagged.flush(), smoothed.log_probabilities, rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)


def test_a_models_lagged_stream_observes():
    lagged, by_rows = COUNTS.fixed_lag(2), hf.FixedLagSmoother(COUNTS.log_initial, COUNTS.log_transition, 2)
    for observation, row in zip(COUNTED, COUNTS.emission.log_likelihoods(COUNTED), strict=True):
        assert same(lagged.observe(observation), by_rows.update(row))
    assert lagged.log_likelihood == COUNTS.log_likelihood(COUNTED)


@pytest.mark.parametrize("lag", [0, 2, 20])
def test_allowed_states(lag):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 12, 3)
    allowed = np.random.default_rng(1).random((12, 3)) < 0.7
    allowed[:, 1] |= ~allowed.any(axis=1)
    lagged = hf.FixedLagSmoother(log_initial, log_transition, lag)
    for row, mask in zip(log_likelihoods, allowed, strict=True):
        got = lagged.update(row, allowed=mask)
    expected = hf.smooth(log_initial, log_transition, log_likelihoods, allowed=allowed).log_probabilities
    table = np.vstack([*([] if got is None else [got]), lagged.flush()])
    np.testing.assert_allclose(table, expected[-lag - 1 :], rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)


@pytest.mark.parametrize("n_steps", [0, 1, 8])
def test_a_lagged_stream_looks_ahead(n_steps):
    lagged, stream = COUNTS.fixed_lag(2), COUNTS.online()
    for observation in COUNTED[:n_steps]:
        lagged.observe(observation)
        stream.observe(observation)
    assert repr(lagged.forecast(3)) == repr(stream.forecast(3))
    assert np.array_equal(lagged.predict(3), stream.predict(3))
    assert np.array_equal(lagged.predict(), stream.predict())


@FAMILY
@pytest.mark.parametrize("lag", [0, 3, 30])
@pytest.mark.parametrize("n_states", [2, pytest.param(9, marks=needs_compiled)])
def test_a_restored_stream_gives_the_same_bits(family, lag, n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 2, 12, n_states)
    undisturbed = stream = hf.FixedLagSmoother(log_initial, log_transition, lag)
    for row in log_likelihoods:
        stream = hf.FixedLagSmoother.restore(through_json(stream), log_transition)
        assert same(stream.update(row), undisturbed.update(row) if stream is not undisturbed else None)
        assert same(stream.flush(), undisturbed.flush())
    assert stream.log_likelihood == undisturbed.log_likelihood
    assert (stream.n_observed, stream.lag) == (12, lag)
    assert stream.snapshot() == undisturbed.snapshot()


def test_a_restored_stream_of_a_model_gives_the_same_bits():
    undisturbed = stream = COUNTS.fixed_lag(2)
    for observation in COUNTED:
        stream = COUNTS.fixed_lag(2, through_json(stream))
        assert same(stream.observe(observation), undisturbed.observe(observation))
        assert repr(stream.forecast(2)) == repr(undisturbed.forecast(2))


def test_a_snapshot_has_a_constant_size():
    stream, sizes = COUNTS.fixed_lag(3), []
    for observation in COUNTED * 3:
        stream.observe(observation)
        sizes.append(len(stream.snapshot()["log_likelihoods"]))
    assert max(sizes) == sizes[-1] == 4


OTHER = hf.HMM([0.5, 0.5], [[0.7, 0.3], [0.2, 0.8]], COUNTS.emission)


def begun(lag=2, observations=COUNTED):
    stream = COUNTS.fixed_lag(lag)
    for observation in observations:
        stream.observe(observation)
    return stream.snapshot()


def test_by_force_the_window_is_that_of_the_other_model():
    """Of a stream that is all in its window, all is; of a longer one, what led to the window stays."""
    short = OTHER.fixed_lag(9, begun(9), force=True)
    table = OTHER.smooth(COUNTED).log_probabilities
    np.testing.assert_allclose(short.flush(), table, rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)
    long, filtered = OTHER.fixed_lag(2, begun(2), force=True), COUNTS.filter(COUNTED[:-3]).log_probabilities[-1]
    rows = OTHER.emission.log_likelihoods(COUNTED[-3:])
    table = hf.smooth(hf.predict(filtered, OTHER.log_transition), OTHER.log_transition, rows).log_probabilities
    np.testing.assert_allclose(long.flush(), table[-2:], rtol=LAG_TOLERANCE, atol=LAG_TOLERANCE)
    assert np.isfinite(long.observe(3)).all()


def test_by_force_what_is_impossible_is_said():
    sure, unsure = (hf.HMM(p, np.eye(2), hf.emissions.Poisson([0.0, 5.0])) for p in ([1.0, 0.0], [0.5, 0.5]))
    stream = unsure.fixed_lag(9)
    for observation in [0, 2]:
        stream.observe(observation)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        sure.fixed_lag(9, stream.snapshot(), force=True)
    assert caught.value.step == 1


def test_a_long_lag_takes_memory_as_steps_come():
    """A thousand gigabytes, were they taken at once."""
    lagged = hf.FixedLagSmoother([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], 10**11)
    assert lagged.update([0.0, -3.0]) is None
    assert lagged.flush().shape == (1, 2)


def changed(**parts):
    return begun() | parts


def in_filter(**parts):
    document = begun()
    return document | {"filter": document["filter"] | parts}


ANOTHER = "got one with another initial distribution or transition: force=True goes on from it all the same"
REFUSED = [
    (lambda: COUNTS.fixed_lag(-1), ValueError, "lag must be at least 0, got -1"),
    (lambda: COUNTS.fixed_lag(1).update([0, 0], allowed=[True]), ValueError, "allowed must have shape (2,), got (1,)"),
    (
        lambda: COUNTS.fixed_lag(1).update([0, 0], allowed=[1, 0]),
        TypeError,
        "allowed must hold True and False, unmasked, got dtype int64",
    ),
    (
        lambda: hf.FixedLagSmoother([0.0], [[0.0]], 1).observe(1),
        ValueError,
        "observe must have an emission, as from model.online(), got None: update takes log-likelihoods",
    ),
    (
        lambda: hf.FixedLagSmoother([0.0], [[0.0]], 1, emission=COUNTS.emission),
        ValueError,
        "emission must have the 1 states of transition, got 2",
    ),
    (lambda: COUNTS.fixed_lag(1).forecast(0), ValueError, "steps must be at least 1, got 0"),
    (lambda: COUNTS.fixed_lag(3, begun()), ValueError, "lag must be that of the snapshot, 2, got 3"),
    (
        lambda: OTHER.fixed_lag(2, begun()),
        ValueError,
        f"filter: the snapshot must be of a stream of this model, {ANOTHER}",
    ),
    (
        lambda: hf.FixedLagSmoother.restore(begun(), OTHER.log_transition, emission=OTHER.emission),
        ValueError,
        f"filter: the snapshot must be of a stream of this model, {ANOTHER}",
    ),
    (lambda: COUNTS.fixed_lag(2, []), TypeError, "the snapshot must be a JSON object, got list"),
    (
        lambda: COUNTS.fixed_lag(2, COUNTS.online().snapshot()["model"]),
        ValueError,
        "the snapshot must have the keys ['filter', 'format', 'lag', 'log_likelihoods'], got none of ['filter', 'format', 'lag', 'log_likelihoods'] and also ['emission', 'probabilities', 'tables']",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(format="x")),
        ValueError,
        "format must be 'hmmfilter lagged stream, version 1', got 'x'",
    ),
    (lambda: COUNTS.fixed_lag(2, changed(lag=-1)), ValueError, "lag must be that of the snapshot, -1, got 2"),
    (lambda: COUNTS.fixed_lag(2, begun(), force=1), TypeError, "force must be True or False, got 1"),
    (lambda: COUNTS.fixed_lag(2, changed(lag=True)), TypeError, "lag must be an integer, got True"),
    (lambda: COUNTS.fixed_lag(2, changed(lag=3)), ValueError, "lag must be that of the snapshot, 3, got 2"),
    (
        lambda: hf.FixedLagSmoother.restore(changed(lag=3), COUNTS.log_transition, emission=COUNTS.emission),
        ValueError,
        "log_likelihoods must have 4 rows, got 3",
    ),
    (lambda: COUNTS.fixed_lag(2, changed(filter=3)), TypeError, "filter: the snapshot must be a JSON object, got int"),
    (
        lambda: COUNTS.fixed_lag(2, in_filter(head=[2.0, 0.5])),
        ValueError,
        "filter: head[0] must be 0, or from 0.5 to below 1, got 2.0",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=3)),
        TypeError,
        "log_likelihoods must be a JSON array, got int",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=[[0, 0]])),
        ValueError,
        "log_likelihoods must have 3 rows, got 1",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=begun(4)["log_likelihoods"])),
        ValueError,
        "log_likelihoods must have 3 rows, got 5",
    ),
    (
        lambda: COUNTS.fixed_lag(9, begun(9) | {"log_likelihoods": [[0, 0]] * 11}),
        ValueError,
        "log_likelihoods must have at most 10 rows, got 11",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=[[0, 0], 7, [0, 0]])),
        TypeError,
        "log_likelihoods[1] must be a JSON array, got int",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=[[0, 0], [0], [0, 0]])),
        ValueError,
        "log_likelihoods[1] must have 2 entries, got 1",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=[[0, 0], [0, "a"], [0, 0]])),
        TypeError,
        "log_likelihoods[1][1] must be a number or null, got 'a'",
    ),
    (
        lambda: COUNTS.fixed_lag(2, changed(log_likelihoods=[[None, None], [0, 0], [0, 0]])),
        hf.ImpossibleEvidenceError,
        "the evidence is impossible from step 5 on: no path through the states has a probability above zero there",
    ),
    (lambda: hf.FixedLagSmoother([0.0], [[0.0]], -1), ValueError, "lag must be at least 0, got -1"),
    (lambda: hf.FixedLagSmoother([0.0], [[0.0]], 1.0), TypeError, "lag must be an integer, got 1.0"),
    (
        lambda: hf.FixedLagSmoother([0.0], [[0.0]], 1).update([np.nan]),
        ValueError,
        "row[0] must be -inf or finite, got nan",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
