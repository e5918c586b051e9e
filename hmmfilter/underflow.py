"""Underflow as a lesson, as ``hmmfilter underflow`` tells it: one sequence filtered four ways, and traps for repairs.

The first part watches α_t(k) = p(h_t = k, v_1:t) die in float32 and in float64, beside the scaled recursion and the
log-sum-exp, which live on. The second part shows that living on is not enough: small inputs on which scaling, an
epsilon and the exp-dot-log shortcut give finite, plausible, wrong answers. Nothing here is for use; see
`hmmfilter.naive` for the recursions, and `hmmfilter.forward_filter` for the one that is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, naive
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Categorical
from hmmfilter.filtering import forward_filter
from hmmfilter.model import HMM
from hmmfilter.results import Filtered
from hmmfilter.results.printing import aligned, four_decimals

__all__ = ["FourWays", "Trap", "casino", "compare", "roll", "tell", "traps"]

Run = Filtered | naive.NaiveFiltered | naive.ScaledFiltered

EPSILON = 1e-15
TOLERANCE = 1e-6  # beyond which, absolute and relative, an answer is wrong
NAME_LETTERS = 20  # of a state, in a heading

STORY = """\
{} in a casino that cheats now and then: a fair die, or a loaded one that shows a six half
of the time. After each roll the fair one stays with probability .95, the loaded one with .90, and
nobody sees which it is."""

RECURSION = """\
One recursion says all that is known at step t,

    α_t(j) = p(v_t | h_t = j) Σ_i α_t-1(i) p(h_t = j | h_t-1 = i),

since p(v_1:t) = Σ_j α_t(j) and p(h_t = j | v_1:t) = α_t(j) / Σ_k α_t(k). Here it is, four ways:

  float32, float64  as it stands, in numbers of 4 bytes and of 8
  scaled            in float64, each α_t divided by its sum, the logs of the sums added up (Rabiner)
  log space         log α_t, by log-sum-exp: exact
"""

DIGITS_NOTE = """\
Steps count from 0. Right digits: of the probabilities of the states, where they are worst.
"""

DEATH_NOTE = """\
0/0: every α is zero, and nothing can be said any more. Just before its death a bare recursion
still gives probabilities, and they are wrong.
"""

DEATHS_NOTE = """\
Predicted: after log(number) / (mean log p(v_t | v_1:t-1)) steps, where the mean is {mean:.4f} here,
for the smallest number that has all its digits, and for the smallest of all. Between the two,
numbers are subnormal, and lose a digit with each factor of ten: from 1.2e-38 to 1.4e-45 in
float32, from 2.2e-308 to 4.9e-324 in float64.
"""

TRAPS_NOTE = """\
So scaling keeps the recursion alive. That does not make it right: paths that a row has lost never
come back, and then the answer is finite, plausible and wrong (*). So it is with two other repairs:

  + 1e-15      scaled, with 1e-15 added to each α before the division
  exp-dot-log  log b + m + log(exp(log α - m) A): in logs, but with one m = max log α for all states

Of each case, log p is the log-likelihood, and p(h_T) how probable a yes to the question is after
the last step. A nat is a factor of e: 800 nats for a state are a likelihood e^800 times as large.
"""

TRAPS_MORAL = """\
* wrong by more than 1e-06; dead: -inf or NaN

  scaled       a product below 5e-324 is 0, and all paths through it are gone, whatever comes
  + 1e-15      no state falls below 1e-15, whatever speaks against it: evidence is forgotten, and
               what is impossible becomes possible
  exp-dot-log  exp(-746) is 0: lost as in scaling, logs or no logs
  exact        log Σ_i exp(x_i) = m + log Σ_i exp(x_i - m), x_i = log α(i) + log A(i, j), with an
               m = max x_i for each j
