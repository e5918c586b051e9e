"""The numbers to come of an autoregression whose coefficients follow a chain: their means and variances, exactly.

Given the state of a step, the last p numbers have a mean and a covariance. A move mixes those of all states that it may
come from, and a new number is a linear form of them and noise [1]_: both are exact, though the distributions are
mixtures of ever more parts.

References
----------
.. [1] Costa, Fragoso, Marques, "Discrete-Time Markov Jump Linear Systems" (2005), chapter 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray


class Last(NamedTuple):
    """What is known of the last p numbers given each state, the newest first."""

    probability: FloatArray  # (K,)
    mean: FloatArray  # (K, p)
    covariance: FloatArray  # (K, p, p)


def moments_ahead(
    first: FloatArray, matrices: FloatArray, shifts: FloatArray, phi: FloatArray, variance: FloatArray, past: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The mean and the variance of each number to come, (S,).

    Parameters
    ----------
    first : ndarray, (K,)
        The distribution of the state of the first of these steps.
    matrices : ndarray, (S - 1, K, K)
        What leads on from each of them to the next.
    shifts : ndarray, (S, K)
        What the mean of a number is besides its terms of those before.
    phi : ndarray, (K, p)
        The coefficients of those before, the newest first.
    variance : ndarray, (K,)
        How a number varies around its mean.
    past : ndarray, (p,)
        The last p numbers, the newest first.
    """
    n_states, order = phi.shape
    last = Last(first, np.tile(past, (n_states, 1)), np.zeros((n_states, order, order)))
    mean, spread = np.empty(len(shifts)), np.empty(len(shifts))
    for s, shift in enumerate(shifts):
        if s > 0:
            last = _mixed(last, matrices[s - 1])
        last = _shown(last, shift, phi, variance)
        mean[s] = last.probability @ last.mean[:, 0]
        spread[s] = last.probability @ (last.covariance[:, 0, 0] + np.square(last.mean[:, 0] - mean[s]))
    return mean, spread


def _mixed(last: Last, matrix: FloatArray) -> Last:
    """After a move, of which nothing is shown yet."""
    joint = last.probability[:, np.newaxis] * matrix
    probability = joint.sum(axis=0)
    shares = joint / np.where(probability > 0, probability, 1.0)
    mean = shares.T @ last.mean
    off = last.mean[:, np.newaxis] - mean
    around = last.covariance[:, np.newaxis] + off[..., :, np.newaxis] * off[..., np.newaxis, :]
    covariance = np.einsum("ij, ijab -> jab", shares, around)
    return Last(probability, mean, covariance)


def _shown(last: Last, shift: FloatArray, phi: FloatArray, variance: FloatArray) -> Last:
    """After a new number, before which the oldest one is forgotten."""
    newest = shift + (phi * last.mean).sum(axis=1)
    along = np.einsum("kab, kb -> ka", last.covariance, phi)
    covariance = np.empty_like(last.covariance)
    covariance[:, 0, 0] = (along * phi).sum(axis=1) + variance
    covariance[:, 0, 1:] = covariance[:, 1:, 0] = along[:, :-1]
    covariance[:, 1:, 1:] = last.covariance[:, :-1, :-1]
    return Last(last.probability, np.column_stack([newest, last.mean[:, :-1]]), covariance)
