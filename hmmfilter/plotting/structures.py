"""Chains of many states, of which only the moves that are possible are listed: maps in which several share a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, StateArray
from hmmfilter.plotting.canvas import colors_of, legend_above, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SQUARES = 100  # of a map, across and down
MOST_NAMES = 30
MOST_TICKS = 4  # where they are numbers of states, of which there may be many
LEGEND_LETTERS = 36  # what fits in one line above the map's place
SPAN = 100.0  # how often the largest number has the smallest where both are seen on one scale
GAP = 0.06  # between parts of a picture, as a share of a map


class Map(NamedTuple):
    """Moves, and how many states they are between."""

    n_states: int
    rows: StateArray
    columns: StateArray
    probabilities: FloatArray


def draw_moves(ax: Axes, initial: FloatArray, moves: Map, final: FloatArray | None) -> None:
    """How probable moves are between stretches of states, the highest darkest, below the initial distribution."""
    n_states = moves.n_states
    edges, gap = np.linspace(0, n_states, _n_squares(n_states) + 1), GAP * n_states
    shades = _shades(moves)
    _draw_map(ax, edges, edges, shades)
    _draw_map(ax, edges, np.array([-1.5, -0.5]) * gap, _summed(initial)[np.newaxis])
    right = 0.0
    if final is not None:
        right = 1.5 * gap
        sizes = np.maximum(_summed(np.ones(n_states)), 1)
        _draw_map(ax, n_states + np.array([0.5, 1.5]) * gap, edges, (_summed(final) / sizes)[:, np.newaxis])
        ax.text(n_states + gap, -0.2 * gap, "end", ha="center", va="bottom")
    ax.text(0, -1.6 * gap, f"initial; moves, darkest {shades.max():.2g}", ha="left", va="bottom")
    ax.set(xlim=(0, n_states + right), ylim=(n_states, -1.5 * gap), aspect="equal", xlabel="to", ylabel="from")
    ax.locator_params(nbins=MOST_TICKS, integer=True)
    ax.ticklabel_format(style="plain", useOffset=False)
    ax.spines[:].set_visible(False)


def draw_factors(ax: Axes, factors: dict[str, Map]) -> None:
    """Maps of chains side by side, each under its name, as `draw_moves` has them."""
    for n, (name, moves) in enumerate(factors.items()):
        edges = np.linspace(0, 1, _n_squares(moves.n_states) + 1)
        shades = _shades(moves)
        left = n * (1 + GAP)
        _draw_map(ax, left + edges, edges, shades)
        ax.text(left, -0.02, f"{name}: {moves.n_states} states, darkest {shades.max():.2g}", ha="left", va="bottom")
        ax.plot(left + np.array([0, 1, 1, 0, 0]), [0, 0, 1, 1, 0], color="0.85", linewidth=1)
    width = len(factors) * (1 + GAP) - GAP
    ax.set(xlim=(0, width), ylim=(1, -0.1), aspect="equal", xticks=[], yticks=[], xlabel="from rows to columns")
    ax.spines[:].set_visible(False)


def draw_shares(ax: Axes, shares: dict[str, FloatArray], names: tuple[str, ...]) -> None:
    """Numbers of each state, a line of each kind; on a scale of powers of ten where they lie far apart."""
    n_states = len(names)
    drawn = []
    for values, color in zip(shares.values(), colors_of(len(shares), for_lines=True), strict=True):
        width = 2 if n_states <= MOST_SQUARES else 1
        drawn += ax.plot(np.arange(n_states), values, color=color, drawstyle="steps-mid", linewidth=width)
    above = np.concatenate([values[values > 0] for values in shares.values()])
    if above.max() > SPAN * above.min():
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, None)
    ax.set(xlabel="state", ylabel="probability")
    ax.locator_params(axis="x", nbins=MOST_TICKS, integer=True)
    if n_states <= MOST_NAMES:
        ax.set_xticks(np.arange(n_states), list(map(plain, names)), rotation=90 if n_states > MOST_NAMES // 3 else 0)
    ax.spines[["top", "right"]].set_visible(False)
    legend_above(ax, drawn, list(shares), LEGEND_LETTERS)


def _n_squares(n_states: int) -> int:
    return min(n_states, MOST_SQUARES)


def _places(states: StateArray, n_states: int) -> IntArray:
    """In which stretch each state is."""
    places: IntArray = np.asarray(states, dtype=np.int64) * _n_squares(n_states) // n_states
    return places


def _summed(values: FloatArray) -> FloatArray:
    """Sums over stretches of states."""
    n_states = len(values)
    return np.bincount(_places(np.arange(n_states), n_states), values, _n_squares(n_states)).astype(np.float64)


def _shades(moves: Map) -> FloatArray:
    """How probable it is to come from a state of one stretch into another stretch, on average."""
    n_states, n_squares = moves.n_states, _n_squares(moves.n_states)
    pairs = _places(moves.rows, n_states) * n_squares + _places(moves.columns, n_states)
    sums = np.bincount(pairs, moves.probabilities, n_squares**2).reshape(n_squares, n_squares)
    shades: FloatArray = sums / _summed(np.ones(n_states))[:, np.newaxis]
    return shades


def _draw_map(ax: Axes, across: FloatArray, down: FloatArray, shades: FloatArray) -> None:
    ax.pcolormesh(across, down, shades, cmap="Greys", vmin=0, vmax=shades.max() or 1.0)
