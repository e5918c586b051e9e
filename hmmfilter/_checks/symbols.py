"""Symbols: which ones an emission knows, which one an observation is, and which ones JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from hmmfilter._arrays import IntArray
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.observations import NUMBERS, Atoms, entries_of, is_missing, out_of_column, whole_observations
from hmmfilter._checks.settings import MOST_WORDS

Symbols = tuple[Hashable, ...]


def symbols(value: Any, n_symbols: int) -> Symbols:
    """Let one symbol for each column of probabilities in, all different and none of them a missing value."""
    given = entries_of(value)
    if given is None:
        hint = f": write list({shown(value)})" if isinstance(value, str) and len(value) == n_symbols else ""
        raise TypeError(f"symbols must be a list of {n_symbols}, got {shown(value)}{hint}")
    plain = tuple(symbol.item() if _is_plain(symbol) else symbol for symbol in given)
    for m, symbol in enumerate(plain):
        if is_missing(symbol):
            raise ValueError(f"symbols[{m}] must not be {shown(symbol)}, which stands for a missing observation")
        if not _is_hashable(symbol):
            raise TypeError(f"symbols[{m}] must be hashable, as strings, numbers and tuples are, got {shown(symbol)}")
    if len(plain) != n_symbols or len(set(plain)) != n_symbols:
        raise ValueError(f"symbols must be {n_symbols} different ones, got {shown(list(plain))}")
    return plain


def _is_plain(value: Any) -> bool:
    """Whether a scalar of numpy says the same as one of Python."""
    return isinstance(value, np.generic) and value.dtype.kind in "biufU"


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def atoms_of(known: Symbols | None) -> Atoms:
    """Tuples, where there is a symbol among them."""
    return (tuple,) if any(isinstance(symbol, tuple) for symbol in known or ()) else ()


def symbol_numbers(value: Any, known: Symbols) -> IntArray:
    """Let observations in that are symbols, or missing; the answer is the number of each, M where it is missing."""
    items, numbers = entries_of(value), {symbol: m for m, symbol in enumerate(known)}
    if items is None:
        hint = f": write list({shown(value)})" if isinstance(value, str) and numbers.keys() >= set(value) else ""
        raise TypeError(f"observations must be a list of symbols, got {shown(value)}{hint}")
    if len(items) == 0:
        raise ValueError("observations must have at least one symbol, got none")

    def number_of(item: Any) -> int:
        number = numbers.get(item) if _is_hashable(item) else None
        if number is None:
            number = len(known) if is_missing(item) else -1
        return number

    items = out_of_column(items, atoms_of(known))
    found = list(map(number_of, items))
    if -1 in found:
        t = found.index(-1)
        words = ", ".join(map(shown, known[:MOST_WORDS])) + (", ..." if len(known) > MOST_WORDS else "")
        raise EntryError(
            f"observations[{t}] must be one of {words}, or NaN or None where missing, got {shown(items[t])}", (t,)
        )
    return np.array(found, dtype=np.int64)


def symbols_of(value: Any, given: Any) -> tuple[Symbols | None, int]:
    """The symbols that observations are of, and how many there are: those given, or those that occur.

    Whole numbers need no names. Strings are in the order of the alphabet, all else in that of its first occurrence.
    """
    if given is not None:
        n_symbols = len(entries_of(given) or ())
        return symbols(given, n_symbols), n_symbols
    items = out_of_column(entries_of(value) or ())
    named = [item for item in items if not is_missing(item) and _is_hashable(item) and not isinstance(item, NUMBERS)]
    if not named:
        numbers = whole_observations(value)
        return None, int(numbers.max(initial=0.0, where=~np.isnan(numbers))) + 1
    occurring = list(dict.fromkeys(item for item in items if not is_missing(item) and _is_hashable(item)))
    are_words = all(isinstance(symbol, str) for symbol in occurring)
    return symbols(sorted(occurring) if are_words else occurring, len(occurring)), len(occurring)


def storable_symbols(known: Symbols) -> None:
    """Insist on symbols that come back from JSON as they were."""
    for m, symbol in enumerate(known):
        if type(symbol) not in (str, int, float, bool) or symbol in (math.inf, -math.inf):
            raise TypeError(
                f"symbols[{m}] must be a string, a finite number, or True or False to be written as JSON, "
                f"got {shown(symbol)}"
            )
