"""x y + z, rounded once, where kernels are interpreted."""

import ctypes
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hmmfilter._kernels import fused

finite = st.floats(-1e150, 1e150)


@given(finite, finite, finite)
@example(*fused.TELLING[0][:3])
@example(*fused.TELLING[1][:3])
def test_it_is_rounded_once(x, y, z):
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    assert fused.fma(x, y, z) == exact.numerator / exact.denominator  # which Python rounds as doubles are


def test_numbers_of_numpy_are_welcome():
    assert fused.fma(np.float64(3.0), np.float64(2.0), np.float64(1.0)) == 7.0


def add_rounded(x, y, z):
    return x * y + z


def add_what_is_lost(x, y, z):
    """The product in two parts, of which the second is added last."""
    lost = Fraction(x) * Fraction(y) - Fraction(x * y) if math.isfinite(x * y) else 0
    return (x * y + z) + float(lost)


def add_long_doubles(x, y, z):
    """With the 64 digits of some processors in between."""
    if not math.isfinite(x * y):
        return x * y + z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    unit = Fraction(2) ** (math.frexp(exact.numerator / exact.denominator)[1] - 64)
    return float(round(exact / unit) * unit)


@pytest.mark.parametrize("otherwise", [add_rounded, add_what_is_lost, add_long_doubles])
def test_what_rounds_twice_is_refused(otherwise):
    assert not fused.is_true(otherwise)


def test_a_product_beyond_doubles_is_told():
    assert not fused.is_true(lambda x, y, z: math.inf if abs(x * y) == math.inf else fused.fma(x, y, z))


def raising(x, y, z):
    """As Python's from 3.13 on."""
    answer = next(fused.of_c())(x, y, z)
    if math.isnan(answer):
        raise ValueError("invalid operation in fma")
    if math.isinf(answer):
        raise OverflowError("overflow in fma")
    return answer


def test_that_of_python_answers_as_processors_do(monkeypatch):
    monkeypatch.setattr(math, "fma", raising, raising=False)
    (found,) = fused.of_python()
    assert fused.is_true(found)


def test_before_there_was_one_in_python(monkeypatch):
    monkeypatch.delattr(math, "fma", raising=False)
    assert list(fused.of_python()) == []


def test_without_any_it_says_what_to_do(monkeypatch):
    def find_none(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "PyDLL", find_none)
    assert list(fused.of_c()) == []
    with pytest.raises(NotImplementedError, match="kernels must be compiled here"):
        fused.absent(1.0, 1.0, 1.0)
