"""What no implementation can beat by much: the exponentials of the table, and bare vector-matrix products.

The products are of a matrix that is packed for them: as many columns as add up in registers lie beside each other, and
these tiles one after the other, so that memory is read from one end to the other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from hmmfilter._compiled.instructions import add, fma, load, splat, store
from numba.extending import intrinsic

from tests.benchmarks.peers import FILTER, SMOOTH, VITERBI
from tests.benchmarks.problems import Array, Problem

EXP, PRODUCT, MAX_PLUS = "np.exp", "vector-matrix", "max-plus"
BY_BLAS = "vector-matrix, BLAS"

PASSES = {FILTER: 1, SMOOTH: 2}  # over the evidence, each with a product a step
COLUMNS = (32, 16)  # of a tile; of other widths, none was faster by more than noise, by vectors of 256 or 512 bits
LOWEST = np.finfo(np.float64).min


def _emit_larger(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", *values), *values)


larger = intrinsic(lambda _, x, y: (x(x, x), _emit_larger))


@functools.cache
def by_tiles(columns: int) -> Callable[[Array, Array, Array], None]:
    """product(j) = Σ_i vector(i) matrix(i, j)."""
    like = (0.0,) * columns

    @numba.njit
    def multiply(vector: Array, packed: Array, product: Array) -> None:
        n = len(vector)
        for tile in range(n // columns):
            total = splat(like, 0.0)
            for i in range(n):
                total = fma(splat(like, vector[i]), load(like, packed, (tile * n + i) * columns), total)
            store(total, product, tile * columns)

    return multiply


@functools.cache
def max_plus(columns: int) -> Callable[[Array, Array, Array], None]:
    """product(j) = max_i vector(i) + matrix(i, j)."""
    like = (0.0,) * columns

    @numba.njit
    def multiply(vector: Array, packed: Array, product: Array) -> None:
        n = len(vector)
        for tile in range(n // columns):
            best = splat(like, LOWEST)
            for i in range(n):
                best = larger(add(splat(like, vector[i]), load(like, packed, (tile * n + i) * columns)), best)
            store(best, product, tile * columns)

    return multiply


@numba.njit
def by_blas(vector: Array, matrix: Array, product: Array) -> None:
    np.dot(vector, matrix, product)


@numba.njit
def in_turn(multiply: Any, vector: Array, matrix: Array, n_steps: int) -> Array:
    """As many products, each of the one before."""
    vector, product = vector.copy(), np.empty_like(vector)
    for _ in range(n_steps):
        multiply(vector, matrix, product)
        vector, product = product, vector
    return vector


def packed(matrix: Array, columns: int) -> Array:
    """In the order (tile, row, column of the tile)."""
    return np.ascontiguousarray(matrix.reshape(len(matrix), -1, columns).transpose(1, 0, 2))


def calls(problem: Problem, task: str) -> dict[str, Callable[[], Array]]:
    log_initial, log_transition, log_likelihoods = problem.tables
    n_steps, n_states = log_likelihoods.shape
    by_name: dict[str, Callable[[], Array]] = {}
    columns = next((columns for columns in COLUMNS if n_states % columns == 0), None)
    if task == VITERBI and columns:
        tiles_of_logs = packed(log_transition, columns)
        by_name[MAX_PLUS] = lambda: in_turn(max_plus(columns), log_initial, tiles_of_logs, n_steps)
    if task in PASSES:
        by_name[EXP] = lambda: np.exp(log_likelihoods)
    if task in PASSES and columns:
        n_products, tiles = PASSES[task] * n_steps, packed(problem.transition, columns)
        by_name[PRODUCT] = lambda: in_turn(by_tiles(columns), problem.initial, tiles, n_products)
        by_name[BY_BLAS] = lambda: in_turn(by_blas, problem.initial, problem.transition, n_products)
    return by_name
