"""`hmmfilter compile`: all routines compiled before anybody waits for them."""

from __future__ import annotations

import argparse

from hmmfilter import _notices, compiling
from hmmfilter.cli.messages import say


def compile_routines(options: argparse.Namespace) -> None:
    """Fill the cache, and say what goes in."""
    with _notices.insisting():
        say(str(compiling.compile(options.states)))
