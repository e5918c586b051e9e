"""How far off the parameters of a fit may be, as the curvature of the objective at its top says.

The observed information is minus the matrix of second derivatives, of the log-likelihood and, where there is a prior,
its log-density. These are differences of exact gradients over two steps, of which Richardson's extrapolation leaves an
error of the fourth order. Directions are scaled: along each, no probability changes by more than a thousandth of
itself, and no mean by more than a thousandth of a standard deviation.

References
----------
Lystig, Hughes, "Exact computation of the observed information matrix for hidden Markov models", Journal of
Computational and Graphical Statistics 11 (2002). Zucchini, MacDonald, Langrock, "Hidden Markov Models for Time Series",
2nd edition (2016), section 3.6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import block_diag
from scipy.special import ndtri

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter.emissions.learning import HELD
from hmmfilter.learning.evidence import Model
from hmmfilter.learning.parameters import EMISSION, Part, Values, values_of
from hmmfilter.transitions import Durations, Structured

if TYPE_CHECKING:
    from hmmfilter.learning.problem import Coordinates, Problem

STEP = 1e-3  # of the size of a parameter
NEAREST = 1e-10  # to a bound; what is nearer is taken as being there
RESOLVED = 1e-9  # of curvature, as a share of what it were if no parameter moved with another
SEEN = 1e-11  # of curvature, as a share of the largest; below, it is rounding
INDEPENDENT = 1e-6  # of the change of an entry, the share that is no other's
MOST_NAMED = 3  # parameters that move together


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The covariance of all entries of the parameters, as a product with its transpose."""

    coordinates: Coordinates
    factor: FloatArray  # (entries, directions)
    is_known: BoolArray  # (entries,), of those that are not held, not at a bound, and of which something was seen

    @cached_property
    def errors(self) -> FloatArray:
        """The standard error of each entry; NaN where it is not known."""
        return np.where(self.is_known, np.linalg.norm(self.factor, axis=1), np.nan)

    def standard_errors(self) -> Values:
        """The same, in the array of each parameter."""
        return self.coordinates.shaped(self.errors)

    def covariance(self) -> tuple[tuple[str, ...], FloatArray]:
        """The names of as many entries as there are free numbers, which all others follow, and their covariances."""
        chosen = [n for n in _independent(self.coordinates) if self.is_known[n]]
        names = tuple(_spoken(*self.coordinates.names[n]) for n in chosen)
        return names, self.factor[chosen] @ self.factor[chosen].T

    def intervals(self, level: float) -> tuple[Values, Values]:
        """The ends of the interval of each entry, on the scale of its parameter."""
        half = float(ndtri((1.0 + level) / 2.0))
        errors, values = self.standard_errors(), values_of(self.coordinates.model)
        emission = self.coordinates.model.emission
        ends: tuple[Values, Values] = ({}, {})
        for part in self.coordinates.parts:
            for end, deviations in zip(ends, (-half, half), strict=True):
                end[part.name] = _away(part, emission, values[part.name], deviations * errors[part.name])
        return ends


def uncertainty_of(problem: Problem, model: Model, has_converged: bool) -> Uncertainty:
    """How far off the parameters may be, of a model that is the most probable one."""
    _checks.derivatives(problem.are_scored)
    _checks.no_listed_moves(type(model.chain).__name__, isinstance(model.chain, Structured))
    _checks.no_durations(isinstance(model.chain, Durations))
    problem = _apart_from_bounds(problem, model)
    coordinates = problem.coordinates(model)
    scaling = _scaling(coordinates)
    information = _information(problem, coordinates, scaling)
    sizes = np.abs(information)
    is_seen = sizes.max(axis=1, initial=0.0) > SEEN * sizes.max(initial=0.0)
    directions = coordinates.basis @ scaling
    factor = _factor(information[np.ix_(is_seen, is_seen)], directions[:, is_seen], coordinates, has_converged)
    gradient = problem.gradient(model, problem.expect(model)) @ scaling
    _checks.at_the_top(float(np.linalg.norm(factor.T @ gradient[is_seen])))
    is_known = (directions[:, is_seen] != 0).any(axis=1) & (directions[:, ~is_seen] == 0).all(axis=1)
    return Uncertainty(coordinates, directions[:, is_seen] @ factor, is_known)


