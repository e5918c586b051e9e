"""What the README and the guide say of speed: the worst that was measured on any kind of processor.

python -m tests.benchmarks.readme
"""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.densities import COUNTS, FULL, PARTIAL
from tests.benchmarks.learners import ITERATION
from tests.benchmarks.peers import EXPECTED, FILTER, LOG_LIKELIHOOD, OURS, SMOOTH, VITERBI
from tests.benchmarks.report import NOTHING, Section, Target, brief, markdown, read_sections, times_fastest

HERE = Path(__file__).parent
STATES = (2, 4, 16, 64, 256)
TASKS = {FILTER: "filter", SMOOTH: "smooth", VITERBI: "Viterbi"}
FEW, APART, HOSTILE = (2, 4, 8), (2, 4, 8, 16, 64), (4, 16, 64)
FASTEST, OVERLAPPING, BENIGN = "faster than the fastest peer", "over overlapping", "over benign"


def pages() -> list[Path]:
    """The results as JSON, one for each kind of processor."""
    return sorted(HERE.glob("results-*.json"))


def _sections(results: list[Path]) -> list[Section]:
    return [section for path in results for section in read_sections(path).values()]


def table(results: list[Path]) -> str:
    """Nanoseconds a step, the most of all processors, and how many times faster than the fastest peer, the least."""
    found = [section.speeds for section in _sections(results)]

    def cell(task: str, n_states: int) -> str:
        measured = [speeds[task][n_states] for speeds in found if n_states in speeds.get(task, {})]
        ratios = [ratio for by_name in measured if (ratio := times_fastest(by_name))]
        if not ratios:
            return NOTHING
        return f"{brief(max(by_name[OURS] for by_name in measured))} ({min(ratios):.1f} ×)"

    rows = [[f"{n_states}", *(cell(task, n_states) for task in TASKS)] for n_states in STATES]
    return markdown(["K", *TASKS.values()], rows)


def _targets(results: list[Path], start: str, end: str) -> list[Target]:
    targets = [target for section in _sections(results) for target in section.targets]
    return [target for target in targets if target.what.startswith(start) and target.what.endswith(end)]


def worst(results: list[Path], start: str, end: str) -> str:
    """What is farthest from what is wanted, of all targets that begin and end so."""
    found = _targets(results, start, end)
    pick = min if found[0].at_least else max
    reached = pick(target.reached for target in found)
    return f"{reached:.2g}" if reached < 100 else brief(reached)


def by_states(results: list[Path], what: str, states: tuple[int, ...], end: str) -> str:
    """The worst for each number of states."""
    return " / ".join(worst(results, f"{what}, K = {n_states}:", end) for n_states in states) + " ×"


def learning(results: list[Path]) -> list[str]:
    """What is said of learning, where that was measured."""
    if not _targets(results, ITERATION, FASTEST):
        return []

    def times_as_fast(*cases: str) -> str:
        found = [target for case in cases for target in _targets(results, f"{ITERATION}, {case}", FASTEST)]
        return f"{min(target.reached for target in found):.2g} ×"

    over_smooth = worst(results, ITERATION, "over smooth")
    return [
        "One iteration of learning, from the data to new parameters, against the fastest of the others: normal numbers "
        f"{times_as_fast('normal, K')} as fast, vectors with variances {times_as_fast('normal, variances')}, with full "
        f"covariances {times_as_fast('normal, full')}, counts and symbols {times_as_fast('Poisson', 'categorical')}, "
        f"states 20 standard deviations apart {times_as_fast('normal, 20 sd')}; it takes up to {over_smooth} × as long "
        "as `smooth` on the same data."
    ]


def lines(results: list[Path]) -> str:
    """A list of what the table leaves out."""

    def of_many(task: str) -> str:
        return by_states(results, f"{task}, 10,000 × 100", FEW, FASTEST)

    def of_apart(task: str, end: str) -> str:
        return by_states(results, f"{task}, states 1 to 40 sd apart", APART, end)

    def of_density(kind: str) -> str:
        return worst(results, f"log-likelihoods, {kind}", "")

    def of_hostile(kind: str) -> str:
        return by_states(results, f"{FILTER}, {kind}", HOSTILE, BENIGN)

    few, apart, hostile = (" / ".join(map(str, states)) for states in (FEW, APART, HOSTILE))
    items = (
        f"10,000 sequences of 100 steps, {few} states: the log-likelihood is {of_many(LOG_LIKELIHOOD)} as fast as the "
        f"fastest of the others, `smooth` {of_many(SMOOTH)}.",
        f"{apart} normal states, 1 to 40 standard deviations apart: the filter takes up to "
        f"{of_apart(FILTER, OVERLAPPING)} as long as where they overlap, and is {of_apart(FILTER, FASTEST)} as fast as "
        f"the fastest of the others, `smooth` {of_apart(SMOOTH, FASTEST)}.",
        f"The expected transitions of an E-step on these take up to {of_apart(EXPECTED, OVERLAPPING)} as long, and are "
        f"{of_apart(EXPECTED, FASTEST)} as fast.",
        f"Log-densities: {of_density(COUNTS)} ns for a count and a state, {of_density(FULL)} ns for 4 numbers and 4 "
        f"states; 13 numbers of which a tenth is missing take {of_density(PARTIAL)} × as long as complete ones.",
        f"Hostile input, where doubles alone do not do, {hostile} states: every second one 1,000 nats down takes "
        f"{of_hostile('gaps')} as long as a harmless one, a chain that moves once in 1e300 steps {of_hostile('rare')}, "
        f"one from left to right with 40 nats between states {of_hostile('chain')}.",
        *learning(results),
    )
    return "\n".join(f"- {item}" for item in items)


if __name__ == "__main__":
    print(table(pages()), lines(pages()), sep="\n\n")
