"""Decoding: the most probable path through the states, the n most probable, and the best through each state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, TransitionLike
from hmmfilter._docstrings import as_in
from hmmfilter.filtering import forward_filter
from hmmfilter.results import Decoded, NBest, PosteriorDecoded


@as_in(forward_filter)
def viterbi(
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
) -> Decoded:
    """Find the path through the states that is most probable together with the observations.

    The forward recursion with max in place of log-sum-exp,

        log δ_t(j) = log p(v_t | h_t = j) + max_i( log δ_{t−1}(i) + log p(h_t = j | h_{t−1} = i) ),

    then the best path back. Where several come nearer to each other than rounding can tell, the choice is made with
    twice a double's digits: no other path is better by more than 1e-25 of the sums on the way. A tie is what these
    digits say it is: sums that are equal in exact arithmetic, but whose terms are more than 1e25 times as large as each
    other, may be rounded apart, and then either may win.

    Where a chain lists its moves, as `hmmfilter.transitions.Sparse` does, a step takes as long as there are moves, and
    the answer is that of the matrix; scores that would take more than 32 MB are computed twice, in room that grows with
    √T.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark", "restart"}
        What to do where the evidence has probability zero: raise, or return a path of −1 and a log_joint of −inf, or
        start afresh as `forward_filter` does: the path is then made of the best ones of the pieces.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    Decoded
        ``path`` (T,) of integers, ``log_joint``. Of equally probable paths, the one whose first state is the lowest,
        then the second, and so on.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

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
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible, may_restart=True)
    n_workers = _checks.workers(workers)
    tables = _checks.any_chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    n_rows, n_states = tables.log_likelihoods.shape
    path = np.empty(n_rows, dtype=np.int64)
    pieces = _drivers.Pieces(tables, tables.starts)
    if impossible == "restart":
        _checks.restartable(tables.log_transition)
        pieces, stuck = _drivers.restarted(tables, n_workers)
        _checks.possible_beginning(stuck, lengths)
    lasted = _drivers.room_for_ages(tables)
    n_possible, log_joints = _drivers.fill_decoded(pieces.tables, path, n_workers, progress, lasted)
    log_joints = pieces.of_sequences(log_joints)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return Decoded(
        path=path,
        log_joint=log_joints if lengths is not None else float(log_joints[0]),
        ages=lasted,
        n_states=n_states,
        _starts=tables.starts if lengths is not None else None,
        _labels=_checks.labels_of(log_likelihoods),
        restarts=pieces.restarts(lengths is None),
    )


