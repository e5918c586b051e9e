"""What is believed of the components of `GMMHMM`, and likelier ones for moments that were expected.

Component m of state k is a cell of D dimensions, or D cells of one where entries are independent. Given the covariance
the mean is normal, N(μ₀, Σ / κ), and the covariance is inverse gamma or inverse Wishart. So all that is believed of a
cell is, up to a constant,

    −½ (a log |Σ| + tr Σ⁻¹ (Ψ + κ (μ − μ₀) (μ − μ₀)ᵀ)),

where Ψ and a come of ``covars_prior`` and ``covars_weight``, and are 0 where nothing is given: it adds to the moments
of a cell as rows would that were seen beforehand. Cells that share a covariance share what is believed of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions.gaussian_estimates import Cells, most_probable
from hmmfilter.emissions.gaussian_moments import Moments
from hmmfilter.emissions.learning import HELD

HAS_MATRICES = ("full", "tied")


class Beliefs(NamedTuple):
    """What is believed of cells, (K, M, ...): of vectors, or of each of their entries."""

    mean: FloatArray  # μ₀, (..., d)
    kappa: FloatArray  # κ, (...)
    scale: FloatArray  # Ψ, (..., d, d)
    n_squares: FloatArray  # a, (...)


def shapes_of_covars(of_means: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The shape of ``covars_`` beside means, (K, M, D), for each ``covariance_type``."""
    n_states, n_mix, n = of_means
    return {
        "spherical": (n_states, n_mix),
        "diag": (n_states, n_mix, n),
        "full": (n_states, n_mix, n, n),
        "tied": (n_states, n, n),
    }


def by_cell(kind: str, covars: npt.NDArray[Any], of_means: tuple[int, ...]) -> npt.NDArray[Any]:
    """Numbers in the shape of ``covars_`` at all the cells that share them, (..., d, d)."""
    if kind == "full":
        return covars
    if kind == "tied":
        return np.broadcast_to(covars[:, np.newaxis], (*of_means, of_means[-1]))
    of_entries = covars if kind == "diag" else np.broadcast_to(covars[..., np.newaxis], of_means)
    return of_entries[..., np.newaxis, np.newaxis]


def _of_cells(kind: str, values: FloatArray, of_means: tuple[int, ...]) -> FloatArray:
    """The reverse of `by_cell`: numbers of cells, of which those agree that are shared, in the shape of ``covars_``."""
    if kind in HAS_MATRICES:
        matrices = values.reshape(*of_means, of_means[-1])
        return matrices if kind == "full" else matrices[:, 0]
    of_entries = values.reshape(of_means)
    return of_entries if kind == "diag" else of_entries[..., 0]


def matrices_of(kind: str, covars: FloatArray, of_means: tuple[int, ...]) -> FloatArray:
    """The covariance matrices of all components, (K, M, D, D)."""
    cells = by_cell(kind, covars, of_means)
    return cells if kind in HAS_MATRICES else cells[..., 0] * np.eye(of_means[-1])


def of_matrices(kind: str, matrices: FloatArray) -> FloatArray:
    """The reverse of `matrices_of`, where there is one."""
    values = matrices if kind in HAS_MATRICES else np.diagonal(matrices, axis1=2, axis2=3)
    covars = np.array(_of_cells(kind, values, matrices.shape[:-1]))
    _checks.covariances_of_a_kind(kind, matrices_of(kind, covars, matrices.shape[:-1]), matrices)
    return covars


def _vectors(kind: str, vectors: FloatArray) -> FloatArray:
    """Vectors, (K, M, D), as those of cells, (..., d)."""
    return vectors if kind in HAS_MATRICES else vectors[..., np.newaxis]


def _squares(counts: FloatArray, vectors: FloatArray) -> FloatArray:
    """The products of the entries of vectors, (..., d, d), that count so often."""
    squares: FloatArray = counts[..., np.newaxis, np.newaxis] * vectors[..., np.newaxis] * vectors[..., np.newaxis, :]
    return squares


