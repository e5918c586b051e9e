"""One iteration of EM by every library, from the data to new parameters, and the same start for all of them.

All priors are flat, so that all climb the likelihood and their new parameters can be compared. Observations are in
whatever form a library takes; what is timed begins and ends with the calls returned here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import hmmfilter as hf
from hmmfilter.emissions import Categorical, Poisson
from hmmfilter.learning.evidence import Given, evidence_of
from hmmfilter.learning.parameters import parts_of
from hmmfilter.learning.problem import Problem
from tests.benchmarks.peers import DYNAMAX, HMMLEARN_LOG, HMMLEARN_SCALING, is_installed
from tests.benchmarks.problems import Array

ITERATION = "one iteration of EM"
TOLERANCE = 1e-6  # of what libraries say of the same iteration, relative
STAYS = 0.95


@dataclass(frozen=True)
class Task:
    """A model to begin with, and sequences of equal length."""

    start: hf.HMM
    observations: Array
    n_sequences: int = 1

    @property
    def n_steps(self) -> int:
        return len(self.observations)

    @property
    def lengths(self) -> Array:
        return np.full(self.n_sequences, self.n_steps // self.n_sequences)

    @property
    def columns(self) -> Array:
        """Observations as vectors, as others want them even where there is one number."""
        return self.observations.reshape(self.n_steps, -1)


class Iteration(NamedTuple):
    """The log-likelihood of the start, and after it the moves and what is expected in each state."""

    log_likelihood: float
    transition: Array
    expected: Array  # means, rates, or probabilities of symbols, (K, ...)


Iterate = Callable[[], Iteration]


def _means(emission: Any) -> Array:
    if isinstance(emission, Poisson):
        return emission.rate[:, None]
    return (
        emission.probabilities if isinstance(emission, Categorical) else emission.mean.reshape(len(emission.mean), -1)
    )


def ours(task: Task, workers: int = 1) -> Iterate:
    """One EM iteration of `hmmfilter.fit`; the model is new each time, as nothing of it should be at hand."""
    start = task.start
    problem = Problem(
        evidence_of(start, task.observations, Given(task.lengths)),
        parts_of(start, "free", (), None),
        False,
        workers=workers,
    )

    def iterate() -> Iteration:
        emission: Any = start.emission
        model = start._with(start.initial, start.transition, emission._with(emission._parameters()))
        expectations = problem.expect(model)
        learnt = problem.maximised(model, expectations)
        return Iteration(problem.log_likelihood(expectations), learnt.transition, _means(learnt.emission))

    return iterate


def hmmlearn_model(task: Task, implementation: str, is_flat: bool) -> tuple[Any, dict[str, Array]]:
    """A model of theirs, without priors or with those it comes with; the start by the names of its attributes."""
    from hmmlearn import hmm

    emission, chain = task.start.emission, {"startprob_": task.start.initial, "transmat_": task.start.transition}
    options: dict[str, Any] = {"n_components": task.start.n_states, "implementation": implementation}
    if isinstance(emission, Poisson):
        options |= {"lambdas_prior": 0.0, "lambdas_weight": 0.0} if is_flat else {}
        return hmm.PoissonHMM(**options), {**chain, "lambdas_": _means(emission)}
    if isinstance(emission, Categorical):
        return hmm.CategoricalHMM(**options), {**chain, "emissionprob_": emission.probabilities}
    options |= {"covars_prior": 0.0} if is_flat else {}
    kind = "full" if emission.kind == "full" else "diag"
    spread = emission.covariance if kind == "full" else emission.covariance.reshape(_means(emission).shape)
    return hmm.GaussianHMM(covariance_type=kind, **options), {**chain, "means_": _means(emission), "_covars_": spread}


def hmmlearn(task: Task, implementation: str) -> Iterate:
    peer, parameters = hmmlearn_model(task, implementation, is_flat=True)
    columns, lengths = task.columns, task.lengths
    peer.n_features = columns.shape[1]
    if isinstance(task.start.emission, Categorical):
        peer.n_features = task.start.emission.probabilities.shape[1]

    def iterate() -> Iteration:
        vars(peer).update(parameters)
        statistics, log_likelihood = peer._do_estep(columns, lengths)
        peer._do_mstep(statistics)
        expected = next(getattr(peer, name) for name in ("means_", "lambdas_", "emissionprob_") if hasattr(peer, name))
        return Iteration(log_likelihood, peer.transmat_, expected)

    return iterate


def _dynamax_emission(task: Task, is_flat: bool) -> tuple[str, tuple[int, ...], dict[str, float], dict[str, Array]]:
    """The name of their model, its numbers, what makes its prior flat, and the start by their names."""
    emission, n_dimensions = task.start.emission, task.columns.shape[1]
    if isinstance(emission, Poisson):
        flat = {"emission_prior_concentration": 1.0, "emission_prior_rate": 0.0}
        return "PoissonHMM", (1,), flat if is_flat else {}, {"emission_rates": _means(emission)}
    if isinstance(emission, Categorical):
        flat = {"emission_prior_concentration": 1.0}
        probabilities = emission.probabilities[:, None, :]
        return "CategoricalHMM", (1, probabilities.shape[2]), flat if is_flat else {}, {"emission_probs": probabilities}
    if emission.kind == "full":
        weakest = {"emission_prior_concentration": 1e-9, "emission_prior_scale": 1e-9}  # it refuses a flat one
        start = {"emission_means": emission.mean, "emission_covariances": emission.covariance}
        return "GaussianHMM", (n_dimensions,), weakest if is_flat else {}, start
    flat = {"emission_prior_mean_concentration": 0.0, "emission_prior_concentration": -1.5, "emission_prior_scale": 0.0}
    means = _means(emission)
    start = {"emission_means": means, "emission_scale_diags": np.sqrt(emission.covariance).reshape(means.shape)}
    return "DiagonalGaussianHMM", (n_dimensions,), flat if is_flat else {}, start


def dynamax_model(task: Task, is_flat: bool) -> tuple[Any, Any, Any]:
    """A model of theirs, without priors or with those it comes with, the start, and which parameters are learnt."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from dynamax import hidden_markov_model as models

    name, sizes, flat, of_emission = _dynamax_emission(task, is_flat)
    chain = {"initial_probs_concentration": 1.0, "transition_matrix_concentration": 1.0} if is_flat else {}
    model = getattr(models, name)(task.start.n_states, *sizes, **chain, **flat)
    start = {"initial_probs": task.start.initial, "transition_matrix": task.start.transition, **of_emission}
    parameters, properties = model.initialize(**{name: jax.numpy.asarray(values) for name, values in start.items()})
    return model, parameters, properties


