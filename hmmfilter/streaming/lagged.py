"""Smoothing a few steps behind."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, TransitionLike, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.block import block_rows, room_for_steps
from hmmfilter._kernels.chain import slots_for_chains
from hmmfilter._kernels.wide import PLANES
from hmmfilter._ready import lanes_of, slots_of
from hmmfilter._tiers import kernels
from hmmfilter.emissions import Emission
from hmmfilter.results import Forecast
from hmmfilter.results.posteriors import logs_of
from hmmfilter.streaming.online import OnlineFilter
from hmmfilter.streaming.snapshots import FORMAT, FORMER, LAGGED_FORMAT, with_nulls


@as_in(OnlineFilter)
class FixedLagSmoother:
    """What is known of the state some steps ago, brought up to date with each observation as it comes.

    A smoothed posterior takes later observations into account; with a lag, as many of them as one can wait for.
    Each update runs backwards over the lag. The transition is the same at every step, but for that of a model whose
    chain depends on more. Where no path leads to a step, the step is refused: unlike `OnlineFilter`, it never starts
    afresh.

    Conventions are those of `hmmfilter.model`.

    Parameters
    ----------
    log_initial, log_transition
        As in `OnlineFilter`.
    lag : int
        How many later observations to wait for, from 0 up.
    emission : Emission, optional
        What `observe` turns observations into log-likelihoods with; ``model.fixed_lag(lag)`` brings that of the model.

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

    def __init__(
        self,
        log_initial: npt.ArrayLike,
        log_transition: TransitionLike,
        lag: int,
        *,
        emission: Emission | None = None,
    ) -> None:
        self._filter = OnlineFilter(log_initial, log_transition, emission=emission)
        n_states = self._filter._n_states
        self._lag = _checks.lag(lag, 5 * n_states)
        # A window of the last lag + 1 steps: what was seen, the states before, and what was known then.
        self._log_likelihoods, self._posteriors = np.empty((0, n_states)), np.empty((0, n_states))
        self._before, self._into = np.empty((0, PLANES, n_states)), np.empty((0, n_states, n_states))
        self._backward_slots = slots_of(self._filter._log_transition, 1, n_states)
        self._room = room_for_steps(min(self._lag + 1, block_rows(n_states)), n_states)

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

    @as_in(OnlineFilter.update)
    def update(self, row: npt.ArrayLike, *, allowed: npt.ArrayLike | None = None) -> FloatArray | None:
        """Take one step, from the log-likelihoods of its observation.

        Parameters
        ----------
        row : array_like, (K,)
            log p(v_t | h_t = k), natural logs; zeros for a missing observation.
        allowed
            As in `OnlineFilter.update`.

        Returns
        -------
        ndarray, (K,), or None
            log p(h_{t−lag} | v_1:t), natural logs; None as long as there is no such step.

        Raises
        ------
        ImpossibleEvidenceError
            Where the observation is impossible after those before it. All is then as it was before.
        ValueError, TypeError
            As in `OnlineFilter.update`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> lagged = hf.FixedLagSmoother([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], lag=2)
        >>> lagged.update([0.0, -3.0]) is None
        True
        """
        log_b = _checks.log_potentials("row", row, (self._filter._n_states,))
        _checks.needs_no_more("update", self._filter._companion.needs)
        self._advance(log_b if allowed is None else _checks.only_allowed(log_b, allowed), None)
        return self._smoothed(self._lag + 1)[0] if self.n_observed > self._lag else None

    def _advance(self, log_b: FloatArray, into: FloatArray | None) -> None:
        """Filter a step, to which the stream's matrix leads or one of its own, and keep what smoothing needs of it."""
        stream = self._filter
        before = stream._state[:-1].copy()
        stream._step(log_b.copy(), stream._ready_to_move(into))

        def moved(window: FloatArray, newest: FloatArray) -> FloatArray:
            longer: FloatArray = np.concatenate([window, newest[None]])
            return longer[-self._lag - 1 :]

        self._log_likelihoods = moved(self._log_likelihoods, log_b)
        self._before = moved(self._before, before)
        self._posteriors = moved(self._posteriors, stream._state[-1])
        if into is not None:
            self._into = moved(self._into, into)

    @as_in(update, OnlineFilter.observe)
    def observe(
        self,
        observation: Any,
        *,
        allowed: npt.ArrayLike | None = None,
        covariates: Any = None,
        time: Any = None,
        transition_index: Any = None,
    ) -> FloatArray | None:
        """Take one step, from its observation.

        Parameters
        ----------
        observation, allowed, covariates, time, transition_index
            As in `OnlineFilter.observe`.

        Returns
        -------
        ndarray, (K,), or None
            log p(h_{t−lag} | v_1:t), natural logs; None as long as there is no such step.

        Raises
        ------
        ImpossibleEvidenceError
            As in `update`.
        ValueError, TypeError
            Where the emission does not take the observation, or there is no emission.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> lagged = model.fixed_lag(1)
        >>> lagged.observe(2) is None
        True
        >>> np.exp(lagged.observe(7)).round(4)
        array([0.2155, 0.7845])
        """
        stream = self._filter
        if covariates is None and time is None and transition_index is None and not stream._companion.needs:
            return self.update(stream._row_of(observation), allowed=allowed)
        given = _checks.of_one_step(covariates, time, transition_index)
        row, into, memory = stream._told(observation, allowed, given)
        self._advance(row, into)
        stream._memory = memory
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

    @as_in(OnlineFilter.predict)
    def predict(self, steps: int = 1) -> FloatArray:
        """Compute the distribution of the state some steps after the last one; see `OnlineFilter.predict`.

        Parameters
        ----------
        steps
            As in `OnlineFilter.predict`.

        Returns
        -------
        ndarray, (K,)
            log p(h_{t+steps} | v_1:t), natural logs.

        Raises
        ------
        ValueError, TypeError
            As in `OnlineFilter.predict`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> lagged = hf.FixedLagSmoother(np.log([0.9, 0.1]), np.log([[0.7, 0.3], [0.3, 0.7]]), lag=3)
        >>> np.exp(lagged.predict(2)).round(4)
        array([0.66, 0.34])
        """
        return self._filter.predict(steps)

    @as_in(OnlineFilter.forecast)
    def forecast(
        self, steps: int, *, covariates: Any = None, times: Any = None, transition_index: Any = None
    ) -> Forecast:
        """Compute the distributions of the states and of the observations to come; see `OnlineFilter.forecast`.

        Parameters
        ----------
        steps, covariates, times, transition_index
            As in `OnlineFilter.forecast`.

        Returns
        -------
        Forecast
            As that of `hmmfilter.HMM.forecast`; without an emission, of the states alone.

        Raises
        ------
        ValueError, TypeError
            As in `OnlineFilter.forecast`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> lagged = model.fixed_lag(1)
        >>> _ = lagged.observe(4)
        >>> lagged.forecast(steps=2).mean.round(4)
        array([3.9751, 3.4825])
        """
        return self._filter.forecast(steps, covariates=covariates, times=times, transition_index=transition_index)

    def snapshot(self) -> dict[str, Any]:
        """Write down where the stream is, in words and numbers that JSON carries exactly; see `restore`.

        Returns
        -------
        dict
            What ``json.dumps`` takes: strings, integers, floats, lists and dicts of them; no more than lag + 1 rows.
            The log of zero is None. It tells its model from another, as that of `OnlineFilter.snapshot` does.

        Examples
        --------
        >>> import json
        >>> import hmmfilter as hf
        >>> log_transition = [[-0.1, -2.0], [-2.0, -0.1]]
        >>> lagged = hf.FixedLagSmoother([0.0, -1.0], log_transition, lag=2)
        >>> _ = lagged.update([0.0, -3.0])
        >>> text = json.dumps(lagged.snapshot())
        >>> hf.FixedLagSmoother.restore(json.loads(text), log_transition)
        FixedLagSmoother: 1 steps so far, 2 states, lag 2
        """
        n_rows = len(self._log_likelihoods)
        wide = self._before[0] if n_rows > 0 else self._filter._state[:-1]
        document = {
            "format": LAGGED_FORMAT,
            "lag": self._lag,
            "filter": self._filter._snapshot_at(self.n_observed - n_rows, wide),
            "log_likelihoods": [with_nulls(row) for row in self._log_likelihoods],
        }
        if self._filter._companion.chain is not None:
            matrices = [[with_nulls(row) for row in matrix] for matrix in self._into]
            document["log_transitions"] = matrices
        return document | self._filter._beside_document()

    @classmethod
    @as_in(OnlineFilter.restore)
    def restore(
        cls,
        snapshot: dict[str, Any],
        log_transition: TransitionLike,
        *,
        emission: Emission | None = None,
        force: bool = False,
    ) -> FixedLagSmoother:
        """Go on where a stream was when its snapshot was taken; see `snapshot` for an example.

        Parameters
        ----------
        snapshot, log_transition, emission
            As in `OnlineFilter.restore`.
        force : bool
            Whether to go on with another transition or emission than those of the stream, on purpose. The last
            lag + 1 steps are then taken again, with the new transition.

        Returns
        -------
        FixedLagSmoother
            A stream that gives the same bits as the one that was written down.

        Raises
        ------
        ValueError, TypeError
            As in `OnlineFilter.restore`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> lagged = hf.FixedLagSmoother([0.0], [[0.0]], lag=2)
        >>> hf.FixedLagSmoother.restore(lagged.snapshot(), [[0.0]]).lag
        2
        """
        lag, before, _ = _checks.lagged_snapshot(snapshot, LAGGED_FORMAT)
        with _checks.blaming("filter"):
            log_initial = _checks.written_initial(before, FORMAT, FORMER, force)
        stream = cls(log_initial, log_transition, lag, emission=emission)
        stream._go_on(snapshot, force)
        return stream

    def _go_on(self, snapshot: Any, force: bool) -> None:
        """Be where a snapshot says: the filter where it was before the window, and then the steps of the window."""
        lag, before, rows = _checks.lagged_snapshot(snapshot, LAGGED_FORMAT)
        _checks.same_lag(self._lag, lag)
        n_states = self._filter._n_states
        with _checks.blaming("filter"):
            self._filter._go_back(before, force)
        window = _checks.lagged_rows(rows, n_states, lag, self._filter.n_observed)
        moves: list[FloatArray | None] = [None] * len(window)
        self._filter._remember(snapshot)
        if self._filter._companion.chain is not None:
            moves = [*_checks.lagged_moves(snapshot, n_states, len(window))]
        for log_b, into in zip(window, moves, strict=True):
            self._advance(log_b, into)

    def _smoothed(self, n_rows: int) -> FloatArray:
        """The last rows of the window, smoothed: they are run through backwards, as the end of a longer sequence."""
        first = len(self._posteriors) - n_rows
        n_states = self._filter._n_states
        is_whole, n_block = n_rows == self.n_observed, block_rows(n_states)
        n_before = 0 if is_whole else n_block
        posteriors, state = self._posteriors[first:].copy(), np.empty(self._before.shape[1:])
        matrices, index = self._filter._moves(n_rows, self.n_observed - n_rows)
        slots, backward_slots = self._filter._slots, self._backward_slots
        if self._filter._companion.chain is not None:  # a matrix for each step, the first of which leads to the first
            matrices, index = frozen(self._into[first:]), frozen((np.arange(n_rows) + 1) % max(n_rows, 1))
            slots, backward_slots = (slots_for_chains(max(n_rows, 1), n_states) for _ in range(2))
        kernels.run_backward(
            (
                self._filter._log_initial[None],
                matrices,
                index,
                frozen(self._log_likelihoods[first:]),
                frozen([-n_before, n_rows]),
            ),
            0,
            0,
            n_rows,
            lanes_of(matrices, n_states),
            slots,
            backward_slots,
            self._room,
            state,
            self._before[first + (n_block if is_whole else 0) :: n_block].copy(),
            posteriors,
            np.array([n_rows + n_before]),
        )
        return logs_of(posteriors)
