"""Mixtures of distributions: their log-densities, who is responsible, and their moments."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray


def log_mixed(logs: FloatArray) -> FloatArray:
    """log Σ_m exp of each of M tables, (M, ...); of one alone, that itself."""
    shift, terms = _shifted(logs)
    with np.errstate(divide="ignore"):
        mixed: FloatArray = shift + np.log(terms.sum(axis=0))
    return mixed


def responsibilities(logs: FloatArray) -> FloatArray:
    """The share of each of M tables in the sum, (M, ...); 0 of a sum that is 0."""
    _, terms = _shifted(logs)
    total = terms.sum(axis=0)
    shares: FloatArray = terms / np.where(total == 0, 1.0, total)
    return shares


def _shifted(logs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The largest of M tables, and exp of each less that."""
    largest = logs.max(axis=0)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(invalid="ignore"):
        return shift, np.exp(logs - shift)


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
            possible = log_p != -np.inf
            mixed_mean[possible] += _share(log_p[possible], mu)
        for log_p, mu, own in zip(log_probabilities.T, mean, variance, strict=True):
            possible = log_p != -np.inf
            away = ((mu - mixed_mean[possible]).T * np.exp(log_p[possible] / 2)).T
            square = away * away if mean.ndim == 1 else away[:, :, None] * away[:, None, :]
            mixed_variance[possible] += _share(log_p[possible], own) + square
    return mixed_mean, mixed_variance


def _share(log_p: FloatArray, moment: FloatArray) -> FloatArray:
    """p x for each p, which may round to 0 where x is infinite."""
    return np.where(np.isfinite(moment), np.multiply.outer(np.exp(log_p), moment), moment)
