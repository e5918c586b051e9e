"""Exponentials of a generator, to nearly all digits of each entry, however small: nothing is ever subtracted.

With rates Q and λ the highest rate of leaving, S = 1 + Q / λ has no entry below 0, and

    exp(Q t) = e^{−λt} Σ_n (λt)^n / n! S^n,

of which each term adds to each entry. A long time is halved until λt < 2, and the result squared as often; rows are
divided by their sums each time, so that no square lets them drift. The same lines run on doubles and, where entries
are too small for these, on wide numbers.

References
----------
Stewart, "Introduction to the Numerical Solution of Markov Chains" (1994), section 8.2. Xue and Ye, "Computing
exponentials of essentially non-negative matrices entrywise to high relative accuracy", Mathematics of Computation 82
(2013), for the accuracy of each entry. Van Loan, "Computing integrals involving the matrix exponential", IEEE
Transactions on Automatic Control 23 (1978), for the slopes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter.stationarity import Wide, reached

LEAST = 1e-290  # of an entry, or of one on its way, that doubles are trusted with
N_TERMS = 26  # besides one for each state of the longest way: what is left of λt < 2 is below 1e-17 of each entry
MOST_TOGETHER = 2**21  # products of wide numbers at once


def log_exponentials(rates: FloatArray, gaps: FloatArray) -> FloatArray:
    """Natural logs of exp(Q t) for each gap t, (M, K, K), from the rates of moves (K, K), 0 on the diagonal."""
    matrices, are_lost = _exponentials(rates, gaps)
    logs = _logs(matrices)
    lost = np.flatnonzero(are_lost)
    n_together = max(1, MOST_TOGETHER // len(rates) ** 3)
    for begin in range(0, len(lost), n_together):
        some = lost[begin : begin + n_together]
        logs[some] = _wide_logs(rates, gaps[some])
    return logs


def slopes_of_exponentials(rates: FloatArray, gaps: FloatArray, weights: FloatArray) -> FloatArray:
    """The derivatives of Σ weights exp(Q t), (M, K, K) weights, with respect to each entry of Q, (K, K).

    They are ∫ exp(Q u)ᵀ W exp(Q (t − u))ᵀ du, which is what the upper right block of exp([[Q, Wᵀ], [0, Q]] t) says.
    """
    step, spans, n_halvings = _steps(rates, gaps)
    x, given = spans.doubles()[:, np.newaxis, np.newaxis], np.swapaxes(weights, 1, 2)
    power, share = np.eye(len(rates)), np.ones(x.shape)
    block, matrices, integrals = np.zeros(given.shape), share * power, np.zeros(given.shape)
    for n in range(1, len(rates) + N_TERMS):
        block = step @ block + given @ power
        power, share = power @ step, share * (x / n)
        matrices += share * power
        integrals += share * block
    matrices, integrals = _normalised(matrices), integrals * np.exp(-x)
    for level in range(1, int(n_halvings.max(initial=0)) + 1):
        chosen = n_halvings >= level
        half, of_half = matrices[chosen], integrals[chosen]
        integrals[chosen] = half @ of_half + of_half @ half
        matrices[chosen] = _normalised(half @ half)
    total: FloatArray = integrals.sum(axis=0).T / (rates.sum(axis=1).max() or 1.0)
    return total


def _logs(matrices: FloatArray) -> FloatArray:
    """Logs of rows that sum to 1, those near 1 by what the others leave of it."""
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log(matrices)
    diagonal = np.arange(matrices.shape[-1])
    others = matrices.copy()
    others[:, diagonal, diagonal] = 0.0
    left = others.sum(axis=-1)
    by_rest = 0.0 + np.log1p(-np.minimum(left, 0.5))  # and no −0
    logs[:, diagonal, diagonal] = np.where(left < 0.5, by_rest, logs[:, diagonal, diagonal])
    return logs


def _wide_logs(rates: FloatArray, gaps: FloatArray) -> FloatArray:
    step, spans, n_halvings = _steps(rates, gaps)
    ones, identity = Wide.of(np.ones(len(gaps))), Wide.of(np.eye(len(rates)))
    matrices = _series(Wide.of(step), spans, ones, identity, Wide.of, len(rates) + N_TERMS)
    for level in range(1, int(n_halvings.max()) + 1):
        chosen = n_halvings >= level
        matrices[chosen] = _normalised(matrices[chosen] @ matrices[chosen])
    logs, near = matrices.logs(), _logs(matrices.doubles())
    return np.where(near > -1.0, near, logs)


def _exponentials(rates: FloatArray, gaps: FloatArray) -> tuple[FloatArray, BoolArray]:
    """exp(Q t) as doubles, and for which gaps they have lost digits."""
    step, spans, n_halvings = _steps(rates, gaps)
    ones, identity, n_terms = np.ones(len(gaps)), np.eye(len(rates)), len(rates) + N_TERMS
    matrices: FloatArray = _series(step, spans.doubles(), ones, identity, np.asarray, n_terms)
    are_reached = reached(rates)
    are_lost = _are_lost(matrices, are_reached, gaps)
    for level in range(1, int(n_halvings.max(initial=0)) + 1):
        chosen = n_halvings >= level
        matrices[chosen] = _normalised(matrices[chosen] @ matrices[chosen])
        are_lost |= _are_lost(matrices, are_reached, gaps)
    return matrices, are_lost


def _are_lost(matrices: FloatArray, are_reached: BoolArray, gaps: FloatArray) -> BoolArray:
    lost: BoolArray = ((matrices < LEAST) & are_reached).any(axis=(1, 2)) & (gaps > 0)
    return lost


def _steps(rates: FloatArray, gaps: FloatArray) -> tuple[FloatArray, Wide, IntArray]:
    """S, λt below 2, and how often t was halved for that."""
    leaving = rates.sum(axis=1)
    fastest = leaving.max() or 1.0
    step = rates / fastest
    np.fill_diagonal(step, (fastest - leaving) / fastest)
    spans = Wide.of(fastest) * Wide.of(gaps)
    n_halvings = np.maximum(spans.exponent - 1, 0)
    return step, Wide.of(spans.head, spans.exponent - n_halvings), n_halvings


def _series(step: Any, spans: Any, ones: Any, identity: Any, number: Any, n_terms: int) -> Any:
    """exp(λt (S − 1)) for small λt, (M, K, K), of doubles or of wide numbers."""
    weights, power = ones[:, np.newaxis, np.newaxis], identity
    total = weights * identity
    for n in range(1, n_terms):
        weights = weights * (spans[:, np.newaxis, np.newaxis] / number(float(n)))
        power = power @ step
        total = total + weights * power
    return _normalised(total)


def _normalised(matrices: Any) -> Any:
    return matrices / matrices.sum(axis=-1, keepdims=True)
