"""Tables whose rows come block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, TransitionLike, frozen
from hmmfilter._checks.arrays import float_array, rectangular, require_shape, whole_numbers
from hmmfilter._checks.errors import shown
from hmmfilter._checks.tables import (
    NO_INDEX,
    log_potentials,
    mask_of,
    moves_between,
    moves_in,
    only_allowed,
    transition_index_of,
)
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.tables import count_for


class Moves(NamedTuple):
    """What leads through a block of steps."""

    log_transition: Any  # (M, K, K), or the `Ways` of a network
    transition_index: IntArray  # (B,): which matrix leads from each step to the next, last of all into the first; empty


class BlockChain(NamedTuple):
    """The tables of a chain whose rows come block by block."""

    log_initial: FloatArray  # (K,)
    log_transition: Any  # (M, K, K), where each step has its own, as given, to be checked as blocks come; or `Ways`
    transition_index: IntArray | None
    is_steady: bool  # with one matrix for all steps
    allowed: BoolArray | None  # (T, K)
    is_numbered: bool = False  # a network that has moves of its own for each step, whose index is their number

    @property
    def n_coming_back(self) -> int:
        """Of how many matrices any may come back."""
        is_told = self.transition_index is not None and not self.is_numbered
        return count_for(self.log_transition)(self.log_transition) if is_told else 1


def block_chain(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    transition_index: npt.ArrayLike | None,
    allowed: npt.ArrayLike | None,
) -> BlockChain:
    """Let the tables of a chain in whose rows will come; copied, but for what has an entry a step and may be long."""
    initial = frozen(log_potentials("log_initial", log_initial, ("K",)).copy())
    moves, mask = moves_in(log_transition), None
    if allowed is not None:
        mask = mask_of("allowed", allowed, rectangular("allowed", allowed).shape)
        require_shape("allowed", mask, ("T", len(initial)))
    if isinstance(moves, Ways):
        return _network_blocks(initial, moves_between(moves, len(initial)), transition_index, mask)
    transition, index, n_states = float_array("log_transition", moves), None, len(initial)
    is_steady = transition.ndim != 3 and transition_index is None
    if transition_index is not None:
        transition = frozen(log_potentials("log_transition", transition, ("M", n_states, n_states)).copy())
        index = _index_of_blocks(transition_index, len(transition))
    elif is_steady:
        transition = frozen(log_potentials("log_transition", transition, (n_states, n_states))[None].copy())
    else:
        require_shape("log_transition", transition, (len(transition), n_states, n_states))
    return BlockChain(initial, transition, index, is_steady, mask)


def _network_blocks(
    initial: FloatArray, ways: Ways, transition_index: npt.ArrayLike | None, mask: BoolArray | None
) -> BlockChain:
    """`block_chain` where the chain is a network."""
    n_matrices = len(ways.onward.log_shares)
    if transition_index is not None:
        return BlockChain(initial, ways, _index_of_blocks(transition_index, n_matrices), False, mask)
    is_steady = n_matrices == 1
    return BlockChain(initial, ways, None if is_steady else frozen(np.arange(n_matrices)), is_steady, mask, True)


def _index_of_blocks(value: npt.ArrayLike, n_matrices: int) -> IntArray:
    """Let the numbers of the matrices in that lead from step to step, as many as these may come to be."""
    index = whole_numbers("transition_index", value)
    numbers: IntArray = frozen(transition_index_of(index, np.ones(index.shape, dtype=np.bool_), n_matrices).copy())
    return numbers


def blocks(value: Any) -> Iterator[Any]:
    """Let anything in that has one block after the other."""
    try:
        return iter(value)
    except TypeError:
        raise TypeError(f"blocks must be an iterable of blocks, got {shown(value)}") from None


def block_of(chain: BlockChain, value: npt.ArrayLike, number: int, n_before: int) -> tuple[FloatArray, Moves]:
    """Let the block of that number in, (B, K), with so many rows before it; and what leads through it."""
    n_states = len(chain.log_initial)
    rows = log_potentials(f"blocks[{number}]", value, ("B", n_states))
    n_rows, end = len(rows), n_before + len(rows)
    if chain.allowed is not None:
        _covered("allowed", len(chain.allowed), end)
        rows = only_allowed(rows, chain.allowed[n_before:end])
    if chain.is_steady:
        return rows, Moves(chain.log_transition, NO_INDEX)
    if chain.transition_index is not None:
        name = "log_transition" if chain.is_numbered else "transition_index"
        _covered(name, len(chain.transition_index) + 1, end)
        into = chain.transition_index[n_before - 1 : n_before] if n_before > 0 else [0]
        return rows, Moves(chain.log_transition, frozen(np.append(chain.transition_index[n_before : end - 1], into)))
    _covered("log_transition", len(chain.log_transition) + 1, end)
    first = max(n_before - 1, 0)
    matrices = chain.log_transition[first : end - 1]
    if len(matrices) == 0:  # of a first step alone, to which nothing leads
        matrices = frozen(np.zeros((1, n_states, n_states)))
    matrices = log_potentials("log_transition", matrices, ("M", n_states, n_states), n_before=first)
    return rows, Moves(matrices, frozen(np.append(np.arange(n_rows - 1) + (n_before > 0), 0)))


def _covered(name: str, n_covered: int, end: int) -> None:
    """Insist that an array with an entry a step has one for all that have come."""
    if end > n_covered:
        raise ValueError(f"blocks must have at most the {n_covered} rows that {name} is for, got {end} so far")


def rows_of(name: str, table: Any, rows: slice) -> Any:
    """The rows of a block, of an array or a frame with a row a step."""
    if not hasattr(table, "__len__"):
        raise TypeError(f"{name} must have a row for each step, got {shown(table)}")
    _covered(name, len(table), rows.stop)
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]
