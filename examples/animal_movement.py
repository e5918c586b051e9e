"""Animal movement: does a deer rest near water, or does it only look so?

Each hour of a track has a step, its length, and a turn, the angle between the last step and this one. Where the animal
is encamped, steps are short and turns go anywhere; where it travels, they are long and straight on. Which of them comes
next depends on which it is, and on how far the next stream is,

    p(h_{t+1} = j | h_t = i, x_t) = exp(β_ij · (1, x_t)) / Σ_k exp(β_ik · (1, x_t)),      β_ii = 0.

Steps are gamma, turns von Mises distributed: two channels of a product. The first turn is missing, and its step is not.
Coefficients are learnt with all else, and their standard errors say whether water matters. The track is made here, so
that the truth is known.

    python examples/animal_movement.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import hmmfilter as hf
from hmmfilter.emissions import Gamma, Product, VonMises

HERE = Path(__file__).parent
NAMES = ["encamped", "travelling"]
N_HOURS, APART = 1500, 4.0  # km between streams, which run from west to east
MOVES = hf.transitions.Logistic([[[0, 0], [-3.5, 1.5]], [[-0.5, -1.5], [0, 0]]])
SHOWN = Product({"step": Gamma([1.2, 4.0], [0.05, 0.1]), "turn": VonMises([np.pi, 0.0], [0.3, 4.0])})


def distance_to_water(place: np.ndarray) -> np.ndarray:
    """In km, of places (..., 2)."""
    return np.abs((place[..., 1] + APART / 2) % APART - APART / 2)


def track(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Steps and turns, and where the animal was after each of them."""
    state, heading, place, seen, places = 0, 0.0, np.array([0.0, 1.0]), [], []
    for _ in range(N_HOURS):
        step, turn = SHOWN.sample([state], rng)[0]
        heading += turn
        place = place + step * np.array([np.cos(heading), np.sin(heading)])
        state = rng.choice(2, p=MOVES.matrix([distance_to_water(place)])[state])
        seen.append([step, turn])
        places.append(place)
    seen[0][1] = np.nan
    return np.array(seen), np.array(places)


def main(picture: str | Path = HERE / "animal_movement.png") -> None:
    """Make a track, learn what made it, print and draw what was found."""
    seen, places = track(np.random.default_rng(8))
    distance = distance_to_water(places)[:, np.newaxis]

    shown = Product({"step": Gamma([1.0, 2.0], [0.1, 0.3]), "turn": VonMises([0.0, 0.0], [0.1, 1.0])})
    start = hf.HMM([0.5, 0.5], hf.transitions.Logistic([[[0, 0], [-2, 0]], [[-2, 0], [0, 0]]]), shown, NAMES)
    fitted = start.fit(seen, covariates=distance)
    print(fitted, "\n")

    found, errors, true = fitted.model.chain.coefficients, fitted.standard_errors().transition, MOVES.coefficients
    print(f"{'log-odds of a move':<44}{'estimate':>9}{'std. error':>12}{'truth':>7}")
    for i, j in [(0, 1), (1, 0)]:
        for c, what in enumerate(["at a stream", "more per km from it"]):
            label = f"{NAMES[i]} to {NAMES[j]}, {what}"
            print(f"{label:<44}{found[i, j, c]:>9.2f}{errors[i, j, c]:>12.2f}{true[i, j, c]:>7.1f}")
    alone = start.fit(seen, covariates=0 * distance).log_likelihood
    print(f"log-likelihood {fitted.log_likelihood:.1f}; where water is nothing to the animal, {alone:.1f}")

    draw(fitted.model, seen, places, distance).savefig(picture, dpi=110)
    print(f"look at {Path(picture).name}")


def draw(model: hf.HMM, seen: np.ndarray, places: np.ndarray, distance: np.ndarray) -> Figure:
    """The track by how probable it is that the animal travels; steps; moves by the distance to water."""
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.5, 1])
    ax, (steps, moves) = left.subplots(), right.subplots(2, 1)
    travels = model.smooth(seen, covariates=distance).probabilities[:, 1]
    lines = LineCollection(np.stack([places[:-1], places[1:]], axis=1), cmap="viridis_r", linewidth=1.6)
    lines.set(array=travels[1:], clim=(0, 1))
    ax.add_collection(lines)
    ax.plot(*places[travels < 0.5].T, ".", color=colormaps["viridis_r"](0.0), markersize=3, zorder=0)
    low, high = places.min(axis=0) - 0.5, places.max(axis=0) + 0.5
    for stream in APART * np.arange(np.ceil(low[1] / APART), high[1] / APART):
        ax.axhline(stream, color="tab:blue", linewidth=3, alpha=0.35, zorder=-1)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xlabel="km", ylabel="km; streams in blue")
    left.colorbar(lines, ax=ax, orientation="horizontal", label="probability that it travels", shrink=0.6)

    colors, km = colormaps["viridis_r"]([0.15, 0.85]), np.linspace(0, APART / 2, 100)
    lengths = np.linspace(0.002, 1.2, 300)
    of_steps = np.exp(model.emission.channels[0].log_likelihoods(lengths)) * [1 - travels.mean(), travels.mean()]
    steps.hist(seen[:, 0], bins=60, density=True, color="0.88")
    for k, color in enumerate(colors):
        steps.plot(lengths, of_steps[:, k], color=color, linewidth=2, label=NAMES[k])
        for chain, style in ((model.chain, "-"), (MOVES, ":")):
            moves.plot(km, chain.matrix(km[:, np.newaxis])[:, k, 1 - k], style, color=color, linewidth=2)
    steps.set(xlabel="step, km", ylabel="density", xlim=(0, 1.2), ylim=(0, 8))
    steps.legend(frameon=False)
    moves.set(xlabel="km from a stream", ylabel="p(it changes)", xlim=(0, APART / 2), ylim=(0, None))
    moves.set_title("as learnt, and the truth (dotted)", loc="left", fontsize="medium")
    for each in (steps, moves):
        each.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
