"""The model: the methods are the core on the emission's table, and the earthquakes come out as published."""

import copy
import pickle

import numpy as np
import pytest

import hmmfilter as hf
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL, earthquakes

COUNTS = [0, 2, None, 7, 4]


@pytest.fixture
def model():
    return hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])


def core_tables(model, observations=COUNTS):
    return model.log_initial, model.log_transition, model.emission.log_likelihoods(observations)


def test_methods_are_the_core(model):
    tables = core_tables(model)
    for method, door in [(model.filter, hf.forward_filter), (model.smooth, hf.smooth)]:
        assert np.array_equal(method(COUNTS).log_probabilities, door(*tables).log_probabilities)
        assert method(COUNTS).log_likelihood == hf.log_likelihood(*tables) == model.log_likelihood(COUNTS)
        assert method(COUNTS).state_names == ("calm", "busy")
    assert np.array_equal(model.viterbi(COUNTS).path, hf.viterbi(*tables).path)
    assert model.viterbi(COUNTS).state_names == ("calm", "busy")


def test_attributes(model):
    assert model.n_states == 2
    assert model.state_names == ("calm", "busy")
    assert np.array_equal(model.log_initial, np.log(model.initial))
    assert np.array_equal(model.log_transition, np.log(model.transition))
    assert isinstance(model.emission, hf.emissions.Poisson)
    assert hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0])).state_names == ("0",)
    of_numpy = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]), state_names=list(np.array(["calm"])))
    assert repr(of_numpy.state_names) == "('calm',)"


def test_zeros_become_minus_infinity_without_a_warning():
    model = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], hf.emissions.Poisson([1.0, 5.0]))
    assert model.log_initial.tolist() == [0.0, -np.inf]
    assert model.log_transition[0].tolist() == [0.0, -np.inf]


def test_a_model_is_frozen(model):
    for name in ("initial", "transition", "emission", "state_names", "log_initial", "log_transition"):
        with pytest.raises(AttributeError):
            setattr(model, name, 0)
    for array in (model.initial, model.transition, model.log_initial, model.log_transition):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    mine = np.array([0.5, 0.5])
    copied = hf.HMM(mine, model.transition, model.emission)
    mine[0] = 0
    assert copied.initial.tolist() == [0.5, 0.5]


def test_a_model_can_be_copied_and_pickled(model):
    assert hf.HMM.__module__ == "hmmfilter.model"
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(twin.filter(COUNTS).log_probabilities, model.filter(COUNTS).log_probabilities)
        for array in (twin.initial, twin.log_transition, twin.emission.rate):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_impossible_observations():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0]))
    assert model.log_likelihood([1, 0, 1]) == -np.inf
    for method in (model.filter, model.smooth, model.viterbi):
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            method([1, 0, 1])
        assert caught.value.step == 1
    assert np.isnan(model.filter([1, 0, 1], impossible="mark").probabilities[1:]).all()
    assert np.isnan(model.smooth([1, 0, 1], impossible="mark").probabilities).all()
    assert model.viterbi([1, 0, 1], impossible="mark").path.tolist() == [-1, -1, -1]


def test_an_emission_of_ones_own():
    class Uniform:
        n_states = 2

        def log_likelihoods(self, observations):
            width = np.array([1.0, 10.0])
            with np.errstate(divide="ignore"):
                return np.log((np.asarray(observations)[:, None] < width) / width)

        def sample(self, states, rng):
            return rng.random(len(states)) * np.array([1.0, 10.0])[states]

    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Uniform())
    assert model.viterbi([0.5, 0.2, 7.0, 0.1, 0.1]).path.tolist() == [0, 0, 1, 0, 0]
    states, observations = model.simulate(100, rng=0)
    assert (observations[states == 0] < 1).all()
    with pytest.raises(
        TypeError,
        match=r"must be one of hmmfilter\.emissions to be written as JSON, or be registered by .*, got Uniform",
    ):
        model.to_json("nowhere.json")


def test_a_bad_emission_of_ones_own_is_caught():
    class Broken(hf.emissions.Poisson):
        def log_likelihoods(self, observations):
            return super().log_likelihoods(observations) * np.nan

    with pytest.raises(ValueError, match=r"log_likelihoods\[0, 0\] must be -inf or finite, got nan"):
        hf.HMM([1.0], [[1.0]], Broken([1.0])).filter([1])


def test_the_published_earthquake_model():
    model = hf.HMM.from_json(EARTHQUAKES_MODEL)
    years, counts = earthquakes()
    assert (years[0], years[-1], len(counts)) == (1900, 2006, 107)
    assert round(model.log_likelihood(counts), 3) == -329.460
    np.testing.assert_allclose(model.initial, model.initial @ model.transition, rtol=1e-15)
    assert np.array_equal(model.initial, hf.stationary_distribution(model.transition))
    assert model.transition[2, 0] == 0
    assert model.smooth(counts).log_probabilities[0].argmax() == 0
    assert EARTHQUAKES.read_text().startswith("year,count\n1900,13\n")


def test_stationary_start_needs_one_stationary_distribution():
    with pytest.raises(ValueError, match="more than one stationary distribution"):
        hf.HMM("stationary", np.eye(2), hf.emissions.Poisson([1.0, 2.0]))
