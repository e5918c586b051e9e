"""Priors: their densities are those of SciPy, they compare and print, and refuse what fits no model."""

import pickle

import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf

RTOL = 1e-12  # of log-densities: those of SciPy are no better


def test_dirichlet_is_that_of_scipy():
    rng = np.random.default_rng(1)
    for n_entries in (1, 2, 5):
        concentrations = 1 + rng.gamma(2.0, size=(3, n_entries))
        rows = rng.dirichlet(np.ones(n_entries), size=3)
        expected = sum(stats.dirichlet.logpdf(row, numbers) for row, numbers in zip(rows, concentrations, strict=True))
        found = hf.priors.Dirichlet(concentrations).log_density(rows)
        assert found == pytest.approx(expected, rel=RTOL, abs=RTOL)


def test_one_concentration_stands_for_many():
    row = np.array([0.2, 0.3, 0.5])
    for concentration in (2.0, [2.0] * 3, [[2.0] * 3]):
        assert hf.priors.Dirichlet(concentration).log_density(row[None]) == pytest.approx(
            stats.dirichlet.logpdf(row, [2.0] * 3), rel=RTOL
        )


def test_dirichlet_is_over_the_shares_of_what_held_entries_leave():
    prior = hf.priors.Dirichlet([2.0, 3.0, 4.0, 9.0])
    expected = stats.dirichlet.logpdf([0.25, 0.75], [2.0, 4.0])
    found = prior.log_density([[0.1, 0.6, 0.3, 0.0]], [[True, False, True, False]])
    assert found == pytest.approx(expected, rel=RTOL)
    assert prior.log_density([[0.1, 0.6, 0.3, 0.0]], [[False] * 4]) == 0.0


def test_a_zero_has_a_density_where_the_concentration_is_one():
    assert hf.priors.Dirichlet(1.0).log_density([0.0, 1.0]) == 0.0
    assert hf.priors.Dirichlet(2.0).log_density([0.0, 1.0]) == -np.inf
    assert hf.priors.Dirichlet(2.0).log_density([0.0, 0.5, 0.5], [False, True, True]) == pytest.approx(
        stats.dirichlet.logpdf([0.5, 0.5], [2.0, 2.0]), rel=RTOL
    )


def test_sticky_has_more_on_the_diagonal():
    transition = np.array([[0.7, 0.3], [0.1, 0.9]])
    expected = stats.dirichlet.logpdf(transition[0], [6.5, 1.5]) + stats.dirichlet.logpdf(transition[1], [1.5, 6.5])
    assert hf.priors.sticky(1.5, 5.0).log_density(transition) == pytest.approx(expected, rel=RTOL)
    assert hf.priors.sticky(1.5, 5.0)._added((2, 2)).tolist() == [[5.5, 0.5], [0.5, 5.5]]


def test_gamma_is_that_of_scipy():
    rates = np.array([0.5, 3.0, 1e3])
    expected = stats.gamma.logpdf(rates, [1.0, 2.0, 30.0], scale=1 / np.array([2.0, 1.0, 0.01])).sum()
    prior = hf.priors.Gamma([1.0, 2.0, 30.0], [2.0, 1.0, 0.01])
    assert prior.log_density(rates) == pytest.approx(expected, rel=RTOL)
    assert hf.priors.Gamma(2.0, 0.5).log_density(rates, [True, False, False]) == pytest.approx(
        stats.gamma.logpdf(0.5, 2.0, scale=2.0), rel=RTOL
    )
    assert hf.priors.Gamma(2.0, 0.5).log_density([0.0]) == -np.inf
    assert hf.priors.Gamma(1.0, 0.5).log_density([0.0]) == np.log(0.5)


def of_scipy(mean, covariance, at, kappa, df, scale):
    return stats.multivariate_normal.logpdf(mean, at, covariance / kappa) + stats.invwishart.logpdf(
        covariance, df, scale
    )


def test_normal_inverse_wishart_is_that_of_scipy():
    rng = np.random.default_rng(2)
    for n in (2, 3):
        covariances = stats.invwishart.rvs(n + 4, np.eye(n), size=4, random_state=rng)
        means, scales = rng.normal(size=(4, n)), stats.invwishart.rvs(n + 4, np.eye(n), size=4, random_state=rng)
        scales = (scales + scales.swapaxes(1, 2)) / 2
        at, kappa, df = rng.normal(size=(4, n)), rng.gamma(2.0, size=4), n + rng.gamma(2.0, size=4)
        expected = sum(map(of_scipy, means, covariances, at, kappa, df, scales))
        found = hf.priors.NormalInverseWishart(at, kappa, df, scales).log_density(means, covariances)
        assert found == pytest.approx(expected, rel=RTOL)
        expected = sum(of_scipy(m, c, at[0], 2.0, n + 1.0, scales[0]) for m, c in zip(means, covariances, strict=True))
        one = hf.priors.NormalInverseWishart(at[0], 2.0, n + 1.0, scales[0])
        assert one.log_density(means, covariances) == pytest.approx(expected, rel=RTOL)


