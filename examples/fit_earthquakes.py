"""Fitting: which rates, and which moves between them, make the earthquakes most probable?

The log-likelihood of a hidden Markov model is a smooth function of its parameters, so an ordinary optimiser can climb
it, given the gradient. `log_likelihood_gradient` has the derivatives with respect to the logs that go in,

    ∂L/∂log δ(k) = γ_1(k),    ∂L/∂log A(i, j) = Σ_t ξ_t(i, j),    ∂L/∂log b_t(k) = γ_t(k),

and what remains is the chain rule, from those logs to the parameters: logs of the rates, and for each row of the
transition A the logits of its moves against staying. The chain starts where it settles, δ = δ A, and so moves with A.

How sure is the answer? The inverse of the Hessian at the top has the variances, as in any fit by maximum likelihood.

    python examples/fit_earthquakes.py [PICTURE]
"""

import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from scipy.optimize import minimize
from scipy.stats import poisson

import hmmfilter as hf

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
NAMES = ["calm", "middling", "restless"]
K = len(NAMES)
NEVER_MADE = 1e-6  # a move of this probability is as good as none in a century
STEP = 1e-5  # of a parameter, for the Hessian


def unpack(parameters: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rates and transition; the moves, (K, K), say which entries beside the diagonal are free."""
    logits = np.where(np.eye(K, dtype=bool), 0.0, -np.inf)
    logits[moves] = parameters[K:]
    return np.exp(parameters[:K]), hf.lse.softmax(logits, axis=1)


def objective(parameters: np.ndarray, counts: np.ndarray, moves: np.ndarray) -> tuple[float, np.ndarray]:
    """Return −L and its gradient with respect to the parameters."""
    rates, transition = unpack(parameters, moves)
    start = hf.stationary_distribution(transition)
    with np.errstate(divide="ignore"):
        log_start, log_transition = np.log(start), np.log(transition)
    log_likelihoods = hf.emissions.Poisson(rates).log_likelihoods(counts)
    gradient = hf.log_likelihood_gradient(log_start, log_transition, log_likelihoods)

    # log b_t(k) = v_t log λ_k − λ_k − log v_t!, so that ∂/∂log λ_k is v_t − λ_k.
    to_rates = (gradient.log_likelihoods * (counts[:, None] - rates)).sum(axis=0)
    # δ = δ A: where A moves by dA, δ moves by δ dA (1 − A + U)^−1, U all ones.
    to_start = np.linalg.solve(np.eye(K) - transition + 1, gradient.log_initial / start)
    to_logs = gradient.log_transition + transition * np.outer(start, to_start)
    # A row is a softmax of its logits.
    to_logits = to_logs - transition * to_logs.sum(axis=1, keepdims=True)
    return -gradient.log_likelihood, -np.concatenate([to_rates, to_logits[moves]])


def climb(parameters: np.ndarray, counts: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Go up to where the gradient is zero."""
    return minimize(objective, parameters, args=(counts, moves), jac=True, method="BFGS", options={"gtol": 1e-6}).x


def covariance_at(parameters: np.ndarray, counts: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Invert the Hessian of −L, by differences of its gradient."""
    nudges = STEP * np.eye(len(parameters))
    rises = [objective(parameters + d, counts, moves)[1] - objective(parameters - d, counts, moves)[1] for d in nudges]
    hessian = np.array(rises) / (2 * STEP)
    return np.linalg.inv((hessian + hessian.T) / 2)


def main(picture: str | Path = HERE / "fit_earthquakes.png") -> None:
    """Fit, print estimates with standard errors, and draw them."""
    with open(DATA / "earthquakes.csv", newline="") as file:
        counts = np.array([float(row["count"]) for row in csv.DictReader(file)])

    # Climb from a guess. Where that drives a move towards zero, hold it at zero, exactly, and climb on.
    moves = ~np.eye(K, dtype=bool)
    guess = np.concatenate([np.log(np.quantile(counts, [0.2, 0.5, 0.9])), np.full(moves.sum(), -2.0)])
    parameters = climb(guess, counts, moves)
    never_made = moves & (unpack(parameters, moves)[1] < NEVER_MADE)
    parameters, moves = parameters[np.append(np.ones(K, dtype=bool), ~never_made[moves])], moves & ~never_made
    parameters = climb(parameters, counts, moves)
    rates, transition = unpack(parameters, moves)
    value, slope = objective(parameters, counts, moves)
    print(f"log-likelihood {-value:.4f}, where no slope is steeper than {abs(slope).max():.0e}")
    print("never made:", *(f"{NAMES[i]} to {NAMES[j]}" for i, j in np.argwhere(never_made)), "\n")

    # Standard errors: of the rates, λ times that of log λ; of a row of A, through the derivatives of its softmax.
    covariance = covariance_at(parameters, counts, moves)
    rate_errors = rates * np.sqrt(np.diag(covariance)[:K])
    errors = np.zeros((K, K))
    numbers = np.full((K, K), -1)
    numbers[moves] = np.arange(K, len(parameters))
    for i, row in enumerate(transition):
        free = numbers[i] >= 0
        slopes = (np.diag(row) - np.outer(row, row))[:, free]
        errors[i] = np.sqrt(np.diag(slopes @ covariance[np.ix_(numbers[i][free], numbers[i][free])] @ slopes.T))

    # Beside them the model that Zucchini, MacDonald and Langrock published.
    published = hf.HMM.from_json(DATA / "earthquakes.json")
    print(f"{'':<22}{'estimate':>10}{'std. error':>12}{'published':>11}")
    for k, name in enumerate(NAMES):
        print(f"{'rate, ' + name:<22}{rates[k]:>10.3f}{rate_errors[k]:>12.3f}{published.emission.rate[k]:>11.3f}")
    for i, j in np.ndindex(K, K):
        label = f"{NAMES[i]} to {NAMES[j]}"
        print(f"{label:<22}{transition[i, j]:>10.3f}{errors[i, j]:>12.3f}{published.transition[i, j]:>11.3f}")

    draw(counts, rates, rate_errors, transition, errors).savefig(picture, dpi=110)
    print(f"\nlook at {Path(picture).name}")


def draw(
    counts: np.ndarray, rates: np.ndarray, rate_errors: np.ndarray, transition: np.ndarray, errors: np.ndarray
) -> Figure:
    """Left, what each state shows, over what was seen; right, the moves; both with twice their standard errors."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    seen, moves = figure.subplots(1, 2, width_ratios=[1.5, 1])
    colors = colormaps["GnBu"](np.linspace(0.35, 0.95, K))  # darker than those of bands, as lines are thin
    marks = {"marker": "o", "markersize": 4, "capsize": 3, "elinewidth": 1.5}

    numbers = np.arange(0, 46)
    shares = hf.stationary_distribution(transition)[:, None] * poisson.pmf(numbers, rates[:, None])
    seen.hist(counts, bins=np.arange(-0.5, 46, 3), weights=np.full(len(counts), 1 / 3 / len(counts)), color="0.88")
    seen.plot(numbers, shares.sum(axis=0), color="black", linewidth=1, linestyle="--", label="all together")
    for name, share, rate, error, color in zip(NAMES, shares, rates, rate_errors, colors, strict=True):
        seen.plot(numbers, share, color=color, linewidth=2, label=name)
        seen.errorbar(rate, -0.004, xerr=2 * error, color=color, **marks)
    seen.axhline(0, color="black", linewidth=0.8)
    seen.set(xlabel="major earthquakes in a year", ylabel="share of the years", xlim=(-0.5, 45.5))
    seen.set_title("what each state shows, and its rate ± 2 standard errors", loc="left", fontsize="medium")
    seen.legend(frameon=False)

    for i, color in enumerate(colors):
        at = np.arange(K) + 0.22 * (i - 1)
        moves.errorbar(at, transition[i], yerr=2 * errors[i], color=color, linewidth=0, **marks)
    moves.set_xticks(range(K), [f"to {name}" for name in NAMES])
    moves.set(ylabel="probability", ylim=(-0.13, 1.13))
    moves.set_title("moves from each state ± 2 standard errors", loc="left", fontsize="medium")
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
