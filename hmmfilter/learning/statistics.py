"""The door to one expectation step."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._docstrings import as_in
from hmmfilter.learning.evidence import Given, Model
from hmmfilter.learning.fitting import fit
from hmmfilter.results import ExpectedStatistics
from hmmfilter.transitions import Structured


@as_in(fit)
def expected_statistics(
    model: Model,
    observations: Any,
    *,
    lengths: npt.ArrayLike | None = None,
    allowed: Any = None,
    covariates: Any = None,
    times: Any = None,
    transition_index: Any = None,
    log_weights: Any = None,
    labels: Any = None,
    weights: Any = None,
    workers: int = 1,
) -> ExpectedStatistics:
    """Compute what one expectation step comes to: what is expected of the states, without a table of all steps.

    Parameters
    ----------
    model : HMM
        The model.
    observations, lengths, allowed, covariates, times, transition_index, log_weights, labels, weights, workers
        As in `fit`.

    Returns
    -------
    ExpectedStatistics
        ``initial`` (K,), ``transition`` (K, K), ``emission``, a dict, and ``log_likelihood``.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path through the states can have produced the observations.
    ValueError, TypeError
        Where an argument is not as above.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.C.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> hf.expected_statistics(model, [0, 2, 7, 4]).emission["sum"].round(4)
    array([ 1.4597, 11.5403])
    """
    from hmmfilter.learning import moving, running

    _checks.hmm("model", model)
    n_workers = _checks.workers(workers)
    given = Given(lengths, allowed, labels, weights, covariates, times, transition_index, log_weights)
    initial = "free" if model.initial.ndim == 1 else "fixed"  # that of states and ages is not learnt
    problem = running.problem_of(model, observations, given, initial, "emission", None, None, n_workers)
    evidence = problem.evidence
    expectations = problem.expect(model)
    evidence.possible(expectations.n_possible)
    is_alone = lengths is None and len(evidence.starts) == 2 and evidence.labels.keys is None
    named = {} if evidence.observed is None else model.emission._statistics(expectations.emission)
    return ExpectedStatistics(
        initial=expectations.initial,
        transition=moving.in_own_shape(model, expectations),
        final=expectations.ends,
        _has_own_shape=isinstance(model.chain, Structured),
        emission=named,
        log_likelihood=float(expectations.log_likelihood[0]) if is_alone else expectations.log_likelihood,
        state_names=model.state_names,
        _labels=evidence.labels,
    )
