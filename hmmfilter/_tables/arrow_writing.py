"""Parquet out: rows as they came in, each with what is added to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._files import is_replaceable, written_whole
from hmmfilter._tables.arrow import ArrowReader
from hmmfilter._tables.arrow_files import said_of

GROUP_ROWS, GROUP_BYTES = 2**17, 2**24  # of a row group, at most, and a block


class ParquetWriter:
    """A Parquet file with the columns of the one that its rows come from, written a row group at a time."""

    def __init__(self, file: Any, path: str, reader: ArrowReader, added: Sequence[str], are_words: bool) -> None:
        import pyarrow
        import pyarrow.parquet

        self._path, self._waiting, self._n_rows, self._n_bytes = path, list[Any](), 0, 0
        kind = pyarrow.string() if are_words else pyarrow.float64()
        self._schema = reader.schema
        for name in added:
            self._schema = self._schema.append(pyarrow.field(name, kind))
        with said_of(path):
            self._writer = pyarrow.parquet.ParquetWriter(file, self._schema)

    def write_numbers(self, rows: Sequence[Any], table: FloatArray) -> None:
        """Write rows with the numbers that each gets, (T, N)."""
        self._write(rows, list(table.T))

    def write_words(self, rows: Sequence[Any], words: Sequence[str]) -> None:
        """Write rows with the word that each gets, NULL for an empty one."""
        self._write(rows, [np.array([word or None for word in words], dtype=object)])

    def flush(self) -> None:
        """Keep what waits for others: nothing is seen before all is written."""

    def _write(self, rows: Sequence[Any], added: Sequence[npt.NDArray[Any]]) -> None:
        """Add rows of one block to the next row group."""
        import pyarrow

        if not rows:
            return
        block = rows[0].block
        batch = block.batch.take(pyarrow.array([row.line - block.first for row in rows]))
        kinds = self._schema.types[batch.num_columns :]
        columns = [pyarrow.array(column, kind) for column, kind in zip(added, kinds, strict=True)]
        batch = pyarrow.RecordBatch.from_arrays([*batch.columns, *columns], schema=self._schema)
        self._waiting.append(batch)
        self._n_rows += batch.num_rows
        self._n_bytes += batch.nbytes
        if self._n_rows >= GROUP_ROWS or self._n_bytes >= GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        import pyarrow

        with said_of(self._path):
            self._writer.write_table(pyarrow.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._n_rows, self._n_bytes = [], 0, 0

    def close(self) -> None:
        """Write what still waits, and what ends the file."""
        if self._waiting:
            self._write_group()
        with said_of(self._path):
            self._writer.close()


@contextlib.contextmanager
def opened_parquet(path: str, reader: ArrowReader, added: Sequence[str], are_words: bool) -> Iterator[ParquetWriter]:
    """Open a file for Parquet, which gets its name when it is complete."""
    if not is_replaceable(path):
        raise ValueError(f"{path}: must be a file, which Parquet is written to as a whole, got another thing")
    with written_whole(path) as file:
        writer = ParquetWriter(file, path, reader, added, are_words)
        try:
            yield writer
        finally:
            writer.close()
