"""How much there is of each symbol, and how much is counted."""

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


@compiled
def add_counts(counts: FloatArray, weights: FloatArray, sums: FloatArray) -> None:
    """Add rows of weights, (T, K), and as much as is counted there of each, to those of (2, K); NaN is missing."""
    seen, total = sums[0], sums[1]
    for t in range(len(counts)):
        n = counts[t]
        if n >= 0.0:
            for k in range(weights.shape[1]):
                seen[k] += weights[t, k]
            for k in range(weights.shape[1]):
                total[k] += n * weights[t, k]
