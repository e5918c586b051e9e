"""Log-likelihoods of batches and their exact gradients, for what differentiates by its own means: PyTorch and JAX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.tables import Tables

LARGEST_EXPONENT = 700.0  # of which the exponential is an ordinary double


class Wanted(NamedTuple):
    """With respect to what derivatives are asked for."""

    log_initial: bool
    log_transition: bool
    log_likelihoods: bool


Array = npt.NDArray[Any]  # of real numbers, in any precision


def matrices(log_transition: Any) -> Any:
    """Insist on logs from which a gradient goes back."""
    _checks.no_structure("log_transition", log_transition)
    return log_transition


def log_likelihood(
    log_initial: Array, log_transition: Array, log_likelihoods: Array, lengths: Array | None, *, workers: int
) -> FloatArray:
    """Compute the log-probability of all observations, summed over all paths; −inf where it is impossible.

    Parameters
    ----------
    log_initial : ndarray, (K,) or (N, K)
        log p(h_1 = k), natural logs; −inf for an impossible state. Of several sequences, perhaps a row of each.
    log_transition : ndarray, (K, K), (T − 1, K, K), (T, K, K), or (N, T − 1, K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs, or at [t, i, j] where it changes from step to step; with
        sequences one after the other, (T, K, K), the matrices of last steps unused. Of a padded batch, perhaps by
        sequence and step, (N, T − 1, K, K), of which lengths may be 1 that all sequences, or all steps, share.
    log_likelihoods : ndarray, (T, K) or (N, T, K)
        log p(v_t | h_t = k), natural logs; a row of zeros for a missing observation. With three axes, a padded batch.
    lengths : ndarray of int, (N,), optional
        Of (T, K), the lengths of sequences whose rows stand one after the other; without it, there is one. Of a padded
        batch, how many steps of each sequence count: what is beyond may be anything, NaN too, and has gradient 0;
        without it, all do.
    workers : int
        How many threads share the sequences; it changes no bit.

    Returns
    -------
    total : ndarray, () or (N,)
        log p(v_1:T), natural log, of one sequence, or of each of several. Where the evidence is impossible it is −inf,
        and adds nothing to any gradient, so that the other sequences of a batch are learnt from; without steps it is 0.
    """
    from hmmfilter import _drivers

    batch = _checks.batch(log_initial, log_transition, log_likelihoods, lengths)
    tables = _checks.tables_of(batch)
    _, totals = _drivers.fill_filtered(tables, None, None, "coded", _checks.workers(workers), False)
    return totals if batch.are_several else totals[0, ...]


def gradient(
    log_initial: Array,
    log_transition: Array,
    log_likelihoods: Array,
    lengths: Array | None,
    totals: Array,
    weights: Array,
    *,
    wanted: Wanted,
    workers: int,
) -> tuple[Array | None, Array | None, Array | None]:
    """∂ Σ_n w_n log p(v^n) with respect to each of the tables, in its shape and precision; None where it is not wanted.

    It is made of posteriors of states and moves (Fisher's identity), added up over all that share an entry. A sequence
    of which the total, its log-likelihood, is −inf adds nothing, whatever its weight.
    """
    batch = _checks.batch(log_initial, log_transition, log_likelihoods, lengths)
    of_initial, of_transition, of_likelihoods = (
        np.zeros(table.shape, table.dtype) if is_wanted else None
        for table, is_wanted in zip(batch[:3], wanted, strict=True)
    )
    firsts = np.zeros((len(batch.starts) - 1, batch.rows.shape[1]))
    moves = np.zeros(batch.matrices.shape) if wanted.log_transition else None
    counts = np.logical_not(np.isneginf(totals)).reshape(-1) & (np.diff(batch.starts) > 0)
    for sign, sizes in _by_sign(np.where(counts, weights.reshape(-1), 0.0)):
        if sizes.any():
            part = Part(batch, sign, sizes, firsts, of_likelihoods)
            part.add_all(moves, _checks.workers(workers))
    if of_initial is not None:
        of_initial[:] = firsts if of_initial.ndim == 2 else firsts.sum(axis=0)
    if of_transition is not None and moves is not None:
        of_transition.reshape(-1)[:] = moves.reshape(-1)[: of_transition.size]
    return of_initial, of_transition, of_likelihoods


def _by_sign(weights: FloatArray) -> Iterator[tuple[float, FloatArray]]:
    """Weights as expectation steps take them, from 0 up, and what is to be multiplied by: 1, −1, or NaN."""
    is_finite = np.isfinite(weights)
    for sign in (1.0, -1.0):
        yield sign, np.where(is_finite, np.maximum(sign * weights, 0.0), 0.0)
    yield np.nan, np.where(is_finite, 0.0, 1.0)


class Part:
    """Sequences of a batch whose weights have one sign: what an expectation step reads, and where its posteriors go.

    The distributions of first states stand in the log-likelihoods of first steps, of which posteriors are the same.
    """

    def __init__(
        self, batch: _checks.Batch, sign: float, sizes: FloatArray, firsts: FloatArray, posteriors: Array | None
    ) -> None:
        self._batch, self._sign, self._firsts, self._posteriors = batch, sign, firsts, posteriors
        self._numbers, steps = np.flatnonzero(sizes), np.diff(batch.starts)
        self._weights = sizes[self._numbers]
        self._starts: IntArray = frozen(np.append(0, np.cumsum(steps[self._numbers])))
        self._places, self._index = batch.places, batch.matrix_of
        if len(self._numbers) < len(steps):
            are_its = np.repeat(sizes > 0, steps)
            self._places = np.arange(len(batch.rows))[batch.places][are_its]
            self._index = batch.matrix_of[are_its] if len(batch.matrix_of) > 0 else batch.matrix_of

    def add_all(self, moves: FloatArray | None, workers: int) -> None:
        """Put the posteriors of all steps where they belong, and add the moves by each matrix."""
        from hmmfilter._drivers import fill_smoothed
        from hmmfilter._drivers.expectations import expect

        n_states = self._batch.rows.shape[1]
        initial, matrices = frozen(np.zeros(n_states)), frozen(_moderate(self._batch.matrices))
        is_one = len(matrices) == 1
        if is_one or moves is not None:
            transition, index = (matrices[0], None) if is_one else (matrices, self._index)
            found = expect(initial, transition, self._starts, self._weights, self, workers, False, index)
            if moves is not None:
                moves += self._sign * found.transition
            return
        table, posteriors = np.empty((2, int(self._starts[-1]), n_states))
        self.fill(0, len(table), table)
        tables = Tables(initial[None], matrices, frozen(self._index), frozen(table), self._starts)
        fill_smoothed(tables, posteriors, "probabilities", workers, False)
        posteriors *= np.repeat(self._weights, np.diff(self._starts))[:, None]
        self.add(0, len(table), posteriors, self.sums())

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some steps."""
        table[:] = self._batch.rows[self._rows(begin, end)]
        first, last = self._begun(begin, end)
        initial = self._batch.log_initial
        table[self._starts[first:last] - begin] += initial if initial.ndim == 1 else initial[self._numbers[first:last]]

    def sums(self) -> FloatArray:
        """Of steps, nothing is added up."""
        return np.zeros((2, 0))

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Keep the posteriors of some steps, which have their weights already."""
        first, last = self._begun(begin, end)
        self._firsts[self._numbers[first:last]] = self._sign * posteriors[self._starts[first:last] - begin]
        if self._posteriors is not None:
            self._posteriors.reshape(self._batch.rows.shape)[self._rows(begin, end)] = self._sign * posteriors

    def _rows(self, begin: int, end: int) -> IntArray | slice:
        """Where some steps are among all rows."""
        return slice(begin, end) if isinstance(self._places, slice) else self._places[begin:end]

    def _begun(self, begin: int, end: int) -> tuple[int, int]:
        """Which sequences begin among some steps: the first, and the one after the last."""
        first, last = np.searchsorted(self._starts[:-1], (begin, end))
        return int(first), int(last)


def _moderate(matrices: Array) -> FloatArray:
    """Matrices of the same posteriors whose exponentials exist: all entries of one may be larger by the same number."""
    doubles: FloatArray = np.asarray(matrices, dtype=np.float64)
    tops = doubles.max(axis=(1, 2), keepdims=True)
    is_far = np.isfinite(tops) & (np.abs(tops) > LARGEST_EXPONENT)
    return np.where(is_far, doubles - np.where(is_far, tops, 0.0), doubles) if is_far.any() else doubles
