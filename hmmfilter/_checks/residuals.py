"""Residuals: of what there are any, and what an emission has to say for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._beside import Beside
from hmmfilter._checks.arrays import float_array
from hmmfilter._checks.beside import needs_of
from hmmfilter._checks.errors import ImpossibleEvidenceError, shown

ResidualKind = Literal["ordinary", "forecast"]
ROUNDING = 1e-8  # how far above 0 the log of a probability may come out


def residual_kind(kind: Any) -> None:
    """Insist on one of the two kinds of residual."""
    if not isinstance(kind, str) or kind not in ("ordinary", "forecast"):
        raise ValueError(f"kind must be 'ordinary' or 'forecast', got {shown(kind)}")


def has_sides(emission: Any) -> None:
    """Insist on an emission that knows its distribution functions."""
    if not hasattr(emission, "log_sides"):
        raise TypeError(
            "pseudo-residuals need an emission with a method log_sides, as hmmfilter.emissions.Emission says, "
            f"got {type(emission).__name__}"
        )


def log_sides(emission: Any, parts: list[Any], n_steps: int, n_states: int, beside: Beside) -> FloatArray:
    """Ask an emission for the sides of all observations, (3, T, K), or (3, T, D, K) of vectors."""
    answers = [_sides_of(emission, part, beside) for part in parts]
    tables = [float_array("log_sides", answer) for answer in answers]
    fit = all(table.ndim in (3, 4) and (len(table), table.shape[-1]) == (3, n_states) for table in tables)
    if not fit or sum(table.shape[1] for table in tables) != n_steps:
        raise ValueError(
            f"log_sides of {type(emission).__name__} must return three tables with {n_states} columns, and a row for "
            f"each observation, got shape {tables[0].shape}"
        )
    sides: FloatArray = np.concatenate(tables, axis=1)
    for log in sides[sides > ROUNDING][:1]:
        raise ValueError(
            f"log_sides of {type(emission).__name__} must return logs of probabilities, at most 0, got {shown(log)}"
        )
    return sides


def _sides_of(emission: Any, observations: Any, beside: Beside) -> Any:
    if not needs_of(emission):
        return emission.log_sides(observations)
    if hasattr(emission, "_sides_beside"):
        return emission._sides_beside(observations, beside)
    return emission._sides(emission._observed(observations, beside))


@contextlib.contextmanager
def steps_told_twice() -> Iterator[None]:
    """Say which step is impossible where each has two rows."""
    try:
        yield
    except ImpossibleEvidenceError as error:
        raise ImpossibleEvidenceError(error.step // 2, error.sequence) from None
