"""Structured chains, from harmless to hostile, and evidence that at least one path leads through."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.cases import NEVER, logs


class Case(NamedTuple):
    """Tables of a chain of few moves; the matrix is given as logs, dense, and has to be made a structure of."""

    log_initial: Any
    log_matrix: Any
    log_likelihoods: Any


def _pattern(rng, n_states, reach=None):
    """Which moves there are: a few of each state, all within reach; and, but for a few, one that stays."""
    reach = n_states if reach is None else reach
    share = min(1.0, 4 / n_states) if reach == n_states else 0.7
    steps = np.subtract.outer(np.arange(n_states), np.arange(n_states))
    listed = (rng.random((n_states, n_states)) < share) & (np.abs(steps) <= reach)
    listed[np.arange(n_states), np.arange(n_states)] |= rng.random(n_states) < 0.8
    lonely = np.flatnonzero(~listed.any(axis=1))
    listed[lonely, lonely] = True
    return listed


def ordinary(rng, listed):
    """Moves of any probability."""
    weights = np.where(listed, rng.gamma(1.0, size=listed.shape), 0.0)
    return logs(weights / weights.sum(axis=1, keepdims=True))


def even(rng, listed):
    """All moves of a state equally likely, so that paths tie."""
    return logs(listed / listed.sum(axis=1, keepdims=True))


def _mostly_one(rng, listed, log_others):
    """One move of each state is as good as certain."""
    log_matrix = np.where(listed, log_others, NEVER)
    for i, row in enumerate(listed):
        log_matrix[i, rng.choice(np.flatnonzero(row))] = 0.0
    return log_matrix


def rare(rng, listed):
    """What is not certain has a probability of about 1e-300."""
    return _mostly_one(rng, listed, logs(1e-300 * rng.uniform(0.1, 9, listed.shape)))


def rarer(rng, listed):
    """What is not certain has one down to exp(−5000), beyond all doubles."""
    return _mostly_one(rng, listed, rng.uniform(-5000, -600, listed.shape))


def far(rng, listed):
    """Logs of all sizes, up to the largest that there may be."""
    return _mostly_one(rng, listed, -(10.0 ** rng.uniform(0, 22, listed.shape)) - 800.0)


MOVES = (ordinary, even, rare, rarer, far)


def harmless(rng, shape):
    return rng.normal(0, 3, shape)


def flat(rng, shape):
    """Nothing is observed."""
    return np.zeros(shape)


def gaps(rng, shape):
    """States a thousand nats down, in turn."""
    rows = rng.normal(0, 1, shape)
    rows[rng.random(shape) < 0.5] -= 1000
    return rows


def wide(rng, shape):
    """Spread over thousands of nats."""
    return rng.normal(0, 4000, shape)


def holes(rng, shape):
    """Most states impossible, at most steps."""
    rows = rng.normal(0, 20, shape)
    rows[rng.random(shape) < 0.6] = NEVER
    return rows


def turns(rng, shape):
    """Harmless rows, gaps and impossible states, in turn: now doubles do, now they do not."""
    rows = harmless(rng, shape)
    kinds = rng.integers(4, size=len(rows))
    rows[kinds == 2] = gaps(rng, shape)[kinds == 2]
    rows[kinds == 3] = holes(rng, shape)[kinds == 3]
    return rows


def huge(rng, shape):
    """Logs of all sizes, up to the largest that there may be."""
    return rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(0, 22, shape)


EVIDENCE = (harmless, flat, gaps, wide, holes, turns, huge)


def open_path(rng, log_initial, log_matrices, log_likelihoods):
    """Make one path possible, whatever else is not."""
    k = int(rng.choice(np.flatnonzero(log_initial > NEVER)))
    for t, row in enumerate(log_likelihoods):
        if t > 0:
            k = int(rng.choice(np.flatnonzero(log_matrices[t - 1][k] > NEVER)))
        if row[k] == NEVER:
            row[k] = -5.0
    return log_likelihoods


def start(rng, n_states):
    """Half of all states can be the first."""
    initial = rng.gamma(1.0, size=n_states) * (rng.random(n_states) < 0.5)
    initial[rng.integers(n_states)] += 0.1
    return logs(initial / initial.sum())


def draw(seed, n_steps, n_states, moves=ordinary, evidence=harmless, reach=None):
    """Draw a case; the same seed gives the same case."""
    rng = np.random.default_rng([seed, n_steps, n_states])
    log_initial = start(rng, n_states)
    log_matrix = moves(rng, _pattern(rng, n_states, reach))
    rows = evidence(rng, (n_steps, n_states))
    return Case(log_initial, log_matrix, open_path(rng, log_initial, [log_matrix] * (n_steps - 1), rows))


def diagonals_of(matrix, reach):
    """The diagonals of a band, from the lowest to the highest."""
    n_states = len(matrix)
    diagonals = np.zeros((2 * reach + 1, n_states))
    for d in range(2 * reach + 1):
        i = np.arange(n_states)
        inside = (i + d - reach >= 0) & (i + d - reach < n_states)
        diagonals[d, inside] = matrix[i[inside], i[inside] + d - reach]
    return diagonals
