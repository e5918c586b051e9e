"""CSV out: rows as they came in, each with what is added to it."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, TextIO

from hmmfilter._arrays import FloatArray
from hmmfilter._files import is_replaceable, written_whole
from hmmfilter._tables.columns import Reader, Row

GZIP_LEVEL = 6
STANDARD_OUTPUT = "standard output"


class Writer:
    """A CSV file in the dialect of the one that its rows come from, whose text they keep."""

    def __init__(self, file: TextIO, reader: Reader) -> None:
        self._file, self._reader, self._dialect = file, reader, reader.dialect

    def write_header(self, names: Sequence[str]) -> None:
        """Write the names of all columns, where the input has them, and those of the added ones after them."""
        line = self._reader.header_line()
        if line is not None:
            self._write([line], [list(map(self._dialect.cell, names))])

    def write_numbers(self, rows: Sequence[Row], table: FloatArray) -> None:
        """Write rows with the numbers that each gets, (T, N), in the fewest digits that read back to the same."""
        texts: Iterable[str] = map(repr, table.ravel().tolist())
        if self._dialect.decimal != ".":
            texts = (self._dialect.cell(text.replace(".", self._dialect.decimal)) for text in texts)
        self._write(self._reader.lines(rows), zip(*[iter(texts)] * table.shape[1], strict=True))

    def write_words(self, rows: Sequence[Row], words: Sequence[str]) -> None:
        """Write rows with the word that each gets."""
        self._write(self._reader.lines(rows), [[self._dialect.cell(word)] for word in words])

    def flush(self) -> None:
        """Let what is written be seen, where it is seen before all is."""
        self._file.flush()

    def _write(self, lines: Sequence[str], added: Iterable[Iterable[str]]) -> None:
        mark, join = self._dialect.delimiter, self._dialect.delimiter.join
        self._file.write("".join([f"{line}{mark}{join(cells)}\n" for line, cells in zip(lines, added, strict=True)]))


@contextlib.contextmanager
def opened_for_writing(path: str, reader: Reader | None = None, as_it_goes: bool = False) -> Iterator[TextIO]:
    """Open a file, or standard output, for CSV: in UTF-8, with line ends left alone, compressed where it ends in .gz.

    A file gets its name when it is complete, unless its rows are to be seen as they are written. What is seen so must
    not be the file that is read.
    """
    if path != "-":
        if as_it_goes or not is_replaceable(path):
            _insist_on_another(reader, path, path)
        with open(path, "wb") if as_it_goes else written_whole(path) as file, _compressed(path, file) as compressed:
            text = io.TextIOWrapper(compressed, encoding="utf-8", newline="")
            yield text
            text.flush()
        return
    stream = sys.stdout
    if stream is None:
        raise ValueError(f"{STANDARD_OUTPUT} must be open, got a closed stream")
    if isinstance(stream, io.TextIOWrapper):
        _insist_on_another(reader, stream, STANDARD_OUTPUT)
        stream.reconfigure(encoding="utf-8", newline="")
    yield stream
    stream.flush()


def _insist_on_another(reader: Reader | None, output: str | TextIO, name: str) -> None:
    """Refuse an output that is the file that is read: it would read itself, or lose what it has not read yet."""
    source = () if reader is None else reader.version()
    try:
        status = os.stat(output) if isinstance(output, str) else os.fstat(output.fileno())
    except OSError:  # of a file that is yet to be, or of none
        return
    if source[:2] == (status.st_dev, status.st_ino):
        raise ValueError(f"{name}: must be another file than the one that is read, got the same")


def _compressed(path: str, file: BinaryIO) -> Any:
    """What a file is written through."""
    if path.endswith(".gz"):
        return gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0)
    return contextlib.nullcontext(file)
