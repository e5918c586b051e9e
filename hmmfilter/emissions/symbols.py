"""Emissions of symbols: a few of them, or two."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.protocol import Column, Emission, OfNumbers, log_of
from hmmfilter.sampling import draw_categories


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Categorical(OfNumbers):
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

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probabilities)

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
        return _rows_of(self._by_symbol, _checks.whole_observations(observations, at_most=n_symbols - 1))

    def _quick_row(self, observation: Any) -> FloatArray | None:
        if self.symbols is None:
            return _row_of(self._by_symbol, observation)
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


def _rows_of(table: FloatArray, numbers: FloatArray) -> FloatArray:
    """The rows with these numbers, and the last one where they are missing."""
    n_missing = len(table) - 1
    rows: FloatArray = table.take(np.where(np.isnan(numbers), n_missing, numbers).astype(np.int64), axis=0)
    return rows


def _row_of(table: FloatArray, observation: Any) -> FloatArray | None:
    """The row with this number, or None where `_rows_of` has to be asked."""
    number, n_missing = _checks.plain_number(observation), len(table) - 1
    if number is None or not (0 <= number < n_missing and number % 1 == 0):
        return None
    row: FloatArray = table[int(number)].copy()
    return row


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


@dataclass(frozen=True, eq=False, init=False)
class Bernoulli(OfNumbers):
    """Yes or no: observations 1 and 0.

    Parameters
    ----------
    probability : array_like, (K,)
        p(v = 1 | h = k).

    Raises
    ------
    ValueError, TypeError
        Where an entry is no probability.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.emissions.Bernoulli([0.5, 0.1]).log_likelihoods([True, False]).round(4)
    array([[-0.6931, -2.3026],
           [-0.6931, -0.1054]])
    """

    probability: FloatArray

    def __init__(self, probability: npt.ArrayLike) -> None:
        self._freeze(probability=_checks.probabilities("probability", probability, ("K",)))

    def _columns(self) -> list[Column]:
        return [("p(1)", self.probability, ".4f")]

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.probability)

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities of observations in each state.

        Parameters
        ----------
        observations : array_like, (T,)
            0 or 1, False or True; NaN or None where missing.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.

        Raises
        ------
        ValueError, TypeError
            For anything else, with its index.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Bernoulli([0.5, 1.0]).log_likelihoods([0]).round(4).tolist()
        [[-0.6931, -inf]]
        """
        return _rows_of(self._by_outcome, _checks.whole_observations(observations, at_most=1))

    def _quick_row(self, observation: Any) -> FloatArray | None:
        return _row_of(self._by_outcome, observation)

    @cached_property
    def _by_outcome(self) -> FloatArray:
        """A row of log-likelihoods for 0, one for 1, and one for what is missing."""
        with np.errstate(divide="ignore"):
            logs = [np.log1p(-self.probability), np.log(self.probability)]
        table: FloatArray = frozen(np.stack([*logs, np.zeros(self.n_states)]))
        return table

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Compute the mean and the variance of an observation in each state.

        Returns
        -------
        mean : ndarray, (K,)
            E(v | h = k).
        variance : ndarray, (K,)
            Var(v | h = k).

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Bernoulli([0.5, 1.0]).moments()
        (array([0.5, 1. ]), array([0.25, 0.  ]))
        """
        return self.probability, self.probability * (1 - self.probability)

    @as_in(Emission.sample)
    def sample(self, states: npt.ArrayLike, rng: np.random.Generator | int | None = None) -> IntArray:
        """Draw 0 or 1 for each entry of `states`.

        Parameters
        ----------
        states, rng
            As in `Emission.sample`.

        Returns
        -------
        ndarray, (T,)
            The observations.

        Raises
        ------
        ValueError, TypeError
            Where there is no such state, with its index, or `rng` is neither a generator nor a seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> hf.emissions.Bernoulli([0.0, 1.0]).sample([0, 1, 1], np.random.default_rng(0))
        array([0, 1, 1])
        """
        probability = self.probability[_checks.states(states, self.n_states)]
        return (_checks.generator(rng).random(len(probability)) < probability).astype(np.int64)
