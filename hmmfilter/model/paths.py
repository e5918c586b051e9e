"""What a model says of whole paths through its states."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, decoding, sampling
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.model.posteriors import Posteriors
from hmmfilter.model.questions import Given, Questions
from hmmfilter.results import Decoded, NBest, PosteriorDecoded


class Paths(Questions):
    """The questions about paths through the states."""

    @as_in(Posteriors.filter, decoding.viterbi)
    def viterbi(
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
    ) -> Decoded:
        """Find the path through the states that is most probable together with the observations.

        `hmmfilter.viterbi` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.viterbi`.

        Returns
        -------
        Decoded
            ``path`` (T,) of integers, ``log_joint``.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.viterbi([0, 2, 7, 4]).path
        array([0, 0, 1, 1])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(decoding.viterbi, observations, given, workers, progress, impossible=impossible)

    @as_in(Posteriors.filter, decoding.viterbi_n_best)
    def viterbi_n_best(
        self,
        observations: Any,
        n: int,
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
    ) -> NBest:
        """Find the n paths through the states that are most probable together with the observations, the best first.

        `hmmfilter.viterbi_n_best` does the work.

        Parameters
        ----------
        observations
            As in `HMM.filter`.
        n
            As in `hmmfilter.viterbi_n_best`.
        lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.viterbi_n_best`.

        Returns
        -------
        NBest
            ``paths`` (n, T) of integers, ``log_joints`` (n,); fewer where fewer paths are possible.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`. Also for an n that is no integer from 1 up.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.viterbi_n_best([0, 2, 7, 4], 2).paths
        array([[0, 0, 1, 1],
               [0, 1, 1, 1]])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(decoding.viterbi_n_best, observations, given, workers, progress, n=n, impossible=impossible)

    @as_in(Posteriors.filter, decoding.max_marginals)
    def max_marginals(
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
        """Compute how probable the best path is, together with the observations, through each state at each step.

        `hmmfilter.max_marginals` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.max_marginals`.

        Returns
        -------
        ndarray, (T, K)
            Natural logs; −inf where no path leads. The largest entry of every row is the log-joint of `viterbi`.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

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
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(decoding.max_marginals, observations, given, workers, progress, impossible=impossible)

    @as_in(Posteriors.filter, decoding.posterior_decode)
    def posterior_decode(
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
    ) -> PosteriorDecoded:
        """Find the most probable state at each step, given all observations.

        `hmmfilter.posterior_decode` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.posterior_decode`.

        Returns
        -------
        PosteriorDecoded
            ``path`` (T,) of integers, ``expected_correct``, a number of steps.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.posterior_decode([0, 2, 7, 4]).path
        array([0, 0, 1, 1])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(decoding.posterior_decode, observations, given, workers, progress, impossible=impossible)

    @as_in(Posteriors.filter, sampling.sample_paths)
    def sample_paths(
        self,
        observations: Any,
        size: int,
        rng: np.random.Generator | int | None = None,
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
    ) -> IntArray:
        """Draw whole paths through the states, each with its probability given all observations.

        `hmmfilter.sample_paths` does the work.

        Parameters
        ----------
        observations
            As in `HMM.filter`.
        size, rng
            As in `hmmfilter.sample_paths`.
        lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible, workers, progress
            As in `hmmfilter.sample_paths`.

        Returns
        -------
        ndarray of int, (size, T)
            In each row a path, from 0; of several sequences, one path after the other.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`. Also for a size that is no integer from 1 up, and an `rng` that is neither a
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
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(
            sampling.sample_paths,
            observations,
            given,
            workers,
            progress,
            size=size,
            rng=rng,
            impossible=impossible,
        )
