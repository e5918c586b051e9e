"""Every check of what comes in, the words of every refusal, and the one gate through which arrays enter.

A gate returns C-ordered float64 that nobody can write to: one layout to compile for, and the caller's arrays are safe.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import operator
import os
from collections.abc import Callable, Iterator, Sequence, Set
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray, Held, IntArray, frozen

if TYPE_CHECKING:
    from hmmfilter._kernels import Tables

Impossible = Literal["raise", "mark"]
Kept = TypeVar("Kept")

SUM_TOLERANCE = 1e-8  # how far from 1 a row of probabilities may sum
LARGEST_LOG = 1e290  # of a finite log-potential: 1e18 of them can be added without overflow
MOST_WORDS = 8  # that a message lists
DOUBLE = np.dtype(np.float64)
NO_INDEX: IntArray = frozen(np.empty(0, dtype=np.int64))
SYMMETRY_TOLERANCE = 1e-8  # of a covariance, relative to the two standard deviations


class ImpossibleEvidenceError(ValueError):
    """The evidence has probability zero: no path through the states can have produced it.

    Parameters
    ----------
    step : int
        The first impossible step within its sequence, from 0.
    sequence : int, optional
        The number of the sequence, from 0; None where there is only one.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> never = float("-inf")
    >>> try:
    ...     hf.forward_filter([0.0], [[0.0]], [[0.0], [never]])
    ... except hf.ImpossibleEvidenceError as error:
    ...     print(error.step, error)
    1 the evidence is impossible from step 1 on: no path through the states has a probability above zero there
    """

    def __init__(self, step: int, sequence: int | None = None) -> None:
        super().__init__(step, sequence)
        self.step = step
        self.sequence = sequence

    def __str__(self) -> str:
        where = f"step {self.step}" + ("" if self.sequence is None else f" of sequence {self.sequence}")
        return (
            f"the evidence is impossible from {where} on: no path through the states has a probability above zero there"
        )


class EntryError(ValueError):
    """An entry of an argument is not what it must be; `index` says which."""

    def __init__(self, message: str, index: tuple[int, ...]) -> None:
        super().__init__(message, index)
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])


def _has_masked_entries(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_has_masked_entries(part) for part in value if isinstance(part, (list, tuple, np.ma.MaskedArray)))
    return isinstance(value, np.ma.MaskedArray) and bool(np.ma.is_masked(value))


def _stacked_masks(value: Any) -> Any:
    """A masked array of what nested lists with masked parts hold."""
    if isinstance(value, (list, tuple)):
        return np.ma.stack([_stacked_masks(part) for part in value])
    return np.ma.asarray(value)


def float_array(name: str, value: npt.ArrayLike) -> FloatArray:
    """Let any array of real numbers in, as read-only C-ordered float64."""
    gated: FloatArray
    if type(value) is np.ndarray and value.dtype == np.float64 and value.flags.c_contiguous and value.flags.aligned:
        gated = frozen(value)
        return gated
    if _has_masked_entries(value):
        raise TypeError(f"{name} must have no masked entries, got some")
    array = _rectangular(name, value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    gated = frozen(np.require(array, np.float64, ["C", "ALIGNED"]))
    return gated


def _rectangular(name: str, value: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be rectangular, got rows of unequal length") from None


def _at(name: str, index: Sequence[int]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if len(index) else name


def _refuse_first(
    name: str, bad: npt.NDArray[np.bool_], requirement: str, array: FloatArray, n_before: int = 0
) -> None:
    """Raise for the first entry of `array`, or of a part with so many entries before it, at which `bad` is true."""
    if bad.any():
        index = tuple(map(int, np.argwhere(bad)[0]))
        got, index = float(array[index]), tuple(i + n_before * (axis == 0) for axis, i in enumerate(index))
        raise EntryError(f"{_at(name, index)} must be {requirement}, got {got!r}", index)


def _shape(name: str, array: npt.NDArray[Any], required: tuple[int | str, ...]) -> None:
    """Raise unless the shape is the required one, where a letter stands for any length from 1."""
    fits = len(required) == array.ndim and all(
        length > 0 if isinstance(need, str) else length == need
        for need, length in zip(required, array.shape, strict=True)
    )
    if not fits:
        comma = "," if len(required) == 1 else ""
        words = f"({', '.join(map(str, required))}{comma})"
        empty = " with no length of 0" if 0 in array.shape else ""
        raise ValueError(f"{name} must have shape {words}{empty}, got {array.shape}")


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
    _shape(name, array, shape)
    bad = ~(np.abs(array) <= LARGEST_LOG) & (array != -np.inf)
    if used is not None:
        bad &= used[:, None, None]
    _refuse_first(name, bad, f"-inf or finite (at most {LARGEST_LOG:g} in magnitude)", array, n_before)
    return array


def _whole_numbers(name: str, value: npt.ArrayLike) -> IntArray:
    """Let a vector of integers in, as read-only int64."""
    if _has_masked_entries(value):
        raise TypeError(f"{name} must have no masked entries, got some")
    array = _rectangular(name, value)
    if array.dtype.kind not in "iu" and array.size > 0:
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} must be a vector, got shape {array.shape}")
    gated: IntArray = frozen(np.require(array, np.int64, ["C", "ALIGNED"]))
    return gated


def starts(lengths: npt.ArrayLike | None, n_rows: int) -> IntArray:
    """Let the lengths of sequences in; the answer is where each begins, and the end. Without them, there is one."""
    if lengths is None:
        ends = np.array([0, n_rows])
    else:
        steps = _whole_numbers("lengths", lengths)
        for n in np.flatnonzero(steps < 1)[:1]:
            raise EntryError(f"lengths[{n}] must be at least 1, got {steps[n]}", (int(n),))
        if steps.max(initial=0) > n_rows or steps.sum() != n_rows:  # no sum of smaller ones overflows
            raise ValueError(f"lengths must sum to the {n_rows} rows of all sequences, got {sum(steps.tolist())}")
        ends = np.concatenate([[0], np.cumsum(steps)])
    first_rows: IntArray = frozen(ends)
    return first_rows


def chain(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    log_likelihoods: npt.ArrayLike,
    lengths: npt.ArrayLike | None = None,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Tables:
    """Let the tables of the functional core in."""
    from hmmfilter import _kernels

    initial = float_array("log_initial", log_initial)
    transition = float_array("log_transition", log_transition)
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
            _shape("log_transition", transition, ("M", n_states, n_states))
        used = _used_moves(first_rows, lengths)
        index = _transition_index(transition_index, used, len(transition))
        needed_transition, used = (len(transition), n_states, n_states), None
    elif transition.ndim == 3:
        used = _used_moves(first_rows, lengths)
        needed_transition = (len(used), n_states, n_states)
    if not (
        (initial.shape, transition.shape) == (needed_initial, needed_transition)
        and likelihoods.shape == (n_rows, n_states)
        and likelihoods.size > 0
        and _kernels.are_chain(initial.reshape(-1), transition.reshape(-1), likelihoods.reshape(-1), LARGEST_LOG)
    ):
        log_potentials("log_initial", initial, (*needed_initial[:-1], "K"))
        any_number = ("M", n_states, n_states)
        log_potentials("log_transition", transition, needed_transition if index is NO_INDEX else any_number, used)
        log_potentials("log_likelihoods", likelihoods, ("T", n_states))
    if allowed is not None:
        likelihoods = only_allowed(likelihoods, allowed)
    if len(transition) == 1:  # nothing to choose; entries that are not used, which may be anything, are not looked at
        index = NO_INDEX
    if len(transition) == 0:  # of a single step, which leads nowhere
        transition = float_array("log_transition", np.zeros((1, n_states, n_states)))
    return _kernels.Tables(
        initial.reshape(-1, n_states), transition.reshape(-1, n_states, n_states), index, likelihoods, first_rows
    )


def _used_moves(starts: IntArray, lengths: npt.ArrayLike | None) -> BoolArray:
    """Of the moves from each row to the next, those within a sequence; there is none from the end of an only one."""
    used = np.ones(starts[-1], dtype=np.bool_)
    used[starts[1:] - 1] = False
    return used if lengths is not None else used[:-1]


def _transition_index(value: npt.ArrayLike, used: BoolArray, n_matrices: int) -> IntArray:
    """Let the numbers of the matrices in that lead from each step to the next; what is not used may be anything."""
    index = _whole_numbers("transition_index", value)
    if index.shape != used.shape:
        raise ValueError(f"transition_index must have shape {used.shape}, got {index.shape}")
    for t in np.flatnonzero(used & ((index < 0) | (index >= n_matrices)))[:1]:
        raise EntryError(f"transition_index[{t}] must be from 0 to {n_matrices - 1}, got {index[t]}", (int(t),))
    return index


def possible_evidence(n_possible: IntArray, starts: IntArray, lengths: npt.ArrayLike | None) -> None:
    """Insist that all sequences are possible, each to its end."""
    if lengths is None:
        if n_possible[0] < starts[1]:
            raise ImpossibleEvidenceError(int(n_possible[0]))
        return
    for n in np.flatnonzero(n_possible < starts[1:] - starts[:-1])[:1]:
        raise ImpossibleEvidenceError(int(n_possible[n]), int(n))


def chain_parameters(log_initial: npt.ArrayLike, log_transition: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Let the tables of a chain in that has no observations as yet; copied, since a stream outlives the call."""
    initial = log_potentials("log_initial", log_initial, ("K",))
    transition = log_potentials("log_transition", log_transition, (len(initial), len(initial)))
    return frozen(initial.copy()), frozen(transition.copy())


