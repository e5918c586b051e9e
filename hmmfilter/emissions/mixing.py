"""Moments of a mixture of states."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray


def mixture_moments(
    log_probabilities: FloatArray, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The mean m = Σ p_k μ_k and the variance Σ p_k (σ²_k + (μ_k − m)²) for each row of log p_k, (S, K).

    In this form nothing cancels. A moment that is infinite or NaN counts in full, however improbable the state, unless
    the state is impossible. Where the mean is infinite, the variance is NaN.
    """
    mixed_mean = np.zeros((len(log_probabilities), *mean.shape[1:]))
    mixed_variance = np.zeros((len(log_probabilities), *variance.shape[1:]))
    with np.errstate(over="ignore", invalid="ignore"):
        for log_p, mu in zip(log_probabilities.T, mean, strict=True):
            possible = log_p > -np.inf
            mixed_mean[possible] += _share(log_p[possible], mu)
        for log_p, mu, own in zip(log_probabilities.T, mean, variance, strict=True):
            possible = log_p > -np.inf
            away = ((mu - mixed_mean[possible]).T * np.exp(log_p[possible] / 2)).T
            square = away * away if mean.ndim == 1 else away[:, :, None] * away[:, None, :]
            mixed_variance[possible] += _share(log_p[possible], own) + square
    return mixed_mean, mixed_variance


def _share(log_p: FloatArray, moment: FloatArray) -> FloatArray:
    """p x for each p, which may round to 0 where x is infinite."""
    return np.where(np.isfinite(moment), np.multiply.outer(np.exp(log_p), moment), moment)
