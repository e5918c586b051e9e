"""What is said on the standard error to whoever waits for the compiler: to people, never in the log of a service."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator

NAMES = {  # that take more than a second to compile, by the kernels that do, in the words of those who call them
    "run_forward": "filter",
    "run_backward": "smooth",
    "run_forward_together": "filter of many sequences",
    "run_backward_together": "smooth of many sequences",
    "run_update": "online filter",
    "run_prediction": "predict",
    "run_trace": "the exact steps of smooth",
    "run_pairs": "expected_transitions",
    "run_draws": "sample_paths",
    "run_viterbi": "viterbi",
    "run_viterbi_n_best": "viterbi_n_best",
    "run_max_marginals": "max_marginals",
    "run_naive_viterbi": "naive.viterbi",
}
BY_STATES = {
    "run_forward",
    "run_backward",
    "run_forward_together",
    "run_backward_together",
    "run_update",
    "run_prediction",
    "run_trace",
}  # compiled for each number
insists = False  # whether to speak where nobody may be there


def announce(kernel: str, signature: str, place: Callable[[], str | None]) -> None:
    """Say, once, that a routine is being compiled; and that it is kept, if there is a place for it."""
    if kernel in NAMES and is_heard():
        states = ""
        if kernel in BY_STATES:
            lanes = re.search(r"UniTuple\(float64(?:,| x) (\d)\)", signature)
            number = lanes[1] if lanes else "more than 8"
            states = f" for {number} state{'' if number == '1' else 's'}"
        kept = ", kept for next time" if place() else ""
        say(f"hmmfilter: compiling {NAMES[kernel]}{states}{kept}")


def is_heard() -> bool:
    """Whether somebody sits at a terminal or a notebook, and has not asked for quiet."""
    if os.environ.get("HMMFILTER_QUIET", "0") not in ("", "0"):
        return False
    if insists or type(sys.stderr).__module__.startswith("ipykernel"):
        return True
    with contextlib.suppress(AttributeError, ValueError):  # none, or closed
        return sys.stderr.isatty()
    return False


@functools.cache
def say(line: str) -> None:
    """Print a line once, above the bars if there are any; where nothing can be printed, nobody is told."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def insisting() -> Iterator[None]:
    """Speak in any case, as where to compile is all that is to be done."""
    global insists  # noqa: PLW0603
    before, insists = insists, True
    try:
        yield
    finally:
        insists = before
