"""The tables of the functional core: logs of potentials, lengths, masks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, TransitionLike, frozen
from hmmfilter._checks.ages import ages_in, moderate_logs, no_sojourns, starts_of_sojourns
from hmmfilter._checks.arrays import (
    DOUBLE,
    are_none,
    float_array,
    has_masked_entries,
    rectangular,
    refuse_first,
    require_shape,
    whole_numbers,
)
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.numbers import no_sparse_logs
from hmmfilter._checks.settings import steps_ahead
from hmmfilter._kernels.limits import FEW_STATES
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.tables import Tables
from hmmfilter._tiers import kernels
from hmmfilter._ways import dense_logs

LARGEST_LOG = 1e22  # of a finite log-potential: 1e9 of them can be added without a rounding, see `_kernels`
MOST_PAIRS = 2**22  # of states, 32 MB of logs, up to which matrices are made of a network where there is no way round
MOST_SINGLE_STEPS = 10_000  # of a prediction; each is off by some 1e-16 of a number
NO_INDEX: IntArray = frozen(np.empty(0, dtype=np.int64))


def log_potentials(
    name: str,
    value: npt.ArrayLike,
    shape: tuple[int | str, ...],
    used: BoolArray | None = None,
    n_before: int = 0,
) -> FloatArray:
    """Let logs of non-negative numbers in: finite, or −inf for a zero; where not used, anything.

    They may be a part of an array, with so many entries before it.
    """
    array = float_array(name, value)
    require_shape(name, array, shape)
    bad = ~(np.abs(array) <= LARGEST_LOG) & (array != -np.inf)
    if used is not None:
        bad &= used[:, None, None]
    refuse_first(name, bad & ~np.isfinite(array), "-inf or finite", array, n_before)
    way_on = "an observation that is so far from each state is better given as a missing one"
    refuse_first(name, bad, f"at most {LARGEST_LOG:g} in magnitude, or -inf ({way_on})", array, n_before)
    return array


def starts(lengths: npt.ArrayLike | None, n_rows: int) -> IntArray:
    """Let the lengths of sequences in; the answer is where each begins, and the end. Without them, there is one.

    A sequence may have no steps, and so may all of them.
    """
    if lengths is None:
        return starts_of_one(n_rows)
    steps = whole_numbers("lengths", lengths)
    if len(steps) == 0:
        raise ValueError("lengths must have an entry for each sequence, got none")
    for n in np.flatnonzero(steps < 0)[:1]:
        raise EntryError(f"lengths[{n}] must be at least 0, got {steps[n]}", (int(n),))
    if steps.max(initial=0) > n_rows or steps.sum() != n_rows:  # no sum of smaller ones overflows
        raise ValueError(f"lengths must sum to the {n_rows} rows of all sequences, got {sum(steps.tolist())}")
    first_rows: IntArray = frozen(np.concatenate([[0], np.cumsum(steps)]))
    return first_rows


@lru_cache
def starts_of_one(n_rows: int) -> IntArray:
    """The same of a sequence alone; whoever asks about short ones does so often, and about the same number of rows."""
    first_rows: IntArray = frozen(np.array([0, n_rows]))
    return first_rows


def chain(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    log_likelihoods: npt.ArrayLike,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Tables:
    """Let the tables of the functional core in; a chain that is no matrix brings the ways that it goes by."""
    potentials = moves_in(log_transition)
    if isinstance(potentials, Ways):
        return _network_chain(log_initial, potentials, log_likelihoods, lengths, transition_index, allowed)
    initial = float_array("log_initial", log_initial)
    no_sparse_logs("log_transition", potentials)
    transition = float_array("log_transition", potentials)
    likelihoods = float_array("log_likelihoods", log_likelihoods)
    n_rows, n_states = likelihoods.shape[0] if likelihoods.ndim else 0, initial.shape[-1] if initial.ndim else 0
    first_rows = starts(lengths, n_rows)
    index, used = NO_INDEX, None
    needed_initial: tuple[int | str, ...] = (n_states,)
    needed_transition: tuple[int | str, ...] = (n_states, n_states)
    if lengths is not None and initial.ndim == 2:
        needed_initial = (len(first_rows) - 1, n_states)
    if transition_index is not None:
        if transition.ndim != 3:
            require_shape("log_transition", transition, ("M", n_states, n_states))
        used = _used_moves(first_rows, lengths)
        index = transition_index_of(transition_index, used, len(transition))
        needed_transition, used = (len(transition), n_states, n_states), None
    elif transition.ndim == 3:
        used = _used_moves(first_rows, lengths)
        needed_transition = (len(used), n_states, n_states)
    fits = (
        (initial.shape, transition.shape) == (needed_initial, needed_transition)
        and likelihoods.shape == (n_rows, n_states)
        and n_states > 0
        and (n_rows > 0 or lengths is not None)
    )
    initials, matrices = initial, transition
    if fits:
        initials, matrices = initial.reshape(-1, n_states), transition.reshape(-1, n_states, n_states)
    if not (fits and kernels.are_chain(initials, matrices, likelihoods, LARGEST_LOG)):
        log_potentials("log_initial", initial, (*needed_initial[:-1], "K"))
        any_number = ("M", n_states, n_states)
        log_potentials("log_transition", transition, needed_transition if index is NO_INDEX else any_number, used)
        log_potentials("log_likelihoods", likelihoods, ("T" if lengths is None else n_rows, n_states))
    if allowed is not None:
        likelihoods = only_allowed(likelihoods, allowed)
    if len(matrices) == 1:  # nothing to choose; entries that are not used, which may be anything, are not looked at
        index = NO_INDEX
    if len(matrices) == 0:  # of a single step, which leads nowhere
        matrices = frozen(np.zeros((1, n_states, n_states)))
    return Tables(initials, matrices, index, likelihoods, first_rows)


def ways_in(log_transition: Any) -> Ways | None:
    """The ways that a chain goes by, if it is a network; None of matrices."""
    return log_transition._ways() if hasattr(log_transition, "_ways") else None


def matrices_for(routine: str, log_transition: Any) -> Any:
    """A chain as matrices, for a routine that knows nothing else; a network of more pairs of states is refused."""
    ways = ways_in(log_transition)
    if ways is None:
        return log_transition
    n_states, n_matrices = n_states_of(ways), len(ways.onward.log_shares)
    if n_matrices * n_states**2 > MOST_PAIRS:
        got = f"{n_matrices} matrices" if n_matrices > 1 else "a matrix"
        raise ValueError(
            f"{routine} goes by matrices, which are made of such a chain up to {MOST_PAIRS} entries in all: got {got} "
            f"of {n_states} states; filtering, smoothing and viterbi go without any"
        )
    return _as_given(dense_logs(ways.onward))


def moves_in(log_transition: Any) -> Any:
    """The ways of a network; of few states without nodes between, matrices, as anything else that is given."""
    no_sojourns(log_transition)
    ways = ways_in(log_transition)
    if ways is None:
        return log_transition
    if ways.onward.n_between > 0 or len(ways.onward.into) - 1 > FEW_STATES:
        return ways
    return _as_given(dense_logs(ways.onward))


def _as_given(matrices: FloatArray) -> FloatArray:
    """Matrices as a caller gives them: one alone is (K, K)."""
    one: FloatArray = matrices[0]
    return one if len(matrices) == 1 else matrices


def n_states_of(ways: Ways) -> int:
    """K."""
    return len(ways.onward.into) - 1 - ways.onward.n_between


def moves_between(log_transition: Any, n_states: int) -> Any:
    """Let what leads from step to step in, of so many states: a matrix, or the ways of a network."""
    moves = moves_in(log_transition)
    if not isinstance(moves, Ways):
        return log_potentials("log_transition", moves, (n_states, n_states))
    if n_states_of(moves) != n_states:
        raise ValueError(f"log_transition must have {n_states} states, got {n_states_of(moves)}")
    return moves


def moves_of_one_step(log_transition: Any, n_states: int) -> Any:
    """The same of one step alone."""
    moves = moves_between(log_transition, n_states)
    if isinstance(moves, Ways) and len(moves.onward.log_shares) > 1:
        raise ValueError(f"log_transition must be of one step, got one of {len(moves.onward.log_shares)}")
    return moves


def _network_chain(
    log_initial: npt.ArrayLike,
    ways: Ways,
    log_likelihoods: npt.ArrayLike,
    lengths: npt.ArrayLike | None,
    transition_index: npt.ArrayLike | None,
    allowed: npt.ArrayLike | None,
) -> Tables:
    """`chain` where the chain is a network."""
    n_states, n_matrices = n_states_of(ways), len(ways.onward.log_shares)
    likelihoods = float_array("log_likelihoods", log_likelihoods)
    first_rows = starts(lengths, likelihoods.shape[0] if likelihoods.ndim else 0)
    n_rows, index = int(first_rows[-1]), NO_INDEX
    if likelihoods.shape != (n_rows, n_states) or not kernels.are_logs(likelihoods.reshape(-1), LARGEST_LOG):
        likelihoods = log_potentials("log_likelihoods", likelihoods, ("T" if lengths is None else n_rows, n_states))
    initial = float_array("log_initial", log_initial)
    many = (len(first_rows) - 1, n_states) if lengths is not None and initial.ndim == 2 else (n_states,)
    initial = log_potentials("log_initial", initial, many).reshape(-1, n_states)
    if transition_index is not None:
        index = transition_index_of(transition_index, _used_moves(first_rows, lengths), n_matrices)
    elif n_matrices > 1 or ways.onward.kinds.size > 0:
        n_needed = len(_used_moves(first_rows, lengths))
        if n_matrices not in (1, n_needed):
            rows = "T - 1" if lengths is None else "T; those of last steps unused"
            raise ValueError(f"log_transition must have {n_needed} steps that lead on ({rows}), got {n_matrices}")
    if n_matrices == 1:
        index = NO_INDEX
    if allowed is not None:
        likelihoods = only_allowed(likelihoods, allowed)
    return Tables(initial, ways, index, likelihoods, first_rows)


def any_chain(
    log_initial: npt.ArrayLike,
    log_transition: Any,
    log_likelihoods: npt.ArrayLike,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Tables:
    """`chain`, or one whose sojourns have durations."""
    ages = ages_in(log_transition)
    if ages is None:
        return chain(log_initial, log_transition, log_likelihoods, lengths, transition_index, allowed)
    if transition_index is not None:
        raise ValueError("transition_index must be None where sojourns have durations, got an index")
    likelihoods = float_array("log_likelihoods", log_likelihoods)
    first_rows = starts(lengths, likelihoods.shape[0] if likelihoods.ndim else 0)
    n_rows: int | str = "T" if lengths is None else int(first_rows[-1])
    likelihoods = log_potentials("log_likelihoods", likelihoods, (n_rows, log_transition.n_states))
    initial = float_array("log_initial", log_initial)
    log_potentials("log_initial", initial, ("N", "K", "D")[3 - initial.ndim :] if 0 < initial.ndim < 4 else ("K",))
    moderate_logs("log_likelihoods", likelihoods)
    moderate_logs("log_initial", initial)
    initial = starts_of_sojourns(initial, ages, log_transition.n_ages, len(first_rows) - 1)
    if allowed is not None:
        likelihoods = only_allowed(likelihoods, allowed)
    return Tables(initial, ages, NO_INDEX, likelihoods, first_rows)


def _used_moves(starts: IntArray, lengths: npt.ArrayLike | None) -> BoolArray:
    """Of the moves from each row to the next, those within a sequence; there is none from the end of an only one."""
    used = np.ones(starts[-1], dtype=np.bool_)
    used[starts[1:][np.diff(starts) > 0] - 1] = False
    return used if lengths is not None else used[:-1]


def transition_index_of(value: npt.ArrayLike, used: BoolArray, n_matrices: int) -> IntArray:
    """Let the numbers of the matrices in that lead from each step to the next; what is not used may be anything."""
    index = whole_numbers("transition_index", value)
    if index.shape != used.shape:
        raise ValueError(f"transition_index must have shape {used.shape}, got {index.shape}")
    for t in np.flatnonzero(used & ((index < 0) | (index >= n_matrices)))[:1]:
        raise EntryError(f"transition_index[{t}] must be from 0 to {n_matrices - 1}, got {index[t]}", (int(t),))
    return index


def chain_parameters(log_initial: npt.ArrayLike, log_transition: TransitionLike) -> tuple[FloatArray, Any]:
    """Let the tables of a chain in that has no observations as yet; copied, since a stream outlives the call."""
    initial = log_potentials("log_initial", log_initial, ("K",))
    moves = moves_between(log_transition, len(initial))
    return frozen(initial.copy()), moves if isinstance(moves, Ways) else frozen(moves.copy())


def log_row(name: str, value: npt.ArrayLike, n_states: int, are_logs: Callable[..., bool]) -> FloatArray:
    """Let the log-likelihoods of one step in, (K,), as they are if a kernel takes them so, which it will not write to.

    A stream has the kernel `are_logs` at hand: to import it here would take longer than all else.
    """
    if (
        type(value) is np.ndarray
        and value.dtype is DOUBLE
        and value.shape == (n_states,)
        and value.flags.carray
        and are_logs(value, LARGEST_LOG)
    ):
        row: FloatArray = value
    else:
        row = log_potentials(name, value, (n_states,)).copy()
    return row


def only_allowed(log_likelihoods: FloatArray, allowed: npt.ArrayLike) -> FloatArray:
    """Let a mask in that says which states are possible at each step; all others become so."""
    masked: FloatArray = frozen(np.where(mask_of("allowed", allowed, log_likelihoods.shape), log_likelihoods, -np.inf))
    return masked


def joined_masks(allowed: Any, lengths: list[int], n_states: int, keys: Sequence[Hashable] | None = None) -> Any:
    """Join masks, where they are a list of one for each sequence, or with keys a dict; the rest is `only_allowed`'s."""
    if keys is not None and allowed is not None:
        if not isinstance(allowed, Mapping) or set(allowed) != set(keys):
            got = f"the keys {shown(list(allowed))}" if isinstance(allowed, Mapping) else type(allowed).__name__
            raise ValueError(f"allowed must be a dict of masks, with the keys {shown(list(keys))}, got {got}")
        allowed = [allowed[key] for key in keys]
    if not isinstance(allowed, (list, tuple)):
        return allowed
    if len(allowed) != len(lengths):
        raise ValueError(f"allowed must be a mask for each of the {len(lengths)} sequences, got {len(allowed)}")
    names = range(len(lengths)) if keys is None else keys
    return np.concatenate(
        [
            mask_of(f"allowed[{shown(name)}]", mask, (length, n_states))
            if length > 0 or not are_none(mask)
            else np.empty((0, n_states), dtype=np.bool_)
            for name, mask, length in zip(names, allowed, lengths, strict=True)
        ]
    )


