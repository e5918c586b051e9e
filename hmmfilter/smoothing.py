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
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> Smoothed:
    """Compute the distribution of the state at each step, given all observations.

    Filters forwards, then runs the same recursion backwards over the evidence that comes later and joins the two,

        log γ_t(i) = log α_t(i) + log β_t(i) − log p(v_1:T).

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial : array_like, (K,) or (N, K)
        log p(h_1 = k), natural logs; −inf for an impossible state. With `lengths`, perhaps one row a sequence.
    log_transition : array_like, (K, K) or (T − 1, K, K) or (M, K, K)
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
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf and NaN in
        every row.
    workers : int
        How many threads share the sequences; −1 for one on each core. It changes no bit.
    progress : bool
        Whether to show a bar, if tqdm is installed.

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
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    tables = _checks.chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    coded_probabilities = np.empty(tables.log_likelihoods.shape)
    n_possible, totals = _drivers.fill_smoothed(tables, coded_probabilities, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return Smoothed(
        _coded_probabilities=coded_probabilities,
        log_likelihood=totals if lengths is not None else float(totals[0]),
        _starts=tables.starts if lengths is not None else None,
    )
