"""Whole fits: how many steps they take, plain and accelerated, and where those of other libraries fall short."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import hmmfilter as hf
from hmmfilter.emissions import Categorical, Gaussian, Poisson
from hmmfilter.learning import problem
from tests.benchmarks import learners
from tests.benchmarks.effort import Effort
from tests.benchmarks.learners import Task
from tests.benchmarks.peers import DYNAMAX, OURS, is_installed
from tests.benchmarks.problems import Array
from tests.benchmarks.report import NOTHING, markdown, progress
from tests.series import EARTHQUAKES, FEDERAL_FUNDS, MOVEMENTS

HMMLEARN, STATSMODELS = "hmmlearn", "statsmodels"
ITERATIONS = 1000
OFFSET = 1e8
CLOSE = 1e-4  # of what is right


class Fit(NamedTuple):
    """What a library says of each iteration, and where it is after the last one."""

    history: Array
    log_likelihood: float
    transition: Array
    deviations: Array  # of normal states


Fitter = Callable[[Task, int], Fit]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    logging.disable(logging.WARNING)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def ours(task: Task, n_iterations: int, **options: Any) -> Fit:
    fitted = hf.fit(task.start, task.observations, lengths=task.lengths, max_iterations=n_iterations, **options)
    spread = getattr(fitted.model.emission, "covariance", np.empty(0))
    return Fit(fitted.history, fitted.log_likelihood, fitted.model.transition, np.sqrt(spread))


def hmmlearn(task: Task, n_iterations: int, is_flat: bool = False) -> Fit:
    peer, parameters = learners.hmmlearn_model(task, "log", is_flat)
    peer.init_params, peer.n_iter, peer.monitor_.n_iter, peer.monitor_.tol = "", n_iterations, n_iterations, -np.inf
    vars(peer).update(parameters)
    columns, lengths = task.columns, task.lengths
    if isinstance(task.start.emission, Gaussian):
        peer.n_features = columns.shape[1]
    peer.fit(columns, lengths)
    spread = np.asarray(getattr(peer, "_covars_", np.empty(0)))
    return Fit(np.array(peer.monitor_.history), peer.score(columns, lengths), peer.transmat_, np.sqrt(spread.ravel()))


def dynamax(task: Task, n_iterations: int, is_flat: bool = False) -> Fit:
    model, start, properties = learners.dynamax_model(task, is_flat)
    learnt, history = model.fit_em(start, properties, task.columns, num_iters=n_iterations, verbose=False)
    log_likelihood = float(model.marginal_log_prob(learnt, task.columns))
    spread = np.asarray(getattr(learnt.emissions, "scale_diags", np.empty(0)))
    return Fit(np.asarray(history), log_likelihood, np.asarray(learnt.transitions.transition_matrix), spread.ravel())


PEERS: dict[str, Fitter] = {HMMLEARN: hmmlearn, DYNAMAX: dynamax}


def _without_priors(fitter: Fitter) -> Fitter:
    return fitter if fitter is ours else lambda task, n: fitter(task, n, is_flat=True)


@dataclass(frozen=True)
class Question:
    """Something that a fit can get wrong."""

    data: str
    asked: str
    task: Task
    read: Callable[[Fit], float]
    is_right: Callable[[float], bool]
    n_iterations: int = ITERATIONS
    are_flat: bool = False  # the priors


def _largest_fall(fit: Fit) -> float:
    return float(np.max(-np.diff(fit.history), initial=0.0))


def _poisson(observations: Array, *rates: float) -> Task:
    return Task(hf.HMM(*learners.chain(len(rates)), Poisson(rates)), observations)


def _normals(n_states: int, n_steps: int, distance: float = 3.0, offset: float = 0.0, deviation: float = 1.0) -> Task:
    """States so many standard deviations apart; learning begins a little beside the truth."""
    means, variances = offset + deviation * distance * np.arange(n_states), np.full(n_states, deviation**2)
    return learners.task(Gaussian(means, variances), Gaussian(means + 0.3 * deviation, 1.5 * variances), n_steps)


def _left_to_right() -> Task:
    chain = [1.0, 0.0, 0.0], [[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]]
    start = hf.HMM(*chain, Gaussian([0.0, 3.0, 6.0], [1.0, 1.0, 1.0]))
    return Task(start, start.simulate(60, rng=0)[1])


def _never_entered() -> Task:
    """The third state: nothing leads there, and nothing begins there."""
    chain = [0.5, 0.5, 0.0], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.3, 0.3, 0.4]]
    start = hf.HMM(*chain, Gaussian([0.0, 3.0, 6.0], [1.0, 1.0, 1.0]))
    return Task(start, start.simulate(60, rng=0)[1])


def _questions() -> list[Question]:
    quakes, moving = _poisson(EARTHQUAKES, 10, 20, 30), _poisson(MOVEMENTS, 0.2, 3)
    small, far = _normals(3, 40, deviation=0.05), _normals(2, 500, offset=OFFSET)
    best = {id(task): ours(task, ITERATIONS).log_likelihood for task in (quakes, moving, small)}

    def at_top(task: Task) -> Callable[[float], bool]:
        return lambda reached: reached >= best[id(task)] - CLOSE

    def never_falls(fall: float) -> bool:
        return fall <= 1e-9

    near = ours(_normals(2, 500), ITERATIONS).deviations[0]  # the same numbers without the offset
    after = f"after {ITERATIONS:,} iterations, log-likelihood"
    return [
        Question("earthquakes, 3 Poisson states", after, quakes, lambda fit: fit.log_likelihood, at_top(quakes)),
        Question("a fetal lamb, 2 Poisson states", after, moving, lambda fit: fit.log_likelihood, at_top(moving)),
        Question("40 small numbers, 3 normal states", after, small, lambda fit: fit.log_likelihood, at_top(small)),
        Question("the same numbers", "largest fall of what is reported", small, _largest_fall, never_falls),
        Question(
            "60 numbers, 3 states from left to right",
            "zeros of the transition after 10 iterations (4 were given)",
            _left_to_right(),
            lambda fit: float((fit.transition == 0).sum()),
            lambda zeros: zeros >= 3,
            10,
        ),
        Question(
            "60 numbers, a state that is never entered, no priors",
            "log-likelihood after 10 iterations",
            _never_entered(),
            lambda fit: fit.log_likelihood,
            np.isfinite,
            10,
            are_flat=True,
        ),
        Question(
            f"500 numbers at an offset of {OFFSET:.0e}, 2 normal states, no priors",
            "standard deviation of the first",
            far,
            lambda fit: float(fit.deviations.ravel()[0]),
            lambda deviation: abs(deviation / near - 1) < CLOSE,
            are_flat=True,
        ),
    ]


def _said(question: Question, fitter: Fitter) -> str:
    """The number, in bold where it is wrong."""
    run = _without_priors(fitter) if question.are_flat else fitter
    try:
        number = question.read(run(question.task, question.n_iterations))
    except Exception as error:  # a library may raise whatever it likes, and that is its answer
        return f"**{type(error).__name__}**"
    return _shown(number, bool(question.is_right(number)))


def _shown(number: float, is_right: bool) -> str:
    text = "NaN" if np.isnan(number) else f"{number:.8g}".replace("-", "−")
    return text if is_right else f"**{text}**"


def _federal_funds() -> list[str]:
    """Means that switch, one variance, a chain that has settled: what Stata's manual gives is −508.63592."""
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Gaussian([3.0, 10.0], 4.0, kind="tied"))
    best = hf.fit(start, FEDERAL_FUNDS, initial="stationary").log_likelihood
    theirs = NOTHING
    if is_installed(STATSMODELS):
        from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

        by_steps = float(MarkovRegression(FEDERAL_FUNDS, k_regimes=2)._fit_em().llf)
        theirs = _shown(by_steps, by_steps >= best - CLOSE)
    asked = "log-likelihood at the end of EM"
    return ["federal funds rate, 2 normal states, one variance, a settled chain", asked, _shown(best, True), theirs]


