"""States as bands over time, and observations over them, or on panels of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.canvas import (
    SIZE,
    colors_of,
    height_with,
    legend_above,
    new_figure,
    panels_below,
    plain,
    spoken,
    unseen_figure,
    write,
)
from hmmfilter.plotting.series import Series, draw_line, draw_words, run_means, run_starts, series_of
from hmmfilter.plotting.timeline import Timeline, label_time, timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = 0.45  # the bands behind the panel of an entry


class Bands(NamedTuple):
    """The weight of each state at each step."""

    weights: FloatArray  # (T, K)
    names: tuple[str, ...]  # of the states
    label: str  # what the weights are
    has_scale: bool  # whether there is a height to read off


class Drawable(Protocol):
    """A result that can be drawn."""

    def _bands(self) -> Bands:
        """What is stacked."""
        ...


def save(
    result: Drawable,
    observations: Any,
    path: str,
    observation_names: Sequence[str],
    step_name: str = "step",
    step_labels: Sequence[str] | None = None,
) -> None:
    """Draw a result into a file, without a screen, in the words of the table that the observations came from."""
    bands = result._bands()
    n_steps = len(bands.weights)
    series = series_of(observations, n_steps, None)
    series = series._replace(names=list(observation_names), time=timeline(step_labels, n_steps, step_name))
    figure = unseen_figure(SIZE[0], height_with(_panels(series)))
    draw_bands(bands, series.time, series, figure.add_subplot())
    write(figure, path)


def draw_bands(bands: Bands, time: Timeline, series: Series | None = None, ax: Axes | None = None) -> Axes:
    """Stack the weights of the states as one band each, and draw observations over them.

    One column has a scale of its own on the right; several have panels of their own, below.
    """
    n_panels = _panels(series)
    if ax is None:
        ax = new_figure(SIZE[0], height_with(n_panels)).add_subplot()
    drawn, words = draw_states(bands, time, ax)
    if series is not None and n_panels == 0:
        over = ax.twinx()
        over.set_ylabel(plain(series.names[0]))
        over.spines[["top"]].set_visible(False)
        drawn.append((draw_words if series.words else draw_line)(over, series))
        words.append(series.names[0])
    elif series is not None:
        for d, panel in enumerate(panels_below(ax, n_panels)):
            shade(panel, bands, time)
            draw_line(panel, series, d)
            panel.set_ylabel(plain(series.names[d]))
            label_time(panel, time)
    label_time(ax, time)
    legend_above(ax, drawn, words)
    return ax


def _panels(series: Series | None) -> int:
    """How many panels the columns need beside the bands: none for a single one, which is drawn over them."""
    return 0 if series is None or series.table.shape[1] == 1 else series.table.shape[1]


def draw_states(bands: Bands, time: Timeline, ax: Axes) -> tuple[list[Any], list[str]]:
    """Stack the bands on axes of their own; what a legend says of each."""
    drawn = _stack(bands.weights, time, ax)
    ax.set(ylim=(0, 1), ylabel=bands.label)
    if not bands.has_scale:
        ax.set_yticks([])
    ax.spines[["top"]].set_visible(False)
    return drawn, spoken(bands.names)


def shade(panel: Axes, bands: Bands, time: Timeline) -> None:
    """Stack the bands faintly behind what a panel will show, over all its height."""
    _stack(bands.weights, time, panel, transform=panel.get_xaxis_transform(), alpha=FAINT)
    panel.spines[["top", "right"]].set_visible(False)


def _stack(weights: FloatArray, time: Timeline, ax: Axes, **style: Any) -> list[Any]:
    """Stack weights, a band for each column; of a long table, the means of runs of steps."""
    starts = run_starts(len(weights))
    edges = time.edges()[starts]
    tops = np.cumsum(run_means(weights, starts), axis=1)
    tops = np.vstack([tops, tops[-1:]])  # a step-wise fill wants the last value at both of its edges
    bottom = np.zeros(len(edges))
    drawn: list[Any] = []
    for top, color in zip(tops.T, colors_of(weights.shape[1]), strict=True):
        drawn.append(ax.fill_between(edges, bottom, top, step="post", color=color, linewidth=0, **style))
        bottom = top
    ax.set_xlim(edges[0], edges[-1])
    return drawn
