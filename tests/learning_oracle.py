"""One EM step by adding up all K**T paths, in mpmath: nothing in it shares a line with the library.

A model is the probabilities of a chain and a family: what it says of an observation in a state, and which parameters
are most probable for observations that belong to the states to known degrees. What is missing is None, or, of a vector,
an entry that is None. Numbers are mpmath's; arrays that come in are doubles, taken as they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np

DIGITS = 60
Number = mpmath.mpf
Row = list[Number]
Table = list[Row]
Degrees = list[tuple[Any, Row]]  # each observation, and how much it belongs to each state


def exactly(array: Any) -> Any:
    """An array of doubles as nested lists of mpmath's numbers."""
    if np.ndim(array) == 0:
        return mpmath.mpf(float(array))
    return [exactly(part) for part in array]


@dataclass(frozen=True)
class Chain:
    initial: Row
    transition: Any  # a table, or a list of several, of which an index says which one leads on
    final: Row | None = None  # where sequences end

    def move(self, m: int | None, i: int, j: int) -> Number:
        matrix = self.transition if m is None else self.transition[m]
        return matrix[i][j] * (1 if self.final is None else 1 - self.final[i])

    def end(self, k: int) -> Number:
        return mpmath.mpf(1) if self.final is None else self.final[k]


@dataclass
class Expected:
    """What all paths say together; sums count each sequence as often as its weight says."""

    log_likelihoods: Row
    initial: Row
    transition: Any  # a table, or one for each matrix
    ends: Row = field(default_factory=list)
    degrees: Degrees = field(default_factory=list)


Density = Callable[[Any, int], Number]
Mask = Sequence[Sequence[bool]]


Index = Sequence[int | None]  # of the matrix that leads on from each step but the last; None where there is one


def _path_probabilities(chain: Chain, rows: Table, index: Index) -> list[tuple[tuple[int, ...], Number]]:
    paths = []
    for path in itertools.product(range(len(chain.initial)), repeat=len(rows)):
        joint = chain.initial[path[0]] * rows[0][path[0]] * chain.end(path[-1])
        for (i, j), row, m in zip(itertools.pairwise(path), rows[1:], index, strict=True):
            joint *= chain.move(m, i, j) * row[j]
        paths.append((path, joint))
    return paths


@mpmath.workdps(DIGITS)
def expected(
    chain: Chain,
    density: Density,
    sequences: list[list[Any]],
    weights: Row,
    masks: list[Mask] | None = None,
    indexes: list[Index] | None = None,
) -> Expected:
    """The E-step; states that a mask does not allow are impossible at that step."""
    states = range(len(chain.initial))
    zero = mpmath.mpf(0)
    counts = [[[zero for _ in states] for _ in states] for _ in (chain.transition if indexes else "1")]
    found = Expected([], [zero for _ in states], counts if indexes else counts[0], [zero for _ in states])
    for n, (sequence, weight) in enumerate(zip(sequences, weights, strict=True)):
        rows = [[density(observation, k) for k in states] for observation in sequence]
        if masks is not None:
            rows = [[row[k] if mask[k] else zero for k in states] for row, mask in zip(rows, masks[n], strict=True)]
        index: Index = indexes[n] if indexes else [None] * (len(rows) - 1)
        paths = _path_probabilities(chain, rows, index)
        total = mpmath.fsum(joint for _, joint in paths)
        found.log_likelihoods.append(mpmath.log(total))
        belonging = [[zero for _ in states] for _ in sequence]
        for path, joint in paths:
            share = weight * joint / total
            found.initial[path[0]] += share
            found.ends[path[-1]] += share
            for (i, j), m in zip(itertools.pairwise(path), index, strict=True):
                counts[m or 0][i][j] += share
            for row, k in zip(belonging, path, strict=True):
                row[k] += share
        found.degrees += list(zip(sequence, belonging, strict=True))
    return found


@mpmath.workdps(DIGITS)
def log_likelihood(chain: Chain, density: Density, sequences: list[list[Any]], weights: Row) -> Number:
    """The weighted one of all sequences."""
    each = expected(chain, density, sequences, weights).log_likelihoods
    return mpmath.fsum(weight * one for weight, one in zip(weights, each, strict=True))


