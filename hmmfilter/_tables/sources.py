"""Where lines come from: a file or a pipe, compressed or not, as they arrive, and from the start again."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, TextIO

from hmmfilter._tables.arrow_files import ARROW, PARQUET, version_of

CHUNK = 1 << 18  # bytes that are read at once
GZIP = b"\x1f\x8b"
FOREIGN = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a zip archive, as a workbook is",
    PARQUET: "Parquet, which is read from a file by its name",
    ARROW: "Arrow, which is read from a file by its name",
    b"FEA1": "Feather of version 1",
}
LONGEST = max(map(len, FOREIGN))


class Source:
    """The lines of a file or a pipe, of bytes or of text; what cannot be read twice is kept, if that is asked for."""

    def __init__(self, name: str, stream: Any, again: bool) -> None:
        self.name = name
        self._is_text = not hasattr(stream, "read1")
        can_seek = not self._is_text and stream.seekable()
        self._stream = stream if self._is_text else self._plain(stream)
        self._start = self._stream.tell() if can_seek else 0
        self._kept: list[Any] | None = [] if again and not can_seek else None
        self._is_kept = False  # whether all is
        self._version = self.version()

    def _plain(self, stream: BinaryIO) -> Any:
        """A stream of text as bytes, whether it comes compressed or not."""
        buffered: Any = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
        start = buffered.peek(LONGEST)[:LONGEST]
        if start.startswith(GZIP):
            return gzip.GzipFile(fileobj=buffered)
        kinds = [words for mark, words in FOREIGN.items() if start.startswith(mark)]
        if kinds or b"\0" in start:
            raise ValueError(f"{self.name}: must be CSV in UTF-8, got {[*kinds, 'zeros, as UTF-16 has'][0]}")
        return buffered

    def version(self) -> tuple[int, ...]:
        """What tells a file from others, and from itself after a change; nothing where it is a pipe."""
        return version_of(self._stream)

    def restart(self) -> None:
        """Go back to the first line."""
        if self._kept is not None:
            self._is_kept = True
        else:
            self._stream.seek(self._start)

    def insist_on_the_same(self) -> None:
        """Refuse a file that has changed since it was opened."""
        if self.version() != self._version:
            raise ValueError(f"{self.name}: must not change while it is read twice, got other contents")

    def _pieces(self) -> Iterator[Any]:
        """What is there to be read, in pieces as they arrive."""
        if self._is_kept:
            yield from self._kept or ()
            return
        pieces = self._stream if self._is_text else iter(lambda: self._stream.read1(CHUNK), b"")
        for piece in pieces:
            if self._kept is not None:
                self._kept.append(piece)
            yield piece

    def lines(self) -> Iterator[list[str]]:
        """Lists of whole lines, with their ends, as they arrive; bytes that are not UTF-8 as lone surrogates."""
        if self._is_text:
            yield from ([line] for line in self._pieces())
            return
        begun: list[bytes] = []
        encoding = "utf-8-sig"  # of the first lines, which may begin with a byte order mark
        try:
            for piece in self._pieces():
                end = piece.rfind(b"\n") + 1 or piece[:-1].rfind(b"\r") + 1
                if not end and begun and begun[-1].endswith(b"\r"):  # which no "\n" follows: a line's end
                    yield _split(begun, encoding)
                    begun, encoding = [], "utf-8"
                if end:
                    yield _split([*begun, piece[:end]], encoding)
                    begun, encoding = [], "utf-8"
                if end < len(piece):
                    begun.append(piece[end:])
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{self.name}: must be whole where it is compressed: {error}") from None
        if begun:
            yield _split(begun, encoding)


def _split(pieces: list[bytes], encoding: str) -> list[str]:
    return list(io.StringIO(b"".join(pieces).decode(encoding, "surrogateescape"), newline=""))


@contextlib.contextmanager
def opened_source(path: str, again: bool) -> Iterator[Source]:
    """Open a file, or standard input."""
    if path != "-":
        with open(path, "rb") as file:
            yield Source(path, file, again)
        return
    name = "standard input"
    stream: Iterable[str] | TextIO | None = sys.stdin
    if stream is None:
        raise ValueError(f"{name} must be open, got a closed stream")
    yield Source(name, getattr(stream, "buffer", stream), again)
