"""Sojourns whose lengths have distributions of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._ages import ages_of, sums_from
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._distributions import most_likely
from hmmfilter._kernels.ages import Ages
from hmmfilter.emissions.protocol import log_of
from hmmfilter.results.outline import Column
from hmmfilter.stationarity import settled
from hmmfilter.transitions.protocol import Moved, Printed, Told


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Durations(Printed):
    """States that last as long as distributions of their own say: a hidden semi-Markov chain.

    Of each sojourn, its length is drawn first, then which state follows. In a plain chain all lengths are geometric;
    here they have any distribution up to D steps. A state may follow itself: that is a new sojourn, and
    `Decoded.segments` tells the two apart.

    Questions are answered by age, that is, by how long a sojourn has lasted, in O(T (K D + K²)). Tables of posteriors
    have K columns, and their entries are sums over ages.

    Parameters
    ----------
    durations : array_like, (K, D)
        p(a sojourn of state k lasts d steps) at [k, d − 1]; rows sum to 1.
    moves : array_like, (K, K)
        p(the next sojourn is of state j, after one of i) at [i, j]; rows sum to 1.
    cut : bool
        Whether the last sojourn may go on after the last step; else it ends there.
    normalize : bool
        Whether to divide each row by its sum, whatever that is.

    Attributes
    ----------
    n_states, n_ages : int
        K, and D.
    hazards : ndarray, (K, D)
        p(a sojourn ends after d steps, once it has come to d); 0 where none does.

    Raises
    ------
    ValueError, TypeError
        Where a row is no distribution.

    Notes
    -----
    The first sojourn begins with the first step, or, where `hmmfilter.HMM` or a function of tables is given an initial
    distribution of shape (K, D), it may be of any age d by then, at [k, d − 1]; of each of several sequences
    (N, K, D).
    A model with ``initial="stationary"`` begins like that, anywhere in a sojourn.

    With ``cut=False`` the last row of a filter knows, as a smoother's does, that the sojourn ends there.

    Finite logs are at most 1e10 in magnitude. Of equally probable paths, `hmmfilter.viterbi` returns one. What it finds
    are the most probable sojourns; two ways to divide the same path into sojourns are not added up.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section IV.D. Guédon, "Estimating
    hidden semi-Markov chains from discrete sequences", Journal of Computational and Graphical Statistics 12 (2003).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> dice = hf.transitions.Durations([[0.0, 0.0, 0.2, 0.8], [0.5, 0.5, 0.0, 0.0]], [[0, 1], [1, 0]])
    >>> dice
    Durations: 2 states, up to 4 steps
      state  lasts  from  to    to 0    to 1
          0    3.8     3   4  0.0000  1.0000
          1    1.5     1   2  1.0000  0.0000
    >>> fair, loaded = [1 / 6] * 6, [0.1] * 5 + [0.5]
    >>> casino = hf.HMM([0.5, 0.5], dice, hf.emissions.Categorical([fair, loaded]), state_names=["fair", "loaded"])
    >>> casino.viterbi([0, 3, 1, 2, 5, 5, 4, 0, 2, 1]).segments()["length"]
    array([4, 2, 4])
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset({"durations", "moves"})
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    durations: FloatArray
    moves: FloatArray
    cut: bool = True

    def __init__(
        self, durations: npt.ArrayLike, moves: npt.ArrayLike, cut: bool = True, *, normalize: bool = False
    ) -> None:
        lengths = _checks.durations_of(durations, normalize)
        self._freeze(
            durations=lengths,
            moves=_checks.moves_of(moves, len(lengths), normalize),
            cut=_checks.flag("cut", cut),
        )

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.durations)

    @property
    def n_ages(self) -> int:
        """D, the most steps that a sojourn may last."""
        return int(self.durations.shape[1])

    @cached_property
    def _reaches(self) -> FloatArray:
        """p(a sojourn lasts d steps or longer), (K, D)."""
        return sums_from(self.durations)

    @cached_property
    def _by_age(self) -> Ages:
        return ages_of(self.durations, self.moves, self.cut)

    def _ages(self) -> Ages:
        """What the recursion by age takes."""
        return self._by_age

    @property
    def hazards(self) -> FloatArray:
        """Tell how probable it is that a sojourn ends, at each age that it may come to.

        Returns
        -------
        ndarray, (K, D)
            p(it lasts d steps) / p(it lasts d steps or longer) at [k, d − 1]; 0 where none lasts so long.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Durations([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [[0, 1], [1, 0]]).hazards
        array([[0.5, 0.5, 1. ],
               [0. , 1. , 0. ]])
        """
        hazards: FloatArray = np.divide(
            self.durations, self._reaches, out=np.zeros(self.durations.shape), where=self._reaches > 0
        )
        return hazards

    def sojourn_times(self) -> FloatArray:
        """Compute how long a sojourn of each state lasts on average.

        Returns
        -------
        ndarray, (K,)
            Numbers of steps, from 1 up.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Durations([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [[0, 1], [1, 0]]).sojourn_times()
        array([1.75, 2.  ])
        """
        times: FloatArray = self._reaches.sum(axis=1)
        return times

    def stationary(self) -> FloatArray:
        """Compute which share of the time each state has in the long run.

        Returns
        -------
        ndarray, (K,)
            Shares, which sum to 1.

        Raises
        ------
        ValueError
            Where there is more than one such distribution, or one that doubles cannot hold.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Durations([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [[0, 1], [1, 0]]).stationary().round(4)
        array([0.4667, 0.5333])
        """
        shares: FloatArray = self.stationary_ages().sum(axis=1)
        return shares

    def stationary_ages(self) -> FloatArray:
        """Compute which share of the time each state has in the long run, by how long its sojourn has lasted.

        Returns
        -------
        ndarray, (K, D)
            Shares, which sum to 1: what a model begins with whose ``initial`` is "stationary".

        Raises
        ------
        ValueError
            As `stationary`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Durations([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [[0, 1], [1, 0]]).stationary_ages().round(4)
        array([[0.2667, 0.1333, 0.0667],
               [0.2667, 0.2667, 0.    ]])
        """
        leaving = np.where(np.eye(self.n_states, dtype=np.bool_), 0.0, self.moves)
        time = settled(leaving)[:, np.newaxis] * self._reaches
        shares: FloatArray = time / time.sum()
        return shares

    def to_dense(self) -> FloatArray:
        """Make the matrix of the same chain whose states are pairs of a state and an age.

        State k of age d has the number k D + d − 1. At ages that no sojourn comes to, it ends. A plain chain by this
        matrix that begins with ``expanded(initial)``, with each column of likelihoods D times, says the same; with
        ``cut=False``, once the likelihoods of the last step are multiplied by ``hazards``.

        Returns
        -------
        ndarray, (K D, K D)
            Probabilities; rows sum to 1.

        Raises
        ------
        ValueError
            Where it does not fit into memory.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Durations([[0.5, 0.5], [0.0, 1.0]], [[0, 1], [1, 0]]).to_dense()
        array([[0. , 0.5, 0.5, 0. ],
               [0. , 0. , 1. , 0. ],
               [0. , 0. , 0. , 1. ],
               [1. , 0. , 0. , 0. ]])
        """
        n_states, n_ages = self.durations.shape
        _checks.dense_in_memory(n_states * n_ages)
        dense = np.zeros((n_states, n_ages, n_states, n_ages))
        ends = np.where(self._reaches > 0, self.hazards, 1.0)
        dense[:, :, :, 0] = ends[:, :, np.newaxis] * self.moves[:, np.newaxis, :]
        ages = np.arange(n_ages - 1)
        for k in range(n_states):
            reaches = self._reaches[k]
            goes_on = np.divide(reaches[1:], reaches[:-1], out=np.zeros(n_ages - 1), where=reaches[:-1] > 0)
            dense[k, ages, k, ages + 1] = goes_on
        size = n_states * n_ages
        matrix: FloatArray = dense.reshape(size, size)
        return matrix

    def expanded(self, initial: npt.ArrayLike) -> FloatArray:
        """Make the initial distribution of the states of `to_dense`.

        Parameters
        ----------
        initial : array_like, (K,) or (K, D)
            What a sequence begins with: states, whose sojourns begin there, or states and ages.

        Returns
        -------
        ndarray, (K D,)
            Probabilities of pairs of a state and an age.

        Raises
        ------
        ValueError, TypeError
            Where it is no distribution, or of ages that no sojourn comes to.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Durations([[0.5, 0.5], [0.0, 1.0]], [[0, 1], [1, 0]]).expanded([0.25, 0.75])
        array([0.25, 0.  , 0.75, 0.  ])
        """
        start = _checks.initial_of(initial, self.durations, False)
        table = np.zeros(self.durations.shape)
        if start.ndim == 1:
            table[:, 0] = start
        else:
            table[:] = start
        return table.ravel()

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset()

    def _told(self, beside: Beside) -> Told:
        return Told(np.zeros((1, 0)), None)

    def _given(self) -> dict[str, BoolArray]:
        return {}

    def _admit(self, prior: Any) -> None:
        _checks.no_prior_of_durations(prior)

    def _parameters(self) -> dict[str, FloatArray]:
        return {"durations": self.durations, "moves": self.moves}

    def _with(self, parameters: dict[str, FloatArray]) -> Durations:
        return Durations(parameters["durations"], parameters["moves"], self.cut)

    def _counts(self, moved: Moved) -> Any:
        """How often sojourns ended and went on; those that the sequence ends with end there, if it is not cut."""
        return moved.slopes if self.cut else moved.slopes.whole()

    def _maximised(self, moved: Moved, prior: Any, groups: dict[str, IntArray]) -> Durations:
        counts = self._counts(moved)
        moves = most_likely(counts.moves, self.moves, groups["moves"])
        _checks.whole_durations(groups["durations"], self.durations)
        are_learnt = (groups["durations"] >= 0).any(axis=1, keepdims=True)
        durations = np.where(are_learnt, self._from_hazards(counts), self.durations)
        return Durations(durations, moves, self.cut)

    def _from_hazards(self, counts: Any) -> FloatArray:
        """The durations that are most likely: of those that come to an age, so many end there [1]_.

        Sojourns that went on after the end count for the ages before; those that had begun before the beginning for the
        ages from then on. Where nobody came to an age, it is as before from there on.

        References
        ----------
        .. [1] Kaplan, Meier, "Nonparametric estimation from incomplete observations", Journal of the American
           Statistical Association 53 (1958), equation (3).
        """
        begun_later = np.where(np.arange(self.n_ages) > 0, counts.begun, 0.0)
        left = sums_from(counts.ended + counts.going_on) - sums_from(begun_later)
        going_on = np.append(np.maximum(left[:, 1:], 0.0), np.zeros((self.n_states, 1)), axis=1)
        at_risk = counts.ended + going_on
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.where(at_risk > 0, counts.ended / at_risk, self.hazards)
            goes_on = np.where(at_risk > 0, going_on / at_risk, self._going_on)
        reached = np.cumprod(np.append(np.ones((self.n_states, 1)), goes_on[:, :-1], axis=1), axis=1)
        last = (self.durations > 0) & (self._going_on == 0)
        shares = reached * np.where(last, 1.0, ends)
        durations: FloatArray = shares / shares.sum(axis=1, keepdims=True)
        return durations

    @property
    def _going_on(self) -> FloatArray:
        """p(a sojourn goes on after d steps, once it has come to d), (K, D)."""
        after = np.append(self._reaches[:, 1:], np.zeros((self.n_states, 1)), axis=1)
        shares: FloatArray = np.divide(after, self._reaches, out=np.zeros(after.shape), where=self._reaches > 0)
        return shares

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        counts, reaches = self._counts(moved), np.where(self._reaches > 0, self._reaches, np.inf)
        later = np.where(np.arange(self.n_ages) > 0, counts.begun, 0.0)
        own = np.divide(counts.ended, self.durations, out=np.zeros(self.durations.shape), where=self.durations > 0)
        censored = np.cumsum((counts.going_on - later) / reaches, axis=1)
        moves = np.divide(counts.moves, self.moves, out=np.zeros(self.moves.shape), where=self.moves > 0)
        return {"durations": own + censored, "moves": moves}

    def _natural(self) -> FloatArray:
        return np.concatenate([log_of(self.durations).ravel(), log_of(self.moves).ravel()])

    def _of_natural(self, vector: FloatArray) -> Durations | None:
        with np.errstate(over="ignore", invalid="ignore"):
            weights = np.exp(vector)
        parts = np.split(weights, [self.durations.size])
        tables = (part.reshape(like.shape) for part, like in zip(parts, (self.durations, self.moves), strict=True))
        durations, moves = (table / table.sum(axis=1, keepdims=True) for table in tables)
        return Durations(durations, moves, self.cut) if np.isfinite(weights).all() else None

    def _reordered(self, order: IntArray) -> Durations:
        return Durations(self.durations[order], self.moves[np.ix_(order, order)], self.cut)

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        plotting.draw_durations(ax, self.durations, names)

    def _title(self) -> str:
        return f"{super()._title()}, up to {self.n_ages} steps{'' if self.cut else ', the last sojourn whole'}"

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        last = (self._reaches > 0).sum(axis=1)
        return [
            ("lasts", self.sojourn_times(), ".4g"),
            ("from", (self.durations > 0).argmax(axis=1) + 1, "d"),
            ("to", last, "d"),
            *((f"to {name}", column, ".4f") for name, column in zip(names, self.moves.T, strict=True)),
        ]
