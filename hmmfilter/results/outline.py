"""How a model is printed: how the chain moves, and beside or below it what each state shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hmmfilter.results.printing import FIRST_ROWS, aligned, shown_steps, with_dots

MOST_SHOWN = 12  # states, or columns of one kind, of which none is left out
LINE_LENGTH = 100  # letters, into which chain and emission fit side by side or not at all


Column = tuple[str, Any, str]  # its head, a value for each state, and how they are formatted


def outline(title: str, state_names: Sequence[str], chain: Sequence[Column], emission: Sequence[Column]) -> str:
    """Print a title above what is known of each state, in one table where that is narrow enough, else in two."""
    n_states = len(state_names)
    names, moves, shows = (_cells(part, n_states) for part in ([("state", state_names, "")], chain, emission))
    lines = _lines(n_states, names, moves, shows)
    if max(map(len, lines)) > LINE_LENGTH:
        lines = _lines(n_states, names, moves) + (_lines(n_states, names, shows) if emission else [])
    return "\n  ".join([title, *lines])


def _cells(columns: Sequence[Column], n_states: int) -> list[list[str]]:
    """The head and the rows of some columns, as far as they are shown."""
    shown = [columns[c] for c in shown_steps(len(columns), MOST_SHOWN)]
    rows = [[head for head, _, _ in shown]]
    rows += [[format(values[k], form) for _, values, form in shown] for k in shown_steps(n_states, MOST_SHOWN)]
    return [with_dots(row, len(columns)) for row in rows]


def _lines(n_states: int, *parts: list[list[str]]) -> list[str]:
    """Lay parts of a table out side by side, with dots where states are left out."""
    lines = aligned([[cell for cells in row for cell in cells] for row in zip(*parts, strict=True)])
    return lines if len(lines) > n_states else [*lines[: 1 + FIRST_ROWS], " ...", *lines[1 + FIRST_ROWS :]]
