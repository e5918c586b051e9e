"""Viterbi decoding of a stream: settled states are those of the whole, forced ones are said to be; snapshots."""

import copy
import json

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._kernels import surviving
from tests import cases, oracle
from tests.conftest import needs_compiled
from tests.test_filtering import FAMILY
from tests.wing import room

JOINT_TOLERANCE = 1e-15  # relative: sums of the same terms in another order
MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))


def decoded(stream, rows):
    """All that a stream settles, and in the end flushes: states, and which are forced; and how many wait at most."""
    states, forced, waiting = [], [], 0
    for row in rows:
        settled = stream.update(row)
        assert settled.start == len(states)
        states += settled.states.tolist()
        forced += settled.forced.tolist()
        assert stream.n_settled == len(states)
        waiting = max(waiting, stream.n_observed - stream.n_settled)
    rest = stream.flush()
    assert rest.start == stream.n_settled
    assert not rest.forced.any()
    return np.array(states + rest.states.tolist()), np.array(forced + rest.forced.tolist()), waiting


def tied(seed, n_steps, n_states):
    """A chain of whole logs, so that many paths are as good."""
    rng = np.random.default_rng(seed)
    shapes = (n_states,), (n_states, n_states), (n_steps, n_states)
    return tuple(rng.integers(-2, 1, shape).astype(float) for shape in shapes)


@FAMILY
@pytest.mark.parametrize("n_states", [1, 3, pytest.param(9, marks=needs_compiled)])
def test_it_is_the_path_of_the_whole(family, n_states):
    case = cases.draw(family, 3, 24, n_states)
    whole = hf.viterbi(*case)
    stream = hf.OnlineViterbi(*case[:2])
    path, forced, _ = decoded(stream, case[2])
    assert path.tolist() == whole.path.tolist()
    assert not forced.any()
    assert stream.log_joint == pytest.approx(whole.log_joint, rel=JOINT_TOLERANCE, abs=JOINT_TOLERANCE)


@pytest.mark.parametrize("seed", range(12))
def test_of_equal_paths_it_is_the_smallest(seed):
    case = tied(seed, 6, 3)
    path, _, _ = decoded(hf.OnlineViterbi(*case[:2]), case[2])
    joints = {way: oracle.path_joint(case, way) for way in np.ndindex(*[3] * 6)}
    best = max(joints.values())
    assert tuple(path) == min(way for way, joint in joints.items() if joint == best)


@pytest.mark.parametrize("lag", [0, 1, 5])
@pytest.mark.parametrize("seed", range(5))
def test_a_lag_bounds_the_wait_and_what_is_forced_is_said(lag, seed):
    case = tied(seed, 40, 3) if seed else cases.draw(cases.mixed, 1, 40, 3)
    whole = hf.viterbi(*case)
    path, forced, waiting = decoded(hf.OnlineViterbi(*case[:2], lag=lag), case[2])
    assert waiting <= lag
    assert path[~forced].tolist() == whole.path[~forced].tolist()
    best_so_far = [hf.viterbi(*case[:2], case[2][: t + lag + 1]).path[t] for t in np.flatnonzero(forced)]
    assert path[forced].tolist() == best_so_far


def test_a_state_is_settled_as_soon_as_all_best_paths_agree():
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 5, 30, 3)
    stream = hf.OnlineViterbi(log_initial, log_transition)
    for t, row in enumerate(rows):
        stream.update(row)
        ends = []
        for state in range(3):
            table = rows[: t + 1].copy()
            table[t, np.arange(3) != state] = -np.inf
            ends.append(hf.viterbi(log_initial, log_transition, table).path)
        agree = np.ptp(ends, axis=0) == 0
        assert stream.n_settled == (t + 1 if agree.all() else int(np.argmin(agree)))


def test_snapshots_go_on_with_the_same_states():
    log_initial, log_transition, rows = tied(7, 60, 4)
    stream, whole = (
        hf.OnlineViterbi(log_initial, log_transition, lag=9),
        hf.OnlineViterbi(log_initial, log_transition, lag=9),
    )
    for row in rows:
        stream = hf.OnlineViterbi.restore(json.loads(json.dumps(stream.snapshot())), log_transition)
        one, other = stream.update(row), whole.update(row)
        assert [one.start, one.states.tolist(), one.forced.tolist()] == [
            other.start,
            other.states.tolist(),
            other.forced.tolist(),
        ]
    assert stream.log_joint == whole.log_joint
    assert stream.snapshot() == whole.snapshot()
    twin = copy.copy(stream)
    twin.update(rows[0])
    assert stream.n_observed == twin.n_observed - 1 == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "x"}, "format must be 'hmmfilter decoding stream, version 1', got 'x'"),
        ({"best": 5}, "best must be a state that is possible, got 5"),
        ({"rank": [0, 2]}, r"rank\[1\] must be from 0 to 1, got 2"),
        ({"rank": [0]}, "rank must have 2 entries, got 1"),
        ({"ways": [[0, 0]] * 9}, "ways must have a row a step at most, of which there are 3, got 9"),
        ({"ways": [[-1, 0]]}, r"ways\[0\]\[0\] must be a state, as a path leads through it, got -1"),
        ({"lag": 2}, "lag must be that of the snapshot, 2, got None"),
        ({"model": {"tables": "0", "probabilities": None, "emission": None}}, "must be of a stream of this model"),
    ],
)
def test_what_is_no_snapshot_is_refused(change, message):
    stream = MODEL.online_viterbi()
    for count in (0, 1, 3):
        stream.observe(count)
    with pytest.raises((ValueError, TypeError), match=message):
        MODEL.online_viterbi(snapshot=stream.snapshot() | change)
    if "model" in change:
        assert MODEL.online_viterbi(snapshot=stream.snapshot() | change, force=True).n_observed == 3


