"""The rates that are most probable for how often each state was followed by each, after each gap in time.

The slope of the log-likelihood along the log of a rate is N − q T, where N is how often that move is expected to have
happened in between, and T how long the chain was in its state. N is the information that there would be if all moves
had been seen, and steps are scaled by it.

References
----------
Kalbfleisch, Lawless, "The analysis of panel data under a Markov assumption", Journal of the American Statistical
Association 80 (1985). Bladt, Sørensen, "Statistical inference for discretely observed Markov jump processes", Journal
of the Royal Statistical Society B 67 (2005).
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter.transitions.exponentials import log_exponentials, slopes_of_exponentials

STEEP = 1e-6  # a slope, in units of its standard deviation, that is worth another step: it promises half its square


def most_likely_rates(rates: FloatArray, gaps: FloatArray, counts: FloatArray, groups: IntArray) -> FloatArray:
    """Maximise Σ counts log exp(Q t) over rates above 0, those of a group one number, from those that there are."""
    from scipy.optimize import minimize

    free = groups >= 0
    _, number_of = np.unique(groups[free], return_inverse=True)
    best, highest = rates, height(rates, gaps, counts)
    start = rates[free]
    jumps = np.bincount(number_of, weights=start * _slopes(rates, gaps, counts)[0][free])
    if not np.isfinite(highest) or not (jumps > 0).any():
        return rates
    unit = 1 / np.sqrt(np.where(jumps > 0, jumps, np.inf))

    def fallen(steps: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best, highest
        there = rates.copy()
        with np.errstate(over="ignore"):
            there[free] = start * np.exp(unit * steps)[number_of]
        reached = height(there, gaps, counts) if _are_rates(there, free) else -np.inf
        if not np.isfinite(reached):
            return np.inf, np.zeros_like(steps)
        if reached > highest:
            best, highest = there, reached
        moves, stays = _slopes(there, gaps, counts)
        return -reached, -np.bincount(number_of, weights=there[free] * (moves - stays)[free]) * unit

    minimize(fallen, np.zeros(len(unit)), jac=True, method="BFGS", options={"gtol": STEEP})
    return best


def height(rates: FloatArray, gaps: FloatArray, counts: FloatArray) -> float:
    """Σ counts log exp(Q t)."""
    logs = log_exponentials(rates, gaps)
    return float(np.multiply(counts, logs, out=np.zeros_like(logs), where=counts > 0).sum())


def _are_rates(rates: FloatArray, free: BoolArray) -> bool:
    return bool(np.isfinite(rates.sum(axis=1)).all() and (rates[free] > 0).all())


def _slopes(rates: FloatArray, gaps: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The derivatives of the height with respect to rates of moves, and to those of staying, both (K, K)."""
    with np.errstate(over="ignore"):
        inverse = np.exp(-log_exponentials(rates, gaps))
    weights = np.multiply(counts, inverse, out=np.zeros_like(counts), where=counts > 0)
    along = slopes_of_exponentials(rates, gaps, weights)
    return along, np.broadcast_to(along.diagonal()[:, np.newaxis], along.shape)