class Moves(NamedTuple):
    """What leads through a block of steps."""

    log_transition: FloatArray  # (M, K, K)
    transition_index: IntArray  # (B,): which matrix leads from each step to the next, last of all into the first; empty
    #                             where there is one for all


class BlockChain(NamedTuple):
    """The tables of a chain whose rows come block by block."""

    log_initial: FloatArray  # (K,)
    log_transition: FloatArray  # (M, K, K); where each step has its own, as given, to be checked as blocks come
    transition_index: IntArray | None
    is_steady: bool  # with one matrix for all steps
    allowed: BoolArray | None  # (T, K)


def block_chain(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    transition_index: npt.ArrayLike | None,
    allowed: npt.ArrayLike | None,
) -> BlockChain:
    """Let the tables of a chain in whose rows will come; copied, but for what has an entry a step and may be long."""
    initial = frozen(log_potentials("log_initial", log_initial, ("K",)).copy())
    transition, index, n_states = float_array("log_transition", log_transition), None, len(initial)
    is_steady = transition.ndim != 3 and transition_index is None
    if transition_index is not None:
        transition = frozen(log_potentials("log_transition", transition, ("M", n_states, n_states)).copy())
        index = _whole_numbers("transition_index", transition_index)
        index = frozen(_transition_index(index, np.ones(index.shape, dtype=np.bool_), len(transition)).copy())
    elif is_steady:
        transition = frozen(log_potentials("log_transition", transition, (n_states, n_states))[None].copy())
    else:
        _shape("log_transition", transition, (len(transition), n_states, n_states))
    mask = None
    if allowed is not None:
        mask = _mask("allowed", allowed, _rectangular("allowed", allowed).shape)
        _shape("allowed", mask, ("T", n_states))
    return BlockChain(initial, transition, index, is_steady, mask)


