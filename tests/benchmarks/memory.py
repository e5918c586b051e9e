"""The peak of memory in one call, beyond what the call returns; in a process of its own.

python -m tests.benchmarks.memory {smooth,log_likelihood} STEPS
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import hmmfilter as hf
from hmmfilter._tiers import kernels
from tests.benchmarks.problems import Tables, benign

STATES, WARM_STEPS = 4, 100
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"


def smooth(tables: Tables) -> int:
    """Read the log-likelihood and the probabilities; return the bytes of all tables that the result then holds."""
    result = hf.smooth(*tables)
    assert np.isfinite(result.log_likelihood)
    assert result.probabilities.shape == tables[2].shape
    tables_held = {id(held): held.nbytes for held in vars(result).values() if isinstance(held, np.ndarray)}
    return sum(tables_held.values())


def log_likelihood(tables: Tables) -> int:
    assert np.isfinite(hf.log_likelihood(*tables))
    return 0


ROUTINES = {"smooth": smooth, "log_likelihood": log_likelihood}


def can_measure() -> bool:
    return CLEAR.exists()


def _status(field: str) -> int:
    """Bytes, of a line such as ``VmHWM:     1234 kB``."""
    (line,) = [line for line in STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(f"{field}:")]
    return 1024 * int(line.split()[1])


def peak_beyond(call: Callable[[], object]) -> int:
    """Bytes of the peak of resident memory in a call, beyond what there was before."""
    CLEAR.write_text(RESET_PEAK, encoding="utf-8")
    before = _status("VmRSS")
    call()
    return _status("VmHWM") - before


def main(routine: str, steps: str) -> None:
    """Print the bytes that the result holds, and those of the peak beyond them."""
    kernels.budget = 0.0  # so that the few steps load the machine code
    run = ROUTINES[routine]
    tables = benign(int(steps), STATES).tables
    run((*tables[:2], tables[2][:WARM_STEPS]))
    held: list[int] = []
    peak = peak_beyond(lambda: held.append(run(tables)))
    print(held[0], peak - held[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
