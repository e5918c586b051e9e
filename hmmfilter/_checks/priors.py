"""Priors: the numbers that they are made of, and whether they fit a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first
from hmmfilter._checks.errors import shown
from hmmfilter._checks.parameters import real_parameters


def at_least_one(name: str, value: npt.ArrayLike) -> FloatArray:
    """Let finite numbers from 1 up in: of any smaller one the density has no maximum where a parameter is 0."""
    array = real_parameters(name, value, None)
    refuse_first(name, array < 1, "at least 1 (below it the density is infinite at 0, and has no maximum)", array)
    return array


def above(name: str, value: npt.ArrayLike, least: float) -> FloatArray:
    """Let finite numbers above a bound in, of any shape."""
    array = real_parameters(name, value, None)
    refuse_first(name, array <= least, f"above {least:g}", array)
    return array


def at_most_dimensions(name: str, array: FloatArray, most: int, words: str) -> None:
    """Insist on an array of no more axes than its parameter has."""
    if array.ndim > most or array.size == 0:
        raise ValueError(f"{name} must be {words}, got shape {array.shape}")


def scale_of_covariances(value: npt.ArrayLike) -> FloatArray:
    """Let the scale of covariances in: variances, or symmetric, positive definite matrices."""
    scale = real_parameters("scale", value, None)
    at_most_dimensions("scale", scale, 3, "a number, (D,), (D, D) or (K, D, D)")
    if scale.ndim < 2:
        refuse_first("scale", scale <= 0, "above 0", scale)
        return scale
    is_square = scale.shape[-1] == scale.shape[-2]
    if not is_square or not np.array_equal(scale, scale.swapaxes(-1, -2)) or np.linalg.eigvalsh(scale).min() <= 0:
        raise ValueError(f"scale must hold symmetric, positive definite matrices, got {shown(scale.tolist())}")
    return scale


def prior_of_kind(name: str, value: Any, kind: type) -> None:
    """Insist on a prior of one kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__} of hmmfilter.priors, got {shown(value)}")


def no_prior(name: str, value: Any, reason: str) -> None:
    """Insist on no prior, where there is none."""
    if value is not None:
        raise TypeError(f"{name} must be None, since {reason}, got {shown(value)}")


def fitting_prior(name: str, of_prior: tuple[int, ...], of_parameter: tuple[int, ...]) -> None:
    """Insist that the numbers of a prior stand for those of a parameter, each for one or for several."""
    pairs = zip(of_prior[::-1], of_parameter[::-1], strict=False)
    if len(of_prior) > len(of_parameter) or any(n not in (1, m) for n, m in pairs):
        raise ValueError(f"{name} must fit a parameter of shape {of_parameter}, got shape {of_prior}")


def square_for_diagonal(name: str, shape: tuple[int, ...]) -> None:
    """Insist on a matrix, where there is something extra on its diagonal."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} must have nothing extra on a diagonal, as its parameter, of shape {shape}, has none")
