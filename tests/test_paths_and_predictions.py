"""Predictions of each step, what is still to come, and how probable paths are: against all paths, and 80 digits."""

import itertools

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from tests import cases, oracle

LOG_TOLERANCE = 1e-13  # of a log, absolute, and relative to it and to what it is the difference of
FAMILIES = pytest.mark.parametrize(
    "family", [cases.ordinary, cases.mixed, cases.zeros, cases.frozen], ids=lambda family: family.__name__
)
MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), final=[0.1, 0.3])


def close(got, expected):
    expected = np.array([[float(mpmath.log(x)) if x > 0 else -np.inf for x in row] for row in expected])
    np.testing.assert_allclose(got, expected, rtol=LOG_TOLERANCE, atol=LOG_TOLERANCE)


def exact_backward(log_transition, log_likelihoods):
    """β, by 80 digits."""
    moves, rows = oracle.exp_table(log_transition), oracle.exp_table(log_likelihoods)
    beta = [[mpmath.mpf(1)] * len(moves)]
    for row in rows[:0:-1]:
        seen = [b * later for b, later in zip(row, beta[0], strict=True)]
        beta.insert(0, [mpmath.fdot(from_i, seen) for from_i in moves])
    return beta


def exact_forward(log_initial, log_transition, log_likelihoods):
    """What is predicted of each step, and α, by 80 digits; neither is normalised."""
    (initial,), moves = oracle.exp_table([log_initial]), oracle.exp_table(log_transition)
    predicted, alpha = [initial], []
    for row in oracle.exp_table(log_likelihoods):
        alpha.append([p * b for p, b in zip(predicted[-1], row, strict=True)])
        predicted.append([mpmath.fdot(alpha[-1], [from_i[j] for from_i in moves]) for j in range(len(row))])
    return predicted[:-1], alpha


def shares(row):
    total = mpmath.fsum(row)
    return [x / total for x in row]


@FAMILIES
@pytest.mark.parametrize("n_states", [1, 3])
def test_tables_against_eighty_digits(family, n_states):
    case = cases.draw(family, 2, 14, n_states)
    predicted, alpha = exact_forward(*case)
    close(hf.one_step_predictions(*case), map(shares, predicted))
    close(hf.forward_filter(*case).log_joint_probabilities, alpha)
    close(hf.log_likelihoods_to_come(*case[1:]), exact_backward(*case[1:]))
    moves, rows = oracle.exp_table(case[1]), oracle.exp_table(case[2])
    pairs = hf.filtered_pairs(*case)
    assert pairs.shape == (13, n_states, n_states)
    for t, got in enumerate(pairs):
        joint = [[alpha[t][i] * moves[i][j] * rows[t + 1][j] for j in range(n_states)] for i in range(n_states)]
        total = mpmath.fsum(itertools.chain(*joint))
        close(got, [[x / total for x in row] for row in joint])


@FAMILIES
def test_paths_against_all_of_them(family):
    case = cases.draw(family, 3, 5, 3)
    joints = {path: oracle.path_joint(case, path) for path in np.ndindex(*[3] * 5)}
    possible = {path: joint for path, joint in joints.items() if joint > -np.inf}
    total = mpmath.log(mpmath.fsum(map(mpmath.exp, possible.values())))
    entropy = mpmath.fsum(-mpmath.exp(joint - total) * (joint - total) for joint in possible.values())
    assert hf.path_entropy(*case) == pytest.approx(float(entropy), rel=LOG_TOLERANCE, abs=LOG_TOLERANCE)
    for path in list(joints)[::7]:
        expected = float(joints[path]), float(joints[path] - total)
        assert hf.path_log_joint(*case, path) == expected[0]
        got = hf.path_log_posterior(*case, path)
        size = max(abs(expected[0]), 1.0) if np.isfinite(expected[0]) else 1.0
        assert got == pytest.approx(expected[1], rel=LOG_TOLERANCE, abs=LOG_TOLERANCE * size)


def test_a_path_that_is_all_but_certain_keeps_its_digits():
    case = np.log([0.5, 0.5]), np.log([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.0, -60.0], [-60.0, 0.0]])
    one = np.exp(-60.0)
    assert hf.path_log_posterior(*case, [0, 1]) == pytest.approx(-2 * np.log1p(one), rel=LOG_TOLERANCE)
    assert hf.path_entropy(*case) == pytest.approx(2 * (one * 60.0 + one), rel=LOG_TOLERANCE)


def test_several_sequences_and_matrices():
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 4, 9, 3)
    matrices = np.stack([log_transition, log_transition[::-1], log_transition.T])
    index, lengths = np.array([0, 1, 0, 2, 2, 0, 1, 1, 9]), [4, 0, 1, 4]
    options = {"lengths": lengths, "transition_index": index}
    path = np.array([0, 1, 2, 0, 1, 1, 2, 0, 0])
    chain = (log_initial, matrices)
    whole = {
        "predictions": hf.one_step_predictions(*chain, rows, **options),
        "pairs": hf.filtered_pairs(*chain, rows, **options),
        "to come": hf.log_likelihoods_to_come(matrices, rows, **options),
        "joints": hf.path_log_joint(*chain, rows, path, **options),
        "posteriors": hf.path_log_posterior(*chain, rows, path, **options),
        "entropies": hf.path_entropy(*chain, rows, **options),
    }
    for n, (begin, end) in enumerate([(0, 4), (4, 4), (4, 5), (5, 9)]):
        if begin == end:
            assert (whole["joints"][n], whole["posteriors"][n], whole["entropies"][n]) == (0.0, 0.0, 0.0)
            continue
        own = (*chain, rows[begin:end])
        alone = {"transition_index": index[begin : end - 1]}
        assert np.array_equal(whole["predictions"][begin:end], hf.one_step_predictions(*own, **alone))
        assert np.array_equal(whole["pairs"][begin : end - 1], hf.filtered_pairs(*own, **alone))
        assert (whole["pairs"][end - 1] == -np.inf).all()
        assert np.array_equal(whole["to come"][begin:end], hf.log_likelihoods_to_come(*own[1:], **alone))
        assert whole["joints"][n] == hf.path_log_joint(*own, path[begin:end], **alone)
        assert whole["posteriors"][n] == pytest.approx(
            hf.path_log_posterior(*own, path[begin:end], **alone), abs=LOG_TOLERANCE
        )
        assert whole["entropies"][n] == pytest.approx(hf.path_entropy(*own, **alone), abs=LOG_TOLERANCE)


