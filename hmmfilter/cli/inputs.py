"""What the words of the command ask for, opened or refused before any work."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from hmmfilter import plotting
from hmmfilter._tables import Reader, Row, opened
from hmmfilter.cli.parser import dialect_of
from hmmfilter.model import HMM


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
    return opened(options.data, options.column, sequence, dialect_of(options), words, again, keeps_faulty)


def symbols_of(model: HMM) -> Sequence[Any] | None:
    """What is observed, where that is symbols with names."""
    return getattr(model.emission, "symbols", None)


def observations_of(model: HMM, reader: Reader, rows: list[Row]) -> Any:
    """What the model takes: numbers, vectors where its columns are several, or symbols with names."""
    if symbols_of(model) is not None:
        emission: Any = model.emission
        return emission.from_cells(reader.texts(rows), reader.dialect.missing_words)
    table = reader.numbers(rows)
    is_vector = len(reader.observed) > 1 or getattr(model.emission, "n_dimensions", None) is not None
    return table if is_vector else table[:, 0]


def require_picture(path: str) -> None:
    """Refuse a picture that could not be drawn in the end."""
    ending, known = os.path.splitext(path)[1], plotting.picture_formats()
    if ending and ending[1:].lower() not in known:
        raise ValueError(f"--plot: {path} must end in one of .{', .'.join(known)}")
