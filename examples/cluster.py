"""A cluster: how are more sequences learnt from, and smoothed, than one machine takes?

Six hundred machines in a factory are idle, at work, or wearing out, and report once a minute how much they vibrate. The
readings are in Parquet files, one sequence after the other. `hmmfilter.dask` cuts them between sequences, so that each
task has about as many steps, and the workers of a cluster take the tasks. Learning is the climb of one machine: what is
expected of each partition is added up in a tree over the partitions, so that the model has the same bits whoever takes
which task; and what was expected is kept in a folder, so that a fit that was interrupted goes on as if it had not been.
The answers are written by the workers, each file whole or not at all.

Here the cluster is two processes of this machine, and the files are made first. On another one, nothing changes but the
client: `distributed.Client("tcp://scheduler:8786")`, and a folder that all of them see.

The picture shows what is written of one machine, and how the fit climbed, with the place where it was interrupted.

    python examples/cluster.py [PICTURE]
"""

import sys
import tempfile
from logging import CRITICAL
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, LocalCluster
from matplotlib.figure import Figure

import hmmfilter as hf
import hmmfilter.dask as hfd

HERE = Path(__file__).parent
NAMES = ["idle", "working", "wearing"]
COLORS = ["#d9d9d9", "#a8ddb5", "#0868ac"]
FACTORY = hf.HMM(
    initial=[0.5, 0.5, 0.0],
    transition=[[0.97, 0.03, 0.0], [0.02, 0.975, 0.005], [0.02, 0.0, 0.98]],
    emission=hf.emissions.Gaussian([0.2, 1.0, 1.6], [0.01, 0.09, 0.16]),
    state_names=NAMES,
)
START = hf.HMM(
    initial=[0.4, 0.4, 0.2],
    transition=[[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]],
    emission=hf.emissions.Gaussian([0.0, 0.8, 2.0], [0.2, 0.2, 0.2]),
    state_names=NAMES,
)
N_MACHINES = 600
N_FILES = 3
STEPS = 20_000  # of a partition; a real one has a million
INTERRUPTED = 4  # after so many iterations
SHOWN = "press 052"


def make(folder: Path, rng: np.random.Generator) -> None:
    """Write the readings of all machines, each over some hours, to Parquet files."""
    for number, machines in enumerate(np.array_split(np.arange(N_MACHINES), N_FILES)):
        lengths = rng.integers(60, 600, len(machines))
        readings = np.concatenate(FACTORY.simulate(lengths.tolist(), rng)[1])
        ids = np.repeat([f"press {machine:03}" for machine in machines], lengths)
        pq.write_table(pa.table({"machine": ids, "vibration": readings}), folder / f"day-{number}.parquet")


class InterruptedFitError(Exception):
    """Somebody has switched the client off."""


def interrupt(n: int, model: hf.HMM, objective: float) -> None:
    """End a fit in the middle."""
    if n == INTERRUPTED:
        raise InterruptedFitError


def main(picture: str = str(HERE / "cluster.png")) -> None:
    """Start a cluster, learn, smooth, and look at one machine."""
    with (
        tempfile.TemporaryDirectory() as name,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=CRITICAL) as cluster,
        Client(cluster) as client,
    ):
        folder = Path(name)
        (folder / "readings").mkdir()
        make(folder / "readings", np.random.default_rng(5))
        frame = hfd.from_parquet(folder / "readings", sequence="machine", steps_per_partition=STEPS)
        sizes = frame.map_partitions(len).compute()
        print(f"{N_MACHINES} machines, {sizes.sum()} readings, {N_FILES} files: {len(sizes)} partitions")

        def learn(**options: object) -> hf.Fitted:
            return hfd.fit(START, frame, "machine", checkpoint=folder / "fit", client=client, **options)

        try:
            learn(callback=interrupt)
        except InterruptedFitError:
            print(f"the fit was interrupted after {INTERRUPTED} iterations, and goes on from there\n")
        fitted = learn()
        print(fitted)

        hfd.smooth(fitted.model, frame, "machine").to_parquet(folder / "smoothed")
        files = sorted(path.name for path in (folder / "smoothed").iterdir())
        print(f"\nwritten by the workers: {files[0]} to {files[-1]}")
        is_shown = [("machine", "==", SHOWN)]
        readings = pq.read_table(folder / "readings", filters=is_shown)["vibration"].to_numpy()
        smoothed = np.column_stack(
            [pq.read_table(folder / "smoothed", filters=is_shown)[state].to_numpy() for state in NAMES]
        )
    alone = fitted.model.smooth(readings).probabilities
    print(f"the bits of {SHOWN} alone: {bool((smoothed == alone).all())}")
    draw(readings, smoothed, fitted).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(readings: np.ndarray, smoothed: np.ndarray, fitted: hf.Fitted) -> Figure:
    """Above, one machine with its states; below, the climb, from what is left to be gained."""
    figure = Figure(figsize=(9, 6.6), layout="constrained")
    top, bottom = figure.subplots(2, height_ratios=[1.5, 1])
    minutes = np.arange(len(readings))
    drawn = top.stackplot(minutes, smoothed.T, colors=COLORS, labels=NAMES, step="mid")
    top.set(xlim=(0, len(readings) - 1), ylim=(0, 1), xlabel="minute", ylabel="probability")
    top.set_title(f"{SHOWN}: what a worker has written, and the readings", loc="left", fontsize="medium")
    beside = top.twinx()
    beside.plot(minutes, readings, color="black", linewidth=0.6)
    beside.set_ylabel("vibration")
    top.legend(drawn[::-1], NAMES[::-1], loc="upper right", fontsize="small")

    left = fitted.history[-1] - fitted.history[:-1]
    numbers = np.arange(len(left))
    bottom.plot(numbers, left, color="black", marker=".", markersize=4, linewidth=1)
    bottom.axvline(INTERRUPTED, color=COLORS[2], linestyle="--", linewidth=1)
    bottom.text(INTERRUPTED + 0.3, left.max(), "interrupted here", color=COLORS[2], va="top")
    bottom.set(yscale="log", xlabel="iteration", ylabel="nats below the top", xlim=(0, len(left) - 1))
    bottom.set_title("the fit, over all partitions", loc="left", fontsize="medium")
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
