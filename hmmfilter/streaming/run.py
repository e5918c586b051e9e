"""Where a recursion is, and how it goes on."""

from __future__ import annotations

import math

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._checks import Moves
from hmmfilter._kernels.block import block_rows, room_for_steps
from hmmfilter._kernels.lanes import lanes_for
from hmmfilter._kernels.wide import PLANES
from hmmfilter._tiers import kernels
from hmmfilter.results import Filtered
from hmmfilter.results.posteriors import logs_of

NEVER = -math.inf


class Run:
    """Where a recursion is, and how it goes on with more steps."""

    def __init__(self, log_initial: FloatArray) -> None:
        n_states = len(log_initial)
        self._log_initial, self._n_states, self._lanes = log_initial, n_states, lanes_for(n_states)
        self._n_observed, self._log_likelihood = 0, 0.0
        self._state = np.zeros((PLANES + 1, n_states))  # see `run_update`
        kernels.widen_row(log_initial, self._state)

    def _stand(self, n_observed: int, wide: FloatArray) -> None:
        """Be where so many steps have led, at least 1, at wide α, (4, K); its posterior is right to the last digits."""
        self._n_observed, self._state[:-1] = n_observed, wide
        total, exponent, rest = kernels.store_posterior(self._state, self._state[-1])
        self._log_likelihood = float(kernels.log_of_wide(total, exponent, rest))

    def _twin(self) -> Run:
        """A run that stands at the same place."""
        twin = Run(self._log_initial)
        twin._n_observed, twin._log_likelihood, twin._state = self._n_observed, self._log_likelihood, self._state.copy()
        return twin

    def _take(self, table: FloatArray, moves: Moves, slots: FloatArray) -> Filtered:
        """Take as many steps as a table has rows, all of them or, where one is impossible, none."""
        n_states, n_block = self._n_states, block_rows(self._n_states)
        n_rows, n_before = len(table), n_block * (self._n_observed > 0)
        posteriors, increments = np.empty(table.shape), np.empty(n_rows)
        state, ring = self._state[:-1].copy(), np.empty((1, PLANES, n_states))
        n_possible, total = np.empty(1, dtype=np.int64), np.empty(1)
        kernels.run_forward(
            (self._log_initial[None], *moves, table, frozen([-n_before, n_rows])),
            0,
            0,
            n_rows,
            self._lanes,
            slots,
            room_for_steps(min(n_rows, n_block), n_states),
            state,
            ring,
            posteriors,
            increments,
            n_possible,
            total,
        )
        if total[0] == NEVER:
            raise _checks.ImpossibleEvidenceError(self._n_observed + int(n_possible[0]) - n_before)
        self._state[:], self._log_likelihood = [*state, posteriors[-1]], float(total[0])
        self._n_observed += n_rows
        log_likelihood = self._log_likelihood
        if n_before > 0:  # not a difference of totals, which may be far from zero
            log_likelihood = float(logs_of(increments).sum())
        return Filtered(_rows=posteriors, _increments=increments, log_likelihood=log_likelihood)
