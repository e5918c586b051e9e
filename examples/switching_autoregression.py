"""Switching autoregression: when did interest rates drift, and when did they settle?

A rate follows the one of the quarter before it, in each regime by a line of its own:

    rate_t = c_k + φ_k rate_{t−1} + noise in regime k, and the regimes follow a chain.

With φ below 1 a rate is pulled back to c / (1 − φ); with φ above 1 it runs away, for as long as the regime lasts. The
fit is that of Stata's manual (mswitch, example 3), to its last digit, standard errors included: two regimes, one
variance, a chain that has settled, and the first quarter given.

    python examples/switching_autoregression.py [PICTURE]
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
NAMES = ["settling", "drifting"]
PUBLISHED = -264.71069


def main(picture: str | Path = HERE / "switching_autoregression.png") -> None:
    """Fit both regimes, compare them with one, print and draw what comes of it."""
    with open(DATA / "federal_funds.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    years = np.array([int(row["quarter"][:4]) + (int(row["quarter"][5]) - 1) / 4 for row in rows])
    rates = np.array([float(row["rate"]) for row in rows])

    start = hf.HMM(
        [0.5, 0.5],
        [[0.7, 0.3], [0.2, 0.8]],
        hf.emissions.Autoregressive([[0.5, 0.8], [0.0, 1.0]], [0.5, 0.5]),
        NAMES,
    )
    fitted = start.fit(rates, initial="stationary", tied={"emission.variance": "all"}, tolerance=1e-12)
    model, errors = fitted.model, fitted.standard_errors()
    print(fitted, "\n")

    print(f"{'':<12}{'c':>9}{'(error)':>9}{'φ':>9}{'(error)':>9}{'quarters':>10}")
    for k, name in enumerate(NAMES):
        (c, phi), (c_error, phi_error) = model.emission.coefficients[k], errors.emission["coefficients"][k]
        stay = model.chain.sojourn_times()[k]
        print(f"{name:<12}{c:>9.4f}{c_error:>9.4f}{phi:>9.4f}{phi_error:>9.4f}{stay:>10.1f}")
    c, phi = model.emission.coefficients[0]
    print(f"\nlog-likelihood {fitted.log_likelihood:.5f}, published {PUBLISHED:.5f}")
    one = hf.guess(hf.emissions.Autoregressive, 1, rates).fit(rates)
    print(f"BIC {fitted.bic:.1f}; of one regime {one.bic:.1f}")
    print(f"settling leads to {c / (1 - phi):.2f} %; both lead to the same rate from {crossing(model):.2f} %")

    draw(model, years, rates).savefig(picture, dpi=110)
    print(f"look at {Path(picture).name}")


def crossing(model: hf.HMM) -> float:
    """The rate that both regimes lead to the same next one from."""
    (c, phi), (other_c, other_phi) = model.emission.coefficients
    return float((c - other_c) / (other_phi - phi))


def draw(model: hf.HMM, years: np.ndarray, rates: np.ndarray) -> Figure:
    """The rate and how probable drifting is; and how each quarter's change follows from the rate before it."""
    drifting = model.smooth(rates).probabilities[:, 1]
    colors = colormaps["coolwarm"]
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.5, 1])

    above, below = left.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    above.plot(years, rates, color="0.75", linewidth=1, zorder=1)
    above.scatter(years, rates, c=drifting, cmap=colors, vmin=0, vmax=1, s=14, zorder=2)
    above.set(ylabel="federal funds rate, %", ylim=(0, None))
    below.fill_between(years, drifting, step="mid", color=colors(0.9), alpha=0.75, linewidth=0)
    below.fill_between(years, drifting, 1, step="mid", color=colors(0.1), alpha=0.75, linewidth=0)
    below.set(ylabel="P(drifting)", ylim=(0, 1), xlim=(years[0], years[-1]))

    ax = right.subplots()
    change = np.diff(rates)
    ax.axhline(0, color="0.6", linewidth=0.8)
    ax.scatter(rates[:-1], change, c=drifting[1:], cmap=colors, vmin=0, vmax=1, s=14)
    ends = np.array([0.0, rates.max()])
    for k, name in enumerate(NAMES):
        c, phi = model.emission.coefficients[k]
        ax.plot(ends, c + (phi - 1) * ends, color=colors(0.05 + 0.9 * k), linewidth=2, label=f"{name}: φ = {phi:.3f}")
    ax.set(xlabel="rate of the quarter before, %", ylabel="change, %")
    ax.legend(frameon=False, loc="lower left")
    for each in (above, below, ax):
        each.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
