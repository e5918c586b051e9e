"""The usual repairs: rows that are scaled, and logs whose sums are products with a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import Frozen
from hmmfilter._docstrings import as_in
from hmmfilter._tiers import kernels
from hmmfilter.naive.textbook import first_step, forward_filter, prepare
from hmmfilter.results.printing import four_decimals


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _RepairedResult(Frozen):
    probabilities: npt.NDArray[Any]
    log_likelihood: float
    first_lost: int | None

    def __post_init__(self) -> None:
        self._freeze(**vars(self))

    def __repr__(self) -> str:
        n_steps, n_states = self.probabilities.shape
        lost = (
            "no possible state lost" if self.first_lost is None else f"a possible state lost at step {self.first_lost}"
        )
        return (
            f"{type(self).__name__}: {n_steps} steps, {n_states} states, {self.probabilities.dtype}, "
            f"log-likelihood {four_decimals(self.log_likelihood)}; {lost}"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScaledFiltered(_RepairedResult):
    """What `scaled_forward_filter` returns.

    Attributes
    ----------
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:t), in the dtype asked for, or what became of it: a state that was lost has 0, and NaN stands
        where all were.
    scales : ndarray, (T,)
        c_t, the sum by which row t was divided: p(v_t | v_1:t−1), if all went well.
    log_likelihood : float
        Σ_t log c_t; −inf or NaN where all states were lost.
    first_lost : int or None
        The first step at which a state that is possible in exact arithmetic has no probability above zero.

    Examples
    --------
    Two states, of which the evidence rules none out, and one that is lost for good:

    >>> from hmmfilter import naive
    >>> likelihoods = [[1.0, 1e-200]] * 2 + [[1e-200, 1.0]] * 3
    >>> result = naive.scaled_forward_filter([0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]], likelihoods)
    >>> result
    ScaledFiltered: 5 steps, 2 states, float64, log-likelihood -1382.2442; a possible state lost at step 1

    The truth is −921.7 and [0, 1]:

    >>> result.probabilities[-1]
    array([1., 0.])
    """

    scales: npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpDotLogFiltered(_RepairedResult):
    """What `exp_dot_log_forward_filter` returns.

    Attributes
    ----------
    log_alpha : ndarray, (T, K)
        log α_t(k) = log p(h_t = k, v_1:t), or what became of it: −inf for a state that was lost, and NaN after a step
        at which all were.
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:t), from row t of log α.
    log_likelihood : float
        log p(v_1:T), from the last row; NaN where all states were lost.
    first_lost : int or None
        The first step at which a state that is possible in exact arithmetic has a log α of −inf or NaN.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> never = float("-inf")
    >>> naive.exp_dot_log_forward_filter([-0.7, -0.7], [[0.0, never], [never, 0.0]], [[0.0, -800.0], [-800.0, 0.0]])
    ExpDotLogFiltered: 2 steps, 2 states, float64, log-likelihood -800.7000; a possible state lost at step 1
    """

    log_alpha: npt.NDArray[Any]


@as_in(forward_filter)
def scaled_forward_filter(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    epsilon: float = 0.0,
    dtype: npt.DTypeLike = np.float64,
) -> ScaledFiltered:
    """Filter in linear space, each row divided by its sum c_t; the log-likelihood is Σ_t log c_t. Don't use it.

    That keeps the rows near 1, and the recursion alive. But within a row nothing is repaired: a state whose new entry
    falls below the smallest number, 4.9e-324 in float64, is zero, and stays so unless another state leads to it, though
    it may be all that is left some steps later. Where the likelihoods are small, too, that is sooner.

    With an epsilon, nothing is ever zero, and the answer is wrong sooner: a state that has fallen to 1e-100 goes on as
    1e-15, and so does one that is impossible.

    Parameters
    ----------
    initial, transition
        As in `naive.forward_filter`.
    likelihoods : array_like, (T, K)
        p(v_t | h_t = k), probabilities or densities: no logs. What underflows here is lost before the recursion starts.
    epsilon : float
        A number from 0 up, such as 1e-15, that is added to every entry of a row after the product with the likelihoods
        and before the division by the sum, which it is part of: ``row = row @ transition * b + epsilon; c = row.sum();
        row /= c``. Every state gets it, at every step, the first and the impossible ones included.
    dtype : float64 or float32
        What to compute in.

    Returns
    -------
    ScaledFiltered
        ``probabilities``, ``scales``, ``log_likelihood``, ``first_lost``.

    Raises
    ------
    ValueError, TypeError
        As in `naive.forward_filter`.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section V.A, equations (91) to
    (103), where c_t stands for what is 1 / c_t here.

    Examples
    --------
    Two coins that show heads with probabilities .9 and .1, 30 heads and then 30 tails: nobody can tell which it is.

    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1]] * 30 + [[0.1, 0.9]] * 30
    >>> hf.naive.scaled_forward_filter(*chain).probabilities[-1].round(4)
    array([0.5, 0.5])
    >>> hf.naive.scaled_forward_filter(*chain, epsilon=1e-15).probabilities[-1].round(4)
    array([0., 1.])
    """
    added = _checks.epsilon(epsilon)
    start, a, b, reachable = prepare(initial, transition, likelihoods, dtype)
    posterior, scales = np.empty_like(b), np.empty_like(b[:, 0])
    with np.errstate(all="ignore"):
        kernels.run_scaled_forward(start, a, b, b.dtype.type(added), posterior, scales)
        log_likelihood = float(np.log(scales).sum())
    return ScaledFiltered(
        probabilities=posterior,
        scales=scales,
        log_likelihood=log_likelihood,
        first_lost=first_step(reachable & ~(posterior > 0)),
    )


def exp_dot_log_forward_filter(
    log_initial: npt.ArrayLike, log_transition: npt.ArrayLike, log_likelihoods: npt.ArrayLike
) -> ExpDotLogFiltered:
    """Filter in logs by the shortcut log α' = log b + m + log( exp(log α − m) A ), m = max log α. Don't use it.

    This is the log-space recursion as it is often vectorised, so that the sum is a product with a matrix. One shift m
    serves all states j, where the log-sum-exp has one for each, max_i( log α(i) + log A(i, j) ). So what lies 745 nats
    below the best state, or comes to lie there by way of a rare transition, is exp(−745) = 0: lost, as by scaling.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k).
    log_transition : array_like, (K, K)
        log p(h_{t+1} = j | h_t = i) at [i, j].
    log_likelihoods : array_like, (T, K)
        log p(v_t | h_t = k).

    Returns
    -------
    ExpDotLogFiltered
        ``probabilities``, ``log_alpha``, ``log_likelihood``, ``first_lost``.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes and empty tables.

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> chain = np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]), np.log([[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]])
    >>> hf.naive.exp_dot_log_forward_filter(*chain).probabilities[-1].round(4)
    array([0.1907, 0.8093])
    """
    start, log_a = _checks.chain_parameters(log_initial, log_transition)
    log_b = _checks.log_potentials("log_likelihoods", log_likelihoods, ("T", len(start)))
    log_alpha, reachable = np.empty(log_b.shape), np.empty(log_b.shape, dtype=bool)
    kernels.run_reachable(start > -np.inf, log_a > -np.inf, log_b > -np.inf, reachable)
    with np.errstate(all="ignore"):
        kernels.run_exp_dot_log_forward(start, np.exp(log_a), log_b, log_alpha)
        m = log_alpha.max(axis=1, keepdims=True)
        weights = np.exp(log_alpha - m)
        sums = weights.sum(axis=1, keepdims=True)
        log_likelihood = float(m[-1, 0] + np.log(sums[-1, 0]))
    return ExpDotLogFiltered(
        probabilities=weights / sums,
        log_alpha=log_alpha,
        log_likelihood=log_likelihood,
        first_lost=first_step(reachable & ~(log_alpha > -np.inf)),
    )
