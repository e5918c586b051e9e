"""What a model says of the state at each step, and of the observations as a whole."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy.typing as npt

from hmmfilter import _checks, filtering, forecasting, smoothing
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.model.questions import Evidence, Given, Questions
from hmmfilter.results import Filtered, Forecast, Gradient, Smoothed
from hmmfilter.transitions import Structured

Posterior = TypeVar("Posterior", Filtered, Smoothed)


class Posteriors(Questions):
    """The questions about the state at each step, now and to come, and about the observations as a whole."""

    @as_in(filtering.forward_filter)
    def filter(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.ImpossibleOrRestart = "raise",
        workers: int = 1,
        progress: bool = False,
        states: Sequence[int | str] | None = None,
    ) -> Filtered:
        """Compute the distribution of the state at each step, given the observations up to that step.

        `hmmfilter.forward_filter` does the work.

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
        covariates : array_like, (T, C), or list or dict of them, or pandas groups, optional
            What the emission or the chain depends on besides the states; a frame brings the names of its columns.
        times : array_like, (T,), or list or dict of them, or pandas groups, optional
            When each step was, in numbers or datetimes, for `hmmfilter.transitions` in continuous time.
        transition_index : array_like, (T,), or list or dict of them, or pandas groups, optional
            Which of several matrices leads on from each step; the entry of a last step is not used.
        log_weights : array_like, (T, K), or list or dict of them, optional
            Soft evidence: natural logs that are added to the log-likelihoods of each step.
        impossible, workers, progress
            As in `hmmfilter.forward_filter`.
        states : list of int or str, (S,), optional
            The states that are asked for, by number or name, in any order: tables then have S columns, with the bits
            that they have among all.

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
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._posteriors(filtering.forward_filter, observations, given, workers, progress, impossible, states)

    @as_in(filter, smoothing.smooth)
    def smooth(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.ImpossibleOrRestart = "raise",
        workers: int = 1,
        progress: bool = False,
        states: Sequence[int | str] | None = None,
    ) -> Smoothed:
        """Compute the distribution of the state at each step, given all observations.

        `hmmfilter.smooth` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.smooth`.
        states
            As in `HMM.filter`. There is no table of all others on the way either.

        Returns
        -------
        Smoothed
            ``log_probabilities`` (T, K), ``probabilities`` (T, K), ``log_likelihood``.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.smooth([0, 2, None]).probabilities.round(4)
        array([[0.9892, 0.0108],
               [0.9451, 0.0549],
               [0.8616, 0.1384]])
        >>> model.smooth([0, 2, None], states=[1])
        Smoothed: 3 steps, 1 chosen states, log-likelihood -3.4311; probabilities
          step       1
             0  0.0108
             1  0.0549
             2  0.1384
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._posteriors(smoothing.smooth, observations, given, workers, progress, impossible, states)

    def _posteriors(
        self,
        door: Callable[..., Posterior],
        observations: Any,
        given: Given,
        workers: int,
        progress: bool,
        impossible: _checks.ImpossibleOrRestart,
        states: Sequence[int | str] | None,
    ) -> Posterior:
        """What a door says of each step, of all states or of some."""
        if states is None:
            return self._ask(door, observations, given, workers, progress, impossible=impossible)
        chosen = _checks.chosen_states(states, self.n_states, self.state_names)
        posteriors = self._ask(door, observations, given, workers, progress, impossible=impossible, states=chosen)
        posteriors._freeze(state_names=tuple(self.state_names[k] for k in chosen))
        return posteriors

    @as_in(filter, filtering.log_likelihood)
    def log_likelihood(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.ImpossibleOrRestart = "mark",
        workers: int = 1,
        progress: bool = False,
    ) -> Any:
        """Compute the log-probability of the observations, summed over all paths through the states.

        `hmmfilter.log_likelihood` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.log_likelihood`.

        Returns
        -------
        float or ndarray, (N,)
            log p(v_1:T), natural log; −inf where the observations are impossible. Of several sequences, one for each.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> round(model.log_likelihood([0, 2, 7, 4]), 4)
        -9.6085
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(filtering.log_likelihood, observations, given, workers, progress, impossible=impossible)

    @as_in(filter)
    def forecast(
        self,
        observations: Any | None,
        steps: int,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> Forecast:
        """Compute the distributions of the states and of the observations to come, given those so far.

        Parameters
        ----------
        observations
            As in `HMM.filter`. Of none, ``[]`` or None, the first step is ahead: what is said is what the model says
            before any evidence, the marginals and moments of its prior.
        steps : int
            S, how many steps to look ahead, at least 1.
        lengths
            As in `HMM.filter`. Each is looked ahead of from its own end.
        allowed : array_like of bool, (T, K), or list or dict of them, optional
            Which states are possible at each step so far; a single True makes a state known.
        covariates, times, transition_index
            As in `HMM.filter`. Each sequence has S more rows, of the steps to come.
        log_weights
            As in `HMM.filter`.
        impossible : {"raise", "mark"}
            What to do where the evidence has probability zero: raise, or return NaN for all that is to come.
        workers, progress
            As in `HMM.filter`.

        Returns
        -------
        Forecast
            Of the states ``log_probabilities`` (S, K) and ``probabilities`` (S, K); of the observations ``mean``, (S,)
            or (S, D), and ``variance``, (S,) or (S, D, D), or for symbols ``symbol_probabilities`` (S, M); for several
            ``channels``, also the forecast of each by its name. Of several sequences, all have N as their first length.
            Of a model that ends, all is given that it has not ended yet.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`. Also for steps that are no integer from 1 up.

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
        >>> model.forecast([], steps=2).probabilities.round(4)
        array([[0.5 , 0.5 ],
               [0.55, 0.45]])
        """
        _checks.no_such_stream("forecast", self.chain)
        n_steps = _checks.steps_ahead("steps", steps)
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        if lengths is None and _checks.is_no_step(observations, self.emission):
            of_one: dict[str, Any] = {name: [value] for name, value in given._asdict().items() if value is not None}
            alone: Forecast = self.forecast([[]], n_steps, impossible=impossible, **of_one)[0]
            return alone
        evidence = self._evidence(observations, given, n_steps)
        filtered = self._answer(filtering.forward_filter, evidence, workers, progress, None, impossible=impossible)
        n_sequences = 1 if filtered.lengths is None else len(filtered.lengths)
        _checks.rows_ahead("steps", n_steps, self.n_states * n_sequences)
        moves, which = self._moves(evidence.with_ahead)
        moves = _checks.moves_to_come(moves)
        log_probabilities = forecasting.states_after(filtered, self.log_initial, moves, n_steps, which)
        if self.final is not None:
            log_probabilities = forecasting.given_no_end(log_probabilities)
        futures: list[forecasting.Future] = []
        if _checks.needs_of(self.emission):
            futures = self._futures(observations, lengths, evidence, (moves, which), n_steps)
        result = forecasting.forecast(log_probabilities, self.emission, self.state_names, futures)
        return result._labelled(filtered._labels)

    def _futures(
        self,
        observations: Any,
        lengths: npt.ArrayLike | None,
        evidence: Evidence,
        moves: tuple[Any, IntArray | None],
        n_steps: int,
    ) -> list[forecasting.Future]:
        """What is known of the steps to come after each sequence besides their states."""
        starts, n_kept = evidence.beside.starts, getattr(self.emission, "_past", 0)
        parts, _ = self._sequences(observations, lengths)
        if parts is None:
            entries = _checks.entries_of(observations) or ()
            parts = [entries[begin:end] for begin, end in itertools.pairwise(starts)]
        ahead = evidence.with_ahead.split(n_steps)[1]
        return [
            forecasting.future_of(
                ahead.of_sequence(n),
                (_checks.entries_of(part) or ())[-n_kept:] if n_kept > 0 else (),
                moves[0],
                forecasting.leading_to(moves[1], int(starts[n + 1]) + n * n_steps, n_steps),
                self.final is not None,
            )
            for n, part in enumerate(parts)
        ]

    @as_in(filter, smoothing.expected_transitions)
    def expected_transitions(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
        per_sequence: bool = False,
        per_matrix: bool = False,
    ) -> Any:
        """Compute how often each state followed each other one, on average over all paths, given all observations.

        `hmmfilter.expected_transitions` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress, per_sequence
            As in `hmmfilter.expected_transitions`.
        per_matrix : bool
            Whether to count the moves by each matrix alone: those of `hmmfilter.transitions.Indexed`, or what others
            made of each different time that passed, or of each different row of covariates, in the order of these.

        Returns
        -------
        ExpectedTransitions or ExpectedSojourns
            As that of `hmmfilter.expected_transitions`.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.expected_transitions([0, 2, 7, 4]).counts.round(4)
        array([[0.6816, 0.9591],
               [0.0241, 1.3352]])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        found = self._ask(
            smoothing.expected_transitions,
            observations,
            given,
            workers,
            progress,
            impossible=impossible,
            per_sequence=per_sequence,
            per_matrix=per_matrix,
        )
        return found._shaped_by(self.chain._shaped) if isinstance(self.chain, Structured) else found

    @as_in(filter, smoothing.pairwise_marginals)
    def pairwise_marginals(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
    ) -> FloatArray:
        """Compute the joint distribution of the states at each two neighbouring steps, given all observations.

        `hmmfilter.pairwise_marginals` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.pairwise_marginals`.

        Returns
        -------
        ndarray, (T − 1, K, K)
            log p(h_t = i, h_{t+1} = j | v_1:T) at [t, i, j], natural logs. Of several sequences, (T, K, K), with −inf
            where the last step of a sequence leads nowhere.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> np.exp(model.pairwise_marginals([0, 7])).round(4)
        array([[[0.0055, 0.8674],
                [0.    , 0.1271]]])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(smoothing.pairwise_marginals, observations, given, workers, progress, impossible=impossible)

    @as_in(filter, smoothing.log_likelihood_gradient)
    def log_likelihood_gradient(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        impossible: _checks.Impossible = "raise",
        workers: int = 1,
        progress: bool = False,
        parameters_only: bool = False,
    ) -> Gradient:
        """Compute how the log-likelihood changes with each entry of the tables that the model makes of observations.

        `hmmfilter.log_likelihood_gradient` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.log_likelihood_gradient`.
        parameters_only : bool
            Whether to leave the part of the observations out.

        Returns
        -------
        Gradient
            ``log_initial`` (K,), ``log_transition`` (K, K), ``log_likelihoods`` (T, K): derivatives of the
            log-likelihood with respect to the logs of these names, all taken as free; ``log_likelihood``.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.log_likelihood_gradient([0, 2, 7, 4]).log_initial.round(4)
        array([0.9567, 0.0433])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(
            smoothing.log_likelihood_gradient,
            observations,
            given,
            workers,
            progress,
            impossible=impossible,
            parameters_only=parameters_only,
        )
