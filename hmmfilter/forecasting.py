"""Forecasting: from what is known of the state now to the states and the observations to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _checks, _predictions
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._kernels.network import Ways
from hmmfilter.emissions import Categorical
from hmmfilter.emissions.mixing import mixture_moments
from hmmfilter.results import Filtered, Forecast


def states_after(
    filtered: Filtered,
    log_initial: FloatArray,
    log_transition: Any,
    n_steps: int,
    which: IntArray | None = None,
) -> FloatArray:
    """`states_to_come` after all that was filtered, (S, K), or after each of several sequences, (N, S, K).

    Which of several matrices leads on is told for each row, those of the steps to come included.
    """
    table, lengths = filtered.log_probabilities, filtered.lengths
    ends = np.cumsum([len(table)] if lengths is None else lengths)
    futures = [
        states_to_come(
            log_initial, log_transition, part[-1:], n_steps, leading_to(which, ends[n] + n * n_steps, n_steps)
        )
        for n, part in enumerate(np.split(table, ends[:-1]))
    ]
    return futures[0] if lengths is None else np.stack(futures)


def leading_to(which: IntArray | None, end: int, n_steps: int) -> IntArray | None:
    """Which matrix leads to each of so many steps from a row on, of those that are told to lead on from each row."""
    return None if which is None else which[np.maximum(end + np.arange(n_steps) - 1, 0)]


def states_to_come(
    log_initial: FloatArray, log_transition: Any, last: FloatArray, n_steps: int, which: IntArray | None = None
) -> FloatArray:
    """log p(h_{T+s} | v_1:T) for s = 1 to S, (S, K), from log p(h_T | v_1:T), (1, K), or before any step, (0, K).

    From a row of NaN, where the evidence is impossible and marked so, nothing but NaN follows. Of several matrices, one
    is told that leads to each step.
    """
    if np.isnan(last).any():
        return np.full((n_steps, last.shape[1]), np.nan)
    if len(last) == 0:
        later = log_initial[np.newaxis]
        if n_steps > 1:
            moves = None if which is None else which[1:]
            later = np.concatenate([later, states_to_come(log_initial, log_transition, later, n_steps - 1, moves)])
        return later
    if which is None:
        return _predictions.last_predictions(last[0], log_transition, n_steps, n_steps)
    return _predictions.predictions_by_step(last[0], log_transition, which.tolist())


def given_no_end(log_probabilities: FloatArray) -> FloatArray:
    """The same of the sequences that go on so far, where some may have ended."""
    of_some: FloatArray = log_probabilities - np.logaddexp.reduce(log_probabilities, axis=-1, keepdims=True)
    return of_some


class Future(NamedTuple):
    """What an emission may depend on in the steps to come after a sequence."""

    beside: Beside  # of S rows, with the last observations before them
    matrices: FloatArray | None  # (S − 1, K, K), the probabilities that lead on; None where a sequence may end, or the
    #                              chain is no matrix


def future_of(beside: Beside, before: Any, log_transition: Any, into: IntArray | None, may_end: bool) -> Future:
    """The same, of the logs of a matrix or of several, where it is told which of them leads to each step."""
    n_steps = int(beside.starts[-1])
    if isinstance(log_transition, Ways):
        return Future(beside._replace(before=before), None)
    matrices: FloatArray = np.exp(log_transition)
    shape = (n_steps - 1, *matrices.shape[-2:])
    by_step = np.broadcast_to(matrices, shape) if into is None else matrices[into[1:]]
    return Future(beside._replace(before=before), None if may_end else by_step)


def moments_ahead(
    log_probabilities: FloatArray, emission: Any, futures: Sequence[Future]
) -> tuple[FloatArray | None, FloatArray | None]:
    """The mean and the variance of what comes after each sequence, (N, S), where it depends on more than states."""
    found = []
    for logs, future in zip(log_probabilities, futures, strict=True):
        if not hasattr(emission, "_moments_ahead"):
            by_row = emission._moments(future.beside)
            if by_row is not None:
                each = zip(logs, *by_row, strict=True)
                rows = [mixture_moments(row[np.newaxis], mean, variance) for row, mean, variance in each]
                found.append([np.concatenate(part) for part in zip(*rows, strict=True)])
        elif future.matrices is not None:
            found.append(emission._moments_ahead(np.exp(logs[0]), future.matrices, future.beside))
    if len(found) < len(futures) or any(moments is None for moments in found):
        return None, None
    mean, variance = (np.stack(part) for part in zip(*found, strict=True))
    return mean, variance


def forecast(
    log_probabilities: FloatArray,
    emission: Any,
    state_names: tuple[str, ...] | None,
    futures: Sequence[Future] = (),
) -> Forecast:
    """What the states to come, (S, K) or of several sequences (N, S, K), will show, as far as the emission knows."""
    mean = variance = symbol_probabilities = symbols = None
    shape, n_states = log_probabilities.shape[:-1], log_probabilities.shape[-1]
    if isinstance(emission, Categorical):
        symbol_probabilities, symbols = np.exp(log_probabilities) @ emission.probabilities, emission.symbols
    elif _checks.needs_of(emission) and hasattr(emission, "_moments"):
        mean, variance = moments_ahead(log_probabilities.reshape(-1, shape[-1], n_states), emission, futures)
        if mean is not None and variance is not None:
            mean, variance = mean.reshape(shape), variance.reshape(shape)
    elif hasattr(emission, "moments"):
        moments = _checks.moments(emission.moments(), n_states)
        mix = getattr(emission, "_mixed_moments", mixture_moments)  # angles have their own
        mean, variance = (
            mixed.reshape(shape + mixed.shape[1:]) for mixed in mix(log_probabilities.reshape(-1, n_states), *moments)
        )
    channels = None
    if hasattr(emission, "channels"):
        by_channel = zip(*(emission._besides(future.beside) for future in futures), strict=True)
        besides = list(by_channel) or [()] * len(emission.channels)
        each = zip(emission._parts.items(), emission._names_by_channel, besides, strict=True)
        channels = {}
        for (name, channel), heads, own in each:
            ahead = [future._replace(beside=beside) for future, beside in zip(futures, own, strict=True)]
            alone = forecast(log_probabilities, channel, state_names, ahead)
            channels[name] = replace(alone, _entry_names=tuple(heads))
    return Forecast(
        channels=channels,
        log_probabilities=log_probabilities,
        mean=mean,
        variance=variance,
        symbol_probabilities=symbol_probabilities,
        symbols=symbols,
        state_names=state_names,
        _entry_names=getattr(emission, "_entry_names", None),
    )
