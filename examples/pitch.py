"""Pitch: how high is the voice, and when does it sound at all?

A voice repeats itself, after one period of its pitch, and nearly as well after two, or after half of one. So a single
frame of a recording has several candidates: the troughs of how different the sound is from itself τ later, d(τ). Each
gets the weight of all thresholds by which it is the first trough that is deep enough. The best candidate of each frame
jumps by octaves, and is there where nobody sings.

A pitch hardly jumps. Let a state be (voicing, pitch): voiced or not, and one of 330 pitches, a tenth of a semitone
apart. Voicing mostly stays, and pitch moves to one nearby; the two move on their own,

    p(h_t = (s', r') | h_{t−1} = (s, r)) = voicing[s, s'] glide[r, r'],

a Kronecker product of a matrix of 2 × 2 and a band. Nobody makes the matrix of 660 × 660. Viterbi's path through the
candidates is the pitch: the model, and the candidates, are those of pYIN in simple form (Mauch and Dixon, 2014).

    python examples/pitch.py [PICTURE]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
RATE, HOP, WINDOW = 8000, 128, 320  # samples a second, from frame to frame, and of a frame
LOWEST, PER_OCTAVE, N_PITCHES = 80.0, 120, 330  # hertz, and how many pitches there are
FASTEST = 20  # pitches up or down from frame to frame, at most
STAY = 0.99  # that a voice goes on, or its silence
USUAL_THRESHOLD = 0.2  # of d, on average
WEIGHTY = 0.3  # of all candidates of a frame by itself, from which on it is taken for voiced
MISSED = 0.01  # how often the pitch is at no candidate
VOICED = 1
PHRASES = [  # the first and last second of each, and the pitches that it glides through, in hertz
    (0.15, 1.05, [131, 147, 165, 156]),
    (1.30, 2.10, [208, 185, 196]),
    (2.35, 3.80, [131, 196, 247, 233, 175]),
]
SECONDS = 4.0


def sing(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A voice in noise, and its pitch at each sample; NaN where it is silent."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    pitch, loudness = np.full(time.size, np.nan), np.zeros(time.size)
    for start, stop, notes in PHRASES:
        sung = (time >= start) & (time < stop)
        within = (time[sung] - start) / (stop - start)
        glide = np.interp(within, np.linspace(0, 1, len(notes)), np.log2(notes))
        pitch[sung] = 2 ** (glide + 0.02 * np.sin(2 * np.pi * 5.5 * time[sung]))
        loudness[sung] = np.minimum(1, 12 * np.minimum(within, 1 - within))
    phase = 2 * np.pi * np.cumsum(np.nan_to_num(pitch)) / RATE
    voice = np.zeros(time.size)
    for k in range(1, 16):  # a mouth that opens and closes lets some harmonics through, and others at other times
        formant = 450 + 150 * np.sin(2 * np.pi * 0.7 * time)
        nearness = np.exp(-(((k * np.nan_to_num(pitch) - formant) / 120) ** 2))
        voice += (0.15 / k + nearness) * np.sin(k * phase)
    return voice * loudness + rng.normal(0, 0.2, time.size), pitch


def candidates(sound: np.ndarray) -> np.ndarray:
    """How much weight each pitch has at each frame: that of the troughs of d(τ), over its mean so far."""
    longest = int(RATE / LOWEST) + 2
    starts = range(0, sound.size - WINDOW - longest, HOP)
    weights = np.zeros((len(starts), N_PITCHES))
    for row, start in zip(weights, starts, strict=True):
        frame, lags = sound[start : start + WINDOW], np.arange(1, longest)
        difference = np.array([((frame - sound[start + lag : start + lag + WINDOW]) ** 2).sum() for lag in lags])
        depth = difference * lags / difference.cumsum()
        before, now, after = depth[:-2], depth[1:-1], depth[2:]
        troughs = np.flatnonzero((now < before) & (now <= after))
        bend = (before - 2 * now + after)[troughs]
        period = lags[troughs + 1] + 0.5 * (before - after)[troughs] / bend
        deeper = np.exp(-now[troughs] / USUAL_THRESHOLD)  # how often a threshold is above
        first = np.maximum(0, deeper - np.maximum.accumulate([0, *deeper])[:-1])
        pitch = np.rint(PER_OCTAVE * np.log2(RATE / period / LOWEST)).astype(int)
        inside = (pitch >= 0) & (pitch < N_PITCHES)
        np.add.at(row, pitch[inside], first[inside])
    return weights


def chain() -> hf.transitions.Kronecker:
    """Voicing stays, and pitch glides: the nearer, the likelier."""
    steps = np.arange(-FASTEST, FASTEST + 1)
    to = np.arange(N_PITCHES) + steps[:, None]
    near = np.where((to >= 0) & (to < N_PITCHES), FASTEST + 1 - abs(steps[:, None]), 0)
    glide = hf.transitions.Banded(near, lower=FASTEST, normalize=True)
    return hf.transitions.Kronecker([[STAY, 1 - STAY], [1 - STAY, STAY]], glide)


def log_likelihoods(weights: np.ndarray) -> np.ndarray:
    """Of (silent, pitch) and (voiced, pitch): what candidates leave, for all pitches alike, and their weights."""
    found = (1 - MISSED) * weights
    silent = np.broadcast_to((1 - found.sum(axis=1, keepdims=True)) / N_PITCHES, weights.shape)
    return np.log(np.hstack([silent, found + MISSED / N_PITCHES]))


def main(picture: str | Path = HERE / "pitch.png") -> None:
    """Sing, find candidates, decode, count octave errors, and draw."""
    sound, truth = sing(np.random.default_rng(7))
    weights = candidates(sound)
    times = (np.arange(len(weights)) * HOP + WINDOW / 2) / RATE
    truth = truth[(times * RATE).astype(int)]

    moves, rows = chain(), log_likelihoods(weights)
    print(moves, "\n")
    start = np.full(moves.n_states, -np.log(moves.n_states))
    decoded = hf.viterbi(start, moves, rows)
    voicing, pitch = np.divmod(decoded.path, N_PITCHES)
    hertz = LOWEST * 2 ** (np.arange(N_PITCHES) / PER_OCTAVE)
    path = np.where(voicing == VOICED, hertz[pitch], np.nan)
    best = np.where(weights.sum(axis=1) > WEIGHTY, hertz[weights.argmax(axis=1)], np.nan)
    is_voiced = hf.smooth(start, moves, rows).probabilities[:, N_PITCHES:].sum(axis=1)

    for name, found in {"best candidate of each frame": best, "Viterbi's path": path}.items():
        print(f"{name:>29}: {compare(found, truth)}")
    draw(times, truth, best, path, is_voiced).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def compare(found: np.ndarray, truth: np.ndarray) -> str:
    """How often a pitch is right to half a semitone where there is one, and how often voicing is."""
    is_right = abs(12 * np.log2(found / truth)) < 0.5  # of NaN, False
    share, voicing = is_right[~np.isnan(truth)].mean(), (np.isnan(found) == np.isnan(truth)).mean()
    return f"pitch right in {share:.1%} of voiced frames, voicing right in {voicing:.1%} of all"


def draw(times: np.ndarray, truth: np.ndarray, best: np.ndarray, path: np.ndarray, is_voiced: np.ndarray) -> Figure:
    """What single frames say, and what they say together."""
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    frames, together, voiced = figure.subplots(3, sharex=True, height_ratios=[3, 3, 1])
    frames.plot(times, truth, color="0.8", linewidth=7, solid_capstyle="round", label="sung")
    together.plot(times, truth, color="0.8", linewidth=7, solid_capstyle="round")
    frames.plot(times, best, ".", color="#D55E00", markersize=5, label="best candidate of the frame")
    together.plot(times, path, color="#0072B2", linewidth=1.8, label="Viterbi's path")
    for ax in (frames, together):
        ax.set(yscale="log", ylim=(100, 550), ylabel="pitch in hertz")
        ax.set_yticks([100, 200, 400], ["100", "200", "400"])
        ax.minorticks_off()
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0)
    voiced.fill_between(times, is_voiced, step="mid", color="#0072B2", alpha=0.35, linewidth=0)
    voiced.set(ylim=(0, 1), yticks=[0, 1], xlim=(0, times[-1]), xlabel="seconds", ylabel="p(voiced)")
    for ax in (frames, together, voiced):
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
