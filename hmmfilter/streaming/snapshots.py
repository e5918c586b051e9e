"""Snapshots: where a stream is, and which model it is of, in words and numbers that JSON carries exactly.

A snapshot does not hold its model, but fingerprints of it, by which another one is told: of the log-tables; where they
are a model's, of the probabilities that they are the logs of, since two machines may take logs that differ in the last
digit; and of the emission. A stream that has no emission takes log-likelihoods, whatever they come from, and goes on
with any emission or none. The names of states do not count.

An emission of `hmmfilter.emissions` is known by the values of its parameters. One of your own is known by the name of
its class; if it is a dataclass, by those of its fields that hold numbers, words, arrays, or lists of them; and if it
has a method ``fingerprint()``, by the string that this returns. What none of them tells is taken for the same.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._kernels.limits import FAR
from hmmfilter.emissions import scipy_distributions
from hmmfilter.streaming.run import Run

FORMAT = "hmmfilter stream, version 2"
FORMER = "hmmfilter stream, version 1"  # without fingerprints
LAGGED_FORMAT = "hmmfilter lagged stream, version 1"


class Origin(NamedTuple):
    """What a stream knows of the model that began it."""

    state_names: tuple[str, ...] | None = None
    probabilities: str | None = None  # their fingerprint


def fingerprint(*parts: FloatArray | str) -> str:
    """A word for numbers and texts, the same in every process and on every machine."""
    from hashlib import sha256

    total = sha256()
    for part in parts:
        if isinstance(part, str):
            shape, content = "text", part.encode()
        else:
            shape, content = str(part.shape), (part + 0.0).astype("<f8").tobytes()  # −0.0 is 0.0
        total.update(f"{shape} {len(content)}:".encode() + content)
    return total.hexdigest()


def emission_fingerprint(emission: Any) -> str | None:
    """A word for an emission, by its value as far as that is known."""
    if emission is None:
        return None
    parts = fields(emission) if is_dataclass(emission) else ()
    given = [getattr(emission, part.name) for part in parts if part.init]
    values = [_told(value) for value in given if value is not False]  # a switch that is off is as good as none
    own = emission.fingerprint() if hasattr(emission, "fingerprint") else ""
    return fingerprint(type(emission).__qualname__, *values, own)


def _told(value: Any) -> FloatArray | str:
    """What a fingerprint takes of a value."""
    is_numbers = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    return value if is_numbers else json.dumps(value, default=_plain, skipkeys=True)


def _plain(value: Any) -> Any:
    """What JSON holds of a value that it does not know: its numbers, if it is an array or a distribution of SciPy."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if is_dataclass(value):
        return emission_fingerprint(value)
    if hasattr(value, "dist"):
        numbers = scipy_distributions.parameters(value)
        return [value.dist.name, {name: float(numbers[name]) for name in sorted(numbers)}]
    return scipy_distributions.description(value) or type(value).__qualname__


def stream_document(run: Run, model: dict[str, str | None]) -> dict[str, Any]:
    """The snapshot of a stream that stands where a run does, of a model with these fingerprints."""
    n_observed = run._n_observed
    head, tail, exponent, rest, posterior = run._state.tolist() if n_observed > 0 else [[]] * 5
    return {
        "format": FORMAT,
        "model": dict(model),
        "n_observed": n_observed,
        "log_initial": with_nulls(run._log_initial),
        "head": head,
        "tail": tail,
        "exponent": [whole(k, more) if x > 0 else None for x, k, more in zip(head, exponent, rest, strict=True)],
        "posterior": posterior,
        "log_likelihood": float(run._log_likelihood),
    }


def restarts_document(run: Run) -> dict[str, Any]:
    """Where a run has started afresh, and the log-likelihood of all before the last of these; else of the rest."""
    return {"steps": [*run._restarts], "log_likelihood": run._log_before}


def whole(exponent: float, rest: float) -> float | int:
    """An exponent of two parts; where it is far, as an integer of all digits that it has."""
    return exponent if abs(exponent) < FAR else int(exponent) + int(rest)


def with_nulls(logs: FloatArray) -> list[float | None]:
    """A list of logs for JSON, which knows no infinity: the log of zero is None."""
    return [x if x > -np.inf else None for x in logs.tolist()]
