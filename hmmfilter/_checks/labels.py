"""Labels of what comes in: those of steps, and the keys of sequences."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from hmmfilter._checks.arrays import are_none
from hmmfilter._checks.errors import shown
from hmmfilter._checks.evidence import is_of_this_library


class Labels(NamedTuple):
    """What the steps and the sequences are called where they came from."""

    index: Any = None  # of the steps, a pandas.Index, one sequence after the other; None where they have none
    keys: tuple[Hashable, ...] | None = None  # of the sequences; None where their numbers tell them apart
    key_names: tuple[Hashable, ...] = ("sequence",)  # one, or one for each part of a key

    def names_of(self, n_sequences: int) -> Sequence[Hashable]:
        """The keys of the sequences, or their numbers."""
        return range(n_sequences) if self.keys is None else self.keys


NO_LABELS = Labels()


def keyed(observations: Any, emission: Any, lengths: npt.ArrayLike | None) -> tuple[list[Any] | None, Labels]:
    """Let sequences with keys in, and the keys: a dict, or the groups of a frame or a series; None for all else.

    What a dict is for an emission of one's own is not known.
    """
    if isinstance(observations, Mapping) and is_of_this_library(emission):
        sequences, labels = list(observations.values()), Labels(keys=tuple(observations))
    elif hasattr(observations, "get_group"):
        sequences, labels = _groups(observations)
    else:
        return None, NO_LABELS
    if lengths is not None:
        raise ValueError("lengths must be left out where sequences have keys, got both")
    if not sequences:
        raise ValueError("observations must have at least one sequence, got none")
    for key, sequence in zip(labels.keys or (), sequences, strict=True):
        if not hasattr(sequence, "__len__") or getattr(sequence, "ndim", 1) == 0:
            raise TypeError(f"observations[{shown(key)}] must be a sequence, got {shown(sequence)}")
    return sequences, labels


def is_no_step(observations: Any, emission: Any) -> bool:
    """Whether observations are one sequence, of no step."""
    return observations is None or (are_none(observations) and keyed(observations, emission, None)[0] is None)


def by_key(value: Any) -> Any:
    """What has keys as a dict: the groups of a frame or a series are one; all else as it is."""
    if not hasattr(value, "get_group"):
        return value
    parts, labels = _groups(value)
    return dict(zip(labels.keys or (), parts, strict=True))


def _groups(grouped: Any) -> tuple[list[Any], Labels]:
    """The groups that pandas makes, without the columns by which it does unless they are chosen; rows keep labels."""
    sizes = grouped.size()
    names = list(sizes.index.names if sizes.ndim == 1 else sizes.columns[:-1])
    if grouped.ndim == 2:
        with contextlib.suppress(IndexError):  # where columns have been chosen already
            grouped = grouped[[column for column in grouped.obj.columns if column not in names]]
    keys, parts = zip(*grouped, strict=True) if len(sizes) > 0 else ((), ())
    if len(names) == 1:  # pandas makes tuples of one where it was given a list of one
        keys = tuple(key[0] if isinstance(key, tuple) else key for key in keys)
    return list(parts), Labels(keys=keys, key_names=tuple("sequence" if name is None else name for name in names))


def index_of(value: Any) -> Any:
    """The labels of rows, a pandas.Index, of what pandas or xarray made; None for all else."""
    if hasattr(value, "iloc"):
        return value.index
    if hasattr(value, "indexes") and hasattr(value, "dims"):
        return value.indexes.get(value.dims[0])
    return None


def drawn_index(observations: Any, index: Any) -> Any:
    """The labels of steps for a picture, where the observations, or the result with this index, have any but numbers.

    Where both have, they must be the same: observations in another order would be drawn beside the wrong steps.
    """
    own = index_of(observations)
    if own is None or (index is not None and _only_counts(own)):
        return index
    if index is not None and not _only_counts(index) and not own.equals(index):
        for label, known in zip(own, index, strict=True):  # which the times of two zones may share
            if label != known:
                raise ValueError(
                    f"observations must have the labels of the steps that they are drawn over, got {shown(label)} for "
                    f"{shown(known)}: to_numpy() leaves labels out"
                )
    return own


def _only_counts(index: Any) -> bool:
    """Whether these are the labels that pandas gives where there are none."""
    return type(index).__name__ == "RangeIndex" and index.name is None and (index.start, index.step) == (0, 1)


def labels_of(value: Any) -> Labels:
    """The labels of one sequence, as far as it has any."""
    index = index_of(value)
    return NO_LABELS if index is None else Labels(index)


def joined_index(sequences: list[Any]) -> Any:
    """The labels of the rows of sequences, one after the other, where all that have rows have labels; else None."""
    indexes = [index_of(sequence) for sequence in sequences if len(sequence) > 0]
    if not indexes or any(index is None for index in indexes):
        return None
    if len({index.nlevels for index in indexes}) > 1:  # pandas would cut all to the fewest
        indexes = [index.to_flat_index() for index in indexes]
    first, *others = indexes
    return first.append(others)
