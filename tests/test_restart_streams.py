"""Streams that no path leads through: they start afresh, with the bits of the whole, and say where."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmfilter as hf
from tests.test_restart import MODEL, STUCK, sparse

CUTS = [2, 4, 8]
NEVER = -np.inf


def written(stream):
    return json.loads(json.dumps(stream.snapshot(), allow_nan=False))


def same_as_whole(whole, stream):
    return (stream.log_likelihood, stream.restarts.tolist()) == (whole.log_likelihood, whole.restarts.tolist())


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 5))
def test_streams_and_blocks_are_the_whole(seed, observations, n_rows):
    model = sparse(seed)
    whole = model.filter(observations, impossible="restart")
    stream, blockwise = (model.online(impossible="restart") for _ in range(2))
    assert np.array_equal([stream.observe(x) for x in observations], whole.log_probabilities)
    blocks = [observations[t : t + n_rows] for t in range(0, len(observations), n_rows)]
    taken = [blockwise.observe_block(block) for block in blocks]
    filtered = [*model.filter_blocks(blocks, impossible="restart")]
    for results in (taken, filtered):
        assert np.array_equal(np.concatenate([each.probabilities for each in results]), whole.probabilities)
        assert np.array_equal(np.concatenate([each.log_increments for each in results]), whole.log_increments)
        restarts = [n * n_rows + step for n, each in enumerate(results) for step in each.restarts.tolist()]
        assert restarts == whole.restarts.tolist()
        assert np.isclose(sum(each.log_likelihood for each in results), whole.log_likelihood, rtol=1e-14)
    assert same_as_whole(whole, stream)
    assert same_as_whole(whole, blockwise)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 3), min_size=1, max_size=12), st.none() | st.integers(0, 3))
def test_decoders_settle_the_whole(seed, observations, lag):
    model = sparse(seed)
    whole = model.viterbi(observations, impossible="restart")
    decoder = model.online_viterbi(lag, impossible="restart")
    told = []
    for t, x in enumerate(observations):
        decoder = model.online_viterbi(lag, written(decoder), impossible="restart")
        told.append(decoder.observe(x))
        if t in decoder.restarts:
            assert decoder.n_settled >= t
            assert not told[-1].forced[: t - told[-1].start].any()
    told.append(decoder.flush())
    assert [each.start for each in told] == [0, *np.cumsum([len(each.states) for each in told])[:-1]]
    path, forced = (np.concatenate([getattr(each, name) for each in told]) for name in ("states", "forced"))
    assert np.array_equal(path[~forced], whole.path[~forced])
    assert decoder.restarts.tolist() == whole.restarts.tolist()
    assert decoder.log_joint == whole.log_joint
    if lag is None:
        assert not forced.any()


@pytest.mark.parametrize("lag", [None, 1, 4])
def test_a_break_settles_what_was_open(lag):
    shows = hf.emissions.Categorical([[0.7, 0.3, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
    model, symbols = hf.HMM([0.4, 0.4, 0.2], np.eye(3), shows), [0, 1, 0, 2, 2, 1, 1, 0]
    whole, decoder = model.viterbi(symbols, impossible="restart"), model.online_viterbi(lag, impossible="restart")
    told = []
    for x in symbols:
        decoder = model.online_viterbi(lag, written(decoder), impossible="restart")
        told.append(decoder.observe(x))
    assert whole.restarts.tolist() == decoder.restarts.tolist() == [3, 5]
    if lag is None:
        assert [each.states.tolist() for each in told] == [[], [], [], [0, 0, 0, 2], [2], [], [], []]
    assert told[3].start == (2 if lag == 1 else 0)
    assert not told[3].forced.any()
    assert (decoder.flush().start, decoder.n_observed) == (7 if lag == 1 else 5, 8)
    assert decoder.flush().states.tolist() == whole.path[decoder.n_settled :].tolist()
    assert decoder.log_joint == whole.log_joint


def test_snapshots_copies_and_pickles_go_on():
    whole = MODEL.filter(STUCK, impossible="restart")
    for again in (
        lambda stream: MODEL.online(written(stream), impossible="restart"),
        copy.copy,
        lambda stream: pickle.loads(pickle.dumps(stream)),
        lambda stream: hf.OnlineFilter.restore(
            written(stream), MODEL.log_transition, emission=MODEL.emission, impossible="restart"
        ),
    ):
        stream = MODEL.online(impossible="restart")
        for t, x in enumerate(STUCK):
            stream = again(stream)
            assert np.array_equal(stream.observe(x), whole.log_probabilities[t])
        assert same_as_whole(whole, stream)
    assert "restarts" not in MODEL.online(impossible="restart").snapshot()
    assert whole.restarts.tolist() == CUTS


def test_it_is_said_each_time_that_it_may():
    stream = MODEL.online(impossible="restart")
    stream.observe_block(STUCK[:3])
    strict = MODEL.online(written(stream))
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        strict.observe_block(STUCK[3:])
    assert caught.value.step == 4
    assert strict.restarts.tolist() == [2]
    assert same_as_whole(stream, strict)
    strict.observe(2)
    assert strict.log_likelihood == stream.log_likelihood


def test_a_step_that_cannot_begin_is_refused_and_all_is_as_before():
    model = hf.HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], hf.emissions.Categorical(np.eye(2)))
    stream, decoder = model.online(impossible="restart"), model.online_viterbi(impossible="restart")
    for never in (stream.observe, decoder.observe, lambda x: stream.observe_block([x])):
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            never(1)
        assert caught.value.step == 0
    for x in [0, 1, 0]:
        stream.observe(x)
        decoder.observe(x)
    before, settled = written(stream), written(decoder)
    for never in (
        lambda: stream.observe(0, allowed=[False, True]),
        lambda: stream.observe_block([0, 1, 0], allowed=[[True, True], [True, True], [False, True]]),
        lambda: decoder.observe(0, allowed=[False, True]),
    ):
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            never()
        assert caught.value.step in (3, 5)
    assert (written(stream), written(decoder)) == (before, settled)
    assert stream.restarts.tolist() == decoder.restarts.tolist() == [2]


@pytest.mark.parametrize("changing", ["index", "each step"])
@pytest.mark.parametrize("n_rows", [1, 2, 4])
def test_blocks_of_chains_that_change(changing, n_rows):
    with np.errstate(divide="ignore"):
        matrices, initial = np.log(np.array([np.eye(2), np.eye(2)[::-1]])), np.log([0.25, 0.75])
        table = np.log(np.eye(2)[[0, 0, 1, 1, 0, 1]])
    index = [0, 1, 1, 1, 0]
    chain, beside = (matrices, {"transition_index": index}) if changing == "index" else (matrices[index], {})
    whole = hf.forward_filter(initial, chain, table, impossible="restart", **beside)
    blocks = [table[t : t + n_rows] for t in range(0, 6, n_rows)]
    filtered = [*hf.filter_blocks(initial, chain, blocks, impossible="restart", **beside)]
    assert np.array_equal(np.concatenate([each.log_probabilities for each in filtered]), whole.log_probabilities)
    assert [n * n_rows + step for n, each in enumerate(filtered) for step in each.restarts] == [3, 5]


@pytest.mark.parametrize("final", [None, [0.2, 0.1]])
def test_models_of_chains_that_change(final):
    matrices = np.array([np.eye(2), np.eye(2)[::-1]])
    model = hf.HMM([0.25, 0.75], hf.transitions.Indexed(matrices), hf.emissions.Categorical(np.eye(2)), final=final)
    seen, index = [0, 0, 1, 1, 0, 1], [0, 1, 1, 1, 0, 0]
    whole = model.filter([*seen, None], transition_index=[*index, 0], impossible="restart")
    stream, blockwise = model.online(impossible="restart"), model.online(impossible="restart")
    decoder = model.online_viterbi(impossible="restart")
    for t in range(6):
        row = stream.observe(seen[t], transition_index=index[t])
        assert np.array_equal(row, whole.log_probabilities[t])
        decoder.observe(seen[t], transition_index=index[t])
        stream = model.online(written(stream), impossible="restart")
    blocks = model.filter_blocks([seen[:4], seen[4:]], transition_index=index, impossible="restart")
    assert np.array_equal(np.concatenate([each.probabilities for each in blocks]), whole.probabilities[:6])
    blockwise.observe_block(seen, transition_index=index)
    assert stream.restarts.tolist() == decoder.restarts.tolist() == blockwise.restarts.tolist() == [3, 5]
    if final is not None:
        ended = model.filter(seen, transition_index=index, impossible="restart")
        assert np.isclose(stream.end().log_likelihood, ended.log_likelihood, rtol=1e-15)


def test_what_is_refused():
    with pytest.raises(ValueError, match="impossible must be one of raise, restart, got 'mark'"):
        MODEL.online(impossible="mark")
    stream = MODEL.online(impossible="restart")
    stream.observe_block(STUCK)
    for steps, words in (
        ([2, 2], r"restarts: steps\[1\] must come after 2, and have been taken, got 2"),
        ([10], r"restarts: steps\[0\] must come after 0, and have been taken, got 10"),
        ([0], r"restarts: steps\[0\] must come after 0, and have been taken, got 0"),
        (3, "restarts: steps"),
    ):
        snapshot = written(stream) | {"restarts": {"steps": steps, "log_likelihood": 0.0}}
        with pytest.raises((ValueError, TypeError), match=words):
            MODEL.online(snapshot)
