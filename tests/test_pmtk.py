"""What PMTK's demonstrations do (`hmmFit`, `hmmFitFullyObs`, restarts, the casino), beside a slow and plain reference.

Murphy, "Machine Learning: A Probabilistic Perspective" (2012), chapter 17, and its toolbox. Data are drawn here, with
seeds; the reference is the textbook's recursions in logs, with sums over whole tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import hmmfilter as hf
from hmmfilter.emissions import Categorical, Gaussian

ITERATIONS = 15
SAME = 1e-9  # of parameters after as many iterations by either
ASIDE = 4  # standard errors


# The reference.


def posteriors(initial, transition, log_likelihoods):
    """The log-likelihood, p(h_t | all), (T, K), and Σ_t p(h_t, h_t+1 | all), (K, K)."""
    with np.errstate(divide="ignore"):
        log_initial, log_transition = np.log(initial), np.log(transition)
    n_steps = len(log_likelihoods)
    alpha, beta = np.empty_like(log_likelihoods), np.zeros_like(log_likelihoods)
    alpha[0] = log_initial + log_likelihoods[0]
    for t in range(1, n_steps):
        alpha[t] = log_likelihoods[t] + logsumexp(alpha[t - 1][:, None] + log_transition, axis=0)
    for t in range(n_steps - 2, -1, -1):
        beta[t] = logsumexp(log_transition + log_likelihoods[t + 1] + beta[t + 1], axis=1)
    log_likelihood = logsumexp(alpha[-1])
    ahead = (log_likelihoods + beta)[1:, None, :]
    pairs = np.exp(alpha[:-1, :, None] + log_transition + ahead - log_likelihood).sum(axis=0)
    return log_likelihood, np.exp(alpha + beta - log_likelihood), pairs


@dataclass
class Discrete:
    probabilities: Any
    added: float = 0.0  # to each count

    def table(self, symbols):
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities.T[symbols])

    def maximised(self, symbols, degrees):
        n_symbols = self.probabilities.shape[1]
        counts = np.stack([degrees[symbols == m].sum(axis=0) for m in range(n_symbols)], axis=1) + self.added
        return Discrete(counts / counts.sum(axis=1, keepdims=True), self.added)

    def log_prior(self):
        return stats.dirichlet(np.full(self.probabilities.shape[1], 1 + self.added)).logpdf(self.probabilities.T).sum()


@dataclass
class Normal:
    mean: Any
    covariance: Any  # (K, D, D)
    prior: Any = None  # mean, κ, degrees of freedom, scale

    def table(self, vectors):
        pairs = zip(self.mean, self.covariance, strict=True)
        return np.stack([stats.multivariate_normal(m, c).logpdf(vectors) for m, c in pairs], axis=1)

    def maximised(self, vectors, degrees):
        means, covariances = [], []
        n_dimensions = vectors.shape[1]
        centre, kappa, df, scale = self.prior or (np.zeros(n_dimensions), 0.0, -n_dimensions - 2, 0.0)
        for weights in degrees.T:
            n = weights.sum()
            mean = (kappa * centre + weights @ vectors) / (kappa + n)
            off = vectors - mean
            scatter = (weights[:, None] * off).T @ off + kappa * np.outer(mean - centre, mean - centre)
            means.append(mean)
            covariances.append((scale + scatter) / (df + n_dimensions + 2 + n))
        return Normal(np.array(means), np.array(covariances), self.prior)

    def log_prior(self):
        centre, kappa, df, scale = self.prior
        return sum(
            stats.multivariate_normal(centre, covariance / kappa).logpdf(mean)
            + stats.invwishart(df, scale).logpdf(covariance)
            for mean, covariance in zip(self.mean, self.covariance, strict=True)
        )


def reference(initial, transition, emission, sequences, added=0.0, n_iterations=ITERATIONS):
    """What so many iterations come to, and the log-likelihood before each of them and after the last."""
    history, joined = [], np.concatenate(sequences)
    for _ in range(n_iterations + 1):
        each = [posteriors(initial, transition, emission.table(sequence)) for sequence in sequences]
        history.append(sum(log_likelihood for log_likelihood, _, _ in each))
        last = initial, transition, emission
        initial = sum(degrees[0] for _, degrees, _ in each) + added
        moves = sum(pairs for _, _, pairs in each) + added
        initial, transition = initial / initial.sum(), moves / moves.sum(axis=1, keepdims=True)
        emission = emission.maximised(joined, np.concatenate([degrees for _, degrees, _ in each]))
    return *last, np.array(history)


# The data.

CHAIN = np.array([0.6, 0.3, 0.1]), np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.25, 0.7]])
LENGTHS = 40, 25, 60
SYMBOLS = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.1, 0.1, 0.2, 0.6]])
MEANS = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
COVARIANCES = np.array([[[1.0, 0.5], [0.5, 1.0]], [[0.5, 0.0], [0.0, 2.0]], [[1.0, -0.3], [-0.3, 0.6]]])
START = np.full(3, 1 / 3), np.full((3, 3), 0.2) + 0.4 * np.eye(3)


def drawn(emission, lengths=LENGTHS):
    """Paths and observations of some sequences."""
    model = hf.HMM(*CHAIN, emission)
    both = [model.simulate(length, rng=n) for n, length in enumerate(lengths)]
    return [path for path, _ in both], [observations for _, observations in both]


def discrete_start():
    return np.random.default_rng(7).dirichlet(np.full(4, 5.0), 3)


def normal_start():
    return MEANS + np.array([[1.0, -0.5], [-1.0, 0.5], [0.5, -1.0]]), np.tile(2 * np.eye(2), (3, 1, 1))


def plain(start, sequences, **options):
    return hf.fit(start, sequences, accelerate=False, max_iterations=ITERATIONS, tolerance=0, **options)


def assert_same_chain(model, initial, transition):
    assert np.allclose(model.initial, initial, rtol=0, atol=SAME)
    assert np.allclose(model.transition, transition, rtol=0, atol=SAME)


# hmmFit: by EM, and with priors.


def test_discrete_by_iterations():
    _, sequences = drawn(Categorical(SYMBOLS))
    initial, transition, emission, history = reference(*START, Discrete(discrete_start()), sequences)
    fitted = plain(hf.HMM(*START, Categorical(discrete_start())), sequences)
    assert fitted.history == pytest.approx(history, rel=1e-12)
    assert_same_chain(fitted.model, initial, transition)
    assert np.allclose(fitted.model.emission.probabilities, emission.probabilities, rtol=0, atol=SAME)


def test_discrete_with_priors():
    """PMTK's own defaults add a count to everything: concentrations of 2."""
    _, sequences = drawn(Categorical(SYMBOLS))
    two = hf.priors.Dirichlet(2.0)
    start = hf.HMM(*START, Categorical(discrete_start()))
    initial, transition, emission, _ = reference(*START, Discrete(discrete_start(), 1.0), sequences, added=1.0)
    fitted = plain(start, sequences, prior=hf.Prior(two, two, two))
    assert_same_chain(fitted.model, initial, transition)
    assert np.allclose(fitted.model.emission.probabilities, emission.probabilities, rtol=0, atol=SAME)
    of_rows = stats.dirichlet(np.full(3, 2.0)).logpdf
    log_prior = of_rows(initial) + of_rows(transition.T).sum() + emission.log_prior()
    assert fitted.log_prior == pytest.approx(log_prior, rel=1e-9)
    assert fitted.objective == pytest.approx(fitted.log_likelihood + fitted.log_prior, rel=1e-14)


