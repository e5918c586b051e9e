"""Separated states, as a model that fits has them: what underflows on the way comes out exactly, to the same bits."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._drivers import recursions
from hmmfilter._kernels import backward, forward
from hmmfilter._tiers import Kernels
from tests import cases, oracle
from tests.conftest import note_share
from tests.test_filter_blocks import assert_as_whole, cut

APART = pytest.mark.parametrize("distance", [3, 10, 20, 40])
DOWN = pytest.mark.parametrize("down", [0.0, 300.0, 1e8], ids=lambda nats: f"{nats:g} nats down")


def separated(distance, n_steps, n_states, down=0.0, never=()):
    """Gaussian states so many standard deviations apart, in a chain that mostly stays; some moves never happen."""
    rng = np.random.default_rng([distance, n_steps, n_states])
    transition = np.full((n_states, n_states), 0.02 / (n_states - 1))
    np.fill_diagonal(transition, 0.98)
    for i, j in never:
        transition[i, j] = 0.0
    states = rng.integers(0, n_states, 1 + n_steps // 8)[np.arange(n_steps) // 8]
    x = distance * states + rng.normal(size=n_steps)
    log_likelihoods = -((x[:, None] - distance * np.arange(n_states)) ** 2) / 2 - down
    return np.full(n_states, -np.log(n_states)), cases.logs(transition), log_likelihoods


def check_contract(case, answer, where):
    for name, result, exact in (
        ("filter", hf.forward_filter(*case), answer.filtered),
        ("smoother", hf.smooth(*case), answer.smoothed),
    ):
        share = oracle.posterior_share(case, result.log_probabilities, result.probabilities, exact)
        note_share(name, share, where)
        assert share <= 1, f"{name}: {share} times the allowed error"


@APART
@DOWN
@pytest.mark.parametrize("n_states", [2, 4, 8, 9, 16])
def test_against_eighty_digits(distance, n_states, down):
    case = separated(distance, 40, n_states, down)
    check_contract(case, oracle.recursions(*case), f"{distance} sd apart, K={n_states}")


@APART
@pytest.mark.parametrize(("n_steps", "n_states"), [(6, 2), (4, 3)])
def test_against_all_paths(distance, n_steps, n_states):
    case = separated(distance, n_steps, n_states)
    check_contract(case, oracle.enumeration(*case), f"{distance} sd apart, all paths")


@pytest.mark.parametrize("n_states", [3, 9])
@pytest.mark.parametrize(
    "never",
    [[(1, 2)], [(0, 0), (1, 0), (2, 0)], [(0, 1), (0, 2), (0, 0)], [(2, 2), (2, 1)]],
    ids=["a move", "ways in", "ways out", "staying"],
)
def test_moves_that_never_happen(n_states, never):
    """Zeros of the transition are true zeros, and what has underflowed is not taken for one."""
    case = separated(40, 40, n_states, never=never)
    check_contract(case, oracle.recursions(*case), f"never {never}, K={n_states}")


def test_a_smoothed_row_of_which_only_what_was_hopeless_is_left():
    """The state that is likely at first leads nowhere: all that is left of the row is in logs."""
    log_transition = cases.logs([[0.0, 0.0], [0.5, 0.5]])
    case = cases.logs([0.5, 0.5]), log_transition, np.array([[0.0, -2000.0], [0.0, 0.0], [0.0, 0.0]])
    check_contract(case, oracle.recursions(*case), "all is in logs")


def bits(case):
    filtered, smoothed = hf.forward_filter(*case), hf.smooth(*case)
    return filtered.log_probabilities, filtered.log_increments, smoothed.log_probabilities


@APART
@DOWN
@pytest.mark.parametrize("n_states", [2, 5, 8, 9, 16])
def test_streams_and_blocks_give_the_bits_of_the_whole(distance, n_states, down):
    log_initial, log_transition, log_likelihoods = separated(distance, 40, n_states, down)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    stream = hf.OnlineFilter(log_initial, log_transition)
    for row, expected in zip(log_likelihoods, whole.log_probabilities, strict=True):
        assert np.array_equal(stream.update(row), expected)
    assert_as_whole(hf.filter_blocks(log_initial, log_transition, cut(log_likelihoods)), whole)


@APART
@DOWN
@pytest.mark.parametrize("n_states", [2, 3, 9])
def test_exact_steps_give_the_bits_of_fast_ones(distance, n_states, down, monkeypatch):
    """In both directions; in Python, where fast steps can be left out."""
    case = separated(distance, 30, n_states, down)
    fast = bits(case)
    monkeypatch.setattr(recursions, "kernels", Kernels(1e9))
    for room in (forward, backward):
        monkeypatch.setattr(room, "sweep", lambda *given: given[5])
    exact = bits(case)
    for one, other in zip(fast, exact, strict=True):
        assert np.array_equal(one, other)
