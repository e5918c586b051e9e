"""Regressions: the shapes of their coefficients, and what they know of a step."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import require_shape
from hmmfilter._checks.errors import DegenerateFitError, shown
from hmmfilter._checks.parameters import positive


class EndlessFitError(DegenerateFitError):
    """A state of a regression whose most probable coefficients would be infinite."""

    def __str__(self) -> str:
        return (
            f"state {self.state} has no most probable coefficients: covariates tell without an error what it shows, so "
            "that they would be infinite; hold or tie some, take fewer covariates, or fewer states"
        )


def refuse_endless(state: int) -> NoReturn:
    """Say which state of a fit has no most probable coefficients."""
    raise EndlessFitError(state, (1.0,))


def family_word(value: Any, known: Collection[str]) -> str:
    """Let the name of a family in."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"family must be one of {', '.join(known)}, got {shown(value)}")
    return str(value)


def spread_around(value: npt.ArrayLike | None, n_states: int, is_normal: bool, of: str) -> FloatArray | None:
    """Let variances in, one a state, where there are some, and nothing else."""
    if is_normal != (value is not None):
        need = "given, one for each state," if is_normal else "left out"
        raise ValueError(f"variance must be {need} for {of}, got {'none' if value is None else shown(value)}")
    if value is None:
        return None
    variance = positive("variance", value, ("K",))
    require_shape("variance", variance, (n_states,))
    return variance


def order_of(value: Any, n_coefficients: int, n_covariates: int | None) -> int:
    """Let in how many observations before each one count; without it, all coefficients that are of no covariates."""
    most = n_coefficients - 1 - (n_covariates or 0)
    if value is None:
        value = most
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"order must be a whole number, got {shown(value)}")
    if not 1 <= value <= most or (n_covariates is not None and value != most):
        raise ValueError(
            f"order must be from 1 up and fit the {n_coefficients} coefficients of a state, an intercept, one for each "
            f"observation before, and one for each covariate, got {shown(int(value))}"
        )
    return int(value)


def known_moments(value: tuple[FloatArray, FloatArray] | None, of: str) -> tuple[FloatArray, FloatArray]:
    """Insist on means and variances."""
    if value is None:
        raise ValueError(f"observations of {of} have no moments: they are names of outcomes")
    return value
