"""`hmmfilter fit`: a table of observations in, the model that makes them most probable out."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import plotting
from hmmfilter._arrays import IntArray
from hmmfilter._tables import Reader, Row, opened, opened_for_writing
from hmmfilter.cli.inputs import require_picture
from hmmfilter.cli.messages import reason
from hmmfilter.cli.parser import dialect_of
from hmmfilter.guessing import guess
from hmmfilter.results import Fitted
from hmmfilter.results.fitted import MOST_WITH_ROWS
from hmmfilter.selection import select


class Given(NamedTuple):
    """What a table says, one sequence after the other."""

    observations: Any  # (T,) or (T, D)
    lengths: IntArray | None
    options: dict[str, Any]  # of a guess: what the symbols are, or how an observation varies


def fit_model(options: argparse.Namespace) -> None:
    """Find the model, write it down, and say what it is."""
    if options.plot is not None:
        require_picture(options.plot)
    with opened(options.data, options.column, options.sequence, dialect_of(options)) as reader:
        rows = list(reader)
        if options.emission != "categorical":
            reader.choose(rows)
        rows, lengths = _by_sequence(reader, rows)
        given = _given(reader, rows, lengths, options)
        with reader.blamed(rows):
            found, words = _found(given, options)
    found.model.to_json(options.output)
    with opened_for_writing("-") as file:
        file.write(words)
    if options.plot is not None:
        _draw(found, options.plot)


def _by_sequence(reader: Reader, rows: list[Row]) -> tuple[list[Row], IntArray | None]:
    """The rows of each sequence together, in the order in which sequences appear, and how many each has."""
    if reader.sequence is None:
        return rows, None
    numbers = dict[str, int]()
    number_of = np.array([numbers.setdefault(reader.id_of(row) or "", len(numbers)) for row in rows])
    order = np.argsort(number_of, kind="stable")
    return [rows[t] for t in order.tolist()], np.bincount(number_of)


def _given(reader: Reader, rows: list[Row], lengths: IntArray | None, options: argparse.Namespace) -> Given:
    """What is observed: numbers, vectors where the columns are several, or symbols, which are what the cells say."""
    if options.emission == "categorical":
        cells = [None if cell in reader.dialect.missing_words else cell for cell in _texts(reader, rows)]
        seen = sorted({cell for cell in cells if cell is not None})
        numbers = {cell: int(cell) for cell in seen if cell.isdecimal() and str(int(cell)) == cell}
        symbol_of: dict[str, Any] = dict(numbers) if len(numbers) == len(seen) else dict(zip(seen, seen, strict=True))
        observations = [None if cell is None else symbol_of[cell] for cell in cells]
        return Given(observations, lengths, {"symbols": sorted(symbol_of.values())})
    table = reader.numbers(rows)
    how = {"covariance": options.covariance} if options.emission == "gaussian" else {}
    return Given(table if table.shape[1] > 1 else table[:, 0], lengths, how)


def _texts(reader: Reader, rows: list[Row]) -> list[str]:
    return [cell.strip() for cell in reader.texts(rows)]


def _found(given: Given, options: argparse.Namespace) -> tuple[Fitted, str]:
    """The best fit, and what is said of it, or of it among others."""
    chosen = {
        "lengths": given.lengths,
        "initial": options.initial,
        "restarts": options.restarts,
        "progress": sys.stderr is not None and sys.stderr.isatty(),
    }
    if len(options.states) > 1:
        selected = select(
            options.emission,
            options.states,
            given.observations,
            criterion=options.criterion,
            rng=options.seed,
            **chosen,
            **given.options,
        )
        return selected.best, f"{selected}\n\n{_with_errors(selected.best)}\n"
    start = guess(
        options.emission,
        options.states[0],
        given.observations,
        lengths=given.lengths,
        rng=options.seed,
        **given.options,
    )
    fitted = start.fit(given.observations, rng=options.seed, **chosen)
    return fitted, f"{_with_errors(fitted)}\n"


def _with_errors(fitted: Fitted) -> Fitted:
    """A fit that prints its standard errors, where it has some, and they do not take long."""
    if fitted.model.n_states <= MOST_WITH_ROWS:
        with contextlib.suppress(ValueError):
            fitted.standard_errors()
    return fitted


def _draw(fitted: Fitted, path: str) -> None:
    """Draw a fit; its model is written by now."""
    try:
        plotting.save_fit(fitted, path)
    except (ValueError, MemoryError, OSError) as error:
        raise ValueError(f"the model is written, but not the picture: {reason(error)}") from error
