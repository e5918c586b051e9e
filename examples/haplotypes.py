"""Haplotypes: what stands at places of a chromosome that nobody read?

A new chromosome is a mosaic of those that are known: it copies one of a panel for a while, and goes on with another
one where its ancestors recombined. How likely that is between two places follows from the genetic distance d between
them, so that the probability to stay with a haplotype changes from place to place,

    stay_t = exp(−ρ d_t),    p(j at t + 1 | i at t) = stay_t δ_ij + (1 − stay_t) / K,

and a place shows the allele of the haplotype copied, but for a rare mutation. This is the model of Li and Stephens
(2003). A step costs K operations, not K²: all that jump meet in one number. A cheap chip reads one place in ten; the
alleles of all others are those of the haplotypes that are probably copied there.

    python examples/haplotypes.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
N_HAPLOTYPES, N_PLACES, READ = 300, 3000, 10  # of which one in so many is read
N_RECOMBINATIONS, MUTATION = 12.0, 0.002  # on average, over the whole stretch; at each place


def main(picture: str | Path = HERE / "haplotypes.png") -> None:
    """Make a panel and a mosaic of it, find out what it copies, and tell what was not read."""
    rng = np.random.default_rng(5)
    distances = genetic_distances(rng)
    panel = make_panel(rng, distances)
    copied, alleles = mosaic(rng, panel, distances)

    read = np.arange(N_PLACES) % READ == 0
    log_likelihoods = np.where(panel == alleles[:, np.newaxis], np.log1p(-MUTATION), np.log(MUTATION))
    log_likelihoods[~read] = 0.0  # nothing is known there
    stay = np.exp(-N_RECOMBINATIONS * distances)
    chain = hf.transitions.StayOrJump(stay, np.full(N_HAPLOTYPES, 1 / N_HAPLOTYPES), by_step=True)
    log_initial = np.full(N_HAPLOTYPES, -np.log(N_HAPLOTYPES))

    smoothed = hf.smooth(log_initial, chain, log_likelihoods)
    path = hf.viterbi(log_initial, chain, log_likelihoods).path
    dosage = (smoothed.probabilities * panel).sum(axis=1)  # how probable the rarer allele is
    frequency = panel.mean(axis=1)

    pieces = 1 + np.count_nonzero(np.diff(copied))
    print(f"{N_HAPLOTYPES} haplotypes, {N_PLACES} places, {read.sum()} of them read; a mosaic of {pieces} pieces")
    print(f"log-likelihood {smoothed.log_likelihood:.2f}; the path has {1 + np.count_nonzero(np.diff(path))} pieces")
    rare = ~read & (frequency < 0.1)
    print(f"\n{'of alleles that were not read':<32}{'all':>8}{'the rarer ones':>16}")
    for name, guess in (("as the most frequent one", frequency), ("as the haplotypes copied", dosage)):
        right = (guess > 0.5) == (alleles == 1)
        carried = rare & (alleles == 1)
        print(f"{name:<32}{right[~read].mean():>8.1%}{right[carried].mean():>16.1%}")
    print(f"expected to be right: {np.maximum(dosage, 1 - dosage)[~read].mean():.1%}")

    draw(distances, smoothed.probabilities, copied, dosage, alleles, read).savefig(picture, dpi=110)
    print(f"look at {Path(picture).name}")


def genetic_distances(rng: np.random.Generator) -> np.ndarray:
    """How far apart neighbouring places are, in shares of the whole: most of it lies in a few hotspots."""
    places = np.arange(N_PLACES - 1)
    rate = np.full(N_PLACES - 1, 0.2)
    for hotspot in rng.integers(N_PLACES, size=8):
        rate += 20 * np.exp(-(((places - hotspot) / 12) ** 2))
    return rate / rate.sum()


def make_panel(rng: np.random.Generator, distances: np.ndarray) -> np.ndarray:
    """Alleles of haplotypes, (places, K), themselves mosaics of some ancestors; most alleles are rare."""
    ancestors = rng.random((N_PLACES, 25)) < rng.beta(0.3, 1.5, N_PLACES)[:, np.newaxis]
    panel = np.empty((N_PLACES, N_HAPLOTYPES), dtype=int)
    for k in range(N_HAPLOTYPES):
        _, panel[:, k] = mosaic(rng, ancestors.astype(int), 3 * distances)
    return panel


def mosaic(rng: np.random.Generator, panel: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which haplotype is copied at each place, and the alleles that this leaves."""
    jumps = np.append(True, rng.random(N_PLACES - 1) > np.exp(-N_RECOMBINATIONS * distances))
    copied = rng.integers(panel.shape[1], size=N_PLACES)[np.maximum.accumulate(np.where(jumps, np.arange(N_PLACES), 0))]
    mutated = rng.random(N_PLACES) < MUTATION
    return copied, panel[np.arange(N_PLACES), copied] ^ mutated


def draw(
    distances: np.ndarray,
    probabilities: np.ndarray,
    copied: np.ndarray,
    dosage: np.ndarray,
    alleles: np.ndarray,
    read: np.ndarray,
) -> Figure:
    """Where recombinations are likely, what is copied, and alleles that were not read."""
    figure = Figure(figsize=(9.5, 6.4), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, height_ratios=[1, 3, 1.6], sharex=True)
    top.fill_between(np.arange(N_PLACES - 1), N_RECOMBINATIONS * distances, color="0.6", linewidth=0)
    top.set(yticks=[], ylim=(0, None), title="how often ancestors recombine")

    chosen = list(dict.fromkeys(copied.tolist()))  # the haplotypes of the mosaic, in order
    shares = probabilities[:, chosen].T
    extent = (0, N_PLACES, len(chosen) - 0.5, -0.5)
    middle.imshow(shares, aspect="auto", cmap="GnBu", vmin=0, vmax=1, extent=extent, interpolation="none")
    bounds = np.flatnonzero(np.diff(copied)) + 1
    for begin, end in zip([0, *bounds], [*bounds, N_PLACES], strict=True):
        row = chosen.index(int(copied[begin]))
        middle.plot([begin, end], [row + 0.36] * 2, color="black", linewidth=2, solid_capstyle="butt")
    middle.set(yticks=range(len(chosen)), yticklabels=map(str, chosen), ylabel="haplotype")
    middle.set_title(
        "how probable it is that a haplotype is copied, in common with those that are alike; the truth in black"
    )

    untold = np.flatnonzero(~read)
    for allele, color, name in ((0, "0.6", "the frequent allele"), (1, "C0", "the rarer allele")):
        places = untold[alleles[untold] == allele]
        bottom.plot(places, dosage[places], ".", color=color, markersize=2.5, label=name)
    bottom.set(xlim=(0, N_PLACES), xlabel="place", ylabel="probability of\nthe rarer allele", yticks=[0, 0.5, 1])
    bottom.set_title("places that were not read, by what is there")
    bottom.legend(ncols=2, frameon=False, markerscale=4, loc="lower right", bbox_to_anchor=(1, 0.97), borderpad=0)
    for ax in (top, middle, bottom):
        ax.title.set(fontsize="medium", ha="left", position=(0, 1))
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
