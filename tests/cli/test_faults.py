"""Rows at fault, and sequences that no path explains: stop, or go on without them."""

import csv
import io

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.cli import evidence
from tests.cli.commands import floats, table
from tests.files import EARTHQUAKES_MODEL

BAD_CELL = ("count,x\n13,\nz,\n20,\n", "line 3: count must be a number or empty, got 'z'")
BAD_COUNT = ("count,x\n13,\n1.5,\n20,\n", "line 3: count must be a whole number from 0 up, or missing, got 1.5")
INFINITE = ("count,x\n13,\ninf,\n20,\n", "line 3: count must be finite, or NaN or None where missing, got inf")
SHORT = ("count,x\n13,\n1\n20,\n", "line 3 must have 2 cells as the header does, got 1")
LONG = ("count,x\n13,\n1,2,3\n20,\n", "line 3 must have 2 cells as the header does, got 3")
NO_TEXT = (b"count,x\n13,\n1,\xff\n20,\n", "line 3 must be in UTF-8, got the byte 0xff")
NO_CSV = ('count,x\n13,\n"1"2,\n20,\n', "line 3 must be CSV: ")
FAULTS = {"cell": BAD_CELL, "count": BAD_COUNT, "infinite": INFINITE, "short": SHORT, "long": LONG}
FAULTS |= {"no text": NO_TEXT, "no CSV": NO_CSV}
CELL_FAULTS = ("cell", "count", "infinite")  # of rows whose cells are those of their columns
WORDS = ["--column", "count", "--on-error"]


@pytest.fixture(params=["filter", "smooth", "viterbi", "live"])
def work(request, quakes, arriving):
    """A task on a text, from a file or as it arrives; the status, the columns of the output, standard error."""

    def command(text, *words, model=EARTHQUAKES_MODEL):
        if request.param == "live":
            status, out, err = arriving(text, *words, model=model)
            return status, table(out), err
        return quakes(text, *words, task=request.param, model=model)

    return command


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_at_fault_is_left_out(work, fault):
    text, message = FAULTS[fault]
    status, columns, err = work(text, *WORDS, "skip")
    assert (status, columns["count"]) == (0, ("13", "20"))
    note, summary = err.splitlines()
    assert note.startswith("hmmfilter: ")
    assert message in note
    assert note.endswith(": left out")
    assert summary.startswith("2 observations, 1 row left out, 3 states, ")
    clean = work("count,x\n13,\n20,\n", "--column", "count")[1]
    assert columns == clean


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_at_fault_is_taken_as_missing(work, fault):
    """Where its cells are not those of its columns, it has no place in the output."""
    text, message = FAULTS[fault]
    status, columns, err = work(text, *WORDS, "missing")
    note, summary = err.splitlines()
    assert status == 0
    assert message in note
    if fault in CELL_FAULTS:
        assert columns["count"][::2] == ("13", "20")
        assert note.endswith(": taken as missing")
        assert summary.startswith("3 observations (1 missing, 1 of them at fault), 3 states, ")
        clean = work("count,x\n13,\n,\n20,\n", "--column", "count")[1]
        assert {**columns, "count": clean["count"]} == clean
    else:
        assert columns["count"] == ("13", "20")
        assert note.endswith(": left out")
        assert summary.startswith("2 observations, 1 row left out, 3 states, ")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stop", [[], ["--on-error", "stop"]], ids=["unless told otherwise", "where told"])
def test_a_row_at_fault_stops_the_work(quakes, fault, stop):
    text, message = FAULTS[fault]
    status, columns, err = quakes(text, "--column", "count", *stop)
    assert (status, columns) == (2, {})
    assert err.startswith("hmmfilter: error: ")
    assert message in err


def test_the_first_row_at_fault_is_named_whatever_its_fault(quakes):
    text = "count\n13\n1.5\nx\ninf\n"
    assert "line 3: count must be a whole number" in quakes(text, "--column", "count")[2]


def test_many_rows_at_fault_are_counted_but_not_all_named(work):
    n_faults = evidence.MOST_NOTES + 4
    status, columns, err = work("count\n13\n" + "x\n" * n_faults, *WORDS, "skip")
    assert (status, columns["count"]) == (0, ("13",))
    *notes, further, summary = err.splitlines()
    assert [note.split(": ")[2] for note in notes] == [f"line {t}" for t in range(3, 3 + evidence.MOST_NOTES)]
    assert further == "hmmfilter: further rows at fault are only counted"
    assert summary.startswith(f"1 observation, {n_faults} rows left out, ")


@pytest.mark.parametrize("task", ["smooth", "viterbi"])
def test_no_row_is_left(quakes, task):
    status, _, err = quakes("count\nx\n", *WORDS, "skip", task=task)
    assert status == 2
    assert err.endswith("data.csv: at least one row must be left, got none\n")


def test_a_model_for_other_columns_is_no_fault_of_a_row(work):
    status, columns, err = work("a,b\n1,2\n", "--column", "a,b", "--on-error", "skip")
    assert (status, columns) == (2, {})
    assert "observations must have shape (T,), got (1, 2)" in err


def test_a_header_at_fault_is_always_refused(work):
    assert "line 1 must be in UTF-8" in work(b"c\xff\n1\n", "--on-error", "skip")[2]


