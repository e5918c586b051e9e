"""Tables as people have them, through the command: what is said is read, and the output is in the same dialect."""

import csv
import gzip
import io
import os
import subprocess
import sys

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from tests.cli.commands import COMMAND, floats, table
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL

QUAKES = ["--model", str(EARTHQUAKES_MODEL), "--column", "count"]
COUNTS = [13, None, 40]

SAID = [
    ("t;count\n1;13\n2;\n3;40\n", ["--delimiter", ";"], ";"),
    ("t\tcount\n1\t13\n2\t\n3\t40\n", ["--delimiter", "tab"], "\t"),
    ("t|count\n1|13\n2|\n3|40\n", ["--delimiter", "auto"], "|"),
    ("t;count\n1;13,0\n2;\n3;4,0e1\n", ["--delimiter", "auto", "--decimal", ","], ";"),
    ("t,count\n1,13\n2,n/a\n3,40\n", ["--missing", "n/a,-1"], ","),
    ("t,count\n1,13\n2,-999\n3,40\n", ["--missing", "-999"], ","),
    ("t,count\n1,13\n2,-999\n3,40\n", ["--missing=-999,n/a"], ","),
    ("t,count\n1,13\n2,NA\n3,40\n", [], ","),
    ("# of a catalogue\nt, count\n1, 13\n2, ?\n3, 40\n", [], ","),
    ("% of a catalogue\nt,count\n1,13\n2,\n3,40\n", ["--comment", "%"], ","),
]


