"""How far off the parameters of a fit may be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.results import frames, html
from hmmfilter.results.base import Result, Table
from hmmfilter.results.outline import Column, outline
from hmmfilter.results.parameters import Cells, Parameters, alone, between, cells_of, columns_of, entries, named
from hmmfilter.results.printing import DOTS, Preview, counted, shown_steps, with_dots

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 6  # of a matrix of which none is left out


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OfParameters(Result):
    """What is known of each entry of the parameters, which prints as a table of the states."""

    _model: Any = field(default=None)  # whose parameters they are
    _row_name: ClassVar[str] = "entry"

    @property
    def _emission(self) -> Any:
        return self._model.emission

    @abstractmethod
    def _cells(self) -> Cells:
        """What is said of each entry."""

    @abstractmethod
    def _frame_columns(self) -> dict[str, dict[str, float]]:
        """The columns of the frame, each by the names of the entries."""

    def _columns(self) -> tuple[list[Column], list[Column]]:
        """What is said of the chain, and of the emission."""
        return columns_of(self._cells(), self._names(1), self._model)

    def _lines(self) -> list[str]:
        """What stands above the table."""
        return [f"{type(self).__name__}: {self._states_and_emission()}"]

    def _notes(self) -> list[str]:
        """What stands below it."""
        return []

    def _states_and_emission(self) -> str:
        chain = type(self._model.chain).__name__
        moves = "" if chain == "Dense" else f"{chain} transitions, "
        return f"{counted(len(self._names(1)), 'state')}, {moves}{type(self._emission).__name__} emission"

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame with a row for each entry of the parameters.

        Parameters
        ----------
        index : array_like or pandas.Index, optional
            The labels of the rows, instead of the names of the entries, such as ``transition[0, 1]``.

        Returns
        -------
        pandas.DataFrame
            What is known of them, a column each; NaN where nothing is.

        Raises
        ------
        ImportError, ValueError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings; where the labels are not as many as the
            rows.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]))
        >>> fitted = start.fit([3, 1, 4, 1, 5, 9])
        >>> fitted.confidence_intervals().to_frame().round(4)
                           lower   upper
        initial[0]           NaN     NaN
        transition[0, 0]     NaN     NaN
        emission.rate[0]  2.5474  5.7685
        """
        columns = self._frame_columns()
        if index is None:
            index = frames.single_labels(list(next(iter(columns.values()))))
        return frames.frame_of_columns({name: list(column.values()) for name, column in columns.items()}, index)

    def __repr__(self) -> str:
        names = self._names(1)
        text = outline("\n  ".join(self._lines()), names, *self._columns())
        return "\n  ".join([text, *self._notes()])

    def _repr_html_(self) -> str:
        names = self._names(1)
        return html.of_parameters(self._lines(), ("state", names, ""), self._columns(), self._notes())


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StandardErrors(OfParameters):
    """How far off the parameters of a fit may be; returned by `Fitted.standard_errors`.

    Entries have none, NaN, that are held, or came to a bound, or of which nothing was seen.

    Attributes
    ----------
    initial : ndarray, (K,)
        Those of the initial distribution.
    transition : ndarray, (K, K)
        Those of the transition: of its matrix; of several (M, K, K); or of its generator (K, K), or its coefficients
        (K, K, C + 1).
    final : ndarray, (K,), or None
        Those of the end probabilities, of a model that has some.
    emission : dict of ndarray
        Those of the emission's parameters, by name, in their shapes.
    state_names : tuple of str or None
        The names of the states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> fitted = hf.fit(start, counts, initial="fixed")
    >>> fitted.standard_errors()
    StandardErrors: 2 states, Poisson emission
      state  initial    to 0    to 1     rate
          0        -  0.1548  0.1548  0.33296
          1        -  0.1769  0.1769   1.2430
    """

    initial: FloatArray
    transition: FloatArray
    final: FloatArray | None = None
    emission: dict[str, FloatArray]

    def _parameters(self) -> Parameters:
        return named(self._model, self.initial, self.transition, self.final, self.emission)

    def _cells(self) -> Cells:
        return cells_of(alone, self._emission, self._parameters())

    def _frame_columns(self) -> dict[str, dict[str, float]]:
        return {"standard error": entries(self._parameters(), self._emission)}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(StandardErrors)
