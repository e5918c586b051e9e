"""The log-sum-exp family: against mpmath and SciPy, in every shape, with every kind of nothing."""

from collections import Counter
from importlib.metadata import entry_points

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

import hmmfilter as hf
from hmmfilter import lse
from tests import oracle
from tests.conftest import needs_compiled
from tests.wing import room

INF, NAN = np.inf, np.nan
SUMS = room("lse")
ROUNDING = 2.5e-16  # of the largest number that the last additions see
NO_WORSE = 1.5  # times SciPy's error, and a rounding, where both are in the last bits

rng = np.random.default_rng(0)
CASES = {
    "one term": [0.3],
    "equal terms": [2.0] * 7,
    "near zero": [0.0, -40.0],
    "nearer zero": [0.0, -745.0],
    "minus zero and below": [-1e-300, -1000.0],
    "sums to 1": np.log([0.1, 0.2, 0.7]),
    "cancels to nothing": [-1.0, np.log1p(-np.exp(-1.0))],
    "far up": [1e4, 1e4 + 1, 1e4 - 3],
    "far down": [-1e4, -1e4 + 1, -1e4 - 3],
    "very far": [1e300, 1e300, -1e300],
    "wide": np.linspace(-800, 800, 33),
    "ordinary": rng.normal(0, 3, 50),
    "many": rng.normal(0, 1, 5000),
    "many small": np.concatenate([[0.0], np.full(5000, -30.0)]),
    "some impossible": [-INF, 0.5, -INF, 0.25],
    "subnormal": [5e-324, -5e-324],
}
BY_NAME = pytest.mark.parametrize("x", CASES.values(), ids=CASES)


@mpmath.workdps(oracle.DIGITS)
def exact_sum(x, weights=None):
    weights = np.ones(len(x)) if weights is None else weights
    terms = Counter((float(v), float(w)) for v, w in zip(x, weights, strict=True) if v > -INF and w > 0)
    return mpmath.fsum(n * mpmath.mpf(w) * mpmath.exp(v) for (v, w), n in terms.items())


def error_of(value, exact):
    with mpmath.workdps(oracle.DIGITS):
        return float(abs(mpmath.mpf(float(value)) - exact))


@BY_NAME
def test_logsumexp_is_no_worse_than_scipy(x):
    with mpmath.workdps(oracle.DIGITS):
        exact = mpmath.log(exact_sum(x))
    ours, theirs = error_of(lse.logsumexp(x), exact), error_of(special.logsumexp(x), exact)
    assert ours <= NO_WORSE * theirs + np.spacing(abs(float(exact)))


@given(hnp.arrays(np.float64, st.integers(1, 12), elements=st.one_of(st.floats(-5, 5), st.floats(-1e3, 1e3))))
def test_logsumexp_rounds_as_little_as_its_last_addition(x):
    with mpmath.workdps(oracle.DIGITS):
        exact = mpmath.log(exact_sum(x))
    assert error_of(lse.logsumexp(x), exact) <= ROUNDING * (1 + max(abs(x.max()), np.log(len(x))))


def test_the_example_of_the_documentation():
    assert lse.logsumexp([0, -40]) == 4.248354255291589e-18


WEIGHTED = {
    "ordinary": ([0.1, 0.2, 0.3], [0.5, 2.0, 0.25]),
    "zero": ([5.0, 0.2], [0.0, 2.0]),
    "nothing but zeros": ([1.0, 2.0], [0.0, 0.0]),
    "equal terms": ([0.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]),
    "the largest term is not the largest x": ([0.0, -800.0], [1e-300, 1e100]),
    "and far from it": ([700.0, -700.0], [1e-308, 1e308]),
    "as far as weights go": ([0.0, -100.0], [1e-308, 1e308]),
    "tiny": ([0.0, -700.0], [1e-304, 1.0]),
}


