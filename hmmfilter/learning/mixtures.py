"""Mixtures of models while they are learnt: how probable it is that each sequence is of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._distributions import most_likely
from hmmfilter._drivers.expectations import Expectations
from hmmfilter.learning.problem import Problem


class Mixture(NamedTuple):
    """Models, and how large the share of each is."""

    models: tuple[Any, ...]
    shares: FloatArray


class Expected(NamedTuple):
    """What one expectation step comes to."""

    log_likelihoods: FloatArray  # (N,), of the mixture
    responsibilities: FloatArray  # (N, M)
    of_models: tuple[Expectations, ...]


@dataclass(frozen=True)
class Mixing:
    """What is climbed, as `hmmfilter.learning.climbing` asks of a problem."""

    problems: tuple[Problem, ...]
    are_scored: bool = False

    def expect(self, mixture: Mixture) -> Expected:
        """How probable it is that each sequence is of each model, and what each then expects."""
        weights = self.problems[0].evidence.weights
        pairs = list(zip(self.problems, mixture.models, strict=True))
        totals = [problem.expect(model).log_likelihood for problem, model in pairs]
        with np.errstate(divide="ignore", invalid="ignore"):
            joint = np.column_stack(totals) + np.log(mixture.shares)
            log_likelihoods = np.logaddexp.reduce(joint, axis=1)
            responsibilities = np.exp(joint - log_likelihoods[:, np.newaxis])
        counts = np.where(np.isnan(responsibilities), 0.0, responsibilities) * weights[:, np.newaxis]
        of_models = tuple(
            _counting(problem, column).expect(model) for (problem, model), column in zip(pairs, counts.T, strict=True)
        )
        return Expected(log_likelihoods, responsibilities, of_models)

    def maximised(self, mixture: Mixture, expected: Expected) -> Mixture:
        """The most probable models, and shares, for that."""
        weights = self.problems[0].evidence.weights
        shares = most_likely(weights @ expected.responsibilities, mixture.shares)
        parts = zip(self.problems, mixture.models, expected.of_models, strict=True)
        return Mixture(tuple(problem.maximised(model, found) for problem, model, found in parts), shares)

    def log_likelihood(self, expected: Expected) -> float:
        """Of all sequences, each as often as it counts."""
        return math.fsum(self._terms(expected))

    def _terms(self, expected: Expected) -> FloatArray:
        weights = self.problems[0].evidence.weights
        return weights[weights > 0] * expected.log_likelihoods[weights > 0]

    def log_prior(self, mixture: Mixture) -> float:
        """The log-density of all parameters but the shares."""
        return math.fsum(map(Problem.log_prior, self.problems, mixture.models))

    def objective(self, mixture: Mixture, expected: Expected) -> float:
        """What is climbed."""
        return math.fsum([self.log_likelihood(expected), self.log_prior(mixture)])

    def resolution(self, mixture: Mixture, expected: Expected) -> float:
        """Four units in the last place of the sum that the objective is."""
        terms = np.abs(self._terms(expected)).sum() + self.problems[0].evidence.n_observations
        return 4.0 * float(np.spacing(terms + abs(self.log_prior(mixture)))) if np.isfinite(terms) else 0.0

    def n_parameters(self, mixture: Mixture) -> int:
        """How many free numbers there are."""
        free = map(Problem.n_parameters, self.problems, mixture.models)
        return sum(free) + int(np.count_nonzero(mixture.shares)) - 1

    def possible(self, expected: Expected) -> None:
        """Insist that one model at least makes each sequence possible."""
        n_possible = np.max([found.n_possible for found in expected.of_models], axis=0)
        self.problems[0].evidence.possible(n_possible)


def _counting(problem: Problem, weights: FloatArray) -> Problem:
    """The problem of sequences that count as often as that."""
    return replace(problem, evidence=replace(problem.evidence, weights=weights))
