"""The words of the command line: what there is to say, and what each word is for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NoReturn

from hmmfilter._tables import Dialect
from hmmfilter.compiling import STATES

TASKS = {
    "filter": "the probability of each state at each step, given the observations up to that step",
    "smooth": "the probability of each state at each step, given all observations",
    "viterbi": "the most probable path through the states, given all observations",
}

EPILOG = """\
The input is CSV with a header line, Parquet or Arrow. An empty cell, NULL or NaN is a missing observation.
The output has all columns of the input, then {columns}.
Numbers are written with the fewest digits that read back to the same double.
{more}
example:
  hmmfilter {task} data/earthquakes.csv --model data/earthquakes.json --column count
"""

NEW_COLUMNS = {
    "filter": "p_<state> for each state, and log_increment,\nthe natural log of the probability of the row's "
    "observation given those before it",
    "smooth": "p_<state> for each state",
    "viterbi": "state, the name of the row's state",
}

MORE = {
    "filter": """
A file is filtered block by block, however long it is. With - for DATA, each row is filtered as it
arrives and written at once, to the same digits as from a file; without --column, the first row
tells which column is numeric. With --plot, all rows are read first.
""",
    "smooth": "",
    "viterbi": "",
}

LESSON = "show how probabilities underflow, and what the usual repairs are worth"

LESSON_DESCRIPTION = """\
Filter one sequence four ways: in float32, in float64, scaled, and in log space. When do the first two die,
and what do they say before? Then come small inputs on which scaling, an epsilon, and a shortcut in logs
are wrong.
"""

LESSON_EPILOG = """\
The input is CSV with a header line. An empty cell is a missing observation.
example:
  hmmfilter underflow --plot underflow.png
  hmmfilter underflow --data data/earthquakes.csv --model data/earthquakes.json --column count
"""


COMPILING = "compile all routines beforehand, and keep their machine code"

COMPILING_DESCRIPTION = """\
Compile all routines, and keep their machine code, so that no process waits for that later: in images of
containers, on clusters, before a class. What is there already is not compiled again.
"""

COMPILING_EPILOG = """\
Machine code is for the kind of processor and the versions of Python and Numba that it is made by. It is
kept beside the package, or in the user's cache, or where NUMBA_CACHE_DIR says. It is run as it is found:
let nobody write there who must not run code in your name.
example:
  hmmfilter compile --states 2 4
"""

KINDS = (
    "categorical",
    "bernoulli",
    "poisson",
    "negativebinomial",
    "geometric",
    "gaussian",
    "studentt",
    "laplace",
    "skewnormal",
    "gamma",
    "lognormal",
    "exponential",
    "weibull",
    "inversegaussian",
    "beta",
    "vonmises",
    "wrappedcauchy",
)  # of observations that need no more than their column
LOOKING_BACK = ("regression", "autoregressive")

FITTING = "find the model that makes the observations most probable"

FITTING_DESCRIPTION = """\
Find the model that makes the observations most probable, write it as JSON, and say what it is, how probable,
and how sure.
"""

FITTING_EPILOG = """\
The input is CSV with a header line, Parquet or Arrow. An empty cell, NULL or NaN is a missing observation.
Fits begin from a guess, and from as many others, drawn at random, as --restarts says; the best one counts.
Where there is a range of numbers of states, each is fitted, and the model is the one of the smallest criterion.

example:
  hmmfilter fit data/earthquakes.csv --column count --emission poisson --states 3 --output model.json
  hmmfilter smooth data/earthquakes.csv --column count --model model.json
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Understand the words after ``hmmfilter``; a ValueError where they make no sense."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    if options.task in (*TASKS, "fit") and options.data is None:
        if len(options.column or ()) < 2:
            raise ValueError(f"DATA must be named, a file, or - for standard input: hmmfilter {options.task} DATA")
        options.data = options.column.pop()  # which --column has swallowed, being the word before
    return options


class _Parser(argparse.ArgumentParser):
    """One that tells what is wrong with its words as all else is told."""

    def error(self, message: str) -> NoReturn:
        if message.endswith(": expected one argument"):  # also where that begins as an option does, as in -999,n/a
            name = message.split()[1].rstrip(":")
            message += f"; one that begins with a minus stands behind an =, as {name}=-..."
        raise ValueError(f"{message} ({self.prog} --help tells more)")


