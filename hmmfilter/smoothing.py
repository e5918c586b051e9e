"""Smoothing: what is known of the state at each step from all observations, earlier and later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter.results import Smoothed


def smooth(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    impossible: _checks.Impossible = "raise",
) -> Smoothed:
    """Compute the distribution of the state at each step, given all observations.

    Filters forwards, then runs the same recursion backwards over the evidence that comes later and joins the two,

        log γ_t(i) = log α_t(i) + log β_t(i) − log p(v_1:T).

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
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf and NaN in
        every row.

    Returns
    -------
    Smoothed
        ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_likelihood``. The last row is that of
        `forward_filter`, to the bit.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path has a probability above zero, unless ``impossible="mark"``.
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, and anything but real numbers.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equation (27).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> hf.smooth(log_initial, log_transition, log_likelihoods)
    Smoothed: 3 steps, 2 states, log-likelihood -2.1166; probabilities
      step       0       1
         0  0.8619  0.1381
         1  0.7992  0.2008
         2  0.1907  0.8093
    """
    from hmmfilter import _kernels

    _checks.impossible_policy(impossible)
    log_initial, log_transition, log_likelihoods = _checks.chain(log_initial, log_transition, log_likelihoods)
    n_steps, n_states = log_likelihoods.shape
    n_rows = _kernels.block_rows(n_states)
    lanes = _kernels.lanes_for(n_states)
    coded_probabilities = np.empty((n_steps, n_states))
    checkpoints = np.empty((-(-n_steps // n_rows), 3, n_states))
    n_possible, total = _kernels.run_forward(
        log_initial, log_transition, log_likelihoods, lanes, checkpoints, coded_probabilities, np.empty(n_rows)
    )
    if n_possible == n_steps:
        _kernels.run_backward(log_transition, log_likelihoods, lanes, checkpoints, coded_probabilities)
    elif impossible == "raise":
        raise _checks.ImpossibleEvidenceError(n_possible)
    else:
        coded_probabilities.fill(np.nan)
    return Smoothed(_coded_probabilities=coded_probabilities, log_likelihood=float(total))
