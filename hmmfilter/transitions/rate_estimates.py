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

from collections.abc import Callable

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter.transitions.exponentials import log_exponentials, slopes_of_exponentials

MOST_JUMPS = 1e9  # that a step may lead to expect in a gap: all has settled long before
STEEP = 1e-6  # a slope, in units of its standard deviation, that is worth another step: it promises half its square

Also = Callable[[FloatArray], tuple[float, FloatArray]]  # of rates: what is added to the height, and its slopes (K, K)


def most_likely_rates(
    rates: FloatArray, gaps: FloatArray, counts: FloatArray, groups: IntArray, also: Also | None = None
) -> FloatArray:
    """Maximise Σ counts log exp(Q t) over rates above 0, those of a group one number, from those that there are.

    What else depends on the rates may be added to the sum; it is −inf where they may not be.
    """
    from scipy.optimize import minimize

    added = also or _nothing
    free = groups >= 0
    _, number_of = np.unique(groups[free], return_inverse=True)
    best, highest, start = rates, height(rates, gaps, counts) + added(rates)[0], rates[free]
    along = _slopes(rates, gaps, counts)
    jumps = np.bincount(number_of, weights=start * along[free])
    if not np.isfinite(along).all() or not (jumps > 0).any():
        return rates
    unit = 1 / np.sqrt(np.where(jumps > 0, jumps, np.inf))

    def fallen(steps: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best, highest
        there = rates.copy()
        with np.errstate(over="ignore"):
            there[free] = start * np.exp(unit * steps)[number_of]
        if not _are_rates(there, free, gaps):
            return np.inf, np.zeros_like(steps)
        (more, bending), along = added(there), _slopes(there, gaps, counts)
        reached = height(there, gaps, counts) + more
        if reached > highest:
            best, highest = there, reached
        excess = along - along.diagonal()[:, np.newaxis] + bending
        return -reached, -np.bincount(number_of, weights=there[free] * excess[free]) * unit

    minimize(fallen, np.zeros(len(unit)), jac=True, method="BFGS", options={"gtol": STEEP})
    return best


def _nothing(rates: FloatArray) -> tuple[float, FloatArray]:
    return 0.0, np.zeros_like(rates)


def height(rates: FloatArray, gaps: FloatArray, counts: FloatArray) -> float:
    """Σ counts log exp(Q t)."""
    logs = log_exponentials(rates, gaps)
    return float(np.multiply(counts, logs, out=np.zeros_like(logs), where=counts > 0).sum())


def _are_rates(rates: FloatArray, free: BoolArray, gaps: FloatArray) -> bool:
    """Whether nothing has become too high or too low for numbers."""
    return bool((rates.sum(axis=1).max() * gaps.max() < MOST_JUMPS) and (rates[free] > 0).all())


def _slopes(rates: FloatArray, gaps: FloatArray, counts: FloatArray) -> FloatArray:
    """The derivatives of the height with respect to each entry of Q, (K, K); not finite where moves cannot be."""
    with np.errstate(over="ignore", invalid="ignore"):
        inverse = np.exp(-log_exponentials(rates, gaps))
        weights = np.multiply(counts, inverse, out=np.zeros_like(counts), where=counts > 0)
        return slopes_of_exponentials(rates, gaps, weights)
