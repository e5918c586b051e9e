"""What is learnt from: observations let in once, where sequences begin, what they count, states that are known."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter.emissions.learning import add_in_two_parts
from hmmfilter.transitions.protocol import Told


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
    def _log_move(self) -> Any:
        """What leads from step to step: of a chain that lists its moves, ways."""
        ...

    @property
    def chain(self) -> Any:
        """How it moves."""
        ...

    @property
    def final(self) -> FloatArray | None:
        """(K,), where sequences end."""
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

    def _with(
        self, initial: FloatArray, transition: Any, emission: Any, *, final: FloatArray | None = None
    ) -> Model: ...

    def _sequences(
        self, observations: Any, lengths: npt.ArrayLike | None
    ) -> tuple[list[Any] | None, _checks.Labels]: ...

    def _beside(
        self, starts: IntArray, keys: Sequence[Hashable] | None, *, covariates: Any, times: Any, transition_index: Any
    ) -> Beside: ...


class Given(NamedTuple):
    """What comes with observations that are to be learnt from, as it came."""

    lengths: npt.ArrayLike | None = None
    allowed: Any = None
    labels: Any = None
    weights: Any = None
    covariates: Any = None
    times: Any = None
    transition_index: Any = None
    log_weights: Any = None


NOTHING_GIVEN = Given()


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sequences one after the other, as an emission lets them in."""

    observations: Any  # as they came, one after the other
    observed: tuple[Any, ...] | None  # as an emission that learns from sums lets them in
    starts: IntArray  # of the sequences, and the end
    weights: FloatArray  # (N,)
    is_allowed: BoolArray | None  # (T, K)
    log_weights: FloatArray | None  # (T, K), added to log-likelihoods
    beside: Beside  # what observations and moves depend on besides
    told: Told  # what moves depend on
    n_observations: float  # steps that are not missing, each as often as its sequence counts
    labels: _checks.Labels  # of the sequences

    @property
    def n_rows(self) -> int:
        """T, of all sequences."""
        return int(self.starts[-1])

    @cached_property
    def last_rows(self) -> IntArray:
        """The last row of each sequence that has any."""
        return self.starts[1:][np.diff(self.starts) > 0] - 1

    def weigh(self, begin: int, end: int, table: FloatArray) -> None:
        """Add to the log-likelihoods of some rows what else is known of their states."""
        if self.log_weights is not None:
            table += self.log_weights[begin:end]
        if self.is_allowed is not None:
            table[~self.is_allowed[begin:end]] = -np.inf

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
    model: Model, observations: Any, given: Given = NOTHING_GIVEN, *, may_be_missing: bool = False
) -> Evidence:
    """Let in what a model is to learn from; where it is but a part of that, all of it may be missing."""
    emission, n_states = model.emission, model.n_states
    sequences, names = model._sequences(observations, given.lengths)
    parts: list[tuple[Any, Any]] = []
    if sequences is not None:
        parts = list(zip(names.names_of(len(sequences)), sequences, strict=True))
        with_steps = [sequence for _, sequence in parts if len(sequence) > 0]
        _checks.something_observed(len(with_steps))
        observations = _joined(with_steps, emission)
    lengths = given.lengths if sequences is None else [len(sequence) for _, sequence in parts]
    let_in = partial(_let_in, emission, observations, parts, n_states)
    is_known = not getattr(emission, "_needs", ())  # without anything beside
    seen = let_in(None) if is_known else None
    starts = _checks.starts(lengths, len(observations if seen is None else seen[0]))
    steps = np.diff(starts).tolist()
    beside = model._beside(
        starts,
        names.keys,
        covariates=given.covariates,
        times=given.times,
        transition_index=given.transition_index,
    )
    is_seen, observed = let_in(beside) if seen is None else seen
    counts = _checks.sequence_weights(given.weights, len(steps), names.keys)
    n_observations = float(np.repeat(counts, steps) @ is_seen)
    if not may_be_missing:
        _checks.something_observed(n_observations)
    return Evidence(
        observations,
        observed,
        starts,
        counts,
        _allowed(given.allowed, given.labels, steps, model.state_names, names),
        _checks.joined_log_weights(given.log_weights, steps, n_states, names.keys),
        beside,
        model.chain._told(beside),
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
    emission: Any, observations: Any, parts: list[tuple[Any, Any]], n_states: int, beside: Beside | None
) -> tuple[BoolArray, tuple[Any, ...] | None]:
    """Which rows are not missing, and what the emission makes of all; a message says which part is refused."""
    if not learns_from_sums(emission):
        table = _blaming(parts, observations, lambda rows: _checks.log_likelihoods(emission, rows, n_states))
        return (table != 0).any(axis=1), None
    if beside is None:
        observed = _blaming(parts, observations, emission._observed)
    else:
        observed = emission._observed(observations, beside)
    rows = observed[0].reshape(len(observed[0]), -1)
    return ~np.isnan(rows).all(axis=1), observed


