"""Streams that are remembered from run to run."""

import json
import os

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from hmmfilter.cli import memory
from tests.cli.commands import table
from tests.cli.test_live import interrupted
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL

HEADER, *LINES = EARTHQUAKES.read_text().splitlines(keepends=True)
SEQUENCES = ["who,count\n", "b,13\n", "a,40\n", "b,\n", ",20\n", "a,30\n", "b,14\n"]


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state.json"


def text_of(*lines):
    return "".join(lines)


@pytest.mark.parametrize("cuts", [[50], [1], [106], [20, 40, 41]])
def test_runs_that_go_on_say_what_one_run_says(arriving, state, cuts):
    words = ["--column", "count", "--state", state]
    whole = arriving(text_of(HEADER, *LINES), "--column", "count")[1].splitlines()
    said, err = [], ""
    for begin, end in zip([0, *cuts], [*cuts, len(LINES)], strict=True):
        status, out, err = arriving(text_of(HEADER, *LINES[begin:end]), *words)
        assert status == 0
        said += out.splitlines()[1:]
    assert said == whole[1:]
    log_likelihood = "log-likelihood -329.4604"
    last = "1 observation" if cuts == [106] else f"{107 - cuts[-1]} observations"
    assert err == f"{last} after {cuts[-1]} before, 3 states, {log_likelihood}\n"


def test_files_go_on_as_streams_do(arriving, quakes, state):
    words = ["--column", "count", "--state", state]
    whole = table(arriving(text_of(HEADER, *LINES), "--column", "count")[1])
    quakes(text_of(HEADER, *LINES[:60]), *words, task="filter")
    columns = quakes(text_of(HEADER, *LINES[60:]), *words, task="filter")[1]
    assert columns == {name: cells[60:] for name, cells in whole.items()}


def test_each_sequence_has_a_state(arriving, state):
    words = ["--column", "count", "--sequence", "who"]
    whole = arriving(text_of(*SEQUENCES), *words)[1].splitlines()
    first = arriving(text_of(*SEQUENCES[:4]), *words, "--state", state)[1].splitlines()
    document = json.loads(state.read_text())
    assert document["sequence"] == "who"
    assert {name: stream["n_observed"] for name, stream in document["streams"].items()} == {"b": 2, "a": 1}
    second = arriving(text_of(SEQUENCES[0], *SEQUENCES[4:]), *words, "--state", state)
    assert [*first, *second[1].splitlines()[1:]] == whole
    assert second[2].startswith("3 observations after 3 before, 3 sequences, 3 states, ")


def test_an_impossible_sequence_stays_so(arriving, tmp_path, state):
    model = tmp_path / "model.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(model)
    words = ["--sequence", "who", "--column", "x", "--state", state, "--impossible"]
    arriving("who,x\na,1\nb,1\nb,0\n", *words, "mark", model=model)
    assert json.loads(state.read_text())["streams"]["b"] == 1
    status, out, err = arriving("who,x\na,1\nb,1\n", *words, "mark", model=model)
    assert (status, out.splitlines()[2]) == (0, "b,1,nan,nan")
    assert err.startswith("2 observations after 2 before, 2 sequences (1 impossible), ")
    status, out, err = arriving("who,x\na,1\nb,1\n", *words, "raise", model=model)
    assert (status, out.splitlines()[1:]) == (2, ["a,1,1.0,0.0"])
    assert "line 3, sequence 'b': the evidence is impossible from step 1 on" in err


def n_observed(path):
    streams = json.loads(path.read_text())["streams"]
    return {name: stream["n_observed"] for name, stream in streams.items() if stream["n_observed"]}


def test_an_interrupt_leaves_the_state_of_the_rows_that_are_written(arriving, state):
    status, out, _ = arriving(interrupted("count\n", "13\n", "\n"), "--state", state)
    assert (status, out.count("\n")) == (130, 3)
    assert n_observed(state) == {"": 2}


def test_an_interrupt_in_the_middle_of_a_block_undoes_it(arriving, state, monkeypatch):
    """The block is filtered, but not written: it comes again in the next run."""

    def interrupt(*_):
        raise KeyboardInterrupt

    arriving("who,count\na,13\n", "--column", "count", "--sequence", "who", "--state", state)
    before = json.loads(state.read_text())
    monkeypatch.setattr("hmmfilter._tables.Writer.write_numbers", interrupt)
    assert arriving("who,count\na,20\nb,1\n", "--column", "count", "--sequence", "who", "--state", state)[0] == 130
    after = json.loads(state.read_text())
    assert after["streams"]["a"] == before["streams"]["a"]
    assert n_observed(state) == {"a": 1}


@pytest.mark.parametrize("refused", ["x\n", "1.5\n"])
def test_an_error_leaves_the_state_of_the_rows_before_it(arriving, state, refused):
    status, out, _ = arriving(f"count\n13\n20\n{refused}40\n", "--column", "count", "--state", state)
    assert (status, out.count("\n")) == (2, 3)
    assert n_observed(state) == {"": 2}


