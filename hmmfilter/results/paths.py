"""A state at every step, or several."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.plotting import Bands
from hmmfilter.results import arrays, frames, html, segments
from hmmfilter.results.base import BySequence
from hmmfilter.results.printing import DOTS, Preview, four_decimals, preview, shown_steps, with_dots

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Path(BySequence):
    """A state at every step, and a number that says how good they are together."""

    path: IntArray
    n_states: int
    _tables: ClassVar[tuple[str, ...]] = ("path",)
    _what: ClassVar[str]  # the path is

    @property
    def _shown_names(self) -> tuple[str, ...]:
        return self._names(self.n_states)

    def _shares(self, steps: slice) -> FloatArray:
        return _shares(self.path[steps], self.n_states)

    def _preview(self) -> Preview:
        n_steps, names = len(self.path), self._names(self.n_states)
        if self.lengths is not None:
            return self._shown_sequences(self.lengths, f"{self.n_states} states")
        total = f"{self._total.replace('_', '-')} {four_decimals(getattr(self, self._total))}"
        return preview(
            f"{type(self).__name__}: {n_steps} steps, {self.n_states} states, {total}",
            ["step", "state"],
            n_steps,
            ([names[k] if k >= 0 else "-1"] for k in self.path[shown_steps(n_steps)]),
            label=self._step_label,
        )

    def _table(self) -> IntArray:
        return self.path

    def _framed(self, index: Any) -> pd.DataFrame:
        return frames.frame_of_columns({"state": self._states(self.path)}, index)

    def _in_xarray(self, axis: Hashable, labels: dict[Hashable, Any]) -> xr.DataArray:
        states = _named(self.path, self.state_names)
        return arrays.data_array("state", (axis,), states, labels, **{self._total: getattr(self, self._total)})

    def _segments(self) -> tuple[IntArray, dict[str, IntArray]]:
        return segments.of(self.path, self._bounds())

    def _states(self, path: IntArray) -> Any:
        return frames.states(path, self.state_names or range(self.n_states))

    def segments(self, as_frame: bool = False) -> Any:
        """List the segments of the path: runs of steps in the same state, each as long as can be.

        Parameters
        ----------
        as_frame : bool
            Whether to make a pandas frame.

        Returns
        -------
        ndarray or pandas.DataFrame
            An array with the fields ``start`` and ``end``, the first step and the one after the last, so that
            ``path[start:end]`` is the segment; ``state``, from 0; and ``length``, a number of steps. Of several
            sequences, ``sequence`` comes first, a number, and steps count from the start of each; no segment leads from
            one into the next. A frame has the states by name and, where the observations had labels, the columns
            ``first`` and ``last``, those of the segment's first and last step; its rows are labelled by the number of
            the segment, and of several sequences by the sequence's key, or number, before it. Where the evidence is
            impossible and was to be marked, there are no segments.

        Raises
        ------
        ImportError
            For a frame without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> decoded = model.viterbi([0, 2, 7, 4, 9, 0, 0, 1])
        >>> decoded.segments()["length"]
        array([2, 3, 3])
        >>> decoded.segments(as_frame=True)  # doctest: +NORMALIZE_WHITESPACE
                 start  end state  length
        segment
        0            0    2  calm       2
        1            2    5  busy       3
        2            5    8  calm       3
        """
        numbers, columns = self._segments()
        if not as_frame:
            several = {} if self._starts is None else {"sequence": numbers}
            return segments.structured({**several, **columns})
        rows = self._bounds()[numbers]
        index = frames.labels(segments.counted(numbers), "segment")
        if self._starts is not None:
            counts = np.bincount(numbers, minlength=len(self._starts) - 1)
            index = frames.labels_by_sequence(self.keys(), self._labels.key_names, counts, index)
        more = {}
        if self.index is not None:
            more = {"first": self.index[rows + columns["start"]], "last": self.index[rows + columns["end"] - 1]}
        return frames.frame_of_columns({**columns, "state": self._states(columns["state"]), **more}, index)

    @property
    def occupancy(self) -> npt.NDArray[Any]:
        """How long each state lasts in all.

        Returns
        -------
        ndarray, (K,)
            With the fields ``steps``, a number, and ``share``, of all steps. Steps where the evidence is impossible and
            was to be marked are in no state.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.viterbi([0, 2, 7, 4, 9, 0, 0, 1]).occupancy["share"]
        array([0.625, 0.375])
        """
        return segments.occupancy(_counts(self.path, self.n_states), len(self.path))

    @property
    def visits(self) -> IntArray:
        """How often each state is entered, or begun in: the number of its segments.

        Returns
        -------
        ndarray of int, (K,)
            Of several sequences, those in all of them.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> model.viterbi([0, 2, 7, 4, 9, 0, 0, 1]).visits
        array([2, 1])
        """
        _, columns = self._segments()
        return np.bincount(columns["state"], minlength=self.n_states)

    def _bands(self) -> Bands:
        on_path = self.path[:, None] == np.arange(self.n_states)
        return Bands(on_path.astype(np.float64), self._names(self.n_states), self._what, has_scale=False)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Decoded(_Path):
    """The most probable path through the states; returned by `viterbi`.

    It reads as its path does: ``len``, iteration, brackets, and `numpy.asarray`. Of several sequences, ``path`` has all
    steps, one sequence after the other, and the result counts and iterates by sequence; ``decoded[n]`` is that of
    sequence n, or ``decoded[key]`` where they had keys.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The state at each step, from 0; all −1 where the evidence is impossible and was to be marked.
    log_joint : float or ndarray, (N,)
        log p(path, v_1:T), natural log; of several sequences, one for each.
    ages : ndarray of int, (T,), or None
        How long the sojourn has lasted at each step, that included, where sojourns have durations: see
        `hmmfilter.transitions.Durations`. A new one begins where it is 1, also of the same state.
    restarts : ndarray of int, or list of N of them, or None
        The steps at which the chain starts afresh, where it may: with ``impossible="restart"``.
    lengths : ndarray of int, (N,), or None
        The number of steps of each sequence; None where there was one alone.
    index : pandas.Index, (T,), or None
        The labels of the steps, where the observations had any.
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
    ages: IntArray | None = None
    _tables: ClassVar[tuple[str, ...]] = ("path", "ages")
    _total: ClassVar[str] = "log_joint"
    _what: ClassVar[str] = "most probable path"

    def _segments(self) -> tuple[IntArray, dict[str, IntArray]]:
        return segments.of(self.path, self._bounds(), self.ages)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@as_in(Decoded)