def mask_of(name: str, value: Any, shape: tuple[int, ...]) -> BoolArray:
    mask = rectangular(name, value)
    if mask.dtype != bool or has_masked_entries(value):
        got = f"dtype {mask.dtype}" if mask.ndim > 0 else shown(value)
        raise TypeError(f"{name} must hold True and False, unmasked, got {got}")
    if mask.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {mask.shape}")
    return mask


def countable_by_matrix(is_by_sequence: bool, is_by_step: bool) -> None:
    """Insist on matrices that several moves may share, of all sequences together."""
    if is_by_sequence:
        raise ValueError("per_matrix must come without per_sequence, got both")
    if is_by_step:
        raise ValueError(
            "per_matrix must come with transition_index, got a matrix for each step: pairwise_marginals has its moves"
        )


def moves_to_come(log_transition: Any) -> Any:
    """What leads to steps to come, which is nothing that is told for each step so far alone."""
    moves = moves_in(log_transition)
    if isinstance(moves, Ways) and len(moves.onward.log_shares) > 1:
        raise ValueError(
            f"transition must lead to the steps to come, got one of {len(moves.onward.log_shares)} steps: a stream of "
            "the model counts them, and has a forecast as far as they lead"
        )
    return moves


def prediction(
    log_probabilities: npt.ArrayLike, log_transition: TransitionLike, steps: int | None
) -> tuple[FloatArray, Any, int]:
    """Let a state, or a row of each, in, a transition, or that of each step, and a number of steps."""
    probabilities = float_array("log_probabilities", log_probabilities)
    is_table = probabilities.ndim == 2
    probabilities = log_potentials("log_probabilities", probabilities, ("R", "K") if is_table else ("K",))
    n_states, moves = probabilities.shape[-1], moves_in(log_transition)
    if isinstance(moves, Ways):
        return probabilities, moves_between(moves, n_states), _steps_of_network(moves, steps)
    transition = float_array("log_transition", moves)
    if transition.ndim != 3:
        transition = log_potentials("log_transition", transition, (n_states, n_states))
        return probabilities, transition, 1 if steps is None else steps_ahead("steps", steps)
    transition = log_potentials("log_transition", transition, ("S", n_states, n_states))
    return probabilities, transition, _as_many_steps(len(transition), steps)


def _as_many_steps(n_steps: int, steps: int | None) -> int:
    """Insist on as many steps as there are matrices, one for each."""
    if steps is not None and steps_ahead("steps", steps) != n_steps:
        raise ValueError(f"steps must be {n_steps}, as many as log_transition is for, got {shown(steps)}")
    return n_steps


def _steps_of_network(ways: Ways, steps: int | None) -> int:
    """Let a number of steps in that a network goes."""
    if len(ways.onward.log_shares) > 1:
        return _as_many_steps(len(ways.onward.log_shares), steps)
    return steps_one_by_one(1 if steps is None else steps_ahead("steps", steps), n_states_of(ways))


def steps_one_by_one(n_steps: int, n_states: int) -> int:
    """Insist on no more steps than can be taken one by one, where states are many and no powers are taken."""
    if n_steps > MOST_SINGLE_STEPS and n_states > FEW_STATES:
        raise ValueError(
            f"steps must be at most {MOST_SINGLE_STEPS} where the chain is no matrix, and its states are more than "
            f"{FEW_STATES}, since they are taken one by one, got {n_steps}: its method stationary says where it settles"
        )
    return n_steps