@pytest.mark.parametrize(("x", "weights"), WEIGHTED.values(), ids=WEIGHTED)
def test_weights(x, weights):
    exact = exact_sum(x, weights)
    if exact == 0:
        assert lse.logsumexp(x, weights=weights) == -INF
        return
    size = max(map(abs, x)) + max(abs(np.log(w)) for w in weights if w > 0)  # of what is added up in the end
    with mpmath.workdps(oracle.DIGITS):
        log_exact = mpmath.log(exact)
        assert error_of(lse.logsumexp(x, weights=weights), log_exact) <= ROUNDING * (1 + size)
        for p, v, w in zip(lse.softmax(x, weights=weights), x, weights, strict=True):
            term = mpmath.mpf(w) * mpmath.exp(v) / exact
            assert error_of(p, term) <= 2e-15 * float(term) + 5e-324
        mean = log_exact - mpmath.log(mpmath.fsum(mpmath.mpf(w) for w in weights))
        assert error_of(lse.logmeanexp(x, weights=weights), mean) <= 3 * ROUNDING * (1 + size)


FUNCTIONS = [lse.logsumexp, lse.logaddexp_reduce, lse.naive_logsumexp, lambda x: lse.smooth_max(x, 1.0)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["logsumexp", "logaddexp_reduce", "naive", "smooth_max"])
def test_the_kinds_of_nothing(function):
    assert function([]) == -INF
    assert function([-INF, -INF]) == -INF
    assert function([0.0, INF]) == INF
    assert function([INF, INF, -INF]) == INF
    for unknown in ([0.0, NAN], [NAN], [NAN, -INF], [-INF, NAN], [INF, NAN]):
        assert np.isnan(function(unknown))
    assert function(np.ma.array([0.0, 1.0], mask=True)) == -INF
    assert function(np.ma.array([0.0, NAN], mask=[0, 1])) == 0.0


def test_masks_and_zero_weights_hide_everything():
    x = [0.0, NAN, INF, -INF, 1.0]
    shown = [True, False, False, False, True]
    expected = lse.logsumexp([0.0, 1.0])
    assert lse.logsumexp(x, where=shown) == expected
    assert lse.logsumexp(x, weights=np.array(shown, dtype=float)) == expected
    assert lse.logsumexp(np.ma.array(x, mask=~np.array(shown))) == expected
    assert lse.logsumexp([np.ma.array(x, mask=~np.array(shown))]) == expected
    assert lse.logsumexp(x, where=[False] * 5) == -INF
    assert lse.logsumexp(x, where=shown, weights=[2.0, 3.0, 3.0, 3.0, 2.0]) == pytest.approx(expected + np.log(2))
    assert lse.softmax(x, where=shown)[1:4].tolist() == [0.0] * 3
    assert lse.log_softmax(x, where=shown)[1:4].tolist() == [-INF] * 3
    assert lse.logmeanexp(x, where=shown) == pytest.approx(expected - np.log(2), rel=1e-15)
    assert lse.bounds(np.ma.array(x, mask=~np.array(shown))) == (1.0, 1.0 + np.log(2))
    assert np.isnan(lse.logsumexp(x, where=[True, True, False, False, True]))


