"""Results: frozen, and good to look at."""

import pickle

import numpy as np
import pytest

import hmmfilter as hf

CASE = np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.2, 0.8]]), np.zeros((9, 2))


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi])
def test_results_are_frozen(door):
    result = door(*CASE)
    with pytest.raises(AttributeError):
        result.state_names = ("a", "b")
    for name in ("log_probabilities", "probabilities", "log_increments", "path"):
        if hasattr(result, name):
            with pytest.raises(ValueError, match="read-only"):
                getattr(result, name)[0] = 0


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi])
def test_results_stay_frozen_after_a_pickle(door):
    result = door(*CASE)
    twin = pickle.loads(pickle.dumps(result))
    assert repr(twin) == repr(result)
    with pytest.raises(ValueError, match="read-only"):
        getattr(twin, "path", getattr(twin, "log_probabilities", None))[0] = 0


def test_probabilities_are_computed_once():
    filtered = hf.forward_filter(*CASE)
    assert filtered.probabilities is filtered.probabilities
    assert filtered.log_probabilities is filtered.log_probabilities
    np.testing.assert_allclose(np.exp(filtered.log_probabilities), filtered.probabilities, rtol=1e-15)


def test_a_long_table_shows_its_ends():
    assert repr(hf.forward_filter(*CASE)) == (
        "Filtered: 9 steps, 2 states, log-likelihood 0.0000; probabilities\n"
        "  step       0       1\n"
        "     0  0.5000  0.5000\n"
        "     1  0.5500  0.4500\n"
        "     2  0.5850  0.4150\n"
        "   ...\n"
        "     7  0.6529  0.3471\n"
        "     8  0.6571  0.3429"
    )


def test_names_head_the_columns():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    assert repr(model.viterbi([0, 9])) == (
        "Decoded: 2 steps, 2 states, log-joint -7.3126\n  step  state\n     0   calm\n     1   busy"
    )
    assert "step    calm    busy" in repr(model.smooth([0, 9]))


def test_a_rounded_zero_has_no_sign():
    assert "log-likelihood 0.0000" in repr(hf.forward_filter([0.0], [[0.0]], [[-1e-9]]))


def test_marked_results_print():
    impossible = CASE[0], CASE[1], np.full((2, 2), -np.inf)
    assert "log-likelihood -inf" in repr(hf.forward_filter(*impossible, impossible="mark"))
    assert "nan" in repr(hf.smooth(*impossible, impossible="mark"))
    assert "-1" in repr(hf.viterbi(*impossible, impossible="mark"))


@pytest.mark.parametrize(("n", "columns"), [(12, [str(k) for k in range(12)]), (13, ["0", "1", "...", "11", "12"])])
def test_columns_of_many_states_are_left_out(n, columns):
    rows = np.log(np.full((2, n), 1 / n))
    smoothed = hf.smooth(rows[0], np.log(np.full((n, n), 1 / n)), rows)
    _, head, *lines = repr(smoothed).split("\n")
    assert head.split() == ["step", *columns]
    assert len({len(line) for line in [head, *lines]}) == 1
    counted = hf.expected_transitions(rows[0], np.log(np.full((n, n), 1 / n)), rows)
    model = hf.HMM(np.full(n, 1 / n), np.full((n, n), 1 / n), hf.emissions.Poisson(np.arange(1.0, n + 1)))
    for told in (counted, hf.expected_statistics(model, [3, 4, 5])):
        _, _, *lines = repr(told).split("\n")
        assert [line.split()[0] for line in lines] == (columns if n == 12 else ["0", "1", "2", "...", "11", "12"])
