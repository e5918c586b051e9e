"""The best path through each state: two oracles, the laws."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._drivers import jobs
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.strategies import any_tables, possible_tables
from tests.test_decoding import FORBIDDEN, UNIT, exact_decoding, whole_case
from tests.test_filtering import FAMILY, LARGE, SMALL, impossible_at

LENGTHS = [3, 1, 12, 2, 2, 9, 1]


def check_joints(case, exact, where):
    """Each log rounded as it should be, and −inf exactly where no path leads."""
    log_joints = hf.max_marginals(*case)
    assert log_joints.shape == np.shape(case[2])
    for got, joint in zip(log_joints.ravel(), (joint for row in exact for joint in row), strict=True):
        assert (got == -np.inf) == (joint == -mpmath.inf)
        if got > -np.inf:
            share = oracle.joint_share(joint, got)
            note_share("max-marginals", share, where)
            assert share <= 1


@FAMILY
@SMALL
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 0, n_steps, n_states)
    exact = [[-mpmath.inf] * n_states for _ in range(n_steps)]
    for joint, path in oracle.all_paths(case):
        for row, k in zip(exact, path, strict=True):
            row[k] = max(row[k], joint)
    check_joints(case, exact, f"{family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@LARGE
@pytest.mark.parametrize("seed", [1])
def test_against_eighty_digits(family, n_steps, n_states, seed):
    case = cases.draw(family, seed, n_steps, n_states)
    check_joints(case, oracle.best_through(*case), f"{family.__name__}, T={n_steps}, K={n_states}")


@pytest.mark.parametrize("family", [cases.ordinary, cases.zeros, cases.potentials], ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_states", [3, 17])
def test_changing_transitions(family, n_states):
    case = cases.changing(family, 1, 30, n_states)
    check_joints(case, oracle.best_through(*case), f"changing {family.__name__}, T=30, K={n_states}")


@pytest.mark.parametrize("n_states", [1, 2, 3, 4, 5, 9, 16, 17])
@pytest.mark.parametrize("level", [0.0, -(2.0**18), 2.0**18])
@pytest.mark.parametrize("n_steps", [40, pytest.param(700, marks=needs_compiled)])
def test_differences_below_the_digits_of_a_double_add_up(n_states, level, n_steps):
    """Choices by doubles alone would lose some units at every step; whole numbers say what is best, after rounding."""
    rng = np.random.default_rng(n_states)
    case = whole_case(rng, n_steps, n_states, UNIT * rng.integers(0, 300, 20), level, forbidden=0.2)
    log_joints = hf.max_marginals(*case)
    _, best = exact_decoding(*case)
    assert np.all(log_joints.max(axis=1) == float(best * UNIT))
    for t, k in [(0, 0), (n_steps // 2, n_states - 1), (n_steps - 1, n_states // 2)]:
        known = case[2].copy()
        known[t, np.arange(n_states) != k] = cases.NEVER
        _, joint = exact_decoding(case[0], case[1], known)
        assert log_joints[t, k] == (joint * UNIT if joint > FORBIDDEN else -np.inf)


@needs_compiled
@pytest.mark.parametrize("n_states", [2, 5, 9])
def test_a_long_sequence(n_states):
    """A hundred thousand steps, a level that cancels half of the way: whole numbers know the sum."""
    rng = np.random.default_rng(n_states)
    case = whole_case(rng, 100_000, n_states, UNIT * rng.integers(-(2**37), 0, 1000), level=-1000.0)
    case[2][50_000:] += 2000.0
    _, best = exact_decoding(*case)
    assert np.all(hf.max_marginals(*case).max(axis=1) == best * UNIT)


@given(possible_tables())
def test_the_largest_of_each_row_is_the_log_joint_of_viterbi(case):
    decoded, log_joints = hf.viterbi(*case), hf.max_marginals(*case)
    tolerance = oracle.EPSILON * (1 + abs(decoded.log_joint))
    np.testing.assert_allclose(log_joints.max(axis=1), decoded.log_joint, rtol=0, atol=tolerance)
    on_path = log_joints[np.arange(len(log_joints)), decoded.path]
    np.testing.assert_allclose(on_path, decoded.log_joint, rtol=0, atol=tolerance)


@given(possible_tables(), st.data())
def test_to_know_a_state_leaves_the_best_path_through_it(case, data):
    log_joints = hf.max_marginals(*case)
    t, k = data.draw(st.sampled_from(np.argwhere(log_joints > -np.inf).tolist()))
    allowed = np.ones(log_joints.shape, bool)
    allowed[t] = np.arange(allowed.shape[1]) == k
    known = hf.viterbi(*case, allowed=allowed).log_joint
    assert abs(known - log_joints[t, k]) <= oracle.EPSILON * (1 + abs(known))
    assert np.array_equal(hf.max_marginals(*case, allowed=allowed)[t] > -np.inf, allowed[t])


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.potentials], ids=lambda f: f.__name__)
def test_other_names_for_the_states(family):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 2, 20, 4)
    order = np.array([2, 0, 3, 1])
    renamed = hf.max_marginals(log_initial[order], log_transition[np.ix_(order, order)], log_likelihoods[:, order])
    assert np.array_equal(renamed, hf.max_marginals(log_initial, log_transition, log_likelihoods)[:, order])


@pytest.mark.parametrize("workers", [1, 2, -1])
@pytest.mark.parametrize("n_states", [1, 2, 4, 17])
def test_each_sequence_is_as_alone(n_states, workers, monkeypatch):
    monkeypatch.setattr(jobs, "PIECE", 1)
    _, log_transition, log_likelihoods = cases.draw(cases.mixed, 5, sum(LENGTHS), n_states)
    log_initial = np.random.default_rng(0).normal(0, 3, (len(LENGTHS), n_states))
    many = hf.max_marginals(log_initial, log_transition, log_likelihoods, lengths=LENGTHS, workers=workers)
    ends = np.cumsum(LENGTHS)
    for start, rows, end, length in zip(log_initial, np.split(many, ends[:-1]), ends, LENGTHS, strict=True):
        alone = hf.max_marginals(start, log_transition, log_likelihoods[end - length : end])
        assert np.array_equal(rows, alone)


@needs_compiled
def test_the_number_of_workers_changes_no_bit(monkeypatch):
    lengths = [700, 5, 2500, 1, 1, 1030, 3000, 80]
    case = cases.draw(cases.ordinary, 6, sum(lengths), 2)
    whole = hf.max_marginals(*case, lengths=lengths)
    monkeypatch.setattr(jobs, "PIECE", 1)
    for workers in (1, 2, 5):
        assert np.array_equal(hf.max_marginals(*case, lengths=lengths, workers=workers), whole)


@pytest.mark.parametrize("n_states", [3, 17])
def test_the_same_matrix_at_each_step_gives_the_same_bits(n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 1, 30, n_states)
    whole = hf.max_marginals(log_initial, log_transition, log_likelihoods)
    repeated = np.repeat(log_transition[None], 29, axis=0)
    assert np.array_equal(hf.max_marginals(log_initial, repeated, log_likelihoods), whole)
    pair, index = np.stack([log_transition, log_transition]), np.arange(29) // 5 % 2
    assert np.array_equal(hf.max_marginals(log_initial, pair, log_likelihoods, transition_index=index), whole)


def test_an_index_is_short_for_the_matrices_that_it_names():
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 2, 40, 3)
    index = np.random.default_rng(0).integers(0, 3, 39)
    by_index = hf.max_marginals(log_initial, log_transition[:3], log_likelihoods, transition_index=index)
    assert np.array_equal(by_index, hf.max_marginals(log_initial, log_transition[index], log_likelihoods))


@given(any_tables())
def test_impossible_where_it_is_for_the_filter(case):
    marked = hf.max_marginals(*case, impossible="mark")
    filtered = hf.forward_filter(*case, impossible="mark")
    if filtered.log_likelihood == -np.inf:
        assert np.isnan(marked).all()
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.max_marginals(*case)
        assert filtered.log_increments[caught.value.step] == -np.inf
    else:
        assert np.array_equal(marked == -np.inf, hf.smooth(*case).log_probabilities == -np.inf)


@pytest.mark.parametrize("n_states", [3, 9])
def test_marking_an_impossible_sequence_spares_the_others(n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, n_states)
    log_likelihoods[5] = -np.inf
    case, lengths = (log_initial, log_transition, log_likelihoods), [3, 5, 4]
    marked = hf.max_marginals(*case, lengths=lengths, impossible="mark")
    assert np.array_equal(np.isnan(marked).all(axis=1), np.repeat([False, True, False], lengths))
    assert np.isfinite(marked[[0, 1, 2, 8, 9, 10, 11]]).all()
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 2 of sequence 1 on") as caught:
        hf.max_marginals(*case, lengths=lengths)
    assert (caught.value.step, caught.value.sequence) == (2, 1)
    with pytest.raises(ValueError, match="impossible must be 'raise' or 'mark', got 'nan'"):
        hf.max_marginals(*impossible_at(2), impossible="nan")


def test_the_method_is_the_core():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    counts = [0, 2, None, 7]
    log_joints = model.max_marginals(counts)
    tables = model.log_initial, model.log_transition, model.emission.log_likelihoods(counts)
    assert np.array_equal(log_joints, hf.max_marginals(*tables))
    assert np.array_equal(model.max_marginals([counts, [4]], workers=2)[:4], log_joints)
