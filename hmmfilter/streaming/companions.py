"""What a model adds to a stream: moves, and observations, that depend on more than the state and their own step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._beside import Beside
from hmmfilter._checks import Moves
from hmmfilter._kernels.network import Ways
from hmmfilter.streaming.snapshots import emission_fingerprint


class Memory(NamedTuple):
    """What a stream keeps of its last steps, where others depend on them."""

    last: Beside | None = None  # beside the last step; None before any
    before: tuple[Any, ...] = ()  # the last observations, the oldest first


NOTHING = Memory()


@dataclass(frozen=True)
class Companion:
    """How a model's chain moves where that is not always the same, and what its emission needs."""

    emission: Any = None
    chain: Any = None  # None where one matrix leads to each step, that of the stream
    log_going_on: FloatArray | None = None  # (K, 1), of a model with end probabilities
    log_final: FloatArray | None = None  # (K,)

    @cached_property
    def needs(self) -> frozenset[str]:
        """What chain and emission must have beside observations."""
        return _checks.needs_of(self.chain) | _checks.needs_of(self.emission)

    def parts(self, moves: Any) -> list[FloatArray | str]:
        """What tells the moves of this model from those of another: a matrix, or the value of a chain, and the end.

        Of a network, they are the moves onward, as listed.
        """
        chain: list[FloatArray | str] = [moves]
        if isinstance(moves, Ways):
            network: Any = moves.onward
            chain = [network.sources, network.into, network.log_values, network.kinds, network.log_shares]
        elif self.chain is not None or not isinstance(moves, np.ndarray):
            chain = [str(emission_fingerprint(moves if self.chain is None else self.chain))]
        return chain if self.log_final is None else [*chain, self.log_final]

    def beside(self, n_rows: int, given: dict[str, Any]) -> Beside:
        """Let in what lies beside some rows, or rows to come."""
        return _checks.beside_of(self.chain, self.emission, frozen(np.array([0, n_rows])), None, given)

    def table(self, observations: Any, beside: Beside, memory: Memory, n_states: int) -> FloatArray:
        """The log-likelihoods of observations that follow those in memory."""
        emission = _checks.observing(self.emission)
        return _checks.log_likelihoods(emission, observations, n_states, beside._replace(before=memory.before))

    def matrices(self, beside: Beside, memory: Memory) -> tuple[FloatArray, list[int]]:
        """What leads to the first of some rows, if any has gone before, and to each of the others; of which matrices.

        The first of all is led to by none, and has the first matrix in place of that.
        """
        joined = beside if memory.last is None else _followed(memory.last, beside)
        told = self.chain._told(joined)
        logs: FloatArray = self.chain._log_matrices(told.of)
        n_rows = int(joined.starts[-1])
        into = [0] * (n_rows - 1) if told.which is None else told.which[: n_rows - 1].tolist()
        if self.log_going_on is not None:
            logs = logs + self.log_going_on
        return frozen(np.ascontiguousarray(logs)), into if memory.last is not None else [0, *into]

    def moves(self, beside: Beside, memory: Memory) -> Moves:
        """The same as the kernels take it."""
        logs, into = self.matrices(beside, memory)
        index = _checks.NO_INDEX if len(logs) == 1 else frozen(np.array([*into[1:], into[0]], dtype=np.int64))
        return Moves(logs, index)

    def remembered(self, memory: Memory, observations: Any, beside: Beside) -> Memory:
        """What to keep once some rows are taken; none of the observations where it is not known what the last were."""
        n_rows, n_kept = int(beside.starts[-1]), getattr(self.emission, "_past", 0)
        before = () if observations is None else (*memory.before, *(_checks.entries_of(observations) or ()))
        return Memory(beside.rows(n_rows - 1, n_rows), before[-n_kept:] if n_kept > 0 else ())


def _followed(last: Beside, beside: Beside) -> Beside:
    """What lies beside a row, and then beside others."""

    def joined(first: Any, others: Any) -> Any:
        return None if others is None else frozen(np.concatenate([first, others]))

    return beside._replace(
        starts=frozen(np.array([0, 1 + beside.starts[-1]])),
        covariates=joined(last.covariates, beside.covariates),
        times=joined(last.times, beside.times),
        transition_index=joined(last.transition_index, beside.transition_index),
    )


def memory_document(memory: Memory) -> dict[str, Any]:
    """A memory for JSON; `_checks.written_memory` reads it."""
    last = memory.last or Beside(_checks.NO_INDEX)
    unit = None if last.times is None or last.times.dtype.kind != "M" else np.datetime_data(last.times.dtype)[0]
    return {
        "covariates": None if last.covariates is None else _plain(last.covariates[0]),
        "names": None if last.names is None else list(last.names),
        "time": None if last.times is None else str(last.times[0]) if unit is not None else float(last.times[0]),
        "unit": unit,
        "transition_index": None if last.transition_index is None else last.transition_index.tolist()[0],
        "before": [_plain(observation) for observation in memory.before],
    }


def memory_of(document: Any) -> Memory:
    """The memory that stands in a snapshot."""
    written = _checks.written_memory(document)
    last = Beside(frozen(np.array([0, 1])), *written[:-1])
    return Memory(last if any(part is not None for part in written[:-1]) else None, written[-1])


def _plain(value: Any) -> Any:
    """An observation as JSON takes it: lists of numbers, words, and null where missing."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    if _checks.is_missing(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
