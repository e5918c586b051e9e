"""Viterbi decoding of a stream: states as soon as they are settled, or after some steps at the latest."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, TransitionLike, frozen
from hmmfilter._docstrings import as_in
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.surviving import Branches, room_for_branches
from hmmfilter._tiers import kernels
from hmmfilter._ways import staying
from hmmfilter.emissions import Emission
from hmmfilter.streaming.online import OnlineFilter
from hmmfilter.streaming.snapshots import with_nulls

FORMAT = "hmmfilter decoding stream, version 1"
NO_STATES: IntArray = np.empty(0, dtype=np.int64)
N_ROWS = 16  # of the window, at first


class Settled(NamedTuple):
    """States that a stream has settled, and of which steps they are.

    Attributes
    ----------
    start : int
        The first of the steps.
    states : ndarray of int, (n,)
        The state of each; n may be 0.
    forced : ndarray of bool, (n,)
        Whether the lag is over, so that the best path so far was taken.
    """

    start: int
    states: IntArray
    forced: BoolArray


@as_in(OnlineFilter)
class OnlineViterbi:
    """The most probable path, state by state as soon as later observations can change no more of it.

    The best paths to all states usually have all but their last steps in common: what they share is settled, and is
    what `hmmfilter.viterbi` finds of the whole, whatever comes. Where it takes them longer than a lag to agree, the
    state of the best path so far is told, and said to be forced: there, `hmmfilter.viterbi` of the whole may have
    another one, and nowhere else.

    Conventions are those of `hmmfilter.model`.

    Parameters
    ----------
    log_initial, log_transition
        As in `OnlineFilter`.
    lag : int, optional
        How many later observations to wait for at most, from 0 up; without it, as long as it takes.
    emission : Emission, optional
        What `observe` turns observations into log-likelihoods with; ``model.online_viterbi()`` brings the model's.
    impossible : {"raise", "restart"}
        What to do where no path leads to a step: refuse it, or start afresh there from `log_initial`, which settles all
        steps before, as in `hmmfilter.viterbi`; ``restarts`` says where.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty tables, anything but real numbers, and a lag that is no integer from 0 up.

    References
    ----------
    Šrámek, Brejová, Vinař, "On-line Viterbi algorithm for analysis of long biological sequences", Algorithms in
    Bioinformatics (2007).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> decoder = hf.OnlineViterbi(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]))
    >>> for row in np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]):  # umbrella, umbrella, none
    ...     settled = decoder.update(row)
    ...     print(settled.start, settled.states)
    0 []
    0 [0]
    1 [0]
    >>> decoder.flush().states
    array([1])
    >>> decoder
    OnlineViterbi: 3 steps so far, 2 of them settled, 2 states, log-joint -2.6877
    """

    def __init__(
        self,
        log_initial: npt.ArrayLike,
        log_transition: TransitionLike,
        *,
        lag: int | None = None,
        emission: Emission | None = None,
        impossible: _checks.RaiseOrRestart = "raise",
    ) -> None:
        self._filter = OnlineFilter(log_initial, log_transition, emission=emission, impossible=impossible)
        self._log_initial, self._log_transition = self._filter._log_initial, self._filter._log_transition
        n_states = self._n_states = len(self._log_initial)
        self._lag = None if lag is None else _checks.lag(lag, n_states)
        self._n_observed = self._n_settled = 0
        self._best = -1  # the last state of the best path
        self._scores, self._taken_out = np.zeros((5, n_states)), np.zeros(2)
        self._ranks, self._room = np.zeros((2, n_states), dtype=np.int64)
        self._ancestors = np.zeros((2, n_states), dtype=np.int64)  # see `run_agreement`
        self._ways = np.zeros(
            (N_ROWS, n_states), dtype=np.int64
        )  # where the paths to each state of the window come from
        self._first = 0  # row of the window
        self._branches: Branches | None = None  # of a network, once it is asked for

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}: {self.n_observed} steps so far, {self.n_settled} of them settled, "
            f"{self._n_states} states, log-joint {self.log_joint:.4f}"
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what a copy or a pickle brings, but for room to work in, and what the filter has as well."""
        vars(self).update(state, _branches=None)
        self._log_initial, self._log_transition = self._filter._log_initial, self._filter._log_transition

    def __copy__(self) -> OnlineViterbi:
        return deepcopy(self)

    @property
    def lag(self) -> int | None:
        """How many later observations a state waits for at most; None where there is no end to it."""
        return self._lag

    @property
    def n_observed(self) -> int:
        """t, the number of steps so far, missing observations included."""
        return self._n_observed

    @property
    def n_settled(self) -> int:
        """How many of the steps have been told the states of."""
        return self._n_settled

    @property
    def log_joint(self) -> float:
        """log p(path, v_1:t) of the best path, natural log; 0 before any step. That of all pieces together."""
        if self._n_observed == 0:
            return 0.0
        (head, tail), (out, out_tail) = self._scores[:2, self._best], self._taken_out
        return self._filter._log_before + float(out + (head + (tail + out_tail)))

    @property
    def restarts(self) -> IntArray:
        """The steps so far at which the stream has started afresh, with ``impossible="restart"``."""
        return self._filter.restarts

    @as_in(OnlineFilter.update)
    def update(
        self,
        log_likelihood_row: npt.ArrayLike,
        *,
        log_transition: TransitionLike | None = None,
        allowed: npt.ArrayLike | None = None,
    ) -> Settled:
        """Take one step, from the log-likelihoods of its observation.

        Parameters
        ----------
        log_likelihood_row, log_transition, allowed
            As in `OnlineFilter.update`.

        Returns
        -------
        Settled
            ``start``, the first step that is settled now, ``states``, of it and those after it, and ``forced``.

        Raises
        ------
        ImpossibleEvidenceError
            Where the observation is impossible after those before it. The stream is then as it was before.
        ValueError, TypeError
            As in `OnlineFilter.update`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> decoder = hf.OnlineViterbi([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], lag=0)
        >>> decoder.update([0.0, -3.0])
        Settled(start=0, states=array([0]), forced=array([ True]))
        """
        n_states = self._n_states
        _checks.needs_no_more("update", self._filter._companion.needs)
        row = _checks.log_row("log_likelihood_row", log_likelihood_row, n_states, kernels.are_logs)
        if allowed is not None:
            row = _checks.only_allowed(row, allowed).copy()
        moves = None if log_transition is None else _checks.moves_of_one_step(log_transition, n_states)
        return self._advance(frozen(row), moves)

    def _leading_on(self, moves: Any) -> Any:
        """What leads to the next step as the kernel takes it: the stream's own moves, or those of this step alone."""
        if moves is not None:
            return room_for_branches(moves.onward, self._n_states) if isinstance(moves, Ways) else moves
        if not isinstance(self._log_transition, Ways):
            return self._log_transition
        if self._branches is None:
            self._branches = room_for_branches(self._log_transition.onward, self._n_states)
        into = self._filter._into(1, self._n_observed)
        return self._branches if into is None else self._branches._replace(m=int(into[0]))

    def _advance(self, row: FloatArray, moves: Any) -> Settled:
        start, agreed, log_moves = self._n_settled, [NO_STATES], self._leading_on(moves)
        best = self._survive(row, log_moves, self._n_observed == 0, self._taken_out)
        if best < 0 and self._filter._may_restart and self._n_observed > 0:
            taken_out, log_joint = np.zeros(2), self.log_joint
            best = self._survive(row, log_moves, True, taken_out)
            if best >= 0:
                agreed = [self._begin_afresh(taken_out, log_joint)]
        if best < 0:
            raise _checks.ImpossibleEvidenceError(self._n_observed)
        self._best = best
        self._n_observed += 1
        agreed.append(self._settle(False))
        forced = []
        while self._lag is not None and self._n_observed - self._n_settled > self._lag:
            forced.append(int(self._ancestors[0, best]))
            self._leave(1)
            if self._n_settled < self._n_observed:
                self._settle(True)
        states = np.concatenate([*agreed, np.array(forced, dtype=np.int64)])
        return Settled(start, states, np.arange(len(states)) >= len(states) - len(forced))

    def _begin_afresh(self, taken_out: FloatArray, log_joint: float) -> IntArray:
        """Have nothing that went before lead to the last step, and tell the states of all that is settled by that."""
        states = self.flush().states
        self._leave(len(states))
        self._taken_out, self._filter._log_before = taken_out, log_joint
        self._filter._restarts.append(self._n_observed)
        return states

    def _survive(self, row: FloatArray, log_moves: Any, is_first: bool, taken_out: FloatArray) -> int:
        """Find the best path to each state of a step, and of all: its state, or −1, and nothing has changed."""
        n_pending = self._n_observed - self._n_settled
        self._make_room(n_pending + 1)
        best: int = kernels.run_survival(
            row,
            self._log_initial,
            log_moves,
            is_first,
            self._scores,
            taken_out,
            self._ranks,
            self._room,
            self._ways[self._first + n_pending],
        )
        return best

    def _settle(self, is_anew: bool) -> IntArray:
        """The states of the steps on which all paths agree now."""
        window = self._window
        states = np.empty(len(window), dtype=np.int64)
        n_settled = kernels.run_agreement(window, is_anew, self._ancestors, states)
        self._leave(n_settled)
        return states[:n_settled]

    @property
    def _window(self) -> IntArray:
        """Where the paths to each state of the steps that are not settled come from, (n, K)."""
        return self._ways[self._first : self._first + self._n_observed - self._n_settled]

    def _leave(self, n_steps: int) -> None:
        """Have no more to do with the first steps of the window."""
        self._first, self._n_settled = self._first + n_steps, self._n_settled + n_steps

    def _make_room(self, n_rows: int) -> None:
        """Let the window have so many rows."""
        if self._first + n_rows > len(self._ways):
            longer = np.zeros((max(N_ROWS, 2 * n_rows), self._n_states), dtype=np.int64)
            longer[: len(self._window)] = self._window
            self._ways, self._first = longer, 0

    @as_in(update, OnlineFilter.observe)
    def observe(
        self,
        observation: Any,
        *,
        allowed: npt.ArrayLike | None = None,
        covariates: Any = None,
        time: Any = None,
        transition_index: Any = None,
    ) -> Settled:
        """Take one step, from its observation.

        Parameters
        ----------
        observation, allowed, covariates, time, transition_index
            As in `OnlineFilter.observe`.

        Returns
        -------
        Settled
            As that of `update`.

        Raises
        ------
        ImpossibleEvidenceError
            As in `update`.
        ValueError, TypeError
            Where the emission does not take the observation, or there is no emission.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> decoder = model.online_viterbi()
        >>> [decoder.observe(count).states.tolist() for count in [0, 1, 9, 7]]
        [[], [0], [0], [1]]
        """
        stream = self._filter
        if covariates is None and time is None and transition_index is None and not stream._companion.needs:
            return self.update(stream._row_of(observation), allowed=allowed)
        given = _checks.of_one_step(covariates, time, transition_index)
        row, into, memory = stream._told(observation, allowed, given)
        settled = self._advance(frozen(row), into)
        stream._memory = memory
        return settled

    def flush(self) -> Settled:
        """Tell the states of the last steps, as the best path so far has them.

        It changes nothing: updates may go on.

        Returns
        -------
        Settled
            As that of `update`, of all steps that are not settled; none is forced, as `hmmfilter.viterbi` of all so far
            has the same. Of a model with end probabilities, it is the path of a sequence that goes on: see `end`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> decoder = hf.OnlineViterbi([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]])
        >>> for row in [[0.0, -3.0], [-3.0, 0.0]]:
        ...     _ = decoder.update(row)
        >>> decoder.flush().states
        array([1])
        """
        window = self._window
        states = np.empty(len(window), dtype=np.int64)
        kernels.fill_way_back(window, self._best, states)
        return Settled(self._n_settled, states, np.zeros(len(states), dtype=np.bool_))

    def end(self) -> Settled:
        """Tell the states of the last steps once it is known that the sequence ends there.

        It changes nothing.

        Returns
        -------
        Settled
            As that of `flush`: what `HMM.viterbi` has, of a model with end probabilities.

        Raises
        ------
        ImpossibleEvidenceError
            Where the sequence cannot end here.
        ValueError
            Before any step, and where the model has no end probabilities.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> emission = hf.emissions.Poisson([1.0, 5.0])
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission, final=[0.1, 0.9])
        >>> decoder = model.online_viterbi()
        >>> _ = decoder.observe(2)
        >>> decoder.flush().states, decoder.end().states
        (array([0]), array([1]))
        """
        _checks.begun("end", self._n_observed)
        log_final = _checks.known_end(self._filter._companion.log_final)
        ended = deepcopy(self)
        ended._lag = None
        try:
            agreed = ended._advance(log_final, staying(self._log_transition, self._n_states)).states
        except _checks.ImpossibleEvidenceError:  # which the end is no step of
            raise _checks.ImpossibleEvidenceError(self._n_observed - 1) from None
        states = np.concatenate([agreed, ended.flush().states])[:-1]
        return Settled(self._n_settled, states, np.zeros(len(states), dtype=np.bool_))

    def snapshot(self) -> dict[str, Any]:
        """Write down where the stream is, in words and numbers that JSON carries exactly; see `restore`.

        Returns
        -------
        dict
            What ``json.dumps`` takes: strings, integers, floats, lists and dicts of them; a row for each step that is
            not settled. The log of zero is None. It tells its model from another, as that of `OnlineFilter.snapshot`
            does.

        Examples
        --------
        >>> import json
        >>> import hmmfilter as hf
        >>> log_transition = [[-0.1, -2.0], [-2.0, -0.1]]
        >>> decoder = hf.OnlineViterbi([0.0, -1.0], log_transition, lag=2)
        >>> _ = decoder.update([0.0, -3.0])
        >>> text = json.dumps(decoder.snapshot())
        >>> hf.OnlineViterbi.restore(json.loads(text), log_transition)
        OnlineViterbi: 1 steps so far, 0 of them settled, 2 states, log-joint 0.0000
        """
        document = {
            "format": FORMAT,
            "lag": self._lag,
            "model": dict(self._filter._fingerprints),
            "n_observed": self._n_observed,
            "log_initial": with_nulls(self._log_initial),
            "head": with_nulls(self._scores[0]) if self._n_observed else [],
            "tail": self._scores[1].tolist() if self._n_observed else [],
            "rank": self._ranks.tolist() if self._n_observed else [],
            "taken_out": self._taken_out.tolist(),
            "best": self._best,
            "ways": self._window.tolist(),
        }
        return document | self._filter._beside_document()

    @classmethod
    @as_in(OnlineFilter.restore)
    def restore(
        cls,
        snapshot: dict[str, Any],
        log_transition: TransitionLike,
        *,
        emission: Emission | None = None,
        impossible: _checks.RaiseOrRestart = "raise",
        force: bool = False,
    ) -> OnlineViterbi:
        """Go on where a stream was when its snapshot was taken; see `snapshot` for an example.

        Parameters
        ----------
        snapshot, log_transition, emission, impossible
            As in `OnlineFilter.restore`.
        force : bool
            Whether to go on with another transition or emission than those of the stream, on purpose.

        Returns
        -------
        OnlineViterbi
            A stream that settles the same states as the one that was written down, and of the same lag.

        Raises
        ------
        ValueError, TypeError
            As in `OnlineFilter.restore`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> decoder = hf.OnlineViterbi([0.0], [[0.0]], lag=2)
        >>> hf.OnlineViterbi.restore(decoder.snapshot(), [[0.0]]).lag
        2
        """
        written = _checks.decoder_snapshot(snapshot, FORMAT)
        stream = cls(written.log_initial, log_transition, lag=written.lag, emission=emission, impossible=impossible)
        stream._go_on(snapshot, force)
        return stream

    def _go_on(self, snapshot: Any, force: bool) -> None:
        """Be where a snapshot says."""
        written = _checks.decoder_snapshot(snapshot, FORMAT)
        _checks.same_lag(self._lag, written.lag)
        _checks.same_beginning(written.log_initial, self._log_initial, written.model, self._filter._fingerprints, force)
        n_pending = len(written.ways)
        self._n_observed, self._n_settled = written.n_observed, written.n_observed - n_pending
        self._make_room(n_pending)
        self._window[:] = written.ways
        self._taken_out[:] = written.taken_out
        if written.n_observed > 0:
            self._scores[:2], self._ranks[:], self._best = written.scores, written.ranks, written.best
        self._filter._remember(snapshot)
        if n_pending > 0:
            self._settle(True)
