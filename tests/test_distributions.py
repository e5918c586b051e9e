"""Rows that sum to 1: what is most likely for counts, with entries that are held or tied."""

import math

import numpy as np

from hmmfilter._distributions import most_likely

ULP = np.finfo(float).eps


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
