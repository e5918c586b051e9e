"""What docstrings have in common is said once, and told in full by `help`.

Where an entry is the same in another docstring, it says so, in words that are true for whoever reads the source, or has
an editor that does:

    workers, progress
        As in `forward_filter`.

When their module is imported, `as_in` puts in their place what is said there, for `help`, notebooks and printed pages.
An entry with a type of its own keeps it, and what an entry says after these words stays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

Told = TypeVar("Told", bound=Callable[..., Any])
POINTER = "    As in `"


def as_in(*sources: Any) -> Callable[[Told], Told]:
    """Tell in full what the docstring of a function, or of a class, says to be as in these."""

    def tell(target: Told) -> Told:
        if target.__doc__ is not None:  # as it is where Python leaves docstrings out
            target.__doc__ = _in_full(target.__doc__, {source.__name__: source.__doc__ for source in sources})
        return target

    return tell


def _in_full(docstring: str, sources: dict[str, str]) -> str:
    lines: list[str] = []
    for line in inspect.cleandoc(docstring).split("\n"):
        if not line.startswith(POINTER):
            lines.append(line)
            continue
        source, _, own = line.removeprefix(POINTER).partition("`.")
        entries, head = _entries(sources[source.split(".")[-1]]), lines.pop()
        names, has_type, _ = head.partition(" : ")
        for first, *description in dict.fromkeys(entries[name] for name in names.split(", ")):
            lines += [head if has_type else first, *description]
        if own:
            lines.append("   " + own)
    return "\n".join(lines)


@cache
def _entries(docstring: str) -> dict[str, tuple[str, ...]]:
    """The lines of the entry of each name: one with the names and perhaps their type, and those indented below it."""
    entries: dict[str, tuple[str, ...]] = {}
    blocks: list[list[str]] = []
    for line in filter(str.strip, inspect.cleandoc(docstring).split("\n")):
        if line.startswith("    ") and blocks:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    for block in blocks:
        for name in block[0].partition(" : ")[0].split(", "):
            entries.setdefault(name, tuple(block))
    return entries
