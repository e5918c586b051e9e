"""SciPy's distributions: which are taken, and which of their densities can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter._checks.arrays import entry_name
from hmmfilter._checks.errors import EntryError, shown

LATER = ("logpdf", "logpmf", "support", "sample", "mean", "variance")  # what those of SciPy 1.15 and later have


def univariate_distributions(value: Sequence[Any]) -> tuple[Any, ...]:
    """Let univariate distributions of SciPy in, frozen or of its later kind, all continuous or all discrete."""
    from scipy.stats.distributions import rv_frozen

    if not isinstance(value, (list, tuple)) or not value:
        raise TypeError(f"distributions must be a list of one distribution for each state, got {shown(value)}")
    for k, distribution in enumerate(value):
        if isinstance(distribution, rv_frozen):
            parameters = (*distribution.args, *distribution.kwds.values())
            is_single = not any(np.ndim(parameter) for parameter in parameters)
            got = f"{distribution.dist.name} of {shown(parameters)}"
        elif not isinstance(distribution, type) and all(hasattr(distribution, name) for name in LATER):
            is_single = np.ndim(distribution.logpdf(0.0)) == 0
            got = shown(distribution)
        else:
            raise TypeError(
                f"distributions[{k}] must be a frozen univariate distribution of scipy.stats, such as "
                f"scipy.stats.norm(0, 1), or one such as scipy.stats.Normal(), got {shown(distribution)}"
            )
        if not is_single or np.isnan(distribution.support()).any():
            raise ValueError(f"distributions[{k}] must have valid single numbers for parameters, got {got}")
    return tuple(value)


def all_of_one_kind(are_discrete: Sequence[bool]) -> None:
    """Insist that distributions are all continuous or all discrete."""
    if len(set(are_discrete)) > 1:
        raise ValueError("distributions must be all continuous or all discrete, got some of each")


def learning_distribution(k: int, distribution: Any, has_parameters: bool) -> None:
    """Insist on a distribution that has parameters of its own to learn."""
    if not has_parameters:
        raise TypeError(
            f"distributions[{k}] must have parameters of its own to learn, which mixtures and distributions made of "
            f"others do not have, got {shown(distribution)}"
        )


def log_densities(log_density: FloatArray, lost: BoolArray, x: FloatArray, whose: str) -> None:
    """Insist on the log-densities of observations: that there are no poles, and no failures of SciPy's."""
    reasons = (
        (log_density == np.inf, "be at no pole", f"where the density of {whose} is infinite"),
        (np.isnan(log_density), "have a density", f"for which SciPy finds none for {whose} but nan"),
        (
            lost,
            "have a density that SciPy can compute",
            f"for which that of {whose} fails: it is above 0, and underflows",
        ),
    )
    for wrong, requirement, reason in reasons:
        for t in np.flatnonzero(wrong)[:1]:
            index = (int(t),)
            raise EntryError(
                f"{entry_name('observations', index)} must {requirement}, got {float(x[t])!r}, {reason}", index
            )
