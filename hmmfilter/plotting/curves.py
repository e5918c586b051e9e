"""What each state shows, as curves: from an emission, by its own log-likelihoods, to numbers on a grid."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.portrait import Shown
from hmmfilter.plotting.series import column_names, series_of

N_DRAWN = 2000  # observations of each state, which tell how far its curve is worth drawing
LEAST, MOST = 0.002, 0.998  # the share of them from and up to which it is
N_POINTS = 400  # of a curve, at most


def shown_by(emission: Any, shares: FloatArray, observations: Any, names_from: Any) -> list[Shown]:
    """The curves of all states for each entry of the observations, times the share of each state, (K,).

    Entries of a vector are shown one by one: the others are missing. Without observations, None, there is no data. They
    are called as in the observations, or the sequence of them, that may have names.
    """
    if hasattr(emission, "channels"):
        return _shown_channels(emission, shares, observations)
    if _checks.needs_of(emission):  # other curves at each step
        return []
    if hasattr(emission, "probabilities"):
        return [_shown_symbols(emission, shares, observations)]
    drawn = _drawn(emission)
    if drawn.shape[1:] == (2,) and (drawn[:, 1] == 1).all():  # counts, and what comes with them, as exposures
        return [_shown_counts(emission, shares, drawn)]
    table = drawn.reshape(len(drawn), -1)
    names, seen = [f"observation {d}" for d in range(table.shape[1])], table[:0]
    if drawn.ndim == 1:
        names = ["observation"]
    if observations is not None:
        seen = series_of(observations, len(observations), None).table
        names = column_names(names_from, seen.shape[1])
    checked = partial(_checks.log_likelihoods, emission, n_states=emission.n_states)
    log_densities = getattr(emission, "_log_densities", checked)  # those of SciPy fail far out
    shown = []
    for d, name in enumerate(names):
        known, is_discrete = _known(seen[:, d]), bool((table[:, d] == np.rint(table[:, d])).all())
        grid = _grid(np.concatenate([np.quantile(table[:, d], [LEAST, MOST]), known]), is_discrete)
        rows = grid
        if drawn.ndim == 2:
            rows = np.full((len(grid), table.shape[1]), np.nan)
            rows[:, d] = grid
        shown.append(Shown(name, grid, np.exp(log_densities(rows)) * shares, is_discrete, known))
    return shown


def _shown_channels(emission: Any, shares: FloatArray, observations: Any) -> list[Shown]:
    """The curves of all channels, each called as its column is."""
    columns = [None] * len(emission.channels) if observations is None else emission._by_part(observations)
    shown = []
    for channel, column, names in zip(emission.channels, columns, emission._names_by_channel, strict=True):
        own = shown_by(channel, shares, column, column)
        shown += [curves._replace(name=name) for curves, name in zip(own, names, strict=False)]
    return shown


def _shown_symbols(emission: Any, shares: FloatArray, observations: Any) -> Shown:
    is_of_counts = getattr(emission, "n_dimensions", None) is not None  # of each symbol, row by row
    symbols = getattr(emission, "symbols", None) or tuple(range(emission.probabilities.shape[1]))
    seen = () if observations is None or is_of_counts else _checks.symbol_numbers(observations, symbols)
    numbers = np.array(seen, dtype=np.float64)
    return Shown(
        name="symbol",
        grid=np.arange(len(symbols), dtype=np.float64),
        curves=emission.probabilities.T * shares,
        is_discrete=True,
        seen=numbers[numbers < len(symbols)],
        labels=tuple(map(str, symbols)),
    )


def _shown_counts(emission: Any, shares: FloatArray, drawn: FloatArray) -> Shown:
    """The curves of counts as they are drawn, each with the same beside it: data differ in that, and are not shown."""
    grid = _grid(np.quantile(drawn[:, 0], [LEAST, MOST]), is_discrete=True)
    rows = np.column_stack([grid, np.full(len(grid), drawn[0, 1])])
    return Shown("count", grid, np.exp(emission.log_likelihoods(rows)) * shares, True, np.empty(0))


def _drawn(emission: Any) -> npt.NDArray[Any]:
    """Observations of all states, the same each time, (n,) or (n, D)."""
    states = np.repeat(np.arange(emission.n_states), N_DRAWN)
    return _checks.drawable_sample(emission.sample(states, np.random.default_rng(0)), emission, len(states))


def _grid(ends: FloatArray, is_discrete: bool) -> FloatArray:
    """Where a curve is drawn: over all of these, at each whole number unless they are many."""
    lowest, highest = ends.min(), ends.max()
    if not is_discrete:
        return np.linspace(lowest, highest, N_POINTS)
    lowest, highest = np.floor(lowest), np.ceil(highest)
    if highest - lowest < N_POINTS:
        return np.arange(lowest, highest + 1)
    return np.unique(np.rint(np.linspace(lowest, highest, N_POINTS)))


def _known(column: FloatArray) -> FloatArray:
    return column[~np.isnan(column)]