def _blaming(parts: list[tuple[Any, Any]], whole: Any, let_in: Callable[[Any], Any]) -> Any:
    try:
        return let_in(whole)
    except (ValueError, TypeError):
        for name, part in parts:
            if len(part) > 0:
                with _checks.blaming(f"sequence {_checks.shown(name)}"):
                    let_in(part)
        raise


def _allowed(
    allowed: Any, labels: Any, steps: list[int], state_names: tuple[str, ...], names: _checks.Labels
) -> BoolArray | None:
    """Which states are possible at each step, as masks and labels say; None where all are."""
    n_states = len(state_names)
    shape, masks = (sum(steps), n_states), []
    if allowed is not None:
        masks.append(_checks.mask_of("allowed", _checks.joined_masks(allowed, steps, n_states, names.keys), shape))
    if labels is not None:
        known = _checks.known_states(labels, steps, n_states, names.keys, "labels", state_names)
        masks.append((known[:, None] == np.arange(n_states)) | (known < 0)[:, None])
    return np.logical_and.reduce(masks) if masks else None


class SumSource:
    """What the recursions ask of an emission that learns from sums; see `hmmfilter._drivers.expectations.Source`."""

    def __init__(self, emission: Any, evidence: Evidence) -> None:
        self._emission, self._evidence = emission, evidence

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows; −inf where a state is not allowed."""
        self._emission._fill(self._evidence.observed, begin, end, table)
        self._evidence.weigh(begin, end, table)

    def sums(self) -> FloatArray:
        """Zeros, (2, n)."""
        zeros: FloatArray = self._emission._sums(self._evidence.observed)
        return zeros

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show."""
        self._emission._add(self._evidence.observed, begin, end, posteriors, sums)


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


class TableSource(KeptSource):
    """The same of any other emission: a table of all rows, from its log-likelihoods to posteriors."""

    def __init__(self, emission: Any, evidence: Evidence) -> None:
        super().__init__(emission, evidence)
        self._table = _checks.log_likelihoods(emission, evidence.observations, emission.n_states)

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Copy some rows; −inf where a state is not allowed."""
        table[:] = self._table[begin:end]
        self._evidence.weigh(begin, end, table)


class Ending:
    """The same of sequences that end where they do: the last state of each says so, and is counted.

    Sums have K numbers more, how often each state is expected to be the last.
    """

    def __init__(self, source: Any, evidence: Evidence, final: FloatArray) -> None:
        self._source, self._last_rows = source, evidence.last_rows
        with np.errstate(divide="ignore"):
            self._log_final = np.log(final)

    def _some(self, begin: int, end: int) -> IntArray:
        """Which of some rows are the last of their sequences."""
        first, stop = np.searchsorted(self._last_rows, [begin, end])
        return self._last_rows[first:stop] - begin

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows, and of ending there."""
        self._source.fill(begin, end, table)
        table[self._some(begin, end)] += self._log_final

    def sums(self) -> FloatArray:
        """Zeros, (2, n + K)."""
        zeros: FloatArray = np.pad(self._source.sums(), ((0, 0), (0, len(self._log_final))))
        return zeros

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show, and how often each state is the last."""
        shown, ends = split(sums, len(self._log_final))
        self._source.add(begin, end, posteriors, shown)
        add_in_two_parts(posteriors[self._some(begin, end)].T.copy().sum(axis=1), ends)
        sums[:] = np.concatenate([shown, ends], axis=1)


def split(sums: FloatArray, n_states: int) -> tuple[FloatArray, FloatArray]:
    """What is shown, (..., n), and how often each state is the last, (..., K)."""
    return sums[..., :-n_states].copy(), sums[..., -n_states:].copy()
