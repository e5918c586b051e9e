"""Kernels of densities: the digits of their logarithm, hostile numbers, what is missing, and single observations."""

from decimal import Decimal

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._kernels import densities
from hmmfilter._kernels.columns import log_parts
from hmmfilter.emissions import Bernoulli, Categorical, Gaussian, Poisson
from tests import oracle
from tests.conftest import COMPILED
from tests.test_emissions import DENSITY_RTOL, assert_log_density, exact_joint_density
from tests.wing import room

LOG_ERROR = 2e-17  # of a logarithm in two parts
NAN = np.nan


@given(st.lists(st.floats(2.0**-1000, 1.7e308), min_size=1))
def test_the_parts_of_a_logarithm_keep_what_one_double_loses(numbers):
    head, rest = log_parts(np.array(numbers))
    with mpmath.workdps(oracle.DIGITS):
        for x, a, b in zip(numbers, head, rest, strict=True):
            exact = mpmath.log(mpmath.mpf(x))
            assert abs(mpmath.mpf(float(a)) + mpmath.mpf(float(b)) - exact) <= LOG_ERROR
            assert room("columns").log_parts(x) == (a, b)


@pytest.mark.parametrize("rate", [5e-324, 1e-310, 1e-300, 1e-5, 0.9, 1.0, 14.7, 1e8, 1e15, 1e300])
def test_counts_near_and_far_from_any_rate(rate):
    counts = {0.0, 1.0, 2.0, 15.0, 16.0, 1e15, 1e15 + 3e7}
    counts |= {np.floor(rate * factor) for factor in (0.5, 0.7, 0.72, 0.999999, 1.0, 1.4, 1.42, 2.0)}
    ordered = sorted(counts)
    table = Poisson([rate]).log_likelihoods(ordered)
    with mpmath.workdps(700):
        for count, (got,) in zip(ordered, table, strict=True):
            exact = count * mpmath.log(mpmath.mpf(rate)) - mpmath.mpf(rate) - mpmath.loggamma(mpmath.mpf(count) + 1)
            assert_log_density(got, exact)


def test_a_count_of_nothing_has_a_log_of_plus_zero():
    """At rate 0, and where it is missing."""
    assert not np.signbit(Poisson([0.0]).log_likelihoods([0.0, NAN])).any()
    assert not np.signbit(Gaussian([0.0], [1.0]).log_likelihoods([NAN])).any()
    assert not np.signbit(Gaussian([[0.0]], [[[1.0]]]).log_likelihoods([[NAN], [NAN]])).any()


@pytest.mark.parametrize("scale", [1e-160, 1e-4, 1.0, 1e150])
@pytest.mark.parametrize("mean", [0.0, 1e8, -1e300])
def test_numbers_at_any_scale(mean, scale):
    variance = scale**2
    observations = [mean, mean + scale, mean - 3.7 * scale, 0.0, 1e8 + 1e-4, 1e20, -1e155]
    table = Gaussian([mean], [variance]).log_likelihoods(observations)
    with mpmath.workdps(oracle.DIGITS):
        for x, (got,) in zip(observations, table, strict=True):
            v = mpmath.mpf(variance)
            exact = -((mpmath.mpf(x) - mpmath.mpf(mean)) ** 2 / v + mpmath.log(2 * mpmath.pi * v)) / 2
            if exact < -np.finfo(float).max:
                assert got == -np.inf
            else:
                assert_log_density(got, exact)


