"""Learning: from data alone to a model that has been checked.

Nobody says how many dice the croupier has, or how restless the world can be. Four lines find out:

    selected = hf.select("poisson", range(1, 5), counts)      which number of states? Fits each, from many starts
    fitted = selected.best                                    the model, and how it was found
    fitted.standard_errors()                                  how sure each number is
    fitted.model.pseudo_residuals(counts, "forecast").plot()  whether the data look as the model says

More states always make the data more probable. The criteria take something off for each parameter: AIC 1 nat, BIC half
the log of the number of observations, which in the long run finds the right number. The check is another matter: a
forecast says how probable each observation is, given those before, and with it where it lies on the scale of a standard
normal number. If the model is right, these residuals are independent. Those of a single state are not: one that is high
foretells the next.

Of the casino the truth is known: 10,000 rolls of a fair die and of a loaded one, which shows every second time a six.

    python examples/learning.py [PICTURE]
"""

import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
N_ROLLS, N_LAGS = 10_000, 20
CASINO = hf.HMM(
    "stationary",
    [[0.95, 0.05], [0.10, 0.90]],
    hf.emissions.Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]]),
    ["fair", "loaded"],
)


def main(picture: str | Path = HERE / "learning.png") -> None:
    """Learn of rolls and of earthquakes, print what comes out, and draw it."""
    _, rolls = CASINO.simulate(N_ROLLS, rng=7)
    with open(DATA / "earthquakes.csv", newline="") as file:
        counts = np.array([float(row["count"]) for row in csv.DictReader(file)])

    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 3, width_ratios=[1, 1.25, 1])
    print("the casino")
    selected, residuals = learn("categorical", range(1, 4), rolls)
    draw_criteria(above[0], selected)
    draw_dice(above[1], selected.best)
    draw_correlations(above[2], residuals)
    print("\nthe earthquakes")
    selected, residuals = learn("poisson", range(1, 5), counts)
    draw_criteria(below[0], selected)
    draw_rates(below[1], selected.best, counts)
    draw_correlations(below[2], residuals)
    for row, name in ((above, "the casino"), (below, "the earthquakes")):
        row[0].set_title(name, loc="left", fontsize="medium")
        for ax in row:
            ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def learn(emission: str, numbers: range, data: np.ndarray) -> tuple[hf.Selected, dict[int, np.ndarray]]:
    """Select, and check: the fits, and residuals of forecasts by a single state and by the model that is selected."""
    selected = hf.select(
        emission, numbers, data, initial="stationary", restarts=4, rng=0, tolerance=1e-3, max_iterations=300
    )
    selected.best.standard_errors()  # from here on they are printed, too
    print(f"{selected}\n\n{selected.best}\n\nresiduals of forecasts   sd  correlation of neighbours")
    residuals = {}
    for n in (1, selected.best.model.n_states):
        z = residuals[n] = selected.fits[n].model.pseudo_residuals(data, "forecast").residuals
        words = f"{n} state{'s' if n > 1 else ''}"
        print(f"{words:<20}{z.std():>7.2f}{correlation(z, 1):>11.3f} ± {len(z) ** -0.5:.3f}")
    return selected, residuals


def correlation(z: np.ndarray, lag: int) -> float:
    """Of numbers that are so many steps apart."""
    about = z - z.mean()
    return (about[lag:] * about[:-lag]).mean() / about.var()


def colors(n: int) -> np.ndarray:
    """One for each state."""
    return colormaps["GnBu"](np.linspace(0.4, 0.95, n))


def draw_criteria(ax: Axes, selected: hf.Selected) -> None:
    """Each criterion above its least, against the number of states."""
    numbers = list(selected.fits)
    for name, color in (("aic", "0.6"), ("bic", "black")):
        values = np.array([getattr(fit, name) for fit in selected.fits.values()])
        ax.plot(numbers, values - values.min(), color=color, marker="o", label=name.upper())
    ax.axvline(selected.best.model.n_states, color="0.88", linewidth=9, zorder=0)
    ax.set(xlabel="number of states", ylabel="above the least", xticks=numbers)
    ax.legend(frameon=False)


def draw_dice(ax: Axes, fitted: hf.Fitted) -> None:
    """What each die shows, with 95 % intervals, and what it really shows."""
    intervals, found = fitted.confidence_intervals(), fitted.model.emission.probabilities
    low, high = (end.emission["probabilities"] for end in (intervals.lower, intervals.upper))
    faces = np.arange(1, 7)
    for die, color in zip(np.argsort(found[:, 5]), colors(len(found)), strict=True):
        off = [found[die] - low[die], high[die] - found[die]]
        name = CASINO.state_names[np.argmin(np.abs(CASINO.emission.probabilities[:, 5] - found[die, 5]))]
        ax.errorbar(
            faces, found[die], yerr=off, color=color, marker="o", markersize=4, linewidth=0, elinewidth=2, label=name
        )
    for truth in CASINO.emission.probabilities:
        ax.plot(faces, truth, color="black", linewidth=0, marker="_", markersize=16, zorder=0)
    ax.set(xlabel="face (— the truth)", ylabel="probability", ylim=(0, 0.62))
    ax.legend(frameon=False, loc="upper left")


def draw_rates(ax: Axes, fitted: hf.Fitted, counts: np.ndarray) -> None:
    """What each state shows, over the data."""
    numbers = np.arange(46)
    shares = np.exp(fitted.model.emission.log_likelihoods(numbers)) * fitted.model.initial
    ax.hist(counts, bins=np.arange(-0.5, 46, 3), weights=np.full(len(counts), 1 / 3 / len(counts)), color="0.88")
    for k, color in zip(np.argsort(fitted.model.emission.rate), colors(shares.shape[1]), strict=True):
        ax.plot(numbers, shares[:, k], color=color, linewidth=2)
    ax.plot(numbers, shares.sum(axis=1), color="black", linewidth=1, linestyle="--")
    ax.set(xlabel="major earthquakes in a year", ylabel="share of the years", xlim=(-0.5, 45.5))


def draw_correlations(ax: Axes, residuals: dict[int, np.ndarray]) -> None:
    """How residuals of forecasts foretell those after them, of one state and of the model that was selected."""
    lags = np.arange(1, N_LAGS + 1)
    for (n, z), color in zip(residuals.items(), ("0.6", colors(2)[1]), strict=True):
        ax.plot(
            lags,
            [correlation(z, lag) for lag in lags],
            color=color,
            marker="o",
            markersize=4,
            label=f"{n} state{'s' * (n > 1)}",
        )
    within = 1.96 / len(z) ** 0.5
    ax.axhspan(-within, within, color="0.93", linewidth=0, zorder=0)
    ax.axhline(0, color="0.45", linewidth=0.9, zorder=0)
    ax.set(xlabel="steps apart", ylabel="correlation of residuals", xticks=[1, 5, 10, 15, 20])
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
