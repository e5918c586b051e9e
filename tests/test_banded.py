"""Moves to states nearby, by diagonals."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.transitions import Banded, Sparse

MATRIX = np.array([[0.8, 0.2, 0.0, 0.0], [0.1, 0.6, 0.3, 0.0], [0.0, 0.5, 0.25, 0.25], [0.0, 0.0, 0.5, 0.5]])
DIAGONALS = [[0, 0.1, 0.5, 0.5], [0.8, 0.6, 0.25, 0.5], [0.2, 0.3, 0.25, 0]]


def test_diagonals_and_matrix():
    chain = Banded(DIAGONALS, lower=1)
    assert (chain.n_states, chain.bandwidth, chain.lower) == (4, 3, 1)
    assert chain.diagonals.tolist() == DIAGONALS
    assert np.array_equal(chain.to_dense(), MATRIX)
    assert chain == Banded(np.asfortranarray(DIAGONALS), 1)
    assert hash(chain) == hash(Banded(DIAGONALS, 1))
    assert chain != Banded([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], 1)
    with pytest.raises(ValueError, match="read-only"):
        chain.diagonals[0, 0] = 1.0


@pytest.mark.parametrize("lower", [0, 1, 2])
def test_diagonals_may_be_on_one_side(lower):
    """Entry [d, i] leads from i to i + d − lower."""
    diagonals = np.zeros((3, 5))
    for i in range(5):
        to = [i + d - lower for d in range(3)]
        inside = [d for d in range(3) if 0 <= to[d] < 5]
        diagonals[inside, i] = 1 / len(inside)
    dense = Banded(diagonals, lower).to_dense()
    for d, i in np.ndindex(3, 5):
        if 0 <= i + d - lower < 5:
            assert dense[i, i + d - lower] == diagonals[d, i]
    np.testing.assert_allclose(dense.sum(axis=1), 1.0, rtol=1e-15)


@pytest.mark.parametrize(
    ("diagonals", "lower", "message"),
    [
        ([[0.5, 0.1], [0.5, 0.9]], 1, r"diagonals\[0, 0\] must be 0, since it leads to no state"),
        ([[0.5, 1.0], [0.5, 0.5]], 0, r"diagonals\[1, 1\] must be 0, since it leads to no state .*i \+ d - lower"),
        ([[1.0, 1.0]], 1, "lower must be from 0 to 0, as so many diagonals are below the middle one, got 1"),
        ([[1.0, 1.0]], -1, "lower must be from 0 to 0"),
        ([[1.0, 0.5]], 0, "diagonals column 1 must sum to 1, got 0.5: normalize=True divides by the sum"),
        ([[-0.5, 1.0], [1.5, 0.0]], 0, r"diagonals\[0, 0\] must be at least 0, got -0.5"),
        ([1.0], 0, r"diagonals must have shape \(bandwidth, K\), got \(1,\)"),
        ([[np.nan]], 0, r"diagonals\[0, 0\] must be finite, got nan"),
    ],
)
def test_no_bands(diagonals, lower, message):
    with pytest.raises(ValueError, match=message):
        Banded(diagonals, lower)


def test_lower_is_a_whole_number():
    with pytest.raises(TypeError, match=r"lower must be an integer, got 0\.5"):
        Banded([[1.0]], 0.5)


def test_columns_are_divided_by_their_sums_on_demand():
    assert Banded([[3, 1], [1, 0]], 0, normalize=True).to_dense().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    short = Banded(np.array(DIAGONALS, dtype=np.float32), 1)
    np.testing.assert_allclose(short.to_dense().sum(axis=1), 1.0, rtol=1e-15)


def test_it_settles():
    np.testing.assert_allclose(Banded(DIAGONALS, 1).stationary(), hf.stationary_distribution(MATRIX), rtol=1e-15)


def test_numbered_anew_it_is_sparse():
    order = np.array([3, 1, 0, 2])
    assert Banded(DIAGONALS, 1)._reordered(order) == Sparse(MATRIX[np.ix_(order, order)])


def test_printing():
    many = Banded(np.full((1, 1000), 1.0), 0)
    assert repr(many).splitlines()[:3] == [
        "Banded: 1000 states, 1 diagonals",
        "  state  leads to    stay",
        "      0         1  1.0000",
    ]
