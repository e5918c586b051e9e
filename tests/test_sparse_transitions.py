"""Sparse matrices of moves: what comes in, what is kept of it, and where the chain settles."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

import hmmfilter as hf
from hmmfilter.transitions import Sparse, elimination

MATRIX = np.array([[0.4, 0.6, 0.0, 0.0], [0.0, 1 / 3, 2 / 3, 0.0], [0.25, 0.0, 0.5, 0.25], [0.0, 0.0, 0.0, 1.0]])
ROUNDING = 4 * np.finfo(np.float64).eps
FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]


@pytest.mark.parametrize("of", [sparse.csr_matrix, sparse.csr_array], ids=["matrix", "array"])
@pytest.mark.parametrize("kind", FORMATS)
def test_any_format_is_taken(kind, of):
    chain = Sparse(of(MATRIX).asformat(kind))
    assert chain.n_states == 4
    assert chain.n_moves == 8
    assert np.array_equal(chain.to_dense(), MATRIX)
    assert chain == Sparse(MATRIX) == Sparse(MATRIX.tolist())
    assert hash(chain) == hash(Sparse(MATRIX))


def test_what_is_kept():
    chain = Sparse(MATRIX)
    assert chain.rows.tolist() == [0, 0, 1, 1, 2, 2, 2, 3]
    assert chain.columns.tolist() == [0, 1, 1, 2, 0, 2, 3, 3]
    assert chain.probabilities.tolist() == [0.4, 0.6, 1 / 3, 2 / 3, 0.25, 0.5, 0.25, 1.0]
    assert np.array_equal(chain.log_values, np.log(chain.probabilities))
    assert chain != Sparse(np.eye(4))
    with pytest.raises(ValueError, match="read-only"):
        chain.values[0] = 1.0
    with pytest.raises(AttributeError):
        chain.values = 1.0


def test_the_matrix_that_was_given_is_another():
    given = sparse.csr_array(MATRIX)
    chain = Sparse(given)
    given.data[:] = 0.5
    assert np.array_equal(chain.to_dense(), MATRIX)


def test_zeros_are_no_moves_and_what_comes_twice_is_added_up():
    rows, columns = [0, 0, 0, 1, 1], [0, 1, 0, 0, 1]
    given = sparse.coo_array(([0.25, 0.5, 0.25, 0.0, 1.0], (rows, columns)), shape=(2, 2))
    chain = Sparse(given)
    assert chain.n_moves == 3
    assert chain.to_dense().tolist() == [[0.5, 0.5], [0.0, 1.0]]
    assert given.data.tolist() == [0.25, 0.5, 0.25, 0.0, 1.0]


def test_other_kinds_of_numbers():
    assert Sparse(sparse.csr_array(np.eye(3, dtype=int))).to_dense().tolist() == np.eye(3).tolist()
    assert Sparse([[Fraction(1, 2), Fraction(1, 2)], [0, 1]]).to_dense().tolist() == [[0.5, 0.5], [0.0, 1.0]]
    short = Sparse(sparse.csr_array(np.array([[0.7, 0.3], [0.1, 0.9]], dtype=np.float32)))
    np.testing.assert_allclose(short.to_dense().sum(axis=1), 1.0, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("of", [np.array, sparse.csr_array], ids=["array", "sparse"])
def test_counts_are_divided_by_their_sums_on_demand(of):
    counts = of([[90.0, 10.0], [0.0, 45.0]])
    assert Sparse(counts, normalize=True).to_dense().tolist() == [[0.9, 0.1], [0.0, 1.0]]
    with pytest.raises(ValueError, match=r"probabilities row 0 must sum to 1, got 100: normalize=True divides"):
        Sparse(counts)


NO_CHAINS = [
    (sparse.csr_array((2, 3)), ValueError, r"probabilities must have shape \(K, K\), got \(2, 3\)"),
    (sparse.coo_array((0, 0)), ValueError, r"probabilities must have shape \(K, K\), got \(0, 0\)"),
    (np.ones((2, 3)) / 3, ValueError, r"probabilities must have shape \(2, 2\), got \(2, 3\)"),
    (sparse.csr_array((2, 2)), ValueError, "probabilities row 0 must sum to 1, got 0"),
    (sparse.csr_array([[0.5, 0.5], [0.0, 0.0]]), ValueError, "probabilities row 1 must sum to 1, got 0"),
    (sparse.csr_array([[1.0, 0.0], [np.nan, 1.0]]), ValueError, r"probabilities\[1, 0\] must be finite, got nan"),
    (
        sparse.csr_array([[True, False], [False, True]]),
        TypeError,
        "probabilities must hold real numbers, got dtype bool",
    ),
    (sparse.csr_array([[1j]]), TypeError, "probabilities must hold real numbers, got dtype complex128"),
]


@pytest.mark.parametrize(("given", "kind", "message"), NO_CHAINS, ids=range(len(NO_CHAINS)))
def test_no_chains(given, kind, message):
    with pytest.raises(kind, match=message):
        Sparse(given)


def test_sparse_logs_are_refused_with_the_reason():
    """log 1 = 0 is not stored: the certain move would be an impossible one."""
    with np.errstate(divide="ignore"):
        logs = sparse.csr_array(np.where(MATRIX > 0, np.log(MATRIX), 0.0))
    assert logs.nnz == 7  # of eight moves
    reason = "does not store log 1 = 0, so that a certainty becomes an impossibility.*Sparse.from_logs"
    for ask in (Sparse, lambda matrix: hf.HMM([0.25] * 4, matrix, hf.emissions.Poisson([1, 2, 3, 4]))):
        with pytest.raises(ValueError, match=rf"\[0, 0\] must be at least 0 \(.*{reason}.*got -0.916"):
            ask(logs)
    with pytest.raises(TypeError, match=rf"log_transition must be an array.*{reason}"):
        hf.forward_filter(np.zeros(4), logs, np.zeros((3, 4)))


# Logs.


def test_logs_are_kept_as_they_are():
    rows, columns = [2, 0, 0, 1, 1], [0, 1, 0, 2, 1]
    logs = [0.0, -1e-17, -2000.0, np.log(0.25), np.log(0.75)]
    chain = Sparse.from_logs(rows, columns, logs, n_states=3)
    assert chain.rows.tolist() == [0, 0, 1, 1, 2]
    assert chain.columns.tolist() == [0, 1, 1, 2, 0]
    assert chain.log_values.tolist() == [-2000.0, -1e-17, np.log(0.75), np.log(0.25), 0.0]
    assert np.array_equal(chain.probabilities, np.exp(chain.log_values))
    assert chain.to_dense()[2].tolist() == [1.0, 0.0, 0.0]
    assert chain == Sparse.from_logs(rows[::-1], columns[::-1], logs[::-1], 3)


def test_a_move_below_all_doubles_counts():
    chain = Sparse.from_logs([0, 0, 1], [0, 1, 1], [0.0, -2000.0, 0.0], n_states=2)
    model = hf.HMM([1.0, 0.0], chain, hf.emissions.Bernoulli([0.0, 1.0]))
    assert model.log_likelihood([0, 1, 1]) == -2000.0
    assert chain.to_dense()[0, 1] == 0.0


def test_impossible_logs_are_no_moves_and_what_comes_twice_is_added_up():
    chain = Sparse.from_logs([0, 0, 0, 1, 1], [1, 1, 0, 1, 0], [np.log(0.25), np.log(0.75), -np.inf, 0.0, -np.inf], 2)
    assert chain.n_moves == 2
    np.testing.assert_allclose(chain.log_values, 0.0, rtol=0, atol=ROUNDING)


NO_LOGS = [
    (([0], [0], [np.nan], 1), r"log_values\[0\] must be -inf or finite, got nan"),
    (([0], [0], [np.inf], 1), r"log_values\[0\] must be -inf or finite, got inf"),
    (([0], [0], [[0.0]], 1), r"log_values must have shape \(M,\), got \(1, 1\)"),
    (([0, 1], [0], [0.0], 1), "rows must have 1 entries, one for each of log_values, got 2"),
    (([0], [1], [0.0], 1), r"columns\[0\] must be from 0 to 0, got 1"),
    (([-1], [0], [0.0], 1), r"rows\[0\] must be from 0 to 0, got -1"),
    (([0], [0], [0.0], 0), "n_states must be at least 1, got 0"),
    (([0], [0], [0.0], 2), r"exp\(log_values\) of row 1 must sum to 1, got 0"),
    (([0], [0], [-1.0], 1), r"exp\(log_values\) of row 0 must sum to 1, got 0.3678794412$"),
    (([0], [0], [1e4], 1), r"exp\(log_values\) of row 0 must sum to 1, got inf"),
]


@pytest.mark.parametrize(("given", "message"), NO_LOGS, ids=range(len(NO_LOGS)))
def test_no_logs(given, message):
    with pytest.raises(ValueError, match=message):
        Sparse.from_logs(*given)


# What a model does with it.


def test_states_are_numbered_anew():
    order = np.array([2, 0, 3, 1])
    assert np.array_equal(Sparse(MATRIX)._reordered(order).to_dense(), MATRIX[np.ix_(order, order)])
    chain = Sparse.from_logs([0, 0, 1], [0, 1, 0], [0.0, -800.0, 0.0], 2)
    assert chain._reordered(np.array([1, 0])).log_values.tolist() == [0.0, -800.0, 0.0]
    assert chain._reordered(np.array([1, 0])).columns.tolist() == [1, 0, 1]


def test_printing():
    assert repr(Sparse(MATRIX)) == (
        "Sparse: 4 states, 8 moves\n"
        "  state    to 0    to 1    to 2    to 3\n"
        "      0  0.4000  0.6000  0.0000  0.0000\n"
        "      1  0.0000  0.3333  0.6667  0.0000\n"
        "      2  0.2500  0.0000  0.5000  0.2500\n"
        "      3  0.0000  0.0000  0.0000  1.0000"
    )
    many = Sparse(sparse.identity(100_000, format="csr"))
    assert len(repr(many)) < 200
    assert len(many._repr_html_()) < 5000


def test_a_matrix_that_does_not_fit_is_not_made():
    with pytest.raises(ValueError, match=r"to_dense must leave room in memory, got 1000000 states: 8e\+03 GB of"):
        Sparse(sparse.identity(1_000_000, format="csr")).to_dense()


# Where it settles.


def band(n_states, below, above, seed=0):
    """A band with moves of all magnitudes."""
    offsets = range(-below, above + 1)
    rng = np.random.default_rng(seed)
    weights = [np.exp(rng.normal(0, 4, n_states - abs(offset))) for offset in offsets]
    matrix = sparse.diags(weights, offsets, format="csr")
    return sparse.csr_array(sparse.diags(1 / matrix.sum(axis=1).A1) @ matrix)


def test_few_states_settle_as_the_full_matrix_says():
    assert np.array_equal(Sparse(band(30, 2, 3)).stationary(), hf.stationary_distribution(band(30, 2, 3).toarray()))


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_states_in_a_band_settle_with_all_digits(shuffled, monkeypatch):
    monkeypatch.setattr(elimination, "FEW_STATES", 1)
    matrix = band(40, 2, 3).toarray()
    if shuffled:
        order = np.random.default_rng(1).permutation(40)
        matrix = matrix[np.ix_(order, order)]
    np.testing.assert_allclose(Sparse(matrix).stationary(), hf.stationary_distribution(matrix), rtol=1e-12)


def test_a_ring_settles_evenly():
    ring = sparse.diags([0.9, 0.1, 0.1], [0, 1, -399], shape=(400, 400))
    np.testing.assert_allclose(Sparse(ring).stationary(), 1 / 400, rtol=1e-12)


def test_states_that_are_left_for_good(monkeypatch):
    monkeypatch.setattr(elimination, "FEW_STATES", 1)
    leads_in = [[0.5, 0.25, 0.25, 0.0], [0.0, 0.5, 0.5, 0.0], [0.0, 0.25, 0.75, 0.0], [0.5, 0.0, 0.0, 0.5]]
    np.testing.assert_allclose(Sparse(leads_in).stationary(), [0.0, 1 / 3, 2 / 3, 0.0], rtol=1e-15)
    assert Sparse(MATRIX).stationary().tolist() == [0.0, 0.0, 0.0, 1.0]
    with pytest.raises(ValueError, match=r"got 2: \[0\] and \[2\]"):
        Sparse([[1.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 1.0]]).stationary()


def test_what_would_take_a_full_matrix_of_many_states_is_refused(monkeypatch):
    monkeypatch.setattr(elimination, "FEW_STATES", 1)
    monkeypatch.setattr(elimination, "MOST_NUMBERS", 100)
    with pytest.raises(ValueError, match=r"initial must be probabilities for Sparse .* that lead far.*to_dense\(\)"):
        hf.HMM("stationary", Sparse(np.full((30, 30), 1 / 30)), hf.emissions.Poisson(range(30)))
