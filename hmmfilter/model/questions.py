"""How a model is asked: its numbers, and how observations become the tables that the doors take."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray, Valued
from hmmfilter._beside import Beside
from hmmfilter.emissions import Emission
from hmmfilter.emissions.protocol import log_of
from hmmfilter.results.base import Result
from hmmfilter.transitions import Dense, Durations, Sparse, Structured, Transitions

Answer = TypeVar("Answer")


class Given(NamedTuple):
    """What comes with observations, as it came: of one sequence, or of several."""

    lengths: npt.ArrayLike | None = None
    allowed: Any = None
    covariates: Any = None
    times: Any = None
    transition_index: Any = None
    log_weights: Any = None

    @property
    def of_steps(self) -> dict[str, Any]:
        """What an emission, or a chain, may need."""
        return {
            "covariates": self.covariates,
            "times": self.times,
            "transition_index": self.transition_index,
        }


class Evidence(NamedTuple):
    """What the doors take of the observations of one sequence, or of several, and what these call their parts."""

    log_likelihoods: FloatArray  # (T, K)
    log_weights: FloatArray | None  # (T, K), of soft evidence
    lengths: Any
    allowed: Any
    beside: Beside
    with_ahead: Beside  # the same, with the rows of steps to come
    labels: _checks.Labels

    def soft(self, log_final: FloatArray | None) -> FloatArray | None:
        """What is known besides observations, (T, K): soft evidence, and that each sequence ends; None for nothing."""
        if log_final is None:
            return self.log_weights
        known = np.zeros(self.log_likelihoods.shape) if self.log_weights is None else self.log_weights.copy()
        known[self.beside.last_rows] += log_final
        return known

    def weighed(self, log_final: FloatArray | None) -> FloatArray:
        """The log-likelihoods with all that is known besides."""
        soft = self.soft(log_final)
        if soft is None:
            return self.log_likelihoods
        with np.errstate(invalid="ignore"):  # of a density without bound, which a door will refuse
            weighed: FloatArray = _checks.float_array("log_likelihoods", self.log_likelihoods) + soft
        return weighed


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Questions(Valued):
    """What all questions to a model have in common."""

    initial: FloatArray
    transition: Any
    emission: Emission
    state_names: tuple[str, ...]
    final: FloatArray | None
    chain: Any = field(init=False)
    log_initial: FloatArray = field(init=False)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.initial)

    @property
    def log_transition(self) -> FloatArray:
        """Natural logs of the transition, (K, K); an AttributeError where it is not one matrix."""
        _checks.one_matrix(type(self.chain).__name__, isinstance(self.chain, Dense))
        logs: FloatArray = self.chain.log_matrix
        return logs

    @cached_property
    def log_final(self) -> FloatArray | None:
        """Natural logs of the end probabilities, (K,); None where there are none."""
        return None if self.final is None else log_of(self.final)

    @cached_property
    def _log_going_on(self) -> FloatArray:
        """Natural logs of the probabilities that a sequence does not end yet, (K, 1)."""
        with np.errstate(divide="ignore"):
            logs: FloatArray = np.log1p(-np.asarray(self.final))
        return logs[:, np.newaxis]

    @cached_property
    def _log_move(self) -> Any:
        """What leads on where that is known beforehand, (K, K), or the ways of a chain that lists them."""
        if isinstance(self.chain, Structured):
            return self.chain._ways() if self.final is None else self.chain._ways_that_end(self._log_going_on[:, 0])
        return self.log_transition if self.final is None else self.log_transition + self._log_going_on

    def _moves(self, beside: Beside) -> tuple[Any, IntArray | None]:
        """What leads from each row to the next, (K, K), or (M, K, K) and which of them, (T,); or all ways."""
        if isinstance(self.chain, (Dense, Structured)):
            return self._log_move, None
        if isinstance(self.chain, Durations):
            return self.chain, None
        if beside.starts[-1] == 0:
            return np.zeros((self.n_states, self.n_states)), None
        told = self.chain._told(beside)
        matrices: FloatArray = self.chain._log_matrices(told.of)
        if self.final is not None:
            matrices = matrices + self._log_going_on
        return (matrices[0], None) if told.which is None else (matrices, told.which)

    def _beside(
        self,
        starts: IntArray,
        keys: Sequence[Hashable] | None,
        *,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        n_ahead: int = 0,
    ) -> Beside:
        """Let in what lies beside the rows of sequences, and those of so many steps after each."""
        given = {"covariates": covariates, "times": times, "transition_index": transition_index}
        return _checks.beside_of(self.chain, self.emission, starts, keys, given, n_ahead)

    def _ask(
        self,
        door: Callable[..., Answer],
        observations: Any,
        given: Given,
        workers: int,
        progress: bool,
        **options: Any,
    ) -> Answer:
        """What a door says of observations; a result calls states, steps and sequences by their names."""
        return self._answer(door, self._evidence(observations, given), workers, progress, self.log_final, **options)

    def _answer(
        self,
        door: Callable[..., Answer],
        evidence: Evidence,
        workers: int,
        progress: bool,
        log_final: FloatArray | None,
        **options: Any,
    ) -> Answer:
        """What a door says of evidence, which ends with such probabilities."""
        log_transition, which = self._moves(evidence.beside)
        if which is not None:
            options["transition_index"] = which if evidence.lengths is not None else which[:-1]
        try:
            answer = door(
                self.log_initial,
                log_transition,
                evidence.weighed(log_final),
                lengths=evidence.lengths,
                allowed=evidence.allowed,
                workers=workers,
                progress=progress,
                **options,
            )
        except _checks.ImpossibleEvidenceError as error:
            _checks.refuse_by_key(error, evidence.labels.keys)
        if isinstance(answer, Result):
            answer._freeze(state_names=self.state_names, _labels=evidence.labels)  # as yet, it is nobody else's
        return answer

    def _evidence(self, observations: Any, given: Given, n_ahead: int = 0) -> Evidence:
        """What the doors take of observations, and what is known of so many steps after them."""
        sequences, labels = self._sequences(observations, given.lengths)
        needs_nothing = sequences is None and not _checks.needs_of(self.emission)
        table = self._table_of_one(observations, given.lengths) if needs_nothing else None
        if sequences is None:
            labels, masks, lengths = _checks.labels_of(observations), given.allowed, given.lengths
            starts = _checks.starts(lengths, len(observations if table is None else table))
        else:
            lengths = list(map(len, sequences))
            starts = _checks.starts(lengths, sum(lengths))
            masks = _checks.joined_masks(given.allowed, lengths, self.n_states, labels.keys)
        with_ahead = self._beside(starts, labels.keys, **given.of_steps, n_ahead=n_ahead)
        beside = with_ahead.split(n_ahead)[0] if n_ahead > 0 else with_ahead
        if sequences is not None:
            table = self._joined_table_of(sequences, labels.names_of(len(sequences)), beside)
            labels = labels._replace(index=_checks.joined_index(sequences))
        elif table is None:
            table = self._table_of_one(observations, lengths, beside)
        log_weights = None
        if given.log_weights is not None:
            steps = np.diff(starts).tolist()
            log_weights = _checks.joined_log_weights(given.log_weights, steps, self.n_states, labels.keys)
        return Evidence(table, log_weights, lengths, masks, beside, with_ahead, labels)

    def _table_of_one(self, observations: Any, lengths: Any, beside: Beside | None = None) -> FloatArray:
        """The table of observations that are one sequence, or several whose rows stand one after the other."""
        has_none = lengths is not None and _checks.are_none(observations)
        return self._no_rows() if has_none else self._table_of(observations, beside)

    def _sequences(self, observations: Any, lengths: npt.ArrayLike | None) -> tuple[list[Any] | None, _checks.Labels]:
        """Several sequences, and what these call their parts; None where observations are one, or have lengths."""
        sequences, labels = _checks.keyed(observations, self.emission, lengths)
        if sequences is None:
            sequences = _checks.sequences(observations, self.emission, lengths)
        return sequences, labels

    def _table_of(self, observations: Any, beside: Beside | None = None) -> FloatArray:
        return _checks.log_likelihoods(self.emission, observations, self.n_states, beside)

    def _joined_table_of(self, sequences: list[Any], names: Sequence[Hashable], beside: Beside) -> FloatArray:
        with_steps = [n for n, sequence in enumerate(sequences) if len(sequence) > 0]
        if not with_steps:
            return self._no_rows()
        parts = ((f"sequence {_checks.shown(names[n])}", sequences[n], beside.of_sequence(n)) for n in with_steps)
        if not _checks.is_of_this_library(self.emission):
            return np.concatenate([*self._tables_of(parts)])
        try:
            joined = _checks.one_after_the_other([sequences[n] for n in with_steps], self.emission)
            return self._table_of(joined, beside)
        except (ValueError, TypeError):
            for _ in self._tables_of(parts):
                pass
            raise

    def _tables_of(self, parts: Iterable[tuple[str, Any, Beside | None]]) -> Iterator[FloatArray]:
        """The table of each part, one by one; a message says in which part an observation is refused."""
        for name, part, beside in parts:
            with _checks.blaming(name):
                table = self._table_of(part, beside)
            yield table

    def _no_rows(self) -> FloatArray:
        return np.empty((0, self.n_states))


def chain_of(transition: npt.ArrayLike | Transitions | Structured, final: npt.ArrayLike | None, normalize: bool) -> Any:
    """How a chain moves, of an array, a sparse one, or as it is."""
    if isinstance(transition, (Structured, Durations)) or hasattr(transition, "_log_matrices"):
        return transition
    if _checks.is_sparse(transition):
        return Sparse._of(_checks.listed_moves("transition", _checks.rest_of_sparse(transition, final), normalize))
    return Dense(_checks.going_on(transition, final), normalize=normalize)


def start_of(initial: Any, chain: Any, final: Any, normalize: bool) -> FloatArray:
    """What a model begins with: states or, where these have durations, perhaps ages of them."""
    if not isinstance(chain, Durations):
        return _checks.distributions("initial", initial, (chain.n_states,), normalize)
    _checks.no_ends(final)
    return _checks.initial_of(initial, chain.durations, normalize)


def settled(chain: Transitions) -> FloatArray:
    """Where a chain settles; sojourns at any age."""
    return chain.stationary_ages() if isinstance(chain, Durations) else chain.stationary()
