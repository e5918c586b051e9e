"""How a chain moves: matrices, rates, coefficients, and what moves depend on beside the observations."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._checks.arrays import (
    entry_name,
    float_array,
    rectangular,
    refuse_first,
    require_shape,
    whole_numbers,
)
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.numbers import real_numbers
from hmmfilter._checks.parameters import SUM_TOLERANCE, distributions, probabilities, real_parameters
from hmmfilter._checks.settings import flag, step_count

MOST_JUMPS = 2.0**56  # that may be expected in a gap: logs of what never happened in it stay exact
UNITS = ("W", "D", "h", "m", "s", "ms", "us", "ns")  # of times, as NumPy calls them


def transition_matrices(value: npt.ArrayLike, normalize: bool = False) -> FloatArray:
    """Let several square matrices in whose rows are distributions."""
    matrices = distributions("matrices", value, ("M", "K", "K"), normalize)
    n_states = matrices.shape[1]
    require_shape("matrices", matrices, ("M", n_states, n_states))
    return matrices


def higher_transition(value: npt.ArrayLike, normalize: bool = False) -> FloatArray:
    """Let distributions of the next state in, by the last states, one axis for each."""
    n_axes = max(2, np.ndim(value))
    table = distributions("transition", value, ("K",) * n_axes, normalize)
    require_shape("transition", table, (len(table),) * n_axes)
    return table


def joint_distribution(name: str, value: npt.ArrayLike, shape: tuple[int, ...], normalize: bool = False) -> FloatArray:
    """Let probabilities in that sum to 1 over all axes."""
    array = real_parameters(name, value, shape)
    together: FloatArray = frozen(distributions(name, array.ravel(), (array.size,), normalize).reshape(shape))
    return together


def as_many_histories(n_histories: int, n_own: int) -> None:
    """Insist on a model of the same histories."""
    if n_histories != n_own:
        raise ValueError(f"histories must be a model of {n_own} states, one for each history, got {n_histories}")


def matrix_names(value: Sequence[str] | None, n_matrices: int) -> tuple[str, ...] | None:
    """Let one name a matrix in, all different, or none at all."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise TypeError(f"names must be a list of non-empty strings, got {shown(value)}")
    if len(value) != n_matrices or len(set(value)) != n_matrices:
        raise ValueError(f"names must be {n_matrices} different ones, one for each matrix, got {shown(list(value))}")
    return tuple(map(str, value))


def numbers_of_matrices(value: Any, names: tuple[str, ...] | None) -> IntArray:
    """Let the numbers of matrices in, or their names where they have some; `matrices_known` says whether they fit."""
    array = rectangular("transition_index", value)
    words = array.tolist() if array.ndim == 1 else []
    if names is None or not any(isinstance(word, str) for word in words):
        return whole_numbers("transition_index", value)
    number_of = {name: number for number, name in enumerate(names)}
    for t, word in enumerate(words):
        if word not in number_of:
            raise EntryError(f"transition_index[{t}] must be one of {', '.join(names)}, got {shown(word)}", (t,))
    numbered: IntArray = frozen(np.array([number_of[word] for word in words], dtype=np.int64))
    return numbered


def matrices_known(index: IntArray, steps: IntArray, n_matrices: int) -> None:
    """Insist that there is a matrix of each number, at the steps that another one follows."""
    for t in steps[(index[steps] < 0) | (index[steps] >= n_matrices)][:1]:
        name = entry_name("transition_index", (int(t),))
        raise EntryError(
            f"{name} must be the number of a matrix, from 0 to {n_matrices - 1}, got {index[t]}", (int(t),)
        )


