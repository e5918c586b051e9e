"""What each start of a fit came to."""

from __future__ import annotations

import math
from typing import NamedTuple

from hmmfilter.results.printing import Preview, counted, four_decimals


class Restart(NamedTuple):
    """What one start came to."""

    kind: str  # "start", "quantiles", "k-means", "responsibilities" or "points"
    early: float  # the objective after some iterations; NaN where the start collapsed
    late: float  # the objective at the end; NaN where the start was not followed so far
    outcome: str  # "finished", "stopped" or "collapsed"


class Restarts(tuple[Restart, ...]):
    """What all starts came to: a tuple that prints as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        header = ["start", "kind", "early", "late", "outcome"]
        rows = [[str(n), each.kind, _said(each.early), _said(each.late), each.outcome] for n, each in enumerate(self)]
        title = f"Restarts: {counted(len(self), 'start')}"
        return Preview(title, [header, *rows]).text() if rows else title


def _said(objective: float) -> str:
    return "-" if math.isnan(objective) else four_decimals(objective)
