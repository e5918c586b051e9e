"""From sum to max: how does forward–backward turn into Viterbi?

Both do the same with different words. Smoothing adds up the probabilities of all paths through a state; Viterbi takes
the largest of them. Between the two there is a dial, the temperature τ of the log-sum-exp,

    LSE_τ(x) = τ log Σ_i exp(x_i / τ),      max x ≤ LSE_τ(x) ≤ max x + τ log n      for n numbers x_i.

At τ = 1 it is the log of a sum. The lower τ is, the more of the sum is its largest term, and at last it is the max.

Let x be the log-probability of each path with the rolls, log p(path, v_1:T), over all paths with h_t = k. Then
LSE_1 is log p(h_t = k, v_1:T), the posterior and the log-likelihood that forward–backward computes; the max is what
`max_marginals` computes, whose best states are Viterbi's path. For any τ between, divide by τ the logs of the initial,
of the transition and of the likelihoods, and so the log of each path; `smooth` them, and multiply by τ:

    LSE_τ(x) = τ (log γ_τ,t(k) + log p_τ(v_1:T)).

Divided by τ they are no logs of probabilities, as nothing sums to 1 any more. `smooth` takes any log-potentials.

How far above the max is that? Through one state at one step lead K^(T−1) paths, so that

    0 ≤ LSE_τ(x) − max x ≤ τ (T − 1) log K,

and all of it goes to zero with τ. Where the best path of all is better than the second best by Δ nats, the most
probable states are Viterbi's path for certain as soon as τ (T − 1) log K < Δ. Mostly they are much earlier.

    python examples/from_sum_to_max.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
N_ROLLS, SEED = 60, 32

# A croupier swaps a fair die for a loaded one, which shows a six every second time, and back.
CASINO = hf.HMM(
    initial=[0.5, 0.5],
    transition=[[0.95, 0.05], [0.10, 0.90]],
    emission=hf.emissions.Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]]),
    state_names=["fair", "loaded"],
)
Tables = tuple[np.ndarray, np.ndarray, np.ndarray]  # log_initial, log_transition, log_likelihoods


def at_temperature(tau: float, tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior γ_τ, and LSE_τ over the paths through each state at each step, both (T, K)."""
    smoothed = hf.smooth(*(table / tau for table in tables))
    return smoothed.probabilities, tau * (smoothed.log_probabilities + smoothed.log_likelihood)


