"""Viterbi decoding: two oracles, the laws."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from tests import cases, oracle
from tests.conftest import note_share
from tests.strategies import any_tables, possible_tables
from tests.test_filtering import FAMILY, LARGE, SMALL, impossible_at

TIE = mpmath.mpf(10) ** -25  # relative: paths nearer than this are tied, for logs of twice a double's digits


def check_best(case, best_joint, where):
    decoded = hf.viterbi(*case)
    with mpmath.workdps(oracle.DIGITS):
        best, joint = mpmath.log(best_joint), oracle.path_joint(case, decoded.path)
        assert abs(joint - best) <= TIE * (1 + abs(best))
        share = float(abs(mpmath.mpf(decoded.log_joint) - joint) / (oracle.EPSILON * (1 + abs(best))))
    note_share("viterbi log_joint", share, where)
    assert share <= 1
    assert decoded.path.dtype.kind == "i"


@FAMILY
@SMALL
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 0, n_steps, n_states)
    check_best(case, oracle.enumeration(*case).best_joint, f"{family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@LARGE
@pytest.mark.parametrize("seed", [1, 2])
def test_against_eighty_digits(family, n_steps, n_states, seed, exact):
    case, answer = exact(family, seed, n_steps, n_states)
    check_best(case, answer.best_joint, f"{family.__name__}, T={n_steps}, K={n_states}, seed {seed}")


def test_a_difference_beyond_the_digits_of_a_double_decides():
    """After a million nats a double no longer sees the 1e-11 by which state 1 is better."""
    log_likelihoods = np.zeros((3, 2))
    log_likelihoods[1] = -1e6
    log_likelihoods[0] = [0.0, 1e-11]
    with np.errstate(divide="ignore"):
        decoded = hf.viterbi([0.0, 0.0], np.log(np.eye(2)), log_likelihoods)
    assert decoded.path.tolist() == [1, 1, 1]


def test_ties_go_to_the_lowest_state():
    decoded = hf.viterbi(np.zeros(3), np.zeros((3, 3)), np.zeros((4, 3)))
    assert decoded.path.tolist() == [0, 0, 0, 0]
    assert decoded.log_joint == 0.0


@given(possible_tables(), st.data())
def test_no_path_is_better(case, data):
    decoded = hf.viterbi(*case)
    n_steps, n_states = case[2].shape
    other = data.draw(st.lists(st.integers(0, n_states - 1), min_size=n_steps, max_size=n_steps))
    with mpmath.workdps(oracle.DIGITS):
        best = oracle.path_joint(case, decoded.path)
        assert oracle.path_joint(case, other) <= best + TIE * (1 + abs(best))


@given(possible_tables())
def test_the_best_path_is_no_likelier_than_all_together(case):
    total = hf.log_likelihood(*case)
    assert hf.viterbi(*case).log_joint <= total + 1e-13 * (1 + abs(total))


@given(any_tables())
def test_impossible_for_viterbi_where_it_is_for_the_filter(case):
    filtered = hf.forward_filter(*case, impossible="mark")
    if filtered.log_likelihood == -np.inf:
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.viterbi(*case)
        assert filtered.log_increments[caught.value.step] == -np.inf
    else:
        assert np.isfinite(hf.viterbi(*case).log_joint)


@pytest.mark.parametrize("step", [0, 2, 4])
def test_impossible_evidence(step):
    case = impossible_at(step)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.viterbi(*case)
    assert caught.value.step == step
    marked = hf.viterbi(*case, impossible="mark")
    assert marked.path.tolist() == [-1] * 5
    assert marked.log_joint == -np.inf