def test_a_stream_says_where_it_is():
    stream = MODEL.online_viterbi(lag=3)
    assert (stream.lag, stream.n_observed, stream.n_settled, stream.log_joint) == (3, 0, 0, 0.0)
    assert stream.flush().states.tolist() == []
    assert MODEL.online_viterbi(3, stream.snapshot()).observe(4).start == 0
    assert repr(stream) == "OnlineViterbi: 0 steps so far, 0 of them settled, 2 states, log-joint 0.0000"


def test_what_is_impossible_changes_nothing():
    stream = hf.OnlineViterbi([0.0, -np.inf], [[0.0, -np.inf], [0.0, 0.0]])
    stream.update([-1.0, 0.0])
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 1 on"):
        stream.update([-np.inf, 0.0])
    with pytest.raises(hf.ImpossibleEvidenceError):
        stream.update([0.0, 0.0], allowed=[False, True])
    assert (stream.n_observed, stream.n_settled, stream.log_joint) == (1, 1, -1.0)
    assert stream.update([0.0, 0.0], log_transition=[[-np.inf, 0.0], [0.0, 0.0]]).states.tolist() == [1]


@pytest.mark.parametrize("seed", range(6))
def test_once_it_ends_the_path_is_that_of_a_sequence_that_ends(seed):
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 3.0]), final=[0.02, 0.9])
    counts = np.random.default_rng(seed).poisson(1.5, size=9)
    stream = model.online_viterbi()
    states = np.concatenate([stream.observe(count).states for count in counts])
    before, rest = stream.snapshot(), stream.end()
    assert (rest.start, rest.forced.any(), stream.snapshot()) == (stream.n_settled, False, before)
    np.testing.assert_array_equal(np.concatenate([states, rest.states]), model.viterbi(counts).path)


def test_an_end_is_asked_for_where_there_may_be_one():
    stream = MODEL.online_viterbi()
    stream.observe(1)
    with pytest.raises(ValueError, match="final, got one without"):
        stream.end()
    never = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], MODEL.emission, final=[0.0, 1.0]).online_viterbi()
    never.observe(1)
    with pytest.raises(hf.ImpossibleEvidenceError, match="step 0"):
        never.end()


def test_a_stream_that_goes_on_for_long_stays_small():
    rng = np.random.default_rng(0)
    stream, rows = (
        hf.OnlineViterbi(np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.1, 0.9]])),
        rng.normal(size=(3000, 2)) * 400,
    )
    path, _, waiting = decoded(stream, rows)
    whole = hf.viterbi(np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.1, 0.9]]), rows)
    assert path.tolist() == whole.path.tolist()
    assert stream.log_joint == pytest.approx(whole.log_joint, rel=JOINT_TOLERANCE)
    assert abs(stream._scores[0]).max() < 2 * surviving.FARTHEST
    assert len(stream._ways) <= 2 * max(waiting, 16)


@pytest.mark.parametrize("seed", range(3))
def test_kernels_have_the_same_bits_in_either_wing(seed):
    case = tied(seed, 12, 3)
    tables = []
    for kernels in (surviving, room("surviving")):
        scores, out = np.zeros((5, 3)), np.zeros(2)
        ranks, spare = np.zeros((2, 3), dtype=np.int64)
        ways = np.zeros((12, 3), dtype=np.int64)
        for t, row in enumerate(case[2]):
            kernels.run_survival(row, *case[:2], t == 0, scores, out, ranks, spare, ways[t])
        ancestors, states = np.zeros((2, 3), dtype=np.int64), np.zeros(12, dtype=np.int64)
        n_settled = kernels.run_agreement(ways, True, ancestors, states)
        tables.append([scores[:2].tolist(), ranks.tolist(), ways.tolist(), n_settled, states[:n_settled].tolist()])
    assert tables[0] == tables[1]
