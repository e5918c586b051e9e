"""What `hmmfilter.HMM` asks of an emission, and what all of this house share."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, Valued

Column = tuple[
    str, Any, str
]  # of a printed table: its head, a sequence or array of values, one a state, and their format
LOG_2_PI = math.log(2 * math.pi)


class Emission(Protocol):
    """What `hmmfilter.HMM` asks of an emission.

    Where it also has a method ``moments()``, that returns a tuple of the means, (K,) or (K, D), and the variances, (K,)
    or (K, D, D), a forecast has a mean and a variance, too.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> emission: hf.emissions.Emission = hf.emissions.Poisson([1.0, 5.0])
    >>> emission.n_states
    2
    """

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        ...

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute log p(v_t | h_t = k), natural logs, (T, K), for T observations; rows of 0 where missing."""
        ...

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Draw one observation, (T,) or (T, D), for each entry of `states`, (T,)."""
        ...


def log_of(probabilities: FloatArray) -> FloatArray:
    """Take natural logs, −inf of 0, without a warning; the result is read-only."""
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    logs.flags.writeable = False
    return logs


class OfNumbers(Valued):
    """An emission whose observations are numbers."""

    @property
    def n_dimensions(self) -> None:
        """None: an observation is a number and no vector."""
