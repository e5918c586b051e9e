"""Log-sum-exp: how do numbers add up whose logs are all there is?

For n numbers whose logs are x_1, …, x_n, it is the log of their sum,

    LSE(x) = log Σ_i exp(x_i),      max x ≤ LSE(x) ≤ max x + log n.

It lies on the maximum like a cloth: far from the edge, where one term is much larger than the rest, the two all but
touch; on the edge, where all terms are equal, the cloth is log n above. The temperature τ says how tight it is,

    LSE_τ(x) = τ log Σ_i exp(x_i / τ),      max x ≤ LSE_τ(x) ≤ max x + τ log n.

The maximum has a kink, LSE has none. Its gradient is the softmax, all positive and with sum 1:

    ∂ LSE_τ / ∂x_i = exp(x_i / τ) / Σ_j exp(x_j / τ).

As it is written, it dies early: a double holds no exp(710) and no exp(−746). So shift by the largest term, a = max x,

    LSE(x) = a + log Σ_i exp(x_i − a).

Now no term is above 1 and one of them is 1, so that nothing overflows, and what underflows is too small to count.

Last, something to minimise over u and v: the larger one of two smooth convex functions,

    max(f_1, f_2),      f_1 = u² / 4 + v,      f_2 = −2 v,

whose least value is 0, at (0, 0). They are equal along the bottom of a curved valley, and there the maximum has a kink.
Gradient descent goes down the slope of the larger one, which points across the valley, not along it. It comes to the
bottom, where a step along either slope makes the other function larger. If no step may go up, the steps shrink to
nothing far from the end. If each is taken, up or down, the way zigzags across the kink: it gets on, but swings to and
fro for ever, unless the steps shrink by a plan, which has to be a good one. LSE_τ(f_1, f_2) lies above the maximum, so
whoever brings it down brings the maximum down, and its slope is a mean of both, with the softmax as weights. At the
bottom what points across cancels, and what is left leads along the valley. The price is τ log 2 at most: so far above
the least maximum may the end be.

This is no toy trick. The lifted structured loss, from which a network learns what is alike (Oh Song and others, "Deep
metric learning via lifted structured feature embedding", CVPR 2016), has hard maxima inside, and what is minimised is
the bound with a log-sum-exp in place of each.

    python examples/log_sum_exp.py [PICTURE]
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hmmfilter as hf

HERE = Path(__file__).parent
TEMPERATURES = {"1": 1.0, "1/2": 0.5, "1/10": 0.1}
START, TAU, LENGTH, N_STEPS = (-4.0, 1.0), 0.2, 0.08, 150

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]  # from (u, v) to the value and the slope


def values(u: npt.ArrayLike, v: npt.ArrayLike) -> np.ndarray:
    """Return f_1 and f_2 at (u, v)."""
    return np.array([np.square(u) / 4 + v, np.multiply(-2, v)])


def slopes(u: float, v: float) -> np.ndarray:
    """Return the gradients of f_1 and f_2 at (u, v), one a row."""
    return np.array([[u / 2, 1.0], [0.0, -2.0]])


def hard(point: np.ndarray) -> tuple[float, np.ndarray]:
    """Return max(f_1, f_2), and the gradient of the larger one."""
    f = values(*point)
    return f.max(), slopes(*point)[f.argmax()]


def soft(point: np.ndarray) -> tuple[float, np.ndarray]:
    """Return LSE_τ(f_1, f_2), and its gradient: the mean of both, with the softmax as weights."""
    f = values(*point)
    return hf.lse.smooth_max(f, TAU), hf.lse.softmax(f / TAU) @ slopes(*point)


def descend(objective: Objective, careful: bool = True) -> np.ndarray:
    """Go down the slope and return all points, (N_STEPS + 1, 2).

    Each step is tried at LENGTH, and halved until the objective falls by at least half of what the slope promises.
    Where 50 halvings do not help, the point stays where it is. If not careful, each step is taken at LENGTH.
    """
    points = [np.array(START)]
    for _ in range(N_STEPS):
        here = points[-1]
        value, slope = objective(here)
        for length in LENGTH * 0.5 ** np.arange(50):
            there = here - length * slope
            if not careful or objective(there)[0] <= value - length * (slope @ slope) / 2:
                break
        else:
            there = here
        points.append(there)
    return np.array(points)


def main(picture: str | Path = HERE / "log_sum_exp.png") -> None:
    """Compare log-sum-exp with the maximum, print the few numbers that matter, and draw the rest."""
    # How far the cloth is above the edge, and how far away from it.
    for x in [(0, 0), (1, 1), (1, -1), (10, -10)]:
        gap = hf.lse.logsumexp(x) - max(x)
        print(f"LSE{x} is {gap:.4g} above the maximum" + (", which is log 2" if x[0] == x[1] else ""))

    # Its slope along (x, 0), by the softmax and by differences.
    print("\n   x   τ     softmax  by differences")
    step = 1e-6
    for name, tau in TEMPERATURES.items():
        for x in (0.0, 0.2):
            slope = hf.lse.softmax([x / tau, 0])[0]
            above, below = (hf.lse.smooth_max([x + s, 0], tau) for s in (step, -step))
            print(f"{x:4}   {name:4}{slope:9.6f}{(above - below) / (2 * step):16.6f}")

    # Where it dies without the shift.
    x = np.arange(-1000, 1001)
    pairs = np.stack([x, x], axis=1)
    naive, shifted = hf.lse.naive_logsumexp(pairs, axis=1), hf.lse.logsumexp(pairs, axis=1)
    print(f"\nwithout the shift, LSE(x, x) is inf from x = {x[naive == np.inf][0]} on, ", end="")
    print(f"and -inf from {x[naive == -np.inf][-1]} down")
    print(f"with it, LSE(1000, 1000) = {shifted[-1]:.4f} and LSE(-1000, -1000) = {shifted[0]:.4f}")

    # Down the valley.
    paths = {"max": descend(hard), "LSE": descend(soft)}
    print(f"\nmax(f_1, f_2) after {N_STEPS} steps, from {hard(np.array(START))[0]:.4f}; the least is 0")
    for name, path in paths.items():
        u, v = path[-1]
        print(f"downhill on the {name}: {hard(path[-1])[0]:.4f}, at ({u:.2f}, {v:.2f})")
    print(f"at most {TAU * np.log(2):.4f} is the price of τ = {TAU}")
    paths["zigzag"] = descend(hard, careful=False)
    swing = [hard(point)[0] for point in paths["zigzag"][-10:]]
    print(f"if each step on the max is taken, up or down: to and fro between {min(swing):.4f} and {max(swing):.4f}")

    draw(x, naive, shifted, paths).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(x: np.ndarray, naive: np.ndarray, shifted: np.ndarray, paths: dict[str, np.ndarray]) -> Figure:
    """Six panels: the cloth, a cut through it and its slope; where the naive sum dies; and the way down the valley."""
    figure = Figure(figsize=(13, 8.4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1, hspace=0.03)
    draw_surfaces(figure.add_subplot(2, 3, 1, projection="3d", computed_zorder=False))
    cut, slope, shift, valley, fall = (figure.add_subplot(2, 3, k) for k in range(2, 7))
    draw_cuts(cut, slope)
    draw_shift(shift, x, naive, shifted)
    draw_descent(valley, fall, paths)
    return figure


def title(ax: Axes, text: str) -> None:
    """Say on the left above a panel what it shows."""
    ax.set_title(text, loc="left", fontsize="medium")


def draw_surfaces(ax: Axes) -> None:
    """LSE above the maximum, and the diagonal, where the gap is log 2."""
    line = np.linspace(-1, 1, 41)
    x, y = np.meshgrid(line, line)
    colors = colormaps["GnBu"]
    lse = hf.lse.logsumexp(np.stack([x, y]), axis=0)
    cloth = {"color": colors(0.4), "alpha": 0.6, "edgecolor": (*colors(0.75)[:3], 0.5), "linewidth": 0.4}
    ax.plot_surface(x, y, np.maximum(x, y), color=colors(0.8), rcount=20, ccount=20, linewidth=0)
    ax.plot(line, line, line, color="black", linewidth=1.4)
    ax.plot_surface(x, y, lse, rcount=14, ccount=14, **cloth)
    ax.plot(line, line, line + np.log(2), color="black", linewidth=1.4)
    ax.plot([1, 1], [1, 1], [1, 1 + np.log(2)], color="black", linewidth=1.4, linestyle=":")
    ax.text(1.15, 1, 1.35, "log 2")
    ax.view_init(elev=22, azim=-112)
    ax.set_box_aspect(None, zoom=1.05)
    ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[-1, 0, 1], xlabel="x", ylabel="y")
    title(ax, "LSE(x, y) over max(x, y)")


def draw_cuts(cut: Axes, slope: Axes) -> None:
    """The cut through the cloth at y = 0, for each temperature, and its slope."""
    x = np.linspace(-2, 2, 401)
    pairs = np.stack([x, np.zeros_like(x)], axis=1)
    colors = colormaps["GnBu"](np.linspace(0.4, 0.95, len(TEMPERATURES)))
    for (name, tau), color in zip(TEMPERATURES.items(), colors, strict=True):
        cut.plot(x, hf.lse.smooth_max(pairs, tau, axis=1), color=color, linewidth=2, label=f"τ = {name}")
        slope.plot(x, hf.lse.softmax(pairs / tau, axis=1)[:, 0], color=color, linewidth=2, label=f"τ = {name}")
    cut.plot(x, np.maximum(x, 0), color="black", linewidth=1.2, linestyle="--", label="max(x, 0)")
    above = np.log(2) * np.array([0, *TEMPERATURES.values()])  # of the edge, at each temperature
    cut.plot(np.zeros_like(above), above, color="black", linewidth=1, linestyle=":", marker="o", markersize=3.5)
    cut.annotate("τ log 2", (0, above.max()), (-6, 4), textcoords="offset points", ha="right")
    slope.plot(x, x > 0, color="black", linewidth=1.2, linestyle="--", label="of max(x, 0)")
    for ax in (cut, slope):
        ax.set(xlabel="x", xlim=(-2, 2), xticks=[-2, -1, 0, 1, 2])
        ax.legend(loc="upper left", frameon=False)
    title(cut, "the cut $\\mathrm{LSE}_τ$(x, 0)")
    title(slope, "its slope: the softmax")


def draw_shift(ax: Axes, x: np.ndarray, naive: np.ndarray, shifted: np.ndarray) -> None:
    """LSE(x, x) with the shift, and without it as far as it lives."""
    colors = colormaps["GnBu"]
    lives = np.isfinite(naive)
    ax.plot(x, shifted, color=colors(0.5), linewidth=5, solid_capstyle="butt", label="with the shift")
    ax.plot(x[lives], naive[lives], color="black", linewidth=1.4, label="without")
    arrow = {"arrowstyle": "->", "color": "black", "shrinkA": 0}
    over, under = x[lives][-1] + 1, x[lives][0] - 1
    ax.annotate("", (over, 1200), (over, over), arrowprops=arrow)
    ax.annotate("", (under, -1200), (under, under), arrowprops=arrow)
    ax.text(over - 50, 1080, f"overflow at {over}", ha="right", va="center")
    ax.text(under + 50, -1080, f"underflow at −{-under}", va="center")
    ax.set(xlim=(-1050, 1050), ylim=(-1250, 1250), xlabel="x")
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.72), frameon=False)
    title(ax, "LSE(x, x)")


def draw_descent(valley: Axes, fall: Axes, paths: dict[str, np.ndarray]) -> None:
    """The ways down the maximum and down the bound, over the contours of the maximum, and how low they come."""
    colors = colormaps["GnBu"]
    u, v = np.meshgrid(np.linspace(-4.4, 1.4, 291), np.linspace(-1.6, 1.4, 151))
    levels = np.array([0, 0.05, 0.2, 0.45, 0.8, 1.25, 1.8, 2.45, 3.2, 4.05, 5, 6.5])
    shades = colors(np.linspace(0.6, 0.06, len(levels) - 1))
    valley.contourf(u, v, values(u, v).max(axis=0), levels=levels, colors=shades)
    valley.plot(u[0], -(u[0] ** 2) / 12, color="grey", linewidth=1, linestyle=":", label="the kink")
    looks = {
        "zigzag": {"label": "on the max, up or down", "color": "grey", "linewidth": 0.8},
        "LSE": {"label": "downhill on the LSE", "color": colors(0.92), "linewidth": 3},
        "max": {"label": "downhill on the max", "color": "black", "linewidth": 1.2},
    }
    for name, look in looks.items():
        valley.plot(*paths[name].T, **look)
        fall.plot([hard(point)[0] for point in paths[name]], **look)
    stuck = paths["max"][-1]
    valley.plot(*stuck, color="black", marker="o", markersize=5, markerfacecolor="white")
    valley.annotate("stuck on the kink", stuck, (0, -14), textcoords="offset points", va="center")
    fall.text(N_STEPS, hard(stuck)[0] * 1.1, "stuck on the kink", ha="right", va="bottom")
    valley.plot(0, 0, color="black", marker="+", markersize=10, linewidth=0, label="the least")
    valley.set(xlabel="u", ylabel="v", xlim=(-4.4, 1.4), ylim=(-1.6, 1.4))
    valley.legend(loc="lower right", frameon=False, fontsize="small")
    title(valley, "the valley of max($f_1$, $f_2$), and three ways down")

    fall.axhline(TAU * np.log(2), color="grey", linewidth=1, linestyle="--")
    fall.text(N_STEPS, TAU * np.log(2) * 1.06, f"τ log 2, τ = {TAU}", ha="right", va="bottom")
    fall.set(yscale="log", xlabel="number of steps", xlim=(-2, N_STEPS + 2), ylim=(0.01, 10))
    fall.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    fall.legend(loc="upper right", frameon=False, fontsize="small")
    title(fall, "max($f_1$, $f_2$) on the way; the least is 0")


if __name__ == "__main__":
    main(*sys.argv[1:])
