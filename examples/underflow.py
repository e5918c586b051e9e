"""Underflow: how does a probability die, and what does it say before?

A casino rolls a fair die, and now and then, for a while, a loaded one, which shows a six half of the time. We see the
rolls, and ask which die is on the table. The forward recursion answers: with one state for each die,

    α_t(j) = p(v_t | h_t = j) Σ_i α_{t−1}(i) p(h_t = j | h_{t−1} = i),

α_t(j) is the probability of all rolls so far together with die j, so that

    p(v_1:t) = Σ_j α_t(j)      and      p(h_t = j | v_1:t) = α_t(j) / Σ_k α_t(k).

Each roll makes α smaller by a factor, exp(−1.74) on average, and a computer's numbers end: in float64 at 4.9e-324, in
float32 at 1.4e-45. So theory predicts after how many rolls all is zero:

    log(smallest number) / (mean of log p(v_t | v_1:t−1)).

They do not end at once. Below 2.2e-308, or 1.2e-38, a number is subnormal: a whole multiple of the smallest one, with
ever fewer digits, until the last. The cure is to keep log α instead, and to add by the log-sum-exp,

    log Σ_i exp(x_i) = m + log Σ_i exp(x_i − m),      m = max_i x_i,

or, as long as no state falls too far behind the others, to divide each α_t by its sum.

    python examples/underflow.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
N_ROLLS = 500
FLOATS = {"float32": np.finfo(np.float32), "float64": np.finfo(np.float64)}
COLORS = dict(zip([*FLOATS, "scaled"], colormaps["GnBu"]([0.55, 0.78, 0.98]), strict=True))


def main(picture: str | Path = HERE / "underflow.png") -> None:
    """Run one recursion four ways, say when each dies and what it says before, and draw it."""
    # The casino, and what it rolls. To a filter, a roll is two numbers: its probability with each die.
    casino = hf.HMM(
        initial=[0.5, 0.5],
        transition=[[0.95, 0.05], [0.10, 0.90]],
        emission=hf.emissions.Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]]),
        state_names=["fair", "loaded"],
    )
    _, rolls = casino.simulate(N_ROLLS, rng=7)
    likelihoods = np.exp(casino.emission.log_likelihoods(rolls))

    # Four ways to run the recursion: as it stands, in two kinds of numbers; each row divided by its sum; in logs.
    tables = casino.initial, casino.transition, likelihoods
    naive = {name: hf.naive.forward_filter(*tables, dtype=name) for name in FLOATS}
    scaled = hf.naive.scaled_forward_filter(*tables)
    exact = casino.filter(rolls)

    # When do they die, and when should they? And what do they say on the last roll before?
    mean = exact.log_increments.mean()
    print(f"each roll takes α down by a factor of exp({mean:.4f}) on average\n")
    print("         digits go  predicted  all zero  predicted  p(loaded) on the roll before, and the truth")
    for name, run in naive.items():
        first, last = np.log([float(FLOATS[name].tiny), float(FLOATS[name].smallest_subnormal)]) / mean
        before = run.first_zero - 1
        said, truth = run.probabilities[before, 1], exact.probabilities[before, 1]
        print(f"{name}  {run.first_subnormal:9}  {first:9.0f}  {run.first_zero:8}  {last:9.0f}", end="")
        print(f"  {said:9.4f}  {truth:.4f}")
    print(f"scaled, log p(all rolls)    {scaled.log_likelihood:.4f}")
    print(f"in logs, log p(all rolls)   {exact.log_likelihood:.4f}\n")

    # The scaled recursion lives. But is it right? A coin shows heads with probability .9, or else .1. After 400 heads
    # the second is 9^400 = 1e381 times less probable, and no double holds that: it is zero, and stays zero, though 420
    # tails follow.
    coins = [0.5, 0.5], [[1, 0], [0, 1]], [[0.9, 0.1]] * 400 + [[0.1, 0.9]] * 420
    with np.errstate(divide="ignore"):
        logs = [np.log(table) for table in coins]
    said = hf.naive.scaled_forward_filter(*coins)
    truth = hf.forward_filter(*logs)
    print(f"400 heads, then 420 tails: p(.1 for heads) is {truth.probabilities[-1, 1]:.4f};", end=" ")
    print(f"the scaled recursion says {said.probabilities[-1, 1]:.4f}, without a word")

    draw(naive, scaled, exact).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(naive: dict[str, hf.naive.NaiveFiltered], scaled: hf.naive.ScaledFiltered, exact: hf.Filtered) -> Figure:
    """The whole way down above; below, the last steps of each kind of float: its digits, and its answers."""
    figure = Figure(figsize=(9, 9), layout="constrained")
    axes = figure.subplot_mosaic(
        [["fall", "fall"], ["float32 digits", "float64 digits"], ["float32", "float64"]], height_ratios=[2, 1, 1]
    )
    draw_fall(axes["fall"], naive, scaled, exact)
    figure.legend(*axes["fall"].get_legend_handles_labels(), ncols=4, loc="outside upper left", frameon=False)
    for name, run in naive.items():
        begin, end = run.first_subnormal, run.first_zero
        steps = np.arange(begin - 6, end + 5)
        draw_digits(axes[f"{name} digits"], steps, name, run, exact)
        draw_answers(axes[name], steps, name, run, exact)
        for ax in (axes[f"{name} digits"], axes[name]):
            ax.axvspan(begin - 0.5, end - 0.5, color="0.9", linewidth=0)
            ax.axvline(end - 0.5, color="black", linewidth=1)
            ax.set_xlim(steps[0] - 0.5, steps[-1] + 0.5)
            ax.locator_params(axis="x", integer=True)
        axes[f"{name} digits"].set_title(
            f"{name}: from roll {begin} on digits go, at roll {end} all is zero", fontsize=10
        )
        axes[name].set_xlabel("roll")
    axes["float32 digits"].set_ylabel("right digits of\np(die | rolls so far)")
    axes["float32"].set_ylabel("p(loaded | rolls so far)")
    for ax in axes.values():
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def draw_fall(
    ax: Axes, naive: dict[str, hf.naive.NaiveFiltered], scaled: hf.naive.ScaledFiltered, exact: hf.Filtered
) -> None:
    """log10 p(v_1:t) against the roll, in all four ways, and where the numbers of each kind end."""
    ax.plot(np.cumsum(exact.log_increments) / np.log(10), color="0.75", linewidth=7, label="log space")
    for name, run in naive.items():
        line = np.log10(run.alpha[: run.first_zero].sum(axis=1, dtype=float))
        ax.plot(line, color=COLORS[name], linewidth=3, label=name)
        ax.plot(len(line) - 1, line[-1], color=COLORS[name], marker="X", markersize=11)
        # What is said of float32 stands above the line and to the right of it, of float64 below and to the left.
        side, where, away = ("left", 0.985, 1) if name == "float32" else ("right", 0.015, -1)
        ax.annotate(
            f"{name} is dead from roll {run.first_zero} on",
            (len(line) - 1, line[-1]),
            xytext=(12 * away, 24 * away),
            textcoords="offset points",
            ha=side,
            va="center",
        )
        normal, smallest = float(FLOATS[name].tiny), float(FLOATS[name].smallest_subnormal)
        ax.axhspan(np.log10(smallest), np.log10(normal), color="0.9", linewidth=0)
        small = {"fontsize": 9, "color": "0.35", "transform": ax.get_yaxis_transform()}
        small["ha"] = "right" if side == "left" else "left"
        ax.text(
            where, np.log10(normal) + 3, f"{normal:.2g}, the smallest {name} with all its digits", va="bottom", **small
        )
        ax.text(where, np.log10(smallest) - 4, f"{smallest:.2g}, the smallest of all", va="top", **small)
    line = np.cumsum(np.log(scaled.scales)) / np.log(10)
    ax.plot(line, color=COLORS["scaled"], linewidth=1.5, linestyle=":", label="scaled")
    ax.set(xlim=(0, len(line)), ylim=(line[-1] - 5, 8), xlabel="roll", ylabel="log$_{10}$ p(rolls so far)")


def draw_digits(ax: Axes, steps: np.ndarray, name: str, run: hf.naive.NaiveFiltered, exact: hf.Filtered) -> None:
    """The digits of the posterior that are right, and those that a number as small as the smaller α can have."""
    alive = steps[steps < run.first_zero]
    error = np.abs(run.probabilities[alive] / exact.probabilities[alive] - 1).max(axis=1)
    digits = np.clip(-np.log10(np.maximum(error, FLOATS["float64"].eps / 2)), 0, None)
    ax.plot(alive, digits, color=COLORS[name], marker="o", markersize=5, linewidth=0, label="measured", zorder=3)
    smaller = (np.cumsum(exact.log_increments)[:, None] + exact.log_probabilities).min(axis=1)[steps] / np.log(10)
    units = smaller - np.log10(float(FLOATS[name].smallest_subnormal))
    most = -np.log10(float(FLOATS[name].eps) / 2)
    ax.plot(
        steps, np.clip(units + np.log10(2), 0, most), color="0.45", linewidth=1.2, label="what the smaller α can hold"
    )
    ax.set_ylim(-0.6, 17)
    ax.legend(loc="upper left" if name == "float32" else "lower left", frameon=False, fontsize=9)


def draw_answers(ax: Axes, steps: np.ndarray, name: str, run: hf.naive.NaiveFiltered, exact: hf.Filtered) -> None:
    """p(loaded) as the naive version has it, as long as it has one, and the truth."""
    alive = steps[steps < run.first_zero]
    ax.plot(steps, exact.probabilities[steps, 1], color="0.45", linewidth=1.2, label="truth")
    ax.plot(alive, run.probabilities[alive, 1], color=COLORS[name], marker="o", markersize=5, linewidth=0, label=name)
    ax.set_ylim(-0.04, 1.04)
    ax.legend(loc="upper left", frameon=False, fontsize=9)


if __name__ == "__main__":
    main(*sys.argv[1:])
