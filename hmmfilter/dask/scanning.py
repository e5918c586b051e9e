"""Where sequences begin in Parquet files, found by their ids alone: the files are never in memory as a whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dask.utils import natural_sort_key

from hmmfilter import _checks
from hmmfilter._arrays import IntArray

ROWS = 2**16  # that are read at once
BUFFER = 2**20  # bytes of a file
MOST_IDS = 2**18  # whose fingerprints are compared at once


class Span(NamedTuple):
    """Rows of one file."""

    path: str
    begin: int
    end: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.path)}, rows {self.begin} to {self.end - 1}"


@dataclass(frozen=True)
class Chunk:
    """Rows of whole sequences, and where they are."""

    spans: tuple[Span, ...]
    first_row: int  # of all files
    first_sequence: int
    ids: tuple[Hashable, ...]  # the first and the last; none where there are no rows
    schema: pa.Schema  # of the files

    def __str__(self) -> str:
        between = f" (ids {_checks.shown(self.ids[0])} to {_checks.shown(self.ids[1])})" if self.ids else ""
        return "; ".join(map(str, self.spans)) + between

    @property
    def n_rows(self) -> int:
        """How many there are."""
        return sum(span.end - span.begin for span in self.spans)

    def read(self, columns: list[Hashable]) -> pd.DataFrame:
        """Read some columns; the index counts the rows of all files."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        batches = [batch for span in self.spans for batch in _batches(span, schema)]
        frame: pd.DataFrame = pa.Table.from_batches(batches, schema).to_pandas(ignore_metadata=True)
        frame.index = pd.RangeIndex(self.first_row, self.first_row + len(frame))
        return frame


