"""Sequences of a piece eight at a time, and which of them are left to be done one by one."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._drivers.jobs import Piece
from hmmfilter._kernels.abreast import PLACES, room_for_lanes
from hmmfilter._kernels.lanes import EIGHT, lanes_for
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.tables import Tables
from hmmfilter._kernels.together import DONE, LEFT, SPOILT
from hmmfilter._tiers import kernels

MANY = len(EIGHT)  # sequences, from which on they are taken together,
BUSY = 5  # where so many lanes have something to do, on average, while one goes through the longest of them


def together_for(tables: Tables, outcome: tuple[IntArray, FloatArray]) -> Together | None:
    """What one worker takes many sequences with, by one initial distribution and one matrix; or None."""
    if len(tables.starts) <= MANY or isinstance(tables.log_transition, Ways):
        return None
    return Together(tables, outcome) if len(tables.log_initial) == len(tables.log_transition) == 1 else None


class Together:
    """What one worker takes many sequences with."""

    def __init__(self, tables: Tables, outcome: tuple[IntArray, FloatArray]) -> None:
        self._tables, self._given = tables, tuple(tables)
        self._log_likelihood = outcome[1]
        self._lanes = lanes_for(tables.log_likelihoods.shape[1])
        self._fates: IntArray | None = None  # of the sequences of the last piece; None where all are left
        self._is_hopeless = False

    @cached_property
    def _room(self) -> tuple[FloatArray, IntArray]:
        """Of lanes, and of their places."""
        return room_for_lanes(self._tables.log_likelihoods.shape[1]), np.empty((PLACES, len(EIGHT)), dtype=np.int64)

    def forward(self, piece: Piece, rows: FloatArray, increments: FloatArray, slots: FloatArray) -> list[Piece]:
        """Filter what can be, and return what is left."""
        self._fates = None
        if self._is_hopeless or not self._takes(piece):
            return [piece]
        fates = np.full(piece.last + 1 - piece.first, DONE)
        kernels.run_forward_together(
            self._given,
            piece.first,
            piece.last,
            self._lanes,
            slots,
            *self._room,
            rows,
            increments,
            self._log_likelihood,
            fates,
        )
        if 2 * np.count_nonzero(fates) > len(fates):
            self._is_hopeless = True  # other pieces will hardly be different
            return [piece]
        self._fates = fates
        return self._parts(piece, fates == LEFT)

    def backward(self, piece: Piece, rows: FloatArray, slots: FloatArray) -> tuple[list[Piece], list[Piece]]:
        """Smooth what can be; returns what is left, and before, what of that has to be filtered once more.

        The piece is the one that has been filtered last.
        """
        if self._fates is None:
            return [], [piece]
        kernels.run_backward_together(
            self._given, piece.first, piece.last, self._lanes, slots, *self._room, rows, self._fates
        )
        return self._parts(piece, self._fates == SPOILT), self._parts(piece, self._fates != DONE)

    def _takes(self, piece: Piece) -> bool:
        """Whether a piece has many whole sequences, and none of them much longer than the others."""
        if piece.last + 1 - piece.first < MANY:
            return False
        longest = int(np.diff(self._tables.starts[piece.first : piece.last + 2]).max())
        return BUSY * longest <= piece.end - piece.begin

    def _parts(self, piece: Piece, chosen: BoolArray) -> list[Piece]:
        """The parts of a piece that the chosen ones of its sequences make."""
        if not chosen.any():
            return []
        ends = np.flatnonzero(np.diff(chosen, prepend=False, append=False)) + piece.first
        starts = self._tables.starts
        return [
            Piece(first, end - 1, int(starts[first]), int(starts[end])) for first, end in ends.reshape(-1, 2).tolist()
        ]
