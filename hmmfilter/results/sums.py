"""Sums over all paths: counts of moves, and derivatives."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter.results import arrays, frames, html
from hmmfilter.results.base import OfSequences, Previewed
from hmmfilter.results.printing import Preview, four_decimals, preview_of_states

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from typing_extensions import Self


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpectedTransitions(OfSequences):
    """How often each move was made, on average over all paths; returned by `expected_transitions`.

    It reads as its table of counts does. Where each sequence was counted alone, it counts and iterates by sequence, and
    ``transitions[n]``, or with keys ``transitions[key]``, is that of one. Where moves were counted by matrix,
    ``transitions[m]`` is the table of one.

    Attributes
    ----------
    counts : ndarray, (K, K) or (N, K, K) or (M, K, K)
        Σ_t p(h_t = i, h_{t+1} = j | v_1:T) at [i, j], an expected number; of each sequence, or of the moves by each
        matrix, where that was asked for.
    per_matrix : bool
        Whether it is of the moves by each matrix.
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
    per_matrix: bool = False

    @property
    def _n_sequences(self) -> int | None:
        return len(self.counts) if self.counts.ndim == 3 and not self.per_matrix else None

    def _alone(self, n: int) -> Self:
        return replace(
            self, counts=self.counts[n], log_likelihood=float(self.log_likelihood[n]), _labels=_checks.NO_LABELS
        )

    def _n_rows(self) -> int:
        return len(self.counts)

    def _table(self) -> FloatArray:
        return self.counts

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame with a row for each state from which a move leads.

        Parameters
        ----------
        index : array_like or pandas.Index, (K,) or (N K,), optional
            The labels of the rows, instead of the names of the states.

        Returns
        -------
        pandas.DataFrame
            A column for each state to which a move leads. Of each sequence alone, the first levels of the labels are
            the sequence's key, or its number; of each matrix alone, the first level is its number.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not as many as the rows.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.expected_transitions([0, 2, 7, 4]).to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
        to      calm    busy
        from
        calm  0.6816  0.9591
        busy  0.0241  1.3352
        """
        n_states = self.counts.shape[-1]
        names = self.state_names or range(n_states)
        if index is None:
            index = self._labelled_blocks(list(names), "from")
            if self.per_matrix:
                lengths = np.full(len(self.counts), n_states)
                inner = frames.labels(np.tile(np.array(names, dtype=object), len(lengths)), "from")
                index = frames.labels_by_sequence(range(len(lengths)), ["matrix"], lengths, inner)
        return frames.frame(self.counts.reshape(-1, n_states), names, index).rename_axis(columns="to")

    def to_xarray(self) -> xr.DataArray:
        """Make an array of xarray, with names for its axes and their labels.

        Returns
        -------
        xarray.DataArray
            Counts by the states ``from`` and ``to`` which moves lead, before that by the sequence's key, or its number,
            of each sequence alone, and by ``matrix`` of each matrix alone. The log-likelihood is an attribute.

        Raises
        ------
        ImportError
            Without xarray, which ``pip install xarray`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> counts = model.expected_transitions([0, 2, 7, 4]).to_xarray()
        >>> round(counts.sel({"from": "calm", "to": "busy"}).item(), 4)
        0.9591
        """
        before: dict[Hashable, Any] = self._by_key()
        if self.per_matrix:
            before = {"matrix": list(range(len(self.counts)))}
        names = list(self.state_names or range(self.counts.shape[-1]))
        labels: dict[Hashable, Any] = {**before, "from": names, "to": names}
        return arrays.data_array("count", list(labels), self.counts, labels, log_likelihood=self.log_likelihood)

    def _total(self) -> FloatArray:
        """The counts of all sequences together."""
        total: FloatArray = self.counts.reshape(-1, *self.counts.shape[-2:]).sum(axis=0)
        return total

    def _title(self) -> str:
        n_states, n_moves = self.counts.shape[-1], four_decimals(self._total().sum())
        by = f" by {len(self.counts)} matrices" if self.per_matrix else ""
        return f"ExpectedTransitions: {n_states} states, {n_moves} moves in all{by}"

    def _header(self) -> list[str]:
        return ["from", *(f"to {name}" for name in self._names(self.counts.shape[-1]))]

    def _preview(self) -> Preview:
        total = self._total()
        names = self._names(len(total))
        rows = [[name, *map(four_decimals, row)] for name, row in zip(names, total, strict=True)]
        return preview_of_states(self._title(), self._header(), rows)

    def _repr_html_(self) -> str:
        total = self._total()
        columns = [(head, column, ".4f") for head, column in zip(self._header()[1:], total.T, strict=True)]
        return html.of_states(self._title(), ("from", self._names(len(total)), ""), columns, total.max())


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Gradient(Previewed):
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
    _starts: IntArray  # of the sequences, and the end

    def _parts(self) -> dict[str, FloatArray]:
        parts = {"log_initial": self.log_initial, "log_transition": self.log_transition}
        return parts if self.log_likelihoods is None else {**parts, "log_likelihoods": self.log_likelihoods}

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of all parts, one above the other.

        Parameters
        ----------
        index : array_like or pandas.Index, (T,), optional
            The labels of the steps, instead of those that the observations had, or their numbers.

        Returns
        -------
        pandas.DataFrame
            A column for each state, under its name. Rows are labelled by the name of the part, and in it: those of
            ``log_initial`` by the number of the sequence, those of ``log_transition`` by the state from which they
            lead, with the number of the matrix before it where there are several, and those of ``log_likelihoods`` by
            the step, with the key of its sequence before it where there are keys.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not T.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
        >>> model.log_likelihood_gradient([0, 7]).to_frame().round(4)  # doctest: +NORMALIZE_WHITESPACE
                                calm    busy
        part            row
        log_initial     0     0.8729  0.1271
        log_transition  calm  0.0055  0.8674
                        busy  0.0000  0.1271
        log_likelihoods 0     0.8729  0.1271
                        1     0.0055  0.9945
        """
        n_states = self.log_initial.shape[-1]
        names = self.state_names or range(n_states)
        moves: Any = list(names)
        if self.log_transition.ndim == 3:
            moves = frames.single_labels([(m, name) for m in range(len(self.log_transition)) for name in names])
        steps = self._steps() if index is None else index
        rows = {"log_initial": None, "log_transition": moves, "log_likelihoods": steps}
        parts = {
            name: frames.frame(part.reshape(-1, n_states), names, rows[name]) for name, part in self._parts().items()
        }
        return frames.stacked(parts, ["part", "row"])

    def _steps(self) -> Any:
        """The labels of the steps, with the keys of sequences before them; None where they have neither."""
        keys, index = self._labels.keys, self._labels.index
        if keys is None:
            return index
        spans = list(zip(self._starts[:-1], self._starts[1:], strict=True))
        within = [range(end - begin) if index is None else index[begin:end] for begin, end in spans]
        parts: Any = keys if len(self._labels.key_names) > 1 else [(key,) for key in keys]
        return frames.single_labels([(*part, t) for part, steps in zip(parts, within, strict=True) for t in steps])

    def _preview(self) -> Preview:
        shapes = ", ".join(f"{name} {part.shape}" for name, part in self._parts().items())
        return Preview(f"Gradient of the log-likelihood {four_decimals(np.sum(self.log_likelihood))}: {shapes}", [])
