"""Residuals beside independent standard normal numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.plotting.canvas import colors_of, new_figure, plain
from hmmfilter.plotting.series import MOST_DOTS, MOST_STEPS, Series, draw_line
from hmmfilter.plotting.timeline import Timeline, label_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 9.0, 5.4  # inches, of each entry
MOST_QUANTILES = 600  # drawn as dots
MOST_BINS = 60
MOST_MARKS = 50  # between sequences
WITHIN_95, WITHIN_99 = 1.959964, 2.575829  # standard deviations
LEAST_REACH = 3.2  # of an axis of residuals, on either side of 0
LINES_BESIDE = 400  # as broad as a dot, each other in sight
FEWEST_LAGS = 5
PALE, PALER = "0.88", "0.94"


class Entry(NamedTuple):
    """The residuals of an entry of the observations."""

    name: str
    lower: FloatArray  # (T,), where the segments begin,
    middle: FloatArray  # (T,), NaN where missing,
    upper: FloatArray  # (T,), and where they end
    starts: IntArray  # of the sequences, and the end


def draw_residuals(entries: list[Entry], time: Timeline) -> npt.NDArray[np.object_]:
    """Draw for each entry the residuals over time and, below, their quantiles, histogram, and correlations."""
    figure = new_figure(WIDTH, HEIGHT * len(entries))
    grid = figure.add_gridspec(2 * len(entries), 3, height_ratios=[1.0, 1.25] * len(entries))
    axes = []
    for d, entry in enumerate(entries):
        panels = [figure.add_subplot(grid[2 * d, :]), *(figure.add_subplot(grid[2 * d + 1, c]) for c in range(3))]
        _draw_series(panels[0], entry, time)
        _draw_quantiles(panels[1], entry)
        _draw_histogram(panels[2], entry)
        _draw_correlations(panels[3], entry)
        if len(entries) > 1:
            panels[0].set_title(plain(entry.name), loc="left", fontsize="medium")
        for panel in panels:
            panel.spines[["top", "right"]].set_visible(False)
        axes.append(panels)
    return np.array(axes, dtype=object)


def _draw_series(ax: Axes, entry: Entry, time: Timeline) -> None:
    """The residuals over bands that 95 % and 99 % of them should be within."""
    for bound, shade, words, side in ((WITHIN_99, PALER, "99 %", "bottom"), (WITHIN_95, PALE, "95 %", "top")):
        ax.axhspan(-bound, bound, color=shade, linewidth=0)
        place: dict[str, Any] = {"x": 1.006, "y": bound, "transform": ax.get_yaxis_transform(), "va": side}
        ax.text(s=words, fontsize="small", color="0.45", **place)
    ax.axhline(0, color="white", linewidth=1)
    if len(entry.starts) - 2 <= MOST_MARKS:
        for start in entry.starts[1:-1]:
            ax.axvline(time.edges()[start], color="0.6", linewidth=0.8)
    reach = _reach(LEAST_REACH, entry.middle)
    if len(entry.middle) <= MOST_STEPS:
        _draw_segments(ax, time.positions, entry, reach, 3.4 if len(entry.middle) <= MOST_DOTS else 2.2)
    else:
        draw_line(ax, Series(np.where(np.isfinite(entry.middle), entry.middle, np.nan)[:, None], [""], time))
    ax.set(ylim=(-reach, reach), ylabel="residual", xlim=time.edges()[[0, -1]])
    label_time(ax, time)


def _reach(least: float, *numbers: FloatArray) -> float:
    """How far from 0 an axis goes, with a margin, to show all that is finite."""
    return max(least, *(1.08 * float(np.abs(each[np.isfinite(each)]).max(initial=0.0)) for each in numbers))


def _draw_segments(ax: Axes, positions: FloatArray, entry: Entry, reach: float, size: float) -> None:
    """A line for each segment, which may be longer than the picture, and a dot in it."""
    pale, dark = colors_of(2, for_lines=True)
    lower, upper = np.clip([entry.lower, entry.upper], -2 * reach, 2 * reach)
    width = float(np.clip(LINES_BESIDE / max(len(positions), 1), 0.5, 2.5))
    ax.vlines(positions, lower, upper, color=pale, linewidth=width, alpha=0.8, zorder=1.5)
    ax.plot(positions, entry.middle, "o", color=dark, markersize=size, markeredgewidth=0)


def _draw_quantiles(ax: Axes, entry: Entry) -> None:
    """Residuals in order, against the quantiles of as many normal numbers; 95 % of each should be within the band."""
    from scipy.special import betaincinv, ndtri

    seen = np.flatnonzero(~np.isnan(entry.middle))
    order = seen[np.argsort(entry.middle[seen], kind="stable")]
    ranks = _shown_ranks(len(order))
    normal = ndtri((ranks - 0.5) / max(len(order), 1))
    shown = entry._replace(**{name: getattr(entry, name)[order[ranks - 1]] for name in ("lower", "middle", "upper")})
    reach = _reach(2.5, normal, shown.middle)
    ends = [ndtri(betaincinv(ranks, len(order) + 1 - ranks, p)) for p in (0.025, 0.975)]
    ax.fill_between(normal, *ends, color=PALE, linewidth=0)
    _draw_segments(ax, normal, shown, reach, 3.0)
    ax.axline((0, 0), slope=1, color="0.3", linewidth=0.9, zorder=1.8)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="normal quantile", ylabel="residual", aspect="equal")


def _shown_ranks(n: int) -> IntArray:
    """Of so many numbers in order, those that are drawn, from 1: all of a few, of many those at the ends."""
    if n <= MOST_QUANTILES:
        return np.arange(1, n + 1)
    at_end = MOST_QUANTILES // 4
    inner = np.rint(np.linspace(at_end + 1, n - at_end, MOST_QUANTILES - 2 * at_end)).astype(np.int64)
    return np.concatenate([np.arange(1, at_end + 1), inner, np.arange(n - at_end + 1, n + 1)])


def _draw_histogram(ax: Axes, entry: Entry) -> None:
    """How the residuals are distributed, under the normal density."""
    n = int(np.count_nonzero(~np.isnan(entry.middle)))
    reach = _reach(LEAST_REACH, entry.middle)
    edges = np.linspace(-reach, reach, int(np.clip(2 * np.sqrt(n), 8, MOST_BINS)) + 1)
    heights = _masses(entry, edges) / max(n, 1) / np.diff(edges)
    grid = np.linspace(-reach, reach, 400)
    ax.bar(edges[:-1], heights, np.diff(edges), align="edge", color="0.82", edgecolor="white", linewidth=0.6)
    ax.plot(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color=colors_of(2, for_lines=True)[1], linewidth=1.8)
    ax.set(xlim=(-reach, reach), ylim=(0, None), xlabel="residual", ylabel="density")


def _masses(entry: Entry, edges: FloatArray) -> FloatArray:
    """How many residuals are in each bin, a segment spread over those that it reaches as the normal density is."""
    from scipy.special import ndtr

    ends: FloatArray = ndtr([entry.lower, entry.upper])
    are_broad = ends[1] > ends[0]
    begin, end = ends[:, are_broad]
    shares_below = (np.clip(ndtr(edges)[:, np.newaxis], begin, end) - begin) / (end - begin)
    narrow = entry.middle[~are_broad & np.isfinite(entry.middle)]
    masses: FloatArray = np.histogram(narrow, edges)[0] + np.diff(shares_below.sum(axis=1))
    return masses


def _draw_correlations(ax: Axes, entry: Entry) -> None:
    """The correlation of residuals so many steps apart; 95 % should be within the band."""
    lags, correlations, n_pairs = correlations_of(entry)
    dark = colors_of(2, for_lines=True)[1]
    bounds = WITHIN_95 / np.sqrt(n_pairs)
    reach = _reach(0.28, correlations, bounds)
    ax.bar(lags, 2 * bounds, 1.0, -bounds, color=PALE, linewidth=0)
    ax.axhline(0, color="0.45", linewidth=0.9)
    ax.vlines(lags, 0, correlations, color=dark, linewidth=1.8)
    ax.plot(lags, correlations, "o", color=dark, markersize=3.4, markeredgewidth=0)
    last = lags.max(initial=FEWEST_LAGS)
    ax.set(xlim=(0.2, last + 0.8), ylim=(-reach, reach), xlabel="steps apart", ylabel="correlation")
    ax.locator_params(axis="x", integer=True)


def correlations_of(entry: Entry) -> tuple[IntArray, FloatArray, IntArray]:
    """Lags from 1 on, the correlation of the residuals so far apart within sequences, and of how many pairs."""
    seen = np.isfinite(entry.middle)
    n = int(np.count_nonzero(seen))
    mean = entry.middle[seen].sum() / max(n, 1)
    about = np.where(seen, entry.middle - mean, 0.0)
    variance = np.square(about).sum() / max(n, 1)
    numbers = np.searchsorted(entry.starts, np.arange(len(seen)), side="right")
    found = []
    for lag in range(1, int(10 * np.log10(max(n, 1))) + 1):
        are_pairs = seen[lag:] & seen[:-lag] & (numbers[lag:] == numbers[:-lag])
        n_pairs = np.count_nonzero(are_pairs)
        if n_pairs > 1 and variance > 0:
            found.append((lag, (about[lag:] * about[:-lag])[are_pairs].sum() / n_pairs / variance, n_pairs))
    lags, correlations, counts = np.array(found, dtype=np.float64).reshape(-1, 3).T
    return lags.astype(np.int64), correlations, counts.astype(np.int64)
