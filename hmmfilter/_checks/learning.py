"""What learning is told: which states are known, what sequences count, which parameters are held or tied."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._checks.arrays import float_array, rectangular, refuse_first, require_shape
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.labels import by_key
from hmmfilter._checks.observations import entries_of, is_missing

UNKNOWN = -1
MOST_STATES = 2**31  # where nobody says how many there are
Shapes = Mapping[str, tuple[int, ...]]  # of the parameters, by their names


class ObjectiveFellError(ArithmeticError):
    """A step of learning, which cannot lower the objective, has lowered it: there is a defect in the emission.

    Parameters
    ----------
    before, after : float
        The objective.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> print(hf.ObjectiveFellError(-10.0, -11.0))
    a step of learning lowered the objective from -10 to -11, which none can: see the emission's estimates
    """

    def __init__(self, before: float, after: float) -> None:
        super().__init__(before, after)
        self.before = before
        self.after = after

    def __str__(self) -> str:
        return (
            f"a step of learning lowered the objective from {self.before:.17g} to {self.after:.17g}, which none can: "
            "see the emission's estimates"
        )


def objective_rises(before: float, after: float, resolution: float) -> None:
    """Insist that a step has not lowered the objective by more than rounding explains."""
    if not after >= before - resolution:
        raise ObjectiveFellError(before, after)


def known_states(
    value: Any,
    lengths: Sequence[int],
    n_states: int,
    keys: Sequence[Hashable] | None = None,
    name: str = "labels",
    state_names: Sequence[str] = (),
) -> IntArray:
    """Let the states that are known in, by numbers or names, in one array, or one for each sequence; −1 where none is.

    Where nobody says how the states are called, `state_names` may be a list, to which the names are added that come.
    """
    n_rows = sum(lengths)
    names = range(len(lengths)) if keys is None else keys
    if keys is not None:
        value = by_key(value)
        if not isinstance(value, Mapping) or set(value) != set(keys):
            raise ValueError(f"{name} must be a dict with the keys {shown(list(keys))}, got {shown(value)}")
        value = [value[key] for key in keys]
    are_parts = isinstance(value, (list, tuple)) and any(entries_of(part) is not None for part in value)
    if not are_parts and keys is None:
        return _states_of(name, value, n_rows, n_states, state_names)
    if len(value) != len(lengths):
        raise ValueError(f"{name} must be states for each of the {len(lengths)} sequences, got {len(value)}")
    parts = [
        _states_of(f"{name}[{shown(key)}]", part, length, n_states, state_names)
        for key, part, length in zip(names, value, lengths, strict=True)
    ]
    return np.concatenate(parts)


def _states_of(name: str, value: Any, length: int, n_states: int, state_names: Sequence[str]) -> IntArray:
    entries = entries_of(value)
    if entries is None:
        raise TypeError(f"{name} must be a list of states, got {shown(value)}")
    if len(entries) != length:
        raise ValueError(f"{name} must have an entry for each of the {length} steps, got {len(entries)}")
    new_names = state_names if isinstance(state_names, list) else []
    numbers_of = {state: k for k, state in enumerate(state_names)}
    found = np.empty(length, dtype=np.int64)
    for t, entry in enumerate(entries):
        may_be_new = new_names is state_names and (t == 0 or len(new_names) > 0)  # words throughout, or numbers
        if isinstance(entry, str) and may_be_new and entry not in numbers_of:
            numbers_of[entry] = len(numbers_of)
            new_names.append(entry)
        state = numbers_of.get(entry, entry) if isinstance(entry, str) else entry
        is_number = isinstance(state, numbers.Real) and not isinstance(state, bool)
        if not is_missing(state) and not (is_number and state in range(UNKNOWN, n_states)):
            states = "from 0 up" if n_states == MOST_STATES else f"from 0 to {n_states - 1}"
            named = f", one of {', '.join(state_names)}" if isinstance(entry, str) and state_names else ""
            raise EntryError(
                f"{name}[{t}] must be a state {states}{named}, or -1 or NaN where unknown, got {shown(entry)}", (t,)
            )
        found[t] = UNKNOWN if is_missing(state) else int(state)
    return found


def sequence_weights(value: Any, n_sequences: int, keys: Sequence[Hashable] | None = None) -> FloatArray:
    """Let in how often each sequence counts."""
    if value is None:
        return np.ones(n_sequences)
    if isinstance(value, Mapping):
        if keys is None or set(value) != set(keys):
            raise ValueError(f"weights must have the keys of the sequences, got {shown(list(value))}")
        value = [value[key] for key in keys]
    array = float_array("weights", value)
    require_shape("weights", array, (n_sequences,))
    refuse_first("weights", ~(np.isfinite(array) & (array >= 0)), "finite and at least 0", array)
    if not array.any():
        raise ValueError("weights must be above 0 for a sequence at least, got none")
    return array


def something_observed(n_observations: float) -> None:
    """Insist that there is something to learn from."""
    if n_observations == 0:
        raise ValueError("observations must have a step that is not missing, got none")


def learning_emission(emission: Any) -> None:
    """Insist on an emission that learns."""
    for attribute in ("estimated", "n_parameters"):
        if not hasattr(emission, attribute):
            raise TypeError(
                f"emission must have estimated and n_parameters to learn, got {type(emission).__name__} without "
                f"{attribute}: hf.fit(..., fixed='emission') learns the chain alone"
            )


def held_entries(value: Any, shapes: Shapes) -> dict[str, BoolArray]:
    """Let in which parameters are held as they are: names, or masks by name."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Mapping):
        names = tuple(value) if isinstance(value, Iterable) else (value,)
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"fixed must be names of parameters, or a dict of masks by name, got {shown(value)}")
        value = dict.fromkeys(names, True)
    held = {name: np.zeros(shape, dtype=np.bool_) for name, shape in shapes.items()}
    for name, mask in value.items():
        for part in _parts_of("fixed", name, shapes):
            array = rectangular(f"fixed[{name!r}]", mask)
            if array.dtype != bool:
                raise TypeError(f"fixed[{name!r}] must hold True and False, got dtype {array.dtype}")
            if array.ndim > 0 and array.shape != shapes[part]:
                raise ValueError(f"fixed[{name!r}] must have shape {shapes[part]}, got {array.shape}")
            held[part] |= array
    return held


