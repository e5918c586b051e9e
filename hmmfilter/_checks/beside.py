"""What comes beside observations: tables with a row a step, of one sequence or of several, and who needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._beside import Beside
from hmmfilter._checks.arrays import float_array, rectangular, refuse_first, whole_numbers
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.labels import by_key
from hmmfilter._checks.numbers import real_numbers
from hmmfilter._checks.observations import is_container
from hmmfilter._checks.tables import log_potentials

MEANINGS = {
    "covariates": "a row for each step, as a table or a frame",
    "times": "when each step was, as the index of a frame with dates",
    "transition_index": "which matrix leads on from each step",
}


def needs_of(part: Any) -> frozenset[str]:
    """What an emission, or a chain, must have beside observations."""
    needs: frozenset[str] = getattr(part, "_needs", frozenset())
    return needs


def beside_of(
    chain: Any,
    emission: Any,
    starts: IntArray,
    keys: Sequence[Hashable] | None,
    given: Mapping[str, Any],
    n_ahead: int = 0,
) -> Beside:
    """Let in what a model needs beside observations, with so many more rows for each sequence.

    What it needs must be there, and nothing else: who gives a table expects that it counts.
    """
    if not any(value is not None for value in given.values()) and not needs_of(chain) and not needs_of(emission):
        return Beside(starts)
    users = [part for part in (chain, emission) if part is not None]
    for name, value in given.items():
        who = [type(part).__name__ for part in users if name in needs_of(part)]
        if value is None and who:
            raise ValueError(f"{name} must be given, for {' and '.join(who)}, got None: {MEANINGS[name]}")
        if value is not None and not who:
            others = " nor ".join(type(part).__name__ for part in users)
            raise ValueError(f"{name} must be left out: {f'neither {others}' if others else 'nothing'} depends on any")
    steps = (np.diff(starts) + n_ahead).tolist()
    first_rows: IntArray = frozen(np.concatenate([[0], np.cumsum(steps)])) if n_ahead else starts
    covariates, names = _covariates(given.get("covariates"), steps, keys)
    times = joined("times", given.get("times"), steps, keys, _times)
    if times is not None:
        _ascending(times, first_rows, keys)
    index = joined("transition_index", given.get("transition_index"), steps, keys, _index)
    return Beside(first_rows, covariates, names, times, index)


def joined(
    name: str,
    value: Any,
    steps: list[int],
    keys: Sequence[Hashable] | None,
    let_in: Callable[[str, Any, int], npt.NDArray[Any]],
) -> Any:
    """Join what has a row a step: a list of one table for each sequence, with keys a dict or groups, or one table."""
    if value is None or not any(steps):
        return None
    parts = _parts_of(name, value, steps, keys)
    if parts is None:
        return frozen(let_in(name, value, sum(steps)))
    names = range(len(steps)) if keys is None else keys
    tables = [
        let_in(f"{name}[{shown(key)}]", part, n_steps)
        for key, part, n_steps in zip(names, parts, steps, strict=True)
        if n_steps > 0
    ]
    return frozen(np.concatenate(tables))


def _parts_of(name: str, value: Any, steps: list[int], keys: Sequence[Hashable] | None) -> Sequence[Any] | None:
    """The tables of several sequences; None where there is one table for all."""
    if keys is not None:
        by_keys = by_key(value)
        if not isinstance(by_keys, Mapping) or set(by_keys) != set(keys):
            got = f"the keys {shown(list(by_keys))}" if isinstance(by_keys, Mapping) else type(value).__name__
            raise ValueError(f"{name} must be a dict of tables, with the keys {shown(list(keys))}, got {got}")
        return [by_keys[key] for key in keys]
    if not isinstance(value, (list, tuple)) or len(value) != len(steps) or not all(map(is_container, value)):
        return None
    if len(value) == sum(steps) and list(map(len, value)) != steps:  # rows of one table
        return None
    return value


def joined_log_weights(
    value: Any, steps: list[int], n_states: int, keys: Sequence[Hashable] | None = None
) -> FloatArray | None:
    """Let soft evidence in: logs that are added to the log-likelihoods, (T, K)."""
    logs: FloatArray | None = joined(
        "log_weights", value, steps, keys, lambda name, table, n: log_potentials(name, table, (n, n_states))
    )
    return logs


def of_one_step(covariates: Any, time: Any, transition_index: Any) -> dict[str, Any]:
    """What lies beside a single step, as tables of one row; a dict or a row of a frame brings names of covariates."""
    table = covariates
    if hasattr(covariates, "items"):
        table = NamedTable([[value for _, value in covariates.items()]], covariates.keys())
    elif covariates is not None:
        table = [covariates] if np.ndim(covariates) > 0 else [[covariates]]
    return {
        "covariates": table,
        "times": None if time is None else [time],
        "transition_index": None if transition_index is None else [transition_index],
    }


class NamedTable:
    """A table whose columns have names."""

    def __init__(self, table: Any, columns: Iterable[Any]) -> None:
        self.columns, self._table = list(columns), table

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self._table, dtype)


def _covariates(
    value: Any, steps: list[int], keys: Sequence[Hashable] | None
) -> tuple[FloatArray | None, tuple[str, ...] | None]:
    """Let covariates in, (T, C), and the names of their columns, the same for all sequences."""
    found: list[tuple[tuple[str, ...] | None, int]] = []

    def let_in(name: str, table: Any, n_steps: int) -> FloatArray:
        array = float_array(name, real_numbers(name, table))
        array = array[:, np.newaxis] if array.ndim == 1 else array
        if array.ndim != 2 or len(array) != n_steps:
            raise ValueError(f"{name} must have shape ({n_steps}, C), with a row for each step, got {np.shape(table)}")
        refuse_first(name, np.isinf(array), "finite, or NaN where missing", array)
        found.append((_column_names(table), array.shape[1]))
        if found[0] != found[-1]:
            (names, width), (own, own_width) = found[0], found[-1]
            need = f"{width} columns" if width != own_width else f"the columns {shown(names)}"
            raise ValueError(f"{name} must have {need}, as the first table has, got {shown(own or own_width)}")
        return array

    table = joined("covariates", value, steps, keys, let_in)
    return table, found[0][0] if found else None


def _column_names(table: Any) -> tuple[str, ...] | None:
    """The names of the columns of a frame, or of a series that has one."""
    if hasattr(table, "columns"):
        names = tuple(map(str, getattr(table, "column_names", table.columns)))  # as Arrow has them
        return None if names == tuple(map(str, range(len(names)))) else names
    name = getattr(table, "name", None)
    return None if name is None or not hasattr(table, "iloc") else (str(name),)


def _times(name: str, value: Any, n_steps: int) -> npt.NDArray[Any]:
    """Let the times of steps in: numbers, or datetimes, as datetime64."""
    array = rectangular(name, value)
    if array.dtype == object and array.ndim == 1 and all(hasattr(time, "isoformat") for time in array):
        array = _as_datetimes(name, array)
    for word in (time for time in array.flat if isinstance(time, str)):
        raise TypeError(
            f"{name} must hold numbers or datetimes, as pandas.to_datetime makes of words, got {shown(word)}"
        )
    if array.dtype.kind == "M":
        for t in np.flatnonzero(np.isnat(array))[:1]:
            raise EntryError(f"{name}[{t}] must be a time, got NaT", (int(t),))
    elif array.dtype.kind == "m":
        raise TypeError(f"{name} must hold numbers or datetimes, got dtype {array.dtype}")
    else:
        array = float_array(name, real_numbers(name, value))
        refuse_first(name, ~np.isfinite(array), "finite", array)
    if array.shape != (n_steps,):
        raise ValueError(f"{name} must have shape ({n_steps},), with a time for each step, got {array.shape}")
    return array


def _as_datetimes(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The times of Python, or of pandas, without a zone or all of one."""
    zones = {str(getattr(time, "tzinfo", None)) for time in array}
    if len(zones) > 1:
        raise TypeError(f"{name} must be of one time zone, got {shown(sorted(zones))}")
    return np.array(list(map(_in_utc, array)))


