"""Filtering block by block: a file of any length in little memory, and rows that are answered as they arrive."""

from __future__ import annotations

import argparse

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._files import is_replaceable
from hmmfilter._tables import Reader, opened_output
from hmmfilter.cli.evidence import Evidence, Intake, refusal
from hmmfilter.cli.inputs import columns_of
from hmmfilter.cli.memory import Memory
from hmmfilter.cli.signals import finished_first
from hmmfilter.cli.streams import Streams
from hmmfilter.cli.summary import Summary
from hmmfilter.model import HMM


def filter_blocks(model: HMM, reader: Reader, added: list[str], options: argparse.Namespace) -> None:
    """Filter a table, or the rows that arrive, and write each block before the next is read."""
    is_live = options.data == "-"
    # whether rows are seen as they are written, and not only where all goes well
    is_seen = is_live or options.output == "-" or not is_replaceable(options.output)
    intake = Intake(model, reader, options.on_error, columns=columns_of(options))
    columns = None if intake.are_alone else intake.columns
    streams = Streams(model, options.state is not None, columns, options.impossible == "restart")
    memory = Memory(streams, options.state, options.sequence)
    summary = Summary(intake, n_before=streams.n_steps)
    try:
        with opened_output(options.output, reader, added, as_it_goes=is_live) as writer:
            for block in intake.blocks(as_they_come=is_live):
                taken, cells = _filtered(streams, reader, block, options.impossible)
                with finished_first():
                    writer.write_numbers(taken.rows, cells)
                    writer.flush()
                    streams.keep()
                    summary.count(taken)
                if is_seen:
                    memory.save_now_and_then(len(cells))
                taken.insist_on_the_rest()
    except BaseException as error:
        if is_seen:
            streams.go_back()
            memory.save()
        if is_live and isinstance(error, KeyboardInterrupt):
            _summarise(summary, streams, reader)
        raise
    memory.save()
    _summarise(summary, streams, reader)


def _filtered(streams: Streams, reader: Reader, block: Evidence, impossible: str) -> tuple[Evidence, FloatArray]:
    """The rows of a block up to one that ends the work, and what is added to each."""
    names = reader.ids(block.rows)
    cells = streams.take(names, block)
    refused = np.flatnonzero(~np.isfinite(cells[:, -1]))
    if impossible == "mark" or len(refused) == 0:
        return block, cells
    n_rows = int(refused[0])
    error = refusal(reader, block.rows[n_rows], streams.n_observed(names[n_rows]))
    possible = block.before(n_rows, error)
    streams.take_less(names[:n_rows], possible)
    return possible, cells[:n_rows]


def _summarise(summary: Summary, streams: Streams, reader: Reader) -> None:
    summary.n_sequences = None if reader.sequence is None else len(streams)
    summary.logs = {"log-likelihood": streams.log_likelihoods}
    summary.note_restarts(streams.restarts)
    summary.print()
