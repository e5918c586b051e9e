"""What the guide shows is what happens."""

import csv
import io
import shlex
from pathlib import Path

import numpy as np

from hmmfilter import cli
from tests import pages
from tests.files import ROOT

GUIDE = (ROOT / "examples" / "guide.md").read_text(encoding="utf-8")


def fenced(language):
    return pages.fenced(GUIDE, language)


def test_the_python_examples_print_what_they_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    names = pages.check_python(GUIDE, "guide.md")
    assert f"From roll {names['naive'].first_subnormal} on" in GUIDE.replace("\n", " ")


def test_a_fit_in_one_line(monkeypatch, capsys, tmp_path):
    """Which says what the Python lines above it do."""
    program, *words = shlex.split(fenced("bash")[0])
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
    pages.check_links(GUIDE, ROOT / "examples")
