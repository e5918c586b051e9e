"""Where learning starts: degrees of belonging, and the models that are guessed from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmfilter.learning import starts

ROUNDING = 1e-12


def groups_of(kind, observed, n_states, seed=0):
    belongs = starts.degrees(kind, np.asarray(observed, dtype=float), n_states, np.random.default_rng(seed))
    assert belongs.shape == (len(observed), n_states)
    assert np.abs(belongs.sum(axis=1) - 1).max() <= ROUNDING
    assert belongs.min() > 0
    return belongs.argmax(axis=1)


@pytest.mark.parametrize("kind", starts.KINDS)
@given(
    observed=st.lists(st.floats(-1e300, 1e300) | st.integers(0, 3) | st.just(np.nan), min_size=1, max_size=30),
    n_states=st.integers(1, 5),
)
def test_degrees_are_positive_and_sum_to_one_whatever_comes(kind, observed, n_states):
    groups_of(kind, observed, n_states)


@pytest.mark.parametrize("kind", starts.KINDS)
def test_degrees_repeat_for_a_seed(kind):
    observed = np.random.default_rng(0).normal(size=(50, 3))
    first, second, other = (starts.degrees(kind, observed, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first == other).all() == (kind == "quantiles")


def test_quantiles_are_even_and_keep_equal_numbers_together():
    assert groups_of("quantiles", [5, 1, 3, 2, 6, 4], 3).tolist() == [2, 0, 1, 0, 2, 1]
    assert groups_of("quantiles", [0, 0, 0, 0, 0, 1, 2], 3).tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert groups_of("quantiles", [2, 2, 2, 2, 2, 1, 0], 3).tolist() == [2, 2, 2, 2, 2, 1, 0]


def test_quantiles_of_vectors_are_along_the_direction_of_most_variance():
    along = np.array([3.0, -2.0, 1.0, -1.0, 2.0, -3.0])
    observed = np.column_stack([1e8 + along, 1e-3 * along, np.tile([0.1, -0.1], 3)])  # units do not matter
    assert groups_of("quantiles", observed, 2).tolist() == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("kind", ["k-means", "points"])
def test_groups_lie_around_their_centres_and_ascend(kind):
    observed = np.array([0.0, 50.0, 100.0])[[2, 0, 1, 0, 2, 1]] + np.linspace(0, 1, 6)
    found = [tuple(groups_of(kind, observed, 3, seed)) for seed in range(30)]
    assert (2, 0, 1, 0, 2, 1) in found
    if kind == "k-means":
        assert found.count((2, 0, 1, 0, 2, 1)) >= 28


def test_k_means_keeps_a_centre_to_which_nothing_is_near():
    centres = starts._settled(np.array([[0.0], [1.0]]), np.array([[0.4], [0.6], [9.0]]))
    assert centres.tolist() == [[0.0], [1.0], [9.0]]


def test_k_means_gives_up_in_the_end(monkeypatch):
    monkeypatch.setattr(starts, "MOST_ROUNDS", 1)
    x = np.array([[0.0], [1.0], [2.0], [9.0]])
    assert starts._settled(x, np.array([[0.0], [1.0]])).tolist() == [[0.0], [4.0]]


@pytest.mark.parametrize("kind", ["quantiles", "k-means", "points"])
def test_a_missing_row_belongs_to_all_states_and_a_missing_entry_is_the_mean(kind):
    whole = np.repeat([[0.0, 0.0], [9.0, 9.0]], 20, axis=0)
    observed = np.array([[0.0, 0.0], [np.nan, np.nan], [9.0, 9.0], [np.nan, 9.0], [0.0, np.nan], *whole])
    belongs = starts.degrees(kind, observed, 2, np.random.default_rng(0))
    assert belongs[1].tolist() == [0.5, 0.5]
    own = belongs[[0, 2, 3, 4]].argmax(axis=1)
    if kind != "points":  # which may lie near the means
        assert own.tolist() == [0, 1, 1, 0]
    nothing = starts.degrees(kind, np.full((3, 2), np.nan), 2, np.random.default_rng(0))
    assert nothing.shape == (3, 2)


def test_responsibilities_last_for_a_while():
    belongs = starts.degrees("responsibilities", np.arange(4000.0), 2, np.random.default_rng(0))
    changes = np.flatnonzero((np.diff(belongs, axis=0) != 0).any(axis=1))
    assert (np.diff(changes) == 4000 // (2 * starts.STRETCHES)).all()


def test_what_cannot_tell_states_apart():
    bits = np.array([0.0, 1.0, 1.0, np.nan])
    assert starts.are_told_apart(bits, 2)
    assert not starts.are_told_apart(bits, 3)
    late = np.append(np.zeros(2 * starts.FIRST_ROWS), 1.0)
    assert starts.are_told_apart(late, 2)
    groups_of("quantiles", bits, 3)  # which are at random, then
