"""Files in blocks: in little memory, to the same digits, and a block for all rows that wait."""

import gc
import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from hmmfilter._tables import sources
from hmmfilter.cli import blocks, evidence
from tests.cli.commands import COMMAND, floats, run
from tests.conftest import needs_compiled

N_LONG = 20_000


@pytest.fixture
def weather(tmp_path):
    """A model of two states, and a table of what it shows; where they are, and the observations."""
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([0.0, 1.0], [1.0, 2.0]))
    path = tmp_path / "weather.json"
    model.to_json(path)

    def table(n_steps, n_sequences=1):
        x = np.random.default_rng(n_steps).normal(size=n_steps)
        ids = np.random.default_rng(1).integers(0, n_sequences, n_steps)
        data = tmp_path / f"weather{n_steps}.csv"
        data.write_text("who,x\n" + "".join(f"s{i},{v!r}\n" for i, v in zip(ids, x.tolist(), strict=True)))
        return data, x, ids

    return model, path, table


@pytest.fixture(params=[1, 7, 2**13], ids=lambda n_rows: f"blocks of {n_rows}")
def short(request, monkeypatch):
    """Blocks of a few rows."""
    monkeypatch.setattr(evidence, "MOST_ROWS", request.param)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
@pytest.mark.parametrize("are_several", [False, True], ids=["alone", "several"])
def test_blocks_change_no_bit(quakes, weather, task, are_several):
    model, path, table = weather
    data, x, ids = table(40, 3 if are_several else 1)
    words = ["--column", "x", *(["--sequence", "who"] if are_several else [])]
    columns = quakes(data.read_text(), *words, task=task, model=path)[1]
    order = np.argsort(ids, kind="stable")
    lengths = np.bincount(ids) if are_several else None
    result = getattr(model, task)(x[order], lengths=lengths)
    if task == "viterbi":
        assert list(map(int, columns["state"])) == result.path[np.argsort(order)].tolist()
    else:
        assert np.array_equal(floats(columns["p_1"])[order], result.probabilities[:, 1])


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("text", ["who,x\na,1\n" + "a,\n" * 9 + "a,z\n", 'x\n1\n"2\n'])
def test_an_error_in_a_later_block_names_its_line(quakes, weather, text):
    _, path, _ = weather
    _, _, err = quakes(text, "--column", "x", task="filter", model=path)
    assert f"line {text.count(chr(10))}" in err


def test_a_column_that_may_be_one_of_numbers_later_is_not_passed_over(quakes, weather, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 2)
    _, path, _ = weather
    text = "x,note\n1,\n2,\n3,4\n"
    assert quakes(text, model=path)[2].endswith("numeric columns: x, note\n")
    assert quakes("x,note\n1,\n", model=path)[0] == 0


def peak_of(words):
    """The most memory, in bytes, that was used at once by a task that has run before."""
    assert cli.main(words) == 0
    gc.collect()  # what is left of that may go at any time
    tracemalloc.start()
    try:
        assert cli.main(words) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_filter_takes_the_same_memory_for_any_length(weather, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 50)
    monkeypatch.setattr(sources, "CHUNK", 1000)
    _, path, table = weather
    words = ["--model", str(path), "--column", "x", "--output", str(tmp_path / "output.csv")]
    short, long = (peak_of(["filter", str(table(n_steps)[0]), *words]) for n_steps in (1000, 4000))
    assert long < 1.2 * short


@needs_compiled
@pytest.mark.parametrize("task", ["smooth", "viterbi"])
@pytest.mark.parametrize("sequence", [[], ["--sequence", "who"]], ids=["alone", "several"])
def test_forty_bytes_a_row_and_state(weather, tmp_path, monkeypatch, task, sequence):
    """Beyond the text and what a block takes."""
    monkeypatch.setattr(evidence, "MOST_ROWS", 100)
    monkeypatch.setattr(sources, "CHUNK", 10_000)
    _, path, table = weather
    words = ["--model", str(path), "--column", "x", "--output", str(tmp_path / "output.csv"), *sequence]
    short, long = (peak_of([task, str(table(n_steps, 50)[0]), *words]) for n_steps in (1000, N_LONG))
    assert (long - short) / (N_LONG - 1000) / 2 < 40


