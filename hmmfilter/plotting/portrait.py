"""A model at a glance: how its chain moves, and what each state shows over what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.plotting.canvas import colors_of, legend_above, new_figure, plain, spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, LEAST_HEIGHT, PANEL_HEIGHT = 10.0, 3.8, 2.6  # inches
MOST_NUMBERS = 12  # states whose probabilities are written into the map, and that a legend names
MOST_CURVES = 100  # states of which all have curves; of more, as many as a legend names
MOST_TICKS = 30
MOST_BINS = 60
MOST_BARS = 400  # of whole numbers and symbols, one for each; runs of more share a bin
LEGEND_LETTERS = 52  # what fits in one line above a panel
DARK = 0.6  # from which on a number on the map is white


class Shown(NamedTuple):
    """What the states show of one entry of the observations."""

    name: str
    grid: FloatArray  # (G,), where the curves are drawn
    curves: FloatArray  # (G, K): densities, or probabilities of whole numbers or symbols, each times its state's share
    is_discrete: bool
    seen: FloatArray  # (n,), the data, on the same axis; may be empty
    labels: tuple[str, ...] = ()  # of the grid, where it stands for symbols


def states_with_curves(shares: FloatArray) -> IntArray | None:
    """The states with the largest shares of the data, or spread evenly if there are none, of many; None for all."""
    if len(shares) <= MOST_CURVES:
        return None
    if (shares == shares[0]).all():
        return np.linspace(0, len(shares) - 1, MOST_NUMBERS).astype(np.int64)
    return np.sort(np.argsort(-shares, kind="stable")[:MOST_NUMBERS])


def draw_model(
    initial: FloatArray,
    chain: Any,
    names: tuple[str, ...],
    shown: list[Shown],
    final: FloatArray | None = None,
    states: IntArray | None = None,
) -> npt.NDArray[np.object_]:
    """Draw the chain as a map of its probabilities and, beside it, a panel for each entry of the observations.

    A chain that is more than a matrix draws itself. Panels may be of some states only.
    """
    n_panels = len(shown)
    figure = new_figure(WIDTH, max(LEAST_HEIGHT, n_panels * PANEL_HEIGHT))
    grid = figure.add_gridspec(max(1, n_panels), 2, width_ratios=[1, 1.4])
    moves = figure.add_subplot(grid[:, 0])
    if isinstance(chain, np.ndarray):
        draw_chain(moves, initial, chain, names, len(names) <= MOST_NUMBERS, final)
    else:
        chain._draw(moves, initial, names, final)
    panels = [figure.add_subplot(grid[d, 1]) for d in range(n_panels)]
    called = names if states is None else tuple(names[k] for k in states)
    for panel, entry in zip(panels, shown, strict=True):
        draw_entry(panel, entry, called, with_legend=panel is panels[0] and len(called) <= MOST_NUMBERS)
    return np.array([moves, *panels], dtype=object)


def draw_chain(
    ax: Axes,
    initial: FloatArray,
    transition: FloatArray,
    names: tuple[str, ...],
    with_numbers: bool,
    final: FloatArray | None = None,
) -> None:
    """The initial distribution in a row of its own above the transition matrix, and the end in a column beside it."""
    n_states = len(initial)
    lines = "0.85" if n_states <= MOST_NUMBERS else "none"
    edges = np.arange(n_states + 1.0)
    maps = [(edges, np.array([-1.2, -0.2]), initial[None]), (edges, edges, transition)]
    if final is not None:
        maps.append((n_states + np.array([0.2, 1.2]), edges, final[:, None]))
    for across, down, table in maps:
        ax.pcolormesh(across, down, table, cmap="Greys", vmin=0, vmax=1, edgecolors=lines)
        if with_numbers:
            for (i, j), p in np.ndenumerate(table):
                x, y = (across[j] + across[j + 1]) / 2, (down[i] + down[i + 1]) / 2
                ax.text(x, y, _short(p), ha="center", va="center", color="white" if p > DARK else "black")
    width = n_states if final is None else n_states + 1.2
    ax.set(xlim=(0, width), ylim=(n_states, -1.2), xlabel="to", aspect="equal")
    words = list(map(plain, names))
    step = -(-n_states // MOST_TICKS)
    places = np.arange(0.5, n_states, step)
    end = ([], []) if final is None else ([n_states + 0.7], ["end"])
    rotation = 90 if max(map(len, words)) * n_states > MOST_TICKS else 0
    ax.set_xticks([*places, *end[0]], [*words[::step], *end[1]], rotation=rotation)
    ax.set_yticks([-0.7, *places], ["initial", *(f"from {word}" for word in words[::step])])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _short(p: float) -> str:
    """A probability with two digits; what is exactly 0 or 1 as such."""
    return f"{p:.0f}" if p in (0, 1) else f"{p:.2f}" if 0.005 <= p < 0.995 else f"{p:.0e}" if p < 0.5 else ">.99"


def draw_entry(ax: Axes, entry: Shown, names: tuple[str, ...], with_legend: bool) -> None:
    """The curve of each state over a histogram of the data."""
    drawn: list[Any] = []
    words: list[str] = []
    if entry.seen.size:
        drawn.append(_draw_histogram(ax, entry))
        words.append("data")
    for curve, color, word in zip(entry.curves.T, colors_of(len(names), for_lines=True), spoken(names), strict=True):
        dots: dict[str, Any] = {"marker": "o", "markersize": 4, "markeredgecolor": "0.3"} if entry.is_discrete else {}
        drawn += ax.plot(entry.grid, curve, color=color, linewidth=2, **dots)
        words.append(word)
    ax.set(xlabel=plain(entry.name), ylabel=_height(entry), ylim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)
    if entry.labels:
        step = -(-len(entry.labels) // MOST_TICKS)
        ax.set_xticks(entry.grid[::step], list(map(plain, entry.labels[::step])))
    elif entry.is_discrete:
        ax.locator_params(axis="x", integer=True)
    if with_legend:
        legend_above(ax, drawn, words, LEGEND_LETTERS)


def _height(entry: Shown) -> str:
    """What is drawn upwards."""
    weight = "" if not entry.seen.size else " × share of the state"
    return ("probability" if entry.is_discrete else "density") + weight


def _draw_histogram(ax: Axes, entry: Shown) -> Any:
    """How often each value was seen, as a share of all, or of all and each unit."""
    if entry.is_discrete:
        values, counts = np.unique(entry.seen, return_counts=True)
        if len(values) <= MOST_BARS:
            return ax.bar(values, counts / counts.sum(), width=0.8, color="0.85")
    n_bins = int(min(MOST_BINS, max(8, np.sqrt(entry.seen.size))))
    return ax.hist(entry.seen, bins=n_bins, density=True, color="0.85")[2]
