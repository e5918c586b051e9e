"""What `hmmfilter.HMM` asks of an emission, and what all of this house share."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, Valued

Column = tuple[str, Any, str]  # of a printed table: its head, a value for each state, and their format


class Emission(Protocol):
    """What `hmmfilter.HMM` asks of an emission.

    ``log_likelihoods`` is given observations as they came in, and returns one row for each. Rows are counted, where the
    observations have a length and are no mapping, and each must stand alone: it may depend on its own observation, and
    on none before or after it, nor on how many come at once. A model asks for the rows of many sequences together, of a
    block, or of a single observation (`hmmfilter.OnlineFilter.observe`), and takes them for the same. Whether they are
    cannot be seen from outside: an emission whose rows look back gets right answers from `hmmfilter.HMM.smooth` for one
    sequence, and wrong ones, without a word, from a stream, from blocks, and for several sequences.

    An observation that depends on those before it, as in an autoregression, is a vector that carries them: with values
    and the values before them side by side, each row stands alone. The second example does that. (Of this library,
    `hmmfilter.emissions.Autoregressive` looks back by itself, in streams and among sequences, too.)

    Where it also has a method ``moments()``, that returns a tuple of the means, (K,) or (K, D), and the variances, (K,)
    or (K, D, D), a forecast has a mean and a variance, too. Where it has a method ``log_sides(observations)``, that
    returns a tuple of log P(V < v), log P(V = v) and log P(V > v), each (T, K), or (T, D, K) for the entries of
    vectors, NaN where missing, there are pseudo-residuals; of a density log P(V = v) is −inf. Where it has a method
    ``fingerprint()``, that returns a string which tells its parameters, a snapshot of a stream knows it from others of
    its class.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> emission: hf.emissions.Emission = hf.emissions.Poisson([1.0, 5.0])
    >>> emission.n_states
    2

    An autoregression: in each state the value is normal with variance 1 around a share φ of the value before.

    >>> import numpy as np
    >>> class Autoregressive:
    ...     n_states, share = 2, np.array([0.9, -0.9])
    ...
    ...     def log_likelihoods(self, observations):
    ...         value, before = np.asarray(observations, dtype=float).T
    ...         error = value[:, None] - self.share * before[:, None]
    ...         return -0.5 * (error**2 + np.log(2 * np.pi))
    ...
    ...     def sample(self, states, rng):
    ...         raise NotImplementedError("one value needs the one before it")
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Autoregressive())
    >>> x = np.array([2.0, 1.5, 1.8, -1.4, 1.0])
    >>> pairs = np.column_stack([x[1:], x[:-1]])  # each value, and the one before it
    >>> print(model.filter(pairs).probabilities.round(3))
    [[0.996 0.004]
     [0.999 0.001]
     [0.087 0.913]
     [0.016 0.984]]
    >>> stream = model.online()
    >>> for pair in pairs:
    ...     last = stream.observe(pair)
    >>> print(np.exp(last).round(3))
    [0.016 0.984]
    """

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        ...

    def log_likelihoods(self, observations: Any) -> FloatArray:
        """Compute the log-probabilities, or log-densities, of observations in each state, each alone.

        Parameters
        ----------
        observations : any
            T of them, as they came in.

        Returns
        -------
        ndarray, (T, K)
            log p(v_t | h_t = k), natural logs; rows of 0 where missing.
        """
        ...

    def sample(self, states: npt.ArrayLike, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Draw one observation for each entry of `states`.

        A model always gives a generator: an emission of your own need not take more.

        Parameters
        ----------
        states : array_like of int, (T,)
            Numbers of states, from 0.
        rng : numpy.random.Generator or int, optional
            A generator, or a seed for one; without it, fresh randomness.

        Returns
        -------
        ndarray, (T,) or (T, D)
            The observations.
        """
        ...


def log_of(probabilities: FloatArray) -> FloatArray:
    """Take natural logs, −inf of 0, without a warning; the result is read-only."""
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    logs.flags.writeable = False
    return logs


class OfNumbers(Valued):
    """An emission whose observations are numbers, or where it says so vectors."""

    @property
    def n_dimensions(self) -> int | None:
        """None: an observation is a number and no vector."""
        return None
