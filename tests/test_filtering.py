"""Filtering and the log-likelihood: two oracles, the accuracy contract, the laws."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter import _checks, _predictions
from hmmfilter._kernels.block import block_rows
from hmmfilter._tiers import kernels
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.strategies import any_tables, possible_tables

# Where kernels are interpreted, what counts is that all lines run.
SLOWLY = (cases.ordinary, cases.rarer, cases.zeros, cases.potentials, cases.mixed)
FAMILY = pytest.mark.parametrize(
    "family",
    [pytest.param(family, marks=() if family in SLOWLY else needs_compiled) for family in cases.FAMILIES],
    ids=lambda family: family.__name__,
)
SMALL = pytest.mark.parametrize(("n_steps", "n_states"), [(1, 1), (1, 3), (2, 2), (4, 3), (6, 2), (5, 1)])
LARGE = pytest.mark.parametrize(
    ("n_steps", "n_states"), [(1, 8), (2, 5), (12, 9), (40, 4), (300, 2), pytest.param(300, 8, marks=needs_compiled)]
)

LAW_TOLERANCE = 1e-12  # of a log, relative and absolute, where two ways to compute the same are compared


def check_contract(case, answer, where):
    filtered = hf.forward_filter(*case)
    shares = {
        "filter": oracle.posterior_share(case, filtered.log_probabilities, filtered.probabilities, answer.filtered),
        "log-likelihood": oracle.log_likelihood_share(case, filtered.log_likelihood, answer.increments),
    }
    for what, share in shares.items():
        note_share(what, share, where)
        assert share <= 1, f"{what}: {share} times the allowed error"
    assert hf.log_likelihood(*case) == filtered.log_likelihood
    log_increments = [float(mpmath.log(c)) for c in answer.increments]
    np.testing.assert_allclose(filtered.log_increments, log_increments, rtol=1e-14, atol=1e-14)


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


def test_the_two_oracles_agree():
    for family in cases.FAMILIES:
        case = cases.draw(family, 3, 5, 3)
        one, other = oracle.enumeration(*case), oracle.recursions(*case)
        for table, same in [(one.filtered, other.filtered), (one.smoothed, other.smoothed)]:
            for p, q in zip(itertools.chain(*table), itertools.chain(*same), strict=True):
                assert abs(p - q) <= mpmath.mpf(10) ** -70 * abs(q)
        assert abs(one.best_joint / other.best_joint - 1) <= mpmath.mpf(10) ** -70


@pytest.mark.parametrize("n_states", [2, 9])
def test_a_rare_transition_down(n_states):
    """A transition of 1e-300 to a state that is 69 nats down: the product of harmless numbers is below every double."""
    log_transition = cases.logs(np.eye(n_states))
    log_transition[0, 1] = np.log(1e-300)
    log_likelihoods = np.full((3, n_states), -69.0)
    log_likelihoods[:, 0] = 0.0
    case = cases.logs(np.eye(n_states)[0]), log_transition, log_likelihoods
    check_contract(case, oracle.recursions(*case), f"a rare transition, K={n_states}")


def test_more_than_a_double_holds():
    """A log-likelihood of −3 million, and a posterior that a double cannot hold as a probability."""
    case = np.zeros(2), np.zeros((2, 2)), np.tile([-10000.0, -15000.0], (300, 1))
    filtered = hf.forward_filter(*case)
    assert filtered.log_likelihood == pytest.approx(-300 * 10000 + 299 * np.log(1) + 0, abs=1e-6)
    assert filtered.log_probabilities[-1].tolist() == [0.0, -5000.0]
    assert filtered.probabilities[-1].tolist() == [1.0, 0.0]


PREDICTED_STEPS = 12
STATES = pytest.mark.parametrize("n_states", [1, 2, 3, 5, 8, 9, 17, pytest.param(66, marks=needs_compiled)])


@FAMILY
@STATES
def test_predictions_against_eighty_digits(family, n_states):
    """From harmless starts and from hostile ones, one step on and many."""
    log_initial, log_transition, log_likelihoods = cases.draw(family, 0, 2, n_states)
    n_steps = PREDICTED_STEPS if n_states < 10 else 3
    for log_x in (log_initial, log_likelihoods[0]):
        exact = oracle.predictions(log_x, log_transition, n_steps)
        predicted = [hf.predict(log_x, log_transition, s) for s in range(1, n_steps + 1)]
        share = oracle.log_share((log_x, log_transition), predicted, exact)
        note_share("prediction", share, f"{family.__name__}, {n_steps} steps, K={n_states}")
        assert share <= 1, f"{share} times the allowed error"
        checked = _checks.prediction(log_x, log_transition, n_steps)
        assert np.array_equal(_predictions.last_predictions(*checked, n_steps), predicted)


@given(possible_tables(), st.integers(1, 9), st.integers(1, 9))
def test_predictions_follow_each_other(case, m, n):
    log_x, log_transition, _ = case
    between = hf.predict(log_x, log_transition, m)
    whole = hf.predict(log_x, log_transition, m + n)
    size = 1 + np.abs(between[np.isfinite(between)]).max(initial=0)  # the logs in between are rounded
    tolerance = LAW_TOLERANCE * size
    np.testing.assert_allclose(hf.predict(between, log_transition, n), whole, rtol=LAW_TOLERANCE, atol=tolerance)


@given(possible_tables(), st.integers(1, 5))
def test_a_prediction_is_the_filter_where_nothing_is_observed(case, n):
    log_initial, log_transition, log_likelihoods = case
    continued = np.vstack([log_likelihoods, np.zeros((n, len(log_initial)))])
    filtered = hf.forward_filter(log_initial, log_transition, continued, impossible="mark").log_probabilities
    predicted = hf.predict(filtered[-1 - n], log_transition, n)
    if np.isnan(filtered[-1]).any():
        assert np.isneginf(predicted).all()
    else:
        normalised = predicted - hf.lse.logsumexp(predicted)
        np.testing.assert_allclose(normalised, filtered[-1], rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE)


def test_structural_zeros_stay():
    log_transition = cases.logs(np.eye(5, k=1))
    for s in range(1, 7):
        expected = np.where(np.arange(5) == s, 0.0, -np.inf)  # after 5 steps, the last state is left, too
        assert np.array_equal(hf.predict(cases.logs(np.eye(5)[0]), log_transition, s), expected)
    assert (hf.predict(np.full(5, -np.inf), log_transition) == -np.inf).all()


@pytest.mark.parametrize("n_states", [4, 9])
def test_rare_transitions_multiply(n_states):
    """1e-300 to the third power is below every double."""
    log_transition = cases.logs(1e-300 * np.eye(n_states, k=1))
    predicted = hf.predict(cases.logs(np.eye(n_states)[0]), log_transition, 3)
    assert predicted[3] == pytest.approx(3 * np.log(1e-300), rel=1e-15)
    assert np.isneginf(np.delete(predicted, 3)).all()


def test_many_steps_settle_where_the_chain_does():
    transition = np.array([[0.9, 0.1, 0.0], [0.0, 0.5, 0.5], [0.3, 0.0, 0.7]])
    predicted = hf.predict(np.log([1.0, 1e-9, 1e-300]), cases.logs(transition), 1000)
    np.testing.assert_allclose(np.exp(predicted), hf.stationary_distribution(transition), rtol=1e-8)


@pytest.mark.parametrize("n_states", [2, 9])
@pytest.mark.parametrize("size", [1e16, 1e19, -1e22, 1e22])
def test_logs_so_large_that_a_thousand_makes_no_difference(n_states, size):
    log_initial, log_transition = np.full(n_states, size), np.full((n_states, n_states), size)
    case = log_initial, log_transition, np.zeros((3, n_states))
    assert hf.log_likelihood(*case) == pytest.approx(3 * size)
    for result in (hf.forward_filter(*case), hf.smooth(*case)):
        np.testing.assert_allclose(result.probabilities, 1 / n_states, rtol=1e-15)
    assert hf.viterbi(*case).log_joint == pytest.approx(3 * size)


@given(possible_tables(min_steps=2), st.data())
def test_a_prefix_is_filtered_to_the_same_bits(case, data):
    log_initial, log_transition, log_likelihoods = case
    n = data.draw(st.integers(1, len(log_likelihoods)))
    whole = hf.forward_filter(*case)
    prefix = hf.forward_filter(log_initial, log_transition, log_likelihoods[:n])
    assert np.array_equal(prefix.log_probabilities, whole.log_probabilities[:n])
    assert np.array_equal(prefix.log_increments, whole.log_increments[:n])


def check_block_ends(family, n_states, n_rows):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 1, 2 * n_rows + 7, n_states)
    whole = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    for n in (n_rows - 1, n_rows, n_rows + 1, 2 * n_rows + 1):
        prefix = hf.forward_filter(log_initial, log_transition, log_likelihoods[:n])
        assert np.array_equal(prefix.log_probabilities, whole.log_probabilities[:n])
        assert np.array_equal(prefix.log_increments, whole.log_increments[:n])
        smoothed = hf.smooth(log_initial, log_transition, log_likelihoods[:n])
        assert np.array_equal(smoothed.log_probabilities[-1], whole.log_probabilities[n - 1])
        assert prefix.log_likelihood == smoothed.log_likelihood


BLOCK_FAMILY = pytest.mark.parametrize(
    "family", [cases.ordinary, cases.mixed, cases.chain], ids=lambda family: family.__name__
)


@BLOCK_FAMILY
def test_block_ends_change_no_bit(family, short_blocks):
    check_block_ends(family, *short_blocks)


@needs_compiled
@pytest.mark.parametrize("n_states", [2, 5])
@BLOCK_FAMILY
def test_block_ends_of_few_states_change_no_bit(family, n_states):
    check_block_ends(family, n_states, block_rows(n_states))


@given(possible_tables(), st.data())
def test_permuting_the_states_permutes_the_answer(case, data):
    log_initial, log_transition, log_likelihoods = case
    order = data.draw(st.permutations(range(len(log_initial))))
    permuted = log_initial[order], log_transition[np.ix_(order, order)], log_likelihoods[:, order]
    one, other = hf.forward_filter(*case), hf.forward_filter(*permuted)
    np.testing.assert_allclose(
        other.log_probabilities, one.log_probabilities[:, order], rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE
    )
    np.testing.assert_allclose(other.log_likelihood, one.log_likelihood, rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE)


@given(possible_tables(), st.floats(-1000, 1000))
def test_scaling_the_likelihoods_shifts_the_log_likelihood(case, shift):
    log_initial, log_transition, log_likelihoods = case
    one = hf.forward_filter(*case)
    other = hf.forward_filter(log_initial, log_transition, log_likelihoods + shift)
    size = 1000 + np.abs(log_likelihoods[np.isfinite(log_likelihoods)]).max()  # the shift itself is rounded
    shifted = one.log_likelihood + len(log_likelihoods) * shift
    tolerance = LAW_TOLERANCE * size * len(log_likelihoods)
    np.testing.assert_allclose(other.log_likelihood, shifted, rtol=0, atol=tolerance)
    np.testing.assert_allclose(other.log_probabilities, one.log_probabilities, rtol=LAW_TOLERANCE, atol=tolerance)


@given(possible_tables())
def test_rows_are_normalised_and_increments_add_up(case):
    filtered = hf.forward_filter(*case)
    np.testing.assert_allclose(filtered.probabilities.sum(axis=1), 1, rtol=1e-15 * 8)
    np.testing.assert_allclose(filtered.log_increments.sum(), filtered.log_likelihood, rtol=1e-12, atol=1e-12)


@given(any_tables())
def test_never_a_nan_that_nobody_asked_for(case):
    log_likelihood = hf.log_likelihood(*case)
    assert not np.isnan(log_likelihood)
    if log_likelihood > -np.inf:
        filtered = hf.forward_filter(*case)
        assert not np.isnan(filtered.log_probabilities).any()
        assert np.isfinite(filtered.log_increments).all()
    else:
        with pytest.raises(hf.ImpossibleEvidenceError):
            hf.forward_filter(*case)


def impossible_at(step, n_steps=5, n_states=3, family=cases.ordinary):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 0, n_steps, n_states)
    log_likelihoods[step] = -np.inf
    return log_initial, log_transition, log_likelihoods


@pytest.mark.parametrize("family", [cases.ordinary, cases.gaps], ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_states", [3, 9])
@pytest.mark.parametrize("step", [0, 2, 4])
def test_impossible_evidence(step, n_states, family):
    case = impossible_at(step, n_states=n_states, family=family)
    assert hf.log_likelihood(*case) == -np.inf
    with pytest.raises(hf.ImpossibleEvidenceError, match=f"from step {step} on") as caught:
        hf.forward_filter(*case)
    assert caught.value.step == step
    assert caught.value.sequence is None
    assert isinstance(caught.value, ValueError)

    marked = hf.forward_filter(*case, impossible="mark")
    possible = hf.forward_filter(case[0], case[1], np.where(np.isinf(case[2]), 0, case[2]))
    assert marked.log_likelihood == -np.inf
    assert np.array_equal(marked.log_increments[:step], possible.log_increments[:step])
    assert marked.log_increments[step] == -np.inf
    assert np.isnan(marked.log_increments[step + 1 :]).all()
    assert np.array_equal(marked.log_probabilities[:step], possible.log_probabilities[:step])
    assert np.isnan(marked.log_probabilities[step:]).all()
    assert np.isnan(marked.probabilities[step:]).all()


def test_a_dead_end_is_impossible_a_step_later():
    never = -np.inf
    case = [0.0, never], [[never, 0.0], [never, never]], np.zeros((3, 2))
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.forward_filter(*case)
    assert caught.value.step == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.tolist(),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x.astype(">f8"),
        lambda x: np.frombuffer(b"\0" + x.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(x.shape),
        lambda x: x.view(np.ma.MaskedArray),
    ],
    ids=["lists", "fortran", "strided", "big-endian", "unaligned", "nothing masked"],
)
def test_any_layout_gives_the_same_bits(change):
    case = cases.draw(cases.ordinary, 0, 6, 3)
    expected = hf.forward_filter(*case)
    assert np.array_equal(hf.forward_filter(*map(change, case)).log_probabilities, expected.log_probabilities)


@needs_compiled
def test_any_layout_runs_the_same_compiled_code():
    runs = (kernels.run_forward, kernels.run_backward)
    hf.smooth([0, 0], np.zeros((2, 2)), np.zeros((6, 2)))
    compiled = [len(kernel.signatures) for kernel in runs]
    transition = np.asfortranarray(np.zeros((2, 2), np.float32))
    transition.flags.writeable = False
    hf.smooth([0, 0], transition, np.zeros((6, 2))[::2])
    assert [len(kernel.signatures) for kernel in runs] == compiled


def test_float32_is_taken_at_its_value():
    case = [table.astype(np.float32) for table in cases.draw(cases.ordinary, 0, 6, 3)]
    expected = hf.forward_filter(*[table.astype(np.float64) for table in case])
    filtered = hf.forward_filter(*case)
    assert filtered.log_probabilities.dtype == np.float64
    assert np.array_equal(filtered.log_probabilities, expected.log_probabilities)


def test_read_only_and_memory_mapped_tables(tmp_path):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 6, 3)
    mapped = np.memmap(tmp_path / "table", dtype=np.float64, mode="w+", shape=log_likelihoods.shape)
    mapped[:] = log_likelihoods
    log_transition.flags.writeable = False
    one = hf.forward_filter(log_initial, log_transition, mapped)
    assert np.array_equal(mapped, log_likelihoods)
    assert np.array_equal(
        one.log_probabilities, hf.forward_filter(log_initial, log_transition, log_likelihoods).log_probabilities
    )


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi, hf.log_likelihood])
def test_the_callers_arrays_are_left_alone(door):
    case = cases.draw(cases.ordinary, 0, 6, 3)
    before = [table.copy() for table in case]
    door(*case)
    for table, copy in zip(case, before, strict=True):
        assert np.array_equal(table, copy)
        assert table.flags.writeable
