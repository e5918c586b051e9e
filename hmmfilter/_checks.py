"""Every check of what comes in, the words of every refusal, and the one gate through which arrays enter.

A gate returns C-ordered float64 that nobody can write to: one layout to compile for, and the caller's arrays are safe.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Iterable, Sequence, Set
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Impossible = Literal["raise", "mark"]

SUM_TOLERANCE = 1e-8  # how far from 1 a row of probabilities may sum
LARGEST_LOG = 1e290  # of a finite log-potential: 1e18 of them can be added without overflow


class ImpossibleEvidenceError(ValueError):
    """The evidence has probability zero: no path through the states can have produced it.

    Parameters
    ----------
    step : int
        The first impossible step within its sequence, from 0.
    sequence : int, optional
        The number of the sequence, from 0; None where there is only one.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> never = float("-inf")
    >>> try:
    ...     hf.forward_filter([0.0], [[0.0]], [[0.0], [never]])
    ... except hf.ImpossibleEvidenceError as error:
    ...     print(error.step, error)
    1 the evidence is impossible from step 1 on: no path through the states has a probability above zero there
    """

    def __init__(self, step: int, sequence: int | None = None) -> None:
        super().__init__(step, sequence)
        self.step = step
        self.sequence = sequence

    def __str__(self) -> str:
        where = f"step {self.step}" + ("" if self.sequence is None else f" of sequence {self.sequence}")
        return (
            f"the evidence is impossible from {where} on: no path through the states has a probability above zero there"
        )


def float_array(name: str, value: npt.ArrayLike) -> FloatArray:
    """Let any array of real numbers in, as read-only C-ordered float64."""
    if np.ma.isMaskedArray(value) and np.ma.getmaskarray(value).any():
        raise TypeError(f"{name} must not have masked entries")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be rectangular, got rows of unequal length") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    gated: FloatArray = np.require(array, np.float64, ["C", "ALIGNED"]).view()
    gated.flags.writeable = False
    return gated


def _at(name: str, index: Sequence[int]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if len(index) else name


def _refuse_first(name: str, bad: npt.NDArray[np.bool_], requirement: str, array: FloatArray) -> None:
    """Raise for the first entry of `array` at which `bad` is true."""
    if bad.any():
        index = tuple(map(int, np.argwhere(bad)[0]))
        raise ValueError(f"{_at(name, index)} must be {requirement}, got {float(array[index])!r}")


def _shape(name: str, array: FloatArray, required: tuple[int | str, ...]) -> None:
    """Raise unless the shape is the required one, where a letter stands for any length from 1."""
    fits = len(required) == array.ndim and all(
        length > 0 if isinstance(need, str) else length == need
        for need, length in zip(required, array.shape, strict=True)
    )
    if not fits:
        comma = "," if len(required) == 1 else ""
        words = f"({', '.join(map(str, required))}{comma})"
        empty = " with no length of 0" if 0 in array.shape else ""
        raise ValueError(f"{name} must have shape {words}{empty}, got {array.shape}")


def log_potentials(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let logs of non-negative numbers in: finite, or −inf for a zero."""
    array = float_array(name, value)
    _shape(name, array, shape)
    bad = ~(np.abs(array) <= LARGEST_LOG) & (array != -np.inf)
    _refuse_first(name, bad, f"-inf or finite (at most {LARGEST_LOG:g} in magnitude)", array)
    return array


