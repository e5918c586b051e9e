"""What composites are guessed of: kinds by name, and observations in groups, one for each component."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import registry
from hmmfilter.emissions.composite import let_in
from hmmfilter.emissions.gaussian import Gaussian

OWN = 0.9  # how much an observation belongs to its own group; the rest is even, so that nothing begins with zeros


def kind_of(name: str, value: Any) -> tuple[Any, dict[str, Any]]:
    """A class of emissions, and what its `guessed` takes: of a name, a class, or a pair of either and a dict."""
    kind, options = value if isinstance(value, tuple) and len(value) == 2 else (value, {})
    _checks.options_of(name, options)
    return _checks.emission_class(kind, registry.known()), options


def taken_by(kind: Any, **given: Any) -> dict[str, Any]:
    """What a class of emissions takes of what there is besides observations."""
    taken = inspect.signature(kind.guessed).parameters
    return {name: value for name, value in given.items() if value is not None and name in taken}


def stand_in(kind: Any, observations: Any, options: dict[str, Any], covariates: Any = None) -> Any:
    """One of a single state that takes such observations: if the kind has none, that of all of them."""
    _checks.options_taken(kind, options)
    if hasattr(kind, "_stand_in"):
        return kind._stand_in(observations, **taken_by(kind, covariates=covariates), **options)
    rows = joined(observations, _checks.vector_width(observations, None))
    return kind.guessed(rows, np.ones((len(rows), 1)), **options)


def joined(observations: Any, width: int | None, by_name: Any = None) -> Any:
    """Observations, or several sequences of them one after the other, of numbers, or of vectors so wide."""
    shape = (1,) if width is None else (1, width)
    like = Gaussian(np.zeros(shape), np.ones(shape), "variances") if by_name is None else by_name
    sequences, _ = _checks.keyed(observations, like, None)
    if sequences is None:
        sequences = _checks.sequences(observations, like, None)
    return observations if sequences is None else _checks.one_after_the_other(sequences, like)


def numbers_of(emission: Any, observations: Any, covariates: Any, lengths: Any) -> FloatArray:
    """Observations as an emission takes them, in rows of numbers, NaN where missing."""
    starts, given = _checks.starts(lengths, len(observations)), {"covariates": covariates}
    x = let_in(emission, observations, _checks.beside_of(None, emission, starts, None, given))[0]
    rows: FloatArray = x.reshape(len(x), -1)
    return rows


def grouped(x: FloatArray, degrees: FloatArray, n_groups: int) -> FloatArray:
    """How much rows belong to groups within each state, (M, T, K): by where they are along its principal direction."""
    is_seen, most = ~np.isnan(x).all(axis=1), degrees.argmax(axis=1)
    shares = np.full((n_groups, *degrees.shape), 1 / n_groups)
    for k in range(degrees.shape[1]):
        rows = np.flatnonzero(is_seen & (most == k))
        own = np.argsort(np.argsort(_along(x[rows]), kind="stable"), kind="stable") * n_groups // max(len(rows), 1)
        shares[:, rows, k] = (1 - OWN) / n_groups
        shares[own, rows, k] += OWN
    grouped: FloatArray = shares * degrees
    return grouped


def weights_of(shares: FloatArray, x: FloatArray) -> FloatArray:
    """How often each group counts in each state, as a share, (K, M); of a state without rows, evenly."""
    is_seen = np.flatnonzero(~np.isnan(x).all(axis=1))
    counts = shares[:, is_seen].sum(axis=1).T
    totals = counts.sum(axis=1, keepdims=True)
    weights: FloatArray = np.where(totals > 0, counts / np.where(totals > 0, totals, 1.0), 1 / counts.shape[1])
    return weights


def _along(x: FloatArray) -> FloatArray:
    """Rows along the direction in which they vary most, each entry in units of its standard deviation."""
    if len(x) == 0:
        return np.zeros(0)
    is_there = ~np.isnan(x)
    n = np.maximum(is_there.sum(axis=0), 1)
    centred = np.where(is_there, x - np.where(is_there, x, 0.0).sum(axis=0) / n, 0.0)
    scale = np.sqrt((centred**2).sum(axis=0) / n)
    centred = centred / np.where(scale > 0, scale, 1.0)
    direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    along: FloatArray = centred @ (direction if direction[np.abs(direction).argmax()] > 0 else -direction)
    return along
