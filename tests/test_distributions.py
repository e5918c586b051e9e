"""Rows that sum to 1: what is most likely for counts, with entries that are held or tied."""

import math

import hypothesis
import mpmath
import numpy as np
import pytest
from hypothesis import strategies
from scipy import optimize

from hmmfilter._distributions import most_likely

ULP = np.finfo(float).eps
GAP = 1e-9  # of a share of all counts: the linear program has no more digits


def test_free_rows_are_counts_over_their_sum():
    rows = most_likely(np.array([[1.0, 2.0, 3.0], [0.0, 5.0, 0.0]]), np.full((2, 3), 1 / 3))
    assert rows.tolist() == [[1 / 6, 2 / 6, 3 / 6], [0.0, 1.0, 0.0]]


def test_a_vector_is_one_row():
    assert most_likely(np.array([1.0, 3.0]), np.array([0.5, 0.5])).tolist() == [0.25, 0.75]


def test_a_row_without_counts_stays():
    before = np.array([[0.1, 0.9], [0.3, 0.7]])
    assert most_likely(np.array([[0.0, 0.0], [1.0, 1.0]]), before).tolist() == [[0.1, 0.9], [0.5, 0.5]]


def test_held_entries_stay_and_the_rest_is_shared():
    rows = most_likely(np.array([[9.0, 1.0, 3.0]]), np.array([[0.5, 0.25, 0.25]]), np.array([[-1, 0, 1]]))
    assert rows.tolist() == [[0.5, 0.125, 0.375]]
    held = np.array([[0.25, 0.75]])
    assert most_likely(np.array([[1.0, 1.0]]), held, np.array([[-1, -1]])).tolist() == held.tolist()


def test_counts_may_be_as_large_or_small_as_doubles_are():
    for size in (1e308, 5e-324):
        assert most_likely(np.full(4, size), np.full(4, 0.25)).tolist() == [0.25] * 4


def test_rows_sum_to_1_to_two_units_in_the_last_place():
    rng = np.random.default_rng(0)
    for n_entries in (2, 3, 17, 1000):
        counts = rng.gamma(0.1, size=(20, n_entries))
        for row in most_likely(counts, np.full(counts.shape, 1 / n_entries)):
            assert abs(math.fsum(row) - 1) <= 2 * ULP


def test_groups_within_a_row():
    """Three entries of one number, of which each has a third of their counts."""
    rows = most_likely(np.array([[1.0, 4.0, 1.0, 6.0]]), np.full((1, 4), 0.25), np.array([[7, 7, 7, 2]]))
    assert rows.tolist() == [[1 / 6, 1 / 6, 1 / 6, 1 / 2]]


def test_rows_that_are_all_the_same_share_all_their_counts():
    groups = np.array([[0, 1, 2], [0, 1, 2], [3, 4, 5]])
    counts = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [1.0, 1.0, 2.0]])
    rows = most_likely(counts, np.full((3, 3), 1 / 3), groups)
    assert (rows[0] == rows[1]).all()
    np.testing.assert_allclose(rows, [np.array([5, 7, 9]) / 21] * 2 + [[0.25, 0.25, 0.5]], rtol=2 * ULP)


def test_counts_that_are_nothing_beside_those_of_other_rows():
    """Where a row's multiplier is all but 0, what it has left goes to a number by what the others leave."""
    counts = np.array(
        [
            [1.89e-27, 1.59e-01, 2.33e-02, 3.21e-01, 0.00e00, 4.36e-02],
            [3.16e-01, 2.48e-03, 3.90e-02, 3.01e-02, 7.98e-02, 1.27e-08],
            [1.94e-04, 8.45e-03, 9.40e-05, 1.39e-01, 3.03e-56, 1.70e-01],
            [4.24e-01, 2.57e-07, 4.18e-01, 2.12e-02, 3.32e-04, 4.29e-10],
            [1.20e-04, 1.37e-01, 5.94e-04, 8.04e-09, 9.02e-03, 6.86e-09],
            [1.67e-01, 2.51e-06, 2.58e-03, 1.33e-01, 8.18e-11, 1.14e-09],
        ]
    )
    groups = np.array(
        [
            [12, 18, 1, 16, 9, 1],
            [19, 17, 0, 0, 18, 4],
            [2, 14, 9, 18, 7, 19],
            [15, 11, 15, 14, 2, 6],
            [9, 16, 8, 13, 19, 13],
            [15, 5, 17, 19, 10, 3],
        ]
    )
    rows = most_likely(counts, np.full((6, 6), 1 / 6), groups)
    assert max(abs(math.fsum(row) - 1) for row in rows) <= 2 * ULP


