"""What the naive recursions run on, and at which steps it is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray
from hmmfilter._tiers import kernels


def prepare(
    initial: npt.ArrayLike, transition: npt.ArrayLike, likelihoods: npt.ArrayLike, dtype: npt.DTypeLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], BoolArray]:
    """The tables in the dtype asked for, and where α and δ are above zero in exact arithmetic."""
    kind = _checks.naive_dtype(dtype)
    start, a, b = _checks.linear_chain(initial, transition, likelihoods)
    reachable = np.empty(b.shape, dtype=bool)
    kernels.run_reachable(start > 0, a > 0, b > 0, reachable)
    with np.errstate(over="ignore"):
        return start.astype(kind), a.astype(kind), b.astype(kind), reachable


def find_deaths(table: npt.NDArray[Any], reachable: BoolArray) -> dict[str, int | None]:
    """The steps at which a table of α or δ first falls below the normal numbers, and from which it is all zero."""
    return {
        "first_subnormal": first_step(reachable & (table < np.finfo(table.dtype).tiny)),
        "first_zero": first_step(reachable.any(axis=1, keepdims=True) & (table == 0).all(axis=1, keepdims=True)),
    }


def first_step(happens: BoolArray) -> int | None:
    """The first step at which something happens to any state."""
    steps = happens.any(axis=1)
    return int(steps.argmax()) if steps.any() else None
