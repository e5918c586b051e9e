"""Orders of states, and models whose states can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._checks.arrays import whole_numbers
from hmmfilter._checks.errors import shown


def state_order(value: npt.ArrayLike, n_states: int) -> IntArray:
    """Let an order of all states in."""
    order = whole_numbers("order", value)
    if sorted(order.tolist()) != list(range(n_states)):
        raise ValueError(f"order must have each state from 0 to {n_states - 1} once, got {shown(order.tolist())}")
    return order


def reorderable(emission: Any) -> None:
    """Insist on an emission whose states can be numbered anew."""
    if not hasattr(emission, "_reordered"):
        raise TypeError(
            f"emission must be one of hmmfilter.emissions for its states to be reordered, got {type(emission).__name__}"
        )


def comparable(emission: Any, reference: Any) -> None:
    """Insist on emissions of one kind, of as many states, that show the same things."""
    if type(emission) is not type(reference):
        raise TypeError(
            f"reference must have an emission of the kind of the model's, {type(emission).__name__}, "
            f"got {type(reference).__name__}"
        )
    for name, what in (("n_states", "states"), ("n_dimensions", "entries of vectors"), ("symbols", "symbols")):
        own, other = getattr(emission, name, None), getattr(reference, name, None)
        if own != other:
            raise ValueError(f"reference must have the {what} of the model, {shown(own)}, got {shown(other)}")
    n_symbols, n_others = (getattr(each, "probabilities", np.empty((0, 0))).shape[1] for each in (emission, reference))
    if n_symbols != n_others:
        raise ValueError(f"reference must have as many symbols as the model, {n_symbols}, got {n_others}")


def finite_moments(mean: FloatArray, variance: FloatArray) -> None:
    """Insist on moments by which states can be compared."""
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        raise ValueError("emissions must have means and variances to be compared, got some that have none")
