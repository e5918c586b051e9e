"""Chains whose sojourns have distributions: their tables, and what they are asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._checks.arrays import refuse_first, require_shape
from hmmfilter._checks.parameters import distributions, real_parameters
from hmmfilter._kernels.ages import LAST, REACHES, Ages

LARGEST_OF_SOJOURNS = 1e10  # of a finite log-potential: sums over long sojourns keep exponents that a double holds


def ages_in(log_transition: Any) -> Ages | None:
    """What a chain says of ages, if its sojourns have distributions; None of others."""
    ages: Ages | None = log_transition._ages() if hasattr(log_transition, "_ages") else None
    return ages


def moderate_logs(name: str, array: FloatArray) -> None:
    """Insist on logs that sojourns can add up."""
    too_large = (np.abs(array) > LARGEST_OF_SOJOURNS) & (array != -np.inf)
    need = f"at most {LARGEST_OF_SOJOURNS:g} in magnitude, or -inf, where sojourns have durations"
    refuse_first(name, too_large, need, array)


def starts_of_sojourns(log_initial: FloatArray, ages: Ages, n_ages: int, n_sequences: int) -> FloatArray:
    """Let in what sequences begin with: logs of states, of age 1, or of states and ages, perhaps of each sequence."""
    n_states = len(ages.move_heads)
    if log_initial.ndim == 1:
        require_shape("log_initial", log_initial, (n_states,))
        return log_initial.reshape(1, n_states)
    shape = (n_states, n_ages)
    require_shape("log_initial", log_initial, shape if log_initial.ndim == 2 else (n_sequences, *shape))
    tables = log_initial.reshape(-1, *shape)
    never = ages.linear[REACHES, :, ::-1][:, :n_ages] == 0
    for n, k, d in np.argwhere((tables > -np.inf) & never)[:1]:
        place = f"[{k}, {d}]" if log_initial.ndim == 2 else f"[{n}, {k}, {d}]"
        raise ValueError(
            f"log_initial{place} must be -inf: no sojourn of state {k} lasts {d + 1} steps, got "
            f"{float(tables[n, k, d]):.10g}"
        )
    many: FloatArray = frozen(tables.reshape(len(tables), -1))
    return many


def durations_of(value: npt.ArrayLike, normalize: bool) -> FloatArray:
    """Let distributions in, of how long a sojourn of each state lasts."""
    return distributions("durations", value, ("K", "D"), normalize)


def moves_of(value: npt.ArrayLike, n_states: int, normalize: bool) -> FloatArray:
    """Let in what follows the sojourns of each state."""
    return distributions("moves", value, (n_states, n_states), normalize)


def initial_of(value: npt.ArrayLike, durations: FloatArray, normalize: bool) -> FloatArray:
    """Let in what a model begins with: states, or states and ages, which sojourns must be able to reach."""
    n_states, n_ages = durations.shape
    if np.ndim(value) != 2:
        return distributions("initial", value, (n_states,), normalize)
    array = real_parameters("initial", value, (n_states, n_ages))
    together = distributions("initial", array.ravel(), (array.size,), normalize).reshape(array.shape)
    reached = np.flip(np.maximum.accumulate(np.flip(durations > 0, 1), 1), 1)
    refuse_first("initial", (together > 0) & ~reached, "0 for an age that no sojourn of the state reaches", together)
    first: FloatArray = frozen(together)
    return first


def no_ends(final: Any) -> None:
    """Refuse end probabilities beside durations."""
    if final is not None:
        raise ValueError(
            "final must be None where sojourns have durations, got probabilities: Durations(..., cut=False) says that "
            "the last sojourn ends with the last step"
        )


def no_sojourns(log_transition: Any) -> None:
    """Refuse a chain whose sojourns have durations where a question is one of plain chains alone."""
    if hasattr(log_transition, "_ages"):
        raise TypeError(
            "log_transition must be of a plain chain for this question, got Durations: Durations.to_dense() has the "
            "expanded matrix, whose states are pairs of a state and an age"
        )


def no_prior_of_durations(prior: Any) -> None:
    """Refuse a belief about durations."""
    raise TypeError(f"the prior of the transition must be None where sojourns have durations, got {prior!r}")


def whole_durations(groups: IntArray, durations: FloatArray) -> None:
    """Insist on durations of which each row is learnt as a whole, but for its zeros, or held."""
    are_learnt = groups >= 0
    is_whole = (are_learnt | (durations == 0)).all(axis=1) | ~are_learnt.any(axis=1)
    free = groups[are_learnt]
    if not is_whole.all() or len(np.unique(free)) < len(free):
        raise ValueError(
            "fixed and tied must leave durations as they are, or name all of them: fixed='transition.durations'"
        )


def learnable_start(initial: FloatArray, how: str, has_durations: bool) -> None:
    """Insist on a start that can be learnt where sojourns have durations."""
    if has_durations and (how == "stationary" or (initial.ndim == 2 and how != "fixed")):
        need = "'fixed', as it is of states and ages" if initial.ndim == 2 else "'free' or 'fixed'"
        raise ValueError(f"initial must be {need}, where sojourns have durations, got {how!r}")


def no_matrices(is_by_matrix: bool) -> None:
    """Refuse counts by matrix where there is none."""
    if is_by_matrix:
        raise ValueError("per_matrix must be False where sojourns have durations, got True")


def restartable(ages: Any) -> None:
    """Insist on a chain that can be cut where no path leads on."""
    if isinstance(ages, Ages) and not np.array_equal(ages.linear[REACHES], ages.linear[LAST]):
        raise ValueError(
            "impossible='restart' must come with Durations(..., cut=True), got cut=False: where a chain starts afresh, "
            "a sojourn has been cut"
        )
