"""Streaming: filtering one observation, or one block, at a time, and smoothing a few steps behind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, filtering
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._checks import BlockChain, Moves
from hmmfilter.emissions import Emission
from hmmfilter.results import Filtered
from hmmfilter.results.posteriors import logs_of

FORMAT = "hmmfilter stream, version 1"
NEVER = -math.inf


class _Run:
    """Where a recursion is, and how it goes on with more steps."""

    def __init__(self, log_initial: FloatArray) -> None:
        from hmmfilter import _kernels

        n_states = len(log_initial)
        self._log_initial, self._n_states, self._lanes = log_initial, n_states, _kernels.lanes_for(n_states)
        self._n_observed, self._log_likelihood = 0, 0.0
        self._state = np.empty((4, n_states))  # see `run_update`
        _kernels.widen_row(log_initial, self._state)

    def _take(self, table: FloatArray, moves: Moves, slots: FloatArray) -> Filtered:
        """Take as many steps as a table has rows, all of them or, where one is impossible, none."""
        from hmmfilter import _kernels

        n_states, n_block = self._n_states, _kernels.block_rows(self._n_states)
        n_rows, n_before = len(table), n_block * (self._n_observed > 0)
        posteriors, increments = np.empty(table.shape), np.empty(n_rows)
        state, ring = self._state[:-1].copy(), np.empty((1, 3, n_states))
        n_possible, total = np.empty(1, dtype=np.int64), np.empty(1)
        _kernels.run_forward(
            self._log_initial[None],
            *moves,
            table,
            frozen([-n_before, n_rows]),
            0,
            0,
            n_rows,
            self._lanes,
            slots,
            _kernels.room_for_steps(min(n_rows, n_block), n_states),
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


class OnlineFilter(_Run):
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
        self, log_initial: npt.ArrayLike, log_transition: npt.ArrayLike, *, emission: Emission | None = None
    ) -> None:
        from hmmfilter import _kernels

        initial, transition = _checks.chain_parameters(log_initial, log_transition)
        n_states = len(initial)
        if emission is not None:
            _checks.emission(emission, n_states)
        super().__init__(initial)
        self._log_transition, self._emission = transition, emission
        self._run_update, self._are_logs = _kernels.run_update, _kernels.are_logs
        self._room = _kernels.room_for_steps(1, n_states)
        self._slots = _kernels.slots_for_chains(1, n_states)
        self._slot = self._slots[0]
        _kernels.hold_chain(transition[None], 0, False, self._slot)

    def __repr__(self) -> str:
        n_states = self._n_states
        return (
            f"{type(self).__name__}: {self.n_observed} steps so far, {n_states} states, "
            f"log-likelihood {self.log_likelihood:.4f}"
        )

    def __copy__(self) -> OnlineFilter:
        return deepcopy(self)  # a copy that shares the state would move on with the original

    @property
    def n_observed(self) -> int:
        """t, the number of steps so far, missing observations included."""
        return self._n_observed

    @property
    def log_likelihood(self) -> float:
        """log p(v_1:t), natural log; 0 before any step."""
        return self._log_likelihood

    @property
    def log_probabilities(self) -> FloatArray:
        """log p(h_t | v_1:t), (K,), natural logs; a ValueError before any step."""
        _checks.begun("log_probabilities", self._n_observed)
        return logs_of(self._state[-1])

    def update(
        self,
        log_likelihood_row: npt.ArrayLike,
        *,
        log_transition: npt.ArrayLike | None = None,
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
        row, slot = (
            _checks.log_row("log_likelihood_row", log_likelihood_row, self._n_states, self._are_logs),
            self._slot,
        )
        if allowed is not None:
            row = _checks.only_allowed(row, allowed).copy()
        if log_transition is not None:
            slot = self._slot_of(log_transition)
        log_probabilities = np.empty(self._n_states)
        log_likelihood = self._run_update(
            row, self._n_observed == 0, slot, self._lanes, self._room, self._state, log_probabilities
        )
        if log_likelihood == NEVER:
            raise _checks.ImpossibleEvidenceError(self._n_observed)
        self._log_likelihood = log_likelihood
        self._n_observed += 1
        return log_probabilities

    def _slot_of(self, log_transition: npt.ArrayLike) -> FloatArray:
        from hmmfilter import _kernels

        n_states = self._n_states
        transition = _checks.log_potentials("log_transition", log_transition, (n_states, n_states))
        slot: FloatArray = _kernels.slots_for_chains(1, n_states)[0]
        _kernels.hold_chain(transition[None], 0, False, slot)
        return slot

    def update_block(self, rows: npt.ArrayLike, *, allowed: npt.ArrayLike | None = None) -> Filtered:
        """Take as many steps as there are rows, all of them or, where one is impossible, none.

        Parameters
        ----------
        rows : array_like, (B, K)
            log p(v_t | h_t = k), natural logs; a row of zeros for a missing observation.
        allowed : array_like of bool, (B, K), optional
            Which states are possible at each step.

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
        if allowed is not None:
            table = _checks.only_allowed(table, allowed)
        return self._take(table, Moves(self._log_transition[None], _checks.NO_INDEX), self._slots)

    def observe(self, observation: Any) -> FloatArray:
        """Take one step, from its observation.

        Parameters
        ----------
        observation : float or array_like, (D,)
            What the emission takes; NaN or None where missing.

        Returns
        -------
        ndarray, (K,)
            log p(h_t | v_1:t), natural logs.

        Raises
        ------
        ImpossibleEvidenceError
            Where the observation is impossible after those before it. The stream is then as it was before.
        ValueError, TypeError
            Where the emission does not take the observation, or there is no emission.

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
        return self.update(_checks.observing(self._emission).log_likelihoods([observation])[0])

    def predict(self, steps: int = 1) -> FloatArray:
        """Compute the distribution of the state some steps ahead.

        Parameters
        ----------
        steps : int
            How far ahead, at least 1. Before any update the first step is ahead, and ``predict(1)`` is `log_initial`.

        Returns
        -------
        ndarray, (K,)
            log p(h_{t+steps} | v_1:t), natural logs.

        Raises
        ------
        ValueError, TypeError
            Where `steps` is not an integer from 1 up.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineFilter(np.log([0.9, 0.1]), np.log([[0.7, 0.3], [0.3, 0.7]]))
        >>> np.exp(stream.predict(2)).round(4)
        array([0.66, 0.34])
        """
        n_steps = _checks.step_count("steps", steps)
        if self._n_observed > 0:
            return filtering.predict(self.log_probabilities, self._log_transition, n_steps)
        if n_steps == 1:
            return np.array(self._log_initial)
        return filtering.predict(self._log_initial, self._log_transition, n_steps - 1)

    def snapshot(self) -> dict[str, Any]:
        """Write down where the stream is, in words and numbers that JSON carries exactly; see `restore`.

        Returns
        -------
        dict
            What ``json.dumps`` takes: strings, integers, floats and lists of them. The log of zero is None.

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
        head, tail, exponent, posterior = self._state.tolist()
        is_begun = self._n_observed > 0
        return {
            "format": FORMAT,
            "n_observed": self._n_observed,
            "log_initial": [x if x > -np.inf else None for x in self._log_initial.tolist()],
            "head": head if is_begun else [],
            "tail": tail if is_begun else [],
            "exponent": [k if x > 0 else None for x, k in zip(head, exponent, strict=True)] if is_begun else [],
            "posterior": posterior if is_begun else [],
            "log_likelihood": self.log_likelihood,
        }

    @classmethod
    def restore(
        cls, snapshot: dict[str, Any], log_transition: npt.ArrayLike, *, emission: Emission | None = None
    ) -> OnlineFilter:
        """Go on where a stream was when its snapshot was taken; see `snapshot` for an example.

        Parameters
        ----------
        snapshot : dict
            What `snapshot` returned. Nothing in it is executed.
        log_transition : array_like, (K, K)
            log p(h_{t+1} = j | h_t = i) at [i, j], natural logs.
        emission : Emission, optional
            What `observe` turns observations into log-likelihoods with.

        Returns
        -------
        OnlineFilter
            A stream that gives the same bits as the one that was written down.

        Raises
        ------
        ValueError, TypeError
            Where the snapshot is none, or of another number of states.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineFilter([0.0], [[0.0]])
        >>> hf.OnlineFilter.restore(stream.snapshot(), [[0.0]]).n_observed
        0
        """
        written = _checks.stream_snapshot(snapshot, FORMAT)
        stream = cls(written.log_initial, log_transition, emission=emission)
        stream._n_observed = written.n_observed
        stream._log_likelihood = written.log_likelihood
        if written.n_observed > 0:
            stream._state[:] = written.state
        return stream