def generator_of(value: npt.ArrayLike) -> FloatArray:
    """Let rates in, from 0 up, whose diagonal is NaN or 0, or what makes rows sum to 0; the answer has the latter."""
    array = float_array("generator", real_numbers("generator", value)).copy()
    require_shape("generator", array, ("K", "K"))
    require_shape("generator", array, (len(array), len(array)))
    given = np.diag(array).copy()
    np.fill_diagonal(array, 0.0)
    refuse_first("generator", ~np.isfinite(array), "finite", array)
    refuse_first("generator", array < 0, "a rate, at least 0, as all are but those of the diagonal", array)
    leaving = rates_of_leaving(array)
    is_right = np.isnan(given) | (given == 0) | (np.abs(given + leaving) <= SUM_TOLERANCE * leaving)
    for i in np.flatnonzero(~is_right)[:1]:
        raise ValueError(
            f"generator row {i} must sum to 0, so that [{i}, {i}] is {-leaving[i]:.10g}, or 0 or NaN to be filled in, "
            f"got {float(given[i])!r}"
        )
    array[np.diag_indices_from(array)] = 0.0 - leaving
    rates: FloatArray = frozen(array)
    return rates


def rates_of_leaving(rates: FloatArray) -> FloatArray:
    """The sums of rows without their diagonals, each rounded once."""
    try:
        return np.array([math.fsum(row[:i] + row[i + 1 :]) for i, row in enumerate(rates.tolist())])
    except OverflowError:
        raise ValueError("generator must have rows whose rates sum to a number that fits into a double") from None


def time_unit(value: Any) -> str | None:
    """Let the unit of times that are dates in, as NumPy calls it."""
    if value is not None and (not isinstance(value, str) or value not in UNITS):
        raise ValueError(f"unit must be None or one of {', '.join(UNITS)}, got {shown(value)}")
    return None if value is None else str(value)


def gaps(moments: npt.NDArray[Any] | None, steps: IntArray, unit: str | None) -> FloatArray:
    """The time from each of some steps to the next, in the unit of the rates."""
    if moments is None:
        raise ValueError("times must be given, one of each step: the chain moves by rates in continuous time")
    passed = moments[steps + 1] - moments[steps]
    if moments.dtype.kind == "M":
        if unit is None:
            raise ValueError(
                "times must be numbers, since the rates have no unit: Rates(generator, unit='h') says that they are "
                "per hour"
            )
        whole = np.timedelta64(1, unit)  # type: ignore[call-overload]
        passed = passed / whole
    for t in steps[~(passed >= 0)][:1]:
        name = entry_name("times", (int(t) + 1,))
        raise EntryError(
            f"{name} must not be before the time of the step before it, got {moments[t + 1]} after {moments[t]}",
            (int(t) + 1,),
        )
    gated: FloatArray = np.asarray(passed, dtype=np.float64)
    refuse_first("gaps", ~np.isfinite(gated), "finite", gated)
    return gated


def gap_lengths(value: npt.ArrayLike, leaving: float) -> FloatArray:
    """Let lengths of time in, (M,), in which a chain jumps no more often than can be told exactly."""
    array = float_array("gap", value)
    refuse_first("gap", ~(np.isfinite(array) & (array >= 0)), "finite and at least 0", array)
    return moderate_gaps(array, leaving)


def moderate_gaps(array: FloatArray, leaving: float) -> FloatArray:
    """Insist that so many jumps are expected at most, that logs can say of none how unlikely it is."""
    most = MOST_JUMPS / leaving if leaving > 0 else math.inf
    refuse_first("gap", array > most, f"at most {most:.3g} for rates up to {leaving:.3g}", array)
    return array


def transition_coefficients(value: npt.ArrayLike) -> FloatArray:
    """Let the coefficients of logits in, an intercept first, 0 for staying."""
    array = real_parameters("coefficients", value, ("K", "K", "C + 1"))
    n_states = len(array)
    require_shape("coefficients", array, (n_states, n_states, "C + 1"))
    is_base = np.broadcast_to(np.eye(n_states, dtype=np.bool_)[:, :, np.newaxis], array.shape)
    refuse_first("coefficients", is_base & (array != 0), "0, since staying is what the others are compared with", array)
    return array


