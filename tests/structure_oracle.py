"""What structured chains have to answer: every path, every segmentation, and textbook recursions, in exact numbers.

Numbers are fractions, or mpmath's at 80 digits. Matrices are written out from the very doubles that a structure was
made of; nothing in them shares a line with the library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from tests import oracle

Number = Any  # a Fraction, or a number of mpmath
Row = list[Number]
Table = list[Row]


def exactly(array: Any) -> Any:
    """An array of doubles as nested lists of mpmath's numbers, to the last bit."""
    if np.ndim(array) == 0:
        return mpmath.mpf(float(array))
    return [exactly(part) for part in array]


# Matrices, from what structures are made of.


def banded(diagonals: Any, lower: int) -> Table:
    """diagonals[d, i] is p(i → i + d − lower)."""
    n_states = len(diagonals[0])
    matrix: Table = [[0 for _ in range(n_states)] for _ in range(n_states)]
    for d, diagonal in enumerate(diagonals):
        for i, p in enumerate(diagonal):
            if 0 <= i + d - lower < n_states:
                matrix[i][i + d - lower] = p
    return matrix


def kronecker(a: Table, b: Table) -> Table:
    """State (s, r) is number s · n_b + r."""
    return [[p * q for p in row_a for q in row_b] for row_a in a for row_b in b]


@mpmath.workdps(oracle.DIGITS)
def stay_or_jump(stay: Row, jump: Row) -> Table:
    """stay_i δ_ij + (1 − stay_i) jump_j."""
    states = range(len(jump))
    return [[(stay[i] if i == j else 0) + (1 - stay[i]) * jump[j] for j in states] for i in states]


@mpmath.workdps(oracle.DIGITS)
def stay_or_elsewhere(stay: Row, jump: Row) -> Table:
    """The same, never back to the same state: the others' shares of what jumps go to."""
    states = range(len(jump))
    others = [sum(jump[j] for j in states if j != i) for i in states]
    return [[stay[i] if i == j else (1 - stay[i]) * jump[j] / others[i] for j in states] for i in states]


# Chains: all paths, and recursions.


def joints(start: Row, moves: Sequence[Table], shows: Table) -> Iterator[tuple[tuple[int, ...], Number]]:
    """Every path, and p(path, v_1:T)."""
    for path in itertools.product(range(len(start)), repeat=len(shows)):
        joint = start[path[0]] * shows[0][path[0]]
        for t, (i, j) in enumerate(itertools.pairwise(path)):
            joint = joint * moves[t][i][j] * shows[t + 1][j]
        yield path, joint


@dataclass(frozen=True)
class Enumerated:
    likelihood: Number
    path: tuple[int, ...]  # the first of the most probable ones
    joint: Number
    smoothed: Table


def enumerated(start: Row, moves: Sequence[Table], shows: Table) -> Enumerated:
    """What all paths say together."""
    scored = list(joints(start, moves, shows))
    total = sum(joint for _, joint in scored)
    path, joint = max(scored, key=lambda pair: pair[1])
    smoothed = [
        [sum(p for path, p in scored if path[t] == k) / total for k in range(len(start))] for t in range(len(shows))
    ]
    return Enumerated(total, path, joint, smoothed)


@mpmath.workdps(oracle.DIGITS)
def recursions(start: Row, moves: Sequence[Table], shows: Table) -> oracle.Answer:
    """Forward, backward and max-product in linear space, by the moves that are possible. The evidence has to be."""
    states = range(len(start))
    ways = {id(a): [[(i, a[i][j]) for i in states if a[i][j]] for j in states] for a in moves}
    filtered, increments, best = [], [], [p * b for p, b in zip(start, shows[0], strict=True)]
    for t, row in enumerate(shows):
        predicted = start
        if t > 0:
            into = ways[id(moves[t - 1])]
            predicted = [mpmath.fsum(filtered[-1][i] * p for i, p in into[j]) for j in states]
            best = [max((best[i] * p for i, p in into[j]), default=mpmath.mpf(0)) * row[j] for j in states]
        weights = [p * b for p, b in zip(predicted, row, strict=True)]
        increments.append(mpmath.fsum(weights))
        filtered.append([w / increments[-1] for w in weights])
    beta, smoothed = [mpmath.mpf(1) for _ in states], [filtered[-1]]
    for t in range(len(shows) - 2, -1, -1):
        ahead, beta = [b * p for b, p in zip(shows[t + 1], beta, strict=True)], [mpmath.mpf(0) for _ in states]
        for j, into in enumerate(ways[id(moves[t])]):
            for i, p in into:
                beta[i] += p * ahead[j]
        weights = [f * p for f, p in zip(filtered[t], beta, strict=True)]
        total = mpmath.fsum(weights)
        smoothed.append([w / total for w in weights])
    return oracle.Answer(filtered, smoothed[::-1], increments, max(best))


# Chains that last: all segmentations, and recursions from the end of one sojourn to the next.

Sojourns = list[tuple[int, int]]  # states, and how many steps each was stayed in


