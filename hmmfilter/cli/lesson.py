"""`hmmfilter underflow`: the lesson, of the casino or of one's own sequence."""

from __future__ import annotations

import argparse

from hmmfilter import plotting, underflow
from hmmfilter._checks import ImpossibleEvidenceError
from hmmfilter._tables import opened_for_writing
from hmmfilter.cli.inputs import observations_of, opened_table, require_picture
from hmmfilter.model import HMM
from hmmfilter.results.printing import counted

ROLLS, SEED = 500, 7  # of the casino


def teach(options: argparse.Namespace) -> None:
    """Tell the lesson on underflow, of the casino or of one's own sequence."""
    if options.plot is not None:
        require_picture(options.plot)
    if options.data is None:
        for name in ("model", "column"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} needs --data")
        n_rolls = ROLLS if options.rolls is None else options.rolls
        ways = underflow.roll(n_rolls, SEED if options.seed is None else options.seed)
        opening = underflow.STORY.format(counted(n_rolls, "roll"))
    elif options.model is None:
        raise ValueError(f"--data needs --model, got {options.data} alone")
    else:
        for name in ("rolls", "seed"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} is the casino's, and does not go with --data")
        model = HMM.from_json(options.model)
        with opened_table(options, model) as reader:
            rows = list(reader)
            reader.choose(rows)
            observations = observations_of(model, reader, rows)
            try:
                with reader.blamed(rows):
                    ways = underflow.compare(model, observations)
            except ImpossibleEvidenceError as error:
                raise reader.impossible(rows[error.step], error.step) from error
        count = counted(len(rows), "observation")
        opening = f"{count} of {reader.name}, and the model of {options.model}."
    if options.plot is not None:
        plotting.save_descents(ways.log10_likelihoods(), options.plot)
    with opened_for_writing("-") as file:
        file.write(underflow.tell(ways, opening))
