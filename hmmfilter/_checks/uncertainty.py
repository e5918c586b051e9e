"""What standard errors need: exact derivatives, a fit that is at the top, and an objective that falls on all sides."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

from hmmfilter._checks.errors import shown

FARTHEST = 0.1  # from the top, in standard errors


def derivatives(are_known: bool) -> None:
    """Insist that derivatives are known with respect to all that is learnt."""
    if not are_known:
        raise ValueError(
            "standard errors need exact derivatives, which an emission that learns as a whole does not have: hold it, "
            'with fixed="emission", or fit models to data that are simulated'
        )


def identified(flat: Sequence[str], has_converged: bool) -> None:
    """Insist that the objective falls in all directions; it does not where these parameters move together."""
    if flat:
        way_out = (
            "the data do not tell them: take fewer states, give a prior, or hold or tie some"
            if has_converged
            else "the fit has not converged: give it more iterations (max_iterations)"
        )
        raise ValueError(
            "standard errors need an objective that falls on all sides of the fit, which it does not where "
            f"{' and '.join(flat)} change{'s' if len(flat) == 1 else ' together'}; {way_out}"
        )


def no_durations(are_there: bool) -> None:
    """Refuse standard errors of a chain whose sojourns have durations."""
    if are_there:
        raise ValueError(
            "transition must be a matrix for standard errors, got Durations: fits of samples that are simulated from "
            "fitted.model show how far off it may be"
        )


def no_listed_moves(kind: str, are_listed: bool) -> None:
    """Refuse standard errors of a chain that lists its moves."""
    if are_listed:
        raise ValueError(
            f"transition must be a matrix for standard errors, got {kind}: a fit from its to_dense() has the same zeros"
        )


def at_the_top(distance: float) -> None:
    """Insist that the top is near, by a distance in standard errors."""
    if not distance <= FARTHEST:
        raise ValueError(
            f"standard errors need a fit at the top of the objective, which is {distance:.2g} of them away: give it "
            "more iterations (max_iterations), or a smaller tolerance"
        )


def confidence_level(value: float) -> float:
    """Let a probability between 0 and 1 in."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 < value < 1:
        raise ValueError(f"level must be a number between 0 and 1, such as 0.95, got {shown(value)}")
    return float(value)
