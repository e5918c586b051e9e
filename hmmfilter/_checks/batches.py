"""What differentiable log-likelihoods are of: one sequence, several one after the other, or a batch that is padded."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, IntArray, frozen
from hmmfilter._checks.arrays import float_array, require_shape, whole_numbers
from hmmfilter._checks.errors import EntryError
from hmmfilter._checks.tables import LARGEST_LOG, NO_INDEX, log_potentials, starts
from hmmfilter._kernels.tables import Tables
from hmmfilter._tiers import kernels


class Batch(NamedTuple):
    """Sequences as they came, whose shapes fit, and where each step of theirs is; a step is a row of K numbers."""

    log_initial: npt.NDArray[Any]
    log_transition: npt.NDArray[Any]
    log_likelihoods: npt.NDArray[Any]
    places: IntArray | slice  # of the steps, one sequence after the other, among all rows, padding included
    matrix_of: IntArray  # which of all matrices leads on from each step; empty where there is one
    starts: IntArray  # of the sequences, and the end
    are_several: bool

    @property
    def rows(self) -> npt.NDArray[Any]:
        """All rows, padding included."""
        return self.log_likelihoods.reshape(-1, self.log_likelihoods.shape[-1])

    @property
    def matrices(self) -> npt.NDArray[Any]:
        """All matrices, (M, K, K), with zeros for those that lead nowhere, as one of a last step, or of padding.

        Of steps that lead nowhere, there is one nevertheless.
        """
        n_states = self.log_transition.shape[-1]
        matrices = self.log_transition.reshape(-1, n_states, n_states)
        if len(matrices) == 0:
            return np.zeros((1, n_states, n_states))
        if len(matrices) > 1:
            leads_on = np.ones(len(self.matrix_of), dtype=np.bool_)
            leads_on[self.starts[1:][np.diff(self.starts) > 0] - 1] = False
            is_used = np.bincount(self.matrix_of[leads_on], minlength=len(matrices)) > 0
            if not is_used.all():
                return np.where(is_used[:, None, None], matrices, matrices.dtype.type(0))
        return matrices


def batch(log_initial: Any, log_transition: Any, log_likelihoods: Any, lengths: npt.ArrayLike | None = None) -> Batch:
    """Let arrays in by their shapes."""
    tables = map(np.asarray, (log_initial, log_transition, log_likelihoods))
    initial, transition, likelihoods = tables
    shape, is_padded = likelihoods.shape, likelihoods.ndim == 3
    if is_padded:
        require_shape("log_likelihoods", likelihoods, ("B", "T", "K"))
        first_rows, places = _padded(lengths, *shape[:2])
    else:
        n_rows: int | str = "T" if lengths is None or likelihoods.ndim != 2 else len(likelihoods)
        require_shape("log_likelihoods", likelihoods, (n_rows, "K"))
        first_rows, places = starts(lengths, shape[0]), slice(None)
    are_several = is_padded or lengths is not None
    of_each = (len(first_rows) - 1,) if are_several and initial.ndim == 2 else ()
    require_shape("log_initial", initial, (*of_each, shape[-1]))
    index = _matrices_of_steps(transition, shape, are_several)
    return Batch(
        initial, transition, likelihoods, places, NO_INDEX if index is None else index[places], first_rows, are_several
    )


def tables_of(batch: Batch) -> Tables:
    """Let the numbers of a batch in, as the kernels have them; those of padding may be anything, NaN included."""
    n_states = batch.log_likelihoods.shape[-1]
    initial = float_array("log_initial", batch.log_initial).reshape(-1, n_states)
    matrices = float_array("log_transition", batch.matrices)
    table = float_array("log_likelihoods", batch.rows[batch.places])
    if not kernels.are_chain(initial, matrices, table, LARGEST_LOG):
        _refuse_number(batch)
    return Tables(initial, matrices, batch.matrix_of if len(matrices) > 1 else NO_INDEX, table, batch.starts)


def _refuse_number(batch: Batch) -> None:
    """Say which number it is that is none, by its place in the table that came."""
    log_potentials("log_initial", batch.log_initial, batch.log_initial.shape)
    shape = batch.log_transition.shape
    log_potentials("log_transition", batch.matrices[: int(np.prod(shape[:-2]))].reshape(shape), shape)
    used = np.zeros(batch.rows.shape)
    used[batch.places] = batch.rows[batch.places]
    shape = batch.log_likelihoods.shape
    log_potentials("log_likelihoods", used.reshape(shape), shape)


def _padded(lengths: npt.ArrayLike | None, n_sequences: int, n_steps: int) -> tuple[IntArray, IntArray | slice]:
    """Where the sequences of a padded batch begin, without padding, and where their steps are in it."""
    if lengths is None:
        return frozen(np.arange(n_sequences + 1) * n_steps), slice(None)
    steps = whole_numbers("lengths", lengths)
    if len(steps) != n_sequences:
        raise ValueError(f"lengths must have an entry for each of the {n_sequences} sequences, got {len(steps)}")
    for n in np.flatnonzero((steps < 0) | (steps > n_steps))[:1]:
        raise EntryError(f"lengths[{n}] must be from 0 to {n_steps}, the steps of the batch, got {steps[n]}", (int(n),))
    first_rows = frozen(np.append(0, np.cumsum(steps)))
    are_used: BoolArray = np.arange(n_steps) < steps[:, None]
    return first_rows, slice(None) if are_used.all() else np.flatnonzero(are_used)


def _matrices_of_steps(transition: npt.NDArray[Any], shape: tuple[int, ...], are_several: bool) -> IntArray | None:
    """Which matrix leads on from each row, and from a last one any; None where there is one matrix at most."""
    *padded, n_steps, n_states = shape
    n_moves = n_steps if are_several and not padded else n_steps - 1
    lengths: tuple[int, ...] = () if transition.ndim == 2 else (n_moves,)
    if padded and transition.ndim == 4:
        own = zip(transition.shape, (*padded, n_moves), strict=False)
        lengths = tuple(1 if length == 1 else needed for length, needed in own)
    require_shape("log_transition", transition, (*lengths, n_states, n_states))
    if np.prod(lengths) <= 1:
        return None
    by_step = np.minimum(np.arange(n_steps), lengths[-1] - 1)
    by_sequence = np.arange(lengths[0])[:, None] * lengths[-1] if len(lengths) == 2 else 0
    return np.broadcast_to(by_sequence + by_step, (*padded, n_steps)).ravel()
