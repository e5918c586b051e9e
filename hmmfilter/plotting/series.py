"""What is drawn over time: columns with names on a time axis, thinned where there are more steps than a picture has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.plotting.canvas import plain
from hmmfilter.plotting.timeline import Timeline, timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STEPS = 2000  # that are drawn one by one; of more, means and ranges of runs of them
N_RUNS = 1000
MOST_DOTS = 400  # with more observations than this, dots would run into one another


class Series(NamedTuple):
    """Columns of numbers over time."""

    table: FloatArray  # (T, D), NaN where missing
    names: list[str]  # of the columns
    time: Timeline
    words: tuple[str, ...] = ()  # that the numbers stand for, where they do


def series_of(observations: Any, n_steps: int, index: Any) -> Series:
    """Observations under the names and over the index of their frame, or series, or over that of a result."""
    table, words = _checks.drawn_observations(observations, n_steps)
    time = timeline(_checks.drawn_index(observations, index), n_steps)
    return Series(table, column_names(observations, table.shape[1]), time, words)


def column_names(observations: Any, n_columns: int) -> list[str]:
    """What columns are called in their frame, or series; without names, observations."""
    columns = getattr(observations, "columns", None)
    names = [getattr(observations, "name", None)] if columns is None else list(columns)
    if len(names) == n_columns and all(name is not None and not callable(name) for name in names):
        return list(map(str, names))
    return ["observation"] if n_columns == 1 else [f"observation {d}" for d in range(n_columns)]


def run_starts(n_steps: int) -> IntArray:
    """The first step of each run that is drawn as one, and the end: each step its own, but for a long series."""
    n_runs = n_steps if n_steps <= MOST_STEPS else N_RUNS
    return np.arange(n_runs + 1, dtype=np.int64) * n_steps // n_runs


def run_means(table: FloatArray, starts: IntArray) -> FloatArray:
    """The mean of each column over each run, of what is not NaN there, (runs, D)."""
    if len(starts) == len(table) + 1:
        return table
    seen = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        means: FloatArray = np.add.reduceat(np.where(seen, table, 0.0), starts[:-1]) / np.add.reduceat(
            seen, starts[:-1], dtype=np.float64
        )
    return means


def draw_line(ax: Axes, series: Series, d: int = 0) -> Any:
    """Draw a column: a dot where no line leads; of a long one, the means of runs and the range of each."""
    column, starts = series.table[:, d], run_starts(len(series.table))
    means = run_means(column[:, None], starts)[:, 0]
    centres = run_means(series.time.positions[:, None], starts)[:, 0]
    seen = np.pad(~np.isnan(means), 1)
    dotted = seen[1:-1] if len(column) <= MOST_DOTS else seen[1:-1] & ~seen[:-2] & ~seen[2:]
    if len(means) < len(column):
        lowest, highest = (extreme.reduceat(column, starts[:-1]) for extreme in (np.fmin, np.fmax))
        ax.fill_between(centres, lowest, highest, color="black", alpha=0.25, linewidth=0)
    (line,) = ax.plot(
        centres,
        means,
        color="black",
        linewidth=0.9,
        marker="o",
        markevery=np.flatnonzero(dotted).tolist(),
        markersize=3.6,
        markeredgecolor="white",
        markeredgewidth=0.5,
    )
    return line


def draw_words(ax: Axes, series: Series) -> Any:
    """Draw a mark for each word, at a height of its own; of a long series, one for each word of a run."""
    column, starts = series.table[:, 0], run_starts(len(series.table))
    centres = run_means(series.time.positions[:, None], starts)[:, 0]
    runs = np.repeat(np.arange(len(centres)), np.diff(starts))
    seen = ~np.isnan(column)
    marks = np.unique(np.column_stack([runs[seen], column[seen]]), axis=0).astype(np.int64)
    (line,) = ax.plot(centres[marks[:, 0]], marks[:, 1], color="black", linestyle="", marker="|", markersize=6)
    ax.set_yticks(range(len(series.words)), list(map(plain, series.words)))
    ax.margins(y=0.2)
    return line
