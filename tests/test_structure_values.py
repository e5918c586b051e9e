"""A small sparse chain whose answers are fractions, by every way that it can be given; and laws of all structures."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import hmmfilter as hf
from tests import structure_cases as cases
from tests import structure_oracle
from tests.test_structure_oracle import SPARSE, SPARSE_LIKELIHOOD, SPARSE_PATH, SPARSE_SHOWS, SPARSE_START

MATRIX = np.array(SPARSE, dtype=float)
TABLES = cases.logs(np.array(SPARSE_START, dtype=float)), cases.logs(np.array(SPARSE_SHOWS, dtype=float))
DIGITS = 1e-14  # of six steps
LAW = 1e-12


def of_logs():
    rows, columns = np.nonzero(MATRIX)
    return hf.transitions.Sparse.from_logs(rows, columns, np.log(MATRIX[rows, columns]), 4)


FORMS = {
    "dense": lambda: cases.logs(MATRIX),
    "scipy": lambda: hf.transitions.Sparse(sparse.csc_array(MATRIX)),
    "array": lambda: hf.transitions.Sparse(MATRIX),
    "logs": of_logs,
    "band": lambda: hf.transitions.Banded(cases.diagonals_of(MATRIX, 2), 2),
    "product": lambda: hf.transitions.Kronecker(hf.transitions.Sparse(MATRIX), np.array([[1.0]])),
    "product of one": lambda: hf.transitions.Kronecker(np.array([[1.0]]), MATRIX),
}


@pytest.mark.parametrize("form", FORMS)
def test_exact_values(form):
    tables = TABLES[0], FORMS[form](), TABLES[1]
    exact = structure_oracle.enumerated(SPARSE_START, [SPARSE] * 5, SPARSE_SHOWS)
    filtered, smoothed, decoded = hf.forward_filter(*tables), hf.smooth(*tables), hf.viterbi(*tables)
    for total in (filtered.log_likelihood, smoothed.log_likelihood, hf.log_likelihood(*tables)):
        assert np.exp(total) == pytest.approx(float(SPARSE_LIKELIHOOD), rel=DIGITS)
    assert decoded.path.tolist() == SPARSE_PATH
    assert np.exp(decoded.log_joint) == pytest.approx(float(exact.joint), rel=DIGITS)
    assert smoothed.probabilities == pytest.approx(np.array(exact.smoothed, dtype=float), rel=DIGITS)
    assert (smoothed.probabilities == 0).tolist() == [[p == 0 for p in row] for row in exact.smoothed]


STRUCTURES = {
    "sparse": lambda: hf.transitions.Sparse(np.exp(cases.draw(0, 2, 9).log_matrix)),
    "banded": lambda: hf.transitions.Banded(cases.diagonals_of(np.exp(cases.draw(1, 2, 9, reach=2).log_matrix), 2), 2),
    "product": lambda: hf.transitions.Kronecker(
        np.exp(cases.draw(2, 2, 3).log_matrix), np.exp(cases.draw(3, 2, 3).log_matrix)
    ),
    "jumping": lambda: hf.transitions.StayOrJump(np.linspace(0, 1, 9), np.arange(9) / 36),
    "elsewhere": lambda: hf.transitions.StayOrJump(np.linspace(0, 1, 9), np.arange(1, 10) / 45, elsewhere=True),
}
STRUCTURE = pytest.mark.parametrize("name", STRUCTURES)


def permuted(matrix, order):
    """The matrix of states that are numbered anew."""
    return hf.transitions.Sparse(matrix[np.ix_(order, order)])


tables_of_nine = st.builds(
    lambda seed, steps, evidence: evidence(np.random.default_rng(seed), (steps, 9)),
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.sampled_from([cases.harmless, cases.gaps, cases.wide, cases.flat]),
)
INITIAL = np.log(np.arange(1, 10) / 45)


@STRUCTURE
@given(rows=tables_of_nine, factor=st.floats(-500, 500), data=st.data())
def test_laws(name, rows, factor, data):
    """What is known at the end is what the filter knew; a factor is none of its business; pieces make the whole."""
    structure = STRUCTURES[name]()
    tables = INITIAL, structure, rows
    filtered, smoothed, decoded = hf.forward_filter(*tables), hf.smooth(*tables), hf.viterbi(*tables)
    assert np.array_equal(filtered.log_probabilities[-1], smoothed.log_probabilities[-1])
    assert np.allclose(smoothed.probabilities.sum(axis=1), 1.0, rtol=1e-14)
    assert filtered.log_likelihood >= decoded.log_joint - LAW * abs(decoded.log_joint)
    assert np.isclose(hf.path_log_joint(*tables, decoded.path), decoded.log_joint, rtol=LAW)
    t = data.draw(st.integers(0, len(rows) - 1))
    scaled = rows.copy()
    scaled[t] += factor
    got = hf.smooth(INITIAL, structure, scaled)
    assert np.allclose(got.probabilities, smoothed.probabilities, rtol=1e-9, atol=1e-11)
    assert np.isclose(got.log_likelihood, smoothed.log_likelihood + factor, rtol=LAW, atol=1e-10)
    stream = hf.OnlineFilter(INITIAL, structure)
    parts = [stream.update_block(part).log_probabilities for part in (rows[:t], rows[t:]) if len(part)]
    assert np.array_equal(np.concatenate(parts), filtered.log_probabilities)
    assert stream.log_likelihood == filtered.log_likelihood
    order = np.array(data.draw(st.permutations(range(9))))
    with np.errstate(divide="ignore"):
        moved = hf.smooth(INITIAL[order], permuted(structure.to_dense(), order), rows[:, order])
    assert np.allclose(moved.probabilities, smoothed.probabilities[:, order], rtol=1e-9, atol=1e-13)


@STRUCTURE
def test_structures_are_values(name, tmp_path):
    """Equal where they are made of the same, keys, pickled, frozen, printed in a few lines, and kept as JSON."""
    one, other = STRUCTURES[name](), STRUCTURES[name]()
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert len({one, other, *(STRUCTURES[each]() for each in STRUCTURES if each != name)}) == len(STRUCTURES)
    assert one.n_states == 9
    assert one.to_dense().shape == (9, 9)
    assert np.allclose(one.to_dense().sum(axis=1), 1.0, rtol=1e-14)
    with pytest.raises(AttributeError):
        one.n_states = 8
    assert len(repr(one).splitlines()) <= 40
    model = hf.HMM(np.full(9, 1 / 9), one, hf.emissions.Poisson(1.0 + np.arange(9)))
    model.to_json(tmp_path / "model.json")
    again = hf.HMM.from_json(tmp_path / "model.json")
    assert again == model
    assert again.transition == one
    json.loads((tmp_path / "model.json").read_text())
    assert again.log_likelihood([3, 1, 4]) == model.log_likelihood([3, 1, 4])


def test_a_sparse_matrix_of_logs_is_refused():
    """log 1 = 0 is dropped from it, so that a certainty would become an impossibility."""
    with pytest.raises(ValueError, match="from_logs"):
        hf.transitions.Sparse(sparse.csr_array(np.log([[0.5, 0.5], [1e-9, 1.0]])))
    emission = hf.emissions.Poisson([1.0, 2.0])
    with pytest.raises(ValueError, match="log"):
        hf.HMM([0.5, 0.5], sparse.csr_array(np.log([[0.5, 0.5], [1e-9, 1.0]])), emission)


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.Sparse(sparse.csr_array([[0.5, 0.4], [0.0, 1.0]])),
        lambda t: t.Sparse(sparse.csr_array([[0.5, 0.5], [0.0, 0.0]])),
        lambda t: t.Sparse(sparse.csr_array([[0.5, np.nan], [0.0, 1.0]])),
        lambda t: t.Sparse(np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])),
        lambda t: t.Sparse.from_logs([0, 1], [0, 2], [0.0, 0.0], 2),
        lambda t: t.Sparse.from_logs([0, -1], [0, 1], [0.0, 0.0], 2),
        lambda t: t.Sparse.from_logs([0, 1], [0, 1], [0.0, np.nan], 2),
        lambda t: t.Sparse.from_logs([0, 1], [0, 1], [0.0, np.inf], 2),
        lambda t: t.Banded([[0.5, 0.5], [0.5, 0.5]], 1),
        lambda t: t.Banded([[0.0, 0.5], [1.0, 0.5]], 2),
        lambda t: t.Kronecker([[0.5, 0.4], [0.0, 1.0]], [[1.0]]),
        lambda t: t.StayOrJump([0.5, 1.1], [0.5, 0.5]),
        lambda t: t.StayOrJump([0.5, 0.5], [0.5, 0.4]),
        lambda t: t.StayOrJump([0.5, 0.5, 0.5], [0.5, 0.5]),
        lambda t: t.StayOrJump([0.5, 0.5], [1.0, 0.0], elsewhere=True),
        lambda t: t.Durations([[0.5, 0.4], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]),
        lambda t: t.Durations([[0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.1]]),
        lambda t: t.Durations([[0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_what_is_no_chain_is_refused(make):
    with pytest.raises(ValueError, match="must"):
        make(hf.transitions)
