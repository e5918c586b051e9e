"""Smoothing: what is known of the state at each step from all observations, earlier and later."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, TransitionLike
from hmmfilter._docstrings import as_in
from hmmfilter._ways import counted
from hmmfilter.filtering import forward_filter
from hmmfilter.results import ExpectedMoves, ExpectedSojourns, ExpectedTransitions, Gradient, Smoothed
from hmmfilter.results.posteriors import numbers_of


@as_in(forward_filter)
def smooth(
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
    states: npt.ArrayLike | None = None,
) -> Smoothed:
    """Compute the distribution of the state at each step, given all observations.

    Filters forwards, then runs the same recursion backwards over the evidence that comes later and joins the two,

        log γ_t(i) = log α_t(i) + log β_t(i) − log p(v_1:T).

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark", "restart"}
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf and NaN in
        every row, or start afresh as `forward_filter` does: each piece is then smoothed by itself.
    workers, progress
        As in `forward_filter`.
    out : ndarray, (T, K), of float64, optional
        An array, memory-mapped or not, in which the probabilities are kept, for tables longer than memory; none of its
        bytes may be another argument's. The result then has no others.
    out_logs
        As in `forward_filter`.
    states
        As in `forward_filter`. There is no table of all others on the way either: each piece of the rows is filtered
        twice, and memory is O(√T · K) beyond the tables.

    Returns
    -------
    Smoothed
        ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_likelihood``. The last row is that of
        `forward_filter`, to the bit.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

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

    _checks.impossible_policy(impossible, may_restart=True)
    n_workers = _checks.workers(workers)
    given = log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
    tables = _checks.any_chain(*given)
    chosen, shape = _checks.kept_states(states, tables.log_likelihoods.shape)
    rows, _, hold = _checks.destinations(out, None, out_logs, shape, given)
    rows = np.empty(shape) if rows is None else rows
    pieces = _drivers.Pieces(tables, tables.starts)
    if impossible == "restart":
        _checks.restartable(tables.log_transition)
        pieces, stuck = _drivers.restarted(tables, n_workers)
        _checks.possible_beginning(stuck, lengths)
    if chosen is None:
        n_possible, totals = _drivers.fill_smoothed(pieces.tables, rows, hold, n_workers, progress)
    else:
        n_possible, totals = _drivers.fill_smoothed_states(pieces.tables, chosen, rows, hold, n_workers, progress)
    totals = pieces.of_sequences(totals)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    return Smoothed(
        _rows=rows,
        _rows_hold=hold,
        states=chosen,
        log_likelihood=totals if lengths is not None else float(totals[0]),
        _starts=tables.starts if lengths is not None else None,
        _labels=_checks.labels_of(log_likelihoods),
        restarts=pieces.restarts(lengths is None),
    )


