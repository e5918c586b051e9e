"""Filtering sojourns with durations, one observation, or one block, at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter._drivers import undo_code
from hmmfilter._kernels.ages import room_for_window
from hmmfilter._tiers import kernels
from hmmfilter.emissions import Emission
from hmmfilter.results import Filtered
from hmmfilter.streaming.online import OnlineFilter
from hmmfilter.streaming.snapshots import emission_fingerprint, fingerprint, with_nulls

FORMAT = "hmmfilter stream of sojourns, version 1"
ROWS = 256  # of a block that are taken at once


class OnlineSojourns:
    """What is known of the state now, and of how long it has lasted, brought up to date as observations come.

    However a stream is cut into rows and blocks, and through any number of snapshots, it gives the very bits that
    `hmmfilter.forward_filter` gives on the whole, but for a last row that knows of an end. It keeps K D numbers.

    Conventions are those of `hmmfilter.model`.

    Parameters
    ----------
    log_initial : array_like, (K,) or (K, D)
        log p(h_1 = k), natural logs, of sojourns that begin there; or of states and ages.
    log_transition : hmmfilter.transitions.Durations
        How long sojourns last, and what follows them.
    emission : Emission, optional
        What `observe` turns observations into log-likelihoods with; ``model.online()`` brings that of the model.

    Attributes
    ----------
    n_observed : int
        t, the number of steps so far, missing observations included.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes, and another chain.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section IV.D.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> dice = hf.transitions.Durations([[0.0, 0.0, 0.2, 0.8], [0.5, 0.5, 0.0, 0.0]], [[0, 1], [1, 0]])
    >>> stream = hf.HMM([0.5, 0.5], dice, hf.emissions.Poisson([1.0, 5.0])).online()
    >>> for count in [2, 1, 6, 2]:
    ...     print(np.exp(stream.observe(count)).round(4))
    [0.6859 0.3141]
    [0.9832 0.0168]
    [1. 0.]
    [0.9198 0.0802]
    >>> stream.age_probabilities.round(4)
    array([[0.    , 0.0184, 0.2006, 0.7008],
           [0.0802, 0.    , 0.    , 0.    ]])
    """

    def __init__(self, log_initial: npt.ArrayLike, log_transition: Any, *, emission: Emission | None = None) -> None:
        _checks.sojourns_online(log_transition)
        nothing = np.zeros((1, log_transition.n_states))
        tables = _checks.any_chain(log_initial, log_transition, nothing)
        if emission is not None:
            _checks.emission(emission, log_transition.n_states)
        self._chain, self._emission, self._log_initial = log_transition, emission, tables.log_initial[0].copy()
        self._padded = tables.log_transition.heads.shape[2]
        self._window = room_for_window(log_transition.n_states, self._padded, ROWS)
        self._state_names: tuple[str, ...] | None = None
        self.n_observed = 0
        kernels.run_beginning(self._log_initial, log_transition._ages(), self._window)

    @property
    def log_likelihood(self) -> float:
        """Tell log p(v_1:t), natural log; 0 before any step."""
        return 0.0 if self.n_observed == 0 else float(kernels.run_likelihood(self._window))

    @property
    def age_probabilities(self) -> FloatArray:
        """Tell how long the sojourn has lasted by now, of all states: p(h_t = k, d | v_1:t) at [k, d − 1], (K, D)."""
        window, ages = self._window, self._chain._ages()
        reaches = ages.exponents[1] + window.live[:, : self._padded]
        top = reaches.max()
        shares = ages.heads[1] * window.heads[:, : self._padded] * np.exp2(np.maximum(reaches - top, -1074.0))
        shares = np.where(reaches > -np.inf, shares, 0.0) * window.factors[0, 0][:, np.newaxis]
        total: FloatArray = (shares / shares.sum())[:, ::-1][:, : self._chain.n_ages]
        return total

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}: {self.n_observed} steps so far, {self._chain.n_states} states, "
            f"log-likelihood {self.log_likelihood:.4f}"
        )

    def update(self, log_likelihood_row: npt.ArrayLike, *, allowed: npt.ArrayLike | None = None) -> FloatArray:
        """Take one step, from the log-likelihoods of its observation.

        Parameters
        ----------
        log_likelihood_row : array_like, (K,)
            log p(v_t | h_t = k), natural logs; zeros for a missing observation.
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
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineSojourns([0.0, 0.0], hf.transitions.Durations([[1.0], [1.0]], [[0, 1], [1, 0]]))
        >>> stream.update([0.0, 0.0], allowed=[True, False]).tolist()
        [0.0, -inf]
        """
        row = _checks.log_potentials("log_likelihood_row", log_likelihood_row, (self._chain.n_states,))
        if allowed is not None:
            row = _checks.only_allowed(row, allowed)
        rows, _ = self._take(row[np.newaxis])
        undo_code(rows, "logs")
        log_probabilities: FloatArray = rows[0]
        return log_probabilities

    @as_in(update, OnlineFilter.update_block)
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
            As in `OnlineFilter.update_block`.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `update`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> stream = hf.OnlineSojourns([0.0, 0.0], hf.transitions.Durations([[1.0], [1.0]], [[0, 1], [1, 0]]))
        >>> stream.update_block([[0.0, 0.0], [0.0, -1.0]]).probabilities.round(4)
        array([[0.5   , 0.5   ],
               [0.7311, 0.2689]])
        """
        table = _checks.log_potentials("rows", rows, ("B", self._chain.n_states))
        if allowed is not None:
            table = _checks.only_allowed(table, allowed)
        posteriors, increments = self._take(table)
        logs = increments.copy()
        undo_code(logs, "logs")
        return Filtered(
            _rows=posteriors,
            _increments=increments,
            log_likelihood=float(logs.sum()),
            state_names=self._state_names,
        )

    @as_in(update, OnlineFilter.observe)
    def observe(self, observation: Any, *, allowed: npt.ArrayLike | None = None) -> FloatArray:
        """Take one step, from its observation.

        Parameters
        ----------
        observation
            As in `OnlineFilter.observe`.
        allowed
            As in `update`.

        Returns
        -------
        ndarray, (K,)
            log p(h_t | v_1:t), natural logs.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `update`. Also where the emission does not take the observation, or there is none.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> chain = hf.transitions.Durations([[1.0], [1.0]], [[0, 1], [1, 0]])
        >>> np.exp(hf.HMM([0.5, 0.5], chain, hf.emissions.Poisson([1.0, 5.0])).online().observe(4)).round(4)
        array([0.0803, 0.9197])
        """
        row = _checks.log_likelihoods(_checks.observing(self._emission), [observation], self._chain.n_states)[0]
        return self.update(row, allowed=allowed)

    @as_in(update_block)
    def observe_block(self, observations: Any, *, allowed: npt.ArrayLike | None = None) -> Filtered:
        """Take as many steps as there are observations, all of them or, where one is impossible, none.

        Parameters
        ----------
        observations : array_like, (B,) or (B, D)
            What the emission takes.
        allowed
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
        >>> chain = hf.transitions.Durations([[1.0], [1.0]], [[0, 1], [1, 0]])
        >>> model = hf.HMM([0.5, 0.5], chain, hf.emissions.Poisson([1.0, 5.0]))
        >>> model.online().observe_block([4, 0]).probabilities.round(4)
        array([[0.0803, 0.9197],
               [0.9984, 0.0016]])
        """
        table = _checks.log_likelihoods(_checks.observing(self._emission), observations, self._chain.n_states)
        return self.update_block(table, allowed=allowed)

    def _take(self, table: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows and increments of as many steps as a table has rows; or none of them."""
        _checks.moderate_logs("log-likelihoods", table)
        rows, increments = np.empty(table.shape), np.empty(len(table))
        window = deepcopy(self._window)
        for begin in range(0, len(table), ROWS):
            some = slice(begin, min(begin + ROWS, len(table)))
            ages = self._chain._ages()
            reached = kernels.run_ageing(table[some], ages, window, False, rows[some], increments[some])
            if reached < some.stop - begin:
                raise _checks.ImpossibleEvidenceError(self.n_observed + begin + reached)
            kernels.run_carrying(window, some.stop - begin)
        self._window, self.n_observed = window, self.n_observed + len(table)
        return rows, increments

    def snapshot(self) -> dict[str, Any]:
        """Write down where the stream is, in words and numbers that JSON carries exactly; see `restore`.

        Returns
        -------
        dict
            What ``json.dumps`` takes. The log of zero is None. It tells its model from another, but does not hold it.

        Examples
        --------
        >>> import json
        >>> import hmmfilter as hf
        >>> chain = hf.transitions.Durations([[0.5, 0.5], [1.0, 0.0]], [[0, 1], [1, 0]])
        >>> stream = hf.OnlineSojourns([0.0, 0.0], chain)
        >>> _ = stream.update([0.0, -1.0])
        >>> hf.OnlineSojourns.restore(json.loads(json.dumps(stream.snapshot())), [0.0, 0.0], chain)
        OnlineSojourns: 1 steps so far, 2 states, log-likelihood 0.3133
        """
        window = self._window
        steps = np.stack([*window.factors[0][:2], window.entering[0], window.entering[2]])
        return {
            "format": FORMAT,
            "model": self._fingerprints(),
            "n_observed": self.n_observed,
            "heads": window.heads[:, : self._padded].tolist(),
            "exponents": [with_nulls(row) for row in window.live[:, : self._padded]],
            "steps": [with_nulls(row) for row in steps],
            "facts": window.facts.tolist(),
        }

    def _fingerprints(self) -> dict[str, str | None]:
        return {
            "initial": fingerprint(self._log_initial),
            "transition": emission_fingerprint(self._chain),
            "emission": emission_fingerprint(self._emission),
        }

    @classmethod
    def restore(
        cls,
        snapshot: dict[str, Any],
        log_initial: npt.ArrayLike,
        log_transition: Any,
        *,
        emission: Emission | None = None,
        force: bool = False,
    ) -> OnlineSojourns:
        """Go on where a stream was when its snapshot was taken; see `snapshot` for an example.

        Parameters
        ----------
        snapshot : dict
            What `snapshot` returned. Nothing in it is executed.
        log_initial : array_like, (K,) or (K, D)
            What the stream began with, natural logs.
        log_transition : hmmfilter.transitions.Durations
            That of the stream.
        emission : Emission, optional
            That of the stream, where it has one.
        force : bool
            Whether to go on with another model than that of the stream, on purpose.

        Returns
        -------
        OnlineSojourns
            A stream that gives the same bits as the one that was written down.

        Raises
        ------
        ValueError, TypeError
            Where the snapshot is none, or of another model, without `force`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> chain = hf.transitions.Durations([[1.0]], [[1.0]])
        >>> hf.OnlineSojourns.restore(hf.OnlineSojourns([0.0], chain).snapshot(), [0.0], chain).n_observed
        0
        """
        stream = cls(log_initial, log_transition, emission=emission)
        stream._go_on(snapshot, _checks.flag("force", force))
        return stream

    def _of(self, state_names: tuple[str, ...], snapshot: Any, force: bool) -> OnlineSojourns:
        """The stream of a model, whose states have names, where a snapshot says, if there is one."""
        self._state_names = state_names
        if snapshot is not None:
            self._go_on(snapshot, _checks.flag("force", force))
        return self

    def _go_on(self, snapshot: Any, force: bool) -> None:
        """Be where a snapshot says."""
        window, shape = self._window, (self._chain.n_states, self._padded)
        written = _checks.written_sojourns(snapshot, FORMAT, self._fingerprints(), shape, force)
        window.heads[:, : self._padded] = written.heads
        window.exponents[:, : self._padded] = window.live[:, : self._padded] = written.exponents
        window.factors[0, 0], window.factors[0, 1], window.entering[0], window.entering[2] = written.steps
        window.factors[0, 2], window.entering[1], window.facts[:] = 0.0, 0.0, written.facts
        self.n_observed = written.n_observed
