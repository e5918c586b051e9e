"""Emissions: exact densities against mpmath, missing observations, sampling."""

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson
from tests import oracle

DENSITY_RTOL = 1e-14  # of a log-density, relative to itself or to 1


def assert_log_density(got, exact):
    assert float(abs(mpmath.mpf(float(got)) - exact)) <= DENSITY_RTOL * max(1.0, abs(float(exact)))


@pytest.mark.parametrize("rate", [1e-300, 1e-5, 0.3, 1.0, 13.146, 1e3, 1e6, 3.3e9])
def test_poisson_is_exact(rate):
    counts = sorted(
        {0, 1, 2, 7, 15, 16, 17, 100, 10**6, 10**6 + 3000, int(rate), int(rate * 1.2), int(rate * 1.3) + 1, 10**12}
    )
    table = Poisson([rate]).log_likelihoods(counts)
    with mpmath.workdps(oracle.DIGITS):
        for count, (got,) in zip(counts, table, strict=True):
            exact = count * mpmath.log(mpmath.mpf(rate)) - mpmath.mpf(rate) - mpmath.loggamma(count + 1)
            assert_log_density(got, exact)


BEYOND = 1.7e308  # so that a sum with itself does not fit into a double


@pytest.mark.parametrize("rate", [1e-300, 1.0, 1e200, 1.5e308, 1.6e308, BEYOND])
@pytest.mark.parametrize("count", [9e307, 1.2e308, BEYOND])
def test_poisson_at_the_end_of_the_doubles(count, rate):
    ((got,),) = Poisson([rate]).log_likelihoods([count])
    with mpmath.workdps(700):
        exact = count * mpmath.log(mpmath.mpf(rate)) - mpmath.mpf(rate) - mpmath.loggamma(mpmath.mpf(count) + 1)
        if exact < -np.finfo(float).max:
            assert got == -np.inf
        else:
            assert_log_density(got, exact)


def test_poisson_of_rate_zero():
    assert Poisson([0.0]).log_likelihoods([0, 1, None]).tolist() == [[0.0], [-np.inf], [0.0]]


def test_gaussian_is_exact_in_its_tails():
    mean, variance = [0.5, -3.0], [0.04, 9.0]
    observations = [0.5, 0.7, 2000.5, -1e6, 1e100]
    table = Gaussian(mean, variance).log_likelihoods(observations)
    assert np.isfinite(table).all()
    with mpmath.workdps(oracle.DIGITS):
        for x, row in zip(observations, table, strict=True):
            for k in range(2):
                m, v = mpmath.mpf(mean[k]), mpmath.mpf(variance[k])
                assert_log_density(row[k], -(((mpmath.mpf(x) - m) ** 2) / v + mpmath.log(2 * mpmath.pi * v)) / 2)


def exact_joint_density(x, mean, covariance):
    with mpmath.workdps(oracle.DIGITS):
        d = mpmath.matrix(x.tolist()) - mpmath.matrix(mean.tolist())
        c = mpmath.matrix(covariance.tolist())
        square = (d.T * mpmath.inverse(c) * d)[0]
        return -(square + mpmath.log(mpmath.det(c)) + len(x) * mpmath.log(2 * mpmath.pi)) / 2


MEAN = np.array([[0.0, 1.0, -2.0], [3.0, 3.0, 3.0]])
FULL = np.array([[[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 0.7]], np.diag([4.0, 5.0, 6.0])])
NAN = np.nan

# A Gaussian of each kind, and the covariance matrices that it stands for.
KINDS = {
    "full": (Gaussian(MEAN, FULL), FULL),
    "variances": (
        Gaussian(MEAN, [[2.0, 1.0, 0.7], [4.0, 5.0, 6.0]]),
        np.array([np.diag([2.0, 1.0, 0.7]), np.diag([4.0, 5.0, 6.0])]),
    ),
    "tied": (Gaussian(MEAN, FULL[0]), FULL[[0, 0]]),
    "spherical": (Gaussian(MEAN, [0.3, 7.0]), np.array([np.diag([0.3] * 3), np.diag([7.0] * 3)])),
    "square variances": (
        Gaussian(MEAN[:, :2], [[2.0, 0.5], [0.5, 1.0]], kind="variances"),
        np.array([np.diag([2.0, 0.5]), np.diag([0.5, 1.0])]),
    ),
    "square tied": (Gaussian(MEAN[:, :2], [[2.0, 0.5], [0.5, 1.0]], kind="tied"), FULL[[0, 0], :2, :2]),
}
of_each_kind = pytest.mark.parametrize(("emission", "matrices"), KINDS.values(), ids=KINDS)


