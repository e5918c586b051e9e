"""Predictions of each step from the observations before it, and of all observations from each step on.

Both are filters in which each step is two: first the state is known from what came before, and then it is observed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.tables import Tables
from hmmfilter.emissions.protocol import log_of
from hmmfilter.filtering import forward_filter
from hmmfilter.results import Filtered


@as_in(forward_filter)
def one_step_predictions(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> FloatArray:
    """Compute the distribution of the state at each step, given the observations before that step.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: each row is made to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return NaN for all steps after the first
        impossible one.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    ndarray, (T, K)
        log p(h_t = k | v_1:t−1), natural logs, however small; of the first step of a sequence, that of `log_initial`.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Zucchini, MacDonald, *Hidden Markov Models for Time Series* (2009), section 5.4.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> np.exp(hf.one_step_predictions(log_initial, log_transition, log_likelihoods)).round(4)
    array([[0.5   , 0.5   ],
           [0.6273, 0.3727],
           [0.6533, 0.3467]])
    """
    matrices = _checks.matrices_for("one_step_predictions", log_transition)
    tables = _checks.chain(log_initial, matrices, log_likelihoods, lengths, transition_index, allowed)
    filtered = _in_two_steps(tables, impossible, workers, progress, is_alone=lengths is None)
    predicted: FloatArray = filtered.log_probabilities[::2].copy()
    return predicted


@as_in(forward_filter)
def filtered_pairs(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> FloatArray:
    """Compute the joint distribution of the states at each two neighbouring steps, given the observations up to them.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return NaN from the first impossible step on.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    ndarray, (T − 1, K, K)
        log p(h_t = i, h_{t+1} = j | v_1:t+1) at [t, i, j], natural logs. With `lengths`, (T, K, K): from the last step
        of a sequence no move leads on, and all its entries are −inf.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> np.exp(hf.filtered_pairs(log_initial, log_transition, log_likelihoods)).round(4)[1]
    array([[0.1805, 0.6187],
           [0.0102, 0.1906]])
    """
    matrices = _checks.matrices_for("filtered_pairs", log_transition)
    tables = _checks.chain(log_initial, matrices, log_likelihoods, lengths, transition_index, allowed)
    filtered = _in_two_steps(tables, impossible, workers, progress, is_alone=lengths is None)
    before, after = filtered.log_probabilities[1:-1:2], filtered.log_probabilities[3::2]
    predicted = filtered.log_probabilities[2::2] + filtered.log_increments[2::2, np.newaxis]
    n_rows, n_states = tables.log_likelihoods.shape
    pairs = np.full((n_rows, n_states, n_states), -np.inf)
    with np.errstate(invalid="ignore"):  # of what is impossible before and after
        # p(i, j | v_1:t+1) = p(i | v_1:t) A(i, j) · p(j | v_1:t+1) / Σ_i p(i | v_1:t) A(i, j)
        gain = np.where(predicted == -np.inf, -np.inf, after - predicted)
        pairs[: len(before)] = before[:, :, None] + (tables.log_transition[which_leads_on(tables)[:-1]] + gain[:, None])
    if lengths is None:
        return pairs[:-1]
    pairs[tables.starts[1:][np.diff(tables.starts) > 0] - 1] = -np.inf
    return pairs


@as_in(forward_filter)
def log_likelihoods_to_come(
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    workers: int = 1,
    progress: bool = False,
) -> FloatArray:
    """Compute the log-probability of all observations after each step, given the state there: the logs of β.

        log β_t(i) = log Σ_j exp( log p(h_{t+1} = j | h_t = i) + log p(v_{t+1} | h_{t+1} = j) + log β_{t+1}(j) )

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing is normalised.

    Parameters
    ----------
    log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    ndarray, (T, K)
        log p(v_{t+1:T} | h_t = k), natural logs; 0 at the last step of a sequence, −inf where what comes is impossible.

    Raises
    ------
    ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (25).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> np.exp(hf.log_likelihoods_to_come(log_transition, log_likelihoods)).round(4)
    array([[0.2307, 0.1663],
           [0.31  , 0.59  ],
           [1.    , 1.    ]])
    """
    table = _checks.float_array("log_likelihoods", log_likelihoods)
    anywhere = np.zeros(table.shape[-1] if table.ndim else 0)
    matrices = _checks.matrices_for("log_likelihoods_to_come", log_transition)
    tables = _checks.chain(anywhere, matrices, table, lengths, transition_index, allowed)
    return to_come(tables, workers, progress)


def to_come(tables: Tables, workers: int = 1, progress: bool = False) -> FloatArray:
    """What `log_likelihoods_to_come` returns, of tables that are let in."""
    filtered = _in_two_steps(_backwards(tables), "mark", workers, progress, is_alone=False)
    log_joint = filtered.log_joint_probabilities[::2][::-1]
    return np.where(np.isnan(log_joint), -np.inf, log_joint)


def _in_two_steps(
    tables: Tables, impossible: _checks.Impossible, workers: int, progress: bool, is_alone: bool
) -> Filtered:
    """Filter sequences in which each row comes twice: what is known before it is observed, and after."""
    n_rows, n_states = tables.log_likelihoods.shape
    rows = np.zeros((2 * n_rows, n_states))
    rows[1::2] = tables.log_likelihoods
    staying = log_of(np.eye(n_states))
    which = np.full(2 * n_rows, len(tables.log_transition))
    which[1::2] = which_leads_on(tables)
    log_initial = tables.log_initial
    try:
        return forward_filter(
            log_initial[0] if len(log_initial) == 1 else log_initial,
            np.concatenate([tables.log_transition, staying[np.newaxis]]),
            rows,
            lengths=2 * np.diff(tables.starts),
            transition_index=which,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )
    except _checks.ImpossibleEvidenceError as error:
        _checks.refuse_half_a_step(error, is_alone)


def which_leads_on(tables: Tables) -> IntArray:
    """Which of the matrices leads on from each row; any number where none does."""
    n_rows, n_matrices, index = len(tables.log_likelihoods), len(tables.log_transition), tables.transition_index
    if len(index) == 0:
        index = np.zeros(n_rows, dtype=np.int64) if n_matrices == 1 else np.arange(n_rows)[:n_matrices]
    which: IntArray = np.zeros(n_rows, dtype=np.int64)
    which[: len(index)] = index
    is_known = (which >= 0) & (which < n_matrices)
    return np.where(is_known, which, 0)


def _backwards(tables: Tables) -> Tables:
    """The same sequences from their ends, as a chain that moves backwards and may begin anywhere."""
    which = which_leads_on(tables)
    return Tables(
        np.zeros((1, tables.log_likelihoods.shape[1])),
        np.swapaxes(tables.log_transition, 1, 2),
        np.roll(which[::-1], -1),
        tables.log_likelihoods[::-1],
        tables.starts[-1] - tables.starts[::-1],
    )
