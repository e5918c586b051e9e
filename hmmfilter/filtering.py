"""Filtering: what is known of the state at each step, and at steps to come, from the observations up to it."""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, _predictions
from hmmfilter._arrays import FloatArray, TransitionLike
from hmmfilter._docstrings import as_in
from hmmfilter.results import Filtered


def forward_filter(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.ImpossibleOrRestart = "raise",
    workers: int = 1,
    progress: bool = False,
    out: FloatArray | None = None,
    out_logs: bool = False,
    out_increments: FloatArray | None = None,
    states: npt.ArrayLike | None = None,
) -> Filtered:
    """Compute the distribution of the state at each step, given the observations up to that step.

    The forward recursion in log space, normalised at every step,

        log α_t(j) = log p(v_t | h_t = j) + log Σ_i exp( log α_{t−1}(i) + log p(h_t = j | h_{t−1} = i) ).

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial : array_like, (K,) or (N, K)
        log p(h_1 = k), natural logs; −inf for an impossible state. With `lengths`, perhaps one row a sequence.
    log_transition : array_like, (K, K) or (T − 1, K, K) or (M, K, K), or one of `hmmfilter.transitions`
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs, or at [t, i, j] where it changes from step to step; with
        `lengths`, (T, K, K), the matrices of last steps unused. With `transition_index`, M matrices to choose from.
    log_likelihoods : array_like, (T, K)
        log p(v_t | h_t = k), natural logs; a row of zeros for a missing observation.
    lengths : array_like of int, (N,), optional
        The lengths of N sequences whose rows stand one after the other; without it, there is one.
    transition_index : array_like of int, (T − 1,), optional
        Which of M matrices leads from step t to t + 1; with `lengths`, (T,), those of last steps unused.
    allowed : array_like of bool, (T, K), optional
        Which states are possible at each step; a single True makes a state known.
    impossible : {"raise", "mark", "restart"}
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf, an increment
        of −inf at the first impossible step, and NaN in all increments after it and all rows from it on; or start
        afresh from `log_initial` where no path leads on, and say where. The log-likelihood is then that of all pieces.
    workers : int
        How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
    progress : bool
        Whether to show a bar, if tqdm is installed.
    out : ndarray, (T, K), of float64, optional
        An array, memory-mapped or not, in which the probabilities are kept, for tables longer than memory; none of its
        bytes may be another argument's. Of all that has a row a step, the result then has nothing else.
    out_logs : bool
        Whether `out` is to hold the log-probabilities instead; the result then has the probabilities, too.
    out_increments : ndarray, (T,), of float64, optional
        With `out`, an array in which the log-increments are kept.
    states : array_like of int, (S,), optional
        The numbers of the states that are asked for, in any order: tables then have S columns, with the bits that they
        have among all.

    Returns
    -------
    Filtered
        ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_increments`` (T,), ``log_likelihood``.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path has a probability above zero, unless ``impossible="mark"``; and where it cannot start afresh.
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, and anything but real numbers.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (20).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> filtered = hf.forward_filter(log_initial, log_transition, log_likelihoods)
    >>> filtered
    Filtered: 3 steps, 2 states, log-likelihood -2.1166; probabilities
      step       0       1
         0  0.8182  0.1818
         1  0.8834  0.1166
         2  0.1907  0.8093
    >>> filtered.log_increments.round(4)
    array([-0.5978, -0.4477, -1.071 ])
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible, may_restart=True)
    n_workers = _checks.workers(workers)
    given = log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
    tables = _checks.any_chain(*given)
    chosen, shape = _checks.kept_states(states, tables.log_likelihoods.shape)
    rows, increments, hold = _checks.destinations(out, out_increments, out_logs, shape, given)
    if rows is None:
        rows, increments = np.empty(shape), np.empty(shape[:1])
    pieces = _drivers.Pieces(tables, tables.starts)
    if impossible == "restart":
        _checks.restartable(tables.log_transition)
        pieces, stuck = _drivers.restarted(tables, n_workers)
        _checks.possible_beginning(stuck, lengths)
    n_possible, totals = _drivers.fill_filtered(pieces.tables, rows, increments, hold, n_workers, progress, chosen)
    totals = pieces.of_sequences(totals)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return Filtered(
        _rows=rows,
        _rows_hold=hold,
        _increments=increments,
        states=chosen,
        log_likelihood=totals if lengths is not None else float(totals[0]),
        _starts=tables.starts if lengths is not None else None,
        _labels=_checks.labels_of(log_likelihoods),
        restarts=pieces.restarts(lengths is None),
    )


@overload
def log_likelihood(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.ImpossibleOrRestart = "mark",
    workers: int = 1,
    progress: bool = False,
) -> float: ...
@overload
def log_likelihood(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.ImpossibleOrRestart = "mark",
    workers: int = 1,
    progress: bool = False,
) -> FloatArray: ...
@as_in(forward_filter)
def log_likelihood(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.ImpossibleOrRestart = "mark",
    workers: int = 1,
    progress: bool = False,
) -> float | FloatArray:
    """Compute the log-probability of all observations, summed over all paths through the states.

    Runs as `forward_filter` does, but keeps no table.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"mark", "raise", "restart"}
        What to do where the evidence has probability zero: return −inf, or as in `forward_filter`.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    float or ndarray, (N,)
        log p(v_1:T), natural log; −inf where the evidence is impossible. With `lengths`, one for each sequence.

    Raises
    ------
    ImpossibleEvidenceError
        Where it is asked for, and where no path can start afresh.
    ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (21).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> round(hf.log_likelihood(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]), np.log([[0.9, 0.2]])), 4)
    -0.5978
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible, may_restart=True)
    n_workers = _checks.workers(workers)
    tables = _checks.any_chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    pieces = _drivers.Pieces(tables, tables.starts)
    if impossible == "restart":
        _checks.restartable(tables.log_transition)
        pieces, stuck = _drivers.restarted(tables, n_workers)
        _checks.possible_beginning(stuck, lengths)
    n_possible, totals = _drivers.fill_filtered(pieces.tables, None, None, "coded", n_workers, progress)
    totals = pieces.of_sequences(totals)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return totals if lengths is not None else float(totals[0])


