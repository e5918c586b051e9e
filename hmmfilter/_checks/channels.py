"""Channels: emissions side by side, which columns of the observations each takes, and what stands there."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import IntArray
from hmmfilter._checks.arrays import has_masked_entries
from hmmfilter._checks.errors import DegenerateFitError, EntryError, shown
from hmmfilter._checks.observations import entries_of, is_missing

Labels = tuple[Hashable, ...]  # of the columns of a channel


class Layout(NamedTuple):
    """Which columns each channel takes: one, a number, or several, a vector."""

    widths: tuple[int | None, ...]  # of each channel; None where it takes a number
    labels: tuple[Labels, ...] | None  # numbers of columns, or their names; None where they come in order

    @property
    def n_columns(self) -> int:
        """How many columns all channels take."""
        return sum(width or 1 for width in self.widths)

    @property
    def are_numbers(self) -> bool:
        """Whether labels are numbers of columns."""
        return self.labels is not None and type(self.labels[0][0]) is int

    @property
    def flat(self) -> list[Any]:
        """The labels of all columns, in the order of the channels."""
        return [label for labels in self.labels or () for label in labels]

    @property
    def places(self) -> list[list[int]]:
        """Where the columns of each channel are in rows without names."""
        order = self.flat if self.are_numbers else list(range(self.n_columns))
        ends = np.cumsum([width or 1 for width in self.widths]).tolist()
        return [order[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    @property
    def n_entries(self) -> int:
        """How many entries rows without names have; where numbers choose among them, at least."""
        return max(self.flat) + 1 if self.are_numbers else self.n_columns


def parts(name: str, value: Any, given_names: Any = None) -> tuple[tuple[Any, ...], tuple[str, ...] | None]:
    """Let emissions of the same states in: a list of them, a dict by name, or a list of pairs of a name and one."""
    if isinstance(value, Mapping):
        given_names, value = tuple(value), tuple(value.values())
    if not isinstance(value, (list, tuple)) or len(value) == 0:
        raise TypeError(f"{name} must be a list of emissions, or a dict of them by name, got {shown(value)}")
    if all(isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], str) for part in value):
        given_names, value = tuple(part[0] for part in value), tuple(part[1] for part in value)
    for m, part in enumerate(value):
        one_emission(f"{name}[{m}]", part)
        if part.n_states != value[0].n_states:
            raise ValueError(
                f"{name} must have the same states, got {value[0].n_states} in the first and {part.n_states} in [{m}]"
            )
    return tuple(value), None if given_names is None else _names(name, given_names, len(value))


def drawable_mixture(needs: frozenset[str]) -> None:
    """Insist on components that stand alone, for one of them to be drawn at each step."""
    if "past" in needs:
        raise TypeError("a mixture whose components look back cannot be drawn from, as each has a past of its own")


def has_columns(value: Any) -> bool:
    """Whether parameters are those of several columns, (K, D)."""
    try:
        return np.ndim(value) == 2
    except ValueError:  # rows of unequal length
        return False


def same_observations(name: str, parts: Sequence[Any]) -> None:
    """Insist on emissions of numbers alone, or of vectors of as many entries."""
    widths = [getattr(part, "n_dimensions", None) for part in parts]
    for m, width in enumerate(widths):
        if width != widths[0]:
            words = ["numbers" if each is None else f"vectors of {each}" for each in (widths[0], width)]
            raise ValueError(f"{name} must show the same, got {words[0]} in the first and {words[1]} in [{m}]")


def one_emission(name: str, value: Any) -> None:
    """Insist on an emission."""
    if isinstance(value, type) or not all(hasattr(value, each) for each in ("n_states", "log_likelihoods", "sample")):
        raise TypeError(f"{name} must be an emission, got {shown(value)}")


def _names(name: str, value: Any, n_parts: int) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, (list, tuple)) else ()
    if not all(isinstance(each, str) and each for each in names) or len(set(names)) != n_parts:
        raise ValueError(f"the names of {name} must be {n_parts} different words, got {shown(value)}")
    return names


def options_of(name: str, value: Any) -> None:
    """Insist on what a class takes by name, beside a class."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name} must be a kind, or a pair of one and a dict of what it takes, got {shown(value)}")


def guessed_layout(kinds: Sequence[Any], columns: Any, names: tuple[str, ...] | None) -> Layout:
    """Let in which columns channels will take, of which only their kinds are known."""
    if columns is None:
        return Layout((None,) * len(kinds), None if names is None else tuple((name,) for name in names))
    if not isinstance(columns, (list, tuple)):
        raise TypeError(f"columns must be a list, got {shown(columns)}")
    widths = tuple(len(entry) if isinstance(entry, (list, tuple)) else None for entry in columns)
    return layout([_Wide(width) for width in widths], columns, names)


