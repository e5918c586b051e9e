"""The model: probabilities in, validated once, logs taken once, frozen.

Conventions, for the whole library:

- Time comes first: a table of T steps and K states has shape (T, K). Steps, states and sequences count from 0.
- Several sequences stand one after the other in one table, and their lengths beside it. They start afresh, each from
  the initial distribution, and have nothing to do with each other. Some, or all, may have no steps: a log-likelihood of
  0, empty tables, and one path, the empty one, with a log-joint of 0. An input without ``lengths`` must have a step.
- An emission of numbers or symbols takes ``[v, ...]`` or a column: ``[[v], ...]``, a table of shape (T, 1), a frame of
  one column. All of these are one sequence. A list whose entries are not all rows of one is a list of sequences; where
  yours may all happen to have a single step, give ``lengths``. An emission of vectors takes tables of shape (T, D), or
  a list of them. What an emission of your own takes is handed to it as it is.
- Sequences may have keys: those of a dict of sequences, for an emission of this library, or of the groups of a pandas
  frame or series, for any. Of a frame that is grouped, the columns that are chosen count, and else all but those with
  the names of the keys. Results have the sequences in the order of the keys, and answer by key.
- ``transition[i, j]`` is p(h_{t+1} = j | h_t = i): from row to column, so that rows sum to 1. One that changes from
  step to step has shape (T − 1, K, K): entry t leads from step t to step t + 1.
- v_t is the observation and h_t the hidden state of step t; v_1:t are the observations from the first step to step t.
- All logs are natural, and a name that starts with ``log_`` says so. The log of an impossibility is −inf. Finite ones
  are at most 1e22 in magnitude, and their sums are exact: beyond some 1e13, doubles lie further apart than states that
  are as likely, and answers are right for the table as given.
- A probability of zero is exactly that, and stays so; nothing is added, clipped or floored.
- A missing observation is no evidence: log-likelihood 0 in every state. It is None, NaN, a masked entry or the NA of
  pandas, also for a whole vector.
- Rows are steps, whatever their labels say: a day that has no row is no step, until ``series.asfreq("D")`` gives it one
  that is missing. The entries of vectors are told by their place, not by the names of columns.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, decoding, filtering, forecasting, plotting, sampling, smoothing, storage
from hmmfilter._arrays import FloatArray, IntArray, Valued
from hmmfilter.emissions import Emission
from hmmfilter.emissions.protocol import log_of
from hmmfilter.results import (
    Decoded,
    ExpectedTransitions,
    Filtered,
    Forecast,
    Gradient,
    NBest,
    PosteriorDecoded,
    Smoothed,
    html,
)
from hmmfilter.results.base import Result
from hmmfilter.results.outline import Column, outline
from hmmfilter.stationarity import stationary_distribution
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter, filter_blocks
from hmmfilter.streaming.models import stream_of_model

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False, init=False, repr=False)
class HMM(Valued):
    """A hidden Markov model: where the chain starts, how it moves, and what each state shows.

    Conventions are those of `hmmfilter.model`. Models are equal where all their numbers and names are, and can be keys
    of dictionaries; an emission of your own is compared, and hashed, as it says itself.

    Parameters
    ----------
    initial : array_like, (K,), or "stationary"
        p(h_1 = k), or the word for the chain's stationary distribution.
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j]. Rows sum to 1 within 1e-8 and are used as given, as is `initial`. Those of
        float32 or float16 may miss 1 by K ε of their kind, and are divided by their sums. Any kind of number will do,
        also fractions and decimals, and a `scipy.sparse` matrix of less than 4,096 states.
    emission : Emission
        One of `hmmfilter.emissions`, or any object with ``n_states``, ``log_likelihoods`` and ``sample``.
    state_names : list of str, optional
        K different names; without them, the states' numbers.
    normalize : bool
        Whether to divide `initial` and each row of `transition` by their sums, whatever these are.

    Attributes
    ----------
    initial, transition, emission, state_names
        As given; ``initial`` always in numbers, ``state_names`` always K strings.
    log_initial : ndarray, (K,)
        Natural logs of ``initial``.
    log_transition : ndarray, (K, K)
        Natural logs of ``transition``.
    n_states : int
        K.

    Raises
    ------
    ValueError, TypeError
        Where an argument is not as above; the message says which, what is required, and what came.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section II.B.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> fair, loaded = [1 / 6] * 6, [0.1] * 5 + [0.5]
    >>> casino = hf.HMM(
    ...     initial=[0.5, 0.5],
    ...     transition=[[0.95, 0.05], [0.10, 0.90]],
    ...     emission=hf.emissions.Categorical([fair, loaded]),
    ...     state_names=["fair", "loaded"],
    ... )
    >>> casino
    HMM: 2 states, Categorical emission
       state  initial  to fair  to loaded    p(0)    p(1)    p(2)    p(3)    p(4)    p(5)
        fair   0.5000   0.9500     0.0500  0.1667  0.1667  0.1667  0.1667  0.1667  0.1667
      loaded   0.5000   0.1000     0.9000  0.1000  0.1000  0.1000  0.1000  0.1000  0.5000
    >>> casino.smooth([0, 3, 5, 5, 5])
    Smoothed: 5 steps, 2 states, log-likelihood -7.3543; probabilities
      step    fair  loaded
         0  0.3056  0.6944
         1  0.2580  0.7420
         2  0.1465  0.8535
         3  0.1167  0.8833
         4  0.1324  0.8676
    """

    initial: FloatArray
    transition: FloatArray
    emission: Emission
    state_names: tuple[str, ...]
    log_initial: FloatArray = field(init=False)
    log_transition: FloatArray = field(init=False)

    def __init__(
        self,
        initial: npt.ArrayLike,
        transition: npt.ArrayLike,
        emission: Emission,
        state_names: Sequence[str] | None = None,
        *,
        normalize: bool = False,
    ) -> None:
        matrix = _checks.transition_matrix(transition, normalize)
        n_states = len(matrix)
        if isinstance(initial, str):
            _checks.stationary_word(initial)
            initial = stationary_distribution(matrix)
        start = _checks.distributions("initial", initial, (n_states,), normalize)
        _checks.emission(emission, n_states)
        self._freeze(
            initial=start,
            transition=matrix,
            emission=emission,
            state_names=_checks.state_names(state_names, n_states),
            log_initial=log_of(start),
            log_transition=log_of(matrix),
        )

    def __repr__(self) -> str:
        return outline(self._title(), self.state_names, self._chain_columns(), self._emission_columns())

    def _repr_html_(self) -> str:
        return html.of_states(
            self._title(), ("state", self.state_names, ""), self._chain_columns(), 1.0, self._emission_columns()
        )

    def _title(self) -> str:
        return f"HMM: {self.n_states} states, {type(self.emission).__name__} emission"

    def _chain_columns(self) -> list[Column]:
        moves = zip(self.state_names, self.transition.T, strict=True)
        return [("initial", self.initial, ".4f"), *((f"to {name}", column, ".4f") for name, column in moves)]

    def _emission_columns(self) -> list[Column]:
        columns: list[Column] = getattr(self.emission, "_columns", list)()
        return columns

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.initial)

    def filter(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> Filtered:
        """Compute the distribution of the state at each step, given the observations up to that step.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.forward_filter`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        Filtered
            ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_increments`` (T,), ``log_likelihood``.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.filter([0, 2, None]).probabilities.round(4)
        array([[0.982 , 0.018 ],
               [0.9451, 0.0549],
               [0.8616, 0.1384]])
        """
        return self._ask(
            filtering.forward_filter,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def smooth(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> Smoothed:
        """Compute the distribution of the state at each step, given all observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.smooth`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        Smoothed
            ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_likelihood``.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.smooth([0, 2, None]).probabilities.round(4)
        array([[0.9892, 0.0108],
               [0.9451, 0.0549],
               [0.8616, 0.1384]])
        """
        return self._ask(
            smoothing.smooth,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def viterbi(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> Decoded:
        """Find the path through the states that is most probable together with the observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.viterbi`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        Decoded
            ``path`` (T,) of integers, ``log_joint``.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.viterbi([0, 2, 7, 4]).path
        array([0, 0, 1, 1])
        """
        return self._ask(
            decoding.viterbi,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def viterbi_n_best(
        self,
        observations: Any,
        n: int,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> NBest:
        """Find the n paths through the states that are most probable together with the observations, the best first.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        n : int
            How many paths, at least 1.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.viterbi_n_best`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        NBest
            ``paths`` (n, T) of integers, ``log_joints`` (n,); fewer where fewer paths are possible.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations, and for an n that is no integer from 1 up.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.viterbi_n_best([0, 2, 7, 4], 2).paths
        array([[0, 0, 1, 1],
               [0, 1, 1, 1]])
        """
        return self._ask(
            decoding.viterbi_n_best,
            observations,
            lengths,
            allowed,
            n=n,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def max_marginals(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> FloatArray:
        """Compute how probable the best path is, together with the observations, through each state at each step.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.max_marginals`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        ndarray, (T, K)
            Natural logs; −inf where no path leads. The largest entry of every row is the log-joint of `viterbi`.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.max_marginals([0, 2, 7, 4]).round(4)
        array([[-10.0168, -12.8362],
               [-10.0168, -10.9157],
               [-17.1651, -10.0168],
               [-13.8408, -10.0168]])
        """
        return self._ask(
            decoding.max_marginals,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def posterior_decode(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> PosteriorDecoded:
        """Find the most probable state at each step, given all observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.posterior_decode`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        PosteriorDecoded
            ``path`` (T,) of integers, ``expected_correct``, a number of steps.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.posterior_decode([0, 2, 7, 4]).path
        array([0, 0, 1, 1])
        """
        return self._ask(
            decoding.posterior_decode,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def log_likelihood(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        workers: int = 1,
        progress: bool = False,
    ) -> Any:
        """Compute the log-probability of the observations, summed over all paths through the states.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        float or ndarray, (N,)
            log p(v_1:T), natural log; −inf where the observations are impossible. Of several sequences, one for each.

        Raises
        ------
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> round(model.log_likelihood([0, 2, 7, 4]), 4)
        -9.6085
        """
        return self._ask(filtering.log_likelihood, observations, lengths, allowed, workers=workers, progress=progress)

    def expected_transitions(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
        per_sequence: bool = False,
    ) -> ExpectedTransitions:
        """Compute how often each state followed each other one, on average over all paths, given all observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.expected_transitions`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.
        per_sequence : bool
            Whether to count in each sequence alone.

        Returns
        -------
        ExpectedTransitions
            ``counts`` (K, K), or (N, K, K) for each sequence alone, expected numbers; ``log_likelihood``.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.expected_transitions([0, 2, 7, 4]).counts.round(4)
        array([[0.6816, 0.9591],
               [0.0241, 1.3352]])
        """
        return self._ask(
            smoothing.expected_transitions,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
            per_sequence=per_sequence,
        )

    def pairwise_marginals(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> FloatArray:
        """Compute the joint distribution of the states at each two neighbouring steps, given all observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.pairwise_marginals`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        ndarray, (T − 1, K, K)
            log p(h_t = i, h_{t+1} = j | v_1:T) at [t, i, j], natural logs. Of several sequences, (T, K, K), with −inf
            where the last step of a sequence leads nowhere.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> np.exp(model.pairwise_marginals([0, 7])).round(4)
        array([[[0.0055, 0.8674],
                [0.    , 0.1271]]])
        """
        return self._ask(
            smoothing.pairwise_marginals,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def log_likelihood_gradient(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
        parameters_only: bool = False,
    ) -> Gradient:
        """Compute how the log-likelihood changes with each entry of the tables that the model makes of observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.log_likelihood_gradient`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.
        parameters_only : bool
            Whether to leave the part of the observations out.

        Returns
        -------
        Gradient
            ``log_initial`` (K,), ``log_transition`` (K, K), ``log_likelihoods`` (T, K): derivatives of the
            log-likelihood with respect to the logs of these names, all taken as free; ``log_likelihood``.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.log_likelihood_gradient([0, 2, 7, 4]).log_initial.round(4)
        array([0.9567, 0.0433])
        """
        return self._ask(
            smoothing.log_likelihood_gradient,
            observations,
            lengths,
            allowed,
            impossible=impossible,
            workers=workers,
            progress=progress,
            parameters_only=parameters_only,
        )

    def _ask(
        self,
        door: Callable[..., Answer],
        observations: Any,
        lengths: npt.ArrayLike | None,
        allowed: Any,
        **options: Any,
    ) -> Answer:
        """What a door says of observations; a result calls states, steps and sequences by their names."""
        tables, labels = self._evidence(observations, lengths, allowed)
        try:
            answer = door(self.log_initial, self.log_transition, **tables, **options)
        except _checks.ImpossibleEvidenceError as error:
            _checks.refuse_by_key(error, labels.keys)
        return replace(answer, state_names=self.state_names, _labels=labels) if isinstance(answer, Result) else answer

    def _evidence(
        self, observations: Any, lengths: npt.ArrayLike | None, allowed: Any
    ) -> tuple[dict[str, Any], _checks.Labels]:
        """What the doors take of the observations of one sequence, or of several, and what these call their parts."""
        sequences, labels = self._sequences(observations, lengths)
        if sequences is None:
            is_asked = lengths is None or not _checks.are_none(observations)
            table = self._table_of(observations) if is_asked else self._no_rows()
            labels = _checks.labels_of(observations)
            return {"log_likelihoods": table, "lengths": lengths, "allowed": allowed}, labels
        steps = list(map(len, sequences))
        masks = _checks.joined_masks(allowed, steps, self.n_states, labels.keys)
        table = self._joined_table_of(sequences, labels.names_of(len(sequences)))
        labels = labels._replace(index=_checks.joined_index(sequences))
        return {"log_likelihoods": table, "lengths": steps, "allowed": masks}, labels

    def _sequences(self, observations: Any, lengths: npt.ArrayLike | None) -> tuple[list[Any] | None, _checks.Labels]:
        """Several sequences, and what these call their parts; None where observations are one, or have lengths."""
        sequences, labels = _checks.keyed(observations, self.emission, lengths)
        if sequences is None:
            sequences = _checks.sequences(observations, self.emission, lengths)
        return sequences, labels

    def _table_of(self, observations: Any) -> FloatArray:
        return _checks.log_likelihoods(self.emission, observations, self.n_states)

    def _joined_table_of(self, sequences: list[Any], names: Sequence[Hashable]) -> FloatArray:
        with_steps = [(name, sequence) for name, sequence in zip(names, sequences, strict=True) if len(sequence) > 0]
        if not with_steps:
            return self._no_rows()
        named = ((f"sequence {_checks.shown(name)}", sequence) for name, sequence in with_steps)
        if not _checks.is_of_this_library(self.emission):
            return np.concatenate([*self._tables_of(named)])
        try:
            return self._table_of(_checks.one_after_the_other([sequence for _, sequence in with_steps], self.emission))
        except (ValueError, TypeError):
            for _ in self._tables_of(named):
                pass
            raise

    def _tables_of(self, parts: Iterable[tuple[str, Any]]) -> Iterator[FloatArray]:
        """The table of each part, one by one; a message says in which part an observation is refused."""
        for name, part in parts:
            with _checks.blaming(name):
                table = self._table_of(part)
            yield table

    def _no_rows(self) -> FloatArray:
        return np.empty((0, self.n_states))

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
        tables = self._tables_of((f"blocks[{n}]", block) for n, block in enumerate(blocks))
        results = filter_blocks(self.log_initial, self.log_transition, tables, allowed=allowed)
        return (
            replace(result, state_names=self.state_names, _labels=_checks.labels_of(block))
            for result, block in zip(results, again, strict=True)
        )

    def forecast(
        self,
        observations: Any,
        steps: int,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> Forecast:
        """Compute the distributions of the states and of the observations to come, given those so far.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        steps : int
            S, how many steps to look ahead, at least 1.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other; each is looked ahead of from its own end.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step so far; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.forward_filter`, which does the work; of a marked sequence all that is to come is NaN.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        Forecast
            Of the states ``log_probabilities`` (S, K) and ``probabilities`` (S, K); of the observations ``mean``, (S,)
            or (S, D), and ``variance``, (S,) or (S, D, D), or for symbols ``symbol_probabilities`` (S, M). Of several
            sequences, all have N as their first length.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations, or the steps are not an integer from 1 up.

        References
        ----------
        Zucchini, MacDonald, *Hidden Markov Models for Time Series* (2009), sections 5.2 and 5.4.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.forecast([0, 2, 7, 4], steps=3)
        Forecast: 3 steps, 2 states; probabilities, mean ± standard deviation
          step    calm    busy      observation
            +1  0.2152  0.7848   4.139 ± 2.6156
            +2  0.3507  0.6493  3.5973 ± 2.6908
            +3  0.4455  0.5545  3.2181 ± 2.6778
        >>> model.forecast([[0, 2, 7, 4], [0, 1]], steps=2).mean.round(4)
        array([[4.139 , 3.5973],
               [1.4322, 1.7025]])
        """
        n_steps = _checks.steps_ahead("steps", steps)
        filtered = self.filter(
            observations, lengths=lengths, allowed=allowed, impossible=impossible, workers=workers, progress=progress
        )
        n_sequences = 1 if filtered.lengths is None else len(filtered.lengths)
        _checks.rows_ahead("steps", n_steps, self.n_states * n_sequences)
        log_probabilities = forecasting.states_after(filtered, self.log_initial, self.log_transition, n_steps)
        result = forecasting.forecast(log_probabilities, self.emission, self.state_names)
        return replace(result, _labels=filtered._labels)

    def sample_paths(
        self,
        observations: Any,
        size: int,
        rng: np.random.Generator | int | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: npt.ArrayLike | None = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> IntArray:
        """Draw whole paths through the states, each with its probability given all observations.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list or dict of them, or pandas groups
            What the emission takes; NaN or None where missing. A list may hold several sequences, where the emission
            is one of `hmmfilter.emissions`; a dict does, and ``frame.groupby("subject")["x"]``, and results have its
            keys.
        size : int
            How many paths to draw, at least 1.
        rng : numpy.random.Generator or int, optional
            A generator, or a seed for one; without it, fresh randomness.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step; a single True makes a state known.
        impossible : {"raise", "mark"}
            As for `hmmfilter.sample_paths`, which does the work.
        workers : int
            How many threads share the sequences, at most one on each core; −1 for all cores. It changes no bit.
        progress : bool
            Whether to show a bar, if tqdm is installed.

        Returns
        -------
        ndarray of int, (size, T)
            In each row a path, from 0; of several sequences, one path after the other.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations, unless ``impossible="mark"``.
        ValueError, TypeError
            Where the emission does not take the observations, the size is not an integer from 1 up, or `rng` neither a
            generator nor a seed.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.sample_paths([0, 2, 7, 4], 3, rng=1)
        array([[0, 0, 1, 1],
               [0, 0, 1, 1],
               [0, 1, 1, 1]])
        """
        return self._ask(
            sampling.sample_paths,
            observations,
            lengths,
            allowed,
            size=size,
            rng=rng,
            impossible=impossible,
            workers=workers,
            progress=progress,
        )

    def simulate(self, length: int, rng: np.random.Generator | int | None = None) -> tuple[IntArray, npt.NDArray[Any]]:
        """Draw a path of states and the observations that it shows.

        Parameters
        ----------
        length : int
            T, at least 1.
        rng : numpy.random.Generator or int, optional
            A generator, or a seed for one; without it, fresh randomness.

        Returns
        -------
        states : ndarray of int, (T,)
            The path, from 0.
        observations : ndarray, (T,) or (T, D)
            What the emission draws from each state.

        Raises
        ------
        ValueError, TypeError
            Where the length is not an integer from 1 up, or `rng` neither a generator nor a seed.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> states, observations = model.simulate(8, rng=1)
        >>> states
        array([1, 1, 0, 1, 1, 1, 1, 1])
        """
        n_steps = _checks.step_count("length", length, 1)
        generator = _checks.generator(rng)
        states = sampling.draw_states(self.initial, self.transition, n_steps, generator)
        return states, self.emission.sample(states, generator)

    def plot(self, observations: Any = None, *, lengths: npt.ArrayLike | None = None) -> npt.NDArray[np.object_]:
        """Draw the chain as a map of its probabilities and, beside it, what each state shows, over the data if given.

        Over data, the curve of each state is multiplied by the share of the steps that it is expected to have, so that
        all together they should look like the data.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list of them, optional
            What the emission takes. A DataFrame brings the names of its columns.
        lengths : array_like of int, (N,), optional
            The lengths of N sequences that stand one after the other.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            The axes of the chain, and of each entry of the observations; ``[0].figure`` is the picture.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations.
        ValueError, TypeError
            Where the emission does not take the observations.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> chain, counts = model.plot([0, 2, 7, 4])
        >>> counts.get_xlabel(), counts.get_ylabel()
        ('observation', 'probability × share of the state')
        """
        shares, names_from = np.ones(self.n_states), observations
        if observations is not None:
            probabilities = self.smooth(observations, lengths=lengths).probabilities
            _checks.some_steps(len(probabilities))
            shares = probabilities.mean(axis=0)
            sequences, _ = self._sequences(observations, lengths)
            if sequences is not None:
                names_from, observations = sequences[0], _checks.one_after_the_other(sequences, self.emission)
        shown = plotting.shown_by(self.emission, shares, observations, names_from)
        return plotting.draw_model(self.initial, self.transition, self.state_names, shown)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a JSON file, from which `from_json` reads every number back to the same bits.

        Parameters
        ----------
        path : str or path-like
            The file to write, in the schema of `hmmfilter.storage`. It keeps what it holds until all is written.

        Raises
        ------
        TypeError
            For an emission that is none of `hmmfilter.emissions`.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.json")
        ...     model.to_json(path)
        ...     print(path.read_text())
        ...     print(hf.HMM.from_json(path).emission)
        {
          "format": "hmmfilter model, version 2",
          "initial": [0.5, 0.5],
          "transition": [[0.9, 0.1], [0.2, 0.8]],
          "emission": {"type": "Poisson", "rate": [1.0, 5.0]},
          "state_names": ["0", "1"]
        }
        <BLANKLINE>
        Poisson(rate=array([1., 5.]))
        """
        storage.write(path, self.initial, self.transition, self.emission, self.state_names)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str], *, normalize: bool = False) -> HMM:
        """Read a model from a JSON file; see `to_json` for an example.

        Nothing in the file is executed.

        Parameters
        ----------
        path : str or path-like
            The file to read, in the schema of `hmmfilter.storage`.
        normalize : bool
            Whether to divide all distributions in the file by their sums, as numbers written by hand may need it.

        Returns
        -------
        HMM
            The model.

        Raises
        ------
        ValueError
            Where the file holds no valid model: the message gives the path and what is wrong.
        OSError
            Where the file cannot be read.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.HMM.from_json("data/earthquakes.json").emission
        Poisson(rate=array([13.146, 19.721, 29.714]))
        """
        with storage.blaming(path):
            return cls(**storage.read(path, normalize), normalize=normalize)