def test_normal_inverse_wishart_of_numbers():
    prior = hf.priors.NormalInverseWishart(1.0, 0.5, 2.5, 3.0)
    expected = sum(
        stats.norm.logpdf(m, 1.0, np.sqrt(v / 0.5)) + stats.invgamma.logpdf(v, 1.25, scale=1.5)
        for m, v in [(0.0, 1.0), (2.0, 5.0)]
    )
    assert prior.log_density([0.0, 2.0], [1.0, 5.0]) == pytest.approx(expected, rel=RTOL)


STEP = 1e-6  # of central differences, whose errors are then some 1e-9


@pytest.mark.parametrize(
    ("prior", "at"),
    [
        (hf.priors.Dirichlet([[2.0, 1.0, 3.5]]), [[0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]),
        (hf.priors.sticky(1.5, 3.0), [[0.2, 0.8], [0.5, 0.5]]),
        (hf.priors.Gamma([1.0, 3.0], 0.5), [2.0, 0.7]),
    ],
)
def test_scores_are_derivatives(prior, at):
    at = np.array(at)
    is_free = np.ones(at.shape, dtype=bool)
    score = prior._score(at, is_free)
    for index in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[index] = STEP
        slope = (prior.log_density(at + step) - prior.log_density(at - step)) / (2 * STEP)
        assert score[index] == pytest.approx(slope, rel=1e-7, abs=1e-7)
    assert not prior._score(at, ~is_free).any()


def test_the_score_at_zero():
    """Finite where the density is: a concentration, or a shape, of 1."""
    free = np.array([True, True])
    assert hf.priors.Dirichlet(1.0)._score(np.array([0.0, 1.0]), free).tolist() == [0.0, 0.0]
    assert hf.priors.Gamma(1.0, 2.0)._score(np.array([0.0, 1.0]), free).tolist() == [-2.0, -2.0]


ALL = [
    hf.priors.Dirichlet(2.0),
    hf.priors.Dirichlet([2.0, 1.0]),
    hf.priors.sticky(1.0, 5.0),
    hf.priors.Gamma(2.0, [1.0, 3.0]),
    hf.priors.NormalInverseWishart([0.0, 1.0], 1.0, 4.0, [[2.0, 0.5], [0.5, 1.0]]),
    hf.Prior(),
    hf.Prior(hf.priors.Dirichlet(2.0), hf.priors.sticky(1.0, 5.0), hf.priors.Gamma(2.0, 1.0)),
]


@pytest.mark.parametrize("prior", ALL, ids=repr)
def test_priors_are_values(prior):
    """Equal where their numbers are, keys of dictionaries, frozen, and printed as they are written."""
    assert [other == prior for other in ALL].count(True) == 1
    names = vars(hf.priors) | {"Prior": hf.Prior}
    for copy in (pickle.loads(pickle.dumps(prior)), eval(repr(prior), names)):
        assert copy == prior
        assert hash(copy) == hash(prior)
    with pytest.raises(AttributeError):
        prior.concentration = 1.0


REFUSED = [
    (lambda: hf.priors.Dirichlet([2.0, 0.5]), "concentration[1] must be at least 1 (below it the density is infinite"),
    (lambda: hf.priors.Dirichlet(np.nan), "concentration must be finite, got nan"),
    (lambda: hf.priors.Dirichlet(np.ones((2, 2, 2))), "concentration must be a number, (M,) or (K, M), got shape"),
    (lambda: hf.priors.Dirichlet([]), "concentration must be a number, (M,) or (K, M), got shape (0,)"),
    (lambda: hf.priors.sticky(0.9, 1.0), "concentration must be at least 1"),
    (lambda: hf.priors.sticky(1.0, -1.0), "extra must be at least 0, got -1.0"),
    (lambda: hf.priors.sticky(1.0, [1.0, 2.0]), "extra must have shape ()"),
    (lambda: hf.priors.Gamma(0.5, 1.0), "shape must be at least 1"),
    (lambda: hf.priors.Gamma(1.0, [1.0, 0.0]), "rate[1] must be above 0, got 0.0"),
    (lambda: hf.priors.Gamma([[1.0]], 1.0), "shape must be a number or (K,), got shape (1, 1)"),
    (lambda: hf.priors.NormalInverseWishart(0.0, 0.0, 3.0, 1.0), "kappa must be above 0, got 0.0"),
    (lambda: hf.priors.NormalInverseWishart(0.0, 1.0, 1.0, np.eye(2)), "df must be above 1, got 1.0"),
    (lambda: hf.priors.NormalInverseWishart(0.0, 1.0, 1.0, [1.0, 0.0]), "scale[1] must be above 0, got 0.0"),
    (lambda: hf.priors.NormalInverseWishart(0.0, 1.0, 5.0, [[1.0, 2.0], [2.0, 1.0]]), "scale must hold symmetric, pos"),
    (lambda: hf.priors.NormalInverseWishart(0.0, 1.0, 5.0, [[1.0, 2.0]]), "scale must hold symmetric, positive defin"),
    (lambda: hf.priors.NormalInverseWishart(np.zeros((1, 1, 1)), 1.0, 5.0, 1.0), "mean must be a number, (D,) or (K"),
    (lambda: hf.Prior(initial=2.0), "the prior of initial must be a Dirichlet of hmmfilter.priors, got 2.0"),
    (lambda: hf.Prior(transition=hf.priors.Gamma(2.0, 1.0)), "the prior of transition must be a Dirichlet of"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_what_is_no_prior_is_refused(make, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert words in str(caught.value)


MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (hf.Prior(initial=hf.priors.Dirichlet([1.0] * 3)), "the prior of initial must fit a parameter of shape (2,), "),
        (hf.Prior(initial=hf.priors.sticky(1.0, 1.0)), "the prior of initial must have nothing extra on a diagonal"),
        (hf.Prior(transition=hf.priors.Dirichlet([[1.0, 1.0]] * 3)), "of transition must fit a parameter of shape (2,"),
        (hf.Prior(initial=hf.priors.Dirichlet([[1.0, 1.0]])), "of shape (2,), got shape (1, 2)"),
    ],
)
def test_a_prior_of_another_shape_is_refused(prior, words):
    with pytest.raises(ValueError, match="must") as caught:
        prior._admitted_by(MODEL)
    assert words in str(caught.value)


def test_a_prior_that_fits_is_admitted():
    hf.Prior(hf.priors.Dirichlet([1.0, 2.0]), hf.priors.sticky([1.0, 2.0], 3.0))._admitted_by(MODEL)
    hf.Prior()._admitted_by(MODEL)


@pytest.mark.parametrize(
    ("prior", "given", "words"),
    [
        (hf.priors.Dirichlet(1.0), [0.5], r"probabilities must have shape \(M,\) or \(K, M\), got \(\)"),
        (hf.priors.Dirichlet(1.0), [[]], r"probabilities must have shape \(M,\) or \(K, M\), got \(0,\)"),
        (hf.priors.Dirichlet([1.0] * 3), [[0.5, 0.5]], r"probabilities must fit .* shape \(3,\), got shape \(2,\)"),
        (hf.priors.sticky(1.0, 2.0), [[0.5, 0.5]], r"probabilities must fit .* shape \(2, 2\), got shape \(2,\)"),
        (hf.priors.Dirichlet(1.0), [[0.5, 0.5], [True]], r"is_free must have shape \(2,\), got \(1,\)"),
        (hf.priors.Dirichlet(1.0), [[0.5, 0.5], [1.0, 0.0]], "is_free must hold True and False, got dtype float64"),
        (hf.priors.Gamma(1.0, 1.0), [[[1.0]]], r"rates must have shape \(K,\), got \(1, 1\)"),
        (hf.priors.Gamma([1.0] * 3, 1.0), [[1.0, 2.0]], r"rates must fit .* shape \(3,\), got shape \(2,\)"),
        (hf.priors.Gamma(1.0, 1.0), [[1.0, 2.0], True], r"is_free must have shape \(2,\), got \(\)"),
        (
            hf.priors.NormalInverseWishart(0.0, 1.0, 3.0, 1.0),
            [0.0, 1.0],
            r"mean must have shape \(K,\) or \(K, D\), got",
        ),
        (
            hf.priors.NormalInverseWishart(0.0, 1.0, 3.0, 1.0),
            [[0.0], [[1.0]]],
            r"covariance must have shape \(1,\), got",
        ),
        (
            hf.priors.NormalInverseWishart([0.0] * 3, 1.0, 3.0, 1.0),
            [[0.0] * 2, [1.0] * 2],
            r"mean must fit .* \(3,\), got",
        ),
        (
            hf.priors.NormalInverseWishart(0.0, [1.0] * 3, 3.0, 1.0),
            [[0.0] * 2, [1.0] * 2],
            r"mean must fit .* \(3,\), got",
        ),
        (hf.priors.NormalInverseWishart(0.0, 1.0, 3.0, np.eye(2)), [[0.0], [1.0]], r"mean must fit .* \(2, 2\), got"),
    ],
)
def test_parameters_of_other_shapes_are_refused_in_words(prior, given, words):
    with pytest.raises((ValueError, TypeError), match=words):
        prior.log_density(*given)
