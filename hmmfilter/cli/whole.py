"""Tasks that need all of a sequence: its numbers are read first, and its text again while the answers are written."""

from __future__ import annotations

import argparse
from array import array
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter import plotting
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._checks import ImpossibleEvidenceError
from hmmfilter._tables import Reader, opened_output
from hmmfilter.cli.evidence import Intake, refusal
from hmmfilter.cli.inputs import columns_of
from hmmfilter.cli.messages import reason
from hmmfilter.cli.summary import Summary
from hmmfilter.decoding import viterbi
from hmmfilter.filtering import forward_filter, log_likelihood
from hmmfilter.model import HMM
from hmmfilter.results import Decoded, Filtered, Smoothed
from hmmfilter.smoothing import smooth

DOORS: dict[str, Any] = {
    "filter": forward_filter,
    "smooth": smooth,
    "viterbi": viterbi,
    "log_likelihood": log_likelihood,
}


class Gathered(NamedTuple):
    """What a table says, one sequence after the other."""

    log_likelihoods: FloatArray  # (T, K)
    given: list[Any]  # observations and
    beside: dict[str, npt.NDArray[Any]]  # what lies beside them, where rows do not stand alone
    places: IntArray | None  # of the rows of the table among these, (T,)
    lengths: IntArray | None
    drawn: list[FloatArray]  # the observations, block by block, if they are to be drawn
    labels: list[str]  # of each row, the cell that labels the time, likewise


def run_whole(model: HMM, reader: Reader, added: list[str], options: argparse.Namespace) -> None:
    """Run a task on all sequences in one call."""
    intake = Intake(model, reader, options.on_error, again=True, columns=columns_of(options))
    summary = Summary(intake)
    gathered = _gather(reader, intake, summary, options.plot is not None)
    places, lengths = gathered.places, gathered.lengths
    if options.plot is not None and lengths is not None and len(lengths) > 1:
        raise ValueError(f"--plot draws one sequence, got {len(lengths)}")
    summary.n_sequences = None if lengths is None else len(lengths)
    ask = partial(_asked, model, intake, gathered)
    try:
        result = ask(options.task, impossible=options.impossible)
    except ImpossibleEvidenceError as error:
        step = error.step + (0 if lengths is None else int(lengths[: error.sequence].sum()))
        number = step if places is None else int(np.flatnonzero(places == step)[0])
        raise refusal(reader, intake.row(number), error.step) from error
    if options.task == "viterbi":
        is_restarting = options.impossible == "restart"
        total = ask("filter", impossible="restart").log_likelihood if is_restarting else ask("log_likelihood")
        summary.logs |= {"log-likelihood": total, "log-joint": result.log_joint}
    else:
        summary.logs["log-likelihood"] = result.log_likelihood
    summary.note_restarts(getattr(result, "restarts", None))
    drawn, labels = gathered.drawn, gathered.labels
    del gathered, ask
    with opened_output(options.output, reader, added, options.task == "viterbi") as writer:
        n_written = 0
        for rows in intake.rows_again():
            chosen: Any = slice(n_written, n_written + len(rows))
            _write(writer, rows, result, chosen if places is None else places[chosen], model.state_names)
            n_written += len(rows)
    summary.print()
    if options.plot is not None:
        _draw(replace(result, state_names=model.state_names), reader, drawn, labels, options.plot)


def _asked(model: HMM, intake: Intake, gathered: Gathered, task: str, **options: Any) -> Any:
    """What a task says of all sequences: of their log-likelihoods, or where rows do not stand alone, of all of it."""
    if not intake.are_alone:
        beside = intake.columns.named(gathered.beside)
        return getattr(model, task)(gathered.given, lengths=gathered.lengths, **beside, **options)
    moves, _ = model._moves(Beside(np.array([0, len(gathered.log_likelihoods)])))
    tables = model.log_initial, moves, gathered.log_likelihoods
    return DOORS[task](*tables, lengths=gathered.lengths, **options)


def _gather(reader: Reader, intake: Intake, summary: Summary, is_drawn: bool) -> Gathered:
    """Read all numbers, and keep no text."""
    table = Growing(intake.n_states if intake.are_alone else 0)
    numbers, sequences = dict[str, int](), array("q")
    given: list[Any] = []
    beside: dict[str, list[npt.NDArray[Any]]] = {}
    drawn: list[FloatArray] = []
    labels: list[str] = []
    for block in intake.blocks():
        block.insist_on_the_rest()
        table.append(block.log_likelihoods)
        given += block.given
        for name, part in block.beside.items():
            beside.setdefault(name, []).append(part)
        summary.count(block)
        if reader.sequence is not None:
            sequences.extend(numbers.setdefault(name, len(numbers)) for name in reader.ids(block.rows))
        if is_drawn and block.rows:
            drawn.append(block.observations)
            labels += reader.cells(block.rows, reader.label)
    if summary.n_rows == 0:
        raise ValueError(f"{reader.name}: at least one row must be left, got none")
    joined = {name: np.concatenate(parts) for name, parts in beside.items()}
    if reader.sequence is None:
        return Gathered(table.rows, given, joined, None, None, drawn, labels)
    number_of = np.frombuffer(sequences, dtype=np.int64)
    order, places = np.argsort(number_of, kind="stable"), np.empty(len(number_of), np.int64)
    places[order] = np.arange(len(number_of))
    given = [given[t] for t in order.tolist()] if given else given
    joined = {name: part[order] for name, part in joined.items()}
    return Gathered(table.rows[order], given, joined, places, np.bincount(number_of), drawn, labels)


class Growing:
    """A table that grows in place, so that it is never in memory twice."""

    def __init__(self, n_columns: int) -> None:
        self._table, self._n_rows = np.empty((0, n_columns)), 0

    @property
    def rows(self) -> FloatArray:
        """All that was appended, (T, K)."""
        return self._table[: self._n_rows]

    def append(self, rows: FloatArray) -> None:
        """Add rows at the end."""
        n_rows = self._n_rows + len(rows)
        if n_rows > len(self._table):
            self._table.resize((n_rows + n_rows // 8, self._table.shape[1]), refcheck=False)
        self._table[self._n_rows : n_rows] = rows
        self._n_rows = n_rows


def _write(
    writer: Any, rows: list[Any], result: Filtered | Smoothed | Decoded, chosen: Any, names: tuple[str, ...]
) -> None:
    """Write what a result adds to rows, of which these are its own."""
    if isinstance(result, Decoded):
        writer.write_words(rows, [names[k] if k >= 0 else "" for k in result.path[chosen].tolist()])
        return
    table = result.probabilities[chosen]
    if isinstance(result, Filtered):
        table = np.column_stack([table, result.log_increments[chosen]])
    writer.write_numbers(rows, table)


def _draw(
    result: Filtered | Smoothed | Decoded, reader: Reader, drawn: list[FloatArray], labels: list[str], path: str
) -> None:
    """Draw a result and what was observed, in the words of the table, which is written by now."""
    label = reader.label
    is_label = label not in (*reader.observed, reader.sequence)
    try:
        plotting.save(
            result,
            np.concatenate(drawn),
            path,
            observation_names=[reader.header[c] for c in reader.observed],
            step_name=reader.header[label] if is_label else "step",
            step_labels=labels if is_label else None,
        )
    except (ValueError, MemoryError, OSError) as error:
        raise ValueError(f"the table is written, but not the picture: {reason(error)}") from error
