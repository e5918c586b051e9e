"""Many sequences, eight at a time: as one after the other, to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter import _checks
from hmmfilter._drivers import together
from hmmfilter._drivers.jobs import Piece
from hmmfilter._kernels.chain import slots_for_chains
from hmmfilter._tiers import Kernels, kernels
from tests import cases, oracle
from tests.conftest import COMPILED, needs_compiled
from tests.strategies import possible_tables

RAGGED = [1, 30, 2, 1, 1, 75, 12, 12, 3, 40, 5, 1, 17, 28, 9, 9, 2, 1, 60, 33, 4, 21] if COMPILED else [1, 9, 2, 1] * 5


@pytest.fixture(autouse=True)
def take_ragged_ones(monkeypatch):
    """However few lanes have something to do to the end."""
    monkeypatch.setattr(together, "BUSY", 0)


def alone(call):
    """What a call finds where no sequences are taken together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "MANY", 10**9)
        return call()


def answers(tables, lengths, **options):
    """All that is made of the recursions: results of the doors, with no numbers taken out of their code."""
    filtered = hf.forward_filter(*tables, lengths=lengths, impossible="mark", **options)
    smoothed = hf.smooth(*tables, lengths=lengths, impossible="mark", **options)
    yield "filtered rows", filtered._rows
    yield "increments", filtered._increments
    yield "log-likelihoods", filtered.log_likelihood
    yield "log-likelihoods of smoothing", smoothed.log_likelihood
    yield "smoothed rows", smoothed._rows
    yield "log-likelihoods alone", hf.log_likelihood(*tables, lengths=lengths, **options)


def check(tables, lengths, **options):
    expected = alone(lambda: dict(answers(tables, lengths, **options)))
    for what, found in answers(tables, lengths, **options):
        np.testing.assert_array_equal(found.view(np.int64), expected[what].view(np.int64), what)


def mixed_with_ordinary(family, n_states, lengths):
    """The rows of a family, in every third sequence; harmless ones in the others."""
    log_initial, log_transition, hostile = cases.draw(family, 1, sum(lengths), n_states)
    _, _, rows = cases.draw(cases.ordinary, 2, sum(lengths), n_states)
    is_hostile = np.repeat(np.arange(len(lengths)) % 3 == 1, lengths)
    return log_initial, log_transition, np.where(is_hostile[:, None], hostile, rows)


@pytest.mark.parametrize("n_states", [1, 2, 3, *([4, 5, 6, 7, 8, 9, 16, 35] if COMPILED else [])])
@pytest.mark.parametrize("family", cases.FAMILIES, ids=lambda family: family.__name__)
def test_as_one_after_the_other(family, n_states):
    check(mixed_with_ordinary(family, n_states, RAGGED), RAGGED)


@given(possible_tables(), st.data())
def test_any_lengths(case, data):
    """As many sequences as there are sets of cuts; all of them possible, or some not."""
    log_initial, log_transition, rows = case
    lengths = data.draw(st.lists(st.integers(1, 2 * len(rows)), min_size=16, max_size=40))
    check((log_initial, log_transition, np.resize(rows, (sum(lengths), len(log_initial)))), lengths)


def test_impossible_sequences():
    lengths = RAGGED
    tables = mixed_with_ordinary(cases.ordinary, 3, lengths)
    starts = np.cumsum([0, *lengths])
    for n in (0, 5, len(lengths) - 1):
        tables[2][starts[n] + lengths[n] // 2] = -np.inf
    check(tables, lengths)
    with pytest.raises(hf.ImpossibleEvidenceError, match="sequence 0"):
        hf.smooth(*tables, lengths=lengths)


@pytest.mark.parametrize("n_sequences", [1, 7, 8, 9, 15, 16, 17, 64])
def test_any_number_of_sequences(n_sequences):
    lengths = [3] * n_sequences
    check(cases.draw(cases.ordinary, 3, sum(lengths), 2), lengths)


def test_more_rows_than_a_block():
    """Then what nobody reads is not kept."""
    check(cases.draw(cases.ordinary, 3, 320, 8), [20] * 16)


@pytest.mark.parametrize("workers", [1, 2])
def test_in_many_pieces(small_pieces, monkeypatch, workers):
    monkeypatch.setattr(together, "MANY", 2)
    lengths = (RAGGED + [1] * 40) * 2
    check(mixed_with_ordinary(cases.mixed, 3, lengths), lengths, workers=workers)


def test_each_sequence_may_start_from_elsewhere():
    rng = np.random.default_rng(4)
    _, log_transition, rows = cases.draw(cases.ordinary, 0, sum(RAGGED), 3)
    check((rng.normal(0, 3, (len(RAGGED), 3)), log_transition, rows), RAGGED)


@pytest.mark.parametrize("log_initial", [[0.0, -np.inf], [0.0, -1000.0]])
def test_initial_distributions_with_zeros_and_rare_states(log_initial):
    _, log_transition, rows = cases.draw(cases.ordinary, 0, sum(RAGGED), 2)
    check((np.array(log_initial), log_transition, rows), RAGGED)


@pytest.mark.parametrize("nats", [0.0, 60.0, 1e4, -1e9, 1e15])
def test_any_size_of_logs(nats):
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 0, sum(RAGGED), 3)
    check((log_initial, log_transition, rows + nats), RAGGED)


