"""Pictures. Matplotlib is optional, and imported only when something is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

SIZE = (9, 3.6)  # inches
DOTS_PER_INCH = 150
MOST_DOTS = 400  # with more observations than this, dots would run into one another
LEGEND_LETTERS = 90  # what fits in one line above the picture


class Drawable(Protocol):
    """A result that draws itself."""

    def plot(self, observations: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
        """Draw into the axes."""
        ...


def _matplotlib() -> ModuleType:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'hmmfilter[plot]'") from error
    return mpl


def _new_axes() -> Axes:
    _matplotlib()
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=SIZE, layout="constrained")
    return ax


def _plain(words: str) -> str:
    """Words that matplotlib draws as they stand, dollar signs included."""
    return words.replace("$", r"\$")


def save(
    result: Drawable,
    observations: npt.ArrayLike,
    path: str,
    observation_names: Sequence[str],
    step_name: str = "step",
    step_labels: Sequence[str] | None = None,
) -> None:
    """Draw a result into a file, without a screen, in the words of the table that the observations came from."""
    _matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    ax = result.plot(observations, figure.add_subplot())
    ax.set_xlabel(_plain(step_name))
    if step_labels is not None:
        labels = dict(enumerate(map(_plain, step_labels)))
        ax.xaxis.set_major_formatter(lambda step, _: labels.get(round(step), ""))
    figure.axes[-1].set_ylabel(_plain(", ".join(observation_names)))
    legend = ax.get_legend()
    assert legend is not None
    for text, name in zip(legend.get_texts()[-len(observation_names) :], observation_names, strict=True):
        text.set_text(_plain(name))
    figure.savefig(path, dpi=DOTS_PER_INCH)


def bands(
    weights: FloatArray,
    names: tuple[str, ...],
    ylabel: str,
    has_scale: bool,
    observations: FloatArray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Stack the weights of the states, (T, K), as one band each, and draw the observations, (T, D), over them."""
    if ax is None:
        ax = _new_axes()
    n_steps, n_states = weights.shape
    edges = np.arange(n_steps + 1) - 0.5
    tops = np.cumsum(weights, axis=1)
    tops = np.vstack([tops, tops[-1:]])  # a step-wise fill wants the last value at both of its edges
    bottom = np.zeros(n_steps + 1)
    colors = _matplotlib().colormaps["GnBu"](np.linspace(0.12, 0.72, n_states))
    drawn: list[Any] = []
    for top, color in zip(tops.T, colors, strict=True):
        drawn.append(ax.fill_between(edges, bottom, top, step="post", color=color, linewidth=0))
        bottom = top
    ax.set(xlim=(-0.5, n_steps - 0.5), ylim=(0, 1), xlabel="step", ylabel=ylabel)
    ax.locator_params(axis="x", integer=True)
    if not has_scale:
        ax.set_yticks([])
    ax.spines[["top"]].set_visible(False)
    words = [f"state {name}" if name.isdecimal() else name for name in names]
    if observations is not None:
        drawn += _lines(ax, observations)
        n_lines = observations.shape[1]
        words += ["observation"] if n_lines == 1 else [f"observation {d}" for d in range(n_lines)]
    n_columns = max(1, LEGEND_LETTERS // (max(map(len, words)) + 6))
    legend = ax.legend(
        drawn,
        [str(d) for d in range(len(drawn))],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=min(n_columns, len(words)),
        frameon=False,
        borderpad=0.1,
        borderaxespad=0.3,
        handlelength=1.4,
        columnspacing=1.4,
    )
    for text, word in zip(legend.get_texts(), words, strict=True):
        text.set_text(_plain(word))  # not as a label, which matplotlib hides where it starts with an underscore
    return ax


def _lines(ax: Axes, observations: FloatArray) -> list[Line2D]:
    """One line for each dimension of the observations, on a scale of its own; a dot where no line leads."""
    over = ax.twinx()
    over.set_ylabel("observation")
    over.spines[["top"]].set_visible(False)
    lines = []
    for column, style in zip(observations.T, itertools.cycle(["-", "--", ":", "-."]), strict=False):
        seen = np.pad(~np.isnan(column), 1)
        dotted = seen[1:-1] if len(column) <= MOST_DOTS else seen[1:-1] & ~seen[:-2] & ~seen[2:]
        lines += over.plot(
            column,
            color="black",
            linewidth=0.9,
            linestyle=style,
            marker="o",
            markevery=np.flatnonzero(dotted).tolist(),
            markersize=3.6,
            markeredgecolor="white",
            markeredgewidth=0.5,
        )
    return lines
