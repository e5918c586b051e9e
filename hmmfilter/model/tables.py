"""What a model says beyond the usual: predictions of each step, what is still to come, and given paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, predicting, tracing
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.model.posteriors import Posteriors
from hmmfilter.model.questions import Evidence, Given, Questions


class Tables(Questions):
    """The questions whose answers are plain tables and numbers."""

    @as_in(Posteriors.filter, predicting.one_step_predictions)
    def one_step_predictions(
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
        """Compute the distribution of the state at each step, given the observations before that step.

        `hmmfilter.one_step_predictions` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible
            As in `hmmfilter.one_step_predictions`.
        workers, progress
            As in `HMM.filter`.

        Returns
        -------
        ndarray, (T, K)
            log p(h_t = k | v_1:t−1), natural logs; of the first step of a sequence, that of the initial distribution.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> np.exp(model.one_step_predictions([0, 2, 7])).round(4)
        array([[0.5   , 0.5   ],
               [0.8874, 0.1126],
               [0.8616, 0.1384]])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(predicting.one_step_predictions, observations, given, workers, progress, impossible=impossible)

    @as_in(Posteriors.filter, predicting.filtered_pairs)
    def filtered_pairs(
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
        """Compute the joint distribution of the states at each two neighbouring steps, given what was seen up to them.

        `hmmfilter.filtered_pairs` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        impossible
            As in `hmmfilter.filtered_pairs`.
        workers, progress
            As in `HMM.filter`.

        Returns
        -------
        ndarray, (T − 1, K, K)
            log p(h_t = i, h_{t+1} = j | v_1:t+1) at [t, i, j], natural logs. Of several sequences, (T, K, K), with −inf
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
        >>> np.exp(model.filtered_pairs([0, 7])).round(4)
        array([[[0.0055, 0.8674],
                [0.    , 0.1271]]])
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._ask(predicting.filtered_pairs, observations, given, workers, progress, impossible=impossible)

    @as_in(Posteriors.filter)
    def log_likelihoods_to_come(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        workers: int = 1,
        progress: bool = False,
    ) -> FloatArray:
        """Compute the log-probability of all observations after each step, given the state there: the logs of β.

        `hmmfilter.log_likelihoods_to_come` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.
        workers, progress
            As in `HMM.filter`.

        Returns
        -------
        ndarray, (T, K)
            log p(v_{t+1:T} | h_t = k), natural logs; 0 at the last step of a sequence, or the log of the end
            probability, where there is one; −inf where what comes is impossible.

        Raises
        ------
        ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.log_likelihoods_to_come([0, 7]).round(4)
        array([[-4.5554, -2.4821],
               [ 0.    ,  0.    ]])
        """
        evidence = self._evidence(
            observations, Given(lengths, allowed, covariates, times, transition_index, log_weights)
        )

        def door(_: FloatArray, log_transition: FloatArray, log_likelihoods: FloatArray, **options: Any) -> FloatArray:
            return predicting.log_likelihoods_to_come(log_transition, log_likelihoods, **options)

        to_come = self._answer(door, evidence, workers, progress, self.log_final)
        if self.log_final is not None:
            to_come[evidence.beside.last_rows] += self.log_final
        return to_come

    @as_in(Posteriors.filter)
    def path_log_joint(
        self,
        observations: Any,
        path: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
    ) -> Any:
        """Compute the log-probability of a given path through the states together with the observations.

        `hmmfilter.path_log_joint` does the work.

        Parameters
        ----------
        observations
            As in `HMM.filter`.
        path : array_like of int, (T,), or list or dict of them
            A state at each step, from 0, in one array, or one for each sequence.
        lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.

        Returns
        -------
        float or ndarray, (N,)
            log p(h_1:T, v_1:T), natural log; −inf where it is impossible. Of several sequences, one for each.

        Raises
        ------
        ValueError, TypeError
            As in `HMM.filter`. Also where an entry of the path is no state.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> round(model.path_log_joint([0, 2, 7, 4], [0, 0, 1, 1]), 4)
        -10.0168
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._of_path(tracing.path_log_joint, self._evidence(observations, given), path)

    @as_in(Posteriors.filter, path_log_joint)
    def path_log_posterior(
        self,
        observations: Any,
        path: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
    ) -> Any:
        """Compute the log-probability of a given path through the states, given all observations.

        `hmmfilter.path_log_posterior` does the work.

        Parameters
        ----------
        observations
            As in `HMM.filter`.
        path
            As in `path_log_joint`.
        lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.

        Returns
        -------
        float or ndarray, (N,)
            log p(h_1:T | v_1:T), natural log; −inf where the path is impossible. Of several sequences, one for each.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`. Also where an entry of the path is no state.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> round(float(np.exp(model.path_log_posterior([0, 2, 7, 4], [0, 0, 1, 1]))), 4)
        0.6648
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._of_path(tracing.path_log_posterior, self._evidence(observations, given), path)

    @as_in(Posteriors.filter)
    def path_entropy(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
    ) -> Any:
        """Compute the entropy of the distribution of paths, given all observations: how much is left to be known.

        `hmmfilter.path_entropy` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights
            As in `HMM.filter`.

        Returns
        -------
        float or ndarray, (N,)
            In nats, from 0 where one path is certain to T log K. Of several sequences, one for each.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> round(model.path_entropy([0, 2, 7, 4]), 4)
        0.8749
        """
        given = Given(lengths, allowed, covariates, times, transition_index, log_weights)
        return self._of_path(tracing.path_entropy, self._evidence(observations, given))

    def _of_path(self, door: Any, evidence: Evidence, path: Any = None) -> Any:
        """What a door says of evidence and a path, which may be several, one for each sequence."""
        options: dict[str, Any] = {}
        if path is not None:
            steps = np.diff(evidence.beside.starts).tolist()
            options["path"] = _checks.known_states(path, steps, self.n_states, evidence.labels.keys, "path")

        def alone(*tables: FloatArray, workers: int, progress: bool, **given: Any) -> Any:
            return door(*tables, **given)

        return self._answer(alone, evidence, 1, False, self.log_final, **options)
