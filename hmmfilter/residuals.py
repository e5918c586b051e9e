"""Pseudo-residuals: where in its distribution each observation lies, on the scale of a standard normal number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
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
) -> PseudoResiduals:
    """Mix what lies on either side of each observation over what is known of its state without it."""
    tables = _checks.chain(log_initial, log_transition, log_likelihoods, lengths, None, allowed)
    rows = np.stack([np.zeros_like(log_likelihoods), tables.log_likelihoods], axis=1)
    if allowed is not None:
        rows[:, 0] = _checks.only_allowed(rows[:, 0], allowed)
    known = states_without(log_initial, log_transition, rows, lengths, kind, workers, progress)
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
    log_initial: FloatArray,
    log_transition: FloatArray,
    rows: FloatArray,
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
    with _checks.steps_told_twice():
        known = _before(log_initial, log_transition, rows, lengths, workers, progress)
    if kind == "ordinary":
        back = None if lengths is None else np.asarray(lengths)[::-1]
        anywhere = np.zeros_like(log_initial)
        known = known + _before(anywhere, log_transition.T, rows[::-1], back, workers, progress)[::-1]
        known -= np.logaddexp.reduce(known, axis=1, keepdims=True)
    return known


def _before(
    log_initial: FloatArray,
    log_transition: FloatArray,
    rows: FloatArray,
    lengths: npt.ArrayLike | None,
    workers: int,
    progress: bool,
) -> FloatArray:
    """log p(h_t | v_1:t−1), from two rows for each step, (T, 2, K): what is known before its observation, and that.

    The chain moves into the first, and stays for the second.
    """
    n_steps, _, n_states = rows.shape
    log_staying = np.where(np.eye(n_states) == 1, 0.0, -np.inf)
    which = np.arange(2 * n_steps) % 2
    filtered = forward_filter(
        log_initial,
        np.stack([log_staying, log_transition]),
        rows.reshape(2 * n_steps, n_states),
        lengths=None if lengths is None else 2 * np.asarray(lengths),
        transition_index=which if lengths is not None else which[:-1],
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
