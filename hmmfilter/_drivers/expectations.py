"""One expectation step: what is expected of initial states, moves and observations, without a table of all steps."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._drivers.pairs import Pairs, fill_pairs
from hmmfilter._drivers.recursions import undo_code
from hmmfilter._kernels.tables import Tables


class Source(Protocol):
    """Where log-likelihoods come from, and who adds up what comes of them; threads ask at the same time."""

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows; −inf where a state is not allowed."""
        ...

    def sums(self) -> FloatArray:
        """Zeros, (2, n): sums in two parts, for `add` to add to."""
        ...

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show, each as often as its posteriors, (rows, K), say; they have their weights already."""
        ...


class Expectations(NamedTuple):
    """What one expectation step comes to; sums are weighted."""

    log_likelihood: FloatArray  # (N,), of each sequence; −inf where it is impossible
    n_possible: IntArray  # (N,), how many of its steps are possible
    initial: FloatArray  # (K,): Σ γ_1
    transition: FloatArray  # (K, K): Σ ξ_t
    slopes: FloatArray  # (K, K): Σ ξ_t / A, also where A is 0: the derivatives with respect to A
    emission: FloatArray  # (n,)


def expect(
    log_initial: FloatArray,
    log_transition: FloatArray,
    starts: IntArray,
    weights: FloatArray,
    source: Source,
    workers: int,
    progress: bool,
) -> Expectations:
    """Run the recursions both ways over sequences, of which each counts as often as its weight says."""
    n_states, n_rows, n_sequences = len(log_initial), int(starts[-1]), len(starts) - 1
    table = np.empty((n_rows, n_states))
    source.fill(0, n_rows, table)
    tables = Tables(log_initial[None], log_transition[None], np.empty(0, dtype=np.int64), frozen(table), starts)
    rows, firsts = np.empty((n_rows, n_states)), np.empty((n_sequences, n_states))
    sums = np.empty((n_sequences, 2, n_states, n_states))
    wanted = Pairs(rows=rows, firsts=firsts, sums=sums, is_by_sequence=True)
    n_possible, log_likelihood = fill_pairs(tables, wanted, workers, progress)
    undo_code(rows, "probabilities")
    undo_code(firsts, "probabilities")
    transition = np.tensordot(weights, sums.sum(axis=1), axes=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = transition / np.exp(log_transition)
    emission = source.sums()
    source.add(0, n_rows, rows * np.repeat(weights, np.diff(starts))[:, None], emission)
    return Expectations(log_likelihood, n_possible, weights @ firsts, transition, slopes, emission.sum(axis=0))
