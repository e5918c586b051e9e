"""What an expectation step comes to for some partitions, put together in the order of these."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._drivers import SojournSums
from hmmfilter._drivers.expectations import Expectations
from hmmfilter.emissions.learning import add_in_two_parts

SUMMED = ("initial", "transition", "slopes", "emission", "ends")  # of expectations


KINDS: dict[str, Any] = {kind.__name__: kind for kind in (SojournSums,)}  # of sums that are of several tables


class Shape(NamedTuple):
    """Of a table that is summed, by itself or with others of its kind."""

    name: str  # one of SUMMED
    kind: str  # one of KINDS, or nothing
    shape: tuple[int, ...]


class Totals(NamedTuple):
    """Sums over sequences; those of log-likelihoods as a few numbers whose sum is exact."""

    sums: FloatArray  # (2, n), in two parts
    shapes: tuple[Shape, ...]  # of what is summed
    log_likelihood: tuple[float, ...]  # those that are above 0, and those below
    impossible: _checks.ImpossibleEvidenceError | None  # the first

    @classmethod
    def of(cls, expectations: Expectations, lengths: IntArray, first: int, keys: Any, where: str) -> Totals:
        """Those of one partition."""
        tables = [
            (Shape(name, type(value).__name__ if isinstance(value, tuple) else "", table.shape), table)
            for name, value in zip(SUMMED, operator.attrgetter(*SUMMED)(expectations), strict=True)
            for table in (value if isinstance(value, tuple) else [] if value is None else [value])
        ]
        flat = np.concatenate([table.ravel() for _, table in tables])
        impossible = None
        for n in np.flatnonzero(expectations.n_possible < lengths)[:1]:
            impossible = _checks.ImpossibleRowsError(int(expectations.n_possible[n]), first + int(n), keys[n], where)
        return cls(
            np.array([flat, np.zeros_like(flat)]),
            tuple(shape for shape, _ in tables),
            _by_sign(expectations.log_likelihood.tolist()),
            impossible,
        )

    def expectations(self) -> Expectations:
        """The same as of one machine, but that log-likelihoods are not of one sequence each."""
        stops = np.cumsum([math.prod(shape) for *_, shape in self.shapes])[:-1]
        tables = dict[str, Any]()
        parts = zip(self.shapes, np.split(self.sums.sum(axis=0), stops), strict=True)
        for (name, kind), some in itertools.groupby(parts, lambda part: part[0][:2]):
            values = [table.reshape(shape) for (*_, shape), table in some]
            tables[name] = KINDS[kind](*values) if kind else values[0]
        n_possible: Any = self.impossible
        return Expectations(np.array(self.log_likelihood), n_possible, **tables)


def added(parts: Iterable[Totals | None]) -> Totals | None:
    """Totals of several partitions, from the first to the last; those without rows have none."""
    some = [part for part in parts if part is not None]
    if not some:
        return None
    sums = some[0].sums.copy()
    for part in some[1:]:
        add_in_two_parts(part.sums[0], sums)
        sums[1] += part.sums[1]
    impossible = next((part.impossible for part in some if part.impossible is not None), None)
    log_likelihood = _by_sign([number for part in some for number in part.log_likelihood])
    return Totals(sums, some[0].shapes, log_likelihood, impossible)


def _by_sign(numbers: list[float]) -> tuple[float, ...]:
    """A few numbers with the very sum of many; those above 0 and those below by themselves, so that sizes add up."""
    above, below = [x for x in numbers if x >= 0], [x for x in numbers if not x >= 0]
    return (*_few(above), *_few(below))


def _few(numbers: list[float]) -> list[float]:
    """Their sum as it is rounded, what is left over as that is rounded, and so on, until nothing is left."""
    few = list[float]()
    while (rest := math.fsum([*numbers, *(-x for x in few)])) != 0:
        few.append(rest)
        if not math.isfinite(rest):
            break
    return few
