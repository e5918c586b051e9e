"""Weighted moments of observations about the mean of each state: what a normal distribution learns from.

Rows are gone through block by block. Of a block, each sum is taken in eight lanes, and then added in two parts, of
which the second keeps what the first loses: what many blocks lose does not add up.
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray

from .columns import each, where
from .compiling import compiled, inlined
from .lanes import EIGHT, Lanes, add, fma, lane, load, multiply, splat, subtract
from .numbers import two_sum

MOST_ROWS = 256  # of a block: their columns stay in the processor's nearest cache


def room_for_moments(n_rows: int, n_dimensions: int) -> FloatArray:
    """Room for columns of a block, of whole lanes: two of each entry, and two more."""
    n_lanes = -(-min(n_rows, MOST_ROWS) // len(EIGHT))
    return np.zeros((2 * n_dimensions + 2, len(EIGHT) * n_lanes))


@inlined
def add_lanes(x: Lanes, sums: FloatArray, n: int) -> None:
    """Add eight lanes, in pairs, to a sum in two parts, (2, n)."""
    near = (lane(x, 0) + lane(x, 1)) + (lane(x, 2) + lane(x, 3))
    far = (lane(x, 4) + lane(x, 5)) + (lane(x, 6) + lane(x, 7))
    total, lost = two_sum(sums[0, n], near + far)
    sums[0, n] = total
    sums[1, n] += lost


@compiled
def add_independent(x: FloatArray, mean: FloatArray, weights: FloatArray, room: FloatArray, sums: FloatArray) -> None:
    """Add Σ w, Σ w (x_d − μ_d) and Σ w (x_d − μ_d)² over the entries of x, (T, D), that are not missing.

    Sums are in two parts, (2, 3 K D), and those of an entry beside each other.
    """
    n_dimensions, n_block = x.shape[1], room.shape[1]
    w = room[2 * n_dimensions]
    for begin in range(0, len(x), n_block):
        block = x[begin : begin + n_block]
        n_rows = len(block)
        for d in range(n_dimensions):
            x_d, is_seen = room[d], room[n_dimensions + d]
            for t in each(0, n_rows):
                is_seen[t] = where(np.isnan(block[t, d]), 0.0, 1.0)
                x_d[t] = where(np.isnan(block[t, d]), 0.0, block[t, d])
        for t in each(n_rows, n_block):
            w[t] = 0.0
        for k in range(len(mean)):
            for t in each(0, n_rows):
                w[t] = weights[begin:][t, k]
            for d in range(n_dimensions):
                about = splat(EIGHT, mean[k, d])
                weight, first, second = splat(EIGHT, 0.0), splat(EIGHT, 0.0), splat(EIGHT, 0.0)
                for t in range(0, n_rows, len(EIGHT)):
                    seen = multiply(load(EIGHT, w, t), load(EIGHT, room, (n_dimensions + d) * n_block + t))
                    y = subtract(load(EIGHT, room, d * n_block + t), about)
                    seen_y = multiply(seen, y)
                    weight, first, second = add(weight, seen), add(first, seen_y), fma(seen_y, y, second)
                n = 3 * (k * n_dimensions + d)
                add_lanes(weight, sums, n)
                add_lanes(first, sums, n + 1)
                add_lanes(second, sums, n + 2)


@compiled
def add_joint(x: FloatArray, mean: FloatArray, weights: FloatArray, room: FloatArray, sums: FloatArray) -> None:
    """Add Σ w, Σ w (x − μ) and the lower triangle of Σ w (x − μ) (x − μ)ᵀ over vectors x, (T, D), that lack nothing.

    Sums are in two parts, (2, K n), and those of a state beside each other.
    """
    n_dimensions, n_block = x.shape[1], room.shape[1]
    w, w_y = room[2 * n_dimensions], room[2 * n_dimensions + 1]
    for begin in range(0, len(x), n_block):
        block = x[begin : begin + n_block]
        n_rows, n = len(block), 0
        for d in range(n_dimensions):
            x_d = room[d]
            for t in each(0, n_rows):
                x_d[t] = block[t, d]
        for t in each(n_rows, n_block):
            w[t] = 0.0
        for k in range(len(mean)):
            weight = splat(EIGHT, 0.0)
            for t in each(0, n_rows):
                w[t] = weights[begin:][t, k]
            for t in range(0, n_rows, len(EIGHT)):
                weight = add(weight, load(EIGHT, w, t))
            add_lanes(weight, sums, n)
            triangle = n + 1 + n_dimensions
            for i in range(n_dimensions):
                x_i, y_i, mean_i = room[i], room[n_dimensions + i], mean[k, i]
                for t in each(0, n_block):
                    y_i[t] = x_i[t] - mean_i
                    w_y[t] = w[t] * y_i[t]
                first = splat(EIGHT, 0.0)
                for t in range(0, n_rows, len(EIGHT)):
                    first = add(first, load(EIGHT, w_y, t))
                add_lanes(first, sums, n + 1 + i)
                for j in range(i + 1):
                    second, y_j = splat(EIGHT, 0.0), (n_dimensions + j) * n_block
                    for t in range(0, n_rows, len(EIGHT)):
                        second = fma(load(EIGHT, w_y, t), load(EIGHT, room, y_j + t), second)
                    add_lanes(second, sums, triangle)
                    triangle += 1
            n = triangle