def test_normal_by_iterations():
    _, sequences = drawn(Gaussian(MEANS, COVARIANCES))
    initial, transition, emission, history = reference(*START, Normal(*normal_start()), sequences)
    fitted = plain(hf.HMM(*START, Gaussian(*normal_start())), sequences)
    assert fitted.history == pytest.approx(history, rel=1e-12)
    assert_same_chain(fitted.model, initial, transition)
    assert np.allclose(fitted.model.emission.mean, emission.mean, rtol=0, atol=SAME)
    assert np.allclose(fitted.model.emission.covariance, emission.covariance, rtol=0, atol=SAME)


def test_normal_with_a_prior():
    _, sequences = drawn(Gaussian(MEANS, COVARIANCES))
    prior = np.array([0.5, 1.0]), 0.3, 5.0, np.array([[1.5, 0.2], [0.2, 1.0]])
    initial, transition, emission, _ = reference(*START, Normal(*normal_start(), prior), sequences)
    start = hf.HMM(*START, Gaussian(*normal_start()))
    fitted = plain(start, sequences, prior=hf.Prior(emission=hf.priors.NormalInverseWishart(*prior)))
    assert_same_chain(fitted.model, initial, transition)
    assert np.allclose(fitted.model.emission.mean, emission.mean, rtol=0, atol=SAME)
    assert np.allclose(fitted.model.emission.covariance, emission.covariance, rtol=0, atol=SAME)
    assert fitted.log_prior == pytest.approx(emission.log_prior(), rel=1e-9)


def test_accelerated_ends_where_plain_ends():
    _, sequences = drawn(Gaussian(MEANS, COVARIANCES))
    start = hf.HMM(*START, Gaussian(*normal_start()))
    plainly, quickly = (hf.fit(start, sequences, accelerate=accelerate) for accelerate in (False, True))
    assert plainly.converged
    assert quickly.converged
    assert quickly.objective == pytest.approx(plainly.objective, abs=1e-6)
    assert quickly.n_iterations < plainly.n_iterations


# hmmFitFullyObs.