@mpmath.workdps(DIGITS)
def shares(counts: Row, held: dict[int, Number] | None = None) -> Row:
    """Counts over their sum, beside entries that are held."""
    held = held or {}
    rest = 1 - mpmath.fsum(held.values())
    total = mpmath.fsum(count for k, count in enumerate(counts) if k not in held)
    return [held[k] if k in held else rest * count / total for k, count in enumerate(counts)]


# What the families say of an observation.


def poisson(rate: Row) -> Density:
    return lambda x, k: mpmath.mpf(1) if x is None else mpmath.exp(-rate[k]) * rate[k] ** x / mpmath.factorial(x)


def categorical(probabilities: Table) -> Density:
    return lambda x, k: mpmath.mpf(1) if x is None else probabilities[k][x]


def bernoulli(probability: Row) -> Density:
    return categorical([[1 - p, p] for p in probability])


def seen(x: Any) -> list[int]:
    return [d for d, entry in enumerate(x) if entry is not None]


def _part(matrix: Table, rows: list[int], columns: list[int]) -> Any:
    return mpmath.matrix([[matrix[i][j] for j in columns] for i in rows])


def gaussian(means: Table, covariances: list[Table]) -> Density:
    """Of vectors, marginalised over their missing entries."""

    def density(x: Any, k: int) -> Number:
        there = seen(x)
        if not there:
            return mpmath.mpf(1)
        covariance = _part(covariances[k], there, there)
        off = mpmath.matrix([mpmath.mpf(x[d]) - means[k][d] for d in there])
        square = (off.T * mpmath.inverse(covariance) * off)[0]
        return mpmath.exp(-square / 2) / mpmath.sqrt((2 * mpmath.pi) ** len(there) * mpmath.det(covariance))

    return density


# What is most probable for observations that belong to the states to known degrees.


@mpmath.workdps(DIGITS)
def weights_and_sums(degrees: Degrees, k: int) -> tuple[Number, Number]:
    """Of numbers that are there."""
    there = [(mpmath.mpf(x), row[k]) for x, row in degrees if x is not None]
    return mpmath.fsum(w for _, w in there), mpmath.fsum(w * x for x, w in there)


@mpmath.workdps(DIGITS)
def symbol_counts(degrees: Degrees, n_symbols: int, k: int) -> Row:
    return [mpmath.fsum(row[k] for x, row in degrees if x == symbol) for symbol in range(n_symbols)]


@mpmath.workdps(DIGITS)
def entry_moments(degrees: Degrees, d: int, k: int) -> tuple[Number, Number, Number]:
    """Of one entry, where it is there: the weight, the mean, and the sum of squares about it."""
    there = [(mpmath.mpf(x[d]), row[k]) for x, row in degrees if x[d] is not None]
    weight = mpmath.fsum(w for _, w in there)
    mean = mpmath.fsum(w * x for x, w in there) / weight
    return weight, mean, mpmath.fsum(w * (x - mean) ** 2 for x, w in there)


@mpmath.workdps(DIGITS)
def joint_moments(degrees: Degrees, mean: Row, covariance: Table, k: int) -> tuple[Number, Row, Table]:
    """The weight, the mean and the scatter about it, of vectors whose missing entries are as expected given the others.

    Little and Rubin, "Statistical Analysis with Missing Data", chapter 11: the conditional mean in place of what is
    missing, and its conditional covariance added to the scatter.
    """
    size = range(len(mean))
    filled, spare = [], mpmath.zeros(len(mean))
    for x, row in degrees:
        there = seen(x)
        if not there:
            continue
        gone = [d for d in size if d not in there]
        vector = [mpmath.mpf(x[d]) if d in there else None for d in size]
        if gone:
            across = _part(covariance, gone, there) * mpmath.inverse(_part(covariance, there, there))
            off = mpmath.matrix([mpmath.mpf(x[d]) - mean[d] for d in there])
            guess = across * off
            left = _part(covariance, gone, gone) - across * _part(covariance, there, gone)
            for a, d in enumerate(gone):
                vector[d] = mean[d] + guess[a]
                for b, e in enumerate(gone):
                    spare[d, e] += row[k] * left[a, b]
        filled.append((vector, row[k]))
    weight = mpmath.fsum(w for _, w in filled)
    centre = [mpmath.fsum(w * vector[d] for vector, w in filled) / weight for d in size]
    scatter = [
        [
            mpmath.fsum(w * (vector[d] - centre[d]) * (vector[e] - centre[e]) for vector, w in filled) + spare[d, e]
            for e in size
        ]
        for d in size
    ]
    return weight, centre, scatter