def dynamax(task: Task) -> Iterate:
    import jax

    model, parameters, properties = dynamax_model(task, is_flat=True)
    batch = jax.numpy.asarray(task.columns).reshape(task.n_sequences, -1, task.columns.shape[1])
    state = model.initialize_m_step_state(parameters, properties)

    def step(parameters: Any, batch: Any) -> Any:
        statistics, log_likelihoods = jax.vmap(functools.partial(model.e_step, parameters))(batch)
        learnt, _ = model.m_step(parameters, properties, statistics, state)
        return log_likelihoods.sum(), learnt

    compiled = jax.jit(step).lower(parameters, batch).compile()

    def iterate() -> Iteration:
        log_likelihood, learnt = jax.block_until_ready(compiled(parameters, batch))
        names = [name for name in ("means", "rates", "probs") if hasattr(learnt.emissions, name)]
        expected = np.reshape(getattr(learnt.emissions, names[0]), (task.start.n_states, -1))
        return Iteration(float(log_likelihood), np.asarray(learnt.transitions.transition_matrix), expected)

    return iterate


PEERS: dict[str, tuple[str, Callable[[Task], Iterate]]] = {
    HMMLEARN_SCALING: ("hmmlearn", lambda task: hmmlearn(task, "scaling")),
    HMMLEARN_LOG: ("hmmlearn", lambda task: hmmlearn(task, "log")),
    DYNAMAX: ("dynamax", dynamax),
}


def installed() -> dict[str, Callable[[Task], Iterate]]:
    return {name: prepare for name, (package, prepare) in PEERS.items() if is_installed(package)}


def peers(task: Task) -> dict[str, Iterate]:
    return {name: prepare(task) for name, prepare in installed().items()}


def agree(ours: Iteration, theirs: Iteration) -> bool:
    return all(
        np.shape(x) == np.shape(y) and np.allclose(x, y, rtol=TOLERANCE, atol=TOLERANCE)
        for x, y in zip(ours, theirs, strict=True)
    )


def chain(n_states: int) -> tuple[Array, Array]:
    """An initial distribution that is uniform, and a transition that mostly stays."""
    transition = np.full((n_states, n_states), (1 - STAYS) / (n_states - 1))
    np.fill_diagonal(transition, STAYS)
    return np.full(n_states, 1 / n_states), transition


def task(truth: Any, start: Any, n_steps: int, n_sequences: int = 1) -> Task:
    """Draw from a chain with an emission, and begin to learn from another one."""
    initial, transition = chain(truth.n_states)
    _, observations = hf.HMM(initial, transition, truth).simulate(n_steps, rng=0)
    return Task(hf.HMM(initial, transition, start), observations, n_sequences)