@of_each_kind
@pytest.mark.parametrize("x", [[0.1, 0.2, 0.3], [1e4, -1e4, 1e4], [NAN, 0.2, 0.3], [0.1, NAN, NAN], [NAN, NAN, 3.0]])
def test_vectors_are_marginalised_over_their_missing_entries(emission, matrices, x):
    x = np.array(x)[[0, 1, 2] if emission.n_dimensions == 3 else [0, 2]]
    seen = ~np.isnan(x)
    (row,) = emission.log_likelihoods([x])
    for k in range(2):
        exact = exact_joint_density(x[seen], emission.mean[k, seen], matrices[k][np.ix_(seen, seen)])
        assert_log_density(row[k], exact)
        stated = stats.multivariate_normal.logpdf(x[seen], emission.mean[k, seen], matrices[k][np.ix_(seen, seen)])
        np.testing.assert_allclose(row[k], stated, rtol=1e-12)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (Gaussian([0.5, -3.0], 9.0, kind="tied"), Gaussian([0.5, -3.0], [9.0, 9.0])),
        (Gaussian([0.5, -3.0], [4.0, 9.0], kind="spherical"), Gaussian([0.5, -3.0], [4.0, 9.0])),
        (Gaussian(MEAN, FULL[0], kind="tied"), Gaussian(MEAN, FULL[[0, 0]])),
        (Gaussian(MEAN, [2.0, 3.0], kind="spherical"), Gaussian(MEAN, [[2.0] * 3, [3.0] * 3])),
    ],
)
def test_one_model_said_in_two_ways_gives_the_same_bits(one, same):
    states = np.tile(np.arange(one.n_states), 20)
    x = same.sample(states, np.random.default_rng(0))
    assert np.array_equal(one.sample(states, np.random.default_rng(0)), x)
    assert np.array_equal(one.log_likelihoods(x), same.log_likelihoods(x))
    for got, expected in zip(one.moments(), same.moments(), strict=True):
        assert np.array_equal(got, expected)


def test_the_shape_tells_the_kind_where_it_can():
    assert [Gaussian(MEAN, covariance).kind for covariance in (np.ones((2, 3)), FULL, FULL[0], [1.0, 2.0])] == [
        "variances",
        "full",
        "tied",
        "spherical",
    ]
    assert [Gaussian([0.0, 1.0], covariance).kind for covariance in ([1.0, 2.0], 3.0)] == ["variances", "tied"]
    assert Gaussian([[0.0]], [[4.0]]).kind == "variances"  # which of a single number means the same as tied


@pytest.mark.parametrize("covariance", [FULL, np.ones((2, 3))], ids=["full", "diagonal"])
@pytest.mark.parametrize(
    "missing",
    [
        [[1, 2, 3], [None, None, None]],
        [[1, 2, 3], None],
        np.array([[1, 2, 3], [NAN] * 3]),
        np.ma.array([[1, 2, 3], [9, 9, 9]], mask=[[0, 0, 0], [1, 1, 1]]),
        [[1, 2, 3], np.ma.array([9, 9, 9], mask=[1, 1, 1])],
        np.array([[1, 2, 3], [None] * 3], dtype=object),
    ],
    ids=["None each", "None", "NaN", "masked", "masked row", "objects"],
)
def test_a_missing_vector_is_no_evidence(covariance, missing):
    table = Gaussian(MEAN, covariance).log_likelihoods(missing)
    assert table[1].tolist() == [0.0, 0.0]
    assert np.array_equal(table[:1], Gaussian(MEAN, covariance).log_likelihoods([[1, 2, 3]]))


