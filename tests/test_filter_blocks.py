"""Filtering block by block: the bits of the whole, however long the blocks are and whatever they are kept in."""

import re

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._drivers import recursions
from tests import cases
from tests.conftest import needs_compiled
from tests.test_filtering import FAMILY, impossible_at

NEVER = -np.inf
SIZES = [1, 2, 7, 1, 1, 12, 3, 1, 13]  # of blocks, again and again


def cut(table, sizes=SIZES):
    """A table in blocks."""
    ends = np.cumsum(np.resize(sizes, len(table)))
    return np.split(table, ends[ends < len(table)])


def assert_as_whole(parts, whole):
    parts = list(parts)
    assert np.array_equal(np.concatenate([part.log_probabilities for part in parts]), whole.log_probabilities)
    assert np.array_equal(np.concatenate([part.probabilities for part in parts]), whole.probabilities)
    assert np.array_equal(np.concatenate([part.log_increments for part in parts]), whole.log_increments)
    assert sum(part.log_likelihood for part in parts) == pytest.approx(whole.log_likelihood, rel=1e-12, abs=1e-12)
    for part in parts[1:]:
        assert part.log_likelihood == pytest.approx(part.log_increments.sum(), rel=1e-14, abs=1e-14)


@FAMILY
@pytest.mark.parametrize("n_states", [2, 9])
def test_blocks_give_the_bits_of_the_whole(family, n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 1, 40, n_states)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    for sizes in (SIZES, [1], [39], [100]):
        assert_as_whole(hf.filter_blocks(log_initial, log_transition, cut(log_likelihoods, sizes)), whole)


@FAMILY
@pytest.mark.parametrize("n_states", [2, pytest.param(9, marks=needs_compiled)])
def test_changing_transitions(family, n_states):
    log_initial, log_transition, log_likelihoods = cases.changing(family, 2, 40, n_states)
    index = np.random.default_rng(0).integers(0, 3, 39)
    index[15:30] = 1
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    by_index = hf.forward_filter(log_initial, log_transition[:3], log_likelihoods, transition_index=index)
    for sizes in (SIZES, [1], [100]):
        blocks = cut(log_likelihoods, sizes)
        assert_as_whole(hf.filter_blocks(log_initial, log_transition, blocks), whole)
        some = hf.filter_blocks(log_initial, log_transition[:3], blocks, transition_index=index)
        assert_as_whole(some, by_index)


def test_more_matrices_than_are_held_ready(monkeypatch):
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 2, 30, 3)
    index = np.random.default_rng(0).integers(0, 7, 29)
    whole = hf.forward_filter(log_initial, log_transition[:7], log_likelihoods, transition_index=index)
    monkeypatch.setattr(recursions, "MOST_HELD", 1)
    parts = hf.filter_blocks(log_initial, log_transition[:7], cut(log_likelihoods), transition_index=index)
    assert_as_whole(parts, whole)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_about_as_long_as_those_of_the_kernels(extra, short_blocks):
    n_states, n_rows = short_blocks
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 1, 4 * n_rows, n_states)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    blocks = cut(log_likelihoods, [n_rows + extra, 2 * n_rows + extra])
    assert_as_whole(hf.filter_blocks(log_initial, log_transition, blocks), whole)


@needs_compiled
def test_long_blocks():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 1, 5000, 2)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    assert_as_whole(hf.filter_blocks(log_initial, log_transition, cut(log_likelihoods, [1, 1500, 3])), whole)


def test_blocks_of_any_kind(tmp_path):
    """From files, a block at a time; from a generator, which is asked for no more than has been taken."""
    log_initial, log_transition, log_likelihoods = cases.changing(cases.gaps, 1, 40, 3)
    allowed = np.random.default_rng(0).random((40, 3)) < 0.8
    allowed[:, 0] |= ~allowed.any(axis=1)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods, allowed=allowed)
    files = {}
    for name, table in (("rows", log_likelihoods), ("matrices", log_transition), ("mask", allowed)):
        np.save(tmp_path / name, table)
        files[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    asked = []

    def blocks():
        for t in range(0, 40, 7):
            asked.append(t)
            yield files["rows"][t : t + 7]

    parts = hf.filter_blocks(log_initial, files["matrices"], blocks(), allowed=files["mask"])
    assert asked == []
    first = next(parts)
    assert asked == [0]
    assert_as_whole([first, *parts], whole)
    lists = [block.tolist() for block in cut(log_likelihoods)]
    assert_as_whole(
        hf.filter_blocks(log_initial.tolist(), log_transition.tolist(), lists, allowed=allowed.tolist()), whole
    )


def test_what_was_given_may_change_afterwards():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 1, 40, 3)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    blocks, index = cut(log_likelihoods), np.zeros(39, dtype=int)
    given = log_initial.copy(), log_transition.copy(), log_transition[None].copy()
    steady = hf.filter_blocks(*given[:2], blocks)
    by_index = hf.filter_blocks(given[0], given[2], blocks, transition_index=index)
    for table in (*given, index):
        table[:] = 99
    assert_as_whole(steady, whole)
    assert_as_whole(by_index, whole)


@pytest.mark.parametrize("step", [0, 1, 6, 7])
def test_what_is_impossible_is_counted_from_the_first_block(step):
    log_initial, log_transition, log_likelihoods = impossible_at(step, n_steps=12)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods, impossible="mark")
    parts = hf.filter_blocks(log_initial, log_transition, np.split(log_likelihoods, 4))
    for t in range(0, step - 2, 3):
        assert np.array_equal(next(parts).probabilities, whole.probabilities[t : t + 3])
    with pytest.raises(hf.ImpossibleEvidenceError, match=f"from step {step} on") as caught:
        next(parts)
    assert (caught.value.step, caught.value.sequence) == (step, None)


