"""Rows in partitions of whole sequences: a Dask DataFrame of Parquet files, and what a task takes of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.delayed import Delayed, delayed

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, IntArray
from hmmfilter.dask.running import fresh_name, merged, n_threads
from hmmfilter.dask.scanning import Chunk, chunks_of, files_of

MOST_STEPS = 1_000_000


class Sequences(dd.DataFrame):
    """Rows of Parquet files in partitions of whole sequences; whatever is made of them is a DataFrame as any."""

    def __init__(self, expr: Any, chunks: tuple[Chunk, ...], sequence: Hashable) -> None:
        super().__init__(expr)
        self._chunks, self._sequence = chunks, sequence

    def __reduce__(self) -> Any:
        return type(self), (self._expr, self._chunks, self._sequence)


def from_parquet(path: Any, sequence: Any = "id", steps_per_partition: int = MOST_STEPS) -> Sequences:
    """Make a Dask DataFrame of Parquet files, cut between sequences.

    The column of the sequences is read once to find where they begin; nothing else is read as yet.

    Parameters
    ----------
    path : path, or list of paths
        Of a Parquet file, of some, or of a folder of them, which all workers find there. Files follow each other by the
        numbers in their names.
    sequence : str
        The column that says of each row which sequence it is of: integers, strings, dates. The rows of a sequence stand
        together, in the order of its steps; they may go on in the next row group and the next file.
    steps_per_partition : int
        How many rows a partition has at most; of a longer sequence, it has that one alone. Sums over sequences depend
        on it in their last digits; answers about each sequence do not.

    Returns
    -------
    dask.dataframe.DataFrame
        All columns; the index counts the rows of all files.

    Raises
    ------
    ValueError, TypeError
        Where a row has no id, where the rows of a sequence do not stand together, and where arguments are not as above.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import hmmfilter.dask as hfd
    >>> folder = tempfile.TemporaryDirectory()
    >>> pd.DataFrame({"id": list("aaabbc"), "x": [1, 0, 2, 9, 7, 1]}).to_parquet(f"{folder.name}/counts.parquet")
    >>> frame = hfd.from_parquet(f"{folder.name}/counts.parquet", steps_per_partition=4)
    >>> frame.map_partitions(len).compute().tolist()
    [3, 3]
    >>> folder.cleanup()
    """
    steps = _checks.steps_per_partition(steps_per_partition)
    chunks = tuple(chunks_of(files_of(path), sequence, steps))
    meta = chunks[0].schema.empty_table().to_pandas()
    name = f"rows-of-{os.path.basename(chunks[0].spans[0].path) if chunks[0].spans else 'nothing'}"
    frame = dd.from_map(_read, chunks, meta=meta, label=name, enforce_metadata=False)
    return Sequences(frame.expr, chunks, sequence)


def _read(chunk: Chunk, columns: Any = None) -> pd.DataFrame:
    return chunk.read(chunk.schema.names if columns is None else list(columns))


class Rows(NamedTuple):
    """What a task takes: the rows of whole sequences, one after the other."""

    observations: Any  # a Series, or a DataFrame
    ids: pd.Series  # of each row
    keys: pd.Index  # of each sequence
    lengths: IntArray
    first: int  # the number of the first sequence, as far as it is known

    @classmethod
    def of(cls, frame: pd.DataFrame, sequence: Hashable, columns: Any, first: int) -> Rows:
        """Those of a partition."""
        ids = frame[sequence]
        _checks.no_missing_ids(int(ids.isna().sum()), sequence)
        begins = np.flatnonzero(_are_new(ids))
        keys = pd.Index(ids.iloc[begins])
        _checks.together(keys[keys.duplicated()], sequence)
        return cls(frame[columns], ids, keys, np.diff(begins, append=len(ids)), first)


def _are_new(ids: pd.Series) -> BoolArray:
    """Which rows have another id than those before them."""
    values = ids.to_numpy() if ids.dtype.kind in "iufM" else pd.factorize(ids)[0]
    are_new = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=are_new[1:])
    return are_new


Work = Callable[..., Any]  # of a model, rows, a number of threads, and what else it is given


class Source(NamedTuple):
    """Partitions, and what is to be taken of them."""

    parts: tuple[Any, ...]  # chunks, or partitions as they will be
    names: tuple[str, ...]  # what errors call each
    sequence: Hashable
    columns: Any
    meta: pd.DataFrame
    checked: Delayed | None  # that no sequence spans two, where that is not known

    def asked(self, what: str, work: Work, *given: Any) -> list[Delayed]:
        """A task for each partition, which does some work with its rows."""
        name, task = fresh_name(what), delayed(_done, pure=False)
        return [
            task(work, part, where, self.sequence, self.columns, self.checked, *given, dask_key_name=f"{name}-{n}")
            for n, (part, where) in enumerate(zip(self.parts, self.names, strict=True))
        ]


def source_of(frame: Any, sequence: Hashable, columns: Any) -> Source:
    """What tasks take of a Dask DataFrame, or of Parquet files."""
    if not isinstance(frame, dd.DataFrame):
        _checks.frame_or_path(frame)
        frame = from_parquet(frame, sequence)
    _checks.column_names([sequence], list(frame.columns), "sequence")
    if columns is None:
        wanted = [name for name in frame.columns if name != sequence]
    else:
        wanted = [columns] if isinstance(columns, str) or not isinstance(columns, Sequence) else list(columns)
    _checks.column_names(wanted, list(frame.columns), "columns")
    _checks.some_columns(wanted, sequence)
    is_one = len(wanted) == 1 and (columns is None or columns == wanted[0])
    chosen, meta = wanted[0] if is_one else wanted, frame._meta
    if isinstance(frame, Sequences) and frame._sequence == sequence:
        names = tuple(map(str, frame._chunks))
        return Source(frame._chunks, names, sequence, chosen, meta, None)
    parts = tuple(frame[[sequence, *wanted]].to_delayed())
    names = tuple(f"partition {n}" for n in range(len(parts)))
    return Source(parts, names, sequence, chosen, meta, _checked(frame[[sequence]], sequence))


def _done(work: Work, part: Any, where: str, sequence: Hashable, columns: Any, checked: None, *given: Any) -> Any:
    """A task: some work with the rows of a partition."""
    with _checks.blaming_rows(where):
        wanted = [sequence, *(columns if isinstance(columns, list) else [columns])]
        frame = part.read(wanted) if isinstance(part, Chunk) else part
        rows = Rows.of(frame, sequence, columns, getattr(part, "first_sequence", 0))
    if isinstance(part, Chunk):
        ends = (*rows.keys[:1], *rows.keys[-1:])
        _checks.unchanged(where, len(frame) == part.n_rows and ends == part.ids)
    elif len(rows.keys) > 0:
        where += f" (ids {_checks.shown(rows.keys[0])} to {_checks.shown(rows.keys[-1])})"
    with _checks.blaming_rows(where, rows.keys, rows.first):
        return work(*given, rows, n_threads())


def _checked(frame: Any, sequence: Hashable) -> Delayed:
    """That no sequence spans two partitions: what is known of their ids, put together by twos and twos."""
    name = fresh_name("ids")
    ids = [
        delayed(_ids, pure=False)(part, n, sequence, dask_key_name=f"{name}-{n}")
        for n, part in enumerate(frame.to_delayed())
    ]
    together = merged("ids", _together, ids, sequence)
    return delayed(_known, pure=False)(together, dask_key_name=f"{name}-known")


def _ids(frame: pd.DataFrame, number: int, sequence: Hashable) -> pd.Series:
    """The ids of a partition, each once, and the number of the partition."""
    return pd.Series(number, pd.Index(frame[sequence].dropna().unique(), dtype=object))


def _together(parts: list[pd.Series], sequence: Hashable) -> pd.Series:
    """The same of several partitions, none of which has an id of another one."""
    known = pd.concat(parts)
    again = np.flatnonzero(known.index.duplicated())
    if len(again) > 0:
        key = known.index[again[0]]
        first, second = known[known.index == key].iloc[:2]
        _checks.refuse_spanning(sequence, key, first, second)
    return known


def _known(_: pd.Series) -> None:
    """Nothing more than that it is so."""
