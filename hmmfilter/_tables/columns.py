"""What the columns of a table are for, whatever kind of file it is: observations, and what lies beside them."""

from __future__ import annotations

import contextlib
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks import EntryError, ImpossibleEvidenceError, shown, shown_name
from hmmfilter._tables.dialects import Dialect

OFFSET = re.compile(r"(?<=:\d\d)([+-])(\d\d):?(\d\d)$")  # from universal time
MOST_NAMES = 8  # of columns that a message lists


class RowError(ValueError):
    """A row is at fault."""


class Row(Protocol):
    """A row of a table."""

    @property
    def line(self) -> int:
        """Where it is in the file, as messages say."""
        ...

    @property
    def fault(self) -> str:
        """What keeps its cells from being those of its columns."""
        ...


class Reader(ABC):
    """A table whose rows are read as they are asked for, and what its columns are for."""

    rows_at_once = 1  # where rows are asked for one by one

    def __init__(
        self,
        name: str,
        header: list[str],
        dialect: Dialect,
        observed: list[str] | None,
        sequence: str | None,
        symbols: Collection[str] | None,
        beside: Sequence[str],
    ) -> None:
        self.name, self.header, self.dialect = name, header, dialect
        self._symbols = symbols
        self.sequence = None if sequence is None else self._numbers_of([sequence])[0]
        parts = [part for word in observed or [] for part in ([word] if word in header else word.split(","))]
        self.observed = self._numbers_of(parts)  # none where that is left to `choose`
        self._beside = self._numbers_of(beside)  # which are never chosen to be observed

    @abstractmethod
    def blocks(self, n_rows: int, as_they_come: bool = False) -> Iterator[list[Any]]:
        """Blocks of so many rows, and fewer where no more are waiting, if they are wanted as they come."""

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.blocks(self.rows_at_once))

    @abstractmethod
    def restart(self) -> None:
        """Go back to the first row, of what was opened to be read again."""

    @abstractmethod
    def version(self) -> tuple[int, ...]:
        """What tells a file from others, and from itself after a change; nothing where it is a pipe."""

    @abstractmethod
    def where(self, row: Row) -> str:
        """What a message calls the place of a row."""

    @abstractmethod
    def cells(self, rows: Sequence[Any], column: int) -> list[str]:
        """The text of the cells of a column."""

    @abstractmethod
    def numbers(self, rows: Sequence[Any], names: Sequence[str] | None = None) -> FloatArray:
        """The observed cells as numbers, (T, D), NaN for a missing one; or those of columns by name."""

    @abstractmethod
    def header_line(self) -> str | None:
        """The line of CSV that names the columns, where one does."""

    @abstractmethod
    def lines(self, rows: Sequence[Any]) -> list[str]:
        """Rows as lines of CSV."""

    def _hint(self, rows: Sequence[Any] = (), found: Sequence[int] = ()) -> str | None:
        """What would help where columns are not what they are asked for, if that is known."""
        return None

    def _numbers_of(self, names: Sequence[str]) -> list[int]:
        for name in names:
            if self.header.count(name) != 1:
                problem = "two columns" if name in self.header else "no column"
                words = f"{problem} {shown(name)}; columns: {self._listed(range(len(self.header)))}"
                raise ValueError(f"{self.name}: {self._hint() or words + self._way_to_numbers(name)}")
        return [self.header.index(name) for name in names]

    def _way_to_numbers(self, name: str) -> str:
        """What to say of a name that is a number."""
        return ""

    def _listed(self, columns: Sequence[int]) -> str:
        names = ", ".join(shown_name(self.header[c]) for c in columns[:MOST_NAMES])
        return (names or "none") + (", ..." if len(columns) > MOST_NAMES else "")

    def _name_of(self, column: int) -> str:
        """What a message calls a column."""
        return shown_name(self.header[column])

    def insist_on_sound(self, rows: Sequence[Row]) -> None:
        """Refuse rows whose cells are not those of their columns."""
        for row in rows:
            if row.fault:
                raise RowError(f"{self.name}: {row.fault}")

    def choose(self, rows: Sequence[Any], more_to_come: bool = False) -> None:
        """Observe the only column of numbers, or of symbols, unless columns were named.

        Words of truth are numbers where no others are.
        """
        if self.observed:
            return
        others = {self.sequence, *self._beside}
        columns = [c for c in range(len(self.header)) if c not in others]
        found = [c for c in columns if self._may_be_observed(rows, c, more_to_come)]
        chosen = [c for c in found if not self._are_truths(rows, c)] or found
        if len(chosen) != 1:
            kind = "numeric columns" if self._symbols is None else "columns of symbols"
            words = f"name the observations with --column; {kind}: {self._listed(chosen)}"
            raise ValueError(f"{self.name}: {self._hint(rows, chosen) or words}")
        self.observed = chosen

    def _may_be_observed(self, rows: Sequence[Any], column: int, more_to_come: bool) -> bool:
        """Whether no cell of a column is anything but an observation, and one is one, or may yet be."""
        if self._symbols is None:
            return self._are_numbers(rows, column, more_to_come)
        cells = {cell.strip() for cell in self.cells(rows, column)}
        seen = cells - self.dialect.missing_words.difference(self._symbols)
        return seen <= set(self._symbols) and (more_to_come or bool(seen))

    @abstractmethod
    def _are_numbers(self, rows: Sequence[Any], column: int, more_to_come: bool) -> bool: ...

    @abstractmethod
    def _are_truths(self, rows: Sequence[Any], column: int) -> bool: ...

    def times(self, rows: Sequence[Any], name: str) -> npt.NDArray[Any]:
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
            raise RowError(f"{self.name}: {self.where(row)}: {words}, got {shown(cell)}")
        return moment

    def words(self, rows: Sequence[Any], name: str) -> list[str]:
        """The cells of a column."""
        (c,) = self._numbers_of([name])
        return [cell.strip() for cell in self.cells(rows, c)]

    def texts(self, rows: Sequence[Any], name: str | None = None) -> list[str]:
        """The cells of the column that is observed, of which there must be one; or of an observed one by name."""
        columns = self.observed if name is None else self._numbers_of([name])
        if len(columns) != 1:
            raise ValueError(f"{self.name}: --column must name one column of symbols, got {len(columns)}")
        return self._shown(rows, *columns)

    def _shown(self, rows: Sequence[Any], column: int) -> list[str]:
        """The cells of a column as observations, which a missing one is, too."""
        return self.cells(rows, column)

    @property
    def label(self) -> int:
        """The column that labels the time: the first, or the second where the first tells sequences apart."""
        return int(self.sequence == 0 and len(self.header) > 1)

    def id_of(self, row: Any) -> str | None:
        """What tells the sequence of a row from others; None where there is one."""
        return None if self.sequence is None else self.cells([row], self.sequence)[0]

    def ids(self, rows: Sequence[Any]) -> list[str]:
        """What tells the sequence of each row from others; nothing where there is one."""
        return [""] * len(rows) if self.sequence is None else self.cells(rows, self.sequence)

    def impossible(self, row: Row, step: int) -> ValueError:
        """What to say where no path through the states leads past a row, which is a step of its sequence."""
        where = self.where(row) + ("" if self.sequence is None else f", sequence {shown(self.id_of(row))}")
        return ValueError(f"{self.name}: {where}: {ImpossibleEvidenceError(step)}")

    @contextlib.contextmanager
    def blamed(self, rows: Sequence[Row]) -> Iterator[None]:
        """Say in which row an observation is refused, in the words of the file."""
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
            raise RowError(f"{self.name}: {self.where(rows[t])}: {words}") from error
        except ImpossibleEvidenceError:
            raise
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error


def _moment_of(cell: str) -> np.datetime64:
    text, offset = cell.upper().removesuffix("Z"), OFFSET.search(cell)
    if offset is None:
        return np.datetime64(text, "ns")
    sign, hours, minutes = offset.groups()
    ahead = np.timedelta64(int(f"{sign}1") * (60 * int(hours) + int(minutes)), "m")
    return np.datetime64(text[: offset.start()], "ns") - ahead
