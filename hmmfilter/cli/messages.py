"""What the command tells its user on the standard error: one line an error, plain text, and never in a file."""

from __future__ import annotations

import contextlib
import sys

MOST_LETTERS = 600  # of a message, beyond which its middle is left out


def say(words: str) -> None:
    """Print one line on the standard error; where that is closed, or full, there is nobody to tell."""
    with contextlib.suppress(OSError, ValueError):  # the latter of a stream that is closed
        if sys.stderr is not None:
            print(one_line(words), file=sys.stderr, flush=True)


def one_line(words: str) -> str:
    """What a terminal may be sent: a line of some length, in which control characters are written out."""
    line = " ".join(words.split())
    if len(line) > MOST_LETTERS:
        line = f"{line[: MOST_LETTERS // 2]} ... {line[-MOST_LETTERS // 2 :]}"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def say_error(error: BaseException) -> None:
    """Say in one line why the command ends."""
    say(f"hmmfilter: error: {reason(error)}")


def reason(error: BaseException) -> str:
    """What went wrong, in the words of the error or of the system."""
    if isinstance(error, OSError) and error.strerror is not None:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"not enough memory{f': {error}' if str(error) else ''}"
    return str(error)
