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
from tests.benchmarks.timing import affordable_medians, cpu_of_children, medians
from tests.files import ROOT

MEGABYTE = 1e6
MOST_MEGABYTES, MOST_OF_AN_IMPORT, MOST_MICROSECONDS = 16, 0.8, 20
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
from hmmfilter._tiers import BUDGET, kernels
kernels.budget = {budget}
start = time.process_time()
hf.{routine}(np.zeros(3), np.zeros((3, 3)), np.zeros((100, 3)))
print(time.process_time() - start)
"""
AS_IT_COMES, COMPILED = "BUDGET", "0.0"


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


def _cold_seconds(routine: str, budget: str) -> float:
    with tempfile.TemporaryDirectory() as empty:
        script = FIRST_CALL.format(routine=routine, budget=budget)
        return float(run_python("-c", script, NUMBA_CACHE_DIR=empty))


def start_section(effort: Effort) -> Section:
    progress("start of a process")
    ours_name, their_name = "import hmmfilter and a first filter", THEIR_IMPORT
    starts = {ours_name: lambda: run_python("-c", FIRST_FILTER)}
    if is_installed("hmmlearn"):
        starts[their_name] = lambda: run_python("-c", THEIR_IMPORT)
    seconds = medians(starts, effort.processes, cpu_of_children)
    targets = []
    if their_name in seconds:
        ratio = seconds[ours_name] / seconds[their_name]
        targets.append(Target(f"start: over {their_name}", ratio, MOST_OF_AN_IMPORT, at_least=False))
    rows = [[name, f"{time:.2f}"] for name, time in seconds.items()]
    for routine in effort.cold_routines:
        progress(f"first call, nothing compiled yet: {routine}")
        rows.append([f"{routine} of 100 steps, nothing compiled yet", f"{_cold_seconds(routine, AS_IT_COMES):.2f}"])
        rows.append([f"{routine}, compiled for it", f"{_cold_seconds(routine, COMPILED):.2f}"])
    return Section(
        "Start", "Seconds of the processor, in fresh processes.\n\n" + markdown(["", "seconds"], rows), targets
    )


def small_call_section(effort: Effort) -> Section:
    progress("small calls")
    filtered = ours(Problem(cases.draw(cases.ordinary, 0, SMALL_STEPS, SMALL_STATES)))[FILTER]
    took = 1e6 * affordable_medians({FILTER: filtered}, effort)[FILTER]
    what = f"forward_filter of {SMALL_STEPS} steps, {SMALL_STATES} states"
    return Section(
        "A small call",
        f"{what}, with all checks, read as probabilities: {brief(took)} µs.",
        [Target(what, took, MOST_MICROSECONDS, at_least=False, unit="µs")],
    )