def _apart_from_bounds(problem: Problem, model: Model) -> Problem:
    """The problem in which entries that are all but at a bound are held there."""
    values = values_of(model)
    parts = [
        part if part.name not in values else replace(part, groups=np.where(_is_near(part, values), HELD, part.groups))
        for part in problem.parts
    ]
    return replace(problem, parts=tuple(parts))


def _is_near(part: Part, values: Values) -> BoolArray:
    near: BoolArray = np.minimum(values[part.name], 1.0 - values[part.name]) < NEAREST
    return near & _is_share(part)


def _scaling(coordinates: Coordinates) -> FloatArray:
    """Scaled directions, by those of the coordinates, (p, p): along each, entries change by their size at most."""
    model = coordinates.model
    values = values_of(model)
    scaled = []
    for part, blocks in zip(coordinates.parts, coordinates.blocks, strict=True):
        for entries, directions in blocks:
            moves = np.zeros((len(part.entries[0]), directions.shape[1]))
            moves[entries] = directions
            relative = _relative(part, model.emission, values[part.name], moves, coordinates.sizes.get(part.name))
            triangle = np.linalg.qr(relative, mode="r")
            scaled.append(np.linalg.inv(triangle))
    return np.asarray(block_diag(*scaled)) if scaled else np.zeros((0, 0))


def _relative(part: Part, emission: Any, values: FloatArray, moves: FloatArray, known: FloatArray | None) -> FloatArray:
    """Moves of all entries, (entries, p), by the change over which the objective may bend otherwise, known or not."""
    if known is not None:
        return _over(moves, part.lower(np.broadcast_to(known, values.shape)))
    if _is_share(part):
        sizes = values if part.are_rows else np.minimum(values, 1.0 - values)
        return _over(moves, part.lower(sizes))
    if part.is_symmetric:
        whole = np.array([part.whole(move) for move in moves.T]).reshape(-1, *values.shape)
        white = _whitened(values, np.swapaxes(_whitened(values, whole), -1, -2))
        relative: FloatArray = np.array([part.lower(move) for move in white]).reshape(moves.T.shape).T
        return relative
    is_positive = _is_positive(part, emission).all()
    sizes = values if is_positive else np.maximum(np.abs(values), 1.0)
    has_moments = hasattr(emission, "moments") and part.is_of_emission
    mean, variance = emission.moments() if has_moments else (np.zeros(()), np.zeros(()))
    if mean.shape == values.shape and variance.shape == values.shape:
        spread = np.where(np.isfinite(variance) & (variance > 0), np.sqrt(np.abs(variance)), sizes)
        sizes = np.minimum(values, spread) if is_positive else spread
    elif mean.shape == values.shape and not is_positive:
        return _whitened(variance, moves.reshape(*mean.shape, -1)).reshape(moves.shape)
    return _over(moves, part.lower(sizes))


def _over(moves: FloatArray, sizes: FloatArray) -> FloatArray:
    """Moves over sizes; entries that do not move may have none."""
    return np.divide(moves, sizes[:, None], out=np.zeros_like(moves), where=sizes[:, None] > 0)


def _whitened(covariance: FloatArray, vectors: FloatArray) -> FloatArray:
    """Vectors, (..., D, p), in coordinates in which a covariance, (..., D, D), is that of unit circles."""
    white: FloatArray = np.linalg.solve(np.linalg.cholesky(covariance), vectors)
    return white


def _is_share(part: Part) -> bool:
    return part.bounds == (0.0, 1.0) or part.are_rows


def _is_positive(part: Part, emission: Any) -> BoolArray:
    """Which entries are above 0 by what they are."""
    if part.bounds == (0.0, np.inf):
        return np.ones(part.groups.shape, dtype=np.bool_)
    is_named = part.own_name in getattr(emission, "POSITIVE", ()) and part.name.startswith(EMISSION)
    if part.is_symmetric:
        return np.broadcast_to(is_named & np.eye(part.groups.shape[-1], dtype=np.bool_), part.groups.shape)
    return np.full(part.groups.shape, is_named)


