"""Moves that depend on covariates, by multinomial logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks, plotting
from hmmfilter._arrays import BoolArray, FloatArray, IntArray
from hmmfilter._beside import Beside
from hmmfilter._logits import log_probabilities, most_likely, slopes
from hmmfilter._newton import linear, with_ones
from hmmfilter.emissions.learning import HELD
from hmmfilter.results.outline import Column
from hmmfilter.transitions.protocol import Moved, Printed, Told, steps_that_lead_on, told_by

N_DRAWN, FLAT = 200, 4.0  # points of a curve, and log-odds up to which it is drawn


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Logistic(Printed):
    """Moves that depend on covariates, by a multinomial logit for each state.

    At each question, ``covariates=`` has a row x_t for each observation, and

        p(h_{t+1} = j | h_t = i, x_t) = exp(β_ij · (1, x_t)) / Σ_k exp(β_ik · (1, x_t)),

    where β_ii = 0: to stay is what all other moves are compared with, so that β_ij is by how much covariates raise the
    log-odds of a move to j against staying in i. Row t leads from step t to step t + 1; that of the last observation of
    a sequence is not asked for. Where covariates tell without an error which move comes, the most probable coefficients
    are infinite; a fit ends at finite ones from which nothing is left to gain.

    Parameters
    ----------
    coefficients : array_like, (K, K, C + 1)
        β_ij at [i, j], its intercept first; 0 where j = i.
    covariates : list of str or int, optional
        Which C columns of the covariates these are of, by name or number; without it, all columns in their order.

    Raises
    ------
    ValueError, TypeError
        Where coefficients are not finite, or not 0 for staying, or there are not as many columns.

    References
    ----------
    Zucchini, MacDonald, Langrock, "Hidden Markov Models for Time Series" (2016), section 10.3. McClintock, Michelot,
    "momentuHMM", Methods in Ecology and Evolution 9 (2018), for the same base outcome.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> coefficients = [[[0, 0], [-2.0, 0.5]], [[-1.0, -0.5], [0, 0]]]
    >>> elk = hf.transitions.Logistic(coefficients, covariates=["distance"])
    >>> elk
    Logistic: 2 states, log-odds against staying
        move  intercept  distance
      0 to 1         -2       0.5
      1 to 0         -1      -0.5
    >>> elk.matrix([4.0])
    array([[0.5       , 0.5       ],
           [0.04742587, 0.95257413]])

    In a model, each observation has its covariates:

    >>> import pandas as pd
    >>> model = hf.HMM([0.5, 0.5], elk, hf.emissions.Exponential([0.1, 1.0]), ["rests", "walks"])
    >>> track = pd.DataFrame({"step": [0.1, 0.2, 0.3], "distance": [8.0, 9.0, 7.0]})
    >>> model.smooth(track["step"], covariates=track[["distance"]]).probabilities[:, 1].round(4)
    array([0.1871, 0.8523, 0.9899])
    """

    DISTRIBUTIONS: ClassVar[frozenset[str]] = frozenset()
    BOUNDS: ClassVar[dict[str, tuple[float, float]]] = {}
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    coefficients: FloatArray
    covariates: tuple[str | int, ...] | None = None

    def __init__(self, coefficients: npt.ArrayLike, covariates: Sequence[str | int] | None = None) -> None:
        given = _checks.transition_coefficients(coefficients)
        columns = _checks.chosen_covariates(covariates, given.shape[2] - 1)
        self._freeze(coefficients=given, covariates=columns)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.coefficients)

    @property
    def n_covariates(self) -> int:
        """C, how many covariates there are."""
        return int(self.coefficients.shape[2]) - 1

    def matrix(self, covariates: npt.ArrayLike) -> FloatArray:
        """Compute the probabilities of moves where covariates are known.

        Parameters
        ----------
        covariates : array_like, (C,) or (M, C)
            Those of the coefficients, in their order; or many rows of them.

        Returns
        -------
        ndarray, (K, K) or (M, K, K)
            p(h_{t+1} = j | h_t = i) at [i, j].

        Raises
        ------
        ValueError, TypeError
            Where they are not as many finite numbers.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> turning = hf.transitions.Logistic([[[0, 0], [0, 1.0]], [[0, -1.0], [0, 0]]])
        >>> turning.matrix([[0.0], [800.0]]).tolist()
        [[[0.5, 0.5], [0.5, 0.5]], [[0.0, 1.0], [0.0, 1.0]]]
        """
        rows = _checks.covariate_rows(covariates, self.n_covariates)
        matrices: FloatArray = np.exp(self._log_matrices(np.atleast_2d(rows)))
        return matrices if rows.ndim == 2 else matrices[0]

    @property
    def _needs(self) -> frozenset[str]:
        return frozenset({"covariates"} if self.n_covariates else ())

    @property
    def _are_base(self) -> BoolArray:
        """The coefficients of staying, which are none."""
        are_base = np.eye(self.n_states, dtype=np.bool_)[:, :, np.newaxis]
        return np.broadcast_to(are_base, self.coefficients.shape)

    def _given(self) -> dict[str, BoolArray]:
        return {"coefficients": self._are_base}

    def _admit(self, prior: Any) -> None:
        _checks.no_prior("the prior of the transition", prior, "coefficients of a logit have no conjugate one")

    def _told(self, beside: Beside) -> Told:
        if self.n_covariates == 0:
            return Told(np.zeros((1, 0)), None)
        steps = steps_that_lead_on(beside.starts)
        columns = _checks.columns_of(beside.covariates, beside.names, self.covariates, self.n_covariates)
        _checks.known_covariates(columns, steps)
        return told_by(columns[steps], steps, len(columns))

    def _log_matrices(self, of: FloatArray) -> FloatArray:
        return log_probabilities(linear(with_ones(of), self.coefficients))

    def stationary(self) -> FloatArray:
        """Refuse: the chain moves otherwise from step to step, and settles nowhere.

        Raises
        ------
        ValueError
            Always.
        """
        _checks.one_stationary("Logistic")

    def _parameters(self) -> dict[str, FloatArray]:
        return {"coefficients": self.coefficients}

    def _with(self, parameters: dict[str, FloatArray]) -> Logistic:
        return Logistic(parameters["coefficients"], self.covariates)

    def _reordered(self, order: IntArray) -> Logistic:
        return Logistic(self.coefficients[np.ix_(order, order)], self.covariates)

    def _maximised(self, moved: Moved, prior: Any, groups: dict[str, IntArray]) -> Logistic:
        numbers = np.arange(self.coefficients.size).reshape(self.coefficients.shape)
        free = np.where(self._are_base, HELD, groups.get("coefficients", numbers))
        targets = np.moveaxis(moved.counts, 0, 1)
        found = most_likely(with_ones(moved.of), targets, self.coefficients, free)
        return self._with({"coefficients": found.coefficients})

    def _score(self, moved: Moved) -> dict[str, FloatArray]:
        along = slopes(with_ones(moved.of), np.moveaxis(moved.counts, 0, 1), self.coefficients)
        return {"coefficients": np.where(self._are_base, 0.0, along)}

    def _natural(self) -> FloatArray:
        return self.coefficients[~self._are_base]

    def _of_natural(self, vector: FloatArray) -> Logistic | None:
        if not np.isfinite(vector).all():
            return None
        coefficients = np.zeros(self.coefficients.shape)
        coefficients[~self._are_base] = vector
        return self._with({"coefficients": coefficients})

    def _called(self) -> tuple[str, ...]:
        """What the coefficients are called."""
        columns = range(self.n_covariates) if self.covariates is None else self.covariates
        return ("intercept", *(f"covariate {each}" if isinstance(each, int) else each for each in columns))

    def _draw(self, ax: Any, initial: FloatArray, names: tuple[str, ...], final: FloatArray | None) -> None:
        rows = np.zeros((N_DRAWN, self.n_covariates))
        along = self._range()
        rows[:, :1] = along[:, np.newaxis]
        others = " (all others 0)" if self.n_covariates > 1 else ""
        name = self._called()[1] + others if self.n_covariates else "no covariate"
        plotting.draw_curves(ax, along, np.exp(self._log_matrices(rows)), names, name)

    def _range(self) -> FloatArray:
        """Of the first covariate, where probabilities change."""
        of_first = self.coefficients[..., :2].reshape(-1, min(2, self.coefficients.shape[2]))
        turning = of_first[of_first[:, -1] != 0]
        if self.n_covariates == 0 or len(turning) == 0:
            return np.linspace(0.0, 1.0, N_DRAWN)
        ends = (np.array([-FLAT, FLAT]) - turning[:, :1]) / turning[:, 1:]
        return np.linspace(float(ends.min()), float(ends.max()), N_DRAWN)

    def _title(self) -> str:
        return f"{super()._title()}, log-odds against staying"

    def _columns(self, names: tuple[str, ...]) -> list[Column]:
        return [
            (f"to {name}: {called}", self.coefficients[:, j, c], ".5g")
            for j, name in enumerate(names)
            for c, called in enumerate(self._called())
        ]

    def _table(self) -> tuple[str, tuple[str, ...], list[Column]]:
        moves = [(i, j) for i in range(self.n_states) for j in range(self.n_states) if i != j]
        rows = self.coefficients[~np.eye(self.n_states, dtype=np.bool_)]
        columns = [(called, rows[:, c], ".5g") for c, called in enumerate(self._called())]
        return "move", tuple(f"{i} to {j}" for i, j in moves), columns
