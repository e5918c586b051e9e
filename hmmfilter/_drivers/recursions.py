"""What one worker runs the recursions with: room for matrices made ready, for blocks and for states."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from hmmfilter._arrays import FloatArray, Held, IntArray
from hmmfilter._drivers.jobs import Piece
from hmmfilter._drivers.together import together_for
from hmmfilter._kernels.block import block_rows, room_for_steps
from hmmfilter._kernels.tables import Tables, matrix_count
from hmmfilter._kernels.wide import PLANES
from hmmfilter._ready import lanes_of, slots_of
from hmmfilter._tiers import kernels

MOST_HELD = 2**24  # entries, 128 MB, of matrices made ready: they take four times the room of those that are given


def slots(tables: Tables, slots_for: Callable[[int, int], FloatArray]) -> FloatArray:
    """Room for matrices made ready: for all of them where an index may come back, else for one."""
    n_matrices = matrix_count(tables) if tables.transition_index.size > 0 else 1
    return slots_for_up_to(n_matrices, tables.log_likelihoods.shape[1], slots_for)


def slots_for_moves_of(tables: Tables) -> FloatArray:
    """Room for what leads from step to step made ready, one way: matrices, or those of a network."""
    return slots(tables, lambda n_slots, n_states: slots_of(tables.log_transition, n_slots, n_states))


def slots_for_up_to(n_matrices: int, n_states: int, slots_for: Callable[[int, int], FloatArray]) -> FloatArray:
    """Room for so many matrices made ready, or for fewer, up to `MOST_HELD`."""
    one = slots_for(1, n_states)
    return one if n_matrices == 1 else slots_for(min(n_matrices, max(1, MOST_HELD // one.size)), n_states)


def room_for_blocks(tables: Tables) -> FloatArray:
    """Room for the steps of a block, or of fewer where there are no more."""
    n_rows, n_states = tables.log_likelihoods.shape
    return room_for_steps(min(block_rows(n_states), n_rows), n_states)


def n_checkpoints(tables: Tables, piece: Piece) -> int:
    """How many blocks of the piece are not the first of their sequence."""
    n_block, (first, last, begin, end) = block_rows(tables.log_likelihoods.shape[1]), piece
    if first == last:  # perhaps a part of it
        start = int(tables.starts[first])
        return (end - start - 1) // n_block - max(0, (begin - start - 1) // n_block)
    n_steps = tables.starts[first + 1 : last + 2] - tables.starts[first : last + 1]
    return int(((n_steps - 1) // n_block).sum())


class Recursion:
    """What one worker runs the recursions with: room of its own, and the outcome that all of them fill."""

    def __init__(self, tables: Tables, outcome: tuple[IntArray, FloatArray]) -> None:
        n_states = tables.log_likelihoods.shape[1]
        self._tables, self._given, self.outcome = tables, tuple(tables), outcome
        self._lanes = lanes_of(tables.log_transition, n_states)
        self.chains, self._room = slots_for_moves_of(tables), room_for_blocks(tables)
        self.state = np.empty((PLANES, n_states))  # α before or after a piece or, backwards, ω
        self._together = together_for(tables, outcome)

    @cached_property
    def unread(self) -> tuple[FloatArray, FloatArray]:
        """Rows and increments of a block, for a kernel to compute in where nobody reads them."""
        n_states = self.state.shape[1]
        n_block = block_rows(n_states)
        return np.empty((n_block, n_states)), np.empty(n_block)

    @cached_property
    def backward_chains(self) -> FloatArray:
        return slots_for_moves_of(self._tables)

    def forward(self, piece: Piece, rows: FloatArray, increments: FloatArray, checkpoints: FloatArray) -> None:
        """Filter a piece: its sequences eight at a time, and one after the other those that this leaves."""
        if self._together is None:
            self._forward_alone(piece, rows, increments, checkpoints)
            return
        for part in self._together.forward(piece, rows, increments, self.chains):
            self._forward_alone(
                part,
                rows_of(part, piece, rows),
                rows_of(part, piece, increments),
                checkpoints_of(self._tables, part, piece, checkpoints),
            )

    def _forward_alone(self, piece: Piece, rows: FloatArray, increments: FloatArray, checkpoints: FloatArray) -> None:
        """Filter a piece row by row."""
        kernels.run_forward(
            self._given,
            piece.first,
            piece.begin,
            piece.end,
            self._lanes,
            self.chains,
            self._room,
            self.state,
            checkpoints,
            rows,
            increments,
            *self.outcome,
        )

    def backward(self, piece: Piece, rows: FloatArray, checkpoints: FloatArray) -> None:
        """Smooth what `forward` left of a piece: of those that end with it, the one that it came to last."""
        if self._together is None:
            self._backward_alone(piece, rows, checkpoints)
            return
        spoilt, left = self._together.backward(piece, rows, self.backward_chains)
        for part in spoilt:
            its_checkpoints = checkpoints_of(self._tables, part, piece, checkpoints)
            self._forward_alone(part, rows_of(part, piece, rows), self.unread[1], its_checkpoints)
        for part in left:
            its_checkpoints = checkpoints_of(self._tables, part, piece, checkpoints)
            self._backward_alone(part, rows_of(part, piece, rows), its_checkpoints)

    def _backward_alone(self, piece: Piece, rows: FloatArray, checkpoints: FloatArray) -> None:
        """Smooth a piece row by row."""
        kernels.run_backward(
            self._given,
            piece.last,
            piece.begin,
            piece.end,
            self._lanes,
            self.chains,
            self.backward_chains,
            self._room,
            self.state,
            checkpoints,
            rows,
            self.outcome[0],
        )

    def trace(self, piece: Piece, before: FloatArray) -> FloatArray:
        """Wide α of a piece, (rows, 4, K), from the state before it."""
        alphas = np.empty((piece.end - piece.begin, *before.shape))
        kernels.run_trace(
            self._given, piece.first, piece.begin, piece.end, self._lanes, self.chains, self._room, before, alphas
        )
        return alphas


def room_for_checkpoints(tables: Tables, piece: Piece) -> FloatArray:
    """Room for the states before all blocks of the piece that are not the first of their sequence."""
    return np.empty((n_checkpoints(tables, piece), PLANES, tables.log_likelihoods.shape[1]))


def rows_of(part: Piece, piece: Piece, table: FloatArray) -> FloatArray:
    """The rows of a part in a table of a piece; all of a shorter table, which nobody reads."""
    is_held = len(table) >= piece.end - piece.begin
    return table[part.begin - piece.begin : part.end - piece.begin] if is_held else table


def checkpoints_of(tables: Tables, part: Piece, piece: Piece, checkpoints: FloatArray) -> FloatArray:
    """The room of a part in that for the checkpoints of a piece; all of a shorter one, a ring that nobody reads."""
    if part == piece or len(checkpoints) < n_checkpoints(tables, piece):
        return checkpoints
    before = n_checkpoints(tables, Piece(piece.first, part.last, piece.begin, part.begin))
    return checkpoints[before : before + n_checkpoints(tables, part)]


def undo_code(table: FloatArray, hold: Held) -> None:
    """Make plain numbers, or their logs, of `coded` ones, in place; or leave them as they are."""
    if hold != "coded":
        (kernels.take_numbers if hold == "probabilities" else kernels.take_logs)(table.reshape(-1))
