"""What expectation steps have come to, kept in a folder: a fit that is begun again climbs the same way without them.

A climb is what its start, its options and the answers of its expectation steps make of it, bit by bit. So the answers
are all that is kept, each in a file of its own that is there whole or not at all: begun again, the climb takes them as
they are, to the last one, and goes on from there as if nothing had been.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._files import written_whole
from hmmfilter.dask.totals import Shape, Totals
from hmmfilter.learning.evidence import Model
from hmmfilter.streaming.snapshots import emission_fingerprint, fingerprint


class Journal:
    """The answers of a fit's expectation steps, one after the other; nothing is kept without a folder."""

    def __init__(self, directory: str | None, data: str) -> None:
        self._directory, self._data, self._n_steps = directory, data, 0
        self.is_recalling = False  # whether the last answer was known
        if directory is not None:
            os.makedirs(directory, exist_ok=True)

    def close(self) -> None:
        """Keep nothing more."""
        self._directory = None

    def recalled(self, model: Model) -> Totals | None:
        """What is known of the next step, of this model."""
        path = self._path
        self.is_recalling = path is not None and os.path.exists(path)
        if path is None or not self.is_recalling:
            return None
        with _checks.kept_step(path), np.load(path, allow_pickle=False) as file:
            kept = dict(file)
        _checks.same_fit(os.path.dirname(path), str(kept["of"]) == self._of(model))
        shapes = tuple(Shape(name, kind, tuple(shape)) for name, kind, shape in json.loads(str(kept["shapes"])))
        totals = Totals(kept["sums"], shapes, tuple(kept["log_likelihood"].tolist()), None)
        self._n_steps += 1
        return totals

    def note(self, model: Model, totals: Totals) -> None:
        """Keep what the step has come to."""
        path = self._path
        if path is None:
            return
        with written_whole(path) as file:
            np.savez(
                file,
                of=self._of(model),
                shapes=json.dumps(totals.shapes),
                sums=totals.sums,
                log_likelihood=np.array(totals.log_likelihood),
            )
        self._n_steps += 1

    @property
    def _path(self) -> str | None:
        return None if self._directory is None else os.path.join(self._directory, f"step-{self._n_steps:06}.npz")

    def _of(self, model: Model) -> str:
        """A word for the data and a model."""
        final: Any = [] if model.final is None else [model.final]
        parts = (str(emission_fingerprint(part)) for part in (model.chain, model.emission))
        return fingerprint(self._data, model.initial, *final, *parts)
