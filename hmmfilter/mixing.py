"""Mixtures of models: which one each sequence is of is not known, and learnt with the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.learning import fit
from hmmfilter.learning.evidence import Given
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
    from hmmfilter.learning.climbing import climb, point_at
    from hmmfilter.learning.mixtures import Mixing, Mixture
    from hmmfilter.learning.running import feasible, problem_of

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
