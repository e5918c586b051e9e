"""What estimators of scikit-learn's kind are given: sequences, their lengths, and what each of them is of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import IntArray
from hmmfilter._checks.arrays import are_none, whole_numbers
from hmmfilter._checks.errors import shown
from hmmfilter._checks.observations import is_container
from hmmfilter._checks.settings import integer
from hmmfilter._checks.tables import starts

BY_ROW = "np.repeat(lengths, lengths)"


def sequence_lengths(value: Any, n_rows: int) -> IntArray:
    """Let the lengths of sequences in: one for each sequence, or one for each row, that of the sequence it is of.

    Those by row are what scikit-learn cuts together with the rows: they tell the sequences as long as these are whole.
    """
    lengths = whole_numbers("lengths", value)
    if len(lengths) == n_rows and n_rows > 0 and lengths.sum() != n_rows:
        return _lengths_by_row(lengths)
    if lengths.sum() != n_rows:
        raise ValueError(
            f"lengths must sum to the {n_rows} rows of X, got {lengths.sum()}: where X is cut into folds, give lengths "
            f"by row, {BY_ROW}, which are cut with it"
        )
    return np.diff(starts(lengths, n_rows))


def _lengths_by_row(lengths: IntArray) -> IntArray:
    """The lengths of sequences, of those that each row has."""
    whole, row = [], 0
    while row < len(lengths):
        length = int(lengths[row])
        if length < 1 or len(rest := lengths[row : row + length]) < length or (rest != length).any():
            raise ValueError(
                f"lengths by row must hold the length of the sequence of each row, {BY_ROW}, got lengths[{row}] = "
                f"{length}, of which there are not as many in a row: SequenceFold cuts between sequences"
            )
        whole.append(length)
        row += length
    return np.array(whole, dtype=np.int64)


def list_of_sequences(value: Any) -> None:
    """Insist on one where nothing says where the sequences in a table of rows end."""
    if getattr(value, "ndim", 1) == 2:
        raise ValueError(
            f"X must be a list of sequences, or come with lengths by row, {BY_ROW}, got a table without lengths: "
            "sklearn.set_config(enable_metadata_routing=True) lets these reach the folds"
        )


def lengths_of_list(value: Any) -> IntArray:
    """How long the sequences of a list are, each of which must be one."""
    if are_none(value):
        raise ValueError("X must have at least one sequence, got 0 sample(s)")
    for n, part in enumerate(value):
        if not is_container(part):
            way_on = "of its letters, list(text)" if isinstance(part, str) else "a single one is [X]"
            raise ValueError(f"X[{n}] must be a sequence, got {shown(part)}: {way_on}")
    return np.array([len(part) for part in value])


def classes_of_sequences(value: npt.NDArray[Any], lengths: IntArray, *, by_row: bool) -> npt.NDArray[Any]:
    """Let the classes of sequences in: one for each of them, or where rows come, for each row, alike in a sequence."""
    if len(value) == len(lengths):
        return value
    if not by_row or len(value) != lengths.sum() or lengths.min() == 0:
        rows = f", or for each of {lengths.sum()} rows" if by_row else ""
        raise ValueError(f"y must have a class for each of {len(lengths)} sequences{rows}, got {len(value)}")
    classes: npt.NDArray[Any] = value[np.cumsum(lengths) - lengths]
    for row in np.flatnonzero(value != np.repeat(classes, lengths))[:1]:
        raise ValueError(f"y must hold one class in each sequence, got {shown(value[row])} at row {row} beside another")
    return classes


def cluster_count(value: Any, n_sequences: int) -> int:
    """Let a number of clusters in, for each of which there is a sequence at least."""
    clusters = integer("n_clusters", value)
    if not 1 <= clusters <= n_sequences:
        raise ValueError(f"n_clusters must be from 1 to n_samples={n_sequences} sequences, got {clusters}")
    return clusters
