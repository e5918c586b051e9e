"""What a model makes up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, sampling
from hmmfilter._arrays import IntArray
from hmmfilter.model.questions import Questions


class Simulation(Questions):
    """Paths of states, and what they show."""

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
