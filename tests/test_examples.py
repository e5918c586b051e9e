"""Every example runs without a screen, and makes its picture."""

import os
import runpy
import subprocess
import sys

import pytest

from tests.files import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_without_a_screen(script, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "MPLBACKEND")}
    picture = tmp_path / "picture.png"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(picture)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert picture.stat().st_size > 10_000
    assert script.with_suffix(".png").exists()


def test_earthquakes_says_what_it_should(tmp_path, capsys):
    runpy.run_path(str(ROOT / "examples" / "earthquakes.py"))["main"](tmp_path / "picture.png")
    printed = capsys.readouterr().out
    assert "log-likelihood -329.4604" in printed
    assert "restless on the most probable path: 1905 1906" in printed
