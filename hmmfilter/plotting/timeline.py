"""The time axis: where each step stands, and what is written below it: dates as dates, numbers as numbers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter.plotting.canvas import matplotlib_dates, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL_LETTERS = 100  # what fits in one line below the picture
MOST_LABELS = 9


class Timeline(NamedTuple):
    """Where each step stands on the time axis."""

    positions: FloatArray  # (T,), increasing
    are_dates: bool  # in days, as matplotlib counts them
    labels: tuple[str, ...]  # of the steps, where these say what numbers and dates can't; else none
    name: str

    def edges(self) -> FloatArray:
        """Where each step begins, half way from the one before, and where the last ends, (T + 1,)."""
        between = (self.positions[1:] + self.positions[:-1]) / 2
        gaps = np.diff(self.positions) if len(between) else np.ones(1)
        return np.concatenate([[self.positions[0] - gaps[0] / 2], between, [self.positions[-1] + gaps[-1] / 2]])


def timeline(index: Any, n_steps: int, name: str | None = None) -> Timeline:
    """The time axis of an index: as dates or numbers where it has such, in order; else as steps, with its labels.

    Without an index the steps are counted.
    """
    steps = np.arange(n_steps, dtype=np.float64)
    if index is None:
        return Timeline(steps, False, (), "step" if name is None else name)
    title = getattr(index, "name", None) if name is None else name
    values = _values(index)
    for are_dates, positions in ((False, _numbers(values)), (True, _days(values))):
        if positions is not None and np.isfinite(positions).all() and (np.diff(positions) > 0).all():
            return Timeline(positions, are_dates, (), "" if title is None else str(title))
    return Timeline(steps, False, tuple(map(str, index)), "step" if title is None else str(title))


def _values(index: Any) -> npt.NDArray[Any]:
    """An index as an array: periods by their beginning, times as the clock showed them."""
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    if getattr(index, "tz", None) is not None:
        index = index.tz_localize(None)
    values = np.asarray(index)
    if values.dtype == object:
        values = _as_clocks_showed(values)
    return np.array(values.tolist()) if values.dtype.kind == "T" else values


def _as_clocks_showed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Times among objects, each of which may have a zone of its own, without it."""
    shown: npt.NDArray[Any] = values.copy()
    for t, value in enumerate(values):
        if getattr(value, "tzinfo", None) is not None:
            shown[t] = value.replace(tzinfo=None)
    return shown


def _numbers(values: npt.NDArray[Any]) -> FloatArray | None:
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind == "m":
        return values / np.timedelta64(1, "D")
    try:
        return None if values.dtype.kind == "M" else values.astype(np.float64)
    except (ValueError, TypeError):
        return None


def _days(values: npt.NDArray[Any]) -> FloatArray | None:
    if values.dtype.kind in "biuf":
        return None
    try:
        with warnings.catch_warnings():  # of a zone in a text: such times are drawn as those of UTC
            warnings.simplefilter("ignore")
            dates = values.astype("datetime64[us]")
    except (ValueError, TypeError):
        return None
    days: FloatArray = matplotlib_dates().date2num(dates)
    return days


def label_time(ax: Axes, time: Timeline) -> None:
    """Write below the axes what the time axis has to say, with room between."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel(plain(time.name))
    if time.are_dates:
        locator = matplotlib_dates().AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(matplotlib_dates().ConciseDateFormatter(locator))
    elif time.labels:
        longest = max(map(len, time.labels))
        n_labels = max(1, min(MOST_LABELS, LABEL_LETTERS // (longest + 2)))
        ax.xaxis.set_major_locator(MaxNLocator(n_labels, integer=True))
        labels = dict(enumerate(time.labels))
        ax.xaxis.set_major_formatter(lambda step, _: plain(labels.get(round(step), "")))
    elif (time.positions == np.rint(time.positions)).all():
        ax.locator_params(axis="x", integer=True)
