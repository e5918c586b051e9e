"""Continuous time: rates of moves, whatever time passes between observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter.emissions.learning import HELD
from hmmfilter.results.outline import Column
from hmmfilter.transitions.exponentials import log_exponentials, slopes_of_exponentials
from hmmfilter.transitions.lasting import Lasting
from hmmfilter.transitions.protocol import Moved, Told, steps_that_lead_on, told_by
from hmmfilter.transitions.rate_estimates import Also, most_likely_rates


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Rates(Lasting):
    """Continuous time: rates of moves, for observations that do not come at regular intervals.

    At each question, ``times=`` says of each observation when it was made. Where a time t passes until the next one,
    p(h_{t+1} = j | h_t = i) is the entry [i, j] of exp(Q t), of which each, however small, has nearly all its digits,
    for any t. Two observations at the same time are of the same state.

    Parameters
    ----------
    generator : array_like, (K, K)
        Q: how often a move from i to j happens per unit of time while the chain is in i, at [i, j]. The diagonal is
        what makes rows sum to 0, and may be left 0 or NaN.
    unit : {"W", "D", "h", "m", "s", "ms", "us", "ns"}, optional
        What rates are per, where times are dates, in the words of `numpy.timedelta64`.

    Raises
    ------
    ValueError, TypeError
        Where a rate is below 0, or the unit none of these.

    References
    ----------
    Jackson, "Multi-state models for panel data: the msm package for R", Journal of Statistical Software 38 (2011).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> machine = hf.transitions.Rates([[0, 0.1], [2.0, 0]], unit="D")
    >>> machine
    Rates: 2 states, moves per D
      state  to 0  to 1
          0  -0.1   0.1
          1     2    -2
    >>> machine.matrix(0.5).round(4)
    array([[0.969 , 0.031 ],
           [0.6191, 0.3809]])

    In a model, each observation says when it was made:

    >>> model = hf.HMM("stationary", machine, hf.emissions.Poisson([1.0, 5.0]), ["runs", "fails"])
    >>> known = model.smooth([0, 6, 0], times=np.array(["2024-01-01T00", "2024-01-01T06", "2024-03-01T00"], "M8[h]"))
    >>> known.probabilities[:, 1].round(4)
    array([0.0239, 0.8538, 0.0009])
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset()
    GENERATORS: ClassVar[frozenset[str]] = frozenset({"generator"})  # whose rows sum to 0
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {"generator": (0.0, np.inf)}
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    generator: FloatArray
    unit: str | None = None

    def __init__(self, generator: npt.ArrayLike, unit: str | None = None) -> None:
        self._freeze(generator=_checks.generator_of(generator), unit=_checks.time_unit(unit))

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.generator)

    def matrix(self, gap: float) -> FloatArray:
        """Compute the probabilities of moves while some time passes.

        Parameters
        ----------
        gap : float
            How long, in the unit of the rates.

        Returns
        -------
        ndarray, (K, K)
            p(state j at the end | state i at the beginning) at [i, j].

        Raises
        ------
        ValueError, TypeError
            Where the gap is no finite number from 0 up.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> rare = hf.transitions.Rates([[0, 1e-9, 0], [0, 0, 1e-9], [0, 0, 0]])
        >>> rare.matrix(1.0)[0]
        array([9.99999999e-01, 9.99999999e-10, 5.00000000e-19])
        """
        probabilities: FloatArray = np.exp(self.log_matrix(gap))
        return probabilities

    def log_matrix(self, gap: float) -> FloatArray:
        """Compute natural logs of `matrix`, also of what is below all doubles.

        Parameters
        ----------
        gap : float
            How long, in the unit of the rates.

        Returns
        -------
        ndarray, (K, K)
            Logs; −inf only where there is no way from i to j.

        Raises
        ------
        ValueError, TypeError
            Where the gap is no finite number from 0 up.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.transitions.Rates([[0, 1.0], [0, 0]]).log_matrix(5000.0)
        array([[-5000.,     0.],
               [  -inf,     0.]])
        """
        gaps = _checks.gap_lengths(np.array([gap]), self._fastest)
        logs: FloatArray = log_exponentials(self._moves, gaps)[0]
        return logs

    @property
    def _moves(self) -> FloatArray:
        """The generator with 0 on its diagonal."""
        moves: FloatArray = np.where(np.eye(self.n_states, dtype=np.bool_), 0.0, self.generator)
        return moves

    @property
    def _fastest(self) -> float:
        return float(-self.generator.diagonal().min())

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset({"times"})

    def _given(self) -> dict[str, BoolArray]:
        return {"generator": np.eye(self.n_states, dtype=np.bool_)}

    def _admit(self, prior: Any) -> None:
        _checks.no_prior("the prior of the transition", prior, "rates have no conjugate one")

    def _told(self, beside: Beside) -> Told:
        steps = steps_that_lead_on(beside.starts)
        return told_by(_checks.gaps(beside.times, steps, self.unit), steps, int(beside.starts[-1]))

    def _log_matrices(self, of: FloatArray) -> FloatArray:
        return log_exponentials(self._moves, _checks.moderate_gaps(of, self._fastest))

    def _parameters(self) -> dict[str, FloatArray]:
        return {"generator": self.generator}

    def _with(self, parameters: dict[str, FloatArray]) -> Rates:
        moves = parameters["generator"].copy()
        np.fill_diagonal(moves, 0.0)
        return Rates(moves, self.unit)

    def _reordered(self, order: IntArray) -> Rates:
        return Rates(self.generator[np.ix_(order, order)], self.unit)

    def _maximised(self, moved: Moved, prior: Any, groups: dict[str, IntArray], also: Also | None = None) -> Rates:
        numbers = np.arange(self.generator.size).reshape(self.generator.shape)
        free = np.where(self._moves > 0, groups.get("generator", numbers), HELD)
        return self._with({"generator": most_likely_rates(self._moves, moved.of, moved.counts, free, also)})

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        along = slopes_of_exponentials(self._moves, moved.of, moved.slopes)
        return {"generator": along - along.diagonal()[:, np.newaxis]}

    def _natural(self) -> FloatArray:
        with np.errstate(divide="ignore"):
            logs: FloatArray = np.log(self._moves)
        return logs.ravel()

    def _of_natural(self, vector: FloatArray) -> Rates | None:
        with np.errstate(over="ignore"):
            moves = np.exp(vector).reshape(self.generator.shape)
            is_one = bool(np.isfinite(moves.sum(axis=1)).all())
        return self._with({"generator": moves}) if is_one else None

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        plotting.draw_rates(ax, initial, self.generator, names, self._per)

    @property
    def _per(self) -> str:
        return self.unit or "unit of time"

    def _title(self) -> str:
        return f"{super()._title()}, moves per {self._per}"

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        return [(f"to {name}", column, ".5g") for name, column in zip(names, self.generator.T, strict=True)]
