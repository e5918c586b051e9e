"""Rows from the last piece to the first, without a table of all of them; what is read off them one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, Held, IntArray
from hmmfilter._drivers import ages
from hmmfilter._drivers.jobs import Job, Piece, Tick, run_jobs
from hmmfilter._drivers.outcomes import Outcome, of_all, with_steps
from hmmfilter._drivers.recursions import Recursion, room_for_checkpoints, undo_code
from hmmfilter._kernels.ages import Ages
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.tables import Tables
from hmmfilter._kernels.walking import room_for_walks
from hmmfilter._kernels.wide import PLANES
from hmmfilter._tiers import kernels


class Span(NamedTuple):
    """What is known of a piece on the way back."""

    piece: Piece
    recursion: Recursion
    filtered: FloatArray  # (rows, K), `coded`, as the smoothed rows
    smoothed: FloatArray | None  # (rows + 1, K), with the first row of the piece that follows
    before: FloatArray  # α before the piece

    def walk(self, starts: IntArray, run: Callable[[int, int, int, FloatArray], int]) -> None:
        """Let a kernel go back through the rows, by a sequence, a begin, an end, and wide α, (rows, 4, K).

        There are none at first; where it stops for want of them, returning the row to which it came, there are.
        """
        begin, end, alphas = self.piece.begin, self.piece.end, np.empty((0, *self.before.shape))
        while (end := run(int(np.searchsorted(starts, end - 1, side="right")) - 1, begin, end, alphas)) > begin:
            alphas = self.recursion.trace(self.piece, self.before)


Take = Callable[[Span], None]

KEPT = 2**19  # entries of filtered rows, 4 MB, that wait for the way back: so many need not be filtered twice


def most_kept(job: Job, n_states: int) -> int:
    """How many of its last pieces make up no more than `KEPT`; the last in any case."""
    n_rows = job[-1].end - np.array([piece.begin for piece in job])
    return max(1, int(np.count_nonzero(n_rows * n_states <= KEPT)))


def fill_backwards(
    tables: Tables,
    outcome: Outcome,
    start_taker: Callable[[], Take],
    is_smoothed: bool,
    workers: int,
    progress: bool,
) -> None:
    """Let takers have all filtered rows, and smoothed ones if wanted, from the last piece of each job to the first.

    No table of all rows is kept. A first pass leaves the state before each piece; then, from the end, each piece is
    filtered once more from there [1]_. The outcome is filled; takers may read how many steps are possible.
    There must be no sequence without steps.

    References
    ----------
    .. [1] Tarnas, Hughey, "Reduced space hidden Markov model training", Bioinformatics 14 (1998), section 2.
    """
    n_states = tables.log_likelihoods.shape[1]

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        recursion, take = Recursion(tables, outcome), start_taker()
        some_rows, increments = recursion.unread
        ring = np.empty((1, PLANES, n_states))

        def filtered_rows(piece: Piece) -> tuple[FloatArray, FloatArray]:
            rows, checkpoints = np.empty((piece.end - piece.begin, n_states)), room_for_checkpoints(tables, piece)
            recursion.forward(piece, rows, increments, checkpoints)
            return rows, checkpoints

        def run(job: Job) -> None:
            before, after = np.empty((len(job), *recursion.state.shape)), recursion.state.copy()
            next_row, n_passed, kept = np.empty(n_states), len(job) - most_kept(job, n_states), []
            for number, piece in enumerate(job):
                before[number] = recursion.state
                if number < n_passed:
                    recursion.forward(piece, some_rows, increments, ring)
                else:
                    kept.append(filtered_rows(piece))
                tick((piece.end - piece.begin) // 2)
            for state, piece in zip(before[::-1], job[::-1], strict=True):
                if not kept:
                    recursion.state[:] = state
                    kept.append(filtered_rows(piece))
                (filtered, checkpoints), smoothed = kept.pop(), None
                if is_smoothed:
                    smoothed = np.concatenate([filtered, next_row[None]])
                    recursion.state[:] = after
                    recursion.backward(piece, smoothed[:-1], checkpoints)
                    after[:], next_row[:] = recursion.state, smoothed[0]
                take(Span(piece, recursion, filtered, smoothed, state))
                tick(piece.end - piece.begin - (piece.end - piece.begin) // 2)

        return run

    run_jobs(tables, start_worker, workers, progress, are_alike=True)


def fill_smoothed_states(
    tables: Tables, states: IntArray, rows: FloatArray, hold: Held, workers: int, progress: bool
) -> Outcome:
    """Fill the rows with the smoothed posteriors of some states; returns what `fill_filtered` does."""
    if isinstance(tables.log_transition, Ages):
        return ages.fill_smoothed(tables, rows, hold, workers, progress, states)
    tables, are_left, outcome = with_steps(tables)

    def start_taker() -> Take:
        def take(span: Span) -> None:
            assert span.smoothed is not None
            kept_rows = rows[span.piece.begin : span.piece.end]
            kept_rows[:] = span.smoothed[:-1, states]
            undo_code(kept_rows, hold)

        return take

    fill_backwards(tables, outcome, start_taker, True, workers, progress)
    return of_all(outcome, are_left)


def fill_best_states(tables: Tables, path: IntArray, n_correct: FloatArray, workers: int, progress: bool) -> Outcome:
    """Fill the path with the most probable state of each step, and (N,) with the sum of their probabilities.

    Returns what `fill_filtered` does.
    """
    if isinstance(tables.log_transition, Ages):
        return ages.fill_best_states(tables, path, n_correct, workers, progress)
    tables, are_left, outcome = with_steps(tables)
    total = np.zeros((2, len(tables.starts) - 1))

    def start_taker() -> Take:
        def take(span: Span) -> None:
            _, last, begin, end = span.piece
            assert span.smoothed is not None
            n_possible = span.recursion.outcome[0]
            kernels.run_best_states(tables.starts, last, begin, end, span.smoothed, n_possible, path, total)

        return take

    fill_backwards(tables, outcome, start_taker, True, workers, progress)
    n_correct[:] = 0
    n_correct[are_left] = total.sum(axis=0)
    return of_all(outcome, are_left)


def fill_drawn(tables: Tables, paths: IntArray, workers: int, progress: bool) -> Outcome:
    """Make states of the uniform numbers that the paths, (size, rows), hold, as `draw_block` says.

    Returns what `fill_filtered` does.
    """
    if isinstance(tables.log_transition, Ages):
        return ages.fill_drawn(tables, paths, workers, progress)
    tables, are_left, outcome = with_steps(tables)

    def start_taker() -> Take:
        given, ways, n_states = tuple(tables), tables.log_transition, tables.log_likelihoods.shape[1]
        is_network = isinstance(ways, Ways)
        room = room_for_walks(ways.onward, n_states) if is_network else np.empty(n_states)

        def take(span: Span) -> None:
            def run(n: int, begin: int, end: int, alphas: FloatArray) -> int:
                came_to: int = (kernels.run_walks_back if is_network else kernels.run_draws)(
                    given,
                    n,
                    begin,
                    end,
                    span.recursion.chains if is_network else span.recursion.backward_chains,
                    alphas,
                    span.filtered,
                    room,
                    paths,
                    span.recursion.outcome[0],
                )
                return came_to

            span.walk(tables.starts, run)

        return take

    fill_backwards(tables, outcome, start_taker, False, workers, progress)
    return of_all(outcome, are_left)
