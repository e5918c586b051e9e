"""Runs everything, and writes a page of tables and a picture, by the kind of processor.

python -m tests.benchmarks [--quick] [--only SECTION ...] [--as-avx2] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hmmfilter._tiers import kernels
from tests.benchmarks import (
    adverse,
    densities,
    floor,
    learning,
    machine,
    many,
    picture,
    posterior,
    processes,
    separated,
    sequences,
    speed,
    structures,
    timing,
    wrong,
)
from tests.benchmarks.effort import FULL, QUICK, Effort
from tests.benchmarks.peers import missing
from tests.benchmarks.report import Section, page, progress, read_sections, targets_section, write_sections

HERE = Path(__file__).parent
SECTIONS: dict[str, Callable[[Effort], Section]] = {
    "speed": speed.section,
    "floor": floor.section,
    "separated": separated.section,
    "adverse": adverse.section,
    "many": many.section,
    "sequences": sequences.section,
    "densities": densities.section,
    "posterior": posterior.section,
    "structures": structures.section,
    "learning": learning.section,
    "memory": processes.memory_section,
    "start": processes.start_section,
    "small-call": processes.small_call_section,
    "wrong": wrong.section,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="as little as shows that it runs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=f"renew {', '.join(SECTIONS)}")
    parser.add_argument("--as-avx2", action="store_true", help="hide AVX-512 from all libraries")
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIRECTORY", help="of the page and the picture")
    options = parser.parse_args(arguments)
    if options.as_avx2 and machine.kind() == machine.AVX512:
        machine.restart_as_avx2(sys.argv[1:])
    effort = QUICK if options.quick else FULL
    kernels.budget = 0.0  # machine code is timed, from the first call on
    if not options.quick:
        timing.pin()
    for package in missing():
        progress(f"{package} is not installed and left out; pip install 'hmmfilter[bench]' brings it")
    options.output.mkdir(parents=True, exist_ok=True)
    results, shown = (options.output / name for name in (machine.results(), machine.picture()))
    kept = results.with_suffix(".json")
    sections = read_sections(kept) if options.only else {}
    for name in options.only or SECTIONS:
        try:
            sections[name] = SECTIONS[name](effort)
        except speed.DisagreementError as error:
            sys.exit(str(error))
        write_sections(sections, kept)
    in_order = [sections[name] for name in SECTIONS if name in sections]
    results.write_text(page(in_order), encoding="utf-8")
    if "speed" in sections:
        picture.draw(sections["speed"].speeds, sections["speed"].machine, shown)
    print(targets_section(in_order))
    print(f"look at {results}")
