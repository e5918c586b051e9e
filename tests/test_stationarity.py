"""The stationary distribution, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

import hmmfilter as hf


def exact_stationary(matrix):
    """Solve π (P − 1) = 0, Σ π = 1 in fractions; the diagonal is what makes the rows sum to exactly 1."""
    n = len(matrix)
    rates = [[Fraction(float(matrix[i][j])) for j in range(n)] for i in range(n)]
    for i in range(n):
        rates[i][i] = -sum(rates[i][j] for j in range(n) if j != i)
    equations = [[rates[i][j] for i in range(n)] + [Fraction(0)] for j in range(n - 1)] + [[Fraction(1)] * (n + 1)]
    for column in range(n):
        pivot = next(r for r in range(column, n) if equations[r][column] != 0)
        equations[column], equations[pivot] = equations[pivot], equations[column]
        for r in range(n):
            if r != column:
                factor = equations[r][column] / equations[column][column]
                equations[r] = [x - factor * y for x, y in zip(equations[r], equations[column], strict=True)]
    return [float(equations[i][n] / equations[i][i]) for i in range(n)]


@given(st.integers(1, 6), st.integers(0, 10**6))
def test_every_probability_has_its_digits(n_states, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.dirichlet(np.full(n_states, 0.2), n_states)  # spiky: probabilities down to 1e-30
    matrix += 1e-12 * rng.random((n_states, n_states))
    matrix /= matrix.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hf.stationary_distribution(matrix), exact_stationary(matrix), rtol=1e-13)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[1.0, 1e-300], [1.0, 0.0]],
        [[1.0, 1e-300], [1e-290, 1.0]],
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        [[1.0, 1e-300, 0.0], [0.0, 1.0, 1e-300], [1.0, 0.0, 0.0]],
    ],
)
def test_extreme_chains(matrix):
    np.testing.assert_allclose(hf.stationary_distribution(matrix), exact_stationary(matrix), rtol=1e-15)


def test_states_that_are_left_for_good_have_probability_zero():
    matrix = [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.0, 0.25, 0.75]]
    np.testing.assert_allclose(hf.stationary_distribution(matrix), [0, 1 / 3, 2 / 3], rtol=1e-15)


def test_more_than_one():
    with pytest.raises(ValueError, match=r"more than one stationary distribution, got 2: \[0\] and \[2, 3\]"):
        hf.stationary_distribution(
            [[1.0, 0.0, 0.0, 0.0], [0.3, 0.4, 0.3, 0.0], [0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 0.0]]
        )


def test_a_product_that_underflows():
    matrix = [[1, 1e-200, 0, 0], [1e-200, 0.7, 0, 0.3], [1e-200, 0, 1, 1e-200], [0, 0, 1e-200, 1]]
    found = hf.stationary_distribution(matrix)
    np.testing.assert_allclose(found, [0.25, 8.333333333333333e-201, 0.25, 0.5], rtol=1e-15)
    np.testing.assert_allclose(found, exact_stationary(matrix), rtol=1e-15)
    model = hf.HMM("stationary", matrix, hf.emissions.Poisson([1.0, 2.0, 3.0, 4.0]))
    assert np.array_equal(model.initial, found)


RARE = (0.0, 0.0, 1e-310, 5e-324, 1e-200, 1e-100, 1e-16, 0.1)  # what leads from a state to others


@pytest.mark.parametrize("n_states", [2, 3, 4, 6])
def test_ways_whose_products_are_far_below_a_double(n_states):
    rng = np.random.default_rng(n_states)
    n_compared = 0
    while n_compared < 8:
        matrix = rng.choice(RARE, (n_states, n_states)) * rng.uniform(1, 2, (n_states, n_states))
        matrix[np.arange(n_states), rng.permutation(n_states)] += 1e-290
        np.fill_diagonal(matrix, 0)
        np.fill_diagonal(matrix, 1 - matrix.sum(axis=1))
        if (matrix < 0).any() or connected_components(matrix, connection="strong")[0] > 1:
            continue
        exact = exact_stationary(matrix)
        if min(exact) > 1e-320:
            np.testing.assert_allclose(hf.stationary_distribution(matrix), exact, rtol=1e-14, atol=5e-324)
            n_compared += 1


@pytest.mark.parametrize(
    ("matrix", "state"),
    [
        ([[1.0, 1e-300, 0.0], [1.0, 0.0, 1e-300], [1.0, 0.0, 0.0]], 2),
        ([[0.5, 0.0, 0.5], [0.0, 1.0, 1e-300], [1e-300, 1.0, 0.0]], 0),
    ],
)
def test_probabilities_below_the_smallest_double(matrix, state):
    words = f"transition must lead to state {state} with a probability of 5e-324 .* does not fit into doubles"
    with pytest.raises(ValueError, match=words):
        hf.stationary_distribution(matrix)


def test_rows_must_be_distributions():
    with pytest.raises(ValueError, match=r"transition row 1 must sum to 1, got 0\.9"):
        hf.stationary_distribution([[0.5, 0.5], [0.5, 0.4]])
