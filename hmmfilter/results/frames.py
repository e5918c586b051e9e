"""Results as frames. Pandas is optional, and imported only where a frame is made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import IntArray

if TYPE_CHECKING:
    import pandas as pd


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("frames need pandas: pip install 'hmmfilter[pandas]'") from error
    return pd


def frame(table: npt.NDArray[Any], names: Sequence[Hashable], index: Any) -> pd.DataFrame:
    """A frame of a table that shares no memory with it."""
    if index is not None:
        _checks.row_labels(index, len(table))
    return _pandas().DataFrame(table, columns=list(names), index=index, copy=True)


def frame_of_columns(columns: Mapping[Any, Any], index: Any) -> pd.DataFrame:
    """A frame of columns, under their names."""
    for column in columns.values():
        _checks.row_labels(index, len(column))
    return _pandas().DataFrame(columns, index=index)


def states(path: IntArray, names: Sequence[Hashable]) -> Any:
    """A column of states by name, missing where the path is −1."""
    pd = _pandas()
    return pd.Categorical.from_codes(path, pd.Index(list(names)))


def stream(frame: pd.DataFrame, row: str, requested_schema: Any) -> Any:
    """A frame as a stream of Arrow, its labels in columns before the others; of several kinds, as words."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError("tables of Arrow need PyArrow: pip install pyarrow") from error
    n_levels, infer = frame.index.nlevels, _pandas().api.types.infer_dtype
    whole = frame.rename_axis(index=row).reset_index() if frame.index.names == [None] else frame.reset_index()
    for name in whole.columns[:n_levels]:
        if infer(whole[name]).startswith("mixed"):
            whole[name] = whole[name].map(str)
    table = pa.Table.from_pandas(whole, preserve_index=False)
    return table.__arrow_c_stream__(requested_schema)


def labels(values: Any, name: Hashable) -> pd.Index:
    """Labels of rows, under a name."""
    return _pandas().Index(values, name=name)


def single_labels(values: Sequence[Hashable], name: Hashable = None) -> pd.Index:
    """Labels of rows, of which one that is a tuple is no less a single label."""
    return _pandas().Index(list(values), tupleize_cols=False, name=name)


def stacked(parts: Mapping[str, pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Frames one above the other, labelled by their names first."""
    return _pandas().concat(parts, names=names)


def labels_of_ages(names: Sequence[Hashable], n_ages: int, n_sequences: int | None) -> pd.MultiIndex:
    """Labels of states and ages, perhaps of each sequence."""
    levels: dict[str, Sequence[Hashable]] = {"state": names, "age": range(1, n_ages + 1)}
    if n_sequences is not None:
        levels = {"sequence": range(n_sequences), **levels}
    return _pandas().MultiIndex.from_product(levels.values(), names=levels)


def labels_by_sequence(
    keys: Sequence[Hashable], key_names: Sequence[Hashable], lengths: IntArray, inner: pd.Index
) -> pd.MultiIndex:
    """Labels of the rows of all sequences: first the key of the sequence, of one or more parts, then those given."""
    outer = index_of_keys(keys, key_names)
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    levels = [part for index in (outer.take(numbers), inner) for part in _levels_of(index)]
    return _pandas().MultiIndex.from_arrays(levels)


def index_of_keys(keys: Sequence[Hashable], key_names: Sequence[Hashable]) -> pd.Index:
    """The keys of sequences, of one or more parts."""
    if len(key_names) > 1:
        return _pandas().MultiIndex.from_tuples(list(keys), names=list(key_names))
    return single_labels(keys, key_names[0])


def _levels_of(index: pd.Index) -> list[pd.Index]:
    return [index.get_level_values(level) for level in range(index.nlevels)]
