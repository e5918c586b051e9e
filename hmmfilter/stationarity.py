"""The stationary distribution of a Markov chain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray


def stationary_distribution(transition: npt.ArrayLike) -> FloatArray:
    """Compute the distribution over the states that one step of the chain leaves as it is.

    By state reduction, which subtracts nothing: each probability, however small, has nearly all its digits. States
    that the chain leaves for good have probability zero.

    Parameters
    ----------
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j]; rows sum to 1.

    Returns
    -------
    ndarray, (K,)
        Probabilities π with π = π · transition.

    Raises
    ------
    ValueError
        Where the rows are no distributions, or the chain has more than one stationary distribution, since it has
        several sets of states that it never leaves.

    References
    ----------
    Grassmann, Taksar, Heyman, "Regenerative analysis and steady state distributions for Markov chains", Operations
    Research 33 (1985), section 1.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.stationary_distribution([[0.9, 0.1], [0.3, 0.7]])
    array([0.75, 0.25])
    """
    matrix = _checks.transition_matrix(transition)
    states = _checks.single_closed_class(_closed_classes(matrix))
    distribution = np.zeros(len(matrix))
    distribution[states] = _reduce(matrix[np.ix_(states, states)])
    return distribution


def _closed_classes(matrix: FloatArray) -> list[IntArray]:
    """The sets of states that reach each other and nothing else."""
    from scipy.sparse.csgraph import connected_components

    n_classes, label = connected_components(matrix > 0, directed=True, connection="strong")
    classes = [np.flatnonzero(label == c) for c in range(n_classes)]
    return [states for states in classes if not np.delete(matrix[states], states, axis=1).any()]


def _reduce(matrix: FloatArray) -> FloatArray:
    """Take the states out one by one, watching the chain only while it is in the others; put them back in turn."""
    watched = matrix.copy()
    n_states = len(watched)
    leaving = np.ones(n_states)
    for k in range(n_states - 1, 0, -1):
        leaving[k] = _checks.reachable(watched[k, :k].sum())
        watched[:k, :k] += np.outer(watched[:k, k], watched[k, :k] / leaving[k])
    distribution = np.ones(1)
    for k in range(1, n_states):
        entering = watched[:k, k]
        scale = max(leaving[k], entering.max())
        distribution = np.append(distribution * (leaving[k] / scale), distribution @ (entering / scale))
        distribution /= distribution.sum()
    return distribution
