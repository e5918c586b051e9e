"""How probabilities fall, each way to compute them down to where it dies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.canvas import matplotlib, unseen_figure, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TALL_SIZE = (9, 5)  # inches
DEEPEST = -500.0  # power of ten, to which a descent is followed
LOWEST_SHOWN = -345.0  # power of ten, that is shown in any case


def save_descents(log10_likelihoods: Mapping[str, FloatArray], path: str) -> None:
    """Draw log10 p(v_1:t) against the step into a file, one line for each way to compute it, by its name."""
    figure = unseen_figure(*TALL_SIZE)
    draw_descents(log10_likelihoods, figure.add_subplot())
    write(figure, path)


def draw_descents(log10_likelihoods: Mapping[str, FloatArray], ax: Axes) -> None:
    """Draw how log10 p(v_1:t) falls, down to a cross where it becomes −inf, and the floors of the kinds of float.

    The last way is the exact one: a broad line below the others. What lies far below the floors is not shown.
    """
    *others, exact = log10_likelihoods
    truth = log10_likelihoods[exact]
    truth = truth[: max(1, len(list(itertools.takewhile(lambda log: log >= DEEPEST, truth.tolist()))))]
    for name in ("float32", "float64"):
        _floor(ax, name, truth)
    colors = matplotlib().colormaps["GnBu"](np.linspace(0.5, 0.95, len(others)))
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
