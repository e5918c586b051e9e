"""Decoding: the single most probable path through the states."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter.results import Decoded


def viterbi(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    *,
    impossible: _checks.Impossible = "raise",
) -> Decoded:
    """Find the path through the states that is most probable together with the observations.

    The forward recursion with max in place of log-sum-exp,

        log δ_t(j) = log p(v_t | h_t = j) + max_i( log δ_{t−1}(i) + log p(h_t = j | h_{t−1} = i) ),

    then the best path back. Where several come nearer to each other than rounding can tell, the choice is made with
    twice a double's digits: no other path is better by more than 1e-25 of the log-joint.

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
        What to do where the evidence has probability zero: raise, or return a path of −1 and a log_joint of −inf.

    Returns
    -------
    Decoded
        ``path`` (T,) of integers, ``log_joint``. Of equally probable paths, the one whose first state is the lowest,
        then the second, and so on.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path has a probability above zero, unless ``impossible="mark"``.
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, and anything but real numbers.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equation (33).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> hf.viterbi(log_initial, log_transition, log_likelihoods)
    Decoded: 3 steps, 2 states, log-joint -2.6877
      step  state
         0      0
         1      0
         2      1
    """
    from hmmfilter import _kernels

    _checks.impossible_policy(impossible)
    log_initial, log_transition, log_likelihoods = _checks.chain(log_initial, log_transition, log_likelihoods)
    n_steps, n_states = log_likelihoods.shape
    path = np.full(n_steps, -1, dtype=np.int64)
    n_possible, log_joint = _kernels.run_viterbi(
        log_initial, log_transition, log_likelihoods, np.empty((n_steps, n_states)), path
    )
    if n_possible < n_steps and impossible == "raise":
        raise _checks.ImpossibleEvidenceError(n_possible)
    return Decoded(path=path, log_joint=float(log_joint), n_states=n_states)
