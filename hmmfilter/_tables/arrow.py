"""A Parquet or Arrow file as a table: its columns have types, and a row is known by its number."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._tables import arrow_types
from hmmfilter._tables.arrow_files import ArrowFile, said_of
from hmmfilter._tables.columns import Reader, Row, RowError
from hmmfilter._tables.dialects import Dialect

NULL = "\0"  # what nothing is among observations, and no word is


class Block:
    """Rows that were read together, of which each column is converted once."""

    def __init__(self, batch: Any, first: int, columns: Sequence[int] | None) -> None:
        self.batch, self.first = batch, first
        self._columns = columns  # those of the file that the batch has
        self._converted: dict[Any, Any] = {}

    def converted(self, c: int, how: Callable[[Any], Any]) -> Any:
        """A column, as pyarrow has it without a dictionary, converted."""
        if (c, how) not in self._converted:
            column = self.batch.column(c if self._columns is None else self._columns.index(c))
            is_numbered = arrow_types.plain(column.type) is not column.type
            self._converted[c, how] = how(column.dictionary_decode() if is_numbered else column)
        return self._converted[c, how]


class ArrowRow(NamedTuple):
    """A row, by its number in the file, and what was read with it."""

    line: int
    block: Block
    fault: str = ""


class ArrowReader(Reader):
    """A Parquet or Arrow file whose rows are read as they are asked for, and what its columns are for.

    All columns are read if rows are to be written with what is added to them, and else those that are looked at.
    """

    rows_at_once = 2**13

    def __init__(
        self,
        file: ArrowFile,
        observed: list[str] | None,
        sequence: str | None,
        dialect: Dialect,
        symbols: Collection[str] | None = None,
        beside: Sequence[str] = (),
        is_copied: bool = True,
    ) -> None:
        if dialect != Dialect(missing=dialect.missing):
            words = "--delimiter, --decimal, --comment and --no-header must be left out: they are about CSV"
            raise ValueError(f"{file.name}: {words}")
        self._file, self._is_copied = file, is_copied
        self.schema = file.schema
        self._types = [arrow_types.plain(field.type) for field in file.schema]
        self._index = _index_of(file.schema)
        words_of_nothing = Dialect(missing=(NULL, *dialect.missing))
        super().__init__(file.name, list(file.schema.names), words_of_nothing, observed, sequence, symbols, beside)

    def blocks(self, n_rows: int, as_they_come: bool = False) -> Iterator[list[ArrowRow]]:
        """Blocks of at most so many rows."""
        columns, first = None if self._is_copied else self._looked_at(), 0
        for batch in self._file.batches(n_rows, columns):
            block, end = Block(batch, first, columns), first + batch.num_rows
            yield [ArrowRow(line, block) for line in range(first, end)]
            first = end
        if first == 0:
            raise ValueError(f"{self.name}: at least one row is required, got none")

    def _looked_at(self) -> list[int] | None:
        """The columns that are looked at; None for all, where columns, by whose names they are read, share one."""
        candidates = (c for c, kind in enumerate(self._types) if arrow_types.are_words(kind))
        others = [*self._beside, self.label, *([] if self.sequence is None else [self.sequence])]
        columns = sorted({*(self.observed or candidates), *others})
        return columns if len(set(self.header)) == len(self.header) else None

    def restart(self) -> None:
        """Go back to the first row, for rows that are written with what is added to them."""
        self._file.insist_on_the_same()
        self._is_copied = True

    def version(self) -> tuple[int, ...]:
        """What tells the file from others, and from itself after a change."""
        return self._file.version()

    def where(self, row: Row) -> str:
        """The number of a row."""
        return f"row {row.line} (from 0)"

    def _may_be_observed(self, rows: Sequence[ArrowRow], column: int, more_to_come: bool) -> bool:
        return arrow_types.are_words(self._types[column]) and super()._may_be_observed(rows, column, more_to_come)

    def _are_numbers(self, rows: Sequence[ArrowRow], column: int, more_to_come: bool) -> bool:
        return arrow_types.are_numbers(self._types[column]) and column not in self._index

    def _are_truths(self, rows: Sequence[ArrowRow], column: int) -> bool:
        return arrow_types.are_truths(self._types[column])

    def _converted(self, rows: Sequence[ArrowRow], column: int, how: Callable[[Any], Any]) -> list[Any]:
        """The cells of a column, converted."""
        cells: list[Any] = []
        for block, part in itertools.groupby(rows, operator.attrgetter("block")):
            with said_of(f"{self.name}: {self._name_of(column)}"):
                entries = block.converted(column, how)
            cells += [entries[row.line - block.first] for row in part]
        return cells

    def numbers(self, rows: Sequence[ArrowRow], names: Sequence[str] | None = None) -> FloatArray:
        """The observed cells as numbers, (T, D), NaN for a missing one; or those of columns by name."""
        places = self.observed if names is None else self._numbers_of(names)
        for c in places:
            if not arrow_types.are_numbers(self._types[c]):
                raise ValueError(f"{self.name}: {self._name_of(c)} must hold numbers, got {self._types[c]}")
        table = np.column_stack([self._converted(rows, c, arrow_types.numbers) for c in places])
        return self.dialect.without_missing(table)

    def cells(self, rows: Sequence[ArrowRow], column: int) -> list[str]:
        """The text of the cells of a column, none where nothing is."""
        return self._converted(rows, column, arrow_types.texts)

    def _shown(self, rows: Sequence[ArrowRow], column: int) -> list[str]:
        return self._converted(rows, column, _texts_of_observations)

    def words(self, rows: Sequence[ArrowRow], name: str) -> list[str]:
        """The text of the cells of a column in which something is everywhere."""
        (c,) = self._numbers_of([name])
        cells = self._shown(rows, c)
        self._insist_on_all(rows, c, [cell == NULL for cell in cells])
        return cells

    def times(self, rows: Sequence[ArrowRow], name: str) -> npt.NDArray[Any]:
        """The cells of a column as times: numbers, or dates, with or without a time of day, as datetime64."""
        (c,) = self._numbers_of([name])
        if arrow_types.are_numbers(self._types[c]):
            found: npt.NDArray[Any] = self.numbers(rows, [name])[:, 0]
        elif arrow_types.are_times(self._types[c]):
            found = np.array(self._converted(rows, c, arrow_types.times))
        else:
            return super().times(rows, name)
        self._insist_on_all(rows, c, np.isnan(found).tolist())
        return found

    def _insist_on_all(self, rows: Sequence[ArrowRow], column: int, are_missing: list[bool]) -> None:
        """Refuse nothing where something must be."""
        for row in itertools.compress(rows, are_missing):
            raise RowError(f"{self.name}: {self.where(row)}: {self._name_of(column)} must not be missing, got NULL")

    def header_line(self) -> str:
        """The line of CSV that names the columns, of which each can be written as text."""
        for c, kind in enumerate(self._types):
            if not arrow_types.are_words(kind):
                words = f"{self._name_of(c)} must be left out of CSV, got {kind}: --output can be .parquet"
                raise ValueError(f"{self.name}: {words}")
        return self._line(self.header)

    def lines(self, rows: Sequence[ArrowRow]) -> list[str]:
        """Rows as lines of CSV."""
        columns = [self.cells(rows, c) for c in range(len(self.header))]
        return list(map(self._line, zip(*columns, strict=True)))

    def _line(self, cells: Sequence[str]) -> str:
        return self.dialect.delimiter.join(map(self.dialect.cell, cells))


def _texts_of_observations(column: Any) -> list[str]:
    """A column as text, in which nothing differs from an empty word."""
    return arrow_types.texts(column, NULL)


def _index_of(schema: Any) -> set[int]:
    """The columns in which pandas keeps the labels of rows."""
    names = (schema.pandas_metadata or {}).get("index_columns", ())
    return {schema.names.index(name) for name in names if name in schema.names}
