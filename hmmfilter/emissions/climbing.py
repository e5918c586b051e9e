"""The maximisation step of families without a closed form: Newton's steps along exact slopes, never down.

Steps are of numbers without bounds, of logs and of log-odds, in units. Curvatures are differences of slopes. What is
climbed is a sum over states: numbers that have no state in common, directly or by ties, are climbed beside each other,
each set of them with steps of its own length.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter.emissions.learning import Groups

MOST_STEPS = 200
FARTHEST = 3.0  # of logs, in one step
NEAR = 2.0**-17  # units between slopes whose difference is a curvature
FLAT = 1e-12  # of a curvature, as a share of the largest, which is one of rounding
SHORTEST = 1e-12  # of steps, as a share


def climbed(emission: Any, shown: Any, groups: Groups) -> Any:
    """The emission that is most probable for what is shown, or the same where nothing better is found."""
    climb = Climb(emission, shown, groups)
    here = climb.start
    heights, slopes = climb.heights(here), climb.slopes(here)
    for _ in range(MOST_STEPS):
        steps = climb.steps(here, slopes)
        promised = climb.by_set(slopes * steps) / 2
        resolution = climb.resolution(heights)
        steps[~(promised > 0)[climb.sets]] = 0.0
        here, heights, has_moved = climb.higher(here, heights, steps, np.where(promised > resolution, 0.0, resolution))
        if not (has_moved & (promised > resolution)).any():  # the last one is too short for heights to tell
            break
        slopes = climb.slopes(here)
    return here


@dataclass(frozen=True, eq=False)
class Climb:
    """What is climbed, and along which numbers."""

    emission: Any
    shown: Any
    groups: Groups

    @cached_property
    def numbers(self) -> dict[str, IntArray]:
        """Which free number each entry of each parameter is; −1 where it is held."""
        numbers, n = {}, 0
        for name, values in self.emission._parameters().items():
            groups = self.groups.get(name, np.arange(values.size))
            _, number_of = np.unique(groups[groups >= 0], return_inverse=True)
            numbers[name] = np.full(values.shape, -1)
            numbers[name][groups >= 0] = number_of + n
            n += int(number_of.max(initial=-1)) + 1
        return numbers

    @cached_property
    def n_free(self) -> int:
        """How many free numbers there are."""
        return 1 + max(int(numbers.max()) for numbers in self.numbers.values())

    @cached_property
    def sets_of_states(self) -> IntArray:
        """Which states are climbed with which: those that ties join."""
        sets = np.arange(self.emission.n_states)
        for _ in range(len(sets)):
            for numbers in self.numbers.values():
                for n in np.unique(numbers[numbers >= 0]):
                    sets[numbers == n] = sets[numbers == n].min()
        return sets

    @cached_property
    def sets(self) -> IntArray:
        """The set of each free number."""
        sets = np.zeros(self.n_free, dtype=np.int64)
        for numbers in self.numbers.values():
            sets[numbers[numbers >= 0]] = self.sets_of_states[numbers >= 0]
        return sets

    @cached_property
    def units(self) -> FloatArray:
        """How long a step of 1 is, of each free number."""
        units, given = np.ones(self.n_free), self.emission._units()
        for name, unit in given.items():
            numbers = self.numbers[name]
            units[numbers[numbers >= 0]] = unit[numbers >= 0]
        return units

    @cached_property
    def are_logs(self) -> FloatArray:
        """1 where steps are those of logs, 0 elsewhere."""
        are_logs = np.zeros(self.n_free)
        for name, numbers in self.numbers.items():
            are_logs[numbers[numbers >= 0]] = float(np.isfinite(self.emission.DOMAINS[name].low))
        return are_logs

    @cached_property
    def start(self) -> Any:
        """Where the climb begins: tied entries that are not one number yet begin in their middle."""
        values, is_other = dict(self.emission._parameters()), False
        for name, numbers in self.numbers.items():
            for n in np.unique(numbers[numbers >= 0]):
                tied = values[name][numbers == n]
                if tied.min() != tied.max():
                    domain, is_other = self.emission.DOMAINS[name], True
                    middle = domain.of_natural(domain.natural(tied).mean(keepdims=True))
                    values[name] = np.where(numbers == n, middle, values[name])
        return self.emission._with(values) if is_other else self.emission

    def by_set(self, terms: FloatArray) -> FloatArray:
        """Sums of what free numbers have, by sets, (K,)."""
        sums: FloatArray = np.bincount(self.sets, weights=terms, minlength=self.emission.n_states).astype(np.float64)
        return sums

    def heights(self, there: Any) -> FloatArray:
        """How probable what is shown is, of each set, (K,); −inf where that is not known."""
        heights = np.bincount(self.sets_of_states, there._expected(self.shown), self.emission.n_states)
        return np.where(np.isnan(heights), -np.inf, heights)

    def resolution(self, heights: FloatArray) -> FloatArray:
        """Four units in the last place of the sums that heights are."""
        weight = np.bincount(self.sets_of_states, self.emission._weight(self.shown), self.emission.n_states)
        return 4.0 * np.spacing(np.where(np.isfinite(heights), np.abs(heights), 0.0) + weight)

    def moved(self, there: Any, steps: FloatArray) -> Any:
        """The emission that so many units of each free number lead to; None where there is none."""
        values = dict(there._parameters())
        for name, numbers in self.numbers.items():
            domain, free = self.emission.DOMAINS[name], numbers >= 0
            own = (steps * self.units)[numbers[free]]
            moved = values[name].copy()
            moved[free] = domain.moved(values[name][free], own)
            if not domain.holds(moved[free]):
                return None
            values[name] = moved
        with contextlib.suppress(ValueError):  # where numbers are fine by themselves, but not together
            return there._with(values)
        return None

    def slopes(self, there: Any) -> FloatArray:
        """The slopes of the height along each free number, by units."""
        score, values = there._rises(self.shown), there._parameters()
        along = np.zeros(self.n_free)
        for name, numbers in self.numbers.items():
            free = numbers >= 0
            slope = score[name] * there.DOMAINS[name].pace(values[name])
            along += np.bincount(numbers[free], weights=slope[free], minlength=self.n_free)
        return along * self.units

    def chosen(self) -> Iterator[IntArray]:
        """Free numbers of different sets, that move at once: the first of each, the second, ..."""
        order = np.zeros(self.n_free, dtype=np.int64)
        for each in np.unique(self.sets):
            order[self.sets == each] = np.arange((self.sets == each).sum())
        for n in range(int(order.max(initial=-1)) + 1):
            yield np.flatnonzero(order == n)

    def curvature(self, here: Any) -> FloatArray:
        """The second derivatives of the height, by units; NaN where they are not known."""
        curvature = np.zeros((self.n_free, self.n_free))
        for chosen in self.chosen():
            step = np.zeros(self.n_free)
            step[chosen] = NEAR
            ahead, behind = self.moved(here, step), self.moved(here, -step)
            if ahead is None or behind is None:
                return np.full_like(curvature, np.nan)
            change = (self.slopes(ahead) - self.slopes(behind)) / (2 * NEAR)
            for n in chosen:
                curvature[:, n] = np.where(self.sets == self.sets[n], change, 0.0)
        symmetric: FloatArray = (curvature + curvature.T) / 2
        return symmetric

    def steps(self, here: Any, slopes: FloatArray) -> FloatArray:
        """Newton's, of each set; along axes where the height bends upwards as long, and uphill."""
        curvature, steps = self.curvature(here), np.zeros(self.n_free)
        for each in np.unique(self.sets):
            own = np.flatnonzero(self.sets == each)
            block, slope = curvature[np.ix_(own, own)], slopes[own]
            if not slope.any() or not np.isfinite(slope).all():
                continue
            if np.isfinite(block).all():
                bends, axes = np.linalg.eigh(block)
                along = axes.T @ slope
                least = FLAT * max(np.abs(bends).max(), np.abs(slope).max())
                step = axes @ (along / np.maximum(np.abs(bends), least))
            else:
                step = slope / np.abs(slope).max()
            longest = (np.abs(step) * self.are_logs[own]).max()
            steps[own] = step * min(1.0, FARTHEST / longest) if longest > 0 else step
        return steps

    def higher(
        self, here: Any, heights: FloatArray, steps: FloatArray, allowance: FloatArray
    ) -> tuple[Any, FloatArray, BoolArray]:
        """Where steps, or a quarter of them, or less, lead down by no more than an allowance; and which sets move."""
        shares = np.ones(self.emission.n_states)
        while True:
            own = steps * shares[self.sets]
            there = self.moved(here, own)
            reached = None if there is None else self.heights(there)
            is_lower = np.ones(shares.shape, dtype=np.bool_) if reached is None else ~(reached >= heights - allowance)
            if reached is not None and not (is_lower & (shares > 0)).any():
                return there, reached, self.by_set(np.abs(own)) > 0
            shares[is_lower] = np.where(shares[is_lower] > SHORTEST, shares[is_lower] / 4, 0.0)
