"""What docstrings have in common is said once, and told in full by `help`.

Where an entry is the same in another docstring, it says so, in words that are true for whoever reads the source, or has
an editor that does:

    workers, progress
        As in `forward_filter`.

When their module is imported, `as_in` puts in their place what is said there, for `help`, notebooks and printed pages.
An entry with a type of its own keeps it, and what an entry says after these words stays.
"""

from __future__ import annotations

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
    """With what others say in place of each pointer at them."""
    told, *pointed = _flush(docstring).split("\n" + POINTER)
    for pointer in pointed:
        told, _, head = told.rpartition("\n")
        source, _, own = pointer.partition("`.")
        told += _said(sources[source.rpartition(".")[2]], head)
        told += "\n   " + own if own.startswith(" ") else own
    return told


def _said(docstring: str, head: str) -> str:
    """The entries of a docstring that the head of another one names, under that head if it has a type."""
    entries = _entries(docstring)
    names, has_type, _ = head.partition(" : ")
    found = dict.fromkeys(entries[name] for name in names.split(", "))
    return "".join("\n" + (head if has_type else first) + description for first, description in found)


@cache
def _entries(docstring: str) -> dict[str, tuple[str, str]]:
    """The entry of each name: the line that has the names, and perhaps their type, and what is indented below it."""
    entries: dict[str, tuple[str, str]] = {}
    first, description = "", ""
    for line in _flush(docstring).partition("\nExamples\n")[0].split("\n"):
        if line.startswith("    "):
            description += "\n" + line
            continue
        if description:
            for name in first.partition(" : ")[0].split(", "):
                entries.setdefault(name, (first, description))
        first, description = line, ""
    return entries


def _flush(docstring: str) -> str:
    """Without the indentation of the source, which is that of the closing quotes."""
    margin = docstring.rpartition("\n")[2]
    return docstring.replace("\n" + margin, "\n") if margin.isspace() else docstring