@pytest.mark.parametrize(
    "emission",
    [
        Categorical([[0.5, 0.5], [1.0, 0.0]]),
        Bernoulli([0.5, 0.0]),
        Poisson([1.0, 2.0]),
        Gaussian([0.0, 1.0], [1.0, 2.0]),
        FromScipy([stats.norm(), stats.t(3)]),
        FromScipy([stats.poisson(1.0), stats.nbinom(3, 0.5)]),
    ],
    ids=lambda emission: type(emission).__name__,
)
@pytest.mark.parametrize(
    "observations",
    [
        [1, None, 0],
        [1.0, NAN, 0.0],
        np.array([1, None, 0], dtype=object),
        [True, None, False],
        [np.bool_(True), None, np.float32(0)],
        np.ma.array([1, 7, 0], mask=[0, 1, 0]),
        (1, None, 0),
        [1, np.ma.masked, 0],
    ],
    ids=["None", "NaN", "object", "bool", "scalars", "masked", "tuple", "one masked"],
)
def test_a_missing_observation_is_no_evidence(emission, observations):
    table = emission.log_likelihoods(observations)
    assert table[1].tolist() == [0.0, 0.0]
    assert np.array_equal(table[[0, 2]], emission.log_likelihoods([1, 0]))
    assert table.dtype == np.float64


def test_beyond_the_largest_double_a_log_density_is_minus_infinity():
    assert Gaussian([0.0], [1.0]).log_likelihoods([1e160]).tolist() == [[-np.inf]]
    squeezed = Gaussian([[0.0, 0.0]], [[[1e-300, 0.0], [0.0, 1.0]]])
    assert squeezed.log_likelihoods([[1e200, 1e200]]).tolist() == [[-np.inf]]
    assert np.isfinite(Poisson([1.0, 1e300]).log_likelihoods([1, 10.0**200])).all()


@pytest.mark.parametrize(
    "emission",
    [
        Categorical(np.full((2, 40), 1 / 40)),
        Poisson([13.1, 29.7]),
        Gaussian([0.3, 9.7], [1.1, 2.3]),
        *(emission for emission, _ in KINDS.values()),
        Gaussian(np.zeros((1, 12)), np.linspace(1.0, 3.0, 12)[None]),
        Gaussian(np.zeros((1, 12)), np.full((1, 12, 12), 0.3) + 0.7 * np.eye(12)),
        FromScipy([stats.gamma(3.1), stats.t(3)]),
    ],
    ids=["Categorical", "Poisson", "Gaussian", *KINDS, "twelve diagonal", "twelve full", "FromScipy"],
)
def test_an_observation_counts_the_same_in_any_company(emission):
    shape = (500,) if emission.n_dimensions is None else (500, emission.n_dimensions)
    x = np.random.default_rng(0).poisson(9, shape)
    table = emission.log_likelihoods(x)
    for t in range(len(x)):
        assert np.array_equal(emission.log_likelihoods(x[t : t + 1]), table[t : t + 1])
    assert np.array_equal(emission.log_likelihoods(np.asfortranarray(x.astype(float))), table)  # as pandas has columns


def test_a_covariance_may_be_symmetric_to_rounding_only():
    tilted = FULL.copy()
    tilted[0, 0, 1] += 1e-16
    tilted[0, 0, 1] = np.nextafter(tilted[0, 0, 1], 1)
    x = [[0.1, 0.2, 0.3]]
    assert np.array_equal(Gaussian(MEAN, tilted).log_likelihoods(x), Gaussian(MEAN, FULL).log_likelihoods(x))


def test_categories_and_coins():
    with np.errstate(divide="ignore"):
        categorical = Categorical([[0.2, 0.8], [1.0, 0.0]]).log_likelihoods([1, 0])
        assert np.array_equal(categorical, np.log([[0.8, 0.0], [0.2, 1.0]]))
        coin = Bernoulli([1e-20, 1.0]).log_likelihoods([0, 1])
        assert np.array_equal(coin, [[-1e-20, -np.inf], [np.log(1e-20), 0.0]])


def test_scipy_distributions_speak_for_themselves():
    table = FromScipy([stats.gamma(a=2.0, scale=3.0), stats.norm(1.0)]).log_likelihoods([0.5, 4.0])
    expected = np.stack([stats.gamma.logpdf([0.5, 4.0], 2.0, scale=3.0), stats.norm.logpdf([0.5, 4.0], 1.0)], axis=1)
    assert np.array_equal(table, expected)


SAMPLES = 40_000
SIGMAS = 5  # a mean of a sample may be this many standard errors off

