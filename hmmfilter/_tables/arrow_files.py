"""Parquet and Arrow files: their record batches one after the other, in little memory, through pyarrow."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

BUFFER = 1 << 16  # bytes of a column that are read at once
PARQUET, ARROW = b"PAR1", b"ARROW1\0\0"  # in which such files begin


class ArrowFile:
    """A file of record batches, which are read as they are asked for."""

    def __init__(self, name: str, file: BinaryIO, is_parquet: bool) -> None:
        self.name = name
        self._file, self._is_parquet = file, is_parquet
        self._version = self.version()
        with said_of(name):
            self._batches = (_opened_parquet if is_parquet else _opened_arrow)(file)
            self.schema: Any = self._batches.schema_arrow if is_parquet else self._batches.schema

    def version(self) -> tuple[int, ...]:
        """What tells a file from others, and from itself after a change."""
        return version_of(self._file)

    def insist_on_the_same(self) -> None:
        """Refuse a file that has changed since it was opened."""
        if self.version() != self._version:
            raise ValueError(f"{self.name}: must not change while it is read twice, got other contents")

    def batches(self, n_rows: int, columns: Sequence[int] | None) -> Iterator[Any]:
        """Record batches of at most so many rows, of some columns in that order, or of all."""
        batches = self._of_parquet(n_rows, columns) if self._is_parquet else self._of_arrow(n_rows, columns)
        while True:
            with said_of(self.name):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _of_parquet(self, n_rows: int, columns: Sequence[int] | None) -> Iterator[Any]:
        names = None if columns is None else [self.schema.names[c] for c in columns]
        return iter(self._batches.iter_batches(n_rows, columns=names))

    def _of_arrow(self, n_rows: int, columns: Sequence[int] | None) -> Iterator[Any]:
        for i in range(self._batches.num_record_batches):
            batch = self._batches.get_batch(i)
            batch = batch if columns is None else batch.select(list(columns))
            for start in range(0, batch.num_rows, n_rows):
                yield batch.slice(start, n_rows)


def version_of(file: Any) -> tuple[int, ...]:
    """What tells a file from others, and from itself after a change; nothing where it is a pipe."""
    try:
        status = os.fstat(file.fileno())
    except (AttributeError, OSError):
        return ()
    is_file = stat.S_ISREG(status.st_mode)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) if is_file else ()


def _opened_parquet(file: BinaryIO) -> Any:
    """A Parquet file, of whose columns no more is read than is wanted next."""
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)


def _opened_arrow(file: BinaryIO) -> Any:
    """An Arrow file, whose batches are read as they were written; mapped ones would not bear a change of the file."""
    import pyarrow

    return pyarrow.ipc.open_file(file)


def require_pyarrow(name: str) -> None:
    """Refuse what pyarrow is needed for where it is missing."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{name}: needs pyarrow: pip install 'hmmfilter[parquet]' brings it") from error


@contextlib.contextmanager
def said_of(name: str) -> Iterator[None]:
    """Name the file in what pyarrow says is wrong with it."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, MemoryError) or getattr(error, "strerror", None) is not None:
            raise
        raise ValueError(f"{name}: {error}") from error


@contextlib.contextmanager
def opened_arrow(path: str) -> Iterator[ArrowFile | None]:
    """Open a file that begins as those of Parquet and Arrow do; None where it does not, or is none."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb")) if path != "-" and os.path.isfile(path) else None
        start = file.read(len(ARROW)) if file is not None else b""
        if file is None or not start.startswith((PARQUET, ARROW)):
            yield None
            return
        require_pyarrow(path)
        yield ArrowFile(path, file, start.startswith(PARQUET))
