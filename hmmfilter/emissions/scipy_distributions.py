"""The univariate distributions of SciPy, one at a time: the frozen ones, and those of SciPy 1.15 and later.

Of the first, `scipy.stats.gamma(2.0)` is an example; of the second, `scipy.stats.Normal(mu=1.0, sigma=2.0)`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray

LEAST_MASS = 1e-12  # the probability on one side of an observation that is no rounding error of SciPy's
MASS_TOLERANCE = 1e-6  # how far from 1 the integral of a density may be whose moments are believed
INTEGRAL_RTOL = 1e-8  # of a moment, on its own scale
MOST_PIECES = 100  # into which an integral is cut: some 4,000 densities


def is_discrete(distribution: Any) -> bool:
    """Whether a distribution is of whole numbers."""
    if hasattr(distribution, "dist"):
        return hasattr(distribution.dist, "pmf")
    return any(kind.__name__ == "DiscreteDistribution" for kind in type(distribution).__mro__)


def log_density(distribution: Any, x: FloatArray) -> FloatArray:
    """Log-density, or log-probability, as SciPy has it, without its warnings."""
    log = distribution.logpmf if is_discrete(distribution) else distribution.logpdf
    with np.errstate(all="ignore"):
        return np.asarray(log(x), dtype=np.float64)


def log_sides(distribution: Any, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-probabilities below numbers, at them, and above them, as SciPy has them, without its warnings."""
    log_above_of = distribution.logsf if hasattr(distribution, "logsf") else distribution.logccdf
    are_whole = is_discrete(distribution)
    with np.errstate(all="ignore"):
        log_below = np.asarray(distribution.logcdf(x - are_whole), dtype=np.float64)
        log_above = np.asarray(log_above_of(x), dtype=np.float64)
    return log_below, log_density(distribution, x) if are_whole else np.full(len(x), -np.inf), log_above


def lost(distribution: Any, x: FloatArray) -> BoolArray:
    """Where a density must be above zero though SciPy finds none, since it has underflowed; the outermost of such only.

    That is inside the support, but where probability lies on both sides: there may well be a gap. Tables of
    probabilities are as exact as they are given, and a whole number of variance 0 leaves nothing for others.
    """
    from scipy.stats import rv_histogram

    lower, upper = distribution.support()
    are_whole = is_discrete(distribution)
    inside = np.flatnonzero((lower <= x) & (x <= upper) if are_whole else (lower < x) & (x < upper))
    are_lost = np.zeros(len(x), dtype=np.bool_)
    of_frozen = getattr(distribution, "dist", None)
    is_exact = isinstance(of_frozen, rv_histogram) or hasattr(of_frozen, "pk")
    if len(inside) == 0 or is_exact or (are_whole and moments(distribution)[1] == 0):
        return are_lost
    ends = inside[[x[inside].argmin(), x[inside].argmax()]]
    with np.errstate(all="ignore"):
        below = distribution.cdf(x[ends])
    are_lost[ends] = ~((below > LEAST_MASS) & (below < 1 - LEAST_MASS))
    return are_lost


def draw(distribution: Any, n: int, generator: np.random.Generator) -> npt.NDArray[Any]:
    """Draw some numbers."""
    if hasattr(distribution, "rvs"):
        return np.asarray(distribution.rvs(size=n, random_state=generator))
    return np.asarray(distribution.sample(n, rng=generator))


def moments(distribution: Any) -> tuple[float, float]:
    """Mean and variance, infinite where that is known; NaN where there are none, or none were found."""
    if not hasattr(distribution, "dist"):
        return float(distribution.mean()), float(distribution.variance())
    if is_discrete(distribution) or _states_moments(distribution):
        with np.errstate(all="ignore"):
            mean, variance = distribution.stats(moments="mv")
        return float(mean), float(variance)
    return _integrated_moments(distribution)


def _states_moments(distribution: Any) -> bool:
    """Whether a class of continuous distributions knows its moments, so that SciPy has no need to search for them."""
    from scipy.stats import rv_continuous

    kind = type(distribution.dist)
    if kind._munp is not rv_continuous._munp:
        return True
    if kind._stats is rv_continuous._stats:
        return False
    with np.errstate(all="ignore"):
        stated = distribution.dist._stats(*_shapes(distribution))
    return not any(moment is None for moment in stated[:2])


