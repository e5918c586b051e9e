"""Streams: what they need to begin, and what stands in a snapshot of one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first
from hmmfilter._checks.documents import json_list, keys
from hmmfilter._checks.errors import shown
from hmmfilter._checks.parameters import real_parameters
from hmmfilter._checks.settings import integer


def begun(name: str, n_observed: int) -> None:
    """Insist that a stream has taken a step."""
    if n_observed == 0:
        raise ValueError(f"{name} must wait for a first update, got none yet")


def observing(emission: Any) -> Any:
    """Insist that a stream knows what its observations mean."""
    if emission is None:
        raise ValueError(
            "observe must have an emission, as from model.online(), got None: update takes log-likelihoods"
        )
    return emission


class WrittenStream(NamedTuple):
    """What stands in a stream's snapshot."""

    n_observed: int
    log_likelihood: float
    log_initial: FloatArray
    state: FloatArray  # (4, K)


def stream_snapshot(document: Any, known_format: str) -> WrittenStream:
    """Let a stream's snapshot in."""
    vectors = ("head", "tail", "exponent", "posterior")
    keys("the snapshot", document, {"format", "n_observed", "log_likelihood", "log_initial", *vectors})
    if document["format"] != known_format:
        raise ValueError(f"format must be {known_format!r}, got {shown(document['format'])}")
    n_observed = integer("n_observed", document["n_observed"])
    if n_observed < 0:
        raise ValueError(f"n_observed must be at least 0, got {n_observed}")

    def numbers_in(name: str) -> FloatArray:
        json_list(name, document[name])
        return real_parameters(name, document[name], (n_states,))

    def logs_in(name: str) -> FloatArray:
        json_list(name, document[name])
        zeros = [x is None for x in document[name]]
        known = [0.0 if x is None else x for x in document[name]]
        return np.where(zeros, -np.inf, real_parameters(name, known, (n_states,)))

    n_states = len(document["log_initial"]) if isinstance(document["log_initial"], list) else 0
    log_initial = logs_in("log_initial")
    log_likelihood = float(real_parameters("log_likelihood", document["log_likelihood"], ()))
    if n_observed == 0:
        return WrittenStream(0, log_likelihood, log_initial, np.zeros((4, n_states)))
    head, tail, exponent, posterior = *map(numbers_in, vectors[:2]), logs_in("exponent"), numbers_in("posterior")
    refuse_first("head", (head < 0) | (head > 1), "from 0 to 1", head)
    is_whole = np.where(head > 0, np.isfinite(exponent) & (exponent == np.floor(exponent)), exponent == -np.inf)
    refuse_first("exponent", ~is_whole, "a whole number, or null where head is 0", exponent)
    state = np.array([head, tail, exponent, posterior])
    return WrittenStream(n_observed, log_likelihood, log_initial, state)
