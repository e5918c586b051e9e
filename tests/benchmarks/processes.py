"""What only a fresh process can say: the peak of memory, the start, the first call; and the price of a small call."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from tests import cases
from tests.benchmarks import memory
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import FILTER, is_installed, ours
from tests.benchmarks.problems import Problem
from tests.benchmarks.report import Section, Target, brief, markdown, progress
from tests.benchmarks.timing import medians
from tests.files import ROOT

MEGABYTE = 1e6
MOST_MEGABYTES, MOST_OF_AN_IMPORT, MOST_MICROSECONDS = 16, 0.8, 25
SMALL_STEPS, SMALL_STATES = 50, 3

FIRST_FILTER = """
import numpy as np
import hmmfilter as hf
hf.forward_filter(np.zeros(3), np.zeros((3, 3)), np.zeros((100, 3)))
"""
THEIR_IMPORT = "import hmmlearn.hmm"
FIRST_CALL = """
import time
import numpy as np
import hmmfilter as hf
start = time.perf_counter()
hf.{routine}(np.zeros(3), np.zeros((3, 3)), np.zeros((100, 3)))
print(time.perf_counter() - start)
"""


def run_python(*arguments: str, **environment: str) -> str:
    command, variables = [sys.executable, *arguments], {**os.environ, **environment}
    return subprocess.run(command, env=variables, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def memory_section(effort: Effort) -> Section:
    if not memory.can_measure():
        return Section("Memory", "Not measured: this needs /proc/self/clear_refs of Linux.")
    rows, targets = [], []
    for routine in memory.ROUTINES:
        progress(f"memory: {routine}, {effort.memory_steps} steps")
        printed = run_python("-m", "tests.benchmarks.memory", routine, str(effort.memory_steps))
        held, beyond = (int(bytes_) / MEGABYTE for bytes_ in printed.split())
        rows.append([routine, f"{held:.1f}", f"{beyond:.1f}"])
        targets.append(
            Target(f"{routine}: memory beyond its output", beyond, MOST_MEGABYTES, at_least=False, unit="MB")
        )
    return Section(
        "Memory",
        f"Peak resident memory in a fresh process, {effort.memory_steps:,} steps, {memory.STATES} states, in MB.\n\n"
        + markdown(["routine", "output", "peak beyond it"], rows),
        targets,
    )


def _cold_seconds(routine: str) -> float:
    progress(f"first call, nothing compiled yet: {routine}")
    with tempfile.TemporaryDirectory() as empty:
        return float(run_python("-c", FIRST_CALL.format(routine=routine), NUMBA_CACHE_DIR=empty))


def start_section(effort: Effort) -> Section:
    progress("start of a process")
    ours_name, their_name = "import hmmfilter and a first filter", THEIR_IMPORT
    starts = {ours_name: lambda: run_python("-c", FIRST_FILTER)}
    if is_installed("hmmlearn"):
        starts[their_name] = lambda: run_python("-c", THEIR_IMPORT)
    seconds = medians(starts, effort.processes)
    targets = []
    if their_name in seconds:
        ratio = seconds[ours_name] / seconds[their_name]
        targets.append(Target(f"start: over {their_name}", ratio, MOST_OF_AN_IMPORT, at_least=False))
    rows = [[name, f"{time:.2f}"] for name, time in seconds.items()]
    rows += [[f"{routine}, nothing compiled yet", f"{_cold_seconds(routine):.2f}"] for routine in effort.cold_routines]
    return Section("Start", "Seconds, in fresh processes.\n\n" + markdown(["", "seconds"], rows), targets)


def small_call_section(effort: Effort) -> Section:
    progress("small calls")
    filtered = ours(Problem(cases.draw(cases.ordinary, 0, SMALL_STEPS, SMALL_STATES)))[FILTER]
    microseconds = 1e6 * medians({"small": filtered}, effort.small_calls)["small"]
    what = f"forward_filter of {SMALL_STEPS} steps, {SMALL_STATES} states"
    return Section(
        "A small call",
        f"{what}, with all checks, read as probabilities: {brief(microseconds)} µs.",
        [Target(what, microseconds, MOST_MICROSECONDS, at_least=False, unit="µs")],
    )
