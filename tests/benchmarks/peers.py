"""Each task by every library, in the cheapest calls that give normalised posteriors and a log-likelihood.

All start from the same table of log-likelihoods, so that a library that wants likelihoods pays for ``np.exp``; the
parameters are ready in whatever form a library takes. What is timed begins and ends with the calls returned here.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import hmmfilter as hf
from tests.benchmarks.problems import Array, Problem

FILTER, SMOOTH, VITERBI = "filter", "smooth", "viterbi"
EXPECTED = "expected transitions"  # the sums of an E-step over pairs of steps
LOG_LIKELIHOOD = "log-likelihood"

# Each task returns the log-likelihood and the probabilities or sums, or the log-joint (None if unsaid) and the path.
Answer = tuple[Any, Array]
Calls = dict[str, Callable[[], Answer]]

OURS, OURS_IN_LOGS = "hmmfilter", "hmmfilter, in logs"
HMMLEARN_LOG, HMMLEARN_SCALING, DYNAMAX = "hmmlearn, log", "hmmlearn, scaling", "dynamax"
STATSMODELS_MOST_STATES = 16  # it becomes very slow
TOLERANCE = 1e-8


def ours(problem: Problem, table: str = "probabilities") -> Calls:
    def posterior(routine: Callable[..., Any]) -> Callable[[], Answer]:
        def read() -> Answer:
            result = routine(*problem.tables)
            return result.log_likelihood, getattr(result, table)

        return read

    def decoded() -> Answer:
        result = hf.viterbi(*problem.tables)
        return result.log_joint, result.path

    def expected() -> Answer:
        result = hf.expected_transitions(*problem.tables)
        return result.log_likelihood, result.counts

    return {
        FILTER: posterior(hf.forward_filter),
        SMOOTH: posterior(hf.smooth),
        VITERBI: decoded,
        EXPECTED: expected,
    }


def ours_in_logs(problem: Problem) -> Calls:
    calls = ours(problem, "log_probabilities")
    return {task: calls[task] for task in (FILTER, SMOOTH)}


def _softmax_in_place(logs: Array) -> Array:
    logs -= logs.max(axis=1, keepdims=True)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs


def hmmlearn_log(problem: Problem) -> Calls:
    from hmmlearn import _hmmc

    tables = problem.initial, problem.transition, problem.log_likelihoods

    def filtered() -> Answer:
        log_likelihood, forward = _hmmc.forward_log(*tables)
        return log_likelihood, _softmax_in_place(forward)

    def smoothed() -> Answer:
        log_likelihood, posterior = _hmmc.forward_log(*tables)
        posterior += _hmmc.backward_log(*tables)
        return log_likelihood, _softmax_in_place(posterior)

    def expected() -> Answer:
        log_likelihood, forward = _hmmc.forward_log(*tables)
        backward = _hmmc.backward_log(*tables)
        return log_likelihood, np.exp(_hmmc.compute_log_xi_sum(forward, problem.transition, backward, tables[2]))

    return {FILTER: filtered, SMOOTH: smoothed, VITERBI: lambda: _hmmc.viterbi(*tables), EXPECTED: expected}


def hmmlearn_scaling(problem: Problem) -> Calls:
    from hmmlearn import _hmmc

    parameters = problem.initial, problem.transition

    def filtered() -> Answer:
        return _hmmc.forward_scaling(*parameters, np.exp(problem.log_likelihoods))[:2]

    def smoothed() -> Answer:
        likelihoods = np.exp(problem.log_likelihoods)
        log_likelihood, posterior, scales = _hmmc.forward_scaling(*parameters, likelihoods)
        posterior *= _hmmc.backward_scaling(*parameters, likelihoods, scales)
        posterior /= posterior.sum(axis=1, keepdims=True)
        return log_likelihood, posterior

    def expected() -> Answer:
        likelihoods = np.exp(problem.log_likelihoods)
        log_likelihood, forward, scales = _hmmc.forward_scaling(*parameters, likelihoods)
        backward = _hmmc.backward_scaling(*parameters, likelihoods, scales)
        return log_likelihood, _hmmc.compute_scaling_xi_sum(forward, problem.transition, backward, likelihoods)

    return {FILTER: filtered, SMOOTH: smoothed, EXPECTED: expected}


@functools.cache
def _dynamax_routines(are_many: bool) -> dict[str, Callable[..., Any]]:
    """Of one table of rows, or of many at a time; JAX compiles them once for each shape."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from dynamax.hidden_markov_model import inference

    def filtered(*tables: jax.Array) -> tuple[jax.Array, jax.Array]:
        posterior = inference.hmm_filter(*tables)
        return posterior.marginal_loglik, posterior.filtered_probs

    def smoothed(*tables: jax.Array) -> tuple[jax.Array, jax.Array]:
        posterior = inference.hmm_smoother(*tables)
        return posterior.marginal_loglik, posterior.smoothed_probs

    def decoded(*tables: jax.Array) -> tuple[None, jax.Array]:
        return None, inference.hmm_posterior_mode(*tables)

    def expected(*tables: jax.Array) -> tuple[jax.Array, jax.Array]:
        posterior = inference.hmm_smoother(*tables)
        return posterior.marginal_loglik, posterior.trans_probs

    def scored(*tables: jax.Array) -> tuple[jax.Array, None]:
        return inference.hmm_filter(*tables).marginal_loglik, None

    routines = {FILTER: filtered, SMOOTH: smoothed, VITERBI: decoded, EXPECTED: expected, LOG_LIKELIHOOD: scored}
    return {
        task: jax.jit(jax.vmap(routine, (None, None, 0)) if are_many else routine) for task, routine in routines.items()
    }