class PosteriorDecoded(_Path):
    """The most probable state at each step; returned by `posterior_decode`.

    It reads as its path does: ``len``, iteration, brackets, and `numpy.asarray`. Of several sequences, ``path`` has all
    steps, one sequence after the other, and the result counts and iterates by sequence; ``decoded[n]`` is that of
    sequence n, or ``decoded[key]`` where they had keys.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The state at each step, from 0; all −1 where the evidence is impossible and was to be marked. Taken together,
        the states may be a path that the transition forbids.
    expected_correct : float or ndarray, (N,)
        How many of the T states are right, on average over all paths, by their probabilities; no path has more.
    lengths, index, n_states, state_names
        As in `Decoded`.

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
@as_in(Decoded)
class NBest(BySequence):
    """The most probable paths through the states, the best first; returned by `viterbi_n_best`.

    It reads as the table of its paths does: ``n_best[0]`` is the best. Of several sequences, ``paths`` has all steps,
    one sequence after the other, and the result counts and iterates by sequence; ``n_best[k]`` has the paths of
    sequence k, as many as there are, or ``n_best[key]`` where they had keys.

    Attributes
    ----------
    paths : ndarray of int, (n, T)
        The state at each step, from 0, of each path, all of them different. Where fewer are possible, there are fewer;
        of several sequences, those that there are not are all −1.
    log_joints : ndarray, (n,) or (N, n)
        log p(path, v_1:T) of each path, natural logs; of several sequences, for each, −inf where there is no path.
    lengths, index, n_states, state_names
        As in `Decoded`.

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

    def _table(self) -> IntArray:
        return self.paths

    def _n_steps(self) -> int:
        return int(self.paths.shape[1])

    def _n_rows(self) -> int:
        return len(self.paths)

    def _framed(self, index: Any) -> pd.DataFrame:
        names = self.state_names or range(self.n_states)
        return frames.frame_of_columns({n: frames.states(path, names) for n, path in enumerate(self.paths)}, index)

    def _in_xarray(self, axis: Hashable, labels: dict[Hashable, Any]) -> xr.DataArray:
        states = _named(self.paths, self.state_names)
        labels["path"] = list(range(len(states)))
        return arrays.data_array("state", ("path", axis), states, labels, log_joints=self.log_joints)

    def _part(self, n: int, rows: slice) -> dict[str, Any]:
        n_paths = np.count_nonzero(self.log_joints[n] > -np.inf)
        return {"paths": self.paths[:n_paths, rows], "log_joints": self.log_joints[n, :n_paths]}

    @property
    def _shown_names(self) -> tuple[str, ...]:
        return self._names(self.n_states)

    def _shares(self, steps: slice) -> FloatArray:
        return _shares(self.paths[0, steps], self.n_states)

    def _strip(self, path: IntArray) -> html.Strip:
        return html.strip_of(lambda steps: _shares(path[steps], self.n_states), 0, len(path))

    def _repr_html_(self) -> str:
        if self._starts is not None:
            return super()._repr_html_()
        strips = [self._strip(path) for path in self.paths[shown_steps(len(self.paths))]]
        return html.of_several(self._preview(), self._shown_names, strips)

    def _preview(self) -> Preview:
        (n_paths, n_steps), names, lengths = self.paths.shape, self._names(self.n_states), self.lengths
        if lengths is not None:
            counts = np.count_nonzero(self.log_joints > -np.inf, axis=1)
            return preview(
                f"NBest: {len(lengths)} sequences, {n_steps} steps, {self.n_states} states, up to {n_paths} paths",
                ["sequence", "steps", "paths", "best log-joint"],
                len(lengths),
                (
                    [str(lengths[n]), str(counts[n]), four_decimals(self.log_joints[n, 0])]
                    for n in shown_steps(len(lengths))
                ),
                label=self._key_label,
            )
        steps, shown_paths = shown_steps(n_steps), shown_steps(n_paths)
        heads = [self._step_label(t) if t > 0 else f"step {self._step_label(0)}" for t in steps]
        return preview(
            f"NBest: {n_paths} paths, {n_steps} steps, {self.n_states} states",
            ["path", "log-joint", *with_dots(heads, n_steps, DOTS)],
            n_paths,
            (
                [four_decimals(log_joint), *with_dots([names[k] for k in path], n_steps, DOTS)]
                for log_joint, path in zip(
                    self.log_joints[shown_paths],
                    self.paths[shown_paths][:, steps],
                    strict=True,
                )
            ),
        )

    def _bands(self) -> Bands:
        weights = np.exp(self.log_joints - self.log_joints.max(initial=-np.inf))
        n_steps = self.paths.shape[1]
        table = np.zeros((n_steps, self.n_states))
        for path, weight in zip(self.paths, weights / weights.sum(), strict=True):
            table[np.arange(n_steps), path] += weight
        label = "probability, given that it is one of these paths"
        return Bands(table, self._names(self.n_states), label, has_scale=True)


def _named(path: IntArray, names: Sequence[str] | None) -> npt.NDArray[Any]:
    """States by name, None where they are marked; by number without names."""
    if names is None:
        return path
    named: npt.NDArray[Any] = np.array([*names, None], dtype=object)[path]  # of which −1 is the last
    return named


def _counts(path: IntArray, n_states: int) -> IntArray:
    """How many steps each state has, (K,); those that are marked count for none."""
    return np.bincount(path[path >= 0], minlength=n_states)


def _shares(path: IntArray, n_states: int) -> FloatArray:
    """The share of the steps that each state has, (K,)."""
    return _counts(path, n_states) / len(path)
