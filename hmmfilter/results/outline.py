"""How a model is printed: how the chain moves, and beside or below it what each state shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hmmfilter.results.printing import DOTS, FIRST_ROWS, aligned, shown_steps, with_dots

MOST_SHOWN = 12  # states, or columns of one kind, of which none is left out
FEW_SHOWN = 6  # columns, where so many do not fit into a line
LINE_LENGTH = 100  # letters, into which chain and emission fit side by side or not at all


Column = tuple[str, Any, str]  # its head, a value for each state, and how they are formatted


def outline(
    title: str, state_names: Sequence[str], chain: Sequence[Column], emission: Sequence[Column], head: str = "state"
) -> str:
    """Print a title above what is known of each state, in one table where that is narrow enough, else in two."""
    names = [(head, state_names, "")]
    lines = _table(names, chain, emission)
    if _is_wide(lines):
        lines = [line for columns in (chain, emission) if columns for line in _narrow_table(names, columns)]
    return "\n  ".join([title, *lines])


def _narrow_table(names: Sequence[Column], columns: Sequence[Column]) -> list[str]:
    lines = _table(names, columns)
    return _table(names, columns, most=FEW_SHOWN) if _is_wide(lines) else lines


def _is_wide(lines: Sequence[str]) -> bool:
    return max(map(len, lines)) > LINE_LENGTH


def _table(*parts: Sequence[Column], most: int = MOST_SHOWN) -> list[str]:
    """Lay columns out side by side, of each part so many at most, with dots for columns and states left out."""
    n_states = len(parts[0][0][1])
    cells = [_cells(columns, n_states, most) for columns in parts]
    lines = aligned([[cell for row in rows for cell in row] for rows in zip(*cells, strict=True)])
    return lines if len(lines) > n_states else [*lines[: 1 + FIRST_ROWS], " ...", *lines[1 + FIRST_ROWS :]]


def _cells(columns: Sequence[Column], n_states: int, most: int) -> list[list[str]]:
    """The head and the rows of some columns, as far as they are shown."""
    shown = [columns[c] for c in shown_steps(len(columns), most)]
    rows = [[head for head, _, _ in shown]]
    rows += [[format(values[k], form) for _, values, form in shown] for k in shown_steps(n_states, MOST_SHOWN)]
    return [with_dots(row, len(columns), DOTS) for row in rows]
