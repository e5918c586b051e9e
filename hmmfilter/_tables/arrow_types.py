"""Columns of pyarrow as numbers, as text and as times, by their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray


def plain(kind: Any) -> Any:
    """The type of the entries of a column, which may be numbered in a dictionary."""
    import pyarrow

    return kind.value_type if pyarrow.types.is_dictionary(kind) else kind


def are_numbers(kind: Any) -> bool:
    """Whether a column holds numbers; truths are some, and so is a column that holds nothing."""
    from pyarrow import types

    return bool(are_truths(kind) or types.is_integer(kind) or are_decimals(kind) or types.is_null(kind))


def are_decimals(kind: Any) -> bool:
    """Whether a column holds numbers that may have decimals."""
    from pyarrow import types

    return bool(types.is_floating(kind) or types.is_decimal(kind))


def are_truths(kind: Any) -> bool:
    """Whether a column holds true and false."""
    import pyarrow

    return bool(pyarrow.types.is_boolean(kind))


def are_times(kind: Any) -> bool:
    """Whether a column holds dates, with or without a time of day."""
    from pyarrow import types

    return bool(types.is_timestamp(kind) or types.is_date(kind))


def are_words(kind: Any) -> bool:
    """Whether a column can be written as text."""
    import pyarrow

    try:
        texts(pyarrow.nulls(0, kind))
    except pyarrow.ArrowException:
        return False
    return True


def numbers(column: Any) -> FloatArray:
    """A column as numbers, NaN where nothing is."""
    found: FloatArray = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def times(column: Any) -> npt.NDArray[Any]:
    """A column as datetime64, in universal time where it has a zone."""
    found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return found


def texts(column: Any, nothing: str = "") -> list[str]:
    """A column as text, which for numbers has the fewest digits that read back to the same."""
    import pyarrow

    kind, mark = column.type, ""
    write: Callable[[Any], str] = str
    if pyarrow.types.is_floating(kind):
        write = _digits
    elif pyarrow.types.is_timestamp(kind) and kind.tz is not None:
        column, mark = column.cast(pyarrow.timestamp(kind.unit)).cast(pyarrow.string()), "Z"
    elif not are_truths(kind):
        column = column.cast(pyarrow.string())
    return [nothing if entry is None else write(entry) + mark for entry in column.to_pylist()]


def _digits(number: Any) -> str:
    return repr(float(number))
