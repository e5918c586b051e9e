"""Posteriors of some states alone: the bits that these have among all, without a table of all on the way."""

import pickle
import re
import tracemalloc

import numpy as np
import pytest

import hmmfilter as hf
from tests import cases
from tests.conftest import needs_compiled

DOORS = pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth], ids=["filter", "smooth"])
POISSON = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])


def assert_columns(some, all_states, chosen):
    """All that is said of the chosen states is what is said of them among all, to the bit."""
    assert some.states.tolist() == chosen
    np.testing.assert_array_equal(some.log_probabilities, all_states.log_probabilities[:, chosen])
    np.testing.assert_array_equal(some.probabilities, all_states.probabilities[:, chosen])
    np.testing.assert_array_equal(some.log_likelihood, all_states.log_likelihood)


@DOORS
@pytest.mark.parametrize("n_states", [2, 3, 9])
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.zeros], ids=lambda family: family.__name__)
def test_the_bits_of_all(door, family, n_states, small_pieces):
    case = cases.draw(family, 1, 150, n_states)
    assert_columns(door(*case, states=[n_states - 1, 0]), door(*case), [n_states - 1, 0])


@DOORS
@pytest.mark.parametrize("workers", [1, 2])
def test_several_sequences(door, workers, small_pieces):
    lengths = [40, 0, 1, 7, 7, 7, 7, 7, 7, 7, 7, 60]
    case = cases.draw(cases.mixed, 2, sum(lengths), 4)
    allowed = np.random.default_rng(3).random((sum(lengths), 4)) < 0.9
    allowed[45] = False
    options = {"lengths": lengths, "allowed": allowed, "impossible": "mark", "workers": workers}
    some, all_states = door(*case, states=[2], **options), door(*case, **options)
    assert np.isnan(all_states.probabilities).any()
    assert_columns(some, all_states, [2])
    assert_columns(some[11], all_states[11], [2])
    assert some.lengths.tolist() == lengths


@DOORS
def test_what_is_impossible(door):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 3, 30, 3)
    log_likelihoods[10] = -np.inf
    case = log_initial, log_transition, log_likelihoods
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        door(*case, states=[1])
    assert caught.value.step == 10
    assert_columns(door(*case, states=[1], impossible="mark"), door(*case, impossible="mark"), [1])
    log_likelihoods[10] = [0.0, -np.inf, -np.inf]
    case = log_initial, np.where(np.eye(3), 0.0, -np.inf), log_likelihoods
    log_likelihoods[9] = [-np.inf, 0.0, -np.inf]
    some, all_states = (door(*case, impossible="restart", **option) for option in ({"states": [1, 2]}, {}))
    assert some.restarts.tolist() == all_states.restarts.tolist() == [10]
    assert_columns(some, all_states, [1, 2])


@DOORS
@pytest.mark.parametrize("are_logs", [False, True], ids=["numbers", "logs"])
def test_in_a_table_of_the_caller(door, are_logs):
    case, out = cases.draw(cases.rarer, 1, 40, 3), np.empty((40, 2))
    result = door(*case, states=[2, 1], out=out, out_logs=are_logs)
    expected = door(*case)
    held = expected.log_probabilities if are_logs else expected.probabilities
    np.testing.assert_array_equal(out, held[:, [2, 1]])
    assert repr(result) == repr(door(*case, states=[2, 1]))
    with pytest.raises(ValueError, match=r"^out must have shape \(40, 1\), got \(40, 2\)$"):
        door(*case, states=[2], out=out)


def test_increments_are_of_all_states():
    case = cases.draw(cases.mixed, 1, 40, 5)
    some, all_states = hf.forward_filter(*case, states=[3]), hf.forward_filter(*case)
    np.testing.assert_array_equal(some.log_increments, all_states.log_increments)
    np.testing.assert_array_equal(some.log_joint_probabilities, all_states.log_joint_probabilities[:, [3]])