class _ShowVersion(argparse.Action):
    """Look the version up only when it is asked for, which takes longer than the rest of the parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"hmmfilter {version('hmmfilter')}")
        parser.exit()


def _file(path: str) -> str:
    if not path:
        raise argparse.ArgumentTypeError("must name a file, got ''")
    return path


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hmmfilter",
        description="Hidden Markov models in log space: exact posteriors of the states behind a series of "
        "observations.",
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(
        dest="task", required=True, metavar="{filter,smooth,viterbi,fit,underflow,compile}"
    )
    for task in TASKS:
        _add_task(commands, task)
    _add_fitting(commands)
    _add_lesson(commands)
    _add_compiling(commands)
    return parser


def _add_task(commands: Any, task: str) -> None:
    command = commands.add_parser(
        task,
        help=TASKS[task],
        usage=f"hmmfilter {task} DATA --model FILE [options]",
        description=f"Write {TASKS[task]}.",
        epilog=EPILOG.format(task=task, columns=NEW_COLUMNS[task], more=MORE[task]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data(command)
    command.add_argument("--model", required=True, type=_file, metavar="FILE", help="JSON file with the model")
    _add_column(command)
    _add_dialect(command)
    _add_sequence(command)
    _add_beside(command)
    _add_imports(command)
    command.add_argument(
        "--output",
        default="-",
        type=_file,
        metavar="FILE",
        help="file to write: CSV, compressed if it ends in .gz; or Parquet, from Parquet or Arrow, if in .parquet; "
        "default: CSV to standard output",
    )
    command.add_argument(
        "--plot",
        type=_file,
        metavar="FILE",
        help="picture to draw, of the observations over the states (.png, .pdf, .svg); its time axis is labelled "
        "with the first column that does not tell sequences apart, unless that is observed; needs hmmfilter[plot]",
    )
    if task == "filter":
        command.add_argument(
            "--state",
            type=_file,
            metavar="FILE",
            help="JSON file in which each sequence is remembered, to go on from there with rows to come: read at the "
            "start if it exists, written at the end, also after Ctrl-C, and every few seconds",
        )
    trouble = command.add_argument_group("where something is wrong")
    trouble.add_argument(
        "--on-error",
        choices=["stop", "missing", "skip"],
        default="stop",
        help="a row that cannot be read, or is no observation of the model: stop there (the default), take its "
        "observation as missing, or leave the row out",
    )
    trouble.add_argument(
        "--impossible",
        choices=["raise", "mark", "restart"],
        default="raise",
        help="a sequence that no path through the states explains: stop (the default); or write nan for its "
        "probabilities, and no state, and go on with the others; or let it begin afresh where no path leads on",
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "data",
        nargs="?",
        type=_file,
        metavar="DATA",
        help="CSV file with a header line, also compressed (.gz), or - for standard input; or a Parquet or Arrow file, "
        "which needs hmmfilter[parquet]",
    )


def _add_sequence(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--sequence",
        metavar="NAME",
        help="column that tells sequences apart: rows with the same entry are one sequence, wherever they stand; "
        "default: all rows are one",
    )


def _add_beside(command: argparse.ArgumentParser) -> None:
    beside = command.add_argument_group("what states and observations depend on, a row a step")
    beside.add_argument(
        "--covariate",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="columns of numbers that the emission, or how the chain moves, depends on",
    )
    beside.add_argument(
        "--time",
        metavar="NAME",
        help="column of times, numbers or dates, where the chain moves in continuous time",
    )
    beside.add_argument(
        "--index", metavar="NAME", help="column that says which of several matrices leads on from each row"
    )


def _add_imports(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--import",
        dest="imports",
        nargs="+",
        action="extend",
        metavar="MODULE",
        help="modules of Python that register emissions of your own",
    )


def _add_column(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--column",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="column with the observations; several, one after the other or with commas between them, make a "
        "vector; default: the only numeric column",
    )


def _add_dialect(command: argparse.ArgumentParser) -> None:
    how = command.add_argument_group("how the table is written; the output is written in the same way")
    how.add_argument(
        "--delimiter",
        metavar="SIGN",
        help="what stands between two cells: a character, tab, or auto for whichever of , ; | and tabs the first line "
        "has most of; default: a comma",
    )
    how.add_argument("--decimal", metavar="SIGN", help="what stands before decimals, a point or a comma; default: .")
    how.add_argument(
        "--missing",
        metavar="WORDS",
        help="words and numbers that stand for a missing observation, with commas between them, beside an empty cell; "
        "default: NA,null,NaN,.,?",
    )
    how.add_argument(
        "--comment",
        metavar="SIGN",
        help="what lines begin with that are none of the table, or '' if there are none; default: #, but not where the "
        "line has the cells of a row of two or more columns",
    )
    how.add_argument(
        "--no-header",
        dest="has_header",
        action="store_false",
        default=None,
        help="the first line is a row; columns are called 1, 2, ..., and the output has no header either",
    )


def dialect_of(options: argparse.Namespace) -> Dialect:
    """How the words say that the table is written."""
    words = {field.name: getattr(options, field.name) for field in fields(Dialect)}
    given = {name: value for name, value in words.items() if value is not None}
    if "missing" in given:
        given["missing"] = tuple(given["missing"].split(","))
    return Dialect(**given)


def _add_lesson(commands: Any) -> None:
    command = commands.add_parser(
        "underflow",
        help=LESSON,
        usage="hmmfilter underflow [--data FILE --model FILE] [options]",
        description=LESSON_DESCRIPTION,
        epilog=LESSON_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--rolls", type=int, metavar="N", help="how often the casino rolls its dice; default: 500")
    command.add_argument("--seed", type=int, metavar="N", help="of the rolls, from 0 up; default: 7")
    command.add_argument(
        "--data",
        type=_file,
        metavar="FILE",
        help="CSV file with one sequence, in place of the casino, or - for standard input",
    )
    command.add_argument("--model", type=_file, metavar="FILE", help="JSON file with the model of that sequence")
    _add_column(command)
    _add_dialect(command)
    command.add_argument(
        "--plot",
        type=_file,
        metavar="FILE",
        help="picture to draw, of log10 p(v_1:t) (.png, .pdf, .svg); needs hmmfilter[plot]",
    )


def _states(words: str) -> range:
    """How many states: one number, or from one to another."""
    first, _, last = words.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and 0 < int(first) <= int(last or first)):
        raise argparse.ArgumentTypeError(f"must be a number from 1 up, or a range as 1-5, got {words!r}")
    return range(int(first), int(last or first) + 1)


def _count(words: str) -> int:
    if not words.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 up, got {words!r}")
    return int(words)


def _add_fitting(commands: Any) -> None:
    command = commands.add_parser(
        "fit",
        help=FITTING,
        usage="hmmfilter fit DATA --emission NAME --states N --output FILE [options]",
        description=FITTING_DESCRIPTION,
        epilog=FITTING_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data(command)
    _add_column(command)
    command.add_argument(
        "--emission",
        required=True,
        nargs="+",
        type=str.lower,
        choices=sorted({*KINDS, *LOOKING_BACK}),
        metavar="NAME",
        help="what each state shows: " + ", ".join(KINDS) + "; several, one for each column, make a product of "
        "channels; regression and autoregressive depend on covariates, and on the observations before",
    )
    command.add_argument(
        "--states", required=True, type=_states, metavar="N", help="how many states; or a range of them, as 1-5"
    )
    command.add_argument("--output", required=True, type=_file, metavar="FILE", help="JSON file to write the model to")
    command.add_argument(
        "--covariance",
        choices=["variances", "full", "tied", "spherical"],
        default="variances",
        help="how normally distributed vectors vary; default: variances, each entry by itself",
    )
    command.add_argument(
        "--initial",
        choices=["free", "stationary"],
        default="free",
        help="where sequences begin: wherever it makes them most probable (the default), or where the chain settles",
    )
    command.add_argument(
        "--criterion", choices=["bic", "aic"], default="bic", help="by which a number of states is chosen; default: bic"
    )
    command.add_argument(
        "--restarts", type=_count, metavar="N", default=10, help="how many further fits begin elsewhere; default: 10"
    )
    command.add_argument("--seed", type=_count, metavar="N", default=0, help="of all that is random; default: 0")
    _add_sequence(command)
    _add_beside(command)
    command.add_argument(
        "--unit",
        metavar="UNIT",
        help="of time, in which rates are told where --time has dates: W, D, h, m, s, ms, us or ns; default: D",
    )
    command.add_argument(
        "--order", type=_count, metavar="N", default=1, help="of an autoregression: how far it looks back; default: 1"
    )
    _add_dialect(command)
    command.add_argument(
        "--plot",
        type=_file,
        metavar="FILE",
        help="picture of the fit to draw (.png, .pdf, .svg); needs hmmfilter[plot]",
    )


def _add_compiling(commands: Any) -> None:
    command = commands.add_parser(
        "compile",
        help=COMPILING,
        usage="hmmfilter compile [--states N [N ...]]",
        description=COMPILING_DESCRIPTION,
        epilog=COMPILING_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--states",
        nargs="+",
        type=int,
        metavar="N",
        default=STATES,
        help="for which numbers of states; above 8, all have the same machine code; "
        f"default: {' '.join(map(str, STATES))}",
    )
