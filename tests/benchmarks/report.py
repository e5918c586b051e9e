"""Tables in Markdown, targets, and the page that holds them; the same as JSON, to renew a part, and for the README."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.peers import OURS, PEERS

PACKAGES = ("numpy", "numba", "scipy", "hmmlearn", "dynamax", "jax", "librosa", "statsmodels")
NOTHING = "–"

Speeds = dict[str, dict[int, dict[str, float]]]  # by task, by number of states, by library: nanoseconds a step


def progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table whose first column is of words and whose others are of numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def brief(x: float) -> str:
    """Three digits, and a comma in thousands."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


@dataclass(frozen=True)
class Target:
    what: str
    reached: float
    wanted: float
    at_least: bool
    unit: str = "×"

    def row(self) -> list[str]:
        met = self.reached >= self.wanted if self.at_least else self.reached <= self.wanted
        sign = "≥" if self.at_least else "≤"
        return [
            self.what,
            f"{sign} {self.wanted:g} {self.unit}",
            f"{brief(self.reached)} {self.unit}",
            "yes" if met else "**no**",
        ]


@dataclass(frozen=True)
class Section:
    """A part of the page, which says on what processor it was run, as it may be renewed alone."""

    title: str
    body: str
    targets: list[Target] = field(default_factory=list)
    speeds: Speeds = field(default_factory=dict)
    machine: str = field(default_factory=machine.label)

    def __str__(self) -> str:
        return f"## {self.title}\n\n*{self.machine}.*\n\n{self.body}\n"


def fastest_peer(speeds: dict[str, float]) -> float | None:
    return min((speeds[name] for name in PEERS if name in speeds), default=None)


def times_fastest(speeds: dict[str, float]) -> float | None:
    """How many times we are faster than the fastest of the others, if there is one."""
    fastest = fastest_peer(speeds)
    return fastest and fastest / speeds[OURS]


def times(ratio: float | None) -> str:
    return f"{brief(ratio)} ×" if ratio else NOTHING


def targets_section(sections: Iterable[Section]) -> str:
    rows = [target.row() for section in sections for target in section.targets]
    return f"## Targets\n\n{markdown(['', 'target', 'reached', 'met'], rows)}\n"


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} not installed"


def page(sections: Sequence[Section]) -> str:
    versions = ", ".join([f"Python {platform.python_version()}", *map(_version, PACKAGES)])
    head = (
        f"# Benchmarks\n\n`python -m tests.benchmarks` wrote this page on {machine.label()}; {os.cpu_count()} cores, "
        f"{platform.system()}. {versions}.\n\nTimes are of the processor, in one thread on one core, if nothing else "
        "is said; medians of calls taken in turn.\n"
    )
    return "\n".join([head, targets_section(sections), *map(str, sections)])


def write_sections(sections: dict[str, Section], path: Path) -> None:
    path.write_text(json.dumps({name: asdict(section) for name, section in sections.items()}, indent=1) + "\n")


def read_sections(path: Path) -> dict[str, Section]:
    """What was written, or nothing."""
    if not path.exists():
        return {}
    kept: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    for fields in kept.values():
        fields["targets"] = [Target(**target) for target in fields["targets"]]
        fields["speeds"] = {
            task: {int(n_states): found for n_states, found in by_states.items()}
            for task, by_states in fields["speeds"].items()
        }
    return {name: Section(**fields) for name, fields in kept.items()}
