"""The stationary distribution of a Markov chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray

NOTHING = -(2**60)  # the exponent of a zero: far below all others
UNSEEN = -1100  # a number that is 2**UNSEEN of another is beyond its last digit, and below every double


def stationary_distribution(transition: npt.ArrayLike, *, normalize: bool = False) -> FloatArray:
    """Compute the distribution over the states that one step of the chain leaves as it is.

    By state reduction, which subtracts nothing: each probability, however small, has nearly all its digits. States
    that the chain leaves for good have probability zero.

    Parameters
    ----------
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j]; rows sum to 1, as for `hmmfilter.HMM`.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Returns
    -------
    ndarray, (K,)
        Probabilities π with π = π · transition.

    Raises
    ------
    ValueError
        Where the rows are no distributions, or the chain has more than one stationary distribution, since it has
        several sets of states that it never leaves, or where a probability above zero is below the smallest double.

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
    return settled(_checks.transition_matrix(transition, normalize))


def settled(moves: FloatArray) -> FloatArray:
    """Where a chain settles, of which it is known how often, or at which rate, states lead to others, (K, K)."""
    states = _checks.single_closed_class(closed_classes(moves))
    distribution = np.zeros(len(moves))
    distribution[states] = _checks.representable(_reduce(moves[np.ix_(states, states)]), states)
    return distribution


def closed_classes(matrix: FloatArray) -> list[IntArray]:
    """The sets of states that reach each other and nothing else."""
    from scipy.sparse.csgraph import connected_components

    n_classes, label = connected_components(matrix > 0, directed=True, connection="strong")
    classes = [np.flatnonzero(label == c) for c in range(n_classes)]
    return [states for states in classes if not np.delete(matrix[states], states, axis=1).any()]


def reached(moves: FloatArray) -> BoolArray:
    """Which states are reached from which, (K, K), in any number of moves, from 0 up."""
    ways = (moves > 0) | np.eye(len(moves), dtype=np.bool_)
    for _ in range(len(moves).bit_length()):
        ways = (ways.astype(np.float64) @ ways) > 0
    return ways


def periods(is_way: BoolArray) -> IntArray:
    """What the lengths of all ways back to each state have in common, (K,); 0 where there is no way back."""
    from scipy.sparse.csgraph import connected_components, shortest_path

    n_states = len(is_way)
    _, label = connected_components(is_way, directed=True, connection="strong")
    within = is_way & (label[:, np.newaxis] == label)
    steps = shortest_path(within, unweighted=True)
    found = np.zeros(n_states, dtype=np.int64)
    for first in range(n_states):
        begin, end = np.nonzero(within & (label == label[first]))
        lengths = steps[first, begin] + 1 - steps[first, end]
        found[first] = np.gcd.reduce(lengths.astype(np.int64), initial=0)
    return found


def _reduce(matrix: FloatArray) -> FloatArray:
    """Take the states out one by one, watching the chain only while it is in the others; put them back in turn."""
    watched = Wide.of(matrix)
    n_states = len(matrix)
    leaving = [Wide.of(1.0)] * n_states
    for k in range(n_states - 1, 0, -1):
        leaving[k] = watched[k, :k].sum()
        around = watched[:k, k, None] * (watched[k, :k] / leaving[k])
        watched[:k, :k] = watched[:k, :k] + around
    weights = Wide.of(np.ones(n_states))
    for k in range(1, n_states):
        weights[k] = (weights[:k] * watched[:k, k]).sum() / leaving[k]
    return (weights / weights.sum()).doubles()


@dataclass(frozen=True)
class Wide:
    """Arrays of numbers ``head * 2**exponent`` from 0 up, with heads from 1/2 to 1: no product of them underflows."""

    head: FloatArray
    exponent: IntArray  # of a zero `NOTHING`

    @classmethod
    def of(cls, numbers: npt.ArrayLike, exponent: npt.ArrayLike = 0) -> Wide:
        """``numbers * 2**exponent``."""
        head, more = np.frexp(numbers)
        return cls(np.asarray(head), np.where(head > 0, np.add(exponent, more, dtype=np.int64), NOTHING))

    def __getitem__(self, index: Any) -> Wide:
        return Wide(self.head[index], self.exponent[index])

    def __setitem__(self, index: Any, value: Wide) -> None:
        self.head[index], self.exponent[index] = value.head, value.exponent

    def __mul__(self, other: Wide) -> Wide:
        return Wide.of(self.head * other.head, self.exponent + other.exponent)

    def __truediv__(self, other: Wide) -> Wide:
        return Wide.of(self.head / other.head, self.exponent - other.exponent)

    def __add__(self, other: Wide) -> Wide:
        top = np.maximum(self.exponent, other.exponent)
        return Wide.of(self._below(top) + other._below(top), top)

    def __matmul__(self, other: Wide) -> Wide:
        terms = self[..., :, :, np.newaxis] * other[..., np.newaxis, :, :]
        return terms.sum(axis=-2)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Wide:
        """Of all, or along an axis."""
        top = self.exponent.max(axis=axis, keepdims=True)
        total = self._below(top).sum(axis=axis, keepdims=keepdims)
        return Wide.of(total, top.reshape(np.shape(total)))

    def doubles(self) -> FloatArray:
        """As doubles have them."""
        return self._below(np.int64(0))

    def logs(self) -> FloatArray:
        """Natural logs, −inf of 0."""
        with np.errstate(divide="ignore"):
            logs: FloatArray = np.log(self.head) + np.where(self.head > 0, self.exponent, 0) * np.log(2.0)
        return logs

    def _below(self, top: Any) -> FloatArray:
        below: FloatArray = np.ldexp(self.head, np.maximum(self.exponent - top, UNSEEN).astype(np.intc))
        return below
