"""Results of statsmodels: Markov switching regressions and autoregressions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Autoregressive, Gaussian, Regression
from hmmfilter.exchange.parts import numbers
from hmmfilter.model import HMM
from hmmfilter.transitions import Logistic

WRONG = (
    "statsmodels computes its likelihood with the variance of an earlier regime, so that the parameters mean nothing "
    "else; learn a hmmfilter.emissions.Autoregressive"
)
GIVE = "give what fit, smooth or filter of a MarkovRegression or a MarkovAutoregression returns"


def from_statsmodels(result: Any, state_names: Sequence[str] | None = None) -> HMM:
    """Make a model of a result of statsmodels' ``MarkovRegression`` or ``MarkovAutoregression``.

    Nothing is learnt or rounded, and statsmodels itself is not imported. There, ``regime_transition[i, j]`` leads from
    j to i: it is transposed here. Initial probabilities of regimes are there those of a time before the first
    observation, and moved on here.

    - A regression on nothing but a constant has a `hmmfilter.emissions.Gaussian` emission, any other one a
      `hmmfilter.emissions.Regression`. Its covariates are the columns of ``result.model.exog``, which begin with the
      trend, but for the constant: ``hmmfilter.HMM.smooth(y, covariates=exog[:, 1:])``.
    - An autoregression of order p has a `hmmfilter.emissions.Autoregressive` emission; the first p numbers, which are
      given, are among its observations. Where there are covariates, it needs them at each step and, after them, those
      of each of the p steps before: p + 1 times the columns of ``result.model.orig_exog`` but for the constant.
    - Where the mean of an autoregression switches, what is observed depends on the last p + 1 regimes. The model is
      then one of all runs of so many, in the order of ``numpy.ndindex(K, ..., K)`` of the regime now, the one before,
      and so on; a name has the oldest first. What is known of the regime now is
      ``probabilities.reshape(len(y), K, -1).sum(axis=2)``.
    - Transition probabilities that vary are `hmmfilter.transitions.Logistic`. Their covariates come after those of the
      emission: the columns of ``result.model.exog_tvtp`` but for those that are constant, each of which belongs to the
      step that it leads to there, and is needed one step before here.

    There is no way back: a result of statsmodels is one of its own data.

    Parameters
    ----------
    result : object
        What a fit returned, or ``smooth`` or ``filter`` of parameters.
    state_names : list of str, optional
        K different names of regimes; statsmodels has none.

    Returns
    -------
    HMM
        The model.

    Raises
    ------
    TypeError
        Where it is no such result.
    ValueError
        Where the transitions of an autoregression vary while its mean switches; or where a variance switches in one of
        order 2 or more whose likelihood statsmodels computes with the variance of an earlier regime.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> from statsmodels.tsa.api import MarkovRegression
    >>> y = np.array([0.1, -0.3, 0.2, 3.1, 2.8, 3.3, 3.0])
    >>> result = MarkovRegression(y, k_regimes=2).smooth([0.9, 0.2, 0.0, 3.0, 0.5])
    >>> model = hf.from_statsmodels(result, ["low", "high"])
    >>> model
    HMM: 2 states, Gaussian emission
      state  initial  to low  to high    mean ± sd
        low   0.6667  0.9000   0.1000  0 ± 0.70711
       high   0.3333  0.2000   0.8000  3 ± 0.70711
    >>> bool(np.allclose(model.smooth(y).probabilities, result.smoothed_marginal_probabilities))
    True
    """
    _checks.has_parts("result", result, ("model", "params", "initial_probabilities"), GIVE)
    _checks.has_parts("result.model", result.model, ("k_regimes", "parameters", "trend"), GIVE)
    told = _Told(result)
    if not told.order:
        return HMM(told.initial(), told.chain(told.slopes.shape[1]), _regression(told), state_names)
    if told.order > 1 and told.switches("variance"):
        _checks.cannot_be_said(
            "hmmfilter", f"a variance that switches in an autoregression of order {told.order}", WRONG
        )
    if told.switches("exog"):
        return _of_runs(told, state_names)
    emission = _autoregression(told, [(k,) * (told.order + 1) for k in range(told.n_regimes)])
    return HMM(told.initial(), told.chain((told.order + 1) * told.slopes.shape[1]), emission, state_names)


class _Told:
    """What a result says of its regimes.

    Attributes
    ----------
    constants : ndarray, (K,)
        What is added in each regime.
    slopes : ndarray, (K, C)
        Coefficients of all else in ``exog``.
    """

    def __init__(self, result: Any) -> None:
        self.model, self.params = result.model, numbers(result.params)
        # One of each column is what the others leave of 1, and may round to below 0.
        self.moves = np.maximum(self.model.regime_transition_matrix(self.params), 0.0)  # [to, from, time]
        self.before = numbers(result.initial_probabilities)
        self.n_regimes: int = self.model.k_regimes
        self.order: int = self.model.order if "autoregressive" in self.model.parameters.switching else 0
        slopes, has_constant = self.of_regimes("exog"), self.model.trend in ("c", "ct")
        self.constants = slopes[:, 0] if has_constant else np.zeros(self.n_regimes)
        self.slopes = slopes[:, 1:] if has_constant else slopes
        self.variances = self.of_regimes("variance")[:, 0]

    def of_regimes(self, name: str) -> FloatArray:
        """The parameters of each regime, also where they are those of all."""
        return np.stack([self.params[self.model.parameters[k, name]] for k in range(self.n_regimes)])

    def switches(self, name: str) -> bool:
        """Whether regimes have different ones."""
        return bool(np.any(self.model.parameters.switching[name]))

    def initial(self) -> FloatArray:
        """Of the first observation: statsmodels' is of one move before it, and of a regression of two."""
        first = self.moves[:, :, 0]
        moved: FloatArray = first @ self.before if self.order else first @ (first @ self.before)
        return moved

    @cached_property
    def beside(self) -> Any:
        """What transitions depend on, (T, C)."""
        return numbers(self.model.exog_tvtp) if self.model.tvtp else np.zeros((1, 0))

    @cached_property
    def varying(self) -> Any:
        """Which columns of that are not constant."""
        return np.ptp(self.beside, axis=0) > 0

    def chain(self, n_covariates: int) -> Any:
        """How regimes move: log-odds against the last one, turned into those against staying."""
        if not self.varying.any():
            return self.moves[:, :, 0].T
        varying, n = self.varying, self.n_regimes
        given = self.of_regimes("regime_transition").reshape(n, n - 1, -1)
        logits = np.concatenate([given, np.zeros_like(given[:, :1])], axis=1)
        logits -= logits[np.arange(n), np.arange(n)][:, np.newaxis]
        intercepts = logits[:, :, ~varying] @ self.beside[0, ~varying]
        columns = range(n_covariates, n_covariates + int(varying.sum()))
        return Logistic(np.concatenate([intercepts[..., np.newaxis], logits[:, :, varying]], axis=2), list(columns))


