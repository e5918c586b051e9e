"""The lesson: everything that it quotes is what happens."""

import re

import pytest

from tests import pages
from tests.files import ROOT

LESSON = (ROOT / "examples" / "lesson.md").read_text(encoding="utf-8")
SESSIONS = pages.fenced(LESSON, "console")


def test_the_python_examples_print_what_they_say():
    pages.check_python(LESSON, "lesson.md")


@pytest.mark.parametrize("session", SESSIONS, ids=[session.splitlines()[0] for session in SESSIONS])
def test_the_commands_print_what_they_say(session):
    pages.check_console(session)


def test_the_figures_of_the_answers():
    """Those that no command prints."""
    import numpy as np

    mean = -1.74  # of the casino, over many games
    smallest, smallest_normal = np.log(5e-324), np.log(np.finfo(float).tiny)
    loss = np.log(1e-3)
    assert f"744.4 / 1.74 = {smallest / mean:.0f} rolls" in LESSON
    assert f"{smallest:.1f}".replace("-", "−") in LESSON
    assert f"/ 6.9 = {smallest / loss:.0f} steps" in LESSON
    assert f"{-smallest_normal:.1f} / 6.9 = {smallest_normal / loss:.0f} on" in LESSON
    assert f"{np.exp(-60):.0e}" == "9e-27"
    assert "about 9e-27" in LESSON


def test_it_is_read_in_ten_minutes():
    words = re.sub(r"^```.*?^```$", "", LESSON, flags=re.DOTALL | re.MULTILINE).split()
    assert len(words) < 200 * 10
