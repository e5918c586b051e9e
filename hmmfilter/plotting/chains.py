"""Chains of more than one matrix: maps side by side, rates, probabilities along a covariate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.canvas import colors_of, legend_above, plain, spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERS, MOST_BESIDE = 12, 6  # states whose numbers are written into a map, or into maps beside each other
MOST_TICKS = 30
DARK = 0.6  # from which on a number on the map is white
LEGEND_LETTERS = 36  # what fits in one line above the map's place
DASHES = ("-", "--", ":", "-.")


def draw_rates(ax: Axes, initial: FloatArray, rates: FloatArray, names: tuple[str, ...], unit: str) -> None:
    """Rates of moves as a map, the highest darkest, below the initial distribution; on the diagonal, mean stays."""
    n_states = len(rates)
    moves = np.where(np.eye(n_states, dtype=np.bool_), 0.0, rates)
    highest = float(moves.max()) or 1.0
    words = [[f"{rates[i, j]:.3g}" for j in range(n_states)] for i in range(n_states)]
    for i in range(n_states):
        words[i][i] = f"stays\n{-1 / rates[i, i]:.3g}" if rates[i, i] < 0 else "stays"
    _map(ax, initial[np.newaxis], [list(map(_short, initial))], 0.0, -1.2)
    _map(ax, moves / highest, words, 0.0, 0.0)
    _name_states(ax, names)
    ax.set(xlim=(0, n_states), ylim=(n_states, -1.2), aspect="equal", xlabel="to", title=f"moves per {unit}")


def draw_matrices(ax: Axes, matrices: FloatArray, called: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Several matrices as maps beside and below each other, each under its name."""
    n_matrices, n_states = matrices.shape[:2]
    n_across = math.ceil(math.sqrt(n_matrices))
    side = n_states + max(0.6, 0.25 * n_states)
    for m, (matrix, word) in enumerate(zip(matrices, called, strict=True)):
        down, across = divmod(m, n_across)
        has_room = n_states * n_across <= MOST_BESIDE
        _map(ax, matrix, [list(map(_short, row)) for row in matrix] if has_room else None, across * side, down * side)
        ax.text(across * side + n_states / 2, down * side - 0.1, plain(word), ha="center", va="bottom")
    n_down = math.ceil(n_matrices / n_across)
    ax.set(xlim=(0, n_across * side), ylim=(n_down * side, -0.6), aspect="equal", xticks=[], yticks=[])
    ax.set_xlabel(f"from rows to columns: {', '.join(map(plain, names))}" if n_states <= MOST_NUMBERS else "")
    ax.spines[:].set_visible(False)


def draw_curves(ax: Axes, along: FloatArray, probabilities: FloatArray, names: tuple[str, ...], covariate: str) -> None:
    """Probabilities of moves (M, K, K) along a covariate: a colour for where from, a dash for where to."""
    n_states = len(names)
    drawn, words, spoken_names = [], [], spoken(names)
    for i, color in enumerate(colors_of(n_states, for_lines=True)):
        for j in range(n_states):
            if j != i:
                dash = DASHES[j % len(DASHES)]
                drawn += ax.plot(along, probabilities[:, i, j], color=color, linestyle=dash, linewidth=2)
                words.append(f"{spoken_names[i]} to {spoken_names[j]}")
    ax.set(xlabel=plain(covariate), ylabel="probability of a move", xlim=(along[0], along[-1]), ylim=(0, 1))
    ax.spines[["top", "right"]].set_visible(False)
    if 0 < len(words) <= MOST_NUMBERS:
        legend_above(ax, drawn, words, LEGEND_LETTERS)


def draw_durations(ax: Axes, durations: FloatArray, names: tuple[str, ...]) -> None:
    """Distributions (K, D) of how long sojourns last, a colour for each state."""
    n_states, n_ages = durations.shape
    drawn = []
    for row, color in zip(durations, colors_of(n_states, for_lines=True), strict=True):
        (line,) = ax.plot(np.arange(1, n_ages + 1), row, color=color, linewidth=2, marker="o", markersize=3)
        ax.fill_between(np.arange(1, n_ages + 1), row, color=color, alpha=0.15, linewidth=0)
        drawn.append(line)
    ax.set(xlabel="steps that a sojourn lasts", ylabel="probability", xlim=(0.5, n_ages + 0.5), ylim=(0, None))
    ax.locator_params(axis="x", integer=True)
    ax.spines[["top", "right"]].set_visible(False)
    if n_states <= MOST_NUMBERS:
        legend_above(ax, drawn, list(spoken(names)), LEGEND_LETTERS)


def _map(ax: Axes, shades: FloatArray, words: list[list[str]] | None, left: float, top: float) -> None:
    """Shades from 0 to 1, and words on them where there is room."""
    n_down, n_across = shades.shape
    lines = "0.85" if n_across <= MOST_NUMBERS else "none"
    edges = left + np.arange(n_across + 1.0), top + np.arange(n_down + 1.0)
    ax.pcolormesh(*edges, shades, cmap="Greys", vmin=0, vmax=1, edgecolors=lines)
    if words is not None and n_across <= MOST_NUMBERS:
        for (i, j), shade in np.ndenumerate(shades):
            color = "white" if shade > DARK else "black"
            ax.text(left + j + 0.5, top + i + 0.5, words[i][j], ha="center", va="center", color=color)


def _name_states(ax: Axes, names: tuple[str, ...]) -> None:
    words = list(map(plain, names))
    step = -(-len(words) // MOST_TICKS)
    places = np.arange(0.5, len(words), step)
    ax.set_xticks(places, words[::step], rotation=90 if max(map(len, words)) * len(words) > MOST_TICKS else 0)
    ax.set_yticks([-0.7, *places], ["initial", *(f"from {word}" for word in words[::step])])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _short(p: float) -> str:
    """A probability with two digits; what is exactly 0 or 1 as such."""
    return f"{p:.0f}" if p in (0, 1) else f"{p:.2f}"
