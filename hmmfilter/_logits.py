"""Multinomial logits: outcomes whose log-odds are linear in what is known of a step, and the most probable ones.

The log-odds of outcome j are Σ_c x_c β_jc, but for what all outcomes have in common; to tell them apart, those of one
outcome, the base, are held at 0. A Bernoulli variable is the case of two outcomes.

References
----------
.. [1] Agresti, "Categorical Data Analysis", 3rd edition (2013), section 8.1.
"""

from __future__ import annotations

from functools import partial, reduce

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._newton import Curvature, Found, Rows, Terms, best, linear


def log_probabilities(log_odds: FloatArray) -> FloatArray:
    """Logs of what is in proportion to exp(log-odds) along the last axis: exact for what is next to certain, too."""
    columns = np.moveaxis(log_odds, -1, 0)
    top = reduce(np.maximum, columns)
    others, is_met = np.zeros(top.shape), np.zeros(top.shape, dtype=np.bool_)
    for column in columns:
        is_top = (column == top) & ~is_met
        others += np.where(is_top, 0.0, np.exp(column - top))
        is_met |= is_top
    logs: FloatArray = (log_odds - top[..., np.newaxis]) - np.log1p(others)[..., np.newaxis]
    return logs


def slopes(design: FloatArray, targets: FloatArray, coefficients: FloatArray) -> FloatArray:
    """The derivatives of Σ targets log p, (..., n, J) targets, with respect to coefficients (..., J, P)."""
    shares = np.exp(log_probabilities(np.moveaxis(linear(design, coefficients), 0, -2)))
    of_each: FloatArray = np.swapaxes(_excess(targets, shares), -1, -2) @ design
    return of_each


def _excess(targets: FloatArray, shares: FloatArray) -> FloatArray:
    """How much more there is of an outcome than expected: of each what is there, times the shares of the others."""
    others = 1.0 - np.eye(targets.shape[-1])
    excess: FloatArray = targets * (shares @ others) - shares * (targets @ others)
    return excess


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

    def law_of(sources: IntArray, rows: Rows) -> _Outcomes:
        log_odds = np.moveaxis(linear(design[rows], coefficients[sources]), 0, 1)
        return _Outcomes(targets[sources][:, rows], log_odds)

    return best(design, targets.sum(axis=2), coefficients, groups, law_of)


class _Outcomes:
    """The law of outcomes by their log-odds."""

    is_quadratic = False

    def __init__(self, targets: FloatArray, log_odds: FloatArray) -> None:
        self._targets, self._totals, self._log_odds = targets, targets.sum(axis=2), log_odds

    def at(self, moves: FloatArray) -> Terms:
        """Σ targets log p, and its derivatives."""
        logs = log_probabilities(self._log_odds + moves)
        shares = np.exp(logs)
        height = float((self._targets * logs).sum())
        excess = _excess(self._targets, shares)
        return Terms(height, float(self._totals.sum()) - height, excess, partial(self._curvature, shares))

    @property
    def plain(self) -> Curvature:
        """Where all outcomes are alike."""
        return partial(self._curvature, np.full(self._targets.shape, 1.0 / self._targets.shape[2]))

    def _curvature(self, shares: FloatArray, j: int, other: int) -> FloatArray:
        """p_j (1 − p_j), or −p_j p_l, as often as there is an outcome."""
        left = np.delete(shares, j, axis=2).sum(axis=2) if j == other else -shares[:, :, other]
        weighed: FloatArray = self._totals * shares[:, :, j] * left
        return weighed
