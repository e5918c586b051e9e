"""Snapshots of streams of sojourns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import float_array, refuse_first, require_shape
from hmmfilter._checks.documents import json_integer, json_number, json_object, keys

LARGEST_EXPONENT = 2.0**51  # of two: what a double holds with all its whole digits


class WrittenSojourns(NamedTuple):
    """What stands in the snapshot of a stream of sojourns."""

    n_observed: int
    heads: FloatArray  # (K, D)
    exponents: FloatArray
    steps: FloatArray  # (4, K)
    facts: FloatArray  # (3,)


def written_sojourns(
    document: Any, known_format: str, model: dict[str, str | None], shape: tuple[int, int], force: bool
) -> WrittenSojourns:
    """Let the snapshot of a stream of sojourns in, of a chain with so many states and ages, and these fingerprints."""
    json_object("the snapshot", document)
    keys("the snapshot", document, {"format", "model", "n_observed", "heads", "exponents", "steps", "facts"})
    if document["format"] != known_format:
        raise ValueError(f"the snapshot must be a {known_format}, got {document['format']!r}")
    json_object("the model of the snapshot", document["model"])
    keys("the model of the snapshot", document["model"], set(model))
    for name, known in model.items():
        if not force and None not in (known, document["model"][name]) and known != document["model"][name]:
            raise ValueError(
                f"the snapshot must be of a stream of this model, got one with another {name}: "
                "force=True goes on from it all the same"
            )
    n_observed = json_integer("n_observed", document["n_observed"])
    if n_observed < 0:
        raise ValueError(f"n_observed must be at least 0, got {n_observed}")
    heads, exponents = _table("heads", document["heads"], shape), _table("exponents", document["exponents"], shape)
    steps = _table("steps", document["steps"], (4, shape[0]))
    facts = np.array([json_number("facts", x) for x in document["facts"]])
    require_shape("facts", facts, (3,))
    refuse_first("heads", (heads < 0) | (heads >= 1), "from 0 to below 1", heads)
    is_whole = (np.abs(exponents) < LARGEST_EXPONENT) & (exponents == np.floor(exponents))
    refuse_first("exponents", ~(is_whole | (exponents == -np.inf)), "whole numbers, or null", exponents)
    return WrittenSojourns(n_observed, heads, exponents, steps, facts)


def _table(name: str, value: Any, shape: tuple[int, int]) -> FloatArray:
    """A table of numbers, null for −inf."""
    rows = [[-np.inf if x is None else x for x in row] for row in value] if isinstance(value, list) else value
    table = float_array(name, rows)
    require_shape(name, table, shape)
    refuse_first(name, np.isnan(table) | (table == np.inf), "finite, or null", table)
    return table


def sojourns_online(chain: Any) -> None:
    """Insist on a chain whose sojourns have durations."""
    if not hasattr(chain, "_ages"):
        raise TypeError(f"log_transition must be Durations, got {type(chain).__name__}: OnlineFilter takes all others")


def only_raising(impossible: str) -> None:
    """Refuse streams of sojourns that start afresh."""
    if impossible != "raise":
        raise ValueError(f"impossible must be 'raise' for a stream of sojourns with durations, got {impossible!r}")


def no_such_stream(what: str, chain: Any) -> None:
    """Refuse streams that sojourns with durations do not have."""
    if hasattr(chain, "_ages"):
        raise TypeError(f"{what} takes no Durations: online() filters them, and smooth and viterbi take what is whole")
