"""Tables in Markdown, targets, and the page that holds them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("numpy", "numba", "scipy", "hmmlearn", "dynamax", "jax", "librosa", "statsmodels")
NOTHING = "–"


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
    title: str
    body: str
    targets: list[Target] = field(default_factory=list)

    def __str__(self) -> str:
        return f"## {self.title}\n\n{self.body}\n"


def targets_section(sections: Iterable[Section]) -> Section:
    rows = [target.row() for section in sections for target in section.targets]
    return Section("Targets", markdown(["", "target", "reached", "met"], rows))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} not installed"


def machine() -> str:
    versions = ", ".join([f"Python {platform.python_version()}", *map(_version, PACKAGES)])
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}; one thread each. {versions}."


def page(sections: Sequence[Section]) -> str:
    head = f"# Benchmarks\n\n`python -m tests.benchmarks` wrote this page. The machine: {machine()}\n"
    return "\n".join([head, *map(str, [targets_section(sections), *sections])])
