"""Pictures. Matplotlib is optional, and imported only when something is drawn."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._files import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SIZE = (9, 3.6)  # inches
TALL_SIZE = (9, 5)
DOTS_PER_INCH = 150
MOST_DOTS = 400  # with more observations than this, dots would run into one another
DEEPEST = -500.0  # power of ten, to which a descent is followed
LOWEST_SHOWN = -345.0  # power of ten, that is shown in any case
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
    _write(figure, path)


def save_descents(log10_likelihoods: Mapping[str, FloatArray], path: str) -> None:
    """Draw log10 p(v_1:t) against the step into a file, one line for each way to compute it, by its name."""
    _matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=TALL_SIZE, layout="constrained")
    descents(log10_likelihoods, figure.add_subplot())
    _write(figure, path)


def _write(figure: Figure, path: str) -> None:
    """Write a picture, in the format that the end of its name says, as PNG where it says none."""
    with written_whole(path) as file:
        figure.savefig(file, format=os.path.splitext(path)[1][1:] or "png", dpi=DOTS_PER_INCH)


def descents(log10_likelihoods: Mapping[str, FloatArray], ax: Axes) -> None:
    """Draw how log10 p(v_1:t) falls, down to a cross where it becomes −inf, and the floors of the kinds of float.

    The last way is the exact one: a broad line below the others. What lies far below the floors is not shown.
    """
    *others, exact = log10_likelihoods
    truth = log10_likelihoods[exact]
    truth = truth[: max(1, len(list(itertools.takewhile(lambda log: log >= DEEPEST, truth.tolist()))))]
    for name in ("float32", "float64"):
        _floor(ax, name, truth)
    colors = _matplotlib().colormaps["GnBu"](np.linspace(0.5, 0.95, len(others)))
    ax.plot(truth, color="0.72", linewidth=6, solid_capstyle="round", label=exact)
    for name, color, style in zip(others, colors, itertools.cycle(["-", "-", ":"]), strict=False):
        alive = list(itertools.takewhile(math.isfinite, log10_likelihoods[name][: len(truth)].tolist()))
        is_dead = len(alive) < len(truth)
        ax.plot(
            alive,
            color=color,
            linestyle=style,
            linewidth=2,
            marker="X" if is_dead else "",
            markevery=[len(alive) - 1] if alive else [],
            markersize=10,
            label=f"{name}: dead from step {len(alive)} on" if is_dead else name,
        )
    ax.set(xlim=(0, max(1, len(truth) - 1)), ylim=(min(LOWEST_SHOWN, truth.min()) - 5, max(0.0, truth.max()) + 5))
    ax.set(xlabel="step", ylabel="log$_{10}$ p(observations so far)")
    ax.locator_params(axis="x", integer=True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, borderaxespad=0.3, columnspacing=1.4)


def _floor(ax: Axes, name: str, truth: FloatArray) -> None:
    """The range between a kind of float's smallest normal number and its smallest, labelled where the line is not."""
    kind = np.finfo(name)
    top, bottom = math.log10(float(kind.tiny)), math.log10(float(kind.smallest_subnormal))
    ax.axhspan(bottom, top, color="0.9", linewidth=0)
    is_left = (truth > bottom).mean() > 0.5
    style: dict[str, Any] = {"fontsize": "small", "color": "0.35", "transform": ax.get_yaxis_transform()}
    style |= {"x": 0.015, "ha": "left"} if is_left else {"x": 0.985, "ha": "right"}
    ax.text(y=top + 2, s=f"{kind.tiny:.2g}: the smallest normal {name}; below, digits go", va="bottom", **style)
    ax.text(
        y=bottom - 3, s=f"{kind.smallest_subnormal:.2g}: the smallest {name}; below, all is zero", va="top", **style
    )


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
