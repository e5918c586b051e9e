"""Paths as segments: how long each state lasts, how often it comes, and how much of the time it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray

FIELDS = ("start", "end", "state", "length")


def of(path: IntArray, starts: IntArray, ages: IntArray | None = None) -> tuple[IntArray, dict[str, IntArray]]:
    """The number of each segment's sequence, and its fields, steps counted from the sequence's start.

    Where the path is −1, there are no segments; where an age is 1, one begins.
    """
    is_begin = np.ones(len(path), dtype=np.bool_)
    is_begin[1:] = path[1:] != path[:-1]
    if ages is not None:
        is_begin |= ages == 1
    is_begin[starts[:-1][np.diff(starts) > 0]] = True
    begins = np.flatnonzero(is_begin)
    ends = np.append(begins[1:], len(path))[: len(begins)]
    is_path = path[begins] >= 0
    begins, ends = begins[is_path], ends[is_path]
    numbers = np.searchsorted(starts, begins, side="right") - 1
    first_rows = starts[numbers]
    columns = (begins - first_rows, ends - first_rows, path[begins], ends - begins)
    return numbers, dict(zip(FIELDS, columns, strict=True))


def counted(numbers: IntArray) -> IntArray:
    """The number of each segment within its sequence."""
    return np.arange(len(numbers)) - np.searchsorted(numbers, numbers)


def structured(columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """A structured array of columns."""
    length = len(next(iter(columns.values())))
    array = np.empty(length, dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        array[name] = column
    return array


def occupancy(steps: npt.NDArray[Any], n_steps: int) -> npt.NDArray[Any]:
    """The steps in each state, and their share of all."""
    return structured({"steps": steps, "share": steps / max(n_steps, 1)})


def sums_of_columns(table: FloatArray) -> FloatArray:
    """The sum of each column, by pairs of pairs, so that the error does not grow with the number of rows."""
    return np.array([column.copy().sum() for column in table.T])
