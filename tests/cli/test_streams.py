"""Standard input and output: closed, broken off, in an encoding of their own."""

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys

import pytest

from hmmfilter import cli
from tests.cli.commands import COMMAND
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL

QUAKES = ["--model", str(EARTHQUAKES_MODEL), "--column", "count"]


def test_a_closed_pipe_ends_quietly(tmp_path):
    data = tmp_path / "long.csv"
    data.write_text("count\n" + "13\n" * 20_000)
    with subprocess.Popen(
        [*COMMAND, "filter", str(data), "--model", str(EARTHQUAKES_MODEL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_a_closed_pipe_in_process(monkeypatch, task):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert cli.main([task, str(EARTHQUAKES), *QUAKES]) == 0


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_closed_streams(stream, monkeypatch, capsys):
    monkeypatch.setattr(sys, stream, None)
    data = "-" if stream == "stdin" else str(EARTHQUAKES)
    assert cli.main(["smooth", data, "--model", str(EARTHQUAKES_MODEL), "--column", "count"]) == 2
    assert f"standard {stream[3:]}put must be open, got a closed stream" in capsys.readouterr().err


def test_output_is_utf8_whatever_the_locale():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, "viterbi", "-", "--model", str(EARTHQUAKES_MODEL), "--column", "n"],
        input="n,name\n13,Mährën\n".encode(),
        capture_output=True,
        env=environment,
        check=True,
    )
    assert done.stdout.decode("utf-8") == "n,name,state\n13,Mährën,calm\n"


def test_output_into_a_string():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(["smooth", str(EARTHQUAKES), "--model", str(EARTHQUAKES_MODEL), "--column", "count"]) == 0
    assert out.getvalue().startswith("year,count,p_calm,p_middling,p_restless\n1900,13,")


def in_a_shell(command, redirection):
    return subprocess.run(
        ["sh", "-c", f"{shlex.join(command)} {redirection}"], capture_output=True, text=True, check=False
    )


needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk that is always full")
NOBODY = ["2>&-", pytest.param("2>/dev/full", marks=needs_full)]


SEVERAL = "import json, sys; from hmmfilter import cli; sys.exit(max(map(cli.main, json.loads(sys.argv[1]))))"


@pytest.mark.parametrize("redirection", NOBODY)
def test_the_summary_never_gets_into_the_table(tmp_path, capsys, redirection):
    """Where standard error is closed, the next file that is opened has its number."""
    commands = [[task, str(EARTHQUAKES), *QUAKES] for task in ("filter", "smooth", "viterbi")]
    tables = []
    for words in commands:
        assert cli.main(words) == 0
        tables.append(capsys.readouterr().out)
    files = [tmp_path / f"{words[0]}.csv" for words in commands]
    into_files = [[*words, "--output", str(file)] for words, file in zip(commands, files, strict=True)]
    for words in (commands, into_files):
        process = [sys.executable, "-c", SEVERAL, json.dumps(words)]
        done = in_a_shell(process, redirection)
        assert (done.returncode, done.stdout) == (0, "".join(tables) if words is commands else "")
    assert [file.read_text() for file in files] == tables


@pytest.mark.parametrize("redirection", NOBODY)
@pytest.mark.parametrize("words", [["filter"], ["smooth", "none.csv", "--model", "none.json"]], ids=["words", "file"])
def test_an_error_that_nobody_can_read_still_ends_with_its_status(words, redirection):
    done = in_a_shell([*COMMAND, *words], redirection)
    assert (done.returncode, done.stdout) == (2, "")


@needs_full
@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_a_full_disk(task):
    done = in_a_shell([*COMMAND, task, str(EARTHQUAKES), *QUAKES], ">/dev/full")
    assert done.returncode == 2
    assert done.stderr == "hmmfilter: error: No space left on device\n"


@needs_full
@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_a_full_disk_in_process(monkeypatch, capsys, task):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main([task, str(EARTHQUAKES), *QUAKES]) == 2
    assert capsys.readouterr().err == "hmmfilter: error: No space left on device\n"


def test_standard_error_is_closed_in_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["smooth", str(EARTHQUAKES), *QUAKES]) == 0
    assert "observations" not in capsys.readouterr().out