@as_in(forward_filter)
def predict(log_probabilities: npt.ArrayLike, log_transition: TransitionLike, steps: int | None = None) -> FloatArray:
    """Compute the distribution of the state some steps on, with no observation in between.

    The prediction, once for each step,

        log p(h_{t+1} = j | v_1:t) = log Σ_i exp( log p(h_t = i | v_1:t) + log p(h_{t+1} = j | h_t = i) ).

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1, and
    nothing is normalised.

    Parameters
    ----------
    log_probabilities : array_like, (K,) or (R, K)
        log p(h_t = k | v_1:t), natural logs, such as a row of `Filtered.log_probabilities`, or all of them; −inf for an
        impossible state.
    log_transition : array_like, (K, K) or (S, K, K), or one of `hmmfilter.transitions`
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs; or that of each of S steps, in their order.
    steps : int, optional
        How many steps on, from 1 to 10**12; without it, 1, or S. Up to 256, each is one more multiplication by the
        transition; more are taken by its powers, with more digits, so that none is lost. Of one of
        `hmmfilter.transitions` with more than 8 states, all are taken one by one, at most 10,000.

    Returns
    -------
    ndarray, (K,) or (R, K)
        log p(h_{t+steps} = k | v_1:t), natural logs, however small; −inf where no path leads. Of several rows, that of
        each alone.

    Raises
    ------
    ValueError, TypeError
        As in `forward_filter`. Also for steps that are no integer from 1 to 10**12, and other than S.

    References
    ----------
    Zucchini, MacDonald, *Hidden Markov Models for Time Series* (2009), section 5.4.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> today = hf.forward_filter(np.log([0.5, 0.5]), log_transition, np.log([[0.9, 0.2]])).log_probabilities[-1]
    >>> np.exp(today).round(4)
    array([0.8182, 0.1818])
    >>> np.exp(hf.predict(today, log_transition)).round(4)
    array([0.6273, 0.3727])
    >>> np.exp(hf.predict(today, log_transition, steps=30)).round(4)
    array([0.5, 0.5])
    >>> filtered = hf.forward_filter(np.log([0.5, 0.5]), log_transition, np.log([[0.9, 0.2], [0.1, 0.8]]))
    >>> np.exp(hf.predict(filtered.log_probabilities, [log_transition, log_transition[::-1]])).round(4)
    array([[0.4491, 0.5509],
           [0.5522, 0.4478]])
    """
    rows, matrices, n_steps = _checks.prediction(log_probabilities, log_transition, steps)
    return _predictions.rows_ahead(rows.reshape(-1, rows.shape[-1]), matrices, n_steps).reshape(rows.shape)
