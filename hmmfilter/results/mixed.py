"""What a fit of a mixture of models comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.results import frames
from hmmfilter.results.base import Previewed
from hmmfilter.results.printing import Preview, counted, four_decimals

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FittedMixture(Previewed):
    """The most probable mixture of models for sequences, and how it was found; returned by `fit_mixture`.

    Attributes
    ----------
    models : dict of str to HMM
        The models, by name.
    shares : ndarray, (M,)
        How probable it is that a sequence is of each.
    responsibilities : ndarray, (N, M)
        How probable that is of each sequence, given all of it.
    log_likelihood : float
        log p(observations), natural log, of all sequences, each as often as it counts.
    log_prior : float
        The log-density of the parameters of the models; 0 where there was no prior.
    history : ndarray
        The sum of both at the start, and of the best mixture after each iteration.
    converged : bool
        Whether no more than the tolerance is to be gained.
    reason : str
        Why the climb ended.
    n_parameters : int
        How many free numbers the models and their shares have.
    n_observations : int or float
        How many steps were observed, each as often as its sequence counts.
    state_names : None
        The models have their own.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> low, high = (hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([rate])) for rate in (1.0, 5.0))
    >>> hf.fit_mixture([low, high], [[0, 1, 2], [9, 6], [1, 0], [4, 3]])
    FittedMixture: 2 models, 4 sequences, 9 observations, 3 parameters
      log-likelihood -17.1860, AIC 40.3721, BIC 40.9638
      converged after 6 iterations: no more than 1e-08 is to be gained
      model  states   share  sequences
          0       1  0.5046     2.0186
          1       1  0.4954     1.9814
    """

    models: Mapping[str, Any]
    shares: FloatArray
    responsibilities: FloatArray
    log_likelihood: float
    log_prior: float
    history: FloatArray
    converged: bool
    reason: str
    n_parameters: int
    n_observations: float
    _weights: FloatArray = field(default_factory=lambda: np.ones(0))  # how often each sequence counts

    @property
    def aic(self) -> float:
        """Akaike's criterion: −2 log L + 2 p."""
        return -2.0 * self.log_likelihood + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """The Bayesian criterion: −2 log L + p log n, n observed steps."""
        return -2.0 * self.log_likelihood + self.n_parameters * math.log(self.n_observations)

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of how probable it is that each sequence is of each model.

        Parameters
        ----------
        index : array_like or pandas.Index, (N,), optional
            The labels of the rows, instead of the keys or numbers of the sequences.

        Returns
        -------
        pandas.DataFrame
            A row for each sequence, and a column for each model.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where there are not as many labels as sequences.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> low, high = (hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([rate])) for rate in (1.0, 5.0))
        >>> mixture = hf.fit_mixture({"low": low, "high": high}, {"a": [0, 1, 2], "b": [3, 4, 2]})
        >>> mixture.to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
                     low    high
        sequence
        a         0.8972  0.1028
        b         0.0233  0.9767
        """
        if index is None:
            names = self._labels.key_names
            keys = list(self._labels.names_of(len(self.responsibilities)))
            index = frames.labels(keys, names[0] if len(names) == 1 else names)
        return frames.frame(self.responsibilities, list(self.models), index)

    def _preview(self) -> Preview:
        n_iterations, n_sequences = len(self.history) - 1, len(self.responsibilities)
        scores = {"log-likelihood": self.log_likelihood, "AIC": self.aic, "BIC": self.bic}
        if self.log_prior != 0:
            scores["log-prior"] = self.log_prior
        lines = [
            f"FittedMixture: {counted(len(self.models), 'model')}, {counted(n_sequences, 'sequence')}, "
            f"{self.n_observations:g} observations, {counted(self.n_parameters, 'parameter')}",
            ", ".join(f"{name} {four_decimals(score)}" for name, score in scores.items()),
            f"{'' if self.converged else 'not '}converged after {counted(n_iterations, 'iteration')}: {self.reason}",
        ]
        expected = self._weights @ self.responsibilities
        rows = [
            [name, str(model.n_states), four_decimals(share), four_decimals(number)]
            for (name, model), share, number in zip(self.models.items(), self.shares, expected, strict=True)
        ]
        return Preview("\n  ".join(lines), [["model", "states", "share", "sequences"], *rows])
