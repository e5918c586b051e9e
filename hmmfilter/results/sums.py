"""Sums over all paths: counts of moves, and derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.results.base import Result
from hmmfilter.results.printing import aligned, four_decimals


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpectedTransitions(Result):
    """How often each move was made, on average over all paths; returned by `expected_transitions`.

    Attributes
    ----------
    counts : ndarray, (K, K) or (N, K, K)
        Σ_t p(h_t = i, h_{t+1} = j | v_1:T) at [i, j], an expected number; of each sequence where that was asked for.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.expected_transitions([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    ExpectedTransitions: 2 states, 1.0000 moves in all
      from    to 0    to 1
         0  0.2286  0.6867
         1  0.0006  0.0841
    """

    counts: FloatArray
    log_likelihood: Any  # a float; of several sequences, (N,)

    def __repr__(self) -> str:
        total = self.counts.reshape(-1, *self.counts.shape[-2:]).sum(axis=0)
        names = self._names(len(total))
        header = ["from", *(f"to {name}" for name in names)]
        rows = [[name, *map(four_decimals, row)] for name, row in zip(names, total, strict=True)]
        title = f"ExpectedTransitions: {len(total)} states, {four_decimals(total.sum())} moves in all"
        return "\n  ".join([title, *aligned([header, *rows])])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Gradient(Result):
    """How the log-likelihood changes with each of the logs it is made of; returned by `log_likelihood_gradient`.

    Each part has the shape of the table that it belongs to, and is a table of probabilities, or of sums of them.

    Attributes
    ----------
    log_initial : ndarray, (K,) or (N, K)
        ∂ log p(v_1:T) / ∂ log_initial, which is p(h_1 = k | v_1:T); added up over sequences that share it.
    log_transition : ndarray, (K, K) or (T − 1, K, K) or (M, K, K), or (T, K, K) with lengths
        ∂ log p(v_1:T) / ∂ log_transition, which is p(h_t = i, h_{t+1} = j | v_1:T), added up over all moves that share
        a matrix.
    log_likelihoods : ndarray, (T, K), or None
        ∂ log p(v_1:T) / ∂ log_likelihoods, which is p(h_t = k | v_1:T); None where the parameters alone were wanted.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each: the gradient is that of their sum.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> gradient = hf.log_likelihood_gradient([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    >>> gradient.log_initial.round(4)
    array([0.9153, 0.0847])
    """

    log_initial: FloatArray
    log_transition: FloatArray
    log_likelihoods: FloatArray | None
    log_likelihood: Any  # a float; of several sequences, (N,)

    def __repr__(self) -> str:
        parts = {"log_initial": self.log_initial, "log_transition": self.log_transition}
        parts |= {} if self.log_likelihoods is None else {"log_likelihoods": self.log_likelihoods}
        shapes = ", ".join(f"{name} {part.shape}" for name, part in parts.items())
        return f"Gradient of the log-likelihood {four_decimals(np.sum(self.log_likelihood))}: {shapes}"
