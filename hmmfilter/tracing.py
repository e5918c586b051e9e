"""What is known of whole paths: how probable a given one is, and how far all of them are from one alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.tables import Tables
from hmmfilter.filtering import forward_filter
from hmmfilter.lse import log_softmax
from hmmfilter.predicting import to_come, which_leads_on
from hmmfilter.smoothing import smooth

MOST_ENTRIES = 2**20  # of moves from a block of steps


@as_in(forward_filter)
def path_log_joint(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    path: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Any:
    """Compute the log-probability of a given path through the states together with the observations.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods
        As in `forward_filter`.
    path : array_like of int, (T,)
        A state at each step, from 0.
    lengths, transition_index, allowed
        As in `forward_filter`.

    Returns
    -------
    float or ndarray, (N,)
        log p(h_1:T, v_1:T), natural log, the exact sum of its terms, rounded; −inf where it is impossible. With
        `lengths`, one for each sequence.

    Raises
    ------
    ValueError, TypeError
        As in `forward_filter`. Also where an entry of the path is no state.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> round(hf.path_log_joint(log_initial, log_transition, log_likelihoods, [0, 0, 1]), 4)
    -2.6877
    """
    matrices = _checks.matrices_for("path_log_joint", log_transition)
    tables = _checks.chain(log_initial, matrices, log_likelihoods, lengths, transition_index, allowed)
    states = _checks.path_of("path", path, *tables.log_likelihoods.shape)
    begins, starts_from = _beginnings(tables)
    firsts = starts_from[np.arange(len(begins)), states[begins]]
    moves = tables.log_transition[which_leads_on(tables), states, np.append(states[1:], 0)]
    return _by_sequence(tables, lengths, firsts, moves, tables.log_likelihoods[np.arange(len(states)), states])


@as_in(forward_filter, path_log_joint)
def path_log_posterior(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    path: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Any:
    """Compute the log-probability of a given path through the states, given all observations.

    It is a sum over steps, and no difference of large numbers: of a path that is all but certain, it keeps its digits.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods
        As in `forward_filter`.
    path
        As in `path_log_joint`.
    lengths, transition_index, allowed
        As in `forward_filter`.

    Returns
    -------
    float or ndarray, (N,)
        log p(h_1:T | v_1:T), natural log; −inf where the path is impossible. With `lengths`, one for each sequence.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`. Also where an entry of the path is no state.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> round(float(np.exp(hf.path_log_posterior(log_initial, log_transition, log_likelihoods, [0, 0, 1]))), 4)
    0.5649
    """
    matrices = _checks.matrices_for("path_log_posterior", log_transition)
    tables = _checks.chain(log_initial, matrices, log_likelihoods, lengths, transition_index, allowed)
    states = _checks.path_of("path", path, *tables.log_likelihoods.shape)
    ahead = _Ahead(tables)
    if not ahead.are_possible():
        given = log_initial, log_transition, log_likelihoods
        # which says at which step
        forward_filter(*given, lengths=lengths, transition_index=transition_index, allowed=allowed)
    firsts = ahead.firsts[np.arange(len(ahead.firsts)), states[ahead.begins]]
    moves = np.zeros(len(states))
    for begin, end in ahead.blocks():
        rows = np.arange(end - begin)
        moves[begin:end] = ahead.moves(begin, end)[rows, states[begin:end], states[begin + 1 : end + 1]]
    return _by_sequence(tables, lengths, firsts, moves)


@as_in(forward_filter)
def path_entropy(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Any:
    """Compute the entropy of the distribution of paths, given all observations: how much is left to be known.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.

    Returns
    -------
    float or ndarray, (N,)
        −Σ p(h_1:T | v_1:T) log p(h_1:T | v_1:T), in nats, from 0 where one path is certain to T log K where all are as
        probable. With `lengths`, one for each sequence.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Hernando, Crespi, Cybenko, "Efficient computation of the hidden Markov model entropy for a given observation
    sequence", IEEE Transactions on Information Theory 51 (2005).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> round(hf.path_entropy(log_initial, log_transition, log_likelihoods), 4)
    1.3339
    """
    matrices = _checks.matrices_for("path_entropy", log_transition)
    tables = _checks.chain(log_initial, matrices, log_likelihoods, lengths, transition_index, allowed)
    given = log_initial, log_transition, log_likelihoods
    probabilities = smooth(*given, lengths=lengths, transition_index=transition_index, allowed=allowed).probabilities
    ahead = _Ahead(tables)
    moves = np.zeros(len(probabilities))
    for begin, end in ahead.blocks():
        moves[begin:end] = (probabilities[begin:end] * _entropies(ahead.moves(begin, end))).sum(axis=1)
    return _by_sequence(tables, lengths, _entropies(ahead.firsts), moves)


class _Ahead:
    """How the states move on, given all observations: a chain whose every step is a distribution of its own.

    p(h_{t+1} = j | h_t = i, v_1:T) is in proportion to A(i, j) b_{t+1}(j) β_{t+1}(j).
    """

    def __init__(self, tables: Tables) -> None:
        self._tables, self._which = tables, which_leads_on(tables)
        self._weights = tables.log_likelihoods + to_come(tables)
        self.begins, log_initial = _beginnings(tables)
        self.firsts = _normalised(log_initial + self._weights[self.begins])

    def are_possible(self) -> bool:
        """Whether all sequences are."""
        return bool((self.firsts.max(axis=1, initial=-np.inf) > -np.inf).all())

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Steps that are followed by another row, some at a time."""
        n_rows, n_states = self._weights.shape
        n_block = max(1, MOST_ENTRIES // n_states**2)
        for begin in range(0, n_rows - 1, n_block):
            yield begin, min(begin + n_block, n_rows - 1)

    def moves(self, begin: int, end: int) -> FloatArray:
        """log p(h_{t+1} = j | h_t = i, v_1:T) of some steps, (rows, K, K); −inf where i leads nowhere."""
        matrices = self._tables.log_transition[self._which[begin:end]]
        return _normalised(matrices + self._weights[begin + 1 : end + 1, np.newaxis])


def _beginnings(tables: Tables) -> tuple[IntArray, FloatArray]:
    """The first row of each sequence that has steps, and the logs of where it starts, (n, K)."""
    has_steps = np.diff(tables.starts) > 0
    log_initial = np.broadcast_to(tables.log_initial, (len(has_steps), tables.log_likelihoods.shape[1]))
    return tables.starts[:-1][has_steps], log_initial[has_steps]


def _normalised(logs: FloatArray) -> FloatArray:
    """Logs less that of their sum, along the last axis; −inf of rows of nothing."""
    is_any = (logs > -np.inf).any(axis=-1)
    normalised = np.full(logs.shape, -np.inf)
    normalised[is_any] = log_softmax(logs[is_any], axis=-1)
    return normalised


def _entropies(log_p: FloatArray) -> FloatArray:
    """−Σ p log p along the last axis."""
    finite = np.where(log_p > -np.inf, log_p, 0.0)
    entropies: FloatArray = -(np.exp(log_p) * finite).sum(axis=-1)
    return entropies


def _by_sequence(tables: Tables, lengths: Any, firsts: FloatArray, *of_rows: FloatArray) -> Any:
    """The exact sum of what a sequence begins with and of all its rows; nothing leads on from its last one."""
    totals = np.zeros(len(tables.starts) - 1)
    has_steps = np.diff(tables.starts) > 0
    for n, first in zip(np.flatnonzero(has_steps).tolist(), firsts.tolist(), strict=True):
        moves, *others = (part[tables.starts[n] : tables.starts[n + 1]] for part in of_rows)
        totals[n] = math.fsum([first, *moves[:-1], *(term for part in others for term in part)])
    return totals if lengths is not None else float(totals[0])