@pytest.mark.parametrize("shape", [(), (0,), (4,), (0, 3), (3, 0), (2, 3, 4), (1, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_any_axis_and_shape_as_scipy(shape, keepdims):
    x = rng.normal(0, 5, shape)
    axes = [None, *range(-x.ndim, x.ndim)] + ([(0, 2), (-1, 1), (0, 1, 2)] if x.ndim == 3 else [])
    for axis in axes:
        if x.size:
            expected = special.logsumexp(x, axis=axis, keepdims=keepdims)
            assert np.allclose(special.softmax(x, axis=axis), lse.softmax(x, axis=axis), rtol=1e-14, atol=0)
            assert np.allclose(special.log_softmax(x, axis=axis), lse.log_softmax(x, axis=axis), rtol=1e-14, atol=1e-15)
        else:
            expected = np.full(x.sum(axis=axis, keepdims=keepdims).shape, -INF)
        got = lse.logsumexp(x, axis=axis, keepdims=keepdims)
        assert np.shape(got) == x.sum(axis=axis, keepdims=keepdims).shape
        assert np.allclose(got, expected, rtol=1e-14, atol=1e-15)
        assert lse.softmax(x, axis=axis).shape == x.shape
        for reduction in (lse.logaddexp_reduce, lse.naive_logsumexp, lse.negative_entropy):
            assert np.shape(reduction(x, axis=axis)) == x.sum(axis=axis).shape
        assert np.allclose(lse.logaddexp_reduce(x, axis=axis), np.squeeze(expected), atol=1e-13)


def test_masks_inside_lists():
    one_hidden = np.ma.array([5.0, 2.0], mask=[1, 0])
    assert lse.logsumexp([np.ma.masked, 1.0]) == 1.0
    assert lse.logsumexp([[np.ma.masked, 1.0]]) == 1.0
    assert lse.logsumexp([[one_hidden]]) == 2.0
    assert lse.logsumexp([one_hidden, one_hidden], axis=1).tolist() == [2.0, 2.0]
    with pytest.raises(TypeError, match="where must hold True and False, unmasked"):
        lse.logsumexp([1.0, 2.0], where=np.ma.array([True, True], mask=[0, 1]))


@pytest.mark.parametrize("n", [10, pytest.param(100_000, marks=needs_compiled)])
@pytest.mark.parametrize("values", [np.zeros, lambda n: np.sin(np.arange(n))], ids=["equal", "different"])
@pytest.mark.parametrize("weight", [0.1, None], ids=["0.1", "sum to 1"])
def test_weighted_sums_are_no_worse_than_scipy(n, values, weight):
    x = values(n)
    weights = np.full(n, weight or 1 / n)
    with mpmath.workdps(oracle.DIGITS):
        exact = mpmath.log(exact_sum(x, weights))
    ours, theirs = error_of(lse.logsumexp(x, weights=weights), exact), error_of(special.logsumexp(x, b=weights), exact)
    assert ours <= NO_WORSE * theirs + np.spacing(max(1.0, abs(float(exact))))
    assert lse.softmax(x, weights=weights).sum() == pytest.approx(1, rel=1e-15)


@pytest.mark.parametrize(
    ("x", "weights"),
    [([1.0, -39.0], [3.0, 3.0]), ([0.0, -40.0], [0.5, 1.0]), ([0.1, 0.2], [0.0, 2.0])],
)
def test_weighted_log_softmax(x, weights):
    total = exact_sum(x, weights)
    with mpmath.workdps(oracle.DIGITS):
        for got, v, w in zip(lse.log_softmax(x, weights=weights), x, weights, strict=True):
            if w == 0:
                assert got == -INF
            else:
                exact = mpmath.log(mpmath.mpf(w) * mpmath.exp(v) / total)
                assert error_of(got, exact) <= 2e-15 * abs(float(exact))


def test_extremes_do_not_warn():
    assert lse.log_softmax([1.7e308, -1.7e308]).tolist() == [0.0, -INF]
    assert lse.log_softmax(np.array([3e38, -3e38], np.float32)).tolist() == [0.0, -INF]
    assert lse.logsumexp(np.full(9, 65504, np.float16)).dtype == np.float16


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_order_does_not_change_the_kind(order):
    assert lse.logsumexp(np.array([0, 1], f"{order}f4")).dtype == np.float32


@needs_compiled
def test_any_input_runs_the_same_compiled_code():
    before = None
    for x in (np.zeros((2, 3)), np.zeros((2, 3)).T, np.broadcast_to(0.0, (2, 3))):
        writeable = x.flags.writeable
        lse.logsumexp(x, axis=0)
        lse.softmax(x, weights=np.ones_like(x))
        assert x.flags.writeable == writeable
        signatures = len(SUMS.run_split_sums.signatures)
        assert before in (None, signatures)
        before = signatures


def test_no_axis_at_all_leaves_every_term_alone():
    assert lse.logsumexp([1.0, 2.0], axis=()).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: x[::-1, ::2], lambda x: x.astype(">f8")])
def test_any_layout(layout):
    x = rng.normal(0, 5, (6, 8))
    assert np.array_equal(lse.logsumexp(layout(x), axis=0), lse.logsumexp(np.array(layout(x), np.float64), axis=0))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint64, bool])
def test_float32_stays_float32(dtype):
    x = np.array([[0, 1], [1, 1]], dtype=dtype)
    kept = dtype if dtype in (np.float16, np.float32) else np.float64
    results = [lse.logsumexp(x, axis=0), lse.softmax(x), lse.log_softmax(x), lse.logmeanexp(x), lse.smooth_max(x, 2.0)]
    results += [lse.logaddexp_reduce(x), lse.naive_logsumexp(x), *lse.bounds(x), lse.negative_entropy(x)]
    assert {result.dtype for result in results} == {np.dtype(kept)}
    assert np.array_equal(lse.logsumexp(x, axis=0), lse.logsumexp(x.astype(float), axis=0).astype(kept))


