"""Fitting: which rates, and which moves between them, make the earthquakes most probable?

A guess cuts the counts into three groups, from the calmest years to the most restless. From there `hmmfilter.fit`
climbs: each iteration asks how probable each state is in each year, and each move between two years, given all counts,
and takes the model that such shares make most probable (Baum and Welch),

    rate_k = Σ_t γ_t(k) count_t / Σ_t γ_t(k),      A(i, j) ∝ Σ_t ξ_t(i, j).

The chain starts where it settles, δ = δ A, and so moves with A, which asks for a little more. One move is never made:
its probability comes to zero, exactly, and has no standard error. How sure are the others? The curvature of the
log-likelihood at the top has the variances, and on the scale of logits, intervals of probabilities stay inside [0, 1].

    python examples/fit_earthquakes.py [PICTURE]
"""

import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
NAMES = ["calm", "middling", "restless"]
K = len(NAMES)


def main(picture: str | Path = HERE / "fit_earthquakes.png") -> None:
    """Fit, print the model beside the published one, and draw it."""
    with open(DATA / "earthquakes.csv", newline="") as file:
        counts = np.array([float(row["count"]) for row in csv.DictReader(file)])

    guess = hf.guess("poisson", K, counts)
    start = hf.HMM(guess.initial, guess.transition, guess.emission, NAMES)
    fitted = hf.fit(start, counts, initial="stationary", tolerance=1e-12)
    errors, intervals = fitted.standard_errors(), fitted.confidence_intervals(0.95)
    print(fitted, "\n")

    # Beside it the model that Zucchini, MacDonald and Langrock published.
    model, published = fitted.model, hf.HMM.from_json(DATA / "earthquakes.json")
    labels = [f"rate, {name}" for name in NAMES] + [f"{start} to {end}" for start in NAMES for end in NAMES]
    columns = [
        np.append(rates, transition)
        for rates, transition in [
            (model.emission.rate, model.transition),
            (errors.emission["rate"], errors.transition),
            (intervals.lower.emission["rate"], intervals.lower.transition),
            (intervals.upper.emission["rate"], intervals.upper.transition),
            (published.emission.rate, published.transition),
        ]
    ]
    print(f"{'':<22}{'estimate':>10}{'std. error':>12}{'95 % interval':>20}{'published':>11}")
    for label, estimate, error, low, high, known in zip(labels, *columns, strict=True):
        print(f"{label:<22}{estimate:>10.3f}{error:>12.3f}{low:>12.3f}{high:>8.3f}{known:>11.3f}")

    draw(counts, model, intervals).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(counts: np.ndarray, model: hf.HMM, intervals: hf.ConfidenceIntervals) -> Figure:
    """Left, what each state shows, over what was seen; right, the moves; both with their 95 % intervals."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    seen, moves = figure.subplots(1, 2, width_ratios=[1.5, 1])
    colors = colormaps["GnBu"](np.linspace(0.35, 0.95, K))  # darker than those of bands, as lines are thin
    marks = {"marker": "o", "markersize": 4.5, "capsize": 3, "elinewidth": 1.6, "linewidth": 0}
    low, high = intervals.lower, intervals.upper

    numbers = np.arange(46)
    shares = np.exp(model.emission.log_likelihoods(numbers)) * model.initial  # the stationary distribution
    seen.hist(counts, bins=np.arange(-0.5, 46, 3), weights=np.full(len(counts), 1 / 3 / len(counts)), color="0.88")
    seen.plot(numbers, shares.sum(axis=1), color="black", linewidth=1, linestyle="--", label="all together")
    for k, (name, color) in enumerate(zip(NAMES, colors, strict=True)):
        rate = model.emission.rate[k]
        off = [[rate - low.emission["rate"][k]], [high.emission["rate"][k] - rate]]
        seen.plot(numbers, shares[:, k], color=color, linewidth=2, label=name)
        seen.errorbar(rate, -0.004, xerr=off, color=color, **marks)
    seen.axhline(0, color="black", linewidth=0.8)
    seen.set(xlabel="major earthquakes in a year", ylabel="share of the years", xlim=(-0.5, 45.5))
    seen.set_title("what each state shows, and its rate", loc="left", fontsize="medium")
    seen.legend(frameon=False)

    for i, color in enumerate(colors):
        row = model.transition[i]
        off = np.nan_to_num([row - low.transition[i], high.transition[i] - row])  # a move that is never made has none
        moves.errorbar(np.arange(K) + 0.2 * (i - 1), row, yerr=off, color=color, clip_on=False, **marks)
    moves.set_xticks(range(K), [f"to {name}" for name in NAMES])
    moves.set(ylabel="probability", ylim=(0, 1), xlim=(-0.5, K - 0.5))
    moves.set_title("moves from each state", loc="left", fontsize="medium")
    for ax in (seen, moves):
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
