"""One endless sequence, block by block: each task takes where the one before it stood, and a file keeps that."""

from __future__ import annotations

import itertools
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dask.delayed import Delayed, delayed

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter._files import written_whole
from hmmfilter.dask.asking import filter
from hmmfilter.dask.running import client_of, computed, fresh_name, kept
from hmmfilter.model import HMM
from hmmfilter.results import Filtered

FORMAT = "hmmfilter stream of blocks, version 1"
FILE = "stream.json"
N_AHEAD = 2  # blocks that are made while one is filtered


@as_in(filter)
def filter_stream(
    model: HMM, blocks: Iterable[Any], *, state: str | os.PathLike[str] | None = None, client: Any = None
) -> Iterator[Filtered]:
    """Filter one sequence without an end, block by block, each on a worker that has its observations.

    The snapshot of the stream is handed from task to task, and the result of each block comes here. Asking for the next
    one says that this one is done with: where the stream stands is then kept in a file, with how many blocks and steps
    led there, by one rename. Begun again, the stream goes on behind the last block that was done with; one that was
    not comes once more, with the same bits. All of it has those of `HMM.filter` of the whole.

    Parameters
    ----------
    model : HMM
        The model.
    blocks : iterable, or dask.dataframe.DataFrame
        The observations of some steps each, at least one, as `OnlineFilter.observe_block` takes them, or tasks of
        `dask.delayed` that come to such; or a Dask DataFrame, whose partitions they are. They always begin at the
        beginning: those that are done with are passed over, and tasks among them are not run.
    state : path, optional
        A folder, in which the file is.
    client : distributed.Client, optional
        As in `filter`.

    Yields
    ------
    Filtered
        As `hmmfilter.HMM.filter_blocks` has it.

    Raises
    ------
    ImpossibleEvidenceError, LostWorkersError, ValueError, TypeError
        Those of `hmmfilter.HMM.filter_blocks` and `filter`; where the file is of the stream of another model.

    Examples
    --------
    >>> import tempfile
    >>> import hmmfilter as hf
    >>> import hmmfilter.dask as hfd
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> folder = tempfile.TemporaryDirectory()
    >>> first, *_ = hfd.filter_stream(model, [[0, 2], [7], [4]], state=folder.name)
    >>> for filtered in hfd.filter_stream(model, [[0, 2], [7], [4], [9]], state=folder.name):
    ...     print(filtered.probabilities.round(4))
    [[0. 1.]]
    >>> folder.cleanup()
    """
    _checks.hmm("model", model)
    return _filtered_stream(model, blocks, _File(state, model), client_of(client))


class Standing(NamedTuple):
    """Where a stream stands."""

    n_blocks: int
    snapshot: Any  # None before the first


class _File:
    """Where a stream stands, in a file."""

    def __init__(self, folder: str | os.PathLike[str] | None, model: HMM) -> None:
        self._path = None if folder is None else os.path.join(folder, FILE)
        if folder is not None:
            os.makedirs(folder, exist_ok=True)
        self.standing = self._read()
        model.online(self.standing.snapshot)  # which refuses that of another model

    def _read(self) -> Standing:
        if self._path is None or not os.path.exists(self._path):
            return Standing(0, None)
        with open(self._path, encoding="utf-8") as file:
            document = json.load(file)
        _checks.same_stream(self._path, isinstance(document, dict) and document.get("format") == FORMAT)
        return Standing(document["n_blocks"], document["snapshot"])

    def write(self, standing: Standing) -> None:
        """Keep where it stands: the snapshot, and what led to it, by one rename."""
        self.standing = standing
        if self._path is not None:
            document = {"format": FORMAT, "n_blocks": standing.n_blocks, "n_steps": standing.snapshot["n_observed"]}
            with written_whole(self._path) as file:
                file.write(json.dumps({**document, "snapshot": standing.snapshot}).encode())


def _filtered_stream(model: HMM, blocks: Any, file: _File, client: Any) -> Iterator[Filtered]:
    rest = blocks.to_delayed() if hasattr(blocks, "to_delayed") else blocks
    for block in _ahead(itertools.islice(rest, file.standing.n_blocks, None), client):
        n_blocks, snapshot = file.standing
        where = f"block {n_blocks}"
        task = delayed(_step, pure=False)(model, snapshot, block, where, dask_key_name=f"{fresh_name('stream')}-0")
        filtered, snapshot = computed(task, client, [where])
        yield filtered
        file.write(Standing(n_blocks + 1, snapshot))


def _ahead(blocks: Iterator[Any], client: Any) -> Iterator[Any]:
    """Blocks, of which workers have begun to make the next ones that are tasks."""
    n_ahead = 1 if client is None else N_AHEAD
    waiting = deque[Any]()
    for block in blocks:
        waiting.append(kept([block], client)[0] if isinstance(block, Delayed) else block)
        if len(waiting) > n_ahead:
            yield waiting.popleft()
    yield from waiting


def _step(model: HMM, snapshot: Any, block: Any, where: str) -> tuple[Filtered, dict[str, Any]]:
    """A task: a block, from where the stream stood to where it stands then."""
    with _checks.blaming_rows(where):
        stream = model.online(snapshot)
        filtered = stream.observe_block(block)
    return filtered, stream.snapshot()
