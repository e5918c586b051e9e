"""Filtering one observation, or one block, at a time."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, TransitionLike, frozen
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.block import room_for_steps
from hmmfilter._kernels.chain import slots_for_chains
from hmmfilter._ready import Ready, as_frozen, as_several, held, slots_of
from hmmfilter._tiers import kernels
from hmmfilter.emissions import Emission
from hmmfilter.results import Filtered
from hmmfilter.streaming.ahead import Ahead
from hmmfilter.streaming.companions import Companion, Memory, memory_document, memory_of
from hmmfilter.streaming.run import NEVER, Run
from hmmfilter.streaming.snapshots import (
    FORMAT,
    FORMER,
    emission_fingerprint,
    fingerprint,
    restarts_document,
    stream_document,
)


class OnlineFilter(Ahead):
    """What is known of the state now, brought up to date with each observation as it comes.

    However a stream is cut into rows and blocks, and through any number of snapshots, it gives the very bits that
    `hmmfilter.forward_filter` gives on the whole. It keeps no more than a few numbers for each state, and a matrix.

    Conventions are those of `hmmfilter.model`.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k), natural logs; −inf for an impossible state.
    log_transition : array_like, (K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs.
    emission : Emission, optional
        What `observe` turns observations into log-likelihoods with; ``model.online()`` brings that of the model.
    impossible : {"raise", "restart"}
        What to do where no path leads to a step: refuse it, or start afresh there from `log_initial`, as
        `hmmfilter.forward_filter` does, and have ``restarts`` say where. The log-likelihood is then that of all pieces.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, and anything but real numbers.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (20).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> stream = hf.OnlineFilter(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]))
    >>> for row in np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]):  # umbrella, umbrella, none
    ...     print(np.exp(stream.update(row)).round(4))
    [0.8182 0.1818]
    [0.8834 0.1166]
    [0.1907 0.8093]
    >>> stream
    OnlineFilter: 3 steps so far, 2 states, log-likelihood -2.1166
    >>> np.exp(stream.predict(steps=2)).round(4)
    array([0.4505, 0.5495])
    """

    def __init__(
        self,
        log_initial: npt.ArrayLike,
        log_transition: TransitionLike,
        *,
        emission: Emission | None = None,
        impossible: _checks.RaiseOrRestart = "raise",
    ) -> None:
        initial, transition = _checks.chain_parameters(log_initial, log_transition)
        n_states = len(initial)
        if emission is not None:
            _checks.emission(emission, n_states)
        super().__init__(initial, transition, Companion(emission), _checks.may_restart(impossible))
        self._quick_row = vars(type(emission)).get("_quick_row")  # of its very class: another may change what it says
        self._room = room_for_steps(1, n_states)
        self._slots = slots_of(transition, 1, n_states)
        self._ready = held(as_several(transition), 0, self._slots[0], n_states)

    def __repr__(self) -> str:
        n_states = self._n_states
        return (
            f"{type(self).__name__}: {self.n_observed} steps so far, {n_states} states, "
            f"log-likelihood {self.log_likelihood:.4f}"
        )

    def __copy__(self) -> OnlineFilter:
        return deepcopy(self)  # a copy that shares the state would move on with the original

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what a copy or a pickle brings; what nobody writes to stays so, and runs the same machine code."""
        vars(self).update(state)
        self._log_initial, self._log_transition = frozen(self._log_initial), as_frozen(self._log_transition)
        self._ready = held(as_several(self._log_transition), 0, self._slots[0], self._n_states)

    def update(
        self,
        log_likelihood_row: npt.ArrayLike,
        *,
        log_transition: TransitionLike | None = None,
        allowed: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Take one step, from the log-likelihoods of its observation.

        Parameters
        ----------
        log_likelihood_row : array_like, (K,)
            log p(v_t | h_t = k), natural logs; zeros for a missing observation.
        log_transition : array_like, (K, K), optional
            What leads to this step alone, in place of the stream's own; nothing leads to the first step.
        allowed : array_like of bool, (K,), optional
            Which states are possible at this step.

        Returns
        -------
        ndarray, (K,)
            log p(h_t | v_1:t), natural logs.

        Raises
        ------
        ImpossibleEvidenceError
            Where the observation is impossible after those before it. The stream is then as it was before.
        ValueError, TypeError
            For NaN, +inf, wrong shapes, and anything but real numbers.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineFilter(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]))
        >>> stream.update([0.0, 0.0], allowed=[True, False]).tolist()
        [0.0, -inf]
        """
        _checks.needs_no_more("update", self._companion.needs)
        row = _checks.log_row("log_likelihood_row", log_likelihood_row, self._n_states, kernels.are_logs)
        if allowed is not None:
            row = _checks.only_allowed(row, allowed).copy()
        return self._step(row, self._ready_to_move(log_transition))

    def _step(self, row: FloatArray, ready: Ready) -> FloatArray:
        """Take one step, to which moves that are made ready lead."""
        slot, lanes = ready
        log_probabilities = np.empty(self._n_states)
        log_likelihood = kernels.run_update(
            row, self._n_observed == 0, slot, lanes, self._room, self._state, log_probabilities
        )
        if log_likelihood == NEVER and self._may_restart and self._n_observed > 0:
            state = self._beginning
            log_likelihood = kernels.run_update(row, True, slot, lanes, self._room, state, log_probabilities)
            if log_likelihood > NEVER:
                self._begin_afresh()
                self._state[:] = state
        if log_likelihood == NEVER:
            raise _checks.ImpossibleEvidenceError(self._n_observed)
        self._log_likelihood = log_likelihood
        self._n_observed += 1
        return log_probabilities

    def _ready_to_move(self, log_transition: Any = None) -> Ready:
        """What leads to the next step made ready: the stream's own moves, or those of this step alone."""
        n_states = self._n_states
        if log_transition is not None:
            moves = _checks.moves_of_one_step(log_transition, n_states)
            return held(as_several(moves), 0, slots_of(moves, 1, n_states)[0], n_states)
        into = self._into(1)
        return self._ready if into is None else held(self._log_transition, int(into[0]), self._slots[0], n_states)

    def update_block(
        self,
        rows: npt.ArrayLike,
        *,
        allowed: npt.ArrayLike | None = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
    ) -> Filtered:
        """Take as many steps as there are rows, all of them or, where one is impossible, none.

        Parameters
        ----------
        rows : array_like, (B, K)
            log p(v_t | h_t = k), natural logs; a row of zeros for a missing observation.
        allowed : array_like of bool, (B, K), optional
            Which states are possible at each step.
        covariates : array_like, (B, C), optional
            What the chain of a model depends on besides the states, at each step.
        times : array_like, (B,), optional
            When each step was, where the chain moves in continuous time.
        transition_index : array_like, (B,), optional
            Which of several matrices leads on from each step.

        Returns
        -------
        Filtered
            ``log_probabilities`` (B, K), ``probabilities`` (B, K), ``log_increments`` (B,), and the ``log_likelihood``
            of the block given all before it.

        Raises
        ------
        ImpossibleEvidenceError
            Where an observation is impossible after those before it. The stream is then as it was before the block.
        ValueError, TypeError
            For NaN, +inf, wrong shapes, and anything but real numbers.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineFilter(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]))
        >>> stream.update_block(np.log([[0.9, 0.2], [0.9, 0.2]]))
        Filtered: 2 steps, 2 states, log-likelihood -1.0455; probabilities
          step       0       1
             0  0.8182  0.1818
             1  0.8834  0.1166
        """
        table = _checks.log_potentials("rows", rows, ("B", self._n_states))
        given = {"covariates": covariates, "times": times, "transition_index": transition_index}
        return self._take_block(table, self._companion.beside(len(table), given), None, allowed)

    def _take_block(
        self, table: FloatArray, beside: Beside, observations: Any, allowed: npt.ArrayLike | None
    ) -> Filtered:
        """Take steps, and keep what later ones may depend on."""
        from hmmfilter import _drivers

        companion = self._companion
        if allowed is not None:
            table = _checks.only_allowed(table, allowed)
        slots = self._slots
        if companion.chain is None:
            moves = self._moves(len(table))
        else:
            moves = companion.moves(beside, self._memory)
            slots = _drivers.slots_for_up_to(len(moves.log_transition), self._n_states, slots_for_chains)
        filtered = self._take(table, moves, slots)
        if companion.needs:
            self._memory = companion.remembered(self._memory, observations, beside)
        return replace(filtered, state_names=self._origin.state_names)

    @as_in(update)
    def observe(
        self,
        observation: Any,
        *,
        allowed: npt.ArrayLike | None = None,
        covariates: Any = None,
        time: Any = None,
        transition_index: Any = None,
    ) -> FloatArray:
        """Take one step, from its observation.

        Parameters
        ----------
        observation : number, symbol or array_like, (D,)
            What the emission takes; NaN or None where missing. It is alone: an emission that looks back at others, as
            `hmmfilter.emissions.Emission` forbids, would be right in `hmmfilter.HMM.smooth` and wrong here.
        allowed
            As in `update`.
        covariates : array_like, (C,), or dict, or row of a frame, optional
            What the emission or the chain of a model depends on besides the states, at this step.
        time : number or datetime, optional
            When this step was, where the chain moves in continuous time.
        transition_index : int or str, optional
            Which of several matrices leads on from this step.

        Returns
        -------
        ndarray, (K,)
            log p(h_t | v_1:t), natural logs.

        Raises
        ------
        ImpossibleEvidenceError
            As in `update`.
        ValueError, TypeError
            Where the emission does not take the observation, or makes anything but one row of it, or there is no
            emission.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> stream = model.online()
        >>> for count in [0, 2, None]:
        ...     print(np.exp(stream.observe(count)).round(4))
        [0.982 0.018]
        [0.9451 0.0549]
        [0.8616 0.1384]
        """
        if covariates is None and time is None and transition_index is None and not self._companion.needs:
            return self.update(self._row_of(observation), allowed=allowed)
        row, into, memory = self._told(observation, allowed, _checks.of_one_step(covariates, time, transition_index))
        log_probabilities = self._step(row.copy(), self._ready_to_move(into))
        self._memory = memory
        return log_probabilities

    def _told(
        self, observation: Any, allowed: npt.ArrayLike | None, given: dict[str, Any]
    ) -> tuple[FloatArray, FloatArray | None, Memory]:
        """What a step shows, what leads to it, if not the matrix of the stream, and what to keep of it."""
        companion, memory = self._companion, self._memory
        beside = companion.beside(1, given)
        table = companion.table([observation], beside, memory, self._n_states)
        row = _checks.log_potentials("log_likelihoods", table[0], (self._n_states,))
        if allowed is not None:
            row = _checks.only_allowed(row, allowed)
        into = None
        if companion.chain is not None:
            matrices, which = companion.matrices(beside, memory)
            into = matrices[which[0]]
        return row, into, companion.remembered(memory, [observation], beside)

    def _row_of(self, observation: Any) -> FloatArray:
        emission = self._companion.emission
        row: FloatArray | None = None if self._quick_row is None else self._quick_row(emission, observation)
        if row is None:
            row = _checks.log_likelihoods(_checks.observing(emission), [observation], self._n_states)[0]
        return row

    @as_in(update_block)
    def observe_block(
        self,
        observations: Any,
        *,
        allowed: npt.ArrayLike | None = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
    ) -> Filtered:
        """Take as many steps as there are observations, all of them or, where one is impossible, none.

        Parameters
        ----------
        observations : array_like, (B,) or (B, D)
            What the emission takes.
        allowed, covariates, times, transition_index
            As in `update_block`.

        Returns
        -------
        Filtered
            As that of `update_block`.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `update_block`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.online().observe_block([0, 2]).probabilities.round(4)
        array([[0.982 , 0.018 ],
               [0.9451, 0.0549]])
        """
        given = {"covariates": covariates, "times": times, "transition_index": transition_index}
        beside = self._companion.beside(len(observations), given)
        table = self._companion.table(observations, beside, self._memory, self._n_states)
        return self._take_block(table, beside, observations, allowed)

    def snapshot(self) -> dict[str, Any]:
        """Write down where the stream is, in words and numbers that JSON carries exactly; see `restore`.

        Returns
        -------
        dict
            What ``json.dumps`` takes: strings, integers, floats and lists of them. The log of zero is None. It tells
            its model from another, as `hmmfilter.streaming.snapshots` explains, but does not hold it.

        Examples
        --------
        >>> import json
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> log_transition = np.log([[0.7, 0.3], [0.3, 0.7]])
        >>> stream = hf.OnlineFilter(np.log([0.5, 0.5]), log_transition)
        >>> _ = stream.update(np.log([0.9, 0.2]))
        >>> text = json.dumps(stream.snapshot())
        >>> hf.OnlineFilter.restore(json.loads(text), log_transition)
        OnlineFilter: 1 steps so far, 2 states, log-likelihood -0.5978
        """
        return stream_document(self, self._fingerprints) | self._beside_document()

    def _beside_document(self) -> dict[str, Any]:
        """What a snapshot has besides: what lay beside the last step, if others depend on it; and restarts."""
        document = {"beside": memory_document(self._memory)} if self._companion.needs else {}
        return document | ({"restarts": restarts_document(self)} if self._restarts else {})

    def _remember(self, snapshot: Any) -> None:
        """Take that over."""
        if self._companion.needs:
            self._memory = memory_of(_checks.with_memory(snapshot))
        self._restarts, self._log_before = _checks.written_restarts(snapshot)

    def _snapshot_at(self, n_observed: int, wide: FloatArray) -> dict[str, Any]:
        """A snapshot of where so many steps had led, at wide α, (4, K)."""
        then = Run(self._log_initial)
        if n_observed > 0:
            then._stand(n_observed, wide)
        return stream_document(then, self._fingerprints)

    @cached_property
    def _fingerprints(self) -> dict[str, str | None]:
        """By what a snapshot knows the model of the stream."""
        return {
            "tables": fingerprint(self._log_initial, *self._companion.parts(self._log_transition)),
            "probabilities": self._origin.probabilities,
            "emission": emission_fingerprint(self._companion.emission),
        }

    @classmethod
    def restore(
        cls,
        snapshot: dict[str, Any],
        log_transition: TransitionLike,
        *,
        emission: Emission | None = None,
        impossible: _checks.RaiseOrRestart = "raise",
        force: bool = False,
    ) -> OnlineFilter:
        """Go on where a stream was when its snapshot was taken; see `snapshot` for an example.

        Parameters
        ----------
        snapshot : dict
            What `snapshot` returned. Nothing in it is executed.
        log_transition : array_like, (K, K)
            log p(h_{t+1} = j | h_t = i) at [i, j], natural logs; that of the stream.
        emission : Emission, optional
            What `observe` turns observations into log-likelihoods with; that of the stream, where both have one.
        impossible : {"raise", "restart"}
            What to do from here on where no path leads to a step; see `OnlineFilter`.
        force : bool
            Whether to go on with another transition or emission than those of the stream, on purpose, or from a
            snapshot of an earlier version, which does not say what they were.

        Returns
        -------
        OnlineFilter
            A stream that gives the same bits as the one that was written down.

        Raises
        ------
        ValueError, TypeError
            Where the snapshot is none, or of another number of states; where its numbers are not those of a stream; and
            where it is of another transition or emission, without `force`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineFilter([0.0], [[0.0]])
        >>> hf.OnlineFilter.restore(stream.snapshot(), [[0.0]]).n_observed
        0
        """
        log_initial = _checks.written_initial(snapshot, FORMAT, FORMER, force)
        stream = cls(log_initial, log_transition, emission=emission, impossible=impossible)
        stream._go_on(snapshot, force)
        return stream

    def _go_on(self, snapshot: Any, force: bool) -> None:
        """Be where a snapshot says, and remember what it does."""
        self._go_back(snapshot, force)
        self._remember(snapshot)

    def _go_back(self, snapshot: Any, force: bool) -> None:
        """Be where a snapshot says."""
        known = None if force else self._fingerprints
        written = _checks.stream_snapshot(snapshot, FORMAT, FORMER, self._log_initial, known)
        if written.n_observed > 0:
            self._stand(written.n_observed, written.wide)
            source = "head, tail and exponent make it"
            _checks.agreement("posterior", written.posterior, self._state[-1], source)
            _checks.agreement("log_likelihood", written.log_likelihood, self._log_likelihood, source)
            self._state[-1] = written.posterior
