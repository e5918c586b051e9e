"""What a log-sum-exp takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import has_masked_entries, rectangular, stacked_masks
from hmmfilter._checks.parameters import non_negative, positive


def lse_terms(
    x: Any, weights: npt.ArrayLike | None, where: npt.ArrayLike | None, name: str
) -> tuple[FloatArray, FloatArray | None, type[np.floating[Any]]]:
    """Let the terms of a log-sum-exp in: any real numbers, NaN and infinities too, with weights from 0 up.

    Masked entries, and those where `where` is False, have weight 0; terms and weights come out in one shape. The third
    answer is the kind of float that the result should have.
    """
    maybe_masked = stacked_masks(x) if has_masked_entries(x) else rectangular(name, x)
    array = np.ma.getdata(maybe_masked)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    smaller_floats: dict[int, type[np.floating[Any]]] = {2: np.float16, 4: np.float32}
    kept = smaller_floats.get(array.dtype.itemsize, np.float64) if array.dtype.kind == "f" else np.float64
    parts: dict[str, npt.NDArray[Any]] = {name: array.astype(np.float64, copy=False)}
    if weights is not None:
        parts["weights"] = non_negative("weights", weights, None)
        with np.errstate(over="ignore"):
            if parts["weights"].sum() == np.inf:
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


def temperature(value: float) -> float:
    """Let a temperature in."""
    return float(positive("temperature", value, ()))
