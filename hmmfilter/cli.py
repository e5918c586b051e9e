"""The `hmmfilter` command: a table of observations in, posteriors or the best path out.

The exit status is 0 when all went well, and 2 with one line on the standard error where the input is at fault.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from hmmfilter import plotting
from hmmfilter._arrays import FloatArray
from hmmfilter._checks import EntryError, ImpossibleEvidenceError
from hmmfilter.model import HMM
from hmmfilter.results import Decoded, Filtered, Smoothed, four_decimals

TASKS = {
    "filter": "the probability of each state at each step, given the observations up to that step",
    "smooth": "the probability of each state at each step, given all observations",
    "viterbi": "the most probable path through the states, given all observations",
}

EPILOG = """\
The input is CSV with a header line. An empty cell is a missing observation. The output has all columns of
the input, then {columns}.
Numbers are written with the fewest digits that read back to the same double.

example:
  hmmfilter {task} data/earthquakes.csv --model data/earthquakes.json --column count
"""

NEW_COLUMNS = {
    "filter": "p_<state> for each state, and log_increment, the natural log of the\nprobability of the row's "
    "observation given those before it",
    "smooth": "p_<state> for each state",
    "viterbi": "state, the name of the row's state",
}


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
        _run(_parser().parse_args(arguments))
    except BrokenPipeError:  # the reader has seen enough; leave nothing for the interpreter's last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f"hmmfilter: error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


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
    commands = parser.add_subparsers(dest="task", required=True, metavar="{filter,smooth,viterbi}")
    for task, purpose in TASKS.items():
        command = commands.add_parser(
            task,
            help=purpose,
            description=f"Write {purpose}.",
            epilog=EPILOG.format(task=task, columns=NEW_COLUMNS[task]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("data", metavar="DATA", help="CSV file with a header line, or - for standard input")
        command.add_argument("--model", required=True, metavar="FILE", help="JSON file with the model")
        command.add_argument(
            "--column",
            nargs="+",
            action="extend",
            metavar="NAME",
            help="column with the observations; several, one after the other or with commas between them, make a "
            "vector; default: the only numeric column",
        )
        command.add_argument(
            "--output", default="-", metavar="FILE", help="CSV file to write; default: standard output"
        )
        command.add_argument(
            "--plot",
            metavar="FILE",
            help="picture to draw, of the observations over the states (.png, .pdf, .svg); its time axis is labelled "
            "with the first column, unless that is observed; needs hmmfilter[plot]",
        )
    return parser


class _ShowVersion(argparse.Action):
    """Look the version up only when it is asked for, which takes longer than the rest of the parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"hmmfilter {version('hmmfilter')}")
        parser.exit()


def _run(options: argparse.Namespace) -> None:
    model = HMM.from_json(options.model)
    table = _read(options.data)
    columns = table.choose(options.column)
    observations = table.numbers(columns)
    if len(columns) == 1 and getattr(model.emission, "n_dimensions", None) is None:
        observations = observations[:, 0]
    with table.blamed():
        result: Filtered | Smoothed | Decoded = getattr(model, options.task)(observations)
    if options.plot is not None:
        observed_first = 0 in columns
        plotting.save(
            result,
            observations,
            options.plot,
            observation_names=[table.header[c] for c in columns],
            step_name="step" if observed_first else table.header[0],
            step_labels=None if observed_first else table.column(0),
        )
    _write(options.output, table, _new_columns(result, model.state_names))
    print(_summary(model, observations, result), file=sys.stderr)


def _summary(model: HMM, observations: FloatArray, result: Filtered | Smoothed | Decoded) -> str:
    n_missing = int(np.isnan(observations).reshape(len(observations), -1).all(axis=1).sum())
    text = f"{len(observations)} observations" + (f" ({n_missing} missing)" if n_missing else "")
    text += f", {model.n_states} states, log-likelihood "
    if isinstance(result, Decoded):
        log_likelihood = model.log_likelihood(observations)
        return f"{text}{four_decimals(log_likelihood)}, log-joint {four_decimals(result.log_joint)}"
    return text + four_decimals(result.log_likelihood)