def beliefs_of(
    kind: str,
    of_means: tuple[int, ...],
    means_prior: npt.ArrayLike,
    means_weight: npt.ArrayLike,
    covars_prior: npt.ArrayLike | None,
    covars_weight: npt.ArrayLike | None,
) -> Beliefs:
    """What the arguments of `GMMHMM` say of means of such a shape, (K, M, D), and their covariances."""
    n_states, n_mix, n = of_means
    shape = shapes_of_covars(of_means)[kind]
    mean = _checks.prior_of_mixtures("means_prior", means_prior, of_means)
    kappa = _checks.prior_of_mixtures("means_weight", means_weight, (n_states, n_mix), 0.0)
    if kind in HAS_MATRICES:
        shared_by = n_mix if kind == "tied" else 1
        psi = _checks.scales_of_estimator("covars_prior", 0.0 if covars_prior is None else covars_prior, shape)
        df = -(shared_by + n + 1.0) if covars_weight is None else covars_weight
        nu = _checks.prior_of_mixtures("covars_weight", df, shape[:-2]).reshape(n_states, -1)
        n_squares = np.broadcast_to((nu + n + 1.0) / shared_by + 1.0, kappa.shape)
        return Beliefs(mean, kappa, by_cell(kind, psi / shared_by, of_means), n_squares)
    shared_by = n if kind == "spherical" else 1
    given = -(0.5 * shared_by + 1.0) if covars_prior is None else covars_prior
    alpha = _checks.prior_of_mixtures("covars_prior", given, shape)
    beta = _checks.prior_of_mixtures("covars_weight", 0.0 if covars_weight is None else covars_weight, shape, 0.0)
    n_squares = by_cell(kind, 2.0 * (alpha + 1.0) / shared_by + 1.0, of_means)[..., 0, 0]
    kappa = np.broadcast_to(kappa[..., np.newaxis], of_means)
    return Beliefs(_vectors(kind, mean), kappa, by_cell(kind, 2.0 * beta / shared_by, of_means), n_squares)


def log_density(kind: str, means: FloatArray, covars: FloatArray, beliefs: Beliefs) -> float:
    """How probable means and covariances are by what is believed, up to a constant."""
    covariances = by_cell(kind, covars, means.shape)
    squares = beliefs.scale + _squares(beliefs.kappa, _vectors(kind, means) - beliefs.mean)
    log_determinants = np.linalg.slogdet(covariances)[1]
    traces = np.linalg.solve(covariances, squares).trace(axis1=-2, axis2=-1)
    return -0.5 * float(np.sum(beliefs.n_squares * log_determinants + traces))


def likelier_components(
    kind: str, means: FloatArray, covars: FloatArray, beliefs: Beliefs, shown: Mapping[str, FloatArray], learnt: str
) -> tuple[FloatArray, FloatArray]:
    """More probable means and covariances for what was expected of the components; "m" and "c" say what is learnt.

    The covariances are the most probable ones given the means that there were, and the means the most probable ones of
    all: neither step lowers the probability (see `hmmfilter.emissions.gaussian_estimates`), and they end where the two
    are most probable together. What is expected has the names of the statistics of a `hmmfilter.emissions.Mixture`.
    """
    of_means, n_mix = means.shape, means.shape[1]
    n = means.shape[2] if kind in HAS_MATRICES else 1
    vectors = _vectors(kind, means)
    weight, total, squares = (
        np.stack([shown[f"{m}.{name}"] for m in range(n_mix)], axis=1) for name in ("weight", "sum", "squares")
    )
    away = beliefs.mean - vectors
    first = _vectors(kind, total) - weight[..., np.newaxis] * vectors + beliefs.kappa[..., np.newaxis] * away
    second = squares.reshape(beliefs.scale.shape) + beliefs.scale + _squares(beliefs.kappa, away)
    moments = Moments(
        (weight + beliefs.kappa).reshape(-1),
        first.reshape(-1, n),
        second.reshape(-1, n, n),
        (weight + beliefs.n_squares).reshape(-1),
    )
    numbers = np.arange(covars.size).reshape(covars.shape)
    if kind in HAS_MATRICES:
        numbers = np.minimum(numbers, np.swapaxes(numbers, -1, -2))
    of_covariances = by_cell(kind, numbers, of_means).reshape(-1, n, n)
    of_vectors = np.arange(means.size).reshape(-1, n)
    now = (vectors.reshape(-1, n), by_cell(kind, covars, of_means).reshape(-1, n, n))
    is_held, n_cells = np.full_like(of_vectors, HELD), of_means[0] * n_mix
    if "c" in learnt:
        with _checks.collapsing_mixture(n_mix, are_one=kind == "tied"):
            _, found = most_probable(Cells(*now, is_held, of_covariances, n_cells), moments)
        covars = np.array(_of_cells(kind, found, of_means))
    if "m" in learnt:
        found, _ = most_probable(Cells(*now, of_vectors, np.full_like(of_covariances, HELD), n_cells), moments)
        means = found.reshape(of_means)
    return means, covars
