"""Means and covariances: which kind of the latter their shape tells, or which is named."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first, require_shape
from hmmfilter._checks.parameters import real_parameters
from hmmfilter._checks.settings import one_of

CovarianceKind = Literal["variances", "full", "tied", "spherical"]
TINY = float(np.finfo(float).tiny)
SYMMETRY_TOLERANCE = 1e-8  # of a covariance, relative to the two standard deviations


def normal_parameters(
    mean: npt.ArrayLike, covariance: npt.ArrayLike, kind: CovarianceKind | None
) -> tuple[FloatArray, FloatArray, CovarianceKind]:
    """Let the means of normal distributions in, their covariances, and what kind these are of."""
    means = real_parameters("mean", mean, None)
    require_shape("mean", means, ("K", "D") if means.ndim == 2 else ("K",))
    shapes = _shapes_of(*means.shape)
    given = real_parameters("covariance", covariance, None)
    if kind is None:
        kind = _only_kind(given.shape, shapes)
    else:
        what = "numbers" if means.ndim == 1 else "vectors"
        one_of(f"the kind of covariance of {what}", kind, tuple(shapes))
        require_shape("covariance", given, shapes[kind])
    if kind == "full":
        require_covariances([f"covariance {k}" for k in range(len(given))], given)
    elif kind == "tied" and means.ndim == 2:
        require_covariances(["covariance"], given[np.newaxis])
    else:
        refuse_first("covariance", given <= 0, "above 0", given)
    return means, given, kind


def _shapes_of(n_states: int, n_dimensions: int | None = None) -> dict[CovarianceKind, tuple[int, ...]]:
    """The shape of each kind of covariance, of numbers or of vectors."""
    if n_dimensions is None:
        return {"variances": (n_states,), "tied": (), "spherical": (n_states,)}
    return {
        "variances": (n_states, n_dimensions),
        "full": (n_states, n_dimensions, n_dimensions),
        "tied": (n_dimensions, n_dimensions),
        "spherical": (n_states,),
    }


def _only_kind(shape: tuple[int, ...], shapes: dict[CovarianceKind, tuple[int, ...]]) -> CovarianceKind:
    """The one kind that has the shape; of numbers, or of a single one, two that mean the same count as one."""
    fitting = [kind for kind, its_shape in shapes.items() if its_shape == shape]
    if not fitting:
        *others, last = (f"{its_shape} if {kind}" for kind, its_shape in shapes.items())
        raise ValueError(f"covariance must have shape {', '.join(others)} or {last}, got {shape}")
    if len(fitting) > 1 and len(shape) == 2 and shape[0] > 1:
        n = shape[0]
        raise ValueError(
            f"covariance of shape {shape} may hold a row of variances for each of {n} states, or one matrix of "
            f"vectors of {n} for all states: add kind='variances' or kind='tied'"
        )
    return fitting[0]


def require_covariances(names: list[str], matrices: FloatArray) -> None:
    """Insist on symmetric, positive definite matrices; what counts is their lower triangles."""
    deviations = np.sqrt(np.abs(np.diagonal(matrices, axis1=1, axis2=2)))
    turned = matrices.transpose(0, 2, 1)
    skew = np.abs(matrices - turned) > SYMMETRY_TOLERANCE * deviations[:, :, None] * deviations[:, None, :]
    for k, i, j in np.argwhere(skew)[:1]:
        raise ValueError(
            f"{names[k]} must be symmetric, got {float(matrices[k, i, j])!r} at [{i}, {j}] "
            f"and {float(matrices[k, j, i])!r} at [{j}, {i}]"
        )
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(matrices)[:, 0]
        k = int(np.argmin(smallest / np.square(deviations).max(axis=1).clip(TINY)))
        raise ValueError(
            f"{names[k]} must be positive definite, got a smallest eigenvalue of {smallest[k]:.3g}"
        ) from None


def definite_parts(n_lost: int) -> None:
    """Insist that no covariance of some of the entries, of vectors that lack the others, is lost to rounding."""
    if n_lost > 0:
        raise ValueError(
            "covariance must be positive definite by more than rounding where vectors lack entries, "
            "got one whose part for the others is not"
        )


def scale_matrices(value: npt.ArrayLike, location: FloatArray) -> FloatArray:
    """Let a scale matrix in for each location, (K, D)."""
    n_states, n_dimensions = location.shape
    matrices = real_parameters("scale", value, (n_states, n_dimensions, n_dimensions))
    require_covariances([f"scale {k}" for k in range(n_states)], matrices)
    return matrices
