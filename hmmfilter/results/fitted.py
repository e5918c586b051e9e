"""What a fit comes to."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter import _checks, plotting
from hmmfilter._arrays import BoolArray, FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.results.outline import MOST_SHOWN, Column
from hmmfilter.results.parameters import (
    EMISSION,
    FINAL,
    TRANSITION,
    Cells,
    Parameters,
    cells_of,
    columns_of_ones_own,
    entries,
    name_of_chain,
    parameters_of,
    with_error,
)
from hmmfilter.results.printing import counted, four_decimals
from hmmfilter.results.uncertainties import (
    ConfidenceIntervals,
    ConfidenceLimits,
    OfParameters,
    ParameterCovariance,
    StandardErrors,
)

if TYPE_CHECKING:
    import numpy.typing as npt

LEVEL = 0.95  # of the intervals that a picture has
MOST_WITH_ROWS = 6  # states, of whose probabilities a picture has a row each


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Fitted(OfParameters):
    """The most probable model for observations, and how it was found; returned by `fit`.

    It prints as a table of all parameters, a row for each state, with standard errors in parentheses once they have
    been asked for.

    Attributes
    ----------
    model : HMM
        The model.
    log_likelihood : float
        log p(observations), natural log, of all sequences, each as often as it counts.
    log_prior : float
        The log-density of the parameters; 0 where there was no prior.
    objective : float
        Their sum, which was climbed.
    history : ndarray
        The objective at the start, and of the best model after each iteration.
    n_iterations : int
        How many expectation steps came after the first.
    converged : bool
        Whether no more than the tolerance is to be gained.
    reason : str
        Why the climb ended.
    gradient_norm : float
        The length of the gradient of the objective along free directions of the parameters, for each observed step.
    n_parameters : int
        How many free numbers the model has: zeros that were given are none, zeros that were reached are.
    n_observations : int or float
        How many steps were observed, each as often as its sequence counts.
    restarts : tuple
        What each start came to, as a table: its ``kind``; the objective after its first iterations, ``early``, and at
        the end, ``late``; its ``outcome``: "finished", "stopped" where others were higher or at the same top, or
        "collapsed".
    unvisited : tuple of int
        The states that are never entered, and keep their parameters.
    at_boundary : dict of ndarray of bool
        By parameter, which entries came to a bound, such as 0.
    state_names : tuple of str or None
        The names of the states.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
    >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
    >>> hf.fit(start, counts)
    Fitted: 2 states, Poisson emission, 14 observations, 5 parameters
      log-likelihood -28.9232, AIC 67.8464, BIC 71.0416
      converged after 7 iterations: no more than 1e-08 is to be gained
      state  initial    to 0    to 1     rate
          0   1.0000  0.7473  0.2527  0.86370
          1  0.0000*  0.1970  0.8030   8.7417
      * at a bound, and without a standard error
    """

    model: Any
    log_likelihood: float
    log_prior: float
    objective: float
    history: FloatArray
    n_iterations: int
    converged: bool
    reason: str
    gradient_norm: float
    n_parameters: int
    n_observations: float
    restarts: tuple[Any, ...]
    unvisited: tuple[int, ...]
    at_boundary: dict[str, BoolArray]
    _problem: Any = field(default=None)  # what was climbed, of which further questions are asked

    def __post_init__(self) -> None:
        super().__post_init__()
        self._freeze(_model=self.model)

    @property
    def aic(self) -> float:
        """Akaike's criterion: −2 log L + 2 p."""
        return -2.0 * self.log_likelihood + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """The Bayesian criterion: −2 log L + p log n, n observed steps."""
        return -2.0 * self.log_likelihood + self.n_parameters * math.log(self.n_observations)

    @cached_property
    def _uncertainty(self) -> Any:
        """The inverse of the observed information, computed on first use."""
        return self._problem.uncertainty(self.model, self.converged)

    def standard_errors(self) -> StandardErrors:
        """Compute how far off the parameters may be, from the curvature of the objective at its top.

        The observed information is minus the matrix of second derivatives of what was climbed: of the log-likelihood,
        or with a prior of the log-density of observations and parameters, so that errors are those of the posterior in
        Laplace's approximation. It is computed once, by four expectation steps for each free number.

        Returns
        -------
        StandardErrors
            ``initial`` (K,), ``transition`` (K, K), ``final`` (K,) or None, and ``emission``, a dict of arrays by the
            names of parameters; NaN where an entry is held, or came to a bound, or nothing was seen of it.

        Raises
        ------
        ValueError
            Where the objective does not fall on all sides of the model: it has not converged, or the data do not tell
            some parameters, which the message names; or where an emission of your own is learnt.

        References
        ----------
        Lystig, Hughes, "Exact computation of the observed information matrix for hidden Markov models", Journal of
        Computational and Graphical Statistics 11 (2002).

        Examples
        --------
        The mean of n counts is off by its root over that of n:

        >>> import hmmfilter as hf
        >>> start = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]))
        >>> fitted = start.fit([3, 1, 4, 1, 5, 9])
        >>> fitted.standard_errors().emission["rate"].round(4), (fitted.model.emission.rate / 6) ** 0.5
        (array([0.7993]), array([0.79930525]))
        """
        return StandardErrors(**self._split(self._uncertainty.standard_errors()))

    @as_in(standard_errors)
    def covariance(self) -> ParameterCovariance:
        """Compute how the parameters may be off together: the inverse of the observed information.

        Returns
        -------
        ParameterCovariance
            ``matrix`` (p, p), and the ``names`` of its rows and columns, such as ``transition[0, 1]``. Of entries that
            sum to 1, or are tied, one follows from the others and is left out; so are those without a standard error.

        Raises
        ------
        ValueError
            As in `Fitted.standard_errors`.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[0.5, 0.25, 0.25]]))
        >>> fitted = start.fit([0, 0, 1, 2, 1, 0, 0, 0])
        >>> fitted.covariance().names
        ('emission.probabilities[0, 0]', 'emission.probabilities[0, 1]')
        >>> fitted.covariance().matrix.round(4)
        array([[ 0.0293, -0.0195],
               [-0.0195,  0.0234]])
        """
        names, matrix = self._uncertainty.covariance()
        return ParameterCovariance(matrix=matrix, names=names, state_names=self.state_names)

    @as_in(standard_errors)
    def confidence_intervals(self, level: float = LEVEL) -> ConfidenceIntervals:
        """Compute intervals about the parameters, from standard errors on scales that keep them inside their bounds.

        The scales are logits for probabilities, logs for rates and variances, and the numbers themselves for means and
        covariances: intervals are symmetric there, and no probability leaves [0, 1].

        Parameters
        ----------
        level : float
            How often an interval is to hold what it is about, between 0 and 1.

        Returns
        -------
        ConfidenceIntervals
            ``lower`` and ``upper``, each with ``initial`` (K,), ``transition`` (K, K) and ``emission``, a dict; NaN
            where there is no standard error.

        Raises
        ------
        ValueError
            As in `Fitted.standard_errors`. Or where the level is not between 0 and 1.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([0.5]))
        >>> intervals = start.fit([1, 1, 1, 0, 1, 1, 1, 1]).confidence_intervals()
        >>> intervals.lower.emission["probability"].round(4), intervals.upper.emission["probability"].round(4)
        (array([0.4627]), array([0.9827]))
        """
        level = _checks.confidence_level(level)
        lower, upper = (ConfidenceLimits(**self._split(end)) for end in self._uncertainty.intervals(level))
        return ConfidenceIntervals(
            level=level, lower=lower, upper=upper, state_names=self.state_names, _model=self.model
        )

    def plot(self, level: float | None = None) -> npt.NDArray[np.object_]:
        """Draw how the fit climbed, where its probabilities lie, and what each state shows, over the data.

        Parameters
        ----------
        level : float, optional
            That of the intervals that are drawn. Without it, they have 0.95 if standard errors have been asked for, or
            the model has six states or less, and are left out if it has more, or the fit has no standard errors.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            The axes of the climb, which show what was still to be gained after each iteration; of the chain; and of
            each entry of the observations. ``[0].figure`` is the picture. A hollow dot has no interval.

        Raises
        ------
        ValueError
            Where a level is given, as in `confidence_intervals`.
        ImportError
            Without matplotlib, which ``pip install 'hmmfilter[plot]'`` brings.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> counts = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
        >>> start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
        >>> climb, chain, panel = hf.fit(start, counts).plot()
        >>> climb.get_ylabel(), chain.get_xlabel(), panel.get_xlabel()
        ('still to gain', 'probability, and its 95 % interval', 'observation')
        """
        return plotting.draw_fit(self._fit(level))

    def _fit(self, level: float | None = None) -> plotting.Fit:
        """What `plot` draws."""
        model, problem = self.model, self._problem
        is_small = model.n_states <= MOST_WITH_ROWS or not isinstance(model.transition, np.ndarray)
        lower, upper = self._limits(level, is_small)
        limits = {
            name: plotting.Limits(values, lower.get(name, np.full(values.shape, np.nan)), upper.get(name, values))
            for name, values in parameters_of(model).items()
        }
        shares, observations = problem.visits(model), problem.evidence.observations
        return plotting.Fit(
            history=self.history,
            initial=limits["initial"],
            moves=self._moves(limits),
            means=self._means(limits),
            names=self._names(0),
            shown=plotting.shown_by(model.emission, shares / shares.sum(), observations, observations),
            with_rows=is_small,
            level=LEVEL if level is None else level,
        )

    def _limits(self, level: float | None, is_small: bool) -> tuple[Parameters, Parameters]:
        """The ends of the intervals that are drawn; none where they take long, or are refused."""
        if level is not None:
            ends: tuple[Parameters, Parameters] = self._uncertainty.intervals(_checks.confidence_level(level))
            return ends
        try:
            return self._uncertainty.intervals(LEVEL) if is_small or self._has_errors else ({}, {})
        except ValueError:
            return {}, {}

    def _moves(self, limits: dict[str, plotting.Limits]) -> list[tuple[str, plotting.Limits]]:
        """The probabilities of moves, of each matrix, with what stands before them; of other chains there are none."""
        if TRANSITION not in limits:
            return []
        moves = limits[TRANSITION]
        if moves.estimates.ndim == 2:
            return [("", moves)]
        by_matrix = zip(self.model.chain._called(), *moves, strict=True)
        return [(f"{called}: ", plotting.Limits(*tables)) for called, *tables in by_matrix]

    def _means(self, limits: dict[str, plotting.Limits]) -> list[plotting.Limits]:
        """Of each entry of the observations, the means of the states, where one parameter of the emission is that."""
        if not hasattr(self._emission, "moments"):
            return []
        mean, _ = self._emission.moments()
        for name, parameter in limits.items():
            if name.startswith(EMISSION) and np.array_equal(parameter.estimates, mean):
                tables = (np.reshape(table, (len(mean), -1)).T for table in parameter)
                return list(map(plotting.Limits, *tables))
        return []

    def _split(self, values: Parameters) -> dict[str, Any]:
        """Values of all parameters as results have them."""
        own = {name.removeprefix(EMISSION): table for name, table in values.items() if name.startswith(EMISSION)}
        for table in values.values():
            table.setflags(write=False)
        return {
            "initial": values["initial"],
            "transition": values[name_of_chain(self.model.chain)],
            "final": values.get(FINAL),
            "emission": own,
            "state_names": self.state_names,
            "_model": self.model,
        }

    @property
    def _has_errors(self) -> bool:
        return "_uncertainty" in vars(self)

    def _errors(self, parameters: Parameters) -> Parameters:
        """Standard errors, if they have been asked for."""
        known = self._uncertainty.standard_errors() if self._has_errors else {}
        return {name: known.get(name, np.full(table.shape, np.nan)) for name, table in parameters.items()}

    def _cells(self) -> Cells:
        parameters = parameters_of(self.model)
        bounds = {name: np.asarray(self.at_boundary[name], dtype=np.float64) for name in parameters}
        return cells_of(with_error, self._emission, parameters, self._errors(parameters), bounds)

    def _columns(self) -> tuple[list[Column], list[Column]]:
        chain, shown = super()._columns()
        if not shown:  # of an emission that learns as a whole
            shown = getattr(self._emission, "_columns", partial(columns_of_ones_own, self._emission))()
        return chain, shown

    def _frame_columns(self) -> dict[str, dict[str, float]]:
        parameters = parameters_of(self.model)
        columns = {"estimate": entries(parameters, self._emission)}
        if self._has_errors:
            columns["standard error"] = entries(self._errors(parameters), self._emission)
        return columns

    def _lines(self) -> list[str]:
        n_observations, n_iterations = f"{self.n_observations:g} observations", counted(self.n_iterations, "iteration")
        scores = {"log-likelihood": self.log_likelihood, "AIC": self.aic, "BIC": self.bic}
        if self.log_prior != 0:
            scores |= {"log-prior": self.log_prior, "objective": self.objective}
        lines = [
            f"Fitted: {self._states_and_emission()}, {n_observations}, {counted(self.n_parameters, 'parameter')}",
            ", ".join(f"{name} {four_decimals(score)}" for name, score in scores.items()),
            f"{'' if self.converged else 'not '}converged after {n_iterations}: {self.reason}",
        ]
        if self.restarts:
            outcomes = Counter(start.outcome for start in self.restarts)
            came_to = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
            lines.append(f"the best of {counted(len(self.restarts), 'start')}: {came_to}")
        return lines

    def _notes(self) -> list[str]:
        notes = ["standard errors in parentheses"] if self._has_errors else []
        if any(entry.any() for entry in self.at_boundary.values()):
            notes.append("* at a bound, and without a standard error")
        names = self._names(0)
        never = [names[k] for k in self.unvisited]
        if len(never) > MOST_SHOWN:
            return [*notes, f"{len(never)} states are never entered, and keep their parameters"]
        return [*notes, *(f"state {name} is never entered, and keeps its parameters" for name in never)]
