"""`hmmfilter fit`: a table of observations in, the model that makes them most probable out."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import plotting, transitions
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._tables import Reader, Row, opened, opened_for_writing
from hmmfilter.cli.inputs import Columns, columns_of, require_picture
from hmmfilter.cli.messages import reason
from hmmfilter.cli.parser import LOOKING_BACK, dialect_of
from hmmfilter.guessing import STAY, guess
from hmmfilter.results import Fitted
from hmmfilter.results.fitted import MOST_WITH_ROWS
from hmmfilter.selection import select

MOVING = 1 - STAY  # within a usual gap


class Given(NamedTuple):
    """What a table says, one sequence after the other."""

    emission: str
    observations: Any  # (T,) or (T, D)
    lengths: IntArray | None
    beside: dict[str, Any]  # covariates, times, an index
    options: dict[str, Any]  # of a guess: what the symbols are, or how an observation varies


def fit_model(options: argparse.Namespace) -> None:
    """Find the model, write it down, and say what it is."""
    if options.plot is not None:
        require_picture(options.plot)
    columns = columns_of(options)
    dialect, beside = dialect_of(options), columns.names
    with opened(options.data, options.column, options.sequence, dialect, beside=beside, is_copied=False) as reader:
        rows = list(reader)
        if options.emission != ["categorical"]:
            reader.choose(rows)
        rows, lengths = _by_sequence(reader, rows)
        given = _given(reader, rows, lengths, columns, options)
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
    number_of = np.array([numbers.setdefault(name, len(numbers)) for name in reader.ids(rows)])
    order = np.argsort(number_of, kind="stable")
    return [rows[t] for t in order.tolist()], np.bincount(number_of)


def _given(
    reader: Reader, rows: list[Row], lengths: IntArray | None, columns: Columns, options: argparse.Namespace
) -> Given:
    """What is observed: numbers, vectors, symbols, which are what the cells say, or a channel in each column."""
    beside = columns.named(columns.of(reader, rows))
    kinds = options.emission
    names = [reader.header[c] for c in reader.observed]
    if len(kinds) > 1:
        if len(names) != len(kinds):
            raise ValueError(f"--column must name a column for each of {len(kinds)} emissions, got {len(names)}")
        channels = [_channel(reader, rows, kind, name) for kind, name in zip(kinds, names, strict=True)]
        shown = list(zip(*(cells for cells, _ in channels), strict=True))
        whats = [(kind, how) for kind, (_, how) in zip(kinds, channels, strict=True)]
        return Given("product", shown, lengths, beside, {"channels": whats, "columns": names})
    (kind,) = kinds
    if kind == "categorical":
        cells, how = _symbols(reader, _texts(reader, rows))
        return Given(kind, cells, lengths, beside, how)
    table = reader.numbers(rows)
    how = {"covariance": options.covariance} if kind == "gaussian" else {}
    how |= {"order": options.order} if kind == "autoregressive" else {}
    return Given(kind, table if table.shape[1] > 1 else table[:, 0], lengths, beside, how)


def _channel(reader: Reader, rows: list[Row], kind: str, name: str) -> tuple[list[Any], dict[str, Any]]:
    """The observations of one column, and what its kind is told of them."""
    if kind == "categorical":
        return _symbols(reader, _texts(reader, rows, name))
    return reader.numbers(rows, [name])[:, 0].tolist(), {}


def _symbols(reader: Reader, words: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """Symbols as the cells say them, numbers where all are whole ones; and which there are."""
    cells = [None if cell in reader.dialect.missing_words else cell for cell in words]
    seen = sorted({cell for cell in cells if cell is not None})
    numbers = {cell: int(cell) for cell in seen if cell.isdecimal() and str(int(cell)) == cell}
    symbol_of: dict[str, Any] = dict(numbers) if len(numbers) == len(seen) else dict(zip(seen, seen, strict=True))
    return [None if cell is None else symbol_of[cell] for cell in cells], {"symbols": sorted(symbol_of.values())}


def _texts(reader: Reader, rows: list[Row], name: str | None = None) -> list[str]:
    return [cell.strip() for cell in reader.texts(rows, name)]


def _transition(given: Given, n_states: int, unit: str | None) -> Any:
    """Where a chain begins to learn how it moves by what lies beside: rates, logits, or matrices; None for one matrix.

    Covariates are the emission's, if it takes some.
    """
    others = given.beside
    if "times" in others:
        times = np.asarray(others["times"])
        unit = (unit or "D") if times.dtype.kind == "M" else None
        gaps = np.diff(times) if unit is None else np.diff(times) / np.ones(1, dtype=f"m8[{unit}]")
        usual = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0
        leaving = MOVING / usual / max(n_states - 1, 1)
        return transitions.Rates(np.full((n_states, n_states), leaving) * ~np.eye(n_states, dtype=np.bool_), unit)
    if "transition_index" in others:
        index = others["transition_index"]
        are_words = any(isinstance(entry, str) for entry in index)
        names = sorted(set(index)) if are_words else None
        n_matrices = len(names) if names is not None else 1 + max(index)
        return transitions.Indexed([_lasting(n_states)] * n_matrices, names=names)
    if "covariates" in others and given.emission not in LOOKING_BACK:
        coefficients = np.zeros((n_states, n_states, 1 + len(others["covariates"].columns)))
        coefficients[..., 0] = np.log(_lasting(n_states) / STAY)
        return transitions.Logistic(coefficients)
    return None


def _lasting(n_states: int) -> FloatArray:
    """A matrix of states that last."""
    if n_states == 1:
        return np.ones((1, 1))
    matrix = np.full((n_states, n_states), MOVING / (n_states - 1))
    np.fill_diagonal(matrix, STAY)
    return matrix


def _found(given: Given, options: argparse.Namespace) -> tuple[Fitted, str]:
    """The best fit, and what is said of it, or of it among others."""
    chosen = {
        "lengths": given.lengths,
        "initial": options.initial,
        "restarts": options.restarts,
        "progress": sys.stderr is not None and sys.stderr.isatty(),
        **given.beside,
    }
    if len(options.states) > 1:
        if _transition(given, 1, options.unit) is not None:
            raise ValueError("--states must be one number where the chain moves by what lies beside, got a range")
        selected = select(
            given.emission,
            options.states,
            given.observations,
            criterion=options.criterion,
            rng=options.seed,
            **chosen,
            **given.options,
        )
        return selected.best, f"{selected}\n\n{_with_errors(selected.best)}\n"
    (n_states,) = options.states
    needed = {"covariates": given.beside["covariates"]} if given.emission in LOOKING_BACK and given.beside else {}
    start = guess(
        given.emission,
        n_states,
        given.observations,
        lengths=given.lengths,
        transition=_transition(given, n_states, options.unit),
        rng=options.seed,
        **needed,
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
