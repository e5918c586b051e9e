"""What comes beside observations: where sequences begin, and what is known of each step besides."""

from __future__ import annotations

from typing import Any, NamedTuple

from hmmfilter._arrays import FloatArray, IntArray


class Beside(NamedTuple):
    """What observations and moves may depend on besides the states, a row a step; None where nobody gave it.

    Of a stream, the rows are those of a block, and what it keeps of the rows before them comes with them.
    """

    starts: IntArray  # (N + 1,): the first row of each sequence, and the end
    covariates: FloatArray | None = None  # (T, C)
    names: tuple[str, ...] | None = None  # of the columns of the covariates, where they have some
    times: FloatArray | None = None  # (T,), ascending within a sequence
    transition_index: IntArray | None = None  # (T,): which of several matrices leads on from a step
    before: Any = None  # the last observations before the first row, as a stream keeps them