def _in_utc(time: Any) -> np.datetime64:
    """A time without a zone as it stands, one with a zone in universal time."""
    if getattr(time, "tzinfo", None) is not None:
        time = time.replace(tzinfo=None) - time.utcoffset()
    moment: np.datetime64 = time.to_datetime64() if hasattr(time, "to_datetime64") else np.datetime64(time)
    return moment


def _ascending(times: npt.NDArray[Any], starts: IntArray, keys: Sequence[Hashable] | None) -> None:
    """Insist that no time is before that of the step before, within a sequence."""
    falls = times[1:] < times[:-1]
    inner = starts[1:-1]
    falls[inner[(inner > 0) & (inner < len(times))] - 1] = False
    for t in np.flatnonzero(falls)[:1] + 1:
        n = int(np.searchsorted(starts, t, side="right")) - 1
        where = "" if len(starts) == 2 else f" of sequence {shown(n if keys is None else keys[n])}"
        got = f"{_spoken(times[t])} after {_spoken(times[t - 1])}"
        raise EntryError(f"times must not fall, got {got} at step {t - starts[n]}{where}", (int(t - starts[n]),))


def _spoken(time: Any) -> str:
    """How a message quotes a time: a moment without the zeros at its end."""
    return re.sub(r"(T00:00(:00)?)?(\.0+)?$", "", str(time)) if isinstance(time, np.datetime64) else shown(time)


def _index(name: str, value: Any, n_steps: int) -> npt.NDArray[Any]:
    """Let the index of the moves from each step in: integers, or words that the chain has names for."""
    array = rectangular(name, value)
    are_words = array.ndim == 1 and len(array) > 0 and all(isinstance(entry, str) for entry in array)
    index: npt.NDArray[Any] = array.astype(object) if are_words else whole_numbers(name, value)
    if index.shape != (n_steps,):
        raise ValueError(f"{name} must have shape ({n_steps},), with an entry for each step, got {index.shape}")
    return index
