"""Irregular visits: how fast does a disease come and go, if patients are seen when they happen to come?

Between two visits anything may have happened. A chain in continuous time has rates, not probabilities: q_ij is how
often a move from i to j comes per year in state i, and after any time t

    p(state j after t | state i) = exp(Q t)[i, j].

A marker in the blood is higher when the disease is active, but no visit shows the state itself. The rates are learnt
from all visits, whatever the gaps between them, each of which gets a matrix of its own; a chain that takes each visit
for a step, as if they were a year apart or a week, has nothing to say about time. Between visits, rows without an
observation tell what is known there.

    python examples/irregular.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
NAMES = ["quiet", "active", "chronic"]
TRUTH = hf.HMM(
    initial=[0.8, 0.2, 0.0],
    transition=hf.transitions.Rates([[0, 0.5, 0], [1.2, 0, 0.15], [0, 0, 0]]),  # moves per year; chronic is for good
    emission=hf.emissions.Gaussian([2.0, 5.0, 8.0], [1.0, 1.5, 1.0]),
    state_names=NAMES,
)
N_PATIENTS, N_VISITS = 80, 15


def main(picture: str | Path = HERE / "irregular.png") -> None:
    """Draw patients, learn the rates from them, print and draw what comes of it."""
    rng = np.random.default_rng(3)
    gaps = rng.choice([0.05, 0.25, 1.0], size=(N_PATIENTS, N_VISITS)) * rng.uniform(0.5, 1.5, (N_PATIENTS, N_VISITS))
    visits = list(gaps.cumsum(axis=1))  # in years
    drawn = [TRUTH.simulate(N_VISITS, rng, times=times) for times in visits]
    markers = [marker for _, marker in drawn]

    start = hf.HMM(
        [0.6, 0.3, 0.1],
        hf.transitions.Rates([[0, 1.0, 0], [1.0, 0, 1.0], [0, 0, 0]]),  # rates of 0 stay 0
        hf.emissions.Gaussian([1.0, 4.0, 7.0], [2.0, 2.0, 2.0]),
        NAMES,
    )
    fitted = start.fit(markers, times=visits)
    model, errors = fitted.model, fitted.standard_errors()
    print(fitted, "\n")

    print(f"{'moves per year':<20}{'estimate':>10}{'std. error':>12}{'truth':>8}")
    rates, true_rates = model.chain.generator, TRUTH.chain.generator
    for i, j in [(0, 1), (1, 0), (1, 2)]:
        error = errors.transition[i, j]
        print(f"{NAMES[i]} to {NAMES[j]:<12}{rates[i, j]:>10.3f}{error:>12.3f}{true_rates[i, j]:>8.2f}")
    stays, until_chronic = model.chain.sojourn_times(), model.chain.first_passage_times()[:, 2]
    print(f"\nonce active, it is so for {stays[1]:.2f} years, and chronic after {until_chronic[1]:.0f}, on average")

    of_steps = hf.HMM(start.initial, [[0.8, 0.2, 0], [0.3, 0.6, 0.1], [0, 0, 1]], start.emission).fit(markers)
    known, alike = fitted.log_likelihood, of_steps.log_likelihood
    print(f"log-likelihood {known:.1f}; where visits are taken for steps, {alike:.1f}")

    draw(model, visits, drawn).savefig(picture, dpi=110)
    print(f"look at {Path(picture).name}")


def draw(model: hf.HMM, visits: list[np.ndarray], drawn: list[tuple[np.ndarray, np.ndarray]]) -> Figure:
    """What is known of some patients at all times, and how the matrices of all gaps come from the rates."""
    figure = Figure(figsize=(9.5, 5.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.7, 1])
    colors = colormaps["GnBu"]([0.3, 0.55, 0.85])
    chosen = [n for n, (states, _) in enumerate(drawn) if len(set(states)) == 3][:3]
    for n, ax in zip(chosen, left.subplots(3, 1), strict=True):
        marker, times = drawn[n][1], visits[n]
        fine = np.linspace(times[0], times[-1], 400)
        moments = np.concatenate([times, fine])
        order = np.argsort(moments, kind="stable")
        seen = np.concatenate([marker, np.full(400, np.nan)])
        known = model.smooth(seen[order], times=moments[order]).probabilities
        ax.stackplot(moments[order], 9 * known.T, colors=colors, labels=NAMES)
        ax.plot(times, marker, "o", color="black", markersize=4, label="marker")
        ax.plot(times, np.full(len(times), -0.6), "|", color="0.5", markersize=5, clip_on=False)
        ax.set(xlim=(times[0], times[-1]), ylim=(-1, 11), yticks=[0, 9], yticklabels=["0", "1"], ylabel=f"patient {n}")
        ax.spines[["top", "right"]].set_visible(False)
    left.axes[0].legend(ncols=4, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1)
    left.axes[-1].set_xlabel("years; a tick for each visit")

    ax, gaps = right.subplots(), np.linspace(0, 6, 200)
    for chain, style in ((model.chain, "-"), (TRUTH.chain, ":")):
        matrices = np.array([chain.matrix(gap) for gap in gaps])
        for k, color in enumerate(colors):
            ax.plot(gaps, matrices[:, 1, k], style, color=color, linewidth=2, label=NAMES[k] if style == "-" else None)
    ax.set(xlabel="years after it was active", ylabel="probability", ylim=(0, 1), xlim=(0, 6))
    ax.set_title("exp(Q t) as learnt, and the truth (dotted)", loc="left", fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
