"""Priors: the numbers that they are made of, and whether they fit a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter._checks.arrays import rectangular, refuse_first, require_shape
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
    if not _fit(of_prior, of_parameter):
        raise ValueError(f"{name} must fit a parameter of shape {of_parameter}, got shape {of_prior}")


def _fit(of_prior: tuple[int, ...], of_parameter: tuple[int, ...]) -> bool:
    pairs = zip(of_prior[::-1], of_parameter[::-1], strict=False)
    return len(of_prior) <= len(of_parameter) and all(n in (1, m) for n, m in pairs)


def fitting_parameter(name: str, of_parameter: tuple[int, ...], of_prior: tuple[int, ...]) -> None:
    """Insist on a parameter that the numbers of a prior stand for, each for one or for several."""
    if not _fit(of_prior, of_parameter):
        raise ValueError(f"{name} must fit numbers of the prior of shape {of_prior}, got shape {of_parameter}")


def vector_or_rows(name: str, array: FloatArray, words: str, most: int = 2) -> None:
    """Insist on a vector, or on so many axes at most."""
    if not 1 <= array.ndim <= most or array.size == 0:
        raise ValueError(f"{name} must have shape {words}, got {array.shape}")


def free_entries(value: npt.ArrayLike | None, shape: tuple[int, ...]) -> BoolArray:
    """Let in which entries of a parameter are not held; all where nothing is said."""
    if value is None:
        return np.ones(shape, dtype=np.bool_)
    array = rectangular("is_free", value)
    if array.dtype != bool:
        raise TypeError(f"is_free must hold True and False, got dtype {array.dtype}")
    require_shape("is_free", array, shape)
    return array


def square_for_diagonal(name: str, shape: tuple[int, ...]) -> None:
    """Insist on a matrix, where there is something extra on its diagonal."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{name} must have nothing extra on a diagonal, as its parameter, of shape {shape}, has none")