def test_a_model_filters_blocks():
    names = ["calm", "busy"]
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), names)
    observations = [0, 2, None, 7, 4]
    parts = list(model.filter_blocks(iter([observations[:2], observations[2:]])))
    assert_as_whole(parts, model.filter(observations))
    assert parts[1].state_names == ("calm", "busy")
    allowed = np.array([[True, True]] * 4 + [[True, False]])
    *_, last = model.filter_blocks([observations[:2], observations[2:]], allowed=allowed)
    assert last.probabilities[-1].tolist() == [1.0, 0.0]
    for blocks, words in (
        ([[0], [-2]], "blocks[1]: observations[0] must be a whole number from 0 up, or missing, got -2.0"),
        ([[0], []], "blocks[1]: observations must have shape (T,) with no length of 0, got (0,)"),
    ):
        parts = model.filter_blocks(blocks)
        next(parts)
        with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
            next(parts)
    with pytest.raises(TypeError, match=r"^blocks must be an iterable of blocks, got 3$"):
        model.filter_blocks(3)


AT_THE_CALL = [
    ({"blocks": 3}, TypeError, "blocks must be an iterable of blocks, got 3"),
    (
        {"log_initial": [0.0, np.nan]},
        ValueError,
        "log_initial[1] must be -inf or finite, got nan",
    ),
    ({"log_initial": np.zeros((1, 2))}, ValueError, "log_initial must have shape (K,), got (1, 2)"),
    ({"log_transition": np.zeros((3, 3))}, ValueError, "log_transition must have shape (2, 2), got (3, 3)"),
    ({"log_transition": 0.0}, ValueError, "log_transition must have shape (2, 2), got ()"),
    ({"log_transition": np.zeros((4, 2, 3))}, ValueError, "log_transition must have shape (4, 2, 2), got (4, 2, 3)"),
    (
        {"log_transition": np.zeros((4, 2, 2), complex)},
        TypeError,
        "log_transition must hold real numbers, got dtype complex128",
    ),
    ({"transition_index": [0]}, ValueError, "log_transition must have shape (M, 2, 2), got (2, 2)"),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0, 2]},
        ValueError,
        "transition_index[1] must be from 0 to 1, got 2",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0.5]},
        TypeError,
        "transition_index must hold integers, got dtype float64",
    ),
    ({"allowed": [[1, 1]]}, TypeError, "allowed must hold True and False, unmasked, got dtype int64"),
    ({"allowed": [[True]]}, ValueError, "allowed must have shape (T, 2), got (1, 1)"),
    ({"allowed": True}, ValueError, "allowed must have shape (T, 2), got ()"),
    ({"allowed": [[True], []]}, ValueError, "allowed must be rectangular, got rows of unequal length"),
]

LATER = [
    ({"blocks": [np.zeros((0, 2))]}, ValueError, "blocks[0] must have shape (B, 2) with no length of 0, got (0, 2)"),
    ({"blocks": [np.zeros((2, 2)), np.zeros(2)]}, ValueError, "blocks[1] must have shape (B, 2), got (2,)"),
    (
        {"blocks": [[[0, 0]], [[0, 0], [0, np.inf]]]},
        ValueError,
        "blocks[1][1, 1] must be -inf or finite, got inf",
    ),
    (
        {"allowed": np.ones((4, 2), bool)},
        ValueError,
        "blocks must have at most the 4 rows that allowed is for, got 6 so far",
    ),
    (
        {"log_transition": np.zeros((4, 2, 2))},
        ValueError,
        "blocks must have at most the 5 rows that log_transition is for, got 6 so far",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0, 1, 0, 1]},
        ValueError,
        "blocks must have at most the 5 rows that transition_index is for, got 6 so far",
    ),
    (
        {"log_transition": np.where(np.arange(5)[:, None, None] == 3, np.nan, np.zeros((5, 2, 2)))},
        ValueError,
        "log_transition[3, 0, 0] must be -inf or finite, got nan",
    ),
]


def asked(options):
    tables = {"log_initial": [0.0, 0.0], "log_transition": np.zeros((2, 2)), "blocks": [np.zeros((3, 2))] * 2}
    return hf.filter_blocks(**{**tables, **options})


@pytest.mark.parametrize(("options", "error", "message"), AT_THE_CALL, ids=[case[2] for case in AT_THE_CALL])
def test_refusals_at_the_call(options, error, message):
    with pytest.raises(error) as caught:
        asked(options)
    assert str(caught.value) == message


@pytest.mark.parametrize(("options", "error", "message"), LATER, ids=[case[2] for case in LATER])
def test_refusals_as_blocks_come(options, error, message):
    parts = asked(options)
    with pytest.raises(error) as caught:
        list(parts)
    assert str(caught.value) == message


def test_a_single_step_needs_no_transition():
    block = np.array([[0.0, -1.0]])
    whole = hf.forward_filter([-1.0, -2.0], np.zeros((2, 2)), block)
    assert_as_whole(hf.filter_blocks([-1.0, -2.0], np.zeros((0, 2, 2)), [block]), whole)
    assert_as_whole(hf.filter_blocks([-1.0, -2.0], np.zeros((3, 2, 2)), [block], transition_index=[]), whole)
    assert list(hf.filter_blocks([-1.0, -2.0], np.zeros((2, 2)), [])) == []
