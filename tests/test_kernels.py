"""The arithmetic of logs in two parts, and the log-sum-exp under the recursions."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter.results.posteriors import logs_of, numbers_of
from tests import cases
from tests.test_filtering import FAMILY
from tests.wing import room

NUMBERS, WIDE, CODED = map(room, ("numbers", "wide", "coded"))

finite = st.floats(-1e290, 1e290)
EXP_TOLERANCE = 4e-17  # mostly 1e-17; a double alone has 1.1e-16


@given(finite, finite)
def test_two_sum_loses_nothing(x, y):
    total, lost = NUMBERS.two_sum(x, y)
    assert Fraction(total) + Fraction(lost) == Fraction(x) + Fraction(y)
    assert total == x + y


@given(finite)
def test_minus_infinity_stays(x):
    assert NUMBERS.two_sum(-np.inf, x) == (-np.inf, 0.0)
    assert NUMBERS.two_sum(x, -np.inf) == (-np.inf, 0.0)
    assert NUMBERS.plus(-np.inf, 0.0, x) == (-np.inf, 0.0)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=8))
def test_plus_keeps_twice_the_digits_of_a_double(numbers):
    head, tail = numbers[0], 0.0
    exact, largest = Fraction(numbers[0]), abs(numbers[0])
    for number in numbers[1:]:
        head, tail = NUMBERS.plus(head, tail, number)
        exact += Fraction(number)
        largest = max(largest, abs(head))
        assert head + tail == head  # in two parts, not in one and a half
    assert abs(Fraction(head) + Fraction(tail) - exact) <= Fraction(largest) * len(numbers) / 2**104


def test_exceeds_compares_the_tail_where_heads_are_equal():
    assert NUMBERS.exceeds(2.0, 0.0, 1.0, 0.0)
    assert NUMBERS.exceeds(1.0, 1e-20, 1.0, 0.0)
    assert not NUMBERS.exceeds(1.0, 0.0, 1.0, 0.0)
    assert not NUMBERS.exceeds(1.0, 1e-20, 2.0, 0.0)


def exact_error(x, head, tail, exponent, rest):
    """How far a wide number is from exp(x), relative to it."""
    with mpmath.workdps(40 + int(abs(x)).bit_length()):
        doublings = mpmath.mpf(exponent) + mpmath.mpf(rest)
        log_ratio = mpmath.log(mpmath.mpf(head) + mpmath.mpf(tail)) + doublings * mpmath.log(2) - mpmath.mpf(x)
        return float(abs(mpmath.expm1(log_ratio)))


@given(st.one_of(*(st.floats(-size, size) for size in (1e3, 1e6, 1e15, 1e18, 1e22, 2.0**102))))
@example(1e15)
@example(np.nextafter(1e15, np.inf))
@example(9169868565742872.0)  # whose product with 1 / log 2 has a tail near 1/2
def test_widen_takes_exponentials_to_twice_a_doubles_digits_or_nearly(x):
    wide = np.zeros((4, 1))
    WIDE.widen_row(np.array([x]), wide)
    assert exact_error(x, *wide[:, 0]) <= EXP_TOLERANCE
    assert 0.7 < wide[0, 0] < 1.42


@pytest.mark.parametrize("x", [1e32, -1e290, 1e308])
def test_widen_keeps_the_log_of_what_is_beyond_every_count(x):
    wide = np.zeros((4, 1))
    WIDE.widen_row(np.array([x]), wide)
    assert wide[2, 0] * np.log(2) == pytest.approx(x, rel=1e-15)


def test_widen_knows_zero():
    wide = np.zeros((4, 2))
    WIDE.widen_row(np.array([-np.inf, 0.0]), wide)
    assert wide.tolist() == [[0.0, 1.0], [0.0, 0.0], [-np.inf, 0.0], [0.0, 0.0]]


exponents = st.one_of(st.just(0.0), st.integers(-(2**104), 2**104).map(float), st.integers(-1100, 1100).map(float))


@given(exponents, st.integers(-1000, 1000), exponents, st.integers(-1000, 1000))
def test_sums_of_exponents_are_exact(x, x_more, y, y_more):
    (x, x_rest), (y, y_rest) = NUMBERS.two_sum(x, float(x_more)), NUMBERS.two_sum(y, float(y_more))
    total = int(x) + int(x_rest) + int(y) + int(y_rest)
    found, rest = WIDE.sum_exponents(x, x_rest, y, y_rest)
    assert int(found) + int(rest) == total
    assert found == float(total)


def test_what_stands_where_a_near_exponent_has_no_rest_is_not_looked_at():
    assert WIDE.sum_exponents(3.0, np.nan, -np.inf, np.nan) == (-np.inf, 0.0)
    assert WIDE.sum_exponents(3.0, np.nan, 4.0, np.nan) == (7.0, 0.0)


@given(st.floats(1e-3, 1.0))
def test_log_roughly(x):
    assert CODED.log_roughly(x, 0.0) == pytest.approx(np.log(x), abs=1e-13)


@given(st.floats(1e-200, 1e200), st.integers(-5000, 5000))
def test_coded_numbers_have_their_logs(x, k):
    coded = np.array([CODED.coded(x, float(k))])
    log_x = np.log(x) + k * np.log(2)
    assert logs_of(coded)[0] == pytest.approx(log_x, rel=1e-13, abs=1e-13)


def ulps(got, exact):
    """How far a double is from a number of many digits, in units of its last place."""
    return float(abs(mpmath.mpf(float(got)) - exact)) / float(np.spacing(abs(got)))


NEAR_ONE = [*(1.0 + k * 2.0**-52 for k in range(1, 99)), *(1.0 - k * 2.0**-53 for k in range(1, 99))]


@given(st.lists(st.floats(0.0, 1e300, exclude_min=True), min_size=1))
@example([5e-324, np.nextafter(2.0**-1022, 0.0), 2.0**-1022, 0.5, np.sqrt(0.5), np.sqrt(2.0), *NEAR_ONE])
@mpmath.workdps(60)
def test_logs_of_doubles_are_right_but_for_the_last_digit(xs):
    for x, log_x in zip(xs, logs_of(np.array(xs)), strict=True):
        assert ulps(log_x, mpmath.log(mpmath.mpf(x))) < 0.9


@given(st.lists(st.floats(-745.1, -0.1), min_size=1))
@mpmath.workdps(60)
def test_numbers_of_logs_are_right_but_for_the_last_digit(logs):
    for log_x, x in zip(logs, numbers_of(np.array(logs)), strict=True):
        assert ulps(x, mpmath.exp(mpmath.mpf(log_x))) < 0.7  # of the smallest doubles, that is more of the number


@pytest.mark.parametrize(
    "code",
    [{0.25: np.log(0.25)}, {0.25: np.log(0.25), -700.0: -700.0}, {0.25: np.log(0.25), -1 / 650: 650.0}],
    ids=["numbers", "a log", "a log above zero"],
)
def test_all_that_is_coded_is_undone(code):
    """Across the seams of what is done at a time, zero and NaN too."""
    code = {**code, 0.0: -np.inf, np.nan: np.nan, -2000.0: -2000.0}
    coded, logs = (np.resize(np.array([*column]), 2 * CODED.AT_A_TIME + 1) for column in (code, code.values()))
    assert logs_of(coded) == pytest.approx(logs, rel=1e-15, nan_ok=True)
    if max(code.values()) < 1.0:
        assert numbers_of(coded) == pytest.approx(np.exp(logs), rel=1e-12, nan_ok=True)


@given(st.floats(0.5, 2.0), st.integers(-3000, 3000), st.integers(-240, 240))
def test_a_coded_number_is_the_same_however_it_is_split(x, k, moved):
    assert CODED.coded(x, float(k)) == CODED.coded(np.ldexp(x, moved), float(k - moved))


def test_a_coded_zero_is_zero():
    assert CODED.coded(0.0, 5000.0) == 0.0
    assert logs_of(np.zeros(1))[0] == -np.inf


def in_wide_numbers(case):
    """The filter by exact steps alone."""
    stream = hf.OnlineFilter(case[0], case[1])
    return np.stack([stream.update(row) for row in case[2]])


@pytest.mark.parametrize("n_states", [1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 33, 66])
@FAMILY
def test_fast_steps_and_exact_steps_agree_to_the_bit(family, n_states):
    """In every compiled size, and with every remainder of four rows."""
    case = cases.draw(family, 0, 40 if n_states <= 12 else 5, n_states)
    fast = hf.forward_filter(*case)
    assert np.array_equal(fast.log_probabilities, in_wide_numbers(case))
