"""Compiling on purpose, so that nobody waits later: in images of containers, in classes, on clusters."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmfilter import _checks, decoding, filtering, lse, naive, sampling, smoothing
from hmmfilter._arrays import FloatArray
from hmmfilter._drivers.expectations import expect
from hmmfilter._kernels.limits import FEW_STATES
from hmmfilter._tiers import kernels
from hmmfilter._ways import ways_of
from hmmfilter.emissions import (
    Bernoulli,
    Beta,
    Binomial,
    Gamma,
    Gaussian,
    Laplace,
    LogNormal,
    Multinomial,
    NegativeBinomial,
    Poisson,
    Regression,
    StudentT,
    VonMises,
    Weibull,
    WrappedCauchy,
)
from hmmfilter.results.printing import counted
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter, OnlineViterbi
from hmmfilter.transitions import Durations, StayOrJump

STATES = (2, 3, 4, 16)
STEPS, MANY = 5, 16  # of what is filtered and smoothed for it, and how many sequences are, at once

Chain = tuple[FloatArray, Any, FloatArray]


def filter_and_read(chain: Chain) -> list[FloatArray]:
    """Filter, into an array of the caller's, too, and read all that is found."""
    for is_in_logs in (False, True):
        filtering.forward_filter(*chain, out=np.empty(chain[2].shape), out_logs=is_in_logs)
    found = filtering.forward_filter(*chain)
    return [found.log_probabilities, found.probabilities, found.log_increments]


def update_and_restore(chain: Chain) -> None:
    """Take rows one by one, and go on from where that led."""
    log_initial, log_transition, rows = chain
    stream = OnlineFilter(log_initial, log_transition)
    for row in rows:
        stream.update(row, log_transition=log_transition)
    OnlineFilter.restore(stream.snapshot(), log_transition).update_block(rows)


def smooth_with_lag(chain: Chain) -> None:
    """Smooth as rows come."""
    log_initial, log_transition, rows = chain
    stream = FixedLagSmoother(log_initial, log_transition, lag=2)
    for row in rows:
        stream.update(row)


def decode_as_it_comes(chain: Chain) -> None:
    """Decode rows as they come."""
    log_initial, log_transition, rows = chain
    stream = OnlineViterbi(log_initial, log_transition)
    for row in rows:
        stream.update(row)
    stream.flush()


def smooth_many(chain: Chain) -> None:
    """Smooth so many sequences, of states that are near each other, that they are taken together."""
    log_initial = chain[0]
    near, rows = np.tile(log_initial, (len(log_initial), 1)), np.zeros((MANY * STEPS, len(log_initial)))
    smoothing.smooth(log_initial, near, rows, lengths=[STEPS] * MANY)


