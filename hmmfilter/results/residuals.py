"""Residuals of observations, on the scale of a standard normal number."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.results import arrays, frames
from hmmfilter.results.base import BySteps
from hmmfilter.results.posteriors import Filtered
from hmmfilter.results.printing import Preview, four_decimals, preview, shown_steps

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(Filtered)
class PseudoResiduals(BySteps):
    """Where each observation lies in its distribution; returned by `HMM.pseudo_residuals`.

    If the model is true, they look like standard normal numbers; those of forecasts are independent, too. It reads as
    the table of residuals does: ``len``, iteration, brackets, and `numpy.asarray`. Of several sequences, the tables
    have all rows, one sequence after the other, and the result counts and iterates by sequence.

    Attributes
    ----------
    residuals : ndarray, (T,) or (T, D)
        Normal pseudo-residuals, those of whole numbers and symbols in the middle of their segments; NaN where missing.
    lower, upper : ndarray, (T,) or (T, D)
        The ends of the segments, perhaps infinite; of densities they are the residuals.
    kind : str
        Given what they are: "ordinary", all other observations, or "forecast", those before.
    lengths, index
        As in `Filtered`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([0.0, 5.0], [1.0, 1.0]))
    >>> model.pseudo_residuals([0.5, 0.3, 30.0]).residuals.round(4)
    array([ 0.1654, -0.448 , 25.0918])
    """

    residuals: FloatArray
    lower: FloatArray
    upper: FloatArray
    kind: _checks.ResidualKind
    _entry_names: tuple[str, ...] = ()
    _tables: ClassVar[tuple[str, ...]] = ("residuals", "lower", "upper")

    @property
    def _n_entries(self) -> int:
        """D, or 1 for numbers."""
        return self.residuals.shape[1] if self.residuals.ndim == 2 else 1

    def _table(self) -> FloatArray:
        return self.residuals

    def _columns(self) -> dict[str, FloatArray]:
        """What is printed of each step: the residuals, in their segments if there are any, or of each entry."""
        if self.residuals.ndim == 2:
            return dict(zip(self._entry_names, self.residuals.T, strict=True))
        if (self.lower < self.upper).any():
            return {"lower": self.lower, "residual": self.residuals, "upper": self.upper}
        return {"residual": self.residuals}

    def _framed(self, index: Any) -> pd.DataFrame:
        return frames.frame_of_columns(self._columns(), index)

    def _in_xarray(self, axis: Hashable, labels: dict[Hashable, Any]) -> xr.Dataset:
        dims: tuple[Hashable, ...] = (axis,)
        if self.residuals.ndim == 2:
            dims, labels = (axis, "entry"), {**labels, "entry": list(self._entry_names)}
        tables = {"lower": self.lower, "residual": self.residuals, "upper": self.upper}
        return arrays.dataset({name: (dims, table) for name, table in tables.items()}, labels, kind=self.kind)

    def _preview(self) -> Preview:
        lengths, what = self.lengths, f"{self._n_steps()} steps, {self.kind}"
        if lengths is not None:
            shown = shown_steps(len(lengths))
            spreads = (_spread(self.residuals[self._bounds()[n] : self._bounds()[n + 1]]) for n in shown)
            rows = ([str(lengths[n]), *map(four_decimals, each)] for n, each in zip(shown, spreads, strict=True))
            title = f"PseudoResiduals: {len(lengths)} sequences, {what}"
            return preview(title, ["sequence", "steps", "mean", "sd"], len(lengths), rows, label=self._key_label)
        mean, deviation = _spread(self.residuals)
        columns = self._columns()
        return preview(
            f"PseudoResiduals: {what}; mean {four_decimals(mean)}, standard deviation {four_decimals(deviation)}",
            ["step", *columns],
            self._n_steps(),
            ([four_decimals(column[t]) for column in columns.values()] for t in shown_steps(self._n_steps())),
            label=self._step_label,
        )

    def plot(self) -> npt.NDArray[np.object_]:
        """Draw what shows whether the residuals are standard normal numbers, and independent.

        Of each entry, above, all residuals in order, with their segments, over what 95 % and 99 % of them should be
        within. Below, their quantiles against normal ones, over what 95 % of them should be within; their histogram
        under the normal density, a segment spread out as that density is; and the correlation of residuals some steps
        apart, within sequences, over what 95 % of those should be within if residuals are independent.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, (4,) or (D, 4)
            The axes of the residuals, quantiles, histogram and correlations; ``[0].figure`` is the picture.

        Raises
        ------
        ValueError
            Where there is no step.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> [axes.get_ylabel() for axes in model.pseudo_residuals([0, 2, 7, 4]).plot()]
        ['residual', 'residual', 'density', 'correlation']
        """
        n_steps = self._n_steps()
        _checks.some_steps(n_steps)
        index = self.index if self._n_sequences in (None, 1) else None
        lower, middle, upper = (table.reshape(n_steps, -1).T for table in (self.lower, self.residuals, self.upper))
        starts = [self._bounds()] * self._n_entries
        entries = list(map(plotting.Entry, self._entry_names, lower, middle, upper, starts))
        axes = plotting.draw_residuals(entries, plotting.timeline(index, n_steps))
        return axes if self.residuals.ndim == 2 else axes[0]


def _spread(residuals: FloatArray) -> tuple[float, float]:
    """The mean and the standard deviation of those that are there."""
    seen = residuals[~np.isnan(residuals)]
    if len(seen) == 0:
        return np.nan, np.nan
    with np.errstate(invalid="ignore"):  # of infinite ones
        return float(seen.mean()), float(seen.std())
