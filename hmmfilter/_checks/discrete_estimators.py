"""What estimators of symbols and counts are given: their observations, and how many draws a row of counts has."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first
from hmmfilter._checks.errors import shown
from hmmfilter._checks.estimators import emission_of_estimator, prior_of_estimator
from hmmfilter._checks.parameters import non_negative


def numbered_symbols(kind: str, symbols: tuple[Any, ...] | None) -> None:
    """Insist on symbols that are called by their numbers, as estimators call them."""
    if symbols is not None:
        raise ValueError(f"the symbols of a {kind} must have no names but their numbers from 0, got {shown(symbols)}")


def counts_alone(kind: str, channels: tuple[Any, ...], columns: Any, known: type[Any]) -> None:
    """Insist on channels that are counts, in the order of columns, without exposures."""
    for channel in channels:
        emission_of_estimator(kind, channel, known)
        if channel.exposure:
            raise ValueError(f"the emission of a {kind} must be of counts alone, got one with exposures")
    if columns is not None:
        raise ValueError(f"the emission of a {kind} must have no columns but all in order, got {shown(columns)}")


def single_column(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Let symbols in, which have a column of their own."""
    if rows.shape[1] != 1:
        raise ValueError(f"X must have one column, of symbols, got shape {rows.shape}; X.reshape(-1, 1) makes one")
    return rows[:, 0]


def n_symbols_of_estimator(symbols: npt.NDArray[Any], n_features: int | None) -> int:
    """Insist on symbols below `n_features`, or say how many it takes."""
    _require_whole(symbols, "symbols")
    n_needed = int(symbols.max()) + 1
    if n_features is not None and n_needed > n_features:
        raise ValueError(
            f"X must have symbols below n_features, {n_features}, got {n_needed - 1}; "
            f"n_features={n_needed} makes room for it"
        )
    return n_needed if n_features is None else n_features


def trials_of_estimator(counts: npt.NDArray[Any], n_trials: Any) -> Any:
    """Insist on rows of counts that sum to `n_trials`, or say what they sum to."""
    _require_whole(counts, "counts")
    sums = counts.sum(axis=1)
    if n_trials is None:
        return sums
    wanted = np.asarray(n_trials)
    if wanted.shape not in ((), sums.shape) or (sums != wanted).any():
        raise ValueError(
            f"X must have rows that sum to n_trials, {shown(n_trials)}, got sums {shown(sums)}; "
            "n_trials=None takes what they sum to"
        )
    return n_trials


def _require_whole(numbers: npt.NDArray[Any], what: str) -> None:
    """Insist on whole numbers from 0, which say so by their type."""
    if not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"X must hold {what}, of a dtype of integers, got {numbers.dtype}; X.astype(int) makes them")
    refuse_first("X", numbers < 0, "at least 0", numbers)


def single_trials(n_trials: Any) -> int:
    """Insist on one number of draws for all rows that are to be drawn."""
    known = np.unique(np.asarray(n_trials))
    if n_trials is None or len(known) != 1:
        raise ValueError(f"n_trials must be one number to sample rows of counts, got {shown(n_trials)}")
    return int(known[0])


def rates_of_estimator(value: npt.ArrayLike, n_states: int) -> FloatArray:
    """Let rates in, a row for each state."""
    return non_negative("lambdas_", value, (n_states, "D"))


def worth_of_estimator(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Let in how much a prior of rates is worth: numbers from 0."""
    return prior_of_estimator(name, non_negative(name, value, None), shape)
