"""From the doors to the kernels: rows cut into pieces, and pieces shared out among threads.

Sequences have nothing to do with each other, so each is one thread's work, and no bit depends on how many threads there
are. Short sequences are taken together; a long one is cut into parts, one after the other, so that a bar can follow.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _kernels
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._kernels import Tables

MOST_HELD = 2**24  # entries, 128 MB, of matrices made ready: they take ten times the room of those that are given
PIECE = 2**16  # entries of a table: some tenths of a millisecond of work or more, and of a size for the caches


class Piece(NamedTuple):
    """Rows of whole sequences, from number `first` to `last`, or of a part of one."""

    first: int
    last: int
    begin: int
    end: int


Job = list[Piece]  # one after the other, as they are of one sequence
Tick = Callable[[int], object]  # that so many more rows are done


def cut(tables: Tables) -> list[Job]:
    """Cut the rows into jobs that do not need each other."""
    starts, (n_rows, n_states) = tables.starts, tables.log_likelihoods.shape
    n_block = _kernels.block_rows(n_states)
    most = max(1, PIECE // n_states // n_block) * n_block
    first, n_sequences = 0, len(starts) - 1
    if n_rows <= most:
        return [[Piece(first, n_sequences - 1, 0, n_rows)]]
    jobs: list[Job] = []
    while first < n_sequences:
        begin = int(starts[first])
        last = max(first, int(np.searchsorted(starts, begin + most, side="right")) - 2)
        end = int(starts[last + 1])
        stops = [*range(begin + most, end, most), end] if last == first else [end]
        jobs.append([Piece(first, last, *span) for span in zip([begin, *stops], stops, strict=False)])
        first = last + 1
    return jobs


def work_off(tables: Tables, start_worker: Callable[[Tick], Callable[[Job], None]], workers: int, tick: Tick) -> None:
    """Let each worker, with room of its own to work in, take one job after the other."""
    jobs = cut(tables)
    left = iter(jobs)

    def work() -> None:
        run = start_worker(tick)
        for job in left:
            run(job)

    if min(workers, len(jobs)) == 1:
        work()
        return
    with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
        try:
            for worker in [pool.submit(work) for _ in range(min(workers, len(jobs)))]:
                worker.result()
        finally:
            deque(left, maxlen=0)  # after an interruption, nobody begins another job


def progress_bar(n_rows: int, is_wanted: bool) -> AbstractContextManager[Any]:
    """Something with an `update` that is told how many more rows are done: a bar, if wanted and tqdm is installed."""
    if is_wanted:
        with contextlib.suppress(ImportError):
            from tqdm.auto import tqdm

            bar: AbstractContextManager[Any] = tqdm(total=n_rows, unit=" steps", unit_scale=True)
            return bar
    return NO_BAR


class NoBar:
    """What stands in for a bar."""

    def __enter__(self) -> NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n_rows: int) -> None:
        """Say nothing."""


NO_BAR = NoBar()


def empty_outcome(tables: Tables) -> tuple[IntArray, FloatArray]:
    """For each sequence, how many steps of it are possible (all, for now), and room for its log-probability."""
    n_steps = tables.starts[1:] - tables.starts[:-1]
    return n_steps, np.empty(len(n_steps))


def slots(tables: Tables, slots_for: Callable[[int, int], FloatArray]) -> FloatArray:
    """Room for matrices made ready: for all of them, up to `MOST_HELD`, where an index may come back; else for one."""
    n_states = tables.log_likelihoods.shape[1]
    n_slots = 1
    if tables.transition_index.size > 0:
        n_slots = min(len(tables.log_transition), max(1, MOST_HELD // slots_for(1, n_states).size))
    return slots_for(n_slots, n_states)


def room_for_steps(tables: Tables) -> FloatArray:
    """Room for the steps of a block, or of fewer where there are no more."""
    n_rows, n_states = tables.log_likelihoods.shape
    return _kernels.room_for_steps(min(_kernels.block_rows(n_states), n_rows), n_states)


def n_checkpoints(tables: Tables, piece: Piece) -> int:
    """How many blocks of the piece are not the first of their sequence."""
    n_block = _kernels.block_rows(tables.log_likelihoods.shape[1])
    starts = tables.starts[piece.first : piece.last + 1]
    ends = np.minimum(tables.starts[piece.first + 1 : piece.last + 2], piece.end)
    before = np.maximum(0, (piece.begin - starts - 1) // n_block)
    return int(((ends - starts - 1) // n_block - before).sum())


def fill_filtered(
    tables: Tables, kept: tuple[FloatArray, FloatArray] | None, workers: int, progress: bool
) -> tuple[IntArray, FloatArray]:
    """Run the forward recursion over all sequences, and keep the rows and the increments, or None.

    Returns how many steps of each sequence are possible, and its log-likelihood.
    """
    n_rows, n_states = tables.log_likelihoods.shape
    n_block = _kernels.block_rows(n_states)
    n_possible, log_likelihood = empty_outcome(tables)
    lanes = _kernels.lanes_for(n_states)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        chains, room = slots(tables, _kernels.slots_for_chains), room_for_steps(tables)
        state, ring = np.empty((3, n_states)), np.empty((1, 3, n_states))
        # a worker's own where nobody reads them: the kernel computes in them, and two would spoil each other's sums
        unread = np.empty((n_block, n_states)), np.empty(n_block)

        def run(job: Job) -> None:
            for piece in job:
                rows, increments = unread if kept is None else (table[piece.begin : piece.end] for table in kept)
                _kernels.run_forward(
                    *tables,
                    piece.first,
                    piece.begin,
                    piece.end,
                    lanes,
                    chains,
                    room,
                    state,
                    ring,
                    rows,
                    increments,
                    n_possible,
                    log_likelihood,
                )
                tick(piece.end - piece.begin)

        return run

    with progress_bar(n_rows, progress) as bar:
        work_off(tables, start_worker, workers, bar.update)
    return n_possible, log_likelihood


def fill_smoothed(tables: Tables, rows: FloatArray, workers: int, progress: bool) -> tuple[IntArray, FloatArray]:
    """Run the recursion forwards, and backwards over what it left, job by job; returns what `fill_filtered` does."""
    n_rows, n_states = tables.log_likelihoods.shape
    n_possible, log_likelihood = empty_outcome(tables)
    lanes = _kernels.lanes_for(n_states)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        chains, backward_chains = (slots(tables, _kernels.slots_for_chains) for _ in range(2))
        room = room_for_steps(tables)
        state = np.empty((3, n_states))
        increments = np.empty(_kernels.block_rows(n_states))

        def run(job: Job) -> None:
            counts = [n_checkpoints(tables, piece) for piece in job]
            checkpoints = np.split(np.empty((sum(counts), 3, n_states)), np.cumsum(counts[:-1]))
            for piece, states in zip(job, checkpoints, strict=True):
                _kernels.run_forward(
                    *tables,
                    piece.first,
                    piece.begin,
                    piece.end,
                    lanes,
                    chains,
                    room,
                    state,
                    states,
                    rows[piece.begin : piece.end],
                    increments,
                    n_possible,
                    log_likelihood,
                )
                tick((piece.end - piece.begin) // 2)
            for piece, states in zip(job[::-1], checkpoints[::-1], strict=True):
                _kernels.run_backward(
                    *tables,
                    piece.last,
                    piece.begin,
                    piece.end,
                    lanes,
                    chains,
                    backward_chains,
                    room,
                    state,
                    states,
                    rows[piece.begin : piece.end],
                    n_possible,
                )
                tick(piece.end - piece.begin - (piece.end - piece.begin) // 2)

        return run

    with progress_bar(n_rows, progress) as bar:
        work_off(tables, start_worker, workers, bar.update)
    return n_possible, log_likelihood


def fill_decoded(tables: Tables, path: IntArray, workers: int, progress: bool) -> tuple[IntArray, FloatArray]:
    """Run the decoder over all sequences, each as a whole; returns what `fill_filtered` does, of the best paths."""
    n_rows, n_states = tables.log_likelihoods.shape
    n_possible, log_joint = empty_outcome(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        moves, room = slots(tables, _kernels.slots_for_moves), _kernels.room_for_decoding(n_states)

        def run(job: Job) -> None:
            first, last, begin, end = job[0].first, job[-1].last, job[0].begin, job[-1].end
            longest = int(np.diff(tables.starts[first : last + 2]).max())
            log_delta = np.empty((longest, n_states))
            _kernels.run_viterbi(*tables, first, begin, end, moves, room, log_delta, path, n_possible, log_joint)
            tick(end - begin)

        return run

    with progress_bar(n_rows, progress) as bar:
        work_off(tables, start_worker, workers, bar.update)
    return n_possible, log_joint