def _new_columns(result: Filtered | Smoothed | Decoded, names: tuple[str, ...]) -> dict[str, list[Any]]:
    if isinstance(result, Decoded):
        return {"state": [names[k] for k in result.path]}
    columns = {f"p_{name}": p.tolist() for name, p in zip(names, result.probabilities.T, strict=True)}
    if isinstance(result, Filtered):
        columns["log_increment"] = result.log_increments.tolist()
    return columns


@dataclass(frozen=True)
class _Table:
    """The cells of a CSV file, as they stand in it."""

    name: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]  # where each row ends in the file

    def column(self, c: int) -> list[str]:
        return [row[c] for row in self.rows]

    def choose(self, names: list[str] | None) -> list[int]:
        """The numbers of the columns that bear the names; without any, of the only numeric one."""
        if names is None:
            if all(_number(name) is not None for name in self.header):
                raise ValueError(f"{self.name}: line 1 must name the columns, got {','.join(self.header)}")
            numeric = [c for c in range(len(self.header)) if self._is_numeric(c)]
            if len(numeric) == 1:
                return numeric
            found = ", ".join(self.header[c] for c in numeric) or "none"
            raise ValueError(f"{self.name}: name the observations with --column; numeric columns: {found}")
        names = [part for name in names for part in ([name] if name in self.header else name.split(","))]
        for name in names:
            if self.header.count(name) != 1:
                problem = "two columns" if name in self.header else "no column"
                raise ValueError(f"{self.name}: {problem} {name!r}; columns: {', '.join(self.header)}")
        return [self.header.index(name) for name in names]

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Say in which file, and where it is known in which line, an observation is refused."""
        try:
            yield
        except ImpossibleEvidenceError as error:
            raise ValueError(f"{self.name}: line {self.lines[error.step]}: {error}") from error
        except EntryError as error:
            raise ValueError(f"{self.name}: line {self.lines[error.index[0]]}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def _is_numeric(self, c: int) -> bool:
        cells = [cell for cell in self.column(c) if cell.strip()]
        return bool(cells) and all(_number(cell) is not None for cell in cells)

    def numbers(self, columns: list[int]) -> FloatArray:
        """The cells of some columns as numbers, (T, D), NaN for an empty one."""
        table = np.empty((len(self.rows), len(columns)))
        for t, row in enumerate(self.rows):
            for d, c in enumerate(columns):
                number = _number(row[c])
                if number is None:
                    raise ValueError(
                        f"{self.name}: line {self.lines[t]}: {self.header[c]} must be a number or empty, got {row[c]!r}"
                    )
                table[t, d] = number
        return table


def _number(cell: str) -> float | None:
    if not cell.strip():
        return math.nan
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _read(path: str) -> _Table:
    name = "standard input" if path == "-" else path
    content = _open_stream(sys.stdin, name).buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name}: line {line} must be in UTF-8, got the byte {content[error.start]:#x}") from None
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            one_column = bool(rows) and len(rows[0]) == 1
            if row or one_column:  # where there is one column, a blank line is its empty cell
                rows.append(row or [""])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(f"{name}: line {reader.line_num} must be CSV: {error}") from None
    if len(rows) < 2:
        raise ValueError(f"{name}: a header line and at least one row are required, got {len(rows)} lines")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(f"{name}: line {line} must have {len(rows[0])} cells as the header does, got {len(row)}")
    return _Table(name, rows[0], rows[1:], lines[1:])


def _open_stream(stream: TextIO | None, name: str) -> TextIO:
    if stream is None:
        raise ValueError(f"{name} must be open, got a closed stream")
    return stream


@contextlib.contextmanager
def _open_for_writing(path: str) -> Iterator[TextIO]:
    """Open a file, or standard output, for CSV: in UTF-8, with line ends left alone."""
    if path != "-":
        with open(path, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    stream = _open_stream(sys.stdout, "standard output")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", newline="")
    yield stream
    stream.flush()


def _write(path: str, table: _Table, new: dict[str, list[Any]]) -> None:
    clashes = [name for name in new if name in table.header]
    if clashes:
        raise ValueError(f"{table.name}: rename the columns that the output needs: {', '.join(clashes)}")
    with _open_for_writing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*table.header, *new])
        writer.writerows([*row, *added] for row, *added in zip(table.rows, *new.values(), strict=True))
