"""Degrees of belonging: how much each observation belongs to each state."""

from __future__ import annotations

import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import require_shape
from hmmfilter._checks.parameters import non_negative


def degrees(value: npt.ArrayLike, n_rows: int, n_states: int | None = None) -> FloatArray:
    """Let weights in, a row for each observation, and a column for each state, of which there may be any number."""
    weights = non_negative("weights", value, None)
    require_shape("weights", weights, (n_rows, "K" if n_states is None else n_states))
    return weights
