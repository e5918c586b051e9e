"""Pseudo-residuals: where in its distribution each observation lies, on the scale of a standard normal number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._kernels.tables import Tables
from hmmfilter.filtering import forward_filter
from hmmfilter.results import PseudoResiduals


def pseudo_residuals(
    log_initial: FloatArray,
    log_transition: FloatArray,
    log_likelihoods: FloatArray,
    *,
    lengths: npt.ArrayLike | None,
    allowed: npt.ArrayLike | None,
    workers: int,
    progress: bool,
    kind: _checks.ResidualKind,
    log_sides: Callable[[int], FloatArray],
    transition_index: IntArray | None = None,
    log_weights: FloatArray | None = None,
) -> PseudoResiduals:
    """Mix what lies on either side of each observation over what is known of its state without it.

    What is known besides observations, (T, K), is known of each step also without its own.
    """
    matrices = _checks.matrices_for("pseudo_residuals", log_transition)
    tables = _checks.chain(log_initial, matrices, log_likelihoods, lengths, transition_index, allowed)
    rows = np.stack([np.zeros_like(log_likelihoods), tables.log_likelihoods], axis=1)
    if allowed is not None:
        rows[:, 0] = _checks.only_allowed(rows[:, 0], allowed)
    known = states_without(tables, rows, log_weights, lengths, kind, workers, progress)
    sides = log_sides(len(rows))
    known = np.expand_dims(known, tuple(range(1, sides.ndim - 2)))  # the same for all entries of a vector
    with np.errstate(invalid="ignore"):  # of what is missing
        below, at, above = np.logaddexp.reduce(known + sides, axis=-1)
        half = at - np.log(2)
        return PseudoResiduals(
            kind=kind,
            residuals=normal_of(np.logaddexp(below, half), np.logaddexp(half, above)),
            lower=normal_of(below, np.logaddexp(at, above)),
            upper=normal_of(np.logaddexp(below, at), above),
            _starts=tables.starts if lengths is not None else None,
        )


def states_without(
    tables: Tables,
    rows: FloatArray,
    log_weights: FloatArray | None,
    lengths: npt.ArrayLike | None,
    kind: _checks.ResidualKind,
    workers: int,
    progress: bool,
) -> FloatArray:
    """Logs of what is known of the state at each step without its own observation, (T, K).

    It is what the observations before it tell, and if ordinary also what those after it do: that is what they would
    tell if they came before it, in the reversed chain, which may start anywhere,

        p(h_t | all v but v_t) ∝ p(h_t | v_1:t−1) p(v_t+1:T | h_t).

    Nothing is divided by p(v_t | h_t), which may be zero.
    """
    n_steps = len(rows)
    matrices = tables.log_transition
    which = np.resize(tables.transition_index, n_steps) if len(tables.transition_index) else np.zeros(n_steps, int)
    if log_weights is None:
        forwards = backwards = rows
    else:  # once: on the way forwards with what is known before an observation, backwards with the observation
        forwards, backwards = rows.copy(), rows.copy()
        forwards[:, 0] += log_weights
        backwards[:, 1] += log_weights
    with _checks.steps_told_twice():
        known = _before(tables.log_initial[0], matrices, which, forwards, lengths, workers, progress)
    if kind == "ordinary":
        back = None if lengths is None else np.asarray(lengths)[::-1]
        anywhere, turned = np.zeros_like(tables.log_initial[0]), matrices.transpose(0, 2, 1)
        which = np.roll(which, 1)[::-1]
        known = known + _before(anywhere, turned, which, backwards[::-1], back, workers, progress)[::-1]
        known -= np.logaddexp.reduce(known, axis=1, keepdims=True)
    return known


def _before(
    log_initial: FloatArray,
    log_transition: FloatArray,
    which: IntArray,
    rows: FloatArray,
    lengths: npt.ArrayLike | None,
    workers: int,
    progress: bool,
) -> FloatArray:
    """log p(h_t | v_1:t−1), from two rows for each step, (T, 2, K): what is known before its observation, and that.

    The chain moves into the first, by one of several matrices, and stays for the second.
    """
    n_steps, _, n_states = rows.shape
    log_staying = np.where(np.eye(n_states) == 1, 0.0, -np.inf)
    moves = np.column_stack([np.zeros(n_steps, int), 1 + which]).reshape(-1)
    filtered = forward_filter(
        log_initial,
        np.concatenate([log_staying[np.newaxis], log_transition]),
        rows.reshape(2 * n_steps, n_states),
        lengths=None if lengths is None else 2 * np.asarray(lengths),
        transition_index=moves if lengths is not None else moves[:-1],
        workers=workers,
        progress=progress,
    )
    return filtered.log_probabilities[::2]


def normal_of(log_below: FloatArray, log_above: FloatArray) -> FloatArray:
    """The number below and above which a standard normal one is with these probabilities, by the smaller of the two."""
    from scipy.special import ndtri_exp

    distance = ndtri_exp(np.minimum(log_below, log_above))
    normal: FloatArray = np.where(log_below <= log_above, distance, -distance)
    return normal
