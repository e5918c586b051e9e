"""The streams of a model: its observations as they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter.model.questions import Questions
from hmmfilter.results import Filtered
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter, OnlineViterbi, filter_blocks
from hmmfilter.streaming.models import stream_of_model


class Streams(Questions):
    """The questions about observations that are still coming."""

    def online(self, snapshot: dict[str, Any] | None = None, *, force: bool = False) -> OnlineFilter:
        """Begin a stream of observations, or go on with one.

        Parameters
        ----------
        snapshot : dict, optional
            What the `OnlineFilter.snapshot` of a stream of this model returned, to go on from there.
        force : bool
            Whether to go on where the stream of another model was, on purpose, or from a snapshot of an earlier
            version, which does not say what model it is of.

        Returns
        -------
        OnlineFilter
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
        stream = OnlineFilter(self.log_initial, self.log_transition, emission=self.emission)
        return stream_of_model(stream, self.initial, self.transition, self.state_names, snapshot, force)

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
        stream = FixedLagSmoother(self.log_initial, self.log_transition, lag, emission=self.emission)
        return stream_of_model(stream, self.initial, self.transition, self.state_names, snapshot, force)

    def online_viterbi(
        self, lag: int | None = None, snapshot: dict[str, Any] | None = None, *, force: bool = False
    ) -> OnlineViterbi:
        """Begin a stream of observations whose most probable path is told as soon as it is settled, or go on with one.

        Parameters
        ----------
        lag : int, optional
            How many later observations to wait for at most, from 0 up; without it, as long as it takes.
        snapshot : dict, optional
            What the `OnlineViterbi.snapshot` of a stream of this model and lag returned, to go on from there.
        force : bool
            Whether to go on where the stream of another model was, on purpose.

        Returns
        -------
        OnlineViterbi
            The stream, whose `OnlineViterbi.observe` takes observations.

        Raises
        ------
        ValueError, TypeError
            Where the lag is no integer from 0 up, or another than that of the snapshot; where the snapshot is none, and
            where it is of another model, without `force`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> decoder = model.online_viterbi(lag=1)
        >>> [decoder.observe(count).states.tolist() for count in [0, 2, 7, 4]]
        [[], [0], [0], [1]]
        """
        stream = OnlineViterbi(self.log_initial, self.log_transition, lag=lag, emission=self.emission)
        return stream_of_model(stream, self.initial, self.transition, self.state_names, snapshot, force)

    def filter_blocks(self, blocks: Iterable[Any], *, allowed: npt.ArrayLike | None = None) -> Iterator[Filtered]:
        """Filter the observations of one sequence, block by block as they come, with only one block in memory.

        Parameters
        ----------
        blocks : iterable
            What the emission takes, one block of steps, (B,) or (B, D), after the other.
        allowed : array_like of bool, (T, K), optional
            Which states are possible at each step of all blocks; a single True makes a state known.

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
        blocks, again = itertools.tee(_checks.blocks(blocks))
        tables = self._tables_of((f"blocks[{n}]", block, None) for n, block in enumerate(blocks))
        results = filter_blocks(self.log_initial, self.log_transition, tables, allowed=allowed)
        return (
            replace(result, state_names=self.state_names, _labels=_checks.labels_of(block))
            for result, block in zip(results, again, strict=True)
        )
