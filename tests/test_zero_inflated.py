"""Emissions with more zeros than they would show by themselves."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import optimize

import hmmfilter as hf
from hmmfilter.emissions import (
    Binomial,
    Exponential,
    Gamma,
    Gaussian,
    Geometric,
    NegativeBinomial,
    Poisson,
    Product,
    VonMises,
    ZeroInflated,
)
from hmmfilter.emissions.learning import shown_by

RTOL = 2e-15  # of a log-probability
DIFFERENCE = 1e-6  # of what a difference of heights is off as a slope
NAN = np.nan

COUNTS = [Poisson([1.0, 5.0]), NegativeBinomial([1.0, 6.0], [0.5, 0.2]), Binomial(9, [0.2, 0.7])]
HURDLES = [Geometric([0.6, 0.2]), Exponential([1.0, 5.0]), Gamma([0.5, 4.0], [2.0, 2.0])]


def named(emissions):
    return pytest.mark.parametrize("own", emissions, ids=lambda own: type(own).__name__)


def test_zeros_are_exact_where_they_are_rare_and_where_they_are_certain():
    rates = np.array([1e-12, 1e-300, 0.3, 40.0, 700.0, 1e5])
    for probability in (0.0, 1e-300, 1e-16, 0.3, 1 - 1e-16, 1.0):
        (got,) = ZeroInflated(Poisson(rates), np.full(6, probability)).log_likelihoods([0])
        with mpmath.workdps(640):
            for k, rate in enumerate(rates):
                pi = mpmath.mpf(probability)
                exact = mpmath.log(pi + (1 - pi) * mpmath.exp(-mpmath.mpf(rate)))
                assert abs(got[k] - float(exact)) <= RTOL * abs(float(exact))


@named(COUNTS)
def test_without_excess_it_is_the_emission_to_the_bit(own):
    x, inflated = [0, 3, 0, 1, None, 7, 2, 0, 0], ZeroInflated(own, [0.0, 0.0])
    np.testing.assert_array_equal(inflated.log_likelihoods(x), own.log_likelihoods(x))
    np.testing.assert_array_equal(inflated.log_sides(x), own.log_sides(x))
    np.testing.assert_array_equal(inflated.moments(), own.moments())
    weights = np.random.default_rng(0).uniform(size=(9, 2))
    assert inflated.estimated(x, weights) == ZeroInflated(own.estimated(x, weights), [0.0, 0.0])
    chain = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    together, plain = (hf.HMM(*chain, each).smooth(x).probabilities for each in (inflated, own))
    np.testing.assert_array_equal(together, plain)


@named(COUNTS)
def test_probabilities_of_counts_sum_to_one_and_have_the_moments(own):
    inflated, counts = ZeroInflated(own, [0.25, 0.7]), np.arange(250.0) if own != COUNTS[2] else np.arange(10.0)
    p = np.exp(inflated.log_likelihoods(counts))
    mean, variance = inflated.moments()
    np.testing.assert_allclose(p.sum(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(counts @ p, mean, rtol=1e-11)
    np.testing.assert_allclose(counts**2 @ p - mean**2, variance, rtol=1e-10)
    below, at, above = np.exp(inflated.log_sides(counts))
    np.testing.assert_allclose(below + at + above, 1.0, rtol=1e-13)
    np.testing.assert_allclose(below, np.cumsum(p, axis=0) - p, atol=1e-13)


@named(HURDLES)
def test_zeros_that_the_emission_cannot_show_are_all_excess(own):
    x = np.array([0.0, 2.0, NAN, 1.0, 0.0])
    inflated = ZeroInflated(own, [0.25, 1.0])
    table = inflated.log_likelihoods(x)
    np.testing.assert_array_equal(table[[0, 4]], np.log([[0.25, 1.0]] * 2))
    np.testing.assert_allclose(table[[1, 3], 0], own.log_likelihoods([2.0, 1.0])[:, 0] + np.log(0.75), rtol=1e-15)
    assert (table[[1, 3], 1] == -np.inf).all()
    assert not table[2].any()
    below, at, above = np.exp(inflated.log_sides(x[[0, 1]]))
    np.testing.assert_allclose([below[0], at[0], above[0]], [[0, 0], [0.25, 1], [0.75, 0]], rtol=1e-15)
    np.testing.assert_allclose((below + at + above)[1], 1.0, rtol=1e-14)
    learnt = ZeroInflated(own, [0.9, 0.2]).estimated(x, np.ones((5, 2)))
    assert learnt == ZeroInflated(own.estimated([2.0, 1.0], np.ones((2, 2))), [0.5, 0.5])


def test_what_is_below_zero_is_left_to_the_emission():
    own = Gaussian([0.0], [1.0])
    below, at, above = np.exp(ZeroInflated(own, [0.5]).log_sides([-1.0, 0.0, 1.0]))
    plain, _, beyond = np.exp(own.log_sides([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(below, plain / 2 + [[0], [0], [0.5]])
    np.testing.assert_allclose(above, beyond / 2 + [[0.5], [0], [0]])
    np.testing.assert_array_equal(at, [[0], [0.5], [0]])


@named([*COUNTS, *HURDLES])
def test_scores_are_slopes_of_the_log_likelihood(own):
    """By Fisher's identity: of who may have shown each zero."""
    inflated, rng = ZeroInflated(own, [0.2, 0.6]), np.random.default_rng(2)
    x = inflated.sample(np.arange(40) % 2, rng).astype(float)
    x[3] = NAN
    weights = rng.uniform(size=(40, 2))
    score = inflated._score(shown_by(inflated, inflated._observed(x), weights))
    values = inflated._parameters()
    for name, slopes in score.items():
        for k, slope in enumerate(slopes):
            step = np.zeros(2)
            step[k] = 1e-6 * values[name][k]
            ahead, behind = (
                (weights * inflated._with({**values, name: values[name] + sign * step}).log_likelihoods(x)).sum()
                for sign in (1, -1)
            )
            assert abs((ahead - behind) / (2 * step[k]) - slope) <= DIFFERENCE * max(1.0, abs(slope))


