"""Tables read from text, as from a file, from standard input, or from a pipe."""

import contextlib
import io
import sys

import pytest

from hmmfilter import _tables


@pytest.fixture
def reading(tmp_path, monkeypatch):
    """Open content as a table: of a file, or of standard input in memory."""

    @contextlib.contextmanager
    def opened(content, observed=None, sequence=None, is_file=True, **options):
        content = content if isinstance(content, bytes) else content.encode()
        dialect = {
            name: options.pop(name) for name in list(options) if name not in ("symbols", "again", "keeps_faulty")
        }
        path = tmp_path / "data.csv"
        if is_file:
            path.write_bytes(content)
        else:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        with _tables.opened(
            str(path) if is_file else "-", observed, sequence, _tables.Dialect(**dialect), **options
        ) as reader:
            yield reader

    return opened


@pytest.fixture
def columns(reading):
    """The observed columns of content, as lists of numbers, None where missing."""

    def read(content, observed=None, sequence=None, **options):
        with reading(content, observed, sequence, **options) as reader:
            rows = list(reader)
            reader.choose(rows)
            table = reader.numbers(rows).T.tolist()
        return [[None if number != number else number for number in column] for column in table]  # noqa: PLR0124

    return read
