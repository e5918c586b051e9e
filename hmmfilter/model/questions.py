"""How a model is asked: its numbers, and how observations become the tables that the doors take."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, Valued
from hmmfilter.emissions import Emission
from hmmfilter.results.base import Result

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Questions(Valued):
    """What all questions to a model have in common."""

    initial: FloatArray
    transition: FloatArray
    emission: Emission
    state_names: tuple[str, ...]
    log_initial: FloatArray = field(init=False)
    log_transition: FloatArray = field(init=False)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.initial)

    def _ask(
        self,
        door: Callable[..., Answer],
        observations: Any,
        lengths: npt.ArrayLike | None,
        allowed: Any,
        workers: int,
        progress: bool,
        **options: Any,
    ) -> Answer:
        """What a door says of observations; a result calls states, steps and sequences by their names."""
        tables, labels = self._evidence(observations, lengths, allowed)
        try:
            answer = door(
                self.log_initial, self.log_transition, **tables, workers=workers, progress=progress, **options
            )
        except _checks.ImpossibleEvidenceError as error:
            _checks.refuse_by_key(error, labels.keys)
        if isinstance(answer, Result):
            answer._freeze(state_names=self.state_names, _labels=labels)  # as yet, it is nobody else's
        return answer

    def _evidence(
        self, observations: Any, lengths: npt.ArrayLike | None, allowed: Any
    ) -> tuple[dict[str, Any], _checks.Labels]:
        """What the doors take of the observations of one sequence, or of several, and what these call their parts."""
        sequences, labels = self._sequences(observations, lengths)
        if sequences is None:
            is_asked = lengths is None or not _checks.are_none(observations)
            table = self._table_of(observations) if is_asked else self._no_rows()
            labels = _checks.labels_of(observations)
            return {"log_likelihoods": table, "lengths": lengths, "allowed": allowed}, labels
        steps = list(map(len, sequences))
        masks = _checks.joined_masks(allowed, steps, self.n_states, labels.keys)
        table = self._joined_table_of(sequences, labels.names_of(len(sequences)))
        labels = labels._replace(index=_checks.joined_index(sequences))
        return {"log_likelihoods": table, "lengths": steps, "allowed": masks}, labels

    def _sequences(self, observations: Any, lengths: npt.ArrayLike | None) -> tuple[list[Any] | None, _checks.Labels]:
        """Several sequences, and what these call their parts; None where observations are one, or have lengths."""
        sequences, labels = _checks.keyed(observations, self.emission, lengths)
        if sequences is None:
            sequences = _checks.sequences(observations, self.emission, lengths)
        return sequences, labels

    def _table_of(self, observations: Any) -> FloatArray:
        return _checks.log_likelihoods(self.emission, observations, self.n_states)

    def _joined_table_of(self, sequences: list[Any], names: Sequence[Hashable]) -> FloatArray:
        with_steps = [(name, sequence) for name, sequence in zip(names, sequences, strict=True) if len(sequence) > 0]
        if not with_steps:
            return self._no_rows()
        named = ((f"sequence {_checks.shown(name)}", sequence) for name, sequence in with_steps)
        if not _checks.is_of_this_library(self.emission):
            return np.concatenate([*self._tables_of(named)])
        try:
            return self._table_of(_checks.one_after_the_other([sequence for _, sequence in with_steps], self.emission))
        except (ValueError, TypeError):
            for _ in self._tables_of(named):
                pass
            raise

    def _tables_of(self, parts: Iterable[tuple[str, Any]]) -> Iterator[FloatArray]:
        """The table of each part, one by one; a message says in which part an observation is refused."""
        for name, part in parts:
            with _checks.blaming(name):
                table = self._table_of(part)
            yield table

    def _no_rows(self) -> FloatArray:
        return np.empty((0, self.n_states))