@pytest.mark.parametrize("apart", [3.0, 8.0, 15.0, 30.0])
def test_separated_states(apart):
    rng = np.random.default_rng(5)
    values = apart * rng.integers(0, 3, sum(RAGGED)) + rng.normal(size=sum(RAGGED))
    rows = -0.5 * (values[:, None] - apart * np.arange(3)) ** 2
    check((np.zeros(3), np.log(np.full((3, 3), 0.1) + 0.7 * np.eye(3)), rows), RAGGED)


def test_expected_counts():
    tables = mixed_with_ordinary(cases.mixed, 3, RAGGED)
    found = hf.expected_transitions(*tables, lengths=RAGGED)
    expected = alone(lambda: hf.expected_transitions(*tables, lengths=RAGGED))
    assert np.array_equal(found.counts, expected.counts)


def test_harmless_sequences_are_left_by_nobody(monkeypatch):
    """Else all of this would be true of one after the other."""
    tables = cases.draw(cases.ordinary, 1, sum(RAGGED), 3)
    for name in ("run_forward", "run_backward"):
        monkeypatch.setattr(kernels, name, lambda *_, name=name: pytest.fail(f"{name} was called"))
    hf.smooth(*tables, lengths=RAGGED)


def test_a_few_are_left_and_no_more(monkeypatch):
    tables = cases.draw(cases.ordinary, 1, sum(RAGGED), 3)
    starts, left = np.cumsum([0, *RAGGED]), {"run_forward": [], "run_backward": []}
    tables[2][starts[5] + 1, 0] = tables[2][starts[8], 1] = -5000.0
    for name, seen in left.items():
        kernel = getattr(kernels, name)
        monkeypatch.setattr(
            kernels, name, lambda *given, kernel=kernel, seen=seen: (seen.append(given[1:4]), kernel(*given))[1]
        )
    hf.smooth(*tables, lengths=RAGGED)
    spans = [(n, starts[n], starts[n + 1]) for n in (5, 8)]
    assert left == {"run_forward": spans, "run_backward": spans}


def test_against_all_paths():
    lengths = [4] * 16
    tables = cases.draw(cases.ordinary, 2, sum(lengths), 2)
    smoothed, filtered = hf.smooth(*tables, lengths=lengths), hf.forward_filter(*tables, lengths=lengths)
    for n in range(len(lengths)):
        case = *tables[:2], tables[2][4 * n : 4 * n + 4]
        answer = oracle.enumeration(*case)
        for found, expected in ((filtered[n], answer.filtered), (smoothed[n], answer.smoothed)):
            assert oracle.posterior_share(case, found.log_probabilities, found.probabilities, expected) <= 1
        assert oracle.log_likelihood_share(case, filtered[n].log_likelihood, answer.increments) <= 1


def test_against_eighty_digits():
    lengths = [30, 2, 11, 1] * 4
    tables = cases.draw(cases.densities, 2, sum(lengths), 3)
    smoothed, starts = hf.smooth(*tables, lengths=lengths), np.cumsum([0, *lengths])
    for n in range(4):
        case = *tables[:2], tables[2][starts[n] : starts[n + 1]]
        found, answer = smoothed[n], oracle.recursions(*case)
        assert oracle.posterior_share(case, found.log_probabilities, found.probabilities, answer.smoothed) <= 1
        assert oracle.log_likelihood_share(case, found.log_likelihood, answer.increments) <= 1


@needs_compiled
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.densities], ids=lambda family: family.__name__)
def test_python_and_machine_code_agree(family, monkeypatch):
    tables, lengths = mixed_with_ordinary(family, 3, [1, 9, 2, 1] * 5), [1, 9, 2, 1] * 5
    expected = dict(answers(tables, lengths))
    monkeypatch.setattr("hmmfilter._drivers.together.kernels", Kernels(np.inf))
    for what, found in answers(tables, lengths):
        np.testing.assert_array_equal(found.view(np.int64), expected[what].view(np.int64), what)


def test_what_is_not_worth_a_try():
    """Few sequences in a piece, and pieces after one of which most were left."""
    lengths = [3] * 40
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 1, sum(lengths), 3)
    rows[:60] = -1e6 * np.arange(3)
    tables = _checks.chain(log_initial, log_transition, rows, lengths, None, None)
    lanes = together.together_for(tables, (np.array(lengths), np.empty(len(lengths))))
    few, hopeless, harmless = Piece(0, 3, 0, 12), Piece(0, 19, 0, 60), Piece(20, 39, 60, 120)
    given = np.empty((60, 3)), np.empty(60), slots_for_chains(1, 3)
    for piece, left in ((harmless, []), (few, [few]), (hopeless, [hopeless]), (harmless, [harmless])):
        assert lanes.forward(piece, *given) == left
    assert lanes.backward(harmless, *given[::2]) == ([], [harmless])