class _Wide(NamedTuple):
    """Of an emission, how wide it is."""

    n_dimensions: int | None


def kinds(value: Any) -> tuple[tuple[Any, ...], tuple[str, ...] | None]:
    """Let kinds of channels in: a list of them, or a dict by name."""
    if isinstance(value, Mapping) and value:
        return tuple(value.values()), _names("channels", tuple(value), len(value))
    if not isinstance(value, (list, tuple)) or len(value) == 0:
        raise TypeError(f"channels must be a list of kinds of emission, or a dict of them by name, got {shown(value)}")
    return tuple(value), None


def layout(emissions: Sequence[Any], columns: Any, names: tuple[str, ...] | None) -> Layout:
    """Let in which columns channels take; without them, those of their names, or else in order."""
    widths = tuple(getattr(emission, "n_dimensions", None) for emission in emissions)
    if columns is None:
        are_named = names is not None and all(width is None for width in widths)
        return Layout(widths, tuple((name,) for name in names or ()) if are_named else None)
    if not isinstance(columns, (list, tuple)) or len(columns) != len(widths):
        raise ValueError(f"columns must have an entry for each of the {len(widths)} channels, got {shown(columns)}")
    labels = tuple(_labels(c, entry, width) for c, (entry, width) in enumerate(zip(columns, widths, strict=True)))
    flat = [label for each in labels for label in each]
    are_numbers = all(type(label) is int and label >= 0 for label in flat)
    if not are_numbers and any(not isinstance(label, str) for label in flat):
        raise TypeError(f"columns must be all numbers from 0 up, or all names, got {shown(columns)}")
    if len(set(flat)) != len(flat):
        raise ValueError(f"columns must be different, or one would count twice, got {shown(columns)}")
    return Layout(widths, labels)


def _labels(c: int, entry: Any, width: int | None) -> Labels:
    given = entry if isinstance(entry, (list, tuple)) else (entry,)
    if len(given) != (width or 1):
        needed = "one column" if width is None else f"{width} columns"
        raise ValueError(f"columns[{c}] must be {needed}, as its channel takes, got {shown(entry)}")
    return tuple(label.item() if isinstance(label, (np.integer, np.str_)) else label for label in given)


def by_channel(value: Any, layout: Layout) -> list[Any]:
    """What stands in the columns of each channel: of one column a series, a vector or a list; of several a table."""
    if hasattr(value, "columns") and not callable(value.columns):
        names = list(getattr(value, "column_names", value.columns))  # of Arrow, whose columns are what is in them
        return _of_columns(layout, _places_in(names, layout), lambda i: _column_of(value, names, i))
    if isinstance(value, np.ndarray) and value.dtype.names:
        names = list(value.dtype.names)
        return _of_columns(layout, _places_in(names, layout), lambda i: value[names[i]])
    array = _as_table(value)
    if array is not None:
        if array.shape[1] != layout.n_entries and not (layout.are_numbers and array.shape[1] > layout.n_entries):
            least = "at least " if layout.are_numbers else ""
            raise ValueError(f"observations must have {least}{layout.n_entries} columns, got {array.shape[1]}")
        each = zip(layout.places, layout.widths, strict=True)
        return [array[:, places if width else places[0]] for places, width in each]
    return _of_rows(value, layout)


def _column_of(frame: Any, names: list[Any], i: int) -> Any:
    if hasattr(frame, "column_names"):
        return frame.column(i)
    return frame.iloc[:, i] if hasattr(frame, "iloc") else frame[names[i]]


def _places_in(names: list[Any], layout: Layout) -> list[list[int]]:
    """Where the columns of each channel are in a table that has names."""
    if layout.labels is None or layout.are_numbers:
        if len(names) < layout.n_entries or not (layout.are_numbers or len(names) == layout.n_entries):
            raise ValueError(f"observations must have {layout.n_entries} columns, got {shown(names)}")
        return layout.places
    for label in layout.flat:
        if names.count(label) != 1:
            raise ValueError(f"observations must have one column {shown(label)}, got {shown(names)}")
    return [[names.index(label) for label in labels] for labels in layout.labels]


def _of_columns(layout: Layout, places: list[list[int]], column: Any) -> list[Any]:
    return [
        column(own[0]) if width is None else _side_by_side([column(i) for i in own])
        for own, width in zip(places, layout.widths, strict=True)
    ]


