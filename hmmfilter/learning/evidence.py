"""What is learnt from: observations let in once, where sequences begin, what they count, states that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray


class Model(Protocol):
    """What learning asks of a model."""

    @property
    def initial(self) -> FloatArray:
        """(K,)."""
        ...

    @property
    def transition(self) -> FloatArray:
        """(K, K)."""
        ...

    @property
    def log_initial(self) -> FloatArray:
        """(K,)."""
        ...

    @property
    def log_transition(self) -> FloatArray:
        """(K, K)."""
        ...

    @property
    def emission(self) -> Any:
        """What the states show."""
        ...

    @property
    def state_names(self) -> tuple[str, ...]:
        """K of them."""
        ...

    @property
    def n_states(self) -> int:
        """K."""
        ...

    def _with(self, initial: FloatArray, transition: FloatArray, emission: Any) -> Model: ...

    def _sequences(
        self, observations: Any, lengths: npt.ArrayLike | None
    ) -> tuple[list[Any] | None, _checks.Labels]: ...


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sequences one after the other, as an emission lets them in."""

    observations: Any  # as they came, one after the other
    observed: tuple[Any, ...] | None  # as an emission that learns from sums lets them in
    starts: IntArray  # of the sequences, and the end
    weights: FloatArray  # (N,)
    is_allowed: BoolArray | None  # (T, K)
    n_observations: float  # steps that are not missing, each as often as its sequence counts
    labels: _checks.Labels  # of the sequences

    @property
    def n_rows(self) -> int:
        """T, of all sequences."""
        return int(self.starts[-1])

    def possible(self, n_possible: IntArray) -> None:
        """Insist that each sequence that counts is possible to its end."""
        counted = np.where(self.weights > 0, n_possible, np.diff(self.starts))
        try:
            _checks.possible_evidence(counted, self.starts, None if len(counted) == 1 else counted)
        except _checks.ImpossibleEvidenceError as error:
            _checks.refuse_by_key(error, self.labels.keys)


def learns_from_sums(emission: Any) -> bool:
    """Whether an emission learns from sums, or else from a table of all rows."""
    return bool(getattr(emission, "_learns_from_sums", hasattr(emission, "_maximised")))


def evidence_of(
    model: Model,
    observations: Any,
    lengths: npt.ArrayLike | None = None,
    allowed: Any = None,
    labels: Any = None,
    weights: Any = None,
) -> Evidence:
    """Let in what a model is to learn from."""
    emission, n_states = model.emission, model.n_states
    sequences, names = model._sequences(observations, lengths)
    if sequences is not None:
        steps = list(map(len, sequences))
        with_steps = [part for part in zip(names.names_of(len(sequences)), sequences, strict=True) if len(part[1]) > 0]
        _checks.something_observed(len(with_steps))
        observations = _joined([sequence for _, sequence in with_steps], emission)
    is_seen, observed = _let_in(emission, observations, [] if sequences is None else with_steps, n_states)
    starts = _checks.starts(lengths if sequences is None else steps, len(is_seen))
    steps = np.diff(starts).tolist()
    counts = _checks.sequence_weights(weights, len(steps), names.keys)
    n_observations = float(np.repeat(counts, steps) @ is_seen)
    _checks.something_observed(n_observations)
    return Evidence(
        observations,
        observed,
        starts,
        counts,
        _allowed(allowed, labels, steps, n_states, names),
        n_observations,
        names,
    )


def _joined(sequences: list[Any], emission: Any) -> Any:
    """Sequences one after the other: frames of an emission of one's own as a frame."""
    if not _checks.is_of_this_library(emission) and all(hasattr(sequence, "iloc") for sequence in sequences):
        import pandas as pd

        return pd.concat(sequences)
    return _checks.one_after_the_other(sequences, emission)


def _let_in(
    emission: Any, observations: Any, parts: list[tuple[Any, Any]], n_states: int
) -> tuple[BoolArray, tuple[Any, ...] | None]:
    """Which rows are not missing, and what the emission makes of all; a message says which part is refused."""
    if not learns_from_sums(emission):
        table = _blaming(parts, observations, lambda rows: _checks.log_likelihoods(emission, rows, n_states))
        return (table != 0).any(axis=1), None
    observed = _blaming(parts, observations, emission._observed)
    rows = observed[0].reshape(len(observed[0]), -1)
    return ~np.isnan(rows).all(axis=1), observed


def _blaming(parts: list[tuple[Any, Any]], whole: Any, let_in: Callable[[Any], Any]) -> Any:
    try:
        return let_in(whole)
    except (ValueError, TypeError):
        for name, part in parts:
            with _checks.blaming(f"sequence {_checks.shown(name)}"):
                let_in(part)
        raise


def _allowed(allowed: Any, labels: Any, steps: list[int], n_states: int, names: _checks.Labels) -> BoolArray | None:
    """Which states are possible at each step, as masks and labels say; None where all are."""
    shape, masks = (sum(steps), n_states), []
    if allowed is not None:
        masks.append(_checks.mask_of("allowed", _checks.joined_masks(allowed, steps, n_states, names.keys), shape))
    if labels is not None:
        known = _checks.known_states(labels, steps, n_states, names.keys)
        masks.append((known[:, None] == np.arange(n_states)) | (known < 0)[:, None])
    return np.logical_and.reduce(masks) if masks else None


class SumSource:
    """What the recursions ask of an emission that learns from sums; see `hmmfilter._drivers.expectations.Source`."""

    def __init__(self, emission: Any, evidence: Evidence) -> None:
        self._emission, self._observed, self._is_allowed = emission, evidence.observed, evidence.is_allowed

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows; −inf where a state is not allowed."""
        self._emission._fill(self._observed, begin, end, table)
        if self._is_allowed is not None:
            table[~self._is_allowed[begin:end]] = -np.inf

    def sums(self) -> FloatArray:
        """Zeros, (2, n)."""
        zeros: FloatArray = self._emission._sums(self._observed)
        return zeros

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show."""
        self._emission._add(self._observed, begin, end, posteriors, sums)


class KeptSource(SumSource):
    """The same of an emission that learns from all observations: their posteriors are kept."""

    def __init__(self, emission: Any, evidence: Evidence) -> None:
        super().__init__(emission, evidence)
        self.posteriors = np.zeros((evidence.n_rows, emission.n_states))

    def sums(self) -> FloatArray:
        """None: posteriors are kept."""
        return np.zeros((2, 0))

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Keep the posteriors of some rows; threads have rows of their own."""
        self.posteriors[begin:end] = posteriors


class TableSource:
    """The same of any other emission: a table of all rows, from its log-likelihoods to posteriors."""

    def __init__(self, emission: Any, evidence: Evidence) -> None:
        table = _checks.log_likelihoods(emission, evidence.observations, emission.n_states)
        if evidence.is_allowed is not None:
            table = np.where(evidence.is_allowed, table, -np.inf)
        self._table = table
        self.posteriors = np.zeros_like(table)

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Copy some rows."""
        table[:] = self._table[begin:end]

    def sums(self) -> FloatArray:
        """None: posteriors are kept."""
        return np.zeros((2, 0))

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Keep the posteriors of some rows; threads have rows of their own."""
        self.posteriors[begin:end] = posteriors