def chosen_covariates(value: Any, n_covariates: int) -> tuple[str | int, ...] | None:
    """Let the names or numbers of as many columns in as there are coefficients besides intercepts."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(_is_column(entry) for entry in value):
        raise TypeError(f"covariates must be a list of names or numbers of columns, got {shown(value)}")
    if len(value) != n_covariates or len(set(value)) != n_covariates:
        raise ValueError(
            f"covariates must be {n_covariates} different columns, one for each coefficient after the intercept, "
            f"got {shown(list(value))}"
        )
    return tuple(str(entry) if isinstance(entry, str) else int(entry) for entry in value)


def _is_column(entry: Any) -> bool:
    is_number = isinstance(entry, numbers.Integral) and not isinstance(entry, bool)
    return isinstance(entry, str) or (is_number and int(entry) >= 0)


def columns_of(
    table: FloatArray | None, names: Sequence[str] | None, chosen: Sequence[str | int] | None, n_covariates: int
) -> FloatArray:
    """The columns of covariates that coefficients are of, by name or number, or all in order."""
    if table is None:
        raise ValueError("covariates must be given, a row of each step: the chain moves by logits in them")
    if chosen is None:
        if table.shape[1] != n_covariates:
            raise ValueError(
                f"covariates must have {n_covariates} columns, one for each coefficient after the intercept, "
                f"got {table.shape[1]}"
            )
        return table
    places = [_place(column, names, table.shape[1]) for column in chosen]
    picked: FloatArray = table[:, places]
    return picked


def _place(column: str | int, names: Sequence[str] | None, width: int) -> int:
    if isinstance(column, str):
        known = list(names or ())
        if column not in known:
            what = ", ".join(known) if known else "no names"
            raise ValueError(f"covariates must have a column {shown(column)}, got {what}")
        return known.index(column)
    if column >= width:
        raise ValueError(f"covariates must have a column {column}, got {width}, from 0")
    return column


def known_covariates(table: FloatArray, steps: IntArray) -> None:
    """Insist that covariates are known at the steps that another one follows."""
    for t, c in np.argwhere(~np.isfinite(table[steps]))[:1]:
        index = (int(steps[t]), int(c))
        raise EntryError(f"{entry_name('covariates', index)} must be finite, got {float(table[index])!r}", index)


def staying(value: npt.ArrayLike, n_states: int) -> FloatArray:
    """Let probabilities to stay in, one of all states or one of each; a state alone can go nowhere."""
    shares = _shares_that_stay(value, n_states)
    if n_states == 1:
        refuse_first("stay", shares != 1, "1, since there is no other state", shares)
    return shares


def last_staying(value: npt.ArrayLike, n_states: int) -> FloatArray:
    """The same where the last state stays for good."""
    shares = _shares_that_stay(value, n_states)
    return np.concatenate([shares[:-1], [1.0]])


def _shares_that_stay(value: npt.ArrayLike, n_states: int) -> FloatArray:
    shares = probabilities("stay", value, None)
    if shares.ndim > 0:
        require_shape("stay", shares, (n_states,))
    return np.broadcast_to(shares, (n_states,))


def odd_width(value: int, n_states: int, wrap: bool) -> int:
    """Let in among how many states the next one is."""
    width = step_count("width", value)
    if width % 2 == 0:
        raise ValueError(f"width must be odd, with as many states on either side, got {shown(width)}")
    if flag("wrap", wrap) and width > n_states:
        raise ValueError(f"width must be at most {n_states}, the number of states, where it wraps around, got {width}")
    return width


def covariate_rows(value: npt.ArrayLike, n_covariates: int) -> FloatArray:
    """Let a row of covariates in, or a table of them."""
    array = real_parameters("covariates", value, None)
    require_shape("covariates", array, (n_covariates,) if array.ndim == 1 else ("M", n_covariates))
    return array


def given_index(index: Any) -> Any:
    """Insist that each step says which matrix leads on."""
    if index is None:
        raise ValueError("transition_index must be given, the number of a matrix at each step: the chain has several")
    return index


def one_stationary(kind: str) -> NoReturn:
    """Refuse to say where a chain settles that moves otherwise from step to step."""
    raise ValueError(
        f"there is no stationary distribution of {kind} transitions, which move otherwise from step to step: initial "
        "must be probabilities"
    )
