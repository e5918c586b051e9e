"""Logs beyond what a double's whole numbers reach, against the oracle: outliers, ties, and what cancels on the way."""

from __future__ import annotations

import itertools
import json

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from tests import cases, oracle

LIMIT = 1e22
SIZES = (1e3, 1e9, 1e13, 1e15, 2.0**51, 4e15, 1e16, 1e17, 1e19, LIMIT / 2)
OUTLIER = hf.HMM([0.6, 0.4], [[0.99, 0.01], [0.05, 0.95]], hf.emissions.Gaussian([20.0, 35.0], [4.0, 9.0]))
AFTER = [0.05, 0.95]  # what is known a step after the state was


def far(size, seed, n_steps, n_states):
    """Logs of that size that come and go: a few levels whose sums tie or nearly do, zeros, and missing rows."""
    rng = np.random.default_rng([seed, n_steps, n_states])
    spacing = max(1.0, float(np.spacing(size)))
    levels = np.array([0.0, -size, size, -size / 2, size / 2, -size - spacing, size + 2 * spacing, -1.0, -700.0])
    log_initial, log_transition, log_likelihoods = cases.ordinary(rng, n_steps, n_states)
    log_likelihoods += rng.choice(levels, log_likelihoods.shape)
    log_likelihoods[rng.random(n_steps) < 0.3] = 0.0
    log_likelihoods[:, 1:][rng.random((n_steps, n_states - 1)) < 0.1] = -np.inf
    if seed % 3 == 0:
        log_initial = log_initial + rng.choice(levels, n_states)
    if seed % 2 == 0:
        log_transition = log_transition + rng.choice(levels, log_transition.shape, p=[0.6, *[0.05] * 8])
        log_transition[1:][rng.random((n_states - 1, n_states)) < 0.3] = -np.inf
    return log_initial, log_transition, log_likelihoods


FAR = pytest.mark.parametrize(
    "case",
    [
        pytest.param(far(size, seed, 9, n_states), id=f"{size:.0e}-{seed}-K{n_states}")
        for size, (seed, n_states) in itertools.product(SIZES, enumerate((2, 3, 9, 2, 4, 2)))
    ],
)


@FAR
def test_the_contract_holds(case):
    exact = oracle.recursions(*case)
    filtered, smoothed = hf.forward_filter(*case), hf.smooth(*case)
    for got, rows in ((filtered, exact.filtered), (smoothed, exact.smoothed)):
        assert oracle.posterior_share(case, got.log_probabilities, got.probabilities, rows) <= 1.0
    assert oracle.log_likelihood_share(case, filtered.log_likelihood, exact.increments) <= 1.0
    assert hf.log_likelihood(*case) == smoothed.log_likelihood == filtered.log_likelihood
    assert relative_error(filtered.log_increments, exact.increments) <= 1e-15
    decoded, ((best, _),) = hf.viterbi(*case), oracle.best_paths(case, 1)
    assert are_tied(oracle.path_joint(case, decoded.path), best)
    assert oracle.joint_share(best, decoded.log_joint) <= 1.0


@mpmath.workdps(oracle.DIGITS)
def are_tied(joint, best):
    """Whether two log-joints are the same in numbers of two doubles."""
    return abs(joint - best) <= 1e-25 * abs(best) + 1e-12


def relative_error(logs, numbers):
    with mpmath.workdps(oracle.DIGITS):
        return max(
            float(abs(mpmath.mpf(float(got)) - mpmath.log(number)) / (1 + abs(mpmath.log(number))))
            for got, number in zip(logs, numbers, strict=True)
        )


@FAR
def test_however_a_sequence_is_cut_the_bits_are_the_same(case):
    log_initial, log_transition, log_likelihoods = case
    filtered = hf.forward_filter(*case)
    stream, lagged = hf.OnlineFilter(log_initial, log_transition), hf.FixedLagSmoother(log_initial, log_transition, 8)
    for t, row in enumerate(log_likelihoods):
        assert np.array_equal(stream.update(row), filtered.log_probabilities[t])
        late = lagged.update(row)
        written = json.loads(json.dumps(stream.snapshot()))
        stream = hf.OnlineFilter.restore(written, log_transition)
    assert stream.log_likelihood == filtered.log_likelihood
    smoothed = hf.smooth(*case)
    assert np.array_equal(late, smoothed.log_probabilities[0])
    assert np.array_equal(lagged.flush(), smoothed.log_probabilities[1:])
    blocks = hf.filter_blocks(log_initial, log_transition, np.split(log_likelihoods, [2, 3, 7]))
    assert np.array_equal(np.concatenate([b.log_probabilities for b in blocks]), filtered.log_probabilities)
    twice = hf.forward_filter(log_initial, log_transition, np.tile(log_likelihoods, (2, 1)), lengths=[9, 9])
    assert np.array_equal(twice.log_probabilities, np.tile(filtered.log_probabilities, (2, 1)))
    assert (twice.log_likelihood == filtered.log_likelihood).all()


@FAR
def test_pairs_and_what_is_made_of_them(case):
    exact = oracle.pairs(*case)
    pairs = hf.pairwise_marginals(*case)
    flat = [[x for row in table for x in row] for table in exact]
    assert oracle.posterior_share(case, pairs.reshape(8, -1), np.exp(pairs).reshape(8, -1), flat) <= 1.0
    assert oracle.count_share(case[:2], hf.expected_transitions(*case).counts, exact) <= 1.0


@FAR
def test_paths_that_are_drawn_or_ranked(case):
    exact = oracle.recursions(*case)
    impossible = np.array([[float(p) < 1e-9 for p in row] for row in exact.smoothed])
    for path in hf.sample_paths(*case, 40, rng=3).reshape(40, 9):
        assert not impossible[np.arange(9), path].any()
    ranked = hf.viterbi_n_best(*case, 3)
    joints = [oracle.path_joint(case, path) for path in ranked.paths]
    expected = oracle.best_paths(case, 3)
    for joint, (score, _) in zip(joints, expected, strict=True):
        assert are_tied(joint, score)
    marginals = hf.max_marginals(*case)
    for got_row, row in zip(marginals, oracle.best_through(*case), strict=True):
        for got, joint in zip(got_row, row, strict=True):
            assert (got == joint == -np.inf) or oracle.joint_share(joint, got) <= 1.0


def test_a_state_that_is_certain_stays_so_after_an_outlier():
    filtered = OUTLIER.filter([20.0, 1e9, None])
    assert filtered.probabilities[1:] == pytest.approx(np.array([[0.0, 1.0], AFTER]), rel=1e-15)
    assert filtered.log_increments[2] == 0.0
    assert OUTLIER.smooth([20.0, 1e9, None]).probabilities[2] == pytest.approx(AFTER, rel=1e-15)
    assert OUTLIER.viterbi([20.0, 1e9, None]).path.tolist() == [0, 1, 1]


def test_sums_of_large_logs_that_nearly_tie():
    stay = [[0.0, -np.inf], [-np.inf, 0.0]]
    for log_initial, rows in (
        ([1e17, 1e17 + 16], [[0.0, 0.0]] * 3),
        ([0.0, 0.0], [[1e17, 0.0], [0.0, 1e17 + 16], [0.0, 0.0]]),
    ):
        smoothed = hf.smooth(log_initial, stay, rows)
        assert smoothed.probabilities == pytest.approx(np.tile([1.1253516e-07, 0.9999998875], (3, 1)), rel=1e-7)
        assert hf.viterbi(log_initial, stay, rows).path.tolist() == [1, 1, 1]