def main(picture: str | Path = HERE / "from_sum_to_max.png") -> None:
    """Turn the dial from sum to max, print what changes, and draw it."""
    # The dial alone, on three numbers.
    three = ", ".join(f"{hf.lse.smooth_max([0, 1, 2], tau):.4f} at τ = {tau}" for tau in (1, 0.5, 0.1))
    print(f"LSE_τ(0, 1, 2) is {three}")

    # A game, and the two ends of the dial.
    _, rolls = CASINO.simulate(N_ROLLS, rng=SEED)
    tables = CASINO.log_initial, CASINO.log_transition, CASINO.emission.log_likelihoods(rolls)
    best = hf.viterbi(*tables)
    max_marginals = hf.max_marginals(*tables)
    first, second = hf.viterbi_n_best(*tables, n=2).log_joints
    n_free = (N_ROLLS - 1) * np.log(CASINO.n_states)  # the log of how many paths lead through one state
    certain = (first - second) / n_free
    print(f"{N_ROLLS} rolls; the best path has a log-joint of {first:.4f}, the second best {second:.4f}\n")

    # Between them.
    print("     τ  states unlike Viterbi's  LSE_τ − max, at most  its bound")
    for tau in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001):
        posterior, sums = at_temperature(tau, tables)
        n_unlike = (posterior.argmax(axis=1) != best.path).sum()
        print(f"{tau:6}{n_unlike:25}{(sums - max_marginals).max():22.2g}{tau * n_free:11.2g}")
    taus = np.geomspace(2, 0.005, 200)
    turned = [at_temperature(tau, tables) for tau in taus]
    is_other = [(posterior.argmax(axis=1) != best.path).any() for posterior, _ in turned]
    since = taus[np.flatnonzero(is_other)[-1] + 1]
    print(f"the most probable states are Viterbi's path from τ = {since:.2g} down, and had to be from {certain:.2g}")

    gaps = np.array([sums - max_marginals for _, sums in turned])
    draw(rolls, taus, np.array([posterior for posterior, _ in turned]), best, gaps, n_free).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(
    rolls: np.ndarray, taus: np.ndarray, posteriors: np.ndarray, best: hf.Decoded, gaps: np.ndarray, n_free: float
) -> Figure:
    """Above, the posterior as the dial turns, down to Viterbi's path; below, how far the sum still is from the max."""
    figure = Figure(figsize=(9, 8.2), layout="constrained")
    top, dial, end, gap = figure.subplots(4, height_ratios=[0.9, 3, 0.25, 2.6])
    colors = ListedColormap(colormaps["GnBu"](np.linspace(0.12, 0.72, 256)))  # those of `result.plot`
    steps = np.arange(len(rolls))

    dots = {"color": "black", "marker": "o", "markersize": 5, "linewidth": 0}
    is_six = rolls == 5
    top.plot(steps[~is_six], rolls[~is_six] + 1, markerfacecolor="white", **dots)
    top.plot(steps[is_six], rolls[is_six] + 1, **dots)
    top.set(ylabel="roll", yticks=[1, 6], ylim=(0.2, 6.8))

    # The posterior at each temperature, with the borders between the most probable states.
    loaded = posteriors[:, :, 1]
    shades = dial.pcolormesh(steps, taus, loaded, cmap=colors, vmin=0, vmax=1, rasterized=True)
    dial.contour(steps, taus, loaded > 0.5, levels=[0.5], colors="black", linewidths=1)
    dial.axhline(1, color="black", linewidth=0.8, linestyle=":")
    dial.text(13, 1.08, "τ = 1: forward–backward")
    dial.set(yscale="log", ylim=(taus[-1], taus[0]), ylabel="temperature τ")
    dial.set_yticks([1, 0.1, 0.01], ["1", "0.1", "0.01"])
    dial.set_title("the posterior, with all logs divided by τ", loc="left", fontsize="medium")
    figure.colorbar(shades, ax=dial, aspect=14, pad=0.01, label="probability of the loaded die", ticks=[0, 0.5, 1])

    end.pcolormesh(steps, [0, 1], np.tile(best.path, (2, 1)), cmap=colors, vmin=0, vmax=1)
    end.set_ylim(0, 1)
    end.set(yticks=[], xlabel="number of the roll")
    end.set_title("τ → 0: Viterbi's path", loc="left", fontsize="medium")
    for ax in (top, dial):
        ax.tick_params(labelbottom=False)
    for ax in (top, dial, end):
        ax.set_xlim(-0.5, len(rolls) - 0.5)

    lines = gaps.reshape(len(taus), -1)
    bound = "τ (T − 1) log K, which none can exceed"
    gap.plot(taus, taus * n_free, color="black", linewidth=1, linestyle="--", label=bound)
    gap.plot(taus, lines.max(axis=1), color="black", linewidth=1.6, label="the largest of all")
    drawn = gap.plot(taus, lines, color=colors(0.8), linewidth=0.6, alpha=0.5, zorder=1)
    drawn[0].set_label("one line for each state at each step")
    gap.set(xscale="log", yscale="log", xlim=(taus[0], taus[-1]), ylim=(1e-6, 2e2))
    gap.set_xticks([1, 0.1, 0.01], ["1", "0.1", "0.01"])
    gap.set(xlabel="temperature τ", ylabel="nats")
    gap.set_title("how far the log-sum-exp is above the max", loc="left", fontsize="medium")
    gap.legend(loc="lower left", frameon=False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
