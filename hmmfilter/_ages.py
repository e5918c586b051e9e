"""Distributions of durations made ready for the recursion by age: see `hmmfilter._kernels.ages`."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._kernels.ages import Ages
from hmmfilter._kernels.lanes import EIGHT


def sums_from(table: FloatArray) -> FloatArray:
    """Σ of each entry of a row and all after it, with compensation: nothing is subtracted from a whole."""
    sums, total, lost = np.zeros(table.shape), np.zeros(len(table)), np.zeros(len(table))
    for d in range(table.shape[1] - 1, -1, -1):
        before, total = total, total + table[:, d]
        kept = total - before
        lost += (before - (total - kept)) + (table[:, d] - kept)
        sums[:, d] = total + lost
    return sums


def ages_of(durations: FloatArray, moves: FloatArray, is_cut: bool) -> Ages:
    """What kernels take of durations (K, D) and of what follows them, (K, K)."""
    n_states, n_given = durations.shape
    n_ages = -(-n_given // len(EIGHT)) * len(EIGHT)
    reaches = sums_from(durations)
    linear = np.zeros((3, n_states, n_ages))
    linear[:, :, n_ages - n_given :] = np.stack([durations, reaches, reaches if is_cut else durations])[:, :, ::-1]
    heads, exponents = _wide(linear)
    move_heads, move_exponents = _wide(moves)
    with np.errstate(divide="ignore"):
        logs, log_moves = np.log(linear), np.log(moves)
    return Ages(
        linear=frozen(linear),
        heads=frozen(heads),
        exponents=frozen(exponents),
        logs=frozen(logs),
        move_heads=frozen(move_heads),
        move_exponents=frozen(move_exponents),
        log_moves=frozen(log_moves),
        n_ages=n_given,
    )


def _wide(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Heads and exponents of numbers from 0 up."""
    heads, exponents = np.frexp(table)
    return heads, np.where(table > 0, exponents.astype(np.float64), -np.inf)
