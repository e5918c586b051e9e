"""What the rows of the input are to the model: evidence; and what becomes of rows that are at fault."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter._beside import Beside
from hmmfilter._tables import Reader, Row, RowError
from hmmfilter.cli.inputs import NO_COLUMNS, Columns, observations_of
from hmmfilter.cli.messages import say
from hmmfilter.model import HMM

MOST_ROWS, MOST_ENTRIES = 2**13, 2**18  # of a block: rows, and entries of its table
MOST_NOTES = 5  # of rows at fault, beyond which they are only counted


class Evidence(NamedTuple):
    """Rows that are steps, what was observed in them, and what the model makes of it."""

    rows: list[Row]
    observations: FloatArray  # (B, D), NaN where missing; of symbols with names, their numbers
    log_likelihoods: FloatArray  # (B, K); (B, 0) where rows do not stand alone
    given: list[Any]  # observations as the model takes them, where rows do not stand alone
    beside: dict[str, npt.NDArray[Any]]  # likewise, what lies beside them
    error: ValueError | None = None  # of the row after them, where it ends the work

    @property
    def is_missing(self) -> BoolArray:
        """Where nothing was observed, (B,)."""
        missing: BoolArray = np.logical_and.reduce(np.isnan(self.observations), axis=1)
        return missing

    def insist_on_the_rest(self) -> None:
        """Raise what is wrong with the row after them."""
        if self.error is not None:
            raise self.error

    def before(self, n_rows: int, error: ValueError) -> Evidence:
        """The first rows alone, with what is wrong with the one after them."""
        beside = {name: part[:n_rows] for name, part in self.beside.items()}
        tables = self.observations[:n_rows], self.log_likelihoods[:n_rows], self.given[:n_rows]
        return Evidence(self.rows[:n_rows], *tables, beside, error)


def stand_alone(model: HMM, columns: Columns) -> bool:
    """Whether each row has log-likelihoods of its own, and one matrix leads to all."""
    emission, chain = _checks.needs_of(model.emission), _checks.needs_of(model.chain)
    return not (emission or chain or columns.names) and model.final is None


class Intake:
    """Rows in, evidence out; a row at fault ends the work, is taken as missing, or is left out.

    If the rows are wanted again, the lines of those that are left out are kept.
    """

    def __init__(
        self, model: HMM, reader: Reader, on_error: str, again: bool = False, columns: Columns = NO_COLUMNS
    ) -> None:
        self._model, self._reader, self._on_error, self._again = model, reader, on_error, again
        self.columns, self.are_alone = columns, stand_alone(model, columns)
        self._n_rows = min(MOST_ROWS, 1 + MOST_ENTRIES // model.n_states)
        self.n_states = model.n_states
        self.n_mended = self.n_left_out = 0
        self._lines_left_out: set[int] = set()

    def blocks(self, as_they_come: bool = False) -> Iterator[Evidence]:
        """The evidence of the input, block by block; the last one has an error where it does not get to the end."""
        for rows in self._reader.blocks(self._n_rows, as_they_come):
            is_first_of_more = as_they_come or len(rows) >= self._n_rows
            sound = [row for row in rows if not row.fault]
            if sound:
                self._reader.choose(sound, is_first_of_more)
            try:
                yield self._weigh(rows)
            except RowError:
                yield self._weigh_one_by_one(rows)

    def rows_again(self) -> Iterator[list[Row]]:
        """The rows of the evidence, block by block, from the first one."""
        self._reader.restart()
        for rows in self._reader.blocks(self._n_rows):
            yield [row for row in rows if row.line not in self._lines_left_out]

    def row(self, number: int) -> Row:
        """A row of the evidence, for which the input is gone through again."""
        return next(itertools.islice(itertools.chain.from_iterable(self.rows_again()), number, None))

    def _weigh(self, rows: list[Row]) -> Evidence:
        self._reader.insist_on_sound(rows)
        observations = observations_of(self._model, self._reader, rows)
        if not self.are_alone:
            return self._gathered(rows, observations)
        with self._reader.blamed(rows):
            table = _checks.log_likelihoods(self._model.emission, observations, self.n_states)
            table = _checks.log_potentials("log_likelihoods", table, ("T", self.n_states))
        return Evidence(rows, self._numbers_of(observations, Beside(np.array([0, len(rows)]))), table, [], {})

    def _gathered(self, rows: list[Row], observations: Any) -> Evidence:
        """Rows whose log-likelihoods, or moves, hang on others, or on what lies beside them."""
        beside = self.columns.of(self._reader, rows)
        given: dict[str, Any] = self.columns.named(beside)
        with self._reader.blamed(rows):
            known = self._model._beside(np.array([0, len(rows)]), None, **given)
            numbers = self._numbers_of(observations, known)
        return Evidence(rows, numbers, np.empty((len(rows), 0)), list(observations), beside)

    def _numbers_of(self, observations: Any, beside: Beside) -> FloatArray:
        """Observations as numbers, (B, D), as they are drawn; NaN where missing."""
        if isinstance(observations, np.ndarray):
            numbers = observations
        else:
            emission: Any = self._model.emission
            needs = _checks.needs_of(emission)
            numbers = (emission._observed(observations, beside) if needs else emission._observed(observations))[0]
        return numbers.reshape(len(numbers), -1)

    def _weigh_one_by_one(self, rows: list[Row]) -> Evidence:
        sound = [self._nothing_of([])]
        for row in rows:
            try:
                sound.append(self._weigh([row]))
            except RowError as error:  # noqa: PERF203
                if self._on_error == "stop":
                    return _joined(sound, error)
                if self._on_error == "missing" and not row.fault:
                    sound.append(self._nothing_of([row]))
                    self._note(f"{error}: taken as missing")
                    self.n_mended += 1
                else:
                    self._note(f"{error}: left out")
                    self.n_left_out += 1
                    if self._again:
                        self._lines_left_out.add(row.line)
        return _joined(sound)

    def _nothing_of(self, rows: list[Row]) -> Evidence:
        n_rows, n_columns = len(rows), len(self._reader.observed)
        nothing = np.full((n_rows, n_columns), np.nan)
        if self.are_alone or not rows:
            width = self.n_states if self.are_alone else 0
            return Evidence(rows, nothing, np.zeros((n_rows, width)), [], {})
        return Evidence(rows, nothing, np.empty((n_rows, 0)), [None] * n_rows, self.columns.of(self._reader, rows))

    def _note(self, words: str) -> None:
        n_before = self.n_mended + self.n_left_out
        if n_before < MOST_NOTES:
            say(f"hmmfilter: {words}")
        elif n_before == MOST_NOTES:
            say("hmmfilter: further rows at fault are only counted")


def refusal(reader: Reader, row: Row, step: int) -> ValueError:
    """What to say where the work ends at a row that no path through the states leads past."""
    return ValueError(f"{reader.impossible(row, step)}: --impossible mark goes on all the same")


def _joined(parts: list[Evidence], error: ValueError | None = None) -> Evidence:
    with_rows = [part for part in parts if part.rows]
    names = with_rows[0].beside if with_rows else ()
    return Evidence(
        [row for part in parts for row in part.rows],
        np.concatenate([part.observations for part in parts]),
        np.concatenate([part.log_likelihoods for part in parts]),
        [each for part in parts for each in part.given],
        {name: np.concatenate([part.beside[name] for part in with_rows]) for name in names},
        error,
    )
