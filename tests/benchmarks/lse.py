"""The log-sum-exp family against SciPy: speed, and accuracy by mpmath.

python -m tests.benchmarks.lse [--quick]
"""

from __future__ import annotations

import sys

import mpmath
import numpy as np
from scipy import special

from hmmfilter import lse
from tests.benchmarks.timing import medians

DIGITS = 400  # exp(−700) beside 1 takes 304
SIZE, ROUNDS, DRAWS = 1000, 25, 200
QUICK_SIZE, QUICK_ROUNDS, QUICK_DRAWS = 50, 1, 2


def speed_table(size: int, rounds: int) -> str:
    """SciPy's time over ours, in the median."""
    rng = np.random.default_rng(0)
    inputs = {
        "normal(0, 1)": rng.normal(0, 1, (size, size)),
        "half of it −inf": np.where(rng.random((size, size)) < 0.5, -np.inf, rng.normal(0, 1, (size, size))),
        "uniform(−1000, 1000)": rng.uniform(-1000, 1000, (size, size)),
    }
    lines = [f"| ({size}, {size}) doubles | axis | logsumexp | softmax |", "| --- | --- | --- | --- |"]
    for name, x in inputs.items():
        for axis in (0, 1, None):
            seconds = medians(
                {
                    "ours": lambda x=x, axis=axis: lse.logsumexp(x, axis=axis),
                    "scipy": lambda x=x, axis=axis: special.logsumexp(x, axis=axis),
                    "our softmax": lambda x=x, axis=axis: lse.softmax(x, axis=axis),
                    "scipy softmax": lambda x=x, axis=axis: special.softmax(x, axis=axis),
                },
                rounds,
            )
            sums, softmaxes = seconds["scipy"] / seconds["ours"], seconds["scipy softmax"] / seconds["our softmax"]
            lines.append(f"| {name} | {axis} | {sums:.2f} times SciPy's | {softmaxes:.2f} times |")
    return "\n".join(lines)


def accuracy_table(draws: int) -> str:
    """Relative errors of log-sum-exps, the worst and the mean."""
    rng = np.random.default_rng(0)
    families = {
        "normal(0, 1), n = 10": lambda: (rng.normal(0, 1, 10), None),
        "normal(0, 300), n = 10": lambda: (rng.normal(0, 300, 10), None),
        "normal(0, 1), n = 1000": lambda: (rng.normal(0, 1, 1000), None),
        "0 and −u, u < 700": lambda: (np.array([0.0, -rng.uniform(1, 700)]), None),
        "0 and 1000 of about −30": lambda: (np.append(0.0, rng.normal(-30, 1, 1000)), None),
        "probabilities that sum to 1, n = 10": lambda: (np.log(rng.dirichlet(np.ones(10))), None),
        "weights uniform(0, 1), n = 20": lambda: (rng.normal(0, 3, 20), rng.random(20)),
        "equal, weights 0.1, n = 1000": lambda: (np.full(1000, rng.normal()), np.full(1000, 0.1)),
        "weights from 1e-300 to 1e300, n = 5": lambda: (rng.uniform(-700, 700, 5), 10.0 ** rng.uniform(-300, 300, 5)),
    }
    lines = ["| relative error, worst and mean | hmmfilter | SciPy |", "| --- | --- | --- |"]
    for name, draw in families.items():
        errors = []
        for _ in range(draws):
            x, weights = draw()
            with mpmath.workdps(DIGITS):
                factors = np.ones(len(x)) if weights is None else weights
                exact = mpmath.log(
                    mpmath.fsum(mpmath.mpf(float(w)) * mpmath.exp(float(v)) for v, w in zip(x, factors, strict=True))
                )
                with np.errstate(all="ignore"):
                    answers = lse.logsumexp(x, weights=weights), special.logsumexp(x, b=weights)
                errors.append([float(abs((mpmath.mpf(float(answer)) - exact) / exact)) for answer in answers])
        (ours, theirs), (our_mean, their_mean) = np.max(errors, axis=0), np.mean(errors, axis=0)
        lines.append(f"| {name} | {ours:.1e}, {our_mean:.1e} | {theirs:.1e}, {their_mean:.1e} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print both tables, as Markdown."""
    quick = "--quick" in arguments
    print(speed_table(*(QUICK_SIZE, QUICK_ROUNDS) if quick else (SIZE, ROUNDS)), "\n")
    print(accuracy_table(QUICK_DRAWS if quick else DRAWS))


if __name__ == "__main__":
    main(sys.argv[1:])
