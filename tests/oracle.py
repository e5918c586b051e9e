"""Two independent oracles: every path enumerated, and the textbook recursions, both in mpmath at 80 digits.

They take the doubles that the library takes, and nothing in them shares a line with it. mpmath's exponents are
unbounded, so that linear space is safe here. Answers are tables of mpmath numbers, as probabilities.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

import mpmath
import numpy as np

DIGITS = 80
COMPARED_DIGITS = 40  # of the differences between these numbers and doubles
EPSILON = 2.2e-16  # of the accuracy contract
LARGEST_SPREAD = 3000

Table = list[list[mpmath.mpf]]


@dataclass(frozen=True)
class Answer:
    """What an exact computation says."""

    filtered: Table
    smoothed: Table
    increments: list[mpmath.mpf]
    best_joint: mpmath.mpf

    @property
    def likelihood(self) -> mpmath.mpf:
        return mpmath.fprod(self.increments)


def exp_table(logs) -> Table:
    """Take the exponential of every entry of a table, exactly to 80 digits; −inf gives 0."""
    return [[mpmath.exp(mpmath.mpf(float(x))) if x > -np.inf else mpmath.mpf(0) for x in row] for row in logs]


def _moves(log_transition, n_steps) -> list[Table]:
    """The transition from each step to the next, of a matrix for all or of one for each."""
    if np.ndim(log_transition) == 2:
        return [exp_table(log_transition)] * (n_steps - 1)
    return [exp_table(matrix) for matrix in log_transition]


def _normalised(row: list[mpmath.mpf]) -> tuple[list[mpmath.mpf], mpmath.mpf]:
    total = mpmath.fsum(row)
    return [x / total for x in row], total


@mpmath.workdps(DIGITS)
def recursions(log_initial, log_transition, log_likelihoods) -> Answer:
    """Forward, backward and max-product in linear space. The evidence has to be possible."""
    (start,), b = exp_table([log_initial]), exp_table(log_likelihoods)
    moves = _moves(log_transition, len(b))
    states = range(len(start))
    filtered, increments, best = [], [], None
    for t, row in enumerate(b):
        if t == 0:
            predicted, best = start, [start[k] * row[k] for k in states]
        else:
            a = moves[t - 1]
            predicted = [mpmath.fsum(filtered[-1][i] * a[i][j] for i in states) for j in states]
            best = [max(best[i] * a[i][j] for i in states) * row[j] for j in states]
        posterior, increment = _normalised([predicted[k] * row[k] for k in states])
        filtered.append(posterior)
        increments.append(increment)
    smoothed, beta = [filtered[-1]], [mpmath.mpf(1) for _ in states]
    for t in range(len(b) - 2, -1, -1):
        a = moves[t]
        beta = [mpmath.fsum(a[i][j] * b[t + 1][j] * beta[j] for j in states) for i in states]
        smoothed.append(_normalised([filtered[t][k] * beta[k] for k in states])[0])
    return Answer(filtered, smoothed[::-1], increments, max(best))


@mpmath.workdps(DIGITS)
def enumeration(log_initial, log_transition, log_likelihoods) -> Answer:
    """Add up all K**T paths, and all K**t paths of every prefix. The evidence has to be possible."""
    (start,), b = exp_table([log_initial]), exp_table(log_likelihoods)
    n_states, n_steps = len(start), len(b)
    moves = _moves(log_transition, n_steps)
    zero = mpmath.mpf(0)
    filtered, prefix_likelihoods = [], [mpmath.mpf(1)]
    smoothed = [[zero] * n_states for _ in range(n_steps)]
    best = zero
    for n in range(1, n_steps + 1):
        ends = [zero] * n_states
        for path in itertools.product(range(n_states), repeat=n):
            joint = start[path[0]] * b[0][path[0]]
            for t in range(1, n):
                joint *= moves[t - 1][path[t - 1]][path[t]] * b[t][path[t]]
            ends[path[-1]] += joint
            if n == n_steps:
                best = max(best, joint)
                for t, k in enumerate(path):
                    smoothed[t][k] += joint
        posterior, total = _normalised(ends)
        filtered.append(posterior)
        prefix_likelihoods.append(total)
    smoothed = [_normalised(row)[0] for row in smoothed]
    increments = [after / before for before, after in itertools.pairwise(prefix_likelihoods)]
    return Answer(filtered, smoothed, increments, best)


Ranking = list[tuple[mpmath.mpf, tuple[int, ...]]]  # log-joints and their paths


def _ranked(scored: Ranking, n: int | None = None) -> Ranking:
    """The possible ones, the best first, of equal ones the lexicographically smallest."""
    return sorted((pair for pair in scored if pair[0] > -mpmath.inf), key=lambda pair: (-pair[0], pair[1]))[:n]


@mpmath.workdps(DIGITS)
def all_paths(case) -> Ranking:
    """All K**T paths, those that are possible, ranked."""
    n_steps, n_states = np.shape(case[2])
    paths = itertools.product(range(n_states), repeat=n_steps)
    return _ranked([(path_joint(case, path), path) for path in paths])


@mpmath.workdps(DIGITS)
def best_paths(case, n: int) -> Ranking:
    """The n best paths, by the n best beginnings that end in each state, in logs."""
    (start,), rows = _numbers([case[0]]), _numbers(case[2])
    matrices = [_numbers(case[1])] * (len(rows) - 1) if np.ndim(case[1]) == 2 else map(_numbers, case[1])
    states = range(len(start))
    ends = [[(start[k] + rows[0][k], (k,))] for k in states]
    for row, matrix in zip(rows[1:], matrices, strict=True):
        moves = [[matrix[i][j] + row[j] for j in states] for i in states]
        ends = [
            _ranked([(score + moves[i][j], (*path, j)) for i in states for score, path in ends[i]], n) for j in states
        ]
    return _ranked([pair for ranking in ends for pair in ranking], n)


def _numbers(table) -> Table:
    return [[mpmath.mpf(float(x)) for x in row] for row in table]


@mpmath.workdps(DIGITS)
def best_through(log_initial, log_transition, log_likelihoods) -> Table:
    """The largest log-joint of the paths through each state, by max-product from both ends."""
    (start,), b = exp_table([log_initial]), exp_table(log_likelihoods)
    moves = _moves(log_transition, len(b))
    states = range(len(start))
    delta = [[start[k] * b[0][k] for k in states]]
    for a, row in zip(moves, b[1:], strict=True):
        delta.append([max(delta[-1][i] * a[i][j] for i in states) * row[j] for j in states])
    rests = [[mpmath.mpf(1) for _ in states]]
    for a, row in zip(moves[::-1], b[:0:-1], strict=True):
        rests.append([max(a[i][j] * row[j] * rests[-1][j] for j in states) for i in states])
    return [[mpmath.log(x * y) for x, y in zip(*rows, strict=True)] for rows in zip(delta, rests[::-1], strict=True)]


@mpmath.workdps(DIGITS)
def joint_share(joint: mpmath.mpf, got: float) -> float:
    """The error of a log-joint, as a share of what is allowed."""
    return float(abs(mpmath.mpf(float(got)) - joint) / (EPSILON * (1 + abs(joint))))


@mpmath.workdps(DIGITS)
def pairs(log_initial, log_transition, log_likelihoods) -> list[Table]:
    """p(h_t = i, h_{t+1} = j | v_1:T) of every step but the last, by recursions. The evidence has to be possible."""
    (start,), b = exp_table([log_initial]), exp_table(log_likelihoods)
    moves = _moves(log_transition, len(b))
    states = range(len(start))
    alpha = [[start[k] * b[0][k] for k in states]]
    for a, row in zip(moves, b[1:], strict=True):
        alpha.append([mpmath.fsum(alpha[-1][i] * a[i][j] for i in states) * row[j] for j in states])
    omega, found = b[-1], []  # p(v_t+1:T | h_t+1)
    for t in range(len(b) - 2, -1, -1):
        joint = [[alpha[t][i] * moves[t][i][j] * omega[j] for j in states] for i in states]
        total = mpmath.fsum(x for row in joint for x in row)
        found.append([[x / total for x in row] for row in joint])
        omega = [b[t][i] * mpmath.fsum(moves[t][i][j] * omega[j] for j in states) for i in states]
    return found[::-1]


@mpmath.workdps(DIGITS)
def pairs_of_paths(log_initial, log_transition, log_likelihoods) -> list[Table]:
    """The same, by adding up all K**T paths."""
    case = log_initial, log_transition, log_likelihoods
    n_steps, n_states = np.shape(log_likelihoods)
    found = [[[mpmath.mpf(0)] * n_states for _ in range(n_states)] for _ in range(n_steps - 1)]
    for path in itertools.product(range(n_states), repeat=n_steps):
        joint = path_joint(case, path)
        if joint == -mpmath.inf:
            continue
        for table, (i, j) in zip(found, itertools.pairwise(path), strict=True):
            table[i][j] += mpmath.exp(joint)
    return [[[x / mpmath.fsum(map(mpmath.fsum, table)) for x in row] for row in table] for table in found]


@mpmath.workdps(COMPARED_DIGITS)
def count_share(given, counts, exact: list[Table]) -> float:
    """The worst error of Σ_t ξ_t, as a share of what is allowed: the bound of a posterior, ε(16 + S), for each of ξ."""
    n_states = len(counts)
    unit = _unit(given, [row for table in exact for row in table])
    worst = 0.0
    for i, j in itertools.product(range(n_states), repeat=2):
        count = mpmath.fsum(table[i][j] for table in exact)
        worst = max(worst, float(abs(mpmath.mpf(float(counts[i, j])) - count) / (unit * (1 + count))))
    return worst


@mpmath.workdps(DIGITS)
def predictions(log_x, log_transition, n_steps) -> Table:
    """x A, x A A, ..., in linear space."""
    (x,), a = exp_table([log_x]), exp_table(log_transition)
    rows = []
    for _ in range(n_steps):
        x = [mpmath.fsum(x[i] * a[i][j] for i in range(len(x))) for j in range(len(x))]
        rows.append(x)
    return rows


@mpmath.workdps(DIGITS)
def path_joint(case, path) -> mpmath.mpf:
    """log p(path, v_1:T), exactly."""
    log_initial, log_transition, log_likelihoods = case
    matrices = [log_transition] * len(path) if np.ndim(log_transition) == 2 else log_transition
    moves = zip(matrices, itertools.pairwise(path), strict=False)
    terms = [log_initial[path[0]], *(matrix[move] for matrix, move in moves)]
    terms += [row[k] for row, k in zip(log_likelihoods, path, strict=True)]
    return mpmath.fsum(n * mpmath.mpf(float(x)) for x, n in Counter(terms).items())


@mpmath.workdps(COMPARED_DIGITS)
def posterior_share(case, log_probabilities, probabilities, exact: Table) -> float:
    """The worst error of a table of posteriors, as a share of what the accuracy contract allows.

    Infinite where the table has −inf or NaN and the exact answer a positive number, or the other way round.
    """
    if np.isnan(probabilities).any():
        return float("inf")
    unit = _unit(case[:2], exact)
    worst = _worst_log(exact, log_probabilities, unit)
    for row, ps in zip(exact, probabilities, strict=True):
        for p, got in zip(row, ps, strict=True):
            worst = max(worst, float(abs(mpmath.mpf(float(got)) - p)) / unit)
    return worst


@mpmath.workdps(COMPARED_DIGITS)
def log_share(given, logs, exact: Table) -> float:
    """The same for a table of logs, of numbers of any size, that come from the given tables."""
    return _worst_log(exact, logs, _unit(given, exact))


def _unit(given, exact: Table) -> float:
    """ε(16 + S), where S is the largest log around."""
    possible = [p for row in exact for p in row if p > 0]
    magnitudes = [abs(float(mpmath.log(p))) for p in (min(possible, default=1), max(possible, default=1))]
    for logs in given:
        magnitudes += np.abs(logs[np.isfinite(logs)]).tolist()
    return EPSILON * (16 + min(max(magnitudes), LARGEST_SPREAD))


def _worst_log(exact: Table, logs, unit: float) -> float:
    worst = 0.0
    for row, got_row in zip(exact, logs, strict=True):
        for p, got in zip(row, got_row, strict=True):
            if (p == 0) != (got == -np.inf) or np.isnan(got):
                return float("inf")
            if p > 0:
                log_p = mpmath.log(p)
                error = float(abs(mpmath.mpf(float(got)) - log_p))
                worst = max(worst, error / (unit * (1 + abs(float(log_p)))))
    return worst


@mpmath.workdps(COMPARED_DIGITS)
def log_likelihood_share(case, log_likelihood: float, increments: list[mpmath.mpf]) -> float:
    """The error of a log-likelihood, as a share of what the accuracy contract allows."""
    logs = [mpmath.log(c) for c in increments]
    allowed = 4e-15 * max(1.0, float(mpmath.fsum(abs(x) for x in logs)))  # and ε·S, which is not needed
    return float(abs(mpmath.mpf(log_likelihood) - mpmath.fsum(logs))) / allowed
