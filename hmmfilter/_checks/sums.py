"""What a log-sum-exp takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import (
    entry_name,
    has_masked_entries,
    rectangular,
    refuse_first,
    rounded_integers,
    stacked_masks,
)
from hmmfilter._checks.errors import EntryError
from hmmfilter._checks.parameters import positive, real_parameters

FloatKind = type[np.floating[Any]]


def lse_terms(
    x: Any, weights: npt.ArrayLike | None, where: npt.ArrayLike | None, name: str, of_weights: str | None
) -> tuple[FloatArray, FloatArray | None, FloatKind]:
    """Let the terms of a log-sum-exp in: any real numbers, NaN and infinities too, with weights.

    These must be what the last argument says, and not negative, unless it is None. Masked entries, and those where
    `where` is False, have weight 0; terms and weights come out in one shape. The third answer is the kind of float that
    the result should have.
    """
    maybe_masked = stacked_masks(x) if has_masked_entries(x) else rectangular(name, x)
    array = rounded_integers(np.ma.getdata(maybe_masked))
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    smaller_floats: dict[int, FloatKind] = {2: np.float16, 4: np.float32}
    kept = smaller_floats.get(array.dtype.itemsize, np.float64) if array.dtype.kind == "f" else np.float64
    parts: dict[str, npt.NDArray[Any]] = {name: array.astype(np.float64, copy=False)}
    if weights is not None:
        parts["weights"] = real_parameters("weights", weights, None)
        if of_weights is not None:
            refuse_first("weights", parts["weights"] < 0, of_weights, parts["weights"])
        with np.errstate(over="ignore"):
            if np.abs(parts["weights"]).sum() == np.inf:
                raise ValueError("weights must have a finite sum, got inf")
    if np.ma.is_masked(maybe_masked):
        parts["mask"] = ~np.ma.getmaskarray(maybe_masked)
    if where is not None:
        parts["where"] = rectangular("where", where)
        if parts["where"].dtype != bool or has_masked_entries(where):
            raise TypeError(f"where must hold True and False, unmasked, got dtype {parts['where'].dtype}")
    try:
        terms, *factors = np.broadcast_arrays(*parts.values())
    except ValueError:
        shapes = ", ".join(f"{part} {table.shape}" for part, table in parts.items())
        raise ValueError(f"shapes must broadcast, got {shapes}") from None
    return terms, math.prod(factors[1:], start=factors[0].astype(np.float64)) if factors else None, kept


def logs_to_subtract(**given: Any) -> tuple[list[FloatArray], FloatKind]:
    """Let logs in, by their names, entry by entry; masked ones are those of zero. Says the kind of the result, too."""
    logs, kinds = {}, []
    for name, value in given.items():
        array, weights, kind = lse_terms(value, None, None, name, None)
        logs[name] = array if weights is None else np.where(weights > 0, array, -np.inf)
        kinds.append(kind)
    try:
        return list(np.broadcast_arrays(*logs.values())), np.result_type(*kinds).type
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in logs.items())
        raise ValueError(f"shapes must broadcast, got {shapes}") from None


def in_order(x: FloatArray, y: FloatArray) -> None:
    """Insist that no difference x − y is negative."""
    for index in np.argwhere(x < y)[:1]:
        at = tuple(map(int, index))
        bound = f"{entry_name('x', at)} = {float(x[at])!r}"
        raise EntryError(
            f"{entry_name('y', at)} must be at most {bound}, or come with return_sign=True, got {float(y[at])!r}", at
        )


def log_probabilities_of(name: str, array: FloatArray) -> None:
    """Insist on logs of numbers from 0 to 1."""
    refuse_first(name, array > 0, "at most 0", array)


def temperature(value: float) -> float:
    """Let a temperature in."""
    return float(positive("temperature", value, ()))