@pytest.mark.parametrize("own", [Poisson([1.0]), NegativeBinomial([1.0], [0.1])], ids=["poisson", "spread"])
def test_steps_of_learning_end_where_an_optimiser_does(own):
    rng = np.random.default_rng(5)
    x = ZeroInflated(NegativeBinomial([4.0], [0.3]), [0.3]).sample(np.zeros(50, int), rng)
    model = hf.HMM([1.0], [[1.0]], ZeroInflated(own, [0.5]))
    fitted = hf.fit(model, x, tolerance=1e-10)
    values = fitted.model.emission._parameters()

    def fallen(steps):
        moved = {name: values[name] * np.exp(step) for name, step in zip(values, steps, strict=True)}
        return -model.emission._with(moved).log_likelihoods(x).sum()

    best = optimize.minimize(fallen, np.full(len(values), 0.1), method="BFGS", options={"gtol": 1e-6})
    assert abs(fitted.log_likelihood + best.fun) < 1e-7
    assert fitted.log_likelihood + best.fun > -1e-8


def test_a_step_never_falls_and_its_numbers_are_the_textbooks():
    """Lambert (1992), Technometrics 34: z = π / (π + (1 − π) exp(−λ)) of each zero."""
    x, weights, start = np.array([0.0, 0, 0, 2, 3, 5]), np.ones((6, 1)), ZeroInflated(Poisson([2.0]), [0.4])
    z = 0.4 / (0.4 + 0.6 * np.exp(-2.0))
    learnt = start.estimated(x, weights)
    np.testing.assert_allclose(learnt.probability, 3 * z / 6, rtol=1e-15)
    np.testing.assert_allclose(learnt.emission.rate, 10 / (6 - 3 * z), rtol=1e-15)
    heights = [start.log_likelihoods(x).sum()]
    for _ in range(20):
        start = start.estimated(x, weights)
        heights.append(start.log_likelihoods(x).sum())
    assert (np.diff(heights) > -1e-13).all()


