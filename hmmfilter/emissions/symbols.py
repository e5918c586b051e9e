"""Emissions of symbols."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import sides
from hmmfilter.emissions.distributions import OfDistributions
from hmmfilter.emissions.learning import Learner, Observed, estimated_from_sums
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers, log_of
from hmmfilter.emissions.rows import add_rows, fill_rows, numbered, row_of, rows_of
from hmmfilter.emissions.sides import Ordered, Sides
from hmmfilter.priors import Dirichlet
from hmmfilter.sampling import draw_categories


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Categorical(OfDistributions, OfNumbers):
    """Symbols, such as the faces of a die or the letters of a strand: 0 to M − 1, or those that you name.

    Parameters
    ----------
    probabilities : array_like, (K, M)
        p(v = m | h = k) at [k, m]; rows sum to 1 within 1e-8 and are used as given, or divided by their sums where they
        come as float32 or float16.
    symbols : sequence of hashables, (M,), optional
        What the columns are for: strings, numbers, or anything else that can be a key of a dictionary, all different.
        Observations are then these symbols, and so is what is drawn. Missing values cannot be symbols.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution, or the symbols are not M different ones.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]]).log_likelihoods([0, None, 1]).round(4)
    array([[-0.6931, -0.1054],
           [ 0.    ,  0.    ],
           [-0.6931, -2.3026]])
    >>> weather = hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"])
    >>> weather.log_likelihoods(["wet", None, "dry"]).round(4)
    array([[-0.6931, -0.1054],
           [ 0.    ,  0.    ],
           [-0.6931, -2.3026]])
    """

    probabilities: FloatArray
    symbols: tuple[Hashable, ...] | None = None

    def __init__(
        self, probabilities: npt.ArrayLike, symbols: Sequence[Hashable] | None = None, *, normalize: bool = False
    ) -> None:
        table = _checks.distributions("probabilities", probabilities, ("K", "M"), normalize)
        known = None if symbols is None else _checks.symbols(symbols, table.shape[1])
        self._freeze(probabilities=table, symbols=known)

    def __repr__(self) -> str:
        named = "" if self.symbols is None else f", symbols={self.symbols!r}"
        return f"Categorical(probabilities={self.probabilities!r}{named})"

    def _columns(self) -> list[Column]:
        symbols = range(self.probabilities.shape[1]) if self.symbols is None else self.symbols
        return [(f"p({symbol})", column, ".4f") for symbol, column in zip(symbols, self.probabilities.T, strict=True)]

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            Symbols, whole numbers from 0 to M − 1 where they have no names; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For a symbol that the model does not know, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]]).log_likelihoods([None]).tolist()
        [[0.0, 0.0]]
        """
        if self.symbols is not None:
            return self._by_symbol[_checks.symbol_numbers(observations, self.symbols)]
        n_symbols = self.probabilities.shape[1]
        return rows_of(self._by_symbol, _checks.whole_observations(observations, at_most=n_symbols - 1))

    def _quick_row(self, observation: Any) -> FloatArray | None:
        if self.symbols is None:
            return row_of(self._by_symbol, observation)
        number = self._numbers.get(observation) if type(observation) in _checks.PLAIN else None
        return None if number is None else self._by_symbol[number].copy()

    @cached_property
    def _by_symbol(self) -> FloatArray:
        """A row of log-likelihoods for each symbol, and one for those that are missing."""
        table: FloatArray = frozen(np.vstack([log_of(self.probabilities.T), np.zeros(self.n_states)]))
        return table

    @cached_property
    def _numbers(self) -> dict[Hashable, int]:
        return {symbol: m for m, symbol in enumerate(self.symbols or ())}

    @as_in(Learner.estimated)
    def estimated(self, observations: Any, weights: npt.ArrayLike, prior: Dirichlet | None = None) -> Categorical:
        """Estimate the probabilities from symbols that belong to each state to some degree: their weighted shares.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : Dirichlet, optional
            What is known of the probabilities beforehand, of those that are 0 nothing.

        Returns
        -------
        Categorical
            The most probable one; a state to which nothing belongs keeps its row, but for what a prior says.

        Raises
        ------
        ValueError, TypeError
            For what is no symbol or no weight, with its index, or a prior of another kind.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]])
        >>> start.estimated([0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]).probabilities
        array([[0.25, 0.75],
               [0.5 , 0.5 ]])
        >>> start.estimated([0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]], hf.priors.Dirichlet(2.0)).probabilities
        array([[0.375, 0.625],
               [0.5  , 0.5  ]])
        """
        estimate: Categorical = estimated_from_sums(self, observations, weights, prior)
        return estimate

    @classmethod
    @as_in(Learner.guessed)
    def guessed(
        cls, observations: Any, weights: npt.ArrayLike, symbols: Sequence[Hashable] | None = None
    ) -> Categorical:
        """Make one of symbols that belong to each state to some degree.

        A symbol of which nothing belongs to a state has probability 0 there, and a fit keeps it at that: a start to
        learn from needs some weight of every symbol in every state.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        symbols : sequence of hashables, (M,), optional
            All that there are. Without them, whole numbers go from 0 up to the largest; of anything else those are
            taken that occur, words in the order of the alphabet.

        Returns
        -------
        Categorical
            Its probabilities are the weighted shares; a state to which nothing belongs gets the shares of all symbols.

        Raises
        ------
        ValueError, TypeError
            For what is no symbol or no weight, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> weights = [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]
        >>> hf.emissions.Categorical.guessed([0, 1, 1], weights).probabilities
        array([[0.5, 0.5],
               [0. , 1. ]])
        >>> hf.emissions.Categorical.guessed(["wet", "dry", "dry"], weights)
        Categorical(probabilities=array([[0.5, 0.5],
               [1. , 0. ]]), symbols=('dry', 'wet'))
        """
        names, n_symbols = _checks.symbols_of(observations, symbols)
        even = cls(np.full((1, n_symbols), 1 / n_symbols), names)
        of_all = even.estimated(observations, np.ones((len(even._observed(observations)[0]), 1)))
        degrees = _checks.degrees(weights, len(even._observed(observations)[0]))
        start = cls(np.repeat(of_all.probabilities, degrees.shape[1], axis=0), names)
        return start.estimated(observations, degrees)

    def _observed(self, observations: Any) -> Observed:
        n_symbols = self.probabilities.shape[1]
        if self.symbols is None:
            return numbered(_checks.whole_observations(observations, at_most=n_symbols - 1), n_symbols)
        numbers = _checks.symbol_numbers(observations, self.symbols)
        return numbered(np.where(numbers < n_symbols, numbers, np.nan), n_symbols)

    def _fill(self, observed: Observed, begin: int, end: int, table: FloatArray) -> None:
        fill_rows(self._by_symbol, observed, begin, end, table)

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        add_rows(self.probabilities.shape[1], observed, begin, end, weights, sums)

    def _with(self, parameters: dict[str, FloatArray]) -> Categorical:
        return Categorical(parameters["probabilities"], self.symbols)

    @as_in(log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable symbols before an observation are in each state, it itself, and those after it.

        Symbols are taken in the order of the columns. Where that means nothing, their residuals are a check all the
        same: those of a model that is true are normal in any order.

        Parameters
        ----------
        observations
            As in `Categorical.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Categorical.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> die = hf.emissions.Categorical([[0.25, 0.25, 0.5]])
        >>> [table.round(4).tolist() for table in die.log_sides([1])]
        [[[-1.3863]], [[-1.3863]], [[-0.6931]]]
        """
        below, at, above = rows_of(self._sides_by_symbol, self._observed(observations)[0])
        return below, at, above

    @cached_property
    def _sides_by_symbol(self) -> FloatArray:
        table: FloatArray = frozen(sides.of_symbols(self.probabilities, self._by_symbol[:-1]))
        return table

    def from_cells(self, cells: Sequence[str], missing: Collection[str] = ("",)) -> list[Any]:
        """Make observations of the cells of a text table, for symbols that have names.

        A cell that reads as a symbol is that symbol, also where it is among the words for a missing one. Numbers may be
        written in any way: 1, 1.0 and 1e0 are the same. A cell that is neither stays as it is, for `log_likelihoods` to
        refuse at its place.

        Parameters
        ----------
        cells : sequence of str, (T,)
            The cells of one column.
        missing : collection of str
            What stands for a missing observation; blanks around a cell do not count.

        Returns
        -------
        list, (T,)
            Symbols, None where missing, and cells that are neither.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Categorical([[0.5, 0.5]], symbols=["wet", 2]).from_cells(["wet", "", "2.0", "dry"])
        ['wet', None, 2, 'dry']
        """
        by_text = {str(symbol): symbol for symbol in self.symbols or range(self.probabilities.shape[1])}
        by_number = {symbol: symbol for symbol in by_text.values() if isinstance(symbol, (int, float))}

        def read(cell: str) -> Any:
            text = cell.strip()
            if cell in by_text or text in by_text:
                return by_text.get(cell, by_text.get(text))
            if text in missing:
                return None
            with contextlib.suppress(ValueError):
                return by_number.get(float(text), cell)
            return cell

        return list(map(read, cells))

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> npt.NDArray[Any]:
        """Draw one symbol for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T,)
            The observations; of a dtype for strings or numbers where all symbols are, else of objects.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Categorical([[1.0, 0.0], [0.0, 1.0]]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 1, 1])
        """
        generator = _checks.generator(rng)
        drawn = draw_categories(self.probabilities, _checks.states(states, self.n_states), generator)
        return drawn if self.symbols is None else _array_of(self.symbols)[drawn]


def _array_of(symbols: tuple[Hashable, ...]) -> npt.NDArray[Any]:
    """The symbols as a vector, of strings or numbers where that changes none of them."""
    array = np.empty(len(symbols), dtype=object)
    for m, symbol in enumerate(symbols):  # one by one, since a tuple would be taken for a row
        array[m] = symbol
    kinds = {type(symbol) for symbol in symbols}
    if len(kinds) == 1 and kinds <= {str, int, float, bool}:
        plain = np.array(symbols)
        array = plain if plain.tolist() == array.tolist() else array
    return array
