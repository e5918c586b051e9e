"""A stream: what is the machine doing now, and what will it do next?

A sensor on a machine reports a temperature every minute. The machine is idle, busy or overheating; nobody sees which.
Each state has its own temperatures, and the states follow one another as a Markov chain:

    p(v_t | h_t = k) = Gaussian(v_t; mean_k, variance_k),      p(h_{t+1} = j | h_t = i) = transition[i, j].

The readings come one at a time, and each has to be used at once. That is filtering: what was known a minute ago is
moved on by one step of the chain, and weighted with the new reading v_t,

    p(h_t | v_1:t) ∝ p(v_t | h_t) Σ_i p(h_t | h_{t−1} = i) p(h_{t−1} = i | v_1:t−1).

Only the last posterior is needed, never the readings before it. A missing reading has no weight: the chain moves on,
and the posterior spreads. Prediction is the same, with no reading at all:

    p(h_{t+s+1} = j | v_1:t) = Σ_i transition[i, j] p(h_{t+s} = i | v_1:t).

Whoever can wait for a few more readings knows more. That is smoothing with a fixed lag, p(h_t | v_1:t+lag).

    python examples/streaming.py [PICTURE]
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
NOW, AHEAD = 120, 30  # how many minutes the stream lasts, and how many more are forecast
OUTAGE = range(76, 90)  # the minutes without a reading
RESTART = 60  # the minute at which the program stops and starts again
LAG = 4  # how many later readings the smoother waits for


def sensor(temperatures: np.ndarray) -> Iterator[tuple[int, float | None]]:
    """Report the readings one by one, each with its minute; None while the sensor is out."""
    for minute, temperature in enumerate(temperatures):
        yield minute, None if minute in OUTAGE else float(temperature)


def main(picture: str | Path = HERE / "streaming.png") -> None:
    """Follow the stream, look back a little, look ahead, and draw all three."""
    # The machine. It never overheats from idle, and an overheated one is often switched off.
    model = hf.HMM(
        initial=[1, 0, 0],
        transition=[[0.95, 0.05, 0], [0.03, 0.93, 0.04], [0.10, 0.05, 0.85]],
        emission=hf.emissions.Gaussian(mean=[45, 60, 75], covariance=[36, 36, 36]),
        state_names=["idle", "busy", "overheating"],
    )
    print(model, "\n")

    # What really happens, drawn from the model itself: the first part will come through the sensor, the rest is the
    # future, kept for the picture.
    states, temperatures = model.simulate(NOW + AHEAD, rng=16)

    # The stream. Each reading is observed as it comes, and a line is printed whenever the most probable state changes,
    # or readings cease or begin again. The last column is a prediction: how probable overheating is in five minutes.
    print("minute  reading  most probable state  overheating in 5 minutes")
    overheating = model.state_names.index("overheating")
    stream = model.online()
    readings, filtered, latest = [], [], None
    for minute, reading in sensor(temperatures[:NOW]):
        if minute == RESTART:
            # The program stops here, and starts again. All that it has to remember is a line of text.
            text = json.dumps(stream.snapshot())
            stream = model.online(json.loads(text))
            print(f"{minute:6}  restart from {len(text)} characters of JSON, which changes no posterior")
        posterior = np.exp(stream.observe(reading))
        readings.append(reading)
        filtered.append(posterior)
        best = posterior.argmax()
        if (best, reading is None) != latest:
            latest = best, reading is None
            shown = "none" if reading is None else f"{reading:.1f} °C"
            soon = np.exp(stream.predict(steps=5))[overheating]
            print(f"{minute:6}  {shown:>7}  {model.state_names[best]:<11} {posterior[best]:7.4f}  {soon:24.4f}")
    print(stream, "\n")
    filtered = np.array(filtered)

    # The same readings for someone who can wait. The smoother takes a reading and returns what is now known of the
    # state `LAG` minutes ago; at the end, `flush` gives the minutes that are still waiting.
    smoother = model.fixed_lag(LAG)
    rows = [smoother.observe(reading) for reading in readings]
    lagged = np.exp([*rows[LAG:], *smoother.flush()])
    for name, posteriors in [("at once", filtered), (f"after {LAG} minutes", lagged)]:
        right = posteriors.argmax(axis=1) == states[:NOW]
        print(f"most probable state right {name}: {right.mean():.0%} of the time")

    # What comes next: the states, and the temperatures that they will show.
    forecast = stream.forecast(AHEAD)
    print(f"\n{forecast}")

    draw(model, states, temperatures, readings, filtered, lagged, forecast).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(
    model: hf.HMM,
    states: np.ndarray,
    temperatures: np.ndarray,
    readings: list[float | None],
    filtered: np.ndarray,
    lagged: np.ndarray,
    forecast: hf.Forecast,
) -> Figure:
    """Four panels over one time: the readings, the posterior at once and after the lag, and the truth."""
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots(4, sharex=True, height_ratios=[3.2, 1.5, 1.5, 0.25])
    top, at_once, later, bottom = axes
    colors = colormaps["GnBu"](np.linspace(0.12, 0.72, model.n_states))  # those of `result.plot`

    # The readings until now, over what each state shows: its mean ± 1 standard deviation (sd).
    for mean, variance, color in zip(model.emission.mean, model.emission.covariance, colors, strict=True):
        low, high = mean - variance**0.5, mean + variance**0.5
        top.fill_between([-0.5, NOW - 0.5], low, high, color=color, linewidth=0)
    dots = {"color": "black", "marker": "o", "markersize": 4, "markeredgewidth": 0.5}
    top.plot(np.array(readings, dtype=float), label="readings", linewidth=0.9, markeredgecolor="white", **dots)

    # The forecast from now on, and what came.
    future, deviation = np.arange(NOW, NOW + AHEAD), np.sqrt(forecast.variance)
    top.plot(future, temperatures[NOW:], label="came later", linewidth=0, markerfacecolor="white", **dots)
    top.plot(future, forecast.mean, color="black", linestyle="--", linewidth=1.2, label="forecast")
    for n, grey in [(1, "0.74"), (2, "0.88")]:
        low, high = forecast.mean - n * deviation, forecast.mean + n * deviation
        top.fill_between(future, low, high, color=grey, linewidth=0, zorder=-n, label=f"± {n} sd")
    top.set_ylabel("temperature in °C")
    figure.legend(ncols=5, loc="outside upper left", frameon=False)
    top.secondary_yaxis("right").set_yticks(model.emission.mean, model.state_names)
    top.secondary_xaxis("top").set_xticks(
        [RESTART, (OUTAGE.start + OUTAGE.stop - 1) / 2, NOW - 0.5], ["restart", "no readings", "now"]
    )

    # What is known of the states, as bands, which the forecast goes on with; and the truth.
    edges = np.arange(NOW + AHEAD + 1) - 0.5
    ahead, truth = forecast.probabilities, np.eye(model.n_states)[states]
    for ax, title, past, coming in [
        (at_once, "known at once: p(state | readings so far)", filtered, ahead),
        (later, f"known {LAG} minutes later: p(state | readings so far, and up to {LAG} more)", lagged, ahead),
        (bottom, "what the machine really did", truth[:NOW], truth[NOW:]),
    ]:
        weights = np.vstack([past, coming, coming[-1]])  # the last once more, for its right edge
        ax.stackplot(edges, weights.T, colors=colors, step="post", linewidth=0)
        ax.set_title(title, loc="left", fontsize="medium")
        ax.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    for ax in (at_once, later):
        middles = np.cumsum(ahead[-1]) - ahead[-1] / 2
        ax.secondary_yaxis("right").set_yticks(middles, model.state_names)
    for ax in axes:
        ax.axvline(NOW - 0.5, color="black", linewidth=1)
        for minute in [RESTART, OUTAGE.start, OUTAGE.stop]:
            ax.axvline(minute - 0.5, color="black", linewidth=0.8, linestyle=":")
    bottom.set(xlim=(-0.5, NOW + AHEAD - 0.5), xlabel="minute", yticks=[])
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