def test_scalars():
    assert lse.logsumexp(3) == 3.0
    assert isinstance(lse.logsumexp([1.0, 2.0]), np.float64)
    assert lse.softmax(5.0) == 1.0
    assert isinstance(lse.softmax(5.0), np.float64)


@BY_NAME
def test_softmax_and_its_log(x):
    total = exact_sum(x)
    with mpmath.workdps(oracle.DIGITS):
        for p, log_p, v in zip(lse.softmax(x), lse.log_softmax(x), x, strict=True):
            term = mpmath.exp(float(v)) / total if v > -INF else mpmath.mpf(0)
            assert error_of(p, term) <= 1e-15 * (1 + abs(float(v) - max(x))) * float(term) + 5e-324 if term else p == 0
            if term:
                log_term = mpmath.log(term)
                assert error_of(log_p, log_term) <= 1e-15 * (1 + abs(float(log_term)))


def test_softmax_of_what_has_none():
    assert np.isnan(lse.softmax([-INF, -INF])).all()
    assert np.isnan(lse.softmax([0.0, NAN])).all()
    assert np.isnan(lse.log_softmax([0.0, NAN])).all()
    assert lse.softmax([0.0, INF])[0] == 0
    assert np.isnan(lse.softmax([0.0, INF])[1])


def test_logmeanexp():
    assert lse.logmeanexp([-1000.0, -1000.0, -1000.0]) == -1000.0
    assert all(lse.logmeanexp(np.full(n, 0.1)) == 0.1 for n in [*range(1, 100), 9170, 19143])  # NumPy's logs differ
    assert lse.logmeanexp([0.0, -INF]) == pytest.approx(-np.log(2), rel=1e-15)
    assert np.isnan(lse.logmeanexp([]))
    assert np.isnan(lse.logmeanexp([1.0], where=[False]))
    assert np.isnan(lse.logmeanexp(np.empty((2, 0)), axis=1)).all()
    assert lse.logmeanexp(np.zeros((2, 3)), axis=1, keepdims=True).tolist() == [[0.0], [0.0]]


def test_where_the_naive_sum_dies():
    assert lse.naive_logsumexp([709.0]) == pytest.approx(709.0, rel=1e-15)
    assert lse.naive_logsumexp([710.0]) == INF
    assert np.isfinite(lse.naive_logsumexp([-745.0]))
    assert lse.naive_logsumexp([-746.0]) == -INF
    assert lse.logsumexp([710.0]) == 710.0
    assert lse.logsumexp([-746.0]) == -746.0


def test_the_running_sum_loses_digits():
    x = np.full(100_000, np.log(1e-5))  # of which the sum is 1, and the log of the sum nearly 0
    with mpmath.workdps(oracle.DIGITS):
        exact = mpmath.mpf(x[0]) + mpmath.log(len(x))
    shifted, running = error_of(lse.logsumexp(x), exact), error_of(lse.logaddexp_reduce(x), exact)
    assert shifted <= 2e-15
    assert running > 30 * shifted


@pytest.mark.parametrize("temperature", [10.0, 1.0, 0.1, 1e-3, 1e-300])
def test_smooth_max_lies_between_its_bounds(temperature):
    x = np.array([1.0, 2.0, 2.0, -1e300])
    above = lse.smooth_max(x, temperature) - 2.0
    assert temperature * np.log(2) * (1 - 1e-15) <= above + 4e-16
    assert above <= temperature * np.log(4) + 4e-16
    assert lse.smooth_max(x[:2], 1.0) == lse.logsumexp(x[:2])


def test_smooth_max_by_rows():
    x = [[1.0, 2.0], [3.0, -INF]]
    assert lse.smooth_max(x, 1e-9, axis=1).tolist() == [2.0, 3.0]
    assert lse.smooth_max(np.ma.array(x, mask=[[0, 1], [0, 0]]), 1.0, axis=1).tolist() == [1.0, 3.0]


def test_bounds_hold_and_are_reached():
    x = rng.normal(0, 3, (20, 5))
    lower, upper = lse.bounds(x, axis=1)
    assert (lower <= lse.logsumexp(x, axis=1)).all()
    assert (lse.logsumexp(x, axis=1) <= upper).all()
    assert lse.bounds([3.0, -INF])[0] == lse.logsumexp([3.0, -INF])
    assert lse.bounds([3.0, 3.0])[1] == lse.logsumexp([3.0, 3.0])
    assert lse.bounds([]) == (-INF, -INF)


