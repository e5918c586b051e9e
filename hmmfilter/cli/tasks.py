"""Filtering, smoothing and decoding: a table of observations in, with new columns out."""

from __future__ import annotations

import argparse

from hmmfilter.cli.blocks import filter_blocks
from hmmfilter.cli.inputs import columns_of, load_emissions, opened_table, require_columns, require_picture
from hmmfilter.cli.whole import run_whole
from hmmfilter.model import HMM


def run(options: argparse.Namespace) -> None:
    """Do what the words ask for."""
    load_emissions(options)
    if options.plot is not None:
        require_picture(options.plot)
        if options.task == "filter" and options.state is not None:
            raise ValueError(f"--state must come without --plot, which draws all rows, got {options.plot}")
    model = HMM.from_json(options.model)
    is_in_blocks = options.task == "filter" and options.plot is None
    if is_in_blocks and model.final is not None:  # a stream does not know where a sequence ends
        is_in_blocks = options.state is not None or options.data == "-"
    require_columns(model, columns_of(options))
    keeps_faulty = options.on_error != "stop"
    with opened_table(options, model, options.sequence, again=not is_in_blocks, keeps_faulty=keeps_faulty) as reader:
        added = _added_columns(options.task, model.state_names)
        clashes = [name for name in added if name in reader.header]
        if clashes:
            raise ValueError(f"{reader.name}: rename the columns that the output needs: {', '.join(clashes)}")
        (filter_blocks if is_in_blocks else run_whole)(model, reader, added, options)


def _added_columns(task: str, names: tuple[str, ...]) -> list[str]:
    if task == "viterbi":
        return ["state"]
    return [f"p_{name}" for name in names] + (["log_increment"] if task == "filter" else [])