def tied_entries(value: Any, shapes: Shapes, of_all: Collection[str] = ()) -> dict[str, IntArray]:
    """Let in which entries of the parameters are one number; those of the same number are.

    Those of a parameter that all states share have no states to be tied.
    """
    groups = {name: np.arange(int(np.prod(shape))).reshape(shape) for name, shape in shapes.items()}
    if value is None:
        return groups
    if not isinstance(value, Mapping):
        raise TypeError(f"tied must be a dict by the names of parameters, got {shown(value)}")
    for name, given in value.items():
        for part in _parts_of("tied", name, shapes):
            if not (part in of_all and isinstance(given, str)):
                groups[part] = _groups_of(f"tied[{name!r}]", given, shapes[part], part in of_all)
    return groups


def _groups_of(name: str, value: Any, shape: tuple[int, ...], is_of_all: bool) -> IntArray:
    if isinstance(value, str):
        if value != "all":
            raise ValueError(f"{name} must be 'all' or groups, got {shown(value)}")
        value = np.zeros(shape[:1], dtype=np.int64)
    array = rectangular(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold numbers of groups, got dtype {array.dtype}")
    if array.shape == shape:
        return array.astype(np.int64)
    if is_of_all or array.shape != shape[:1]:
        shapes = f"{shape}" if is_of_all else f"{shape} or {shape[:1]}"
        raise ValueError(f"{name} must have shape {shapes}, got {array.shape}")
    within = np.arange(int(np.prod(shape[1:]))).reshape(shape[1:])
    by_state = array.reshape(-1, *[1] * (len(shape) - 1))
    joint: IntArray = (by_state * within.size + within).astype(np.int64)
    return joint


def _parts_of(argument: str, name: Any, shapes: Shapes) -> list[str]:
    """The parameters that a name stands for."""
    parts = [part for part in shapes if name == part or part.startswith(f"{name}.")]
    if not parts:
        raise ValueError(f"{argument} must be of {', '.join(shapes)}, got {shown(name)}")
    return parts


def groups_agree(name: str, groups: IntArray, values: FloatArray, held: BoolArray) -> None:
    """Insist that tied entries are held alike and, if they are, are the same number."""
    for group in np.unique(groups[held]):
        members = values[groups == group]
        if members.min() != members.max():
            raise ValueError(
                f"tied entries of {name} must be the same number where one of them is held, or is 0, "
                f"got {shown(members.tolist())}"
            )


def free_initial(value: str, held: BoolArray, is_tied: bool) -> str:
    """Let in how the initial distribution is learnt."""
    if not isinstance(value, str) or value not in ("free", "stationary", "fixed"):
        raise ValueError(f"initial must be 'free', 'stationary' or 'fixed', got {shown(value)}")
    if value == "stationary" and (held.any() or is_tied):
        raise ValueError("initial must be 'free' where entries of it are held or tied, got 'stationary'")
    return value


def tolerance(value: float) -> float:
    """Let in by how much the objective may still rise."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not value >= 0:
        raise ValueError(f"tolerance must be a number from 0 up, got {shown(value)}")
    return float(value)


def callback(value: Any) -> Any:
    """Let in what is called after each iteration, if anything."""
    if value is not None and not callable(value):
        raise TypeError(f"callback must be a function, got {shown(value)}")
    return value


def prior_of_model(value: Any, model: Any) -> Any:
    """Let in what is believed of a model, if anything."""
    if value is not None:
        if not hasattr(value, "_admitted_by"):
            raise TypeError(f"prior must be a Prior, got {shown(value)}")
        value._admitted_by(model)
        believed = value.emission
        if believed is not None and not hasattr(model.emission, "_log_prior") and not hasattr(believed, "log_density"):
            raise TypeError(
                "the prior of an emission that learns as a whole must have a log_density(emission), "
                f"got {shown(believed)}"
            )
    return value


def whole_count(name: str, value: int) -> int:
    """Let a number from 0 up in."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} must be an integer from 0 up, got {shown(value)}")
    return int(value)