def chain(
    log_initial: npt.ArrayLike, log_transition: npt.ArrayLike, log_likelihoods: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Let the three tables of the functional core in."""
    initial = log_potentials("log_initial", log_initial, ("K",))
    n_states = len(initial)
    transition = log_potentials("log_transition", log_transition, (n_states, n_states))
    likelihoods = log_potentials("log_likelihoods", log_likelihoods, ("T", n_states))
    return initial, transition, likelihoods


def impossible_policy(impossible: Impossible) -> None:
    """Insist on one of the two ways to meet impossible evidence."""
    if impossible not in ("raise", "mark"):
        raise ValueError(f"impossible must be 'raise' or 'mark', got {impossible!r}")


def real_parameters(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let finite numbers in, copied, so that a frozen owner stays as it is."""
    array: FloatArray = float_array(name, value).copy()
    _shape(name, array, shape)
    _refuse_first(name, ~np.isfinite(array), "finite", array)
    array.flags.writeable = False
    return array


def non_negative(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let finite numbers from 0 up in."""
    array = real_parameters(name, value, shape)
    _refuse_first(name, array < 0, "at least 0", array)
    return array


def positive(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let finite numbers above 0 in."""
    array = real_parameters(name, value, shape)
    _refuse_first(name, array <= 0, "above 0", array)
    return array


def probabilities(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let numbers from 0 to 1 in."""
    array = non_negative(name, value, shape)
    _refuse_first(name, array > 1, "at most 1", array)
    return array


def distributions(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let probabilities in that sum to 1 along the last axis, within `SUM_TOLERANCE`; they are used as given."""
    array = non_negative(name, value, shape)
    sums = array.sum(axis=-1)
    off = np.argwhere(~(np.abs(sums - 1.0) <= SUM_TOLERANCE))
    if len(off):
        index = tuple(map(int, off[0]))
        row = "".join(f" row {i}" for i in index)
        raise ValueError(f"{name}{row} must sum to 1, got {float(sums[index]):.10g}")
    return array


def transition_matrix(value: npt.ArrayLike, n_states: int | str = "K") -> FloatArray:
    """Let a square matrix in whose rows are distributions."""
    matrix = distributions("transition", value, (n_states, "K"))
    _shape("transition", matrix, (len(matrix), len(matrix)))
    return matrix


def covariances(value: npt.ArrayLike, n_states: int, n_dimensions: int) -> FloatArray:
    """Let one symmetric, positive definite matrix for each state in."""
    array = real_parameters("covariance", value, (n_states, n_dimensions, n_dimensions))
    for k, matrix in enumerate(array):
        if not np.array_equal(matrix, matrix.T):
            i, j = map(int, np.argwhere(matrix != matrix.T)[0])
            raise ValueError(
                f"covariance {k} must be symmetric, got {float(matrix[i, j])!r} at [{i}, {j}] "
                f"and {float(matrix[j, i])!r} at [{j}, {i}]"
            )
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            smallest = float(np.linalg.eigvalsh(matrix)[0])
            raise ValueError(
                f"covariance {k} must be positive definite, got a smallest eigenvalue of {smallest:.3g}"
            ) from None
    return array


def state_names(value: Sequence[str] | None, n_states: int) -> tuple[str, ...]:
    """Let one name a state in, all different; without them, the states' numbers."""
    if value is None:
        return tuple(map(str, range(n_states)))
    is_sequence = isinstance(value, Iterable) and not isinstance(value, str)
    if not is_sequence or not all(isinstance(name, str) for name in value):
        raise TypeError(f"state_names must be a sequence of strings, got {value!r}")
    if len(value) != n_states or len(set(value)) != n_states:
        raise ValueError(f"state_names must be {n_states} different names, got {list(value)!r}")
    return tuple(value)


def stationary_word(initial: str) -> None:
    """Insist on the one word that may stand for an initial distribution."""
    if initial != "stationary":
        raise ValueError(f"initial must be probabilities or 'stationary', got {initial!r}")


def emission(value: Any, n_states: int) -> None:
    """Insist on an emission for as many states as the transition has."""
    for attribute in ("n_states", "log_likelihoods", "sample"):
        if not hasattr(value, attribute):
            raise TypeError(
                "emission must have n_states, log_likelihoods and sample, as those of hmmfilter.emissions do, "
                f"got {type(value).__name__} without {attribute}"
            )
    if value.n_states != n_states:
        raise ValueError(f"emission must have the {n_states} states of transition, got {value.n_states}")


def length(value: int) -> int:
    """Let a number of steps in."""
    try:
        steps = operator.index(value)
    except TypeError:
        raise TypeError(f"length must be an integer, got {value!r}") from None
    if steps < 1:
        raise ValueError(f"length must be at least 1, got {steps}")
    return steps


def observations(value: Any, n_dimensions: int | None = None) -> FloatArray:
    """Let observations in, a number a step, or a vector a step where `n_dimensions` is given; missing ones as NaN.

    None and masked entries are missing too.
    """
    name = "observations"
    required: tuple[int | str, ...] = ("T",) if n_dimensions is None else ("T", n_dimensions)
    if np.ma.isMaskedArray(value):
        value = np.ma.filled(value.astype(np.float64), np.nan)
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length, or None among vectors
        array = np.empty(0, dtype=object)
    if array.dtype.kind in "biuf":
        array = array.astype(np.float64)
    else:
        array = _observations_one_by_one(name, value, n_dimensions)
    _shape(name, array, required)
    _refuse_first(name, np.isinf(array), "finite, or NaN or None where missing", array)
    return array


def _observations_one_by_one(name: str, value: Any, n_dimensions: int | None) -> FloatArray:
    def refuse(index: tuple[int, ...], got: Any) -> NoReturn:
        raise TypeError(f"{_at(name, index)} must be a number, or NaN or None where missing, got {got!r}")

    def number(item: Any, index: tuple[int, ...]) -> float:
        if item is None:
            return np.nan
        if isinstance(item, (numbers.Real, np.bool_)):
            return float(item)
        refuse(index, item)

    def vector(item: Any, t: int) -> list[float]:
        if item is None:
            return [np.nan] * (n_dimensions or 0)
        if isinstance(item, (str, bytes)) or not hasattr(item, "__len__"):
            refuse((t,), item)
        if len(item) != n_dimensions:
            raise ValueError(f"{_at(name, (t,))} must have {n_dimensions} entries, got {len(item)}")
        return [number(entry, (t, d)) for d, entry in enumerate(item)]

    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        refuse((), value)
    if n_dimensions is None:
        return np.array([number(item, (t,)) for t, item in enumerate(value)], dtype=np.float64)
    return np.array([vector(item, t) for t, item in enumerate(value)], dtype=np.float64)


def whole_observations(value: Any, at_most: int | None = None) -> FloatArray:
    """Let whole observations from 0 up in, to a largest one where there is one; missing ones as NaN."""
    array = observations(value)
    bad = (array < 0) | (array != np.floor(array))
    requirement = "a whole number from 0 up"
    if at_most is not None:
        bad |= array > at_most
        requirement = f"a whole number from 0 to {at_most}"
    _refuse_first("observations", bad & ~np.isnan(array), f"{requirement}, or missing", array)
    return array


def frozen_distributions(value: Sequence[Any]) -> tuple[Any, ...]:
    """Let frozen univariate distributions of SciPy in, all continuous or all discrete."""
    from scipy.stats import rv_discrete
    from scipy.stats.distributions import rv_frozen

    distributions = tuple(value)
    if not distributions:
        raise ValueError("distributions must name at least one state's distribution, got none")
    for k, distribution in enumerate(distributions):
        if not isinstance(distribution, rv_frozen):
            raise TypeError(
                f"distributions[{k}] must be a frozen univariate distribution of scipy.stats, such as "
                f"scipy.stats.norm(0, 1), got {distribution!r}"
            )
        parameters = (*distribution.args, *distribution.kwds.values())
        if any(np.ndim(parameter) for parameter in parameters) or np.isnan(distribution.support()).any():
            raise ValueError(
                f"distributions[{k}] must have valid single numbers for parameters, "
                f"got {distribution.dist.name} of {parameters}"
            )
    if len({isinstance(distribution.dist, rv_discrete) for distribution in distributions}) > 1:
        raise ValueError("distributions must be all continuous or all discrete, got some of each")
    return distributions


def keys(name: str, document: Any, required: Set[str], optional: Set[str] = frozenset()) -> None:
    """Insist on a JSON object with all of the required keys and none beyond the optional ones."""
    if not isinstance(document, dict):
        raise TypeError(f"{name} must be a JSON object, got {type(document).__name__}")
    missing, unknown = required - set(document), set(document) - required - optional
    if missing or unknown:
        raise ValueError(
            f"{name} must have the keys {sorted(required)}, got "
            + " and ".join(
                f"{what} {sorted(which)}" for what, which in (("none of", missing), ("also", unknown)) if which
            )
        )


def json_list(name: str, value: Any) -> None:
    """Insist on a JSON array."""
    if not isinstance(value, list):
        raise TypeError(f"{name} must be a JSON array, got {type(value).__name__}")
