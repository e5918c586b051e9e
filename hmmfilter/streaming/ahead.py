"""What comes after the last step of a stream: its end, or more steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hmmfilter import _checks, filtering, forecasting
from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._checks import Moves
from hmmfilter._kernels.network import Ways
from hmmfilter._ready import as_several, slots_of
from hmmfilter._ways import staying
from hmmfilter.results import Filtered, Forecast
from hmmfilter.results.posteriors import logs_of
from hmmfilter.streaming.companions import NOTHING, Companion
from hmmfilter.streaming.run import Run
from hmmfilter.streaming.snapshots import Origin


class Ahead(Run):
    """A run by one matrix, or by the chain of a model, that knows what it leads to."""

    def __init__(self, log_initial: FloatArray, log_transition: Any, companion: Companion, may_restart: bool) -> None:
        super().__init__(log_initial, may_restart)
        self._log_transition, self._companion, self._memory = log_transition, companion, NOTHING
        self._origin = Origin()

    @property
    def _n_matrices(self) -> int:
        """How many steps have moves of their own; 1 where all have the same."""
        moves = self._log_transition
        return len(moves.onward.log_shares) if isinstance(moves, Ways) else 1

    def _into(self, n_steps: int, first: int | None = None) -> IntArray | None:
        """Which moves lead to so many steps from the next one, or another one, on; None where all have the same.

        To the first of all, which none leads to, those to the second one stand in.
        """
        if self._n_matrices == 1:
            return None
        begin = self._n_observed if first is None else first
        _checks.steps_covered(self._n_matrices, begin + n_steps)
        return np.maximum(np.arange(begin, begin + n_steps) - 1, 0)

    def _moves(self, n_steps: int, first: int | None = None) -> Moves:
        """What leads to these steps, as the kernels take it."""
        into = self._into(n_steps, first)
        index = _checks.NO_INDEX if into is None else frozen(np.append(into[1:], into[:1]))
        return Moves(as_several(self._log_transition), index)

    @property
    def log_probabilities(self) -> FloatArray:
        """log p(h_t | v_1:t), (K,), natural logs; a ValueError before any step."""
        _checks.begun("log_probabilities", self._n_observed)
        return logs_of(self._state[-1])

    def end(self) -> Filtered:
        """Compute what is known of the last step once it is known that the sequence ends there.

        It changes nothing. Before, a stream of a model with end probabilities knows of each step that the sequence goes
        on to it, and no more.

        Returns
        -------
        Filtered
            ``log_probabilities`` (1, K), ``probabilities`` (1, K), of the last step; ``log_increments`` (1,), of the
            end; ``log_likelihood``, that of the whole sequence.

        Raises
        ------
        ImpossibleEvidenceError
            Where the sequence cannot end here, also where the stream may start afresh.
        ValueError
            Before any step, and where the model has no end probabilities.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> emission = hf.emissions.Poisson([1.0, 5.0])
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission, final=[0.5, 0.1])
        >>> stream = model.online()
        >>> _ = stream.observe(2)
        >>> round(stream.end().log_likelihood, 4), round(model.log_likelihood([2]), 4)
        (-2.9918, -2.9918)
        """
        _checks.begun("end", self._n_observed)
        log_final = _checks.known_end(self._companion.log_final)
        ended = self._twin()
        moves = Moves(as_several(staying(self._log_transition, self._n_states)), _checks.NO_INDEX)
        try:
            filtered = ended._take(log_final[np.newaxis], moves, slots_of(moves.log_transition, 1, self._n_states))
        except _checks.ImpossibleEvidenceError:  # which the end is no step of
            raise _checks.ImpossibleEvidenceError(self._n_observed - 1) from None
        return replace(filtered, log_likelihood=ended.log_likelihood, state_names=self._origin.state_names)

    def predict(self, steps: int = 1) -> FloatArray:
        """Compute the distribution of the state some steps ahead.

        Parameters
        ----------
        steps : int
            How far ahead, from 1 to 10**12. Before any update the first step is ahead, and ``predict(1)`` is
            ``log_initial``.

        Returns
        -------
        ndarray, (K,)
            log p(h_{t+steps} | v_1:t), natural logs.

        Raises
        ------
        ValueError, TypeError
            Where `steps` is not an integer from 1 to 10**12.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineFilter(np.log([0.9, 0.1]), np.log([[0.7, 0.3], [0.3, 0.7]]))
        >>> np.exp(stream.predict(2)).round(4)
        array([0.66, 0.34])
        """
        n_steps = _checks.steps_ahead("steps", steps)
        _checks.one_matrix_ahead(self._companion.chain)
        if self._n_matrices > 1:
            last: FloatArray = self._states_to_come(self._log_transition, n_steps, self._into(n_steps))[-1]
            return last
        if self._n_observed > 0:
            return filtering.predict(self.log_probabilities, self._log_transition, n_steps)
        if n_steps == 1:
            return np.array(self._log_initial)
        return filtering.predict(self._log_initial, self._log_transition, n_steps - 1)

    def _states_to_come(self, moves: Any, n_steps: int, into: IntArray | None) -> FloatArray:
        """log p(h_{t+s} | v_1:t) for s = 1 to S, (S, K)."""
        last = logs_of(self._state[-1:]) if self._n_observed > 0 else np.empty((0, self._n_states))
        return forecasting.states_to_come(self._log_initial, moves, last, n_steps, into)

    def forecast(
        self, steps: int, *, covariates: Any = None, times: Any = None, transition_index: Any = None
    ) -> Forecast:
        """Compute the distributions of the states and of the observations to come, given those so far.

        Parameters
        ----------
        steps : int
            S, how many steps to look ahead, at least 1. Before any update the first step is ahead.
        covariates : array_like, (S, C), optional
            Those of the steps to come, where the emission or the chain depends on some.
        times : array_like, (S,), optional
            When they will be, where the chain moves in continuous time.
        transition_index : array_like, (S,), optional
            Which matrices will lead on from them, where the chain has several.

        Returns
        -------
        Forecast
            As that of `hmmfilter.HMM.forecast`; without an emission, of the states alone.

        Raises
        ------
        ValueError, TypeError
            Where `steps` is not an integer from 1 up, or more of them than memory has room for.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> stream = model.online()
        >>> _ = stream.observe(4)
        >>> stream.forecast(steps=2)
        Forecast: 2 steps, 2 states; probabilities, mean ± standard deviation
          step    calm    busy      observation
            +1  0.2562  0.7438  3.9751 ± 2.6503
            +2  0.3794  0.6206  3.4825 ± 2.6925
        """
        n_steps = _checks.steps_ahead("steps", steps)
        _checks.rows_ahead("steps", n_steps, self._n_states)
        companion = self._companion
        given = {"covariates": covariates, "times": times, "transition_index": transition_index}
        beside = companion.beside(n_steps, given)
        matrices: Any = self._log_transition
        if companion.chain is None:
            moves = self._into(n_steps)
        else:
            matrices, into = companion.matrices(beside, self._memory)
            moves = np.array(into, dtype=np.int64)
        to_come = self._states_to_come(matrices, n_steps, moves)
        if companion.log_final is not None:
            to_come = forecasting.given_no_end(to_come)
        may_end = companion.log_final is not None
        future = forecasting.future_of(beside, self._memory.before, matrices, moves, may_end)
        return forecasting.forecast(to_come, companion.emission, self._origin.state_names, [future])
