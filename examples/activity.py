"""Activity: when does somebody sleep, as a watch tells that counts movements, feels the pulse, and sometimes neither?

Given the state, both channels are independent: movements are counts that vary more than Poisson's, the pulse is normal,

    p(v_t | h_t) = p(movements_t | h_t) p(pulse_t | h_t),

and a channel that is missing is left out, alone. The days are drawn with a clock, by logits of its cosine and sine; the
model that is learnt knows nothing of the time of day, and is right where it sees anything.

    python examples/activity.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
NAMES = ["asleep", "resting", "active"]
A_DAY, N_DAYS = 144, 5  # steps of ten minutes
HOURS = np.arange(A_DAY * N_DAYS) / 6
CLOCK = np.column_stack([np.cos(2 * np.pi * HOURS / 24), np.sin(2 * np.pi * HOURS / 24)])
TRUTH = hf.HMM(
    initial=[0.9, 0.1, 0.0],
    transition=hf.transitions.Logistic(  # intercept, cosine and sine: the night is where the cosine is near 1
        [
            [[0, 0, 0], [-4.0, -3.0, 1.0], [-20.0, 0, 0]],
            [[-4.0, 4.0, -1.0], [0, 0, 0], [-1.5, -1.0, 0.0]],
            [[-20.0, 0, 0], [-1.5, 1.0, 0.0], [0, 0, 0]],
        ]
    ),
    emission=hf.emissions.Product(
        {
            "movements": hf.emissions.NegativeBinomial([1.0, 12.0, 70.0], [2.5, 1.0, 0.4]),
            "pulse": hf.emissions.Gaussian([54.0, 64.0, 82.0], [9.0, 25.0, 100.0]),
        }
    ),
    state_names=NAMES,
)
START = hf.HMM(
    [1 / 3, 1 / 3, 1 / 3],
    [[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9]],  # nobody falls asleep who does not rest
    hf.emissions.Product(
        {
            "movements": hf.emissions.NegativeBinomial([3.0, 10.0, 50.0], [1.0, 1.0, 1.0]),
            "pulse": hf.emissions.Gaussian([50.0, 65.0, 80.0], [50.0, 50.0, 50.0]),
        }
    ),
    NAMES,
)


def main(picture: str | Path = HERE / "activity.png") -> None:
    """Draw days, lose some of what was seen, learn from the rest, print and draw what is known."""
    states, shown = TRUTH.simulate(len(HOURS), 7, covariates=CLOCK)
    seen = np.array(shown, dtype=float)
    seen[(HOURS > 40) & (HOURS < 58), 1] = np.nan  # the watch is loose: no pulse
    seen[(HOURS > 74) & (HOURS < 86), 0] = np.nan  # it lies still in its cradle, and feels by a strap
    seen[HOURS % 24 > 22.5] = np.nan  # it is charged

    fitted = START.fit(seen)
    print(fitted, "\n")
    known = fitted.model.smooth(seen).probabilities
    missing = np.isnan(seen)
    print(f"{'':<16}{'steps':>6}{'right':>8}{'expected':>10}")
    for name, rows in (
        ("both channels", ~missing.any(axis=1)),
        ("movements alone", missing[:, 1] & ~missing[:, 0]),
        ("pulse alone", missing[:, 0] & ~missing[:, 1]),
        ("neither", missing.all(axis=1)),
    ):
        right, expected = np.mean(known.argmax(axis=1)[rows] == states[rows]), known.max(axis=1)[rows].mean()
        print(f"{name:<16}{rows.sum():>6}{right:>8.1%}{expected:>10.1%}")
    asleep, truth = known[:, 0].sum() / 6 / N_DAYS, np.mean(states == 0) * 24
    print(f"\nasleep for {asleep:.1f} hours a day; in truth for {truth:.1f}")

    draw(seen, states, known).savefig(picture, dpi=110)
    print(f"look at {Path(picture).name}")


def draw(seen: np.ndarray, states: np.ndarray, known: np.ndarray) -> Figure:
    """Both channels over what is known of the states, and the truth below."""
    colors = colormaps["cividis"]([0.1, 0.5, 0.9])
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    counts, pulse, truth = figure.subplots(3, 1, sharex=True, height_ratios=[3, 3, 0.5])
    for ax, channel, label in ((counts, seen[:, 0], "movements"), (pulse, seen[:, 1], "pulse")):
        ax.stackplot(HOURS, known.T, colors=colors, alpha=0.5, labels=NAMES, linewidth=0)
        ax.set(ylim=(0, 1), yticks=[])
        over: Axes = ax.twinx()
        over.plot(HOURS, channel, ".", color="black", markersize=3)
        over.yaxis.set_ticks_position("left")
        over.yaxis.set_label_position("left")
        over.set(ylabel=label, yscale="symlog" if label == "movements" else "linear")
    counts.legend(ncols=3, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1)
    truth.imshow(colors[states][np.newaxis], aspect="auto", extent=(0, HOURS[-1], 0, 1))
    truth.set(yticks=[], ylabel="truth", xlabel="hours from midnight", xticks=np.arange(0, 24 * N_DAYS + 1, 12))
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
