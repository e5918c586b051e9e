"""Rows that arrive: answered at once, and with the text that they get in the whole."""

import contextlib
import csv
import io
import json
import queue
import subprocess
import threading

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from tests.cli.commands import COMMAND, run
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL


def test_each_row_is_filtered_as_it_arrives():
    """Through a pipe that stays open: no row is written before the answer to the one before has come."""
    words = ["--model", str(EARTHQUAKES_MODEL), "--column", "count"]
    whole = run("filter", EARTHQUAKES, *words)
    with subprocess.Popen(
        [*COMMAND, "filter", "-", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        answers = queue.Queue()
        threading.Thread(target=lambda: [answers.put(line) for line in process.stdout], daemon=True).start()
        try:
            for line, expected in zip(
                EARTHQUAKES.read_text().splitlines(keepends=True), whole.stdout.splitlines(keepends=True), strict=True
            ):
                process.stdin.write(line)
                process.stdin.flush()
                assert answers.get(timeout=120) == expected
            process.stdin.close()
            assert process.wait(timeout=120) == 0
            assert process.stderr.read() == whole.stderr
        finally:
            process.kill()


SAME = [
    EARTHQUAKES.read_text(),
    'note,count\n"a, b",13\n"two\nlines",\nü, 20 \n,nan\n',
    b"\xef\xbb\xbfcount,x\r\n13,\r\n\r\n20,\r\n",
    "x,count\r1,13\r2,20\r",
    "count\n\n13\n\n\n40",
    "who,count\nb,13\na,40\nb,\n,20\na,30\nb,14\n",
]


@pytest.mark.parametrize("text", SAME, ids=["earthquakes", "quotes", "CRLF", "CR", "blank lines", "sequences"])
@pytest.mark.parametrize("output", [[], ["--output"]], ids=["standard output", "file"])
def test_a_row_gets_the_same_text_alone_as_in_the_whole(arriving, tmp_path, capsys, text, output):
    data, alone, whole = tmp_path / "data.csv", tmp_path / "alone.csv", tmp_path / "whole.csv"
    data.write_bytes(text if isinstance(text, bytes) else text.encode())
    words = ["--column", "count", *(["--sequence", "who"] if "who" in str(text) else [])]
    assert cli.main(["filter", str(data), "--model", str(EARTHQUAKES_MODEL), "--output", str(whole), *words]) == 0
    _, summary = capsys.readouterr()
    status, out, err = arriving(text, *words, *output, *([alone] if output else []))
    assert (status, err) == (0, summary)
    assert (alone.read_bytes().decode() if output else out) == whole.read_bytes().decode()


def test_a_vector_gets_the_same_text_alone_as_in_the_whole(arriving, tmp_path, capsys):
    x = np.random.default_rng(1).normal(1.0, 2.0, (40, 2)).tolist()
    x[7], x[20][1] = ["", ""], ""
    data = tmp_path / "data.csv"
    data.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in x))
    emission = hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0], [0.0, 4.0]], [[[2.0, 0.7], [0.7, 1.1]]] * 3)
    model = tmp_path / "model.json"
    hf.HMM("stationary", np.full((3, 3), 0.1) + 0.7 * np.eye(3), emission).to_json(model)
    words = ["--model", str(model), "--column", "x,y"]
    assert cli.main(["filter", str(data), *words]) == 0
    whole = capsys.readouterr()
    assert arriving(data.read_text(), "--column", "x,y", model=model) == (0, *whole)


def test_each_answer_is_out_before_the_next_row_is_read(arriving, tmp_path):
    output, n_seen = tmp_path / "output.csv", []

    def lines():
        for line in ["count\n", "13\n", "20\n", "\n"]:
            yield line
            n_seen.append(output.read_text().count("\n"))

    assert arriving(lines(), "--output", output)[0] == 0
    assert n_seen == [1, 2, 3, 4]


REFUSED_ON_ARRIVAL = [
    ("count\n13\n20\nx\n40\n", 2, "line 4: count must be a number or empty, got 'x'"),
    ("count\n13\n1.5\n", 1, "line 3: count must be a whole number from 0 up, or missing, got 1.5"),
    ("count,x\n13,\n20\n", 1, "line 3 must have 2 cells as the header does, got 1"),
    ('note,count\n"two\nlines",13\n,x\n', 1, "line 4: count must be a number or empty, got 'x'"),
    ('count\n13\n"1\n', 1, "line 3 must be CSV: unexpected end of data"),
    (b"count\n13\n\xff\n", 1, "line 3 must be in UTF-8, got the byte 0xff"),
    (b"count,x\n13,\xe4\n", 0, "line 2 must be in UTF-8, got the byte 0xe4"),
    ("count\n", 0, "a header line and at least one row are required, got 1 lines"),
]


