"""Segments of paths, how often states are visited, and how long they last."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from tests.test_frames import MODEL, NEVER
from tests.test_labels import DAYS

SUM_TOLERANCE = 1e-14  # relative, of sums of up to a million probabilities


def decoded(path, lengths=None, n_states=3):
    starts = None if lengths is None else np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    log_joint = 0.0 if lengths is None else np.zeros(len(lengths))
    return hf.results.Decoded(path=np.array(path, np.int64), n_states=n_states, log_joint=log_joint, _starts=starts)


def segments_by_hand(path):
    t, found = 0, []
    for state, steps in itertools.groupby(path):
        length = len(list(steps))
        found += [(t, t + length, state, length)] if state >= 0 else []
        t += length
    return found


paths = st.lists(st.integers(-1, 2), min_size=1, max_size=20)


@given(paths)
def test_segments_of_a_path(path):
    result = decoded(path)
    segments = result.segments()
    assert segments.dtype.names == ("start", "end", "state", "length")
    assert segments.tolist() == segments_by_hand(path)
    for start, end, state, length in segments:
        assert np.array_equal(result[start:end], [state] * length)
    assert result.visits.tolist() == [np.count_nonzero(segments["state"] == k) for k in range(3)]
    assert result.occupancy["steps"].tolist() == [path.count(k) for k in range(3)]
    assert result.occupancy["share"].tolist() == [path.count(k) / len(path) for k in range(3)]


@given(st.lists(st.lists(st.integers(-1, 2), max_size=8), min_size=1, max_size=6))
def test_no_segment_leads_from_one_sequence_into_the_next(several):
    lengths = list(map(len, several))
    result = decoded([k for path in several for k in path], lengths)
    expected = [(n, *segment) for n, path in enumerate(several) for segment in segments_by_hand(path)]
    segments = result.segments()
    assert segments.dtype.names == ("sequence", "start", "end", "state", "length")
    assert segments.tolist() == expected
    assert result.visits.tolist() == [np.count_nonzero(segments["state"] == k) for k in range(3)]
    assert result.visits.tolist() == np.sum([result[n].visits for n in range(len(several))], axis=0).tolist()
    frame = result.segments(as_frame=True)
    of_each = [number for path in several for number, _ in enumerate(segments_by_hand(path))]
    assert frame.index.tolist() == list(zip(segments["sequence"], of_each, strict=True))


def test_one_state_throughout():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]))
    assert model.viterbi([1, 2, 3]).segments().tolist() == [(0, 3, 0, 3)]
    assert model.viterbi([1]).visits.tolist() == [1]


def test_a_marked_path_has_no_segments():
    table = np.zeros((5, 2))
    table[1] = NEVER
    marked = hf.viterbi(MODEL.log_initial, MODEL.log_transition, table, lengths=[3, 2], impossible="mark")
    assert marked.segments().tolist() == [(1, 0, 2, 0, 2)]
    assert marked.visits.tolist() == [1, 0]
    assert marked.occupancy.tolist() == [(2, 0.4), (0, 0.0)]
    assert len(marked[0].segments()) == 0
    assert len(marked[0].segments(as_frame=True)) == 0
    assert marked[0].occupancy.tolist() == [(0, 0.0), (0, 0.0)]
    smoothed = hf.smooth(MODEL.log_initial, MODEL.log_transition, table, lengths=[3, 2], impossible="mark")
    assert np.isnan(smoothed.occupancy["steps"]).all()
    assert smoothed[1].occupancy["steps"].sum() == pytest.approx(2, rel=SUM_TOLERANCE)


def test_an_empty_sequence_has_no_segments():
    result = decoded([1, 1], [0, 2, 0])
    assert len(result[0].segments()) == 0
    assert result[0].occupancy["share"].tolist() == [0.0, 0.0, 0.0]
    assert result.segments()["sequence"].tolist() == [1]


def test_frames_of_segments():
    frame = MODEL.viterbi([0, 2, 7, 4, 0, 0]).segments(as_frame=True)
    assert frame.columns.tolist() == ["start", "end", "state", "length"]
    assert frame["state"].tolist() == ["calm", "busy", "calm"]
    assert frame.index.name == "segment"
    assert frame.index.tolist() == [0, 1, 2]
    assert (frame["end"] - frame["start"]).tolist() == frame["length"].tolist() == [2, 2, 2]


def test_frames_of_segments_have_the_labels_of_the_first_and_the_last_step():
    frame = MODEL.viterbi(pd.Series([0, 9, 9], DAYS)).segments(as_frame=True)
    assert frame["first"].tolist() == [DAYS[0], DAYS[1]]
    assert frame["last"].tolist() == [DAYS[0], DAYS[2]]
    labels = pd.MultiIndex.from_tuples([("u", 1), ("u", 2), ("v", 1)])
    frame = MODEL.viterbi(pd.Series([0, 9, 9], labels)).segments(as_frame=True)
    assert frame["last"].tolist() == [("u", 1), ("v", 1)]
    data = pd.DataFrame({"who": list("baab"), "x": [0, 0, 9, 9]}, index=[10, 11, 12, 13])
    frame = MODEL.viterbi(data.groupby("who")["x"]).segments(as_frame=True)
    assert frame.index.names == ["who", "segment"]
    assert frame.index.tolist() == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert frame["first"].tolist() == [11, 12, 10, 13]
    assert frame["start"].tolist() == [0, 1, 0, 1]


def test_states_decoded_one_by_one_have_segments():
    result = MODEL.posterior_decode([0, 2, 7, 4])
    assert result.segments().tolist() == [(0, 2, 0, 2), (2, 4, 1, 2)]
    assert result.visits.tolist() == [1, 1]


def test_expected_occupancy():
    rng = np.random.default_rng(0)
    smoothed = MODEL.smooth(rng.poisson(3, 1000), lengths=[400, 600])
    occupancy = smoothed.occupancy
    np.testing.assert_allclose(occupancy["steps"], smoothed.probabilities.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(occupancy["steps"].sum(), 1000, rtol=SUM_TOLERANCE)
    np.testing.assert_allclose(occupancy["share"], occupancy["steps"] / 1000, rtol=SUM_TOLERANCE)


def test_expected_occupancy_of_many_steps_loses_no_digits():
    table = np.full((10**6, 2), [0.1, 0.9])
    smoothed = hf.results.Smoothed(_rows=table, _rows_hold="probabilities", log_likelihood=0.0)
    np.testing.assert_allclose(smoothed.occupancy["steps"], [1e5, 9e5], rtol=SUM_TOLERANCE)
