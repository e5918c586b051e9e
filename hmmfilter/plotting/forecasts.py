"""What will come: the states as bands, the observations as a line between the bounds of their deviations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.bands import Bands, draw_states
from hmmfilter.plotting.canvas import SIZE, height_with, legend_above, new_figure, panels_below, plain
from hmmfilter.plotting.series import column_names
from hmmfilter.plotting.timeline import Timeline, label_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SYMBOLS = 30  # whose names are written beside the picture


class Fan(NamedTuple):
    """What is expected of the observations at each step ahead: moments, or the probabilities of symbols."""

    mean: FloatArray | None  # (S, D)
    deviation: FloatArray | None  # (S, D), NaN where there is none
    symbol_probabilities: FloatArray | None  # (S, M)
    words: tuple[str, ...] = ()  # what the symbols, or else the entries, are called


def draw_forecast(bands: Bands, fan: Fan, ax: Axes | None = None) -> Axes:
    """Draw the states to come as bands and, on panels below, the mean of each entry of the observations.

    Around the mean are one and two standard deviations. Symbols have one panel, a row for each, dark where probable.
    """
    time = Timeline(np.arange(1.0, len(bands.weights) + 1), False, (), "steps ahead")
    n_panels = 1 if fan.symbol_probabilities is not None else 0 if fan.mean is None else fan.mean.shape[1]
    if ax is None:
        ax = new_figure(SIZE[0], height_with(n_panels)).add_subplot()
    drawn, words = draw_states(bands, time, ax)
    panels = panels_below(ax, n_panels) if n_panels else []
    if fan.symbol_probabilities is not None:
        _draw_symbols(panels[0], fan.symbol_probabilities, fan.words, time)
    elif fan.mean is not None and fan.deviation is not None:
        names = fan.words or column_names(None, n_panels)
        for d, panel in enumerate(panels):
            fans = _draw_expectation(panel, fan.mean[:, d], fan.deviation[:, d], time)
            panel.set_ylabel(plain(names[d]))
            panel.spines[["top", "right"]].set_visible(False)
        drawn, words = [*drawn, *fans], [*words, "mean", "± 1 standard deviation", "± 2"]
    for axes in (ax, *panels):
        label_time(axes, time)
    legend_above(ax, drawn, words)
    return ax


def _draw_expectation(panel: Axes, mean: FloatArray, deviation: FloatArray, time: Timeline) -> list[Any]:
    """The mean as a line, and what lies within one and two standard deviations; not what is no number."""
    style: dict[str, Any] = {"color": "black", "linewidth": 0}
    return [
        *panel.plot(time.positions, mean, color="black", linewidth=1.2, marker="o", markersize=3.6),
        *(
            panel.fill_between(time.positions, mean - n * deviation, mean + n * deviation, alpha=alpha, **style)
            for n, alpha in ((1, 0.3), (2, 0.15))
        ),
    ]


def _draw_symbols(panel: Axes, probabilities: FloatArray, symbols: tuple[str, ...], time: Timeline) -> None:
    """A row for each symbol, dark where it is probable."""
    n_symbols = probabilities.shape[1]
    rows = np.arange(n_symbols + 1) - 0.5
    mesh = panel.pcolormesh(time.edges(), rows, probabilities.T, cmap="Greys", vmin=0)
    panel.figure.colorbar(mesh, ax=panel, label="probability", pad=0.01)
    panel.set_ylabel("symbol")
    panel.invert_yaxis()
    if n_symbols <= MOST_SYMBOLS:
        panel.set_yticks(range(n_symbols), list(map(plain, symbols)))
