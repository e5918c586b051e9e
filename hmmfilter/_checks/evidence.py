"""Evidence: which observations are a sequence of their own, and what an emission makes of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, Frozen
from hmmfilter._beside import Beside
from hmmfilter._checks.arrays import rectangular
from hmmfilter._checks.errors import shown
from hmmfilter._checks.observations import (
    entries_of,
    holds_containers,
    is_column,
    is_container,
    is_missing,
    out_of_column,
)
from hmmfilter._checks.symbols import atoms_of


def sequences(observations: Any, emission: Any, lengths: npt.ArrayLike | None) -> list[Any] | None:
    """Let a list of sequences in, where that is what the emission makes of it; None where it is one sequence.

    Only what an emission of this library makes of nested lists is known: of numbers or symbols, a list whose entries
    are not all rows of one is a list of sequences; of vectors, a list of lists of vectors is.
    """
    if not isinstance(observations, (list, tuple)) or not is_of_this_library(emission):
        return None
    atoms = atoms_of(getattr(emission, "symbols", None))
    if getattr(emission, "n_dimensions", None) is None:
        are_several = holds_containers(observations, atoms) and not is_column(observations, atoms)
    else:
        are_several = _are_tables(observations)
    if not are_several:
        return None
    if lengths is not None:
        raise ValueError("lengths must be left out where observations are a list of sequences, got both")
    for n, sequence in enumerate(observations):
        if not is_container(sequence, atoms):
            raise TypeError(f"observations[{n}] must be a sequence as the others are, got {shown(sequence)}")
    return list(observations)


def is_of_this_library(emission: Any) -> bool:
    """Whether it is known what the emission makes of lists in lists, and of dicts."""
    return isinstance(emission, Frozen)


def _are_tables(entries: Any) -> bool:
    """Whether there is a sequence of vectors among the entries, or nothing but empty ones."""
    seen = [entry for entry in entries if not is_missing(entry)]
    if seen and all(is_container(entry) and len(entry) == 0 for entry in seen):
        return True
    return any(
        entry.ndim > 1 if isinstance(entry, np.ndarray) else holds_containers(entries_of(entry) or ()) for entry in seen
    )


def one_after_the_other(sequences: list[Any], emission: Any) -> Any:
    """Join sequences: as an array if all are arrays, or of pandas, and of numbers, else as a list of their entries."""
    if hasattr(emission, "_without_names"):  # those of columns, by which it chooses
        sequences = [emission._without_names(sequence) for sequence in sequences]
    arrays = [sequence.to_numpy() if hasattr(sequence, "iloc") else sequence for sequence in sequences]
    if all(type(array) is np.ndarray and array.dtype.kind in "biuf" for array in arrays):
        with contextlib.suppress(ValueError):  # of unequal dimensions
            return np.concatenate(arrays)
    atoms = atoms_of(getattr(emission, "symbols", None))
    parts = [entries_of(sequence) or () for sequence in sequences]
    if getattr(emission, "n_dimensions", None) is None:
        parts = [out_of_column(part, atoms) for part in parts]
    return [entry for part in parts for entry in part]


def log_likelihoods(emission: Any, observations: Any, n_states: int, beside: Beside | None = None) -> FloatArray:
    """Ask an emission for its table, and insist on a row for each observation and a column for each state.

    Observations that have no length, or are a mapping, of whatever to whatever, are not counted.
    """
    if getattr(emission, "_needs", None):
        observed = emission._observed(observations, beside)
        filled = np.empty((len(observed[0]), n_states))
        emission._fill(observed, 0, len(filled), filled)
        return filled
    table: Any = emission.log_likelihoods(observations)
    if not isinstance(table, np.ndarray):  # which may be a frame, of which brackets take columns
        table = rectangular("log_likelihoods", table)
    shape = table.shape
    is_counted = hasattr(observations, "__len__") and not isinstance(observations, Mapping)
    n_steps = len(observations) if is_counted else shape[0] if shape else "T"
    if shape != (n_steps, n_states):
        raise ValueError(
            f"log_likelihoods of {type(emission).__name__} must return a table of shape ({n_steps}, {n_states}), "
            f"with a row for each observation, got {shape}"
        )
    checked: FloatArray = table
    return checked
