"""Sums in the order of their rows, whoever is done first."""

from __future__ import annotations

import threading

from hmmfilter._arrays import FloatArray
from hmmfilter._tiers import kernels


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
                kernels.join_sums(part, self._total)