"""


def casino() -> HMM:
    """Make the occasionally dishonest casino: a fair die, and one that shows a six half of the time.

    Returns
    -------
    HMM
        With the states "fair" and "loaded".

    References
    ----------
    Durbin, Eddy, Krogh and Mitchison, *Biological Sequence Analysis* (1998), section 3.1.

    Examples
    --------
    >>> from hmmfilter import underflow
    >>> underflow.casino().transition
    array([[0.95, 0.05],
           [0.1 , 0.9 ]])
    """
    dice = Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]])
    return HMM([0.5, 0.5], [[0.95, 0.05], [0.10, 0.90]], dice, ["fair", "loaded"])


@dataclass(frozen=True, eq=False, kw_only=True)
class FourWays:
    """One sequence filtered four ways.

    Attributes
    ----------
    state_names : tuple of str, (K,)
        What the states are called.
    single, double : NaiveFiltered
        The bare recursion in float32 and in float64.
    scaled : ScaledFiltered
        The recursion with each row divided by its sum, in float64.
    exact : Filtered
        The recursion in log space.
    """

    state_names: tuple[str, ...]
    single: naive.NaiveFiltered
    double: naive.NaiveFiltered
    scaled: naive.ScaledFiltered
    exact: Filtered

    @property
    def bare(self) -> dict[str, naive.NaiveFiltered]:
        """The two ways that die, by name."""
        return {"float32": self.single, "float64": self.double}

    @property
    def runs(self) -> dict[str, Run]:
        """The four ways, by name."""
        return {**self.bare, "scaled": self.scaled, "log space": self.exact}

    def log10_likelihoods(self) -> dict[str, FloatArray]:
        """Compute log10 p(v_1:t) at each step, each way; −inf where it has died.

        Returns
        -------
        dict of ndarray, (T,)
            By the name of the way.
        """
        with np.errstate(all="ignore"):
            logs = [np.log(run.alpha.sum(axis=1, dtype=float)) for run in self.bare.values()]
            logs += [np.cumsum(np.log(self.scaled.scales)), np.cumsum(self.exact.log_increments)]
        return {way: log / math.log(10) for way, log in zip(self.runs, logs, strict=True)}

    def right_digits(self) -> dict[str, FloatArray]:
        """Count the decimal digits of p(h_t = k | v_1:t) that are right in the worst state, at each step.

        Returns
        -------
        dict of ndarray, (T,)
            By the name of the bare ways: from 0 to what the kind of number holds.
        """
        return {way: _right_digits(run, self.exact) for way, run in self.bare.items()}

    def predicted_steps(self) -> dict[str, tuple[float, float]]:
        """Predict after how many steps α gets subnormal, and zero: log of the smallest over the mean log increment.

        Returns
        -------
        dict of tuple
            By the name of the bare ways; infinite where α does not shrink.
        """
        mean = float(self.exact.log_increments.mean())
        floors = {way: np.finfo(run.alpha.dtype) for way, run in self.bare.items()}
        return {
            way: (_steps_down_to(float(floor.tiny), mean), _steps_down_to(float(floor.smallest_subnormal), mean))
            for way, floor in floors.items()
        }


def _right_digits(run: naive.NaiveFiltered, exact: Filtered) -> FloatArray:
    truth = exact.probabilities
    with np.errstate(all="ignore"):
        errors = np.abs(run.probabilities.astype(float) / truth - 1.0)
        digits = -np.log10(np.where(truth > 0, errors, 0.0).max(axis=1))
    most: float = -math.log10(float(np.finfo(run.alpha.dtype).eps) / 2)
    counts: FloatArray = np.nan_to_num(digits, nan=0.0, posinf=most).clip(0.0, most) + 0.0  # and no −0
    return counts


def _steps_down_to(floor: float, mean: float) -> float:
    return math.log(floor) / mean if mean < 0 else math.inf


def compare(model: HMM, observations: npt.ArrayLike) -> FourWays:
    """Filter one sequence four ways.

    Parameters
    ----------
    model : HMM
        The chain and its emission.
    observations : array_like, (T,) or (T, D)
        What the emission takes; NaN or None where missing.

    Returns
    -------
    FourWays
        ``single``, ``double``, ``scaled``, ``exact``.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path through the states can have produced the observations.
    ValueError, TypeError
        Where the emission does not take the observations, or a density is above 1.8e308, the largest double.

    Examples
    --------
    >>> from hmmfilter import underflow
    >>> ways = underflow.compare(underflow.casino(), [5] * 200)
    >>> ways.single.first_zero, ways.double.first_zero, ways.scaled.first_lost
    (129, None, None)
    """
    log_likelihoods = _checks.log_likelihoods(model.emission, observations, model.n_states)
    exact = forward_filter(model.log_initial, model.log_transition, log_likelihoods)
    tables = model.initial, model.transition, _checks.linear_likelihoods(log_likelihoods)
    return FourWays(
        state_names=model.state_names,
        single=naive.forward_filter(*tables, dtype=np.float32),
        double=naive.forward_filter(*tables),
        scaled=naive.scaled_forward_filter(*tables),
        exact=exact,
    )


def roll(n_rolls: int, seed: int) -> FourWays:
    """Roll the dice of the casino, and filter what they show four ways.

    Parameters
    ----------
    n_rolls : int
        How many.
    seed : int
        For `HMM.simulate`.

    Returns
    -------
    FourWays
        ``single``, ``double``, ``scaled``, ``exact``.

    Examples
    --------
    >>> from hmmfilter import underflow
    >>> underflow.roll(100, seed=7).single
    NaiveFiltered: 100 steps, 2 states, float32, likelihood 0.0; α subnormal from step 49 on, zero from step 59 on
    """
    model = casino()
    _, observations = model.simulate(_checks.step_count("rolls", n_rolls, 1), rng=seed)
    return compare(model, observations)


@dataclass(frozen=True, eq=False, kw_only=True)
class Trap:
    """A small input on which repairs are wrong.

    Attributes
    ----------
    setting, name, question : str
        What the states are, in a sentence; what is seen; and what is asked of the last step.
    log_initial, log_transition, log_likelihoods : ndarray, (K,), (K, K), (T, K)
        The tables.
    state : int
        The state whose probability at the end is asked for.
    """

    setting: str
    name: str
    question: str
    log_initial: FloatArray
    log_transition: FloatArray
    log_likelihoods: FloatArray
    state: int

    def answers(self) -> list[tuple[float, float]]:
        """Ask for the log-likelihood and for p(h_T = state | v_1:T).

        Returns
        -------
        list of tuple
            What is exact, and what the scaled recursion, the same with 1e-15 added, and the exp-dot-log shortcut say.
        """
        logs = self.log_initial, self.log_transition, self.log_likelihoods
        tables = [np.exp(table) for table in logs]
        runs: list[Filtered | naive.ScaledFiltered | naive.ExpDotLogFiltered] = [
            forward_filter(*logs),
            naive.scaled_forward_filter(*tables),
            naive.scaled_forward_filter(*tables, epsilon=EPSILON),
            naive.exp_dot_log_forward_filter(*logs),
        ]
        return [(float(run.log_likelihood), float(run.probabilities[-1, self.state])) for run in runs]


def traps() -> list[Trap]:
    """Set the traps.

    Returns
    -------
    list of Trap
        Each of the three repairs is finite and wrong in more than one.

    Examples
    --------
    >>> from hmmfilter import underflow
    >>> trap = underflow.traps()[0]
    >>> print(trap.name, [round(probability, 4) for _, probability in trap.answers()])
    30 heads, then 30 tails [0.5, 0.5, 1.0, 0.5]
    """
    never = -np.inf
    either, fixed = [0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]]
    heads, tails = np.log([[0.9, 0.1]]), np.log([[0.1, 0.9]])
    one_way = [[1.0, 1e-200, 0.0], [0.0, 1.0, 1e-200], [0.0, 0.0, 1.0]]
    stay = [[-200.0, -200.0, 0.0]]
    settings: list[tuple[str, str, str, Any, Any, Any, int]] = [
        ("Two coins: one shows heads with probability .9, the other with .1. One is taken, and tossed.",
         "30 heads, then 30 tails", "is it the one with .1 for heads?",
         either, fixed, [*heads] * 30 + [*tails] * 30, 1),
        ("The same coins, and longer runs.",
         "400 heads, then 420 tails", "the same question",
         either, fixed, [*heads] * 400 + [*tails] * 420, 1),
        ("Two states, and no way from one to the other.",
         "800 nats for one, then for the other", "is it the second?",
         either, fixed, [[0.0, -800.0], [-800.0, 0.0]], 1),
        ("The same two states, and what is seen last is impossible in the first.",
         "744 nats behind, then the only one", "is it the second?",
         either, fixed, [[0.0, -744.0], [never, 0.0]], 1),
        ("A move of probability 1e-300, once and for all; after it, eight steps are 100 nats likelier each.",
         "a move of 1e-300 that pays off", "was it made?",
         [1.0, 0.0], [[1.0, 1e-300], [0.0, 1.0]], [[0.0, 0.0]] + [[-100.0, 0.0]] * 8, 1),
        ("Two of probability 1e-200, one after the other; after both, six steps are 200 nats likelier each.",
         "two moves of 1e-200, one by one", "were both made?",
         [1.0, 0.0, 0.0], one_way, [[0.0, 0.0, 0.0]] * 3 + stay * 6, 2),
    ]  # fmt: skip
    with np.errstate(divide="ignore"):
        return [
            Trap(
                setting=setting,
                name=name,
                question=question,
                log_initial=np.log(initial),
                log_transition=np.log(transition),
                log_likelihoods=np.array(log_likelihoods),
                state=state,
            )
            for setting, name, question, initial, transition, log_likelihoods, state in settings
        ]


def tell(ways: FourWays, opening: str) -> str:
    """Tell the lesson: the way down, the deaths and the prediction, and the traps.

    Parameters
    ----------
    ways : FourWays
        What happened.
    opening : str
        What the sequence is.

    Returns
    -------
    str
        Lines of at most 100 letters, where the opening and the last state's name are short.
    """
    mean = float(ways.exact.log_increments.mean())
    has_death = ways.single.first_zero is not None  # float64 dies later
    parts = [
        f"{opening}\n\n{RECURSION}",
        _join(_way_down(ways)) + f"\n{DIGITS_NOTE}" + DEATH_NOTE * has_death,
        _join(aligned(_death_table(ways))) + f"\n{DEATHS_NOTE.format(mean=mean)}",
        TRAPS_NOTE,
        _join(_trap_lines(traps())) + f"\n{TRAPS_MORAL}",
    ]
    return "\n".join(parts)


def _join(lines: Iterable[str]) -> str:
    return "".join(f"{line.rstrip(' ')}\n" for line in lines)


def _shown_steps(ways: FourWays) -> list[int]:
    """A few steps from the first to the last, and those on which something happens."""
    n_steps = len(ways.exact.log_increments)
    steps = {*range(0, n_steps, math.ceil(n_steps / 5)), n_steps - 1}
    for run in ways.bare.values():
        if run.first_subnormal is not None:
            end = n_steps - 1 if run.first_zero is None else run.first_zero
            begin = run.first_subnormal
            steps |= {begin + (end - begin) * quarter // 4 for quarter in range(5)} | {max(begin, end - 1)}
    return sorted(steps)


def _way_down(ways: FourWays) -> list[str]:
    logs, digits, state = ways.log10_likelihoods(), ways.right_digits(), len(ways.state_names) - 1
    cells = [["step", *ways.runs, *ways.runs, *digits]]
    for t in _shown_steps(ways):
        probabilities = {way: float(run.probabilities[t, state]) for way, run in ways.runs.items()}
        cells.append(
            [str(t), *(_cell(log[t], 2) for log in logs.values())]
            + [
                "0/0" if math.isnan(p) and logs[way][t] == -math.inf else _cell(p, 4)
                for way, p in probabilities.items()
            ]
            + [str(math.floor(count[t])) for count in digits.values()]
        )
    lines = aligned(cells)
    name = ways.state_names[state]
    name = f"state {name}" if name.isdecimal() else name
    groups = ["log10 p(v_1:t)", f"p({name:.{NAME_LETTERS}} | v_1:t)", "right digits"]
    widths = [max(len(row[c]) for row in cells) + 2 for c in range(len(cells[0]))]
    heading = " " * (widths[0] - 2)
    for group, columns in zip(groups, (slice(1, 5), slice(5, 9), slice(9, 11)), strict=True):
        heading += "  " + f" {group} ".center(sum(widths[columns]) - 2, "-")
    return [heading, *lines]


def _cell(number: float, n_decimals: int) -> str:
    if math.isfinite(number):
        return f"{number:.{n_decimals}f}"
    return "inf" if number > 0 else "-inf" if number < 0 else "NaN"


def _death_table(ways: FourWays) -> list[list[str]]:
    """When digits go, when all is zero, and when both were to be expected."""
    logs, predicted = ways.log10_likelihoods(), ways.predicted_steps()
    rows = [["way".ljust(9), "digits go from", "predicted", "all zero from", "predicted", "log p(v_1:T)"]]
    for way in ways.runs:
        words = ["never", "", "never", ""]
        if way in ways.bare:
            deaths = ways.bare[way].first_subnormal, ways.bare[way].first_zero
            words[::2] = ("never" if step is None else f"step {step}" for step in deaths)
            words[1::2] = ("never" if count == math.inf else f"after {count:.0f}" for count in predicted[way])
        last = float(logs[way][-1]) * math.log(10)
        rows.append([way.ljust(9), *words, four_decimals(last) if math.isfinite(last) else "dead"])
    return rows


def _trap_lines(cases: list[Trap]) -> list[str]:
    """For each its setting, and two lines of numbers, after a blank one."""
    width = max(len(words) for trap in cases for words in (trap.name, trap.question))
    cells = [["".ljust(width), "asked ", "exact", "scaled  ", "+ 1e-15  ", "exp-dot-log  "]]
    for trap in cases:
        logs, probabilities = zip(*trap.answers(), strict=True)
        cells.append([trap.name.ljust(width), "log p ", *_marked(logs, 2)])
        cells.append([trap.question.ljust(width), "p(h_T)", *_marked(probabilities, 4)])
    heading, *lines = aligned(cells)
    settings = [trap.setting for trap in cases]
    blank = [""] * len(cases)
    return [heading, *itertools.chain.from_iterable(zip(blank, settings, lines[::2], lines[1::2], strict=True))]


def _marked(answers: Sequence[float], n_decimals: int) -> list[str]:
    """The exact answer, and the others, with a star where they are wrong."""
    exact, *others = answers
    marks = ["  " if math.isclose(answer, exact, rel_tol=TOLERANCE, abs_tol=TOLERANCE) else " *" for answer in others]
    words = [f"{answer:.{n_decimals}f}" if math.isfinite(answer) else "dead" for answer in others]
    return [f"{exact:.{n_decimals}f}", *map(str.__add__, words, marks)]