def counts_of(paths):
    initial = np.bincount([path[0] for path in paths], minlength=3)
    moves = np.zeros((3, 3))
    for path in paths:
        np.add.at(moves, (path[:-1], path[1:]), 1)
    return initial / initial.sum(), moves / moves.sum(axis=1, keepdims=True)


def test_fully_observed_symbols():
    paths, sequences = drawn(Categorical(SYMBOLS))
    model = hf.fit_labelled("categorical", paths, sequences)
    states, symbols = np.concatenate(paths), np.concatenate(sequences)
    counts = np.array([[(symbols[states == k] == m).sum() for m in range(4)] for k in range(3)])
    initial, transition = counts_of(paths)
    assert np.allclose(model.initial, initial, rtol=1e-15, atol=0)
    assert np.allclose(model.transition, transition, rtol=1e-15, atol=0)
    assert np.allclose(model.emission.probabilities, counts / counts.sum(axis=1, keepdims=True), rtol=1e-15, atol=0)


def test_fully_observed_vectors():
    paths, sequences = drawn(Gaussian(MEANS, COVARIANCES))
    model = hf.fit_labelled("gaussian", paths, sequences, covariance="full")
    states, vectors = np.concatenate(paths), np.concatenate(sequences)
    initial, transition = counts_of(paths)
    assert np.allclose(model.initial, initial, rtol=1e-15, atol=0)
    assert np.allclose(model.transition, transition, rtol=1e-15, atol=0)
    for k in range(3):
        assert np.allclose(model.emission.mean[k], vectors[states == k].mean(axis=0), rtol=1e-13, atol=1e-14)
        assert np.allclose(model.emission.covariance[k], np.cov(vectors[states == k].T, ddof=0), rtol=1e-13, atol=1e-14)


def test_all_labels_known_is_fully_observed():
    """`fit` with a label at every step is there after one iteration."""
    paths, sequences = drawn(Gaussian(MEANS, COVARIANCES))
    counted = hf.fit_labelled("gaussian", paths, sequences, covariance="full")
    start = hf.HMM(*START, Gaussian(*normal_start()))
    fitted = hf.fit(start, sequences, labels=paths, max_iterations=1, accelerate=False)
    assert_same_chain(fitted.model, counted.initial, counted.transition)
    assert np.allclose(fitted.model.emission.mean, counted.emission.mean, rtol=0, atol=1e-13)
    assert np.allclose(fitted.model.emission.covariance, counted.emission.covariance, rtol=0, atol=1e-13)


# Restarts.


def test_restarts_find_what_a_bad_start_misses():
    _, sequences = drawn(Gaussian(MEANS, COVARIANCES))
    means = [[0.0, 0.0], [0.01, 0.01], [0.02, 0.02]]
    alike = hf.HMM(*START, Gaussian(means, np.tile(9 * np.eye(2), (3, 1, 1))))
    truth = hf.fit(hf.HMM(*CHAIN, Gaussian(MEANS, COVARIANCES)), sequences)
    with_restarts = hf.fit(alike, sequences, restarts=10, rng=0)
    assert len(with_restarts.restarts) >= 10
    assert with_restarts.objective >= hf.fit(alike, sequences).objective
    assert with_restarts.objective >= truth.objective - 1e-6


# The occasionally dishonest casino, and its loaded die by MAP.

CASINO = hf.HMM([0.5, 0.5], [[0.95, 0.05], [0.1, 0.9]], Categorical([[1 / 6] * 6, [0.1, 0.1, 0.1, 0.1, 0.1, 0.5]]))


ADDED = 0.1  # to each count
UNKNOWN_DICE = np.array([0.5, 0.5]), np.array([[0.8, 0.2], [0.2, 0.8]]), np.array([[1 / 6] * 6, [0.15] * 5 + [0.25]])
BELIEF = hf.Prior(*[hf.priors.Dirichlet(1 + ADDED)] * 3)


def casino_start():
    *chain, dice = UNKNOWN_DICE
    return hf.HMM(*chain, Categorical(dice))


def test_the_casino_by_iterations():
    _, rolls = CASINO.simulate(300, rng=0)
    *chain, dice = UNKNOWN_DICE
    initial, transition, emission, _ = reference(*chain, Discrete(dice, ADDED), [rolls], ADDED, n_iterations=5)
    start = casino_start()
    fitted = hf.fit(start, rolls, prior=BELIEF, accelerate=False, max_iterations=5, tolerance=0)
    assert_same_chain(fitted.model, initial, transition)
    assert np.allclose(fitted.model.emission.probabilities, emission.probabilities, rtol=0, atol=SAME)


