"""Sojourns: each sequence from window to window, forwards, and back over what was kept at the beginning of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, Held, IntArray
from hmmfilter._drivers.jobs import Job, Tick, run_jobs
from hmmfilter._drivers.ordering import InOrder
from hmmfilter._drivers.outcomes import Outcome, of_all, with_steps
from hmmfilter._drivers.recursions import undo_code
from hmmfilter._kernels.ages import Ages, Window, room_for_window
from hmmfilter._kernels.futures import Counts, Future, room_for_ends, room_for_future
from hmmfilter._kernels.sojourns import room_for_scores
from hmmfilter._kernels.tables import Tables, initial_at
from hmmfilter._tiers import kernels

LEAST_ROWS, ROWS_AN_AGE = 256, 4  # of a window: so many, or so many times as many as there are ages


Fill = Callable[[int, int, FloatArray], None]  # of rows from a begin to an end, a table of their log-likelihoods


class Part(NamedTuple):
    """Some rows of a sequence, as many as a window has."""

    begin: int
    end: int
    is_begin: bool  # of the sequence
    is_end: bool


def parts_of(tables: Tables, n: int) -> list[Part]:
    """The rows of a sequence, window by window."""
    n_most, (start, end) = rows_of_window(tables), tables.starts[n : n + 2].tolist()
    begins = range(start, end, n_most)
    return [Part(t, min(t + n_most, end), t == start, t + n_most >= end) for t in begins]


def rows_of_window(tables: Tables) -> int:
    """How many rows a window has: many ages may not be copied too often."""
    return int(min(len(tables.log_likelihoods), max(LEAST_ROWS, ROWS_AN_AGE * tables.log_transition.heads.shape[2])))


def sequences_of(job: Job) -> range:
    """The numbers of the sequences of a job."""
    return range(job[0].first, job[-1].last + 1)


class Kept(NamedTuple):
    """What a window begins with."""

    entries: tuple[FloatArray, ...]  # (K, D) each: heads, exponents and those of the living
    steps: tuple[FloatArray, ...]  # factors, what enters, and facts


class Sojourns:
    """What one worker runs the recursions with: room of its own, and the outcome that all of them fill."""

    def __init__(self, tables: Tables, outcome: Outcome, fill: Fill | None = None) -> None:
        n_states, self._ages = tables.log_likelihoods.shape[1], tables.log_transition
        self._tables, self.outcome, n_rows = tables, outcome, rows_of_window(tables)
        self._n_ages = self._ages.heads.shape[2]
        self.window: Window = room_for_window(n_states, self._n_ages, n_rows)
        self.unread = np.empty((n_rows, n_states)), np.empty(n_rows)
        self._fill, self._filled = fill, (0, np.empty((0, n_states)))

    def forward(
        self, n: int, rows: FloatArray | None, increments: FloatArray | None, states: list[Kept] | None = None
    ) -> Iterator[Part]:
        """Filter a sequence, part by part; rows and increments are those of all sequences.

        What each part begins with is kept where there is a list for it.
        """
        n_possible, log_likelihood = self.outcome
        start, is_possible, before = int(self._tables.starts[n]), True, 0
        for part in parts_of(self._tables, n):
            span = slice(part.begin, part.end)
            n_rows = part.end - part.begin
            its_rows = self.unread[0][:n_rows] if rows is None else rows[span]
            its_increments = self.unread[1][:n_rows] if increments is None else increments[span]
            reached = 0
            if is_possible:
                self._begin(n) if part.is_begin else kernels.run_carrying(self.window, before)
                if states is not None:
                    states.append(self._kept())
                reached = self._run(part, its_rows, its_increments)
                if reached < n_rows:
                    n_possible[n], log_likelihood[n] = part.begin + reached - start, -math.inf
                    its_increments[reached], is_possible = 0.0, False
                    its_increments[reached + 1 :] = math.nan
            else:
                its_increments[:] = math.nan
            its_rows[reached:] = math.nan
            before = n_rows
            if part.is_end and is_possible:
                log_likelihood[n] = kernels.run_likelihood(self.window)
            yield part

    def _begin(self, n: int) -> None:
        kernels.run_beginning(self._tables.log_initial[initial_at(self._tables, n)], self._ages, self.window)

    def _run(self, part: Part, rows: FloatArray, increments: FloatArray) -> int:
        log_b = self._log_likelihoods(part)
        reached: int = kernels.run_ageing(log_b, self._ages, self.window, part.is_end, rows, increments)
        return reached

    def _log_likelihoods(self, part: Part) -> FloatArray:
        """Those of a part, from the tables, or as they are filled in."""
        if self._fill is None:
            return self._tables.log_likelihoods[part.begin : part.end]
        begin, table = self._filled
        if begin != part.begin or len(table) != part.end - part.begin:
            table = np.empty((part.end - part.begin, self.unread[0].shape[1]))
            self._fill(part.begin, part.end, table)
            self._filled = part.begin, table
        return table

    def _kept(self) -> Kept:
        """What the window begins with, to come back to."""
        window = self.window
        entries = (window.heads, window.exponents, window.live)
        steps = (window.factors[0], window.entering, window.facts)
        return Kept(tuple(x[:, : self._n_ages].copy() for x in entries), tuple(x.copy() for x in steps))

    def _again(self, part: Part, kept: Kept) -> FloatArray:
        """Filter a part once more; returns its rows."""
        window = self.window
        for x, was in zip((window.heads, window.exponents, window.live), kept.entries, strict=True):
            x[:, : self._n_ages] = was
        for x, was in zip((window.factors[0], window.entering, window.facts), kept.steps, strict=True):
            x[...] = was
        rows, increments = (x[: part.end - part.begin] for x in self.unread)
        self._run(part, rows, increments)
        return rows

    def there_and_back(self, n: int, tick: Tick) -> Iterator[tuple[Part, FloatArray]]:
        """Filter a sequence, and then come back to its parts from the last on, each with its window and filtered rows.

        There is none where it is impossible.
        """
        states: list[Kept] = []
        parts = parts_of(self._tables, n)
        for part in self.forward(n, None, None, states):
            tick((part.end - part.begin) // 2)
        is_possible = self.outcome[1][n] > -math.inf
        for part, kept in zip(parts[::-1], states[::-1] if is_possible else (), strict=is_possible):
            yield part, self._again(part, kept)
            tick(part.end - part.begin - (part.end - part.begin) // 2)

    def smooth(self, n: int, counts: Counts, tick: Tick) -> Iterator[tuple[Part, FloatArray]]:
        """Smoothed rows of a sequence, part by part, from the last one back; counts are added to."""
        future: Future | None = None
        for part, rows in self.there_and_back(n, tick):
            n_rows = part.end - part.begin
            if future is None:
                future = room_for_future(rows.shape[1], self._n_ages, len(self.unread[1]))
                kernels.run_ending(self._ages, self.window, n_rows, future)
            else:
                kernels.run_carrying_back(self.window, n_rows, future)
            log_b = self._log_likelihoods(part)
            facts = part.is_begin, part.is_end
            kernels.run_rejuvenating(log_b, self._ages, self.window, future, *facts, rows, counts)
            yield part, rows


def fill_filtered(
    tables: Tables,
    rows: FloatArray | None,
    increments: FloatArray | None,
    hold: Held,
    workers: int,
    progress: bool,
    states: IntArray | None,
) -> Outcome:
    """`posteriors.fill_filtered` of sojourns."""
    tables, are_left, outcome = with_steps(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        sojourns = Sojourns(tables, outcome)

        def run(job: Job) -> None:
            for n in sequences_of(job):
                for part in sojourns.forward(n, rows if states is None else None, increments):
                    if rows is not None:
                        if states is not None:
                            some = sojourns.unread[0][: part.end - part.begin]
                            rows[part.begin : part.end] = some[:, states]
                        undo_code(rows[part.begin : part.end], hold)
                    if hold != "coded" and increments is not None:
                        undo_code(increments[part.begin : part.end], "logs")
                    tick(part.end - part.begin)

        return run

    run_jobs(tables, start_worker, workers, progress)
    return of_all(outcome, are_left)


def fill_smoothed(
    tables: Tables, rows: FloatArray, hold: Held, workers: int, progress: bool, states: IntArray | None = None
) -> Outcome:
    """`posteriors.fill_smoothed` of sojourns, of all states or of some."""
    nothing = room_for_ends(0, 0)

    def take(n: int, sojourns: Sojourns, tables: Tables, tick: Tick) -> None:
        rows[tables.starts[n] : tables.starts[n + 1]] = math.nan
        for part, smoothed in sojourns.smooth(n, nothing, tick):
            undo_code(smoothed, hold)
            rows[part.begin : part.end] = smoothed if states is None else smoothed[:, states]

    return take_each(tables, take, workers, progress)


def take_each(
    tables: Tables, take: Callable[[int, Sojourns, Tables, Tick], None], workers: int, progress: bool
) -> Outcome:
    """Let a function have each sequence that has steps, by its number among these; returns what is found of all."""
    tables, are_left, outcome = with_steps(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        sojourns = Sojourns(tables, outcome)

        def run(job: Job) -> None:
            for n in sequences_of(job):
                take(n, sojourns, tables, tick)

        return run

    run_jobs(tables, start_worker, workers, progress)
    return of_all(outcome, are_left)


def fill_best_states(tables: Tables, path: IntArray, n_correct: FloatArray, workers: int, progress: bool) -> Outcome:
    """`backwards.fill_best_states` of sojourns."""
    nothing, with_rows = room_for_ends(0, 0), np.flatnonzero(np.diff(tables.starts) > 0)
    n_correct[:] = 0

    def take(n: int, sojourns: Sojourns, tables: Tables, tick: Tick) -> None:
        path[tables.starts[n] : tables.starts[n + 1]], n_correct[with_rows[n]] = -1, math.nan
        sums = []
        for part, smoothed in sojourns.smooth(n, nothing, tick):
            best = smoothed.argmax(axis=1)
            path[part.begin : part.end] = best
            sums.append(math.fsum(smoothed[np.arange(len(best)), best].tolist()))
        if sums:
            n_correct[with_rows[n]] = math.fsum(sums)

    return take_each(tables, take, workers, progress)


def fill_drawn(tables: Tables, paths: IntArray, workers: int, progress: bool) -> Outcome:
    """`backwards.fill_drawn` of sojourns: each takes one of the uniform numbers of its steps."""

    def take(n: int, sojourns: Sojourns, tables: Tables, tick: Tick) -> None:
        start, end = tables.starts[n : n + 2].tolist()
        cursors = np.tile(np.array([end - 1, -1, start]), (len(paths), 1))
        is_drawn = False
        for part, _ in sojourns.there_and_back(n, tick):
            log_b, is_drawn = tables.log_likelihoods[part.begin : part.end], True
            ages = tables.log_transition
            kernels.run_drawing_back(log_b, ages, sojourns.window, part.begin, end, cursors, paths)
        if not is_drawn:
            paths[:, start:end] = -1

    return take_each(tables, take, workers, progress)


def fill_decoded(tables: Tables, path: IntArray, lasted: IntArray, workers: int, progress: bool) -> Outcome:
    """`decoders.fill_decoded` of sojourns, and how long each has lasted at each step."""

    def take(n: int, sojourns: Sojourns, tables: Tables, tick: Tick) -> None:
        ages: Ages = tables.log_transition
        _, log_joint = sojourns.outcome
        start, end = tables.starts[n : n + 2].tolist()
        path[start:end], lasted[start:end] = -1, -1
        log_b, log_initial = tables.log_likelihoods[start:end], tables.log_initial[initial_at(tables, n)]
        scores = room_for_scores(log_b.shape[1], ages.heads.shape[2], end - start)
        best = kernels.run_lasting(log_initial, log_b, ages, scores, path[start:end], lasted[start:end])
        if best == -math.inf:
            for _ in sojourns.forward(n, None, None):
                pass
        log_joint[n] = best
        tick(end - start)

    return take_each(tables, take, workers, progress)


def room_for_ages(tables: Tables) -> IntArray | None:
    """Room for how long sojourns have lasted at each step; None where they have no durations."""
    is_of_sojourns = isinstance(tables.log_transition, Ages)
    return np.empty(len(tables.log_likelihoods), dtype=np.int64) if is_of_sojourns else None


class SojournSums(NamedTuple):
    """Counts of all sequences, or of each alone; ages ascend."""

    ended: FloatArray  # (G, K, D)
    going_on: FloatArray
    begun: FloatArray
    moves: FloatArray  # (G, K, K)

    def whole(self) -> SojournSums:
        """Counts where no sojourn goes on after the end: the last ones end there."""
        return self._replace(ended=self.ended + self.going_on, going_on=np.zeros_like(self.going_on))

    def first(self) -> SojournSums:
        """The first of the counts, without the axis of them."""
        return SojournSums(*(x[0] for x in self))


def count_sojourns(tables: Tables, is_by_sequence: bool, workers: int, progress: bool) -> tuple[Outcome, SojournSums]:
    """Count sojourns by their ages, and what follows them; NaN of impossible ones.

    Sequences are added up job by job, and jobs in the order of their rows, so that workers change no bit.
    """
    n_states, with_rows = tables.log_likelihoods.shape[1], np.flatnonzero(np.diff(tables.starts) > 0)
    n_sums, parts = len(tables.starts) - 1 if is_by_sequence else 1, dict[int, FloatArray]()
    n_ages, padded = tables.log_transition.n_ages, tables.log_transition.heads.shape[2]
    size = n_states * (3 * n_ages + n_states)
    sums = np.zeros((n_sums, size))
    kept, are_left, outcome = with_steps(tables)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        sojourns = Sojourns(kept, outcome)

        def run(job: Job) -> None:
            total = np.zeros((2, size))
            for n in sequences_of(job):
                counts, number = room_for_ends(n_states, padded), with_rows[n]
                for _ in sojourns.smooth(n, counts, tick):
                    pass
                found = flat(counts, n_ages)
                if outcome[1][n] == -math.inf:
                    found[:] = math.nan
                if is_by_sequence:
                    sums[number] = found
                add_in_two_parts(total, found)
            parts[job[0].begin] = total

        return run

    run_jobs(kept, start_worker, workers, progress, are_alike=True)
    if not is_by_sequence:
        total = np.zeros((2, size))
        for begin in sorted(parts):
            add_in_two_parts(total, parts[begin][0])
            total[1] += parts[begin][1]
        sums[0] = total.sum(axis=0)
    return of_all(outcome, are_left), shaped(sums, n_states, n_ages)


class Learnt(NamedTuple):
    """What one expectation step comes to: of each sequence, whether it is possible; sums, and what rows show."""

    outcome: Outcome
    sums: SojournSums
    shown: FloatArray  # (n,)


def expect_sojourns(tables: Tables, weights: FloatArray, source: Any, workers: int, progress: bool) -> Learnt:
    """Count sojourns of sequences, of which each counts as often as its weight says, and what their rows show."""
    n_states, shape = tables.log_likelihoods.shape[1], source.sums().shape
    n_ages = tables.log_transition.n_ages
    kept, are_left, outcome = with_steps(tables)
    weights, padded = weights[are_left], tables.log_transition.heads.shape[2]
    total = np.zeros((1, 2, n_states * (3 * n_ages + n_states) + shape[1]))
    in_order, nothing = InOrder(total), room_for_ends(0, 0)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        sojourns = Sojourns(kept, outcome, source.fill)

        def run(job: Job) -> None:
            found, shown = np.zeros((2, total.shape[2] - shape[1])), source.sums()
            for n in sequences_of(job):
                counts = room_for_ends(n_states, padded) if weights[n] > 0 else nothing
                for part, smoothed in sojourns.smooth(n, counts, tick):
                    if weights[n] > 0:
                        undo_code(smoothed, "probabilities")
                        source.add(part.begin, part.end, smoothed * weights[n], shown)
                if weights[n] > 0:
                    add_in_two_parts(found, weights[n] * flat(counts, n_ages))
            in_order.add(job[0].begin, job[-1].end, np.concatenate([found, shown], axis=1)[np.newaxis])

        return run

    run_jobs(kept, start_worker, workers, progress, are_alike=True)
    sums = total[0].sum(axis=0)
    split = len(sums) - shape[1]
    return Learnt(of_all(outcome, are_left), shaped(sums[np.newaxis, :split], n_states, n_ages).first(), sums[split:])


def flat(counts: Counts, n_ages: int) -> FloatArray:
    """Counts one after the other, ages ascending."""
    tables = (counts.ended, counts.going_on, counts.begun)
    return np.concatenate([*(x[:, ::-1][:, :n_ages].ravel() for x in tables), counts.moves.ravel()])


def shaped(sums: FloatArray, n_states: int, n_ages: int) -> SojournSums:
    """The tables of counts that are one after the other, (G, n)."""
    split = np.split(sums, np.arange(1, 4) * n_states * n_ages, axis=1)
    ended, going_on, begun = (x.reshape(len(sums), n_states, n_ages) for x in split[:3])
    return SojournSums(ended, going_on, begun, split[3].reshape(len(sums), n_states, n_states))


def add_in_two_parts(total: FloatArray, x: FloatArray) -> None:
    """Add to sums in two parts, (2, n): what a rounding loses is kept."""
    before = total[0].copy()
    total[0] += x
    kept = total[0] - before
    total[1] += (before - (total[0] - kept)) + (x - kept)
