"""What no implementation can beat by much: the exponentials of the table, and bare vector-matrix products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from tests.benchmarks.peers import FILTER, SMOOTH, VITERBI
from tests.benchmarks.problems import Array, Problem

EXP, PRODUCT, MAX_PLUS = "np.exp", "vector-matrix", "max-plus"
BY_BLAS = "vector-matrix, BLAS"

PASSES = {FILTER: 1, SMOOTH: 2}  # over the evidence, each with a product a step
ROWS_AT_A_TIME = 4
LOWEST = np.finfo(np.float64).min


@numba.njit(fastmath=True)
def by_rows(vector: Array, matrix: Array, product: Array) -> None:
    """product(j) = Σ_i vector(i) matrix(i, j), four rows at a time. Without views of rows it is half as fast."""
    product[:] = 0.0
    for i in range(0, len(vector), ROWS_AT_A_TIME):
        a, b, c, d = vector[i], vector[i + 1], vector[i + 2], vector[i + 3]
        row_a, row_b, row_c, row_d = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
        for j in range(len(product)):
            product[j] += a * row_a[j] + b * row_b[j] + c * row_c[j] + d * row_d[j]


@numba.njit
def by_blas(vector: Array, matrix: Array, product: Array) -> None:
    np.dot(vector, matrix, product)


@numba.njit(fastmath=True)
def max_plus(vector: Array, matrix: Array, product: Array) -> None:
    """product(j) = max_i vector(i) + matrix(i, j), four rows at a time."""
    product[:] = LOWEST
    for i in range(0, len(vector), ROWS_AT_A_TIME):
        a, b, c, d = vector[i], vector[i + 1], vector[i + 2], vector[i + 3]
        row_a, row_b, row_c, row_d = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
        for j in range(len(product)):
            first, second = max(a + row_a[j], b + row_b[j]), max(c + row_c[j], d + row_d[j])
            product[j] = max(product[j], first, second)


@numba.njit
def in_turn(multiply: Any, vector: Array, matrix: Array, n_steps: int) -> Array:
    """As many products, each of the one before."""
    vector, product = vector.copy(), np.empty_like(vector)
    for _ in range(n_steps):
        multiply(vector, matrix, product)
        vector, product = product, vector
    return vector


def calls(problem: Problem, task: str) -> dict[str, Callable[[], Array]]:
    log_initial, log_transition, log_likelihoods = problem.tables
    n_steps, n_states = log_likelihoods.shape
    by_name: dict[str, Callable[[], Array]] = {}
    has_products = n_states % ROWS_AT_A_TIME == 0
    if task == VITERBI and has_products:
        by_name[MAX_PLUS] = lambda: in_turn(max_plus, log_initial, log_transition, n_steps)
    if task in PASSES:
        by_name[EXP] = lambda: np.exp(log_likelihoods)
    if task in PASSES and has_products:
        n_products = PASSES[task] * n_steps
        by_name[PRODUCT] = lambda: in_turn(by_rows, problem.initial, problem.transition, n_products)
        by_name[BY_BLAS] = lambda: in_turn(by_blas, problem.initial, problem.transition, n_products)
    return by_name