@pytest.mark.parametrize("prior", [None, BELIEF], ids=["most likely", "most probable"])
def test_the_casino_is_found_out(prior):
    _, rolls = CASINO.simulate(5000, rng=0)
    fitted = hf.fit(casino_start(), rolls, prior=prior)
    assert fitted.converged
    errors = fitted.standard_errors()
    assert (np.abs(fitted.model.transition - CASINO.transition) <= ASIDE * errors.transition).all()
    off = np.abs(fitted.model.emission.probabilities - CASINO.emission.probabilities)
    assert (off <= ASIDE * errors.emission["probabilities"]).all()


# Mixtures of one pool of normal distributions, which all states share (PMTK's `mixGaussTied`).

POOL = np.array([[0.5, 0.4, 0.05, 0.05], [0.05, 0.1, 0.8, 0.05], [0.1, 0.05, 0.15, 0.7]])
PLACES = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [5.0, 5.0]])
SPREADS = np.array([*COVARIANCES, [[1.5, 0.4], [0.4, 0.8]]])


@dataclass
class Tied:
    pool: Any  # Normal, of M components
    weights: Any  # (K, M)

    def of_components(self, vectors):
        """log p(component m, v_t | h_t = k), (T, K, M)."""
        return self.pool.table(vectors)[:, None, :] + np.log(self.weights)

    def table(self, vectors):
        return logsumexp(self.of_components(vectors), axis=2)

    def maximised(self, vectors, degrees):
        joint = self.of_components(vectors)
        shares = degrees[:, :, None] * np.exp(joint - logsumexp(joint, axis=2, keepdims=True))
        counts = shares.sum(axis=0)
        return Tied(self.pool.maximised(vectors, shares.sum(axis=1)), counts / counts.sum(axis=1, keepdims=True))


def test_a_pool_that_all_states_share():
    truth = hf.emissions.TiedMixture(Gaussian(PLACES, SPREADS), POOL)
    sequences = drawn(truth)[1]
    places, spreads = PLACES + 0.7 * np.array([[1, -1], [-1, 1], [1, 1], [-1, -1]]), np.tile(2 * np.eye(2), (4, 1, 1))
    weights = np.full((3, 4), 0.15) + np.eye(3, 4, k=1) * 0.4
    start = hf.HMM(*START, hf.emissions.TiedMixture(Gaussian(places, spreads), weights))
    initial, transition, tied, history = reference(*START, Tied(Normal(places, spreads), weights), sequences)
    fitted = plain(start, sequences)
    assert fitted.history == pytest.approx(history, rel=1e-12)
    assert_same_chain(fitted.model, initial, transition)
    emission = fitted.model.emission
    assert np.allclose(emission.weights, tied.weights, rtol=0, atol=SAME)
    assert np.allclose(emission.pool.mean, tied.pool.mean, rtol=0, atol=SAME)
    assert np.allclose(emission.pool.covariance, tied.pool.covariance, rtol=0, atol=SAME)


# Isolated words: a model for each, learnt from how it is said, and new sayings told apart.

SAYINGS, NEW = 20, 30
SOUNDS = {"four": [[0.0, 2.0], [2.0, 0.0], [1.0, -2.0]], "five": [[0.0, 2.0], [2.0, 1.0], [-1.0, 0.0]]}


def said(word, n, rng):
    """Each sound lasts a few frames of two features."""
    sayings = []
    for _ in range(n):
        frames = np.repeat(SOUNDS[word], rng.integers(2, 7, 3), axis=0)
        sayings.append(frames + rng.normal(0, 0.8, frames.shape))
    return sayings


def test_isolated_words():
    rng = np.random.default_rng(0)
    left_to_right = [1.0, 0.0, 0.0], [[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.0, 0.0, 1.0]]
    models = {}
    for word, sounds in SOUNDS.items():
        sayings = said(word, SAYINGS, rng)
        thirds = np.concatenate([np.arange(len(frames)) * 3 // len(frames) for frames in sayings])
        together = np.concatenate(sayings)
        means = [together[thirds == third].mean(axis=0) for third in range(3)]
        start = hf.HMM(*left_to_right, Gaussian(means, np.ones((3, 2)), kind="variances"))
        models[word] = hf.fit(start, sayings).model
        assert np.array_equal(models[word].transition == 0, start.transition == 0)
        assert np.allclose(models[word].emission.mean, sounds, rtol=0, atol=0.3)
    words = list(SOUNDS)
    new = [(word, frames) for word in words for frames in said(word, NEW, rng)]
    classified = hf.classify(models, [frames for _, frames in new])
    log_likelihoods = np.array([[models[word].log_likelihood(frames) for word in words] for _, frames in new])
    expected = np.exp(log_likelihoods - logsumexp(log_likelihoods, axis=1, keepdims=True))
    assert np.allclose(classified.probabilities, expected, rtol=0, atol=1e-12)
    right = np.mean([words[best] == word for best, (word, _) in zip(expected.argmax(axis=1), new, strict=True)])
    assert right >= 0.95
