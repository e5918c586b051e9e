"""The peak of memory in one iteration of EM, beyond the data; in a process of its own.

python -m tests.benchmarks.learning_memory LIBRARY STEPS
"""

from __future__ import annotations

import sys

from hmmfilter._tiers import kernels
from tests.benchmarks import learners, learning
from tests.benchmarks.memory import peak_beyond
from tests.benchmarks.peers import OURS

WARM_STEPS = 1000


def main(library: str, steps: str) -> None:
    """Print the bytes of the peak beyond what there was."""
    kernels.budget = 0.0  # so that the few steps load the machine code
    make = learning.normal(learning.MEMORY_STATES)
    if library == OURS:
        learners.ours(make(WARM_STEPS))()
        task = make(int(steps))

        def let_in_and_iterate() -> None:
            learners.ours(task)()

        print(peak_beyond(let_in_and_iterate))
    else:
        prepare = learners.installed()[library]
        prepare(make(WARM_STEPS))()
        print(peak_beyond(prepare(make(int(steps)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
