"""Many sequences in one call: as each alone, to the bit, for any number of threads; how their results read."""

import sys
import threading
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter import _checks
from hmmfilter._drivers import jobs
from hmmfilter._kernels.tables import Tables
from hmmfilter._tiers import kernels
from tests import cases
from tests.conftest import needs_compiled
from tests.strategies import possible_tables
from tests.test_changing import DOORS, answers, assert_same_bits
from tests.test_filtering import impossible_at

LENGTHS = [3, 1, 40, 2, 2, 30, 1]


def parts(table, lengths):
    return np.split(table, np.cumsum(lengths)[:-1])


TABLES = {
    hf.forward_filter: ("log_probabilities", "log_likelihood", "log_increments"),
    hf.smooth: ("log_probabilities", "log_likelihood"),
    hf.viterbi: ("path", "log_joint"),
}


def answer_of(door, result):
    return [getattr(result, name) for name in TABLES[door]]


def check_as_alone(log_initial, log_transition, log_likelihoods, lengths, **options):
    starts = log_initial if np.ndim(log_initial) == 2 else [log_initial] * len(lengths)
    for door in DOORS:
        result = door(log_initial, log_transition, log_likelihoods, lengths=lengths, **options)
        for n, rows in enumerate(parts(log_likelihoods, lengths)):
            assert_same_bits(answer_of(door, result[n]), answers(door, starts[n], log_transition, rows))
    totals = hf.log_likelihood(log_initial, log_transition, log_likelihoods, lengths=lengths, **options)
    assert totals.shape == (len(lengths),)
    for total, start, rows in zip(totals, starts, parts(log_likelihoods, lengths), strict=True):
        assert total == hf.log_likelihood(start, log_transition, rows)


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.chain, cases.rarer], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n_states", [1, 2, 3, pytest.param(9, marks=needs_compiled)])
def test_each_sequence_is_as_alone(family, n_states):
    check_as_alone(*cases.draw(family, 5, sum(LENGTHS), n_states), LENGTHS)


@given(possible_tables(), st.data())
def test_any_lengths(case, data):
    log_initial, log_transition, log_likelihoods = case
    ends = data.draw(st.sets(st.integers(1, len(log_likelihoods))))
    lengths = np.diff([0, *sorted(ends | {len(log_likelihoods)})])
    log_likelihoods = np.where(np.isneginf(log_likelihoods), -50.0, log_likelihoods)
    log_transition = np.where(np.isneginf(log_transition), -50.0, log_transition)
    check_as_alone(log_initial, log_transition, log_likelihoods, lengths)


def test_each_sequence_may_start_from_elsewhere():
    rng = np.random.default_rng(0)
    _, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, sum(LENGTHS), 3)
    check_as_alone(rng.normal(0, 3, (len(LENGTHS), 3)), log_transition, log_likelihoods, LENGTHS)


@needs_compiled
@pytest.mark.parametrize("workers", [1, 2, 5, -1])
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.zeros], ids=lambda f: f.__name__)
def test_the_number_of_workers_changes_no_bit(small_pieces, workers, family):
    lengths = [700, 5, 2500, 1, 1, 1030, 3000, 80]
    case = cases.draw(family, 6, sum(lengths), 2)
    if family is cases.zeros:
        case = case[0], np.where(np.isneginf(case[1]), -700.0, case[1]), np.where(np.isneginf(case[2]), -900.0, case[2])
    check_as_alone(*case, lengths, workers=workers)


@pytest.mark.parametrize("workers", [1, 3])
def test_pieces_of_a_long_sequence(small_pieces, workers, short_blocks):
    n_states, n_rows = short_blocks
    lengths = [2 * n_rows + 2, n_rows, 1, n_rows + 1]
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 6, sum(lengths), n_states)
    for door in DOORS:
        result = door(log_initial, log_transition, log_likelihoods, lengths=lengths, workers=workers)
        for n, rows in enumerate(parts(log_likelihoods, lengths)):
            alone = _kernels_alone(door, log_initial, log_transition, rows)
            assert_same_bits(answer_of(door, result[n]), alone)


