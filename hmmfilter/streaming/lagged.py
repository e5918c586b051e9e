"""Smoothing a few steps behind."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter.results.posteriors import logs_of
from hmmfilter.streaming.online import OnlineFilter


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

        self._filter = OnlineFilter(log_initial, log_transition)
        n_states = self._filter._n_states
        self._lag = _checks.lag(lag, 5 * n_states)
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
