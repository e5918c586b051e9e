"""Parameters as people have them: floats of every kind, fractions, sparse matrices, and sums that miss 1."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, Gaussian, Poisson

COIN = Bernoulli([0.5, 0.5])
HALF = [[0.5, 0.5], [0.5, 0.5]]
ROUNDING = 4 * np.finfo(np.float64).eps  # a row divided by its sum may miss 1 by so much


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("n_states", [2, 6, 40])
def test_short_floats_are_divided_by_their_sums(kind, n_states):
    rng = np.random.default_rng(n_states)
    for _ in range(300 if n_states == 6 else 20):
        rows = rng.dirichlet(np.ones(n_states), 1 + 2 * n_states)
        short = (rows.astype(kind) / rows.astype(kind).sum(axis=-1, keepdims=True)).astype(kind)
        initial, transition, shown = short[0], short[1 : n_states + 1], short[n_states + 1 :]
        model = hf.HMM(initial, transition, Categorical(shown))
        for got, given in (
            (model.initial, initial),
            (model.transition, transition),
            (model.emission.probabilities, shown),
        ):
            np.testing.assert_allclose(got.sum(axis=-1), 1.0, rtol=0, atol=ROUNDING)
            doubles = given.astype(np.float64)
            assert np.array_equal(got, doubles / doubles.sum(axis=-1, keepdims=True))
            with pytest.raises(ValueError, match="read-only"):
                got[0] = 1


def test_rows_of_short_floats_miss_1_by_rounding_only():
    with pytest.raises(ValueError, match=r"initial must sum to 1, got 0\.999998\d*: normalize=True divides by the sum"):
        hf.HMM(np.array([0.5, 0.499998], np.float32), HALF, COIN)
    with pytest.raises(ValueError, match=r"initial must sum to 1, got 0$"):
        hf.HMM(np.zeros(2000, np.float16), np.eye(2000), COIN)  # of so many, rounding alone may lose all


class Tensor:
    """What frameworks hand out: an array by its own name."""

    def __init__(self, values):
        self.values = np.array(values, np.float32)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


TENTHS = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]


@pytest.mark.parametrize("of", [Tensor, lambda rows: [np.array(row, np.float32) for row in rows]])
def test_a_tensor_says_its_own_kind(of):
    model = hf.HMM("stationary", of(TENTHS), Poisson(of([1, 2, 3])))
    np.testing.assert_allclose(model.transition, TENTHS, rtol=1e-6)
    np.testing.assert_allclose(model.transition.sum(axis=1), 1.0, rtol=0, atol=ROUNDING)


OTHER_KINDS = {
    "fractions": [[Fraction(7, 10), Fraction(1, 5), Fraction(1, 10)], TENTHS[1], [Fraction(3, 10), 0.3, 0.4]],
    "decimals": [[Decimal(str(p)) for p in row] for row in TENTHS],
    "objects": np.array(TENTHS, dtype=object),
    "long": np.array(TENTHS, dtype=np.longdouble),
    "Fortran": np.asfortranarray(TENTHS),
    "csr": sparse.csr_matrix(TENTHS),
    "coo": sparse.coo_array(TENTHS),
    "lil": sparse.lil_matrix(TENTHS),
}


@pytest.mark.parametrize("transition", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_numbers_of_other_kinds_are_taken(transition):
    model = hf.HMM("stationary", transition, Poisson([Fraction(1), Decimal(2), 3]))
    matrix = model.transition.to_dense() if sparse.issparse(transition) else model.transition
    assert matrix.tolist() == TENTHS
    assert model.emission.rate.tolist() == [1.0, 2.0, 3.0]
    assert np.array_equal(hf.stationary_distribution(transition), model.initial)
    assert np.array_equal(Categorical(transition).probabilities, TENTHS)
    assert hf.HMM([Fraction(1, 3)] * 3, TENTHS, model.emission).initial.tolist() == [1 / 3] * 3


def test_a_sparse_matrix_of_short_floats_is_of_short_floats():
    model = hf.HMM("stationary", sparse.csr_matrix(np.array(TENTHS, np.float32)), Poisson([1, 2, 3]))
    np.testing.assert_allclose(model.transition.to_dense().sum(axis=1), 1.0, rtol=0, atol=ROUNDING)


def test_a_large_sparse_matrix_is_not_made_dense():
    message = (
        r"transition must have fewer than 4096 rows and columns where it is sparse, .* got 4096: transition\.toarray"
    )
    with pytest.raises(ValueError, match=message):
        hf.stationary_distribution(sparse.identity(4096, format="csr"))


@pytest.mark.parametrize(
    ("transition", "message"),
    [
        ([[Fraction(1, 2), None], [0.5, 0.5]], r"transition must hold real numbers, got None at \[0, 1\]"),
        ([[Fraction(1, 2), 0.5], ["x" * 99, 0.5]], r"transition must hold real numbers, got 'x+\.\.\.x+' at \[1, 0\]"),
        ([[Fraction(1, 2), 1j]], r"transition must hold real numbers, got 1j at \[0, 1\]"),
        (np.array([[True, False]], dtype=object), r"transition must hold real numbers, got True at \[0, 0\]"),
        ([[Fraction(10) ** 400, 1]], r"transition must hold real numbers that fit into a double, got a larger one at"),
        ([[Decimal("NaN"), Decimal(1)]], r"transition\[0, 0\] must be finite, got nan"),
        (np.ma.array([[Fraction(1)]], mask=[[True]]), "transition must have no masked entries, got some"),
        ({"a": 1}, r"transition must hold real numbers, got \{'a': 1\}"),
    ],
)
def test_objects_that_are_no_numbers_are_refused(transition, message):
    with pytest.raises((TypeError, ValueError), match=message):
        hf.stationary_distribution(transition)


COUNTED = [[90, 10], [5, 45]]


def test_sums_may_be_divided_out_on_demand():
    model = hf.HMM([3, 1], COUNTED, Categorical([[0, 9], [6, 2]], normalize=True), normalize=True)
    assert model.initial.tolist() == [0.75, 0.25]
    assert model.transition.tolist() == [[0.9, 0.1], [0.1, 0.9]]
    assert model.emission.probabilities.tolist() == [[0.0, 1.0], [0.75, 0.25]]
    assert hf.stationary_distribution(COUNTED, normalize=True).tolist() == [0.5, 0.5]
    assert hf.HMM("stationary", COUNTED, COIN, normalize=True).initial.tolist() == [0.5, 0.5]


def test_normalize_is_a_yes_or_no():
    with pytest.raises(TypeError, match="normalize must be True or False, got 'rows'"):
        hf.HMM([1, 1], HALF, COIN, normalize="rows")


@pytest.mark.parametrize(("row", "total"), [([0, 0], "0"), ([1e308, 1e308], "inf")])
def test_a_sum_that_cannot_be_divided_by(row, total):
    message = rf"transition row 1 must have a sum above 0 that fits into a double, got {total}"
    with pytest.raises(ValueError, match=message):
        hf.HMM([1, 0], [[1, 0], row], COIN, normalize=True)


@pytest.mark.parametrize("normalize", [False, True])
def test_nothing_below_zero_is_mended(normalize):
    message = (
        r"initial\[1\] must be at least 0 \(set what rounding left below it to 0, and give normalize=True\), got -1e-17"
    )
    with pytest.raises(ValueError, match=message):
        hf.HMM([1.0, -1e-17], HALF, COIN, normalize=normalize)
    with pytest.raises(ValueError, match=r"initial\[1\] must be at least 0, got -0.1"):
        hf.HMM([1.1, -0.1], HALF, COIN, normalize=normalize)


def test_every_parameter_takes_every_kind_of_number():
    fractions = [Fraction(1, 2), Fraction(3, 4)]
    assert Bernoulli(fractions).probability.tolist() == [0.5, 0.75]
    normal = Gaussian(fractions, [Decimal(2), 3])
    assert (normal.mean.tolist(), normal.covariance.tolist()) == ([0.5, 0.75], [2.0, 3.0])