@pytest.mark.parametrize(
    ("text", "n_rows", "message"), REFUSED_ON_ARRIVAL, ids=[message[:24] for *_, message in REFUSED_ON_ARRIVAL]
)
def test_rows_before_a_refused_one_are_written(arriving, text, n_rows, message):
    status, out, err = arriving(text, "--column", "count")
    assert status == 2
    assert err.startswith("hmmfilter: error: standard input: ")
    assert message in err
    assert err.count("\n") == 1
    assert len(list(csv.reader(io.StringIO(out)))) == 1 + n_rows


def test_impossible_evidence_on_arrival(arriving, tmp_path):
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(tmp_path / "model.json")
    status, out, err = arriving("x\n1\n\n0\n1\n", model=tmp_path / "model.json")
    assert status == 2
    assert out.count("\n") == 3
    assert "standard input: line 4: the evidence is impossible from step 2 on: no path " in err


def test_nothing_is_written_where_the_words_or_the_header_are_at_fault(arriving):
    for text, words, message in [
        ("", [], "a header line and at least one row are required, got 0 lines"),
        ("year,count\n", ["--column", "c"], "no column 'c'; columns: year, count"),
        ("year,count\n", ["--sequence", "c"], "no column 'c'; columns: year, count"),
        ("p_calm,p_1\n", [], "rename the columns that the output needs: p_calm"),
    ]:
        assert arriving(text, *words) == (2, "", f"hmmfilter: error: standard input: {message}\n")


def test_the_first_row_tells_which_column_is_numeric(arriving):
    status, out, _ = arriving("name,count\na,13\n2,20\n")
    assert status == 0
    assert out.splitlines()[2].startswith("2,20,")
    for text, found in [("name,note\na,b\n", "none"), ("year,count\n1900,13\n", "year, count")]:
        status, _, err = arriving(text)
        assert status == 2
        assert err.endswith(f"name the observations with --column; numeric columns: {found}\n")
    assert "line 1 must name the columns, got '1': add --no-header" in arriving("1,2\n1,2\n")[2]


def test_an_empty_cell_in_the_first_row_may_be_of_a_numeric_column(arriving):
    assert arriving("count\n\n13\n")[2].startswith("2 observations (1 missing), ")
    assert arriving("year,count\n1900,\n")[2].endswith("numeric columns: year, count\n")


def test_a_picture_needs_all_rows_first(arriving, tmp_path):
    plot = tmp_path / "plot.png"
    status, out, err = arriving("count,name\n13,\n20,a\n", "--plot", plot)
    assert status == 0
    assert out.startswith("count,name,p_calm,p_middling,p_restless,log_increment\n13,,")
    assert err.startswith("2 observations, 3 states, ")
    assert plot.stat().st_size > 1000


def interrupted(*lines):
    yield from lines
    raise KeyboardInterrupt


def test_an_interrupt_ends_with_the_summary(arriving):
    status, out, err = arriving(interrupted("count\n", "13\n", "\n"))
    assert status == 130
    assert out.count("\n") == 3
    expected = hf.HMM.from_json(EARTHQUAKES_MODEL).log_likelihood([13])
    assert err == f"2 observations (1 missing), 3 states, log-likelihood {expected:.4f}\n"


def test_a_process_that_is_told_to_end_writes_its_state(tmp_path):
    """What it has answered, and nothing else: the summary comes, and the next run goes on from there."""
    state = tmp_path / "state.json"
    words = ["filter", "-", "--model", str(EARTHQUAKES_MODEL), "--column", "count", "--state", str(state)]
    with subprocess.Popen(
        [*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write("count\n13\n20\n")
        process.stdin.flush()
        answers = [process.stdout.readline() for _ in range(3)]
        for _ in range(6):  # one that comes just before the process begins to wait is noticed with the next
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
                break
        assert process.returncode == 143
        assert process.stderr.read().startswith("2 observations, 3 states, ")
    (stream,) = json.loads(state.read_text())["streams"].values()
    assert (stream["n_observed"], len(answers)) == (2, 3)


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_an_interrupt_before_the_first_line_ends_quietly(arriving, task):
    assert arriving(interrupted(), task=task) == (130, "", "")
