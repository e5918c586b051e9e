"""What is found of each sequence; of those without steps, which kernels do not meet, what is true of nothing."""

from __future__ import annotations

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._kernels.tables import Tables


def empty_outcome(tables: Tables) -> tuple[IntArray, FloatArray]:
    """For each sequence, how many steps of it are possible (all, for now), and room for its log-probability."""
    n_steps = tables.starts[1:] - tables.starts[:-1]
    return n_steps, np.empty(len(n_steps))


def with_steps(tables: Tables) -> tuple[Tables, BoolArray]:
    """The tables without sequences that have no steps; and which sequences are left."""
    are_left = tables.starts[1:] > tables.starts[:-1]
    if np.count_nonzero(are_left) == len(are_left):  # sooner told than by `all`, and asked at each call of a door
        return tables, are_left
    initial = tables.log_initial if len(tables.log_initial) == 1 else frozen(tables.log_initial[are_left])
    return tables._replace(log_initial=initial, starts=frozen(tables.starts[np.append(are_left, True)])), are_left


def part_of(found: FloatArray, are_left: BoolArray) -> FloatArray:
    """Room for the sequences that are left, out of that for all."""
    return found if are_left.all() else found[are_left]


def put_back(part: FloatArray, are_left: BoolArray, found: FloatArray) -> None:
    """Fill the room for all with what was found of the sequences that are left, and zeros for the others."""
    if part is not found:
        found[:] = 0
        found[are_left] = part


def of_all(outcome: tuple[IntArray, FloatArray], are_left: BoolArray) -> tuple[IntArray, FloatArray]:
    """The outcome of all sequences: those without steps are possible, with a probability of 1."""
    if len(outcome[0]) == len(are_left):
        return outcome
    n_possible, totals = np.zeros(len(are_left), dtype=np.int64), np.zeros(len(are_left))
    n_possible[are_left], totals[are_left] = outcome
    return n_possible, totals
