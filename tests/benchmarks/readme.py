"""The table of the README: what was reached on every kind of processor that the benchmarks have run on.

python -m tests.benchmarks.readme
"""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks import adverse, separated
from tests.benchmarks.peers import EXPECTED, FILTER, LOG_LIKELIHOOD, OURS, SMOOTH, VITERBI
from tests.benchmarks.report import NOTHING, brief, markdown, read_sections, times_fastest

HERE = Path(__file__).parent
STATES = (2, 4, 8, 16, 64, 256, 1024)
DISTANCE, SEQUENCES = 20, "10,000 sequences"
TASKS = {  # as the README calls them
    FILTER: "filter",
    SMOOTH: "smooth",
    VITERBI: "Viterbi",
    separated.label(FILTER, DISTANCE): f"filter, states {DISTANCE} sd apart",
    separated.label(SMOOTH, DISTANCE): f"smooth, states {DISTANCE} sd apart",
    separated.label(EXPECTED, DISTANCE): f"E-step sums, states {DISTANCE} sd apart",
    f"{LOG_LIKELIHOOD}, {SEQUENCES}": f"log-likelihood, {SEQUENCES}",
    f"{SMOOTH}, {SEQUENCES}": f"smooth, {SEQUENCES}",
    f"{VITERBI}, {SEQUENCES}": f"Viterbi, {SEQUENCES}",
    adverse.label(FILTER, "gaps"): "filter, every second state 1,000 nats down",
    adverse.label(FILTER, "rare"): "filter, a move in 1e300 steps",
}


def pages() -> list[Path]:
    """The results as JSON, one for each kind of processor."""
    return sorted(HERE.glob("results-*.json"))


def table(results: list[Path]) -> str:
    """Nanoseconds a step, the most of all processors, and how many times faster than the fastest peer, the least."""
    found = [section.speeds for path in results for section in read_sections(path).values()]

    def cell(task: str, n_states: int) -> str:
        measured = [speeds[task][n_states] for speeds in found if n_states in speeds.get(task, {})]
        if not measured:
            return NOTHING
        ratios = [ratio for by_name in measured if (ratio := times_fastest(by_name))]
        least = f" ({min(ratios):.1f} ×)" if ratios else ""
        return f"{brief(max(by_name[OURS] for by_name in measured))}{least}"

    rows = [[name, *(cell(task, n_states) for n_states in STATES)] for task, name in TASKS.items()]
    return markdown(["ns a step", *(f"K = {n_states:,}" for n_states in STATES)], rows)


if __name__ == "__main__":
    print(table(pages()))
