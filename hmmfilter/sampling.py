"""Sampling: draw paths of the chain, given observations or not, and categories, by inversion."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, TransitionLike
from hmmfilter._docstrings import as_in
from hmmfilter._tiers import kernels
from hmmfilter.filtering import forward_filter

MORE_STEPS = 32  # of a path that has not ended yet, besides as many as there are


@as_in(forward_filter)
def sample_paths(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    size: int,
    rng: np.random.Generator | int | None = None,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> IntArray:
    """Draw whole paths through the states, each with its probability given all observations.

    Filters forwards, then draws backwards: the last state from what is known of it, and each one before it from

        p(h_t = i | h_{t+1} = j, v_1:t) ∝ exp( log p(h_t = i | v_1:t) + log p(h_{t+1} = j | h_t = i) ).

    Paths that cannot be are never drawn. States drawn one by one from `smooth` would not make such paths: neighbours
    depend on each other.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods
        As in `forward_filter`.
    size : int
        How many paths to draw, at least 1.
    rng : numpy.random.Generator or int, optional
        A generator, or a seed for one; without it, fresh randomness. The same seed gives the same paths, and those of a
        smaller size are the first of those of a larger one.
    lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return paths of −1.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    ndarray of int, (size, T)
        In each row a path, from 0; of several sequences, one path after the other.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`. Also for a size that is no integer from 1 up, and an `rng` that is neither a
        generator nor a seed.

    References
    ----------
    Frühwirth-Schnatter, *Finite Mixture and Markov Switching Models* (2006), section 11.5.

    Scott, "Bayesian methods for hidden Markov models", Journal of the American Statistical Association 97 (2002).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> paths = hf.sample_paths(log_initial, log_transition, log_likelihoods, 5000, rng=0)
    >>> paths[:3]
    array([[0, 0, 1],
           [1, 0, 0],
           [0, 0, 1]])
    >>> (paths == 0).mean(axis=0).round(2)  # near what `smooth` computes: 0.8619, 0.7992, 0.1907
    array([0.87, 0.8 , 0.18])
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    generator, n_workers = _checks.generator(rng), _checks.workers(workers)
    tables = _checks.any_chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    n_paths = _checks.step_count("size", size, len(tables.log_likelihoods))
    paths = np.empty((n_paths, len(tables.log_likelihoods)), dtype=np.int64)
    uniforms = paths.view(np.float64)  # in the same memory, where each will be overwritten by its state
    generator.random(out=uniforms)
    np.subtract(1.0, uniforms, out=uniforms)  # above 0, up to 1
    n_possible, _ = _drivers.fill_drawn(tables, paths, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return paths


def cumulate(probabilities: FloatArray) -> FloatArray:
    """Return the running sums of each row, such that the first one above a uniform from [0, 1) is a fair draw.

    From the last possible entry on they are exactly 1, whatever the rounding, so that every draw ends in a row; a
    category of probability zero adds nothing to the sum before it and is never the first.
    """
    cumulative = np.cumsum(probabilities, axis=-1)
    cumulative[cumulative >= cumulative[..., -1:]] = 1.0
    return cumulative


def draw_states(initial: FloatArray, transition: FloatArray, length: int, rng: np.random.Generator) -> IntArray:
    """Draw one path of the Markov chain, (length,)."""
    states = np.empty(length, dtype=np.int64)
    kernels.draw_path(cumulate(initial), cumulate(transition), rng.random(length), states)
    return states


def draw_to_ends(
    initial: FloatArray, transition: FloatArray, final: FloatArray, n_paths: int, rng: np.random.Generator
) -> list[IntArray]:
    """Draw paths of a Markov chain that surely ends, each to its end, which is a state more, and none to leave."""
    end = len(initial)
    moves = np.zeros((end + 1, end + 1))
    moves[:end, :end], moves[:end, end], moves[end, end] = (1 - final)[:, np.newaxis] * transition, final, 1.0
    paths = []
    for _ in range(n_paths):
        before, states = np.append(initial, 0.0), np.empty(0, dtype=np.int64)
        while end not in states:
            more = draw_states(before, moves, MORE_STEPS + len(states), rng)
            states = np.append(states, more)
            before = moves[more[-1]]
        paths.append(states[states < end])
    return paths


class Walk(NamedTuple):
    """How a chain goes on that lists its moves, as `hmmfilter._kernels.walking` takes it."""

    back: Any  # a `Network`
    values: FloatArray
    v: FloatArray
    final: FloatArray  # (K,)

    @classmethod
    def of(cls, chain: Any, final: FloatArray | None) -> Walk:
        """That of a chain which is the same at each step."""
        back, values, n_states = chain._ways().back, chain._values_back(), chain.n_states
        v = np.zeros(n_states + back.n_between)
        kernels.fill_ways_on(back, values, n_states, v)
        return cls(back, values, v, np.zeros(n_states) if final is None else final)

    def drawn(self, first: int, uniforms: FloatArray) -> IntArray:
        """A path that goes on from a state, by a uniform number a step; the first is not looked at."""
        states = np.empty(len(uniforms), dtype=np.int64)
        states[0] = first
        kernels.run_walk(*self, uniforms, states)
        return states


def draw_along(initial: FloatArray, walk: Walk, length: int, rng: np.random.Generator) -> IntArray:
    """`draw_states` of a chain that lists its moves."""
    uniforms = rng.random(length)
    return walk.drawn(int(np.searchsorted(cumulate(initial), uniforms[0], side="right")), uniforms)


def draw_along_to_ends(initial: FloatArray, walk: Walk, n_paths: int, rng: np.random.Generator) -> list[IntArray]:
    """`draw_to_ends` of a chain that lists its moves."""
    end, paths = len(initial), []
    for _ in range(n_paths):
        states = draw_along(initial, walk, MORE_STEPS, rng)
        while end not in states:
            uniforms = rng.random(MORE_STEPS + len(states))
            states = np.append(states, walk.drawn(int(states[-1]), np.append(0.0, uniforms))[1:])
        paths.append(states[states < end])
    return paths


def draw_categories(probabilities: FloatArray, rows: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw a category from the row of `probabilities` that each entry of `rows` names."""
    categories = np.empty(len(rows), dtype=np.int64)
    uniforms = rng.random(len(rows))
    for k, cumulative in enumerate(cumulate(probabilities)):
        chosen = rows == k
        categories[chosen] = np.searchsorted(cumulative, uniforms[chosen], side="right")
    return categories