def _dynamax(problem: Problem, rows: Array, are_many: bool) -> Calls:
    routines = _dynamax_routines(are_many)
    import jax

    tables = tuple(map(jax.numpy.asarray, (problem.initial, problem.transition, rows)))
    return {task: lambda routine=routine: jax.block_until_ready(routine(*tables)) for task, routine in routines.items()}


def dynamax(problem: Problem) -> Calls:
    return _dynamax(problem, problem.log_likelihoods, are_many=False)


def dynamax_on_many(problem: Problem, n_sequences: int) -> Calls:
    """All sequences at a time, by JAX's vectorising map: they are equally long."""
    return _dynamax(problem, problem.log_likelihoods.reshape(n_sequences, -1, problem.n_states), are_many=True)


def librosa(problem: Problem) -> Calls:
    from librosa import sequence

    def decoded() -> Answer:
        likelihoods = np.exp(problem.log_likelihoods).T
        path, log_joint = sequence.viterbi(likelihoods, problem.transition, p_init=problem.initial, return_logp=True)
        return np.asarray(log_joint).item(), path.astype(np.intp)

    return {VITERBI: decoded}


def statsmodels(problem: Problem) -> Calls:
    if problem.n_states > STATSMODELS_MOST_STATES:
        return {}
    from statsmodels.tsa.regime_switching._hamilton_filter import dhamilton_filter_log

    n_steps, n_states = problem.log_likelihoods.shape
    log_transition = np.ascontiguousarray(problem.tables[1].T[:, :, None])
    # Its chain starts one step before the evidence. It starts from anywhere, and the first row makes up for it.
    first = problem.log_likelihoods[0] + problem.tables[0] - np.log(problem.transition.mean(axis=0))
    log_likelihoods = np.ascontiguousarray(np.vstack([first, problem.log_likelihoods[1:]]).T)

    def filtered() -> Answer:
        increments, predicted = np.empty(n_steps), np.empty((n_states, n_steps))
        posterior = np.full((n_states, n_steps + 1), -np.log(n_states))
        dhamilton_filter_log(n_steps, n_states, 0, log_transition, log_likelihoods, increments, predicted, posterior)
        return increments.sum(), np.exp(posterior[:, 1:]).T

    return {FILTER: filtered}


PEERS: dict[str, tuple[str, Callable[[Problem], Calls]]] = {
    HMMLEARN_LOG: ("hmmlearn", hmmlearn_log),
    HMMLEARN_SCALING: ("hmmlearn", hmmlearn_scaling),
    DYNAMAX: ("dynamax", dynamax),
    "librosa": ("librosa", librosa),
    "statsmodels": ("statsmodels", statsmodels),
}


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def missing() -> list[str]:
    return sorted({package for package, _ in PEERS.values() if not is_installed(package)})


def installed_peers() -> dict[str, Callable[[Problem], Calls]]:
    return {name: prepare for name, (package, prepare) in PEERS.items() if is_installed(package)}


def agree(problem: Problem, task: str, expected: Answer, answer: Answer) -> bool:
    """Compare log-likelihoods and posteriors; of Viterbi paths, as there may be several best ones, the log-joints."""
    if task == VITERBI:
        return bool(np.isclose(problem.log_joint(expected[1]), problem.log_joint(np.asarray(answer[1])), TOLERANCE, 0))
    tolerance = TOLERANCE * max(1.0, float(np.max(expected[1])))
    return bool(np.isclose(expected[0], answer[0], TOLERANCE, 0) and np.allclose(expected[1], answer[1], 0, tolerance))


def right_ones(problem: Problem, task: str, prepared: dict[str, Calls]) -> dict[str, Callable[[], Answer]]:
    """The calls of a task by all libraries that get it right, ours among them."""
    calls = {name: by_task[task] for name, by_task in prepared.items() if task in by_task}
    expected = calls[OURS]()
    right = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, call in calls.items():
            try:
                is_right = agree(problem, task, expected, call())
            except ValueError:  # as hmmlearn says that it underflowed
                is_right = False
            if is_right:
                right[name] = call
    return right
