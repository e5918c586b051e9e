"""Networks of any moves, through any nodes between, against 80 digits."""

from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._kernels.network import Ways
from hmmfilter._ways import ways_of
from tests import oracle, structure_oracle
from tests import structure_cases as cases
from tests.conftest import COMPILED, note_share
from tests.test_structure_contract import total_share

N_STEPS = 12
NEVER = -np.inf
SEEN = (cases.harmless, cases.turns, cases.flat) if COMPILED else (cases.turns,)


class Moves(NamedTuple):
    """Each from a node to a higher one; states before come first, and states after last."""

    n_states: int
    n_between: int
    sources: Any
    targets: Any
    logs: Any
    kinds: Any = None
    shares: Any = None

    def ways(self) -> Ways:
        return ways_of(*self[:5], kinds=self.kinds, log_shares=self.shares)

    @mpmath.workdps(oracle.DIGITS)
    def matrix(self, t=0):
        """What all ways from each state to each other one come to."""
        n_before = self.n_states + self.n_between
        values = [[mpmath.mpf(i == k) for i in range(self.n_states)] for k in range(self.n_states)]
        values += [[mpmath.mpf(0)] * self.n_states for _ in range(n_before)]
        for n in np.argsort(self.targets, kind="stable"):
            x, y, log_value = int(self.sources[n]), int(self.targets[n]), mpmath.mpf(float(self.logs[n]))
            if self.kinds is not None:
                log_value += mpmath.mpf(float(self.shares[t, self.kinds[n]]))
            values[y] = [b + a * mpmath.exp(log_value) for a, b in zip(values[x], values[y], strict=True)]
        return [list(row) for row in zip(*values[n_before:], strict=True)]


def log_small(rng, n):
    return rng.normal(0, 2, n)


def log_spread(rng, n):
    """Beyond all doubles."""
    return -abs(rng.normal(0, 900, n))


def log_far(rng, n):
    """Of all sizes, and their sums beyond what doubles tell apart."""
    return -(10.0 ** rng.uniform(0, 9, n))


def log_even(rng, n):
    return np.full(n, -1.5)


def scattered(rng, n_states, n_between, logs):
    """Any node leads to any later one, now and then; each leads somewhere, and each is led to."""
    n_nodes = 2 * n_states + n_between
    pairs = {
        (x, y)
        for x in range(n_states + n_between)
        for y in range(max(x + 1, n_states), n_nodes)
        if rng.random() < 2.5 / (n_nodes - max(x + 1, n_states))
    }
    pairs |= {(x, int(rng.integers(max(x + 1, n_states), n_nodes))) for x in range(n_states + n_between)}
    pairs |= {(int(rng.integers(min(y, n_states + n_between))), y) for y in range(n_states, n_nodes)}
    sources, targets = np.array(rng.permutation(sorted(pairs))).T
    return Moves(n_states, n_between, sources, targets, logs(rng, len(sources)))


def layered(rng, n_states, n_between, logs):
    """By as many nodes between as states, a band to them and a band on: stretches of nodes that are alike."""
    i, step = np.divmod(np.arange(3 * n_states), 3)
    inside = (i + step - 1 >= 0) & (i + step - 1 < n_states)
    i, j = i[inside], (i + step - 1)[inside]
    sources = np.concatenate([i, i + n_states])
    targets = np.concatenate([j + n_states, j + 2 * n_states])
    return Moves(n_states, n_states, sources, targets, logs(rng, len(sources)))


def hubs(rng, n_states, n_between, logs):
    """All states by two nodes between to all states, and straight on."""
    states = np.arange(n_states)
    sources = [states, states, states, np.full(n_states, n_states), np.full(n_states, n_states + 1)]
    after = states + n_states + 2
    targets = [np.full(n_states, n_states), np.full(n_states, n_states + 1), after, after, after]
    return Moves(n_states, 2, np.concatenate(sources), np.concatenate(targets), logs(rng, 5 * n_states))


def changing(moves, rng):
    """The same moves, in three kinds that change from step to step; one kind is impossible at some."""
    shares = -abs(rng.normal(0, 40, (N_STEPS - 1, 3)))
    shares[::4, 1] = NEVER
    return moves._replace(kinds=rng.integers(0, 3, len(moves.logs)), shares=shares)


@pytest.mark.parametrize("is_changing", [False, True], ids=["fixed", "changing"])
@pytest.mark.parametrize("evidence", SEEN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("logs", [log_small, log_spread, log_far, log_even], ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [scattered, layered, hubs], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("n_states", "n_between"), [(5, 3), (18, 4)] if COMPILED else [(5, 3)])
def test_the_contract_holds(shape, logs, evidence, is_changing, n_states, n_between):
    rng = np.random.default_rng([n_states, n_between])
    moves = shape(rng, n_states, n_between, logs)
    moves = changing(moves, rng) if is_changing else moves
    matrices = [moves.matrix(t) for t in range(N_STEPS - 1)] if is_changing else [moves.matrix()] * (N_STEPS - 1)
    log_initial = cases.start(rng, n_states)
    possible = [np.where(np.array(matrix, dtype=bool), 0.0, NEVER) for matrix in matrices]
    rows = evidence(rng, (N_STEPS, n_states))
    try:
        rows = cases.open_path(rng, log_initial, possible, rows)
    except ValueError:  # where a state leads nowhere
        pytest.skip("a dead end")
    (start,), shows = oracle.exp_table([log_initial]), oracle.exp_table(rows)
    exact = structure_oracle.recursions(start, matrices, shows)
    tables = log_initial, moves.ways(), rows
    filtered, smoothed = hf.forward_filter(*tables), hf.smooth(*tables)
    assert hf.log_likelihood(*tables) == smoothed.log_likelihood == filtered.log_likelihood
    given = log_initial, moves.logs
    for what, got, answer in (("filter", filtered, exact.filtered), ("smoother", smoothed, exact.smoothed)):
        share = oracle.posterior_share(given, got.log_probabilities, got.probabilities, answer)
        note_share(f"networks: {what}", share, f"{shape.__name__} {logs.__name__} {evidence.__name__} {n_states}")
        assert share <= 1.0
    assert total_share(given, filtered.log_likelihood, exact) <= 1.0
