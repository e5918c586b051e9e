"""A fit at a glance: how it climbed, where its probabilities lie, and what each state shows over what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.canvas import colors_of, new_figure, plain, unseen_figure, write
from hmmfilter.plotting.portrait import MOST_NUMBERS, Shown, draw_chain, draw_entry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, CLIMB_HEIGHT, ROW_HEIGHT, CHAIN_MARGIN, PANEL_HEIGHT = 10.0, 2.0, 0.24, 0.9, 2.6  # inches
LEAST_HEIGHT, MAP_HEIGHT = 4.8, 3.8  # inches
MOST_MARKED = 60  # iterations that have a dot each
MARGIN = 0.025  # beside the probabilities 0 and 1, for their dots


class Limits(NamedTuple):
    """The estimates of some parameter, and the ends of their intervals; NaN where there are none."""

    estimates: FloatArray
    lower: FloatArray
    upper: FloatArray


class Fit(NamedTuple):
    """What a picture of a fit shows."""

    history: FloatArray  # the objective, after each iteration
    initial: Limits
    moves: list[tuple[str, Limits]]  # of each matrix, after what it is called; none of a chain that has none
    means: list[Limits]  # of each state, (K,), for each entry of the observations; or none
    names: tuple[str, ...]  # of the states
    shown: list[Shown]
    with_rows: bool  # whether the probabilities have a row each, or stand in a map
    level: float  # of the intervals


class Drawable(Protocol):
    """A fit that can be drawn."""

    def _fit(self, level: float | None = None) -> Fit:
        """What is drawn."""
        ...


def save_fit(fitted: Drawable, path: str) -> None:
    """Draw a fit into a file, without a screen."""
    fit = fitted._fit()
    figure = unseen_figure(WIDTH, _height(fit))
    _draw(fit, figure)
    write(figure, path)


def draw_fit(fit: Fit) -> npt.NDArray[np.object_]:
    """Draw the climb above the probabilities of the chain and, beside them, a panel for each entry of the observations.

    The means of the states are lines there, and their intervals bands.
    """
    return _draw(fit, new_figure(WIDTH, _height(fit)))


def _height(fit: Fit) -> float:
    return max(LEAST_HEIGHT, CLIMB_HEIGHT + _chain_height(fit), len(fit.shown) * PANEL_HEIGHT)


def _chain_height(fit: Fit) -> float:
    n_states = len(fit.names)
    n_rows = (len(fit.moves) * n_states + 1) * n_states
    return CHAIN_MARGIN + n_rows * ROW_HEIGHT if fit.with_rows else MAP_HEIGHT


def _draw(fit: Fit, figure: Figure) -> npt.NDArray[np.object_]:
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08, wspace=0.06)
    halves = figure.add_gridspec(1, 2, width_ratios=[1, 1.25])
    cells = halves[0].subgridspec(2, 1, height_ratios=[CLIMB_HEIGHT, _chain_height(fit)])
    climb, chain = figure.add_subplot(cells[0]), figure.add_subplot(cells[1])
    _draw_climb(climb, fit.history)
    if fit.with_rows:
        _draw_rows(chain, fit)
    else:
        draw_chain(chain, fit.initial.estimates, fit.moves[0][1].estimates, fit.names, with_numbers=False)
    rows = halves[1].subgridspec(max(1, len(fit.shown)), 1)
    panels = [figure.add_subplot(rows[d]) for d in range(len(fit.shown))]
    for d, (panel, entry) in enumerate(zip(panels, fit.shown, strict=True)):
        draw_entry(panel, entry, fit.names, with_legend=d == 0 and len(fit.names) <= MOST_NUMBERS)
        if fit.means:
            _draw_means(panel, fit.means[d])
    return np.array([climb, chain, *panels], dtype=object)


def _draw_climb(ax: Axes, history: FloatArray) -> None:
    """How much was still to be gained after each iteration, down to the last one that gained."""
    to_gain = history[-1] - history
    gaining = np.flatnonzero(to_gain > 0)
    marker = "o" if len(gaining) <= MOST_MARKED else ""
    ax.plot(gaining, to_gain[gaining], color="0.25", linewidth=1.2, marker=marker, markersize=3, clip_on=False)
    ax.set_yscale("log")
    ax.set(xlabel="iteration", ylabel="still to gain", xlim=(0, max(1, len(history) - 1)))
    ax.locator_params(axis="x", integer=True)
    ax.spines[["top", "right"]].set_visible(False)


def _draw_rows(ax: Axes, fit: Fit) -> None:
    """A row for each probability, grouped by where the chain comes from: a dot, hollow if it has no interval."""
    n_states = len(fit.names)
    colors = colors_of(n_states, for_lines=True)
    words = list(map(plain, fit.names))
    labels = [f"start in {word}" for word in words]
    labels += [f"{plain(called)}{i} → {j}" for called, _ in fit.moves for i in words for j in words]
    all_of = [fit.initial, *(moves for _, moves in fit.moves)]
    table = [np.concatenate([values.ravel() for values in each]) for each in zip(*all_of, strict=True)]
    rows = np.arange(len(labels)) + np.arange(len(labels)) // n_states * 0.6
    for row, estimate, lower, upper, color in zip(
        rows, *table, np.resize(colors, (len(rows), colors.shape[1])), strict=True
    ):
        ax.plot([lower, upper], [row, row], color=color, linewidth=3, alpha=0.45, solid_capstyle="butt")
        face = "white" if np.isnan(lower) else color
        ax.plot(estimate, row, "o", color=color, markerfacecolor=face, markersize=6, clip_on=False, zorder=3)
    ax.set_yticks(rows, labels)
    has_intervals = not np.isnan(table[1]).all()
    words_below = f"probability, and its {100 * fit.level:g} % interval" if has_intervals else "probability"
    ax.set(xlim=(-MARGIN, 1 + MARGIN), ylim=(rows[-1] + 0.7, -0.7), xlabel=words_below)
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.grid(axis="x", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _draw_means(panel: Axes, means: Limits) -> None:
    """The mean of each state as a line, and its interval as a band behind it."""
    for estimate, lower, upper, color in zip(*means, colors_of(len(means.lower), for_lines=True), strict=True):
        panel.axvspan(lower, upper, color=color, alpha=0.18, linewidth=0, zorder=0)
        panel.axvline(estimate, color=color, linewidth=1, linestyle=(0, (3, 2)), zorder=1)