def test_rows_at_fault_do_not_move_the_others(quakes):
    """Of several sequences, in several blocks: each row gets the cells that it gets without those at fault."""
    text = "who,count\nb,13\na,x\na,40\nb,\nb\na,1.5\n,20\na,30\nb,14\n"
    clean = "who,count\nb,13\na,40\nb,\n,20\na,30\nb,14\n"
    words = ["--sequence", "who", *WORDS, "skip"]
    assert quakes(text, *words, task="smooth")[1] == quakes(clean, *words, task="smooth")[1]


def test_the_column_is_found_in_the_first_row_that_is_none_at_fault(work, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 1)
    status, columns, _ = work("name,count\na\na,13,1\nb,20\n", "--on-error", "skip")
    assert (status, columns["name"]) == (0, ("b",))
    assert "at least one row are required" in work("name,count\n", "--on-error", "skip")[2]


def test_a_picture_of_rows_of_which_the_first_are_left_out(quakes, monkeypatch, tmp_path):
    monkeypatch.setattr(evidence, "MOST_ROWS", 1)
    plot = tmp_path / "plot.png"
    assert quakes("name,count\na\nb,20\nc,21\n", "--on-error", "skip", "--plot", plot, task="filter")[0] == 0
    assert plot.stat().st_size > 1000


def test_a_picture_of_what_is_marked(quakes, tmp_path, certain):
    for task in ("filter", "smooth", "viterbi"):
        plot = tmp_path / f"{task}.png"
        assert quakes("x\n1\n0\n1\n", "--impossible", "mark", "--plot", plot, task=task, model=certain)[0] == 0
        assert plot.stat().st_size > 1000


@pytest.fixture
def certain(tmp_path):
    """A model that knows nothing but ones."""
    path = tmp_path / "certain.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(path)
    return path


IMPOSSIBLE = "who,x\na,1\nb,1\nb,0\na,1\nb,1\n"


def test_an_impossible_sequence_is_marked_and_the_others_go_on(work, certain):
    words = ["--sequence", "who", "--column", "x", "--impossible", "mark"]
    status, columns, err = work(IMPOSSIBLE, *words, model=certain)
    assert status == 0
    assert err.startswith("5 observations, 2 sequences (1 impossible), 1 state, log-likelihood -inf")
    if "state" in columns:
        assert columns["state"] == ("0", "", "", "0", "")
        return
    rows = slice(2, None) if "log_increment" in columns else slice(None)  # a filter knows the rows before
    assert columns["p_0"][0] == columns["p_0"][3] == "1.0"
    assert [columns["p_0"][t] for t in (1, 2, 4)] == (["1.0", "nan", "nan"] if rows.start else ["nan"] * 3)
    if "log_increment" in columns:
        assert columns["log_increment"] == ("0.0", "0.0", "-inf", "0.0", "nan")


def test_a_single_sequence_is_marked(work, certain):
    status, _, err = work("x\n1\n0\n1\n", "--impossible", "mark", model=certain)
    assert (status, err.split(", log-likelihood ")[0]) == (0, "3 observations, 1 state")
    assert "log-likelihood -inf" in err


def test_what_is_marked_is_what_the_library_marks(quakes, tmp_path):
    """Also in the middle of a block, and from the first row on."""
    model = hf.HMM([0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]], hf.emissions.Categorical([[0.9, 0.1, 0, 0], [0.5, 0, 0.5, 0]]))
    model.to_json(tmp_path / "model.json")
    for symbols in ([0, 0, 1, 2, 0], [1, 2], [3, 0], [0, 0]):
        text = "x\n" + "".join(f"{x}\n" for x in symbols)
        _, columns, _ = quakes(text, "--impossible", "mark", model=tmp_path / "model.json", task="filter")
        filtered = model.filter(symbols, impossible="mark")
        assert np.array_equal(floats(columns["p_1"]), filtered.probabilities[:, 1], equal_nan=True)
        assert np.array_equal(floats(columns["log_increment"]), filtered.log_increments, equal_nan=True)


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_where_no_path_leads_on_a_sequence_begins_afresh(quakes, tmp_path, task):
    model = hf.HMM([0.5, 0.5], np.eye(2), hf.emissions.Categorical(np.eye(2)))
    model.to_json(tmp_path / "model.json")
    symbols, words = [0, 0, 1, 1, 0], ["--impossible", "restart"]
    status, columns, err = quakes("x\n0\n0\n1\n1\n0\n", *words, model=tmp_path / "model.json", task=task)
    assert (status, "2 restarts" in err) == (0, True)
    whole = getattr(model, task)(symbols, impossible="restart")
    np.testing.assert_array_equal(floats(columns["p_1"]), whole.probabilities[:, 1])


def test_an_impossible_sequence_stops_the_work_at_its_line(work, certain):
    status, _, err = work(IMPOSSIBLE, "--sequence", "who", "--column", "x", model=certain)
    assert status == 2
    assert "line 4, sequence 'b': the evidence is impossible from step 1 on: no path " in err
    assert err.endswith("above zero there: --impossible mark goes on all the same\n")
    assert work("x\n\n1\n\n0\n", model=certain)[2].count("line 5: the evidence is impossible from step 3 on") == 1


def test_rows_before_an_impossible_one_are_written(arriving, certain):
    status, out, _ = arriving(IMPOSSIBLE, "--sequence", "who", "--column", "x", model=certain)
    assert status == 2
    assert [row[:2] for row in csv.reader(io.StringIO(out))] == [["who", "x"], ["a", "1"], ["b", "1"]]