def filter_blocks(
    log_initial: npt.ArrayLike,
    log_transition: npt.ArrayLike,
    blocks: Iterable[npt.ArrayLike],
    *,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
) -> Iterator[Filtered]:
    """Filter one sequence block by block as its tables come, with only one of them in memory.

    All that is yielded has the very bits of those rows in `hmmfilter.forward_filter` of the whole.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k), natural logs; −inf for an impossible state.
    log_transition : array_like, (K, K) or (T − 1, K, K) or (M, K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs, or at [t, i, j] where it changes from step to step: then
        an array of float64 in C order, memory-mapped or not, is read, and checked, as the blocks come. With
        `transition_index`, M matrices to choose from.
    blocks : iterable of array_like, (B, K)
        log p(v_t | h_t = k), natural logs, of B steps, which may be more or fewer in each block, at least 1; a row of
        zeros for a missing observation.
    transition_index : array_like of int, (T − 1,), optional
        Which of M matrices leads from step t to t + 1.
    allowed : array_like of bool, (T, K), optional
        Which states are possible at each step; a single True makes a state known.

    Yields
    ------
    Filtered
        Of each block ``log_probabilities`` (B, K), ``probabilities`` (B, K), ``log_increments`` (B,), and the
        ``log_likelihood`` of the block given all before it.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path to a step has a probability above zero; ``.step`` counts from the beginning of the sequence. The
        block is not yielded.
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty blocks, anything but real numbers, and more rows in all than the other
        arrays are for.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (20).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial, log_transition = np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> blocks = np.log([[0.9, 0.2], [0.9, 0.2]]), np.log([[0.1, 0.8]])  # umbrella, umbrella; none
    >>> for filtered in hf.filter_blocks(log_initial, log_transition, blocks):
    ...     print(filtered)
    Filtered: 2 steps, 2 states, log-likelihood -1.0455; probabilities
      step       0       1
         0  0.8182  0.1818
         1  0.8834  0.1166
    Filtered: 1 steps, 2 states, log-likelihood -1.0710; probabilities
      step       0       1
         0  0.1907  0.8093
    """
    chain = _checks.block_chain(log_initial, log_transition, transition_index, allowed)
    return _filtered_blocks(chain, _checks.blocks(blocks))


