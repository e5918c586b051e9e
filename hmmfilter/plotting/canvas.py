"""What every picture stands on: matplotlib, figures, panels, colours, words."""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._files import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (9.0, 3.6)  # inches
PANEL_HEIGHT = 1.3  # inches, of each further panel
DOTS_PER_INCH = 150
LEGEND_LETTERS = 90  # what fits in one line above the picture
HANDLE_LETTERS = 6  # as many are as broad as what stands before a word of it


def matplotlib() -> ModuleType:
    """The package, or words on how to get it."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'hmmfilter[plot]'") from error
    return mpl


def picture_formats() -> list[str]:
    """How the name of a picture may end, in small letters and without the dot."""
    matplotlib()
    from matplotlib.backend_bases import FigureCanvasBase

    return sorted(FigureCanvasBase.get_supported_filetypes())


def matplotlib_dates() -> Any:
    """Its room for dates."""
    matplotlib()
    from matplotlib import dates

    return dates


def height_with(n_panels: int) -> float:
    """Of a figure with so many panels below its axes."""
    return SIZE[1] + n_panels * PANEL_HEIGHT


def new_figure(width: float, height: float) -> Figure:
    """A figure that pyplot and notebooks know of."""
    matplotlib()
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def unseen_figure(width: float, height: float) -> Figure:
    """A figure of which pyplot and its screens know nothing, to be saved."""
    matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def write(figure: Figure, path: str) -> None:
    """Write a picture, in the format that the end of its name says, as PNG where it says none."""
    with written_whole(path) as file:
        figure.savefig(file, format=os.path.splitext(path)[1][1:] or "png", dpi=DOTS_PER_INCH)


def panels_below(ax: Axes, n_panels: int) -> list[Axes]:
    """Give part of the room of some axes to panels below them, with the same time axis."""
    figure, spec = ax.figure, ax.get_subplotspec()
    heights = [SIZE[1]] + [PANEL_HEIGHT] * n_panels
    if spec is not None:
        grid = spec.subgridspec(1 + n_panels, 1, height_ratios=heights)
        cells = [grid[d] for d in range(1, 1 + n_panels)]
        ax.set_subplotspec(grid[0])
        panels = [figure.add_subplot(cell, sharex=ax) for cell in cells]
    else:
        box, gap = ax.get_position(), 0.05 * ax.get_position().height
        shares = (box.height - n_panels * gap) * np.array(heights) / sum(heights)
        bottoms = box.y1 - np.cumsum(shares) - gap * np.arange(1 + n_panels)
        rectangles = [(box.x0, y, box.width, height) for y, height in zip(bottoms, shares, strict=True)]
        ax.set_position(rectangles[0])
        panels = [figure.add_axes(rectangle, sharex=ax) for rectangle in rectangles[1:]]
    for panel in [ax, *panels][:-1]:
        panel.tick_params(labelbottom=False)
        panel.xaxis.label.set_visible(False)
    return panels


def colors_of(n_states: int, for_lines: bool = False) -> Any:
    """A colour for each state, darker for lines, which are thin."""
    palest, darkest = (0.4, 0.95) if for_lines else (0.12, 0.72)
    return matplotlib().colormaps["GnBu"](np.linspace(palest, darkest, n_states))


def plain(words: str) -> str:
    """Words that matplotlib draws as they stand, dollar signs included."""
    return words.replace("$", r"\$")


def spoken(names: tuple[str, ...]) -> list[str]:
    """Names of states as a legend has them: a number says that it is one of a state."""
    return [f"state {name}" if name.isdecimal() else name for name in names]


def legend_above(ax: Axes, drawn: list[Any], words: list[str], n_letters: int = LEGEND_LETTERS) -> None:
    """Name what is drawn in as few lines above the picture as it takes."""
    widths = [len(word) + HANDLE_LETTERS for word in words]
    n_columns = len(words) if sum(widths) <= n_letters else max(1, n_letters // max(widths))
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
        text.set_text(plain(word))  # not as a label, which matplotlib hides where it starts with an underscore
