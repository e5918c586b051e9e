"""Ctrl-C, and being told to end."""

import signal
import threading

import pytest

from hmmfilter import cli
from hmmfilter.cli import lesson
from hmmfilter.cli.signals import finished_first


def test_told_to_end(monkeypatch):
    """SIGTERM ends the command as Ctrl-C does, and afterwards does again what it did."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(lesson, "teach", lambda options: signal.raise_signal(signal.SIGTERM))
    assert cli.main(["underflow"]) == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_of_the_program_around_it_is_left_alone(monkeypatch):
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    try:
        monkeypatch.setattr(lesson, "teach", lambda options: signal.raise_signal(signal.SIGTERM))
        assert cli.main(["underflow"]) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == [1]


@pytest.fixture
def interrupt():
    """Ctrl-C, as the handler of the signal sees it, also where it does not reach a process in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def work(done, *deeds):
    with finished_first():
        for deed in deeds:
            deed()
            done.append(1)


def test_a_signal_waits_until_what_is_begun_is_done(interrupt):
    done, before = [], signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        work(done, interrupt, str)
    assert done == [1, 1]
    assert signal.getsignal(signal.SIGINT) == before


def test_a_second_signal_does_not_wait(interrupt):
    done = []
    with pytest.raises(KeyboardInterrupt):
        work(done, interrupt, str, interrupt)
    assert done == [1, 1]


def test_an_error_is_not_kept_waiting():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(OSError, match="full"), finished_first():
        raise OSError("full")
    assert signal.getsignal(signal.SIGINT) == before


def test_without_a_signal_nothing_happens_also_in_a_thread():
    done = []
    work(done, str)
    thread = threading.Thread(target=work, args=(done, str))
    thread.start()
    thread.join()
    assert done == [1, 1]
