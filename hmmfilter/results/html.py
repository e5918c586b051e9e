"""Models and results as notebooks show them: small tables with bars, strips of states, no script, a bounded size.

Lines and words take the colour of the notebook, light or dark; states have colours that stand out on both.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.results.outline import MOST_SHOWN, Column
from hmmfilter.results.printing import DOTS, Preview, shown_steps, with_dots

MOST_COLUMNS = 400  # of a strip; of a longer series, each column has the mean of its steps
MOST_STATES = 10  # with a colour of their own; of more, all but those with the largest shares have one together
MOST_LETTERS, MOST_OF_A_LINE = 40, 200  # of a name, and of a title
STOPS = np.array([[168, 221, 181], [67, 162, 202], [8, 88, 158]])  # red, green, blue, from the first state to the last
OTHERS = "#999999"

PAGE = "font-size:13px;line-height:1.4;max-width:60em;overflow-x:auto"
STRIP = "display:block;width:100%;min-width:12em;height:{height}px;margin:3px 0"
ENDS = "display:flex;justify-content:space-between;font-size:11px;opacity:0.75"
LEGEND = "display:inline-block;margin-right:1.2em"
SWATCH = "display:inline-block;width:0.8em;height:0.8em;margin-right:0.4em;background:{color}"
TABLE = "border-collapse:collapse;margin:6px 0;font-size:inherit;color:inherit"
CELL = "text-align:right;padding:1px 8px;white-space:nowrap;font-variant-numeric:tabular-nums"
BAR = ";background:linear-gradient(90deg,rgba(67,162,202,0.45) {percent:.1f}%,transparent {percent:.1f}%)"


class Strip(NamedTuple):
    """The share that each state has of each column, (columns, K); what a sum lacks of 1 is marked."""

    shares: FloatArray
    n_steps: int  # in the broadest column


def strip_of(shares_of: Callable[[slice], FloatArray], begin: int, end: int) -> Strip:
    """The strip of a range of steps, from what tells the mean share of each state, (K,), in a part of it."""
    n_columns = min(end - begin, MOST_COLUMNS)
    edges = [begin + (end - begin) * column // max(n_columns, 1) for column in range(n_columns + 1)]
    parts = [slice(*pair) for pair in itertools.pairwise(edges)]
    return Strip(np.array([shares_of(part) for part in parts]), max((p.stop - p.start for p in parts), default=0))


def mean_of(weights: FloatArray) -> FloatArray:
    """The mean of each column, to which rows that are marked add nothing."""
    total: FloatArray = weights.sum(axis=0, where=~np.isnan(weights))
    return total / len(weights)


def of_series(preview: Preview, names: Sequence[str], strip: Strip, ends: Sequence[str]) -> str:
    """A preview as a table, under the strip of a series, whose ends have names."""
    chosen = _chosen([strip], len(names))
    marks = "".join(f"<span>{_escaped(end)}</span>" for end in ends)
    drawn = f'{_svg(strip, names, chosen, 56)}<div style="{ENDS}">{marks}</div>'
    return _page(preview.title, drawn, _legend(names, chosen), _note([strip]), _table(*_cells(preview)))


def of_several(preview: Preview, names: Sequence[str], strips: Sequence[Strip]) -> str:
    """A preview as a table, with a strip at the end of each row."""
    chosen = _chosen(strips, len(names))
    header, rows = _cells(preview)
    drawn = iter([_cell(_svg(strip, names, chosen, 22)) for strip in strips])
    rows = [[*row, _cell(DOTS) if row[0] == _cell(DOTS) else next(drawn)] for row in rows]
    return _page(preview.title, _legend(names, chosen), _note(strips), _table([*header, _cell("states")], rows))


def of_states(title: str, names: Column, barred: Sequence[Column], largest: float, plain: Sequence[Column] = ()) -> str:
    """What is known of each state, beside its name; in the first columns, bars show the share of the largest number."""
    n_states = len(names[1])
    header = [_head(names), *_row([_head(column) for column in barred]), *_row([_head(column) for column in plain])]
    rows = [
        [
            _cell(_escaped(names[1][k])),
            *_row([_cell(format(values[k], form), _bar(values[k], largest)) for _, values, form in barred]),
            *_row(_said(plain, k)),
        ]
        for k in shown_steps(n_states, MOST_SHOWN)
    ]
    return _page(title, _table(header, with_dots(rows, n_states, [_cell(DOTS)] * len(header))))


def of_parameters(lines: Sequence[str], names: Column, parts: Sequence[Sequence[Column]], notes: Sequence[str]) -> str:
    """What is said of each state, beside its name, in columns of several parts, between lines above and below."""
    n_states = len(names[1])
    header = [_head(names), *(cell for columns in parts for cell in _row(list(map(_head, columns))))]
    rows = [
        [_cell(_escaped(names[1][k])), *(cell for columns in parts for cell in _row(_said(columns, k)))]
        for k in shown_steps(n_states, MOST_SHOWN)
    ]
    above, below = (
        "".join(f"<div>{_escaped(line, MOST_OF_A_LINE)}</div>" for line in part) for part in (lines[1:], notes)
    )
    return _page(lines[0], above, _table(header, with_dots(rows, n_states, [_cell(DOTS)] * len(header))), below)


def _page(title: str, *parts: str) -> str:
    return f'<div style="{PAGE}"><div>{_escaped(title, MOST_OF_A_LINE)}</div>{"".join(parts)}</div>'


def _escaped(words: str, most: int = MOST_LETTERS) -> str:
    """Words as they stand, cut where they are long; a character that cannot be seen is shown as such."""
    shown = words if len(words) <= most else words[:most] + DOTS
    return html.escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown))


def _row(cells: list[str]) -> list[str]:
    """The cells that are shown."""
    return with_dots([cells[j] for j in shown_steps(len(cells), MOST_SHOWN)], len(cells), _cell(DOTS))


def _cell(content: str, style: str = "") -> str:
    return f'<td style="{CELL}{style}">{content}</td>'


def _head(column: Column) -> str:
    return _cell(_escaped(column[0]))


def _said(columns: Sequence[Column], k: int) -> list[str]:
    """What columns say of a state."""
    return [_cell(_escaped(format(values[k], form))) for _, values, form in columns]


def _bar(number: float, largest: float) -> str:
    return BAR.format(percent=100 * number / largest) if number > 0 else ""


def _cells(preview: Preview) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a preview, with dots where something is left out."""
    header, *rows = (_row([_cell(_escaped(words)) for words in row]) for row in preview.table)
    return header, with_dots(rows, len(rows) + preview.is_cut, [_cell(DOTS)] * len(header))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table style="{TABLE}"><thead><tr>{"".join(header)}</tr></thead><tbody>{lines}</tbody></table>'