def test_priors_of_both_parts():
    x, weights = [0.0, 0.0, 3.0, 1.0, 2.0], np.ones((5, 1))
    prior = {"probability": hf.priors.Dirichlet([3.0, 2.0]), "emission": hf.priors.Dirichlet([1.0, 4.0])}
    start = ZeroInflated(Geometric([0.5]), [0.5])
    learnt = start.estimated(x, weights, prior)
    np.testing.assert_allclose(learnt.probability, (2 + 1) / (5 + 2 + 1))
    np.testing.assert_allclose(learnt.emission.probability, (3 + 3) / (6 + 3))
    log_prior = prior["probability"].log_density([[0.5, 0.5]]) + prior["emission"].log_density([[0.5, 0.5]])
    np.testing.assert_allclose(start._log_prior(prior, {}), log_prior)
    slopes = start._prior_score(prior, {})
    np.testing.assert_allclose([slopes["probability"], slopes["emission.probability"]], [[-2.0], [6.0]])
    assert start.estimated(x, weights, {"emission": prior["emission"]}).probability == [0.4]
    with pytest.raises(TypeError, match="the prior of probability"):
        start.estimated(x, weights, {"probability": hf.priors.Gamma(2.0, 1.0)})


def test_fits_with_numbers_that_are_held_or_tied():
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], ZeroInflated(Poisson([2.0, 9.0]), [0.5, 0.1]))
    x = truth.simulate(50, rng=1)[1]
    held = hf.fit(truth, x, fixed=["emission.probability"], max_iterations=5, accelerate=False).model.emission
    np.testing.assert_array_equal(held.probability, [0.5, 0.1])
    tied = hf.fit(truth, x, tied={"emission.probability": [0, 0]}, max_iterations=5, accelerate=False).model.emission
    assert tied.probability[0] == tied.probability[1]
    assert tied.emission.rate[0] != tied.emission.rate[1]
    free = hf.fit(truth, x)
    assert free.log_likelihood >= truth.log_likelihood(x)
    assert (free.standard_errors().emission["probability"] > 0).all()


def test_it_fits_into_everything_else(tmp_path):
    steps = ZeroInflated(Gamma([2.0, 5.0], [1.0, 2.0]), [0.3, 0.1])
    both = Product([steps, VonMises([0.0, 0.0], [0.5, 5.0])])
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], both)
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json") == model
    x = model.simulate(30, rng=0)[1]
    assert (x[:, 0] == 0).any()
    np.testing.assert_allclose(
        both.log_likelihoods(x), steps.log_likelihoods(x[:, 0]) + both.channels[1].log_likelihoods(x[:, 1])
    )
    assert hf.fit(model, x, max_iterations=5).log_likelihood >= model.log_likelihood(x)
    turned = model.reordered([1, 0]).emission.channels[0]
    np.testing.assert_array_equal(turned.log_likelihoods(x[:, 0]), steps.log_likelihoods(x[:, 0])[:, ::-1])
    alone = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], steps)
    stream = alone.online()
    for v in x[:, 0]:
        last = stream.observe(v)
    np.testing.assert_array_equal(last, alone.filter(x[:, 0]).log_probabilities[-1])
    assert "p(excess)" in str(alone)
    assert steps.n_parameters == 6
    assert ZeroInflated(Poisson([1.0, 2.0]), [0.0, 0.5]).n_parameters == 3


def test_rows_of_counts_with_exposures():
    own = Poisson([1.0, 4.0], exposure=True)
    rows, inflated = [(0, 2.0), (3, 0.5), (None, None)], ZeroInflated(own, [0.3, 0.6])
    table = inflated.log_likelihoods(rows)
    np.testing.assert_allclose(table[0], np.log([0.3 + 0.7 * np.exp(-2.0), 0.6 + 0.4 * np.exp(-8.0)]))
    np.testing.assert_allclose(table[1], own.log_likelihoods(rows)[1] + np.log([0.7, 0.4]))
    assert not table[2].any()
    below, at, above = np.exp(inflated.log_sides(rows))
    np.testing.assert_allclose((below + at + above)[:2], 1.0)
    drawn = inflated.sample(np.ones(30, int), 0)
    assert (drawn[:, 0] == 0).mean() > 0.3
    np.testing.assert_array_equal(drawn[:, 1], 1)
    mean, variance = inflated.moments()
    np.testing.assert_allclose(mean, [[0.7, 1.0], [1.6, 1.0]])
    np.testing.assert_allclose(variance[:, 0, 0], [0.7 * (1 + 0.3), 0.4 * (4 + 0.6 * 16)])
    guessed = ZeroInflated.guessed(rows, np.ones((3, 1)), of="poisson", exposure=True)
    assert guessed.emission == Poisson([3 / 1.5], exposure=True)


