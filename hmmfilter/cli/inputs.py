"""What the words of the command ask for, opened or refused before any work."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray
from hmmfilter._tables import Reader, Row, opened
from hmmfilter.cli.parser import dialect_of
from hmmfilter.model import HMM


class Named:
    """Numbers in columns that have names, as a frame has them."""

    def __init__(self, table: FloatArray, columns: Sequence[str]) -> None:
        self.table, self.columns = table, tuple(columns)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.table, dtype)


class Columns(NamedTuple):
    """The columns that lie beside the observations."""

    covariates: tuple[str, ...] = ()
    time: str | None = None
    transition_index: str | None = None

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.covariates, *(name for name in (self.time, self.transition_index) if name is not None)]

    def of(self, reader: Reader, rows: list[Row]) -> dict[str, npt.NDArray[Any]]:
        """What they say of some rows, as a model takes it."""
        said: dict[str, npt.NDArray[Any]] = {}
        if self.covariates:
            said["covariates"] = reader.numbers(rows, self.covariates)
        if self.time is not None:
            said["times"] = reader.times(rows, self.time)
        if self.transition_index is not None:
            words = reader.words(rows, self.transition_index)
            are_numbers = all(word.isdecimal() for word in words)
            said["transition_index"] = np.array([int(word) for word in words] if are_numbers else words, dtype=object)
        return said

    def named(self, said: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """The same, with the names of covariates."""
        return said | ({"covariates": Named(said["covariates"], self.covariates)} if "covariates" in said else {})


NO_COLUMNS = Columns()
WORDS = {"covariates": "--covariate", "times": "--time", "transition_index": "--index"}


def require_columns(model: HMM, columns: Columns) -> None:
    """Insist on the columns that a model depends on, and on no others."""
    given = {"covariates": columns.covariates, "times": columns.time, "transition_index": columns.transition_index}
    parts = (model.chain, model.emission)
    for name, word in WORDS.items():
        who = [type(part).__name__ for part in parts if name in _checks.needs_of(part)]
        if who and not given[name]:
            raise ValueError(f"{word} must name a column, which {' and '.join(who)} of the model depends on, got none")
        if given[name] and not who:
            kinds = " nor ".join(type(part).__name__ for part in parts)
            raise ValueError(f"{word} must be left out: neither {kinds} of the model depends on it")


def columns_of(options: argparse.Namespace) -> Columns:
    """Which columns lie beside the observations, as the words say."""
    given = [part for word in options.covariate or [] for part in word.split(",")]
    return Columns(tuple(given), options.time, options.index)


def opened_table(
    options: argparse.Namespace,
    model: HMM,
    sequence: str | None = None,
    *,
    again: bool = False,
    keeps_faulty: bool = False,
) -> AbstractContextManager[Reader]:
    """Open the table of observations, in its dialect; `again` if it is to be read twice, also from a pipe."""
    symbols = symbols_of(model)
    words = None if symbols is None else list(map(str, symbols))
    emission: Any = model.emission
    columns = options.column or getattr(emission, "_named_columns", None)
    beside = columns_of(options).names if hasattr(options, "covariate") else ()
    return opened(options.data, columns, sequence, dialect_of(options), words, again, keeps_faulty, beside)


def load_emissions(options: argparse.Namespace) -> None:
    """Import the modules that register emissions of the user's own, from where the command runs."""
    sys.path.insert(0, os.getcwd())
    try:
        for name in options.imports or []:
            importlib.import_module(name)
    finally:
        sys.path.remove(os.getcwd())


def symbols_of(model: HMM) -> Sequence[Any] | None:
    """What is observed, where that is symbols with names."""
    return getattr(model.emission, "symbols", None)


def observations_of(model: HMM, reader: Reader, rows: list[Row]) -> Any:
    """What the model takes: numbers, vectors where its columns are several, or symbols with names."""
    emission: Any = model.emission
    if symbols_of(model) is not None:
        return emission.from_cells(reader.texts(rows), reader.dialect.missing_words)
    readers = getattr(emission, "_cell_readers", ())
    if any(readers):
        return _mixed(readers, reader, rows)
    table = reader.numbers(rows)
    is_vector = len(reader.observed) > 1 or getattr(model.emission, "n_dimensions", None) is not None
    return table if is_vector else table[:, 0]


def _mixed(readers: Sequence[Any], reader: Reader, rows: list[Row]) -> list[tuple[Any, ...]]:
    """Rows of numbers and of symbols with names, as the channels of a product have them."""
    names = [reader.header[c] for c in reader.observed]
    columns: list[Sequence[Any]] = []
    for name, from_cells in zip(names, [*readers, *[None] * len(names)], strict=False):
        if from_cells is None:
            numbers = reader.numbers(rows, [name])[:, 0]
            columns.append([None if np.isnan(number) else number for number in numbers.tolist()])
        else:
            columns.append(from_cells(reader.texts(rows, name), reader.dialect.missing_words))
    return list(zip(*columns, strict=True))


def require_picture(path: str) -> None:
    """Refuse a picture that could not be drawn in the end."""
    ending, known = os.path.splitext(path)[1], plotting.picture_formats()
    if ending and ending[1:].lower() not in known:
        raise ValueError(f"--plot: {path} must end in one of .{', .'.join(known)}")
