"""Emissions of real numbers and vectors with tails that fall as powers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.columns import log_parts
from hmmfilter._kernels.densities import HALF_LOG_2_PI, room_for_joint
from hmmfilter._kernels.reals import room_for_reals
from hmmfilter._tiers import kernels
from hmmfilter.emissions.families import POSITIVE, REAL, Domain, Family
from hmmfilter.emissions.gaussian import Gaussian
from hmmfilter.emissions.gaussian_estimates import slopes
from hmmfilter.emissions.gaussian_learning import by_pattern
from hmmfilter.emissions.learning import Groups, Kept, Learner, Observed
from hmmfilter.emissions.protocol import Column
from hmmfilter.emissions.quadrature import log_falling
from hmmfilter.emissions.reals import Laplace
from hmmfilter.emissions.scale_mixtures import (
    Tails,
    Vectors,
    bounded,
    fall,
    log_ratio,
    most_probable_vectors,
    slope_of_log_ratio,
)
from hmmfilter.emissions.sides import Ordered, Sides

FIRST_DF = 8.0  # of a guess
SMALLER = 2.0**540  # times, by which vectors are divided whose squares are beyond a double


@dataclass(frozen=True, eq=False, init=False)
class StudentT(Family):
    """Real numbers, or vectors of D of them, distributed as Student's t: as normal ones, but for outliers.

    The fewer degrees of freedom, the heavier the tails. They are learnt, too; for numbers that are normal, they grow
    until a normal distribution is as probable but for rounding, and stop there. The likelihood has no bound where a
    state with few degrees of freedom collapses to one number: a fit that comes to that is a
    `hmmfilter.DegenerateFitError`.

    Parameters
    ----------
    location : array_like, (K,) or (K, D)
        The middle in each state.
    scale : array_like, (K,) or (K, D, D)
        Of numbers the scale, above 0, that divides them, as a standard deviation does; of vectors the scale matrix,
        symmetric and positive definite as a covariance matrix is.
    df : array_like, (K,)
        ν, the degrees of freedom, above 0: from tails without a mean (up to 1) and without a variance (up to 2), to the
        normal distribution, of which ν of 1e16 cannot be told.

    Raises
    ------
    ValueError, TypeError
        Where a number is not finite, a scale or degrees of freedom not above 0, or a matrix not symmetric and positive
        definite.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> hf.emissions.StudentT([0.0, 0.0], [1.0, 1.0], [3.0, 1e300]).log_likelihoods([1.0, 30.0]).round(4)
    array([[  -1.5763,   -1.4189],
           [ -12.4151, -450.9189]])
    >>> vectors = hf.emissions.StudentT([[0.0, 0.0]], [np.eye(2)], [3.0])
    >>> vectors.log_likelihoods([[1.0, 30.0], [1.0, None]]).round(4)
    array([[-16.1084],
           [ -1.5763]])
    """

    DOMAINS: ClassVar[dict[str, Domain]] = {"location": REAL, "scale": POSITIVE, "df": POSITIVE}

    location: FloatArray
    scale: FloatArray
    df: FloatArray

    def __init__(self, location: npt.ArrayLike, scale: npt.ArrayLike, df: npt.ArrayLike) -> None:
        has_vectors = np.ndim(location) == 2
        locations = _checks.real_parameters("location", location, ("K", "D") if has_vectors else ("K",))
        scales = (
            _checks.scale_matrices(scale, locations)
            if has_vectors
            else _checks.positive("scale", scale, locations.shape)
        )
        self._freeze(location=locations, scale=scales, df=_checks.positive("df", df, locations.shape[:1]))

    @property
    def n_dimensions(self) -> int | None:
        """D, the number of entries of a vector; None where observations are numbers."""
        return self.location.shape[1] if self.location.ndim == 2 else None

    @property
    def n_parameters(self) -> int:
        """How many numbers there are, of symmetric matrices each pair once."""
        n = self.n_dimensions or 1
        return self.n_states * (n + n * (n + 1) // 2 + 1)

    def _let_in(self, observations: Any) -> FloatArray:  # type: ignore[override]  # which of the two it is tells how
        return _checks.observations(observations, self.n_dimensions)

    def _observed(self, observations: Any) -> Observed:
        """The observations, and which entries each vector lacks, as a number."""
        x = self._let_in(observations)
        return (x,) if x.ndim == 1 else (x, self._patterns(x))

    # Densities.

    def _fill_densities(self, x: FloatArray, table: FloatArray) -> None:
        if x.ndim == 1:
            kernels.fill_student(
                x, self.location, self.scale, self.df, self._log_spread, self._log_norm, room_for_reals(len(x)), table
            )
            return
        order, ends = by_pattern(x)
        room = room_for_joint(*x.shape)
        lost = kernels.fill_student_vectors(x, order, ends, self.location, *self._matrices, self._tails, room, table)
        _checks.definite_parts(lost)
        is_far = (table == -np.inf).any(axis=1)
        if is_far.any():
            table[is_far] = self._far_away(x[is_far])

    def _far_away(self, x: FloatArray) -> FloatArray:
        """The log-densities of vectors whose squares are beyond a double, by those of what is so much smaller."""
        table = np.empty((len(x), self.n_states))
        near = Vectors(self.location / SMALLER, self.scale, self.df)
        for part in near.parts(x / SMALLER, self._patterns(x), table):
            log_q = np.log(part.squares) + 2 * np.log(SMALLER) - np.log(self.df)
            log_size = np.linalg.slogdet(self.scale[:, part.is_seen][:, :, part.is_seen])[1]
            log_norm = self._tails[part.n] - 0.5 * log_size - part.n * HALF_LOG_2_PI
            table[part.rows] = log_norm - 0.5 * (self.df + part.n) * np.logaddexp(0.0, log_q)
        return table

    @cached_property
    def _log_spread(self) -> FloatArray:
        """log ½σ√ν in two parts, (2, K)."""
        (whole, rest), (of_df, rest_of_df) = log_parts(0.5 * self.scale), log_parts(self.df)
        total = whole + 0.5 * of_df
        share = total - whole
        lost = (whole - (total - share)) + (0.5 * of_df - share)
        parts: FloatArray = frozen(np.stack([total, lost + rest + 0.5 * rest_of_df]))
        return parts

    @cached_property
    def _log_norm(self) -> FloatArray:
        """log σ√2π, less what few degrees of freedom take from the density in the middle."""
        logs: FloatArray = frozen(np.log(self.scale) + HALF_LOG_2_PI - log_ratio(1, self.df))
        return logs

    @cached_property
    def _matrices(self) -> tuple[FloatArray, FloatArray]:
        """The scale matrices, and Cholesky's factors of them, upper triangles."""
        return self.scale, frozen(np.linalg.cholesky(self.scale).transpose(0, 2, 1).copy())

    @cached_property
    def _tails(self) -> FloatArray:
        """For vectors of which n entries are seen, `log_ratio`, (D + 1, K), and as a last row ν."""
        n = self.location.shape[1]
        rows: FloatArray = frozen(np.array([*(log_ratio(n_seen, self.df) for n_seen in range(n + 1)), self.df]))
        return rows

    @as_in(Family.log_likelihoods, Ordered.log_sides)
    def log_sides(self, observations: Any) -> Sides:
        """Compute how probable it is, in each state, to be below an observation, at it, and above it.

        Parameters
        ----------
        observations
            As in `Family.log_likelihoods`.

        Returns
        -------
        log_below, log_at, log_above
            As in `Ordered.log_sides`.

        Raises
        ------
        ValueError, TypeError
            As in `Family.log_likelihoods`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> log_below, log_at, log_above = hf.emissions.StudentT([0.0, 0.0], [1.0, 1.0], [3.0, 1e300]).log_sides([1e4])
        >>> log_above.round(4)
        array([[-2.75333000e+01, -5.00000101e+07]])
        """
        return self._sides(self._let_in(observations))

    def _sides(self, x: FloatArray) -> Sides:
        scale = self.scale if x.ndim == 1 else np.sqrt(np.diagonal(self.scale, axis1=1, axis2=2))
        z = (x[..., None] - self.location.T) / scale.T
        log_tail = _log_tail(np.abs(z), self.df)
        log_rest = np.log1p(-np.exp(log_tail))
        below, above = np.where(z < 0, log_tail, log_rest), np.where(z < 0, log_rest, log_tail)
        return below, np.where(np.isnan(z), np.nan, -np.inf), above

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        of_numbers = self.df if self.location.ndim == 1 else self.df[:, None]
        mean = np.where(of_numbers > 1, self.location, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(self.df > 2, 1 / (1 - 2 / self.df), np.where(self.df > 1, np.inf, np.nan))
            if self.location.ndim == 1:
                return mean, self.scale**2 * factor
            spread = self.scale * factor[:, None, None]
        return mean, spread

    def _drawn(self, states: IntArray, rng: np.random.Generator) -> FloatArray:
        if self.location.ndim == 1:
            drawn: FloatArray = self.location[states] + self.scale[states] * rng.standard_t(self.df[states])
            return drawn
        noise = rng.standard_normal((len(states), self.location.shape[1]))
        for k, factor in enumerate(np.linalg.cholesky(self.scale)):
            noise[states == k] = noise[states == k] @ factor.T
        precision = rng.standard_gamma(self.df[states] / 2) / (self.df[states] / 2)
        drawn = self.location[states] + noise / np.sqrt(precision)[:, None]
        return drawn

    # Learning.

    def _patterns(self, x: FloatArray) -> IntArray:
        """Which entries each vector lacks, as a number."""
        order, ends = by_pattern(x)
        patterns = np.empty(len(x), dtype=np.int64)
        patterns[order] = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        return patterns

    def _slopes(self, x: FloatArray) -> dict[str, FloatArray]:
        z = (x[:, None] - self.location) / self.scale
        q = z / self.df * z
        share = bounded(q)
        return {
            "location": (self.df + 1) / self.df / (1 + q) * z / self.scale,
            "scale": ((self.df + 1) * share - 1) / self.scale,
            "df": slope_of_log_ratio(1, self.df) - 0.5 * fall(q) + 0.5 / self.df * share,
        }

    def _units(self) -> dict[str, FloatArray]:
        return {"location": self.scale}

    @classmethod
    def _begun(cls, x: FloatArray, weights: FloatArray) -> StudentT:
        """By medians, and mean distances from them: outliers do not lead astray."""
        about = Laplace.guessed(x, weights)
        return cls(about.location, about.scale, np.full(about.n_states, FIRST_DF))

    @classmethod
    def _stand_in(cls, observations: Any, **_: Any) -> StudentT:
        width = _checks.vector_width(observations, None)
        return cls([0.0], [1.0], [1.0]) if width is None else cls(np.zeros((1, width)), np.eye(width)[None], [1.0])

    @classmethod
    @as_in(Learner.guessed)
    def guessed(cls, observations: Any, weights: npt.ArrayLike) -> StudentT:
        """Make one of observations that belong to each state to some degree.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.

        Returns
        -------
        StudentT
            The most probable one; a state to which nothing belongs gets the parameters of all observations.

        Raises
        ------
        DegenerateFitError, ValueError, TypeError
            As for `estimated`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> found = hf.emissions.StudentT.guessed([-3.0, -1.0, 0.0, 1.0, 3.0, 100.0], np.ones((6, 1)))
        >>> found.location.round(3)
        array([0.013])
        """
        width = _checks.vector_width(observations, True)
        x = _checks.observations(observations, width)
        degrees = _checks.degrees(weights, len(x)).copy()
        is_seen = ~np.isnan(x) if width is None else ~np.isnan(x).all(axis=1)
        degrees[:, degrees[is_seen].sum(axis=0) == 0] = 1.0
        if width is None:
            return cls._begun(x[is_seen], degrees[is_seen]).estimated(x, degrees)
        normal = Gaussian.guessed(x, degrees, covariance="full")
        return cls(normal.mean, normal.covariance, np.full(normal.n_states, FIRST_DF)).estimated(x, degrees)

    def _maximised(self, shown: Any, prior: Any, groups: Groups) -> StudentT:
        if self.location.ndim == 1:
            return super()._maximised(shown, prior, groups)
        kept: Kept = shown
        weights = np.where(np.isnan(kept.observed[0]).all(axis=1)[:, None], 0.0, kept.weights)
        x, patterns = kept.observed
        found = most_probable_vectors(self._vectors, x, patterns, weights, groups)
        return StudentT(*found)

    @property
    def _vectors(self) -> Vectors:
        return Vectors(self.location, self.scale, self.df)

    def _score(self, shown: Any) -> dict[str, FloatArray]:
        if self.location.ndim == 1:
            return super()._score(shown)
        kept: Kept = shown
        x, patterns = kept.observed
        parts = self._vectors.parts(x, patterns, kept.weights)
        n = self.location.shape[1]
        alone = np.arange(self.scale.size).reshape(self.scale.shape)
        cells = self._vectors.cells(np.arange(self.n_states * n).reshape(-1, n), alone)
        of_location, of_scale = slopes(cells, self._vectors.moments(parts))
        return {"location": of_location, "scale": of_scale, **Tails(self.df)._rises(parts)}

    @property
    def _symmetric(self) -> frozenset[str]:
        return frozenset({"scale"}) if self.location.ndim == 2 else frozenset()

    def _natural(self) -> FloatArray:
        """Matrices as they are, so that what is held or tied remains so."""
        if self.location.ndim == 1:
            return super()._natural()
        return np.concatenate([self.location.reshape(-1), self.scale.reshape(-1), np.log(self.df)])

    def _of_natural(self, vector: FloatArray) -> StudentT | None:
        if self.location.ndim == 1:
            return super()._of_natural(vector)
        location, scale, log_df = np.split(vector, np.cumsum([self.location.size, self.scale.size]))
        with np.errstate(over="ignore"):
            df = np.exp(log_df)
        with contextlib.suppress(ValueError):  # where it is not positive definite, or too large
            return StudentT(location.reshape(self.location.shape), scale.reshape(self.scale.shape), df)
        return None

    def _columns(self) -> list[Column]:
        if self.location.ndim == 1:
            return super()._columns()
        return [*Gaussian(self.location, self.scale, "full")._columns(), ("df", self.df, ".5g")]


def _log_tail(z: FloatArray, df: FloatArray) -> FloatArray:
    """log P(Z > z) for z from 0: with z = √ν sinh w, the integral of the density is one of cosh(w)^−ν."""
    root = np.sqrt(df)
    slant = z / np.hypot(root, z)  # tanh w

    def drop(y: FloatArray) -> FloatArray:
        """ν log cosh(w + y) / cosh w."""
        near = np.minimum(y, 1.0)
        small = np.log1p(slant * np.sinh(near) + 2 * np.sinh(near / 2) ** 2)
        large = y + np.log((1 + slant) / 2 + (1 - slant) / 2 * np.exp(-2 * y))
        fallen: FloatArray = df * np.where(y < 1.0, small, large)
        return fallen

    scale = np.minimum(1 / (df * slant + root), 1.0)
    log_rest = log_falling(lambda share: drop(scale * share), np.ones_like(scale))
    near, far = np.minimum(z, root), np.maximum(z, root)
    log_cosh = np.log(far / root) + 0.5 * np.log1p((near / far) ** 2)
    log_tail: FloatArray = log_ratio(1, df) - HALF_LOG_2_PI + np.log(root * scale) - df * log_cosh + log_rest
    return log_tail
