"""Ctrl-C, and being told to end: both end the command in the same way, and not between a row and its record."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class TerminatedError(KeyboardInterrupt):
    """The process was told to end, and does so as after Ctrl-C."""


@contextlib.contextmanager
def ended_by_a_signal() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that all that is to be written at the end is."""
    if not _is_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _terminate(*_: object) -> None:
    raise TerminatedError


@contextlib.contextmanager
def finished_first() -> Iterator[None]:
    """Let a signal wait until what is begun is done; a second one does not wait."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours: dict[int, Any] = {number: handler for number, handler in handlers.items() if callable(handler)}
    waiting: list[int] = []

    def wait(number: int, frame: Any) -> None:
        if waiting:
            ours[number](number, frame)
        waiting.append(number)

    if not _is_main_thread():
        ours = {}
    for number in ours:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
    for number in waiting:
        ours[number](number, None)
