"""Sequences of a piece eight at a time, and which of them are left to be done one by one."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._drivers.jobs import Piece
from hmmfilter._kernels.abreast import PLACES, room_for_lanes
from hmmfilter._kernels.lanes import EIGHT, lanes_for
from hmmfilter._kernels.tables import Tables
from hmmfilter._tiers import kernels

MANY = 2 * len(EIGHT)  # sequences, from which on they are taken together


class Together:
    """What one worker takes many sequences with."""

    def __init__(self, tables: Tables, outcome: tuple[IntArray, FloatArray]) -> None:
        self._tables, self._given = tables, tuple(tables)
        self._n_possible, self._log_likelihood = outcome
        self._lanes = lanes_for(tables.log_likelihoods.shape[1])
        self._suits = self._lanes is not None and len(tables.log_initial) == len(tables.log_transition) == 1

    @cached_property
    def _room(self) -> tuple[FloatArray, IntArray]:
        """Of lanes, and of their places."""
        return room_for_lanes(self._tables.log_likelihoods.shape[1]), np.empty((PLACES, len(EIGHT)), dtype=np.int64)

    def forward(self, piece: Piece, rows: FloatArray, increments: FloatArray, slots: FloatArray) -> list[Piece]:
        """Filter what can be, and return what is left."""
        if not self._takes(piece):
            return [piece]
        fates = np.zeros(piece.last + 1 - piece.first, dtype=np.int64)
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
        return self._left(piece, fates)

    def _takes(self, piece: Piece) -> bool:
        """Whether a piece has many whole sequences, by one initial distribution and one matrix."""
        return self._suits and piece.last + 1 - piece.first >= MANY

    def _left(self, piece: Piece, fates: IntArray) -> list[Piece]:
        """The parts of a piece whose fate is to be left: all of it where most are."""
        n_left = np.count_nonzero(fates)
        if n_left == 0:
            return []
        if 2 * n_left > len(fates):
            return [piece]
        ends = np.flatnonzero(np.diff(fates != 0, prepend=False, append=False)) + piece.first
        starts = self._tables.starts
        return [
            Piece(first, end - 1, int(starts[first]), int(starts[end])) for first, end in ends.reshape(-1, 2).tolist()
        ]
