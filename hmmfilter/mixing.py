"""Mixtures of models: which one each sequence is of is not known, and learnt with the models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, lse
from hmmfilter._arrays import FloatArray
from hmmfilter._distributions import most_likely
from hmmfilter._docstrings import as_in
from hmmfilter._drivers.expectations import Expectations
from hmmfilter.learning import fit
from hmmfilter.learning.climbing import climb, point_at
from hmmfilter.learning.evidence import Given
from hmmfilter.learning.problem import Problem
from hmmfilter.learning.running import feasible, problem_of
from hmmfilter.model import HMM
from hmmfilter.priors import Prior
from hmmfilter.results import FittedMixture


@as_in(fit)
def fit_mixture(
    starts: Mapping[str, HMM] | Sequence[HMM],
    observations: Any,
    *,
    shares: npt.ArrayLike | None = None,
    lengths: npt.ArrayLike | None = None,
    allowed: Any = None,
    covariates: Any = None,
    times: Any = None,
    transition_index: Any = None,
    log_weights: Any = None,
    weights: Any = None,
    initial: str = "free",
    fixed: Any = (),
    tied: Any = None,
    prior: Prior | None = None,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
    workers: int = 1,
) -> FittedMixture:
    """Find the most probable mixture of models for sequences, each of which is of one of them: `classify`, learnt.

    A sequence v is of model m with probability s_m, its share. What is climbed is the sum over all sequences of

        log Σ_m s_m p(v | m),

    by expectation and maximisation: each model learns from all sequences, each of which counts as often as it is
    expected to be of that model. It is a hidden Markov model of all states, whose blocks do not lead to each other.

    Parameters
    ----------
    starts : dict of HMM, or list of HMM
        Where to start: M models, by their names or numbers. Models that are alike stay alike.
    observations
        As in `fit`.
    shares : array_like, (M,), optional
        Where the shares start; without them, all are alike. A share of 0 stays 0.
    lengths, allowed
        As in `fit`.
    covariates, times, transition_index
        As in `fit`. Each model takes those that it needs.
    log_weights, weights
        As in `fit`.
    initial, fixed, tied, prior
        As in `fit`. Of each model.
    max_iterations, tolerance, workers
        As in `fit`.

    Returns
    -------
    FittedMixture
        ``models``, ``shares``, ``responsibilities``, ``log_likelihood``, ``history``, and more; it prints as a table.

    Raises
    ------
    DegenerateFitError
        Where a state of a model collapses onto so few observations that its density has no bound.
    ImpossibleEvidenceError
        Where all models make a sequence impossible.
    ValueError, TypeError
        Where an argument is not as above.

    References
    ----------
    Smyth, "Clustering sequences with hidden Markov models", Advances in Neural Information Processing Systems 9 (1997).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> calm, busy = (
    ...     hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.2, 0.8]], hf.emissions.Poisson(rate)) for rate in ([1, 4], [4, 9])
    ... )
    >>> weeks = [[0, 1, 0, 3], [9, 8, 4, 8], [1, 4, 3, 1], [7, 4, 9, 9], [3, 3, 2, 6]]
    >>> mixture = hf.fit_mixture({"calm": calm, "busy": busy}, weeks, initial="fixed", fixed="transition")
    >>> mixture
    FittedMixture: 2 models, 5 sequences, 20 observations, 5 parameters
      log-likelihood -43.2154, AIC 96.4309, BIC 101.4095
      converged after 42 iterations: no more than 1e-08 is to be gained
      model  states   share  sequences
       calm       2  0.5957     2.9784
       busy       2  0.4043     2.0216
    >>> mixture.models["calm"].emission.rate.round(4)
    array([1.0739, 3.022 ])
    """
    known = _named(starts)
    beside = _checks.given_to(known, covariates=covariates, times=times, transition_index=transition_index)
    everywhere = Given(lengths, allowed, weights=weights, log_weights=log_weights)
    n_workers = _checks.workers(workers)
    problems = tuple(
        problem_of(model, observations, everywhere._replace(**beside[name]), initial, fixed, tied, prior, n_workers)
        for name, model in known.items()
    )
    begun = np.full(len(known), 1 / len(known))
    if shares is not None:
        begun = _checks.distributions("shares", shares, (len(known),), False)
    problem: Any = Mixing(problems)
    start: Any = Mixture(tuple(map(feasible, problems, known.values())), begun)
    point: Any = point_at(problem, start)
    problem.possible(point.expectations)
    climbed = climb(
        problem,
        point,
        False,
        _checks.tolerance(tolerance),
        _checks.whole_count("max_iterations", max_iterations),
    )
    found: Any = climbed.point.model
    expected: Any = climbed.point.expectations
    n_observations = problems[0].evidence.n_observations
    return FittedMixture(
        models=dict(zip(known, found.models, strict=True)),
        shares=found.shares,
        responsibilities=expected.responsibilities,
        log_likelihood=problem.log_likelihood(expected),
        log_prior=problem.log_prior(found),
        history=np.array(climbed.history),
        converged=climbed.has_converged,
        reason=climbed.reason,
        n_parameters=problem.n_parameters(found),
        n_observations=int(n_observations) if n_observations.is_integer() else n_observations,
        _weights=problems[0].evidence.weights,
        _labels=problems[0].evidence.labels,
    )


def _named(starts: Any) -> dict[str, Any]:
    """Models by their names."""
    if isinstance(starts, (list, tuple)):
        starts = {str(m): model for m, model in enumerate(starts)}
    return _checks.models_by_name(starts)


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
            log_likelihoods = np.asarray(lse.logsumexp(joint, axis=1))
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
