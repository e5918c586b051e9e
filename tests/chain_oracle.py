"""The most probable parameters of a chain, and their standard errors, in 50 digits, by nothing but the definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

DIGITS = 50

Parameters = list[Any]
Matrices = Callable[[Parameters], list[mpmath.matrix]]


def log_likelihood(initial: Any, matrices: list[mpmath.matrix], shows: Any) -> Any:
    """log p(v_1:T) by the textbook recursion; a matrix for each move, and p(v_t | h_t) in a table."""
    row = mpmath.matrix([[p * b for p, b in zip(initial, shows[0], strict=True)]])
    for matrix, b in zip(matrices, shows[1:], strict=True):
        moved = row * matrix
        row = mpmath.matrix([[moved[k] * b[k] for k in range(len(b))]])
    return mpmath.log(mpmath.fsum(row))


@mpmath.workdps(DIGITS)
def optimum(initial: Any, matrices_of: Matrices, log_likelihoods: Any, near: Any) -> tuple[list[float], list[float]]:
    """Where the slopes of the log-likelihood are 0, near some parameters, and the standard errors there."""
    shows = [[mpmath.exp(mpmath.mpf(float(x))) for x in row] for row in log_likelihoods]
    start = [mpmath.mpf(float(x)) for x in np.ravel(near)]
    first, n = [mpmath.mpf(float(p)) for p in initial], len(start)

    def height(*parameters: Any) -> Any:
        return log_likelihood(first, matrices_of(list(parameters)), shows)

    def along(*axes: int) -> tuple[int, ...]:
        return tuple(axes.count(axis) for axis in range(n))

    def slopes(*parameters: Any) -> list[Any]:
        return [mpmath.diff(height, parameters, along(i)) for i in range(n)]

    def curvature(*parameters: Any) -> mpmath.matrix:
        return mpmath.matrix([[mpmath.diff(height, parameters, along(i, j)) for j in range(n)] for i in range(n)])

    point = mpmath.matrix(start)
    for _ in range(4):  # of Newton's steps, from so near that digits double
        point -= mpmath.lu_solve(curvature(*point), mpmath.matrix(slopes(*point)))
    covariance = (-curvature(*point)) ** -1
    return [float(x) for x in point], [float(mpmath.sqrt(covariance[i, i])) for i in range(n)]
