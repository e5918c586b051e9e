"""Where libraries are wrong: hostile inputs, the exact answer by mpmath, and what each library says as it comes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np

from tests import oracle
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import FILTER, OURS, SMOOTH, VITERBI, Answer, Calls, installed_peers, ours
from tests.benchmarks.problems import Problem
from tests.benchmarks.report import NOTHING, Section, markdown, progress
from tests.cases import NEVER, logs

TOLERANCE = 1e-6
HALVES = logs([0.5, 0.5])
STAY = logs(np.eye(2))
SWITCH_SOMETIMES = logs([[0.9, 0.1], [0.1, 0.9]])


@dataclass(frozen=True)
class Case:
    name: str
    problem: Problem
    step: int  # of the probability that is asked for
    state: int


def _hopeless_survivor() -> Case:
    """The second state is 737 nats, 1e-320, behind when it becomes the only possible one."""
    log_likelihoods = np.array([[0.0, -737.0], [NEVER, 0.0]])
    return Case("1e-320 behind, then the only one left", Problem((HALVES, STAY, log_likelihoods)), 0, 1)


def _rare_transition() -> Case:
    log_transition = logs([[1.0, 1e-300], [0.0, 1.0]])
    log_likelihoods = np.array([[0.0, -5.0], [-1000.0, 0.0], [-1000.0, 0.0]])
    return Case(
        "a transition of 1e-300 that has to be", Problem((logs([1.0, 0.0]), log_transition, log_likelihoods)), 1, 1
    )


def _contradiction() -> Case:
    log_likelihoods = np.array([[0.0, -800.0], [-800.0, 0.0]])
    return Case("800 nats for one state, then for the other", Problem((HALVES, STAY, log_likelihoods)), 0, 0)


def _sixty_against() -> Case:
    """What looks harmless: no likelihood ratio beyond e."""
    for_first, for_second = np.array([[0.0, -1.0]]), np.array([[-1.0, 0.0]])
    log_likelihoods = np.concatenate([for_first.repeat(60, axis=0), for_second.repeat(60, axis=0)])
    return Case("two coins: 60 tosses for one, 60 for the other", Problem((HALVES, STAY, log_likelihoods)), 30, 1)


def _gaps() -> Case:
    log_likelihoods = np.where(np.add.outer(np.arange(6), np.arange(2)) % 2, -1000.0, -1.0)
    return Case("gaps of 1,000 nats, in turn", Problem((HALVES, SWITCH_SOMETIMES, log_likelihoods)), 3, 0)


def _all_far_down() -> Case:
    """Such as log-densities in a hundred dimensions."""
    log_likelihoods = np.array([[-1000.0, -1001.0], [-1002.0, -1000.0], [-1000.0, -1001.0]])
    return Case("all likelihoods of e^−1000", Problem((HALVES, SWITCH_SOMETIMES, log_likelihoods)), 1, 1)


def _left_to_right() -> Case:
    """Each state 40 nats below the one before, and at the last step only the last state is possible."""
    n_steps, n_states = 8, 6
    transition = 0.9 * np.eye(n_states) + 0.1 * np.eye(n_states, k=1)
    transition[-1, -1] = 1.0
    log_likelihoods = np.tile(-40.0 * np.arange(n_states), (n_steps, 1))
    log_likelihoods[-1, :-1] = NEVER
    problem = Problem((logs(np.eye(n_states)[0]), logs(transition), log_likelihoods))
    return Case("left to right, the last state must be reached", problem, 6, 4)


def _large_logs() -> Case:
    """Such as log-densities of a sharp sensor far from its mean."""
    log_likelihoods = np.random.default_rng(0).normal(-1e12, 1.0, (60, 2))
    return Case("logs of −1e12 a step", Problem((HALVES, SWITCH_SOMETIMES, log_likelihoods)), 30, 0)


CASES = (
    _sixty_against,
    _contradiction,
    _hopeless_survivor,
    _rare_transition,
    _left_to_right,
    _gaps,
    _all_far_down,
    _large_logs,
)


@dataclass(frozen=True)
class Question:
    asked: str
    task: str
    read: Callable[[Answer], float]
    exact: mpmath.mpf


def _questions(case: Case) -> list[Question]:
    exact = oracle.recursions(*case.problem.tables)
    last, step, state = case.problem.n_steps - 1, case.step, case.state
    with mpmath.workdps(oracle.DIGITS):
        log_likelihood = mpmath.fsum(map(mpmath.log, exact.increments))
        log_joint = mpmath.log(exact.best_joint)
    return [
        Question("log-likelihood", FILTER, lambda answer: answer[0], log_likelihood),
        Question(
            f"filter: p({state}) at {last}", FILTER, lambda answer: answer[1][-1, state], exact.filtered[-1][state]
        ),
        Question(
            f"smoother: p({state}) at {step}",
            SMOOTH,
            lambda answer: answer[1][step, state],
            exact.smoothed[step][state],
        ),
        Question("log-joint of the best path", VITERBI, lambda answer: _log_joint(case.problem, answer), log_joint),
    ]


def _log_joint(problem: Problem, answer: Answer) -> float:
    """What is said of the path, or else what the path has."""
    said, path = answer
    return problem.log_joint(np.asarray(path)) if said is None else float(said)


def _shown(number: float) -> str:
    return "NaN" if np.isnan(number) else f"{number:.6g}".replace("-", "−")


def _said(question: Question, calls: Calls) -> str:
    """The number, in bold where it is wrong."""
    if question.task not in calls:
        return NOTHING
    try:
        number = float(question.read(calls[question.task]()))
    except Exception as error:  # a library may raise whatever it likes, and that is its answer
        return f"**{type(error).__name__}**"
    right = np.isclose(number, float(question.exact), TOLERANCE, TOLERANCE)
    return _shown(number) if right else f"**{_shown(number)}**"


def _rows(case: Case, prepared: Sequence[Calls]) -> list[list[str]]:
    rows = [
        ["", question.asked, _shown(float(question.exact)), *(_said(question, calls) for calls in prepared)]
        for question in _questions(case)
    ]
    rows[0][0] = case.name
    return rows


def section(effort: Effort) -> Section:
    makers = {OURS: ours, **installed_peers()}
    rows: list[list[str]] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for draw in CASES[: effort.hostile_inputs]:
            case = draw()
            progress(f"right or wrong: {case.name}")
            rows += _rows(case, [prepare(case.problem) for prepare in makers.values()])
    return Section(
        "Where libraries are wrong",
        f"Small hostile inputs, and the exact answer in {oracle.DIGITS} digits. In bold what is wrong by more than "
        f"{TOLERANCE:g}; errors by their name; a dash where a library has no such routine. p(k) at t is "
        "the probability of state k at step t, both from 0; dynamax says no log-joint, so this is that of its path.\n\n"
        + markdown(["input", "asked", "exact", *makers], rows),
    )
