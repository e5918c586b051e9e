"""What variational estimators believe: distributions of parameters, before the data and after them."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import refuse_first, require_shape
from hmmfilter._checks.covariances import require_covariances
from hmmfilter._checks.parameters import non_negative, real_parameters


def concentrations(name: str, before: npt.ArrayLike, after: npt.ArrayLike, shape: tuple[int, ...]) -> list[FloatArray]:
    """Let the concentrations of Dirichlet distributions in, before and after; 0 in both, or in neither."""
    names = [f"{name}_prior_", f"{name}_posterior_"]
    both = [np.array(non_negative(each, value, shape)) for each, value in zip(names, (before, after), strict=True)]
    for each, rows, other in zip(names, both, both[::-1], strict=True):
        refuse_first(each, (rows == 0) & (other > 0), "above 0, as the other one is", rows)
        if not rows.any(axis=-1).all():
            raise ValueError(f"{each} must be above 0 somewhere in each row, got only 0")
    return both


def prior_concentrations(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Let the concentrations of a prior in: a number, or what fits into its shape."""
    given = fitting_belief(name, value, shape)
    refuse_first(name, given < 0, "at least 0", given)
    return given


def fitting_belief(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Let numbers of a prior in: one, or what fits into a shape."""
    given = real_parameters(name, value, None)
    try:
        return np.array(np.broadcast_to(given, shape))
    except ValueError:
        raise ValueError(f"{name} must be a number, or fit into shape {shape}, got shape {given.shape}") from None


def no_beliefs(kind: str) -> NoReturn:
    """Say that a frozen model has no distributions of parameters."""
    raise TypeError(
        f"{kind} cannot be made of a model, which has parameters, and no distributions of them; "
        "set its *_prior_ and *_posterior_ attributes"
    )


def believed_numbers(name: str, value: Any, shape: tuple[int, ...], above: float | None = None) -> FloatArray:
    """Let numbers of a belief in, above a bound where there is one."""
    numbers = real_parameters(name, value, shape)
    if above is not None:
        refuse_first(name, numbers <= above, f"above {above:g}", numbers)
    return np.array(numbers)


def believed_scales(name: str, value: Any, shape: tuple[int, ...], covariance_type: str) -> FloatArray:
    """Let the scales of precisions in, in the shape of covariances of their type."""
    scales = real_parameters(name, value, None)
    require_shape(name, scales, shape)
    if covariance_type in ("full", "tied"):
        matrices = scales.reshape(-1, *scales.shape[-2:])
        require_covariances([f"{name} {k}" for k in range(len(matrices))], matrices)
    else:
        refuse_first(name, scales <= 0, "above 0", scales)
    return np.array(scales)
