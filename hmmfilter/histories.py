"""Chains of higher order: the next state depends on the last n, which are one state of an ordinary chain.

References
----------
Mari, Haton, Kriouile, "Automatic word recognition based on second-order hidden Markov models", IEEE Transactions on
Speech and Audio Processing 5 (1997). du Preez, "Efficient training of high-order hidden Markov models using first-order
representations", Computer Speech and Language 12 (1998), for the chain of histories.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, Frozen, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Emission
from hmmfilter.lse import logsumexp
from hmmfilter.model import HMM
from hmmfilter.results import Decoded, Filtered, Fitted, Smoothed

History = tuple[int, ...]


def higher_order(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    emission: Emission,
    state_names: Sequence[str] | None = None,
    *,
    normalize: bool = False,
) -> HigherOrder:
    """Make a hidden Markov model whose next state depends on the last n states.

    It runs on an ordinary model, ``histories``, of which a state is the last n states, or as many as there were at the
    beginning of a sequence. All answers of that one are exact, and those below are folded back: what is known of each
    state is the sum over all histories that end in it.

    Parameters
    ----------
    initial : array_like, (K, ..., K) of n axes
        p(h_1, ..., h_n) of the first n states; all entries sum to 1.
    transition : array_like, (K, ..., K) of n + 1 axes
        p(h_{t+1} | h_{t−n+1}, ..., h_t), of which the last axis is the next state and sums to 1.
    emission : Emission
        One of `hmmfilter.emissions`, of K states.
    state_names : list of str, optional
        K different names; without them, the states' numbers.
    normalize : bool
        Whether to divide `initial` and each row of `transition` by their sums, whatever these are.

    Returns
    -------
    HigherOrder
        The model.

    Raises
    ------
    ValueError, TypeError
        Where an argument is not as above.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> turns = [[[0.9, 0.1], [0.1, 0.9]], [[0.9, 0.1], [0.1, 0.9]]]  # each as the one before, whatever was before
    >>> model = hf.higher_order([[0.25, 0.25], [0.25, 0.25]], turns, hf.emissions.Bernoulli([0.1, 0.8]))
    >>> model
    HigherOrder: order 2, 2 states, 6 histories, Bernoulli emission
    >>> model.smooth([0, 1, 1]).probabilities.round(4)
    array([[0.8182, 0.1818],
           [0.0283, 0.9717],
           [0.0283, 0.9717]])
    """
    table = _checks.higher_transition(transition, normalize)
    n_states, order = len(table), table.ndim - 1
    start = _checks.joint_distribution("initial", initial, (n_states,) * order, normalize)
    _checks.emission(emission, n_states)
    _checks.reorderable(emission)
    names = _checks.state_names(state_names, n_states)
    histories = _histories(n_states, order)
    last = np.array([history[-1] for history in histories])
    of_first, moves = _chain(start, table, histories)
    own: Any = emission
    titles = [" ".join(names[k] for k in history) for history in histories]
    model = HMM(of_first, moves, own._reordered(last), titles if len(set(titles)) == len(titles) else None)
    return HigherOrder(start, table, emission, names, model, last)


def _histories(n_states: int, order: int) -> list[History]:
    """All runs of up to so many states: those of one, of two, ..."""
    return [run for length in range(1, order + 1) for run in itertools.product(range(n_states), repeat=length)]


def _chain(initial: FloatArray, transition: FloatArray, histories: list[History]) -> tuple[FloatArray, FloatArray]:
    """Where histories begin, and how they move."""
    order, n_states = initial.ndim, len(initial)
    joints = [initial]  # of the first n states, of n − 1, ..., of one
    while joints[-1].ndim > 1:
        joints.append(joints[-1].sum(axis=-1))
    number_of = {history: number for number, history in enumerate(histories)}
    moves = np.zeros((len(histories), len(histories)))
    for number, history in enumerate(histories):
        if len(history) == order:
            shares = transition[history]
        else:
            ahead = joints[order - len(history) - 1][history]
            total = ahead.sum()  # 0 of what never begins, for which any shares will do
            shares = ahead / total if total > 0 else np.full(n_states, 1 / n_states)
        following = [number_of[(*history, k)[-order:]] for k in range(n_states)]
        moves[number, following] = shares
    first = np.zeros(len(histories))
    first[:n_states] = joints[-1]
    return first, moves


@dataclass(frozen=True, eq=False)
class HigherOrder(Frozen):
    """A hidden Markov model whose next state depends on the last n states, as `higher_order` makes it.

    Attributes
    ----------
    initial, transition, emission, state_names
        As given to `higher_order`.
    histories : HMM
        The ordinary model that it runs on. Its states are all runs of one state, then all of two, up to n, as the
        beginnings of sequences need them; only those of n come back. It answers whatever is not folded back here, saves
        as JSON, and runs in streams.
    last : ndarray of int, (H,)
        In which state each history ends.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> model = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), hf.emissions.Poisson([1.0, 5.0]))
    >>> model.histories.state_names
    ('0', '1', '0 0', '0 1', '1 0', '1 1')
    """

    initial: FloatArray
    transition: FloatArray
    emission: Any
    state_names: tuple[str, ...]
    histories: HMM
    last: IntArray

    @property
    def order(self) -> int:
        """n, on how many states the next one depends."""
        return self.initial.ndim

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.initial)

    def __repr__(self) -> str:
        return (
            f"HigherOrder: order {self.order}, {self.n_states} states, {len(self.last)} histories, "
            f"{type(self.emission).__name__} emission"
        )

    @as_in(HMM.filter)
    def log_likelihood(self, observations: Any, *, lengths: npt.ArrayLike | None = None, covariates: Any = None) -> Any:
        """Compute the log-probability of observations.

        Parameters
        ----------
        observations, lengths, covariates
            As in `HMM.filter`.

        Returns
        -------
        float or ndarray, (N,)
            log p(v_1:T), natural log; of several sequences, one for each.

        Raises
        ------
        ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), hf.emissions.Bernoulli([0.1, 0.9]))
        >>> round(model.log_likelihood([0, 1, 1]), 6)
        -2.079442
        """
        return self.histories.log_likelihood(observations, lengths=lengths, covariates=covariates)

    @as_in(HMM.filter)
    def filter(self, observations: Any, *, lengths: npt.ArrayLike | None = None, covariates: Any = None) -> Filtered:
        """Compute what is known of each state from the observations so far.

        Parameters
        ----------
        observations, lengths, covariates
            As in `HMM.filter`.

        Returns
        -------
        Filtered
            Of the K states; those of histories are ``histories.filter(observations)``.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), hf.emissions.Bernoulli([0.1, 0.9]))
        >>> model.filter([0, 1, 1]).probabilities.round(4)
        array([[0.9, 0.1],
               [0.1, 0.9],
               [0.1, 0.9]])
        """
        filtered = self.histories.filter(observations, lengths=lengths, covariates=covariates)
        rows, increments = self._folded(filtered.log_probabilities), filtered.log_increments
        names = self.state_names
        return replace(filtered, _rows=rows, _rows_hold="logs", _increments=increments, state_names=names)

    @as_in(HMM.filter)
    def smooth(self, observations: Any, *, lengths: npt.ArrayLike | None = None, covariates: Any = None) -> Smoothed:
        """Compute what is known of each state from all observations.

        Parameters
        ----------
        observations, lengths, covariates
            As in `HMM.filter`.

        Returns
        -------
        Smoothed
            Of the K states; those of histories are ``histories.smooth(observations)``.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> alternating = [[[0.0, 1.0], [0.9, 0.1]], [[0.1, 0.9], [1.0, 0.0]]]  # a state that came twice is left
        >>> model = hf.higher_order(np.full((2, 2), 0.25), alternating, hf.emissions.Bernoulli([0.2, 0.8]))
        >>> model.smooth([0, 0, 0]).probabilities[:, 0].round(4)
        array([0.77, 0.53, 0.5 ])
        """
        smoothed = self.histories.smooth(observations, lengths=lengths, covariates=covariates)
        rows = self._folded(smoothed.log_probabilities)
        return replace(smoothed, _rows=rows, _rows_hold="logs", state_names=self.state_names)

    @as_in(HMM.filter)
    def viterbi(self, observations: Any, *, lengths: npt.ArrayLike | None = None, covariates: Any = None) -> Decoded:
        """Find the most probable path through the states.

        Parameters
        ----------
        observations, lengths, covariates
            As in `HMM.filter`.

        Returns
        -------
        Decoded
            Of the K states. No two paths of histories are one of states, so that it is the most probable of all.

        Raises
        ------
        ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.filter`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> alternating = [[[0.0, 1.0], [0.9, 0.1]], [[0.1, 0.9], [1.0, 0.0]]]
        >>> model = hf.higher_order(np.full((2, 2), 0.25), alternating, hf.emissions.Bernoulli([0.2, 0.8]))
        >>> model.viterbi([0, 0, 0, 0]).path
        array([0, 0, 1, 0])
        """
        decoded = self.histories.viterbi(observations, lengths=lengths, covariates=covariates)
        return replace(decoded, path=self.last[decoded.path], n_states=self.n_states, state_names=self.state_names)

    @as_in(HMM.simulate)
    def simulate(self, length: int, rng: np.random.Generator | int | None = None) -> tuple[IntArray, npt.NDArray[Any]]:
        """Draw a path of states and the observations that it shows.

        Parameters
        ----------
        length : int
            T, at least 1.
        rng
            As in `HMM.simulate`.

        Returns
        -------
        states : ndarray of int, (T,)
            The path, from 0.
        observations : ndarray, (T,) or (T, D)
            What the emission draws from each state.

        Raises
        ------
        ValueError, TypeError
            Where the length is not an integer from 1 up, or `rng` neither a generator nor a seed.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> alternating = [[[0.0, 1.0], [0.9, 0.1]], [[0.1, 0.9], [1.0, 0.0]]]
        >>> model = hf.higher_order(np.full((2, 2), 0.25), alternating, hf.emissions.Bernoulli([0.2, 0.8]))
        >>> model.simulate(8, rng=0)[0].tolist()
        [1, 0, 0, 1, 0, 1, 0, 1]
        """
        states, observations = self.histories.simulate(length, rng)
        return self.last[states], observations

    @as_in(HMM.fit)
    def fit(self, observations: Any, *, lengths: npt.ArrayLike | None = None, **options: Any) -> Fitted:
        """Find the most probable model for observations, climbing from this one.

        Parameters
        ----------
        observations, lengths
            As in `HMM.fit`.
        options : any
            What else `HMM.fit` takes, but for ``tied``: all histories that end in a state show the same.

        Returns
        -------
        Fitted
            Of the histories; ``model.of(fitted.model)`` is the model of higher order.

        Raises
        ------
        DegenerateFitError, ImpossibleEvidenceError, ValueError, TypeError
            As in `HMM.fit`.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> start = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), hf.emissions.Bernoulli([0.2, 0.8]))
        >>> fitted = start.fit([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1] * 4, fixed="emission")
        >>> start.of(fitted.model).transition[0].round(2)
        array([[0., 1.],
               [1., 0.]])
        """
        of_all = getattr(self.emission, "_of_all", ())
        tied = {f"emission.{name}": self.last for name in self.emission._parameters() if name not in of_all}
        return self.histories.fit(observations, lengths=lengths, tied=tied, **options)

    def of(self, histories: HMM) -> HigherOrder:
        """Make the model of higher order that a model of its histories is, as one that was fitted.

        Parameters
        ----------
        histories : HMM
            One of the states of `HigherOrder.histories`, in their order, that moves only where that one might.

        Returns
        -------
        HigherOrder
            The model.

        Raises
        ------
        ValueError
            Where there are other histories.

        Examples
        --------
        >>> import numpy as np
        >>> import hmmfilter as hf
        >>> model = hf.higher_order(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), hf.emissions.Bernoulli([0.2, 0.8]))
        >>> np.array_equal(model.of(model.histories).transition, model.transition)
        True
        """
        _checks.as_many_histories(histories.n_states, len(self.last))
        runs, matrix = _histories(self.n_states, self.order), cast("Any", histories.transition)
        number_of = {run: number for number, run in enumerate(runs)}
        joint = histories.initial[: self.n_states]
        for length in range(1, self.order):
            shape = (self.n_states,) * (length + 1)
            pairs = [matrix[number_of[run[:-1]], number_of[run]] for run in runs if len(run) == length + 1]
            joint = joint[..., np.newaxis] * np.reshape(pairs, shape)
        moves = [
            matrix[number_of[run], number_of[(*run, k)[-self.order :]]]
            for run in runs
            if len(run) == self.order
            for k in range(self.n_states)
        ]
        table = np.reshape(moves, (self.n_states,) * (self.order + 1))
        emission: Any = histories.emission
        of_states = emission._reordered(np.arange(self.n_states))
        return higher_order(joint, table, of_states, self.state_names)

    def _folded(self, log_probabilities: FloatArray) -> FloatArray:
        """Sums over all histories that end in each state, (T, K), of logs (T, H)."""
        ending = np.argsort(self.last, kind="stable").reshape(self.n_states, -1)
        rows: FloatArray = logsumexp(log_probabilities[:, ending], axis=-1)
        return rows
