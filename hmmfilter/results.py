"""What the doors return: frozen, printable, and the exit at which logs become probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hmmfilter import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FIRST_ROWS, LAST_ROWS = 3, 2  # of a long table, the rows that are printed


def _names(state_names: tuple[str, ...] | None, n_states: int) -> tuple[str, ...]:
    return state_names or tuple(map(str, range(n_states)))


def _shown_steps(n_steps: int) -> list[int]:
    if n_steps <= FIRST_ROWS + LAST_ROWS + 1:
        return list(range(n_steps))
    return [*range(FIRST_ROWS), *range(n_steps - LAST_ROWS, n_steps)]


def aligned(table: list[list[str]]) -> list[str]:
    """Lay a table of cells out in lines, each column flush right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]


def _preview(title: str, header: Iterable[str], rows: Iterable[list[str]]) -> str:
    """Print a title above a table of steps, with dots where the step, the first cell, leaps."""
    lines = aligned([["step", *header], *rows])
    if int(lines[-1].split()[0]) > len(lines) - 2:
        lines.insert(1 + FIRST_ROWS, " ...")
    return "\n  ".join([title, *lines])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Result:
    """Arrays that nobody can write to, and the names of the states where a model gave them."""

    state_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Posterior(_Result):
    """A distribution over the states at every step, and the log-likelihood of the evidence."""

    log_probabilities: FloatArray
    log_likelihood: float

    @cached_property
    def probabilities(self) -> FloatArray:
        """The same as probabilities, (T, K); what is below 5e-324 rounds to 0 here, and only here."""
        table = np.exp(self.log_probabilities)
        table.flags.writeable = False
        return table

    def __repr__(self) -> str:
        n_steps, n_states = self.log_probabilities.shape
        steps = _shown_steps(n_steps)
        probabilities = np.exp(self.log_probabilities[steps])
        return _preview(
            f"{type(self).__name__}: {n_steps} steps, {n_states} states, "
            f"log-likelihood {self.log_likelihood:.4f}; probabilities",
            _names(self.state_names, n_states),
            ([str(t), *(f"{p:.4f}" for p in row)] for t, row in zip(steps, probabilities, strict=True)),
        )

    def plot(self, observations: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
        """Draw the probability of each state as a band, and the observations over them.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), optional
            What to draw over the bands, on a scale of its own on the right. NaN leaves a gap.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure without it.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the bands; steps run along x, probability up y.

        Raises
        ------
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> ax = model.smooth([0, 2, 7, 4]).plot([0, 2, 7, 4])
        >>> ax.get_xlabel()
        'step'
        """
        names = _names(self.state_names, self.log_probabilities.shape[1])
        return plotting.bands(self.probabilities, names, "probability of each state", observations, ax)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Filtered(_Posterior):
    """What is known of each state from the observations so far; returned by `forward_filter`.

    Attributes
    ----------
    log_probabilities : ndarray, (T, K)
        log p(h_t = k | v_1:t), natural logs; each row is normalised.
    probabilities : ndarray, (T, K)
        The same as probabilities, computed on first use.
    log_increments : ndarray, (T,)
        log p(v_t | v_1:t−1), natural logs.
    log_likelihood : float
        log p(v_1:T), natural log: the compensated sum of the increments.
    state_names : tuple of str or None
        The names that the model gave its states.
    """

    log_increments: FloatArray


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Smoothed(_Posterior):
    """What is known of each state from all observations; returned by `smooth`.

    Attributes
    ----------
    log_probabilities : ndarray, (T, K)
        log p(h_t = k | v_1:T), natural logs; each row is normalised.
    probabilities : ndarray, (T, K)
        The same as probabilities, computed on first use.
    log_likelihood : float
        log p(v_1:T), natural log.
    state_names : tuple of str or None
        The names that the model gave its states.
    """


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Decoded(_Result):
    """The most probable path through the states; returned by `viterbi`.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The state at each step, from 0; all −1 where the evidence is impossible and was to be marked.
    log_joint : float
        log p(path, v_1:T), natural log.
    n_states : int
        K.
    state_names : tuple of str or None
        The names that the model gave its states.
    """

    path: IntArray
    log_joint: float
    n_states: int

    def __repr__(self) -> str:
        n_steps = len(self.path)
        names = _names(self.state_names, self.n_states)
        return _preview(
            f"Decoded: {n_steps} steps, {self.n_states} states, log-joint {self.log_joint:.4f}",
            ["state"],
            ([str(t), names[k] if k >= 0 else "-1"] for t in _shown_steps(n_steps) for k in [self.path[t]]),
        )

    def plot(self, observations: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
        """Draw the state of each step as a band, and the observations over it.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), optional
            What to draw over the bands, on a scale of its own on the right. NaN leaves a gap.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure without it.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the bands; steps run along x.

        Raises
        ------
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> ax = model.viterbi([0, 2, 7, 4]).plot([0, 2, 7, 4])
        >>> ax.get_ylabel()
        'most probable path'
        """
        names = _names(self.state_names, self.n_states)
        indicator = (self.path[:, None] == np.arange(self.n_states)).astype(np.float64)
        axes = plotting.bands(indicator, names, "most probable path", observations, ax)
        axes.set_yticks([])
        return axes
