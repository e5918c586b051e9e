"""How much there is of each symbol."""

from __future__ import annotations

from hmmfilter._arrays import FloatArray, IntArray

from .compiling import compiled


@compiled
def add_tallies(numbers: IntArray, weights: FloatArray, tallies: FloatArray) -> None:
    """Add rows of weights, (T, K), each to that of the symbol which stands there, of (M, K)."""
    for t in range(len(numbers)):
        m = numbers[t]
        for k in range(weights.shape[1]):
            tallies[m, k] += weights[t, k]
