"""Tables that the caller gives to be filled, in memory or mapped to a file."""

import mmap
import sys
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _checks
from hmmfilter._drivers import jobs
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


class Wrapped:
    """Something that numpy takes for an array, and that is none."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


KINDS = {"array": np.asarray, "view": lambda array: array[:], "memoryview": memoryview, "wrapped": Wrapped}
BY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def tables_in(memory):
    """The arguments of a door for four steps and two states, in float64, and integers in its bytes."""
    return {
        "log_initial": memory[:2],
        "log_transition": memory[2:6].reshape(2, 2),
        "log_likelihoods": memory[6:14].reshape(4, 2),
    }


@BY_KIND
@pytest.mark.parametrize("source", ["log_initial", "log_transition", "log_likelihoods"])
@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth])
def test_memory_that_is_read_however_it_is_wrapped(door, source, kind):
    memory = np.zeros(40)
    tables = tables_in(np.zeros(14)) | {source: kind(tables_in(memory[7:])[source])}
    out = memory[6:14].reshape(4, 2) if source != "log_likelihoods" else memory[14:22].reshape(4, 2)
    caught = refused(door, {**tables, "out": out})
    assert str(caught.value) == f"out must have memory of its own, got some of {source}"
    door(**tables, out=np.empty((4, 2)))


@BY_KIND
@pytest.mark.parametrize(
    ("source", "values"),
    [("lengths", [2, 2]), ("transition_index", [0, 1, 0]), ("allowed", np.ones((4, 2), dtype=bool))],
)
def test_memory_of_what_says_which_is_which(source, values, kind):
    values = np.asarray(values)
    memory = np.zeros(16)
    view = memory.view(values.dtype)[: values.size].reshape(values.shape)
    view[:] = values
    tables = tables_in(np.zeros(14)) | ({"log_transition": np.zeros((2, 2, 2))} if source == "transition_index" else {})
    caught = refused(hf.smooth, {**tables, source: kind(view), "out": memory[:8].reshape(4, 2)})
    assert str(caught.value) == f"out must have memory of its own, got some of {source}"
    caught = refused(
        hf.forward_filter,
        {**tables, source: kind(view), "out": np.empty((4, 2)), "out_increments": memory[:4]},
    )
    assert str(caught.value) == f"out_increments must have memory of its own, got some of {source}"


def shared_memory(_):
    """Memory under a name, and two ways of coming to it."""
    one = SharedMemory(create=True, size=4096)
    other = SharedMemory(one.name)
    one.unlink()
    return tuple(np.ndarray((16,), buffer=each.buf) for each in (one, other)), (one, other)


def two_maps(path):
    np.zeros(16).tofile(path)
    return tuple(np.memmap(path, dtype=np.float64, mode=mode) for mode in ("r+", "r")), None


def two_plain_maps(path):
    np.zeros(16).tofile(path)
    with open(path, "r+b") as file:
        return tuple(np.frombuffer(mmap.mmap(file.fileno(), 128)) for _ in range(2)), None


ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what stands where")


@pytest.mark.parametrize("maps", ["/proc/self/maps", "nowhere"], ids=["as Linux tells", "by NumPy's own maps"])
@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth])
def test_two_maps_of_one_file(door, maps, tmp_path, monkeypatch):
    monkeypatch.setattr(_checks.memory, "MAPS", maps)
    (filled, read), _ = two_maps(tmp_path / "one")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    linked = np.memmap(tmp_path / "link", dtype=np.float64, mode="r", offset=8)
    (elsewhere, _), _ = two_maps(tmp_path / "other")
    for rows in (read[:8], read[7:15], linked[:8], np.asarray(read[:8])[::-1].reshape(4, 2)):
        caught = refused(door, {"log_likelihoods": rows.reshape(4, 2), "out": filled[:8].reshape(4, 2)})
        assert str(caught.value) == "out must have memory of its own, got some of log_likelihoods"
    tables = tables_in(np.zeros(14))
    for rows, out in (
        (read[8:].reshape(4, 2), filled[:8].reshape(4, 2)),  # other parts of the file
        (elsewhere[:8].reshape(4, 2), filled[8:].reshape(4, 2)),
        (read[8:].reshape(4, 2), np.memmap(tmp_path / "one", np.float64, "c", shape=(8, 2))[4:]),  # a copy, if written
        (read[8:].reshape(4, 2), np.empty((4, 2))),
    ):
        door(**tables | {"log_likelihoods": rows}, out=out)


@ON_LINUX
@pytest.mark.parametrize("shared", [two_plain_maps, shared_memory])
def test_other_ways_to_share_memory(shared, tmp_path):
    (filled, read), held = shared(tmp_path / "one")
    caught = refused(hf.smooth, {"log_likelihoods": read[:8].reshape(4, 2), "out": filled[:8].reshape(4, 2)})
    assert str(caught.value) == "out must have memory of its own, got some of log_likelihoods"
    del filled, read, caught
    for each in held or ():
        each.close()


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi, hf.expected_transitions, hf.log_likelihood])
def test_an_index_that_somebody_changes_is_read_once(door, monkeypatch):
    """A kernel would follow it to any place in memory; what it is given is nobody else's."""
    index, lengths = np.zeros(10, dtype=np.int64), np.array([4, 6])
    tables = np.zeros(2), np.zeros((2, 2, 2)), np.zeros((10, 2))
    expected = repr(door(*tables, lengths=lengths, transition_index=index))
    cut = jobs.cut

    def change(given, workers):
        index[:], lengths[:] = 10**15, -(10**15)
        assert (given.transition_index.max(), given.starts.tolist()) == (0, [0, 4, 10])
        return cut(given, workers)

    monkeypatch.setattr(jobs, "cut", change)
    assert repr(door(*tables, lengths=lengths, transition_index=index)) == expected


def test_an_index_of_blocks_is_read_once():
    index = np.zeros(9, dtype=np.int64)
    blocks = hf.filter_blocks(np.zeros(2), np.zeros((2, 2, 2)), iter(np.zeros((5, 2, 2))), transition_index=index)
    next(blocks)
    index[:] = 10**15
    assert sum(len(block.probabilities) for block in blocks) == 8
