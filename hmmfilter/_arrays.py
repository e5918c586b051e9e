"""The kinds of array that pass between the rooms, and the base of everything that is frozen."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, Protocol, Union

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
StateArray = npt.NDArray[np.signedinteger[Any]]  # numbers of states or nodes, of 32 bits where there are many
BoolArray = npt.NDArray[np.bool_]
Held = Literal["coded", "probabilities", "logs"]  # what a table of posteriors has: the kernels' numbers, or plain ones


def frozen(value: Any) -> Any:
    """A view of an array that cannot be written through, as all that comes in through a gate."""
    view = np.asarray(value).view()
    view.setflags(write=False)
    return view


class Networked(Protocol):
    """A chain that is no matrix, but moves from node to node: one of `hmmfilter.transitions`."""

    def _ways(self) -> Any:
        """The moves, both ways."""
        ...


class Aged(Protocol):
    """A chain whose sojourns have durations: `hmmfilter.transitions.Durations`."""

    def _ages(self) -> Any:
        """What is asked of ages."""
        ...


TransitionLike = Union[npt.ArrayLike, Networked, Aged]  # noqa: UP007, which wants what Python 3.10 cannot evaluate


class Frozen:
    """Attributes that are set once, and arrays that nobody can write to, also in a copy or after a pickle."""

    def _freeze(self, **values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._freeze(**state)


class Valued(Frozen):
    """Frozen dataclasses that are equal where they are of the same class and all that they were made of is equal."""

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, Valued) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[Any, ...]:
        """What is compared, and can be hashed: the class, and each field as it stands."""
        parts = (getattr(self, part.name) for part in fields(self) if part.init)  # type: ignore[arg-type]
        return (type(self), *map(_hashable, parts))


def _hashable(value: Any) -> Any:
    """The shape and the numbers of an array, what stands in a list or a dict; anything else as it is."""
    if isinstance(value, dict):
        return tuple((key, _hashable(part)) for key, part in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if not isinstance(value, np.ndarray):
        return value
    return value.shape, (value + 0.0).tobytes()  # −0 equals 0, and has other bytes
