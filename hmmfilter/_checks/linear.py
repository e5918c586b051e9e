"""What the routines in linear space take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first
from hmmfilter._checks.errors import shown
from hmmfilter._checks.parameters import non_negative


def linear_likelihoods(log_likelihoods: FloatArray) -> FloatArray:
    """Take the exponentials of logs, none of which may be beyond a double."""
    with np.errstate(over="ignore"):
        likelihoods: FloatArray = np.exp(log_likelihoods)
    refuse_first(
        "log_likelihoods", np.isinf(likelihoods), "below 709.78 for a comparison in linear space", log_likelihoods
    )
    return likelihoods


def naive_dtype(value: npt.DTypeLike) -> np.dtype[Any]:
    """Let one of the two kinds of float in that processors compute with."""
    try:
        known = value is not None and np.dtype(value) in (np.float32, np.float64)
    except TypeError:
        known = False
    if not known:
        raise ValueError(f"dtype must be float32 or float64, got {shown(value)}")
    return np.dtype(value)


def epsilon(value: float) -> float:
    """Let a constant in that is added to probabilities."""
    return float(non_negative("epsilon", value, ()))


def linear_chain(
    initial: npt.ArrayLike, transition: npt.ArrayLike, likelihoods: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Let the three tables of the naive routines in: any non-negative numbers."""
    start = non_negative("initial", initial, ("K",))
    n_states = len(start)
    return (
        start,
        non_negative("transition", transition, (n_states, n_states)),
        non_negative("likelihoods", likelihoods, ("T", n_states)),
    )
