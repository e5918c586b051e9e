"""Streams of chains that list their moves: the bits of the whole run, whatever lies between."""

import copy
import json
import pickle
import re
import tracemalloc

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.transitions import Banded, Kronecker, Sparse, StayOrJump
from tests import cases
from tests.conftest import needs_compiled

STEPS = 70
COUNTS = hf.emissions.Poisson


def sparse(rng, n_states):
    matrix = rng.dirichlet(np.ones(n_states), n_states) * (rng.random((n_states, n_states)) < 0.4) + np.eye(n_states)
    return Sparse(matrix, normalize=True)


def banded(rng, n_states):
    diagonals = rng.random((3, n_states)) + 0.1
    diagonals[0, 0] = diagonals[2, -1] = 0.0
    return Banded(diagonals / diagonals.sum(axis=0), 1)


def kronecker(rng, n_states):
    return Kronecker(rng.dirichlet(np.ones(2), 2), sparse(rng, n_states // 2))


def jumping(rng, n_states):
    return StayOrJump(rng.random(n_states), rng.dirichlet(np.ones(n_states)))


def elsewhere(rng, n_states):
    return StayOrJump(rng.random(n_states), rng.dirichlet(np.ones(n_states)), elsewhere=True)


def by_step(rng, n_states):
    return StayOrJump(rng.random(STEPS - 1), rng.dirichlet(np.ones(n_states)), by_step=True)


KINDS = {made.__name__: made for made in (sparse, banded, kronecker, jumping, elsewhere, by_step)}
EACH = pytest.mark.parametrize("kind", [*KINDS])
SIZES = pytest.mark.parametrize("n_states", [6, 18])


def drawn(kind, n_states, seed=0):
    """A chain, and a case in which likelihoods differ by hundreds of nats at times."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 3, (STEPS, n_states))
    rows[10::20] -= rng.uniform(0, 900, (len(rows[10::20]), n_states))
    return cases.logs(rng.dirichlet(np.ones(n_states))), KINDS[kind](rng, n_states), rows


def through_json(snapshot):
    return json.loads(json.dumps(snapshot))


@EACH
@SIZES
def test_rows_and_blocks_have_the_bits_of_the_whole(kind, n_states):
    log_initial, chain, rows = drawn(kind, n_states)
    whole = hf.forward_filter(log_initial, chain, rows)
    stream = hf.OnlineFilter(log_initial, chain)
    one_by_one = [stream.update(row) for row in rows[:20]]
    block = stream.update_block(rows[20:50])
    stream = hf.OnlineFilter.restore(through_json(stream.snapshot()), chain)
    last = [stream.update(row) for row in rows[50:]]
    together = np.concatenate([one_by_one, block.log_probabilities, last])
    np.testing.assert_array_equal(together, whole.log_probabilities)
    assert stream.log_likelihood == whole.log_likelihood
    parts = hf.filter_blocks(log_initial, chain, [rows[:1], rows[1:40], rows[40:]])
    np.testing.assert_array_equal(np.concatenate([part.log_probabilities for part in parts]), whole.log_probabilities)


@EACH
@SIZES
def test_the_end_of_a_lag_is_that_of_the_smoother(kind, n_states):
    log_initial, chain, rows = drawn(kind, n_states)
    lagged = hf.FixedLagSmoother(log_initial, chain, lag=3)
    answers = [lagged.update(row) for row in rows[:30]]
    smoothed = hf.smooth(log_initial, _until(chain, 30), rows[:30])
    np.testing.assert_array_equal(answers[-1], smoothed.log_probabilities[-4])
    np.testing.assert_array_equal(lagged.flush(), smoothed.log_probabilities[-3:])
    restored = hf.FixedLagSmoother.restore(through_json(lagged.snapshot()), chain)
    np.testing.assert_array_equal(restored.update(rows[30]), lagged.update(rows[30]))


def _until(chain, n_steps):
    """The same chain of fewer steps."""
    if not getattr(chain, "by_step", False):
        return chain
    return StayOrJump(chain.stay[: n_steps - 1], chain.jump, by_step=True)


@EACH
@SIZES
def test_copies_and_pickles_go_on_by_themselves(kind, n_states):
    log_initial, chain, rows = drawn(kind, n_states)
    stream = hf.OnlineFilter(log_initial, chain)
    stream.update_block(rows[:5])
    for again in (copy.copy(stream), pickle.loads(pickle.dumps(stream))):
        np.testing.assert_array_equal(
            again.update(rows[5]), hf.forward_filter(log_initial, _until(chain, 6), rows[:6]).log_probabilities[-1]
        )
    assert stream.n_observed == 5


@pytest.mark.parametrize("kind", ["sparse", "banded"])
@SIZES
def test_matrices_have_the_same_bits(kind, n_states):
    log_initial, chain, rows = drawn(kind, n_states)
    log_matrix = cases.logs(chain.to_dense())
    for make in (hf.OnlineFilter, lambda *tables: hf.FixedLagSmoother(*tables, lag=2)):
        stream, dense = make(log_initial, chain), make(log_initial, log_matrix)
        for row in rows:
            np.testing.assert_array_equal(stream.update(row), dense.update(row))
    np.testing.assert_array_equal(stream.predict(7), dense.predict(7))
    np.testing.assert_array_equal(
        hf.predict(rows[:3], chain, 5),
        hf.predict(rows[:3], log_matrix, 5),
    )


@pytest.mark.parametrize("n_states", [6, 18])
def test_what_leads_to_one_step_alone(n_states):
    """A stay a step, given step by step, or from another structure."""
    log_initial, chain, rows = drawn("by_step", n_states)
    whole = hf.forward_filter(log_initial, chain, rows)
    stream = hf.OnlineFilter(log_initial, StayOrJump(0.5, chain.jump))
    stream.update(rows[0])
    answers = [
        stream.update(row, log_transition=StayOrJump(stay, chain.jump))
        for row, stay in zip(rows[1:], chain.stay, strict=True)
    ]
    np.testing.assert_array_equal(answers, whole.log_probabilities[1:])
    by_matrix, by_moves = (hf.OnlineFilter(log_initial, np.log(np.full((n_states, n_states), 0.1))) for _ in range(2))
    matrix = sparse(np.random.default_rng(1), n_states)
    for stream in (by_matrix, by_moves):
        stream.update(rows[0])
    np.testing.assert_array_equal(
        by_moves.update(rows[1], log_transition=matrix),
        by_matrix.update(rows[1], log_transition=cases.logs(matrix.to_dense())),
    )


def test_steps_that_are_counted_come_to_an_end():
    log_initial, chain, rows = drawn("by_step", 6)
    stream = hf.OnlineFilter(log_initial, chain)
    stream.update_block(rows[:-3])
    ahead = stream.forecast(3)
    dense = chain.to_dense()
    expected = np.exp(stream.log_probabilities)
    for t, probabilities in enumerate(ahead.probabilities):
        expected = expected @ dense[STEPS - 4 + t]
        np.testing.assert_allclose(probabilities, expected, rtol=1e-13)
    np.testing.assert_array_equal(stream.predict(3), ahead.log_probabilities[-1])
    words = (
        "log_transition must lead to each step, got one that leads to 69 after the first, and 71 steps: update takes "
        "what leads to a step alone"
    )
    for too_far in (lambda: stream.predict(4), lambda: stream.update_block(np.zeros((4, 6)))):
        with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
            too_far()
    blocks = hf.filter_blocks(log_initial, chain, [rows, rows[:1]])
    next(blocks)
    with pytest.raises(ValueError, match="blocks must have at most the 70 rows that log_transition is for, got 71"):
        next(blocks)
    with pytest.raises(ValueError, match="log_transition must be of one step, got one of 69"):
        stream.update(rows[0], log_transition=chain)
    with pytest.raises(ValueError, match="log_transition must have 6 states, got 3"):
        stream.update(rows[0], log_transition=StayOrJump(0.5, [0.5, 0.25, 0.25]))


def test_blocks_by_an_index():
    log_initial, chain, rows = drawn("by_step", 6)
    index = np.random.default_rng(2).integers(STEPS - 1, size=STEPS - 1)
    whole = hf.forward_filter(log_initial, chain, rows, transition_index=index)
    parts = hf.filter_blocks(log_initial, chain, [rows[:9], rows[9:]], transition_index=index)
    np.testing.assert_array_equal(np.concatenate([part.log_probabilities for part in parts]), whole.log_probabilities)


def test_a_stream_may_start_afresh():
    log_initial, chain, rows = drawn("by_step", 18)
    rows[30] = np.where(np.arange(18) == 3, 0.0, -np.inf)
    chain = StayOrJump(np.where(np.arange(STEPS - 1) == 29, 1.0, chain.stay), chain.jump, by_step=True)
    rows[29, 3] = -np.inf
    whole = hf.forward_filter(log_initial, chain, rows, impossible="restart")
    assert whole.restarts.tolist() == [30]
    stream = hf.OnlineFilter(log_initial, chain, impossible="restart")
    answers = [stream.update(row) for row in rows[:35]]
    block = stream.update_block(rows[35:])
    np.testing.assert_array_equal(np.concatenate([answers, block.log_probabilities]), whole.log_probabilities)
    assert stream.restarts.tolist() == [30]


def model_of(kind, n_states, **more):
    log_initial, chain, _ = drawn(kind, n_states)
    return hf.HMM(np.exp(log_initial), chain, COUNTS(np.arange(n_states) * 3.0), normalize=True, **more)


@EACH
def test_streams_of_a_model(kind):
    model, counts = model_of(kind, 9 + 9 * (kind != "sparse")), np.random.default_rng(3).integers(0, 40, STEPS)
    filtered = model.filter(counts)
    stream = model.online()
    stream.observe_block(counts[:30])
    stream = model.online(through_json(stream.snapshot()))
    for count in counts[30:]:
        log_probabilities = stream.observe(count)
    np.testing.assert_array_equal(log_probabilities, filtered.log_probabilities[-1])
    parts = model.filter_blocks([counts[:11], counts[11:]])
    np.testing.assert_array_equal(
        np.concatenate([part.log_probabilities for part in parts]), filtered.log_probabilities
    )
    lagged = model.fixed_lag(2)
    for count in counts:
        lagged.observe(count)
    np.testing.assert_array_equal(lagged.flush(), model.smooth(counts).log_probabilities[-2:])


def test_a_snapshot_knows_the_structure():
    model = model_of("jumping", 18)
    stream = model.online()
    stream.observe(4)
    snapshot = through_json(stream.snapshot())
    assert model_of("jumping", 18).online(snapshot).n_observed == 1
    others = [
        StayOrJump(model.chain.stay, model.chain.jump, elsewhere=True),
        StayOrJump(model.chain.stay[::-1], model.chain.jump),
        Sparse(model.chain.to_dense()),
        model.chain.to_dense(),
    ]
    for chain in others:
        other = hf.HMM(model.initial, chain, model.emission)
        with pytest.raises(ValueError, match="force=True"):
            other.online(snapshot)
        assert other.online(snapshot, force=True).n_observed == 1


@EACH
def test_the_end_of_a_sequence(kind):
    final = np.random.default_rng(4).random(18) / 2
    model, counts = model_of(kind, 18, final=final), np.random.default_rng(3).integers(0, 40, STEPS)
    stream = model.online()
    stream.observe_block(counts)
    ended, filtered = stream.end(), model.filter(counts)
    np.testing.assert_allclose(ended.log_probabilities[0], filtered.log_probabilities[-1], rtol=1e-14)
    np.testing.assert_allclose(ended.log_likelihood, filtered.log_likelihood, rtol=1e-15)


@pytest.mark.parametrize("kind", ["sparse", "banded", "kronecker", "jumping", "elsewhere"])
@SIZES
def test_forecasts(kind, n_states):
    model = model_of(kind, n_states)
    ahead, dense = model.forecast([3, 9, 2], steps=4), hf.HMM(model.initial, model.chain.to_dense(), model.emission)
    expected = dense.forecast([3, 9, 2], steps=4)
    np.testing.assert_allclose(ahead.log_probabilities, expected.log_probabilities, rtol=1e-13)
    np.testing.assert_allclose(ahead.mean, expected.mean, rtol=1e-13)
    stream = model.online()
    stream.observe_block([3, 9, 2])
    np.testing.assert_array_equal(stream.forecast(4).log_probabilities, ahead.log_probabilities)
    np.testing.assert_array_equal(stream.predict(4), ahead.log_probabilities[-1])


def test_many_steps_ahead():
    """One by one, to some 1e-16 each; of few states, by powers."""
    certain = cases.logs(np.eye(18)[3])
    chain = drawn("jumping", 18)[1]
    np.testing.assert_allclose(np.exp(hf.predict(certain, chain, 10_000)), chain.stationary(), rtol=1e-11)
    words = (
        "steps must be at most 10000 where the chain is no matrix, and its states are more than 8, since they are "
        "taken one by one, got 10001: its method stationary says where it settles"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        hf.predict(certain, chain, 10_001)
    chain = drawn("jumping", 6)[1]
    np.testing.assert_allclose(np.exp(hf.predict(np.log(np.eye(6)[3] + 1e-300), chain, 10**6)), chain.stationary())


def test_steps_ahead_by_what_leads_to_each():
    chain = StayOrJump([0.5, 0.25, 0.75], [0.5, 0.25, 0.25], by_step=True)
    start = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    found = hf.predict(cases.logs(start), chain)
    np.testing.assert_allclose(np.exp(found), start @ np.linalg.multi_dot(chain.to_dense()), rtol=1e-14)
    with pytest.raises(ValueError, match="steps must be 3, as many as log_transition is for, got 4"):
        hf.predict(cases.logs(start), chain, 4)
    model = hf.HMM([0.5, 0.25, 0.25], chain, COUNTS([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="transition must lead to the steps to come, got one of 3 steps: a stream of"):
        model.forecast([1, 2, 3, 4], steps=2)


@EACH
@SIZES
@pytest.mark.parametrize("seed", [0, 1])
def test_decoding_as_it_comes(kind, n_states, seed):
    log_initial, chain, rows = drawn(kind, n_states, seed)
    decoded = hf.viterbi(log_initial, chain, rows)
    decoder = hf.OnlineViterbi(log_initial, chain)
    settled = [decoder.update(row).states for row in rows[:40]]
    decoder = hf.OnlineViterbi.restore(through_json(decoder.snapshot()), chain)
    settled += [copy.copy(decoder).update(rows[40]).states]
    decoder = pickle.loads(pickle.dumps(decoder))
    decoder.update(rows[40])
    settled += [decoder.update(row).states for row in rows[41:]] + [decoder.flush().states]
    np.testing.assert_array_equal(np.concatenate(settled), decoded.path)
    np.testing.assert_allclose(decoder.log_joint, decoded.log_joint, rtol=1e-15)


@pytest.mark.parametrize("kind", ["sparse", "banded"])
@SIZES
def test_decoding_settles_as_matrices_do(kind, n_states):
    """Also where many paths are equal, of which the lexicographically smallest is taken."""
    log_initial, chain, rows = drawn(kind, n_states)
    even = Sparse((chain.to_dense() > 0).astype(float), normalize=True)
    for each, start, likelihoods in ((chain, log_initial, rows), (even, np.zeros(n_states), np.rint(rows / 3))):
        by_moves, by_matrix = (hf.OnlineViterbi(start, moves) for moves in (each, cases.logs(each.to_dense())))
        for row in likelihoods:
            one, other = by_moves.update(row), by_matrix.update(row)
            assert (one.start, one.states.tolist()) == (other.start, other.states.tolist())
            assert by_moves.log_joint == by_matrix.log_joint


def test_decoding_with_what_leads_to_one_step_alone():
    log_initial, chain, rows = drawn("by_step", 18)
    decoder = hf.OnlineViterbi(log_initial, StayOrJump(0.5, chain.jump))
    settled = [decoder.update(rows[0]).states]
    for row, stay in zip(rows[1:], chain.stay, strict=True):
        settled.append(decoder.update(row, log_transition=StayOrJump(stay, chain.jump)).states)
    path = np.concatenate([*settled, decoder.flush().states])
    np.testing.assert_array_equal(path, hf.viterbi(log_initial, chain, rows).path)


@EACH
def test_decoding_of_a_model_that_ends_or_starts_afresh(kind):
    final = np.random.default_rng(4).random(18) / 2
    model, counts = model_of(kind, 18, final=final), np.random.default_rng(3).integers(0, 40, STEPS)
    decoder = model.online_viterbi()
    settled = [decoder.observe(count).states for count in counts]
    np.testing.assert_array_equal(np.concatenate([*settled, decoder.end().states]), model.viterbi(counts).path)


def test_decoding_may_start_afresh():
    log_initial, chain, rows = drawn("by_step", 18)
    rows[30] = np.where(np.arange(18) == 3, 0.0, -np.inf)
    rows[29, 3] = -np.inf
    chain = StayOrJump(np.where(np.arange(STEPS - 1) == 29, 1.0, chain.stay), chain.jump, by_step=True)
    decoder = hf.OnlineViterbi(log_initial, chain, impossible="restart")
    path = np.concatenate([*(decoder.update(row).states for row in rows), decoder.flush().states])
    whole = hf.viterbi(log_initial, chain, rows, impossible="restart")
    np.testing.assert_array_equal(path, whole.path)
    assert decoder.restarts.tolist() == whole.restarts.tolist() == [30]


@needs_compiled
@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth], ids=["filter", "smooth"])
def test_many_states_take_little_room(door):
    """Blocks are short where states are many; a filter takes some 40 bytes a move, where there are ten a state."""
    rng, n_states, n_moves, n_steps = np.random.default_rng(5), 40_000, 10, 20
    columns = (np.arange(n_states)[:, np.newaxis] + rng.integers(n_states, size=n_moves)) % n_states
    rows = np.repeat(np.arange(n_states), n_moves)
    chain = Sparse.from_logs(rows, columns.ravel(), np.full(rows.size, -np.log(n_moves)), n_states)
    case = np.full(n_states, -np.log(n_states)), chain, rng.normal(0, 3, (n_steps, n_states))
    stream = hf.OnlineFilter(*case[:2])
    expected = [stream.update(row) for row in case[2]]
    tracemalloc.start()
    found = door(*case, states=[7, 0])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found.log_probabilities[-1], expected[-1][[7, 0]])
    if door is hf.forward_filter:
        np.testing.assert_array_equal(found.log_probabilities, np.array(expected)[:, [7, 0]])
        assert peak < 60 * n_moves * n_states