def blocks(value: Any) -> Iterator[Any]:
    """Let anything in that has one block after the other."""
    try:
        return iter(value)
    except TypeError:
        raise TypeError(f"blocks must be an iterable of blocks, got {value!r}") from None


def block_of(chain: BlockChain, value: npt.ArrayLike, number: int, n_before: int) -> tuple[FloatArray, Moves]:
    """Let the block of that number in, (B, K), with so many rows before it; and what leads through it."""
    n_states = len(chain.log_initial)
    rows = log_potentials(f"blocks[{number}]", value, ("B", n_states))
    n_rows, end = len(rows), n_before + len(rows)
    if chain.allowed is not None:
        _covered("allowed", len(chain.allowed), end)
        rows = only_allowed(rows, chain.allowed[n_before:end])
    if chain.is_steady:
        return rows, Moves(chain.log_transition, NO_INDEX)
    if chain.transition_index is not None:
        _covered("transition_index", len(chain.transition_index) + 1, end)
        into = chain.transition_index[n_before - 1 : n_before] if n_before > 0 else [0]
        return rows, Moves(chain.log_transition, frozen(np.append(chain.transition_index[n_before : end - 1], into)))
    _covered("log_transition", len(chain.log_transition) + 1, end)
    first = max(n_before - 1, 0)
    matrices = chain.log_transition[first : end - 1]
    if len(matrices) == 0:  # of a first step alone, to which nothing leads
        matrices = frozen(np.zeros((1, n_states, n_states)))
    matrices = log_potentials("log_transition", matrices, ("M", n_states, n_states), n_before=first)
    return rows, Moves(matrices, frozen(np.append(np.arange(n_rows - 1) + (n_before > 0), 0)))


def _covered(name: str, n_covered: int, end: int) -> None:
    """Insist that an array with an entry a step has one for all that have come."""
    if end > n_covered:
        raise ValueError(f"blocks must have at most the {n_covered} rows that {name} is for, got {end} so far")


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
    masked: FloatArray = frozen(np.where(_mask("allowed", allowed, log_likelihoods.shape), log_likelihoods, -np.inf))
    return masked


def joined_masks(allowed: Any, lengths: list[int], n_states: int) -> Any:
    """Join masks, where they are a list of one for each sequence; all else is for `only_allowed` to judge."""
    if not isinstance(allowed, (list, tuple)):
        return allowed
    if len(allowed) != len(lengths):
        raise ValueError(f"allowed must be a mask for each of the {len(lengths)} sequences, got {len(allowed)}")
    parts = zip(allowed, lengths, strict=True)
    return np.concatenate([_mask(f"allowed[{n}]", mask, (length, n_states)) for n, (mask, length) in enumerate(parts)])


def _mask(name: str, value: Any, shape: tuple[int, ...]) -> BoolArray:
    mask = _rectangular(name, value)
    if mask.dtype != bool or _has_masked_entries(value):
        raise TypeError(f"{name} must hold True and False, unmasked, got dtype {mask.dtype}")
    if mask.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {mask.shape}")
    return mask


def begun(name: str, n_observed: int) -> None:
    """Insist that a stream has taken a step."""
    if n_observed == 0:
        raise ValueError(f"{name} must wait for a first update, got none yet")


def observing(emission: Any) -> Any:
    """Insist that a stream knows what its observations mean."""
    if emission is None:
        raise ValueError(
            "observe must have an emission, as from model.online(), got None: update takes log-likelihoods"
        )
    return emission


