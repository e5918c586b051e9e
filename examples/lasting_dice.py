"""Dice that last: the casino again, where the croupier swaps dice after about so many rolls.

In a plain chain each sojourn is most likely to last a single step, and its length says nothing of when it will end: the
distribution is geometric, whatever else is learnt. This croupier is a man of habit. The fair die lies on the table for
25 rolls or so, the loaded one for 12, and hardly ever for 3. `hmmfilter.transitions.Durations` can know that.

Both kinds of model are learnt here from the rolls alone, from the same start, and asked when the die was loaded.

    python examples/lasting_dice.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
N_ROLLS, N_GAMES, SEED, LONGEST = 300, 60, 5, 40
N_ITERATIONS = 30  # where a fit stops, before it tells lengths apart that hardly differ
NAMES = ["fair", "loaded"]
SWAPS = [[0, 1], [1, 0]]  # a sojourn of one die is followed by one of the other
ROLLS = hf.emissions.Categorical([[1 / 6] * 6, [0.1] * 5 + [0.5]])


def about(mode: float, spread: float) -> np.ndarray:
    """Probabilities of lengths from 1 to the longest, the highest at a mode."""
    weights = np.exp(-0.5 * ((np.arange(1, LONGEST + 1) - mode) / spread) ** 2)
    return weights / weights.sum()


CASINO = hf.HMM([0.5, 0.5], hf.transitions.Durations([about(25, 4), about(12, 2)], SWAPS), ROLLS, NAMES)


def learnt(games: list[np.ndarray]) -> tuple[hf.HMM, hf.HMM]:
    """A plain chain and one with durations, learnt from games; each starts from dice that hardly differ."""
    start = hf.emissions.Categorical([[1 / 6] * 6, [0.14] * 5 + [0.3]])
    plain = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], start, NAMES).fit(games, max_iterations=N_ITERATIONS)
    anything = hf.transitions.Durations(np.full((2, LONGEST), 1 / LONGEST), SWAPS)
    lasting = hf.HMM([0.5, 0.5], anything, start, NAMES).fit(games, max_iterations=N_ITERATIONS)
    return plain.model, lasting.model


def main(picture: str | Path = HERE / "lasting_dice.png") -> None:
    """Learn both models, ask them when the die was loaded, and draw what they say."""
    truths, games = CASINO.simulate(N_ROLLS, rng=SEED, n_sequences=N_GAMES)
    plain, lasting = learnt(games[1:])
    print(lasting, "\n")

    states, rolls = truths[0], games[0]
    guesses = {}
    for name, model in (("a plain chain", plain), ("durations", lasting)):
        paths = [model.viterbi(game).path for game in games]
        n_wrong = np.mean([np.count_nonzero(path != truth) for path, truth in zip(paths, truths, strict=True)])
        total = model.log_likelihood(games).sum()
        print(f"{name:>13}: log-likelihood {total:.1f}, {n_wrong:.1f} of {N_ROLLS} rolls wrong on average")
        guesses[name] = paths[0]
    print(lasting.viterbi(rolls).segments(as_frame=True).head(6))

    draw(states, rolls, guesses, plain, lasting).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(
    states: np.ndarray, rolls: np.ndarray, guesses: dict[str, np.ndarray], plain: hf.HMM, lasting: hf.HMM
) -> Figure:
    """The rolls above the truth and both guesses; below, how long each die lasts, in truth and in both models."""
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    grid = figure.add_gridspec(5, 2, height_ratios=[1, 0.3, 0.3, 0.3, 2.6])
    top, *strips = (figure.add_subplot(grid[n, :]) for n in range(4))
    colors = colormaps["GnBu"](np.linspace(0.12, 0.72, 2))  # those of `result.plot`

    is_six, dots = rolls == 5, {"color": "black", "marker": "o", "markersize": 3, "linewidth": 0}
    top.plot(np.flatnonzero(~is_six), rolls[~is_six] + 1, markerfacecolor="white", markeredgewidth=0.6, **dots)
    top.plot(np.flatnonzero(is_six), rolls[is_six] + 1, **dots)
    top.set(ylabel="roll", yticks=[1, 6], ylim=(0.2, 6.8), xlim=(-0.5, N_ROLLS - 0.5), xticks=[])

    edges = np.arange(N_ROLLS + 1) - 0.5
    bands = {"the truth (loaded is darker)": states}
    for name, path in guesses.items():
        bands[f"Viterbi with {name}: {np.count_nonzero(path != states)} rolls wrong"] = path
    for ax, (title, path) in zip(strips, bands.items(), strict=True):
        weights = np.eye(2)[path]
        ax.stackplot(edges, np.vstack([weights, weights[-1]]).T, colors=colors, step="post", linewidth=0)
        ax.set_title(title, loc="left", fontsize="medium")
        ax.set(ylim=(0, 1), yticks=[], xlim=(-0.5, N_ROLLS - 0.5), xticks=[])
    strips[-1].set(xlabel="number of the roll", xticks=range(0, N_ROLLS, 50))

    lengths = np.arange(1, LONGEST + 1)
    for k, name in enumerate(NAMES):
        ax, stays = figure.add_subplot(grid[4, k]), plain.transition[k, k]
        ax.bar(lengths, lasting.transition.durations[k], color=colormaps["GnBu"](0.5), label="learnt, with durations")
        ax.plot(lengths, CASINO.transition.durations[k], color="black", label="the truth")
        ax.plot(lengths, (1 - stays) * stays ** (lengths - 1), color="black", linestyle=":", label="a plain chain")
        ax.set_title(f"how long the {name} die lasts", loc="left", fontsize="medium")
        ax.set(xlabel="rolls", ylabel="probability" if k == 0 else "", xlim=(0, LONGEST + 1))
        ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
