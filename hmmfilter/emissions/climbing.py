"""The maximisation step of families without a closed form: along slopes, never down."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.emissions.learning import Groups

SLOPE = 1e-10  # of an observation's log-density, where the climb may end


def climbed(emission: Any, shown: Any, prior: Any, groups: Groups) -> Any:
    """The emission that is most probable for what is shown, or the same where nothing better is found."""
    from scipy.optimize import minimize

    group = {name: groups.get(name, _alone(values)) for name, values in emission._parameters().items()}
    best = (_height(emission, shown, prior, groups), emission)
    scale = 1.0 + abs(best[0])

    def fallen(steps: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best
        there = _moved(emission, group, steps)
        if there is None:
            return np.inf, np.zeros_like(steps)
        height = _height(there, shown, prior, groups)
        if height > best[0]:
            best = height, there
        return -height / scale, -_along(there, shown, prior, groups, group) / scale

    n_free = sum(len(np.unique(each[each >= 0])) for each in group.values())
    minimize(fallen, np.zeros(n_free), jac=True, method="BFGS", options={"gtol": SLOPE})
    return best[1]


def _alone(values: FloatArray) -> IntArray:
    return np.arange(values.size).reshape(values.shape)


def _height(emission: Any, shown: Any, prior: Any, groups: Groups) -> float:
    believed = 0.0 if prior is None else emission._log_prior(prior, groups)
    return float(emission._expected(shown) + believed)


def _moved(emission: Any, group: Groups, steps: FloatArray) -> Any:
    """The emission that so many steps of each free number lead to, in natural coordinates; None where there is none."""
    values, first = dict(emission._parameters()), 0
    for name, groups in group.items():
        domain, free = emission.DOMAINS[name], groups >= 0
        numbers, number_of = np.unique(groups[free], return_inverse=True)
        own = steps[first : first + len(numbers)]
        first += len(numbers)
        moved = values[name].copy()
        moved[free] = domain.of_natural(domain.natural(values[name][free]) + own[number_of])
        if not (np.isfinite(moved) & (moved > domain.low) & (moved < domain.high)).all():
            return None
        values[name] = moved
    return emission._with(values)


def _along(emission: Any, shown: Any, prior: Any, groups: Groups, group: Groups) -> FloatArray:
    """The slopes of the height along each free number."""
    score, values, parts = emission._score(shown), emission._parameters(), []
    beliefs = {} if prior is None else emission._prior_score(prior, groups)
    for name, each in group.items():
        free = each >= 0
        slope = (score[name] + beliefs.get(name, 0.0)) * emission.DOMAINS[name].pace(values[name])
        _, number_of = np.unique(each[free], return_inverse=True)
        parts.append(np.bincount(number_of, weights=slope[free]))
    return np.concatenate([np.zeros(0), *parts])
