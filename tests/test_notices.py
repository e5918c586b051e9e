"""What people are told while they wait for the compiler, and that nobody else is."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from hmmfilter import _notices

FILTER = "hmmfilter: compiling filter for 3 states, kept for next time\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def process(monkeypatch):
    """What the room sees of the process: standard error is a terminal, and no bars are there."""
    process = SimpleNamespace(stderr=Terminal(), modules={})
    monkeypatch.delenv("HMMFILTER_QUIET", raising=False)
    monkeypatch.setattr(_notices, "sys", process)
    _notices.say.cache_clear()
    yield process
    _notices.say.cache_clear()


def announce(kernel="run_forward", types="UniTuple(float64, 3)", place="/cache"):
    _notices.announce(kernel, f"(int64, {types}, Array(float64, 1, 'C', False, aligned=True))", lambda: place)


def test_once_for_each_routine_and_number_of_states(process):
    for types in ("UniTuple(float64, 3)", "UniTuple(float64 x 1)", "none", "UniTuple(float64 x 3)"):
        announce(types=types)
    assert process.stderr.getvalue().splitlines() == [
        "hmmfilter: compiling filter for 3 states, kept for next time",
        "hmmfilter: compiling filter for 1 state, kept for next time",
        "hmmfilter: compiling filter for more than 8 states, kept for next time",
    ]


def test_what_is_the_same_for_all_numbers_of_states_names_none(process):
    announce("run_viterbi")
    assert process.stderr.getvalue() == "hmmfilter: compiling viterbi, kept for next time\n"


def test_what_is_kept_nowhere_is_not_said_to_be(process):
    announce(place=None)
    assert process.stderr.getvalue() == "hmmfilter: compiling filter for 3 states\n"


def test_what_takes_a_moment_is_not_told(process):
    announce("take_logs")
    assert process.stderr.getvalue() == ""


@pytest.mark.parametrize(("quiet", "told"), [("1", ""), ("0", FILTER), ("", FILTER)])
def test_quiet(process, monkeypatch, quiet, told):
    monkeypatch.setenv("HMMFILTER_QUIET", quiet)
    announce()
    with _notices.insisting():
        announce()
    assert process.stderr.getvalue() == told


def test_a_log_is_not_written_to(process):
    log = io.StringIO()
    process.stderr = log
    announce()
    assert log.getvalue() == ""
    with _notices.insisting():
        announce()
    assert log.getvalue() == FILTER


def test_a_notebook_is_written_to(process):
    page = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    process.stderr = page
    announce()
    assert page.getvalue() == FILTER


def test_without_a_standard_error_nothing_happens(process):
    process.stderr.close()
    announce()
    process.stderr = None
    announce()
    with _notices.insisting():
        announce()


def test_bars_are_not_written_over(process):
    class Bar:
        @staticmethod
        def write(line, file):
            file.write(f"above the bars: {line}\n")

    process.modules["tqdm"] = SimpleNamespace(tqdm=Bar)
    announce()
    assert process.stderr.getvalue() == f"above the bars: {FILTER}"


def test_all_names_are_those_of_kernels():
    from hmmfilter._work import WORK

    kernels = {name for works in WORK.values() for name in works}
    assert set(_notices.NAMES) <= kernels
    assert set(_notices.NAMES) > _notices.BY_STATES


CODE = "from hmmfilter import _notices; _notices.announce('run_forward', 'UniTuple(float64, 3)', lambda: '/cache')"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal of its own")
def test_a_real_terminal_and_a_real_pipe():
    environment = {name: value for name, value in os.environ.items() if name != "HMMFILTER_QUIET"}
    ours, its = os.openpty()
    subprocess.run([sys.executable, "-c", CODE], stderr=its, env=environment, check=True)
    assert os.read(ours, 1000).decode().splitlines() == FILTER.splitlines()
    os.close(ours)
    os.close(its)
    assert subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True).stderr == b""
