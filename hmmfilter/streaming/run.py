"""Where a recursion is, and how it goes on."""

from __future__ import annotations

import math

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._checks import Moves
from hmmfilter._kernels.block import block_rows, room_for_steps
from hmmfilter._kernels.wide import PLANES
from hmmfilter._ready import lanes_of
from hmmfilter._tiers import kernels
from hmmfilter.results import Filtered
from hmmfilter.results.posteriors import logs_of

NEVER = -math.inf


class Run:
    """Where a recursion is, and how it goes on with more steps."""

    def __init__(self, log_initial: FloatArray, may_restart: bool = False) -> None:
        n_states = len(log_initial)
        self._log_initial, self._n_states = log_initial, n_states
        self._n_observed, self._log_likelihood = 0, 0.0  # of the piece that it is in, and
        self._log_before = 0.0  # of those before
        self._may_restart, self._restarts = may_restart, list[int]()
        self._state = self._beginning

    @property
    def n_observed(self) -> int:
        """t, the number of steps so far, missing observations included."""
        return self._n_observed

    @property
    def log_likelihood(self) -> float:
        """log p(v_1:t), natural log; 0 before any step. That of all pieces, where the stream has started afresh."""
        return self._log_before + self._log_likelihood

    @property
    def restarts(self) -> IntArray:
        """The steps so far at which the stream has started afresh, with ``impossible="restart"``."""
        return np.array(self._restarts, dtype=np.int64)

    @property
    def _beginning(self) -> FloatArray:
        """The state before any step; see `run_update`."""
        state: FloatArray = np.zeros((PLANES + 1, self._n_states))
        kernels.widen_row(self._log_initial, state)
        return state

    @property
    def _is_at_beginning(self) -> bool:
        """Whether nothing leads to the next step."""
        return self._n_observed == (self._restarts[-1] if self._restarts else 0)

    def _begin_afresh(self) -> None:
        """Have nothing that went before lead to the next step."""
        self._state[:], self._log_before, self._log_likelihood = self._beginning, self.log_likelihood, 0.0
        self._restarts.append(self._n_observed)

    def _stand(self, n_observed: int, wide: FloatArray) -> None:
        """Be where so many steps have led, at least 1, at wide α, (4, K); its posterior is right to the last digits."""
        self._n_observed, self._state[:-1] = n_observed, wide
        total, exponent, rest = kernels.store_posterior(self._state, self._state[-1])
        self._log_likelihood = float(kernels.log_of_wide(total, exponent, rest))

    def _stand_as(self, other: Run) -> None:
        """Be where another run is."""
        self._n_observed, self._log_likelihood = other._n_observed, other._log_likelihood
        self._log_before, self._restarts = other._log_before, [*other._restarts]
        self._state[:] = other._state

    def _twin(self) -> Run:
        """A run that stands at the same place, and never starts afresh by itself."""
        twin = Run(self._log_initial)
        twin._stand_as(self)
        return twin

    def _take(self, table: FloatArray, moves: Moves, slots: FloatArray) -> Filtered:
        """Take as many steps as a table has rows, all of them or, where one is impossible, none."""
        if not self._may_restart:
            return self._take_piece(table, moves, slots)
        run, pieces, n_taken = self._twin(), list[Filtered](), 0
        while n_taken < len(table):
            rest, onward = table[n_taken:], moves._replace(transition_index=moves.transition_index[n_taken:])
            try:
                pieces.append(run._take_piece(rest, onward, slots))
            except _checks.ImpossibleEvidenceError as error:
                n_possible = error.step - run._n_observed
                if n_possible > 0:
                    pieces.append(run._take_piece(rest[:n_possible], onward, slots))
                elif run._is_at_beginning:
                    raise
                run._begin_afresh()
            n_taken = run._n_observed - self._n_observed
        restarts = frozen(run.restarts[len(self._restarts) :] - self._n_observed)
        self._stand_as(run)
        return Filtered(
            _rows=np.concatenate([piece._rows for piece in pieces]),
            _increments=np.concatenate([piece._increments for piece in pieces]),
            log_likelihood=sum(piece.log_likelihood for piece in pieces),
            restarts=restarts,
        )

    def _take_piece(self, table: FloatArray, moves: Moves, slots: FloatArray) -> Filtered:
        """The same, where it may not start afresh."""
        n_states, n_block = self._n_states, block_rows(self._n_states)
        n_rows, n_before = len(table), n_block * (not self._is_at_beginning)
        posteriors, increments = np.empty(table.shape), np.empty(n_rows)
        state, ring = self._state[:-1].copy(), np.empty((1, PLANES, n_states))
        n_possible, total = np.empty(1, dtype=np.int64), np.empty(1)
        kernels.run_forward(
            (self._log_initial[None], *moves, table, frozen([-n_before, n_rows])),
            0,
            0,
            n_rows,
            lanes_of(moves.log_transition, n_states),
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
