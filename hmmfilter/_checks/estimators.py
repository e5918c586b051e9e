"""What estimators in the manner of scikit-learn are given: attributes that were set by hand, priors, and words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first, require_shape
from hmmfilter._checks.covariances import TINY, require_covariances
from hmmfilter._checks.errors import shown
from hmmfilter._checks.parameters import non_negative, real_parameters
from hmmfilter._checks.priors import at_least_one
from hmmfilter._checks.selections import hmm
from hmmfilter._checks.settings import integer, one_of

NEAR_ONE = 1e-5  # how far a sum may be off, of numbers that were typed in


def rows_of_estimator(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let distributions in, along the last axis, that may be off 1 as much as typing them in explains."""
    rows = real_parameters(name, value, shape)
    refuse_first(name, rows < 0, "at least 0", rows)
    sums = rows.sum(axis=-1)
    for index in np.argwhere(np.abs(sums - 1.0) > NEAR_ONE)[:1]:
        row = "".join(f" row {i}" for i in index)
        raise ValueError(f"{name}{row} must sum to 1, got {float(sums[tuple(index)]):.10g}")
    return rows


def concentration_of_estimator(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Let the concentration of a Dirichlet prior in, for distributions along the last axis."""
    return _fitting(name, at_least_one(name, value), shape)


def prior_of_estimator(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Let numbers of a prior in, for parameters of such a shape; as many as there are states are one for each."""
    given = non_negative(name, value, None) if name.endswith("weight") else real_parameters(name, value, None)
    if shape and given.shape == shape[:1]:
        given = given.reshape(-1, *(1,) * (len(shape) - 1))
    return _fitting(name, given, shape)


def scales_of_estimator(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Let the scale of a prior of matrices in: a number, or one for each state, stands for so many times the unit."""
    given = real_parameters(name, value, None)
    if given.ndim < 2:
        given = given[..., np.newaxis, np.newaxis] * np.eye(shape[-1])
    return _fitting(name, given, shape)


def prior_of_mixtures(name: str, value: npt.ArrayLike, shape: tuple[int, ...], least: float = -np.inf) -> FloatArray:
    """Let numbers of a prior in that are spread over such a shape as arrays are."""
    given = real_parameters(name, value, None)
    refuse_first(name, given < least, f"at least {least:g}", given)
    return _fitting(name, given, shape)


def _fitting(name: str, given: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must be a number, or fit into shape {shape}, got shape {given.shape}") from None


def covariance_type_of_estimator(value: Any) -> str:
    """Let the name of a kind of covariance in."""
    return one_of("covariance_type", value, ("spherical", "diag", "full", "tied"))


def covariances_of_estimator(value: npt.ArrayLike, covariance_type: str, n_states: int) -> FloatArray:
    """Let covariances in, as `covariance_type` says."""
    covariance_type_of_estimator(covariance_type)
    given = real_parameters("covars_", value, None)
    if covariance_type == "spherical":
        rows = given.reshape(n_states, -1) if given.ndim and len(given) == n_states and given.size else given
        if rows.ndim != 2 or (rows != rows[:, :1]).any():
            raise ValueError(f"covars_ must be one number for each of {n_states} states, got {shown(value)}")
        given = rows[:, 0]
    shapes: dict[str, tuple[int | str, ...]] = {
        "spherical": (n_states,),
        "diag": (n_states, "D"),
        "full": (n_states, "D", "D"),
        "tied": ("D", "D"),
    }
    require_shape("covars_", given, shapes[covariance_type])
    if covariance_type in ("spherical", "diag"):
        refuse_first("covars_", given < TINY, "above 0", given)
    else:
        matrices = given.reshape(-1, *given.shape[-2:])
        require_covariances([f"covars_ {k}" for k in range(len(matrices))], matrices)
    return np.array(given)


def covariances_of_mixtures(
    value: npt.ArrayLike, covariance_type: str, shapes: Mapping[str, tuple[int, ...]]
) -> FloatArray:
    """Let the covariances of components in, of a shape that `covariance_type` says."""
    given = real_parameters("covars_", value, shapes[covariance_type_of_estimator(covariance_type)])
    if covariance_type in ("spherical", "diag"):
        refuse_first("covars_", given < TINY, "above 0", given)
    else:
        names = [f"covars_{list(index)}" for index in np.ndindex(given.shape[:-2])]
        require_covariances(names, given.reshape(-1, *given.shape[-2:]))
    return given


def covariances_of_a_kind(covariance_type: str, possible: FloatArray, given: FloatArray) -> None:
    """Insist that a model's covariance matrices, (K, M, D, D), are what is possible of a kind."""
    for state, component in np.argwhere((possible != given).any(axis=(2, 3)))[:1]:
        raise ValueError(
            f"covariance_type must fit the covariances of the model, got {covariance_type!r} for "
            f"{shown(given[state, component].tolist())} of component {component} of state {state}"
        )


def no_emission(kind: str) -> NoReturn:
    """Say that a class of one's own has no emission of this library."""
    raise NotImplementedError(
        f"{kind} has no `_emission`: it says by `_compute_log_likelihood` how probable rows are, and is no `hf.HMM`; "
        "an object with n_states, log_likelihoods and sample would make one"
    )


def no_log_likelihoods(kind: str) -> NoReturn:
    """Say that a class of one's own says nothing of its observations."""
    raise NotImplementedError(f"{kind} must define `_compute_log_likelihood(X)`, (n_samples, n_components)")


def decoder(value: Any, known: tuple[str, ...]) -> str:
    """Let the name of a decoder in."""
    return one_of("algorithm", value, known)


def state_of_estimator(name: str, value: Any, n_states: int) -> int:
    """Let the number of a state in."""
    number = integer(name, value)
    if not 0 <= number < n_states:
        raise ValueError(f"{name} must be a state, from 0 to {n_states - 1}, got {number}")
    return number


def no_lengths_of_a_list(lengths: Any) -> None:
    """Insist that a list of sequences comes without lengths."""
    if lengths is not None:
        raise ValueError("lengths must be left out of a list of sequences, which has them already")


def rows_of_one_width(value: Any) -> None:
    """Insist that a list, if it is not one of tables, is no list of vectors of unequal lengths."""
    rows = value if isinstance(value, (list, tuple)) else ()
    widths = {len(row) for row in rows if hasattr(row, "__len__") and not isinstance(row, (str, bytes))}
    if len(widths) > 1:
        raise ValueError(
            f"X must be a table, (T, D), or a list of tables, got a list of rows of {min(widths)} to {max(widths)} "
            "numbers: if these are sequences of numbers, [np.reshape(part, (-1, 1)) for part in X] makes tables of them"
        )


def rows_of_means(value: npt.ArrayLike, n_states: int) -> FloatArray:
    """Let means in, a row for each state."""
    return real_parameters("means_", value, (n_states, "D"))


def model_of_estimator(kind: str, model: Any) -> None:
    """Insist on a model of one matrix, whose sequences do not end by themselves."""
    hmm("model", model)
    if model.final is not None:
        raise ValueError(f"model must have no end probabilities, which {kind} has no place for")
    if np.ndim(model.transition) != 2:
        transitions = type(model.chain).__name__
        raise TypeError(f"model must move by one matrix, as {kind} does, got {transitions} transitions")


def emission_of_estimator(kind: str, emission: Any, known: type[Any]) -> None:
    """Insist on an emission of the kind that an estimator has."""
    if type(emission) is not known:
        raise TypeError(f"the emission of a {kind} must be {known.__name__}, got {type(emission).__name__}")
