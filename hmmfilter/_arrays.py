"""The kinds of array that pass between the rooms, and the base of everything that is frozen."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Held = Literal["coded", "probabilities", "logs"]  # what a table of posteriors has: the kernels' numbers, or plain ones


def frozen(value: Any) -> Any:
    """A view of an array that cannot be written through, as all that comes in through a gate."""
    view = np.asarray(value).view()
    view.flags.writeable = False
    return view


class Frozen:
    """Attributes that are set once, and arrays that nobody can write to, also in a copy or after a pickle."""

    def _freeze(self, **values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._freeze(**state)
