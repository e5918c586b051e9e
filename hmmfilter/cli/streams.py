"""One stream a sequence, which goes on from block to block."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._checks import ImpossibleEvidenceError, RaiseOrRestart
from hmmfilter.cli.evidence import Evidence
from hmmfilter.cli.inputs import Columns
from hmmfilter.model import HMM
from hmmfilter.results import Filtered
from hmmfilter.streaming import OnlineFilter, OnlineSojourns

Snapshot = dict[str, Any] | int  # the step from which on no path explains the sequence, where there is one
Stream = OnlineFilter | OnlineSojourns | int  # likewise


class Streams:
    """Where each sequence is, by its name; what a block changes is let stand once its rows are written.

    The last block can be undone where that was asked for: the state that is written down is that of the rows written.
    """

    def __init__(
        self, model: HMM, can_go_back: bool, columns: Columns | None = None, may_restart: bool = False
    ) -> None:
        self._model, self._can_go_back, self._columns = model, can_go_back, columns
        self._impossible: RaiseOrRestart = "restart" if may_restart else "raise"
        self._streams: dict[str, Stream] = {}
        self._before: dict[str, Snapshot] = {}  # those that the last block changed

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def log_likelihoods(self) -> list[float]:
        """The log-probability of all that each sequence has shown."""
        return [-math.inf if isinstance(stream, int) else stream.log_likelihood for stream in self._streams.values()]

    @property
    def restarts(self) -> list[IntArray]:
        """The steps at which each sequence began afresh, where it may."""
        return [stream.restarts for stream in self._streams.values() if isinstance(stream, OnlineFilter)]

    def take(self, names: Sequence[str], block: Evidence) -> FloatArray:
        """Filter a block of rows, each of the sequence that it names.

        For each row the probabilities of the states, and the log-increment: −inf in the first row that its sequence
        does not allow, NaN in the other cells of that row and in all after it.
        """
        cells = np.full((len(names), self._model.n_states + 1), np.nan)
        groups = _rows_by_name(names)
        for name in groups.keys() - self._streams.keys():
            self._streams[name] = self._model.online(impossible=self._impossible)
        if self._can_go_back:
            self._before = {name: _snapshot(self._streams[name]) for name in groups}
        for name, rows in groups.items():
            self._streams[name] = self._filter(self._streams[name], block, cells, rows)
        return cells

    def take_less(self, names: Sequence[str], block: Evidence) -> None:
        """Have taken only these rows, the first of the last block."""
        if self._can_go_back:
            self.go_back()
            self.take(names, block)

    def keep(self) -> None:
        """Let stand what the last block has changed."""
        self._before = {}

    def go_back(self) -> None:
        """Undo the last block, unless it was kept."""
        self.restore(self._before)
        self._before = {}

    def n_observed(self, name: str) -> int:
        """The number of steps of a sequence so far, as far as they are possible."""
        stream = self._streams[name]
        return stream if isinstance(stream, int) else stream.n_observed

    @property
    def n_steps(self) -> int:
        """The number of steps of all sequences so far, as far as they are possible."""
        return sum(map(self.n_observed, self._streams))

    def snapshots(self) -> dict[str, Snapshot]:
        """Where each sequence is, for JSON."""
        return {name: _snapshot(stream) for name, stream in self._streams.items()}

    def restore(self, snapshots: dict[str, Snapshot]) -> None:
        """Put sequences where they were when the snapshots were taken."""
        for name, snapshot in snapshots.items():
            self._streams[name] = self._stream_of(snapshot)

    def _stream_of(self, snapshot: Any) -> Stream:
        is_step = type(snapshot) is int and snapshot >= 0  # and no bool
        stream: Stream = snapshot if is_step else self._model.online(snapshot, impossible=self._impossible)
        return stream

    def _filter(self, stream: Stream, block: Evidence, cells: FloatArray, rows: IntArray) -> Stream:
        """Take the steps of one sequence, as far as they are possible, and fill its cells."""
        if isinstance(stream, int):
            return stream
        try:
            filtered = self._filtered(stream, block, rows)
        except ImpossibleEvidenceError as error:
            n_possible = error.step - stream.n_observed
            if n_possible > 0:
                self._filter(stream, block, cells, rows[:n_possible])
            cells[rows[n_possible], -1] = -np.inf
            return error.step
        cells[rows, :-1] = filtered.probabilities
        cells[rows, -1] = filtered.log_increments
        return stream

    def _filtered(self, stream: OnlineFilter | OnlineSojourns, block: Evidence, rows: IntArray) -> Filtered:
        """What a stream says of some rows of a block."""
        if self._columns is None:
            return stream.update_block(block.log_likelihoods[rows])
        beside = self._columns.named({name: part[rows] for name, part in block.beside.items()})
        return stream.observe_block([block.given[t] for t in rows.tolist()], **beside)


def _rows_by_name(names: Sequence[str]) -> dict[str, IntArray]:
    """The rows of each sequence, in their order."""
    rows = defaultdict[str, list[int]](list)
    for row, name in enumerate(names):
        rows[name].append(row)
    return {name: np.array(numbers) for name, numbers in rows.items()}


def _snapshot(stream: Stream) -> Snapshot:
    return stream if isinstance(stream, int) else stream.snapshot()