@dataclass(frozen=True)
class Lasting:
    """Explicit durations: `durations[k][d − 1]` is how probable it is to stay d steps, `start` is of first sojourns."""

    start: Row
    durations: Table
    moves: Table
    cut: bool = True

    def ends(self, k: int, n: int) -> Number:
        """A sojourn of just n steps."""
        return self.durations[k][n - 1] if n <= len(self.durations[k]) else 0

    def lasts(self, k: int, n: int) -> Number:
        """One of n steps or more, if it may go on after the end; or of just n."""
        return sum(self.durations[k][n - 1 :]) if self.cut else self.ends(k, n)

    def _segmentations(self, n_steps: int) -> Iterator[Sojourns]:
        for state in range(len(self.start)):
            yield [(state, n_steps)]
            for length in range(1, n_steps):
                for rest in self._segmentations(n_steps - length):
                    yield [(state, length), *rest]

    def prior(self, sojourns: Sojourns) -> Number:
        p = self.start[sojourns[0][0]] * self.lasts(*sojourns[-1])
        for (i, n), (j, _) in itertools.pairwise(sojourns):
            p = p * self.ends(i, n) * self.moves[i][j]
        return p

    def joints(self, shows: Table) -> list[tuple[Sojourns, Number]]:
        """Every segmentation that is possible, and its joint probability with what was seen."""
        scored = []
        for sojourns in self._segmentations(len(shows)):
            joint = self.prior(sojourns)
            if joint:
                for row, k in zip(shows, path_of(sojourns), strict=True):
                    joint = joint * row[k]
                scored.append((sojourns, joint))
        return scored

    def smoothed(self, shows: Table) -> Table:
        """p(h_t = k | v_1:T) by all segmentations."""
        scored = self.joints(shows)
        total = sum(joint for _, joint in scored)
        return [
            [sum(p for sojourns, p in scored if path_of(sojourns)[t] == k) / total for k in range(len(self.start))]
            for t in range(len(shows))
        ]

    def expanded(self) -> tuple[Row, Table]:
        """Of states (k, age) as numbers k · D + age − 1, where they begin and how they move, while no end is near."""
        n_ages = len(self.durations[0])
        tails = [[sum(row[a:]) for a in range(n_ages + 1)] for row in self.durations]
        size = len(self.start) * n_ages
        start, matrix = [0 * self.start[0]] * size, [[0 * self.start[0]] * size for _ in range(size)]
        for i, (row, tail) in enumerate(zip(self.durations, tails, strict=True)):
            start[i * n_ages] = self.start[i]
            for a in range(n_ages):
                if not tail[a]:
                    continue
                if a + 1 < n_ages:
                    matrix[i * n_ages + a][i * n_ages + a + 1] = tail[a + 1] / tail[a]
                for j, p in enumerate(self.moves[i]):
                    matrix[i * n_ages + a][j * n_ages] += row[a] / tail[a] * p
        return start, matrix

    @mpmath.workdps(oracle.DIGITS)
    def recursions(self, shows: Table) -> oracle.Answer:
        """From sojourn to sojourn: what begins after s steps, what ends after s, and what those still to come say."""
        n_steps, states, zero = len(shows), range(len(self.start)), mpmath.mpf(0)
        n_ages = len(self.durations[0])
        going_on = Lasting(self.start, self.durations, self.moves)
        seen = [[[mpmath.mpf(1)] for _ in states] for _ in range(n_steps)]  # of n steps from s on, in one state
        for s, k in itertools.product(range(n_steps), states):
            for row in shows[s : s + n_ages]:
                seen[s][k].append(seen[s][k][-1] * row[k])

        def stays(s: int, k: int) -> range:
            return range(1, min(n_ages, n_steps - s) + 1)

        begins, best_begins = [list(self.start)], [list(self.start)]
        ends = [[zero for _ in states] for _ in range(n_steps + 1)]
        best_ends = [[zero for _ in states] for _ in range(n_steps + 1)]
        alive = [[zero for _ in states] for _ in range(n_steps)]
        at_end, best = [zero for _ in states], zero
        for s in range(n_steps):
            for k in states:
                for n in stays(s, k):
                    weight = begins[s][k] * seen[s][k][n]
                    ends[s + n][k] += weight * self.ends(k, n)
                    best_ends[s + n][k] = max(best_ends[s + n][k], best_begins[s][k] * seen[s][k][n] * self.ends(k, n))
                    alive[s + n - 1][k] += weight * going_on.lasts(k, n)
                    if s + n == n_steps:
                        at_end[k] += weight * self.lasts(k, n)
                        best = max(best, best_begins[s][k] * seen[s][k][n] * self.lasts(k, n))
            begins.append([mpmath.fsum(ends[s + 1][i] * self.moves[i][j] for i in states) for j in states])
            best_begins.append([max(best_ends[s + 1][i] * self.moves[i][j] for i in states) for j in states])
        after = [[zero for _ in states] for _ in range(n_steps + 1)]  # what is seen after s, of a sojourn that begins
        covered = [[zero for _ in states] for _ in range(n_steps + 1)]  # and, summed up, of sojourns that hold a step
        for s in range(n_steps - 1, -1, -1):
            for k in states:
                for n in stays(s, k):
                    goes_on = mpmath.fsum(p * q for p, q in zip(self.moves[k], after[s + n], strict=True))
                    rest = self.lasts(k, n) if s + n == n_steps else self.ends(k, n) * goes_on
                    after[s][k] += seen[s][k][n] * rest
                    for t in range(s, s + n):
                        covered[t][k] += begins[s][k] * seen[s][k][n] * rest
        rows = [*alive[:-1], at_end]
        sums = [mpmath.fsum(row) for row in rows]
        increments = [x / y for x, y in zip(sums, [mpmath.mpf(1), *sums[:-1]], strict=True)]
        if not sums[-1]:
            return oracle.Answer([], [], increments, best)
        filtered = [[x / total for x in row] for row, total in zip(rows, sums, strict=True)]
        smoothed = [[x / sums[-1] for x in row] for row in covered[:-1]]
        return oracle.Answer(filtered, smoothed, increments, best)


def path_of(sojourns: Sojourns) -> list[int]:
    """The state of each step."""
    return [k for k, n in sojourns for _ in range(n)]