def _integrated_moments(distribution: Any) -> tuple[float, float]:
    """Mean and variance by integrals of the density, of an effort that is bounded; NaN where they do not converge.

    With each moment the density itself is integrated: it leads to where the probability is, and has to come out as 1.
    """
    from scipy.integrate import quad_vec

    standard, shapes = distribution.dist, _shapes(distribution)

    @functools.cache
    def density(x: float) -> float:
        return float(standard.pdf(x, *shapes))

    def mean_of(quantity: Callable[[float], Any]) -> Any:
        (mass, mean), _, info = quad_vec(
            lambda x: density(x) * np.array([1.0, quantity(x)]),
            *standard.support(*shapes),
            epsrel=INTEGRAL_RTOL,
            limit=MOST_PIECES,
            full_output=True,
        )
        return mean if info.success and abs(mass - 1) <= MASS_TOLERANCE else np.float64(np.nan)

    def deviation(mean: float, scale: float) -> Any:
        return scale * np.sqrt(mean_of(lambda x: ((x - mean) / scale) ** 2))

    with np.errstate(all="ignore"):
        magnitude = mean_of(abs)
        mean = magnitude * mean_of(lambda x: x / magnitude)
        spread = deviation(mean, deviation(mean, magnitude))  # the second time on the scale that the first has found
    named = parameters(distribution)
    return float(named["loc"] + named["scale"] * mean), float((named["scale"] * spread) ** 2)


def parameters(distribution: Any) -> dict[str, float]:
    """All parameters of a frozen distribution by name."""
    shapes = distribution.dist.shapes
    names = [*(shapes.split(", ") if shapes else ()), "loc", "scale"]
    given = {"loc": 0.0, "scale": 1.0, **dict(zip(names, distribution.args, strict=False)), **distribution.kwds}
    return {name: given[name] for name in names}


def _shapes(distribution: Any) -> list[float]:
    return [value for name, value in parameters(distribution).items() if name not in ("loc", "scale")]


def named_by_scipy() -> dict[str, Any]:
    """What `scipy.stats` names: the distributions to freeze, and the classes of the later ones."""
    from scipy import stats

    def is_distribution(value: Any) -> bool:
        return isinstance(value, (stats.rv_continuous, stats.rv_discrete)) or (
            isinstance(value, type) and hasattr(value, "logpdf") and hasattr(value, "sample")
        )

    return {name: value for name, value in vars(stats).items() if is_distribution(value)}


def description(distribution: Any) -> dict[str, Any] | None:
    """The name and the numbers that tell a distribution from all others; None where SciPy has no name for it."""
    known = named_by_scipy()
    if hasattr(distribution, "dist"):
        dist = distribution.dist
        namesake = known.get(dist.name, dist)
        if dist.name not in known or type(dist) is not type(namesake) or (dist.a, dist.b) != (namesake.a, namesake.b):
            return None
        return {"name": dist.name, "args": _plain(distribution.args), "kwds": _plain_by_name(distribution.kwds)}
    name = type(distribution).__name__.removeprefix("Standard")  # as SciPy calls a Normal without parameters
    if name not in known or not issubclass(type(distribution), known[name]):
        return None
    if name == "Mixture":
        parts = [description(component) for component in distribution.components]
        weights = _plain(distribution.weights)
        return None if None in parts else {"name": name, "components": parts, "weights": weights}
    return {"name": name, "args": [], "kwds": _plain_by_name(distribution._original_parameters)}


def value_of(distribution: Any) -> Any:
    """What two distributions have in common where they are the same; a nameless one is the same as itself only."""
    described = description(distribution)
    if described is None:
        return distribution
    if hasattr(distribution, "dist"):
        return described["name"], frozenset((name, float(value)) for name, value in parameters(distribution).items())
    return repr(described)


def words(distribution: Any, form: str = ".5g") -> str:
    """How a distribution is called in print, its numbers formatted so."""
    if hasattr(distribution, "dist"):
        return _call(str(distribution.dist.name), distribution.args, distribution.kwds, form)
    described = description(distribution)
    if described is None:
        return " ".join(str(distribution).split())
    if "components" in described:
        shares = zip(described["weights"], distribution.components, strict=True)
        return f"Mixture({', '.join(f'{weight:{form}} {words(part, form)}' for weight, part in shares)})"
    return _call(described["name"], (), described["kwds"], form)


def name_of(distribution: Any) -> str:
    """The name of a distribution, without its parameters if SciPy keeps them apart."""
    return str(distribution.dist.name) if hasattr(distribution, "dist") else words(distribution)


def _call(name: str, args: Any, kwds: dict[str, Any], form: str) -> str:
    numbers = [f"{value:{form}}" for value in _plain(args)]
    named = [f"{key}={value:{form}}" for key, value in _plain_by_name(kwds).items()]
    return f"{name}({', '.join([*numbers, *named])})"


def _plain(values: Any) -> list[float]:
    return [np.asarray(value).item() for value in values]


def _plain_by_name(values: dict[str, Any]) -> dict[str, float]:
    return {name: np.asarray(value).item() for name, value in values.items()}