@pytest.mark.parametrize(("text", "words", "delimiter"), SAID, ids=range(len(SAID)))
@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_a_dialect_that_is_said(tmp_path, capsys, task, text, words, delimiter):
    data = tmp_path / "data.csv"
    data.write_text(text)
    assert cli.main([task, str(data), *QUAKES, *words]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("3 observations (1 missing), ")
    given = [line for line in text.splitlines() if line[0] not in "#%"]
    assert [line.startswith(row + delimiter) for line, row in zip(out.splitlines(), given, strict=True)] == [True] * 4
    added = [row[2:] for row in csv.reader(io.StringIO(out), delimiter=delimiter)][1:]
    model = hf.HMM.from_json(EARTHQUAKES_MODEL)
    if task == "viterbi":
        assert [model.state_names.index(cell) for (cell,) in added] == model.viterbi(COUNTS).path.tolist()
    else:
        numbers = [floats([cell.replace(",", ".") for cell in row[:3]]) for row in added]
        assert np.array_equal(numbers, getattr(model, task)(COUNTS).probabilities)


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_without_a_header_there_is_none_in_the_output(quakes, task, capsys):
    status, with_header, _ = quakes("t,count\na,13\nb,\nc,40\n", "--column", "count", task=task)
    assert status == 0
    rows = list(zip(*with_header.values(), strict=True))
    status, without, _ = quakes("a,13\nb,\nc,40\n", "--column", "2", "--no-header", task=task)
    assert status == 0
    assert list(without)[:2] == ["a", "13"]  # the first row, where names are in another table
    assert list(zip(*without.values(), strict=True)) == rows[1:]


def test_numbers_of_columns_may_be_several(quakes, tmp_path):
    model = tmp_path / "model.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]])).to_json(model)
    assert quakes("a,1,2\nb,3,4\n", "--column", "2", "3", "--no-header", model=model)[0] == 0
    assert quakes("a,1,2\nb,3,4\n", "--column", "2,3", "--no-header", model=model)[0] == 0


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_the_first_row_is_not_lost(quakes, arriving, task):
    for status, _, err in (quakes("13\n20\n40\n", task=task), arriving("13\n20\n40\n", task=task)):
        assert status == 2
        assert "line 1 must name the columns, got '13': add --no-header where it is a row" in err
    assert quakes("13\n20\n40\n", "--no-header", task=task)[2].startswith("3 observations, ")
    assert arriving("13\n20\n40\n", "--no-header", task=task)[2].startswith("3 observations, ")


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_words_of_truth(quakes, tmp_path, task):
    model = tmp_path / "model.json"
    hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Bernoulli([0.2, 0.7])).to_json(model)
    words = quakes("name,heads\na,true\nb,False\nc,\nd,TRUE\n", task=task, model=model)
    numbers = quakes("name,heads\na,1\nb,0\nc,\nd,1\n", task=task, model=model)
    assert words[0] == 0
    assert list(words[1].values())[2:] == list(numbers[1].values())[2:]


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_compressed_in_and_out(tmp_path, capsys, task):
    data, output, plain = tmp_path / "data.csv.gz", tmp_path / "output.csv.gz", tmp_path / "output.csv"
    data.write_bytes(gzip.compress(EARTHQUAKES.read_bytes()))
    assert cli.main([task, str(data), *QUAKES, "--output", str(output)]) == 0
    assert cli.main([task, str(EARTHQUAKES), *QUAKES, "--output", str(plain)]) == 0
    assert gzip.decompress(output.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_quoted_cells_read_back_as_they_were(quakes, task):
    for cell in ("a\rb", "a\r\nb", 'a "word"', "a,b", " a"):
        quoted = '"' + cell.replace('"', '""') + '"'
        status, columns, _ = quakes(f"note,count\n{quoted},13\nb,20\n", "--column", "count", task=task)
        assert status == 0
        assert list(columns["note"]) == [cell, "b"]


@pytest.mark.parametrize("name", ["a,b", "a\nb", 'a "word"', " a", "ü", "\x1b"])
def test_names_of_states_read_back_as_they_were(tmp_path, capsys, name):
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([10, 20]), [name, "other"])
    model.to_json(tmp_path / "model.json")
    words = ["--model", str(tmp_path / "model.json"), "--column", "count"]
    assert cli.main(["smooth", str(EARTHQUAKES), *words]) == 0
    assert list(table(capsys.readouterr().out)) == ["year", "count", f"p_{name}", "p_other"]
    assert cli.main(["viterbi", str(EARTHQUAKES), *words]) == 0
    assert set(table(capsys.readouterr().out)["state"]) == {name, "other"}


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_a_name_that_cannot_be_encoded_leaves_the_output_as_it_was(tmp_path, capsys, task):
    model, output = tmp_path / "model.json", tmp_path / "output.csv"
    model.write_text(EARTHQUAKES_MODEL.read_text().replace("calm", "\\ud800"))
    output.write_text("before")
    words = ["--model", str(model), "--column", "count", "--output", str(output)]
    assert cli.main([task, str(EARTHQUAKES), *words]) == 2
    assert "state_names must be text that UTF-8 can hold" in capsys.readouterr().err
    assert output.read_text() == "before"


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_the_output_may_take_the_place_of_the_input(tmp_path, capsys, task):
    data, output = tmp_path / "data.csv", tmp_path / "output.csv"
    data.write_bytes(EARTHQUAKES.read_bytes())
    assert cli.main([task, str(data), *QUAKES, "--output", str(output)]) == 0
    assert cli.main([task, str(data), *QUAKES, "--output", str(data)]) == 0
    assert data.read_bytes() == output.read_bytes()


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_a_run_that_fails_leaves_its_input_and_output_as_they_were(tmp_path, capsys, task):
    data = tmp_path / "data.csv"
    text = EARTHQUAKES.read_text() + "2007,none\n"
    data.write_text(text)
    assert cli.main([task, str(data), *QUAKES, "--output", str(data)]) == 2
    assert data.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_leaves_the_input_as_it_was(tmp_path):
    data = tmp_path / "data.csv"
    data.write_bytes(EARTHQUAKES.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *COMMAND, "smooth", str(data), *QUAKES, "--output", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == f"hmmfilter: error: {data}: File too large\n"
    assert data.read_bytes() == EARTHQUAKES.read_bytes()


@pytest.mark.parametrize("way", ["--output", ">>"])
def test_a_stream_does_not_read_its_own_output(tmp_path, way):
    data = tmp_path / "data.csv"
    data.write_bytes(EARTHQUAKES.read_bytes())
    words = ["--output", str(data)] if way == "--output" else []
    with open(data, "rb") as stdin, open(data, "ab") as stdout:
        done = subprocess.run(
            [*COMMAND, "filter", "-", *QUAKES, *words],
            stdin=stdin,
            stdout=subprocess.DEVNULL if words else stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert "must be another file than the one that is read" in done.stderr
    assert data.read_bytes() == EARTHQUAKES.read_bytes()


def test_control_characters_of_a_header_are_written_out(quakes):
    _, _, err = quakes("a\x1b[31m,b\x07\nx,y\n", "--column", "c")
    assert err.endswith("no column 'c'; columns: a\\x1b[31m, b\\x07\n")


def test_a_header_of_a_million_letters_is_not_quoted_whole(quakes):
    _, _, err = quakes(",".join("x" * 1000 + str(c) for c in range(1000)) + "\n1\n", "--column", "c")
    assert len(os.path.basename(err)) < 1000
