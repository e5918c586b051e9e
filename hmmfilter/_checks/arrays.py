"""The one gate through which arrays enter, and how an entry of one is refused."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._checks.errors import EntryError, shown

DOUBLE = np.dtype(np.float64)
LARGEST_INTEGER = 2**63 - 1


def has_masked_entries(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(has_masked_entries(part) for part in value if isinstance(part, (list, tuple, np.ma.MaskedArray)))
    return isinstance(value, np.ma.MaskedArray) and bool(np.ma.is_masked(value))


def stacked_masks(value: Any) -> Any:
    """A masked array of what nested lists with masked parts hold."""
    if isinstance(value, (list, tuple)):
        return np.ma.stack([stacked_masks(part) for part in value])
    return np.ma.asarray(value)


def float_array(name: str, value: npt.ArrayLike) -> FloatArray:
    """Let any array of real numbers in, as read-only C-ordered float64."""
    gated: FloatArray
    if type(value) is np.ndarray and value.dtype is DOUBLE:
        flags = value.flags
        if flags.c_contiguous and flags.aligned:
            if not flags.writeable:
                return value
            gated = value.view()
            gated.setflags(write=False)
            return gated
    if has_masked_entries(value):
        raise TypeError(f"{name} must have no masked entries, got some")
    array = rounded_integers(rectangular(name, value))
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    gated = frozen(np.require(array, np.float64, ["C", "ALIGNED"]))
    return gated


def rounded_integers(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As doubles, integers of which some have more than 64 bits, so that NumPy made objects of them; else as it is."""
    if array.dtype == object and all(type(entry) is int for entry in array.flat):
        with contextlib.suppress(OverflowError):
            return array if all(abs(entry) <= LARGEST_INTEGER for entry in array.flat) else array.astype(np.float64)
    return array


def rectangular(name: str, value: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be rectangular, got rows of unequal length") from None


def are_none(entries: Any) -> bool:
    """Whether there is nothing at all, as of sequences without a step."""
    return hasattr(entries, "__len__") and len(entries) == 0


def entry_name(name: str, index: Sequence[int]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if len(index) else name


def refuse_first(name: str, bad: npt.NDArray[np.bool_], requirement: str, array: FloatArray, n_before: int = 0) -> None:
    """Raise for the first entry of `array`, or of a part with so many entries before it, at which `bad` is true."""
    if bad.any():
        index = tuple(map(int, np.argwhere(bad)[0]))
        got, index = float(array[index]), tuple(i + n_before * (axis == 0) for axis, i in enumerate(index))
        raise EntryError(f"{entry_name(name, index)} must be {requirement}, got {got!r}", index)


def require_shape(name: str, array: npt.NDArray[Any], required: tuple[int | str, ...]) -> None:
    """Raise unless the shape is the required one, where a letter stands for any length from 1."""
    fits = len(required) == array.ndim and all(
        length > 0 if isinstance(need, str) else length == need
        for need, length in zip(required, array.shape, strict=True)
    )
    if not fits:
        comma = "," if len(required) == 1 else ""
        words = f"({', '.join(map(str, required))}{comma})"
        empty = " with no length of 0" if 0 in array.shape and 0 not in required else ""
        raise ValueError(f"{name} must have shape {words}{empty}, got {array.shape}")


def whole_numbers(name: str, value: npt.ArrayLike) -> IntArray:
    """Let a vector of integers in, as read-only int64; a copy, since a kernel would follow a changed one anywhere."""
    if has_masked_entries(value):
        raise TypeError(f"{name} must have no masked entries, got some")
    array = rectangular(name, value)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a vector, got shape {array.shape}")
    are_objects = array.dtype == object and all(isinstance(entry, numbers.Integral) for entry in array)
    if array.dtype.kind not in "iu" and not are_objects and array.size > 0:
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    if array.dtype.kind in "uO":
        for n in np.flatnonzero((array < -LARGEST_INTEGER) | (array > LARGEST_INTEGER))[:1]:
            raise EntryError(f"{name}[{n}] must fit into 64 bits, got {shown(int(array[n]))}", (int(n),))
    gated: IntArray = frozen(np.array(array, np.int64, order="C"))
    return gated
