"""Families of hidden Markov models, from harmless to hostile: each draws tables for the functional core."""

from __future__ import annotations

import numpy as np

NEVER = -np.inf


def logs(probabilities):
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def _start(rng, n_states):
    return logs(rng.dirichlet(np.ones(n_states)))


def _mixing(rng, n_states):
    return logs(rng.dirichlet(np.ones(n_states), n_states))


def ordinary(rng, n_steps, n_states):
    """A chain that mixes, and likelihoods of a few nats."""
    return _start(rng, n_states), _mixing(rng, n_states), rng.normal(0, 3, (n_steps, n_states))


def gaps(rng, n_steps, n_states):
    """Every second state 1,000 nats down, in turn."""
    log_likelihoods = rng.normal(0, 1, (n_steps, n_states))
    log_likelihoods[(np.add.outer(np.arange(n_steps), np.arange(n_states)) % 2) == 0] -= 1000
    return _start(rng, n_states), _mixing(rng, n_states), log_likelihoods


def wide_gaps(rng, n_steps, n_states):
    """Likelihoods spread over thousands of nats, at random."""
    return _start(rng, n_states), _mixing(rng, n_states), rng.normal(0, 4000, (n_steps, n_states))


def rare(rng, n_steps, n_states):
    """A chain that stays where it is, or moves on once in 1e300 steps."""
    transition = np.eye(n_states) + 1e-300 * np.eye(n_states, k=1)
    return _start(rng, n_states), logs(transition), rng.normal(0, 30, (n_steps, n_states))


def rarer(rng, n_steps, n_states):
    """Transitions far below the smallest double."""
    log_transition = rng.uniform(-2500, -800, (n_states, n_states))
    np.fill_diagonal(log_transition, 0.0)
    return _start(rng, n_states), log_transition, rng.normal(0, 300, (n_steps, n_states))


def zeros(rng, n_steps, n_states):
    """Half of all transitions and a fifth of the likelihoods impossible, but one path open."""
    path = rng.integers(n_states, size=n_steps)
    transition = rng.random((n_states, n_states)) * (rng.random((n_states, n_states)) < 0.5)
    transition[path[:-1], path[1:]] = rng.random(n_steps - 1)
    log_likelihoods = rng.normal(0, 20, (n_steps, n_states))
    log_likelihoods[rng.random((n_steps, n_states)) < 0.2] = NEVER
    log_likelihoods[np.arange(n_steps), path] = rng.normal(0, 20, n_steps)
    initial = np.where(np.arange(n_states) == path[0], 1.0, 0.0)
    return logs(initial), logs(transition), log_likelihoods


def chain(rng, n_steps, n_states):
    """Left to right, later states 40 nats down each."""
    transition = 0.9 * np.eye(n_states) + 0.1 * np.eye(n_states, k=1)
    transition[-1, -1] = 1.0
    return logs(np.eye(n_states)[0]), logs(transition), _down(rng, n_steps, n_states, 40)


def survivor(rng, n_steps, n_states):
    """Left to right; at the last step only the last state is possible, which was hopeless a step ago."""
    log_initial, log_transition, _ = chain(rng, n_steps, n_states)
    log_likelihoods = _down(rng, n_steps, n_states, 900)
    log_initial = np.zeros(n_states)
    log_likelihoods[-1, :-1] = NEVER
    return log_initial, log_transition, log_likelihoods


def _down(rng, n_steps, n_states, nats):
    return rng.normal(0, 1, (n_steps, n_states)) - nats * np.arange(n_states)


def densities(rng, n_steps, n_states):
    """Densities far above 1: sharp sensors."""
    return _start(rng, n_states), _mixing(rng, n_states), rng.normal(600, 30, (n_steps, n_states))


def potentials(rng, n_steps, n_states):
    """Nothing sums to 1: a linear-chain conditional random field."""
    draw = [rng.normal(0, 15, shape) for shape in (n_states, (n_states, n_states), (n_steps, n_states))]
    return draw[0], draw[1] + 20, draw[2]


def frozen(rng, n_steps, n_states):
    """A chain that never moves, and evidence that first drives a state thousands of nats down, then back up."""
    drive = rng.uniform(0, 200, (n_steps, n_states))
    back = np.arange(n_steps) >= n_steps / 2
    log_likelihoods = np.where(back[:, None], drive[::-1], -drive)
    return _start(rng, n_states), logs(np.eye(n_states)), log_likelihoods + rng.normal(0, 1, n_states) / n_steps


def blocks(rng, n_steps, n_states):
    """Two sets of states that never mix, so that nothing is forgotten."""
    half = (n_states + 1) // 2
    transition = rng.dirichlet(np.ones(n_states), n_states)
    transition[:half, half:] = transition[half:, :half] = 0.0
    transition /= transition.sum(axis=1, keepdims=True)
    return _start(rng, n_states), logs(transition), rng.normal(0, 0.1, (n_steps, n_states))


def mixed(rng, n_steps, n_states):
    """Harmless rows, gaps and impossible states, in turn: now doubles do, now they do not."""
    log_initial, log_transition, log_likelihoods = gaps(rng, n_steps, n_states)
    harmless = rng.random(n_steps) < 0.7
    log_likelihoods[harmless] = rng.normal(-2, 2, (n_steps, n_states))[harmless]
    log_likelihoods[:, 1:][rng.random((n_steps, n_states - 1)) < 0.1] = NEVER
    return log_initial, log_transition, log_likelihoods


def still(rng, n_steps, n_states):
    """Nothing is observed, ever, and two sets of states never mix: each step could be off by the same."""
    log_initial, log_transition, _ = blocks(rng, n_steps, n_states)
    return log_initial, log_transition, np.zeros((n_steps, n_states))


def coins(rng, n_steps, n_states):
    """Which of some coins that are nearly the same is it? The same two likelihoods again and again."""
    heads = 0.5 + 0.01 * rng.normal(size=n_states)
    return _start(rng, n_states), logs(np.eye(n_states)), logs([heads, 1 - heads])[rng.integers(0, 2, n_steps)]


def fading(rng, n_steps, n_states):
    """A chain that never moves, and states that fade a little at each step, beyond every double, and come back."""
    nats = 120 / n_states * np.arange(n_states) + rng.normal(0, 0.1, (n_steps, n_states))
    fades = np.arange(n_steps) < n_steps / 2
    return _start(rng, n_states), logs(np.eye(n_states)), np.where(fades[:, None], -nats, nats - 120)


FAMILIES = (
    ordinary,
    gaps,
    wide_gaps,
    rare,
    rarer,
    zeros,
    chain,
    survivor,
    densities,
    potentials,
    frozen,
    blocks,
    mixed,
    still,
    coins,
    fading,
)


def changing(family, seed, n_steps, n_states):
    """Draw a case whose transition is another one at each step, with the same zeros."""
    rng = np.random.default_rng([seed, n_steps, n_states])
    log_initial, log_transition, log_likelihoods = family(rng, n_steps, n_states)
    return log_initial, log_transition + rng.normal(0, 3, (n_steps - 1, n_states, n_states)), log_likelihoods


def draw(family, seed, n_steps, n_states):
    """Draw a case; the same seed gives the same case."""
    return family(np.random.default_rng([seed, n_steps, n_states]), n_steps, n_states)