def test_a_common_diagonal():
    """Its sum is that of two binomials; what leaves is shared in each row by itself."""
    counts = np.array([[90.0, 4.0, 6.0], [1.0, 60.0, 1.0], [0.0, 8.0, 30.0]])
    groups = np.array([[0, 1, 2], [3, 0, 4], [5, 6, 0]])
    rows = most_likely(counts, np.full((3, 3), 1 / 3), groups)
    np.testing.assert_allclose(np.diag(rows), 180 / 200, rtol=2 * ULP)
    np.testing.assert_allclose(rows[0, 1:], [0.04, 0.06], rtol=4 * ULP)
    assert rows[2].tolist()[0] == 0.0


def shared(seed, n_rows, n_entries, share_of_zeros):
    """Counts, rows and groups, of which each row has a last entry of its own."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, max(2, n_rows * n_entries // 2), (n_rows, n_entries))
    groups[:, -1] = np.arange(n_rows) + groups.max() + 1
    before = rng.gamma(1.0, size=groups.max() + 1)[groups]
    before /= 1.1 * before[:, :-1].sum(axis=1).max()
    before[:, -1] = 1 - before[:, :-1].sum(axis=1)
    counts = rng.gamma(0.5, size=groups.shape) * 100
    counts[rng.random(groups.shape) < share_of_zeros] = 0
    return counts, before, groups


def by_group(counts, groups):
    """The counts of each group, how often it is in each row, and where it is first."""
    _, firsts, numbers = np.unique(groups, return_index=True, return_inverse=True)
    numbers = numbers.reshape(groups.shape)
    incidence = np.array([np.bincount(row, minlength=len(firsts)) for row in numbers])
    return np.bincount(numbers.ravel(), counts.ravel()), incidence, firsts


@hypothesis.given(
    seed=strategies.integers(0, 2**32 - 1),
    n_rows=strategies.integers(2, 6),
    n_entries=strategies.integers(2, 6),
    share_of_zeros=strategies.sampled_from([0.0, 0.3, 0.8, 1.0]),
)
def test_no_rows_with_numbers_in_common_are_better(seed, n_rows, n_entries, share_of_zeros):
    """As log is concave, no others gain more than the best along the slopes, which a linear program finds."""
    counts, before, groups = shared(seed, n_rows, n_entries, share_of_zeros)
    rows = most_likely(counts, before, groups)
    assert max(abs(math.fsum(row) - 1) for row in rows) <= 2 * ULP
    assert rows.min() >= 0
    assert all(np.ptp(rows[groups == group]) == 0 for group in groups.flat)
    n, incidence, firsts = by_group(counts, groups)
    p = rows.ravel()[firsts]
    assert (p[n > 0] > 0).all()
    slopes = np.divide(n, p, out=np.zeros(len(n)), where=n > 0)
    best = optimize.linprog(-slopes, A_eq=incidence, b_eq=np.ones(n_rows), bounds=(0, 1))
    assert -best.fun - slopes @ p <= GAP * max(n.sum(), 1.0)
    if not counts.any():
        assert (rows == before).all()


@pytest.mark.parametrize("seed", range(6))
def test_numbers_in_common_have_all_their_digits(seed):
    """p = n / Cᵀ λ, λ by Newton's method to 40 digits."""
    counts, before, groups = shared(seed, 3, 4, 0.0)
    rows = most_likely(counts, before, groups)
    n, incidence, firsts = by_group(counts, groups)
    found = rows.ravel()[firsts]
    with mpmath.workdps(40):
        c, n = mpmath.matrix(incidence.tolist()), mpmath.matrix(n.tolist())
        multipliers = mpmath.matrix(
            np.linalg.lstsq(incidence.T, by_group(counts, groups)[0] / found, rcond=None)[0].tolist()
        )
        for _ in range(6):
            slack = c.T * multipliers
            p = mpmath.matrix([n[g] / slack[g] for g in range(len(found))])
            slopes = mpmath.diag([p[g] / slack[g] for g in range(len(found))])
            multipliers += mpmath.lu_solve(c * slopes * c.T, c * p - mpmath.ones(3, 1))
        errors = [abs(float(found[g] / p[g] - 1)) for g in range(len(found))]
    assert max(errors) <= 8 * ULP


