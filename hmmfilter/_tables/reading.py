"""A CSV file as a table of observations: which columns are observed, and what their cells say."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks import EntryError, ImpossibleEvidenceError, shown, shown_name
from hmmfilter._tables.dialects import TRUTHS, USUAL, Dialect
from hmmfilter._tables.rows import Row, RowError, Rows
from hmmfilter._tables.sources import Source, opened_source

OFFSET = re.compile(r"(?<=:\d\d)([+-])(\d\d):?(\d\d)$")  # from universal time
MOST_NAMES = 8  # of columns that a message lists


class Reader:
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
        self.name = source.name
        self.source = source
        self._symbols = symbols
        self._keeps_faulty = keeps_faulty
        self._rows = Rows(source, dialect)
        self._is_again, self._n_seen = False, 0
        self.dialect = self._rows.dialect  # with its delimiter, where that was to be found out
        first = next(iter(self._rows), None)
        if first is None:
            raise ValueError(f"{self.name}: {self._too_short(0)}")
        self.header_row = first if dialect.has_header else None
        self._ahead = [] if dialect.has_header else [first]  # what has been read, and not yet asked for
        self.header = [cell.strip() if dialect.has_header else str(c) for c, cell in enumerate(first.cells, start=1)]
        self.sequence = None if sequence is None else self._numbers_of([sequence])[0]
        parts = [part for word in observed or [] for part in ([word] if word in self.header else word.split(","))]
        self.observed = self._numbers_of(parts)  # none where that is left to `choose`
        self._beside = self._numbers_of(beside)  # which are never chosen to be observed
        self._insist_on_names([*self.observed, *self._beside, *([] if self.sequence is None else [self.sequence])])

    def _too_short(self, n_lines: int) -> str:
        if self.dialect.has_header:
            return f"a header line and at least one row are required, got {n_lines} lines"
        return "at least one row is required, got none"

    def _numbers_of(self, names: Sequence[str]) -> list[int]:
        for name in names:
            if self.header.count(name) != 1:
                problem = "two columns" if name in self.header else "no column"
                words = f"{problem} {shown(name)}; columns: {self._listed(range(len(self.header)))}"
                if self.dialect.has_header and name.isdecimal():
                    words += "; to name columns by number, from 1, add --no-header"
                raise ValueError(f"{self.name}: {self._rows.foreign() or words}")
        return [self.header.index(name) for name in names]

    def _listed(self, columns: Sequence[int]) -> str:
        names = ", ".join(shown_name(self.header[c]) for c in columns[:MOST_NAMES])
        return (names or "none") + (", ..." if len(columns) > MOST_NAMES else "")

    def _name_of(self, column: int) -> str:
        """What a message calls a column."""
        return f"column {column + 1}" if self.header_row is None else shown_name(self.header[column])

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

    def _is_observation(self, cell: str) -> bool:
        return self.dialect.number(cell) is not None or cell in (self._symbols or ())

    def __iter__(self) -> Iterator[Row]:
        return itertools.chain.from_iterable(self.blocks(1))

    def blocks(self, n_rows: int, as_they_come: bool = False) -> Iterator[list[Row]]:
        """Blocks of so many rows, and fewer where no more are waiting, if they are wanted as they come.

        Where a row is at fault, those before it come first, and then an error, unless such rows are kept, too.
        """
        ahead, self._ahead = self._ahead, []
        rows: list[Row] = []
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
            raise ValueError(f"{self.name}: {self._too_short(1)}")

    def insist_on_sound(self, rows: Sequence[Row]) -> None:
        """Refuse rows whose cells are not those of their columns."""
        for row in rows:
            if row.fault:
                raise RowError(f"{self.name}: {row.fault}")

    def restart(self) -> None:
        """Go back to the first row, of what was opened to be read again."""
        self.source.insist_on_the_same()
        self.source.restart()
        self._rows, self._ahead = Rows(self.source, self.dialect), []
        self._is_again, self._n_seen = True, 0
        if self.header_row is not None:
            next(iter(self._rows))

    def choose(self, rows: Sequence[Row], more_to_come: bool = False) -> None:
        """Observe the only column of numbers, or of symbols, unless columns were named.

        Words of truth are numbers where no others are.
        """
        if self.observed:
            return
        others = {self.sequence, *self._beside}
        columns = {c: [row.cells[c] for row in rows] for c in range(len(self.header)) if c not in others}
        found = [c for c, cells in columns.items() if self._are_observations(cells, more_to_come)]
        numbers = [c for c in found if not any(cell.strip().casefold() in TRUTHS for cell in columns[c])]
        chosen = numbers or found
        self._insist_on_names(chosen)
        if len(chosen) != 1:
            kind = "numeric columns" if self._symbols is None else "columns of symbols"
            words = f"name the observations with --column; {kind}: {self._listed(chosen)}"
            row = rows[0] if rows else None
            hints = (self._rows.foreign(row, cell) for cell in ["", *(row.cells if row and not chosen else [])])
            raise ValueError(f"{self.name}: {next(filter(None, hints), words)}")
        self.observed = chosen

    def _are_observations(self, cells: list[str], more_to_come: bool) -> bool:
        """Whether no cell of a column is anything else, and one is an observation, or may yet be."""
        if self._symbols is not None:
            seen = {cell.strip() for cell in cells} - self.dialect.missing_words.difference(self._symbols)
            return seen <= set(self._symbols) and (more_to_come or bool(seen))
        numbers = self.dialect.numbers(cells)
        return numbers is not None and (more_to_come or not bool(np.isnan(numbers).all()))

    def numbers(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> FloatArray:
        """The observed cells as numbers, (T, D), NaN for a missing one; or those of columns by name."""
        places = self.observed if names is None else self._numbers_of(names)
        columns = [self.dialect.numbers([row.cells[c] for row in rows]) for c in places]
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

    def times(self, rows: Sequence[Row], name: str) -> npt.NDArray[Any]:
        """The cells of a column as times: numbers, or else dates, with or without a time of day, as datetime64."""
        cells = self.words(rows, name)
        numbers = self.dialect.numbers(cells)
        if numbers is not None and not np.isnan(numbers).any():
            return numbers
        return np.array([self._moment(row, name, cell) for row, cell in zip(rows, cells, strict=True)])

    def _moment(self, row: Row, name: str, cell: str) -> np.datetime64:
        """A date, to the nanosecond; one with an offset from universal time, in that."""
        moment: np.datetime64[Any] = np.datetime64("NaT")
        with contextlib.suppress(ValueError):
            moment = _moment_of(cell)
        if np.isnat(moment):
            words = f"{shown_name(name)} must be a number or a date, as 2026-01-31 or 2026-01-31T08:30:00"
            raise RowError(f"{self.name}: line {row.line}: {words}, got {shown(cell)}")
        return moment

    def words(self, rows: Sequence[Row], name: str) -> list[str]:
        """The cells of a column."""
        (c,) = self._numbers_of([name])
        return [row.cells[c].strip() for row in rows]

    def texts(self, rows: Sequence[Row]) -> list[str]:
        """The cells of the column that is observed, of which there must be one."""
        if len(self.observed) != 1:
            raise ValueError(f"{self.name}: --column must name one column of symbols, got {len(self.observed)}")
        (column,) = self.observed
        return [row.cells[column] for row in rows]

    def id_of(self, row: Row) -> str | None:
        """What tells the sequence of a row from others; None where there is one."""
        return None if self.sequence is None else row.cells[self.sequence]

    def impossible(self, row: Row, step: int) -> ValueError:
        """What to say where no path through the states leads past a row, which is a step of its sequence."""
        where = f"line {row.line}" + ("" if self.sequence is None else f", sequence {shown(self.id_of(row))}")
        return ValueError(f"{self.name}: {where}: {ImpossibleEvidenceError(step)}")

    @contextlib.contextmanager
    def blamed(self, rows: Sequence[Row]) -> Iterator[None]:
        """Say in which line an observation is refused, in the words of the file."""
        try:
            yield
        except EntryError as error:
            t, *rest = error.index
            place, _, words = str(error).partition("]")
            if place.startswith("observations["):
                words = self._name_of(self.observed[rest[0] if rest else 0]) + words
            elif place.startswith("log_likelihoods["):
                words = f"the log-likelihood in state {rest[0]}{words}"
            else:
                words = str(error)
            raise RowError(f"{self.name}: line {rows[t].line}: {words}") from error
        except ImpossibleEvidenceError:
            raise
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error


@contextlib.contextmanager
def opened(
    path: str,
    observed: list[str] | None,
    sequence: str | None,
    dialect: Dialect = USUAL,
    symbols: Collection[str] | None = None,
    again: bool = False,
    keeps_faulty: bool = False,
    beside: Sequence[str] = (),
) -> Iterator[Reader]:
    """Open a file, or standard input, and read its header.

    Its observations are numbers unless `symbols` says what else they are; `again` if it is to be read more than once,
    and `keeps_faulty` if rows that are at fault are to come with the others. The columns that are `beside` are for
    something else than observations.
    """
    with opened_source(path, again) as source:
        yield Reader(source, observed, sequence, dialect, symbols, keeps_faulty, beside)


def _moment_of(cell: str) -> np.datetime64:
    text, offset = cell.upper().removesuffix("Z"), OFFSET.search(cell)
    if offset is None:
        return np.datetime64(text, "ns")
    sign, hours, minutes = offset.groups()
    ahead = np.timedelta64(int(f"{sign}1") * (60 * int(hours) + int(minutes)), "m")
    return np.datetime64(text[: offset.start()], "ns") - ahead