def _kernels_alone(door, *tables):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "PIECE", 2**16)
        return answers(door, *tables)


@needs_compiled
def test_workers_write_to_nothing_in_common(small_pieces, monkeypatch):
    """The kernel computes in all that it is given, the outcome aside, where each sequence has an entry of its own."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    run_forward, written, all_are_there = kernels.run_forward, {}, threading.Barrier(2)

    def spy(*arguments):
        mine = written.setdefault(threading.get_ident(), [])
        if not mine:
            all_are_there.wait(60)
        mine.extend(arguments[-8:-2])
        run_forward(*arguments)

    monkeypatch.setattr(kernels, "run_forward", spy)
    case = cases.draw(cases.gaps, 0, 256, 33)
    hf.log_likelihood(*case, lengths=[64] * 4, workers=2)
    one, other = written.values()
    assert not any(np.shares_memory(x, y) for x in one for y in other)


def test_jobs_cover_all_rows_once():
    for lengths in ([5], [100_000], [1] * 10, [30_000, 2, 70_000, 1, 1], [20_000] * 3, [20_000] * 20, [300_000] * 9):
        starts = np.concatenate([[0], np.cumsum(lengths)])
        tables = Tables(None, None, None, np.empty((starts[-1], 4)), starts)
        pieces = [piece for job in jobs.cut(tables) for piece in job]
        assert [piece.begin for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])]
        assert pieces[-1].end == starts[-1]
        for piece in pieces:
            assert starts[piece.first] <= piece.begin < starts[piece.first + 1]
            assert starts[piece.last] < piece.end <= starts[piece.last + 1]
        for job in jobs.cut(tables):
            assert len(job) == 1 or {piece.first for piece in job} == {job[0].first} == {job[0].last}


@pytest.mark.parametrize("workers", [1, 2])
def test_marking_an_impossible_sequence_spares_the_others(small_pieces, workers):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, 3)
    log_likelihoods[5] = -np.inf
    lengths = [3, 5, 4]
    for door in DOORS:
        marked = door(log_initial, log_transition, log_likelihoods, lengths=lengths, impossible="mark", workers=workers)
        for n, rows in enumerate(parts(log_likelihoods, lengths)):
            alone = answers(door, log_initial, log_transition, rows, impossible="mark")
            assert_same_bits(answer_of(door, marked[n]), alone)
        with pytest.raises(hf.ImpossibleEvidenceError, match="from step 2 of sequence 1 on") as caught:
            door(log_initial, log_transition, log_likelihoods, lengths=lengths, workers=workers)
        assert (caught.value.step, caught.value.sequence) == (2, 1)
    totals = hf.log_likelihood(log_initial, log_transition, log_likelihoods, lengths=lengths, workers=workers)
    assert np.isneginf(totals).tolist() == [False, True, False]


def test_a_long_impossible_sequence_is_marked_to_its_end(small_pieces, short_blocks):
    n_states, n_rows = short_blocks
    case = impossible_at(n_rows + 3, n_steps=3 * n_rows, n_states=n_states)
    marked = hf.forward_filter(*case, impossible="mark")
    is_possible = np.arange(3 * n_rows) < n_rows + 3
    assert np.array_equal(np.isfinite(marked.log_increments), is_possible)
    assert np.isnan(marked.log_increments[n_rows + 4 :]).all()
    assert np.array_equal(np.isnan(marked.probabilities).any(axis=1), ~is_possible)
    assert np.isnan(hf.smooth(*case, impossible="mark").probabilities).all()


def test_the_first_impossible_sequence_is_the_one_that_is_named():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, 3)
    log_likelihoods[[6, 9]] = -np.inf
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.smooth(log_initial, log_transition, log_likelihoods, lengths=[4, 4, 4])
    assert (caught.value.step, caught.value.sequence) == (2, 1)


@pytest.mark.parametrize("door", DOORS)
def test_results_index_iterate_and_count_by_sequence(door):
    case = cases.draw(cases.ordinary, 0, 12, 3)
    many, single = door(*case, lengths=[3, 5, 4]), door(*case)
    assert len(many) == 3
    assert many.lengths.tolist() == [3, 5, 4]
    assert [len(answer_of(door, part)[0]) for part in many] == [3, 5, 4]
    assert_same_bits(answer_of(door, many[-1]), answer_of(door, many[2]))
    assert isinstance(many[0], type(many))
    assert isinstance(answer_of(door, many[0])[1], float)
    assert many[1].lengths is None
    with pytest.raises(IndexError):
        many[3]
    with pytest.raises(TypeError):
        many["0"]
    assert single.lengths is None
    assert len(single) == 12
    assert f"{type(many).__name__}: 3 sequences, 12 steps, 3 states\n  sequence  steps  log-" in repr(many)
    with pytest.raises(ValueError, match=r"plot draws one sequence, got 3: draw result\[n\]"):
        many.plot()
    assert many[1].plot().get_xlim() == (-0.5, 4.5)


def test_one_sequence_with_a_length_is_a_list_of_one():
    case = cases.draw(cases.ordinary, 0, 4, 3)
    assert hf.log_likelihood(*case, lengths=[4]).shape == (1,)
    assert hf.smooth(*case, lengths=(4,)).log_likelihood.shape == (1,)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.smooth(*impossible_at(2), lengths=[5])
    assert caught.value.sequence == 0


@pytest.mark.parametrize("door", [*DOORS, hf.log_likelihood])
def test_allowed_states_are_those_whose_likelihoods_count(door):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, 3)
    allowed = np.random.default_rng(0).random((12, 3)) < 0.6
    allowed[4] = [False, True, False]
    allowed[:, 2] |= ~allowed.any(axis=1)
    masked = np.where(allowed, log_likelihoods, -np.inf)
    if door is hf.log_likelihood:
        expected = door(log_initial, log_transition, masked)
        assert door(log_initial, log_transition, log_likelihoods, allowed=allowed) == expected
        return
    result = door(log_initial, log_transition, log_likelihoods, allowed=allowed.tolist())
    assert_same_bits(answer_of(door, result), answers(door, log_initial, log_transition, masked))
    known = result.path[4] == 1 if door is hf.viterbi else result.probabilities[4].tolist() == [0.0, 1.0, 0.0]
    assert known
    many = door(log_initial, log_transition, log_likelihoods, allowed=allowed, lengths=[5, 7])
    alone = door(log_initial, log_transition, log_likelihoods[5:], allowed=allowed[5:])
    assert_same_bits(answer_of(door, many[1]), answer_of(door, alone))


def test_a_step_without_allowed_states_is_impossible():
    allowed = np.ones((4, 3), bool)
    allowed[2] = False
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.smooth(*cases.draw(cases.ordinary, 0, 4, 3), allowed=allowed)
    assert caught.value.step == 2


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed], ids=lambda f: f.__name__)
def test_a_gap_of_any_length(family):
    """Rows of zeros: the filter predicts, the smoother joins both sides, the log-likelihood counts what is seen."""
    log_initial, log_transition, log_likelihoods = cases.draw(family, 1, 70, 3)
    log_likelihoods[5:65] = 0.0
    filtered = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    for steps in (1, 30, 60):
        predicted = hf.predict(filtered.log_probabilities[4], log_transition, steps)
        np.testing.assert_allclose(filtered.log_probabilities[4 + steps], predicted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(filtered.log_increments[5:65], 0, atol=1e-14)


REFUSED = [
    ({"lengths": [1, 2]}, ValueError, "lengths must sum to the 4 rows of all sequences, got 3"),
    ({"lengths": [5, -1]}, ValueError, "lengths[1] must be at least 0, got -1"),
    ({"lengths": []}, ValueError, "lengths must have an entry for each sequence, got none"),
    ({"lengths": [0, 0]}, ValueError, "lengths must sum to the 4 rows of all sequences, got 0"),
    ({"lengths": [2**62] * 4 + [4]}, ValueError, f"lengths must sum to the 4 rows of all sequences, got {2**64 + 4}"),
    ({"lengths": np.ma.array([2, 2], mask=[0, 1])}, TypeError, "lengths must have no masked entries, got some"),
    ({"lengths": 4}, ValueError, "lengths must be a vector, got shape ()"),
    ({"lengths": [2.0, 2.0]}, TypeError, "lengths must hold integers, got dtype float64"),
    ({"lengths": [2, 10**30]}, ValueError, "lengths[1] must fit into 64 bits, got 1000000000000000000000000000000"),
    ({"lengths": [2**63, 2**63]}, ValueError, "lengths[0] must fit into 64 bits, got 9223372036854775808"),
    (
        {"lengths": np.array([2, 2**64 - 1], np.uint64)},
        ValueError,
        "lengths[1] must fit into 64 bits, got 18446744073709551615",
    ),
    ({"lengths": [2, -(10**5000)]}, ValueError, "lengths[1] must fit into 64 bits, got <integer of 16610 bits>"),
    ({"lengths": [2, "2"]}, TypeError, "lengths must hold integers, got dtype <U21"),
    (
        {"lengths": [2**62, 2**62]},
        ValueError,
        "lengths must sum to the 4 rows of all sequences, got 9223372036854775808",
    ),
    ({"log_initial": np.zeros((2, 2))}, ValueError, "log_initial must have shape (K,), got (2, 2)"),
    (
        {"log_initial": np.zeros((3, 2)), "lengths": [2, 2]},
        ValueError,
        "log_initial must have shape (2, K), got (3, 2)",
    ),
    ({"workers": 0}, ValueError, "workers must be at least 1, or -1 for all cores, got 0"),
    ({"workers": -2}, ValueError, "workers must be at least 1, or -1 for all cores, got -2"),
    ({"workers": 1.5}, TypeError, "workers must be an integer, got 1.5"),
    ({"allowed": np.ones((4, 2))}, TypeError, "allowed must hold True and False, unmasked, got dtype float64"),
    ({"allowed": [[True, True]]}, ValueError, "allowed must have shape (4, 2), got (1, 2)"),
]


@pytest.mark.parametrize("door", [*DOORS, hf.log_likelihood])
@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(door, options, error, message):
    tables = {"log_initial": [0.0, 0.0], "log_transition": np.zeros((2, 2)), "log_likelihoods": np.zeros((4, 2))}
    with pytest.raises(error) as caught:
        door(**{**tables, **options})
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int16, ">i8", object])
def test_lengths_of_any_kind_of_integer(kind):
    tables = np.zeros(2), np.zeros((2, 2)), np.zeros((4, 2))
    assert len(hf.log_likelihood(*tables, lengths=np.array([1, 3], kind))) == 2
    assert hf.log_likelihood(*tables[:2], np.zeros((2, 2)), lengths=np.array([1, 9, 1], kind)[::2]).shape == (2,)


def test_all_cores(monkeypatch):
    assert _checks.workers(-1) >= 1
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert _checks.workers(-1) >= 1


@pytest.mark.parametrize("cores", [{0}, {3, 5}, set(range(64))])
def test_there_are_no_more_threads_than_cores_or_jobs(monkeypatch, cores, small_pieces):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: cores, raising=False)
    assert [_checks.workers(n) for n in (1, 2, 10**6, 10**30, -1)] == [1, min(2, len(cores)), *[len(cores)] * 3]
    asked, pool = [], jobs.ThreadPoolExecutor
    monkeypatch.setattr(jobs, "ThreadPoolExecutor", lambda n: asked.append(n) or pool(n))
    hf.log_likelihood(*cases.draw(cases.ordinary, 0, 192, 33), lengths=[64] * 3, workers=10**6)
    assert asked == [n for n in [min(3, len(cores))] if n > 1]


def test_after_an_interruption_nobody_begins_another_job(small_pieces):
    """The first job raises, as Ctrl-C does; the other thread ends with the job that it has begun."""
    lengths = [64] * 40
    tables = _checks.chain(*cases.draw(cases.ordinary, 0, sum(lengths), 33), lengths)
    begun, first_is_done = [], threading.Event()

    def start_worker(tick):
        def run(job):
            begun.append(job)
            if job[0].begin == 0:
                first_is_done.set()
                raise KeyboardInterrupt
            first_is_done.wait(10)

        return run

    with pytest.raises(KeyboardInterrupt):
        jobs.work_off(tables, start_worker, 2, print)
    assert len(begun) < 40


class Bar:
    """Stands in for tqdm's."""

    shown: ClassVar[list] = []

    def __init__(self, total, **words):
        self.total, self.n_done = total, 0
        Bar.shown.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n):
        self.n_done += n


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bar_follows_the_rows(small_pieces, monkeypatch, workers, short_blocks):
    n_states, n_rows = short_blocks
    Bar.shown.clear()
    monkeypatch.setitem(sys.modules, "tqdm", sys)
    monkeypatch.setitem(sys.modules, "tqdm.auto", type("module", (), {"tqdm": Bar}))
    n_all = 2 * n_rows
    case = cases.draw(cases.ordinary, 0, n_all, n_states)
    for door in [*DOORS, hf.log_likelihood]:
        door(*case, lengths=[n_rows + 3, n_rows - 3], workers=workers, progress=True)
    hf.log_likelihood(*case)
    assert [(bar.total, bar.n_done) for bar in Bar.shown] == [(n_all, n_all)] * 4


