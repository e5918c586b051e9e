"""A hundred thousand states, where no matrix can go: closed forms."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse, special

import hmmfilter as hf
from tests.conftest import needs_compiled

K = 100_000
OF_SUMS = K * 1.2e-16  # what K equal terms lose where they are added one after the other
pytestmark = needs_compiled


def ring(moves):
    """From each state, so many on, with a probability."""
    states = np.arange(K)
    rows = np.tile(states, len(moves))
    columns = np.concatenate([(states + step) % K for step in moves])
    values = np.repeat(list(moves.values()), K)
    return sparse.coo_array((values, (rows, columns)), shape=(K, K))


def certain_of(k):
    log_initial = np.full(K, -np.inf)
    log_initial[k] = 0.0
    return log_initial


def test_a_cycle():
    """Who goes round is where he began, and so many steps on; the evidence at one step says all."""
    structure = hf.transitions.Sparse(ring({1: 1.0}))
    rows = np.zeros((5, K))
    rows[3] = -np.arange(K) % 7.0
    rows[3, 2] = 9.0
    tables = np.full(K, -np.log(K)), structure, rows
    weights = np.exp(rows[3])
    filtered, smoothed, decoded = hf.forward_filter(*tables), hf.smooth(*tables), hf.viterbi(*tables)
    assert filtered.log_likelihood == pytest.approx(np.log(weights.mean()), rel=1e-13)
    for t in range(5):
        shifted = np.roll(weights / weights.sum(), t - 3)
        assert np.allclose(smoothed.probabilities[t], shifted, rtol=1e-12)
        assert np.allclose(filtered.probabilities[t], shifted if t >= 3 else 1 / K, rtol=1e-12)
    assert decoded.path.tolist() == [K - 1, 0, 1, 2, 3]
    assert decoded.log_joint == pytest.approx(9.0 - np.log(K), rel=1e-14)


@pytest.mark.parametrize("form", ["sparse", "banded"])
def test_a_random_walk(form):
    """Unobserved, it is binomial; whose end is known, hypergeometric."""
    n_steps, middle = 9, K // 2
    if form == "sparse":
        structure = hf.transitions.Sparse(ring({-1: 0.5, 1: 0.5}))
    else:
        diagonals = np.zeros((3, K))
        diagonals[0], diagonals[2] = 0.5, 0.5
        diagonals[:, 0], diagonals[:, -1] = [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]
        structure = hf.transitions.Banded(diagonals, 1)
    rows = np.zeros((n_steps, K))
    filtered = hf.forward_filter(certain_of(middle), structure, rows)
    for t in range(n_steps):
        ups = np.arange(t + 1)
        expected = special.binom(t, ups) / 2.0**t
        assert np.allclose(filtered.probabilities[t, middle - t + 2 * ups], expected, rtol=1e-13)
        assert filtered.probabilities[t].sum() == pytest.approx(1.0, rel=1e-13)
    assert filtered.log_likelihood == pytest.approx(0.0, abs=1e-14)
    rows[-1] = -np.inf
    rows[-1, middle] = 0.0
    smoothed = hf.smooth(certain_of(middle), structure, rows)
    n = n_steps - 1
    assert smoothed.log_likelihood == pytest.approx(np.log(special.binom(n, n // 2) / 2.0**n), rel=1e-13)
    for t in range(n_steps):
        ups = np.arange(max(0, t - n // 2), min(t, n // 2) + 1)
        expected = special.binom(t, ups) * special.binom(n - t, n // 2 - ups) / special.binom(n, n // 2)
        assert np.allclose(smoothed.probabilities[t, middle - t + 2 * ups], expected, rtol=1e-13)
    decoded = hf.viterbi(certain_of(middle), structure, rows)
    assert decoded.path.tolist() == [*range(middle, middle - n // 2 - 1, -1), *range(middle - n // 2 + 1, middle + 1)]
    assert decoded.log_joint == pytest.approx(-n * np.log(2), rel=1e-14)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_staying_or_jumping(elsewhere):
    """Two sightings, some steps apart: the second is where the first was, or anywhere."""
    stay, n_steps = 0.9, 5
    structure = hf.transitions.StayOrJump(np.full(K, stay), np.full(K, 1 / K), elsewhere=elsewhere)
    rows = np.zeros((n_steps, K))
    rows[-1, 7], rows[-1, 8] = 3.0, 2.0
    decay = stay if not elsewhere else stay - (1 - stay) / (K - 1)  # to where all are equal
    equal = (1 - decay ** np.arange(n_steps)) / K
    tables = certain_of(7), structure, rows
    filtered, smoothed = hf.forward_filter(*tables), hf.smooth(*tables)
    for t in range(n_steps - 1):
        expected = np.full(K, equal[t])
        expected[7] += decay**t
        assert np.allclose(filtered.probabilities[t], expected, rtol=OF_SUMS, atol=0.0)
    prior = np.full(K, equal[-1])
    prior[7] += decay ** (n_steps - 1)
    total = (prior * np.exp(rows[-1])).sum()
    assert filtered.log_likelihood == pytest.approx(np.log(total), abs=n_steps * OF_SUMS)
    assert np.allclose(smoothed.probabilities[-1], prior * np.exp(rows[-1]) / total, rtol=OF_SUMS)
    assert smoothed.probabilities[0, 7] == pytest.approx(1.0, rel=OF_SUMS)
    # two steps before the end: p(h) Σ_k p(k after two more) weight_k
    two = np.full(K, equal[-3])
    two[7] += decay ** (n_steps - 3)
    weights = np.exp(rows[-1])
    ahead = decay**2 * weights + equal[2] * weights.sum()
    assert np.allclose(smoothed.probabilities[-3], two * ahead / total, rtol=OF_SUMS)
    assert hf.viterbi(*tables).path.tolist() == [7] * n_steps


def test_memory_is_of_the_moves():
    """A filter whose table goes elsewhere, and counts, take a few numbers a move and a state; never a matrix."""
    structure = hf.transitions.Sparse(ring(dict.fromkeys(range(10), 0.1)))
    rows = np.zeros((3, K))
    hf.log_likelihood(certain_of(0), structure, rows)
    tracemalloc.start()
    total = hf.log_likelihood(certain_of(0), structure, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(0.0, abs=1e-13)
    assert peak <= 400 * K * 8
