"""The file in which streams are remembered from one run to the next.

A JSON object: ``format``; ``sequence``, the name of the column that tells sequences apart, or null; and ``streams``,
for each sequence by its name (an empty one where there is no such column) what `hmmfilter.OnlineFilter.snapshot` says,
or the number of the step from which on no path through the states explains it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from hmmfilter import _checks
from hmmfilter._files import written_whole
from hmmfilter.cli.streams import Streams

FORMAT = "hmmfilter state, version 1"
ROWS, SECONDS = 10_000, 10.0  # after which a stream that goes on is written down again


class Memory:
    """Streams, and the file in which they are written down; without one, nothing is."""

    def __init__(self, streams: Streams, path: str | None, sequence: str | None) -> None:
        self._streams, self._path, self._sequence = streams, path, sequence
        self._n_rows, self._time = 0, time.monotonic()
        if path is not None:
            if Path(path).exists():
                self._recall(path)
            self.save()  # which tells at once whether it can be

    def _recall(self, path: str) -> None:
        try:
            self._restore(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, RecursionError) as error:
            words = str(error).partition(": force=True")[0]  # which the command has not
            raise ValueError(f"{path} holds no state to go on from: {words}: another file begins anew") from error

    def _restore(self, document: Any) -> None:
        _checks.keys("a state", document, {"format", "sequence", "streams"})
        _checks.one_of("format", document["format"], [FORMAT])
        _checks.json_object("streams", document["streams"])
        if document["sequence"] != self._sequence:
            before = "left out" if document["sequence"] is None else _checks.shown(document["sequence"])
            now = "none" if self._sequence is None else _checks.shown(self._sequence)
            raise ValueError(f"--sequence must be {before} as before, got {now}")
        self._streams.restore(document["streams"])

    def save(self) -> None:
        """Write down where all sequences are."""
        if self._path is None:
            return
        document = {"format": FORMAT, "sequence": self._sequence, "streams": self._streams.snapshots()}
        with written_whole(self._path) as file:
            file.write(f"{json.dumps(document, allow_nan=False)}\n".encode())
        self._n_rows, self._time = 0, time.monotonic()

    def save_now_and_then(self, n_rows: int) -> None:
        """Write down where all sequences are if that was long ago, now that so many more rows are taken."""
        self._n_rows += n_rows
        if self._n_rows >= ROWS or time.monotonic() - self._time >= SECONDS:
            self.save()
