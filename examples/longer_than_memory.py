"""Longer than memory: how is a sequence smoothed that fits into a file but not into memory?

A vibration sensor sits on a pump, which idles or runs, and takes a reading a thousand times a second. A day of that is
86 million readings, and the posterior of the two states takes as many rows of two numbers. None of it has to be in
memory as a whole: the log-likelihoods are written block by block to a file, `smooth` reads them through a memory map
and writes through another, given as `out=`. It goes forwards once, for α, and then backwards, for β,

    log γ_t(k) = log α_t(k) + log β_t(k) − log p(v_1:T),

and what it keeps of its own is the state before each block.

The picture shows the memory that the process held all that time, beside the size of the files. On Linux, that is what
is left when pages of mapped files, which the system takes back whenever it likes, are not counted. The one beside this
script is of fifty million steps; a shorter run draws a picture where one is named.

    python examples/longer_than_memory.py [PICTURE] [--steps 50000000]
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
MB = 2**20
BLOCK = 2**18  # readings that are drawn and written at once
SHOWN = 400  # readings in the picture
LONG = 50_000_000  # steps of the run whose picture is beside this script

PUMP = hf.HMM(
    initial="stationary",
    transition=[[0.99, 0.01], [0.02, 0.98]],
    emission=hf.emissions.Gaussian([0.0, 1.0], [0.8, 1.2]),
    state_names=["idle", "running"],
)


class MemoryWatch(threading.Thread):
    """Looks every 20 ms at the memory of this process that belongs to no file."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.began, self.is_over = time.perf_counter(), threading.Event()
        self.seen: list[tuple[float, float]] = []  # seconds, MB

    def run(self) -> None:
        """Look until it is over."""
        while not self.is_over.wait(0.02):
            self.look()

    def look(self) -> None:
        """Write down what there is now, where the system says."""
        status = Path("/proc/self/status")
        for line in status.read_text().splitlines() if status.exists() else []:
            if line.startswith("RssAnon"):
                self.seen.append((time.perf_counter() - self.began, int(line.split()[1]) / 1024))


def write_log_likelihoods(table: np.ndarray, rng: np.random.Generator) -> None:
    """Draw readings, a block at a time, and write down how probable each is in each state."""
    for start in range(0, len(table), BLOCK):
        rows = table[start : start + BLOCK]
        rows[:] = PUMP.emission.log_likelihoods(PUMP.simulate(len(rows), rng)[1])


def main(picture: str | Path | None = None, n_steps: int = 1_000_000) -> None:
    """Smooth from file to file, watch the memory, and draw both where a picture is named, or the run is a long one."""
    if picture is None and n_steps >= LONG:
        picture = HERE / "longer_than_memory.png"
    with tempfile.TemporaryDirectory() as folder:
        log_likelihoods, posterior = (
            np.memmap(Path(folder, name), dtype=np.float64, mode="w+", shape=(n_steps, PUMP.n_states))
            for name in ("log_likelihoods", "posterior")
        )
        watch = MemoryWatch()
        watch.start()
        write_log_likelihoods(log_likelihoods, np.random.default_rng(1))
        written = time.perf_counter()
        smoothed = hf.smooth(
            PUMP.log_initial, PUMP.log_transition, log_likelihoods, out=posterior, progress=sys.stderr.isatty()
        )
        seconds = time.perf_counter() - written
        moves = hf.expected_transitions(PUMP.log_initial, PUMP.log_transition, log_likelihoods)
        watch.look()
        watch.is_over.set()
        watch.join()

        print(smoothed, "\n")
        print(moves, "\n")
        print(f"files {2 * posterior.nbytes / MB:.0f} MB; smoothed in {seconds:.2f} s", end="")
        if watch.seen:
            print(f"; memory beside mapped pages at most {max(size for _, size in watch.seen):.0f} MB", end="")
        print()
        figure = Figure(figsize=(9, 5), layout="constrained")
        window, memory = figure.subplots(2)
        draw_window(window, posterior[n_steps // 2 :][:SHOWN], n_steps // 2)
        draw_memory(memory, watch.seen, 2 * posterior.nbytes / MB, written - watch.began, seconds)
        del log_likelihoods, posterior, smoothed  # on Windows, a file cannot go while it is mapped
    if picture is None:
        print("name a picture to have it drawn")
    else:
        figure.savefig(picture, dpi=110)
        print(f"look at {Path(picture).name}")


def draw_window(ax: Axes, rows: np.ndarray, first: int) -> None:
    """The posterior of a few steps from the middle of the file."""
    colors = colormaps["GnBu"](np.linspace(0.12, 0.72, PUMP.n_states))
    ax.stackplot(np.arange(first, first + len(rows)), rows.T, colors=colors, step="mid", labels=PUMP.state_names)
    ax.set(xlim=(first, first + len(rows) - 1), ylim=(0, 1), xlabel="reading", ylabel="probability of each state")
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.locator_params(axis="x", nbins=5)
    ax.set_title("from the middle of the second file", loc="left", fontsize="medium")
    middles = np.cumsum(rows[-1]) - rows[-1] / 2
    ax.secondary_yaxis("right").set_yticks(middles, PUMP.state_names)


def draw_memory(ax: Axes, seen: list[tuple[float, float]], file_size: float, written: float, seconds: float) -> None:
    """The memory of the process over time, and the size of the files."""
    ax.axhline(file_size, color="0.6", linewidth=1, linestyle="--")
    ax.annotate("the two files", (0, file_size), (3, 3), textcoords="offset points", color="0.4")
    if seen:
        ax.plot(*zip(*seen, strict=True), color="black", linewidth=1.5)
    ax.axvspan(written, written + seconds, color=colormaps["GnBu"](0.12))
    ax.text(written + seconds / 2, 1.3, "smooth", ha="center")
    ax.text(written / 2, 1.3, "simulate and write", ha="center")
    if seen:
        ax.text(seen[-1][0], 2.6, "expected_transitions", ha="right")  # higher, as a short run leaves little room
    ax.set(yscale="log", ylim=(1, max(1e3, 3 * file_size)), xlabel="seconds", ylabel="MB, beside mapped pages")
    ax.set_xlim(left=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Smooth a sequence from file to file.")
    parser.add_argument("picture", nargs="?")
    parser.add_argument("--steps", type=int, default=1_000_000)
    arguments = parser.parse_args()
    main(arguments.picture, arguments.steps)
