"""Filtering: what is known of the state at each step from the observations up to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter.results import Filtered


def forward_filter(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    impossible: _checks.Impossible = "raise",
) -> Filtered:
    """Compute the distribution of the state at each step, given the observations up to that step.

    The forward recursion in log space, normalised at every step,

        log α_t(j) = log p(v_t | h_t = j) + log Σ_i exp( log α_{t−1}(i) + log p(h_t = j | h_{t−1} = i) ).

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k), natural logs; −inf for an impossible state.
    log_transition : array_like, (K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs.
    log_likelihoods : array_like, (T, K)
        log p(v_t | h_t = k), natural logs; a row of zeros for a missing observation.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf, an increment
        of −inf at the first impossible step, and NaN in all increments after it and all rows from it on.

    Returns
    -------
    Filtered
        ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_increments`` (T,), ``log_likelihood``.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path has a probability above zero, unless ``impossible="mark"``.
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
    from hmmfilter import _kernels

    _checks.impossible_policy(impossible)
    log_initial, log_transition, log_likelihoods = _checks.chain(log_initial, log_transition, log_likelihoods)
    n_steps, n_states = log_likelihoods.shape
    coded_probabilities = np.empty((n_steps, n_states))
    coded_increments = np.empty(n_steps)
    n_possible, total = _kernels.run_forward(
        log_initial,
        log_transition,
        log_likelihoods,
        _kernels.lanes_for(n_states),
        np.empty((1, 3, n_states)),
        coded_probabilities,
        coded_increments,
    )
    if n_possible < n_steps:
        if impossible == "raise":
            raise _checks.ImpossibleEvidenceError(n_possible)
        coded_probabilities[n_possible:] = np.nan
        coded_increments[n_possible + 1 :] = np.nan
    return Filtered(
        _coded_probabilities=coded_probabilities, _coded_increments=coded_increments, log_likelihood=float(total)
    )


def log_likelihood(log_initial: npt.ArrayLike, log_transition: npt.ArrayLike, log_likelihoods: npt.ArrayLike) -> float:
    """Compute the log-probability of all observations, summed over all paths through the states.

    Runs as `forward_filter` does, but keeps no table.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k), natural logs; −inf for an impossible state.
    log_transition : array_like, (K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs.
    log_likelihoods : array_like, (T, K)
        log p(v_t | h_t = k), natural logs; a row of zeros for a missing observation.

    Returns
    -------
    float
        log p(v_1:T), natural log; −inf where the evidence is impossible.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, and anything but real numbers.

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
    from hmmfilter import _kernels

    log_initial, log_transition, log_likelihoods = _checks.chain(log_initial, log_transition, log_likelihoods)
    n_states, n_rows = len(log_initial), _kernels.block_rows(len(log_initial))
    _, total = _kernels.run_forward(
        log_initial,
        log_transition,
        log_likelihoods,
        _kernels.lanes_for(n_states),
        np.empty((1, 3, n_states)),
        np.empty((n_rows, n_states)),
        np.empty(n_rows),
    )
    return float(total)
