"""Symbols that have names: what is observed, drawn, foretold, and kept in files."""

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import hmmfilter as hf
from hmmfilter.emissions import Categorical
from tests.test_changing import assert_same_bits

PROBABILITIES = [[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]
START, MOVES = [0.6, 0.4], [[0.9, 0.1], [0.2, 0.8]]
NUMBERED = hf.HMM(START, MOVES, Categorical(PROBABILITIES))
STRAND = hf.HMM(START, MOVES, Categorical(PROBABILITIES, symbols=["A", "C", "G", "T"]))
NUMBERS, LETTERS = [0, 2, None, 3], ["A", "G", None, "T"]


@pytest.mark.parametrize(
    "observations",
    [
        LETTERS,
        tuple(LETTERS),
        ["A", "G", np.nan, "T"],
        ["A", "G", pd.NA, "T"],
        ["A", "G", np.ma.masked, "T"],
        np.ma.array(["A", "G", "C", "T"], mask=[0, 0, 1, 0]),
        np.array(LETTERS, dtype=object),
        [[letter] for letter in LETTERS],
        [["A"], ["G"], None, ["T"]],
        np.array(LETTERS, dtype=object)[:, None],
        pd.Series(LETTERS),
        pd.Series(LETTERS, dtype="string"),
        pd.Series(LETTERS, dtype="category"),
        pd.Categorical(LETTERS),
        pd.Series(LETTERS, index=pd.date_range("2020-01-01", periods=4)),
        pd.DataFrame({"base": LETTERS}),
        pd.DataFrame({"base": LETTERS}, dtype="category"),
        pl.Series(LETTERS),
        pl.Series(LETTERS, dtype=pl.Categorical),
        pl.DataFrame({"base": LETTERS}),
        pa.array(LETTERS),
        pa.array(LETTERS).dictionary_encode(),
        pa.table({"base": LETTERS}),
    ],
    ids=range(23),
)
def test_observations_are_the_symbols(observations):
    assert_same_bits([STRAND.smooth(observations).probabilities], [NUMBERED.smooth(NUMBERS).probabilities])


def test_arrays_of_strings():
    assert STRAND.viterbi(np.array(["A", "T", "T"])).path.tolist() == NUMBERED.viterbi([0, 3, 3]).path.tolist()
    assert STRAND.viterbi(np.array([["A"], ["T"]])).path.tolist() == NUMBERED.viterbi([0, 3]).path.tolist()


SYMBOLS = {
    "numbers": [10, 20, 30, 40],
    "floats": [0.5, 1.5, float("inf"), -1e300],
    "tuples": [(0, 1), (1, 0), (), (0, (1, 1))],
    "mixed": ["A", 1, (2, 3), None.__class__],
    "numpy": np.array([10, 20, 30, 40]),
    "strings of numpy": np.array(["A", "C", "G", "T"]),
    "index": pd.Index(["A", "C", "G", "T"]),
    "bytes": [b"A", b"C", b"G", b"T"],
    "ends in nothing": ["A", "A\0", "A ", ""],
    "words for nothing": ["nan", "NA", "None", "null"],
}


@pytest.mark.parametrize("symbols", SYMBOLS.values(), ids=SYMBOLS)
def test_any_hashable_is_a_symbol(symbols):
    emission = Categorical(PROBABILITIES, symbols)
    model = hf.HMM(START, MOVES, emission)
    named = [emission.symbols[m] for m in (0, 2, 3)]
    expected = NUMBERED.smooth([0, 2, 3, None])
    assert_same_bits([model.smooth([*named, None]).probabilities], [expected.probabilities])
    several = model.smooth([named, [None, named[0]]])
    assert_same_bits([several.probabilities], [NUMBERED.smooth([[0, 2, 3], [None, 0]]).probabilities])
    assert_same_bits([model.online().observe(named[1])], [NUMBERED.online().observe(2)])
    _, drawn = model.simulate(40, rng=0)
    assert drawn.tolist() == [emission.symbols[m] for m in NUMBERED.simulate(40, rng=0)[1]]
    assert_same_bits([model.smooth(drawn).probabilities], [model.smooth(drawn.tolist()).probabilities])
    assert pickle.loads(pickle.dumps(emission)).symbols == emission.symbols


def test_drawn_symbols_have_the_dtype_of_their_kind():
    rng = np.random.default_rng(0)
    kinds = {"numbers": "i", "floats": "f", "tuples": "O", "mixed": "O", "index": "U", "ends in nothing": "O"}
    assert {name: Categorical(PROBABILITIES, SYMBOLS[name]).sample([0], rng).dtype.kind for name in kinds} == kinds


def test_symbols_that_are_tuples_stand_in_a_column_too():
    model = hf.HMM(START, MOVES, Categorical(PROBABILITIES, SYMBOLS["tuples"]))
    assert_same_bits([model.filter([[(0, 1)], [()]]).probabilities], [NUMBERED.filter([0, 2]).probabilities])
    assert model.filter([[(0, 1)], [(), ()]]).lengths.tolist() == [1, 2]


def test_printing():
    assert repr(Categorical([[1.0]])) == "Categorical(probabilities=array([[1.]]))"
    assert repr(Categorical([[1.0]], ["A"])) == "Categorical(probabilities=array([[1.]]), symbols=('A',))"
    numbered = repr(NUMBERED.forecast([3, 3], 1))
    assert " 3 (0." in numbered
    assert repr(STRAND.forecast(["T", "T"], 1)) == numbered.replace(" 3 (0.", " T (0.")
    assert STRAND.forecast(["T"], 1).symbols == ("A", "C", "G", "T")
    assert NUMBERED.forecast([3], 1).symbols is None


REFUSED_SYMBOLS = [
    (["A", "C"], ValueError, "symbols must be 4 different ones, got ['A', 'C']"),
    (["A", "C", "C", "T"], ValueError, "symbols must be 4 different ones, got ['A', 'C', 'C', 'T']"),
    ([1, True, 0, 2], ValueError, "symbols must be 4 different ones, got [1, True, 0, 2]"),
    ("ACGT", TypeError, "symbols must be a list of 4, got 'ACGT': write list('ACGT')"),
    ("AC", TypeError, "symbols must be a list of 4, got 'AC'"),
    (4, TypeError, "symbols must be a list of 4, got 4"),
    (["A", "C", None, "T"], ValueError, "symbols[2] must not be None, which stands for a missing observation"),
    (["A", float("nan"), "G", "T"], ValueError, "symbols[1] must not be nan, which stands for a missing observation"),
    ([pd.NA, "C", "G", "T"], ValueError, "symbols[0] must not be <NA>, which stands for a missing observation"),
    (
        ["A", "C", "G", ["T"]],
        TypeError,
        "symbols[3] must be hashable, as strings, numbers and tuples are, got ['T']",
    ),
]


@pytest.mark.parametrize(("symbols", "error", "message"), REFUSED_SYMBOLS, ids=[case[2] for case in REFUSED_SYMBOLS])
def test_refused_symbols(symbols, error, message):
    with pytest.raises(error) as caught:
        Categorical(PROBABILITIES, symbols=symbols)
    assert str(caught.value) == message


KNOWN = "must be one of 'A', 'C', 'G', 'T', or NaN or None where missing"
REFUSED = [
    (["A", "X"], ValueError, f"observations[1] {KNOWN}, got 'X'"),
    (["A", 0], ValueError, f"observations[1] {KNOWN}, got 0"),
    (["A", {"C"}], ValueError, f"observations[1] {KNOWN}, got {{'C'}}"),
    (["A", "a", "b"], ValueError, f"observations[1] {KNOWN}, got 'a'"),
    ([["A", "C"], ["G", "x"]], ValueError, f"sequence 1: observations[1] {KNOWN}, got 'x'"),
    ([["A"], ["x"]], ValueError, f"observations[1] {KNOWN}, got 'x'"),
    ("ACCA", TypeError, "observations must be a list of symbols, got 'ACCA': write list('ACCA')"),
    ("ACX", TypeError, "observations must be a list of symbols, got 'ACX'"),
    ([], ValueError, "observations must have at least one symbol, got none"),
]


@pytest.mark.parametrize(("observations", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refused_observations(observations, error, message):
    with pytest.raises(error) as caught:
        STRAND.smooth(observations)
    assert str(caught.value) == message


def test_of_many_symbols_a_message_lists_a_few():
    with pytest.raises(ValueError, match=r"must be one of 0, 1, 2, 3, 4, 5, 6, 7, \.\.\., or NaN or None where"):
        Categorical([[0.1] * 10], symbols=list(range(10))).log_likelihoods([10])


@pytest.mark.parametrize("symbols", [["A", "Ä", "", "nan"], [0, 1.5, "0", "x"], [True, False, "T", 2]])
def test_json_keeps_symbols(symbols, tmp_path):
    model = hf.HMM(START, MOVES, Categorical(PROBABILITIES, symbols))
    model.to_json(tmp_path / "model.json")
    twin = hf.HMM.from_json(tmp_path / "model.json")
    assert twin.emission.symbols == model.emission.symbols
    assert list(map(type, twin.emission.symbols)) == list(map(type, symbols))
    twin.to_json(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "model.json").read_bytes()


def test_json_of_a_model_without_symbols_is_as_ever(tmp_path):
    NUMBERED.to_json(tmp_path / "model.json")
    assert set(json.loads((tmp_path / "model.json").read_text())["emission"]) == {"type", "probabilities"}
    assert hf.HMM.from_json(tmp_path / "model.json").emission.symbols is None


@pytest.mark.parametrize(
    ("symbols", "got"),
    [(["A", "C", "G", (1, 2)], "(1, 2)"), (["A", b"C", "G", "T"], "b'C'"), ([1, 2, 3, np.inf], "inf")],
)
def test_json_refuses_other_symbols(symbols, got, tmp_path):
    with pytest.raises(
        TypeError, match="must be a string, a finite number, or True or False to be written as JSON, got "
    ) as caught:
        hf.HMM(START, MOVES, Categorical(PROBABILITIES, symbols)).to_json(tmp_path / "model.json")
    assert str(caught.value).endswith(got)
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ("ACGT", "symbols must be a list of 4, got 'ACGT'"),
        (["A", "C", "G", None], "symbols[3] must not be None, which stands for a missing observation"),
        (["A", "C", "G", ["T"]], "symbols[3] must be hashable"),
        (["A"], "symbols must be 4 different ones, got ['A']"),
    ],
)
def test_json_of_others_is_refused(symbols, message, tmp_path):
    STRAND.to_json(tmp_path / "model.json")
    document = json.loads((tmp_path / "model.json").read_text())
    document["emission"]["symbols"] = symbols
    (tmp_path / "model.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match="holds no valid model: ") as caught:
        hf.HMM.from_json(tmp_path / "model.json")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("symbols", "cells", "observations"),
    [
        (["A", "C", "G", "T"], ["A", "T ", "", "  ", "X", "NA"], ["A", "T", None, None, "X", None]),
        (["NA", "EU", "AS", ""], ["NA", "", "EU", "NaN"], ["NA", "", "EU", "NaN"]),
        ([10, 20, 2.5, "30"], ["10", "20.0", "2.50", "30", "", "1e1", "3"], [10, 20, 2.5, "30", None, 10, "3"]),
        ([" A", "A", "B", "C"], [" A", "A", " B", "A "], [" A", "A", "B", "A"]),
        (None, ["0", "3.0", "", "7"], [0, 3, None, "7"]),
    ],
)
def test_cells_of_a_text_table(symbols, cells, observations):
    assert Categorical(PROBABILITIES, symbols).from_cells(cells, missing=("", "NA")) == observations
