"""The lesson: everything that it quotes is what happens."""

import re

import numpy as np
import pytest

from hmmfilter import underflow
from tests import pages
from tests.conftest import needs_compiled
from tests.files import ROOT

LESSON = (ROOT / "examples" / "lesson.md").read_text(encoding="utf-8")
SESSIONS = pages.fenced(LESSON, "console")


def test_the_python_examples_print_what_they_say():
    pages.check_python(LESSON, "lesson.md")


@pytest.mark.parametrize("session", SESSIONS, ids=[session.splitlines()[0] for session in SESSIONS])
def test_the_commands_print_what_they_say(session):
    pages.check_console(session)


def test_the_last_exercise():
    """Coins that scaling loses, as the lesson writes it down, after just as many heads."""
    names = pages.check_python(LESSON, "lesson.md")
    heads = int(re.search(r"/ log 9 = (\d+), nothing", LESSON)[1])
    tail = [[0.0, 1.0]]  # which settles it for the second, if that is left
    with np.errstate(all="ignore"):
        for n_heads, is_left in ((heads, True), (heads + 1, False)):
            log_p, _ = names["scaled"](np.array([0.5, 0.5]), np.eye(2), np.array([[0.9, 0.1]] * n_heads + tail))
            assert np.isfinite(log_p) == is_left


@needs_compiled
def test_the_figures_of_the_answers():
    """Those that no command prints."""
    mean = underflow.roll(500, seed=7).exact.log_increments.mean()
    smallest, smallest_normal = np.log(5e-324), np.log(np.finfo(float).tiny)
    loss = np.log(1e-3)
    assert f"744.4 / {-mean:.2f} = {smallest / mean:.0f} rolls" in LESSON
    assert f"1.4e-45, {np.log(np.finfo(np.float32).smallest_subnormal.item()) / mean:.0f}." in LESSON
    over_many = underflow.roll(200_000, seed=1).exact.log_increments.mean()
    assert f"by {-over_many:.2f} over many games" in LESSON
    assert f"({smallest / over_many:.0f} in an average game)" in LESSON
    assert f"{smallest:.1f}".replace("-", "−") in LESSON
    assert f"/ 6.9 = {smallest / loss:.0f} steps" in LESSON
    assert f"{-smallest_normal:.1f} / 6.9 = {smallest_normal / loss:.0f} on" in LESSON
    assert f"/ log 9 = {-smallest / np.log(9):.0f}, nothing" in LESSON
    assert f"e^−60, about {np.exp(-60):.0e}," in LESSON


def test_it_is_read_in_ten_minutes():
    words = re.sub(r"^```.*?^```$", "", LESSON, flags=re.DOTALL | re.MULTILINE).split()
    assert len(words) < 1200
