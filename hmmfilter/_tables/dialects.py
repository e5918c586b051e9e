"""How a CSV file tells its columns apart and writes its numbers, and how a file in another dialect is recognised."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks import shown

DELIMITERS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}  # those that are looked for, as the command is told them
TAB = ("tab", "\\t")
TRUTHS = {"true": 1.0, "false": 0.0}
QUOTED = re.compile(r'"[^"]*"')
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")
THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")  # in which a comma may stand before decimals or not
DECIMAL_POINT = re.compile(r"\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Dialect:
    """The way a CSV file is written.

    Parameters
    ----------
    delimiter : str, optional
        What stands between two cells: a character, ``"tab"``, or ``"auto"`` for whichever of comma, semicolon, tab and
        bar the first line has most of.
    decimal : {".", ","}, optional
        What stands before the decimals of a number.
    missing : sequence of str, optional
        What a missing observation is written as, beside an empty cell: words, in upper or lower case, or numbers.
    comment : str, optional
        What a line begins with that is no row; an empty string where there are no such lines. By default, a line with
        ``#`` is none above the header, nor below it unless it has the cells of a row of two or more columns.
    has_header : bool, optional
        Whether the first row names the columns; their names are 1, 2, ... where none does.

    Raises
    ------
    ValueError
        If the delimiter or the decimal sign is none that a file can be read with.

    Examples
    --------
    >>> from hmmfilter._tables import Dialect
    >>> Dialect(delimiter=";", decimal=",").numbers(["0,5", " NA", "", "true"])
    array([0.5, nan, nan, 1. ])
    """

    delimiter: str = ","
    decimal: str = "."
    missing: Sequence[str] = ("NA", "null", "NaN", ".", "?")
    comment: str | None = None
    has_header: bool = True

    def __post_init__(self) -> None:
        if self.delimiter in TAB:
            object.__setattr__(self, "delimiter", "\t")
        if self.delimiter != "auto" and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ValueError(f"--delimiter must be one character, 'tab' or 'auto', got {shown(self.delimiter)}")
        if self.decimal not in (".", ","):
            raise ValueError(f"--decimal must be '.' or ',', got {shown(self.decimal)}")

    def settled(self, line: str) -> Dialect:
        """The dialect with its delimiter, which the first line tells where it is to be found out."""
        return replace(self, delimiter=self._most(line)) if self.delimiter == "auto" else self

    def _most(self, line: str) -> str:
        """The delimiter that a line has most of, where commas between digits are taken for decimal ones if need be."""
        plain = QUOTED.sub("", line)
        counts = {mark: plain.count(mark) for mark in DELIMITERS}
        others = any(counts[mark] for mark in DELIMITERS if mark != ",")
        if self.decimal == "," or (others and not re.search(r"(?<!\d),|,(?!\d)", plain)):
            counts[","] = 0
        return max(counts, key=counts.__getitem__) if any(counts.values()) else ","

    @functools.cached_property
    def _words(self) -> dict[str, float]:
        """The cells that are words, most of the ways that they are written, and what they stand for."""
        values = {**TRUTHS, **dict.fromkeys(["", *self.missing], math.nan)}
        ways = (str, str.lower, str.upper, str.title, str.casefold)
        return {way(word): value for way in ways for word, value in values.items()}

    @functools.cached_property
    def missing_words(self) -> frozenset[str]:
        """What stands for a missing observation, most of the ways that it is written."""
        return frozenset(word for word, value in self._words.items() if math.isnan(value))

    @functools.cached_property
    def _missing_numbers(self) -> list[float]:
        """The numbers that stand for missing observations."""
        plain = Dialect(decimal=self.decimal, missing=())
        numbers = [plain.number(word) for word in self.missing]
        return [number for number in numbers if number is not None and not math.isnan(number)]

    def numbers(self, cells: Sequence[str]) -> FloatArray | None:
        """The numbers in the cells of a column, NaN for a missing one; None where there is anything else."""
        text = "".join(cells)
        if "_" in text or (self.decimal == "," and "." in text):  # which are no parts of a number here
            return self._numbers_one_by_one(cells)
        plain = [cell.replace(",", ".") for cell in cells] if self.decimal == "," else cells
        try:
            numbers = np.fromiter(map(float, map(self._words.get, plain, plain)), np.float64, len(cells))
        except ValueError:
            return self._numbers_one_by_one(cells)
        return self.without_missing(numbers)

    def without_missing(self, numbers: FloatArray) -> FloatArray:
        """Put NaN in place of the numbers that stand for missing observations."""
        if self._missing_numbers:
            numbers[np.isin(numbers, self._missing_numbers)] = np.nan
        return numbers

    def _numbers_one_by_one(self, cells: Sequence[str]) -> FloatArray | None:
        numbers = [self.number(cell) for cell in cells]
        return None if None in numbers else np.array(numbers, dtype=np.float64)

    def number(self, cell: str) -> float | None:
        """The number in a cell, NaN for a missing one; None where it is anything else."""
        word = cell.strip()
        for way in (word, word.casefold()):
            if way in self._words:
                return self._words[way]
        if "_" in word or (self.decimal == "," and "." in word):
            return None
        try:
            number = float(word.replace(self.decimal, "."))
        except ValueError:
            return None
        return math.nan if number in self._missing_numbers else number

    def cell(self, text: str) -> str:
        """A cell that reads back as the text, in quotes where it must be."""
        if text[:1].isspace() or any(mark in text for mark in (self.delimiter, '"', "\r", "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text

    def foreign(self, header: str, row: str = "", cell: str = "") -> str | None:
        """What the command needs to hear to read a file in another dialect; None where it is in this one.

        Asked about a file that cannot be read: its first row, the row that is at fault and the cell, where it is one.
        """
        other = self._most(header)
        if other != self.delimiter and self.delimiter not in QUOTED.sub("", header) and (not row or other in row):
            has_commas = self.decimal == "." and any(map(DECIMAL_COMMA.fullmatch, row.split(other)))
            decimal = " --decimal ," if has_commas else ""
            name = DELIMITERS[other]
            return f"columns are separated by {name}: add --delimiter {name}{decimal}"
        if self.decimal == "." and DECIMAL_COMMA.fullmatch(cell) and not THOUSANDS.fullmatch(cell):
            return "numbers have decimal commas: add --decimal ,"
        if self.decimal == "." and self.delimiter == "," and "," not in header and DECIMAL_COMMA.fullmatch(row):
            return "numbers have decimal commas: add --delimiter ';' --decimal ,"
        if self.decimal == "," and DECIMAL_POINT.fullmatch(cell):
            return "numbers have decimal points: leave --decimal , out"
        return None


USUAL = Dialect()
