"""Sums of both signs, differences, and running sums, against mpmath and SciPy."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from hmmfilter import lse
from tests.conftest import COMPILED, needs_compiled
from tests.test_lse import CASES, ROUNDING, error_of

INF, NAN = np.inf, np.nan
DIGITS = 60
MOST_CANCELLED = 1e15  # up to which share of it all digits of a sum are there
A_FEW_ULP = 5e-16

rng = np.random.default_rng(0)
numbers = st.one_of(st.floats(-5, 5), st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, 1 + 2.0**-52, -700.0]))
weights = st.one_of(st.floats(-3, 3, allow_subnormal=False), st.sampled_from([1.0, -1.0, 0.0, 1e-30, -1e30]))


@mpmath.workdps(DIGITS)
def exact_signed(x, weights):
    """The sum, and how many times larger the sum of magnitudes is."""
    terms = [mpmath.mpf(float(w)) * mpmath.exp(mpmath.mpf(float(v))) for v, w in zip(x, weights, strict=True)]
    total = mpmath.fsum(terms)
    return total, float(mpmath.fsum(map(abs, terms)) / abs(total)) if total else INF


def assert_signed(x, weights):
    exact, cancelled = exact_signed(x, weights)
    log_magnitude, sign = lse.logsumexp(x, weights=weights, return_sign=True)
    if exact == 0:
        assert (log_magnitude, sign) == (-INF, 0.0)
    elif cancelled < MOST_CANCELLED:
        with mpmath.workdps(DIGITS):
            log_exact = mpmath.log(abs(exact))
            size = max(abs(float(v)) for v, w in zip(x, weights, strict=True) if w) + abs(
                float(log_exact) - max(v for v, w in zip(x, weights, strict=True) if w)
            )
        assert sign == np.sign(float(mpmath.sign(exact)))
        assert error_of(log_magnitude, log_exact) <= ROUNDING * (1 + size)


SIGNED = {
    "of the documentation": ([1.88190708, 2.84174795, -0.85016884], [1.0, -1.0, 1.0]),
    "in the other place": ([0.0, 0.0, 0.0], [1.88190708, 2.84174795, -0.85016884]),
    "near each other": ([0.1, 0.1 + 1e-7], [1.0, -1.0]),
    "neighbours": ([1.0, 1 + 2.0**-52], [-1.0, 1.0]),
    "a third is left": ([0.0, 0.0, -1000.0], [1.0, -1.0, 1.0]),
    "a tiny weight is left": ([5.0, 5.0, 5.0], [1.0, 1e-20, -1.0]),
    "all cancels": ([0.3, 0.3, 7.0], [2.0, -2.0, 0.0]),
    "of rounded weights": ([0.3, 0.3, 0.3], [0.1, 0.2, -0.3]),
    "near zero": ([0.0, -40.0], [1.0, -1.0]),
    "far up": ([1e4, 1e4 - 1e-3], [1.0, -1.0]),
    "far down": ([-1e4, -1e4 + 1], [1.0, -1.0]),
    "below zero alone": ([0.3], [-2.0]),
    "the largest weight is not that of the largest x": ([0.0, -800.0], [1e-200, -1e200]),
    "wide": (np.linspace(-800, 800, 33), np.where(np.arange(33) % 2, -1.0, 1.0)),
    "twelve digits cancel": ([0.0, 1e-4, 2e-4, 3e-4], [1.0, -3.0, 3.0, -1.0]),
    "some impossible": ([-INF, 0.5, -INF, 0.25], [1.0, 1.0, -1.0, -1.0]),
}


@pytest.mark.parametrize(("x", "weights"), SIGNED.values(), ids=SIGNED)
def test_signed_weights(x, weights):
    assert_signed(x, weights)
    assert_signed(x, [-w for w in weights])


@given(st.lists(st.tuples(numbers, weights), min_size=1, max_size=8))
def test_signed_weights_however_they_cancel(terms):
    assert_signed(*zip(*terms, strict=True))


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 3), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_signs_as_scipy_in_any_shape(shape, keepdims):
    x, weights = rng.normal(0, 2, shape), rng.normal(0, 1, shape)
    for axis in [None, *range(-len(shape), len(shape))]:
        log_magnitude, sign = lse.logsumexp(x, axis, weights, keepdims=keepdims, return_sign=True)
        assert np.shape(log_magnitude) == np.shape(sign) == x.sum(axis=axis, keepdims=keepdims).shape
        if x.size:
            expected, its_sign = special.logsumexp(x, axis=axis, b=weights, keepdims=keepdims, return_sign=True)
            np.testing.assert_allclose(log_magnitude, expected, rtol=1e-12, atol=1e-12)
            assert np.array_equal(np.ravel(sign), np.ravel(its_sign))
        else:
            assert (np.ravel(log_magnitude) == -INF).all()
            assert not np.any(sign)


def test_what_scipy_documents():
    log_magnitude, sign = lse.logsumexp([1, 2], weights=[1, -1], return_sign=True)
    assert (log_magnitude, sign) == (pytest.approx(1.5413248546129181, rel=2e-16), -1.0)


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5], [0.0, 0.0, 0.0]])
def test_without_a_minus_the_logs_are_the_same_bits(weights):
    x = np.array([[0.0, 1.0, 2.0], [-INF, -INF, -INF], [0.0, NAN, 1.0], [INF, 0.0, 1.0]])
    log_magnitude, sign = lse.logsumexp(x, 1, weights, return_sign=True)
    assert np.array_equal(log_magnitude, lse.logsumexp(x, 1, weights), equal_nan=True)
    assert np.array_equal(sign, np.where(np.isnan(log_magnitude), NAN, log_magnitude > -INF), equal_nan=True)


def test_each_row_is_as_alone():
    x, weights = rng.normal(0, 2, (4, 5)), np.array([[1.0] * 5, [1, 1, -1, 1, 1], [0, 1, 2, 3, 4], [-1.0] * 5])
    together = np.transpose(lse.logsumexp(x, 1, weights, return_sign=True))
    alone = [lse.logsumexp(*row, return_sign=True) for row in zip(x, [None] * 4, weights, strict=True)]
    assert np.array_equal(together, alone)


@pytest.mark.parametrize(
    ("x", "weights", "expected"),
    [
        ([INF, 0.0], [1.0, -1.0], (INF, 1.0)),
        ([INF, 0.0], [-1.0, 1.0], (INF, -1.0)),
        ([INF, INF], [-1.0, 1.0], (NAN, NAN)),
        ([INF, 0.0], [0.0, -1.0], (0.0, -1.0)),
        ([NAN, 0.0], [1.0, -1.0], (NAN, NAN)),
        ([NAN, 0.0], [0.0, -1.0], (0.0, -1.0)),
        ([NAN, INF], [1.0, -1.0], (NAN, NAN)),
        ([-INF, -INF], [1.0, -1.0], (-INF, 0.0)),
    ],
)
def test_what_is_not_finite(x, weights, expected):
    assert np.array_equal(lse.logsumexp(x, weights=weights, return_sign=True), expected, equal_nan=True)


def test_masks_kinds_and_layouts():
    x = np.ma.array([0.0, 5.0, 1.0], mask=[0, 1, 0])
    expected = lse.logsumexp([0.0, 1.0], weights=[1.0, -1.0], return_sign=True)
    assert lse.logsumexp(x, weights=[1.0, -9.0, -1.0], return_sign=True) == expected
    assert lse.logsumexp(x.data, None, [1, -9, -1], ~np.ma.getmaskarray(x), return_sign=True) == expected
    for kind in (np.float16, np.float32, np.float64):
        results = lse.logsumexp(np.zeros((2, 3), kind).T, 0, [[1.0, -2.0]], return_sign=True)
        assert [result.dtype for result in results] == [kind, kind]


@pytest.mark.parametrize("distance", [5e-324, 1e-300, 1e-20, 1e-5, 0.1, 0.69, np.log(2), 0.7, 1.0, 40.0, 745.0])
def test_log1mexp(distance):
    with mpmath.workdps(400):
        exact = mpmath.log(-mpmath.expm1(-mpmath.mpf(distance)))
        assert float(abs(mpmath.mpf(float(lse.log1mexp(-distance))) - exact)) <= A_FEW_ULP * float(abs(exact)) + 5e-324


@given(st.floats(-800, 0))
def test_log1mexp_is_its_own_inverse(x):
    """log(1 − e^y) of y = log(1 − e^x) is x, as far as y knows: as near as a rounding of y allows."""
    y = lse.log1mexp(x)
    if -30 < x < -1e-10:
        assert lse.log1mexp(y) == pytest.approx(x, rel=1e-15 * (2 + np.exp(-x)), abs=1e-15)


@given(st.one_of(numbers), numbers)
def test_logdiffexp(x, y):
    log_magnitude, sign = lse.logdiffexp(x, y, return_sign=True)
    assert sign == np.sign(x - y)
    with mpmath.workdps(DIGITS):
        if x == y:
            assert log_magnitude == -INF
        else:
            top, gap = mpmath.mpf(max(x, y)), mpmath.mpf(min(x, y)) - mpmath.mpf(max(x, y))
            exact = top + mpmath.log(-mpmath.expm1(gap))  # a difference of exponentials would lose its digits here, too
            size = max(abs(x), abs(y)) + abs(float(exact) - max(x, y))
            assert error_of(log_magnitude, exact) <= ROUNDING * (1 + size)
    assert lse.logdiffexp(max(x, y), min(x, y)) == log_magnitude


def test_logdiffexp_of_what_is_not_finite():
    x, y = [-INF, 1.0, INF, INF, NAN, 0.0], [-INF, -INF, 1.0, INF, 0.0, NAN]
    expected = [-INF, 1.0, INF, NAN, NAN, NAN]
    assert np.array_equal(lse.logdiffexp(x, y), expected, equal_nan=True)
    log_magnitude, sign = lse.logdiffexp(y, x, return_sign=True)
    assert np.array_equal(log_magnitude, expected, equal_nan=True)
    assert np.array_equal(sign, [0.0, -1.0, -1.0, NAN, NAN, NAN], equal_nan=True)
    assert lse.logdiffexp(1.7e308, -1.7e308) == 1.7e308


def test_differences_in_any_shape_and_kind():
    x, y = rng.normal(5, 1, (3, 1)), rng.normal(0, 1, 4).astype(np.float32)
    assert lse.logdiffexp(x, y).shape == (3, 4)
    assert lse.logdiffexp(np.float32(1), y[:1] - 9).dtype == np.float32
    assert lse.logdiffexp(x, y).dtype == np.float64
    assert isinstance(lse.logdiffexp(1, 0), np.float64)
    assert isinstance(lse.log1mexp(np.float32(-1)), np.float32)
    assert lse.log1mexp(np.ma.array([-1.0, 5.0], mask=[0, 1])).tolist() == [lse.log1mexp(-1.0), 0.0]
    assert lse.logdiffexp(1.0, np.ma.array([0.0, 5.0], mask=[0, 1])).tolist() == [lse.logdiffexp(1.0, 0.0), 1.0]
    assert lse.log1mexp([]).shape == (0,)


@pytest.mark.parametrize("x", CASES.values(), ids=CASES)
def test_running_sums(x):
    x = np.array(x[:100])
    if not COMPILED and abs(x[x > -INF]).max() > 1e290:
        pytest.skip("there, the fma of interpreted kernels ends")
    results = lse.logcumsumexp(x)
    with mpmath.workdps(DIGITS):
        total = mpmath.mpf(0)
        for result, v in zip(results, x.tolist(), strict=True):
            total += mpmath.exp(mpmath.mpf(v)) if v > -INF else 0
            if total == 0:
                assert result == -INF
            else:
                size = abs(x[x > -INF]).max() + np.log(len(x))
                assert error_of(result, mpmath.log(total)) <= ROUNDING * (1 + size)


def test_digits_near_zero_in_any_order():
    assert lse.logcumsumexp([0.0, -40.0]).tolist() == [0.0, 4.248354255291589e-18]
    assert lse.logcumsumexp([-40.0, 0.0]).tolist() == [-40.0, 4.248354255291589e-18]


@given(hnp.arrays(np.float64, st.integers(1, 12), elements=st.one_of(st.floats(-5, 5), st.floats(-1e3, 1e3))))
def test_running_sums_end_in_the_sum(x):
    results = lse.logcumsumexp(x)
    assert results[0] == x[0]
    for n in range(1, len(x) + 1):
        expected = lse.logsumexp(x[:n])
        assert abs(results[n - 1] - expected) <= 2 * ROUNDING * (1 + abs(x).max() + abs(expected))


@given(st.lists(st.tuples(numbers, st.sampled_from([0.0, 1e-250, 1e-3, 1.0, 7.0, 1e250])), min_size=1, max_size=8))
def test_running_sums_with_weights(terms):
    x, weights = zip(*terms, strict=True)
    for n, result in enumerate(lse.logcumsumexp(x, weights=weights), start=1):
        exact, _ = exact_signed(x[:n], weights[:n])
        if exact == 0:
            assert result == -INF
        else:
            with mpmath.workdps(DIGITS):
                log_exact = mpmath.log(exact)
            size = max(abs(v) + abs(np.log(w)) for v, w in zip(x[:n], weights[:n], strict=True) if w)
            assert error_of(result, log_exact) <= ROUNDING * (1 + 2 * size)


@needs_compiled
def test_running_sums_keep_their_digits():
    x = np.arange(20_000) * 1e-4
    exact, one_by_one = lse.logsumexp(x), np.logaddexp.accumulate(x)[-1]
    assert abs(lse.logcumsumexp(x)[-1] - exact) <= np.spacing(exact)
    assert abs(one_by_one - exact) > 5 * np.spacing(exact)


def test_running_sums_past_nothing_infinity_and_nan():
    assert lse.logcumsumexp([-INF, 1.0, -INF]).tolist() == [-INF, 1.0, 1.0]
    assert lse.logcumsumexp([0.0, INF, 1.0]).tolist() == [0.0, INF, INF]
    assert np.array_equal(lse.logcumsumexp([0.0, NAN, INF]), [0.0, NAN, NAN], equal_nan=True)
    assert np.array_equal(lse.logcumsumexp([INF, NAN]), [INF, NAN], equal_nan=True)
    assert lse.logcumsumexp([0.0, NAN, 0.0], where=[True, False, True]).tolist() == [0.0, 0.0, np.log(2)]
    assert lse.logcumsumexp(np.ma.array([NAN, 0.0], mask=[1, 0])).tolist() == [-INF, 0.0]
    assert lse.logcumsumexp([]).tolist() == []
    assert lse.logcumsumexp(1e290) == 1e290
    assert lse.logcumsumexp([1e290, 1e290, -1e290]).tolist() == [1e290] * 3


def test_running_sums_along_any_axes():
    x = rng.normal(0, 2, (2, 3, 4)).astype(np.float32)
    assert lse.logcumsumexp(x, 1).dtype == np.float32
    for axis in (0, 1, -1):
        expected = np.logaddexp.accumulate(x.astype(float), axis=axis)
        np.testing.assert_allclose(lse.logcumsumexp(x, axis), expected, rtol=1e-6)
    flat = np.logaddexp.accumulate(x.astype(float).ravel()).reshape(x.shape)
    np.testing.assert_allclose(lse.logcumsumexp(x), flat, rtol=1e-6)
    assert lse.logcumsumexp(x, (0, 2)).shape == x.shape
    assert np.array_equal(lse.logcumsumexp(x, ()), x)


REFUSED = [
    (lambda: lse.logsumexp([0.0], weights=[-1.0]), ValueError, "weights[0] must be at least 0, or come with return_sign=True, got -1.0"),
    (lambda: lse.logsumexp([0.0], weights=[NAN], return_sign=True), ValueError, "weights[0] must be finite, got nan"),
    (lambda: lse.logsumexp([0.0], weights=[1e308, -1e308], return_sign=True), ValueError, "weights must have a finite sum, got inf"),
    (lambda: lse.logsumexp([0.0], return_sign={}), TypeError, "return_sign must be True or False, got {}"),
    (lambda: lse.logsumexp([0.0], keepdims=1), TypeError, "keepdims must be True or False, got 1"),
    (lambda: lse.logmeanexp([0.0], keepdims=None), TypeError, "keepdims must be True or False, got None"),
    (lambda: lse.softmax([0.0], weights=[-1.0]), ValueError, "weights[0] must be at least 0, got -1.0"),
    (lambda: lse.logcumsumexp([0.0], weights=[-1.0]), ValueError, "weights[0] must be at least 0, got -1.0"),
    (lambda: lse.logdiffexp([0.0, 1.0], [0.0, 2.0]), ValueError, "y[1] must be at most x[1] = 1.0, or come with return_sign=True, got 2.0"),
    (lambda: lse.logdiffexp(0, 1), ValueError, "y must be at most x = 0.0, or come with return_sign=True, got 1.0"),
    (lambda: lse.logdiffexp([0.0] * 2, [0.0] * 3), ValueError, "shapes must broadcast, got x (2,), y (3,)"),
    (lambda: lse.logdiffexp([1j], 0), TypeError, "x must hold real numbers, got dtype complex128"),
    (lambda: lse.logdiffexp(0, 0, return_sign=2), TypeError, "return_sign must be True or False, got 2"),
    (lambda: lse.log1mexp([[0.0, 0.5]]), ValueError, "x[0, 1] must be at most 0, got 0.5"),
    (lambda: lse.log1mexp("a"), TypeError, "x must hold real numbers, got dtype <U1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
