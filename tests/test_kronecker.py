"""Two chains side by side."""

import numpy as np
import pytest
from scipy import sparse

import hmmfilter as hf
from hmmfilter.transitions import Banded, Dense, Kronecker, Sparse, StayOrJump

A = np.array([[0.9, 0.1], [0.25, 0.75]])
B = np.array([[0.5, 0.5, 0.0], [0.125, 0.75, 0.125], [0.0, 0.5, 0.5]])
BAND = Banded([[0, 0.125, 0.5], [0.5, 0.75, 0.5], [0.5, 0.125, 0]], 1)
FACTORS = {
    "array": B,
    "list": B.tolist(),
    "scipy": sparse.csr_array(B),
    "dense": Dense(B),
    "sparse": Sparse(B),
    "band": BAND,
}


@pytest.mark.parametrize("b", FACTORS.values(), ids=FACTORS)
def test_pairs_are_numbered_by_the_first_first(b):
    chain = Kronecker(A, b)
    assert chain.n_states == 6
    dense = chain.to_dense()
    for s, r, to_s, to_r in np.ndindex(2, 3, 2, 3):
        assert dense[3 * s + r, 3 * to_s + to_r] == A[s, to_s] * B[r, to_r]
    assert np.array_equal(Kronecker(b, A).to_dense(), np.kron(B, A))


def test_equal_ones():
    assert Kronecker(A, B) == Kronecker(A.tolist(), Dense(B))
    assert hash(Kronecker(A, B)) == hash(Kronecker(A, B))
    assert Kronecker(A, B) != Kronecker(B, A)
    assert Kronecker(A, B) != Kronecker(A, BAND)  # another class, though the same moves
    assert Kronecker(A * 4, B, normalize=True) == Kronecker(A, B)
    with pytest.raises(AttributeError):
        Kronecker(A, B).a = A


@pytest.mark.parametrize(
    ("a", "kind", "message"),
    [
        (
            StayOrJump(0.5, [1.0]),
            TypeError,
            "a must be an array, a scipy.sparse array, or one of Dense, Sparse, Banded,",
        ),
        (hf.emissions.Poisson([1.0]), TypeError, "a must be an array.*got Poisson"),
        ([[0.5, 0.4], [0.0, 1.0]], ValueError, "a row 0 must sum to 1"),
        (sparse.csr_array([[0.5, 0.4], [0.0, 1.0]]), ValueError, "a row 0 must sum to 1"),
    ],
)
def test_no_factors(a, kind, message):
    with pytest.raises(kind, match=message):
        Kronecker(a, B)


def test_it_settles_where_both_do():
    both = np.kron(hf.stationary_distribution(A), hf.stationary_distribution(B))
    np.testing.assert_allclose(Kronecker(A, BAND).stationary(), both, rtol=1e-15)
    leaves = [[0.5, 0.5], [0.0, 1.0]]
    assert Kronecker(leaves, leaves).stationary().tolist() == [0.0, 0.0, 0.0, 1.0]


def test_chains_that_come_around_together_settle_in_several_ways():
    ring = np.roll(np.eye(4), 1, axis=1)
    assert Kronecker(ring, np.roll(np.eye(3), 1, axis=1)).stationary().tolist() == [1 / 12] * 12
    with pytest.raises(ValueError, match="come around in rhythms, both multiples of 2, since"):
        Kronecker(ring, [[0.0, 1.0], [1.0, 0.0]]).stationary()


def test_its_states_keep_their_numbers():
    model = hf.HMM([1 / 6] * 6, Kronecker(A, B), hf.emissions.Poisson(range(1, 7)))
    assert model.reordered(range(6)) == model
    with pytest.raises(ValueError, match=r"order must leave .* pairs, got \[5, 4, .*to_dense\(\)"):
        model.reordered(range(6)[::-1])


def test_printing():
    chain = Kronecker(A, hf.transitions.local(601, width=25))
    assert repr(chain).splitlines()[:3] == [
        "Kronecker: 1202 states, 2 x 601",
        "  state  leads to    stay",
        "      0        26  0.1286",
    ]
