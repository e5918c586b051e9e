"""What not to do: the recursions without protection, or with too little, to be watched. For teaching, not for use.

`forward_filter`, `smooth` and `viterbi` are the recursions as textbooks print them: products of probabilities, not
normalised, no logs. α, β and δ shrink by a constant factor a step until they fall below the smallest normal number of
their dtype, from where they lose digit after digit, and then below the smallest number of all, from where everything is
zero. Nothing repairs it: likelihoods are 0 then, and probabilities 0 / 0 = NaN. Each result says at which step it
happened. (Densities above 1 may grow past the largest number instead; that is not looked for, and ends in inf and NaN.)

`scaled_forward_filter` and `exp_dot_log_forward_filter` are the usual repairs. They survive where the bare recursion
dies, and that is their danger: what lies about 745 nats (a factor of 1e-323) below the best state, or less where the
likelihoods themselves are small, is lost without a word, and the answer stays finite and plausible when that state
would have come back. An epsilon turns this into inventing what is not there. Each result says at which step a state was
first lost.

The kernels stand beside those of the log version, with the same names and loops: `run_naive_forward` and `run_forward`.
Conventions are those of `hmmfilter.model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, Frozen, IntArray
from hmmfilter._tiers import kernels
from hmmfilter.results.printing import four_decimals

__all__ = [
    "ExpDotLogFiltered",
    "NaiveDecoded",
    "NaiveFiltered",
    "NaiveSmoothed",
    "ScaledFiltered",
    "exp_dot_log_forward_filter",
    "forward_filter",
    "scaled_forward_filter",
    "smooth",
    "viterbi",
]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _NaiveResult(Frozen):
    first_subnormal: int | None
    first_zero: int | None

    def __post_init__(self) -> None:
        self._freeze(**vars(self))

    def _story(self, table: npt.NDArray[Any], letter: str, what: str) -> str:
        n_steps, n_states = table.shape
        subnormal, zero = (
            "never" if step is None else f"from step {step} on" for step in (self.first_subnormal, self.first_zero)
        )
        return (
            f"{type(self).__name__}: {n_steps} steps, {n_states} states, {table.dtype}, {what}; "
            f"{letter} subnormal {subnormal}, zero {zero}"
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NaiveFiltered(_NaiveResult):
    """What `forward_filter` returns.

    Attributes
    ----------
    alpha : ndarray, (T, K)
        α_t(k) = p(h_t = k, v_1:t), a probability (or density), in the dtype asked for.
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:t): α_t over its sum; NaN where that is zero.
    likelihood : float
        p(v_1:T), the sum of the last α; 0 where it has died.
    first_subnormal : int or None
        The first step at which an α that is not zero in exact arithmetic lies below the smallest normal number of the
        dtype: from there on digits are lost.
    first_zero : int or None
        The step from which all α are zero, though not all are in exact arithmetic.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> naive.forward_filter([1.0], [[1.0]], [[1e-160]] * 3)
    NaiveFiltered: 3 steps, 1 states, float64, likelihood 0.0; α subnormal from step 1 on, zero from step 2 on
    """

    alpha: npt.NDArray[Any]
    probabilities: npt.NDArray[Any]
    likelihood: float

    def __repr__(self) -> str:
        return self._story(self.alpha, "α", f"likelihood {self.likelihood}")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NaiveSmoothed(NaiveFiltered):
    """What `smooth` returns: as `NaiveFiltered`, with β, and probabilities given all observations.

    Attributes
    ----------
    alpha : ndarray, (T, K)
        α_t(k) = p(h_t = k, v_1:t), a probability (or density), in the dtype asked for.
    beta : ndarray, (T, K)
        β_t(k) = p(v_t+1:T | h_t = k), a probability (or density), in the dtype asked for.
    probabilities : ndarray, (T, K)
        p(h_t = k | v_1:T): α_t β_t over its sum; NaN where that is zero.
    likelihood, first_subnormal, first_zero
        As in `NaiveFiltered`, of α. The product α β dies everywhere at once: where α lives at the beginning, β has died
        on its way from the end, so that a sequence that is too long has no row left.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> naive.smooth([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[1e-160, 1e-161]] * 3).probabilities
    array([[nan, nan],
           [nan, nan],
           [nan, nan]])
    """

    beta: npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NaiveDecoded(_NaiveResult):
    """What `viterbi` returns.

    Attributes
    ----------
    path : ndarray of int, (T,)
        The best path, as long as δ lives; without meaning where it has died.
    delta : ndarray, (T, K)
        δ_t(k) = max p(h_1:t, v_1:t) over paths to h_t = k, a probability (or density), in the dtype asked for.
    joint_probability : float
        p(path, v_1:T), the largest of the last δ; 0 where it has died.
    first_subnormal, first_zero : int or None
        As in `NaiveFiltered`, of δ.

    Examples
    --------
    >>> from hmmfilter import naive
    >>> naive.viterbi([1.0], [[1.0]], [[0.5]] * 3)
    NaiveDecoded: 3 steps, 1 states, float64, joint probability 0.125; δ subnormal never, zero never
    """

    path: IntArray
    delta: npt.NDArray[Any]
    joint_probability: float

    def __repr__(self) -> str:
        return self._story(self.delta, "δ", f"joint probability {self.joint_probability}")


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


def forward_filter(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
) -> NaiveFiltered:
    """Filter as textbooks print it, α_t(j) = p(v_t | h_t = j) Σ_i α_{t−1}(i) p(h_t = j | h_{t−1} = i). Don't use it.

    Parameters
    ----------
    initial : array_like, (K,)
        p(h_1 = k), probabilities.
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j], probabilities.
    likelihoods : array_like, (T, K)
        p(v_t | h_t = k), probabilities or densities: no logs.
    dtype : float64 or float32
        What to compute in; float32 dies sooner.

    Returns
    -------
    NaiveFiltered
        ``alpha``, ``probabilities``, ``likelihood``, ``first_subnormal``, ``first_zero``.

    Raises
    ------
    ValueError, TypeError
        For negative numbers, NaN, infinities, wrong shapes, empty tables, and any other dtype.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equations (19) to
    (21), and section V.A on why nobody should.

    Examples
    --------
    The casino of Durbin et al., on 500 rolls of one and the same face:

    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[0.95, 0.05], [0.10, 0.90]], [[1 / 6, 1 / 10]] * 500
    >>> hf.naive.forward_filter(*chain)
    NaiveFiltered: 500 steps, 2 states, float64, likelihood 0.0; α subnormal from step 384 on, zero from step 405 on
    """
    start, a, b, reachable = _prepare(initial, transition, likelihoods, dtype)
    alpha = np.empty_like(b)
    with np.errstate(all="ignore"):
        kernels.run_naive_forward(start, a, b, alpha)
        sums = alpha.sum(axis=1, keepdims=True)
        probabilities = alpha / sums
    return NaiveFiltered(
        alpha=alpha, probabilities=probabilities, likelihood=float(sums[-1, 0]), **_deaths(alpha, reachable)
    )


def smooth(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
) -> NaiveSmoothed:
    """Smooth as textbooks print it, p(h_t = i | v_1:T) = α_t(i) β_t(i) / Σ_k α_t(k) β_t(k). Don't use it.

    Parameters
    ----------
    initial : array_like, (K,)
        p(h_1 = k), probabilities.
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j], probabilities.
    likelihoods : array_like, (T, K)
        p(v_t | h_t = k), probabilities or densities: no logs.
    dtype : float64 or float32
        What to compute in; float32 dies sooner.

    Returns
    -------
    NaiveSmoothed
        ``alpha``, ``beta``, ``probabilities``, ``likelihood``, ``first_subnormal``, ``first_zero``.

    Raises
    ------
    ValueError, TypeError
        For negative numbers, NaN, infinities, wrong shapes, empty tables, and any other dtype.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III, equations (24)-(27).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], [[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]
    >>> hf.naive.smooth(*chain).probabilities.round(4)
    array([[0.8619, 0.1381],
           [0.7992, 0.2008],
           [0.1907, 0.8093]])
    """
    start, a, b, reachable = _prepare(initial, transition, likelihoods, dtype)
    alpha, beta = np.empty_like(b), np.empty_like(b)
    with np.errstate(all="ignore"):
        kernels.run_naive_forward(start, a, b, alpha)
        kernels.run_naive_backward(a, b, beta)
        gamma = alpha * beta
        gamma /= gamma.sum(axis=1, keepdims=True)
        likelihood = float(alpha[-1].sum())
    return NaiveSmoothed(
        alpha=alpha, beta=beta, probabilities=gamma, likelihood=likelihood, **_deaths(alpha, reachable)
    )


def viterbi(
    initial: npt.ArrayLike,
    transition: npt.ArrayLike,
    likelihoods: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
) -> NaiveDecoded:
    """Decode as textbooks print it, δ_t(j) = p(v_t | h_t = j) max_i δ_{t−1}(i) p(h_t = j | h_{t−1} = i). Don't use it.

    Parameters
    ----------
    initial : array_like, (K,)
        p(h_1 = k), probabilities.
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j], probabilities.
    likelihoods : array_like, (T, K)
        p(v_t | h_t = k), probabilities or densities: no logs.
    dtype : float64 or float32
        What to compute in; float32 dies sooner.

    Returns
    -------
    NaiveDecoded
        ``path``, ``delta``, ``joint_probability``, ``first_subnormal``, ``first_zero``.

    Raises
    ------
    ValueError, TypeError
        For negative numbers, NaN, infinities, wrong shapes, empty tables, and any other dtype.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B, equations (32) to
    (35).

    Examples
    --------
    >>> import hmmfilter as hf
    >>> chain = [0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], [[0.9, 0.2], [0.9, 0.2], [0.1, 0.8]]
    >>> hf.naive.viterbi(*chain).path
    array([0, 0, 1])
    """
    start, a, b, reachable = _prepare(initial, transition, likelihoods, dtype)
    delta = np.empty_like(b)
    path = np.empty(len(delta), dtype=np.int64)
    with np.errstate(all="ignore"):
        kernels.run_naive_viterbi(start, a, b, delta, path)
    return NaiveDecoded(path=path, delta=delta, joint_probability=float(delta[-1].max()), **_deaths(delta, reachable))


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
    initial : array_like, (K,)
        p(h_1 = k), probabilities.
    transition : array_like, (K, K)
        p(h_{t+1} = j | h_t = i) at [i, j], probabilities.
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
        For negative numbers, NaN, infinities, wrong shapes, empty tables, and any other dtype.

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
    start, a, b, reachable = _prepare(initial, transition, likelihoods, dtype)
    posterior, scales = np.empty_like(b), np.empty_like(b[:, 0])
    with np.errstate(all="ignore"):
        kernels.run_scaled_forward(start, a, b, b.dtype.type(added), posterior, scales)
        log_likelihood = float(np.log(scales).sum())
    return ScaledFiltered(
        probabilities=posterior,
        scales=scales,
        log_likelihood=log_likelihood,
        first_lost=_first(reachable & ~(posterior > 0)),
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
        first_lost=_first(reachable & ~(log_alpha > -np.inf)),
    )


def _prepare(
    initial: npt.ArrayLike, transition: npt.ArrayLike, likelihoods: npt.ArrayLike, dtype: npt.DTypeLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], BoolArray]:
    """The tables in the dtype asked for, and where α and δ are above zero in exact arithmetic."""
    kind = _checks.naive_dtype(dtype)
    start, a, b = _checks.linear_chain(initial, transition, likelihoods)
    reachable = np.empty(b.shape, dtype=bool)
    kernels.run_reachable(start > 0, a > 0, b > 0, reachable)
    with np.errstate(over="ignore"):
        return start.astype(kind), a.astype(kind), b.astype(kind), reachable


def _deaths(table: npt.NDArray[Any], reachable: BoolArray) -> dict[str, int | None]:
    """The steps at which a table of α or δ first falls below the normal numbers, and from which it is all zero."""
    return {
        "first_subnormal": _first(reachable & (table < np.finfo(table.dtype).tiny)),
        "first_zero": _first(reachable.any(axis=1, keepdims=True) & (table == 0).all(axis=1, keepdims=True)),
    }


def _first(happens: BoolArray) -> int | None:
    """The first step at which something happens to any state."""
    steps = happens.any(axis=1)
    return int(steps.argmax()) if steps.any() else None