def test_impossible_evidence_leaves_the_state_of_the_rows_before_it(arriving, tmp_path, state):
    model = tmp_path / "model.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(model)
    words = ["--sequence", "who", "--column", "x", "--state", state]
    assert arriving("who,x\na,1\nb,1\nb,0\na,1\n", *words, model=model)[0] == 2
    assert n_observed(state) == {"a": 1, "b": 1}


def test_a_file_that_is_not_written_leaves_the_state_as_it_was(quakes, state, tmp_path):
    output = tmp_path / "output.csv"
    output.write_text("before")
    words = ["--column", "count", "--state", state, "--output", output]
    assert quakes("count\n13\nx\n", *words, task="filter")[0] == 2
    assert (output.read_text(), n_observed(state)) == ("before", {})
    assert quakes("count\n13\n20\n", *words, task="filter")[0] == 0
    assert n_observed(state) == {"": 2}


def test_a_file_whose_output_is_seen_leaves_the_state_of_the_rows_that_are_written(quakes, state):
    words = ["--column", "count", "--state", state]
    assert quakes("count\n13\nx\n", *words, task="filter")[0] == 2
    assert n_observed(state) == {"": 1}
    assert quakes("count\n13\nx\n", *words, "--output", os.devnull, task="filter")[0] == 2
    assert n_observed(state) == {"": 2}


@pytest.mark.parametrize(("rows", "seconds"), [(2, np.inf), (10**9, 0.0)], ids=["rows", "seconds"])
def test_the_state_is_written_down_now_and_then(arriving, state, monkeypatch, rows, seconds):
    seen = []

    def lines():
        for line in ["count\n", "13\n", "20\n", "30\n", "40\n"]:
            seen.append(n_observed(state).get("", 0) if state.exists() else 0)
            yield line

    monkeypatch.setattr(memory, "ROWS", rows)
    monkeypatch.setattr(memory, "SECONDS", seconds)
    assert arriving(lines(), "--state", state)[0] == 0
    assert seen[-1] >= 2
    assert n_observed(state) == {"": 4}


def test_a_state_that_cannot_be_written_is_told_at_once(arriving):
    status, out, err = arriving("count\n13\n", "--state", "no/such/folder.json")
    assert (status, out) == (2, "")
    assert err.startswith("hmmfilter: error: no/such/folder.json: ")


DOCUMENT = {"format": memory.FORMAT, "sequence": None, "streams": {}}
BAD_STATES = [
    ("", "holds no state to go on from: "),
    ("[" * 100_000, "holds no state to go on from: "),
    (json.dumps([]), "a state must be a JSON object, got list"),
    (json.dumps({**DOCUMENT, "format": "1"}), f"format must be one of {memory.FORMAT}, got '1'"),
    (json.dumps({"format": memory.FORMAT}), "a state must have the keys ['format', 'sequence', 'streams'], got "),
    (json.dumps({**DOCUMENT, "streams": []}), "streams must be a JSON object, got list"),
    (json.dumps({**DOCUMENT, "streams": {"": {}}}), "the snapshot must have the keys "),
    (json.dumps({**DOCUMENT, "streams": {"": -1}}), "the snapshot must be a JSON object, got int"),
    (json.dumps({**DOCUMENT, "streams": {"": True}}), "the snapshot must be a JSON object, got bool"),
    (
        json.dumps({**DOCUMENT, "sequence": "who"}),
        "--sequence must be 'who' as before, got none: another file begins anew",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD_STATES, ids=range(len(BAD_STATES)))
def test_what_is_no_state_is_refused_and_left_alone(arriving, state, text, message):
    state.write_text(text)
    status, out, err = arriving("count\n13\n", "--state", state)
    assert (status, out) == (2, "")
    assert f"{state} " in err
    assert message in err
    assert state.read_text() == text


def test_the_state_of_another_model_is_refused(arriving, state, tmp_path):
    model = hf.HMM.from_json(EARTHQUAKES_MODEL)
    hf.HMM(model.initial, model.transition, hf.emissions.Poisson([1.0, 2.0, 3.0])).to_json(tmp_path / "other.json")
    arriving("count\n13\n", "--state", state)
    status, out, err = arriving("count\n13\n", "--state", state, model=tmp_path / "other.json")
    assert (status, out) == (2, "")
    assert f"{state} holds no state to go on from: " in err
    assert err.endswith("got one with another emission: another file begins anew\n")


def test_a_state_without_sequences_is_refused_where_there_are_some(arriving, state):
    arriving("count\n13\n", "--state", state)
    err = arriving("who,count\na,13\n", "--column", "count", "--sequence", "who", "--state", state)[2]
    assert "--sequence must be left out as before, got 'who'" in err


def test_a_picture_has_no_state(capsys, state):
    words = ["filter", str(EARTHQUAKES), "--model", str(EARTHQUAKES_MODEL), "--column", "count"]
    assert cli.main([*words, "--state", str(state), "--plot", "picture.png"]) == 2
    assert "--state must come without --plot" in capsys.readouterr().err
    assert not state.exists()