def test_negative_entropy():
    assert lse.negative_entropy([1.0, 0.0]) == 0.0
    assert lse.negative_entropy([0.25] * 4) == -np.log(4)
    assert lse.negative_entropy([0.5, 0.6]) == INF
    assert lse.negative_entropy([1.5, -0.5]) == INF
    assert lse.negative_entropy([0.5, 0.5 + 1e-6]) == INF
    assert np.isfinite(lse.negative_entropy(lse.softmax(rng.normal(0, 1, 1000).astype(np.float32))))
    assert np.isnan(lse.negative_entropy([NAN, 0.5]))
    assert lse.negative_entropy([[0.5, 0.5], [1.0, 1.0]], axis=1).tolist() == [-np.log(2), INF]
    assert lse.negative_entropy(np.ma.array([0.5, 0.5, 7.0], mask=[0, 0, 1])) == -np.log(2)


AXIS = "axis must be None or different integers from -1 to 0, got "
REFUSED = [
    (lambda: lse.logsumexp([0.0], weights=[NAN]), ValueError, "weights[0] must be finite, got nan"),
    (lambda: lse.logsumexp([1j]), TypeError, "x must hold real numbers, got dtype complex128"),
    (lambda: lse.logsumexp(["a"]), TypeError, "x must hold real numbers, got dtype <U1"),
    (lambda: lse.softmax(None), TypeError, "x must hold real numbers, got dtype object"),
    (lambda: lse.logsumexp([0.0], where=[1]), TypeError, "where must hold True and False, unmasked, got dtype int64"),
    (lambda: lse.logsumexp([0.0], axis=1), ValueError, f"{AXIS}1"),
    (lambda: lse.logsumexp(0.0, axis=0), ValueError, "axis must be None or () for a single number, got 0"),
    (lambda: lse.logsumexp([0, 1], weights=[1] * 3), ValueError, "shapes must broadcast, got x (2,), weights (3,)"),
    (lambda: lse.logsumexp([[0.0], [0.0, 1.0]]), ValueError, "x must be rectangular, got rows of unequal length"),
    (lambda: lse.logsumexp([0.0] * 2, weights=[1e308] * 2), ValueError, "weights must have a finite sum, got inf"),
    (lambda: lse.negative_entropy(["a"]), TypeError, "p must hold real numbers, got dtype <U1"),
    (lambda: lse.logsumexp([0], axis=(0, -1)), ValueError, f"{AXIS}(0, -1)"),
    (lambda: lse.logsumexp([0], axis=0.5), ValueError, f"{AXIS}0.5"),
    (lambda: lse.smooth_max([0.0], 0.0), ValueError, "temperature must be above 0, got 0.0"),
    (lambda: lse.smooth_max([0.0], [1.0]), ValueError, "temperature must have shape (), got (1,)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_the_kernels_behind_compiled_code():
    x = np.array([0.0, -40.0, 1.5])
    assert SUMS.log_sum_exp_of(x) == lse.logsumexp(x)
    assert np.array_equal(SUMS.softmax_of(x), lse.softmax(x))
    assert SUMS.float32_number(0.1) == np.float32(0.1)
    assert np.array_equal(SUMS.float32_vector(x), x.astype(np.float32))


def test_numba_is_told_of_them():
    (entry,) = [point for point in entry_points(group="numba_extensions") if point.value.startswith("hmmfilter")]
    entry.load()()


@needs_compiled
def test_from_a_users_own_compiled_code():
    @numba.njit
    def mine(x):
        return hf.lse.logsumexp(x), lse.softmax(x)

    for x in (np.array([0.0, -40.0]), np.array([1, 2, 3]), np.array([1.0, 2.0], np.float32), np.arange(8.0)[::2]):
        log_sum, p = mine(x)
        assert np.float64(log_sum) == np.float64(lse.logsumexp(x))
        assert np.array_equal(p, lse.softmax(x))
        assert p.dtype == lse.softmax(x).dtype
    assert mine(np.array([]))[0] == -INF
    assert np.isnan(mine(np.array([NAN, 1.0]))[0])
    with pytest.raises(numba.TypingError):
        mine(np.zeros((2, 2)))
    assert mine(np.array([True, False]))[0] == lse.logsumexp([True, False])
