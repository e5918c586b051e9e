"""Observations: what is missing, what is a number, what is a sequence of its own."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import entry_name, has_masked_entries, refuse_first, require_shape
from hmmfilter._checks.errors import EntryError


def observations(value: Any, n_dimensions: int | None = None) -> FloatArray:
    """Let observations in, a number a step, or a vector a step where `n_dimensions` is given; missing ones as NaN.

    None and masked entries are missing too.
    """
    required: tuple[int | str, ...] = ("T",) if n_dimensions is None else ("T", n_dimensions)
    array = _plain_numbers(value)
    if array is None:
        array = np.array(_observations_one_by_one(value, n_dimensions), dtype=np.float64)
    require_shape("observations", array, required)
    refuse_first("observations", np.isinf(array), "finite, or NaN or None where missing", array)
    return array


def _plain_numbers(value: Any) -> FloatArray | None:
    """The quick way in, for what numpy takes for real numbers without a mask; None for all else."""
    if has_masked_entries(value):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length, or None among vectors
        return None
    return array.astype(np.float64, order="C") if array.dtype.kind in "biuf" else None  # numpy sums by layout


def _observations_one_by_one(value: Any, n_dimensions: int | None) -> list[Any]:
    def refuse(index: tuple[int, ...], got: Any) -> NoReturn:
        raise TypeError(
            f"{entry_name('observations', index)} must be a number, or NaN or None where missing, got {got!r}"
        )

    def number(item: Any, index: tuple[int, ...]) -> float:
        if item is None or item is np.ma.masked:
            return np.nan
        if not isinstance(item, (numbers.Real, np.bool_)) or isinstance(item, np.timedelta64):
            refuse(index, item)
        try:
            return float(item)
        except OverflowError:
            raise EntryError(
                f"{entry_name('observations', index)} must fit into a double, got {item!r}", index
            ) from None

    def vector(item: Any, t: int) -> list[float]:
        if item is None:
            return [np.nan] * (n_dimensions or 0)
        entries = entries_of(item)
        if entries is None:
            refuse((t,), item)
        if len(entries) != n_dimensions:
            raise EntryError(
                f"{entry_name('observations', (t,))} must have {n_dimensions} entries, got {len(entries)}", (t,)
            )
        return [number(entry, (t, d)) for d, entry in enumerate(entries)]

    items = entries_of(value)
    if items is None:
        refuse((), value)
    if n_dimensions is None:
        return [number(item, (t,)) for t, item in enumerate(items)]
    return [vector(item, t) for t, item in enumerate(items)]


def entries_of(value: Any) -> Sequence[Any] | None:
    """What stands in a list, a tuple or anything that numpy takes for an array; None for all else."""
    if isinstance(value, (list, tuple)):
        return value
    if not hasattr(value, "__array__") or np.ndim(value) == 0:
        return None
    return list(value if isinstance(value, np.ma.MaskedArray) else np.asarray(value, dtype=object))


def _holds_containers(value: Any) -> bool:
    """Whether there are vectors of any kind among the entries of a list or an array; of nothing else there are."""
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    return any(
        not isinstance(entry, (int, float)) and entries_of(entry) is not None for entry in entries_of(value) or ()
    )


def sequences(observations: Any, emission: Any, lengths: npt.ArrayLike | None) -> list[Any] | None:
    """Let a list of sequences in, where that is what the emission makes of it; None where it is one sequence."""
    if not isinstance(observations, (list, tuple)) or not hasattr(emission, "n_dimensions"):
        return None
    are_several = _holds_containers(observations)
    if emission.n_dimensions is not None:
        are_several &= any(_holds_containers(entry) for entry in observations if entry is not None)
    if not are_several:
        return None
    if lengths is not None:
        raise ValueError("lengths must be left out where observations are a list of sequences, got both")
    for n, sequence in enumerate(observations):
        if entries_of(sequence) is None:
            raise TypeError(f"observations[{n}] must be a sequence as the others are, got {sequence!r}")
        if len(sequence) == 0:
            raise ValueError(f"observations[{n}] must have at least one step, got none")
    return list(observations)


def one_after_the_other(sequences: list[Any]) -> Any:
    """Join sequences: as an array if all are arrays of numbers, else as a list of their entries."""
    if all(type(sequence) is np.ndarray and sequence.dtype.kind in "biuf" for sequence in sequences):
        with contextlib.suppress(ValueError):  # of unequal dimensions, which the emission will refuse
            return np.concatenate(sequences)
    return [entry for sequence in sequences for entry in entries_of(sequence) or ()]


def drawn_observations(value: Any, n_steps: int) -> FloatArray:
    """Let observations of any one dimension in for a picture, (T, D), for as many steps as there are."""
    first: Any = next((entry for entry in entries_of(value) or () if entry is not None), 0.0)
    array = observations(value, None if np.ndim(first) == 0 else len(first))
    require_shape("observations", array, (n_steps, *array.shape[1:]))
    return array.reshape(n_steps, -1)


def whole_observations(value: Any, at_least: float = 0, at_most: float = np.inf) -> FloatArray:
    """Let whole observations in, between bounds where there are any; missing ones as NaN."""
    array = observations(value)
    bad = (array < at_least) | (array > at_most) | (array != np.floor(array))
    bounds = "" if at_least == -np.inf else " from 0 up" if at_most == np.inf else f" from 0 to {at_most}"
    refuse_first("observations", bad & ~np.isnan(array), f"a whole number{bounds}, or missing", array)
    return array