def test_without_tqdm_there_is_no_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    case = cases.draw(cases.ordinary, 0, 5, 3)
    assert hf.log_likelihood(*case, progress=True) == hf.log_likelihood(*case)


COUNTS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
PAIRS = hf.HMM(
    [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0]], np.ones((2, 2)), "variances")
)


class Frame:
    """Numpy takes it for a table, but to iterate over it gives the names of its columns, as with pandas."""

    def __init__(self, rows):
        self.rows = np.array(rows)

    def __array__(self, dtype=None, copy=None):
        return self.rows.astype(dtype or float)

    def __iter__(self):
        return iter("xy")

    def __len__(self):
        return len(self.rows)


@pytest.mark.parametrize("method", ["filter", "smooth", "viterbi"])
@pytest.mark.parametrize(
    ("model", "sequences"),
    [
        (COUNTS, [[0, 2, 7], [4], [None, 1]]),
        (COUNTS, ([None, 3], [None])),
        (COUNTS, [np.array([0, 2, 7]), np.array([4.0, np.nan])]),
        (COUNTS, [np.array([0, 2, 7]), [4, None], np.ma.masked_equal([1, 9], 9)]),
        (PAIRS, [[[0, 0], [3, 2]], [None, [1, None]]]),
        (PAIRS, [np.zeros((3, 2)), np.ones((1, 2))]),
        (PAIRS, [np.zeros((3, 2)), [[1, None]]]),
        (PAIRS, [Frame([[0.0, 0.0], [3.0, 2.0]]), Frame([[1.0, np.nan]])]),
    ],
    ids=range(8),
)
def test_a_model_takes_a_list_of_sequences(method, model, sequences):
    results = getattr(model, method)(sequences)
    assert results.lengths.tolist() == [len(sequence) for sequence in sequences]
    assert results.state_names == model.state_names
    door = dict(zip(["filter", "smooth", "viterbi"], DOORS, strict=True))[method]
    for result, sequence in zip(results, sequences, strict=True):
        assert_same_bits(answer_of(door, result), answer_of(door, getattr(model, method)(sequence)))
    assert model.log_likelihood(sequences).tolist() == [model.log_likelihood(sequence) for sequence in sequences]


