"""Two neighbouring steps and the pair of them: tables, and sums in a fixed order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._drivers.backwards import Span, Take, fill_backwards
from hmmfilter._drivers.ordering import InOrder
from hmmfilter._drivers.outcomes import Outcome, of_all, part_of, put_back, with_steps
from hmmfilter._kernels.counts import room_for_pairs
from hmmfilter._kernels.flows import room_for_flow
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.tables import Tables
from hmmfilter._tiers import kernels


class Pairs(NamedTuple):
    """What to keep of two steps and the pair of them: None where it is not wanted.

    Sums are those of all pairs where there is room for one alone, and else those of each sequence, or of each matrix.
    """

    table: FloatArray | None = None  # (rows, K, K): ξ, `coded`
    rows: FloatArray | None = None  # (rows, K): γ, `coded`
    firsts: FloatArray | None = None  # (N, K): γ_1, `coded`
    sums: FloatArray | None = None  # (G, 2, K, K): Σ ξ in two parts; of a network (G, 2, moves): of each move
    is_by_sequence: bool = False  # whether the sums are


def shape_of_moves(tables: Tables) -> tuple[int, ...]:
    """Of what is counted of each move: (K, K) of matrices, (moves,) of a network, in the order that it lists them."""
    ways = tables.log_transition
    return ways.onward.sources.shape if isinstance(ways, Ways) else ways.shape[1:]


def fill_pairs(tables: Tables, wanted: Pairs, workers: int, progress: bool) -> Outcome:
    """Run the recursions both ways and keep what is wanted; returns what `fill_filtered` does."""
    tables, are_left, outcome = with_steps(tables)
    n_states, starts = tables.log_likelihoods.shape[1], tables.starts
    firsts = None if wanted.firsts is None else part_of(wanted.firsts, are_left)
    total = np.empty((1, 2, *shape_of_moves(tables))) if wanted.sums is None else wanted.sums
    total = part_of(total, are_left) if wanted.is_by_sequence else total
    total[:] = 0.0
    in_order = InOrder(total)

    def start_taker() -> Take:
        given, ways = tuple(tables), tables.log_transition
        is_network = isinstance(ways, Ways)
        room = room_for_flow(ways.onward, n_states) if is_network else room_for_pairs(n_states)
        sums = total if wanted.is_by_sequence else np.zeros_like(total)

        def take(span: Span) -> None:
            first, last, begin, end = span.piece
            smoothed = span.smoothed
            assert smoothed is not None
            if wanted.rows is not None:
                wanted.rows[begin:end] = smoothed[:-1]
            if firsts is not None:
                begun = np.arange(first + (starts[first] < begin), last + 1)
                firsts[begun] = smoothed[starts[begun] - begin]
            pairs = np.empty((0, n_states, n_states)) if wanted.table is None else wanted.table[begin:end]
            kept_or_added = (sums,) if is_network else (pairs, sums)

            def run(n: int, begin: int, end: int, alphas: FloatArray) -> int:
                came_to: int = (kernels.run_flows if is_network else kernels.run_pairs)(
                    given,
                    n,
                    begin,
                    end,
                    span.recursion.chains,
                    alphas,
                    span.filtered,
                    smoothed,
                    span.recursion.outcome[0],
                    room,
                    *kept_or_added,
                    wanted.is_by_sequence,
                )
                return came_to

            span.walk(starts, run)
            if begin == starts[first] and not wanted.is_by_sequence:
                in_order.add(begin, int(starts[last + 1]), sums.copy())
                sums[:] = 0.0

        return take

    fill_backwards(tables, outcome, start_taker, True, workers, progress)
    impossible = outcome[0] < starts[1:] - starts[:-1]
    if wanted.is_by_sequence:
        total[impossible] = np.nan
    elif impossible.any():
        total[matrices_of(tables, impossible) if len(total) > 1 else 0] = np.nan
    if firsts is not None and wanted.firsts is not None:
        put_back(firsts, are_left, wanted.firsts)
    if wanted.is_by_sequence and wanted.sums is not None:
        put_back(total, are_left, wanted.sums)
    return of_all(outcome, are_left)


def matrices_of(tables: Tables, chosen: BoolArray) -> IntArray:
    """Which matrices lead through the chosen sequences."""
    leads_on = np.repeat(chosen, np.diff(tables.starts))
    leads_on[tables.starts[1:] - 1] = False
    return np.unique(tables.transition_index[leads_on[: len(tables.transition_index)]])
