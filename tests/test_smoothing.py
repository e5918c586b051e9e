"""Smoothing: two oracles, the accuracy contract, the laws."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hmmfilter as hf
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.strategies import any_tables, possible_tables
from tests.test_filtering import FAMILY, LARGE, LAW_TOLERANCE, SMALL, impossible_at


def check_contract(case, answer, where):
    smoothed = hf.smooth(*case)
    share = oracle.posterior_share(case, smoothed.log_probabilities, smoothed.probabilities, answer.smoothed)
    note_share("smoother", share, where)
    assert share <= 1, f"{share} times the allowed error"
    assert smoothed.log_likelihood == hf.log_likelihood(*case)


@FAMILY
@SMALL
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 0, n_steps, n_states)
    check_contract(case, oracle.enumeration(*case), f"{family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@LARGE
@pytest.mark.parametrize("seed", [1, 2])
def test_against_eighty_digits(family, n_steps, n_states, seed, exact):
    case, answer = exact(family, seed, n_steps, n_states)
    check_contract(case, answer, f"{family.__name__}, T={n_steps}, K={n_states}, seed {seed}")


@needs_compiled
@pytest.mark.parametrize(("n_steps", "n_states"), [(2100, 2), (300, 9), (300, 16)])
@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.chain], ids=lambda family: family.__name__)
def test_over_several_blocks_and_for_many_states(family, n_steps, n_states, exact):
    case, answer = exact(family, 1, n_steps, n_states)
    check_contract(case, answer, f"{family.__name__}, T={n_steps}, K={n_states}")


@pytest.mark.parametrize("n_states", [2, 9])
def test_a_filtered_row_that_is_faint_amid_harmless_ones(n_states):
    log_transition = cases.logs(np.eye(n_states))
    log_transition[0, 1] = -150.0
    log_likelihoods = np.full((4, n_states), -69.0)
    log_likelihoods[:, 0] = 0.0
    case = cases.logs(np.eye(n_states)[0]), log_transition, log_likelihoods
    check_contract(case, oracle.recursions(*case), f"a faint row, K={n_states}")


def test_the_error_does_not_grow_with_the_logs_on_the_way():
    """The filter goes down to −1e7 and comes back; logs in one double would leave eight digits."""
    steps, down = 200, 1e5
    log_likelihoods = np.zeros((steps, 2))
    log_likelihoods[: steps // 2, 0] = -down - np.linspace(0, 1, steps // 2)
    log_likelihoods[steps // 2 :, 1] = -down - np.linspace(0, 1, steps // 2)[::-1]
    with np.errstate(divide="ignore"):
        case = np.log([0.3, 0.7]), np.log(np.eye(2)), log_likelihoods
    smoothed = hf.smooth(*case)
    assert hf.forward_filter(*case).log_probabilities.min() < -1e7
    exact = oracle.recursions(*case).smoothed
    np.testing.assert_allclose(smoothed.probabilities, np.array(exact, dtype=float), rtol=1e-14, atol=0)


@given(possible_tables())
def test_filter_and_smoother_agree_at_the_last_step_to_the_bit(case):
    smoothed, filtered = hf.smooth(*case), hf.forward_filter(*case)
    assert np.array_equal(smoothed.log_probabilities[-1], filtered.log_probabilities[-1])


@given(possible_tables())
def test_time_reversed_evidence_gives_the_reversed_posterior(case):
    """For a symmetric transition and a flat start, the backward recursion is the forward one, read from the end."""
    log_initial, log_transition, log_likelihoods = case
    flat, symmetric = np.zeros(len(log_initial)), np.maximum(log_transition, log_transition.T)
    assume(hf.log_likelihood(flat, symmetric, log_likelihoods) > -np.inf)
    forwards = hf.smooth(flat, symmetric, log_likelihoods).log_probabilities
    backwards = hf.smooth(flat, symmetric, log_likelihoods[::-1]).log_probabilities
    np.testing.assert_allclose(backwards[::-1], forwards, rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE)


@given(possible_tables(), st.data())
def test_permuting_the_states_permutes_the_answer(case, data):
    log_initial, log_transition, log_likelihoods = case
    order = data.draw(st.permutations(range(len(log_initial))))
    permuted = log_initial[order], log_transition[np.ix_(order, order)], log_likelihoods[:, order]
    one, other = hf.smooth(*case).log_probabilities, hf.smooth(*permuted).log_probabilities
    np.testing.assert_allclose(other, one[:, order], rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE)


@given(possible_tables())
def test_rows_are_normalised(case):
    np.testing.assert_allclose(hf.smooth(*case).probabilities.sum(axis=1), 1, rtol=1e-15 * 8)


@given(possible_tables(min_steps=2), st.data())
def test_a_missing_last_observation_is_no_evidence(case, data):
    log_initial, log_transition, log_likelihoods = case
    ends = data.draw(st.integers(1, 4))
    longer = np.vstack([log_likelihoods, np.zeros((ends, len(log_initial)))])
    row_sums = np.logaddexp.reduce(log_transition, axis=1, keepdims=True)
    assume(np.isfinite(row_sums).all())
    stochastic = log_transition - row_sums
    one = hf.smooth(log_initial, stochastic, log_likelihoods).probabilities
    other = hf.smooth(log_initial, stochastic, longer).probabilities
    np.testing.assert_allclose(other[: len(one)], one, rtol=0, atol=LAW_TOLERANCE)


@given(any_tables())
def test_never_a_nan_that_nobody_asked_for(case):
    if hf.log_likelihood(*case) == -np.inf:
        with pytest.raises(hf.ImpossibleEvidenceError):
            hf.smooth(*case)
    else:
        assert not np.isnan(hf.smooth(*case).log_probabilities).any()


@pytest.mark.parametrize("step", [0, 2, 4])
def test_impossible_evidence(step):
    case = impossible_at(step)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.smooth(*case)
    assert caught.value.step == step
    marked = hf.smooth(*case, impossible="mark")
    assert marked.log_likelihood == -np.inf
    assert np.isnan(marked.log_probabilities).all()
