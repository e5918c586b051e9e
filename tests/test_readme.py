"""What the README shows is what happens."""

import csv
import io
import re
import shlex
from pathlib import Path

import numpy as np

from hmmfilter import cli
from tests import pages
from tests.files import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language):
    return pages.fenced(README, language)


def test_the_python_examples_print_what_they_say():
    names = pages.check_python(README, "README.md")
    assert f"From roll {names['naive'].first_subnormal} on" in README


def test_the_main_job(monkeypatch, capsys, tmp_path):
    """The last part of the first command; the rest of both commands is what runs these tests."""
    command = fenced("bash")[0].split("&&")[-1]
    program, *words = shlex.split(command)
    assert program == ".venv/bin/hmmfilter"
    words = [str(ROOT / word) if (ROOT / word).is_file() and word.startswith("data/") else word for word in words]
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 0
    assert f"`{capsys.readouterr().err.strip()}`" in README
    assert Path("posterior.csv").exists()
    assert Path("posterior.png").exists()


def test_a_fit_in_one_line(monkeypatch, capsys, tmp_path):
    """Which says what the Python lines above it do."""
    program, *words = shlex.split(fenced("bash")[2])
    assert program == ".venv/bin/hmmfilter"
    words = [str(ROOT / word) if word.startswith("data/") else word for word in words]
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 0
    selected = next(block for block in fenced("text") if block.startswith("Selected: "))
    out, at = capsys.readouterr().out, selected.index("Fitted: ")
    assert pages.without_counts(out) == pages.without_counts(f"{selected[:at]}\n{selected[at:]}")
    assert Path("model.json").exists()
    assert Path("fit.png").exists()


def test_the_pipe(monkeypatch, capsys):
    """What stands before the pipe is the first lines of a file; other processors may round the last digit otherwise."""
    session = fenced("console")[0]
    command, *shown, summary = session.splitlines()
    (_, _, _, n_lines, data), (program, *words) = (shlex.split(part) for part in command.split("|"))
    assert program == ".venv/bin/hmmfilter"
    head = (ROOT / data).read_bytes().splitlines(keepends=True)[: int(n_lines)]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"".join(head))))
    assert cli.main(words) == 0
    printed = capsys.readouterr()
    assert printed.err == f"{summary}\n"
    rows, expected = (list(csv.reader(lines)) for lines in (printed.out.splitlines(), shown))
    assert rows[0] == expected[0]
    assert np.allclose(np.array(rows[1:], dtype=float), np.array(expected[1:], dtype=float), rtol=1e-13, atol=0)


def test_the_underflow():
    pages.check_console(fenced("console")[1])


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