MOMENTS = [
    (Bernoulli([0.3, 1.0]), [0.3, 1.0], [0.21, 0.0]),
    (Poisson([2.0, 0.0]), [2.0, 0.0], [2.0, 0.0]),
    (Gaussian([1.0, -5.0], [4.0, 0.01]), [1.0, -5.0], [4.0, 0.01]),
    (FromScipy([stats.gamma(2.0), stats.norm(7.0)]), [2.0, 7.0], [2.0, 1.0]),
]


@pytest.mark.parametrize(
    ("emission", "mean", "variance"), MOMENTS, ids=["Bernoulli", "Poisson", "Gaussian", "FromScipy"]
)
def test_moments(emission, mean, variance):
    for got, expected in zip(emission.moments(), (mean, variance), strict=True):
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, expected, rtol=1e-15)


@of_each_kind
def test_moments_of_vectors(emission, matrices):
    mean, covariances = emission.moments()
    assert np.array_equal(mean, emission.mean)
    assert np.array_equal(covariances, matrices)


def test_moments_that_do_not_exist():
    mean, variance = FromScipy([stats.cauchy(), stats.levy(), stats.t(2)]).moments()
    assert np.array_equal(mean, [NAN, np.inf, 0.0], equal_nan=True)
    assert np.array_equal(variance, [NAN, np.inf, np.inf], equal_nan=True)


def test_dimensions():
    for emission, _, _ in MOMENTS:
        assert emission.n_dimensions is None
    assert Categorical([[1.0]]).n_dimensions is None
    assert Gaussian(MEAN, FULL).n_dimensions == Gaussian(MEAN, np.ones((2, 3))).n_dimensions == 3


@pytest.mark.parametrize(
    ("emission", "mean", "variance"),
    [(Categorical([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]), [1.3, 1.0], [0.61, 0.0]), *MOMENTS],
    ids=["Categorical", "Bernoulli", "Poisson", "Gaussian", "FromScipy"],
)
def test_samples_have_the_mean_of_their_state(emission, mean, variance):
    states = np.tile([0, 1], SAMPLES)
    drawn = emission.sample(states, np.random.default_rng(0))
    assert np.array_equal(drawn, emission.sample(states.tolist(), np.random.default_rng(0)))
    assert len(drawn) == len(states)
    for k in range(2):
        standard_error = np.sqrt(variance[k] / SAMPLES)
        assert abs(drawn[states == k].mean() - mean[k]) <= SIGMAS * standard_error
    assert np.isfinite(emission.log_likelihoods(drawn)[np.arange(len(states)), states]).all()


@of_each_kind
def test_sampled_vectors_have_the_covariance_of_their_state(emission, matrices):
    states = np.tile([0, 1], SAMPLES)
    drawn = emission.sample(states, np.random.default_rng(0))
    for k in range(2):
        np.testing.assert_allclose(np.cov(drawn[states == k].T), matrices[k], rtol=0, atol=0.2)
        np.testing.assert_allclose(drawn[states == k].mean(axis=0), emission.mean[k], rtol=0, atol=0.1)


@pytest.mark.parametrize(
    "emission",
    [
        Categorical([[0.5, 0.5]] * 2),
        Bernoulli([0.5, 0.5]),
        Poisson([9.0, 9.0]),
        Gaussian([0.0, 0.0], [1.0, 1.0]),
        Gaussian(MEAN, FULL),
        FromScipy([stats.norm(), stats.norm()]),
        FromScipy([stats.poisson(9.0), stats.poisson(9.0)]),
    ],
    ids=lambda emission: type(emission).__name__,
)
def test_a_seed_is_as_good_as_a_generator(emission):
    states = np.repeat([0, 1], 100)
    drawn = emission.sample(states, 7)
    assert np.array_equal(drawn, emission.sample(states, np.random.default_rng(7)))
    assert not np.array_equal(drawn[:100], drawn[100:])
    assert not np.array_equal(emission.sample(states), emission.sample(states, None))
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, a seed from 0 up, or None, got 'x'"):
        emission.sample(states, "x")


def test_emissions_are_frozen():
    emission = Poisson([1.0])
    with pytest.raises(AttributeError):
        emission.rate = 3
    with pytest.raises(ValueError, match="read-only"):
        emission.rate[0] = 3
    mine = np.array([1.0])
    copied = Poisson(mine)
    mine[0] = 5
    assert copied.rate[0] == 1


def test_reachable_without_a_further_import():
    assert hf.emissions.Poisson is Poisson
