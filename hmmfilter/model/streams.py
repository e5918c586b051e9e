"""The streams of a model: its observations as they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.model.questions import Questions
from hmmfilter.results import Filtered
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter, OnlineSojourns, OnlineViterbi, filter_blocks
from hmmfilter.streaming.blocks import filtered_blocks
from hmmfilter.streaming.companions import Companion
from hmmfilter.streaming.models import Stream, stream_of_model
from hmmfilter.transitions import Dense, Durations, Structured


class Streams(Questions):
    """The questions about observations that are still coming."""

    def online(
        self,
        snapshot: dict[str, Any] | None = None,
        *,
        impossible: _checks.RaiseOrRestart = "raise",
        force: bool = False,
    ) -> Any:
        """Begin a stream of observations, or go on with one.

        Parameters
        ----------
        snapshot : dict, optional
            What the `OnlineFilter.snapshot` of a stream of this model returned, to go on from there.
        impossible : {"raise", "restart"}
            What to do, from here on, where no path leads to a step: refuse it, or start afresh there from the initial
            distribution, and have ``restarts`` say where.
        force : bool
            Whether to go on where the stream of another model was, on purpose, or from a snapshot of an earlier
            version, which does not say what model it is of.

        Returns
        -------
        OnlineFilter, or of `hmmfilter.transitions.Durations` OnlineSojourns
            The stream, whose `OnlineFilter.observe` takes observations.

        Raises
        ------
        ValueError, TypeError
            Where the snapshot is none, and where it is of another model, without `force`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> stream = model.online()
        >>> np.exp(stream.observe(4)).round(4)
        array([0.0803, 0.9197])
        >>> np.exp(model.online(stream.snapshot()).observe(4)).round(4)
        array([0.0292, 0.9708])
        """
        if isinstance(self.chain, Durations):
            _checks.only_raising(impossible)
            sojourns = OnlineSojourns(self.log_initial, self.chain, emission=self.emission)
            return sojourns._of(self.state_names, snapshot, force)
        stream = OnlineFilter(*self._of_stream, emission=self.emission, impossible=impossible)
        return self._stream(stream, snapshot, force)

    def fixed_lag(self, lag: int, snapshot: dict[str, Any] | None = None, *, force: bool = False) -> FixedLagSmoother:
        """Begin a stream of observations that is smoothed some steps behind, or go on with one.

        Parameters
        ----------
        lag : int
            How many later observations to wait for, from 0 up.
        snapshot : dict, optional
            What the `FixedLagSmoother.snapshot` of a stream of this model and lag returned, to go on from there.
        force : bool
            Whether to go on where the stream of another model was, on purpose. The last lag + 1 steps are then taken
            again, with this model's transition.

        Returns
        -------
        FixedLagSmoother
            The stream, whose `FixedLagSmoother.observe` takes observations.

        Raises
        ------
        ValueError, TypeError
            Where the lag is no integer from 0 up, or another than that of the snapshot; where the snapshot is none, and
            where it is of another model, without `force`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> stream = model.fixed_lag(1)
        >>> stream.observe(2) is None
        True
        >>> np.exp(model.fixed_lag(1, stream.snapshot()).observe(7)).round(4)
        array([0.2155, 0.7845])
        """
        return self._stream(FixedLagSmoother(*self._of_stream, lag, emission=self.emission), snapshot, force)

    @as_in(online, fixed_lag)
    def online_viterbi(
        self,
        lag: int | None = None,
        snapshot: dict[str, Any] | None = None,
        *,
        impossible: _checks.RaiseOrRestart = "raise",
        force: bool = False,
    ) -> OnlineViterbi:
        """Begin a stream of observations whose most probable path is told as soon as it is settled, or go on with one.

        Parameters
        ----------
        lag : int, optional
            How many later observations to wait for at most, from 0 up; without it, as long as it takes.
        snapshot : dict, optional
            What the `OnlineViterbi.snapshot` of a stream of this model and lag returned, to go on from there.
        impossible
            As in `HMM.online`. All steps before are settled then.
        force : bool
            Whether to go on where the stream of another model was, on purpose.

        Returns
        -------
        OnlineViterbi
            The stream, whose `OnlineViterbi.observe` takes observations.

        Raises
        ------
        ValueError, TypeError
            As in `HMM.fixed_lag`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> decoder = model.online_viterbi(lag=1)
        >>> [decoder.observe(count).states.tolist() for count in [0, 2, 7, 4]]
        [[], [0], [0], [1]]
        """
        decoder = OnlineViterbi(*self._of_stream, lag=lag, emission=self.emission, impossible=impossible)
        return self._stream(decoder, snapshot, force)

    @property
    def _of_stream(self) -> tuple[FloatArray, Any]:
        """The tables of a stream: where it begins, and how it moves, or nothing of that where it depends on more."""
        _checks.no_such_stream("this stream", self.chain)
        is_known = isinstance(self.chain, (Dense, Structured))
        return self.log_initial, self._log_move if is_known else np.zeros((self.n_states, self.n_states))

    def _stream(self, stream: Stream, snapshot: dict[str, Any] | None, force: bool) -> Stream:
        """A stream that knows the model."""
        is_known, ends = isinstance(self.chain, (Dense, Structured)), self.final is not None
        companion = Companion(
            self.emission, None if is_known else self.chain, self._log_going_on if ends else None, self.log_final
        )
        return stream_of_model(stream, companion, self.initial, self.transition, self.state_names, snapshot, force)

    @as_in(filter_blocks)
    def filter_blocks(
        self,
        blocks: Iterable[Any],
        *,
        allowed: npt.ArrayLike | None = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        impossible: _checks.RaiseOrRestart = "raise",
    ) -> Iterator[Filtered]:
        """Filter the observations of one sequence, block by block as they come, with only one block in memory.

        Parameters
        ----------
        blocks : iterable
            What the emission takes, one block of steps, (B,) or (B, D), after the other.
        allowed : array_like of bool, (T, K), optional
            Which states are possible at each step of all blocks; a single True makes a state known.
        covariates : array_like, (T, C), optional
            What the emission or the chain depends on besides the states, at each step of all blocks.
        times : array_like, (T,), optional
            When each step was, where the chain moves in continuous time.
        transition_index : array_like, (T,), optional
            Which of several matrices leads on from each step.
        impossible : {"raise", "restart"}
            As in `hmmfilter.filter_blocks`.

        Yields
        ------
        Filtered
            As `hmmfilter.filter_blocks`, which does the work, says of each block.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations so far.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> for filtered in model.filter_blocks([[0, 2], [None]]):
        ...     print(filtered.probabilities.round(4))
        [[0.982  0.018 ]
         [0.9451 0.0549]]
        [[0.8616 0.1384]]
        """
        given = {"covariates": covariates, "times": times, "transition_index": transition_index}
        _checks.no_such_stream("filter_blocks", self.chain)
        if (
            any(value is not None for value in given.values())
            or _checks.needs_of(self.chain)
            or _checks.needs_of(self.emission)
        ):
            return filtered_blocks(self.online(impossible=impossible), _checks.blocks(blocks), allowed, given)
        blocks, again = itertools.tee(_checks.blocks(blocks))
        tables = self._tables_of((f"blocks[{n}]", block, None) for n, block in enumerate(blocks))
        results = filter_blocks(self.log_initial, self._log_move, tables, allowed=allowed, impossible=impossible)
        return (
            replace(result, state_names=self.state_names, _labels=_checks.labels_of(block))
            for result, block in zip(results, again, strict=True)
        )
