"""CSV files, as the command reads and writes them: row by row, and every refusal with the line that it is about."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TextIO

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks import EntryError, ImpossibleEvidenceError
from hmmfilter._files import written_whole


class Row(NamedTuple):
    """The cells of a row, as they stand in the file."""

    line: int  # where the row ends in the file
    cells: list[str]


class Reader:
    """A CSV file with a header line, whose rows are read as they are asked for, and what its columns are for."""

    def __init__(self, name: str, stream: Iterable[str], observed: list[str] | None, sequence: str | None) -> None:
        self.name = name
        self._rows = self._parsed(stream)
        self.header = next(self._rows, Row(0, [])).cells
        if not self.header:
            raise ValueError(f"{name}: a header line and at least one row are required, got 0 lines")
        self.sequence = None if sequence is None else self._numbers_of([sequence])[0]
        parts = [part for word in observed or [] for part in ([word] if word in self.header else word.split(","))]
        self.observed = self._numbers_of(parts)  # none where that is left to `choose`

    def _parsed(self, stream: Iterable[str]) -> Iterator[Row]:
        reader = csv.reader(self._decoded(stream), strict=True)
        n_cells = 0
        try:
            for cells in reader:
                if not cells and n_cells != 1:  # where there is one column, a blank line is its empty cell
                    continue
                row = Row(reader.line_num, cells or [""])
                n_cells = n_cells or len(row.cells)
                if len(row.cells) != n_cells:
                    raise ValueError(
                        f"{self.name}: line {row.line} must have {n_cells} cells as the header does, "
                        f"got {len(row.cells)}"
                    )
                yield row
        except csv.Error as error:
            raise ValueError(f"{self.name}: line {reader.line_num} must be CSV: {error}") from None

    def _decoded(self, stream: Iterable[str]) -> Iterator[str]:
        """Refuse a byte that is not UTF-8 in its own line, and not where a block of them is read."""
        for line, text in enumerate(stream, start=1):
            escaped = [] if text.isascii() else [letter for letter in text if "\udc80" <= letter <= "\udcff"]
            if escaped:
                byte = ord(escaped[0]) - 0xDC00
                raise ValueError(f"{self.name}: line {line} must be in UTF-8, got the byte {byte:#x}")
            yield text

    def _numbers_of(self, names: list[str]) -> list[int]:
        for name in names:
            if self.header.count(name) != 1:
                problem = "two columns" if name in self.header else "no column"
                raise ValueError(f"{self.name}: {problem} {name!r}; columns: {', '.join(self.header)}")
        return [self.header.index(name) for name in names]

    def __iter__(self) -> Iterator[Row]:
        first = next(self._rows, None)
        if first is None:
            raise ValueError(f"{self.name}: a header line and at least one row are required, got 1 lines")
        yield first
        yield from self._rows

    def choose(self, rows: Sequence[Row], more_to_come: bool = False) -> None:
        """Observe the only numeric column, unless columns were named."""
        if self.observed:
            return
        if all(_number(name) is not None for name in self.header):
            raise ValueError(f"{self.name}: line 1 must name the columns, got {','.join(self.header)}")
        candidates = [c for c in range(len(self.header)) if c != self.sequence]
        numeric = [c for c in candidates if _are_numbers([row.cells[c] for row in rows], more_to_come)]
        if len(numeric) != 1:
            found = ", ".join(self.header[c] for c in numeric) or "none"
            raise ValueError(f"{self.name}: name the observations with --column; numeric columns: {found}")
        self.observed = numeric

    def numbers(self, rows: Sequence[Row]) -> FloatArray:
        """The observed cells as numbers, (T, D), NaN for an empty one."""
        table = np.empty((len(rows), len(self.observed)))
        for t, (line, cells) in enumerate(rows):
            for d, c in enumerate(self.observed):
                number = _number(cells[c])
                if number is None:
                    raise ValueError(
                        f"{self.name}: line {line}: {self.header[c]} must be a number or empty, got {cells[c]!r}"
                    )
                table[t, d] = number
        return table

    def id_of(self, row: Row) -> str | None:
        """What tells the sequence of a row from others; None where there is one."""
        return None if self.sequence is None else row.cells[self.sequence]

    @contextlib.contextmanager
    def blamed(self, rows: Sequence[Row], starts: Sequence[int]) -> Iterator[None]:
        """Say in which line an observation is refused, in the words of the file.

        The rows are those of one sequence after the other; the first step of each is at its start among them.
        """
        try:
            yield
        except ImpossibleEvidenceError as error:
            row = rows[starts[error.sequence or 0] + error.step]
            where = f"line {row.line}" + ("" if self.sequence is None else f", sequence {self.id_of(row)!r}")
            raise ValueError(f"{self.name}: {where}: {ImpossibleEvidenceError(error.step)}") from error
        except EntryError as error:
            t, *rest = error.index
            words = str(error)
            if words.startswith("observations["):
                words = self.header[self.observed[rest[0] if rest else 0]] + words[words.index("]") + 1 :]
            raise ValueError(f"{self.name}: line {rows[t].line}: {words}") from error
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error


def _are_numbers(cells: list[str], more_to_come: bool) -> bool:
    """Whether a column is one of numbers: none of its cells is anything else, and one is a number, or may yet be."""
    return all(_number(cell) is not None for cell in cells) and (more_to_come or any(cell.strip() for cell in cells))


def _number(cell: str) -> float | None:
    if not cell.strip():
        return math.nan
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


@contextlib.contextmanager
def opened(path: str, observed: list[str] | None, sequence: str | None) -> Iterator[Reader]:
    """Open a file, or standard input, and read its header line."""
    if path != "-":
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield Reader(path, file, observed, sequence)
        return
    stream = _open_stream(sys.stdin, "standard input")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8-sig", errors="surrogateescape", newline="")
    yield Reader("standard input", stream, observed, sequence)


@contextlib.contextmanager
def opened_for_writing(path: str, as_it_goes: bool = False) -> Iterator[TextIO]:
    """Open a file, or standard output, for CSV: in UTF-8, with line ends left alone.

    A file gets its name when it is complete, unless what is written is to be seen as it goes.
    """
    if path != "-":
        with open(path, "wb") if as_it_goes else written_whole(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            yield text
            text.flush()
        return
    stream = _open_stream(sys.stdout, "standard output")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", newline="")
    yield stream
    stream.flush()


def _open_stream(stream: TextIO | None, name: str) -> TextIO:
    if stream is None:
        raise ValueError(f"{name} must be open, got a closed stream")
    return stream
