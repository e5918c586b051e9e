"""How well models do that were fitted: with different numbers of states, and to data that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter.results import frames
from hmmfilter.results.base import Previewed
from hmmfilter.results.fitted import Fitted
from hmmfilter.results.printing import Preview, counted, four_decimals, preview, shown_steps

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Selected(Previewed):
    """Fits with different numbers of states, and which of them is the best; returned by `select`.

    Attributes
    ----------
    fits : dict of int to Fitted
        Every fit that came to an end, by its number of states.
    collapsed : dict of int to DegenerateFitError
        What the others came to, all of whose starts collapsed.
    criterion : {"bic", "aic"}
        What is smallest for the best.
    best : Fitted
        The fit for which it is.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> hf.select("poisson", [1, 2, 3], counts, restarts=2)
    Selected: 2 states by BIC, 14 observed steps
      states  log-likelihood  parameters       AIC       BIC  iterations          outcome
           1        -49.2120           1  100.4240  101.0630           2        converged
           2        -28.9232           5   67.8464   71.0416           6  converged, best
           3        -26.6820          11   75.3640   82.3937          25        converged
    """

    fits: Mapping[int, Fitted]
    collapsed: Mapping[int, Exception] = field(default_factory=dict)
    criterion: str

    @property
    def best(self) -> Fitted:
        """The fit whose criterion is smallest."""
        return self.fits[self._best_number()]

    def _best_number(self) -> int:
        return min(self.fits, key=lambda n: getattr(self.fits[n], self.criterion))

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame of the table that is printed.

        Parameters
        ----------
        index : array_like or pandas.Index, optional
            The labels of the rows, instead of the numbers of states.

        Returns
        -------
        pandas.DataFrame
            A row for each number of states, in order, with the columns log_likelihood, n_parameters, aic, bic,
            n_iterations, converged; missing where all starts collapsed.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where there are not as many labels as fits.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
        >>> hf.select("poisson", [1, 2], counts, restarts=2).to_frame()["bic"].round(4).tolist()
        [101.063, 71.0416]
        """
        numbers = sorted([*self.fits, *self.collapsed])
        columns = {
            name: [getattr(self.fits.get(n), name, None) for n in numbers]
            for name in ("log_likelihood", "n_parameters", "aic", "bic", "n_iterations", "converged")
        }
        return frames.frame_of_columns(columns, frames.labels(numbers, "states") if index is None else index)

    def _preview(self) -> Preview:
        best = self._best_number()
        n_steps = _plain(self.best.n_observations)
        title = f"Selected: {counted(best, 'state')} by {self.criterion.upper()}, {n_steps} observed steps"
        header = ["states", "log-likelihood", "parameters", "AIC", "BIC", "iterations", "outcome"]
        rows = [self._row(n, best) for n in sorted([*self.fits, *self.collapsed])]
        return Preview(title, [header, *rows])

    def _row(self, n: int, best: int) -> list[str]:
        if n in self.collapsed:
            return [str(n), *["-"] * 5, "collapsed"]
        fit = self.fits[n]
        n_lost = sum(restart.outcome == "collapsed" for restart in fit.restarts)
        outcome = ["converged" if fit.converged else "stopped"]
        outcome += [f"{counted(n_lost, 'start')} collapsed"] * (n_lost > 0) + ["best"] * (n == best)
        return [
            str(n),
            four_decimals(fit.log_likelihood),
            str(fit.n_parameters),
            four_decimals(fit.aic),
            four_decimals(fit.bic),
            str(fit.n_iterations),
            ", ".join(outcome),
        ]


def _plain(number: float) -> str:
    """A count, which has a fraction only where sequences count by fractions."""
    return f"{number:.10g}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CrossValidated(Previewed):
    """How probable sequences are by models that were fitted to the others; returned by `cross_validate`.

    Attributes
    ----------
    log_likelihoods : ndarray, (folds,)
        log p(the sequences of a fold) by the model of all others, for each of their observed steps, natural log.
    mean, spread : float
        The mean of these, and their standard deviation, with one degree of freedom less.
    n_observations : ndarray, (folds,)
        How many steps were observed in each fold, each as often as its sequence counts.
    folds : tuple of tuple
        The sequences of each fold, by key or number.
    fits : tuple of Fitted
        The fit to all others, for each fold.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> hf.cross_validate(start, [[1, 0, 2, 9], [7, 11, 8, 0], [1, 1, 0, 2, 10, 8]], folds=3)
    CrossValidated: 3 sequences in 3 folds; log-likelihood a step -3.3923 ± 2.2651
      fold  sequences  steps  log-likelihood a step
         0          1      4                -2.1023
         1          1      4                -6.0077
         2          1      6                -2.0668
    """

    log_likelihoods: FloatArray
    n_observations: FloatArray
    folds: tuple[tuple[Any, ...], ...]
    fits: tuple[Fitted, ...]

    @property
    def mean(self) -> float:
        """The mean of the folds."""
        return float(self.log_likelihoods.mean())

    @property
    def spread(self) -> float:
        """The standard deviation of the folds; NaN where one of them is impossible."""
        if not np.isfinite(self.log_likelihoods).all():
            return float("nan")
        return float(self.log_likelihoods.std(ddof=1))

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """Make a pandas frame with a row for each fold.

        Parameters
        ----------
        index : array_like or pandas.Index, optional
            The labels of the rows, instead of the numbers of the folds.

        Returns
        -------
        pandas.DataFrame
            The columns n_sequences, n_observations and log_likelihood, that of a step.

        Raises
        ------
        ImportError
            Without pandas, which ``pip install 'hmmfilter[pandas]'`` brings.
        ValueError
            Where the labels are not as many as the folds.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
        >>> validated = hf.cross_validate(start, [[1, 0, 2, 9], [7, 11, 8, 0], [1, 1, 0, 2, 10, 8]], folds=3)
        >>> validated.to_frame()["n_observations"].tolist()
        [4.0, 4.0, 6.0]
        """
        columns = {
            "n_sequences": list(map(len, self.folds)),
            "n_observations": self.n_observations,
            "log_likelihood": self.log_likelihoods,
        }
        return frames.frame_of_columns(
            columns, frames.labels(range(len(self.folds)), "fold") if index is None else index
        )

    def _preview(self) -> Preview:
        n_folds, n_sequences = len(self.folds), sum(map(len, self.folds))
        mean, spread = four_decimals(self.mean), four_decimals(self.spread)
        return preview(
            f"CrossValidated: {n_sequences} sequences in {n_folds} folds; log-likelihood a step {mean} ± {spread}",
            ["fold", "sequences", "steps", "log-likelihood a step"],
            n_folds,
            (
                [str(len(self.folds[n])), _plain(self.n_observations[n]), four_decimals(self.log_likelihoods[n])]
                for n in shown_steps(n_folds)
            ),
        )