def test_a_model_takes_lengths_and_allowed_states():
    allowed = np.array([[True, True], [True, False], [False, True], [True, True]])
    by_list = COUNTS.smooth([[0, 2, 7], [4]], allowed=[allowed[:3], allowed[3:]], workers=2)
    by_lengths = COUNTS.smooth([0, 2, 7, 4], lengths=[3, 1], allowed=allowed)
    assert_same_bits(answer_of(hf.smooth, by_list), answer_of(hf.smooth, by_lengths))
    assert by_list.probabilities[1].tolist() == [1.0, 0.0]
    assert COUNTS.log_likelihood([0, 2, 7, 4], lengths=[3, 1], allowed=allowed).tolist() == [*by_lengths.log_likelihood]


def test_a_vector_of_vectors_is_one_sequence():
    assert PAIRS.filter([[0, 0], [3, 2]]).lengths is None
    assert PAIRS.filter([None, [3, 2]]).lengths is None
    assert COUNTS.filter((0, None, 2)).lengths is None


class Own:
    """An emission that says nothing of its dimensions."""

    n_states = 2
    sample = None

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 2))


def test_an_emission_of_ones_own_takes_a_list_as_it_is():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Own())
    assert model.filter([[1, 2], [3, 4], [5, 6]]).probabilities.shape == (3, 2)
    assert model.filter([[1, 2], [3, 4], [5, 6]], lengths=[1, 2]).lengths.tolist() == [1, 2]


