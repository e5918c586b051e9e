"""Nanoseconds a step against the number of states: three panels, each library a line."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tests.benchmarks import limits
from tests.benchmarks.peers import FILTER, OURS, SMOOTH, VITERBI
from tests.benchmarks.report import Speeds

# Okabe and Ito's colours, which stay apart for the colour-blind; markers say the same without colour.
STYLES = {
    OURS: {"color": "#D55E00", "marker": "o", "linewidth": 3.2, "markersize": 7.5, "zorder": 5},
    "hmmlearn, log": {"color": "#0072B2", "marker": "s"},
    "hmmlearn, scaling": {"color": "#56B4E9", "marker": "D"},
    "dynamax": {"color": "#009E73", "marker": "^"},
    "librosa": {"color": "#CC79A7", "marker": "v"},
    "statsmodels": {"color": "#A08000", "marker": "p"},
    limits.EXP: {"color": "#444444", "linestyle": (0, (1, 1.6)), "linewidth": 1.5},
    limits.PRODUCT: {"color": "#444444", "linestyle": (0, (6, 2.5)), "linewidth": 1.5},
    limits.MAX_PLUS: {"color": "#444444", "linestyle": (0, (6, 2, 1, 2)), "linewidth": 1.5},
}
LABELS = {
    limits.EXP: "limit: exponentials of the table",
    limits.PRODUCT: "limit: vector-matrix products",
    limits.MAX_PLUS: "limit: max-plus products",
}
TITLES = {FILTER: "filter", SMOOTH: "smooth", VITERBI: "Viterbi"}
UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns"))


def _duration(nanoseconds: float, _: int) -> str:
    size, unit = next((size, unit) for size, unit in UNITS if nanoseconds >= size or size == 1)
    return f"{nanoseconds / size:g} {unit}"


def _draw_panel(ax: Axes, speeds: Speeds, task: str) -> None:
    for name, style in STYLES.items():
        points = {n_states: by_name[name] for n_states, by_name in speeds[task].items() if name in by_name}
        if points:
            given = {"linewidth": 1.6, "markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.6, **style}
            ax.plot(list(points), list(points.values()), label=LABELS.get(name, name), **given)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_title(TITLES[task], fontsize=13, fontweight="bold")
    ax.set_xlabel("number of states")
    ax.xaxis.set_major_locator(FixedLocator(list(speeds[task])))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n_states, _: f"{n_states:g}"))
    ax.yaxis.set_major_formatter(FuncFormatter(_duration))
    ax.grid(color="#E4E4E4", linewidth=0.7)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0, which="both")


def draw(speeds: Speeds, machine: str, path: Path) -> None:
    figure = Figure(figsize=(13, 6), layout="constrained")
    panels = figure.subplots(1, len(speeds), sharey=True)
    for ax, task in zip(panels, speeds, strict=True):
        _draw_panel(ax, speeds, task)
    panels[0].set_ylabel("time a step, one thread (less is better)")
    handles = {label: handle for ax in panels for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    order = [label for label in (LABELS.get(name, name) for name in STYLES) if label in handles]
    figure.legend(
        [handles[label] for label in order], order, loc="outside lower center", ncols=5, frameon=False, fontsize=10.5
    )
    figure.suptitle(machine, fontsize=9, color="#444444")
    figure.savefig(path, dpi=140)
