"""What all results share, and those that have a row a step."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import Frozen, IntArray
from hmmfilter.results.printing import four_decimals, preview, shown_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from typing_extensions import Self


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result(Frozen):
    """What a door returns, with the names of the states it is about."""

    state_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def _names(self, n_states: int) -> tuple[str, ...]:
        return self.state_names or tuple(map(str, range(n_states)))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BySequence(Result, ABC):
    """A result with a row a step, of one sequence or of several, one after the other."""

    _starts: IntArray | None = None  # of the sequences, and the end; None where there was one, without a length
    _total: ClassVar[str]  # the attribute that says how probable each sequence is, or how good its path
    _tables: ClassVar[tuple[str, ...]]  # the attributes with a row a step

    @property
    def lengths(self) -> IntArray | None:
        """The number of steps of each sequence, (N,); None where there was one alone."""
        return None if self._starts is None else np.diff(self._starts)

    def __len__(self) -> int:
        return 1 if self._starts is None else len(self._starts) - 1

    def __getitem__(self, n: int) -> Self:
        n = range(len(self))[operator.index(n)]
        if self._starts is None:
            return self
        return replace(self, **self._part(n, slice(self._starts[n], self._starts[n + 1])), _starts=None)

    def _part(self, n: int, rows: slice) -> dict[str, Any]:
        """What is said of sequence n, which has these rows."""
        tables = {name: getattr(self, name) for name in self._tables}
        part: dict[str, Any] = {name: table[rows] for name, table in tables.items() if table is not None}
        part[self._total] = float(getattr(self, self._total)[n])
        return part

    def __iter__(self) -> Iterator[Self]:
        return map(self.__getitem__, range(len(self)))

    def _print_sequences(self, lengths: IntArray, n_states: int) -> str:
        """Print how long each sequence is, and how probable."""
        totals = getattr(self, self._total)
        return preview(
            f"{type(self).__name__}: {len(lengths)} sequences, {lengths.sum()} steps, {n_states} states",
            ["sequence", "steps", self._total.replace("_", "-")],
            len(lengths),
            ([str(lengths[n]), four_decimals(totals[n])] for n in shown_steps(len(lengths))),
        )

    @abstractmethod
    def _bands(self) -> plotting.Bands:
        """What `plot` stacks."""

    def plot(self, observations: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
        """Draw the states as bands over time, and the observations over them.

        Of more than two thousand steps, the means of runs of them are drawn, and the range of the observations in each.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), optional
            What to draw over the bands, on a scale of its own on the right; entries of vectors have panels of their own
            below. NaN or None leaves a gap. A Series or a DataFrame brings its names, and its index for the time axis:
            dates are drawn as dates.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure without it.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the bands: steps along x, and up y the probability of each state, or the state of the best path.

        Raises
        ------
        ValueError, TypeError
            Where the observations are not T numbers, or T vectors of numbers, and of a result of several sequences:
            draw ``result[n]``.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> ax = model.smooth([0, 2, 7, 4]).plot([0, 2, 7, 4])
        >>> ax.get_ylabel()
        'probability of each state'
        """
        _checks.single_sequence(len(self))
        bands, index = self._bands(), None
        time, series = plotting.timeline(index, len(bands.weights)), None
        if observations is not None:
            series = plotting.series_of(observations, len(bands.weights), index)
            time = series.time
        return plotting.draw_bands(bands, time, series, ax)
