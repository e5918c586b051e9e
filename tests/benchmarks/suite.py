"""Runs everything, and writes a page of tables and a picture.

python -m tests.benchmarks [--quick] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hmmfilter._tiers import kernels
from tests.benchmarks import adverse, picture, posterior, processes, sequences, speed, wrong
from tests.benchmarks.effort import FULL, QUICK
from tests.benchmarks.peers import missing
from tests.benchmarks.report import page, progress, targets_section

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="as little as shows that it runs")
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIRECTORY", help="of results.md and speed.png")
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else FULL
    kernels.budget = 0.0  # machine code is timed, from the first call on
    for package in missing():
        progress(f"{package} is not installed and left out; pip install 'hmmfilter[bench]' brings it")
    try:
        speeds = speed.measure(effort)
    except speed.DisagreementError as error:
        sys.exit(str(error))
    sections = [
        speed.section(speeds, effort),
        adverse.section(effort),
        sequences.section(effort),
        posterior.section(effort),
        processes.memory_section(effort),
        processes.start_section(effort),
        processes.small_call_section(effort),
        wrong.section(effort),
    ]
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "results.md").write_text(page(sections), encoding="utf-8")
    picture.draw(speeds, options.output / "speed.png")
    print(targets_section(sections))
    print(f"look at {options.output / 'results.md'} and {options.output / 'speed.png'}")
