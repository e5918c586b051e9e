"""Whether a model fits: where each observation lies in what the model says of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting, residuals
from hmmfilter._arrays import FloatArray
from hmmfilter._beside import Beside
from hmmfilter._docstrings import as_in
from hmmfilter.model.posteriors import Posteriors
from hmmfilter.model.questions import Given, Questions
from hmmfilter.results import PseudoResiduals


class Residuals(Questions):
    """The question whether the observations look as the model says."""

    @as_in(Posteriors.filter)
    def pseudo_residuals(
        self,
        observations: Any,
        kind: _checks.ResidualKind = "ordinary",
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        workers: int = 1,
        progress: bool = False,
    ) -> PseudoResiduals:
        """Compute where each observation lies in its distribution given others, as a standard normal number.

        With u = P(V_t ≤ v_t | others) the residual is z = Φ⁻¹(u). If the model is true, residuals of numbers are normal
        with mean 0 and variance 1; those given the past are independent, too. The `plot` of the result shows what is
        not so. Whole numbers and symbols have a segment, from Φ⁻¹(P(V_t < v_t | others)) to Φ⁻¹(P(V_t ≤ v_t | others)),
        and their residual is inside, where half of P(V_t = v_t | others) is below.

        The entries of a vector have a residual each, given other steps: that of an entry says nothing of the others of
        the same step. Symbols are taken in the order of the columns of `hmmfilter.emissions.Categorical`.

        Parameters
        ----------
        observations
            As in `HMM.filter`.
        kind : {"ordinary", "forecast"}
            What the others are: all other observations, to find single ones that do not fit, or those before it.
        lengths, allowed, covariates, times, transition_index, log_weights, workers, progress
            As in `HMM.filter`.

        Returns
        -------
        PseudoResiduals
            ``residuals`` (T,) or (T, D), and the ends of their segments, ``lower`` and ``upper``; NaN where missing.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations.
        ValueError
            As in `HMM.filter`.
        TypeError
            Also for an emission of your own without a method ``log_sides``, see `hmmfilter.emissions.Emission`.

        References
        ----------
        Zucchini, MacDonald, Langrock, *Hidden Markov Models for Time Series*, 2nd ed. (2016), section 6.2.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.pseudo_residuals([0, 2, None, 7, 30], kind="forecast")
        PseudoResiduals: 5 steps, forecast; mean 2.1862, standard deviation 3.3268
          step   lower  residual    upper
             0    -inf   -1.3186  -0.8879
             1  0.4056    0.6552   0.9549
             2     nan       nan      nan
             3  1.6757    1.7918   1.9387
             4  7.5458    7.6164   7.7807
        """
        _checks.residual_kind(kind)
        _checks.has_sides(self.emission)
        evidence = self._evidence(
            observations, Given(lengths, allowed, covariates, times, transition_index, log_weights)
        )
        answer = self._answer(
            residuals.pseudo_residuals,
            evidence._replace(log_weights=None),
            workers,
            progress,
            None,
            kind=kind,
            log_sides=partial(self._sides, observations, lengths, evidence.beside),
            log_weights=evidence.soft(self.log_final if kind == "ordinary" else None),
        )
        names = getattr(self.emission, "_entry_names", None)
        if names is None:
            sequences, _ = self._sequences(observations, lengths)
            names_from = observations if sequences is None else next(iter(sequences), None)
            names = tuple(plotting.column_names(names_from, answer._n_entries))
        return replace(answer, _entry_names=names)

    def _sides(self, observations: Any, lengths: npt.ArrayLike | None, beside: Beside, n_rows: int) -> FloatArray:
        """What lies on either side of each observation, once they are let in, (3, T, K) or (3, T, D, K)."""
        sequences, _ = self._sequences(observations, lengths)
        parts = [observations] if sequences is None else [sequence for sequence in sequences if len(sequence) > 0]
        if n_rows == 0:
            return np.empty((3, 0, self.n_states))
        if sequences is not None and _checks.is_of_this_library(self.emission):
            parts = [_checks.one_after_the_other(parts, self.emission)]
        return _checks.log_sides(self.emission, parts, n_rows, self.n_states, beside)
