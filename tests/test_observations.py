"""Observations as people have them: columns, frames of any library, missing values of any kind, times."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson
from tests.test_changing import assert_same_bits

NAN = np.nan

START, MOVES = [0.9, 0.1], [[0.95, 0.05], [0.05, 0.95]]
COIN = hf.HMM(START, MOVES, Categorical([[0.7, 0.3], [0.3, 0.7]]))
TOSSES = [1, 1, 1, 1, 0, 1]

COLUMNS = {
    "lists": [[1], [1], [1], [1], [0], [1]],
    "tuples": ((1,), (1,), (1,), (1,), (0,), (1,)),
    "array": np.array(TOSSES)[:, None],
    "list of rows": list(np.array(TOSSES)[:, None]),
    "objects": np.array(TOSSES, dtype=object)[:, None],
    "list of objects": list(np.array(TOSSES, dtype=object)[:, None]),
    "masked": np.ma.array(TOSSES)[:, None],
    "pandas": pd.DataFrame({"x": TOSSES}),
    "pandas, nullable": pd.DataFrame({"x": pd.array(TOSSES, dtype="Int64")}),
    "pandas, values": pd.DataFrame({"x": TOSSES}).values.tolist(),
    "polars": pl.DataFrame({"x": TOSSES}),
    "pyarrow": pa.table({"x": TOSSES}),
    "xarray": xr.DataArray(np.array(TOSSES)[:, None], dims=["step", "column"]),
}

ANSWERS = {
    "filter": lambda model, x: model.filter(x).log_probabilities,
    "smooth": lambda model, x: model.smooth(x).log_probabilities,
    "viterbi": lambda model, x: model.viterbi(x).path,
    "n_best": lambda model, x: model.viterbi_n_best(x, 3).paths,
    "max_marginals": lambda model, x: model.max_marginals(x),
    "posterior_decode": lambda model, x: model.posterior_decode(x).path,
    "log_likelihood": lambda model, x: np.array(model.log_likelihood(x)),
    "expected_transitions": lambda model, x: model.expected_transitions(x).counts,
    "pairwise_marginals": lambda model, x: model.pairwise_marginals(x),
    "gradient": lambda model, x: model.log_likelihood_gradient(x).log_likelihoods,
    "sample_paths": lambda model, x: model.sample_paths(x, 3, rng=1),
    "forecast": lambda model, x: model.forecast(x, 2).log_probabilities,
    "filter_blocks": lambda model, x: next(model.filter_blocks([x])).log_probabilities,
    "observe": lambda model, x: np.array([model.online().observe(item) for item in _items(x)]),
    "emission": lambda model, x: model.emission.log_likelihoods(x),
    "lengths": lambda model, x: model.smooth(x, lengths=[2, 4]).log_probabilities,
    "in a list": lambda model, x: model.smooth([x, [1, 0]]).log_probabilities,
}


def _items(x):
    return x if isinstance(x, (list, tuple)) else list(np.asarray(x))


def test_a_column_of_nested_lists_is_one_sequence():
    x = [[1], [1], [1], [1], [0], [1]]
    assert COIN.viterbi(x).path.tolist() == [1] * 6
    assert COIN.log_likelihood(x) == pytest.approx(-4.931683042292132, abs=1e-14)
    np.testing.assert_allclose(COIN.expected_transitions(x).counts, [[1.126, 0.237], [0.089, 3.548]], atol=5e-4)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_a_column_says_the_same_as_its_numbers(answer, column):
    assert_same_bits([answer(COIN, column)], [answer(COIN, TOSSES)])


@pytest.mark.parametrize(
    "emission",
    [
        Bernoulli([0.5, 0.1]),
        Poisson([1.0, 2.0]),
        Gaussian([0.0, 1.0], [1.0, 2.0]),
        FromScipy([stats.norm(), stats.t(3)]),
        Categorical([[0.5, 0.5], [1.0, 0.0]]),
        Categorical([[0.5, 0.5], [1.0, 0.0]], symbols=[0, 1]),
    ],
    ids=["Bernoulli", "Poisson", "Gaussian", "FromScipy", "Categorical", "symbols"],
)
@pytest.mark.parametrize("rows", [[[1], None, [0]], [[1], [NAN], [0]], [[1], [pd.NA], [0]], [[1], NAN, [0]]], ids=str)
def test_a_column_may_have_gaps(emission, rows):
    assert_same_bits([emission.log_likelihoods(rows)], [emission.log_likelihoods([1, None, 0])])
    assert hf.HMM(START, MOVES, emission).filter(rows).lengths is None


def test_what_is_no_column_is_a_list_of_sequences():
    for several in ([[1], [1, 0]], [[1, 0]], [[1], []], [[[1]], [[0]]], [np.ones((1, 1)), np.zeros((1, 1))]):
        assert COIN.smooth(several).lengths.tolist() == list(map(len, several))
    assert COIN.smooth([[1], [1], [0]], lengths=[2, 1]).lengths.tolist() == [2, 1]
    with pytest.raises(TypeError, match=r"observations\[1\] must be a sequence as the others are, got 1"):
        COIN.smooth([[1, 0], 1])
    with pytest.raises(TypeError, match=r"observations\[0\] must be a sequence as the others are, got 1"):
        COIN.smooth([1, [0]])
    with pytest.raises(ValueError, match=r"observations must have shape \(T,\), got \(2, 2\)"):
        COIN.smooth(np.ones((2, 2)))


@pytest.mark.parametrize(
    "columns",
    [
        [np.ones((3, 1)), np.zeros((2, 1))],
        [[[1], [1], [1]], [[0], [0]]],
        [np.ones((3, 1)), [0, 0]],
        [np.ones((3, 1)), np.zeros(2)],
        [pd.DataFrame({"x": [1, 1, 1]}), pd.DataFrame({"x": [0, 0]})],
        [pd.DataFrame({"x": [1, 1, 1]}), pl.DataFrame({"x": [0, 0]}), []],
        [pa.table({"x": [1, 1, 1]}), pa.table({"x": [0, 0]})],
    ],
    ids=range(7),
)
def test_sequences_of_columns(columns):
    got, expected = COIN.smooth(columns), COIN.smooth([[1, 1, 1], [0, 0]])
    assert_same_bits([got.probabilities], [expected.probabilities])
    assert got.lengths.tolist() == list(map(len, columns))


class Own:
    """An emission of somebody's own, which takes what it likes; with a name that the library also uses."""

    n_states, n_dimensions, sample = 2, None, None

    def log_likelihoods(self, observations):
        self.given = observations
        return np.zeros((len(observations), 2))


@pytest.mark.parametrize("observations", [[[1], [1, 2], []], [[1], [0]], ["ab", "c"], [[[1, 2]], [[3, 4]]]], ids=str)
def test_what_an_own_emission_is_given_is_not_interpreted(observations):
    emission = Own()
    result = hf.HMM(START, MOVES, emission).filter(observations)
    assert emission.given is observations
    assert result.lengths is None
