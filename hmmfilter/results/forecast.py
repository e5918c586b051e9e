"""What will come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.results.base import Result
from hmmfilter.results.printing import preview, shown_steps


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Forecast(Result):
    """What will come after the last observation, v_T; returned by `HMM.forecast`. Row s − 1 is of step T + s.

    Nothing is normalised: where the rows of the transition sum to 1 only nearly, so do these, a little less each step.

    Attributes
    ----------
    probabilities : ndarray, (S, K)
        p(h_{T+s} = k | v_1:T). What is below 5e-324 rounds to 0 here.
    log_probabilities : ndarray, (S, K)
        log p(h_{T+s} = k | v_1:T), natural logs, however small.
    mean : ndarray, (S,) or (S, D), or None
        E(v_{T+s} | v_1:T), in the units of the observations; None where the emission does not know its moments.
    variance : ndarray, (S,) or (S, D, D), or None
        The variance of v_{T+s} given v_1:T, for vectors the covariance matrix; None where the mean is, and NaN where it
        is infinite.
    symbol_probabilities : ndarray, (S, M), or None
        p(v_{T+s} = m | v_1:T) for a `hmmfilter.emissions.Categorical`; None for all others.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    >>> forecast = model.forecast([0, 2], steps=2)
    >>> forecast.probabilities.round(4)
    array([[0.8616, 0.1384],
           [0.8031, 0.1969]])
    >>> forecast.mean.round(4), forecast.variance.round(4)
    (array([1.5537, 1.7876]), array([3.4621, 4.3177]))
    """

    log_probabilities: FloatArray
    mean: FloatArray | None
    variance: FloatArray | None
    symbol_probabilities: FloatArray | None

    @cached_property
    def probabilities(self) -> FloatArray:
        """p(h_{T+s} = k | v_1:T), (S, K); what is below 5e-324 rounds to 0 here, and only here."""
        probabilities: FloatArray = np.exp(self.log_probabilities)
        probabilities.flags.writeable = False
        return probabilities

    def __repr__(self) -> str:
        n_steps, n_states = self.log_probabilities.shape
        steps = shown_steps(n_steps)
        what, header, cells = self._shown_observations(steps)
        states = ([f"{p:.4f}" for p in row] for row in self.probabilities[steps])
        return preview(
            f"Forecast: {n_steps} steps, {n_states} states; probabilities{what}",
            ["step", *self._names(n_states), *header],
            n_steps,
            ([*row, *added] for row, added in zip(states, cells, strict=True)),
            label=lambda s: f"+{s + 1}",
        )

    def _shown_observations(self, steps: list[int]) -> tuple[str, list[str], list[list[str]]]:
        """What is printed of the observations of some steps: its name, the heads of its columns, and their cells."""
        if self.symbol_probabilities is not None:
            rows = self.symbol_probabilities[steps]
            best = rows.argmax(axis=1)
            return (
                ", most probable symbol",
                ["symbol"],
                [[f"{m} ({row[m]:.4f})"] for m, row in zip(best, rows, strict=True)],
            )
        if self.mean is None or self.variance is None:
            return "", [], [[] for _ in steps]
        means, variances = self.mean[steps], self.variance[steps]
        heads = ["observation"]
        if means.ndim == 2:
            variances = np.diagonal(variances, axis1=1, axis2=2)
            heads = [f"observation[{d}]" for d in range(means.shape[1])]
        with np.errstate(invalid="ignore"):  # an emission of one's own may say what it likes
            deviations = np.sqrt(variances)
        pairs = np.stack([means, deviations], axis=-1).reshape(len(steps), -1, 2)
        return ", mean ± standard deviation", heads, [[f"{m:.5g} ± {d:.5g}" for m, d in row] for row in pairs]