def ends(effort: Effort) -> str:
    """Where fits end, by library, as each comes but for the start."""
    names = [name for name in PEERS if is_installed(name)]
    rows = []
    with _silence():
        for question in _questions()[: effort.fits]:
            progress(f"fits: {question.data}")
            said = [_said(question, fitter) for fitter in (ours, *(PEERS[name] for name in names))]
            rows.append([question.data, question.asked, *said, NOTHING])
        if effort.fits is None:
            data, asked, here, theirs = _federal_funds()
            rows.append([data, asked, here, *[NOTHING for _ in names], theirs])
    return (
        "### Where fits end\n\nEach library from the same start, with the priors it comes with where nothing else is "
        f"said (hmmfilter has none), in bold where it is wrong: below the optimum by more than {CLOSE:g}, a fall of "
        "what is reported, zeros of the transition that do not stay.\n\n"
        + markdown(["data", "asked", OURS, *names, STATSMODELS], rows)
    )


def _e_steps(start: hf.HMM, observations: Array, accelerate: bool, **options: Any) -> tuple[int, hf.Fitted]:
    """How many expectation steps a fit takes, of all kinds."""
    with mock.patch.object(problem, "expect", wraps=problem.expect) as expect:
        fitted = hf.fit(start, observations, accelerate=accelerate, max_iterations=20_000, **options)
    return expect.call_count, fitted


def _climbs() -> dict[str, tuple[hf.HMM, Array, dict[str, Any]]]:
    """Starts, observations, and options of fits."""
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(6), (2, 4))
    drawn = [
        ("4 overlapping normal states, 2,000 numbers", _normals(4, 2000, distance=1.5)),
        ("4 categorical states, 2,000 symbols", learners.task(Categorical(chances[0]), Categorical(chances[1]), 2000)),
    ]
    quakes = {len(rates): _poisson(EARTHQUAKES, *rates) for rates in ((10, 30), (10, 20, 30), (10, 15, 20, 30))}
    settled: dict[str, Any] = {"initial": "stationary"}
    return {
        **{f"earthquakes, {n} Poisson states": (task.start, task.observations, {}) for n, task in quakes.items()},
        "earthquakes, 3 Poisson states, a settled chain": (quakes[3].start, EARTHQUAKES, settled),
        "a fetal lamb, 2 Poisson states": (_poisson(MOVEMENTS, 0.2, 3).start, MOVEMENTS, {}),
        **{name: (task.start, task.observations, {}) for name, task in drawn},
    }


def convergence(effort: Effort) -> str:
    """How many expectation steps fits take, plain and accelerated, and whether they end at the same place."""
    rows = []
    for name, (start, observations, options) in list(_climbs().items())[: effort.fits]:
        progress(f"steps of a fit: {name}")
        plain, plain_fit = _e_steps(start, observations, False, **options)
        quick, quick_fit = _e_steps(start, observations, True, **options)
        ended = quick_fit.objective - plain_fit.objective
        rows.append([name, f"{plain:,}", f"{quick:,}", f"{plain / quick:.1f} ×", f"{ended:+.1e}".replace("-", "−")])
    return (
        "### Steps to convergence\n\nExpectation steps of a whole fit from the same start, to the same tolerance, and "
        "what the accelerated one ends above the plain one.\n\n"
        + markdown(["", "plain", "accelerated", "ratio", "accelerated − plain"], rows)
    )
