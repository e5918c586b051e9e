"""The stationary distribution as a function of the transition: its derivatives, and counts of what led there.

With δ = δ A and Z = (I − A + 1 δ)⁻¹, a move dA whose rows sum to 0 changes δ by δ dA Z.
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.stationarity import stationary_distribution


def stationary(transition: FloatArray) -> FloatArray:
    """Where the chain settles."""
    return stationary_distribution(transition)


def moved(initial: FloatArray, transition: FloatArray, moves: FloatArray) -> FloatArray:
    """How the stationary distribution changes along moves of the transition, (K, K, p)."""
    shifted = np.einsum("i,ijp->jp", initial, moves)
    changes: FloatArray = np.linalg.solve(_settled(initial, transition).T, shifted)
    return changes


def slopes(initial: FloatArray, transition: FloatArray, with_respect_to_initial: FloatArray) -> FloatArray:
    """The derivatives with respect to the transition of what depends on its stationary distribution."""
    values = np.linalg.solve(_settled(initial, transition), with_respect_to_initial)
    return np.outer(initial, values)


def _settled(initial: FloatArray, transition: FloatArray) -> FloatArray:
    return np.eye(len(initial)) - transition + initial  # each row of the last is δ
