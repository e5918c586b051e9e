"""How tables are printed: aligned, and the middle of a long one left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

FIRST_ROWS, LAST_ROWS = 3, 2  # of a long table, the rows that are printed
MOST_COLUMNS = 13  # of a table of which no column is left out
DOTS = "..."

Entry = TypeVar("Entry")


class Preview(NamedTuple):
    """What is shown of a table: a title, and cells, those of the header first."""

    title: str
    table: list[list[str]]
    is_cut: bool = False  # whether rows are left out in the middle

    def text(self) -> str:
        """The title above aligned lines, with dots where some are left out, and columns of a wide table."""
        n_columns = len(self.table[0]) if self.table else 0
        shown = shown_steps(n_columns, MOST_COLUMNS)
        lines = aligned([with_dots([row[c] for c in shown], n_columns, DOTS) for row in self.table])
        if self.is_cut:
            lines.insert(1 + FIRST_ROWS, " ...")
        return "\n  ".join([self.title, *lines])


def four_decimals(x: float) -> str:
    """Print a log, without the sign of a zero that is left after rounding."""
    return f"{round(x, 4) + 0.0:.4f}"


def counted(number: int, thing: str) -> str:
    """Say how many there are: "1 roll", "2 rolls"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def aligned(table: list[list[str]]) -> list[str]:
    """Lay a table of cells out in lines, each column flush right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]


def shown_steps(n_steps: int, most: int = FIRST_ROWS + LAST_ROWS + 1) -> list[int]:
    """The steps that are printed: all of a few, the first and the last of many."""
    if n_steps <= most:
        return list(range(n_steps))
    return [*range(FIRST_ROWS), *range(n_steps - LAST_ROWS, n_steps)]


def with_dots(entries: list[Entry], n: int, dots: Entry) -> list[Entry]:
    """The entries that are shown of so many, and dots where some are left out."""
    return entries if len(entries) == n else [*entries[:FIRST_ROWS], dots, *entries[FIRST_ROWS:]]


def preview(
    title: str, header: Iterable[str], n_steps: int, rows: Iterable[list[str]], label: Callable[[int], str] = str
) -> Preview:
    """Show the rows of some steps, or sequences, under a title."""
    steps = shown_steps(n_steps)
    table = [[*header], *([label(t), *row] for t, row in zip(steps, rows, strict=True))]
    return Preview(title, table, len(steps) < n_steps)


def preview_of_states(title: str, header: Iterable[str], rows: list[list[str]]) -> Preview:
    """Show a row for each state under a title, of many states the first and the last, as columns are."""
    shown = shown_steps(len(rows), MOST_COLUMNS - 1)
    return Preview(title, [[*header], *(rows[k] for k in shown)], len(shown) < len(rows))