@as_in(forward_filter)
def expected_transitions(
    log_initial: npt.ArrayLike,
    log_transition: Any,
    log_likelihoods: npt.ArrayLike,
    *,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.Impossible = "raise",
    workers: int = 1,
    progress: bool = False,
    per_sequence: bool = False,
    per_matrix: bool = False,
) -> Any:
    """Compute how often each state followed each other one, on average over all paths, given all observations.

    The sum over all pairs of neighbouring steps of `pairwise_marginals`,

        Σ_t ξ_t(i, j) = Σ_t p(h_t = i, h_{t+1} = j | v_1:T),

    without a table of all steps: memory is O(√T · K) beyond the tables, and a few numbers for each sequence.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf and counts of NaN,
        those of all sequences together included.
    workers, progress
        As in `forward_filter`.
    per_sequence : bool
        Whether to count in each sequence alone.
    per_matrix : bool
        Whether to count the moves by each matrix alone, of those that `transition_index` chooses from.

    Returns
    -------
    ExpectedTransitions
        ``counts`` (K, K), or (N, K, K) for each sequence alone, or (M, K, K) for each matrix, expected numbers;
        ``log_likelihood``. Of a chain that lists its moves `ExpectedMoves`, whose counts have its own shape.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C, equations (37) and
    (39b). In little memory: Tarnas, Hughey, "Reduced space hidden Markov model training", Bioinformatics 14 (1998).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> hf.expected_transitions(log_initial, log_transition, log_likelihoods)
    ExpectedTransitions: 2 states, 2.0000 moves in all
      from    to 0    to 1
         0  0.9101  0.7510
         1  0.0797  0.2592
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    tables = _checks.any_chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    is_by_sequence = _checks.flag("per_sequence", per_sequence)
    is_by_matrix = _checks.flag("per_matrix", per_matrix)
    if hasattr(log_transition, "n_ages"):
        _checks.no_matrices(is_by_matrix)
        is_split = is_by_sequence and lengths is not None
        outcome, found = _drivers.count_sojourns(tables, is_split, n_workers, progress)
        if impossible == "raise":
            _checks.possible_evidence(outcome[0], tables.starts, lengths)
        found = found if log_transition.cut else found.whole()
        found = found if is_split else found.first()
        return ExpectedSojourns(
            ended=found.ended,
            going_on=found.going_on,
            begun=found.begun,
            moves=found.moves,
            log_likelihood=outcome[1] if lengths is not None else float(outcome[1][0]),
        )
    ways = _checks.ways_in(log_transition)
    if ways is not None:
        _checks.no_matrices_of_moves(is_by_matrix)
    if is_by_matrix:
        _checks.countable_by_matrix(is_by_sequence, np.ndim(log_transition) == 3 and transition_index is None)
    n_sums = len(tables.starts) - 1 if is_by_sequence else len(tables.log_transition) if is_by_matrix else 1
    sums = np.empty((n_sums, 2, *_drivers.shape_of_moves(tables)))
    wanted = _drivers.Pairs(sums=sums, is_by_sequence=is_by_sequence)
    n_possible, totals = _drivers.fill_pairs(tables, wanted, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    counts = sums.sum(axis=1)
    if ways is not None:
        by_moves = list(map(partial(counted, ways.onward), counts))
        is_split, total = is_by_sequence and lengths is not None, totals if lengths is not None else float(totals[0])
        return ExpectedMoves._of(by_moves, is_split, total, getattr(log_transition, "_shaped", None))
    return ExpectedTransitions(
        counts=counts if is_by_matrix or (is_by_sequence and lengths is not None) else counts[0],
        per_matrix=is_by_matrix,
        log_likelihood=totals if lengths is not None else float(totals[0]),
    )


@as_in(forward_filter)
def pairwise_marginals(
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
    """Compute the joint distribution of the states at each two neighbouring steps, given all observations.

        log ξ_t(i, j) = log p(h_t = i, h_{t+1} = j | v_1:T)

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return NaN.
    workers, progress
        As in `forward_filter`.

    Returns
    -------
    ndarray, (T − 1, K, K)
        log ξ_t(i, j) at [t, i, j], natural logs, however small. With `lengths`, (T, K, K): from the last step of a
        sequence no move leads on, and all its entries are −inf.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C, equation (37).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> np.exp(hf.pairwise_marginals(log_initial, log_transition, log_likelihoods)).round(4)
    array([[[0.7297, 0.1323],
            [0.0695, 0.0686]],
    <BLANKLINE>
           [[0.1805, 0.6187],
            [0.0102, 0.1906]]])
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    log_transition = _checks.matrices_for("pairwise_marginals", log_transition)
    tables = _checks.chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    n_rows, n_states = tables.log_likelihoods.shape
    pairs = np.empty((n_rows, n_states, n_states))
    n_possible, _ = _drivers.fill_pairs(tables, _drivers.Pairs(table=pairs), n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    _drivers.undo_code(pairs, "logs")
    return pairs if lengths is not None else pairs[:-1]


@as_in(forward_filter)
def log_likelihood_gradient(
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
    parameters_only: bool = False,
) -> Gradient:
    """Compute how the log-likelihood changes with each entry of its tables, all taken as free.

    The gradient of log p(v_1:T) is made of posteriors (Fisher's identity): with respect to log_initial it is γ_1, to
    log_transition Σ_t ξ_t, and to log_likelihoods γ_t. Multiply by the derivatives of those logs with respect to
    parameters of your own, and add up.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed
        As in `forward_filter`.
    impossible : {"raise", "mark"}
        What to do where the evidence has probability zero: raise, or return a log-likelihood of −inf and NaN where
        the sequence has a share, that is, at its rows and at what it shares with others.
    workers, progress
        As in `forward_filter`.
    parameters_only : bool
        Whether to leave the part of log_likelihoods out. What remains takes O(√T · K) memory beyond the tables, and K
        numbers for each sequence, unless the transition changes from step to step.

    Returns
    -------
    Gradient
        ``log_initial``, ``log_transition`` and ``log_likelihoods``, each of the shape of what was given: derivatives
        of the log-likelihood, added up over sequences and over all moves that share a matrix; ``log_likelihood``.

    Raises
    ------
    ImpossibleEvidenceError, ValueError, TypeError
        As in `forward_filter`.

    References
    ----------
    Cappé, Moulines, Rydén, *Inference in Hidden Markov Models* (2005), section 10.1.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial = np.log([0.5, 0.5])
    >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> log_likelihoods = np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])  # umbrella, umbrella, none
    >>> gradient = hf.log_likelihood_gradient(log_initial, log_transition, log_likelihoods)
    >>> gradient
    Gradient of the log-likelihood -2.1166: log_initial (2,), log_transition (2, 2), log_likelihoods (3, 2)
    >>> gradient.log_initial.round(4)
    array([0.8619, 0.1381])
    """
    from hmmfilter import _drivers

    _checks.impossible_policy(impossible)
    n_workers = _checks.workers(workers)
    log_transition = _checks.matrices_for("log_likelihood_gradient", log_transition)
    tables = _checks.chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    n_rows, n_states = tables.log_likelihoods.shape
    shape = np.shape(log_transition)
    is_changing = len(shape) == 3 and transition_index is None
    pairs = np.empty((n_rows, n_states, n_states)) if is_changing else None
    sums = np.empty((0 if is_changing else len(tables.log_transition), 2, n_states, n_states))
    rows = None if _checks.flag("parameters_only", parameters_only) else np.empty((n_rows, n_states))
    firsts = np.empty((len(tables.starts) - 1, n_states))
    wanted = _drivers.Pairs(table=pairs, rows=rows, firsts=firsts, sums=None if is_changing else sums)
    n_possible, totals = _drivers.fill_pairs(tables, wanted, n_workers, progress)
    if impossible == "raise":
        _checks.possible_evidence(n_possible, tables.starts, lengths)
    initial = numbers_of(firsts)
    if pairs is None:
        moves = sums.sum(axis=1)[: shape[0] if len(shape) == 3 else 1].reshape(shape)
    else:
        moves = numbers_of(pairs) if lengths is not None else numbers_of(pairs)[:-1]
    return Gradient(
        log_initial=initial if np.ndim(log_initial) == 2 else initial.T.copy().sum(axis=1),
        log_transition=moves,
        log_likelihoods=None if rows is None else numbers_of(rows),
        log_likelihood=totals if lengths is not None else float(totals[0]),
        _starts=tables.starts,
        _labels=_checks.labels_of(log_likelihoods),
    )
