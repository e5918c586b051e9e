"""Where tables are opened: to be read or to be written, each by what kind of file it is."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

from hmmfilter._checks import shown
from hmmfilter._tables.arrow import ArrowReader
from hmmfilter._tables.arrow_files import opened_arrow
from hmmfilter._tables.arrow_writing import ParquetWriter, opened_parquet
from hmmfilter._tables.columns import Reader
from hmmfilter._tables.dialects import USUAL, Dialect
from hmmfilter._tables.reading import CsvReader
from hmmfilter._tables.sources import opened_source
from hmmfilter._tables.writing import Writer, opened_for_writing

PARQUET, OTHERS = (".parquet", ".pq"), (".arrow", ".feather")  # in which the names of files end


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
    is_copied: bool = True,
) -> Iterator[Reader]:
    """Open a file, or standard input, and read the names of its columns; Parquet and Arrow are known by their contents.

    Its observations are numbers unless `symbols` says what else they are; `again` if it is to be read more than once,
    and `keeps_faulty` if rows that are at fault are to come with the others. The columns that are `beside` are for
    something else than observations. Rows `is_copied` where the last reading is to write them, with all their columns.
    """
    with opened_arrow(path) as file:
        if file is not None:
            yield ArrowReader(file, observed, sequence, dialect, symbols, beside, is_copied and not again)
            return
    with opened_source(path, again) as source:
        yield CsvReader(source, observed, sequence, dialect, symbols, keeps_faulty, beside)


@contextlib.contextmanager
def opened_output(
    path: str, reader: Reader, added: Sequence[str], are_words: bool = False, as_it_goes: bool = False
) -> Iterator[Writer | ParquetWriter]:
    """Open a file, or standard output, for the rows of a table with columns added: of numbers, or of words.

    It is Parquet where the file is called so, and else CSV.
    """
    if path.lower().endswith(OTHERS):
        raise ValueError(f"--output must be CSV or Parquet (.parquet), got {shown(path)}")
    if isinstance(reader, ArrowReader) and path.lower().endswith(PARQUET):
        with opened_parquet(path, reader, added, are_words) as parquet:
            yield parquet
    elif path.lower().endswith(PARQUET):
        words = "must be CSV, too, where what is read is: its columns have no types"
        raise ValueError(f"--output {words}, got {shown(path)}")
    else:
        with opened_for_writing(path, reader, as_it_goes) as file:
            writer = Writer(file, reader)
            writer.write_header(added)
            writer.flush()
            yield writer
