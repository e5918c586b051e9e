"""How a chain moves, and where sequences end, while it is learnt: logs, counts and slopes, of one matrix or of several.

A row of a matrix A says where the chain goes if it goes on: with end probabilities f, a move i→j is (1 − f_i) A_ij, and
the last step of a sequence f_k. What is expected is counted of all of it, and told apart here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._distributions import most_likely
from hmmfilter._drivers.expectations import Expectations
from hmmfilter._ways import Counted, counted, matrix_if_few
from hmmfilter.learning.evidence import Model
from hmmfilter.transitions import Dense, Durations, Structured
from hmmfilter.transitions.protocol import Moved, Told


def is_one_matrix(chain: Any) -> bool:
    """Whether it is an array that becomes one matrix, the same at each step."""
    return isinstance(chain, Dense)


def chain_of(before: Any, own: dict[str, FloatArray]) -> Any:
    """What `Model._with` takes of a chain with such parameters: an array where it is one matrix."""
    return own[""] if is_one_matrix(before) else before._with(own)


def log_moves(model: Model, told: Told) -> Any:
    """Logs of all moves, (K, K), or (M, K, K) of each matrix; the ways of a chain that lists them, of many states.

    Of sojourns with durations what is asked of ages.
    """
    chain = model.chain
    if isinstance(chain, Durations):
        return chain._ages()
    if isinstance(chain, Structured):
        return matrix_if_few(model._log_move)
    logs: FloatArray = chain.log_matrix if is_one_matrix(chain) else chain._log_matrices(told.of)
    if model.final is None:
        return logs
    with np.errstate(divide="ignore"):
        going_on: FloatArray = logs + np.log1p(-model.final)[:, np.newaxis]
    return going_on


def moved(model: Model, told: Told, expectations: Expectations) -> Moved:
    """What the chain learns from; a slope that doubles do not tell is none."""
    if isinstance(model.chain, Durations):
        return Moved(told.of, expectations.transition, expectations.slopes)
    if isinstance(model.chain, Structured):
        found = of_ways(model, expectations)
        return Moved(told.of, found, found)
    slopes = expectations.slopes
    if model.final is not None:
        slopes = slopes * (1.0 - model.final)[:, np.newaxis]
    if is_one_matrix(model.chain):
        return Moved(told.of, expectations.transition, slopes)
    return Moved(told.of, expectations.transition, np.where(np.isnan(slopes), 0.0, slopes))


def sizes(chain: Any, told: Told) -> dict[str, FloatArray]:
    """How far coefficients may move, by covariates, for a log-odds to move by about 1."""
    if "coefficients" not in chain._parameters():
        return {}
    farthest = np.abs(told.of).max(axis=0)
    return {"coefficients": np.append(1.0, 1.0 / np.where(farthest > 0, farthest, 1.0))}


def of_ways(model: Model, expectations: Expectations) -> Counted:
    """How often each move of a chain is expected that lists them."""
    return counted(model._log_move.onward, expectations.transition)


def in_own_shape(model: Model, expectations: Expectations) -> Any:
    """How often each move is expected, (K, K), or (M, K, K), or in the shape of a chain that lists its moves."""
    chain = model.chain
    return chain._shaped(of_ways(model, expectations))[0] if isinstance(chain, Structured) else expectations.transition


def visits(model: Model, expectations: Expectations) -> FloatArray:
    """How often each state is expected to be entered, (K,)."""
    moves, first = expectations.transition, expectations.initial
    if isinstance(model.chain, Structured):
        return first + of_ways(model, expectations).entered
    first = first if first.ndim == 1 else first.sum(axis=1)
    entered: FloatArray = first + moves.reshape(-1, *moves.shape[-2:]).sum(axis=(0, 1))
    return entered


def leaves(model: Model, expectations: Expectations) -> FloatArray:
    """How often each state is expected to be left for another step, (K,)."""
    moves = expectations.transition
    if isinstance(model.chain, Structured):
        return of_ways(model, expectations).left
    left: FloatArray = moves.reshape(-1, *moves.shape[-2:]).sum(axis=(0, 2))
    return left


def most_likely_ends(model: Model, expectations: Expectations, groups: IntArray) -> FloatArray:
    """The end probabilities that are most likely: ends over visits, of all states of a group."""
    pairs = np.column_stack([expectations.ends, leaves(model, expectations)])
    final: FloatArray = np.array(model.final)
    for group in np.unique(groups[groups >= 0]):
        of_it = groups == group
        ends, goes_on = pairs[of_it].sum(axis=0)
        if ends + goes_on > 0:
            final[of_it] = ends / (ends + goes_on)
    return final


def slopes_of_ends(model: Model, expectations: Expectations) -> FloatArray:
    """The derivatives of the log-likelihood with respect to end probabilities; 0 at a bound."""
    final, left = np.asarray(model.final), leaves(model, expectations)
    inside = (final > 0) & (final < 1)
    slopes: FloatArray = np.zeros_like(final)
    slopes[inside] = (expectations.ends[inside] / final[inside]) - left[inside] / (1 - final[inside])
    return slopes


def rows_most_likely(counts: FloatArray, before: FloatArray, groups: IntArray) -> FloatArray:
    """`most_likely` of rows of one distribution, one matrix, or several."""
    width = before.shape[-1]
    counts, groups = np.broadcast_to(counts, before.shape), np.broadcast_to(groups, before.shape)
    rows = most_likely(counts.reshape(-1, width), before.reshape(-1, width), groups.reshape(-1, width))
    shaped: FloatArray = rows.reshape(before.shape)
    return shaped
