"""Observations: what is missing, what is a number, what is a column."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._checks.arrays import entry_name, has_masked_entries, refuse_first, require_shape
from hmmfilter._checks.errors import EntryError, shown

PLAIN = frozenset({int, float, bool, str, type(None), np.float64, np.int64, np.bool_, np.str_})  # no containers
QUICK, FARTHEST = frozenset({int, float, np.float64, np.int64}), 1e300  # integers beyond may not fit into a double
NUMBERS = (numbers.Real, np.bool_, Decimal)
ROWS = frozenset({list, tuple})
Atoms = tuple[type, ...]  # kinds of container that stand for one observation, and are never looked into
TIMES = (np.datetime64, np.timedelta64, datetime.date, datetime.timedelta)
ONE_OF_SEVERAL = ": of several columns, choose one"
GROUPS_OF_POLARS = ': make a dict of the groups, {key: rows["x"] for (key,), rows in groups}'
NUMBERS_OF_TIMES = ": times become numbers by division, as (times - start) / np.timedelta64(1, 's')"


def is_missing(item: Any) -> bool:
    """Whether an entry says that there is nothing: None, NaN, a masked entry, or the NA of pandas."""
    if item is None or item is np.ma.masked or type(item).__name__ == "NAType":
        return True
    if isinstance(item, Decimal):
        return item.is_nan()
    return isinstance(item, (float, np.floating)) and bool(np.isnan(item))


def observations(value: Any, n_dimensions: int | None = None) -> FloatArray:
    """Let observations in, a number a step, or a vector a step where `n_dimensions` is given; missing ones as NaN.

    Numbers may stand in a column, each in a row of its own. What is a table of doubles already is not copied.
    """
    required: tuple[int | str, ...] = ("T",) if n_dimensions is None else ("T", n_dimensions)
    array = _plain_numbers(value)
    if array is None:
        array = np.array(_observations_one_by_one(value, n_dimensions), dtype=np.float64)
    if n_dimensions is None and array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    if n_dimensions is not None and array.ndim == 1 and array.size > 0 and np.isnan(array).all():
        array = np.full((len(array), n_dimensions), np.nan)
    if n_dimensions is None and array.ndim == 2 and array.size > 0:
        raise ValueError(f"observations must have shape (T,), got {array.shape}{ONE_OF_SEVERAL}")
    require_shape("observations", array, required)
    refuse_first("observations", np.isinf(array), "finite, or NaN or None where missing", array)
    let_in: FloatArray = frozen(array)
    return let_in


def _plain_numbers(value: Any) -> FloatArray | None:
    """The quick way in, for what numpy takes for real numbers without a mask; None for all else."""
    if has_masked_entries(value):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length, or None among vectors
        return None
    return np.require(array, np.float64, ["C", "ALIGNED"]) if array.dtype.kind in "biuf" else None


def _observations_one_by_one(value: Any, n_dimensions: int | None) -> list[Any]:
    def refuse(index: tuple[int, ...], got: Any, needed: str = "a number") -> NoReturn:
        is_row = is_container(got) and len(got) > 1
        hint = NUMBERS_OF_TIMES if isinstance(got, TIMES) else ONE_OF_SEVERAL if is_row else ""
        hint = GROUPS_OF_POLARS if hasattr(got, "maintain_order") else hint
        raise TypeError(
            f"{entry_name('observations', index)} must be {needed}, or NaN or None where missing, "
            f"got {shown(got)}{hint}"
        )

    def number(item: Any, index: tuple[int, ...]) -> float:
        if is_missing(item):
            return np.nan
        if not isinstance(item, NUMBERS) or isinstance(item, np.timedelta64):
            refuse(index, item)
        try:
            return float(item)
        except OverflowError:
            raise EntryError(
                f"{entry_name('observations', index)} must fit into a double, got {shown(item)}", index
            ) from None

    def vector(item: Any, t: int) -> list[float]:
        if is_missing(item):
            return [np.nan] * (n_dimensions or 0)
        entries = entries_of(item)
        if entries is None:
            refuse((t,), item, f"a vector of {n_dimensions}")
        if len(entries) != n_dimensions:
            raise EntryError(
                f"{entry_name('observations', (t,))} must have {n_dimensions} entries, got {len(entries)}", (t,)
            )
        return [number(entry, (t, d)) for d, entry in enumerate(entries)]

    items = entries_of(value)
    if items is None:
        refuse((), value)
    if n_dimensions is None:
        return [number(item, (t,)) for t, item in enumerate(out_of_column(items))]
    return [vector(item, t) for t, item in enumerate(items)]


def is_container(value: Any, atoms: Atoms = ()) -> bool:
    """Whether a list, a tuple or anything that numpy takes for an array."""
    if type(value) in PLAIN or isinstance(value, atoms):
        return False
    return isinstance(value, (list, tuple)) or (hasattr(value, "__array__") and np.ndim(value) > 0)


def holds_containers(entries: Sequence[Any], atoms: Atoms = ()) -> bool:
    """Whether there are containers among the entries."""
    return not PLAIN.issuperset(map(type, entries)) and any(is_container(entry, atoms) for entry in entries)


def entries_of(value: Any) -> Sequence[Any] | None:
    """What stands in a container; None for all else."""
    if isinstance(value, (list, tuple)):
        return value
    if not is_container(value):
        return None
    if isinstance(value, np.ma.MaskedArray):
        return list(value)
    array = np.asarray(value)
    # as objects of Python, but for times, which would turn into numbers
    return list(array if array.dtype.kind in "mM" else np.asarray(value, dtype=object))


def is_column(items: Sequence[Any], atoms: Atoms = ()) -> bool:
    """Whether all entries, the missing ones aside, are rows of one entry each."""
    if not holds_containers(items, atoms):
        return False
    rows = items if ROWS.issuperset(map(type, items)) else [item for item in items if not is_missing(item)]
    are_rows = all(is_container(row, atoms) and len(row) == 1 for row in rows)
    return are_rows and not holds_containers([only_entry(row) for row in rows], atoms)


def only_entry(row: Any) -> Any:
    """The entry of a row of one."""
    return row[0] if type(row) in ROWS else (entries_of(row) or ())[0]


def out_of_column(items: Sequence[Any], atoms: Atoms = ()) -> Sequence[Any]:
    """The entries of a column, out of their rows; all else as it is."""
    if not is_column(items, atoms):
        return items
    return [None if is_missing(item) else only_entry(item) for item in items]


def plain_number(value: Any) -> float | None:
    """The quick way in for a single number, NaN where missing; None for all that `observations` has to look at."""
    if value is None:
        return np.nan
    return float(value) if type(value) in QUICK and not abs(value) >= FARTHEST else None


def plain_vector(value: Any, n_dimensions: int | None) -> FloatArray | None:
    """The same for a number, as (1,), or a vector, as (1, D); an array may have infinite entries."""
    if n_dimensions is None:
        number = plain_number(value)
        table = None if number is None else np.array([number])
    elif type(value) is np.ndarray:
        fits = value.shape == (n_dimensions,) and value.dtype.kind in "iuf"
        table = np.array(value, np.float64, ndmin=2) if fits else None
    else:
        numbers = list(map(plain_number, value)) if type(value) in ROWS else []
        table = np.array([numbers]) if len(numbers) == n_dimensions and None not in numbers else None
    if table is not None:
        table.setflags(write=False)  # a tenth of what a view takes
    return table


def drawn_observations(value: Any, n_steps: int) -> tuple[FloatArray, tuple[str, ...]]:
    """Let observations of any one dimension in for a picture, (T, D), for as many steps as there are.

    Words, and whatever else is no number, are numbered in the order of the alphabet; the second answer is what each of
    these numbers stands for.
    """
    items = out_of_column(entries_of(value) or ())
    seen = [item for item in items if not is_missing(item)]
    words: tuple[str, ...] = ()
    if seen and not any(isinstance(item, (*NUMBERS, *TIMES)) or is_container(item) for item in seen):
        words = tuple(sorted(set(map(str, seen))))
        value = [None if is_missing(item) else words.index(str(item)) for item in items]
    n_dimensions = len(seen[0]) if seen and is_container(seen[0]) else None
    array = observations(value, n_dimensions)
    require_shape("observations", array, (n_steps, *array.shape[1:]))
    return array.reshape(n_steps, -1), words


def whole_observations(value: Any, at_least: float = 0, at_most: float = np.inf) -> FloatArray:
    """Let whole observations in, between bounds where there are any; missing ones as NaN."""
    array = observations(value)
    bad = (array < at_least) | (array > at_most) | (array != np.floor(array))
    bounds = "" if at_least == -np.inf else f" from {at_least:g} up" if at_most == np.inf else f" from 0 to {at_most}"
    refuse_first("observations", bad & ~np.isnan(array), f"a whole number{bounds}, or missing", array)
    return array


def observations_between(value: Any, low: float, high: float) -> FloatArray:
    """Let numbers in from one bound to another, with both; missing ones as NaN."""
    array = observations(value)
    bounds = f"from {low:g} up" if high == np.inf else f"from {low:g} to {high:g}"
    refuse_first("observations", (array < low) | (array > high), f"{bounds}, or missing", array)
    return array


def finite_densities(log_densities: FloatArray, rows: IntArray, pole: float) -> None:
    """Insist that observations of a number, with densities (n, K), are at no pole; n may be 0."""
    for n, k in np.argwhere(log_densities == np.inf)[:1]:
        raise EntryError(
            f"{entry_name('observations', (int(rows[n]),))} is {pole:g}, where the density of state {k} is infinite: "
            f"such a density tells nothing about observations of {pole:g} exactly",
            (int(rows[n]),),
        )
