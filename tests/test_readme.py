"""What the README shows is what happens."""

import contextlib
import io
import re
import shlex
from pathlib import Path

from hmmfilter import cli
from tests.files import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_python_examples_print_what_they_say():
    """One after the other, as a reader runs them."""
    names = {}
    for code, output in zip(fenced("python"), fenced("text"), strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        assert printed.getvalue() == output
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


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
