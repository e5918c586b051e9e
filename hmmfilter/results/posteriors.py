"""A distribution over the states at every step; the exit at which logs become probabilities."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, Held, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter._tiers import kernels
from hmmfilter.plotting import Bands
from hmmfilter.results import arrays, frames, html, segments
from hmmfilter.results.base import BySequence
from hmmfilter.results.printing import Preview, four_decimals, preview, shown_steps

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def logs_of(coded: FloatArray) -> FloatArray:
    """Natural logs of numbers as the kernels store them."""
    logs = np.array(coded, order="C")
    kernels.take_logs(logs.reshape(-1))
    logs.flags.writeable = False
    return logs


def numbers_of(coded: FloatArray) -> FloatArray:
    """Probabilities as the kernels store them, without logs among them; what is below 5e-324 rounds to 0 here."""
    if not kernels.has_logs(coded.reshape(-1)):
        return coded
    numbers = np.array(coded, order="C")
    kernels.take_numbers(numbers.reshape(-1))
    numbers.flags.writeable = False
    return numbers


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Posterior(BySequence):
    """A distribution over the states at every step, and the log-likelihood of the evidence."""

    _rows: FloatArray  # (T, K), and
    _rows_hold: Held = "coded"  # what they hold; plain numbers only in an array of the caller
    states: IntArray | None = None  # whose columns the tables have; None where these are all
    log_likelihood: Any  # a float; of several sequences, (N,)
    _total: ClassVar[str] = "log_likelihood"
    _tables: ClassVar[tuple[str, ...]] = ("_rows",)

    @cached_property
    def probabilities(self) -> FloatArray:
        """p(h_t = k | the observations), (T, K); what is below 5e-324 rounds to 0 here, and only here."""
        return self._probabilities_of(self._rows)

    @cached_property
    def log_probabilities(self) -> FloatArray:
        """The same as natural logs, (T, K), however small."""
        rows = None if self._rows_hold == "probabilities" else self._rows
        rows = _checks.kept("log_probabilities", rows, "out_logs=True")
        return rows if self._rows_hold == "logs" else logs_of(rows)

    def _probabilities_of(self, rows: FloatArray) -> FloatArray:
        if self._rows_hold == "probabilities":
            return rows
        if self._rows_hold == "coded":
            return numbers_of(rows)
        probabilities: FloatArray = np.exp(rows)
        probabilities.flags.writeable = False
        return probabilities

    @property
    def _numbers_of_states(self) -> list[int]:
        """Of each column of the tables."""
        return list(range(self._rows.shape[1])) if self.states is None else self.states.tolist()

    @property
    def _shown_names(self) -> tuple[str, ...]:
        return self.state_names or tuple(map(str, self._numbers_of_states))

    def _preview(self) -> Preview:
        n_steps, n_states = self._rows.shape
        shown = f"{n_states} {'' if self.states is None else 'chosen '}states"
        if self.lengths is not None:
            return self._shown_sequences(self.lengths, shown)
        return preview(
            f"{type(self).__name__}: {n_steps} steps, {shown}, "
            f"log-likelihood {four_decimals(self.log_likelihood)}; probabilities",
            ["step", *self._shown_names],
            n_steps,
            ([f"{p:.4f}" for p in row] for row in self._probabilities_of(self._rows[shown_steps(n_steps)])),
            label=self._step_label,
        )

    def _table(self) -> FloatArray:
        return self.probabilities

    def __getitem__(self, key: Any) -> Any:
        if self._n_sequences is None and self._rows_hold == "logs":
            return self._probabilities_of(self._rows[key])  # not of all rows, which may be more than memory holds
        return super().__getitem__(key)

    def _framed(self, index: Any) -> pd.DataFrame:
        return frames.frame(self.probabilities, self.state_names or self._numbers_of_states, index)

    def _in_xarray(self, axis: Hashable, labels: dict[Hashable, Any]) -> xr.DataArray:
        return arrays.data_array(
            "probability",
            (axis, "state"),
            self.probabilities,
            {**labels, "state": list(self.state_names or self._numbers_of_states)},
            log_likelihood=self.log_likelihood,
        )

    def _shares(self, steps: slice) -> FloatArray:
        return html.mean_of(self._probabilities_of(self._rows[steps]))

    def _bands(self) -> Bands:
        return Bands(self.probabilities, self._shown_names, "probability of each state", has_scale=True)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Filtered(_Posterior):
    """What is known of each state from the observations so far; returned by `forward_filter`.

    It reads as its table of probabilities does: ``len``, iteration, brackets, and `numpy.asarray`. Of several
    sequences, the tables have all rows, one sequence after the other, and the result counts and iterates by sequence;
    ``filtered[n]`` is what is known of sequence n, or ``filtered[key]`` where they had keys.

    Attributes
    ----------
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:t); each row sums to 1. What is below 5e-324 rounds to 0 here.
    log_probabilities : ndarray, (T, K)
        log p(h_t = k | v_1:t), natural logs, however small; computed on first use.
    states : ndarray of int, (S,), or None
        The numbers of the states that were asked for, which then are the columns of the tables; None for all.
    log_increments : ndarray, (T,)
        log p(v_t | v_1:t−1), natural logs, computed on first use.
    log_joint_probabilities : ndarray, (T, K)
        log p(h_t = k, v_1:t), natural logs, the logs of α, computed on first use.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each.
    restarts : ndarray of int, or list of N of them, or None
        The steps at which the chain starts afresh, where it may: with ``impossible="restart"``.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    index : pandas.Index, (T,), or None
        The labels of the steps, where the observations had any.
    state_names : tuple of str or None
        The names that the model gave its states, or those that were asked for.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> filtered = hf.forward_filter([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    >>> filtered.probabilities.round(4)
    array([[0.982 , 0.018 ],
           [0.2292, 0.7708]])
    """

    _increments: FloatArray | None  # (T,), `coded` or, where the rows are not, logs
    _tables: ClassVar[tuple[str, ...]] = ("_rows", "_increments")

    @cached_property
    def log_increments(self) -> FloatArray:
        """log p(v_t | v_1:t−1), (T,), natural logs."""
        increments = _checks.kept("log_increments", self._increments, "out_increments")
        return logs_of(increments) if self._rows_hold == "coded" else increments

    @cached_property
    def log_joint_probabilities(self) -> FloatArray:
        """log p(h_t = k, v_1:t), (T, K), natural logs: the logs of α."""
        starts = [0, *np.cumsum(self.lengths)[:-1]] if self.lengths is not None else [0]
        so_far = [_running_sum(part) for part in np.split(self.log_increments, starts[1:])]
        log_joint: FloatArray = self.log_probabilities + np.concatenate(so_far)[:, np.newaxis]
        log_joint.flags.writeable = False
        return log_joint


def _running_sum(terms: FloatArray) -> FloatArray:
    """Σ of all terms so far; what each addition loses is known from its result, and is added up by itself."""
    with np.errstate(invalid="ignore"):  # beyond what is impossible
        total = np.cumsum(terms)
        before = np.append(0.0, total[:-1])
        kept = total - before
        lost = np.cumsum((before - (total - kept)) + (terms - kept))
    running: FloatArray = np.where(np.isfinite(lost), total + lost, total)
    return running


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(Filtered)
class Smoothed(_Posterior):
    """What is known of each state from all observations; returned by `smooth`.

    It reads as its table of probabilities does: ``len``, iteration, brackets, and `numpy.asarray`. Of several
    sequences, the tables have all rows, one sequence after the other, and the result counts and iterates by sequence;
    ``smoothed[n]`` is what is known of sequence n, or ``smoothed[key]`` where they had keys.

    Attributes
    ----------
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:T); each row sums to 1. What is below 5e-324 rounds to 0 here.
    log_probabilities : ndarray, (T, K)
        log p(h_t = k | v_1:T), natural logs, however small; computed on first use.
    states, log_likelihood, restarts, lengths, index, state_names
        As in `Filtered`.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> smoothed = hf.smooth([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    >>> smoothed.probabilities.round(4)
    array([[0.9153, 0.0847],
           [0.2292, 0.7708]])
    """

    @property
    def occupancy(self) -> npt.NDArray[Any]:
        """How long each state lasts in all, on average over all paths.

        Returns
        -------
        ndarray, (K,)
            With the fields ``steps``, an expected number, the sum of the state's probabilities, and ``share``, of all
            steps. Of several sequences, those in all of them; NaN where one is impossible and was to be marked.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.smooth([0, 2, 7, 4, 9, 0, 0, 1]).occupancy["steps"].round(4)
        array([4.6154, 3.3846])
        """
        return segments.occupancy(segments.sums_of_columns(self.probabilities), len(self._rows))
