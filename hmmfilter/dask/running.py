"""Tasks and who runs them: on a cluster, or where there is none by the threads of this process."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dask
import distributed
from dask.delayed import Delayed, delayed

from hmmfilter import _checks

FAN_IN = 8  # of what is put together at once


def fresh_name(what: str) -> str:
    """A name of tasks that no others have."""
    return f"hmmfilter-{what}-{uuid.uuid4().hex}"


def n_threads() -> int:
    """How many threads the worker has that runs this task; 1 where none does."""
    try:
        return int(distributed.get_worker().state.nthreads)
    except ValueError:
        return 1


def merged(what: str, merge: Callable[..., Any], parts: Sequence[Delayed], *given: Any) -> Delayed:
    """What a tree over the positions of the parts comes to, whoever is ready first."""
    task, level = delayed(merge, pure=False), list(parts)
    name = fresh_name(f"{what}-together")
    numbers = itertools.count()
    while True:
        groups = [level[n : n + FAN_IN] for n in range(0, len(level), FAN_IN)]
        level = [task(group, *given, dask_key_name=f"{name}-tree-{next(numbers)}") for group in groups]
        if len(level) == 1:
            return level[0]


def client_of(client: Any) -> Any:
    """The client that is given, or the one that is open; None where none is."""
    if client is not None:
        return client
    with contextlib.suppress(ValueError):
        return distributed.default_client()
    return None


def computed(task: Delayed, client: Any, names: Sequence[str]) -> Any:
    """What a task comes to."""
    with naming_the_lost(names):
        return dask.compute(task, scheduler=client_of(client))[0]


def kept(tasks: Sequence[Delayed], client: Any) -> tuple[Delayed, ...]:
    """Tasks whose results stay with the workers, to be computed again where one dies."""
    persisted: tuple[Delayed, ...] = dask.persist(*tasks, scheduler=client_of(client))
    return persisted


@contextlib.contextmanager
def naming_the_lost(names: Sequence[str]) -> Iterator[None]:
    """Say which rows a task had that ended its workers."""
    try:
        yield
    except distributed.KilledWorker as error:
        raise _checks.LostWorkersError(_where(error.task, names), str(error)) from error


def _where(key: Any, names: Sequence[str]) -> str:
    """What the task of a key had: keys end with the number of the partition, but for those of trees."""
    parts = [*map(str, key)] if isinstance(key, tuple) else str(key).split("-")
    before, last = ["", *parts][-2:]
    return names[int(last)] if last.isdecimal() and before != "tree" and int(last) < len(names) else str(key)
