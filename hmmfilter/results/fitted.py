"""What a fit comes to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter.results import frames
from hmmfilter.results.base import Result
from hmmfilter.results.printing import Preview, four_decimals

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Fitted(Result):
    """The most probable model for observations, and how it was found; returned by `fit`.

    Attributes
    ----------
    model : HMM
        The model.
    log_likelihood : float
        log p(observations), natural log, of all sequences, each as often as it counts.
    log_prior : float
        The log-density of the parameters; 0 where there was no prior.
    objective : float
        Their sum, which was climbed.
    history : ndarray
        The objective at the start, and of the best model after each iteration.
    n_iterations : int
        How many expectation steps came after the first.
    converged : bool
        Whether no more than the tolerance is to be gained.
    reason : str
        Why the climb ended.
    gradient_norm : float
        The length of the gradient of the objective along free directions of the parameters, for each observed step.
    n_parameters : int
        How many free numbers the model has: zeros that were given are none, zeros that were reached are.
    n_observations : int or float
        How many steps were observed, each as often as its sequence counts.
    restarts : tuple
        What each start came to.
    unvisited : tuple of int
        The states that are never entered, and keep their parameters.
    at_boundary : dict of ndarray of bool
        By parameter, which entries came to a bound, such as 0.
    state_names : tuple of str or None
        The names of the states.
    """

    model: Any
    log_likelihood: float
    log_prior: float
    objective: float
    history: FloatArray
    n_iterations: int
    converged: bool
    reason: str
    gradient_norm: float
    n_parameters: int
    n_observations: float
    restarts: tuple[Any, ...]
    unvisited: tuple[int, ...]
    at_boundary: dict[str, BoolArray]
    _problem: Any = field(default=None)

    @property
    def aic(self) -> float:
        """Akaike's criterion: −2 log L + 2 p."""
        return -2.0 * self.log_likelihood + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """The Bayesian criterion: −2 log L + p log n, n observed steps."""
        return -2.0 * self.log_likelihood + self.n_parameters * math.log(self.n_observations)

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of the transition.

        Parameters
        ----------
        index : array_like or pandas.Index, (K,), optional
            The labels of the rows, instead of the names of the states.

        Returns
        -------
        pandas.DataFrame
            A column for each state to which a move leads.
        """
        return frames.frame(np.asarray(self.model.transition), self.model.state_names, index)

    def _preview(self) -> Preview:
        return Preview(f"Fitted: log-likelihood {four_decimals(self.log_likelihood)}, {self.reason}", [])