def _regression(told: _Told) -> Any:
    if told.slopes.shape[1] == 0:
        return Gaussian(told.constants, told.variances)
    coefficients = np.column_stack([told.constants, told.slopes])
    return Regression(coefficients, told.variances, covariates=_covariates(told, told.slopes.shape[1]))


def _autoregression(told: _Told, runs: list[tuple[int, ...]]) -> Autoregressive:
    """What is shown in the first regime of each run, after those before it, the latest first.

    A number is μ of its regime and Σ_j φ_j (v_{t−j} − μ of the regime then), where μ follows covariates.
    """
    table = np.array(runs)
    now = table[:, 0]
    phi = told.of_regimes("autoregressive")[now]
    signs = np.column_stack([np.ones(len(runs)), -phi])  # of the mean now, and of those before
    constants = (signs * told.constants[table]).sum(axis=1)
    slopes = (signs[..., np.newaxis] * told.slopes[table]).reshape(len(runs), -1)
    covariates = _covariates(told, slopes.shape[1])
    return Autoregressive(
        np.column_stack([constants, phi, slopes]), told.variances[now], told.order, covariates=covariates
    )


def _covariates(told: _Told, n_covariates: int) -> list[int] | None:
    """The columns that an emission takes, where those of transitions stand after them."""
    return list(range(n_covariates)) if told.varying.any() and n_covariates else None


def _of_runs(told: _Told, state_names: Sequence[str] | None) -> HMM:
    """A model whose states are all runs of as many regimes as a number depends on, the one now first."""
    if told.varying.any():
        _checks.cannot_be_said(
            "hmmfilter",
            "an autoregression whose mean switches and whose transitions vary",
            "let its mean be the same in all regimes, switching_trend=False",
        )
    n, shape = told.n_regimes, (told.n_regimes,) * (told.order + 1)
    runs = list(np.ndindex(shape))
    moves = told.chain(0)
    matrix, initial = np.zeros((len(runs), len(runs))), np.zeros(len(runs))
    for number, run in enumerate(runs):
        matrix[number, [runs.index((k, *run[:-1])) for k in range(n)]] = moves[run[0]]
    # What was before the first number is told by nothing, and tells nothing: by the first one that counts, it is over.
    initial[[runs.index((k,) * len(shape)) for k in range(n)]] = told.initial()
    names = _checks.state_names(state_names, n)
    titles = [" ".join(names[k] for k in reversed(run)) for run in runs]
    return HMM(initial, matrix, _autoregression(told, runs), titles)
