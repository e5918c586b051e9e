"""Evidence that no path leads through: each piece starts afresh, and it is said where."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmfilter as hf

NEVER = -np.inf
AHEAD = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
MODEL = hf.HMM([0.5, 0.25, 0.25], AHEAD, hf.emissions.Categorical(np.eye(3)), ["a", "b", "c"])
STUCK = [0, 0, 2, 2, 0, 1, 1, 2, 1, None]


def by_hand(model, observations):
    """Where pieces begin, each of which is as long as one can be that is possible."""
    begin, cuts = 0, []
    for t in range(len(observations)):
        if model.log_likelihood(observations[begin : t + 1]) == NEVER:
            begin = t
            cuts.append(t)
    return cuts


def sparse(seed, n_states=4):
    """A model with many zeros, that can begin anywhere."""
    rng = np.random.default_rng(seed)
    moves = rng.random((n_states, n_states)) * (rng.random((n_states, n_states)) < 0.4)
    moves[np.arange(n_states), rng.integers(n_states, size=n_states)] += 0.1
    shows = np.eye(n_states) * 0.9 + rng.random((n_states, n_states)) * (rng.random((n_states, n_states)) < 0.2)
    emission = hf.emissions.Categorical(shows, normalize=True)
    return hf.HMM(np.full(n_states, 1 / n_states), moves, emission, normalize=True)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_pieces_are_sequences_of_their_own(seed, observations):
    model = sparse(seed)
    cuts = by_hand(model, observations)
    pieces = {"lengths": np.diff([0, *cuts, len(observations)])}
    filtered = model.filter(observations, impossible="restart")
    assert filtered.restarts.tolist() == cuts
    assert np.array_equal(filtered.log_probabilities, model.filter(observations, **pieces).log_probabilities)
    assert np.array_equal(filtered.log_increments, model.filter(observations, **pieces).log_increments)
    assert filtered.log_likelihood == model.log_likelihood(observations, impossible="restart")
    assert np.isclose(filtered.log_likelihood, model.log_likelihood(observations, **pieces).sum(), rtol=1e-14)
    smoothed = model.smooth(observations, impossible="restart")
    assert np.array_equal(smoothed.log_probabilities, model.smooth(observations, **pieces).log_probabilities)
    decoded = model.viterbi(observations, impossible="restart")
    assert np.array_equal(decoded.path, model.viterbi(observations, **pieces).path)
    assert np.isclose(decoded.log_joint, model.viterbi(observations, **pieces).log_joint.sum(), rtol=1e-14)
    assert smoothed.restarts.tolist() == decoded.restarts.tolist() == cuts


def test_several_sequences():
    cuts = by_hand(MODEL, STUCK)
    assert cuts == [2, 4, 8]
    sequences = [[], STUCK, [0, 0], [0, 0, 0, 2]]
    filtered = MODEL.filter(sequences, impossible="restart", workers=2)
    assert [each.tolist() for each in filtered.restarts] == [[], cuts, [], by_hand(MODEL, sequences[3])]
    alone = MODEL.filter(STUCK, impossible="restart")
    assert np.array_equal(filtered[1].log_probabilities, alone.log_probabilities)
    assert filtered[1].restarts.tolist() == cuts
    assert filtered.log_likelihood[1] == alone.log_likelihood
    assert filtered.lengths.tolist() == [0, 10, 2, 4]
    keyed = MODEL.viterbi({"x": STUCK, "y": [0]}, impossible="restart")
    assert keyed["x"].restarts.tolist() == cuts


@pytest.mark.parametrize("changing", ["index", "each step"])
def test_chains_that_change(changing):
    swap = [[0.0, 1.0], [1.0, 0.0]]
    with np.errstate(divide="ignore"):
        matrices = np.log(np.array([np.eye(2), swap]))
        table = np.log(np.eye(2)[[0, 0, 1, 1, 0, 1]])
        initial = np.log([[0.5, 0.5]])
    index = np.array([0, 1, 1, 1, 0, 0])
    # from step 2 to 3 the chain swaps, and nothing does; from step 4 to 5 it stays, and what is seen swaps
    if changing == "index":
        given = {"transition_index": index[:-1]}
    else:
        matrices, given = matrices[index[:-1]], {}
    filtered = hf.forward_filter(initial[0], matrices, table, impossible="restart", **given)
    assert filtered.restarts.tolist() == [3, 5]
    assert np.isclose(filtered.log_likelihood, 3 * np.log(0.5), rtol=1e-15)
    if changing == "index":
        twice = hf.forward_filter(
            np.repeat(initial, 2, axis=0),
            matrices,
            np.tile(table, (2, 1)),
            lengths=[6, 6],
            transition_index=np.tile(index, 2),
            impossible="restart",
        )
        assert [each.tolist() for each in twice.restarts] == [[3, 5], [3, 5]]


def test_what_is_possible_is_as_ever():
    filtered, plain = MODEL.filter([0, 0, 1], impossible="restart"), MODEL.filter([0, 0, 1])
    assert filtered.restarts.tolist() == []
    assert plain.restarts is None
    assert np.array_equal(filtered.log_probabilities, plain.log_probabilities)
    assert filtered.log_likelihood == plain.log_likelihood


def test_a_step_that_cannot_begin_is_impossible():
    model = hf.HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], hf.emissions.Categorical(np.eye(2)))
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        model.filter([0, 1, 1, 0, 0, 1], allowed=np.arange(12).reshape(6, 2) != 8, impossible="restart")
    assert (caught.value.step, caught.value.sequence) == (4, None)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        model.smooth({"a": [0, 1], "b": [1, 0]}, impossible="restart")
    assert (caught.value.step, caught.value.key) == (0, "b")
    with pytest.raises(hf.ImpossibleEvidenceError):
        model.log_likelihood([1], impossible="restart")
    with pytest.raises(hf.ImpossibleEvidenceError):
        model.log_likelihood([1], impossible="raise")
    assert model.log_likelihood([1]) == NEVER


def test_the_word_is_known_where_it_says_something():
    with pytest.raises(ValueError, match="impossible must be 'raise', 'mark' or 'restart', got 'begin'"):
        MODEL.filter(STUCK, impossible="begin")
    with pytest.raises(ValueError, match="impossible must be 'raise' or 'mark', got 'restart'"):
        MODEL.posterior_decode(STUCK, impossible="restart")
