"""Chains whose next state depends on several before it, against all paths."""

import itertools
import math

import numpy as np
import pytest

import hmmfilter as hf

SHOWN = hf.emissions.Bernoulli([0.1, 0.6])
OF_THREE = hf.emissions.Poisson([0.5, 3.0, 9.0])


def made(n_states, order, seed=0):
    """A model of spiky numbers, some of them 0."""
    rng = np.random.default_rng(seed)
    initial = rng.dirichlet(np.full(n_states**order, 0.5)).reshape((n_states,) * order)
    table = rng.dirichlet(np.full(n_states, 0.5), (n_states,) * order)
    table[(0,) * order] = np.eye(n_states)[-1]
    return hf.higher_order(initial, table, SHOWN if n_states == 2 else OF_THREE)


def all_paths(model, observations):
    """The joint probability of each path of states and the observations."""
    order, n_states, shows = model.order, model.n_states, np.exp(model.emission.log_likelihoods(observations))
    joints = {}
    for path in itertools.product(range(n_states), repeat=len(observations)):
        begin = min(order, len(path))
        p = model.initial[path[:begin]].sum()
        for t in range(order, len(path)):
            p *= model.transition[path[t - order : t + 1]]
        joints[path] = p * math.prod(shows[t, k] for t, k in enumerate(path))
    return joints


CASES = [(2, 1, 5), (2, 2, 6), (2, 3, 6), (3, 2, 4), (2, 3, 2), (3, 2, 1)]


@pytest.mark.parametrize(("n_states", "order", "n_steps"), CASES)
def test_all_paths(n_states, order, n_steps):
    model = made(n_states, order)
    x = model.simulate(n_steps, rng=4)[1]
    joints = all_paths(model, x)
    total = math.fsum(joints.values())
    assert model.log_likelihood(x) == pytest.approx(math.log(total), rel=1e-13)
    smoothed, filtered = model.smooth(x), model.filter(x)
    want = np.zeros((n_steps, n_states))
    for path, p in joints.items():
        want[np.arange(n_steps), path] += p / total
    np.testing.assert_allclose(smoothed.probabilities, want, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(filtered.probabilities[-1], want[-1], rtol=1e-12, atol=1e-300)
    assert filtered.log_increments.sum() == pytest.approx(math.log(total), rel=1e-12)
    decoded = model.viterbi(x)
    assert joints[tuple(decoded.path)] == pytest.approx(max(joints.values()), rel=1e-13)
    assert decoded.log_joint == pytest.approx(math.log(max(joints.values())), rel=1e-13)


def test_one_step_back_is_an_ordinary_model():
    transition = [[0.9, 0.1], [0.2, 0.8]]
    first = hf.higher_order([0.3, 0.7], transition, SHOWN, ["dry", "wet"])
    plain = hf.HMM([0.3, 0.7], transition, SHOWN, ["dry", "wet"])
    assert first.histories == plain
    x = [0, 1, 1, 0]
    np.testing.assert_allclose(first.smooth(x).log_probabilities, plain.smooth(x).log_probabilities, atol=1e-15)


def test_a_second_order_that_depends_on_one_is_of_first_order():
    transition = np.array([[0.9, 0.1], [0.2, 0.8]])
    initial = np.array([[0.3], [0.7]]) * transition
    second = hf.higher_order(initial, np.broadcast_to(transition, (2, 2, 2)), SHOWN)
    plain = hf.HMM([0.3, 0.7], transition, SHOWN)
    x = plain.simulate(40, rng=0)[1]
    np.testing.assert_allclose(second.smooth(x).probabilities, plain.smooth(x).probabilities, rtol=1e-12)
    assert np.array_equal(second.viterbi(x).path, plain.viterbi(x).path)


def test_several_sequences():
    model = made(2, 2)
    x = [0, 1, 1, 0, 1]
    smoothed = model.smooth(x, lengths=[3, 2])
    np.testing.assert_array_equal(smoothed[1], model.smooth(x[3:]).probabilities)
    assert model.log_likelihood(x, lengths=[3, 2]).shape == (2,)
    assert model.filter(x, lengths=[3, 2]).state_names == ("0", "1")
    assert model.viterbi(x, lengths=[3, 2]).n_states == 2


def test_what_is_made_of_a_model_is_the_model():
    for order in (1, 2, 3):
        model = made(2, order, seed=order)
        again = model.of(model.histories)
        np.testing.assert_allclose(again.initial, model.initial, rtol=1e-14)
        assert np.array_equal(again.transition, model.transition)
        assert again.emission == model.emission
    with pytest.raises(ValueError, match="histories must be a model of 14 states, one for each history, got 6"):
        model.of(made(2, 2).histories)


def test_states_that_never_begin():
    initial = [[0.5, 0.5], [0.0, 0.0]]
    model = hf.higher_order(initial, np.full((2, 2, 2), 0.5), SHOWN)
    assert model.histories.transition[1, 4:].tolist() == [0.5, 0.5]
    assert model.smooth([0, 1]).probabilities[0].tolist() == [1, 0]
    assert model.of(model.histories).initial.tolist() == initial


def test_learning_ties_what_states_show():
    """Waves of two, and runs of one: a second order tells them apart, where a first order would not."""
    truth = hf.higher_order(np.full((2, 2), 0.25), [[[0.1, 0.9], [0.2, 0.8]], [[0.9, 0.1], [0.7, 0.3]]], SHOWN)
    x = truth.simulate(300, rng=1)[1]
    start = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), hf.emissions.Bernoulli([0.2, 0.5]))
    fitted = start.fit(x, max_iterations=3)
    found = start.of(fitted.model)
    shows = fitted.model.emission.probability
    assert len(set(shows[start.last == 0])) == len(set(shows[start.last == 1])) == 1
    assert found.emission.probability.tolist() == [shows[0], shows[1]]
    assert found.log_likelihood(x) == pytest.approx(fitted.log_likelihood, rel=1e-9)
    assert fitted.log_likelihood > start.log_likelihood(x) + 1


