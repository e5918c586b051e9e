"""Sampling: draw paths of the chain, and categories, by inversion."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray


def cumulate(probabilities: FloatArray) -> FloatArray:
    """Return the running sums of each row, such that the first one above a uniform from [0, 1) is a fair draw.

    From the last possible entry on they are exactly 1, whatever the rounding, so that every draw ends in a row; a
    category of probability zero adds nothing to the sum before it and is never the first.
    """
    cumulative = np.cumsum(probabilities, axis=-1)
    cumulative[cumulative >= cumulative[..., -1:]] = 1.0
    return cumulative


def draw_states(initial: FloatArray, transition: FloatArray, length: int, rng: np.random.Generator) -> IntArray:
    """Draw one path of the Markov chain, (length,)."""
    from hmmfilter import _kernels

    states = np.empty(length, dtype=np.int64)
    _kernels.draw_path(cumulate(initial), cumulate(transition), rng.random(length), states)
    return states


def draw_categories(probabilities: FloatArray, rows: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw a category from the row of `probabilities` that each entry of `rows` names."""
    categories = np.empty(len(rows), dtype=np.int64)
    uniforms = rng.random(len(rows))
    for k, cumulative in enumerate(cumulate(probabilities)):
        chosen = rows == k
        categories[chosen] = np.searchsorted(cumulative, uniforms[chosen], side="right")
    return categories