class WrittenStream(NamedTuple):
    """What stands in a stream's snapshot."""

    n_observed: int
    log_likelihood: float
    log_initial: FloatArray
    state: FloatArray  # (4, K)


def stream_snapshot(document: Any, known_format: str) -> WrittenStream:
    """Let a stream's snapshot in."""
    vectors = ("head", "tail", "exponent", "posterior")
    keys("the snapshot", document, {"format", "n_observed", "log_likelihood", "log_initial", *vectors})
    if document["format"] != known_format:
        raise ValueError(f"format must be {known_format!r}, got {document['format']!r}")
    n_observed = _integer("n_observed", document["n_observed"])
    if n_observed < 0:
        raise ValueError(f"n_observed must be at least 0, got {n_observed}")

    def numbers_in(name: str) -> FloatArray:
        json_list(name, document[name])
        return real_parameters(name, document[name], (n_states,))

    def logs_in(name: str) -> FloatArray:
        json_list(name, document[name])
        zeros = [x is None for x in document[name]]
        known = [0.0 if x is None else x for x in document[name]]
        return np.where(zeros, -np.inf, real_parameters(name, known, (n_states,)))

    n_states = len(document["log_initial"]) if isinstance(document["log_initial"], list) else 0
    log_initial = logs_in("log_initial")
    log_likelihood = float(real_parameters("log_likelihood", document["log_likelihood"], ()))
    if n_observed == 0:
        return WrittenStream(0, log_likelihood, log_initial, np.zeros((4, n_states)))
    head, tail, exponent, posterior = *map(numbers_in, vectors[:2]), logs_in("exponent"), numbers_in("posterior")
    _refuse_first("head", (head < 0) | (head > 1), "from 0 to 1", head)
    is_whole = np.where(head > 0, np.isfinite(exponent) & (exponent == np.floor(exponent)), exponent == -np.inf)
    _refuse_first("exponent", ~is_whole, "a whole number, or null where head is 0", exponent)
    state = np.array([head, tail, exponent, posterior])
    return WrittenStream(n_observed, log_likelihood, log_initial, state)


def lag(value: int) -> int:
    """Let a number of steps to wait in."""
    number = _integer("lag", value)
    if number < 0:
        raise ValueError(f"lag must be at least 0, got {number}")
    return number


def workers(value: int) -> int:
    """Let a number of threads in; −1 stands for one on each core."""
    number = _integer("workers", value)
    if number == -1:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if number < 1:
        raise ValueError(f"workers must be at least 1, or -1 for all cores, got {number}")
    return number


def prediction(
    log_probabilities: npt.ArrayLike, log_transition: npt.ArrayLike, steps: int
) -> tuple[FloatArray, FloatArray, int]:
    """Let a state, a transition and a number of steps in."""
    probabilities = log_potentials("log_probabilities", log_probabilities, ("K",))
    n_states = len(probabilities)
    transition = log_potentials("log_transition", log_transition, (n_states, n_states))
    return probabilities, transition, step_count("steps", steps)


def destination(
    out: Any, out_logs: bool, shape: tuple[int, ...], *given: npt.ArrayLike
) -> tuple[FloatArray | None, Held]:
    """Let an array in that is to be filled, memory-mapped or not, and say with what; None stands for a new one."""
    if out is None:
        if out_logs:
            raise ValueError("out_logs must come with out, got it alone")
        return None, "coded"
    return _filled("out", out, shape, given), "logs" if out_logs else "probabilities"


def increments_destination(
    out_increments: Any, out: Any, shape: tuple[int, ...], *given: npt.ArrayLike
) -> FloatArray | None:
    """Let an array in that is to be filled with log-increments, beside another with rows."""
    if out_increments is None:
        return None
    if out is None:
        raise ValueError("out_increments must come with out, got it alone")
    array = _filled("out_increments", out_increments, shape, given)
    if np.may_share_memory(array, out):
        raise ValueError("out_increments must have memory of its own, got some of out")
    return array


def _filled(name: str, value: Any, shape: tuple[int, ...], given: tuple[npt.ArrayLike, ...]) -> FloatArray:
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a NumPy array without a mask, got {type(value).__name__}")
    if value.dtype != DOUBLE or not value.flags.carray:
        raise TypeError(f"{name} must be writable, C-ordered, and of dtype float64, got {_kind_of(value)}")
    _shape(name, value, shape)
    for source, table in zip(("log_initial", "log_transition", "log_likelihoods"), given, strict=True):
        if isinstance(table, np.ndarray) and np.may_share_memory(value, table):
            raise ValueError(f"{name} must have memory of its own, got some of {source}")
    return value.view(np.ndarray)


def _kind_of(array: npt.NDArray[Any]) -> str:
    access = "writable" if array.flags.writeable else "read-only"
    order = "C-ordered" if array.flags.c_contiguous else "not C-ordered"
    return f"{access}, {order}, and of dtype {array.dtype}"


