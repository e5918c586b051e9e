"""Sequences cut where no path leads on, so that each piece starts afresh."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._drivers.posteriors import fill_filtered
from hmmfilter._kernels.ages import Ages
from hmmfilter._kernels.tables import Tables, matrix_count


class Pieces(NamedTuple):
    """The tables of a call, with a sequence for each piece where sequences may be cut."""

    tables: Tables
    starts: IntArray  # of the sequences themselves
    owners: IntArray | None = None  # which sequence each piece is of; None where none is cut

    def of_sequences(self, totals: FloatArray) -> FloatArray:
        """What is said of each sequence, of what is said of each piece: the sum."""
        if self.owners is None:
            return totals
        sums = np.zeros(len(self.starts) - 1)
        np.add.at(sums, self.owners, totals)
        return sums

    def restarts(self, is_one: bool) -> Any:
        """The steps at which an only sequence starts afresh, or those of each of several; None where none may."""
        if self.owners is None:
            return None
        are_first = np.append(True, np.diff(self.owners) > 0)
        steps = self.tables.starts[:-1] - self.starts[self.owners]
        each = [frozen(steps[~are_first & (self.owners == n)]) for n in range(len(self.starts) - 1)]
        return each[0] if is_one else each


def restarted(tables: Tables, n_workers: int) -> tuple[Pieces, tuple[int, int] | None]:
    """The tables cut where no path leads on; and the first sequence, and its step, that cannot begin there either."""
    begins, ends, owners = tables.starts[:-1], tables.starts[1:], np.arange(len(tables.starts) - 1)
    cuts, owners_of_cuts, rest = [begins], [owners], tables
    while True:
        n_possible, _ = fill_filtered(rest, None, None, "coded", n_workers, False)
        is_stuck = n_possible < ends - begins
        for n in np.flatnonzero(is_stuck & (n_possible == 0))[:1]:
            return Pieces(tables, tables.starts), (int(owners[n]), int(begins[n] - tables.starts[owners[n]]))
        if not is_stuck.any():
            break
        begins, ends, owners = (begins + n_possible)[is_stuck], ends[is_stuck], owners[is_stuck]
        cuts.append(begins)
        owners_of_cuts.append(owners)
        rest = _rows_between(tables, begins, ends, owners)
    places, owners = np.concatenate(cuts), np.concatenate(owners_of_cuts)
    order = np.argsort(places, kind="stable")
    starts = frozen(np.append(places[order], tables.starts[-1]))
    initial = tables.log_initial if len(tables.log_initial) == 1 else frozen(tables.log_initial[owners[order]])
    return Pieces(tables._replace(log_initial=initial, starts=starts), tables.starts, owners[order]), None


def _rows_between(tables: Tables, begins: IntArray, ends: IntArray, owners: IntArray) -> Tables:
    """Some rows of the tables, as sequences of their own."""
    rows = np.concatenate([np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)])
    index = tables.transition_index
    if not isinstance(tables.log_transition, Ages) and matrix_count(tables) > 1:
        moves = index if len(index) > 0 else np.arange(matrix_count(tables))
        index = frozen(moves[np.minimum(rows, len(moves) - 1)])  # what leads on from a last row is not asked for
    return Tables(
        tables.log_initial if len(tables.log_initial) == 1 else frozen(tables.log_initial[owners]),
        tables.log_transition,
        index,
        frozen(tables.log_likelihoods[rows]),
        frozen(np.append(0, np.cumsum(ends - begins))),
    )
