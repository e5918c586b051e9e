"""Student's t, of numbers and of vectors, against mpmath, and how it learns."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter._kernels import reals as plain
from hmmfilter._kernels.densities import room_for_joint
from hmmfilter.emissions import StudentT
from hmmfilter.emissions.gaussian_learning import by_pattern
from hmmfilter.emissions.learning import shown_by
from hmmfilter.emissions.scale_mixtures import log_ratio, slope_of_log_ratio
from tests.conftest import COMPILED
from tests.wing import room

FAMILIES = [StudentT([0.3, 1.5], [1.0, 2.0], [3.0, 3.5])]

DENSITY_ULPS = 4.0  # units in the last place of the largest term of a log-density, or of 1
SIDE_RTOL = 4e-15  # of the log of a side, plus 1
CONSTANT_RTOL = 2e-15
EPSILON = np.finfo(float).eps
MATRIX = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 3.0]])
NAN = np.nan


def exact_constant(n, df):
    """log Γ(½(ν + n)) − log Γ(½ν) − ½n log ½ν, and the first terms of its series where ν is large."""
    v = mpmath.mpf(df)
    if df > 1e30:
        return n * (n - 2) / (4 * v)
    return mpmath.loggamma((v + n) / 2) - mpmath.loggamma(v / 2) - mpmath.mpf(n) / 2 * mpmath.log(v / 2)


def exact_density(square, n, df, log_size):
    """Of n entries at a squared distance, and the largest of its terms."""
    v = mpmath.mpf(df)
    terms = [-mpmath.mpf(n) / 2 * mpmath.log(2 * mpmath.pi), -log_size / 2, -(v + n) / 2 * mpmath.log1p(square / v)]
    terms.append(exact_constant(n, df))
    return sum(terms), max(abs(each) for each in terms)


def assert_density(got, exact, largest):
    if exact < -np.finfo(float).max:
        assert got == -np.inf
    else:
        assert abs(mpmath.mpf(float(got)) - exact) <= DENSITY_ULPS * EPSILON * max(1, largest)


@pytest.mark.parametrize("n", [1, 3, 4, 7])
@pytest.mark.parametrize("df", [1e-3, 0.5, 2.5, 40.0, 1e8])
def test_constants_do_not_cancel(n, df):
    with mpmath.workdps(40):
        assert log_ratio(n, np.array([df]))[0] == pytest.approx(float(exact_constant(n, df)), rel=CONSTANT_RTOL)
        v = mpmath.mpf(df)
        slope = (mpmath.psi(0, (v + n) / 2) - mpmath.psi(0, v / 2) - n / v) / 2
        assert slope_of_log_ratio(n, np.array([df]))[0] == pytest.approx(float(slope), rel=CONSTANT_RTOL)


@pytest.mark.parametrize("df", [1e-3, 0.5, 3.0, 1e5, 1e300])
@pytest.mark.parametrize(("location", "scale"), [(0.0, 1.0), (3.0, 1e-300), (1e8, 1e-4), (-1e300, 1e5), (0.0, 1e300)])
def test_numbers_at_any_scale_and_of_any_tails(df, location, scale):
    x = [0.0, 1e-5, location, location + scale, location - 3 * scale, 30.0, 1e10, 1e160, -1e300, 1.7e308]
    with mpmath.workdps(400):
        for value, (got,) in zip(x, StudentT([location], [scale], [df]).log_likelihoods(x), strict=True):
            z = (mpmath.mpf(value) - mpmath.mpf(location)) / mpmath.mpf(scale)
            assert_density(got, *exact_density(z * z, 1, df, 2 * mpmath.log(mpmath.mpf(scale))))


@pytest.mark.parametrize("df", [1e-3, 5.0, 1e300])
def test_vectors_that_lack_entries_are_marginalised_at_any_distance(df):
    mean = np.array([0.1, 0.2, 0.3])
    x = np.array(
        [[1, 2, 3], [1, NAN, 3], [NAN, 5, NAN], [1e10, 0, 1], [1e200, -1e250, 1], [1e300, NAN, 0]], dtype=float
    )
    table = StudentT([mean], [MATRIX], [df]).log_likelihoods(x)
    with mpmath.workdps(400):
        for vector, (got,) in zip(x, table, strict=True):
            seen = ~np.isnan(vector)
            part = mpmath.matrix(MATRIX[np.ix_(seen, seen)].tolist())
            away = mpmath.matrix([mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(vector[seen], mean[seen], strict=True)])
            square = (away.T * mpmath.inverse(part) * away)[0]
            assert_density(got, *exact_density(square, int(seen.sum()), df, mpmath.log(mpmath.det(part))))
    assert not StudentT([mean], [MATRIX], [df]).log_likelihoods([[NAN] * 3]).any()


@pytest.mark.parametrize("df", [1e-3, 3.0, 1e10])
def test_tails_are_exact_however_heavy(df):
    z = np.array([0.0, 1.0, 40.0, 1e100])
    below, at, above = StudentT([0.0], [1.0], [df]).log_sides(z)
    turned_below, _, turned_above = StudentT([0.0], [1.0], [df]).log_sides(-z[1:])
    np.testing.assert_array_equal(turned_below, above[1:])
    np.testing.assert_array_equal(turned_above, below[1:])
    assert (at == -np.inf).all()
    with mpmath.workdps(30):
        v = mpmath.mpf(df)
        for value, (got,) in zip(z, above, strict=True):
            w = mpmath.asinh(mpmath.mpf(value) / mpmath.sqrt(v))

            def fallen(y, w=w):
                return mpmath.exp(-v * (mpmath.log(mpmath.cosh(w + y)) - mpmath.log(mpmath.cosh(w))))

            pace = 1 / (v * mpmath.tanh(w) + min(v, mpmath.sqrt(v)))
            points = sorted([0, *(pace * mpmath.mpf(2) ** j for j in range(-1, 8)), *((0.5, 2, 8) if df < 1 else ())])
            log = mpmath.loggamma((v + 1) / 2) - mpmath.loggamma(v / 2) - mpmath.log(mpmath.pi) / 2
            log += mpmath.log(mpmath.quad(fallen, points)) - v * mpmath.log(mpmath.cosh(w))
            assert abs(mpmath.mpf(float(got)) - log) <= SIDE_RTOL * (1 + abs(log))


def test_many_degrees_of_freedom_are_a_normal_distribution():
    x = [-30.0, -1.0, 0.5, 8.0]
    normal, student = hf.emissions.Gaussian([0.3], [4.0]), StudentT([0.3], [2.0], [1e300])
    np.testing.assert_allclose(student.log_likelihoods(x), normal.log_likelihoods(x), rtol=1e-15)
    for got, expected in zip(student.log_sides(x), normal.log_sides(x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_tails_are_there_beyond_where_squares_are():
    log_below, _, log_above = StudentT([0.0], [1.0], [3.0]).log_sides([1e150, 1e300])
    np.testing.assert_allclose(np.diff(log_above[:, 0]), 3 * np.log(1e-150), rtol=SIDE_RTOL)
    np.testing.assert_array_equal(log_below, 0.0)


def test_entries_of_vectors_have_sides_of_their_own():
    vectors = StudentT([[0.0, 1.0, 2.0]], [MATRIX], [3.0])
    sides = vectors.log_sides([[1.0, NAN, 5.0]])
    for d in (0, 2):
        alone = StudentT([float(d)], [np.sqrt(MATRIX[d, d])], [3.0]).log_sides([[1.0, NAN, 5.0][d]])
        for got, expected in zip(sides, alone, strict=True):
            assert got[0, d, 0] == expected[0, 0]
    assert np.isnan(sides[2][0, 1, 0])


def test_moments_are_those_that_there_are():
    mean, variance = StudentT([1.0] * 4, [2.0] * 4, [0.5, 1.5, 4.0, 1e300]).moments()
    np.testing.assert_array_equal(mean, [NAN, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(variance, [NAN, np.inf, 8.0, 4.0])
    mean, variance = StudentT(np.ones((2, 3)), [MATRIX, MATRIX], [1.0, 4.0]).moments()
    assert np.isnan(mean[0]).all()
    np.testing.assert_array_equal(variance[1], 2 * MATRIX)


def test_vectors_are_drawn_with_common_scales():
    emission = StudentT([[0.0, 1.0, 2.0]], [MATRIX], [3.0])
    x = emission.sample(np.zeros(3000, dtype=int), 0)
    for d in range(3):
        assert stats.kstest(x[:, d], stats.t(3.0, d, np.sqrt(MATRIX[d, d])).cdf).pvalue > 1e-3
    away = x - emission.location
    squares = np.einsum("td, de, te -> t", away, np.linalg.inv(MATRIX), away)
    assert stats.kstest(squares / 3, stats.f(3, 3.0).cdf).pvalue > 1e-3


def test_numbers_are_learnt_as_scipy_does():
    x = StudentT([1.0], [2.0], [3.0]).sample(np.zeros(300, dtype=int), 1)
    found = StudentT.guessed(x, np.ones((300, 1)))
    df, location, scale = stats.t.fit(x)
    assert found.log_likelihoods(x).sum() >= stats.t.logpdf(x, df, location, scale).sum()
    np.testing.assert_allclose([found.df[0], found.location[0], found.scale[0]], [df, location, scale], rtol=1e-3)


def test_normal_numbers_end_where_a_normal_distribution_is_as_probable():
    x = stats.norm.ppf((np.arange(50) + 0.5) / 50)
    found = StudentT.guessed(x, np.ones((50, 1)))
    normal = hf.emissions.Gaussian.guessed(x, np.ones((50, 1)))
    assert found.df[0] > 1e9
    assert found.log_likelihoods(x).sum() == pytest.approx(normal.log_likelihoods(x).sum(), rel=1e-13)
    assert found.scale[0] == pytest.approx(np.sqrt(normal.covariance[0]), rel=1e-7)
    vectors = np.column_stack([x, np.roll(x, 17)])
    of_vectors = StudentT.guessed(vectors, np.ones((50, 1)))
    assert of_vectors.df[0] > 1e9


VECTORS = StudentT([[0.0, 0.0], [4.0, 5.0]], [[[2.0, 0.5], [0.5, 1.0]], np.eye(2)], [3.0, 4.0])
STATES = np.repeat([0, 1], 60)


def vectors_with_gaps():
    x = VECTORS.sample(STATES, 2)
    x[::7, 1] = x[::11, 0] = NAN
    x[5] = NAN
    return x, np.random.default_rng(0).uniform(0.1, 1.0, (120, 2)) * np.eye(2)[STATES]


def height(emission, x, weights):
    return (weights * emission.log_likelihoods(x)).sum()


def test_vectors_that_lack_entries_are_learnt_to_the_top():
    x, weights = vectors_with_gaps()
    found = VECTORS.estimated(x, weights)
    score = found._score(shown_by(found, found._observed(x), weights))
    assert all((np.abs(slope) < 1e-4).all() for slope in score.values())
    top = height(found, x, weights)
    for n in range(found._natural().size):
        for step in (-1e-3, 1e-3):
            moved = found._natural()
            moved[n] += step
            near = found._of_natural(moved)
            assert near is None or height(near, x, weights) < top
    guessed = StudentT.guessed(x, weights)
    np.testing.assert_allclose(guessed._natural(), found._natural(), rtol=1e-4, atol=1e-4)


def test_slopes_of_vectors_are_those_of_the_height():
    x, weights = vectors_with_gaps()
    score = VECTORS._score(shown_by(VECTORS, VECTORS._observed(x), weights))
    for name, index in (("location", (0, 1)), ("scale", (0, 0, 0)), ("scale", (0, 1, 0)), ("df", (1,))):
        ends = []
        for sign in (1, -1):
            values = {each: array.copy() for each, array in VECTORS._parameters().items()}
            values[name][index] += sign * 1e-5
            if name == "scale" and index[1] != index[2]:
                values[name][0, 0, 1] += sign * 1e-5
            ends.append(height(VECTORS._with(values), x, weights))
        assert score[name][index] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-6)


def test_vectors_keep_what_is_held_and_share_what_is_tied():
    x, weights = vectors_with_gaps()
    groups = {
        "location": np.array([[-1, 0], [1, 2]]),
        "scale": np.array([[[0, 1], [1, 2]]] * 2),
        "df": np.array([0, 0]),
    }
    start = VECTORS._with({**VECTORS._parameters(), "scale": np.array([np.eye(2)] * 2), "df": np.full(2, 3.0)})
    found = start._maximised(shown_by(start, start._observed(x), weights), None, groups)
    assert found.location[0, 0] == VECTORS.location[0, 0]
    np.testing.assert_array_equal(found.scale[0], found.scale[1])
    assert found.df[0] == found.df[1]
    assert height(found, x, weights) > height(start, x, weights)


def test_cycles_end_where_they_are_told_to(monkeypatch):
    x, weights = vectors_with_gaps()
    heights = []
    for n in (1, 2, 3):
        monkeypatch.setattr("hmmfilter.emissions.scale_mixtures.MOST_CYCLES", n)
        heights.append(height(VECTORS.estimated(x, weights), x, weights))
    assert height(VECTORS, x, weights) < heights[0] < heights[1] < heights[2]


def test_a_fit_of_vectors_never_falls_and_knows_its_errors():
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], VECTORS)
    _, x = truth.simulate(60, rng=0)
    fitted = truth.fit(x, max_iterations=10)
    assert fitted.log_likelihood > truth.log_likelihood(x)
    assert (np.diff(fitted.history) >= -1e-10).all()
    assert fitted.model.emission.n_parameters == 12
    assert "df" in repr(fitted.model)
    row = truth.online().observe(x[0].tolist())
    np.testing.assert_array_equal(row, truth.filter(x).log_probabilities[0])


def test_a_step_that_slopes_do_not_foresee_is_not_the_last():
    """Degrees of freedom go from 38 to 8e13, where the slope, before locations moved, said to lower them."""
    truth = hf.HMM(
        [0.5, 0.5],
        [[0.8, 0.2], [0.3, 0.7]],
        StudentT([[0.0, 1.0], [2.0, 3.0]], [[[1.0, 0.3], [0.3, 2.0]], [[2.0, 0.0], [0.0, 1.0]]], [4.0, 7.0]),
    )
    _, x = truth.simulate(37, rng=0)
    assert truth.fit(x, max_iterations=8).n_iterations == 8


def test_vectors_of_a_line_have_no_bound():
    line = np.random.default_rng(0).normal(size=(30, 1)) * [1.0, 2.0]
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses"):
        StudentT([[0.0, 0.0]], [np.eye(2)], [5.0]).estimated(line, np.ones((30, 1)))


def test_models_of_vectors_are_guessed_and_kept_as_json(tmp_path):
    x = VECTORS.sample(STATES, 0)
    model = hf.guess(StudentT, 2, x)
    np.testing.assert_allclose(np.sort(model.emission.location[:, 0]), [0.0, 4.0], atol=0.5)
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json") == model


def test_steps_to_no_matrix_lead_nowhere():
    vector = VECTORS._natural()
    vector[4] = -1.0
    assert VECTORS._of_natural(vector) is None
    np.testing.assert_allclose(VECTORS._of_natural(VECTORS._natural()).df, VECTORS.df, rtol=1e-15)


def test_what_is_no_scale_is_refused():
    with pytest.raises(ValueError, match=r"scale 0 must be positive definite"):
        StudentT([[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]], [1.0])
    with pytest.raises(ValueError, match=r"df\[0\] must be above 0"):
        StudentT([0.0], [1.0], [0.0])
    with pytest.raises(ValueError, match="observations must have shape"):
        VECTORS.log_likelihoods([1.0, 2.0])


@pytest.mark.skipif(not COMPILED, reason="compares with machine code")
def test_vectors_with_heavy_tails_have_the_bits_of_python():
    x = np.random.default_rng(0).standard_cauchy((200, 3))
    x[::5, 1] = x[::3, 0] = NAN
    emission = StudentT(np.zeros((2, 3)), [MATRIX, np.eye(3)], [3.0, 0.1])
    tables = np.empty((2, 200, 2))
    for table, kernels in zip(tables, (plain, room("reals")), strict=True):
        with np.errstate(all="ignore"):
            parameters = emission.location, *emission._matrices, emission._tails
            kernels.fill_student_vectors(x, *by_pattern(x), *parameters, room_for_joint(*x.shape), table)
    np.testing.assert_array_equal(*tables)
