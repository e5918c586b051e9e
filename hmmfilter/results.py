"""What the doors return: frozen, printable, and the exit at which logs become probabilities."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import FloatArray, Frozen, Held, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from typing_extensions import Self

FIRST_ROWS, LAST_ROWS = 3, 2  # of a long table, the rows that are printed


def four_decimals(x: float) -> str:
    """Print a log, without the sign of a zero that is left after rounding."""
    return f"{round(x, 4) + 0.0:.4f}"


def aligned(table: list[list[str]]) -> list[str]:
    """Lay a table of cells out in lines, each column flush right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]


def _shown_steps(n_steps: int) -> list[int]:
    if n_steps <= FIRST_ROWS + LAST_ROWS + 1:
        return list(range(n_steps))
    return [*range(FIRST_ROWS), *range(n_steps - LAST_ROWS, n_steps)]


def _with_dots(cells: list[str], n_steps: int) -> list[str]:
    """The cells of the shown steps, and dots where some are left out."""
    return cells if len(cells) == n_steps else [*cells[:FIRST_ROWS], "...", *cells[FIRST_ROWS:]]


def _preview(
    title: str, header: Iterable[str], n_steps: int, rows: Iterable[list[str]], label: Callable[[int], str] = str
) -> str:
    """Print a title above the rows of the shown steps, or sequences, with dots where some are left out."""
    steps = _shown_steps(n_steps)
    table = [[*header], *([label(t), *row] for t, row in zip(steps, rows, strict=True))]
    lines = aligned(table)
    if len(steps) < n_steps:
        lines.insert(1 + FIRST_ROWS, " ...")
    return "\n  ".join([title, *lines])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Result(Frozen):
    state_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def _names(self, n_states: int) -> tuple[str, ...]:
        return self.state_names or tuple(map(str, range(n_states)))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _BySequence(_Result, ABC):
    _starts: IntArray | None = None  # of the sequences, and the end; None where there was one, without a length
    _has_scale: ClassVar[bool] = True  # whether there is a height to read off a band
    _total: ClassVar[str]  # the attribute that says how probable each sequence is, or how good its path
    _tables: ClassVar[tuple[str, ...]]  # the attributes with a row a step

    @property
    def lengths(self) -> IntArray | None:
        """The number of steps of each sequence, (N,); None where there was one alone."""
        return None if self._starts is None else np.diff(self._starts)

    def __len__(self) -> int:
        return 1 if self._starts is None else len(self._starts) - 1

    def __getitem__(self, n: int) -> Self:
        n = range(len(self))[operator.index(n)]
        if self._starts is None:
            return self
        return replace(self, **self._part(n, slice(self._starts[n], self._starts[n + 1])), _starts=None)

    def _part(self, n: int, rows: slice) -> dict[str, Any]:
        """What is said of sequence n, which has these rows."""
        tables = {name: getattr(self, name) for name in self._tables}
        part: dict[str, Any] = {name: table[rows] for name, table in tables.items() if table is not None}
        part[self._total] = float(getattr(self, self._total)[n])
        return part

    def __iter__(self) -> Iterator[Self]:
        return map(self.__getitem__, range(len(self)))

    def _print_sequences(self, lengths: IntArray, n_states: int) -> str:
        """Print how long each sequence is, and how probable."""
        totals = getattr(self, self._total)
        return _preview(
            f"{type(self).__name__}: {len(lengths)} sequences, {lengths.sum()} steps, {n_states} states",
            ["sequence", "steps", self._total.replace("_", "-")],
            len(lengths),
            ([str(lengths[n]), four_decimals(totals[n])] for n in _shown_steps(len(lengths))),
        )

    @abstractmethod
    def _bands(self) -> tuple[FloatArray, str]:
        """What `plot` stacks: the weight of each state at each step, (T, K), and its name."""

    def plot(self, observations: npt.ArrayLike | None = None, ax: Axes | None = None) -> Axes:
        """Draw the states as bands over time, and the observations over them.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), optional
            What to draw over the bands, on a scale of its own on the right. NaN or None leaves a gap.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure without it.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the bands: steps along x, and up y the probability of each state, or the state of the best path.

        Raises
        ------
        ValueError, TypeError
            Where the observations are not T numbers, or T vectors of numbers, and of a result of several sequences:
            draw ``result[n]``.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> ax = model.smooth([0, 2, 7, 4]).plot([0, 2, 7, 4])
        >>> ax.get_ylabel()
        'probability of each state'
        """
        _checks.single_sequence(len(self))
        weights, label = self._bands()
        n_steps, n_states = weights.shape
        drawn = None if observations is None else _checks.drawn_observations(observations, n_steps)
        return plotting.bands(weights, self._names(n_states), label, self._has_scale, drawn, ax)