@as_in(forward_filter)
def viterbi_n_best(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    n: int,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> NBest:
    """Find the n paths through the states that are most probable together with the observations, the best first.

    Backwards in time, each state keeps the n best ways on from it, merged from the sorted lists of all states that may
    come next,

        log ρ_t^r(i) = r-th largest, over all j and s, of log p(h_{t+1} = j | h_t = i) + log p(v_{t+1} | h_{t+1} = j)
                       + log ρ_{t+1}^s(j),

    then the paths are read forwards. Scores have twice a double's digits: no path that was left out, or that comes
    later, is better by more than 1e-25 of the sums on the way; ties are what `viterbi` says. It takes O(n K² T) time
    and, beside the paths, O(n K √T) room.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods
        As in `forward_filter`.
    n : int
        How many paths, at least 1.
    lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return no path.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    NBest
        ``paths`` (n, T) of integers, all different, and ``log_joints`` (n,); fewer where fewer paths are possible. Of
        equally probable paths, the one whose first state is the lowest comes first, then the second, and so on, so that
        the first is that of `viterbi`. With `lengths`, ``log_joints`` (N, n), and −1 and −inf where a sequence has
        fewer.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`. Also for an n that is no integer from 1 up, and for a chain that is no matrix, and whose
        matrices would have more than 2²² entries.

    References
    ----------
    Seshadri, Sundberg, "List Viterbi decoding algorithms with applications", IEEE Transactions on Communications 42
    (1994), section II: the parallel algorithm, here from the end to the beginning.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> hf.viterbi_n_best(log_initial, log_transition, log_likelihoods, 3)
    NBest: 3 paths, 3 steps, 2 states
      path  log-joint  step 0  1  2
         0    -2.6877       0  0  1
         1    -3.9198       0  0  0
         2    -4.1917       0  1  1
    """
    from hmmfilter import _drivers

    n_paths = _checks.step_count("n", n)
    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    log_transition = _checks.matrices_for("viterbi_n_best", log_transition)
    tables = _checks.chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    n_paths = _drivers.at_most_all(n_paths, int(np.diff(tables.starts).max(initial=0)), tables.log_likelihoods.shape[1])
    _checks.fits_memory("n", n_paths, len(tables.log_likelihoods))
    paths, log_joints, n_possible = _drivers.fill_n_best(tables, n_paths, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    n_states = tables.log_likelihoods.shape[1]
    result = NBest(
        paths=paths,
        log_joints=log_joints,
        n_states=n_states,
        _starts=tables.starts,
        _labels=_checks.labels_of(log_likelihoods),
    )
    return result if lengths is not None else result[0]


@as_in(forward_filter)
def max_marginals(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> FloatArray:
    """Compute how probable the best path is that leads through each state at each step.

    The recursions of the forward filter and of the smoother with max in place of log-sum-exp, joined,

        max over all paths with h_t = k of log p(path, v_1:T) = log δ_t(k) + log ρ_t(k),
        log δ_t(j) = log p(v_t | h_t = j) + max_i( log δ_{t−1}(i) + log p(h_t = j | h_{t−1} = i) ),
        log ρ_t(i) = max_j( log p(h_{t+1} = j | h_t = i) + log p(v_{t+1} | h_{t+1} = j) + log ρ_{t+1}(j) ),

    with twice a double's digits, rounded once. How far an entry lies below the largest of its row is what it costs, in
    nats, to be in that state at that step.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return NaN in every row.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    ndarray, (T, K)
        Natural logs; −inf where no path leads. They are not normalised: the largest entry of every row is the log-joint
        of `viterbi`.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`. Also for a chain that is no matrix, and whose matrices would have more than 2²² entries.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equation (33), run
    from both ends; Wainwright, Jordan, *Graphical Models, Exponential Families, and Variational Inference* (2008),
    section 2.5.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> hf.max_marginals(log_initial, log_transition, log_likelihoods).round(4)
    array([[-2.6877, -4.8485],
           [-2.6877, -4.1917],
           [-3.9198, -2.6877]])
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    log_transition = _checks.matrices_for("max_marginals", log_transition)
    tables = _checks.chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    log_joints = np.empty(tables.log_likelihoods.shape)
    n_possible = _drivers.fill_max_marginals(tables, log_joints, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return log_joints


@as_in(forward_filter)
def posterior_decode(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
) -> PosteriorDecoded:
    """Find the most probable state at each step, given all observations.

    Of all paths, this one has the most states right on average,

        path_t = arg max_k γ_t(k),    expected_correct = Σ_t max_k γ_t(k).

    `viterbi` asks something else: which path is the most probable as a whole. There every step is a possible one from
    the step before. Here each step is chosen alone, and the path may be a forbidden one: a state may follow another
    from which no transition leads there.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return a path of −1 and NaN.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    PosteriorDecoded
        ``path`` (T,) of integers, the lowest of equally probable states; ``expected_correct``, a number of steps.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equation (29).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> decoded = hf.posterior_decode(log_initial, log_transition, log_likelihoods)
    >>> decoded.path, round(decoded.expected_correct, 4)
    (array([0, 0, 1]), 2.4704)
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    tables = _checks.any_chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    n_rows, n_states = tables.log_likelihoods.shape
    path, n_correct = np.empty(n_rows, dtype=np.int64), np.empty(len(tables.starts) - 1)
    n_possible, _ = _drivers.fill_best_states(tables, path, n_correct, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return PosteriorDecoded(
        path=path,
        expected_correct=n_correct if lengths is not None else float(n_correct[0]),
        n_states=n_states,
        _starts=tables.starts if lengths is not None else None,
        _labels=_checks.labels_of(log_likelihoods),
    )
