"""The arithmetic of logs in two parts, and the log-sum-exp under the recursions."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmfilter import _kernels
from tests import oracle

finite = st.floats(-1e290, 1e290)


@given(finite, finite)
def test_two_sum_loses_nothing(x, y):
    total, lost = _kernels.two_sum(x, y)
    assert Fraction(total) + Fraction(lost) == Fraction(x) + Fraction(y)
    assert total == x + y


@given(finite)
def test_minus_infinity_stays(x):
    assert _kernels.two_sum(-np.inf, x) == (-np.inf, 0.0)
    assert _kernels.two_sum(x, -np.inf) == (-np.inf, 0.0)
    assert _kernels.plus(-np.inf, 0.0, x) == (-np.inf, 0.0)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=8))
def test_plus_keeps_twice_the_digits_of_a_double(numbers):
    head, tail = numbers[0], 0.0
    exact, largest = Fraction(numbers[0]), abs(numbers[0])
    for number in numbers[1:]:
        head, tail = _kernels.plus(head, tail, number)
        exact += Fraction(number)
        largest = max(largest, abs(head))
        assert head + tail == head  # in two parts, not in one and a half
    assert abs(Fraction(head) + Fraction(tail) - exact) <= Fraction(largest) * len(numbers) / 2**104


def test_exceeds_compares_the_tail_where_heads_are_equal():
    assert _kernels.exceeds(2.0, 0.0, 1.0, 0.0)
    assert _kernels.exceeds(1.0, 1e-20, 1.0, 0.0)
    assert not _kernels.exceeds(1.0, 0.0, 1.0, 0.0)
    assert not _kernels.exceeds(1.0, 1e-20, 2.0, 0.0)


@pytest.mark.parametrize(
    "heads",
    [
        [0.0],
        [0.0, 0.0],
        [0.0, -40.0],
        [-50000.25, -50000.75, -50010.0],
        [-745.2, 0.0, -np.inf],
        [1e6, -1e6],
        [700.0, 710.0, 720.0],
        [-np.inf, -3.0],
    ],
)
def test_log_sum_exp_is_exact_in_both_parts(heads):
    heads = np.array(heads)
    tails = np.where(np.isfinite(heads), np.spacing(heads) * np.resize([0.3, -0.4], heads.size), 0.0)
    head, tail = _kernels.log_sum_exp(heads, tails)
    with mpmath.workdps(oracle.DIGITS):
        terms = [mpmath.exp(mpmath.mpf(h) + mpmath.mpf(t)) for h, t in zip(heads, tails, strict=True) if h > -np.inf]
        exact = mpmath.log(mpmath.fsum(terms))
        error = abs(mpmath.mpf(head) + mpmath.mpf(tail) - exact)
    assert error <= 3e-16 * max(1.0, len(heads) / 2)  # whatever the size of the logs: an error of the sum alone


def test_log_sum_exp_of_nothing_possible():
    assert _kernels.log_sum_exp(np.full(3, -np.inf), np.zeros(3)) == (-np.inf, 0.0)
