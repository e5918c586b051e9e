"""Where learning may start: to which degree each observation belongs to each state, before there is a model.

Vectors are looked at in units of the standard deviation of each entry, and a missing entry as the mean of its column.
A row that is missing altogether belongs to all states alike. Symbols count as their numbers. States are numbered
along the first principal direction, so that those of a guess ascend, and mostly those of what is found from it.
"""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray

KINDS = ("quantiles", "k-means", "responsibilities", "points")
OWN = 0.9  # how much an observation belongs to its own group; the rest is even, so that no state begins with zeros
MOST_ROUNDS = 30  # of k-means, which is to start somewhere, not to converge
MOST_ROWS = 20_000  # of which k-means takes the means
STRETCHES = 20  # of random responsibilities, for each state
FIRST_ROWS = 1000  # in which enough different observations are looked for first


def are_told_apart(observed: FloatArray, n_states: int) -> bool:
    """Whether there are as many different observations as states."""
    x = _standardised(observed)
    return any(len(np.unique(rows, axis=0)) >= n_states for rows in (x[:FIRST_ROWS], x))


def degrees(kind: str, observed: FloatArray, n_states: int, rng: np.random.Generator) -> FloatArray:
    """How much each of T observations, (T,) or (T, D), NaN where missing, belongs to each state: rows that sum to 1.

    - "quantiles": as many observations for each state, by what they are along the first principal direction;
    - "k-means": the groups of Lloyd's algorithm, begun by k-means++;
    - "points": the groups around different observations, drawn at random;
    - "responsibilities": at random, the same throughout each of some stretches of time. This is also what remains of
      the others where observations are not as different as there are states.
    """
    x = _standardised(observed)
    direction = _principal_direction(x)
    seen = np.flatnonzero(_are_seen(observed))
    if kind == "responsibilities" or len(seen) < n_states or not are_told_apart(x, n_states):
        belongs = _random_stretches(len(observed), n_states, rng)
        means = belongs[seen].T @ (x @ direction) / _or_one(belongs[seen].sum(axis=0))
        return belongs[:, np.argsort(means, kind="stable")]
    if kind == "quantiles":
        own = _quantile_groups(x @ direction, n_states)
    else:
        centres = _drawn_centres(x, n_states, rng, are_far_likelier=kind == "k-means")
        if kind == "k-means":
            centres = _settled(x if len(x) <= MOST_ROWS else rng.choice(x, MOST_ROWS, replace=False), centres)
        own = _nearest(x, centres[np.argsort(centres @ direction, kind="stable")])
    belongs = np.full((len(observed), n_states), 1 / n_states)
    belongs[seen] = (1 - OWN) / n_states
    belongs[seen, own] += OWN
    return belongs


def _are_seen(observed: FloatArray) -> BoolArray:
    """Which rows are not missing altogether."""
    seen: BoolArray = np.logical_not(np.isnan(observed.reshape(len(observed), -1)).all(axis=1))
    return seen


def _standardised(observed: FloatArray) -> FloatArray:
    """The rows that are not missing, (n, D), with mean 0 and variance 1 in each column, and missing entries as 0."""
    x = observed.reshape(len(observed), -1)[_are_seen(observed)]
    is_seen = ~np.isnan(x)
    counts = np.maximum(is_seen.sum(axis=0), 1)
    x = np.where(is_seen, x, 0.0)
    x = x / _or_one(np.abs(x).max(axis=0, initial=0.0))  # no square overflows
    x = np.where(is_seen, x - x.sum(axis=0) / counts, 0.0)
    centred: FloatArray = x / _or_one(np.sqrt((x * x).sum(axis=0) / counts))
    return centred


def _or_one(scale: FloatArray) -> FloatArray:
    return np.where(scale > 0, scale, 1.0)


def _principal_direction(x: FloatArray) -> FloatArray:
    """The direction in which rows vary most; its largest entry is above 0."""
    direction: FloatArray = np.linalg.eigh(x.T @ x)[1][:, -1]
    return direction if direction[np.abs(direction).argmax()] > 0 else -direction


def _quantile_groups(x: FloatArray, n_groups: int) -> IntArray:
    """Groups of about as many numbers, by size; equal ones are in one group, and no group is empty that need not be."""
    values, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2  # the places of the values among all numbers in order
    ends = np.searchsorted(middles, len(x) * np.arange(1, n_groups) / n_groups, side="right")
    for g in range(1, n_groups):
        earliest = ends[g - 2] + 1 if g > 1 else 1
        ends[g - 1] = min(max(ends[g - 1], earliest), len(values) - (n_groups - g))
    groups: IntArray = np.searchsorted(ends, place.reshape(-1), side="right").astype(np.int64)
    return groups


def _drawn_centres(x: FloatArray, n_centres: int, rng: np.random.Generator, are_far_likelier: bool) -> FloatArray:
    """Different rows, drawn one after the other; where wanted, in proportion to the squared distance from the others.

    References
    ----------
    Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), section 2.2.
    """
    centres = [x[rng.integers(len(x))]]
    distance, is_new = np.full(len(x), np.inf), np.ones(len(x), dtype=np.bool_)
    while len(centres) < n_centres:
        distance = np.minimum(distance, ((x - centres[-1]) ** 2).sum(axis=1))
        is_new &= (x != centres[-1]).any(axis=1)  # also where the square of a distance is below all doubles
        chance = distance if are_far_likelier and distance.any() else is_new.astype(np.float64)
        centres.append(x[rng.choice(len(x), p=chance / chance.sum())])
    return np.array(centres)


def _nearest(x: FloatArray, centres: FloatArray) -> IntArray:
    """The number of the centre nearest to each row."""
    nearest: IntArray = ((centres**2).sum(axis=1) - 2 * x @ centres.T).argmin(axis=1)
    return nearest


def _settled(x: FloatArray, centres: FloatArray) -> FloatArray:
    """Centres as the means of the rows that are nearest to them; one that has none stays where it is."""
    own = _nearest(x, centres)
    for _ in range(MOST_ROUNDS):
        belongs = (own[:, None] == np.arange(len(centres))).astype(np.float64)
        counts = belongs.sum(axis=0)[:, None]
        centres = np.where(counts > 0, belongs.T @ x / np.maximum(counts, 1), centres)
        before, own = own, _nearest(x, centres)
        if (own == before).all():
            break
    return centres


def _random_stretches(n_rows: int, n_states: int, rng: np.random.Generator) -> FloatArray:
    n_stretches = min(n_rows, STRETCHES * n_states)
    drawn = rng.dirichlet(np.ones(n_states), n_stretches)
    belongs: FloatArray = drawn[np.arange(n_rows) * n_stretches // max(n_rows, 1)]
    return belongs