def kept(name: str, value: Kept | None, option: str) -> Kept:
    """Insist that a table of a result is there."""
    if value is None:
        raise AttributeError(f"{name} were not kept, as out was given; {option} keeps them")
    return value


def impossible_policy(impossible: Impossible) -> None:
    """Insist on one of the two ways to meet impossible evidence."""
    if not isinstance(impossible, str) or impossible not in ("raise", "mark"):
        raise ValueError(f"impossible must be 'raise' or 'mark', got {impossible!r}")


def lse_terms(
    x: Any, weights: npt.ArrayLike | None, where: npt.ArrayLike | None, name: str
) -> tuple[FloatArray, FloatArray | None, type[np.floating[Any]]]:
    """Let the terms of a log-sum-exp in: any real numbers, NaN and infinities too, with weights from 0 up.

    Masked entries, and those where `where` is False, have weight 0; terms and weights come out in one shape. The third
    answer is the kind of float that the result should have.
    """
    maybe_masked = _stacked_masks(x) if _has_masked_entries(x) else _rectangular(name, x)
    array = np.ma.getdata(maybe_masked)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    smaller_floats: dict[int, type[np.floating[Any]]] = {2: np.float16, 4: np.float32}
    kept = smaller_floats.get(array.dtype.itemsize, np.float64) if array.dtype.kind == "f" else np.float64
    parts: dict[str, npt.NDArray[Any]] = {name: array.astype(np.float64, copy=False)}
    if weights is not None:
        parts["weights"] = non_negative("weights", weights, None)
        with np.errstate(over="ignore"):
            if parts["weights"].sum() == np.inf:
                raise ValueError("weights must have a finite sum, got inf")
    if np.ma.is_masked(maybe_masked):
        parts["mask"] = ~np.ma.getmaskarray(maybe_masked)
    if where is not None:
        parts["where"] = _rectangular("where", where)
        if parts["where"].dtype != bool or _has_masked_entries(where):
            raise TypeError(f"where must hold True and False, unmasked, got dtype {parts['where'].dtype}")
    try:
        terms, *factors = np.broadcast_arrays(*parts.values())
    except ValueError:
        shapes = ", ".join(f"{part} {table.shape}" for part, table in parts.items())
        raise ValueError(f"shapes must broadcast, got {shapes}") from None
    return terms, math.prod(factors[1:], start=factors[0].astype(np.float64)) if factors else None, kept


def axes(axis: int | tuple[int, ...] | None, n_axes: int) -> tuple[int, ...]:
    """Let an axis in, or several, or None for all; the answer counts from 0."""
    if axis is None:
        return tuple(range(n_axes))
    given = axis if isinstance(axis, tuple) else (axis,)
    fits = all(isinstance(a, numbers.Integral) and -n_axes <= a < n_axes for a in given)
    counted = tuple(int(a) % n_axes for a in given) if fits else ()
    if not fits or len(set(counted)) < len(counted):
        some = f"different integers from {-n_axes} to {n_axes - 1}" if n_axes else "() for a single number"
        raise ValueError(f"axis must be None or {some}, got {axis!r}")
    return counted


def temperature(value: float) -> float:
    """Let a temperature in."""
    return float(positive("temperature", value, ()))


def linear_likelihoods(log_likelihoods: FloatArray) -> FloatArray:
    """Take the exponentials of logs, none of which may be beyond a double."""
    with np.errstate(over="ignore"):
        likelihoods: FloatArray = np.exp(log_likelihoods)
    _refuse_first(
        "log_likelihoods", np.isinf(likelihoods), "below 709.78 for a comparison in linear space", log_likelihoods
    )
    return likelihoods


def naive_dtype(value: npt.DTypeLike) -> np.dtype[Any]:
    """Let one of the two kinds of float in that processors compute with."""
    try:
        known = value is not None and np.dtype(value) in (np.float32, np.float64)
    except TypeError:
        known = False
    if not known:
        raise ValueError(f"dtype must be float32 or float64, got {value!r}")
    return np.dtype(value)


def epsilon(value: float) -> float:
    """Let a constant in that is added to probabilities."""
    return float(non_negative("epsilon", value, ()))