def _batches(span: Span, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a span, of no row groups but those that they are in."""
    with pq.ParquetFile(span.path) as file:
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
        stops = np.cumsum([0, *sizes])
        _checks.unchanged(span.path, stops[-1] >= span.end)
        groups = [n for n in range(len(sizes)) if stops[n] < span.end and stops[n + 1] > span.begin]
        first = int(stops[groups[0]]) if groups else 0
        for batch in file.iter_batches(ROWS, groups, schema.names):
            begin, end = max(span.begin - first, 0), min(span.end - first, len(batch))
            first += len(batch)
            if begin < end:
                yield from pa.Table.from_batches([batch.slice(begin, end - begin)]).cast(schema).to_batches()


def files_of(path: Any) -> list[str]:
    """The files that a path, or a list of paths, means: of a folder all that are called so, in the order of numbers."""
    paths = [os.fspath(part) for part in path] if isinstance(path, (list, tuple)) else [os.fspath(path)]
    if len(paths) == 1 and os.path.isdir(paths[0]):
        names = [name for name in os.listdir(paths[0]) if name.endswith(".parquet") and not name.startswith((".", "_"))]
        paths = [os.path.join(paths[0], name) for name in sorted(names, key=natural_sort_key)]
    _checks.parquet_files(path, paths)
    return [os.path.abspath(path) for path in paths]


def schema_of(path: str) -> pa.Schema:
    """The columns of a file, without those that are but the labels of rows."""
    schema = pq.read_schema(path).remove_metadata()
    return pa.schema([field for field in schema if not field.name.startswith("__index_level_")])


class Runs(NamedTuple):
    """Rows that follow each other, by runs of one id each."""

    begin: int  # the first row, of all files
    ids: Any  # pyarrow.Array
    ends: IntArray  # of the runs, counted from there
    is_new: bool  # whether the first run begins a sequence, and does not go on with one

    @property
    def new_ids(self) -> Any:
        """The ids of the sequences that begin here."""
        return self.ids[0 if self.is_new else 1 :]


def runs_of(paths: list[str], sequence: str, schema: pa.Schema) -> Iterator[Runs]:
    """All runs, as files and blocks of rows cut them."""
    begin, last = 0, None
    for path in paths:
        with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
            _checks.same_schema(path, file.schema_arrow, schema)
            for batch in file.iter_batches(ROWS, columns=[sequence], use_threads=False):
                column = batch.column(0)
                _checks.no_missing_ids(column.null_count, sequence, f"{path}: ")
                if pa.types.is_dictionary(column.type):
                    column = column.dictionary_decode()
                runs = pc.run_end_encode(column, run_end_type=pa.int64())
                ids = runs.values
                yield Runs(begin, ids, runs.run_ends.to_numpy(), begin == 0 or ids[0] != last)
                begin, last = begin + len(column), ids[-1]


def chunks_of(paths: list[str], sequence: str, steps: int) -> list[Chunk]:
    """Cut rows between sequences, so that chunks have as many steps as they may; a longer sequence is one alone."""
    schema = schema_of(paths[0])
    _checks.column_names([sequence], schema.names, "sequence")
    cuts, order = Cuts(steps), Order()
    for runs in runs_of(paths, sequence, schema):
        cuts.take(runs)
        order.take(runs.new_ids)
    if not order.is_strict:
        _insist_on_no_return(paths, sequence, schema)
    files = [(path, pq.read_metadata(path).num_rows) for path in paths]
    return [Chunk(_spans(files, cut.row, end), *cut, ids, schema) for cut, end, ids in cuts.finished()]


class Cut(NamedTuple):
    """Where a chunk begins."""

    row: int
    sequence: int


class Cuts:
    """Where chunks begin, as far as the runs so far tell."""

    def __init__(self, steps: int) -> None:
        self._steps, self._cuts, self._ids = steps, [Cut(0, 0)], list[Any]()
        self._n_rows = self._n_sequences = 0
        self._start = 0  # of the last sequence so far, and
        self._last: Any = None  # its id, and
        self._before: Any = None  # that of the one before it

    def take(self, runs: Runs) -> None:
        """Cut where more rows begin a sequence that would make a chunk too long."""
        ids, n_runs = runs.ids, len(runs.ends)
        starts, ends = np.append(0, runs.ends[:-1]) + runs.begin, runs.ends + runs.begin
        before = self._last
        if not runs.is_new:
            starts[0], before = self._start, self._before
        if runs.begin == 0:
            self._ids.append(ids[0])
        first, n = self._n_sequences - (not runs.is_new), 0
        while (n := max(n, int(np.searchsorted(ends, self._cuts[-1].row + self._steps, side="right")))) < n_runs:
            if starts[n] > self._cuts[-1].row:
                self._cuts.append(Cut(int(starts[n]), first + n))
                self._ids += [ids[n - 1] if n > 0 else before, ids[n]]
            n += 1
        self._n_rows, self._n_sequences = int(ends[-1]), first + n_runs
        self._start, self._last, self._before = int(starts[-1]), ids[-1], ids[-2] if n_runs > 1 else before

    def finished(self) -> Iterator[tuple[Cut, int, tuple[Hashable, ...]]]:
        """Where each chunk begins and ends, and its first and last id."""
        ends = [cut.row for cut in self._cuts[1:]] + [self._n_rows]
        ids = [key.as_py() for key in self._ids] + ([self._last.as_py()] if self._ids else [])
        for number, (cut, end) in enumerate(zip(self._cuts, ends, strict=True)):
            yield cut, end, tuple(ids[2 * number : 2 * number + 2])


def _spans(files: list[tuple[str, int]], begin: int, end: int) -> tuple[Span, ...]:
    """Which rows of which files some rows of all are."""
    spans, first = list[Span](), 0
    for path, n_rows in files:
        span = Span(path, max(begin - first, 0), min(end - first, n_rows))
        if span.begin < span.end:
            spans.append(span)
        first += n_rows
    return tuple(spans)


class Order:
    """Whether ids ascend, or descend, so that none can come twice."""

    def __init__(self) -> None:
        self._may_be = {pc.less: True, pc.greater: True}
        self._last: Any = None

    @property
    def is_strict(self) -> bool:
        """Whether they do one of both, so far."""
        return any(self._may_be.values())

    def take(self, ids: Any) -> None:
        """Look at more ids."""
        if len(ids) == 0:
            return
        known = ids if self._last is None else pa.concat_arrays([pa.array([self._last], ids.type), ids])
        for compare, may_be in self._may_be.items():
            self._may_be[compare] = may_be and pc.all(compare(known[:-1], known[1:])).as_py() is not False
        self._last = ids[-1].as_py()


def _insist_on_no_return(paths: list[str], sequence: str, schema: pa.Schema) -> None:
    """Insist that no id comes again: by fingerprints, which wait in a file, and by ids where two of these are alike."""
    with tempfile.TemporaryFile() as file:
        for runs in runs_of(paths, sequence, schema):
            _fingerprints(runs.new_ids).tofile(file)
        alike = _alike(file)
    if len(alike) == 0:
        return
    seen = dict[Hashable, int]()
    for runs in runs_of(paths, sequence, schema):
        for n in np.flatnonzero(np.isin(_fingerprints(runs.ids), alike)):
            key, row = runs.ids[int(n)].as_py(), runs.begin + int(runs.ends[n - 1] if n > 0 else 0)
            if key in seen and (n > 0 or runs.is_new):
                _checks.refuse_again(sequence, key, f"row {seen[key]}", f"row {row}")
            seen.setdefault(key, row)


def _fingerprints(ids: Any) -> Any:
    values: Any = pd.util.hash_array(ids.to_numpy(zero_copy_only=False))
    return values


def _alike(file: Any) -> Any:
    """Some fingerprints that come more than once, of a file of them, by one part of all after the other."""
    n_parts = file.tell() // 8 // MOST_IDS + 1
    for part in range(n_parts):
        file.seek(0)
        chosen = [np.zeros(0, dtype=np.uint64)]
        while len(block := np.fromfile(file, np.uint64, MOST_IDS)) > 0:
            chosen.append(block[block % np.uint64(n_parts) == part])
        sorted_ids = np.sort(np.concatenate(chosen))
        alike = np.unique(sorted_ids[1:][sorted_ids[1:] == sorted_ids[:-1]])
        if len(alike) > 0:
            return alike
    return np.zeros(0, dtype=np.uint64)
