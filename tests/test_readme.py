"""What the README shows is what happens, and it is short."""

import shlex
from pathlib import Path

from hmmfilter import cli
from tests import pages
from tests.files import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = 160


def test_it_is_short():
    assert len(README.splitlines()) <= LINES


def test_the_python_examples_print_what_they_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    pages.check_python(README, "README.md")


def test_the_main_job(monkeypatch, capsys, tmp_path):
    """The last part of the first command; the rest of both commands is what runs these tests."""
    command = pages.fenced(README, "bash")[0].split("&&")[-1]
    program, *words = shlex.split(command)
    assert program == ".venv/bin/hmmfilter"
    words = [str(ROOT / word) if (ROOT / word).is_file() and word.startswith("data/") else word for word in words]
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 0
    assert f"`{capsys.readouterr().err.strip()}`" in README
    assert Path("posterior.csv").exists()
    assert Path("posterior.png").exists()


def test_links_lead_somewhere():
    pages.check_links(README, ROOT)
