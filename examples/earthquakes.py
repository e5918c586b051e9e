"""Earthquakes: when was the world restless?

Each year from 1900 to 2006 had some number of major earthquakes (magnitude 7 or above). The counts wander: calm years
come in runs, and so do restless ones. A hidden Markov model explains this by a state of the Earth that nobody sees,
which moves from year to year and sets the mean number of earthquakes:

    p(count_t | h_t = k) = Poisson(count_t; rate_k),      p(h_{t+1} = j | h_t = i) = transition[i, j].

Smoothing turns this around: given all counts, how probable is each state in each year? Viterbi asks for the whole
path instead, the most probable one of all:

    p(h_t = k | count_1:T),      arg max over h_1:T of p(h_1:T | count_1:T).

    python examples/earthquakes.py [PICTURE]
"""

import csv
import sys
from pathlib import Path

from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
DATA = HERE.parent / "data"


def main(picture: str | Path = HERE / "earthquakes.png") -> None:
    """Print the posterior of the state in each year, and draw it."""
    # The counts, and the model that Zucchini, MacDonald and Langrock published for them: three states.
    with open(DATA / "earthquakes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    years = [row["year"] for row in rows]
    counts = [int(row["count"]) for row in rows]
    model = hf.HMM.from_json(DATA / "earthquakes.json")
    print(model, "\n")

    # Given all counts: how probable is each state in each year, and which path through the states is the best?
    smoothed = model.smooth(counts)
    decoded = model.viterbi(counts)
    print(smoothed, "\n")
    restless = [year for year, state in zip(years, decoded.path, strict=True) if state == 2]
    print("restless on the most probable path:", *restless)

    # Two panels of one figure, the time axis in years, and what the colours mean in words above both.
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    top, bottom = figure.subplots(2, sharex=True)
    smoothed.plot(counts, top).set_xlabel("")
    decoded.plot(counts, bottom).set_xlabel("year")
    bottom.set_xticks(range(0, len(years), 20), years[::20])
    top.get_legend().get_texts()[-1].set_text("major earthquakes")
    bottom.get_legend().remove()
    for over in figure.axes[2:]:
        over.set_ylabel("major earthquakes")
    figure.savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
