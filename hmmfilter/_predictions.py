"""Predictions: a distribution, some steps on, by one matrix or by one after the other."""

from __future__ import annotations

import itertools

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._kernels.block import room_for_steps
from hmmfilter._kernels.chain import slots_for_chains
from hmmfilter._kernels.lanes import lanes_for
from hmmfilter._tiers import kernels

FEW_STEPS = 256  # up to which a prediction goes step by step, with exponentials that are 3e-17 off


def rows_ahead(rows: FloatArray, log_transition: FloatArray, n_steps: int) -> FloatArray:
    """Each of some rows, (R, K), so many steps on, by a matrix, (K, K), or by that of each step, (S, K, K).

    Steps in a row that have the same matrix are taken together, as of a chain that never changes.
    """
    if log_transition.ndim == 2:
        return np.concatenate([last_predictions(row, log_transition, n_steps, 1) for row in rows])
    for _, steps in itertools.groupby(log_transition, key=lambda matrix: matrix.tobytes()):
        matrix, *others = steps
        rows = rows_ahead(rows, matrix, 1 + len(others))
    return rows


def last_predictions(
    log_probabilities: FloatArray, log_transition: FloatArray, n_steps: int, n_rows: int
) -> FloatArray:
    """What `predict` says of one step on, two, ..., (n_steps, K), or the last row of it; nothing is checked here."""
    from hmmfilter import _powers

    if n_steps > FEW_STEPS:
        return _powers.last_predictions(log_probabilities, log_transition, n_steps, n_rows)
    n_states = len(log_probabilities)
    log_predicted = np.empty((n_rows, n_states))
    slots, room = slots_for_chains(1, n_states), room_for_steps(0, n_states)
    kernels.hold_chain(log_transition[None], 0, False, slots[0])
    lanes = lanes_for(n_states)
    kernels.run_prediction(log_probabilities, slots[0], lanes, room, n_steps, log_predicted)
    return log_predicted
