"""Tables of posteriors: the forward recursion, and the backward one over what it left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hmmfilter._arrays import FloatArray, Held, IntArray
from hmmfilter._drivers import ages
from hmmfilter._drivers.jobs import Job, Tick, run_jobs
from hmmfilter._drivers.outcomes import Outcome, of_all, with_steps
from hmmfilter._drivers.recursions import Recursion, room_for_checkpoints, undo_code
from hmmfilter._kernels.ages import Ages
from hmmfilter._kernels.tables import Tables


def fill_filtered(
    tables: Tables,
    rows: FloatArray | None,
    increments: FloatArray | None,
    hold: Held,
    workers: int,
    progress: bool,
    states: IntArray | None = None,
) -> Outcome:
    """Run the forward recursion over all sequences, and keep rows and increments where there is room for them.

    Rows have all states, or some. Returns how many steps of each sequence are possible, and its log-likelihood.
    """
    if isinstance(tables.log_transition, Ages):
        return ages.fill_filtered(tables, rows, increments, hold, workers, progress, states)
    tables, are_left, outcome = with_steps(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        recursion = Recursion(tables, outcome)
        ring = recursion.state[None]  # of states that nobody reads

        def run(job: Job) -> None:
            for piece in job:
                span = slice(piece.begin, piece.end)
                # a worker's own where nobody reads them: two that compute in the same would spoil each other's sums
                kept_rows = recursion.unread[0] if rows is None else rows[span]
                all_states = kept_rows if states is None else np.empty((len(kept_rows), recursion.state.shape[1]))
                kept_increments = recursion.unread[1] if increments is None else increments[span]
                recursion.forward(piece, all_states, kept_increments, ring)
                if states is not None:
                    kept_rows[:] = all_states[:, states]
                undo_code(kept_rows, hold)
                if hold != "coded" and increments is not None:
                    undo_code(kept_increments, "logs")
                tick(piece.end - piece.begin)

        return run

    run_jobs(tables, start_worker, workers, progress)
    return of_all(outcome, are_left)


def fill_smoothed(tables: Tables, rows: FloatArray, hold: Held, workers: int, progress: bool) -> Outcome:
    """Run the recursion forwards, and backwards over what it left, job by job; returns what `fill_filtered` does."""
    if isinstance(tables.log_transition, Ages):
        return ages.fill_smoothed(tables, rows, hold, workers, progress)
    tables, are_left, outcome = with_steps(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        recursion = Recursion(tables, outcome)
        _, increments = recursion.unread

        def run(job: Job) -> None:
            checkpoints = [room_for_checkpoints(tables, piece) for piece in job]
            for piece, states in zip(job, checkpoints, strict=True):
                recursion.forward(piece, rows[piece.begin : piece.end], increments, states)
                tick((piece.end - piece.begin) // 2)
            for piece, states in zip(job[::-1], checkpoints[::-1], strict=True):
                smoothed = rows[piece.begin : piece.end]
                recursion.backward(piece, smoothed, states)
                undo_code(smoothed, hold)
                tick(piece.end - piece.begin - (piece.end - piece.begin) // 2)

        return run

    run_jobs(tables, start_worker, workers, progress)
    return of_all(outcome, are_left)
