"""States in another order, and in the order of another model's."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from tests.test_changing import assert_same_bits

RATES = [1.0, 4.0, 9.0]
CHAIN = ([0.2, 0.3, 0.5], [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.05, 0.15, 0.8]])
SPD = np.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [0.0, 3.0]], [[1.0, -0.3], [-0.3, 1.0]]])
MEANS = np.array([[0.0, 0.0], [2.0, 1.0], [-3.0, 5.0]])

EMISSIONS = {
    "Poisson": (hf.emissions.Poisson(RATES), [0, 3, None, 12]),
    "Bernoulli": (hf.emissions.Bernoulli([0.1, 0.5, 0.8]), [0, 1, None, 1]),
    "Categorical": (hf.emissions.Categorical([[0.5, 0.5], [0.1, 0.9], [1.0, 0.0]], ["a", "b"]), ["a", "b", None, "a"]),
    "numbers": (hf.emissions.Gaussian([0.0, 1.0, 5.0], [1.0, 2.0, 3.0]), [0.1, 2.0, None, 4.0]),
    "variances": (hf.emissions.Gaussian(MEANS, MEANS**2 + 1), [[0.0, 1.0], [2.0, None], [-3.0, 4.0]]),
    "full": (hf.emissions.Gaussian(MEANS, SPD), [[0.0, 1.0], [2.0, None], [-3.0, 4.0]]),
    "tied": (hf.emissions.Gaussian(MEANS, SPD[0]), [[0.0, 1.0], [2.0, None], [-3.0, 4.0]]),
    "spherical": (hf.emissions.Gaussian(MEANS, [1.0, 2.0, 3.0]), [[0.0, 1.0], [2.0, None], [-3.0, 4.0]]),
    "FromScipy": (hf.emissions.FromScipy([stats.norm(mean) for mean in RATES]), [0.5, None, 7.0]),
}


@pytest.fixture(params=EMISSIONS)
def case(request):
    emission, observations = EMISSIONS[request.param]
    return hf.HMM(*CHAIN, emission, ["low", "mid", "high"]), observations


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_reordered_model_says_the_same_of_the_same_states(case, order):
    model, observations = case
    other = model.reordered(order)
    assert other.state_names == tuple(model.state_names[k] for k in order)
    assert other.initial.tolist() == model.initial[list(order)].tolist()
    assert_same_bits(
        [other.emission.log_likelihoods(observations)], [model.emission.log_likelihoods(observations)[:, order]]
    )
    assert other.log_likelihood(observations) == pytest.approx(model.log_likelihood(observations), rel=1e-14)
    smoothed, before = other.smooth(observations).probabilities, model.smooth(observations).probabilities
    assert np.abs(smoothed - before[:, order]).max() <= 1e-14
    assert other.reordered(np.argsort(order)) == model


@given(st.permutations(range(3)), st.permutations(range(3)))
def test_orders_compose(first, second):
    model = hf.HMM(*CHAIN, hf.emissions.Poisson(RATES))
    assert model.reordered(first).reordered(second) == model.reordered(np.array(first)[second])


def test_states_without_names_are_numbered_anew():
    model = hf.HMM(*CHAIN, hf.emissions.Poisson(RATES))
    assert model.reordered([2, 0, 1]).state_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("order", "error", "words"),
    [
        ([0, 1], ValueError, r"order must have each state from 0 to 2 once, got \[0, 1\]"),
        ([0, 1, 1], ValueError, "order must have each state"),
        ([0, 1, 3], ValueError, "order must have each state"),
        ([0.0, 1.0, 2.0], TypeError, "order must hold integers"),
    ],
)
def test_orders_that_are_none(order, error, words):
    with pytest.raises(error, match=words):
        hf.HMM(*CHAIN, hf.emissions.Poisson(RATES)).reordered(order)


class OfOnesOwn:
    n_states = 3

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 3))

    def sample(self, states, rng):
        return states


@pytest.mark.parametrize("ask", [lambda model: model.reordered([2, 1, 0]), lambda model: hf.aligned(model, model)])
def test_an_emission_of_ones_own_is_refused_in_words(ask):
    with pytest.raises(TypeError, match=r"one of hmmfilter\.emissions for its states to be reordered, got OfOnes"):
        ask(hf.HMM(*CHAIN, OfOnesOwn()))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_aligning_undoes_any_order(case, order):
    model, _ = case
    assert hf.aligned(model.reordered(order), model) == model


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_aligning_finds_states_that_have_moved_a_little(order):
    rng = np.random.default_rng(1)
    reference = hf.HMM(*CHAIN, hf.emissions.Gaussian(MEANS, SPD))
    noisy = hf.HMM(*CHAIN, hf.emissions.Gaussian(MEANS + rng.normal(0, 0.2, MEANS.shape), SPD * 1.1))
    assert hf.aligned(noisy.reordered(order), reference) == noisy


def test_units_of_the_entries_do_not_matter():
    """States that differ in a small entry, beside one that is large and tells nothing."""
    reference = hf.HMM(
        *CHAIN, hf.emissions.Gaussian([[0.0, 5e3], [1e-3, 0.0], [2e-3, 1e3]], np.full((3, 2), [1e-8, 1e8]))
    )
    other = hf.HMM(*CHAIN, hf.emissions.Gaussian([[2e-3, 5e3], [0.0, 0.0], [1e-3, 1e3]], np.full((3, 2), [1e-8, 1e8])))
    assert hf.aligned(other, reference).emission.mean[:, 0].tolist() == [0.0, 1e-3, 2e-3]


def test_states_with_one_mean_are_told_by_their_spread():
    reference = hf.HMM(*CHAIN, hf.emissions.Gaussian([0.0, 0.0, 0.0], [1.0, 4.0, 9.0]))
    other = reference.reordered([1, 2, 0])
    assert hf.aligned(other, reference) == reference


def test_states_that_show_nothing_but_zeros():
    reference = hf.HMM(*CHAIN, hf.emissions.Poisson([0.0, 0.0, 0.0]))
    assert hf.aligned(reference, reference) == reference
    other = hf.HMM(*CHAIN, hf.emissions.Poisson([3.0, 0.0, 1.0]))
    assert hf.aligned(other, reference).n_states == 3


def test_the_distance_is_that_of_the_textbook():
    """Against closed forms: of numbers (μ − ν)² + (σ − τ)², and of matrices that commute, by entries."""
    from hmmfilter.aligning import _wasserstein

    one, other = hf.emissions.Gaussian([0.0, 2.0], [1.0, 4.0]), hf.emissions.Gaussian([1.0, 5.0], [9.0, 16.0])
    unit = (1.0 + 4.0) / 2 + 1.0
    expected = [[(0 - 1) ** 2 + (1 - 3) ** 2, (0 - 5) ** 2 + (1 - 4) ** 2], [(2 - 1) ** 2 + (2 - 3) ** 2, 9 + 4]]
    np.testing.assert_allclose(_wasserstein(one, other), np.array(expected) / unit, rtol=1e-13)
    one = hf.emissions.Gaussian([[0.0, 0.0]], np.diag([4.0, 9.0])[None])
    other = hf.emissions.Gaussian([[1.0, 2.0]], np.diag([1.0, 25.0])[None])
    np.testing.assert_allclose(_wasserstein(one, other), [[(1 + 1) / 4 + (4 + 4) / 9]], rtol=1e-13)


def test_models_that_cannot_be_compared():
    poisson = hf.HMM(*CHAIN, hf.emissions.Poisson(RATES))
    for reference, error, words in [
        (
            hf.HMM(*CHAIN, hf.emissions.Bernoulli([0.1, 0.2, 0.3])),
            TypeError,
            "of the kind of the model's, Poisson, got B",
        ),
        (
            hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0])),
            ValueError,
            "must have the states of the model, 3, got 1",
        ),
    ]:
        with pytest.raises(error, match=words):
            hf.aligned(poisson, reference)
    numbers, vectors = (hf.HMM(*CHAIN, EMISSIONS[name][0]) for name in ("numbers", "full"))
    with pytest.raises(TypeError, match=r"^reference must be an HMM, got 'm'$"):
        hf.aligned(numbers, "m")
    with pytest.raises(ValueError, match="must have the entries of vectors of the model, None, got 2"):
        hf.aligned(numbers, vectors)
    two, three = (hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[1 / n] * n])) for n in (2, 3))
    with pytest.raises(ValueError, match="must have as many symbols as the model, 2, got 3"):
        hf.aligned(two, three)
    named = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[0.5, 0.5]], ["a", "b"]))
    with pytest.raises(ValueError, match=r"must have the symbols of the model, None, got \('a', 'b'\)"):
        hf.aligned(two, named)
    cauchy = hf.HMM(*CHAIN, hf.emissions.FromScipy([stats.t(df=1.5, loc=loc) for loc in RATES]))
    with pytest.raises(ValueError, match="must have means and variances"):
        hf.aligned(cauchy, cauchy)
