"""Student's t as a normal distribution of random scale: constants, and how vectors of it learn.

Given an observation, its precision is expected to be u = (ν + n) / (ν + q), where q is its squared distance from the
location and n counts its entries. Locations and scale matrices are those that are most probable for moments
with weights w u; then degrees of freedom are climbed at what was found. That is the ECME algorithm [1]_, which never
falls; matrices that are neither held nor tied are divided by the mean of u and not by 1, which is sooner there [2]_.

References
----------
.. [1] Liu and Rubin, "ML estimation of the t distribution using EM and its extensions, ECM and ECME", Statistica
       Sinica 5 (1995).
.. [2] Kent, Tyler and Vardi, "A curious likelihood identity for the multivariate t-distribution", Communications in
       Statistics - Simulation and Computation 23 (1994).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter.emissions import climbing
from hmmfilter.emissions import gaussian_moments as moments
from hmmfilter.emissions.families import POSITIVE, Domain
from hmmfilter.emissions.gaussian_estimates import Cells, most_probable
from hmmfilter.emissions.gaussian_moments import Moments

# log Γ(a + ½) − log Γ(a) − ½ log a = Σ c_n a^(1 − 2n), an asymptotic series: exact to a double from SHIFT on
RATIO = -1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224, -5461 / 425984
SHIFT = 16
SMALL = 0.02  # below which a difference of almost equal numbers is a series
FALL = tuple((-1) ** n * (n - 1) / n for n in range(2, 11))
MOST_CYCLES = 500


def log_ratio(n: int, df: FloatArray) -> FloatArray:
    """log Γ(½(ν + n)) − log Γ(½ν) − ½n log ½ν, which is small where ν is large: nothing cancels."""
    a = df / 2
    total = np.zeros_like(a)
    if n % 2 == 1:
        far = a + SHIFT
        inverse = (1 / far) ** 2
        for each in reversed(RATIO):
            total = total * inverse + each
        total = total / far
        for j in range(SHIFT):  # a (a + 1) / (a + ½)², which is below 1
            b = a + (j + 0.5)
            near_zero = np.log(a + j) + np.log(a + j + 1) - 2 * np.log(b)
            total += 0.5 * np.where(b < 1, near_zero, np.log1p(-((0.5 / np.maximum(b, 1.0)) ** 2)))
    for j in range(n // 2):
        total = total + np.log1p((j + (n % 2) / 2) / a)
    return total


def slope_of_log_ratio(n: int, df: FloatArray) -> FloatArray:
    """The derivative of that with respect to ν."""
    a = df / 2
    total = np.zeros_like(a)
    if n % 2 == 1:
        far = a + SHIFT
        inverse = (1 / far) ** 2
        for power, each in reversed(list(enumerate(RATIO))):
            total = total * inverse - (2 * power + 1) * each
        total = total * inverse
        for j in range(SHIFT):
            total += 0.25 / (a + j) / (a + j + 0.5) / (a + j + 1)
    for j in range(n // 2):
        step = j + (n % 2) / 2
        total = total - step / a / (a + step)
    return total / 2


def bounded(q: FloatArray) -> FloatArray:
    """q / (1 + q), also where q is infinite."""
    share: FloatArray = np.where(q < 1, q, 1.0) / (np.where(q < 1, 1.0, 1 / np.maximum(q, 1.0)) + np.minimum(q, 1.0))
    return share


def fall(q: FloatArray) -> FloatArray:
    """log(1 + q) − q / (1 + q), which is ½q² where q is small."""
    near = np.minimum(q, SMALL)
    series = np.zeros_like(near)
    for each in reversed(FALL):
        series = (series + each) * near
    with np.errstate(invalid="ignore"):
        return np.where(q < SMALL, series * near, np.log1p(q) - bounded(q))


class Part(NamedTuple):
    """What is seen of vectors that lack the same entries: n of them, so far from locations, and how much they count."""

    n: int
    squares: FloatArray  # (T, K)
    weights: FloatArray  # (T, K)
    rows: IntArray  # (T,), which vectors they are
    is_seen: BoolArray  # (D,)
    entries: FloatArray  # (T, n), those that are seen


@dataclass(frozen=True)
class Tails:
    """Degrees of freedom by themselves, as `climbing` takes a family."""

    DOMAINS: ClassVar[dict[str, Domain]] = {"df": POSITIVE}

    df: FloatArray

    @property
    def n_states(self) -> int:
        """K."""
        return len(self.df)

    def _parameters(self) -> dict[str, FloatArray]:
        return {"df": self.df}

    def _with(self, parameters: dict[str, FloatArray]) -> Tails:
        return Tails(parameters["df"])

    def _units(self) -> dict[str, FloatArray]:
        return {}

    def _weight(self, parts: list[Part]) -> FloatArray:
        weight: FloatArray = np.zeros(self.n_states)
        for part in parts:
            weight = weight + part.weights.sum(axis=0)
        return weight

    def _expected(self, parts: list[Part]) -> FloatArray:
        total = np.zeros(self.n_states)
        for n, squares, weights, *_ in parts:
            log_p = log_ratio(n, self.df) - 0.5 * (self.df + n) * np.log1p(squares / self.df)
            total += (weights * log_p).sum(axis=0)
        return total

    def _rises(self, parts: list[Part]) -> dict[str, FloatArray]:
        total = np.zeros(self.n_states)
        for n, squares, weights, *_ in parts:
            q = squares / self.df
            slope = slope_of_log_ratio(n, self.df) - 0.5 * fall(q) + 0.5 * n / self.df * bounded(q)
            total += (weights * slope).sum(axis=0)
        return {"df": total}


class Vectors(NamedTuple):
    """Student's t of vectors: what there is for each state."""

    location: FloatArray  # (K, D)
    scale: FloatArray  # (K, D, D)
    df: FloatArray  # (K,)

    def parts(self, x: FloatArray, patterns: IntArray, weights: FloatArray) -> list[Part]:
        """Vectors by which entries they lack; those that lack all have no part."""
        found = []
        for pattern in np.unique(patterns):
            rows = np.flatnonzero(patterns == pattern)
            is_seen = ~np.isnan(x[rows[0]])
            if is_seen.any():
                entries = np.ascontiguousarray(x[rows][:, is_seen])
                away = entries - self.location[:, None, is_seen]
                factor = np.linalg.cholesky(self.scale[:, is_seen][:, :, is_seen])
                z = np.linalg.solve(factor, away.transpose(0, 2, 1))
                squares = np.ascontiguousarray(np.square(z).sum(axis=1).T)
                found.append(Part(int(is_seen.sum()), squares, weights[rows], rows, is_seen, entries))
        return found

    def moments(self, parts: list[Part]) -> Moments:
        """Moments about the locations, with weights w u; how often they count for a scale matrix is Σ w."""
        n_states, n = self.location.shape
        total = Moments(np.zeros(n_states), np.zeros((n_states, n)), np.zeros((n_states, n, n)), np.zeros(n_states))
        for n_seen, squares, weights, _, is_seen, entries in parts:
            precise = weights * ((self.df + n_seen) / (self.df + squares))
            sums = np.zeros((2, moments.size_of(n_states, n_seen)))
            about = np.ascontiguousarray(self.location[:, is_seen])
            moments.add_complete(frozen(entries), frozen(about), precise, sums)
            shown = moments.unpacked(sums.sum(axis=0), n_states, n_seen)
            shown = shown._replace(of_covariance=weights.sum(axis=0))
            whole = moments.completed(shown, self.scale, is_seen)
            total = Moments(*(a + b for a, b in zip(total, whole, strict=True)))
        return total

    def cells(self, location_groups: IntArray, scale_groups: IntArray) -> Cells:
        """As those of normal distributions."""
        own = np.minimum(scale_groups, scale_groups.transpose(0, 2, 1))
        return Cells(self.location, self.scale, location_groups, own, len(self.df))


