"""The log-likelihoods of observations, beside hmmlearn's, and a stream that takes them one at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import hmmfilter as hf
from hmmfilter.emissions import Categorical, Emission, Gaussian, Poisson
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import is_installed
from tests.benchmarks.problems import Array
from tests.benchmarks.report import Section, Target, brief, markdown, progress, times
from tests.benchmarks.timing import affordable_medians

STATES, DIMENSIONS, MANY_DIMENSIONS, SYMBOLS = 4, 4, 13, 10
SHARE_MISSING = 0.1
MOST_AN_ENTRY, MOST_A_STEP, MOST_OVER_COMPLETE, MOST_TO_OBSERVE = 10, 60, 3, 6
OURS, THEIRS = "hmmfilter", "hmmlearn"
COUNTS, FULL, PARTIAL = (
    "Poisson",
    f"normal, full, {DIMENSIONS}-D",
    f"normal, full, {MANY_DIMENSIONS}-D, a tenth missing",
)
COMPLETE = f"normal, full, {MANY_DIMENSIONS}-D"


@dataclass(frozen=True)
class Case:
    emission: Emission
    observations: Array
    peer: Callable[[], Array] | None = None  # hmmlearn's, ready for the same observations


def _covariances(rng: np.random.Generator, n_dimensions: int, n_matrices: int) -> Array:
    """Symmetric and positive definite, with eigenvalues of about 1."""
    factors = rng.normal(size=(n_matrices, n_dimensions, 2 * n_dimensions))
    return factors @ factors.transpose(0, 2, 1) / (2 * n_dimensions)


def _hmmlearn(model: str, observations: Array, **attributes: object) -> Callable[[], Array] | None:
    if not is_installed("hmmlearn"):
        return None
    from hmmlearn import hmm

    options = {"covariance_type": attributes.pop("covariance_type")} if "covariance_type" in attributes else {}
    peer = getattr(hmm, model)(STATES, **options)
    for name, value in attributes.items():
        setattr(peer, name, value)
    columns = observations.reshape(len(observations), -1)
    return lambda: peer._compute_log_likelihood(columns)


def cases(n_steps: int) -> dict[str, Case]:
    rng = np.random.default_rng(0)
    rates, counts = np.array([0.5, 2.0, 7.0, 30.0]), rng.poisson(7, n_steps)
    chances, symbols = rng.dirichlet(np.ones(SYMBOLS), STATES), rng.integers(0, SYMBOLS, n_steps)
    numbers, means = rng.normal(size=n_steps), np.arange(STATES) / 2
    vectors, centres = rng.normal(size=(n_steps, DIMENSIONS)), rng.normal(size=(STATES, DIMENSIONS))
    variances, full = rng.uniform(0.5, 2, (STATES, DIMENSIONS)), _covariances(rng, DIMENSIONS, STATES)
    long_vectors, far_centres = rng.normal(size=(n_steps, MANY_DIMENSIONS)), rng.normal(size=(STATES, MANY_DIMENSIONS))
    long_full = _covariances(rng, MANY_DIMENSIONS, STATES)
    partial = np.where(rng.random(long_vectors.shape) < SHARE_MISSING, np.nan, long_vectors)

    def normal(kind: str, observations: Array, mean: Array, covariance: Array) -> Case:
        names = {"variances": "diag", "full": "full", "tied": "tied"}
        peer = _hmmlearn(
            "GaussianHMM",
            observations,
            covariance_type=names[kind],
            n_features=mean.shape[1],
            means_=mean,
            covars_=covariance,
        )
        return Case(Gaussian(mean, covariance, kind=kind), observations, peer)

    return {
        COUNTS: Case(Poisson(rates), counts, _hmmlearn("PoissonHMM", counts, n_features=1, lambdas_=rates[:, None])),
        f"categorical, {SYMBOLS} symbols": Case(
            Categorical(chances),
            symbols,
            _hmmlearn("CategoricalHMM", symbols, n_features=SYMBOLS, emissionprob_=chances),
        ),
        "normal": Case(Gaussian(means, np.ones(STATES)), numbers),
        f"normal, variances, {DIMENSIONS}-D": normal("variances", vectors, centres, variances),
        f"normal, tied, {DIMENSIONS}-D": normal("tied", vectors, centres, full[0]),
        FULL: normal("full", vectors, centres, full),
        COMPLETE: normal("full", long_vectors, far_centres, long_full),
        PARTIAL: Case(Gaussian(far_centres, long_full, kind="full"), partial),
    }


def _table(effort: Effort) -> tuple[str, list[Target]]:
    rows, nanoseconds = [], {}
    for name, case in cases(effort.density_steps).items():
        progress(f"log-likelihoods: {name}")
        calls: dict[str, Callable[[], object]] = {
            OURS: lambda case=case: case.emission.log_likelihoods(case.observations)
        }
        if case.peer:
            np.testing.assert_allclose(calls[OURS](), case.peer(), rtol=1e-8, atol=1e-8)
            calls[THEIRS] = case.peer
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seconds = affordable_medians(calls, effort, patience=10)
        found = {library: 1e9 * time / effort.density_steps for library, time in seconds.items()}
        nanoseconds[name] = found[OURS]
        theirs = [brief(found[THEIRS]), times(found[THEIRS] / found[OURS])] if THEIRS in found else [times(None)] * 2
        rows.append([name, brief(found[OURS]), *theirs])
    a_count, partial = nanoseconds[COUNTS] / STATES, nanoseconds[PARTIAL] / nanoseconds[COMPLETE]
    targets = [
        Target(f"log-likelihoods, {COUNTS}, of one entry", a_count, MOST_AN_ENTRY, at_least=False, unit="ns"),
        Target(f"log-likelihoods, {FULL}, of one step", nanoseconds[FULL], MOST_A_STEP, at_least=False, unit="ns"),
        Target(f"log-likelihoods, {PARTIAL}: over complete", partial, MOST_OVER_COMPLETE, at_least=False),
    ]
    return markdown(["", OURS, THEIRS, "hmmlearn over hmmfilter"], rows), targets


def _stream(effort: Effort) -> tuple[str, list[Target]]:
    emissions = {
        "normal": (Gaussian(np.arange(STATES) / 2, np.ones(STATES)), 0.3),
        COUNTS: (Poisson([0.5, 2.0, 7.0, 30.0]), 4),
    }
    texts, targets = [], []
    for name, (emission, observation) in emissions.items():
        progress(f"observe: {name}")
        stream = hf.HMM(np.full(STATES, 1 / STATES), np.full((STATES, STATES), 1 / STATES), emission).online()
        stream.observe(observation)
        call = {OURS: lambda stream=stream, observation=observation: stream.observe(observation)}
        took = 1e6 * affordable_medians(call, effort)[OURS]
        texts.append(f"{name} {brief(took)} µs")
        targets.append(Target(f"a stream's observe, {name}", took, MOST_TO_OBSERVE, at_least=False, unit="µs"))
    return f"`OnlineFilter.observe`: {', '.join(texts)}.", targets


def section(effort: Effort) -> Section:
    parts = [_table(effort), _stream(effort)]
    return Section(
        "Densities",
        f"`log_likelihoods` of {effort.density_steps:,} observations in {STATES} states, nanoseconds an "
        "observation.\n\n" + "\n\n".join(text for text, _ in parts),
        [target for _, targets in parts for target in targets],
    )
