"""Transitions that change from step to step: two oracles, and the laws that tie them to those that do not."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _ready
from hmmfilter._drivers import decoders, recursions
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.test_filtering import FAMILY

DOORS = [hf.forward_filter, hf.smooth, hf.viterbi]


def answers(door, *tables, **options):
    """All that a door says, as arrays to compare to the bit."""
    result = door(*tables, **options)
    if door is hf.viterbi:
        return [result.path, result.log_joint]
    parts = [result.log_probabilities, result.log_likelihood]
    return [*parts, result.log_increments] if door is hf.forward_filter else parts


def assert_same_bits(one, other):
    for x, y in zip(one, other, strict=True):
        assert np.array_equal(x, y, equal_nan=True)


def check_contract(case, answer, where):
    filtered, smoothed, decoded = (door(*case) for door in DOORS)
    shares = {
        "filter": oracle.posterior_share(case, filtered.log_probabilities, filtered.probabilities, answer.filtered),
        "smoother": oracle.posterior_share(case, smoothed.log_probabilities, smoothed.probabilities, answer.smoothed),
        "log-likelihood": oracle.log_likelihood_share(case, filtered.log_likelihood, answer.increments),
    }
    for what, share in shares.items():
        note_share(what, share, where)
        assert share <= 1, f"{what}: {share} times the allowed error"
    assert hf.log_likelihood(*case) == filtered.log_likelihood
    best = float(oracle.mpmath.log(answer.best_joint))
    assert decoded.log_joint == pytest.approx(best, rel=1e-15, abs=1e-15)
    assert float(oracle.path_joint(case, decoded.path)) == pytest.approx(best, rel=1e-15, abs=1e-15)


@FAMILY
@pytest.mark.parametrize(("n_steps", "n_states"), [(2, 2), (4, 3), (6, 2)])
def test_against_all_paths(family, n_steps, n_states):
    case = cases.changing(family, 0, n_steps, n_states)
    check_contract(case, oracle.enumeration(*case), f"changing {family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@pytest.mark.parametrize(("n_steps", "n_states"), [(40, 3), (12, 9), pytest.param(300, 2, marks=needs_compiled)])
def test_against_eighty_digits(family, n_steps, n_states):
    case = cases.changing(family, 1, n_steps, n_states)
    check_contract(case, oracle.recursions(*case), f"changing {family.__name__}, T={n_steps}, K={n_states}")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.chain], ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_states", [2, 3, 9])
def test_the_same_matrix_at_each_step_gives_the_same_bits(door, family, n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 1, 30, n_states)
    repeated = np.repeat(log_transition[None], 29, axis=0)
    whole = answers(door, log_initial, log_transition, log_likelihoods)
    assert_same_bits(answers(door, log_initial, repeated, log_likelihoods), whole)
    pair = np.stack([log_transition, log_transition])
    index = np.arange(29) // 5 % 2
    assert_same_bits(answers(door, log_initial, pair, log_likelihoods, transition_index=index), whole)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("run", [1, 4, 100], ids=lambda run: f"runs of {run}")
@pytest.mark.parametrize(("n_steps", "n_states"), [(70, 2), (25, 3), pytest.param(70, 9, marks=needs_compiled)])
def test_an_index_is_short_for_the_matrices_that_it_names(door, run, n_steps, n_states):
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 2, n_steps, n_states)
    regimes = log_transition[:3]
    index = np.random.default_rng(run).integers(0, 3, n_steps)[np.arange(n_steps - 1) // run]
    by_index = answers(door, log_initial, regimes, log_likelihoods, transition_index=index)
    assert_same_bits(by_index, answers(door, log_initial, regimes[index], log_likelihoods))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("n_states", [2, 9])
def test_more_matrices_than_are_held_ready(door, n_states, monkeypatch):
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 2, 30, n_states)
    index = np.random.default_rng(0).integers(0, 7, 29)
    case = log_initial, log_transition[:7], log_likelihoods
    expected = answers(door, *case, transition_index=index)
    made = []
    for maker, name in ((_ready, "slots_for_chains"), (decoders, "slots_for_moves")):
        make = getattr(maker, name)
        monkeypatch.setattr(maker, name, lambda *size, make=make: made.append(make(*size)) or made[-1])
        monkeypatch.setattr(recursions, "MOST_HELD", 3 * make(1, n_states).size)
    assert_same_bits(answers(door, *case, transition_index=index), expected)
    assert max(map(len, made)) < 7


@needs_compiled
@pytest.mark.parametrize("door", DOORS)
def test_over_several_blocks(door):
    """More steps than a block of any kernel has, with regimes that end everywhere."""
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 3, 2500, 2)
    index = np.random.default_rng(0).integers(0, 3, 2499) * (np.arange(2499) % 700 < 90)
    by_index = answers(door, log_initial, log_transition[:3], log_likelihoods, transition_index=index)
    assert_same_bits(by_index, answers(door, log_initial, log_transition[index % 3], log_likelihoods))


@pytest.mark.parametrize("door", DOORS)
def test_a_single_step_needs_no_transition(door):
    row = np.array([[0.0, -1.0]])
    expected = answers(door, [-1.0, -2.0], np.zeros((2, 2)), row)
    assert_same_bits(answers(door, [-1.0, -2.0], np.zeros((0, 2, 2)), row), expected)
    assert_same_bits(answers(door, [-1.0, -2.0], np.zeros((3, 2, 2)), row, transition_index=[]), expected)


@pytest.mark.parametrize("door", DOORS)
def test_with_lengths_the_last_entry_of_a_sequence_is_unused(door):
    lengths, n_rows, n_states = [4, 1, 7], 12, 3
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 4, n_rows + 1, n_states)
    log_likelihoods = log_likelihoods[:n_rows]
    log_transition[[3, 4, 11]] = np.nan
    index = np.arange(n_rows) % 3
    index[[3, 4, 11]] = [-1, 99, -(10**9)]
    changing = door(log_initial, log_transition, log_likelihoods, lengths=lengths)
    regimes = door(log_initial, log_transition[:3], log_likelihoods, lengths=lengths, transition_index=index)
    start = 0
    for n, length in enumerate(lengths):
        rows, moves = slice(start, start + length), slice(start, start + length - 1)
        alone = answers(door, log_initial, log_transition[moves], log_likelihoods[rows])
        by_index = answers(door, log_initial, log_transition[:3], log_likelihoods[rows], transition_index=index[moves])
        table = "path" if door is hf.viterbi else "log_probabilities"
        assert np.array_equal(getattr(changing[n], table), alone[0])
        assert np.array_equal(getattr(regimes[n], table), by_index[0])
        start += length


@pytest.mark.parametrize("door", [*DOORS, hf.log_likelihood])
@pytest.mark.parametrize("unused", [0, 99, -(10**9)])
def test_with_one_matrix_to_choose_nothing_is_chosen(door, unused):
    """Short sequences share a block then, and the first or the last of them may be of a single step."""
    lengths = [1, 4, 3, 1]
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 4, sum(lengths), 3)
    index = np.zeros(sum(lengths), dtype=int)
    index[np.cumsum(lengths) - 1] = unused
    case = log_initial, log_transition[None], log_likelihoods
    plain = door(log_initial, log_transition, log_likelihoods, lengths=lengths)
    chosen = door(*case, lengths=lengths, transition_index=index)
    if door is hf.log_likelihood:
        assert np.array_equal(chosen, plain)
    elif door is hf.viterbi:
        assert np.array_equal(chosen.path, plain.path)
    else:
        assert np.array_equal(chosen.log_probabilities, plain.log_probabilities)


REFUSED = [
    ({"log_transition": np.zeros((2, 2, 2))}, ValueError, "log_transition must have shape (3, 2, 2), got (2, 2, 2)"),
    (
        {"log_transition": np.zeros((3, 2, 2)), "lengths": [1, 3]},
        ValueError,
        "log_transition must have shape (4, 2, 2), got (3, 2, 2)",
    ),
    (
        {"log_transition": np.full((3, 2, 2), np.nan)},
        ValueError,
        "log_transition[0, 0, 0] must be -inf or finite, got nan",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0, 1]},
        ValueError,
        "transition_index must have shape (3,), got (2,)",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0, 1, 2]},
        ValueError,
        "transition_index[2] must be from 0 to 1, got 2",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0, 10**30, 1]},
        ValueError,
        "transition_index[1] must fit into 64 bits, got 1000000000000000000000000000000",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [0.0, 1.0, 1.0]},
        TypeError,
        "transition_index must hold integers, got dtype float64",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": [[0, 1, 1]]},
        ValueError,
        "transition_index must be a vector, got shape (1, 3)",
    ),
    (
        {"log_transition": np.zeros((2, 2, 2)), "transition_index": np.ma.array([0, 1, 1], mask=[0, 1, 0])},
        TypeError,
        "transition_index must have no masked entries, got some",
    ),
    (
        {"log_transition": 0.0, "transition_index": [0, 0, 0]},
        ValueError,
        "log_transition must have shape (M, 2, 2), got ()",
    ),
    (
        {"transition_index": [0, 0, 0]},
        ValueError,
        "log_transition must have shape (M, 2, 2), got (2, 2)",
    ),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(options, error, message):
    tables = {"log_initial": [0.0, 0.0], "log_transition": np.zeros((2, 2)), "log_likelihoods": np.zeros((4, 2))}
    with pytest.raises(error) as caught:
        hf.forward_filter(**{**tables, **options})
    assert str(caught.value) == message
