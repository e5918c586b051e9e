"""Arrays of the caller that are to be filled, and what a result did not keep."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, Held
from hmmfilter._checks.arrays import DOUBLE, require_shape
from hmmfilter._checks.errors import shown
from hmmfilter._checks.memory import share_memory
from hmmfilter._checks.settings import MOST_WORDS, flag, integer

Kept = TypeVar("Kept")

READ = ("log_initial", "log_transition", "log_likelihoods", "lengths", "transition_index", "allowed", "out")


def destinations(
    out: Any, out_increments: Any, out_logs: bool, shape: tuple[int, ...], given: tuple[Any, ...]
) -> tuple[FloatArray | None, FloatArray | None, Held]:
    """Let arrays in that are to be filled with rows and log-increments, memory-mapped or not, and say what rows hold.

    None stands for a new one. They must not share memory with the arguments of `chain`, which are read.
    """
    are_logs = flag("out_logs", out_logs)
    if out is None:
        if are_logs or out_increments is not None:
            raise ValueError(f"{'out_logs' if are_logs else 'out_increments'} must come with out, got it alone")
        return None, None, "coded"
    rows, increments = _filled("out", out, shape, given), None
    if out_increments is not None:
        increments = _filled("out_increments", out_increments, shape[:1], (*given, out))
    return rows, increments, "logs" if are_logs else "probabilities"


def _filled(name: str, value: Any, shape: tuple[int, ...], given: tuple[Any, ...]) -> FloatArray:
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a NumPy array without a mask, got {type(value).__name__}")
    if value.dtype != DOUBLE or not value.flags.carray:
        raise TypeError(f"{name} must be writable, C-ordered, and of dtype float64, got {_kind_of(value)}")
    require_shape(name, value, shape)
    for source, table in zip(READ, given, strict=False):
        if not isinstance(table, (list, tuple)) and share_memory(value, np.asarray(table)):
            raise ValueError(f"{name} must have memory of its own, got some of {source}")
    return value.view(np.ndarray)


def _kind_of(array: npt.NDArray[Any]) -> str:
    access = "writable" if array.flags.writeable else "read-only"
    order = "C-ordered" if array.flags.c_contiguous else "not C-ordered"
    return f"{access}, {order}, and of dtype {array.dtype}"


def kept(name: str, value: Kept | None, option: str) -> Kept:
    """Insist that a table of a result is there."""
    if value is None:
        raise AttributeError(f"{name} were not kept, as out was given; {option} keeps them")
    return value


def single_sequence(n_sequences: int | None) -> None:
    """Insist on a result of one sequence where only one can be drawn."""
    if n_sequences is not None and n_sequences != 1:
        raise ValueError(f"plot draws one sequence, got {n_sequences}: draw result[n]")


def some_steps(n_steps: int) -> None:
    """Insist on a result that has something to draw."""
    if n_steps == 0:
        raise ValueError("plot draws at least one step, got none")


def drawable_sample(sample: Any, emission: Any, n_draws: int) -> FloatArray:
    """Let what an emission has drawn in, for a picture of its curves, (n,) or (n, D)."""
    what = f"sample of {type(emission).__name__} must draw"
    try:
        drawn = np.asarray(sample, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{what} numbers or vectors of them to be pictured, got {shown(sample)}") from None
    if drawn.ndim not in (1, 2) or len(drawn) != n_draws:
        raise ValueError(f"{what} an observation for each of {n_draws} states, got shape {drawn.shape}")
    return drawn


def several(n_sequences: int | None) -> int:
    """Insist on a result of several sequences, where they are asked for by key."""
    if n_sequences is None:
        raise TypeError("keys are those of several sequences, got the result of one alone")
    return n_sequences


def place(key: Any) -> Any:
    """Let the place of rows in a table in, which has no columns by name."""
    if isinstance(key, str):
        raise KeyError(f"no sequence {shown(key)}: the result is one table, and brackets take its rows")
    return key


def sequence_number(key: Any, n_sequences: int, numbers: Mapping[Hashable, int] | None) -> int:
    """Let the key of a sequence in, or its number where there are no keys; the answer is the number."""
    if numbers is None:
        number = integer("the number of a sequence", key)
        if not -n_sequences <= number < n_sequences:
            raise IndexError(f"no sequence {shown(number)}: there are {n_sequences}, counted from 0")
        return number % n_sequences
    try:
        return numbers[key]
    except (KeyError, TypeError):  # of what is no key, and of what cannot be one
        known = ", ".join(map(shown, itertools.islice(numbers, MOST_WORDS)))
        more = ", ..." if n_sequences > MOST_WORDS else ""
        raise KeyError(f"no sequence {shown(key)}: there are {known}{more}") from None


def row_labels(index: Any, n_rows: int) -> None:
    """Insist on a label for each row of a frame."""
    if not hasattr(index, "__len__"):
        raise TypeError(f"index must be a list of labels, got {shown(index)}")
    if len(index) != n_rows:
        raise ValueError(f"index must have a label for each of the {n_rows} rows, got {len(index)}")