def _information(problem: Problem, coordinates: Coordinates, scaling: FloatArray) -> FloatArray:
    """Minus the second derivatives of the objective along scaled directions, (p, p)."""

    def slopes(steps: FloatArray) -> FloatArray:
        there = coordinates.moved(scaling @ steps)
        along: FloatArray = problem.gradient(there, problem.expect(there)) @ scaling
        return along

    information = np.zeros(scaling.shape)
    for row, step in zip(information, STEP * np.eye(len(scaling)), strict=True):
        far = (slopes(-step) - slopes(step)) / (2.0 * STEP)
        near = (slopes(-step / 2.0) - slopes(step / 2.0)) / STEP
        row[:] = (4.0 * near - far) / 3.0
    symmetric: FloatArray = (information + information.T) / 2.0
    return symmetric


def _factor(
    information: FloatArray, directions: FloatArray, coordinates: Coordinates, has_converged: bool
) -> FloatArray:
    """A matrix whose product with its transpose is the inverse of the information."""
    sizes = np.sqrt(np.abs(np.diagonal(information)))
    sizes[sizes == 0] = 1.0
    alike = information / sizes / sizes[:, None]
    curvatures, axes = np.linalg.eigh(alike)
    is_flat = curvatures.size > 0 and curvatures[0] <= RESOLVED
    _checks.identified(_moving_most(directions @ (axes[:, 0] / sizes), coordinates) if is_flat else [], has_converged)
    factor: FloatArray = np.linalg.inv(np.linalg.cholesky(alike)).T / sizes[:, None]
    return factor


def _moving_most(changes: FloatArray, coordinates: Coordinates) -> list[str]:
    """The names of the entries that change most, as shares of their sizes."""
    values, emission, sizes = values_of(coordinates.model), coordinates.model.emission, coordinates.sizes
    shares = np.concatenate(
        [
            np.abs(_relative(part, emission, values[part.name], part.lower(whole)[:, None], sizes.get(part.name))[:, 0])
            for part, whole in zip(coordinates.parts, coordinates.shaped(changes).values(), strict=True)
        ]
    )
    most = [n for n in np.argsort(-shares, kind="stable")[:MOST_NAMED] if shares[n] > shares.max() / 10.0]
    return [_spoken(*coordinates.names[n]) for n in sorted(most)]


def _spoken(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]"


def _independent(coordinates: Coordinates) -> list[int]:
    """As many entries as there are directions, which all others follow; of a transition not those on the diagonal."""
    chosen: list[int] = []
    first = 0
    for part, blocks in zip(coordinates.parts, coordinates.blocks, strict=True):
        is_last = np.zeros(len(part.entries[0]), dtype=np.bool_)
        if part.is_of_chain and part.are_rows:
            is_last = part.entries[-2] == part.entries[-1]
        for entries, directions in blocks:
            order = np.argsort(is_last[entries], kind="stable")
            chosen += [first + int(entries[n]) for n in order[_independent_rows(directions[order])]]
        first += len(is_last)
    return sorted(chosen)


def _independent_rows(rows: FloatArray) -> list[int]:
    """The first rows of which none is a sum of others before it."""
    chosen, known = [], np.zeros((0, rows.shape[1]))
    for n, row in enumerate(rows):
        rest = row - (known @ row) @ known
        rest -= (known @ rest) @ known
        size = float(np.linalg.norm(rest))
        if size > INDEPENDENT * np.linalg.norm(row):
            chosen.append(n)
            known = np.vstack([known, rest / size])
    return chosen


def _away(part: Part, emission: Any, values: FloatArray, deviations: FloatArray) -> FloatArray:
    """So many standard errors away: of logits of shares, of logs of what is positive, else of the numbers."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if _is_share(part):
            shares: FloatArray = values / (values + (1.0 - values) * np.exp(-deviations / (values * (1.0 - values))))
            return shares
        return np.where(_is_positive(part, emission), values * np.exp(deviations / values), values + deviations)
