"""The casino: when did the croupier roll the loaded die?

A croupier has two dice. The fair one shows each face with probability 1/6; the loaded one shows a six every second
time, p(6) = 1/2, and each other face with probability 1/10. After a roll the fair die stays in play with probability
0.95, the loaded one with 0.90. We see 300 rolls and never the die. Three ways to guess it, roll by roll:

    filtered:  arg max_k p(h_t = k | v_1:t)        the best guess at the table, from the rolls so far
    smoothed:  arg max_k p(h_t = k | v_1:T)        the best guess afterwards, from all rolls
    Viterbi:   arg max over whole paths h_1:T of p(h_1:T | v_1:T)

The smoothed one, `posterior_decode`, has the most rolls right on average, and knows how many: the sum of its own
probabilities, Σ_t max_k p(h_t = k | v_1:T). Viterbi's path is the most probable as a whole. It pays for each swap of
the dice, so it has fewer of them and leaves out short runs. In a single game any of the three may win, so at the end
stand the averages over a thousand games.

    python examples/casino.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
N_ROLLS, N_GAMES = 300, 1000

CASINO = hf.HMM(
    initial=[0.5, 0.5],
    transition=[[0.95, 0.05], [0.10, 0.90]],
    emission=hf.emissions.Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]]),  # symbols count from 0: a six is 5
    state_names=["fair", "loaded"],
)


def main(picture: str | Path = HERE / "casino.png") -> None:
    """Guess the die of each roll in three ways, count the errors, and draw them under the rolls."""
    print(CASINO, "\n")
    states, rolls = CASINO.simulate(N_ROLLS, rng=7)

    # One game.
    filtered, smoothed = CASINO.filter(rolls), CASINO.smooth(rolls)
    best_states, best_path = CASINO.posterior_decode(rolls), CASINO.viterbi(rolls)
    guesses = {
        "filtered": filtered.probabilities.argmax(axis=1),
        "smoothed": best_states.path,
        "Viterbi": best_path.path,
    }
    print(f"the die was swapped {np.count_nonzero(np.diff(states))} times in {N_ROLLS} rolls")
    for name, path in guesses.items():
        n_wrong, n_swaps = np.count_nonzero(path != states), np.count_nonzero(np.diff(path))
        print(f"{name:>8}: {n_wrong:3} rolls wrong, {n_swaps:2} swaps")
    n_right = np.count_nonzero(best_states.path == states)
    print(f"posterior_decode expected {best_states.expected_correct:.1f} rolls right, and got {n_right}\n")

    # A thousand games, in one call for each way.
    rng = np.random.default_rng(8)
    truths, games = zip(*(CASINO.simulate(N_ROLLS, rng) for _ in range(N_GAMES)), strict=True)
    truth = np.concatenate(truths)
    decoded = CASINO.posterior_decode(games)
    paths = [CASINO.filter(games).probabilities.argmax(axis=1), decoded.path, CASINO.viterbi(games).path]
    print(f"in {N_GAMES} games, on average")
    for name, path in zip(guesses, paths, strict=True):
        print(f"{name:>8}: {np.count_nonzero(path != truth) / N_GAMES:.1f} rolls wrong")
    n_right = np.count_nonzero((decoded.path == truth).reshape(N_GAMES, N_ROLLS), axis=1)
    error = n_right.std() / N_GAMES**0.5  # the standard error of the average
    print(f"posterior_decode expected {decoded.expected_correct.mean():.1f} rolls right, ", end="")
    print(f"and got {n_right.mean():.1f} ± {error:.1f}")

    draw(states, rolls, filtered, smoothed, guesses).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(
    states: np.ndarray, rolls: np.ndarray, filtered: hf.Filtered, smoothed: hf.Smoothed, guesses: dict[str, np.ndarray]
) -> Figure:
    """The rolls, both posteriors as bands, and the truth as a band above those of the three guesses."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(7, sharex=True, height_ratios=[1, 1.5, 1.5, 0.25, 0.25, 0.25, 0.25])
    top, early, late, *strips = axes
    colors = colormaps["GnBu"](np.linspace(0.12, 0.72, CASINO.n_states))  # those of `result.plot`
    edges = np.arange(N_ROLLS + 1) - 0.5

    dots = {"color": "black", "marker": "o", "markersize": 3, "markeredgewidth": 0.6, "linewidth": 0}
    is_six = rolls == 5
    top.plot(np.flatnonzero(~is_six), rolls[~is_six] + 1, markerfacecolor="white", **dots)
    top.plot(np.flatnonzero(is_six), rolls[is_six] + 1, **dots)
    top.set(ylabel="roll", yticks=[1, 6], ylim=(0.2, 6.8))

    bands = {
        "filtered: p(die | rolls so far)": (early, filtered.probabilities),
        "smoothed: p(die | all rolls)": (late, smoothed.probabilities),
        "the truth": (strips[0], np.eye(2)[states]),
    }
    for ax, (name, path) in zip(strips[1:], guesses.items(), strict=True):
        n_wrong = np.count_nonzero(path != states)
        bands[f"{name}: {n_wrong} rolls wrong"] = ax, np.eye(2)[path]
    for title, (ax, weights) in bands.items():
        ax.stackplot(edges, np.vstack([weights, weights[-1]]).T, colors=colors, step="post", linewidth=0)
        ax.set_title(title, loc="left", fontsize="medium")
        ax.set(ylim=(0, 1), yticks=[0, 0.5, 1] if ax in (early, late) else [])
    for ax, result in [(early, filtered), (late, smoothed)]:
        ax.set_ylabel("probability")
        last = result.probabilities[-1]
        ax.secondary_yaxis("right").set_yticks(np.cumsum(last) - last / 2, CASINO.state_names)
    strips[-1].set(xlim=(edges[0], edges[-1]), xlabel="number of the roll")
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
