"""Filtering, smoothing and decoding: a table of observations in, with new columns out."""

from __future__ import annotations

import argparse
import math
import os
from collections import defaultdict

import numpy as np
import numpy.typing as npt

from hmmfilter import _tables, plotting
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.cli.messages import reason, say
from hmmfilter.cli.parser import dialect_of
from hmmfilter.model import HMM
from hmmfilter.results import Decoded, Filtered, Smoothed
from hmmfilter.results.printing import four_decimals
from hmmfilter.streaming import OnlineFilter


def run(options: argparse.Namespace) -> None:
    """Do what the words ask for."""
    if options.plot is not None:
        require_picture(options.plot)
    model = HMM.from_json(options.model)
    with _tables.opened(options.data, options.column, options.sequence, dialect_of(options)) as reader:
        added = _added_columns(options.task, model.state_names)
        clashes = [name for name in added if name in reader.header]
        if clashes:
            raise ValueError(f"{reader.name}: rename the columns that the output needs: {', '.join(clashes)}")
        if options.task == "filter" and options.data == "-" and options.plot is None:
            _follow(model, reader, added, options.output)
        else:
            _run_whole(model, reader, added, options)


def require_picture(path: str) -> None:
    """Refuse before any work a picture that could not be drawn in the end."""
    ending, known = os.path.splitext(path)[1], plotting.picture_formats()
    if ending and ending[1:].lower() not in known:
        raise ValueError(f"--plot: {path} must end in one of .{', .'.join(known)}")


def _run_whole(model: HMM, reader: _tables.Reader, added: list[str], options: argparse.Namespace) -> None:
    """Read the input to its end, and run the task on all sequences in one call."""
    rows = list(reader)
    reader.choose(rows)
    seen = observations(model, reader, rows)
    order, lengths = np.arange(len(rows)), None
    if reader.sequence is not None:
        order, lengths = _by_sequence([row.cells[reader.sequence] for row in rows])
        if options.plot is not None and len(lengths) > 1:
            raise ValueError(f"--plot draws one sequence, got {len(lengths)}")
    starts = [0] if lengths is None else (np.cumsum(lengths) - lengths).tolist()
    with reader.blamed([rows[t] for t in order], starts):
        result: Filtered | Smoothed | Decoded = getattr(model, options.task)(seen[order], lengths=lengths)
    with _tables.opened_for_writing(options.output, reader) as file:
        writer = _tables.Writer(file, reader)
        writer.write_header(added)
        _write(writer, rows, result, model.state_names, np.argsort(order))
    if isinstance(result, Decoded):
        log_likelihood = model.log_likelihood(seen[order], lengths=lengths)
        logs = {"log-likelihood": log_likelihood, "log-joint": result.log_joint}
    else:
        logs = {"log-likelihood": result.log_likelihood}
    _print_summary(model, len(rows), _count_missing(seen), None if lengths is None else len(lengths), logs)
    if options.plot is not None:
        try:
            _draw(result, seen, reader, rows, options.plot)
        except (ValueError, MemoryError) as error:
            raise ValueError(f"the table is written, but not the picture: {reason(error)}") from error


def _draw(
    result: Filtered | Smoothed | Decoded, seen: FloatArray, reader: _tables.Reader, rows: list[_tables.Row], path: str
) -> None:
    """Draw the result and what was observed, in the words of the table."""
    is_label = 0 not in (*reader.observed, reader.sequence)
    plotting.save(
        result,
        seen,
        path,
        observation_names=[reader.header[c] for c in reader.observed],
        step_name=reader.header[0] if is_label else "step",
        step_labels=[row.cells[0] for row in rows] if is_label else None,
    )


def _follow(model: HMM, reader: _tables.Reader, added: list[str], path: str) -> None:
    """Filter each row as it arrives, and write its output at once."""
    streams = defaultdict[str | None, OnlineFilter](model.online)
    n_missing = 0
    try:
        with _tables.opened_for_writing(path, reader, as_it_goes=True) as file:
            writer = _tables.Writer(file, reader)
            writer.write_header(added)
            file.flush()
            for row in reader:
                reader.choose([row], more_to_come=True)
                seen = observations(model, reader, [row])
                stream = streams[reader.id_of(row)]
                with reader.blamed([row], [-stream.n_observed]):
                    filtered = stream.update_block(model.emission.log_likelihoods(seen))
                _write(writer, [row], filtered, model.state_names, np.zeros(1, np.int64))
                file.flush()
                n_missing += _count_missing(seen)
    except KeyboardInterrupt:
        _summarise_streams(model, streams, n_missing, reader.sequence is not None)
        raise
    _summarise_streams(model, streams, n_missing, reader.sequence is not None)


def _summarise_streams(model: HMM, streams: dict[str | None, OnlineFilter], n_missing: int, are_several: bool) -> None:
    n_rows = sum(stream.n_observed for stream in streams.values())
    log_likelihoods = [stream.log_likelihood for stream in streams.values()]
    _print_summary(model, n_rows, n_missing, len(streams) if are_several else None, {"log-likelihood": log_likelihoods})


def _by_sequence(ids: list[str]) -> tuple[IntArray, IntArray]:
    """The rows of each sequence after those of the one that appears before it, and the lengths of all sequences."""
    numbers: dict[str, int] = {}
    labels = np.array([numbers.setdefault(name, len(numbers)) for name in ids])
    return np.argsort(labels, kind="stable"), np.bincount(labels)


def observations(model: HMM, reader: _tables.Reader, rows: list[_tables.Row]) -> FloatArray:
    """What the model is to explain: a number a row, or a vector."""
    table = reader.numbers(rows)
    is_vector = len(reader.observed) > 1 or getattr(model.emission, "n_dimensions", None) is not None
    return table if is_vector else table[:, 0]


def _count_missing(observations: FloatArray) -> int:
    return int(np.isnan(observations).reshape(len(observations), -1).all(axis=1).sum())


def _added_columns(task: str, names: tuple[str, ...]) -> list[str]:
    if task == "viterbi":
        return ["state"]
    return [f"p_{name}" for name in names] + (["log_increment"] if task == "filter" else [])


def _write(
    writer: _tables.Writer,
    rows: list[_tables.Row],
    result: Filtered | Smoothed | Decoded,
    names: tuple[str, ...],
    places: IntArray,
) -> None:
    """Write what a result adds to rows of the input, each of which has its place in it."""
    if isinstance(result, Decoded):
        writer.write_words(rows, [names[k] for k in result.path[places].tolist()])
        return
    table = result.probabilities
    if isinstance(result, Filtered):
        table = np.column_stack([table, result.log_increments])
    writer.write_numbers(rows, table[places])


def _print_summary(
    model: HMM, n_rows: int, n_missing: int, n_sequences: int | None, logs: dict[str, npt.ArrayLike]
) -> None:
    parts = [f"{n_rows} observations" + (f" ({n_missing} missing)" if n_missing else "")]
    parts += [] if n_sequences is None else [f"{n_sequences} sequences"]
    parts += [f"{model.n_states} states"]
    parts += [f"{name} {four_decimals(math.fsum(np.ravel(log)))}" for name, log in logs.items()]
    say(", ".join(parts))
