"""What is found of each sequence; of those without steps, which kernels do not meet, what is true of nothing."""

from __future__ import annotations

from types import EllipsisType

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._kernels.tables import Tables

Outcome = tuple[IntArray, FloatArray]  # of each sequence, how many steps are possible, and its log-probability
Left = BoolArray | EllipsisType  # which sequences are not left out, as an index: `...` where none is


def with_steps(tables: Tables) -> tuple[Tables, Left, Outcome]:
    """The tables without sequences that have no steps; which sequences are left; and room for what is found of them.

    As long as nothing is found, all their steps are possible.
    """
    are_left: Left = ...
    n_rows = len(tables.log_likelihoods)
    if len(tables.starts) == 2 and n_rows > 0:  # one sequence, as in most calls: told sooner than by what follows
        return tables, ..., (np.array([n_rows]), np.empty(1))
    n_steps = tables.starts[1:] - tables.starts[:-1]
    if np.count_nonzero(n_steps) < len(n_steps):
        are_left = n_steps > 0
        initial = tables.log_initial if len(tables.log_initial) == 1 else frozen(tables.log_initial[are_left])
        starts = frozen(tables.starts[np.append(are_left, True)])
        tables, n_steps = tables._replace(log_initial=initial, starts=starts), n_steps[are_left]
    return tables, are_left, (n_steps, np.empty(len(n_steps)))


def part_of(found: FloatArray, are_left: Left) -> FloatArray:
    """Room for the sequences that are left, out of that for all."""
    return found[are_left]


def put_back(part: FloatArray, are_left: Left, found: FloatArray) -> None:
    """Fill the room for all with what was found of the sequences that are left, and zeros for the others."""
    if are_left is not ...:
        found[:] = 0
        found[are_left] = part


def of_all(outcome: Outcome, are_left: Left) -> Outcome:
    """The outcome of all sequences: those without steps are possible, with a probability of 1."""
    if are_left is ...:
        return outcome
    n_possible, totals = np.zeros(len(are_left), dtype=np.int64), np.zeros(len(are_left))
    n_possible[are_left], totals[are_left] = outcome
    return n_possible, totals