@needs_compiled
@DOORS
def test_memory_is_that_of_the_chosen_columns(door):
    """A table of all states, 16 MB, is never there; half of that is what waits for the way back, and a piece or two."""
    n_steps, n_states = 80_000, 25
    case = cases.draw(cases.ordinary, 1, n_steps, n_states)
    door(*(part[:100] if part is case[2] else part for part in case), states=[7])  # what is compiled is not counted
    tracemalloc.start()
    result = door(*case, states=[7])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.probabilities.shape == (n_steps, 1)
    assert peak < n_steps * n_states * 8 / 2


@pytest.mark.parametrize("ask", [POISSON.filter, POISSON.smooth], ids=["filter", "smooth"])
def test_a_model_is_asked_by_name_or_number(ask):
    all_states = ask([0, 2, 7])
    for states in (["busy", "calm"], (1, "calm"), np.array([1, 0])):
        some = ask([0, 2, 7], states=states)
        assert some.state_names == ("busy", "calm")
        assert_columns(some, all_states, [1, 0])
    several = ask({"anna": [0, 2, 7], "ben": [4]}, states=["busy"])
    assert several["ben"].state_names == ("busy",)
    np.testing.assert_array_equal(several["anna"].probabilities, all_states.probabilities[:, [1]])


def test_results_call_the_chosen_states_by_their_names():
    smoothed = POISSON.smooth([0, 2, 7], states=["busy"])
    assert repr(smoothed).splitlines()[:2] == [
        "Smoothed: 3 steps, 1 chosen states, log-likelihood -7.6632; probabilities",
        "  step    busy",
    ]
    assert "chosen" in smoothed._repr_html_()
    assert "busy" in smoothed._repr_html_()
    assert list(smoothed.to_frame().columns) == ["busy"]
    assert smoothed.to_xarray().sel(state="busy").shape == (3,)
    np.testing.assert_allclose(smoothed.occupancy["steps"], POISSON.smooth([0, 2, 7]).occupancy["steps"][1:])
    (band,) = smoothed.plot().get_legend().get_texts()
    assert band.get_text() == "busy"
    assert repr(pickle.loads(pickle.dumps(smoothed))) == repr(smoothed)
    several = POISSON.smooth([[0, 2], [7]], states=["busy"])
    assert repr(several).splitlines()[0] == "Smoothed: 2 sequences, 3 steps, 1 chosen states"


def test_results_of_tables_call_them_by_their_numbers():
    smoothed = hf.smooth(*cases.draw(cases.ordinary, 1, 5, 9), states=[8, 3])
    assert repr(smoothed).splitlines()[1].split() == ["step", "8", "3"]
    assert list(smoothed.to_frame().columns) == [8, 3]
    assert smoothed.to_xarray().state.values.tolist() == [8, 3]
    assert hf.smooth(*cases.draw(cases.ordinary, 1, 5, 9)).states is None


@pytest.mark.parametrize(
    ("states", "kind", "message"),
    [
        ([], ValueError, "states must be different ones, at least one, got []"),
        ([1, 1], ValueError, "states must be different ones, at least one, got [1, 1]"),
        ([0, 3], ValueError, "states[1] must be the number from 0 to 2 of a state, got 3"),
        ([-1], ValueError, "states[0] must be the number from 0 to 2 of a state, got -1"),
        ([1.0], ValueError, "states[0] must be the number from 0 to 2 of a state, got 1.0"),
        ([True], ValueError, "states[0] must be the number from 0 to 2 of a state, got True"),
        (["calm"], ValueError, "states[0] must be the number from 0 to 2 of a state, got 'calm'"),
        ("calm", TypeError, "states must be a list of states, got 'calm'"),
        (1, TypeError, "states must be a list of states, got 1"),
    ],
)
@DOORS
def test_refusals(door, states, kind, message):
    with pytest.raises(kind) as caught:
        door(*cases.draw(cases.ordinary, 1, 5, 3), states=states)
    assert str(caught.value) == message


def test_refusals_of_a_model():
    for states, message in [
        (["calm", "calm"], "states must be different ones, at least one, got ['calm', 'calm']"),
        (["calm", 0], "states must be different ones, at least one, got ['calm', 0]"),
        (["wild"], "states[0] must be the number or the name of a state, got 'wild'"),
        ([2], "states[0] must be the number from 0 to 1 or the name of a state, got 2"),
    ]:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            POISSON.smooth([0, 2, 7], states=states)
