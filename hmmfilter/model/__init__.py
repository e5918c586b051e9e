"""The model: probabilities in, validated once, logs taken once, frozen.

Conventions, for the whole library:

- Time comes first: a table of T steps and K states has shape (T, K). Steps, states and sequences count from 0.
- Several sequences stand one after the other in one table, and their lengths beside it. They start afresh, each from
  the initial distribution, and have nothing to do with each other. Some, or all, may have no steps: a log-likelihood of
  0, empty tables, and one path, the empty one, with a log-joint of 0. An input without ``lengths`` must have a step.
- An emission of numbers or symbols takes ``[v, ...]`` or a column: ``[[v], ...]``, a table of shape (T, 1), a frame of
  one column. All of these are one sequence. A list whose entries are not all rows of one is a list of sequences; where
  yours may all happen to have a single step, give ``lengths``. An emission of vectors takes tables of shape (T, D), or
  a list of them. What an emission of your own takes is handed to it as it is.
- Sequences may have keys: those of a dict of sequences, for an emission of this library, or of the groups of a pandas
  frame or series, for any. Of a frame that is grouped, the columns that are chosen count, and else all but those with
  the names of the keys. Results have the sequences in the order of the keys, and answer by key.
- ``transition[i, j]`` is p(h_{t+1} = j | h_t = i): from row to column, so that rows sum to 1. One that changes from
  step to step has shape (T − 1, K, K): entry t leads from step t to step t + 1.
- v_t is the observation and h_t the hidden state of step t; v_1:t are the observations from the first step to step t.
- All logs are natural, and a name that starts with ``log_`` says so. The log of an impossibility is −inf. Finite ones
  are at most 1e22 in magnitude, and their sums are exact: beyond some 1e13, doubles lie further apart than states that
  are as likely, and answers are right for the table as given.
- A probability of zero is exactly that, and stays so; nothing is added, clipped or floored.
- A missing observation is no evidence: log-likelihood 0 in every state. It is None, NaN, a masked entry or the NA of
  pandas, also for a whole vector.
- Rows are steps, whatever their labels say: a day that has no row is no step, until ``series.asfreq("D")`` gives it one
  that is missing. The entries of vectors are told by their place, not by the names of columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, learning, plotting, smoothing, storage
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Emission
from hmmfilter.emissions.protocol import log_of
from hmmfilter.model.paths import Paths
from hmmfilter.model.posteriors import Posteriors
from hmmfilter.model.questions import Given, chain_of, settled, start_of
from hmmfilter.model.residuals import Residuals
from hmmfilter.model.simulation import Simulation
from hmmfilter.model.streams import Streams
from hmmfilter.model.tables import Tables
from hmmfilter.results import Fitted, html
from hmmfilter.results.outline import Column, outline
from hmmfilter.stationarity import stationary_distribution
from hmmfilter.transitions import Dense, Structured, Transitions


@dataclass(frozen=True, eq=False, init=False, repr=False)
class HMM(Posteriors, Paths, Tables, Residuals, Streams, Simulation):
    """A hidden Markov model: where the chain starts, how it moves, and what each state shows.

    Conventions are those of `hmmfilter.model`. Models are equal where all their numbers and names are, and can be keys
    of dictionaries; an emission of your own is compared, and hashed, as it says itself.

    Parameters
    ----------
    initial : array_like, (K,), or "stationary"
        p(h_1 = k), or the word for the chain's stationary distribution. Of `hmmfilter.transitions.Durations` perhaps
        (K, D), of states and ages.
    transition : array_like, (K, K), a `scipy.sparse` array of probabilities, or one of `hmmfilter.transitions`
        p(h_{t+1} = j | h_t = i) at [i, j]. Rows sum to 1 within 1e-8 and are used as given, as is `initial`. Those of
        float32 or float16 may miss 1 by K ε of their kind, and are divided by their sums. Any kind of number will do,
        also fractions and decimals. One of `scipy.sparse` becomes `hmmfilter.transitions.Sparse`.
    emission : Emission
        One of `hmmfilter.emissions`, or any object with ``n_states``, ``log_likelihoods`` and ``sample``.
    state_names : list of str, optional
        K different names; without them, the states' numbers.
    final : array_like, (K,), optional
        p(end | h_t = k): each sequence ends after a step in state k with this probability, and else goes on as
        `transition` says, whose rows sum to 1, or to 1 − p(end | k), and are then divided by that. The model is then
        one of sequences of all lengths from 1 up. Without it, lengths are given, and tell nothing.
    normalize : bool
        Whether to divide `initial` and each row of `transition` by their sums, whatever these are.

    Attributes
    ----------
    initial, transition, emission, state_names, final
        As given; ``initial`` always in numbers, ``state_names`` always K strings.
    chain
        How the chain moves: one of `hmmfilter.transitions`, of an array `hmmfilter.transitions.Dense`.
    log_initial : ndarray, (K,)
        Natural logs of ``initial``.
    log_transition : ndarray, (K, K)
        Natural logs of ``transition``, where it is one matrix.
    log_final : ndarray, (K,), or None
        Natural logs of ``final``.
    n_states : int
        K.

    Raises
    ------
    ValueError, TypeError
        Where an argument is not as above; the message says which, what is required, and what came.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section II.B.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> fair, loaded = [1 / 6] * 6, [0.1] * 5 + [0.5]
    >>> casino = hf.HMM(
    ...     initial=[0.5, 0.5],
    ...     transition=[[0.95, 0.05], [0.10, 0.90]],
    ...     emission=hf.emissions.Categorical([fair, loaded]),
    ...     state_names=["fair", "loaded"],
    ... )
    >>> casino
    HMM: 2 states, Categorical emission
       state  initial  to fair  to loaded    p(0)    p(1)    p(2)    p(3)    p(4)    p(5)
        fair   0.5000   0.9500     0.0500  0.1667  0.1667  0.1667  0.1667  0.1667  0.1667
      loaded   0.5000   0.1000     0.9000  0.1000  0.1000  0.1000  0.1000  0.1000  0.5000
    >>> casino.smooth([0, 3, 5, 5, 5])
    Smoothed: 5 steps, 2 states, log-likelihood -7.3543; probabilities
      step    fair  loaded
         0  0.3056  0.6944
         1  0.2580  0.7420
         2  0.1465  0.8535
         3  0.1167  0.8833
         4  0.1324  0.8676
    """

    def __init__(
        self,
        initial: npt.ArrayLike,
        transition: npt.ArrayLike | Transitions | Structured,
        emission: Emission,
        state_names: Sequence[str] | None = None,
        *,
        final: npt.ArrayLike | None = None,
        normalize: bool = False,
    ) -> None:
        chain = chain_of(transition, final, normalize)
        n_states = chain.n_states
        if isinstance(initial, str):
            _checks.stationary_word(initial)
            initial = stationary_distribution(chain.matrix) if isinstance(chain, Dense) else settled(chain)
        start = start_of(initial, chain, final, normalize)
        _checks.emission(emission, n_states)
        self._freeze(
            initial=start,
            transition=chain.matrix if isinstance(chain, Dense) else chain,
            emission=emission,
            state_names=_checks.state_names(state_names, n_states),
            final=_checks.end_probabilities(final, n_states),
            chain=chain,
            log_initial=log_of(start),
        )

    def _with(self, initial: FloatArray, transition: Any, emission: Emission, final: FloatArray | None = None) -> HMM:
        """A model of other numbers, whose states have the same names; it ends as this one unless something is said."""
        final = self.final if final is None else final
        return HMM(initial, transition, emission, self.state_names, final=final)

    def reordered(self, order: npt.ArrayLike) -> HMM:
        """Number the states anew: the model says the same of all observations.

        Parameters
        ----------
        order : array_like of int, (K,)
            For each state of the new model, its number in this one: each number once.

        Returns
        -------
        HMM
            The model; states keep their names, if they have any but their numbers.

        Raises
        ------
        ValueError, TypeError
            Where the order is none of all states, or the emission is none of `hmmfilter.emissions`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.4, 0.6], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([5.0, 1.0]), ["busy", "calm"])
        >>> model.reordered([1, 0])
        HMM: 2 states, Poisson emission
          state  initial  to calm  to busy  rate
           calm   0.6000   0.8000   0.2000     1
           busy   0.4000   0.1000   0.9000     5
        """
        states = _checks.state_order(order, self.n_states)
        _checks.reorderable(self.emission)
        names = [self.state_names[k] for k in states] if self._has_names() else None
        emission: Any = self.emission
        return HMM(
            self.initial[states],
            self.chain._reordered(states),
            emission._reordered(states),
            names,
            final=None if self.final is None else self.final[states],
        )

    def _has_names(self) -> bool:
        """Whether the states are called anything but their numbers."""
        return self.state_names != tuple(map(str, range(self.n_states)))

    def __repr__(self) -> str:
        return outline(self._title(), self.state_names, self._chain_columns(), self._emission_columns())

    def _repr_html_(self) -> str:
        chain, emission = self._chain_columns(), self._emission_columns()
        if not isinstance(self.chain, Dense):  # whose numbers may be no probabilities
            chain, emission = chain[:1], chain[1:] + emission
        return html.of_states(self._title(), ("state", self.state_names, ""), chain, 1.0, emission)

    def _title(self) -> str:
        chain = "" if isinstance(self.chain, Dense) else f"{type(self.chain).__name__} transitions, "
        emission = getattr(self.emission, "_called", f"{type(self.emission).__name__} emission")
        return f"HMM: {self.n_states} states, {chain}{emission}"

    def _chain_columns(self) -> list[Column]:
        initial = self.initial if self.initial.ndim == 1 else self.initial.sum(axis=1)
        columns = [("initial", initial, ".4f"), *self.chain._columns(self.state_names)]
        return columns if self.final is None else [*columns, ("end", self.final, ".4f")]

    def _emission_columns(self) -> list[Column]:
        columns: list[Column] = getattr(self.emission, "_columns", list)()
        return columns

    @as_in(learning.fit)
    def fit(
        self,
        observations: Any,
        *,
        lengths: npt.ArrayLike | None = None,
        allowed: Any = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
        log_weights: Any = None,
        labels: Any = None,
        weights: Any = None,
        initial: str = "free",
        fixed: Any = (),
        tied: Any = None,
        prior: Any = None,
        restarts: int = 0,
        rng: np.random.Generator | int | None = None,
        max_iterations: int = 1000,
        tolerance: float = 1e-8,
        accelerate: bool = True,
        workers: int = 1,
        progress: bool = False,
        callback: Callable[[int, Any, float], Any] | None = None,
    ) -> Fitted:
        """Find the most probable model for observations, climbing from this one.

        `hmmfilter.fit` does the work.

        Parameters
        ----------
        observations, lengths, allowed, covariates, times, transition_index, log_weights, labels, weights
            As in `hmmfilter.fit`.
        initial, fixed, tied, prior, restarts, rng
            As in `hmmfilter.fit`.
        max_iterations, tolerance, accelerate, workers, progress, callback
            As in `hmmfilter.fit`.

        Returns
        -------
        Fitted
            ``model``, ``log_likelihood``, ``objective``, ``history``, ``converged``, ``aic``, ``bic``, and more.

        Raises
        ------
        DegenerateFitError, ImpossibleEvidenceError, ValueError, TypeError
            As in `hmmfilter.fit`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
        >>> fitted = start.fit([1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8])
        >>> fitted.model.emission.rate.round(4)
        array([0.8637, 8.7417])
        """
        return learning.fit(
            self,
            observations,
            lengths=lengths,
            allowed=allowed,
            covariates=covariates,
            times=times,
            transition_index=transition_index,
            log_weights=log_weights,
            labels=labels,
            weights=weights,
            initial=initial,
            fixed=fixed,
            tied=tied,
            prior=prior,
            restarts=restarts,
            rng=rng,
            max_iterations=max_iterations,
            tolerance=tolerance,
            accelerate=accelerate,
            workers=workers,
            progress=progress,
            callback=callback,
        )

    @as_in(Posteriors.filter)
    def plot(
        self,
        observations: Any = None,
        *,
        lengths: npt.ArrayLike | None = None,
        covariates: Any = None,
        times: Any = None,
        transition_index: Any = None,
    ) -> npt.NDArray[np.object_]:
        """Draw the chain as a map of its probabilities and, beside it, what each state shows, over the data if given.

        Over data, the curve of each state is multiplied by the share of the steps that it is expected to have, so that
        all together they should look like the data. Of more than 100 states, several share a place of the map, and 12
        have curves: those with the largest shares.

        Parameters
        ----------
        observations : array_like, (T,) or (T, D), or list of them, optional
            What the emission takes. A DataFrame brings the names of its columns.
        lengths, covariates, times, transition_index
            As in `HMM.filter`.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            The axes of the chain, and of each entry of the observations; ``[0].figure`` is the picture.

        Raises
        ------
        ImpossibleEvidenceError
            Where no path through the states can have produced the observations.
        ValueError, TypeError
            As in `HMM.filter`.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> chain, counts = model.plot([0, 2, 7, 4])
        >>> counts.get_xlabel(), counts.get_ylabel()
        ('observation', 'probability × share of the state')
        """
        shares, names_from = np.ones(self.n_states), observations
        if observations is not None:
            given = Given(lengths, None, covariates, times, transition_index)
            smoothed = self._ask(smoothing.smooth, observations, given, workers=1, progress=False)
            probabilities = smoothed.probabilities
            _checks.some_steps(len(probabilities))
            shares = probabilities.mean(axis=0)
            sequences, _ = self._sequences(observations, lengths)
            if sequences is not None:
                names_from, observations = sequences[0], _checks.one_after_the_other(sequences, self.emission)
        emission: Any = self.emission
        states = plotting.states_with_curves(shares) if hasattr(emission, "_reordered") else None
        if states is not None:
            emission, shares = emission._reordered(states), shares[states]
        shown = plotting.shown_by(emission, shares, observations, names_from)
        return plotting.draw_model(self.initial, self.transition, self.state_names, shown, self.final, states)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a JSON file, from which `from_json` reads every number back to the same bits.

        Parameters
        ----------
        path : str or path-like
            The file to write, in the schema of `hmmfilter.storage`. It keeps what it holds until all is written.

        Raises
        ------
        TypeError
            For an emission that is none of `hmmfilter.emissions`.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.json")
        ...     model.to_json(path)
        ...     print(path.read_text())
        ...     print(hf.HMM.from_json(path).emission)
        {
          "format": "hmmfilter model, version 2",
          "initial": [0.5, 0.5],
          "transition": [[0.9, 0.1], [0.2, 0.8]],
          "emission": {"type": "Poisson", "rate": [1.0, 5.0]},
          "state_names": ["0", "1"]
        }
        <BLANKLINE>
        Poisson(rate=array([1., 5.]))
        """
        storage.write(path, self.initial, self.transition, self.emission, self.state_names, self.final)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str], *, normalize: bool = False) -> HMM:
        """Read a model from a JSON file; see `to_json` for an example.

        Nothing in the file is executed.

        Parameters
        ----------
        path : str or path-like
            The file to read, in the schema of `hmmfilter.storage`.
        normalize : bool
            Whether to divide all distributions in the file by their sums, as numbers written by hand may need it.

        Returns
        -------
        HMM
            The model.

        Raises
        ------
        ValueError
            Where the file holds no valid model: the message gives the path and what is wrong.
        OSError
            Where the file cannot be read.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.HMM.from_json("data/earthquakes.json").emission
        Poisson(rate=array([13.146, 19.721, 29.714]))
        """
        with storage.blaming(path):
            return cls(**storage.read(path, normalize), normalize=normalize)
