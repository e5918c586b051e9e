"""Distributions of SciPy learn: what they were given, to textbook estimates, and never to anything worse."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import FromScipy, scipy_distributions, scipy_learning
from hmmfilter.priors import Gamma

RTOL = 1e-6  # of maxima that are found by slopes, against closed forms
HAS_LATER = hasattr(stats, "Normal")
needs_later = pytest.mark.skipif(not HAS_LATER, reason="distributions of the later kind came with SciPy 1.15")


def weighted(distribution, n=300, seed=0):
    rng = np.random.default_rng(seed)
    return distribution.rvs(size=n, random_state=rng).astype(float), rng.gamma(1.0, size=n)


def likelihood(distribution, x, weights):
    return weights @ scipy_distributions.log_density(distribution, x)


def test_textbook_estimates():
    x, w = weighted(stats.gamma(3.0, scale=2.0))
    mean = w @ x / w.sum()
    counts = np.floor(x)
    count = w @ counts / w.sum()
    start = FromScipy([stats.norm(0.0, 1.0), stats.expon(scale=1.0), stats.gamma(a=3.0, scale=1.0)])
    normal, exponential, gamma = start.estimated(x, np.tile(w[:, None], 3)).distributions
    np.testing.assert_allclose(normal.args, [mean, np.sqrt(w @ (x - mean) ** 2 / w.sum())], rtol=RTOL)
    assert exponential.kwds["scale"] == pytest.approx(mean, rel=RTOL)
    assert gamma.kwds["a"] * gamma.kwds["scale"] == pytest.approx(mean, rel=RTOL)
    start = FromScipy([stats.poisson(1.0), stats.geom(0.9), stats.binom(n=40, p=0.5)])
    poisson, geometric, binomial = start.estimated(counts + 1, np.tile(w[:, None], 3)).distributions
    assert poisson.args[0] == pytest.approx(count + 1, rel=RTOL)
    assert geometric.args[0] == pytest.approx(1 / (count + 1), rel=RTOL)
    assert binomial.kwds == {"n": 40, "p": pytest.approx((count + 1) / 40, rel=RTOL)}


@needs_later
def test_those_of_the_later_kind():
    x, w = weighted(stats.norm(7.0, 3.0))
    mean = w @ x / w.sum()
    (normal,) = FromScipy([stats.Normal(mu=0.0, sigma=1.0)]).estimated(x, w[:, None]).distributions
    assert normal.mu == pytest.approx(mean, rel=RTOL)
    assert normal.sigma == pytest.approx(np.sqrt(w @ (x - mean) ** 2 / w.sum()), rel=RTOL)
    assert FromScipy([stats.Normal()]).n_parameters == 0
    (uniform,) = FromScipy([stats.Uniform(a=-50.0, b=50.0)]).estimated(x, w[:, None]).distributions
    assert -50 < uniform.a <= x.min() < x.max() <= uniform.b < 50
    counts = np.floor(np.abs(x))
    (gamma,) = FromScipy([stats.make_distribution(stats.gamma)(a=1.0)]).estimated(np.abs(x), w[:, None]).distributions
    assert gamma.a > 1
    if hasattr(stats, "Binomial"):
        (binomial,) = FromScipy([stats.Binomial(n=30, p=0.5)]).estimated(counts, w[:, None]).distributions
        assert binomial.n == 30
        assert binomial.p == pytest.approx(w @ counts / w.sum() / 30, rel=RTOL)


def test_what_is_learnt():
    for distribution, names in [
        (stats.gamma(2.0), ["a"]),
        (stats.gamma(a=2.0, scale=3.0), ["a", "scale"]),
        (stats.gamma(2.0, 0.0, 3.0), ["a", "loc", "scale"]),
        (stats.norm(), []),
        (stats.binom(10, 0.5), ["p"]),
        (stats.binom(10, 0.0), []),
        (stats.nbinom(3, 0.5), ["n", "p"]),
        (stats.poisson(3.0, loc=1), ["mu"]),
        (stats.hypergeom(50, 10, 8), []),
    ]:
        assert list(scipy_learning.learnt(distribution)) == names
    assert FromScipy([stats.norm(0.0, 1.0), stats.t(df=3.0)]).n_parameters == 3


class Power(stats.rv_continuous):
    def _logpdf(self, x, q):
        return np.log(q) + (q - 1) * np.log(x)

    def _cdf(self, x, q):
        return x**q


def test_one_of_your_own():
    """SciPy knows no bounds of its parameter: where it is not valid, there is no density."""
    x, w = weighted(stats.beta(3.0, 1.0))
    power = Power(a=0, b=1, shapes="q", name="power")
    (found,) = FromScipy([power(q=1.0)]).estimated(x, w[:, None]).distributions
    assert found.kwds["q"] == pytest.approx(-w.sum() / (w @ np.log(x)), rel=RTOL)


STARTS = [
    stats.norm(0.0, 1.0),
    stats.laplace(0.0, 1.0),
    stats.t(5.0, 0.0, 1.0),
    stats.skewnorm(1.0, 0.0, 2.0),
    stats.uniform(-1e4, 2e4),
    stats.genextreme(-0.1, 0.0, 1.0),
    stats.truncnorm(-30.0, 30.0, 0.0, 20.0),
    stats.vonmises(1.0, 0.0),
    stats.cauchy(0.0, 1.0),
]


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.dist.name)
@hypothesis.given(seed=strategies.integers(0, 2**32 - 1), scale=strategies.sampled_from([0.1, 1.0, 30.0]))
@hypothesis.settings(max_examples=4)
def test_never_worse(start, seed, scale):
    x, w = weighted(stats.t(4.0, 3.0, scale), 30, seed)
    before = likelihood(start, x, w)
    if np.isfinite(before):
        found = scipy_learning.estimated(start, x, w)
        after = likelihood(found, x, w)
        assert after >= before
        assert likelihood(scipy_learning.estimated(found, x, w), x, w) >= after


def test_nothing_better_leaves_all_as_it_is():
    x, w = weighted(stats.norm(3.0, 2.0))
    once = FromScipy([stats.norm(0.0, 1.0)]).estimated(x, w[:, None])
    assert once.estimated(x, w[:, None]) == once
    beyond = FromScipy([stats.uniform(0.0, 1.0)])  # no observation is possible, nor is one a little way off
    assert beyond.estimated([50.0, 60.0], np.ones((2, 1))) == beyond


def test_a_search_along_edges():
    """The likelihood of uniform numbers has slopes that lead nowhere: trial goes on where they end."""
    x = np.array([3.0, 4.0, 7.0])
    start = stats.uniform(-10.0, 30.0)
    found = scipy_learning.estimated(start, x, np.ones(3))
    assert likelihood(found, x, np.ones(3)) > likelihood(stats.uniform(0.0, 10.0), x, np.ones(3))


def test_bounds_of_every_kind():
    for domain, expected in [
        ((-np.inf, np.inf), [-1.0, 2.0, 5.0]),
        ((1.0, np.inf), [1 + np.exp(-1), 2.0, 1 + np.exp(1)]),
        ((-np.inf, 3.0), [3 - np.exp(-1), 2.0, 3 - np.exp(1)]),
        ((1.0, 3.0), [1 + 2 / (1 + np.exp(1)), 2.0, 3 - 2 / (1 + np.exp(1))]),
    ]:
        path = scipy_learning._path(2.0, domain, 3.0)
        np.testing.assert_allclose([path(step) for step in (-1.0, 0.0, 1.0)], expected, rtol=1e-12)


def test_weights_and_gaps():
    start = FromScipy([stats.gamma(2.0, scale=1.0), stats.norm(0.0, 1.0), stats.expon(scale=3.0)])
    x, _ = weighted(stats.gamma(3.0), 40)
    weights = np.random.default_rng(1).integers(0, 3, (40, 3)).astype(float)
    weights[:, 2] = 0.0
    found = start.estimated(x, weights)
    assert found.distributions[2] is start.distributions[2], "nothing belongs to it"
    again = start.estimated(
        np.append(np.repeat(x, 2), np.nan), np.append(np.repeat(weights / 2, 2, axis=0), [[9.0] * 3], 0)
    )
    np.testing.assert_allclose(again.moments(), found.moments(), rtol=RTOL)


CONSTANT = [stats.norm(0.0, 1.0), stats.t(5.0, 0.0, 1.0), stats.laplace(0.0, 1.0), stats.lognorm(1.0, scale=1.0)]
LATER = [stats.Normal(mu=0.0, sigma=1.0)] if HAS_LATER else []


@pytest.mark.parametrize("distribution", CONSTANT + LATER, ids=scipy_distributions.words)
def test_a_density_without_bound_is_a_collapse(distribution):
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    start = FromScipy([stats.norm(0.0, 1.0), distribution])
    with pytest.raises(hf.DegenerateFitError) as caught:
        start.estimated([1.0, 2.0, 2.0, 2.0], weights)
    assert (caught.value.state, caught.value.direction) == (1, (1.0,))


def test_a_fit_to_what_does_not_vary_collapses():
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], FromScipy([stats.norm(0.0, 1.0), stats.norm(5.0, 2.0)]))
    for value in (2.0, 0.0):
        with pytest.raises(hf.DegenerateFitError):
            hf.fit(start, np.full(30, value))


def test_what_is_dense_is_no_collapse():
    """Numbers that differ in their last digits but few, poles, whole numbers, and what is not learnt."""
    x = 1.0 + 1e-13 * np.arange(5.0)
    estimate = FromScipy([stats.norm(1.0, 1e-12)]).estimated(x, np.ones((5, 1)))
    assert estimate.moments()[1][0] == pytest.approx(2e-26, rel=1e-2)
    pole = FromScipy([stats.gamma(0.01)])
    assert pole.estimated([1e-300, 1.0], [[1.0], [1.0]]).distributions[0].args[0] < 0.01
    assert pole.estimated([0.0, 1.0], [[1.0], [1.0]]) == pole
    counts = FromScipy([stats.poisson(3.0)]).estimated([2.0, 2.0], [[1.0], [1.0]])
    assert counts.moments()[0][0] == pytest.approx(2.0, rel=RTOL)
    given = FromScipy([stats.norm()])
    assert given.estimated([0.0, 0.0], [[1.0], [1.0]]) == given


def test_a_guess():
    x, _ = weighted(stats.gamma(3.0), 60)
    weights = np.zeros((60, 3))
    weights[:30, 0], weights[30:, 1] = 1.0, 1.0
    guess = FromScipy.guessed(x, weights, stats.expon(scale=1.0))
    np.testing.assert_allclose(guess.moments()[0], [x[:30].mean(), x[30:].mean(), x.mean()], rtol=RTOL)


def test_refusals():
    start = FromScipy([stats.norm(0.0, 1.0)])
    words = "the prior of the emission must be None, since there is none for distributions of SciPy, got Gamma"
    with pytest.raises(TypeError, match=words):
        start.estimated([1.0], [[1.0]], Gamma(2.0, 1.0))
    with pytest.raises(TypeError, match=words):
        hf.fit(hf.HMM([1.0], [[1.0]], start), [1.0, 2.0], prior=hf.Prior(emission=Gamma(2.0, 1.0)))
    with pytest.raises(ValueError, match=r"weights must have shape \(1, 1\), got \(2, 1\)"):
        start.estimated([1.0], [[1.0], [1.0]])


@needs_later
def test_mixtures_are_refused():
    normal = stats.Normal(mu=0.0, sigma=1.0)
    for made in (stats.Mixture([normal, normal]), 2.0 * normal + 1.0):
        emission = FromScipy([normal, made])
        assert emission.n_parameters == 2
        with pytest.raises(TypeError, match=r"distributions\[1\] must have parameters of its own to learn"):
            emission.estimated([1.0], [[1.0, 1.0]])


def test_a_fit_climbs():
    model = hf.HMM(
        [0.5, 0.5], [[0.95, 0.05], [0.1, 0.9]], FromScipy([stats.gamma(2.0, scale=1.0), stats.gamma(5.0, scale=3.0)])
    )
    _, x = model.simulate(150, rng=1)
    fitted = hf.fit(model, x, max_iterations=8)
    assert (np.diff(fitted.history) >= 0).all()
    assert fitted.log_likelihood > model.log_likelihood(x)
    assert fitted.n_parameters == 1 + 2 + 4