def test_guesses():
    x = [0, 0, 0, 4, 6, 5, 0, 0, 1]
    start = hf.guess("zeroinflated", 1, x, of="poisson")
    np.testing.assert_allclose(start.emission.probability, 2.5 / 9)
    np.testing.assert_allclose(start.emission.emission.rate, 16 / 6.5)
    with pytest.raises(ValueError, match="emission must be one of"):
        ZeroInflated.guessed(x, np.ones((9, 1)), of="poissonian")


def test_inflated_regressions():
    z = np.linspace(-1.0, 1.0, 30)[:, np.newaxis]
    own = hf.emissions.Regression([[1.0, 0.5]], family="poisson")
    inflated = ZeroInflated(own, [0.4])
    plain = own.log_likelihoods(np.zeros(30), covariates=z)
    table = inflated.log_likelihoods(np.zeros(30), covariates=z)
    np.testing.assert_allclose(table, np.log(0.4 + 0.6 * np.exp(plain)))
    x = np.where(np.arange(30) % 3 == 0, 0.0, np.arange(30) % 5)
    model = hf.HMM([1.0], [[1.0]], inflated)
    assert hf.fit(model, x, covariates=z, max_iterations=5).log_likelihood > model.log_likelihood(x, covariates=z)
    guessed = ZeroInflated.guessed(x, np.ones((30, 1)), "regression", covariates=z, family="poisson")
    assert 0 < guessed.probability[0] < 0.5


class Own:
    """Counts of one's own, that say nothing of sides."""

    n_states, n_parameters = 2, 2

    def __init__(self, rate=(1.0, 5.0)):
        self.rate = np.asarray(rate)

    def log_likelihoods(self, observations):
        return Poisson(self.rate).log_likelihoods(observations)

    def sample(self, states, rng):
        return Poisson(self.rate).sample(states, rng)

    def estimated(self, observations, weights, prior=None):
        return Own(Poisson(self.rate).estimated(observations, weights).rate)


def test_counts_of_ones_own():
    x, weights = [0, 3, 0, 1, None], np.random.default_rng(0).uniform(size=(5, 2))
    own, plain = ZeroInflated(Own(), [0.3, 0.6]), ZeroInflated(Poisson([1.0, 5.0]), [0.3, 0.6])
    np.testing.assert_array_equal(own.log_likelihoods(x), plain.log_likelihoods(x))
    got, expected = own.estimated(x, weights), plain.estimated(x, weights)
    np.testing.assert_allclose(got.emission.rate, expected.emission.rate)
    np.testing.assert_array_equal(got.probability, expected.probability)
    with pytest.raises(TypeError, match="log_sides"):
        own.log_sides(x)


def test_what_is_no_inflated_emission():
    with pytest.raises(TypeError, match="emission must be an emission"):
        ZeroInflated(Poisson, [0.5])
    with pytest.raises(ValueError, match=r"probability\[0\] must be at most 1"):
        ZeroInflated(Poisson([1.0]), [1.5])
    with pytest.raises(ValueError, match=r"observations\[1\] must be a whole number"):
        ZeroInflated(Poisson([1.0]), [0.5]).log_likelihoods([0, 0.5])


def test_what_an_excess_is_expected_to_be():
    model = hf.HMM([1.0], [[1.0]], ZeroInflated(Exponential([2.0]), [0.5]))
    found = hf.expected_statistics(model, [0.0, 3.0, 0.0]).emission
    np.testing.assert_array_equal(found["counts"], [[1.0, 2.0]])
    np.testing.assert_array_equal(found["emission.sum"], [3.0])