class ConfidenceLimits(StandardErrors):
    """One end of confidence intervals.

    Attributes
    ----------
    initial, transition, final, emission, state_names
        As in `StandardErrors`.
    """


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ConfidenceIntervals(OfParameters):
    """Intervals that miss what they are about rarely; returned by `Fitted.confidence_intervals`.

    Attributes
    ----------
    level : float
        How often they hold what they are about, where there are many data.
    lower, upper : ConfidenceLimits
        Their ends: ``initial`` (K,), ``transition`` (K, K), ``final`` (K,) or None, and ``emission``, a dict, as of
        `StandardErrors`.
    state_names : tuple of str or None
        The names of the states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> fitted = hf.fit(start, counts, initial="fixed")
    >>> fitted.confidence_intervals()
    ConfidenceIntervals: 95 %, 2 states, Poisson emission
      state  initial              to 0              to 1               rate
          0        -  [0.3723, 0.9365]  [0.0635, 0.6277]  [0.40570, 1.8387]
          1        -  [0.0267, 0.6872]  [0.3128, 0.9733]   [6.6141, 11.550]
    """

    level: float
    lower: ConfidenceLimits
    upper: ConfidenceLimits

    def _lines(self) -> list[str]:
        return [f"ConfidenceIntervals: {100 * self.level:g} %, {self._states_and_emission()}"]

    def _cells(self) -> Cells:
        return cells_of(between, self._emission, self.lower._parameters(), self.upper._parameters())

    def _frame_columns(self) -> dict[str, dict[str, float]]:
        ends = {"lower": self.lower, "upper": self.upper}
        return {name: entries(end._parameters(), self._emission) for name, end in ends.items()}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ParameterCovariance(Table):
    """How the free parameters of a fit may be off together; returned by `Fitted.covariance`.

    Of entries that sum to 1, or are tied, one follows from the others, and is left out: of a row of the transition, the
    one on the diagonal. NumPy takes it for its matrix.

    Attributes
    ----------
    matrix : ndarray, (p, p)
        The covariances.
    names : tuple of str
        What the rows and columns are, as ``transition[0, 1]``.
    state_names : tuple of str or None
        The names of the states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> hf.fit(start, counts, initial="fixed").covariance()
    ParameterCovariance: 4 free numbers
                        transition[0, 1]  transition[1, 0]  emission.rate[0]  emission.rate[1]
      transition[0, 1]          0.023958       -8.0631e-05       -0.00038757        -0.0032242
      transition[1, 0]       -8.0631e-05           0.03131          0.000467         0.0032861
      emission.rate[0]       -0.00038757          0.000467           0.11086          0.013422
      emission.rate[1]        -0.0032242         0.0032861          0.013422            1.5451
    """

    matrix: FloatArray
    names: tuple[str, ...]
    _row_name: ClassVar[str] = "entry"

    def _table(self) -> FloatArray:
        return self.matrix

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of the matrix.

        Parameters
        ----------
        index : array_like or pandas.Index, (p,), optional
            The labels of the rows, instead of the names of the entries.

        Returns
        -------
        pandas.DataFrame
            A column for each free number.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not p in number.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]))
        >>> start.fit([3, 1, 4, 1, 5, 9]).covariance().to_frame().round(4)
                          emission.rate[0]
        emission.rate[0]            0.6389
        """
        return frames.frame(self.matrix, self.names, list(self.names) if index is None else index)

    def _preview(self) -> Preview:
        shown = shown_steps(len(self.names), MOST_COLUMNS)
        header = ["", *_cut([self.names[n] for n in shown], self.names)]
        rows = [[self.names[m], *_cut([f"{self.matrix[m, n]:.5g}" for n in shown], self.names)] for m in shown]
        title = f"ParameterCovariance: {counted(len(self.names), 'free number')}"
        return Preview(title, [header, *rows], len(shown) < len(self.names))


def _cut(cells: list[str], names: Sequence[str]) -> list[str]:
    return with_dots(cells, len(names), DOTS)
