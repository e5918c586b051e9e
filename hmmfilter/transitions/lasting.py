"""What is known of a chain that moves by the same rule all the time: where it settles, and how long things take.

A move from i to j comes with probability, or at rate, w_ij, and all of these follow from the moves to other states
alone, for steps and for continuous time alike. Nothing is ever subtracted, so that no digits cancel.

References
----------
Grassmann, Taksar, Heyman, "Regenerative analysis and steady state distributions for Markov chains", Operations
Research 33 (1985). Kemeny, Snell, "Finite Markov Chains" (1960), section 4.4, for first passages.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.stationarity import closed_classes, reached, settled
from hmmfilter.transitions.protocol import Printed


class Lasting(Printed):
    """A chain that moves by the same rule all the time."""

    @property
    @abstractmethod
    def _moves(self) -> FloatArray:
        """How probable moves to other states are, or at which rate they come, (K, K), 0 on the diagonal."""

    def stationary(self) -> FloatArray:
        """Compute where the chain settles in the long run.

        Returns
        -------
        ndarray, (K,)
            Shares of time in each state, which the passing of time leaves as they are.

        Raises
        ------
        ValueError
            Where there is more than one such distribution, or one that doubles cannot hold.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Dense([[0.9, 0.1], [0.3, 0.7]]).stationary()
        array([0.75, 0.25])
        >>> hf.transitions.Rates([[0, 0.1], [0.3, 0]]).stationary()
        array([0.75, 0.25])
        """
        return settled(self._moves)

    def sojourn_times(self) -> FloatArray:
        """Compute how long the chain stays in each state on average, once it has come there.

        Returns
        -------
        ndarray, (K,)
            Numbers of steps, from 1 up, or times in the unit of the rates; infinite where it never leaves.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Dense([[0.9, 0.1], [0.0, 1.0]]).sojourn_times()
        array([10., inf])
        >>> hf.transitions.Rates([[0, 0.1], [0.25, 0]], unit="h").sojourn_times()
        array([10.,  4.])
        """
        with np.errstate(divide="ignore"):
            times: FloatArray = 1 / self._moves.sum(axis=1)
        return times

    def closed_classes(self) -> list[tuple[int, ...]]:
        """List the sets of states that the chain never leaves once it is there, and that all lead to each other.

        Returns
        -------
        list of tuple of int
            The numbers of the states of each; one set of all states where each leads to each.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.left_to_right(3, stay=0.5).closed_classes()
        [(2,)]
        """
        return [tuple(map(int, states)) for states in closed_classes(self._moves)]

    def first_passage_times(self) -> FloatArray:
        """Compute how long it takes on average to come from one state to another for the first time.

        Returns
        -------
        ndarray, (K, K)
            Numbers of steps, or times in the unit of the rates, from i to j at [i, j]; 0 where j = i, infinite where
            the chain may never come there.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.cycle(3, stay=0.5).first_passage_times()
        array([[0., 2., 4.],
               [4., 0., 2.],
               [2., 4., 0.]])
        """
        return np.column_stack([_times_to(target, self._moves) for target in range(self.n_states)])


def _times_to(target: int, moves: FloatArray) -> FloatArray:
    """The mean time from each state to one of them."""
    others = moves.copy()
    others[target] = 0.0
    never = ~reached(others)[:, target]
    sure = ~(reached(others)[:, never].any(axis=1) | (np.arange(len(moves)) == target))
    times = np.where(sure, 0.0, np.inf)
    times[target] = 0.0
    if sure.any():
        times[sure] = _absorbed(moves[np.ix_(sure, sure)], moves[sure, target])
    return times


def _absorbed(moves: FloatArray, ends: FloatArray) -> FloatArray:
    """How long it takes to end: states are taken out one by one, watching the chain while it is in the others."""
    watched, ends, costs = moves.copy(), ends.copy(), np.ones(len(ends))
    leaving = np.empty(len(ends))
    for k in range(len(ends) - 1, -1, -1):
        leaving[k] = watched[k, :k].sum() + ends[k]
        through = watched[:k, k] / leaving[k]
        watched[:k, :k] += through[:, np.newaxis] * watched[k, :k]
        ends[:k] += through * ends[k]
        costs[:k] += through * costs[k]
    times = np.empty(len(ends))
    for k in range(len(ends)):
        times[k] = (costs[k] + watched[k, :k] @ times[:k]) / leaving[k]
    return times
