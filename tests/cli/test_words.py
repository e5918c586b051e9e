"""What the command understands, and what it says where it does not."""

import runpy
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hmmfilter import cli
from hmmfilter.cli import messages, tasks
from tests.cli.commands import run
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL

QUAKES = ["--model", str(EARTHQUAKES_MODEL), "--column", "count"]


@pytest.mark.parametrize("arguments", [[], ["filter"], ["smooth"], ["viterbi"], ["underflow"], ["compile"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "usage: hmmfilter" in text
    assert max(map(len, text.splitlines())) <= 110


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.startswith("hmmfilter 0.")


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "hmmfilter", "viterbi", str(EARTHQUAKES), *QUAKES],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("year,count,state\n1900,13,calm\n")


def test_as_a_module_in_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hmmfilter", "filter", str(EARTHQUAKES), *QUAKES])
    module = Path(cli.__file__).parent.parent / "__main__.py"
    runpy.run_path(module, run_name="imported")
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(module, run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("year,count,p_calm,")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [],
            "the following arguments are required: {filter,smooth,viterbi,fit,underflow,compile} "
            "(hmmfilter --help tells more)",
        ),
        (["smooth", "x.csv"], "the following arguments are required: --model (hmmfilter smooth --help tells more)"),
        (["smooth", "--model", "m.json"], "DATA must be named, a file, or - for standard input"),
        (["smooth", "--model", "m.json", "--column", "x"], "DATA must be named, a file, or - for standard input"),
        (["smooth", "", "--model", "m.json"], "argument DATA: must name a file, got ''"),
        *[
            (["filter", "x.csv", f"--{name}", ""], f"argument --{name}: must name a file, got ''")
            for name in ("model", "output", "plot")
        ],
        *[
            (["underflow", f"--{name}", ""], f"argument --{name}: must name a file, got ''")
            for name in ("data", "model", "plot")
        ],
        (["smooth", "x.csv", "--model", "m.json", "--\x1b[31mred"], "unrecognized arguments: --\\x1b[31mred"),
    ],
)
def test_words_that_make_no_sense_get_one_line(words, message, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"hmmfilter: error: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--column", "count", str(EARTHQUAKES), "--model", str(EARTHQUAKES_MODEL)],
        ["--column", "count", "--model", str(EARTHQUAKES_MODEL), "--", str(EARTHQUAKES)],
        ["--model", str(EARTHQUAKES_MODEL), "--column", "count", str(EARTHQUAKES)],
    ],
    ids=["first", "after dashes", "last"],
)
def test_the_data_may_stand_behind_the_columns(words, capsys):
    assert cli.main(["viterbi", *words]) == 0
    assert capsys.readouterr().out.startswith("year,count,state\n")


def test_no_words_at_all():
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith("hmmfilter: error: ")
    assert done.stderr.count("\n") == 1


def test_too_little_memory(monkeypatch, capsys):
    def greedy(options):
        raise MemoryError("Unable to allocate 8.00 EiB")

    monkeypatch.setattr(tasks, "run", greedy)
    assert cli.main(["smooth", "x.csv", "--model", "m.json"]) == 2
    assert capsys.readouterr().err == "hmmfilter: error: not enough memory: Unable to allocate 8.00 EiB\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("two\nlines\tand  blanks", "two lines and blanks"),
        (
            "a bell\x07, a colour \x1b[31m, the other way \u202e",
            "a bell\\x07, a colour \\x1b[31m, the other way \\u202e",
        ),
        ("Mährën, a lost byte \udcff", "Mährën, a lost byte \\udcff"),
        ("x" * 10**6, "x" * 300 + " ... " + "x" * 300),
    ],
    ids=["lines", "control characters", "surrogates", "long"],
)
def test_what_a_terminal_is_sent(words, line, capsys):
    messages.say(words)
    assert capsys.readouterr().err == f"{line}\n"


def test_a_header_with_control_characters_does_not_reach_the_terminal(tmp_path, capsys):
    data = tmp_path / "data.csv"
    data.write_text("a\x1b[31m,b\x07\n1,2\n")
    assert cli.main(["smooth", str(data), "--model", str(EARTHQUAKES_MODEL)]) == 2
    assert capsys.readouterr().err.endswith("numeric columns: a\\x1b[31m, b\\x07\n")


def test_in_a_thread(capsys):
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(cli.main(["smooth", str(EARTHQUAKES), *QUAKES])))
    thread.start()
    thread.join()
    assert statuses == [0]


@pytest.mark.parametrize(
    ("words", "name"), [(["--missing", "-999,n/a"], "--missing"), (["--comment", "--"], "--comment")]
)
def test_a_value_that_begins_as_options_do(capsys, words, name):
    assert cli.main(["smooth", "data.csv", "--model", "model.json", *words]) == 2
    assert f"argument {name}: expected one argument; one that begins with a minus" in capsys.readouterr().err
    assert cli.main(["smooth", "data.csv", "--column"]) == 2
    assert "minus" not in capsys.readouterr().err
