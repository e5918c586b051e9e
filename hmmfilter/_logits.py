"""Multinomial logits: outcomes whose log-odds are linear in what is known of a step, and the most probable ones.

The log-odds of outcome j are Σ_c x_c β_jc, but for what all outcomes have in common; to tell them apart, those of one
outcome, the base, are held at 0. A Bernoulli variable is the case of two outcomes.

References
----------
.. [1] Agresti, "Categorical Data Analysis", 3rd edition (2013), section 8.1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._newton import UNSETTLED, Height, centred, climbed, known_directions, linear, settled, tying


class Found(NamedTuple):
    """The most probable coefficients of S sources of outcomes, and of which sources there are none.

    Outcomes of which covariates tell without an error whether they come have no most probable coefficients: they would
    be infinite. These end where rounding hides what is left to gain.
    """

    coefficients: FloatArray  # (S, J, P)
    are_separated: BoolArray  # (S,)


def log_probabilities(log_odds: FloatArray) -> FloatArray:
    """Logs of what is in proportion to exp(log-odds) along the last axis: exact for what is next to certain, too."""
    off = log_odds - log_odds.max(axis=-1, keepdims=True)
    others = np.exp(off)
    np.put_along_axis(others, off.argmax(axis=-1)[..., np.newaxis], 0.0, axis=-1)
    logs: FloatArray = off - np.log1p(others.sum(axis=-1, keepdims=True))
    return logs


def slopes(design: FloatArray, targets: FloatArray, coefficients: FloatArray) -> FloatArray:
    """The derivatives of Σ targets log p, (..., n, J) targets, with respect to coefficients (..., J, P)."""
    shares = np.exp(log_probabilities(np.moveaxis(linear(design, coefficients), 0, -2)))
    return _slopes(design, targets, shares)


def _slopes(design: FloatArray, targets: FloatArray, shares: FloatArray) -> FloatArray:
    """Σ (targets − totals p) x, where nothing cancels: what is there of an outcome times the other ones' shares."""
    others = 1.0 - np.eye(targets.shape[-1])
    excess = targets * (shares @ others) - shares * (targets @ others)
    of_each: FloatArray = np.swapaxes(excess, -1, -2) @ design
    return of_each


def most_likely(design: FloatArray, targets: FloatArray, coefficients: FloatArray, groups: IntArray) -> Found:
    """Maximise Σ targets log p over the coefficients, from those that there are.

    Parameters
    ----------
    design : ndarray, (n, P)
        What is known of each row; the first column is of ones.
    targets : ndarray, (S, n, J)
        How often each outcome comes from each source, at each row; any numbers from 0.
    coefficients : ndarray, (S, J, P)
        Where to begin.
    groups : ndarray of int, (S, J, P)
        Which of them are one number, −1 where one is held, as those of bases are.

    Returns
    -------
    Found
        What nothing is known of stays as it is: sources without targets, directions without covariates.
    """
    numbers = [set(np.unique(group[group >= 0]).tolist()) for group in groups]
    if len(set().union(*numbers)) == sum(map(len, numbers)):
        parts = [
            _joint(design, targets[s : s + 1], coefficients[s : s + 1], groups[s : s + 1]) for s in range(len(groups))
        ]
        return Found(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    return _joint(design, targets, coefficients, groups)


def _joint(design: FloatArray, targets: FloatArray, coefficients: FloatArray, groups: IntArray) -> Found:
    """The same of sources that share numbers."""
    counted = targets.sum(axis=(0, 2)) > 0
    if not counted.any():
        return Found(coefficients, np.zeros(len(groups), dtype=np.bool_))
    design, targets = design[counted], targets[:, counted]
    totals = targets.sum(axis=2)
    x, there, back = centred(design, totals.sum(axis=0))
    start = coefficients @ there.T
    shape = (*coefficients.shape, -1)

    def information(shares: FloatArray, ways: FloatArray) -> FloatArray:
        each = [_curvature(x, *one) for one in zip(totals, shares, strict=True)]
        own = ways.reshape(len(groups), -1, ways.shape[1])
        return np.asarray(sum(way.T @ curvature @ way for curvature, way in zip(each, own, strict=True)))

    ways = there @ tying(groups).reshape(shape)
    even = np.full(targets.shape, 1.0 / targets.shape[2])
    ways = known_directions(ways.reshape(groups.size, -1), lambda across: information(even, across))

    def at(steps: FloatArray) -> Height:
        logs = log_probabilities(_log_odds(x, start + (ways @ steps).reshape(start.shape)))
        shares = np.exp(logs)
        terms = targets * np.where(targets > 0, logs, 0.0)
        rising = _slopes(x, targets, shares)
        height = float(terms.sum())
        return Height(height, totals.sum() - height, ways.T @ rising.reshape(-1), information(shares, ways))

    def moved(steps: FloatArray) -> FloatArray:
        log_odds = np.abs(_log_odds(x, (ways @ steps).reshape(start.shape)))
        return np.asarray(log_odds.max(axis=(1, 2), where=(totals > 0)[:, :, np.newaxis], initial=0.0))

    summit = climbed(at, lambda steps: float(moved(steps).max()), ways.shape[1])
    best = (start + (ways @ summit.steps).reshape(start.shape)) @ back.T
    return Found(settled(best, coefficients, groups), moved(summit.last) > UNSETTLED)


def _log_odds(design: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Of S sources, (S, n, J)."""
    return np.swapaxes(coefficients @ design.T, 1, 2)


def _curvature(design: FloatArray, totals: FloatArray, shares: FloatArray) -> FloatArray:
    """The information of coefficients of all outcomes, (J P, J P): Σ totals (diag p − p pᵀ) ⊗ x xᵀ."""
    n_outcomes, n_columns = shares.shape[1], design.shape[1]
    blocks = np.zeros((n_outcomes, n_columns, n_outcomes, n_columns))
    for j, other in zip(*np.tril_indices(n_outcomes, -1), strict=True):
        both = (design.T * (totals * shares[:, j] * shares[:, other])) @ design
        blocks[j, :, other, :] = blocks[other, :, j, :] = -both
        blocks[j, :, j, :] += both
        blocks[other, :, other, :] += both
    return blocks.reshape(n_outcomes * n_columns, -1)
