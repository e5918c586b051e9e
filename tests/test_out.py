"""Tables that the caller gives to be filled, in memory or mapped to a file."""

import numpy as np
import pytest

import hmmfilter as hf
from tests import cases

LENGTHS = [3, 1, 40, 2, 2, 30, 1]


def table(tmp_path, shape, mapped):
    return np.memmap(tmp_path / "out", dtype=np.float64, mode="w+", shape=shape) if mapped else np.empty(shape)


@pytest.mark.parametrize("mapped", [False, True], ids=["in memory", "mapped"])
@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth])
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.rarer], ids=lambda family: family.__name__)
def test_the_same_bits_in_a_table_of_the_caller(door, family, mapped, tmp_path):
    case = cases.draw(family, 1, 40, 3)
    expected, out = door(*case), table(tmp_path, (40, 3), mapped)
    result = door(*case, out=out)
    assert np.array_equal(out, expected.probabilities)
    assert np.shares_memory(result.probabilities, out)
    assert not result.probabilities.flags.writeable
    assert result.log_likelihood == expected.log_likelihood
    assert repr(result) == repr(expected)
    with pytest.raises(AttributeError) as caught:
        _ = result.log_probabilities
    assert str(caught.value) == "log_probabilities were not kept, as out was given; out_logs=True keeps them"
    result = door(*case, out=out, out_logs=True)
    assert np.array_equal(out, expected.log_probabilities)
    assert np.shares_memory(result.log_probabilities, out)
    assert repr(result) == repr(expected)
    np.testing.assert_allclose(result.probabilities, expected.probabilities, rtol=1e-12)
    out[:] = 0.5  # it stays the caller's


@pytest.mark.parametrize("n_states", [2, 9])
def test_increments_are_kept_if_asked_for(n_states):
    case = cases.draw(cases.mixed, 1, 40, n_states)
    expected, out = hf.forward_filter(*case), np.empty((40, n_states))
    with pytest.raises(AttributeError) as caught:
        _ = hf.forward_filter(*case, out=out).log_increments
    assert str(caught.value) == "log_increments were not kept, as out was given; out_increments keeps them"
    increments = np.empty(40)
    filtered = hf.forward_filter(*case, out=out, out_increments=increments)
    assert np.array_equal(increments, expected.log_increments)
    assert np.shares_memory(filtered.log_increments, increments)


def test_several_sequences_in_pieces(small_pieces, short_blocks):
    n_states, n_rows = short_blocks
    lengths = [2 * n_rows + 2, n_rows, 1, n_rows + 1]
    case, out = cases.draw(cases.mixed, 6, sum(lengths), n_states), np.empty((sum(lengths), n_states))
    for door in (hf.forward_filter, hf.smooth):
        expected = door(*case, lengths=lengths)
        result = door(*case, lengths=lengths, workers=3, out=out)
        assert np.array_equal(out, expected.probabilities)
        assert np.array_equal(result[1].probabilities, expected[1].probabilities)
        assert repr(result) == repr(expected)
        door(*case, lengths=lengths, out=out, out_logs=True)
        assert np.array_equal(out, expected.log_probabilities)


def test_marked_sequences():
    case, out, increments = cases.draw(cases.ordinary, 0, 8, 3), np.empty((8, 3)), np.empty(8)
    case[2][3] = -np.inf
    options = {"lengths": [3, 1, 4], "impossible": "mark"}
    for door in (hf.forward_filter, hf.smooth):
        expected = door(*case, **options)
        door(*case, **options, out=out)
        assert np.array_equal(out, expected.probabilities, equal_nan=True)
    filtered = hf.forward_filter(*case, **options, out=out, out_increments=increments)
    expected = hf.forward_filter(*case, **options)
    assert np.array_equal(filtered.log_increments, expected.log_increments, equal_nan=True)


def read_only(shape):
    array = np.empty(shape)
    array.flags.writeable = False
    return array


REFUSED = [
    ({"out": [[0.0, 0.0]] * 4}, TypeError, "out must be a NumPy array without a mask, got list"),
    ({"out": np.empty((3, 2))}, ValueError, "out must have shape (4, 2), got (3, 2)"),
    (
        {"out": np.empty((4, 2), np.float32)},
        TypeError,
        "out must be writable, C-ordered, and of dtype float64, got writable, C-ordered, and of dtype float32",
    ),
    (
        {"out": np.empty((2, 4)).T},
        TypeError,
        "out must be writable, C-ordered, and of dtype float64, got writable, not C-ordered, and of dtype float64",
    ),
    (
        {"out": read_only((4, 2))},
        TypeError,
        "out must be writable, C-ordered, and of dtype float64, got read-only, C-ordered, and of dtype float64",
    ),
    (
        {"out": np.ma.zeros((4, 2))},
        TypeError,
        "out must be a NumPy array without a mask, got MaskedArray",
    ),
    ({"out_logs": True}, ValueError, "out_logs must come with out, got it alone"),
]
OF_INCREMENTS = [
    ({"out_increments": np.empty(4)}, ValueError, "out_increments must come with out, got it alone"),
    (
        {"out": np.empty((4, 2)), "out_increments": np.empty((4, 1))},
        ValueError,
        "out_increments must have shape (4,), got (4, 1)",
    ),
]


def refused(door, options):
    tables = {"log_initial": [0.0, 0.0], "log_transition": np.zeros((2, 2)), "log_likelihoods": np.zeros((4, 2))}
    with pytest.raises((ValueError, TypeError)) as caught:
        door(**{**tables, **options})
    return caught


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth])
@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(door, options, error, message):
    caught = refused(door, options)
    assert (caught.type, str(caught.value)) == (error, message)


@pytest.mark.parametrize(("options", "error", "message"), OF_INCREMENTS, ids=[case[2] for case in OF_INCREMENTS])
def test_refusals_of_increments(options, error, message):
    caught = refused(hf.forward_filter, options)
    assert (caught.type, str(caught.value)) == (error, message)


def test_what_is_read_is_not_what_is_filled():
    rows = np.zeros((4, 2))
    caught = refused(hf.smooth, {"log_likelihoods": rows, "out": rows})
    assert str(caught.value) == "out must have memory of its own, got some of log_likelihoods"
    caught = refused(hf.smooth, {"log_likelihoods": rows, "out": rows, "allowed": np.ones((4, 2), dtype=bool)})
    assert str(caught.value) == "out must have memory of its own, got some of log_likelihoods"
    memory = np.empty(12)
    caught = refused(hf.forward_filter, {"out": memory[:8].reshape(4, 2), "out_increments": memory[7:11]})
    assert str(caught.value) == "out_increments must have memory of its own, got some of out"
