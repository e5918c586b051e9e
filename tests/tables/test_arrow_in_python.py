"""Tables and columns of Arrow, and frames of polars, are let in as those of pandas are."""

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

START, MOVES = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
REALS = hf.emissions.Gaussian([0.0, 1.0], [1.0, 2.0])
VECTORS = hf.emissions.Gaussian([[0.0, 1.0], [1.0, 0.0]], np.eye(2), kind="tied")
WORDS = hf.emissions.Categorical([[0.9, 0.1], [0.2, 0.8]], symbols=["wet", "dry"])
X, Y, W = [0.5, None, 1.5], [1.0, 2.0, None], ["wet", None, "dry"]
TIMES = np.array([0, 24, 72], "M8[h]").astype("M8[ms]")
TABLES = {
    "pandas": pd.DataFrame,
    "arrow": pa.table,
    "batch": lambda columns: pa.table(columns).to_batches()[0],
    "polars": pl.DataFrame,
}
COLUMNS = {
    "pandas": pd.Series,
    "arrow": pa.array,
    "chunks": lambda column: pa.chunked_array([pa.array(column[:1]), pa.array(column[1:])]),
    "polars": pl.Series,
}
by_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
by_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)


def the_same(model, found, expected, **beside):
    given = {name: made for name, (made, _) in beside.items()}
    plain = {name: made for name, (_, made) in beside.items()}
    asked, known = model.smooth(found, **given), model.smooth(expected, **plain)
    assert np.array_equal(asked.probabilities, known.probabilities)


@by_column
@pytest.mark.parametrize(("emission", "entries"), [(REALS, X), (WORDS, W)], ids=["numbers", "words"])
def test_columns(column, emission, entries):
    the_same(hf.HMM(START, MOVES, emission), column(entries), entries)


def test_columns_with_a_dictionary():
    the_same(hf.HMM(START, MOVES, WORDS), pa.array(W).dictionary_encode(), W)


@by_table
def test_tables_of_one_column(table):
    the_same(hf.HMM(START, MOVES, REALS), table({"x": X}), X)
    the_same(hf.HMM(START, MOVES, WORDS), table({"w": W}), W)


@by_table
def test_tables_of_vectors(table):
    the_same(hf.HMM(START, MOVES, VECTORS), table({"x": X, "y": Y}), np.array([X, Y], dtype=float).T)


@by_table
def test_channels_by_name_and_in_order(table):
    rows = list(zip(X, W, strict=True))
    by_name = hf.HMM(START, MOVES, hf.emissions.Product({"x": REALS, "w": WORDS}))
    the_same(by_name, table({"w": W, "more": Y, "x": X}), rows)
    the_same(hf.HMM(START, MOVES, hf.emissions.Product([REALS, WORDS])), table({"w": X, "x": W}), rows)
    with pytest.raises(ValueError, match=r"must have one column 'x', got \['w'\]"):
        by_name.smooth(table({"w": W}))


@by_table
def test_covariates_are_taken_by_name(table):
    regression = hf.emissions.Regression([[0.0, 1.0], [1.0, 1.0]], [1.0, 1.0], covariates=["z"])
    known = [1.0, 2.0, 3.0]
    the_same(
        hf.HMM(START, MOVES, regression), X, X, covariates=(table({"y": X, "z": known}), pd.DataFrame({"z": known}))
    )


@by_column
def test_times(column):
    model = hf.HMM(START, hf.transitions.Rates([[0.0, 0.1], [0.2, 0.0]], "D"), REALS)
    the_same(model, X, X, times=(column(TIMES), TIMES))


def test_times_in_a_zone():
    model = hf.HMM(START, hf.transitions.Rates([[0.0, 0.1], [0.2, 0.0]], "D"), REALS)
    the_same(model, X, X, times=(pa.array(TIMES, pa.timestamp("ms", "Asia/Tokyo")), TIMES))
