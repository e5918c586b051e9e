"""Options: numbers of things, words to choose from, and where randomness comes from."""

from __future__ import annotations

import numbers
import operator
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hmmfilter._checks.errors import shown

MOST_NUMBERS = 2**44  # of 8 bytes: 128 TiB, which no process can address
MOST_WORDS = 8  # that a message lists
MOST_STEPS_AHEAD = 10**12  # a prediction by powers of a matrix keeps 15 digits so far
TABLES_OF_A_FORECAST = 4  # logs, probabilities, and what is made of them


def flag(name: str, value: bool) -> bool:
    """Let a yes or no in."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def lag(value: int, width: int) -> int:
    """Let a number of steps to wait in, each of which takes so many numbers of memory."""
    number = integer("lag", value)
    if number < 0:
        raise ValueError(f"lag must be at least 0, got {shown(number)}")
    fits_memory("lag", number, width)
    return number


def workers(value: int) -> int:
    """Let a number of threads in, of which there is at most one on each core; −1 stands for so many."""
    number = integer("workers", value)
    if number < 1 and number != -1:
        raise ValueError(f"workers must be at least 1, or -1 for all cores, got {shown(number)}")
    if number == 1:  # at once: to count cores takes as long as some tens of steps
        return 1
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return n_cores if number == -1 else min(number, n_cores)


def axes(axis: int | tuple[int, ...] | None, n_axes: int) -> tuple[int, ...]:
    """Let an axis in, or several, or None for all; the answer counts from 0."""
    if axis is None:
        return tuple(range(n_axes))
    given = axis if isinstance(axis, tuple) else (axis,)
    fits = all(isinstance(a, numbers.Integral) and -n_axes <= a < n_axes for a in given)
    counted = tuple(int(a) % n_axes for a in given) if fits else ()
    if not fits or len(set(counted)) < len(counted):
        some = f"different integers from {-n_axes} to {n_axes - 1}" if n_axes else "() for a single number"
        raise ValueError(f"axis must be None or {some}, got {shown(axis)}")
    return counted


def integer(name: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {shown(value)}") from None


def step_count(name: str, value: int, width: int = 0) -> int:
    """Let a number of steps, or of other things, in, each of which takes so many numbers of memory."""
    steps = integer(name, value)
    if steps < 1:
        raise ValueError(f"{name} must be at least 1, got {shown(steps)}")
    fits_memory(name, steps, width)
    return steps


def simulated_lengths(length: Any, n_sequences: int | None) -> list[int] | None:
    """Let the lengths of sequences in that are to be drawn; None where each goes on to its end."""
    n_paths = 1 if n_sequences is None else step_count("n_sequences", n_sequences, 1)
    if isinstance(length, (list, tuple)):
        lengths = [step_count(f"length[{n}]", steps, 1) for n, steps in enumerate(length)]
        if not lengths or (n_sequences is not None and len(lengths) != n_paths):
            need = "at least one number" if n_sequences is None else f"{n_paths} numbers, as n_sequences says"
            raise ValueError(f"length must have {need}, got {len(lengths)}")
        return lengths
    return None if length is None else [step_count("length", length, n_paths)] * n_paths


def state_counts(name: str, value: Iterable[int]) -> tuple[int, ...]:
    """Let numbers of states in, one at least."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of integers, got {shown(value)}")
    counts = tuple(step_count(f"{name}[{n}]", count) for n, count in enumerate(value))
    if not counts:
        raise ValueError(f"{name} must have at least one number, got {shown(value)}")
    return counts


def compiler() -> None:
    """Insist that Numba may compile."""
    switch = os.environ.get("NUMBA_DISABLE_JIT", "0")
    if switch not in ("", "0"):
        raise ValueError(f"NUMBA_DISABLE_JIT must not be set where routines are to be compiled, got {shown(switch)}")


def fits_memory(name: str, number: int, width: int) -> None:
    """Insist that so many things, of so many numbers each, can be had at all."""
    if number * width > MOST_NUMBERS:
        raise ValueError(
            f"{name} must be at most {MOST_NUMBERS // width}, or the result takes over 128 TiB, got {shown(number)}"
        )


def steps_ahead(name: str, value: int) -> int:
    """Let a number of steps in that a prediction can take without losing digits."""
    steps = step_count(name, value)
    if steps > MOST_STEPS_AHEAD:
        raise ValueError(
            f"{name} must be at most 10**12, got {shown(steps)}: stationary_distribution says where a chain settles"
        )
    return steps


def rows_ahead(name: str, steps: int, n_states: int) -> None:
    """Insist that a table fits into memory that has a row for each of some steps."""
    n_bytes = 8 * steps * n_states * TABLES_OF_A_FORECAST
    if n_bytes > memory_size():
        raise ValueError(
            f"{name} must leave room in memory for a row each, got {shown(steps)}: they take {n_bytes / 1e9:.3g} GB of "
            f"{memory_size() / 1e9:.3g}; predict finds a single one of them"
        )


def memory_size() -> int:
    """How much memory the machine has, in bytes; where it does not say, a terabyte."""
    says = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ())
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if says else 2**40


def generator(rng: Any) -> np.random.Generator:
    """Let a generator in, or a seed for one, or None for fresh randomness."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise TypeError(f"rng must be a numpy.random.Generator, a seed from 0 up, or None, got {shown(rng)}") from None


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """Let one of the known words in."""
    if not isinstance(value, str) or value not in known:
        words = ", ".join(known[:MOST_WORDS]) + (", ..." if len(known) > MOST_WORDS else "")
        raise ValueError(f"{name} must be one of {words}, got {shown(value)}")
    return value