MODEL_REFUSED = [
    (
        COUNTS,
        [[1, 2], [3, -1]],
        {},
        ValueError,
        "sequence 1: observations[1] must be a whole number from 0 up, or missing, got -1.0",
    ),
    (
        COUNTS,
        [[1, 2], ["x"]],
        {},
        TypeError,
        "sequence 1: observations[0] must be a number, or NaN or None where missing, got 'x'",
    ),
    (COUNTS, [[1, 2], 3], {}, TypeError, "observations[1] must be a sequence as the others are, got 3"),
    (
        COUNTS,
        [[], [1, -2]],
        {},
        ValueError,
        "sequence 1: observations[1] must be a whole number from 0 up, or missing, got -2.0",
    ),
    (
        COUNTS,
        [[1, 2], [3]],
        {"lengths": [2, 1]},
        ValueError,
        "lengths must be left out where observations are a list of sequences, got both",
    ),
    (
        COUNTS,
        [np.ones(2), np.ones((1, 2))],
        {},
        ValueError,
        "sequence 1: observations must have shape (T,), got (1, 2): of several columns, choose one",
    ),
    (
        PAIRS,
        [[0, 0], 3],
        {},
        TypeError,
        "observations[1] must be a vector of 2, or NaN or None where missing, got 3",
    ),
    (COUNTS, [1, 2], {"lengths": [1]}, ValueError, "lengths must sum to the 2 rows of all sequences, got 1"),
    (
        COUNTS,
        [[1, 2], [3]],
        {"allowed": [np.ones((1, 2), bool), np.ones((2, 2), bool)]},
        ValueError,
        "allowed[0] must have shape (2, 2), got (1, 2)",
    ),
    (
        COUNTS,
        [[1, 2], [3]],
        {"allowed": [None, [[True, False]]]},
        TypeError,
        "allowed[0] must hold True and False, unmasked, got None",
    ),
    (
        COUNTS,
        [[1, 2], [3]],
        {"allowed": ([[True, False]],)},
        ValueError,
        "allowed must be a mask for each of the 2 sequences, got 1",
    ),
    (
        COUNTS,
        [[1, 2], [3]],
        {"allowed": np.ones((2, 2), bool)},
        ValueError,
        "allowed must have shape (3, 2), got (2, 2)",
    ),
]


@pytest.mark.parametrize(("model", "observations", "options", "error", "message"), MODEL_REFUSED, ids=range(12))
def test_a_model_says_which_sequence_is_wrong(model, observations, options, error, message):
    with pytest.raises(error) as caught:
        model.smooth(observations, **options)
    assert str(caught.value) == message


def test_an_error_that_only_all_sequences_together_make():
    """Nothing is wrong with either sequence alone."""

    class Fussy(hf.emissions.Poisson):
        def log_likelihoods(self, observations):
            if len(observations) > 2:
                raise ValueError("too many")
            return super().log_likelihoods(observations)

    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Fussy([1.0, 5.0]))
    with pytest.raises(ValueError, match=r"^too many$"):
        model.smooth([[1, 2], [3]])
