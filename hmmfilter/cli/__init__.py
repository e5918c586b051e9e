"""The `hmmfilter` command: a table of observations in, posteriors or the best path out; and a lesson on underflow.

The exit status is 0 when all went well, 2 with one line on the standard error where something is at fault, 130 after
Ctrl-C and 143 when the process was told to end.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hmmfilter.cli import beforehand, fitting, lesson, tasks
from hmmfilter.cli.messages import say_error
from hmmfilter.cli.parser import parse
from hmmfilter.cli.signals import TerminatedError, ended_by_a_signal

INTERRUPTED, TERMINATED = 130, 143  # as shells have it: 128 and the number of the signal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``hmmfilter``; those of the process without it.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    SystemExit
        Where the words ask for help, or for the version.

    Examples
    --------
    >>> from hmmfilter import cli
    >>> cli.main(["viterbi", "no_such_file.csv", "--model", "no_such_model.json"])
    2
    """
    try:
        with ended_by_a_signal():
            options = parse(arguments)
            if options.task == "underflow":
                lesson.teach(options)
            elif options.task == "fit":
                fitting.fit_model(options)
            elif options.task == "compile":
                beforehand.compile_routines(options)
            else:
                tasks.run(options)
    except BrokenPipeError:  # the reader has seen enough
        _drain_output()
        return 0
    except TerminatedError:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OSError, ValueError, TypeError, ImportError, MemoryError) as error:
        say_error(error)
        _drain_output()
        return 2
    return 0


def _drain_output() -> None:
    """Leave nothing for the interpreter's last flush, which would complain again of an output that takes no more."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
