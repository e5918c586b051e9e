"""From the doors to the kernels: rows cut into pieces, and pieces shared out among threads.

Sequences have nothing to do with each other, so each is one thread's work, and no bit depends on how many threads there
are. Short sequences are taken together; a long one is cut into parts, one after the other, so that a bar can follow.
Kernels meet no sequence without steps: the drivers leave it out, and say of it what is true of nothing.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _kernels
from hmmfilter._arrays import BoolArray, FloatArray, Held, IntArray, frozen
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
    """Cut the rows into jobs that do not need each other; pieces grow with √T, so that few of them make a long job."""
    starts, (n_rows, n_states) = tables.starts, tables.log_likelihoods.shape
    n_block = _kernels.block_rows(n_states)
    most = max(1, max(PIECE // n_states, math.isqrt(n_rows)) // n_block) * n_block
    first, n_sequences = 0, len(starts) - 1
    if n_rows <= most:
        return [[Piece(first, n_sequences - 1, 0, n_rows)]] if n_rows > 0 else []
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
    if not jobs:
        return
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


def run_jobs(
    tables: Tables, start_worker: Callable[[Tick], Callable[[Job], None]], workers: int, progress: bool
) -> None:
    """`work_off`, with a bar over all rows, if wanted."""
    with progress_bar(len(tables.log_likelihoods), progress) as bar:
        work_off(tables, start_worker, workers, bar.update)


def empty_outcome(tables: Tables) -> tuple[IntArray, FloatArray]:
    """For each sequence, how many steps of it are possible (all, for now), and room for its log-probability."""
    n_steps = tables.starts[1:] - tables.starts[:-1]
    return n_steps, np.empty(len(n_steps))


def with_steps(tables: Tables) -> tuple[Tables, BoolArray]:
    """The tables without sequences that have no steps; and which sequences are left."""
    are_left = np.diff(tables.starts) > 0
    if are_left.all():
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
    if are_left.all():
        return outcome
    n_possible, totals = np.zeros(len(are_left), dtype=np.int64), np.zeros(len(are_left))
    n_possible[are_left], totals[are_left] = outcome
    return n_possible, totals


def slots(tables: Tables, slots_for: Callable[[int, int], FloatArray]) -> FloatArray:
    """Room for matrices made ready: for all of them where an index may come back, else for one."""
    n_matrices = len(tables.log_transition) if tables.transition_index.size > 0 else 1
    return slots_for_up_to(n_matrices, tables.log_likelihoods.shape[1], slots_for)


def slots_for_up_to(n_matrices: int, n_states: int, slots_for: Callable[[int, int], FloatArray]) -> FloatArray:
    """Room for so many matrices made ready, or for fewer, up to `MOST_HELD`."""
    return slots_for(min(n_matrices, max(1, MOST_HELD // slots_for(1, n_states).size)), n_states)


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


class Recursion:
    """What one worker runs the recursions with: room of its own, and the outcome that all of them fill."""

    def __init__(self, tables: Tables, outcome: tuple[IntArray, FloatArray]) -> None:
        n_states = tables.log_likelihoods.shape[1]
        self._tables, self.outcome = tables, outcome
        self._lanes = _kernels.lanes_for(n_states)
        self.chains, self._room = slots(tables, _kernels.slots_for_chains), room_for_steps(tables)
        self.state = np.empty((3, n_states))  # α before or after a piece or, backwards, ω after or before it

    @cached_property
    def unread(self) -> tuple[FloatArray, FloatArray]:
        """Rows and increments of a block, for a kernel to compute in where nobody reads them."""
        n_states = self.state.shape[1]
        return np.empty((_kernels.block_rows(n_states), n_states)), np.empty(_kernels.block_rows(n_states))

    @cached_property
    def backward_chains(self) -> FloatArray:
        return slots(self._tables, _kernels.slots_for_chains)

    def forward(self, piece: Piece, rows: FloatArray, increments: FloatArray, checkpoints: FloatArray) -> None:
        """Filter a piece."""
        _kernels.run_forward(
            *self._tables,
            piece.first,
            piece.begin,
            piece.end,
            self._lanes,
            self.chains,
            self._room,
            self.state,
            checkpoints,
            rows,
            increments,
            *self.outcome,
        )

    def backward(self, piece: Piece, rows: FloatArray, checkpoints: FloatArray) -> None:
        """Smooth what `forward` left of a piece."""
        _kernels.run_backward(
            *self._tables,
            piece.last,
            piece.begin,
            piece.end,
            self._lanes,
            self.chains,
            self.backward_chains,
            self._room,
            self.state,
            checkpoints,
            rows,
            self.outcome[0],
        )

    def trace(self, piece: Piece, before: FloatArray) -> FloatArray:
        """Wide α of a piece, (rows, 3, K), from the state before it."""
        alphas = np.empty((piece.end - piece.begin, *before.shape))
        _kernels.run_trace(
            *self._tables, piece.first, piece.begin, piece.end, self._lanes, self.chains, self._room, before, alphas
        )
        return alphas


def room_for_checkpoints(tables: Tables, piece: Piece) -> FloatArray:
    """Room for the states before all blocks of the piece that are not the first of their sequence."""
    return np.empty((n_checkpoints(tables, piece), 3, tables.log_likelihoods.shape[1]))


def undo_code(table: FloatArray, hold: Held) -> None:
    """Make plain numbers, or their logs, of `coded` ones, in place; or leave them as they are."""
    flat = table.reshape(-1)
    if hold == "probabilities":
        _kernels.take_numbers(flat, flat)
    elif hold == "logs":
        _kernels.take_logs(flat, flat)


def fill_filtered(
    tables: Tables,
    rows: FloatArray | None,
    increments: FloatArray | None,
    hold: Held,
    workers: int,
    progress: bool,
) -> tuple[IntArray, FloatArray]:
    """Run the forward recursion over all sequences, and keep rows and increments where there is room for them.

    Returns how many steps of each sequence are possible, and its log-likelihood.
    """
    n_states, (tables, are_left) = tables.log_likelihoods.shape[1], with_steps(tables)
    outcome = empty_outcome(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        recursion, ring = Recursion(tables, outcome), np.empty((1, 3, n_states))

        def run(job: Job) -> None:
            for piece in job:
                span = slice(piece.begin, piece.end)
                # a worker's own where nobody reads them: two that compute in the same would spoil each other's sums
                kept_rows = recursion.unread[0] if rows is None else rows[span]
                kept_increments = recursion.unread[1] if increments is None else increments[span]
                recursion.forward(piece, kept_rows, kept_increments, ring)
                undo_code(kept_rows, hold)
                if hold != "coded" and increments is not None:
                    undo_code(kept_increments, "logs")
                tick(piece.end - piece.begin)

        return run

    run_jobs(tables, start_worker, workers, progress)
    return of_all(outcome, are_left)


def fill_smoothed(
    tables: Tables, rows: FloatArray, hold: Held, workers: int, progress: bool
) -> tuple[IntArray, FloatArray]:
    """Run the recursion forwards, and backwards over what it left, job by job; returns what `fill_filtered` does."""
    tables, are_left = with_steps(tables)
    outcome = empty_outcome(tables)

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


class Span(NamedTuple):
    """What is known of a piece on the way back."""

    piece: Piece
    recursion: Recursion
    filtered: FloatArray  # (rows, K), `coded`, as the smoothed rows
    smoothed: FloatArray | None  # (rows + 1, K), with the first row of the piece that follows
    before: FloatArray  # α before the piece

    def walk(self, starts: IntArray, run: Callable[[int, int, int, FloatArray], int]) -> None:
        """Let a kernel go back through the rows, by a sequence, a begin, an end, and wide α, (rows, 3, K).

        There are none at first; where it stops for want of them, returning the row to which it came, there are.
        """
        begin, end, alphas = self.piece.begin, self.piece.end, np.empty((0, *self.before.shape))
        while (end := run(int(np.searchsorted(starts, end - 1, side="right")) - 1, begin, end, alphas)) > begin:
            alphas = self.recursion.trace(self.piece, self.before)


Take = Callable[[Span], None]


def fill_backwards(
    tables: Tables, start_taker: Callable[[], Take], is_smoothed: bool, workers: int, progress: bool
) -> tuple[IntArray, FloatArray]:
    """Let takers have all filtered rows, and smoothed ones if wanted, from the last piece of each job to the first.

    No table of all rows is kept. A first pass leaves the state before each piece; then, from the end, each piece is
    filtered once more from there [1]_. Returns what `fill_filtered` does; takers may read how many steps are possible.
    There must be no sequence without steps.

    References
    ----------
    .. [1] Tarnas, Hughey, "Reduced space hidden Markov model training", Bioinformatics 14 (1998), section 2.
    """
    n_states = tables.log_likelihoods.shape[1]
    outcome = empty_outcome(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        recursion, take = Recursion(tables, outcome), start_taker()
        some_rows, increments = recursion.unread
        ring = np.empty((1, 3, n_states))

        def run(job: Job) -> None:
            before, after, next_row = np.empty((len(job), 3, n_states)), recursion.state.copy(), np.empty(n_states)
            for number, piece in enumerate(job[:-1]):
                before[number] = recursion.state
                recursion.forward(piece, some_rows, increments, ring)
                tick((piece.end - piece.begin) // 2)
            before[-1] = recursion.state
            for state, piece in zip(before[::-1], job[::-1], strict=True):
                n_rows = piece.end - piece.begin
                recursion.state[:] = state
                filtered, smoothed = np.empty((n_rows, n_states)), None
                checkpoints = room_for_checkpoints(tables, piece)
                recursion.forward(piece, filtered, increments, checkpoints)
                if is_smoothed:
                    smoothed = np.concatenate([filtered, next_row[None]])
                    recursion.state[:] = after
                    recursion.backward(piece, smoothed[:-1], checkpoints)
                    after[:], next_row[:] = recursion.state, smoothed[0]
                take(Span(piece, recursion, filtered, smoothed, state))
                tick(n_rows if piece is job[-1] else n_rows - n_rows // 2)

        return run

    run_jobs(tables, start_worker, workers, progress)
    return outcome


class InOrder:
    """Adds up what jobs found in the order of their rows, whichever is done first, so that it changes no bit."""

    def __init__(self, total: FloatArray) -> None:
        self._total, self._row = total, 0
        self._waiting: dict[int, tuple[int, FloatArray]] = {}
        self._lock = threading.Lock()

    def add(self, begin: int, end: int, part: FloatArray) -> None:
        """Take the sums of the job of these rows; they have two parts, as the total."""
        with self._lock:
            self._waiting[begin] = end, part
            while self._row in self._waiting:
                self._row, part = self._waiting.pop(self._row)
                _kernels.join_sums(part, self._total)


class Pairs(NamedTuple):
    """What to keep of two steps and the pair of them: None where it is not wanted.

    Sums are those of all pairs where there is room for one alone, and else those of each sequence, or of each matrix.
    """

    table: FloatArray | None = None  # (rows, K, K): ξ, `coded`
    rows: FloatArray | None = None  # (rows, K): γ, `coded`
    firsts: FloatArray | None = None  # (N, K): γ_1, `coded`
    sums: FloatArray | None = None  # (G, 2, K, K): Σ ξ in two parts
    is_by_sequence: bool = False  # whether the sums are


def fill_pairs(tables: Tables, wanted: Pairs, workers: int, progress: bool) -> tuple[IntArray, FloatArray]:
    """Run the recursions both ways and keep what is wanted; returns what `fill_filtered` does."""
    n_states, (tables, are_left) = tables.log_likelihoods.shape[1], with_steps(tables)
    starts = tables.starts
    firsts = None if wanted.firsts is None else part_of(wanted.firsts, are_left)
    total = np.empty((1, 2, n_states, n_states)) if wanted.sums is None else wanted.sums
    total = part_of(total, are_left) if wanted.is_by_sequence else total
    total[:] = 0.0
    in_order = InOrder(total)

    def start_taker() -> Take:
        room, table = np.empty((2, _kernels.tiled(n_states))), np.empty((n_states, n_states))
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

            def run(n: int, begin: int, end: int, alphas: FloatArray) -> int:
                return _kernels.run_pairs(
                    *tables,
                    n,
                    begin,
                    end,
                    span.recursion.chains,
                    alphas,
                    span.filtered,
                    smoothed,
                    span.recursion.outcome[0],
                    room,
                    table,
                    pairs,
                    sums,
                    wanted.is_by_sequence,
                )

            span.walk(starts, run)
            if begin == starts[first] and not wanted.is_by_sequence:
                in_order.add(begin, int(starts[last + 1]), sums.copy())
                sums[:] = 0.0

        return take

    n_possible, log_likelihood = fill_backwards(tables, start_taker, True, workers, progress)
    impossible = n_possible < starts[1:] - starts[:-1]
    if wanted.is_by_sequence:
        total[impossible] = np.nan
    elif impossible.any():
        total[matrices_of(tables, impossible) if len(total) > 1 else 0] = np.nan
    if firsts is not None and wanted.firsts is not None:
        put_back(firsts, are_left, wanted.firsts)
    if wanted.is_by_sequence and wanted.sums is not None:
        put_back(total, are_left, wanted.sums)
    return of_all((n_possible, log_likelihood), are_left)


def matrices_of(tables: Tables, chosen: BoolArray) -> IntArray:
    """Which matrices lead through the chosen sequences."""
    leads_on = np.repeat(chosen, np.diff(tables.starts))
    leads_on[tables.starts[1:] - 1] = False
    return np.unique(tables.transition_index[leads_on[: len(tables.transition_index)]])


def fill_best_states(
    tables: Tables, path: IntArray, n_correct: FloatArray, workers: int, progress: bool
) -> tuple[IntArray, FloatArray]:
    """Fill the path with the most probable state of each step, and (N,) with the sum of their probabilities.

    Returns what `fill_filtered` does.
    """
    tables, are_left = with_steps(tables)
    total = np.zeros((2, len(tables.starts) - 1))

    def start_taker() -> Take:
        def take(span: Span) -> None:
            _, last, begin, end = span.piece
            assert span.smoothed is not None
            n_possible = span.recursion.outcome[0]
            _kernels.run_best_states(tables.starts, last, begin, end, span.smoothed, n_possible, path, total)

        return take

    outcome = fill_backwards(tables, start_taker, True, workers, progress)
    n_correct[:] = 0
    n_correct[are_left] = total.sum(axis=0)
    return of_all(outcome, are_left)


def fill_drawn(tables: Tables, paths: IntArray, workers: int, progress: bool) -> tuple[IntArray, FloatArray]:
    """Make states of the uniform numbers that the paths, (size, rows), hold, as `draw_block` says.

    Returns what `fill_filtered` does.
    """
    tables, are_left = with_steps(tables)

    def start_taker() -> Take:
        weights = np.empty(tables.log_likelihoods.shape[1])

        def take(span: Span) -> None:
            def run(n: int, begin: int, end: int, alphas: FloatArray) -> int:
                return _kernels.run_draws(
                    *tables,
                    n,
                    begin,
                    end,
                    span.recursion.backward_chains,
                    alphas,
                    span.filtered,
                    weights,
                    paths,
                    span.recursion.outcome[0],
                )

            span.walk(tables.starts, run)

        return take

    return of_all(fill_backwards(tables, start_taker, False, workers, progress), are_left)


Decode = Callable[[int, int, int, int], None]  # sequences: the first, its row, the end, and how long the longest is


def run_whole(tables: Tables, start_decoder: Callable[[], Decode], workers: int, progress: bool) -> None:
    """Let decoders, each with room of its own to work in, have all sequences, each as a whole."""

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        decode = start_decoder()

        def run(job: Job) -> None:
            first, last, begin, end = job[0].first, job[-1].last, job[0].begin, job[-1].end
            decode(first, begin, end, int(np.diff(tables.starts[first : last + 2]).max()))
            tick(end - begin)

        return run

    run_jobs(tables, start_worker, workers, progress)


def fill_decoded(tables: Tables, path: IntArray, workers: int, progress: bool) -> tuple[IntArray, FloatArray]:
    """Run the decoder over all sequences; returns what `fill_filtered` does, of the best paths."""
    n_states, (tables, are_left) = tables.log_likelihoods.shape[1], with_steps(tables)
    n_possible, log_joint = empty_outcome(tables)

    def start_decoder() -> Decode:
        moves, room = slots(tables, _kernels.slots_for_moves), _kernels.room_for_decoding(n_states)

        def decode(first: int, begin: int, end: int, longest: int) -> None:
            log_delta = np.empty((longest, n_states))
            _kernels.run_viterbi(*tables, first, begin, end, moves, room, log_delta, path, n_possible, log_joint)

        return decode

    run_whole(tables, start_decoder, workers, progress)
    return of_all((n_possible, log_joint), are_left)


def at_most_all(n_paths: int, n_steps: int, n_states: int) -> int:
    """So many paths, or as many as there are where there are fewer."""
    return min(n_paths, int(n_states ** min(n_steps, n_paths.bit_length())))


def fill_n_best(tables: Tables, n_paths: int, workers: int, progress: bool) -> tuple[IntArray, FloatArray, IntArray]:
    """Rank so many best paths of all sequences.

    Returns the paths, their log-probabilities, and how many steps of each sequence are possible.
    """
    (n_rows, n_states), (tables, are_left) = tables.log_likelihoods.shape, with_steps(tables)
    n_possible, _ = empty_outcome(tables)
    paths = np.full((n_paths, n_rows), -1, dtype=np.int64)
    log_joints = np.full((len(n_possible), n_paths), -np.inf)

    def start_decoder() -> Decode:
        log_delta = np.empty((2, 2, n_states))

        def decode(first: int, begin: int, end: int, longest: int) -> None:
            lists = _kernels.room_for_lists(longest, n_states, at_most_all(n_paths, longest, n_states))
            _kernels.run_viterbi_n_best(*tables, first, begin, end, lists, log_delta, paths, n_possible, log_joints)

        return decode

    run_whole(tables, start_decoder, workers, progress)
    ranked = np.full((len(are_left), n_paths), -np.inf)
    ranked[are_left], ranked[~are_left, 0] = log_joints, 0
    n_possible, _ = of_all((n_possible, log_joints[:, 0]), are_left)
    return paths, ranked, n_possible


def fill_max_marginals(tables: Tables, rows: FloatArray, workers: int, progress: bool) -> IntArray:
    """Fill in the best log-joint through each state, of all sequences; returns how many steps of each are possible."""
    n_states, (tables, are_left) = tables.log_likelihoods.shape[1], with_steps(tables)
    outcome = empty_outcome(tables)

    def start_decoder() -> Decode:
        moves, rests = slots(tables, _kernels.slots_for_moves), np.empty((4, n_states))

        def decode(first: int, begin: int, end: int, longest: int) -> None:
            tails = np.empty((longest, n_states))
            _kernels.run_max_marginals(*tables, first, begin, end, moves, rests, tails, rows, outcome[0])

        return decode

    run_whole(tables, start_decoder, workers, progress)
    return of_all(outcome, are_left)[0]
