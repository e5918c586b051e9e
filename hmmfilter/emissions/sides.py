"""What lies on either side of an observation: the distribution functions of emissions, as logs, far into the tails.

The probabilities below an observation, at it and above it sum to 1. Each is found by itself, so that none is what
rounding leaves of another one, and distribution functions follow by adding: P(V ≤ v) is what is below and at v.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.emissions.protocol import Emission

Sides = tuple[FloatArray, FloatArray, FloatArray]  # log P(V < v), log P(V = v), log P(V > v)
FAR = 1e-3  # the probability on one side below which a continued fraction is short
N_TERMS = 100  # of it: enough for counts of any size, so far out


class Ordered(Emission, Protocol):
    """An emission whose observations lie below and above each other, so that residuals can be had of them."""

    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D)
            What ``log_likelihoods`` takes.

        Returns
        -------
        log_below : ndarray, (T, K) or (T, D, K)
            log P(V < v | h = k), natural logs, however small; of vectors, of each entry whatever the others are; NaN
            where missing.
        log_at : ndarray, (T, K) or (T, D, K)
            log P(V = v | h = k), −inf for densities.
        log_above : ndarray, (T, K) or (T, D, K)
            log P(V > v | h = k).

        Raises
        ------
        ValueError, TypeError
            As ``log_likelihoods`` does.
        """
        ...


def of_normal(x: FloatArray, mean: FloatArray, deviation: FloatArray) -> Sides:
    """Of numbers, (T,) for (K,), or of vectors, (T, D) for (K, D)."""
    from scipy.special import log_ndtr

    standard = (x[..., np.newaxis] - mean.T) / deviation.T
    log_at = np.where(np.isnan(standard), np.nan, -np.inf)
    return log_ndtr(standard), log_at, log_ndtr(-standard)


def of_density(log_below: FloatArray, log_above: FloatArray) -> Sides:
    """Of what is no number exactly."""
    return log_below, np.full_like(log_below, -np.inf), log_above


def of_counts(counts: FloatArray, rate: FloatArray, log_at: FloatArray) -> Sides:
    """Of Poisson's counts, (T,) for (K,), with their log-probabilities, (T, K).

    In the middle by incomplete gamma functions; in the tails, where these lose digits and then underflow, by how much
    more the whole tail has than its first count.
    """
    from scipy.special import gammainc, gammaincc

    v, rates = np.broadcast_arrays(counts[:, np.newaxis], rate)
    below, above = gammaincc(v, rates), gammainc(v + 1, rates)
    with np.errstate(divide="ignore"):
        log_below, log_above = np.log(below), np.log(above)
        far = (below < FAR) & (v > 0)
        log_below[far] = log_at[far] + _log_ratio_below(v[far], rates[far])
        log_above[far] = _log_rest(log_below[far], log_at[far])
        far = above < FAR
        log_above[far] = log_at[far] + _log_ratio_above(v[far], rates[far])
        far &= v > 0
        log_below[far] = _log_rest(log_above[far], log_at[far])
        log_below[v == 0] = -np.inf
    return log_below, np.where(np.isnan(v), np.nan, log_at), log_above


def _log_rest(log_side: FloatArray, log_at: FloatArray) -> FloatArray:
    """What is left for the other side, most of it all."""
    rest: FloatArray = np.log1p(-np.exp(log_side) - np.exp(log_at))
    return rest


def _log_ratio_below(v: FloatArray, rate: FloatArray) -> FloatArray:
    """log P(V < v) / P(V = v) where v is below the rate, by the continued fraction of Γ(v, λ)."""
    rest = np.zeros(len(v))
    for n in range(N_TERMS, 0, -1):
        rest = np.where(n < v, n * (v - n) / (rate - v + 2 * n + 1 + rest), 0.0)
    ratio: FloatArray = np.log(v) - np.log(rate - v + 1 + rest)
    return ratio


def _log_ratio_above(v: FloatArray, rate: FloatArray) -> FloatArray:
    """log P(V > v) / P(V = v) where v is above the rate, by the continued fraction of γ(v + 1, λ)."""
    rest = np.zeros(len(v))
    for n in range(N_TERMS, 0, -1):
        rest = n * rate / (v + 1 + n - rate + rest)
    ratio: FloatArray = np.log(rate) - np.log(v + 1 - rate + rest)
    return ratio


def of_symbols(probabilities: FloatArray, log_at: FloatArray) -> FloatArray:
    """Of each symbol, in the order of the columns, (3, M + 1, K); the last row, of what is missing, is NaN."""
    n_states, n_symbols = probabilities.shape
    table = np.full((3, n_symbols + 1, n_states), np.nan)
    table[1, :-1] = log_at
    table[0, 0] = table[2, -2] = -np.inf
    with np.errstate(divide="ignore"):
        table[0, 1:-1] = np.log(np.cumsum(probabilities, axis=1)).T[:-1]
        table[2, :-2] = np.log(np.cumsum(probabilities[:, ::-1], axis=1)).T[-2::-1]
    return table