def test_what_all_states_share_is_not_tied():
    emission = hf.emissions.Gaussian([[0.0], [4.0]], [[1.0]], kind="tied")
    start = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), emission)
    fitted = start.fit([[0.1], [3.9], [4.2], [-0.3], [0.2], [4.4]], max_iterations=2)
    found = start.of(fitted.model)
    assert found.emission.mean.shape == (2, 1)
    assert found.emission.covariance.shape == (1, 1)


def test_emissions_of_several_channels_and_of_covariates():
    channels = hf.emissions.Product([hf.emissions.Poisson([1.0, 5.0]), SHOWN])
    start = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), channels)
    x = start.simulate(40, rng=0)[1]
    found = start.of(start.fit(x, max_iterations=2).model)
    assert isinstance(found.emission, hf.emissions.Product)
    assert found.emission.channels[0].rate.shape == (2,)
    lines = hf.emissions.Regression([[0.0, 1.0], [3.0, -1.0]], variance=[0.5, 0.5])
    model = hf.higher_order([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], lines)
    plain = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], lines)
    beside = {"covariates": [[0.0], [1.0], [2.0]]}
    y = [0.1, 2.2, 0.9]
    assert model.log_likelihood(y, **beside) == plain.log_likelihood(y, **beside)
    np.testing.assert_allclose(model.filter(y, **beside), plain.filter(y, **beside), rtol=1e-14)
    np.testing.assert_allclose(model.smooth(y, **beside), plain.smooth(y, **beside), rtol=1e-14)
    assert np.array_equal(model.viterbi(y, **beside).path, plain.viterbi(y, **beside).path)


def test_printing_and_names():
    model = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), SHOWN, ["dry", "wet"])
    assert repr(model) == "HigherOrder: order 2, 2 states, 6 histories, Bernoulli emission"
    assert model.histories.state_names == ("dry", "wet", "dry dry", "dry wet", "wet dry", "wet wet")
    assert model.smooth([0, 1]).state_names == ("dry", "wet")


def test_names_that_would_be_those_of_two_histories():
    model = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), SHOWN, ["a", "a a"])
    assert model.histories.state_names == tuple("012345")


MAKING = [
    (([[1.0]], [1.0], SHOWN), ValueError, r"transition must have shape \(K, K\), got \(1,\)"),
    (([0.5, 0.5], np.full((2, 3), 1 / 3), SHOWN), ValueError, r"transition must have shape \(2, 2\), got \(2, 3\)"),
    (([0.5, 0.5], np.full((2, 2, 2), 0.5), SHOWN), ValueError, r"initial must have shape \(2, 2\), got \(2,\)"),
    ((np.full((2, 2), 0.5), np.full((2, 2, 2), 0.5), SHOWN), ValueError, "initial must sum to 1, got 2"),
    (
        (np.full((2, 2), 0.25), np.full((2, 2, 2), 0.6), SHOWN),
        ValueError,
        "transition row 0 row 0 must sum to 1",
    ),
    ((np.full((3, 3), 1 / 9), np.full((3, 3, 3), 1 / 3), SHOWN), ValueError, "emission must have the 3 states"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), MAKING)
def test_what_is_no_model(arguments, error, message):
    with pytest.raises(error, match=message):
        hf.higher_order(*arguments)


def test_numbers_to_be_normalised():
    model = hf.higher_order(np.ones((2, 2)), np.ones((2, 2, 2)), SHOWN, normalize=True)
    assert model.initial.tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert model.transition[0, 1].tolist() == [0.5, 0.5]


def test_emissions_of_ones_own():
    class Own:
        n_states, log_likelihoods, sample = 2, None, None

    with pytest.raises(TypeError, match=r"emission must be one of hmmfilter\.emissions"):
        hf.higher_order([0.5, 0.5], np.full((2, 2), 0.5), Own())
