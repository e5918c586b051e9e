"""The `hmmfilter` command: a table of observations in, posteriors or the best path out; and a lesson on underflow.

The exit status is 0 when all went well, 2 with one line on the standard error where the input is at fault, and 130
after Ctrl-C.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _tables, plotting, underflow
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.model import HMM
from hmmfilter.results import Decoded, Filtered, Smoothed
from hmmfilter.results.printing import four_decimals
from hmmfilter.streaming import OnlineFilter

INTERRUPTED = 130  # the exit status, as shells have it: 128 and the number of the signal

TASKS = {
    "filter": "the probability of each state at each step, given the observations up to that step",
    "smooth": "the probability of each state at each step, given all observations",
    "viterbi": "the most probable path through the states, given all observations",
}

EPILOG = """\
The input is CSV with a header line. An empty cell is a missing observation. The output has all columns of
the input, then {columns}.
Numbers are written with the fewest digits that read back to the same double.
{more}
example:
  hmmfilter {task} data/earthquakes.csv --model data/earthquakes.json --column count
"""

NEW_COLUMNS = {
    "filter": "p_<state> for each state, and log_increment, the natural log of the\nprobability of the row's "
    "observation given those before it",
    "smooth": "p_<state> for each state",
    "viterbi": "state, the name of the row's state",
}

MORE = {
    "filter": """
With - for DATA, each row is filtered as it arrives and written at once, to the same digits as from a file;
without --column, the first row tells which column is numeric. With --plot, all rows are read first.
""",
    "smooth": "",
    "viterbi": "",
}

ROLLS, SEED = 500, 7  # of the casino
LESSON = "show how probabilities underflow, and what the usual repairs are worth"

LESSON_DESCRIPTION = """\
Filter one sequence four ways: in float32, in float64, scaled, and in log space. When do the first two die,
and what do they say before? Then come small inputs on which scaling, an epsilon, and a shortcut in logs
are wrong.
"""

LESSON_EPILOG = """\
example:
  hmmfilter underflow --plot underflow.png
  hmmfilter underflow --data data/earthquakes.csv --model data/earthquakes.json --column count
