"""The stationary distribution as a function of the transition: its derivatives, and counts of what led there.

With δ = δ A and Z = (I − A + 1 δ)⁻¹, a move dA whose rows sum to 0 changes δ by δ dA Z.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hmmfilter import _distributions
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.stationarity import closed_classes, stationary_distribution

N_TURNS = 30
SHARES = (1.0, 0.5, 0.25, 0.125, 2.0**-6, 2.0**-12)  # of a turn, the first that does not lower the sum
LARGEST_FACTOR = 2.0  # by which such a turn changes a probability, before its row sums to 1
SMALLEST_CHANGE = 1e-15
TINY, TRACE = 1e-300, 1e-280


def stationary(chain: Any) -> FloatArray:
    """Where a chain, or one of a matrix, settles."""
    settled: FloatArray = stationary_distribution(chain) if isinstance(chain, np.ndarray) else chain.stationary()
    return settled


class Settled:
    """Where a chain settles, as a function of its matrix or its rates.

    Rates Q settle where the matrix I + Q / λ does, for any λ that is not below what leaves a state.
    """

    def __init__(self, initial: FloatArray, chain: Any) -> None:
        (parameter,) = chain._parameters().values()
        self._initial, self._are_rates = initial, bool(getattr(chain, "GENERATORS", ()))
        self._scale = float(-parameter.diagonal().min()) if self._are_rates else 1.0
        self._matrix = np.eye(len(parameter)) + parameter / self._scale if self._are_rates else parameter

    def moved(self, moves: FloatArray) -> FloatArray:
        """How the distribution changes along moves of all entries, (K K, p)."""
        return moved(self._initial, self._matrix, moves.reshape(*self._matrix.shape, -1) / self._scale)

    def slopes(self, with_respect_to_initial: FloatArray) -> FloatArray:
        """The derivatives with respect to all entries of what depends on it; rates on the diagonal follow."""
        along = slopes(self._initial, self._matrix, with_respect_to_initial) / self._scale
        return along - along.diagonal()[:, np.newaxis] if self._are_rates else along


def of_firsts(firsts: FloatArray, chain: Any) -> Callable[[FloatArray], tuple[float, FloatArray]]:
    """Σ firsts log δ of rates, and its slopes: what the first states add to what rates are learnt from."""

    def added(rates: FloatArray) -> tuple[float, FloatArray]:
        there = chain._with({"generator": rates})
        try:
            initial = there.stationary()
        except ValueError:  # it settles in more than one way
            return -np.inf, np.zeros_like(rates)
        begun = firsts > 0
        over = np.divide(firsts, initial, out=np.zeros_like(firsts), where=begun)
        return float(firsts[begun] @ np.log(initial[begun])), Settled(initial, there).slopes(over)

    return added


def moved(initial: FloatArray, transition: FloatArray, moves: FloatArray) -> FloatArray:
    """How the stationary distribution changes along moves of the transition, (K, K, p)."""
    shifted = np.einsum("i,ijp->jp", initial, moves)
    changes: FloatArray = np.linalg.solve(_settled(initial, transition).T, shifted)
    return changes


def slopes(initial: FloatArray, transition: FloatArray, with_respect_to_initial: FloatArray) -> FloatArray:
    """The derivatives with respect to the transition of what depends on its stationary distribution."""
    values = np.linalg.solve(_settled(initial, transition), with_respect_to_initial)
    return np.outer(initial, values)


def most_likely(counts: FloatArray, firsts: FloatArray, before: FloatArray, groups: IntArray) -> FloatArray:
    """Maximise Σ counts log A + Σ firsts log δ(A) over transitions A, from one that is known, never falling.

    At the top, A is in proportion to the counts of moves and those, A times the slopes of the second sum, that led to
    the first states; a constant in each row of slopes is nothing. In turn, such counts are made of A and A of them.
    """
    transition, height = before, _height(counts, firsts, before)
    for _ in range(N_TURNS):
        wanted = _distributions.most_likely(counts + _led(firsts, transition), transition, groups)
        wanted = np.where((wanted == 0.0) & (transition < TRACE), transition, wanted)  # no underflow
        for there in _on_the_way(transition, wanted, groups):
            if _settles(there, transition) and (height_there := _height(counts, firsts, there)) >= height:
                break
        else:
            return transition
        change = np.abs(there - transition).max()
        transition, height = there, height_there
        if change <= SMALLEST_CHANGE:
            return transition
    return transition


def _on_the_way(transition: FloatArray, wanted: FloatArray, groups: IntArray) -> Iterator[FloatArray]:
    """Transitions between one and the one that is wanted, nearer and nearer; then such as change by no large factors.

    Those lead upwards, too, since factors grow with slopes. Where a row hardly leaves its state, a little share of a
    turn is much beside what it leaves.
    """
    for share in SHARES:
        yield transition + share * (wanted - transition)
    factors = np.divide(wanted, transition, out=np.ones_like(wanted), where=transition > 0)
    bounded = np.clip(factors, 1.0 / LARGEST_FACTOR, LARGEST_FACTOR)
    if (bounded != factors).any():
        near = _distributions.most_likely(transition * bounded, transition, groups)
        for share in SHARES:
            yield transition + share * (near - transition)


def _settles(transition: FloatArray, before: FloatArray) -> bool:
    """Whether a chain settles in one set of states, as it did before: it may not where it has lost a move."""
    has_lost = ((transition == 0) & (before > 0)).any()
    return not has_lost or len(closed_classes(transition)) == 1


def _led(firsts: FloatArray, transition: FloatArray) -> FloatArray:
    """How often each move counts for having led to the first states."""
    initial = _nearly_stationary(transition)
    with_respect_to_initial = np.divide(firsts, initial, out=np.zeros_like(firsts), where=firsts > 0)
    past = np.where(transition > 0, slopes(initial, transition, with_respect_to_initial), np.inf)
    led: FloatArray = transition * np.where(transition > 0, past - past.min(axis=1, keepdims=True), 0.0)
    return led


def _height(counts: FloatArray, firsts: FloatArray, transition: FloatArray) -> float:
    moves, begun = (counts > 0) & (transition > 0), firsts > 0  # counts of a lost trace add nothing
    logs = (counts[moves] * np.log(transition[moves])).tolist() + (
        firsts[begun] * np.log(_nearly_stationary(transition)[begun])
    ).tolist()
    return math.fsum(logs)


def _nearly_stationary(transition: FloatArray) -> FloatArray:
    """Where the chain settles, as quickly as it can be had; small probabilities lack digits."""
    n_states = len(transition)
    settled: FloatArray = np.linalg.solve(np.eye(n_states) - transition.T + 1.0, np.ones(n_states))
    return np.maximum(settled, TINY)


def _settled(initial: FloatArray, transition: FloatArray) -> FloatArray:
    return np.eye(len(initial)) - transition + initial  # each row of the last is δ