def _side_by_side(columns: list[Any]) -> Any:
    """A table of columns: of numbers as an array, of whatever has to be looked at as rows."""
    arrays = [np.asarray(column) for column in columns if not has_masked_entries(column)]
    if len(arrays) == len(columns) and all(array.dtype.kind in "biuf" for array in arrays):
        return np.column_stack(arrays)
    return list(zip(*(entries_of(column) or () for column in columns), strict=True))


def _as_table(value: Any) -> Any:
    """An array of two axes, or rows of nothing but numbers as one; None for all else."""
    if isinstance(value, np.ndarray):
        return value if value.ndim == 2 else None
    if has_masked_entries(value):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length
        return None
    return array if array.ndim == 2 and array.dtype.kind in "biuf" else None


def _of_rows(value: Any, layout: Layout) -> list[Any]:
    items = entries_of(value)
    if items is None:
        raise TypeError(f"observations must be rows of {layout.n_columns} entries, got {shown(value)}")
    rows = [_entries_of_row(item, t, layout) for t, item in enumerate(items)]
    begins, found = 0, []
    for width in layout.widths:
        if width is None:
            found.append([row[begins] for row in rows])
        else:
            found.append([row[begins : begins + width] for row in rows])
        begins += width or 1
    return found


def _entries_of_row(item: Any, t: int, layout: Layout) -> list[Any]:
    """The entries of a row, in the order of the channels."""
    if is_missing(item):
        return [None] * layout.n_columns
    by_name = layout.labels is not None and not layout.are_numbers
    if by_name and (isinstance(item, Mapping) or hasattr(item, "iloc")):
        for label in layout.flat:
            if label not in item:
                got = shown(list(item.keys()))
                raise EntryError(f"observations[{t}] must have an entry {shown(label)}, got {got}", (t,))
        return [item[label] for label in layout.flat]
    entries = item.tolist() if isinstance(item, np.void) else entries_of(item)
    if entries is None:
        raise TypeError(f"observations[{t}] must be a row of {layout.n_entries} entries, got {shown(item)}")
    if len(entries) != layout.n_entries and not (layout.are_numbers and len(entries) > layout.n_entries):
        raise EntryError(f"observations[{t}] must have {layout.n_entries} entries, got {len(entries)}", (t,))
    return [entries[i] for own in layout.places for i in own]


def without_names(value: Any, layout: Layout) -> Any:
    """A table whose columns are chosen by name as one without names, which others can be joined to; all else as is."""
    has_names = hasattr(value, "columns") or getattr(getattr(value, "dtype", None), "names", None) is not None
    if not has_names or layout.labels is None or layout.are_numbers:
        return value
    one_each = Layout((None,) * layout.n_columns, tuple((label,) for label in layout.flat))
    return _side_by_side(by_channel(value, one_each))


@contextlib.contextmanager
def blaming_part(word: str, name: str) -> Iterator[None]:
    """Say in which part an observation is refused, and still at which index."""
    try:
        yield
    except EntryError as error:
        raise EntryError(f"{word} {name}: {error}", error.index) from error
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{word} {name}: {error}") from error


@contextlib.contextmanager
def collapsing(part: str) -> Iterator[None]:
    """Say in which part of a state it is that a fit collapses."""
    try:
        yield
    except DegenerateFitError as error:
        raise DegenerateFitError(error.state, error.direction, f"{part}, {error.part}".rstrip(", ")) from error


@contextlib.contextmanager
def collapsing_component(states: IntArray) -> Iterator[None]:
    """Say which component of a pool it is that collapses, and the state that shows it most."""
    try:
        yield
    except DegenerateFitError as error:
        part = f"component {error.state}, {error.part}".rstrip(", ")
        raise DegenerateFitError(int(states[error.state]), error.direction, part) from error


@contextlib.contextmanager
def collapsing_mixture(n_components: int, are_one: bool) -> Iterator[None]:
    """Say which state it is that collapses, of components one after the other, and which of these, unless all do."""
    try:
        yield
    except DegenerateFitError as error:
        state, component = divmod(error.state, n_components)
        raise DegenerateFitError(state, error.direction, "" if are_one else f"component {component}") from error


def priors_by_part(name: str, value: Any, names: Sequence[str]) -> list[Any]:
    """Let priors of parts in: a list with one for each, or None, or a dict by names."""
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in names]
        if unknown:
            raise ValueError(f"{name} must be by {', '.join(names)}, got {shown(unknown[0])}")
        return [value.get(part) for part in names]
    if not isinstance(value, (list, tuple)) or len(value) != len(names):
        by_name = ", ".join(names)
        raise TypeError(f"{name} must be a list of {len(names)} priors, or a dict by {by_name}, got {shown(value)}")
    return list(value)
