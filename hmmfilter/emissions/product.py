"""Several channels side by side, independent given the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import guesses
from hmmfilter.emissions.composite import Composite, draw, fill_part, moments_of, sides_of
from hmmfilter.emissions.gaussian import Gaussian
from hmmfilter.emissions.learning import Learner, Observed
from hmmfilter.emissions.mixing import mixture_moments
from hmmfilter.emissions.protocol import Column, Emission
from hmmfilter.emissions.sides import Ordered, Sides


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Product(Composite):
    """Several channels side by side, of any kinds, independent given the state.

    The log-likelihood of a row is the sum of those of its channels. A channel may be missing alone: it then says
    nothing, and the others say what they say.

    Parameters
    ----------
    channels : list of emissions, or dict of them by name
        One of each channel, all of the same states: those of `hmmfilter.emissions`, also of vectors, or of your own.
        With names, parameters are called ``"name.parameter"``, as in ``fixed=["emission.steps.shape"]``, and so is a
        list of pairs of a name and an emission. Without them, channels are called by the names of their columns, or
        else by their numbers.
    columns : list, optional
        The column of each channel, and of vectors a list of them: all by numbers, from 0, or all by names. Names are
        those of the columns of a frame or of a structured array, or the keys of rows that are dicts; other columns are
        not looked at. Rows without names have the columns of all channels, in their order. Without `columns`, those are
        taken that are called as channels of numbers are, if these have names, and else all, in order.
    names : list of str, optional
        The names of channels, where these are a list.

    Raises
    ------
    ValueError, TypeError
        Where channels have different states, or columns do not fit them.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts, outcomes = hf.emissions.Poisson([1.0, 5.0]), hf.emissions.Bernoulli([0.1, 0.9])
    >>> both = hf.emissions.Product([counts, outcomes], columns=["calls", "is_night"])
    >>> both.log_likelihoods([(0, 0), (7, None)]).round(4)
    array([[-1.1054, -7.3026],
           [-9.5252, -2.2591]])
    >>> import pandas as pd
    >>> both.log_likelihoods(pd.DataFrame({"is_night": [0], "day": [3], "calls": [0]})).round(4)
    array([[-1.1054, -7.3026]])
    """

    PART: ClassVar[str] = "channel"

    channels: tuple[Any, ...]
    columns: tuple[Any, ...] | None = None
    names: tuple[str, ...] | None = None

    def __init__(
        self,
        channels: Sequence[Any] | Mapping[str, Any],
        columns: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        emissions, known = _checks.parts("channels", channels, names)
        layout = _checks.layout(emissions, columns, known)
        widths = layout.widths
        given = None
        if columns is not None and layout.labels is not None:
            given = tuple(own[0] if w is None else own for own, w in zip(layout.labels, widths, strict=True))
        self._freeze(channels=emissions, columns=given, names=known)

    def __repr__(self) -> str:
        words = ", ".join(map(repr, self.channels))
        if self.names is not None:
            words = ", ".join(f"{name!r}: {each!r}" for name, each in zip(self.names, self.channels, strict=True))
        within = f"[{words}]" if self.names is None else f"{{{words}}}"
        columns = "" if self.columns is None else f", columns={list(self.columns)!r}"
        return f"Product({within}{columns})"

    @cached_property
    def _layout(self) -> _checks.Layout:
        return _checks.layout(self.channels, self.columns, self.names)

    @cached_property
    def _parts(self) -> dict[str, Any]:
        names = self.names
        if names is None:
            own = [None] * len(self.channels) if self.columns is None else list(self.columns)
            names = tuple(each if isinstance(each, str) else str(c) for c, each in enumerate(own))
        return dict(zip(names, self.channels, strict=True))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        n: int = self.channels[0].n_states
        return n

    @property
    def n_dimensions(self) -> int:
        """D, the number of columns that all channels take."""
        return self._layout.n_columns

    @property
    def _entry_names(self) -> tuple[str, ...]:
        """What the columns are called, in the order of the channels."""
        return tuple(name for names in self._names_by_channel for name in names)

    @cached_property
    def _names_by_channel(self) -> list[list[str]]:
        """What the columns of each channel are called."""
        layout = self._layout
        if layout.labels is not None and not layout.are_numbers:
            return [[str(label) for label in labels] for labels in layout.labels]
        heads = self._parts if self.names is not None else [f"observation {name}" for name in self._parts]
        each = zip(heads, layout.widths, strict=True)
        return [[head] if width is None else [f"{head}[{d}]" for d in range(width)] for head, width in each]

    @property
    def _named_columns(self) -> list[str] | None:
        """The columns that a table with names is looked at for; None where it is not known."""
        has_names = self._layout.labels is not None and not self._layout.are_numbers
        return list(map(str, self._layout.flat)) if has_names else None

    @property
    def _cell_readers(self) -> list[Any]:
        """What reads the cells of each column of a text table: None where they are numbers."""
        readers: list[Any] = [None] * self._layout.n_entries
        for channel, own in zip(self.channels, self._layout.places, strict=True):
            if getattr(channel, "symbols", None) is not None:
                readers[own[0]] = channel.from_cells
        return readers

    def _columns(self) -> list[Column]:
        each = self._parts.items()
        return [(f"{name} {head}", *rest) for name, part in each for head, *rest in getattr(part, "_columns", list)()]

    def _made(self, parts: list[Any], weights: FloatArray) -> Product:
        return Product(parts, self.columns, self.names)

    def _reordered(self, order: IntArray) -> Product:
        for channel in self.channels:
            _checks.reorderable(channel)
        return self._made([channel._reordered(order) for channel in self.channels], self._weights)

    def _by_part(self, observations: Any) -> list[Any]:
        return _checks.by_channel(observations, self._layout)

    def _without_names(self, observations: Any) -> Any:
        """Tables of columns by name as tables without names, which others may be joined to; all else as it is."""
        return _checks.without_names(observations, self._layout)

    def _rows(self, of_parts: list[FloatArray]) -> FloatArray:
        return np.column_stack(of_parts)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        room = np.empty_like(table)
        for c, (channel, own) in enumerate(zip(self.channels, observed[1:], strict=True)):
            fill_part(channel, own, begin, end, room if c else table)
            if c:
                table += room

    def _degrees(self, observed: Observed, begin: int, end: int, weights: FloatArray) -> tuple[FloatArray, list[Any]]:
        return self._weights, [weights] * len(self.channels)

    def _beliefs(self, prior: Any) -> tuple[Any, list[Any]]:
        return None, _checks.priors_by_part("the prior of a Product emission", prior, tuple(self._parts))

    def log_likelihoods(
        self, observations: Any, *, covariates: Any = None, lengths: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Compute the log-likelihoods of rows in each state: the sums of those of their channels.

        Parameters
        ----------
        observations : array_like, (T, D), DataFrame, or list of rows
            Rows of all columns, or tables and rows that have names; NaN or None where a channel is missing, or a row.
        covariates, lengths : array_like, optional
            What a channel takes besides observations, where it does.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where all channels are missing.

        Raises
        ------
        ValueError, TypeError
            For rows of other columns, and for what a channel cannot show, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> weather = hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"])
        >>> day = hf.emissions.Product({"sky": weather, "calls": hf.emissions.Poisson([1.0, 5.0])})
        >>> day.log_likelihoods([("wet", 3), {"sky": "dry", "calls": None}]).round(4)
        array([[-3.4849, -2.0688],
               [-0.6931, -2.3026]])
        """
        return self._table(observations, covariates, lengths)

    def _quick_row(self, observation: Any) -> FloatArray | None:
        """Of entries in the order of the channels, each of which has a quick way of its own."""
        if type(observation) not in (list, tuple) or self._layout.are_numbers:
            return None
        if len(observation) != self._layout.n_entries:
            return None
        total: FloatArray | None = None
        for channel, own, width in zip(self.channels, self._layout.places, self._layout.widths, strict=True):
            quick = vars(type(channel)).get("_quick_row")
            shown = observation[own[0]] if width is None else list(observation[own[0] : own[0] + width])
            row = None if quick is None else quick(channel, shown)
            if row is None:
                return None
            total = row if total is None else total + row
        return total

    @as_in(Learner.estimated, log_likelihoods)
    def estimated(
        self,
        observations: Any,
        weights: npt.ArrayLike,
        prior: Any = None,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> Product:
        """Estimate each channel by itself, from rows that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : list or dict, optional
            What is known of each channel beforehand, None for nothing: in their order, or by their names.
        covariates, lengths
            As in `Product.log_likelihoods`.

        Returns
        -------
        Product
            The most probable one of its kind.

        Raises
        ------
        ValueError, TypeError
            As the channels say.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Product([hf.emissions.Poisson([1.0]), hf.emissions.Bernoulli([0.5])])
        >>> start.estimated([(2, 0), (4, 1), (None, 1)], [[1.0], [1.0], [2.0]])
        Product([Poisson(rate=array([3.])), Bernoulli(probability=array([0.75]))])
        """
        return self._estimated(observations, weights, prior, covariates, lengths)

    @classmethod
    @as_in(Learner.guessed, log_likelihoods)
    def guessed(
        cls,
        observations: Any,
        weights: npt.ArrayLike,
        channels: Sequence[Any] | Mapping[str, Any],
        columns: Sequence[Any] | None = None,
        *,
        covariates: Any = None,
        lengths: npt.ArrayLike | None = None,
    ) -> Product:
        """Make one of rows that belong to each state to some degree: of each channel by itself.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        channels : list or dict
            What each channel is like: the name of a kind of emission, in capitals or not, a class, or a pair of either
            and a dict of what its ``guessed`` takes; by name, if in a dict.
        columns : list, optional
            The column of each channel, and of vectors a list of them, as for a `Product`.
        covariates, lengths
            As in `Product.log_likelihoods`.

        Returns
        -------
        Product
            Its channels are what their kinds guess.

        Raises
        ------
        ValueError, TypeError
            Where a kind is not known, columns are not as above, or as the kinds say.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> rows = [(1, "wet"), (0, "dry"), (9, "wet"), (7, "wet")]
        >>> groups = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
        >>> guess = hf.emissions.Product.guessed(rows, groups, {"calls": "poisson", "sky": "categorical"})
        >>> guess.channels[0].rate, guess.channels[1].probabilities[0], guess.channels[1].symbols
        (array([0.5, 8. ]), array([0.5, 0.5]), ('dry', 'wet'))
        """

        def guess(kind: Any, own: Any, options: dict[str, Any]) -> Any:
            taken = guesses.taken_by(kind, covariates=covariates, lengths=lengths)
            return kind.guessed(own, weights, **taken, **options)

        made, names = cls._guessed_by(observations, channels, columns, guess)
        return cls(made, columns, names)

    @classmethod
    def _stand_in(
        cls,
        observations: Any,
        *,
        channels: Sequence[Any] | Mapping[str, Any],
        columns: Sequence[Any] | None = None,
        covariates: Any = None,
    ) -> Product:
        """One of a single state that lets such observations in."""
        kinds, names = _checks.kinds(channels)
        layout = _checks.guessed_layout(kinds, columns, names)
        shapes = [(1,) if width is None else (1, width) for width in layout.widths]
        numbers = [Gaussian(np.zeros(shape), np.ones(shape), "variances") for shape in shapes]
        rows = guesses.joined(observations, layout.n_columns, cls(numbers, columns, names))
        make = partial(guesses.stand_in, covariates=covariates)
        made, names = cls._guessed_by(rows, channels, columns, make)
        return cls(made, columns, names)

    @classmethod
    def _guessed_by(
        cls, observations: Any, channels: Any, columns: Any, make: Callable[[Any, Any, dict[str, Any]], Any]
    ) -> tuple[list[Any], tuple[str, ...] | None]:
        """An emission of each channel, and their names."""
        kinds, names = _checks.kinds(channels)
        shown = _checks.by_channel(observations, _checks.guessed_layout(kinds, columns, names))
        made = []
        for c, (given, own) in enumerate(zip(kinds, shown, strict=True)):
            kind, options = guesses.kind_of(f"channels[{c}]", given)
            with _checks.blaming_part(cls.PART, str(c) if names is None else names[c]):
                made.append(make(kind, own, options))
        return made, names

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below each entry of a row, at it, and above it.

        Parameters
        ----------
        observations
            As in `Product.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        TypeError
            Also where a channel has no ``log_sides``.
        ValueError
            As for `log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> both = hf.emissions.Product([hf.emissions.Poisson([1.0]), hf.emissions.Bernoulli([0.5])])
        >>> log_below, log_at, log_above = both.log_sides([(0, 1)])
        >>> log_below.round(4).tolist()
        [[[-inf], [-0.6931]]]
        """
        return self._sides_alone(observations)

    def _sides_beside(self, observations: Any, beside: Beside | None) -> Sides:
        """The same of observations beside which there is more."""
        for channel in self.channels:
            _checks.has_sides(channel)
        tables, widths = [], self._layout.widths
        each = zip(self._parts.items(), self._by_part(observations), self._besides(beside), widths, strict=True)
        for (name, channel), own, known, width in each:
            with _checks.blaming_part(self.PART, name):
                sides = sides_of(channel, own, known)
            table = sides if sides.ndim == 4 else sides[:, :, np.newaxis]
            n_beside = (width or 1) - table.shape[2]  # columns that are no observations, as of exposures
            tables.append(np.pad(table, [(0, 0), (0, 0), (0, n_beside), (0, 0)], constant_values=np.nan))
        below, at, above = np.concatenate(tables, axis=2)
        return below, at, above

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of a row in each state.

        Returns
        -------
        mean : ndarray, (K, D)
            E(v | h = k), in the order of the channels; NaN of channels that have none, as symbols have.
        variance : ndarray, (K, D, D)
            The covariances, 0 between channels; NaN on the diagonal of those that have none.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> both = hf.emissions.Product([hf.emissions.Poisson([1.0]), hf.emissions.Bernoulli([0.5])])
        >>> mean, variance = both.moments()
        >>> mean, variance
        (array([[1. , 0.5]]), array([[[1.  , 0.  ],
                [0.  , 0.25]]]))
        """
        n = self.n_dimensions
        means, variances = np.full((self.n_states, n), np.nan), np.zeros((self.n_states, n, n))
        for channel, entries in zip(self.channels, self._entries, strict=True):
            variances[:, entries, entries] = np.nan  # also of columns that are no observations, as of exposures
            mean, variance = (moment.reshape(self.n_states, -1) for moment in moments_of(channel))
            own = slice(entries[0], entries[0] + mean.shape[1])
            means[:, own] = mean
            variances[:, own, own] = variance.reshape(self.n_states, mean.shape[1], mean.shape[1])
        return means, variances

    def _mixed_moments(
        self, log_probabilities: FloatArray, mean: FloatArray, variance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Moments of what the states show together; those of angles by themselves, which have no covariances."""
        mixed_mean, mixed_variance = mixture_moments(log_probabilities, mean, variance)
        for channel, (d, *_), width in zip(self.channels, self._entries, self._layout.widths, strict=True):
            mix = getattr(channel, "_mixed_moments", None)
            if mix is not None and width is None:
                own, spread = mix(log_probabilities, mean[:, d], variance[:, d, d])
                mixed_variance[:, d], mixed_variance[:, :, d] = np.nan, np.nan
                mixed_mean[:, d], mixed_variance[:, d, d] = own, spread
        return mixed_mean, mixed_variance

    @cached_property
    def _entries(self) -> list[list[int]]:
        """The entries of each channel, of all in their order."""
        return self._layout._replace(labels=None).places

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> npt.NDArray[Any]:
        """Draw one row for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T, D)
            The rows, of objects where not all of it is numbers. Columns are in the order of the channels, or where
            their numbers say; one that no channel takes is missing.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> both = hf.emissions.Product([hf.emissions.Poisson([1.0, 5.0]), hf.emissions.Bernoulli([0.1, 0.9])])
        >>> both.sample([0, 1, 1], rng=0).tolist()
        [[1.0, 0.0], [1.0, 1.0], [7.0, 1.0]]
        """
        return self._sampled(_checks.states(states, self.n_states), _checks.generator(rng), None)

    def _sampled(self, known: IntArray, rng: np.random.Generator, beside: Beside | None) -> npt.NDArray[Any]:
        """Rows of these states."""
        each = zip(self.channels, self._besides(beside), strict=True)
        drawn = [draw(channel, known, rng, own).reshape(len(known), -1) for channel, own in each]
        are_numbers = all(part.dtype.kind in "biuf" for part in drawn)
        rows = np.full((len(known), self._layout.n_entries), np.nan, dtype=np.float64 if are_numbers else object)
        for own, part in zip(self._layout.places, drawn, strict=True):
            rows[:, own] = part
        return rows


def of_columns(kind: Any, table: npt.ArrayLike, **options: Any) -> Product:
    """One of a kind for each column of a table of parameters, (K, D)."""
    return Product([kind(column, **options) for column in np.asarray(table).T])


def guessed_columns(kind: Any, observations: Any, weights: npt.ArrayLike, width: int) -> Any:
    """The same, guessed of vectors so wide: a Product."""
    return Product.guessed(observations, weights, [kind] * width)