class Unseen:
    """Observations of which nothing is known, and of which nothing is kept."""

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """All states are as likely."""
        table[:] = 0.0

    def sums(self) -> FloatArray:
        """None."""
        return np.zeros((2, 0))

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Nothing."""


def expect_moves(chain: Chain) -> None:
    """A step of learning."""
    log_initial = chain[0]
    near, one = np.tile(log_initial, (len(log_initial), 1)), np.ones(1)
    expect(log_initial, near, np.array([0, STEPS]), one, Unseen(), 1, False)


def last_long(chain: Chain) -> None:
    """All that is asked of sojourns with durations."""
    log_initial, _, rows = chain
    n_states = len(log_initial)
    lasting = Durations(np.full((n_states, 2), 0.5), np.full((n_states, n_states), 1 / n_states), normalize=True)
    many = np.tile(rows, (60, 1))
    for door in (smoothing.smooth, smoothing.expected_transitions, decoding.viterbi):
        door(log_initial, lasting, many)
    sampling.sample_paths(log_initial, lasting, many, size=2)


def sum_up(chain: Chain) -> None:
    """Log-sum-exps with weights, with signs and without."""
    rows = chain[2]
    for weights in (None, np.ones(rows.shape)):
        lse.logsumexp(rows, axis=1, weights=weights)
        lse.logcumsumexp(rows, axis=1, weights=weights)
    lse.logsumexp(rows, axis=1, weights=-np.ones(rows.shape), return_sign=True)


def weigh_observations(chain: Chain) -> None:
    """Log-densities of counts, numbers, vectors, amounts and shares."""
    n_states = len(chain[0])
    means, matrix = np.ones((n_states, 2)), np.eye(2)
    for emission in (Poisson(means[:, 0]), Gaussian(means[:, 0], 1.0), Gaussian(means, matrix, kind="tied")):
        emission.log_likelihoods(np.ones((STEPS, emission.n_dimensions or 1)))
    for family in (Gamma, LogNormal, Weibull, Beta):
        family(means[:, 0], means[:, 0]).log_likelihoods(np.full(STEPS, 0.5))
    Gamma(means[:, 0], means[:, 0]).estimated(np.arange(float(STEPS)) + 1.0, np.ones((STEPS, n_states)))


def weigh_counts(chain: Chain) -> None:
    """Log-probabilities of counts that vary more, with exposures, out of trials, and of several outcomes."""
    even = np.full((len(chain[0]), 2), 0.5)
    NegativeBinomial(even[:, 0], even[:, 0]).log_likelihoods(np.ones(STEPS))
    for emission in (Poisson(even[:, 0], exposure=True), Binomial(None, even[:, 0]), Multinomial(even)):
        emission.log_likelihoods(np.ones((STEPS, 2)))


def weigh_far_tails(chain: Chain) -> None:
    """Log-densities of angles, and of numbers and vectors with heavy tails."""
    halves, matrix = np.full(len(chain[0]), 0.5), np.eye(2)
    for family in (Laplace, VonMises, WrappedCauchy):
        family(halves, halves).log_likelihoods(halves)
    StudentT(halves, halves, halves).log_likelihoods(halves)
    vectors = np.column_stack([halves, halves])
    StudentT(vectors, [matrix] * len(halves), halves).log_likelihoods(vectors)


def weigh_regressions(chain: Chain) -> None:
    """Log-densities about linear predictors."""
    lines, numbers = np.ones((len(chain[0]), 2)), np.arange(float(STEPS))
    Regression(lines, lines[:, 0]).log_likelihoods(numbers, covariates=numbers)


def add_up_symbols(chain: Chain) -> None:
    """Add up how much there is of each symbol, and how much is counted."""
    halves = np.full(len(chain[0]), 0.5)
    for emission in (Bernoulli(halves), Poisson(halves)):
        emission.estimated(np.ones(STEPS), np.ones((STEPS, len(halves))))


def add_up_moments(chain: Chain) -> None:
    """Add up moments of numbers, and of vectors."""
    means, numbers = np.ones((len(chain[0]), 2)), np.arange(float(STEPS))
    belongs = np.ones((STEPS, len(means)))
    Gaussian(means[:, 0], means[:, 0]).estimated(numbers, belongs)
    Gaussian(means, np.eye(2), kind="tied").estimated(np.column_stack([numbers, numbers % 2]), belongs)


def go_by_networks(chain: Chain) -> None:
    """Filter, smooth, decode, count, draw and learn by moves between nodes."""
    log_initial, log_transition, rows = chain
    states = np.arange(len(log_initial))
    before, after = np.nonzero(log_transition > -np.inf)
    sources, targets = [*states, *len(states) + before], [*len(states) + states, *2 * len(states) + after]
    logs = np.concatenate([np.zeros(len(states)), log_transition[before, after]])
    ways, near = (ways_of(len(states), len(states), sources, targets, some) for some in (logs, np.maximum(logs, -9.0)))
    smoothing.smooth(log_initial, ways, rows)
    for stream in (update_and_restore, smooth_with_lag, decode_as_it_comes):
        stream((log_initial, ways, rows))
    decoding.viterbi(log_initial, ways, rows)
    smoothing.expected_transitions(log_initial, ways, rows)
    sampling.sample_paths(log_initial, ways, rows, size=2)
    expect(log_initial, near, np.array([0, STEPS]), np.ones(1), Unseen(), 1, False)
    jumps = StayOrJump(0.5, np.exp(log_initial), normalize=True)
    sampling.draw_along(np.exp(log_initial), sampling.Walk.of(jumps, None), STEPS, np.random.default_rng(0))


def underflow(chain: Chain) -> None:
    """What not to do, in both widths."""
    linear = tuple(map(np.exp, chain))
    for dtype in (np.float64, np.float32):
        naive.smooth(*linear, dtype=dtype)
        naive.viterbi(*linear, dtype=dtype)
        naive.scaled_forward_filter(*linear, dtype=dtype)
    naive.exp_dot_log_forward_filter(*chain)


ROUTINES: dict[str, Callable[[Chain], object]] = {
    "filter": filter_and_read,
    "smooth": lambda chain: smoothing.smooth(*chain),
    "many sequences": smooth_many,
    "log_likelihood_gradient": lambda chain: smoothing.log_likelihood_gradient(*chain),
    "expected_transitions": lambda chain: smoothing.expected_transitions(*chain),
    "learning": expect_moves,
    "viterbi": lambda chain: decoding.viterbi(*chain),
    "viterbi_n_best": lambda chain: decoding.viterbi_n_best(*chain, 2),
    "max_marginals": lambda chain: decoding.max_marginals(*chain),
    "posterior_decode": lambda chain: decoding.posterior_decode(*chain),
    "sample_paths": lambda chain: sampling.sample_paths(*chain, size=2),
    "predict": lambda chain: [filtering.predict(*chain[:2], steps) for steps in (2, 10**6)],
    "streams": update_and_restore,
    "lagged streams": smooth_with_lag,
    "decoded streams": decode_as_it_comes,
    "networks": go_by_networks,
    "simulate": lambda chain: sampling.draw_states(np.exp(chain[0]), np.exp(chain[1]), STEPS, np.random.default_rng(0)),
    "sojourns": last_long,
    "densities": weigh_observations,
    "counts": weigh_counts,
    "far tails": weigh_far_tails,
    "regressions": weigh_regressions,
    "symbols": add_up_symbols,
    "moments": add_up_moments,
    "lse": sum_up,
    "naive": underflow,
}


def example(n_states: int) -> Chain:
    """A chain whose states are far from each other, so that all steps are needed, fast ones and exact ones."""
    log_initial = np.full(n_states, -np.log(n_states))
    log_transition = np.tile(log_initial, (n_states, 1))
    log_transition[0, 1:] = -2000.0
    rows = np.zeros((STEPS, n_states))
    rows[1::2, 1:], rows[2, 0] = -2000.0, -5000.0
    return log_initial, log_transition, rows


@dataclass(frozen=True)
class Compiled:
    """What `compile` did.

    Attributes
    ----------
    states : tuple of int
        For how many states; what is above 8 is one.
    n_compiled : int
        How many routines had to be compiled, counted once for each number of states.
    n_found : int
        How many were there already.
    seconds : float
        How long that took.
    folder : str
        Where machine code is kept.
    """

    states: tuple[int, ...]
    n_compiled: int
    n_found: int
    seconds: float
    folder: str

    def __str__(self) -> str:
        """In one line."""
        few = [f"{n}" for n in self.states if n <= FEW_STATES]
        more = [f"more than {FEW_STATES}"] if len(few) < len(self.states) else []
        *first, last = few + more
        states = f"{', '.join(first)} and {last}" if first else last
        return (
            f"{counted(self.n_compiled, 'routine')} compiled, {self.n_found} found, "
            f"for {states} {'state' if states == '1' else 'states'}, "
            f"in {self.seconds:.1f} s; kept in {self.folder}"
        )


def compile(states: Iterable[int] = STATES, *, progress: bool = False) -> Compiled:
    """Compile all routines, and keep their machine code for the processes to come.

    Without it, a routine is compiled when there is enough to do for it, which takes seconds; the first process waits,
    and those after it find what it has kept. In the image of a container, on a cluster, or before a class, this is done
    beforehand: by those who run it, for their kind of processor and their versions of Python and Numba. What is there
    already is not compiled again. Other processes may do the same at the same time.

    Parameters
    ----------
    states : iterable of int
        For which numbers of states. Up to 8, each has machine code of its own; above, all have the same.
    progress : bool
        Whether to show a bar; needs tqdm.

    Returns
    -------
    Compiled
        ``n_compiled`` routines, ``n_found``, ``seconds``, and ``folder``, where machine code is kept: beside the
        package, or in the user's cache, or where the environment says by ``NUMBA_CACHE_DIR``.

    Raises
    ------
    ValueError, TypeError
        Where a number of states is not an integer from 1 up, or there is none.
    OSError
        Where what has to be compiled cannot be kept.

    Notes
    -----
    Machine code is run as it is found: let nobody write to the folder who must not run code in your name.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.compile(states=[])
    Traceback (most recent call last):
    ValueError: states must have at least one number, got []
    """
    from hmmfilter._drivers.jobs import progress_bar
    from hmmfilter._kernels import places

    given = _checks.state_counts("states", states)
    _checks.flag("progress", progress)
    _checks.compiler()
    folder = places.place_that_takes_more()
    if folder is None and not places.kept():  # what was filled may be there to be read only
        raise OSError(
            "machine code can be kept nowhere: set NUMBA_CACHE_DIR to a directory that can be written to, and that "
            "nobody else can write to"
        )
    began, n_compiled = time.perf_counter(), 0
    chains = [example(n_states) for n_states in dict.fromkeys(min(n, FEW_STATES + 1) for n in given)]
    jobs = [(routine, chain) for chain in chains for routine in ROUTINES.values()]
    with progress_bar(len(jobs), progress, " routines") as bar, kernels.compiled_at_once(), warnings.catch_warnings():
        warnings.filterwarnings("error", "machine code is not kept", RuntimeWarning)
        for routine, chain in jobs:
            before = places.kept()
            try:
                routine(chain)
            except RuntimeWarning as warning:
                raise OSError(str(warning)) from None
            n_compiled += places.kept() > before
            bar.update(1)
    seconds, folder = time.perf_counter() - began, folder or places.places()[0]
    return Compiled(given, n_compiled, len(jobs) - n_compiled, seconds, folder)
