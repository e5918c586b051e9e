"""The line on the standard error in which a task ends: how much there was, and how probable."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter.cli.evidence import Evidence, Intake
from hmmfilter.cli.messages import say
from hmmfilter.results.printing import counted, four_decimals


@dataclass
class Summary:
    """What a task has done so far."""

    intake: Intake
    n_rows: int = 0
    n_before: int = 0  # steps that were taken in earlier runs
    n_missing: int = 0
    n_sequences: int | None = None  # where a column tells them apart
    n_restarts: int = 0  # where no path led on
    logs: dict[str, npt.ArrayLike] = field(default_factory=dict)  # of each sequence

    def count(self, block: Evidence) -> None:
        """Count the rows of a block."""
        self.n_rows += len(block.rows)
        self.n_missing += int(np.count_nonzero(block.is_missing))

    def note_restarts(self, restarts: Any) -> None:
        """Count where a result says that sequences began afresh: steps, or those of each sequence."""
        self.n_restarts += sum(map(np.size, restarts)) if restarts is not None else 0

    def print(self) -> None:
        """Print it."""
        first_log = np.ravel(next(iter(self.logs.values())))
        n_mended, n_left_out = self.intake.n_mended, self.intake.n_left_out
        observations = counted(self.n_rows, "observation") + _aside(
            (self.n_missing, "missing"), (n_mended, "of them at fault")
        )
        parts = [observations + (f" after {self.n_before} before" if self.n_before else "")]
        parts += [f"{counted(n_left_out, 'row')} left out"] if n_left_out else []
        if self.n_sequences is not None:
            n_impossible = np.count_nonzero(np.isneginf(first_log))
            parts += [counted(self.n_sequences, "sequence") + _aside((int(n_impossible), "impossible"))]
        parts += [counted(self.n_restarts, "restart")] if self.n_restarts else []
        parts += [counted(self.intake.n_states, "state")]
        parts += [f"{name} {four_decimals(math.fsum(np.ravel(log)))}" for name, log in self.logs.items()]
        say(", ".join(parts))


def _aside(*counts: tuple[int, str]) -> str:
    """In brackets, how many there are of each kind, where there are any."""
    words = ", ".join(f"{count} {kind}" for count, kind in counts if count)
    return f" ({words})" if words else ""
