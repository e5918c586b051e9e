"""Label switching: which state of a model is which state of another one."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Categorical
from hmmfilter.model import HMM


def aligned(model: HMM, reference: HMM) -> HMM:
    """Number the states of a model as those of another one that they are most like.

    Two fits of one kind of model find the same states under different numbers. The order is the one in which the states
    are nearest to those of the reference, added up over all pairs, by what they show: for symbols, by the squared
    Hellinger distance

        1 − Σ_m √(p_m q_m),

    and otherwise by the squared Wasserstein distance of normal distributions with the moments of the states,

        ‖μ − ν‖² + tr(Σ + Ω − 2 (Σ^½ Ω Σ^½)^½),

    each entry of a vector in units of its standard deviation over all states of the reference. How the chain moves does
    not count: states that show the same keep their order.

    Parameters
    ----------
    model : HMM
        The model, with one of `hmmfilter.emissions`.
    reference : HMM
        A model with as many states and an emission of the same kind.

    Returns
    -------
    HMM
        ``model.reordered(...)``.

    Raises
    ------
    ValueError, TypeError
        Where the models are not of one kind, or a state has no mean or no variance.

    References
    ----------
    Dowson & Landau, "The Fréchet distance between multivariate normal distributions", Journal of Multivariate Analysis
    12 (1982).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> reference = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> other = hf.HMM([0.5, 0.5], [[0.7, 0.3], [0.1, 0.9]], hf.emissions.Poisson([6.0, 1.5]))
    >>> hf.aligned(other, reference)
    HMM: 2 states, Poisson emission
      state  initial    to 0    to 1  rate
          0   0.5000  0.9000  0.1000   1.5
          1   0.5000  0.3000  0.7000     6
    """
    from scipy.optimize import linear_sum_assignment

    _checks.hmm("model", model)
    _checks.hmm("reference", reference)
    _checks.reorderable(model.emission)
    _checks.comparable(model.emission, reference.emission)
    distances = _hellinger if isinstance(model.emission, Categorical) else _wasserstein
    _, order = linear_sum_assignment(distances(reference.emission, model.emission))
    return model.reordered(order)


def _hellinger(one: Any, other: Any) -> FloatArray:
    """Squared distances of the symbols of all states, (K, K)."""
    overlap: FloatArray = np.sqrt(one.probabilities) @ np.sqrt(other.probabilities).T
    return 1 - overlap


def _wasserstein(one: Any, other: Any) -> FloatArray:
    """Squared distances of normal distributions with the moments of all states, (K, K)."""
    (mean, covariance), (other_mean, other_covariance) = _moments(one), _moments(other)
    scale = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).mean(axis=0) + mean.var(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    apart = ((mean[:, None] - other_mean) / scale) ** 2
    root, other_covariance = _root(covariance / np.outer(scale, scale)), other_covariance / np.outer(scale, scale)
    common = _root(root[:, None] @ other_covariance @ root[:, None])
    spread, other_spread = _trace(root @ root), _trace(other_covariance)
    squares: FloatArray = apart.sum(axis=2) + spread[:, None] + other_spread - 2 * _trace(common)
    return squares


def _moments(emission: Any) -> tuple[FloatArray, FloatArray]:
    """Means, (K, D), and covariances, (K, D, D), also of numbers."""
    mean, variance = emission.moments()
    _checks.finite_moments(mean, variance)
    n_states = len(mean)
    mean = mean.reshape(n_states, -1)
    return mean, variance.reshape(n_states, mean.shape[1], mean.shape[1])


def _root(matrices: FloatArray) -> FloatArray:
    """The square roots of matrices that are symmetric and have no direction below zero, but for rounding."""
    values, vectors = np.linalg.eigh(matrices)
    roots: FloatArray = (vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return roots


def _trace(matrices: FloatArray) -> FloatArray:
    traces: FloatArray = np.trace(matrices, axis1=-2, axis2=-1)
    return traces
