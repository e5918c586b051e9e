"""Words: which one was spoken?

A word is a chain of sounds, each of which lasts for a while: a hidden Markov model that starts with its first sound and
moves from left to right. Here words are made of the same five vowels, each recording takes its own time, and the ear
takes a third of all frames for another vowel. Ten recordings of each word make a model of it. In equal pieces, one
for each sound, they are a first guess, `fit_labelled`, and from there `fit` learns where sounds end. Moves that the
guess never makes stay impossible: models remain left to right. That a vowel was never heard in a sound does not make it
impossible there: a prior counts each once before.

A new recording is of the word whose model makes it most probable, by Bayes:

    p(word | v) ∝ p(v | word) p(word).

Beside these stand models of a single state, which know how often a word has each sound, but not in which order.

    python examples/words.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
VOWELS = "aeiou"
WORDS = ["aoi", "aio", "eau", "uea", "iou"]  # twice two of the same sounds
N_TRAINING, N_TEST = 10, 200
STAY, RIGHT = 0.85, 0.6  # that a sound lasts for another frame, and that a frame is heard right
EXAMPLE = 18  # the recording that is drawn, one of the first word
ONE_BEFORE = hf.Prior(emission=hf.priors.Dirichlet(2.0))


def speak(word: str, rng: np.random.Generator) -> list[str]:
    """One recording: the vowel that is heard at each frame."""
    lengths = rng.geometric(1 - STAY, size=len(word)) + 1
    spoken = np.repeat(list(word), lengths)
    return np.where(rng.random(len(spoken)) < RIGHT, spoken, rng.choice(list(VOWELS), len(spoken))).tolist()


def learn(recordings: list[list[str]], n_states: int) -> hf.HMM:
    """A model of a word, from recordings that are cut into equal pieces at first."""
    pieces = [[t * n_states // len(recording) for t in range(len(recording))] for recording in recordings]
    start = hf.fit_labelled("categorical", pieces, recordings, prior=ONE_BEFORE, symbols=list(VOWELS))
    return hf.fit(start, recordings, prior=ONE_BEFORE).model


def main(picture: str | Path = HERE / "words.png") -> None:
    """Learn a model of each word, classify new recordings, and draw what is taken for what."""
    rng = np.random.default_rng(1)
    training = {word: [speak(word, rng) for _ in range(N_TRAINING)] for word in WORDS}
    for word, recordings in training.items():
        print(f"{word}: {''.join(recordings[0])}")
    models = {word: learn(recordings, len(word)) for word, recordings in training.items()}
    print(f"\nthe model of {WORDS[0]!r}\n{models[WORDS[0]]}\n")

    test = [speak(word, rng) for word in WORDS for _ in range(N_TEST)]
    spoken = np.repeat(np.arange(len(WORDS)), N_TEST)
    bags = {word: learn(recordings, 1) for word, recordings in training.items()}
    tables = {}
    for name, known in {"models of words": models, "sounds without order": bags}.items():
        heard = hf.classify(known, test).probabilities.argmax(axis=1)
        tables[name] = np.zeros((len(WORDS), len(WORDS)), dtype=int)
        np.add.at(tables[name], (spoken, heard), 1)
        print(f"{name}: {np.mean(heard == spoken):.1%} of {len(test)} recordings right")
        print(f"{'spoken':>8}{''.join(f'{word:>6}' for word in WORDS)}")
        for word, row in zip(WORDS, tables[name], strict=True):
            print(f"{word:>8}{''.join(f'{count:>6}' for count in row)}")

    # While one is spoken: what is known of it after each frame.
    example = test[EXAMPLE]
    so_far = np.stack([model.filter(example).log_increments.cumsum() for model in models.values()], axis=1)
    draw(example, hf.lse.softmax(so_far, axis=1), models[WORDS[0]], tables).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(example: list[str], so_far: np.ndarray, model: hf.HMM, tables: dict[str, np.ndarray]) -> Figure:
    """What is known of a word while it is spoken, and where its sounds are; what is taken for what."""
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.4, 1])
    word, sounds = left.subplots(2, sharex=True)
    draw_bands(word, so_far, WORDS, "probability of each word")
    names = [f"sound {k + 1}" for k in range(model.n_states)]
    draw_bands(sounds, model.smooth(example).probabilities, names, "probability of each sound")
    sounds.set_xticks(np.arange(len(example)) + 0.5, example)
    sounds.set_xlabel("vowel that is heard")
    for ax, (name, table) in zip(right.subplots(2), tables.items(), strict=True):
        draw_table(ax, table)
        ax.set_title(f"{name}: {np.trace(table) / table.sum():.0%} right", loc="left", fontsize="medium")
    return figure


def draw_bands(ax: Axes, weights: np.ndarray, names: list[str], label: str) -> None:
    """Probabilities at each frame, one above the other."""
    edges, tops = np.arange(len(weights) + 1), np.vstack([weights, weights[-1]]).T
    colors = colormaps["GnBu"](np.linspace(0.12, 0.72, len(names)))
    ax.stackplot(edges, tops, colors=colors, step="post", linewidth=0, labels=names)
    ax.set(ylabel=label, xlim=(0, len(weights)), ylim=(0, 1))
    ax.spines["top"].set_visible(False)
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": len(names)}
    ax.legend(frameon=False, handlelength=1, columnspacing=1.2, **place)


def draw_table(ax: Axes, table: np.ndarray) -> None:
    """How often a word that was spoken was heard as each."""
    ax.pcolormesh(table, cmap="Greys", vmin=0, vmax=N_TEST, edgecolors="0.85", linewidth=0.5)
    for (i, j), count in np.ndenumerate(table):
        color = "white" if count > 0.6 * N_TEST else "black"
        ax.text(j + 0.5, i + 0.5, count, ha="center", va="center", color=color)
    places = np.arange(len(WORDS)) + 0.5
    ax.set_xticks(places, WORDS)
    ax.set_yticks(places, WORDS)
    ax.set(ylim=(len(WORDS), 0), xlabel="heard", ylabel="spoken", aspect="equal")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


if __name__ == "__main__":
    main(*sys.argv[1:])