def logs_of(coded: FloatArray) -> FloatArray:
    """Natural logs of numbers as the kernels store them."""
    from hmmfilter import _kernels

    logs = np.empty(coded.shape)
    _kernels.take_logs(coded.reshape(-1), logs.reshape(-1))
    logs.flags.writeable = False
    return logs


def numbers_of(coded: FloatArray) -> FloatArray:
    """Probabilities as the kernels store them, without logs among them; what is below 5e-324 rounds to 0 here."""
    from hmmfilter import _kernels

    if not _kernels.has_logs(coded.reshape(-1)):
        return coded
    numbers = np.empty(coded.shape)
    _kernels.take_numbers(coded.reshape(-1), numbers.reshape(-1))
    numbers.flags.writeable = False
    return numbers


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Posterior(_BySequence):
    """A distribution over the states at every step, and the log-likelihood of the evidence."""

    _rows: FloatArray  # (T, K), and
    _rows_hold: Held = "coded"  # what they hold; plain numbers only in an array of the caller
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

    def __repr__(self) -> str:
        n_steps, n_states = self._rows.shape
        if self.lengths is not None:
            return self._print_sequences(self.lengths, n_states)
        return _preview(
            f"{type(self).__name__}: {n_steps} steps, {n_states} states, "
            f"log-likelihood {four_decimals(self.log_likelihood)}; probabilities",
            ["step", *self._names(n_states)],
            n_steps,
            ([f"{p:.4f}" for p in row] for row in self._probabilities_of(self._rows[_shown_steps(n_steps)])),
        )

    def _bands(self) -> tuple[FloatArray, str]:
        return self.probabilities, "probability of each state"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Filtered(_Posterior):
    """What is known of each state from the observations so far; returned by `forward_filter`.

    Of several sequences, the tables have all rows, one sequence after the other; ``filtered[n]`` is what is known of
    sequence n, and the result counts and iterates by sequence.

    Attributes
    ----------
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:t); each row sums to 1. What is below 5e-324 rounds to 0 here.
    log_probabilities : ndarray, (T, K)
        log p(h_t = k | v_1:t), natural logs, however small; computed on first use.
    log_increments : ndarray, (T,)
        log p(v_t | v_1:t−1), natural logs, computed on first use.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    state_names : tuple of str or None
        The names that the model gave its states.

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


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Smoothed(_Posterior):
    """What is known of each state from all observations; returned by `smooth`.

    Of several sequences, the tables have all rows, one sequence after the other; ``smoothed[n]`` is what is known of
    sequence n, and the result counts and iterates by sequence.

    Attributes
    ----------
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:T); each row sums to 1. What is below 5e-324 rounds to 0 here.
    log_probabilities : ndarray, (T, K)
        log p(h_t = k | v_1:T), natural logs, however small; computed on first use.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> smoothed = hf.smooth([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    >>> smoothed.probabilities.round(4)
    array([[0.9153, 0.0847],
           [0.2292, 0.7708]])
    """


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Path(_BySequence):
    """A state at every step, and a number that says how good they are together."""

    path: IntArray
    n_states: int
    _tables: ClassVar[tuple[str, ...]] = ("path",)
    _has_scale: ClassVar[bool] = False
    _what: ClassVar[str]  # the path is

    def __repr__(self) -> str:
        n_steps, names = len(self.path), self._names(self.n_states)
        if self.lengths is not None:
            return self._print_sequences(self.lengths, self.n_states)
        total = f"{self._total.replace('_', '-')} {four_decimals(getattr(self, self._total))}"
        return _preview(
            f"{type(self).__name__}: {n_steps} steps, {self.n_states} states, {total}",
            ["step", "state"],
            n_steps,
            ([names[k] if k >= 0 else "-1"] for k in self.path[_shown_steps(n_steps)]),
        )

    def _bands(self) -> tuple[FloatArray, str]:
        on_path = self.path[:, None] == np.arange(self.n_states)
        return on_path.astype(np.float64), self._what


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Decoded(_Path):
    """The most probable path through the states; returned by `viterbi`.

    Of several sequences, ``path`` has all steps, one sequence after the other; ``decoded[n]`` is that of sequence n,
    and the result counts and iterates by sequence.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The state at each step, from 0; all −1 where the evidence is impossible and was to be marked.
    log_joint : float or ndarray, (N,)
        log p(path, v_1:T), natural log; of several sequences, one for each.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    n_states : int
        K.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.viterbi([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]]).path
    array([0, 1])
    """

    log_joint: Any  # a float; of several sequences, (N,)
    _total: ClassVar[str] = "log_joint"
    _what: ClassVar[str] = "most probable path"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PosteriorDecoded(_Path):
    """The most probable state at each step; returned by `posterior_decode`.

    Of several sequences, ``path`` has all steps, one sequence after the other; ``decoded[n]`` is that of sequence n,
    and the result counts and iterates by sequence.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The state at each step, from 0; all −1 where the evidence is impossible and was to be marked. Taken together,
        the states may be a path that the transition forbids.
    expected_correct : float or ndarray, (N,)
        How many of the T states are right, on average over all paths, by their probabilities; no path has more.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    n_states : int
        K.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.posterior_decode([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    PosteriorDecoded: 2 steps, 2 states, expected-correct 1.6861
      step  state
         0      0
         1      1
    """

    expected_correct: Any  # a float; of several sequences, (N,)
    _total: ClassVar[str] = "expected_correct"
    _what: ClassVar[str] = "most probable state"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpectedTransitions(_Result):
    """How often each move was made, on average over all paths; returned by `expected_transitions`.

    Attributes
    ----------
    counts : ndarray, (K, K) or (N, K, K)
        Σ_t p(h_t = i, h_{t+1} = j | v_1:T) at [i, j], an expected number; of each sequence where that was asked for.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.expected_transitions([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    ExpectedTransitions: 2 states, 1.0000 moves in all
      from    to 0    to 1
         0  0.2286  0.6867
         1  0.0006  0.0841
    """

    counts: FloatArray
    log_likelihood: Any  # a float; of several sequences, (N,)

    def __repr__(self) -> str:
        total = self.counts.reshape(-1, *self.counts.shape[-2:]).sum(axis=0)
        names = self._names(len(total))
        header = ["from", *(f"to {name}" for name in names)]
        rows = [[name, *map(four_decimals, row)] for name, row in zip(names, total, strict=True)]
        title = f"ExpectedTransitions: {len(total)} states, {four_decimals(total.sum())} moves in all"
        return "\n  ".join([title, *aligned([header, *rows])])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Gradient(_Result):
    """How the log-likelihood changes with each of the logs it is made of; returned by `log_likelihood_gradient`.

    Each part has the shape of the table that it belongs to, and is a table of probabilities, or of sums of them.

    Attributes
    ----------
    log_initial : ndarray, (K,) or (N, K)
        ∂ log p(v_1:T) / ∂ log_initial, which is p(h_1 = k | v_1:T); added up over sequences that share it.
    log_transition : ndarray, (K, K) or (T − 1, K, K) or (M, K, K), or (T, K, K) with lengths
        ∂ log p(v_1:T) / ∂ log_transition, which is p(h_t = i, h_{t+1} = j | v_1:T), added up over all moves that share
        a matrix.
    log_likelihoods : ndarray, (T, K), or None
        ∂ log p(v_1:T) / ∂ log_likelihoods, which is p(h_t = k | v_1:T); None where the parameters alone were wanted.
    log_likelihood : float or ndarray, (N,)
        log p(v_1:T), natural log; of several sequences, one for each: the gradient is that of their sum.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> gradient = hf.log_likelihood_gradient([0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]])
    >>> gradient.log_initial.round(4)
    array([0.9153, 0.0847])
    """

    log_initial: FloatArray
    log_transition: FloatArray
    log_likelihoods: FloatArray | None
    log_likelihood: Any  # a float; of several sequences, (N,)

    def __repr__(self) -> str:
        parts = {"log_initial": self.log_initial, "log_transition": self.log_transition}
        parts |= {} if self.log_likelihoods is None else {"log_likelihoods": self.log_likelihoods}
        shapes = ", ".join(f"{name} {part.shape}" for name, part in parts.items())
        return f"Gradient of the log-likelihood {four_decimals(np.sum(self.log_likelihood))}: {shapes}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NBest(_BySequence):
    """The most probable paths through the states, the best first; returned by `viterbi_n_best`.

    Of several sequences, ``paths`` has all steps, one sequence after the other; ``n_best[k]`` has the paths of sequence
    k, as many as there are, and the result counts and iterates by sequence.

    Attributes
    ----------
    paths : ndarray of int, (n, T)
        The state at each step, from 0, of each path, all of them different. Where fewer are possible, there are fewer;
        of several sequences, those that there are not are all −1.
    log_joints : ndarray, (n,) or (N, n)
        log p(path, v_1:T) of each path, natural logs; of several sequences, for each, −inf where there is no path.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    n_states : int
        K.
    state_names : tuple of str or None
        The names that the model gave its states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> tables = [0.0, -1.0], [[-0.1, -2.0], [-2.0, -0.1]], [[0.0, -3.0], [-3.0, 0.0]]
    >>> n_best = hf.viterbi_n_best(*tables, n=3)
    >>> n_best.paths
    array([[0, 1],
           [0, 0],
           [1, 1]])
    >>> n_best.log_joints
    array([-2. , -3.1, -4.1])
    """

    paths: IntArray
    log_joints: FloatArray
    n_states: int

    def _part(self, n: int, rows: slice) -> dict[str, Any]:
        n_paths = np.count_nonzero(self.log_joints[n] > -np.inf)
        return {"paths": self.paths[:n_paths, rows], "log_joints": self.log_joints[n, :n_paths]}

    def __repr__(self) -> str:
        (n_paths, n_steps), names, lengths = self.paths.shape, self._names(self.n_states), self.lengths
        if lengths is not None:
            counts = np.count_nonzero(self.log_joints > -np.inf, axis=1)
            return _preview(
                f"NBest: {len(lengths)} sequences, {n_steps} steps, {self.n_states} states, up to {n_paths} paths",
                ["sequence", "steps", "paths", "best log-joint"],
                len(lengths),
                (
                    [str(lengths[n]), str(counts[n]), four_decimals(self.log_joints[n, 0])]
                    for n in _shown_steps(len(lengths))
                ),
            )
        first, *others = _shown_steps(n_steps)
        shown_paths = _shown_steps(n_paths)
        return _preview(
            f"NBest: {n_paths} paths, {n_steps} steps, {self.n_states} states",
            ["path", "log-joint", *_with_dots([f"step {first}", *map(str, others)], n_steps)],
            n_paths,
            (
                [four_decimals(log_joint), *_with_dots([names[k] for k in path], n_steps)]
                for log_joint, path in zip(
                    self.log_joints[shown_paths], self.paths[np.ix_(shown_paths, [first, *others])], strict=True
                )
            ),
        )

    def _bands(self) -> tuple[FloatArray, str]:
        weights = np.exp(self.log_joints - self.log_joints.max(initial=-np.inf))
        n_steps = self.paths.shape[1]
        table = np.zeros((n_steps, self.n_states))
        for path, weight in zip(self.paths, weights / weights.sum(), strict=True):
            table[np.arange(n_steps), path] += weight
        return table, "probability, given that it is one of these paths"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Forecast(_Result):
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
        steps = _shown_steps(n_steps)
        what, header, cells = self._shown_observations(steps)
        states = ([f"{p:.4f}" for p in row] for row in self.probabilities[steps])
        return _preview(
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