def most_probable_vectors(
    begun: Vectors, x: FloatArray, patterns: IntArray, weights: FloatArray, groups: dict[str, IntArray]
) -> Vectors:
    """Cycles of the ECME algorithm, until nothing is gained but rounding."""
    here, before = begun, np.full(len(begun.df), -np.inf)
    location_groups = groups.get("location", np.arange(begun.location.size).reshape(begun.location.shape))
    scale_groups = groups.get("scale", np.arange(begun.scale.size).reshape(begun.scale.shape))
    tail_groups = groups.get("df", np.arange(len(begun.df)))
    parts = here.parts(x, patterns, weights)
    for _ in range(MOST_CYCLES):
        shown = here.moments(parts)
        if "scale" not in groups:
            shown = shown._replace(of_covariance=shown.weight)
        location, scale = most_probable(here.cells(location_groups, scale_groups), shown)
        here = Vectors(location, scale, here.df)
        parts = here.parts(x, patterns, weights)
        tails: Any = climbing.climbed(Tails(here.df), parts, {"df": tail_groups})
        resolution = 4 * np.spacing(np.abs(tails._expected(parts)) + tails._weight(parts))
        is_gained = tails._expected(parts) - Tails(here.df)._expected(parts) > resolution
        df = np.where(np.isin(tail_groups, tail_groups[is_gained]), tails.df, here.df)
        here = Vectors(location, scale, df)
        height = Tails(df)._expected(parts) - 0.5 * _log_scales(here, parts)
        is_level = height - before <= resolution
        before = height
        if is_level.all():
            break
    return here


def _log_scales(here: Vectors, parts: list[Part]) -> FloatArray:
    """Σ w log |Σ| of the entries that are seen."""
    total = np.zeros(len(here.df))
    for part in parts:
        _, log_size = np.linalg.slogdet(here.scale[:, part.is_seen][:, :, part.is_seen])
        total += part.weights.sum(axis=0) * log_size
    return total
