"""What all libraries are given: the tables of logs, and the parameters as probabilities for those that want them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests import cases

Array = np.ndarray
Tables = tuple[Array, Array, Array]


@dataclass(frozen=True)
class Problem:
    """log p(h_1), (K,), log p(h_{t+1} | h_t), (K, K), and log p(v_t | h_t), (T, K)."""

    tables: Tables

    @property
    def log_likelihoods(self) -> Array:
        return self.tables[2]

    @property
    def n_steps(self) -> int:
        return self.log_likelihoods.shape[0]

    @property
    def n_states(self) -> int:
        return self.log_likelihoods.shape[1]

    @cached_property
    def initial(self) -> Array:
        return np.exp(self.tables[0])

    @cached_property
    def transition(self) -> Array:
        return np.exp(self.tables[1])

    def log_joint(self, path: Array) -> float:
        log_initial, log_transition, log_likelihoods = self.tables
        moves, evidence = log_transition[path[:-1], path[1:]], log_likelihoods[np.arange(len(path)), path]
        return float(log_initial[path[0]] + moves.sum() + evidence.sum())


def benign(n_steps: int, n_states: int) -> Problem:
    """A chain that mixes; the best state of each step has likelihood 1, as librosa wants none above it."""
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, n_steps, n_states)
    return Problem((log_initial, log_transition, log_likelihoods - log_likelihoods.max(axis=1, keepdims=True)))
