"""Emissions of one's own: their rows are counted, what they are given is theirs, and each row stands alone."""

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from hmmfilter import underflow
from hmmfilter.emissions import Poisson
from tests.test_changing import assert_same_bits

START, MOVES = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]


class Own:
    """Normal values around 0 and 3; the table goes through a hand that spoils it."""

    n_states, sample = 2, None

    def __init__(self, spoil=lambda table: table):
        self.spoil = spoil

    def log_likelihoods(self, observations):
        self.given = observations
        x = np.asarray(observations, dtype=float)
        return self.spoil(-0.5 * (x[:, None] - [0.0, 3.0]) ** 2)


def model_of(emission):
    return hf.HMM(START, MOVES, emission)


SPOILT = {
    "a row less": (lambda table: table[1:], (3, 2)),
    "a row more": (lambda table: np.vstack([table, table[:1]]), (5, 2)),
    "a column less": (lambda table: table[:, 1:], (4, 1)),
    "a column more": (lambda table: np.hstack([table, table]), (4, 4)),
    "turned": (lambda table: table.T, (2, 4)),
    "a vector": (lambda table: table[:, 0], (4,)),
    "a number": (lambda table: 0.0, ()),
    "lists": (lambda table: table[1:].tolist(), (3, 2)),
}

METHODS = {
    "filter": lambda model, x: model.filter(x),
    "smooth": lambda model, x: model.smooth(x),
    "viterbi": lambda model, x: model.viterbi(x),
    "n_best": lambda model, x: model.viterbi_n_best(x, 2),
    "max_marginals": lambda model, x: model.max_marginals(x),
    "posterior_decode": lambda model, x: model.posterior_decode(x),
    "log_likelihood": lambda model, x: model.log_likelihood(x),
    "expected_transitions": lambda model, x: model.expected_transitions(x),
    "pairs": lambda model, x: model.pairwise_marginals(x),
    "gradient": lambda model, x: model.log_likelihood_gradient(x),
    "sample_paths": lambda model, x: model.sample_paths(x, 2),
    "forecast": lambda model, x: model.forecast(x, 2),
    "lengths": lambda model, x: model.smooth(x, lengths=[1, 3]),
    "four ways": underflow.compare,
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize(("spoil", "shape"), SPOILT.values(), ids=SPOILT)
def test_rows_and_columns_are_counted(method, spoil, shape):
    with pytest.raises(ValueError, match="log_likelihoods of Own") as caught:
        method(model_of(Own(spoil)), [0.0, 1.0, 3.0, 2.0])
    assert str(caught.value) == (
        f"log_likelihoods of Own must return a table of shape (4, 2), with a row for each observation, got {shape}"
    )


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, pd.DataFrame, np.asfortranarray])
def test_tables_of_any_kind_are_read_by_rows(kind):
    values, model = [0.5, 2.0, 4.0], model_of(Own(kind))
    expected = model_of(Own()).smooth(values)
    assert_same_bits(model.smooth(values).log_probabilities, expected.log_probabilities)
    stream, lagged = model.online(), model.fixed_lag(1)
    for value in values:
        last = stream.observe(value)
        lagged.observe(value)
    assert_same_bits(last, expected.log_probabilities[-1])
    assert_same_bits(lagged.flush()[0], expected.log_probabilities[-1])


@pytest.mark.parametrize(
    "observations", [(1.0, 2.0), np.ones(2), np.ma.ones(2), pd.Series([1.0, 2.0]), range(2)], ids=lambda x: str(type(x))
)
def test_whatever_has_a_length_is_counted(observations):
    with pytest.raises(ValueError, match=r"of shape \(2, 2\), with a row for each observation, got \(1, 2\)"):
        model_of(Own(lambda table: table[1:])).smooth(observations)


@pytest.mark.parametrize("rows", [0, 2])
def test_one_observation_is_one_row(rows):
    stream = model_of(Own(lambda table: np.zeros((rows, 2)))).online()
    with pytest.raises(ValueError, match=rf"of shape \(1, 2\), with a row for each observation, got \({rows}, 2\)"):
        stream.observe(1.0)
    assert stream.n_observed == 0


def test_each_block_is_counted():
    model = model_of(Own(lambda table: table[: min(len(table), 3)]))
    blocks = model.filter_blocks([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0]])
    assert len(next(blocks).probabilities) == 3
    with pytest.raises(ValueError, match=r"^blocks\[1\]: log_likelihoods of Own .* \(4, 2\), .* got \(3, 2\)$"):
        next(blocks)


def test_each_group_is_counted():
    grouped = pd.Series([0.0, 1.0, 2.0, 3.0]).groupby(["a", "a", "b", "b"])
    assert model_of(Own()).smooth(grouped).lengths.tolist() == [2, 2]
    with pytest.raises(ValueError, match=r"^sequence 'a': log_likelihoods of Own .* got \(1, 2\)$"):
        model_of(Own(lambda table: table[1:])).smooth(grouped)


class Loose:
    """Takes what has no length, or one that says nothing of steps."""

    n_states, sample = 2, None

    def log_likelihoods(self, observations):
        return np.zeros((3, 2))


@pytest.mark.parametrize("observations", [iter([1, 2, 3]), {"value": [1, 2, 3], "weight": [1, 1, 1]}, 3], ids=type)
def test_what_has_no_length_is_not_counted(observations):
    assert model_of(Loose()).filter(observations).probabilities.shape == (3, 2)
    assert model_of(Loose()).filter(observations, lengths=[1, 2]).lengths.tolist() == [1, 2]
    with pytest.raises(ValueError, match="lengths must sum to the 3 rows of all sequences, got 4"):
        model_of(Loose()).filter(observations, lengths=[2, 2])


def test_an_emission_of_the_library_that_was_changed_is_counted_too():
    class Differences(Poisson):
        def log_likelihoods(self, observations):
            return super().log_likelihoods(np.abs(np.diff(observations)))

    with pytest.raises(ValueError, match=r"log_likelihoods of Differences .* \(4, 2\), .* got \(3, 2\)"):
        hf.HMM(START, MOVES, Differences([1.0, 5.0])).smooth([0, 3, 1, 5])


class Autoregressive:
    """Each value around a share of the one before it, which stands beside it."""

    n_states, sample = 2, None

    def log_likelihoods(self, observations):
        value, before = np.asarray(observations, dtype=float).T
        return -0.5 * (value[:, None] - before[:, None] * [0.9, -0.9]) ** 2


def test_values_that_carry_those_before_them_are_the_same_in_any_company():
    x = np.random.default_rng(0).normal(size=40).cumsum()
    pairs, model = np.column_stack([x[1:], x[:-1]]), model_of(Autoregressive())
    whole, stream = model.filter(pairs).log_probabilities, model.online()
    assert_same_bits([whole], [np.stack([stream.observe(pair) for pair in pairs])])
    blocks = model.filter_blocks([pairs[:7], pairs[7:8], pairs[8:]])
    assert_same_bits([whole], [np.concatenate([block.log_probabilities for block in blocks])])
