"""Predictions: a distribution, some steps on, by one matrix or by one after the other, or by the moves of a network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._kernels.block import room_for_steps
from hmmfilter._kernels.limits import FEW_STATES
from hmmfilter._kernels.network import Ways
from hmmfilter._ready import as_several, held, slots_of
from hmmfilter._tiers import kernels
from hmmfilter._ways import dense_logs

FEW_STEPS = 256  # up to which a prediction goes step by step, with exponentials that are 3e-17 off


def rows_ahead(rows: FloatArray, log_transition: Any, n_steps: int) -> FloatArray:
    """Each of some rows, (R, K), so many steps on, by a matrix, (K, K), or by that of each step, (S, K, K).

    Steps in a row that have the same matrix are taken together, as of a chain that never changes. A network has moves
    that are always the same, or those of each step.
    """
    if isinstance(log_transition, Ways):
        if len(log_transition.onward.log_shares) > 1:
            return np.concatenate([predictions_by_step(row, log_transition, range(n_steps))[-1:] for row in rows])
        return np.concatenate([last_predictions(row, log_transition, n_steps, 1) for row in rows])
    if log_transition.ndim == 2:
        return np.concatenate([last_predictions(row, log_transition, n_steps, 1) for row in rows])
    for _, steps in itertools.groupby(log_transition, key=lambda matrix: matrix.tobytes()):
        matrix, *others = steps
        rows = rows_ahead(rows, matrix, 1 + len(others))
    return rows


def last_predictions(log_probabilities: FloatArray, log_transition: Any, n_steps: int, n_rows: int) -> FloatArray:
    """What `predict` says of one step on, two, ..., (n_steps, K), or the last row of it; nothing is checked here."""
    from hmmfilter import _powers

    n_states = len(log_probabilities)
    if n_steps > FEW_STEPS and isinstance(log_transition, Ways) and n_states <= FEW_STATES:
        log_transition = dense_logs(log_transition.onward)[0]
    if n_steps > FEW_STEPS and not isinstance(log_transition, Ways):
        return _powers.last_predictions(log_probabilities, log_transition, n_steps, n_rows)
    log_predicted, moves = np.empty((n_rows, n_states)), as_several(log_transition)
    slot, lanes = held(moves, 0, slots_of(moves, 1, n_states)[0], n_states)
    kernels.run_prediction(log_probabilities, slot, lanes, room_for_steps(0, n_states), n_steps, log_predicted)
    return log_predicted


def predictions_by_step(log_probabilities: FloatArray, log_transition: Any, which: Iterable[int]) -> FloatArray:
    """The same where it is told for each step by which of several matrices, or moves of a network, it goes, (S, K)."""
    rows, n_states = [log_probabilities[np.newaxis]], len(log_probabilities)
    if not isinstance(log_transition, Ways):
        for matrix, run in itertools.groupby(which):
            n_moves = len(list(run))
            rows.append(last_predictions(rows[-1][-1], log_transition[matrix], n_moves, n_moves))
        return np.concatenate(rows[1:])
    slot, room = slots_of(log_transition, 1, n_states)[0], room_for_steps(0, n_states)
    for m in which:
        ready, log_predicted = held(log_transition, m, slot, n_states), np.empty((1, n_states))
        kernels.run_prediction(rows[-1][0], *ready, room, 1, log_predicted)
        rows.append(log_predicted)
    return np.concatenate(rows[1:])
