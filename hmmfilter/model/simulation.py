"""What a model makes up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmfilter import _checks, sampling
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.emissions.protocol import log_of
from hmmfilter.model.posteriors import Posteriors
from hmmfilter.model.questions import Evidence, Questions
from hmmfilter.transitions import Dense, Structured


class Simulation(Questions):
    """Paths of states, and what they show."""

    @as_in(Posteriors.filter)
    def simulate(
        self,
        length: int | Sequence[int] | None = None,
        rng: np.random.Generator | int | None = None,
        *,
        n_sequences: int | None = None,
        start: int | str | None = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
    ) -> tuple[Any, Any]:
        """Draw a path of states and the observations that it shows, or many.

        Parameters
        ----------
        length : int, or list of int, optional
            T, at least 1, or one for each of several sequences. Where a model ends, paths are drawn given that they
            end then; without a length, each goes on to its end.
        rng : numpy.random.Generator or int, optional
            A generator, or a seed for one; without it, fresh randomness.
        n_sequences : int, optional
            N, how many to draw; without it, one alone.
        start : int or str, optional
            The state in which each path begins, by number or name; without it, one drawn from `initial`.
        covariates, times, transition_index
            As in `HMM.filter`.

        Returns
        -------
        states : ndarray of int, (T,), or list of N of them
            The path, from 0.
        observations : ndarray, (T,) or (T, D), or list of N of them
            What the emission draws from each state.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path of the model has such a length.
        ValueError, TypeError
            Where a number is not an integer from 1 up, `rng` neither a generator nor a seed, `start` no state; where
            there is no length, and no end either.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> states, observations = model.simulate(8, rng=1)
        >>> states
        array([1, 1, 0, 1, 1, 1, 1, 1])
        >>> states, observations = model.simulate(3, rng=1, n_sequences=2, start="calm")
        >>> states
        [array([0, 1, 0]), array([0, 0, 0])]
        """
        lengths = _checks.simulated_lengths(length, n_sequences)
        generator = _checks.generator(rng)
        initial = self.initial if start is None else _checks.certain_state("start", start, self.state_names)
        if lengths is None:
            _checks.ends_surely(self.chain, initial, self.transition, self.final)
            n_paths = 1 if n_sequences is None else n_sequences
            final = np.asarray(self.final)
            if isinstance(self.chain, Structured):
                walk = sampling.Walk.of(self.chain, final)
                paths = sampling.draw_along_to_ends(initial, walk, n_paths, generator)
            else:
                paths = sampling.draw_to_ends(initial, self.transition, final, n_paths, generator)
            lengths = list(map(len, paths))
        rows = _checks.starts(lengths, sum(lengths))
        beside = self._beside(rows, None, covariates=covariates, times=times, transition_index=transition_index)
        if length is not None:
            paths = self._paths(initial, lengths, beside, generator)
        states = np.concatenate(paths)
        if _checks.needs_of(self.emission):
            emission: Any = self.emission
            observations = emission._sampled(states, generator, beside)
        else:
            observations = self.emission.sample(states, generator)
        if n_sequences is None and not isinstance(length, (list, tuple)):
            return states, observations
        return paths, np.split(observations, rows[1:-1])

    def _paths(
        self, initial: FloatArray, lengths: list[int], beside: Beside, generator: np.random.Generator
    ) -> list[IntArray]:
        """Paths of such lengths; where a step tells more than its state, drawn back from the end without evidence."""
        if self.final is None and isinstance(self.chain, Dense):
            return [sampling.draw_states(initial, self.transition, n_steps, generator) for n_steps in lengths]
        if self.final is None and isinstance(self.chain, Structured) and not self.chain._changes:
            walk = sampling.Walk.of(self.chain, None)
            return [sampling.draw_along(initial, walk, n_steps, generator) for n_steps in lengths]
        nothing = Evidence(
            np.zeros((sum(lengths), self.n_states)), None, lengths, None, beside, beside, _checks.NO_LABELS
        )
        log_transition, which = self._moves(beside)
        states = sampling.sample_paths(
            log_of(initial),
            log_transition,
            nothing.weighed(self.log_final),
            1,
            generator,
            lengths=None if which is None and len(lengths) == 1 else lengths,
            transition_index=which,
        )
        return np.split(states[0], beside.starts[1:-1])
