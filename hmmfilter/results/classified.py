"""Which model sequences are of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.results import arrays, frames
from hmmfilter.results.base import OfSequences
from hmmfilter.results.outline import MOST_SHOWN
from hmmfilter.results.printing import DOTS, Preview, counted, four_decimals, preview, shown_steps, with_dots

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from typing_extensions import Self


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Classified(OfSequences):
    """How probable it is that sequences are of each of some models; returned by `classify`.

    Of one sequence, it reads as the probabilities of the models; of several, it counts and iterates by sequence, and
    ``classified[n]``, or with keys ``classified[key]``, is that of one.

    Attributes
    ----------
    log_probabilities : ndarray, (M,) or (N, M)
        log p(model | observations), natural logs; NaN where all models make the observations impossible.
    probabilities : ndarray, (M,) or (N, M)
        The same as probabilities.
    log_likelihoods : ndarray, (M,) or (N, M)
        log p(observations | model).
    model_names : tuple of str
        M of them, in the order of the columns.
    best : str or None, or list of these
        The name of the most probable model; of equally probable ones, the first; None where all are impossible.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> calm = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([1.0, 5.0]))
    >>> busy = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([4.0, 9.0]))
    >>> hf.classify({"calm": calm, "busy": busy}, [[0, 2, 7], [9, 8], [3, 3, 4]])
    Classified: 3 sequences, 2 models; probabilities
      sequence    calm    busy  best
             0  0.8606  0.1394  calm
             1  0.1141  0.8859  busy
             2  0.3320  0.6680  busy
    """

    log_probabilities: FloatArray
    log_likelihoods: FloatArray
    model_names: tuple[str, ...]

    @property
    def probabilities(self) -> FloatArray:
        """The probability of each model."""
        probabilities: FloatArray = np.exp(self.log_probabilities)
        return probabilities

    @property
    def best(self) -> Any:
        """The most probable model, by name; of several sequences, of each."""
        if self.log_probabilities.ndim == 2:
            return [self._best_of(row) for row in self.log_probabilities]
        return self._best_of(self.log_probabilities)

    def _best_of(self, row: FloatArray) -> str | None:
        return None if np.isnan(row[0]) else self.model_names[int(row.argmax())]

    @property
    def _n_sequences(self) -> int | None:
        return len(self.log_probabilities) if self.log_probabilities.ndim == 2 else None

    def _alone(self, n: int) -> Self:
        return replace(
            self,
            log_probabilities=self.log_probabilities[n],
            log_likelihoods=self.log_likelihoods[n],
            _labels=_checks.NO_LABELS,
        )

    def _n_rows(self) -> int:
        return len(self.model_names)

    def _table(self) -> FloatArray:
        return self.probabilities

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of the probabilities.

        Parameters
        ----------
        index : array_like or pandas.Index, optional
            The labels of the rows, instead of the keys or numbers of the sequences, or of 0 for one alone.

        Returns
        -------
        pandas.DataFrame
            A row for each sequence, and a column for each model.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where there are not as many labels as sequences.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> calm = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([1.0, 5.0]))
        >>> busy = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([4.0, 9.0]))
        >>> frame = hf.classify({"calm": calm, "busy": busy}, {"monday": [0, 2, 7], "tuesday": [9, 8]}).to_frame()
        >>> frame.round(4)  # doctest: +NORMALIZE_WHITESPACE
                    calm    busy
        sequence
        monday    0.8606  0.1394
        tuesday   0.1141  0.8859
        """
        if index is None and self._n_sequences is not None:
            names = self._labels.key_names
            index = frames.labels(list(self.keys()), names[0] if len(names) == 1 else names)
        return frames.frame(np.atleast_2d(self.probabilities), self.model_names, index)

    def to_xarray(self) -> xr.DataArray:
        """Make an array of xarray of the probabilities, with names for its axes and their labels.

        Returns
        -------
        xarray.DataArray
            Probabilities by ``model``, before that by the sequence's key, or its number, of several.

        Raises
        ------
        ImportError
            Without xarray, which ``pip install xarray`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> calm = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([1.0, 5.0]))
        >>> busy = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([4.0, 9.0]))
        >>> classified = hf.classify({"calm": calm, "busy": busy}, {"monday": [0, 2, 7], "tuesday": [9, 8]})
        >>> round(classified.to_xarray().sel(sequence="tuesday", model="busy").item(), 4)
        0.8859
        """
        labels = {**self._by_key(), "model": list(self.model_names)}
        return arrays.data_array("probability", list(labels), self.probabilities, labels)

    def _preview(self) -> Preview:
        n_models = counted(len(self.model_names), "model")
        if self._n_sequences is None:
            title = f"Classified: 1 sequence, {n_models}; {self.best or 'impossible under all'}"
            header = ["model", "log-likelihood", "probability"]
            columns = zip(self.model_names, self.log_likelihoods, self.probabilities, strict=True)
            return Preview(title, [header, *([name, four_decimals(x), four_decimals(p)] for name, x, p in columns)])
        shown = shown_steps(len(self.model_names), MOST_SHOWN)

        def cut(cells: list[str]) -> list[str]:
            return with_dots([cells[m] for m in shown], len(cells), DOTS)

        probabilities, best = self.probabilities, self.best
        return preview(
            f"Classified: {counted(len(probabilities), 'sequence')}, {n_models}; probabilities",
            ["sequence", *cut(list(self.model_names)), "best"],
            len(probabilities),
            (
                [*cut(list(map(four_decimals, probabilities[n]))), best[n] or "impossible"]
                for n in shown_steps(len(probabilities))
            ),
            label=self._key_label,
        )
