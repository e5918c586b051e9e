"""How the distributions of SciPy learn: their parameters are moved until observations are most probable.

What is learnt are the numbers that a distribution was given, by name or by position: ``gamma(2.0, scale=3.0)`` learns
its shape and its scale, and keeps its location at 0. Numbers that have to be whole stay as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import scipy_distributions

LOCATIONS = frozenset({"loc", "mu"})  # these are measured as observations are
IS_FLAT = 1e-5  # the slope, of an observation's log-density along a parameter's own scale, where a search may end
RESOLUTION = 1e-14  # a gain below this share of the mean log-density may be one of rounding
LAST_DIGITS = 8.0  # units in the last place of an observation, within which nothing is known of it
TINY = 1e-150  # and of one that is 0
Domain = tuple[float, float]
Values = dict[str, float]
Path = Callable[[float], float]  # from steps of any size to the values of a parameter, through its own at 0


def has_parameters(distribution: Any) -> bool:
    """Whether a distribution is what its parameters say alone: no mixture, and nothing made of another one."""
    made = {"Mixture", "TransformedDistribution"}
    return not any(kind.__name__ in made for kind in type(distribution).__mro__)


def learnt(distribution: Any) -> dict[str, Domain]:
    """The parameters that can be learnt, and between which bounds; one that is at a bound stays there."""
    if not has_parameters(distribution):
        return {}
    values = _given(distribution)
    domains = _domains_of_frozen(distribution.dist) if hasattr(distribution, "dist") else _domains(distribution)
    return {
        name: (low, high)
        for name, value in values.items()
        for low, high, is_whole in [domains.get(name, (-np.inf, np.inf, False))]
        if low < value < high and not (is_whole and _must_be_whole(distribution, values, name))
    }


def _given(distribution: Any) -> Values:
    """The numbers that a distribution was given."""
    if not hasattr(distribution, "dist"):
        return {name: float(value) for name, value in distribution._original_parameters.items()}
    values = scipy_distributions.parameters(distribution)
    given = (*list(values)[: len(distribution.args)], *distribution.kwds)
    return {name: float(values[name]) for name in given}


def _domains_of_frozen(generic: Any) -> dict[str, tuple[float, float, bool]]:
    """Bounds of the parameters, and whether they are whole, as far as SciPy says; your own may say nothing."""
    known: dict[str, tuple[float, float, bool]] = {"scale": (0.0, np.inf, False)}
    if hasattr(generic, "_shape_info"):
        known |= {each.name: (*_endpoints(each), bool(each.integrality)) for each in generic._param_info()}
    return known


def _endpoints(info: Any) -> Domain:
    """The bounds of a parameter; older versions of SciPy know the numbers next to those that it cannot take."""
    low, high = getattr(info, "endpoints", info.domain)
    return float(low), float(high)


def _domains(distribution: Any) -> dict[str, tuple[float, float, bool]]:
    """The same of the later kind, where a bound may be another parameter: the density says where that is broken."""
    known = {}
    for parameterization in distribution._parameterizations:
        for name, parameter in parameterization.parameters.items():
            low, high = parameter.domain.endpoints
            ends = (-np.inf if isinstance(low, str) else low, np.inf if isinstance(high, str) else high)
            known[name] = (float(ends[0]), float(ends[1]), "Integer" in type(parameter.domain).__name__)
    return known


def _must_be_whole(distribution: Any, values: Values, name: str) -> bool:
    """Whether half a number more leaves nothing with a probability; some of SciPy's are called whole, and are not."""
    with np.errstate(all="ignore"):
        near = np.floor(float(distribution.median())) + np.arange(3.0)
    return not np.isfinite(_log_density(distribution, values | {name: values[name] + 0.5}, near)).any()


def _log_density(distribution: Any, values: Values, x: FloatArray) -> FloatArray:
    """Log-densities of a distribution of the same kind with other numbers; to freeze one for it would take longer."""
    if not hasattr(distribution, "dist"):
        return scipy_distributions.log_density(_with(distribution, values), x)
    generic = distribution.dist
    log = generic.logpmf if scipy_distributions.is_discrete(distribution) else generic.logpdf
    with np.errstate(all="ignore"):
        return np.asarray(log(x, **values), dtype=np.float64)


def _with(distribution: Any, values: Values) -> Any:
    """A distribution of the same kind with other numbers, given in the same way."""
    if not hasattr(distribution, "dist"):
        return type(distribution)(**values)
    numbers = list(values.values())
    n_args = len(distribution.args)
    return distribution.dist(*numbers[:n_args], **dict(zip(distribution.kwds, numbers[n_args:], strict=True)))


def _path(value: float, domain: Domain, unit: float) -> Path:
    """A way through all values of a parameter."""
    low, high = domain
    if low == -np.inf and high == np.inf:
        return lambda step: value + unit * step
    if high == np.inf:
        return lambda step: low + (value - low) * float(np.exp(step))
    if low == -np.inf:
        return lambda step: high - (high - value) * float(np.exp(step))
    odds = (value - low) / (high - value)
    return lambda step: high - (high - low) / (1 + odds * float(np.exp(step)))


def estimated(distribution: Any, x: FloatArray, weights: FloatArray) -> Any:
    """The distribution of its kind for which Σ w log p(x) is largest, as far as it is found; never a worse one."""
    values, domains = _given(distribution), learnt(distribution)
    total = float(weights.sum())
    if not domains or total == 0:
        return distribution
    shares = weights / total

    def unit(name: str) -> float:
        """A step of a parameter that may be any number: as large as it is, or how far it is from observations."""
        distance = float(np.sqrt(shares @ (x - values[name]) ** 2)) if name in LOCATIONS else 0.0
        return distance if distance > 0 else max(1.0, abs(values[name]))

    paths = {name: _path(values[name], domain, unit(name)) for name, domain in domains.items()}

    def moved(steps: FloatArray) -> Values:
        return values | {name: path(float(step)) for (name, path), step in zip(paths.items(), steps, strict=True)}

    def loss(steps: FloatArray) -> float:
        """Minus the mean log-density; infinite where there is none, and at a pole, where it would have no end."""
        mean = float(shares @ _log_density(distribution, moved(steps), x))
        return -mean if np.isfinite(mean) else np.inf

    found = _lowest(loss, np.zeros(len(paths)))
    return distribution if found is None else _with(distribution, moved(found))


def has_collapsed(distribution: Any, x: FloatArray) -> bool:
    """Whether an observation is more than certain, as far as it is known: its density times that span is above 1."""
    if not learnt(distribution) or scipy_distributions.is_discrete(distribution):
        return False
    spans = np.where(x == 0, TINY, LAST_DIGITS * np.spacing(np.abs(x)))
    log_density = scipy_distributions.log_density(distribution, x)
    return bool(((log_density > -np.log(spans)) & (log_density < np.inf)).any())  # a pole is no such place


def _lowest(loss: Callable[[FloatArray], float], start: FloatArray) -> FloatArray | None:
    """Where a loss is lowest, by slopes or, where they lead nowhere, by trial; None where it is lower nowhere."""
    from scipy.optimize import minimize

    best, least = start, loss(start)
    least_gain = RESOLUTION * max(1.0, abs(least))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_slopes = minimize(loss, best, method="BFGS", jac="3-point", options={"gtol": 1e-9})
        if by_slopes.fun < least - least_gain:
            best, least = by_slopes.x, by_slopes.fun
        if not (np.abs(by_slopes.jac) < IS_FLAT).all():
            by_trial = minimize(loss, best, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
            if by_trial.fun < least - least_gain:
                best = by_trial.x
    return None if best is start else best
