"""Observations as people have them: columns, frames of any library, missing values of any kind, times."""

import datetime
from decimal import Decimal

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


# Missing values of any kind.

COUNTS = hf.HMM(START, MOVES, Poisson([1.0, 5.0]))
GAPS = [1, None, 0]

GAPPY = {
    "nullable": pd.Series(GAPS, dtype="Int64"),
    "nullable floats": pd.Series(GAPS, dtype="Float64"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "objects": pd.Series(GAPS, dtype=object),
    "objects with NA": pd.Series([1, pd.NA, 0], dtype=object),
    "arrow": pd.Series(GAPS, dtype="int64[pyarrow]"),
    "dated": pd.Series([1, NAN, 0], index=pd.date_range("2020-01-01", periods=3)),
    "nullable frame": pd.DataFrame({"x": pd.array(GAPS, dtype="Int64")}),
    "extension array": pd.array(GAPS, dtype="Int64"),
    "list with NA": [1, pd.NA, 0],
    "list of rows with NA": [[1], [pd.NA], [0]],
    "polars": pl.Series(GAPS),
    "polars, yes or no": pl.Series([True, None, False]),
    "polars frame": pl.DataFrame({"x": GAPS}),
    "pyarrow": pa.array(GAPS),
    "pyarrow, yes or no": pa.array([True, None, False]),
    "pyarrow, chunked": pa.chunked_array([[1, None], [0]]),
    "pyarrow table": pa.table({"x": GAPS}),
    "xarray": xr.DataArray([1, NAN, 0], dims="step"),
    "masked": np.ma.array([1, 9, 0], mask=[0, 1, 0]),
    "masked objects": np.ma.array([1, "x", 0], mask=[0, 1, 0], dtype=object),
    "masked column": np.ma.array([[1], [9], [0]], mask=[[0], [1], [0]]),
    "float32": [np.float32(1), np.float32(NAN), np.float16(0)],
}


@pytest.mark.parametrize("observations", GAPPY.values(), ids=GAPPY)
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
def test_missing_is_what_others_call_so(observations, emission):
    assert_same_bits([emission.log_likelihoods(observations)], [emission.log_likelihoods(GAPS)])


@pytest.mark.parametrize("observations", GAPPY.values(), ids=GAPPY)
def test_also_in_a_list_of_sequences(observations):
    got = COUNTS.smooth([observations, [1, 0], observations])
    assert_same_bits([got.probabilities], [COUNTS.smooth([GAPS, [1, 0], GAPS]).probabilities])


def test_sequences_that_are_all_of_pandas():
    series = [pd.Series(GAPS, dtype="Int64"), pd.Series([True, None], dtype="boolean"), pd.Series([0.0])]
    got = COUNTS.smooth(series)
    assert_same_bits([got.probabilities], [COUNTS.smooth([GAPS, [1, None], [0]]).probabilities])


@pytest.mark.parametrize(
    "nothing", [None, NAN, np.float32("nan"), pd.NA, np.ma.masked, [pd.NA], np.ma.array([1], mask=[1])], ids=str
)
def test_a_stream_observes_nothing(nothing):
    assert_same_bits([COUNTS.online().observe(nothing)], [COUNTS.online().observe(None)])


PLANE = hf.HMM(START, MOVES, Gaussian([[0.0, 0.0], [3.0, 3.0]], [[[1.0, 0.5], [0.5, 1.0]]] * 2))
POINTS = [[0.1, 0.2], [None, None], [None, 3.0]]


@pytest.mark.parametrize(
    "points",
    [
        [[0.1, 0.2], None, [None, 3.0]],
        [[0.1, 0.2], NAN, [NAN, 3.0]],
        [[0.1, 0.2], pd.NA, [pd.NA, 3.0]],
        [[0.1, 0.2], np.ma.masked, [np.ma.masked, 3.0]],
        [np.array([0.1, 0.2]), NAN, np.array([NAN, 3.0])],
        (np.array([0.1, 0.2]), np.float32("nan"), np.ma.array([9.0, 3.0], mask=[1, 0])),
        [pd.Series([0.1, 0.2]), pd.NA, pd.Series([None, 3.0], dtype="Float64")],
        pd.DataFrame({"x": [0.1, None, None], "y": [0.2, None, 3.0]}, dtype="Float64"),
        pd.DataFrame({"x": [0.1, None, None], "y": [0.2, None, 3.0]}, index=pd.date_range("2020", periods=3)),
        pd.DataFrame({"x": [0.1, pd.NA, pd.NA], "y": [0.2, pd.NA, 3.0]}, dtype=object),
        pl.DataFrame({"x": [0.1, None, None], "y": [0.2, None, 3.0]}),
        pa.table({"x": [0.1, None, None], "y": [0.2, None, 3.0]}),
        xr.DataArray([[0.1, 0.2], [NAN, NAN], [NAN, 3.0]], dims=["step", "axis"]),
        np.ma.array([[0.1, 0.2], [9, 9], [9, 3.0]], mask=[[0, 0], [1, 1], [1, 0]]),
    ],
    ids=range(14),
)
def test_vectors_that_are_missing(points):
    assert_same_bits([PLANE.smooth(points).probabilities], [PLANE.smooth(POINTS).probabilities])
    several = PLANE.smooth([points, [[1.0, 1.0]]])
    assert_same_bits([several.probabilities[:3]], [PLANE.smooth(POINTS).probabilities])


@pytest.mark.parametrize("nothing", [None, NAN, pd.NA, np.ma.masked, [NAN, pd.NA], [None, np.ma.masked]], ids=str)
def test_a_stream_observes_no_vector(nothing):
    assert_same_bits([PLANE.online().observe(nothing)], [PLANE.online().observe(None)])
    assert_same_bits(
        [PLANE.smooth([[[0, 0]], [nothing]]).probabilities], [PLANE.smooth([[[0, 0]], [None]]).probabilities]
    )


REFUSED = [
    (COUNTS, [[1, pd.NA], [pd.NA, "x"]], TypeError, "sequence 1: observations[1] must be a number"),
    (COUNTS, [pd.Series([1]), pd.Series([0, None, -1])], ValueError, "sequence 1: observations[2] must be a whole"),
    (COUNTS, [[[1]], [[0], [1.5]]], ValueError, "sequence 1: observations[1] must be a whole number from 0 up"),
    (COUNTS, [[], [1, 1.5]], ValueError, "sequence 1: observations[1] must be a whole number from 0 up"),
    (COUNTS, [[1], ["x"]], TypeError, "observations[1] must be a number, or NaN or None where missing, got 'x'"),
    (COUNTS, [[1], [1.5]], ValueError, "observations[1] must be a whole number from 0 up, or missing, got 1.5"),
    (PLANE, [[[0, 0]], [[0, 0], [1, "x"]]], TypeError, "sequence 1: observations[1, 1] must be a number"),
    (PLANE, [[[0, 0]], [None, 3]], TypeError, "sequence 1: observations[1] must be a vector of 2, or NaN or None"),
    (PLANE, [[[0, 0]], [NAN, 3]], ValueError, "sequence 1: observations must have shape (T, 2), got (2,)"),
    (COUNTS, pd.Series([1, 2, -1], index=[7, 8, 9]), ValueError, "observations[2] must be a whole number"),
]


@pytest.mark.parametrize(("model", "observations", "error", "message"), REFUSED, ids=[case[3] for case in REFUSED])
def test_a_refusal_says_which_entry_of_which_sequence(model, observations, error, message):
    with pytest.raises(error) as caught:
        model.smooth(observations)
    assert str(caught.value).startswith(message)


def test_a_frame_with_more_than_the_observations():
    with pytest.raises(TypeError, match=r"observations\[0\] must be a number.*: of several columns, choose one"):
        COUNTS.smooth(pd.DataFrame({"who": ["a", "b"], "x": [1, 2]}))
    with pytest.raises(TypeError, match=r"observations\[1\] must be a number.*, got 'x'$"):
        COUNTS.smooth([1, "x"])


DAY, HOURS = np.datetime64("2020-01-01"), np.timedelta64(3, "h")
TIMES = {
    "a day": [DAY, DAY],
    "days": np.array([DAY, DAY]),
    "nanoseconds": np.array([DAY, DAY]).astype("datetime64[ns]"),
    "a column": np.array([[DAY], [DAY]]),
    "masked": np.ma.array([DAY, DAY], mask=[0, 1]),
    "no time": np.array(["NaT", "NaT"], dtype="datetime64[s]"),
    "spans": np.array([HOURS, HOURS]),
    "spans in nanoseconds": np.array([HOURS, HOURS]).astype("timedelta64[ns]"),
    "a span": [HOURS],
    "Python": [datetime.datetime(2020, 1, 1)],
    "Python's day": [datetime.date(2020, 1, 1)],
    "Python's span": [datetime.timedelta(1)],
    "pandas": pd.Series(pd.date_range("2020", periods=2)),
    "pandas, aware": pd.Series(pd.date_range("2020", periods=2, tz="UTC")),
    "pandas index": pd.date_range("2020", periods=2),
    "pandas frame": pd.DataFrame({"t": pd.date_range("2020", periods=2)}),
    "pandas spans": pd.Series(pd.to_timedelta([1, 2], unit="s")),
    "polars": pl.Series([datetime.date(2020, 1, 1)]),
    "polars spans": pl.Series([datetime.timedelta(1)]),
    "pyarrow": pa.array([datetime.datetime(2020, 1, 1)]),
    "xarray": xr.DataArray(np.array([DAY, DAY]).astype("datetime64[ns]"), dims="t"),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize(
    "emission",
    [
        Poisson([1.0, 5.0]),
        Gaussian([0.0, 1.0], [1.0, 1.0]),
        Categorical([[0.5, 0.5]] * 2),
        FromScipy([stats.norm()] * 2),
    ],
    ids=["Poisson", "Gaussian", "Categorical", "FromScipy"],
)
def test_times_are_no_numbers(times, emission):
    model = hf.HMM(START, MOVES, emission)
    for refused in (times, [times, [1, 0]]):
        with pytest.raises(
            TypeError, match=r"observations\[0\] must be a number, or NaN or None where missing, got "
        ) as caught:
            model.smooth(refused)
        assert str(caught.value).endswith(
            ": times become numbers by division, as (times - start) / np.timedelta64(1, 's')"
        )


def test_times_in_vectors_are_no_numbers_either():
    for points in ([[0.0, DAY]], np.array([[DAY, DAY]]), [np.array([HOURS, HOURS])]):
        with pytest.raises(TypeError, match=r"observations\[0, \d\] must be a number, .* times become numbers by"):
            PLANE.smooth(points)
    with pytest.raises(TypeError, match=r"observations\[0\] must be a number, .* times become numbers by division"):
        COUNTS.online().observe(DAY)


def test_times_may_be_symbols():
    days = [DAY, np.datetime64("2020-01-02")]
    model = hf.HMM(START, MOVES, Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=days))
    assert model.viterbi(np.array(days)).path.tolist() == COIN_OF_DAYS.viterbi([0, 1]).path.tolist()


COIN_OF_DAYS = hf.HMM(START, MOVES, Categorical([[0.5, 0.5], [0.9, 0.1]]))


DECIMALS = [Decimal(2), None, Decimal("NaN"), Decimal("0")]


@pytest.mark.parametrize(
    "decimals",
    [DECIMALS, [[x] for x in DECIMALS], np.array(DECIMALS), pa.array([Decimal(2), None, None, Decimal(0)])],
    ids=["list", "column", "array", "pyarrow"],
)
def test_decimals_are_numbers(decimals):
    model = hf.HMM(START, MOVES, Poisson([1.0, 5.0]))
    expected = model.smooth([2, None, None, 0])
    assert_same_bits([model.smooth(decimals).probabilities], [expected.probabilities])
    assert_same_bits([model.online().observe(Decimal(2))], [model.online().observe(2)])
    (line,) = expected.plot(decimals).figure.axes[1].lines
    np.testing.assert_array_equal(line.get_ydata(), [2, NAN, NAN, 0])


def test_a_decimal_may_be_missing_among_symbols_and_vectors():
    nothing = Decimal("NaN")
    coin = hf.HMM(START, MOVES, Categorical([[0.7, 0.3], [0.3, 0.7]], symbols=["heads", "tails"]))
    for model, seen in ((coin, "tails"), (PLANE, [0.1, 0.2])):
        expected = model.smooth([seen, None]).probabilities
        assert_same_bits([model.smooth([seen, nothing]).probabilities], [expected])