def lacking(n_rows, n_dimensions, share=0.3):
    """Vectors that lack entries at random."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, n_dimensions))
    x[rng.random(x.shape) < share] = NAN
    return x


def covariances(n_states, n_dimensions):
    """Any, with correlations."""
    parts = np.random.default_rng(1).normal(size=(n_states, n_dimensions, n_dimensions))
    return parts @ parts.transpose(0, 2, 1) + 0.1 * np.eye(n_dimensions)


VECTORS = {
    "full": lambda means, matrices: Gaussian(means, matrices, kind="full"),
    "tied": lambda means, matrices: Gaussian(means, matrices[0], kind="tied"),
    "variances": lambda means, matrices: Gaussian(means, np.diagonal(matrices, axis1=1, axis2=2), kind="variances"),
}
of_each_kind = pytest.mark.parametrize("made", VECTORS.values(), ids=VECTORS)


@of_each_kind
@pytest.mark.parametrize("n_dimensions", [1, 3, 9, 20])
def test_vectors_that_lack_different_entries_are_each_marginalised(made, n_dimensions):
    x = lacking(12, n_dimensions)
    x[3] = NAN
    emission = made(np.linspace(-1.0, 1.0, 2 * n_dimensions).reshape(2, -1), covariances(2, n_dimensions))
    _, matrices = emission.moments()
    for vector, row in zip(x, emission.log_likelihoods(x), strict=True):
        seen = ~np.isnan(vector)
        for k in range(2):
            matrix = matrices[k][np.ix_(seen, seen)]
            exact = exact_joint_density(vector[seen], emission.mean[k, seen], matrix) if seen.any() else 0
            assert float(abs(row[k] - exact)) <= CONDITIONED * DENSITY_RTOL * max(1.0, abs(float(exact)))


CONDITIONED = 100  # how many times less certain a density may be for covariances that lie near singular ones


@of_each_kind
def test_a_vector_that_lacks_entries_counts_the_same_in_any_company(made):
    x = lacking(700, 5)
    emission = made(np.zeros((3, 5)), covariances(3, 5))
    table = emission.log_likelihoods(x)
    order = np.random.default_rng(2).permutation(len(x))
    assert np.array_equal(emission.log_likelihoods(x[order]), table[order])
    for t in range(0, len(x), 9):
        assert np.array_equal(emission.log_likelihoods(x[t : t + 1]), table[t : t + 1])


@pytest.mark.skipif(not COMPILED, reason="compares with machine code")
@pytest.mark.parametrize("n_rows", [1, 2, 63, 64, 65, 5000])
def test_blocks_of_any_length_have_the_bits_of_python(n_rows):
    counts, rate = np.random.default_rng(0).poisson(9.0, n_rows).astype(float), np.array([0.0, 3.0, 9.5])
    log_rate = Poisson(rate)._log_rate
    tables = np.empty((2, n_rows, 3))
    for table, kernels in zip(tables, (densities, room("densities")), strict=True):
        with np.errstate(all="ignore"):
            kernels.fill_poisson(counts, rate, log_rate, densities.room_for_counts(n_rows), table)
    assert np.array_equal(*tables)
    vectors = lacking(n_rows, 100, 0.0)
    for table, kernels in zip(tables, (densities, room("densities")), strict=True):
        spreads = np.ones((3, 3, 100))
        kernels.fill_independent(vectors, *spreads, densities.room_for_vectors(n_rows, 100), table)
    assert np.array_equal(*tables)


def test_a_covariance_whose_part_is_lost_to_rounding_is_refused():
    emission = Gaussian([[0.0, 0.0, 0.0]], [np.eye(3)])
    singular = np.eye(3)[None].copy()
    singular[0, 1, 0] = singular[0, 0, 1] = 1.0
    object.__setattr__(emission, "covariance", singular)
    vars(emission)["_matrices"] = (singular, np.eye(3)[None])
    assert np.isfinite(emission.log_likelihoods([[1.0, NAN, 2.0], [1.0, 2.0, 2.0]])).all()
    with pytest.raises(ValueError, match="positive definite by more than rounding where vectors lack entries"):
        emission.log_likelihoods([[1.0, 2.0, NAN], [1.0, NAN, 2.0]])


NUMBERS = [0, 1, 1.0, np.float64(1.0), np.int64(0), None, NAN, True, np.float32(1.0), Decimal(1), np.ma.masked, [1.0]]
QUICK = [
    Categorical([[0.5, 0.5], [1.0, 0.0]]),
    Categorical([[0.5, 0.5], [1.0, 0.0]], symbols=[0, 1]),
    Bernoulli([0.5, 0.1]),
    Poisson([0.0, 2.0]),
    Gaussian([0.0, 1.0], [1.0, 2.0]),
]


class Spy(hf.OnlineFilter):
    """A stream that shows the rows it makes of observations."""

    def row_of(self, observation):
        return self._row_of(observation)


def stream_of(emission):
    return Spy(np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.2, 0.8]]), emission=emission)


@pytest.mark.parametrize("emission", QUICK, ids=lambda emission: type(emission).__name__)
@pytest.mark.parametrize("observation", NUMBERS, ids=repr)
def test_a_single_number_has_the_row_that_it_has_in_a_list(emission, observation):
    row = stream_of(emission).row_of(observation)
    (expected,) = emission.log_likelihoods([observation])
    assert np.array_equal(row, expected)
    assert np.array_equal(np.signbit(row), np.signbit(expected))
    row[0] = 7.0  # the row is the stream's own
    assert np.array_equal(stream_of(emission).row_of(observation), expected)


@pytest.mark.parametrize("emission", QUICK, ids=lambda emission: type(emission).__name__)
@pytest.mark.parametrize("observation", [np.inf, -np.inf, "x", 10**400, 1j, (), np.datetime64(0, "s")], ids=repr)
def test_what_a_list_refuses_a_stream_refuses_too(emission, observation):
    with pytest.raises((TypeError, ValueError)) as in_a_list:
        emission.log_likelihoods([observation])
    with pytest.raises(in_a_list.type) as alone:
        stream_of(emission).observe(observation)
    assert str(alone.value) == str(in_a_list.value)


@pytest.mark.parametrize("emission", QUICK[:4], ids=lambda emission: type(emission).__name__)
@pytest.mark.parametrize("number", [-1, 0.5, -(2**70)])
def test_what_is_no_count_and_no_symbol(emission, number):
    with pytest.raises(ValueError, match=r"observations\[0\] must be") as in_a_list:
        emission.log_likelihoods([number])
    with pytest.raises(ValueError, match=r"observations\[0\] must be") as alone:
        stream_of(emission).observe(number)
    assert str(alone.value) == str(in_a_list.value)


@pytest.mark.parametrize("count", [2**53 + 1, 2**70, 1e300, 1.7e308])
def test_large_counts_alone(count):
    emission = Poisson([1.0, 1e18])
    assert np.array_equal(stream_of(emission).row_of(count), emission.log_likelihoods([count])[0])


@of_each_kind
@pytest.mark.parametrize(
    "vector",
    [
        [1.0, 2.0],
        (1, np.float64(2.0)),
        [1.0, None],
        [NAN, 2],
        [NAN, None],
        np.array([1.0, 2.0]),
        np.array([1, 2]),
        np.array([1.0, NAN], dtype=np.float32),
        np.array([1.0, 0.0, 2.0])[::2],
        np.ma.array([1.0, 2.0], mask=[False, True]),
        None,
        NAN,
    ],
    ids=repr,
)
def test_a_single_vector_has_the_row_that_it_has_in_a_list(made, vector):
    emission = made(np.array([[0.0, 1.0], [2.0, 3.0]]), covariances(2, 2))
    assert np.array_equal(stream_of(emission).row_of(vector), emission.log_likelihoods([vector])[0])


@of_each_kind
@pytest.mark.parametrize(
    "vector",
    [[1.0], [1.0, 2.0, 3.0], [1.0, np.inf], np.array([-np.inf, 1.0]), np.zeros((1, 2)), [1.0, "x"], 1.0],
    ids=repr,
)
def test_a_vector_that_a_list_refuses_a_stream_refuses_too(made, vector):
    emission = made(np.array([[0.0, 1.0], [2.0, 3.0]]), covariances(2, 2))
    with pytest.raises((TypeError, ValueError)) as in_a_list:
        emission.log_likelihoods([vector])
    with pytest.raises(in_a_list.type) as alone:
        stream_of(emission).observe(vector)
    assert str(alone.value) == str(in_a_list.value)


def test_who_inherits_an_emission_is_asked_for_its_own_log_likelihoods():
    class Doubled(Poisson):
        def log_likelihoods(self, observations):
            return 2.0 * super().log_likelihoods(observations)

    assert np.array_equal(stream_of(Doubled([1.0, 2.0])).row_of(3), Doubled([1.0, 2.0]).log_likelihoods([3])[0])


def test_an_array_is_read_and_never_written_to():
    x = np.array([0.5, 1.5])
    before = x.copy()
    assert np.array_equal(Gaussian([0.0], [1.0]).log_likelihoods(x), Gaussian([0.0], [1.0]).log_likelihoods(x.tolist()))
    assert np.array_equal(x, before)
    assert x.flags.writeable
