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


def labels(values: Any, name: Hashable) -> pd.Index:
    """Labels of rows, under a name."""
    return _pandas().Index(values, name=name)


def single_labels(values: Sequence[Hashable], name: Hashable = None) -> pd.Index:
    """Labels of rows, of which one that is a tuple is no less a single label."""
    return _pandas().Index(list(values), tupleize_cols=False, name=name)


def stacked(parts: Mapping[str, pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Frames one above the other, labelled by their names first."""
    return _pandas().concat(parts, names=names)


def labels_by_sequence(
    keys: Sequence[Hashable], key_names: Sequence[Hashable], lengths: IntArray, inner: pd.Index
) -> pd.MultiIndex:
    """Labels of the rows of all sequences: first the key of the sequence, of one or more parts, then those given."""
    pd = _pandas()
    if len(key_names) > 1:
        outer = pd.MultiIndex.from_tuples(list(keys), names=list(key_names))
    else:
        outer = single_labels(keys, key_names[0])
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    levels = [part for index in (outer.take(numbers), inner) for part in _levels_of(index)]
    return pd.MultiIndex.from_arrays(levels)


def _levels_of(index: pd.Index) -> list[pd.Index]:
    return [index.get_level_values(level) for level in range(index.nlevels)]