def test_rows_that_wait_are_one_block(weather, tmp_path, monkeypatch):
    """Of a file on standard input all do, up to a block."""
    model, path, table = weather
    data, x, _ = table(300)
    lengths = []

    def counting(streams, reader, block, impossible):
        lengths.append(len(block.rows))
        return filtered(streams, reader, block, impossible)

    filtered = blocks._filtered
    monkeypatch.setattr(blocks, "_filtered", counting)
    output = tmp_path / "output.csv"
    with open(data) as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert cli.main(["filter", "-", "--model", str(path), "--column", "x", "--output", str(output)]) == 0
    assert (sum(lengths), len(lengths) <= 2) == (300, True)  # what was buffered to look at, and the rest
    increments = [float(line.split(",")[-1]) for line in output.read_text().splitlines()[1:]]
    assert np.array_equal(increments, model.filter(x).log_increments)


def test_a_pipe_that_is_filled_gives_the_same_bits(weather):
    """However the bytes are cut on their way, in rows or in the middle of one."""
    model, path, table = weather
    data, x, _ = table(300)
    content = data.read_bytes()
    words = ["--model", str(path), "--column", "x"]
    with subprocess.Popen([*COMMAND, "filter", "-", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:

        def feed():
            for begin in range(0, len(content), 777):
                process.stdin.write(content[begin : begin + 777])
                process.stdin.flush()
            process.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        out = process.stdout.read().decode()
        feeder.join()
    increments = [float(line.split(",")[-1]) for line in out.splitlines()[1:]]
    assert np.array_equal(increments, model.filter(x).log_increments)


QUAKES = ["--column", "count"]


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_the_output_may_take_the_place_of_the_input(quakes, tmp_path, task):
    """It is written beside it, and a failed run leaves what was there."""
    data, text = tmp_path / "data.csv", "count\n13\n20\n"
    expected = quakes(text, *QUAKES, task=task)[1]
    assert quakes(text, *QUAKES, "--output", data, task=task)[0] == 0
    header, *rows = data.read_text().splitlines()
    assert header.split(",") == list(expected)
    assert [row.split(",")[0] for row in rows] == ["13", "20"]
    assert quakes(text + "x\n", *QUAKES, "--output", data, task=task)[0] == 2
    assert data.read_text() == text + "x\n"
    assert os.listdir(tmp_path) == ["data.csv"]


@pytest.mark.parametrize("how", ["--output", "link", ">>"])
def test_a_live_stream_refuses_the_file_that_it_reads(tmp_path, weather, how):
    _, path, _ = weather
    data, link = tmp_path / "data.csv", tmp_path / "link.csv"
    data.write_text("x\n1\n2\n")
    link.symlink_to(data)
    words = ["filter", "-", "--model", str(path)]
    with open(data) as source, open(data, "a") as end:
        if how == ">>":
            done = subprocess.run([*COMMAND, *words], stdin=source, stdout=end, stderr=subprocess.PIPE, check=False)
            err = done.stderr.decode()
        else:
            done = run(*words, "--output", data if how == "--output" else link, stdin=source)
            err = done.stderr
    assert done.returncode == 2
    assert "must be another file than the one that is read, got the same" in err
    assert data.read_text() == "x\n1\n2\n"


def test_a_file_is_not_appended_to_itself(tmp_path, weather):
    _, path, _ = weather
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n2\n")
    with open(data, "a") as end:
        words = [*COMMAND, "filter", str(data), "--model", str(path)]
        done = subprocess.run(words, stdout=end, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, data.read_text()) == (2, "x\n1\n2\n")