"""


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
        Where the words themselves are at fault, or ask for help.

    Examples
    --------
    >>> from hmmfilter import cli
    >>> cli.main(["viterbi", "no_such_file.csv", "--model", "no_such_model.json"])
    2
    """
    try:
        options = _parser().parse_args(arguments)
        return _teach(options) if options.task == "underflow" else _run(options)
    except BrokenPipeError:  # the reader has seen enough; leave nothing for the interpreter's last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f"hmmfilter: error: {_one_line(error)}", file=sys.stderr)
        return 2


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hmmfilter",
        description="Hidden Markov models in log space: exact posteriors of the states behind a series of "
        "observations.",
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(dest="task", required=True, metavar="{filter,smooth,viterbi,underflow}")
    for task, purpose in TASKS.items():
        command = commands.add_parser(
            task,
            help=purpose,
            description=f"Write {purpose}.",
            epilog=EPILOG.format(task=task, columns=NEW_COLUMNS[task], more=MORE[task]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("data", metavar="DATA", help="CSV file with a header line, or - for standard input")
        command.add_argument("--model", required=True, metavar="FILE", help="JSON file with the model")
        _add_column(command)
        command.add_argument(
            "--sequence",
            metavar="NAME",
            help="column that tells sequences apart: rows with the same entry are one sequence, wherever they stand; "
            "default: all rows are one",
        )
        command.add_argument(
            "--output", default="-", metavar="FILE", help="CSV file to write; default: standard output"
        )
        command.add_argument(
            "--plot",
            metavar="FILE",
            help="picture to draw, of the observations over the states (.png, .pdf, .svg); its time axis is labelled "
            "with the first column, unless that is observed or tells sequences apart; needs hmmfilter[plot]",
        )
    _add_lesson(commands)
    return parser


def _add_column(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--column",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="column with the observations; several, one after the other or with commas between them, make a "
        "vector; default: the only numeric column",
    )


def _add_lesson(commands: Any) -> None:
    command = commands.add_parser(
        "underflow",
        help=LESSON,
        description=LESSON_DESCRIPTION,
        epilog=LESSON_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--rolls", type=int, metavar="N", help="how often the casino rolls its dice; default: 500")
    command.add_argument("--seed", type=int, metavar="N", help="of the rolls, from 0 up; default: 7")
    command.add_argument(
        "--data", metavar="FILE", help="CSV file with one sequence, in place of the casino, or - for standard input"
    )
    command.add_argument("--model", metavar="FILE", help="JSON file with the model of that sequence")
    _add_column(command)
    command.add_argument(
        "--plot", metavar="FILE", help="picture to draw, of log10 p(v_1:t) (.png, .pdf, .svg); needs hmmfilter[plot]"
    )


class _ShowVersion(argparse.Action):
    """Look the version up only when it is asked for, which takes longer than the rest of the parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"hmmfilter {version('hmmfilter')}")
        parser.exit()


def _teach(options: argparse.Namespace) -> int:
    """Tell the lesson on underflow, of the casino or of one's own sequence."""
    if options.data is None:
        for name in ("model", "column"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} needs --data")
        n_rolls = ROLLS if options.rolls is None else options.rolls
        ways = underflow.roll(n_rolls, SEED if options.seed is None else options.seed)
        opening = underflow.STORY.format(underflow.counted(n_rolls, "roll"))
    elif options.model is None:
        raise ValueError(f"--data needs --model, got {options.data} alone")
    else:
        for name in ("rolls", "seed"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} is the casino's, and does not go with --data")
        model = HMM.from_json(options.model)
        with _tables.opened(options.data, options.column, None) as reader:
            rows = list(reader)
            reader.choose(rows)
            with reader.blamed(rows, [0]):
                ways = underflow.compare(model, _observations(model, reader, rows))
        count = underflow.counted(len(rows), "observation")
        opening = f"{count} of {reader.name}, and the model of {options.model}."
    if options.plot is not None:
        plotting.save_descents(ways.log10_likelihoods(), options.plot)
    with _tables.opened_for_writing("-") as file:
        file.write(underflow.tell(ways, opening))
    return 0


def _run(options: argparse.Namespace) -> int:
    model = HMM.from_json(options.model)
    with _tables.opened(options.data, options.column, options.sequence) as reader:
        added = _added_columns(options.task, model.state_names)
        clashes = [name for name in added if name in reader.header]
        if clashes:
            raise ValueError(f"{reader.name}: rename the columns that the output needs: {', '.join(clashes)}")
        if options.task == "filter" and options.data == "-" and options.plot is None:
            return _follow(model, reader, [*reader.header, *added], options.output)
        _run_whole(model, reader, [*reader.header, *added], options)
    return 0


def _run_whole(model: HMM, reader: _tables.Reader, header: list[str], options: argparse.Namespace) -> None:
    """Read the input to its end, and run the task on all sequences in one call."""
    rows = list(reader)
    reader.choose(rows)
    observations = _observations(model, reader, rows)
    order, lengths = np.arange(len(rows)), None
    if reader.sequence is not None:
        order, lengths = _by_sequence([row.cells[reader.sequence] for row in rows])
        if options.plot is not None and len(lengths) > 1:
            raise ValueError(f"--plot draws one sequence, got {len(lengths)}")
    starts = [0] if lengths is None else (np.cumsum(lengths) - lengths).tolist()
    with reader.blamed([rows[t] for t in order], starts):
        result: Filtered | Smoothed | Decoded = getattr(model, options.task)(observations[order], lengths=lengths)
    if options.plot is not None:
        is_label = 0 not in (*reader.observed, reader.sequence)
        plotting.save(
            result,
            observations,
            options.plot,
            observation_names=[reader.header[c] for c in reader.observed],
            step_name=reader.header[0] if is_label else "step",
            step_labels=[row.cells[0] for row in rows] if is_label else None,
        )
    with _tables.opened_for_writing(options.output) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        added = _added_cells(result, model.state_names)
        for row, t in zip(rows, np.argsort(order).tolist(), strict=True):
            writer.writerow([*row.cells, *added[t]])
    if isinstance(result, Decoded):
        log_likelihood = model.log_likelihood(observations[order], lengths=lengths)
        logs = {"log-likelihood": log_likelihood, "log-joint": result.log_joint}
    else:
        logs = {"log-likelihood": result.log_likelihood}
    _print_summary(model, len(rows), _count_missing(observations), None if lengths is None else len(lengths), logs)


def _follow(model: HMM, reader: _tables.Reader, header: list[str], path: str) -> int:
    """Filter each row as it arrives, and write its output at once."""
    streams = defaultdict[str | None, OnlineFilter](model.online)
    n_missing, status = 0, 0
    try:
        with _tables.opened_for_writing(path, as_it_goes=True) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            file.flush()
            for row in reader:
                reader.choose([row], more_to_come=True)
                observations = _observations(model, reader, [row])
                stream = streams[reader.id_of(row)]
                with reader.blamed([row], [-stream.n_observed]):
                    filtered = stream.update_block(model.emission.log_likelihoods(observations))
                writer.writerow([*row.cells, *_added_cells(filtered, model.state_names)[0]])
                file.flush()
                n_missing += _count_missing(observations)
    except KeyboardInterrupt:
        status = INTERRUPTED
    n_rows = sum(stream.n_observed for stream in streams.values())
    log_likelihoods = [stream.log_likelihood for stream in streams.values()]
    n_sequences = None if reader.sequence is None else len(streams)
    _print_summary(model, n_rows, n_missing, n_sequences, {"log-likelihood": log_likelihoods})
    return status


def _by_sequence(ids: list[str]) -> tuple[IntArray, IntArray]:
    """The rows of each sequence after those of the one that appears before it, and the lengths of all sequences."""
    numbers: dict[str, int] = {}
    labels = np.array([numbers.setdefault(name, len(numbers)) for name in ids])
    return np.argsort(labels, kind="stable"), np.bincount(labels)


def _observations(model: HMM, reader: _tables.Reader, rows: list[_tables.Row]) -> FloatArray:
    table = reader.numbers(rows)
    is_vector = len(reader.observed) > 1 or getattr(model.emission, "n_dimensions", None) is not None
    return table if is_vector else table[:, 0]


def _count_missing(observations: FloatArray) -> int:
    return int(np.isnan(observations).reshape(len(observations), -1).all(axis=1).sum())


def _added_columns(task: str, names: tuple[str, ...]) -> list[str]:
    if task == "viterbi":
        return ["state"]
    return [f"p_{name}" for name in names] + (["log_increment"] if task == "filter" else [])


def _added_cells(result: Filtered | Smoothed | Decoded, names: tuple[str, ...]) -> list[list[Any]]:
    """What each row of a result adds to a row of the input."""
    if isinstance(result, Decoded):
        return [[names[k]] for k in result.path]
    table = result.probabilities
    if isinstance(result, Filtered):
        table = np.column_stack([table, result.log_increments])
    cells: list[list[Any]] = table.tolist()
    return cells


def _print_summary(
    model: HMM, n_rows: int, n_missing: int, n_sequences: int | None, logs: dict[str, npt.ArrayLike]
) -> None:
    parts = [f"{n_rows} observations" + (f" ({n_missing} missing)" if n_missing else "")]
    parts += [] if n_sequences is None else [f"{n_sequences} sequences"]
    parts += [f"{model.n_states} states"]
    parts += [f"{name} {four_decimals(math.fsum(np.ravel(log)))}" for name, log in logs.items()]
    print(", ".join(parts), file=sys.stderr)
