"""What will come."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray
from hmmfilter.results import arrays, frames, html
from hmmfilter.results.base import OfSequences
from hmmfilter.results.printing import Preview, preview, shown_steps

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from typing_extensions import Self


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Forecast(OfSequences):
    """What will come after the last observation, v_T; returned by `HMM.forecast`. Row s − 1 is of step T + s.

    Of several sequences, all arrays have N as their first length, before S; ``forecast[n]`` is what will come after
    sequence n, and the forecast counts and iterates by sequence.

    Nothing is normalised: where the rows of the transition sum to 1 only nearly, so do these, a little less each step.

    Attributes
    ----------
    probabilities : ndarray, (S, K)
        p(h_{T+s} = k | v_1:T). What is below 5e-324 rounds to 0 here.
    log_probabilities : ndarray, (S, K)
        log p(h_{T+s} = k | v_1:T), natural logs, however small.
    mean : ndarray, (S,) or (S, D), or None
        E(v_{T+s} | v_1:T), in the units of the observations; None where the emission does not know its moments.
    variance : ndarray, (S,) or (S, D, D), or None
        The variance of v_{T+s} given v_1:T, for vectors the covariance matrix; None where the mean is, and NaN where it
        is infinite.
    symbol_probabilities : ndarray, (S, M), or None
        p(v_{T+s} = m | v_1:T) for a `hmmfilter.emissions.Categorical`; None for all others.
    symbols : tuple or None
        What the columns of ``symbol_probabilities`` are for; None where the symbols are their numbers.
    channels : dict of Forecast, or None
        The forecast of each channel of a `hmmfilter.emissions.Product` by its name, with all that its own emission
        knows, such as the probabilities of symbols and the mean direction of angles; None for all others.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> forecast = model.forecast([0, 2], steps=2)
    >>> forecast.probabilities.round(4)
    array([[0.8616, 0.1384],
           [0.8031, 0.1969]])
    >>> forecast.mean.round(4), forecast.variance.round(4)
    (array([1.5537, 1.7876]), array([3.4621, 4.3177]))
    >>> model.forecast([[0, 2], [7, 4, 6]], steps=2)
    Forecast: 2 sequences, 2 steps, 2 states; at step +1: probabilities, mean ± standard deviation
      sequence       0       1      observation
             0  0.8616  0.1384  1.5537 ± 1.8607
             1  0.2007  0.7993  4.1973 ± 2.6007
    >>> sky = hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"])
    >>> both = hf.emissions.Product({"sky": sky, "calls": hf.emissions.Poisson([1.0, 5.0])})
    >>> forecast = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], both).forecast([("dry", 0)], steps=2)
    >>> forecast
    Forecast: 2 steps, 2 states; probabilities, most probable symbol, mean ± standard deviation
      step       0       1           sky            calls
        +1  0.8974  0.1026  wet (0.5410)  1.4102 ± 1.6979
        +2  0.8282  0.1718  wet (0.5687)  1.6872 ± 1.9909
    >>> forecast.channels["sky"].symbol_probabilities.round(4)
    array([[0.541 , 0.459 ],
           [0.5687, 0.4313]])
    """

    log_probabilities: FloatArray
    mean: FloatArray | None
    variance: FloatArray | None
    symbol_probabilities: FloatArray | None
    symbols: tuple[Hashable, ...] | None = None
    channels: dict[str, Forecast] | None = None
    _entry_names: tuple[str, ...] | None = None  # what the columns of observations are called

    @cached_property
    def probabilities(self) -> FloatArray:
        """p(h_{T+s} = k | v_1:T), (S, K) or (N, S, K); what is below 5e-324 rounds to 0 here, and only here."""
        probabilities: FloatArray = np.exp(self.log_probabilities)
        probabilities.flags.writeable = False
        return probabilities

    @property
    def _n_sequences(self) -> int | None:
        return len(self.log_probabilities) if self.log_probabilities.ndim == 3 else None

    def _alone(self, n: int) -> Self:
        return self._part(n)._labelled(_checks.NO_LABELS)

    def _part(self, where: Any) -> Self:
        """The same of a part of the sequences, or of the steps."""
        names = ("log_probabilities", "mean", "variance", "symbol_probabilities")
        arrays = {name: getattr(self, name) for name in names}
        parts = {name: array[where] for name, array in arrays.items() if array is not None}
        return replace(self, **parts, channels=self._by_channel(lambda channel: channel._part(where)))

    def _labelled(self, labels: _checks.Labels) -> Self:
        """The same with other labels."""
        return replace(self, _labels=labels, channels=self._by_channel(lambda channel: channel._labelled(labels)))

    def _by_channel(self, change: Callable[[Forecast], Forecast]) -> dict[str, Forecast] | None:
        """The forecast of each channel, changed."""
        return None if self.channels is None else {name: change(channel) for name, channel in self.channels.items()}

    def _n_rows(self) -> int:
        return len(self.log_probabilities)

    def _table(self) -> FloatArray:
        return self.probabilities

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame with a row a step.

        Parameters
        ----------
        index : array_like or pandas.Index, (S,) or (N S,), optional
            The labels of the rows, such as the dates to come; without it, how many steps ahead they are.

        Returns
        -------
        pandas.DataFrame
            A column of probabilities for each state, under its name. Of several channels, also the mean and the
            standard deviation of each of their entries, and the probability of each symbol. Of several sequences, the
            first levels of the labels are the sequence's key, or its number.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not as many as the rows.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.forecast([0, 2], steps=2).to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
                 calm    busy
        ahead
        1      0.8616  0.1384
        2      0.8031  0.1969
        """
        n_steps, n_states = self.log_probabilities.shape[-2:]
        if index is None:
            index = self._labelled_blocks(np.arange(1, n_steps + 1), "ahead")
        of_states = self.probabilities.reshape(-1, n_states).T
        columns = dict(zip(self.state_names or range(n_states), of_states, strict=True))
        for channel in (self.channels or {}).values():
            columns |= channel._own_columns()
        return frames.frame(np.column_stack([*columns.values()]), [*columns], index)

    def to_xarray(self) -> xr.Dataset:
        """Make a dataset of xarray, with names for its axes and their labels.

        Returns
        -------
        xarray.Dataset
            The ``probability`` of each state by how many steps ``ahead`` and ``state``; where it is known, ``mean`` and
            ``variance`` by step, of vectors by ``entry`` and ``other_entry``, too; or the ``symbol_probability`` by
            step and ``symbol``. Before that, of several sequences, by the sequence's key, or its number. What is known
            of a channel has its name before, as ``calls mean``.

        Raises
        ------
        ImportError
            Without xarray, which ``pip install xarray`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> forecast = model.forecast([0, 2], steps=2).to_xarray()
        >>> forecast["mean"].sel(ahead=2).round(4).item()
        1.7876
        """
        n_steps, n_states = self.log_probabilities.shape[-2:]
        steps = {**self._by_key(), "ahead": list(range(1, n_steps + 1))}
        labels = {**steps, "state": list(self.state_names or range(n_states))}
        variables = {"probability": (list(labels), self.probabilities)}
        each = {"": self} if self.channels is None else {f"{name} ": one for name, one in self.channels.items()}
        for before, one in each.items():
            own, own_labels = one._own_variables(list(steps), before)
            variables |= own
            labels |= own_labels
        return arrays.dataset(variables, labels)

    def _own_variables(
        self, steps: list[Hashable], before: str
    ) -> tuple[dict[str, tuple[list[Hashable], FloatArray]], dict[Hashable, Any]]:
        """What is known of the observations of a channel, by axes, and the labels of these."""
        if self.symbol_probabilities is not None:
            symbols, n_symbols = f"{before}symbol", self.symbol_probabilities.shape[-1]
            variable = {f"{before}symbol_probability": ([*steps, symbols], self.symbol_probabilities)}
            return variable, {symbols: list(range(n_symbols) if self.symbols is None else self.symbols)}
        if self.mean is None or self.variance is None:
            return {}, {}
        entries = [f"{before}entry", f"{before}other_entry"] if self.variance.ndim > self.mean.ndim else []
        names = list(self._entry_names or range(self.mean.shape[-1]))[: self.mean.shape[-1]]
        variables = {
            f"{before}mean": ([*steps, *entries[:1]], self.mean),
            f"{before}variance": ([*steps, *entries], self.variance),
        }
        return variables, dict.fromkeys(entries, names)

    def _own_columns(self) -> dict[Hashable, FloatArray]:
        """What is known of the observations of a channel, in columns with a row a step."""
        names = self._entry_names or ()
        if self.symbol_probabilities is not None:
            table = self.symbol_probabilities.reshape(-1, self.symbol_probabilities.shape[-1])
            words = range(table.shape[1]) if self.symbols is None else self.symbols
            return {f"{names[0]} {word}": column for word, column in zip(words, table.T, strict=True)}
        if self.mean is None or self.variance is None:
            return {}
        n_rows = self.probabilities.size // self.probabilities.shape[-1]
        is_vector = self.variance.ndim > self.mean.ndim
        means = self.mean.reshape(n_rows, -1)
        variances = self.variance.reshape(n_rows, *self.variance.shape[-2:]) if is_vector else self.variance.ravel()
        deviations = _deviations(variances).reshape(n_rows, -1)
        columns: dict[Hashable, FloatArray] = {}
        for head, mean, deviation in zip(names, means.T, deviations.T, strict=False):
            columns |= {f"{head} mean": mean, f"{head} standard deviation": deviation}
        return columns

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the states to come as bands, and on panels below what will be observed.

        Of numbers, the mean and what lies within one and two standard deviations of it; of symbols, a row for each,
        dark where it is probable.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; the panels take some of its room. A new figure without it.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the bands: steps ahead along x, and up y the probability of each state.

        Raises
        ------
        ValueError
            Of a forecast of several sequences: draw ``forecast[n]``.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> ax = model.forecast([0, 2, 7, 4], steps=6).plot()
        >>> [axes.get_ylabel() for axes in ax.figure.axes]
        ['probability of each state', 'observation']
        """
        _checks.single_sequence(self._n_sequences)
        names = self._names(self.probabilities.shape[1])
        bands = plotting.Bands(self.probabilities, names, "probability of each state", has_scale=True)
        return plotting.draw_forecast(bands, self._fan(), ax)

    def _fan(self) -> plotting.Fan:
        """What is drawn of the observations, each entry in a column of its own."""
        n_steps, symbols = len(self.probabilities), self.symbol_probabilities
        if symbols is not None:
            words = range(symbols.shape[1]) if self.symbols is None else self.symbols
            return plotting.Fan(None, None, symbols, tuple(map(str, words)))
        if self.mean is None or self.variance is None:
            return plotting.Fan(None, None, None)
        means, deviations = self.mean.reshape(n_steps, -1), _deviations(self.variance).reshape(n_steps, -1)
        return plotting.Fan(means, deviations, None, (self._entry_names or ())[: means.shape[1]])

    def _preview(self) -> Preview:
        n_steps, n_states = self.log_probabilities.shape[-2:]
        what = f"{n_steps} steps, {n_states} states;"
        if self._n_sequences is None:
            return self._shown(f"Forecast: {what}", "step", lambda s: f"+{s + 1}")
        return self._part(np.s_[:, 0])._shown(
            f"Forecast: {len(self)} sequences, {what} at step +1:", "sequence", self._key_label
        )

    def _shown(self, title: str, head: str, label: Callable[[int], str]) -> Preview:
        """Show a title above rows, of steps or of sequences, that bear labels under a head."""
        n_rows, n_states = self.log_probabilities.shape
        rows = shown_steps(n_rows)
        what, heads, cells = self._shown_observations(rows)
        states = ([f"{p:.4f}" for p in row] for row in self.probabilities[rows])
        return preview(
            f"{title} probabilities{what}",
            [head, *self._names(n_states), *heads],
            n_rows,
            ([*row, *added] for row, added in zip(states, cells, strict=True)),
            label=label,
        )

    def _repr_html_(self) -> str:
        names = self._names(self.log_probabilities.shape[-1])
        if self._n_sequences is None:
            ends = ["+1", f"+{len(self.probabilities)}"]
            return html.of_series(self._preview(), names, _strip_of(self.probabilities), ends)
        strips = [_strip_of(self.probabilities[n]) for n in shown_steps(self._n_sequences)]
        return html.of_several(self._preview(), names, strips)

    def _shown_observations(self, rows: list[int]) -> tuple[str, list[str], list[list[str]]]:
        """What is printed of the observations in some rows: its name, the heads of its columns, and their cells."""
        if self.channels is not None:
            each = [channel._shown_observations(rows) for channel in self.channels.values()]
            heads = [head for _, own, _ in each for head in own]
            by_row = zip(*(cells for *_, cells in each), strict=True)
            shown_cells = [[cell for cells in of_row for cell in cells] for of_row in by_row]
            return "".join(dict.fromkeys(what for what, *_ in each)), heads, shown_cells
        if self.symbol_probabilities is not None:
            shown = self.symbol_probabilities[rows]
            best = shown.argmax(axis=1)
            symbols = range(shown.shape[1]) if self.symbols is None else self.symbols
            return (
                ", most probable symbol",
                list((self._entry_names or ("symbol",))[:1]),
                [
                    ["nan" if np.isnan(row[m]) else f"{symbols[m]} ({row[m]:.4f})"]
                    for m, row in zip(best, shown, strict=True)
                ],
            )
        if self.mean is None or self.variance is None:
            return "", [], [[] for _ in rows]
        means, deviations = self.mean[rows], _deviations(self.variance[rows])
        heads = ["observation"] if means.ndim == 1 else [f"observation[{d}]" for d in range(means.shape[1])]
        heads = heads if self._entry_names is None else list(self._entry_names[: len(heads)])
        pairs = np.stack([means, deviations], axis=-1).reshape(len(rows), -1, 2)
        return ", mean ± standard deviation", heads, [[f"{m:.5g} ± {d:.5g}" for m, d in row] for row in pairs]


def _strip_of(probabilities: FloatArray) -> html.Strip:
    return html.strip_of(lambda rows: html.mean_of(probabilities[rows]), 0, len(probabilities))


def _deviations(variances: FloatArray) -> FloatArray:
    """The standard deviation of each entry, from variances or covariance matrices, one a step."""
    own = variances if variances.ndim == 1 else np.diagonal(variances, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):  # an emission of one's own may say what it likes
        return np.sqrt(own)
