"""What all results share, and those that have a row a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, Frozen, IntArray
from hmmfilter.results import arrays, frames, html
from hmmfilter.results.printing import Preview, four_decimals, preview, shown_steps

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from typing_extensions import Self


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result(Frozen, ABC):
    """What a door returns, with the names of the states it is about."""

    state_names: tuple[str, ...] | None = None
    _labels: _checks.Labels = _checks.NO_LABELS  # of the rows and the sequences that came in
    _row_name: ClassVar[str] = "row"  # what a column of labels is called that have no name

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def _names(self, n_states: int) -> tuple[str, ...]:
        return self.state_names or tuple(map(str, range(n_states)))

    @abstractmethod
    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Let polars, PyArrow and others make a table of theirs of the frame."""
        return frames.stream(self.to_frame(), self._row_name, requested_schema)

    def _repr_html_(self) -> str | None:
        return None  # what is printed will do


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Previewed(Result):
    """A result of which some rows are printed."""

    @abstractmethod
    def _preview(self) -> Preview:
        """What is printed."""

    def __repr__(self) -> str:
        return self._preview().text()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Table(Previewed):
    """A result that is one table, and that NumPy takes for it."""

    @abstractmethod
    def _table(self) -> npt.NDArray[Any]:
        """What NumPy takes the result for."""

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        table = self._table()
        if copy is None:  # which NumPy before 2 does not know
            return np.asarray(table, dtype)
        return np.array(table, dtype, copy=copy)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OfSequences(Table):
    """A result of one sequence, which reads as its table does, or of several, each a result of its own, by its key."""

    @property
    @abstractmethod
    def _n_sequences(self) -> int | None:
        """How many there are; None where there was one alone."""

    @abstractmethod
    def _alone(self, n: int) -> Self:
        """The result of sequence n."""

    @abstractmethod
    def _n_rows(self) -> int:
        """The length of the table."""

    @cached_property
    def _numbers(self) -> dict[Hashable, int] | None:
        """Which sequence has which key; None where they are told by number."""
        keys = self._labels.keys
        return None if keys is None else {key: n for n, key in enumerate(keys)}

    def keys(self) -> tuple[Hashable, ...]:
        """Tell what the sequences are called.

        Returns
        -------
        tuple
            The keys of the dict, or of the groups, that the observations were, in order; else the sequences' numbers.

        Raises
        ------
        TypeError
            Where there was one sequence alone.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> smoothed = model.smooth({"anna": [0, 2, 7], "ben": [4]})
        >>> smoothed.keys()
        ('anna', 'ben')
        >>> smoothed["ben"].probabilities.round(4)
        array([[0.0803, 0.9197]])
        >>> "carl" in smoothed.keys()  # a result that said so by itself would be a dict to pandas
        False
        """
        numbers = tuple(range(_checks.several(self._n_sequences)))
        return numbers if self._labels.keys is None else self._labels.keys

    def _key_label(self, n: int) -> str:
        return str(self.keys()[n])

    def _by_key(self) -> dict[Hashable, Any]:
        """The axis of several sequences, and its labels; nothing of one alone."""
        if self._n_sequences is None:
            return {}
        keys = frames.index_of_keys(self.keys(), self._labels.key_names)
        return {"sequence" if keys.nlevels > 1 else keys.name: keys}

    def _labelled_blocks(self, values: Any, name: str) -> pd.Index:
        """Labels of rows of which each sequence has the same."""
        if self._n_sequences is None:
            return frames.labels(values, name)
        inner = frames.labels(np.tile(values, self._n_sequences), name)
        lengths = np.full(self._n_sequences, len(values))
        return frames.labels_by_sequence(self.keys(), self._labels.key_names, lengths, inner)

    def __len__(self) -> int:
        return self._n_rows() if self._n_sequences is None else self._n_sequences

    def __getitem__(self, key: Any) -> Any:
        if self._n_sequences is None:
            return self._table()[_checks.place(key)]
        return self._alone(_checks.sequence_number(key, self._n_sequences, self._numbers))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._table()) if self._n_sequences is None else map(self._alone, range(self._n_sequences))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BySteps(OfSequences):
    """A result with a row a step, of one sequence or of several, one after the other."""

    _starts: IntArray | None = None  # of the sequences, and the end; None where there was one, without a length
    _tables: ClassVar[tuple[str, ...]]  # the attributes with a row a step
    _row_name: ClassVar[str] = "step"

    @property
    def index(self) -> Any:
        """The labels of the steps, a pandas.Index, (T,), where the observations had any; else None."""
        return self._labels.index

    @property
    def lengths(self) -> IntArray | None:
        """The number of steps of each sequence, (N,); None where there was one alone."""
        return None if self._starts is None else np.diff(self._starts)

    @property
    def _n_sequences(self) -> int | None:
        return None if self._starts is None else len(self._starts) - 1

    def _n_steps(self) -> int:
        """Of all sequences together."""
        return len(getattr(self, self._tables[0]))

    def _n_rows(self) -> int:
        return self._n_steps()

    def _alone(self, n: int) -> Self:
        assert self._starts is not None
        rows = slice(self._starts[n], self._starts[n + 1])
        labels = _checks.Labels(index=None if self.index is None else self.index[rows])
        return replace(self, **self._part(n, rows), _starts=None, _labels=labels)

    def _part(self, n: int, rows: slice) -> dict[str, Any]:
        """What is said of sequence n, which has these rows."""
        tables = {name: getattr(self, name) for name in self._tables}
        return {name: table[rows] for name, table in tables.items() if table is not None}

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame with a row a step.

        Parameters
        ----------
        index : array_like or pandas.Index, (T,), optional
            The labels of the rows, instead of their own.

        Returns
        -------
        pandas.DataFrame
            Of posteriors, a column of probabilities for each state, under its name; of a path, the column ``state``,
            and of several paths, a column for each: states by name, missing where the evidence is impossible and was
            to be marked. Of residuals, the column ``residual``, between ``lower`` and ``upper`` where these differ; of
            those of vectors, a column for each entry, under its name. Rows are labelled as the observations were, if
            they came from pandas or xarray, and else by the step. Of several sequences, the first levels of the labels
            are the sequence's key, or its number.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not T.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.smooth({"anna": [0, 2, 7], "ben": [4]}).to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
                         calm    busy
        sequence step
        anna     0     0.9568  0.0432
                 1     0.6840  0.3160
                 2     0.0043  0.9957
        ben      0     0.0803  0.9197
        >>> model.viterbi([0, 2, 7]).to_frame(index=["mon", "tue", "wed"])
            state
        mon  calm
        tue  calm
        wed  busy
        """
        return self._framed(self._row_labels() if index is None else index)

    @abstractmethod
    def _framed(self, index: Any) -> pd.DataFrame:
        """The frame, with these labels."""

    def to_xarray(self) -> xr.DataArray | xr.Dataset:
        """Make an array of xarray, with names for its axes and their labels.

        Returns
        -------
        xarray.DataArray or xarray.Dataset
            Of posteriors, probabilities by step and state; of a path, states by step, by name, and by path and step of
            several; None where the evidence is impossible and was to be marked. Of residuals, a dataset of ``lower``,
            ``residual`` and ``upper``, by step, and by entry where there are vectors. Steps have the labels that the
            observations had, if they came from pandas or xarray, and their axis its name; of several sequences, the
            axis ``row`` has the sequence's key, or its number, and the step. The log-likelihood, or how good a path is,
            is an attribute.

        Raises
        ------
        ImportError
            Without xarray, which ``pip install xarray`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> smoothed = model.smooth({"anna": [0, 2, 7], "ben": [4]}).to_xarray()
        >>> smoothed.sel(sequence="anna", state="busy").values.round(4)
        array([0.0432, 0.316 , 0.9957])
        """
        rows = self._row_labels()
        axis = arrays.axis_of(rows, "step")
        return self._in_xarray(axis, {axis: rows})

    @abstractmethod
    def _in_xarray(self, axis: Hashable, labels: dict[Hashable, Any]) -> xr.DataArray | xr.Dataset:
        """The array, with an axis of steps of this name, and its labels."""

    def _bounds(self) -> IntArray:
        """The first step of each sequence, and the end."""
        return np.array([0, self._n_steps()]) if self._starts is None else self._starts

    def _row_labels(self) -> pd.Index:
        starts = self._bounds()
        if self.index is None:
            steps = frames.labels(np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts)), "step")
        elif self._starts is not None and self.index.names == [None]:
            steps = self.index.rename("step")
        else:
            steps = self.index
        if self._starts is None:
            return steps
        return frames.labels_by_sequence(self.keys(), self._labels.key_names, np.diff(starts), steps)

    def _step_label(self, t: int) -> str:
        """What a step is called where the observations had labels, a day by its date alone; else its number."""
        return str(t if self.index is None else self.index[t]).removesuffix(" 00:00:00")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BySequence(BySteps):
    """A result that says of each step in which states the chain is, or may be."""

    restarts: Any = None
    _total: ClassVar[str]  # the attribute that says how probable each sequence is, or how good its path

    def _part(self, n: int, rows: slice) -> dict[str, Any]:
        restarts = None if self.restarts is None else self.restarts[n]
        return {**super()._part(n, rows), self._total: float(getattr(self, self._total)[n]), "restarts": restarts}

    def _shown_sequences(self, lengths: IntArray, states: str) -> Preview:
        """How long each sequence is, and how probable."""
        totals = getattr(self, self._total)
        return preview(
            f"{type(self).__name__}: {len(lengths)} sequences, {lengths.sum()} steps, {states}",
            ["sequence", "steps", self._total.replace("_", "-")],
            len(lengths),
            ([str(lengths[n]), four_decimals(totals[n])] for n in shown_steps(len(lengths))),
            label=self._key_label,
        )

    @property
    @abstractmethod
    def _shown_names(self) -> tuple[str, ...]:
        """The names of all states."""

    @abstractmethod
    def _shares(self, steps: slice) -> FloatArray:
        """The mean weight of each state, (K,), in some steps; less by what is marked."""

    def _repr_html_(self) -> str:
        names, bounds = self._shown_names, self._bounds()
        if self._starts is not None:
            shown = shown_steps(len(bounds) - 1)
            strips = [html.strip_of(self._shares, int(bounds[n]), int(bounds[n + 1])) for n in shown]
            return html.of_several(self._preview(), names, strips)
        n_steps = self._n_steps()
        ends = [self._step_label(t) for t in (0, n_steps - 1) if n_steps > 0]
        return html.of_series(self._preview(), names, html.strip_of(self._shares, 0, n_steps), ends)

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
            dates are drawn as dates. Where the result has an index too, it must be the same.
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
        _checks.single_sequence(self._n_sequences)
        bands, index = self._bands(), self.index
        _checks.some_steps(len(bands.weights))
        time, series = plotting.timeline(index, len(bands.weights)), None
        if observations is not None:
            series = plotting.series_of(observations, len(bands.weights), index)
            time = series.time
        return plotting.draw_bands(bands, time, series, ax)