def linear_chain(
    initial: npt.ArrayLike, transition: npt.ArrayLike, likelihoods: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Let the three tables of the naive routines in: any non-negative numbers."""
    start = non_negative("initial", initial, ("K",))
    n_states = len(start)
    return (
        start,
        non_negative("transition", transition, (n_states, n_states)),
        non_negative("likelihoods", likelihoods, ("T", n_states)),
    )


def real_parameters(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...] | None) -> FloatArray:
    """Let finite numbers in, of any shape where it is None; copied, so that a frozen owner stays as it is."""
    array: FloatArray = float_array(name, value).copy()
    if shape is not None:
        _shape(name, array, shape)
    _refuse_first(name, ~np.isfinite(array), "finite", array)
    array.flags.writeable = False
    return array


def non_negative(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...] | None) -> FloatArray:
    """Let finite numbers from 0 up in, of any shape where it is None."""
    array = real_parameters(name, value, shape)
    _refuse_first(name, array < 0, "at least 0", array)
    return array


def positive(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let finite numbers above 0 in."""
    array = real_parameters(name, value, shape)
    _refuse_first(name, array <= 0, "above 0", array)
    return array


def probabilities(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let numbers from 0 to 1 in."""
    array = non_negative(name, value, shape)
    _refuse_first(name, array > 1, "at most 1", array)
    return array


def distributions(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let probabilities in that sum to 1 along the last axis, within `SUM_TOLERANCE`; they are used as given."""
    array = non_negative(name, value, shape)
    sums = array.sum(axis=-1)
    off = np.argwhere(~(np.abs(sums - 1.0) <= SUM_TOLERANCE))
    if len(off):
        index = tuple(map(int, off[0]))
        row = "".join(f" row {i}" for i in index)
        raise ValueError(f"{name}{row} must sum to 1, got {float(sums[index]):.10g}")
    return array


def transition_matrix(value: npt.ArrayLike) -> FloatArray:
    """Let a square matrix in whose rows are distributions."""
    matrix = distributions("transition", value, ("K", "K"))
    _shape("transition", matrix, (len(matrix), len(matrix)))
    return matrix


def covariances(value: npt.ArrayLike, n_states: int, n_dimensions: int) -> FloatArray:
    """Let one symmetric, positive definite matrix for each state in; what counts is its lower triangle."""
    array = real_parameters("covariance", value, (n_states, n_dimensions, n_dimensions))
    for k, matrix in enumerate(array):
        deviations = np.sqrt(np.abs(np.diag(matrix)))
        skew = np.argwhere(np.abs(matrix - matrix.T) > SYMMETRY_TOLERANCE * np.outer(deviations, deviations))
        if len(skew):
            i, j = map(int, skew[0])
            raise ValueError(
                f"covariance {k} must be symmetric, got {float(matrix[i, j])!r} at [{i}, {j}] "
                f"and {float(matrix[j, i])!r} at [{j}, {i}]"
            )
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            smallest = float(np.linalg.eigvalsh(matrix)[0])
            raise ValueError(
                f"covariance {k} must be positive definite, got a smallest eigenvalue of {smallest:.3g}"
            ) from None
    return array


def state_names(value: Sequence[str] | None, n_states: int) -> tuple[str, ...]:
    """Let one name a state in, all different; without them, the states' numbers."""
    if value is None:
        return tuple(map(str, range(n_states)))
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise TypeError(f"state_names must be a list of non-empty strings, got {value!r}")
    if len(value) != n_states or len(set(value)) != n_states:
        raise ValueError(f"state_names must be {n_states} different names, got {list(value)!r}")
    return tuple(value)


def stationary_word(initial: str) -> None:
    """Insist on the one word that may stand for an initial distribution."""
    if initial != "stationary":
        raise ValueError(f"initial must be probabilities or 'stationary', got {initial!r}")


def emission(value: Any, n_states: int) -> None:
    """Insist on an emission for as many states as the transition has."""
    if isinstance(value, type):
        raise TypeError(f"emission must be an emission, got the class {value.__name__}")
    for attribute in ("n_states", "log_likelihoods", "sample"):
        if not hasattr(value, attribute):
            raise TypeError(
                "emission must have n_states, log_likelihoods and sample, as those of hmmfilter.emissions do, "
                f"got {type(value).__name__} without {attribute}"
            )
    if value.n_states != n_states:
        raise ValueError(f"emission must have the {n_states} states of transition, got {value.n_states}")


def _integer(name: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


def moments(value: Any, n_states: int) -> tuple[FloatArray, FloatArray]:
    """Let the moments of an emission in: numbers of any kind, since a distribution may have none."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"moments must return a tuple of the means and the variances, got {value!r}")
    mean, variance = float_array("mean", value[0]), float_array("variance", value[1])
    _shape("mean", mean, (n_states, "D") if mean.ndim == 2 else (n_states,))
    _shape("variance", variance, mean.shape + mean.shape[1:])
    return mean, variance


def step_count(name: str, value: int) -> int:
    """Let a number of steps in."""
    steps = _integer(name, value)
    if steps < 1:
        raise ValueError(f"{name} must be at least 1, got {steps}")
    return steps


def generator(rng: Any) -> np.random.Generator:
    """Let a generator in, or a seed for one, or None for fresh randomness."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise TypeError(f"rng must be a numpy.random.Generator, a seed from 0 up, or None, got {rng!r}") from None


def states(value: npt.ArrayLike, n_states: int) -> IntArray:
    """Let the numbers of states in."""
    array = float_array("states", value)
    _shape("states", array, ("T",))
    fits = (array >= 0) & (array < n_states) & (array == np.floor(array))
    _refuse_first("states", ~fits, f"a whole number from 0 to {n_states - 1}", array)
    return array.astype(np.int64)


def observations(value: Any, n_dimensions: int | None = None) -> FloatArray:
    """Let observations in, a number a step, or a vector a step where `n_dimensions` is given; missing ones as NaN.

    None and masked entries are missing too.
    """
    required: tuple[int | str, ...] = ("T",) if n_dimensions is None else ("T", n_dimensions)
    array = _plain_numbers(value)
    if array is None:
        array = np.array(_observations_one_by_one(value, n_dimensions), dtype=np.float64)
    _shape("observations", array, required)
    _refuse_first("observations", np.isinf(array), "finite, or NaN or None where missing", array)
    return array


def _plain_numbers(value: Any) -> FloatArray | None:
    """The quick way in, for what numpy takes for real numbers without a mask; None for all else."""
    if _has_masked_entries(value):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length, or None among vectors
        return None
    return array.astype(np.float64, order="C") if array.dtype.kind in "biuf" else None  # numpy sums by layout


def _observations_one_by_one(value: Any, n_dimensions: int | None) -> list[Any]:
    def refuse(index: tuple[int, ...], got: Any) -> NoReturn:
        raise TypeError(f"{_at('observations', index)} must be a number, or NaN or None where missing, got {got!r}")

    def number(item: Any, index: tuple[int, ...]) -> float:
        if item is None or item is np.ma.masked:
            return np.nan
        if not isinstance(item, (numbers.Real, np.bool_)) or isinstance(item, np.timedelta64):
            refuse(index, item)
        try:
            return float(item)
        except OverflowError:
            raise EntryError(f"{_at('observations', index)} must fit into a double, got {item!r}", index) from None

    def vector(item: Any, t: int) -> list[float]:
        if item is None:
            return [np.nan] * (n_dimensions or 0)
        entries = _entries(item)
        if entries is None:
            refuse((t,), item)
        if len(entries) != n_dimensions:
            raise EntryError(f"{_at('observations', (t,))} must have {n_dimensions} entries, got {len(entries)}", (t,))
        return [number(entry, (t, d)) for d, entry in enumerate(entries)]

    items = _entries(value)
    if items is None:
        refuse((), value)
    if n_dimensions is None:
        return [number(item, (t,)) for t, item in enumerate(items)]
    return [vector(item, t) for t, item in enumerate(items)]


def _entries(value: Any) -> Sequence[Any] | None:
    """What stands in a list, a tuple or anything that numpy takes for an array; None for all else."""
    if isinstance(value, (list, tuple)):
        return value
    if not hasattr(value, "__array__") or np.ndim(value) == 0:
        return None
    return list(value if isinstance(value, np.ma.MaskedArray) else np.asarray(value, dtype=object))


def _holds_containers(value: Any) -> bool:
    """Whether there are vectors of any kind among the entries of a list or an array; of nothing else there are."""
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    return any(not isinstance(entry, (int, float)) and _entries(entry) is not None for entry in _entries(value) or ())


def sequences(observations: Any, emission: Any, lengths: npt.ArrayLike | None) -> list[Any] | None:
    """Let a list of sequences in, where that is what the emission makes of it; None where it is one sequence."""
    if not isinstance(observations, (list, tuple)) or not hasattr(emission, "n_dimensions"):
        return None
    are_several = _holds_containers(observations)
    if emission.n_dimensions is not None:
        are_several &= any(_holds_containers(entry) for entry in observations if entry is not None)
    if not are_several:
        return None
    if lengths is not None:
        raise ValueError("lengths must be left out where observations are a list of sequences, got both")
    for n, sequence in enumerate(observations):
        if _entries(sequence) is None:
            raise TypeError(f"observations[{n}] must be a sequence as the others are, got {sequence!r}")
        if len(sequence) == 0:
            raise ValueError(f"observations[{n}] must have at least one step, got none")
    return list(observations)


def one_after_the_other(sequences: list[Any]) -> Any:
    """Join sequences: as an array if all are arrays of numbers, else as a list of their entries."""
    if all(type(sequence) is np.ndarray and sequence.dtype.kind in "biuf" for sequence in sequences):
        with contextlib.suppress(ValueError):  # of unequal dimensions, which the emission will refuse
            return np.concatenate(sequences)
    return [entry for sequence in sequences for entry in _entries(sequence) or ()]


@contextlib.contextmanager
def blaming(part: str) -> Iterator[None]:
    """Say in which of several sequences, or blocks, an observation is refused."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{part}: {error}") from error


def drawn_observations(value: Any, n_steps: int) -> FloatArray:
    """Let observations of any one dimension in for a picture, (T, D), for as many steps as there are."""
    first: Any = next((entry for entry in _entries(value) or () if entry is not None), 0.0)
    array = observations(value, None if np.ndim(first) == 0 else len(first))
    _shape("observations", array, (n_steps, *array.shape[1:]))
    return array.reshape(n_steps, -1)


def single_sequence(n_sequences: int) -> None:
    """Insist on a result of one sequence where only one can be drawn."""
    if n_sequences != 1:
        raise ValueError(f"plot draws one sequence, got {n_sequences}: draw result[n]")


def whole_observations(value: Any, at_least: float = 0, at_most: float = np.inf) -> FloatArray:
    """Let whole observations in, between bounds where there are any; missing ones as NaN."""
    array = observations(value)
    bad = (array < at_least) | (array > at_most) | (array != np.floor(array))
    bounds = "" if at_least == -np.inf else " from 0 up" if at_most == np.inf else f" from 0 to {at_most}"
    _refuse_first("observations", bad & ~np.isnan(array), f"a whole number{bounds}, or missing", array)
    return array


def frozen_distributions(value: Sequence[Any]) -> tuple[Any, ...]:
    """Let frozen univariate distributions of SciPy in, all continuous or all discrete."""
    from scipy.stats import rv_discrete
    from scipy.stats.distributions import rv_frozen

    if not isinstance(value, (list, tuple)) or not value:
        raise TypeError(f"distributions must be a list of one distribution for each state, got {value!r}")
    distributions = tuple(value)
    for k, distribution in enumerate(distributions):
        if not isinstance(distribution, rv_frozen):
            raise TypeError(
                f"distributions[{k}] must be a frozen univariate distribution of scipy.stats, such as "
                f"scipy.stats.norm(0, 1), got {distribution!r}"
            )
        parameters = (*distribution.args, *distribution.kwds.values())
        if any(np.ndim(parameter) for parameter in parameters) or np.isnan(distribution.support()).any():
            raise ValueError(
                f"distributions[{k}] must have valid single numbers for parameters, "
                f"got {distribution.dist.name} of {parameters}"
            )
    if len({isinstance(distribution.dist, rv_discrete) for distribution in distributions}) > 1:
        raise ValueError("distributions must be all continuous or all discrete, got some of each")
    return distributions


def json_object(name: str, value: Any) -> None:
    """Insist on a JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a JSON object, got {type(value).__name__}")


def keys(name: str, document: Any, required: Set[str], optional: Set[str] = frozenset()) -> None:
    """Insist on a JSON object with all of the required keys and none beyond the optional ones."""
    json_object(name, document)
    missing, unknown = required - set(document), set(document) - required - optional
    if missing or unknown:
        raise ValueError(
            f"{name} must have the keys {sorted(required)}, got "
            + " and ".join(
                f"{what} {sorted(which)}" for what, which in (("none of", missing), ("also", unknown)) if which
            )
        )


def json_list(name: str, value: Any) -> None:
    """Insist on a JSON array."""
    if not isinstance(value, list):
        raise TypeError(f"{name} must be a JSON array, got {type(value).__name__}")


def model_document(document: Any, known_format: str) -> None:
    """Insist on the outline of a model in JSON."""
    keys("the model", document, {"format", "initial", "transition", "emission"}, {"state_names"})
    if document["format"] != known_format:
        raise ValueError(f"format must be {known_format!r}, got {document['format']!r}")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object, insisting that each key comes once."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError(f"keys must be different, got {[key for key, _ in pairs]}")
    return document


def no_constant(word: str) -> NoReturn:
    """Refuse the NaN and the infinities that JSON itself does not know."""
    raise ValueError(f"numbers must be finite, got {word}")


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """Let one of the known words in."""
    if not isinstance(value, str) or value not in known:
        words = ", ".join(known[:MOST_WORDS]) + (", ..." if len(known) > MOST_WORDS else "")
        raise ValueError(f"{name} must be one of {words}, got {value!r}")
    return value


def storable_emission(value: Any, known: Sequence[type]) -> None:
    """Insist on an emission that JSON can hold."""
    if type(value) not in known:
        raise TypeError(
            f"emission must be one of hmmfilter.emissions to be written as JSON, got {type(value).__name__}"
        )


def storable_distribution(distribution: Any, known: Any) -> None:
    """Insist on a frozen distribution that its name and its parameters tell from all others."""
    dist = distribution.dist
    if known is None or type(dist) is not type(known) or (dist.a, dist.b) != (known.a, known.b):
        raise TypeError(f"a distribution must be one of scipy.stats to be written as JSON, got {dist.name!r}")
    parameters = (*distribution.args, *distribution.kwds.values())
    if not np.isfinite(parameters).all():
        raise ValueError(f"{dist.name} must have finite parameters to be written as JSON, got {parameters}")


def single_closed_class(classes: list[IntArray]) -> IntArray:
    """Insist that a chain settles in one set of states."""
    if len(classes) > 1:
        sets = " and ".join(str(states.tolist()) for states in classes)
        raise ValueError(
            "transition must lead to a single set of states that the chain never leaves, or it has more than one "
            f"stationary distribution, got {len(classes)}: {sets}"
        )
    return classes[0]


def reachable(rate: float) -> float:
    """Insist that the way from one set of states to another is no rarer than a double can tell."""
    if rate == 0:
        raise ValueError(
            "transition must not leave a state with a probability below 5e-324 in all, multiplied along the way, "
            "got such a state: its stationary distribution does not fit into doubles"
        )
    return rate
