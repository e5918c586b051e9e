"""Pictures. Matplotlib is optional, and imported only when something is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

SIZE = (9, 3.6)  # inches
DOTS_PER_INCH = 150
MOST_DOTS = 400  # with more observations than this, dots would run into one another


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


def save(
    result: Drawable,
    observations: npt.ArrayLike,
    path: str,
    step_labels: Sequence[str] | None = None,
    step_name: str = "step",
    observation_name: str = "observation",
) -> None:
    """Draw a result into a file, without a screen, in the words of the table that the observations came from."""
    _matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    ax = result.plot(observations, figure.add_subplot())
    if step_labels is not None:
        labels = dict(enumerate(step_labels))
        ax.xaxis.set_major_formatter(lambda step, _: labels.get(round(step), ""))
    ax.set_xlabel(step_name)
    figure.axes[-1].set_ylabel(observation_name)
    figure.savefig(path, dpi=DOTS_PER_INCH)


def bands(
    weights: FloatArray,
    names: tuple[str, ...],
    ylabel: str,
    observations: npt.ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Stack the weights of the states, (T, K), as one band each, and draw the observations over them.

    `Filtered.plot` and its kin tell what each argument means.
    """
    if ax is None:
        ax = _new_axes()
    n_steps, n_states = weights.shape
    edges = np.arange(n_steps + 1) - 0.5
    tops = np.cumsum(weights, axis=1)
    tops = np.vstack([tops, tops[-1:]])  # a step-wise fill wants the last value at both of its edges
    bottom = np.zeros(n_steps + 1)
    colors = _matplotlib().colormaps["GnBu"](np.linspace(0.12, 0.72, n_states))
    for name, top, color in zip(names, tops.T, colors, strict=True):
        label = f"state {name}" if name.isdecimal() else name
        ax.fill_between(edges, bottom, top, step="post", color=color, linewidth=0, label=label)
        bottom = top
    ax.set(xlim=(-0.5, n_steps - 0.5), ylim=(0, 1), xlabel="step", ylabel=ylabel)
    ax.locator_params(axis="x", integer=True)
    handles, labels = ax.get_legend_handles_labels()
    if observations is not None:
        over = ax.twinx()
        columns = np.asarray(observations, dtype=np.float64).reshape(n_steps, -1)
        styles = ["-", "--", ":", "-."]
        for d, column in enumerate(columns.T):
            (line,) = over.plot(
                column,
                color="black",
                linewidth=0.9,
                linestyle=styles[d % len(styles)],
                marker="o" if n_steps <= MOST_DOTS else "",
                markersize=3.6,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
            handles.append(line)
            labels.append("observation" if columns.shape[1] == 1 else f"observation {d}")
        over.set_ylabel("observation")
        over.spines[["top"]].set_visible(False)
    ax.spines[["top"]].set_visible(False)
    ax.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=6,
        frameon=False,
        borderpad=0.1,
        borderaxespad=0.3,
        handlelength=1.4,
        columnspacing=1.4,
    )
    return ax
