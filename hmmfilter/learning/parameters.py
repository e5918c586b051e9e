"""The parameters of a model by name, which of their entries are free, and the directions in which they can move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter.emissions.learning import HELD
from hmmfilter.learning.evidence import Model, learns_from_sums
from hmmfilter.transitions import Durations

Number = TypeVar("Number", bound=np.generic)
Values = dict[str, FloatArray]
Block = tuple[IntArray, FloatArray]  # some entries, (n,), and directions of them, (n, p)
EMISSION, TRANSITION, FINAL = "emission.", "transition", "final"


def values_of(model: Model) -> Values:
    """All parameters of a model, by name; an emission that learns as a whole has none."""
    values = {"initial": model.initial} | of_chain(model.chain._parameters())
    if model.final is not None:
        values[FINAL] = model.final
    if learns_from_sums(model.emission):
        values |= {EMISSION + name: value for name, value in model.emission._parameters().items()}
    return values


def of_chain(own: dict[str, Any]) -> dict[str, Any]:
    """What a chain has by its own names, by those of a model: that of the matrix itself is the chain's."""
    return {f"{TRANSITION}.{name}" if name else TRANSITION: value for name, value in own.items()}


@dataclass(frozen=True, eq=False)
class Part:
    """One parameter: what it is, and which of its entries are one number, −1 where one is held."""

    name: str
    groups: IntArray
    are_rows: bool = False  # that sum to 1
    are_rates: bool = False  # of moves, from which those on the diagonal follow, so that rows sum to 0
    is_symmetric: bool = False
    bounds: tuple[float, float] = (-np.inf, np.inf)  # which entries may reach

    @property
    def own_name(self) -> str:
        """The name that the emission, or the chain, has for it."""
        if self.is_of_chain:
            return self.name.removeprefix(TRANSITION).removeprefix(".")
        return self.name.removeprefix(EMISSION)

    @property
    def is_of_emission(self) -> bool:
        """Whether it says what the states show."""
        return self.name.startswith(EMISSION)

    @property
    def is_of_chain(self) -> bool:
        """Whether it says how the chain moves."""
        return self.name.startswith(TRANSITION)

    @cached_property
    def is_tied(self) -> bool:
        """Whether several entries are one free number."""
        groups = self.lower(self.groups) if self.groups.ndim > 0 else self.groups
        free = groups[groups >= 0]
        return len(np.unique(free)) < len(free)

    def is_free(self, values: FloatArray) -> BoolArray:
        """Which entries can move: not those that are held, or at a bound."""
        return (self.groups >= 0) & ~self.at_bound(values)

    def at_bound(self, values: FloatArray) -> BoolArray:
        """Which entries that are not held have come to a bound."""
        lower, upper = self.bounds
        reached: BoolArray = (self.groups >= 0) & ((values == lower) | (values == upper))
        return reached

    def unit(self, values: FloatArray) -> float:
        """In which distances from a bound are told: those of rates are, beside the fastest way out of a state."""
        return float(-values.diagonal().min()) if self.are_rates else 1.0

    def groups_at(self, values: FloatArray) -> IntArray:
        """The groups of the entries that can move."""
        return np.where(self.is_free(values), self.groups, HELD)

    @cached_property
    def entries(self) -> tuple[IntArray, ...]:
        """The indexes of all entries; of a symmetric matrix, those of its lower triangle."""
        is_entry = np.ones(self.groups.shape, dtype=np.bool_)
        return np.nonzero(np.tril(is_entry) if self.is_symmetric else is_entry)

    def lower(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Such entries of an array, in a row."""
        return values[self.entries]

    def uncommon(self, slopes: FloatArray, values: FloatArray) -> FloatArray:
        """Slopes but for what those along a row of probabilities have in common: how much more a share is worth."""
        if not self.are_rows:
            return slopes
        known = np.where(values > 0, slopes, 0.0)
        free = np.where(self.groups >= 0, values, 0.0)
        left = free.sum(axis=-1, keepdims=True)
        common = (free * known).sum(axis=-1, keepdims=True) / np.where(left > 0, left, 1.0)
        uncommon: FloatArray = slopes - common
        return uncommon

    def whole(self, row: FloatArray) -> FloatArray:
        """The array of such entries."""
        array = np.empty(self.groups.shape)
        array[self.entries] = row
        if self.is_symmetric:
            np.swapaxes(array, -1, -2)[self.entries] = row
        return array

    def directions(self, values: FloatArray) -> list[Block]:
        """Orthonormal directions in which the entries can move, by blocks that have nothing to do with each other."""
        groups = self.lower(self.groups_at(values))
        free = np.flatnonzero(groups >= 0)
        numbers, group_of = np.unique(groups[free], return_inverse=True)
        if self.are_rows and len(numbers) == len(free):
            width = self.groups.shape[-1]
            rows = [free[free // width == row] for row in range(len(groups) // width)]
            return [(row, _null_space(np.ones((1, len(row))))) for row in rows if len(row) > 1]
        tying = np.zeros((len(free), len(numbers)))
        tying[np.arange(len(free)), group_of] = 1.0
        tying /= np.sqrt(tying.sum(axis=0))
        if self.are_rows:
            tying = tying @ _null_space(self._row_sums(free, tying))
        return [(free, tying)]

    def n_free(self) -> int:
        """How many free numbers there are, whatever their values."""
        groups = self.lower(self.groups)
        numbers, group_of = np.unique(groups[groups >= 0], return_inverse=True)
        if not self.are_rows or len(numbers) == 0:
            return len(numbers)
        free = np.flatnonzero(groups >= 0)
        if len(numbers) == len(free):  # of each row, one follows from the others
            return len(free) - len(np.unique(free // self.groups.shape[-1]))
        return len(numbers) - int(np.linalg.matrix_rank(self._row_sums(free, np.eye(len(numbers))[group_of])))

    def _row_sums(self, entries: IntArray, directions: FloatArray) -> FloatArray:
        """How the sum of each row changes along directions of some entries."""
        width = self.groups.shape[-1]
        sums = np.zeros((self.groups.size // width, directions.shape[1]))
        np.add.at(sums, entries // width, directions)
        return sums


def _null_space(constraints: FloatArray) -> FloatArray:
    """Orthonormal directions that change none of these."""
    _, sizes, directions = np.linalg.svd(constraints)
    rank = int((sizes > 1e-9 * max(1.0, sizes.max(initial=0.0))).sum())
    free: FloatArray = directions[rank:].T
    return free


def parts_of(model: Model, initial: str, fixed: Any, tied: Any) -> tuple[Part, ...]:
    """The parameters of a start, with what is held and tied; an entry that is at a bound is held."""
    values = values_of(model)
    _checks.learnable_start(model.initial, initial, isinstance(model.chain, Durations))
    emission = model.emission
    chain = model.chain
    shapes = {name: value.shape for name, value in values.items()}
    if not learns_from_sums(emission):
        shapes["emission"] = ()
    of_all = {EMISSION + name for name in getattr(emission, "_of_all", ())}
    held, groups = _checks.held_entries(fixed, shapes), _checks.tied_entries(tied, shapes, of_all)
    for name, are_given in of_chain(chain._given()).items():
        held[name] |= are_given
        groups[name][are_given] = groups[name].max() + 1 + np.arange(np.count_nonzero(are_given))
    is_tied = len(np.unique(groups["initial"])) < model.n_states
    if _checks.free_initial(initial, held["initial"], is_tied) != "free":
        held["initial"][:] = True
    if not learns_from_sums(emission):
        values["emission"] = np.zeros(())
    distributions = {"initial", *_named(chain, emission, "DISTRIBUTIONS")}
    bounds = {FINAL: (0.0, 1.0), **_named(chain, emission, "BOUNDS")}
    rates, symmetric = _named(chain, None, "GENERATORS"), _named(None, emission, "_symmetric")
    parts = []
    for name, value in values.items():
        numbers = groups[name]
        if name in symmetric:
            numbers = np.minimum(numbers, np.swapaxes(numbers, -1, -2))
        known = (0.0, np.inf) if name in distributions else bounds.get(name, (-np.inf, np.inf))
        is_held = held[name] | np.isin(value, known)
        _checks.groups_agree(name, numbers, value, is_held)
        is_held = np.isin(numbers, numbers[is_held])
        numbers = np.unique(numbers, return_inverse=True)[1].reshape(value.shape)
        groups_of_all = np.where(is_held, HELD, numbers)
        parts.append(Part(name, groups_of_all, name in distributions, name in rates, name in symmetric, known))
    return tuple(parts)


def _named(chain: Any, emission: Any, what: str) -> dict[str, Any]:
    """What a chain and an emission say of their parameters, by the names of a model."""
    of_both = []
    for part in (chain, emission):
        said = getattr(part, what, {})
        of_both.append(said if isinstance(said, dict) else dict.fromkeys(said))
    return of_chain(of_both[0]) | {EMISSION + name: value for name, value in of_both[1].items()}