def test_an_initial_distribution_for_each_sequence():
    _, log_transition, rows = cases.draw(cases.ordinary, 4, 4, 2)
    initials, lengths = np.log([[0.2, 0.8], [0.5, 0.5]]), [2, 2]
    predicted = hf.one_step_predictions(initials, log_transition, rows, lengths=lengths)
    np.testing.assert_allclose(predicted[[0, 2]], initials, atol=LOG_TOLERANCE)
    got = hf.path_log_posterior(initials, log_transition, rows, [0, 1, 1, 0], lengths=lengths)
    for n, part in enumerate((slice(0, 2), slice(2, 4))):
        alone = hf.path_log_posterior(initials[n], log_transition, rows[part], [[0, 1], [1, 0]][n])
        assert got[n] == pytest.approx(alone, abs=LOG_TOLERANCE)


def test_what_is_impossible():
    chain, rows = ([0.0, -np.inf], [[0.0, -np.inf], [-np.inf, 0.0]]), [[0.0, 0.0], [-np.inf, 0.0], [0.0, 0.0]]
    for door in (hf.one_step_predictions, hf.filtered_pairs, hf.path_entropy):
        with pytest.raises(hf.ImpossibleEvidenceError, match="from step 1 on") as caught:
            door(*chain, rows)
        assert caught.value.sequence is None
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 1 of sequence 1 on"):
        hf.one_step_predictions(*chain, [[0.0, 0.0], *rows], lengths=[1, 3])
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 1 on"):
        hf.path_log_posterior(*chain, rows, [0, 0, 0])
    marked = hf.one_step_predictions(*chain, rows, impossible="mark")
    assert marked[:2].tolist() == [[0.0, -np.inf]] * 2
    assert np.isnan(marked[2]).all()
    assert np.isnan(hf.filtered_pairs(*chain, rows, impossible="mark")[1]).all()
    assert hf.path_log_joint(*chain, rows, [0, 0, 0]) == -np.inf
    assert hf.log_likelihoods_to_come(chain[1], rows).tolist() == [[-np.inf, 0.0], [0.0, 0.0], [0.0, 0.0]]
    impossible = np.array([[0.0, 0.0], [0.0, 0.0], [-np.inf, -np.inf]])
    assert (hf.log_likelihoods_to_come(chain[1], impossible)[:2] == -np.inf).all()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ([0, 2, 0], r"path\[1\] must be a whole number from 0 to 1, got 2"),
        ([0, 1], "path must have a state for each of the 3 steps, got 2"),
    ],
)
def test_what_is_no_path_is_refused(path, message):
    with pytest.raises(ValueError, match=message):
        hf.path_log_joint(np.log([0.5, 0.5]), np.log([[0.5, 0.5], [0.5, 0.5]]), np.zeros((3, 2)), path)


def test_a_model_says_the_same():
    counts, path = [0, 2, 7, 4, 1], [0, 0, 1, 1, 0]
    rows = MODEL.emission.log_likelihoods(counts)
    rows[-1] += np.log([0.1, 0.3])
    moves = MODEL.log_transition + np.log([[0.9], [0.7]])
    tables = MODEL.log_initial, moves, rows
    assert MODEL.path_log_joint(counts, path) == pytest.approx(hf.path_log_joint(*tables, path), abs=LOG_TOLERANCE)
    for name in ("path_entropy", "one_step_predictions", "filtered_pairs"):
        np.testing.assert_allclose(getattr(MODEL, name)(counts), getattr(hf, name)(*tables), atol=LOG_TOLERANCE)
    two = MODEL.path_log_posterior({"a": counts, "b": [1]}, {"a": path, "b": [1]})
    assert two[0] == pytest.approx(hf.path_log_posterior(*tables, path), abs=LOG_TOLERANCE)
    to_come = MODEL.log_likelihoods_to_come(counts)
    assert to_come[-1].tolist() == np.log([0.1, 0.3]).tolist()
    total = to_come[0] + MODEL.emission.log_likelihoods(counts)[0] + MODEL.log_initial
    assert np.logaddexp(*total) == pytest.approx(MODEL.log_likelihood(counts), abs=LOG_TOLERANCE)


def test_alpha_of_several_sequences_begins_afresh():
    rows = cases.draw(cases.ordinary, 4, 7, 2)[2]
    chain = np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.2, 0.8]])
    both = hf.forward_filter(*chain, rows, lengths=[3, 4]).log_joint_probabilities
    for part in (slice(0, 3), slice(3, 7)):
        alone = hf.forward_filter(*chain, rows[part])
        np.testing.assert_allclose(both[part], alone.log_joint_probabilities, atol=LOG_TOLERANCE)
        assert np.logaddexp(*alone.log_joint_probabilities[-1]) == pytest.approx(alone.log_likelihood)
