"""Rows cut into pieces, and pieces shared out among threads, under a bar."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._kernels.block import block_rows
from hmmfilter._kernels.lanes import EIGHT
from hmmfilter._kernels.tables import Tables

PIECE = 2**16  # entries of a table: some tenths of a millisecond of work or more, and of a size for the caches
LARGE_PIECE = 2**22  # entries, 32 MB, up to which a piece has eight sequences


class Piece(NamedTuple):
    """Rows of whole sequences, from number `first` to `last`, or of a part of one."""

    first: int
    last: int
    begin: int
    end: int


Job = list[Piece]  # one after the other, as they are of one sequence


Tick = Callable[[int], object]  # that so many more rows are done


def cut(tables: Tables, workers: int = 1) -> list[Job]:
    """Cut the rows into jobs that do not need each other; pieces grow with √T, so that few of them make a long job.

    Of many sequences, a piece has a multiple of eight, so that where they are of one length, each lane has as many.
    Eight longer ones are a piece, too, where each of so many workers finds one then.
    """
    starts, (n_rows, n_states) = tables.starts, tables.log_likelihoods.shape
    n_block = block_rows(n_states)
    most = max(1, max(PIECE // n_states, math.isqrt(n_rows)) // n_block) * n_block
    first, n_sequences = 0, len(starts) - 1
    n_together = len(EIGHT) if n_sequences >= len(EIGHT) * workers else 1
    if n_rows <= most:
        return [[Piece(first, n_sequences - 1, 0, n_rows)]] if n_rows > 0 else []
    jobs: list[Job] = []
    while first < n_sequences:
        begin = int(starts[first])
        n_whole = int(np.searchsorted(starts, begin + most, side="right")) - 1 - first
        last = first + max(1, n_whole - n_whole % len(EIGHT) if n_whole > len(EIGHT) else n_whole) - 1
        together = min(first + n_together, n_sequences) - 1
        if last < together and starts[together + 1] - begin <= LARGE_PIECE // n_states:
            last = together
        end = int(starts[last + 1])
        stops = [*range(begin + most, end, most), end] if last == first else [end]
        jobs.append([Piece(first, last, *span) for span in zip([begin, *stops], stops, strict=False)])
        first = last + 1
    return jobs


def work_off(
    tables: Tables,
    start_worker: Callable[[Tick], Callable[[Job], None]],
    workers: int,
    tick: Tick,
    are_alike: bool = False,
) -> None:
    """Let each worker, with room of its own to work in, take one job after the other.

    Jobs may have to be alike whatever the number of workers, where what is found of each is added up.
    """
    jobs = cut(tables, 1 if are_alike else workers)
    if not jobs:
        return
    left, n_threads = iter(jobs), min(workers, len(jobs))

    def work() -> None:
        run = start_worker(tick)
        for job in left:
            run(job)

    if n_threads == 1:
        work()
        return
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for worker in [pool.submit(work) for _ in range(n_threads)]:
                worker.result()
        finally:
            deque(left, maxlen=0)  # after an interruption, nobody begins another job


def progress_bar(n_steps: int, is_wanted: bool, unit: str = " steps") -> AbstractContextManager[Any]:
    """Something with an `update` that is told how many more steps are done: a bar, if wanted and tqdm is installed."""
    if is_wanted:
        with contextlib.suppress(ImportError):
            from tqdm.auto import tqdm

            bar: AbstractContextManager[Any] = tqdm(total=n_steps, unit=unit, unit_scale=True)
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
    tables: Tables,
    start_worker: Callable[[Tick], Callable[[Job], None]],
    workers: int,
    progress: bool,
    are_alike: bool = False,
) -> None:
    """`work_off`, with a bar over all rows, if wanted."""
    with progress_bar(len(tables.log_likelihoods), progress) as bar:
        work_off(tables, start_worker, workers, bar.update, are_alike)
