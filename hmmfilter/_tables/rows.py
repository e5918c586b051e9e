"""The rows of a CSV file: its lines, cut into cells."""

from __future__ import annotations

import csv
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hmmfilter._tables.columns import RowError
from hmmfilter._tables.dialects import Dialect
from hmmfilter._tables.sources import Source

ESCAPED_BYTE = re.compile("[\udc80-\udcff]")  # of a file that is not in UTF-8


class CsvRow(NamedTuple):
    """A row, as it stands in the file."""

    line: int  # where the row ends in the file
    text: str  # without the end of its line
    cells: list[str]
    fault: str = ""  # what keeps its cells from being those of its columns


class Rows:
    """The rows of a source one after the other, each with as many cells as the first; no comments, no blank lines."""

    def __init__(self, source: Source, dialect: Dialect) -> None:
        self.name = source.name
        self._waiting: deque[str] = deque()  # lines that are there, and not yet read
        self._taken: list[str] = []  # the lines of the row that is being read
        mark = "#" if dialect.comment is None else dialect.comment
        self._marks = (mark,) if mark else ()  # that a comment begins with
        self._n_lines = 0
        self._fault = ""  # of the row that is being read
        self.n_comments = 0
        self.first: CsvRow | None = None  # by which a foreign dialect is known
        lines, first, blanks = self._lines(source, dialect), "", []
        for first in lines:
            if first.strip("\r\n"):
                break
            blanks.append(CsvRow(self._n_lines, "", [""]))
            self._taken.clear()
        self.dialect = dialect.settled(first)
        self._rows = self._parsed(itertools.chain([first], lines), [] if dialect.has_header else blanks)

    def __iter__(self) -> Iterator[CsvRow]:
        return self._rows

    def may_have_to_wait(self) -> bool:
        """Whether the next row, or the rest of it, is not there yet, as far as the next line tells."""
        if not self._waiting:
            return True
        line = self._waiting[0]
        return line.isspace() or line.count('"') % 2 == 1 or line.startswith(self._marks)

    def _lines(self, source: Source, dialect: Dialect) -> Iterator[str]:
        """The lines that are no comments; a byte that is not UTF-8 is refused in its own line."""
        waiting, taken, marks = self._waiting, self._taken, self._marks
        for lines in source.lines():
            waiting.extend(lines)
            while waiting:
                line = waiting.popleft()
                self._n_lines += 1
                if line.startswith(marks) and not taken and self._is_comment(line, dialect):
                    self.n_comments += 1
                    continue
                if not line.isascii():
                    self._look_for_bytes(line)
                taken.append(line)
                yield line

    def _look_for_bytes(self, line: str) -> None:
        escaped = ESCAPED_BYTE.search(line)
        if escaped:
            byte = ord(escaped[0]) - 0xDC00
            words = f"line {self._n_lines} must be in UTF-8, got the byte {byte:#x}"
            self._fault = self._fault or f"{words} (spreadsheets save it as 'CSV UTF-8')"

    def _is_comment(self, line: str, dialect: Dialect) -> bool:
        """Whether a line that begins as comments do is one: it is not, by default, where it may be a row."""
        if dialect.comment is not None or self.first is None or len(self.first.cells) == 1:
            return True
        try:
            return len(next(self._reader([line], strict=False))) != len(self.first.cells)
        except csv.Error:  # as it is too long for a cell
            return True

    def _reader(self, lines: Iterable[str], strict: bool = True) -> Any:
        mark = self.dialect.delimiter
        return csv.reader(lines, delimiter=mark, skipinitialspace=mark != " ", strict=strict)

    def _parsed(self, lines: Iterator[str], blanks: list[CsvRow]) -> Iterator[CsvRow]:
        reader, taken, n_cells = self._reader(lines), self._taken, 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:  # after which the next line begins a row
                begun = f" (of the row that begins in line {self._n_lines + 1 - len(taken)})" if len(taken) > 1 else ""
                cells, self._fault = [], f"line {self._n_lines} must be CSV: {error}{begun}"
            if cells is None:
                return
            text = (taken[0] if len(taken) == 1 else "".join(taken)).rstrip("\r\n")
            taken.clear()
            row, self._fault = CsvRow(self._n_lines, text, cells or [""], self._fault), ""
            if len(row.cells) == n_cells or (row.fault and n_cells > 0):
                yield row
            elif row.fault:
                raise RowError(f"{self.name}: {row.fault}")
            elif not text.strip() and len(row.cells) == 1:
                continue  # a blank line, which is the empty cell of an only column and no row of others
            elif n_cells == 0:
                self.first, n_cells = row, len(cells)
                yield from blanks if n_cells == 1 else ()
                yield row
            else:
                yield row._replace(fault=self._refusal(row, n_cells))

    def _refusal(self, row: CsvRow, n_cells: int) -> str:
        first = "header" if self.dialect.has_header else "first row"
        hint = self.foreign(row)
        return f"line {row.line}" + (
            f": {hint}" if hint else f" must have {n_cells} cells as the {first} does, got {len(row.cells)}"
        )

    def foreign(self, row: CsvRow | None = None, cell: str = "") -> str | None:
        """What the command needs to hear where the file is in another dialect, as a row of it seems to be."""
        return self.dialect.foreign(self.first.text if self.first else "", row.text if row else "", cell)
