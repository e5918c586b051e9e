"""What comes beside observations: where sequences begin, and what is known of each step besides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray, frozen


class Beside(NamedTuple):
    """What observations and moves may depend on besides the states, a row a step; None where nobody gave it.

    Of a stream, the rows are those of a block, and what it keeps of the rows before them comes with them.
    """

    starts: IntArray  # (N + 1,): the first row of each sequence, and the end
    covariates: FloatArray | None = None  # (T, C)
    names: tuple[str, ...] | None = None  # of the columns of the covariates, where they have some
    times: npt.NDArray[Any] | None = None  # (T,), not descending within a sequence: numbers, or datetime64
    transition_index: npt.NDArray[Any] | None = None  # (T,): which of several matrices leads on from a step
    before: Any = None  # the last observations before the first row, as a stream keeps them

    @property
    def last_rows(self) -> IntArray:
        """The last row of each sequence that has one."""
        ends = self.starts[1:]
        last: IntArray = ends[ends > self.starts[:-1]] - 1
        return last

    def rows(self, begin: int, end: int) -> Beside:
        """What is known of some rows, as of one sequence."""
        return self._of(slice(begin, end), np.array([0, end - begin]))

    def of_sequence(self, n: int) -> Beside:
        """What is known of the rows of one sequence."""
        return self.rows(int(self.starts[n]), int(self.starts[n + 1]))

    def split(self, n_ahead: int) -> tuple[Beside, Beside]:
        """The same without the last so many rows of each sequence, and of these rows alone."""
        steps, numbers = np.diff(self.starts), np.arange(len(self.starts))
        are_past = np.arange(self.starts[-1]) < np.repeat(self.starts[1:] - n_ahead, steps)
        return self._of(are_past, self.starts - n_ahead * numbers), self._of(~are_past, n_ahead * numbers)

    def _of(self, chosen: Any, starts: IntArray) -> Beside:
        return self._replace(
            starts=frozen(starts),
            covariates=None if self.covariates is None else frozen(self.covariates[chosen]),
            times=None if self.times is None else frozen(self.times[chosen]),
            transition_index=None if self.transition_index is None else frozen(self.transition_index[chosen]),
        )