def _chosen(strips: Sequence[Strip], n_states: int) -> dict[int, str]:
    """The states that are told apart, and their colours: all of a few, of many those with the largest shares."""
    states = np.arange(n_states)
    if n_states > MOST_STATES:
        total = np.sum([strip.shares.sum(axis=0) for strip in strips if len(strip.shares) > 0], axis=0)
        states = np.sort(np.argsort(-total, kind="stable")[: MOST_STATES - 1])
    places = np.linspace(0, len(STOPS) - 1, len(states)) if len(states) > 1 else [1.0]
    channels = np.array([np.interp(places, range(len(STOPS)), channel) for channel in STOPS.T]).round().astype(int)
    return {int(k): "#" + bytes(color).hex() for k, color in zip(states, channels.T.astype(np.uint8), strict=True)}


def _legend(names: Sequence[str], chosen: dict[int, str]) -> str:
    entries = [(names[k], color) for k, color in chosen.items()]
    if len(chosen) < len(names):
        entries.append((f"{len(names) - len(chosen)} others", OTHERS))
    return "".join(
        f'<span style="{LEGEND}"><span style="{SWATCH.format(color=color)}"></span>{_escaped(name)}</span>'
        for name, color in entries
    )


def _note(strips: Sequence[Strip]) -> str:
    n_steps = max((strip.n_steps for strip in strips), default=0)
    return f"<div>each column of a strip is the mean of up to {n_steps} steps</div>" if n_steps > 1 else ""


def _svg(strip: Strip, names: Sequence[str], chosen: dict[int, str], height: int) -> str:
    """The shares as bands, one upon the other, the first state lowest; each hides the lower part of the one before."""
    if len(strip.shares) == 0:
        return ""
    tops = np.cumsum(strip.shares[:, list(chosen)], axis=1)
    bands = [(names[k], color, top) for (k, color), top in zip(chosen.items(), tops.T, strict=True)]
    if len(chosen) < len(names):
        bands.append(("others", OTHERS, strip.shares.sum(axis=1)))
    drawn = "".join(
        f'<path fill="{color}" d="{_outline(top)}"><title>{_escaped(name)}</title></path>'
        for name, color, top in reversed(bands)
    )
    return (
        f'<svg role="img" aria-label="states over the steps" viewBox="0 0 {len(tops)} 100" preserveAspectRatio="none" '
        f'shape-rendering="crispEdges" style="{STRIP.format(height=height)}">{drawn}</svg>'
    )


def _outline(top: FloatArray) -> str:
    """The way around an area under steps, each 1 broad, down from 100, which is 0."""
    runs = [(height, len(list(run))) for height, run in itertools.groupby((100 - 100 * top).round(1).tolist())]
    return "M0 100" + "".join(f"V{height:g}h{length}" for height, length in runs) + "V100Z"