@pytest.mark.parametrize("seed", range(40))
def test_a_number_that_is_only_just_zero(seed):
    """Two entries of row 1 are as that of row 0, which would be a half anyway: nothing is left for the third."""
    rng = np.random.default_rng(seed)
    half, total = 0.45 * rng.random(), rng.choice([1e-5, 0.1, 1.0, 7.0])
    before = np.array([[half, 1 - half, 0.0], [half, half, 1 - 2 * half]])
    counts = np.array([[total, total, 0.0], [0.0, 0.0, 0.0]])
    rows = most_likely(counts, before, np.array([[0, 1, -1], [0, 0, 2]]))
    np.testing.assert_allclose(rows, [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]], atol=1e-10)
    assert rows.min() >= 0


def test_zeros_of_rows_with_numbers_in_common_stay():
    before = np.array([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25]])
    rows = most_likely(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 3.0]]), before, np.array([[0, 1, 2], [0, 3, 4]]))
    assert rows[0, 2] == 0.0
    np.testing.assert_allclose(rows, [[3 / 8, 5 / 8, 0], [3 / 8, 5 / 32, 15 / 32]], rtol=4 * ULP)


@pytest.mark.parametrize("tiny", [5e-324, 1e-321, 1e-310, 1e-200])
def test_numbers_in_common_may_come_from_next_to_nothing(tiny):
    before = np.array([[0.5, 0.3, 0.2], [0.5 - tiny, 0.5, tiny]])
    rows = most_likely(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 0.0]]), before, np.array([[0, 1, 2], [0, 3, 4]]))
    np.testing.assert_allclose(rows, [[1 / 3, 4 / 15, 2 / 5], [1 / 3, 2 / 3, 0]], rtol=4 * ULP, atol=0)


def test_held_entries_of_rows_with_numbers_in_common():
    before = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
    rows = most_likely(np.array([[9.0, 1.0, 3.0], [1.0, 2.0, 4.0]]), before, np.array([[-1, 0, 1], [-1, 0, 2]]))
    assert rows[:, 0].tolist() == [0.5, 0.1]
    assert np.abs(rows.sum(axis=1) - 1).max() <= 2 * ULP
    x = rows[0, 1]
    assert 3 / x == pytest.approx(3 / (0.5 - x) + 4 / (0.9 - x), rel=1e-12)
    full = np.array([[1.0, 5e-324], [0.5, 0.5]])
    assert (most_likely(np.ones((2, 2)), full, np.array([[-1, 0], [1, 0]])) == full).all(), "nothing is left"


def test_counts_in_common_may_be_of_any_size():
    groups = np.array([[0, 1, 2], [0, 3, 4]])
    before = np.array([[0.3, 0.3, 0.4], [0.3, 0.2, 0.5]])
    rows = most_likely(np.array([[1e-300, 1.0, 3.0], [1e-200, 5.0, 0.0]]), before, groups)
    np.testing.assert_allclose(rows, [[1e-200 / 9, 0.25, 0.75], [1e-200 / 9, 1.0, 0.0]], rtol=1e-14)
    rows = most_likely(np.array([[1.0, 1e308, 3.0], [1e-200, 5.0, 0.0]]), before, groups)
    np.testing.assert_allclose(rows, [[1e-308, 1.0, 3e-308], [1e-308, 1.0, 0.0]], rtol=1e-14)