def _filtered_blocks(chain: BlockChain, blocks: Iterator[Any]) -> Iterator[Filtered]:
    from hmmfilter import _drivers, _kernels

    run = _Run(chain.log_initial)
    n_matrices = 1 if chain.transition_index is None else len(chain.log_transition)
    slots = _drivers.slots_for_up_to(n_matrices, len(chain.log_initial), _kernels.slots_for_chains)
    for number, block in enumerate(blocks):
        rows, moves = _checks.block_of(chain, block, number, run._n_observed)
        if moves.log_transition is not chain.log_transition:
            slots[:] = 0.0  # the matrices are others, and none of them is held
        yield run._take(rows, moves, slots)


class FixedLagSmoother:
    """What is known of the state some steps ago, brought up to date with each observation as it comes.

    A smoothed posterior takes later observations into account; with a lag, as many of them as one can wait for.
    Each update runs backwards over the lag.

    Conventions are those of `hmmfilter.model`.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k), natural logs; −inf for an impossible state.
    log_transition : array_like, (K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs.
    lag : int
        How many later observations to wait for, from 0 up.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, anything but real numbers, and a lag that is no integer from 0 up.

    References
    ----------
    Murphy, *Machine Learning: A Probabilistic Perspective* (2012), section 17.4.1.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> lagged = hf.FixedLagSmoother(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]), lag=1)
    >>> for row in np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]):  # umbrella, umbrella, none
    ...     log_probabilities = lagged.update(row)
    ...     print(None if log_probabilities is None else np.exp(log_probabilities).round(4))
    None
    [0.8834 0.1166]
    [0.7992 0.2008]
    >>> np.exp(lagged.flush()).round(4)
    array([[0.1907, 0.8093]])
    """

    def __init__(self, log_initial: npt.ArrayLike, log_transition: npt.ArrayLike, lag: int) -> None:
        from hmmfilter import _kernels

        self._lag = _checks.lag(lag)
        self._filter = OnlineFilter(log_initial, log_transition)
        n_states = self._filter._n_states
        n_rows = self._lag + 1
        self._log_likelihoods, self._posteriors = np.zeros((n_rows, n_states)), np.zeros((n_rows, n_states))
        self._before = np.zeros((n_rows, 3, n_states))  # the state before each step
        self._backward_slots = _kernels.slots_for_chains(1, n_states)
        self._room = _kernels.room_for_steps(min(n_rows, _kernels.block_rows(n_states)), n_states)

    def __repr__(self) -> str:
        n_states = self._filter._n_states
        return f"{type(self).__name__}: {self.n_observed} steps so far, {n_states} states, lag {self._lag}"

    def __copy__(self) -> FixedLagSmoother:
        return deepcopy(self)

    @property
    def lag(self) -> int:
        """How many later observations each posterior waits for."""
        return self._lag

    @property
    def n_observed(self) -> int:
        """t, the number of steps so far, missing observations included."""
        return self._filter.n_observed

    @property
    def log_likelihood(self) -> float:
        """log p(v_1:t), natural log; 0 before any step."""
        return self._filter.log_likelihood

    def update(self, row: npt.ArrayLike) -> FloatArray | None:
        """Take one step, from the log-likelihoods of its observation.

        Parameters
        ----------
        row : array_like, (K,)
            log p(v_t | h_t = k), natural logs; zeros for a missing observation.

        Returns
        -------
        ndarray, (K,), or None
            log p(h_{t−lag} | v_1:t), natural logs; None as long as there is no such step.

        Raises
        ------
        ImpossibleEvidenceError
            Where the observation is impossible after those before it. All is then as it was before.
        ValueError, TypeError
            For NaN, +inf, wrong shapes, and anything but real numbers.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.FixedLagSmoother([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], lag=2).update([0.0, -3.0]) is None
        True
        """
        before = self._filter._state[:-1].copy()
        log_b = _checks.log_potentials("row", row, before.shape[1:])
        self._filter.update(log_b)
        for window, newest in (
            (self._log_likelihoods, log_b),
            (self._before, before),
            (self._posteriors, self._filter._state[-1]),
        ):
            window[:-1] = window[1:]
            window[-1] = newest
        return self._smoothed(self._lag + 1)[0] if self.n_observed > self._lag else None

    def flush(self) -> FloatArray:
        """Compute what is known of the last steps, for which no more observations are waited for.

        It changes nothing: updates may go on.

        Returns
        -------
        ndarray, (lag, K)
            log p(h_s | v_1:t) for the last steps s = t − lag + 1, ..., t, natural logs; fewer rows where there were
            fewer steps.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> lagged = hf.FixedLagSmoother([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], lag=5)
        >>> for row in [[0.0, -3.0], [-3.0, 0.0]]:
        ...     _ = lagged.update(row)
        >>> np.exp(lagged.flush()).round(4)
        array([[0.9153, 0.0847],
               [0.2292, 0.7708]])
        """
        return self._smoothed(min(self._lag, self.n_observed))

    def _smoothed(self, n_rows: int) -> FloatArray:
        """The last rows of the window, smoothed: they are run through backwards, as the end of a longer sequence."""
        from hmmfilter import _kernels

        first = len(self._posteriors) - n_rows
        is_whole, n_block = n_rows == self.n_observed, _kernels.block_rows(self._posteriors.shape[1])
        n_before = 0 if is_whole else n_block
        posteriors, state = self._posteriors[first:].copy(), np.empty(self._before[0].shape)
        _kernels.run_backward(
            self._filter._log_initial[None],
            self._filter._log_transition[None],
            _checks.NO_INDEX,
            frozen(self._log_likelihoods[first:]),
            frozen([-n_before, n_rows]),
            0,
            0,
            n_rows,
            self._filter._lanes,
            self._filter._slots,
            self._backward_slots,
            self._room,
            state,
            self._before[first + (n_block if is_whole else 0) :: n_block].copy(),
            posteriors,
            np.array([n_rows + n_before]),
        )
        return logs_of(posteriors)
