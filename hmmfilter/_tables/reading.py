"""A CSV file as a table: its rows, what their cells say, and what helps where they are in another dialect."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks import shown
from hmmfilter._tables.columns import Reader, Row, RowError
from hmmfilter._tables.dialects import TRUTHS, Dialect
from hmmfilter._tables.rows import CsvRow, Rows
from hmmfilter._tables.sources import Source


class CsvReader(Reader):
    """A CSV file whose rows are read as they are asked for, and what its columns are for."""

    def __init__(
        self,
        source: Source,
        observed: list[str] | None,
        sequence: str | None,
        dialect: Dialect,
        symbols: Collection[str] | None = None,
        keeps_faulty: bool = False,
        beside: Sequence[str] = (),
    ) -> None:
        self.source = source
        self._keeps_faulty = keeps_faulty
        self._rows = Rows(source, dialect)
        self._is_again, self._n_seen = False, 0
        first = next(iter(self._rows), None)
        if first is None:
            raise ValueError(f"{source.name}: {_too_short(dialect, 0)}")
        self.header_row = first if dialect.has_header else None
        self._ahead = [] if dialect.has_header else [first]  # what has been read, and not yet asked for
        header = [cell.strip() if dialect.has_header else str(c) for c, cell in enumerate(first.cells, start=1)]
        dialect = self._rows.dialect  # with its delimiter, where that was to be found out
        super().__init__(source.name, header, dialect, observed, sequence, symbols, beside)
        self._insist_on_names([*self.observed, *self._beside, *([] if self.sequence is None else [self.sequence])])

    def _way_to_numbers(self, name: str) -> str:
        is_number = self.dialect.has_header and name.isdecimal()
        return "; to name columns by number, from 1, add --no-header" if is_number else ""

    def _name_of(self, column: int) -> str:
        return f"column {column + 1}" if self.header_row is None else super()._name_of(column)

    def _hint(self, rows: Sequence[CsvRow] = (), found: Sequence[int] = ()) -> str | None:
        self._insist_on_names(found)
        row = rows[0] if rows else None
        cells = row.cells if row and not found else []
        return next(filter(None, (self._rows.foreign(row, cell) for cell in ["", *cells])), None)

    def _insist_on_names(self, columns: Sequence[int]) -> None:
        """Refuse a first line that is a row already, as a number in place of a column's name shows."""
        for c in columns:
            if self.header_row is not None and self._is_observation(self.header[c]):
                words = "add --no-header where it is a row (columns are then called 1, 2, ...), or name the column"
                if self._rows.n_comments and self.dialect.comment is None:
                    words += "; --comment '' where the line before it names the columns"
                line = self.header_row.line
                raise ValueError(
                    f"{self.name}: line {line} must name the columns, got {shown(self.header[c])}: {words}"
                )

    def choose(self, rows: Sequence[CsvRow], more_to_come: bool = False) -> None:
        """Observe the only column of numbers, or of symbols, which has a name, unless columns were named."""
        super().choose(rows, more_to_come)
        self._insist_on_names(self.observed)

    def _is_observation(self, cell: str) -> bool:
        return self.dialect.number(cell) is not None or cell in (self._symbols or ())

    def blocks(self, n_rows: int, as_they_come: bool = False) -> Iterator[list[CsvRow]]:
        """Blocks of so many rows, and fewer where no more are waiting, if they are wanted as they come.

        Where a row is at fault, those before it come first, and then an error, unless such rows are kept, too.
        """
        ahead, self._ahead = self._ahead, []
        rows: list[CsvRow] = []
        try:
            for row in itertools.chain(ahead, self._rows):
                if row.fault and not self._keeps_faulty:
                    self.insist_on_sound([row])
                rows.append(row)
                self._n_seen += 1
                if len(rows) >= n_rows or (as_they_come and self._rows.may_have_to_wait()):
                    yield rows
                    rows = []
        except ValueError:
            if rows:
                yield rows
            raise
        if self._is_again:
            self.source.insist_on_the_same()
        if rows:
            yield rows
        elif not self._n_seen:
            raise ValueError(f"{self.name}: {_too_short(self.dialect, 1)}")

    def restart(self) -> None:
        """Go back to the first row, of what was opened to be read again."""
        self.source.insist_on_the_same()
        self.source.restart()
        self._rows, self._ahead = Rows(self.source, self.dialect), []
        self._is_again, self._n_seen = True, 0
        if self.header_row is not None:
            next(iter(self._rows))

    def version(self) -> tuple[int, ...]:
        """What tells a file from others, and from itself after a change; nothing where it is a pipe."""
        return self.source.version()

    def where(self, row: Row) -> str:
        """The line in which a row ends."""
        return f"line {row.line}"

    def cells(self, rows: Sequence[CsvRow], column: int) -> list[str]:
        """The cells of a column."""
        return [row.cells[column] for row in rows]

    def header_line(self) -> str | None:
        """The line that names the columns, where one does."""
        return None if self.header_row is None else self.header_row.text

    def lines(self, rows: Sequence[CsvRow]) -> list[str]:
        """Rows as they stand in the file."""
        return [row.text for row in rows]

    def _are_numbers(self, rows: Sequence[CsvRow], column: int, more_to_come: bool) -> bool:
        numbers = self.dialect.numbers(self.cells(rows, column))
        return numbers is not None and (more_to_come or not bool(np.isnan(numbers).all()))

    def _are_truths(self, rows: Sequence[CsvRow], column: int) -> bool:
        return any(cell.strip().casefold() in TRUTHS for cell in self.cells(rows, column))

    def numbers(self, rows: Sequence[CsvRow], names: Sequence[str] | None = None) -> FloatArray:
        """The observed cells as numbers, (T, D), NaN for a missing one; or those of columns by name."""
        places = self.observed if names is None else self._numbers_of(names)
        columns = [self.dialect.numbers(self.cells(rows, c)) for c in places]
        table = [column for column in columns if column is not None]
        if len(table) < len(columns):
            is_number = self.dialect.number
            row, c = next((row, c) for row in rows for c in places if is_number(row.cells[c]) is None)
            words = f"{self._name_of(c)} must be a number or empty, got {shown(row.cells[c])}"
            if self.header_row is None and row is self._rows.first:
                words += ": leave --no-header out where this line names the columns"
            if row.text.startswith("#"):
                words += ": add --comment '#' where such a line is no row"
            raise RowError(f"{self.name}: line {row.line}: {self._rows.foreign(row, row.cells[c]) or words}")
        return np.column_stack(table)


def _too_short(dialect: Dialect, n_lines: int) -> str:
    if dialect.has_header:
        return f"a header line and at least one row are required, got {n_lines} lines"
    return "at least one row is required, got none"
